"""The gallery of the worst mistakes: the digits that a net is surest and most wrong about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import probing, style, tiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]


def worst_mistakes(targets: Any, outputs: Any, *, count: int | None = None, from_logits: bool = True) -> Array:
    """The places of wrongly classified samples, worst first: by the cross-entropy loss, -log p(true class).

    Args:
        targets: true classes (N,), integers.
        outputs: scores (N, C) before softmax (or logarithms of probabilities); probabilities with from_logits=False.
        count: no more than so many.

    Returns:
        (M,), int64.

    >>> worst_mistakes([0, 1, 1], np.array([[0.0, 5.0], [0.0, 5.0], [1.0, 0.0]])).tolist()
    [0, 2]
    """
    _, order = _judged(targets, outputs, from_logits, "worst_mistakes")
    return order if count is None else order[: style.whole(count, "count", "worst_mistakes")]


def plot_mistakes(
    images: Any,
    targets: Any,
    outputs: Any,
    *,
    count: int = 16,
    columns: int = 8,
    display_labels: Any = None,
    from_logits: bool = True,
    title: str | None = "",
    ax: Any = None,
) -> Figure:
    """The wrongly classified images with the highest loss, worst first, with what was said and how surely.

    Args:
        images: (N, H, W), (N, 1, H, W) or (N, 3, H, W); those not in [0, 1] are each stretched to it.
        targets: true classes (N,).
        outputs: scores (N, C) before softmax; probabilities with from_logits=False.
        count, columns: how many at most, and how many in a row.
        display_labels: names of the classes.
        title: "" counts the mistakes; None writes nothing.
        ax: Axes to draw on.

    Raises:
        TypeError, ValueError: shapes that do not belong together, classes out of range.
    """
    name = "plot_mistakes"
    style.need_matplotlib()
    count, columns = style.whole(count, "count", name), style.whole(columns, "columns", name)
    p, order = _judged(targets, outputs, from_logits, name)
    pictures = probing.as_array(images)
    if len(pictures) != len(p):
        raise ValueError(f"{name}: {len(pictures)} images, but outputs for {len(p)}")
    true, labels = probing.as_array(targets), style.labels_for(display_labels, p.shape[1], name)
    shown = order[:count]
    if title == "":
        title = f"{len(order):,} of {len(p):,} wrong"
        title += f": the worst {len(shown)}" if len(order) > len(shown) else ""
    if not len(shown):
        ax = style.panel(ax, (4, 1.2), name)
        ax.text(0.5, 0.5, "no mistakes", ha="center", va="center", transform=ax.transAxes)
        style.bare(ax)
        style.title(ax, title)
        return style.figure_of(ax)
    captions = []
    for i in shown:
        said = int(p[i].argmax())
        captions.append(
            f"pred {labels[said]}: {style.percent(p[i, said])}\ntrue {labels[true[i]]}: {style.percent(p[i, true[i]])}"
        )
    pixels = tiles.as_pictures(pictures[shown], name)
    gallery = tiles.Tiles(ax, len(shown), pixels.shape[1:3], columns, captions, name=name)
    for place, image in enumerate(pixels):
        gallery.show(place, image, **({} if image.ndim == 3 else tiles.GREY))
    gallery.finish(title)
    return style.figure_of(gallery.ax)


def _judged(targets: Any, outputs: Any, from_logits: bool, name: str) -> tuple[Array, Array]:
    """Probabilities (N, C), and the places of the mistakes, worst first."""
    true, scores = probing.as_array(targets), probing.as_array(outputs)
    if true.dtype.kind not in "iu":
        raise TypeError(f"{name}: targets must be classes (integers), got dtype {true.dtype}")
    if scores.ndim != 2 or scores.dtype.kind != "f" or true.shape != scores.shape[:1]:
        raise ValueError(
            f"{name}: outputs must be scores (N, C) for targets (N,), got shapes {scores.shape} and {true.shape}, "
            f"dtype {scores.dtype}"
        )
    if true.size and (true.min() < 0 or true.max() >= scores.shape[1]):
        raise ValueError(
            f"{name}: targets must lie in 0..{scores.shape[1] - 1}, got {int(true.min())}..{int(true.max())}"
        )
    p = probing.probabilities(scores) if from_logits else scores
    if not from_logits and scores.size and (scores.min() < 0 or scores.max() > 1 + 1e-6):
        raise ValueError(f"{name}: from_logits=False needs probabilities in [0, 1], got {scores.min()}..{scores.max()}")
    wrong = np.flatnonzero(scores.argmax(axis=1) != true)
    return p, wrong[np.argsort(p[wrong, true[wrong]], kind="stable")]
