"""Random functions: the same seed gives the same bits, distributions are what they say, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.arrays import rng
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.tensors import sampling as s

x = Tensor(np.full((3, 4), 0.5, np.float32))
EVERY: dict[str, Any] = {
    "rand": lambda **k: s.rand(3, 4, **k),
    "randn": lambda **k: s.randn((3, 4), **k),
    "rand_like": lambda **k: s.rand_like(x, **k),
    "randn_like": lambda **k: s.randn_like(x, **k),
    "randint": lambda **k: s.randint(1000, (3, 4), **k),
    "randint_like": lambda **k: s.randint_like(x, 1000, **k),
    "randperm": lambda **k: s.randperm(12, **k),
    "normal": lambda **k: s.normal(0.0, 1.0, (3, 4), **k),
    "bernoulli": lambda **k: s.bernoulli(x, **k),
    "multinomial": lambda **k: s.multinomial(x, 4, **k),
    "multinomial again": lambda **k: s.multinomial(x, 9, True, **k),
}


@pytest.mark.parametrize("f", EVERY.values(), ids=EVERY)
def test_the_seed_decides(f: Any) -> None:
    first = f(generator=rng.Generator(1)).numpy()
    np.testing.assert_array_equal(f(generator=rng.Generator(1)).numpy(), first)
    assert any(not np.array_equal(f(generator=rng.Generator(k)).numpy(), first) for k in range(2, 9))
    state = rng.default_generator().get_state()
    try:
        rng.manual_seed(1)
        np.testing.assert_array_equal(f().numpy(), first)
        assert any(not np.array_equal(f().numpy(), first) for _ in range(8))
    finally:
        rng.default_generator().set_state(state)
    np.testing.assert_array_equal(f(generator=np.random.default_rng(1)).numpy(), first)
    with pytest.raises(TypeError, match="generator"):
        f(generator=1)


def test_memory_order_changes_nothing() -> None:
    turned = Tensor(np.zeros((4, 3), np.float32).T)
    for f in (s.rand_like, s.randn_like, lambda t, **k: s.randint_like(t, 100, **k)):
        a, b = (f(t, generator=rng.Generator(0)).numpy() for t in (x, turned))
        np.testing.assert_array_equal(a, b)


def test_dtypes() -> None:
    assert s.rand(2).dtype == s.randn(2).dtype == s.normal(0.0, 1.0, (2,)).dtype == np.float32
    assert s.rand(2, dtype=np.float64).dtype == np.float64
    assert s.rand_like(Tensor(np.ones(2))).dtype == np.float64
    assert s.randint(5, (2,)).dtype == s.randperm(3).dtype == np.int64
    assert s.randint(5, (2,), dtype=np.float32).dtype == np.float32
    assert s.rand(2, requires_grad=True).requires_grad
    with pytest.raises(TypeError, match="floating"):
        s.rand(2, dtype=np.int64)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_distributions(dtype: Any) -> None:
    g = rng.Generator(0)
    u = s.rand(20000, generator=g, dtype=dtype).numpy().astype(np.float64)
    assert u.min() >= 0
    assert u.max() < 1
    assert u.mean() == pytest.approx(0.5, abs=0.01)
    n = s.randn(20000, generator=g, dtype=dtype).numpy().astype(np.float64)
    assert (n.mean(), n.std()) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))
    m = s.normal(Tensor(np.full(20000, 5, dtype)), 2.0, generator=g)
    assert m.dtype == dtype
    assert m.numpy().astype(np.float64).std() == pytest.approx(2, abs=0.06)


def test_integers() -> None:
    g = rng.Generator(0)
    assert set(s.randint(3, (500,), generator=g).numpy().tolist()) == {0, 1, 2}
    assert set(s.randint(-2, 1, (500,), generator=g).numpy().tolist()) == {-2, -1, 0}
    assert set(s.randint(low=2, high=4, size=(500,), generator=g).numpy().tolist()) == {2, 3}
    assert set(s.randint(0, 2, size=(500,), generator=g).numpy().tolist()) == {0, 1}
    assert s.randint_like(x, 5, 6, generator=g).numpy().tolist() == [[5] * 4] * 3
    assert sorted(s.randperm(50, generator=g).numpy().tolist()) == list(range(50))
    assert s.randperm(0).shape == (0,)
    with pytest.raises(ValueError, match="low=3, high=3"):
        s.randint(3, 3, (2,))
    with pytest.raises(TypeError, match="randint"):
        s.randint(3)


def test_normal_with_tensors() -> None:
    means = Tensor(np.array([[0.0], [100.0]]))
    y = s.normal(means, Tensor(np.zeros(3)))
    assert y.numpy().tolist() == [[0] * 3, [100] * 3]
    with pytest.raises(ValueError, match="std"):
        s.normal(0.0, -1.0, (2,))
    with pytest.raises(TypeError, match="size"):
        s.normal(0.0, 1.0)
    with pytest.raises(TypeError, match="size"):
        s.normal(means, 1.0, (2,))


def test_bernoulli() -> None:
    p = np.array([0.0, 1.0, 0.3], np.float32)
    y = s.bernoulli(Tensor(np.tile(p, (5000, 1))), generator=rng.Generator(0))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy().mean(0), p, atol=0.02)
    with pytest.raises(ValueError, match="probabilities"):
        s.bernoulli(Tensor(np.array([1.5])))
    with pytest.raises(ValueError, match="probabilities"):
        s.bernoulli(Tensor(np.array([np.nan])))


@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial_draws_in_proportion(replacement: bool) -> None:
    weights = np.array([0.0, 1.0, 3.0, 0.0, 4.0, 0.0])
    y = s.multinomial(Tensor(np.tile(weights, (8000, 1))), 1, replacement, generator=rng.Generator(0))
    assert y.shape == (8000, 1)
    assert y.dtype == np.int64
    np.testing.assert_allclose(np.bincount(y.numpy()[:, 0], minlength=6) / 8000, weights / 8, atol=0.02)


def test_multinomial_without_replacement_repeats_nothing() -> None:
    y = s.multinomial(Tensor(np.array([1.0, 0.0, 2.0, 3.0])), 3, generator=rng.Generator(0))
    assert sorted(y.numpy().tolist()) == [0, 2, 3]


@pytest.mark.parametrize(
    ("weights", "k", "says"),
    [
        ([1.0, 0.0], 2, "num_samples=2"),
        ([1.0, 2.0], 0, "num_samples=0"),
        ([-1.0, 2.0], 1, "finite and >= 0"),
        ([0.0, 0.0], 1, "above 0"),
        ([[[1.0]]], 1, "vector or a matrix"),
    ],
)
def test_multinomial_errors(weights: Any, k: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        s.multinomial(Tensor(np.array(weights)), k)


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: s.rand(2, **k),
        lambda **k: s.randn(2, **k),
        lambda **k: s.rand_like(x, **k),
        lambda **k: s.randn_like(x, **k),
        lambda **k: s.normal(0.0, 1.0, (2,), **k),
        lambda **k: s.randint(5, (2,), **{"dtype": np.float32, **k}),
        lambda **k: s.randint_like(x, 5, **k),
        lambda **k: s.randperm(3, **{"dtype": np.float32, **k}),
    ],
)
def test_what_all_of_them_take(make: Any) -> None:
    assert (make().requires_grad, make().dtype) == (False, np.float32)
    assert make(requires_grad=True).requires_grad
    assert make(dtype=np.float64, device="cpu").dtype == np.float64
    with pytest.raises((RuntimeError, ValueError), match="CPU"):
        make(device="cuda")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: s.randint(257, (2,), dtype=np.uint8), ValueError, "256 is no number of dtype uint8"),
        (lambda: s.randint(-1, 3, (2,), dtype=np.uint8), ValueError, "-1 is no number of dtype uint8"),
        (lambda: s.randint(2**63 + 1, (2,)), ValueError, "no number of dtype int64"),
        (lambda: s.randint(4, 4, (2,)), ValueError, "low must be below high, got low=4, high=4"),
        (lambda: s.randint(1, 2, 3, (2,)), TypeError, "expected randint"),
        (lambda: s.randint(size=(2,)), TypeError, "expected randint"),
        (lambda: s.randperm(129, dtype=np.int8), ValueError, "128 is no number of dtype int8"),
        (lambda: s.randperm(-1), ValueError, "a size cannot be negative"),
        (lambda: s.normal(0.0, -1e-9, (2,)), ValueError, "std must be >= 0"),
        (lambda: s.normal(Tensor(np.zeros(2, int))), TypeError, "needs a floating dtype, got int64"),
        (lambda: s.bernoulli(Tensor(np.zeros(2, int))), TypeError, "bernoulli: needs a floating dtype"),
        (lambda: s.bernoulli(Tensor(np.array([-0.1]))), ValueError, "probabilities lie in"),
        (lambda: s.multinomial(Tensor(np.array([1.0, 2.0, 0.0])), 3), ValueError, "not between 1 and 2"),
        (lambda: s.multinomial(Tensor(np.array([1.0, np.inf])), 1), ValueError, "finite and >= 0"),
        (lambda: s.multinomial(Tensor(np.array([[1.0, 1], [0, 0]])), 1), ValueError, "some of each row above 0"),
        (lambda: s.multinomial(Tensor(np.ones((2, 0))), 1), ValueError, "a vector or a matrix of weights"),
        (lambda: s.multinomial(Tensor(np.array(1.0)), 1), ValueError, r"got shape \(\)"),
        (lambda: s.multinomial(Tensor(np.ones(2, int)), 1), TypeError, "needs a floating dtype"),
        (lambda: s.multinomial(Tensor(np.ones(2)), 0, True), ValueError, "num_samples=0"),
    ],
)
def test_refusals(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_what_is_just_taken() -> None:
    assert set(s.randint(256, (3000,), dtype=np.uint8, generator=rng.Generator(0)).numpy().tolist()) == set(range(256))
    assert s.randint(4, 5, (2,)).numpy().tolist() == [4, 4]
    assert s.randint(high=2, size=(2,)).shape == (2,)
    assert set(s.randint_like(x, -1, 1).numpy().ravel().tolist()) <= {-1.0, 0.0}
    assert sorted(s.randperm(128, dtype=np.int8).numpy().tolist()) == list(range(128))
    assert s.randperm(1).numpy().tolist() == [0]
    assert s.normal(2.0, 0.0, (3,)).numpy().tolist() == [2.0] * 3
    assert s.normal(Tensor(np.zeros((2, 1))), Tensor(np.zeros(3))).shape == (2, 3)
    assert s.normal(1.0, Tensor(np.zeros(3, np.float16))).dtype == np.float16
    assert s.normal(Tensor(np.full(4, 2.0)), 0.0, dtype=np.float32).dtype == np.float32
    assert sorted(s.multinomial(Tensor(np.array([1.0, 2.0, 0.0])), 2).numpy().tolist()) == [0, 1]
    assert s.multinomial(Tensor(np.array([0.0, 2.0, 0.0])), 9, True).numpy().tolist() == [1] * 9
    assert s.multinomial(Tensor(np.eye(3)), 1).numpy().tolist() == [[0], [1], [2]]
