"""Makes a large picture small. The tree of its groups stays as it is; what changes is which of them are closed.

A view of the tree is a picture again: a closed group is one box, and of a row that is shown once the first block stands
for all. One law: what is one box has one array going out, and shows its shape. A group that more go out of stays open.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import NamedTuple

from .spans import box_for_both
from .structure import Box, Cost, Edge, Group, Picture, around, shared
from .style import DRAWN, SCREEN, TALL
from .texts import FEW

DETAILED = 60  # boxes that are drawn one by one, unless the user says otherwise
COMPUTED = ("operation", "output", "failed", "module")
_LEAVES = ("parameter", "leaf", "constant")


class Shown(NamedTuple):
    """Which groups are not open: ids of those that are one box, and of rows that their first block stands for."""

    closed: frozenset[int] = frozenset()
    once: frozenset[int] = frozenset()


def marked(picture: Picture, shown: Shown) -> Picture:
    """The whole picture, whose groups say how they are shown."""
    groups = [
        dataclasses.replace(g, shown="closed" if g.id in shown.closed else "once" if g.id in shown.once else "open")
        for g in picture.groups
    ]
    return dataclasses.replace(picture, groups=groups)


# ------------------------------------------------------------------------------------------------------------ choosing
def choose(picture: Picture, collapse: bool | int | str = "auto") -> Shown:
    """Which groups to close.

    Args:
        picture: with its rows, as `with_rows` gives it.
        collapse: False leaves all open. True makes one box of each child of the model; a number, of each module so
            many levels down. "auto" leaves open what fits a laptop's screen, and up to 60 boxes without a row; of
            larger graphs it closes the innermost modules, level by level, until the drawing fits; a module with a
            loop in it is closed later than others. All but False show rows once.

    Raises ValueError for another ``collapse``.
    """
    if not (collapse == "auto" or isinstance(collapse, bool) or (isinstance(collapse, int) and collapse >= 0)):
        raise ValueError(f'collapse must be "auto", True, False or a number of levels >= 0, got {collapse!r}')
    if collapse is False:
        return Shown()
    groups = {g.id: g for g in picture.groups}
    depths = {
        g: sum(groups[i].kind == "module" for i in around(g, groups)) - 1 for g in groups if groups[g].kind == "module"
    }
    rows = {g.id for g in picture.groups if g.kind == "row"}
    steps = {g for g in rows if groups[groups[g].blocks[0]].kind == "step"}

    def closing(modules: Iterable[int], more: Iterable[int] = ()) -> Shown:
        """Those, as far as the law lets them, and rows of what is closed."""
        closed = {g for g in (*modules, *more) if groups[g].out is not None}
        closed |= {g for g in rows if groups[g].blocks[0] in closed and groups[g].out is not None}
        return Shown(frozenset(closed), frozenset(rows - closed))

    if collapse != "auto":
        return closing(g for g, d in depths.items() if d >= int(collapse))
    if len(picture.boxes) <= DETAILED:
        return closing(()) if rows and not fits(picture) else Shown()
    inner = set(depths) - {outer for g in depths for outer in around(g, groups)[:-1]}
    levels = [
        {g for g, d in depths.items() if d >= level or g in inner}
        for level in range(max(depths.values(), default=0), 0, -1)
    ]
    loops = {g for step in steps for g in around(step, groups)[:-1]}  # what they stand in stays open at first
    tried = [closing(()), closing(inner - loops)]
    if len(steps) == 1 and fits(view(picture, tried[1]), TALL):
        return next((shown for shown in tried if fits(view(picture, shown))), tried[1])
    tried += [closing(inner - loops, steps), closing(inner), *(closing(level) for level in levels)]
    tried.append(closing(levels[-1] if levels else inner, steps))
    return next((shown for shown in tried if fits(view(picture, shown))), tried[-1])


def fits(picture: Picture, tall: float = 1.0) -> bool:
    """Will the drawing fit a laptop's screen, or one ``tall`` times as tall? An estimate, before it is laid out."""
    level: dict[int, int] = {b.id: 0 for b in picture.boxes}
    incoming: dict[int, list[int]] = {b.id: [] for b in picture.boxes}
    for edge in picture.edges:
        if not edge.recurrent:
            incoming[edge.target].append(edge.source)
    for box in sorted(picture.boxes, key=lambda b: b.order):
        level[box.id] = max((level[s] + 1 for s in incoming[box.id] if s in level), default=0)
    width: dict[int, float] = {}
    height: dict[int, float] = {}
    users = {edge.source: edge.target for edge in picture.edges}
    for box in picture.boxes:
        leaf = not incoming[box.id] and box.kind in _LEAVES
        place = level[users[box.id]] if leaf and box.id in users else level[box.id]  # beside its operation
        width[place] = width.get(place, 0.0) + DRAWN["leaf" if leaf else "column"]
        if not leaf:
            lines = 2 + bool(box.attributes or (box.kind == "module" and box.parameters))
            height[place] = max(height.get(place, 0.0), lines * DRAWN["line"] + DRAWN["gap"])
    groups = {g.id: g for g in picture.groups}
    frames = len({g for b in picture.boxes for g in around(b.group, groups)})
    down, across = DRAWN["title"] + sum(height.values()) + frames * DRAWN["frame"], max(width.values(), default=0.0)
    return down <= tall * SCREEN[0] and across <= SCREEN[1] and len(picture.boxes) <= DETAILED


# ------------------------------------------------------------------------------------------------------------- viewing
def view(picture: Picture, shown: Shown) -> Picture:
    """The picture as it is drawn: groups in ``shown.closed`` are one box each, rows in ``shown.once`` one block."""
    return _View(picture, shown).picture()


class _View:
    """One view. Every box is seen as another: itself, the one of a first block, or that of a closed group."""

    def __init__(self, picture: Picture, shown: Shown) -> None:
        self._whole, self._shown = picture, shown
        self._groups = {g.id: g for g in picture.groups}
        self._members = picture.members()
        self._boxes = {b.id: b for b in picture.boxes}
        self._around = {b.id: around(b.group, self._groups) for b in picture.boxes}
        self._first: dict[int, int] = {}  # box of a later block: the same of the first
        self._later: set[int] = set()  # blocks that are not drawn
        for row in sorted(shown.once, key=lambda g: len(around(g, self._groups))):
            blocks = self._groups[row].blocks
            self._later.update(blocks[1:])
            for block in blocks[1:]:
                for box, same in zip(self._members[blocks[0]], self._members[block], strict=True):
                    self._first.setdefault(same.id, box.id)
        self._as_one = shown.closed | shown.once
        self._fresh = max(self._boxes, default=-1) + 1
        self._seen_as = {i: self._seen(i) for i in self._boxes}

    def _seen(self, box: int) -> int:
        while box in self._first:
            box = self._first[box]
        outer = next((g for g in self._around[box] if g in self._shown.closed), None)
        return box if outer is None else self._fresh + outer

    def picture(self) -> Picture:
        standing: dict[int, list[Box]] = {}
        for box in self._whole.boxes:
            standing.setdefault(self._seen_as[box.id], []).append(box)
        boxes = [
            self._closed(self._groups[i - self._fresh], all_) if i >= self._fresh else self._for_all(all_)
            for i, all_ in standing.items()
        ]
        visible = {b.group: self._frame(b.group) for b in boxes}
        for box in boxes:
            box.group = visible[box.group]
        edges = self._edges()
        self._to_their_users(boxes, edges)
        used = {g for b in boxes for g in self._frames(b.group)}
        groups = [
            dataclasses.replace(g, name=self._name(g), parent=self._frame(g.parent))
            for g in self._whole.groups
            if g.id in used
        ]
        forward, backward = (
            list(dict.fromkeys(self._seen_as[i] for i in ids)) for ids in (self._whole.forward, self._whole.backward)
        )
        notice = self._whole.notice
        several = (all_[0] for all_ in standing.values() if len(all_) > 1)
        if self._first and any(_has_numbers(b) for b in several):
            notice = " ".join(filter(None, [notice, "Of equal blocks the first one's numbers are shown."]))
        return dataclasses.replace(
            self._whole, boxes=boxes, edges=edges, groups=groups, forward=forward, backward=backward,
            notice=notice,
        )  # fmt: skip

    def _frame(self, group: int | None) -> int | None:
        """The innermost group around that is drawn: a module, but for a row's blocks, or a row that is shown once."""
        while group is not None:
            own, parent = self._groups[group], self._groups[group].parent
            if group in self._shown.once or (own.kind == "module" and parent not in self._shown.once):
                return group
            group = parent
        return None

    def _frames(self, group: int | None) -> list[int]:
        return [g for g in around(group, self._groups) if self._frame(g) == g]

    def _name(self, group: Group) -> str:
        """What a group is called: one that stands for those of other blocks, from the first to the last."""
        rows = (self._groups[g] for g in around(group.id, self._groups) if g in self._shown.once)
        spans = (row.spans.get(f"g{group.id}") for row in rows)
        return next((span["name"] for span in spans if span), group.name)

    def _to_their_users(self, boxes: list[Box], edges: list[Edge]) -> None:
        """What all blocks of a row share stands in the frame of the one that is drawn, where that has all its users."""
        frames = {b.id: self._frames(b.group) for b in boxes}
        users: dict[int, list[int]] = {}
        for edge in edges:
            users.setdefault(edge.source, []).append(edge.target)
        for box in boxes:
            if box.kind in _LEAVES and box.id in users and box.group in self._shown.once:
                common = shared(frames[u] for u in users[box.id])
                box.group = common[-1] if len(common) > len(frames[box.id]) else box.group

    # ------------------------------------------------------------------------------------------------------------ boxes
    @staticmethod
    def _for_all(boxes: list[Box]) -> Box:
        """The first of boxes, for all: costs add up, texts go from the first one's to the last's."""
        box = box_for_both(boxes[0], boxes[-1])
        return dataclasses.replace(box, cost=Cost.total(b.cost for b in boxes), output=any(b.output for b in boxes))

    def _closed(self, group: Group, standing: list[Box]) -> Box:
        """A group as one box: the array that goes out of it, and what can be said of all that is in it."""
        own = self._members[group.id]
        computed = [b for b in own if b.kind in COMPUTED]
        assert group.out is not None, "several arrays go out: a group that cannot be one box"
        out = self._boxes[group.out]
        box = dataclasses.replace(
            out, id=self._fresh + group.id, kind="module", label=group.type, name=self._name(group) or None,
            group=group.parent, order=own[0].order, count=group.count, hidden=len(own),
            output=any(b.output for b in own), inputs=[], rules=[],
            parameters=sum(b.parameters for b in own), cost=Cost.total(b.cost for b in standing),
            source=next((b.source for b in computed if b.source), None),
        )  # fmt: skip
        if len(computed) > 1:
            held = self._held(group)
            box.attributes, box.formula, box.doc, box.shape_rule = {"of": held} if held else {}, "", "", ""
        return box

    def _held(self, group: Group) -> str:
        """What a group has in it: "3 Bottleneck", "2 (Conv2d, BatchNorm2d, ReLU)", "getitem, 2 Linear, add, tanh".

        Of many different things in a step their number, in a module nothing.
        """
        inside = group
        while inside.kind == "row":
            inside = self._groups[inside.blocks[0]]
        if inside.kind == "module" and inside is not group:
            return ""
        named = self._inside(inside)
        while inside.kind == "module" and len(named) == 1 and (only := next(iter(named))) >= 0:
            deeper = self._inside(self._groups[only])  # a module around a Sequential says nothing by that
            if not deeper:
                break
            inside, named = self._groups[only], deeper
        names = list(named.values())
        period = next(n for n in range(1, len(names) + 1) if names == names[:n] * (len(names) // n)) if names else 0
        if 1 < period <= 3 and len(names) > period:
            return f"{len(names) // period} ({', '.join(names[:period])})"
        runs = [(len(list(same)), name) for name, same in itertools.groupby(names)]
        text = ", ".join(f"{n} {name}" if n > 1 else name for n, name in runs)
        if inside.kind == "step" and len(runs) > 6:
            return f"{len(names)} operations{' and modules' if max(named) >= 0 else ''}"
        return text if len(runs) <= (6 if inside.kind == "step" else 3) else ""

    def _inside(self, group: Group) -> dict[int, str]:
        """The modules right in a group, by their ids; of a step its operations too, by numbers below 0."""
        depth = len(around(group.id, self._groups))
        named: dict[int, str] = {}
        for box in self._members[group.id]:
            module = next((g for g in self._around[box.id][depth:] if self._groups[g].kind == "module"), None)
            if module is not None:
                named[module] = self._groups[module].type
            elif box.kind in COMPUTED and group.kind == "step":
                named[-1 - box.id] = box.label
        return named

    # ------------------------------------------------------------------------------------------------------------ edges
    def _edges(self) -> list[Edge]:
        """Each edge between what its ends are seen as. Of one array to one box there is one edge."""
        found: dict[tuple[int, int, int, bool], Edge] = {}
        arrays: dict[tuple[int, int, int, bool], set[int]] = {}
        for edge in self._whole.edges:
            both = around(edge.inside, self._groups)
            if not self._later.isdisjoint(both):
                continue  # the first block has its like
            source, target = self._seen_as[edge.source], self._seen_as[edge.target]
            recurrent = edge.recurrent and both[-1] in self._as_one and self._shown.closed.isdisjoint(both[:-1])
            if source == target and not recurrent:
                continue
            leaves = not self._shown.once.isdisjoint(self._around[edge.source][len(both) :])
            plain = source < self._fresh and target < self._fresh and not leaves
            key = (source, target, edge.slot if plain else -1, recurrent)
            arrays.setdefault(key, set()).add(edge.source)
            if key not in found:
                found[key] = dataclasses.replace(edge, source=source, target=target, recurrent=recurrent)
            elif not plain:
                found[key].gradient = None  # that of several together is not known
        for key, edge in found.items():
            edge.tensors = 1 if edge.recurrent else len(arrays[key])
        return list(found.values())


def _has_numbers(box: Box) -> bool:
    """Are there numbers of it that a drawing would show?"""
    return any(a is not None and a.size <= FEW for a in (box.value, box.gradient))
