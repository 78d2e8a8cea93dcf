"""Activation statistics: against NumPy on the whole data at once, dead units found, and drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import nn
from tinygrad_cnn.viz import activation_statistics, feature_maps, plot_activations


@pytest.mark.parametrize("form", ["array", "pair", "dataset", "loader"])
def test_they_are_those_of_all_outputs_together(run: Run, form: str) -> None:
    data: Any = {
        "array": run.x,
        "pair": (run.x, run.y),
        "dataset": tg.data.TensorDataset(run.x, run.y),
        "loader": tg.data.DataLoader(tg.data.TensorDataset(run.x, run.y), 70),
    }[form]
    found = activation_statistics(run.model, data, batch_size=None if form == "loader" else 64)
    assert [(s.name, s.type) for s in found] == [
        ("0", "Conv2d"),
        ("1", "ReLU"),
        ("2", "MaxPool2d"),
        ("3", "Conv2d"),
        ("4", "ReLU"),
        ("5", "MaxPool2d"),
        ("7", "Linear"),
        ("8", "ReLU"),
        ("9", "Linear"),
    ]  # fmt: skip  (Flatten only hands on)
    for s in found:
        y = feature_maps(run.model, run.x, s.name).astype(np.float64)
        axes = (0, *range(2, y.ndim))
        assert s.samples == 400
        assert s.shape == y.shape[1:]
        assert s.mean == pytest.approx(y.mean(), abs=1e-5)
        assert s.std == pytest.approx(y.std(), rel=1e-4)
        assert s.zeros == pytest.approx((y == 0).mean(), abs=1e-3)  # batches round differently
        np.testing.assert_allclose(s.unit_mean, y.mean(axes), atol=1e-5)
        np.testing.assert_allclose(s.unit_std, y.std(axes), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(s.unit_zeros, (y == 0).mean(axes), atol=2e-3)


def dying() -> nn.Sequential:
    """Units 1 and 3 of the hidden layer never fire."""
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    model[0].bias.numpy()[[1, 3]] = -100
    return model


def test_dead_units_are_found_and_marked() -> None:
    tg.manual_seed(0)
    found = activation_statistics(dying(), tg.randn(50, 4), batch_size=8)
    assert [s.dead.tolist() for s in found] == [[], [1, 3], []]
    figure = plot_activations(found)
    left, right = figure.axes
    assert [t.get_text() for t in right.texts] == ["2 of 5 dead"]
    crosses = [line for line in right.lines if line.get_marker() == "X"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses] == [(1, 1)]
    np.testing.assert_allclose([bar.get_width() for bar in right.patches], [s.zeros for s in found])
    dots = np.concatenate([c.get_offsets() for c in right.collections])
    np.testing.assert_allclose(np.sort(dots[:, 0]), np.sort(found[1].unit_zeros[found[1].unit_zeros < 1]))
    assert [t.get_text() for t in left.get_yticklabels()] == ["0 Linear", "1 ReLU", "2 Linear"]
    (bars,) = left.containers
    np.testing.assert_allclose(np.asarray(bars[0].get_xdata(), float), [s.mean for s in found])
    (segments,) = bars[2]
    for segment, s in zip(segments.get_segments(), found, strict=True):
        np.testing.assert_allclose(segment[:, 0], [s.mean - s.std, s.mean + s.std])
    assert "dead" in right.get_xlabel()


values = st.one_of(st.floats(-9, 9, width=32), st.sampled_from([0.0, np.nan, np.inf, -np.inf]))


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 4)), elements=values))
@settings(max_examples=60, deadline=None)
def test_what_is_not_finite_is_counted_and_left_out(x: Any) -> None:
    n, channels, _ = x.shape
    model = nn.Sequential(Itself())
    (s,) = activation_statistics(model, x, batch_size=2)
    finite = np.isfinite(x)
    assert (s.nans, s.infs) == (np.isnan(x).sum(), np.isinf(x).sum())
    assert s.zeros == pytest.approx((x == 0).mean())
    for unit in range(channels):
        known = x[:, unit][finite[:, unit]].astype(np.float64)
        assert s.unit_mean[unit] == pytest.approx(known.mean() if known.size else np.nan, abs=1e-5, nan_ok=True)
        assert s.unit_std[unit] == pytest.approx(known.std() if known.size else np.nan, abs=1e-5, nan_ok=True)
    known = x[finite].astype(np.float64)
    assert s.mean == pytest.approx(known.mean() if known.size else np.nan, abs=1e-5, nan_ok=True)
    assert s.std == pytest.approx(known.std() if known.size else np.nan, abs=1e-5, nan_ok=True)
    assert s.dead.tolist() == np.flatnonzero((x == 0).all((0, 2))).tolist()
    assert s.samples == n


class Overwrites(nn.Module):
    def forward(self, x: Any) -> Any:
        y = nn.functional.relu(x)
        y[:] = 7  # no operation: without gradients it is NumPy's write
        return y * 1


def test_what_is_overwritten_behind_a_function_was_seen_before() -> None:
    relu, mul = activation_statistics(nn.Sequential(Overwrites()), -tg.ones(5, 4))
    assert (relu.name, relu.mean, relu.dead.tolist()) == ("0.relu", 0, [0, 1, 2, 3])
    assert (mul.name, mul.mean) == ("0", 7)


class Itself(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 1


def test_nan_is_said_in_the_picture() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    model[0].bias.numpy()[:2] = [np.nan, np.inf]
    found = activation_statistics(model, tg.ones(5, 4))
    assert [(s.nans, s.infs) for s in found] == [(5, 5), (5, 5)]
    left, _ = plot_activations(found).axes
    assert [t.get_text() for t in left.texts] == ["5 NaN, 5 infinite of 15"] * 2


class Twice(nn.Module):
    def __init__(self) -> None:
        self.first, self.second, self.relu = nn.Linear(4, 3), nn.Linear(3, 6), nn.ReLU()

    def forward(self, x: Any) -> Any:
        return self.relu(self.second(self.relu(self.first(x))))


def test_a_layer_called_twice_has_two_lines() -> None:
    found = activation_statistics(Twice(), tg.randn(10, 4), batch_size=5)
    assert [(s.name, s.shape, s.samples) for s in found] == [
        ("first", (3,), 10), ("relu", (3,), 10), ("second", (6,), 10), ("relu_1", (6,), 10),
    ]  # fmt: skip


def test_chosen_layers() -> None:
    model = Twice()
    found = activation_statistics(model, tg.randn(3, 4), layers=["second", model.first])
    assert [s.name for s in found] == ["first", "second"]


def test_evaluation_mode_is_what_is_looked_at() -> None:
    model = nn.Sequential(nn.Linear(4, 100), nn.Dropout(0.9))
    found = activation_statistics(model.train(), tg.randn(20, 4))
    assert [s.name for s in found] == ["0"]  # dropout hands on
    assert model.training


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((dying(), tg.randn(3, 4), ["9"]), ValueError, "no layer '9'"),
        ((dying(), tg.randn(3, 4), "1"), TypeError, "a list of names"),
        ((dying(), [], None), ValueError, "was there any data"),
        ((dying(), 3, None), TypeError, "expected a DataLoader"),
        ((3, tg.randn(3, 4), None), TypeError, r"nn\.Module"),
    ],
)
def test_what_cannot_be_measured_is_said(arguments: Any, error: Any, words: str) -> None:
    model, data, layers = arguments
    with pytest.raises(error, match=words):
        activation_statistics(model, data, layers=layers)


def test_what_cannot_be_drawn_is_said() -> None:
    for wrong in ([], [1, 2]):
        with pytest.raises(TypeError, match="what activation_statistics gives"):
            plot_activations(wrong)  # type: ignore[arg-type]
