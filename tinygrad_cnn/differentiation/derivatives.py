"""Whole Jacobians and Hessians, and their products with vectors, under the names of ``torch.autograd.functional``.

Each takes a function of one or several tensors and the inputs at which to differentiate. What comes out has a part for
each output and each input: a tuple where the function returns one, or where ``inputs`` is one, and a Tensor where not.
The function is always recorded, also within `no_grad`. Without ``create_graph`` what comes out hangs in no graph;
with it everything does, back to the inputs, and can be differentiated again.

``strict``: a RuntimeError, instead of zeros, where an output does not depend on an input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.backward import grad
from ..autograd.graph import Variable, wrap
from ..autograd.modes import enable_grad
from ..ops.joining import stack
from ..ops.shape import reshape
from ..tensors import Tensor

Tensors = tuple[Any, ...]


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All derivatives of each output by each input: parts of shape (*output.shape, *input.shape).

    Args:
        vectorize: how PyTorch computes it; the numbers are the same, and here it is always one entry after the other.
        strategy: "reverse-mode"; PyTorch's "forward-mode", which needs ``vectorize``, gives the same numbers.

    >>> from tinygrad_cnn.tensors.creation import tensor
    >>> jacobian(lambda x: x**2, tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: strategy must be 'reverse-mode' or 'forward-mode', got {strategy!r}")
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError("jacobian: there is no forward mode; leave strategy out")
    if vectorize and strict:
        raise RuntimeError("jacobian: strict and vectorize exclude each other, as in PyTorch; leave vectorize out")
    with enable_grad():
        xs, one_input = _inputs(inputs, "jacobian", create_graph)
        ys, one_output = _outputs(func(*xs), "jacobian", strict)
        parts = []
        for i, y in enumerate(ys):
            rows: list[list[Any]] = [[] for _ in xs]
            for at in range(y.numel()):
                gs = _gradients([y.reshape(-1)[at]], xs, create_graph=create_graph)
                for k, g in enumerate(gs):
                    if strict:
                        _dependent(g, f"output {i} of the function is independent of input {k}", "jacobian")
                        if create_graph and not g.requires_grad:
                            raise RuntimeError(f"jacobian: the jacobian is independent of input {k}; strict forbids it")
                    rows[k].append(_or_zeros(g, xs[k]))
            shapes = [(*y.shape, *x.shape) for x in xs]
            joined = [
                reshape(stack(row), shape) if row else Tensor(np.zeros(shape, x.dtype))
                for row, shape, x in zip(rows, shapes, xs, strict=True)
            ]
            parts.append(_finished(joined, one_input, create_graph))
    return parts[0] if one_output else tuple(parts)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """All second derivatives of a function with one number: for inputs i and k a part (*input_i.shape, *input_k.shape).

    Args:
        vectorize, outer_jacobian_strategy: as those of `jacobian`.

    >>> from tinygrad_cnn.tensors.creation import tensor
    >>> hessian(lambda x: (x**3).sum(), tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    one_input = isinstance(inputs, Variable)

    def slopes(*xs: Any) -> Any:
        y = _single(func(*xs), "hessian", strict)
        gs = _gradients([y], list(xs), create_graph=True)
        for k, g in enumerate(gs):
            if strict:
                _dependent(g, f"the function is independent of input {k}", "hessian")
                if not g.requires_grad:
                    raise RuntimeError(f"hessian: the jacobian by input {k} is independent of the inputs: strict")
        return tuple(_or_zeros(g, x) for g, x in zip(gs, xs, strict=True))

    xs = (inputs,) if one_input else inputs
    rows = jacobian(slopes, xs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows[0][0] if one_input else rows


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and v^T J: for a vector ``v`` of the outputs' shapes, the gradients of the inputs.

    ``v`` may be left out where the function returns a single number.
    """
    with enable_grad():
        xs, one_input = _inputs(inputs, "vjp", create_graph)
        ys, one_output = _outputs(func(*xs), "vjp", strict)
        vs = _vector(v, ys, "vjp", "the function returns", create_graph)
        gs = _gradients(ys, xs, vs, create_graph)
        for k, g in enumerate(gs):
            if strict:
                _dependent(g, f"the outputs are independent of input {k}", "vjp")
        found = [_or_zeros(g, x) for g, x in zip(gs, xs, strict=True)]
    return _finished(ys, one_output, create_graph), _finished(found, one_input, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and J v: how they move when the inputs move along ``v``, which has their shapes.

    Two passes of reverse mode: u^T J is linear in u, and its gradient by u, weighted with v, is J v (Townsend 2017).
    ``v`` may be left out where the input is a single number.
    """
    with enable_grad():
        xs, _ = _inputs(inputs, "jvp", create_graph)
        vs = _vector(v, xs, "jvp", "the input is", create_graph)
        ys, one_output = _outputs(func(*xs), "jvp", strict)
        us = [Tensor(np.zeros_like(y._array), requires_grad=y.requires_grad) for y in ys]
        gs = _gradients(ys, xs, us, create_graph=True)
        for k, g in enumerate(gs):
            if strict:
                _dependent(g, f"the outputs are independent of input {k}", "jvp")
        moved = _gradients(gs, us, vs, create_graph)
        found = [_or_zeros(g, y) for g, y in zip(moved, ys, strict=True)]
    return _finished(ys, one_output, create_graph), _finished(found, one_output, create_graph)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output, a single number, and v^T H: its Hessian times a vector of the inputs' shapes (Pearlmutter 1994)."""
    return _hessian_product("vhp", func, inputs, v, create_graph, strict)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """As `vhp`: a Hessian is symmetric."""
    return _hessian_product("hvp", func, inputs, v, create_graph, strict)


def _hessian_product(
    name: str, func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool
) -> tuple[Any, Any]:
    with enable_grad():
        xs, one_input = _inputs(inputs, name, create_graph)
        vs = _vector(v, xs, name, "the input is", create_graph)
        y = _single(func(*xs), name, strict)
        slopes = _gradients([y], xs, create_graph=True)
        for k, g in enumerate(slopes):
            if strict:
                _dependent(g, f"the output is independent of input {k}", name)
        gs = _gradients(slopes, xs, vs, create_graph)
        for k, g in enumerate(gs):
            if strict:
                _dependent(g, f"the jacobian of the function is independent of input {k}", name)
        found = [_or_zeros(g, x) for g, x in zip(gs, xs, strict=True)]
    return _finished([y], True, create_graph), _finished(found, one_input, create_graph)


# ---------------------------------------------------------------------------------------------------------- the pieces
def _listed(given: Any, what: str, name: str) -> tuple[list[Any], bool]:
    one = isinstance(given, Variable)
    if not one and not isinstance(given, tuple):
        raise TypeError(f"{name}: {what} must be a Tensor or a tuple of Tensors, got {type(given).__name__}")
    for i, x in enumerate(() if one else given):
        if not isinstance(x, Variable):
            raise TypeError(f"{name}: {what} must be a Tensor or a tuple of Tensors, entry {i} is {type(x).__name__}")
    return [given] if one else list(given), one


def _inputs(inputs: Any, name: str, create_graph: bool) -> tuple[list[Any], bool]:
    """The inputs as tensors that want a gradient: leaves of their own or, under ``create_graph``, hanging on theirs."""
    xs, one = _listed(inputs, "inputs", name)
    return [x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in xs], one


def _outputs(returned: Any, name: str, strict: bool) -> tuple[list[Any], bool]:
    ys, one = _listed(returned, "what the function returns", name)
    for i, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(f"{name}: output {i} of the function does not depend on the inputs; strict forbids it")
    return ys, one


def _single(returned: Any, name: str, strict: bool) -> Any:
    ys, one = _outputs(returned, name, strict)
    if not one or ys[0].numel() != 1:
        got = f"shape {ys[0].shape}" if one else "a tuple"
        raise RuntimeError(f"{name}: the function must return one Tensor with a single element, got {got}")
    return ys[0]


def _vector(v: Any, like: Sequence[Any], name: str, what: str, create_graph: bool) -> list[Any]:
    """v, fitting the tensors that it is multiplied with."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"{name}: v may be left out only where {what} one Tensor with a single element")
        return [Tensor(np.ones_like(like[0]._array))]
    vs, _ = _listed(v, "v", name)
    if len(vs) != len(like):
        raise RuntimeError(f"{name}: v has {len(vs)} Tensor(s), needed are {len(like)}")
    for i, (a, b) in enumerate(zip(vs, like, strict=True)):
        if a.shape != b.shape:
            raise RuntimeError(f"{name}: Tensor {i} of v has shape {a.shape}, needed is {b.shape}")
    return vs if create_graph else [a.detach() for a in vs]


def _gradients(ys: Sequence[Any], xs: Sequence[Any], vs: Any = None, create_graph: bool = False) -> list[Any]:
    """The gradients of the outputs that have any by the inputs; None where an output does not depend on an input."""
    pairs = [(y, None if vs is None else v) for y, v in zip(ys, vs or ys, strict=True) if y is not None]
    pairs = [(y, v) for y, v in pairs if y.requires_grad]
    wanted = [x for x in xs if x.requires_grad]
    if not pairs or not wanted:
        return [None] * len(xs)
    outputs, weights = zip(*pairs, strict=True)
    found = grad(outputs, wanted, weights, retain_graph=True, create_graph=create_graph, allow_unused=True)
    of = {id(x): g for x, g in zip(wanted, found, strict=True)}
    return [of.get(id(x)) for x in xs]


def _or_zeros(g: Any, x: Any) -> Any:
    return Tensor(np.zeros_like(x._array)) if g is None else g


def _dependent(g: Any, text: str, name: str) -> None:
    if g is None:
        raise RuntimeError(f"{name}: {text}; strict forbids it")


def _finished(parts: Sequence[Any], one: bool, create_graph: bool) -> Any:
    """A Tensor or a tuple, in the graph or out of it."""
    done = tuple(part if create_graph else wrap(part._array, None) for part in parts)
    return done[0] if one else done
