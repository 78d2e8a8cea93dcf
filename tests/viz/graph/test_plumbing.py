"""Plumbing is folded so that every box still has one tensor going out, and every edge carries its source's."""

from __future__ import annotations

import math
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.plumbing import PLUMBING, without_plumbing
from tinygrad_cnn.viz.graph.structure import Box, Edge, Group, Picture


class Attention(nn.Module):
    """As people write it."""

    def __init__(self) -> None:
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        n, t, d = x.shape
        q, k, v = (part.reshape(n, t, 2, 4).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        a = tg.softmax(q @ k.transpose(-2, -1) / math.sqrt(4), -1)
        return self.out((a @ v).transpose(1, 2).reshape(n, t, d))


X4, X3 = (2, 4, 6, 6), (2, 5, 8)
LAYERS: list[tuple[Any, tuple[int, ...]]] = [
    (nn.BatchNorm2d(4), X4),
    (nn.BatchNorm2d(4).eval(), X4),
    (nn.LayerNorm(8), X3),
    (nn.GroupNorm(2, 4), X4),
    (nn.InstanceNorm2d(4, affine=True), X4),
    (nn.RMSNorm(8), X3),
    (nn.ConvTranspose2d(4, 3, 2, stride=2), X4),
    (nn.Conv1d(5, 3, 3), X3),
    (nn.AvgPool2d(2), X4),
    (nn.PixelShuffle(2), X4),
]
WHOLE: list[tuple[Any, tuple[int, ...]]] = [
    *LAYERS,
    (Attention(), X3),
    (nn.MultiheadAttention(8, 2, batch_first=True), X3),
    (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), X3),
    (nn.LSTM(8, 4, batch_first=True), X3),
    (nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)), X4),
]


def drawn(layer: Any, shape: tuple[int, ...], **options: Any) -> Picture:
    x = tg.randn(*shape)
    given = (x, x, x) if isinstance(layer, nn.MultiheadAttention) else x
    return draw_graph(layer, inputs=given, collapse=False, **options).picture


def operations(picture: Picture) -> list[Box]:
    return [b for b in picture.boxes if b.kind in ("operation", "output")]


@pytest.mark.parametrize(("layer", "shape"), WHOLE, ids=lambda x: type(x).__name__)
def test_what_goes_in_and_out_is_the_same(layer: Any, shape: tuple[int, ...]) -> None:
    full, folded = drawn(layer, shape, plumbing=True), drawn(layer, shape)
    arrays = {(b.kind, b.name, b.shape) for b in full.boxes if b.kind not in ("operation", "output", "constant")}
    assert arrays <= {(b.kind, b.name, b.shape) for b in folded.boxes}
    outs = [(b.shape, b.value and b.value.norm) for b in full.boxes if b.output]
    assert [shape for shape, _ in outs] == [b.shape for b in folded.boxes if b.output]
    ids = {b.id: b for b in folded.boxes}
    assert len(ids) == len(folded.boxes)
    for edge in folded.edges:
        assert edge.source in ids
        assert edge.target in ids
        assert ids[edge.source].order < ids[edge.target].order
    slots = [(e.target, e.slot) for e in folded.edges]
    assert len(slots) == len(set(slots)), "one edge into each place"
    reached = {e.source for e in folded.edges}
    assert all(b.output or b.id in reached for b in folded.boxes), "nothing dangles"
    assert set(folded.forward) == set(ids)
    assert set(folded.backward) <= set(ids)
    shapes = {b.shape for b in full.boxes}
    assert all(b.shape in shapes for b in folded.boxes)
    stands_for = [name for b in operations(folded) for name in (b.folded or [b.label])]
    assert sorted(stands_for) == sorted(b.label for b in operations(full))


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda x: type(x).__name__)
def test_a_layer_of_a_few_operations_is_one_box_with_its_name_and_formula(layer: Any, shape: tuple[int, ...]) -> None:
    (box,) = operations(drawn(layer, shape))
    assert box.label == type(layer).__name__
    assert box.folded
    assert box.formula.startswith("y")
    assert box.output


def test_the_switch_shows_it() -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
    labels = [b.label for b in operations(drawn(net, X4, plumbing=True))]
    assert labels == ["conv2d", "reshape", "reshape", "normalize"]
    assert [b.label for b in operations(drawn(net, X4))] == ["conv2d", "BatchNorm2d"]


def test_steps_in_a_row_are_one_box_in_a_module_of_the_users() -> None:
    labels = [b.label for b in operations(drawn(Attention(), X3))]
    assert labels.count("getitem, reshape, permute") == 2
    assert "getitem, reshape, permute, permute" in labels
    assert "permute, reshape" in labels
    assert not PLUMBING & set(labels)


def test_one_step_of_the_users_stays() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(4, 2)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.fc(x.relu().flatten(1))

    assert "reshape" in [b.label for b in operations(draw_graph(Flat(), inputs=tg.ones(2, 2, 2)).picture)]


def test_what_has_a_name_or_two_users_is_not_folded_away() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            self.w = nn.Parameter(tg.ones(4))

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            self.h = self.w.reshape(2, 2).reshape(4)
            return x * self.h + self.h

    model = Half()
    y = model(tg.ones(4))
    picture = draw_graph(y, model=model, names={"h": model.h}).picture
    assert "h" in [b.name for b in picture.boxes]


def test_a_layer_with_two_tensors_going_out_is_not_one_box() -> None:
    labels = ["exp", "sin", "add"]
    boxes = [Box(0, "input", "x"), *(Box(i, "operation", name, order=i) for i, name in enumerate(labels, 1))]
    boxes[1].group = boxes[2].group = 0
    boxes[3].kind = "output"
    edges = [Edge(0, 1, 0), Edge(1, 2, 0), Edge(2, 3, 0)]
    chain = Picture(boxes=boxes, edges=edges, groups=[Group(0, "", "Layer")])
    assert [b.label for b in without_plumbing(chain, {0}).boxes] == ["x", "Layer", "add"]
    forked = Picture(boxes=boxes, edges=[*edges, Edge(1, 3, 1)], groups=chain.groups)
    assert [b.label for b in without_plumbing(forked, {0}).boxes] == ["x", *labels]


def test_gradients_stay_with_their_edges() -> None:
    norm = nn.LayerNorm(8)
    picture = drawn(norm, X3, gradients=True)
    by_id = {b.id: b for b in picture.boxes}
    for edge in picture.edges:
        source = by_id[edge.source]
        if source.kind == "parameter":
            assert edge.gradient == source.gradient
            assert edge.gradient is not None
            assert edge.gradient.shape == source.shape


def test_what_flows_back_into_a_layer_that_reads_twice_is_known_of_the_source_alone() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanhshrink(), nn.Linear(3, 2))  # x - tanh(x)
    picture = draw_graph(net, inputs=tg.ones(2, 3), gradients=True).picture
    shrink = next(b for b in picture.boxes if b.label == "Tanhshrink")
    (edge,) = (e for e in picture.edges if e.target == shrink.id)
    assert edge.gradient is None
    assert next(b for b in picture.boxes if b.id == edge.source).gradient is not None
    assert all(e.gradient is not None for e in picture.edges if e.source == shrink.id)


def test_parts_of_parts_within_a_layer_are_folded_into_what_takes_them() -> None:
    picture = drawn(nn.LSTM(5, 6, batch_first=True), (2, 12, 5))
    assert not any(b.label == "getitem" for b in picture.boxes), "an LSTM halves its steps again and again"
    whole = drawn(nn.LSTM(5, 6, batch_first=True), (2, 12, 5), plumbing=True)
    folded = sum((b.folded or [b.label]).count("getitem") for b in operations(picture))
    assert folded == sum(b.label == "getitem" for b in whole.boxes), "each is in one box"
