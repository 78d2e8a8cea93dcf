"""The example that draws graphs: it runs, writes what it says, and needs no more than what is installed."""

from __future__ import annotations

import importlib.util
import runpy
import shutil
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "visualize_graph.py"


def test_it_draws_three_graphs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    formats = ["dot"]
    if shutil.which("dot") or importlib.util.find_spec("pygraphviz"):
        formats += ["svg", "png", "pdf"]
    if importlib.util.find_spec("tinygrad_cnn.viz.graph.html"):
        formats.append("html")
    folder = tmp_path / "new" / "folder"
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, "--out", str(folder), "--formats", *formats])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    written = {path.name for path in folder.iterdir()}
    assert written == {f"{name}.{format}" for name in ("expression", "mlp", "convnet") for format in formats}
    said = capsys.readouterr().out
    assert all(name in said for name in written)
