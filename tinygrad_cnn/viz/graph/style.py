"""How kinds of boxes look, in drawings and on pages: each by its shape, its border and its colour, so that no one
needs to tell colours apart.

Colours are of the palette of Okabe and Ito (2008), lightened within; text on all of them is black, on the dark ones of
a page white.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from .structure import Box

FONT = "Helvetica,Arial,sans-serif"
INK, FAINT, LINE = "#1a1a1a", "#4d4d4d", "#555555"  # text, less important text, edges
BACK = "#b34700"  # what flows backward: a darkened vermillion
WRONG = "#b00020"  # what does not fit
FRAMES = ("#f7f8fa", "#eef1f5", "#e5e9ef", "#dce2ea")  # within groups, by depth


class Style(NamedTuple):
    """Of one kind of box."""

    means: str  # in the legend
    shape: str  # Graphviz's, as the next
    style: str
    outline: str  # the page's: "round", "hexagon", "pill", "slant", "box", "flat", "cut" or "octagon"
    color: str  # of the border
    fillcolor: str
    dark: tuple[str, str]  # the same two on a dark page
    peripheries: str = "1"


KINDS = {
    "operation": Style("operation", "box", "rounded,filled", "round", "#0072b2", "#e6f1f9", ("#56b4e9", "#14293a")),
    "gradient": Style(
        "operation of a backward pass", "box", "filled,diagonals", "cut", BACK, "#fdf1ea", ("#ff8f4d", "#2f231b")
    ),
    "output": Style("output", "box", "rounded,filled", "round", BACK, "#fdeadf", ("#ff8f4d", "#37251a"), "2"),
    "fused": Style(
        "several operations, one step", "box", "filled", "round", "#0072b2", "#b5d9f0", ("#56b4e9", "#1e4a68")
    ),
    "fused-back": Style(
        "several, of a backward pass", "box", "filled,diagonals", "cut", BACK, "#f9cfb4", ("#ff8f4d", "#59341f"), "2"
    ),
    "parameter": Style("parameter", "cylinder", "filled", "hexagon", "#9a6a00", "#fff3d1", ("#e69f00", "#35290f")),
    "leaf": Style("leaf with a gradient", "note", "filled", "pill", "#a2447c", "#fae8f2", ("#dd93ba", "#38202e")),
    "input": Style("input", "tab", "filled", "slant", "#00724f", "#dff3ea", ("#1fbf93", "#0f2f27")),
    "constant": Style("constant", "box", "dashed,filled", "flat", "#666666", "#f4f4f4", ("#9aa7b3", "#232a31")),
    "module": Style("module, drawn as one", "component", "filled", "box", "#333333", "#e3e8ee", ("#9db0c2", "#2b3641")),
    "failed": Style("this failed", "box", "bold,filled", "octagon", WRONG, "#ffe3e6", ("#ff7b8a", "#431a20"), "2"),
    "hidden": Style("left out", "box", "dotted,filled", "flat", "#333333", "#ffffff", ("#9aa7b3", "#232a31")),
}
BESIDE = ("parameter", "constant")  # kinds that stand beside their operation where they have but one
KEPT = "2.6"  # the width of a border: its array is kept for the backward pass
THIN = "1.0"

RAMP = ((255, 255, 255), (255, 240, 214), (251, 212, 158), (246, 176, 98))  # from little to much; text on it is black


SCREEN = 880.0, 1400.0  # pixels down and across that a folded drawing may take: a laptop's
TALL = 1.5  # screens, for a drawing whose one loop would else be a box
DRAWN = {  # pixels that a drawing takes, about: down, the edges of a group among them, and across
    **{"title": 45.0, "line": 15.0, "gap": 25.0, "frame": 44.0},
    **{"column": 210.0, "leaf": 140.0},
}
_SPACE = {"nodes": 26, "nodeAndLine": 18, "lines": 14, "pad": 14, "header": 26, "margin": 28}
SPACE = {  # pixels between things on a page: nodes and lines side by side, layers, and around them
    "flat": {**_SPACE, "layers": 54},  # without groups
    "numbered": {**_SPACE, "layers": 34},  # small enough for numbers along the lines
    "dense": {**_SPACE, "layers": 28},
    "small": {"nodes": 16, "nodeAndLine": 16, "lines": 10, "layers": 26, "pad": 12, "header": 20, "margin": 8},
}


def look_of(box: Box) -> str:
    """The kind that a box looks like: operations of a recorded backward pass are told apart from the forward's."""
    if box.backward_of and box.kind == "operation":
        return "fused-back" if box.fused else "gradient"
    return "fused" if box.fused else box.kind


def heat(share: float) -> str:
    """A colour from white to orange, for 0 to 1."""
    place = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    i = min(int(place), len(RAMP) - 2)
    mixed = (round(a + (b - a) * (place - i)) for a, b in zip(RAMP[i], RAMP[i + 1], strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def in_both(svg: str) -> str:
    """A drawing in its colours and, where a page is dark, in those of dark pages: ``light-dark(#e6f1f9, #14293a)``."""
    dark = {INK: "#eef2f5", FAINT: "#b3bfca", LINE: "#93a1ae", "#6b7480": "#8b98a5", "#b8c0cc": "#4a5663"}
    dark |= dict(zip(FRAMES, ("#1f262e", "#252d36", "#2b343e", "#323c47"), strict=True))
    for s in KINDS.values():
        dark |= {s.color: s.dark[0], s.fillcolor: s.dark[1]}
    svg = re.sub(r'(?<==")white(?=")', "var(--paper)", svg)
    return re.sub(r'(?<==")#[0-9a-f]{6}(?=")', lambda c: f"light-dark({c[0]},{dark.get(c[0], c[0])})", svg)


def css() -> str:
    """The colours as variables of a page, ``--leaf`` and ``--leaf-paper``, and a class for each kind."""
    pairs = [(f"--{k}", s.color, s.dark[0]) for k, s in KINDS.items()]
    pairs += [(f"--{k}-paper", s.fillcolor, s.dark[1]) for k, s in KINDS.items()]
    colors = "".join(f"{name}:light-dark({light},{dark});" for name, light, dark in pairs)
    classes = "".join(f".{kind}{{--kind:var(--{kind});--kind-paper:var(--{kind}-paper)}}\n" for kind in KINDS)
    return f":root{{{colors}}}\n{classes}"


def script() -> str:
    """Words, outlines and the scale of heat, for the page's scripts."""
    kinds = {kind: {"means": s.means, "outline": s.outline} for kind, s in KINDS.items()}
    return f"const LOOK = {json.dumps({'kinds': kinds, 'heat': RAMP, 'space': SPACE, 'beside': BESIDE})};"
