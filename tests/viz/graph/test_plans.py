"""The picture of a compiled plan: what was recorded beside what runs, each step once, the way back by itself."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from viz.graph import telling

import tinygrad_cnn as tg
from tests.compiler.stand_ins import fused
from tests.compiler.test_show import LeNet
from tests.viz import recorded
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.drawing import Graph
from tinygrad_cnn.viz.graph.plans import picture_of
from tinygrad_cnn.viz.graph.structure import Box, Picture
from tinygrad_cnn.viz.graph.style import look_of


class Wasteful(nn.Module):
    """Computes something that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        y = self.layer(x)
        (x * 5).sin()
        return y.tanh()


def compiled(net: Any, *args: Any) -> Any:
    fast = tg.compile(net)
    fast(*args)
    return fast


def lenet() -> Any:
    return compiled(LeNet(), tg.zeros(4, 1, 28, 28))


def of_stand_in(**more: Any) -> Picture:
    """LeNet, with rows of operations as one step."""
    return picture_of(fused(lenet().plan.plan.recorded), **more)


def in_group(picture: Picture, k: int) -> list[Box]:
    return [box for box in picture.boxes if box.group == k]


def test_each_step_is_a_box_and_what_goes_back_looks_it() -> None:
    fast = lenet()
    picture = draw_graph(fast).picture
    plan = fast.plan.plan
    shown = in_group(picture, len(picture.groups) - 1)
    ahead = [box.label for box in shown if box.kind != "input" and not box.backward_of]
    back = [box.label for box in shown if box.backward_of]
    assert ahead == [step.op for step in plan.forward]
    assert back == [step.op for step in plan.back]
    assert {look_of(box) for box in shown if box.backward_of} <= {"gradient", "fused-back"}
    assert picture.title == "LeNet, compiled"
    assert [box.label for box in shown if box.output] == [plan.forward[-1].op]


def test_what_rewriting_leaves_out_stands_on_one_side_alone() -> None:
    picture = draw_graph(compiled(Wasteful(), tg.randn(4, 3))).picture
    assert [group.name for group in picture.groups] == ["as recorded", "as it runs"]
    before, after = (Counter(box.label for box in in_group(picture, k)) for k in (0, 1))
    assert before["sin"] == 1
    assert after["sin"] == 0
    assert all(picture.boxes[e.source].group == picture.boxes[e.target].group for e in picture.edges)


def test_of_the_same_steps_one_side_is_enough() -> None:
    net = nn.Sequential(nn.Linear(3, 3))
    picture = draw_graph(compiled(net, tg.ones(2, 3))).picture
    assert [group.name for group in picture.groups] == ["as recorded and run"]
    assert picture.groups[0].type == "1 steps, 2 back"


def test_what_is_fused_is_one_box_with_the_names_within() -> None:
    picture = of_stand_in()
    first = next(box for box in in_group(picture, 1) if box.fused)
    assert (first.label, first.folded) == ("conv2d + relu + max_pool2d", ["conv2d", "relu", "max_pool2d"])
    assert first.shape == (4, 6, 14, 14)
    assert look_of(first) == "fused"
    assert not any(box.fused for box in in_group(picture, 0))
    back = next(box for box in in_group(picture, 1) if box.fused and box.backward_of)
    assert look_of(back) == "fused-back"
    assert {picture.boxes[e.target].label for e in picture.edges if picture.boxes[e.source] is first} == {first.label}


def test_arrows_go_from_what_makes_an_array_to_what_reads_it() -> None:
    picture = of_stand_in()
    boxes = picture.boxes
    for edge in picture.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        assert edge.source < edge.target
        assert edge.back == bool(target.backward_of)
        assert source.backward_of or not target.backward_of or source.output, "it turns at the result"
    reached = {edge.target for edge in picture.edges}
    assert {box.kind for box in boxes if box.id not in reached} == {"input"}


def test_gradients_say_whose_they_are_and_steps_where_they_stand() -> None:
    fast = lenet()
    shown = in_group(draw_graph(fast).picture, 0)
    whose = ", ".join(box.attributes.get("gradient of", "") for box in shown)
    assert all(whose.count(name) == 1 for name, _ in fast.named_parameters())
    first = next(box for box in shown if box.attributes.get("in") == "conv1")
    assert first.source is not None
    assert first.source["file"] == "test_show.py"
    assert "self.conv1(x)" in first.source["code"]


def test_what_the_way_back_reads_has_a_thick_border() -> None:
    picture = draw_graph(compiled(nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Dropout()), tg.ones(2, 3))).picture
    assert any(box.saved for box in picture.boxes)
    with tg.no_grad():
        alone = draw_graph(compiled(nn.Sequential(nn.Linear(3, 3), nn.Tanh()), tg.ones(2, 3))).picture
    assert not any(box.saved or box.backward_of for box in alone.boxes)
    assert not any(edge.back for edge in alone.edges)


def test_of_many_steps_those_that_run_are_drawn_and_then_their_middle_left_out() -> None:
    picture = of_stand_in(max_nodes=40)
    assert [group.name for group in picture.groups] == ["as it runs"]
    assert picture.notice == "The 33 steps that were recorded are left out; a larger max_nodes= shows them."
    few = of_stand_in(max_nodes=8)
    assert sum(box.kind in ("operation", "output") for box in few.boxes) == 8
    assert "are left out" in str(few.notice)


def test_with_inputs_the_net_is_drawn_as_ever() -> None:
    net, x = LeNet(), tg.zeros(2, 1, 28, 28)
    fast = compiled(net, x)
    asked: dict[str, Any] = {"inputs": x, "gradients": True}
    one, other = draw_graph(net, **asked), draw_graph(fast, **asked)
    assert list(telling.told(one.picture)) == list(telling.told(other.picture))
    assert draw_graph(fast, inputs=x, color_by="time").picture.measured
    double = compiled(lambda x: x * 2, tg.ones(2))
    assert [box.kind for box in draw_graph(double, inputs=tg.ones(2)).picture.boxes] == ["input", "output"]


@pytest.mark.parametrize("called", [False, True])
def test_without_a_plan_it_says_what_to_do(called: bool) -> None:
    @tg.compile
    def signed(x: tg.Tensor) -> tg.Tensor:
        return x if x.sum() > 0 else -x

    if called:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            signed(tg.ones(2))
    why = "runs as it is, not compiled: bool" if called else "has no plan yet: call it once"
    with pytest.raises(ValueError, match=rf"draw_graph: signed {why}.*draw_graph\(compiled, inputs=x\)"):
        draw_graph(signed)


def test_costs_are_those_of_operations() -> None:
    with pytest.raises(ValueError, match="color_by is for operations, not for a plan"):
        draw_graph(lenet(), color_by="time")


def test_a_plan_of_the_users_own_is_no_plan() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    net.plan = nn.Linear(2, 2)
    assert draw_graph(compiled(net, tg.ones(1, 2))).picture.title == "Sequential, compiled"


@pytest.mark.parametrize(("branches", "stacked"), [(1, False), (8, True)])
def test_wide_graphs_stand_one_below_the_other(branches: int, stacked: bool) -> None:
    fast = compiled(lambda x: sum(((x * k).sin() for k in range(2, 2 + branches)), start=x), tg.ones(2))
    picture = draw_graph(fast).picture
    assert picture.stacked == stacked


# ------------------------------------------------------------------------------------------------------------- drawn
def graph() -> Graph:
    picture = of_stand_in()
    return Graph(picture, picture)


def drawn() -> Iterator[str]:
    """Without the numbers of lines, which change with their file."""
    made = graph()
    for line in (*telling.told(made.picture), *made.source.splitlines()):
        yield re.sub(r"\.py:\d+", ".py:N", line)


def test_it_is_drawn_as_it_was() -> None:
    pytest.importorskip("graphviz", reason="the package graphviz is not installed: nothing is drawn")
    recorded.compare(drawn(), "graphs", "plan")


def test_the_way_back_runs_up_and_the_names_stand_one_below_another() -> None:
    pytest.importorskip("graphviz", reason="the package graphviz is not installed: nothing is drawn")
    made = graph()
    upwards = [e for e in made.picture.edges if e.back and made.picture.boxes[e.source].backward_of]
    lines = made.source.splitlines()
    for edge in upwards:
        (line,) = (line for line in lines if line.strip().startswith(f"b{edge.target} -> b{edge.source} "))
        assert "dir=back" in line
    assert "<B>conv2d</B></TD></TR><TR><TD><B>+ relu</B></TD></TR><TR><TD><B>+ max_pool2d</B>" in made.source
    assert "upwards: the way back" in made.source


def test_it_is_laid_out(renderer: str) -> None:  # noqa: ARG001
    svg = graph()._as("svg").decode()
    assert svg.count('class="node"') > 58


def test_the_page_has_it(tmp_path: Any) -> None:
    text = graph().save(tmp_path / "plan.html").read_text()
    assert "conv2d + relu + max_pool2d" in text
    assert "several operations, one step" in text
