"""Finds rows: equal blocks of modules and operations, one after another or side by side, and groups them.

A period is looked for as in a text: blocks have the same signatures (a window of them is compared by its hash), then
they are held against each other input by input. Linear in the operations, but for the few periods tried at each.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from .infix import without_numbers
from .structure import Box, Edge, Group, Picture, around, shared

OPERATIONS = ("operation", "output", "failed", "hidden")
TRIES = 12  # periods that are tried at one place
LEAST = 6  # operations in a row that has blocks of single operations, or two blocks
BESIDE = 4  # blocks side by side
_PRIME, _BASE = (1 << 61) - 1, 1_000_003


class _Item(NamedTuple):
    """What a group has in it: an operation or a group."""

    mark: int  # the same for equal ones
    group: int | None
    boxes: list[int]  # operations, in order
    users: list[int]  # what takes something from it


Wiring = dict[tuple[int, int], tuple[str, int, Hashable]]  # by operation and slot: from where, which one, its shape


def with_rows(picture: Picture) -> Picture:
    """The picture with its rows as groups, and of each group the box whose array goes out of it."""
    return _Rows(picture).picture()


class _Rows:
    """One search."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._boxes = {b.id: dataclasses.replace(b) for b in picture.boxes}
        self._groups = {g.id: dataclasses.replace(g) for g in picture.groups}
        self._rows: list[Group] = []
        self._into: dict[int, list[Edge]] = {i: [] for i in self._boxes}
        self._users: dict[int, list[int]] = {i: [] for i in self._boxes}
        for edge in picture.edges:
            self._into[edge.target].append(edge)
            self._users[edge.source].append(edge.target)
        operations = [b for b in picture.boxes if b.kind in OPERATIONS]
        self._place = {b.id: i for i, b in enumerate(operations)}
        self._content: dict[int | None, dict[tuple[str, int], None]] = {}
        for box in operations:
            path = [None, *around(box.group, self._groups)]
            for parent, child in itertools.pairwise(path):
                self._content.setdefault(parent, {})["group", child or 0] = None
            self._content.setdefault(box.group, {})["box", box.id] = None

    def picture(self) -> Picture:
        todo: list[tuple[int | None, list[_Item]]] = [(g, self._items(g)) for g in self._content]
        while todo:
            todo += self._search(*todo.pop())
        if self._rows:
            self._place_leaves()
        groups = sorted(self._groups.values(), key=lambda g: len(around(g.id, self._groups)))
        edges = [dataclasses.replace(e) for e in self._picture.edges]
        picture = dataclasses.replace(self._picture, boxes=list(self._boxes.values()), edges=edges, groups=groups)
        _tell_outs(picture)
        return picture

    # ------------------------------------------------------------------------------------------------- signatures
    def _items(self, group: int | None) -> list[_Item]:
        return [self._item(*key) for key in self._content.get(group, ())]

    def _item(self, kind: str, i: int) -> _Item:
        if kind == "box":
            return _Item(hash(self._signature(self._boxes[i])), None, [i], self._users[i])
        items = self._items(i)
        boxes = sorted((b for item in items for b in item.boxes), key=self._place.__getitem__)
        whole = self._place[boxes[-1]] - self._place[boxes[0]] == len(boxes) - 1
        mark: Hashable = (self._groups[i].type, *(item.mark for item in items)) if whole else ("group", i)
        return _Item(hash(mark), i, boxes, [u for item in items for u in item.users])

    def _signature(self, box: Box) -> Hashable:
        """What has to be equal; which part of an array is taken, and Python numbers among the inputs, need not be."""
        if box.kind == "hidden":
            return ("hidden", box.id)
        settings = (without_numbers(box.text), *box.attributes.items()) if "index" not in box.attributes else ()
        sources = [(e.slot, self._boxes[e.source]) for e in self._into[box.id]]
        weights = tuple((slot, source.shape) for slot, source in sources if source.kind == "parameter")
        return (box.label, box.shape, box.dtype, settings, weights)

    # ------------------------------------------------------------------------------------------------------ search
    def _search(self, parent: int | None, items: list[_Item]) -> list[tuple[int | None, list[_Item]]]:
        """Makes the rows of a group; the steps that came about, with what is in them."""
        positions: dict[int, list[int]] = {}
        nth = []
        sums, powers = [0], [1]
        for i, item in enumerate(items):
            nth.append(len(positions.setdefault(item.mark, [])))
            positions[item.mark].append(i)
            sums.append((sums[-1] * _BASE + item.mark) % _PRIME)
            powers.append(powers[-1] * _BASE % _PRIME)

        def window(i: int, length: int) -> int:
            return (sums[i + length] - sums[i] * powers[length]) % _PRIME

        steps: list[tuple[int | None, list[_Item]]] = []
        i = 0
        while i < len(items):
            best: list[list[_Item]] = []
            after = i + 1
            for again in positions[items[i].mark][nth[i] + 1 : nth[i] + 1 + TRIES]:
                period = again - i
                if again + period > len(items) or window(i, period) != window(again, period):
                    continue
                start = self._cut(items, i, period)
                blocks = self._blocks(items, start, period)
                if len(blocks) * period > sum(map(len, best)) and self._worth(blocks):
                    best, after = blocks, start + len(blocks) * period
            steps += self._group(parent, best) if best else []
            i = after
        return steps

    def _cut(self, items: list[_Item], i: int, period: int) -> int:
        """Where the blocks of a run begin: where the fewest arrays go on, if possible with what takes none of them."""
        end = i + 2 * period
        while end < min(len(items), i + 3 * period - 1) and items[end].mark == items[end - period].mark:
            end += 1
        inside = {b: k for k, item in enumerate(items[i:end]) for b in item.boxes}
        alive = [0] * (end - i + 1)
        for box, k in inside.items():
            for c in range(k + 1, max((inside.get(u, -1) for u in self._users[box]), default=-1) + 1):
                alive[c] += 1

        def price(r: int) -> tuple[int, bool, int]:
            first = inside[items[i + period + r].boxes[0]]
            sources = [e.source for b in items[i + first].boxes for e in self._into[b]]
            return alive[r + period], any(inside.get(s, first) < first for s in sources), r

        return i + min(range(end - i - 2 * period + 1), key=price)

    def _blocks(self, items: list[_Item], start: int, period: int) -> list[list[_Item]]:
        """The equal ones from there on."""
        marks = [item.mark for item in items[start : start + period]]
        blocks: list[list[_Item]] = []
        wired: Wiring = {}
        for k in range(start, len(items) - period + 1, period):
            block = items[k : k + period]
            if [item.mark for item in block] != marks:
                break
            before = _boxes(blocks[-1]) if blocks else []
            wiring = self._wiring(_boxes(block), before, self._place[items[start].boxes[0]])
            if wiring is None or (blocks and not _alike(wired, wiring, first=len(blocks) == 1)):
                break
            blocks.append(block)
            wired = wiring
        return blocks

    def _wiring(self, block: list[int], before: list[int], start: int) -> Wiring | None:
        """Where each input of a block comes from; None if it takes what lies further back in the row, or has gaps."""
        places = [self._place[b] for b in (*before[-1:], *block)]
        if places != list(range(places[0], places[0] + len(places))):
            return None
        own, last = ({b: i for i, b in enumerate(boxes)} for boxes in (block, before))
        found: Wiring = {}
        for i, box in enumerate(block):
            for edge in self._into[box]:
                source = edge.source
                # of a part that is taken here it is all the same how large the whole is
                shape = None if "getitem" in self._boxes[box].folded else self._boxes[source].shape
                if source in own:
                    found[i, edge.slot] = "within", own[source], shape
                elif source in last:
                    found[i, edge.slot] = "before", last[source], shape
                elif self._place.get(source, -1) >= start:
                    return None
                else:
                    found[i, edge.slot] = "outside", -1, shape
        return found

    def _worth(self, blocks: list[list[_Item]]) -> bool:
        """Is it a row that is better drawn as one?"""
        if len(blocks) < 2:
            return False
        modules = all(item.group is not None for item in blocks[0])
        operations = sum(len(item.boxes) for block in blocks for item in block)
        first, second = map(_boxes, blocks[:2])
        if any(u in second for b in first for u in self._users[b]):
            return operations >= LEAST if len(blocks) == 2 else modules or operations >= LEAST
        return len(blocks) >= BESIDE and self._into_one(blocks)

    def _into_one(self, blocks: list[list[_Item]]) -> bool:
        """Do blocks side by side give one array each, to operations that are alike?"""
        ends = set()
        for block in map(_boxes, blocks):
            own = set(block)
            going = {i: [u for u in self._users[b] if u not in own] for i, b in enumerate(block)}
            ends.add(tuple((i, *(self._boxes[u].label for u in users)) for i, users in going.items() if users))
        return len(ends) == 1 and len(ends.pop()) == 1

    # ------------------------------------------------------------------------------------------------------ groups
    def _group(self, parent: int | None, blocks: list[list[_Item]]) -> list[tuple[int | None, list[_Item]]]:
        fresh = itertools.count(max(self._groups, default=-1) + 1)
        first = [self._groups[item.group].type if item.group is not None else "" for item in blocks[0]]
        type_ = (
            ", ".join(first) if all(first) else "step" if len(first) > 1 else self._boxes[blocks[0][0].boxes[0]].label
        )
        names = [self._groups[item.group].name for block in blocks for item in block if item.group is not None]
        named = all(first) and all(names)
        name = "" if not named else f"{names[0]} to {names[-1]}" if names[0] != names[-1] else names[0]
        row = Group(next(fresh), name, type_, parent, "row", len(blocks), names[:: len(first)] if named else [])
        self._groups[row.id] = row
        self._rows.append(row)
        steps: list[tuple[int | None, list[_Item]]] = []
        for block in blocks:
            whole = block[0].group if len(block) == 1 else None
            if whole is None:
                whole = next(fresh)
                self._groups[whole] = Group(whole, "", type_, row.id, "step")
                for item in block:
                    if item.group is None:
                        self._boxes[item.boxes[0]].group = whole
                    else:
                        self._groups[item.group].parent = whole
                steps.append((whole, block))
            self._groups[whole].parent = row.id
            row.blocks.append(whole)
        return steps if len(first) > 1 else []

    def _place_leaves(self) -> None:
        """Each into the innermost group that has all its users; into a block only if every block has one like it.

        What the first block alone is given, such as a state to begin with, stands before the row.
        """
        leaves = [b for b in self._boxes.values() if b.kind not in (*OPERATIONS, "input") and self._users[b.id]]
        for leaf in leaves:
            common = shared(around(self._boxes[u].group, self._groups) for u in self._users[leaf.id])
            leaf.group = common[-1] if common else None
        members = dataclasses.replace(
            self._picture, boxes=list(self._boxes.values()), groups=list(self._groups.values())
        ).members()
        for row in sorted(self._rows, key=lambda row: -len(around(row.id, self._groups))):
            found = [self._leaves_of(members[block]) for block in row.blocks]
            own = [leaf for uses in found for place, leaf in uses.items() if not all(place in other for other in found)]
            for leaf in own:
                if row.id in around(leaf.group, self._groups):
                    blocks = [row.blocks[0] in around(self._boxes[u].group, self._groups) for u in self._users[leaf.id]]
                    leaf.group = row.parent if all(blocks) else row.id

    def _leaves_of(self, block: list[Box]) -> dict[tuple[int, int], Box]:
        """Leaves in a block, by their first user in it."""
        leaves = {b.id: b for b in block if b.id not in self._place}
        found: dict[int, tuple[int, int]] = {}
        for i, box in enumerate(b for b in block if b.id in self._place):
            for edge in self._into[box.id]:
                if edge.source in leaves:
                    found.setdefault(edge.source, (i, edge.slot))
        return {place: leaves[i] for i, place in found.items()}


def _boxes(block: Sequence[_Item]) -> list[int]:
    return [b for item in block for b in item.boxes]


def _alike(one: Wiring, other: Wiring, first: bool) -> bool:
    """Are two neighbours wired alike? What the first one gets from outside may be what the next gets from it."""
    for place in one.keys() | other.keys():
        a, b = one.get(place), other.get(place)
        state = first and b is not None and b[0] == "before"
        if a != b and not (state and b is not None and a in (None, ("outside", -1, b[2]))):
            return False
    return True


def _tell_outs(picture: Picture) -> None:
    """Tell each edge what it runs inside of, and each group which box's array goes out of it, if it is one."""
    groups = {g.id: g for g in picture.groups}
    members = picture.members()
    going: dict[int, set[int]] = {g: set() for g in groups}
    chains = {b.id: around(b.group, groups) for b in picture.boxes}
    for edge in picture.edges:
        ends = chains[edge.source], chains[edge.target]
        both = shared(ends)
        edge.inside = both[-1] if both else None
        edge.recurrent = bool(both) and groups[both[-1]].kind == "row" and len(both) < min(map(len, ends))
        for g in ends[0][len(both) :]:
            going[g].add(edge.source)
    for box in picture.boxes:
        for g in chains[box.id] if box.output else ():
            going[g].add(box.id)
    for g, group in groups.items():
        one_of = {b.id: i for block in group.blocks for i, b in enumerate(members[block])}
        if len({one_of.get(i, ("leaf", i)) for i in going[g]}) <= 1:
            inside = [b.id for b in members[g]]
            group.out = max(going[g], key=inside.index) if going[g] else inside[-1]
