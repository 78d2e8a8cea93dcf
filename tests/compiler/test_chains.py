"""Which steps become a chain; and that calls, their gradients and their memory stay what they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.compiler import chains
from tinygrad_cnn.compiler.planners import chain as blocks
from tinygrad_cnn.nn import functional as F


@pytest.fixture(autouse=True)
def arrays_count_as_large_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "LARGE", 20)
    monkeypatch.setattr(blocks, "BLOCK", 256)


def steps(fast: Any, back: bool = False) -> list[str]:
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    return [step.op for step in (plan.back if back else plan.forward)]


def held_against(function: Callable[..., Any], *shapes: tuple[int, ...], calls: int = 3) -> Any:
    """The function, compiled, after some calls that gave what it gives as it is: results and gradients, to the bit."""
    fast = tg.compile(function)
    rng = np.random.default_rng(0)
    for _ in range(calls):
        arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        found = []
        for f in (function, fast):
            xs = [tg.tensor(a, requires_grad=True) for a in arrays]
            ys = f(*xs)
            ys = list(ys) if isinstance(ys, tuple) else [ys]
            tg.autograd.backward(ys, [tg.ones(*y.shape) for y in ys])
            found.append([*ys, *(x.grad for x in xs)])
        for p, q in zip(*found, strict=True):
            assert np.array_equal(p.detach().numpy(), q.detach().numpy())
    return fast


def test_operations_one_after_the_other_are_one_step_each_way() -> None:
    fast = held_against(lambda x, b: tg.tanh(x * 2 + b).relu() - x, (8, 9), (9,))
    assert steps(fast) == ["mul + add + tanh + relu + sub"]
    assert steps(fast, back=True) == ["neg + gate + mul + sub + mul", "sum_to", "mul + add"]


def test_what_others_read_is_a_result_of_the_chain() -> None:
    fast = held_against(lambda x: (y := x * 2, (y + 1).sum(0), y.exp()), (8, 9))
    assert steps(fast) == ["mul + add", "sum", "exp"] or steps(fast) == ["mul + add + exp", "sum"]


def test_a_step_in_between_that_reads_nothing_of_it_does_not_end_a_chain() -> None:
    fast = held_against(lambda x, w: [y := x * 2, z := w.sum(), y.exp() * z][-1], (8, 9), (3,))
    assert steps(fast) == ["sum", "mul + exp + mul"]


def test_small_arrays_and_other_shapes_are_left_alone() -> None:
    assert steps(held_against(lambda x: (x * 2).exp(), (3, 4))) == ["mul", "exp"]
    fast = held_against(lambda x, z: ((x * 2).exp(), z.exp() * z), (8, 9), (9, 8))
    assert steps(fast) == ["mul + exp", "exp + mul"]


def test_a_single_operation_of_several_passes_is_a_chain_by_itself() -> None:
    fast = held_against(lambda x: F.gelu(x), (8, 9))
    assert steps(fast) == ["gelu"]
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    assert plan.forward[0].forward is blocks.chain


@given(st.sampled_from([0, 1]), st.integers(0, 99))
def test_a_gradient_of_one_result_alone_leaves_the_others_without(which: int, seed: int) -> None:
    """The chain of the whole way back makes both; a way of its own makes one."""

    def both(x: Any, a: Any, b: Any) -> Any:
        return (x * a).tanh(), (x * b).tanh()

    fast, a = tg.compile(both), np.random.default_rng(seed).standard_normal((8, 9)).astype(np.float32)
    for f in (fast, fast, both):
        xs = [tg.tensor(a * k, requires_grad=True) for k in (1, 2, 3)]
        f(*xs)[which].sum().backward()
        assert (xs[1].grad is None, xs[2].grad is None) == (which == 1, which == 0)
        (tg.add(*f(*xs))).sum().backward()
        assert all(x.grad is not None for x in xs)


def test_what_a_user_holds_is_not_written_into() -> None:
    fast = tg.compile(lambda x: (x * 2 + 1).relu())
    with tg.no_grad():
        held = [fast(tg.full((8, 9), float(k))) for k in range(6)]
    assert [y.numpy()[0, 0] for y in held] == [2 * k + 1 for k in range(6)]


class TestOnce:
    """The same operation on the same values."""

    def test_is_done_once(self) -> None:
        fast = held_against(lambda x: x.sigmoid() * 2 + x.sigmoid() * 3, (3, 4))
        assert steps(fast).count("sigmoid") == 1

    def test_each_with_its_own_number(self) -> None:
        fast = held_against(lambda x: x * 2 + x * 2.5 + x * 2, (3, 4))
        assert steps(fast).count("mul") == 2

    def test_results_are_two_arrays(self) -> None:
        fast = held_against(lambda x: (x.exp(), x.exp(), x.exp() + 1), (3, 4))
        assert steps(fast) == ["exp", "exp", "exp", "add"]
        y, z, _ = fast(tg.ones(3, 4, requires_grad=True))
        assert not np.shares_memory(y.detach().numpy(), z.detach().numpy())

    def test_views_of_results_are_of_two_arrays(self) -> None:
        fast = held_against(lambda x: (x.exp().T, x.exp().T), (3, 4))
        assert steps(fast).count("exp") == 2

    def test_dice_are_thrown_as_often(self) -> None:
        function = lambda x: F.dropout(x, 0.5) + F.dropout(x, 0.5)  # noqa: E731
        fast, x = tg.compile(function), tg.ones(40)
        for k in range(3):
            found = []
            for f in (function, fast):
                tg.manual_seed(k)
                found.append(f(x).tolist())
            assert found[0] == found[1]
            assert 2.0 in found[0]
