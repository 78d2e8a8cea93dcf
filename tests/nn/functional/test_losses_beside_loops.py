"""Losses and normalisations beside loops in NumPy: every reduction, weight and shape, sizes down to one and none."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")
RNG = np.random.default_rng(0)
REDUCTIONS = ["mean", "sum", "none"]
SHAPES = [(4, 3), (1, 3), (3,), (2, 3, 2), (2, 3, 2, 2)]


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape)


def near(y: Any, expected: Any) -> None:
    y = y.detach().numpy() if isinstance(y, tg.Tensor) else np.asarray(y)
    assert y.shape == np.shape(expected)
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)


def rows(x: Any) -> Any:
    """(N, C, ...) or (C,) as (samples, C)."""
    return x.reshape(1, -1) if x.ndim == 1 else np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def logs(x: Any) -> Any:
    return x - np.log(np.exp(x).sum(1, keepdims=True))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("ignored", [None, 0, 2, -1, 7])
@pytest.mark.parametrize("shape", SHAPES)
def test_losses_of_classes(
    shape: tuple[int, ...], ignored: int | None, smoothing: float, weighted: bool, reduction: str
) -> None:
    x, w = normal(*shape), np.array([0.5, 1.0, 3.0]) if weighted else np.ones(3)
    places = shape[:1] + shape[2:] if len(shape) > 1 else ()
    t = np.resize([1, 2, 0, 1], places).astype(int)
    if ignored in (-1, 7):
        t = np.where(t == 2, ignored, t)
    settings: dict[str, Any] = {"weight": w if weighted else None, "reduction": reduction}
    settings |= {} if ignored is None else {"ignore_index": ignored}
    for function, scores in ((F.cross_entropy, logs(rows(x))), (F.nll_loss, rows(x))):
        if function is F.nll_loss and smoothing:
            continue
        losses, total = [], 0.0
        for row, label in zip(scores, t.reshape(-1), strict=True):
            if label == ignored:
                losses.append(0.0)
                continue
            losses.append(-(1 - smoothing) * w[label] * row[label] - smoothing / 3 * (w * row).sum())
            total += w[label]
        expected: Any = np.reshape(losses, places)
        if reduction != "none":
            expected = expected.sum() if reduction == "sum" else expected.sum() / total if total else math.nan
        more = {"label_smoothing": smoothing} if function is F.cross_entropy else {}
        near(function(x, t, **settings, **more), expected)
        near(function(tg.tensor(x), tg.tensor(t.astype(np.int32)), **_tensors(settings), **more), expected)


def _tensors(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: tg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("shape", SHAPES)
def test_losses_of_distributions(shape: tuple[int, ...], smoothing: float, weighted: bool, reduction: str) -> None:
    dim = min(len(shape) - 1, 1)
    x, t = normal(*shape), RNG.random(shape)
    t /= t.sum(dim, keepdims=True)
    w = np.array([0.5, 1.0, 3.0])
    target = rows(t) * (1 - smoothing) + smoothing / 3
    losses = -(logs(rows(x)) * target * (w if weighted else 1)).sum(1).reshape(shape[:dim] + shape[dim + 1 :])
    expected = {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]
    given = {"weight": w if weighted else None, "label_smoothing": smoothing, "reduction": reduction}
    near(F.cross_entropy(x, t, **given), expected)
    with pytest.raises(ValueError, match="ignore_index=0 has no meaning for a target of probabilities"):
        F.cross_entropy(x, t, ignore_index=0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (3,), (1, 3)])
def test_margins_between_classes(shape: tuple[int, ...], weighted: bool, p: int, reduction: str) -> None:
    x, w = normal(*shape), np.array([0.5, 1.0, 3.0])
    t = np.resize([1, 2, 0, 1], shape[:-1]).astype(int)
    losses = []
    for row, label in zip(rows(x), t.reshape(-1), strict=True):
        gaps = [max(0, 0.7 - row[label] + row[i]) ** p for i in range(3) if i != label]
        losses.append(sum(gaps) / 3 * (w[label] if weighted else 1))
    expected = {"mean": np.mean(losses), "sum": sum(losses), "none": np.reshape(losses, shape[:-1])}[reduction]
    near(F.multi_margin_loss(x, t, p, 0.7, w if weighted else None, reduction=reduction), expected)
    for wrong in (0, 3, 1.5):
        with pytest.raises(ValueError, match="p must be 1 or 2, got"):
            F.multi_margin_loss(x, t, wrong)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4,), (2, 3), (1,)])
def test_losses_of_elements(shape: tuple[int, ...], reduction: str) -> None:
    """Each written down once more as its formula."""
    x, t = np.asarray(normal(*shape)), np.asarray(normal(*shape))
    u, v, sign = RNG.uniform(0.1, 0.9, shape), RNG.uniform(0.1, 2.5, shape), np.where(t > 0, 1.0, -1.0)
    bit, d = (t > 0).astype(float), x - t
    stirling = np.where(v > 1, v * np.log(v) - v + 0.5 * np.log(2 * np.pi * v), 0.0)
    each: list[tuple[Any, Any]] = [
        (F.mse_loss(x, t, reduction=reduction), d**2),
        (F.l1_loss(x, t, reduction=reduction), abs(d)),
        (F.smooth_l1_loss(x, t, reduction=reduction, beta=0.6), np.where(abs(d) < 0.6, d**2 / 1.2, abs(d) - 0.3)),
        (F.smooth_l1_loss(x, t, reduction=reduction, beta=0.0), abs(d)),
        (F.huber_loss(x, t, reduction, 0.6), np.where(abs(d) <= 0.6, d**2 / 2, 0.6 * (abs(d) - 0.3))),
        (F.binary_cross_entropy(u, bit, reduction=reduction), -(bit * np.log(u) + (1 - bit) * np.log(1 - u))),
        (F.binary_cross_entropy(u, bit, v, reduction=reduction), -v * (bit * np.log(u) + (1 - bit) * np.log(1 - u))),
        (F.binary_cross_entropy_with_logits(x, u, reduction=reduction), np.log1p(np.exp(x)) - u * x),
        (F.binary_cross_entropy_with_logits(x, u, v, reduction=reduction), v * (np.log1p(np.exp(x)) - u * x)),
        (
            F.binary_cross_entropy_with_logits(x, u, reduction=reduction, pos_weight=v),
            v * u * np.log1p(np.exp(-x)) + (1 - u) * np.log1p(np.exp(x)),
        ),
        (F.kl_div(x, u, reduction=reduction), u * (np.log(u) - x)),
        (F.kl_div(x, t, reduction=reduction, log_target=True), np.exp(t) * (t - x)),
        (F.poisson_nll_loss(x, v, reduction=reduction), np.exp(x) - v * x),
        (F.poisson_nll_loss(u, v, False, reduction=reduction), u - v * np.log(u + 1e-8)),
        (F.poisson_nll_loss(x, v, full=True, reduction=reduction), np.exp(x) - v * x + stirling),
        (F.gaussian_nll_loss(x, t, v, reduction=reduction), 0.5 * (np.log(v) + d**2 / v)),
        (F.gaussian_nll_loss(x, t, 2.0, True, reduction=reduction), 0.5 * (np.log(4 * np.pi) + d**2 / 2)),
        (
            F.gaussian_nll_loss(x, t, v, eps=1.0, reduction=reduction),
            0.5 * (np.log(np.maximum(v, 1)) + d**2 / np.maximum(v, 1)),
        ),
        (F.hinge_loss(x, sign, reduction), np.maximum(0, 1 - sign * x)),
        (F.soft_margin_loss(x, sign, reduction=reduction), np.log1p(np.exp(-sign * x))),
        (F.soft_margin_loss(x, sign.astype(int), reduction=reduction), np.log1p(np.exp(-sign * x))),
        (F.margin_ranking_loss(x, t, sign, 0.3, reduction=reduction), np.maximum(0, -sign * d + 0.3)),
        (F.margin_ranking_loss(x, t, sign, reduction=reduction), np.maximum(0, -sign * d)),
        (F.hinge_embedding_loss(x, sign, 0.7, reduction=reduction), np.where(sign > 0, x, np.maximum(0, 0.7 - x))),
        (F.hinge_embedding_loss(x, 0 * sign, 0.7, reduction=reduction), x + np.maximum(0, 0.7 - x)),
    ]
    for ours, losses in each:
        near(ours, {"mean": np.mean(losses), "sum": np.sum(losses), "none": losses}[reduction])
    if shape and reduction == "sum":
        near(F.kl_div(x, u, reduction="batchmean"), (u * (np.log(u) - x)).sum() / shape[0])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4, 3), (3,), (1, 1)])
def test_losses_of_vectors(shape: tuple[int, ...], reduction: str) -> None:
    a, p, n = normal(*shape), normal(*shape), normal(*shape)
    weight, bits = RNG.random(shape[-1]), (normal(*shape) > 0).astype(float)
    side = np.where(normal(*shape[:-1]) > 0, 1, -1)

    def far(x: Any, y: Any, q: float = 2) -> Any:
        return (abs(x - y + 1e-6) ** q).sum(-1) ** (1 / q)

    def softplus(x: Any) -> Any:
        return np.log1p(np.exp(x))

    cosine = (a * p).sum(-1) / np.sqrt(((a * a).sum(-1) + 1e-12) * ((p * p).sum(-1) + 1e-12))
    soft = bits * softplus(-a) + (1 - bits) * softplus(a)
    swapped = np.minimum(far(a, n, 3), far(p, n, 3))
    each: list[tuple[Any, Any]] = [
        (F.triplet_margin_loss(a, p, n, reduction=reduction), np.maximum(0, far(a, p) - far(a, n) + 1)),
        (
            F.triplet_margin_loss(a, p, n, 0.4, 3, swap=True, reduction=reduction),
            np.maximum(0, far(a, p, 3) - swapped + 0.4),
        ),
        (
            F.triplet_margin_with_distance_loss(
                a, p, n, distance_function=lambda x, y: abs(x - y).sum(-1), reduction=reduction
            ),
            np.maximum(0, abs(a - p).sum(-1) - abs(a - n).sum(-1) + 1),
        ),
        (
            F.cosine_embedding_loss(a, p, side, 0.2, reduction=reduction),
            np.where(side > 0, 1 - cosine, np.maximum(0, cosine - 0.2)),
        ),
        (F.multilabel_soft_margin_loss(a, bits, reduction=reduction), soft.mean(-1)),
        (F.multilabel_soft_margin_loss(a, bits.astype(int), weight, reduction=reduction), (soft * weight).mean(-1)),
    ]
    for ours, losses in each:
        near(ours, {"mean": np.mean(losses), "sum": np.sum(losses), "none": losses}[reduction])


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_margins_of_several_labels(reduction: str) -> None:
    x = normal(5, 3)
    t = np.array([[0, -1, 1], [2, 1, -1], [-1, 0, 1], [0, 1, 2], [1, 1, -1]])
    losses = []
    for row, listed in zip(x, t, strict=True):
        has = list(itertools.takewhile(lambda c: c >= 0, listed))
        losses.append(sum(max(0, 1 - row[j] + row[i]) for j in has for i in range(3) if i not in has) / 3)
    expected = {"mean": np.mean(losses), "sum": sum(losses), "none": np.array(losses)}[reduction]
    near(F.multilabel_margin_loss(x, t, reduction=reduction), expected)
    near(F.multilabel_margin_loss(x[1], t[1], reduction=reduction), losses[1])
    for wrong in (-2, 3):
        with pytest.raises(ValueError, match=rf"classes must be -1 \(the end\) or in \[0, 3\), got {wrong}"):
            F.multilabel_margin_loss(x[0], np.array([0, wrong, -1]))


# ------------------------------------------------------------------------------------------------------- normalisations
@pytest.mark.parametrize("affine", ["", "w", "b", "wb"])
@pytest.mark.parametrize("shape", [(4, 6), (2, 6, 3), (2, 6, 2, 2)])
@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_normalisations(shape: tuple[int, ...], affine: str, eps: float) -> None:
    x, w, b = normal(*shape) * 2 + 1, normal(6), normal(6)
    wide = (-1,) + (1,) * (len(shape) - 2)
    W, B = (w.reshape(wide) if "w" in affine else 1.0), (b.reshape(wide) if "b" in affine else 0.0)
    given = {"weight": w if "w" in affine else None, "bias": b if "b" in affine else None, "eps": eps}

    def by(a: Any, axes: tuple[int, ...]) -> Any:
        return (a - a.mean(axes, keepdims=True)) / np.sqrt(a.var(axes, keepdims=True) + eps)

    batch, pixels = (0, *range(2, len(shape))), tuple(range(2, len(shape)))
    n = x.size // 6
    for momentum in (0.1, 0.25, 1.0):
        mean, var = np.full(6, 0.5), np.full(6, 2.0)
        near(F.batch_norm(x, mean, var, training=True, momentum=momentum, **given), by(x, batch) * W + B)
        near(mean, (1 - momentum) * 0.5 + momentum * x.mean(batch))
        near(var, (1 - momentum) * 2 + momentum * x.var(batch) * n / (n - 1))
    m, v = normal(6), RNG.random(6) + 0.1
    fixed = (x - m.reshape(wide)) / np.sqrt(v.reshape(wide) + eps) * W + B
    near(F.batch_norm(x, m, v, **given), fixed)
    with tg.no_grad():
        tensors = {k: tg.tensor(a) if isinstance(a, np.ndarray) else a for k, a in given.items()}
        near(F.batch_norm(tg.tensor(x), tg.tensor(m), tg.tensor(v), **tensors), fixed)
    if pixels:
        mean, var = np.zeros(6), np.ones(6)
        near(F.instance_norm(x, mean, var, momentum=0.25, **given), by(x, pixels) * W + B)
        k = math.prod(shape[2:])
        near(mean, 0.25 * x.mean(pixels).mean(0))
        near(var, 0.75 + 0.25 * x.var(pixels).mean(0) * k / (k - 1))
        near(F.instance_norm(x, m, v, use_input_stats=False, **given), fixed)
    for groups in (1, 2, 3):
        split = x.reshape(shape[0], groups, -1)
        near(F.group_norm(x, groups, **given), by(split, (2,)).reshape(shape) * W + B)
    last = np.moveaxis(x, 1, -1)
    near(
        F.layer_norm(last, (6,), **given),
        by(last, (last.ndim - 1,)) * (W if affine == "b" else w if "w" in affine else 1) + (b if "b" in affine else 0),
    )
    near(F.layer_norm(x, x.shape[1:], eps=eps), by(x, tuple(range(1, x.ndim))))
    root = last / np.sqrt((last**2).mean(-1, keepdims=True) + eps)
    near(F.rms_norm(last, (6,), w if "w" in affine else None, eps), root * (w if "w" in affine else 1))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_responses_of_neighbouring_channels(size: int) -> None:
    x = normal(2, 5, 3)
    expected = np.zeros_like(x)
    for c in range(5):
        near_by = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        expected[:, c] = x[:, c] / (1.5 + 0.3 / size * (near_by**2).sum(1)) ** 0.6
    near(F.local_response_norm(x, size, 0.3, 0.6, 1.5), expected)


def test_what_cannot_be_normalised() -> None:
    one = np.ones((1, 2))
    for call, words in (
        (lambda: F.batch_norm(one, None, None, training=True), "more than 1 value per channel"),
        (lambda: F.batch_norm(one, None, None), "running_mean and running_var must be given"),
        (lambda: F.batch_norm(one, np.ones(2), None), "running_mean and running_var must be given"),
        (lambda: F.batch_norm(np.ones((2, 2)), None, None, training=True, eps=0), "eps must be above 0 in training"),
        (lambda: F.batch_norm(one, np.ones(2), np.ones(2), eps=-1), "eps must be at least 0, got -1"),
        (lambda: F.instance_norm(np.ones((2, 2, 1))), "more than 1 spatial element"),
        (lambda: F.instance_norm(np.ones((2, 2))), "with pixels"),
        (lambda: F.instance_norm(np.ones((2, 2, 2)), np.ones(2), None, use_input_stats=False), "must be given"),
        (lambda: F.group_norm(one, 2), "more than 1 value per group"),
        (lambda: F.group_norm(one, 0), "num_groups must divide the 2 channels"),
        (lambda: F.group_norm(np.ones((2, 3)), 2), "num_groups must divide the 3 channels"),
        (lambda: F.group_norm(np.ones(3), 1), r"\(N, C, ...\)"),
        (lambda: F.layer_norm(one, (3,)), "must be the last sizes"),
        (lambda: F.layer_norm(one, ()), "must be the last sizes"),
        (lambda: F.layer_norm(np.ones(2), (1, 2)), "must be the last sizes"),
        (lambda: F.rms_norm(one, (3,)), "must be the last sizes"),
        (lambda: F.rms_norm(one, (2,), np.ones(3)), r"weight must have shape \(2,\)"),
        (lambda: F.local_response_norm(one, 1), "at least 3 dimensions"),
        (lambda: F.local_response_norm(np.ones((1, 2, 1)), 0), "size must be an int of at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    near(F.batch_norm(one, np.zeros(2), np.ones(2), eps=0), one)
    near(F.group_norm(np.ones((2, 2)), 2), np.zeros((2, 2)))
    near(F.layer_norm(one, 2), np.zeros((1, 2)))
