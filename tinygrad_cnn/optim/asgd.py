"""Averaged SGD: the mean of the parameters on their way, beside the parameters."""

from __future__ import annotations

from typing import ClassVar

from numpy import ndarray

from .checks import finite, hints, non_negative
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class ASGD(Optimizer):
    """Averaged stochastic gradient descent (Polyak & Juditsky 1992), with the step sizes of Bottou (2010).

        g <- g + weight_decay p
        p <- p - eta (g + lambd p)
        a <- a + mu (p - a)
        eta <- lr / (1 + lambd lr t)^alpha,     mu <- 1 / max(1, t - t0)

    with t counted from 1, eta = lr and mu = 1 in the first step. The average a is ``optimizer.state[p]["ax"]``; it
    follows p until t passes ``t0``. ``maximize`` turns the sign of g.

    Raises ValueError where ``lr`` or ``weight_decay`` is negative.
    """

    buffers: ClassVar[tuple[str, ...]] = ("ax",)
    counters: ClassVar[dict[str, type]] = {"step": int, "eta": float, "mu": float}
    needed: ClassVar[tuple[str, ...]] = ("step", "eta", "mu", "ax")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        hyper = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        flags = hints(foreach=foreach, differentiable=differentiable, capturable=capturable)
        super().__init__(params, {**hyper, "maximize": maximize, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "weight_decay")
        for name in ("lambd", "alpha", "t0"):
            finite(group, name)

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        t = count(state)
        lr, lambd = group["lr"], group["lambd"]
        eta, mu = state.setdefault("eta", lr), state.setdefault("mu", 1.0)
        blockwise(_asgd, p, g, buffer(state, "ax", p), eta=eta, mu=mu, group=group)
        state["eta"] = lr / (1 + lambd * lr * t) ** group["alpha"]
        state["mu"] = 1 / max(1.0, t - group["t0"])


def _asgd(p: ndarray, g: ndarray, a: ndarray, *, eta: float, mu: float, group: Group) -> None:
    if group["weight_decay"]:
        g = g + group["weight_decay"] * p
    p *= 1 - group["lambd"] * eta
    p -= eta * g
    if mu == 1:
        a[...] = p
    else:
        a += mu * (p - a)
