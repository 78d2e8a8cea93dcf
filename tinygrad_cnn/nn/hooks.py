"""Hooks of a module's call: before and after its forward, and before and after its part of the backward pass.

A module with backward hooks is entered and left through a gate. On the way back the gate behind it collects the
gradients of all outputs and the one before it those of all inputs; there the hooks see them together, and may replace
them, before they go on. A gate is two operations: a joint of all tensors, which passes no values, and for each tensor
its passage, which hands the gradient to the joint's gate instead of to the tensor.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.like import like
from ..autograd.graph import Array, wrap
from ..autograd.handle import RemovableHandle
from ..autograd.modes import is_grad_enabled
from ..autograd.operation import op
from ..tensors import Tensor
from .state import State

Gradients = tuple[Any, ...]  # of several tensors: None for those that are no tensors, or that nothing came from


@op(each=lambda _g, _y, *_x, gate, i: gate.released(i, _x[i]))
def _joint(*_x: Array, gate: Gate) -> Array:  # noqa: ARG001
    """Where the gradients of several tensors wait for each other."""
    return np.zeros(())


@op(None, lambda g, _y, _x, _joint, *, gate, place: gate.take(place, g))
def _passage(x: Array, joint: Array, *, gate: Gate, place: int) -> Array:  # noqa: ARG001
    """x behind the gate."""
    return x.view()


class Gate:
    """The gradients of the tensors that went through together."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.likes = [like(v.shape, v.dtype) if isinstance(v, Tensor) else None for v in values]
        self.places = [i for i, v in enumerate(self.likes) if v is not None]
        self.gradients: list[Any] = [None] * len(values)

    def through(self, values: tuple[Any, ...], arrived: Callable[[Gate], None]) -> tuple[Any, ...]:
        """The values behind the gate; what is no tensor went beside it. ``arrived`` is called with all gradients."""
        joint = _joint(*[values[i] for i in self.places], gate=self)
        joint.register_hook(lambda _: arrived(self))
        return tuple(
            _passage(v._array, joint, gate=self, place=i) if isinstance(v, Tensor) and v.requires_grad else v
            for i, v in enumerate(values)
        )

    def take(self, place: int, g: Any) -> Any:
        """Keep the gradient of one tensor; the joint has its turn when all others had theirs."""
        self.gradients[place] = g
        return np.zeros(())

    def released(self, i: int, x: Any) -> Any:
        """The gradient of the i-th tensor goes on; 0 where none came."""
        place = self.places[i]
        g, self.gradients[place] = self.gradients[place], None
        return _zeros(x) if g is None else g

    def shown(self) -> Gradients:
        """The gradients as hooks see them: arrays of their own, for hooks may keep them."""
        return tuple(g if g is None or isinstance(g, Tensor) else wrap(np.array(g), None) for g in self.gradients)

    def replace(self, new: Gradients, old: Gradients) -> None:
        """Let others go on in place of those that hooks saw."""
        for i, (g, before) in enumerate(zip(new, old, strict=True)):
            if g is not before:
                self.gradients[i] = g if is_grad_enabled() or g is None else g._array.copy(order="K")

    def __repr__(self) -> str:
        return f"gate of {len(self.places)}"


def _zeros(x: Any) -> Any:
    return np.zeros(x.shape, x.dtype)


class _Passing:
    """One call of a module with backward hooks."""

    def __init__(self, module: Hooked, args: tuple[Any, ...]) -> None:
        self.module, self.size = module, len(args)
        self.hooks, self.pre_hooks = list(module._backward_hooks.values()), list(module._backward_pre_hooks.values())
        self.gate: Gate | None = None
        self.grad_output: Gradients | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in args):
            self.gate = Gate(args)
            return self.gate.through(args, self._at_inputs)
        return args

    def leave(self, result: Any) -> Any:
        values = result if isinstance(result, tuple) else (result,)
        if not is_grad_enabled() or not any(isinstance(y, Tensor) and y.requires_grad for y in values):
            return result
        behind = Gate(values).through(values, self._at_outputs)
        if not isinstance(result, tuple):
            return behind[0]
        return type(result)(*behind) if hasattr(result, "_fields") else behind

    def _at_outputs(self, gate: Gate) -> None:
        seen = self.grad_output = gate.shown()
        for hook in self.pre_hooks:
            new = hook(self.module, self.grad_output)
            if new is not None:
                self.grad_output = _replaced(new, seen, "full backward pre-hook", "grad_output")
        gate.replace(self.grad_output, seen)
        if self.gate is not None:
            self.gate.gradients = [None] * self.size
            return
        none = (None,) * self.size  # no input wants a gradient: the hooks have their turn here
        for hook in self.hooks:
            new = hook(self.module, none, self.grad_output)
            if new is not None and any(g is not None for g in new):
                raise RuntimeError(
                    f"a full backward hook of {type(self.module).__name__} returned a gradient, but no input of the "
                    "module requires one; return None"
                )
        self.grad_output = None

    def _at_inputs(self, gate: Gate) -> None:
        if self.grad_output is None:  # this gradient came by another way than the outputs
            return
        for place in gate.places:
            if gate.gradients[place] is None:
                gate.gradients[place] = _zeros(gate.likes[place])
        first = seen = gate.shown()
        for hook in self.hooks:
            new = hook(self.module, seen, self.grad_output)
            if new is not None:
                seen = _replaced(new, first, "full backward hook", "grad_input")
        gate.replace(seen, first)
        self.grad_output = None


def _replaced(new: Any, old: Gradients, hook: str, what: str) -> Gradients:
    """What a hook returned instead of gradients, checked."""
    if isinstance(new, Tensor) and len(old) == 1:
        new = (new,)
    if not isinstance(new, (tuple, list)) or len(new) != len(old):
        got = f"{len(new)} of them" if isinstance(new, (tuple, list)) else f"a {type(new).__name__}"
        raise RuntimeError(f"a {hook} must return None or a tuple of {len(old)} {what}, got {got}")
    for g, before in zip(new, old, strict=True):
        if g is not None and not isinstance(g, Tensor):
            raise RuntimeError(f"a {hook} must return Tensors or None in its tuple of {what}, got {type(g).__name__}")
        if g is not None and before is not None and g.shape != before.shape:
            raise RuntimeError(f"a {hook} returned a {what} of shape {g.shape} for one of shape {before.shape}")
    return tuple(new)


class Hooked(State):
    """The part of a module that runs hooks around its forward."""

    _with_kwargs: frozenset[int] = frozenset()  # ids of hooks that get the keyword arguments too
    _always: frozenset[int] = frozenset()  # ids of forward hooks that run after an error too

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; what it returns, if not None, replaces the output.

        Args:
            hook: the function.
            prepend: call it before those that are there.
            with_kwargs: call ``hook(module, args, kwargs, output)``.
            always_call: call it with output None, too, when the forward raises.
        """
        handle = self._hang("_forward_hooks", hook, prepend)
        self._with_kwargs |= {handle.id} if with_kwargs else set()
        self._always |= {handle.id} if always_call else set()
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it returns, if not None, replaces the arguments.

        ``prepend`` calls it before those that are there. ``with_kwargs`` calls ``hook(module, args, kwargs)``, which
        returns None or both.
        """
        handle = self._hang("_forward_pre_hooks", hook, prepend)
        self._with_kwargs |= {handle.id} if with_kwargs else set()
        return handle

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients by all inputs are there.

        Both are tuples: of the gradients by the inputs handed in by position, and by the outputs; None stands for what
        is no tensor. A tuple that it returns, if not None, goes on in place of grad_input. Where no input requires a
        gradient, grad_input is all None.

        Inputs and outputs are those of the call, so they cannot lie in dicts or lists.
        """
        return self._hang("_backward_hooks", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients by all outputs are there.

        A tuple that it returns, if not None, goes on in place of grad_output.
        """
        return self._hang("_backward_pre_hooks", hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """As `register_full_backward_hook`. (In PyTorch an older one, which sees the last operation alone.)"""
        return self.register_full_backward_hook(hook)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def _call_hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The forward with all that hangs around it."""
        result, called = None, set[int]()
        try:
            for key, hook in list(self._forward_pre_hooks.items()):
                if key in self._with_kwargs:
                    args, kwargs = _both(hook(self, args, kwargs), args, kwargs)
                elif (new := hook(self, args)) is not None:
                    args = new if isinstance(new, tuple) else (new,)
            passing = _Passing(self, args) if self._backward_hooks or self._backward_pre_hooks else None
            args = args if passing is None else passing.enter(args)
            result = self.forward(*args, **kwargs)
            for key, hook in list(self._forward_hooks.items()):
                called.add(key)
                result = self._after(key, hook, args, kwargs, result)
            return result if passing is None else passing.leave(result)
        except Exception:
            for key, hook in list(self._forward_hooks.items()):
                if key in self._always and key not in called:
                    try:
                        result = self._after(key, hook, args, kwargs, result)
                    except Exception as second:  # the first error is the one to raise
                        warnings.warn(f"a forward hook with always_call=True failed as well: {second}", stacklevel=3)
            raise

    def _after(self, key: int, hook: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> Any:
        new = hook(self, args, kwargs, result) if key in self._with_kwargs else hook(self, args, result)
        return result if new is None else new


def _both(returned: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if returned is None:
        return args, kwargs
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise RuntimeError(
            f"a forward pre-hook with kwargs must return None or a tuple of (args, kwargs), got {returned!r}"
        )
    return returned
