"""Adamax: Adam with the largest gradient in the place of the root mean square."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy import ndarray

from .checks import hints, non_negative, unit_pair
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class Adamax(Optimizer):
    """Adamax (Kingma & Ba 2015, section 7.1).

        g <- g + weight_decay p
        m <- beta1 m + (1 - beta1) g
        u <- max(beta2 u, |g| + eps)
        p <- p - lr / (1 - beta1^t) m / u

    with ``betas`` = (beta1, beta2) and t counted from 1. ``maximize`` turns the sign of g.

    Raises ValueError where ``lr``, ``eps`` or ``weight_decay`` is negative or a beta is outside [0, 1).
    """

    buffers: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_inf")
    needed: ClassVar[tuple[str, ...]] = ("step", "exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        hyper = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        flags = hints(foreach=foreach, differentiable=differentiable, capturable=capturable)
        super().__init__(params, {**hyper, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "eps", "weight_decay")
        unit_pair(group, "betas")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        t = count(state)
        m, u = buffer(state, "exp_avg", p), buffer(state, "exp_inf", p)
        blockwise(_adamax, p, g, m, u, step=group["lr"] / (1 - group["betas"][0] ** t), group=group)


def _adamax(p: ndarray, g: ndarray, m: ndarray, u: ndarray, *, step: float, group: Group) -> None:
    beta1, beta2 = group["betas"]
    if group["weight_decay"]:
        g = g + group["weight_decay"] * p
    m *= beta1
    m += (1 - beta1) * g
    d = np.abs(g)
    d += group["eps"]
    u *= beta2
    np.maximum(u, d, out=u)
    np.divide(m, u, out=d)
    d *= step
    p -= d
