"""RMSprop beside a literal loop and PyTorch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import check_formula, check_torch, decays, dtypes, epsilons, feed, flags, lrs, parameter, seeds

from tinygrad_cnn.optim import RMSprop

hypers = st.fixed_dictionaries(
    {
        "lr": lrs,
        "alpha": st.sampled_from([0.0, 0.5, 0.9, 0.99]),
        "eps": epsilons,
        "weight_decay": decays,
        "momentum": st.sampled_from([0, 0.5, 0.9]),
        "centered": flags,
    }
)


def literal(
    p: float,
    grads: list[float],
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    centered: bool,
) -> Iterator[float]:
    v = a = b = 0.0
    for g in grads:
        g = g + weight_decay * p
        v = alpha * v + (1 - alpha) * (g * g)
        a = alpha * a + (1 - alpha) * g
        variance = max(v - a * a, 0) if centered else v
        b = momentum * b + g / (math.sqrt(variance) + eps)
        p = p - lr * b
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(RMSprop, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    if hyper["centered"]:  # a difference of nearly equal numbers: only where it is no rounding error
        hyper = {**hyper, "alpha": max(hyper["alpha"], 0.5), "eps": max(hyper["eps"], 1e-4), "weight_decay": 0}
        hyper["lr"] = min(hyper["lr"], 0.01)
    check_torch(torch, RMSprop, seed, dtype, maximize, **hyper)


def test_a_constant_gradient_leaves_no_nan_when_centered() -> None:
    """v - a^2 is 0 up to rounding, which may make it negative."""
    p = parameter(np.zeros(1000, np.float32))
    gradient = np.linspace(0.1, 7, 1000, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feed(RMSprop([p], alpha=0.0, centered=True), [p], [[gradient]] * 20)
        feed(RMSprop([p], alpha=0.5, centered=True), [p], [[gradient]] * 60)
    assert np.isfinite(p.numpy()).all()


def test_a_variance_that_rounding_made_negative_counts_as_0() -> None:
    """Its entries step by lr g / eps, as those of a variance of exactly 0 do: its size is rounding, so no size."""
    start = np.zeros(1000, np.float32)
    gradient = np.linspace(0.1, 7, 1000, dtype=np.float32)
    p = parameter(start)
    optimizer = RMSprop([p], lr=0.5, alpha=0.5, eps=1e-3, centered=True)
    feed(optimizer, [p], [[gradient]] * 60)
    before = p.numpy().copy()
    feed(optimizer, [p], [[gradient]])
    v, a = (optimizer.state[p][name].numpy() for name in ("square_avg", "grad_avg"))
    none = v - a * a <= 0
    assert (v - a * a < 0).sum() > 20
    np.testing.assert_allclose((before - p.numpy())[none], (0.5 * gradient / 1e-3)[none], rtol=1e-3)
