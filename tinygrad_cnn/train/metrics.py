"""Metrics: plain functions of one batch, and objects that add up batches."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensors import Tensor

Ints = NDArray[np.int64]


# ------------------------------------------------------------------------------------------------------- functions
def accuracy(outputs: Any, targets: Any, ignore_index: int = -100) -> float:
    """The share of samples whose highest score is at the right class.

    Args:
        outputs: scores (N, C) or (N, C, d1, ...), or predicted classes (integers) of the shape of ``targets``.
        targets: classes (N,) or (N, d1, ...), or probabilities of the shape of ``outputs``, whose largest counts.
        ignore_index: targets of this value are left out, as in `cross_entropy`.

    Returns:
        A number in [0, 1]; NaN where nothing is left to count. Of equal scores the first is the prediction.

    Raises:
        ValueError: shapes that do not belong together, or a class out of range (with its position).

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    right, count = _hits(outputs, targets, 1, ignore_index, "accuracy")
    return right / count if count else float("nan")


def topk_accuracy(outputs: Any, targets: Any, k: int = 5, ignore_index: int = -100) -> float:
    """The share of samples whose right class is among the ``k`` highest scores; arguments as for `accuracy`.

    Equal scores rank in the order of their classes, so k = 1 is `accuracy`, and k >= C gives 1.

    >>> topk_accuracy(np.array([[0.1, 0.5, 0.4], [0.8, 0.1, 0.1]]), np.array([2, 2]), k=2)
    0.5
    """
    right, count = _hits(outputs, targets, k, ignore_index, "topk_accuracy")
    return right / count if count else float("nan")


def confusion_matrix(targets: Any, predictions: Any, num_classes: int | None = None) -> Ints:
    """How often each class was taken for each: entry (i, j) counts the samples of class i predicted as j.

    Args:
        targets: the true classes, integers of any shape.
        predictions: the predicted classes, of the same shape; or scores with a class dimension at position 1.
        num_classes: C; by default the largest class that occurs, plus one (or the number of scores).

    Returns:
        (C, C), int64.

    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2], num_classes=3)
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 0, 1]])
    """
    name = "confusion_matrix"
    true, scores = _array(targets), _array(predictions)
    if true.dtype.kind not in "iu":
        raise TypeError(f"{name}: targets must be classes (integers), got dtype {true.dtype}")
    if scores.dtype.kind == "f":
        _check_scores(scores, true, name)
        num_classes = scores.shape[1] if num_classes is None else num_classes
        scores = scores.argmax(axis=1)
    if scores.dtype.kind not in "iu" or scores.shape != true.shape:
        raise ValueError(
            f"{name}: predictions must be classes of the shape of targets, {true.shape}, or scores with one dimension "
            f"more; got shape {scores.shape}, dtype {scores.dtype}"
        )
    if num_classes is None:
        num_classes = 1 + int(max(true.max(initial=-1), scores.max(initial=-1)))
    if num_classes < 0 or isinstance(num_classes, bool):
        raise ValueError(f"{name}: num_classes must be an integer >= 0, got {num_classes!r}")
    _check_classes(true, num_classes, "targets", name)
    _check_classes(scores, num_classes, "predictions", name)
    pairs = true.ravel().astype(np.int64) * num_classes + scores.ravel()
    return np.bincount(pairs, minlength=num_classes**2).astype(np.int64).reshape(num_classes, num_classes)


def _array(x: Any) -> NDArray[Any]:
    return x._array if isinstance(x, Tensor) else np.asarray(x)


def _check_scores(scores: NDArray[Any], classes: NDArray[Any], name: str) -> None:
    if scores.ndim < 2 or (scores.shape[0], *scores.shape[2:]) != classes.shape:
        raise ValueError(
            f"{name}: scores must have shape (N, C, ...) for targets of shape (N, ...), got {scores.shape} "
            f"and {classes.shape}"
        )


def _check_classes(classes: NDArray[Any], num_classes: int, what: str, name: str) -> None:
    bad = np.argwhere((classes < 0) | (classes >= num_classes))
    if len(bad):
        at = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name}: {what}{list(at)} is {int(classes[at])}, out of range for {num_classes} classes "
            f"(0 to {num_classes - 1})"
        )


def _hits(outputs: Any, targets: Any, k: int, ignore_index: int, name: str) -> tuple[int, int]:
    """How many of the samples that count have their class among the k highest scores, and how many count."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"{name}: k must be an integer >= 1, got {k!r}")
    scores, true = _array(outputs), _array(targets)
    if true.dtype.kind == "f" and true.shape == scores.shape and true.ndim >= 2:
        true = true.argmax(axis=1)
    if true.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: targets must be classes (integers), or probabilities of the shape of the outputs; got dtype "
            f"{true.dtype}, shape {true.shape}, for outputs of shape {scores.shape}"
        )
    counts = true != ignore_index
    if scores.dtype.kind in "iu" and scores.shape == true.shape:
        if k > 1:
            raise ValueError(f"{name}: k={k} needs scores (N, C, ...), got predicted classes {scores.shape}")
        return int(np.count_nonzero((scores == true) & counts)), int(np.count_nonzero(counts))
    _check_scores(scores, true, name)
    classes = scores.shape[1]
    _check_classes(np.where(counts, true, 0), classes, "targets", name)
    right = _rank(scores, np.where(counts, true, 0)) < k if k > 1 else scores.argmax(axis=1) == true
    return int(np.count_nonzero(right & counts)), int(np.count_nonzero(counts))


def _rank(scores: NDArray[Any], true: NDArray[Any]) -> NDArray[Any]:
    """How many classes come before the true one in the order of argmax: higher first (NaN highest), then by index."""
    own = np.take_along_axis(scores, true[:, None], axis=1)  # (N, 1, ...)
    higher, equal = scores > own, scores == own
    if scores.dtype.kind == "f":
        nan, own_nan = np.isnan(scores), np.isnan(own)
        higher, equal = higher | (nan & ~own_nan), equal | (nan & own_nan)
    index = np.arange(scores.shape[1]).reshape(1, -1, *(1,) * (scores.ndim - 2))
    before: Ints = np.count_nonzero(higher | (equal & (index < true[:, None])), axis=1)
    return before


# --------------------------------------------------------------------------------------------------------- streams
class Metric:
    """A number (or array) over many batches: `update` with each, `compute` at the end, `reset` to start again.

    ``name`` is its key in the results of a `Trainer`. A subclass defines the three methods.

    >>> metric = Accuracy()
    >>> for targets in ([0, 1], [0, 0]):
    ...     metric.update(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array(targets))
    >>> metric.compute()
    0.75
    """

    name = "metric"

    def update(self, outputs: Any, targets: Any) -> None:
        """Take in one batch."""
        raise NotImplementedError(f"{type(self).__name__} does not define update(outputs, targets)")

    def compute(self) -> Any:
        """The value over all batches since the last `reset`; NaN where there were none."""
        raise NotImplementedError(f"{type(self).__name__} does not define compute()")

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset()")

    def state_dict(self) -> dict[str, Any]:
        """What it has seen, for a run that is saved in the middle of an epoch: here all attributes but functions.

        They must be what `tinygrad_cnn.save` takes; a metric that keeps other things defines both methods.
        """
        kept = {name: value for name, value in vars(self).items() if name != "name" and not callable(value)}
        return copy.deepcopy(kept)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        vars(self).update(copy.deepcopy(state))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}={self.compute()})"


class TopKAccuracy(Metric):
    """`topk_accuracy` over many batches: every sample counts the same, whatever the batch sizes."""

    def __init__(self, k: int = 5, ignore_index: int = -100, name: str | None = None) -> None:
        self.k, self.ignore_index = k, ignore_index
        self.name = f"top{k}_accuracy" if name is None else name
        self.reset()

    def update(self, outputs: Any, targets: Any) -> None:
        """As `Metric.update`; shapes as for `accuracy`."""
        right, count = _hits(outputs, targets, self.k, self.ignore_index, type(self).__name__)
        self.right += right
        self.count += count

    def compute(self) -> float:
        """A number in [0, 1]."""
        return self.right / self.count if self.count else float("nan")

    def reset(self) -> None:
        """As `Metric.reset`."""
        self.right = self.count = 0


class Accuracy(TopKAccuracy):
    """`accuracy` over many batches."""

    def __init__(self, ignore_index: int = -100, name: str = "accuracy") -> None:
        super().__init__(1, ignore_index, name)


class ConfusionMatrix(Metric):
    """`confusion_matrix` over many batches: (num_classes, num_classes), rows are true classes."""

    def __init__(self, num_classes: int, name: str = "confusion_matrix") -> None:
        if isinstance(num_classes, bool) or not isinstance(num_classes, (int, np.integer)) or num_classes < 1:
            raise ValueError(f"ConfusionMatrix: num_classes must be an integer >= 1, got {num_classes!r}")
        self.num_classes, self.name = int(num_classes), name
        self.reset()

    def update(self, outputs: Any, targets: Any) -> None:
        """As `Metric.update`; outputs are scores (N, C, ...) or predicted classes."""
        self.matrix += confusion_matrix(targets, outputs, self.num_classes)

    def compute(self) -> Ints:
        """A copy of the matrix."""
        return self.matrix.copy()

    def reset(self) -> None:
        """As `Metric.reset`."""
        self.matrix = np.zeros((self.num_classes, self.num_classes), np.int64)


class Mean(Metric):
    """The mean of ``function(outputs, targets)`` over batches, each weighted with its number of samples.

    Right for functions that are means over samples themselves.
    """

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        if not callable(function):
            raise TypeError(f"Mean: expected a function of (outputs, targets), got {function!r}")
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__) if name is None else name
        self.reset()

    def update(self, outputs: Any, targets: Any) -> None:
        """As `Metric.update`."""
        self.add(float(self.function(outputs, targets)), len(_array(targets)))

    def add(self, value: float, samples: int) -> None:
        """Take in a value that is known already."""
        self.total += value * samples
        self.samples += samples

    def compute(self) -> float:
        """The mean."""
        return self.total / self.samples if self.samples else float("nan")

    def reset(self) -> None:
        """As `Metric.reset`."""
        self.total, self.samples = 0.0, 0


def as_metrics(metrics: Any, loss: Any) -> list[Metric]:
    """What a Trainer's ``metrics=`` may be, as a list: None (accuracy, for a loss of classes), one or several of
    Metrics, functions and the name "accuracy", or a dict of names to these."""
    if metrics is None:
        classes = {"cross_entropy", "nll_loss", "CrossEntropyLoss", "NLLLoss"}
        return [Accuracy()] if getattr(loss, "__name__", type(loss).__name__) in classes else []
    if isinstance(metrics, (str, Metric)) or callable(metrics) or not hasattr(metrics, "__iter__"):
        metrics = [metrics]
    named = metrics.items() if isinstance(metrics, dict) else ((None, m) for m in metrics)
    found = [_as_metric(name, metric) for name, metric in named]
    names = [m.name for m in found]
    for name in names:
        if names.count(name) > 1 or name == "loss":
            raise ValueError(f"metrics: the name {name!r} is taken; give another with a dict, {{'my_name': metric}}")
    return found


def _as_metric(name: str | None, metric: Any) -> Metric:
    if metric == "accuracy":
        metric = Accuracy()
    if isinstance(metric, Metric):
        if name is not None:
            metric.name = name
        return metric
    if metric is accuracy:  # the exact mean, where samples may be ignored
        return Accuracy(name=name or "accuracy")
    if callable(metric) and not isinstance(metric, type):
        return Mean(metric, name)
    raise TypeError(f"metrics: expected a Metric, a function of (outputs, targets) or 'accuracy', got {metric!r}")
