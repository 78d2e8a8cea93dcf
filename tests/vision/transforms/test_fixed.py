"""A transform without chance is its function with the arguments it was given, on tensors and on PIL images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.vision import transforms as T
from tinygrad_cnn.vision.transforms import functional as F
from tinygrad_cnn.vision.transforms.fixed import check_fill, size_of

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
NEAREST, BICUBIC = T.InterpolationMode.NEAREST, T.InterpolationMode.BICUBIC
PIXELS = np.random.default_rng(0).integers(1, 256, (3, 9, 12), np.uint8)
X = tg.from_numpy(PIXELS)

SAME: list[tuple[Any, Any]] = [
    (T.Resize(5), lambda i: F.resize(i, 5)),
    (T.Resize((5, 4), NEAREST), lambda i: F.resize(i, (5, 4), NEAREST)),
    (T.Resize(6, BICUBIC, 7), lambda i: F.resize(i, 6, BICUBIC, 7)),
    (T.Resize(None, max_size=6), lambda i: F.resize(i, None, max_size=6)),
    (T.Resize(4, antialias=False), lambda i: F.resize(i, 4, antialias=False)),
    (T.CenterCrop(5), lambda i: F.center_crop(i, 5)),
    (T.CenterCrop((11, 7)), lambda i: F.center_crop(i, (11, 7))),
    (T.Pad(2), lambda i: F.pad(i, 2)),
    (T.Pad((1, 2, 3, 0), 7), lambda i: F.pad(i, (1, 2, 3, 0), 7)),
    (T.Pad((1, 2), 0, "reflect"), lambda i: F.pad(i, (1, 2), 0, "reflect")),
    (T.Grayscale(), lambda i: F.rgb_to_grayscale(i, 1)),
    (T.Grayscale(3), lambda i: F.rgb_to_grayscale(i, 3)),
    (T.FiveCrop(5), lambda i: F.five_crop(i, 5)),
    (T.FiveCrop((4, 6)), lambda i: F.five_crop(i, (4, 6))),
    (T.TenCrop(5), lambda i: F.ten_crop(i, 5)),
    (T.TenCrop((4, 6), True), lambda i: F.ten_crop(i, (4, 6), True)),
]


def arrays(found: Any) -> list[np.ndarray]:
    return [np.asarray(getattr(i, "_array", i)) for i in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize(("transform", "function"), SAME, ids=[repr(t) for t, _ in SAME])
def test_a_transform_is_its_function(transform: Any, function: Any) -> None:
    for image in (X, F.to_pil_image(X)):
        found, expected = transform(image), function(image)
        assert type(found) is type(expected)
        assert len(arrays(found)) == len(arrays(expected))
        for a, b in zip(arrays(found), arrays(expected), strict=True):
            assert not np.array_equal(a, arrays(image)[0])
            np.testing.assert_array_equal(a, b)


def test_conversions_are_their_functions() -> None:
    half = F.convert_image_dtype(X, np.float64)
    for transform, function, image in (
        (T.ConvertImageDtype(np.float64), lambda i: F.convert_image_dtype(i, np.float64), X),
        (T.Normalize((0.1, 0.2, 0.3), (1, 2, 4)), lambda i: F.normalize(i, (0.1, 0.2, 0.3), (1, 2, 4)), half),
        (T.PILToTensor(), F.pil_to_tensor, F.to_pil_image(X)),
        (T.ToTensor(), F.to_tensor, F.to_pil_image(X)),
        (T.ToPILImage("HSV"), lambda i: F.to_pil_image(i, "HSV"), X),
        (T.ToPILImage(), F.to_pil_image, X),
    ):
        found, expected = transform(image), function(image)
        assert type(found) is type(expected)
        assert isinstance(found, tg.Tensor) or found.mode == expected.mode
        np.testing.assert_array_equal(arrays(found)[0], arrays(expected)[0])
    T.Normalize(0.5, 2, True)(half)
    assert half.numpy().max() <= 0.25  # it was written to


@pytest.mark.parametrize(
    ("size", "kept"),
    [(5, (5, 5)), ([5], (5, 5)), ((4, 6), (4, 6)), ([4, 6], [4, 6]), (np.int64(3), (3, 3)), (np.array([4, 6]), (4, 6))],
)
def test_a_size_is_kept_as_torchvision_keeps_it(size: Any, kept: Any) -> None:
    found = size_of(size, "Resize")
    assert (found, type(found)) == (kept, type(kept))


def test_what_a_fill_may_be() -> None:
    for fill in (0, 0.5, "red", (1, 2, 3), [1]):
        check_fill(fill, "Pad")
    for fill in (None, {1}, {}, object()):
        with pytest.raises(
            TypeError, match="Pad: fill must be a number, or one for each channel in a tuple or list, got"
        ):
            check_fill(fill, "Pad")
