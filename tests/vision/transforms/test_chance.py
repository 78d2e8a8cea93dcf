"""The random transforms where chance is known: what they ask for, the smallest and the largest it may give them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.vision import transforms as T
from tinygrad_cnn.vision.transforms import chance
from tinygrad_cnn.vision.transforms import functional as F
from tinygrad_cnn.vision.transforms.coloring import _factors
from tinygrad_cnn.vision.transforms.geometric import sides

TINY = 1e-12


class Known:
    """Chance that gives the low or the high end of what it is asked for, and writes down what that was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.high = False
        for name in ("uniform", "whole"):
            monkeypatch.setattr(chance, name, self.between(name))
        monkeypatch.setattr(chance, "happens", self.happens)

    def between(self, name: str) -> Callable[[Any, Any], Any]:
        def give(low: Any, high: Any) -> Any:
            self.asked.append((name, low, high))
            return high if self.high else low

        return give

    def happens(self, p: float) -> bool:
        self.asked.append(("happens", p))
        return self.high

    def at(self, high: bool) -> Known:
        self.high = high
        self.asked.clear()
        return self


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    return Known(monkeypatch)


def image(h: int = 8, w: int = 10) -> Any:
    return tg.from_numpy(np.arange(1.0, 3 * h * w + 1).reshape(3, h, w))


def test_a_crop_lies_between_two_corners(known: Known) -> None:
    x = image()
    for high, corner in ((False, (0, 0)), (True, (5, 4))):
        known.at(high)
        assert T.RandomCrop.get_params(x, (3, 6)) == (*corner, 3, 6)
        assert known.asked == [("whole", 0, 5), ("whole", 0, 4)]
        np.testing.assert_array_equal(T.RandomCrop((3, 6))(x).numpy(), F.crop(x, *corner, 3, 6).numpy())
    known.at(True)
    assert T.RandomCrop.get_params(x, (8, 10)) == (0, 0, 8, 10)
    assert known.asked == []  # there is one place alone
    assert T.RandomCrop.get_params(x, (8, 9)) == (0, 1, 8, 9)
    assert T.RandomCrop.get_params(x, (7, 10)) == (1, 0, 7, 10)
    for size in ((9, 10), (8, 11)):
        with pytest.raises(
            ValueError, match=f"a crop {size[0]} high and {size[1]} wide does not fit into an image 8 high"
        ):
            T.RandomCrop.get_params(x, size)


@pytest.mark.parametrize("size", [(8, 10), (9, 10), (8, 12), (11, 13)])
def test_a_small_image_gets_the_same_border_on_both_sides(size: tuple[int, int], known: Known) -> None:
    x = image()
    down, across = size[0] - 8, size[1] - 10
    big = F.pad(F.pad(x, (across, 0), 7), (0, down), 7)
    for high in (False, True):
        known.at(high)
        got = T.RandomCrop(size, pad_if_needed=True, fill=7)(x).numpy()
        top, left = (down, across) if high else (0, 0)
        np.testing.assert_array_equal(got, F.crop(big, top, left, *size).numpy())


def test_two_sides_of_an_area_and_a_ratio(known: Known) -> None:
    for high, part, ratio in ((False, 0.25, 0.5), (True, 0.81, 2.0)):
        known.at(high)
        area = 10_000
        expected = round(math.sqrt(area * part * ratio)), round(math.sqrt(area * part / ratio))
        assert sides(area, (0.25, 0.81), (0.5, 2.0)) == expected
        assert known.asked == [("uniform", 0.25, 0.81), ("uniform", math.log(0.5), math.log(2.0))]


def test_a_resized_crop_takes_the_first_part_that_fits(known: Known) -> None:
    x = image(20, 30)
    for high, part in ((False, (0, 0, 12, 12)), (True, (0, 10, 20, 20))):
        known.at(high)
        scale = (144 / 600, 400 / 600)
        assert T.RandomResizedCrop.get_params(x, scale, (1.0, 1.0)) == part
        side = part[2]
        assert known.asked[2:] == [("whole", 0, 20 - side), ("whole", 0, 30 - side)]
    known.at(False)
    assert T.RandomResizedCrop.get_params(x, (1.0, 1.0), (1.5, 1.5)) == (0, 0, 20, 30)  # the whole image fits
    assert len(known.asked) == 4


@pytest.mark.parametrize(
    ("shape", "scale", "ratio", "part"),
    [
        ((20, 30), (2.0, 2.0), (1.0, 1.0), (0, 5, 20, 20)),  # no wider than it is high
        ((30, 20), (2.0, 2.0), (1.0, 1.0), (5, 0, 20, 20)),
        ((20, 30), (2.0, 2.0), (2.0, 3.0), (2, 0, 15, 30)),  # at least twice as wide
        ((30, 20), (2.0, 2.0), (0.25, 0.5), (0, 2, 30, 15)),
        ((20, 30), (2.0, 2.0), (1.0, 2.0), (0, 0, 20, 30)),
        ((20, 30), (2.0, 2.0), (1.5, 1.5), (0, 0, 20, 30)),
        ((20, 31), (2.0, 2.0), (1.0, 1.0), (0, 5, 20, 20)),
        ((10, 10), (1e-9, 1e-9), (1.0, 1.0), (0, 0, 10, 10)),  # a part without a pixel does not fit
        ((10, 10), (0.01, 0.01), (0.1, 0.1), (0, 4, 10, 1)),  # nor one of no width, or of no height
        ((10, 10), (0.01, 0.01), (10.0, 10.0), (4, 0, 1, 10)),
    ],
)
def test_after_ten_parts_that_do_not_fit_the_middle_is_taken(
    shape: tuple[int, int], scale: Any, ratio: Any, part: tuple[int, ...], known: Known
) -> None:
    assert T.RandomResizedCrop.get_params(image(*shape), scale, ratio) == part
    assert len(known.asked) == 20


def test_an_erased_part_is_smaller_than_the_image(known: Known) -> None:
    x = image(20, 30)
    for high, top_left in ((False, (0, 0)), (True, (1, 11))):
        known.at(high)
        found = T.RandomErasing.get_params(x, (361 / 600,) * 2, (1.0, 1.0), [5])
        assert found[:4] == (*top_left, 19, 19)
        assert (found[4].shape, found[4].dtype) == ((1, 1, 1), np.float64)
    for ratio in (1.0, 20 / 30):  # as high as the image, and as high and wide
        known.at(False)
        *part, v = T.RandomErasing.get_params(x, (400 / 600 if ratio == 1 else 1.0,) * 2, (ratio, ratio), [5])
        assert part == [0, 0, 20, 30]
        assert v is x
        assert len(known.asked) == 20
    known.at(False)
    wide = T.RandomErasing.get_params(image(30, 20), (400 / 600,) * 2, (1.0, 1.0), [5])
    assert wide[:4] == (0, 0, 30, 20)  # as wide as the image


def test_noise_has_the_form_of_the_part_and_the_dtype_of_the_image(known: Known) -> None:
    for dtype in (np.float32, np.float64):
        known.at(False)
        *part, v = T.RandomErasing.get_params(image(20, 30).to(dtype), (100 / 600,) * 2, (1.0, 1.0))
        assert part == [0, 0, 10, 10]
        assert (v.shape, v.dtype) == ((3, 10, 10), dtype)
        assert abs(float(v.std()) - 1) < 0.2


def test_what_happens_with_a_probability(known: Known) -> None:
    x = image()
    for transform, function in (
        (T.RandomHorizontalFlip, F.hflip), (T.RandomVerticalFlip, F.vflip), (T.RandomInvert, F.invert),
        (T.RandomGrayscale, lambda i: F.rgb_to_grayscale(i, 3)),
    ):  # fmt: skip
        for high in (False, True):
            known.at(high)
            got = transform(0.25)(x)
            assert known.asked == [("happens", 0.25)]
            np.testing.assert_array_equal(got.numpy(), (function(x) if high else x).numpy())
    known.at(False)
    assert T.RandomErasing(0.75)(x) is x
    assert T.RandomApply([F.hflip], 0.125)(x) is x
    assert known.asked == [("happens", 0.75), ("happens", 0.125)]


def test_an_affine_map_at_its_ends(known: Known) -> None:
    ranges = (-10, 20), (0.2, 0.5), (0.5, 2.0), (-3, 4, -5, 6)
    for high, drawn in (
        (False, (-10, (-6, -20), 0.5, (-3, -5))),
        (True, (20, (6, 20), 2.0, (4, 6))),
    ):
        known.at(high)
        assert T.RandomAffine.get_params(*ranges, (30, 40)) == drawn
        assert known.asked == [
            ("uniform", *pair) for pair in ((-10, 20), (-6, 6), (-20, 20), (0.5, 2.0), (-3, 4), (-5, 6))
        ]
    known.at(True)
    assert T.RandomAffine.get_params((1, 2), None, None, (3, 4), (9, 9)) == (2, (0, 0), 1.0, (4, 0.0))
    assert T.RandomAffine.get_params((1, 2), (0.25, 0.75), None, None, (10, 2))[1] == (2, 2)  # 2.5 and 1.5, rounded
    assert T.RandomRotation.get_params((5, 7)) == 7
    assert T.GaussianBlur.get_params(0.1, 2.0) == 2.0


def test_jitter_at_its_ends(known: Known) -> None:
    ranges = (0.5, 1.5), None, (0.25, 1.75), (-0.1, 0.2)
    known.at(False)
    assert T.ColorJitter.get_params(*ranges)[1:] == (0.5, None, 0.25, -0.1)
    known.at(True)
    order, *factors = T.ColorJitter.get_params(*ranges)
    assert factors == [1.5, None, 1.75, 0.2]
    assert sorted(order) == [0, 1, 2, 3]


# --------------------------------------------------------------------------------------------------- chance itself
class Given:
    """A generator that gives one number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


def test_what_has_no_chance_never_happens_and_what_is_certain_always(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, p, happens in (
        (0.0, 0.0, False),
        (0.0, TINY, True),
        (0.5, 0.5, False),
        (0.4, 0.5, True),
        (1 - TINY, 1, True),
    ):
        monkeypatch.setattr(chance, "resolve", lambda _, value=value: Given(value))
        assert chance.happens(p) is happens


def test_whole_numbers_with_both_ends() -> None:
    assert {chance.whole(2, 4) for _ in range(200)} == {2, 3, 4}
    assert {chance.whole(3, 3) for _ in range(9)} == {3}
    assert {type(chance.whole(0, 1)), type(chance.order(2)[0])} == {int}
    assert type(chance.uniform(0, 1)) is float
    assert {tuple(chance.order(3)) for _ in range(200)} == {
        (0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- bounds
P = ([0, TINY, 1], [-TINY, 1 + TINY, math.nan], r"p is a probability in \[0, 1\], got")
BOUNDS: list[tuple[str, Any, list[Any], list[Any], str]] = [  # what, how, taken, refused, words
    *((f"p of {k.__name__}", k, *P) for k in (T.RandomHorizontalFlip, T.RandomVerticalFlip, T.RandomInvert)),
    ("p of RandomGrayscale", T.RandomGrayscale, *P),
    ("p of RandomErasing", T.RandomErasing, *P),
    ("p of RandomApply", lambda v: T.RandomApply([abs], v), *P),
    ("weights", lambda v: T.RandomChoice([abs, abs], v), [(0, 1), (TINY, 0)],
     [(0, 0), (-TINY, 1), (1,), (1, 1, 1)], "a weig"),
    ("scale of a crop", lambda v: T.RandomResizedCrop(3, v), [(0, 1), (0.5, 0.5)], [(-TINY, 1), (1, 0.5)], "scale"),
    ("ratio of a crop", lambda v: T.RandomResizedCrop(3, ratio=v), [(TINY, 1)], [(0, 1), (-1, 1), (2, 1)], "ratio"),
    ("degrees", T.RandomRotation, [0, TINY, (3, 3)], [-TINY, math.nan, (1,), (1, 2, 3)], "degrees"),
    ("degrees of a map", T.RandomAffine, [0, (9, -9)], [-TINY, math.nan, (1, 2, 3, 4)], "degrees"),
    ("shift", lambda v: T.RandomAffine(0, v), [(0, 0), (1, 1)], [(-TINY, 0), (0, 1 + TINY), (0,)], "translate"),
    ("scale of a map", lambda v: T.RandomAffine(0, None, v), [(TINY, 1)], [(0, 1), (1, 0), (1, 2, 3)], "scale"),
    ("shear", lambda v: T.RandomAffine(0, shear=v), [0, (1, 2), (1, 2, 3, 4)], [-TINY, (1, 2, 3), (1,)], "shear"),
    ("center", lambda v: T.RandomAffine(0, center=v), [(0, 0), None], [(1,), (1, 2, 3)], "center must be two numbers"),
    ("center of a turn", lambda v: T.RandomRotation(0, center=v), [(0, 0)],
     [(1,), (1, 2, 3)], "center must be two numb"),
    ("kernel", T.GaussianBlur, [1, 3, (1, 5)], [2, (3, 4), (4, 3), 0], "GaussianBlur: kernel_size must be"),
    ("sigma", lambda v: T.GaussianBlur(3, v), [TINY, (TINY, TINY), (1, 2)], [0, (0, 1), (2, 1), -1, (1,)], "sigma"),
    ("area", lambda v: T.RandomErasing(1, v), [(0, 1), (0, 0), (1, 1)],
     [(-TINY, 1), (0, 1 + TINY), (0.5, 0.4)], "scale"),
    ("form", lambda v: T.RandomErasing(1, ratio=v), [(TINY, 1)], [(0, 1), (-1, 1), (2, 1)], "ratio"),
    ("brightness", T.ColorJitter, [0, 3, (0, 0), (1, 9)], [-TINY, math.nan, (-TINY, 1), (2, 1)], "brightness"),
    ("contrast", lambda v: T.ColorJitter(0, v), [0, 3, (0, 0)], [-TINY, (-TINY, 1)], "contrast"),
    ("saturation", lambda v: T.ColorJitter(0, 0, v), [0, 3, (0, 0)], [-TINY, (-TINY, 1)], "saturation"),
    ("hue", lambda v: T.ColorJitter(hue=v), [0, 0.5, (-0.5, 0.5)],
     [-TINY, 0.5 + TINY, (-0.5 - TINY, 0), (0.2, 0.1)], "hue"),
    ("turn of hues", lambda v: F.adjust_hue(image(), v), [-0.5, 0, 0.5],
     [-0.5 - TINY, 0.5 + TINY, math.nan], "hue_factor"),
    ("factor", lambda v: F.adjust_contrast(image(), v), [0, TINY],
     [-TINY, math.nan], "contrast_factor must be a number"),
    ("gamma", lambda v: F.adjust_gamma(image() / 999, v), [0, TINY], [-TINY, math.nan], "gamma must be a number >= 0"),
    ("size of a map", lambda v: F.affine(image(), 0, (0, 0), v, 0), [TINY, 1],
     [0, -TINY, math.nan], "scale must be above 0"),
    ("blur", lambda v: F.gaussian_blur(image(), 3, v), [TINY, (1, TINY)], [0, -TINY, (1, 0)], "sigma must be above 0"),
    ("kernel of a blur", lambda v: F.gaussian_blur(image(), v), [1, (3, 1)],
     [2, (2, 3), (3, 2)], "kernel_size must be odd"),
    ("height of a part", lambda v: F.crop(image(), 0, 0, v, 3), [0, 1], [-1], "height and width must be >= 0"),
    ("width of a part", lambda v: F.crop(image(), 0, 0, 3, v), [0, 1], [-1], "height and width must be >= 0"),
    ("corners", lambda v: F.five_crop(image(), v), [(8, 10), (1, 1)], [(9, 10), (8, 11), (0, 1)], "size"),
    ("new size", lambda v: F.resize(image(), v), [1, (1, 1)], [0, (0, 1), (1, 0)], "at least 1"),
    ("longer side", lambda v: F.resize(image(8, 80), None, max_size=v), [10, 80],
     [9], "would become 0 high and 9 wide"),
    ("most", lambda v: F.resize(image(), 8, max_size=v), [9, 10], [8, 7], "must be greater than size=8"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "taken", "refused", "words"), [pytest.param(*case[1:], id=case[0]) for case in BOUNDS]
)
def test_both_sides_of_a_bound(make: Any, taken: list[Any], refused: list[Any], words: str) -> None:
    for value in taken:
        make(value)
    for value in refused:
        with pytest.raises(ValueError, match=words):
            make(value)


@pytest.mark.parametrize(
    ("value", "name", "center", "bound", "found"),
    [
        (0, "brightness", 1, (0, math.inf), None),
        (0.25, "brightness", 1, (0, math.inf), (0.75, 1.25)),
        (1, "brightness", 1, (0, math.inf), (0.0, 2.0)),
        (3, "brightness", 1, (0, math.inf), (0.0, 4.0)),
        ((1, 1), "contrast", 1, (0, math.inf), None),
        ((0, 0), "contrast", 1, (0, math.inf), (0.0, 0.0)),
        ([0.5, 2], "contrast", 1, (0, math.inf), (0.5, 2.0)),
        (0, "hue", 0, (-0.5, 0.5), None),
        (0.25, "hue", 0, (-0.5, 0.5), (-0.25, 0.25)),
        ((1 / 4, 1 / 2), "hue", 0, (-0.5, 0.5), (0.25, 0.5)),
    ],
)
def test_the_range_behind_an_argument_of_jitter(value: Any, name: str, center: int, bound: Any, found: Any) -> None:
    assert _factors(value, name, center, bound) == found
    if name != "hue":
        assert _factors(value, name) == found
        assert getattr(T.ColorJitter(**{name: value}), name) == found
