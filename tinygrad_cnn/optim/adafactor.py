"""Adafactor: Adam's second moment, of a matrix as one number for each row and each column."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from .checks import finite, hints, is_number, non_negative
from .optimizer import Group, Optimizer, Params, State, buffer, count


class Adafactor(Optimizer):
    """Adafactor (Shazeer & Stern 2018), without momentum; for parameters too large for Adam's two copies.

        w = t^beta2_decay,   rho = min(lr, 1 / sqrt(t)),   alpha = max(eps2, rms(p)) rho
        p <- p - lr weight_decay p
        r <- (1 - w) r + w (mean of g^2 along the last dimension),   c the same along the one before it
        v = r c / mean(r);   of a vector v <- (1 - w) v + w g^2
        u = g / sqrt(max(v, eps1^2)),   p <- p - alpha u / max(1, rms(u) / d)

    ``eps`` = (eps1, eps2), where None for eps1 is the spacing of numbers at 1 in the parameter's dtype; ``d`` bounds an
    update. ``maximize`` turns the sign of g.

    Raises ValueError where ``lr``, ``weight_decay`` or an eps is negative, ``beta2_decay`` positive, ``d`` less than 1.
    """

    buffers: ClassVar[tuple[str, ...]] = ("row_var", "col_var", "variance")
    needed: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        hyper = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay}
        super().__init__(params, {**hyper, **hints(foreach=foreach), "maximize": maximize})

    def check(self, group: Group) -> None:
        non_negative(group, "lr", "weight_decay")
        if finite(group, "beta2_decay") > 0:
            raise ValueError(f"beta2_decay must be <= 0, got {group['beta2_decay']!r}")
        if finite(group, "d") < 1:
            raise ValueError(f"d must be >= 1, got {group['d']!r}")
        eps = group["eps"]
        fits = isinstance(eps, (tuple, list)) and len(eps) == 2 and is_number(eps[1])
        if not fits or not all(e is None or (is_number(e) and 0 <= e < math.inf) for e in eps):
            raise ValueError(f"eps must be (None or a number >= 0, a number >= 0), got {eps!r}")

    def buffer_shape(self, name: str, p: ndarray) -> tuple[int, ...]:
        """Rows and columns are summed up; a vector, or a number, is kept whole."""
        if name == "variance":
            return p.shape
        return (*p.shape[:-1], 1) if name == "row_var" else (*p.shape[:-2], 1, *p.shape[-1:])

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        t = count(state)
        if not p.size:  # nothing to take a mean of
            return
        lr, (eps1, eps2) = group["lr"], group["eps"]
        eps1 = float(np.finfo(p.dtype).eps) if eps1 is None else eps1
        w = float(t) ** group["beta2_decay"]
        alpha = max(eps2, _rms(p)) * min(lr, 1 / math.sqrt(t))
        if group["weight_decay"]:
            p *= 1 - lr * group["weight_decay"]
        if p.ndim > 1:
            row, column = (buffer(state, name, _of(self, name, p)) for name in ("row_var", "col_var"))
            _toward(row, np.square(g).mean(-1, keepdims=True), w)
            _toward(column, np.square(g).mean(-2, keepdims=True), w)
            v = row @ column
            v /= np.maximum(row.mean(-2, keepdims=True), eps1)
        else:
            variance = buffer(state, "variance", p)
            _toward(variance, g * g, w)
            v = variance
        u = g / np.sqrt(np.maximum(v, eps1 * eps1))
        u *= alpha / max(1.0, _rms(u) / group["d"])
        p -= u


def _of(optimizer: Adafactor, name: str, p: ndarray) -> Any:
    return np.empty(optimizer.buffer_shape(name, p), p.dtype)


def _toward(a: ndarray, b: ndarray, w: float) -> None:
    """a <- (1 - w) a + w b, in place; exactly a for w = 0, exactly b for w = 1."""
    if w < 0.5:
        a += w * (b - a)
    else:
        a[...] = b - (1 - w) * (b - a)


def _rms(a: ndarray) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.square(a).mean()))
