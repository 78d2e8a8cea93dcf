"""Transforms of whole batches of images: arrays of shape (N, C, H, W), every image with random numbers of its own.

A transform is called as ``transform(images, generator=None)``; without a generator it draws from the one that
``tg.manual_seed`` sets. It returns a new array and never writes to its input. Give it to
``DataLoader(..., transform=...)``, or call it. The warps, `RandomAffine` and `ElasticTransform`, are in ``warp.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays.rng import Generator, resolve


class Transform:
    """Base of the transforms here. Subclasses define ``run(images, rng)``: images are a checked (N, C, H, W) array in
    the machine's byte order, possibly read-only or strided, and not to be written to; rng is a
    ``numpy.random.Generator``, or None where the class says ``random = False``. ``needs_float`` refuses integer images.
    """

    random = True
    needs_float = False

    def __call__(self, images: NDArray[Any], generator: Generator | np.random.Generator | None = None) -> NDArray[Any]:
        name = type(self).__name__
        if not isinstance(images, np.ndarray):
            raise TypeError(
                f"{name} takes a NumPy array of images, got {type(images).__name__} (a Tensor has .numpy())"
            )
        if images.ndim != 4:
            raise ValueError(f"{name} takes images of shape (N, C, H, W), got shape {images.shape}")
        if self.needs_float and images.dtype.kind != "f":
            raise TypeError(f"{name} needs floating images, got {images.dtype}: (images / 255).astype(np.float32), say")
        native = images.astype(images.dtype.newbyteorder("="), copy=False)
        return self.run(native, resolve(generator) if self.random else None)

    def run(self, images: NDArray[Any], rng: Any, /) -> NDArray[Any]:
        """The transformed images, as a new array."""
        raise NotImplementedError(f"{type(self).__name__} must define run(images, rng)")

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if k != "needs_float")
        return f"{type(self).__name__}({inside})"


class Compose(Transform):
    """One transform after another. Plain functions of one array may stand among them."""

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms = list(transforms)
        for i, t in enumerate(self.transforms):
            if not callable(t):
                raise TypeError(f"Compose: transforms[{i}] must be callable, got {t!r}")
        self.random = any(is_random(t) for t in self.transforms)

    def run(self, images: NDArray[Any], rng: Any, /) -> NDArray[Any]:
        result = images
        for t in self.transforms:
            result = apply(t, result, rng)
        return images.copy() if result is images else result

    def __repr__(self) -> str:
        return "Compose([" + ", ".join(map(repr, self.transforms)) + "])"


class Normalize(Transform):
    """(x - mean) / std, for all channels alike or with one each: ``Normalize(0.1307, 0.3081)`` is MNIST's."""

    random = False
    needs_float = True

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        self.mean, self.std = np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)
        if self.mean.ndim > 1 or self.std.ndim > 1:
            raise ValueError(
                "Normalize: mean and std are numbers or 1-d, one a channel, "
                f"got shapes {self.mean.shape}, {self.std.shape}"
            )
        if not np.isfinite(self.mean).all() or not (np.isfinite(self.std) & (self.std > 0)).all():
            raise ValueError(f"Normalize: mean must be finite and std above 0, got mean={mean!r}, std={std!r}")

    def run(self, images: NDArray[Any], _: Any, /) -> NDArray[Any]:
        channels = images.shape[1]
        for name, value in (("mean", self.mean), ("std", self.std)):
            if value.ndim == 1 and len(value) != channels:
                raise ValueError(f"Normalize: {name} has {len(value)} channels, the images have {channels}")
        mean, std = (v.astype(images.dtype).reshape(-1, 1, 1) for v in (self.mean, self.std))
        result: NDArray[Any] = images - mean
        result /= std
        return result

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


class RandomShift(Transform):
    """Shift each image by a whole number of pixels, drawn from -max_shift..max_shift for each axis on its own.

    What comes in from outside is ``fill``. The classic for digits, with ``max_shift`` 1 to 3. Any dtype.
    """

    def __init__(self, max_shift: int = 2, fill: float = 0) -> None:
        if isinstance(max_shift, bool) or not isinstance(max_shift, (int, np.integer)) or max_shift < 0:
            raise ValueError(f"RandomShift: max_shift must be an integer >= 0, got {max_shift!r}")
        self.max_shift, self.fill = int(max_shift), fill

    def run(self, images: NDArray[Any], rng: Any, /) -> NDArray[Any]:
        m, (n, _, h, w) = self.max_shift, images.shape
        corner = rng.integers(2 * m + 1, size=(2, n))  # of the window cut from the padded image
        padded = np.pad(images, ((0, 0), (0, 0), (m, m), (m, m)), constant_values=self.fill)
        s = padded.strides
        windows = np.lib.stride_tricks.as_strided(
            padded, (n, 2 * m + 1, 2 * m + 1, *images.shape[1:]), (s[0], s[2], s[3], *s[1:]), writeable=False
        )
        return windows[np.arange(n), corner[0], corner[1]] if h and w else images.copy()


class RandomHorizontalFlip(Transform):
    """Mirror each image left to right with probability ``p``. Any dtype. (Not for digits: a mirrored 3 is no digit.)"""

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability(p, "RandomHorizontalFlip")

    def run(self, images: NDArray[Any], rng: Any, /) -> NDArray[Any]:
        chosen = rng.random(len(images)) < self.p
        flipped = images.copy()
        flipped[chosen] = images[chosen][..., ::-1]
        return flipped


class RandomErasing(Transform):
    """Overwrite a random rectangle of an image, with probability ``p`` (Zhong et al., *Random Erasing Data
    Augmentation*, 2017).

    The rectangle's area is a fraction of the image's drawn evenly from ``scale``, its height over its width is drawn
    from ``ratio`` (evenly in its logarithm), its place evenly among those where it fits; an image for which ten draws
    do not fit stays as it is. ``value`` is a number, or "random" for noise drawn evenly from [0, 1) for each pixel.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        value: float | str = 0,
    ) -> None:
        self.p = probability(p, "RandomErasing")
        self.scale = interval(scale, "RandomErasing: scale")
        self.ratio = interval(ratio, "RandomErasing: ratio")
        self.value = value
        if not 0 <= self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"RandomErasing: scale is a range of fractions of the area, within [0, 1], got {scale!r}")
        if self.ratio[0] <= 0:
            raise ValueError(f"RandomErasing: ratio is a range of numbers above 0, got {ratio!r}")
        if value != "random" and not isinstance(value, (int, float, np.number)):
            raise TypeError(f"RandomErasing: value must be a number or 'random', got {value!r}")
        self.needs_float = value == "random"

    def run(self, images: NDArray[Any], rng: Any, /) -> NDArray[Any]:
        n, _, h, w = images.shape
        chosen = rng.random(n) < self.p
        area = rng.uniform(*self.scale, size=(10, n)) * (h * w)
        ratio = np.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1]), size=(10, n)))
        tall, wide = np.rint(np.sqrt(area * ratio)).astype(int), np.rint(np.sqrt(area / ratio)).astype(int)
        fits = (tall < h) & (wide < w)
        first = fits.argmax(axis=0), np.arange(n)
        chosen &= fits[first]
        tall, wide = np.where(chosen, tall[first], 0), np.where(chosen, wide[first], 0)
        top, left = rng.integers(h - tall + 1), rng.integers(w - wide + 1)
        rows, columns = np.arange(h), np.arange(w)
        inside_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
        inside_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
        mask = (inside_rows[:, :, None] & inside_columns[:, None, :])[:, None]
        erased = images.copy()
        value = rng.random(images.shape, dtype=np.float32) if self.value == "random" else self.value
        np.copyto(erased, value, where=mask, casting="unsafe")
        return erased


def apply(transform: Callable[..., Any], images: NDArray[Any], rng: np.random.Generator | None) -> NDArray[Any]:
    """Call a transform: ours with the generator, any other callable with the images alone."""
    result = transform(images, generator=rng) if isinstance(transform, Transform) else transform(images)
    if not isinstance(result, np.ndarray) or len(result) != len(images):
        what = f"shape {result.shape}" if isinstance(result, np.ndarray) else type(result).__name__
        raise TypeError(f"a transform returns an array of {len(images)} images, {transform!r} returned {what}")
    return result


def is_random(transform: Callable[..., Any]) -> bool:
    """Whether a transform is to be given a generator."""
    return isinstance(transform, Transform) and transform.random


def draws_itself(transform: Callable[..., Any] | None) -> bool:
    """Whether a transform is, or holds, a function of the user's, which may draw from the package's generator."""
    if isinstance(transform, Compose):
        return any(map(draws_itself, transform.transforms))
    return transform is not None and not isinstance(transform, Transform)


def probability(p: float, who: str) -> float:
    """``p`` if it lies in [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(f"{who}: p is a probability in [0, 1], got {p!r}")
    return float(p)


def interval(value: Sequence[float], what: str) -> tuple[float, float]:
    """(low, high), checked to be two finite numbers in that order."""
    if len(value) != 2 or not all(math.isfinite(v) for v in value) or value[0] > value[1]:
        raise ValueError(f"{what} must be (low, high) with low <= high, got {value!r}")
    return float(value[0]), float(value[1])
