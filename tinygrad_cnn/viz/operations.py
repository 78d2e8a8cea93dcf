"""What operations are to those who look at a model: which ones only move numbers, which are functions of single ones,
and along which dimension the units of their outputs lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VIEWS = {"reshape", "getitem", "clone"}  # may leave all numbers where they are, in their order
PLUMBING = VIEWS | {"permute", "broadcast_to", "cast", "convert"}  # by which layers fit arrays to each other
MOVES = VIEWS | {  # each number that comes out is one that went in, or a constant
    "broadcast_to", "cat", "diagonal", "flip", "gather", "pad_constant", "pad_edges", "permute", "repeat_along", "roll",
    "rot90", "slide", "stack", "tril", "triu", "turned",
}  # fmt: skip
HAND_ON = MOVES - {"repeat_along"} | {"cast", "convert", "masked_fill", "setitem"}  # compute nothing; upsampling counts
BY_ELEMENT = {"elementwise", "activation", "trigonometry", "special", "gaussian", "limits", "lookup"}  # files of `ops`
RELUS = ("relu", "threshold")
LOSSES = ("cross_entropy", "softmax_nll", "pick")  # on scores (N, C) and classes (N,)

_LAST = ("linear", "bilinear", "embedding", "layer_norm", "rms_norm")  # their units lie along the last dimension
_SECOND = "conv", "pool", "batch_norm", "group_norm", "instance_norm", "interpolate"  # words; along the second


def unit_axis(
    function: str, op: str, attributes: Mapping[str, Any], inputs: Sequence[tuple[int, int]], ndim: int
) -> int:
    """Along which dimension of an output its units lie: where a layer has put them, they stay.

    Args:
        function: that the operation was called by; its own name where that was nobody.
        op, attributes: of the operation.
        inputs: (dimensions, axis of the units) of those inputs that have units.
        ndim: dimensions of the output.
    """
    if function in _LAST or op in _LAST:
        return ndim - 1
    if any(word in function or word in op for word in _SECOND):
        return 1
    if op == "matmul":
        return ndim - 1 if ndim < 4 else 1  # 4: attention, whose units are its heads
    before, axis = next(((n, a) for n, a in inputs if n == ndim), inputs[0])
    if op == "permute":
        return list(attributes["dims"]).index(axis)
    if before == ndim:
        return axis
    return ndim - 1 if axis == before - 1 else 1
