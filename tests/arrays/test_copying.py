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


def pieces(shape: tuple[int, ...], order: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, **limits: int) -> list[Any]:
    """The shapes that are copied at a time into an array in C order, from one with this order in memory."""
    seen: list[Any] = []
    numpys = np.copyto
    for name, value in limits.items():
        monkeypatch.setattr(copying, name, value)
    with monkeypatch.context() as patch:
        patch.setattr(np, "copyto", lambda out, x: (seen.append(out.shape), numpys(out, x)))
        patch.setattr(copying, "divide", lambda n, job, seconds: (taken.append(seconds), job(0, n)))
        taken: list[float] = []
        x = ordered(np.arange(np.prod(shape, dtype=float)).reshape(shape), order)
        out = np.zeros(shape)
        copying.copy_into(out, x)
    np.testing.assert_array_equal(out, x)
    assert all(0.2e-9 < seconds / out.size < 2e-9 for seconds in taken)  # some 8 bytes in a nanosecond, there and back
    assert len(taken) == 1 or len(seen) == 1
    return seen


NEVER = 1 << 60


def test_few_lines_are_taken_at_a_time_where_they_have_one_place_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"_SMALL": 0, "_LARGE": NEVER, "_STEP": 64, "_FEW": 3}
    assert pieces((8, 7), (1, 0), monkeypatch, **limits) == [(8, 3), (8, 3), (8, 1)]  # 64 bytes apart
    assert pieces((16, 3), (1, 0), monkeypatch, **limits) == [(16, 3)]
    assert pieces((7, 7), (1, 0), monkeypatch, **limits) == [(7, 7)]  # 56
    assert pieces((8, 7), (0, 1), monkeypatch, **limits) == [(8, 7)]  # in order already
    assert pieces((8, 4, 7), (2, 1, 0), monkeypatch, **limits) == [(8, 4, 7)]  # lines of two dimensions
    limits["_SMALL"] = 56
    assert pieces((8, 7), (1, 0), monkeypatch, **limits) == [(8, 3), (8, 3), (8, 1)]
    limits["_SMALL"] = 57
    assert pieces((8, 7), (1, 0), monkeypatch, **limits) == [(8, 7)]


def test_as_many_lines_as_stay_in_the_cache_are_taken_of_a_large_array(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"_SMALL": 0, "_LARGE": 56, "_STEP": NEVER, "_LINES": 5}
    assert pieces((8, 7), (1, 0), monkeypatch, **limits) == [(8, 5), (8, 2)]
    assert pieces((11, 5), (1, 0), monkeypatch, **limits) == [(11, 5)]  # 55 numbers
    assert pieces((7, 9), (1, 0), monkeypatch, **limits) == [(7, 9)]  # lines that are read in one go
    assert pieces((8, 5, 2), (2, 1, 0), monkeypatch, **limits) == [(8, 2, 2), (8, 2, 2), (8, 1, 2)]
    assert pieces((8, 2, 7), (2, 1, 0), monkeypatch, **limits) == [(8, 1, 7)] * 2  # at least one
    assert pieces((3, 8, 2, 4), (0, 3, 2, 1), monkeypatch, **limits) == [(3, 8, 1, 4)] * 2
    assert pieces((3, 8, 4), (2, 0, 1), monkeypatch, **limits) == [(24, 4)]


def test_a_batch_that_runs_innermost_stays_so_when_it_is_reshaped() -> None:
    x = np.arange(120.0).reshape(4, 3, 2, 5)
    last = ordered(x, (1, 2, 3, 0))
    for shape in ((4, 30), (4, 6, 5), (4, 3, 10), (4, 3, 2, 5)):
        found = copying.reshaped(last, shape)
        np.testing.assert_array_equal(found, x.reshape(shape))
        assert found.strides[0] == 8
        assert np.shares_memory(found, last)
    for shape in ((3, 40), (12, 10), (120,), (2, 2, 30)):  # other batches
        np.testing.assert_array_equal(copying.reshaped(last, shape), x.reshape(shape))
    assert np.shares_memory(copying.reshaped(x, (4, 30)), x)
    between = ordered(x, (1, 0, 2, 3))  # the batch within the channels, but outside of the pixels
    np.testing.assert_array_equal(copying.reshaped(between, (4, 30)), x.reshape(4, 30))
    assert copying.reshaped(between, (4, 30)).flags.c_contiguous


@pytest.mark.parametrize("shape", [(4, 3), (2, 2, 3), (4, 3, 1), (12,), ()])
def test_matrices_lists_and_numbers_are_reshaped_as_by_numpy(shape: Any) -> None:
    n = int(np.prod(shape, dtype=int))
    for x in (
        np.arange(float(n)),
        np.arange(float(n)).reshape(-1, n),
        np.asfortranarray(np.arange(float(n)).reshape(n, 1)),
    ):
        np.testing.assert_array_equal(copying.reshaped(x, shape), x.reshape(shape))
    if n == 12:
        x = np.arange(12.0).reshape(3, 4).T
        np.testing.assert_array_equal(copying.reshaped(x, shape), x.reshape(shape))
    np.testing.assert_array_equal(copying.reshaped(np.zeros((4, 0, 2)), (4, 0)), np.zeros((4, 0)))
    np.testing.assert_array_equal(copying.reshaped(np.ones((1, 2, 3)), (1, 6)), np.ones((1, 6)))
    assert copying.reshaped(np.ones((1, 1, 1)), ()).shape == ()


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
