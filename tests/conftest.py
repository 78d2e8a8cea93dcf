"""Settings for the whole suite: hypothesis profiles, one BLAS thread a worker, a report of what ran."""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before NumPy is imported
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")  # pictures go to files, never to a screen

import gc
import importlib.metadata
import random
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.register_profile("dev", max_examples=25, deadline=None, print_blob=True)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
hypothesis.settings.load_profile(PROFILE)

MNIST_FILE = "train-images-idx3-ubyte"


def pytest_configure(config: pytest.Config) -> None:
    """No test makes a learner's mistake, but on purpose: with `pytest.warns`, or within ``tg.guard_rails(False)``."""
    config.addinivalue_line("filterwarnings", "error::tinygrad_cnn.arrays.guarding.GuardRailWarning")


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, for tests that compare with it: they count as comparisons, and skip where it is not installed."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: no comparison with it")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run files, and the tests within, in a random order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Asking for the fixture is enough to carry the marker. A name must be the same in every process."""
    if (seed := config.getoption("shuffle")) is not None:
        chance, places = random.Random(seed), dict[Path, float]()
        chance.shuffle(items)
        items.sort(key=lambda item: places.setdefault(item.path, chance.random()))  # a file's together, as its fixtures
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} has an address in its name: give its parameters ids")
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.torch)


def pytest_collection_finish() -> None:
    """What the thousands of tests themselves are made of is no garbage: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Note on each report whether it is of a comparison with PyTorch (the note travels between xdist processes)."""
    outcome = yield
    outcome.get_result().compares_torch = item.get_closest_marker("torch") is not None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not found"


def _blas() -> str:
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


def _mnist() -> str:
    """Where the full MNIST lies: in TINYGRAD_CNN_DATA or in the user's cache."""
    try:
        from tinygrad_cnn.data.finding import cache_folder
    except ImportError as error:  # the tests will say the same, and more
        return f"not looked for ({error})"
    for folder in (os.environ.get("TINYGRAD_CNN_DATA"), cache_folder()):
        if folder and any(Path(folder).glob(f"**/{MNIST_FILE}*")):
            return f"in {folder}"
    return "not found (set TINYGRAD_CNN_DATA to its folder)"


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [
        f"numpy {_version('numpy')} ({_blas()}), torch {_version('torch')}, MNIST {_mnist()}",
        *([] if config.getoption("shuffle") is None else [f"random order, seed {config.getoption('shuffle')}"]),
        f"hypothesis profile {PROFILE}, {hypothesis.settings().max_examples} examples a property",
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each reason to skip with its count, and how many comparisons with PyTorch ran."""
    stats = terminalreporter.stats
    reasons = Counter(_reason(report) for report in stats.get("skipped", []))
    terminalreporter.section("what was compared and what was skipped")
    ran = [r for kind in ("passed", "failed") for r in stats.get(kind, []) if getattr(r, "compares_torch", False)]
    called = [report for report in ran if report.when == "call"]
    agreed = sum(report.passed for report in called)
    terminalreporter.line(f"comparisons with PyTorch {_version('torch')}: {len(called)} ran, {agreed} agreed")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"skipped {count:5d}  {reason}")
    if not reasons:
        terminalreporter.line("skipped     0")


def _reason(report: Any) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(text).removeprefix("Skipped: ")
