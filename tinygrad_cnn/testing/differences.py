"""Derivatives by differences, with an estimate of their own error."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

SHRINK = 2.0
LEVELS = 14


class Slope(NamedTuple):
    """A derivative and the estimated error of it."""

    value: float
    error: float


def derivative(f: Callable[[float], float], step: float = 0.02, accuracy: float = 1e-9) -> Slope:
    """f'(0) by central differences, extrapolated to step 0 (Richardson 1911; stopping as Ridders 1982).

    The step shrinks by half from level to level; each level removes one more power of step**2 from the error of those
    before. Of all estimates the one is taken whose neighbours agree best, and that disagreement is its error. So a
    smooth function needs 6 to 10 evaluations for ten digits, and one with a kink within reach settles at steps below
    it.

    Args:
        f: a function of a number.
        step: the largest step.
        accuracy: an error of that, relative to the derivative, is good enough to stop.

    >>> round(derivative(lambda t: math.exp(3 * t)).value, 9)
    3.0
    """
    best = Slope(math.nan, math.inf)
    previous: list[float] = []
    for level in range(LEVELS):
        h = step / SHRINK**level
        row = [(f(h) - f(-h)) / (2 * h)]
        factor = 1.0
        for k, before in enumerate(previous):
            factor *= SHRINK**2
            row.append(row[k] + (row[k] - before) / (factor - 1))
            error = max(abs(row[-1] - row[k]), abs(row[-1] - before))
            if error < best.error:
                best = Slope(row[-1], error)
        if best.error <= accuracy * abs(best.value):
            break
        previous = row
    return best


def derivatives(f: Callable[[float], float], step: float = 0.02, accuracy: float = 1e-9) -> Iterator[Slope]:
    """f'(0) from smaller and smaller largest steps, where an estimate disagrees with what one expects.

    Kinks and jumps within reach can make differences agree with each other by chance; they do so at one step and not at
    another. A wrong derivative agrees with none.
    """
    for k in range(3):
        yield derivative(f, step / 7**k, accuracy)


def one_sided(f: Callable[[float], float], steps: Iterable[float]) -> list[tuple[float, float, float]]:
    """For each step: the step, and the slopes of f at 0 from the left and from the right."""
    middle = f(0.0)
    return [(h, (middle - f(-h)) / h, (f(h) - middle) / h) for h in steps]
