"""Cases of the activations. The references are formulas of one number, or NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs, strict
from tests.ops.cases_elementwise import loop
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, dims, shapes


def torch_f(name: str) -> Callable[..., Any]:
    """PyTorch's function of this name; imported when it is called."""

    def call(*inputs: Any, **kwargs: Any) -> Any:
        import torch

        return getattr(torch.nn.functional, name)(*inputs, **kwargs)

    return call


# -------------------------------------------------------------------------------------------------------------- inputs
@st.composite
def one(draw: st.DrawFn, away_from: tuple[float, ...] = (), **settings: st.SearchStrategy[Any]) -> Inputs:
    """An array that keeps away from the kinks, and settings drawn one by one."""
    return [draw(arrays(shapes(), -4, 4, away_from))], {k: draw(s) for k, s in settings.items()}


@st.composite
def with_kinks_at(draw: st.DrawFn, low: str, high: str) -> Inputs:
    """An array away from the two kinks that are among the settings."""
    a, b = draw(st.floats(-2, -0.3)), draw(st.floats(0.3, 2))
    return [draw(arrays(shapes(), -4, 4, (a, b)))], {low: a, high: b}


@st.composite
def with_kinks_around_0(draw: st.DrawFn, name: str) -> Inputs:
    a = draw(st.floats(0.2, 2))
    return [draw(arrays(shapes(), -4, 4, (-a, a)))], {name: a}


@st.composite
def above_threshold(draw: st.DrawFn) -> Inputs:
    a = draw(st.floats(-2, 2))
    return [draw(arrays(shapes(), -4, 4, (a,)))], {"threshold": a, "value": draw(st.floats(-2, 2) | st.integers(-2, 2))}


@st.composite
def prelu_inputs(draw: st.DrawFn) -> Inputs:
    x = draw(arrays(shapes(), away_from=(0.0,)))
    channels = x.shape[1] if x.ndim > 1 else 1
    return [x, draw(arrays((draw(st.sampled_from([1, channels])),)))], {}


@st.composite
def softplus_inputs(draw: st.DrawFn) -> Inputs:
    beta, threshold = draw(st.sampled_from([(1.0, 20.0), (2.0, 3.0), (0.5, 1.0)]))
    return [draw(arrays(shapes(), -4, 4, (threshold / beta,)))], {"beta": beta, "threshold": threshold}


@st.composite
def along_dim(draw: st.DrawFn, name: str = "dim") -> Inputs:
    x = draw(arrays(shapes(max_dims=3)))
    return [x], {name: draw(dims(x.ndim))}


@st.composite
def halves(draw: st.DrawFn) -> Inputs:
    shape = list(draw(shapes(min_dims=1, max_dims=3, max_side=3, max_size=12)))
    dim = draw(dims(len(shape)))
    shape[dim] *= 2
    return [draw(arrays(tuple(shape)))], {"dim": dim}


@st.composite
def vectors(draw: st.DrawFn) -> Inputs:
    """Of three entries at least: the gradient of a vector of one is nothing but rounding."""
    x = draw(arrays(shapes(min_dims=2, max_dims=2, min_side=3), 0.3, 2))
    sign = draw(arrays(x.shape, -1, 1, (0.0,)))
    return [x * np.sign(sign)], {"p": draw(st.sampled_from([1.0, 2.0, 3.0])), "dim": draw(dims(x.ndim))}


@st.composite
def two_sets_of_vectors(draw: st.DrawFn) -> Inputs:
    a = draw(shapes(min_dims=2, max_dims=2, min_side=3))
    return [draw(arrays(a, 0.3, 2)), draw(arrays(a, -2, -0.3))], {"dim": draw(dims(2))}


@st.composite
def two_points(draw: st.DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2, min_side=1, max_size=16))
    a, b = a or (1,), b or (1,)
    p = draw(st.sampled_from([1.0, 2.0, 3.0]))
    return [draw(arrays(a, 0.3, 2)), draw(arrays(b, -2, -0.3))], {"p": p, "keepdim": draw(st.booleans())}


# ---------------------------------------------------------------------------------------------------------- references
def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def elu(x: float, alpha: float = 1.0) -> float:
    return x if x > 0 else alpha * (math.exp(x) - 1)


def gelu(x: float, approximate: str = "none") -> float:
    if approximate == "tanh":
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * math.erfc(-x / math.sqrt(2))


def by_number(f: Callable[..., float]) -> Callable[..., Any]:
    """A formula of one number and settings, on every element."""
    return lambda x, **settings: loop(lambda v: f(v, **settings))(x)


def prelu(x: Any, w: Any) -> Any:
    y = np.array(x)
    for place in np.ndindex(*x.shape):
        slope = w[place[1]] if len(w) > 1 else w[0]
        y[place] = x[place] if x[place] > 0 else slope * x[place]
    return y


def softmax(x: Any, dim: int) -> Any:
    e = np.exp(x)
    return e / e.sum(dim, keepdims=True) if x.ndim else np.ones(())


def glu(x: Any, dim: int) -> Any:
    a, b = np.split(x, 2, dim)
    return a / (1 + np.exp(-b))


def length(x: Any, p: float, dim: int, keepdim: bool = True) -> Any:
    return (np.abs(x) ** p).sum(dim, keepdims=keepdim) ** (1 / p)


def cosine(a: Any, b: Any, dim: int) -> Any:
    a, b = np.broadcast_arrays(a, b)
    return (a * b).sum(dim) / (length(a, 2, dim, False) * length(b, 2, dim, False))


def torch_hardsigmoid(x: Any) -> Any:
    """By its formula: PyTorch's own slope is 1 / 6 rounded to float32. Its errors are PyTorch's own."""
    import torch

    torch.nn.functional.hardsigmoid(x.detach())
    return torch.nn.functional.relu6(x + 3) / 6


def torch_threshold(x: Any, threshold: float, value: float) -> Any:
    """PyTorch cuts the fraction off the threshold of integers, -1.5 to -1; we compare with it as it is."""
    at = threshold if x.is_floating_point() else math.floor(threshold)
    return strict(lambda x, value: torch_f("threshold")(x, threshold=at, value=value))(x, value)


def _case(name: str, draw: Any, reference: Any, **rest: Any) -> Case:
    rest.setdefault("torch", torch_f(name))
    return Case(f"nn.functional.{name}", draw, getattr(F, name), reference, **rest)


UNREAD = tuple(
    (probe, "PyTorch does not look at the dtype of an empty tensor")
    for probe in ("integers", "booleans", "mixed dtypes")
)
ROUNDING = tuple(
    (probe, "the gradient is 0 up to rounding")
    for probe in ("no dimensions", "a dimension more", "a dimension fewer", "ties and kinks")
)


SLOPES = st.sampled_from([0.01, 0.3, 0.0, -0.5, 2.0])
ALPHAS = st.sampled_from([1.0, 0.5, 2.0, -0.7])
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

CASES = [
    _case("relu", one((0.0,)), np.vectorize(lambda x: max(x, 0.0), otypes=[float])),
    _case("relu6", one((0.0, 6.0)), loop(lambda x: min(max(x, 0.0), 6.0))),
    _case(
        "leaky_relu",
        one((0.0,), negative_slope=SLOPES),
        by_number(lambda x, negative_slope: x if x > 0 else negative_slope * x),
    ),
    _case("prelu", prelu_inputs(), prelu),
    _case("elu", one((0.0,), alpha=ALPHAS), by_number(elu)),
    _case("selu", one((0.0,)), loop(lambda x: SELU_SCALE * elu(x, SELU_ALPHA))),
    _case(
        "celu",
        one((0.0,), alpha=st.sampled_from([1.0, 0.5, 2.0, -0.5])),
        by_number(lambda x, alpha: x if x > 0 else alpha * math.expm1(x / alpha)),
    ),
    _case("gelu", one(approximate=st.sampled_from(["none", "tanh"])), by_number(gelu)),
    _case("silu", one(), loop(lambda x: x * sigmoid(x))),
    _case("mish", one(), loop(lambda x: x * math.tanh(math.log1p(math.exp(x))))),
    _case(
        "hardtanh",
        with_kinks_at("min_val", "max_val"),
        by_number(lambda x, min_val, max_val: min(max(x, min_val), max_val)),
        torch=strict(torch_f("hardtanh")),
    ),
    _case("hardsigmoid", one((-3.0, 3.0)), loop(lambda x: min(max(x / 6 + 0.5, 0), 1)), torch=torch_hardsigmoid),
    _case("hardswish", one((-3.0, 3.0)), loop(lambda x: x * min(max(x + 3, 0), 6) / 6)),
    _case("sigmoid", one(), loop(sigmoid)),
    _case("tanh", one(), loop(math.tanh)),
    _case("logsigmoid", one(), loop(lambda x: math.log(sigmoid(x)))),
    _case(
        "softplus",
        softplus_inputs(),
        by_number(lambda x, beta, threshold: x if beta * x > threshold else math.log1p(math.exp(beta * x)) / beta),
    ),
    _case(
        "softsign",
        one((0.0,)),
        loop(lambda x: x / (1 + abs(x))),
        differs=(("special values", "the slope at infinity is 0; PyTorch has NaN"),),
    ),
    _case("tanhshrink", one(), loop(lambda x: x - math.tanh(x))),
    _case(
        "softshrink", with_kinks_around_0("lambd"), by_number(lambda x, lambd: x - math.copysign(min(abs(x), lambd), x))
    ),
    _case("hardshrink", with_kinks_around_0("lambd"), by_number(lambda x, lambd: x if abs(x) > lambd else 0.0)),
    _case(
        "threshold",
        above_threshold(),
        by_number(lambda x, threshold, value: x if x > threshold else value),
        torch=torch_threshold,
    ),
    _case("glu", halves(), glu),
    _case("softmax", along_dim(), softmax, differs=UNREAD),
    _case("log_softmax", along_dim(), lambda x, dim: np.log(softmax(x, dim)), differs=UNREAD),
    _case("softmin", along_dim(), lambda x, dim: softmax(-x, dim), differs=UNREAD),
    _case("normalize", vectors(), lambda x, p, dim: x / length(x, p, dim), differs=ROUNDING),
    _case(
        "cosine_similarity",
        two_sets_of_vectors(),
        cosine,
        differs=(*ROUNDING, ("mixed dtypes", "PyTorch computes norms in the lesser dtype")),
    ),
    _case("pairwise_distance", two_points(), lambda a, b, p, keepdim: length(a - b + 1e-6, p, -1, keepdim)),
]
