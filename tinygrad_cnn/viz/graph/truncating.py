"""What a drawing of a very long graph leaves out: its middle."""

from __future__ import annotations

import dataclasses
import math

from .folding import COMPUTED
from .structure import Box, Edge, Picture, around


def truncate(picture: Picture, max_nodes: int) -> Picture:
    """At most so many operations (and modules): the first and the last; one box stands for the rest."""
    operations = [b for b in picture.boxes if b.kind in COMPUTED]
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
    edges: dict[tuple[int, int, int], Edge] = {}
    for edge in picture.edges:
        source, target = (place if i in out else i for i in (edge.source, edge.target))
        if source != target or edge.recurrent:
            slot = -1 if place in (source, target) else edge.slot
            edges.setdefault((source, target, slot), dataclasses.replace(edge, source=source, target=target))
    note = f"{count:,} of {len(operations):,} operations are left out; max_nodes= shows more."
    groups = {g.id: g for g in picture.groups}
    wanted = {g for b in boxes for g in around(b.group, groups)}
    forward, backward = (
        list(dict.fromkeys(place if i in out else i for i in ids)) for ids in (picture.forward, picture.backward)
    )
    return dataclasses.replace(
        picture, boxes=boxes, edges=list(edges.values()), groups=[g for g in picture.groups if g.id in wanted],
        forward=forward, backward=backward, notice=" ".join(filter(None, [picture.notice, note])),
    )  # fmt: skip
