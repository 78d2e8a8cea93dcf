"""NaN and inf, found in whatever holds numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.arrays.finite import finite, first_bad

BAD = [np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3)])
def test_arrays_and_numbers(bad: float, dtype: Any, shape: tuple[int, ...]) -> None:
    a = np.ones(shape, dtype)
    assert finite(a)
    a.flat[-1] = bad
    assert not finite(a)
    assert not finite(a.flat[-1])
    assert not finite(bad)
    last = tuple(n - 1 for n in shape)
    assert first_bad(a) == f"{dtype(bad)} at index {last} of shape {shape}"


@pytest.mark.parametrize("good", [1, True, "inf", None, [], np.arange(3), np.array([True]), np.ones((0, 2)), 1.5])
def test_all_else_is_finite(good: Any) -> None:
    assert finite(good)
