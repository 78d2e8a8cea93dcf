"""Colours: pixel by pixel with Python's numbers, `colorsys` for hues, PIL's own results for PIL images; and blur."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.testing import gradcheck
from tinygrad_cnn.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
ImageEnhance = pytest.importorskip("PIL.ImageEnhance", reason="Pillow is not installed")
ImageOps = pytest.importorskip("PIL.ImageOps", reason="Pillow is not installed")
RNG = np.random.default_rng(0)
FACTORS = st.floats(0, 3)
BYTES = RNG.integers(0, 256, (3, 7, 6), np.uint8)
FLOATS = RNG.random((3, 7, 6))


def grey(x: Any) -> Any:
    return 0.2989 * x[..., 0, :, :] + 0.587 * x[..., 1, :, :] + 0.114 * x[..., 2, :, :]


def blended(x: Any, other: Any, ratio: float) -> Any:
    top = 255 if x.dtype == np.uint8 else 1
    return np.clip(ratio * x.astype(np.float64) + (1 - ratio) * other, 0, top)


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
@given(FACTORS)
def test_blends(lead: tuple[int, ...], dtype: Any, factor: float) -> None:
    x = RNG.random((*lead, 3, 4, 5)) if dtype != np.uint8 else RNG.integers(0, 256, (*lead, 3, 4, 5))
    x = x.astype(dtype)
    shade = grey(x.astype(np.float64))
    shade = np.floor(shade) if dtype == np.uint8 else shade
    mean = shade.mean((-2, -1), keepdims=True)[..., None]
    for call, other in (
        (F.adjust_brightness, 0.0),
        (F.adjust_contrast, mean),
        (F.adjust_saturation, shade[..., None, :, :]),
    ):
        got = call(tg.from_numpy(x), factor)
        expected = blended(x, other, factor)
        assert got.dtype == dtype
        if dtype == np.uint8:  # cut off to whole numbers: a rounding error on the way may cost one
            gap = expected - got.numpy()
            assert (gap > -1e-3).all()
            assert (gap < 1 + 1e-3).all()
        else:
            np.testing.assert_allclose(got.numpy(), expected, atol=1e-6 if dtype == np.float32 else 1e-12)


def test_factors_0_and_1() -> None:
    for x in (tg.from_numpy(BYTES), tg.from_numpy(FLOATS)):
        for call in (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation):
            np.testing.assert_array_equal(call(x, 1).numpy(), x.numpy())
        assert not F.adjust_brightness(x, 0).numpy().any()
        assert np.ptp(F.adjust_contrast(x, 0).numpy()) == 0
        assert np.ptp(F.adjust_saturation(x, 0).numpy(), axis=0).max() == 0


def test_one_channel() -> None:
    x = tg.from_numpy(BYTES[:1])
    assert F.adjust_saturation(x, 3) is x
    assert F.adjust_hue(x, 0.3) is x
    mean = BYTES[0].mean()
    np.testing.assert_allclose(F.adjust_contrast(x, 0.5).numpy(), np.floor(0.5 * BYTES[:1] + 0.5 * mean), atol=1)
    np.testing.assert_array_equal(F.rgb_to_grayscale(x).numpy(), BYTES[:1])
    np.testing.assert_array_equal(F.rgb_to_grayscale(x, 3).numpy(), BYTES[:1].repeat(3, 0))
    assert F.adjust_contrast(tg.from_numpy(FLOATS[0]), 0.5).shape == (7, 6)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5)])
@given(st.floats(-0.5, 0.5), st.integers(0, 9999))
def test_hues_as_colorsys_turns_them(shape: tuple[int, ...], factor: float, seed: int) -> None:
    """In every sixth of the circle, and for greys, whose hue is nothing."""
    x = np.random.default_rng(seed).integers(0, 4, shape).astype(np.float32) / 4
    got = F.adjust_hue(tg.from_numpy(x), factor).numpy()
    flat, turned = np.moveaxis(x, -3, -1).reshape(-1, 3), np.moveaxis(got, -3, -1).reshape(-1, 3)
    for before, after in zip(flat.astype(float).tolist(), turned, strict=True):
        h, s, v = colorsys.rgb_to_hsv(*before)
        np.testing.assert_allclose(after, colorsys.hsv_to_rgb((h + factor) % 1.0, s, v), atol=3e-6)


def test_hue_of_bytes() -> None:
    x = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 7, 7]], np.uint8).T[:, :, None]
    third = F.adjust_hue(tg.from_numpy(x), 1 / 3).numpy()
    np.testing.assert_array_equal(third[:, :, 0].T, [[0, 255, 0], [0, 0, 255], [255, 0, 0], [7, 7, 7]])


@given(st.floats(0, 4, width=32), st.floats(0, 2, width=32))
def test_gamma(gamma: float, gain: float) -> None:
    got = F.adjust_gamma(tg.from_numpy(FLOATS), gamma, gain).numpy()
    np.testing.assert_allclose(got, np.clip(gain * FLOATS**gamma, 0, 1), atol=1e-12)
    levels = F.adjust_gamma(tg.from_numpy(BYTES), gamma, gain).numpy()
    exact = np.clip(gain * (BYTES / 255) ** gamma, 0, 1) * (256 - 1e-3)
    assert (np.abs(levels - exact + 0.5) < 0.5 + 1e-3).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_shades_and_negatives(channels: int) -> None:
    for x in (BYTES, FLOATS):
        got = F.rgb_to_grayscale(tg.from_numpy(x), channels).numpy()
        assert got.shape == (channels, 7, 6)
        assert got.dtype == x.dtype
        shade = grey(x.astype(np.float64))
        for c in range(channels):
            np.testing.assert_allclose(got[c], np.floor(shade + 1e-6) if x is BYTES else shade, atol=1e-12)
        np.testing.assert_array_equal(F.invert(tg.from_numpy(x)).numpy(), (255 if x is BYTES else 1) - x)


def test_pil_does_the_work_on_pil_images() -> None:
    image = F.to_pil_image(BYTES.transpose(1, 2, 0))
    for got, expected in (
        (F.adjust_brightness(image, 1.7), ImageEnhance.Brightness(image).enhance(1.7)),
        (F.adjust_contrast(image, 0.3), ImageEnhance.Contrast(image).enhance(0.3)),
        (F.adjust_saturation(image, 2.5), ImageEnhance.Color(image).enhance(2.5)),
        (F.invert(image), ImageOps.invert(image)),
        (F.rgb_to_grayscale(image), image.convert("L")),
        (F.to_grayscale(image, 3), image.convert("L").convert("RGB")),
    ):
        assert got.mode == expected.mode
        assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("factor", [-0.5, -0.21, 0, 0.1, 0.5])
def test_hue_of_pil_images(factor: float) -> None:
    image = F.to_pil_image(BYTES.transpose(1, 2, 0))
    hsv = np.asarray(image.convert("HSV")).copy()
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(factor * 255)) % 256
    expected = Image.frombytes("HSV", image.size, hsv.tobytes()).convert("RGB")
    assert F.adjust_hue(image, factor).tobytes() == expected.tobytes()
    for mode in ("L", "1", "I", "F"):
        plain = Image.new(mode, (2, 2))
        assert F.adjust_hue(plain, factor) is plain


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_gamma_of_pil_images(mode: str) -> None:
    image = F.to_pil_image(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert(mode)
    got = F.adjust_gamma(image, 0.4, 0.9)
    assert got.mode == mode
    exact = np.clip(0.9 * (np.arange(256) / 255) ** 0.4, 0, 1) * (256 - 1e-3)
    levels = np.asarray(got).reshape(256, -1)[:, 0]
    assert np.abs(levels - exact).max() <= 0.5 + 1e-9 or np.abs(levels - np.floor(exact)).max() == 0


def test_tensors_show_about_what_pil_images_show() -> None:
    image, t = F.to_pil_image(BYTES.transpose(1, 2, 0)), tg.from_numpy(BYTES)
    for call, most in (
        (lambda i: F.adjust_brightness(i, 1.3), 1),
        (lambda i: F.adjust_contrast(i, 1.3), 1),
        (lambda i: F.adjust_saturation(i, 1.3), 1),
        (lambda i: F.adjust_gamma(i, 1.3), 1),
        (lambda i: F.adjust_hue(i, 0.2), 12),  # PIL's circle has 256 steps
        (lambda i: F.gaussian_blur(i, 3, 1.0), 0),
    ):
        assert np.abs(call(t).numpy().astype(int) - F.pil_to_tensor(call(image)).numpy()).max() <= most


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda i: F.adjust_brightness(i, -1), ValueError, "brightness_factor must be a number >= 0, got -1"),
        (lambda i: F.adjust_contrast(i, float("nan")), ValueError, "contrast_factor must be a number >= 0, got nan"),
        (lambda i: F.adjust_saturation(i, -0.1), ValueError, "saturation_factor must be"),
        (lambda i: F.adjust_gamma(i, -1), ValueError, "gamma must be"),
        (lambda i: F.adjust_hue(i, 0.6), ValueError, r"hue_factor must lie in \[-0.5, 0.5\], got 0.6"),
        (lambda i: F.rgb_to_grayscale(i, 2), ValueError, "num_output_channels must be 1 or 3, got 2"),
        (lambda i: F.gaussian_blur(i, 4), ValueError, "kernel_size must be odd, got 4"),
        (lambda i: F.gaussian_blur(i, 3, 0), ValueError, "sigma must be above 0, got 0"),
        (lambda i: F.gaussian_blur(i, 3, "1"), TypeError, "sigma must be a number or"),
    ],
)
def test_what_is_refused(call: Any, error: Any, words: str) -> None:
    for image in (tg.zeros(3, 4, 4), Image.new("RGB", (4, 4))):
        with pytest.raises(error, match=words):
            call(image)


@pytest.mark.parametrize(
    "call",
    [F.invert, F.rgb_to_grayscale, lambda i: F.adjust_hue(i, 0), lambda i: F.adjust_gamma(i, 1),
     lambda i: F.adjust_brightness(i, 1), lambda i: F.adjust_contrast(i, 1), lambda i: F.adjust_saturation(i, 1)],
)  # fmt: skip
def test_channels_other_than_one_and_three(call: Any) -> None:
    with pytest.raises(TypeError, match=r"a Tensor with 1 or 3 channels is needed, got shape \(4, 2, 2\)"):
        call(tg.zeros(4, 2, 2))


def test_images_without_channels() -> None:
    for call in (F.invert, F.rgb_to_grayscale):
        with pytest.raises(TypeError, match=r"\(\.\.\., C, H, W\), got \(2, 2\)"):
            call(tg.zeros(2, 2))
    with pytest.raises(TypeError, match="use rgb_to_grayscale"):
        F.to_grayscale(tg.zeros(3, 2, 2))


# --------------------------------------------------------------------------------------------------------------- blur
def gaussian(size: int, sigma: float) -> Any:
    k = np.exp(-0.5 * ((np.arange(size) - size // 2) / sigma) ** 2)
    return k / k.sum()


@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
@pytest.mark.parametrize(("kernel", "sigma"), [(3, 0.5), ((5, 3), (1.0, 2.0)), ([1, 5], [2.0]), (3, None)])
def test_blur_term_by_term(lead: tuple[int, ...], kernel: Any, sigma: Any) -> None:
    x = RNG.random((*lead, 6, 7))
    kx, ky = (kernel, kernel) if isinstance(kernel, int) else kernel
    sx, sy = {None: (0.15 * kx + 0.35, 0.15 * ky + 0.35), 0.5: (0.5, 0.5)}.get(
        sigma if not isinstance(sigma, (tuple, list)) else "", (sigma, sigma)
    )
    if isinstance(sigma, (tuple, list)):
        sx, sy = sigma[0], sigma[-1]
    wide = np.pad(x, (*((0, 0),) * len(lead), (ky // 2,) * 2, (kx // 2,) * 2), "reflect")
    expected = np.zeros_like(x)
    for i, down in enumerate(gaussian(ky, sy)):
        for j, across in enumerate(gaussian(kx, sx)):
            expected += down * across * wide[..., i : i + 6, j : j + 7]
    got = F.gaussian_blur(tg.from_numpy(x), kernel, sigma)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-12)
    levels = F.gaussian_blur(tg.from_numpy((x * 255).astype(np.uint8)), kernel, sigma)
    assert levels.dtype == np.uint8


def test_gradients() -> None:
    x = tg.tensor(RNG.uniform(0.2, 0.4, (3, 3, 4)) + np.array([0.0, 0.2, 0.4])[:, None, None], requires_grad=True)
    for call in (
        lambda i: F.adjust_brightness(i, 1.2), lambda i: F.adjust_contrast(i, 0.5),
        lambda i: F.adjust_saturation(i, 0.5), lambda i: F.adjust_hue(i, 0.2), lambda i: F.adjust_gamma(i, 1.5),
        F.rgb_to_grayscale, F.invert, lambda i: F.gaussian_blur(i, 3),
    ):  # fmt: skip
        gradcheck(call, (x,))
