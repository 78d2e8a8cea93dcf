"""What one box or frame is called that stands for several of a row: from the first one's texts to the last one's."""

from __future__ import annotations

import dataclasses
from typing import Any

from .infix import from_first_to_last, without_numbers
from .structure import Box, Group, Picture, around, shared


def names(first: str, last: str) -> str:
    """Two paths as one, where they differ in their numbers alone; else the first.

    >>> names("blocks.0.norm1", "blocks.11.norm1")
    'blocks.(0 to 11).norm1'
    """
    pairs = [*zip(first.split("."), last.split("."), strict=False)]
    if first.count(".") != last.count(".") or any(a != b and not (a.isdigit() and b.isdigit()) for a, b in pairs):
        return first
    return ".".join(a if a == b else f"({a} to {b})" for a, b in pairs)


def texts(first: str, last: str) -> str:
    """Two texts as one: ``:, (0 to 19)`` where they differ in their numbers alone, else ``mean to sum``."""
    if first == last:
        return first
    if without_numbers(first) == without_numbers(last):
        return from_first_to_last(first, last)
    return f"{first} to {last}"


def box_for_both(first: Box, last: Box) -> Box:
    """The first one, with texts for all up to the last."""
    label, name = first.label, first.name
    if name and last.name:
        name = names(name, last.name)
        label = name if first.label == first.name else label
    attributes = {k: texts(v, last.attributes.get(k, v)) for k, v in first.attributes.items()}
    text = texts(first.text, last.text) if last.text else first.text
    return dataclasses.replace(first, label=label, name=name, attributes=attributes, text=text)


def with_spans(picture: Picture) -> Picture:
    """The picture, whose rows know what in their first block is called otherwise where it stands for all blocks."""
    members, groups = picture.members(), {g.id: g for g in picture.groups}
    within: dict[int, list[Group]] = {g: [] for g in groups}
    for group in picture.groups:
        for outer in around(group.id, groups):
            within[outer].append(group)
    users: dict[int, list[int]] = {}
    for edge in picture.edges:
        users.setdefault(edge.source, []).append(edge.target)
    changed = []
    for group in picture.groups:
        if group.kind == "row":
            one, *_, last = group.blocks
            spans = {**_texts_of(members[one], members[last]), **_names_of(within[one], within[last])}
            first = {b.id: a for block in group.blocks for a, b in zip(members[one], members[block], strict=True)}
            for box in members[group.id]:
                if box.group == group.id and box.id in users:  # what all blocks share stands in the one that is drawn
                    common = shared(around(first[u].group, groups) for u in users[box.id])
                    spans[f"b{box.id}"] = {"place": common[-1]}
            group = dataclasses.replace(group, spans=spans)
        changed.append(group)
    return dataclasses.replace(picture, groups=changed)


def _texts_of(first: list[Box], last: list[Box]) -> dict[str, dict[str, Any]]:
    """Of boxes of the first block, what they are called for all: {"b7": {"label", "name", "attributes", "text"}}."""
    pairs = ((a, box_for_both(a, b)) for a, b in zip(first, last, strict=True))
    fields = ("label", "name", "attributes", "text")
    return {f"b{a.id}": {f: getattr(both, f) for f in fields} for a, both in pairs if both != a}


def _names_of(first: list[Group], last: list[Group]) -> dict[str, dict[str, Any]]:
    """Of groups in the first block, likewise: {"g2": {"name"}}."""
    pairs = ((g, names(g.name, other.name)) for g, other in zip(first, last, strict=False))
    return {f"g{g.id}": {"name": name} for g, name in pairs if name != g.name}
