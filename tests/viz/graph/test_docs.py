"""The code of docs/graphs.md runs as it stands there, in order, and draws what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tinygrad_cnn import viz

PAGE = Path(__file__).parents[3] / "docs" / "graphs.md"


def test_the_code_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    drawn: list[Any] = []
    draw = viz.draw_graph
    monkeypatch.setattr(viz, "draw_graph", lambda *given, **named: drawn.append(draw(*given, **named)) or drawn[-1])
    code = "".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    exec(code.replace("expression.svg", "expression.dot"), {"__name__": "docs"})  # Graphviz may be missing
    assert {path.name for path in tmp_path.iterdir()} == {
        "expression.dot", "graph.html", "convnet.html", "failed.html",
    }  # fmt: skip
    failed = next(graph for graph in drawn if any(box.kind == "failed" for box in graph.picture.boxes))
    said = next(box.remedy for box in failed.picture.boxes if box.kind == "failed")
    assert said.removeprefix("write ") in PAGE.read_text(), "the page names the line to write"


def test_every_picture_shown_is_there() -> None:
    shown = re.findall(r"!\[.+?\]\((.+?)\)", PAGE.read_text())
    assert len(shown) >= 8
    for name in shown:
        assert 0 < (PAGE.parent / name).stat().st_size < 150_000, name
