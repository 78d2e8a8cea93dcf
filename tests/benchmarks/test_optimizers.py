"""`benchmarks/optimizers.py`: who races does the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.optimizers import NETS, OPTIMIZERS, Flat, contestants, made, race


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_by_hand_the_same_bits_come_out(name: str) -> None:
    (params, alone), (others, together) = (made(NETS["N2"], name, fused=fused) for fused in (False, True))
    flat = Flat(*(np.concatenate([t.numpy().ravel() for t in ts]) for ts in (params, [p.grad for p in params])))
    for _ in range(3):
        alone.step()
        together.step()
        getattr(flat, name)(**OPTIMIZERS[name])
    for found in (params, others):
        np.testing.assert_array_equal(np.concatenate([p.numpy().ravel() for p in found]), flat.p)


def test_a_race_times_everybody() -> None:
    steps: dict[str, Any] = contestants(NETS["N2"], "SGD")
    assert all(us > 0 for us in race(steps, seconds=0.01).values())
    assert list(steps) == ["one by one", "together", "by hand"]


def test_the_resnet_has_its_parameters() -> None:
    assert len(NETS["ResNet"]) == 59
