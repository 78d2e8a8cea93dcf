"""What the cases of `tinygrad_cnn.ops.padding` cannot see: memory, dtypes, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops.padding import pad
from tinygrad_cnn.tensors import Tensor

X = np.arange(8.0).reshape(1, 2, 4)
MODES = ("constant", "reflect", "replicate", "circular")


@pytest.mark.parametrize("mode", MODES)
def test_the_memory_order_stays(mode: str) -> None:
    x = np.moveaxis(np.zeros((2, 3, 4, 5)), -1, 0)
    y = pad(x, (1, 1, 1, 1), mode)
    assert np.argsort(y.strides).tolist() == np.argsort(x.strides).tolist()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("widths", [(0, 0), (-1, 0), (-1, -1)])
def test_never_a_view(mode: str, widths: tuple[int, int]) -> None:
    x = Tensor(X.copy())
    y = pad(x, widths, mode)
    assert not np.shares_memory(x.numpy(), y.numpy())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.float16])
def test_dtypes_stay(mode: str, dtype: Any) -> None:
    assert pad(X.astype(dtype), (1, 2), mode).dtype == dtype


def test_the_value_is_one_of_the_dtype() -> None:
    assert pad(np.ones(1, np.int64), (1, 0), value=2.0).tolist() == [2, 1]
    with pytest.raises(ValueError, match=r"pad\(\): 1.7 is no number of dtype int64"):
        pad(np.ones(1, np.int64), (1, 0), value=1.7)


def test_pad_of_a_trailing_dimension_first() -> None:
    assert pad(X, (0, 1, 0, 2, 0, 3)).shape == (4, 4, 5)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_the_largest_images_agree_with_numpy(mode: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 7))
    theirs = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    np.testing.assert_array_equal(pad(x, (6, 3, 2, 7), mode), np.pad(x, ((0, 0), (0, 0), (2, 7), (6, 3)), theirs))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pad(X, (1, 1), "mirror"), "mirror"),
        (lambda: pad(X, (1,)), r"\(1,\) must hold"),
        (lambda: pad(X, (1,) * 8), "at most 6"),
        (lambda: pad(X, (-5, 2)), "cut more than the 4 entries of dimension 2"),
        (lambda: pad(X, (-3, -2)), "cut more"),
        (lambda: pad(X, (4, 0), "reflect"), "dimension 2, of size 4, by at most 3"),
        (lambda: pad(X, (0, 5), "circular"), "by at most 4"),
        (lambda: pad(X, (-2, 3), "circular"), "size 2, by at most 2"),
        (lambda: pad(X[0, 0], (1, 1), "reflect"), r"got shape \(4,\)"),
        (lambda: pad(X, (), "replicate"), "0 dimensions"),
        (lambda: pad(X, (1, 1, 1, 1, 1, 1), "replicate"), "3 dimensions"),
        (lambda: pad(X[..., :0], (1, 1), "replicate"), "entries to pad from"),
        (lambda: pad(X, (-4, 0), "reflect"), "entries to pad from"),
        (lambda: pad(X, (1, 1), "reflect", 1.0), "takes no value"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_widths_are_integers() -> None:
    with pytest.raises(TypeError, match=r"1\.5"):
        pad(X, (1.5, 1))
