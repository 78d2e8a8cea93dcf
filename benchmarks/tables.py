"""Text of the report: tables in Markdown, ratios, and what is said of turns that were thrown away."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

US = "tinygrad_cnn"
TORCH = ("torch", "torch channels_last")


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table that also reads well as text: the first column to the left, figures to the right."""
    cells = [[str(value) for value in row] for row in rows]
    for row in cells:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells under {len(header)} headings: {row}")
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * max(3, widths[0]), *("-" * max(2, w - 1) + ":" for w in widths[1:])]
    return "\n".join([line(header), "| " + " | ".join(rule) + " |", *map(line, cells)])


def figure(value: float | None, digits: int = 2, mark: bool = False) -> str:
    """A number, "-" where there is none, and a "~" before it where noise could not be kept out."""
    if value is None or not math.isfinite(value):
        return "-"
    return ("~" if mark else "") + f"{value:.{digits}f}"


def duration(seconds: float | None) -> str:
    """Seconds in a unit that suits them."""
    if seconds is None:
        return "-"
    unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if seconds >= s), ("µs", 1e-6))
    return f"{seconds / size:.3g} {unit}"


def best(times: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The quickest of those that ran."""
    return min((name for name in names if name in times), key=lambda name: times[name]["seconds"], default=None)


def speed(cell: Mapping[str, Any], rivals: str | Sequence[str] = TORCH, who: str = US) -> float | None:
    """How many times as quick as the quickest of the rivals; None where one of the two did not run."""
    times = cell["times"]
    rival = best(times, [rivals] if isinstance(rivals, str) else rivals)
    if rival is None or who not in times:
        return None
    return times[rival]["seconds"] / times[who]["seconds"]


def ratio(cell: Mapping[str, Any], rivals: str | Sequence[str] = TORCH, who: str = US) -> str:
    """`speed` as text, marked where it is shaky."""
    involved = [who, *([rivals] if isinstance(rivals, str) else rivals)]
    return figure(speed(cell, rivals, who), mark=any(cell["times"].get(n, {}).get("shaky") for n in involved))


def noisy(cells: Iterable[Mapping[str, Any]]) -> str:
    """How many turns counted and how many did not."""
    cells = list(cells)
    good, bad, marked = (
        sum(int(t[key]) for c in cells for t in c["times"].values()) for key in ("turns", "noisy", "shaky")
    )
    text = f"{good} turns counted, {bad} noisy ones thrown away."
    return text + (f" {marked} figures had too few quiet turns and use all: ratios with ~." if marked else "")


def geometric(values: Iterable[float | None]) -> float | None:
    """Geometric mean of those that are there."""
    there = [v for v in values if v is not None]
    return statistics.geometric_mean(there) if there else None


def failures(cells: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each reason why somebody did not run."""
    reasons: dict[tuple[str, str], int] = {}
    for c in cells:
        for name, why in c["failed"].items():
            reasons[name, why] = reasons.get((name, why), 0) + 1
    return [f"- {name} did not run in {n} cells: {why}" for (name, why), n in reasons.items()]


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log(seconds) over log(size) by least squares: 1 where twice the size takes twice the time."""
    x, y = [math.log(s) for s in sizes], [math.log(s) for s in seconds]
    return statistics.linear_regression(x, y).slope


def upper_range(seconds: Sequence[float], factor: float = 5.0, least: int = 3) -> int:
    """Index from which on fixed costs no longer dominate.

    The first size, all smaller ones passed, that takes at least `factor` times the time of the quickest size: fixed
    costs are then at most 1/factor of it. At least the last `least` sizes are kept.
    """
    floor = factor * min(seconds)
    first = next((i for i in range(len(seconds)) if all(s >= floor for s in seconds[i:])), len(seconds))
    return max(0, min(first, len(seconds) - least))
