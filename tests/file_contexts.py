"""A plugin of pytest: coverage by the file of tests that ran a line, as `random_mutants.py` asks for it.

    PYTHONPATH=tests python -m pytest -n auto -p file_contexts --cov=tinygrad_cnn --cov-branch --cov-report=

One context for each test would be finer, and takes many times as long.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
_latest: list[str] = []  # the file whose test ran last


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: Any) -> None:
    from coverage import Coverage

    record, name = Coverage.current(), str(Path(item.path).relative_to(TESTS))
    if record is not None and _latest[-1:] != [name]:
        record.switch_context(name)
        _latest[:] = [name]
