"""ASGD beside a literal loop and PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import check_formula, check_torch, decays, dtypes, feed, flags, lrs, numbers, parameter, seeds

from tinygrad_cnn.optim import ASGD

hypers = st.fixed_dictionaries(
    {
        "lr": lrs,
        "lambd": st.sampled_from([0, 1e-4, 0.1]),
        "alpha": st.sampled_from([0.5, 0.75, 1.0]),
        "t0": st.sampled_from([0, 3, 1e6]),
        "weight_decay": decays,
    }
)


def literal(
    p: float,
    grads: list[float],
    lr: float,
    lambd: float,
    alpha: float,
    t0: float,  # noqa: ARG001  (it starts the average, which no parameter sees)
    weight_decay: float,
) -> Iterator[float]:
    eta = lr
    for t, g in enumerate(grads, start=1):
        g = g + weight_decay * p
        p = p * (1 - lambd * eta) - eta * g
        eta = lr / (1 + lambd * lr * t) ** alpha
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(ASGD, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, ASGD, seed, dtype, maximize, **hyper)


def test_the_average_is_the_mean_of_the_way_after_t0() -> None:
    start, grads = numbers(0, (3,))
    p = parameter(start.copy())
    optimizer = ASGD([p], lr=0.1, t0=2)
    way = []
    for g in grads:
        feed(optimizer, [p], [[g]])
        way.append(p.numpy().copy())
    np.testing.assert_allclose(optimizer.state[p]["ax"].numpy(), np.mean(way[3:], axis=0), rtol=1e-12)
