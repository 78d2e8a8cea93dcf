"""Pictures for the tests of the page: of real graphs, and of random ones with nested modules."""

from __future__ import annotations

import random

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz.graph.drawing import draw_graph
from tinygrad_cnn.viz.graph.structure import Box, Edge, Group, Picture, summarize

AWKWARD = '</script><b>"x"\' & <!-- \u2028'


class LeNet(nn.Module):
    """Modules in modules."""

    def __init__(self) -> None:
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 10))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.classifier(self.features(x))


class Residual(nn.Module):
    """A block as deep nets repeat it."""

    def __init__(self) -> None:
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x + self.relu(self.conv(x))


def classic() -> tuple[Picture, dict[str, tg.Tensor]]:
    """tanh(a * b + c), and its leaves after backward()."""
    leaves = {k: tg.tensor(v, requires_grad=True) for k, v in {"a": 0.5, "b": -1.25, "c": 0.75}.items()}
    y = (leaves["a"] * leaves["b"] + leaves["c"]).tanh()
    picture = draw_graph(y, names=leaves, title="tanh(a · b + c)").picture
    y.backward()
    return picture, leaves


def used_twice() -> Picture:
    """a meets b = 0.5 and c = 1.25, so its gradient is 0.5 + 1.25."""
    a, b, c = (tg.tensor(v, requires_grad=True) for v in (2.0, 0.5, 1.25))
    return draw_graph(a * b + a * c, names={"a": a, "b": b, "c": c}, title="a · b + a · c").picture


def lenet() -> Picture:
    tg.manual_seed(0)
    return draw_graph(LeNet(), inputs=tg.randn(2, 1, 28, 28), show_values=True, gradients=True, color_by="time").picture


def mlp(collapse: bool | int) -> Picture:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    return draw_graph(net, inputs=tg.randn(4, 2), collapse=collapse).picture


def deep(blocks: int = 20) -> Picture:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), *[Residual() for _ in range(blocks)], nn.Flatten(), nn.Linear(144, 3))
    return draw_graph(net, inputs=tg.randn(1, 1, 8, 8)).picture


def awkward() -> Picture:
    """Every text that users can name things by, or that comes from their files."""
    text = AWKWARD
    source = {"file": text, "line": 1, "code": text}
    statistics = summarize([float("nan"), float("inf"), float("-inf"), 1.0])
    boxes = [
        Box(0, "parameter", text, text, group=0, order=0, shape=(4,), dtype=text, value=statistics),
        Box(1, "output", text, group=0, order=1, shape=(), attributes={text: text}, inputs=[text], formula=text),
    ]
    boxes[1].rules, boxes[1].shape_rule, boxes[1].doc, boxes[1].source = [text], text, text, source
    return Picture(text, "TB", boxes, [Edge(0, 1, 0)], [Group(0, text, text)], [0, 1], [1, 0], text)


def random_picture(n: int, seed: int, direction: str = "TB") -> Picture:
    """A random graph whose operations belong to random modules: lines cross borders both ways, and run back."""
    r = random.Random(seed)
    groups = [Group(k, f"m{k}", "Block", r.choice([None, *range(min(k, 4))])) for k in range(max(3, n // 12))]
    boxes, edges = [], []
    for i in range(n):
        sources = [r.randrange(max(0, i - 12), i) for _ in range(r.choice([1, 1, 1, 2, 2, 3]))] if i > 3 else []
        if r.random() < 0.15:
            sources = []
        kind = "operation" if sources else r.choice(["parameter", "leaf", "input", "constant"])
        shape = (r.randrange(1, 70), r.randrange(1, 70))
        group = r.choice([None, *(g.id for g in groups)])
        boxes.append(Box(i, kind, f"{kind}{i}", group=group, order=i, shape=shape, dtype="float32"))
        edges += [Edge(source, i, slot) for slot, source in enumerate(sources)]
    ids = list(range(n))
    return Picture(f"{n} nodes", direction, boxes, edges, groups, ids, ids[::-1])
