"""`compile`: a module or function whose calls are recorded once, and then done again by a flat list of NumPy calls.

A file for each stage: `record`, `rewrite` (with `fusions` and `chains`), `memory`, `frame`, `run`. Which plan a call
gets says `compiled`; how single operations are done on memory that is there, `planners`.
"""

from __future__ import annotations

from typing import Any

from ..nn.module import Module
from ..nn.registry import changes
from . import norm_fusions as norm_fusions
from . import planners as planners
from .compiled import CompiledFunction, CompileWarning, InPlace, compiled_module

__all__ = ["CompileWarning", "compile"]


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """A module or function that computes the same, quicker. Without one, a decorator.

    The first call of each kind (shapes and dtypes of the arguments, training or evaluation, gradients or not) runs as
    ever, and is written down. Later ones do what was written down: the same NumPy calls without what lies around them.
    A module stays an instance of its class; it shares parameters, buffers, modes and hooks with what it was made of.

    What cannot be written down (numbers that are read off a tensor, random numbers of `random`, hooks of inner modules,
    more than 16 kinds of call) lets it run as it is, with one `CompileWarning` that names the line.

    Args:
        model: an nn.Module or a function of tensors.
        fullgraph, dynamic, backend, mode, options: PyTorch's; they make no difference.
        disable: return ``model`` as it is.

    Raises:
        TypeError: something that cannot be called.

    >>> import tinygrad_cnn as tg
    >>> net = compile(tg.nn.Linear(2, 3))
    >>> net(tg.zeros(5, 2)).shape
    Size([5, 3])
    """
    if mode is not None and options is not None:
        raise RuntimeError("compile takes a mode or options, not both")
    if model is None:
        return lambda function: compile(
            function, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, disable=disable
        )
    if not callable(model):
        raise TypeError(f"compile takes a Module or a function, got {type(model).__name__}")
    if disable:
        return model
    return compiled_module(model) if isinstance(model, Module) else CompiledFunction(model)


def in_place(model: Module, **options: Any) -> None:
    """Let a module's own calls run by plans: `Module.compile`, with the options of `compile`."""
    if compile(model, **options) is not model:
        own = model.__dict__.get("forward")
        model.__dict__["forward"] = own.for_another(model) if isinstance(own, InPlace) else InPlace(model, own)
        changes.count += 1
