"""Lion: the sign of an interpolated momentum."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy import ndarray

from .checks import non_negative, unit_pair
from .optimizer import Group, Optimizer, Params, State, blockwise, buffer


class Lion(Optimizer):
    """Lion (Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2); not in PyTorch.

        c <- beta1 m + (1 - beta1) g
        p <- p - lr (sign(c) + weight_decay p)
        m <- beta2 m + (1 - beta2) g

    Every entry moves by lr, whatever its gradient: use a learning rate 3 to 10 times smaller than Adam's, and a weight
    decay as much larger. An entry whose gradient is 0 or NaN has the sign 0. ``maximize`` turns the sign of g.

    Raises ValueError where ``lr`` or ``weight_decay`` is negative or a beta is outside [0, 1).
    """

    buffers: ClassVar[tuple[str, ...]] = ("exp_avg",)
    needed: ClassVar[tuple[str, ...]] = ("exp_avg",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "weight_decay")
        unit_pair(group, "betas")

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        m = buffer(state, "exp_avg", p)
        blockwise(_lion, p, g, m, group=group)


def _lion(p: ndarray, g: ndarray, m: ndarray, *, group: Group) -> None:
    lr, (beta1, beta2), weight_decay = group["lr"], group["betas"], group["weight_decay"]
    c = beta1 * m
    c += (1 - beta1) * g
    step = np.subtract(c > 0, c < 0, dtype=c.dtype)  # the sign; np.sign branches on each entry, 10 times slower
    if weight_decay:
        step += weight_decay * p
    step *= lr
    p -= step
    m *= beta2
    m += (1 - beta2) * g
