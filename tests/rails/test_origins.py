"""Where a loss that is no number came from: the operation, the data or the weights that are named, and what to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from rails.spoken import listening, said_once, sgd

import tinygrad_cnn as tg
from tinygrad_cnn import nn

NAN, INF = math.nan, math.inf


class Net(nn.Module):
    """One weight, and a function of it and of x."""

    def __init__(self, function: Any, w: Any) -> None:
        super().__init__()
        self.function = function
        self.w = nn.Parameter(tg.tensor(w))

    def forward(self, x: Any) -> Any:
        return self.function(self.w, x)


def told(function: Any, x: Any, w: Any = (1.0, 2.0, 3.0)) -> str:
    """What is said of the sum of what the net gives, while it is being trained."""
    model = Net(function, list(w))
    optimizer = sgd(model)
    with listening() as heard:
        for _ in range(2):  # once
            optimizer.zero_grad()
            model(tg.tensor(np.asarray(x, np.float32))).sum().backward()  # here
    return said_once(heard, "loss-not-finite")


OF = " of shape (3,) from finite inputs of shape (3,). "
MADE: dict[str, tuple[Any, Any, str]] = {
    "log": (
        lambda w, x: (w * x).log(),
        [1.0, 0.0, 2.0],
        f"'log' (in Net) made -inf at index (1,){OF}Log(0) is -inf: clamp what goes in",
    ),
    "exp": (
        lambda w, x: (w * x).exp(),
        [0.0, 1.0, 99.0],
        f"'exp' (in Net) made inf at index (2,){OF}Exp overflows from 89 on",
    ),
    "division": (
        lambda w, x: 1 / (w * x) + w,
        [1.0, 0.0, 1.0],
        "made inf at index (1,) of shape (3,) from finite inputs of shape",
    ),
    "division of two": (
        lambda w, x: w / x,
        [[1.0], [0.0]],
        "made inf at index (1, 0) of shape (2, 3) from finite inputs of shape (3,), "
        "(2, 1). Add a small number to the divisor",
    ),
    "sqrt": (
        lambda w, x: (w * x).sqrt(),
        [1.0, 1.0, -1.0],
        f"'sqrt' (in Net) made nan at index (2,){OF}Clamp what goes in to 0 or more",
    ),
    "pow": (
        lambda w, x: (w * x) ** 0.5 + (w * x) ** 1.5,
        [1.0, -1.0, 1.0],
        "made nan at index (1,) of shape (3,) from finite inputs of shape (3,)",
    ),
    "the first of several": (
        lambda w, x: (w * x).exp().log().sqrt() * 2,
        [0.0, 0.0, 99.0],
        "'exp' (in Net) made inf at index (2,)",
    ),
    "no remedy known": (
        lambda w, x: (w * x).square().cosh(),
        [1.0, 30.0, 1.0],
        f"'cosh' (in Net) made inf at index (1,){OF}Most often it helps to begin again with a lower "
        "learning rate (it is 0.1: try 0.01 or less)",
    ),
    "data": (
        lambda w, x: w * x,
        [1.0, NAN, 1.0],
        "input 1 of 'mul' (in Net), which is data, has nan at index (1,) of shape (3,). Look with np.isfinite(data)",
    ),
    "data that comes first": (
        lambda w, x: x * w,
        [INF, 1.0, 1.0],
        "input 0 of 'mul' (in Net), which is data, has inf at index (0,) of shape (3,)",
    ),
    "data that might be a mask": (
        lambda w, x: w * x,
        [0.0, -INF, 0.0],
        "input 1 of 'mul' (in Net), which is data, has -inf at index (1,) of shape (3,)",
    ),
    "a mask and something else": (
        lambda w, x: ((w + x).softmax(0) - 1).sqrt() * w,
        [0.0, -INF, 0.0],
        "'sqrt' (in Net) made nan at index (0,) of shape (3,)",
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_what_made_it_is_named_with_its_inputs_and_a_remedy(name: str) -> None:
    function, x, message = MADE[name]
    text = told(function, x)
    assert text.startswith(("the loss is nan: ", "the loss is inf: ", "the loss is -inf: "))
    assert message in text
    assert "would make every weight that they reach NaN" in text


@pytest.mark.parametrize("bad", [NAN, INF])
def test_weights_that_are_no_numbers_already_are_named(bad: float) -> None:
    text = told(lambda w, x: w * x, [1.0, 1.0, 1.0], [1.0, 2.0, bad])
    assert f"'w' (3,): has {bad} at index (2,) of shape (3,) already, since an earlier step" in text
    assert "with a lower learning rate (it is 0.1: try 0.01 or less) and tg.nn.utils.clip_grad_norm_" in text


def test_a_question_about_a_function_is_answered_in_silence() -> None:
    x = tg.tensor([0.0, 1.0], requires_grad=True)
    with listening() as heard:
        x.log().sum().backward()
    assert heard == []
