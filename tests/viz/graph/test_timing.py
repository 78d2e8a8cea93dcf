"""Times: on request alone, the median of five runs after a warm-up, and said to be that."""

from __future__ import annotations

import re

import pytest
from viz.graph.nets import LeNet, images

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.profiler import profile
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph import timing
from tinygrad_cnn.viz.graph.html import page


class Counting(nn.Module):
    """Counts its calls, and may compute something else in one of them."""

    def __init__(self, odd: int = 0) -> None:
        self.fc, self.calls, self.odd = nn.Linear(3, 3), 0, odd

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        self.calls += 1
        return self.fc(x) if self.calls != self.odd else self.fc(x).relu()


def test_costs_on_request_alone() -> None:
    model = Counting()
    picture = draw_graph(model, inputs=tg.ones(2, 3, requires_grad=True)).picture
    assert model.calls == 1
    assert all(b.cost is None for b in picture.boxes)
    assert picture.measured == ""
    with profile() as p:
        y = model(tg.ones(2, 3))
    picture = draw_graph(y, profile=p).picture
    assert picture.measured == "from the profile"
    assert any(b.cost is not None for b in picture.boxes)


def test_the_median_of_five_runs_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = Counting(), tg.ones(2, 3, requires_grad=True)
    seconds = iter([99.0, 5.0, 1.0, 4.0, 2.0, 3.0])  # the first is the warm-up

    calls = timing.call

    def call(*arguments: object) -> object:
        output, given, watch = calls(*arguments)  # type: ignore[arg-type]
        s = next(seconds)
        of = watch.of
        watch.of = lambda node: c and c._replace(forward=s, backward=10 * s) if (c := of(node)) else None  # type: ignore
        return output, given, watch

    monkeypatch.setattr(timing, "call", call)
    graph = draw_graph(model, inputs=x, color_by="time")
    assert model.calls == 6
    (box,) = (b for b in graph.picture.boxes if b.label == "linear")
    assert box.cost is not None
    assert (box.cost.forward_s, box.cost.backward_s) == (3.0, 30.0)
    assert graph.picture.measured == "median of 5 runs, after a warm-up"
    assert "median of 5 runs" in " ".join(re.findall(r">([^<>]+)<", graph.source))
    assert "median of 5 runs, after a warm-up" in page(graph.picture, color_by="time")


def test_a_graph_that_is_not_the_same_each_time_has_the_times_of_one_run() -> None:
    picture = draw_graph(Counting(odd=3), inputs=tg.ones(2, 3, requires_grad=True), color_by="time").picture
    assert picture.measured.startswith("of one run")


def test_memory_is_measured_once_and_is_no_estimate() -> None:
    model = Counting()
    graph = draw_graph(model, inputs=tg.ones(2, 3, requires_grad=True), color_by="memory")
    assert model.calls == 2
    assert graph.picture.measured == ""
    assert "median" not in graph.source


def test_picture_and_page_have_one_scale() -> None:
    from tinygrad_cnn.viz.graph.style import RAMP, heat, script

    assert str([list(c) for c in RAMP]).replace(" ", "") in script().replace(" ", "")
    assert heat(0) == "#ffffff"
    assert heat(1) == heat(7.0) == "#{:02x}{:02x}{:02x}".format(*RAMP[-1])
    graph = draw_graph(LeNet(), inputs=images(), color_by="time")
    assert heat(1) in graph.source
