"""Normalisation over given dimensions: one operation for batch, layer, group and instance norm.

With m the mean and r = 1 / sqrt(variance + eps) over the dimensions D, n = (x - m) r, and y = n w + b. For h = g w, the
gradient of x is

    A(h) = r (h - mean(h) - n mean(h n)),

where all means are over D (Ioffe and Szegedy, 2015). A is linear in h and its own adjoint, which keeps the second
derivative short: it is A again, and what A owes to n and r as functions of x.
"""
# ruff: noqa: ARG001, ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.backward import broadcast_to, sum_to
from ..autograd.graph import Array
from ..autograd.operation import op
from . import channelwise
from .reduce import _mean as mean_over
from .reduce import count

Dims = tuple[int, ...]
Slopes = tuple[Any, Any]  # what `channelwise.slopes` gives


class Known:
    """What the rules of one node share: the last g, weakly, and its slopes. No list, for it is no setting."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: tuple[Any, Slopes] | None = None


def statistics(x: Any, dim: Dims) -> tuple[Any, Any, Any]:
    """(mean, biased variance, x - mean in fresh memory) of an array over ``dim``, which stays with size 1."""
    n = x.dtype.type(max(count(x.shape, dim), 1))
    mean = _sum_product(x, None, dim) / n
    centred = x - mean
    return mean, _sum_product(centred, centred, dim) / n, centred


def _sum_product(a: Any, b: Any, dim: Dims) -> Any:
    """sum(a * b) over ``dim``, or sum(a) if b is None; no array of their size is made. ``dim`` stays with size 1.

    Where the innermost dimension in memory is kept, the sum runs in two steps: one alone would add one number after the
    other, and lose digits.
    """
    inner = min(range(a.ndim), key=lambda d: (a.strides[d], a.shape[d] == 1))
    first = dim if inner in dim or len(dim) < 2 else (min(dim, key=lambda d: a.strides[d]),)
    rest = tuple(d for d in dim if d not in first)
    if b is None:
        total = np.add.reduce(a, axis=first, keepdims=True)
    else:
        letters = "abcdefgh"[: a.ndim]
        kept = "".join(c for d, c in enumerate(letters) if d not in first)
        total = np.einsum(f"{letters},{letters}->{kept}", a, b)
        total = total.reshape([1 if d in first else n for d, n in enumerate(a.shape)])
    return np.add.reduce(total, axis=rest, keepdims=True) if rest else total


def _varies(w: Any, dim: Dims) -> bool:
    """Does the weight differ along the dimensions that are summed over?"""
    return any(w.shape[d] != 1 for d in dim)


@op(
    lambda g, _y, x, w=None, _b=None, *, tell=None, **a: normalize_input(g, x, *(() if w is None else (w,)), **a),
    lambda g, _y, x, _w, *_b, tell=None, **a: normalize_weight(g, x, shape=_w.shape, **a),
    lambda g, _y, _x, _w, _b, *, known=None, **a: normalize_bias(g, shape=_b.shape, known=known),
)
def normalize(
    x: Array,
    *wb: Array,
    dim: Dims,
    eps: float,
    mean: Any = None,
    r: Any = None,
    tell: Callable[[Any, Any], None] | None = None,
    known: Known | None = None,
) -> Any:
    """(x - mean) / sqrt(variance + eps) over ``dim``, times a weight, plus a bias.

    Weight and bias have as many dimensions as x, and broadcast against it. ``mean`` and ``r`` = 1 / sqrt(variance +
    eps) may be given if they are known already: those of this x. If not, ``tell`` is called with the mean and the
    (biased) variance found.
    """
    per_channel = channelwise.fits(x, dim) and not any(_varies(v, dim) for v in wb)
    if per_channel:
        if mean is None:
            mean, variance = channelwise.moments(x)
            r = 1 / np.sqrt(variance + x.dtype.type(eps))
            if tell is not None:
                tell(mean, variance)
        scale = np.broadcast_to(r * wb[0] if wb else r, mean.shape)
        y = channelwise.scaled(x, scale, (wb[1] if len(wb) > 1 else 0) - mean * scale)
        return y, {"mean": mean, "r": r, "tell": None, "known": known or Known()}
    if mean is None:
        mean, variance, y = statistics(x, dim)
        r = 1 / np.sqrt(variance + x.dtype.type(eps))
        if tell is not None:
            tell(mean, variance)
    else:
        y = x - mean
    if wb and not _varies(wb[0], dim):
        y *= r * wb[0]
    else:
        y *= r
        if wb:
            y *= wb[0]
    for bias in wb[1:]:
        y += bias
    return y, {"mean": mean, "r": r, "tell": None}


def _bare(x: Array, dim: Dims, eps: float, mean: Any, r: Any) -> Array:
    """n, the normalised x without weight and bias."""
    return normalize(x, dim=dim, eps=eps, mean=mean, r=r)


@op(lambda g, y, x, *, dim, eps, mean, r: g * (y * y) * _bare(x, dim, eps, mean, r) * (-1 / count(x.shape, dim)))
def scale_of(x: Array, *, dim: Dims, eps: float, mean: Any, r: Any) -> Array:
    """r = 1 / sqrt(variance + eps) of x over ``dim``, known already."""
    return r


def _normalize_input_by_x(
    u: Array, _y: Array, g: Array, x: Array, *w: Array, known: Known | None = None, **a: Any
) -> Array:
    """S = sum(u A(h)) by x: what it owes to n goes through A once more, what it owes to r through the slope of r."""
    h = g * w[0] if w else g
    n, r = _bare(x, **a), scale_of(x, **a)
    by_n = -r * (u * mean_over(h * n, dim=a["dim"], keepdim=True) + h * mean_over(u * n, dim=a["dim"], keepdim=True))
    by_r = mean_over(u * normalize_input(h, x, **a), dim=a["dim"], keepdim=True)  # times -r n
    return normalize_input(by_n, x, **a) - by_r * r * n


@op(
    lambda u, _y, _g, x, *w, known=None, **a: normalize_input(u, x, **a) * w[0] if w else normalize_input(u, x, **a),
    _normalize_input_by_x,
    lambda u, _y, g, x, _w, *, known=None, **a: g * normalize_input(u, x, **a),
)
def normalize_input(
    g: Array, x: Array, *w: Array, dim: Dims, eps: float, mean: Any, r: Any, known: Known | None = None
) -> Array:
    """A(g w), the gradient of the input of `normalize`."""
    scale = r
    if w and _varies(w[0], dim):
        g = g * w[0]
    elif w:
        scale = r * w[0]
    k = x.dtype.type(1 / max(count(x.shape, dim), 1))
    if channelwise.fits(x, dim) and scale.size == x.shape[1]:
        total, dot = _slopes(g, x, mean, known)
        slope = dot * (-k * r * r)
        return channelwise.mixed(g, x, slope, -(total * k + mean * slope), scale)
    d = x - mean
    total, dot = _sum_product(g, None, dim), _sum_product(g, d, dim)
    d *= dot * (-k * r * r)
    d += g
    d -= total * k
    d *= scale
    return d


def _normalize_weight_by_x(
    u: Array, _y: Array, g: Array, x: Array, *, shape: Dims, known: Known | None = None, **a: Any
) -> Array:
    return normalize_input(g * u, x, **a)


@op(
    lambda u, _y, _g, x, *, shape, known=None, **a: u * _bare(x, **a),
    _normalize_weight_by_x,
)
def normalize_weight(
    g: Array, x: Array, *, shape: Dims, dim: Dims, eps: float, mean: Any, r: Any, known: Known | None = None
) -> Array:
    """sum(g n) over the dimensions in which the weight, of this shape, has size 1: its gradient."""
    if channelwise.fits(x, dim) and shape == (1, x.shape[1], 1, 1):
        return _slopes(g, x, mean, known)[1] * r
    over = tuple(d for d, (size, m) in enumerate(zip(shape, x.shape, strict=True)) if size == 1 and m != 1)
    if set(over) >= {d for d in dim if x.shape[d] != 1}:  # r is constant along what is summed first
        return _sum_product(g, x - mean, dim) * r  # the engine sums the rest
    return _sum_product(g, (x - mean) * r, over)


@op(lambda u, _y, _g, **_a: broadcast_to(u, shape=_g.shape))
def normalize_bias(g: Array, *, shape: Dims, known: Known | None = None) -> Array:
    """g summed to the shape of the bias: its gradient."""
    sums = _known(g, known)
    if sums is not None and sums[0].shape == shape:
        return sums[0].copy()
    return sum_to(g, shape=shape)


def _slopes(g: Any, x: Any, mean: Any, known: Known | None) -> Slopes:
    """`channelwise.slopes`, computed once for the gradients of input, weight and bias."""
    found = _known(g, known)
    if found is None:
        found = channelwise.slopes(g, x, mean)
        if known is not None:
            known.last = weakref.ref(g), found
    return found


def _known(g: Any, known: Known | None) -> Slopes | None:
    """The slopes of this g, where they were computed already."""
    last = None if known is None else known.last  # one look: another thread may go through the graph with its own g
    if last is not None and last[0]() is g:
        return last[1]
    return None


@op(
    lambda g, _y, _x, s, _t: g * s,
    lambda g, _y, x, _s, _t: g * x,
    lambda g, _y, _x, _s, _t: g,
)
def scale_shift(x: Array, s: Array, t: Array) -> Array:
    """x * s + t, s and t broadcast against x: a normalisation whose mean and variance are known."""
    y = x * s
    y += t
    return y
