"""NAdam beside a literal loop and PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from optim.reference import betas, check_formula, check_torch, decays, dtypes, epsilons, flags, lrs, seeds

from tinygrad_cnn.optim import NAdam

hypers = st.fixed_dictionaries(
    {
        "lr": lrs,
        "betas": betas,
        "eps": epsilons,
        "weight_decay": decays,
        "momentum_decay": st.sampled_from([0, 4e-3, 0.5]),
        "decoupled_weight_decay": flags,
    }
)


def literal(
    p: float,
    grads: list[float],
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    momentum_decay: float,
    decoupled_weight_decay: bool,
) -> Iterator[float]:
    beta1, beta2 = betas
    mu = [math.nan] + [beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)) for t in range(1, len(grads) + 2)]
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        if decoupled_weight_decay:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat = mu[t + 1] * m / (1 - math.prod(mu[1 : t + 2])) + (1 - mu[t]) * g / (1 - math.prod(mu[1 : t + 1]))
        p = p - lr * m_hat / (math.sqrt(v / (1 - beta2**t)) + eps)
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(NAdam, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    # with beta2 = 0, PyTorch adds two large numbers of opposite sign to p, one by one: a matter of rounding
    hyper = {**hyper, "betas": (hyper["betas"][0], max(hyper["betas"][1], 0.5))}
    check_torch(torch, NAdam, seed, dtype, maximize, **hyper)
