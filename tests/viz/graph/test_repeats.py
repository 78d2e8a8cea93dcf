"""Rows: equal blocks one after another or side by side, loops, and where what they share stands."""

from __future__ import annotations

import random
import sys

import pytest
from viz.graph.nets import Residual, tape
from viz.graph.test_folding import consistent, operations
from viz.graph.zoo import arguments

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.folding import Shown, choose, fits, view
from tinygrad_cnn.viz.graph.repeats import _Rows
from tinygrad_cnn.viz.graph.structure import Group, Picture, around


def _kinds(picture: Picture, group: int | None) -> list[str]:
    groups = {g.id: g for g in picture.groups}
    return [groups[g].kind for g in around(group, groups)]


def rows(picture: Picture) -> list[Group]:
    return [g for g in picture.groups if g.kind == "row"]


def once(picture: Picture) -> Picture:
    """Every row by its first block, all modules open."""
    return view(picture, choose(picture, 99))


def test_equal_blocks_in_a_row_are_drawn_once() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), *(Residual(4) for _ in range(5)), nn.ReLU())
    picture = draw_graph(model, inputs=tg.ones(1, 1, 8, 8), collapse=False, plumbing=True).picture
    folded = once(picture)
    assert consistent(folded)
    (group,) = rows(folded)
    assert (group.type, group.count, group.names) == ("Residual", 5, ["1", "2", "3", "4", "5"])
    own = len(tape(Residual(4)(tg.ones(1, 4, 6, 6)))[0])
    assert operations(folded) == 1 + own + 1
    labels = {b.id: b.label for b in folded.boxes}
    assert ("relu", "relu") in {(labels[e.source], labels[e.target]) for e in folded.edges}  # and on to what follows
    back = {(labels[e.source], labels[e.target]) for e in folded.edges if e.recurrent}
    assert back == {("relu", "conv2d"), ("relu", "add")}, "a block's result goes into the next, and around it"


def test_blocks_that_differ_are_not_folded() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8, bias=False), nn.Linear(8, 4), nn.Linear(4, 8))
    picture = draw_graph(model, inputs=tg.ones(1, 8)).picture
    assert not rows(picture)
    assert once(picture).boxes == picture.boxes


def test_a_few_branches_side_by_side_are_not_a_row() -> None:
    heads = nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])
    assert not rows(draw_graph(lambda x: tg.cat([h(x) for h in heads]), inputs=tg.ones(1, 8)).picture)


def test_many_branches_side_by_side_are_a_row_without_a_way_back() -> None:
    heads = nn.ModuleList([nn.Linear(8, 8) for _ in range(40)])
    graph = draw_graph(lambda x: tg.cat([h(x).relu() for h in heads]), inputs=tg.ones(1, 8))
    (row,) = rows(graph.drawn)
    assert (row.type, row.count) == ("step", 40)
    assert not any(e.recurrent for e in graph.drawn.edges)
    labels = {b.id: b.label for b in graph.drawn.boxes}
    (many,) = (e for e in graph.drawn.edges if e.tensors > 1)
    assert (labels[many.source], labels[many.target], many.tensors) == ("relu", "cat", 40)


def test_gates_that_go_different_ways_are_no_row() -> None:
    def gates(x: tg.Tensor) -> tg.Tensor:
        i, f, g, o = x.chunk(4, -1)
        return (i.sigmoid() + f.tanh() * g.relu()) * o.exp()

    assert not rows(draw_graph(gates, inputs=tg.randn(2, 16)).picture)


def test_several_modules_may_make_a_repeated_block() -> None:
    layers = [layer for _ in range(25) for layer in (nn.Linear(8, 8), nn.ReLU())]
    drawn = draw_graph(nn.Sequential(*layers), inputs=tg.ones(1, 8)).drawn
    (group,) = rows(drawn)
    assert (group.count, group.type, group.name) == (25, "Linear, ReLU", "0 to 49")
    assert [b.label for b in drawn.boxes if b.kind == "operation"] == ["linear", "relu"]
    assert [b.output for b in drawn.boxes if b.label == "relu"] == [True]


def test_costs_of_repeated_blocks_add_up() -> None:
    model = nn.Sequential(*(nn.Linear(8, 8) for _ in range(4)))
    graph = draw_graph(model, inputs=tg.ones(1, 8), color_by="memory", collapse=1)
    whole = sum(b.cost.forward_bytes for b in graph.picture.boxes if b.cost)
    (module,) = (b for b in graph.drawn.boxes if b.kind == "module")
    assert (module.count, module.parameters) == (4, 4 * 72)
    assert module.cost is not None
    assert module.cost.forward_bytes == whole == 4 * 8 * 4


# ------------------------------------------------------------------------------------------------------------- loops
class Loop(nn.Module):
    """h = tanh(ih(x[:, t]) + hh(h)), step by step."""

    def __init__(self) -> None:
        self.ih, self.hh, self.out = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = tg.zeros(x.shape[0], 16)
        for t in range(x.shape[1]):
            h = tg.tanh(self.ih(x[:, t]) + self.hh(h))
        return self.out(h)


def test_a_loop_over_twenty_steps_is_one_step_and_a_way_back() -> None:
    graph = draw_graph(Loop(), inputs=tg.randn(3, 20, 8))
    (row,) = rows(graph.drawn)
    assert (row.type, row.count, len(row.blocks)) == ("step", 20, 20)
    inside = [b for b in graph.drawn.boxes if "row" in _kinds(graph.drawn, b.group)]
    assert [b.label for b in inside if b.kind == "operation"] == ["getitem", "linear", "linear", "add", "tanh"]
    assert sum(b.kind == "parameter" for b in inside) == 4, "they are the same in every step: within the row, once"
    assert not any(b.kind == "constant" for b in inside), "h at the start comes from before the loop"
    labels = {b.id: (b.label, b.shape) for b in graph.drawn.boxes}
    back = [(labels[e.source], labels[e.target]) for e in graph.drawn.edges if e.recurrent]
    assert back == [(("tanh", (3, 16)), ("linear", (3, 16)))]
    assert fits(graph.drawn)
    assert "dashed: into the next step" in graph.source


def test_a_loop_that_begins_in_another_way_is_cut_between_its_steps() -> None:
    net = Loop()

    def begun(x: tg.Tensor) -> tg.Tensor:
        h = net.ih(x[:, 0]).tanh()
        for t in range(1, 20):
            h = (net.ih(x[:, t]) + net.hh(h)).tanh()
        return net.out(h)

    graph = draw_graph(begun, inputs=tg.randn(3, 20, 8))
    (row,) = rows(graph.drawn)
    assert row.count == 19
    inside = [
        b.label for b in graph.drawn.boxes if b.kind == "operation" and _kinds(graph.drawn, b.group)[:1] == ["row"]
    ]
    assert inside == ["getitem", "linear", "linear", "add", "tanh"]


def test_a_step_that_is_wired_in_another_way_ends_a_row() -> None:
    def turned(x: tg.Tensor) -> tg.Tensor:
        a = b = x.exp()
        for t in range(8):
            a, b = (a.sin() + b.cos()).tanh(), a.exp() if t < 5 else b.exp()
        return a + b

    counts = [row.count for row in rows(draw_graph(turned, inputs=tg.randn(4)).picture)]
    assert counts == [5, 3]


def test_a_row_may_be_one_box_if_one_array_goes_out_of_it() -> None:
    picture = draw_graph(Loop(), inputs=tg.randn(3, 20, 8)).picture
    (row,) = rows(picture)
    folded = view(picture, Shown(closed=frozenset({row.id})))
    (box,) = (b for b in folded.boxes if b.kind == "module")
    assert (box.label, box.count, box.shape) == ("step", 20, (3, 16))
    assert box.attributes == {"of": "getitem, 2 Linear, add, tanh"}
    assert box.parameters == sum(p.numel() for m in (Loop().ih, Loop().hh) for p in m.parameters())
    assert [(e.source, e.target) for e in folded.edges if e.recurrent] == [(box.id, box.id)]


def test_a_sum_over_forty_branches_fits_a_screen() -> None:
    branches = nn.ModuleList([nn.Linear(4, 4) for _ in range(40)])

    def together(x: tg.Tensor) -> tg.Tensor:
        y = branches[0](x)
        for branch in list(branches)[1:]:
            y = y + branch(x)
        return y

    for function in (together, lambda x: sum(b(x) for b in branches), lambda x: sum([b(x) for b in branches])):
        drawn = draw_graph(function, inputs=tg.randn(2, 4)).drawn
        assert fits(drawn)
        assert {row.count for row in rows(drawn)} <= {39, 40}
        assert operations(drawn) <= 4


@pytest.mark.parametrize("first", [0, 1])
def test_branches_may_differ_in_their_numbers(first: int) -> None:
    x = tg.randn(5, requires_grad=True)
    graph = draw_graph(sum((x * k).tanh() for k in range(first, 40)).sum(), names={"x": x})  # type: ignore[attr-defined]
    (row,) = rows(graph.drawn)
    assert row.count == 39 - first  # the first sum is 0 + y
    assert [b.text for b in graph.drawn.boxes if "to" in b.text] == [f"· × ({first + 1} to 39)"]  # noqa: RUF001
    assert fits(graph.drawn)


def of_zoo(name: str) -> Picture:
    given = arguments(name)
    return draw_graph(given.pop("output"), **given).drawn


def test_the_loop_in_a_layer_is_drawn_step_by_step() -> None:
    drawn = of_zoo("lstm_layer")
    (row,) = rows(drawn)
    assert (row.type, row.count) == ("step", 7)
    inside = [b for b in drawn.boxes if "row" in _kinds(drawn, b.group)]
    assert sum(b.kind == "operation" for b in inside) == 11
    assert [b.name for b in inside if b.kind == "parameter"] == ["rnn.weight_hh_l0"]
    assert sum(e.recurrent for e in drawn.edges) == 2, "h and c"
    (module,) = (b for b in drawn.boxes if b.kind == "module")
    assert module.name == "out", "what has no loop closes first"


def test_several_loops_in_a_layer_are_a_box_each() -> None:
    layers = nn.LSTM(5, 6, num_layers=2)
    drawn = draw_graph(lambda x: layers(x)[0], inputs=tg.randn(9, 2, 5)).drawn
    steps = [b for b in drawn.boxes if b.label == "step"]
    assert [(b.kind, b.count, b.attributes["of"]) for b in steps] == [("module", 9, "11 operations")] * 2
    assert fits(drawn)


def test_a_cell_in_a_loop_is_drawn_once_with_both_states() -> None:
    drawn = of_zoo("lstm")
    (row,) = rows(drawn)
    assert (row.type, row.count) == ("step", 8)
    labels = {b.id: b.label for b in drawn.boxes}
    assert sorted((labels[e.source], labels[e.target]) for e in drawn.edges if e.recurrent) == [
        ("add", "mul"),
        ("mul", "linear"),
    ]
    (zeros,) = (b for b in drawn.boxes if b.kind == "constant")
    assert row.id not in around(zeros.group, {g.id: g for g in drawn.groups}), "the state to begin with"


def test_what_lies_two_steps_back_makes_a_period_of_two() -> None:
    def fibonacci(x: tg.Tensor) -> tg.Tensor:
        a, b = x.tanh(), x.exp()
        for _ in range(10):
            a, b = b, (a + b).tanh()
        return b

    picture = draw_graph(fibonacci, inputs=tg.randn(4)).picture
    (row,) = rows(picture)
    assert row.count == 5
    folded = once(picture)
    assert [b.label for b in folded.boxes if b.group == row.id] == ["add", "tanh"] * 2
    assert sum(e.recurrent for e in folded.edges) == 3


def test_no_row_where_a_block_takes_what_lies_further_back() -> None:
    def growing(x: tg.Tensor) -> tg.Tensor:
        states = [x.tanh() for _ in range(2)]
        for _ in range(8):
            states.append(tg.stack(states).sum(0).tanh())
        return states[-1]

    assert not rows(draw_graph(growing, inputs=tg.randn(4)).picture)


def test_a_loop_within_a_loop() -> None:
    def nested(x: tg.Tensor) -> tg.Tensor:
        for _ in range(6):
            for _ in range(5):
                x = (x * 0.9).tanh()
            x = x.exp()
        return x

    picture = draw_graph(nested, inputs=tg.randn(4)).picture
    counts = sorted(g.count for g in rows(picture))
    assert counts == [5] * 6 + [6]
    folded = once(picture)
    assert consistent(folded)
    assert [b.label for b in folded.boxes if b.kind == "operation"] == ["mul", "tanh", "exp"]
    assert sum(e.recurrent for e in folded.edges) == 2, "one for each loop"


def test_finding_rows_takes_no_long_time() -> None:
    r = random.Random(0)
    x = tg.ones(4, requires_grad=True)
    for _ in range(1200):  # of few kinds, so that many periods have to be looked at
        x = (x.sin() if r.random() < 0.5 else x.cos()) + 1
    compared = []
    code = [f.__code__ for f in (_Rows._wiring, _Rows._blocks)]
    sys.setprofile(lambda frame, event, _: compared.append(1) if event == "call" and frame.f_code in code else None)
    try:
        draw_graph(x)
    finally:
        sys.setprofile(None)
    assert len(compared) < 20 * 2400, "in proportion to the operations"


def test_weights_that_all_steps_share_stand_in_the_step_that_is_drawn() -> None:
    given = arguments("rnn")
    picture = draw_graph(given.pop("output"), **given).picture
    (row,) = (g for g in picture.groups if g.kind == "row")
    names = {g.id: g.name for g in picture.groups}
    once = view(picture, Shown(once=frozenset({row.id})))
    places = {b.name: names[b.group] for b in once.boxes if b.group is not None and b.kind == "parameter"}
    assert places == {f"{name}.{kind}": name for name in ("ih", "hh", "out") for kind in ("weight", "bias")}
    layers = frozenset(g.id for g in picture.groups if g.name in ("ih", "hh"))
    closed = view(picture, Shown(closed=layers, once=frozenset({row.id})))
    assert {b.group for b in closed.boxes if b.name in ("ih.weight", "hh.bias")} == {row.id}, "beside the closed layer"
    whole = view(picture, Shown(closed=frozenset({picture.groups[0].id}), once=frozenset({row.id})))
    assert not any(e.source == e.target for e in whole.edges), "a loop within what is closed is not seen"


def test_a_line_out_of_a_row_carries_an_array_of_each_block() -> None:
    layers = nn.ModuleList([nn.Linear(4, 3) for _ in range(12)])

    def side_by_side(x: tg.Tensor) -> tg.Tensor:
        return tg.cat([layer(x).tanh() for layer in layers], 1)

    drawn = once(draw_graph(side_by_side, inputs=tg.randn(2, 4), gradients=True).picture)
    end = next(b for b in drawn.boxes if b.label == "cat")
    (edge,) = (e for e in drawn.edges if e.target == end.id)
    assert edge.tensors == 12
    assert edge.gradient is None, "that of twelve arrays is not known"
    assert all(e.tensors == 1 for e in drawn.edges if e is not edge)
