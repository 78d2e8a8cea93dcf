"""Compiled nets drawn at random beside themselves: results, gradients, statistics, dice and errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.random_nets import differences, draw, outcomes
from tinygrad_cnn import nn

pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_nets(first: int) -> None:
    found = {seed: differences(seed) for seed in range(first, first + 10)}
    assert not {seed: wrong for seed, (wrong, _) in found.items() if wrong}
    assert sum(not eager for _, eager in found.values()) >= 9


@pytest.mark.parametrize("error", [1e-4, -1e-4])
def test_a_difference_of_more_than_rounding_is_seen(error: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is small: in the gradients of layers, at least."""
    seed = next(seed for seed in range(50) if any(isinstance(m, nn.Conv2d) for m in draw(seed).net.modules()))
    assert not differences(seed)[0]
    plain = outcomes

    def wrong(case: object, model: nn.Module, *noise: np.random.Generator) -> list[list[object]]:
        found = plain(case, model, *noise)  # type: ignore[arg-type]
        if hasattr(model, "_plans"):
            found[1] = [x * np.float32(1 + error) if isinstance(x, np.ndarray) else x for x in found[1]]
        return found

    monkeypatch.setattr("tests.compiler.random_nets.outcomes", wrong)
    assert differences(seed)[0]
