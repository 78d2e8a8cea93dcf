"""What all pictures share: colours, figures, panels. Nothing here touches Matplotlib's settings.

Backgrounds, text and fonts are the user's own (a dark style sheet gives dark pictures). Only what carries data has
colours of ours, told apart by every kind of eye (Okabe and Ito, 2008) on white and on black, and never alone: line
style, marker, place or a number says the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")
DIVERGING = "RdBu_r"  # around zero
SEQUENTIAL = "viridis"
HEAT = "inferno"  # over a grey image


def need_matplotlib() -> None:
    """ImportError, in one sentence, where Matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "pictures need Matplotlib, which is not installed: pip install 'tinygrad-cnn[viz]'"
        ) from error


def panel(ax: Any, size: tuple[float, float], name: str) -> Axes:
    """The Axes to draw on: the user's, or those of a new figure of ``size`` inches."""
    return panels(ax, 1, size, 1, name)[0]


def panels(ax: Any, count: int, size: tuple[float, float], columns: int, name: str) -> list[Axes]:
    """``count`` Axes to draw on: the user's, or a new figure with panels of ``size`` inches in rows of ``columns``."""
    need_matplotlib()
    from matplotlib.axes import Axes
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from .pictures import Picture

    if ax is None:
        columns = 2 if count == 4 else min(columns, count)
        rows = math.ceil(count / columns)
        figure = Picture(figsize=(size[0] * columns, size[1] * rows), layout=ConstrainedLayoutEngine(wspace=0.04))
        made = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
        for one in made:
            one.spines[["top", "right"]].set_visible(False)
        return made
    given = [ax] if isinstance(ax, Axes) else list(np.ravel(np.asarray(ax, dtype=object)))
    for one in given:
        if not isinstance(one, Axes):
            raise TypeError(f"{name}: ax must be Matplotlib Axes, or several of them, got {type(one).__name__}")
    if len(given) != count:
        raise ValueError(f"{name}: there are {count} panels to draw, but ax has {len(given)} Axes")
    return given


def figure_of(ax: Axes) -> Figure:
    """The figure that Axes stand in, through subfigures."""
    figure: Any = ax.figure
    return figure.figure


def grid(ax: Axes, axis: Any = "both") -> None:
    """Faint lines behind the data."""
    ax.grid(True, axis=axis, alpha=0.25, linewidth=0.8)
    ax.set_axisbelow(True)


def bare(ax: Axes) -> None:
    """No ticks and no frame: for images."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def title(ax: Axes, text: str | None) -> None:
    """A heading above the left edge; none for None."""
    if text:
        ax.set_title(text, loc="left")


def plain(text: object) -> str:
    """A user's text as Matplotlib shows it to the letter: a dollar sign begins no formula."""
    return str(text).replace("$", r"\$")


def percent(share: float) -> str:
    """A share as a reader wants it: two digits near the ends, one elsewhere, and 100 % for nothing less."""
    value = 100 * share
    if not math.isfinite(value):
        return "?"
    digits = 0 if value in (0, 100) else 2 if value > 99 or value < 1 else 1
    text = f"{value:.{digits}f}"
    if float(text) == 100 and value < 100:
        text = "> 99.99"
    if float(text.lstrip("> ")) == 0 and value > 0:
        text = "< 0.01"
    return f"{text} %"


def not_finite(nans: int, infs: int, total: int) -> str:
    """How many numbers are none, "3 NaN, 1 infinite of 1,200"; nothing where all are finite."""
    parts = [f"{n:,} {what}" for n, what in ((nans, "NaN"), (infs, "infinite")) if n]
    return f"{', '.join(parts)} of {total:,}" if parts else ""


def labels_for(display_labels: Any, count: int, name: str) -> list[str]:
    """One name a class: those given, or 0, 1, 2, ..."""
    if display_labels is None:
        return [str(i) for i in range(count)]
    if isinstance(display_labels, str) or not isinstance(display_labels, (Sequence, np.ndarray)):
        raise TypeError(f"{name}: display_labels must be a sequence of names, got {display_labels!r}")
    found = [plain(label) for label in display_labels]
    if len(found) < count:
        raise ValueError(f"{name}: display_labels has {len(found)} names, but there are {count} classes")
    return found


def whole(value: Any, what: str, name: str, low: int = 1) -> int:
    """An integer >= low; else ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise ValueError(f"{name}: {what} must be an integer >= {low}, got {value!r}")
    return int(value)


def one_of(value: Any, choices: Sequence[Any], what: str, name: str) -> None:
    """ValueError where the value is none of the choices."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: {what} must be one of {listed}, got {value!r}")
