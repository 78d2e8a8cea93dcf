"""Keywords that a function does not name itself: which are taken for which, and what is said of the others."""
# ruff: noqa: ARG001, ARG005  (functions that are looked at and not called)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn
from tinygrad_cnn.arrays.keywords import accepting, accepts, has_dimension, passing_to

tg: Any = tinygrad_cnn  # whose types know no other keywords
X = np.arange(6.0).reshape(2, 3) - 2.5


def x() -> Any:
    return tg.tensor(X)


TAKEN: dict[str, tuple[Any, Any]] = {  # a call, and the same in the usual words
    "axis": (lambda: tg.sum(x(), axis=1), lambda: tg.sum(x(), 1)),
    "keepdims": (lambda: tg.sum(x(), 0, keepdims=True), lambda: tg.sum(x(), 0, keepdim=True)),
    "axis of a method": (lambda: x().sum(axis=1), lambda: x().sum(1)),
    "a first input by NumPy's name": (lambda: tg.sum(a=x(), axis=0), lambda: tg.sum(x(), 0)),
    "x": (lambda: tg.exp(x=x()), lambda: tg.exp(x())),
    "input": (lambda: tg.exp(input=x()), lambda: tg.exp(x())),
    "input and other": (lambda: tg.sub(input=x(), other=x() * 3), lambda: tg.sub(x(), x() * 3)),
    "x1 and x2": (lambda: tg.sub(x1=x(), x2=x() * 3), lambda: tg.sub(x(), x() * 3)),
    "the second alone": (lambda: tg.sub(x(), other=x() * 3), lambda: tg.sub(x(), x() * 3)),
    "condition, input, other": (
        lambda: tg.where(condition=x() > 0, input=x(), other=x() * 3), lambda: tg.where(x() > 0, x(), x() * 3)
    ),
    "exponent": (lambda: tg.pow(x(), exponent=tg.tensor(2.0)), lambda: tg.pow(x(), tg.tensor(2.0))),
    "self": (lambda: tg.pow(self=tg.tensor(2.0), exponent=x()), lambda: tg.pow(tg.tensor(2.0), x())),
    "end and weight": (
        lambda: tg.lerp(x(), end=x() * 2, weight=x() / 4), lambda: tg.lerp(x(), x() * 2, x() / 4)
    ),
    "tensor1 and tensor2": (
        lambda: tg.addcmul(x(), tensor1=x(), tensor2=x()), lambda: tg.addcmul(x(), x(), x())
    ),
    "tensor1 and tensor2 of a quotient": (
        lambda: tg.addcdiv(x(), tensor1=x() * 2, tensor2=x()), lambda: tg.addcdiv(x(), x() * 2, x())
    ),
    "values": (lambda: tg.heaviside(x(), values=x()), lambda: tg.heaviside(x(), x())),
    "exponent of a float power": (
        lambda: tg.float_power(x(), exponent=tg.tensor(2)), lambda: tg.float_power(x(), tg.tensor(2))
    ),
    "size": (lambda: tg.zeros(size=(2, 3)), lambda: tg.zeros(2, 3)),
    "hints": (
        lambda: tg.zeros(2, 3, pin_memory=True, memory_format=None, layout=None), lambda: tg.zeros(2, 3)
    ),
    "the one layout": (lambda: tg.zeros(2, layout="torch.strided"), lambda: tg.zeros(2)),
    "a hint of a copy": (lambda: x().clone(memory_format="torch.preserve_format"), lambda: x()),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_a_keyword_is_taken_for_the_argument_it_means(name: str) -> None:
    found, expected = (call() for call in TAKEN[name])
    np.testing.assert_array_equal(found.numpy(), expected.numpy(), strict=True)


OF_TWO = [
    "add",
    "sub",
    "mul",
    "maximum",
    "fmin",
    "atan2",
    "hypot",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "greater",
    "not_equal",
    "logical_and",
    "copysign",
    "remainder",
    "floor_divide",
]


@pytest.mark.parametrize("name", OF_TWO)
def test_the_inputs_of_operations_of_two_have_names(name: str) -> None:
    function = getattr(tg, name)
    a, b = x(), tg.tensor(X[::-1].copy())
    expected = function(a, b).numpy()
    for found in (function(a, other=b), function(input=a, other=b), function(x1=a, x2=b), function(a, x2=b)):
        np.testing.assert_array_equal(found.numpy(), expected, strict=True)


@pytest.mark.parametrize("name", [*OF_TWO, "heaviside"])
def test_a_program_sees_inputs_that_came_by_name(name: str) -> None:
    key = "values" if name == "heaviside" else "other"

    class Net(tg.nn.Module):
        def forward(self, a: Any, b: Any) -> Any:
            return getattr(tg, name)(a, **{key: b})

    program = tg.programs.record(Net(), x(), x() * 2)
    (step,) = program.steps
    assert step.inputs == tuple(program.inputs)
    assert key not in step.attributes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tg.sum(x(), dim=0, axis=1), r"^sum\(\) got both dim= and axis=, which is NumPy's name of it"),
        (lambda: tg.sum(x(), axes=1), r"^sum\(\) has no argument 'axes'; it takes input, dim"),
        (lambda: tg.exp(x(), power=2), r"^exp\(\) has no argument 'power'"),
        (lambda: tg.zeros(2, layout="torch.sparse_coo"), r"^zeros\(\): there is one layout, strided, got torch.sparse"),
        (lambda: tg.zeros(2, shape=3), r"^zeros\(\) has no argument 'shape'; it takes .*size$"),
        (lambda: tg.sum(x(), 0, pin_memory=True), r"has no argument 'pin_memory'"),
        (lambda: tg.sub(x(), x(), other=x()), r"^sub\(\) got other=, its input number 2, beside 2 by position"),
        (lambda: tg.sub(other=x()), r"^sub\(\) got other=, its input number 2, beside 0 by position"),
        (lambda: tg.exp(x(), out=3), r"^exp\(\): out must be a Tensor, got int"),
        (lambda: tg.sum(x(), 0, out=3), r"^sum\(\): out must be a Tensor, got int"),
        (lambda: tg.sort(x(), out=x()), r"^sort\(\): out must be a tuple of 2 Tensors"),
        (lambda: tg.sort(x(), out=(x(),)), r"^sort\(\): out must be a tuple of 2 Tensors"),
        (lambda: tg.zeros(2, 3, size=(2, 3)), r"^zeros\(\) has no argument 'size'"),
    ],
)
def test_what_is_no_argument_is_named(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_out_receives_the_result_and_is_returned() -> None:
    out, more = tg.zeros(2, 3, dtype=tg.float64), tg.zeros(2, 3, dtype=tg.int64)
    assert tg.exp(x(), out=out) is out
    np.testing.assert_array_equal(out.numpy(), np.exp(X))
    found = tg.sort(x(), descending=True, out=(out, more))
    assert found[0] is out
    assert found.values is out
    assert found.indices is more
    np.testing.assert_array_equal(out.numpy(), X[:, ::-1])
    total = tg.zeros(2, dtype=tg.float64)
    assert tg.sum(x(), 1, out=total) is total
    np.testing.assert_array_equal(total.numpy(), X.sum(1))


def test_a_mistake_within_a_function_is_not_taken_for_one_of_its_keywords() -> None:
    calls = []

    def total(x: Any, dim: int = 0) -> Any:
        calls.append(dim)
        raise TypeError(f"mine, {dim}")

    call = accepting(total)
    assert (call.__name__, call.__wrapped__) == ("total", total)
    assert accepting(total) is call
    for keywords in ({}, {"dim": 1}):
        with pytest.raises(TypeError, match=r"^mine, "):
            call(3, **keywords)
    assert calls == [0, 1]  # and it is not tried again
    with pytest.raises(TypeError, match=r"^mine, 7"):
        call(3, axis=7)


def test_a_function_is_called_in_place_of_another_that_only_passes_on() -> None:
    def method(self: Any, dim: Any = None) -> Any:
        return direct(self, dim)

    def direct(input: Any, dim: Any = None) -> Any:
        return input, dim

    call = accepting(method, direct)
    assert call is not accepting(method)
    assert call(3, axis=1) == call(3, 1) == (3, 1)
    assert call.__name__ == "method"


def test_which_functions_are_on_tensors() -> None:
    from tinygrad_cnn.tensors.creation import zeros

    assert accepts(zeros)
    assert not accepts(tg.manual_seed)
    assert not accepts(3)
    assert not accepts(tg.exp)  # an operation
    assert has_dimension(lambda x, dim: x)
    assert has_dimension(lambda x, *, keepdim=False: x)
    assert not has_dimension(lambda x, other: [-dim for dim in (x, other)])


def test_a_method_is_passed_by_only_where_it_adds_nothing() -> None:
    def function(x: Any, dim: Any = None, *, keepdim: bool = False) -> Any: ...

    methods = [
        (lambda self, dim=None, *, keepdim=False: None, True),
        (lambda self, *args, **kwargs: None, True),
        (lambda self, dim=1, *, keepdim=False: None, False),
        (lambda self, dim=None, *, keepdim=True: None, False),
        (lambda self, axis=None, *, keepdim=False: None, False),
        (lambda self, dim=None, *, keep=False: None, False),
        (lambda self, dim=None, keepdim=False: None, False),
        (lambda self, dim=None, *more, keepdim=False: None, False),
        (lambda self, dim=None, *, keepdim=False, **more: None, False),
        (lambda self, *args: None, False),
    ]
    for method, passes in methods:
        assert passing_to(function, method) is (function if passes else method)
