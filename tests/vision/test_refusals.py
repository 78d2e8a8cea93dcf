"""What transforms and names of weights refuse where no other test asks, and in what words."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.vision import models, transforms
from tinygrad_cnn.vision.transforms import functional as F

IMAGE = tg.ones(1, 4, 8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: transforms.RandomErasing(ratio=(0, 1)), "ratio must be above 0"),
        (lambda: F.crop(IMAGE, 0, 0, -1, 2), "height and width must be >= 0, got -1 and 2"),
        (lambda: F.resize(tg.ones(1, 1, 9), 1, max_size=2), "9 wide would become 0 high"),
        (lambda: transforms.RandomAffine(0, translate=(0.1,)), "must be two numbers, got 1"),
    ],
)
def test_it_says_what_came_and_what_was_expected(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_names_of_weights_can_be_copied() -> None:
    weights = models.ResNet18_Weights.DEFAULT
    assert repr(copy.deepcopy(weights)) == repr(weights)
    with pytest.raises(AttributeError, match="_private"):
        _ = weights._private
