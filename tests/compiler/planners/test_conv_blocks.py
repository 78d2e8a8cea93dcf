"""A convolution with its relu and its max-pool as one step, against the operations that it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_cnn.arrays.scratch import Desk
from tinygrad_cnn.compiler.planners import epilogue
from tinygrad_cnn.compiler.planners.conv import Block, conv_block, conv_block_back
from tinygrad_cnn.compiler.planners.rows import Rows
from tinygrad_cnn.compiler.planners.wide import Wide
from tinygrad_cnn.ops.conv import conv2d, conv2d_bias, conv2d_input, conv2d_weight
from tinygrad_cnn.ops.elementwise import gate, relu
from tinygrad_cnn.ops.pool import max_pool2d, max_pool2d_input

CHANNELS = st.sampled_from([1, 2, 3, 5, 32, 33])


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Block, tuple[int, ...], tuple[int, ...]]:
    """What is done, and the shapes of x and w."""

    def pair(least: int, most: int) -> tuple[int, int]:
        return draw(st.integers(least, most)), draw(st.integers(least, most))

    kernel, stride, pool = pair(1, 3), pair(1, 2), pair(1, 3)
    padding = (pair(0, 2), pair(0, 2))
    block = Block(stride, padding, (1, draw(st.integers(1, 2))), draw(st.booleans()), pool, draw(st.booleans()))
    C, O, (H, W) = draw(CHANNELS), draw(CHANNELS), pair(5, 11)
    return block, (draw(st.integers(1, 4)), C, H, W), (O, C, *kernel)


def by_operations(block: Block, g: Any, x: Any, w: Any, b: Any) -> tuple[Any, ...]:
    """y and the gradients of w, b and x."""
    how = {"stride": block.stride, "padding": block.padding, "dilation": block.dilation, "groups": 1}
    pool = {"kernel": block.pool, "stride": block.pool, "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
    plain = conv2d(x, w, b, **how)
    bent = relu(plain) if block.relu else plain
    y = max_pool2d(bent, **pool)
    g = max_pool2d_input(g(y.shape), bent, y, **pool)
    g = gate(g, bent) if block.relu else g
    return y, conv2d_weight(g, x, size=w.shape[2:], **how), conv2d_bias(g), conv2d_input(g, w, size=x.shape[2:], **how)


def by_block(block: Block, g: Any, x: Any, w: Any, b: Any) -> tuple[Any, ...]:
    """The same in one step forth and one back."""
    y, *kept = conv_block(x, w, b, block=block, kept=True)
    (alone,) = conv_block(x, w, b, block=block, kept=False)
    if len(x) > 1:  # a single image without a way back goes another way
        assert np.array_equal(y, alone, equal_nan=True)
    np.testing.assert_allclose(alone, y, rtol=1e-4, atol=1e-4)
    rest = () if isinstance(block.on(x.shape, w.shape, x.dtype), Rows) else (x,)
    slopes = conv_block_back(g(y.shape), y, w, *kept, *rest, block=block, size=x.shape, bias=True, image=True)
    (only,) = conv_block_back(g(y.shape), y, w, *kept, *rest, block=block, size=x.shape, bias=False, image=False)
    np.testing.assert_allclose(only, slopes[0], rtol=1e-4, atol=1e-4)
    return y, *slopes


@settings(deadline=None)
@given(blocks(), st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32 - 1))
def test_one_step_gives_what_its_operations_give(drawn: Any, dtype: Any, seed: int) -> None:
    block, size, kernels = drawn
    if block.on(size, kernels, np.dtype(dtype)) is None:
        return
    rng = np.random.default_rng(seed)
    x, w, b = (rng.standard_normal(s).astype(dtype) for s in (size, kernels, kernels[:1]))

    def g(shape: tuple[int, ...]) -> Any:
        return np.random.default_rng(seed).standard_normal(shape).astype(dtype)

    for ours, theirs in zip(by_block(block, g, x, w, b), by_operations(block, g, x, w, b), strict=True):
        size_of = max(1.0, float(np.abs(theirs).max()))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=size_of * (2e-4 if dtype is np.float32 else 1e-11))


@settings(deadline=None)
@given(blocks(), st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32 - 1))
def test_one_image_after_the_other_gives_what_operations_give(drawn: Any, dtype: Any, seed: int) -> None:
    block, (_, *size), kernels = drawn
    work = block.on_one((1, *size), kernels, np.dtype(dtype), Desk().of_job())
    if work is None or block.on((1, *size), kernels, np.dtype(dtype)) is None:
        return
    rng = np.random.default_rng(seed)
    for _ in range(2):  # on the same memory
        x, w, b = (rng.standard_normal(s).astype(dtype) for s in ((1, *size), kernels, kernels[:1]))
        x[0, 0, 1, 2] = np.nan
        w = w.transpose(1, 0, 2, 3).copy().transpose(1, 0, 2, 3)  # in another memory order
        theirs = by_operations(block, np.zeros, x, w, b)[0]
        ours = work.result.anew()
        work.forward(ours, (), x, w, b)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3 if dtype is np.float32 else 1e-11)


def test_one_large_image_is_not_taken_at_once() -> None:
    block, memory = Block((1, 1), ((1, 1), (1, 1)), (1, 1), True, (1, 1), False), Desk().of_job()
    assert block.on_one((1, 32, 16, 16), (32, 32, 3, 3), np.dtype(np.float32), memory)
    assert block.on_one((1, 32, 64, 64), (32, 32, 3, 3), np.dtype(np.float32), memory) is None
    assert block.on_one((2, 32, 16, 16), (32, 32, 3, 3), np.dtype(np.float32), memory) is None


@pytest.mark.parametrize("channels", [(2, 3), (2, 32), (32, 32)])
@pytest.mark.parametrize("pool", [(1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2), (4, 4)])
@pytest.mark.parametrize(("relu_", "last"), [(False, True), (True, False), (True, True)])
def test_each_kind(
    channels: tuple[int, int], pool: tuple[int, int], stride: tuple[int, int], relu_: bool, last: bool
) -> None:
    C, O = channels
    rng = np.random.default_rng(6)
    block = Block(stride, ((1, 0), (0, 2)), (1, 1), relu_, pool, last)
    x, w, b = (rng.standard_normal(s) for s in ((3, C, 14, 13), (O, C, 3, 3), (O,)))
    g = lambda shape: np.random.default_rng(7).standard_normal(shape)  # noqa: E731
    for ours, theirs in zip(by_block(block, g, x, w, b), by_operations(block, g, x, w, b), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("channels", [(2, 3), (2, 32), (32, 32)])
def test_one_row_of_windows_at_a_time(channels: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epilogue, "BLOCK", 1)
    test_each_kind(channels, (2, 2), (1, 1), True, channels[1] == 32)


@pytest.mark.parametrize("channels", [(2, 3), (2, 32), (32, 32)])
def test_a_tie_goes_to_the_first_and_nan_is_the_largest(channels: tuple[int, int]) -> None:
    """Small whole numbers, so that every sum is exact, and many windows have several largest."""
    C, O = channels
    rng = np.random.default_rng(3)
    block = Block((1, 1), ((1, 1), (1, 1)), (1, 1), False, (2, 3), True)
    x, w, b = (rng.integers(-1, 2, s).astype(np.float64) for s in ((3, C, 8, 9), (O, C, 2, 2), (O,)))
    x[0, 0, 4, 4] = np.nan
    g = lambda shape: np.random.default_rng(4).integers(1, 9, shape).astype(np.float64)  # noqa: E731
    for ours, theirs in zip(by_block(block, g, x, w, b), by_operations(block, g, x, w, b), strict=True):
        assert np.array_equal(ours, theirs, equal_nan=True)


def test_kernels_that_are_infinite_touch_no_pixel_beside_the_image() -> None:
    block = Block((1, 1), ((1, 1), (1, 1)), (1, 1), True, (2, 2), True)
    rng = np.random.default_rng(5)
    x, w, b = (rng.standard_normal(s) for s in ((2, 2, 6, 6), (3, 2, 3, 3), (3,)))
    w[0, 0, 0, 0] = np.inf
    with np.errstate(all="ignore"):
        ours = by_block_image(block, x, w, b)
        theirs = by_operations(block, np.ones, x, w, b)[3]
    assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))


def by_block_image(block: Block, x: Any, w: Any, b: Any) -> Any:
    y, *kept = conv_block(x, w, b, block=block, kept=True)
    return conv_block_back(np.ones(y.shape), y, w, *kept, block=block, size=x.shape, bias=True, image=True)[2]


@pytest.mark.parametrize(
    ("x", "w", "what"),
    [
        ((4, 1, 28, 28), (8, 1, 3, 3), Rows),
        ((4, 1, 28, 28), (32, 1, 3, 3), Rows),
        ((4, 32, 12, 12), (33, 32, 3, 3), Wide),
        ((4, 32, 12, 12), (33, 32, 5, 5), Rows),  # lighter in columns of a row
        ((4, 2, 12, 12), (4, 1, 3, 3), type(None)),  # two groups
        ((0, 1, 12, 12), (4, 1, 3, 3), type(None)),
        ((4, 1, 2, 2), (4, 1, 2, 2), type(None)),  # no window
        ((300, 1, 28, 28), (8, 1, 28, 3), Rows),
        ((3000, 9, 28, 28), (8, 9, 28, 3), type(None)),  # the columns take too much memory
    ],
)
def test_who_does_it(x: tuple[int, ...], w: tuple[int, ...], what: type) -> None:
    block = Block((1, 1), ((0, 0), (0, 0)), (1, 1), True, (1, 2) if w[2] == 28 else (2, 2), True)
    assert type(block.on(x, w, np.dtype(np.float32))) is what


def test_a_dilated_height_is_left_to_the_operation() -> None:
    block = Block((1, 1), ((0, 0), (0, 0)), (2, 1), True, (1, 1), True)
    assert block.on((2, 1, 9, 9), (3, 1, 3, 3), np.dtype(np.float64)) is None
    assert isinstance(block.on((2, 32, 9, 9), (32, 32, 3, 3), np.dtype(np.float64)), Wide)
    assert block.on((2, 1, 9, 9), (3, 1, 3, 3), np.dtype(np.int64)) is None
