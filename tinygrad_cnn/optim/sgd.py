"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy import ndarray

from .checks import finite, hints, non_negative
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer


class SGD(Optimizer):
    """Stochastic gradient descent (Robbins & Monro 1951), with momentum (Polyak 1964) and Nesterov's variant (1983).

        g <- g + weight_decay p
        b <- momentum b + (1 - dampening) g         (b = g in the first step)
        p <- p - lr b                               (Nesterov: p - lr (g + momentum b), Sutskever et al. 2013)

    Without momentum p <- p - lr g, and no state. ``maximize`` turns the sign of g.

    Raises ValueError where ``lr``, ``momentum`` or ``weight_decay`` is negative, and for ``nesterov`` without momentum
    or with dampening.

    >>> import numpy as np
    >>> from tinygrad_cnn.tensors import Tensor
    >>> w = Tensor(np.array([4.0]), requires_grad=True)
    >>> optimizer = SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([2.])
    """

    buffers: ClassVar[tuple[str, ...]] = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        hyper = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        flags = hints(foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(params, {**hyper, "nesterov": nesterov, "maximize": maximize, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "momentum", "weight_decay")
        finite(group, "dampening")
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(
                f"nesterov needs momentum > 0 and dampening 0, got momentum {group['momentum']} "
                f"and dampening {group['dampening']}"
            )

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        first = "momentum_buffer" not in state
        b = buffer(state, "momentum_buffer", p) if group["momentum"] else None
        blockwise(_sgd, p, g, b, first=first, group=group)


def _sgd(p: ndarray, g: ndarray, b: Any, *, first: bool, group: Group) -> None:
    momentum, dampening, weight_decay = group["momentum"], group["dampening"], group["weight_decay"]
    if weight_decay:
        g = g + weight_decay * p
    if momentum:
        b *= momentum
        b += g if first or not dampening else (1 - dampening) * g
        g = g + momentum * b if group["nesterov"] else b
    p -= group["lr"] * g
