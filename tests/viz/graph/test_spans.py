"""What one box or frame is called that stands for several: from the first to the last."""

from __future__ import annotations

import doctest

import pytest
from viz.graph.zoo import arguments

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph import spans
from tinygrad_cnn.viz.graph.structure import Box, Picture

F = nn.functional


def drawn(name: str) -> Picture:
    given = arguments(name)
    return draw_graph(given.pop("output"), **given).drawn


@pytest.mark.parametrize(
    ("first", "last", "both"),
    [
        ("layers.0.weight", "layers.11.weight", "layers.(0 to 11).weight"),
        ("a.1.b.2", "a.3.b.4", "a.(1 to 3).b.(2 to 4)"),
        ("conv1.weight", "conv2.weight", "conv1.weight"),
        ("0", "0.1", "0"),
        ("same", "same", "same"),
    ],
)
def test_names(first: str, last: str, both: str) -> None:
    assert spans.names(first, last) == both


@pytest.mark.parametrize(
    ("first", "last", "both"),
    [
        (":, 0", ":, 19", ":, (0 to 19)"),
        ("0.5 + ·", "2.5 + ·", "(0.5 to 2.5) + ·"),
        ("a", "b", "a to b"),
        ("1", "1", "1"),
    ],
)
def test_texts(first: str, last: str, both: str) -> None:
    assert spans.texts(first, last) == both


def test_of_a_loop_the_index_runs() -> None:
    (part,) = (b for b in drawn("rnn").boxes if b.label == "getitem")
    assert part.attributes == {"index": ":, (0 to 19)"}


def test_of_branches_modules_and_parameters_run() -> None:
    picture = drawn("branches")
    names = {b.name for b in picture.boxes if b.kind == "parameter"}
    assert names == {"layers.0.weight", "layers.0.bias", "layers.(1 to 39).weight", "layers.(1 to 39).bias"}
    assert {g.name for g in picture.groups if g.kind == "module"} == {"layers.0", "layers.(1 to 39)"}


def test_the_whole_picture_knows_it_for_the_page() -> None:
    given = arguments("rnn")
    picture = draw_graph(given.pop("output"), **given).picture
    (row,) = (g for g in picture.groups if g.kind == "row")
    (part,) = (b for b in picture.members()[row.blocks[0]] if b.label == "getitem")
    assert part.attributes == {"index": ":, 0"}, "the first step's own"
    texts = {key: told for key, told in row.spans.items() if "label" in told}
    assert texts == {
        f"b{part.id}": {"label": "getitem", "name": None, "attributes": {"index": ":, (0 to 19)"}, "text": ""}
    }
    shared = {b.id for b in picture.boxes if (b.name or "").startswith(("ih.", "hh."))}
    assert {int(key[1:]) for key in row.spans.keys() - texts.keys()} == shared, "and where what all steps share stands"


def test_a_loop_within_a_loop_runs_from_the_very_first_to_the_very_last() -> None:
    def nested(x: tg.Tensor) -> tg.Tensor:
        for i in range(4):
            for j in range(5):
                x = (x * (5 * i + j + 2)).tanh()
            x = x.exp()
        return x

    texts = [b.text for b in draw_graph(nested, inputs=tg.randn(4), collapse=9).drawn.boxes if b.label == "mul"]
    assert texts == ["\N{MIDDLE DOT} \N{MULTIPLICATION SIGN} (2 to 21)"]


def test_one_box_stays_what_it_is() -> None:
    box = Box(0, "operation", "add", "y", attributes={"dim": "1"}, text="1 + x")
    assert spans.box_for_both(box, box) == box


def test_examples() -> None:
    assert doctest.testmod(spans).failed == 0
