"""Makes a large picture small: equal blocks in a row as "x N", modules as one box, the middle of a long graph left out.

A folded picture is a picture: boxes are merged, edges follow them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from .repeats import Repeats, chain
from .structure import Box, Cost, Edge, Group, Picture

DETAILED = 60  # boxes that are drawn one by one, unless the user says otherwise
SCREEN = 880.0, 1400.0  # pixels down and across that a folded drawing may take: a laptop's
_BUNCHES = (2, 3, 4, 6, 9, 12, 15, 18, 24, 30, 36, 48, 60)  # neighbours in one box, if nothing else helps
_TITLE, _LINE, _GAP, _COLUMN, _FRAME = 45.0, 15.0, 25.0, 210.0, 44.0  # what a drawing takes, about; edges of a group


def fold(picture: Picture, collapse: bool | int | str = "auto", max_nodes: int = 200) -> Picture:
    """The picture as it is to be drawn.

    Args:
        collapse: False leaves modules open. True makes one box of each child of the model; a number, of each module so
            many levels down. "auto" draws up to 60 boxes one by one, and closes the innermost modules of larger
            graphs, level by level, until the drawing fits a laptop's screen. All but False fold equal blocks.
        max_nodes: of more operations, the first and the last are drawn.

    Raises ValueError for another ``collapse``.
    """
    if not (collapse == "auto" or isinstance(collapse, bool) or (isinstance(collapse, int) and collapse >= 0)):
        raise ValueError(f'collapse must be "auto", True, False or a number of levels >= 0, got {collapse!r}')
    if collapse is False or (collapse == "auto" and len(picture.boxes) <= DETAILED):
        return truncate(picture, max_nodes)
    picture = fold_repeats(picture)
    depths = _depths(picture)
    if collapse == "auto":
        result = picture if len(picture.boxes) <= DETAILED else close(picture, _leaves(picture))
        for depth in range(max(depths.values(), default=0), 0, -1):
            if fits(result):
                break
            result = close(picture, {g for g, d in depths.items() if d >= depth or g in _leaves(picture)})
        single = result
        for size in _BUNCHES:
            if fits(result) or not picture.groups:
                break
            result = bunch(single, size)
        return truncate(result if fits(result) else single, max_nodes)
    level = 1 if collapse is True else int(collapse)
    return truncate(close(picture, {g for g, d in depths.items() if d >= level}), max_nodes)


def _depths(picture: Picture) -> dict[int, int]:
    groups = {g.id: g for g in picture.groups}
    return {g: len(chain(g, groups)) - 1 for g in groups}


def _leaves(picture: Picture) -> set[int]:
    """Groups without groups in them."""
    return {g.id for g in picture.groups} - {g.parent for g in picture.groups if g.parent is not None}


# ---------------------------------------------------------------------------------------------------------- repeats
def fold_repeats(picture: Picture) -> Picture:
    """Equal blocks in a row as one with a count. Costs add up; values and gradients are those of the first."""
    repeats = Repeats(picture)
    stand_in: dict[int, int] = {}  # box: the one drawn for it
    block_of: dict[int, tuple[int, int]] = {}  # box: run, and number of its block
    groups = {g.id: dataclasses.replace(g, names=list(g.names)) for g in picture.groups}
    costs = {box.id: box.cost for box in picture.boxes}
    fresh = max(groups, default=-1) + 1
    for number, (blocks,) in enumerate(repeats.runs()):
        first = repeats.boxes(blocks[0])
        for k, block in enumerate(blocks):
            for box, same in zip(first, repeats.boxes(block), strict=True):
                block_of[same.id] = number, k
                if k:
                    stand_in[same.id] = box.id
                    costs[box.id] = _sum(costs[box.id], costs[same.id])
        names = [groups[block[0]].name for block in blocks]
        if len(blocks[0]) == 1:
            groups[blocks[0][0]].count, groups[blocks[0][0]].names = len(blocks), names
        else:
            types = ", ".join(groups[g].type for g in blocks[0])
            last = groups[blocks[-1][-1]].name
            parent = groups[blocks[0][0]].parent
            groups[fresh] = Group(fresh, f"{names[0]} to {last}", types, parent, len(blocks), names)
            for g in blocks[0]:
                groups[g].parent = fresh
            fresh += 1
    boxes = [dataclasses.replace(b, cost=costs[b.id]) for b in picture.boxes if b.id not in stand_in]
    outputs = {stand_in[b.id] for b in picture.boxes if b.output and b.id in stand_in}
    for box in boxes:
        box.output = box.output or box.id in outputs
    edges = [
        edge
        for edge in picture.edges
        if edge.source not in block_of
        or edge.target not in block_of
        or block_of[edge.source][0] != block_of[edge.target][0]
        or block_of[edge.source] == block_of[edge.target]
    ]
    result = _redrawn(picture, boxes, edges, stand_in)
    wanted = {g for b in boxes for g in chain(b.group, groups)}
    result.groups = [g for g in groups.values() if g.id in wanted]
    if stand_in and any(b.gradient is not None for b in boxes):
        result.notice = " ".join(filter(None, [result.notice, "Of equal blocks the first one's gradients are shown."]))
    return result


def _redrawn(picture: Picture, boxes: list[Box], edges: Iterable[Edge], stand_in: dict[int, int]) -> Picture:
    """The picture with these boxes, edges led to those that stand for others, each kind of edge once."""
    found: dict[tuple[int, int, int], Edge] = {}
    for edge in edges:
        source, target = stand_in.get(edge.source, edge.source), stand_in.get(edge.target, edge.target)
        if source != target:
            found.setdefault((source, target, edge.slot), dataclasses.replace(edge, source=source, target=target))
    forward, backward = (
        list(dict.fromkeys(stand_in.get(i, i) for i in ids)) for ids in (picture.forward, picture.backward)
    )
    return dataclasses.replace(picture, boxes=boxes, edges=list(found.values()), forward=forward, backward=backward)


def _sum(a: Cost | None, b: Cost | None) -> Cost | None:
    return a + b if a is not None and b is not None else a or b


# ---------------------------------------------------------------------------------------------------------- modules
def close(picture: Picture, closed: set[int]) -> Picture:
    """Each of the groups as one box, with what is in it; of nested ones, the outer."""
    groups = {g.id: g for g in picture.groups}
    members: dict[int, list[Box]] = {}
    boxes: list[Box] = []
    fresh = max((b.id for b in picture.boxes), default=-1) + 1
    stand_in: dict[int, int] = {}
    for box in picture.boxes:
        outer = next((g for g in chain(box.group, groups) if g in closed), None)
        if outer is None:
            boxes.append(box)
            continue
        if outer not in members:
            members[outer] = []
            boxes.append(Box(fresh + outer, "module", groups[outer].type, groups[outer].name or None))
        members[outer].append(box)
        stand_in[box.id] = fresh + outer
    leaving = {e.source for e in picture.edges if stand_in.get(e.source) != stand_in.get(e.target)}
    for box in boxes:
        if box.kind == "module" and box.id - fresh in members:
            own = members[box.id - fresh]
            inner = {b.id: chain(b.group, groups)[len(chain(groups[box.id - fresh].parent, groups)) :] for b in own}
            parameters = sum(b.parameters * math.prod(groups[g].count for g in inner[b.id]) for b in own)
            _describe(box, groups[box.id - fresh], own, leaving, parameters)
            held = _held(box.id - fresh, own, groups)
            if held:
                box.attributes = {"of": held}
    result = _redrawn(picture, boxes, picture.edges, stand_in)
    merged: dict[tuple[int, int], Edge] = {}  # several edges between the same two boxes are one
    modules = {b.id for b in boxes if b.kind == "module"}
    for k, edge in enumerate(result.edges):
        between = (edge.source, edge.target) if {edge.source, edge.target} & modules else (-1, k)
        merged.setdefault(between, edge)
    wanted = {g for b in boxes for g in chain(b.group, groups)}
    return dataclasses.replace(
        result, edges=list(merged.values()), groups=[g for g in picture.groups if g.id in wanted]
    )


def _held(group: int, members: list[Box], groups: dict[int, Group]) -> str:
    """What a container has in it: "3 Bottleneck"; nothing where that would be long."""
    depth = len(chain(group, groups))
    children = dict.fromkeys(c[depth] for b in members if len(c := chain(b.group, groups)) > depth)
    runs: list[list[Any]] = []
    for child in children:
        if runs and runs[-1][1] == groups[child].type:
            runs[-1][0] += groups[child].count
        else:
            runs.append([groups[child].count, groups[child].type])
    return ", ".join(f"{n} {type_}" if n > 1 else type_ for n, type_ in runs) if len(runs) <= 3 else ""


def bunch(picture: Picture, size: int) -> Picture:
    """So many neighbours each as one box: modules and operations of one module, in the order of execution."""
    groups = {g.id: g for g in picture.groups}
    fresh = max(groups, default=-1) + 1
    runs: list[list[Box]] = []
    for box in picture.boxes:
        if box.kind in ("module", "operation", "output") and box.group is not None:
            if not runs or runs[-1][-1].group != box.group or len(runs[-1]) == size:
                runs.append([])
            runs[-1].append(box)
    where: dict[int, int] = {}
    for run in runs:
        if len(run) > 1:
            kinds: dict[str, int] = {}
            for b in run:
                kinds[b.label] = kinds.get(b.label, 0) + b.count
            types = [f"{n} {label}" if n > 1 else label for label, n in kinds.items()]
            names = [b.name for b in run if b.name]
            title = (
                f"{names[0].split(' to ')[0]} to {names[-1].split(' to ')[-1]}" if len(names) > 1 else "".join(names)
            )
            groups[fresh] = Group(fresh, title, ", ".join(types), run[0].group)
            where.update((b.id, fresh) for b in run)
            fresh += 1
    boxes = [dataclasses.replace(b, group=where.get(b.id, b.group)) for b in picture.boxes]
    new = dataclasses.replace(picture, boxes=boxes, groups=list(groups.values()))
    return close(new, set(where.values()))


def _describe(box: Box, group: Group, members: list[Box], leaving: set[int], parameters: int) -> None:
    """What can be said of a module as a whole."""
    operations = [b for b in members if b.kind in ("operation", "output", "module")]
    last = next((b for b in reversed(operations) if b.id in leaving or b.output), (operations or members)[-1])
    box.group, box.count, box.hidden, box.order = group.parent, group.count, len(members), members[0].order
    box.shape, box.dtype, box.bytes, box.value, box.gradient = (
        last.shape, last.dtype, last.bytes, last.value, last.gradient
    )  # fmt: skip
    box.output = any(b.output for b in members)
    box.saved = last.saved
    box.parameters = parameters
    box.source = next((b.source for b in operations if b.source), None)
    if len(operations) == 1:
        one = operations[0]
        box.attributes, box.formula, box.doc, box.shape_rule = one.attributes, one.formula, one.doc, one.shape_rule
    for member in members:
        box.cost = _sum(box.cost, member.cost)


def fits(picture: Picture) -> bool:
    """Will the drawing fit a laptop's screen, down and across? An estimate, before anything is laid out."""
    level: dict[int, int] = {b.id: 0 for b in picture.boxes}
    incoming: dict[int, list[int]] = {b.id: [] for b in picture.boxes}
    for edge in picture.edges:
        incoming[edge.target].append(edge.source)
    for box in sorted(picture.boxes, key=lambda b: b.order):
        level[box.id] = max((level[s] + 1 for s in incoming[box.id] if s in level), default=0)
    width: dict[int, int] = {}
    height: dict[int, float] = {}
    users = {edge.source: edge.target for edge in picture.edges}
    for box in picture.boxes:
        leaf = not incoming[box.id] and box.kind in ("parameter", "leaf", "constant")
        place = level[users[box.id]] if leaf and box.id in users else level[box.id]  # beside its operation
        width[place] = width.get(place, 0) + 1
        if not leaf:
            lines = 2 + bool(box.attributes or (box.kind == "module" and box.parameters))
            height[place] = max(height.get(place, 0.0), lines * _LINE + _GAP)
    groups = {g.id: g for g in picture.groups}
    frames = len({g for b in picture.boxes for g in chain(b.group, groups)})
    down, across = _TITLE + sum(height.values()) + frames * _FRAME, max(width.values(), default=1) * _COLUMN
    return down <= SCREEN[0] and across <= SCREEN[1] and len(picture.boxes) <= DETAILED


# ------------------------------------------------------------------------------------------------------- truncation
def truncate(picture: Picture, max_nodes: int) -> Picture:
    """At most so many operations (and modules): the first and the last; one box stands for the rest."""
    operations = [b for b in picture.boxes if b.kind in ("operation", "output", "module")]
    if len(operations) <= max_nodes:
        return picture
    head = math.ceil(max_nodes / 2)
    out = {b.id for b in operations[head : len(operations) - (max_nodes - head)]}
    users: dict[int, set[int]] = {}
    for edge in picture.edges:
        users.setdefault(edge.source, set()).add(edge.target)
    kept = {b.id for b in operations} - out
    out |= {b.id for b in picture.boxes if b.id not in kept and users.get(b.id) and users[b.id] <= out}
    place = max(b.id for b in picture.boxes) + 1
    first = min(b.order for b in picture.boxes if b.id in out)
    count = sum(b.id in out for b in operations)
    hidden = Box(place, "hidden", f"{count:,} more operations", order=first, hidden=len(out))
    boxes = [b for b in picture.boxes if b.id not in out]
    boxes.insert(sum(b.order < first for b in boxes), hidden)
    result = _redrawn(picture, boxes, picture.edges, dict.fromkeys(out, place))
    once = {(e.source, e.target, -1 if place in (e.source, e.target) else e.slot): e for e in result.edges}
    note = f"{count:,} of {len(operations):,} operations are left out; max_nodes= shows more."
    groups = {g.id: g for g in picture.groups}
    wanted = {g for b in boxes for g in chain(b.group, groups)}
    return dataclasses.replace(
        result,
        edges=list(once.values()),
        groups=[g for g in picture.groups if g.id in wanted],
        notice=" ".join(filter(None, [result.notice, note])),
    )
