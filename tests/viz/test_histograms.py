"""Histograms over training: what the recorder saw, what is drawn of it, and a run that is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import nn
from tinygrad_cnn.train import Trainer
from tinygrad_cnn.viz import HistogramRecorder, plot_histograms


def test_a_callback_records_every_epoch(run: Run) -> None:
    recorder = run.recorder
    assert recorder.epochs == [0, 1, 2, 3]
    parameters = dict(run.model.named_parameters())
    assert list(recorder.weights) == list(recorder.gradients) == list(parameters)
    for name, p in parameters.items():
        last = recorder.weights[name][-1]
        counts, edges = np.histogram(p.numpy().ravel().astype(np.float64), 64)
        np.testing.assert_array_equal(last.counts, counts)
        np.testing.assert_array_equal(last.edges, edges)
        assert [h is None for h in recorder.gradients[name]] == [True, False, False, False]


def test_by_hand_and_with_what_is_not_finite() -> None:
    model = nn.Linear(3, 2)
    recorder = HistogramRecorder(["weight"], bins=4)
    recorder.record(model)
    model(tg.ones(1, 3)).sum().backward()
    model.weight.numpy()[0] = [np.nan, np.inf, 1]
    recorder.record(model, epoch=5)
    assert recorder.epochs == [0, 5]
    assert list(recorder.weights) == ["weight"]
    first, second = recorder.weights["weight"]
    assert (first.nonfinite, second.nonfinite, second.counts.sum()) == (0, 2, 4)
    assert recorder.gradients["weight"][0] is None
    assert recorder.gradients["weight"][1].counts.sum() == 6
    with pytest.raises(ValueError, match="epoch 5 does not come after 5"):
        recorder.record(model, 5)
    with pytest.raises(ValueError, match="no parameter 'nose'; it has weight, bias"):
        HistogramRecorder(["nose"]).record(model)
    with pytest.raises(ValueError, match="bins must be an integer >= 2"):
        HistogramRecorder(bins=1)
    with pytest.raises(TypeError, match="list of names"):
        HistogramRecorder("weight")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"nn\.Module"):
        recorder.record(model.weight)  # type: ignore[arg-type]
    assert recorder.epochs == [0, 5]


def test_a_resumed_run_goes_on_recording(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32), np.arange(20) % 3

    def trained(epochs: int, resume: Path | None = None) -> Any:
        tg.manual_seed(0)
        model = nn.Linear(4, 3)
        sgd = tg.optim.SGD(model.parameters(), lr=0.1)
        trainer = Trainer(model, sgd, callbacks=[HistogramRecorder(bins=5)], progress=False)
        if resume is not None:
            trainer.load(resume)
        trainer.fit((x, y), epochs, batch_size=8)
        return trainer

    saved = tmp_path / "run.safetensors"
    trained(2).save(saved)
    a, b = (t.callbacks[0] for t in (trained(4), trained(4, saved)))
    assert a.epochs == b.epochs == [0, 1, 2, 3, 4]
    for one, other in zip(a.gradients["weight"], b.gradients["weight"], strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one.counts, other.counts)
            np.testing.assert_array_equal(one.edges, other.edges)


def test_ridges_are_the_distributions(run: Run) -> None:
    figure = plot_histograms(run.recorder, parameters=["7.weight"])
    (ax,) = figure.axes
    assert len(ax.lines) == 4
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "1", "2", "3"]
    bases = list(ax.get_yticks())
    assert bases == [3, 2, 1, 0]  # the first epoch at the top
    heights = []
    for line, base, h in zip(ax.lines, bases, run.recorder.weights["7.weight"], strict=True):
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata()) - base
        assert y.min() >= 0
        heights.append(y.max())
        centres = (h.edges[1:] + h.edges[:-1]) / 2
        mean, std = np.average(centres, weights=h.counts), np.sqrt(np.cov(centres, fweights=h.counts))
        assert np.average(x, weights=y) == pytest.approx(mean, abs=0.1 * std)  # but for the cut tails
        spread = np.sqrt(np.average((x - np.average(x, weights=y)) ** 2, weights=y))
        assert spread == pytest.approx(std, rel=0.1)
    assert max(heights) == pytest.approx(2.2)
    assert ax.get_title(loc="left") == "7.weight"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight", "epoch")


def test_a_heat_plot_has_a_column_for_each_epoch(run: Run) -> None:
    figure = plot_histograms(run.recorder, of="gradients", kind="heat", parameters="0.weight")
    ax, bar = figure.axes
    (mesh,) = ax.collections
    shares = np.asarray(mesh.get_array())
    assert shares.shape[1] == 3  # epochs 1, 2, 3
    np.testing.assert_allclose(shares.max(axis=0), 1)
    edges = mesh.get_coordinates()
    np.testing.assert_allclose(edges[0, :, 0], [0.5, 1.5, 2.5, 3.5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "gradient")
    assert "density" in bar.get_ylabel()


def test_long_runs_are_thinned_out_with_first_and_last() -> None:
    recorder, model = HistogramRecorder(bins=8), nn.Linear(5, 5)
    for _ in range(101):
        recorder.record(model)
    ax = plot_histograms(recorder).axes[0]
    labels = [int(t.get_text()) for t in ax.get_yticklabels()]
    assert len(ax.lines) == 16
    assert (labels[0], labels[-1]) == (0, 100)
    assert len(labels) <= 9


def test_the_default_panels_are_the_weights(run: Run) -> None:
    figure = plot_histograms(run.recorder)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["0.weight", "3.weight", "7.weight", "9.weight"]
    assert len(plot_histograms(run.recorder, max_panels=2).axes) == 2


def test_what_cannot_be_drawn_is_said(run: Run) -> None:
    with pytest.raises(TypeError, match="expected a HistogramRecorder"):
        plot_histograms(run.histories[0])  # type: ignore[arg-type]
    for options, words in (
        ({"of": "biases"}, "of must be one of 'weights', 'gradients'"),
        ({"kind": "violin"}, "kind must be one of"),
        ({"parameters": ["nose"]}, "no weights of 'nose' on record, only of 0.weight"),
        ({"parameters": []}, "parameters is empty"),
    ):
        with pytest.raises(ValueError, match=words):
            plot_histograms(run.recorder, **options)  # type: ignore[arg-type]
    empty = HistogramRecorder()
    with pytest.raises(ValueError, match="no weights yet"):
        plot_histograms(empty)
    empty.record(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="no gradients yet; record while the gradients are there"):
        plot_histograms(empty, of="gradients")


def test_constant_weights_are_drawn() -> None:
    model = nn.Linear(2, 2)
    model.weight.numpy()[:] = 0
    recorder = HistogramRecorder()
    recorder.record(model)
    for kind in ("ridge", "heat"):
        plot_histograms(recorder, kind=kind).draw_without_rendering()
