"""The recipe of an MLP from raw linear algebra: its gradients are right, wrong ones are found, and it learns."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from examples.recipes import RECIPES, load
from tinygrad_cnn.data.mnist import Digits, ImageDataset

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mlp_from_math.md"


@pytest.fixture
def recipe() -> Any:
    pytest.importorskip("matplotlib", reason="the recipe draws with matplotlib")
    return load("mlp_from_math")


@pytest.fixture
def case() -> tuple[Any, Any, list[Any]]:
    """Seven images of twelve pixels, five hidden units, four classes; biases that are not zero."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(7, 12)), np.eye(4)[rng.integers(0, 4, 7)]
    return x, t, [rng.normal(size=shape) for shape in ((12, 5), 5, (5, 4), 4)]


def test_gradients_are_those_of_finite_differences(recipe: Any, case: Any) -> None:
    x, t, parameters = case
    step = 1e-6
    for a, g in zip(parameters, recipe.gradients(x, t, *parameters), strict=True):
        assert g.shape == a.shape
        slopes = np.empty_like(a)
        for place in np.ndindex(a.shape):
            before = a[place]
            a[place] = before + step
            above = recipe.measure(x, t, parameters)[0]
            a[place] = before - step
            below = recipe.measure(x, t, parameters)[0]
            a[place] = before
            slopes[place] = (above - below) / (2 * step)
        # the difference of two losses near 1 is off by 1e-16 / 1e-6, and the third derivative times step^2 by 1e-12
        np.testing.assert_allclose(g, slopes, rtol=0, atol=1e-8)


def test_check_is_content_with_right_gradients(recipe: Any, case: Any, capsys: pytest.CaptureFixture[str]) -> None:
    x, t, parameters = case
    recipe.check(x.astype(np.float32), t, [a.astype(np.float32) for a in parameters])
    assert re.match(
        r"gradients by hand and by the framework differ by \d\.\de-1\d of their size", capsys.readouterr().out
    )


def all_units(recipe: Any, x: Any, t: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> list[Any]:
    """The gradients of one who forgot that a relu lets nothing through where it is 0."""
    g2 = (recipe.forward(x, w1, b1, w2, b2)[-1] - t) / len(x)
    _, _, gw2, gb2 = recipe.gradients(x, t, w1, b1, w2, b2)
    return [x.T @ (g2 @ w2.T), (g2 @ w2.T).sum(axis=0), gw2, gb2]


@pytest.mark.parametrize(
    "change",
    [
        lambda recipe, x, *rest: [g * len(x) for g in recipe.gradients(x, *rest)],
        lambda recipe, *inputs: [*recipe.gradients(*inputs)[:3], recipe.gradients(*inputs)[3] * (1 + 1e-9)],
        lambda recipe, *inputs: [np.full_like(recipe.gradients(*inputs)[0], np.nan), *recipe.gradients(*inputs)[1:]],
        all_units,
    ],
    ids=["a sum and no mean", "slightly off", "not a number", "no relu"],
)
def test_check_finds_wrong_gradients(
    change: Callable[..., Any], recipe: Any, case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = type("Right", (), {"gradients": staticmethod(recipe.gradients), "forward": staticmethod(recipe.forward)})
    monkeypatch.setattr(recipe, "gradients", lambda *inputs: change(twin, *inputs))
    with pytest.raises(SystemExit, match=r"gradients\(\) is wrong: relative errors of gw1, gb1, gw2, gb2 are \["):
        recipe.check(*case)


def test_wrong_gradients_end_the_run_before_it_learns(
    recipe: Any, digits: Digits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: digits)
    right = recipe.gradients
    monkeypatch.setattr(recipe, "gradients", lambda *inputs: [2 * g for g in right(*inputs)])
    monkeypatch.setattr(recipe, "learn", lambda *_args: pytest.fail("it went on"))
    with pytest.raises(SystemExit, match="is wrong"):
        recipe.main(["--quick", "--out", str(tmp_path)])


def test_scores_that_would_overflow_do_not(recipe: Any) -> None:
    x, eye = np.array([[1000.0, 999.0]]), np.eye(2)
    p = recipe.forward(x, eye, np.zeros(2), eye, np.zeros(2))[-1]
    np.testing.assert_allclose(p, [[np.e / (1 + np.e), 1 / (1 + np.e)]])


def test_quick_learns_draws_and_saves(
    recipe: Any, digits: Digits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: digits)
    result = recipe.main(["--quick", "--out", str(tmp_path / "a" / "b")])
    out = capsys.readouterr().out.strip().splitlines()
    assert result["accuracy"] > 0.88
    assert out[0].startswith("digits: 5,000 digits of MNIST")
    assert out[-2].endswith(str(tmp_path / "a" / "b"))
    assert out[-1] == f"test accuracy: {result['accuracy']:.2%}"
    assert len(result["history"]) == 12
    for name in ("curves", "weights", "doubts"):
        assert (tmp_path / "a" / "b" / f"{name}.png").read_bytes().startswith(b"\x89PNG")

    saved = tg.load(tmp_path / "a" / "b" / "mlp_from_math.safetensors")
    images, labels = digits.test.arrays()
    p = recipe.forward(images.reshape(-1, 784), *(saved[name] for name in ("w1", "b1", "w2", "b2")))[-1]
    assert np.mean(p.argmax(axis=1) == labels) == result["accuracy"]
    assert {a.dtype for a in saved.values()} == {np.dtype("float32")}


def test_the_same_seed_gives_the_same_bits(
    recipe: Any, digits: Digits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    part = ImageDataset(digits.train.data[:600], digits.train.targets[:600], digits.train.classes, "tests")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: Digits(part, part, "a few digits"))
    nets = []
    for i, seed in enumerate("001"):
        recipe.main(["--epochs", "2", "--seed", seed, "--out", str(tmp_path / str(i))])
        nets.append(tg.load(tmp_path / str(i) / "mlp_from_math.safetensors"))
    for name, value in nets[0].items():
        np.testing.assert_array_equal(value, nets[1][name], err_msg=name)
        assert (value != nets[2][name]).any()


def test_doubtful_digits_are_those_with_two_that_are_close(recipe: Any) -> None:
    p = np.full((20, 10), 0.01)
    for n in range(20):
        p[n, n % 10], p[n, (n + 1) % 10] = 0.46 + n / 100, 0.46 - n / 100
    shuffled = np.random.default_rng(0).permutation(20)
    figure = recipe.draw_doubts(np.zeros((20, 784)), np.eye(10)[shuffled % 10], p[shuffled])
    titles = [ax.get_title() for ax in figure.axes[1::2]]
    assert titles[0] in ("0 or 1?", "1 or 0?")
    assert titles[1:] == [f"{n % 10} or {(n + 1) % 10}?" for n in range(1, 12)]
    bars = figure.axes[3].patches
    np.testing.assert_allclose([bar.get_height() for bar in bars], p[1])
    assert [bar.get_facecolor() != bars[0].get_facecolor() for bar in bars] == [n == 1 for n in range(10)]


def test_the_page_shows_the_code_as_it_is() -> None:
    """Every line of the page's Python stands in the recipe, and every picture of it in docs/images."""
    code = (RECIPES / "mlp_from_math.py").read_text(encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    assert len(lines) > 12
    for line in lines:
        assert line in code, line
    for picture in re.findall(r"\]\((images/\S+)\)", page):
        assert (PAGE.parent / picture).is_file(), picture
