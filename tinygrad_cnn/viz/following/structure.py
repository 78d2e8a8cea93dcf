"""What a net's way from input to output is told in: steps, and what went into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..watching import Call

Shape = tuple[int, ...]


@dataclass
class Operand:
    """What went into a step: the numbers of an earlier step, perhaps in another shape, or numbers of the net's own."""

    step: int | None  # which earlier one; None: the numbers are the net's
    shape: Shape
    array: Any  # the numbers, or the only one
    slope: Any = None  # of an elementwise step: d y / d this, in the shape of y


@dataclass
class Step:
    """One step. ``kind`` is how its numbers hang together with those of its operands; the page knows one way for each.

    Attributes:
        kind: "input", "conv", "transposed", "max_pool", "window_sum", "grid_mean", "grid_max", "linear", "matmul",
            "normalize", "scale_shift", "softmax", "log_softmax", "embedding", "reduce", "elementwise", "move";
            "opaque" where nothing is known.
        op: the operation's name, or what several of them are called together.
        shape: of its output.
        value: the output.
        operands: what went in, in the operation's order.
        settings: of this kind: numbers, lists of them, and arrays.
        call: which call of a module made it, among those that were seen.
        line: the user's line of code.
    """

    kind: str
    op: str
    shape: Shape
    value: Any
    operands: list[Operand]
    settings: dict[str, Any] = field(default_factory=dict)
    call: int | None = None
    line: dict[str, Any] | None = None
    within: Any = None  # the module in whose forward it was made


@dataclass
class Trail:
    """All steps of one forward pass, in the order they were taken, inputs first."""

    steps: list[Step]
    calls: list[Call]
    outputs: list[int]  # which steps came out
