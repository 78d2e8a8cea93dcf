"""What the cases cannot see of `ops.rounding`: integers, division by 0, halves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_cnn.ops import rounding as r
from tinygrad_cnn.tensors import Tensor

a, b = Tensor(np.array([-7, -6, 5, 7, 0])), Tensor(np.array([2, -3, -2, 4, 5]))


def test_integer_division() -> None:
    pairs = list(zip(a.numpy().tolist(), b.numpy().tolist(), strict=True))
    assert r.floor_divide(a, b).numpy().tolist() == [p // q for p, q in pairs]
    assert r.div(a, b, rounding_mode="trunc").numpy().tolist() == [math.trunc(p / q) for p, q in pairs]
    assert r.remainder(a, b).numpy().tolist() == [p % q for p, q in pairs]
    assert r.fmod(a, b).numpy().tolist() == [int(math.fmod(p, q)) for p, q in pairs]
    assert r.div(a, b).dtype == np.float32
    assert r.floor_divide(a, b).dtype == np.int64


@pytest.mark.parametrize("f", [r.floor_divide, r.remainder, r.fmod, lambda p, q: r.div(p, q, rounding_mode="trunc")])
def test_integers_cannot_be_divided_by_0(f: object) -> None:
    assert callable(f)
    with pytest.raises(RuntimeError, match="divided by 0"):
        f(a, 0)


def test_floats_can() -> None:
    y = r.floor_divide(Tensor(np.array([1.0, -1.0, 0.0])), 0.0).numpy()
    np.testing.assert_array_equal(y, [math.inf, -math.inf, math.nan])


def test_halves_go_to_the_even_neighbour() -> None:
    assert r.round(Tensor(np.array([0.5, 1.5, 2.5, -0.5]))).numpy().tolist() == [0, 2, 2, 0]


def test_steps_have_slope_0() -> None:
    for f in (r.floor, r.ceil, r.trunc, r.round, lambda x: r.floor_divide(x, 2.0)):
        x = Tensor(np.array([1.0, 2.5]), requires_grad=True)
        f(x).sum().backward()
        assert x.grad.numpy().tolist() == [0, 0]


def test_integers_are_round_already() -> None:
    for f in (r.floor, r.ceil, r.trunc, r.round):
        assert f(a).dtype == np.int64
        assert f(a).numpy().tolist() == a.numpy().tolist()
    with pytest.raises(TypeError, match="decimals"):
        r.round(a, decimals=1)


def test_unknown_mode() -> None:
    with pytest.raises(RuntimeError, match=r'None, "floor" or "trunc", got \'up\''):
        r.div(a, b, rounding_mode="up")
