"""Resizing: PIL's own results for PIL images; tensors beside PyTorch, beside PIL, and beside a plain loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.nn.functional.cubic import smooth_matrix
from tinygrad_cnn.testing import gradcheck
from tinygrad_cnn.vision.transforms import InterpolationMode
from tinygrad_cnn.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
RNG = np.random.default_rng(0)
SIZES = st.integers(1, 12)


def by_loop(line: Any, new: int, tent: bool) -> list[float]:
    """One line resampled, term by term, as the kernels are written down in textbooks."""
    old = len(line)
    scale = old / new
    stretch = max(scale, 1)
    result = []
    for i in range(new):
        center, total, weight = (i + 0.5) * scale, 0.0, 0.0
        for j in range(old):
            t = abs(j + 0.5 - center) / stretch
            if tent:
                k = max(0.0, 1 - t)
            elif t < 1:
                k = 1.5 * t**3 - 2.5 * t**2 + 1
            else:
                k = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0
            total, weight = total + k * line[j], weight + k
        result.append(total / weight)
    return result


@given(SIZES, SIZES, st.sampled_from(["bilinear", "bicubic"]))
def test_the_matrix_is_the_kernel(old: int, new: int, mode: str) -> None:
    line = RNG.normal(size=old)
    np.testing.assert_allclose(
        smooth_matrix(old, new, None, False, mode == "bicubic") @ line,
        by_loop(line, new, mode == "bilinear"),
        atol=1e-12,
    )


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [True, False])
@given(st.data())
def test_as_pytorch(torch: Any, mode: str, antialias: bool, data: st.DataObject) -> None:
    smooth = mode in ("bilinear", "bicubic")
    size = (data.draw(SIZES), data.draw(SIZES))
    # where the result has one column, all its rows are PyTorch 2.13's first one
    assume(not (smooth and antialias and size[1] == 1))
    lead = data.draw(st.sampled_from([(3,), (2, 3), (1, 2, 3)]))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    x = RNG.random((*lead, data.draw(SIZES), data.draw(SIZES))).astype(dtype)
    expected = torch.nn.functional.interpolate(
        torch.tensor(x).reshape(1, -1, *x.shape[-2:]),
        size,
        mode=mode,
        **({"align_corners": False, "antialias": antialias} if smooth else {}),
    ).reshape(*lead, *size)
    try:
        got = F.resize(tg.from_numpy(x), size, InterpolationMode(mode), antialias=antialias)
    except NotImplementedError as error:
        pytest.skip(str(error))
    assert got.dtype == dtype
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=0, atol=2e-6 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@given(SIZES, SIZES)
def test_as_pil(mode: str, h: int, w: int) -> None:
    x = RNG.random((1, 9, 8)).astype(np.float32)
    got = F.resize(tg.from_numpy(x), (h, w), InterpolationMode(mode))
    theirs = F.to_tensor(F.resize(F.to_pil_image(tg.from_numpy(x), "F"), (h, w), InterpolationMode(mode)))
    np.testing.assert_allclose(got.numpy(), theirs.numpy(), rtol=0, atol=2e-6)


@given(SIZES, SIZES)
def test_bytes_beside_pil(h: int, w: int) -> None:
    """PIL rounds between its two passes, and again: one level either way."""
    x = RNG.integers(0, 256, (3, 9, 8), np.uint8)
    got = F.resize(tg.from_numpy(x), (h, w))
    theirs = F.pil_to_tensor(F.resize(F.to_pil_image(tg.from_numpy(x)), (h, w)))
    assert got.dtype == np.uint8
    assert np.abs(got.numpy().astype(int) - theirs.numpy()).max() <= 1


@pytest.mark.parametrize("mode", list(InterpolationMode))
def test_pil_does_the_work_on_pil_images(mode: InterpolationMode) -> None:
    image = F.to_pil_image(RNG.integers(0, 256, (9, 7, 3), np.uint8))
    number = {"nearest": 0, "nearest-exact": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
    expected = image.resize((4, 6), number[mode.value])
    for given_mode in {mode, number[mode.value], Image.Resampling(number[mode.value])}:
        got = F.resize(image, [6, 4], given_mode)
        assert got.size == (4, 6)
        assert got.tobytes() == expected.tobytes()


def test_a_constant_stays() -> None:
    for mode in ("bilinear", "bicubic"):
        y = F.resize(tg.full((1, 13, 7), 200, dtype=tg.uint8), (5, 9), InterpolationMode(mode))
        assert (y.numpy() == 200).all()


def test_cubic_bytes_do_not_wrap() -> None:
    x = np.zeros((1, 1, 8), np.uint8)
    x[..., 4:] = 255
    y = F.resize(tg.from_numpy(x), (1, 16), InterpolationMode.BICUBIC).numpy()[0, 0]
    assert (y[:6] < 30).all()
    assert (y[10:] > 225).all()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 30), st.one_of(st.none(), st.integers(1, 60)))
def test_one_number_is_for_the_shorter_side(h: int, w: int, size: int, most: int | None) -> None:
    short, long = min(h, w), max(h, w)
    new_short, new_long = size, math.floor(size * long / short)
    if most is not None and new_long > most:
        new_short, new_long = math.floor(most * size / new_long), most
    expected = (new_short, new_long) if h <= w else (new_long, new_short)
    x = tg.zeros(1, h, w)
    if most is not None and most <= size:
        with pytest.raises(ValueError, match=f"max_size={most} must be greater than size={size}"):
            F.resize(x, size, max_size=most)
    elif new_short < 1:
        with pytest.raises(ValueError, match="would become"):
            F.resize(x, size, max_size=most)
    else:
        assert F.resize(x, size, max_size=most).shape == (1, *expected)
        assert F.resize(F.to_pil_image(x), [size], max_size=most).size == expected[::-1]


def test_the_longer_side_alone() -> None:
    assert F.resize(tg.zeros(1, 10, 20), None, max_size=8).shape == (1, 4, 8)
    assert F.resize(tg.zeros(1, 20, 10), None, max_size=8).shape == (1, 8, 4)


def test_the_same_size_is_the_same_image() -> None:
    image, x = Image.new("L", (5, 4)), tg.zeros(1, 4, 5)
    for size in (4, [4], (4, 5)):
        assert F.resize(image, size) is image
        assert F.resize(x, size) is x


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("4",), TypeError, r"size must be an int or \(height, width\), got '4'"),
        (((1, 2, 3),), TypeError, r"size must be an int or \(height, width\)"),
        ((4.5,), TypeError, "size must be an int"),
        (((4, 4.5),), TypeError, "whole numbers"),
        ((0,), ValueError, "at least 1, got 0"),
        ((None,), ValueError, "give size, or max_size"),
        (((2, 2), InterpolationMode.BILINEAR, 9), ValueError, "max_size is for a size that is one int"),
        ((2, "bilinear"), TypeError, "interpolation must be an InterpolationMode"),
        ((2, 17), TypeError, "interpolation must be an InterpolationMode"),
        ((2, InterpolationMode.LANCZOS), ValueError, "not by 'lanczos', which PIL has"),
    ],
)
def test_what_resize_refuses(arguments: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        F.resize(tg.zeros(1, 8, 8), *arguments)


def test_an_image_without_pixels() -> None:
    for size in (2, (2, 2)):
        with pytest.raises(ValueError, match="no pixels"):
            F.resize(tg.zeros(1, 0, 4), size)


def test_resized_crop() -> None:
    x = tg.from_numpy(RNG.random((2, 9, 8)))
    expected = F.resize(F.crop(x, 1, 2, 5, 4), (3, 3), InterpolationMode.BICUBIC)
    got = F.resized_crop(x, 1, 2, 5, 4, (3, 3), InterpolationMode.BICUBIC)
    np.testing.assert_array_equal(got.numpy(), expected.numpy())
    plain = F.resized_crop(x, 1, 2, 5, 4, (3, 3), antialias=False)
    np.testing.assert_array_equal(plain.numpy(), F.resize(F.crop(x, 1, 2, 5, 4), (3, 3), antialias=False).numpy())
    assert not np.allclose(plain.numpy(), F.resized_crop(x, 1, 2, 5, 4, (3, 3)).numpy())


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_gradients(mode: str) -> None:
    x = tg.randn(2, 5, 4, dtype=tg.float64, requires_grad=True)
    gradcheck(lambda t: F.resize(t, (3, 6), InterpolationMode(mode)), (x,))
