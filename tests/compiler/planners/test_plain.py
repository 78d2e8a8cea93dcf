"""What is known of single operations writes what their forwards give, in the same order, into memory that is there."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cnn.autograd.backward import sum_to
from tinygrad_cnn.compiler.planned import PLANNERS
from tinygrad_cnn.ops import affine, comparison, elementwise, shape

UNARY = ["neg", "tanh", "abs", "square", "sqrt", "exp", "log", "reciprocal", "sigmoid", "relu"]
BINARY = ["add", "sub", "mul", "maximum", "minimum", "true_divide", "pow", "gate"]
DTYPES = st.sampled_from([np.float32, np.float64])


def laid(rng: np.random.Generator, size: tuple[int, ...], order: Any, dtype: Any) -> Any:
    """Numbers of this shape whose memory runs in some order."""
    a = rng.standard_normal([size[d] for d in order]).astype(dtype)
    return a.transpose(np.argsort(order))


def check(this: Any, *arrays: Any, planned: bool = True, **settings: Any) -> None:
    """Twice, and where it may be in the memory of an input, also there."""
    forward = this.op.forward
    ready = PLANNERS[forward](*arrays, **settings)
    assert (ready is not None) == planned
    if ready is None:
        return
    with np.errstate(all="ignore"):
        expected = forward(*arrays, **settings)
    (layout,) = ready.outputs
    y = layout.anew()
    assert [s for s, n in zip(y.strides, y.shape, strict=True) if n > 1] == [
        s for s, n in zip(expected.strides, expected.shape, strict=True) if n > 1
    ]
    for _ in range(2):
        y[...] = 77
        ready.run(y, *arrays)
        np.testing.assert_allclose(y, expected, rtol=1e-6)
        assert y.dtype == expected.dtype
    if ready.calls is not None:  # made once, for these arrays
        y[...] = 77
        for call in ready.calls(y, *arrays):
            call()
        assert np.array_equal(y, expected, equal_nan=True)
    if ready.over is not None:
        copies = [a.copy(order="K") if isinstance(a, np.ndarray) else a for a in arrays]
        assert copies[ready.over].strides == y.strides
        ready.run(copies[ready.over], *copies)
        assert np.array_equal(copies[ready.over], y, equal_nan=True)


@pytest.mark.parametrize("name", UNARY + BINARY)
@given(data=st.data(), dtype=DTYPES, order=st.permutations(range(3)), seed=st.integers(0, 999))
def test_number_by_number(name: str, data: st.DataObject, dtype: Any, order: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = data.draw(st.sampled_from([(1, 2, 3), (4, 1, 2), (3, 40, 50), (2, 300, 250)]))
    other = order if data.draw(st.booleans()) else data.draw(st.permutations(range(3)))
    arrays = [laid(rng, size, o, dtype) for o in (order, other)][: 1 if name in UNARY else 2]
    if name in BINARY[:7] and data.draw(st.booleans()):
        arrays[1] = data.draw(st.sampled_from([arrays[1][:, :1], dtype(1.5), 2.5]))
    check(getattr(elementwise, name), *arrays)


@given(DTYPES, st.permutations(range(2)), st.integers(0, 999))
def test_masks_and_choices(dtype: Any, order: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = laid(rng, (3, 40), order, dtype), laid(rng, (3, 40), order, dtype)
    a[0, 0], b[0, 1] = np.inf, np.nan
    for name in ("lt", "gt", "ge", "eq", "ne"):
        check(getattr(comparison, name), a, b)
        check(getattr(comparison, name), a, 0.5)
    check(elementwise.only, a, b > 0)
    for choice in (elementwise.choose, elementwise.where):
        check(choice, a > 0, a, b)
        check(choice, a > 0, 1.0, b)
        check(choice, a > 0, a > 1, b > 0)
        check(choice, a, a, b, planned=False)  # NumPy takes what is not 0 for True


def test_nothing_is_said_of_overflow_where_the_operation_is_quiet() -> None:
    x = np.full(5, -1e4, np.float32)
    for this in (elementwise.sigmoid, elementwise.log, elementwise.exp):
        ready = PLANNERS[this.op.forward](x)
        assert ready is not None
        assert ready.calls is not None
        y = ready.outputs[0].anew()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ready.run(y, x)
            for call in ready.calls(y, x):
                call()
    ready = PLANNERS[elementwise.mul.op.forward](x, x)
    assert ready is not None
    with pytest.warns(RuntimeWarning, match="overflow"):
        ready.run(ready.outputs[0].anew(), np.float32(1e33) * x, x)


def test_what_is_left_to_the_forward() -> None:
    a = np.ones((2, 3))
    check(elementwise.add, a, a, alpha=2, planned=False)
    check(elementwise.mul, np.array(2.0), np.array(3.0), planned=False)
    check(elementwise.relu, np.ones((2, 3), int), planned=False)
    check(elementwise.square, a > 0, planned=False)  # it makes integers
    check(affine.linear, np.ones(3), a, planned=False)
    check(affine.linear, a, a.astype(np.float32), planned=False)
    check(affine.linear_weight, np.ones((0, 3)), np.ones((0, 3)), planned=False)
    check(sum_to, a, shape=(2, 1), planned=False)
    check(sum_to, a, shape=(), planned=False)
    check(shape._reshape, a, shape=(3, 2), planned=False)  # a view


@given(
    st.sampled_from([1, 2, 7, 12, 40]), st.integers(1, 9), st.sampled_from([1, 3, 700]), DTYPES,
    st.permutations(range(2)), st.booleans(), st.integers(0, 999),
)  # fmt: skip
def test_linear(N: int, out: int, into: int, dtype: Any, order: Any, bias: bool, seed: int) -> None:
    """The batch innermost in memory, or the features."""
    rng = np.random.default_rng(seed)
    x, g, w = (
        laid(rng, (N, into), order, dtype),
        laid(rng, (N, out), order, dtype),
        rng.standard_normal((out, into)).astype(dtype),
    )
    tolerant = [a / max(1, into) for a in (x,)]
    check_near(affine.linear, *tolerant, w, *([rng.standard_normal(out).astype(dtype)] if bias else []))
    check_near(affine.linear_input, g, w)
    check_near(affine.linear_weight, g, x)
    check(sum_to, g, shape=(out,))
    stacks = [rng.standard_normal((2, N, k)).astype(dtype) / into for k in (into, out)]
    check_near(affine.linear, stacks[0], w)
    check_near(affine.linear_input, stacks[1], w)
    check_near(affine.linear_weight, stacks[1], stacks[0])


def check_near(this: Any, *arrays: Any) -> None:
    """Products may add in another order."""
    forward = this.op.forward
    ready = PLANNERS[forward](*arrays)
    assert ready is not None
    expected, (layout,) = forward(*arrays), ready.outputs
    y = layout.anew()
    y[...] = 77
    ready.run(y, *arrays)
    size = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(y, expected, rtol=0, atol=size * (1e-4 if y.dtype == np.float32 else 1e-11))


@given(st.permutations(range(4)), DTYPES)
def test_what_is_no_view_is_copied(order: Any, dtype: Any) -> None:
    x = laid(np.random.default_rng(0), (3, 4, 5, 6), order, dtype)
    y = shape._reshape(x, shape=(3, 120))
    check(shape._reshape, x, shape=(3, 120), planned=not np.may_share_memory(x, y))
