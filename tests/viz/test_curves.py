"""Learning curves: the lines are the history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.viz.conftest import Run
from tinygrad_cnn.viz import plot_learning_curves

ROWS = [
    {"epoch": e, "train loss": 1 / e, "validation loss": 2 / e, "train accuracy": 1 - 0.5 / e} for e in (1, 2, 3, 4)
]


def lines(figure: Figure, panel: int = 0) -> dict[str, Any]:
    return {str(line.get_label()): line for line in figure.axes[panel].lines}


def test_the_lines_are_the_history_of_a_real_run(run: Run) -> None:
    history = run.histories[0]
    figure = plot_learning_curves(history)
    loss, accuracy = figure.axes  # neither the learning rate nor times
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    assert {ax.get_xlabel() for ax in figure.axes} == {"epoch"}
    for ax, name in ((loss, "loss"), (accuracy, "accuracy")):
        training, validation = ax.lines
        np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(training.get_ydata(), history[name])
        np.testing.assert_array_equal(validation.get_ydata(), history[f"val_{name}"])
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["training", "validation"]
        assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")  # not by colour alone
        assert training.get_markerfacecolor() == training.get_color()
        assert validation.get_markerfacecolor() == ax.get_facecolor()  # hollow
    figure.draw_without_rendering()
    assert all(t.get_text().endswith("%") for t in accuracy.get_yticklabels())


def test_several_seeds_are_a_mean_and_a_band(run: Run) -> None:
    figure = plot_learning_curves(run.histories, metrics="val_loss")
    table = np.array([h["val_loss"] for h in run.histories])
    (ax,) = figure.axes
    np.testing.assert_allclose(ax.lines[1].get_ydata(), table.mean(axis=0))
    corners = ax.collections[1].get_paths()[0].vertices
    mean, std = table.mean(axis=0), table.std(axis=0, ddof=1)
    for epoch in (1, 2, 3):
        ys = np.unique(corners[corners[:, 0] == epoch, 1])
        np.testing.assert_allclose(
            [ys.min(), ys.max()], [mean[epoch - 1] - std[epoch - 1], mean[epoch - 1] + std[epoch - 1]]
        )
    assert ax.get_legend().get_title().get_text() == "mean of 2 runs, ± one std"
    plain = plot_learning_curves(run.histories, metrics="loss", spread=None)
    assert not plain.axes[0].collections


def test_the_range_reaches_from_lowest_to_highest() -> None:
    runs = [{"loss": [3.0, 1.0]}, {"loss": [1.0, 2.0]}, {"loss": [2.0]}]  # the last one stopped early
    figure = plot_learning_curves(runs, spread="range")
    (ax,) = figure.axes
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [2, 1.5])
    corners = ax.collections[0].get_paths()[0].vertices
    assert set(corners[corners[:, 0] == 1, 1]) == {1, 3}
    assert set(corners[corners[:, 0] == 2, 1]) == {1, 2}


@pytest.mark.parametrize("form", [ROWS, {key: [row[key] for row in ROWS] for key in ROWS[0]}], ids=["rows", "columns"])
def test_columns_are_paired_by_their_names(form: Any) -> None:
    figure = plot_learning_curves(form, metrics=["loss", "error"], log=True)
    drawn = lines(figure)
    np.testing.assert_allclose(drawn["training"].get_ydata(), [1, 1 / 2, 1 / 3, 1 / 4])
    np.testing.assert_allclose(drawn["validation"].get_ydata(), [2, 1, 2 / 3, 2 / 4])
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), [0.5, 0.25, 0.5 / 3, 0.125])  # 1 - accuracy
    assert [ax.get_yscale() for ax in figure.axes] == ["log", "log"]
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "error"]


def test_rivals_have_names_and_colours() -> None:
    rivals = {"SGD": [{"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}] * 2, "$Adam$": {"loss": [1.0, 0.5, 0.2]}}
    figure = plot_learning_curves(rivals)
    texts = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert texts == ["SGD, training, 2 runs", "SGD, validation, 2 runs", r"\$Adam\$, training, 1 run"]
    a, b, c = figure.axes[0].lines
    assert a.get_color() == b.get_color() != c.get_color()
    assert a.get_marker() != c.get_marker()
    np.testing.assert_array_equal(c.get_xdata(), [1, 2, 3])


def test_the_user_s_axes_are_used() -> None:
    figure = Figure()
    axes = figure.subplots(2)
    assert plot_learning_curves(ROWS, ax=axes) is figure
    assert [len(ax.lines) for ax in axes] == [2, 1]
    inner = figure.add_subfigure(figure.add_gridspec(1, 1)[0]).subplots()
    assert plot_learning_curves(ROWS, metrics="loss", ax=inner) is figure
    with pytest.raises(ValueError, match="2 panels to draw, but ax has 1"):
        plot_learning_curves(ROWS, ax=axes[0])
    with pytest.raises(TypeError, match="ax must be Matplotlib Axes"):
        plot_learning_curves(ROWS, metrics="loss", ax=figure)


@pytest.mark.parametrize(
    ("runs", "options", "error", "words"),
    [
        ([], {}, ValueError, "no run|no epochs"),
        ({}, {}, ValueError, "no epochs"),
        (3, {}, TypeError, "a run is a History"),
        ([[1, 2]], {}, TypeError, "a run is a History"),
        ({"loss": [1.0], "val_loss": [1.0, 2.0]}, {}, ValueError, "equally long, got loss 1, val_loss 2"),
        ({"loss": []}, {}, ValueError, "no epochs"),
        (ROWS, {"metrics": "f1"}, ValueError, "have no 'f1'; they have loss, accuracy"),
        (ROWS, {"spread": "sem"}, ValueError, "spread must be one of 'std', 'range', None"),
        ({"lr": [1.0]}, {}, ValueError, "nothing to draw but lr"),
    ],
)
def test_what_cannot_be_drawn_is_said(runs: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        plot_learning_curves(runs, **options)
