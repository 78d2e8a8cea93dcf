"""What a training run measured: one row an epoch."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ..io.atomic import replace_file

Row = dict[str, Any]


class History:
    """The values of each epoch, as rows (``history.rows``) and as columns (``history["val_loss"]``).

    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5, "val_loss": 0.6})
    >>> history.append({"epoch": 2, "loss": 0.3, "val_loss": 0.4})
    >>> history["loss"], history.best("val_loss")
    ([0.5, 0.3], {'epoch': 2, 'loss': 0.3, 'val_loss': 0.4})
    """

    def __init__(self, rows: list[Row] | None = None) -> None:
        self.rows: list[Row] = [dict(row) for row in rows or ()]

    def append(self, row: Mapping[str, Any]) -> None:
        """Add an epoch: names to values."""
        self.rows.append(dict(row))

    def keys(self) -> list[str]:
        """The names of all columns, in the order they first came."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def __getitem__(self, name: str) -> list[Any]:
        """A column, with NaN where an epoch has no such value."""
        if self.rows and name not in self.keys():
            raise KeyError(f"the history has no {name!r}; it has {', '.join(self.keys())}")
        return [row.get(name, math.nan) for row in self.rows]

    def __contains__(self, name: object) -> bool:
        return any(name in row for row in self.rows)

    def __len__(self) -> int:
        """The number of epochs."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        """The rows."""
        return iter(self.rows)

    def best(self, name: str, mode: str | None = None) -> Row:
        """The row with the lowest (mode "min") or highest ("max") value of a column; by default as the name says."""
        mode = direction(name, mode)
        rows = [r for r, v in zip(self.rows, self[name], strict=True) if not math.isnan(v)]
        if not rows:
            raise ValueError(f"the history has no epoch with a value of {name!r}")
        return (min if mode == "min" else max)(rows, key=lambda row: row[name])

    def to_dict(self) -> dict[str, list[Any]]:
        """All columns by name."""
        return {name: self[name] for name in self.keys()}

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """The table as CSV text, written to ``path`` too if there is one. Columns of arrays are left out."""
        names = [n for n in self.keys() if any(is_number(row.get(n)) for row in self.rows)]
        text = csv_lines([names, *([row.get(n, "") for n in names] for row in self.rows)])
        if path is not None:
            replace_file(path, text.encode())
        return text

    def plot(self, name: str = "loss", ax: Any = None, **style: Any) -> Any:
        """Draw a column over the epochs, and that of the validation (``val_`` + name) dashed; returns the Axes.

        Args:
            name: "loss", or a metric's name.
            ax: Matplotlib Axes to draw on; None makes a figure.
            style: passed on to ``ax.plot``.

        Raises:
            ImportError: Matplotlib is missing (the message says how to get it).
        """
        if ax is None:
            ax = _pyplot().subplots()[1]
        epochs = [row.get("epoch", i + 1) for i, row in enumerate(self.rows)]
        (line,) = ax.plot(epochs, self[name], **{"label": "training", "marker": ".", **style})
        if f"val_{name}" in self:
            dashed = {"linestyle": "--", "marker": ".", **style, "color": line.get_color(), "label": "validation"}
            ax.plot(epochs, self[f"val_{name}"], **dashed)
        ax.set_xlabel("epoch")
        ax.set_ylabel(name.replace("_", " "))
        ax.legend()
        return ax

    def __repr__(self) -> str:
        if not self.rows:
            return "History(no epochs)"
        names = [n for n in self.keys() if any(is_number(row.get(n)) for row in self.rows)]
        cells = [[show(row.get(n, "")) for n in names] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
        return "\n".join("  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in [names, *cells])


def is_number(value: Any) -> bool:
    """Is it a single number, rather than an array or a text?"""
    return isinstance(value, (int, float)) or getattr(value, "shape", None) == ()


def show(value: Any) -> str:
    """A number as a table shows it."""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e3:
        return f"{value:.4f}"
    return f"{value:,.1f}" if 1e3 <= abs(value) < 1e9 else f"{value:.3g}"


def csv_lines(rows: list[list[Any]]) -> str:
    """Rows as CSV, each ended by a newline."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def direction(name: str, mode: str | None) -> str:
    """ "min" or "max": as given, or as the name of what is watched says."""
    if mode in ("min", "max"):
        return str(mode)
    if mode is not None:
        raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
    if name.endswith(("loss", "error")):
        return "min"
    if name.endswith(("accuracy", "score")):
        return "max"
    raise ValueError(f"is a lower or a higher {name!r} better? The name does not say: pass mode='min' or mode='max'")


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "plotting needs Matplotlib, which is not installed: pip install 'tinygrad-cnn[viz]'"
        ) from error
    return plt
