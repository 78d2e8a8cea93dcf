"""Parts of an array: slices, rows, entries picked by numbers; and arrays in which such a part is another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ...ops.indices import EVERYTHING, Index
from ...programs import Extent, Step, Value
from ...programs.program import Shape
from ..graph import FAR, Graph, Translation, Untranslatable
from .shapes import transposed


def _spelled_out(basic: tuple[Any, ...], ndim: int) -> list[Any]:
    """The basic part of an index with one entry for each dimension, and None for new ones."""
    takes = sum(item is not None and item is not Ellipsis for item in basic)
    entries: list[Any] = []
    for item in basic:
        entries += [EVERYTHING] * (ndim - takes) if item is Ellipsis else [item]
    return entries + [EVERYTHING] * (ndim - sum(item is not None for item in entries))


def _getitem(g: Graph, s: Step, x: str) -> str:
    index, shape = s.attributes["index"], s.inputs[0].shape
    entries = _spelled_out(index.basic, len(shape))
    old = [item for item in entries if item is not None]
    cuts = [(d, item) for d, item in enumerate(old) if isinstance(item, slice) and not _all_of(item, shape[d])]
    if cuts:
        starts = [0 if item.start is None else item.start for _, item in cuts]
        stops = [FAR if item.stop is None or item.stop == shape[d] else item.stop for d, item in cuts]
        steps = [1 if item.step is None else item.step for _, item in cuts]
        x = g.node("Slice", x, g.ints(starts), g.ints(stops), g.ints([d for d, _ in cuts]), g.ints(steps))
    numbers = [(d, item) for d, item in enumerate(old) if not isinstance(item, slice)]
    ones = [d for d, _ in numbers if shape[d] == 1]
    for d, item in reversed([(d, item) for d, item in numbers if shape[d] != 1]):
        at = g.squeeze(g.ints([item]), [0]) if isinstance(item, Extent) else g.constant(item, np.int64)
        x = g.node("Gather", x, at, axis=d)
        ones = [one - (one > d) for one in ones]
    x = g.squeeze(x, ones)
    left = [item for item in entries if item is None or isinstance(item, slice)]
    x = g.unsqueeze(x, [d for d, item in enumerate(left) if item is None])
    return x if index.picks is None else _picked(g, x, index.picks, len(left))


def _all_of(item: slice, size: Any) -> bool:
    return item.start in (None, 0) and item.step in (None, 1) and (item.stop is None or item.stop == size)


def _picked(g: Graph, x: str, picks: tuple[Any, ...], ndim: int) -> str:
    """Entries of x at positions along some of its first dimensions, as NumPy picks them."""
    dims = [d for d, pick in enumerate(picks) if not isinstance(pick, slice)]
    if len(dims) == 1:
        return g.node("Gather", x, _positions(g, picks[dims[0]]), axis=dims[0])
    rest = [d for d in range(ndim) if d not in dims]
    lead = _broadcast([tuple(picks[d].shape) for d in dims])
    if all(isinstance(picks[d], ndarray) for d in dims):
        where = g.constant(np.stack(np.broadcast_arrays(*(picks[d] for d in dims)), -1), np.int64)
    else:
        parts = []
        for d in dims:
            at = _positions(g, picks[d], np.int64)
            at = at if tuple(picks[d].shape) == lead else g.node("Expand", at, g.ints(lead))
            parts.append(g.unsqueeze(at, [len(lead)]))
        where = g.node("Concat", *parts, axis=len(lead))
    y: str = g.node("GatherND", transposed(g, x, [*dims, *rest]), where)
    before = dims[0] if dims == list(range(dims[0], dims[-1] + 1)) else 0  # side by side: they stay in their place
    k = len(lead)
    return transposed(g, y, [*range(k, k + before), *range(k), *range(k + before, k + len(rest))])


def _broadcast(shapes: list[Shape]) -> Shape:
    """The shape to which these broadcast, which they do: an extent beside 1 is that extent."""
    n = max(map(len, shapes))
    longest = [(1,) * (n - len(shape)) + shape for shape in shapes]
    return tuple(next((m for m in sizes if m != 1), 1) for sizes in zip(*longest, strict=True))


def _positions(g: Graph, pick: Any, *dtypes: Any) -> str:
    """Positions in one of these dtypes; by default those that all operators but GatherND take."""
    if not isinstance(pick, Value):
        return g.constant(pick, np.int64)
    return g.name(pick) if pick.dtype in (dtypes or (np.int64, np.int32)) else g.cast(g.name(pick), np.int64)


def _setitem(g: Graph, s: Step, x: str, value: str) -> str:
    return _written(g, s, x, value, s.attributes["index"])


def _overwritten(g: Graph, s: Step, x: str, part: str) -> str:
    """x in which a view has other values."""
    view, given = s.attributes["view"], s.inputs[1]
    if view == "getitem":
        return _written(g, s, x, part, s.attributes["index"])
    if view == "reshape":
        return g.reshape(part, s.output.shape, given.shape)
    if view == "permute":
        dims = s.attributes["dims"]
        return transposed(g, part, [dims.index(d) for d in range(len(dims))])
    raise Untranslatable(f"a write into a view made by {view}")


def _written(g: Graph, s: Step, x: str, value: str, index: Index) -> str:
    """x with other values at an index: along each dimension of it, which entry of the values goes to which place."""
    shape: Shape = s.inputs[0].shape
    given = s.inputs[1]
    entries = _spelled_out(index.basic, len(shape))
    places = _places(entries, index.picks)
    size: Shape = given.shape if isinstance(given, Value) else ()
    if isinstance(given, Value) and given.dtype != s.output.dtype:
        value = g.cast(value, s.output.dtype)
    lead = len(size) - sum(place is not int for _, place in places)
    value, size = (g.squeeze(value, list(range(lead))), size[lead:]) if lead > 0 else (value, size)
    size = (1,) * -lead + tuple(size) if size else ()
    if size and lead < 0:
        value = g.unsqueeze(value, list(range(-lead)))
    return _merged(g, s, x, value, places, list(size))


def _places(entries: list[Any], picks: tuple[Any, ...] | None) -> list[tuple[Any, Any]]:
    """For each dimension of the view, and each number that took one away: the entry, and if it was a number or new."""
    places: list[tuple[Any, Any]] = []
    k = 0
    for item in entries:
        if item is not None and not isinstance(item, slice):
            places.append((item, int))
            continue
        pick = picks[k] if picks is not None and k < len(picks) else EVERYTHING
        pick = pick.array if isinstance(pick, Value) and pick.known else pick
        if not isinstance(pick, slice):
            if item is None or item != EVERYTHING or not isinstance(pick, ndarray) or pick.ndim != 1:
                raise Untranslatable("a write at positions like these")
            item = pick
        places.append((item, None if item is None else slice))
        k += 1
    if sum(isinstance(item, ndarray) for item, _ in places) > 1:
        raise Untranslatable("a write at positions along several dimensions")
    return places


def _merged(g: Graph, s: Step, x: str, value: str, places: list[tuple[Any, Any]], size: list[Any]) -> str:
    shape = s.inputs[0].shape
    mask: str | None = None
    d = k = 0  # of x; of the values
    for item, kind in places:
        if kind is None:  # a new dimension of the view
            if size:
                value = g.squeeze(value, [k])
                size.pop(k)
            continue
        n = shape[d]
        if kind is int and size:
            value = g.unsqueeze(value, [k])
            size.insert(k, 1)
        if kind is int or isinstance(item, ndarray) or not _all_of(item, n):
            if isinstance(n, Extent):
                raise Untranslatable("a write at a place along the batch")
            at = np.arange(n)[[item] if kind is int else item]
            chosen, source = np.zeros(n, np.bool_), np.zeros(n, np.int64)
            chosen[at], source[at] = True, np.arange(at.size)
            along = g.constant(chosen.reshape([n if e == d else 1 for e in range(len(shape))]))
            mask = along if mask is None else g.node("And", mask, along)
            if size and size[k] != 1:
                value = g.node("Gather", value, g.constant(source), axis=k)
        d, k = d + 1, k + 1
    if mask is None:  # all of it
        return g.node("Expand", value, g.ints(shape))
    return g.node("Where", mask, value, x)


def _take(g: Graph, s: Step, x: str, i: str) -> str:
    """Entries at positions along a dimension; the best ones' values are there beside their positions."""
    if not s.inputs[0].shape:
        return x
    dim, keep = s.attributes["dim"], s.attributes.get("keepdim", True)
    best = g.made_by(i, "TopK")
    if best is not None and best.inputs[0] == x:
        y: str = best.outputs[0]
    else:
        y = g.node("GatherElements", x, i, axis=dim)
    return y if keep else g.squeeze(y, [dim])


def _gather(g: Graph, s: Step, x: str, i: str) -> str:
    dim, sizes = s.attributes["dim"], (s.inputs[0].shape, s.inputs[1].shape)
    cuts = [d for d, (n, m) in enumerate(zip(*sizes, strict=True)) if d != dim and n != m]
    if cuts:
        stops = g.ints([sizes[1][d] for d in cuts])
        x = g.node("Slice", x, g.ints([0] * len(cuts)), stops, g.ints(cuts))
    return g.node("GatherElements", x, i, axis=dim)


def _scatter(g: Graph, s: Step, x: str, i: str, source: str) -> str:
    return g.node("ScatterElements", x, i, source, axis=s.attributes["dim"])


def _collect(g: Graph, s: Step, x: str, i: str) -> str:
    zeros = g.node("Expand", g.constant(0, s.output.dtype), g.ints(s.output.shape))
    return g.node("ScatterElements", zeros, i, x, axis=s.attributes["dim"], reduction="add")


def place(g: Graph, s: Step, x: str) -> str:
    """Zeros with x added at some rows, or written into a part of them."""
    index, zero = s.attributes["index"], g.constant(0, s.output.dtype)
    if index.picks is None:
        into = Step("setitem", (s.output, s.inputs[0]), {}, s.outputs)
        return _written(g, into, g.node("Expand", zero, g.ints(s.output.shape)), x, index)
    dims = [d for d, pick in enumerate(index.picks) if not isinstance(pick, slice)]
    of_all = all(item in (Ellipsis, EVERYTHING) for item in index.basic)
    if len(dims) != 1 or not of_all or len(index.picks[dims[0]].shape) != 1:
        raise Untranslatable("at an index like this")
    order = [dims[0], *(d for d in range(len(s.output.shape)) if d != dims[0])]
    zeros = g.node("Expand", zero, g.ints([s.output.shape[d] for d in order]))
    rows = g.unsqueeze(_positions(g, index.picks[dims[0]], np.int64), [1])
    y: str = g.node("ScatterND", zeros, rows, transposed(g, x, order), reduction="add")
    return transposed(g, y, [order.index(d) for d in range(len(order))])


def _masked_fill(g: Graph, s: Step, x: str, mask: str, value: str) -> str:
    if s.inputs[2].dtype != s.output.dtype:
        value = g.cast(value, s.output.dtype)
    return g.node("Where", mask, value, x)


def _embedding(g: Graph, s: Step, w: str, i: str) -> str:
    padding = s.attributes["padding"]
    y: str = g.node("Gather", w, i, axis=0)
    if not s.attributes["blank"] or padding is None:
        return y
    none = g.unsqueeze(g.node("Equal", i, g.constant(padding, s.inputs[1].dtype)), [len(s.inputs[1].shape)])
    return g.node("Where", none, g.constant(0, s.output.dtype), y)


def _bag(g: Graph, s: Step, i: str, w: str, shares: str) -> str:
    """Sums, means or largest values of the rows that each row of numbers names; the padding row does not count."""
    mode, padding, dtype = s.attributes["mode"], s.attributes["padding_idx"], s.output.dtype
    rows: str = g.node("Gather", w, i, axis=0)  # (bags, length, D)
    if shares:
        rows = g.node("Mul", rows, g.unsqueeze(shares, [2]))
    if padding is None:
        return g.reduce({"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax"}[mode], rows, [1], False)
    counts = g.node("Not", g.node("Equal", i, g.constant(padding, s.inputs[0].dtype)))  # (bags, length)
    counted = g.unsqueeze(counts, [2])
    some = g.unsqueeze(g.reduce("ReduceSum", g.cast(counts, dtype), [1], False), [1])  # (bags, 1)
    if mode == "max":
        least = g.constant(np.finfo(dtype).min, dtype)
        largest = g.reduce("ReduceMax", g.node("Where", counted, rows, least), [1], False)
        return g.node("Where", g.cast(some, np.bool_), largest, g.constant(0, dtype))
    total: str = g.reduce("ReduceSum", g.node("Where", counted, rows, g.constant(0, dtype)), [1], False)
    return total if mode == "sum" else g.node("Div", total, g.node("Max", some, g.constant(1, dtype)))


def _one_hot(g: Graph, s: Step, x: str) -> str:
    places = g.constant(np.arange(s.attributes["classes"]), s.inputs[0].dtype)
    return g.cast(g.node("Equal", g.unsqueeze(x, [len(s.inputs[0].shape)]), places), np.int64)


def _best(g: Graph, s: Step, x: str) -> str:
    """The positions of the k largest or smallest; of all, for a whole order."""
    dim, shape = s.attributes["dim"], s.inputs[0].shape
    k = s.attributes.get("k", shape[dim] if shape else 1)
    largest = s.attributes.get("largest", s.attributes.get("descending"))
    if not shape:
        raise Untranslatable("of a single number")
    return g.node("TopK", x, g.ints([k]), outputs=2, axis=dim, largest=int(bool(largest)), sorted=1)[1]


def _repeat_along(g: Graph, s: Step, x: str) -> str:
    return g.node("Gather", x, _positions(g, s.attributes["index"]), axis=s.attributes["dim"])


TABLE: dict[str, Translation] = {
    "getitem": _getitem,
    "setitem": _setitem,
    "overwritten": _overwritten,
    "take": _take,
    "fetch": _take,
    "gather": _gather,
    "scatter": _scatter,
    "collect": _collect,
    "masked_fill": _masked_fill,
    "embedding": _embedding,
    "EmbeddingBag": _bag,
    "scale_gradient": lambda _g, _s, x, _scale: x,
    "repeat_along": _repeat_along,
    "one_hot": _one_hot,
    "argsort": _best,
    "best": _best,
}
