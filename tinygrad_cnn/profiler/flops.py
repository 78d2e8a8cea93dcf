"""How many floating-point operations an operation is, from its shapes. A multiply-add is two.

Counted are products (convolutions, linear layers, matrix products; their gradients too), poolings (a comparison or
addition is one), and add, sub, mul, true_divide and relu (one an element). A bias is not. A convolution counts as
its definition says: an algorithm that saves multiplications (Winograd) shows as a rate above the processor's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..autograd.graph import Op

Shape = tuple[int, ...]
Count = Callable[[Sequence[Shape], Shape, Mapping[str, Any]], int]  # shapes of inputs and of the output, attributes
_OURS = f"{__name__.partition('.')[0]}.ops."


def _elements(_inputs: Sequence[Shape], y: Shape, _attributes: Mapping[str, Any]) -> int:
    return math.prod(y)


PRODUCTS: dict[str, Count] = {  # each gradient by one of the two factors is as much work again
    "conv2d": lambda inputs, y, _: 2 * math.prod(y) * math.prod(inputs[1][1:]),  # (N, O, oh, ow), w (O, C, kh, kw)
    "conv2d_input": lambda inputs, _y, _: 2 * math.prod(inputs[0]) * math.prod(inputs[1][1:]),  # g, w
    "conv2d_weight": lambda inputs, y, _: 2 * math.prod(inputs[0]) * math.prod(y[1:]),  # g, x; y is like w
    "linear": lambda inputs, y, _: 2 * math.prod(y) * inputs[1][1],  # w (out, in)
    "matmul": lambda inputs, y, _: 2 * math.prod(y) * inputs[0][-1],  # (..., n, k) (..., k, m)
}
FORWARD: dict[str, Count] = {
    **PRODUCTS,
    "max_pool2d": lambda _, y, attributes: math.prod(y) * (math.prod(attributes["kernel"]) - 1),
    "window_sum": lambda _, y, attributes: math.prod(y) * (math.prod(attributes["kernel"]) - 1),
    **dict.fromkeys(("add", "sub", "mul", "true_divide", "relu"), _elements),
}
STEPS: dict[str, Count] = {  # of a plan, in which the operations of gradient rules are steps like others
    **FORWARD,
    "linear_input": lambda inputs, y, _: 2 * math.prod(y) * inputs[1][0],  # g, w (out, in)
    "linear_weight": lambda inputs, y, _: 2 * math.prod(inputs[0]) * y[1],  # g (..., out), x; y is like w
}
BACKWARD: dict[str, Count] = {
    **PRODUCTS,
    "window_sum": lambda _, y, attributes: math.prod(y) * math.prod(attributes["kernel"]),
}


def forward_flops(op: Op, inputs: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> int | None:
    """FLOPs of one application of an operation, or None if they are not known (users' operations, all others)."""
    count = FORWARD.get(op.name)
    return count(inputs, y, attributes) if count is not None and _is_ours(op) else None


def backward_flops(op: Op, i: int, inputs: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> int | None:
    """FLOPs of the gradient of input ``i``, given the shapes of the forward; None if they are not known."""
    count = BACKWARD.get(op.name)
    return count(inputs, y, attributes) if count is not None and i < 2 and _is_ours(op) else None


def step_flops(
    name: str, forward: Callable[..., Any] | None, inputs: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]
) -> int | None:
    """FLOPs of one step of a plan, by the name of its operation, or None if they are not known."""
    count = STEPS.get(name)
    ours = forward is not None and forward.__module__.startswith(_OURS)
    return count(inputs, y, attributes) if count is not None and ours else None


def _is_ours(op: Op) -> bool:
    return op.forward.__module__.startswith(_OURS)
