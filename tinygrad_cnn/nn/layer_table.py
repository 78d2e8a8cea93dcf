"""What `summary` returns: a row for each call of a layer, totals, and the table as text, as a tree and as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..arrays.html_tables import html_table

Shape = tuple[int, ...]
HEADINGS = (
    "layer", "type", "output shape", "trainable", "frozen", "multiply-adds", "activation", "im2col", "receptive field"
)  # fmt: skip


@dataclass
class LayerSummary:
    """One call of a layer: a row of the table. Numbers are of the layer itself, without its children."""

    name: str  # qualified, "" for the model itself
    type: str
    output_shape: Any  # a shape, a tuple of them for several outputs, or None for a layer that was not called
    trainable: int = 0  # parameters, each counted at its first appearance
    frozen: int = 0
    mult_adds: int = 0
    activation_bytes: int = 0  # of the output; 0 for a view of the input
    im2col_bytes: int = 0
    receptive_field: Shape | None = None  # pixels of the input that an output pixel sees, per axis
    repeated: bool = False  # the same module was called before
    level: int = 0  # calls around it: 0 for the model itself

    def cells(self) -> list[str]:
        """The row as texts, empty where there is nothing to say."""
        counts = [f"{n:,}" if n else "" for n in (self.trainable, self.frozen, self.mult_adds)]
        memory = [_bytes(n) if n else "" for n in (self.activation_bytes, self.im2col_bytes)]
        field = "x".join(map(str, self.receptive_field)) if self.receptive_field else ""
        kind = self.type + (" (again)" if self.repeated else "")
        shape = "not called" if self.output_shape is None else str(self.output_shape)
        return [self.name or "(model)", kind, shape, *counts, *memory, field]


@dataclass
class ModelSummary:
    """What `summary` returns: ``layers`` (the rows, in the order of the calls) and totals; ``str`` is the table.

    ``calls`` holds all calls, those of containers too, each followed by the calls within it (``level`` counts how deep
    it stands). ``depth`` is what `summary` was asked for.
    """

    model: str
    input_shapes: list[Shape]
    layers: list[LayerSummary]
    calls: list[LayerSummary] = field(default_factory=list)
    depth: int | None = None

    @property
    def trainable(self) -> int:
        """Parameters that are trained."""
        return sum(row.trainable for row in self.layers)

    @property
    def frozen(self) -> int:
        """Parameters that do not require a gradient."""
        return sum(row.frozen for row in self.layers)

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.trainable + self.frozen

    @property
    def mult_adds(self) -> int:
        """Multiply-adds of one forward pass."""
        return sum(row.mult_adds for row in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all layers' outputs together."""
        return sum(row.activation_bytes for row in self.layers)

    @property
    def im2col_bytes(self) -> int:
        """Bytes of the largest column matrix: they are not there at the same time."""
        return max((row.im2col_bytes for row in self.layers), default=0)

    def tree(self, depth: int | None = None) -> list[LayerSummary]:
        """All calls down to ``depth`` levels below the model (None is all), their names with the branches of a tree.

        A row at the last level counts what is below it too, so that the columns add up to the totals.
        """
        shown: list[LayerSummary] = []
        for row in self.calls:
            if depth is None or row.level <= depth:
                shown.append(replace(row))
            else:
                shown[-1].trainable += row.trainable
                shown[-1].frozen += row.frozen
                shown[-1].mult_adds += row.mult_adds
                shown[-1].activation_bytes += row.activation_bytes
                shown[-1].im2col_bytes = max(shown[-1].im2col_bytes, row.im2col_bytes)
        branches = _branches([row.level for row in shown])
        open_: list[str] = []  # the names of the calls around
        for row, branch in zip(shown, branches, strict=True):
            name = row.name
            del open_[row.level :]
            row.name = branch + (name.removeprefix(f"{open_[-1]}.") if open_ and open_[-1] else name)
            open_.append(name)
        return shown

    def _cells(self) -> list[list[str]]:
        rows = self.layers if self.depth is None else self.tree(self.depth)
        return [row.cells() for row in rows]

    def _head(self) -> str:
        return f"{self.model}, input {', '.join(map(format, self.input_shapes))}"

    def _totals(self) -> list[str]:
        totals = [
            f"parameters: {self.parameters:,} ({self.trainable:,} trainable, {self.frozen:,} frozen)",
            f"multiply-adds: {self.mult_adds:,}",
            f"activations: {_bytes(self.activation_bytes)}",
        ]
        if self.im2col_bytes:
            size = _bytes(self.im2col_bytes)
            totals.append(f"largest im2col matrix: {size} as a whole; it is worked through in blocks")
        return totals

    def __str__(self) -> str:
        cells: list[Sequence[str]] = [HEADINGS, *self._cells()]
        used = [i for i in range(len(HEADINGS)) if i < 3 or any(row[i] for row in cells[1:])]
        widths = {i: max(len(row[i]) for row in cells) for i in used}
        lines = [
            "  ".join(row[i].ljust(widths[i]) if i < 3 else row[i].rjust(widths[i]) for i in used).rstrip()
            for row in cells
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([self._head(), rule, lines[0], rule, *lines[1:], rule, *self._totals()])

    def _repr_html_(self) -> str:
        return html_table(HEADINGS, self._cells(), 3, notes=self._totals(), caption=self._head())

    def __repr__(self) -> str:
        return str(self)


def _branches(levels: Sequence[int]) -> list[str]:
    """What stands before each name of a tree whose rows are so many levels deep."""
    more: list[bool] = []  # by level: does a later row of the same parent follow?
    found = []
    for level in reversed(levels):
        more = [*more[: level + 1], *[False] * (level + 1 - len(more))]
        stem = "".join("│  " if more[i] else "   " for i in range(1, level))
        found.append(stem + ("├─ " if more[level] else "└─ ") * (level > 0))
        more[level] = True
    return found[::-1]


def _bytes(n: int) -> str:
    if n < 1024:
        return f"{n} B"
    power = min(int(math.log(n, 1024)), 4)
    return f"{n / 1024**power:.1f} {'KMGT'[power - 1]}iB"
