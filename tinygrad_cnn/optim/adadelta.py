"""Adadelta: steps in the units of the parameter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy import ndarray

from .checks import finite, hints, non_negative
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012).

        g <- g + weight_decay p
        v <- rho v + (1 - rho) g^2
        d <- sqrt(u + eps) / sqrt(v + eps) g
        u <- rho u + (1 - rho) d^2
        p <- p - lr d

    ``maximize`` turns the sign of g.

    Raises ValueError where ``lr``, ``eps`` or ``weight_decay`` is negative or ``rho`` is outside [0, 1].
    """

    buffers: ClassVar[tuple[str, ...]] = ("square_avg", "acc_delta")
    needed: ClassVar[tuple[str, ...]] = ("step", "square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        flags = hints(capturable=capturable, foreach=foreach, differentiable=differentiable)
        super().__init__(params, {**hyper, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "eps", "weight_decay")
        if not 0 <= finite(group, "rho") <= 1:
            raise ValueError(f"rho must be in [0, 1], got {group['rho']!r}")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        count(state)
        v, u = buffer(state, "square_avg", p), buffer(state, "acc_delta", p)
        blockwise(_adadelta, p, g, v, u, group=group)


def _adadelta(p: ndarray, g: ndarray, v: ndarray, u: ndarray, *, group: Group) -> None:
    rho, eps = group["rho"], group["eps"]
    if group["weight_decay"]:
        g = g + group["weight_decay"] * p
    v *= rho
    v += (1 - rho) * (g * g)
    d = np.sqrt(u + eps)
    d /= np.sqrt(v + eps)
    d *= g
    u *= rho
    u += (1 - rho) * (d * d)
    d *= group["lr"]
    p -= d
