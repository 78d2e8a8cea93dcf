"""Crops, flips, borders and erasing: pixel by pixel, and PIL's own results for PIL images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.testing import gradcheck
from tinygrad_cnn.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
RNG = np.random.default_rng(0)


def pixels(*shape: int) -> Any:
    return RNG.integers(1, 256, shape, np.uint8)


def same(image: Any, tensor: Any) -> None:
    """A PIL image and a Tensor of bytes show the same."""
    np.testing.assert_array_equal(F.pil_to_tensor(image).numpy(), tensor.numpy())


@given(st.data())
def test_a_crop_pixel_by_pixel(data: st.DataObject) -> None:
    h, w = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    top, left = data.draw(st.integers(-7, 9)), data.draw(st.integers(-7, 9))
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    x = pixels(3, h, w)
    expected = np.zeros((3, height, width), np.uint8)
    for i in range(height):
        for j in range(width):
            if 0 <= top + i < h and 0 <= left + j < w:
                expected[:, i, j] = x[:, top + i, left + j]
    got = F.crop(tg.from_numpy(x), top, left, height, width)
    np.testing.assert_array_equal(got.numpy(), expected)
    same(F.crop(F.to_pil_image(tg.from_numpy(x)), top, left, height, width), got)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (2, 3, 4, 5), (1, 2, 3, 4, 5)])
def test_flips(shape: tuple[int, ...]) -> None:
    x = pixels(*shape)
    np.testing.assert_array_equal(F.hflip(tg.from_numpy(x)).numpy(), x[..., ::-1])
    np.testing.assert_array_equal(F.vflip(tg.from_numpy(x)).numpy(), x[..., ::-1, :])
    if len(shape) == 3:
        image = F.to_pil_image(tg.from_numpy(x))
        same(F.hflip(image), F.hflip(tg.from_numpy(x)))
        same(F.vflip(image), F.vflip(tg.from_numpy(x)))


@pytest.mark.parametrize(
    "size", [(7, 5), (2, 3), (1, 1), (9, 9), (6, 9), (10, 3), (8, 6), (9, 5), (9, 4), (5, 9), (6, 8)]
)
def test_the_middle(size: tuple[int, int]) -> None:
    """Of an image 7 by 6: half a pixel goes to the even side, and what is missing is zero."""
    x = pixels(3, 7, 6)
    got = F.center_crop(tg.from_numpy(x), size).numpy()
    h, w = size
    big = np.pad(x, ((0, 0), (20, 20), (20, 20)))
    up = max(h - 7, 0) // 2 if h > 7 else -round((7 - h) / 2)
    back = max(w - 6, 0) // 2 if w > 6 else -round((6 - w) / 2)
    np.testing.assert_array_equal(got, big[:, 20 - up : 20 - up + h, 20 - back : 20 - back + w])
    same(F.center_crop(F.to_pil_image(tg.from_numpy(x)), size), tg.from_numpy(got))
    np.testing.assert_array_equal(F.center_crop(tg.from_numpy(x), 3).numpy(), F.center_crop(tg.from_numpy(x), [3, 3]))


def test_five_and_ten() -> None:
    x = tg.from_numpy(pixels(3, 7, 6))
    five = F.five_crop(x, (3, 2))
    for got, (top, left) in zip(five, [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)], strict=True):
        np.testing.assert_array_equal(got.numpy(), x.numpy()[:, top : top + 3, left : left + 2])
    for flag, flip in ((False, F.hflip), (True, F.vflip)):
        for a, b in zip(F.ten_crop(x, (3, 2), flag), five + F.five_crop(flip(x), (3, 2)), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    for a, b in zip(F.ten_crop(F.to_pil_image(x), 4), F.ten_crop(x, 4), strict=True):
        same(a, b)
    with pytest.raises(ValueError, match=r"size \(8, 8\) is larger than the image, 7 high and 6 wide"):
        F.five_crop(x, 8)


NUMPY = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


@pytest.mark.parametrize("mode", NUMPY)
@given(st.data())
def test_a_border_is_numpys(mode: str, data: st.DataObject) -> None:
    h, w = data.draw(st.integers(2, 5)), data.draw(st.integers(2, 5))
    left, top, right, bottom = (data.draw(st.integers(0, 6)) for _ in range(4))
    dtype = data.draw(st.sampled_from([np.uint8, np.float32]))
    lead = data.draw(st.sampled_from([(), (3,), (2, 3)]))
    x = pixels(*lead, h, w).astype(dtype)
    how = {"constant_values": 7} if mode == "constant" else {}
    expected = np.pad(x, (*((0, 0),) * len(lead), (top, bottom), (left, right)), mode, **how)  # type: ignore[call-overload]
    got = F.pad(tg.from_numpy(x), (left, top, right, bottom), 7, mode)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got.numpy(), expected)
    if dtype == np.uint8 and lead == (3,):
        same(F.pad(F.to_pil_image(tg.from_numpy(x)), (left, top, right, bottom), 7, mode), got)


@pytest.mark.parametrize("mode", NUMPY)
def test_negative_widths_cut_first(mode: str) -> None:
    x = pixels(3, 5, 6)
    how = {"constant_values": 9} if mode == "constant" else {}
    expected = np.pad(x[:, 1:, :4], ((0, 0), (0, 2), (1, 0)), mode, **how)  # type: ignore[call-overload]
    got = F.pad(tg.from_numpy(x), [1, -1, -2, 2], 9, mode)
    np.testing.assert_array_equal(got.numpy(), expected)
    same(F.pad(F.to_pil_image(tg.from_numpy(x)), [1, -1, -2, 2], 9, mode), got)


def test_short_forms_of_widths() -> None:
    x = tg.from_numpy(pixels(1, 4, 4))
    for short, long in ((2, (2, 2, 2, 2)), ([2], (2, 2, 2, 2)), ((1, 2), (1, 2, 1, 2))):
        np.testing.assert_array_equal(F.pad(x, short).numpy(), F.pad(x, long).numpy())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"])
@pytest.mark.parametrize("padding_mode", NUMPY)
def test_borders_of_every_mode(mode: str, padding_mode: str) -> None:
    image = Image.new(
        mode,
        (4, 3),
        0 if mode in ("1", "L", "P", "I", "F", "I;16") else (10, 20, 30, 40)[: len(Image.new(mode, (1, 1)).getbands())],
    )
    if mode == "P":
        image.putpalette([1, 2, 3, 4, 5, 6])
    got = F.pad(image, 1, 0, padding_mode)
    assert (got.mode, got.size) == (mode, (6, 5))
    assert got.getpixel((1, 1)) == image.getpixel((0, 0))
    assert got.getpixel((0, 0)) == (
        Image.new(mode, (1, 1)).getpixel((0, 0)) if padding_mode == "constant" else image.getpixel((0, 0))
    )
    assert (got.getpalette() or [])[:6] == ([1, 2, 3, 4, 5, 6] if mode == "P" else [])


def test_fills_of_pil_images() -> None:
    image = Image.new("RGB", (2, 2), (9, 9, 9))
    for fill, seen in (
        ((1, 2, 3), (1, 2, 3)),
        (5, (5, 5, 5)),
        ([6], (6, 6, 6)),
        ("red", (255, 0, 0)),
        (None, (0, 0, 0)),
    ):
        assert F.pad(image, 1, fill).getpixel((0, 0)) == seen
    assert F.pad(Image.new("F", (1, 1)), 1, 0.5).getpixel((0, 0)) == 0.5
    assert F.pad(tg.zeros(1, 1, 1), 1, 0.5).numpy()[0, 0, 0] == 0.5


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("1",), TypeError, "padding must be an int or a tuple of ints, got '1'"),
        ((1.5,), TypeError, "padding must be an int"),
        (((1, 2, 3),), ValueError, "got 3 numbers"),
        ((1, 0, "mirror"), ValueError, "constant, edge, reflect, symmetric, got 'mirror'"),
        ((1, (1, 2, 3)), TypeError, "one number for all channels"),
        ((1, "red"), TypeError, "one number for all channels"),
    ],
)
def test_what_pad_refuses(arguments: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        F.pad(tg.zeros(3, 4, 4), *arguments)


def test_a_fill_that_does_not_fit_a_pil_image() -> None:
    with pytest.raises(ValueError, match="fill has 2 numbers, the image has 3 channels"):
        F.pad(Image.new("RGB", (2, 2)), 1, (1, 2))
    with pytest.raises(ValueError, match="leave nothing"):
        F.pad(Image.new("RGB", (2, 2)), -1)


def test_erase() -> None:
    x = tg.from_numpy(RNG.normal(size=(3, 6, 5)))
    before = x.numpy().copy()
    y = F.erase(x, 1, 2, 3, 2, tg.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1))
    np.testing.assert_array_equal(x.numpy(), before)
    for c in range(3):
        assert (y.numpy()[c, 1:4, 2:4] == c + 1).all()
    y.numpy()[:, 1:4, 2:4] = before[:, 1:4, 2:4]
    np.testing.assert_array_equal(y.numpy(), before)
    assert F.erase(x, 0, 0, 2, 2, 0, inplace=True) is x
    assert not x.numpy()[:, :2, :2].any()
    with pytest.raises(TypeError, match=r"got Image: put ToTensor\(\)"):
        F.erase(Image.new("L", (2, 2)), 0, 0, 1, 1, 0)  # type: ignore[arg-type]


def test_gradients() -> None:
    x = tg.randn(2, 3, 4, dtype=tg.float64, requires_grad=True)
    gradcheck(lambda t: F.crop(F.hflip(t), -1, 1, 4, 4), (x,))
    for mode in NUMPY:
        gradcheck(lambda t, mode=mode: F.pad(t, (3, -1, 0, 2), 2, mode), (x,))
    gradcheck(lambda t: F.erase(t, 1, 1, 2, 2, 0.5), (x,))


@pytest.mark.parametrize(
    "call",
    [
        F.hflip, F.vflip, F.invert, F.rgb_to_grayscale, F.get_dimensions, F.get_image_size, F.get_image_num_channels,
        lambda i: F.crop(i, 0, 0, 1, 1), lambda i: F.center_crop(i, 1), lambda i: F.five_crop(i, 1),
        lambda i: F.pad(i, 1), lambda i: F.resize(i, 1), lambda i: F.rotate(i, 1),
        lambda i: F.affine(i, 0, (0, 0), 1, 0), lambda i: F.adjust_brightness(i, 1), lambda i: F.adjust_contrast(i, 1),
        lambda i: F.adjust_saturation(i, 1), lambda i: F.adjust_hue(i, 0), lambda i: F.adjust_gamma(i, 1),
        lambda i: F.gaussian_blur(i, 3),
    ],
)  # fmt: skip
def test_only_pil_images_and_tensors_are_images(call: Any) -> None:
    with pytest.raises(TypeError, match=r"takes a PIL image or a Tensor \(\.\.\., H, W\), got ndarray: make one"):
        call(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(TypeError, match="got str"):
        call("picture.png")
    with pytest.raises(TypeError, match=r"got shape \(3,\)"):
        call(tg.zeros(3))


def test_dimensions() -> None:
    image = Image.new("RGBA", (5, 7))
    for x in (image, F.to_tensor(image)):
        assert F.get_dimensions(x) == [4, 7, 5]
        assert F.get_image_size(x) == [5, 7]
        assert F.get_image_num_channels(x) == 4
    assert F.get_dimensions(tg.zeros(7, 5)) == [1, 7, 5]
    assert F.get_dimensions(tg.zeros(9, 2, 7, 5)) == [2, 7, 5]
    assert F.get_image_size(tg.zeros(7, 5)) == [5, 7]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("hflip", ()), ("vflip", ()), ("invert", ()), ("rgb_to_grayscale", ()), ("to_grayscale", ()), ("resize", (1,)),
        ("get_dimensions", ()), ("get_image_size", ()), ("get_image_num_channels", ()), ("crop", (0, 0, 1, 1)),
        ("center_crop", (1,)), ("five_crop", (1,)), ("pad", (1,)), ("rotate", (1,)), ("affine", (0, (0, 0), 1, 0)),
        ("adjust_brightness", (1,)), ("adjust_contrast", (1,)), ("adjust_saturation", (1,)), ("adjust_hue", (0,)),
        ("adjust_gamma", (1,)), ("gaussian_blur", (3,)),
    ],
)  # fmt: skip
def test_the_function_that_was_called_says_what_an_image_is(name: str, arguments: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name} takes a PIL image or a Tensor \(\.\.\., H, W\), got str"):
        getattr(F, name)("picture.png", *arguments)
    with pytest.raises(TypeError, match=rf"^{name}: a Tensor that is an image has shape .* got shape \(3,\)"):
        getattr(F, name)(tg.zeros(3), *arguments)
