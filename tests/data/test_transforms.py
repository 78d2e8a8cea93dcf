"""Transforms against loops over pixels, and the promises all of them make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn.arrays.rng as rng
from tests.data.ends import Ends
from tinygrad_cnn.data import (
    Compose,
    ElasticTransform,
    Normalize,
    RandomAffine,
    RandomErasing,
    RandomHorizontalFlip,
    RandomShift,
    Transform,
)
from tinygrad_cnn.data.transforms import apply, draws_itself, is_random

ALL = [
    Normalize([0.1, 0.2], [0.5, 2.0]),
    RandomShift(2),
    RandomHorizontalFlip(0.5),
    RandomErasing(0.7),
    RandomErasing(0.7, value="random"),
    RandomAffine(20, (0.1, 0.2), (0.8, 1.2), 10),
    ElasticTransform(8, 2),
    Compose([RandomShift(1), Normalize(0.5, 0.5), RandomErasing(0.5)]),
    Compose([]),
]


def pictures(n: int = 6, c: int = 2, h: int = 9, w: int = 7, dtype: str = "f4") -> np.ndarray:
    return np.random.default_rng(0).random((n, c, h, w)).astype(dtype)


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4"])
def test_promises(transform: Transform, dtype: str) -> None:
    x = pictures(dtype=dtype)
    before = x.copy()
    x.setflags(write=False)
    y = transform(x, rng.Generator(1))
    assert y.shape == x.shape
    assert y.dtype == x.dtype.newbyteorder("=")
    assert y.flags.writeable
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(transform(x, rng.Generator(1)), y)  # the same seed, the same bits
    rng.manual_seed(5)
    default = transform(x)
    rng.manual_seed(5)
    np.testing.assert_array_equal(transform(x), default)
    if transform.random:
        assert not np.array_equal(transform(x, rng.Generator(2)), y)
    flipped = x[:, :, ::-1, ::-1]
    strided = transform(np.ascontiguousarray(flipped), rng.Generator(1))
    np.testing.assert_array_equal(transform(flipped, rng.Generator(1)), strided)
    batch_last = np.asfortranarray(x)
    np.testing.assert_array_equal(transform(batch_last, rng.Generator(1)), y)


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(0, 2, 5, 5), (1, 2, 1, 1), (2, 2, 1, 6), (2, 2, 0, 3)])
def test_small_and_empty_shapes(transform: Transform, shape: tuple[int, ...]) -> None:
    assert transform(np.zeros(shape, np.float32), rng.Generator(0)).shape == shape


@pytest.mark.parametrize("transform", ALL[:-1], ids=repr)
def test_bad_input(transform: Transform) -> None:
    with pytest.raises(ValueError, match=r"\(N, C, H, W\), got shape \(28, 28\)"):
        transform(np.zeros((28, 28), np.float32))
    with pytest.raises(TypeError, match="takes a NumPy array of images, got list"):
        transform([[1.0]])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="generator must be"):
        Compose([RandomShift(1)])(pictures(), 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "transform", [Normalize(0, 1), RandomAffine(3), ElasticTransform(), RandomErasing(value="random")]
)
def test_integers_are_refused_where_they_would_be_rounded(transform: Transform) -> None:
    with pytest.raises(TypeError, match="needs floating images, got uint8"):
        transform(np.zeros((1, 1, 4, 4), np.uint8))


@pytest.mark.parametrize("transform", [RandomShift(2), RandomHorizontalFlip(), RandomErasing()])
def test_integers_are_kept_where_pixels_only_move(transform: Transform) -> None:
    assert transform((pictures() * 255).astype(np.uint8)).dtype == np.uint8


def test_repr() -> None:
    assert repr(RandomShift(3)) == "RandomShift(max_shift=3, fill=0)"
    assert repr(Compose([Normalize(0, 1)])) == "Compose([Normalize(mean=0.0, std=1.0)])"
    assert "needs_float" not in repr(RandomErasing())


# ------------------------------------------------------------------------------------------------- Normalize


def test_normalize_is_its_formula() -> None:
    x = pictures()
    y = Normalize([0.1, 0.2], [0.5, 2.0])(x)
    for n, c, i, j in np.ndindex(x.shape):
        assert y[n, c, i, j] == pytest.approx((x[n, c, i, j] - [0.1, 0.2][c]) / [0.5, 2.0][c], rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(Normalize(0.5, 0.25)(x), (x - 0.5) / 0.25, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("mean", "std", "match"),
    [
        (0, 0, "std above 0"),
        (0, -1, "std above 0"),
        (np.nan, 1, "finite"),
        ([[0]], 1, "1-d"),
        (0, [1, 0], "std above 0"),
    ],
)
def test_normalize_refuses(mean, std, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Normalize(mean, std)


def test_normalize_counts_channels() -> None:
    with pytest.raises(ValueError, match="mean has 3 channels, the images have 2"):
        Normalize([0, 0, 0], 1)(pictures())


# ----------------------------------------------------------------------------------------------- RandomShift


def shifted(image: np.ndarray, down: int, right: int, fill: float) -> np.ndarray:
    """One image (C, H, W), by a loop over pixels."""
    out = np.full_like(image, fill)
    _, h, w = image.shape
    for i in range(h):
        for j in range(w):
            if 0 <= i - down < h and 0 <= j - right < w:
                out[:, i, j] = image[:, i - down, j - right]
    return out


@given(st.integers(0, 4), st.integers(1, 6), st.integers(1, 6), st.sampled_from([0, 0.5]), st.integers(0, 999))
def test_shift_is_one_of_the_shifts(m: int, h: int, w: int, fill: float, seed: int) -> None:
    x = pictures(3, 2, h, w) + 1
    steps = range(-m, m + 1)
    for image, result in zip(x, RandomShift(m, fill)(x, rng.Generator(seed)), strict=True):
        assert any(np.array_equal(result, shifted(image, i, j, fill)) for i in steps for j in steps)


def test_all_shifts_are_equally_likely() -> None:
    x = np.zeros((5000, 1, 5, 5), np.float32)
    x[:, 0, 2, 2] = 1
    seen = RandomShift(2)(x, rng.Generator(0)).sum(axis=(0, 1))
    assert seen.sum() == 5000
    assert seen.min() > 140  # 200 expected, standard deviation 14
    assert seen.max() < 260


@pytest.mark.parametrize("bad", [-1, 1.5, True, None])
def test_shift_refuses(bad) -> None:
    with pytest.raises(ValueError, match="max_shift must be an integer >= 0"):
        RandomShift(bad)


# ------------------------------------------------------------------------------------- RandomHorizontalFlip


def test_flip() -> None:
    x = pictures(400, 1, 3, 4)
    y = RandomHorizontalFlip(0.25)(x, rng.Generator(0))
    turned = [np.array_equal(b, a[:, :, ::-1]) for a, b in zip(x, y, strict=True)]
    same = [np.array_equal(b, a) for a, b in zip(x, y, strict=True)]
    assert all(t != s for t, s in zip(turned, same, strict=True))
    assert 65 < sum(turned) < 135
    np.testing.assert_array_equal(RandomHorizontalFlip(1)(x), x[..., ::-1])
    np.testing.assert_array_equal(RandomHorizontalFlip(0)(x), x)
    with pytest.raises(ValueError, match=r"probability in \[0, 1\], got 1.5"):
        RandomHorizontalFlip(1.5)


# --------------------------------------------------------------------------------------------- RandomErasing


def test_erasing_makes_one_rectangle_of_the_right_size() -> None:
    x = pictures(2000, 2, 20, 16) + 1
    y = RandomErasing(0.5, (0.05, 0.3), (0.5, 2.0), value=-1)(x, rng.Generator(0))
    erased, tops, areas = 0, [], []
    for a, b in zip(x, y, strict=True):
        hit = b[0] == -1
        np.testing.assert_array_equal(b[1] == -1, hit)
        np.testing.assert_array_equal(b[:, ~hit], a[:, ~hit])
        if not hit.any():
            continue
        erased += 1
        rows, columns = np.flatnonzero(hit.any(1)), np.flatnonzero(hit.any(0))
        tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert hit.sum() == tall * wide  # a full rectangle
        assert (tall - 1) * (wide - 1) <= 0.3 * 320
        assert (tall + 1) * (wide + 1) >= 0.05 * 320
        assert (tall - 0.5) / (wide + 0.5) <= 2.0
        assert (tall + 0.5) / (wide - 0.5) >= 0.5
        tops.append(rows[0])
        areas.append(hit.mean())
    assert 900 < erased < 1100
    assert min(tops) == 0
    assert 0.155 < np.mean(areas) < 0.195  # evenly in 0.05..0.3


def test_erasing_with_noise_and_without_room() -> None:
    x = np.full((50, 1, 12, 12), 7, np.float32)
    y = RandomErasing(1, value="random")(x, rng.Generator(0))
    noise = y[y != 7]
    assert 0 <= noise.min() < noise.max() < 1
    assert len(np.unique(noise)) > 0.9 * len(noise)
    np.testing.assert_array_equal(RandomErasing(0)(x), x)
    np.testing.assert_array_equal(RandomErasing(1, scale=(1.0, 1.0))(x), x)  # nothing of the whole size fits inside


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"p": -0.1}, ValueError, "probability"),
        ({"scale": (0.5, 0.1)}, ValueError, "low <= high"),
        ({"scale": (0.5, 2)}, ValueError, "fractions of the area"),
        ({"ratio": (0, 1)}, ValueError, "above 0"),
        ({"ratio": (1,)}, ValueError, "low, high"),
        ({"value": "noise"}, TypeError, "'random'"),
    ],
)
def test_erasing_refuses(arguments: dict, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        RandomErasing(**arguments)


# --------------------------------------------------------------------------------------------------- Compose


def test_compose_runs_in_order_and_takes_functions() -> None:
    x = pictures(dtype="f8")
    both = Compose([lambda a: a + 1, Normalize(1.0, 2.0), np.negative])
    np.testing.assert_allclose(both(x), -x / 2, rtol=1e-10)
    assert not both.random
    assert Compose([both, RandomShift(1)]).random
    with pytest.raises(TypeError, match=r"transforms\[1\] must be callable, got 3"):
        Compose([np.negative, 3])  # type: ignore[list-item]


def test_a_transform_of_ones_own() -> None:
    class Noise(Transform):
        def run(self, images, rng, /):
            return images + rng.normal(size=images.shape).astype(images.dtype)

    x = pictures()
    assert Noise()(x, rng.Generator(0)).std() > x.std()
    with pytest.raises(NotImplementedError, match=r"must define run"):
        Transform()(x)


def test_windows_of_a_shift_reach_as_far_as_was_said() -> None:
    """With one pixel lit, all the places where it may come to lie, and no others."""
    x = np.zeros((400, 1, 7, 7), np.float32)
    x[:, 0, 3, 3] = 1
    for m in (0, 1, 2):
        seen = RandomShift(m)(x, rng.Generator(0)).sum((0, 1)) > 0
        expected = np.zeros((7, 7), bool)
        expected[3 - m : 4 + m, 3 - m : 4 + m] = True
        np.testing.assert_array_equal(seen, expected)
    assert RandomShift().max_shift == 2
    assert (RandomShift(1, fill=3)(x, rng.Generator(0)) >= 0).all()
    assert (RandomShift(1, fill=3)(x, rng.Generator(0)) == 3).any()
    assert RandomShift().fill == 0


def test_defaults_of_transforms() -> None:
    assert repr(RandomHorizontalFlip()) == "RandomHorizontalFlip(p=0.5)"
    erasing = RandomErasing()
    assert (erasing.p, erasing.scale, erasing.ratio, erasing.value) == (0.5, (0.02, 0.33), (0.3, 3.3), 0)
    elastic = ElasticTransform()
    assert (elastic.alpha, elastic.sigma, elastic.fill) == (34.0, 4.0, 0)  # the paper's
    affine = RandomAffine(0)
    assert (affine.degrees, affine.translate, affine.scale) == ((-0.0, 0.0), (0.0, 0.0), (1.0, 1.0))
    assert (affine.shear, affine.fill) == ((0.0, 0.0, 0.0, 0.0), 0)
    assert RandomAffine(0, shear=5).shear == (-5.0, 5.0, 0.0, 0.0)
    assert RandomAffine(0, shear=(1, 2, 3, 4)).shear == (1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("side", "high", "tall", "wide", "top", "left"),
    [
        (0.25, False, 5, 5, 0, 0),  # 25 of 10 x 10
        (0.25, True, 5, 5, 5, 5),
        (0.81, True, 9, 9, 1, 1),
        (1.0, True, 0, 0, 0, 0),  # not as high as the image
    ],
)
def test_the_place_of_an_erased_part(side: float, high: bool, tall: int, wide: int, top: int, left: int) -> None:
    x = np.ones((2, 3, 10, 10), np.float32)
    got = RandomErasing(1, (side, side), (1, 1), value=5).run(x, Ends(high))
    expected = x.copy()
    expected[:, :, top : top + tall, left : left + wide] = 5
    np.testing.assert_array_equal(got, expected)


def test_an_erased_part_is_neither_as_high_nor_as_wide_as_the_image() -> None:
    for shape, ratio in (((10, 20), 1.0), ((20, 10), 1.0)):
        x = np.ones((1, 1, *shape), np.float32)
        np.testing.assert_array_equal(RandomErasing(1, (0.5, 0.5), (ratio, ratio), 5).run(x, Ends(True)), x)
        got = RandomErasing(1, (0.4, 0.4), (ratio, ratio), 5).run(x, Ends(True))  # 80 of 200 pixels: 9 x 9
        assert (got == 5).sum() == 81


def test_what_a_transform_returns_is_as_many_images() -> None:
    x = np.zeros((3, 1, 2, 2))
    assert apply(np.negative, x, None).shape == x.shape
    for odd, words in (
        (lambda a: a[:2], r"shape \(2, 1, 2, 2\)"),
        (lambda a: a.tolist(), "list"),
        (lambda _: None, "NoneType"),
    ):
        with pytest.raises(TypeError, match=f"a transform returns an array of 3 images, .* returned {words}"):
            apply(odd, x, None)


def test_which_transforms_draw() -> None:
    rows = [  # a transform, is it given a generator, may it draw by itself
        (None, False, False), (abs, False, True), (RandomShift(1), True, False), (Normalize(0, 1), False, False),
        (Compose([Normalize(0, 1)]), False, False), (Compose([Normalize(0, 1), RandomShift(1)]), True, False),
        (Compose([abs]), False, True), (Compose([Compose([RandomShift(1), abs])]), True, True), (Compose([]), False,
         False),
    ]  # fmt: skip
    for transform, takes_one, by_itself in rows:
        assert is_random(transform) is takes_one
        assert draws_itself(transform) is by_itself


@pytest.mark.parametrize("transform", [RandomHorizontalFlip, lambda p: RandomErasing(p, (0.3, 0.3), (1, 1), 5)])
def test_what_has_no_chance_never_happens(transform) -> None:
    """Not even where the smallest number is drawn, which is 0; and the least chance is one."""
    x = pictures()
    np.testing.assert_array_equal(transform(0).run(x, Ends(False)), x)
    assert (transform(1e-12).run(x, Ends(False)) != x).reshape(len(x), -1).any(1).all()
