"""Learning curves: loss and metrics over the epochs, of one run, of many seeds, of rivals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..train.history import History, is_number
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Column = NDArray[np.float64]
Run = dict[str, Column]  # names as `_canonical` makes them, "epoch" among them
_NO_METRICS = {"epoch", "lr", "seconds", "images_per_s", "step", "batch", "time"}
_PREFIX = re.compile(r"^(train(?:ing)?|val(?:idation)?|valid|test)[ _-]")


def plot_learning_curves(
    runs: Any,
    *,
    metrics: str | Sequence[str] | None = None,
    log: bool = False,
    spread: str | None = "std",
    ax: Any = None,
) -> Figure:
    """Loss and metrics over the epochs, one panel each: training solid, validation dashed.

    Of several runs the mean is drawn, and a band around it. Runs that stopped early count as far as they went.

    Args:
        runs: a `History`; a dict of columns, ``{"loss": [...], "val_loss": [...]}``; a list of rows (dicts of numbers);
            a list of these for several seeds; or a dict of names to any of these, to compare. Columns are paired by
            their names: ``loss`` (or ``train_loss``) with ``val_loss`` (or ``validation loss``).
        metrics: which to show, in this order; by default all that are numbers and no times or rates. "error" is 1 -
            accuracy, where no column has that name.
        log: logarithmic values.
        spread: the band of several runs: "std" (mean ± one standard deviation, with n - 1), "range" (lowest to
            highest), None.
        ax: Axes to draw on, as many as metrics.

    Raises:
        TypeError, ValueError: no runs or no epochs, columns of unequal length, a metric that there is not.
    """
    name = "plot_learning_curves"
    groups = _groups(runs, name)
    style.one_of(spread, ("std", "range", None), "spread", name)
    shown = _shown(groups, metrics, name)
    places = style.panels(ax, len(shown), (4.6, 3.4), 3, name)
    for place, metric in zip(places, shown, strict=True):
        _draw_panel(place, metric, groups, spread, log)
    return style.figure_of(places[0])


def _draw_panel(ax: Axes, metric: str, groups: dict[str, list[Run]], spread: str | None, log: bool) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator

    both = any(f"val_{metric}" in run for runs in groups.values() for run in runs)
    sizes = {len(_table(runs, part)[1]) for runs in groups.values() for part in (metric, f"val_{metric}")} - {0}
    for i, (group, runs) in enumerate(groups.items()):
        color, marker = style.CYCLE[i % len(style.CYCLE)], style.MARKERS[i % len(style.MARKERS)]
        for part, dash in ((metric, "-"), (f"val_{metric}", "--")):
            epochs, table = _table(runs, part)
            if not len(table):
                continue
            held_out = part != metric
            if len(groups) == 1 and held_out:
                color, marker = style.VERMILION, "s"
            words = [group] if group else []
            words += ["validation" if held_out else "training"] if both or not group else []
            label = ", ".join(words)
            if len(sizes) > 1:
                label += f", {len(table)} run{'s' if len(table) > 1 else ''}"
            mean = _mean(table)
            marks: dict[str, Any] = {
                "marker": marker if len(epochs) <= 30 else "",
                "markersize": 5,
                "markerfacecolor": ax.get_facecolor() if held_out else color,
            }
            ax.plot(epochs, mean, dash, color=color, linewidth=1.8, label=label, **marks)
            if spread and len(table) > 1:
                low, high = _band(table, mean, spread)
                if log:
                    low = np.where(low > 0, low, np.nanmin(table, axis=0))
                ax.fill_between(epochs, low, high, color=color, alpha=0.18, linewidth=0)
    style.grid(ax)
    ax.set_xlabel("epoch")
    ax.set_ylabel(style.plain(metric.replace("_", " ")))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    drawn = [np.asarray(line.get_ydata(), float) for line in ax.lines]
    shares = metric.endswith(("accuracy", "error")) and not any((y < 0).any() or (y > 1).any() for y in drawn)
    if log:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_minor_formatter("")
        ax.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    if shares:
        ax.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.6g} %")
    band = {"std": ", ± one std", "range": ", from lowest to highest", None: ""}[spread]
    several = f"mean of {max(sizes)} runs{band}" if len(sizes) == 1 else f"means of the runs{band}"
    title = several if max(sizes) > 1 else None
    ax.legend(framealpha=0.85, edgecolor="none", title=title, alignment="left")  # readable where it meets a line


# ----------------------------------------------------------------------------------------------------------- figures
def _table(runs: list[Run], column: str) -> tuple[Column, Column]:
    """All epochs of the runs, and the column over them, (runs, epochs), NaN where a run has no value."""
    having = [run for run in runs if column in run]
    epochs = np.unique(np.concatenate([run["epoch"] for run in having])) if having else np.zeros(0)
    table = np.full((len(having), len(epochs)), np.nan)  # (runs, epochs)
    for row, run in zip(table, having, strict=True):
        row[np.searchsorted(epochs, run["epoch"])] = run[column]
    return epochs, table


def _mean(table: Column) -> Column:
    """The mean over the runs that have a value; NaN where none has."""
    known = np.isfinite(table)
    count = known.sum(axis=0)
    total = np.where(known, table, 0).sum(axis=0)
    mean: Column = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def _band(table: Column, mean: Column, spread: str) -> tuple[Column, Column]:
    known = np.isfinite(table)
    if spread == "range":
        low, high = np.where(known, table, np.inf).min(axis=0), np.where(known, table, -np.inf).max(axis=0)
        empty = ~known.any(axis=0)
        return np.where(empty, np.nan, low), np.where(empty, np.nan, high)
    squares = np.where(known, table - mean, 0) ** 2
    std = np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0) - 1, 1))
    return mean - std, mean + std


def _shown(groups: dict[str, list[Run]], metrics: str | Sequence[str] | None, name: str) -> list[str]:
    runs = [run for group in groups.values() for run in group]
    known = list(dict.fromkeys(column.removeprefix("val_") for run in runs for column in run if column != "epoch"))
    if metrics is None:
        shown = [column for column in known if column not in _NO_METRICS]
    else:
        shown = [_canonical(m).removeprefix("val_") for m in ([metrics] if isinstance(metrics, str) else metrics)]
    if "error" in shown and "error" not in known and "accuracy" in known:
        for run in runs:
            for part in ("accuracy", "val_accuracy"):
                if part in run:
                    run[part.replace("accuracy", "error")] = 1 - run[part]
        known.append("error")
    for metric in shown:
        if metric not in known:
            raise ValueError(f"{name}: the runs have no {metric!r}; they have {', '.join(known)}")
    if not shown:
        raise ValueError(f"{name}: the runs have nothing to draw but {', '.join(known) or 'no columns at all'}")
    return shown


# -------------------------------------------------------------------------------------------------------------- runs
def _groups(runs: Any, name: str) -> dict[str, list[Run]]:
    """Names to runs; "" where there is one group without a name."""
    if isinstance(runs, Mapping) and not _is_columns(runs):
        return {style.plain(key): _runs(value, name) for key, value in runs.items()}
    return {"": _runs(runs, name)}


def _runs(value: Any, name: str) -> list[Run]:
    if isinstance(value, History) or _is_columns(value) or _is_rows(value):
        return [as_run(value, name)]
    if isinstance(value, (list, tuple)):
        return [as_run(one, name) for one in value]
    raise TypeError(
        f"{name}: a run is a History, a dict of columns or a list of rows; got {type(value).__name__}"
        + (f" with the keys {', '.join(map(str, value))}" if isinstance(value, Mapping) else "")
    )


def as_run(value: Any, name: str) -> Run:
    """One run as columns of numbers, all equally long, under canonical names; TypeError or ValueError if it is none."""
    if isinstance(value, History):
        columns: Mapping[str, Any] = value.to_dict()
    elif _is_columns(value):
        columns = value
    elif _is_rows(value):
        columns = History(list(value)).to_dict()
    else:
        raise TypeError(f"{name}: a run is a History, a dict of columns or a list of rows; got {type(value).__name__}")
    run: Run = {}
    for key, column in columns.items():
        if all(is_number(v) for v in column):
            run[_canonical(str(key))] = np.array([float(v) for v in column])
    lengths = {key: len(column) for key, column in run.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key} {n}" for key, n in lengths.items())
        raise ValueError(f"{name}: the columns of a run must be equally long, got {listed}")
    count = next(iter(lengths.values()), 0)
    if count == 0:
        raise ValueError(f"{name}: a run has no epochs yet, or no numbers")
    run.setdefault("epoch", np.arange(1.0, count + 1))
    return run


def _is_columns(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(v, (list, tuple, np.ndarray)) and all(is_number(x) for x in v) for v in value.values()
    )


def _is_rows(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(row, Mapping) and any(is_number(v) for v in row.values()) for row in value
    )


def _canonical(name: str) -> str:
    """ "loss" for "train loss", "val_loss" for "validation loss"."""
    name = name.strip()
    found = _PREFIX.match(name)
    rest = name[found.end() :] if found else name
    prefix = "val_" if found and not found[1].startswith("train") else ""
    return prefix + rest.replace(" ", "_")
