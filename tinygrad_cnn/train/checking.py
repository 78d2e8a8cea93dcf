"""What a Trainer is made of, checked at the door: what came, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..arrays.telling import described
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .callbacks import Callback


def checked(model: Any, optimizer: Any, loss: Any, callbacks: Any) -> list[Callback]:
    """The callbacks as a list; TypeError or ValueError where something is not what a Trainer needs."""
    if not isinstance(model, Module):
        raise TypeError(f"Trainer: model must be an nn.Module, got {described(model)}{_instead_of_a_model(model)}")
    if not isinstance(optimizer, Optimizer):
        name = optimizer.__name__ if isinstance(optimizer, type) else "optim.SGD"
        raise TypeError(
            f"Trainer: optimizer must be an Optimizer, got {described(optimizer)}; "
            f"pass {name}(model.parameters(), lr=...)"
        )
    if not callable(loss) or isinstance(loss, type):
        instead = f"; make one: {loss.__name__}()" if isinstance(loss, type) else ", as F.cross_entropy is"
        raise TypeError(f"Trainer: loss must be a function of (outputs, targets), got {described(loss)}{instead}")
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("Trainer: the optimizer has no parameter of this model; make it from model.parameters()")
    if callbacks is None or isinstance(callbacks, Callback):
        callbacks = () if callbacks is None else (callbacks,)
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"Trainer: callbacks must be a list of Callbacks, got {described(callbacks)}")
    callbacks = list(callbacks)
    for i, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            instead = _make_one(callback) if isinstance(callback, type) else f": {callback!r}"
            raise TypeError(f"Trainer: callback {i} must be a Callback, got {described(callback)}{instead}")
    return callbacks


def _instead_of_a_model(model: Any) -> str:
    if isinstance(model, type):
        return _make_one(model)
    if isinstance(model, (list, tuple)):
        return "; make one of its layers: nn.Sequential(*layers)"
    if isinstance(model, Optimizer):
        return "; the model comes first: Trainer(model, optimizer)"
    return "; write a class that derives from nn.Module" if callable(model) else ""


def _make_one(cls: type) -> str:
    return f"; make one: {cls.__name__}(...)"
