"""What must hold for hours, in seconds: the loops of tests/faults/long_run.py, and a few kills and keys of its
neighbours."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from faults.long_run import LOOPS, blocks


@pytest.mark.skipif(sys.gettrace() is not None, reason="a coverage grows")
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_does_not_grow(name: str) -> None:
    """An object a step would be 100 of Python's blocks at least."""
    assert blocks(name, 100) < 50


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork, and no SIGKILL")
def test_a_killed_training_loses_nothing_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    from faults.kill_training import campaign

    found = campaign(10, 1, str(tmp_path))
    assert found["killed"] == 10
    assert found["came to the end"] >= 1


@pytest.mark.skipif(not importlib.util.find_spec("pty"), reason="this system has no pseudo-terminals")
def test_ctrl_c_at_random_moments_is_clean(tmp_path: Path) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    from faults.interrupt_training import LIMIT, campaign

    found, longest = campaign(5, 1, str(tmp_path))
    assert sum(found.values()) == 5
    assert longest < LIMIT
