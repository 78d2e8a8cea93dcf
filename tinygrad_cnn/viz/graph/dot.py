"""A picture as DOT text, through the `graphviz` package. Laying it out is another matter (`rendering`)."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Container
from typing import Any

from .infix import COMMUTE
from .legend import AGAIN, Scale, draw_legend
from .structure import Box, Edge, Group, Picture, around
from .style import BACK, BESIDE, FAINT, FONT, FRAMES, INK, KEPT, KINDS, LINE, THIN, look_of
from .texts import described, escaped, lines, table

_PACKED = {"TB": "array_t100", "LR": "array_tu100"}  # the legend to the right, below
_GIVEN = (*BESIDE, "leaf", "input")  # what is made of them alone stands beside its user, not beside them
OFTEN = 6  # uses of one array that are drawn as lines


def source_of(
    picture: Picture,
    statistics: bool = False,
    numbers: bool = True,
    backward: bool = False,
    color_by: str | None = None,
    legend: bool = True,
) -> str:
    """DOT text of a picture.

    Args:
        statistics: show norm, range, zeros and NaN of every array whose summary is there.
        numbers: show the numbers of small arrays.
        backward: draw what flows back along each edge, where its gradient is there.
        color_by: None, "time" or "memory": colour boxes by their cost.
        legend: say what shapes and colours mean.

    Raises ImportError where the `graphviz` package is missing.
    """
    try:
        import graphviz
    except ImportError:
        raise ImportError(
            "drawing a graph needs the Python package graphviz: pip install 'tinygrad-cnn[viz]'"
        ) from None
    dot = graphviz.Digraph("graph")
    closed = any(box.kind == "module" for box in picture.boxes)
    back = backward and any(edge.gradient is not None for edge in picture.edges)
    picture, again = _shared(picture)
    boxes = {b.id: b for b in picture.boxes}
    alone = _alone(picture)
    beside = _beside(picture, boxes, alone)
    several = _several(picture, boxes, beside)
    dot.attr(
        "graph", rankdir=picture.direction, fontname=FONT, fontsize="13", bgcolor="white", labelloc="t", pad="0.2",
        nodesep="0.35" if several else "0.22", ranksep="0.15" if back else "0.22" if closed else "0.3", pack="14",
        packmode="array_l1" if picture.stacked else _PACKED[picture.direction],
    )  # fmt: skip
    if not picture.groups:
        dot.attr("graph", ordering="in")  # a stands to the left of b in a * b
    if picture.title or picture.notice:
        dot.attr("graph", label=_title(picture))
    dot.attr("node", fontname=FONT, fontsize="13", fontcolor=INK, margin="0.09,0.04", height="0.3", width="0.5")
    dot.attr("edge", color=LINE, arrowsize="0.7", fontname=FONT, fontsize="10", fontcolor=FAINT)
    scale = Scale(picture, color_by)
    inline = {box.id: group for group in picture.groups if (box := alone.get(group.id)) is not None}
    nodes = {b.id: _node(b, numbers, statistics, back, scale, inline.get(b.id)) for b in picture.boxes}
    for box in picture.boxes:
        if box.id in again:
            nodes[box.id].update(AGAIN, label=f"{_string(box.name or box.label)} ↑", id=f"box{box.id}")
    _draw_groups(dot, picture, None, 0, nodes, alone, _loops(picture, boxes))
    for edge in picture.edges:
        _edge(dot, edge, boxes, several, beside, back, picture.direction == "TB")
    if legend:
        draw_legend(dot, picture, back, scale, bool(again))
    return str(dot.source)


def _title(picture: Picture) -> str:
    rows = [f'<FONT POINT-SIZE="16"><B>{escaped(picture.title)}</B></FONT>'] if picture.title else []
    for line in textwrap.wrap(picture.notice or "", 90):
        rows.append(f'<FONT POINT-SIZE="11" COLOR="{FAINT}">{escaped(line)}</FONT>')
    return table(rows)


def _shared(picture: Picture) -> tuple[Picture, dict[int, int]]:
    """Instead of long lines from what very many use, its name beside each further user: ids of these, and of what."""
    uses: dict[int, int] = {}
    for edge in picture.edges:
        uses[edge.source] = uses.get(edge.source, 0) + 1
    boxes = {b.id: b for b in picture.boxes}
    often = {i for i, n in uses.items() if n > OFTEN and boxes[i].kind in _GIVEN}
    again: dict[int, int] = {}
    edges, more, fresh = [], [], max(boxes, default=-1) + 1
    met: set[int] = set()
    for edge in picture.edges:
        if edge.source in often and edge.source in met:
            source, target = boxes[edge.source], boxes[edge.target]
            more.append(dataclasses.replace(source, id=fresh, group=target.group, value=None, gradient=None))
            again[fresh] = edge.source
            edge = dataclasses.replace(edge, source=fresh)
            fresh += 1
        met.add(edge.source)
        edges.append(edge)
    return dataclasses.replace(picture, boxes=[*picture.boxes, *more], edges=edges), again


# ----------------------------------------------------------------------------------------------------- boxes, groups
def _node(box: Box, numbers: bool, statistics: bool, back: bool, scale: Scale, module: Group | None) -> dict[str, str]:
    style = KINDS[look_of(box)]
    attributes = {
        "label": table(lines(box, numbers, statistics, back, scale.text(box), module)),
        "shape": style.shape,
        "style": style.style,
        "color": style.color,
        "fillcolor": scale.color(box) or style.fillcolor,
        "penwidth": KEPT if box.saved else THIN,
        "peripheries": "2" if box.output else style.peripheries,
        "id": f"box{box.id}",
        "tooltip": _tooltip(box),
    }
    return attributes


def _tooltip(box: Box) -> str:
    return _string(" | ".join(filter(None, [box.name or box.label, box.formula])))


def _string(text: str) -> str:
    """A plain string, in which Graphviz reads entities and backslashes."""
    return escaped(text).replace("\\", "\\\\")


def _alone(picture: Picture) -> dict[int, Box]:
    """Groups that hold one box and nothing else, with that box: a line of text in it does for a frame."""
    members: dict[int, list[Box]] = {g.id: [] for g in picture.groups}
    for box in picture.boxes:
        if box.group is not None:
            members[box.group].append(box)
    outer = {g.parent for g in picture.groups}
    folded = {g.id for g in picture.groups if g.count > 1}
    return {g: own[0] for g, own in members.items() if len(own) == 1 and g not in outer and g not in folded}


def _draw_groups(
    dot: Any,
    picture: Picture,
    parent: int | None,
    depth: int,
    nodes: dict[int, dict[str, str]],
    alone: dict[int, Box],
    loops: Container[int],
) -> None:
    """The groups within one, and its own boxes. Groups nest as deep as modules do, so recursion is no danger."""
    for group in picture.groups:
        if group.parent != parent:
            continue
        if group.id in alone:
            box = alone[group.id]
            dot.node(f"b{box.id}", **nodes[box.id])
            continue
        times = f" × {group.count}" if group.count > 1 else ""  # noqa: RUF001
        name = f"{escaped(group.name)}&nbsp;&nbsp;" if group.name else ""
        type_ = escaped(textwrap.shorten(group.type or "module", 70, placeholder=" …"))
        type_ = f"<B>{type_}{times}</B>" if times or not name else type_
        loop = f"&nbsp;&nbsp;dashed: into the next {_block(group)}" if group.id in loops else ""
        heading = f'<FONT POINT-SIZE="12" COLOR="{FAINT}">{name}{type_}{loop}</FONT>'
        with dot.subgraph(name=f"cluster_{group.id}") as inner:
            inner.attr(
                "graph", label=f"<{heading}>", labeljust="l",
                style="rounded,filled", color="#6b7480" if times else "#b8c0cc", fillcolor=FRAMES[min(depth, 3)],
                penwidth="2.2" if times else "1", peripheries="2" if times else "1", margin="9", tooltip=" ",
            )  # fmt: skip
            _draw_groups(inner, picture, group.id, depth + 1, nodes, alone, loops)
    for box in picture.boxes:
        if box.group == parent:
            dot.node(f"b{box.id}", **nodes[box.id])


def _loops(picture: Picture, boxes: dict[int, Box]) -> set[int]:
    """The rows in which something goes from one block into the next: the innermost around both ends."""
    groups = {g.id: g for g in picture.groups}
    found: set[int] = set()
    for edge in picture.edges:
        if edge.recurrent:
            one, other = (around(boxes[i].group, groups) for i in (edge.source, edge.target))
            rows = [g for g in one if g in other and groups[g].kind == "row"]
            found.update(rows[-1:])
    return found


def _block(row: Group) -> str:
    """What a block of a row is called: "step", "BasicBlock"."""
    return escaped(row.type) if ", " not in row.type else "block"


# -------------------------------------------------------------------------------------------------------------- edges
def _several(picture: Picture, boxes: dict[int, Box], beside: Container[int]) -> set[int]:
    """Boxes whose inputs need their names at the edges: more than one that was computed or named by the user."""
    slots: dict[int, set[int]] = {}  # a step back in a loop leads where the first one came in
    for edge in picture.edges:
        if boxes[edge.source].kind != "parameter" and edge.source not in beside:
            slots.setdefault(edge.target, set()).add(edge.slot)
    return {i for i, own in slots.items() if len(own) > 1 and boxes[i].parts and boxes[i].label not in COMMUTE}


def _beside(picture: Picture, boxes: dict[int, Box], alone: dict[int, Box]) -> dict[int, int]:
    """Parameters and constants that one operation alone uses, its first two: 0 for its left side, 1 for its right.

    They stand in one frame with it: from frame to frame Graphviz draws bows.
    """
    outer = {g.id: g.parent for g in picture.groups}
    frames = {b.id: outer[b.group] if b.group is not None and b.group in alone else b.group for b in picture.boxes}
    uses: dict[int, int] = {}
    for edge in picture.edges:
        uses[edge.source] = uses.get(edge.source, 0) + 1
    looped = {edge.target for edge in picture.edges if edge.source == edge.target}  # at its right side
    taken: dict[int, int] = {}
    found: dict[int, int] = {}
    for edge in picture.edges:
        if boxes[edge.source].kind in BESIDE and uses[edge.source] == 1 and boxes[edge.target].kind != "hidden":
            if frames[edge.source] != frames[edge.target]:
                continue
            side = taken.get(edge.target, 0)
            if side < (1 if edge.target in looped else 2):
                found[edge.source], taken[edge.target] = side, side + 1
    return found


def _edge(
    dot: Any, edge: Edge, boxes: dict[int, Box], several: set[int], beside: dict[int, int], back: bool, down: bool
) -> None:
    if edge.recurrent:
        _recurrent(dot, edge, down)
        return
    if edge.back:
        _upwards(dot, edge, turns=not boxes[edge.source].backward_of)
        return
    target, side = boxes[edge.target], beside.get(edge.source)
    more: dict[str, str] = {"weight": "10"} if boxes[edge.source].kind not in _GIVEN else {}
    if side is not None:
        more = {"minlen": "0"}
    if back and side is None:
        more["minlen"] = "2"  # room for the labels: in components that are packed, Graphviz makes none by itself
    if edge.tensors > 1:
        more.update(label=f" × {edge.tensors} ", minlen="2")  # noqa: RUF001  (as above)
    elif not back and side is None and edge.target in several and edge.slot < len(target.parts):
        part = target.parts[edge.slot]
        short = part[0].isdigit()  # stands where it arrives: in the middle it may come to lie far from its line
        place = {"headlabel": part, "labeldistance": "2.2", "labelangle": "30"} if short else {"label": f" {part} "}
        more.update(place, minlen="2")  # as above; what stands beside needs none
    ends = [f"b{edge.source}", f"b{edge.target}"]
    here, there = "forward", "back"
    if side == 1:  # Graphviz puts the head of an edge on the right: so it is told the edge the other way round
        ends.reverse()
        here, there = there, here
    dot.edge(*ends, dir=here, **more)
    if back and edge.gradient is not None:
        bad = edge.gradient.nans + edge.gradient.infs
        more = {k: v for k, v in more.items() if k == "minlen"}
        label = f" {described(edge.gradient, '|g|', zeros=False)} "
        if side is None:  # apart from the edge forward
            more.update(tailport="se", headport="ne" if down else "w")
        elif not down:
            label = ""  # one above the other: no room, and the box says it
        dot.edge(
            *ends, dir=there, label=label, style="dashed",
            color=BACK, fontcolor=BACK, arrowhead="empty", arrowtail="empty", penwidth="2" if bad else "1.1",
            **more,
        )  # fmt: skip


def _upwards(dot: Any, edge: Edge, turns: bool) -> None:
    """On the way back of a plan, which runs up beside the way forth: so Graphviz is told it the other way round."""
    if turns:  # from a result to the first step back from it, which stand side by side
        dot.edge(f"b{edge.source}", f"b{edge.target}", style="dashed", color=BACK, minlen="0")
    else:
        dot.edge(f"b{edge.target}", f"b{edge.source}", dir="back", color=BACK, weight="10")


def _recurrent(dot: Any, edge: Edge, down: bool) -> None:
    """From one block of a row into the next: back to the one that is drawn, along its side, as the frame says."""
    itself = edge.source == edge.target
    ends = {} if itself else {"tailport": "e" if down else "n", "headport": "se" if down else "ne"}
    label = " next step " if itself else ""
    dot.edge(f"b{edge.source}", f"b{edge.target}", style="dashed", constraint="false", label=label, **ends)
