"""What the tests of the optimizers share: runs of ours, of a literal scalar loop, and of PyTorch's, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_cnn import optim
from tinygrad_cnn.tensors import Tensor

STEPS = 7
NEAR = 4  # how many roundings away inputs nearby are
EPS = {"float32": 2.0**-23, "float64": 2.0**-52}
Literal = Callable[..., Iterator[float]]

# Hyper-parameters as hypothesis draws them. Each family adds its own.
lrs = st.floats(1e-4, 1.0)
epsilons = st.sampled_from([1e-10, 1e-8, 1e-4, 0.1])
decays = st.sampled_from([0, 0.0, 1e-3, 0.1, 0.5])
betas = st.tuples(st.sampled_from([0.0, 0.5, 0.9, 0.95]), st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999]))
flags = st.booleans()
seeds = st.integers(0, 2**31)
dtypes = st.sampled_from(["float32", "float64"])


def numbers(seed: int, shape: tuple[int, ...], steps: int = STEPS) -> tuple[np.ndarray, list[np.ndarray]]:
    """A parameter and a gradient for each step, float64: of all sizes, with zeros, and entries that stay 0."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-3, 2, shape)
    grads = [rng.standard_normal(shape) * scale * (rng.random(shape) > 0.1) for _ in range(steps)]
    return rng.standard_normal(shape), [g * (scale > 1e-3) for g in grads]


def parameter(array: np.ndarray) -> Tensor:
    """A parameter that holds this very array."""
    return Tensor(array, requires_grad=True)


def feed(optimizer: optim.Optimizer, params: list[Tensor], grads: list[list[np.ndarray]]) -> None:
    """Step once for each list of gradients (None: no gradient)."""
    for step in grads:
        for p, g in zip(params, step, strict=True):
            p.grad = None if g is None else Tensor(g)
        optimizer.step()


def check_formula(cls: Any, literal: Literal, seed: int, **hyper: Any) -> None:
    """Ours, in float64, against the literal loop over each single entry.

    Where a step divides by a gradient that happens to be nearly 0, rounding is blown up. How much is measured: the loop
    runs once more, on numbers some roundings away.
    """
    start, grads = numbers(seed, (3, 2))
    inputs = np.array([start, *grads])
    p = parameter(start.copy())
    optimizer = cls([p], **hyper)
    expected, nearby = np.empty((2, STEPS, 3, 2))
    for at in np.ndindex(3, 2):
        for rows, given in ((expected, inputs), (nearby, close_by(inputs))):
            first, *rest = given[(slice(None), *at)].tolist()
            rows[(slice(None), *at)] = list(literal(first, rest, **hyper))
    for g, want, near in zip(grads, expected, nearby, strict=True):
        feed(optimizer, [p], [[g]])
        assert_close(p.numpy(), want, near, 1e-12)


def close_by(arrays: np.ndarray) -> np.ndarray:
    """The same numbers, each some roundings away, up and down in turn along the first axis."""
    away = np.where(np.arange(len(arrays)) % 2, -NEAR, NEAR) * EPS[str(arrays.dtype)]
    return np.asarray(arrays * (1 + away.reshape(-1, *[1] * (arrays.ndim - 1))), arrays.dtype)


def assert_close(got: Any, want: Any, near: Any, tolerance: float) -> None:
    """Equal up to the tolerance, relative to the largest entry, or to ten times what inputs nearby change."""
    want = np.asarray(want)
    largest = max(1.0, np.abs(want).max(initial=0))
    excess = np.abs(np.asarray(got) - want) - tolerance * largest - 10 * np.abs(near - want)
    assert (excess <= 0).all(), f"got {got}, expected {want}: {excess.max()} more than rounding explains"


@contextmanager
def default_dtype(torch: Any, dtype: str) -> Iterator[None]:
    """PyTorch keeps step counts and products of momenta in its default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def check_torch(torch: Any, cls: Any, seed: int, dtype: str, maximize: bool, **hyper: Any) -> None:
    """Ours against PyTorch's optimizer of that name: two groups, one of them with a learning rate of its own."""
    shapes = [(4, 3), (5,), (), (2, 3, 2)]
    drawn = [numbers(seed + i, shape) for i, shape in enumerate(shapes)]
    inputs = [np.array([start, *grads], dtype) for start, grads in drawn]
    nearby = [close_by(given) for given in inputs]
    starts = [given[0, ...] for given in inputs]
    steps, near_steps = ([[given[i, ...] for given in all_] for i in range(1, STEPS + 1)] for all_ in (inputs, nearby))
    lr = hyper.pop("lr")
    steps[2][1] = near_steps[2][1] = None  # a parameter without a gradient sits this one out
    with default_dtype(torch, dtype):
        ours = [parameter(start.copy()) for start in starts]
        near = [parameter(given[0, ...].copy()) for given in nearby]
        theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts]
        runs = []
        for make, params in ((cls, ours), (cls, near), (getattr(torch.optim, cls.__name__), theirs)):
            groups = [{"params": params[:2]}, {"params": params[2:], "lr": lr / 3}]
            runs.append(make(groups, lr=lr, maximize=maximize, **hyper))
        for step, near_step in zip(steps, near_steps, strict=True):
            feed(runs[0], ours, [step])
            feed(runs[1], near, [near_step])
            for q, g in zip(theirs, step, strict=True):
                q.grad = None if g is None else torch.tensor(g)
            runs[2].step()
            for p, other, q in zip(ours, near, theirs, strict=True):
                assert p.numpy().dtype == dtype
                assert_close(
                    p.numpy(), q.detach().numpy(), other.numpy() - p.numpy() + q.detach().numpy(), 100 * EPS[dtype]
                )
        compare_states(runs[0].state_dict(), runs[2].state_dict(), 1000 * EPS[dtype], runs[1].state_dict())


def compare_states(ours: Any, theirs: Any, tolerance: float, near: Any = None) -> None:
    """The same keys everywhere, the same arrays, the same hyper-parameters."""
    assert ours["param_groups"] == theirs["param_groups"]
    assert set(ours["state"]) == set(theirs["state"])
    for i, entry in theirs["state"].items():
        mine, other = (
            {key: np.asarray(getattr(value, "data", value)) for key, value in state["state"][i].items()}
            for state in (ours, near or ours)
        )
        want = {key: np.asarray(value) for key, value in entry.items() if value is not None}
        assert set(mine) == set(want)
        for key, value in want.items():
            assert_close(mine[key], value, other[key] - mine[key] + value, tolerance)
