"""Cases of dropout, embedding and the functions that change the size of images. The references are loops."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tinygrad_cnn.arrays.rng import Generator
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays, shapes


# -------------------------------------------------------------------------------------------------------------- inputs
@st.composite
def dropout_inputs(draw: st.DrawFn, min_dims: int = 0, max_dims: int = 3) -> Inputs:
    x = draw(arrays(shapes(min_dims=min_dims, max_dims=max_dims), away_from=(0.0,)))
    return [x], {"p": draw(st.sampled_from([0.3, 0.5, 1.0])), "seed": draw(st.integers(0, 9))}


@st.composite
def embedding_inputs(draw: st.DrawFn) -> Inputs:
    rows = draw(st.integers(1, 4))
    i = draw(arrays(shapes(max_dims=2, max_side=3, max_size=6), dtype=np.int64, min_value=0, max_value=rows - 1))
    return [i, draw(arrays((rows, draw(st.integers(1, 3)))))], {}


@st.composite
def interpolate_inputs(draw: st.DrawFn) -> Inputs:
    spatial = draw(st.integers(1, 2))
    x = draw(arrays((draw(st.integers(1, 2)), 1, *draw(shapes(spatial, spatial, 1, 4, 9)))))
    modes = ["nearest", "nearest-exact", "area", *(["linear"] if spatial == 1 else ["bilinear", "bicubic"])]
    kwargs: dict[str, Any] = {"mode": draw(st.sampled_from(modes))}
    if kwargs["mode"].endswith(("linear", "cubic")):
        kwargs["align_corners"] = draw(st.sampled_from([None, False, True]))
    if kwargs["mode"].startswith("bi"):
        kwargs["antialias"] = draw(st.booleans())
    if draw(st.booleans()):
        size = tuple(draw(st.lists(st.integers(1, 5), min_size=spatial, max_size=spatial)))
        kwargs["size"] = draw(st.sampled_from([size, size[0]]))
    else:
        factors = st.sampled_from([1.0, 1.5, 2.0, 3.0, 2.25])
        factor = tuple(draw(st.lists(factors, min_size=spatial, max_size=spatial)))
        kwargs["scale_factor"] = draw(st.sampled_from([factor, factor[0]]))
        kwargs["recompute_scale_factor"] = draw(st.sampled_from([None, True]))
    return [x], kwargs


@st.composite
def shuffle_inputs(draw: st.DrawFn, unshuffle: bool) -> Inputs:
    r = draw(st.integers(1, 2))
    c, h, w = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    shape = (c, h * r, w * r) if unshuffle else (c * r * r, h, w)
    lead = draw(st.sampled_from([(), (2,), (1, 2)]))
    return [draw(arrays((*lead, *shape)))], {"downscale_factor" if unshuffle else "upscale_factor": r}


def torch_interpolate(x: Any, **kwargs: Any) -> Any:
    """Nothing to compare with where PyTorch forgets the factor: "nearest" to the same size or to twice the size.

    There it takes the factor for 1 or 2, as in 2.25 times 2 pixels: of images always, of signals in the gradient alone.
    Nor with the mean of no pixels, which PyTorch calls NaN where it is all there is in the result, and else refuses.
    """
    factor = kwargs.get("scale_factor")
    if kwargs.get("antialias") and x.ndim == 4:
        width = torch_f("interpolate")(x[:1, :1] * 1.0, **kwargs).shape[3]
        if 1 in (x.shape[3], width):
            raise NotImplementedError("PyTorch gives the first row's numbers for all rows")
    if kwargs["mode"] == "area" and 0 in x.shape[2:] and kwargs.get("size") in (1, (1,), (1, 1)):
        raise NotImplementedError("PyTorch gives the mean of no pixels, NaN")
    if kwargs["mode"] == "nearest" and factor is not None and not kwargs["recompute_scale_factor"]:
        factors = [factor] * (x.ndim - 2) if isinstance(factor, (int, float)) else factor
        for n, f in zip(x.shape[2:], factors, strict=False):
            if int(n * f) in (n, 2 * n) and int(n * f) != n * f:
                raise NotImplementedError("PyTorch forgets the factor at these sizes")
    return torch_f("interpolate")(x, **kwargs)


# ---------------------------------------------------------------------------------------------------------- references
def dropout(x: Any, p: float, seed: int) -> Any:
    """Each element stays where its random number is at least p."""
    keep = np.random.default_rng(seed).random(x.shape, np.float32) >= np.float32(p)
    return np.where(keep, x / (1 - p) if p < 1 else x, 0.0)


def channel_dropout(x: Any, p: float, seed: int, batched: int) -> Any:
    lead = x.ndim - batched + 2
    keep = np.random.default_rng(seed).random(x.shape[:lead], np.float32) >= np.float32(p)
    y = np.zeros_like(x)
    for place in np.ndindex(*x.shape[:lead]):
        if keep[place]:
            y[place] = x[place] / (1 - p)
    return y


def alpha_dropout(x: Any, p: float, seed: int) -> Any:
    """Dropped to -scale * alpha of SELU, then scaled and shifted so that mean 0 and variance 1 stay."""
    if p in (0, 1):
        return x if p == 0 else np.zeros_like(x)
    keep = np.random.default_rng(seed).random(x.shape, np.float32) >= np.float32(p)
    least = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
    a = 1 / math.sqrt((1 - p) * (1 + p * least**2))
    return a * np.where(keep, x, least) - a * least * p


def embedding(i: Any, w: Any) -> Any:
    y = np.zeros((*i.shape, w.shape[1]))
    for place in np.ndindex(*i.shape):
        y[place] = w[i[place]]
    return y


def keys(d: float, a: float = -0.5) -> float:
    """The cubic filter at a distance."""
    d = abs(d)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def tent(d: float) -> float:
    return max(1 - abs(d), 0.0)


def interpolate(
    x: Any,
    mode: str,
    size: Any = None,
    scale_factor: Any = None,
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
    antialias: bool = False,
) -> Any:
    """One dimension after the other, one new pixel at a time."""
    for d in range(x.ndim - 2):
        old = x.shape[2 + d]
        if size is not None:
            new, step = (size if isinstance(size, int) else size[d]), None
        else:
            factor = scale_factor if isinstance(scale_factor, float) else scale_factor[d]
            new, step = math.floor(old * factor), 1 / factor
        step = old / new if step is None or recompute_scale_factor else step
        moved = np.moveaxis(x, 2 + d, 0)
        pixels = []
        for i in range(new):
            if mode == "area":
                start, stop = i * old // new, math.ceil((i + 1) * old / new)
                pixels.append(moved[start:stop].mean(0))
            elif mode.startswith("nearest"):
                at = (i + 0.5 if mode == "nearest-exact" else i) * step
                pixels.append(moved[min(math.floor(at + 1e-9), old - 1)])
            elif antialias:
                corners = (old - 1) / (new - 1) if new > 1 else 0.0  # one pixel alone is the first one's, as in PyTorch
                scale = corners if align_corners else step
                wide = max(scale, 1.0)
                filtered = keys if mode == "bicubic" else tent
                reach = (2 if mode == "bicubic" else 1) * wide
                center = scale * (i + 0.5)
                touched = range(max(int(center - reach + 0.5), 0), min(int(center + reach + 0.5), old))
                shares = [filtered((j - center + 0.5) / wide) for j in touched]
                pixels.append(sum(s * moved[j] for s, j in zip(shares, touched, strict=True)) / sum(shares))
            elif mode == "bicubic":
                at = i * (old - 1) / max(new - 1, 1) if align_corners else (i + 0.5) * step - 0.5
                low = math.floor(at + 1e-12)
                near = range(low - 1, low + 3)
                pixels.append(sum(keys(at - j, -0.75) * moved[min(max(j, 0), old - 1)] for j in near))
            else:
                at = i * (old - 1) / max(new - 1, 1) if align_corners else max((i + 0.5) * step - 0.5, 0)
                low = min(math.floor(at + 1e-12), old - 1)
                high = min(low + 1, old - 1)
                pixels.append(moved[low] + (moved[high] - moved[low]) * (at - low))
        x = np.moveaxis(np.stack(pixels), 0, 2 + d)
    return x


def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    r = upscale_factor
    *lead, c, h, w = x.shape
    y = np.zeros((*lead, c // (r * r), h * r, w * r))
    for k, i, j in np.ndindex(c, h, w):
        y[..., k // (r * r), i * r + k // r % r, j * r + k % r] = x[..., k, i, j]
    return y


def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    r = downscale_factor
    *lead, c, h, w = x.shape
    y = np.zeros((*lead, c * r * r, h // r, w // r))
    for k, i, j in np.ndindex(c, h, w):
        y[..., k * r * r + i % r * r + j % r, i // r, j // r] = x[..., k, i, j]
    return y


def seeded(f: Any) -> Any:
    return lambda x, p, seed: f(x, p, True, generator=Generator(seed))


EMPTY = (("nothing", "PyTorch's gradient of an empty batch fails"), ("another size", "as for nothing"))
SPREADS = (
    ("a dimension more", "volumes are not supported"),
    ("special values", "mode 'area' multiplies by a matrix with zeros: 0 times infinity is NaN"),
    ("NaN", "as for special values"),
)


@st.composite
def slopes(draw: st.DrawFn, training: bool) -> Inputs:
    lower = draw(st.sampled_from([0.125, -0.5, 0.0]))
    kwargs = {"lower": lower, "upper": lower + draw(st.sampled_from([0.0, 0.2, 1.0]))}
    if training:
        kwargs["seed"] = draw(st.integers(0, 99))
    return [draw(arrays(shapes(0, 3)))], kwargs


def rrelu(x: Any, lower: float, upper: float, seed: int | None = None) -> Any:
    if seed is None:
        return np.where(x > 0, x, x * (lower + upper) / 2)
    share = Generator(seed).numpy.random(x.shape, np.float32).astype(np.float64)
    return np.where(x > 0, x, x * (lower + (upper - lower) * share))


@st.composite
def logits(draw: st.DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3, min_side=1)))
    kwargs = {"tau": draw(st.sampled_from([1, 0.5, 2.0])), "dim": draw(st.integers(-x.ndim, x.ndim - 1))}
    return [x], kwargs | {"seed": draw(st.integers(0, 99))}


def gumbel(x: Any, tau: float, dim: int, seed: int) -> Any:
    noisy = (x + Generator(seed).numpy.gumbel(size=x.shape)) / tau
    e = np.exp(noisy - noisy.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def drawing(f: Any, **settings: Any) -> Any:
    return lambda x, seed, **kwargs: f(x, **settings, **kwargs, generator=Generator(seed))


@st.composite
def enlarged(draw: st.DrawFn, mode: str | None) -> Inputs:
    """What interpolate takes, in one mode."""
    inputs, kwargs = draw(interpolate_inputs().filter(lambda drawn: mode is None or drawn[0][0].ndim == 4))
    kept = {name: kwargs[name] for name in ("size", "scale_factor") if name in kwargs}
    return inputs, kept


def silent(f: Any) -> Any:
    def call(*inputs: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(*inputs, **kwargs)

    return call


def torch_old_name(name: str, mode: str) -> Any:
    def call(x: Any, **kwargs: Any) -> Any:
        torch_interpolate(x, **{"mode": mode, "recompute_scale_factor": None, **kwargs})  # what it cannot compare with
        return silent(torch_f(name))(x, **kwargs)

    return call


CASES = [
    Case("nn.functional.rrelu", slopes(False), F.rrelu, rrelu, torch=torch_f("rrelu")),
    Case("nn.functional.rrelu", slopes(True), drawing(F.rrelu, training=True), rrelu, note="in training"),
    Case("nn.functional.gumbel_softmax", logits(), drawing(F.gumbel_softmax), gumbel),
    Case(
        "nn.functional.upsample",
        enlarged(None),
        silent(F.upsample),
        lambda x, **k: interpolate(x, "nearest", **k),
        torch=torch_old_name("upsample", "nearest"),
        differs=SPREADS,
    ),
    Case(
        "nn.functional.upsample_nearest",
        enlarged(None),
        silent(F.upsample_nearest),
        lambda x, **k: interpolate(x, "nearest", **k),
        torch=torch_old_name("upsample_nearest", "nearest"),
        differs=SPREADS,
    ),
    Case(
        "nn.functional.upsample_bilinear",
        enlarged("bilinear"),
        silent(F.upsample_bilinear),
        lambda x, **k: interpolate(x, "bilinear", align_corners=True, **k),
        torch=torch_old_name("upsample_bilinear", "bilinear"),
        differs=SPREADS,
    ),
    Case("nn.functional.dropout", dropout_inputs(), seeded(F.dropout), dropout),
    Case(
        "nn.functional.dropout1d",
        dropout_inputs(2, 3),
        seeded(F.dropout1d),
        lambda *a, **k: channel_dropout(*a, **k, batched=3),
    ),
    Case(
        "nn.functional.dropout2d",
        dropout_inputs(4, 4),
        seeded(F.dropout2d),
        lambda *a, **k: channel_dropout(*a, **k, batched=4),
    ),
    Case("nn.functional.alpha_dropout", dropout_inputs(), seeded(F.alpha_dropout), alpha_dropout),
    Case("nn.functional.embedding", embedding_inputs(), F.embedding, embedding, torch=torch_f("embedding")),
    Case(
        "nn.functional.interpolate",
        interpolate_inputs(),
        F.interpolate,
        interpolate,
        torch=torch_interpolate,
        differs=SPREADS,
    ),
    Case(
        "nn.functional.pixel_shuffle",
        shuffle_inputs(False),
        F.pixel_shuffle,
        pixel_shuffle,
        torch=torch_f("pixel_shuffle"),
        differs=EMPTY,
    ),
    Case(
        "nn.functional.pixel_unshuffle",
        shuffle_inputs(True),
        F.pixel_unshuffle,
        pixel_unshuffle,
        torch=torch_f("pixel_unshuffle"),
        differs=EMPTY,
    ),
]
