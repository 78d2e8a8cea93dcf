"""Where a drawing begins to leave something out, to the very number; and what is as it was after it."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.profiler import profile
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph import folding, recording, tape
from tinygrad_cnn.viz.graph.folding import choose, fits
from tinygrad_cnn.viz.graph.legend import Scale
from tinygrad_cnn.viz.graph.models import by_type, given_models
from tinygrad_cnn.viz.graph.structure import Box, Cost, Edge, Group, Picture
from tinygrad_cnn.viz.graph.truncating import truncate


def chain(n: int, size: int = 2) -> tg.Tensor:
    """So many operations, one after another."""
    x = tg.full((size,), 0.5, requires_grad=True)
    for _ in range(n):
        x = x.sin()
    return x


# ------------------------------------------------------------------------------------------------------- large graphs
def test_a_graph_up_to_the_limit_is_recorded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "WHOLE", 6)
    whole = draw_graph(chain(6), max_nodes=4, collapse=False).picture
    assert [b.kind for b in whole.boxes] == ["leaf", *["operation"] * 5, "output"]
    picture = draw_graph(chain(7), max_nodes=5, collapse=False).picture
    assert [b.kind for b in picture.boxes] == ["leaf", "operation", "operation", "hidden", *["operation"] * 2, "output"]
    assert [(e.source, e.target) for e in picture.edges] == [(0, 1), (1, 2), (3, 4), (4, 5), (5, 6), (2, 3)]
    hidden = picture.boxes[3]
    assert (hidden.label, hidden.hidden) == ("2 more operations", 2)
    assert picture.notice == (
        "2 of 7 operations are left out; the first 2 and the last 3 are shown. max_nodes= shows more."
    )
    assert all(b.gradient is None for b in picture.boxes)
    with pytest.raises(ValueError, match="gradients are shown of graphs up to 6 operations, this one has 7"):
        draw_graph(chain(7), max_nodes=5, gradients=True)
    assert draw_graph(chain(7), max_nodes=7, gradients=True).picture.boxes[0].gradient is not None


def test_gradients_are_computed_unasked_where_they_are_light(monkeypatch: pytest.MonkeyPatch) -> None:
    def any_gradient(n: int, size: int, **options: Any) -> bool:
        return any(b.gradient is not None for b in draw_graph(chain(n, size), **options).picture.boxes)

    monkeypatch.setattr(recording, "LIGHT", (5, 40))
    assert any_gradient(5, 2)
    assert not any_gradient(6, 2)
    assert any_gradient(3, 10)  # 40 numbers, the leaf's among them
    assert not any_gradient(3, 11)
    assert any_gradient(6, 2, gradients=True)
    assert not any_gradient(3, 2, show_values=False)
    assert not any_gradient(3, 2, gradients=False)


def test_values_are_summed_up_unasked_up_to_a_number_of_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "SUMMED", 40)
    known = [b.value is not None for b in draw_graph(chain(3, 10)).picture.boxes]
    assert known == [True] * 4
    picture = draw_graph(chain(4, 10)).picture
    assert [b.value is not None for b in picture.boxes] == [True] * 4 + [False]
    assert "The values of 1 large arrays are not summed up; show_values=True does it." in str(picture.notice)
    assert all(b.value is not None for b in draw_graph(chain(4, 10), show_values=True).picture.boxes)


def test_what_was_not_kept_is_computed_again_while_that_is_little(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(size: int) -> list[bool]:
        a = tg.ones(size, requires_grad=True)
        return [b.value is not None for b in draw_graph(((a + 1.0) + 2.0) + 3.0).picture.boxes]

    monkeypatch.setattr(tape, "RECOMPUTE", 20)
    assert known(10) == [True] * 4
    assert known(11) == [True, True, False, True]  # the last one is the user's


@pytest.mark.parametrize(("size", "shown"), [(16, True), (17, False)])
def test_gradients_are_drawn_where_all_arrays_are_small(size: int, shown: bool) -> None:
    graph = draw_graph(chain(2, size))
    assert all((b.gradient is not None) == shown for b in graph.drawn.boxes)
    assert all(b.gradient is not None for b in graph.picture.boxes)  # for the page
    assert ("of the sum" in str(graph.picture.notice)) == shown


def test_that_gradients_are_those_of_a_sum_is_said_where_there_is_one() -> None:
    a = tg.tensor([1.0], requires_grad=True)
    said = "Gradients are those of the sum of the output."
    assert draw_graph(a.sin()).picture.notice is None
    assert draw_graph([a.sin(), a.cos()]).picture.notice == said
    assert draw_graph(chain(1)).picture.notice == said
    assert draw_graph(chain(61)).picture.notice is None  # no graph to look at number by number
    assert draw_graph(chain(60)).picture.notice == said
    assert draw_graph(chain(61), gradients=True).picture.notice == said


def test_arrays_that_were_changed_since_are_counted() -> None:
    a, b = tg.ones(3), tg.ones(3, requires_grad=True)
    y = a * b + a
    a += 1
    picture = draw_graph(y, show_values=True, gradients=False, names={"a": a}).picture
    assert "1 arrays were changed in place since" in str(picture.notice)
    assert all(box.value is None for box in picture.boxes if box.kind == "constant")


# ------------------------------------------------------------------------------------------------ what is as it was
def test_a_profile_goes_on_after_a_drawing() -> None:
    with profile() as p:
        y = tg.ones(2, requires_grad=True).sin()
        draw_graph(y, gradients=True)
        draw_graph(nn.Linear(2, 2), inputs=tg.ones(1, 2), gradients=True)
        y.cos()
    assert [event.name for event in p.events if event.phase == "forward"] == ["sin", "cos"]


def test_the_doc_of_an_operation_is_its_docstring() -> None:
    box = draw_graph(chain(1)).picture.boxes[-1]
    op = chain(1)._node.op  # type: ignore[union-attr]
    assert box.doc == inspect.cleandoc(op.forward.__doc__ or "")
    assert "sin" in box.doc


class Buffered(nn.Module):
    """A buffer meets the input as it is; a cast on the way."""

    def __init__(self) -> None:
        self.register_buffer("scale", tg.tensor([2.0, 3.0]))
        self.fc = nn.Linear(2, 2)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        y = self.fc(x * self.scale)
        return y + tg.ones(2, dtype=tg.float64)


def test_buffers_have_their_names_and_casts_the_line_that_they_were_made_for() -> None:
    boxes = draw_graph(Buffered(), inputs=tg.ones(1, 2), plumbing=True).picture.boxes
    (scale,) = (b for b in boxes if b.name == "scale")
    assert (scale.kind, scale.label) == ("constant", "scale")
    (cast,) = (b for b in boxes if b.label == "cast")
    assert cast.source is not None
    assert cast.source["code"].startswith("return y + tg.ones")
    names = {b.name: b.kind for b in boxes if b.name}
    assert names == {"x": "input", "scale": "constant", "fc.weight": "parameter", "fc.bias": "parameter"}


# ------------------------------------------------------------------------------------------------------- truncating
def row_of(n: int) -> Picture:
    boxes = [Box(0, "leaf", "a", order=0), *(Box(k, "operation", f"op{k}", order=k) for k in range(1, n + 1))]
    edges = [Edge(k, k + 1, 0) for k in range(n)]
    return Picture(boxes=boxes, edges=edges, forward=list(range(n + 1)), backward=list(range(n, -1, -1)))


@pytest.mark.parametrize("most", [2, 3, 4, 7, 8, 9])
@pytest.mark.parametrize("n", [3, 8, 9])
def test_of_a_row_the_first_and_the_last_are_left(n: int, most: int) -> None:
    picture = row_of(n)
    found = truncate(picture, most)
    if n <= most:
        assert found is picture
        return
    kept = [b.id for b in found.boxes if b.kind == "operation"]
    head = -(-most // 2)
    assert kept == [*range(1, head + 1), *range(n + 1 - (most - head), n + 1)]
    (hidden,) = (b for b in found.boxes if b.kind == "hidden")
    assert hidden.label == f"{n - most:,} more operations"
    assert hidden.hidden == n - most
    assert [b.order for b in found.boxes] == sorted(b.order for b in found.boxes)
    assert found.boxes.index(hidden) == head + 1
    ids = [0, *kept[:head], hidden.id, *kept[head:]]
    assert sorted((e.source, e.target) for e in found.edges) == sorted(itertools.pairwise(ids))
    assert found.forward == ids
    assert found.backward == ids[::-1]
    assert found.notice == f"{n - most:,} of {n:,} operations are left out; max_nodes= shows more."


def test_what_only_hidden_ones_use_is_hidden_with_them() -> None:
    picture = row_of(6)
    picture.boxes += [Box(k, "parameter", f"w{k}", order=k, group=k - 10) for k in (10, 11, 12)]
    picture.groups = [Group(0, "a", "A"), Group(1, "b", "B"), Group(2, "c", "C")]
    picture.edges += [Edge(10, 1, 1), Edge(11, 3, 1), Edge(12, 3, 1), Edge(12, 6, 1)]
    found = truncate(picture, 2)
    assert [b.label for b in found.boxes if b.kind == "parameter"] == ["w10", "w12"]
    assert [g.name for g in found.groups] == ["a", "c"]
    (hidden,) = (b for b in found.boxes if b.kind == "hidden")
    assert hidden.hidden == 5  # four operations and a weight
    assert [(e.source, e.slot) for e in found.edges if e.target == hidden.id] == [(1, 0), (12, 1)]  # once each


# ----------------------------------------------------------------------------------------------------------- folding
@pytest.mark.parametrize("collapse", [-1, "all", 1.5, None, [1]])
def test_another_way_to_fold_is_refused(collapse: Any) -> None:
    with pytest.raises(ValueError, match=r'collapse must be "auto", True, False or a number of levels >= 0, got'):
        choose(row_of(2), collapse)


def level_of(widths: list[int], leaves: int = 0, attributes: bool = False) -> Picture:
    """Levels of so many operations each, every one fed by the first of the level above; and leaves beside the last."""
    boxes: list[Box] = []
    edges: list[Edge] = []
    above: int | None = None
    for width in widths:
        first = len(boxes)
        for _ in range(width):
            box = Box(len(boxes), "operation", "x", order=len(boxes), attributes={"k": "1"} if attributes else {})
            boxes.append(box)
            if above is not None:
                edges.append(Edge(above, box.id, 0))
        above = first
    for _ in range(leaves):
        boxes.append(Box(len(boxes), "parameter", "w", order=len(boxes)))
        edges.append(Edge(boxes[-1].id, above or 0, 1))
    return Picture(boxes=boxes, edges=edges)


@pytest.mark.parametrize(
    ("picture", "fitting"),
    [
        (level_of([6]), True),  # 6 x 210 = 1,260 pixels across
        (level_of([7]), False),  # 1,470
        (level_of([1] * 15), True),  # 15 x 55 + 45 = 870 down
        (level_of([1] * 16), False),
        (level_of([1] * 11, attributes=True), True),  # 11 x 70 + 45 = 815
        (level_of([1] * 12, attributes=True), False),
        (level_of([1] * 2, leaves=8), True),  # 210 + 8 x 140 = 1,330 in one level
        (level_of([1] * 2, leaves=9), False),
        (level_of([6] * 10), True),  # 60 boxes
        (level_of([6] * 10 + [1]), False),
    ],
)
def test_what_fits_a_screen_is_counted_in_pixels(picture: Picture, fitting: bool) -> None:
    assert fits(picture) == fitting
    assert fits(picture, 1.5) or not fitting


def test_frames_take_room_too() -> None:
    picture = level_of([1] * 14)
    assert fits(picture)
    picture.groups = [Group(0, "", "Net"), Group(1, "a", "A", 0)]
    picture.boxes[0].group = 1
    assert not fits(picture)  # 14 x 55 + 45 + 2 x 44 = 903
    picture.boxes[0].group = 0
    assert fits(picture)


class Steps(nn.Module):
    """A loop whose step has more than six different things in it; one without a module."""

    def __init__(self, plain: bool) -> None:
        self.fc, self.plain = nn.Linear(3, 3), plain

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        for _ in range(4):
            y = x if self.plain else self.fc(x)
            x = ((y.sin() * 2.0 + x).exp() / 3.0 - 1.0).tanh().cos()
        return x


@pytest.mark.parametrize(("plain", "text"), [(True, "8 operations"), (False, "9 operations and modules")])
def test_a_step_of_many_things_says_how_many(plain: bool, text: str) -> None:
    def net(x: tg.Tensor) -> tg.Tensor:
        return steps(x).sum()

    steps = Steps(plain)
    picture = draw_graph(net, inputs=tg.ones(2, 3, requires_grad=True)).picture
    groups = frozenset(g.id for g in picture.groups if g.kind == "row")
    closed = folding.view(picture, folding.Shown(closed=groups))
    (box,) = (b for b in closed.boxes if b.kind == "module")
    assert box.attributes == {"of": text}
    assert box.count == 4


# ------------------------------------------------------------------------------------------------- names and colours
def test_models_that_nobody_named_are_called_as_their_types() -> None:
    def types(*models: nn.Module) -> list[str]:
        return list(by_type(models))

    net, loss = nn.Linear(2, 2), nn.MSELoss()
    assert types(net) == types(loss) == [""]
    assert types(net, loss) == ["", "MSELoss"]
    assert types(net, nn.Linear(2, 2), nn.Linear(2, 2)) == ["Linear", "Linear 2", "Linear 3"]
    assert types(loss, nn.ReLU()) == ["MSELoss", "ReLU"]
    assert types(net, net) == [""]
    assert given_models(None) == {}
    assert given_models(net) == {"": net}
    assert given_models([net, loss]) == {"": net, "MSELoss": loss}
    assert given_models({1: net}) == {"1": net}  # type: ignore[dict-item]
    for wrong in ([], {}, [net, 3], {"a": 3}, 3, "net"):
        with pytest.raises(TypeError, match=r"model must be an nn.Module, a list of them or a dict .*, got"):
            given_models(wrong)  # type: ignore[arg-type]


def costly() -> Picture:
    costs = [Cost(1e-3, 2e-3, 100, 200, None), Cost(5e-3, 1e-3, 300, 400, None), None, Cost(0.0, 0.0, 0, 0, None)]
    kinds = ["operation", "output", "operation", "module"]
    boxes = [Box(k, kind, "x", cost=cost) for k, (kind, cost) in enumerate(zip(kinds, costs, strict=True))]
    return Picture(boxes=[*boxes, Box(9, "leaf", "a")], measured="median of 5 runs, after a warm-up")


def test_boxes_are_coloured_by_their_share_of_the_dearest() -> None:
    from tinygrad_cnn.viz.graph.style import heat

    picture = costly()
    for by, shares, texts in (
        ("time", [0.5, 1.0], ["3 ms, 33.3 %", "6 ms, 66.7 %"]),
        ("memory", [300 / 700, 1.0], ["300 B, 30.0 %", "700 B, 70.0 %"]),
    ):
        scale = Scale(picture, by)
        colors = [heat(share) for share in shares]
        assert [scale.color(b) for b in picture.boxes] == [*colors, "#ffffff", heat(0), None]
        assert [scale.text(b) for b in picture.boxes] == [
            *texts,
            "",
            *[f"0 {'µs' if by == 'time' else 'B'}, 0.0 %"],
            "",
        ]
        rows = scale.rows()
        assert rows.count("BGCOLOR") == 7
        assert [f'BGCOLOR="{heat(k / 6)}"' in rows for k in range(7)] == [True] * 7
        assert ("median of 5 runs" in rows) == (by == "time")
        assert ("6 ms" in rows) == (by == "time")
        assert ("700 B" in rows) == (by == "memory")
    none = Scale(picture, None)
    assert {none.color(b) for b in picture.boxes} == {None}
    assert {none.text(b) for b in picture.boxes} == {""}
    free = Picture(boxes=[Box(0, "operation", "x", cost=Cost(0.0, 0.0, 0, 0, None))])
    assert Scale(free, "time").color(free.boxes[0]) == "#ffffff"
    assert Scale(free, "time").text(free.boxes[0]) == "0 µs"


def test_an_array_that_many_use_is_drawn_as_lines_up_to_six_of_them() -> None:
    for users, again in ((6, 0), (7, 6), (9, 8)):
        w = tg.ones(1, requires_grad=True)
        y = tg.zeros(1, requires_grad=True)
        for _ in range(users):
            y = (y * w).sin()
        source = draw_graph(y, names={"w": w}, collapse=False).source
        assert source.count('"w ↑"') == again
        assert ("name ↑: the same" in source) == (again > 0)


def test_a_page_draws_numpy_inputs_by_their_names() -> None:
    boxes = draw_graph(
        lambda image, text: (image * 2.0).sum() + text.sum(), inputs=(np.ones(2), np.ones(3))
    ).picture.boxes
    assert [b.name for b in boxes if b.kind == "input"] == ["image", "text"]


class Inner(nn.Module):
    """A part of a net that the user names, called beside a net that nobody names."""

    def __init__(self) -> None:
        self.body = nn.Linear(2, 2)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.body(x)


def test_models_beside_those_that_were_named_are_called_as_their_types() -> None:
    net, critic = Inner(), nn.Sequential(nn.Linear(2, 1))

    def loss(x: tg.Tensor) -> tg.Tensor:
        return critic(net(x)).sum() + net.body(x).sum()

    picture = draw_graph(loss, inputs=tg.ones(1, 2), model={"G": net}).picture
    names = {b.name for b in picture.boxes if b.kind == "parameter"}
    assert names == {"G.body.weight", "G.body.bias", "Sequential.0.weight", "Sequential.0.bias"}
    assert [(g.name, g.type) for g in picture.groups if g.parent is None] == [
        ("G", "Inner"), ("Sequential", "Sequential"), ("G.body", "Linear"),
    ]  # fmt: skip


def test_a_long_setting_is_cut_where_it_would_not_fit() -> None:
    def dims(n: int) -> str:
        x = tg.ones(*[1] * n, requires_grad=True)
        return draw_graph(x.permute(*range(n - 1, -1, -1)).sin(), plumbing=True).picture.boxes[1].attributes["dims"]

    assert dims(12) == "(11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)"
    assert dims(13) == "(12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,…"
    assert len(dims(13)) == len(dims(20)) == 40
    x = tg.ones(12, *[1] * 8, requires_grad=True)
    boxes = [
        draw_graph(y, plumbing=True).picture.boxes[1] for y in (x[10, 0:1, 0:1, 0:1, 0:1, 0:1, 0:1, 0:1], x[0:10:3])
    ]
    assert boxes[0].attributes["index"] == "10" + ", 0:1" * 7
    assert boxes[1].attributes["index"] == "0:10:3"
    whole = tg.ones(10001, *[1] * 7, requires_grad=True)[10000, 0:1, 0:1, 0:1, 0:1, 0:1, 0:1, 0:1]
    setting = draw_graph(whole, plumbing=True).picture.boxes[1].attributes["index"]
    assert (len(setting), setting[-3:]) == (40, "0:1")  # it just fits
