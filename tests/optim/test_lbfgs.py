"""L-BFGS beside PyTorch's, iterate by iterate, and on what it can and cannot do."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import parameter, seeds

import tinygrad_cnn as tg
from tinygrad_cnn.io import load, save
from tinygrad_cnn.optim import LBFGS
from tinygrad_cnn.optim.lbfgs import _direction
from tinygrad_cnn.tensors import Tensor

PROBLEMS = ["quadratic", "valley", "net", "kink"]


def problem(L: Any, name: str, seed: int = 0, dtype: Any = np.float64) -> tuple[list[Any], Any]:
    """Parameters and the loss, in PyTorch or here; the numbers are the same."""
    rng = np.random.default_rng(seed)

    def made(a: Any) -> Any:
        return L.tensor(np.asarray(a, dtype))

    def leaf(a: Any) -> Any:
        return made(a).requires_grad_()

    if name == "quadratic":
        A, b = rng.standard_normal((6, 6)), made(rng.standard_normal(6))
        A, w = made(A @ A.T + 0.1 * np.eye(6)), leaf(np.zeros(6))
        return [w], lambda: 0.5 * (w @ (A @ w)) - b @ w
    if name == "valley":
        w = leaf([-1.2, 1.0])
        return [w], lambda: (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()
    if name == "net":
        x, y = made(rng.standard_normal((20, 3))), made(rng.standard_normal((20, 1)))
        ps = [leaf(rng.standard_normal(shape) * 0.5) for shape in ((3, 5), (5,), (5, 1), (1,))]
        return ps, lambda: (((x @ ps[0] + ps[1]).tanh() @ ps[2] + ps[3] - y) ** 2).mean()
    w = leaf([3.0, -2.0])
    return [w], lambda: (w**4).sum() + w.abs().sum()


def run(L: Any, ps: list[Any], loss: Any, steps: int, **hyper: Any) -> Any:
    """The losses, the parameters after each step, the number of calls, and the optimizer."""
    optimizer = L.optim.LBFGS(ps, **hyper)
    calls: list[float] = []
    way = []
    for _ in range(steps):
        first = optimizer.step(closure_of(optimizer, loss, calls))
        way.append([first.item(), *np.concatenate([p.detach().numpy().reshape(-1) for p in ps])])
    return np.array(way), calls, optimizer


def closure_of(optimizer: Any, loss: Any, calls: list[float]) -> Any:
    def closure() -> Any:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        calls.append(value.item())
        return value

    return closure


hypers = st.fixed_dictionaries(
    {
        "history_size": st.sampled_from([1, 3, 100]),
        "max_iter": st.sampled_from([1, 4, 20]),
        "max_eval": st.sampled_from([None, 3, 50]),
        "tolerance_grad": st.sampled_from([1e-7, 0.1, -1.0]),
        "tolerance_change": st.sampled_from([1e-9, 0.01]),
    }
)


@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
@pytest.mark.parametrize("name", PROBLEMS)
@given(hyper=hypers, lr=st.sampled_from([1, 0.5, 0.01]), seed=seeds)
def test_the_same_iterates_as_torch(
    torch: Any, name: str, line_search_fn: str | None, hyper: dict[str, Any], lr: float, seed: int
) -> None:
    """As many calls, and the same points: as long as rounding, which each step blows up, is far from counting."""
    if line_search_fn is None:
        lr = lr / 10 if name != "quadratic" else lr  # or it goes off to infinity
    results = []
    for L in (tg, torch):
        ps, loss = problem(L, name, seed)
        results.append(run(L, ps, loss, 3, lr=lr, line_search_fn=line_search_fn, **hyper))
    (way, calls, ours), (their_way, their_calls, theirs) = results
    np.testing.assert_allclose(calls[:12], their_calls[:12], rtol=1e-7, atol=1e-10)
    if len(their_calls) <= 12:
        assert len(calls) == len(their_calls)
        np.testing.assert_allclose(way, their_way, rtol=1e-6, atol=1e-8)
        state = [o.state[o.param_groups[0]["params"][0]] for o in (ours, theirs)]
        assert state[0]["n_iter"] == state[1]["n_iter"]
        assert state[0]["func_evals"] == state[1]["func_evals"] == len(calls)


@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("history_size", [2, 100])
def test_the_same_long_runs_as_torch(torch: Any, name: str, line_search_fn: str | None, history_size: int) -> None:
    hyper = {"lr": 0.01 if name == "valley" and line_search_fn is None else 0.5 if line_search_fn is None else 1}
    results = []
    for L in (tg, torch):
        ps, loss = problem(L, name)
        results.append(
            run(L, ps, loss, 4, history_size=history_size, max_iter=7, line_search_fn=line_search_fn, **hyper)
        )
    assert len(results[0][1]) == len(results[1][1])
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_the_bottom_of_a_valley(dtype: Any) -> None:
    ps, loss = problem(tg, "valley", dtype=dtype)
    run(tg, ps, loss, 6, line_search_fn="strong_wolfe", max_iter=30)
    assert loss().item() < 1e-9
    assert ps[0].dtype == dtype


def test_a_parameter_without_a_gradient_stays() -> None:
    ps, loss = problem(tg, "quadratic")
    rest = parameter(np.ones((2, 2)))
    with tg.guard_rails(False):
        run(tg, [rest, *ps], loss, 2)
    assert (rest.numpy() == 1).all()


def test_memory_stays_what_it_was() -> None:
    a = np.asfortranarray(np.random.default_rng(0).standard_normal((3, 4)))
    p = parameter(a)
    optimizer = LBFGS([p])
    optimizer.step(closure_of(optimizer, lambda: (p * p).sum(), []))
    assert p.numpy() is a
    np.testing.assert_allclose(a, 0, atol=1e-9)


@pytest.mark.parametrize("way", ["ours", "a file", "from torch"])
def test_resumed(torch: Any, way: str, tmp_path: Path) -> None:
    ps, loss = problem(tg, "net")
    _, _, whole = run(tg, ps, loss, 2, max_iter=3)
    state = copy.deepcopy(whole.state_dict())
    if way == "a file":
        save(state, tmp_path / "state")
        state = load(tmp_path / "state")
    if way == "from torch":
        qs, their_loss = problem(torch, "net")
        state = run(torch, qs, their_loss, 2, max_iter=3)[2].state_dict()
    copies = [parameter(p.numpy().copy()) for p in ps]
    resumed = LBFGS(copies, lr=77)
    resumed.load_state_dict(state)
    assert resumed.param_groups[0]["lr"] == 1
    for optimizer, params in ((whole, ps), (resumed, copies)):
        values = [p.numpy().copy() for p in params]
        other, again = problem(tg, "net")

        def closure(params: Any = params, other: Any = other, again: Any = again, o: Any = optimizer) -> Any:
            o.zero_grad()
            for p, q in zip(params, other, strict=True):
                q.data = p.detach().clone()
                q.grad = None
            value = again()
            value.backward()
            for p, q in zip(params, other, strict=True):
                p.grad = q.grad
            return value

        optimizer.step(closure)
        assert any((p.numpy() != v).any() for p, v in zip(params, values, strict=True))
    for p, q in zip(ps, copies, strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("entry", "value", "text"),
    [
        ("d", Tensor(np.ones(3)), r"'d' has shape \(3,\), needed is \(6,\)"),
        ("old_dirs", [Tensor(np.ones(2))], r"'old_dirs' has shape \(2,\), needed is \(6,\)"),
        ("old_stps", "abc", "'old_stps' must be real numbers"),
        ("n_iter", -1, "'n_iter' must be an integer >= 0, got -1"),
        ("t", float("nan"), "'t' must be finite"),
        ("prev_flat_grad", None, "parameter 0 has no 'prev_flat_grad'"),
        ("exp_avg", Tensor(np.ones(6)), "'exp_avg' is nothing this optimizer keeps"),
    ],
)
def test_a_state_that_does_not_fit(entry: str, value: Any, text: str) -> None:
    ps, loss = problem(tg, "quadratic")
    _, _, optimizer = run(tg, ps, loss, 1)
    state = copy.deepcopy(optimizer.state_dict())
    state["state"][0][entry] = value
    before = dict(optimizer.state[ps[0]])
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(state)
    assert optimizer.state[ps[0]] == before


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda p: LBFGS([{"params": [p]}, {"params": [parameter(np.ones(1))]}]), ValueError, "one parameter group"),
        (lambda p: LBFGS([p], line_search_fn="armijo"), ValueError, "None or \"strong_wolfe\", got 'armijo'"),
        (lambda p: LBFGS([p], max_iter=2.5), ValueError, "max_iter must be an integer >= 0, got 2.5"),
        (lambda p: LBFGS([p], history_size=0), ValueError, "history_size must be an integer >= 1, got 0"),
        (lambda p: LBFGS([p], tolerance_grad=float("nan")), ValueError, "tolerance_grad must be finite"),
        (lambda p: LBFGS([p]).step(), TypeError, "closure"),
        (lambda p: LBFGS([p]).step(None), TypeError, "LBFGS.step needs a closure that computes the loss"),
    ],
)
def test_errors(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make(parameter(np.ones(2)))


@given(seed=seeds, n=st.integers(1, 5))
def test_the_direction_beside_whole_matrices(seed: int, n: int) -> None:
    """The inverse Hessian that the remembered steps tell, written out (Nocedal & Wright 2006, 7.16), times -g."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((4, 4))
    steps = rng.standard_normal((n, 4))
    pairs = [((A @ A.T + np.eye(4)) @ s, s) for s in steps]
    g, scale = rng.standard_normal(4), 0.7
    H = scale * np.eye(4)
    for y, s in pairs:
        V = np.eye(4) - np.outer(y, s) / (y @ s)
        H = V.T @ H @ V + np.outer(s, s) / (y @ s)
    memory = [[y for y, _ in pairs], [s for _, s in pairs]]
    np.testing.assert_allclose(_direction(g, memory, scale), -H @ g, rtol=1e-7, atol=1e-9)


def test_no_iterations() -> None:
    ps, loss = problem(tg, "quadratic")
    run(tg, ps, loss, 1, max_iter=0)
    assert (ps[0].numpy() == 0).all()
