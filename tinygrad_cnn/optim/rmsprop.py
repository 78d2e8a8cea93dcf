"""RMSprop: steps divided by a running root mean square of the gradient."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from .checks import hints, non_negative
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton, lecture 6.5, 2012); ``centered`` as in Graves (2013).

        g <- g + weight_decay p
        v <- alpha v + (1 - alpha) g^2
        centered:  a <- alpha a + (1 - alpha) g,   and v - a^2, the variance, in the place of v below
        b <- momentum b + g / (sqrt(v) + eps)
        p <- p - lr b

    A variance that rounding made negative counts as 0. ``maximize`` turns the sign of g.

    Raises ValueError where ``lr``, ``alpha``, ``eps``, ``weight_decay`` or ``momentum`` is negative.
    """

    buffers: ClassVar[tuple[str, ...]] = ("square_avg", "grad_avg", "momentum_buffer")
    needed: ClassVar[tuple[str, ...]] = ("step", "square_avg")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered}
        flags = hints(capturable=capturable, foreach=foreach, differentiable=differentiable)
        super().__init__(params, {**hyper, "weight_decay": weight_decay, "maximize": maximize, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "alpha", "eps", "weight_decay", "momentum")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        count(state)
        v = buffer(state, "square_avg", p)
        a = buffer(state, "grad_avg", p) if group["centered"] else None
        b = buffer(state, "momentum_buffer", p) if group["momentum"] else None
        blockwise(_rmsprop, p, g, v, a, b, group=group)


def _rmsprop(p: ndarray, g: ndarray, v: ndarray, a: Any, b: Any, *, group: Group) -> None:
    alpha = group["alpha"]
    if group["weight_decay"]:
        g = g + group["weight_decay"] * p
    v *= alpha
    v += (1 - alpha) * (g * g)
    if a is None:
        d = np.sqrt(v)
    else:
        a *= alpha
        a += (1 - alpha) * g
        d = np.maximum(v - a * a, 0)
        np.sqrt(d, out=d)
    d += group["eps"]
    np.divide(g, d, out=d)
    if b is not None:
        b *= group["momentum"]
        b += d
        p -= group["lr"] * b
    else:
        d *= group["lr"]
        p -= d
