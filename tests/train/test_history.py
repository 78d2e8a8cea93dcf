"""The history of a run: rows, columns, CSV, pictures."""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.train import History
from tinygrad_cnn.train.history import is_number, show


def example() -> History:
    return History(
        [
            {"epoch": 1, "loss": 0.5, "val_accuracy": 0.7, "matrix": np.eye(2)},
            {"epoch": 2, "loss": 0.25, "val_accuracy": 0.9},
            {"epoch": 3, "loss": math.nan, "val_accuracy": 0.8, "lr": 0.1},
        ]
    )


def test_columns_have_nan_where_an_epoch_has_no_value() -> None:
    history = example()
    assert history.keys() == ["epoch", "loss", "val_accuracy", "matrix", "lr"]
    assert history["epoch"] == [1, 2, 3]
    assert np.isnan(history["lr"]).tolist() == [True, True, False]
    assert len(history) == 3
    assert "loss" in history
    assert "val_loss" not in history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert list(history.to_dict()) == history.keys()
    with pytest.raises(KeyError, match="no 'val_loss'; it has epoch, loss"):
        history["val_loss"]


def test_rows_are_copies_of_what_was_given() -> None:
    row = {"epoch": 1, "loss": 1.0}
    history = History()
    history.append(row)
    row["loss"] = 2.0
    assert history["loss"] == [1.0]


@pytest.mark.parametrize("part", ["", "val_", "test ", "mean_squared_", "top5_"])
@pytest.mark.parametrize(("name", "low"), [("loss", True), ("error", True), ("accuracy", False), ("score", False)])
def test_a_name_says_whether_low_or_high_is_better(part: str, name: str, low: bool) -> None:
    history = History([{part + name: value} for value in (0.5, 0.25, 0.75)])
    assert history.best(part + name) == history.rows[1 if low else 2]
    assert history.best(part + name, "max") == history.rows[2]  # what is said goes before the name
    assert history.best(part + name, "min") == history.rows[1]


def test_best_goes_by_the_name_and_skips_nan() -> None:
    assert example().best("loss")["epoch"] == 2
    assert example().best("val_accuracy")["epoch"] == 2
    assert example().best("val_accuracy", "min")["epoch"] == 1
    with pytest.raises(ValueError, match="lower or a higher 'lr'"):
        example().best("lr")
    with pytest.raises(ValueError, match="'min' or 'max'"):
        example().best("loss", "low")
    with pytest.raises(ValueError, match="no epoch"):
        History([{"loss": math.nan}]).best("loss")


def test_csv_comes_back(tmp_path: Path) -> None:
    text = example().to_csv(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_text() == text
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == ["epoch", "loss", "val_accuracy", "lr"]  # the matrix is no number
    assert [float(r["loss"]) for r in rows[:2]] == [0.5, 0.25]
    assert rows[0]["lr"] == ""
    assert rows[2]["lr"] == "0.1"


def test_repr_is_a_table() -> None:
    assert repr(History()) == "History(no epochs)"
    lines = repr(example()).splitlines()
    assert lines[0].split() == ["epoch", "loss", "val_accuracy", "lr"]
    assert lines[2].split() == ["2", "0.2500", "0.9000"]
    assert len({len(line) for line in lines}) == 1


def test_numbers_are_shown_with_the_digits_that_matter() -> None:
    assert [show(v) for v in (0.0, 0.12345, -0.5, 12345.6, 1e-7, 3, math.nan)] == [
        "0.0000", "0.1235", "-0.5000", "12,345.6", "1e-07", "3", "nan",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (-0.0, "-0.0000"), (1e-3, "0.0010"), (9.9999e-4, "0.001"), (-1e-3, "-0.0010"), (999.99, "999.9900"),
        (1000.0, "1,000.0"), (-1000.0, "-1,000.0"), (999_999_999.0, "999,999,999.0"), (1e9, "1e+09"), (-1e9, "-1e+09"),
        (1234567, "1,234,567"), (math.inf, "inf"), (5.55555e-5, "5.56e-05"), ("text", "text"), (np.float32(0.5), "0.5"),
        (np.float64(0.5), "0.5000"),
    ],
)  # fmt: skip
def test_where_the_ways_to_show_a_number_meet(value: Any, text: str) -> None:
    assert show(value) == text


def test_what_counts_as_a_number() -> None:
    assert all(map(is_number, (1, 0.5, True, np.float32(1), np.array(3), math.nan)))
    assert not any(map(is_number, ("1", None, [1], np.zeros(1), np.zeros((1, 1)))))


def test_rows_without_an_epoch_are_counted_from_one() -> None:
    plt = pytest.importorskip("matplotlib.pyplot", reason="Matplotlib is not installed")
    history = History([{"top5_loss": 3.0}, {"top5_loss": 2.0}, {"epoch": 7, "top5_loss": 1.0, "val_top5_loss": 1.0}])
    ax = history.plot("top5_loss")
    assert [list(line.get_xdata()) for line in ax.lines] == [[1, 2, 7]] * 2
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert [line.get_marker() for line in ax.lines] == [".", "."]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "top5 loss")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    mine = plt.figure().add_subplot()
    assert [line.get_label() for line in history.plot("top5_loss", mine, label="a", linestyle=":").lines] == [
        "a",
        "validation",
    ]
    assert [line.get_linestyle() for line in mine.lines] == [":", ":"]
    plt.close("all")


def test_of_equal_values_the_first_is_the_best() -> None:
    history = History([{"epoch": i, "loss": v, "accuracy": v} for i, v in enumerate([2.0, 1.0, 1.0, 2.0], 1)])
    assert history.best("loss")["epoch"] == 2
    assert history.best("accuracy")["epoch"] == 1


def test_a_table_is_aligned_to_the_right() -> None:
    history = History([{"epoch": 1, "loss": 0.5, "m": np.eye(2)}, {"epoch": 10, "loss": 12345.5, "note": 3}])
    assert repr(history) == "epoch      loss  note\n    1    0.5000      \n   10  12,345.5     3"


def test_plot_draws_training_and_validation() -> None:
    plt = pytest.importorskip("matplotlib.pyplot", reason="Matplotlib is not installed")
    history = History([{"epoch": e, "loss": 1 / e, "val_loss": 2 / e} for e in (1, 2, 3)])
    ax = history.plot()
    assert [list(line.get_ydata()) for line in ax.lines] == [history["loss"], history["val_loss"]]
    assert ax.lines[0].get_color() == ax.lines[1].get_color()
    mine = plt.figure().add_subplot()
    assert history.plot("loss", ax=mine, color="red") is mine
    assert [line.get_color() for line in mine.lines] == ["red", "red"]
    plt.close("all")
    with pytest.raises(KeyError, match="no 'accuracy'"):
        history.plot("accuracy", ax=mine)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"tinygrad-cnn\[viz\]"):
        example().plot()
