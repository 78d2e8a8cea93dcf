"""NAdam: Adam with Nesterov's look-ahead."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy import ndarray

from .adam import decayed, running_means
from .checks import hints, non_negative, unit_pair
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class NAdam(Optimizer):
    """NAdam (Dozat 2016): `Adam` that steps along where the momentum will be.

        m and v as in Adam,   v^ = v / (1 - beta2^t)
        mu_t <- beta1 (1 - 0.96^(t momentum_decay) / 2)         M_t = mu_1 mu_2 ... mu_t
        m^ <- mu_(t+1) m / (1 - M_(t+1)) + (1 - mu_t) g / (1 - M_t)
        p <- p - lr m^ / (sqrt(v^) + eps)

    Weight decay goes into the gradient or, with ``decoupled_weight_decay``, shrinks p by lr weight_decay p as in
    `AdamW`.

    Raises ValueError where ``lr``, ``eps``, ``weight_decay`` or ``momentum_decay`` is negative or a beta is outside
    [0, 1).
    """

    buffers: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")
    needed: ClassVar[tuple[str, ...]] = ("step", "mu_product", "exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        decoupled = {"decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}
        flags = hints(foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**hyper, **decoupled, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "eps", "weight_decay", "momentum_decay")
        unit_pair(group, "betas")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        t = count(state)
        m, v = buffer(state, "exp_avg", p), buffer(state, "exp_avg_sq", p)
        mu, mu_next = (group["betas"][0] * (1 - 0.5 * 0.96 ** (s * group["momentum_decay"])) for s in (t, t + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        lr = group["lr"]
        of_m, of_g = lr * mu_next / (1 - product * mu_next), lr * (1 - mu) / (1 - product)
        blockwise(_nadam, p, g, m, v, t=t, of_m=of_m, of_g=of_g, group=group)


def _nadam(p: ndarray, g: ndarray, m: ndarray, v: ndarray, *, t: int, of_m: float, of_g: float, group: Group) -> None:
    """p <- p - (of_m m + of_g g) / (sqrt(v^) + eps)"""
    beta1, beta2 = group["betas"]
    g = decayed(p, g, group)
    running_means(m, v, g, beta1, beta2)
    d = np.sqrt(v)
    d /= math.sqrt(1 - beta2**t)
    d += group["eps"]
    p -= (of_m * m + of_g * g) / d
