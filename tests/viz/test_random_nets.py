"""Nets that nobody has thought of: each picture and page is made, is true, and leaves the net as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from viz.graph.truth import seen_as
from viz.random_nets import made, photograph, programs

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz.following.page import told
from tinygrad_cnn.viz.graph.structure import Picture, around
from tinygrad_cnn.viz.watching import run

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # some divide by zero, and mean to
OURS = (ValueError, RuntimeError, TypeError)  # with a name in front
SAID = re.compile(r"^(draw_graph|follow|activation_statistics): ")


def looked_at(look: Callable[[], Any], net: nn.Module) -> Any:
    """What a look gives, None where it refuses in so many words; the net is as before either way."""
    before = photograph(net)
    try:
        return look()
    except OURS as error:
        if not SAID.match(str(error)):
            raise
        return None
    finally:
        assert photograph(net) == before


def data_in(html: str) -> list[Any]:
    """The data of a page: JSON as browsers take it."""

    def refuse(constant: str) -> Any:
        raise AssertionError(f"no JSON: {constant}")

    texts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert texts
    return [json.loads(text, parse_constant=refuse) for text in texts]


def ran(net: nn.Module, x: Any, wanted: bool) -> list[tuple[str, tuple[int, ...], list[str]]]:
    """The operations behind the outputs, with the shapes they gave and the modules they ran in: by the tape alone."""
    x = tg.Tensor(x.numpy())
    if wanted and x.is_floating_point():
        x.requires_grad_()
    tg.manual_seed(1)
    frozen = [p for p in net.parameters() if wanted and not p.requires_grad and not x.is_floating_point()]
    for p in frozen:
        p.requires_grad_()
    output, watch = run(net, (x,), {})
    for p in frozen:
        p.requires_grad_(False)
    outputs = list(output.values()) if isinstance(output, dict) else output
    todo: list[Any] = [outputs]
    nodes: set[Any] = set()
    while todo:
        thing = todo.pop()
        if isinstance(thing, (list, tuple)):
            todo += thing
        elif isinstance(thing, tg.Tensor):
            todo.append(thing._node)
        elif hasattr(thing, "parents") and thing not in nodes:
            nodes.add(thing)
            todo += thing.parents
    found = []
    for node in sorted(nodes, key=lambda n: n.order):
        modules, seen = [], watch.seen[node]
        call = seen.call
        while call is not None:
            modules.insert(0, watch.calls[call].type)
            call = watch.calls[call].parent
        found.append((node.op.name, seen.output.shape, modules))
    return found


def told_by(picture: Picture) -> list[tuple[str, tuple[int, ...], list[str]]]:
    """The same, as a picture has it."""
    groups = {g.id: g for g in picture.groups}
    return [
        (b.label, b.shape or (), [groups[g].type for g in around(b.group, groups) if groups[g].kind == "module"])
        for b in picture.boxes
        if b.kind in ("operation", "output")
    ]


@given(program=programs)
def test_graphs_are_what_ran(program: dict[str, Any]) -> None:
    net, x = made(program)
    options: dict[str, Any] = {"collapse": False, "plumbing": True}
    graph = looked_at(lambda: viz.draw_graph(net, inputs=x, **options), net)
    if graph is None:
        return
    assert told_by(graph.picture) in [ran(net, x, wanted) for wanted in (False, True)]
    for collapse in ("auto", 0, 1):
        folded = looked_at(lambda: viz.draw_graph(net, inputs=x, collapse=collapse, gradients=True), net)  # noqa: B023
        assert folded.source.startswith("digraph")
        data_in(folded.page().html)
        where = seen_as(folded.picture, folded.drawn)
        shapes = {b.id: b.shape for b in folded.picture.boxes}
        for edge in folded.picture.edges:
            if where[edge.source] is not where[edge.target]:
                assert where[edge.source].shape == shapes[edge.source]


@given(program=programs)
def test_tables_and_statistics_of_any_net(program: dict[str, Any]) -> None:
    net, x = made(program)
    layers = looked_at(lambda: viz.layers_of(net, x), net)
    assert len({layer.name for layer in layers}) == len(layers)
    statistics = looked_at(lambda: viz.activation_statistics(net, (x, np.zeros(len(x), int))), net) or []
    assert [s.name for s in statistics] == [layer.name for layer in layers]
    every = looked_at(lambda: viz.layers_of(net, x, every=True), net)
    assert {layer.name for layer in layers} <= {layer.name for layer in every}
    for depth in (None, 0, 2):
        table = looked_at(lambda: tg.summary(net, input_data=x, depth=depth), net)  # noqa: B023
        assert table.parameters == sum(p.numel() for p in net.parameters())
    data_in(looked_at(lambda: viz.compare(net, net, input_data=x), net).html)


@given(program=programs)
def test_following_knows_the_numbers(program: dict[str, Any]) -> None:
    net, x = made(program, batch=1)
    steps = looked_at(lambda: told(net, x), net)
    if steps is not None:
        data_in(looked_at(lambda: viz.follow(net, x), net).html)


@pytest.mark.parametrize("kind", ["images", "points", "tokens"])
def test_empty_batches(kind: str) -> None:
    program = {"kind": kind, "ends": "scores", "frozen": "none", "double": False, "training": False, "nan": False}
    for what in ("linear", "conv", "norm", "gate", "relu", "both", "soft", "flat", "part", "split", "written", "own"):
        net, x = made({**program, "steps": [(what, 0, 0)]}, batch=0)
        net(x)
        looked_at(lambda: viz.draw_graph(net, inputs=x, gradients=True).page(), net)  # noqa: B023
        looked_at(lambda: viz.layers_of(net, x), net)  # noqa: B023
        looked_at(lambda: tg.summary(net, input_data=x), net)  # noqa: B023
