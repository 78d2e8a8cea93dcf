"""Distributions over the epochs, drawn: what is spread, what is constant, what is not finite, what is left out."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import nn
from tinygrad_cnn.viz import HistogramRecorder, plot_histograms
from tinygrad_cnn.viz.histograms import Histogram
from tinygrad_cnn.viz.ridges import _common_edges, _cumulative, _news

Figure = pytest.importorskip("matplotlib.figure", reason="Matplotlib is not installed").Figure


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


def changing() -> HistogramRecorder:
    """A weight that is constant twice, spread, spread with some that are not finite, and not finite at all."""
    model = nn.Linear(4, 3)
    recorder = HistogramRecorder()
    partly = np.ones((3, 4))
    partly[1, 1], partly[2, 3] = np.nan, np.inf
    for values in (2.5, 2.5, np.arange(12).reshape(3, 4), partly, np.nan):
        model.weight.numpy()[:] = values
        recorder.record(model)
    return recorder


def test_values_that_are_all_one_are_a_line_that_says_it() -> None:
    recorder = changing()
    (ridge,) = plot_histograms(recorder, parameters=["weight"]).axes
    texts = [t.get_text() for t in ridge.texts]
    assert texts == [
        "all 2.5",
        "",
        "1 NaN, 1 infinite of 12",
        "all 1",
        "12 NaN of 12",
        "not finite since epoch 3, first at [1, 1]",
    ]
    uprights = [line.get_xdata() for line in ridge.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] > 0.5]
    assert [list(x) for x in uprights] == [[2.5, 2.5], [2.5, 2.5], [1, 1]]
    heat, _ = plot_histograms(recorder, kind="heat", parameters=["weight"]).axes
    shares = np.ma.filled(np.ma.asarray(heat.collections[0].get_array(), float), np.nan)
    assert np.isnan(shares).all(axis=0).tolist() == [True, True, False, True, True]
    assert [t.get_text() for t in heat.texts][:4] == ["all 2.5", "", "all 1", "1 NaN, 1 infinite of 12"]


@pytest.mark.parametrize("kind", ["ridge", "heat"])
@pytest.mark.parametrize("value", [0, -3, 1e30, np.nan, np.inf])
def test_a_weight_that_was_never_spread_is_drawn(kind: str, value: float) -> None:
    model = nn.Linear(2, 2)
    model.weight.numpy()[:] = value
    recorder = HistogramRecorder()
    for _ in range(2):
        recorder.record(model)
    figure = plot_histograms(recorder, kind=kind, parameters=["weight"])
    figure.draw_without_rendering()
    said = f"all {value:.4g}" if np.isfinite(value) else f"4 {'NaN' if np.isnan(value) else 'infinite'} of 4"
    assert said in [t.get_text() for t in figure.axes[0].texts]


def test_the_epoch_of_the_first_nan_is_never_thinned_out() -> None:
    recorder, model = HistogramRecorder(bins=8), nn.Linear(5, 5)
    for epoch in range(100):
        model.bias.numpy()[2] = np.nan if epoch == 61 else 0
        recorder.record(model)
    for kind in ("ridge", "heat"):
        ax = plot_histograms(recorder, kind=kind, max_panels=1).axes[0]
        assert ax.get_title(loc="left") == "bias"  # comes before the weight
        assert {"1 NaN of 5", "not finite since epoch 61, first at [2]"} <= {t.get_text() for t in ax.texts}


def test_what_is_left_out_is_named(run: Run) -> None:
    figure = plot_histograms(run.recorder, max_panels=3)
    assert figure.get_supxlabel() == "not shown: 0.bias, 3.bias, 7.bias, 9.weight, 9.bias"
    everything = plot_histograms(run.recorder, max_panels=3, parameters=list(run.recorder.weights))
    assert len(everything.axes) == 8
    assert everything.get_supxlabel() == ""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].requires_grad_(False)
    model(tg.ones(1, 2)).sum().backward()
    recorder = HistogramRecorder()
    recorder.record(model)
    figure = plot_histograms(recorder, of="gradients")
    assert figure.get_supxlabel().replace("\n", " ") == "not shown: 0.bias; without a gradient: 1.weight, 1.bias"
    ax = Figure().add_subplot()
    plot_histograms(recorder, of="gradients", ax=ax)
    assert "not shown: 0.bias;" in ax.get_xlabel()


# ------------------------------------------------------------------------------------------------------ common bins
def histogram(values: object, bins: int = 10) -> Histogram:
    array = np.asarray(values, float)
    counts, edges = np.histogram(array, bins)
    return Histogram(edges, counts, 0, 0)


def constant(value: float, count: int = 4) -> Histogram:
    return Histogram(np.full(11, value), np.bincount([0], [count], 10).astype(int), 0, 0)


NOTHING = Histogram(np.linspace(0, 1, 11), np.zeros(10, int), 4, 4)


@pytest.mark.parametrize("tail", [0.001, 0.01, 0.2])
def test_bins_reach_to_the_outermost_that_are_no_tail(tail: float) -> None:
    values = np.concatenate([np.linspace(-1, 1, 900), np.linspace(-9, 9, 37)])
    records = [(0, histogram(values)), (1, histogram(values / 2 + 1, 40))]
    edges = _common_edges(records, tail)
    ends = []
    for _, h in records:
        below = np.concatenate([[0], np.cumsum(h.counts)]) / h.counts.sum()  # the share below each edge
        ends.append(h.edges[:-1][below[:-1] <= tail].max())
        ends.append(h.edges[1:][below[1:] >= 1 - tail].min())
    assert (edges[0], edges[-1]) == pytest.approx((min(ends), max(ends)))
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0])


@pytest.mark.parametrize(("count", "bins"), [(4, 12), (36, 12), (49, 14), (400, 40), (1600, 80), (90_000, 80)])
def test_fewer_values_have_fewer_bins(count: int, bins: int) -> None:
    assert len(_common_edges([(0, histogram(np.linspace(0, 1, count)))], 0.001)) == bins + 1


@pytest.mark.parametrize(
    ("records", "low", "high"),
    [
        ([(0, constant(0.0))], -0.5, 0.5),
        ([(0, constant(-3.0))], -4.5, -1.5),
        ([(0, constant(0.25))], -0.25, 0.75),
        ([(0, constant(1e6))], 5e5, 1.5e6),
        ([(0, constant(2.0)), (1, constant(4.0))], 1.8, 4.2),  # a tenth on both sides
        ([(0, histogram([0, 10])), (1, constant(10.0))], -1, 11),
        ([(0, histogram([0, 10])), (1, constant(5.0))], 0, 10),
        ([(0, NOTHING)], 0, 1),
        ([(0, NOTHING), (1, histogram([2, 4]))], 2, 4),
    ],
)
def test_a_line_has_room_on_both_sides(records: list[tuple[int, Histogram]], low: float, high: float) -> None:
    edges = _common_edges(records, 0.001)
    assert (edges[0], edges[-1]) == pytest.approx((low, high))


def test_shares_below_a_place_are_spread_evenly_over_a_bin() -> None:
    h = Histogram(np.array([0.0, 1.0, 3.0]), np.array([1, 3]), 0, 0)
    np.testing.assert_allclose(_cumulative(h, np.array([-1, 0, 0.5, 1, 2, 3, 9])), [0, 0, 0.125, 0.25, 0.625, 1, 1])


def test_a_value_is_written_once_where_it_stays() -> None:
    records = [(k, h) for k, h in enumerate([constant(2.0), constant(2.0), NOTHING, constant(2.0), constant(3.0)])]
    assert [_news(records, i) for i in (0, 1, 3, 4)] == ["all 2", "", "all 2", "all 3"]


@pytest.mark.parametrize(
    ("epochs", "labels"),
    [
        (1, [0]), (2, [0, 1]), (8, [*range(8)]), (9, [0, 2, 4, 6, 8]), (10, [0, 2, 4, 6, 9]),
        (11, [0, 2, 4, 6, 8, 10]),
        (16, [0, 2, 4, 6, 8, 10, 12, 15]), (17, None),
    ],
)  # fmt: skip
def test_not_every_ridge_is_labelled_and_the_last_one_is(epochs: int, labels: list[int] | None) -> None:
    recorder = HistogramRecorder(bins=8)
    for _ in range(epochs):
        recorder.record(nn.Linear(3, 3))
    ax = plot_histograms(recorder, parameters=["weight"]).axes[0]
    found = [int(t.get_text()) for t in ax.get_yticklabels()]
    assert len(ax.lines) == min(epochs, 16)
    assert found == labels if labels is not None else found[-1] == epochs - 1
    places = list(ax.get_yticks())
    if epochs <= 16:
        assert places == [epochs - 1 - epoch for epoch in found]
    assert ax.get_ylim() == (-0.15, min(epochs, 16) + 1.4)


def test_words_on_a_picture_stand_on_its_background() -> None:
    for kind in ("ridge", "heat"):
        ax = plot_histograms(changing(), kind=kind, parameters=["weight"]).axes[0]
        (words,) = (t for t in ax.texts if t.get_text() == "1 NaN, 1 infinite of 12")
        patch = words.get_bbox_patch()
        assert patch is not None
        assert patch.get_facecolor()[:3] == (1, 1, 1)
        assert 0.5 < patch.get_alpha() < 1
        assert words.get_fontweight() == "bold"
