"""The worst mistakes: the right images, in the right order, under the right words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz import plot_mistakes, worst_mistakes


def test_they_are_the_wrong_ones_sorted_by_loss(run: Run) -> None:
    order = worst_mistakes(run.y, run.logits)
    loss = F.cross_entropy(tg.tensor(run.logits), tg.tensor(run.y), reduction="none").numpy()
    assert set(order) == set(np.flatnonzero(run.logits.argmax(1) != run.y))
    assert (np.diff(loss[order]) <= 1e-5).all()
    assert worst_mistakes(run.y, run.logits, count=3).tolist() == order[:3].tolist()


def test_the_gallery_shows_them(run: Run) -> None:
    figure = plot_mistakes(tg.tensor(run.x), tg.tensor(run.y), tg.tensor(run.logits), count=6, columns=4)
    order = worst_mistakes(run.y, run.logits)
    (ax,) = figure.axes
    assert len(ax.images) == len(ax.texts) == 6
    p = np.exp(F.log_softmax(tg.tensor(run.logits), 1).numpy())
    for i, image, text in zip(order, ax.images, ax.texts, strict=False):
        np.testing.assert_array_equal(image.get_array(), run.x[i, 0])
        said, true = text.get_text().split("\n")
        assert said.startswith(f"pred {run.logits[i].argmax()}: ")
        assert true.startswith(f"true {run.y[i]}: ")
        assert float(said.split()[2]) == pytest.approx(100 * p[i].max(), abs=0.06)
    assert ax.get_title(loc="left") == f"{len(order)} of 400 wrong: the worst 6"
    left = [image.get_extent()[0] for image in ax.images]
    assert left[0] == left[4] < left[1] < left[2] < left[3]


def test_probabilities_and_names_and_colours() -> None:
    images = np.random.default_rng(0).normal(0, 3, (3, 3, 4, 5))
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    figure = plot_mistakes(images, [1, 0, 1], p, from_logits=False, display_labels=["a cat", "$dog"])
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts == ["pred a cat: 90.0 %\ntrue \\$dog: 10.0 %", "pred \\$dog: 80.0 %\ntrue a cat: 20.0 %"]
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (4, 5, 3)
    assert (shown.min(), shown.max()) == (0, 1)  # normalised images are stretched


def test_no_mistakes_are_said() -> None:
    figure = plot_mistakes(np.zeros((2, 8, 8)), [0, 1], np.eye(2))
    assert [t.get_text() for t in figure.axes[0].texts] == ["no mistakes"]
    assert figure.axes[0].get_title(loc="left") == "0 of 2 wrong"


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((np.zeros((3, 8, 8)), [0, 1], np.eye(2)), {}, ValueError, "3 images, but outputs for 2"),
        ((np.zeros((2, 8, 8)), [0, 1, 1], np.eye(2)), {}, ValueError, r"scores \(N, C\)"),
        ((np.zeros((2, 8, 8)), [0, 2], np.eye(2)), {}, ValueError, r"0\.\.1, got 0\.\.2"),
        ((np.zeros((2, 8, 8)), [0.0, 1.0], np.eye(2)), {}, TypeError, "integers"),
        ((np.zeros((2, 2, 8, 8)), [1, 0], np.eye(2)), {}, ValueError, "images must be"),
        ((np.zeros((2, 8, 8)), [1, 0], np.eye(2)), {"count": 0}, ValueError, "count must be an integer >= 1"),
        ((np.zeros((2, 8, 8)), [1, 0], 3 * np.eye(2)), {"from_logits": False}, ValueError, "probabilities"),
    ],
)
def test_what_cannot_be_drawn_is_said(arguments: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        plot_mistakes(*arguments, **options)
