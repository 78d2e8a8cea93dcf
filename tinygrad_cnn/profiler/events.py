"""What a profile writes down: numbers and names, never an array."""

from __future__ import annotations

from typing import NamedTuple

NO_MODULE = "(no module)"  # an operation that was called outside all modules
EARLIER = "(made earlier)"  # the backward of an operation that ran before the profile began
OPERATIONS = ("forward", "backward", "optimizer")  # the phases that tables count; they exclude each other in time


class Event(NamedTuple):
    """One thing that took time. Seconds count from the start of the profile."""

    name: str  # of the operation, of the module's class, "SGD.step", or of the user's span
    phase: str  # "forward", "backward" (one rule of an operation, or step of a plan), "optimizer", "module" or "span"
    module: str  # the qualified name of the module, such as "features.0"; of a backward, the one that made the node
    start: float
    duration: float  # including what ran within: modules in modules, operations in rules under create_graph
    bytes: int = 0  # of the array that came out; 0 where it shares the memory of one that went in
    flops: int | None = None  # None where no count is known
    shapes: tuple[tuple[int, ...], ...] = ()  # of the operation's inputs, in the backward as in the forward
    thread: int = 0
    input: int | None = None  # backward: whose gradient this is, counted from 0; None of a step of a compiled plan


class NodeCost(NamedTuple):
    """What one node of a graph cost: seconds forward and (all rules, all times) backward, bytes and FLOPs."""

    module: str
    forward: float
    backward: float
    bytes: int  # of the operation's output
    backward_bytes: int
    flops: int | None  # of forward and backward, where counted
