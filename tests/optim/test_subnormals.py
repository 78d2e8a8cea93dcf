"""Numbers too small to matter do not stay in what optimizers keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.optim import optimizer as module
from tinygrad_cnn.optim import subnormals
from tinygrad_cnn.optim.subnormals import EVERY, flush


@given(
    st.sampled_from([np.float32, np.float64]),
    st.permutations(range(3)),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_subnormal_numbers_become_0_and_all_others_stay(dtype: Any, order: list[int], step: int, seed: int) -> None:
    rng, tiny = np.random.default_rng(seed), np.finfo(dtype).tiny
    some = np.array(
        [0, -0.0, tiny, -tiny, tiny / 2, -tiny / 3, np.finfo(dtype).smallest_subnormal, 1, -1, np.nan, np.inf]
    )
    a = rng.choice(some.astype(dtype), (4, 5, 6)).transpose(order)[::step]
    right = np.where(np.abs(a) < tiny, dtype(0), a)
    flush(a)
    np.testing.assert_array_equal(a, right)


def test_an_array_is_gone_through_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subnormals, "_PIECE", 7)
    monkeypatch.setattr(subnormals._here, "rows", {})
    for size in (0, 1, 6, 7, 8, 15):
        a = np.full(size, 1e-40, np.float32)
        flush(a)
        assert not a.any()


def test_float16_keeps_what_it_can_tell() -> None:
    a = np.array([1e-6], np.float16)
    flush(a)
    assert a[0]
    flush(np.array([3]))


KINDS = [name for name, kind in vars(tg.optim).items() if isinstance(kind, type) and getattr(kind, "buffers", ())]


@pytest.mark.parametrize("name", KINDS)
def test_no_optimizer_keeps_them(name: str) -> None:
    p = tg.ones(3, 4).requires_grad_()
    optimizer = getattr(tg.optim, name)([p])
    p.grad = tg.full((3, 4), 0.5)
    optimizer.step(*([lambda: (p * p).sum()] if name == "LBFGS" else []))
    kept = [x for x in optimizer.state[p].values() if isinstance(x, tg.Tensor) and x.dtype.kind == "f"]
    for x in kept:
        x.numpy()[...] = 1e-40
    p.grad = tg.zeros(3, 4)
    while optimizer.steps_taken % EVERY:
        optimizer.step(*([lambda: (p * 0).sum()] if name == "LBFGS" else []))
    for x in optimizer.state[p].values():
        if isinstance(x, tg.Tensor) and x.dtype.kind == "f":
            a = np.abs(x.numpy())
            assert not ((a > 0) & (a < np.finfo(a.dtype).tiny)).any()


@pytest.mark.parametrize("fused", [False, True])
def test_parameters_have_the_same_bits_without(fused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for every in (EVERY, 10**9):
        monkeypatch.setattr(module, "EVERY", every)
        p = tg.tensor(np.random.default_rng(0).standard_normal(50).astype(np.float32)).requires_grad_()
        optimizer = tg.optim.SGD([p], lr=0.1, momentum=0.9, fused=fused)
        for k in range(5 * EVERY):
            p.grad = tg.full((50,), 1e-32 if k == 0 else 0.0)
            optimizer.step()
        found.append((p.detach().numpy().tobytes(), optimizer.state[p]["momentum_buffer"].numpy().any()))
    assert found == [(found[0][0], False), (found[0][0], True)]
