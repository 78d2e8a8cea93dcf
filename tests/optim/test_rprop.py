"""Rprop beside a literal loop and PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import check_formula, check_torch, dtypes, feed, flags, lrs, parameter, seeds

from tinygrad_cnn.optim import Rprop

hypers = st.fixed_dictionaries(
    {
        "lr": lrs,
        "etas": st.sampled_from([(0.5, 1.2), (0.1, 3.0)]),
        "step_sizes": st.sampled_from([(1e-6, 50), (0.01, 0.1)]),
    }
)


def literal(
    p: float, grads: list[float], lr: float, etas: tuple[float, float], step_sizes: tuple[float, float]
) -> Iterator[float]:
    step, before = lr, 0.0
    for g in grads:
        if g * before > 0:
            step = step * etas[1]
        elif g * before < 0:
            step = step * etas[0]
        step = min(max(step, step_sizes[0]), step_sizes[1])
        if g * before < 0:
            g = 0.0
        p = p - step * (math.copysign(1, g) if g else 0)
        before = g
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(Rprop, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, Rprop, seed, dtype, maximize, **hyper)


def test_an_entry_rests_once_after_a_change_of_sign() -> None:
    p = parameter(np.zeros(1))
    optimizer = Rprop([p], lr=1.0)
    way = []
    for g in (1.0, 1.0, -1.0, -1.0, -1.0):
        feed(optimizer, [p], [[np.array([g])]])
        way.append(p.numpy()[0])
    np.testing.assert_allclose(way, [-1, -2.2, -2.2, -1.6, -0.88])


@pytest.mark.parametrize(
    "hyper",
    [
        {"etas": (1.0, 0.5)}, {"etas": (0.0, 2.0)}, {"etas": (0.5,)}, {"etas": "ab"},
        {"step_sizes": (2.0, 1.0)}, {"step_sizes": 3},
    ],
)  # fmt: skip
def test_pairs_out_of_range(hyper: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(hyper))} must be"):
        Rprop([parameter(np.zeros(1))], **hyper)
