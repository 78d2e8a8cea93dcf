"""Bugs put in by hand, one at a time, to see whether the tests notice. A script: `python tests/mutants.py`.

The bugs stand in the tables of `tests/bugs`, with the tests that should notice each. The tree is copied to a temporary
folder. There each bug is made, its narrow tests run, and, should they pass, the whole suite: only a bug that this does
not notice either is a survivor. Nothing depends on PyTorch: comparisons with it are left out. At the end the tests that
killed run once more without a bug; those that fail there have killed nothing.

    python tests/mutants.py --only ops --only windows    # areas: see --help
    python tests/mutants.py --match softmax --jobs 2
    python tests/mutants.py --only train --narrow        # minutes: never the whole suite
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from bugs import AREAS, BUGS, Bug

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
COPIED = ("tinygrad_cnn", "tests", "examples", "docs", "benchmarks", "pyproject.toml", "Makefile", *PAGES)
SHARE = 0.96  # of the bugs that must be killed: 48 of 50
LIMIT = 900  # seconds for one run of tests
NO_END = 124  # the status of one that took longer

# Hypothesis draws the same examples each time, and does not shrink: that a test fails is all that is asked.
PLUGIN = """
import hypothesis

def pytest_configure(config):
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutants", max_examples=25, deadline=None, derandomize=True, database=None, phases=phases
    )
    hypothesis.settings.load_profile("mutants")
"""


# ------------------------------------------------------------------------------------------------------------- running
class Result(NamedTuple):
    bug: Bug
    killer: str  # the test that failed; empty for a survivor
    whole: bool  # did it take the whole suite?
    seconds: float


def copy_tree(to: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif source.exists():
            shutil.copy(source, to / name)
    (to / "no_shrinking.py").write_text(PLUGIN)


def pytest(
    tree: Path, tests: list[str], limit: float = LIMIT, marked: str = "not torch", named: str = ""
) -> tuple[int, str]:
    """The exit status of these tests on a tree, and the first that failed; no end within ``limit`` seconds is one.

    With ``named``, of the tests those whose names this expression of ``-k`` picks.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "HYPOTHESIS_PROFILE": "dev", "PYTHONPATH": str(tree), "COLUMNS": "200"}
    plugins = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no_shrinking")
    fits = ("--ignore", "tests/test_mutants.py")  # it fails where a bug is in already
    command = [sys.executable, "-m", "pytest", "-x", "-q", *plugins, "-m", marked, "-k", named, *fits, *tests]
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return NO_END, tests[0]
    if done.returncode == 5:  # none of these is marked so
        return 0, ""
    if done.returncode not in (0, 1, 2):
        command = [sys.executable, "-c", "import tinygrad_cnn"]
        if subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False).returncode:
            return 1, "import tinygrad_cnn"
        raise SystemExit(f"pytest {' '.join(tests)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr}")
    found = re.search(r"^(?:FAILED|ERROR) (\S+?::.*?|\S+)(?: - .*)?$", done.stdout, re.MULTILINE)
    return done.returncode, found[1] if found else "tests" if done.returncode else ""


def put_in(tree: Path, bug: Bug) -> str:
    """Make the bug; returns what stood in the file."""
    path = tree / "tinygrad_cnn" / bug.file
    text = path.read_text()
    if text.count(bug.old) != 1 or bug.old == bug.new:
        raise SystemExit(f"{bug.file} has {text.count(bug.old)} times what the bug changes: {bug.old!r}")
    write(path, text.replace(bug.old, bug.new))
    return text


def write(path: Path, text: str) -> None:
    """A source file, and no older compiled one beside it: two writes in a second may look the same to Python."""
    path.write_text(text)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def hunt(tree: Path, bug: Bug, narrow: bool) -> Result:
    """The bug in the tree, its tests, the whole suite if they pass; the tree is as before afterwards."""
    before, start, whole = put_in(tree, bug), time.perf_counter(), False
    try:
        status, killer = pytest(tree, bug.tests)
        if not status and not narrow:
            whole = True
            status, killer = pytest(tree, ["tests"])
    finally:
        write(tree / "tinygrad_cnn" / bug.file, before)
    return Result(bug, killer, whole, time.perf_counter() - start)


def line(result: Result) -> str:
    old, new = (" ".join(text.split())[:60] for text in (result.bug.old, result.bug.new))
    verdict = f"killed by {result.killer}" if result.killer else "SURVIVED"
    verdict += " (in the whole suite)" if result.killer and result.whole else ""
    return f"{result.seconds:6.1f} s  {result.bug.file}: {old!r} -> {new!r}\n          {verdict}"


def chosen(only: list[str], match: str) -> Iterator[Bug]:
    for bug in BUGS:
        if (not only or bug.area in only) and match in f"{bug.file} {bug.old} {bug.new}":
            yield bug


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", default=[], choices=AREAS, help="an area; may be given again")
    parser.add_argument("--match", default="", help="only bugs whose file or text contains this")
    parser.add_argument("--narrow", action="store_true", help="do not ask the whole suite about survivors")
    parser.add_argument("--jobs", type=int, default=1, help="bugs at a time, each in a copy of its own")
    arguments = parser.parse_args()
    bugs, start = list(chosen(arguments.only, arguments.match)), time.perf_counter()
    if not bugs:
        parser.error("no bug is chosen")
    with tempfile.TemporaryDirectory() as folder:
        trees: Queue[Path] = Queue()
        for k in range(arguments.jobs):
            tree = Path(folder) / str(k)
            copy_tree(tree)
            trees.put(tree)
        for bug in bugs:  # all of them fit, or nothing is run
            path = tree / "tinygrad_cnn" / bug.file
            write(path, put_in(tree, bug))

        def job(bug: Bug) -> Result:
            tree = trees.get()
            try:
                result = hunt(tree, bug, arguments.narrow)
            finally:
                trees.put(tree)
            print(line(result), flush=True)
            return result

        with ThreadPoolExecutor(arguments.jobs) as pool:
            results = list(pool.map(job, bugs))
        killers = sorted({result.killer for result in results if ".py" in result.killer})
        status, broken = pytest(trees.get(), killers) if killers else (0, "")
    if status:
        print(f"\n{broken} fails without any bug, so it has killed none")
        return 1
    survivors = [result for result in results if not result.killer]
    print(f"\n{'area':<12}{'bugs':>6}{'killed':>8}")
    for area in dict.fromkeys(bug.area for bug in bugs):
        mine = [result for result in results if result.bug.area == area]
        print(f"{area:<12}{len(mine):>6}{sum(bool(r.killer) for r in mine):>8}")
    print(
        f"{len(bugs)} bugs, {len(bugs) - len(survivors)} killed in {time.perf_counter() - start:.0f} s, "
        f"by {len(killers)} different tests; survivors: {'none' if not survivors else ''}"
    )
    for result in survivors:
        print(line(result))
    return int(len(survivors) > (1 - SHARE) * len(bugs))


if __name__ == "__main__":
    sys.exit(main())
