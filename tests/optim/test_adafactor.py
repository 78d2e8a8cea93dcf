"""Adafactor beside a formula written out and PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.reference import check_torch, default_dtype, dtypes, feed, flags, lrs, numbers, parameter, seeds

from tinygrad_cnn.optim import Adafactor

hypers = st.fixed_dictionaries(
    {
        "lr": lrs,
        "beta2_decay": st.sampled_from([-0.8, -0.3, 0.0]),
        "eps": st.sampled_from([(None, 1e-3), (1e-10, 0.1)]),
        "d": st.sampled_from([1.0, 2.5]),
        "weight_decay": st.sampled_from([0.0, 0.1]),
    }
)


@given(hyper=hypers, seed=seeds, dtype=dtypes, maximize=flags)
def test_like_torch(torch: Any, hyper: dict[str, Any], seed: int, dtype: str, maximize: bool) -> None:
    check_torch(torch, Adafactor, seed, dtype, maximize, **hyper)


@given(seed=seeds)
def test_formula(seed: int) -> None:
    """A matrix: the second moment is that of its rows and columns."""
    start, grads = numbers(seed, (3, 4))
    grads = [g + 0.01 for g in grads]
    p = parameter(start.copy())
    feed(Adafactor([p], lr=0.1), [p], [[g] for g in grads])
    x, rows, columns = start, np.zeros(3), np.zeros(4)
    for t, g in enumerate(grads, start=1):
        w = t**-0.8
        alpha = max(1e-3, np.sqrt((x**2).mean())) * min(0.1, t**-0.5)
        rows = (1 - w) * rows + w * (g**2).mean(1)
        columns = (1 - w) * columns + w * (g**2).mean(0)
        u = g / np.sqrt(np.outer(rows, columns) / rows.mean())
        x = x - alpha * u / max(1, np.sqrt((u**2).mean()))
    np.testing.assert_allclose(p.numpy(), x, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("direction", ["from torch", "ours"])
def test_goes_on_where_it_stopped(torch: Any, direction: str) -> None:
    start, grads = numbers(3, (3, 4))
    with default_dtype(torch, "float64"):
        p, q = parameter(start.copy()), torch.nn.Parameter(torch.tensor(start))
        ours, theirs = Adafactor([p], weight_decay=0.1), torch.optim.Adafactor([q], weight_decay=0.1)
        for i, g in enumerate(grads):
            if i == 4:
                state = theirs.state_dict() if direction == "from torch" else copy.deepcopy(ours.state_dict())
                ours = Adafactor([p], lr=77)
                ours.load_state_dict(state)
            feed(ours, [p], [[g]])
            q.grad = torch.tensor(g)
            theirs.step()
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    ("hyper", "text"),
    [
        ({"beta2_decay": 0.5}, "beta2_decay must be <= 0, got 0.5"),
        ({"d": 0.5}, "d must be >= 1, got 0.5"),
        ({"eps": (-1.0, 0.1)}, r"eps must be \(None or a number"),
        ({"eps": (0.1, None)}, r"eps must be \(None or a number"),
        ({"eps": 0.1}, r"eps must be \(None or a number"),
    ],
)
def test_out_of_range(hyper: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Adafactor([parameter(np.zeros(1))], **hyper)


def test_the_state_is_small_and_of_its_own_shapes() -> None:
    p = parameter(np.ones((2, 3, 4)))
    optimizer = Adafactor([p])
    feed(optimizer, [p], [[np.ones((2, 3, 4))]])
    assert {k: v.shape for k, v in optimizer.state[p].items() if k != "step"} == {
        "row_var": (2, 3, 1),
        "col_var": (2, 1, 4),
    }
    state = optimizer.state_dict()
    other = Adafactor([parameter(np.ones((2, 3, 4)))])
    other.load_state_dict(state)
    state["state"][0]["row_var"] = p
    with pytest.raises(ValueError, match=r"'row_var' has shape \(2, 3, 4\), needed is \(2, 3, 1\)"):
        other.load_state_dict(state)
