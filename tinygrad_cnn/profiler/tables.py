"""Events added up to rows, and rows as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..arrays.html_tables import html_table
from .events import OPERATIONS, Event

SORTABLE = ("total", "forward", "backward", "other", "calls", "bytes", "flops", "flops_per_second", "name")
OUTSIDE = "Python, outside operations"


@dataclass
class Row:
    """What the events of one name add up to. Times are in seconds, without what is counted in another row."""

    name: str
    calls: int = 0  # of the forward, of the module, of the optimizer's step or of the span
    backward_calls: int = 0  # rules that ran: one for each input that wants a gradient
    forward: float = 0.0
    backward: float = 0.0
    other: float = 0.0  # an optimizer's steps; the whole of a span
    bytes: int = 0  # of all outputs and gradients; not all are there at the same time
    flops: int | None = None  # None where nothing was counted
    counted: float = 0.0  # seconds of the events with a count
    share: float = 0.0  # total, as part of the whole profile's time

    @property
    def total(self) -> float:
        """Seconds in all."""
        return self.forward + self.backward + self.other

    @property
    def flops_per_second(self) -> float | None:
        """Of the events with a count."""
        return self.flops / self.counted if self.flops is not None and self.counted else None

    def add(self, event: Event, seconds: float) -> None:
        """Take in one event, of which ``seconds`` were its own."""
        if event.phase == "backward":
            self.backward_calls += 1
            self.backward += seconds
        elif event.phase == "forward":
            self.forward += seconds
        else:
            self.other += seconds
        self.bytes += event.bytes
        if event.flops is not None:
            self.flops = (self.flops or 0) + event.flops
            self.counted += seconds


def own_seconds(events: Sequence[Event]) -> list[float]:
    """The duration of each event without the events within it. They stand in the order of their ends.

    Operations are within others in three cases: in a rule under create_graph, in one that asks for gradients
    itself, and in the closure of an optimizer's step.
    """
    own: list[float] = []
    open_ends: list[Event] = []  # those not yet found to be within another
    for event in events:
        within = 0.0
        while open_ends and open_ends[-1].start >= event.start:
            within += open_ends.pop().duration
        open_ends.append(event)
        own.append(max(0.0, event.duration - within))
    return own


def rows(events: Iterable[Event], name: Callable[[Event], str], wall: float) -> dict[str, Row]:
    """The operations and optimizer steps among the events, added up by name; the longest first."""
    counted = [event for event in events if event.phase in OPERATIONS]
    found: dict[str, Row] = {}
    for event, seconds in zip(counted, own_seconds(counted), strict=True):
        key = event.name if event.phase == "optimizer" else name(event)
        found.setdefault(key, Row(key)).add(event, seconds)
    return finished(found.values(), wall)


def finished(found: Iterable[Row], wall: float) -> dict[str, Row]:
    """Rows by name, the longest first, with their shares filled in."""
    found = sorted(found, key=lambda row: -row.total)
    for row in found:
        row.share = row.total / wall if wall else 0.0
    return {row.name: row for row in found}


def ordered(found: Iterable[Row], sort_by: str) -> list[Row]:
    """The rows from the largest to the smallest; by name, from A to Z.

    Raises ValueError for something there is no column of.
    """
    if sort_by not in SORTABLE:
        raise ValueError(f"sort_by must be one of {', '.join(SORTABLE)}, got {sort_by!r}")
    if sort_by == "name":
        return sorted(found, key=lambda row: row.name)
    return sorted(found, key=lambda row: -(getattr(row, sort_by) or 0))


class Table(NamedTuple):
    """The texts of a table. A column may be empty."""

    headings: list[str]
    cells: list[list[str]]
    total: list[str]


def laid_out(heading: str, found: Sequence[Row], limit: int | None, wall: float, outside: float | None) -> Table:
    """The table. ``outside``: seconds in no row, for a last line; None for rows that overlap."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise ValueError(f"limit must be a number of rows or None, got {limit!r}")
    shown, rest = list(found[:limit]), [] if limit is None else list(found[limit:])
    headings = [heading, "calls", "rules", "forward", "backward", "total ms", "share", "MiB", "GFLOP", "GFLOP/s"]
    cells = [_cells(row) for row in shown]
    if rest:
        cells.append(_line(f"... {len(rest)} more", sum(row.total for row in rest), wall))
    if outside is not None:
        cells.append(_line(OUTSIDE, outside, wall))
    return Table(headings, cells, _line("total", wall, wall))


def text(table: Table) -> str:
    """The table as lines of text, without the columns that are empty."""
    headings, cells = table.headings, [*table.cells, table.total]
    widths = [max(len(row[i]) for row in [headings, *cells]) for i in range(len(headings))]
    used = [i for i in range(len(headings)) if i == 6 or any(row[i] for row in cells)]  # a share of nothing is empty
    lines = [
        "  ".join(row[i].rjust(widths[i]) if i else row[i].ljust(widths[i]) for i in used).rstrip()
        for row in [headings, *cells]
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def as_html(table: Table) -> str:
    """The table for a notebook, without the columns that are empty."""
    return html_table(table.headings, table.cells, 1, table.total)


def _cells(row: Row) -> list[str]:
    rate = row.flops_per_second
    return [
        row.name,
        f"{row.calls:,}" if row.calls else "",
        f"{row.backward_calls:,}" if row.backward_calls else "",
        _ms(row.forward) if row.forward else "",
        _ms(row.backward) if row.backward else "",
        _ms(row.total),
        f"{row.share:.1%}",
        f"{row.bytes / 2**20:,.2f}" if row.bytes else "",
        f"{row.flops / 1e9:,.3f}" if row.flops is not None else "",
        f"{rate / 1e9:,.1f}" if rate is not None else "",
    ]


def _line(name: str, seconds: float, wall: float) -> list[str]:
    share = f"{seconds / wall:.1%}" if wall else ""
    return [name, "", "", "", "", _ms(seconds), share, "", "", ""]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.3f}"
