"""What the tests of the optimizers share: runs of ours, of a literal scalar loop, and of PyTorch's, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_cnn import optim
from tinygrad_cnn.tensor import Tensor

STEPS = 7
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
    """Ours, in float64, against the literal loop over each single entry."""
    start, grads = numbers(seed, (3, 2))
    p = parameter(start.copy())
    optimizer = cls([p], **hyper)
    expected = np.empty((STEPS, 3, 2))
    for at in np.ndindex(3, 2):
        expected[(slice(None), *at)] = list(literal(float(start[at]), [float(g[at]) for g in grads], **hyper))
    for g, want in zip(grads, expected, strict=True):
        feed(optimizer, [p], [[g]])
        np.testing.assert_allclose(p.data, want, rtol=1e-12, atol=1e-13)


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
    starts = [np.asarray(start, dtype) for start, _ in drawn]
    steps = [[np.asarray(grads[i], dtype) for _, grads in drawn] for i in range(STEPS)]
    lr = hyper.pop("lr")
    steps[2][1] = None  # a parameter without a gradient sits this one out
    with default_dtype(torch, dtype):
        ours = [parameter(start.copy()) for start in starts]
        theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts]
        runs = []
        for make, params in ((cls, ours), (getattr(torch.optim, cls.__name__), theirs)):
            groups = [{"params": params[:2]}, {"params": params[2:], "lr": lr / 3}]
            runs.append(make(groups, lr=lr, maximize=maximize, **hyper))
        for step in steps:
            feed(runs[0], ours, [step])
            for q, g in zip(theirs, step, strict=True):
                q.grad = None if g is None else torch.tensor(g)
            runs[1].step()
            for p, q in zip(ours, theirs, strict=True):
                want = q.detach().numpy()
                tolerance = {"float32": 3e-5, "float64": 1e-11}[dtype]
                assert p.data.dtype == want.dtype
                np.testing.assert_allclose(p.data, want, rtol=tolerance, atol=tolerance * max(1, np.abs(want).max()))
        compare_states(runs[0].state_dict(), runs[1].state_dict(), {"float32": 1e-4, "float64": 1e-10}[dtype])


def compare_states(ours: dict[str, Any], theirs: dict[str, Any], tolerance: float) -> None:
    """The same keys everywhere, the same arrays, the same hyper-parameters."""
    assert ours["param_groups"] == theirs["param_groups"]
    assert set(ours["state"]) == set(theirs["state"])
    for i, entry in theirs["state"].items():
        mine = {key: np.asarray(getattr(value, "data", value)) for key, value in ours["state"][i].items()}
        want = {key: np.asarray(value) for key, value in entry.items() if value is not None}
        assert set(mine) == set(want)
        for key, value in want.items():
            np.testing.assert_allclose(
                mine[key], value, rtol=tolerance, atol=tolerance * max(1.0, np.abs(value).max()), err_msg=key
            )
