"""Adagrad: steps divided by the root of all squared gradients so far."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy import ndarray

from .checks import hints, non_negative
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011).

        g <- g + weight_decay p
        s <- s + g^2                                (from initial_accumulator_value)
        p <- p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    with t counted from 1. ``maximize`` turns the sign of g.

    Raises ValueError where ``lr``, ``lr_decay``, ``weight_decay``, ``initial_accumulator_value`` or ``eps`` is
    negative.
    """

    buffers: ClassVar[tuple[str, ...]] = ("sum",)
    needed: ClassVar[tuple[str, ...]] = ("step", "sum")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        hyper = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        flags = hints(foreach=foreach, differentiable=differentiable, fused=fused)
        start = {"initial_accumulator_value": initial_accumulator_value}
        super().__init__(params, {**hyper, **start, "maximize": maximize, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        t = count(state)
        s = buffer(state, "sum", p, fill=group["initial_accumulator_value"])
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        blockwise(_adagrad, p, g, s, lr=lr, group=group)


def _adagrad(p: ndarray, g: ndarray, s: ndarray, *, lr: float, group: Group) -> None:
    if group["weight_decay"]:
        g = g + group["weight_decay"] * p
    s += g * g
    d = np.sqrt(s)
    d += group["eps"]
    np.divide(g, d, out=d)
    d *= lr
    p -= d
