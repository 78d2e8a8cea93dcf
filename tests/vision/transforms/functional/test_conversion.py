"""From PIL images and arrays to tensors and back: every mode, every byte, the bits of PyTorch's arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.testing import gradcheck
from tinygrad_cnn.vision.transforms import functional as F

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
RNG = np.random.default_rng(0)


def test_every_byte_as_pytorch_divides_it(torch: Any) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = torch.tensor(levels).to(torch.float32).div(255)[None].numpy()
    for picture in (levels, levels[:, :, None], Image.fromarray(levels)):
        got = F.to_tensor(picture)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got.numpy(), expected)


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("L", 1), ("P", 1), ("LA", 2), ("RGB", 3), ("YCbCr", 3), ("HSV", 3), ("RGBA", 4), ("CMYK", 4)],
)
def test_modes_of_bytes(mode: str, channels: int) -> None:
    pixels = RNG.integers(0, 256, (3, 5, channels), np.uint8)
    image = Image.frombytes(mode, (5, 3), pixels.tobytes())
    for got, scale in ((F.to_tensor(image).numpy(), np.float32(255)), (F.pil_to_tensor(image).numpy(), np.uint8(1))):
        assert got.shape == (channels, 3, 5)
        assert got.flags.c_contiguous
        for c in range(channels):
            for row in range(3):
                for column in range(5):
                    value = pixels[row, column, c]
                    assert got[c, row, column] == (value / scale if got.dtype == np.float32 else value)


def test_mode_1_is_0_and_1() -> None:
    bits = RNG.integers(0, 2, (4, 11)).astype(bool)
    image = Image.fromarray(bits)
    assert image.mode == "1"
    np.testing.assert_array_equal(F.to_tensor(image).numpy(), bits[None].astype(np.float32))
    np.testing.assert_array_equal(F.pil_to_tensor(image).numpy(), bits[None])
    assert F.pil_to_tensor(image).dtype == np.bool_


@pytest.mark.parametrize(
    ("mode", "dtype", "pixels"),
    [
        ("I", np.int32, np.array([[-7, 100000], [0, 255]], np.int32)),
        ("F", np.float32, np.array([[-0.5, 300.25], [0, 1]], np.float32)),
        ("I;16", np.int16, np.array([[0, 30000], [255, 256]], np.uint16)),
    ],
)
def test_wide_modes_keep_their_numbers(mode: str, dtype: Any, pixels: Any) -> None:
    image = Image.fromarray(pixels)
    assert image.mode == mode
    got = F.to_tensor(image)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got.numpy()[0], pixels)
    np.testing.assert_array_equal(F.pil_to_tensor(image).numpy()[0], pixels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int16, np.bool_])
def test_other_arrays_keep_dtype_and_numbers(dtype: Any) -> None:
    pixels = RNG.integers(0, 2, (4, 3, 2)).astype(dtype)
    got = F.to_tensor(pixels)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got.numpy(), pixels.transpose(2, 0, 1))
    assert not np.shares_memory(got.numpy(), pixels)


def test_the_tensor_is_new_memory() -> None:
    image = Image.new("RGB", (2, 2), (1, 2, 3))
    t = F.pil_to_tensor(image)
    t.zero_()
    assert image.getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (tg.zeros(1, 2, 2), TypeError, "got Tensor: it is one already, leave ToTensor"),
        ([[0]], TypeError, "takes a PIL image or an array, got list"),
        (np.zeros(3), ValueError, r"got \(3,\)"),
        (np.zeros((1, 2, 3, 4)), ValueError, r"\(H, W\) or \(H, W, C\)"),
    ],
)
def test_what_to_tensor_refuses(bad: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        F.to_tensor(bad)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_there_and_back(channels: int, mode: str) -> None:
    pixels = RNG.integers(0, 256, (5, 4, channels), np.uint8)
    whole = F.to_pil_image(pixels)
    assert whole.mode == mode
    assert whole.size == (4, 5)
    np.testing.assert_array_equal(F.pil_to_tensor(whole).numpy(), pixels.transpose(2, 0, 1))
    for t in (F.pil_to_tensor(whole), F.to_tensor(whole), F.to_tensor(whole).double()):
        assert F.to_pil_image(t).tobytes() == whole.tobytes()


@pytest.mark.parametrize(("dtype", "mode"), [(np.int16, "I;16"), (np.int32, "I"), (np.float32, "F")])
def test_wide_images_there_and_back(dtype: Any, mode: str) -> None:
    pixels = np.array([[0, 1, 30000], [7, 8, 9]], dtype)
    for given_mode in (None, mode):
        image = F.to_pil_image(pixels, given_mode)
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), pixels)
    if dtype != np.float32:
        np.testing.assert_array_equal(F.to_tensor(F.to_pil_image(tg.from_numpy(pixels))).numpy()[0], pixels)


def test_floats_are_cut_off_and_wrap_as_in_pytorch(torch: Any) -> None:
    values = np.array([[0, 0.999, 1, 0.5, 0.1, 1.1, -0.02]], np.float32)
    expected = torch.tensor(values).mul(255).byte().numpy()
    np.testing.assert_array_equal(np.asarray(F.to_pil_image(tg.from_numpy(values))), expected)
    with_mode = F.to_pil_image(tg.from_numpy(values), "F")
    np.testing.assert_array_equal(np.asarray(with_mode), values)


def test_given_modes() -> None:
    pixels = RNG.integers(0, 256, (2, 2, 3), np.uint8)
    for mode in ("RGB", "YCbCr", "HSV"):
        image = F.to_pil_image(pixels, mode)
        assert image.mode == mode
        assert image.tobytes() == pixels.tobytes()
    assert F.to_pil_image(np.zeros((2, 2, 4), np.uint8), "CMYK").mode == "CMYK"


@pytest.mark.parametrize(
    ("bad", "mode", "error", "words"),
    [
        ("x", None, TypeError, "takes a Tensor or an array, got str"),
        (tg.zeros(2, 3, 4, 4), None, ValueError, "one image of the batch"),
        (tg.zeros(5, 4, 4), None, ValueError, "1 to 4 channels, got 5"),
        (np.zeros((4, 4)), None, TypeError, "no mode for 1 channel of float64"),
        (np.zeros((4, 4, 3), np.float32), None, TypeError, "no mode for 3 channels of float32"),
        (np.zeros((4, 4, 3), np.uint8), "L", ValueError, "possible: RGB, YCbCr, HSV"),
        (np.zeros((4, 4), np.uint8), "RGB", ValueError, "possible: L"),
        (np.zeros((0, 4), np.uint8), None, ValueError, "at least one pixel"),
    ],
)
def test_what_to_pil_image_refuses(bad: Any, mode: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        F.to_pil_image(bad, mode)


def test_pil_to_tensor_takes_pil_images_alone() -> None:
    with pytest.raises(TypeError, match="takes a PIL image, got ndarray"):
        F.pil_to_tensor(np.zeros((2, 2), np.uint8))


# ------------------------------------------------------------------------------------------------------------ dtypes
INTEGERS = [np.uint8, np.int8, np.int16, np.int32, np.int64]


@pytest.mark.parametrize("new", INTEGERS)
@pytest.mark.parametrize("old", INTEGERS)
def test_integers_to_integers_by_powers_of_two(old: Any, new: Any) -> None:
    top, goal = (int(np.iinfo(d).max) + 1 for d in (old, new))
    values = np.array([0, 1, 5, 100, np.iinfo(old).max], old)
    got = F.convert_image_dtype(tg.from_numpy(values), new)
    expected = [int(v) * goal // top if goal <= top else int(v) * (goal // top) for v in values]
    assert got.dtype == new
    assert got.tolist() == expected


@pytest.mark.parametrize("floating", [np.float32, np.float64])
@pytest.mark.parametrize("integer", INTEGERS[:3])
def test_floats_and_integers(integer: Any, floating: Any) -> None:
    top = int(np.iinfo(integer).max)
    x = np.linspace(0, 1, 1001).astype(floating)
    got = F.convert_image_dtype(tg.from_numpy(x), integer)
    assert got.tolist() == [int(floating(v) * floating(top + 1 - 1e-3)) for v in x]
    assert got.tolist()[-1] == top
    values = np.array([0, 1, top // 2, top], integer)
    back = F.convert_image_dtype(tg.from_numpy(values), floating)
    np.testing.assert_array_equal(back.numpy(), values.astype(floating) / floating(top))
    np.testing.assert_array_equal(F.convert_image_dtype(back, integer).numpy(), values)


def test_unsafe_conversions_are_refused() -> None:
    for old, new in ((np.float32, np.int32), (np.float32, np.int64), (np.float64, np.int64)):
        with pytest.raises(RuntimeError, match="does not hold all numbers"):
            F.convert_image_dtype(tg.zeros(2, 2, dtype=old), new)
    x = tg.zeros(2, 2)
    assert F.convert_image_dtype(x, np.float32) is x
    assert F.convert_image_dtype(x, np.float64).dtype == np.float64
    with pytest.raises(TypeError, match="takes a Tensor, got ndarray"):
        F.convert_image_dtype(np.zeros((2, 2)))  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------------- normalize
@given(st.data())
def test_normalize_gives_pytorchs_bits(torch: Any, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    lead = data.draw(st.sampled_from([(), (2,), (2, 1)]))
    c = data.draw(st.integers(1, 4))
    x = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(*lead, c, 3, 2)).astype(dtype)
    means = data.draw(st.lists(st.floats(-3, 3), min_size=c, max_size=c))
    stds = data.draw(st.lists(st.floats(0.01, 3), min_size=c, max_size=c))
    mean, std = (torch.tensor(v, dtype=torch.tensor(x).dtype).view(-1, 1, 1) for v in (means, stds))
    expected = torch.tensor(x).sub_(mean).div_(std).numpy()
    for inplace in (False, True):
        t = tg.tensor(x)
        y = F.normalize(t, means, tuple(stds), inplace)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.numpy(), expected)
        assert (y is t) == inplace
        np.testing.assert_array_equal(t.numpy(), expected if inplace else x)


def test_one_number_is_for_all_channels() -> None:
    x = tg.from_numpy(RNG.normal(size=(3, 2, 2)))
    for mean, std in ((0.5, 2.0), ([0.5], [2.0]), (tg.tensor([0.5]), np.array(2.0))):
        np.testing.assert_array_equal(F.normalize(x, mean, std).numpy(), (x.numpy() - 0.5) / 2)


def test_normalize_has_a_gradient() -> None:
    x = tg.randn(2, 3, 4, 4, dtype=tg.float64, requires_grad=True)
    gradcheck(lambda t: F.normalize(t, [0.1, 0.2, 0.3], [0.5, 1.0, 2.0]), (x,))


@pytest.mark.parametrize(
    ("image", "mean", "std", "error", "words"),
    [
        (np.zeros((1, 2, 2)), 0, 1, TypeError, r"got ndarray: put ToTensor\(\) before"),
        (Image.new("L", (2, 2)), 0, 1, TypeError, r"got Image: put ToTensor\(\) before"),
        (tg.zeros(1, 2, 2, dtype=tg.uint8), 0, 1, TypeError, "got uint8: ConvertImageDtype"),
        (tg.zeros(2, 2), 0, 1, ValueError, r"shape \(2, 2\)"),
        (tg.zeros(1, 2, 2), (0,), (0.0,), ValueError, "std is 0 in float32"),
        (tg.zeros(1, 2, 2), (0,), (1e-60,), ValueError, "std is 0 in float32"),
        (tg.zeros(1, 2, 2), (0, 1, 2), (1, 1, 1), ValueError, "mean has 3 numbers, .* has 1 channels"),
        (tg.zeros(3, 2, 2), (0, 1, 2), (1, 1), ValueError, "std has 2 numbers, .* has 3 channels"),
    ],
)
def test_what_normalize_refuses(image: Any, mean: Any, std: Any, error: Any, words: str) -> None:
    for inplace in (False, True):
        with pytest.raises(error, match=words):
            F.normalize(image, mean, std, inplace)
    if isinstance(image, Tensor):
        assert not image.numpy().any()
