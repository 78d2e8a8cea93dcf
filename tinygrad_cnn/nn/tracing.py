"""What a recorded computation cost and how far it looked: read off the engine's nodes, for `summary`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..autograd.graph import Node, Variable
from ..tensors import Tensor

Shape = tuple[int, ...]
Cost = tuple[int, int]  # multiply-adds, bytes of im2col

_WINDOWS = {"conv2d", "max_pool2d", "window_sum"}
_POINTWISE_FILES = {"elementwise", "activation", "special", "rounding", "limits", "trigonometry", "dropout"}
_POINTWISE = {"scale_shift", "cast", "clone", "masked_fill"}


class Axis(NamedTuple):
    """Along one axis: the first output pixel sees the input pixels ``left`` to ``right``, each next one ``jump`` on."""

    left: int
    right: int
    jump: int

    def slide(self, kernel: int, stride: int, before: int, dilation: int) -> Axis:
        """Behind a window with ``before`` pixels of padding at the start (Araujo, Norris and Sim, 2019)."""
        left = self.left - before * self.jump
        right = self.right + (dilation * (kernel - 1) - before) * self.jump
        return Axis(left, right, self.jump * stride)


Field = tuple[Axis, ...]
CONSTANT: Field = ()  # does not depend on the input


class Trace:
    """Follows what a model computes, from one module's boundary to the next.

    A field is kept for each node: what part of the input an output pixel sees; None where that makes no sense.
    """

    def __init__(self) -> None:
        self.fields: dict[Node | Variable, Field | None] = {}

    def start(self, inputs: Sequence[Tensor]) -> None:
        """These are the inputs: images (N, C, H, W) and signals (N, C, L) have pixels, others do not."""
        for x in inputs:
            if x.dtype.kind == "f":
                x.requires_grad_()
            self.fields[x] = (Axis(0, 0, 1),) * (x.ndim - 2) if x.ndim in (3, 4) else None

    def follow(self, tensors: Iterable[Tensor]) -> Cost:
        """Take in all nodes that these come from and that were not known yet; returns what they cost."""
        new: set[Node] = set()
        stack = [t._node for t in tensors]
        while stack:
            node = stack.pop()
            if type(node) is Node and node not in self.fields and node not in new:
                new.add(node)
                stack.extend(node.parents)  # type: ignore[arg-type]
        mult_adds = im2col = 0
        for node in sorted(new, key=lambda node: node.order):
            self.fields[node] = self._field_of(node)
            cost = node_cost(node)
            mult_adds, im2col = mult_adds + cost[0], im2col + cost[1]
        return mult_adds, im2col

    def field(self, tensor: Tensor) -> Shape | None:
        """The size of a tensor's receptive field along each axis, or None."""
        field = self._of(tensor)
        return tuple(axis.right - axis.left + 1 for axis in field) if field else None

    def slide_1d(self, layer: Any, x: Tensor, y: Tensor) -> None:
        """A layer that slides a window along signals; its operations are those for images."""
        field = self._of(x)
        if field is not None and len(field) == 1 and y._node is not None:
            kernel, stride = _one(layer.kernel_size), _one(layer.stride)
            dilation, padding = _one(getattr(layer, "dilation", 1)), getattr(layer, "padding", 0)
            if isinstance(padding, str):
                padding = dilation * (kernel - 1) // 2 if padding == "same" else 0
            self.fields[y._node] = (field[0].slide(kernel, stride, _one(padding), dilation),)

    def _of(self, tensor: Tensor) -> Field | None:
        return self.fields.get(tensor if tensor._node is None else tensor._node)

    def _field_of(self, node: Node) -> Field | None:
        fields = [self.fields.get(p, CONSTANT) for p in node.parents if p is not None]
        known = [f for f in fields if f is not None and f != CONSTANT]
        if None in fields:
            return None
        if not known:
            return CONSTANT
        name, attributes = node.op.name, node.attributes
        if name in _WINDOWS:
            if len(known) > 1 or len(known[0]) != 2:
                return None
            kernel = attributes.get("kernel") or node.saved[2].shape[2:]  # type: ignore[index]
            how = (attributes[key] for key in ("stride", "padding", "dilation"))
            steps = zip(known[0], kernel, *how, strict=True)
            return tuple(axis.slide(k, s, pads[0], d) for axis, k, s, pads, d in steps)
        if name.startswith("pad_"):
            widths = attributes["widths"][-len(known[0]) :]
            return tuple(axis.slide(1, 1, before, 1) for axis, (before, _) in zip(known[0], widths, strict=True))
        if name == "cat" and attributes["dim"] == 1:
            return _union(known)
        file = node.op.forward.__module__.rpartition(".")[2]
        ours = node.op.forward.__module__.startswith(f"{__package__.partition('.')[0]}.")
        pointwise = name in _POINTWISE or file in _POINTWISE_FILES
        return _union(known) if ours and pointwise else None


def _one(value: Any) -> int:
    return int(value[0]) if isinstance(value, (tuple, list)) else int(value)


def _union(fields: Sequence[Field]) -> Field | None:
    """What branches see together; None where their pixels do not lie one on another."""
    result = fields[0]
    for field in fields[1:]:
        if [a.jump for a in field] != [a.jump for a in result]:
            return None
        pairs = zip(result, field, strict=True)
        result = tuple(Axis(min(a.left, b.left), max(a.right, b.right), a.jump) for a, b in pairs)
    return result


# ----------------------------------------------------------------------------------------------------------- costs
def convolution_cost(x: Shape, w: Shape, y: Shape, transposed: bool) -> Cost:
    """Multiply-adds and elements of the column matrix of a convolution; shapes of input, weight and output.

    Each window takes every weight once; transposed, it is the input that has the windows.
    """
    windowed, seen = (x, y) if transposed else (y, x)
    spatial = len(w) - 2
    windows = math.prod(windowed) // max(1, windowed[-spatial - 1])
    return windows * math.prod(w), windows * seen[-spatial - 1] * math.prod(w[2:])


def node_cost(node: Node) -> Cost:
    """Multiply-adds, and bytes of im2col, of an operation; products with constants are not counted."""
    name = node.op.name
    if node.saved is None or name not in ("conv2d", "conv2d_input", "linear", "matmul"):
        return 0, 0
    y, a, b, *_ = node.saved
    if name == "linear":
        return math.prod(y.shape) * b.shape[1], 0
    if name == "matmul":
        return (math.prod(y.shape) * a.shape[-1], 0) if None not in node.parents else (0, 0)
    mult_adds, columns = convolution_cost(a.shape, b.shape, y.shape, name == "conv2d_input")
    return mult_adds, columns * int(y.dtype.itemsize)
