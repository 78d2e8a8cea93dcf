"""Creation functions: dtypes, sharing, sizes, what PyTorch gives, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.tensors import creation as c


# ----------------------------------------------------------------------------------------------------------- from data
@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, np.float32),
        (1, np.int64),
        (True, np.bool_),
        ([], np.float32),
        ([1, 2.5], np.float32),
        ([[1], [2]], np.int64),
        ([True, False], np.bool_),
        ((1, 2), np.int64),
        (np.float64(1.5), np.float64),
        ([np.float64(1.5)], np.float64),
        (np.arange(3, dtype=np.int16), np.int16),
        (np.ones(2), np.float64),
        ([np.ones(2)], np.float64),
        (Tensor(np.ones(2)), np.float64),
        ([Tensor(np.ones(2, np.float32)), Tensor(np.ones(2, np.float32))], np.float32),
    ],
)
def test_dtype_of_data(data: Any, dtype: Any, torch: Any) -> None:
    for f in (c.tensor, c.as_tensor, c.asarray):
        x = f(data)
        assert x.dtype == dtype
        np.testing.assert_array_equal(x.numpy(), np.asarray(data))
    if not isinstance(data, Tensor) and not (
        isinstance(data, list) and data and isinstance(data[0], (Tensor, np.ndarray))
    ):
        assert np.dtype(dtype) == torch.tensor(data).numpy().dtype


def test_tensor_copies_and_as_tensor_shares() -> None:
    a = np.zeros(3)
    copied, shared, wrapped, maybe = c.tensor(a), c.as_tensor(a), c.from_numpy(a), c.asarray(a)
    a[0] = 1
    assert copied.numpy()[0] == 0
    assert shared.numpy()[0] == wrapped.numpy()[0] == maybe.numpy()[0] == 1
    assert c.asarray(a, copy=True).numpy() is not a
    assert not np.shares_memory(c.asarray(a, copy=True).numpy(), a)
    x = Tensor(a, requires_grad=True)
    assert c.as_tensor(x) is x
    assert c.as_tensor(x, np.float32).requires_grad
    assert not c.tensor(x).requires_grad
    with pytest.raises(ValueError, match="without a copy"):
        c.asarray([1, 2], copy=False)
    with pytest.raises(ValueError, match="without a copy"):
        c.asarray(a, dtype=np.float32, copy=False)


def test_unusual_arrays() -> None:
    big = np.arange(3, dtype=">f4")
    assert c.tensor(big).dtype == np.float32
    assert c.tensor(big).dtype.isnative
    frozen = np.ones(2)
    frozen.flags.writeable = False
    assert c.tensor(frozen).numpy().flags.writeable
    turned = np.ones((2, 3)).T
    assert c.tensor(turned).numpy().strides == turned.strides


@pytest.mark.parametrize("data", ["text", [None], 1j, [[1, 2], [3]], object()])
def test_what_is_no_data(data: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        c.tensor(data)


def test_from_numpy_takes_arrays_alone() -> None:
    with pytest.raises(TypeError, match="list"):
        c.from_numpy([1.0])  # type: ignore[arg-type]


def test_requires_grad() -> None:
    assert c.tensor([1.0], requires_grad=True).requires_grad
    assert c.zeros(2, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="floating"):
        c.tensor([1], requires_grad=True)


# ------------------------------------------------------------------------------------------------------ of one value
@pytest.mark.parametrize("f", [c.zeros, c.ones, c.empty])
def test_sizes(f: Any) -> None:
    assert f(2, 3).shape == f((2, 3)).shape == f([2, 3]).shape == (2, 3)
    assert f().shape == f(()).shape == ()
    assert f(0, 2).shape == (0, 2)
    assert f(2).dtype == np.float32
    assert f(2, dtype=np.int64).dtype == np.int64
    assert f(2, dtype=">f8").dtype.isnative
    assert f(np.int64(3)).shape == (3,)
    with pytest.raises(ValueError, match="negative"):
        f(-1)
    with pytest.raises(TypeError):
        f(1.5)
    with pytest.raises(TypeError, match="complex"):
        f(2, dtype=complex)
    with pytest.raises(RuntimeError, match="cuda"):
        f(2, device="cuda")
    assert f(2, device="cpu").shape == (2,)


def test_values() -> None:
    assert c.zeros(2).numpy().tolist() == [0, 0]
    assert c.ones(2).numpy().tolist() == [1, 1]
    assert c.full((2,), 7).dtype == np.int64
    assert c.full((2,), True).dtype == np.bool_
    assert c.full([1, 2], 0.5).numpy().tolist() == [[0.5, 0.5]]
    assert c.full((), Tensor(np.array(3.0))).item() == 3
    assert c.eye(2, 3).numpy().tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("f", [c.zeros_like, c.ones_like, c.empty_like, lambda x, **k: c.full_like(x, 2, **k)])
def test_like(f: Any) -> None:
    x = Tensor(np.ones((2, 3), np.float64).T)
    assert f(x).shape == (3, 2)
    assert f(x).dtype == np.float64
    assert f(x).numpy().strides == x.numpy().strides
    assert f(x, dtype=np.int64).dtype == np.int64
    assert f(x, requires_grad=True).requires_grad
    assert f(x.numpy()).shape == (3, 2)
    with pytest.raises(TypeError, match="list"):
        f([1, 2])


# ------------------------------------------------------------------------------------------------------------ in steps
@pytest.mark.parametrize(
    "arguments",
    [
        (5,),
        (2, 7),
        (0, 10, 3),
        (5, 0, -2),
        (0,),
        (3, 3),
        (1.5,),
        (0, 1, 0.25),
        (1.0, 2.05, 0.1),
        (0.5, -1, -0.5),
        (-3, 3.5),
    ],
)
def test_arange(arguments: tuple[Any, ...], torch: Any) -> None:
    ours, theirs = c.arange(*arguments), torch.arange(*arguments).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("arguments", [(0, 5, 0), (5, 0), (0, 5, -1), (0, float("inf"))])
def test_arange_that_leads_nowhere(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="arange"):
        c.arange(*arguments)


@pytest.mark.parametrize("arguments", [(0, 1, 5), (3, -2, 4), (1, 1, 3), (0, 1, 1), (0, 1, 0)])
def test_linspace_and_logspace(arguments: tuple[Any, ...], torch: Any) -> None:
    np.testing.assert_allclose(c.linspace(*arguments).numpy(), torch.linspace(*arguments).numpy(), rtol=1e-6)
    np.testing.assert_allclose(c.logspace(*arguments).numpy(), torch.logspace(*arguments).numpy(), rtol=1e-5)
    twos = c.logspace(*arguments, base=2, dtype=np.float64)
    np.testing.assert_allclose(twos.numpy(), torch.logspace(*arguments, base=2, dtype=torch.float64).numpy())


@pytest.mark.parametrize("arguments", [(3, 3), (2, 4), (4, 2, 1), (3, 3, -1), (0, 2), (2, 2, 5)])
def test_triangles(arguments: tuple[int, ...], torch: Any) -> None:
    for name in ("tril_indices", "triu_indices"):
        ours, theirs = getattr(c, name)(*arguments), getattr(torch, name)(*arguments).numpy()
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs)
