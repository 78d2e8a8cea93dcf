"""The confusion matrix: what was taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..tensors import Tensor
from ..train.metrics import confusion_matrix
from . import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MANY = 30  # classes beyond which numbers in cells cannot be read


def plot_confusion_matrix(
    targets: Any,
    predictions: Any = None,
    *,
    normalize: str | None = None,
    display_labels: Any = None,
    title: str | None = "",
    ax: Any = None,
) -> Figure:
    """How often each class (row) was taken for each (column): right ones blue, mistakes orange, each with its number.

    Blue and orange are deeper the larger the share of the row; orange has a scale of its own, as mistakes are few.

    Args:
        targets: true classes, integers; or a matrix of counts (C, C), with no ``predictions``.
        predictions: predicted classes of the same shape, or scores (N, C).
        normalize: None shows counts; "true" shares of the row (the diagonal is the recall), "pred" of the column (the
            precision), "all" of everything; as in scikit-learn.
        display_labels: names of the classes.
        title: "" writes the accuracy; None nothing.
        ax: Axes to draw on.

    Raises:
        TypeError, ValueError: classes out of range or of unequal shapes, names that are too few.
    """
    name = "plot_confusion_matrix"
    style.one_of(normalize, (None, "true", "pred", "all"), "normalize", name)
    counts = _counts(targets, predictions, display_labels, name)
    classes = len(counts)
    labels = style.labels_for(display_labels, classes, name)
    numbers = classes <= _MANY
    side = min(max(2.6, 0.46 * classes), 9) if numbers else 7.5
    widest = max(map(len, labels))
    ax = style.panel(ax, (side + 0.9 + 0.075 * widest + (not numbers), side + 0.9 + 0.06 * widest), name)

    values = _normalized(counts, normalize)
    paint = _normalized(counts, normalize or "true")
    _paint_cells(ax, paint)
    if numbers:
        _write_numbers(ax, counts, values, paint, normalize)
    else:
        _add_bar(ax, paint)
    every = max(1, -(-classes // 40))
    places = range(0, classes, every)
    long = len(places) * (widest + 0.5) * 0.08 > side  # inches of all names side by side
    ax.set_xticks(places, [labels[i] for i in places], rotation=45 if long else 0, ha="right" if long else "center")
    ax.set_yticks(places, [labels[i] for i in places])
    if long:
        ax.tick_params(axis="x", rotation=45)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    of = {None: "", "true": " (% of the row)", "pred": " (% of the column)", "all": " (% of all)"}[normalize]
    ax.set_xlabel("predicted" + of)
    ax.set_ylabel("true")
    if title == "":
        right = np.trace(counts) / counts.sum()
        title = f"accuracy {style.percent(right)} of {counts.sum():,}"
    style.title(ax, title)
    return style.figure_of(ax)


def _counts(targets: Any, predictions: Any, labels: Any, name: str) -> Any:
    if predictions is None:
        counts = targets._array if isinstance(targets, Tensor) else np.asarray(targets)
        square = counts.ndim == 2 and counts.shape[0] == counts.shape[1]
        if not square or counts.dtype.kind not in "iu" or (counts.size and counts.min() < 0):
            raise ValueError(
                f"{name}: without predictions the first argument must be a square matrix of counts, got shape "
                f"{counts.shape}, dtype {counts.dtype}"
            )
    else:
        scores = predictions._array if isinstance(predictions, Tensor) else np.asarray(predictions)
        named = None if labels is None or scores.dtype.kind == "f" else len(labels)
        counts = confusion_matrix(targets, predictions, named)
    if counts.sum() == 0:
        raise ValueError(f"{name}: there are no samples to count")
    return counts


def _normalized(counts: Any, how: str | None) -> Any:
    """Counts, or shares in [0, 1] of the row, of the column or of all; 0 where there is nothing to share."""
    if how is None:
        return counts
    whole = {"true": counts.sum(1, keepdims=True), "pred": counts.sum(0, keepdims=True), "all": counts.sum()}[how]
    return counts / np.maximum(whole, 1)


def _depth(paint: Any) -> Any:
    """How deep each cell's colour is, in [0, 1]: the diagonal by its share, mistakes by the largest of them."""
    right = np.eye(len(paint), dtype=bool)
    top = max(float(paint[~right].max(initial=0)), 1e-12)
    most = max(float(paint[right].max(initial=0)), 1e-12)
    return np.where(right, 0.55 * paint / most, 0.9 * np.sqrt(np.maximum(paint, 0) / top))


def _paint_cells(ax: Any, paint: Any) -> None:
    """Colours that fade into the background, whatever that is."""
    from matplotlib.colors import to_rgb

    right = np.eye(len(paint), dtype=bool)
    cells = np.empty((*paint.shape, 4))
    cells[..., :3] = np.where(right[..., None], to_rgb(style.BLUE), to_rgb(style.ORANGE))
    cells[..., 3] = _depth(paint)
    ax.imshow(cells, interpolation="none")
    if len(paint) <= _MANY:
        edges = np.arange(len(paint) + 1) - 0.5
        for edge in edges:
            ax.axhline(edge, color="grey", alpha=0.25, linewidth=0.6)
            ax.axvline(edge, color="grey", alpha=0.25, linewidth=0.6)
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(edges[-1], edges[0])


def _write_numbers(ax: Any, counts: Any, values: Any, paint: Any, normalize: str | None) -> None:
    classes = len(counts)
    size = 10 if classes <= 6 else 8.5 if classes <= 12 else 6.5 if classes <= 20 else 5
    depth = _depth(paint)
    for i, j in np.ndindex(classes, classes):
        if counts[i, j] == 0 and classes > 4:
            continue  # an empty cell says it better
        text = f"{values[i, j]:,}" if normalize is None else f"{100 * values[i, j]:.1f}"
        if normalize and counts[i, j] and float(text) == 0:
            text = "<0.1"
        weight = "bold" if i == j else "normal"
        extra = {"color": "black"} if i != j and depth[i, j] > 0.65 else {}
        ax.text(j, i, text, ha="center", va="center", fontsize=size, fontweight=weight, **extra)


def _add_bar(ax: Any, paint: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import FuncNorm, LinearSegmentedColormap, to_rgba

    top = float((paint * ~np.eye(len(paint), dtype=bool)).max()) or 1.0
    fade = LinearSegmentedColormap.from_list("mistakes", [to_rgba(style.ORANGE, 0), to_rgba(style.ORANGE, 0.9)])
    norm = FuncNorm((np.sqrt, np.square), 0, top)
    bar = ax.figure.colorbar(ScalarMappable(norm, fade), ax=ax, shrink=0.6)
    bar.ax.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.3g} %")
    bar.set_label("mistakes, share of the row")
