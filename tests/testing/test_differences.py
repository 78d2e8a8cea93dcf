"""Extrapolated differences are as exact as they say."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tinygrad_cnn.testing.differences import derivative, derivatives, one_sided


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (math.exp, 1.0),
        (lambda t: math.sin(20 * t), 20.0),
        (lambda t: math.log(0.05 + t), 20.0),
        (lambda t: 1e8 + t, 1.0),
        (lambda _t: 3.0, 0.0),
        (lambda t: t**7 - 2 * t, -2.0),
        (lambda t: abs(t + 1e-3), 1.0),
        (lambda t: abs(t - 1e-4), -1.0),
    ],
)
def test_value_and_error(f: Callable[[float], float], expected: float) -> None:
    slope = derivative(f)
    assert slope.value == pytest.approx(expected, rel=1e-8, abs=1e-6 if f(0) > 1e6 else 1e-12)
    assert abs(slope.value - expected) <= max(100 * slope.error, 1e-6 if f(0) > 1e6 else 1e-11)


def test_a_smooth_function_takes_few_evaluations() -> None:
    calls = []

    def f(t: float) -> float:
        calls.append(t)
        return math.exp(t)

    derivative(f)
    assert len(calls) <= 10


def test_noise_shows_in_the_error() -> None:
    noise = iter([0.1, -0.3, 0.2, 0.4, -0.1] * 20)
    assert derivative(lambda t: t + next(noise)).error > 0.1


def test_nan_is_never_settled() -> None:
    assert derivative(lambda _t: math.nan).error == math.inf


def test_one_sided_slopes() -> None:
    assert one_sided(abs, [0.1, 0.01]) == [(0.1, -1.0, 1.0), (0.01, -1.0, 1.0)]


def extrapolated(f: Callable[[float], float], step: float, accuracy: float) -> tuple[float, float]:
    """The same by Lagrange's formula: the polynomial in h**2 through some differences in a row, at 0."""
    found, best = list[list[float]](), (math.nan, math.inf)
    for level in range(14):
        steps = [step / 2**k for k in range(level + 1)]
        slopes = [(f(h) - f(-h)) / (2 * h) for h in steps]
        row = []
        for k in range(level + 1):
            last = range(level - k, level + 1)
            row.append(
                sum(
                    slopes[i] * math.prod(steps[m] ** 2 / (steps[m] ** 2 - steps[i] ** 2) for m in last if m != i)
                    for i in last
                )
            )
        for k in range(1, level + 1):
            error = max(abs(row[k] - row[k - 1]), abs(row[k] - found[-1][k - 1]))
            if error < best[1]:
                best = row[k], error
        if best[1] <= accuracy * abs(best[0]):
            break
        found.append(row)
    return best


@pytest.mark.parametrize("accuracy", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("step", [0.02, 0.3])
@pytest.mark.parametrize(
    "f",
    [
        math.exp,
        lambda t: math.sin(20 * t),
        lambda t: math.atan(9 * t) + t**3,
        lambda t: abs(t + 1e-2) * 3,
        lambda t: (t > 0.011) * 1.0 + 2 * t,
    ],
)
def test_the_best_estimate_is_the_one_whose_neighbours_agree_best(
    f: Callable[[float], float], step: float, accuracy: float
) -> None:
    value, error = extrapolated(f, step, accuracy)
    found = derivative(f, step, accuracy)
    assert found.value == pytest.approx(value, rel=1e-9)
    assert found.error == pytest.approx(error, rel=1e-6, abs=1e-11)


def test_where_differences_do_not_settle_smaller_steps_are_tried() -> None:
    largest = []
    for step in (0.02, 0.7):
        seen: list[float] = []
        for _ in derivatives(lambda t, seen=seen: seen.append(t) or t, step):  # type: ignore[misc]
            largest.append(max(seen))
            seen.clear()
        assert largest == pytest.approx([step, step / 7, step / 49], rel=1e-12)
        largest.clear()
    assert next(derivatives(lambda t: 3 * t)).value == pytest.approx(3.0)


def test_the_accuracy_wanted_says_when_to_stop() -> None:
    counts = []
    for accuracy in (1e-2, 1e-5, 1e-9):
        seen: list[float] = []
        derivative(lambda t, seen=seen: seen.append(t) or math.exp(9 * t), 0.1, accuracy)  # type: ignore[misc]
        counts.append(len(seen))
    assert counts == sorted(set(counts))
    seen = []
    derivative(lambda t: seen.append(t) or math.nan)
    assert len(seen) == 28  # 14 steps, each to both sides
