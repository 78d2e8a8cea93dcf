"""What the cases cannot see of linear algebra: error texts, singular matrices, third derivatives, and what has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.testing import gradcheck

la = tg.linalg


def leaf(x: Any) -> Tensor:
    return Tensor(np.array(x, np.float64), requires_grad=True)


def recorded(x: Tensor) -> Tensor:
    """x, or a leaf with its values: gradcheck asks for values without a gradient, too."""
    return x if x.requires_grad else leaf(x.numpy())


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
GOOD = np.array([[2.0, 1.0], [1.0, 3.0]])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: la.inv(SINGULAR), "inv: the matrix is singular"),
        (lambda: la.inv(np.stack([GOOD, SINGULAR])), "singular, it has no inverse, at 1 of the batch (2,)"),
        (lambda: la.inv(np.stack([GOOD, SINGULAR])[None]), "at (0, 1) of the batch (1, 2)"),
        (lambda: la.solve(SINGULAR, np.ones(2)), "the solution is not unique"),
        (lambda: la.cholesky(-GOOD), "not positive-definite"),
        (lambda: la.matrix_power(SINGULAR, -1), "singular"),
        (lambda: la.svd(np.full((2, 2), np.nan)), "NaN or infinity"),
        (lambda: la.inv(np.ones((2, 3))), "square matrices, (..., n, n), got shape (2, 3)"),
        (lambda: la.inv(np.ones(3)), "a matrix or a batch of them, (..., n, m), got shape (3,)"),
        (lambda: la.det(np.ones((2, 2), np.int64)), "needs float32 or float64, got int64; convert it with .float()"),
        (lambda: la.solve(GOOD, np.ones(2, np.float32)), "one dtype, got float64 and float32"),
        (lambda: la.solve(GOOD, np.ones((3, 1))), "shape (2, 2) and a right side of shape (3, 1) do not fit"),
        (lambda: la.qr(GOOD, "economic"), 'mode must be "reduced", "complete" or "r"'),
        (lambda: la.eigh(GOOD, "X"), 'UPLO must be "L" or "U"'),
        (lambda: la.matrix_norm(GOOD, 3), 'ord must be "fro", "nuc", 1, -1, 2, -2, inf or -inf, got 3'),
        (lambda: la.norm(np.ones((2, 2, 2)), 2), "for a vector or a matrix"),
        (lambda: la.vector_norm(GOOD, dtype=np.int64), "dtype must be floating"),
        (lambda: la.multi_dot([GOOD]), "at least 2 matrices, got 1"),
        (lambda: la.multi_dot([GOOD, np.ones((3, 3))]), "do not fit"),
        (lambda: la.lstsq(GOOD, np.ones((3, 1))), "do not fit: their rows must agree"),
        (lambda: la.tensorinv(np.ones((2, 3)), 3), "ind must lie between 1"),
        (lambda: la.tensorinv(np.ones((2, 3)), 1), "make 2 rows, the others 3 columns"),
        (lambda: tg.norm(GOOD, "nuc"), 'for "nuc" take linalg.matrix_norm'),
    ],
)
def test_errors_say_what_and_where(call: Callable[[], object], says: str) -> None:
    with pytest.raises((RuntimeError, TypeError, ValueError), match=re.escape(says)):
        call()


def test_the_error_is_one_of_pytorchs_kind() -> None:
    assert issubclass(la.LinAlgError, RuntimeError)
    with pytest.raises(la.LinAlgError):
        la.inv(SINGULAR)
    with pytest.raises(la.LinAlgError):
        la.slogdet(leaf(SINGULAR)).logabsdet.backward()


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_the_determinant_has_its_derivatives_at_every_rank(rank: int) -> None:
    rng = np.random.default_rng(rank)
    x = rng.standard_normal((4, rank)) @ rng.standard_normal((rank, 4))
    gradcheck(la.det, leaf(x), atol=1e-12)  # where the slope is 0, rounding is left

    @tg.enable_grad()
    def slope(a: Any) -> Any:
        a = recorded(a)
        (g,) = tg.grad([la.det(a)], [a], create_graph=True)
        return g

    gradcheck(slope, leaf(x), atol=1e-12)


def test_third_derivatives() -> None:
    rng = np.random.default_rng(0)
    w = Tensor(rng.standard_normal((3, 3)))

    @tg.enable_grad()
    def second(f: Callable[[Any], Any], a: Any, differentiable: bool = True) -> Any:
        a = recorded(a)
        (g,) = tg.grad([f(a)], [a], create_graph=True)
        (h,) = tg.grad([(g * w).sum()], [a], create_graph=differentiable)
        return h

    x = rng.standard_normal((3, 3)) + 2 * np.eye(3)
    for f in (
        la.det,
        lambda a: la.inv(a).sum(),
        lambda a: la.cholesky(a @ a.mT + 1.0).sum(),
        lambda a: la.qr(a).R.square().sum() + la.qr(a).Q[0, 0].square(),
        lambda a: la.svdvals(a)[0],
        lambda a: la.eigh(a + a.mT).eigenvectors[0].square()[0],
        lambda a: la.pinv(a[:, :2])[0, 1],
    ):
        gradcheck(lambda a, f=f: second(f, a), leaf(x))
        np.testing.assert_allclose(second(f, leaf(x)).numpy(), second(f, leaf(x), False).numpy(), atol=1e-10)


def test_singular_values_have_gradients_where_they_are_equal_or_0() -> None:
    x = leaf([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    la.matrix_norm(x, "nuc").backward()
    np.testing.assert_allclose(x.grad.numpy(), [[1, 0], [0, 1], [0, 0]], atol=1e-12)
    y = leaf(np.zeros((3, 2)))
    la.svdvals(y).sum().backward()
    assert np.isfinite(y.grad.numpy()).all()
    z = leaf(np.eye(3))
    la.eigvalsh(z).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("hermitian", [False, True])
def test_what_counts_as_singular_is_the_matrix_and_not_the_batch(hermitian: bool) -> None:
    nearly = np.diag([1.0, 1e-14])  # 45 times float64's epsilon
    many = np.broadcast_to(nearly, (1000, 2, 2))
    assert la.pinv(many, hermitian=hermitian)[0, 1, 1].item() == pytest.approx(1e14)
    assert int(la.matrix_rank(many, hermitian=hermitian).min()) == int(la.matrix_rank(nearly)) == 2


def test_a_cholesky_factor_is_the_lower_one_unless_it_is_said() -> None:
    a = np.array([[4.0, 2.0], [2.0, 5.0]])
    lower, b = np.linalg.cholesky(a), np.array([[1.0], [3.0]])
    np.testing.assert_allclose(la.cholesky(a), lower)
    for function, right in ((tg.cholesky_solve, np.linalg.solve(a, b)), (tg.cholesky_inverse, np.linalg.inv(a))):
        given_ = (b,) if function is tg.cholesky_solve else ()
        np.testing.assert_allclose(function(*map(tg.tensor, (*given_, lower))).numpy(), right)
        np.testing.assert_allclose(function(*map(tg.tensor, (*given_, lower.T)), upper=True).numpy(), right)


def test_vectors_that_may_turn_freely_have_no_gradient() -> None:
    x = leaf(np.random.default_rng(0).standard_normal((3, 2)))
    u, s, vh = la.svd(x)
    (u[:, :2].sum() + s.sum() + vh.sum()).backward()
    assert x.grad is not None
    with pytest.raises(RuntimeError, match="beyond the first"):
        la.svd(x).U.sum().backward()
    with pytest.raises(RuntimeError, match="no gradient"):
        la.qr(x, "complete").R.sum().backward()
    with pytest.raises(RuntimeError, match="no gradient"):
        la.qr(x, "r").R.sum().backward()


def test_a_triangle_is_all_that_is_read() -> None:
    half = np.array([[4.0, 99.0], [2.0, 5.0]])
    np.testing.assert_array_equal(la.cholesky(half), [[2, 0], [1, 2]])
    np.testing.assert_array_equal(la.cholesky(half.T, upper=True), [[2, 1], [0, 2]])
    np.testing.assert_allclose(la.eigvalsh(half), np.linalg.eigvalsh([[4, 2], [2, 5]]))
    np.testing.assert_allclose(la.eigvalsh(half.T, "U"), np.linalg.eigvalsh([[4, 2], [2, 5]]))
    for call in (la.cholesky, lambda x: la.eigvalsh(x)[0]):
        x = leaf([[4.0, 2.0], [2.0, 5.0]])
        call(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), x.grad.numpy().T, err_msg="the gradient is symmetric")


def test_ranks_and_what_hangs_on_them() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 3))
    assert int(la.matrix_rank(x)) == 2
    assert int(la.matrix_rank(np.eye(3) * [1, 1e-3, 1e-9], atol=1e-6)) == 2
    assert int(la.matrix_rank(np.eye(3) * [1, 1e-3, 1e-9], rtol=1e-2)) == 1
    p = la.pinv(x)
    np.testing.assert_allclose(x @ p @ x, x, atol=1e-12)
    np.testing.assert_allclose(p @ x @ p, p, atol=1e-12)
    b = rng.standard_normal((4, 1))
    found = la.lstsq(x, b, driver="gelsd")
    np.testing.assert_allclose(found.solution, np.linalg.lstsq(x, b, rcond=None)[0], atol=1e-12)
    assert int(found.rank) == 2
    assert found.residuals.shape == (0,)
    tall = la.lstsq(x[:, :2], b, driver="gels")
    np.testing.assert_allclose(tall.residuals, np.linalg.lstsq(x[:, :2], b, rcond=None)[1], rtol=1e-10)
    assert np.isinf(la.cond(SINGULAR * [1, 0], 1))


def test_the_chain_is_multiplied_in_the_cheapest_order(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_cnn.ops import matrix_powers

    shapes = []
    product = matrix_powers._product
    monkeypatch.setattr(
        matrix_powers, "_product", lambda name, a, b: shapes.append((a.shape, b.shape)) or product(name, a, b)
    )
    la.multi_dot([np.ones((10, 100)), np.ones((100, 5)), np.ones((5, 50))])
    assert shapes == [((10, 100), (100, 5)), ((10, 5), (5, 50))]
    shapes.clear()
    la.multi_dot([np.ones((50, 5)), np.ones((5, 100)), np.ones((100, 10))])
    assert shapes == [((5, 100), (100, 10)), ((50, 5), (5, 10))]


def test_the_exponential_of_large_and_small_matrices() -> None:
    x = np.array([[0.0, -30.0], [30.0, 0.0]])
    np.testing.assert_allclose(
        la.matrix_exp(x), [[np.cos(30), -np.sin(30)], [np.sin(30), np.cos(30)]], rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(la.matrix_exp(np.diag([-700.0, 1e-20])), np.diag([np.exp(-700), 1.0]), rtol=1e-9)


def test_results_have_pytorchs_names() -> None:
    x = Tensor(GOOD)
    assert la.svd(x)._fields == ("U", "S", "Vh")
    assert tg.svd(x)._fields == ("U", "S", "V")
    assert la.qr(x)._fields == ("Q", "R")
    assert la.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert la.slogdet(x)._fields == ("sign", "logabsdet")
    assert la.lstsq(x, x)._fields == ("solution", "residuals", "rank", "singular_values")
    assert tg.frexp(x)._fields == ("mantissa", "exponent")
    assert tg.histogram(x, 3)._fields == ("hist", "bin_edges")
