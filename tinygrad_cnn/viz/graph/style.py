"""How kinds of boxes look: each by its shape, its border and its colour, so that no one needs to tell colours apart.

Colours are of the palette of Okabe and Ito (2008), lightened within; text on all of them is black.
"""

from __future__ import annotations

from typing import NamedTuple

FONT = "Helvetica,Arial,sans-serif"
INK, FAINT, LINE = "#1a1a1a", "#4d4d4d", "#555555"  # text, less important text, edges
BACK = "#b34700"  # what flows backward: a darkened vermillion
FRAMES = ("#f7f8fa", "#eef1f5", "#e5e9ef", "#dce2ea")  # within groups, by depth


class Style(NamedTuple):
    """Graphviz's attributes of a kind of box."""

    means: str  # in the legend
    shape: str
    style: str
    color: str
    fillcolor: str
    peripheries: str = "1"


KINDS = {
    "operation": Style("operation", "box", "rounded,filled", "#0072b2", "#e6f1f9"),
    "output": Style("output", "box", "rounded,filled", "#b34700", "#fdeadf", "2"),
    "parameter": Style("parameter", "cylinder", "filled", "#9a6a00", "#fff3d1"),
    "leaf": Style("leaf with a gradient", "note", "filled", "#a2447c", "#fae8f2"),
    "input": Style("input", "tab", "filled", "#00724f", "#dff3ea"),
    "constant": Style("constant", "box", "dashed,filled", "#666666", "#f4f4f4"),
    "module": Style("module, drawn as one", "component", "filled", "#333333", "#e3e8ee"),
    "hidden": Style("left out", "box", "dotted,filled", "#333333", "#ffffff"),
}
KEPT = "2.6"  # the width of a border: its array is kept for the backward pass
THIN = "1.0"

_RAMP = ((255, 255, 255), (253, 231, 196), (246, 184, 107), (221, 122, 40))  # from little to much


def heat(share: float) -> str:
    """A colour from white to orange, for 0 to 1."""
    place = min(max(share, 0.0), 1.0) * (len(_RAMP) - 1)
    i = min(int(place), len(_RAMP) - 2)
    mixed = (round(a + (b - a) * (place - i)) for a, b in zip(_RAMP[i], _RAMP[i + 1], strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)
