"""What `draw_graph` says about odd things: what came, and what to do."""

from __future__ import annotations

import collections
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.viz import draw_graph


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda _n, _x: draw_graph(None), TypeError, "function that returns tensors, got None"),
        (lambda _n, _x: draw_graph(nn.Linear), TypeError, r"got the class Linear; make one, Linear\(...\), and draw"),
        (lambda _n, x: draw_graph(nn.Linear, inputs=x), TypeError, "draw_graph: got the class Linear; make one"),
        (lambda _n, _x: draw_graph([]), TypeError, "there is no tensor in list to draw the graph of"),
        (lambda n, _x: draw_graph([n]), TypeError, r"got Linear; draw each module by itself: draw_graph\(model, inp"),
        (lambda n, _x: draw_graph(optim.SGD(n.parameters())), TypeError, "function that returns tensors, got SGD"),
        (lambda _n, _x: draw_graph(np.ones(3)), TypeError, "got ndarray; an array has no graph: compute with tensors"),
        (lambda n, _x: draw_graph(n, inputs=(4, 3)), TypeError, r"are 2 numbers; for .* shape pass tg.zeros\(4, 3\)"),
        (lambda n, x: draw_graph(n(x), model=nn.Linear), TypeError, "must be an nn.Module, .* got the class Linear"),
        (lambda n, x: draw_graph(n(x), model=3), TypeError, "model must be an nn.Module, .* got int"),
        (lambda n, x: draw_graph(n(x), profile=3), TypeError, r"profile must be what tg.profiler.profile\(\) gives,"),
        (lambda n, x: draw_graph(x, inputs=n), TypeError, "inputs must be tensors or arrays, got Linear for 'input'"),
    ],
)  # fmt: skip
def test_odd_things(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make(nn.Linear(3, 2), tg.ones(4, 3))


def test_folders_are_made(tmp_path: Path) -> None:
    graph = draw_graph(nn.Linear(3, 2), inputs=tg.ones(4, 3))
    assert graph.save(tmp_path / "missing" / "graph.dot").exists()
    assert graph.page().save(tmp_path / "a" / "b" / "graph.html").exists()


@dataclasses.dataclass
class Answer:
    logits: Any
    hidden: Any = None


Pair = collections.namedtuple("Pair", ["logits", "hidden"])


class Gives(nn.Module):
    """What its layers make, as ``kind`` has it."""

    def __init__(self, kind: Any) -> None:
        self.a, self.b, self.kind = nn.Linear(3, 4), nn.Linear(4, 2), kind

    def forward(self, x: Any) -> Any:
        h = self.a(x)
        return self.kind(self.b(h), h)


@pytest.mark.parametrize("kind", [Answer, Pair, lambda y, h: {"logits": y, "hidden": h, "n": 3}])
def test_outputs_have_the_names_of_their_fields(kind: Any) -> None:
    picture = draw_graph(Gives(kind), inputs=tg.ones(4, 3), collapse=False).picture
    assert {b.name: b.shape for b in picture.boxes if b.output} == {"logits": (4, 2), "hidden": (4, 4)}
    nested = draw_graph(Gives(lambda y, h: [Answer(y), {"rest": (h,)}]), inputs=tg.ones(4, 3)).picture
    assert sum(b.output for b in nested.boxes) == 2


@pytest.mark.parametrize("kind", [lambda _y, _h: None, lambda y, _h: iter([y]), lambda y, _h: y.numpy()])
def test_what_returns_no_tensors_is_said_to(kind: Any) -> None:
    with pytest.raises(TypeError, match="draw_graph: expected what is called to return tensors, it returned "):
        draw_graph(Gives(kind), inputs=tg.ones(4, 3))


def test_an_error_that_takes_no_attributes_is_still_the_users() -> None:
    class Tight(Exception):
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "graph":
                raise AttributeError(name)
            super().__setattr__(name, value)

    def fails(_y: Any, _h: Any) -> Any:
        raise Tight("mine")

    with pytest.raises(Tight, match="mine"):
        draw_graph(Gives(fails), inputs=tg.ones(4, 3))


def test_a_module_that_calls_itself_has_a_frame_for_each_call() -> None:
    class Again(nn.Module):
        def __init__(self) -> None:
            self.a = nn.Linear(3, 3)

        def forward(self, x: Any, n: int = 2) -> Any:
            return x if n == 0 else self(self.a(x).tanh(), n - 1)

    picture = draw_graph(Again(), inputs=tg.ones(1, 3), collapse=False).picture
    groups = {g.id: g for g in picture.groups}
    depths = []
    for box in picture.boxes:
        if box.label == "tanh":
            at, depth = box.group, 0
            while at is not None:
                at, depth = groups[at].parent, depth + 1
            depths.append(depth)
    assert depths == [1, 2]


NAMES = ['<b>"x"</b>&', "</script><!--", "\u65e5\u672c", "n" * 300, "a\\b\nc", "\u202e rtl"]


def test_modules_may_be_called_anything() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.layers = nn.ModuleDict({name: nn.Linear(3, 3) for name in NAMES})

        def forward(self, x: Any) -> Any:
            for layer in self.layers.values():
                x = layer(x)
            return x

    graph = draw_graph(Net(), inputs=tg.ones(1, 3), collapse=False)
    names = {b.name for b in graph.picture.boxes if b.kind == "parameter"}
    assert names == {f"layers.{name}.{own}" for name in NAMES for own in ("weight", "bias")}
    text = graph.page().html
    assert "<b>" not in text
    assert "<!--" not in text.partition("<body>")[2]
