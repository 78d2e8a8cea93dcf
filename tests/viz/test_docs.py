"""The code of docs/pictures.md runs as it stands there, on fewer digits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn.data.mnist import Digits, ImageDataset

DOCS = Path(__file__).parents[2] / "docs"


def test_the_code_runs(run: Run, monkeypatch: Any, tmp_path: Path) -> None:
    pixels = (255 * run.x[:, 0]).astype(np.uint8)
    parts = [ImageDataset(pixels[p], run.y[p], tuple("0123456789"), "tests") for p in (slice(200), slice(200, 400))]
    monkeypatch.setattr(tg.data, "load_mnist", lambda **_: Digits(*parts, "a few"))
    monkeypatch.chdir(tmp_path)
    code = "".join(re.findall(r"^```python\n(.*?)^```", (DOCS / "pictures.md").read_text(), re.DOTALL | re.MULTILINE))
    for long, short in (
        ("callbacks=[recorder, path]", "callbacks=[recorder, path], progress=False"),
        ("three_runs", "[history] * 3"),
        ("points=25", "points=3"),
    ):
        assert long in code
        code = code.replace(long, short)
    exec(code.replace("three_more", "[history] * 3"), {})
    assert (tmp_path / "runs" / "digits.html").stat().st_size > 100_000
    assert (tmp_path / "runs" / "compared.html").stat().st_size > 20_000


def test_every_picture_shown_is_there() -> None:
    shown = re.findall(r"!\[.+?\]\((.+?)\)", (DOCS / "pictures.md").read_text())
    assert len(shown) >= 15
    for name in shown:
        assert 0 < (DOCS / name).stat().st_size < 150_000, name
