"""The strategies give what they promise; size 0 and 1 do occur."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from tinygrad_cnn.testing import memory_layouts, strategies
from tinygrad_cnn.testing.strategies import (
    arrays,
    broadcastable_shapes,
    dims,
    layouts,
    shapes,
    window_geometries,
)


@given(shape=shapes(1, 3, 0, 5, 20))
def test_shapes(shape: tuple[int, ...]) -> None:
    assert 1 <= len(shape) <= 3
    assert all(0 <= n <= 5 for n in shape)
    assert math.prod(shape) <= 20


def test_shapes_of_size_zero_and_one_occur() -> None:
    assert 0 in find(shapes(), lambda s: 0 in s)
    assert find(shapes(), lambda s: len(s) > 0 and math.prod(s) == 1)
    assert find(shapes(), lambda s: s == ()) == ()
    assert math.prod(find(shapes(), lambda s: math.prod(s) > 10)) > 10


@given(data=st.data())
def test_broadcastable_shapes(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 4))
    drawn = data.draw(broadcastable_shapes(n))
    assert len(drawn) == n
    np.broadcast_shapes(*drawn)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda s: len(s[0]) != len(s[1]),
        lambda s: s[0] == s[1] and math.prod(s[0]) > 1,
        lambda s: len(s[0]) == len(s[1]) and any(a == 1 < b for a, b in zip(*s, strict=True)),
        lambda s: len(s[0]) == len(s[1]) and any(b == 1 < a for a, b in zip(*s, strict=True)),
    ],
)
def test_every_kind_of_broadcasting_occurs(wanted: Any) -> None:
    assert wanted(find(broadcastable_shapes(2), wanted))


@given(data=st.data(), distinct=st.booleans(), dtype=st.sampled_from([np.float64, np.float32]))
def test_arrays_keep_their_distances(data: st.DataObject, distinct: bool, dtype: Any) -> None:
    a = data.draw(arrays(shapes(), -2, 3, away_from=(0.0, 1.0, -2.0), gap=0.2, distinct=distinct, dtype=dtype))
    assert a.dtype == dtype
    assert a.flags.writeable
    for kink in (0.0, 1.0, -2.0):
        assert (np.abs(a - kink) >= 0.2 - 1e-6).all()
    assert ((a >= -2) & (a <= 3)).all()
    if distinct and a.size > 1:
        assert np.diff(np.sort(a, axis=None)).min() >= 0.5 * 3.8 / a.size - 1e-5


def test_values_on_both_sides_of_a_kink_occur() -> None:
    for wanted in (lambda a: (a < 0).all(), lambda a: (a > 0).all()):
        assert wanted(find(arrays((3,), away_from=(0.0,)), wanted))


@given(data=st.data())
def test_integers_and_booleans(data: st.DataObject) -> None:
    a = data.draw(arrays((5,), -2, 4, away_from=(0,), distinct=True, dtype=np.int64))
    assert a.dtype == np.int64
    assert len(set(a.tolist()) - {0}) == 5
    assert a.min() >= -2
    assert a.max() <= 4
    assert data.draw(arrays((2, 3), dtype=bool)).dtype == bool


def test_no_room_is_an_error() -> None:
    with pytest.raises(ValueError, match="no value up to 1"):
        find(arrays((1,), 0, 1, away_from=(0.5,), gap=0.6), lambda _: True)


@given(data=st.data(), ndim=st.integers(0, 4))
def test_dims(data: st.DataObject, ndim: int) -> None:
    np.zeros((1,) * max(ndim, 1)).sum(axis=data.draw(dims(ndim)))
    assert data.draw(dims(ndim, negative=False)) >= 0


@given(data=st.data(), pooling=st.booleans())
def test_window_geometries(data: st.DataObject, pooling: bool) -> None:
    g = data.draw(window_geometries(data.draw(st.integers(1, 3)), pooling=pooling))
    for n, k, s, p, d, out in zip(*g, g.output_size, strict=True):
        starts = [i for i in range(-p, n + p) if i + d * (k - 1) < n + p][::s]
        assert len(starts) == out >= 1
        assert not pooling or p <= k // 2


def test_window_geometries_reach_their_limits() -> None:
    for wanted in (
        lambda g: g.padding[0] == 2 and g.dilation[0] == 2 and g.stride[0] == 3,
        lambda g: g.kernel_size[0] > g.size[0],
        lambda g: g.output_size == (1, 1),
    ):
        assert wanted(find(window_geometries(), wanted))


@given(data=st.data())
def test_layouts(data: st.DataObject) -> None:
    a = data.draw(arrays(dtype=data.draw(st.sampled_from([np.float64, np.int64, np.bool_]))))
    views = memory_layouts(a)
    for name, view in [*views.items(), ("drawn", data.draw(layouts(a)))]:
        np.testing.assert_array_equal(view, a, err_msg=name)
        assert view.shape == a.shape
        assert view.dtype.newbyteorder("=") == a.dtype
        assert not np.shares_memory(view, a)


def test_layouts_keep_the_sign_of_a_zero() -> None:
    for name, view in memory_layouts(np.array([[0.0, -0.0], [-0.0, -0.0]])).items():
        np.testing.assert_array_equal(np.signbit(view), [[False, True], [True, True]], err_msg=name)


def test_layouts_are_what_they_are_called() -> None:
    views = memory_layouts(np.arange(6.0).reshape(2, 3) // 3)
    assert views["contiguous"].flags.c_contiguous
    assert views["transposed"].flags.f_contiguous
    assert not views["strided"].flags.contiguous
    assert max(views["negative strides"].strides) < 0
    assert not views["read-only"].flags.writeable
    assert views["broadcast"].strides[1] == 0
    assert not views["byte-swapped"].dtype.isnative
    assert not views["unaligned"].flags.aligned


def test_testing_needs_no_hypothesis() -> None:
    """The checks import without it; the strategies say what is missing."""
    code = """
import sys
sys.modules["hypothesis"] = None
import tinygrad_cnn.testing as testing
assert testing.gradcheck
try:
    testing.strategies
except ModuleNotFoundError as error:
    assert "pip install hypothesis" in str(error), error
else:
    raise AssertionError
try:
    testing.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise AssertionError
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_strategies_are_found_from_testing() -> None:
    import tinygrad_cnn.testing

    assert tinygrad_cnn.testing.strategies is strategies
