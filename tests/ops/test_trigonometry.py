"""What the cases cannot see of `ops.trigonometry`: integers, poles, the origin."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from tinygrad_cnn.ops import trigonometry as f
from tinygrad_cnn.tensors import Tensor


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "asin", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"])
def test_integers_become_float32(name: str) -> None:
    assert getattr(f, name)(Tensor(np.array([1, 0]))).dtype == np.float32


def test_poles_are_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Tensor(np.array([1.0, -1.0]), requires_grad=True)
        assert f.atanh(x).numpy().tolist() == [math.inf, -math.inf]
        f.asin(x).sum().backward()
        assert x.grad.numpy().tolist() == [math.inf, math.inf]
        assert np.isnan(f.acos(Tensor(np.array(2.0))).item())


def test_atan2_at_the_origin() -> None:
    a, b = Tensor(np.zeros(1), requires_grad=True), Tensor(np.zeros(1), requires_grad=True)
    f.atan2(a, b).sum().backward()
    assert a.grad.item() == b.grad.item() == 0
    assert f.atan2(np.array(1.0), np.array(-1.0)) == 0.75 * math.pi
