"""PyTorch's operator database put to the package. A script: `python tests/torch_databases/operators.py`.

Each operator of ``op_db`` describes itself by samples. A valid sample goes to both packages: the values must agree in
float64, float32, int64 and bool, and in float64 the first and second derivatives; the method of the same name and the
one with an underscore must agree on the first few. A wrong sample that PyTorch refuses must be refused here too. What
we refuse though PyTorch takes it, what we take though PyTorch refuses it, and what differs on purpose stands in
`operator_tables` with its reason. Everything else is a fault, and the script ends with 1.

An operator counts as there and right when no sample is a fault and at least one agrees. Several entries of the database
under one name (``clamp`` with a number and with tensors) count as one.

    python tests/torch_databases/operators.py                 # all: a minute
    python tests/torch_databases/operators.py --only linalg   # those with this in their names
    python tests/torch_databases/operators.py --samples 3     # the first few of each operator and dtype
    python tests/torch_databases/operators.py --verbose       # all faults, not three of an operator
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
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
    assert_same_gradients,
    flat,
    import_torch,
    named,
    quietly,
)
from tests.torch_databases.operator_tables import (
    CALLS,
    DIFFERS,
    IN_PLACE,
    NOT_BY_VALUE,
    REFUSED,
    TAKEN,
    WRAPPERS,
    Row,
)
from tinygrad_cnn.tensors import Tensor

GRADIENTS, SECOND, METHODS = 25, 8, 4  # of how many samples of an entry derivatives, second ones, methods are compared
LARGE = 10**6  # wrong samples of more elements (multinomial has one, of whatever is in memory) are left out


@dataclass
class Report:
    """What came of one name of the database."""

    name: str
    agree: int = 0
    derivatives: int = 0
    methods: int = 0
    errors: int = 0  # wrong samples that both refuse
    foreign: Counter[str] = field(default_factory=Counter)  # samples of what we have none of
    excused: Counter[Row] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    no_methods: set[str] = field(default_factory=set)

    @property
    def right(self) -> bool:
        return not self.faults and self.agree > 0

    def settle(self, table: list[Row], text: str, fault: str) -> None:
        """Excused by a row of the table that knows the text, or a fault."""
        for row in table:
            if fnmatch.fnmatchcase(self.name, row.names) and re.search(row.says, text, re.DOTALL):
                self.excused[row] += 1
                return
        self.faults.append(fault)


# ----------------------------------------------------------------------------------------------- what the database says
def database() -> tuple[Any, dict[str, list[Any]]]:
    """PyTorch, and its operators by name; ImportError where it is not installed."""
    torch = import_torch()
    with quietly():
        from torch.testing._internal.common_methods_invocations import op_db
    found: dict[str, list[Any]] = {}
    for info in op_db:
        found.setdefault(info.name, []).append(info)
    return torch, found


def ours(info: Any) -> Any:
    """The function or Tensor method that bears the name of an operator; None where there is none."""
    name: str = info.name
    function = named(name)
    if not callable(function):
        function = getattr(Tensor, f"{name}_" if name in IN_PLACE else name, None)
    if function is None:
        return None
    told = CALLS.get(f"{name} {info.variant_test_name}", CALLS.get(name))
    if told is not None:
        return told
    code = getattr(info.op, "__code__", None)
    if code is not None and code.co_name == "<lambda>" and not {"torch", "wrapper_set_seed"} & {*code.co_names}:
        return info.op  # ``lambda x: x.T``, and the like: any tensor will do
    return function if callable(function) else None


def samples(torch: Any, info: Any, dtype: Any, grad: bool, limit: int | None) -> Iterator[Any]:
    """The samples of one dtype, the same in every run."""
    torch.manual_seed(0)
    return islice(info.sample_inputs("cpu", dtype, requires_grad=grad), limit)


def described(x: Any) -> str:
    """An argument in few words."""
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"
    if isinstance(x, (list, tuple)):
        return "[" + ", ".join(described(v) for v in x) + "]"
    return repr(x)[:60]


def as_text(sample: Any) -> str:
    parts = [described(v) for v in (sample.input, *sample.args)]
    return f"({', '.join(parts + [f'{k}={described(v)}' for k, v in sample.kwargs.items()])})"


# ------------------------------------------------------------------------------------------------------------ comparing
def determined(name: str, x: Any, args: Any, kwargs: Any, result: Any) -> Any:
    """What a result holds but for the positions of elements, which are free where several are equal."""
    if name == "argsort":
        return x.gather(kwargs.get("dim", args[0] if args else -1), result)
    return result[0] if name in ("kthvalue", "mode", "sort", "topk") else result


def by_value(name: str) -> bool:
    return not any(fnmatch.fnmatchcase(name, pattern) for pattern in NOT_BY_VALUE)


def compare(report: Report, results: Any, theirs: Any) -> None:
    if not by_value(report.name):
        kinds = [[(array(y).shape, array(y).dtype) for y in flat(result)] for result in (results, theirs)]
        if kinds[0] != kinds[1]:
            raise Differs(f"shapes and dtypes {kinds[0]}, PyTorch {kinds[1]}")
    else:
        assert_all_same(results, theirs, "result")


def plainly(f: Any, *args: Any, **kwargs: Any) -> Any:
    return f(*args, **kwargs)


def try_sample(report: Report, info: Any, function: Any, sample: Any, grad: bool, second: bool) -> None:
    """One valid sample, by both packages."""
    convert, text = Converter(), as_text(sample)
    try:
        x, args, kwargs = convert(sample.input), convert(sample.args), convert(sample.kwargs)
    except NotOurs as error:
        report.foreign[str(error)] += 1
        return
    # of derivatives: only those of what is read, of symmetric matrices for instance
    call = WRAPPERS.get(report.name, info.gradcheck_wrapper) if grad else plainly
    try:
        theirs = call(info.op, sample.input, *sample.args, **sample.kwargs)
    except Exception:  # a sample that PyTorch itself refuses shows nothing
        return
    try:
        results = call(function, x, *args, **kwargs)
    except ERRORS as error:
        says = f"{type(error).__name__}: {error}"
        report.settle(REFUSED, says, f"refuses {text}: {says}")
        return
    try:
        settled = sample.output_process_fn_grad  # frees a result of the signs of eigenvectors, say
        results = determined(report.name, x, args, kwargs, settled(results))
        theirs = determined(report.name, sample.input, sample.args, sample.kwargs, settled(theirs))
        compare(report, results, theirs)
        if grad:
            report.derivatives += assert_same_gradients(results, theirs, convert.pairs, second)
        report.agree += 1
    except Differs as error:
        report.settle(DIFFERS, f"{text}: {error}", f"{text}: {error}")
    except ERRORS as error:
        report.faults.append(f"{text}: the comparison fails, {type(error).__name__}: {error}")


def try_methods(report: Report, info: Any, sample: Any) -> None:
    """The method of the same name, and the one in place, on a sample without gradients."""
    import torch

    if not isinstance(sample.input, torch.Tensor):
        return
    for name, method in ((info.name, info.method_variant), (f"{info.name}_", info.inplace_variant)):
        if method is None or "." in name or name.endswith("__"):
            continue
        if not callable(getattr(Tensor, name, None)):
            report.no_methods.add(name)
            continue
        convert, text = Converter(), f"Tensor.{name} of {as_text(sample)}"
        try:
            x, args, kwargs = convert(sample.input), convert(sample.args), convert(sample.kwargs)
            theirs = method(sample.input.clone(), *sample.args, **sample.kwargs)
        except Exception:  # not ours, or refused by PyTorch
            continue
        try:
            results = getattr(x, name)(*args, **kwargs)
        except ERRORS as error:
            says = f"{type(error).__name__}: {error}"
            report.settle(REFUSED, says, f"refuses {text}: {says}")
            continue
        try:
            results, theirs = (
                determined(info.name, y, a, k, result)
                for y, a, k, result in ((x, args, kwargs, results), (sample.input, sample.args, sample.kwargs, theirs))
            )
            compare(report, results, theirs)
            report.methods += 1
        except Differs as error:
            report.settle(DIFFERS, f"{text}: {error}", f"{text}: {error}")


def try_errors(torch: Any, report: Report, info: Any, function: Any, limit: int | None) -> None:
    """The wrong samples: what PyTorch refuses is refused here."""
    if info.error_inputs_func is None:
        return
    torch.manual_seed(0)
    for wrong in islice(info.error_inputs("cpu"), limit):
        sample, convert = wrong.sample_input, Converter()
        try:
            x, args, kwargs = convert(sample.input), convert(sample.args), convert(sample.kwargs)
        except NotOurs:
            continue
        if isinstance(x, Tensor) and x.numel() > LARGE:
            continue
        try:
            info.op(sample.input, *sample.args, **sample.kwargs)
            continue  # PyTorch takes it after all, on this device
        except Exception as error:
            says = str(error)
        try:
            function(x, *args, **kwargs)
        except ERRORS as error:
            report.errors += 1
            if not str(error):
                report.faults.append(f"an error without words for {as_text(sample)}")
        else:
            report.settle(TAKEN, says, f"takes {as_text(sample)}, PyTorch: {says}")


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
            grad = dtype is torch.float64 and info.supports_autograd and by_value(name)
            for k, sample in enumerate(samples(torch, info, dtype, grad, limit)):
                second = grad and k < SECOND and bool(info.supports_gradgrad)
                try_sample(report, info, function, sample, grad and k < GRADIENTS, second)
                if dtype is torch.float32 and k < METHODS:
                    try_methods(report, info, sample)
        try_errors(torch, report, info, function, limit)
    return report


def try_all(only: str = "", limit: int | None = None) -> tuple[list[Report], list[str]]:
    """Reports of all operators with ``only`` in their names, and the names that are missing here."""
    torch, operators = database()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    reports, missing = [], []
    with quietly():
        for name, infos in sorted(operators.items()):
            if only in name:
                report = try_operator(torch, name, infos, limit)
                if report is None:
                    missing.append(name)
                else:
                    reports.append(report)
    torch.set_num_threads(threads)
    return reports, missing


# -------------------------------------------------------------------------------------------------------------- telling
def tell(reports: list[Report], missing: list[str], verbose: bool = False) -> None:
    """Print what was found."""
    for report in reports:
        for fault in report.faults[: None if verbose else 3]:
            print(f"FAULT {report.name} {fault}")
    count = sum(report.right for report in reports)
    print(f"{len(reports) + len(missing)} operators tried: {len(reports)} are here, {count} of them right")
    print(f"  {sum(r.agree for r in reports)} samples agree, and {sum(r.derivatives for r in reports)} derivatives")
    print(f"  {sum(r.methods for r in reports)} calls of methods agree")
    print(f"  {sum(r.errors for r in reports)} wrong samples are refused by both")
    faulty = [report for report in reports if report.faults]
    print(f"  {sum(len(r.faults) for r in faulty)} faults in {len(faulty)} operators")
    excused = sum((report.excused for report in reports), Counter())
    for title, table in (("refused", REFUSED), ("taken", TAKEN), ("different on purpose", DIFFERS)):
        print(f"{title}: {sum(excused[row] for row in table)}")
        for why, n in sum((Counter({row.reason: excused[row]}) for row in table), Counter()).most_common():
            print(f"  {n:5d}  {why}")
    foreign = sum((report.foreign for report in reports), Counter())
    print(f"samples of what there is none of: {foreign.total()}")
    for what, n in foreign.most_common():
        print(f"  {n:5d}  {what}")
    print("here, but no sample agrees: " + ", ".join(r.name for r in reports if not r.agree and not r.faults))
    print("methods missing: " + ", ".join(sorted({name for r in reports for name in r.no_methods})))
    print(f"operators missing ({len(missing)}): {', '.join(missing)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="operators with this in their names")
    parser.add_argument("--samples", type=int, default=None, help="how many of each operator and dtype")
    parser.add_argument("--verbose", action="store_true", help="print all faults")
    chosen = parser.parse_args()
    start = time.perf_counter()
    try:
        reports, missing = try_all(chosen.only, chosen.samples)
    except ImportError as error:
        print(f"{NOT_INSTALLED} ({error})")
        return 0
    tell(reports, missing, chosen.verbose)
    if not chosen.only and chosen.samples is None:
        used = {row for report in reports for row in report.excused}
        for row in (*REFUSED, *TAKEN, *DIFFERS):
            if row not in used:
                print(f"a row that nothing needs any more: {row}")
    print(f"took {time.perf_counter() - start:.0f} s")
    return int(any(report.faults for report in reports))


if __name__ == "__main__":
    raise SystemExit(main())
