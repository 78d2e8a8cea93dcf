"""Cases of the normalisations. The references work out one mean and one variance at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays, shapes

EPS = st.sampled_from([1e-5, 0.1])


# -------------------------------------------------------------------------------------------------------------- inputs
@st.composite
def affine(draw: st.DrawFn, shape: tuple[int, ...]) -> list[Any]:
    """Nothing, or a weight, or a weight and a bias."""
    return [draw(arrays(shape, 0.3, 2)) for _ in range(draw(st.integers(0, 2)))]


@st.composite
def images(draw: st.DrawFn, least: int = 2) -> Any:
    """(N, C, ...) with at least 4 values in each channel: the gradient of 2 is nearly 0, so mostly rounding."""
    n, c = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2]))
    rest = draw(st.sampled_from([(4,), (2, 4), *([()] if least == 0 else [])]))
    n = n if rest else n + 3
    return draw(arrays((n, c, *rest), distinct=True))


@st.composite
def batch_norm_inputs(draw: st.DrawFn, training: bool) -> Inputs:
    x = draw(images(least=0))
    C = x.shape[1]
    kwargs: dict[str, Any] = {"training": training, "eps": draw(EPS)}
    if not training:
        kwargs |= {"mean": draw(arrays((C,))), "var": draw(arrays((C,), 0.3, 2))}
    return [x, *draw(affine((C,)))], kwargs


@st.composite
def instance_norm_inputs(draw: st.DrawFn) -> Inputs:
    x = draw(images())
    return [x, *draw(affine(x.shape[1:2]))], {"eps": draw(EPS)}


@st.composite
def layer_norm_inputs(draw: st.DrawFn) -> Inputs:
    shape = (*draw(shapes(max_dims=2, max_side=3, max_size=4)), 4)
    k = draw(st.integers(1, len(shape))) if 0 not in shape else 1
    return [draw(arrays(shape, distinct=True)), *draw(affine(shape[-k:]))], {
        "normalized_shape": shape[-k:],
        "eps": draw(EPS),
    }


@st.composite
def group_norm_inputs(draw: st.DrawFn) -> Inputs:
    n, (groups, each) = draw(st.integers(0, 2)), draw(st.sampled_from([(1, 2), (2, 2), (2, 1), (1, 3)]))
    rest = draw(shapes(min_dims=1, max_dims=1, min_side=4))
    x = draw(arrays((n, groups * each, *rest), distinct=True))
    return [x, *draw(affine((groups * each,)))], {"num_groups": groups, "eps": draw(EPS)}


@st.composite
def response_inputs(draw: st.DrawFn) -> Inputs:
    n, c = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    x = draw(arrays((n, c, *draw(shapes(1, 2, 1, 2)))))
    kwargs = {
        "size": draw(st.integers(1, 4)),
        "alpha": draw(st.sampled_from([1e-4, 1.0])),
        "k": draw(st.sampled_from([1.0, 2.0])),
    }
    return [x], kwargs | {"beta": draw(st.sampled_from([0.75, 1.0]))}


# ---------------------------------------------------------------------------------------------------------- references
def normalised(x: Any, sets: Iterator[Any], eps: float, *affine: Any) -> Any:
    """Each of the sets of places of x, by its own mean and variance; then weight and bias, broadcast to x."""
    y = np.zeros_like(x)
    for at in sets:
        values = x[at]
        mean = sum(values.ravel()) / values.size
        variance = sum((v - mean) ** 2 for v in values.ravel()) / values.size
        y[at] = (values - mean) / np.sqrt(variance + eps)
    for k, a in enumerate(affine):
        y = y * a if k == 0 else y + a
    return y


def by_channel(x: Any, a: Any) -> Any:
    return a.reshape(-1, *(1,) * (x.ndim - 2))


def batch_norm(x: Any, *affine: Any, training: bool, eps: float, mean: Any = None, var: Any = None) -> Any:
    affine = tuple(by_channel(x, a) for a in affine)
    if training:
        return normalised(x, ((slice(None), c) for c in range(x.shape[1])), eps, *affine)
    y = (x - by_channel(x, mean)) / np.sqrt(by_channel(x, var) + eps)
    for k, a in enumerate(affine):
        y = y * a if k == 0 else y + a
    return y


def instance_norm(x: Any, *affine: Any, eps: float) -> Any:
    return normalised(x, np.ndindex(*x.shape[:2]), eps, *(by_channel(x, a) for a in affine))  # type: ignore[arg-type]


def layer_norm(x: Any, *affine: Any, normalized_shape: Any, eps: float) -> Any:
    return normalised(x, np.ndindex(*x.shape[: x.ndim - len(normalized_shape)]), eps, *affine)  # type: ignore[arg-type]


def group_norm(x: Any, *affine: Any, num_groups: int, eps: float) -> Any:
    each = x.shape[1] // num_groups
    sets = ((n, slice(g * each, (g + 1) * each)) for n in range(len(x)) for g in range(num_groups))
    return normalised(x, sets, eps, *(by_channel(x, a) for a in affine))


def local_response_norm(x: Any, size: int, alpha: float, beta: float, k: float) -> Any:
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        y[:, c] = x[:, c] / (k + alpha * (near**2).sum(1) / size) ** beta
    return y


# --------------------------------------------------------------------------------------------------------------- calls
def with_statistics(f: Callable[..., Any], wrap: Callable[[Any], Any]) -> Callable[..., Any]:
    """batch_norm with the running statistics by name; in training it has fresh ones, which it moves."""

    def call(x: Any, *affine: Any, mean: Any = None, var: Any = None, **settings: Any) -> Any:
        c = x.shape[1] if len(x.shape) > 1 else 0
        mean, var = (np.zeros(c) if mean is None else mean), (np.ones(c) if var is None else var)
        return f(x, *(wrap(np.array(a, str(x.dtype).split(".")[-1])) for a in (mean, var)), *affine, **settings)

    return call


def torch_tensor(a: Any) -> Any:
    import torch

    return torch.tensor(a)


def with_affine(f: Callable[..., Any]) -> Callable[..., Any]:
    """f with weight and bias by name."""
    return lambda x, *affine, **settings: f(x, **dict(zip(("weight", "bias"), affine, strict=False)), **settings)


DTYPES = (
    ("mixed dtypes", "PyTorch takes a weight of another dtype"),
    ("special values", "the NaNs that an infinite value leaves are elsewhere"),
)
DIVIDES = tuple((probe, "PyTorch divides integers by the size as integers") for probe in ("integers", "mixed dtypes"))
NUMBERS = (*DTYPES, ("a dimension fewer", "PyTorch takes a single number as the weight of one channel"))
NOTHING = (*NUMBERS, ("nothing", "PyTorch raises for an empty batch"))
NO_CHANNELS = (*NUMBERS, ("another size", "PyTorch does not look at the statistics of no channels"))

CASES = [
    Case(f"nn.functional.{name}", draw, call, reference, torch=theirs, note=note, differs=differs)
    for name, draw, call, reference, theirs, note, differs in (
        (
            "batch_norm",
            batch_norm_inputs(True),
            with_statistics(F.batch_norm, np.asarray),
            batch_norm,
            with_statistics(torch_f("batch_norm"), torch_tensor),
            "training",
            NO_CHANNELS,
        ),
        (
            "batch_norm",
            batch_norm_inputs(False),
            with_statistics(F.batch_norm, np.asarray),
            batch_norm,
            with_statistics(torch_f("batch_norm"), torch_tensor),
            "evaluation",
            NO_CHANNELS,
        ),
        (
            "instance_norm",
            instance_norm_inputs(),
            with_affine(F.instance_norm),
            instance_norm,
            with_affine(torch_f("instance_norm")),
            "",
            NOTHING,
        ),
        (
            "layer_norm",
            layer_norm_inputs(),
            with_affine(F.layer_norm),
            layer_norm,
            with_affine(torch_f("layer_norm")),
            "",
            DTYPES,
        ),
        (
            "group_norm",
            group_norm_inputs(),
            with_affine(F.group_norm),
            group_norm,
            with_affine(torch_f("group_norm")),
            "",
            NUMBERS,
        ),
        (
            "local_response_norm",
            response_inputs(),
            F.local_response_norm,
            local_response_norm,
            torch_f("local_response_norm"),
            "",
            DIVIDES,
        ),
    )
]
