"""What a picture of a computation graph consists of: plain data, which drawings and pages are made from.

Nothing here refers to a tensor, a node of the tape or a module: a `Picture` keeps no array alive.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..kit.page import plain

SMALL = 16  # arrays of so many elements are shown in full
T = TypeVar("T")
BINS = 30  # of a histogram, at most
SAMPLE = 1 << 16  # elements a histogram is made from


@dataclasses.dataclass(frozen=True)
class Summary:
    """What there is to say about an array. Extremes, mean, norm and histogram are those of its finite numbers."""

    shape: tuple[int, ...]
    dtype: str
    min: float | None  # None: no finite number in it
    max: float | None
    mean: float | None
    norm: float | None  # Euclidean, of all elements
    zeros: int
    nans: int
    infs: int
    edges: list[float] = dataclasses.field(default_factory=list)  # of the histogram: one more than counts
    counts: list[int] = dataclasses.field(default_factory=list)  # of the array, or of every k-th element of a large one
    values: Any = None  # nested lists, or one number; None for an array that is too large to show

    @property
    def size(self) -> int:
        """How many elements the array has."""
        return math.prod(self.shape)


def summarize(array: Any, values: int = SMALL) -> Summary:
    """The summary of an array (anything NumPy takes); its numbers are listed if there are at most ``values``."""
    a = np.asarray(array)
    nothing: dict[str, Any] = {"min": None, "max": None, "mean": None, "norm": None}
    listed = a.tolist() if a.size <= values else None
    if a.dtype.kind not in "biuf" or not a.size:
        return Summary(a.shape, str(a.dtype), **nothing, zeros=0, nans=0, infs=0, values=listed)
    zeros = int(a.size - np.count_nonzero(a))
    flat, nans, infs = a.ravel(order="K"), 0, 0
    low, high = flat.min(), flat.max()
    if a.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        nans, infs = int(np.isnan(flat).sum()), int(np.isinf(flat).sum())
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return Summary(a.shape, str(a.dtype), **nothing, zeros=zeros, nans=nans, infs=infs, values=listed)
        low, high = flat.min(), flat.max()
    mean, norm = float(flat.mean(dtype=np.float64)), _norm(flat, float(max(abs(float(low)), abs(float(high)))))
    edges, counts = _histogram(flat)
    ends = float(low), float(high)
    return Summary(a.shape, str(a.dtype), *ends, mean, norm, zeros, nans, infs, edges, counts, listed)


def _norm(flat: Any, largest: float) -> float:
    """Without overflow on the way."""
    if not largest:
        return 0.0
    if flat.dtype.kind == "f" and flat.size > 1 << 12 and 1e-15 < largest < 1e15:
        return float(np.sqrt(np.dot(flat, flat), dtype=np.float64))
    return largest * float(np.sqrt(np.square(flat.astype(np.float64) / largest).sum()))


def _histogram(flat: Any) -> tuple[list[float], list[int]]:
    part = flat[:: -(-flat.size // SAMPLE)].astype(np.float64)
    low, high = float(part.min()), float(part.max())
    bins = max(1, min(BINS, round(2 * part.size ** (1 / 3))))  # Rice's rule
    if low == high or not np.isfinite(high - low) or (high - low) / bins <= np.spacing(max(abs(low), abs(high))):
        return [low, high], [int(part.size)]
    counts, edges = np.histogram(part, bins=bins, range=(low, high))
    return edges.tolist(), counts.tolist()


@dataclasses.dataclass
class Cost:
    """What an operation cost, from a profile."""

    forward_s: float
    backward_s: float
    forward_bytes: int
    backward_bytes: int
    flops: int | None

    def __add__(self, other: Cost) -> Cost:
        counted = [c.flops for c in (self, other) if c.flops is not None]
        return Cost(
            self.forward_s + other.forward_s,
            self.backward_s + other.backward_s,
            self.forward_bytes + other.forward_bytes,
            self.backward_bytes + other.backward_bytes,
            sum(counted) if counted else None,
        )

    @staticmethod
    def total(costs: Iterable[Cost | None]) -> Cost | None:
        """Of those that are known; None if none is."""
        known = [cost for cost in costs if cost is not None]
        return functools.reduce(operator.add, known) if known else None


@dataclasses.dataclass
class Box:
    """A node of the drawing: an operation, with the array that came out of it, or an array that went in.

    ``kind`` is one of

    - "operation"; "output": the operation that made an output of the graph;
    - "parameter": a leaf that is trained; "leaf": another one that requires a gradient; "input": what the user named as
      one, or a model was called with; "constant": what else went in without a gradient;
    - "failed": the call at which a forward pass ended;
    - "module": a whole module drawn as one box, in a folded picture; "hidden": what was left out, ``hidden`` boxes.
    """

    id: int
    kind: str
    label: str  # the operation's name, the tensor's, or the module's type
    name: str | None = None  # qualified: "features.0.weight"
    group: int | None = None
    order: int = 0  # of execution, from 0
    shape: tuple[int, ...] | None = None  # of the array that comes out; None where it is not known any more
    dtype: str | None = None
    bytes: int = 0
    text: str = ""  # what an operation is called in its box, where not by its label: "1 + ·"
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)  # {"stride": "2"}, without defaults
    inputs: list[str] = dataclasses.field(default_factory=list)  # their names in formula and rules, by slot: ["a", "b"]
    parts: list[str] = dataclasses.field(default_factory=list)  # what they are to it: ["numerator", "denominator"]
    formula: str = ""  # "y = max(x, 0)"
    rules: list[str] = dataclasses.field(default_factory=list)  # by slot: "dL/dx = g * (1 - y * y)"; "" if none
    code: list[str] = dataclasses.field(default_factory=list)  # the same as they are written, where that is no formula
    backward_of: str = ""  # the operation whose gradient rule made it, of one of a recorded backward pass
    shape_rule: str = ""
    doc: str = ""
    source: dict[str, Any] | None = None  # {"file", "line", "code"}: the user's line that called the operation
    saved: bool = False  # is its array kept for the backward pass?
    value: Summary | None = None
    gradient: Summary | None = None
    cost: Cost | None = None
    output: bool = False  # did an output of the graph come out of it?
    problem: str = ""  # of what "failed": the error
    remedy: str = ""  # the line to write instead, where it is sure
    folded: list[str] = dataclasses.field(
        default_factory=list
    )  # operations that it stands for: ["reshape", "normalize"]
    fused: bool = False  # does one step of a compiled plan do all that is folded, at once?
    hidden: int = 0  # how many boxes a "module" or "hidden" box stands for
    count: int = 1  # of a "module": so many equal ones in a row
    parameters: int = 0  # a parameter's elements, or those of a "module"


@dataclasses.dataclass
class Edge:
    """An array on its way into an operation: the one that came out of the source, of that shape."""

    source: int
    target: int
    slot: int  # which input of the target, from 0
    gradient: Summary | None = None  # what flows back along this very edge
    inside: int | None = None  # the innermost group that has both ends
    recurrent: bool = False  # from one block of a row into the next; in a view: of a row that is seen as one
    tensors: int = 1  # in a view: so many, of one shape, one from each block of a row
    back: bool = False  # of a compiled plan: on the way back, which is drawn beside the way forth, upwards


@dataclasses.dataclass
class Group:
    """Boxes that belong together: they have its id, or that of a group whose parent it is.

    ``kind`` is one of

    - "module": one call of a module;
    - "row": ``count`` equal blocks, one after another or side by side, each a group whose parent the row is. The boxes
      of one block, in their order, stand for those of any other;
    - "step": a block of a row that is no module by itself: several modules or operations.
    """

    id: int
    name: str  # qualified: "features.0"; "" for the model itself; of a row "1 to 5"
    type: str  # "Conv2d"; of a row what its blocks are
    parent: int | None = None
    kind: str = "module"
    count: int = 1
    names: list[str] = dataclasses.field(default_factory=list)  # of a row's blocks
    blocks: list[int] = dataclasses.field(default_factory=list)  # of a row, in order
    out: int | None = None  # the box whose array, alone, goes out of it; None: several do, it cannot be one box
    spans: dict[str, dict[str, Any]] = dataclasses.field(
        default_factory=dict
    )  # of a row: how boxes ("b7") and groups ("g2") of its first block are called when they stand for all, and the
    # "place" of leaves that all blocks share: a group in the first block
    shown: str = "open"  # in the drawing, and at first on the page; or "closed", or "once": a row by its first block


@dataclasses.dataclass
class Picture:
    """A whole graph. Edges run from what was computed first to what was computed from it."""

    title: str = ""
    direction: str = "TB"  # or "LR"
    boxes: list[Box] = dataclasses.field(default_factory=list)
    edges: list[Edge] = dataclasses.field(default_factory=list)
    groups: list[Group] = dataclasses.field(default_factory=list)
    forward: list[int] = dataclasses.field(default_factory=list)  # ids of boxes, in the order of execution
    backward: list[int] = dataclasses.field(default_factory=list)  # in the order in which gradients become complete
    notice: str | None = None  # what is not as one might expect, in a sentence
    stacked: bool = False  # are parts that hang together drawn one below another? Otherwise beside each other
    measured: str = ""  # how times were taken: "median of 5 runs, after a warm-up"; "" where there are none

    def members(self) -> dict[int, list[Box]]:
        """All boxes of each group, of the groups in it too, in order."""
        groups = {g.id: g for g in self.groups}
        found: dict[int, list[Box]] = {g: [] for g in groups}
        for box in self.boxes:
            for g in around(box.group, groups):
                found[g].append(box)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers, ready for ``json.dumps``; NaN and infinities are strings."""
        found: dict[str, Any] = plain(self)
        return found


def shared(chains: Iterable[Sequence[T]]) -> list[T]:
    """What all of them begin with: of the groups around some boxes those that have them all."""
    found = []
    for first, *others in zip(*chains, strict=False):
        if any(x != first for x in others):
            break
        found.append(first)
    return found


def around(group: int | None, groups: Mapping[int, Group] | Sequence[Group]) -> list[int]:
    """From the outermost group to this one."""
    found = []
    while group is not None:
        found.append(group)
        group = groups[group].parent
    return found[::-1]
