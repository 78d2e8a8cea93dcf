"""DOT text, and what Graphviz makes of it: lines that say what they are, boxes that do not overlap."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import Any

import pytest
from viz.graph.zoo import ZOO, arguments

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.dot import _beside, _loops
from tinygrad_cnn.viz.graph.drawing import Graph
from tinygrad_cnn.viz.graph.structure import Box, Edge, Group

NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


def drawn(name: str, **options: Any) -> Graph:
    given = arguments(name)
    return draw_graph(given.pop("output"), **given, **options)


def edges(graph: Graph) -> list[tuple[str, str, dict[str, str]]]:
    """Both ends, as labels, and what is said of the line."""
    labels = {f"b{b.id}": b.label for b in graph.drawn.boxes}
    found = re.findall(r"^\s*(b\d+)(?::\w+)? -> (b\d+)(?::\w+)?(?: \[(.*)\])?$", graph.source, re.MULTILINE)
    return [
        (labels[a], labels[b], {k: v.strip('" ') for k, v in re.findall(r'(\w+)=("[^"]*"|\S+)', more)})
        for a, b, more in found
    ]


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Where nodes are, by their titles: left, top, right, bottom. Tabs that stick out of a module's side included."""
    found = {}
    for group in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        title = group.find("{http://www.w3.org/2000/svg}title")
        if group.get("class") == "node" and title is not None:
            text = " ".join(
                e.get("points") or e.get("d") or "" for e in group.iter() if e.tag.endswith(("polygon", "path"))
            )
            numbers = [float(n) for n in re.findall(NUMBER, text)]
            xs, ys = numbers[::2], numbers[1::2]
            found[str(title.text)] = (min(xs), min(ys), max(xs), max(ys))
    return found


@pytest.mark.parametrize("name", ZOO)
def test_boxes_do_not_touch(name: str, renderer: str) -> None:  # noqa: ARG001
    places = boxes(drawn(name)._as("svg").decode())
    assert len(places) > 4
    for (one, a), (other, b) in itertools.combinations(places.items(), 2):
        apart = a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
        assert apart, f"{one} and {other}"


def test_modules_beside_a_loop_do_not_touch(renderer: str) -> None:  # noqa: ARG001
    class Tokens(nn.Module):
        def __init__(self) -> None:
            self.token, self.place = nn.Embedding(65, 32), nn.Embedding(16, 32)
            layers = [nn.TransformerEncoderLayer(32, 4, 64, batch_first=True) for _ in range(3)]
            self.blocks, self.head = nn.Sequential(*layers), nn.Linear(32, 65, bias=False)
            self.head.weight = self.token.weight

        def forward(self, ids: tg.Tensor) -> tg.Tensor:
            return self.head(self.blocks(self.token(ids) + self.place(tg.arange(ids.shape[1]))))

    graph = draw_graph(Tokens(), inputs=tg.randint(0, 65, (2, 16)), collapse=2)
    assert any(e.recurrent for e in graph.drawn.edges)
    for a, b in itertools.combinations(boxes(graph._as("svg").decode()).values(), 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def test_a_way_back_runs_along_the_side_and_the_frame_says_what_it_is() -> None:
    for direction, ports in (("TB", {"e", "se"}), ("LR", {"n", "ne"})):
        graph = drawn("lstm", direction=direction)
        assert "dashed: into the next step" in graph.source
        back = [m for _, _, m in edges(graph) if m.get("constraint") == "false"]
        assert len(back) == 2, "h and c"
        assert all({m["tailport"], m["headport"]} == ports for m in back), "or it would lie on the lines that run on"


def test_a_loop_that_is_one_box_keeps_its_right_side_for_its_line() -> None:
    graph = draw_graph(Twice(), inputs=tg.randn(2, 9, 5))
    (step, *_) = (b for b in graph.drawn.boxes if b.label == "step")
    assert (step.kind, step.count) == ("module", 9)
    assert "next step" in graph.source
    assert not [m for a, b, m in edges(graph) if b == "step" and m.get("dir") == "back"], "nothing comes from the right"


@pytest.mark.parametrize("name", ["lstm_layer", "unet", "expression", "several"])
def test_every_word_on_a_line_is_drawn(name: str, renderer: str) -> None:  # noqa: ARG001
    graph = drawn(name)
    words = [m[k] for _, _, m in edges(graph) for k in ("label", "headlabel") if m.get(k)]
    svg = ET.fromstring(graph._as("svg").decode())
    texts = ["".join(e.itertext()).strip() for e in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert words
    assert all(texts.count(word) >= words.count(word) for word in words), "Graphviz leaves out what has no room"


class Twice(nn.Module):
    def __init__(self) -> None:
        self.rnn = nn.LSTM(5, 6, num_layers=2, batch_first=True)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.rnn(x)[0]


def test_ordinals_stand_where_a_line_arrives_and_words_in_its_middle() -> None:
    joins = [m for _, b, m in edges(drawn("unet")) if b == "cat"]
    assert {m.get("headlabel") for m in joins} == {"1st", "2nd"}
    parts = [m.get("label") for _, b, m in edges(drawn("expression")) if b == "true_divide"]
    assert parts == ["numerator", "denominator"]


def test_weights_that_all_steps_share_stand_with_the_layer_that_uses_them() -> None:
    picture = drawn("rnn").drawn
    groups = {g.id: g for g in picture.groups}
    for box in picture.boxes:
        if box.kind == "parameter":
            assert box.name is not None
            assert box.group is not None
            assert groups[box.group].name == box.name.rpartition(".")[0]


def test_a_loop_within_a_loop_goes_round_in_the_inner_one() -> None:
    rows = [Group(0, "steps", "Step", None, "row"), Group(1, "0", "Step", 0, "step"), Group(2, "1", "Step", 0, "step")]
    rows += [Group(3, "layers", "Cell", 1, "row"), Group(4, "0", "Cell", 3, "step"), Group(5, "1", "Cell", 3, "step")]
    boxes = {k: Box(k, "operation", "tanh", group=group) for k, group in enumerate((4, 5, 1, 2))}
    for source, target, row in ((0, 1, 3), (2, 3, 0), (1, 3, 0)):
        picture: Any = SimpleNamespace(groups=rows, edges=[Edge(source, target, 0, recurrent=True)])
        assert _loops(picture, boxes) == {row}


def test_what_stands_beside_an_operation_stands_left_then_right_then_nowhere() -> None:
    boxes = {k: Box(k, kind, "x") for k, kind in enumerate(("parameter", "parameter", "parameter", "operation"))}
    edges = [Edge(k, 3, k) for k in range(3)]
    picture: Any = SimpleNamespace(groups=[], boxes=list(boxes.values()), edges=edges)
    assert _beside(picture, boxes, {}) == {0: 0, 1: 1}
    picture.edges = [Edge(3, 3, 3, recurrent=True), *edges]  # the loop goes round at the right
    assert _beside(picture, boxes, {}) == {0: 0}
