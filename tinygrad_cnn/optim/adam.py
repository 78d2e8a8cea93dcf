"""Adam and AdamW: step sizes from running means of the gradient and of its square."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray

from .checks import hints, non_negative, unit_pair
from .elementwise import Elementwise
from .optimizer import Group, Params


class Adam(Elementwise):
    """Adam (Kingma & Ba 2015), with weight decay as an L2 penalty in the gradient.

        g <- g + weight_decay p                     (decoupled: p <- p - lr weight_decay p instead)
        m <- beta1 m + (1 - beta1) g                m^ = m / (1 - beta1^t)
        v <- beta2 v + (1 - beta2) g^2              v^ = v / (1 - beta2^t)
        p <- p - lr m^ / (sqrt(v^) + eps)

    with ``betas`` = (beta1, beta2) and t counted from 1. ``amsgrad`` (Reddi et al. 2018) puts the largest v so far in
    the place of v; ``decoupled_weight_decay`` makes it `AdamW`; ``maximize`` turns the sign of g. From the second step
    on small parameters are stepped together; ``fused=False`` steps one after the other, to the same bits.

    Raises ValueError where ``lr``, ``eps`` or ``weight_decay`` is negative or a beta is outside [0, 1).
    """

    buffers: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    needed: ClassVar[tuple[str, ...]] = ("step", "exp_avg", "exp_avg_sq")
    small: ClassVar[int] = 1 << 14
    cost: ClassVar[float] = 2.2e-9

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

    def keeps(self, group: Group) -> tuple[str, ...]:
        return self.buffers if group["amsgrad"] else self.buffers[:2]

    def numbers(self, group: Group, t: int, _first: bool) -> _Numbers:
        lr, weight_decay, (beta1, beta2) = group["lr"], group["weight_decay"] or None, group["betas"]
        decoupled = weight_decay is not None and group["decoupled_weight_decay"]
        return _Numbers(
            1 - lr * weight_decay if decoupled else None,
            None if decoupled else weight_decay,
            beta1,
            1 - beta1,
            beta2,
            1 - beta2,
            math.sqrt(1 - beta2**t),
            group["eps"],
            lr / (1 - beta1**t),
        )


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


class _Numbers(NamedTuple):
    shrink: float | None  # p, which is decoupled decay
    weight_decay: float | None  # in the gradient
    beta1: float
    rest1: float  # 1 - beta1
    beta2: float
    rest2: float
    root: float  # of 1 - beta2^t
    eps: float
    step: float  # lr / (1 - beta1^t)


def _adam(
    p: ndarray, g: ndarray, s: ndarray, t: ndarray, n: _Numbers, m: ndarray, v: ndarray, v_max: Any = None
) -> None:
    if n.shrink is not None:
        np.multiply(p, n.shrink, p)
    if n.weight_decay is not None:
        g = np.add(g, np.multiply(p, n.weight_decay, s), s)
    np.add(np.multiply(m, n.beta1, m), np.multiply(g, n.rest1, t), m)
    np.multiply(np.multiply(g, g, t), n.rest2, t)
    np.add(np.multiply(v, n.beta2, v), t, v)
    d = np.sqrt(v if v_max is None else np.maximum(v_max, v, out=v_max), t)
    np.add(np.divide(d, n.root, d), n.eps, d)
    np.subtract(p, np.multiply(np.divide(m, d, d), n.step, d), p)


Adam.rule = _adam


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
