"""What is compiled computes what it did, bit for bit: every case of `tests/ops`, called again with other numbers.

Results, gradients and where the random numbers stand. A function that computes something by NumPy which nobody is told
of has the numbers of its first call for ever, and fails here: see `tinygrad_cnn.ops.watched`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import tinygrad_cnn as tg
from tests.ops.case import Case
from tests.ops.test_cases import CASES, array, as_tensors, copies, drawn, outputs, wanted
from tinygrad_cnn import autograd
from tinygrad_cnn.compiler.compiled import CompileWarning, Plans
from tinygrad_cnn.compiler.planners.conv import conv_block
from tinygrad_cnn.compiler.planners.norm import norm_block
from tinygrad_cnn.compiler.run import OtherwiseError, Plan
from tinygrad_cnn.tensors import Tensor

FEW = hypothesis.settings(max_examples=max(8, hypothesis.settings().max_examples // 3))
GENERATOR = "another generator in each call"
EAGER = {  # what runs as it is, with what the warning says; some of it for some arguments alone
    "repeat_interleave": "repeat_interleave.. reads the numbers",  # of one number for all: it decides on the shape
    "nn.functional.embedding_bag": "embedding_bag.. with (offsets|padding_idx) reads the numbers",  # so many in a bag
    "nextafter": "returns an array",  # of numbers and arrays alone
    "maximum": "returns an array",
    "minimum": "returns an array",
    "fmax": "returns an array",
    "fmin": "returns an array",
    "nn.functional.rrelu-in training": GENERATOR,  # the cases make one for each call
    "nn.functional.gumbel_softmax": GENERATOR,
    "nn.functional.dropout": GENERATOR,
    "nn.functional.dropout1d": GENERATOR,
    "nn.functional.dropout2d": GENERATOR,
    "nn.functional.alpha_dropout": GENERATOR,
}
pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")


def calls(inputs: list[Any]) -> Iterator[list[Any]]:
    """The inputs as they are, their rows in another order, and other floating numbers."""
    rng = np.random.default_rng(0)
    yield copies(inputs)
    yield copies(inputs)
    for _ in range(2):
        yield [x[rng.permutation(len(x))] if isinstance(x, ndarray) and x.ndim else x for x in copies(inputs)]
    for _ in range(2):
        yield [
            np.asarray(x * (1 + 0.3 * rng.random(x.shape)), x.dtype)
            if isinstance(x, ndarray) and x.dtype.kind == "f"
            else x
            for x in copies(inputs)
        ]


def called(function: Callable[..., Any], inputs: list[Any], seed: int) -> list[Any]:
    """The results, their gradients and the state of the generator; or what was raised."""
    tg.manual_seed(seed)
    try:
        ys = outputs(function(*inputs))
    except Exception as error:
        return [type(error), str(error)]
    rng = np.random.default_rng(seed)
    paths = [y for y in ys if isinstance(y, Tensor) and y.requires_grad]
    cotangents = [Tensor(np.asarray(rng.standard_normal(y.shape), y.dtype)) for y in paths]
    leaves = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    found: Any = []
    if paths:
        try:
            found = autograd.grad(paths, leaves, cotangents, allow_unused=True)
        except Exception as error:
            found = [type(error)]
    return [*map(array, ys), *(array(g) if isinstance(g, Tensor) else g for g in found), tg.get_rng_state().numpy()]


def same(a: Any, b: Any) -> bool:
    if not isinstance(a, ndarray) or not isinstance(b, ndarray):
        return a is b or (isinstance(a, str) and a == b)
    alike = a.shape == b.shape and a.dtype == b.dtype and steps(a) == steps(b)
    return alike and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def near(a: Any, b: Any) -> bool:
    """Of what one step does instead of several, which may add in another order, and leave memory in another."""
    if same(a, b) or not isinstance(a, ndarray) or not isinstance(b, ndarray) or a.dtype.kind != "f":
        return same(a, b)
    digits = 1e-5 if a.dtype == np.float32 else 1e-12
    size = np.abs(b, where=np.isfinite(b), out=np.zeros_like(b)).max(initial=0)
    return a.dtype == b.dtype and np.allclose(a, b, rtol=digits, atol=digits * size, equal_nan=True)


def steps(a: ndarray) -> list[int]:
    """How its elements lie in memory, along the dimensions where that matters."""
    return [step for n, step in zip(a.shape, a.strides, strict=True) if n > 1 and a.size]


@pytest.fixture(autouse=True)
def no_silent_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that raises has the function called as it is: here that is no way out, unless numbers decide."""
    run = Plan.run

    def watched(self: Plan, inputs: Any, again: Any) -> Any:
        try:
            return run(self, inputs, again)
        except OtherwiseError:
            raise
        except Exception as error:
            raised.append(error)
            raise

    monkeypatch.setattr(Plan, "run", watched)
    raised.clear()


raised: list[Exception] = []
FUSED = {conv_block, norm_block}


def check(plans: Plans, inputs: list[Any], grads: Any) -> None:
    """Call by call, plans give what their function gives."""
    for seed, numbers in enumerate(calls(inputs)):
        expected = called(plans.function, as_tensors(copies(numbers), grads), seed)
        raised.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CompileWarning)
            got = called(plans, as_tensors(copies(numbers), grads), seed)
        assert len(got) == len(expected)
        made = [p for some in plans.plans.values() for p in some]
        alike = near if any(step.forward in FUSED for p in made for step in p.forward) else same
        for k, (a, b) in enumerate(zip(got, expected, strict=True)):
            assert alike(a, b), f"call {seed}, result {k}: {a} instead of {b}"
        if not isinstance(expected[0], type):
            assert not raised, f"call {seed}: the plan raises, the function does not"


@pytest.mark.parametrize("name", CASES)
@FEW
@given(data=st.data())
def test_compiled_is_as_it_is(name: str, data: st.DataObject) -> None:
    case: Case = CASES[name]
    inputs, kwargs = drawn(case, data)
    grads = wanted(case, inputs) if data.draw(st.booleans(), "with gradients") else ()
    plans = Plans(lambda *xs: case.call(*xs, **kwargs), None, name)
    check(plans, inputs, grads)
    if plans.eager:
        assert name in EAGER, plans.eager
        assert re.search(EAGER[name], plans.eager)


TWINS = [n for n, case in CASES.items() if isinstance(case.method, str) and hasattr(Tensor, f"{case.method}_")]


@pytest.mark.parametrize("name", TWINS)
@FEW
@given(data=st.data())
def test_twins_in_place(name: str, data: st.DataObject) -> None:
    """The method that writes into its tensor, which may be a view."""
    case: Case = CASES[name]
    inputs, kwargs = drawn(case, data)
    grads = wanted(case, inputs) if case.order and data.draw(st.booleans(), "with gradients") else ()
    into_a_view = data.draw(st.booleans(), "into a view")

    def function(x: Tensor, *rest: Any) -> Tensor:
        y = x.clone()
        getattr(y[:] if into_a_view and y.ndim else y, f"{case.method}_")(*rest, **kwargs)
        return y

    plans = Plans(function, None, name)
    check(plans, inputs, grads)
    assert not plans.eager


def test_the_table_names_cases() -> None:
    assert EAGER.keys() <= CASES.keys()
