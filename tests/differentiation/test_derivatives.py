"""`autograd.functional`: the same programs here and in PyTorch, and finite differences."""

# ruff: noqa: E501  (tables)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from differentiation.beside import agree, outcome
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.autograd.functional import hessian, jacobian, jvp


def xy(L: Any, grad: bool = False) -> Any:
    x = L.tensor([[1.0, -2.0, 0.5], [0.3, 1.5, -0.7]], dtype=L.float64, requires_grad=grad)
    return x, L.tensor([0.5, 2.0, -1.0], dtype=L.float64, requires_grad=grad)


FUNCTIONS: dict[str, Any] = {
    "one": lambda x, y: (x * y).sin(),
    "a tuple of one": lambda x, y: ((x * y).sin(),),
    "several": lambda x, y: (x * y, (x**3).sum(), y.exp()),
    "a number": lambda x, y: (x**2 * y).sum() + (y**3).sum(),
    "one element": lambda x, y: (x**2 * y).sum().reshape(1, 1),
    "linear": lambda x, y: x.sum() + y.sum() * 2,
    "of x alone": lambda x, _y: (x**3).sum(),
    "constant": lambda x, _y: x.detach().sum(),
    "constant and one": lambda x, y: (x.detach() * 2, x * y),
    "an input itself": lambda x, _y: x,
    "no tensor": lambda _x, _y: 3,
}  # fmt: skip
SETTINGS: list[dict[str, Any]] = [{}, {"strict": True}, {"create_graph": True}, {"create_graph": True, "strict": True}]
ids = ["plain", "strict", "graph", "strict graph"]
every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=ids)


def deeper(L: Any, found: Any, inputs: Any, setting: dict[str, Any]) -> Any:
    """What was found and, under create_graph, its own gradients by the inputs."""
    parts = [found]
    flat = [t for t in flattened(found) if t.requires_grad]
    if setting.get("create_graph") and flat:
        total = sum((t * t).sum() for t in flat)
        parts.append(L.autograd.grad(total, inputs, allow_unused=True))
    return parts


def flattened(value: Any) -> list[Any]:
    return [t for part in value for t in flattened(part)] if isinstance(value, (tuple, list)) else [value]


@every_function
@every_setting
@pytest.mark.parametrize("which", ["jacobian", "hessian"])
@pytest.mark.parametrize("grad", [False, True], ids=["", "inputs want a gradient"])
def test_whole_derivatives(torch: Any, name: str, setting: dict[str, Any], which: str, grad: bool) -> None:
    def program(L: Any) -> Any:
        inputs = xy(L, grad)
        found = getattr(L.autograd.functional, which)(FUNCTIONS[name], inputs, **setting)
        return deeper(L, found, inputs, setting if grad else {})

    agree(program, torch)


@every_function
@every_setting
@pytest.mark.parametrize("which", ["vjp", "jvp", "vhp", "hvp"])
def test_products(torch: Any, name: str, setting: dict[str, Any], which: str) -> None:
    """With a vector that wants a gradient itself."""

    def program(L: Any) -> Any:
        inputs = xy(L, True)
        like = inputs if which != "vjp" else FUNCTIONS[name](*inputs)
        v = tuple(
            L.tensor(np.cos(np.arange(t.numel())).reshape(tuple(t.shape)), requires_grad=True) for t in listed(like)
        )
        v = v if isinstance(like, tuple) else v[0]
        found = getattr(L.autograd.functional, which)(FUNCTIONS[name], inputs, v, **setting)
        return deeper(L, found, (*inputs, *listed(v)), setting)

    agree(program, torch)


def listed(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value,)


ONE: dict[str, Any] = {
    "jacobian of one tensor": lambda L, F: F.jacobian(lambda x: x @ x.T, xy(L)[0]),
    "jacobian of a tuple of one": lambda L, F: F.jacobian(lambda x: x @ x.T, (xy(L)[0],)),
    "hessian of one tensor": lambda L, F: F.hessian(lambda x: (x.exp() * x).sum(), xy(L)[0]),
    "hessian of a tuple of one": lambda L, F: F.hessian(lambda x: (x.exp() * x).sum(), (xy(L)[0],)),
    "jacobian of a 0-d tensor": lambda L, F: F.jacobian(lambda x: x**2, L.tensor(2.0)),
    "jacobian in no_grad": lambda L, F: [L.set_grad_enabled(False), F.jacobian(lambda x: x**2, xy(L)[0]), L.set_grad_enabled(True)][1],
    "vectorize": lambda L, F: F.jacobian(lambda x, y: (x * y, y.exp()), xy(L), vectorize=True),
    "vectorize and strict": lambda L, F: F.jacobian(lambda x: x * 2, xy(L)[0], vectorize=True, strict=True),
    "hessian, vectorize": lambda L, F: F.hessian(lambda x: (x**3).sum(), xy(L)[0], vectorize=True),
    "forward-mode": lambda L, F: F.jacobian(lambda x: x * 2, xy(L)[0], strategy="forward-mode"),
    "forward-mode, vectorize": lambda L, F: F.jacobian(lambda x: x * 2, xy(L)[0], strategy="forward-mode", vectorize=True),
    "a list": lambda L, F: F.jacobian(lambda x, y: x * y, list(xy(L))),
    "a number": lambda _L, F: F.jacobian(lambda x: x, 3),
    "a number in a tuple": lambda L, F: F.jacobian(lambda x, _n: x, (xy(L)[0], 3)),
    "integers": lambda L, F: F.jacobian(lambda x: x * 2, L.tensor([1, 2])),
    "vjp without v": lambda L, F: F.vjp(lambda x: x.sum(), xy(L)[0]),
    "vjp without v of more": lambda L, F: F.vjp(lambda x: x * 2, xy(L)[0]),
    "jvp without v": lambda L, F: F.jvp(lambda x: x * 2, L.tensor([2.0])),
    "jvp without v of more": lambda L, F: F.jvp(lambda x: x * 2, xy(L)[0]),
    "hvp without v": lambda L, F: F.hvp(lambda x: (x**3).sum(), L.tensor([2.0])),
    "hvp without v of more": lambda L, F: F.hvp(lambda x: (x**3).sum(), xy(L)[0]),
    "v of another shape": lambda L, F: F.vjp(lambda x: x * 2, xy(L)[0], xy(L)[1]),
    "v of another number": lambda L, F: F.jvp(lambda x: x * 2, xy(L)[0], xy(L)),
    "v is a list": lambda L, F: F.jvp(lambda x: x * 2, xy(L)[0], [1.0, 2.0]),
    "a view of what is there": lambda L, F: F.jacobian(lambda x: x.reshape(-1)[1:3] * x[0, 0], xy(L)[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_like_torch(torch: Any, name: str) -> None:
    agree(lambda L: ONE[name](L, L.autograd.functional), torch)


def test_errors_are_no_accident(torch: Any) -> None:
    wrong = [n for n, f in ONE.items() if isinstance(outcome(lambda L, f=f: f(L, L.autograd.functional), torch), type)]
    assert len(wrong) == 12, wrong


def test_of_no_elements() -> None:
    """PyTorch fails within: there is nothing to stack."""
    assert jacobian(lambda x: x[:0], xy(tg)[0]).shape == (0, 3, 2, 3)


def test_the_strategy_changes_no_number() -> None:
    """PyTorch's hessian with it is left requiring a gradient."""
    x = xy(tg)[0]
    want = hessian(lambda x: (x**3).sum(), x)
    got = hessian(lambda x: (x**3).sum(), x, vectorize=True, outer_jacobian_strategy="forward-mode")
    assert tg.equal(got, want)
    assert not got.requires_grad


def test_a_strategy_of_another_name() -> None:
    with pytest.raises(ValueError, match="strategy must be 'reverse-mode' or 'forward-mode', got 'x'"):
        jacobian(lambda x: x, xy(tg)[0], strategy="x")


def test_the_inputs_are_left_alone() -> None:
    x, y = xy(tg, True)
    for f in (hessian, jacobian):
        f(FUNCTIONS["a number"], (x, y))
    assert x.grad is None
    assert y.grad is None


@given(seed=st.integers(0, 2**31))
def test_beside_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, v = tg.tensor(rng.standard_normal((2, 3))), tg.tensor(rng.standard_normal((2, 3)))
    w = tg.tensor(rng.standard_normal((3, 2)))

    def function(x: Any) -> Any:
        return (x @ w).tanh() * x.sum()

    step = 1e-6
    _, moved = jvp(function, x, v)
    differences = (function(x + step * v) - function(x - step * v)) / (2 * step)
    np.testing.assert_allclose(moved.numpy(), differences.numpy(), rtol=1e-6, atol=1e-6)
    J = jacobian(function, x).numpy()
    np.testing.assert_allclose(np.tensordot(J, v.numpy(), 2), moved.numpy(), rtol=1e-9, atol=1e-12)
    H = hessian(lambda x: (function(x) ** 2).sum(), x).numpy().reshape(6, 6)
    np.testing.assert_allclose(H, H.T, rtol=1e-9, atol=1e-9)
