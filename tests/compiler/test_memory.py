"""Whose memory an array of a plan is: users keep what they hold, and values that live at once share nothing."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.compiler.memory import Layout, Pool, Room, in_order, like
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.programs.program import Value

FLOAT = np.dtype(np.float32)


def value(*shape: int) -> Value:
    return Value(0, "result", shape, FLOAT)


@given(st.permutations(range(3)), st.lists(st.integers(1, 4), min_size=3, max_size=3))
def test_a_layout_has_the_shape_and_the_memory_order_that_it_was_made_of(order: list[int], shape: list[int]) -> None:
    layout = Layout(tuple(shape), FLOAT, tuple(order))
    for a in (layout.anew(), layout.over(np.empty(layout.nbytes, np.uint8))):
        assert a.shape == tuple(shape)
        assert a.dtype == FLOAT
        outer = [a.strides[d] for d in order if shape[d] > 1]
        assert all(x >= y for x, y in pairwise(outer))
    assert layout.anew().base is None
    assert like(layout.anew()).anew().strides == layout.anew().strides
    assert in_order(2, 3, dtype=np.float64).anew().strides == (24, 8)


def test_a_pool_gives_again_what_nobody_holds() -> None:
    pool = Pool(lambda: np.zeros(3))
    first = pool.take()
    second = pool.take()
    assert second is not first
    view = first[1:]
    place = id(first)
    del first
    assert id(pool.take()) != place  # a view holds it
    del view
    assert place in map(id, [pool.take(), pool.take(), second])


def test_a_pool_keeps_few_of_what_is_held() -> None:
    made: list[Any] = []
    pool = Pool(lambda: [np.zeros(3), made.append(None)][0])
    held = [pool.take() for _ in range(20)]
    assert len({id(a) for a in held}) == 20
    assert len(pool._made) <= 3
    held.clear()
    for _ in range(5):
        pool.take()
    assert len(made) == 20


def test_what_a_pool_is_to_forget_comes_no_more() -> None:
    pool = Pool(lambda: np.zeros(3))
    a = pool.take()
    pool.forget(a)
    place, kept = id(a), a
    del a
    assert id(pool.take()) != place
    assert kept.size == 3


@given(st.data())
def test_values_that_live_at_once_share_no_memory(data: st.DataObject) -> None:
    room, alive = Room(), {}
    for k in range(data.draw(st.integers(1, 25))):
        over = data.draw(st.sampled_from([None, *alive]))
        new, layout = value(), in_order(data.draw(st.integers(1, 3000)), dtype=FLOAT)
        gone = [v for v in alive if v is over or data.draw(st.integers(0, 3)) == 0]
        a = room.take(new, layout, over)
        room.end(gone)
        for v in gone:
            del alive[v]
        a[...] = k
        assert room.holds(a[:1]) is not None
        for v, (array, number) in alive.items():
            assert (array == number).all(), f"{v} was overwritten"
        alive[new] = a, k


def test_memory_is_used_again_and_by_each_way_back_for_itself() -> None:
    room, layout = Room(), in_order(100, dtype=FLOAT)
    x, y, z = value(100), value(100), value(100)
    a = room.take(x, layout)
    room.take(y, layout)
    room.end([x])
    assert np.shares_memory(room.take(z, layout), a)
    room.end([z])
    ways = [Room(room).take(value(100), layout) for _ in range(2)]
    assert all(np.shares_memory(way, a) for way in ways)
    assert room.holds(np.zeros(3)) is None
    assert room.holds(None) is None


def test_two_values_on_a_buffer_keep_it_until_both_end() -> None:
    room, layout = Room(), in_order(100, dtype=FLOAT)
    x, view = value(100), value(10, 10)
    a = room.take(x, layout)
    room.shares(view, room.holds(a))
    room.end([x])
    assert not np.shares_memory(room.take(value(100), layout), a)
    assert np.shares_memory(a, room.slabs[0])
    room.end([view])
    assert np.shares_memory(room.take(value(100), layout), a)


def test_memory_that_two_values_share_is_taken_over_by_none() -> None:
    room, layout = Room(), in_order(100, dtype=FLOAT)
    x = value(100)
    a = room.take(x, layout)
    room.shares(value(10, 10), room.holds(a))
    assert not np.shares_memory(room.take(value(100), layout, over=x), a)


# ------------------------------------------------------------------------------------------------------ as users see it
def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 32, 3), nn.ReLU(),
        nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 64), nn.ReLU(), nn.Linear(64, 300),
    )  # fmt: skip


def test_nothing_that_a_user_holds_is_written_into() -> None:
    """Results, and views of them; gradients of parameters and of inputs; also where the graph is kept."""
    net, rng, held = tg.compile(lenet()), np.random.default_rng(0), []
    for k in range(8):
        x = tg.tensor(rng.standard_normal((4, 1, 28, 28)).astype(np.float32), requires_grad=True)
        y = net(x)
        net.zero_grad()
        y.square().sum().backward(retain_graph=k % 2 == 0)
        things = [y.detach()[1:], x.grad, *(p.grad for p in net.parameters())][k % 5 :: 1 + k % 3]
        held.append((y if k % 4 == 0 else None, [(t, t.numpy().copy()) for t in things]))
    gc.collect()
    for _, pairs in held:
        assert all(np.array_equal(t.numpy(), a) for t, a in pairs)


def test_one_may_go_back_twice() -> None:
    """What is kept for a way back is there still after it."""
    layers = [layer for _ in range(5) for layer in (nn.Linear(784, 784), nn.Tanh())]
    net, x = tg.compile(nn.Sequential(*layers)), tg.rand(3, 784)
    for _ in range(3):
        net.zero_grad()
        loss = net(x).square().sum()
        loss.backward(retain_graph=True)
        once = [p.grad.numpy().copy() for p in net.parameters()]
        loss.backward()
        assert all(np.array_equal(p.grad.numpy(), a + a) for p, a in zip(net.parameters(), once, strict=True))


def test_nothing_of_the_users_is_kept() -> None:
    """An input, a result and a gradient go when the user lets them go."""
    for make in (lambda: nn.Conv2d(1, 4, 3), lambda: nn.Conv2d(32, 32, 3), lambda: nn.Linear(9, 9)):
        net = tg.compile(make())
        for _ in range(4):
            x = tg.rand(2, getattr(net, "in_channels", 9), 9, 9)
            y = net(x)
            g = tg.ones(*y.shape)
            y.backward(g)
            gone = [weakref.ref(a) for a in (x._array, g._array)]
            del x, y, g
            assert all(reference() is None for reference in gone)


@pytest.mark.parametrize("batch", [40, 64])
def test_a_training_step_makes_no_array_of_a_layers_size(batch: int) -> None:
    """Nor one of a parameter's. What is left are small things, and what NumPy's functions use to walk over arrays."""
    net, rng = tg.compile(lenet()), np.random.default_rng(0)
    images = [tg.tensor(rng.standard_normal((batch, 1, 28, 28)).astype(np.float32)) for _ in range(3)]
    target = tg.zeros(batch, dtype=tg.int64)

    def step(x: tg.Tensor) -> None:
        net.zero_grad()
        F.cross_entropy(net(x)[:, :10], target).backward()

    for x in images * 2:
        step(x)
    seen = []
    tracemalloc.start()
    try:
        for x in images:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            step(x)
            seen.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert max(seen) < 240_000, seen  # the smallest image between layers alone takes 40 * 32 * 24 * 24 * 4 bytes
