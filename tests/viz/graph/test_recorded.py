"""Graphs of many nets beside what was drawn of them before: ``tests/viz/stored/graphs/NAME.txt``, picture and DOT.

To record one anew, delete its file and run the test: it writes the file, and fails once. That boxes, lines and
gradients are right, other tests say; these say that nothing changes unasked: which blocks are folded, in which order
things stand, what is written in a box and how it looks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from viz.graph import telling
from viz.graph.zoo import Attention, UNet, arguments

import tinygrad_cnn as tg
from tests.viz import recorded
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph import style

pytest.importorskip("graphviz", reason="the package graphviz is not installed: nothing is drawn")


class Odd(nn.Module):
    """Settings that are no defaults, parts of arrays, writes in place, a list, a condition, a buffer, NaN."""

    def __init__(self) -> None:
        self.conv = nn.Conv2d(2, 4, (3, 1), stride=(2, 1), padding=(1, 0), groups=2, bias=False)
        self.pool, self.norm = nn.AvgPool2d(2, 1), nn.BatchNorm2d(4)
        self.register_buffer("scale", tg.tensor([0.5, 2.0, 1.0, 3.0]))
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x: tg.Tensor, signs: tg.Tensor) -> dict[str, Any]:
        y = self.norm(self.pool(self.conv(x)))
        y = self.up(y * self.scale[None, :, None, None]).clamp(-1, 1)
        y[:, 0] = -y[:, 1]
        first, *rest = y.split(2, dim=1)
        large = tg.where(first > 0, first, rest[0].exp())
        return {"large": large.log().mean((2, 3)), "signed": tg.stack([large.sum((1, 2, 3)), signs.float()])}


def odd() -> dict[str, Any]:
    tg.manual_seed(1)
    return {"output": Odd(), "inputs": {"x": tg.randn(2, 2, 6, 6), "signs": tg.tensor([1, -1])}}


def wrong(*layers: nn.Module) -> Any:
    return {"output": nn.Sequential(nn.Linear(6, 5), nn.ReLU(), *layers), "inputs": tg.ones(3, 6), "failed": "draw"}


def seeded(make: Callable[[], Any]) -> Any:
    tg.manual_seed(3)
    return make()


def small() -> dict[str, Any]:
    leaves = {name: tg.tensor(v, requires_grad=True) for name, v in (("a", [1.0, float("nan")]), ("b", [[0.0], [2.0]]))}
    a, b = leaves.values()
    return {"output": (a / b + a @ a).sum(0), "names": leaves}


def whole(**asked: Any) -> Iterator[str]:
    graph = draw_graph(**asked)
    yield from telling.told(graph.picture)
    yield graph.source


def drawn(**asked: Any) -> Iterator[str]:
    """The drawing alone, and how the picture is parted into groups: of large nets."""
    graph = draw_graph(**asked)
    yield from (line for line in telling.told(graph.picture) if line.startswith(("picture", "group")))
    yield graph.source


WHOLE = ("expression", "mlp", "lenet", "attention", "gan", "tied", "second_order", "several")
LARGE = ("resnet18", "unet", "densenet", "rnn", "lstm", "lstm_layer", "branches")
PICTURES: dict[str, Callable[[], Iterator[str]]] = {
    **{name: lambda name=name: whole(**arguments(name)) for name in WHOLE},
    **{name: lambda name=name: drawn(**arguments(name)) for name in LARGE},
    "odd": lambda: whole(**odd()),
    "odd with plumbing": lambda: whole(**odd(), plumbing=True, show_values=True, gradients=True, direction="LR"),
    "odd without values": lambda: drawn(**odd(), show_values=False, gradients=False, legend=False, title="a & b"),
    "gan with gradients": lambda: drawn(**arguments("gan"), gradients=True, collapse=2),
    "small with NaN": lambda: whole(**small(), gradients=True),
    "lenet, closed": lambda: drawn(**arguments("lenet"), collapse=True, show_values=True),
    "unet, levels": lambda: drawn(**arguments("unet"), collapse=1, direction="LR"),
    "unet, cut": lambda: drawn(**arguments("unet"), max_nodes=9, collapse=False),
    "resnet18, by memory": lambda: drawn(**arguments("resnet18"), color_by="memory", collapse=2),
    "a layer that does not fit": lambda: whole(**seeded(lambda: wrong(nn.Linear(4, 2)))),
    "a convolution that does not fit": lambda: drawn(**seeded(lambda: wrong(nn.Conv2d(1, 2, 3)))),
    "two attentions": lambda: drawn(**seeded(lambda: {"output": nn.Sequential(*(Attention() for _ in range(3))),
                                                      "inputs": tg.randn(1, 3, 8)})),
    "unet alone": lambda: drawn(**seeded(lambda: {"output": UNet(2).out, "inputs": tg.randn(1, 2, 2, 2)})),
}  # fmt: skip


def test_colours_and_distances_of_the_page_are_what_they_were() -> None:
    words = re.sub(r"([{\[,])", r"\1\n", style.script())
    recorded.compare(
        [*words.splitlines(), *style.css().replace(";", ";\n").splitlines()], "graphs", "looks of the page"
    )


@pytest.mark.parametrize("name", PICTURES)
def test_it_is_drawn_as_it_was(name: str) -> None:
    recorded.compare(PICTURES[name](), "graphs", name)
