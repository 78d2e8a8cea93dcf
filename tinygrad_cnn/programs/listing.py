"""What plans look like, as `compiler` makes them: their steps in a table, for terminals and notebooks."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

from ..arrays.html_tables import html_table
from .parts import memory_of
from .program import Step, Value, values_in

WIDTH = 120  # characters of a line
MANY = 4  # inputs that are told one by one
_LEAST, _GAP, _TEXTS = 14, 2, 4  # the width of a column of texts, blanks between columns, columns of texts


class Row(NamedTuple):
    """A step in words."""

    number: str
    line: str  # the user's, which led to it
    step: str  # the operation, or those that it was fused from: "conv2d + relu"
    module: str
    given: str  # shapes of its inputs, and dtypes where they are not the usual one
    made: str  # the same of what comes out; what is kept for gradients alone has a name
    buffer: str
    bytes: str


class Look:
    """How a plan is shown.

    Attributes:
        plan: the plan; None where there is none.
        why: what is said instead.
    """

    def __init__(self, name: str, plan: Any = None, how: str = "", why: str = "") -> None:
        self.name, self.plan, self.how, self.why = name, plan, how, why

    @cached_property
    def usual(self) -> str:
        """The dtype that most results have: it is told once."""
        steps = [] if self.plan is None else [*self.plan.forward, *self.plan.back]
        counted = Counter(str(v.dtype) for step in steps for v in step.outputs if v.kind != "nothing")
        return counted.most_common(1)[0][0] if counted else ""

    def rows(self) -> tuple[list[Row], list[Row]]:
        """The steps forward, and those back, in words."""
        if self.plan is None:
            return [], []
        ways = self.plan.forward, self.plan.back
        found = [self._row(k, step) for k, step in enumerate([step for way in ways for step in way], 1)]
        return found[: len(ways[0])], found[len(ways[0]) :]

    def _row(self, number: int, step: Step) -> Row:
        given = [self._array(x) if isinstance(x, Value) else _number(x) for x in _given(step)]
        more = [f"+{len(given) - MANY + 1}"] if len(given) > MANY else []
        given = given[: MANY - 1] + more if more else given
        arrays = [v for v in step.outputs if v.kind != "nothing"]
        made = [v.name or self._array(v) + self._whose(v) for v in arrays if v not in self._kept]
        if kept := sum(v in self._kept for v in step.outputs):
            made.append(f"{kept} kept")
        memory = memory_of(self.plan, step)
        numbers = ", ".join(str(k) for k, _ in memory if k is not None)
        size = sum(size for _, size in memory)
        texts = step.line, step.op, step.module, ", ".join(given), ", ".join(made)
        return Row(str(number), *texts, numbers, f"{size:,}" if size else "")

    def _array(self, value: Value) -> str:
        """Shape and, where it is not the usual one, dtype."""
        shape = "×".join(map(str, value.shape)) or "scalar"  # noqa: RUF001
        return shape if str(value.dtype) == self.usual else f"{shape} {value.dtype}"

    def _whose(self, value: Value) -> str:
        """Which parameter, or what else there was before the call, this is the gradient of."""
        return f" for {self._names[value]}" if value in self._names else ""

    @cached_property
    def _names(self) -> dict[Value, str]:
        return {} if self.plan is None else gradient_names(self.plan.recorded)

    @cached_property
    def _kept(self) -> set[Value]:
        """What steps keep for the way back alone, as far as it has no name."""
        if self.plan is None:
            return set()
        read = {v for step in self.plan.forward for v in step.values()}
        later = {v for step in self.plan.back for v in step.values()} - read
        return {v for step in self.plan.forward for v in step.outputs[1:] if v in later and not v.name}

    # ------------------------------------------------------------------------------------------------------ in words
    @property
    def heading(self) -> str:
        """What it is the plan of."""
        if self.plan is None:
            return self.why
        arrays = ", ".join(map(self._array, self.plan.recorded.inputs)) or "no arrays"
        return f"{self.name} of {arrays}{self.how}; {self.usual}, where nothing else is said"

    def totals(self) -> str:
        """Steps, bytes, and the steps of the record."""
        if self.plan is None:
            return ""
        ahead, back = self.plan.forward, self.plan.back
        memory = [found for step in (*ahead, *back) for found in memory_of(self.plan, step)]
        buffers = {k: size for k, size in memory if k is not None}
        size = sum(buffers.values()) + sum(size for k, size in memory if k is None)
        place = f"in {len(buffers):,} buffers" if buffers else "of results"
        recorded = len(self.plan.recorded.forward) + len(self.plan.recorded.back)
        steps = f"{len(ahead) + len(back):,} steps: {len(ahead):,} forward, {len(back):,} back"
        return f"{steps}; {size:,} bytes {place}; {recorded:,} steps were recorded"

    def __repr__(self) -> str:
        if self.plan is None:
            return "\n".join(textwrap.wrap(self.why, WIDTH))
        ahead, back = self.rows()
        cells = [_cells(row) for row in (*ahead, *back)]
        widths = _fitting([_cells(_HEADINGS), *cells])
        headings = _lines(_cells(_HEADINGS), widths)
        if not any(row.buffer for row in (*ahead, *back)):
            headings = [line.replace("buffer", "      ") for line in headings]
        body = []
        for name, way in (("forward", ahead), ("back", back)):
            if way:
                body += [name, *_by_line(way, widths, any(row.line for row in way))]
        ends = textwrap.wrap(self.heading, WIDTH), textwrap.wrap(self.totals(), WIDTH)
        rule = "-" * max(map(len, (*headings, *body)))
        return "\n".join([*ends[0], *headings, rule, *body, rule, *ends[1]])

    def _repr_html_(self) -> str:
        if self.plan is None:
            return html_table([self.why], [], 1)
        columns = ["#", "line", "step", "module", "from", "to", "buffer", "bytes"]
        ahead, back = map(_once, self.rows())
        notes = [self.totals()]
        first = html_table(columns, ahead, 6, caption=f"{self.heading}: forward", notes=notes if not back else ())
        return first + html_table(columns, back, 6, caption="Back", notes=notes) if back else first


class Looks(tuple[Look, ...]):
    """How all plans are shown, one after another."""

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        return "".join(look._repr_html_() for look in self)


def gradient_names(recorded: Any) -> dict[Value, str]:
    """Of the gradients that a way back ends with: whose they are, as far as that has a name."""
    named = {id(x): v.name for v, x in recorded.sources.items()}
    pairs = [(g, recorded.inputs[x].name if type(x) is int else named.get(id(x))) for x, g in recorded.slopes]
    return {g: name for g, name in pairs if name}


# --------------------------------------------------------------------------------------------------------------- texts
_HEADINGS = Row("", "", "step", "module", "from", "to", "buffer", "bytes")


def _given(step: Step) -> Iterator[Any]:
    """What a step gets by position, without what is left out; what stands in lists, one by one."""
    for x in step.inputs:
        if isinstance(x, (tuple, list)):
            yield from values_in(x)
        elif x is not None:
            yield x


def _number(x: Any) -> str:
    return f"{x:.6g}" if isinstance(x, float) else str(x)


def _once(rows: Sequence[Row]) -> list[Row]:
    """Each line of code at the first of the steps that it led to."""
    before = ["", *(row.line for row in rows)]
    return [row if row.line != line else row._replace(line="") for row, line in zip(rows, before, strict=False)]


def _cells(row: Row) -> list[str]:
    return [row.step, row.module, row.given, row.made, row.buffer, row.bytes]


def _fitting(table: Sequence[Sequence[str]]) -> list[int]:
    """The widths of columns: what they ask for, the widest ones less until a line takes them all."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = WIDTH - 6 - _GAP * (len(widths) - 1)  # besides the number
    while sum(widths) > room and max(widths[:_TEXTS]) > _LEAST:
        widths[widths.index(max(widths[:_TEXTS]))] -= 1
    return widths


def _lines(cells: Sequence[str], widths: Sequence[int], number: str = "") -> list[str]:
    """A row, of as many lines as its texts take."""
    columns = [textwrap.wrap(text, max(1, n), break_on_hyphens=False) for text, n in zip(cells, widths, strict=True)]
    found = []
    for k in range(max(1, *map(len, columns))):
        texts = [column[k] if k < len(column) else "" for column in columns]
        parts = [t.ljust(n) if i < _TEXTS else t.rjust(n) for i, (t, n) in enumerate(zip(texts, widths, strict=True))]
        found.append(f"{number if not k else '':>4}  {(' ' * _GAP).join(parts)}".rstrip())
    return found


def _by_line(rows: Sequence[Row], widths: Sequence[int], lined: bool) -> Iterator[str]:
    """Rows below the lines of code that led to them."""
    for line, steps in groupby(rows, lambda row: row.line):
        if lined:
            yield _cut(f"  {line or 'within the package'}")
        for row in steps:
            yield from _lines(_cells(row), widths, row.number)


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
