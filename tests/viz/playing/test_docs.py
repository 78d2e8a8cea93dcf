"""The code of docs/playground.md runs, and what it shows of the engine is the engine's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tinygrad_cnn.viz.kit.page import part
from tinygrad_cnn.viz.playing.playground import SCRIPTS

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "playground.md").read_text(encoding="utf-8")


def test_the_code_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    exec("".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)), {})
    assert (tmp_path / "mine.html").stat().st_size > (tmp_path / "playground.html").stat().st_size


def test_the_engine_that_is_shown_is_the_engine() -> None:
    engine = part("tinygrad_cnn.viz.playing", "web/engine.js")
    shown = re.findall(r"^```js\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert len(shown) == 1
    assert shown[0] in engine
    assert abs(len([line for line in engine.splitlines() if line.strip()]) - 130) < 15, "the docs say 130 lines"


def test_the_picture_is_there() -> None:
    assert 0 < (DOCS / "images" / "playground.png").stat().st_size < 300_000


def test_the_front_page_is_the_playground_as_it_is() -> None:
    """`python docs/make_front_page.py` writes it anew; what the kit has changed since is let pass."""
    page = (DOCS / "index.html").read_text(encoding="utf-8")
    for name in SCRIPTS:
        assert part("tinygrad_cnn.viz.playing", f"web/{name}.js") in page, name
