"""What all optimizers share: groups, memory, skipping, resuming, errors."""

from __future__ import annotations

import copy
import doctest
import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import compare_states, default_dtype, feed, numbers, parameter, seeds

import tinygrad_cnn.optim.optimizer as module
from tinygrad_cnn import guard_rails, optim
from tinygrad_cnn.autograd.modes import is_grad_enabled, no_grad
from tinygrad_cnn.io import load, save
from tinygrad_cnn.nn.parameter import Parameter
from tinygrad_cnn.optim import Optimizer
from tinygrad_cnn.optim.optimizer import CHUNK, blockwise
from tinygrad_cnn.tensors import Tensor

CASES: list[tuple[Any, dict[str, Any]]] = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    (optim.Adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    (optim.AdamW, {"lr": 0.1}),
    (optim.NAdam, {"lr": 0.1}),
    (optim.RAdam, {"lr": 0.1, "betas": (0.9, 0.5)}),
    (optim.RMSprop, {"lr": 0.01, "centered": True, "momentum": 0.5}),
    (optim.RMSprop, {"lr": 0.01}),
    (optim.Adagrad, {"lr": 0.5, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    (optim.Adadelta, {"lr": 10.0}),
    (optim.Lion, {"lr": 0.01, "weight_decay": 0.1}),
    (optim.Adamax, {"lr": 0.1, "weight_decay": 0.1}),
    (optim.ASGD, {"lr": 0.1, "t0": 2}),
    (optim.Rprop, {"lr": 0.1}),
]
CLASSES = list(dict.fromkeys(cls for cls, _ in CASES))
every_case = pytest.mark.parametrize(
    ("cls", "hyper"), CASES, ids=[f"{c.__name__}-{i}" for i, (c, _) in enumerate(CASES)]
)
every_class = pytest.mark.parametrize("cls", CLASSES)


def strange_arrays(dtype: str) -> list[np.ndarray]:
    """Arrays in every memory order: C, Fortran, transposed, strided, reversed, 0-d, empty."""
    rng = np.random.default_rng(0)
    big = rng.standard_normal((6, 8, 10)).astype(dtype)
    return [
        rng.standard_normal((3, 4)).astype(dtype),
        np.asfortranarray(rng.standard_normal((3, 4)).astype(dtype)),
        big.copy().transpose(2, 0, 1),
        big.copy()[::2, 1::3, ::-1],
        np.array(1.5, dtype),
        np.empty((0, 3), dtype),
    ]


def all_arrays(optimizer: Optimizer) -> list[np.ndarray]:
    return [v.numpy() for state in optimizer.state.values() for v in state.values() if isinstance(v, Tensor)]


class TestUpdates:
    @every_case
    def test_finds_the_minimum_of_a_quadratic(self, cls: Any, hyper: dict[str, Any]) -> None:
        target = np.array([1.0, -2.0, 0.5])
        p = parameter(np.zeros(3))
        optimizer = cls([p], **{**hyper, **({"weight_decay": 0} if cls is not optim.Rprop else {})})
        first = None
        for _ in range(500):
            optimizer.zero_grad()
            loss = ((p - Tensor(target)) * (p - Tensor(target))).sum()
            first = loss.item() if first is None else first
            loss.backward()
            optimizer.step()
        assert loss.item() < 1e-2 * first

    @every_case
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_memory_stays_what_it_was(self, cls: Any, hyper: dict[str, Any], dtype: str) -> None:
        """Same array object, dtype and strides; state of that dtype; and the bits of a run on plain copies."""
        if dtype == "float16" and cls not in (optim.SGD, optim.Lion, optim.ASGD, optim.Rprop):
            hyper = {**hyper, "eps": 1e-3}  # the usual 1e-8 is 0 in float16
        arrays = strange_arrays(dtype)
        before = [(id(a), a.dtype, a.strides) for a in arrays]
        params, plain = [parameter(a) for a in arrays], [parameter(a.copy(order="C")) for a in arrays]
        grads = [
            [np.asarray(numbers(i, a.shape, 3)[1][step], dtype) for i, a in enumerate(arrays)] for step in range(3)
        ]
        runs = cls(params, **hyper), cls(plain, **hyper)
        feed(runs[0], params, grads)
        feed(runs[1], plain, grads)
        assert [(id(p.numpy()), p.numpy().dtype, p.numpy().strides) for p in params] == before
        for p, q in zip(params, plain, strict=True):
            np.testing.assert_array_equal(p.numpy(), q.numpy())
        for a, b in zip(all_arrays(runs[0]), all_arrays(runs[1]), strict=True):
            assert a.dtype == dtype
            np.testing.assert_array_equal(a, b)
        for p, state in runs[0].state.items():
            dense = np.empty_like(p.numpy()).strides
            assert all(v.numpy().strides == dense for v in state.values() if isinstance(v, Tensor))

    @every_case
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_pieces_change_nothing(
        self, cls: Any, hyper: dict[str, Any], order: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shape = (5, 1, 7, 3)
        start, grads = numbers(1, shape)
        results = []
        for chunk in (CHUNK, 11, 1):
            monkeypatch.setattr(module, "CHUNK", chunk)
            p = parameter(np.array(start, order=order))
            optimizer = cls([p], **hyper)
            feed(optimizer, [p], [[np.array(g, order="C" if i % 2 else order)] for i, g in enumerate(grads)])
            results.append([p.numpy(), *all_arrays(optimizer)])
        for other in results[1:]:
            for a, b in zip(results[0], other, strict=True):
                np.testing.assert_array_equal(a, b)

    def test_a_large_parameter(self) -> None:
        start = np.random.default_rng(0).standard_normal((300, 1000)).astype(np.float32)
        p = parameter(start.copy())
        gradient = np.asfortranarray(start * 2)
        feed(optim.SGD([p], lr=0.25, momentum=0.5), [p], [[gradient]] * 2)
        np.testing.assert_allclose(p.numpy(), start - 0.25 * 2.5 * gradient, rtol=1e-6, atol=1e-6)

    @every_case
    def test_gradients_are_only_read(self, cls: Any, hyper: dict[str, Any]) -> None:
        p = parameter(np.ones((3, 4)))
        gradient = np.broadcast_to(np.float64(2.0), (3, 4))
        feed(cls([p], **hyper), [p], [[gradient]] * 3)
        assert not gradient.flags.writeable
        assert (gradient == 2).all()
        assert (p.numpy() < 1).all()

    @every_case
    def test_no_gradient_no_change(self, cls: Any, hyper: dict[str, Any]) -> None:
        p, q, frozen = parameter(np.ones(3)), parameter(np.ones(3)), Tensor(np.ones(2))
        optimizer = cls([p, q, frozen], **hyper)
        feed(optimizer, [p, q, frozen], [[None, np.ones(3), None]] * 2)
        assert (p.numpy() == 1).all()
        assert (q.numpy() != 1).all()
        assert p not in optimizer.state
        assert set(optimizer.state_dict()["state"]) <= {1}

    @every_case
    @given(seed=seeds)
    def test_maximize_is_minimize_of_the_negative(self, cls: Any, hyper: dict[str, Any], seed: int) -> None:
        start, grads = numbers(seed, (4,))
        up, down = parameter(start.copy()), parameter(start.copy())
        feed(cls([up], **hyper, maximize=True), [up], [[g] for g in grads])
        feed(cls([down], **hyper), [down], [[-g] for g in grads])
        np.testing.assert_array_equal(up.numpy(), down.numpy())

    @every_case
    def test_lr_zero_changes_nothing(self, cls: Any, hyper: dict[str, Any]) -> None:
        p = parameter(np.ones(3))
        if cls is optim.Rprop:  # its lr is the first step size, which its step_sizes keep above 0
            hyper = {"step_sizes": (0, 0)}
        feed(cls([p], **{**hyper, "lr": 0}), [p], [[np.ones(3)]] * 3)
        assert (p.numpy() == 1).all()

    def test_groups_have_their_own_numbers(self) -> None:
        p, q = parameter(np.ones(2)), parameter(np.ones(2))
        optimizer = optim.SGD([{"params": p}, {"params": [q], "lr": 0.5, "weight_decay": 1.0}], lr=0.25)
        feed(optimizer, [p, q], [[np.ones(2), np.ones(2)]])
        assert p.numpy().tolist() == [0.75, 0.75]
        assert q.numpy().tolist() == [0.0, 0.0]

    def test_numbers_of_numpy_make_no_float64(self) -> None:
        p = parameter(np.ones(3, np.float32))
        optimizer = optim.Adam(
            [{"params": [p], "eps": np.float64(1e-8)}], lr=np.float64(0.1), betas=(np.float64(0.9), 0.99)
        )
        assert [type(v) for v in (optimizer.defaults["lr"], *optimizer.param_groups[0]["betas"])] == [float] * 3
        assert type(optimizer.param_groups[0]["eps"]) is float
        optimizer.param_groups[0]["lr"] = np.float32(0.1)
        feed(optimizer, [p], [[np.ones(3, np.float32)]])
        assert {a.dtype for a in all_arrays(optimizer)} == {np.dtype("float32")} == {p.numpy().dtype}

    def test_a_graph_made_before_the_step_is_refused_after_it(self) -> None:
        w = parameter(np.array([3.0]))
        first, second = (w * w).sum(), (w * w).sum()
        first.backward()
        optim.SGD([w], lr=0.1).step()
        with pytest.raises(RuntimeError):
            second.backward()

    def test_parameters_of_a_module(self) -> None:
        w = Parameter([1.0, 2.0])
        (w * w).sum().backward()
        optim.SGD([w], lr=0.5).step()
        assert w.numpy().tolist() == [0, 0]
        assert w.numpy().dtype == np.float32


class TestStep:
    def test_closure(self) -> None:
        w = parameter(np.array([2.0]))
        optimizer = optim.SGD([w], lr=0.25)
        recorded = []

        def closure() -> Tensor:
            recorded.append(is_grad_enabled())
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            return loss

        with no_grad():
            loss = optimizer.step(closure)
        assert (loss.item(), w.numpy().tolist(), recorded) == (4.0, [1.0], [True])
        with guard_rails(False):  # the same gradients once more
            assert optimizer.step() is None

    @pytest.mark.parametrize("bad", ["gradient", "lr", "nan", "momentum"])
    def test_a_step_that_fails_changes_nothing(self, bad: str) -> None:
        p, q = parameter(np.ones(3)), parameter(np.ones(2))
        optimizer = optim.SGD([{"params": [p]}, {"params": [q]}], lr=0.1, momentum=0.9)
        p.grad, q.grad = Tensor(np.ones(3)), Tensor(np.ones(2))
        if bad == "gradient":
            q.data = np.ones(1)
        else:
            name = "momentum" if bad == "momentum" else "lr"
            optimizer.param_groups[1][name] = {"lr": [0.1], "nan": float("nan"), "momentum": -0.5}[bad]
        error, text = {
            "gradient": (ValueError, r"shape \(1,\) has a gradient of shape \(2,\)"),
            "lr": (TypeError, "lr must be a Python number, got list"),
            "nan": (ValueError, "lr must be finite, got nan"),
            "momentum": (ValueError, "momentum must be >= 0, got -0.5"),
        }[bad]
        with pytest.raises(error, match=text):
            optimizer.step()
        assert (p.numpy() == 1).all()
        assert not optimizer.state

    def test_zero_grad(self) -> None:
        p, q = parameter(np.ones(3, np.float32)), parameter(np.ones(2))
        optimizer = optim.SGD([{"params": [p]}, {"params": [q]}])
        p.grad = Tensor(np.ones(3, np.float32))
        optimizer.zero_grad(set_to_none=False)
        assert p.grad.numpy().tolist() == [0, 0, 0]
        assert p.grad.dtype == np.float32
        assert q.grad is None
        q.grad = Tensor(np.ones(2))
        optimizer.zero_grad()
        assert p.grad is None
        assert q.grad is None

    def test_an_optimizer_of_the_users_own(self) -> None:
        class Halve(Optimizer):
            def __init__(self, params: Any) -> None:
                super().__init__(params, {"by": 0.5})

            def update(self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
                p *= group["by"] * g
                state["anything"] = state.get("anything", 0) + 1

        p = parameter(np.ones(2))
        optimizer = Halve([p])
        feed(optimizer, [p], [[np.ones(2)]] * 2)
        assert p.numpy().tolist() == [0.25, 0.25]
        again = Halve([parameter(np.ones(2))])
        again.load_state_dict(optimizer.state_dict())
        assert again.state_dict()["state"] == {0: {"anything": 2}}

    def test_the_state_of_an_optimizer_of_the_users_own_is_copied_too(self) -> None:
        class Heavy(Optimizer):
            def __init__(self, params: Any) -> None:
                super().__init__(params, {})

            def update(self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:  # noqa: ARG002
                velocity = state.setdefault("velocity", [np.zeros_like(p)])  # of a form that nobody has declared
                velocity[0] += g
                p -= velocity[0]

        p, q = parameter(np.ones(2)), parameter(np.ones(2))
        first, second = Heavy([p]), Heavy([q])
        feed(first, [p], [[np.ones(2)]])
        second.load_state_dict(first.state_dict())
        feed(second, [q], [[np.ones(2)]] * 3)
        assert first.state[p]["velocity"][0].tolist() == [1, 1]
        assert second.state[q]["velocity"][0].tolist() == [4, 4]

    def test_an_optimizer_without_update(self) -> None:
        p = parameter(np.ones(2))
        with pytest.raises(NotImplementedError, match=r"Optimizer does not define update"):
            feed(Optimizer([p], {}), [p], [[np.ones(2)]])


class TestBlocks:
    @given(data=st.data(), chunk=st.integers(1, 50))
    def test_every_element_once(self, data: Any, chunk: int) -> None:
        shape = tuple(data.draw(st.lists(st.integers(0, 5), max_size=4)))
        axes = [data.draw(st.permutations(range(len(shape)))) for _ in range(2)]
        a, b = (
            np.arange(np.prod(shape, dtype=int)).reshape([shape[i] for i in axis]).transpose(np.argsort(axis))
            for axis in axes
        )
        seen, want = [], list(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "CHUNK", chunk)

            def look(x: Any, nothing: None, y: Any, *, word: str) -> None:
                assert nothing is None
                assert word == "handed on"
                assert x.shape == y.shape
                assert x.ndim
                assert np.shares_memory(x, a) or not a.size
                seen.extend(zip(x.ravel().tolist(), y.ravel().tolist(), strict=True))

            blockwise(look, a, None, b, word="handed on")
        assert sorted(seen) == sorted(want)

    def test_pieces_are_of_that_size(self) -> None:
        sizes: list[int] = []
        blockwise(lambda x: sizes.append(x.size), np.empty((500, 1000)))
        assert max(sizes) <= CHUNK
        assert sum(sizes) == 500_000
        assert len(sizes) == 8
        sizes.clear()
        blockwise(lambda x, _: sizes.append(x.size), np.empty((500, 1000)), np.empty((1000, 500)).T)
        assert max(sizes) <= CHUNK
        assert len(sizes) == 8


class TestState:
    @every_case
    @given(seed=seeds, dtype=st.sampled_from(["float32", "float64"]))
    def test_resumed_is_bit_equal(self, cls: Any, hyper: dict[str, Any], seed: int, dtype: str) -> None:
        start, grads = numbers(seed, (3, 4))
        grads = [g.astype(dtype) for g in grads]
        p = parameter(np.asfortranarray(start.astype(dtype)))
        whole = cls([p], **hyper)
        feed(whole, [p], [[g] for g in grads[:4]])
        q = parameter(p.numpy().copy(order="K"))
        resumed = cls([q], lr=77)
        resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
        feed(whole, [p], [[g] for g in grads[4:]])
        feed(resumed, [q], [[g] for g in grads[4:]])
        np.testing.assert_array_equal(p.numpy(), q.numpy())
        for a, b in zip(all_arrays(whole), all_arrays(resumed), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.strides == b.strides

    @every_case
    def test_resumed_from_a_file_is_bit_equal(self, cls: Any, hyper: dict[str, Any], tmp_path: Path) -> None:
        start, grads = numbers(5, (3, 4))
        p = parameter(start.copy())
        whole = cls([p], **hyper)
        feed(whole, [p], [[g] for g in grads[:4]])
        save({"optimizer": whole.state_dict(), "p": p}, tmp_path / "run")
        saved = load(tmp_path / "run")
        q = parameter(saved["p"].numpy())
        resumed = cls([q])
        resumed.load_state_dict(saved["optimizer"])
        feed(whole, [p], [[g] for g in grads[4:]])
        feed(resumed, [q], [[g] for g in grads[4:]])
        np.testing.assert_array_equal(p.numpy(), q.numpy())

    @every_case
    def test_loading_copies(self, cls: Any, hyper: dict[str, Any]) -> None:
        p, q = parameter(np.ones(3)), parameter(np.ones(3))
        first, second = cls([p], **hyper), cls([q], **hyper)
        feed(first, [p], [[np.ones(3)]])
        second.load_state_dict(first.state_dict())
        kept = [a.copy() for a in all_arrays(first)]
        feed(second, [q], [[np.full(3, 5.0)]])
        for a, b in zip(all_arrays(first), kept, strict=True):
            np.testing.assert_array_equal(a, b)

    @pytest.mark.parametrize("direction", ["from torch", "to torch"])
    @every_case
    def test_goes_on_where_torch_stopped(self, torch: Any, cls: Any, hyper: dict[str, Any], direction: str) -> None:
        if cls is optim.Lion:
            assert not hasattr(torch.optim, "Lion")
            return
        start, grads = numbers(3, (3, 4))
        with default_dtype(torch, "float64"):
            p, q = parameter(start.copy()), torch.nn.Parameter(torch.tensor(start))
            ours, theirs = cls([("w", p)], **hyper), getattr(torch.optim, cls.__name__)([("w", q)], **hyper)
            for i, g in enumerate(grads):
                if i == 4 and direction == "from torch":
                    ours = cls([("w", p)], lr=77)
                    ours.load_state_dict(theirs.state_dict())
                elif i == 4:
                    state = ours.state_dict()
                    for entry in state["state"].values():
                        entry.update(
                            {k: torch.tensor(v.numpy() if k in cls.buffers else float(v)) for k, v in entry.items()}
                        )
                    theirs = getattr(torch.optim, cls.__name__)([("w", q)], lr=77)
                    theirs.load_state_dict(state)
                feed(ours, [p], [[g]])
                q.grad = torch.tensor(g)
                theirs.step()
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-10)
            compare_states(ours.state_dict(), theirs.state_dict(), 1e-9)

    def test_structure(self) -> None:
        p, q, r = (parameter(np.ones(i)) for i in (1, 2, 3))
        optimizer = optim.SGD([{"params": [p, q]}, {"params": [r], "note": "mine"}], lr=0.1, momentum=0.9)
        feed(optimizer, [p, q, r], [[None, np.ones(2), np.ones(3)]])
        state = optimizer.state_dict()
        assert [g["params"] for g in state["param_groups"]] == [[0, 1], [2]]
        assert state["param_groups"][1]["note"] == "mine"
        assert state["state"][1]["momentum_buffer"] is optimizer.state[q]["momentum_buffer"]
        assert list(state["state"]) == [1, 2]
        assert optimizer.param_groups[0]["params"] == [p, q]

    @pytest.mark.parametrize(
        ("cls", "hyper", "state"),
        [
            (optim.SGD, {"momentum": 0.9}, {"momentum_buffer": 2}),
            (optim.Adam, {"amsgrad": True}, {"step": 1, "exp_avg": 0.2, "exp_avg_sq": 0.004, "max_exp_avg_sq": 0.004}),
            (optim.AdamW, {}, {"step": 1, "exp_avg": 0.2, "exp_avg_sq": 0.004}),
            (
                optim.NAdam,
                {},
                {"step": 1, "exp_avg": 0.2, "exp_avg_sq": 0.004, "mu_product": 0.9 * (1 - 0.96**0.004 / 2)},
            ),
            (optim.RAdam, {}, {"step": 1, "exp_avg": 0.2, "exp_avg_sq": 0.004}),
            (
                optim.RMSprop,
                {"centered": True, "momentum": 0.9, "eps": 0},
                {"step": 1, "square_avg": 0.04, "grad_avg": 0.02, "momentum_buffer": 2 / (0.04 - 0.0004) ** 0.5},
            ),
            (optim.Adagrad, {}, {"step": 1, "sum": 4}),
            (optim.Adadelta, {}, {"step": 1, "square_avg": 0.4, "acc_delta": 0.1 * 4 * 1e-6 / (0.4 + 1e-6)}),
            (optim.Lion, {}, {"exp_avg": 0.02}),
            (optim.Adamax, {}, {"step": 1, "exp_avg": 0.2, "exp_inf": 2 + 1e-8}),
            (optim.ASGD, {}, {"step": 1, "eta": 0.01 / 1.000001**0.75, "mu": 1, "ax": 1 - 0.01 * 2 - 1e-6}),
            (optim.Rprop, {}, {"step": 1, "prev": 2, "step_size": 0.01}),
        ],
    )
    def test_names_and_values_after_a_gradient_of_two(self, cls: Any, hyper: Any, state: dict[str, float]) -> None:
        p = parameter(np.ones(3))
        optimizer = cls([p], **hyper)
        feed(optimizer, [p], [[np.full(3, 2.0)]])
        assert set(optimizer.state[p]) == set(state)
        for name, value in state.items():
            np.testing.assert_allclose(getattr(optimizer.state[p][name], "data", optimizer.state[p][name]), value)

    def test_what_is_not_in_the_saved_state_starts_anew(self) -> None:
        p = parameter(np.ones(3))
        optimizer = optim.SGD([p], momentum=0.9)
        fresh = optimizer.state_dict()
        feed(optimizer, [p], [[np.ones(3)]])
        optimizer.load_state_dict(fresh)
        assert optimizer.state_dict()["state"] == {}

    def test_hyper_parameters_are_taken_over_and_switches_are_not(self) -> None:
        saved = optim.Adam([parameter(np.ones(2))], lr=0.5, betas=(0.5, 0.6)).state_dict()
        saved["param_groups"][0].update(fused=True, foreach=True, betas=[0.5, 0.6], initial_lr=3.0, params=[7])
        del saved["param_groups"][0]["maximize"]  # as files of older versions
        optimizer = optim.Adam([("w", parameter(np.ones(2)))], eps=0.25)
        p = optimizer.param_groups[0]["params"][0]
        optimizer.load_state_dict(saved)
        [group] = optimizer.param_groups
        assert (group["lr"], group["betas"], group["initial_lr"], group["eps"]) == (0.5, (0.5, 0.6), 3.0, 1e-8)
        assert (group["fused"], group["foreach"], group["param_names"]) == (None, None, ["w"])
        assert group["params"] == [p]

    def test_dtype_follows_the_parameter(self) -> None:
        p = parameter(np.ones(3))
        first = optim.Adam([p])
        feed(first, [p], [[np.ones(3)]])
        second = optim.Adam([parameter(np.ones(3, np.float32))])
        second.load_state_dict(first.state_dict())
        assert {a.dtype for a in all_arrays(second)} == {np.dtype("float32")}

    def test_all_that_does_not_fit_in_one_message(self) -> None:
        p, q = parameter(np.ones(3)), parameter(np.ones(2))
        optimizer = optim.Adam([p, q], lr=0.1)
        feed(optimizer, [p, q], [[np.ones(3), np.ones(2)]])
        before = copy.deepcopy(optimizer.state_dict())
        bad = copy.deepcopy(before)
        bad["param_groups"][0]["lr"] = 5.0
        bad["state"][0]["exp_avg"] = Tensor(np.ones(4))
        bad["state"][1]["momentum_buffer"] = Tensor(np.ones(2))
        bad["state"][9] = {}
        with pytest.raises(ValueError, match="does not fit this Adam") as caught:
            optimizer.load_state_dict(bad)
        for text in (
            "parameter 0: 'exp_avg' has shape (4,), the parameter (3,)",
            "parameter 1: 'momentum_buffer' is nothing this optimizer keeps (it keeps exp_avg, exp_avg_sq, max_exp",
            "state for a parameter 9, which is in no group",
        ):
            assert text in str(caught.value)
        bad = copy.deepcopy(before)
        bad["param_groups"][0]["betas"] = (2.0, 0.5)
        with pytest.raises(ValueError, match="betas must be two numbers"):
            optimizer.load_state_dict(bad)
        after = optimizer.state_dict()
        assert after["param_groups"] == before["param_groups"]
        for i in (0, 1):
            assert set(after["state"][i]) == set(before["state"][i])
            np.testing.assert_array_equal(after["state"][i]["exp_avg"].numpy(), before["state"][i]["exp_avg"].numpy())

    @pytest.mark.parametrize("groups", [[[2]], [[1], [1]], [[1, 1, 1]]])
    def test_groups_of_other_sizes(self, groups: list[list[int]]) -> None:
        saved = optim.SGD([{"params": [parameter(np.ones(i)) for i in group]} for group in groups]).state_dict()
        optimizer = optim.SGD([parameter(np.ones(1)), parameter(np.ones(1))])
        if groups == [[1, 1]]:
            optimizer.load_state_dict(saved)
            return
        with pytest.raises(
            ValueError, match=r"parameter group\(s\) with \[.*\] parameters; this optimizer has 1 with \[2\]"
        ):
            optimizer.load_state_dict(saved)

    @pytest.mark.parametrize("bad", [None, [], {}, {"state": {}}])
    def test_no_state_dict(self, bad: Any) -> None:
        with pytest.raises(TypeError, match="load_state_dict expects a dict with the keys"):
            optim.SGD([parameter(np.ones(1))]).load_state_dict(bad)

    def test_deepcopy_of_an_optimizer_goes_its_own_way(self) -> None:
        p = parameter(np.ones(2))
        optimizer = optim.SGD([p], lr=0.5, momentum=0.9)
        feed(optimizer, [p], [[np.ones(2)]])
        other = copy.deepcopy(optimizer)
        q = other.param_groups[0]["params"][0]
        feed(other, [q], [[np.ones(2)]])
        feed(optimizer, [p], [[np.ones(2)]])
        np.testing.assert_array_equal(p.numpy(), q.numpy())
        assert q is not p


class TestGroups:
    def test_what_params_may_be(self) -> None:
        p, q = parameter(np.ones(1)), parameter(np.ones(2))
        assert optim.SGD(iter([p, q])).param_groups[0]["params"] == [p, q]
        assert optim.SGD((p, q)).param_groups[0]["params"] == [p, q]
        named = optim.SGD(iter([("a", p), ("b", q)]))
        assert named.param_groups[0]["params"] == [p, q]
        assert named.param_groups[0]["param_names"] == ["a", "b"]
        groups = optim.SGD([{"params": [("a", p)], "lr": 3}, {"params": iter([("b", q)])}], lr=1).param_groups
        assert [(g["params"], g["param_names"], g["lr"]) for g in groups] == [([p], ["a"], 3), ([q], ["b"], 1)]
        assert len(optim.SGD([{"params": []}, {"params": p}]).param_groups) == 2
        assert len(optim.SGD([{"params": [("a", p)]}, {"params": []}, {"params": [("b", q)]}]).param_groups) == 3
        assert "param_names" not in optim.SGD([p]).param_groups[0]

    def test_the_groups_given_are_not_changed(self) -> None:
        group = {"params": [parameter(np.ones(1))]}
        optim.SGD([group], lr=0.1)
        assert list(group) == ["params"]

    def test_add_param_group(self) -> None:
        p, q = parameter(np.ones(1)), parameter(np.ones(1))
        optimizer = optim.SGD([p], lr=0.5)
        optimizer.add_param_group({"params": q, "lr": 0.25})
        feed(optimizer, [p, q], [[np.ones(1), np.ones(1)]])
        assert (p.numpy()[0], q.numpy()[0]) == (0.5, 0.75)
        assert optimizer.defaults["lr"] == 0.5

    @pytest.mark.parametrize(
        ("make", "error", "text"),
        [
            (lambda _: [], ValueError, "got no parameters: the list is empty, or the iterator was used up"),
            (lambda _: iter(()), ValueError, "got no parameters"),
            (lambda _: [{"params": []}], ValueError, "got no parameters"),
            (lambda p: p, TypeError, "params must be an iterable of tensors.*got Tensor; pass model.parameters"),
            (lambda _: np.ones(3), TypeError, "got ndarray"),
            (lambda p: {"params": [p]}, TypeError, "got dict"),
            (lambda _: 3, TypeError, "got int"),
            (lambda _: "weights", TypeError, "got str"),
            (lambda p: {p}, TypeError, "set, whose order differs"),
            (lambda p: [p, np.ones(3)], TypeError, "parameter 1 is no Tensor but ndarray"),
            (lambda _: [("w", np.ones(3))], TypeError, "parameter w is no Tensor but ndarray"),
            (lambda p: [p, "w"], TypeError, "parameter 1 is no Tensor but str"),
            (
                lambda p: [p, p],
                ValueError,
                r"parameter 1 \(shape \(3,\)\) of the new group is in the same group already",
            ),
            (lambda p: [("a", p), ("b", p)], ValueError, "parameter b .* is in the same group already"),
            (
                lambda p: [{"params": [p]}, {"params": [p]}],
                ValueError,
                "parameter 0 .* is in parameter group 0 already",
            ),
            (lambda p: [p, p * 2], ValueError, r"parameter 1 \(shape \(3,\)\) was computed from other tensors"),
            (lambda p: [("a", p), parameter(np.ones(1))], ValueError, "either all parameters come with names"),
            (
                lambda p: [{"params": [("a", p)]}, {"params": [parameter(np.ones(1))]}],
                ValueError,
                "either all parameters come with names",
            ),
            (lambda _: [{"lr": 3}], ValueError, r"needs the key 'params'; this one has \['lr'\]"),
            (lambda p: [{"params": [p]}, p], TypeError, "parameter 0 is no Tensor but dict"),
            (lambda p: [{"params": {p}}], TypeError, "set, whose order differs"),
            (lambda p: [{"params": [p], "lr": -1}], ValueError, "lr must be >= 0, got -1"),
            (lambda p: [{"params": [p], "differentiable": True}], ValueError, "differentiable=True is not supported"),
            (
                lambda _: [Tensor(np.broadcast_to(1.0, (3,)))],
                ValueError,
                r"parameter 0 \(shape \(3,\)\) wraps a read-only",
            ),
        ],
    )
    def test_what_params_may_not_be(self, make: Any, error: Any, text: str) -> None:
        with pytest.raises(error, match=text):
            optim.SGD(make(parameter(np.ones(3))), lr=0.1)

    def test_a_group_that_is_refused_is_not_added(self) -> None:
        p, q = parameter(np.ones(1)), parameter(np.ones(1))
        optimizer = optim.SGD([p])
        for bad, error in (
            ({"params": [q, p]}, ValueError),
            ({"params": q, "momentum": -1}, ValueError),
            ([q], TypeError),
        ):
            with pytest.raises(error):
                optimizer.add_param_group(bad)  # type: ignore[arg-type]
        assert len(optimizer.param_groups) == 1

    def test_repr(self) -> None:
        text = repr(optim.Lion([parameter(np.ones(1))], lr=0.5))
        assert text.splitlines() == [
            "Lion (", "Parameter Group 0", "    betas: (0.9, 0.99)", "    lr: 0.5", "    maximize: False",
            "    weight_decay: 0", ")",
        ]  # fmt: skip

    def test_repr_like_torch(self, torch: Any) -> None:
        ours, theirs = optim.SGD([parameter(np.ones(1))]), torch.optim.SGD([torch.nn.Parameter(torch.ones(1))])
        assert repr(ours) == repr(theirs)

    @every_class
    def test_defaults_and_argument_order_like_torch(self, torch: Any, cls: Any) -> None:
        if cls is optim.Lion:
            assert not hasattr(torch.optim, "Lion")
            return
        mine, theirs = (inspect.signature(c).parameters for c in (cls, getattr(torch.optim, cls.__name__)))
        assert list(mine) == list(theirs)
        assert {n: (p.default, p.kind) for n, p in mine.items()} == {n: (p.default, p.kind) for n, p in theirs.items()}


@pytest.mark.parametrize("name", ["optimizer", "sgd", "lr_scheduler.decay"])
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"tinygrad_cnn.optim.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
