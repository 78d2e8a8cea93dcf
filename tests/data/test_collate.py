"""From samples to batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.data import default_collate, default_convert
from tinygrad_cnn.tensors import Tensor


class Point(NamedTuple):
    x: object
    y: object


def test_nested_samples() -> None:
    samples = [(np.full(2, i, np.float32), i, 0.5 * i, "s", {"k": (i, [i, i])}, Point(i, True)) for i in range(3)]
    x, i, f, s, d, p = default_collate(samples)
    assert (x.shape, x.dtype) == ((3, 2), np.float32)
    np.testing.assert_array_equal(x.numpy(), [[0, 0], [1, 1], [2, 2]])
    assert i.dtype == np.int64
    assert f.dtype == np.float32  # the house rule for Python floats
    np.testing.assert_array_equal(f.numpy(), [0, 0.5, 1])
    assert s == ["s"] * 3
    assert isinstance(d["k"], list)
    np.testing.assert_array_equal(d["k"][1][0].numpy(), [0, 1, 2])
    assert type(p) is Point
    assert p.y.dtype == np.bool_


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1", "?", ">f4"])
def test_arrays_and_numpy_numbers_keep_their_dtype(dtype: str) -> None:
    native = np.dtype(dtype).newbyteorder("=")
    samples = [np.ones(2, dtype), np.zeros(2, dtype)]
    assert default_collate(samples).dtype == native
    assert default_collate([s[0] for s in samples]).dtype == native
    np.testing.assert_array_equal(default_collate(samples).numpy(), [[1, 1], [0, 0]])


def test_tensors_are_stacked() -> None:
    batch = default_collate([Tensor(np.arange(2.0)), Tensor(np.arange(2.0) + 1)])
    assert isinstance(batch, Tensor)
    np.testing.assert_array_equal(batch.numpy(), [[0, 1], [1, 2]])


@pytest.mark.parametrize(
    ("samples", "error", "match"),
    [
        ([], ValueError, "no samples"),
        ([None, None], TypeError, "batch of NoneType"),
        ([1 + 2j], TypeError, "batch of complex"),
        ([np.zeros(2), np.zeros(3)], ValueError, r"\(2,\) in sample 0, \(3,\) in sample 1"),
        ([np.zeros(2), 1], TypeError, "sample 1 is int"),
        ([1, "a"], TypeError, "sample 1 is str"),
        ([(1, 2), (1,)], ValueError, "2 in sample 0, 1 in 1"),
        ([(1, 2), 3], ValueError, "2 in sample 0, int in 1"),
        ([{"a": 1}, {"b": 1}], ValueError, r"\['a'\] in sample 0, \['b'\] in sample 1"),
        ([{"a": 1}, 3], ValueError, "int in sample 1"),
        ([np.array(["a"])], TypeError, "sample 0 has dtype <U1"),
        ([Tensor(np.zeros(2), requires_grad=True)], ValueError, "requires grad"),
    ],
)
def test_refusals(samples: list, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        default_collate(samples)


def test_convert_keeps_the_structure() -> None:
    a, (b, c), d = default_convert((np.zeros(2), [np.float32(1), "x"], {"k": np.array(["s"])}))
    assert isinstance(a, Tensor)
    assert isinstance(b, Tensor)
    assert c == "x"
    assert isinstance(d["k"], np.ndarray)
    assert default_convert(None) is None


def test_beside_pytorch(torch) -> None:
    samples = [(np.full((2, 2), i), i, bool(i), {"a": np.float64(i)}, [i, "b"]) for i in range(4)]
    ours, theirs = default_collate(samples), torch.utils.data.default_collate(samples)

    def same(a, b) -> None:
        if isinstance(b, torch.Tensor):
            assert a.dtype == b.numpy().dtype
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        elif isinstance(b, dict):
            assert a.keys() == b.keys()
            for k in b:
                same(a[k], b[k])
        elif b and isinstance(b[0], str):
            assert list(a) == list(b)
        else:
            assert len(a) == len(b)
            for x, y in zip(a, b, strict=True):
                same(x, y)

    same(ours, theirs)


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        ([], ValueError, "cannot make a batch of no samples"),
        ([np.zeros(2), np.zeros(3)], ValueError, r"differ in shape: \(2,\) in sample 0, \(3,\) in sample 1; pass"),
        ([np.zeros(2), np.zeros(2), 3], TypeError, "sample 0 is an array, sample 2 is int"),
        ([np.zeros(2), np.zeros(2, complex)], TypeError, "holds real numbers, sample 1 has dtype complex128"),
        ([np.array(["a"])], TypeError, "holds real numbers, sample 0 has dtype <U1"),
        ([1, "a"], TypeError, "sample 0 is a number, sample 1 is str"),
        ([1, 2, None], TypeError, "sample 0 is a number, sample 2 is NoneType"),
        ([{"a": 1}, {"b": 1}], ValueError, r"differ in their keys: \['a'\] in sample 0, \['b'\] in sample 1"),
        ([{"a": 1}, {"a": 1}, 5], ValueError, r"differ in their keys: \['a'\] in sample 0, int in sample 2"),
        ([(1, 2), (1,)], ValueError, "differ in their number of parts: 2 in sample 0, 1 in 1"),
        ([(1, 2), [1, 2], 7], ValueError, "differ in their number of parts: 2 in sample 0, int in 2"),
        ([None], TypeError, "cannot make a batch of NoneType"),
        ([{1}], TypeError, "cannot make a batch of set"),
    ],
)
def test_samples_that_make_no_batch(batch: list[Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        default_collate(batch)


@pytest.mark.parametrize(
    ("batch", "dtype", "values"),
    [
        ([1, 2], np.int64, [1, 2]), ([1.5, 2.5], np.float32, [1.5, 2.5]), ([1, 2.5], np.float32, [1, 2.5]),
        ([True, False], np.bool_, [True, False]), ([np.float64(1), np.float64(2)], np.float64, [1, 2]),
        ([np.float64(1), 2], np.float64, [1, 2]), ([np.int8(1), np.int8(2)], np.int8, [1, 2]),
        ([np.array(1, np.int16)] * 2, np.int16, [1, 1]), ([tg.tensor([1, 2])] * 2, np.int64, [[1, 2]] * 2),
        ([np.zeros(1), np.zeros(1, np.float32)], np.float64, [[0], [0]]), ([np.bool_(True)], np.bool_, [True]),
    ],
)  # fmt: skip
def test_dtypes_of_a_batch(batch: list[Any], dtype: Any, values: Any) -> None:
    found = default_collate(batch)
    assert isinstance(found, tg.Tensor)
    assert (found.dtype, found.tolist()) == (dtype, values)


def test_what_is_gone_into() -> None:
    from collections import namedtuple

    Pair = namedtuple("Pair", "x y")
    found = default_collate([Pair(1, "a"), Pair(2, "b")])
    assert (type(found), found.x.tolist(), found.y) == (Pair, [1, 2], ["a", "b"])
    found = default_collate([{"x": (1, b"c")}, {"x": [2, b"d"]}])
    assert (list(found), found["x"][0].tolist(), found["x"][1]) == (["x"], [1, 2], [b"c", b"d"])
    plain = default_convert({"x": np.ones(2), "y": (np.float32(3), "a", None, np.array(["b"]))})
    assert (plain["x"].tolist(), plain["y"][0].item(), plain["y"][1:3]) == ([1, 1], 3.0, ["a", None])
    assert isinstance(plain["y"][3], np.ndarray)
