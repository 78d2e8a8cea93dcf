"""A normalisation with what follows it as one step, against the operations that it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_cnn.compiler.planners.norm import Follow, norm_block, norm_block_back
from tinygrad_cnn.ops.elementwise import gate, relu
from tinygrad_cnn.ops.normalization import normalize, normalize_bias, normalize_input, normalize_weight
from tinygrad_cnn.ops.pool import max_pool2d, max_pool2d_input

ORDERS = [(2, 3, 0, 1), (1, 2, 3, 0), (0, 1, 2, 3), (2, 1, 3, 0), (0, 2, 3, 1), (3, 2, 1, 0), (3, 2, 0, 1)]
SIDE = st.integers(3, 9)


def in_memory(a: Any, order: Any) -> Any:
    """a, its dimensions in this order from the outermost inwards."""
    return np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))


def by_operations(follow: Follow, g: Any, x: Any, affine: Any, added: Any) -> tuple[Any, ...]:
    """y, mean, r, and the gradients of x, w, b and of what was added."""
    plain, known = normalize.op.forward(x, *affine, dim=(0, 2, 3), eps=follow.eps)  # type: ignore[attr-defined]
    pool = {"kernel": follow.pool, "stride": follow.pool, "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
    summed = plain + added if follow.residual else plain
    bent = relu(summed) if follow.relu else summed
    y = max_pool2d(bent, **pool) if follow.pooled else bent
    g = g(y.shape)
    g = max_pool2d_input(g, bent, y, **pool) if follow.pooled else g
    g = gate(g, bent) if follow.relu else g
    how = {"dim": (0, 2, 3), "eps": follow.eps, "mean": known["mean"], "r": known["r"]}
    shape = known["mean"].shape
    dx = normalize_input(g, x, *affine[:1], **how)
    return (
        y,
        known["mean"],
        known["r"],
        dx,
        normalize_weight(g, x, shape=shape, **how),
        normalize_bias(g, shape=shape),
        g,
    )


def by_block(follow: Follow, g: Any, x: Any, affine: Any, added: Any) -> tuple[Any, ...]:
    """The same in one step forth and one back."""
    given = [x, *affine, *([added] if follow.residual else [])]
    y, mean, _, r, *kept = norm_block(*given, follow=follow, kept=True)
    alone = norm_block(*given, follow=follow, kept=False)
    assert len(alone) == 4
    assert np.array_equal(y, alone[0], equal_nan=True)
    g, rest = g(y.shape), [*affine, *([y] if follow.relu or follow.tells else []), *kept]
    names = "xwby" if follow.relu or follow.pooled else "xwb"  # that of y is g itself
    slopes = norm_block_back(g, x, mean, r, *rest, follow=follow, found=names)
    for name, slope in zip(names, slopes, strict=True):
        (only,) = norm_block_back(g, x, mean, r, *rest, follow=follow, found=name)
        assert np.array_equal(only, slope, equal_nan=True)
    return y, mean, r, *slopes, *([g] if names == "xwb" else [])


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Numbers of which some are equal."""
    return np.where(rng.random(shape) < 0.5, rng.integers(-2, 3, shape), rng.standard_normal(shape)).astype(dtype)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, ...]:
    pool = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    follow = Follow(1e-5, draw(st.integers(0, 2)), draw(st.booleans()), draw(st.booleans()), pool)
    N, C, H, W = (draw(sizes) for sizes in (st.integers(2, 5), st.sampled_from([1, 2, 3, 33]), SIDE, SIDE))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return follow, (N, C, H, W), draw(st.sampled_from(ORDERS)), dtype, draw(st.integers(0, 99))


@settings(deadline=None)
@given(cases(), st.sampled_from([1 << 8, 1 << 17]))
def test_it_is_what_its_operations_are(case: Any, size: int) -> None:
    follow, shape, order, dtype, seed = case
    rng = np.random.default_rng(seed)
    x = in_memory(numbers(rng, shape, dtype), order)
    affine = [
        numbers(rng, (1, shape[1], 1, 1), dtype) for _ in range(follow.affine)
    ]  # zeros and negative ones among them
    added = numbers(rng, shape, dtype) + 3 * (np.arange(x.size).reshape(shape) % 7).astype(dtype)

    def g(shape: Any) -> Any:
        return numbers(np.random.default_rng(seed), shape, dtype)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tinygrad_cnn.compiler.planners.images.BLOCK", size)
        patch.setattr("tinygrad_cnn.compiler.planners.images.WIDE", 16 * size)
        found = by_block(follow, g, x, affine, added)
    for ours, theirs in zip(found, by_operations(follow, g, x, affine, added), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(
            ours, theirs, rtol=0, atol=(2e-4 if dtype is np.float32 else 1e-11) * max(1, np.abs(theirs).max())
        )
