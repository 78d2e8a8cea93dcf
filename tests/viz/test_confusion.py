"""The confusion matrix: the numbers in the cells are the counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn.viz import plot_confusion_matrix


def cells(figure: Figure) -> dict[tuple[int, ...], str]:
    """(row, column): text."""
    return {
        (int(t.get_position()[1]), int(t.get_position()[0])): t.get_text().replace(",", "")
        for t in figure.axes[0].texts
    }


def test_the_cells_are_the_counts_of_a_real_run(run: Run) -> None:
    figure = plot_confusion_matrix(tg.tensor(run.y), tg.tensor(run.logits))
    counts = np.zeros((10, 10), int)
    for true, said in zip(run.y, run.logits.argmax(1), strict=True):
        counts[true, said] += 1
    assert cells(figure) == {(i, j): str(counts[i, j]) for i, j in np.ndindex(10, 10) if counts[i, j]}
    (ax,) = figure.axes
    right = 100 * np.trace(counts) / 400
    assert float(ax.get_title(loc="left").split()[1]) == pytest.approx(right, abs=0.06)
    assert ax.get_title(loc="left").endswith("% of 400")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    assert [t.get_text() for t in ax.get_xticklabels()] == list("0123456789")


def test_colours_part_right_from_wrong_and_grow_with_the_share() -> None:
    figure = plot_confusion_matrix([[90, 10, 0], [1, 98, 1], [0, 25, 75]])
    paint = figure.axes[0].images[0].get_array()
    blue, orange = paint[0, 0, :3], paint[0, 1, :3]
    for i, j in np.ndindex(3, 3):
        np.testing.assert_array_equal(paint[i, j, :3], blue if i == j else orange)
    assert not np.array_equal(blue, orange)
    depth = paint[..., 3]
    assert depth[0, 2] == 0  # nothing there: the background
    assert depth[2, 1] > depth[0, 1] > depth[1, 0] > 0
    assert depth[1, 1] > depth[0, 0] > depth[2, 2]


@pytest.mark.parametrize(
    ("how", "expected", "label"),
    [
        ("true", [["75.0", "25.0"], ["40.0", "60.0"]], "% of the row"),
        ("pred", [["78.9", "45.5"], ["21.1", "54.5"]], "% of the column"),
        ("all", [["50.0", "16.7"], ["13.3", "20.0"]], "% of all"),
    ],
)
def test_shares_are_those_of_scikit_learn(how: str, expected: Any, label: str) -> None:
    figure = plot_confusion_matrix([[15, 5], [4, 6]], normalize=how, display_labels=["cat", "dog"], title="pets")
    assert cells(figure) == {(i, j): expected[i][j] for i, j in np.ndindex(2, 2)}
    (ax,) = figure.axes
    assert label in ax.get_xlabel()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog"]
    assert ax.get_title(loc="left") == "pets"


def test_two_classes_show_their_zeros_and_ten_do_not() -> None:
    assert cells(plot_confusion_matrix([[3, 0], [0, 2]]))[0, 1] == "0"
    assert len(cells(plot_confusion_matrix(np.eye(10, dtype=int)))) == 10
    tiny = plot_confusion_matrix([[9999, 1], [0, 5]], normalize="true")
    assert cells(tiny)[0, 1] == "<0.1"  # a mistake is never shown as none


def test_many_classes_have_colours_and_a_scale_but_no_numbers() -> None:
    figure = plot_confusion_matrix(np.arange(100) % 50, np.arange(100) % 49)
    assert not figure.axes[0].texts
    assert figure.axes[1].get_ylabel() == "mistakes, share of the row"
    assert len(figure.axes[0].get_xticks()) <= 40


def test_long_names_are_turned() -> None:
    names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "$andal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
    figure = plot_confusion_matrix(np.arange(10), np.arange(10), display_labels=names)
    labels = figure.axes[0].get_xticklabels()
    assert {t.get_rotation() for t in labels} == {45}
    assert labels[5].get_text() == r"\$andal"
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([0, 1], [0]), {}, "shape"),
        (([0, 1], [0, 5]), {"display_labels": ["a", "b"]}, "out of range for 2 classes"),
        (([0, 3], np.ones((2, 3))), {}, "out of range"),
        (([[1, 2, 3]],), {}, "square matrix"),
        (([[1.5, 2], [3, 4]],), {}, "square matrix"),
        (([[0, 0], [0, 0]],), {}, "no samples"),
        (([0, 2], [0, 1]), {"normalize": "row"}, "normalize must be one of None, 'true'"),
        (([[1, 2], [3, 4]],), {"display_labels": ["a"]}, "1 names, but there are 2 classes"),
    ],
)
def test_what_cannot_be_drawn_is_said(arguments: Any, options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plot_confusion_matrix(*arguments, **options)
    with pytest.raises(TypeError, match="classes"):
        plot_confusion_matrix([0.5], [1])
    with pytest.raises(TypeError, match="display_labels"):
        plot_confusion_matrix([[1, 0], [0, 1]], display_labels="ab")
