"""The warps against loops over pixels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn.arrays.rng as rng
from tests.data.ends import Ends
from tinygrad_cnn.data import ElasticTransform, RandomAffine
from tinygrad_cnn.data.warp import _gaussian, bilinear


class Sweep:
    """Stands for a generator: every uniform draw goes evenly from the low to the high end over the batch."""

    def uniform(self, low: float, high: float, size: int) -> np.ndarray:
        return np.linspace(low, high, size) if size > 1 else np.array([high])


def pictures(n: int, c: int, h: int, w: int, dtype: type = np.float64) -> np.ndarray:
    return np.random.default_rng(n + c + h + w).random((n, c, h, w)).astype(dtype)


def read_at(image: np.ndarray, y: float, x: float, fill: float) -> np.ndarray:
    """A (C, H, W) image at one position, by the definition of bilinear interpolation."""
    c, h, w = image.shape
    total = np.zeros(c)
    for i in (math.floor(y), math.floor(y) + 1):
        for j in (math.floor(x), math.floor(x) + 1):
            value = image[:, i, j] if 0 <= i < h and 0 <= j < w else np.full(c, fill)
            total += value * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.7]),
    st.integers(0, 99),
)
def test_bilinear_is_its_definition(n: int, c: int, h: int, w: int, fill: float, seed: int) -> None:
    x, g = pictures(n, c, h, w), np.random.default_rng(seed)
    rows, columns = g.uniform(-4, h + 3, (n, 3, 5)), g.uniform(-4, w + 3, (n, 3, 5))
    snap = g.random((n, 3, 5)) < 0.3  # on the grid too, and at its ends
    rows, columns = np.where(snap, np.rint(rows), rows), np.where(snap, np.rint(columns), columns)
    y = bilinear(x, rows, columns, fill)
    assert y.shape == (n, c, 3, 5)
    for k, i, j in np.ndindex(n, 3, 5):
        np.testing.assert_allclose(y[k, :, i, j], read_at(x[k], rows[k, i, j], columns[k, i, j], fill), atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 1, 0, 3), (2, 3, 4, 0), (1, 1, 0, 0)])
def test_an_image_without_pixels_is_fill_everywhere(shape: tuple[int, ...]) -> None:
    places = np.zeros((shape[0], 2, 2))
    y = bilinear(np.zeros(shape, np.float32), places, places, 0.7)
    assert y.shape == (*shape[:2], 2, 2)
    assert y.dtype == np.float32
    assert (y == np.float32(0.7)).all()


def affine(
    image: np.ndarray, angle: float, tx: float, ty: float, scale: float, sx: float, sy: float, fill: float
) -> np.ndarray:
    """One image, pixel by pixel: A maps input offsets from the centre to output offsets; y points down."""
    a, x, y = np.deg2rad(angle), np.tan(np.deg2rad(sx)), np.tan(np.deg2rad(sy))
    rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])  # (x, y) -> clockwise as seen
    matrix = rotation @ np.array([[1, 0], [y, 1]]) @ np.array([[1, x], [0, 1]]) * scale
    _, h, w = image.shape
    out = np.empty_like(image)
    for i in range(h):
        for j in range(w):
            offset = np.array([j - (w - 1) / 2 - tx * w, i - (h - 1) / 2 - ty * h])
            column, row = np.linalg.solve(matrix, offset)
            out[:, i, j] = read_at(image, row + (h - 1) / 2, column + (w - 1) / 2, fill)
    return out


@given(
    st.integers(1, 7),
    st.integers(1, 7),
    st.floats(0, 180),
    st.floats(0, 0.5),
    st.floats(0.4, 1.0),
    st.floats(0, 50),
    st.floats(0, 50),
    st.sampled_from([0.0, 0.3]),
)
def test_affine_is_its_definition(
    h: int, w: int, degrees: float, shift: float, scale: float, shear_x: float, shear_y: float, fill: float
) -> None:
    x = pictures(3, 2, h, w)
    transform = RandomAffine(degrees, (shift, shift / 2), (scale, 2.0), (-shear_x, shear_x, -shear_y, shear_y), fill)
    y = transform.run(x, Sweep())
    for k, t in enumerate((-1, 0, 1)):
        middle = scale + (2.0 - scale) * k / 2
        wanted = affine(x[k], t * degrees, t * shift, t * shift / 2, middle, t * shear_x, t * shear_y, fill)
        np.testing.assert_allclose(y[k], wanted, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_affine_identity_and_right_angles(dtype: type) -> None:
    x = pictures(4, 2, 8, 8, dtype)
    np.testing.assert_array_equal(RandomAffine(0)(x), x)
    for degrees, turns in ((90, -1), (180, 2), (-90, 1), (360, 0)):  # clockwise
        turned = RandomAffine((degrees, degrees))(x)
        np.testing.assert_allclose(turned, np.rot90(x, turns, axes=(2, 3)), atol=1e-5 if dtype == np.float32 else 1e-12)


def test_affine_translates_by_fractions_of_the_size() -> None:
    x = pictures(1, 1, 4, 8)
    right = RandomAffine(0, translate=(0.25, 0)).run(x, Sweep())
    np.testing.assert_allclose(right[..., 2:], x[..., :-2], atol=1e-12)
    assert not right[..., :2].any()
    down = RandomAffine(0, translate=(0, 0.25)).run(x, Sweep())
    np.testing.assert_allclose(down[..., 1:, :], x[..., :-1, :], atol=1e-12)


def test_affine_draws_stay_in_their_ranges() -> None:
    x = np.zeros((2000, 1, 21, 21))
    x[:, 0, 10, 10] = 1
    y = RandomAffine(0, translate=(0.2, 0))(x, rng.Generator(0))[:, 0]
    columns = y.sum(axis=1) @ np.arange(21) - 10
    assert -4.2 <= columns.min() < -4
    assert 4 < columns.max() <= 4.2
    assert abs(columns.mean()) < 0.25
    assert np.allclose(y.sum(axis=(1, 2)), 1)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"degrees": -3}, "single number must be >= 0"),
        ({"degrees": (3, -3)}, "low <= high"),
        ({"degrees": (1, 2, 3)}, "low, high"),
        ({"degrees": float("nan")}, "single number"),
        ({"degrees": 0, "translate": (0.1, 1.5)}, "fractions"),
        ({"degrees": 0, "translate": (0.1,)}, "fractions"),
        ({"degrees": 0, "scale": (0, 1)}, "above 0"),
        ({"degrees": 0, "shear": 90}, "within"),
        ({"degrees": 0, "shear": (0, 1, 2)}, "low, high"),
    ],
)
def test_affine_refuses(arguments: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        RandomAffine(**arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_elastic_of_no_strength_is_the_identity(dtype: type) -> None:
    x = pictures(3, 2, 9, 7, dtype)
    np.testing.assert_array_equal(ElasticTransform(alpha=0)(x), x)


def test_elastic_is_its_definition() -> None:
    alpha, sigma, (h, w) = 6.0, 1.5, (6, 5)
    x = pictures(2, 2, h, w)
    noise = np.random.default_rng(3).random((2, 2, h, w), dtype=np.float32).astype(np.float64) * 2 - 1
    weight = sum(math.exp(-(k**2) / (2 * sigma**2)) for k in range(-50, 51)) ** 2
    y = ElasticTransform(alpha, sigma, fill=0.2)(x, np.random.default_rng(3))
    for n in range(2):
        for i in range(h):
            for j in range(w):
                shift = np.zeros(2)
                for a in range(h):
                    for b in range(w):
                        near = math.exp(-((a - i) ** 2 + (b - j) ** 2) / (2 * sigma**2)) / weight
                        shift += alpha * near * noise[:, n, a, b]
                np.testing.assert_allclose(y[n, :, i, j], read_at(x[n], i + shift[0], j + shift[1], 0.2), atol=1e-10)


def test_elastic_displaces_as_much_as_it_says() -> None:
    ramp = np.broadcast_to(np.arange(60.0), (200, 1, 60, 60))
    moved = ElasticTransform()(ramp, rng.Generator(0)) - ramp
    assert 1.2 < moved[:, :, 20:40, 20:40].std() < 1.6  # the 1.4 pixels of the documentation


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0])
def test_the_gaussian_has_weight_one(sigma: float) -> None:
    kernel = _gaussian(101, sigma)
    assert kernel[50].sum() == pytest.approx(1, abs=1e-12)
    assert kernel[0].sum() == pytest.approx((1 + kernel[0, 0]) / 2, abs=1e-12)  # half of it reaches over the end
    np.testing.assert_array_equal(kernel, kernel.T)


@pytest.mark.parametrize(("alpha", "sigma"), [(-1, 1), (float("inf"), 1), (1, 0), (1, float("nan"))])
def test_elastic_refuses(alpha: float, sigma: float) -> None:
    with pytest.raises(ValueError, match=r"ElasticTransform: (alpha|sigma) must be"):
        ElasticTransform(alpha, sigma)


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("shape", [(5, 5), (4, 4)])
def test_quarter_turns_clockwise(angle: int, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((2, 3, *shape))
    got = RandomAffine((angle, angle))(x)
    np.testing.assert_allclose(got, np.rot90(x, -angle // 90, (2, 3)), atol=1e-12)


def test_maps_at_the_ends_of_their_ranges() -> None:
    x = np.random.default_rng(0).random((1, 2, 6, 8))
    for high, across, down in ((False, -2, -3), (True, 2, 3)):
        got = RandomAffine(0, (0.25, 0.5), fill=9).run(x, Ends(high))
        expected = np.full_like(x, 9)
        expected[..., max(down, 0) : 6 + min(down, 0), max(across, 0) : 8 + min(across, 0)] = x[
            ..., max(-down, 0) : 6 + min(-down, 0), max(-across, 0) : 8 + min(-across, 0)
        ]
        np.testing.assert_allclose(got, expected, atol=1e-12)
    twice = RandomAffine(0, scale=(2, 2)).run(x[..., :5, :5], Ends(True))
    np.testing.assert_allclose(twice[..., ::2, ::2], x[..., 1:4, 1:4], atol=1e-12)  # about the middle
    sheared = RandomAffine(0, shear=(45, 45)).run(x[..., :5, :5], Ends(True))
    np.testing.assert_allclose(sheared[..., 2, :], x[..., 2, :5], atol=1e-12)
    np.testing.assert_allclose(sheared[..., 3, 1:], x[..., 3, :4], atol=1e-12)  # a row below moves to the right
    np.testing.assert_allclose(sheared[..., 0, :3], x[..., 0, 2:5], atol=1e-12)
    upright = RandomAffine(0, shear=(0, 0, 45, 45)).run(x[..., :5, :5], Ends(True))
    np.testing.assert_allclose(upright[..., 1:, 3], x[..., :4, 3], atol=1e-12)


def test_no_displacement_without_strength() -> None:
    x = np.random.default_rng(0).random((2, 1, 9, 9))
    np.testing.assert_allclose(ElasticTransform(0)(x), x)
    away = ElasticTransform(34, 4).run(x, Ends(False))  # all the noise is -1: towards the upper left
    smooth = np.exp(-0.5 * (np.arange(-32, 33) / 4) ** 2)
    smooth /= smooth.sum()
    weight = np.array([[smooth[32 + i - j] for j in range(9)] for i in range(9)]).sum(1)
    displaced = -34 * np.outer(weight, weight)
    y, x_ = np.mgrid[:9, :9] + displaced
    expected = np.zeros((9, 9))
    for i in range(9):
        for j in range(9):
            top, left = math.floor(y[i, j]), math.floor(x_[i, j])
            for a, b in itertools.product((0, 1), repeat=2):
                if 0 <= top + a < 9 and 0 <= left + b < 9:
                    share = (1 - abs(y[i, j] - top - a)) * (1 - abs(x_[i, j] - left - b))
                    expected[i, j] += share * x[0, 0, top + a, left + b]
    np.testing.assert_allclose(away[0, 0], expected, atol=1e-9)
