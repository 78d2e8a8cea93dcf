"""A chain block by block gives what its operations give one after the other, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiler.planners.test_plain import DTYPES, laid
from tinygrad_cnn.arrays import threads
from tinygrad_cnn.compiler.planners import chain as chains
from tinygrad_cnn.compiler.planners.chain import Blocks, Part, chain, planner
from tinygrad_cnn.ops import activation, comparison, elementwise

ONE: list[tuple[Any, dict[str, Any]]] = [
    (elementwise.neg, {}),
    (elementwise.tanh, {}),
    (elementwise.sigmoid, {}),
    (elementwise.exp, {}),
    (elementwise.relu, {}),
    (activation.silu, {}),
    (activation.leaky_relu, {"slope": 0.1}),
]
TWO: list[Any] = [elementwise.add, elementwise.sub, elementwise.mul, elementwise.true_divide, elementwise.gate]
SIZES = [(5, 700), (1, 6, 50), (40, 3, 4, 5)]


def drawn(rng: np.random.Generator, inputs: list[Any]) -> list[Part]:
    """Some operations, each on inputs and on what was made before."""
    parts, full = list[Part](), [0]
    for k in range(int(rng.integers(1, 9))):
        mine = int(rng.choice(full))
        if rng.random() < 0.5:
            this, settings = ONE[rng.integers(len(ONE))]
            given = (mine,)
        else:
            this, settings = TWO[rng.integers(len(TWO))], {}
            others = full if this is elementwise.gate else [*full, *range(len(inputs))]
            given = (mine, int(rng.choice(others)))[:: 1 if this is elementwise.gate else rng.choice([1, -1])]
        parts.append(Part(this.op.forward, given, settings))
        full.append(len(inputs) + k)
    if rng.random() < 0.5:
        mask, n = len(inputs) + len(parts), int(rng.choice(full))
        parts += [
            Part(comparison.gt.op.forward, (0, n), {}),
            Part(elementwise.only.op.forward, (n, mask), {}),
            Part(elementwise.choose.op.forward, (mask, mask + 1, 0), {}),
        ]
    return parts


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of other threads
@given(
    st.sampled_from(SIZES), DTYPES, st.booleans(), st.sampled_from([64, 4096, 1 << 20]), st.integers(1, 3), st.data(),
    st.integers(0, 9999),
)  # fmt: skip
def test_a_chain_is_what_its_parts_are(
    size: tuple[int, ...], dtype: Any, lined: bool, block: int, workers: int, data: st.DataObject, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    order = data.draw(st.permutations(range(len(size))))
    once = tuple(1 if rng.random() < 0.5 else n for n in size)
    others = [] if lined else [laid(rng, once, order, dtype), rng.standard_normal(size[-1]).astype(dtype)]
    repeated = np.broadcast_to(laid(rng, (1,) * len(size) if lined else once, order, dtype), size)
    xs = [laid(rng, size, order, dtype), laid(rng, size, order, dtype), 0.5, repeated, *others]
    parts = drawn(rng, xs)
    last = len(xs) + len(parts) - 1
    made = tuple(sorted({last, *rng.integers(len(xs), last + 1, int(rng.integers(0, 3))).tolist()}))
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(chains, "BLOCK", block)
        patch.setattr(threads, "WORTH", 1e-9)
        patch.setattr(threads, "get_num_threads", lambda: workers)
        expected = chain(*xs, parts=parts, made=made)
        ready = planner(*xs, parts=parts, made=made)
        assert isinstance(ready.run, Blocks)
        outputs = [layout.anew() for layout in ready.outputs]
        for _ in range(2):
            for y in outputs:
                y[...] = 77 if y.dtype != bool else True
            ready.run(*outputs, *xs)
            for y, found in zip(outputs, expected, strict=True):
                assert y.dtype == found.dtype
                assert np.array_equal(y, found, equal_nan=True)
        if ready.over is not None:
            inputs = [x.copy(order="K") if isinstance(x, np.ndarray) else x for x in xs]
            inputs[3] = inputs[3] if ready.over == 3 else repeated
            ready.run(inputs[ready.over], *inputs)
            assert np.array_equal(inputs[ready.over], expected[0], equal_nan=True)


ADD, TANH = elementwise.add.op.forward, elementwise.tanh.op.forward  # type: ignore[attr-defined]
PARTS = (Part(ADD, (0, 1), {}), Part(TANH, (2,), {}))


def test_arrays_that_lie_otherwise_are_done_whole() -> None:
    a, b = np.ones((3, 4)), np.arange(12.0).reshape(4, 3).T
    ready = planner(a, b, parts=PARTS, made=(3,))
    assert not isinstance(ready.run, Blocks)
    y = ready.outputs[0].anew()
    ready.run(y, a, b)
    assert np.array_equal(y, np.tanh(a + b))


@pytest.mark.parametrize("first", [np.ones((6, 4)), np.broadcast_to(2.0, (6, 4))])
def test_another_call_may_bring_a_gradient_that_lies_otherwise(first: Any) -> None:
    b = np.arange(24.0).reshape(6, 4)
    ready = planner(first, b, parts=PARTS, made=(3,))
    row = np.broadcast_to(np.arange(4.0), (6, 4))
    for g in (first, row, row.copy(order="F"), np.broadcast_to(1.0, (6, 4)), b):
        y = ready.outputs[0].anew()
        ready.run(y, g, b)
        assert np.array_equal(y, np.tanh(g + b))


def test_rooms_are_used_again() -> None:
    """A long chain works in two rooms, of which one is being read while the other is written."""
    x = np.ones(100)
    parts = [Part(TANH, (k,), {}) for k in range(9)]
    work = Blocks([x] * 10, parts, (9,), lambda _key, shape, dtype: np.empty(shape, dtype))
    assert len(work.rooms) == 2
