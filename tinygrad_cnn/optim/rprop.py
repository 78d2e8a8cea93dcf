"""Rprop: step sizes of their own for all entries, from the signs of the gradient alone."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy import ndarray

from .checks import hints, is_number, non_negative
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer, count


class Rprop(Optimizer):
    """Resilient backpropagation (Riedmiller & Braun 1993), for gradients of all data rather than of batches.

    Each entry has a step size s, ``lr`` at first. Where the gradient kept its sign since the last step, s grows by
    ``etas[1]``; where it changed sign, s shrinks by ``etas[0]`` and the entry rests once, its gradient taken as 0
    (Igel & Hüsken 2000: iRprop-). s stays within ``step_sizes``. Then p <- p - s sign(g). ``maximize`` turns the sign
    of g.

    Raises ValueError where ``lr`` is negative, not 0 < etas[0] < 1 < etas[1], or ``step_sizes`` are no two numbers.
    """

    buffers: ClassVar[tuple[str, ...]] = ("prev", "step_size")
    needed: ClassVar[tuple[str, ...]] = ("step", "prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        hyper = {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize}
        flags = hints(capturable=capturable, foreach=foreach, differentiable=differentiable)
        super().__init__(params, {**hyper, **flags})

    def check(self, group: Group) -> None:
        non_negative(group, "lr")
        for name in ("etas", "step_sizes"):
            pair = group[name]
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(map(is_number, pair)):
                raise ValueError(f"{name} must be two numbers, got {pair!r}")
        if not 0 < group["etas"][0] < 1 < group["etas"][1] < np.inf:
            raise ValueError(f"etas must be two numbers with 0 < etas[0] < 1 < etas[1], got {group['etas']!r}")
        if not -np.inf < group["step_sizes"][0] <= group["step_sizes"][1]:
            raise ValueError(f"step_sizes must be the smallest and the largest step, got {group['step_sizes']!r}")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        count(state)
        before, s = buffer(state, "prev", p), buffer(state, "step_size", p, fill=group["lr"])
        blockwise(_rprop, p, g, before, s, group=group)


def _rprop(p: ndarray, g: ndarray, before: ndarray, s: ndarray, *, group: Group) -> None:
    turned = g * before
    shrink, grow = turned < 0, turned > 0
    s[shrink] *= group["etas"][0]
    s[grow] *= group["etas"][1]
    np.clip(s, *group["step_sizes"], out=s)
    before[...] = g
    before[shrink] = 0
    p -= np.sign(before) * s
