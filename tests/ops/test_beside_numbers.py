"""Python numbers in the places of tensors: they count in the precision of the tensors beside them.

Rules run on arrays, and on tensors when the gradients are recorded: both must come to the same last bits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy import ndarray

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import (
    CASES,
    FEWER,
    SEEDS,
    array,
    as_tensors,
    check_second_derivative,
    drawn,
    floating,
    gradients,
    outputs,
    wanted,
)
from tinygrad_cnn import autograd
from tinygrad_cnn.tensors import Tensor

ERRORS = (ValueError, TypeError, RuntimeError, AttributeError)

PLACES: dict[str, tuple[int, ...]] = {  # where each function takes a number instead of a tensor of floats
    **dict.fromkeys(["add", "sub", "mul", "true_divide", "div", "divide", "pow"], (0, 1)),
    **dict.fromkeys(["floor_divide", "remainder", "fmod", "maximum", "minimum", "fmax", "fmin"], (0, 1)),
    **dict.fromkeys(["xlogy", "logaddexp", "logaddexp2", "hypot", "atan2", "arctan2", "copysign"], (0, 1)),
    **dict.fromkeys(["max", "min"], (0,)),  # a number in the other place is a dimension
    **dict.fromkeys(["special.xlog1py"], (0, 1)),
    **dict.fromkeys(["rsub"], (1,)),
    **dict.fromkeys(["clamp_min", "clamp_max", "float_power", "Tensor.__setitem__"], (1,)),
    **dict.fromkeys(["lerp", "scatter", "index_fill", "masked_fill", "nn.functional.gaussian_nll_loss"], (2,)),
    "where": (1, 2),
    "clamp": (1, 2),
}

SIZE = "scale_factor"  # of `interpolate`: how many numbers come out, which may not be 1e50


SEVERAL = pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES.items() if case.order >= 1]
)


class Call(NamedTuple):
    """Arguments of a function: which inputs have a gradient, and what number was put where."""

    inputs: list[Any]
    kwargs: dict[str, Any]
    at: list[int]
    what: str


def with_numbers(case: Case, inputs: list[Any], kwargs: dict[str, Any], numbers: list[float]) -> Iterator[Call]:
    """The call as it is, and with each number in each place that takes one, and in that of each keyword's number."""
    at = wanted(case, inputs)
    yield Call(inputs, kwargs, at, "as drawn")
    for number in numbers:
        for name in (name for name, value in kwargs.items() if type(value) is float and name != SIZE):
            if succeeds(case, inputs, other := {**kwargs, name: number}):
                yield Call(inputs, other, at, f"{name}={number}")
        for i in at if len(at) > 1 else ():
            changed = [number if k == i else x for k, x in enumerate(inputs)]
            if succeeds(case, changed, kwargs):
                assert i in PLACES.get(case.name, ()), f"takes a number as input {i}: add that to PLACES"
                yield Call(changed, kwargs, [j for j in at if j != i], f"{number} as input {i}")
            else:
                assert i not in PLACES.get(case.name, ()), f"no longer takes {number} as input {i}"


@np.errstate(all="ignore")
def succeeds(case: Case, inputs: list[Any], kwargs: dict[str, Any]) -> bool:
    try:
        case.call(*as_tensors(inputs), **kwargs)
    except ERRORS:
        return False
    return True


def assert_same_bits(a: ndarray, b: ndarray, what: str, units: int = 4) -> None:
    """Equal but for some units in the last place; for subnormal numbers, which have few, what was rounded has grown."""
    assert a.dtype == b.dtype, f"{what}: {a.dtype} and {b.dtype}"
    with np.errstate(all="ignore"):
        allowed = np.maximum(units * np.spacing(np.abs(b)), 64 * np.finfo(b.dtype).smallest_subnormal)
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= allowed)
    assert same.all(), f"{what}: {a[~same]} on arrays, {b[~same]} recorded"


@SEVERAL
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@FEWER
@given(data=st.data(), seed=SEEDS)
def test_recorded_gradients_are_those_on_arrays(case: Case, dtype: Any, data: st.DataObject, seed: int) -> None:
    inputs, kwargs = drawn(case, data)
    inputs = [x.astype(dtype) if isinstance(x, ndarray) and x.dtype.kind == "f" else x for x in inputs]
    assume(all(x.size for x in inputs if isinstance(x, ndarray)))
    large, small = (1e50, 1e-50) if dtype == np.float64 else (1e20, 1e-20)
    for changed, others, at, what in with_numbers(case, inputs, kwargs, [2.3, 0.7, 1.0, 3.0, large, small]):
        rng = np.random.default_rng(seed)
        with np.errstate(all="ignore"):
            ys = floating(outputs(case.call(*as_tensors(changed, at), **others)))
            if not any(y.requires_grad for y in ys):
                continue
            weights = [rng.uniform(0.5, 1.5, y.shape).astype(y.dtype) for y in ys]
            plain = gradients(case, as_tensors(changed, at), others, at, weights)
            recorded = gradients(case, as_tensors(changed, at), others, at, [Tensor(w) for w in weights])
        for i, a, b in zip(at, plain, recorded, strict=True):
            units = max(4, np.size(b)) if case.name.endswith("prod") else 4  # a rounding for each factor
            assert_same_bits(array(a), array(b), f"gradient of input {i}, {what}", units)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name) for name, case in CASES.items() if case.name in {*PLACES} - {"float_power"}],
)
@FEWER
@given(data=st.data())
def test_a_number_widens_nothing(case: Case, data: st.DataObject) -> None:
    """Beside float32 the result is float32, but for `float_power`, which is for more digits."""
    inputs, kwargs = drawn(case, data)
    inputs = [x.astype(np.float32) if isinstance(x, ndarray) and x.dtype.kind == "f" else x for x in inputs]
    for changed, others, _, what in with_numbers(case, inputs, kwargs, [2.3, 0.7]):
        with np.errstate(all="ignore"):
            found = [y.dtype for y in floating(outputs(case.call(*as_tensors(changed), **others)))]
        assert found == [np.float32] * len(found), what


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=n) for n, case in CASES.items() if case.order >= 2 and case.name in PLACES]
)
@FEWER
@given(data=st.data(), seed=SEEDS)
def test_second_derivatives_beside_a_number(case: Case, data: st.DataObject, seed: int) -> None:
    """The number is one of those that the tensor in its place had: it lies where the function is smooth."""
    inputs, kwargs = drawn(case, data)
    assume(all(x.size for x in inputs if isinstance(x, ndarray)))
    for i in PLACES[case.name]:
        if i in wanted(case, inputs) and len(wanted(case, inputs)) > 1:
            changed = [x.reshape(-1)[0].item() if k == i else x for k, x in enumerate(inputs)]
            at = [j for j in wanted(case, inputs) if j != i]
            check_second_derivative(case, changed, kwargs, at, np.random.default_rng(seed))


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod]


@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("number", [2.3, 0.1, 3, 1e50, 1e-50])
def test_operators(f: Callable[..., Any], number: float) -> None:
    """The operators' gradients, to the last bits of those beside a tensor of one number, on either side."""
    values = np.array([1.3, 0.7, 2.1, 5.2])
    for beside in (lambda x, n: f(n, x), f):
        found = []
        for n, create in ((number, False), (number, True), (tg.tensor(number, dtype=tg.float64), True)):
            x = Tensor(values, requires_grad=True)
            with np.errstate(all="ignore"):
                (g,) = autograd.grad(beside(x, n).sum(), x, create_graph=create)
            found.append(g.numpy())
        assert_same_bits(found[0], found[1], "plain and recorded")
        assert_same_bits(found[2], found[1], "beside a tensor and beside a number")
