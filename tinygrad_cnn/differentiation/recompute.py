"""Trade time for memory: forget a segment's intermediate results, and compute them again on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arrays import rng
from ..arrays.like import Like
from ..arrays.writes import tickets
from ..autograd.backward import walk
from ..autograd.graph import Node, Op, Variable, wrap
from ..autograd.modes import enable_grad, here, is_grad_enabled, no_grad
from .context import show


def checkpoint(
    function: Callable[..., Any],
    *inputs: Any,
    use_reentrant: bool | None = None,  # noqa: ARG001
    preserve_rng_state: bool = True,  # noqa: ARG001
    determinism_check: str = "default",  # noqa: ARG001
    debug: bool = False,  # noqa: ARG001
    early_stop: bool = True,  # noqa: ARG001
    **kwargs: Any,
) -> Any:
    """``function(*inputs, **kwargs)``, keeping only its inputs and recomputing the rest in the backward pass.

    Random numbers (dropout) are drawn again as they were. PyTorch's settings from ``use_reentrant`` on say how that is
    done there, and change nothing here. The function returns one tensor and has no side effects.
    (Chen et al., 2016, Training deep nets with sublinear memory cost.)

    Raises:
        TypeError: the function does not return a tensor.
        RuntimeError: in a backward with create_graph=True, which a checkpointed segment does not support.
    """
    if not is_grad_enabled():
        return function(*inputs, **kwargs)
    state = rng.default_generator().get_state()
    outer = here.mode.module
    here.mode.module = outer or _nobody  # its call without gradients is no evaluation
    try:
        with no_grad():
            y = function(*inputs, **kwargs)
    finally:
        here.mode.module = outer
    if not isinstance(y, Variable):
        raise TypeError(f"checkpoint: the function must return one Tensor, got {type(y).__name__}")

    def again(g: Any, node: Node, create: bool) -> Iterator[tuple[Node | Variable, Any]]:
        if create:
            raise RuntimeError("a checkpoint has no second derivative; leave out checkpoint() or create_graph")
        assert node.saved is not None
        copies = [_copy(x, a, p) for x, a, p in zip(inputs, node.saved[1:], node.parents, strict=True)]
        with rng.standing_in(rng.Generator.at(state)), enable_grad():
            out = function(*copies, **kwargs)
        if out._node is None:
            return
        home = {id(c): p for c, p in zip(copies, node.parents, strict=True) if p is not None}
        for leaf, gx in walk([(out, g)], retain=False, create=False).items():
            yield home.get(id(leaf), leaf), gx

    segment = Op(again, (), None, getattr(function, "__name__", type(function).__name__))
    segment.knows_more = True
    parents = [None if not isinstance(x, Variable) else x._node or (x if x._wants_grad else None) for x in inputs]
    saved = (Like(y._array.shape, y._array.dtype), *(x._array if isinstance(x, Variable) else x for x in inputs))
    node = Node(segment, tuple(parents), saved, {}, next(tickets), here.mode.module)
    show(node, inputs, y)
    return wrap(y._array, node)


def _nobody() -> None:
    """Stands where a module would, so that what is called within is no whole model."""


def _copy(x: Any, array: Any, parent: Any) -> Any:
    """The input once more, as a leaf that collects the gradient where one is wanted."""
    if not isinstance(x, Variable):
        return x
    leaf = wrap(np.asarray(array), None)
    leaf._wants_grad = parent is not None
    return leaf
