"""What the cases cannot see of `ops.linalg`: error texts, memory that BLAS cannot read, what is copied."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tinygrad_cnn.ops import linalg as a
from tinygrad_cnn.tensors import Tensor


@pytest.mark.parametrize(
    ("call", "shapes", "says"),
    [
        (a.matmul, ((2, 3), (4, 5)), "(2, 3) and (4, 5) do not fit: the last dimension of the first (3)"),
        (a.matmul, ((3,), (4,)), "must equal the length of the second (4)"),
        (a.matmul, ((2, 3, 4), (3, 4, 5)), "do not broadcast: 2 and 3 in dimension -3"),
        (a.matmul, ((), (2,)), "at least one dimension"),
        (a.mm, ((2, 3), (3,)), "2 and 2 dimensions, got shapes (2, 3) and (3,)"),
        (a.mv, ((2, 3), (2,)), "(3) must equal the length of the second (2)"),
        (a.bmm, ((2, 3, 4), (3, 4, 5)), "batches of 2 and 3"),
        (a.dot, ((2,), (3,)), "(2,) and (3,)"),
        (a.outer, ((2, 1), (3,)), "two vectors"),
        (a.addmm, ((5, 5), (2, 3), (3, 4)), "(5, 5) does not broadcast to the product's, (2, 4)"),
        (a.addmm, ((1, 2, 4), (2, 3), (3, 4)), "(1, 2, 4) does not broadcast"),
        (a.cross, ((2,), (2,)), "must have size 3"),
        (a.cross, ((1, 3), (3,)), "number of dimensions"),
    ],
)
def test_errors_name_the_shapes(call: object, shapes: tuple[tuple[int, ...], ...], says: str) -> None:
    assert callable(call)
    with pytest.raises((RuntimeError, ValueError), match=re.escape(says)):
        call(*(Tensor(np.ones(shape)) for shape in shapes))


def test_dtypes_must_agree() -> None:
    with pytest.raises(RuntimeError, match=r"float32 and float64; convert one"):
        a.matmul(np.ones((2, 2), np.float32), Tensor(np.ones((2, 2))))
    with pytest.raises(TypeError, match="int"):
        a.matmul(np.ones((2, 2)), 3)


@pytest.mark.parametrize(
    "view", [lambda x: x[::2, ::2], lambda x: x.T[::2, 1::2], lambda x: np.broadcast_to(x[0, 0], (4, 4))]
)
def test_memory_that_blas_cannot_read(view: object) -> None:
    assert callable(view)
    x = view(np.random.default_rng(0).standard_normal((8, 8)))
    y = np.random.default_rng(1).standard_normal((x.shape[1], 3))
    np.testing.assert_allclose(a.matmul(x, y), np.ascontiguousarray(x) @ y, rtol=1e-12)


def test_what_blas_reads_is_not_copied() -> None:
    x = np.ones((3, 4))
    assert a._for_blas(x) is x
    assert a._for_blas(x.T).base is x
    assert a._for_blas(np.ones((4, 4))[:, ::2][::2]).flags.c_contiguous


def test_one_weight_for_a_batch_gets_one_gradient() -> None:
    x = Tensor(np.random.default_rng(0).standard_normal((5, 2, 3)))
    w = Tensor(np.ones((3, 4)), requires_grad=True)
    a.matmul(x, w).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), np.repeat(x.numpy().sum((0, 1))[:, None], 4, 1))


def test_beta_0_leaves_the_input_out() -> None:
    y = a.addmm(Tensor(np.full((2, 2), np.nan)), Tensor(np.eye(2)), Tensor(np.eye(2)), beta=0)
    np.testing.assert_array_equal(y.numpy(), np.eye(2))


def test_integers_multiply() -> None:
    x = Tensor(np.arange(4).reshape(2, 2))
    assert (x @ x).dtype == np.int64
    assert (x @ x).numpy().tolist() == [[2, 3], [6, 11]]


def test_cross_takes_the_first_dimension_of_size_3() -> None:
    x, y = np.eye(3)[:2], np.eye(3)[1:]
    p, q = np.stack([x.T, y.T], 1), np.stack([y.T, x.T], 1)
    np.testing.assert_array_equal(a.cross(p, q), np.cross(p, q, axis=0))
