"""Histograms over training: what the recorder saw, and a run that is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import nn
from tinygrad_cnn.train import Trainer
from tinygrad_cnn.viz import HistogramRecorder
from tinygrad_cnn.viz.histograms import Histogram


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


arrays = hnp.arrays(
    np.float32,
    hnp.array_shapes(max_dims=3, max_side=4),
    elements=st.one_of(st.floats(-2, 2, width=32), st.sampled_from([1.0, np.nan, np.inf, -np.inf])),
)


@given(arrays)
@settings(max_examples=100, deadline=None)
def test_every_number_is_counted(values: Any) -> None:
    model = nn.Module()
    model.p = nn.Parameter(values.copy())
    recorder = HistogramRecorder(bins=6)
    recorder.record(model)
    h = recorder.weights["p"][0]
    assert h is not None
    assert (h.nonfinite, h.nans) == ((~np.isfinite(values)).sum(), np.isnan(values).sum())
    assert h.counts.sum() + h.nonfinite == values.size
    assert h.first == (tuple(np.argwhere(~np.isfinite(values))[0]) if h.nonfinite else None)
    finite = values[np.isfinite(values)]
    if finite.size:
        assert (h.edges[0], h.edges[-1]) == (finite.min(), finite.max())
    assert (h.constant is not None) == (finite.size > 0 and bool((finite == finite[0]).all()))
    assert (recorder.first_not_finite is None) == (not h.nonfinite)


def test_the_first_that_is_not_finite_is_named() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    recorder = HistogramRecorder()
    recorder.record(model)
    assert recorder.first_not_finite is None
    model(tg.ones(1, 3)).sum().backward()
    model[0].weight.numpy()[1, 2] = -np.inf
    model[1].weight.grad.numpy()[1] = [np.nan, np.inf]
    recorder.record(model, 7)
    assert recorder.first_not_finite == (7, "gradients", "1.weight", (1, 0), "1 NaN, 1 infinite of 4")
    assert str(recorder.first_not_finite) == (
        "epoch 7: the gradient of 1.weight[1, 0] is not finite (1 NaN, 1 infinite of 4)"
    )
    model[1].weight.grad = None
    later = HistogramRecorder()
    later.record(model)
    assert str(later.first_not_finite) == "epoch 0: the weight 0.weight[1, 2] is not finite (1 infinite of 6)"


def test_what_is_not_finite_is_saved_too(tmp_path: Path) -> None:
    model, recorder, again = nn.Linear(3, 2), HistogramRecorder(bins=4), HistogramRecorder(bins=4)
    model.weight.numpy()[1, 1:] = [np.nan, np.inf]
    recorder.record(model)
    tg.save(recorder.state_dict(), tmp_path / "r.safetensors")
    state = tg.load(tmp_path / "r.safetensors")
    again.load_state_dict(state)
    assert again.first_not_finite == recorder.first_not_finite
    assert again.first_not_finite is not None
    state["weights"]["weight"] = [h[:3] for h in state["weights"]["weight"]]  # as runs were saved before
    again.load_state_dict(state)
    assert str(again.first_not_finite) == "epoch 0: the weight weight is not finite (2 not finite of 6)"
    assert isinstance(again.weights["weight"][0], Histogram)
