"""PyTorch's operator database put to the package. A script: `python tests/torch_databases/operators.py`.

Each operator of ``op_db`` describes itself by samples. A valid sample goes to both packages: the values must agree in
float64, float32, int64 and bool, and in float64 the first and second derivatives. A wrong sample that PyTorch refuses
must be refused here too. What we refuse though PyTorch takes it stands in ``REFUSED`` with its reason, and what we take
though PyTorch refuses it in ``TAKEN``. Everything else is a fault, and the script ends with 1.

An operator counts as there and right when none of its samples differs, each refusal has its reason, and at least one
sample agrees. Several entries of the database under one name (``clamp`` with a scalar and with tensors) count as one.

    python tests/torch_databases/operators.py                 # all: some minutes
    python tests/torch_databases/operators.py --only linalg   # those with this in their names
    python tests/torch_databases/operators.py --samples 3     # the first few of each operator and dtype: quicker
    python tests/torch_databases/operators.py --verbose       # each fault and refusal with its sample
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import tinygrad_cnn as tg
from tests.torch_databases.beside import (
    ERRORS,
    NOT_INSTALLED,
    Converter,
    Differs,
    NotOurs,
    array,
    assert_all_same,
    assert_same_gradients,
    flat,
    import_torch,
    named,
    quietly,
)
from tinygrad_cnn.tensors import Tensor

GRADIENTS, SECOND = 25, 8  # of how many samples of an operator first and second derivatives are taken

# Random, or memory as it comes: shape and dtype alone can agree.
NOT_BY_VALUE = (
    "bernoulli", "multinomial", "normal", "normal_in_place", "rand*", "empty*", "new_empty*", "exponential", "uniform",
    "log_normal", "cauchy", "geometric", "nn.functional.*dropout*", "nn.functional.rrelu",
)  # fmt: skip

IN_PLACE = ("cauchy", "exponential", "geometric", "log_normal", "uniform")  # random numbers into a tensor

# Where the database calls an operator otherwise than by its name and in the order of its arguments.
CALLS: dict[str, Callable[..., Any]] = {
    "einsum": lambda tensors, equation: tg.einsum(equation, tensors),
    "nn.functional.embedding": lambda weight, index, **k: tg.nn.functional.embedding(index, weight, **k),
    "nn.functional.embedding_bag": lambda weight, index, **k: tg.nn.functional.embedding_bag(index, weight, **k),
    "normal": lambda x, *a, **k: tg.normal(x, *a, **k),
    "normal in_place": lambda x, *a, **k: x.normal_(*a, **k),
    "normal number_mean": lambda std, mean, *a, **k: tg.normal(mean, std, *a, **k),
    "polygamma": lambda x, n, **k: tg.polygamma(n, x, **k),
    "special.polygamma": lambda x, n, **k: tg.special.polygamma(n, x, **k),
    "where": lambda x, condition, other: tg.where(condition, x, other),
    "zero_": lambda x: x.clone().zero_(),
    **{name: (lambda x, *a, _name=f"{name}_", **k: getattr(x, _name)(*a, **k)) for name in IN_PLACE},
}

# (operators, what our error says, the reason): valid samples that we refuse.
REFUSED: list[tuple[str, str, str]] = []

# (operators, what PyTorch's error says, the reason): wrong samples that we take.
TAKEN: list[tuple[str, str, str]] = []


@dataclass
class Report:
    """What came of one name of the database."""

    name: str
    agree: int = 0
    gradients: int = 0
    errors: int = 0  # wrong samples that both refuse
    foreign: int = 0  # samples of things we have none of
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    taken: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.faults and self.agree > 0


def ours(info: Any) -> Any:
    """The function or Tensor method that bears the name of an operator; None where there is none."""
    name: str = info.name
    inside = f"{name}_" if name in IN_PLACE else name
    function = named(name)
    if not callable(function):
        function = getattr(Tensor, inside, None)
    if function is None:
        return None
    told = CALLS.get(f"{name} {info.variant_test_name}", CALLS.get(name))
    if told is not None:
        return told
    code = getattr(info.op, "__code__", None)
    if code is not None and code.co_name == "<lambda>" and not {"torch", "wrapper_set_seed"} & {*code.co_names}:
        return info.op  # ``lambda x: x.T``, and the like: any tensor will do
    return function if callable(function) else None


def reason(table: list[tuple[str, str, str]], name: str, text: str) -> str | None:
    """The reason that a table gives for an operator and an error's text."""
    for names, says, why in table:
        if fnmatch.fnmatchcase(name, names) and re.search(says, text):
            return why
    return None


def by_value(name: str) -> bool:
    return not any(fnmatch.fnmatchcase(name, pattern) for pattern in NOT_BY_VALUE)


def samples(torch: Any, info: Any, dtype: Any, grad: bool, limit: int | None) -> Iterator[Any]:
    """The samples of one dtype, the same in every run."""
    torch.manual_seed(0)
    return islice(info.sample_inputs("cpu", dtype, requires_grad=grad), limit)


def call(function: Any, sample: Any) -> Any:
    return function(sample.input, *sample.args, **sample.kwargs)


def described(x: Any) -> str:
    """A sample in few words."""
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"
    if isinstance(x, (list, tuple)):
        return "[" + ", ".join(described(v) for v in x) + "]"
    return repr(x)[:60]


def as_text(sample: Any) -> str:
    parts = [described(v) for v in (sample.input, *sample.args)]
    return ", ".join(parts + [f"{k}={described(v)}" for k, v in sample.kwargs.items()])


def try_sample(torch: Any, report: Report, info: Any, function: Any, sample: Any, grad: bool, second: bool) -> None:
    """One valid sample, by both packages."""
    convert = Converter()
    text = f"({as_text(sample)})"
    try:
        x, args, kwargs = convert(sample.input), convert(sample.args), convert(sample.kwargs)
    except NotOurs as error:
        report.foreign += 1
        report.refused[f"{error}"] += 1
        return
    try:
        theirs = call(info.op, sample)
    except Exception:  # a sample that PyTorch itself refuses shows nothing
        return
    try:
        results = function(x, *args, **kwargs)
    except NotOurs as error:
        report.refused[str(error)] += 1
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
        if not by_value(report.name):
            kinds = [[(array(y).shape, array(y).dtype) for y in flat(result)] for result in (results, theirs)]
            if kinds[0] != kinds[1]:
                raise Differs(f"shapes and dtypes {kinds[0]}, PyTorch {kinds[1]}")
        else:
            results, theirs = (sample.output_process_fn_grad(y) for y in (results, theirs))  # free of signs and phases
            assert_all_same(results, theirs, "result")
            if grad:
                report.gradients += assert_same_gradients(results, theirs, convert.pairs, second)
        report.agree += 1
    except Differs as error:
        report.faults.append(f"{text}: {error}")
    except Exception as error:
        report.faults.append(f"{text}: in the comparison {type(error).__name__}: {error}")


def try_errors(torch: Any, report: Report, info: Any, function: Any, limit: int | None) -> None:
    """The wrong samples: what PyTorch refuses is refused here."""
    if info.error_inputs_func is None:
        return
    torch.manual_seed(0)
    for wrong in islice(info.error_inputs("cpu"), limit):
        sample = wrong.sample_input
        try:
            call(info.op, sample)
            continue  # PyTorch takes it after all, on this device
        except Exception as error:
            says = str(error)
        convert = Converter()
        try:
            x, args, kwargs = convert(sample.input), convert(sample.args), convert(sample.kwargs)
        except NotOurs:
            continue
        try:
            function(x, *args, **kwargs)
        except ERRORS as error:
            report.errors += 1
            if not str(error):
                report.faults.append(f"an error without words for ({as_text(sample)})")
            continue
        except Exception as error:
            report.faults.append(f"an odd {type(error).__name__} for ({as_text(sample)}): {error}")
            continue
        why = reason(TAKEN, report.name, says)
        if why is None:
            report.faults.append(f"takes ({as_text(sample)}), PyTorch: {says.splitlines()[0] if says else 'refuses'}")
        else:
            report.taken[why] += 1


def try_operator(torch: Any, name: str, infos: list[Any], limit: int | None = None) -> Report | None:
    """All entries of one name; None where there is nothing of that name here."""
    report = Report(name)
    if ours(infos[0]) is None:
        return None
    for info in infos:
        function = ours(info)
        for dtype in (torch.float64, torch.float32, torch.int64, torch.bool):
            if not info.supports_dtype(dtype, "cpu"):
                continue
            grad = dtype is torch.float64 and info.supports_autograd
            made = samples(torch, info, dtype, grad, limit)
            for k in range(10**6):
                try:
                    sample = next(made)
                except StopIteration:
                    break
                except Exception as error:  # samples that need what this PyTorch was not built with
                    report.faults.append(f"no samples of {dtype}: {error}")
                    break
                second = grad and k < SECOND and bool(info.supports_gradgrad)
                try_sample(torch, report, info, function, sample, grad and k < GRADIENTS, second)
        try_errors(torch, report, info, function, limit)
    return report


def database() -> tuple[Any, dict[str, list[Any]]]:
    """PyTorch, and its operators by name."""
    torch = import_torch()
    with quietly():
        from torch.testing._internal.common_methods_invocations import op_db
    found: dict[str, list[Any]] = {}
    for info in op_db:
        found.setdefault(info.name, []).append(info)
    return torch, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="operators with this in their names")
    parser.add_argument("--samples", type=int, default=None, help="how many of each operator and dtype")
    parser.add_argument("--verbose", action="store_true", help="name each fault and refusal")
    chosen = parser.parse_args()
    try:
        torch, operators = database()
    except ImportError as error:
        print(f"{NOT_INSTALLED} ({error})")
        return 0
    torch.set_num_threads(1)
    start = time.perf_counter()
    reports, missing = [], []
    for name, infos in sorted(operators.items()):
        if chosen.only not in name:
            continue
        with quietly():
            before = time.perf_counter()
            report = try_operator(torch, name, infos, chosen.samples)
            if chosen.verbose and time.perf_counter() - before > 3:
                print(f"{name} took {time.perf_counter() - before:.1f} s")
        if report is None:
            missing.append(name)
            continue
        reports.append(report)
        for fault in report.faults[: None if chosen.verbose else 3]:
            print(f"FAULT {name} {fault}")
    refused = Counter(why for report in reports for why in report.refused.elements())
    taken = Counter(why for report in reports for why in report.taken.elements())
    print(
        f"{len(operators)} operators in the database, {len(reports)} of them here, in {time.perf_counter() - start:.0f} s"
    )
    print(f"{sum(report.right for report in reports)} there and right")
    print(f"{sum(bool(report.faults) for report in reports)} with faults ({sum(len(r.faults) for r in reports)})")
    print(f"{sum(r.agree for r in reports)} samples agree, {sum(r.gradients for r in reports)} derivatives")
    print(f"{sum(r.errors for r in reports)} wrong samples are refused by both")
    for title, table in (("refused", refused), ("taken", taken)):
        print(f"{title}: {sum(table.values())}")
        for why, count in table.most_common():
            print(f"  {count:5d}  {why}")
    nothing = [report.name for report in reports if not report.agree and not report.faults]
    print(f"no sample agrees: {', '.join(nothing)}")
    print(f"missing ({len(missing)}): {', '.join(missing)}")
    return int(any(report.faults for report in reports))


if __name__ == "__main__":
    raise SystemExit(main())
