"""What functions of tensors refuse where no other test asks, and in what words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

X, V, ONE = tg.ones(3, 3), tg.ones(3), tg.tensor(1.0)
la = tg.linalg


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tg.cartesian_prod(), RuntimeError, "at least one tensor"),
        (lambda: tg.broadcast_shapes((2, -1)), RuntimeError, "sizes must be >= 0"),
        (lambda: tg.einsum(X, [0, 99]), ValueError, "99"),
        (lambda: tg.trapezoid(V, ONE), IndexError, "the places x must have at least one dimension"),
        (lambda: tg.gradient(V, spacing=[tg.ones(2)]), RuntimeError, "3 samples along dimension 0"),
        (lambda: la.solve(X, V, left=False), RuntimeError, "left=False takes matrices"),
        (lambda: la.matrix_norm(X.double(), dtype=tg.float32), RuntimeError, "dtype=float32 is narrower"),
        (lambda: la.norm(V, True), RuntimeError, "ord must be a number, got True"),
        (lambda: la.matrix_norm(tg.ones(2, 2, 2), dim=(0, 1, 2)), RuntimeError, "dim must name two dimensions"),
        (lambda: la.matrix_norm(tg.ones(3, 0), ord=-1), RuntimeError, "ord=-1 of matrices without"),
        (lambda: la.vector_norm(V, ord="fro"), RuntimeError, "ord='fro'|ord must be a number"),
        (lambda: la.norm(V, "nuc"), RuntimeError, "ord='nuc' is a norm of matrices"),
        (lambda: tg.unique_consecutive(ONE, dim=0), IndexError, "0-d tensor has no dimension"),
        (lambda: tg.unravel_index(V, (3,)), TypeError, "indices must be integers, got"),
        (lambda: la.lstsq(X, X, driver="fast"), RuntimeError, 'driver must be "gels"'),
        (lambda: la.svd(X, driver="gesvd"), RuntimeError, "driver='gesvd' is for graphics"),
        (lambda: la.svdvals(X, driver="gesvd"), RuntimeError, "driver='gesvd' is for graphics"),
        (lambda: tg.cov(X, aweights=tg.zeros(3)), RuntimeError, "weights add up to 0"),
        (lambda: tg.histogram(V, tg.tensor([0.0, 1.0]), range=(0, 1)), TypeError, "either the edges of the bins"),
        (lambda: la.vander(V, N=1), RuntimeError, "N must be more than 1, got 1"),
        (lambda: tg.vander(X), RuntimeError, r"expected a vector, got shape \(3, 3\)"),
        (lambda: tg.vander(V, N=-1), RuntimeError, "N must be >= 0, got -1"),
        (lambda: tg.fill(V, V), RuntimeError, "takes a number or a 0-d tensor"),
        (lambda: V.clone().fill_(V), RuntimeError, "takes a number or a 0-d tensor"),
        (lambda: V.clone().random_(3, 3), RuntimeError, "the lower end must be below"),
        (lambda: V.H, RuntimeError, r"H is for matrices, got shape \(3,\)"),
        (lambda: V.to(np.complex64), TypeError, "holds real numbers"),
        (lambda: len(ONE), TypeError, "a 0-d tensor has no length"),
        (lambda: iter(ONE), TypeError, "a 0-d tensor cannot be iterated over"),
        (lambda: tg.from_numpy(np.broadcast_to(np.ones(1), (3,))).add_(1), RuntimeError, "read-only"),
    ],
)
def test_it_says_what_came_and_what_was_expected(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_of_nothing_there_is_something_to_say() -> None:
    assert repr(tg.zeros(2, 0, 3)) == "tensor([], shape=(2, 0, 3))"
    assert la.norm(tg.zeros(3, 0), "nuc").item() == 0
    for fill in (tg.nn.init.trunc_normal_, tg.nn.init.orthogonal_):
        assert fill(tg.zeros(0, 3)).shape == (0, 3)


def test_factors_that_nobody_wants_are_zeros_of_their_shapes() -> None:
    """As PyTorch's older ``svd`` has it."""
    u, s, v = tg.svd(2 * tg.eye(5)[:, :3], compute_uv=False)
    assert (u.shape, v.shape) == ((5, 5), (3, 3))
    assert not u.any()
    assert not v.any()
    np.testing.assert_allclose(s.numpy(), 2)
