"""Adamax beside a literal loop and PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from optim.reference import betas, check_formula, check_torch, decays, dtypes, epsilons, flags, lrs, seeds

from tinygrad_cnn.optim import Adamax

hypers = st.fixed_dictionaries({"lr": lrs, "betas": betas, "eps": epsilons, "weight_decay": decays})


def literal(
    p: float, grads: list[float], lr: float, betas: tuple[float, float], eps: float, weight_decay: float
) -> Iterator[float]:
    beta1, beta2 = betas
    m = u = 0.0
    for t, g in enumerate(grads, start=1):
        g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, abs(g) + eps)
        p = p - lr / (1 - beta1**t) * m / u
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(Adamax, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, Adamax, seed, dtype, maximize, **hyper)
