"""Metrics: functions against loops, streams against the functions of everything at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.train import (
    Accuracy,
    ConfusionMatrix,
    Mean,
    Metric,
    TopKAccuracy,
    accuracy,
    confusion_matrix,
    topk_accuracy,
)
from tinygrad_cnn.train.metrics import as_metrics


@st.composite
def scored(draw: Any) -> tuple[Any, Any]:
    """Scores with many ties and some NaN, and classes, some to be ignored."""
    n, classes = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    inner = tuple(draw(st.lists(st.integers(1, 2), max_size=2)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = rng.integers(0, 3, (n, classes, *inner)).astype(draw(st.sampled_from([np.float32, np.float64])))
    if draw(st.booleans()):
        scores[rng.random(scores.shape) < 0.2] = np.nan
    targets = rng.integers(0, classes, (n, *inner))
    if draw(st.booleans()):
        targets[rng.random(targets.shape) < 0.2] = -100
    return scores, targets


def counted(scores: Any, targets: Any, k: int) -> float:
    """Top-k accuracy, one sample at a time: classes sorted by score, NaN first, then by index."""
    right = total = 0
    for at in np.ndindex(targets.shape):
        if targets[at] == -100:
            continue
        row = [float(v) for v in scores[(at[0], slice(None), *at[1:])]]
        order = sorted(range(len(row)), key=lambda c: (-math.inf if math.isnan(row[c]) else -row[c], c))
        right += int(targets[at]) in order[:k]
        total += 1
    return right / total if total else math.nan


@given(scored(), st.integers(1, 7))
def test_topk_accuracy_is_what_a_loop_counts(case: tuple[Any, Any], k: int) -> None:
    scores, targets = case
    assert topk_accuracy(scores, targets, k) == pytest.approx(counted(scores, targets, k), nan_ok=True)
    assert accuracy(Tensor(scores), Tensor(targets)) == pytest.approx(counted(scores, targets, 1), nan_ok=True)


@given(scored(), st.integers(1, 7), st.integers(1, 6))
def test_streams_give_what_all_samples_at_once_give(case: tuple[Any, Any], k: int, batch: int) -> None:
    scores, targets = case
    top, right, matrix = TopKAccuracy(k), Accuracy(), ConfusionMatrix(scores.shape[1])
    targets_seen = np.where(targets < 0, 0, targets)
    for start in range(0, len(scores), batch):
        part = slice(start, start + batch)
        top.update(scores[part], targets[part])
        right.update(scores[part], targets[part])
        matrix.update(scores[part], targets_seen[part])
    assert top.compute() == pytest.approx(topk_accuracy(scores, targets, k), nan_ok=True)
    assert right.compute() == pytest.approx(accuracy(scores, targets), nan_ok=True)
    expected = np.zeros((scores.shape[1],) * 2, int)
    for at in np.ndindex(targets.shape):
        expected[targets_seen[at], scores[(at[0], slice(None), *at[1:])].argmax()] += 1
    assert (matrix.compute() == expected).all()
    for metric in (top, right, matrix):
        metric.reset()
    assert math.isnan(top.compute())
    assert not matrix.compute().any()


def test_of_equal_scores_the_first_classes_win_even_if_all_are_nan() -> None:
    for value in (0.0, np.nan, -np.inf):
        scores = np.full((3, 3), value)
        assert topk_accuracy(scores, np.array([0, 1, 2]), 2) == pytest.approx(2 / 3)
        assert accuracy(scores, np.array([0, 1, 2])) == pytest.approx(1 / 3)


def test_accuracy_takes_predicted_classes_and_probabilities() -> None:
    assert accuracy(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.75
    scores = np.array([[0.2, 0.8], [0.9, 0.1]])
    assert accuracy(scores, np.array([[0.4, 0.6], [0.3, 0.7]])) == 0.5


def test_the_computed_matrix_is_a_copy() -> None:
    metric = ConfusionMatrix(2)
    metric.compute()[0, 0] = 7
    assert not metric.compute().any()


def test_confusion_matrix_counts_true_classes_in_rows() -> None:
    assert confusion_matrix([0, 0, 1], [1, 1, 1]).tolist() == [[0, 2], [0, 1]]
    assert confusion_matrix([0], [0], 3).shape == (3, 3)
    assert confusion_matrix(np.zeros(0, int), np.zeros(0, int)).shape == (0, 0)


def test_mean_weighs_batches_by_their_samples() -> None:
    metric = Mean(lambda outputs, targets: float(np.abs(outputs - targets).mean()), "mae")
    metric.update(np.array([1.0, 1.0, 1.0]), np.zeros(3))
    metric.update(np.array([5.0]), np.zeros(1))
    assert metric.compute() == 2.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: accuracy(np.zeros((3, 2)), np.array([0, 1, 2])), ValueError, r"targets\[2\] is 2, out of range for 2"),
        (lambda: accuracy(np.zeros((3, 2)), np.array([0, -1, 1])), ValueError, r"targets\[1\] is -1"),
        (lambda: accuracy(np.zeros((3, 2)), np.array([0, 1])), ValueError, r"\(3, 2\) and \(2,\)"),
        (lambda: accuracy(np.zeros(3), np.zeros(3, int)), ValueError, r"\(N, C, ...\)"),
        (lambda: accuracy(np.zeros((3, 2)), np.zeros(3)), TypeError, "classes"),
        (lambda: topk_accuracy(np.zeros((3, 2)), np.zeros(3, int), 0), ValueError, "k must be"),
        (lambda: topk_accuracy(np.zeros(3, int), np.zeros(3, int), 2), ValueError, "needs scores"),
        (lambda: confusion_matrix([0, 3], [0, 1], 2), ValueError, r"targets\[1\] is 3"),
        (lambda: confusion_matrix([0, 1], [0, 5], 2), ValueError, r"predictions\[1\] is 5"),
        (lambda: confusion_matrix([0, 1], [0]), ValueError, "of the shape of targets"),
        (lambda: confusion_matrix([0.5], [0]), TypeError, "float64"),
        (lambda: ConfusionMatrix(0), ValueError, "num_classes"),
        (lambda: Metric().update(0, 0), NotImplementedError, "Metric"),
        (lambda: as_metrics([Accuracy(), "accuracy"], None), ValueError, "'accuracy' is taken"),
        (lambda: as_metrics({"loss": Accuracy()}, None), ValueError, "'loss' is taken"),
        (lambda: as_metrics(3, None), TypeError, "metrics"),
        (lambda: as_metrics(["precision"], None), TypeError, "precision"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_metrics_may_be() -> None:
    def my_score(outputs: Any, targets: Any) -> float:
        return float((outputs - targets).mean())

    def nll_loss(outputs: Any, targets: Any) -> None:
        raise NotImplementedError

    assert [m.name for m in as_metrics(None, nll_loss)] == ["accuracy"]
    assert as_metrics(None, my_score) == []
    assert as_metrics((), nll_loss) == []
    found = as_metrics({"top": TopKAccuracy(2), "s": my_score}, None)
    assert [(m.name, type(m)) for m in found] == [("top", TopKAccuracy), ("s", Mean)]
    assert [(m.name, type(m)) for m in as_metrics([accuracy, my_score], None)] == [
        ("accuracy", Accuracy),
        ("my_score", Mean),
    ]
