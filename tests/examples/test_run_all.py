"""The table of all recipes: what is in it, what is run, and when it is an error."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from examples.recipes import RECIPES


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As the processes that it starts will import it."""
    monkeypatch.syspath_prepend(RECIPES)
    return importlib.import_module("run_all")


TOOLS = {"run_all", "draw_sheet", "make_notebook"}
FILES = [file for file in sorted(RECIPES.glob("*.py")) if file.stem not in TOOLS]
OPTIONS = ("--data-dir", "--epochs", "--seed", "--quick", "--out")


def kept(folder: Path, name: str, result: dict[str, Any], seconds: float = 60.0) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"result": result, "seconds": seconds}))


def test_every_recipe_is_in_the_table(module: Any) -> None:
    assert {file.stem for file in FILES} == {line.recipe for line in module.LINES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_recipe_is_short_and_takes_the_same_options(file: Path) -> None:
    """Short without what is text: the docstring at the top, and the cells of the notebook that are no code."""
    text = file.read_text("utf-8")
    code = text.split('"""', 2)[2] if "# %%" in text else text
    lines = [line for line in code.splitlines() if not (line.lstrip().startswith("#") or not line) or code is text]
    assert len(lines) < 120
    assert [option for option in OPTIONS if f'"{option}"' not in text] == []


def test_the_table_shows_mean_spread_and_time(
    module: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From runs that were kept: nothing is run again."""
    monkeypatch.setattr(module, "run", None)
    for seed, accuracy in enumerate((0.991, 0.993, 0.995)):
        kept(tmp_path, f"full_pipeline_seed_{seed}", {"accuracy": accuracy}, 100.0 + seed)
        splits = {"splits": [0.99, 1.0], "drawn": 0.5 + seed / 10, "MNIST": 0.93}
        kept(tmp_path, f"handdrawn_seed_{seed}", splits)
    module.main(["--only", "full_pipeline", "handdrawn", "--out", str(tmp_path)])
    rows = [[cell.strip() for cell in row.split("|")] for row in capsys.readouterr().out.splitlines()]
    cells = {row[2]: row[4:7] for row in rows if len(row) > 6}
    assert cells["the full pipeline"] == ["99.30% (99.10% to 99.50%)", "99.2%", "101"]
    assert cells["250 drawn digits, mean of 10 splits"] == ["99.50% (99.50% to 99.50%)", "99.0%", "60"]
    assert cells["MNIST's test part after these 250"] == ["60.00% (50.00% to 70.00%)", "", "60"]


def test_a_mean_that_is_too_low_is_an_error(module: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path, "full_pipeline_seed_5", {"accuracy": 0.9919})
    with pytest.raises(SystemExit, match="not all reach"):
        module.main(["--only", "full_pipeline", "--seeds", "5", "--out", str(tmp_path)])
    assert "99.19%: **too low**" in capsys.readouterr().out


def test_the_whole_table_goes_into_a_file(module: Any, tmp_path: Path) -> None:
    for line in module.LINES:
        name = "_".join([line.recipe, *(option.strip("-") for option in line.options), "seed_0"])
        kept(tmp_path, name, {other.key: 1.0 for other in module.LINES})
    module.main(["--seeds", "0", "--out", str(tmp_path), "--table", str(tmp_path / "table.md")])
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert text.count("100.00%") == len(module.LINES)
    assert "`record.py --data fashion`" in text


def test_a_recipe_that_fails_is_named_with_its_log(module: Any, tmp_path: Path) -> None:
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (tmp_path / name).write_bytes(b"no digits")
    with pytest.raises(SystemExit) as stopped:
        module.main(["--only", "handdrawn", "--quick", "--data-dir", str(tmp_path), "--out", str(tmp_path)])
    assert "handdrawn.py" in str(stopped.value)
    assert "MNIST in root" in str(stopped.value)
    assert str(tmp_path / "handdrawn_seed_0_quick.log") in str(stopped.value)
    assert not list(tmp_path.glob("*.json"))
