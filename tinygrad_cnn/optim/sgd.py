"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy import ndarray

from .checks import finite, hints, non_negative
from .elementwise import Elementwise
from .optimizer import Group, Params


class SGD(Elementwise):
    """Stochastic gradient descent (Robbins & Monro 1951), with momentum (Polyak 1964) and Nesterov's variant (1983).

        g <- g + weight_decay p
        b <- momentum b + (1 - dampening) g         (b = g in the first step)
        p <- p - lr b                               (Nesterov: p - lr (g + momentum b), Sutskever et al. 2013)

    Without momentum p <- p - lr g, and no state. ``maximize`` turns the sign of g. From the second step on small
    parameters are stepped together; ``fused=False`` steps one after the other, to the same bits.

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
    counts: ClassVar[bool] = False
    small: ClassVar[int] = 1 << 12
    cost: ClassVar[float] = 0.6e-9

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

    def keeps(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def numbers(self, group: Group, _t: int, first: bool) -> _Numbers:
        momentum, gain = group["momentum"] or None, 1 - group["dampening"]
        return _Numbers(
            group["lr"],
            group["weight_decay"] or None,
            momentum,
            None if first or gain == 1 else gain,
            momentum if group["nesterov"] else None,
        )


class _Numbers(NamedTuple):
    lr: float
    weight_decay: float | None
    momentum: float | None
    gain: float | None  # 1 - dampening; None is 1
    ahead: float | None  # Nesterov's momentum


def _sgd(p: ndarray, g: ndarray, s: ndarray, t: ndarray, n: _Numbers, b: Any = None) -> None:
    if n.weight_decay is not None:
        g = np.add(g, np.multiply(p, n.weight_decay, s), s)
    if n.momentum is not None:
        np.multiply(b, n.momentum, b)
        np.add(b, g if n.gain is None else np.multiply(g, n.gain, t), b)
        g = b if n.ahead is None else np.add(g, np.multiply(b, n.ahead, t), s)
    np.subtract(p, np.multiply(g, n.lr, s), p)


SGD.rule = _sgd
