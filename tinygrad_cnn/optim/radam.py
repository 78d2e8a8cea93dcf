"""RAdam: Adam that waits until its second moment can be trusted."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy import ndarray

from .adam import decayed, running_means
from .checks import hints, non_negative, unit_pair
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class RAdam(Optimizer):
    """Rectified Adam (Liu et al. 2020): `Adam`, its adaptive step scaled by how much variance v has.

        m and v as in Adam,   m^ = m / (1 - beta1^t),   v^ = v / (1 - beta2^t)
        rho_inf = 2 / (1 - beta2) - 1,   rho = rho_inf - 2 t beta2^t / (1 - beta2^t)
        rho > 5:   p <- p - lr r m^ / ((sqrt(v) + eps) / sqrt(1 - beta2^t))
                   r = sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
        otherwise: p <- p - lr m^

    Weight decay goes into the gradient or, with ``decoupled_weight_decay``, shrinks p by lr weight_decay p as in
    `AdamW`.

    Raises ValueError where ``lr``, ``eps`` or ``weight_decay`` is negative or a beta is outside [0, 1).
    """

    buffers: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")
    needed: ClassVar[tuple[str, ...]] = ("step", "exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        flags = hints(foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**hyper, **flags, "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "eps", "weight_decay")
        unit_pair(group, "betas")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        t = count(state)
        m, v = buffer(state, "exp_avg", p), buffer(state, "exp_avg_sq", p)
        rectifier = _rectifier(group["betas"][1], t)
        blockwise(_radam, p, g, m, v, t=t, rectifier=rectifier, group=group)


def _rectifier(beta2: float, t: int) -> float | None:
    """r of the formula; None while rho <= 5, when v is not to be trusted."""
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 5:
        return None
    return math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


def _radam(p: ndarray, g: ndarray, m: ndarray, v: ndarray, *, t: int, rectifier: float | None, group: Group) -> None:
    beta1, beta2 = group["betas"]
    g = decayed(p, g, group)
    running_means(m, v, g, beta1, beta2)
    step = group["lr"] / (1 - beta1**t)
    if rectifier is None:
        p -= step * m
    else:
        d = np.sqrt(v)
        d += group["eps"]
        np.divide(m, d, out=d)
        d *= step * rectifier * math.sqrt(1 - beta2**t)
        p -= d
