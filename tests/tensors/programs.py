"""Random programs of views, in-place writes and gradients, run by PyTorch, by this package and by a reference.

A program is a list of statements, each a line of Python in which ``L`` is the library. `tests.tensors.making.make`
draws one from a seed and keeps the reference's account of it; `run` executes it under a library; `judge` says who is
right where they differ; `shrink` leaves out what a difference does not need. As a script this prints a table:

    python -m tests.tensors.programs --count 5000
"""

from __future__ import annotations

import argparse
import functools
import importlib
import re
import types
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.tensors.reference import Expanded, Jet, Library, Unfit

TOLERANCE = 1e-9  # of the largest element of an array, or of 1: some twenty operations in float64
LARGEST = 20.0  # what a program may reach in magnitude


class Statement(NamedTuple):
    """One line of a program: what it is a case of, and its source."""

    kind: str
    source: str

    @property
    def last(self) -> bool:
        """Does the program end where this is refused? A refused write is stepped over, what it spared is compared."""
        ends = self.kind.startswith(("backward", "grad", "step"))
        return ends or re.match(r"(with .*: )?\w+(, \w+)* = ", self.source) is not None


Program = Sequence[Statement]


class Run(NamedTuple):
    """What a library made of a program."""

    refused: dict[int, Exception]
    values: dict[str, Any]  # name: a number, or (array, (requires grad, is a leaf)); name.grad: an array or None
    lacking: str | None  # a name that the library does not have


class Verdict(NamedTuple):
    """One program judged: `AGREE` holds the outcomes that are as they should be."""

    outcome: str
    kind: str = ""  # of the statement that it is about
    detail: str = ""


AGREE = (
    "all answered and agree",
    "refused by both, and all else agrees",
    "only PyTorch refuses, and the answer is true",
    "PyTorch's answer is wrong after a write through .data, ours is true",
    "only ours refuses: written through .data, which PyTorch does not notice",
    "only ours refuses: expanded memory",
)
SKIPPED = "a name is lacking"
UNFINISHED = "a refused backward has left something"
UNJUDGED = "not judged: with that statement left out, the outcome hangs on rounding"


# ---------------------------------------------------------------------------------------------------------- running
@functools.lru_cache(maxsize=100_000)
def compiled(source: str) -> types.CodeType:
    return compile(source, "<program>", "exec")


def run(program: Program, library: Any, skip: Iterable[int] = ()) -> Run:
    """Execute a program; statements to skip count as refused."""
    names: dict[str, Any] = {"L": library}
    refused: dict[int, Exception] = {}
    skip = frozenset(skip)
    for k, statement in enumerate(program):
        try:
            if k in skip:
                raise RuntimeError("left out")
            exec(compiled(statement.source), names)
        except Exception as error:  # whatever it is, it is the outcome
            if isinstance(error, AttributeError) and "has no attribute" in str(error):
                return Run(refused, {}, str(error))
            refused[k] = error
            if statement.last:
                break
    return Run(refused, snapshot(names), None)


def snapshot(names: dict[str, Any]) -> dict[str, Any]:
    """The values of all names at the end."""
    found: dict[str, Any] = {}
    for name, x in names.items():
        if isinstance(x, (float, list, bool)):
            found[name] = x
        elif hasattr(x, "requires_grad"):
            try:
                flags: Any = bool(x.requires_grad), bool(x.is_leaf)
            except RuntimeError:  # PyTorch does not let a view of many be looked at after a write into its base
                flags = ()
            found[name] = (np.array(x.detach().numpy()), flags)
            if flags == (True, True):
                found[name + ".grad"] = None if x.grad is None else np.array(x.grad.detach().numpy())
    return found


def vague(names: dict[str, Any]) -> set[str]:
    """Names of which one cannot say whether they require grad."""
    return {name for name, x in names.items() if isinstance(x, Jet) and x.history.vague}


def difference(a: dict[str, Any], b: dict[str, Any], unsure: set[str], grads: bool = True) -> str:
    """The first thing in which two accounts differ, or ''. An absent gradient is one of zeros."""
    if missing := {name for name in a.keys() ^ b.keys() if not name.endswith(".grad")}:
        return f"names that one side lacks: {sorted(missing)}"
    for name in sorted(a.keys() & b.keys()):
        x, y = a[name], b[name]
        if name.endswith(".grad"):
            if not grads or (x is None and y is None):
                continue
            x, y = np.zeros_like(y) if x is None else x, np.zeros_like(x) if y is None else y
        elif isinstance(x, tuple):
            if name not in unsure and x[1] and y[1] and x[1] != y[1]:
                return f"{name}: (requires_grad, is_leaf) is {x[1]} beside {y[1]}"
            x, y = x[0], y[0]
        x, y = np.asarray(x, float), np.asarray(y, float)
        if x.shape != y.shape:
            return f"{name}: shape {x.shape} beside {y.shape}"
        near = np.abs(x - y) <= TOLERANCE * max(1.0, np.abs(x).max(initial=0), np.abs(y).max(initial=0))
        if not np.all(
            near | (np.isnan(x) & np.isnan(y))
        ):  # NaN is where a write through .data took an operation by surprise
            return f"{name} is\n{x}\nbeside\n{y}"
    return ""


# --------------------------------------------------------------------------------------------------------- judging
class Account(NamedTuple):
    """What the reference says of a program."""

    run: Run
    unsure: set[str]
    excuse: bool  # something that is needed may have been written over, or freed by a backward
    untracked: bool


class Made(NamedTuple):
    """A program, and how the reference runs it."""

    program: list[Statement]
    directions: int
    order: int
    told: Account | None = None


def account(made: Made, skip: Iterable[int] = ()) -> Account:
    """Run a program under the reference."""
    library = Library(made.directions, made.order)
    names: dict[str, Any] = {"L": library}
    refused: dict[int, Exception] = {}
    skip = frozenset(skip)
    for k, statement in enumerate(made.program):
        try:
            if k in skip:
                raise RuntimeError("left out")
            exec(compiled(statement.source), names)
        except RuntimeError as error:
            refused[k] = error
            if statement.last:
                break
    return Account(
        Run(refused, snapshot(names), None), vague(names), library.overwritten or library.freed, library.untracked
    )


def judge(made: Made, ours: Any, torch: Any = None) -> Verdict:
    """Who answers, who refuses, and is every answer true?"""
    try:
        return _judge(made, ours, torch)
    except Unfit as reason:
        return Verdict(UNJUDGED, detail=str(reason))


def _judge(made: Made, ours: Any, torch: Any) -> Verdict:
    program = made.program
    mine = run(program, ours)
    if mine.lacking is not None:
        return Verdict(SKIPPED, mine.lacking)
    sure = made.told or account(made)
    true = account(made, mine.refused) if mine.refused else sure

    def at(k: int) -> str:
        return program[k].kind

    def wrong(outcome: str, k: int | None, detail: str) -> Verdict:
        return Verdict(outcome, at(k) if k is not None else _guilty(program), detail)

    if torch is None:
        for k in sorted(sure.run.refused.keys() ^ mine.refused.keys()):
            if k in sure.run.refused:
                return wrong("only PyTorch refuses, and we must", k, f"{program[k].source} ran")
            error = mine.refused[k]
            if not (program[k].kind.startswith(("backward", "grad")) and isinstance(error, RuntimeError)):
                return wrong("only ours refuses", k, f"{type(error).__name__}: {error}")
            if not true.excuse:
                return wrong("only ours refuses", k, f"nothing that is needed was overwritten or freed, yet: {error}")
        if text := difference(mine.values, true.run.values, true.unsure):
            return wrong("ours is wrong", None, text)
        return Verdict(AGREE[1] if mine.refused else AGREE[0])

    its = run(program, torch)
    stopped = bool(its.refused) and program[max(its.refused)].last
    halves = {k for k in its.refused if re.search(r"\] \S=", program[k].source) and k not in sure.run.refused}
    spread = {k for k, error in sure.run.refused.items() if isinstance(error, Expanded) and k not in its.refused}
    if (
        not halves and not spread
    ):  # x[i] += y is two writes to PyTorch, which may refuse the second; the reference knows none or both
        proven = sure if its.refused.keys() == sure.run.refused.keys() else account(made, its.refused)
        text = difference(its.values, proven.run.values, proven.unsure, grads=not stopped)
        if text and not proven.untracked:
            return wrong("the reference is wrong", None, text)
        ran = max(its.refused) if stopped else len(program)
        if must := [k for k in sure.run.refused if k < ran and k not in its.refused]:
            return wrong("the reference is wrong", must[0], "it refuses what PyTorch runs")
    first = min(mine.refused.keys() ^ its.refused.keys(), default=None)
    if first is not None and first in mine.refused:
        error = mine.refused[first]
        if not isinstance(error, RuntimeError):
            return wrong("only ours refuses", first, f"{type(error).__name__}: {error}")
        if isinstance(sure.run.refused.get(first), Expanded):
            return Verdict(AGREE[5])
        if true.untracked and at(first).startswith(("backward", "grad")):
            return Verdict(AGREE[4])
        return wrong("only ours refuses", first, f"{type(error).__name__}: {error}")
    if first is not None and first in sure.run.refused:
        return wrong(
            "only PyTorch refuses, and we must", first, f"{program[first].source} ran; PyTorch: {its.refused[first]}"
        )
    if first is None and not (text := difference(mine.values, its.values, true.unsure, grads=not stopped)):
        if stopped and (text := difference(mine.values, true.run.values, true.unsure)):
            return wrong(UNFINISHED, None, text)
        return Verdict(AGREE[1] if mine.refused else AGREE[0])
    if text := difference(mine.values, true.run.values, true.unsure):
        return wrong("ours is wrong", None, text)
    if first is None:
        return Verdict(AGREE[3]) if true.untracked else wrong("ours is wrong", None, "true, but not as PyTorch has it")
    return Verdict(AGREE[2])


def _guilty(program: Program) -> str:
    """A wrong value has no statement of its own: it goes under the kinds of writes that the program makes."""
    return ", ".join(sorted({s.kind for s in program if s.kind.startswith("write")})) or "no write"


def shrink(made: Made, ours: Any, torch: Any = None) -> tuple[Made, Verdict]:
    """The program without the statements that its verdict does not need."""
    verdict = judge(made, ours, torch)
    again = True
    while again:
        again = False
        for k in reversed(range(len(made.program))):
            fewer = made._replace(program=[*made.program[:k], *made.program[k + 1 :]], told=None)
            try:
                found = judge(fewer, ours, torch)
            except Exception:  # a name is missing now, for one
                continue
            if found.outcome == verdict.outcome:
                made, verdict, again = fewer, found, True
    return made, verdict


def listing(made: Made) -> str:
    """The program, to be pasted after ``import ... as L``."""
    return "\n".join(s.source for s in made.program)


# --------------------------------------------------------------------------------------------------------- counting
class Tally:
    """How many programs ended how, and those that should not have, a few of them in full."""

    def __init__(self, show: int = 3) -> None:
        self.outcomes: Counter[str] = Counter()
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.faults: list[str] = []
        self.show = show

    def add(self, seed: int, made: Made, ours: Any, torch: Any = None) -> None:
        verdict = judge(made, ours, torch)
        if ours is torch and verdict.outcome == UNFINISHED:  # PyTorch adds to the leaves on its way
            verdict = Verdict(AGREE[1])
        self.outcomes[verdict.outcome] += 1
        if verdict.outcome in AGREE:
            return
        if verdict.outcome not in (SKIPPED, UNJUDGED):
            fewer, found = (made, verdict) if len(self.faults) >= self.show else shrink(made, ours, torch)
            verdict = found
            self.faults.append(f"--- {found.outcome} (seed {seed}; {found.kind})\n{listing(fewer)}\n# {found.detail}")
        self.kinds[verdict.outcome, verdict.kind] += 1

    @property
    def programs(self) -> int:
        return sum(self.outcomes.values())

    def __str__(self) -> str:
        lines = [f"{self.programs} programs"]
        lines += [f"{count:7d}  {outcome}" for outcome, count in self.outcomes.most_common()]
        lines += [f"{count:7d}  {outcome}: {kind}" for (outcome, kind), count in self.kinds.most_common(60)]
        return "\n".join([*lines, *self.faults[: self.show]])


def main() -> None:
    """Print the table."""
    from tests.tensors.making import make

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--show", type=int, default=5, help="how many faults to shrink and print")
    parser.add_argument("--without-torch", action="store_true", help="hold ours against the reference alone")
    parser.add_argument("--without-writes", action="store_true", help="no in-place writes in the programs")
    parser.add_argument(
        "--self-check", action="store_true", help="PyTorch in the place of ours: what the harness says of it"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ours = importlib.import_module("torch" if options.self_check else "tinygrad_cnn")
    torch = None if options.without_torch else importlib.import_module("torch")
    tally = Tally(options.show)
    for seed in range(options.first, options.first + options.count):
        tally.add(seed, make(seed, not options.without_writes), ours, torch)
    print(tally)


if __name__ == "__main__":
    main()
