"""What a picture holds: every operation, leaf and edge of the tape, once, with the right words and numbers."""

from __future__ import annotations

import gc
import math
from collections import Counter

import numpy as np
import pytest
from viz.graph.nets import LeNet, chain, classic, images, tape

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.autograd.modes import here
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.profiler import profile
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.structure import Box, Picture


def box(picture: Picture, label: str) -> Box:
    (found,) = (b for b in picture.boxes if b.label == label)
    return found


def kinds(picture: Picture) -> dict[str, int]:
    return dict(Counter(b.kind for b in picture.boxes))


# ------------------------------------------------------------------------------------------------------- boxes, edges
def test_lenet_has_one_box_for_each_operation_and_parameter_and_every_edge() -> None:
    model, x = LeNet(), images()
    nodes, leaves, edges = tape(model(x))
    graph = draw_graph(model, inputs=x)
    for picture in (graph.picture, graph.drawn):
        assert kinds(picture) == {"operation": len(nodes) - 1, "output": 1, "parameter": len(leaves), "input": 1}
        assert {b.name for b in picture.boxes if b.kind == "parameter"} == {n for n, _ in model.named_parameters()}
        assert Counter(b.label for b in picture.boxes if b.kind in ("operation", "output")) == Counter(
            n.op.name for n in nodes
        )
        assert len(picture.edges) == edges + 1  # and the image on its way into the first convolution
    labels = {b.id: b.name or b.label for b in graph.picture.boxes}
    found = {(labels[e.source], labels[e.target], e.slot) for e in graph.picture.edges}
    assert ("x", "conv2d", 0) in found
    assert ("features.3.bias", "conv2d", 2) in found
    assert ("classifier.3.weight", "linear", 1) in found


def test_the_edges_are_those_of_the_tape_when_a_value_is_used_twice() -> None:
    a = tg.ones(3, requires_grad=True)
    b = a * a
    picture = draw_graph((b + b * a).sum()).picture
    label = {b.id: b.label for b in picture.boxes}
    assert Counter((label[e.source], label[e.target], e.slot) for e in picture.edges) == {
        ("leaf", "mul", 0): 1,
        ("leaf", "mul", 1): 2,
        ("mul", "add", 0): 1,
        ("mul", "mul", 0): 1,
        ("mul", "add", 1): 1,
        ("add", "sum", 0): 1,
    }


def test_what_is_an_input_a_constant_or_a_number() -> None:
    w, x, m = tg.ones(3, requires_grad=True), tg.tensor([1.0, 2.0, 3.0]), tg.tensor([0.0, 1.0, 0.0])
    picture = draw_graph(((w * x) * m * 2.0).sum(), inputs={"x": x}).picture
    assert kinds(picture) == {"leaf": 1, "input": 1, "constant": 1, "operation": 3, "output": 1}
    assert box(picture, "x").kind == "input"
    assert box(picture, "zeros and ones").kind == "constant"
    assert [b.text for b in picture.boxes if b.label == "mul"] == ["· × ·", "· × ·", "· × 2"]  # noqa: RUF001


def test_one_constant_used_twice_is_one_box() -> None:
    w, x = tg.ones(3, requires_grad=True), tg.ones(3)
    assert kinds(draw_graph((w * x * x).sum()).picture)["constant"] == 1


def test_forward_and_backward_orders() -> None:
    y, names = classic()
    picture = draw_graph(y, names=names).picture
    labels = {b.id: b.label for b in picture.boxes}
    assert [labels[i] for i in picture.forward] == ["a", "b", "mul", "c", "add", "tanh"]
    assert [labels[i] for i in picture.backward] == ["tanh", "add", "c", "mul", "a", "b"]


def test_several_outputs() -> None:
    a = tg.ones(2, requires_grad=True)
    picture = draw_graph({"sum": a.sum(), "square": a * a}).picture
    assert kinds(picture) == {"leaf": 1, "output": 2}


def test_names_of_what_was_computed() -> None:
    a = tg.ones(2, requires_grad=True)
    h = a * 3.0
    graph = draw_graph(h.sum(), names={"a": a, "h": h})
    assert box(graph.picture, "mul").name == "h"
    assert "h = · × 3" in graph.source  # noqa: RUF001


# -------------------------------------------------------------------------------------------------------- the numbers
def test_values_and_gradients_of_the_classic_expression() -> None:
    y, names = classic()
    picture = draw_graph(y, names=names).picture
    t = math.tanh(0.5)
    values = {b.label: b.value.values for b in picture.boxes if b.value}
    assert values == pytest.approx({"a": 0.5, "b": -1, "mul": -0.5, "c": 1, "add": 0.5, "tanh": t})
    d = 1 - t * t
    gradients = {b.label: b.gradient.values for b in picture.boxes if b.gradient}
    assert gradients == pytest.approx({"tanh": 1, "add": d, "c": d, "mul": d, "a": -d, "b": 0.5 * d}, rel=1e-6)
    y.backward()
    assert {name: leaf.grad.item() for name, leaf in names.items()} == {n: gradients[n] for n in "abc"}


def test_gradients_equal_those_of_backward_at_every_parameter() -> None:
    model, x, y = LeNet(), images(), tg.tensor([3, 7])
    picture = draw_graph(lambda x, y: F.cross_entropy(model(x), y), inputs=(x, y), gradients=True).picture
    F.cross_entropy(model(x), y).backward()
    found = {b.name: b.gradient for b in picture.boxes if b.kind == "parameter"}
    for name, p in model.named_parameters():
        summary = found[name]
        assert summary is not None
        assert summary.norm == pytest.approx(float(np.linalg.norm(p.grad.numpy())), rel=1e-5)
        assert summary.zeros == int((p.grad.numpy() == 0).sum())
    labels = {b.id: b for b in picture.boxes}
    for edge in picture.edges:  # one consumer each: what flows along the edge is all there is
        source = labels[edge.source]
        if source.kind != "input" and source.kind != "constant":
            assert edge.gradient == source.gradient


def test_a_value_used_twice_adds_up_its_gradients() -> None:
    a = tg.tensor(3.0, requires_grad=True)
    picture = draw_graph(a * a + a, names={"a": a}).picture
    along = sorted(e.gradient.values for e in picture.edges if e.source == box(picture, "a").id and e.gradient)
    assert along == [1.0, 3.0, 3.0]
    assert box(picture, "a").gradient is not None
    assert box(picture, "a").gradient.values == 7.0  # type: ignore[union-attr]


def test_values_that_the_tape_did_not_keep_are_computed_again() -> None:
    x = tg.tensor([1.0, -2.0, 3.0], requires_grad=True)
    y = (x + x).relu() * 2.0  # neither the sum nor the product is kept
    picture = draw_graph(y).picture
    assert not box(picture, "add").saved
    assert box(picture, "relu").saved
    assert box(picture, "add").value.values == [2.0, -4.0, 6.0]  # type: ignore[union-attr]


def test_arrays_changed_since_are_not_shown_as_what_they_were() -> None:
    w = nn.Parameter(np.ones(3, np.float32))
    total, product = (w + 1.0).sum(), w * w
    with tg.no_grad():
        w += 5.0
    picture = draw_graph(total).picture  # the gradient of a sum needs no values
    assert box(picture, "add").value is None
    assert "changed in place" in str(picture.notice)
    assert box(picture, "add").gradient is not None
    with pytest.raises(RuntimeError, match="changed in place"):
        draw_graph(product, gradients=True)


def test_no_values_on_request() -> None:
    y, _ = classic()
    assert all(b.value is None and b.gradient is None for b in draw_graph(y, show_values=False).picture.boxes)


def test_statistics_find_zeros_and_nan() -> None:
    x = tg.tensor([0.0, -1.0, float("nan"), 2.0], requires_grad=True)
    picture = draw_graph((x.relu() * tg.tensor([1.0, 1.0, 1.0, float("inf")])).sum(), gradients=True).picture
    relu = box(picture, "relu")
    assert relu.value is not None
    assert (relu.value.zeros, relu.value.nans) == (2, 1)
    assert relu.gradient is not None
    assert relu.gradient.infs == 1


# ------------------------------------------------------------------------------------------------------ whose, whence
def test_modules_lines_and_inputs_of_a_model() -> None:
    picture = draw_graph(LeNet(), inputs=images()).picture
    groups = {g.id: g for g in picture.groups}
    conv = next(b for b in picture.boxes if b.label == "conv2d")
    assert conv.group is not None
    group = groups[conv.group]
    assert (group.name, group.type) == ("features.0", "Conv2d")
    assert groups[group.parent or 0].name == "features"
    weight = next(b for b in picture.boxes if b.name == "features.0.weight")
    assert weight.group == conv.group
    assert conv.source is not None
    assert conv.source["code"] == "return self.classifier(self.features(x))"
    assert conv.source["file"].endswith("nets.py")
    assert box(picture, "x").group is None


def test_an_input_scaled_before_the_first_layer_is_still_part_of_the_graph() -> None:
    model = nn.Linear(3, 2)
    picture = draw_graph(lambda x: model((x - 0.5) / 0.25), inputs=tg.ones(4, 3)).picture
    assert [b.label for b in picture.boxes if b.kind == "operation"] == ["sub", "true_divide"]
    x = box(picture, "x")
    assert any(e.source == x.id for e in picture.edges)


def test_an_input_that_goes_two_ways_is_drawn_on_both() -> None:
    convolve = nn.Conv2d(1, 2, 3, padding=1)
    graph = draw_graph(lambda x: tg.cat([x, convolve(x.relu())], 1), inputs=images(1))
    assert [b.label for b in graph.picture.boxes if b.kind != "parameter"] == ["x", "relu", "conv2d", "cat"]


def test_a_graph_that_is_there_knows_the_modules_that_made_it() -> None:
    model, x = LeNet(), images()
    with profile() as p:
        y = model(x)
    for given in ({"model": model, "profile": p}, {"profile": p}, {"model": model}):
        picture = draw_graph(y, **given).picture  # type: ignore[arg-type]
        relu = next(b for b in picture.boxes if b.label == "relu")
        assert next(g.name for g in picture.groups if g.id == relu.group) == "features.1"
        assert (relu.cost is not None) == ("profile" in given)
        assert picture.notice is None


def test_shared_modules_are_called_twice_and_have_one_box_for_each_parameter() -> None:
    layer = nn.Linear(3, 3)
    picture = draw_graph(nn.Sequential(layer, layer), inputs=tg.ones(1, 3), collapse=False).picture
    assert kinds(picture) == {"operation": 1, "output": 1, "parameter": 2, "input": 1}
    assert [g.type for g in picture.groups].count("Linear") == 2


def test_a_parameter_of_two_modules_stands_in_the_one_around_both() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), nn.Linear(3, 3))
    model[0][1].weight = model[0][0].weight
    picture = draw_graph(model, inputs=tg.ones(1, 3), collapse=False).picture
    weight = next(b for b in picture.boxes if b.name == "0.0.weight")
    assert next(g.name for g in picture.groups if g.id == weight.group) == "0"


def test_frozen_parameters_are_parameters() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    model[0].requires_grad_(False)
    picture = draw_graph(model, inputs=tg.ones(1, 3)).picture
    assert kinds(picture)["parameter"] == 4


@pytest.mark.parametrize("frozen", [slice(0, 1), slice(0, None)])
def test_frozen_parameters_that_integers_meet_are_drawn_and_have_no_gradients(frozen: slice) -> None:
    model = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(6, 2))
    whole = draw_graph(model, inputs=tg.randint(0, 7, (2, 2))).picture
    kept = list(model.parameters())[frozen]
    for p in kept:
        p.requires_grad_(False)
    for inputs in (tg.randint(0, 7, (2, 2)), np.zeros((2, 2), int)):
        picture = draw_graph(model, inputs=inputs, gradients=True).picture
        assert [b.label for b in picture.boxes] == [b.label for b in whole.boxes]
        assert not any(p.requires_grad for p in kept)
        known = {b.label: b.gradient is not None for b in picture.boxes if b.kind == "parameter"}
        assert known == {name: p.requires_grad for name, p in model.named_parameters()}


# -------------------------------------------------------------------------------------------------- nothing is changed
def test_nothing_of_the_users_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.Flatten(), nn.Linear(72, 2))
    x = tg.randn(2, 1, 8, 8, requires_grad=True)
    called: list[str] = []
    x.register_hook(lambda _g: called.append("leaf"))
    h = model(x)
    h.register_hook(lambda _g: called.append("node"))
    loss = h.square().sum()
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    state = tg.default_generator().get_state()
    draw_graph(loss, gradients=True, show_values=True)
    draw_graph(model, inputs=x, gradients=True, color_by="time")
    assert called == []
    assert x.grad is None
    assert all(p.grad is None for p in model.parameters())
    assert all(np.array_equal(v.numpy(), before[k]) for k, v in model.state_dict().items())
    assert tg.default_generator().get_state() == state
    assert not here.mode.watchers
    assert not hasattr(nn.Module.__call__, "__wrapped__")
    loss.backward()
    assert called == ["node", "leaf"]
    assert x.grad is not None


def test_a_profile_that_runs_does_not_see_the_drawing() -> None:
    y, _ = classic()
    with profile() as p:
        draw_graph(y, gradients=True)
        draw_graph(LeNet(), inputs=images(), gradients=True)
    assert p.events == []


def test_no_cycle_is_left() -> None:
    model, x = LeNet(), images()
    for _ in range(2):  # the first fills caches
        gc.collect()
        gc.disable()
        try:
            draw_graph(model, inputs=x, gradients=True)
            draw_graph(model(x).sum(), model=model)
            assert gc.collect() == 0 or _ == 0
        finally:
            gc.enable()


def test_a_graph_keeps_no_tensor_alive() -> None:
    import weakref

    y, names = classic()
    graph = draw_graph(y, names=names)
    gone = weakref.ref(y)
    del y
    names.clear()
    assert gone() is None
    assert graph.picture.boxes


def test_checkpointed_segments_keep_hooks_quiet_and_pass_gradients_on() -> None:
    w, called = tg.tensor([2.0], requires_grad=True), []
    w.register_hook(called.append)
    a = tg.tensor([3.0], requires_grad=True)
    y = tg.checkpoint(lambda t: t * w, a * 1.0).sum()
    picture = draw_graph(y, names={"a": a}, gradients=True).picture
    assert box(picture, "a").gradient.values == [2.0]  # type: ignore[union-attr]
    assert called == []
    y.backward()
    assert called


# -------------------------------------------------------------------------------------------------------------- errors
def test_a_freed_tape_is_drawn_with_a_notice_and_has_no_gradients() -> None:
    model, x = LeNet(), images()
    loss = model(x).square().sum()
    whole = draw_graph(loss, model=model).picture
    loss.backward()
    picture = draw_graph(loss, model=model).picture
    assert "retain_graph=True" in str(picture.notice)
    assert len(picture.boxes) >= len(whole.boxes) - 1  # the image was a constant that backward() freed
    assert sum(b.kind == "operation" for b in picture.boxes) == sum(b.kind == "operation" for b in whole.boxes)
    with pytest.raises(RuntimeError, match=r"retain_graph=True"):
        draw_graph(loss, gradients=True)


def test_a_tensor_without_a_graph() -> None:
    for tensor in (tg.ones(3), tg.ones(3, requires_grad=True)):
        with pytest.raises(ValueError, match="no graph behind this tensor"):
            draw_graph(tensor)
    with pytest.raises(ValueError, match=r"no graph behind what was returned: .* or detached; draw a part"):
        draw_graph(lambda x: (x * 2).detach(), inputs=tg.ones(3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: draw_graph(nn.Linear(2, 2)), TypeError, r"draw_graph\(model, inputs=x\)"),
        (lambda: draw_graph(3), TypeError, "expected a Tensor"),
        (lambda: draw_graph([]), TypeError, "no tensor"),
        (lambda: draw_graph(chain(2), names=["a"]), TypeError, "names must be a dict"),
        (lambda: draw_graph(chain(2), names={"a": 1}), TypeError, "names must map"),
        (lambda: draw_graph(chain(2), inputs={"x": "x"}), TypeError, "inputs must be tensors"),
        (lambda: draw_graph(chain(2), direction="up"), ValueError, "direction"),
        (lambda: draw_graph(chain(2), color_by="size"), ValueError, "color_by must be"),
        (lambda: draw_graph(chain(2), color_by="time"), ValueError, "profile"),
        (lambda: draw_graph(chain(2), show_values="yes"), ValueError, "show_values"),
        (lambda: draw_graph(chain(2), gradients=1), ValueError, "gradients"),
        (lambda: draw_graph(chain(2), collapse="all"), ValueError, "collapse"),
        (lambda: draw_graph(chain(2), collapse=-1), ValueError, "collapse"),
        (lambda: draw_graph(chain(2), max_nodes=0), ValueError, "max_nodes"),
    ],
)
def test_bad_arguments(call, error, text) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=text):
        call()
