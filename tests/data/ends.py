"""Chance that is known: what transforms do at the ends of their ranges."""

from __future__ import annotations

from typing import Any

import numpy as np


class Ends:
    """A generator whose numbers are the ends of what is asked for."""

    def __init__(self, high: bool) -> None:
        self.high = high

    def uniform(self, low: float, high: float, size: Any) -> Any:
        return np.full(size, high if self.high else low)

    def random(self, size: Any = None, dtype: Any = np.float64) -> Any:
        return np.zeros(size, dtype)

    def integers(self, low: Any, high: Any = None, size: Any = None) -> Any:
        top = np.asarray(low if high is None else high) - 1
        return np.broadcast_to(top if self.high else 0 * top, np.shape(top) if size is None else size)
