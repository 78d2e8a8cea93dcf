"""The hand-drawn recipe, whole: a template, a sheet drawn on it, the set cut from it, a net, and what the net says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from examples.recipes import load
from tinygrad_cnn.data.mnist import Digits

Image = pytest.importorskip("PIL.Image", reason="sheets need Pillow")
COLUMNS = 6


@pytest.fixture(scope="module")
def recipe() -> Any:
    pytest.importorskip("matplotlib", reason="the recipe draws its curves with matplotlib")
    return load("handdrawn")


@pytest.fixture(scope="module")
def renderer() -> Any:
    return load("draw_sheet")


@pytest.fixture(scope="module")
def sheets(recipe: Any, renderer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a template and two people's sheets."""
    folder = tmp_path_factory.mktemp("sheets")
    recipe.main(["make-template", str(folder / "template.png"), "--columns", str(COLUMNS)])
    for seed, name in enumerate(("anna", "ben")):
        layout = tg.data.SheetLayout(COLUMNS)
        renderer.draw_sheet(folder / "template.png", folder / f"{name}.png", layout, seed)
    return folder


def split(recipe: Any, sheet: Path, csv: Path, *options: str) -> None:
    recipe.main(["split", str(sheet), str(csv), "--columns", str(COLUMNS), *options])


def test_from_the_template_to_the_prediction(
    recipe: Any, sheets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("anna", "ben"):
        split(recipe, sheets / f"{name}.png", tmp_path / f"{name}.csv")
    assert "anna.csv: 60 digits, anna-0000 to anna-0059" in capsys.readouterr().out

    tg.manual_seed(0)
    known, unseen = (tg.data.load_drawn_csv(tmp_path / f"{name}.csv") for name in ("anna", "ben"))
    np.testing.assert_array_equal(known.targets, np.repeat(np.arange(10), COLUMNS))
    net = recipe.learn(known, 60, "anna").model
    tg.save(net.state_dict(), tmp_path / "net.safetensors")

    again = recipe.make_net()
    again.load_state_dict(tg.load(tmp_path / "net.safetensors"))
    again.eval()
    images, labels = unseen.arrays()
    with tg.no_grad():
        predictions = again(tg.tensor(images)).argmax(1).numpy()
    assert np.mean(predictions == labels) > 0.75  # another's digits, after six of each


def test_training_measures_and_saves(
    recipe: Any, sheets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two people's sets go together; the shipped set stands in for MNIST."""
    for name in ("anna", "ben"):
        split(recipe, sheets / f"{name}.png", tmp_path / f"{name}.csv")
    shipped = tg.data.load_drawn_csv(recipe.SHIPPED)
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: Digits(shipped, shipped, "a test's own"))
    files = [str(tmp_path / f"{name}.csv") for name in ("anna", "ben")]
    result = recipe.main(["--quick", "--out", str(tmp_path / "out"), "--set", *files])
    out = capsys.readouterr().out
    assert "drawn: 120 digits by anna, ben" in out
    assert "real: a test's own" in out
    assert "2 random splits, 96 to learn, 24 to test: mean" in out
    assert len(result["splits"]) == 2
    assert result["MNIST"] > 0.7  # it has seen these
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    recipe.make_net().load_state_dict(tg.load(tmp_path / "out" / "handdrawn.safetensors"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda sheet: sheet.rotate(-90, expand=True, fillcolor="white"),
            "rotated by 90 degrees clockwise: turn it back",
        ),
        (lambda sheet: sheet.rotate(9, expand=True, fillcolor="white"), "misaligned: turned 9 degrees"),
        (lambda sheet: sheet.resize((120, 180)), "wrong size: 120 x 180 pixels are too few"),
        (lambda sheet: sheet.resize((sheet.width, sheet.height * 5 // 4)), "wrong size: the marks stand as for"),
        (None, "all cells are empty or cut off"),
    ],
    ids=["rotated", "misaligned", "too small", "stretched", "empty"],
)
def test_a_bad_sheet_gets_a_clear_message_and_no_csv(
    change: Any, message: str, recipe: Any, sheets: Path, tmp_path: Path
) -> None:
    sheet = change(Image.open(sheets / "anna.png")) if change else Image.open(sheets / "template.png")
    sheet.save(tmp_path / "bad.png")
    with pytest.raises(SystemExit) as stopped:
        split(recipe, tmp_path / "bad.png", tmp_path / "bad.csv")
    assert message in str(stopped.value)
    assert "bad.png" in str(stopped.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.png"]


def test_cells_can_be_left_out(recipe: Any, sheets: Path, tmp_path: Path) -> None:
    from PIL import ImageDraw

    sheet = Image.open(sheets / "anna.png").convert("RGB")
    left, top, right, bottom = tg.data.SheetLayout(COLUMNS).box(4, 2)
    ImageDraw.Draw(sheet).rectangle((left + 2, top + 2, right - 2, bottom - 2), "white")
    sheet.save(tmp_path / "anna.png")
    with pytest.raises(SystemExit, match="digit 4, column 3 is empty"):
        split(recipe, tmp_path / "anna.png", tmp_path / "anna.csv")
    with pytest.warns(UserWarning, match="1 of 60 cells"):
        split(recipe, tmp_path / "anna.png", tmp_path / "anna.csv", "--skip")
    assert len(tg.data.load_drawn_csv(tmp_path / "anna.csv")) == 59


def test_the_shipped_set_is_what_the_renderer_draws(
    renderer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of Pillow may round a few pixels otherwise."""
    monkeypatch.setattr(sys, "argv", ["draw_sheet.py", "--csv", str(tmp_path / "again.csv")])
    renderer.main()
    again, shipped = (tg.data.load_drawn_csv(path) for path in (tmp_path / "again.csv", renderer.SHIPPED))
    assert again.ids == shipped.ids
    np.testing.assert_array_equal(shipped.targets, np.repeat(np.arange(10), 25))
    assert np.abs(again.data.astype(int) - shipped.data).mean() < 1
