"""RAdam beside a literal loop and PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import (
    betas,
    check_formula,
    check_torch,
    decays,
    dtypes,
    epsilons,
    feed,
    flags,
    lrs,
    parameter,
    seeds,
)

from tinygrad_cnn.optim import RAdam

hypers = st.fixed_dictionaries(
    {"lr": lrs, "betas": betas, "eps": epsilons, "weight_decay": decays, "decoupled_weight_decay": flags}
)


def literal(
    p: float,
    grads: list[float],
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decoupled_weight_decay: bool,
) -> Iterator[float]:
    beta1, beta2 = betas
    rho_inf = 2 / (1 - beta2) - 1
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        if decoupled_weight_decay:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat = m / (1 - beta1**t)
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        if rho > 5:
            r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            m_hat = m_hat * r * math.sqrt(1 - beta2**t) / (math.sqrt(v) + eps)
        p = p - lr * m_hat
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(RAdam, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, RAdam, seed, dtype, maximize, **hyper)


def test_adaptive_from_the_sixth_step_on() -> None:
    """With beta2 = 0.999, rho passes 5 at t = 6 (Liu et al. 2020): until then the step follows the gradient's size."""
    small, large = parameter(np.zeros(1)), parameter(np.zeros(1))
    optimizer = RAdam([small, large], lr=1.0)
    moves = []
    for _ in range(6):
        before = small.numpy()[0], large.numpy()[0]
        feed(optimizer, [small, large], [[np.array([1.0]), np.array([100.0])]])
        moves.append((large.numpy()[0] - before[1]) / (small.numpy()[0] - before[0]))
    np.testing.assert_allclose(moves, [100] * 5 + [1], rtol=1e-6)
