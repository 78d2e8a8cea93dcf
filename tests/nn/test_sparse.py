"""Embeddings: padding, gradients of repeated rows, beside PyTorch's, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import autograd, nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor


@pytest.mark.parametrize("padding", [None, 0, 2, -1])
def test_like_pytorch(torch: Any, padding: int | None) -> None:
    ours, theirs = nn.Embedding(5, 3, padding).double(), torch.nn.Embedding(5, 3, padding).double()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert (ours.weight.numpy() == 0).all(1).tolist() == (theirs.weight == 0).all(1).tolist()
    ours.load_state_dict({"weight": theirs.weight.detach().numpy()})
    i = np.array([[0, 4, 4], [2, 0, 1]])
    y, t = ours(Tensor(i)), theirs(torch.tensor(i))
    np.testing.assert_array_equal(y.numpy(), t.detach().numpy())
    (y * y).sum().backward()
    (t * t).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy())


def test_the_padding_row_has_no_second_derivative_either() -> None:
    w = Tensor(np.arange(6.0).reshape(3, 2) + 1, requires_grad=True)
    y = F.embedding(Tensor(np.array([0, 1, 1])), w, padding_idx=0)
    (g,) = autograd.grad((y * y * y).sum(), [w], create_graph=True)
    np.testing.assert_array_equal(g.numpy(), [[0, 0], [2 * 3 * 9, 2 * 3 * 16], [0, 0]])
    (h,) = autograd.grad((g * g).sum(), [w])
    # g = 2 * 3 w^2 in row 1, so d(g^2)/dw = 2 g * 12 w
    np.testing.assert_array_equal(h.numpy(), [[0, 0], [2 * 54 * 12 * 3, 2 * 96 * 12 * 4], [0, 0]])


def test_the_gradient_of_the_padding_row_moves_with_nothing() -> None:
    w, c = Tensor(np.ones((3, 2)), requires_grad=True), Tensor(np.ones((3, 2)), requires_grad=True)
    y = F.embedding(Tensor(np.array([0, 1, 1])), w, padding_idx=0)
    (g,) = autograd.grad((y * c).sum(), [w], create_graph=True)
    (h,) = autograd.grad((g * Tensor(np.arange(6.0).reshape(3, 2) + 1)).sum(), [c])
    np.testing.assert_array_equal(h.numpy(), [[0, 0], [3, 4], [3, 4]])


def test_pretrained_rows_are_frozen_unless_asked() -> None:
    table = Tensor(np.ones((3, 2), np.float32))
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad
    layer = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=-1)
    assert layer.weight.requires_grad
    assert layer.padding_idx == 2
    assert layer.weight.numpy().all()


def test_rows_start_normal_and_the_padding_row_zero() -> None:
    layer = nn.Embedding(400, 50, padding_idx=7)
    assert not layer.weight.numpy()[7].any()
    others = np.delete(layer.weight.numpy(), 7, 0)
    assert abs(others.mean()) < 0.04
    assert abs(others.std() - 1) < 0.03
    assert others.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.embedding(np.array([0, 5]), np.ones((5, 2))), IndexError, "index 5 at position 1 .*expected 0 to 4"),
        (lambda: F.embedding(np.array([[0], [-1]]), np.ones((5, 2))), IndexError, r"index -1 at position \(1, 0\)"),
        (lambda: F.embedding(np.array(9), np.ones((5, 2))), IndexError, "index 9 is out of range"),
        (lambda: F.embedding(np.ones(2), np.ones((5, 2))), TypeError, r"must hold integers, got dtype float64.*\.long"),
        (lambda: F.embedding(np.array([0]), np.ones(5)), ValueError, r"\(rows, features\), got \(5,\)"),
        (lambda: F.embedding(np.array([0]), np.ones((5, 2)), 5), ValueError, "padding_idx 5 is no row"),
        (lambda: nn.Embedding(5, 2, padding_idx=-6), ValueError, "padding_idx -6 is not among the 5 rows"),
        (lambda: nn.Embedding(5, 2, _weight=Tensor(np.ones((2, 5)))), ValueError, r"shape \(2, 5\) does not fit"),
        (lambda: nn.Embedding.from_pretrained(Tensor(np.ones(3))), ValueError, r"\(rows, features\), got \(3,\)"),
    ],
)
def test_messages(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
