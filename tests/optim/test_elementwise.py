"""Parameters stepped together and one by one: the same bits, whatever anybody does between two steps."""

from __future__ import annotations

import copy
import math
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import parameter

import tinygrad_cnn as tg
from tinygrad_cnn import optim
from tinygrad_cnn.arrays import writes
from tinygrad_cnn.optim import parts, plans
from tinygrad_cnn.tensors import Tensor

SHAPES = [(), (0,), (1,), (7,), (3, 5), (2, 3, 2, 2), (40,), (6, 20), (2, 3, 4, 5), (200,), (30, 9)]


# ------------------------------------------------------------------------------------------------ random programs
def laid_out(a: np.ndarray, how: int) -> np.ndarray:
    """The same numbers in another memory order, or with gaps."""
    if how == 1 and a.ndim > 1:
        return np.ascontiguousarray(a.T).T
    if how == 2 and a.ndim == 4:
        return np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    if how == 3 and a.ndim:
        b = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)[..., ::2]
        b[...] = a
        return b
    return a.copy()


class World:
    """Parameters, their optimizer, and what happens to them; the same seed gives the same."""

    missing = 0.3  # how often some gradients are not there

    def __init__(
        self, make: Callable[..., optim.Optimizer], seed: int, dtypes: list[str], shapes: Any = None, **flags: Any
    ) -> None:
        self.rng = np.random.default_rng(seed)
        shapes = shapes or [SHAPES[i] for i in self.rng.integers(0, len(SHAPES), self.rng.integers(1, 9))]
        self.params = [self.parameter(shape, self.rng.choice(dtypes)) for shape in shapes]
        self.optimizer = make(self.params, **flags)

    def array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        a = np.asarray(self.rng.standard_normal(shape) * 10.0 ** self.rng.integers(-3, 1), dtype)
        return laid_out(a, self.rng.integers(0, 6))

    def parameter(self, shape: tuple[int, ...], dtype: Any) -> Tensor:
        return parameter(self.array(shape, dtype))

    def positive(self, like: np.ndarray) -> np.ndarray:
        a = self.array(like.shape, like.dtype)
        return np.abs(a, out=a)

    def some(self) -> Tensor:
        return self.params[self.rng.integers(0, len(self.params))]

    def state(self) -> dict[str, Any]:
        return self.optimizer.state.get(self.some(), {})

    def step(self) -> None:
        """Gradients for most, and a step."""
        missing = self.rng.random() < self.missing
        for p in self.params:
            p.grad = None if missing and self.rng.random() < 0.3 else Tensor(self.array(p._array.shape, p.dtype))
        self.optimizer.step()

    # What may happen between two steps.
    def nothing(self) -> None: ...

    def other_array(self) -> None:
        p = self.some()
        p.data = self.array(p._array.shape, p.dtype)

    def double(self) -> None:
        p = self.some()
        p.data = p._array.astype(np.float64)

    def shared_memory(self) -> None:
        p = self.some()
        for q in self.params:
            if q is not p and q._array.shape == p._array.shape:
                q.data = p.data

    def write(self) -> None:
        with tg.no_grad():
            self.some().mul_(0.5)

    def write_into_state(self) -> None:
        for value in self.state().values():
            if isinstance(value, Tensor):
                value.mul_(0.5)

    def other_array_in_state(self) -> None:
        for value in self.state().values():
            if isinstance(value, Tensor):
                value.data = self.positive(value._array)

    def other_state(self) -> None:
        state = self.state()
        for key, value in state.items():
            if isinstance(value, Tensor):
                state[key] = Tensor(self.positive(value._array))

    def hold_state(self) -> None:
        for value in self.state().values():
            if isinstance(value, Tensor):
                self.held = value.numpy()

    def no_state(self) -> None:
        self.optimizer.state.pop(self.some(), None)

    def count(self) -> None:
        state = self.state()
        if "step" in state:
            state["step"] += 3

    def hyper(self) -> None:
        group = self.optimizer.param_groups[0]
        group["lr"] *= 0.7
        group["maximize"] = bool(self.rng.integers(0, 2))
        group["weight_decay"] = float(self.rng.choice([0, 0.1]))
        if "momentum" in group and not group["nesterov"]:
            group["momentum"] = float(self.rng.choice([0, 0.5]))
        if "amsgrad" in group:
            group["amsgrad"] = bool(self.rng.integers(0, 2))

    def tensor_lr(self) -> None:
        group = self.optimizer.param_groups[0]
        group["lr"] = Tensor(np.array(0.03))

    def load(self) -> None:
        self.optimizer.load_state_dict(copy.deepcopy(self.optimizer.state_dict()))

    def copied(self) -> None:
        self.params, self.optimizer = copy.deepcopy((self.params, self.optimizer))

    def pickled(self) -> None:
        self.params, self.optimizer = pickle.loads(pickle.dumps((self.params, self.optimizer)))

    def more(self) -> None:
        p = self.parameter((4,), "float32")
        self.params.append(p)
        self.optimizer.add_param_group({"params": [p]})

    def aliased_gradient(self) -> None:
        """Gradients that are parameters: those whose turn comes later see what has changed."""
        before = Tensor(np.ones(7, np.float32))
        for p in self.params:
            same = (p._array.shape, p.dtype) == (before._array.shape, before.dtype)
            p.grad = before.detach() if same else Tensor(np.ones_like(p._array))
            before = p
        self.optimizer.step()

    def shared_gradient(self) -> None:
        g = Tensor(self.array((7,), "float32"))
        for p in self.params:
            p.grad = g if (p._array.shape, p.dtype) == ((7,), g.dtype) else None
        self.optimizer.step()


class Whole(World):
    """All gradients are there, and every array is contiguous: what is stepped together is so in each step."""

    missing = 0.0

    def array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.asarray(self.rng.standard_normal(shape), dtype)


APART = ("missing", "array", "positive", "parameter", "some", "state", "step")
EVENTS = [name for name in vars(World) if name[0] != "_" and name not in APART]
USUAL = ("nothing",) * len(EVENTS)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal, up to which of its NaNs a processor gives."""
    return (a.dtype, a.shape) == (b.dtype, b.shape) and bool(
        (((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))).all()
    )


def check_same(one: World, other: World) -> None:
    for p, q in zip(one.params, other.params, strict=True):
        assert same_bits(p._array, q._array)
        mine, theirs = (world.optimizer.state.get(t, {}) for world, t in ((one, p), (other, q)))
        assert list(mine) == list(theirs)
        for key, value in mine.items():
            if isinstance(value, Tensor):
                assert same_bits(value._array, theirs[key]._array), key
                if value._array.flags.c_contiguous:
                    assert theirs[key]._array.flags.c_contiguous
            else:
                assert (value, type(value)) == (theirs[key], type(theirs[key]))


@st.composite
def makers(draw: Any) -> Callable[..., optim.Optimizer]:
    shared: dict[str, Any] = {
        "lr": draw(st.sampled_from([0.0, 1e-3, 0.1, 1.7])),
        "weight_decay": draw(st.sampled_from([0, 0.1])),
        "maximize": draw(st.booleans()),
    }
    if draw(st.booleans()):
        momentum = draw(st.sampled_from([0, 0.9]))
        nesterov = bool(momentum) and draw(st.booleans())
        shared |= {"momentum": momentum, "nesterov": nesterov}
        shared["dampening"] = 0 if nesterov else draw(st.sampled_from([0, 0.5]))
        return lambda params, **flags: optim.SGD(params, **shared, **flags)
    shared |= {"amsgrad": draw(st.booleans()), "betas": draw(st.sampled_from([(0.9, 0.999), (0.0, 0.5), [0.5, 0.9]]))}
    cls = draw(st.sampled_from([optim.Adam, optim.AdamW]))
    return lambda params, **flags: cls(params, **shared, **flags)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few elements are many, and two threads share whatever there is."""
    for module in (plans, parts):
        monkeypatch.setattr(module, "CHUNK", 64)
    monkeypatch.setattr(plans, "WORTH", 1e-12)
    monkeypatch.setattr(plans, "SHARED", 8)
    monkeypatch.setattr(plans, "get_num_threads", lambda: 3)
    for cls in (optim.SGD, optim.Adam):
        monkeypatch.setattr(cls, "small", 24)


class TestTheSameBits:
    @given(
        make=makers(),
        seed=st.integers(0, 2**31),
        dtypes=st.sampled_from([["float32"], ["float64"], ["float16"], ["float16", "float32", "float64"]]),
        events=st.lists(st.sampled_from([*USUAL, *EVENTS]), min_size=4, max_size=12),
        flags=st.sampled_from([{}, {"fused": True}, {"foreach": True}]),
    )
    @pytest.mark.usefixtures("tiny")
    def test_whatever_happens(self, make: Any, seed: int, dtypes: list[str], events: list[str], flags: Any) -> None:
        together, alone = World(make, seed, dtypes, **flags), World(make, seed, dtypes, fused=False)
        with np.errstate(all="ignore"), tg.guard_rails(False):
            for event in events:
                for world in (together, alone):
                    getattr(world, event)()
                    world.step()
                check_same(together, alone)
                alone.rng.bit_generator.state = together.rng.bit_generator.state

    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize(
        "make",
        [
            lambda params, **flags: optim.SGD(params, 0.1, 0.9, 0.5, 0.1, **flags),
            lambda params, **flags: optim.AdamW(params, 0.1, **flags),
        ],
    )
    @pytest.mark.usefixtures("tiny")
    def test_each_event_amid_steps_together(self, make: Any, event: str) -> None:
        worlds = [Whole(make, 1, ["float32"], [(7,)] * 4 + [(200,)], **flags) for flags in ({}, {"fused": False})]
        with tg.guard_rails(False):
            for what in (*["nothing"] * 3, event, *["nothing"] * 3, event, event, "nothing"):
                for world in worlds:
                    getattr(world, what)()
                    world.step()
                check_same(*worlds)
                worlds[1].rng.bit_generator.state = worlds[0].rng.bit_generator.state


def as_written(name: str, p: Any, g: Any, state: list[Any], t: int, h: dict[str, Any]) -> None:
    """The formulas of SGD and Adam, an array for each term."""
    if h.get("weight_decay") and not h.get("decoupled_weight_decay"):
        g = g + h["weight_decay"] * p
    if name == "SGD":
        [b] = state
        b *= h["momentum"]
        b += g if t == 1 else (1 - h["dampening"]) * g
        g = g + h["momentum"] * b if h["nesterov"] else b
        p -= h["lr"] * g
        return
    m, v, v_max = state
    beta1, beta2 = h["betas"]
    if h["decoupled_weight_decay"]:
        p *= 1 - h["lr"] * h["weight_decay"]
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * (g * g)
    np.maximum(v_max, v, out=v_max)
    d = np.sqrt(v_max if h["amsgrad"] else v) / math.sqrt(1 - beta2**t) + h["eps"]
    p -= h["lr"] / (1 - beta1**t) * (m / d)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("fused", [None, True, False])
@pytest.mark.parametrize(
    ("cls", "hyper"),
    [
        (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01, "nesterov": False}),
        (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0, "weight_decay": 0.01, "nesterov": True}),
        (optim.Adam, {"lr": 0.01, "weight_decay": 0.1, "eps": 0.01, "amsgrad": True}),
        (optim.AdamW, {"lr": 0.01, "weight_decay": 0.1, "eps": 0.01, "amsgrad": False}),
    ],
)
def test_the_bits_are_those_of_the_formula(cls: Any, hyper: Any, fused: Any, dtype: str) -> None:
    rng = np.random.default_rng(1)
    start = [np.asarray(rng.standard_normal(shape), dtype) for shape in ((), (5,), (3, 4), (100, 70))]
    params, expected = [parameter(a.copy()) for a in start], [a.reshape(a.shape or 1).copy() for a in start]
    optimizer = cls(params, fused=fused, **hyper)
    state = [[np.zeros_like(a) for _ in range(1 if cls is optim.SGD else 3)] for a in expected]
    for t in range(1, 6):
        for p, e, s in zip(params, expected, state, strict=True):
            g = np.asarray(rng.standard_normal(p._array.shape), dtype)
            p.grad = Tensor(g.copy())
            as_written(cls.__name__, e, g.reshape(e.shape), s, t, optimizer.param_groups[0])
        optimizer.step()
    for p, e in zip(params, expected, strict=True):
        assert p.numpy().tobytes() == e.tobytes()


# ------------------------------------------------------------------------------------------------ what nobody sees
def net(cls: Any = optim.SGD, sizes: Any = ((4,), (3, 5), (120, 90)), **hyper: Any) -> tuple[list[Tensor], Any]:
    """Parameters with gradients, and an optimizer that has taken its first step."""
    rng = np.random.default_rng(0)
    params = [tg.tensor(rng.standard_normal(shape)).requires_grad_() for shape in sizes]
    hyper = {"momentum": 0.9} if cls is optim.SGD and not hyper else hyper
    optimizer = cls(params, lr=0.1, **hyper)
    step(params, optimizer)
    return params, optimizer


def step(params: list[Tensor], optimizer: Any) -> None:
    for p in params:
        p.grad = tg.ones_like(p)
    optimizer.step()


def together(optimizer: Any) -> bool:
    """Was the latest step taken by a plan?"""
    return optimizer._plans[0].names is not None


class TestWhatNobodySees:
    def test_it_begins_with_the_second_step(self) -> None:
        params, optimizer = net()
        assert not together(optimizer)
        step(params, optimizer)
        assert together(optimizer)
        assert sorted(type(part).__name__ for part in optimizer._plans[0].parts) == ["Pack", "Single"]

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            ({}, True),
            ({"fused": True}, True),
            ({"foreach": True}, True),
            ({"fused": False}, False),
            ({"foreach": False}, False),
            ({"foreach": False, "fused": True}, True),
            ({"foreach": True, "fused": False}, True),
        ],
    )
    def test_flags(self, flags: dict[str, bool], expected: bool) -> None:
        params, optimizer = net(**flags)
        step(params, optimizer)
        assert together(optimizer) == expected

    def test_parameters_stay_where_they_are(self) -> None:
        params, optimizer = net()
        places = [p.data_ptr() for p in params]
        for _ in range(3):
            step(params, optimizer)
        assert [p.data_ptr() for p in params] == places

    def test_whoever_holds_the_state_sees_the_next_step(self) -> None:
        params, optimizer = net()
        tensor, array = (optimizer.state[p]["momentum_buffer"] for p in params[:2])
        array = array.numpy()
        part = optimizer.state[params[0]]["momentum_buffer"].view(2, 2)
        step(params, optimizer)
        np.testing.assert_array_equal(tensor.numpy(), np.full(4, 1.9))
        np.testing.assert_array_equal(array, np.full((3, 5), 1.9))
        np.testing.assert_array_equal(part.numpy(), np.full((2, 2), 1.9))

    def test_a_new_small_state_is_a_tensor_of_its_own(self) -> None:
        params, optimizer = net()
        step(params, optimizer)
        small, other = (optimizer.state[p]["momentum_buffer"] for p in params[:2])
        assert (small.storage_offset(), other.storage_offset()) == (0, 0)
        loss = (tg.ones(4, dtype=tg.float64, requires_grad=True) * small).sum()
        other.mul_(2)
        step(params, optimizer)  # as one by one: what an optimizer writes into its state is its own business
        loss.backward()
        loss = (tg.ones(4, dtype=tg.float64, requires_grad=True) * small).sum()
        small.mul_(2)
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()

    def test_a_write_is_one_into_those_that_were_stepped(self) -> None:
        params, optimizer = net(sizes=((4,), (4,)))
        step(params, optimizer)
        p, q = params
        x = tg.ones(4, dtype=tg.float64, requires_grad=True)
        one, other = (x * p.detach()).sum(), (x * q.detach()).sum()
        p.grad, q.grad = tg.ones_like(p), None
        optimizer.step()
        other.backward()
        with pytest.raises(RuntimeError, match="changed in place"):
            one.backward()

    def test_a_step_together_is_noted_too(self) -> None:
        params, optimizer = net()
        step(params, optimizer)
        moment = writes.last_write
        step(params, optimizer)
        assert all(writes.written_since(p._array, moment) for p in params)

    def test_a_write_between_forward_and_backward_is_still_refused(self) -> None:
        params, optimizer = net()
        step(params, optimizer)
        x = tg.ones(4, dtype=tg.float64, requires_grad=True)
        loss = (x * params[0]).sum()
        with tg.no_grad():
            params[0].add_(1)
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()

    def test_copies_have_plans_of_their_own(self) -> None:
        params, optimizer = net()
        step(params, optimizer)
        others, copied = copy.deepcopy((params, optimizer))
        before = [p.numpy().copy() for p in params]
        for _ in range(3):
            step(others, copied)
        for p, a in zip(params, before, strict=True):
            np.testing.assert_array_equal(p.numpy(), a)

    def test_a_saved_state_is_the_same_file(self, tmp_path: Any) -> None:
        files = []
        for fused in (True, False):
            params, optimizer = net(momentum=0.9, fused=fused)
            step(params, optimizer)
            optimizer.param_groups[0]["fused"] = None
            tg.save(optimizer.state_dict(), tmp_path / "state")
            files.append((tmp_path / "state").read_bytes())
        assert files[0] == files[1]

    def test_an_update_of_the_users_is_called_in_each_step(self) -> None:
        class Mine(optim.Adam):
            calls = 0

            def update(self, p: Any, g: Any, state: Any, group: Any) -> None:
                Mine.calls += 1
                super().update(p, g, state, group)

        params, optimizer = net(Mine, betas=(0.9, 0.99))
        step(params, optimizer)
        assert Mine.calls == 6

    def test_a_hyper_parameter_out_of_its_range_is_seen(self) -> None:
        params, optimizer = net()
        step(params, optimizer)
        step(params, optimizer)
        optimizer.param_groups[0]["momentum"] = -1
        with pytest.raises(ValueError, match="momentum must be >= 0"):
            optimizer.step()
        params, optimizer = net(optim.Adam, betas=[0.9, 0.99])
        step(params, optimizer)
        optimizer.param_groups[0]["betas"][0] = 2
        with pytest.raises(ValueError, match="betas"):
            optimizer.step()

    def test_a_gradient_of_another_shape_is_seen(self) -> None:
        params, optimizer = net()
        step(params, optimizer)
        params[1]._array, before = np.ones((5, 3)), params[0].numpy().copy()
        with pytest.raises(ValueError, match=r"shape \(5, 3\) has a gradient of shape \(3, 5\); nothing updated"):
            optimizer.step()
        np.testing.assert_array_equal(params[0].numpy(), before)

    @pytest.mark.parametrize("make", [
        lambda params: optim.SGD(params, momentum=0.9, weight_decay=0.1, nesterov=True, maximize=True),
        lambda params: optim.Adam(params, weight_decay=0.1, amsgrad=True, maximize=True),
        lambda params: optim.AdamW(params),
    ])  # fmt: skip
    @pytest.mark.parametrize("shared", [False, True])
    def test_no_array_is_made_after_the_second_step(
        self, make: Any, shared: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if shared:
            monkeypatch.setattr(plans, "WORTH", 1e-12)
            monkeypatch.setattr(plans, "get_num_threads", lambda: 2)
        shapes = [(2000,), (100, 20), (400, 600), (64, 32, 3, 3)]
        params = [tg.randn(*shape).requires_grad_() for shape in shapes]
        params.append(tg.randn(64, 3, 3, 32).permute(0, 3, 1, 2).detach().requires_grad_())  # channels last
        optimizer = make(params)
        for _ in range(3):
            step(params, optimizer)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            with tg.guard_rails(False):
                optimizer.step()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert together(optimizer)
        assert peak - before < 8000  # Python's lists and slices included; the smallest parameter has 8,000 bytes
