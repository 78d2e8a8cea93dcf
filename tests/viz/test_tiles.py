"""Images made ready for the eye: in [0, 1], each stretched alone where it is not, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.viz.tiles import as_pictures

RAMP = np.linspace(0, 1, 20).reshape(4, 5)  # (4, 5)


@pytest.mark.parametrize("low", [-3.0, -1e-3, 0.0, 0.2])
@pytest.mark.parametrize("high", [0.7, 1.0, 1.001, 40.0])
def test_an_image_is_stretched_where_it_leaves_the_unit_range(low: float, high: float) -> None:
    """At either end: a normalised picture of a dark scene has values below 0 and none above 1."""
    image = low + (high - low) * RAMP
    quiet = 0.1 + 0.5 * RAMP
    shown = as_pictures(np.stack([image, quiet]), "test")
    np.testing.assert_allclose(shown[0], image if low >= 0 and high <= 1 else RAMP, atol=1e-12)
    np.testing.assert_array_equal(shown[1], quiet)  # its neighbour's scale is no matter


def test_an_image_of_one_value_is_black_where_that_is_outside() -> None:
    shown = as_pictures(np.stack([np.full((2, 2), value) for value in (-2.0, 0.0, 0.5, 1.0, 7.0)]), "test")
    assert shown[:, 0, 0].tolist() == [0, 0, 0.5, 1, 0]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.array([[[0, 51, 255]]], np.uint8), [[[0, 0.2, 1]]]),
        (np.array([[[0, 51, 255]]]), [[[0, 0.2, 1]]]),
        (np.array([[[False, True]]]), [[[0, 1]]]),
        (np.array([[[[0.25, 0.5]]]]), [[[0.25, 0.5]]]),  # (N, 1, H, W)
        (np.array([[[[0.1]], [[0.2]], [[0.3]]]]), [[[[0.1, 0.2, 0.3]]]]),  # (N, 3, H, W): colours come last
        (np.array([[[[-1.0]], [[0.0]], [[1.0]]]]), [[[[0, 0.5, 1]]]]),  # all three on one scale
    ],
)
def test_numbers_and_channels_of_every_kind(images: Any, expected: Any) -> None:
    np.testing.assert_allclose(as_pictures(images, "test"), expected)
