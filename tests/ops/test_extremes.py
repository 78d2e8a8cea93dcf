"""What the cases cannot see of `ops.extremes`: ties, NaN, errors, calling forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops import extremes as e
from tinygrad_cnn.tensors import Tensor


def gradient(f: Any, values: Any) -> Any:
    x = Tensor(np.array(values, np.float64), requires_grad=True)
    f(x).sum().backward()
    return x.grad.numpy().tolist()


def test_ties_share_or_the_first_takes_all() -> None:
    tied = [[1.0, 3.0, 3.0], [0.0, 0.0, 0.0]]
    assert gradient(lambda x: e.amax(x, 1), tied) == [[0, 0.5, 0.5], [1 / 3] * 3]
    assert gradient(lambda x: e.max(x), tied) == [[0, 0.5, 0.5], [0, 0, 0]]
    assert gradient(lambda x: e.max(x, 1).values, tied) == [[0, 1, 0], [1, 0, 0]]
    assert gradient(lambda x: e.min(x, 1)[0], tied) == [[1, 0, 0], [1, 0, 0]]
    assert gradient(lambda x: e.min(x), tied) == [[0, 0, 0], [1 / 3] * 3]
    assert gradient(lambda x: e.median(x), tied) == [[0] * 3, [1 / 3] * 3]


def test_forms_of_max() -> None:
    a, b = Tensor(np.array([1.0, 5.0])), Tensor(np.array([2.0, 4.0]))
    assert e.max(a, b).numpy().tolist() == e.max(a, other=b).numpy().tolist() == [2, 5]
    assert e.min(a, b.numpy()).numpy().tolist() == [1, 4]
    assert e.max(a).item() == 5
    values, indices = e.max(a, -1, True)
    assert values.numpy().tolist() == [5]
    assert indices.numpy().tolist() == [1]
    assert indices.dtype == np.int64
    assert isinstance(e.max(a.numpy(), 0).indices, (np.ndarray, np.generic))


def test_nan_wins() -> None:
    x = np.array([1.0, math.nan, 3.0])
    assert math.isnan(e.max(x))
    assert math.isnan(e.amin(x))
    assert e.max(x, 0).indices == 1
    assert e.argmin(x) == 1
    assert math.isnan(e.median(x))
    assert e.nanmedian(x) == 1
    assert e.median(x, 0).indices == 1
    assert e.nanmedian(x, 0).indices == 0


@pytest.mark.parametrize("f", [e.amax, e.amin, e.argmax, e.argmin, e.max, e.min, e.median])
def test_nothing_to_choose_from(f: Any) -> None:
    with pytest.raises(ValueError, match=rf"{f.__name__}: nothing to choose from over dim=1 .*\(2, 0\)"):
        f(Tensor(np.zeros((2, 0))), 1)
    f(Tensor(np.zeros((0, 2))), 1)  # no slice, so no question


def test_booleans_have_no_place_but_a_largest() -> None:
    assert e.max(np.array([False, True]), 0).values == np.True_
    with pytest.raises(TypeError, match="booleans"):
        e.argmax(np.array([True]))


def test_argmax_of_all_counts_as_flattened() -> None:
    x = np.array([[1.0, 2.0], [9.0, 3.0]])
    assert e.argmax(x) == 2
    assert e.argmax(np.asfortranarray(x)) == 2
    assert e.argmax(x, keepdim=True).shape == (1, 1)
    with pytest.raises(TypeError):
        e.argmax(x, (0, 1))  # type: ignore[arg-type]
