"""The properties of every public function: each `Case` is held against its reference, differences and PyTorch.

Forward against NumPy or loops; first and second derivatives against extrapolated central differences in float64
(relative 1e-6, random cotangents and directions, dense, so that one wrong element shows); dtypes; memory layouts,
none of them written to; the same on arrays; the Tensor method; gradients when only some inputs want one.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import tinygrad_cnn as tg
from tests.ops.case import Case
from tinygrad_cnn import autograd
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.testing.differences import derivatives
from tinygrad_cnn.testing.memory import LAYOUTS
from tinygrad_cnn.testing.strategies import layouts

# What is drawn at random are no log-probabilities, and not every label counts.
pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")

TESTS = Path(__file__).parent.parent
FILES = sorted(
    str(path.relative_to(TESTS.parent).with_suffix("")).replace("/", ".") for path in TESTS.rglob("cases_*.py")
)
RTOL = 1e-6
SEEDS = st.integers(0, 2**32 - 1)
FEWER = hypothesis.settings(
    max_examples=max(5, hypothesis.settings().max_examples // 5)
)  # for what hangs on few things


def _cases() -> dict[str, Case]:
    """All cases by their ids; a file that cannot be imported is the business of `test_file_of_cases`."""
    cases: dict[str, Case] = {}
    for file in FILES:
        try:
            found = importlib.import_module(file).CASES
        except Exception:  # reported by test_file_of_cases
            continue
        for case in found:
            name = f"{case.name}-{case.note}" if case.name in cases and case.note else case.name
            while name in cases:
                name += "'"
            cases[name] = case
    return cases


CASES = _cases()


@pytest.mark.parametrize("file", FILES)
def test_file_of_cases(file: str) -> None:
    cases = importlib.import_module(file).CASES
    assert cases
    assert all(type(case).__name__ == "Case" for case in cases)


def parametrize(*, order: int = 0, **has: bool) -> Any:
    chosen = [
        pytest.param(case, id=name)
        for name, case in CASES.items()
        if case.order >= order and all((getattr(case, field) is not None) is wanted for field, wanted in has.items())
    ]
    return pytest.mark.parametrize("case", chosen)


# ------------------------------------------------------------------------------------------------------------ helpers
def drawn(case: Case, data: st.DataObject) -> tuple[list[Any], dict[str, Any]]:
    """Inputs and keyword arguments; NumPy's scalars, which arithmetic makes of 0-d arrays, become arrays again."""
    inputs, kwargs = data.draw(case.draw)
    return [np.asarray(x) if isinstance(x, np.generic) else x for x in inputs], kwargs


def outputs(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def array(x: Any) -> ndarray[Any, Any]:
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def wanted(case: Case, inputs: list[Any]) -> list[int]:
    """The positions of the inputs that have a gradient."""
    if case.wanted is not None:
        return list(case.wanted)
    return [i for i, x in enumerate(inputs) if isinstance(x, ndarray) and x.dtype.kind == "f"]


def as_tensors(inputs: list[Any], grad: Any = ()) -> list[Any]:
    """Arrays as tensors, those at the positions ``grad`` requiring one; numbers and lists stay as they are."""
    return [Tensor(x, requires_grad=i in grad) if isinstance(x, ndarray) else x for i, x in enumerate(inputs)]


def copies(inputs: list[Any]) -> list[Any]:
    return [x.copy() if isinstance(x, ndarray) else x for x in inputs]


def second_names(case: Case) -> list[str]:
    """Other names of the case's function that are Tensor methods: multiply for mul."""
    function = getattr(tg, case.name, None)
    return [name for name, f in vars(tg).items() if f is function and callable(f) and hasattr(Tensor, name)]


def assert_close(got: Any, expected: Any, rtol: float, atol: float, what: str) -> None:
    got, expected = array(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    if np.array_equal(got, expected):
        return  # as most are, and NumPy's own assertion takes ten times as long to say so
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True, err_msg=what)


def floating(ys: list[Any]) -> list[Any]:
    return [y for y in ys if array(y).dtype.kind == "f"]


def gradients(case: Case, inputs: list[Any], kwargs: dict[str, Any], at: list[int], cotangents: list[Any]) -> list[Any]:
    """The gradients of sum(cotangent * output) by the inputs ``at``, recorded when the cotangents are tensors."""
    ys = floating(outputs(case.call(*inputs, **kwargs)))
    create = any(isinstance(c, Tensor) for c in cotangents)
    paths = [(y, c) for y, c in zip(ys, cotangents, strict=True) if y.requires_grad]
    assert paths, "no output requires grad, though an input does"
    xs = [inputs[i] for i in at]
    found = autograd.grad([y for y, _ in paths], xs, [c for _, c in paths], create_graph=create, allow_unused=True)
    return [np.zeros_like(array(x)) if g is None else g for g, x in zip(found, xs, strict=True)]


def check_slope(analytic: float, scale: float, function: Any, noise: float, what: str) -> None:
    """``analytic`` against the derivative of ``function`` at 0; ``scale`` is the sum of the magnitudes of its terms."""
    for slope in derivatives(function):
        tolerance = RTOL * max(abs(analytic), abs(slope.value)) + 1e-8 * scale + 1e-11 * noise + 1e-12
        if abs(slope.value - analytic) <= tolerance:
            return
    settled = slope.error <= max(tolerance, 1e-3 * abs(slope.value))
    hint = "" if settled else "; the differences do not settle: are the inputs drawn too near to a kink, tie or pole?"
    pytest.fail(f"{what}: {analytic:.12g} by the rules, {slope.value:.12g} ± {slope.error:.1g} by differences{hint}")


# ------------------------------------------------------------------------------------------------------------ forward
@parametrize()
@given(data=st.data())
def test_forward(case: Case, data: st.DataObject) -> None:
    """The reference's values on tensors and on arrays, with nothing written to."""
    inputs, kwargs = drawn(case, data)
    before = copies(inputs)
    expected = outputs(case.reference(*copies(inputs), **kwargs))
    ys = outputs(case.call(*as_tensors(inputs), **kwargs))
    plain = outputs(case.call(*inputs, **kwargs))
    assert len(ys) == len(plain) == len(expected)
    for y, p, e in zip(ys, plain, expected, strict=True):
        assert isinstance(y, Tensor), f"tensors in, {type(y).__name__} out"
        assert not isinstance(p, Tensor), "arrays in, a Tensor out"
        assert_close(y, e, 1e-10, 1e-12, "result on tensors")
        np.testing.assert_array_equal(array(p), y.numpy(), err_msg="arrays and tensors give different values")
        assert array(p).dtype == y.dtype, f"dtype {array(p).dtype} on arrays, {y.dtype} on tensors"
    for i, (x, b) in enumerate(zip(inputs, before, strict=True)):
        if isinstance(x, ndarray):
            np.testing.assert_array_equal(x, b, err_msg=f"input {i} was written to")


@parametrize(method=True)
@FEWER
@given(data=st.data())
def test_method(case: Case, data: st.DataObject) -> None:
    """The Tensor method gives what the function gives."""
    inputs, kwargs = drawn(case, data)
    assert case.method is not None
    first, *rest = as_tensors(inputs)
    ys = outputs(case.call(first, *rest, **kwargs))
    named = [case.method, *second_names(case)] if isinstance(case.method, str) else []
    for name in named or [case.method]:
        result = getattr(first, name)(*rest, **kwargs) if isinstance(name, str) else name(first, *rest, **kwargs)
        for y, m in zip(ys, outputs(result), strict=True):
            assert isinstance(m, Tensor)
            assert m.dtype == y.dtype
            np.testing.assert_array_equal(m.numpy(), y.numpy(), err_msg=f"the method {name} gives something else")


@parametrize()
@FEWER
@given(data=st.data())
def test_float32(case: Case, data: st.DataObject) -> None:
    """float32 stays float32, from the inputs through the result to the gradients, and is about as exact."""
    inputs, kwargs = drawn(case, data)
    single = [x.astype(np.float32) if isinstance(x, ndarray) and x.dtype == np.float64 else x for x in inputs]
    double = [x.astype(np.float64) if isinstance(x, ndarray) and x.dtype == np.float32 else x for x in single]
    xs = as_tensors(single, grad=wanted(case, single) if case.order else ())
    ys = outputs(case.call(*xs, **kwargs))
    precise = outputs(case.call(*as_tensors(double), **kwargs))
    for y, p in zip(ys, precise, strict=True):
        assert y.dtype == (np.float32 if p.dtype == np.float64 else p.dtype), f"dtype {y.dtype} from float32 inputs"
        if y.dtype.kind == "f" and p.numpy().size:
            assert_close(
                y, p.numpy(), 1e-3, 1e-4 * (1 + np.abs(p.numpy()[np.isfinite(p.numpy())]).max(initial=0)), "float32"
            )
    if case.order:
        for y in floating(ys):
            if y.requires_grad:
                y.backward(Tensor(np.ones(y.shape, y.dtype)), retain_graph=True)
        for i in wanted(case, single):
            grad = xs[i].grad
            assert grad is None or (grad.dtype == np.float32 and grad.shape == xs[i].shape), f"gradient {i}"


@parametrize()
@given(data=st.data(), seed=SEEDS)
def test_memory_layouts(case: Case, data: st.DataObject, seed: int) -> None:
    """Transposed, strided, read-only, byte-swapped inputs give the same result and gradient, and are not written to."""
    inputs, kwargs = drawn(case, data)
    views = [data.draw(layouts(x)) if isinstance(x, ndarray) else x for x in inputs]
    at = wanted(case, inputs) if case.order else []
    expected = outputs(case.call(*as_tensors(inputs, at), **kwargs))
    for name, make in LAYOUTS.items():  # all of them: an order mixed up shows in few shapes
        same = [make(x) if isinstance(x, ndarray) else x for x in inputs]
        for y, e in zip(outputs(case.call(*as_tensors(same), **kwargs)), expected, strict=True):
            assert_close(y, e.numpy(), 1e-10, 1e-12, f"result on {name} inputs")
        for x, before in zip(same, inputs, strict=True):
            if isinstance(x, ndarray):
                np.testing.assert_array_equal(x, before, err_msg=f"a {name} input was written to")
    laid_out = as_tensors(views, at)
    got = outputs(case.call(*laid_out, **kwargs))
    plain = outputs(case.call(*views, **kwargs))
    for y, e, p in zip(got, expected, plain, strict=True):
        assert_close(y, e.numpy(), 1e-10, 1e-12, "result on tensors")
        assert_close(p, e.numpy(), 1e-10, 1e-12, "result on arrays")
        assert array(p).dtype.newbyteorder("=") == e.dtype  # a view of a byte-swapped array is byte-swapped
    if at and any(y.requires_grad for y in floating(got)):
        rng = np.random.default_rng(seed)
        cotangents = [data.draw(layouts(rng.standard_normal(y.shape))) for y in floating(got)]
        for i, g, e in zip(
            at,
            gradients(case, laid_out, kwargs, at, cotangents),
            gradients(case, as_tensors(inputs, at), kwargs, at, [np.array(c, np.float64) for c in cotangents]),
            strict=True,
        ):
            assert_close(g, array(e), 1e-9, 1e-11, f"gradient of input {i}")
    for i, (x, view) in enumerate(zip(inputs, views, strict=True)):
        if isinstance(x, ndarray):
            np.testing.assert_array_equal(view, x, err_msg=f"input {i} was written to")


# -------------------------------------------------------------------------------------------------------- derivatives
@parametrize(order=1)
@given(data=st.data(), seed=SEEDS)
def test_gradient(case: Case, data: st.DataObject, seed: int) -> None:
    """Along a random direction of all inputs, all outputs weighted at random; and any subset of the inputs."""
    inputs, kwargs = drawn(case, data)
    at = wanted(case, inputs)
    rng = np.random.default_rng(seed)
    cotangents = [
        rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape)
        for y in map(array, floating(outputs(case.call(*inputs, **kwargs))))
    ]
    grads = gradients(case, as_tensors(inputs, at), kwargs, at, cotangents)
    directions = {i: rng.uniform(0.3, 1, inputs[i].shape) * rng.choice([-1, 1], inputs[i].shape) for i in at}

    def along(t: float) -> float:
        xs = [np.asarray(x + t * directions[i]) if i in directions else x for i, x in enumerate(inputs)]
        ys = floating(outputs(case.call(*xs, **kwargs)))
        return float(sum(np.sum(c * array(y)) for c, y in zip(cotangents, ys, strict=True)))

    for i, g in zip(at, grads, strict=True):
        assert array(g).shape == inputs[i].shape
        assert array(g).dtype == inputs[i].dtype
    if not any(inputs[i].size for i in at):
        return  # nothing to move; means of nothing are NaN
    terms = [directions[i] * array(g) for i, g in zip(at, grads, strict=True)]
    with np.errstate(all="ignore"):
        check_slope(
            float(sum(t.sum() for t in terms)),
            float(sum(np.abs(t).sum() for t in terms)),
            along,
            abs(along(0.0)),
            "first derivative",
        )

    some = [i for i in at if data.draw(st.booleans())] if len(at) > 1 else []
    if some:  # rules keep what they need, whichever inputs want a gradient
        alone = gradients(case, as_tensors(inputs, some), kwargs, some, cotangents)
        for i, g in zip(some, alone, strict=True):
            assert_close(g, array(grads[at.index(i)]), 1e-12, 1e-14, f"gradient of input {i} when only {some} want one")


@parametrize(order=2)
@given(data=st.data(), seed=SEEDS)
def test_second_derivative(case: Case, data: st.DataObject, seed: int) -> None:
    """The gradients, weighted at random, along a random direction of inputs and cotangents."""
    inputs, kwargs = drawn(case, data)
    check_second_derivative(case, inputs, kwargs, wanted(case, inputs), np.random.default_rng(seed))


def check_second_derivative(
    case: Case, inputs: list[Any], kwargs: dict[str, Any], at: list[int], rng: np.random.Generator
) -> None:
    """The derivative of the gradients by the inputs ``at``, against differences of these gradients."""

    def dense(shape: tuple[int, ...]) -> ndarray[Any, Any]:
        return rng.uniform(0.3, 1, shape) * rng.choice([-1.0, 1.0], shape)

    cotangents = [dense(array(y).shape) for y in floating(outputs(case.call(*inputs, **kwargs)))]
    weights = [dense(inputs[i].shape) for i in at]
    xs = as_tensors(inputs, at)
    cs = [Tensor(c, requires_grad=True) for c in cotangents]
    first = gradients(case, xs, kwargs, at, cs)
    recorded = [(g, w) for g, w in zip(first, weights, strict=True) if isinstance(g, Tensor) and g.requires_grad]
    variables = [xs[i] for i in at] + cs
    second: list[Any] = [None] * len(variables)
    if recorded:
        second = list(autograd.grad([g for g, _ in recorded], variables, [w for _, w in recorded], allow_unused=True))
    directions = [dense(v.shape) for v in variables]

    def along(t: float) -> float:
        moved = list(inputs)
        for i, d in zip(at, directions, strict=False):
            moved[i] = np.asarray(inputs[i] + t * d)
        weighted = [c + t * d for c, d in zip(cotangents, directions[len(at) :], strict=True)]
        grads = gradients(case, as_tensors(moved, at), kwargs, at, weighted)
        return float(sum(np.sum(w * array(g)) for w, g in zip(weights, grads, strict=True)))

    for v, s in zip(variables, second, strict=True):
        assert s is None or (s.shape == v.shape and s.dtype == v.dtype)
    if not any(inputs[i].size for i in at):
        return
    terms = [d * s.numpy() for d, s in zip(directions, second, strict=True) if s is not None]
    with np.errstate(all="ignore"):
        check_slope(
            float(sum(t.sum() for t in terms)),
            float(sum(np.abs(t).sum() for t in terms)),
            along,
            abs(along(0.0)),
            "second derivative",
        )


@parametrize()
@FEWER
@given(data=st.data())
def test_what_is_not_differentiable_records_nothing(case: Case, data: st.DataObject) -> None:
    """Results require grad when an input does and a derivative exists, and else never; no graph under no_grad."""
    inputs, kwargs = drawn(case, data)
    floats = [i for i, x in enumerate(inputs) if isinstance(x, ndarray) and x.dtype.kind == "f"]
    floats = wanted(case, inputs) if case.order else floats  # weights that have no gradient refuse to require one
    ys = outputs(case.call(*as_tensors(inputs, floats), **kwargs))
    if case.order == 0:
        assert not any(y.requires_grad for y in ys)
    assert not any(y.requires_grad for y in ys if y.dtype.kind != "f")
    with autograd.no_grad():
        tensors = as_tensors(inputs, floats)
        made = [y for y in outputs(case.call(*tensors, **kwargs)) if not any(y is x for x in tensors)]
        assert all(y.is_leaf and not y.requires_grad for y in made)
