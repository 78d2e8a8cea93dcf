"""DOT text, files, notebooks: what a drawing shows, how names are escaped, what is said where something is missing."""

from __future__ import annotations

import doctest
import html
import importlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from viz.graph.nets import LeNet, chain, classic, images

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph import rendering
from tinygrad_cnn.viz.graph.structure import Box, Edge, Picture, summarize
from tinygrad_cnn.viz.graph.style import KINDS

EVIL = '</script><b>"x"'
ESCAPED = "&lt;/script&gt;&lt;b&gt;&quot;x&quot;"


def text_of(source: str) -> str:
    """DOT without markup."""
    return re.sub(r"<[^<>]*>", " ", source)


# ------------------------------------------------------------------------------------------------------------ DOT text
def test_boxes_say_what_the_operation_is() -> None:
    source = text_of(draw_graph(LeNet(), inputs=images()).source)
    for said in (
        "conv2d", "kernel 5, padding 2", "(2, 4, 28, 28) float32, 24.5 KiB", "features.0.weight", "features.1  ReLU",
        "kernel 2", "classifier", "Legend", "parameter", "thick border",
    ):  # fmt: skip
        assert said in source
    assert "stride" not in source  # of a pool whose windows lie side by side, and of a convolution with stride 1
    assert "dilation" not in source


def test_settings_that_are_no_defaults() -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 4, (3, 5), stride=2, padding=(1, 2), groups=2), nn.MaxPool2d(3, 2), nn.Dropout(0.25),
        nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.Flatten(),
    )  # fmt: skip
    boxes = draw_graph(model, inputs=tg.ones(2, 2, 16, 16)).picture.boxes
    assert {b.label: b.attributes for b in boxes if b.kind in ("operation", "output")} == {
        "conv2d": {"kernel": "3 × 5", "stride": "2", "padding": "1 × 2", "groups": "2"},  # noqa: RUF001
        "max_pool2d": {"kernel": "3", "stride": "2"},
        "drop": {"p": "0.25"},
        "BatchNorm2d": {"dim": "(0, 2, 3)"},
        "leaky_relu": {"slope": "0.2"},
        "reshape": {},
    }


def test_small_graphs_show_their_numbers() -> None:
    y, names = classic()
    text = text_of(draw_graph(y, names=names).source)
    for said in ("value 0.5", "value −1", "value 0.4621", "gradient −0.7864", "gradient 0.3932"):  # noqa: RUF001
        assert said in text
    assert "value" not in text_of(draw_graph(y, names=names, show_values=False).source)


def test_gradients_flow_back_along_every_edge() -> None:
    graph = draw_graph(LeNet(), inputs=images(), gradients=True)
    edges = [line for line in graph.source.splitlines() if "style=dashed" in line and " -> " in line]
    assert len(edges) == len(graph.picture.edges) - 1  # but to the image
    assert all("|g|" in line for line in edges)
    assert "gradient norm" in text_of(graph.source)


def test_nan_in_gradients_is_said() -> None:
    x = tg.tensor([0.0, 4.0], requires_grad=True)
    source = draw_graph((x.sqrt() * 0.0).sum(), gradients=True).source
    assert "1 NaN" in source
    assert "1 NaN" in text_of(source)


def test_kinds_differ_by_more_than_colour() -> None:
    looks = [(s.shape, s.style, s.peripheries) for s in KINDS.values()]
    assert len(set(looks)) == len(looks)


def test_colours_by_cost_come_with_figures_and_a_scale() -> None:
    graph = draw_graph(LeNet(), inputs=images(), color_by="memory")
    assert "memory of outputs and gradients" in graph.source
    conv = next(b for b in graph.picture.boxes if b.label == "conv2d")
    assert conv.cost is not None
    assert conv.cost.forward_bytes == 2 * 4 * 28 * 28 * 4
    assert "49 KiB" in graph.source or "24.5 KiB" in graph.source
    assert re.search(r"[\d.]+ %", graph.source)
    assert "µs" in draw_graph(LeNet(), inputs=images(), color_by="time").source


def test_a_profile_of_a_step_colours_its_graph() -> None:
    model, x = LeNet(), images()
    with tg.profiler.profile() as p:
        loss = model(x).square().sum()
        loss.backward(retain_graph=True)
    picture = draw_graph(loss, model=model, profile=p, color_by="time").picture
    for b in picture.boxes:
        if b.kind in ("operation", "output"):
            assert b.cost is not None
            assert b.cost.forward_s > 0
            assert b.cost.backward_s > 0


# -------------------------------------------------------------------------------------------------------------- escapes
class Evil(nn.Module):
    """Names that no one expects."""

    def __init__(self) -> None:
        self.add_module('</script><b>"x"\\n', nn.Linear(2, 2))
        self.register_parameter(EVIL, nn.Parameter([1.0, 2.0]))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        (layer,) = self.children()
        return layer(x) * self.get_parameter(EVIL)


Evil.__name__ = EVIL


@pytest.mark.parametrize("collapse", [False, 1])
def test_names_are_text_in_dot(collapse: object) -> None:
    graph = draw_graph(Evil(), inputs={"x": tg.ones(1, 2)}, title=EVIL, collapse=collapse)  # type: ignore[arg-type]
    labels = "".join(re.findall(r"label=<(.*)>", graph.source))
    assert ESCAPED in labels
    assert "<b>" not in labels
    assert "</script>" not in labels


@pytest.mark.parametrize("name", ["\\N", "\\\\G", "a\\", "C:\\new\\table", '\\"', "&#92;N", "<b>\\l"])
def test_names_are_text_in_tooltips(name: str) -> None:
    """Graphviz puts a box's own name for \\N there, ends a line at \\n, and reads entities."""
    a = tg.tensor(1.0, requires_grad=True)
    source = draw_graph(a * 2.0, names={name: a}).source
    tooltips = re.findall(r'tooltip="((?:[^"\\]|\\.)*)"', source)
    assert name in [html.unescape(re.sub(r"\\\\", r"\\", text)) for text in tooltips]
    assert not any("\\" in text.replace("\\\\", "") for text in tooltips)  # each is one of a pair


def test_names_are_text_in_svg(renderer: str) -> None:  # noqa: ARG001
    graph = draw_graph(Evil(), inputs=tg.ones(1, 2), title=EVIL)
    root = ET.fromstring(graph._repr_svg_())
    assert not [e for e in root.iter() if e.tag.endswith(("script", "}b"))]
    texts = ["".join(e.itertext()) for e in root.iter() if e.tag.endswith("}text")]
    assert EVIL in texts
    assert EVIL + "\\n.weight" in texts


def test_strange_characters_do_not_break_the_picture(renderer: str) -> None:  # noqa: ARG001
    a = tg.tensor(1.0, requires_grad=True)
    svg = draw_graph(a * 2.0, names={"a\x00\n\u202e\\N\\G&amp;é中": a})._repr_svg_()
    assert "&amp;amp;é中" in ET.tostring(ET.fromstring(svg), encoding="unicode")


# -------------------------------------------------------------------------------------------------------------- files
def test_files_of_every_format(tmp_path: Path, renderer: str) -> None:  # noqa: ARG001
    graph = draw_graph(LeNet(), inputs=images())
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}
    for name, start in starts.items():
        path = graph.save(tmp_path / f"graph.{name}")
        assert path.read_bytes().startswith(start)
    assert graph.save(str(tmp_path / "GRAPH.PNG")).exists()
    root = ET.fromstring((tmp_path / "graph.svg").read_text())
    count = sum(e.get("class") == "node" and str(e.get("id")).startswith("box") for e in root.iter())
    assert count == len(graph.picture.boxes)


def test_other_endings() -> None:
    graph = draw_graph(chain(2))
    for name in ("graph.jpg", "graph", ""):
        with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.dot, \.html"):
            graph.save(name)


def test_notebooks_show_the_page_and_else_the_drawing(renderer: str) -> None:  # noqa: ARG001
    y, names = classic()
    graph = draw_graph(y, names=names)
    bundle = graph._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert bundle["text/html"] == graph._repr_html_() == graph.page()._repr_html_()
    assert "height:300px" in graph.page(300)._repr_html_()
    assert "<svg" in bundle["image/svg+xml"]
    assert set(graph._repr_mimebundle_(include=["image/svg+xml"])) == {"image/svg+xml", "text/plain"}
    assert set(graph._repr_mimebundle_(exclude=["image/svg+xml"])) == {"text/html", "text/plain"}
    assert repr(graph) == "<Graph: 3 operations>"
    assert repr(draw_graph(LeNet(), inputs=images())) == "<Graph of LeNet: 10 operations>"


# ------------------------------------------------------------------------------------------------------ what is missing
def test_without_the_program_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz", reason="pygraphviz, which brings Graphviz, is not installed")
    monkeypatch.setenv("PATH", "")
    graph = draw_graph(LeNet(), inputs=images())
    for name, start in {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}.items():
        assert graph.save(tmp_path / f"graph.{name}").read_bytes().startswith(start)


def test_without_any_renderer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    graph = draw_graph(chain(2))
    with pytest.raises(ImportError, match=r"pip install 'tinygrad-cnn\[viz\]'"):
        graph.save(tmp_path / "graph.svg")
    assert not (tmp_path / "graph.svg").exists()
    assert graph.save(tmp_path / "graph.dot").exists()
    assert "tinygrad-cnn[viz]" in graph._repr_mimebundle_()["text/plain"]
    assert "<iframe" in graph._repr_mimebundle_()["text/html"], "the page needs no Graphviz"
    assert graph._repr_svg_() is None  # IPython asks for this as well, and an error would be shown beside the text


def test_without_the_package_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match="pip install"):
        _ = draw_graph(chain(2)).source


def test_what_dot_complains_about_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\necho 'out of luck' >&2\nexit 1\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RuntimeError, match="out of luck"):
        rendering.render("digraph {}", "svg")
    with pytest.raises(ValueError, match="gif"):
        rendering.render("digraph {}", "gif")


def test_edges_that_dot_cannot_route_are_drawn_without_their_ports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\nif grep port=; then exit 1; else echo '<svg/>'; fi\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    y, names = classic()
    graph = draw_graph(y, names=names, gradients=True)
    assert graph.source.count("port=") == 2 * 5
    assert graph._repr_svg_() == "<svg/>\n"


def test_importing_the_package_loads_none_of_this() -> None:
    program = (
        "import sys, tinygrad_cnn; from tinygrad_cnn import viz\n"
        "print([m for m in sys.modules if m in ('graphviz', 'pygraphviz', 'matplotlib', 'tinygrad_cnn.viz.graph')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names() -> None:
    assert set(viz.__all__) <= set(dir(viz))
    with pytest.raises(AttributeError, match="no attribute 'draw'"):
        _ = viz.draw


# ------------------------------------------------------------------------------------------------------- plain data
def test_summaries_of_awkward_arrays() -> None:
    import numpy as np

    s = summarize(np.array([1.0, np.nan, -np.inf, 0.0, 3.0]))
    assert (s.min, s.max, s.mean, s.norm) == (0.0, 3.0, pytest.approx(4 / 3), pytest.approx(10**0.5))
    assert (s.zeros, s.nans, s.infs) == (1, 1, 1)
    empty = summarize(np.zeros((0, 3)))
    assert (empty.shape, empty.min, empty.counts) == ((0, 3), None, [])
    assert summarize(np.full(3, np.nan)).norm is None
    big = summarize(np.full(100_000, 1e30, np.float32))
    assert big.norm == pytest.approx(1e30 * 100_000**0.5)
    assert big.values is None
    spread = summarize(np.random.default_rng(0).normal(size=200_000))
    assert len(spread.counts) == 30
    assert len(spread.edges) == 31
    assert summarize(np.array([True, False])).zeros == 1
    assert summarize(np.array([np.float64(1), np.nextafter(1.0, 2.0)])).counts == [2]


def test_a_picture_is_ready_for_json() -> None:
    import json

    picture = Picture(
        "t", boxes=[Box(0, "leaf", "a", value=summarize([float("nan"), 1.0]))], edges=[Edge(0, 0, 0)], forward=[0]
    )
    plain = json.loads(json.dumps(picture.as_dict(), allow_nan=False))
    assert plain["boxes"][0]["value"]["values"] == ["NaN", 1.0]
    json.dumps(draw_graph(LeNet(), inputs=images(), gradients=True).picture.as_dict(), allow_nan=False)


@pytest.mark.parametrize("name", ["tinygrad_cnn.viz", "tinygrad_cnn.viz.graph.drawing"])
def test_examples_in_docstrings(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert tried
    assert not failed


@pytest.mark.parametrize("lives", [2, 3])
def test_a_graph_that_ends_the_process_is_laid_out_more_simply(
    lives: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Graphviz 12 does so on some graphs with parts that it packs; the user's process lives on."""
    tries = tmp_path / "tries"
    (tmp_path / "pygraphviz.py").write_text(
        "import os, signal\n"
        "class AGraph:\n"
        "    def __init__(self, string): self.string = string\n"
        "    def draw(self, *args, **kwargs):\n"
        f"        open({str(tries)!r}, 'a').write('x')\n"
        "        if 'pack' in self.string: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"        if {lives} == 2: return b'<svg/>'\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(rendering.importlib.util, "find_spec", lambda _name: True)
    source = "digraph { graph [pack=14 packmode=array_t100 pad=0.2] a -> b }"
    if lives == 2:
        assert rendering.render(source, "svg") == b"<svg/>"
    else:
        with pytest.raises(RuntimeError, match=r"could not draw this graph as svg: exit status -9"):
            rendering.render(source, "svg")
    assert tries.read_text() == "xx"
