"""The drawings of docs/graphs.md are as it says. TINYGRAD_CNN_SCREENSHOTS=1 renews them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.vision.models import resnet50
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.drawing import Graph
from tinygrad_cnn.viz.graph.folding import fits

ROOT = Path(__file__).parents[3]


class Recurrent(nn.Module):
    """As docs/graphs.md has it."""

    def __init__(self) -> None:
        self.ih, self.hh, self.out = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = tg.zeros(len(x), 16)
        for t in range(x.shape[1]):
            h = tg.tanh(self.ih(x[:, t]) + self.hh(h))
        return self.out(h)


def renew(graph: Graph, name: str, colors: int = 64) -> None:
    if os.environ.get("TINYGRAD_CNN_SCREENSHOTS"):
        path = graph.save(ROOT / "docs" / "images" / f"graph_{name}.png")
        image = pytest.importorskip("PIL.Image")
        image.open(path).convert("RGB").quantize(colors).save(path, optimize=True)


def test_a_resnet_50_in_twelve_boxes(renderer: str) -> None:  # noqa: ARG001
    tg.manual_seed(0)
    graph = draw_graph(resnet50(), inputs=tg.randn(1, 3, 224, 224), show_values=False, title="ResNet-50")
    assert len(graph.drawn.boxes) == 12
    assert fits(graph.drawn)
    renew(graph, "resnet50")


def test_a_recurrent_net_on_one_screen(renderer: str) -> None:  # noqa: ARG001
    tg.manual_seed(0)
    graph = draw_graph(Recurrent(), inputs=tg.randn(3, 20, 8), show_values=False)
    assert fits(graph.drawn)
    assert [g.count for g in graph.drawn.groups if g.kind == "row"] == [20]
    renew(graph, "loop")


def test_a_plan_beside_what_was_recorded(renderer: str) -> None:  # noqa: ARG001
    tg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1352, 10))
    fast = tg.compile(net)
    fast(tg.randn(64, 1, 28, 28))
    graph = draw_graph(fast)
    assert [group.name for group in graph.drawn.groups] == ["as recorded", "as it runs"]
    renew(graph, "plan", colors=32)


@pytest.mark.parametrize("name", ["expression", "mlp", "convnet"])
def test_the_pictures_of_the_example(name: str, renderer: str) -> None:  # noqa: ARG001
    place = ROOT / "examples" / "visualize_graph.py"
    spec = importlib.util.spec_from_file_location("visualize_graph", place)
    assert spec is not None
    assert spec.loader is not None
    example: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    tg.manual_seed(0)
    graph: Graph = getattr(example, name)()
    assert graph.source.startswith("digraph")
    renew(graph, name)
