"""PyTorch's optimizer database put to the package. A script: `python tests/torch_databases/optimizers.py`.

Each optimizer of ``optim_db`` describes itself by arguments for its constructor. Each such sample makes an optimizer
of either package, over a weight and a bias with the same start, alone and with every hint that the database names
(``foreach``, ``fused``, ``capturable``); after each of several steps the parameters must agree, and at the end the
states. What PyTorch refuses must be refused here too. What we refuse though PyTorch takes it stands in ``REFUSED``
with its reason, what we take though PyTorch refuses it in ``TAKEN``. Everything else is a fault, and the script ends
with 1.

    python tests/torch_databases/optimizers.py            # all: some seconds
    python tests/torch_databases/optimizers.py --verbose  # each sample
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.torch_databases.beside import (
    ERRORS,
    NOT_INSTALLED,
    Converter,
    Differs,
    NotOurs,
    assert_same,
    import_torch,
    quietly,
)
from tinygrad_cnn import optim
from tinygrad_cnn.tensors import Tensor

STEPS = 6
# In float64 or not. PyTorch keeps step sizes in float32 throughout, as NAdam's and ASGD's; L-BFGS takes up to 20
# iterations a step, and each blows up the rounding of the last.
BOUNDS = {
    ("LBFGS", True): 1e-7, ("LBFGS", False): 2e-3, ("others", True): 1e-8, ("others", False): 1e-5,
}  # fmt: skip

# (optimizers, what our error says, the reason): optimizers and arguments that we refuse.
REFUSED: list[tuple[str, str, str]] = [
    ("SparseAdam", "sparse tensors", "sparse gradients are not here"),
    ("Muon", "bfloat16", "PyTorch orthogonalizes in bfloat16, which NumPy has not"),
]

# (optimizers, what PyTorch's error says, the reason): wrong arguments that we take.
TAKEN: list[tuple[str, str, str]] = [
    ("Adam|AdamW", "lr as a Tensor is not supported", "foreach is a hint, which forbids nothing"),
]


@dataclass
class Report:
    """What came of one optimizer."""

    name: str
    agree: int = 0  # samples, with and without hints
    numbers: int = 0  # parameters and entries of states that were compared
    errors: int = 0  # wrong samples that both refuse
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    taken: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)  # wrong samples of things we have none of
    faults: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.faults and self.agree > 0


def reason(table: list[tuple[str, str, str]], name: str, text: str) -> str | None:
    """The reason that a table gives for an optimizer and an error's text."""
    return next((why for names, says, why in table if re.fullmatch(names, name) and re.search(says, text)), None)


def ours(name: str) -> Any:
    """Our class of that name; raises AttributeError, which says why, where there is none."""
    return getattr(optim, name)


def starts(torch: Any, dtype: Any) -> list[Any]:
    """A weight and a bias, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(10, 5, generator=generator, dtype=dtype), torch.randn(10, generator=generator, dtype=dtype)]


def run(cls: Any, params: list[Any], x: Any, target: Any, kwargs: dict[str, Any]) -> Iterator[Any]:
    """An optimizer, then itself again after each of its steps on a small regression."""
    optimizer = cls(params, **kwargs)
    yield optimizer

    def closure() -> Any:
        optimizer.zero_grad()
        y = x @ params[0].T + params[1]
        loss = ((y - target) ** 2).mean()
        loss.backward()
        return loss

    for _ in range(STEPS):
        if cls.__name__ == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        yield optimizer


def try_sample(torch: Any, report: Report, cls: Any, kwargs: dict[str, Any], dtype: Any) -> None:
    """One valid sample, by both packages."""
    text = f"{kwargs} in {str(dtype).removeprefix('torch.')}"
    convert = Converter()
    generator = torch.Generator().manual_seed(1)
    x, target = (torch.randn(40, n, generator=generator, dtype=dtype) for n in (5, 10))
    theirs = [torch.nn.Parameter(p) for p in starts(torch, dtype)]
    try:
        mine = [Tensor(p.numpy().copy(), requires_grad=True) for p in starts(torch, dtype)]
        here = run(ours(report.name), mine, convert(x), convert(target), convert(kwargs))
        there = run(cls, theirs, x, target, {k: v.clone() if hasattr(v, "clone") else v for k, v in kwargs.items()})
        bound = BOUNDS["LBFGS" if report.name == "LBFGS" else "others", dtype is torch.float64]
        for k, (o, q) in enumerate(zip(here, there, strict=True)):
            for name, p, r in zip(("weight", "bias"), mine, theirs, strict=True):
                assert_same(p, r, f"{name} after {k} steps", rtol=bound, atol=bound)
                report.numbers += p.numel()
            if k and dtype is torch.float64:
                report.numbers += same_state(o.state_dict()["state"], q.state_dict()["state"])
    except Differs as error:
        report.faults.append(f"{text}: {error}")
    except (*ERRORS, AttributeError) as error:
        why = reason(REFUSED, report.name, str(error))
        if why is None:
            report.faults.append(f"refuses {text}: {type(error).__name__}: {error}")
        else:
            report.refused[why] += 1
    else:
        report.agree += 1


def same_state(mine: Any, theirs: Any) -> int:
    """The same entries for each parameter, but for what follows from others; how many numbers were compared."""
    if set(mine) != set(theirs):
        raise Differs(f"state of the parameters {sorted(mine)}, PyTorch {sorted(theirs)}")
    count = 0
    for i, entries in theirs.items():
        want = {key: value for key, value in entries.items() if value is not None and key not in ("ro", "al")}
        if set(mine[i]) != set(want):
            raise Differs(f"state {sorted(mine[i])}, PyTorch {sorted(want)}")
        for key, value in want.items():
            pairs = zip(mine[i][key], value, strict=True) if isinstance(value, list) else [(mine[i][key], value)]
            for a, b in pairs:
                a, b = (np.asarray(v.detach() if hasattr(v, "detach") else v, np.float64) for v in (a, b))
                assert_same(a, b, f"state {key!r}", rtol=1e-5, atol=1e-7)  # PyTorch counts steps in float32
                count += a.size
    return count


def hints(info: Any) -> list[dict[str, Any]]:
    """No hint, and each one that the database says PyTorch's optimizer takes on a CPU."""
    return [{}, *({name: True} for name in ("foreach", "fused") if name in info.supported_impls)]


def try_errors(torch: Any, report: Report, info: Any) -> None:
    """The wrong samples: what PyTorch refuses, or warns of, is refused here."""
    for wrong in info.optim_error_inputs_func("cpu", torch.float32):
        sample = wrong.optimizer_error_input
        given = sample.params if sample.params is not None else [torch.nn.Parameter(torch.ones(1, 1))]
        construct = wrong.error_on.name == "CONSTRUCTION_ERROR"
        convert = Converter()
        try:
            params, kwargs = convert(given), convert(sample.kwargs)
        except NotOurs as error:
            report.foreign[str(error)] += 1
            continue
        says = theirs_says(info.optim_cls, given, sample.kwargs, construct)  # after: it writes into the groups
        if says is None:
            report.foreign["PyTorch takes it after all"] += 1
            continue
        try:
            cls = ours(report.name)
        except AttributeError:
            return
        try:
            optimizer = cls(params, **kwargs)
            if not construct:
                optimizer.step()
        except ERRORS as error:
            report.errors += 1
            if not str(error):
                report.faults.append(f"an error without words for {sample.desc}")
            continue
        why = reason(TAKEN, report.name, says)
        if why is None:
            report.faults.append(f"takes {sample.desc}, PyTorch: {says}")
        else:
            report.taken[why] += 1


def theirs_says(cls: Any, params: Any, kwargs: dict[str, Any], construct: bool) -> str | None:
    """PyTorch's error, or warning; None where there is neither."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            optimizer = cls(params, **kwargs)
            if not construct:
                for group in optimizer.param_groups:
                    for p in group["params"]:
                        p.grad = p.detach().clone()
                optimizer.step()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None


def try_optimizer(torch: Any, info: Any) -> Report:
    """All samples of one optimizer."""
    report = Report(info.optim_cls.__name__)
    for sample in info.optim_inputs_func(device="cpu"):
        if sample.params is not None:
            report.foreign["parameters of its own"] += 1
            continue
        for hint in hints(info):
            if hint.get("foreach") and hasattr(sample.kwargs.get("lr"), "numel"):
                continue  # PyTorch refuses these together
            for dtype in (torch.float64, torch.float32):
                try_sample(torch, report, info.optim_cls, {**sample.kwargs, **hint}, dtype)
    try_errors(torch, report, info)
    return report


def reports() -> list[Report]:
    """One for each optimizer of the database; ImportError where PyTorch is not installed."""
    torch = import_torch()
    with quietly():
        from torch.testing._internal.common_optimizers import optim_db

        torch.manual_seed(0)
        return [try_optimizer(torch, info) for info in optim_db]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verbose", action="store_true", help="a line for each optimizer")
    chosen = parser.parse_args()
    try:
        found = reports()
    except ImportError as error:
        print(f"{NOT_INSTALLED} ({error})")
        return 0
    tell(found, chosen.verbose)
    return int(any(report.faults for report in found))


def tell(found: list[Report], verbose: bool = False) -> None:
    """Print what was found."""
    for report in found:
        for fault in report.faults[: None if verbose else 3]:
            print(f"FAULT {report.name} {fault}")
        if verbose:
            print(f"{report.name}: {report.agree} samples agree, {report.errors} wrong ones refused by both")
    print(f"{len(found)} optimizers in the database, {sum(report.right for report in found)} there and right")
    print(f"{sum(bool(report.faults) for report in found)} with faults ({sum(len(r.faults) for r in found)})")
    print(f"{sum(r.agree for r in found)} samples agree, {sum(r.numbers for r in found):,} numbers compared")
    print(f"{sum(r.errors for r in found)} wrong samples are refused by both")
    for title in ("refused", "taken", "foreign"):
        table: Counter[str] = sum((getattr(report, title) for report in found), Counter())
        print(f"{title}: {sum(table.values())}")
        for why, count in table.most_common():
            print(f"  {count:5d}  {why}")
    print(f"not here: {', '.join(report.name for report in found if not report.agree)}")


if __name__ == "__main__":
    raise SystemExit(main())
