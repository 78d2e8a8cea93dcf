"""What is known of each operation: how its numbers hang together with those that went in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...autograd.graph import Node
from ...nn.layers.normalization import GroupNorm, LayerNorm, _BatchNorm, _InstanceNorm
from ...ops.pool import spans
from ..operations import BY_ELEMENT, MOVES, VIEWS
from ..watching import Seen
from .structure import Step

WINDOWED = {"conv2d": "conv", "conv2d_uneven": "conv", "max_pool2d": "max_pool", "window_sum": "window_sum"}
PLAIN = {"linear": "linear", "matmul": "matmul"}  # operands say all
REDUCED = {"mean": "mean", "sum": "sum", "amax": "max", "amin": "min"}
NORMS: list[tuple[type, str]] = [
    (_BatchNorm, "batch_norm"),
    (_InstanceNorm, "instance_norm"),
    (GroupNorm, "group_norm"),
    (LayerNorm, "layer_norm"),
]
KNOWN_SLOPES = {"add", "sub", "mul", "true_divide", "neg", "relu"}  # the page works them out by itself


def tell(step: Step, node: Node, seen: Seen) -> None:
    """Say of which kind a step is, with the settings of that kind; it stays "opaque" where nothing is known."""
    name, a = node.op.name, node.attributes
    if name in WINDOWED and len(step.shape) == 4:
        step.kind = WINDOWED[name]
        step.settings = _geometry(a)
        if step.kind != "conv":
            step.settings["kernel"] = list(a["kernel"])
    elif name == "conv2d_input":
        step.kind, step.op, step.settings = "transposed", "conv_transpose2d", _geometry(a)
    elif name in ("grid_mean", "grid_max"):
        step.kind, step.op = name, f"adaptive_{'avg' if name == 'grid_mean' else 'max'}_pool2d"
        step.settings = _grid(step.operands[0].shape, step.shape)
    elif name in PLAIN:
        step.kind = PLAIN[name]
    elif name == "scale_shift":
        step.kind, step.settings = "scale_shift", _statistics(node, seen)
        step.op = "batch_norm" if step.settings else "scale and shift"
    elif name == "normalize":
        step.kind = "normalize"
        step.op = next((word for kind, word in NORMS if isinstance(node.module, kind)), "normalize")
        step.settings = {"dims": list(a["dim"]), "eps": a["eps"], "mean": a["mean"], "r": a["r"]}
        step.settings["own"] = list(step.shape)
    elif name == "embedding":
        step.kind = "embedding"
    elif name in ("softmax", "log_softmax"):
        step.kind, step.settings = name, {"dims": list(a["dim"])}
    elif name in REDUCED:
        step.kind, step.settings = "reduce", _reduced(REDUCED[name], step, a)
    elif name in MOVES:
        _tell_move(step, node, seen)
    elif node.op.forward.__module__.rpartition(".")[2] in BY_ELEMENT:
        _tell_elementwise(step, node)


def _geometry(a: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of windows, those of a convolution with its groups."""
    found = {key: [list(v) if isinstance(v, tuple) else v for v in a[key]] for key in ("stride", "padding", "dilation")}
    return {**found, "groups": a["groups"]} if "groups" in a else found


def _grid(before: tuple[int, ...], after: tuple[int, ...]) -> dict[str, Any]:
    return {"rows": spans(before[2], after[2]), "columns": spans(before[3], after[3])}


def _reduced(how: str, step: Step, a: Mapping[str, Any]) -> dict[str, Any]:
    ndim = len(step.operands[0].shape)
    dims = range(ndim) if a["dim"] is None else a["dim"] if isinstance(a["dim"], (tuple, list)) else (a["dim"],)
    return {"how": how, "dims": sorted(d % ndim for d in dims)}


def _statistics(node: Node, seen: Seen) -> dict[str, Any]:
    """The mean, variance, weight and bias in a batch-norm's scale and shift, where they are those of its module."""
    module = node.module
    if not isinstance(module, _BatchNorm) or module.running_mean is None or module.running_var is None:
        return {}
    mean, var = module.running_mean._array, module.running_var._array
    weight = np.ones_like(mean) if module.weight is None else module.weight._array
    bias = np.zeros_like(mean) if module.bias is None else module.bias._array
    scale = weight / np.sqrt(var + mean.dtype.type(module.eps))
    if not all(
        np.allclose(mine, given.reshape(-1), rtol=1e-4, atol=1e-5)
        for mine, given in zip((scale, bias - scale * mean), seen.inputs[1:], strict=True)
    ):
        return {}
    return {"mean": mean, "var": var, "weight": weight, "bias": bias, "eps": module.eps}


def _tell_move(step: Step, node: Node, seen: Seen) -> None:
    """Where each number came from: 1 + its place among all that went in, one operand after another; 0: a constant.

    The operation itself says so: it is run on these places instead of the numbers.
    """
    if keeps_order(node, step):
        step.kind = "move"
        return
    start = 1
    inputs: list[Any] = []
    for operand, given in zip(step.operands, seen.inputs, strict=True):
        if node.op.name == "gather" and inputs:  # an index says where from, and is itself no source
            inputs.append(given)
            continue
        n = math.prod(operand.shape)
        inputs.append(np.arange(start, start + n).reshape(np.shape(given)))
        start += n
    settings = {k: v for k, v in node.attributes.items() if k not in ("value", "starts")}
    if node.op.name == "pad_constant":
        settings["value"] = 0
    found = node.op.forward(*inputs, **settings)
    step.kind = "move"
    step.settings = {"source": np.asarray(found[0] if type(found) is tuple else found, dtype=np.int32)}
    if node.op.name == "pad_constant":
        step.settings["constant"] = float(node.attributes["value"])


def _tell_elementwise(step: Step, node: Node) -> None:
    """Its slopes come from its own gradient rules: what they make of ones."""
    if any(np.broadcast_shapes(x.shape, step.shape) != step.shape for x in step.operands):
        return
    if node.op.name not in KNOWN_SLOPES:
        if node.saved is None:
            return
        rules = node.op.rules or node.op.rules_of(len(node.parents))
        for i, operand in enumerate(step.operands):
            if operand.step is not None:
                rule = rules[i] if i < len(rules) else None
                if rule is None:
                    return
                slope = np.asarray(rule(np.ones_like(step.value), *node.saved, **node.attributes))
                if slope.shape != step.shape:
                    return
                operand.slope = slope
    step.kind = "elementwise"
    step.settings = {k: v for k, v in node.attributes.items() if isinstance(v, (int, float)) and np.isfinite(v)}


# ------------------------------------------------------------------------------------------------------------ plumbing
def keeps_order(node: Node, step: Step) -> bool:
    """Does it hand on all numbers of its one source, in the same order?"""
    if node.op.name not in VIEWS or math.prod(step.operands[0].shape) != math.prod(step.shape):
        return False
    return node.op.name != "getitem" or node.attributes["index"].picks is None


def is_plumbing(node: Node, step: Step, before: Step, same: bool) -> bool:
    """Of those that keep the order: one that only adds or drops dimensions of 1, copies, or dresses up for a norm."""
    bare = [[n for n in shape if n != 1] for shape in (step.operands[0].shape, step.shape)]
    undressed = before.kind == "normalize" and same and before.within is step.within
    return bare[0] == bare[1] or node.op.name == "clone" or undressed or isinstance(step.within, GroupNorm)


def absorbs(before: Step, node: Node, step: Step) -> bool:
    """Does this operation complete the one before? If so that one is told."""
    handler = ABSORBING.get((before.kind, node.op.name))
    return handler is not None and handler(before, node, step)


def _scaled(before: Step, _node: Node, step: Step) -> bool:
    """An average pool: sums of windows, divided."""
    other = next(x for x in step.operands if x.step is None)
    if "scale" in before.settings or np.ndim(other.array) not in (0, 2):
        return False
    before.op = "avg_pool2d"
    before.settings["scale"] = np.broadcast_to(np.asarray(other.array, step.value.dtype), step.shape[2:])
    return True


def _biased(before: Step, _node: Node, step: Step) -> bool:
    """A transposed convolution, with its bias."""
    other = next(x for x in step.operands if x.step is None)
    if len(before.operands) > 2 or np.shape(other.array) != (step.shape[1], 1, 1):
        return False
    other.array = other.array.reshape(-1)
    other.shape = other.array.shape
    before.operands.append(other)
    return True


def _grown(before: Step, node: Node, _step: Step) -> bool:
    """A transposed convolution, with rows at the end that no kernel reaches."""
    at_ends = all(a == 0 for a, _ in node.attributes["widths"])
    return len(before.operands) == 2 and not node.attributes["value"] and at_ends


def _gathered(before: Step, node: Node, step: Step) -> bool:
    """Numbers picked by their places in flattened images, as an adaptive max pool does it."""
    before_shape, index = before.operands[0].shape, step.operands[1].array
    if before.op != "reshape" or len(before_shape) != 4 or len(step.shape) != 3 or index is None:
        return False
    places = np.arange(1, 1 + math.prod(before_shape)).reshape(before.shape)
    source = np.take_along_axis(places, np.asarray(index), node.attributes["dim"])  # (N, C, pixels)
    before.op, before.settings = "gather", {"source": source.astype(np.int32)}
    return True


ABSORBING: dict[tuple[str, str], Callable[[Step, Node, Step], bool]] = {
    ("window_sum", "mul"): _scaled,
    ("transposed", "add"): _biased,
    ("transposed", "pad_constant"): _grown,
    ("move", "gather"): _gathered,
}
