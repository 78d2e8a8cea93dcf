"""Adadelta beside a literal loop and PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import check_formula, check_torch, decays, dtypes, epsilons, flags, lrs, parameter, seeds

from tinygrad_cnn.optim import Adadelta

hypers = st.fixed_dictionaries(
    {"lr": lrs, "rho": st.sampled_from([0.0, 0.5, 0.9, 1.0]), "eps": epsilons, "weight_decay": decays}
)


def literal(p: float, grads: list[float], lr: float, rho: float, eps: float, weight_decay: float) -> Iterator[float]:
    v = u = 0.0
    for g in grads:
        g = g + weight_decay * p
        v = rho * v + (1 - rho) * g * g
        d = math.sqrt(u + eps) / math.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d * d
        p = p - lr * d
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(Adadelta, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, Adadelta, seed, dtype, maximize, **hyper)


@pytest.mark.parametrize("rho", [-0.1, 1.1])
def test_rho_out_of_range(rho: float) -> None:
    with pytest.raises(ValueError, match=rf"rho must be in \[0, 1\], got {rho}"):
        Adadelta([parameter(np.ones(2))], rho=rho)
