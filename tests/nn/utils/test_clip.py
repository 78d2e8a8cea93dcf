"""Clipping gradients, beside PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
    parameters_to_vector,
    vector_to_parameters,
)
from tinygrad_cnn.tensors import Tensor

NORMS = [2.0, 1.0, 3.0, 0.5, math.inf, -math.inf]


def parameters(dtype: Any = np.float64) -> list[Any]:
    rng = np.random.default_rng(0)
    found = [nn.Parameter(np.zeros(shape, dtype)) for shape in ((3, 4), (), (5,))]
    for p in found:
        p.grad = Tensor(np.asarray(rng.normal(size=p.shape), dtype))
    return [*found, nn.Parameter(np.zeros(2, dtype))]  # one without a gradient


def theirs(torch: Any, ours: list[Any]) -> list[Any]:
    result = []
    for p in ours:
        q = torch.nn.Parameter(torch.tensor(p.numpy()))
        q.grad = None if p.grad is None else torch.tensor(p.grad.numpy())
        result.append(q)
    return result


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("limit", [0.1, 100.0])
def test_norm(torch: Any, norm: float, limit: float, dtype: Any) -> None:
    a = parameters(dtype)
    b = theirs(torch, a)
    memory = a[0].grad.numpy()
    x, y = clip_grad_norm_(a, limit, norm), torch.nn.utils.clip_grad_norm_(b, limit, norm)
    assert x.dtype == dtype
    np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-6)
    for p, q in zip(a[:3], b, strict=False):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6)
    assert a[0].grad.numpy() is memory
    assert a[3].grad is None
    if limit == 0.1 and norm > 0:
        assert get_total_norm([p.grad for p in a[:3]], norm).item() == pytest.approx(0.1, rel=1e-4)


def test_value(torch: Any) -> None:
    a = parameters()
    b = theirs(torch, a)
    clip_grad_value_(a, 0.3)
    torch.nn.utils.clip_grad_value_(b, 0.3)
    for p, q in zip(a[:3], b, strict=False):
        np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())


def test_norm_0_counts() -> None:
    assert get_total_norm([Tensor(np.array([0.0, 2.0, 3.0]))], 0).item() == 2


def test_a_norm_that_is_not_finite() -> None:
    a = parameters()
    a[1].grad.numpy()[...] = np.nan
    before = a[0].grad.numpy().copy()
    with pytest.raises(RuntimeError, match=r"norm of order 2 is nan.*detect_anomaly"):
        clip_grad_norm_(a, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(a[0].grad.numpy(), before)
    assert np.isnan(clip_grad_norm_(a, 1.0).item())


def test_large_gradients_do_not_overflow() -> None:
    p = nn.Parameter(np.zeros(200_000, np.float32))
    p.grad = Tensor(np.full(200_000, 1e3, np.float32))
    assert clip_grad_norm_(p, 1.0).item() == pytest.approx(1e3 * math.sqrt(200_000), rel=1e-6)
    assert get_total_norm(p.grad).item() == pytest.approx(1.0, rel=1e-5)


def test_a_gradient_that_may_not_be_written_is_replaced() -> None:
    p = nn.Parameter(np.zeros(4))
    p.grad = Tensor(np.broadcast_to(2.0, 4))
    clip_grad_value_(p, 1.0)
    assert p.grad.numpy().tolist() == [1, 1, 1, 1]


def test_nothing_to_clip() -> None:
    assert clip_grad_norm_([], 1.0).item() == 0
    assert get_total_norm([]).dtype == np.float32
    clip_grads_with_norm_(parameters(), 1.0, 0.5)


def test_errors() -> None:
    with pytest.raises(TypeError, match="clip_grad_norm_: expected Tensors, got ndarray"):
        clip_grad_norm_([np.ones(2)], 1.0)
    with pytest.raises(ValueError, match="clip_value must be at least 0, got -1"):
        clip_grad_value_(parameters(), -1)


NET = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: clip_grad_norm_(NET, 1.0), TypeError, r"clip_grad_norm_: expected parameters, got Linear; pass mod"),
        (lambda: clip_grad_value_(NET, 1.0), TypeError, r"clip_grad_value_: expected parameters, got Linear; pass m"),
        (lambda: parameters_to_vector(NET), TypeError, "parameters_to_vector: expected parameters, got Linear; pass"),
        (lambda: vector_to_parameters(Tensor(np.ones(6)), NET), TypeError, "vector_to_parameters: .* got Linear; pass"),
        (lambda: clip_grad_norm_(None, 1.0), TypeError, "expected a Tensor or an iterable of them, got None"),
        (lambda: clip_grad_norm_(NET.state_dict(), 1.0), TypeError, "an iterable of them, got OrderedDict"),
        (lambda: clip_grad_norm_(NET.named_parameters(), 1.0), TypeError, r"got tuple; pass model.parameters\(\), w"),
        (lambda: parameters_to_vector([1.0]), TypeError, "parameters_to_vector: expected Tensors, got float"),
        (lambda: clip_grad_norm_(parameters(), math.nan), ValueError, "max_norm must be at least 0, got nan"),
        (lambda: clip_grad_norm_(parameters(), -1.0), ValueError, "max_norm must be at least 0, got -1"),
        (lambda: clip_grad_norm_(parameters(), "1"), TypeError, "max_norm must be a number, got str: '1'"),
        (lambda: clip_grad_norm_(parameters(), 1.0, math.nan), ValueError, "norm_type must be at least -inf, got nan"),
        (lambda: clip_grads_with_norm_(parameters(), math.nan, 1.0), ValueError, "clip_grads_with_norm_: max_norm m"),
        (lambda: clip_grad_value_(parameters(), math.nan), ValueError, "clip_value must be at least 0, got nan"),
        (lambda: clip_grad_value_(parameters(), None), TypeError, "clip_value must be a number, got None"),
    ],
)  # fmt: skip
def test_odd_things(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_limit_that_is_refused_changes_nothing() -> None:
    for limit in (math.nan, -1.0):
        a = parameters()
        before = [p.grad.numpy().copy() for p in a[:3]]
        for clip in (clip_grad_norm_, clip_grad_value_):
            with pytest.raises(ValueError, match="at least 0"):
                clip(a, limit)
        for p, g in zip(a, before, strict=False):
            np.testing.assert_array_equal(p.grad.numpy(), g)


def test_generators_tensors_and_infinity(torch: Any) -> None:
    """A generator is walked once; a limit may be a Tensor, or infinite to have the norm alone."""
    a = parameters()
    b = theirs(torch, a)
    x = clip_grad_norm_((p for p in a), Tensor(np.array(0.5)), foreach=True)  # type: ignore[arg-type]
    y = torch.nn.utils.clip_grad_norm_((p for p in b), torch.tensor(0.5))
    np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-6)
    np.testing.assert_allclose(clip_grad_norm_(iter(a), math.inf).item(), 0.5, rtol=1e-4)
    for p, q in zip(a[:3], b, strict=False):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6)


CLIPS = [
    lambda p, limit: clip_grad_norm_(p, limit),
    lambda p, limit: clip_grad_value_(p, limit),
    lambda p, limit: clip_grads_with_norm_(p, limit, get_total_norm([q.grad for q in p])),
]


@pytest.mark.parametrize("clip", CLIPS)
def test_a_gradient_that_a_graph_still_needs_is_missed(clip: Any) -> None:
    """As in a penalty on gradients: the product has kept the gradient, and clipping writes over it."""
    p, w = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
    p.grad = Tensor(np.full(3, 5.0))
    penalty = (p.grad * w).sum()
    clip([p], 0.1)
    with pytest.raises(RuntimeError, match="changed in place"):
        penalty.backward()


@pytest.mark.parametrize("clip", CLIPS)
def test_after_clipping_a_graph_may_be_made(clip: Any) -> None:
    p, w = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
    p.grad = Tensor(np.full(3, 5.0))
    clip([p], 0.1)
    (p.grad * w).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), p.grad.numpy())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("p", [math.inf, -math.inf, 0, 0.5, 1, 2, 3.0])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(1,), (3, 2), (1023, 1), (1024,), (1025, 3), (2048, 2049), (2, 0), (0,)])
def test_norms_beside_numpy(p: float, dtype: Any, sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    arrays = [(rng.normal(size=n) * 0.1).round(2).astype(dtype) for n in sizes]
    whole = np.concatenate(arrays).astype(np.float64)
    expected = np.linalg.norm(whole, p) if whole.size else math.inf if p == -math.inf else 0.0
    total = get_total_norm([tg.tensor(a) for a in arrays], p)
    assert (total.dtype, total.shape) == (dtype, ())
    expected = expected if expected < np.finfo(dtype).max else math.inf
    np.testing.assert_allclose(float(total.item()), expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("limit", "factor"), [(10.0, 1.0), (5.0, 1.0), (2.5, 0.5), (0.0, 0.0)])
def test_gradients_are_made_shorter_and_never_longer(limit: float, factor: float) -> None:
    for value in (limit, np.float32(limit), tg.tensor(limit), int(limit) if limit == int(limit) else limit):
        p, q = (tg.zeros(1, dtype=tg.float64, requires_grad=True) for _ in range(2))
        p.grad, q.grad = tg.tensor([3.0], dtype=tg.float64), tg.tensor([-4.0], dtype=tg.float64)
        assert clip_grad_norm_([p, q], value).item() == 5.0
        np.testing.assert_allclose([p.grad.item(), q.grad.item()], [3 * factor, -4 * factor], rtol=1e-6)
        bound = limit / 2
        clip_grad_value_([p, q], bound)
        assert max(abs(p.grad.item()), abs(q.grad.item())) <= bound
