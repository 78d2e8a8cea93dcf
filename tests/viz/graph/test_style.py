"""One table of shapes and colours, for drawings and pages."""

from __future__ import annotations

import json
import re

import pytest

from tinygrad_cnn.viz.graph.html import _part, page
from tinygrad_cnn.viz.graph.structure import Box, Picture
from tinygrad_cnn.viz.graph.style import FAINT, INK, KINDS, RAMP, css, look_of, script


def luminance(color: str) -> float:
    """Relative, of WCAG 2.1."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_text_can_be_read_on_every_kind_in_light_and_dark(kind: str) -> None:
    style = KINDS[kind]
    assert contrast(INK, style.fillcolor) >= 7
    assert contrast(FAINT, style.fillcolor) >= 4.5
    assert contrast("#eef2f5", style.dark[1]) >= 7
    assert contrast(style.color, style.fillcolor) >= 3
    assert contrast(*style.dark) >= 3


def test_text_can_be_read_on_the_whole_scale() -> None:
    for color in RAMP:
        assert contrast(FAINT, "#{:02x}{:02x}{:02x}".format(*color)) >= 4.4


def test_the_page_has_no_table_of_its_own() -> None:
    own = _part("style.css")
    for kind in KINDS:
        assert f"--{kind}:" not in own
        assert f"--{kind}:light-dark({KINDS[kind].color},{KINDS[kind].dark[0]});" in css()
    look = json.loads(script().removeprefix("const LOOK = ").removesuffix(";"))
    assert {kind: entry["means"] for kind, entry in look["kinds"].items()} == {k: s.means for k, s in KINDS.items()}
    text = page(Picture())
    assert script() in text
    assert css() in text


def test_outlines_are_those_that_the_page_draws() -> None:
    drawn = set(re.findall(r'shape === "(\w+)"', _part("shapes.js"))) | {"round"}
    assert {s.outline for s in KINDS.values()} <= drawn


def test_kinds_of_a_picture_are_in_the_table() -> None:
    assert look_of(Box(0, "operation", "mul", backward_of="tanh")) == "gradient"
    assert look_of(Box(0, "output", "mul", backward_of="tanh")) == "output"
    assert look_of(Box(0, "failed", "linear")) == "failed"
