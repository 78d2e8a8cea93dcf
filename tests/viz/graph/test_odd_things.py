"""What `draw_graph` says about odd things: what came, and what to do."""

from __future__ import annotations

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
