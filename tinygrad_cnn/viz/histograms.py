"""How weights and gradients are distributed, epoch after epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..nn.module import Module
from ..train.callbacks import Callback, Run
from . import probing, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
_RIDGES = 16  # more of them cannot be told apart


class Histogram(NamedTuple):
    """An array's values: ``counts`` (bins,) between ``edges`` (bins + 1,), and how many were NaN or infinite."""

    edges: Array
    counts: Array
    nonfinite: int


class HistogramRecorder(Callback):
    """Keeps a histogram of each parameter and of its gradient for every epoch: a callback, or fed by hand.

    As a callback it records the weights before the first epoch, as epoch 0, and then after each one, with the gradients
    of the epoch's last batch. In a loop of one's own call `record` where the gradients are still there. A few kB an
    epoch; no array of the model is kept.

    Args:
        parameters: names of those to watch; None is all.
        bins: of each histogram, from the smallest to the largest value.

    Attributes: ``epochs``, one entry a record; ``weights`` and ``gradients``, dicts of parameter names to lists of
    histograms, as long as ``epochs`` (None where there was no gradient).

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
            {
                name: [None if h is None else Histogram(np.asarray(h[0]), np.asarray(h[1]), int(h[2])) for h in column]
                for name, column in state[kind].items()
            }
            for kind in ("weights", "gradients")
        )


def _histogram(array: Array, bins: int) -> Histogram:
    values = array.ravel().astype(np.float64)
    finite = values[np.isfinite(values)]
    counts, edges = (
        np.histogram(finite, bins) if finite.size else (np.zeros(bins, np.int64), np.linspace(0, 1, bins + 1))
    )
    return Histogram(edges, counts, values.size - finite.size)


# ---------------------------------------------------------------------------------------------------------- drawing
def plot_histograms(
    recorder: HistogramRecorder,
    *,
    of: str = "weights",
    kind: str = "ridge",
    parameters: Sequence[str] | None = None,
    max_panels: int = 6,
    ax: Any = None,
) -> Figure:
    """The distribution of weights or gradients over the epochs, a panel for each parameter.

    Args:
        recorder: what has recorded them.
        of: "weights" or "gradients".
        kind: "ridge" draws an outline for each epoch, later ones in front and darker; "heat" a column for each.
        parameters: which, in this order; by default those of two and more dimensions, the first ``max_panels``.
        max_panels: see there.
        ax: Axes to draw on, as many as panels.

    Raises:
        TypeError, ValueError: nothing recorded, or no such parameter.
    """
    name = "plot_histograms"
    if not isinstance(recorder, HistogramRecorder):
        raise TypeError(f"{name}: expected a HistogramRecorder, got {type(recorder).__name__}")
    style.one_of(of, ("weights", "gradients"), "of", name)
    style.one_of(kind, ("ridge", "heat"), "kind", name)
    table: dict[str, list[Histogram | None]] = getattr(recorder, of)
    recorded = {key: [(e, h) for e, h in zip(recorder.epochs, column, strict=True) if h is not None and h.counts.any()]
                for key, column in table.items()}  # fmt: skip
    recorded = {key: column for key, column in recorded.items() if column}
    if not recorded:
        hint = "; record while the gradients are there, before zero_grad" if of == "gradients" else ""
        raise ValueError(f"{name}: the recorder has no {of} yet{hint}")
    if parameters is None:
        large = [key for key in recorded if key.endswith("weight") or "weight" not in " ".join(recorded)]
        shown = (large or list(recorded))[: style.whole(max_panels, "max_panels", name)]
    else:
        shown = [parameters] if isinstance(parameters, str) else list(parameters)
    for key in shown:
        if key not in recorded:
            raise ValueError(f"{name}: there are no {of} of {key!r} on record, only of {', '.join(recorded)}")
    if not shown:
        raise ValueError(f"{name}: parameters is empty; it has {', '.join(recorded)}")
    places = style.panels(ax, len(shown), (3.7, 3.1), 3, name)
    for place, key in zip(places, shown, strict=True):
        (_ridge if kind == "ridge" else _heat)(place, recorded[key])
        style.title(place, style.plain(key))
        axis = place.set_xlabel if kind == "ridge" else place.set_ylabel
        axis("weight" if of == "weights" else "gradient")
        (place.set_ylabel if kind == "ridge" else place.set_xlabel)("epoch")
    return style.figure_of(places[0])


Records = list[tuple[int, Histogram]]


def _cumulative(h: Histogram, at: Array) -> Array:
    """The share of values below each place, each bin's spread evenly over it."""
    total = np.concatenate([[0], np.cumsum(h.counts)]) / h.counts.sum()
    return np.interp(at, h.edges, total)


def _common_edges(records: Records, tail: float) -> Array:
    """Bins for all epochs, between the outermost ``tail`` of any of them; fewer bins for fewer values."""
    bins = int(np.clip(2 * np.sqrt(records[-1][1].counts.sum()), 12, 80))
    ends = []
    for _, h in records:
        total = np.concatenate([[0], np.cumsum(h.counts)]) / h.counts.sum()
        inside = np.flatnonzero((total[1:] > tail) & (total[:-1] < 1 - tail))
        ends += [h.edges[inside[0]], h.edges[inside[-1] + 1]]
    return np.linspace(min(ends), max(ends), bins + 1)


def _ridge(ax: Axes, records: Records) -> None:
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    if len(records) > _RIDGES:
        keep = np.unique(np.linspace(0, len(records) - 1, _RIDGES).round().astype(int))
        records = [records[i] for i in keep]
    edges = _common_edges(records, 0.001)
    centres = (edges[1:] + edges[:-1]) / 2
    outlines = [np.diff(_cumulative(h, edges)) for _, h in records]
    tall = max(float(y.max()) for y in outlines) or 1.0
    count = len(records)
    for i, y in enumerate(outlines):
        color = colormaps[style.SEQUENTIAL](0.8 - 0.6 * i / max(count - 1, 1))
        base = count - 1 - i  # the first epoch behind, at the top
        height = base + 2.2 * y / tall
        ax.fill_between(centres, base, height, color=color, alpha=0.75, linewidth=0, zorder=i + 2)
        ax.plot(centres, height, color=color, linewidth=1.1, zorder=i + 2.5)
    every = math.ceil(count / 8)
    marked = sorted({*range(0, count, every), count - 1})
    if len(marked) > 2 and marked[-1] - marked[-2] < every / 2 + 0.5:
        del marked[-2]
    ax.set_yticks([count - 1 - i for i in marked], [str(records[i][0]) for i in marked])
    ax.set_ylim(-0.15, count + 1.4)
    ax.margins(x=0)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(True, axis="x", alpha=0.25)


def _heat(ax: Axes, records: Records) -> None:
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import MaxNLocator

    edges = _common_edges(records, 0.01)
    shares = np.array([np.diff(_cumulative(h, edges)) for _, h in records]).T  # (bins, epochs)
    shares = shares / np.maximum(shares.max(axis=0), 1e-12)
    epochs = np.array([e for e, _ in records], float)
    middle = (epochs[1:] + epochs[:-1]) / 2
    left = np.concatenate([[epochs[0] - 0.5], middle, [epochs[-1] + 0.5]])
    mesh = ax.pcolormesh(left, edges, shares, cmap=style.SEQUENTIAL, norm=PowerNorm(0.5, 0, 1), rasterized=True)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("density, the epoch's highest = 1")
    bar.outline.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
