"""What the cases of `tinygrad_cnn.ops.shape` cannot see: memory, messages, calling forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops import grids
from tinygrad_cnn.ops import shape as s
from tinygrad_cnn.tensors import Tensor


def batch_last(n: int = 5, c: int = 2, h: int = 3, w: int = 4) -> Any:
    """An (N, C, H, W) array whose memory runs (C, H, W, N)."""
    return np.moveaxis(np.arange(float(c * h * w * n)).reshape(c, h, w, n), -1, 0)


# ------------------------------------------------------------------------------------------------------------- memory
def test_flattening_a_batch_last_tensor_copies_nothing() -> None:
    x = Tensor(batch_last(), requires_grad=True)
    y = s.flatten(x, 1)
    assert np.shares_memory(y.numpy(), x.numpy())
    assert y.numpy().strides == (8, 40)
    np.testing.assert_array_equal(y.numpy(), np.ascontiguousarray(x.numpy()).reshape(5, 24))


def test_the_gradient_of_flatten_is_a_view_of_what_comes_in() -> None:
    g = np.moveaxis(np.arange(120.0).reshape(24, 5), -1, 0)  # (N, F), batch-last
    back = s._reshape(g, shape=(5, 2, 3, 4))
    assert np.shares_memory(g, back)
    assert back.strides[0] == 8


def test_a_copy_of_batch_last_memory_stays_batch_last() -> None:
    x = np.moveaxis(np.arange(120.0).reshape(3, 2, 4, 5), -1, 0).swapaxes(1, 2)  # (N, C, H, W) from (H, C, W, N)
    y = s.flatten(x, 1)
    assert not np.shares_memory(x, y)
    assert y.strides == (8, 40)
    np.testing.assert_array_equal(y, np.ascontiguousarray(x).reshape(5, 24))


@pytest.mark.parametrize(
    "view",
    [
        lambda x: s.reshape(x, (6, 4)),
        lambda x: s.flatten(x),
        lambda x: s.unflatten(x, 2, (2, 2)),
        lambda x: s.squeeze(s.unsqueeze(x, 1)),
        lambda x: s.transpose(x, 0, 2),
        lambda x: s.permute(x, (2, 0, 1)),
        lambda x: s.movedim(x, 0, -1),
        lambda x: s.expand(x, 2, -1, -1, -1),
        lambda x: grids.broadcast_tensors(x, np.ones(4))[0],
        lambda x: s.atleast_3d(x),
    ],
)
def test_views_share_memory_and_say_so(view: Any) -> None:
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    y = view(x)
    assert np.shares_memory(x.numpy(), y.numpy())
    assert y._view is not None
    x.zero_()
    assert not y.numpy().any()


def test_clone_has_its_own_memory_in_the_same_order() -> None:
    x = Tensor(batch_last())
    y = s.clone(x)
    assert not np.shares_memory(x.numpy(), y.numpy())
    assert y.numpy().strides == x.numpy().strides


def test_contiguous_returns_what_is_contiguous() -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3))
    assert s.contiguous(x) is x
    y = s.contiguous(s.transpose(x, 0, 1))
    assert y.numpy().flags.c_contiguous
    assert y.shape == (3, 2)


# ------------------------------------------------------------------------------------------------------ calling forms
def test_sizes_come_apart_or_as_a_sequence() -> None:
    x = Tensor(np.arange(6.0))
    for y in (x.reshape(2, 3), x.reshape((2, 3)), x.reshape([2, -1]), x.view(2, 3), x.reshape(np.int64(2), 3)):
        assert y.shape == (2, 3)
    assert x.reshape(6).shape == (6,)
    assert Tensor(np.ones((1, 1))).reshape(()).shape == ()
    m = x.reshape(2, 3)
    assert m.permute(1, 0).shape == m.permute((1, 0)).shape == m.permute(-1, -2).shape == (3, 2)
    assert m.expand(4, 2, 3).shape == m.expand((4, -1, -1)).shape == (4, 2, 3)


def test_atleast_takes_several_tensors_or_a_list() -> None:
    a, b = s.atleast_2d(np.float64(1.0), np.ones(3))
    assert (a.shape, b.shape) == ((1, 1), (1, 3))
    assert [x.shape for x in s.atleast_1d([np.float64(1.0), np.ones(3)])] == [(1,), (3,)]
    assert s.atleast_3d(np.ones((2, 3))).shape == (2, 3, 1)


def test_results_are_arrays_for_arrays_and_keep_the_dtype() -> None:
    for dtype in (np.float16, np.float32, np.int8, np.bool_):
        y = s.reshape(np.ones((2, 3), dtype), (3, 2))
        assert type(y) is np.ndarray
        assert y.dtype == dtype


def test_meshgrid_counts_x_and_y() -> None:
    x, y = grids.meshgrid(np.arange(3), np.arange(2), indexing="xy")
    assert x.shape == (2, 3)
    assert x.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert y.tolist() == [[0, 0, 0], [1, 1, 1]]


# -------------------------------------------------------------------------------------------------------------- errors
X = np.zeros((2, 3, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: s.reshape(X, (5, 5)), ValueError, r"24 elements of shape \(2, 3, 4\) as \(5, 5\)"),
        (lambda: s.reshape(X, (-1, -1)), ValueError, r"\(-1, -1\)"),
        (lambda: s.reshape(X, (-1, 5)), ValueError, "product"),
        (lambda: s.reshape(X, (-2, 12)), ValueError, "-2"),
        (lambda: s.reshape(X[:0], (-1, 0)), ValueError, "ambiguous"),
        (lambda: s.reshape(X, (2.0, 12)), TypeError, "2.0"),
        (lambda: s.reshape([1, 2], (2, 1)), TypeError, "list"),
        (lambda: s.flatten(X, 2, 1), ValueError, "start_dim=2 comes after end_dim=1"),
        (lambda: s.flatten(X, 3), IndexError, "start_dim=3 is out of range for 3 dimensions: expected -3 to 2"),
        (lambda: s.unflatten(X, 1, (2, 2)), ValueError, r"\(2, 2\)"),
        (lambda: s.unflatten(X, 1, ()), ValueError, "empty"),
        (lambda: s.unflatten(np.float64(1), 0, (1,)), IndexError, "0-d"),
        (lambda: s.unflatten(X, 1, 3), TypeError, "3"),
        (lambda: s.squeeze(X, (0, 0)), ValueError, "twice"),
        (lambda: s.squeeze(X, 3), IndexError, "dim=3"),
        (lambda: s.unsqueeze(X, 4), IndexError, "-4 to 3"),
        (lambda: s.transpose(X, 0, 3), IndexError, "dim1=3"),
        (lambda: s.transpose(X, "0", 1), TypeError, "str"),
        (lambda: s.permute(X, (0, 1)), ValueError, "each of the 3 dimensions"),
        (lambda: s.permute(X, (0, 1, 1)), ValueError, "twice"),
        (lambda: s.t(X), ValueError, "at most 2"),
        (lambda: s.movedim(X, (0, 1), 0), ValueError, "length"),
        (lambda: s.expand(X, 2, 3, 5), ValueError, r"\(2, 3, 4\) does not expand to \(2, 3, 5\)"),
        (lambda: s.expand(X, 3, 4), ValueError, "does not expand"),
        (lambda: s.expand(X, -1, 2, 3, 4), ValueError, "keeps a size"),
        (lambda: grids.broadcast_tensors(X, np.zeros(3)), ValueError, r"\(2, 3, 4\), \(3,\)"),
        (lambda: grids.meshgrid(X), ValueError, "vectors"),
        (lambda: grids.meshgrid(), ValueError, "at least one"),
        (lambda: grids.meshgrid(X[0, 0], indexing="yx"), ValueError, "yx"),
        (lambda: grids.meshgrid(np.ones(2), np.ones(2, int)), ValueError, "float64 and int64"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
