"""Each public function beside PyTorch's: values, dtypes, gradients, and whether there is an error at all.

Every case is asked as drawn and under `PROBES`, which are unkind: ties and kinks, NaN and inf, integers, wrong ranks,
dimensions out of range. The number of comparisons is printed at the end of the run, and how often there was nothing
to compare
with: PyTorch has no kernel of some functions for some dtypes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

from tests.ops.case import Case
from tests.ops.test_cases import array, drawn, outputs, parametrize, wanted
from tinygrad_cnn import autograd
from tinygrad_cnn.tensors import Tensor

Example = tuple[list[Any], dict[str, Any]]
ERRORS = (ValueError, TypeError, RuntimeError, IndexError, OverflowError, NotImplementedError)
FEWER = hypothesis.settings(max_examples=max(3, hypothesis.settings().max_examples // 5))


# ------------------------------------------------------------------------------------------------------------- probes
def each_float(f: Callable[[ndarray[Any, Any]], Any]) -> Callable[..., Example | None]:
    """A probe that changes every floating input."""

    def probe(inputs: list[Any], kwargs: dict[str, Any], _rng: Any) -> Example | None:
        changed = [f(x) if isinstance(x, ndarray) and x.dtype.kind == "f" else x for x in inputs]
        return (changed, kwargs) if any(a is not b for a, b in zip(changed, inputs, strict=True)) else None

    return probe


def one_array(f: Callable[[ndarray[Any, Any]], Any]) -> Callable[..., Example | None]:
    """A probe that changes one of the arrays; f gives None where it does not apply."""

    def probe(inputs: list[Any], kwargs: dict[str, Any], rng: Any) -> Example | None:
        where = [i for i, x in enumerate(inputs) if isinstance(x, ndarray) and f(x) is not None]
        if not where:
            return None
        i = where[rng.integers(len(where))]
        return [f(x) if k == i else x for k, x in enumerate(inputs)], kwargs

    return probe


def one_keyword(f: Callable[[int], Any]) -> Callable[..., Example | None]:
    """A probe that changes one number among the keyword arguments, or in a tuple there."""

    def probe(inputs: list[Any], kwargs: dict[str, Any], rng: Any) -> Example | None:
        def numbers(v: Any) -> bool:
            return type(v) is int or (isinstance(v, (tuple, list)) and bool(v) and all(type(n) is int for n in v))

        names = [k for k, v in kwargs.items() if numbers(v)]
        if not names:
            return None
        name = names[rng.integers(len(names))]
        v = kwargs[name]
        if type(v) is int:
            return inputs, {**kwargs, name: f(v)}
        i = rng.integers(len(v))
        return inputs, {**kwargs, name: type(v)([f(n) if k == i else n for k, n in enumerate(v)])}

    return probe


def with_some(*special: float) -> Callable[..., Example | None]:
    """A probe that puts special values in some places of every floating input."""

    def probe(inputs: list[Any], kwargs: dict[str, Any], rng: Any) -> Example | None:
        def change(x: ndarray[Any, Any]) -> ndarray[Any, Any]:
            return np.where(rng.random(x.shape) < 0.3, rng.choice(special, x.shape), x)

        return each_float(change)(inputs, kwargs, rng)

    return probe


def mixed_dtypes(inputs: list[Any], kwargs: dict[str, Any], rng: Any) -> Example | None:
    dtypes = [np.float64, np.float32, np.int64, np.bool_]
    return one_array(lambda x: x.astype(dtypes[rng.integers(4)]) if x.dtype.kind == "f" else None)(inputs, kwargs, rng)


PROBES: dict[str, Callable[..., Example | None]] = {
    "as drawn": lambda inputs, kwargs, _rng: (inputs, kwargs),
    "float32": each_float(lambda x: x.astype(np.float32)),
    "ties and kinks": each_float(lambda x: np.clip(np.round(x), -2, 2)),
    "special values": with_some(np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0),
    "NaN": with_some(np.nan),
    "integers": each_float(lambda x: np.round(x).astype(np.int64)),
    "booleans": each_float(lambda x: x > 0),
    "mixed dtypes": mixed_dtypes,
    "no dimensions": each_float(lambda x: x.reshape(-1)[0:1].reshape(()) if x.size and x.ndim else x),
    "a dimension more": one_array(lambda x: x[None]),
    "a dimension fewer": one_array(lambda x: x[0] if x.ndim and len(x) else None),
    "another size": one_array(lambda x: x[..., :-1] if x.ndim and x.shape[-1] else None),
    "nothing": one_array(lambda x: x[:0] if x.ndim else None),
    "a large number": one_keyword(lambda n: n + 7),
    "a negative number": one_keyword(lambda n: -n - 1),
    "zero": one_keyword(lambda _n: 0),
    "a fraction": one_keyword(lambda n: n + 0.5),
}


# --------------------------------------------------------------------------------------------------------- comparison
class Outcome:
    """What a function did: the error it raised, or its results and the gradients of its inputs."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.values: list[ndarray[Any, Any]] = []
        self.recorded: list[bool] = []
        self.gradients: list[ndarray[Any, Any] | None] = []


def ours(case: Case, inputs: list[Any], kwargs: dict[str, Any], at: list[int], seed: int) -> Outcome:
    outcome = Outcome()
    try:
        xs = [Tensor(x.copy(), requires_grad=i in at) if isinstance(x, ndarray) else x for i, x in enumerate(inputs)]
        ys = outputs(case.call(*xs, **kwargs))
        outcome.values, outcome.recorded = [array(y) for y in ys], [y.requires_grad for y in ys]
        weighted = [(y, Tensor(weights(y.numpy(), seed + k))) for k, y in enumerate(ys) if y.requires_grad]
        if weighted:
            found = autograd.grad(
                [y for y, _ in weighted], [xs[i] for i in at], [w for _, w in weighted], allow_unused=True
            )
            outcome.gradients = [None if g is None else g.numpy() for g in found]
    except Exception as error:
        outcome.error = error
    return outcome


def theirs(torch: Any, case: Case, inputs: list[Any], kwargs: dict[str, Any], at: list[int], seed: int) -> Outcome:
    assert case.torch is not None
    outcome = Outcome()
    try:
        xs = [torch.tensor(x) if isinstance(x, ndarray) else x for x in inputs]
        for i in at:
            xs[i].requires_grad_()
        ys = outputs(case.torch(*xs, **kwargs))
        outcome.values, outcome.recorded = [y.detach().numpy() for y in ys], [y.requires_grad for y in ys]
        weighted = [
            (y, torch.tensor(weights(y.detach().numpy(), seed + k))) for k, y in enumerate(ys) if y.requires_grad
        ]
        if weighted:
            found = torch.autograd.grad(
                [y for y, _ in weighted], [xs[i] for i in at], [w for _, w in weighted], allow_unused=True
            )
            outcome.gradients = [None if g is None else g.detach().numpy() for g in found]
    except Exception as error:
        outcome.error = error
    return outcome


def weights(y: ndarray[Any, Any], seed: int) -> ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape)).astype(y.dtype)


def assert_same(a: ndarray[Any, Any], b: ndarray[Any, Any], what: str, exact: bool = True) -> None:
    """Equal but for rounding: that of float64, or (not ``exact``) of float32 on the way."""
    assert a.shape == b.shape, f"{what}: shape {a.shape}, PyTorch {b.shape}"
    assert a.dtype == b.dtype, f"{what}: dtype {a.dtype}, PyTorch {b.dtype}"
    if a.dtype.kind == "f":
        exact = exact and a.dtype == np.float64
        rtol, atol = (1e-9, 1e-12) if exact else (2e-4, 1e-5)
        scale = max(1.0, np.abs(b[np.isfinite(b)]).max(initial=0))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol * scale, err_msg=what)
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


def compare(a: Outcome, b: Outcome, exact: bool = True) -> None:
    """Fail where two outcomes disagree."""
    if b.error is not None:
        assert a.error is not None, f"PyTorch raises {type(b.error).__name__}: {b.error}; we give {a.values}"
    elif a.error is not None:
        raise AssertionError(f"PyTorch gives {b.values}; we raise {type(a.error).__name__}: {a.error}") from a.error
    if a.error is not None:
        assert isinstance(a.error, ERRORS), f"both raise, but ours is a {type(a.error).__name__}: {a.error}"
        assert str(a.error), f"both raise, but our {type(a.error).__name__} says nothing"
        return
    assert len(a.values) == len(b.values), f"{len(a.values)} results, PyTorch {len(b.values)}"
    for k, (y, z) in enumerate(zip(a.values, b.values, strict=True)):
        assert_same(y, z, f"result {k}", exact)
    assert a.recorded == b.recorded, f"results require grad: {a.recorded}, PyTorch {b.recorded}"
    for k, (g, h) in enumerate(zip(a.gradients, b.gradients, strict=True)):
        if g is None or h is None:
            present = g if h is None else h
            assert present is None or not present.any(), f"gradient {k} is {g}, PyTorch {h}"
        else:
            assert_same(g, h, f"gradient {k}", exact)


def agree(case: Case, probe: str, torch: Any, data: st.DataObject, seed: int, counts: dict[str, int]) -> None:
    """One example: draw it, make it as unkind as the probe says, and compare."""
    example = PROBES[probe](*drawn(case, data), np.random.default_rng(seed))
    if example is None:
        return
    inputs, kwargs = [np.asarray(x) if isinstance(x, np.generic) else x for x in example[0]], example[1]
    at = [i for i in wanted(case, inputs) if inputs[i].dtype.kind == "f" and probe != "NaN"]  # no slope at NaN
    with np.errstate(all="ignore"):
        a, b = ours(case, inputs, kwargs, at, seed), theirs(torch, case, inputs, kwargs, at, seed)
        if isinstance(b.error, NotImplementedError):
            counts["no kernel"] += 1
            return
        try:
            compare(a, b, exact=not any(isinstance(x, ndarray) and x.dtype == np.float32 for x in inputs))
        except AssertionError:
            hypothesis.note(f"inputs {inputs}, {kwargs}")
            raise
    counts["comparisons"] += 1


@FEWER
@given(data=st.data(), seed=st.integers(0, 2**32 - 10))
def examples(data: st.DataObject, seed: int, **what: Any) -> None:
    """Hypothesis reads this source anew for each of thousands of tests: all there is to do is done above."""
    agree(data=data, seed=seed, **what)


@parametrize(torch=True)
@pytest.mark.parametrize("probe", PROBES)
def test_agrees_with_pytorch(
    case: Case, probe: str, torch: Any, record_property: Callable[[str, object], None]
) -> None:
    differs = dict(case.differs)
    if probe in differs:
        pytest.skip(f"differs from PyTorch on purpose: {differs[probe]}")
    counts = {"comparisons": 0, "no kernel": 0}
    examples(case=case, probe=probe, torch=torch, counts=counts)
    for name, count in counts.items():
        record_property(name, count)
    record_property("function", case.name)


def test_compare_sees_a_difference() -> None:
    """The comparison itself can fail: on values, dtypes, shapes, gradients, and errors on one side."""

    def outcome(value: Any, gradient: Any = None, error: Exception | None = None) -> Outcome:
        o = Outcome()
        o.values, o.recorded, o.gradients, o.error = [np.asarray(value)], [True], [gradient], error
        return o

    same = outcome(1.0)
    compare(same, outcome(1.0))
    compare(outcome(math.nan), outcome(math.nan))
    compare(outcome(1.0, np.zeros(2)), outcome(1.0))
    compare(outcome(1.0, error=ValueError("no")), outcome(1.0, error=RuntimeError("no")))
    for other in (
        outcome(1.1),
        outcome(math.nan),
        outcome(np.float32(1)),
        outcome([1.0]),
        outcome(1.0, np.ones(2)),
        outcome(1.0, error=ValueError("no")),
        outcome(1.0, error=KeyError("no")),
    ):
        with pytest.raises(AssertionError):
            compare(same, other)
        with pytest.raises(AssertionError):
            compare(other, same)
    with pytest.raises(AssertionError, match="KeyError"):
        compare(outcome(1.0, error=KeyError("no")), outcome(1.0, error=ValueError("no")))
