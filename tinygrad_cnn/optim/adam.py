"""Adam and AdamW: step sizes from running means of the gradient and of its square."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from .checks import hints, non_negative, unit_pair
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015), with weight decay as an L2 penalty in the gradient.

        g <- g + weight_decay p                     (decoupled: p <- p - lr weight_decay p instead)
        m <- beta1 m + (1 - beta1) g                m^ = m / (1 - beta1^t)
        v <- beta2 v + (1 - beta2) g^2              v^ = v / (1 - beta2^t)
        p <- p - lr m^ / (sqrt(v^) + eps)

    with ``betas`` = (beta1, beta2) and t counted from 1. ``amsgrad`` (Reddi et al. 2018) puts the largest v so far in
    the place of v; ``decoupled_weight_decay`` makes it `AdamW`; ``maximize`` turns the sign of g.

    Raises ValueError where ``lr``, ``eps`` or ``weight_decay`` is negative or a beta is outside [0, 1).
    """

    buffers: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    needed: ClassVar[tuple[str, ...]] = ("step", "exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        hyper = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        flags = hints(foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        decoupled = {"decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, {**hyper, "maximize": maximize, **flags, **decoupled})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "eps", "weight_decay")
        unit_pair(group, "betas")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        t = count(state)
        m, v = buffer(state, "exp_avg", p), buffer(state, "exp_avg_sq", p)
        v_max = buffer(state, "max_exp_avg_sq", p) if group["amsgrad"] else None
        blockwise(_adam, p, g, m, v, v_max, t=t, group=group)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): p <- p - lr weight_decay p, beside `Adam`'s step.

    The decay is no part of the gradient, so no running mean ever sees it. Arguments and errors as for `Adam`.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        flags: Any = {"foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused}
        decoupled = {"maximize": maximize, "decoupled_weight_decay": True}
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **decoupled, **flags)


def _adam(p: ndarray, g: ndarray, m: ndarray, v: ndarray, v_max: Any, *, t: int, group: Group) -> None:
    beta1, beta2 = group["betas"]
    g = decayed(p, g, group)
    running_means(m, v, g, beta1, beta2)
    if v_max is not None:
        np.maximum(v_max, v, out=v_max)
    d = np.sqrt(v if v_max is None else v_max)
    d /= math.sqrt(1 - beta2**t)
    d += group["eps"]
    np.divide(m, d, out=d)
    d *= group["lr"] / (1 - beta1**t)
    p -= d


def decayed(p: ndarray, g: ndarray, group: Group) -> ndarray:
    """Weight decay: the gradient with the L2 penalty in it or, decoupled, the same gradient and a smaller p."""
    weight_decay = group["weight_decay"]
    if weight_decay and group["decoupled_weight_decay"]:
        p *= 1 - group["lr"] * weight_decay
    elif weight_decay:
        g = g + weight_decay * p
    return g


def running_means(m: ndarray, v: ndarray, g: ndarray, beta1: float, beta2: float) -> None:
    """m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2, in place."""
    d = (1 - beta1) * g
    m *= beta1
    m += d
    np.multiply(g, g, out=d)
    d *= 1 - beta2
    v *= beta2
    v += d
