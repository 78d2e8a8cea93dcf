"""SGD beside a literal loop and PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import check_formula, check_torch, decays, dtypes, feed, flags, lrs, parameter, seeds

from tinygrad_cnn.optim import SGD


@st.composite
def hypers(draw: Any) -> dict[str, Any]:
    momentum = draw(st.sampled_from([0, 0.5, 0.9, 1.1]))
    nesterov = bool(momentum) and draw(flags)
    dampening = 0 if nesterov else draw(st.sampled_from([0, 0.1, 0.9, -0.5]))
    return {"lr": draw(lrs), "momentum": momentum, "dampening": dampening, "nesterov": nesterov,
            "weight_decay": draw(decays)}  # fmt: skip


def literal(
    p: float, grads: list[float], lr: float, momentum: float, dampening: float, nesterov: bool, weight_decay: float
) -> Iterator[float]:
    b = None
    for g in grads:
        g = g + weight_decay * p
        if momentum != 0:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p = p - lr * g
        yield p


@given(hyper=hypers(), seed=seeds)
def test_formula(hyper: dict[str, Any], seed: int) -> None:
    check_formula(SGD, literal, seed, **hyper)


@given(hyper=hypers(), seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, SGD, seed, dtype, maximize, **hyper)


def test_by_hand() -> None:
    p = parameter(np.array([1.0]))
    feed(SGD([p], lr=0.5, momentum=0.5), [p], [[np.array([1.0])]] * 3)
    assert p.numpy() == 1 - 0.5 * (1 + 1.5 + 1.75)


def test_without_momentum_no_state() -> None:
    p = parameter(np.ones(3))
    optimizer = SGD([p], lr=0.1)
    feed(optimizer, [p], [[np.ones(3)]])
    assert optimizer.state_dict()["state"] == {}


def test_momentum_switched_on_later_starts_like_the_first_step() -> None:
    p = parameter(np.zeros(2))
    optimizer = SGD([p], lr=1.0, dampening=0.5)
    feed(optimizer, [p], [[np.ones(2)]])
    optimizer.param_groups[0]["momentum"] = 0.9
    feed(optimizer, [p], [[np.ones(2)]])
    np.testing.assert_array_equal(optimizer.state[p]["momentum_buffer"].numpy(), [1, 1])


@pytest.mark.parametrize("hyper", [{"nesterov": True}, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_plain_momentum(hyper: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"nesterov needs momentum > 0 and dampening 0, got momentum .* dampening"):
        SGD([parameter(np.ones(2))], **hyper)
