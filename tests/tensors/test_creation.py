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


# ------------------------------------------------------------------------------------------------------------ in steps
@pytest.mark.parametrize("dtype", [None, np.float64, np.float16, np.int64, np.uint8, np.int8])
def test_whole_steps_beside_a_range(dtype: Any) -> None:
    """Whole numbers, with points or without, up or down, to an end that is met or passed."""
    for start in (0, 3):
        for step in (1, 2, 3):
            for end in range(start, start + 8):
                expected = list(range(start, end, step))
                for points in (int, float):
                    x = c.arange(points(start), points(end), points(step), dtype=dtype)
                    assert x.numpy().tolist() == expected
                    assert x.dtype == (dtype or (np.int64 if points is int else np.float32))
                if dtype is not np.uint8:
                    assert c.arange(-start, -end, -step, dtype=dtype).numpy().tolist() == [-n for n in expected]


@pytest.mark.parametrize("step", [0.5, 0.25, -0.5])
def test_steps_of_a_fraction(step: float) -> None:
    for n in range(6):
        expected = [1.5 + k * step for k in range(n)]
        for end in (1.5 + n * step, 1.5 + (n - 0.5) * step):
            if n or end == 1.5:
                x = c.arange(1.5, end, step, dtype=np.float64)
                assert x.numpy().tolist() == expected
                assert c.arange(1.5, end, step).dtype == np.float32


def test_steps_of_more_than_a_float_can_tell_apart() -> None:
    assert c.arange(0, 2**60 + 1, 2**58).numpy().tolist() == [k * 2**58 for k in range(5)]
    assert c.arange(2**62, 2**62 + 3).numpy().tolist() == [2**62, 2**62 + 1, 2**62 + 2]
    assert c.arange(2**63, 2**63 + 4096, 2048, dtype=np.float64).numpy().tolist() == [2.0**63, 2.0**63 + 2048]


@pytest.mark.parametrize(
    ("arguments", "dtype", "words"),
    [
        ((2.5,), np.int64, "arange.*: 2.5 is no number of dtype int64"),
        ((0.5, 3), np.int64, "0.5 is no number"),
        ((0, 2, 0.5), np.int32, "0.5 is no number"),
        ((300,), np.uint8, "299 is no number of dtype uint8"),
        ((0, 2**62), np.int8, "is no number of dtype int8"),  # before any of them is made
        ((-1, 3), np.uint8, "-1 is no number"),
        ((0, 5, 0), None, "cannot go from 0 to 5 in steps of 0"),
        ((1, 0.5, 0.25), None, "cannot go from 1.0 to 0.5 in steps of 0.25"),
        ((0, float("inf")), None, "must be finite, got 0.0, inf, 1.0"),
        ((0, float("nan")), None, "must be finite"),
        ((float("-inf"), 0), None, "must be finite"),
    ],
)
def test_steps_that_cannot_be_had(arguments: tuple[Any, ...], dtype: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        c.arange(*arguments, dtype=dtype)


def test_the_size_of_full_is_a_tuple() -> None:
    for size in ((2, 3), [2, 3], np.array([2, 3]), Tensor(np.ones((2, 3))).shape):
        assert c.full(size, 2).numpy().tolist() == [[2] * 3] * 2
    assert c.full((), 1.5).shape == ()
    assert c.full([4], True).dtype == np.bool_
    for size in (3, np.int64(3)):
        with pytest.raises(TypeError, match=r"full: size must be a tuple or a list, such as \(3,\), got"):
            c.full(size, 1.0)


@pytest.mark.parametrize("k", [-3, -1, 0, 1, 2, 5])
def test_triangles_beside_numpy(k: int) -> None:
    for row, col in ((3, 3), (2, 4), (4, 1), (0, 2)):
        assert c.tril_indices(row, col, k).numpy().tolist() == [i.tolist() for i in np.tril_indices(row, k, col)]
        assert c.triu_indices(row, col, k).numpy().tolist() == [i.tolist() for i in np.triu_indices(row, k, col)]


FACTORIES: list[Any] = [
    *(lambda **k: c.zeros(2, **k), lambda **k: c.ones(2, **k), lambda **k: c.empty(2, **k)),
    *(lambda **k: c.full((2,), 1.0, **k), lambda **k: c.eye(2, **k), lambda **k: c.arange(2.0, **k)),
    *(lambda **k: c.linspace(0, 1, 2, **k), lambda **k: c.logspace(0, 1, 2, **k), lambda **k: c.tensor([1.0, 2], **k)),
    *(lambda **k: c.zeros_like(Tensor(np.ones(2, "f")), **k), lambda **k: c.ones_like(Tensor(np.ones(2, "f")), **k)),
    *(lambda **k: c.empty_like(Tensor(np.ones(2, "f")), **k), lambda **k: c.full_like(Tensor(np.ones(2, "f")), 2, **k)),
    lambda **k: c.asarray([1.0, 2.0], **k),
]


@pytest.mark.parametrize("make", FACTORIES)
def test_what_all_factories_take(make: Any) -> None:
    plain = make()
    assert isinstance(plain, Tensor)
    assert (plain.dtype, plain.requires_grad, plain.is_leaf) == (np.float32, False, True)
    assert make(requires_grad=True).requires_grad
    assert make(dtype=np.float64, device="cpu").dtype == np.float64
    with pytest.raises((RuntimeError, ValueError), match=r"CPU|cuda"):
        make(device="cuda")
    with pytest.raises(TypeError, match="real numbers"):
        make(dtype=np.complex128)


def test_a_tensor_of_any_kind_is_a_tensor_already() -> None:
    for given in (Tensor(np.ones(2)), Tensor(np.arange(2)), Tensor(np.array([True]))):
        assert c.as_tensor(given) is c.as_tensor(given, given.dtype, "cpu") is given
        assert not given.requires_grad
        assert c.as_tensor(given, np.float32).dtype == np.float32
        with pytest.raises(RuntimeError, match="CPU"):
            c.as_tensor(given, device="cuda")
