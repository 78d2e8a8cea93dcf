"""What a picture holds, in lines of text: a line for each box, edge and group, with what is not as it is by default."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tinygrad_cnn.viz.graph.structure import Box, Edge, Group, Picture, Summary

_WORDS = {"doc", "code"}  # as they stand in the source of an operation


def told(picture: Picture) -> Iterator[str]:
    yield f"picture {picture.title!r} {picture.direction} {picture.notice!r} {picture.measured!r}"
    for kind, things in (("box", picture.boxes), ("group", picture.groups), ("edge", picture.edges)):
        for thing in things:
            yield f"{kind} {' '.join(_fields(thing))}"
    yield f"forward {picture.forward} backward {picture.backward}"


def _fields(thing: Box | Edge | Group) -> Iterator[str]:
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        usual = field.default
        if field.default_factory is not dataclasses.MISSING:
            usual = field.default_factory()
        if value == usual or field.name in _WORDS:
            continue
        if isinstance(value, dict) and "code" in value:
            value = value["code"]  # the line's number changes with its file
        if field.name == "cost":
            value = (value.forward_bytes, value.backward_bytes)  # its seconds are of the machine
        yield f"{field.name}={_summary(value) if isinstance(value, Summary) else repr(value)}"


def _summary(s: Summary) -> str:
    """Its histogram, and how many zeros a gradient has, may hang on the last bit of a number."""
    figures = " ".join("-" if x is None else format(x, ".4g") for x in (s.min, s.max, s.mean, s.norm))
    return f"<{s.shape} {s.dtype} {figures}, {s.nans} NaN, {s.infs} infinite, {_rounded(s.values)}>"


def _rounded(values: Any) -> Any:
    if isinstance(values, list):
        return f"[{len(values)}: {_rounded(values[0])} to {_rounded(values[-1])}]" if values else "[]"
    return values if values is None or isinstance(values, str) else format(values, ".4g")
