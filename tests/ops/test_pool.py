"""What the cases of `tinygrad_cnn.ops.pool` keep away from: ties, windows in the padding alone, memory, dtypes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.ops import pool
from tinygrad_cnn.tensors import Tensor

GEOMETRIES = [  # kernel, stride, padding, dilation
    ((2, 2), (2, 2), (0, 0), (1, 1)),
    ((3, 2), (1, 1), (1, 0), (1, 1)),
    ((2, 3), (2, 1), (1, 1), (1, 2)),
    ((3, 3), (1, 2), (1, 1), (2, 1)),
]


def naive_max(x: Any, g: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Any, Any, Any]:
    """Maxima, their places in the plane, and g sent to them; the first of equals, row by row, wins."""
    y, places, gx = np.zeros(g.shape), np.zeros(g.shape, np.int64), np.zeros(x.shape)
    for n, c, r, s in np.ndindex(*g.shape):
        best, at = -np.inf, (-1, -1)
        for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
            h = r * stride[0] - padding[0] + i * dilation[0]
            w = s * stride[1] - padding[1] + j * dilation[1]
            if 0 <= h < x.shape[2] and 0 <= w < x.shape[3] and x[n, c, h, w] > best:
                best, at = x[n, c, h, w], (h, w)
        y[n, c, r, s], places[n, c, r, s] = best, at[0] * x.shape[3] + at[1]
        gx[(n, c, *at)] += g[n, c, r, s]
    return y, places, gx


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("values", [1, 2, 3])
def test_ties_go_to_the_first_maximum(geometry: Any, values: int) -> None:
    """Few different values: nearly every window has equals, and windows overlap."""
    rng = np.random.default_rng(values)
    x = rng.integers(-values, 0, (2, 2, 6, 7)).astype(float)  # all below 0: the padding must not win
    t = Tensor(x, requires_grad=True)
    y, places = F.max_pool2d(t, *geometry, return_indices=True)
    g = rng.standard_normal(y.shape)
    expected, at, gx = naive_max(x, g, *geometry)
    np.testing.assert_array_equal(y.numpy(), expected)
    np.testing.assert_array_equal(places.numpy(), at)
    u = Tensor(g, requires_grad=True)
    (got,) = tg.grad(y, t, u, create_graph=True)
    np.testing.assert_allclose(got.numpy(), gx, rtol=1e-12, atol=1e-12)
    v = rng.standard_normal(x.shape)
    (picked,) = tg.grad(got, u, v)  # the gradient of the gradient reads v where the maxima were
    flat = v.reshape(2, 2, -1)
    np.testing.assert_array_equal(picked.numpy(), np.take_along_axis(flat, at.reshape(2, 2, -1), 2).reshape(y.shape))
    image = Tensor(v, requires_grad=True)
    (again,) = tg.grad(pool.max_pool2d_pick(image, x, expected, **named(geometry)), image, g)
    np.testing.assert_allclose(again.numpy(), gx, rtol=1e-12, atol=1e-12)


def named(geometry: Any) -> dict[str, Any]:
    kernel, stride, padding, dilation = geometry
    return {"kernel": kernel, "stride": stride, "padding": tuple((p, p) for p in padding), "dilation": dilation}


def test_a_constant_image_pays_the_first_pixel_of_each_window() -> None:
    x = Tensor(np.ones((1, 1, 4, 4)), requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[0, 0], [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])
    x.grad = None
    F.max_pool2d(x, 2, 1).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[0, 0], np.pad(np.ones((3, 3)), ((0, 1), (0, 1))))


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 2, 1)])
def test_a_window_wholly_in_the_padding_like_torch(torch: Any, shape: Any) -> None:
    """With dilation all taps of a window can miss the image: its maximum is -inf, wherever its gradient may go."""
    x = np.random.default_rng(0).standard_normal(shape)
    y = F.max_pool2d(Tensor(x), 2, 1, 1, 2)
    z = torch.nn.functional.max_pool2d(torch.tensor(x), 2, 1, 1, 2)
    np.testing.assert_array_equal(y.numpy(), z.numpy())


def test_a_window_wholly_in_the_padding() -> None:
    x = Tensor(np.array([[[[3.0]]]]), requires_grad=True)
    y = F.max_pool2d(x, 2, 1, 1, 2)  # taps at -1 and 1 of an image that has 0 alone
    assert y.numpy().tolist() == [[[[-np.inf]]]]
    y.sum().backward()
    assert x.grad.numpy().tolist() == [[[[0.0]]]]


def test_a_pixel_of_minus_infinity_wins_over_the_padding() -> None:
    """Both are -inf. Nine windows of 2x2 on 4x4 pixels between padding: the first pixel of each takes its gradient."""
    x = Tensor(np.full((1, 1, 4, 4), -np.inf), requires_grad=True)
    F.max_pool2d(x, 2, padding=1).sum().backward()
    winners = np.zeros((4, 4))
    winners[np.ix_([0, 1, 3], [0, 1, 3])] = 1
    np.testing.assert_array_equal(x.grad.numpy()[0, 0], winners)
    u, y = np.arange(16.0).reshape(1, 1, 4, 4), np.full((1, 1, 3, 3), -np.inf)
    geometry = named(((2, 2), (2, 2), (1, 1), (1, 1)))
    np.testing.assert_array_equal(pool.max_pool2d_pick(u, x.numpy(), y, **geometry)[0, 0].ravel(), u[0, 0][winners > 0])


@pytest.mark.parametrize("order", ["C", "F", "batch last", "read-only"])
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("padding", [0, 1])
def test_outputs_keep_the_memory_order_and_inputs_are_left_alone(order: str, kind: str, padding: int) -> None:
    x = np.random.default_rng(0).standard_normal((3, 2, 5, 4))
    f = F.max_pool2d if kind == "max" else F.avg_pool2d
    expected = f(x, 2, 1, padding)
    last = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    same = {"C": x, "F": np.asfortranarray(x), "batch last": last, "read-only": x.copy()}[order]
    before = x.copy()
    same.flags.writeable = order != "read-only"
    t = Tensor(same, requires_grad=True)
    y = f(t, 2, 1, padding)
    np.testing.assert_array_equal(y.numpy(), expected)
    assert np.argsort(y.numpy().strides).tolist() == np.argsort(same.strides).tolist()
    y.backward(np.ones(y.shape))
    np.testing.assert_array_equal(same, before)
    plain = Tensor(before, requires_grad=True)
    f(plain, 2, 1, padding).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), plain.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_stay(dtype: Any) -> None:
    x = Tensor(np.arange(16, dtype=dtype).reshape(1, 1, 4, 4), requires_grad=True)
    for f in (F.max_pool2d, F.avg_pool2d):
        x.grad = None
        y = f(x, 3, 1, 1)
        y.sum().backward()
        assert y.dtype == x.grad.dtype == dtype


def test_integers_below_zero_win_against_their_padding() -> None:
    x = np.full((1, 1, 2, 2), -7, np.int32)
    y = pool.max_pool2d(x, **named(((2, 2), (1, 1), (1, 1), (1, 1))))
    assert y.dtype == np.int32
    assert (y == -7).all()


@pytest.mark.parametrize("f", [F.max_pool2d, F.avg_pool2d])
def test_an_empty_batch(f: Any) -> None:
    x = Tensor(np.zeros((0, 2, 4, 4)), requires_grad=True)
    y = f(x, 2)
    assert y.shape == (0, 2, 2, 2)
    y.sum().backward()
    assert x.grad.shape == x.shape


def test_sums_of_overlapping_windows_and_their_adjoint() -> None:
    x, geometry = np.arange(9.0).reshape(1, 1, 3, 3), named(((2, 2), (1, 1), (0, 0), (1, 1)))
    np.testing.assert_array_equal(pool.window_sum(x, **geometry)[0, 0], [[8, 12], [20, 24]])
    back = pool.window_spread(np.ones((1, 1, 2, 2)), size=(3, 3), **geometry)
    np.testing.assert_array_equal(back[0, 0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


# ------------------------------------------------------------------------------------------------------ NaN, emptiness
def test_the_last_of_several_nan_is_where_the_maximum_lies() -> None:
    x = np.array([[[[1.0, np.nan, np.nan, 2.0]]]])
    assert F.max_pool2d(x, (1, 4), return_indices=True)[1].item() == 2
    assert F.adaptive_max_pool2d(x, 1, return_indices=True)[1].item() == 2
    assert F.max_pool2d(np.ones((1, 1, 1, 4)), (1, 4), return_indices=True)[1].item() == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_adaptive_means_keep_what_is_not_finite_in_its_windows(bad: float) -> None:
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    whole = F.adaptive_avg_pool2d(x, (2, 3))
    x[0, 0, 0, 0] = bad
    y = F.adaptive_avg_pool2d(x, (2, 3))
    assert not np.isfinite(y[0, 0, 0, 0])
    np.testing.assert_array_equal(y.ravel()[1:], whole.ravel()[1:])


POOLS = [F.max_pool2d, F.avg_pool2d, F.adaptive_max_pool2d, F.adaptive_avg_pool2d]
ROWS = [F.max_pool1d, F.avg_pool1d, F.adaptive_max_pool1d, F.adaptive_avg_pool1d]


@pytest.mark.parametrize("f", POOLS + ROWS, ids=lambda f: f.__name__)
def test_only_the_batch_may_be_empty(f: Any) -> None:
    shape = (2, 2, 0) if f in ROWS else (2, 2, 4, 0)
    with pytest.raises(ValueError, match=rf"^{f.__name__}: of input, only the batch may be empty, got shape"):
        f(np.zeros(shape), 1)
    assert f(np.zeros((0, *shape[1:-1], 3)), 1).shape[0] == 0


@pytest.mark.parametrize("f", [*POOLS[2:], *ROWS[2:]])
def test_adaptive_pools_take_images_without_channels(f: Any) -> None:
    sides = 2 if f in POOLS else 1
    assert f(tg.zeros(2, 0, *[5] * sides), 3).shape == (2, 0, *[3] * sides)


@pytest.mark.parametrize("f", [f for f in POOLS + ROWS if "avg" in f.__name__], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.int64, np.bool_])
def test_means_of_integers_are_refused(f: Any, dtype: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{f.__name__}: input must be floating point, got dtype {np.dtype(dtype)}"):
        f(np.ones((1, 1, 4) if f in ROWS else (1, 1, 4, 4), dtype), 2)
