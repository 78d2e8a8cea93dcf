"""The line search: what it ends on fulfils the strong Wolfe conditions, and its cubic is the right one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cnn.optim.wolfe import ENOUGH, FLAT, Point, minimum_of_cubic, search

CURVES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {  # a loss along a line, and its slope
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "steep": (lambda t: math.exp(t) - 5 * t, lambda t: math.exp(t) - 5),
    "two valleys": (lambda t: math.cos(3 * t) - 0.5 * t + 0.1 * t * t, lambda t: -3 * math.sin(3 * t) - 0.5 + 0.2 * t),
    "quartic": (lambda t: (t - 1) ** 4 - t, lambda t: 4 * (t - 1) ** 3 - 1),
    "far": (lambda t: math.sqrt(1 + (t - 200) ** 2), lambda t: (t - 200) / math.sqrt(1 + (t - 200) ** 2)),
}


def point(name: str, t: float) -> Point:
    f, slope = CURVES[name]
    return Point(t, f(t), np.array([slope(t)]), slope(t))


@pytest.mark.parametrize("name", CURVES)
@given(first=st.floats(1e-3, 20))
def test_both_conditions_hold_where_it_ends(name: str, first: float) -> None:
    seen: list[float] = []

    def look(t: float) -> Point:
        seen.append(t)
        return point(name, t)

    start = point(name, 0.0)
    end, looks = search(look, start, first, np.array([1.0]), 60)
    assert looks == len(seen)
    assert end.t in seen
    assert end.f <= start.f + ENOUGH * end.t * start.slope
    assert abs(end.slope) <= -FLAT * start.slope


@pytest.mark.parametrize("most", [0, 1, 3])
def test_it_looks_no_more_often_than_it_may(most: int) -> None:
    """And ends on the best it has seen."""
    seen: list[Point] = []

    def look(t: float) -> Point:
        seen.append(point("two valleys", t))
        return seen[-1]

    start = point("two valleys", 0.0)
    end, looks = search(look, start, 15.0, np.array([1.0]), most)
    assert looks == len(seen) <= most + 1
    assert end.f <= min([start.f, *(p.f for p in seen)])


def test_the_zoom_keeps_the_side_on_which_the_loss_falls() -> None:
    """From a bracket whose better end slopes out of it, the other end is thrown away, not kept."""
    f = np.poly1d([1.0, -4.2, 5.0, -2.0, 0.0])  # falls, rises and falls again within 0..2.2
    slope = f.deriv()

    def look(t: float) -> Point:
        return Point(t, float(f(t)), np.array([slope(t)]), float(slope(t)))

    for first in np.linspace(0.1, 4, 40):
        end, looks = search(look, look(0.0), float(first), np.array([1.0]), 25)
        assert abs(end.slope) <= FLAT * 2.0
        assert looks < 15


@given(a=st.floats(0.1, 3), b=st.floats(-3, 3), c=st.floats(-3, 3), left=st.floats(-2, 0), width=st.floats(0.5, 4))
def test_the_minimum_of_a_cubic(a: float, b: float, c: float, left: float, width: float) -> None:
    """Exactly, for a cubic; from either side; within bounds; the middle where there is none."""

    def at(t: float) -> Point:
        return Point(t, a * t**3 + b * t**2 + c * t, np.zeros(1), 3 * a * t**2 + 2 * b * t + c)

    right = left + width
    inside = b * b - 3 * a * c
    bounds = (-100.0, 100.0)
    got = minimum_of_cubic(at(left), at(right), bounds)
    if inside > 1e-3:
        assert got == pytest.approx((-b + math.sqrt(inside)) / (3 * a), rel=1e-5, abs=1e-6)
        assert got == minimum_of_cubic(at(right), at(left), bounds)
    elif inside < -1e-3:
        assert got == 0.0
    assert left <= minimum_of_cubic(at(left), at(right), (left, right)) <= right


@pytest.mark.parametrize("bounds", [(1.0, 4.0), (-100.0, 50.0), (0.0, 0.5)])
def test_where_a_cubic_has_no_minimum_the_middle_of_the_bounds_stands(bounds: tuple[float, float]) -> None:
    def at(f: float, slope: float, t: float) -> Point:
        return Point(t, f, np.zeros(1), slope)

    middle = (bounds[0] + bounds[1]) / 2
    assert minimum_of_cubic(at(0.0, -2.0, 0.0), at(-2.0, -2.0, 1.0), bounds) == middle  # a straight line
    assert minimum_of_cubic(at(0.0, 1.0, 0.0), at(1.5, 2.0, 1.0), bounds) != middle  # a parabola, whose bend is known
    assert minimum_of_cubic(at(0.0, 1.0, 0.0), at(2.0, 4.0, 1.0), bounds) == middle  # t + t ** 3 rises everywhere
    assert minimum_of_cubic(at(0.0, 1.0, 0.0), at(math.nan, 1.0, 1.0), bounds) == middle
