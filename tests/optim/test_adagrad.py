"""Adagrad beside a literal loop and PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import check_formula, check_torch, decays, dtypes, epsilons, feed, flags, lrs, parameter, seeds

from tinygrad_cnn.optim import Adagrad

hypers = st.fixed_dictionaries(
    {
        "lr": lrs,
        "lr_decay": st.sampled_from([0, 0.01, 0.5]),
        "weight_decay": decays,
        "initial_accumulator_value": st.sampled_from([0, 0.1, 2.0]),
        "eps": epsilons,
    }
)


def literal(
    p: float,
    grads: list[float],
    lr: float,
    lr_decay: float,
    weight_decay: float,
    initial_accumulator_value: float,
    eps: float,
) -> Iterator[float]:
    s = initial_accumulator_value
    for t, g in enumerate(grads, start=1):
        g = g + weight_decay * p
        s = s + g * g
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (math.sqrt(s) + eps)
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(Adagrad, literal, seed, **hyper)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, Adagrad, seed, dtype, maximize, **hyper)


def test_each_group_starts_its_sums_from_its_own_value() -> None:
    a, b = parameter(np.zeros(2)), parameter(np.zeros(2))
    optimizer = Adagrad([{"params": [a]}, {"params": [b], "initial_accumulator_value": 3.0}], lr=1.0, eps=0.0)
    feed(optimizer, [a, b], [[np.ones(2), np.ones(2)]])
    np.testing.assert_array_equal([a.numpy(), b.numpy()], [[-1, -1], [-0.5, -0.5]])
