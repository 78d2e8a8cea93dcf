"""The distributions of weights and gradients, drawn over the epochs."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import style
from .histograms import Histogram, HistogramRecorder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
Records = list[tuple[int, Histogram]]
_RIDGES = 16  # more of them cannot be told apart
_TEXTS = 10  # side by side


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

    What an epoch has besides finite values is said in numbers, with the place of the first one. Values that are all
    equal are a line with their value. Up to 0.1 % of an epoch's values at either end may lie outside (heat: 1 %).

    Args:
        recorder: what has recorded them.
        of: "weights" or "gradients".
        kind: "ridge" draws an outline for each epoch, later ones in front and darker; "heat" a column for each.
        parameters: which, in this order; by default those with values that are not finite, then the weights, at most
            ``max_panels``. What is left out is named below.
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
    recorded = {
        key: [(e, h) for e, h in zip(recorder.epochs, column, strict=True) if h is not None]
        for key, column in table.items()
    }
    without = [key for key, records in recorded.items() if not records]
    recorded = {key: records for key, records in recorded.items() if records}
    if not recorded:
        hint = "; record while the gradients are there, before zero_grad" if of == "gradients" else ""
        raise ValueError(f"{name}: the recorder has no {of} yet{hint}")
    if parameters is None:
        large = [key for key in recorded if key.endswith("weight") or "weight" not in " ".join(recorded)]
        wrong = [key for key, records in recorded.items() if any(h.nonfinite for _, h in records)]
        shown = list(dict.fromkeys(wrong + (large or list(recorded))))[: style.whole(max_panels, "max_panels", name)]
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
        _note_first(place, recorded[key])
    rest = [key for key in recorded if key not in shown] if parameters is None else []
    notes = [f"not shown: {', '.join(rest)}"] if rest else []
    notes += [f"without a gradient: {', '.join(without)}"] if without and of == "gradients" else []
    if notes:
        _note_below(places, "; ".join(notes), ax is None)
    return style.figure_of(places[0])


def _note_first(ax: Axes, records: Records) -> None:
    """Since when, and where, there are values that are not finite."""
    for epoch, h in records:
        if h.nonfinite:
            place = "" if h.first is None else f", first at [{', '.join(map(str, h.first))}]"
            text = f"not finite since epoch {epoch}{place}"
            ax.annotate(
                text, (1, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", ha="right",
                color=style.VERMILION, fontsize="small", fontweight="bold",
            )  # fmt: skip
            ax.set_title(ax.get_title(loc="left"), loc="left", pad=18)
            return


def _note_below(places: Sequence[Axes], text: str, own: bool) -> None:
    """A line under all panels of a figure of ours, or under the last of the user's."""
    if own:
        figure = style.figure_of(places[0])
        wide = int(figure.get_figwidth() * 13)  # characters
        figure.supxlabel(style.plain(textwrap.fill(text, wide)), x=0.01, ha="left", fontsize="small")
    else:
        below = textwrap.fill(text, 46)
        places[-1].set_xlabel(f"{places[-1].get_xlabel()}\n{style.plain(below)}")


def _cumulative(h: Histogram, at: Array) -> Array:
    """The share of values below each place, each bin's spread evenly over it."""
    total = np.concatenate([[0], np.cumsum(h.counts)]) / h.counts.sum()
    return np.interp(at, h.edges, total)


def _common_edges(records: Records, tail: float) -> Array:
    """Bins for all epochs, between the outermost ``tail`` of any of them; fewer bins for fewer values."""
    bins = int(np.clip(2 * np.sqrt(records[-1][1].counts.sum()), 12, 80))
    ends = []
    for _, h in records:
        if not h.counts.any():
            continue
        if h.constant is not None:
            ends += [h.constant, h.constant]
            continue
        total = np.concatenate([[0], np.cumsum(h.counts)]) / h.counts.sum()
        inside = np.flatnonzero((total[1:] > tail) & (total[:-1] < 1 - tail))
        ends += [h.edges[inside[0]], h.edges[inside[-1] + 1]]
    low, high = min(ends, default=0), max(ends, default=1)
    if low == high or any(h.constant in (low, high) for _, h in records):  # a line needs room on both sides
        room = 0.1 * (high - low) or 0.5 * max(abs(low), 1)
        low, high = low - room, high + room
    return np.linspace(low, high, bins + 1)


def _is_line(h: Histogram) -> bool:
    """Has no distribution: all values are one, or none is finite."""
    return h.constant is not None or not h.counts.any()


def _news(records: Records, i: int) -> str:
    """The one value of a record, unless the record before says the same."""
    value = records[i][1].constant
    return "" if i and records[i - 1][1].constant == value else f"all {value:.4g}"


def _behind(ax: Axes) -> dict[str, Any]:
    """What makes a text readable on data."""
    return {"facecolor": ax.get_facecolor(), "edgecolor": "none", "alpha": 0.8, "pad": 0.5}


def _ridge(ax: Axes, records: Records) -> None:
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    if len(records) > _RIDGES:
        keep = {int(i) for i in np.linspace(0, len(records) - 1, _RIDGES).round()}
        keep.update([i for i, (_, h) in enumerate(records) if h.nonfinite][:1])
        records = [records[i] for i in sorted(keep)]
    edges = _common_edges(records, 0.001)
    centres = (edges[1:] + edges[:-1]) / 2
    outlines = [None if _is_line(h) else np.diff(_cumulative(h, edges)) for _, h in records]
    tall = max((float(y.max()) for y in outlines if y is not None), default=0) or 1.0
    count = len(records)
    for i, ((_, h), y) in enumerate(zip(records, outlines, strict=True)):
        color = colormaps[style.SEQUENTIAL](0.8 - 0.6 * i / max(count - 1, 1))
        base = count - 1 - i  # the first epoch behind, at the top
        if h.nonfinite:
            ax.text(
                0.99, base, str(h), transform=ax.get_yaxis_transform(), ha="right", va="bottom", fontsize="small",
                color=style.VERMILION, fontweight="bold", zorder=count + 5, bbox=_behind(ax),
            )  # fmt: skip
        if y is None:
            ax.axhline(base, color=color, linewidth=1.1, zorder=i + 2.5)
            if h.constant is not None:
                ax.plot([h.constant] * 2, [base, base + 0.8], color=color, linewidth=2.5, zorder=i + 2.5)
                ax.annotate(
                    _news(records, i), (h.constant, base + 0.8), (4, 0), textcoords="offset points", va="top",
                    fontsize="small", zorder=count + 4,
                )  # fmt: skip
            continue
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
    none = np.full(len(edges) - 1, np.nan)
    shares = np.array([none if _is_line(h) else np.diff(_cumulative(h, edges)) for _, h in records]).T  # (bins, epochs)
    shares = shares / np.maximum(shares.max(axis=0), 1e-12)
    epochs = np.array([e for e, _ in records], float)
    middle = (epochs[1:] + epochs[:-1]) / 2
    left = np.concatenate([[epochs[0] - 0.5], middle, [epochs[-1] + 0.5]])
    mesh = ax.pcolormesh(left, edges, shares, cmap=style.SEQUENTIAL, norm=PowerNorm(0.5, 0, 1), rasterized=True)
    for i, (epoch, h) in enumerate(records):
        if h.constant is not None:
            ax.plot(left[i : i + 2], [h.constant] * 2, color=style.BLUE, linewidth=2.5)
            ax.annotate(_news(records, i), (epoch, h.constant), (0, 3), textcoords="offset points", ha="center",
                        fontsize="small")  # fmt: skip
        if h.nonfinite:
            ax.plot(
                [epoch], [0], "X", color=style.VERMILION, clip_on=False, zorder=4, transform=ax.get_xaxis_transform()
            )
        if h.nonfinite and (len(records) <= _TEXTS or not any(one.nonfinite for _, one in records[:i])):
            ax.annotate(str(h), (epoch, 0.04), xycoords=("data", "axes fraction"), rotation=90, ha="center",
                        va="bottom", fontsize="small", color=style.VERMILION, fontweight="bold",
                        bbox=_behind(ax))  # fmt: skip
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("density, the epoch's highest = 1")
    bar.outline.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
