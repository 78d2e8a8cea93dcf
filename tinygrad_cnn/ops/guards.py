"""Guard rails of operations: predictions (N, 1) and targets (N,) that make (N, N) errors, or hits; sums that keep the
graphs of all steps; and pixels of 0..255 that no one has scaled."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.guarding import awake, looks, rails, say
from ..autograd.graph import Node, Variable
from ..autograd.modes import is_grad_enabled

_FAR = 24  # nodes that are looked at: a loss written by hand has fewer between its differences and its mean


def check_broadcast(x: Any, whole: bool) -> None:
    """Look at what is about to be summed or averaged, as a whole or over some dimensions; only a square can come of
    (N, 1) and (N,)."""
    if not rails.on or not isinstance(x, Variable):
        return
    node: Any = x._node
    shape = x._array.shape
    if len(shape) == 1 and node is not None and node.op.name == "reshape" and node.saved is not None:
        node, shape = node.parents[0], node.saved[1].shape
    if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] < 2:
        return
    if type(node) is Node:
        _look(node, shape, whole)
    elif whole and node is None and (pair := rails.looked.get("compared")) is not None and pair[2] == shape:
        if np.count_nonzero(x._array) != pair[3] or x._array.max() > 1:  # something else of that shape
            return
        rails.looked.pop("compared", None)
        say(
            "broadcast-comparison",
            f"== took shapes {pair[0]} and {pair[1]} and gave {shape}: each prediction was compared with every target, "
            "so its sum or mean is no accuracy. Give both one shape, for example prediction.squeeze(-1)",
        )


def note_comparison(a: Any, b: Any) -> None:
    """``a == b``: remember where it compares each prediction with every target, until that is summed or averaged.

    Over one dimension alone they are summed on purpose, as the pairs of a class are.
    """
    if rails.on and isinstance(a, Variable) and isinstance(b, Variable) and a._array.ndim != b._array.ndim:
        p, t = a._array, b._array
        if p.size > 1 and _crossed(p.shape, t.shape) and not np.may_share_memory(p, t):
            hits = np.equal(p, t)
            rails.looked["compared"] = (p.shape, t.shape, hits.shape, int(np.count_nonzero(hits)))


def _look(start: Node, shape: tuple[int, ...], whole: bool) -> None:
    """Walk up from a node over the operations that keep the shape, to the one that made it of two others.

    A leaf is no prediction: over one dimension alone, distances to as many centres as there are samples are summed.
    """
    stack, seen = [start], 0
    while stack and seen < _FAR:
        node, seen = stack.pop(), seen + 1
        if node.saved is None or node.saved[0].shape != shape:
            continue
        shaped = [
            (a.shape, parent) for a, parent in zip(node.saved[1:], node.parents, strict=False) if hasattr(a, "shape")
        ]
        for i, (a, of_a) in enumerate(shaped):
            for b, of_b in shaped[i + 1 :]:
                if (of_a is None) != (of_b is None) and _crossed(a, b):
                    maker = of_b if of_a is None else of_a
                    if (whole or type(maker) is Node) and not _on_purpose(maker):
                        _say(node.op.name, a, b, shape)
                    return
        stack += [parent for parent in node.parents if type(parent) is Node]


def _crossed(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Is one the other with a 1 behind it? With sizes above 1 they become something larger than both."""
    return (a == (*b, 1) or b == (*a, 1)) and len(a) > 0 and len(b) > 0


def _on_purpose(maker: Any) -> bool:
    """``x[:, None] - y``: who adds an axis by an index wants all pairs."""
    if type(maker) is not Node or maker.op.name != "getitem":
        return False
    return any(i is None for i in maker.attributes["index"].basic)


def _say(name: str, a: tuple[int, ...], b: tuple[int, ...], shape: tuple[int, ...]) -> None:
    say(
        "broadcast-loss",
        f"'{name}' took shapes {a} and {b}, one a prediction and the other without a gradient, and broadcast them to "
        f"{shape}: each prediction is held against every target, and the net learns one value for all. "
        f"Give both one shape, for example prediction.squeeze(-1) or target.unsqueeze(-1); F.mse_loss refuses such a "
        "pair. All pairs on purpose: prediction[:, None] - target",
    )


# ------------------------------------------------------------------------------------------------- sums over steps
def check_total(total: Any, term: Any) -> None:
    """``total += loss`` after each backward: look at two single numbers that are about to be added."""
    node, new = total._node, getattr(term, "_node", None)
    if not rails.on or node is None or new is None or node.op.name != "add":
        return
    if node.order < new.order and _spent(new) and any(_spent(parent) for parent in node.parents):
        say(
            "graph-kept",
            "a sum of losses over steps keeps the graphs of all of them: memory grows with each step, and for nothing, "
            "as backward() has been through. Add numbers: total += loss.item(), or loss.detach()",
        )


def _spent(node: Any) -> bool:
    """Has a backward been through, and freed what was kept?"""
    for _ in range(8):
        if type(node) is not Node:
            return False
        if node.saved is None:
            return True
        node = next((parent for parent in node.parents if parent is not None), None)
    return False


# ---------------------------------------------------------------------------------------------------------- pixels
_PIXELS = 1 << 13  # numbers that are looked at
_FEATURES = 64  # an image has as many; a row of a table seldom
_BRIGHT = 100  # what is scaled stays below


def check_pixels(x: Any, weight: Any, name: str) -> None:
    """Look at what a layer with this weight gets, in its first calls: data that no operation made, images for example.

    ``x`` is (N, C, H, W) for a weight (O, C, kh, kw), or (N, features).
    """
    if not isinstance(x, Variable) or x._node is not None or x._wants_grad or not awake():
        return
    if not isinstance(weight, Variable) or (weight._rail is None and not weight._wants_grad):
        return  # a filter of somebody's: nothing learns it
    if not looks("raw-images", 8, id(weight), weight):
        return
    a = x._array
    of_conv = weight._array.ndim == 4
    few_channels = of_conv and a.ndim > 2 and a.shape[-3] in (1, 3, 4)
    if a.dtype.kind not in "fu" or not (of_conv or (a.ndim > 1 and a.shape[-1] >= _FEATURES)) or not a.size:
        return
    part = a[:8].reshape(-1)  # (numbers,)
    part = part[:: -(-part.size // _PIXELS)]
    low, high = float(part.min()), float(part.max())
    few_channels = few_channels and is_grad_enabled()  # without graphs it may be what a layer before has made
    if low >= 0 and _BRIGHT < high <= 255 and (few_channels or bool((part == np.floor(part)).all())):
        say(
            "raw-images",
            f"{name}, the first layer, got numbers from {low:.0f} to {high:.0f}: images as they are stored. Scores and "
            "gradients are then a hundred times too large, and training is lost or slow. Divide by 255 first, or use "
            "transforms.ToTensor; centred by Normalize, or by a BatchNorm2d in front, is better still",
        )
