"""Sequences of different lengths, padded and packed, beside plain lists of steps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.nn.utils import rnn

LENGTHS = [lengths for n in (1, 2, 3) for lengths in itertools.product((1, 2, 4), repeat=n)]


def sequences(lengths: tuple[int, ...], *features: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, *features)) for n in lengths]


def packed_by_hand(xs: list[Any]) -> tuple[Any, list[int], list[int]]:
    """All first steps, longest first, then all second steps: data, how many go on, and in which order."""
    order = sorted(range(len(xs)), key=lambda k: -len(xs[k]))
    steps = [[xs[k][t] for k in order if t < len(xs[k])] for t in range(max(map(len, xs)))]
    return np.array(list(itertools.chain(*steps))), list(map(len, steps)), order


def padded_by_hand(xs: list[Any], value: float, left: bool, total: int) -> Any:
    """(batch, steps, ...)"""
    y = np.full((len(xs), total, *xs[0].shape[1:]), value)
    for row, x in zip(y, xs, strict=True):
        row[total - len(x) if left else 0 : total if left else len(x)] = x
    return y


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("features", [(), (2,), (2, 3)])
def test_there_and_back(lengths: tuple[int, ...], features: tuple[int, ...]) -> None:
    xs = sequences(lengths, *features)
    ts, longest = [tg.tensor(x) for x in xs], max(lengths)
    for first, side in itertools.product((False, True), ("right", "left")):
        expected = padded_by_hand(xs, 1.5, side == "left", longest)
        y = rnn.pad_sequence(ts, first, 1.5, side)
        np.testing.assert_array_equal(y.numpy(), expected if first else expected.swapaxes(0, 1))
    zeros = padded_by_hand(xs, 0.0, False, longest)
    np.testing.assert_array_equal(rnn.pad_sequence(ts).numpy(), zeros.swapaxes(0, 1))
    data, sizes, order = packed_by_hand(xs)
    for first in (False, True):
        padded = tg.tensor(zeros if first else zeros.swapaxes(0, 1).copy())
        for given in (list(lengths), tg.tensor(lengths), np.array(lengths, np.int32)):
            p = rnn.pack_padded_sequence(padded, given, first, False)
            np.testing.assert_array_equal(p.data.numpy(), data)
            assert (p.batch_sizes.tolist(), p.sorted_indices.tolist()) == (sizes, order)
            assert [order[k] for k in p.unsorted_indices.tolist()] == list(range(len(xs)))
        for a, b in zip(rnn.unpad_sequence(padded, lengths, first), xs, strict=True):
            np.testing.assert_array_equal(a.numpy(), b)
        for total in (None, longest, longest + 2):
            y, n = rnn.pad_packed_sequence(p, first, -1.0, total)
            expected = padded_by_hand(xs, -1.0, False, total or longest)
            np.testing.assert_array_equal(y.numpy(), expected if first else expected.swapaxes(0, 1))
            assert (n.tolist(), n.dtype) == (list(lengths), np.int64)
    for a, b in zip(rnn.unpack_sequence(rnn.pack_sequence(ts, False)), xs, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)
    if list(lengths) == sorted(lengths, reverse=True):
        p = rnn.pack_sequence(ts)
        np.testing.assert_array_equal(p.data.numpy(), data)
        assert p.sorted_indices is p.unsorted_indices is None
    else:
        with pytest.raises(RuntimeError, match="lengths must not grow from one sequence to the next"):
            rnn.pack_sequence(ts)


def test_what_a_packed_sequence_tells_and_becomes() -> None:
    p = rnn.pack_sequence([tg.ones(1), tg.ones(3)], False)
    assert p.double().data.dtype == p.to(np.float64).data.dtype == np.float64
    assert p.double().float().data.dtype == np.float32
    assert p.double().sorted_indices is p.sorted_indices
    assert p.cpu() is p
    assert p.is_cuda is False
    given = rnn.PackedSequence(p.data, p.batch_sizes, tg.tensor([2, 0, 1]))
    assert given.unsorted_indices is not None
    assert given.unsorted_indices.tolist() == [1, 2, 0]
    assert rnn.invert_permutation(None) is None


X = tg.ones(3, 2, 1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rnn.pack_padded_sequence(X, [3]), r"lengths must be 2 numbers, .* got shape \(1,\)"),
        (lambda: rnn.pack_padded_sequence(X, [[3, 1]]), r"lengths must be 2 numbers, .* got shape \(1, 2\)"),
        (lambda: rnn.pack_padded_sequence(X, [4, 1]), "between 1 and 3, the steps of the input, got 1 to 4"),
        (lambda: rnn.pack_padded_sequence(X, [3, 0]), "between 1 and 3, .* got 0 to 3"),
        (lambda: rnn.pack_padded_sequence(X, [1, 3]), r"got \[1, 3\]; pass enforce_sorted=False"),
        (lambda: rnn.pack_padded_sequence(X.numpy(), [3, 1]), "got ndarray"),
        (lambda: rnn.pack_padded_sequence(tg.ones(3), [3]), r"got shape \(3,\)"),
        (lambda: rnn.unpad_sequence(X, [3]), "unpad_sequence: lengths must be 2 numbers"),
        (lambda: rnn.pad_sequence([]), "expected a list of one Tensor or more, got list"),
        (lambda: rnn.pad_sequence([X.numpy()]), "expected a list of one Tensor or more, got list"),
        (lambda: rnn.pad_sequence(3), "expected a list of one Tensor or more, got int"),
        (lambda: rnn.pad_sequence([X, tg.ones(3, 2)]), "may differ in their first dimension alone"),
        (lambda: rnn.pad_sequence([tg.ones(())]), "may differ in their first dimension alone"),
        (lambda: rnn.pad_sequence([X], padding_side="middle"), "padding_side must be 'right' or 'left', got 'middle'"),
        (lambda: rnn.pack_sequence([]), "pack_sequence: expected a list"),
    ],
)
def test_refusals(call: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call()


def test_a_total_length_that_is_too_small() -> None:
    p = rnn.pack_sequence([tg.ones(3), tg.ones(1)])
    with pytest.raises(ValueError, match="total_length=2 is less than the 3 steps of the longest"):
        rnn.pad_packed_sequence(p, total_length=2)
    assert rnn.pad_packed_sequence(p, total_length=3)[0].shape == (3, 2)
