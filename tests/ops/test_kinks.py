"""Where two formulas meet: values and slopes at kinks, ties and thresholds, and arrays large enough for another way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F

INF, NAN = math.inf, math.nan
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772  # of SELU

KINKS: list[tuple[Callable[[Any], Any], list[float], list[float], list[float]]] = [  # x, values, slopes
    (tg.relu, [-1, 0, 2], [0, 0, 2], [0, 0, 1]),
    (F.relu6, [0, 3, 6, 7], [0, 3, 6, 6], [0, 1, 0, 0]),
    (tg.abs, [-2, 0, 3], [2, 0, 3], [-1, 0, 1]),
    (tg.sign, [-2, 0, 3, NAN], [-1, 0, 1, 0], [0, 0, 0, 0]),
    (lambda x: F.leaky_relu(x, 0.25), [-4, 0, 2, INF], [-1, 0, 2, INF], [0.25, 0.25, 1, 1]),
    (lambda x: F.leaky_relu(x, 2), [-1, 0, 2, INF], [-2, 0, 2, INF], [2, 2, 1, 1]),
    (lambda x: F.leaky_relu(x, 1), [-1, 0, 2], [-1, 0, 2], [1, 1, 1]),
    (lambda x: F.leaky_relu(x, 0), [-1, 0, 2, INF], [0, 0, 2, INF], [0, 0, 1, 1]),
    (lambda x: F.leaky_relu(x, -1), [-1, 0, 2], [1, 0, 2], [-1, -1, 1]),
    (lambda x: F.prelu(x, tg.tensor([0.25], dtype=x.dtype)), [-4, 0, 2], [-1, 0, 2], [0.25, 0.25, 1]),
    (lambda x: F.hardtanh(x, -1, 2), [-2, -1, 0, 2, 3], [-1, -1, 0, 2, 2], [0, 0, 1, 0, 0]),
    (lambda x: F.threshold(x, 1, 20), [0, 1, 1.5], [20, 20, 1.5], [0, 0, 1]),
    (lambda x: F.softshrink(x, 0.5), [-1, -0.5, 0, 0.5, 2], [-0.5, 0, 0, 0, 1.5], [1, 0, 0, 0, 1]),
    (lambda x: F.hardshrink(x, 0.5), [-1, -0.5, 0, 0.5, 2], [-1, 0, 0, 0, 2], [1, 0, 0, 0, 1]),
    (lambda x: F.elu(x, 2), [0, 1], [0, 1], [2, 1]),
    (lambda x: F.celu(x, 2), [0, 1], [0, 1], [1, 1]),
    (F.selu, [0, 1], [0, SCALE], [SCALE * ALPHA, SCALE]),
    (F.softsign, [-1, 0, 1], [-0.5, 0, 0.5], [0.25, 1, 0.25]),
    (F.hardsigmoid, [-4, -3, 0, 3, 4], [0, 0, 0.5, 1, 1], [0, 0, 1 / 6, 0, 0]),
    (F.hardswish, [-4, -3, 0, 3, 4], [0, 0, 0, 3, 4], [0, 0, 0.5, 1, 1]),
    (F.gelu, [0, INF], [0, INF], [0.5, NAN]),
    (lambda x: F.gelu(x, approximate="tanh"), [0, 40], [0, 40], [0.5, 1]),
    (F.logsigmoid, [0, 1000, -1000], [-math.log(2), 0, -1000], [0.5, 0, 1]),
    (F.silu, [0, 1000, -1000], [0, 1000, 0], [0.5, 1, 0]),
    (F.mish, [0, 1000, -1000], [0, 1000, 0], [math.tanh(math.log(2)), 1, 0]),
    (F.softplus, [0, 1000, -1000], [math.log(2), 1000, 0], [0.5, 1, 0]),
    (lambda x: tg.clamp(x, -1, 2), [-2, -1, 0, 2, 3], [-1, -1, 0, 2, 2], [0, 1, 1, 1, 0]),
    (lambda x: tg.clamp(x, min=1), [0, 1, 2], [1, 1, 2], [0, 1, 1]),
    (lambda x: tg.clamp(x, max=1), [0, 1, 2], [0, 1, 1], [1, 1, 0]),
    (lambda x: tg.maximum(x, tg.ones_like(x)), [0, 1, 2], [1, 1, 2], [0, 0.5, 1]),
    (lambda x: tg.maximum(tg.ones_like(x), x), [0, 1, 2], [1, 1, 2], [0, 0.5, 1]),
    (lambda x: tg.minimum(x, tg.ones_like(x)), [0, 1, 2], [0, 1, 1], [1, 0.5, 0]),
    (lambda x: tg.minimum(tg.ones_like(x), x), [0, 1, 2], [0, 1, 1], [1, 0.5, 0]),
    (lambda x: tg.fmax(x, tg.ones_like(x)), [0, 1, 2, NAN], [1, 1, 2, 1], [0, 1, 1, 0]),
    (lambda x: tg.fmax(tg.ones_like(x), x), [0, 1, 2, NAN], [1, 1, 2, 1], [0, 0, 1, 0]),
    (lambda x: tg.fmin(x, tg.ones_like(x)), [0, 1, 2, NAN], [0, 1, 1, 1], [1, 1, 0, 0]),
    (lambda x: tg.fmin(tg.ones_like(x), x), [0, 1, 2, NAN], [0, 1, 1, 1], [1, 0, 0, 0]),
    (lambda x: tg.heaviside(x, tg.full_like(x, 7)), [-1, 0, 2], [0, 7, 1], [0, 0, 0]),
    (lambda x: tg.copysign(x, -tg.ones_like(x)), [-2, 0, 3], [-2, 0, -3], [1, 0, -1]),
    (tg.nan_to_num, [NAN, INF, -INF, 2], [0, np.finfo(float).max, np.finfo(float).min, 2], [0, 0, 0, 1]),
    (lambda x: tg.atan2(x, tg.zeros_like(x)), [-1, 0, 1], [-math.pi / 2, 0, math.pi / 2], [0, 0, 0]),
    (lambda x: tg.atan2(tg.zeros_like(x), x), [-1, 0, 1], [math.pi, 0, 0], [0, 0, 0]),
    (lambda x: tg.where(x > 0, x * 2, x * 3), [-1, 0, 2], [-3, 0, 4], [3, 3, 2]),
    (tg.frac, [-1.5, 0, 1.25], [-0.5, 0, 0.25], [1, 1, 1]),
    (tg.sinc, [0, 0.5], [1, 2 / math.pi], [0, -4 / math.pi]),
    (lambda x: F.huber_loss(x, 0 * x.detach(), reduction="none", delta=2),
     [-3, -2, 0, 2, 3], [4, 2, 0, 2, 4], [-2, -2, 0, 2, 2]),
    (lambda x: F.smooth_l1_loss(x, 0 * x.detach(), reduction="none"), [-1, 0, 1, 2], [0.5, 0, 0.5, 1.5], [-1, 0, 1, 1]),
    (tg.square, [-1, 0, 2], [1, 0, 4], [-2, 0, 4]),
    (lambda x: x**0, [-1, 0, 2], [1, 1, 1], [0, 0, 0]),
    (lambda x: x**1, [-1, 0, 2], [-1, 0, 2], [1, 1, 1]),
    (lambda x: x**3, [-1, 0, 2], [-1, 0, 8], [3, 0, 12]),
    (lambda x: 0.0**x, [0, 1, 2], [1, 0, 0], [0, 0, 0]),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("function", "xs", "values", "slopes"), KINKS)
def test_values_and_slopes_where_formulas_meet(
    function: Callable[[Any], Any], xs: list[float], values: list[float], slopes: list[float]
) -> None:
    x: Any = tg.tensor(np.array(xs, float), requires_grad=True)
    y = function(x)
    np.testing.assert_allclose(y.numpy(), values, rtol=1e-12, atol=1e-300)
    if y.requires_grad:
        y.sum().backward()
        known = ~np.isnan(slopes)
        np.testing.assert_allclose(x.grad.numpy()[known], np.array(slopes)[known], rtol=1e-12, atol=1e-300)
    else:
        assert not any(slopes)


@pytest.mark.parametrize(
    ("function", "slopes"),
    [
        (tg.amax, [[0, 0.5, 0.5], [0, 0, 0]]),
        (tg.amin, [[0.5, 0, 0], [0, 0, 0.5]]),
        (tg.max, [[0, 0.5, 0.5], [0, 0, 0]]),
        (tg.min, [[0.5, 0, 0], [0, 0, 0.5]]),
        (lambda x: tg.amax(x, 1).sum(), [[0, 0.5, 0.5], [0.5, 0.5, 0]]),
        (lambda x: tg.max(x, 1).values.sum(), [[0, 1, 0], [1, 0, 0]]),
        (lambda x: tg.min(x, 0).values.sum(), [[1, 0, 0], [0, 1, 1]]),
        (lambda x: tg.median(x, 1).values.sum(), [[0, 1, 0], [1, 0, 0]]),
        (lambda x: tg.norm(x, INF), [[0, 0.5, 0.5], [0, 0, 0]]),
        (lambda x: tg.cummax(x, 1).values.sum(), [[1, 1, 1], [1, 2, 0]]),
        (lambda x: tg.cummin(x, 1).values.sum(), [[3, 0, 0], [1, 1, 1]]),
        (lambda x: tg.topk(x, 1).values.sum(), [[0, 1, 0], [1, 0, 0]]),
        (lambda x: tg.mode(x, 1).values.sum(), [[0, 0, 1], [0, 1, 0]]),
    ],
)
def test_who_has_the_slope_of_a_tie(function: Callable[[Any], Any], slopes: Any) -> None:
    x: Any = tg.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 1.0]], requires_grad=True)
    function(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), slopes)


@pytest.mark.parametrize("function", [tg.relu, F.relu6, tg.abs, tg.tanh, tg.sigmoid, F.gelu, F.silu, F.hardswish])
@pytest.mark.parametrize("size", [4095, 4096, (1 << 17) - 1, 1 << 17, 3 << 17])
def test_a_large_array_is_treated_as_its_parts(function: Callable[[Any], Any], size: int) -> None:
    rng = np.random.default_rng(size)
    numbers, g = np.round(rng.normal(size=size), 1).astype(np.float32), rng.normal(size=size).astype(np.float32)
    x: Any = tg.tensor(numbers, requires_grad=True)
    y = function(x)
    y.backward(tg.tensor(g))
    step = 3000
    for at in (0, size // 2, size - step):
        part: Any = tg.tensor(numbers[at : at + step], requires_grad=True)
        z = function(part)
        z.backward(tg.tensor(g[at : at + step]))
        np.testing.assert_allclose(y.numpy()[at : at + step], z.numpy(), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(x.grad.numpy()[at : at + step], part.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
def test_the_gate_of_a_large_image_is_open_above_0_alone(transposed: bool) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(-1, 2, (4, 8, 64, 80)).astype(np.float32) / 2
    image = numbers.transpose(2, 3, 0, 1).copy().transpose(2, 3, 0, 1) if transposed else numbers
    x: Any = tg.tensor(image, requires_grad=True)
    g = tg.tensor(rng.normal(size=x.shape).astype(np.float32))
    tg.relu(x).backward(g)
    np.testing.assert_array_equal(x.grad.numpy(), g.numpy() * (numbers > 0))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("k", [1, 2, 3, 8, 12, 13])
def test_the_best_few_of_many_are_the_first_in_order(k: int, dim: int, largest: bool) -> None:
    x = np.random.default_rng(k).permutation(20_000).reshape(200, 100)
    values, indices = tg.topk(tg.tensor(x), k, dim, largest)
    ordered = np.sort(x, dim)
    expected = (np.flip(ordered, dim) if largest else ordered).take(range(k), dim)
    np.testing.assert_array_equal(values.numpy(), expected)
    np.testing.assert_array_equal(np.take_along_axis(x, indices.numpy(), dim), expected)
