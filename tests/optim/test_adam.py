"""Adam and AdamW beside a literal loop and PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
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

from tinygrad_cnn.optim import Adam, AdamW

common = {"lr": lrs, "betas": betas, "eps": epsilons, "weight_decay": decays, "amsgrad": flags}
hypers = st.fixed_dictionaries({**common, "decoupled_weight_decay": flags})
hypers_w = st.fixed_dictionaries(common)


def literal(
    p: float,
    grads: list[float],
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    amsgrad: bool,
    decoupled_weight_decay: bool = True,
) -> Iterator[float]:
    beta1, beta2 = betas
    m = v = largest = 0.0
    for t, g in enumerate(grads, start=1):
        if decoupled_weight_decay:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        largest = max(largest, v)
        m_hat = m / (1 - beta1**t)
        v_hat = (largest if amsgrad else v) / (1 - beta2**t)
        p = p - lr * m_hat / (math.sqrt(v_hat) + eps)
        yield p


@given(hyper=hypers, seed=seeds)
def test_adam_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(Adam, literal, seed, **hyper)


@given(hyper=hypers_w, seed=seeds)
def test_adamw_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(AdamW, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_adam_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, Adam, seed, dtype, maximize, **hyper)


@given(hyper=hypers_w, seed=seeds, dtype=dtypes, maximize=flags)
def test_adamw_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, AdamW, seed, dtype, maximize, **hyper)


@pytest.mark.parametrize("cls", [Adam, AdamW])
def test_the_first_step_is_lr_whatever_the_gradient(cls: Any) -> None:
    p = parameter(np.zeros(3))
    feed(cls([p], lr=0.1, eps=0.0), [p], [[np.array([1e-3, -5.0, 1e6])]])
    np.testing.assert_allclose(p.numpy(), [-0.1, 0.1, -0.1], rtol=1e-12)


def test_adamw_decays_by_default_and_apart_from_the_gradient() -> None:
    p = parameter(np.array([2.0]))
    feed(AdamW([p], lr=0.5), [p], [[np.array([0.0])]])
    assert p.numpy() == 2 * (1 - 0.5 * 0.01)
    assert Adam([p]).defaults["weight_decay"] == 0
