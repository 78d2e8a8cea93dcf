"""Transforms made of transforms: order, chance, how they are shown, what they refuse."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.vision import transforms as T

TIMES = 2000
NOISE = 5 * (0.25 / TIMES) ** 0.5  # of a frequency, five standard deviations


def add(n: float) -> Any:
    return T.Lambda(lambda x: x + n)


def times(n: float) -> Any:
    return T.Lambda(lambda x: x * n)


def test_one_after_another() -> None:
    assert T.Compose([add(1), times(10)])(2) == 30
    assert T.Compose((times(10), add(1)))(2) == 21
    assert T.Compose([])(2) == 2
    assert T.Compose(nn.ModuleList([T.Normalize(1, 2)]))(tg.full((1, 1, 1), 5.0)).item() == 2


def test_all_or_nothing() -> None:
    tg.manual_seed(0)
    apply = T.RandomApply([add(1), times(10)], p=0.3)
    seen = Counter(apply(2) for _ in range(TIMES))
    assert set(seen) == {2, 30}
    assert abs(seen[30] / TIMES - 0.3) < NOISE
    assert {T.RandomApply([add(1)], p)(2) for p in (0, 0.0) for _ in range(50)} == {2}
    assert {T.RandomApply([add(1)], 1)(2) for _ in range(50)} == {3}


def test_any_order() -> None:
    tg.manual_seed(0)
    order = T.RandomOrder([add(1), times(2), add(-3)])
    seen = Counter(order(5) for _ in range(TIMES))
    functions = [lambda x: x + 1, lambda x: x * 2, lambda x: x - 3]
    by_hand = Counter(c(b(a(5))) for a, b, c in itertools.permutations(functions))
    assert set(seen) == set(by_hand)
    for value, ways in by_hand.items():
        assert abs(seen[value] / TIMES - ways / 6) < NOISE


@pytest.mark.parametrize(("p", "shares"), [(None, [1 / 3] * 3), ([1, 2, 1], [0.25, 0.5, 0.25]), ((0, 0, 5), [0, 0, 1])])
def test_one_of_them(p: Any, shares: list[float]) -> None:
    tg.manual_seed(0)
    choice = T.RandomChoice([add(0), add(1), add(2)], p)
    seen = Counter(choice(0) for _ in range(TIMES))
    for value, share in enumerate(shares):
        assert abs(seen[value] / TIMES - share) < NOISE


def test_how_they_are_shown() -> None:
    to, normalize = T.ToTensor(), T.Normalize((0.5,), (0.25,))
    inside = "\n    ToTensor()\n    Normalize(mean=(0.5,), std=(0.25,))\n)"
    assert repr(T.Compose([to, normalize])) == "Compose(" + inside
    assert repr(T.RandomOrder([to, normalize])) == "RandomOrder(" + inside
    assert repr(T.RandomApply([to, normalize], p=0.25)) == "RandomApply(\n    p=0.25" + inside
    assert repr(T.RandomChoice([to, normalize])) == "RandomChoice(" + inside + "(p=None)"
    assert repr(T.Lambda(abs)) == "Lambda()"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: T.Compose(T.ToTensor()), TypeError, r"a list of transforms.*write Compose\(\[...\]\)"),
        (lambda: T.Compose([T.ToTensor]), TypeError, r"the class ToTensor itself: write ToTensor\(...\)"),
        (lambda: T.Compose([T.ToTensor(), 3]), TypeError, r"transforms\[1\] must be a function of an image, got 3"),
        (lambda: T.Lambda(3), TypeError, "takes a function, got 3"),
        (lambda: T.RandomApply(3), TypeError, "a list of transforms, got 3"),
        (lambda: T.RandomApply([], p=1.5), ValueError, r"RandomApply: p is a probability in \[0, 1\], got 1.5"),
        (lambda: T.RandomOrder("ab"), TypeError, "a list of transforms, got 'ab'"),
        (lambda: T.RandomChoice([]), ValueError, "at least one transform"),
        (lambda: T.RandomChoice([abs], p=[1, 2]), ValueError, "for each of the 1 transforms"),
        (lambda: T.RandomChoice([abs], p=[-1]), ValueError, "a weight >= 0"),
        (lambda: T.RandomChoice([abs], p=0.5), TypeError, "a sequence of weights"),
        (lambda: T.RandomTransforms([abs])(0), NotImplementedError, "must define __call__"),
    ],
)
def test_what_is_refused(make: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_conversions_as_transforms() -> None:
    levels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image = T.ToPILImage()(levels)
    assert T.ToPILImage("YCbCr")(levels).mode == "YCbCr"
    x = T.ToTensor()(image)
    np.testing.assert_array_equal(T.PILToTensor()(image).numpy(), levels.transpose(2, 0, 1))
    np.testing.assert_array_equal(T.ConvertImageDtype(tg.float32)(T.PILToTensor()(image)).numpy(), x.numpy())
    np.testing.assert_array_equal(T.ConvertImageDtype(tg.uint8)(x).numpy(), T.PILToTensor()(image).numpy())
    np.testing.assert_array_equal(T.Normalize(0.5, 2)(x).numpy(), (x.numpy() - np.float32(0.5)) / 2)
    y = T.Normalize(0.5, 2, inplace=True)(x)
    assert y is x
    assert [repr(t) for t in (T.ToTensor(), T.PILToTensor(), T.ToPILImage(), T.ToPILImage("L"))] == [
        "ToTensor()",
        "PILToTensor()",
        "ToPILImage()",
        "ToPILImage(mode=L)",
    ]


def test_errors_name_the_transform() -> None:
    image = T.ToPILImage()(np.zeros((2, 2), np.uint8))
    with pytest.raises(TypeError, match=r"got Image: put ToTensor\(\) before Normalize(.|\n)*in Normalize"):
        T.Compose([T.Normalize(0, 1), T.ToTensor()])(image)
    with pytest.raises(TypeError, match="it is one already"):
        T.Compose([T.ToTensor(), T.ToTensor()])(image)


def test_most_are_modules() -> None:
    x = tg.rand(1, 8, 8)
    both = nn.Sequential(T.CenterCrop(4), T.Normalize(0.5, 0.5))(x)
    np.testing.assert_array_equal(both.numpy(), (x.numpy()[:, 2:6, 2:6] - np.float32(0.5)) / np.float32(0.5))
