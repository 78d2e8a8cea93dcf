"""Copies between memory orders: the numbers are those of NumPy's own copy, whatever the order and the blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cnn.arrays import copying


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and threads for arrays of a few numbers."""
    for name, value in {"_SMALL": 0, "_LARGE": 50, "_STEP": 8, "_FEW": 3, "_LINES": 6}.items():
        monkeypatch.setattr(copying, name, value)


def ordered(x: Any, order: Any) -> Any:
    """The same numbers, with the dimensions in this order in memory."""
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


@given(
    shape=st.lists(st.integers(0, 7), min_size=1, max_size=4),
    orders=st.tuples(st.randoms(use_true_random=False), st.randoms(use_true_random=False)),
    backwards=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64, np.int8]),
)
def test_copies_are_numpys(shape: list[int], orders: Any, backwards: bool, dtype: Any) -> None:
    mine, others = (sorted(range(len(shape)), key=lambda _: r.random()) for r in orders)
    x = ordered(np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype), others)
    if backwards:
        x = x[::-1]
    out = ordered(np.zeros(shape, dtype), mine)
    copying.copy_into(out, x)
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(copying.contiguous(x), x)
    assert copying.contiguous(x).flags.c_contiguous


def test_broadcast_arrays_can_be_copied() -> None:
    out = np.zeros((4, 5, 6))
    copying.copy_into(out, np.broadcast_to(np.arange(5.0)[:, None], out.shape))
    np.testing.assert_array_equal(out, np.broadcast_to(np.arange(5.0)[:, None], out.shape))


@pytest.mark.parametrize(("N", "C", "blocks"), [(64, 64, 18), (60, 15, 0), (60, 63, 1)])
def test_blocks_are_taken_where_lines_compete_or_are_many(
    N: int, C: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    seen: list[Any] = []
    numpys = np.copyto
    monkeypatch.setattr(np, "copyto", lambda out, x: (seen.append(out.shape), numpys(out, x)))
    monkeypatch.setattr(copying, "divide", lambda n, job, _: job(0, n))
    x = np.random.default_rng(0).random((12, 12, N, C), dtype=np.float32).transpose(2, 3, 0, 1)
    np.testing.assert_array_equal(copying.contiguous(x), x)
    assert len(seen) == max(1, blocks)
    assert (seen[0] == x.shape) is (blocks == 0)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (1, 2, 3, 0), (2, 1, 3, 0)])
@pytest.mark.parametrize("shape", [(3, -1), (3, 4, -1), (-1,), (3, 2, 2, 5, 1)])
def test_reshaped_is_reshape(order: Any, shape: Any) -> None:
    x = ordered(np.arange(60.0).reshape(3, 4, 5, 1), order)
    whole = np.reshape(np.ascontiguousarray(x), shape)
    np.testing.assert_array_equal(copying.reshaped(x, whole.shape), whole)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(24.0).reshape(2, 3, 4)[::-1, :, ::-2],
        np.broadcast_to(np.arange(3), (4, 3)),
        np.arange(24).reshape(4, 6).T[::2, 1:],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.float32(3.0).reshape(()),
        np.zeros((0, 3)),
    ],
)
def test_a_copy_that_lies_as_the_array_does(x: Any) -> None:
    y = copying.as_it_lies(x)
    np.testing.assert_array_equal(y, x)
    assert (y.dtype, y.strides) == (x.dtype, x.strides)
    assert not np.may_share_memory(x, y)
