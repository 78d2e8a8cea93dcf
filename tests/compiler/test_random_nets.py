"""Compiled nets drawn at random beside themselves: results, gradients, statistics and dice."""

from __future__ import annotations

import warnings

import pytest

from tests.compiler.random_nets import differences
from tinygrad_cnn.compiler import CompileWarning


@pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")
@pytest.mark.parametrize("first", range(0, 120, 20))
def test_random_nets(first: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", CompileWarning)
        found = {seed: differences(seed) for seed in range(first, first + 20)}
    assert not {seed: wrong for seed, (wrong, _) in found.items() if wrong}
    assert sum(compiled for _, compiled in found.values()) >= 18
