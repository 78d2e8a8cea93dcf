"""Other shapes of the same numbers: reshaping, permuting, repeating, joining, turning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...programs import Extent, Step
from ..graph import FAR, Graph, Translation, Untranslatable


def _reshape(g: Graph, s: Step, x: str) -> str:
    return g.reshape(x, s.output.shape, s.inputs[0].shape)


def transposed(g: Graph, x: str, dims: Sequence[int]) -> str:
    """x with its dimensions in another order; two such steps in a row are one, or none."""
    before = g.made_by(x, "Transpose")
    if before is not None:
        x, dims = before.inputs[0], [before.attributes["perm"][d] for d in dims]
    return x if list(dims) == list(range(len(dims))) else g.node("Transpose", x, perm=list(dims))


def _permute(g: Graph, s: Step, x: str) -> str:
    return transposed(g, x, s.attributes["dims"])


def _turned(g: Graph, s: Step, x: str) -> str:
    """The last two dimensions exchanged."""
    n = len(s.output.shape)
    return transposed(g, x, (*range(n - 2), n - 1, n - 2))


def _expand(g: Graph, s: Step, x: str) -> str:
    return g.node("Expand", x, g.ints(s.output.shape))


def _spread(g: Graph, s: Step, x: str) -> str:
    dim, shape = s.attributes["dim"], s.output.shape
    if dim is not None and not s.attributes["keepdim"]:
        x = g.unsqueeze(x, sorted(dim))
    return g.node("Expand", x, g.ints(shape))


def _arange(g: Graph, s: Step) -> str:
    stop = g.squeeze(g.ints([s.attributes["stop"]]), [0])
    y: str = g.node("Range", g.constant(0, np.int64), stop, g.constant(1, np.int64))
    return y if s.output.dtype == np.int64 else g.cast(y, s.output.dtype)


def _cat(g: Graph, s: Step, *xs: str) -> str:
    full = [x for x, v in zip(xs, s.inputs, strict=True) if v.shape != (0,)] or [xs[0]]
    return g.node("Concat", *full, axis=s.attributes["dim"])


def _stack(g: Graph, s: Step, *xs: str) -> str:
    dim = s.attributes["dim"]
    return g.node("Concat", *(g.unsqueeze(x, [dim]) for x in xs), axis=dim)


def sliced(g: Graph, x: str, dim: int, start: Any = 0, stop: Any = FAR, step: int = 1) -> str:
    """x[..., start:stop:step, ...] along one dimension."""
    return g.node("Slice", x, g.ints([start]), g.ints([stop]), g.ints([dim]), g.ints([step]))


def _flip(g: Graph, s: Step, x: str) -> str:
    for dim in s.attributes["dims"]:
        x = sliced(g, x, dim, -1, -FAR, -1)
    return x


def _roll(g: Graph, s: Step, x: str) -> str:
    shape = s.inputs[0].shape
    shifts, dims = (v if isinstance(v, tuple) else (v,) for v in (s.attributes["shifts"], s.attributes["dims"]))
    for shift, dim in zip(shifts, dims, strict=True):
        if isinstance(shape[dim], Extent):
            raise Untranslatable("along the batch")
        at = -shift % shape[dim] if shape[dim] else 0
        if at:
            x = g.node("Concat", sliced(g, x, dim, at), sliced(g, x, dim, 0, at), axis=dim)
    return x


def _rot90(g: Graph, s: Step, x: str) -> str:
    """Quarter turns: the two dimensions exchanged, and one or both in reverse order."""
    k, (a, b) = s.attributes["k"] % 4, s.attributes["dims"]
    order = list(range(len(s.output.shape)))
    if k % 2:
        order[a], order[b] = order[b], order[a]
    for dim in {0: (), 1: (b,), 2: (a, b), 3: (a,)}[k]:
        x = sliced(g, x, dim, -1, -FAR, -1)
    return transposed(g, x, order)


def _triangle(upper: int) -> Translation:
    def translate(g: Graph, s: Step, x: str) -> str:
        return g.node("Trilu", x, g.constant(s.attributes["diagonal"], np.int64), upper=upper)

    return translate


def _diagonal(g: Graph, s: Step, x: str) -> str:
    """A diagonal of the matrices in two dimensions, which becomes the last one."""
    a = s.attributes
    n, within = len(s.inputs[0].shape), "first" in a  # within a contraction, it stays where the first one was
    length = s.output.shape[a["first"] if within else -1]
    first, second, offset = (a["first"], a["second"], 0) if within else (a["dim1"] % n, a["dim2"] % n, a["offset"])
    rest = [d for d in range(n) if d not in (first, second)]
    if isinstance(length, Extent):
        raise Untranslatable("along the batch")
    x = transposed(g, x, [first, second, *rest])
    places = np.arange(length)
    where = np.stack([places + max(-offset, 0), places + max(offset, 0)], 1)  # (length, 2)
    y: str = g.node("GatherND", x, g.constant(where, np.int64))
    order = [*range(1, len(rest) + 1), 0]
    if within:
        order.insert(first - (second < first), order.pop())
    return transposed(g, y, order)


def _on_diagonal(g: Graph, s: Step, x: str) -> str:
    """Zeros with x, along its last dimension, on a diagonal of the matrices in two dimensions."""
    a, shape = s.attributes, s.output.shape
    n, length = len(shape), s.inputs[0].shape[-1]
    if "dim1" not in a or isinstance(length, Extent):
        raise Untranslatable("along the batch, or within a contraction")
    first, second, offset = a["dim1"] % n, a["dim2"] % n, a["offset"]
    i, j = np.ogrid[: shape[first], : shape[second]]
    places = np.clip(i + min(offset, 0) + 0 * j, 0, max(length - 1, 0))
    spread = g.node("Gather", x, g.constant(places, np.int64), axis=n - 2)
    y: str = g.node("Where", g.constant(j - i == offset), spread, g.constant(0, s.output.dtype))
    rest = [d for d in range(n) if d not in (first, second)]
    return transposed(g, y, [[*rest, first, second].index(d) for d in range(n)])


def _pad(g: Graph, s: Step, x: str) -> str:
    """A border of one number; a negative one cuts."""
    widths = s.attributes["widths"]
    for dim, (before, after) in enumerate(widths):
        if before < 0 or after < 0:
            x = sliced(g, x, dim, max(-before, 0), min(after, 0) or FAR)
    grown = [max(a, 0) for a, _ in widths] + [max(b, 0) for _, b in widths]
    return g.node("Pad", x, g.ints(grown), g.constant(s.attributes["value"], s.output.dtype)) if any(grown) else x


def _pad_edges(g: Graph, s: Step, x: str) -> str:
    widths, mode = s.attributes["widths"], s.attributes["mode"]
    if mode != "circular":
        pads = g.ints([a for a, _ in widths] + [b for _, b in widths])
        return g.node("Pad", x, pads, mode={"reflect": "reflect", "replicate": "edge"}[mode])
    for dim, (before, after) in enumerate(widths):
        parts = [x]
        if before:
            parts.insert(0, sliced(g, x, dim, -before))
        if after:
            parts.append(sliced(g, x, dim, 0, after))
        x = x if len(parts) == 1 else g.node("Concat", *parts, axis=dim)
    return x


def _slide(g: Graph, s: Step, x: str) -> str:
    """Windows along a dimension, as a last one."""
    dim, size, step = (s.attributes[key] for key in ("dim", "size", "step"))
    count, n = s.output.shape[dim], len(s.inputs[0].shape)
    if isinstance(count, Extent):
        raise Untranslatable("along the batch")
    places = np.arange(count)[:, None] * step + np.arange(size)  # (count, size)
    y: str = g.node("Gather", x, g.constant(places, np.int64), axis=dim)
    return transposed(g, y, [d for d in range(n + 1) if d != dim + 1] + [dim + 1])


TABLE: dict[str, Translation] = {
    "reshape": _reshape,
    "permute": _permute,
    "turned": _turned,
    "broadcast_to": _expand,
    "spread": _spread,
    "arange": _arange,
    "cat": _cat,
    "stack": _stack,
    "flip": _flip,
    "roll": _roll,
    "rot90": _rot90,
    "tril": _triangle(0),
    "triu": _triangle(1),
    "diagonal": _diagonal,
    "on_diagonal": _on_diagonal,
    "pad_constant": _pad,
    "pad_edges": _pad_edges,
    "slide": _slide,
}
