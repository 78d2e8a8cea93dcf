"""What one box or frame is called that stands for several of a row: from the first one's texts to the last one's."""

from __future__ import annotations

import dataclasses
from typing import Any

from .infix import from_first_to_last, without_numbers
from .structure import Box, Group, Picture


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
    members = picture.members()
    groups = {g.id: g for g in picture.groups}
    inner: dict[int, list[Group]] = {g: [] for g in groups}
    for group in picture.groups:
        if group.parent is not None:
            inner[group.parent].append(group)

    def within(group: int) -> list[Group]:
        found = [groups[group]]
        for g in found:
            found += inner[g.id]
        return found

    changed = []
    for group in picture.groups:
        if group.kind == "row":
            first, last = group.blocks[0], group.blocks[-1]
            spans: dict[str, dict[str, Any]] = {}
            for a, b in zip(members[first], members[last], strict=True):
                both = box_for_both(a, b)
                if both != a:
                    own = ("label", "name", "attributes", "text")
                    spans[f"b{a.id}"] = {f: getattr(both, f) for f in own}
            for one, other in zip(within(first), within(last), strict=False):
                name = names(one.name, other.name)
                if name != one.name:
                    spans[f"g{one.id}"] = {"name": name}
            group = dataclasses.replace(group, spans=spans)
        changed.append(group)
    return dataclasses.replace(picture, groups=changed)
