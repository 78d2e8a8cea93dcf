"""Transforms that bend the pixel grid: each output pixel is read, by bilinear interpolation, where a map says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .transforms import Transform, interval


class RandomAffine(Transform):
    """A random rotation, shear, scaling and shift of each image about its centre, with bilinear interpolation.

    - ``degrees``: rotation, clockwise as seen; a number d for (-d, d), or (low, high).
    - ``translate``: (a, b), shifts of up to a * width across and b * height down, either way. None: none.
    - ``scale``: (low, high), above 0; 2 doubles the size. None: 1.
    - ``shear``: degrees; a number s for an x-shear in (-s, s), (low, high) for an x-shear, or
      (x low, x high, y low, y high). None: none.
    - ``fill``: the value outside the image; edge pixels blend into it.

    Each is drawn evenly from its range. Images are floating, (N, C, H, W), and keep their dtype and size. An output
    pixel at offset p from the centre shows the input at offset A^-1 (p - t), with A = R(degrees) Shear scale.
    """

    needs_float = True

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        fill: float = 0,
    ) -> None:
        self.degrees = _symmetric(degrees, "RandomAffine: degrees")
        self.translate = (0.0, 0.0) if translate is None else _fractions(translate)
        self.scale = (1.0, 1.0) if scale is None else interval(scale, "RandomAffine: scale")
        if self.scale[0] <= 0:
            raise ValueError(f"RandomAffine: scale must be above 0, got {scale!r}")
        if shear is None:
            self.shear: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
        elif isinstance(shear, Sequence) and len(shear) == 4:
            self.shear = (*interval(shear[:2], "RandomAffine: x-shear"), *interval(shear[2:], "RandomAffine: y-shear"))
        else:
            self.shear = (*_symmetric(shear, "RandomAffine: shear"), 0.0, 0.0)
        if max(map(abs, self.shear)) >= 90:
            raise ValueError(f"RandomAffine: a shear must lie within (-90, 90) degrees, got {shear!r}")
        self.fill = fill

    def run(self, images: NDArray[Any], rng: Any, /) -> NDArray[Any]:
        n, _, h, w = images.shape
        angle = np.deg2rad(rng.uniform(*self.degrees, size=n))
        shift_x = rng.uniform(-self.translate[0], self.translate[0], size=n) * w
        shift_y = rng.uniform(-self.translate[1], self.translate[1], size=n) * h
        scale = rng.uniform(*self.scale, size=n)
        shear_x = np.tan(np.deg2rad(rng.uniform(*self.shear[:2], size=n)))
        shear_y = np.tan(np.deg2rad(rng.uniform(*self.shear[2:], size=n)))
        cos, sin = np.cos(angle), np.sin(angle)
        rotation = np.array([[cos, -sin], [sin, cos]])
        one = np.ones(n)
        shear = np.array([[one, shear_x], [shear_y, 1 + shear_x * shear_y]])  # the x-shear, then the y-shear
        forward = np.einsum("ikn,kjn->nij", rotation, shear) * scale[:, None, None]
        (xx, xy), (yx, yy) = np.linalg.inv(forward).astype(images.dtype).transpose(1, 2, 0)[..., None, None]
        x = (np.arange(w) - (w - 1) / 2 - shift_x[:, None]).astype(images.dtype)[:, None, :]
        y = (np.arange(h) - (h - 1) / 2 - shift_y[:, None]).astype(images.dtype)[:, :, None]
        half_h, half_w = images.dtype.type((h - 1) / 2), images.dtype.type((w - 1) / 2)
        return bilinear(images, yx * x + yy * y + half_h, xx * x + xy * y + half_w, self.fill)


class ElasticTransform(Transform):
    """Elastic distortion (Simard, Steinkraus, Platt, *Best Practices for Convolutional Neural Networks*, 2003).

    Each pixel is displaced by its own amount: noise drawn evenly from [-1, 1) for each axis, smoothed by a Gaussian of
    standard deviation ``sigma`` pixels, times ``alpha``. The defaults are the paper's for digits; they displace by
    about 1.4 pixels (standard deviation), less towards the border, where the noise ends. Floating images, bilinear.
    """

    needs_float = True

    def __init__(self, alpha: float = 34.0, sigma: float = 4.0, fill: float = 0) -> None:
        if not (math.isfinite(alpha) and alpha >= 0):
            raise ValueError(f"ElasticTransform: alpha must be a number >= 0, got {alpha!r}")
        if not (math.isfinite(sigma) and sigma > 0):
            raise ValueError(f"ElasticTransform: sigma must be a number above 0, got {sigma!r}")
        self.alpha, self.sigma, self.fill = float(alpha), float(sigma), fill

    def run(self, images: NDArray[Any], rng: Any, /) -> NDArray[Any]:
        n, _, h, w = images.shape
        noise = rng.random((2, n, h, w), dtype=np.float32).astype(images.dtype, copy=False) * 2 - 1
        down, across = (_gaussian(size, self.sigma).astype(images.dtype) for size in (h, w))
        dy, dx = images.dtype.type(self.alpha) * (down @ noise @ across)
        y, x = np.arange(h, dtype=images.dtype)[:, None], np.arange(w, dtype=images.dtype)
        return bilinear(images, y + dy, x + dx, self.fill)


def bilinear(images: NDArray[Any], y: NDArray[Any], x: NDArray[Any], fill: float = 0) -> NDArray[Any]:
    """Read images (N, C, H, W) at row and column positions ``y`` and ``x``, each (N, H', W'): an array (N, C, H', W').

    A position between pixels blends the four around it; the image is surrounded by ``fill``.
    """
    n, c, h, w = images.shape
    if 0 in images.shape:
        return np.full((n, c, *y.shape[1:]), fill, dtype=images.dtype)
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=fill)  # beyond it lies nothing but fill
    y, x = np.clip(y, -1, h), np.clip(x, -1, w)
    y0, x0 = np.minimum(np.floor(y), h - 1), np.minimum(np.floor(x), w - 1)
    wy, wx = (y - y0).astype(images.dtype)[:, None], (x - x0).astype(images.dtype)[:, None]
    row, plane = w + 2, (h + 2) * (w + 2)
    corner = ((y0 + 1) * row + (x0 + 1)).astype(np.intp)[:, None]
    corner = corner + np.arange(n * c).reshape(n, c, 1, 1) * plane
    flat = padded.reshape(-1)
    upper: NDArray[Any] = flat.take(corner)
    right = flat.take(corner + 1)
    upper += wx * (right - upper)
    corner += row
    lower, right = flat.take(corner), flat.take(corner + 1)
    lower += wx * (right - lower)
    upper += wy * (lower - upper)
    return upper


def _gaussian(size: int, sigma: float) -> NDArray[np.float64]:
    """The (size, size) matrix that smooths a line by a Gaussian of weight 1, with zeros beyond the ends."""
    reach = np.arange(-math.ceil(8 * sigma), math.ceil(8 * sigma) + 1)
    offset = np.arange(size)[:, None] - np.arange(size)
    kernel: NDArray[np.float64] = np.exp(-0.5 * (offset / sigma) ** 2) / np.exp(-0.5 * (reach / sigma) ** 2).sum()
    return kernel


def _symmetric(value: float | Sequence[float], what: str) -> tuple[float, float]:
    """A number d >= 0 as (-d, d); a pair as it is."""
    if isinstance(value, (int, float, np.number)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{what}: a single number must be >= 0 (it stands for the range -d..d), got {value!r}")
        return -float(value), float(value)
    return interval(value, what)


def _fractions(value: Sequence[float]) -> tuple[float, float]:
    if len(value) != 2 or not all(0 <= v <= 1 for v in value):
        raise ValueError(f"RandomAffine: translate is (across, down), fractions in [0, 1], got {value!r}")
    return float(value[0]), float(value[1])
