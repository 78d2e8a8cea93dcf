"""Transforms and functions in words: the same for what is made alike, others for what does something else."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.data import Compose, RandomShift, default_collate
from tinygrad_cnn.data.wording import in_words
from tinygrad_cnn.vision import transforms


def closing_over(value: Any) -> Callable[[Any], Any]:
    return lambda x: x * value


def with_default(value: Any) -> Callable[[Any], Any]:
    def scaled(x: Any, by: Any = value, *, more: Any = value) -> Any:
        return x * by * more

    return scaled


def scaled(x: Any, by: Any) -> Any:
    return x * by


class Holding:
    """No repr of its own."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, x: Any) -> Any:
        return x


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def calling_itself(value: int) -> Callable[[int], int]:
    def f(n: int) -> int:
        return f(n - 1) if n else value

    return f


def many(value: float) -> Any:
    numbers = np.zeros((200, 300), np.float32)
    numbers[:, 3::7] = value
    return numbers


MADE: dict[str, Callable[[float], Any]] = {
    "a function that closes over": closing_over,
    "over an array": lambda value: closing_over(np.full(3, value)),
    "over a tensor": lambda value: closing_over(tg.full((3,), value)),
    "over a function": lambda value: closing_over(closing_over(value)),
    "over itself": lambda value: calling_itself(int(10 * value)),
    "defaults": with_default,
    "partial": lambda value: functools.partial(scaled, by=value),
    "partial, by position": lambda value: functools.partial(scaled, value),
    "partial, of many numbers": lambda value: functools.partial(scaled, by=many(value)),
    "an attribute": Holding,
    "an array": lambda value: Holding(many(value)),
    "within": lambda value: Holding([{"a": Holding(np.full(2, value))}]),
    "a slot": Slotted,
    "a method": lambda value: Holding(value).__call__,
    "ours": lambda value: RandomShift(int(value * 10)),
    "several": lambda value: Compose([RandomShift(1), closing_over(value)]),
    "of pictures": lambda value: transforms.Compose([transforms.RandomRotation(10 * value), transforms.ToTensor()]),
    "a function within one of ours": lambda value: transforms.Lambda(closing_over(value)),
    "a module": lambda value: nn.Dropout(value),
}


@pytest.mark.parametrize("name", MADE)
def test_the_same_for_the_same_and_another_for_another(name: str) -> None:
    make = MADE[name]
    assert in_words(make(0.2)) == in_words(make(0.2))
    assert in_words(make(0.2)) != in_words(make(0.4))
    assert "0x" not in str(in_words(make(0.2)))


def test_the_same_in_another_process() -> None:
    program = "from data.test_wording import *; print(repr({name: in_words(make(0.2)) for name, make in MADE.items()}))"
    tests = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tests)
    assert eval(done.stdout) == {name: in_words(make(0.2)) for name, make in MADE.items()}


def test_generators_are_left_out() -> None:
    moved, fresh = np.random.default_rng(1), np.random.default_rng(1)
    moved.random(5)
    for make in (Holding, closing_over, with_default):
        assert in_words(make(moved)) == in_words(make(fresh))


def test_what_holds_itself_ends() -> None:
    one = Holding(None)
    one.value = [one, {"again": one}]
    assert str(in_words(one)).startswith("Holding(value=[Holding(")


def test_nothing_and_ours() -> None:
    assert in_words(None) is None
    assert in_words(default_collate) == "default_collate"
