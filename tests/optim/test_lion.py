"""Lion beside a literal loop (PyTorch has none)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import betas, check_formula, decays, feed, lrs, parameter, seeds

from tinygrad_cnn.optim import Lion

hypers = st.fixed_dictionaries({"lr": lrs, "betas": betas, "weight_decay": decays})


def literal(
    p: float, grads: list[float], lr: float, betas: tuple[float, float], weight_decay: float
) -> Iterator[float]:
    beta1, beta2 = betas
    m = 0.0
    for g in grads:
        c = beta1 * m + (1 - beta1) * g
        sign = 1 if c > 0 else -1 if c < 0 else 0
        p = p - lr * (sign + weight_decay * p)
        m = beta2 * m + (1 - beta2) * g
        yield p


@given(hyper=hypers, seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(Lion, literal, seed, **hyper)


def test_every_entry_moves_by_lr_and_a_zero_not_at_all() -> None:
    p = parameter(np.zeros(5, np.float32))
    feed(Lion([p], lr=0.25), [p], [[np.array([1e-30, -3.0, 0.0, -0.0, np.inf], np.float32)]])
    np.testing.assert_array_equal(p.numpy(), [-0.25, 0.25, 0, 0, -0.25])
