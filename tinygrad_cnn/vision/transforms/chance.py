"""What the random transforms draw, from the generator that ``tg.manual_seed`` sets."""

from __future__ import annotations

from ...arrays.rng import resolve
from ...data import transforms


def probability(p: float, who: str) -> float:
    """``p`` as it is, checked to lie in [0, 1]."""
    transforms.probability(p, who)
    return p


def happens(p: float) -> bool:
    """True with probability ``p``."""
    return bool(resolve(None).random() < p)


def uniform(low: float, high: float) -> float:
    """A number spread evenly from ``low`` to ``high``."""
    return float(resolve(None).uniform(low, high))


def whole(low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, both included."""
    return int(resolve(None).integers(low, high + 1))


def order(n: int) -> list[int]:
    """0 to n - 1 in a random order."""
    return [int(i) for i in resolve(None).permutation(n)]
