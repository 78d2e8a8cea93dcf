"""Pictures of the zoo are true: an edge carries the array that its source shows, a frame holds what ran in it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest
from viz.graph.test_page_layout import OVERLAPS
from viz.graph.truth import seen_as
from viz.graph.zoo import ZOO, arguments

import tinygrad_cnn as tg
from tinygrad_cnn.autograd.graph import Node
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.drawing import Graph
from tinygrad_cnn.viz.graph.structure import Picture, around
from tinygrad_cnn.viz.watching import run

pytest.importorskip("selenium", reason="Selenium is not installed: the pages meet no browser")
from viz.graph.browsing import Window

COLLAPSE = ["auto", False, 0, 1, 2]
WAYS = [*COLLAPSE, "plumbing"]  # the last: every operation as a box of its own
OPERATIONS = ("operation", "output")


class Ran(NamedTuple):
    """What an operation gave, and in which module: found without the code that draws."""

    name: str
    shape: tuple[int, ...]
    modules: list[tuple[str, str]] | None  # names and types, from the outermost on; None: nobody watched


def record(name: str, graphs: dict[Any, Graph], picture: Picture) -> dict[int, Ran]:
    """By box: the operation that made its array. A box that stands for several (plumbing) has its last one's.

    The pictures may have been made with inputs that require a gradient, or without.
    """
    names = [b.label for b in graphs["plumbing"].picture.boxes if b.kind in OPERATIONS]
    both = [_record(name, wanted) for wanted in (False, True)]
    ran = next(ran for ran in both if [r.name for r in ran] == names)
    open_ = [(b.id, list(b.folded or [b.label])) for b in picture.boxes if b.kind in OPERATIONS]
    made: dict[int, Ran] = {}
    for one in ran:  # goes to the first box that waits for such an operation
        box, waits = next((box, waits) for box, waits in open_ if waits and waits[0] == one.name)
        waits.pop(0)
        made[box] = one
    assert not any(waits for _, waits in open_)
    return made


def _record(name: str, wanted: bool) -> list[Ran]:
    given = arguments(name)
    output, inputs, watch = given["output"], given.get("inputs"), None
    if callable(output) and not isinstance(output, tg.Tensor):
        inputs = inputs if isinstance(inputs, tuple) else (inputs,)
        output, watch = run(output, [x.requires_grad_(wanted and x.is_floating_point()) for x in inputs], {})
    outputs = list(output.values()) if isinstance(output, dict) else output
    todo = [t._node for t in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]
    nodes: set[Node] = set()
    while todo:
        node = todo.pop()
        if isinstance(node, Node) and node not in nodes:
            nodes.add(node)
            todo += node.parents
    found = []
    for node in sorted(nodes, key=lambda n: n.order):
        seen = watch.seen[node] if watch is not None else None
        array = seen.output if seen is not None else node.saved[0] if node.saved else None
        assert array is not None
        modules = None
        if watch is not None and seen is not None:
            modules, call = [], seen.call
            while call is not None:
                modules.insert(0, (watch.calls[call].name, watch.calls[call].type))
                call = watch.calls[call].parent
        found.append(Ran(node.op.name, array.shape, modules))
    return found


@pytest.fixture(scope="module")
def drawings() -> dict[str, dict[Any, Graph]]:
    made: dict[str, dict[Any, Graph]] = {}
    for name in ZOO:
        made[name] = {}
        for way in WAYS:
            given, every = arguments(name), way == "plumbing"
            made[name][way] = draw_graph(given.pop("output"), collapse=False if every else way, plumbing=every, **given)
    return made


def shapes(graphs: dict[Any, Graph], name: str, picture: Picture) -> dict[int, tuple[int, ...] | None]:
    """By box: what came out of it, of operations as recorded."""
    return {b.id: b.shape for b in picture.boxes} | {i: r.shape for i, r in record(name, graphs, picture).items()}


@pytest.mark.parametrize("collapse", WAYS)
@pytest.mark.parametrize("name", ZOO)
def test_every_edge_carries_what_its_source_shows(
    name: str, collapse: Any, drawings: dict[str, dict[Any, Graph]]
) -> None:
    graph = drawings[name][collapse]
    truth = shapes(drawings[name], name, graph.picture)
    where = seen_as(graph.picture, graph.drawn)
    carried: dict[tuple[int, int], set[int]] = {}
    for edge in graph.picture.edges:
        source, target = where[edge.source], where[edge.target]
        if source.id != target.id:
            assert source.shape == truth[edge.source], f"{source.label} shows {source.shape}"
            carried.setdefault((source.id, target.id), set()).add(edge.source)
    for ran, box in ((truth[b.id], where[b.id]) for b in graph.picture.boxes if b.output):
        assert box.output
        assert box.shape == ran
    drawn = {(e.source, e.target) for e in graph.drawn.edges if e.source != e.target}
    assert drawn == set(carried), "no edge is made up, none is lost"
    for edge in graph.drawn.edges:
        box = next(b for b in graph.drawn.boxes if b.id == edge.source)
        if box.kind == "module" and box.count == 1:
            assert edge.tensors == 1, "one array goes out of a module that is drawn as one"


def within_model(modules: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what the model itself is called: several in one graph are called by their types."""
    model = modules[0][0] if modules else ""
    return [(name.removeprefix(model).removeprefix("."), type_) for name, type_ in modules]


@pytest.mark.parametrize("collapse", WAYS)
@pytest.mark.parametrize("name", ZOO)
def test_every_frame_holds_what_ran_in_it(name: str, collapse: Any, drawings: dict[str, dict[Any, Graph]]) -> None:
    graph = drawings[name][collapse]
    modules = {i: ran.modules for i, ran in record(name, drawings[name], graph.picture).items()}
    for picture in (graph.picture, graph.drawn):
        groups = {g.id: g for g in picture.groups}
        for box in picture.boxes:
            own = modules.get(box.id)
            if own is None:
                continue
            frames = [groups[g] for g in around(box.group, groups)]
            framed = [(g.name, g.type) for g in frames if g.kind == "module"]
            as_blocks = [(g.names[0], g.type) for g in frames if g.kind == "row" and g.names and ", " not in g.type]
            framed, as_blocks, own = within_model(framed), within_model(as_blocks), within_model(own)
            if picture is graph.picture:
                assert framed == own, f"{box.label} in {framed} ran in {own}"
            else:
                assert set(framed) <= set(own)
                assert set(as_blocks) <= set(own)


@pytest.mark.parametrize("name", ZOO)
def test_no_word_on_an_edge_and_no_constant_is_called_as_another_box(
    name: str, drawings: dict[str, dict[Any, Graph]]
) -> None:
    for graph in drawings[name].values():
        words = set(re.findall(r'^\s*b\d+ -> b\d+ \[.*?label="? ?(.*?) ?"? ', graph.source, re.MULTILINE))
        names = {b.name for b in graph.drawn.boxes if b.name}
        assert not words & names
        for box in graph.drawn.boxes:
            if box.kind == "constant" and box.name is None:
                assert box.label not in names


@pytest.mark.parametrize("name", ZOO)
def test_only_loops_run_back(name: str, drawings: dict[str, dict[Any, Graph]]) -> None:
    for graph in drawings[name].values():
        waiting = {b.id: 0 for b in graph.drawn.boxes}
        onward = [(e.source, e.target) for e in graph.drawn.edges if not e.recurrent]
        for _, target in onward:
            waiting[target] += 1
        ready = [i for i, n in waiting.items() if not n]
        for i in ready:
            for source, target in onward:
                if source == i:
                    waiting[target] -= 1
                    if not waiting[target]:
                        ready.append(target)
        assert len(ready) == len(waiting), "a cycle"


def test_what_a_unet_passes_around_comes_from_the_block_that_made_it(drawings: dict[str, dict[Any, Graph]]) -> None:
    drawn = drawings["unet"]["auto"].drawn
    boxes = {b.id: b for b in drawn.boxes}
    joins = [b for b in drawn.boxes if b.label == "cat"]
    around_ = [boxes[e.source] for join in joins for e in drawn.edges if e.target == join.id and e.slot == 1]
    assert [(b.kind, b.label, b.name, b.shape) for b in around_] == [
        ("module", "Sequential", "down.2", (1, 16, 4, 4)),
        ("module", "Sequential", "down.1", (1, 8, 8, 8)),
        ("module", "Sequential", "down.0", (1, 4, 16, 16)),
    ]
    assert [b.kind for b in drawn.boxes if b.label == "max_pool2d"] == ["operation"] * 3


# ----------------------------------------------------------------------------------------------------- in a browser
SMALLEST = """
let least = Infinity;
for (const text of document.querySelectorAll('#stage text')) {
  const size = parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a;
  if (text.textContent && getComputedStyle(text).visibility !== 'hidden') least = Math.min(least, size);
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const { parentElement: e, textContent: text } = walker.currentNode;
  if (!text.trim() || e.closest('svg, script, style, [hidden]') || !e.getClientRects().length) continue;
  least = Math.min(least, parseFloat(getComputedStyle(e).fontSize));
}
return [least, document.documentElement.scrollWidth];
"""
DRAWN = """
return [...document.querySelectorAll('#lines > g')].flatMap((line) => {
  const ends = [line.dataset.source, line.dataset.target];
  return line.dataset.edges.split(' ').map((i) => [Number(i), ...ends]);
});
"""


@pytest.mark.parametrize("name", ZOO)
def test_the_page_opens_readable(name: str, window: Window, drawings: dict[str, dict[Any, Graph]]) -> None:
    for width in (390, 1440):
        window.open(drawings[name]["auto"].picture, width=width)
        assert window.run(OVERLAPS)[0] == []
        least, wide = window.run(SMALLEST)
        assert least >= 11
        assert wide == width


@pytest.mark.parametrize("name", ZOO)
def test_lines_of_the_page_leave_the_node_that_shows_their_array(
    name: str, window: Window, drawings: dict[str, dict[Any, Graph]]
) -> None:
    picture = drawings[name]["auto"].picture
    truth = shapes(drawings[name], name, picture)
    boxes = {b.id: b for b in picture.boxes}
    groups = {f"g{g.id}": g for g in picture.groups}
    window.open(picture)
    for button in ("#close-all", "#open-all"):
        for index, source, _ in window.run(DRAWN):
            edge = picture.edges[index]
            shown = truth[edge.source] if source.startswith("b") else boxes[groups[source].out].shape
            assert shown == truth[edge.source]
            if source.startswith("b"):
                assert boxes[int(source[1:])].shape == truth[edge.source]
        window.run("document.querySelector(arguments[0]).click()", button)
    assert len(window.all("#nodes .node")) == len(picture.boxes), "all is open in the end"
