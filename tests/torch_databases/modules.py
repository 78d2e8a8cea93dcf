"""PyTorch's module database put to the package. A script: `python tests/torch_databases/modules.py`.

Each module class of ``module_db`` describes itself by samples: arguments of the constructor and of the call, in
training and in evaluation, in float64 and float32. Each sample goes to both packages: ours gets PyTorch's parameters,
and must have its repr and the keys of its state_dict; the outputs and the buffers afterwards must agree, and in float64
the gradients of all inputs and parameters. A wrong sample that PyTorch refuses must be refused here too. What we refuse
though PyTorch takes it stands in ``REFUSED`` with its reason. Everything else is a fault, and the script ends with 1.

A class is right when none of its samples differs, each refusal has its reason, and at least one sample agrees.

    python tests/torch_databases/modules.py                # all
    python tests/torch_databases/modules.py --only RNN     # those with this in their names
    python tests/torch_databases/modules.py --verbose      # each fault
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.torch_databases.beside import (
    ERRORS,
    NOT_INSTALLED,
    Converter,
    Differs,
    NotOurs,
    array,
    assert_all_same,
    assert_same,
    assert_same_gradients,
    flat,
    import_torch,
    quietly,
)
from tinygrad_cnn import nn

# Classes that draw random numbers in training: there, shape and dtype alone can agree.
RANDOM = ("*Dropout*", "RReLU", "FractionalMaxPool*")

# Modules that take modules: ours of the same settings.
MADE: dict[str, Callable[[Any, Callable[[Any], Any]], Any]] = {
    "TransformerEncoderLayer": lambda m, convert: nn.TransformerEncoderLayer(
        m.self_attn.embed_dim,
        m.self_attn.num_heads,
        m.linear1.out_features,
        m.dropout.p,
        convert(m.activation),
        m.norm1.eps,
        m.self_attn.batch_first,
        m.norm_first,
        m.linear1.bias is not None,
    ),
}

# (classes, what our error says, the reason): valid samples that we refuse.
REFUSED: list[tuple[str, str, str]] = []

# (classes, what PyTorch's error says, the reason): wrong samples that we take.
TAKEN: list[tuple[str, str, str]] = []


@dataclass
class Report:
    """What came of one class of the database."""

    name: str
    agree: int = 0
    gradients: int = 0
    errors: int = 0  # wrong samples that both refuse
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    taken: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.faults and self.agree > 0


class ModuleConverter(Converter):
    """Turns PyTorch's functions, modules and packed sequences into ours too."""

    def __call__(self, value: Any) -> Any:
        import torch

        if isinstance(value, torch.nn.utils.rnn.PackedSequence):
            return nn.utils.rnn.PackedSequence(*(self(v) for v in value))
        if isinstance(value, torch.nn.Module) and type(value).__name__ in MADE:
            return MADE[type(value).__name__](value, self)
        if callable(value) and getattr(value, "__module__", "").startswith("torch"):
            function = getattr(nn.functional, getattr(value, "__name__", ""), None)
            if function is None:
                raise NotOurs(f"the function {value!r}")
            return function
        return super().__call__(value)


def samples(torch: Any, info: Any, dtype: Any, grad: bool, training: bool) -> Iterator[Any]:
    """The samples of one dtype, the same in every run."""
    torch.manual_seed(0)
    yield from info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=grad, training=training)


def described(sample: Any) -> str:
    """A sample in few words."""

    def text(x: Any) -> str:
        if hasattr(x, "shape") and hasattr(x, "dtype"):
            return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"
        if isinstance(x, (list, tuple)):
            return "[" + ", ".join(map(text, x)) + "]"
        return " ".join(repr(x).split())[:60]

    def arguments(made: Any) -> str:
        return ", ".join([*map(text, made.args), *(f"{k}={text(v)}" for k, v in made.kwargs.items())])

    call = "" if sample.forward_input is None else f"({arguments(sample.forward_input)})"
    return f"({arguments(sample.constructor_input)}){call}"


def reason(table: list[tuple[str, str, str]], name: str, says: str) -> str | None:
    """The reason that a table gives for a class and an error's text."""
    for names, pattern, why in table:
        if fnmatch.fnmatchcase(name, names) and re.search(pattern, says):
            return why
    return None


def prepared(torch: Any, info: Any, sample: Any, dtype: Any, training: bool) -> Any:
    """PyTorch's module; a lazy one has had its first input."""
    made = sample.constructor_input
    module = info.module_cls(*made.args, **made.kwargs).to(dtype).train(training)
    if any(torch.nn.parameter.is_lazy(t) for t in (*module.parameters(), *module.buffers())):
        module(*sample.forward_input.args, **sample.forward_input.kwargs)
    return module


def try_sample(torch: Any, report: Report, info: Any, sample: Any, dtype: Any, training: bool) -> None:
    """One valid sample, by both packages."""
    convert = ModuleConverter()
    text = f"{described(sample)}{' in training' if training else ''}"
    made, call = sample.constructor_input, sample.forward_input
    try:
        theirs = prepared(torch, info, sample, dtype, training)
        if call is None:
            return
        state = {key: array(value).copy() for key, value in theirs.state_dict().items()}
        expected = theirs(*call.args, **call.kwargs)
    except Exception:  # a sample that PyTorch itself refuses shows nothing
        return
    try:
        module = getattr(nn, report.name)(*convert(made.args), **convert(made.kwargs))
        args, kwargs = convert(call.args), convert(call.kwargs)
        module.to(convert(dtype)).train(training)
        if list(module.state_dict()) != list(state):
            raise Differs(f"state_dict has {list(module.state_dict())}, PyTorch's {list(state)}")
        module.load_state_dict(state)
        result = module(*args, **kwargs)
    except NotOurs as error:
        report.refused[str(error)] += 1
        return
    except Differs as error:
        report.faults.append(f"{text}: {error}")
        return
    except Exception as error:
        says = f"{type(error).__name__}: {error}"
        why = reason(REFUSED, report.name, says) if isinstance(error, ERRORS) else None
        if why is None:
            report.faults.append(f"refuses {text}: {says}")
        else:
            report.refused[why] += 1
        return
    try:
        compare(report, module, theirs, result, expected, convert, dtype is torch.float64, training)
        report.agree += 1
    except Differs as error:
        report.faults.append(f"{text}: {error}")
    except Exception as error:
        report.faults.append(f"{text}: in the comparison {type(error).__name__}: {error}")


def compare(
    report: Report, module: Any, theirs: Any, result: Any, expected: Any, convert: Any, grad: bool, training: bool
) -> None:
    """The repr, the result, the buffers afterwards, and the gradients; `Differs` says where they do not agree."""
    if repr(module) != repr(theirs):
        raise Differs(f"repr {module!r}, PyTorch {theirs!r}")
    if training and any(fnmatch.fnmatchcase(report.name, pattern) for pattern in RANDOM):
        kinds = [[(array(y).shape, array(y).dtype) for y in flat(r)] for r in (result, expected)]
        if kinds[0] != kinds[1]:
            raise Differs(f"shapes and dtypes {kinds[0]}, PyTorch {kinds[1]}")
        return
    assert_all_same(result, expected, "result")
    for (key, b), c in zip(module.named_buffers(), theirs.buffers(), strict=True):
        assert_same(b, c, f"buffer {key}")
    if grad:
        both = [*convert.pairs, *zip(theirs.parameters(), module.parameters(), strict=True)]
        pairs = [(q, p) for q, p in both if q.requires_grad]
        report.gradients += assert_same_gradients(result, expected, pairs)


def try_errors(torch: Any, report: Report, info: Any, training: bool) -> None:
    """The wrong samples: what PyTorch refuses is refused here."""
    if info.module_error_inputs_func is None:
        return
    torch.manual_seed(0)
    wrong = info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=False, training=training
    )
    for each in wrong:
        sample = each.module_error_input
        made, call = sample.constructor_input, sample.forward_input
        try:
            theirs = info.module_cls(*made.args, **made.kwargs).double().train(training)
            theirs(*call.args, **call.kwargs)
            continue
        except Exception as error:
            says = str(error)
        convert = ModuleConverter()
        try:
            module = getattr(nn, report.name)(*convert(made.args), **convert(made.kwargs)).double().train(training)
            module(*convert(call.args), **convert(call.kwargs))
        except NotOurs:
            continue
        except ERRORS as error:
            report.errors += 1
            if not str(error):
                report.faults.append(f"an error without words for {described(sample)}")
            continue
        why = reason(TAKEN, report.name, says)
        if why is None:
            report.faults.append(f"takes {described(sample)}, PyTorch: {says.splitlines()[0] if says else 'refuses'}")
        else:
            report.taken[why] += 1


def try_class(torch: Any, info: Any) -> Report | None:
    """All samples of one class; None where there is no such class here."""
    report = Report(info.module_cls.__name__)
    if not hasattr(nn, report.name):
        return None
    for training in (True, False):
        for dtype in (torch.float64, torch.float32):
            if dtype in info.dtypes:
                for sample in samples(torch, info, dtype, dtype is torch.float64, training):
                    try_sample(torch, report, info, sample, dtype, training)
        try_errors(torch, report, info, training)
    return report


def database() -> tuple[Any, list[Any]]:
    """PyTorch, and its module classes."""
    torch = import_torch()
    with quietly():
        from torch.testing._internal.common_modules import module_db
    return torch, sorted(module_db, key=lambda info: info.module_cls.__name__)


def try_all(only: str = "") -> tuple[list[Report], list[str]]:
    """The reports of all classes that are here, and the names of those that are not."""
    torch, infos = database()
    reports, missing = [], []
    for info in infos:
        if only in info.module_cls.__name__:
            with quietly():
                report = try_class(torch, info)
            if report is None:
                missing.append(info.module_cls.__name__)
            else:
                reports.append(report)
    return reports, missing


def tell(reports: list[Report], missing: list[str]) -> None:
    """Print what came out."""
    print(f"{len(reports) + len(missing)} module classes in the database, {len(reports)} of them here")
    print(f"{sum(report.right for report in reports)} there and right")
    print(f"{sum(bool(r.faults) for r in reports)} with faults ({sum(len(r.faults) for r in reports)})")
    print(f"{sum(r.agree for r in reports)} samples agree, {sum(r.gradients for r in reports)} gradients")
    print(f"{sum(r.errors for r in reports)} wrong samples are refused by both")
    for title, tables in (("refused", [r.refused for r in reports]), ("taken", [r.taken for r in reports])):
        print(f"{title}: {sum(sum(table.values()) for table in tables)}")
        for report, table in zip(reports, tables, strict=True):
            for why, count in table.most_common():
                print(f"  {count:5d}  {report.name}: {why}")
    print(f"missing ({len(missing)}): {', '.join(missing)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="classes with this in their names")
    parser.add_argument("--verbose", action="store_true", help="name each fault")
    chosen = parser.parse_args()
    try:
        database()
    except ImportError as error:
        print(f"{NOT_INSTALLED} ({error})")
        return 0
    reports, missing = try_all(chosen.only)
    for report in reports:
        for fault in report.faults[: None if chosen.verbose else 2]:
            print(f"FAULT {report.name} {fault}")
    tell(reports, missing)
    return int(any(report.faults for report in reports))


if __name__ == "__main__":
    raise SystemExit(main())
