"""A line search: how far to go so that the strong Wolfe conditions hold (Nocedal & Wright 2006, section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray

ENOUGH = 1e-4  # the loss falls at least by this share of what its slope promises ...
FLAT = 0.9  # ... and the slope is at most this share of what it was
SMALL = 1e-9  # a bracket that changes no parameter by more is as good as a point


class Point(NamedTuple):
    """A step length, the loss and its gradient there, and the slope of the loss along the direction."""

    t: float
    f: float
    g: ndarray
    slope: float


def search(look: Callable[[float], Point], start: Point, t: float, d: ndarray, most: int) -> tuple[Point, int]:
    """The point to go to from ``start`` (t = 0) along d, first tried at t; and how often the loss was looked at.

    At most ``most`` times after the first: then the best end of the bracket has to do.

    First t grows until a bracket is found, in which a good point must lie, or a good point itself; then the bracket is
    made smaller around the best of it.
    """

    def too_high(p: Point) -> bool:
        return p.f > start.f + ENOUGH * p.t * start.slope

    def good(p: Point) -> bool:
        return abs(p.slope) <= -FLAT * start.slope

    before, now, looks = start, look(t), 1
    while looks <= most:
        if too_high(now) or (looks > 2 and now.f >= before.f) or (now.slope >= 0 and not good(now)):
            break
        if good(now):
            return now, looks
        t = minimum_of_cubic(before, now, (now.t + 0.01 * (now.t - before.t), now.t * 10))
        before, now = now, look(t)
        looks += 1
    else:
        before = start
    bracket, stuck, width = [before, now], False, float(np.abs(d).max())
    low = 0 if before.f <= now.f else 1  # which end is the better one
    while looks <= most and abs(bracket[1].t - bracket[0].t) * width >= SMALL:
        left, right = sorted((bracket[0].t, bracket[1].t))
        t = minimum_of_cubic(bracket[0], bracket[1], (left, right))
        margin = 0.1 * (right - left)
        near = min(right - t, t - left) < margin
        if near and stuck:  # close to an end of the bracket again: a step off it
            t = right - margin if right - t < t - left else left + margin
            near = False
        stuck = near
        now = look(t)
        looks += 1
        best, worst = bracket[low], bracket[1 - low]
        if too_high(now) or now.f >= best.f:
            bracket[1 - low] = now
            low = 0 if bracket[0].f <= bracket[1].f else 1
            continue
        if not good(now) and now.slope * (worst.t - best.t) >= 0:
            bracket[1 - low] = best
        bracket[low] = now
        if good(now):
            break
    return bracket[low], looks


def minimum_of_cubic(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through two points with their slopes has its minimum (3.59), kept within bounds.

    The middle of these where it has none.
    """
    if a.t > b.t:
        a, b = b, a
    left, right = bounds
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (left + right) / 2
    d2 = math.sqrt(square)
    bend = b.slope - a.slope + 2 * d2
    if bend == 0:
        return (left + right) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / bend), left), right)
