"""Functions with a backward of one's own, under the name of ``torch.autograd.Function``.

`op` is the other way to the same: its rules are checked for what they keep. A `Function` is a class with two static
methods, and keeps what it is told to. Both leave one node behind.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays.like import like
from ..arrays.telling import tell
from ..arrays.writes import tickets
from ..autograd.backward import cast, sum_to
from ..autograd.graph import Node, Op, Variable, wrap
from ..autograd.modes import here, is_grad_enabled, no_grad, set_grad_enabled
from ..tensors.writing import become, check_no_leaf
from .context import FunctionCtx, Several, output_node, show


class Function:
    """An operation whose forward and backward the user writes, as static methods; called by ``apply``.

    ``forward(ctx, *args)`` gets what `apply` got and computes without being recorded. Or ``forward(*args)`` and
    ``setup_context(ctx, inputs, output)``, where the first is to know nothing of the second. It returns a tensor, or
    a tuple; what is no tensor passes through.

    ``backward(ctx, *grads)`` gets a gradient for each output and returns one for each input of `apply`: a tensor of its
    shape (or one that this was broadcast to), or None. It is recorded under ``create_graph``, so made of operations it
    can be differentiated again. ``vjp`` is another name for it.

    >>> from tinygrad_cnn.tensors.creation import tensor
    >>> class Reverse(Function):  # the identity, with the gradient turned around (Ganin & Lempitsky 2015)
    ...     @staticmethod
    ...     def forward(ctx, x, scale):
    ...         ctx.scale = scale
    ...         return x.view_as(x)
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return -ctx.scale * g, None
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> Reverse.apply(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5, -0.5])
    """

    generate_vmap_rule = False

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError(
            f"{type(self).__name__}: an instance of a Function is not called; make forward and backward static methods "
            f"and call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """To be written by the user."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """To be written by the user, where ``forward`` takes no ctx."""
        raise NotImplementedError("setup_context is not defined")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """To be written by the user."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grad_outputs) to be differentiated")

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call the function: ``forward`` now, ``backward`` when gradients come."""
        apart = cls.setup_context is not Function.setup_context
        if kwargs:
            bound = inspect.signature(cls.forward).bind(*(() if apart else (None,)), *args, **kwargs)
            bound.apply_defaults()
            args = bound.args if apart else bound.args[1:]
        ctx = FunctionCtx(cls.__name__, tuple(isinstance(x, Variable) and _wants(x) for x in args))
        with no_grad():
            if apart:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        outputs = output if isinstance(output, tuple) else (output,)
        if any(all(t is not y for y in outputs) for t in ctx._dirty):
            raise RuntimeError(f"{cls.__name__}: forward must return each input that it marked as dirty")
        recorded = here.mode.recording and any(ctx.needs_input_grad)
        results = _recorded(cls, ctx, args, outputs) if recorded else [_unrecorded(y) for y in outputs]
        return tuple(results) if isinstance(output, tuple) else results[0]


def _wants(x: Variable) -> bool:
    return x._wants_grad or x._node is not None


def _is_in(t: Any, others: Sequence[Any]) -> bool:
    return any(t is other for other in others)


def _unrecorded(y: Any) -> Any:
    """An output that no gradient comes through: no input with its history, and nothing that asks for a gradient."""
    if not isinstance(y, Variable) or not _wants(y):
        return y
    return y.detach()  # type: ignore[attr-defined]


def _recorded(cls: type[Function], ctx: FunctionCtx, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> list[Any]:
    """The outputs, those that a gradient comes through made by the node of this call."""
    for t in ctx._dirty:
        check_no_leaf(t)
    through = [
        isinstance(y, Variable) and y._array.dtype.kind == "f" and not _is_in(y, ctx._non_differentiable)
        for y in outputs
    ]
    shapes = [like(y._array.shape, y._array.dtype) if isinstance(y, Variable) else None for y in outputs]
    saved = [shapes[0], *(like(x.shape, x.dtype) if isinstance(x, Variable) else None for x in inputs)]  # type: ignore[attr-defined]
    ctx._keep(inputs, list(outputs), saved)
    parents = tuple((x if x._wants_grad else x._node) if isinstance(x, Variable) else None for x in inputs)

    def back(g: Any, node: Node, create: bool) -> list[tuple[Any, Any]]:
        gradients = g.of if isinstance(g, Several) else {0: g}
        given: list[Any] = []
        for i, shape in enumerate(shapes):
            gi = gradients.get(i)
            if gi is None and shape is not None and ctx._materialize:
                gi = np.zeros(shape.shape, shape.dtype)
            given.append(gi if gi is None or isinstance(gi, Variable) else wrap(np.asarray(gi), None))
        ctx._node = node
        with set_grad_enabled(create):
            try:
                returned = _backward_of(cls)(ctx, *given)
            except Exception as error:
                tell(error, f"in the backward of '{cls.__name__}'")
                raise
            finally:
                ctx._node = None
            return _sent(cls.__name__, returned, node, create)

    op = Op(back, (), None, cls.__name__)
    node = Node(op, parents, tuple(saved), {}, next(tickets), here.mode.module)
    results: list[Any] = []
    if any(through):
        show(node, inputs, outputs[through.index(True)])
    for i, y in enumerate(outputs):
        if not through[i]:
            results.append(_unrecorded(y))
            continue
        made = output_node(node, i if len(outputs) > 1 else None, y._array)
        if made is not node:
            show(made, (y,), y)
        if _is_in(y, ctx._dirty):
            become(y, made)
        elif y._view is not None or _wants(y) or _is_in(y, inputs) or _is_in(y, outputs[:i]):
            y = wrap(y._array, made)  # no view: a write that is recorded gives it memory of its own
        else:
            y._node = made
        results.append(y)
    ctx._dirty = ctx._non_differentiable = ()
    return results


def _backward_of(cls: type[Function]) -> Callable[..., Any]:
    if Function.backward not in (cls.backward, cls.vjp):
        raise RuntimeError(f"{cls.__name__}: backward and vjp are two names of one method; define one of them")
    return cls.backward if cls.backward is not Function.backward else cls.vjp


def _sent(name: str, returned: Any, node: Node, create: bool) -> list[tuple[Any, Any]]:
    """What ``backward`` returned, checked and brought into shape: to whom which gradient goes."""
    gs = returned if isinstance(returned, tuple) else (returned,)
    n = len(node.parents)
    if len(gs) < n or any(g is not None for g in gs[n:]):
        raise RuntimeError(
            f"the backward of '{name}' must return a gradient, or None, for each of the {n} input(s) that "
            f"apply() got; it returned {len(gs)}"
        )
    assert node.saved is not None
    sent: list[tuple[Any, Any]] = []
    for i, (g, x, parent) in enumerate(zip(gs, node.saved[1:], node.parents, strict=False)):
        if g is None:
            continue
        if not isinstance(g, Variable):
            raise RuntimeError(
                f"the backward of '{name}' returned a {type(g).__name__} as gradient {i}; it must be a Tensor or None"
            )
        if x is None:
            raise RuntimeError(
                f"the backward of '{name}' returned a gradient for input {i}, which is no Tensor; return None there"
            )
        if parent is not None:
            sent.append((parent, _fitted(name, i, g, x, parent, create)))
    return sent


def _fitted(name: str, i: int, g: Any, like: Any, parent: Any, create: bool) -> Any:
    """A gradient in the shape and dtype of its input: a tensor under ``create``, else an array."""
    given = g._array if not create else g
    shape, own = g._array.shape, like.shape
    lead = len(shape) - len(own)
    if lead < 0 or any(m not in (1, n) for m, n in zip(own, shape[lead:], strict=True)):
        raise RuntimeError(
            f"the backward of '{name}' returned a gradient of shape {shape} for input {i}; it must have the "
            f"input's shape, {own}, or one that this was broadcast to"
        )
    if shape != own:
        given = sum_to(given, shape=own)
    if g._array.dtype != like.dtype:
        given = cast(given, dtype=like.dtype)
    if not create and isinstance(parent, Variable) and given is g._array:
        given = given.copy(order="K")  # it becomes .grad, which is added to in place
    return given


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a ``backward`` that computes outside of the graph (with NumPy, say): there is no second derivative.

    Asking for one is a RuntimeError; without the decorator it would be silently wrong.
    """

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            returned = backward(ctx, *grads)
        wanting = [g for g in grads if isinstance(g, Variable) and _wants(g)]
        if not is_grad_enabled() or not wanting:
            return returned

        def refuse(_g: Any, _node: Node, _create: bool) -> Any:
            raise RuntimeError(
                f"the backward of '{ctx._name}' is marked @once_differentiable: it has no derivative itself"
            )

        def marked(gx: Any) -> Any:
            if not isinstance(gx, Variable):
                return gx
            parents = tuple(g if g._wants_grad else g._node for g in wanting)
            saved = (like(gx._array.shape, gx._array.dtype), *(None for _ in wanting))
            return wrap(gx._array, Node(Op(refuse, (), None, "once_differentiable"), parents, saved, {}, next(tickets)))

        return tuple(map(marked, returned)) if isinstance(returned, tuple) else marked(returned)

    return once
