"""Extrapolated differences are as exact as they say."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tinygrad_cnn.testing.differences import derivative, one_sided


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
