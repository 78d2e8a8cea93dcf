"""Cases of what goes with windows: transposed convolutions of signals, power pools, undone pools, shuffled channels."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tests.ops.cases_conv import INTEGERS, conv_transpose2d_inputs, reference_conv_transpose2d
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays


@st.composite
def conv_transpose1d_inputs(draw: st.DrawFn) -> Inputs:
    """Those of images, cut to one row and one axis."""
    inputs, kwargs = draw(conv_transpose2d_inputs())
    x, w, *b = inputs
    return [x[..., 0, :], w[..., 0, :], *b], {name: v[1:] if isinstance(v, tuple) else v for name, v in kwargs.items()}


def conv_transpose1d(x: Any, w: Any, b: Any = None, groups: int = 1, **kwargs: Any) -> Any:
    first = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1}
    spread = {name: (first[name], *v) for name, v in kwargs.items()}
    return reference_conv_transpose2d(x[..., None, :], w[:, :, None], b, groups=groups, **spread)[..., 0, :]


@st.composite
def power_pool_inputs(draw: st.DrawFn, spatial: int) -> Inputs:
    k = tuple(draw(st.integers(1, 2)) for _ in range(spatial))
    size = tuple(n + draw(st.integers(0, 2)) for n in k)
    lead = draw(st.sampled_from([(1,), (1, 1), (2, 1)]))
    kwargs: dict[str, Any] = {"norm_type": draw(st.sampled_from([1.0, 2, 3.0, 0.5])), "kernel_size": k}
    if draw(st.booleans()):
        kwargs["stride"] = tuple(draw(st.integers(1, 2)) for _ in range(spatial))
    kwargs["ceil_mode"] = draw(st.booleans())
    if spatial == 1:
        kwargs = {name: v[0] if isinstance(v, tuple) else v for name, v in kwargs.items()}
    return [draw(arrays((*lead, *size), 0.2, 2.0))], kwargs


def power_pool(x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """Windows that hang over the edge count as if they were full: their mean is over the pixels that are there."""
    k = (kernel_size,) if isinstance(kernel_size, int) else kernel_size
    s = k if stride is None else (stride,) if isinstance(stride, int) else stride
    n = len(k)
    sizes = x.shape[-n:]
    out = []
    for size, a, b in zip(sizes, k, s, strict=True):
        count = (size - a) // b + 1
        if ceil_mode and (size - a) % b and count * b < size:
            count += 1
        out.append(count)
    y = np.zeros((*x.shape[:-n], *out))
    for place in np.ndindex(*out):
        where = tuple(slice(p * b, p * b + a) for p, a, b in zip(place, k, s, strict=True))
        window = x[(..., *where)] ** norm_type
        mean = window.reshape(*x.shape[:-n], -1).mean(-1)
        y[(..., *place)] = (mean * np.prod(k)) ** (1 / norm_type)
    return y


@st.composite
def unpool_inputs(draw: st.DrawFn, spatial: int) -> Inputs:
    """What a pool gives, and where it found that; the windows may overlap, not so the places."""
    k = tuple(draw(st.integers(1, 2)) for _ in range(spatial))
    size = tuple(n * draw(st.integers(1, 2)) + draw(st.integers(0, n - 1)) for n in k)
    lead = draw(st.sampled_from([(2,), (1, 1), (2, 1)]))
    x = draw(arrays((*lead, *size)))
    pool = F.max_pool1d if spatial == 1 else F.max_pool2d
    y, where = pool(x, k, return_indices=True)
    kwargs: dict[str, Any] = {"kernel_size": k}
    if draw(st.booleans()) or any(n % a for n, a in zip(size, k, strict=True)):
        kwargs["output_size"] = draw(st.sampled_from([size, (*lead, *size)] if len(lead) == 2 else [size]))
    return [y, where], kwargs


def unpool(x: Any, where: Any, kernel_size: Any, output_size: Any = None) -> Any:
    n = len(kernel_size)
    size = tuple(s * k for s, k in zip(x.shape[-n:], kernel_size, strict=True))
    size = size if output_size is None else tuple(output_size)[-n:]
    lead = x.shape[:-n]
    y = np.zeros((*lead, int(np.prod(size))))
    for place in np.ndindex(*x.shape):
        y[(*place[: len(lead)], where[place])] = x[place]
    return y.reshape(*lead, *size)


@st.composite
def channels_inputs(draw: st.DrawFn) -> Inputs:
    groups, each = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    rest = draw(st.sampled_from([(2,), (1, 2), (2, 1, 1)]))
    return [draw(arrays((draw(st.integers(1, 2)), groups * each, *rest)))], {"groups": groups}


def channel_shuffle(x: Any, groups: int) -> Any:
    each = x.shape[1] // groups
    return np.stack([x[:, (c % groups) * each + c // groups] for c in range(x.shape[1])], 1)


def quiet(name: str) -> Any:
    def call(*inputs: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch_f(name)(*inputs, **kwargs)

    return call


WHOLE = (
    *INTEGERS,
    ("mixed dtypes", INTEGERS[0][1]),
    ("special values", "the slope beside infinite pixels, or where a sum is 0 by rounding"),
)
FRACTIONS = (("a fraction", "PyTorch cuts the fraction off some of the sizes, and refuses others"),)

CASES = [
    Case(
        "nn.functional.conv_transpose1d",
        conv_transpose1d_inputs(),
        F.conv_transpose1d,
        conv_transpose1d,
        torch_f("conv_transpose1d"),
        differs=(
            *INTEGERS,
            ("mixed dtypes", "a bias of another dtype is refused, as conv1d refuses it in PyTorch too"),
            ("a large number", "PyTorch does not check output_padding for an empty batch"),
            ("zero", "PyTorch checks neither dtypes nor dilation for an empty batch"),
            ("another size", "an output without samples is refused, of an empty batch too"),
        ),
    ),
    Case("nn.functional.lp_pool2d", power_pool_inputs(2), F.lp_pool2d, power_pool, torch_f("lp_pool2d"), differs=WHOLE),
    Case("nn.functional.lp_pool1d", power_pool_inputs(1), F.lp_pool1d, power_pool, torch_f("lp_pool1d"), differs=WHOLE),
    Case(
        "nn.functional.max_unpool2d",
        unpool_inputs(2),
        F.max_unpool2d,
        unpool,
        torch_f("max_unpool2d"),
        differs=FRACTIONS,
    ),
    Case(
        "nn.functional.max_unpool1d",
        unpool_inputs(1),
        F.max_unpool1d,
        unpool,
        torch_f("max_unpool1d"),
        differs=FRACTIONS,
    ),
    Case(
        "nn.functional.channel_shuffle",
        channels_inputs(),
        F.channel_shuffle,
        channel_shuffle,
        torch_f("channel_shuffle"),
    ),
]
