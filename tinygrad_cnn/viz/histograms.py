"""How weights and gradients are distributed, epoch after epoch: what is kept. `ridges` draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..nn.module import Module
from ..train.callbacks import Callback, Run
from . import probing, style

Array = NDArray[Any]


class Histogram(NamedTuple):
    """An array's values: ``counts`` (bins,) between ``edges`` (bins + 1,); the edges of a constant array are all one.

    Beside them how many values are not finite, how many of these are NaN (None: not on record), where the first is.
    """

    edges: Array
    counts: Array
    nonfinite: int
    nans: int | None = None
    first: tuple[int, ...] | None = None

    @property
    def constant(self) -> float | None:
        """The value, where all that are finite are equal."""
        return float(self.edges[0]) if self.counts.any() and self.edges[0] == self.edges[-1] else None

    def __str__(self) -> str:
        """What there is besides numbers: "3 NaN, 1 infinite of 1,200"; nothing where all is finite."""
        total = int(self.counts.sum()) + self.nonfinite
        if self.nonfinite and self.nans is None:
            return f"{self.nonfinite:,} not finite of {total:,}"
        return style.not_finite(self.nans or 0, self.nonfinite - (self.nans or 0), total)


class NotFinite(NamedTuple):
    """Where a run first met a value that is not finite."""

    epoch: int
    of: str  # "weights" or "gradients"
    parameter: str
    place: tuple[int, ...] | None  # of the first such value; None: not on record
    counts: str  # "3 NaN, 1 infinite of 1,200"

    def __str__(self) -> str:
        place = "" if self.place is None else f"[{', '.join(map(str, self.place))}]"
        what = "the weight" if self.of == "weights" else "the gradient of"
        return f"epoch {self.epoch}: {what} {self.parameter}{place} is not finite ({self.counts})"


class HistogramRecorder(Callback):
    """Keeps a histogram of each parameter and of its gradient for every epoch: a callback, or fed by hand.

    As a callback it records the weights before the first epoch, as epoch 0, and then after each one, with the gradients
    of the epoch's last batch. In a loop of one's own call `record` where the gradients are still there. A few kB an
    epoch; no array of the model is kept.

    Args:
        parameters: names of those to watch; None is all.
        bins: of each histogram, from the smallest to the largest value.

    Attributes: ``epochs``, one entry a record; ``weights`` and ``gradients``, dicts of parameter names to lists of
    histograms, as long as ``epochs`` (None where there was no gradient); ``first_not_finite``, see there.

    >>> from tinygrad_cnn.nn import Linear
    >>> recorder = HistogramRecorder(bins=8)
    >>> recorder.record(Linear(3, 2))
    >>> recorder.epochs, int(recorder.weights["weight"][0].counts.sum()), recorder.gradients["weight"]
    ([0], 6, [None])
    """

    def __init__(self, parameters: Sequence[str] | None = None, *, bins: int = 64) -> None:
        if isinstance(parameters, str):
            raise TypeError(f"HistogramRecorder: parameters must be a list of names, got the text {parameters!r}")
        self.parameters = None if parameters is None else list(parameters)
        self.bins = style.whole(bins, "bins", "HistogramRecorder", 2)
        self.epochs: list[int] = []
        self.weights: dict[str, list[Histogram | None]] = {}
        self.gradients: dict[str, list[Histogram | None]] = {}

    def record(self, model: Module, epoch: int | None = None) -> None:
        """Take in a model as it is now. ``epoch`` is by default one more than the last; the first is 0.

        Raises ValueError for an epoch that is not later than the last, and for a parameter that the model has not.
        """
        probing.check_model(model, "HistogramRecorder.record")
        last = self.epochs[-1] if self.epochs else -1
        if epoch is not None and epoch <= last:
            raise ValueError(f"HistogramRecorder.record: epoch {epoch} does not come after {last}")
        own = dict(model.named_parameters())
        for name in self.parameters or ():
            if name not in own:
                raise ValueError(f"HistogramRecorder: the model has no parameter {name!r}; it has {', '.join(own)}")
        watched = [n for n, p in own.items() if p._array.size and (self.parameters is None or n in self.parameters)]
        before = len(self.epochs)
        self.epochs.append(last + 1 if epoch is None else int(epoch))
        for name in [*self.weights, *(n for n in watched if n not in self.weights)]:
            found = own.get(name) if name in watched else None
            grad = None if found is None else found.grad
            for table, array in (
                (self.weights, None if found is None else found._array),
                (self.gradients, None if grad is None else grad._array),
            ):
                column = table.setdefault(name, [None] * before)
                column.append(None if array is None else _histogram(array, self.bins))

    @property
    def first_not_finite(self) -> NotFinite | None:
        """The first NaN or infinity on record: epoch, parameter and place. Of one epoch gradients come before weights.

        >>> from tinygrad_cnn.nn import Linear
        >>> layer, recorder = Linear(3, 2), HistogramRecorder()
        >>> layer.weight.numpy()[1, 2] = np.nan
        >>> recorder.record(layer)
        >>> print(recorder.first_not_finite)
        epoch 0: the weight weight[1, 2] is not finite (1 NaN of 6)
        """
        for i, epoch in enumerate(self.epochs):
            for of, table in (("gradients", self.gradients), ("weights", self.weights)):
                for name, column in table.items():
                    if (h := column[i]) is not None and h.nonfinite:
                        return NotFinite(epoch, of, name, h.first, str(h))
        return None

    def on_fit_start(self, trainer: Run) -> None:
        """As `Callback.on_fit_start`: the weights before the first epoch."""
        if not self.epochs:
            self.record(trainer.model, trainer.epoch)

    def on_epoch_end(self, trainer: Run, logs: dict[str, Any]) -> None:  # noqa: ARG002
        """As `Callback.on_epoch_end`: weights, and the gradients of the last batch."""
        self.record(trainer.model, trainer.epoch)

    def state_dict(self) -> dict[str, Any]:
        """As `Callback.state_dict`."""
        tables = {"weights": self.weights, "gradients": self.gradients}
        packed = {
            kind: {name: [None if h is None else list(h) for h in column] for name, column in table.items()}
            for kind, table in tables.items()
        }
        return {"epochs": list(self.epochs), **packed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """As `Callback.load_state_dict`."""
        self.epochs = [int(epoch) for epoch in state["epochs"]]
        self.weights, self.gradients = (
            {name: [None if h is None else _unpacked(*h) for h in column] for name, column in state[kind].items()}
            for kind in ("weights", "gradients")
        )


def _unpacked(edges: Any, counts: Any, nonfinite: Any, nans: Any = None, first: Any = None) -> Histogram:
    """As it was before it was saved; older runs have no more than a count of what is not finite."""
    place = None if first is None else tuple(int(i) for i in first)
    return Histogram(np.asarray(edges), np.asarray(counts), int(nonfinite), None if nans is None else int(nans), place)


def _histogram(array: Array, bins: int) -> Histogram:
    is_finite = np.isfinite(array)
    finite = array[is_finite].astype(np.float64)  # (n,)
    if not finite.size:
        counts, edges = np.zeros(bins, np.int64), np.linspace(0, 1, bins + 1)
    elif (low := finite.min()) == finite.max():
        counts, edges = np.bincount([0], [finite.size], bins).astype(np.int64), np.full(bins + 1, low)
    else:
        counts, edges = np.histogram(finite, bins)
    nonfinite = array.size - finite.size
    if not nonfinite:
        return Histogram(edges, counts, 0, 0)
    first = np.unravel_index(int(np.argmin(is_finite)), array.shape)
    return Histogram(edges, counts, nonfinite, int(np.isnan(array).sum()), tuple(int(i) for i in first))
