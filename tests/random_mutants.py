"""Bugs drawn at random over the whole package, to see how many the tests notice. A script:

    python tests/random_mutants.py --count 300 --seed 1 --jobs 2
    python tests/random_mutants.py --seed 1 --only 17            # one of them again, with its tests' words
    python tests/random_mutants.py --coverage .coverage    # ask all tests that ran the line

`tests/mutants.py` makes bugs that somebody thought of; here nobody chose. A mutant changes one place of the source: a
comparison, an operator, a number, a truth value, a condition turned round, a result that is None, a statement or a
`raise` left out. Words of errors, types and docstrings are left alone. Its tests are those that mirror its file, then
those of its room and those that name what it stands in; with ``--coverage`` (a record made with `file_contexts.py`)
those that ran its line, of many the few that look likeliest. A mutant that they do not notice is a survivor, and
`tests/random_mutants.md` judges each.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from mutants import NO_END, ROOT, copy_tree, pytest, write

PACKAGE, TESTS = ROOT / "tinygrad_cnn", ROOT / "tests"
SHARE = 0.95  # of the mutants that must be killed
ROUND = 120  # seconds for `AT_ONCE` files of tests; a mutant that takes longer has no end, if they end without it
AT_ONCE = 4
PATIENCE = 180  # seconds after which nothing more is asked: a survivor
HOME, FAR = 24, 12  # files of tests of its own room, and of others, that are asked

COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
OPERATORS = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.MatMult: ("@", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"),
}  # fmt: skip


class Mutant(NamedTuple):
    file: str  # "ops/conv.py"
    line: int
    start: int  # characters of the source
    stop: int
    new: str
    names: tuple[str, ...]  # the classes and functions that it stands in


# ------------------------------------------------------------------------------------------------------------- drawing
class Places(ast.NodeVisitor):
    """All mutants of one file."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text, self.found = file, text, list[Mutant]()
        self.names: list[str] = []
        self.starts = [0]
        for one in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(one.encode()))
        self.raw = text.encode()
        self.visit(ast.parse(text))

    def at(self, line: int, column: int) -> int:
        """A place of the syntax tree as a number of characters."""
        return len(self.raw[: self.starts[line - 1] + column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def add(self, node: ast.AST, start: int, stop: int, new: str) -> None:
        self.found.append(Mutant(self.file, node.lineno, start, stop, new, tuple(self.names)))  # type: ignore[attr-defined]

    def between(self, node: ast.AST, left: ast.AST, right: ast.AST, old: str, new: str) -> None:
        """Another operator between two operands, which may stand in parentheses."""
        start, stop = self.span(left)[1], self.span(right)[0]
        gap = self.text[start:stop]
        if gap.count(old) == 1:
            self.add(node, start + gap.index(old), start + gap.index(old) + len(old), new)

    def source(self, node: ast.AST) -> str:
        start, stop = self.span(node)
        return self.text[start:stop]

    # what is left alone
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if any("overload" in ast.unparse(d) for d in node.decorator_list):
            return
        self.names.append(node.name)
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.decorator_list):
            self.visit(default)
        self.body(node.body)
        self.names.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.append(node.name)
        self.body(node.body)
        self.names.pop()

    def visit_Module(self, node: ast.Module) -> None:
        self.body(node.body)

    def body(self, statements: list[ast.stmt]) -> None:
        for one in statements:
            said = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)  # a docstring
            listed = isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) in ("__all__", "__slots__")
            if not said and not listed:
                self.visit(one)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.add(node, *self.span(node), "pass")

    # what is changed
    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
            gap = self.text[self.span(left)[1] : self.span(right)[0]]
            self.between(node, left, right, gap.strip("() \n"), COMPARISONS[type(op)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not isinstance(node.left, ast.JoinedStr) and type(node.op) in OPERATORS:
            self.between(node, node.left, node.right, *OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.between(node, left, right, old, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, (ast.Not, ast.USub)):
            self.add(node, *self.span(node), f"({self.source(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add(node, *self.span(node), str(not node.value))
        elif isinstance(node.value, (int, float)):
            self.add(node, *self.span(node), f"({self.source(node)} + 1)")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass  # words

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in self.source(node.test):
            return
        self.add(node, *self.span(node.test), f"not ({self.source(node.test)})")
        self.visit(node.test)
        self.body(node.body)
        self.body(node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.add(node, *self.span(node.test), f"not ({self.source(node.test)})")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.add(node, *self.span(node.test), "False")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and self.source(node.value) != "None":
            self.add(node, *self.span(node), "return None")
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.add(node, *self.span(node), "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], (ast.Attribute, ast.Subscript)):
            self.add(node, *self.span(node), "pass")
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.add(node, *self.span(node), "pass")
        self.visit(node.value)

    def visit_Break(self, node: ast.Break) -> None:
        self.add(node, *self.span(node), "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.add(node, *self.span(node), "break")


@cache
def all_mutants() -> list[Mutant]:
    files = sorted(PACKAGE.rglob("*.py"))
    return [m for path in files for m in Places(str(path.relative_to(PACKAGE)), path.read_text()).found]


# ------------------------------------------------------------------------------------------------------------- testing
def rounds(mutant: Mutant, coverage: Path | None) -> Iterator[list[str]]:
    """Its tests, the nearest first."""
    path = Path(mutant.file)
    room, mirror = path.parts[0], TESTS / path.parent / f"test_{path.stem}.py"
    texts = {file: file.read_text() for file in TESTS.rglob("test_*.py") if file.name != "test_mutants.py"}
    names = [name for name in (*mutant.names, path.stem) if not name.startswith("__")]
    first = [file for file in texts if file == mirror]
    ran = ran_line(coverage, mutant) if coverage else None
    if not ran:  # a constant, or code of another process
        home = next(folder for folder in (TESTS / path).parents if any(folder in file.parents for file in texts))
        near = [file for file in texts if home in file.parents][:HOME]
        called = [file for file in near if any(name.strip("_") in texts[file] for name in names)]
        public = [name for name in names if not name.startswith("_") and len(name) > 3]
        far = [file for file in texts if any(f".{name}(" in texts[file] for name in public)]
        groups = [first, called, near, far]
    else:
        at_home = {file for file in ran if (TESTS / room) in file.parents}
        called = {file: sum(name.strip("_") in texts.get(file, "") for name in names) for file in ran}
        likely = sorted(ran, key=lambda file: (-called[file], str(file)))
        groups = [
            [file for file in first if file in ran],
            [file for file in likely if file in at_home][:HOME],
            [file for file in likely if file not in at_home][:FAR],
        ]
    done: set[Path] = set()
    for group in groups:
        new = [file for file in group if file not in done]
        done.update(new)
        if new:
            yield [str(file.relative_to(ROOT)) for file in new]


def ran_line(coverage: Path, mutant: Mutant) -> set[Path] | None:
    """The test files that ran a line; None where its file is not in the record, and empty what ran in no test."""
    from coverage import CoverageData

    data = CoverageData(str(coverage))
    data.read()
    measured = next((file for file in data.measured_files() if file.endswith(f"tinygrad_cnn/{mutant.file}")), None)
    if measured is None:
        return None
    contexts = {c for line, cs in data.contexts_by_lineno(measured).items() if line == mutant.line for c in cs}
    return {TESTS / c for c in contexts if (TESTS / c).is_file() and c != "test_mutants.py"}


class Result(NamedTuple):
    number: int
    mutant: Mutant
    killer: str  # the test that failed; empty for a survivor
    asked: int  # files of tests
    seconds: float


def hunt(tree: Path, number: int, mutant: Mutant, coverage: Path | None) -> Result:
    path = tree / "tinygrad_cnn" / mutant.file
    before, begin = path.read_text(), time.perf_counter()
    after = before[: mutant.start] + mutant.new + before[mutant.stop :]
    asked: list[str] = []
    parts = [tests[k : k + AT_ONCE] for tests in rounds(mutant, coverage) for k in range(0, len(tests), AT_ONCE)]
    todo = [(tests, "not torch", "") for tests in parts] + [(tests, "torch", "") for tests in parts]
    if named := " or ".join(name.strip("_") for name in mutant.names if not name.startswith("__")):
        every = [file for tests in parts for file in tests]
        todo.insert(0, (every, "not torch", named))  # first what bears its name, last PyTorch, which may know better
    for tests, marked, named in todo if parts else []:
        if time.perf_counter() - begin > PATIENCE:
            break
        asked += tests
        if killer := fails(tree, path, before, after, tests, marked, named):
            return Result(number, mutant, killer, len(set(asked)), time.perf_counter() - begin)
    return Result(number, mutant, "", len(set(asked)), time.perf_counter() - begin)


def fails(tree: Path, path: Path, before: str, after: str, tests: list[str], marked: str, named: str) -> str:
    """The first test that fails with a changed file. One that has no end has failed if it has an end without."""
    write(path, after)
    try:
        status, killer = pytest(tree, tests, ROUND, marked, named)
    finally:
        write(path, before)
    if status == NO_END:
        return f"no end of {killer}" if pytest(tree, tests, ROUND, marked, named)[0] == 0 else ""
    return killer


def shown(result: Result) -> str:
    m = result.mutant
    text = (PACKAGE / m.file).read_text()
    first, last = text.rfind("\n", 0, m.start) + 1, text.find("\n", m.stop)
    old = text[first:last].strip()
    new = (text[first : m.start] + m.new + text[m.stop : last]).strip()
    verdict = f"killed by {result.killer}" if result.killer else f"SURVIVED {result.asked} files of tests"
    where = f"{result.number:4d}  {m.file}:{m.line}  {verdict}  ({result.seconds:.0f} s)"
    return where if result.killer else f"{where}\n      - {old}\n      + {new}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--under", default="", help="of the files that begin so alone, such as nn/layers")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time, each in a copy of its own")
    parser.add_argument("--only", type=int, action="append", default=[], help="the number of one; may be given again")
    parser.add_argument("--coverage", type=Path, help="a .coverage file made with file_contexts.py")
    arguments = parser.parse_args()
    everything, begin = [m for m in all_mutants() if m.file.startswith(arguments.under)], time.perf_counter()
    count = min(arguments.count, len(everything))
    drawn = list(enumerate(random.Random(arguments.seed).sample(everything, count)))
    drawn = [(k, m) for k, m in drawn if not arguments.only or k in arguments.only]
    if not drawn:
        parser.error("no mutant is drawn")
    print(f"{len(drawn)} of {len(everything):,} mutants", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        trees: Queue[Path] = Queue()
        for k in range(arguments.jobs):
            tree = Path(folder) / str(k)
            copy_tree(tree)
            trees.put(tree)

        def job(pair: tuple[int, Mutant]) -> Result:
            tree = trees.get()
            try:
                result = hunt(tree, *pair, arguments.coverage)
            finally:
                trees.put(tree)
            print(shown(result), flush=True)
            return result

        with ThreadPoolExecutor(arguments.jobs) as pool:
            results = list(pool.map(job, drawn))
        killers = sorted({r.killer for r in results if "::" in r.killer})
        status, broken = pytest(trees.get(), killers, 8 * ROUND) if killers else (0, "")
    if status:
        print(f"\n{broken} fails without any mutant, so it has killed none")
        return 1
    killed = sum(bool(r.killer) for r in results)
    print(
        f"\n{len(results)} mutants, {killed} killed ({killed / len(results):.1%}), {time.perf_counter() - begin:.0f} s"
    )
    return int(killed < SHARE * len(results))


if __name__ == "__main__":
    sys.exit(main())
