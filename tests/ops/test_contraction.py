"""What the cases cannot see of `ops.contraction`: error texts, many operands, the work done."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tinygrad_cnn.ops import contraction as c
from tinygrad_cnn.tensors import Tensor


@pytest.mark.parametrize(
    ("equation", "shapes", "says"),
    [
        ("ij,jk->ik", ((2, 3),), "describes 2 inputs, got 1"),
        ("ij,jk->ik", ((2, 3), (4, 5)), "'j' in 'ij,jk->ik' has size 3, but 4 in input 1 of shape (4, 5)"),
        ("ijk->i", ((2, 3),), "does not name the 2 dimensions of input 0, (2, 3)"),
        ("i->i", ((2, 3),), "does not name"),
        ("ij->ik", ((2, 3),), "'k' stands in the output of 'ij->ik' but in no input"),
        ("ij->ii", ((2, 3),), "twice"),
        ("i2->i", ((2, 3),), "got '2'"),
        ("ii->i", ((2, 3),), "has size 2, but 3"),
    ],
)
def test_errors_name_the_equation(equation: str, shapes: tuple[tuple[int, ...], ...], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        c.einsum(equation, *(np.ones(shape) for shape in shapes))


def test_other_errors() -> None:
    with pytest.raises(TypeError, match="equation"):
        c.einsum(np.ones(2), "i")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one"):
        c.einsum("i")
    with pytest.raises(RuntimeError, match="one dtype"):
        c.einsum("i,i", np.ones(2), np.ones(2, np.float32))
    with pytest.raises(RuntimeError, match=r"dimension 1 of the first has size 3, dimension 0 of the second 4"):
        c.tensordot(np.ones((2, 3)), np.ones((4, 5)), 1)
    with pytest.raises(RuntimeError, match="as many"):
        c.tensordot(np.ones((2, 3)), np.ones((4, 5)), ([0], [0, 1]))
    with pytest.raises(RuntimeError, match="differ"):
        c.inner(np.ones((2, 3)), np.ones(2))
    with pytest.raises(RuntimeError, match="matrix"):
        c.trace(np.ones(3))


def test_operands_as_a_list_and_spaces() -> None:
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(c.einsum(" i j -> j i ", [x]), x.T)


def test_a_chain_is_multiplied_from_its_cheap_end() -> None:
    """(k,1)(1,k)(k,1): from the left there are k * k numbers in between; a pair with one result comes first."""
    k = 2000
    x, y, z = np.ones((k, 1)), np.ones((1, k)), np.ones((k, 1))
    todo = [(x, ("a", "b")), (y, ("b", "c")), (z, ("c", "d"))]
    assert c._next_pair(todo, ("a", "d")) == (1, 2)
    assert c.einsum("ab,bc,cd->ad", x, y, z).shape == (k, 1)


def test_ellipsis_broadcasts_on_both_sides() -> None:
    x = Tensor(np.random.default_rng(0).standard_normal((2, 1, 3, 4)), requires_grad=True)
    y = Tensor(np.random.default_rng(1).standard_normal((5, 4, 2)), requires_grad=True)
    z = c.einsum("...ij,...jk->...ik", x, y)
    np.testing.assert_allclose(z.numpy(), x.numpy() @ y.numpy())
    z.sum().backward()
    assert x.grad.shape == x.shape
    assert y.grad.shape == y.shape


def test_float32_stays() -> None:
    x = np.ones((2, 3), np.float32)
    for equation in ("ij,ij->i", "ij,ij->", "ij,kj->ik", "ij,ij->ij"):
        assert np.asarray(c.einsum(equation, x, x)).dtype == np.float32
