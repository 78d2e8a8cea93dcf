"""Padding: a border of constants, of mirrored, repeated or wrapped entries around a tensor; or a border cut off."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Array
from ..autograd.operation import op
from .numbers import number_for
from .shape import _clone, checked, sizes

Widths = tuple[tuple[int, int], ...]  # (before, after) for each dimension


def _negative(widths: Widths) -> Widths:
    return tuple((-a, -b) for a, b in widths)


@op(lambda g, _y, _x, *, widths, value: _pad_constant(g, widths=_negative(widths), value=0), view=True)
def _pad_constant(x: Array, *, widths: Widths, value: float) -> Array:
    """A border of ``value``; negative widths cut. With value 0, the negative widths make the adjoint."""
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, x.shape, strict=True))]
    if all(a <= 0 and b <= 0 for a, b in widths):
        return x
    grown = [(max(a, 0), max(b, 0)) for a, b in widths]
    shape = tuple(a + n + b for (a, b), n in zip(grown, x.shape, strict=True))
    out = np.full_like(x, value, shape=shape) if value else np.zeros_like(x, shape=shape)
    out[tuple(slice(a, a + n) for (a, _), n in zip(grown, x.shape, strict=True))] = x
    return out


def _edges(x: ndarray, dim: int, before: int, after: int, mode: str) -> list[tuple[Any, Any]]:
    """For each border of a padded array, (where it is, what it repeats), as indices along ``dim``."""
    n = x.shape[dim] - before - after
    if mode == "reflect":
        last = before + n - 2 - after  # a mirrored slice that ends at entry 0 has no number to stop at
        pairs = [
            (slice(0, before), slice(2 * before, before, -1)),
            (slice(before + n, None), slice(before + n - 2, last if last >= 0 else None, -1)),
        ]
    elif mode == "circular":
        pairs = [(slice(0, before), slice(n, n + before)), (slice(before + n, None), slice(before, before + after))]
    else:
        pairs = [
            (slice(0, before), slice(before, before + 1)),
            (slice(before + n, None), slice(before + n - 1, before + n)),
        ]
    every = (slice(None),) * dim
    return [((*every, to), (*every, source)) for (to, source), w in zip(pairs, (before, after), strict=True) if w]


@op(lambda g, _y, _x, *, widths, mode: _unpad_edges(g, widths=widths, mode=mode))
def _pad_edges(x: Array, *, widths: Widths, mode: str) -> Array:
    """A border taken from the entries of x, dimension after dimension; widths are not negative."""
    out = np.empty_like(x, shape=tuple(a + n + b for (a, b), n in zip(widths, x.shape, strict=True)))
    out[tuple(slice(a, a + n) for (a, _), n in zip(widths, x.shape, strict=True))] = x
    for dim, (before, after) in enumerate(widths):
        if before or after:
            # rows outside the inner part of later dimensions are still empty, and filled when their turn comes
            for to, source in _edges(out, dim, before, after, mode):
                out[to] = out[source]
    return out


@op(lambda g, _y, _x, *, widths, mode: _pad_edges(g, widths=widths, mode=mode))
def _unpad_edges(x: Array, *, widths: Widths, mode: str) -> Array:
    """The adjoint: each border added to the entries it was taken from."""
    out = np.array(x, order="K")
    for dim in reversed(range(out.ndim)):
        before, after = widths[dim]
        for to, source in _edges(out, dim, before, after, mode):
            border = out[to]
            out[source] += border.sum(dim, keepdims=True) if mode == "replicate" else border
        out = out[(slice(None),) * dim + (slice(before, out.shape[dim] - after),)]
    return out


def pad(input: Array, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Array:
    """A border around the last dimensions of ``input``.

    Args:
        pad: (before, after) of the last dimension, then of the one before it, and so on. Negative widths cut.
        mode: "constant" fills with ``value``; "reflect" mirrors at the edge entry, without repeating it; "replicate"
            repeats the edge entry; "circular" wraps around. All but "constant" pad the last one, two or three
            dimensions of an input that has one or two more.
        value: what "constant" fills with, a number of the dtype of ``input`` (`ops.numbers`); None is 0.

    >>> pad(np.array([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    array([[3., 2., 1., 2., 3., 2.]])
    """
    input = checked(input, "pad")
    shape = input.shape
    given = sizes((pad,), "pad")
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ValueError(f'pad(): mode must be "constant", "reflect", "replicate" or "circular", got {mode!r}')
    if len(given) % 2 or len(given) > 2 * len(shape):
        raise ValueError(
            f"pad(): {given} must hold (before, after) for each padded dimension, last first, "
            f"and at most {2 * len(shape)} numbers for shape {shape}"
        )
    pairs = [(given[i], given[i + 1]) for i in range(0, len(given), 2)]
    widths = ((0, 0),) * (len(shape) - len(pairs)) + tuple(reversed(pairs))
    if mode == "constant":
        _check_cuts(shape, widths)
        y = _pad_constant(input, widths=widths, value=0 if value is None else number_for(value, input.dtype, "pad"))
        return y if any(a > 0 or b > 0 for a, b in widths) else _clone(y, order="K")
    if value:
        raise ValueError(f'pad(): mode "{mode}" takes no value, got {value}')
    return _pad_from_edges(input, widths, len(pairs), mode)


def _check_cuts(shape: tuple[int, ...], widths: Widths) -> None:
    for d, (n, (a, b)) in enumerate(zip(shape, widths, strict=True)):
        if min(a, 0) + min(b, 0) < -n:
            raise ValueError(f"pad(): widths {(a, b)} cut more than the {n} entries of dimension {d} of shape {shape}")


def _pad_from_edges(x: Array, widths: Widths, padded: int, mode: str) -> Array:
    shape = tuple(x.shape)
    batch = len(shape) - padded - 1  # dimensions before the channels
    if padded not in (1, 2, 3) or batch not in (0, 1):
        raise ValueError(
            f'pad(): mode "{mode}" pads the last 1, 2 or 3 dimensions of an input with one or two more, '
            f"got shape {shape} and widths for {padded} dimensions"
        )
    cuts = tuple((min(a, 0), min(b, 0)) for a, b in widths)
    grown = tuple((max(a, 0), max(b, 0)) for a, b in widths)
    cutting = cuts != ((0, 0),) * len(shape)
    if mode == "circular":  # what wraps around is what is left after cutting
        _check_cuts(shape, widths)
        sizes_left = tuple(n + a + b for n, (a, b) in zip(shape, cuts, strict=True))
    else:
        sizes_left = shape
        left = [n + a + b for n, (a, b) in zip(shape, widths, strict=True)][batch + 1 :]
        if 0 in shape[batch:] or min(left) < 0 or max(left) < 1:
            raise ValueError(f'pad(): mode "{mode}" needs entries to pad from, got shape {shape} and widths {widths}')
    for d, (n, border) in enumerate(zip(sizes_left, grown, strict=True)):
        limit = {"reflect": n - 1, "circular": n}.get(mode)
        if limit is not None and any(border) and max(border) > limit:
            raise ValueError(
                f'pad(): mode "{mode}" pads dimension {d}, of size {n}, by at most {limit} on each side, got {border}'
            )
    if not cutting:
        return _pad_edges(x, widths=widths, mode=mode)
    if mode == "circular":
        return _pad_edges(_pad_constant(x, widths=cuts, value=0), widths=grown, mode=mode)
    return _clone(_pad_constant(_pad_edges(x, widths=grown, mode=mode), widths=cuts, value=0), order="K")
