"""Large graphs made small: repeats, closed modules, what fits a screen, what is left out."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from viz.graph.nets import Deep, LeNet, chain, images

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.folding import SCREEN, choose, fits, view
from tinygrad_cnn.viz.graph.structure import Picture


def operations(picture: Picture) -> int:
    return sum(b.kind in ("operation", "output") for b in picture.boxes)


def consistent(picture: Picture) -> bool:
    ids = {b.id for b in picture.boxes}
    groups = {g.id for g in picture.groups}
    return (
        len(ids) == len(picture.boxes)
        and all(e.source in ids and e.target in ids and (e.source != e.target or e.recurrent) for e in picture.edges)
        and all(b.group is None or b.group in groups for b in picture.boxes)
        and all(g.parent is None or g.parent in groups for g in picture.groups)
        and set(picture.forward) <= ids
        and set(picture.backward) <= ids
    )


# ---------------------------------------------------------------------------------------------------- closed modules
def test_a_closed_module_says_what_it_holds() -> None:
    def held(*modules: nn.Module) -> str | None:
        net = nn.Sequential(nn.Sequential(*modules), nn.ReLU())
        return draw_graph(net, inputs=tg.ones(1, 4, 8, 8), collapse=1).drawn.boxes[1].attributes.get("of")

    block = [nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU()]
    assert held(nn.Conv2d(4, 4, 3), nn.ReLU()) == "Conv2d, ReLU"
    assert held(*block, *block) == "2 (Conv2d, BatchNorm2d, ReLU)"
    assert held(nn.Sequential(*block, *block)) == "2 (Conv2d, BatchNorm2d, ReLU)", "a wrapper says nothing"
    assert held(*block, nn.Tanh(), nn.Conv2d(4, 4, 3)) is None, "too many to list"


def test_that_numbers_are_the_first_ones_is_said_where_there_are_any() -> None:
    note = "Of equal blocks the first one's numbers are shown."
    large = nn.Sequential(*(nn.Linear(64, 64) for _ in range(40)))
    assert draw_graph(large, inputs=tg.ones(1, 64)).drawn.notice is None
    small = nn.Sequential(*(nn.Linear(2, 2) for _ in range(40)))
    assert str(draw_graph(small, inputs=tg.ones(1, 2)).drawn.notice).endswith(note)


def test_levels_of_closing() -> None:
    model, x = LeNet(), images()
    boxes = {
        level: [b.label for b in draw_graph(model, inputs=x, collapse=level).drawn.boxes] for level in (0, 1, 2, True)
    }
    assert boxes[0] == ["x", "LeNet"]
    assert boxes[1] == boxes[True] == ["x", "Sequential", "Sequential"]
    assert boxes[2] == [
        "x", "Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear", "ReLU", "Linear"
    ]  # fmt: skip
    graph = draw_graph(model, inputs=x, collapse=1)
    total = sum(p.numel() for p in model.parameters())
    assert sum(b.parameters for b in graph.drawn.boxes) == total
    assert graph.drawn.boxes[1].shape == (2, 8, 5, 5)
    assert [(e.source, e.target) for e in graph.drawn.edges] == [
        (a.id, b.id) for a, b in itertools.pairwise(graph.drawn.boxes)
    ]
    assert operations(graph.picture) == 10  # the whole is still there, for the page
    assert {g.name for g in graph.picture.groups if g.shown == "closed"} >= {"features", "classifier"}


@pytest.mark.parametrize("collapse", ["auto", True, 0, 2, 3])
def test_folded_pictures_are_consistent(collapse: object) -> None:
    picture = draw_graph(Deep(), inputs=tg.ones(2, 3, 8, 8), gradients=True).picture
    folded = view(picture, choose(picture, collapse))  # type: ignore[arg-type]
    assert consistent(folded)
    total = sum(p.numel() for p in Deep().parameters())
    if collapse != "auto":
        assert sum(b.parameters * _times(folded, b.group) for b in folded.boxes) == total


def _times(picture: Picture, group: int | None) -> int:
    groups, times = {g.id: g for g in picture.groups}, 1
    while group is not None:
        times, group = times * groups[group].count, groups[group].parent
    return times


# --------------------------------------------------------------------------------------------------------- the screen
def _flat(widths: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("model", [Deep(), _flat([3] + [4] * 50)], ids=["stages", "equal"])
def test_a_net_of_50_layers_fits_a_laptop_screen(model: nn.Module, svg_size: object) -> None:
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in model.modules()) == 50
    graph = draw_graph(model, inputs=tg.ones(2, 3, 8, 8))
    assert fits(graph.drawn)
    assert 5 < len(graph.drawn.boxes) <= 60
    width, height = svg_size(graph)  # type: ignore[operator]
    assert width <= 1440
    assert height <= 900
    assert "fontsize=13" in graph.source  # at the size of ever: nothing is scaled down


@pytest.fixture
def svg_size(renderer: str) -> object:  # noqa: ARG001
    def measure(graph: object) -> tuple[float, float]:
        found = re.search(r'<svg width="([\d.]+)px" height="([\d.]+)px"', graph._repr_svg_())  # type: ignore[attr-defined]
        assert found
        return float(found[1]), float(found[2])

    return measure


def test_neighbours_that_are_no_row_are_never_one_box() -> None:
    drawn = draw_graph(_flat(list(range(3, 54))), inputs=tg.ones(2, 3, 8, 8)).drawn
    assert not fits(drawn), "taller than a screen, and true"
    assert {b.label for b in drawn.boxes} == {"input", "Conv2d", "BatchNorm2d", "ReLU"}


def test_what_does_not_fit_is_known() -> None:
    picture = draw_graph(Deep(), inputs=tg.ones(2, 3, 8, 8), collapse=False).drawn
    assert not fits(picture)
    assert SCREEN[0] <= 900


# --------------------------------------------------------------------------------------------------------- truncation
def test_the_middle_of_a_long_graph_is_left_out() -> None:
    graph = draw_graph(chain(1000), max_nodes=20, collapse=False)
    assert operations(graph.picture) == 1000
    assert consistent(graph.drawn)
    assert operations(graph.drawn) == 20
    (rest,) = (b for b in graph.drawn.boxes if b.kind == "hidden")
    assert rest.hidden == 980
    assert "980 of 1,000 operations" in str(graph.drawn.notice)
    ends = {(e.source, e.target) for e in graph.drawn.edges if rest.id in (e.source, e.target)}
    assert len(ends) == 2  # in and out


def test_leaves_of_what_is_left_out_are_left_out() -> None:
    ws = [tg.ones(2, requires_grad=True) for _ in range(30)]
    h = tg.ones(2)
    for w in ws:
        h = h * w
    drawn = draw_graph(h, max_nodes=10, collapse=False).drawn
    assert sum(b.kind == "leaf" for b in drawn.boxes) == 10
    assert consistent(drawn)


def test_of_100_000_operations_the_first_and_the_last_are_drawn() -> None:
    y = chain(100_000)
    graph = draw_graph(y)
    source = graph.source
    assert operations(graph.picture) == 200
    assert "99,800 of 100,000 operations" in str(graph.drawn.notice)
    assert "99,800 more operations" in source
    with pytest.raises(ValueError, match="100,000"):
        draw_graph(y, gradients=True)


def test_100_000_operations_take_less_than_500_megabytes() -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("the peak of a process's memory is read from Linux's /proc")
    program = (
        "from viz.graph.nets import chain\n"
        "from tinygrad_cnn.viz import draw_graph\n"
        "len(draw_graph(chain(100_000)).source)\n"
        f"print(open({str(status)!r}).read())\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(root)!r}, {str(root / 'tests')!r}]\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert peak is not None
    assert int(peak[1]) * 1024 < 500e6
