"""A drawn digit in MNIST's form: where its mass lies, what does not change it, and MNIST's own digits back again."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tinygrad_cnn as tg
from tinygrad_cnn.data import center_digit
from tinygrad_cnn.data.centering import ink_of

quick = settings(deadline=None, max_examples=60)


def center_of_mass(image: NDArray[Any]) -> NDArray[np.float64]:
    weights = image / image.sum()
    i = np.arange(28)
    return np.array([(weights.sum(1) * i).sum(), (weights.sum(0) * i).sum()])


def on_canvas(drawing: NDArray[Any], top: int, left: int, size: int = 200) -> NDArray[Any]:
    canvas = np.zeros((size, size), dtype=drawing.dtype)
    canvas[top : top + drawing.shape[0], left : left + drawing.shape[1]] = drawing
    return canvas


drawings = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    elements=st.sampled_from([0, 0, 0, 80, 255]),
).filter(lambda a: a.any())


@given(drawings, st.integers(1, 100), st.integers(1, 100))
@quick
def test_the_mass_lies_in_the_middle_and_the_longer_side_is_20(drawing: NDArray[Any], top: int, left: int) -> None:
    image = center_digit(on_canvas(drawing, top, left))
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert image.max() == 255
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    assert 19 <= extent <= 20  # the outermost line may hold less than half a grey level
    for offset, where in zip(center_of_mass(image) - 14, (rows, columns), strict=True):
        assert abs(offset) <= 0.51 or where[0] <= 1 or where[-1] >= 26


def averages(lines: NDArray[Any], longer: int) -> NDArray[Any]:
    """Sums of what each new row covers, in integers: an old row is 40 thin ones, a new row is 2 * longer of them."""
    size = -(-20 * len(lines) // longer)
    thin = np.pad(np.repeat(lines, 40, axis=0), [(size * longer - 20 * len(lines),) * 2, (0, 0)])
    return thin.reshape(size, 2 * longer, -1).sum(1)  # (size, columns)


def centered_exactly(drawing: NDArray[Any]) -> NDArray[Any]:
    """What `center_digit` makes of a drawing, by integers alone: nothing is rounded but the grey levels, halves up."""
    rows, columns = (np.flatnonzero(drawing.any(axis)) for axis in (1, 0))
    digit = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.int64)
    area = averages(averages(digit, max(digit.shape)).T, max(digit.shape)).T
    inked = np.append(np.sort(area[area * 255 > area.max()]), 0)
    below, tenths = divmod(9 * (len(inked) - 2), 10)
    full = (10 - tenths) * inked[below] + tenths * inked[below + 1]  # ten times the ninetieth percentile
    grey = np.minimum((2 * 2550 * area + full) // (2 * full), 255)
    image = np.zeros((28, 28), np.uint8)
    start = []
    for axis in (1, 0):
        profile = grey.sum(axis)
        mass, moment = profile.sum(), (profile * np.arange(len(profile))).sum()
        start.append(min(max((29 * mass - 2 * moment) // (2 * mass), 0), 28 - len(profile)))
    image[start[0] : start[0] + len(grey), start[1] : start[1] + grey.shape[1]] = grey
    return image


@given(drawings, st.integers(1, 100), st.integers(1, 100))
@quick
def test_each_pixel_is_the_average_of_what_it_covers(drawing: NDArray[Any], top: int, left: int) -> None:
    np.testing.assert_array_equal(center_digit(on_canvas(drawing, top, left)), centered_exactly(drawing))


@given(drawings, st.integers(1, 100), st.integers(1, 100), st.integers(2, 4))
@example(np.where(np.arange(280).reshape(40, 7) == 6, 0, 80).astype(np.uint8), 1, 1, 3)  # halves
@quick
def test_place_and_size_do_not_matter(drawing: NDArray[Any], top: int, left: int, times: int) -> None:
    """Not by a grey level: what comes to lie on the limit between two goes up, whatever rounding errors there are."""
    image = center_digit(on_canvas(drawing, 1, 1))
    np.testing.assert_array_equal(center_digit(on_canvas(drawing, top, left)), image)
    larger = np.kron(drawing, np.ones((times, times), np.uint8))
    np.testing.assert_array_equal(center_digit(on_canvas(larger, top, left, 400)), image)


@given(drawings, st.sampled_from([np.float32, np.int32, np.uint8, bool]), st.floats(0.01, 100), st.floats(-50, 50))
@quick
def test_dark_ink_and_any_units_are_found_out(drawing: NDArray[Any], dtype: Any, gain: float, offset: float) -> None:
    drawing = drawing // 255 * 255
    if not drawing.any():
        return
    image, canvas = center_digit(on_canvas(drawing, 20, 30)), on_canvas(drawing, 20, 30).astype(dtype)
    np.testing.assert_array_equal(center_digit(canvas), image)
    if dtype is np.float32:
        np.testing.assert_array_equal(center_digit(offset - gain * canvas), image)
        np.testing.assert_array_equal(center_digit(offset - gain * canvas, ink="dark"), image)


def test_digits_of_mnist_come_back() -> None:
    """A digit at four times its size, somewhere on a larger canvas, bright or dark, is the original again."""
    try:
        digits = tg.data.MNIST(train=True, download=False).data[:500]
    except FileNotFoundError:
        pytest.skip("needs MNIST: name its folder in TINYGRAD_CNN_DATA")
    rng = np.random.default_rng(0)
    likeness = []
    for digit in digits:
        top, left = rng.integers(1, 400 - 112, 2)
        canvas = on_canvas(np.kron(digit, np.ones((4, 4), np.uint8)), top, left, 400)
        image = center_digit(canvas if rng.random() < 0.5 else 255 - canvas)
        likeness.append(np.corrcoef(image.ravel(), digit.ravel())[0, 1])
    assert np.mean(likeness) > 0.999
    assert min(likeness) > 0.99


def test_a_noisy_background_is_no_ink() -> None:
    rng = np.random.default_rng(1)
    clean = np.zeros((120, 120))
    clean[20:100, 50:62] = clean[88:100, 50:90] = 200
    noisy = clean + rng.normal(30, 4, clean.shape)
    assert np.abs(center_digit(noisy).astype(int) - center_digit(clean)).max() < 30


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((28, 28)), "no digit in this image: all pixels are alike"),
        (np.random.default_rng(0).normal(size=(50, 50)), "nothing stands out from its noise"),
        (np.zeros((28, 28, 3)), r"2-D array \(height, width\), got shape \(28, 28, 3\): make it grey"),
        (np.zeros((0, 5)), r"got shape \(0, 5\)"),
        (np.full((5, 5), np.nan), "NaN or infinite"),
        (np.array([["a"]]), "array of real numbers"),
    ],
)
def test_what_is_no_digit(image: NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        center_digit(image)


def test_ink_that_is_said_but_not_there() -> None:
    canvas = np.zeros((30, 30))
    canvas[5:20, 10:14] = 1
    with pytest.raises(ValueError, match="no dark digit"):
        center_digit(canvas, ink="dark")
    with pytest.raises(ValueError, match="'auto', 'bright' or 'dark', got 'light'"):
        center_digit(canvas, ink="light")


@pytest.mark.parametrize("turns", range(4))
def test_the_background_is_what_most_of_the_outermost_pixels_show(turns: int) -> None:
    """On all four sides: here one of them decides."""
    image = np.zeros((20, 3))
    image[:, 2] = image[[0, -1], 1] = 1
    turned = np.rot90(image, turns)
    np.testing.assert_array_equal(ink_of(turned), 1 - turned)
    np.testing.assert_array_equal(ink_of(turned, "dark"), 1 - turned)
    with pytest.raises(ValueError, match=r"there is no bright digit in this image: nothing stands out from its noise"):
        ink_of(turned, "bright")


def test_what_stands_out_from_noise() -> None:
    """Noise of the background is 1.4826 times the median distance from it, here 1: a digit has ten times as much at its
    strongest, and of its pixels those count that have six times as much."""
    image = np.zeros((12, 12))
    image[0], image[-1] = 1, -1
    image[1:-1, 0], image[1:-1, -1] = 1, -1
    image[5, 4:7] = 20, 8.9, 8.89
    strength = ink_of(image)
    np.testing.assert_allclose(strength[5, 4:7], [1, 8.9 / 20, 0])
    assert np.count_nonzero(strength) == 2
    image[5, 4:7] = 14.9, 0, 0
    assert ink_of(image)[5, 4] == 1
    image[5, 4] = 14.8
    with pytest.raises(ValueError, match="there is no digit in this image: nothing stands out from its noise"):
        ink_of(image)
    image[5, 4] = -14.9  # and so for dark ink
    assert ink_of(image)[5, 4] == 1


def test_of_bright_and_dark_the_stronger_is_ink() -> None:
    image = np.zeros((9, 9))
    image[4, 3:6] = 2.0, 0, -1.9
    np.testing.assert_allclose(ink_of(image)[4, 3:6], [1, 0, 0])
    image[4, 5] = -2.1
    np.testing.assert_allclose(ink_of(image)[4, 3:6], [0, 0, 1])
    image[4, 5] = -2.0  # of equals the bright one
    np.testing.assert_allclose(ink_of(image)[4, 3:6], [1, 0, 0])
    np.testing.assert_allclose(ink_of(image, "dark")[4, 3:6], [0, 0, 1])


def test_one_pixel_fills_the_box() -> None:
    """20 x 20 pixels of full ink, whose middle lies in row and column 14, to half a pixel."""
    image = np.zeros((5, 5))
    image[2, 2] = 1
    wanted = np.zeros((28, 28), np.uint8)
    wanted[5:25, 5:25] = 255
    np.testing.assert_array_equal(center_digit(image), wanted)
    tall = np.zeros((9, 9))
    tall[2:6, 4] = 1
    wanted[:] = 0
    wanted[5:25, 12:17] = 255
    np.testing.assert_array_equal(center_digit(tall), wanted)
