"""What the cases of `tinygrad_cnn.ops.conv` are too small to see: blocks of rows, memory orders, empty batches."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.arrays.convolution import im2col, rowview
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.ops import conv
from tinygrad_cnn.tensors import Tensor

GEOMETRIES: list[dict[str, Any]] = [
    {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1},
    {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2), "groups": 1},
    {"stride": (1, 2), "padding": ((0, 2), (1, 0)), "dilation": (2, 1), "groups": 2},
]


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def batch_last(x: Any) -> Any:
    """The same numbers, with the batch innermost in memory."""
    return np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)


# ------------------------------------------------------------------------------------------------------ blocks of rows
def all_three(geometry: dict[str, Any]) -> list[Any]:
    """A convolution, both of its gradients with their hints, and the gradients of these."""
    x = Tensor(numbers(2, 4, 8, 7), requires_grad=True)
    w = Tensor(numbers(6, 4 // geometry["groups"], 3, 2, seed=1), requires_grad=True)
    b = Tensor(numbers(6, seed=2), requires_grad=True)
    y = conv.conv2d(x, w, b, **geometry)
    u, v = (Tensor(numbers(*t.shape, seed=s)) for s, t in ((3, y), (4, x)))
    gx, gw, gb = tg.grad(y, [x, w, b], u, create_graph=True)
    second = tg.grad((gx * v).sum() + (gw * gw).sum(), [x, w])
    direct = conv.conv2d_weight(
        u.numpy(), x.numpy(), size=(3, 2), **geometry
    )  # without the columns of the forward pass
    np.testing.assert_allclose(direct, gw.numpy(), rtol=1e-12, atol=1e-12)
    return [t.numpy() for t in (y, gx, gw, gb, *second)]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("block", [1, 150, 400])
def test_columns_in_blocks_of_rows_change_nothing(
    geometry: dict[str, Any], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = all_three(geometry)
    monkeypatch.setattr(conv, "choose", lambda *_, **__: im2col)
    monkeypatch.setattr(im2col, "_BLOCK", block)
    monkeypatch.setattr(im2col, "_AT_ONCE", 0)
    for a, b in zip(all_three(geometry), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("block", [1, 40, 100, 10**9])
def test_blocks_cover_each_row_once(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(im2col, "_BLOCK", block)
    for oh in (1, 2, 7):
        blocks = im2col._blocks(20, 0, oh)
        assert [row for rows in blocks for row in rows] == list(range(oh))
        assert all(len(rows) == 1 or 20 * len(rows) <= block for rows in blocks)


@pytest.mark.parametrize(("algorithm", "limit"), [(im2col, "_BLOCK"), (rowview, "_KEPT")])
def test_columns_are_kept_for_the_gradient_only_when_they_are_few(
    algorithm: ModuleType, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conv, "choose", lambda *_, **__: algorithm)
    monkeypatch.setattr(im2col, "_AT_ONCE", 0)
    x, w = Tensor(numbers(1, 1, 4, 4)), Tensor(numbers(1, 1, 2, 2), requires_grad=True)
    assert conv.conv2d(x, w, **GEOMETRIES[0])._node.attributes["columns"] is not None
    monkeypatch.setattr(algorithm, limit, 1)
    assert conv.conv2d(x, w, **GEOMETRIES[0])._node.attributes["columns"] is None


# ------------------------------------------------------------------------------------------------------- memory orders
@pytest.mark.parametrize("order", ["C", "F", "batch last", "read-only"])
@pytest.mark.parametrize("padding", [0, 1])
def test_outputs_and_gradients_have_the_batch_innermost(order: str, padding: int) -> None:
    x = numbers(3, 2, 5, 4)
    w = numbers(2, 2, 2, 3, seed=1)
    expected = F.conv2d(x, w, padding=padding)
    same = {"C": x, "F": np.asfortranarray(x), "batch last": batch_last(x), "read-only": x.copy()}[order]
    same.flags.writeable = order != "read-only"
    t = Tensor(same, requires_grad=True)
    y = F.conv2d(t, w, padding=padding)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    assert y.numpy().strides[0] == y.numpy().itemsize
    g = numbers(*y.shape, seed=2)
    gx = conv.conv2d_input(g, w, size=(5, 4), **{**GEOMETRIES[0], "padding": ((padding,) * 2,) * 2})
    assert gx.strides[0] == gx.itemsize
    y.backward(g)
    np.testing.assert_allclose(t.grad.numpy(), gx, rtol=1e-12)
    np.testing.assert_array_equal(same, x)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_float32_stays_in_all_three(geometry: dict[str, Any]) -> None:
    x = Tensor(numbers(2, 2, 6, 6).astype(np.float32), requires_grad=True)
    w = Tensor(numbers(2, 2 // geometry["groups"], 2, 2).astype(np.float32), requires_grad=True)
    y = conv.conv2d(x, w, **geometry)
    gx, gw = tg.grad(y.sum(), [x, w], create_graph=True)
    second = tg.grad(gx.sum() + (gw * gw).sum(), [x, w])
    assert {t.dtype for t in (y, gx, gw, *second)} == {np.dtype(np.float32)}


# --------------------------------------------------------------------------------------------------- batches and groups
def test_an_empty_batch() -> None:
    x, w, b = Tensor(np.zeros((0, 2, 5, 5)), requires_grad=True), numbers(4, 2, 3, 3), numbers(4)
    w, b = Tensor(w, requires_grad=True), Tensor(b, requires_grad=True)
    y = F.conv2d(x, w, b, padding=1)
    assert y.shape == (0, 4, 5, 5)
    y.sum().backward()
    assert x.grad.shape == x.shape
    assert not w.grad.numpy().any()
    assert not b.grad.numpy().any()
    assert w.grad.shape == w.shape


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_groups_are_convolutions_side_by_side(groups: int) -> None:
    x, w = numbers(2, 6, 5, 4), numbers(12, 6 // groups, 2, 2, seed=1)
    y = F.conv2d(x, w, stride=2, padding=1, groups=groups)
    parts = [
        F.conv2d(a, b, stride=2, padding=1) for a, b in zip(np.split(x, groups, 1), np.split(w, groups, 0), strict=True)
    ]
    np.testing.assert_allclose(y, np.concatenate(parts, 1), rtol=1e-12, atol=1e-12)


def test_one_side_padded_is_a_padded_image() -> None:
    x, w = numbers(2, 1, 4, 3), numbers(2, 1, 2, 2, seed=1)
    sides = {"stride": (1, 1), "dilation": (1, 1), "groups": 1}
    y = conv.conv2d(x, w, padding=((1, 0), (0, 2)), **sides)
    np.testing.assert_allclose(y, F.conv2d(np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2))), w), rtol=1e-12, atol=1e-12)
    g = numbers(*y.shape, seed=2)
    framed = conv.conv2d_input(g, w, size=(5, 5), padding=((0, 0), (0, 0)), **sides)
    gx = conv.conv2d_input(g, w, size=(4, 3), padding=((1, 0), (0, 2)), **sides)
    np.testing.assert_allclose(gx, framed[:, :, 1:, :3], rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize("f", [F.conv2d, F.conv_transpose2d])
@pytest.mark.parametrize("shape", [(0, 1, 2, 2), (1, 0, 2, 2), (1, 1, 0, 2), (1, 1, 2, 0)])
def test_an_empty_weight_is_refused(f: Any, shape: tuple[int, ...]) -> None:
    channels = shape[1] if f is F.conv2d else shape[0]
    with pytest.raises(ValueError, match=rf"^{f.__name__}: weight must not be empty, got shape"):
        f(np.ones((1, channels, 4, 4)), np.ones(shape), padding=1)


@pytest.mark.parametrize("f", [F.conv2d, F.conv_transpose2d])
def test_an_image_without_pixels_is_refused(f: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{f.__name__}: input has no pixels, its shape is \(1, 1, 0, 4\)"):
        f(np.ones((1, 1, 0, 4)), np.ones((1, 1, 2, 2)), padding=1)


@pytest.mark.parametrize("f", [F.conv2d, F.conv_transpose2d, F.linear])
def test_a_bias_has_the_dtype_of_the_input_and_a_number_for_each_channel(f: Any) -> None:
    x, w = (np.ones((1, 2)), np.ones((2, 2))) if f is F.linear else (np.ones((1, 2, 4, 4)), np.ones((2, 2, 1, 1)))
    with pytest.raises(TypeError, match=rf"^{f.__name__}: input and bias must have the same dtype"):
        f(x, w, np.ones(2, np.float32))
    with pytest.raises(ValueError, match=rf"^{f.__name__}: bias must have shape \(2,\)"):
        f(x, w, np.ones(1))
    for dtype in (np.int64, np.bool_):
        with pytest.raises(TypeError, match=rf"^{f.__name__}: input must be floating point"):
            f(x.astype(dtype), w.astype(dtype))


@pytest.mark.parametrize("shape", [(0, 4, 4), (1, 4, 0)])
def test_windows_of_nothing_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^unfold: of input, only the batch may be empty"):
        F.unfold(np.ones(shape), 1, padding=1)
    with pytest.raises(ValueError, match=r"^fold: of input, only the batch may be empty"):
        F.fold(np.ones((1, 0, 4)), 2, 1)


# ---------------------------------------------------------------------------------------------------------------- bias
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1)])
def test_the_gradient_of_the_bias_is_a_sum_in_every_memory_order(order: tuple[int, ...]) -> None:
    g = numbers(*[(3, 4, 5, 6)[i] for i in order]).transpose(np.argsort(order))
    np.testing.assert_allclose(conv.conv2d_bias(g), g.sum((0, 2, 3)), rtol=1e-12)
