"""The program of docs/vision.md runs, on small files in MNIST's form."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import tinygrad_cnn as tg
from tests.data.small import NAMES, SIZES, put
from tinygrad_cnn import vision
from tinygrad_cnn.data import MNIST


def test_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("PIL", reason="no Pillow")
    pytest.importorskip(f"{vision.__name__}.transforms", reason="no transforms of single samples")
    page = Path(__file__).parents[2] / "docs" / "vision.md"
    _, program, _ = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    raw = put(tmp_path / "data" / "MNIST" / "raw", suffix="")
    digests = {name: hashlib.sha256((raw / name).read_bytes()).hexdigest() for name in NAMES}
    monkeypatch.setattr(MNIST, "sha256", digests)
    monkeypatch.setattr(MNIST, "sizes", SIZES)
    monkeypatch.chdir(tmp_path)
    tg.manual_seed(0)
    exec(compile(program, "vision.md", "exec"), {})
    assert re.fullmatch(r"\d of 5 right\n", capsys.readouterr().out)
