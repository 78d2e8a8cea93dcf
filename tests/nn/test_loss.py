"""What the cases cannot see of the losses: messages, means of nothing, far ends, the old spelling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor

SAME_SHAPE = [
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "kl_div",
    "soft_margin_loss",
    "hinge_loss",
    "hinge_embedding_loss",
    "poisson_nll_loss",
]


@pytest.mark.parametrize("name", SAME_SHAPE)
def test_shapes_that_would_broadcast_are_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: input of shape \(4, 1\) and target of shape \(4,\).*squeeze"):
        getattr(F, name)(np.full((4, 1), 0.5), np.full(4, 0.5))


@pytest.mark.parametrize("name", [n for n in SAME_SHAPE if n != "hinge_embedding_loss"])
def test_dtypes_that_differ_are_an_error(name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name}: .* got float32 and float64; convert the target"):
        getattr(F, name)(np.full(4, 0.5, np.float32), np.full(4, 0.5))


@pytest.mark.parametrize("name", [n for n in SAME_SHAPE if "hinge" not in n and n != "soft_margin_loss"])
def test_targets_of_integers_are_an_error(name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name}: target must be floating point, got dtype int64"):
        getattr(F, name)(np.full(4, 0.5), np.ones(4, int))


@pytest.mark.parametrize("name", ["soft_margin_loss", "hinge_loss", "hinge_embedding_loss"])
def test_but_not_where_they_are_signs(name: str) -> None:
    x, signs = np.array([0.3, -2.0, 1.5], np.float32), np.array([1, -1, -1])
    y = getattr(F, name)(Tensor(x), Tensor(signs))
    assert y.dtype == np.float32
    assert y.item() == getattr(F, name)(Tensor(x), Tensor(signs.astype(np.float32))).item()


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss"])
@pytest.mark.parametrize("bad", [-1, 3, 10**12])
def test_a_class_out_of_range_is_named_with_its_position(name: str, bad: int) -> None:
    x = Tensor(np.zeros((4, 3)), requires_grad=True)
    target = np.array([0, 2, bad, bad])
    with pytest.raises(
        IndexError, match=rf"class index {bad} at position 2 .*2 such.*3 classes, so indices are 0 to 2"
    ):
        getattr(F, name)(x, Tensor(target))
    assert target.tolist() == [0, 2, bad, bad]
    assert x.grad is None


def test_a_class_out_of_range_in_an_image() -> None:
    target = np.zeros((2, 4, 4), int)
    target[1, 2, 3] = 7
    with pytest.raises(IndexError, match=r"class index 7 at position \(1, 2, 3\)"):
        F.cross_entropy(np.zeros((2, 3, 4, 4)), target)
    with pytest.raises(IndexError, match="class index 7 of target"):
        F.cross_entropy(np.zeros(3), np.array(7))


@pytest.mark.parametrize(
    ("x", "target", "kwargs", "error", "message"),
    [
        (
            np.zeros((4, 3)),
            np.zeros(4),
            {},
            TypeError,
            r"class indices must be integers, got dtype float64.*\.long\(\)",
        ),
        (np.zeros((4, 3)), np.zeros((4, 3), int), {}, ValueError, r"indices of shape \(4,\).*got shape \(4, 3\)"),
        (np.zeros((4, 3, 2)), np.zeros(4, int), {}, ValueError, r"indices of shape \(4, 2\)"),
        (np.zeros((4, 3), int), np.zeros(4, int), {}, TypeError, "input must be floating point"),
        (np.zeros(()), np.zeros((), int), {}, ValueError, "single number"),
        (np.zeros((4, 0)), np.full(4, -100), {}, ValueError, r"input of shape \(4, 0\) has no classes"),
        (np.zeros((4, 3)), np.zeros(4, int), {"label_smoothing": 1.5}, ValueError, "between 0 and 1, got 1.5"),
        (np.zeros((4, 3)), np.zeros(4, int), {"reduction": "avg"}, ValueError, "'none', 'mean', 'sum', got 'avg'"),
        (np.zeros((4, 3)), np.zeros(4, int), {"weight": np.ones(2)}, ValueError, r"weight must have shape \(3,\)"),
        (np.zeros((4, 3)), np.zeros(4, int), {"weight": np.ones(3, "f")}, TypeError, "weight must have the dtype"),
        (np.zeros((4, 3)), np.zeros(4, int), {"ignore_index": 0.5}, TypeError, "ignore_index must be an int"),
        (np.zeros((4, 3)), np.zeros((4, 3)), {"ignore_index": 1}, ValueError, "ignore_index=1 has no meaning"),
        (np.zeros((4, 3)), np.zeros((4, 3), "f"), {}, TypeError, "got float64 and float32"),
    ],
)
def test_cross_entropy_messages(x: Any, target: Any, kwargs: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"cross_entropy: .*{message}"):
        F.cross_entropy(x, target, **kwargs)


def test_a_class_weight_that_requires_grad_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"weight has no gradient here; pass weight.detach\(\)"):
        F.nll_loss(np.zeros((2, 3)), np.zeros(2, int), Tensor(np.ones(3), requires_grad=True))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: F.binary_cross_entropy(x * 3, x), RuntimeError, r"input must be probabilities.*got 1.5 at \(0,\)"),
        (lambda x: F.binary_cross_entropy(x, x * np.nan), RuntimeError, r"target must be probabilities.*got nan"),
        (lambda x: F.binary_cross_entropy(x, x, np.ones(3)), ValueError, r"shape \(3,\) does not broadcast"),
        (lambda x: F.smooth_l1_loss(x, x, beta=-1.0), ValueError, "beta must be at least 0, got -1.0"),
        (lambda x: F.huber_loss(x, x, delta=0.0), ValueError, "delta must be greater than 0, got 0.0"),
        (
            lambda x: F.mse_loss(x, x, weight=np.ones(3)),
            ValueError,
            r"input of shape \(2,\) and weight of shape \(3,\)",
        ),
        (lambda x: F.gaussian_nll_loss(x, x, -x), ValueError, "negative entry, -0.5"),
        (lambda x: F.gaussian_nll_loss(x, x, np.ones(3)), ValueError, r"var of shape \(3,\) does not fit"),
        (lambda x: F.gaussian_nll_loss(x, x, x, eps=0.0), ValueError, "eps must be greater than 0"),
        (lambda x: F.multi_margin_loss(x[None], np.zeros(1, int), 3), ValueError, "p must be 1 or 2, got 3"),
        (lambda x: F.multi_margin_loss(x[None, None], np.zeros(1, int)), ValueError, r"\(N, C\) or \(C,\)"),
        (lambda _: nn.MultiMarginLoss(p=0), ValueError, "p must be 1 or 2, got 0"),
        (lambda _: nn.KLDivLoss(reduction="none!"), ValueError, "'none', 'mean', 'batchmean', 'sum', got 'none!'"),
        (lambda _: nn.MSELoss(reduction="batchmean"), ValueError, "got 'batchmean'"),
    ],
)
def test_messages(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(np.full(2, 0.5))


@pytest.mark.filterwarnings("ignore:.*every target of this batch:tinygrad_cnn.GuardRailWarning")
def test_the_mean_of_nothing_is_nan_and_moves_nothing() -> None:
    with np.errstate(all="raise"):
        assert np.isnan(F.mse_loss(np.zeros((0, 3)), np.zeros((0, 3))))
        assert np.isnan(F.cross_entropy(np.zeros((0, 3)), np.zeros(0, int)))
        for f in (F.cross_entropy, F.nll_loss):
            x = Tensor(np.full((2, 3), -np.log(3)), requires_grad=True)
            y = f(x, Tensor(np.full(2, -100)))
            assert np.isnan(y.item())
            y.backward()
            assert not x.grad.numpy().any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_ends(dtype: Any) -> None:
    """No overflow, no 0 where the loss is only small, exact gradients."""
    with np.errstate(all="raise", under="ignore"):
        x = Tensor(np.array([[0, 1000.0], [1000.0, 0]], dtype), requires_grad=True)
        y = F.cross_entropy(x, np.array([0, 0]), reduction="none")
        np.testing.assert_array_equal(y.numpy(), [1000, 0])
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [[-1, 1], [0, 0]])
        z = Tensor(np.array([-1000.0, 1000.0], dtype), requires_grad=True)
        y = F.binary_cross_entropy_with_logits(z, Tensor(np.array([1, 0], dtype)), reduction="none")
        np.testing.assert_array_equal(y.numpy(), [1000, 1000])
        y.sum().backward()
        np.testing.assert_array_equal(z.grad.numpy(), [-1, 1])
        p = Tensor(np.array([0.0, 1.0], dtype), requires_grad=True)
        y = F.binary_cross_entropy(p, Tensor(np.array([1, 0], dtype)), reduction="none")
        np.testing.assert_array_equal(y.numpy(), [100, 100])
        y.sum().backward()
        assert np.isfinite(p.grad.numpy()).all()
        np.testing.assert_array_equal(F.kl_div(np.zeros(2, dtype), np.array([0, 1], dtype), reduction="none"), [0, 0])


def test_excluded_scores() -> None:
    """A score of -inf leaves a class out."""
    x = Tensor(np.array([[0.0, 0.0, -np.inf]]), requires_grad=True)
    y = F.cross_entropy(x, np.array([1]))
    y.backward()
    assert y.item() == pytest.approx(np.log(2))
    np.testing.assert_allclose(x.grad.numpy(), [[0.5, -0.5, 0.0]])


def test_the_old_spelling_warns() -> None:
    x, t = np.array([3.0, 1.0]), np.zeros(2)
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.l1_loss(x, t, False) == 4
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.l1_loss(x, t, reduce=False).tolist() == [3, 1]
    with pytest.warns(UserWarning, match="reduction='mean'"):
        assert nn.L1Loss(size_average=True)(Tensor(x), Tensor(t)).item() == 2


def test_weights_are_buffers() -> None:
    loss = nn.CrossEntropyLoss(Tensor(np.ones(3, np.float32)))
    assert list(loss.state_dict()) == ["weight"]
    assert not list(loss.parameters())


def test_the_gradient_of_images_keeps_their_memory_order() -> None:
    """softmax(x) - onehot(t) by its definition, on scores whose memory is batch-last."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 5, 6, 3)).transpose(3, 0, 1, 2)  # (N, C, H, W) in the order (C, H, W, N)
    t = rng.integers(0, 4, (3, 5, 6))
    x = Tensor(a, requires_grad=True)
    F.cross_entropy(x, t, reduction="sum").backward()
    p = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    onehot = np.moveaxis(np.eye(4)[t], -1, 1)
    np.testing.assert_allclose(x.grad.numpy(), p - onehot, rtol=1e-12, atol=1e-15)
    assert x.grad.numpy().transpose(1, 2, 3, 0).flags.c_contiguous


@pytest.mark.parametrize("kind", ["i1", "u1", "<i4", "<i8", "<u8", ">i8"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("ignored", [-100, 1])
def test_the_usual_cross_entropy_gives_the_bits_of_any_other(kind: str, dtype: Any, ignored: int) -> None:
    """Tensors go a shorter way than arrays, and than a mean that is written out."""
    rng = np.random.default_rng(3)
    a, t = rng.normal(size=(7, 4)).astype(dtype), rng.integers(0, 4, 7).astype(kind)
    a[2, 1] = -np.inf
    x, y = Tensor(a, requires_grad=True), Tensor(a, requires_grad=True)
    loss = F.cross_entropy(x, Tensor(t), ignore_index=ignored)
    assert loss.numpy().tobytes() == np.asarray(F.cross_entropy(a, t, ignore_index=ignored)).tobytes()
    loss.backward()
    F.cross_entropy(y, t, ignore_index=ignored).backward()
    assert x.grad.numpy().tobytes() == y.grad.numpy().tobytes()


@pytest.mark.parametrize(("kind", "bad"), [("i1", -1), ("i8", -1), ("i8", 3), ("u1", 255), ("u8", 3), (">i4", -2)])
def test_class_indices_of_all_dtypes_are_looked_at(kind: str, bad: int) -> None:
    t = np.array([0, 2, bad], kind)
    with pytest.raises(IndexError, match=f"class index {bad} at position 2"):
        F.cross_entropy(Tensor(np.zeros((3, 3))), Tensor(t))
