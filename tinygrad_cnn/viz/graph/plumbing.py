"""Folds plumbing into what it serves: the reshape of a norm's weight, the permutations around an attention.

A folded box still has one tensor going out, whose shape it shows; an edge carries what comes out of its source.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Set

from ..operations import PLUMBING
from .structure import Box, Cost, Edge, Picture

FEW = 8  # operations of a layer that is drawn as one
_FORMULAS = {
    "BatchNorm": "y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var by channel",
    "LayerNorm": "y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var by position",
    "GroupNorm": "y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var by group of channels",
    "InstanceNorm": "y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var by channel and image",
    "RMSNorm": "y = x / sqrt(mean of x ** 2 + eps) * weight",
    "ConvTranspose": "y = sum over c and windows of x[n, c] * weight[c, o], + bias[o]",
    "AvgPool": "y = mean of each window of x",
    "PixelShuffle": "y = x, channels spread over r x r pixels",
}
_BACK_IN_PLACE = "dL/dx = g, each number back in the place that it came from"


def without_plumbing(picture: Picture, layers: Set[int]) -> Picture:
    """The picture with plumbing folded in.

    Args:
        picture: one box for each operation.
        layers: the groups that are calls of the package's own layers. In these plumbing joins the operation that it
            serves, and a layer of a few operations is one box; in others several steps of plumbing in a row become one.
    """
    if not any(b.label in PLUMBING or b.group in layers for b in picture.boxes):
        return picture
    return _Folding(picture, layers).result()


class _Folding:
    def __init__(self, picture: Picture, layers: Set[int]) -> None:
        self._picture, self._layers = picture, layers
        self._boxes = {b.id: b for b in picture.boxes}
        self._into: dict[int, list[Edge]] = {b.id: [] for b in picture.boxes}
        self._from: dict[int, list[Edge]] = {b.id: [] for b in picture.boxes}
        for edge in picture.edges:
            self._link(edge)

    def result(self) -> Picture:
        for box in self._picture.boxes:
            if self._is_plumbing(box) and box.group in self._layers:
                self._into_user(self._boxes[box.id])
        for box in self._picture.boxes:
            if box.id in self._boxes and box.label in PLUMBING and _is_operation(box):
                self._with_source(self._boxes[box.id])
        outer = {g.parent for g in self._picture.groups}
        members: dict[int, list[Box]] = {g: [] for g in self._layers if g not in outer}
        for box in self._boxes.values():
            if box.group in members and _is_operation(box):
                members[box.group].append(box)
        for group, own in members.items():
            self._as_one(group, own)
        boxes = sorted(self._boxes.values(), key=lambda b: b.order)
        edges = [e for box in boxes for e in sorted(self._into[box.id], key=lambda e: e.slot)]
        kept = {b.id for b in boxes}
        forward, backward = ([i for i in ids if i in kept] for ids in (self._picture.forward, self._picture.backward))
        return dataclasses.replace(self._picture, boxes=boxes, edges=edges, forward=forward, backward=backward)

    def _link(self, edge: Edge) -> None:
        self._into[edge.target].append(edge)
        self._from[edge.source].append(edge)

    def _unlink(self, edge: Edge) -> None:
        self._into[edge.target].remove(edge)
        self._from[edge.source].remove(edge)

    def _is_plumbing(self, box: Box) -> bool:
        return box.kind == "operation" and box.label in PLUMBING and not box.name

    def _only(self, box: Box) -> bool:
        """Does its tensor go to one place alone, and has no name?"""
        return box.kind == "operation" and not box.name and len(self._from[box.id]) == 1

    def _into_user(self, box: Box) -> None:
        """The operation that takes it takes what went into it; so do all of those that take a part of a part."""
        if len(self._into[box.id]) != 1 or box.name:
            return
        (before,), after = self._into[box.id], list(self._from[box.id])
        users = [self._boxes[e.target] for e in after]
        a_part = box.label == "getitem" and all(u.label == "getitem" for u in users)
        if not (len(users) == 1 or (users and a_part and len({u.id for u in users}) == len(users))):
            return
        if any(u.group != box.group or not _is_operation(u) for u in users):
            return
        self._unlink(before)
        for edge in after:
            self._unlink(edge)
            gradient = before.gradient if len(after) == 1 else None  # what flows back is the sum of theirs
            self._link(dataclasses.replace(before, target=edge.target, slot=edge.slot, gradient=gradient))
        del self._boxes[box.id]
        self._boxes[users[0].id] = _with(users[0], [box, users[0]])

    def _with_source(self, box: Box) -> None:
        """It and the operation before it are one: the array is its own, the rest that of the operation."""
        if len(self._into[box.id]) != 1:
            return
        (edge,) = self._into[box.id]
        source = self._boxes[edge.source]
        if not self._only(source) or source.group != box.group:
            return
        if box.group in self._layers and source.label not in PLUMBING:
            changes = {f: getattr(box, f) for f in ("id", "order", "kind", "output", "name", *_ARRAY)}
            one = _with(dataclasses.replace(source, **changes), [source, box])
        elif source.label.split(", ")[-1] in PLUMBING and box.group is not None:
            one = dataclasses.replace(
                _with(box, [source, box]),
                label=f"{source.label}, {box.label}",
                attributes={**source.attributes, **box.attributes},
                formula="y = the numbers of x, rearranged",
                rules=[_BACK_IN_PLACE],
                code=[],
                inputs=["x"],
            )
        else:
            return
        self._unlink(edge)
        for before in list(self._into[source.id]):
            self._unlink(before)
            self._link(dataclasses.replace(before, target=box.id))
        del self._boxes[source.id]
        self._boxes[box.id] = one

    def _as_one(self, group: int, own: list[Box]) -> None:
        """A layer whose operations lead to one tensor, as one box with the layer's name."""
        if not own or len(own) > FEW or (len(own) == 1 and not own[0].folded):
            return
        kind = next(g.type for g in self._picture.groups if g.id == group)
        inside, last = {b.id for b in own}, max(own, key=lambda b: b.order)
        leaving = {e.source for b in own for e in self._from[b.id] if e.target not in inside}
        if leaving - {last.id} or any((b.output or b.name) and b is not last for b in own):
            return
        formula = next((text for name, text in _FORMULAS.items() if kind.startswith(name)), "")
        if len(own) == 1:
            self._boxes[last.id] = dataclasses.replace(last, label=kind, text="", formula=formula or last.formula)
            return
        edges = [e for b in sorted(own, key=lambda b: b.order) for e in self._into[b.id]]
        one = dataclasses.replace(_with(last, own), label=kind, text="", shape_rule="")
        first: dict[int, Edge] = {}
        for edge in edges:
            self._unlink(edge)
            if edge.source not in inside:
                again = edge.source in first  # what flows back is then the sum, which only the source knows
                gradient = None if again else edge.gradient
                slot = first[edge.source].slot if again else len(first)
                first[edge.source] = dataclasses.replace(edge, target=last.id, slot=slot, gradient=gradient)
        for edge in first.values():
            self._link(edge)
        sources = [self._boxes[e.source] for e in first.values()]
        one.inputs = one.parts = [_part(b) for b in sources]
        one.rules, one.code = [], []
        one.formula = formula or f"y = {', then '.join(dict.fromkeys(one.folded))} of x"
        one.attributes = {k: v for b in own for k, v in b.attributes.items()}
        for box in own:
            if box is not last:
                del self._boxes[box.id]
        self._boxes[last.id] = one


_ARRAY = ("shape", "dtype", "bytes", "value", "gradient", "saved")  # what a box says of what comes out of it


def _is_operation(box: Box) -> bool:
    return box.kind in ("operation", "output")


def _with(box: Box, parts: list[Box]) -> Box:
    """The box, which stands for several, in the order of execution."""
    folded = [name for b in parts for name in (b.folded or [b.label])]
    return dataclasses.replace(box, cost=Cost.total(b.cost for b in parts), folded=folded)


def _part(source: Box) -> str:
    return source.name.split(".")[-1] if source.kind == "parameter" and source.name else "input"
