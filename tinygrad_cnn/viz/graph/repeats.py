"""Finds equal blocks in a row among the modules of a picture: same type, same operations, same shapes."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

from .structure import Box, Group, Picture

PERIOD = 8  # modules that together may make a repeated block


class Run(NamedTuple):
    """Blocks that are equal, one after another; each is one group, or several neighbours."""

    blocks: list[list[int]]  # ids of groups


class Repeats:
    """The runs of a picture, outer ones first; nothing is looked for in blocks that will not be drawn."""

    def __init__(self, picture: Picture) -> None:
        self._groups = {g.id: g for g in picture.groups}
        self.children: dict[int | None, list[int]] = {}
        self._within: dict[int, list[Box]] = {g: [] for g in self._groups}  # all boxes, of inner groups too
        operations = [b for b in picture.boxes if b.kind in ("operation", "output")]
        self._place = {b.id: i for i, b in enumerate(operations)}
        self._around = {b.id: list(chain(b.group, self._groups)) for b in picture.boxes}
        for box in picture.boxes:
            for g in self._around[box.id]:
                self._within[g].append(box)
        self._incoming: dict[int, list[tuple[int, int]]] = {b.id: [] for b in picture.boxes}
        for edge in picture.edges:
            self._incoming[edge.target].append((edge.slot, edge.source))
        self._signatures = {g: hash(self._signature(g)) for g in self._groups}
        for g in sorted(self._groups, key=lambda g: self._span(g)[0]):
            self.children.setdefault(self._groups[g].parent, []).append(g)

    def boxes(self, block: list[int]) -> list[Box]:
        """All boxes of a block, in order."""
        return [box for g in block for box in self._within[g]]

    def runs(self) -> Iterator[Run]:
        """All of them."""
        todo: list[int | None] = [None]
        while todo:
            groups = self.children.get(todo.pop(), [])
            i = 0
            while i < len(groups):
                period, count = self._longest(groups, i)
                blocks = [groups[i + k * period : i + (k + 1) * period] for k in range(count)]
                if count > 1:
                    yield Run(blocks)
                todo.extend(blocks[0])
                i += period * count

    def _longest(self, groups: list[int], i: int) -> tuple[int, int]:
        """The period and the number of the blocks from there on that cover most; (1, 1) if nothing repeats."""
        best = 1, 1
        for period in range(1, min(PERIOD, (len(groups) - i) // 2) + 1):
            count = 1
            while self._follows(groups, i + (count - 1) * period, period):
                count += 1
            if count > 1 and period * count > best[0] * best[1]:
                best = period, count
        return best

    def _follows(self, groups: list[int], i: int, period: int) -> bool:
        """Is the block from i on followed by its equal, which takes what it gives?"""
        if i + 2 * period > len(groups):
            return False
        one, other = groups[i : i + period], groups[i + period : i + 2 * period]
        if [self._signatures[g] for g in one] != [self._signatures[g] for g in other]:
            return False
        row = one + other
        spans = [self._span(g) for g in row]
        if any(b[0] != a[1] + 1 for a, b in itertools.pairwise(spans)):
            return False
        inside = {box.id for box in self.boxes(one)}
        return any(source in inside for box in self.boxes(other) for _, source in self._incoming[box.id])

    def _span(self, group: int) -> tuple[int, int]:
        """The places of its first and last operation among all operations."""
        places = [self._place[b.id] for b in self._within[group] if b.id in self._place]
        return (min(places), max(places)) if places else (0, -1)

    def _signature(self, group: int) -> Hashable:
        """What has to be equal: kinds, operations, attributes, shapes, modules and edges within."""
        boxes = self._within[group]
        index = {box.id: i for i, box in enumerate(boxes)}
        depth = len(list(chain(group, self._groups)))
        rows: list[Any] = [self._groups[group].type]
        for box in boxes:
            inner = tuple(self._groups[g].type for g in self._around[box.id][depth:])
            label = box.label + box.text if box.kind in ("operation", "output") else ""
            edges = tuple(sorted((slot, index.get(source, -1)) for slot, source in self._incoming[box.id]))
            kind = box.kind.replace("output", "operation")
            rows.append((kind, label, box.shape, box.dtype, tuple(box.attributes.items()), inner, edges))
        return tuple(rows)


def chain(group: int | None, groups: dict[int, Group]) -> list[int]:
    """From the outermost group to this one."""
    found = []
    while group is not None:
        found.append(group)
        group = groups[group].parent
    return found[::-1]
