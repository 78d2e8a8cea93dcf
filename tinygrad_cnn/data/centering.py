"""A drawn digit of any size, brought into MNIST's form: plain arrays in, plain arrays out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIZE = 28  # of the image
BOX = 20  # into which the digit is scaled
CENTER = 14.0  # row and column on which MNIST's centres of mass lie, to half a pixel
MARGIN = 1e-9  # a value this near to a limit counts as on it: rounding errors, which vary with the size, decide nothing


def center_digit(image: ArrayLike, *, ink: str = "auto") -> NDArray[np.uint8]:
    """One drawn digit in MNIST's form: uint8 (28, 28), bright ink on 0 (LeCun et al., 1998).

    The digit is scaled with its aspect ratio kept, by averaging areas, until its longer side is 20 pixels; then it is
    moved by whole pixels, so that its centre of mass lies within half a pixel of row 14 and column 14, MNIST's own
    place. Where that would push ink off the edge, the digit goes only as far as the edge. Ink at full strength is 255.
    So neither the drawing's place nor its size matters: with each pixel repeated k x k times it gives the same image.

    ``image`` is any 2-D array of finite numbers or booleans, of any size. ``ink`` says whether the strokes are
    "bright" or "dark"; with "auto" the background is what most of the image's outermost pixels show, and the ink is
    whatever differs most from it. Weak noise of the background is not taken for ink.

    Raises ValueError for an image without a digit (all of one value, nothing above its noise), not 2-D or not finite.

    >>> canvas = np.zeros((300, 200))
    >>> canvas[40:240, 90:110] = 1.0  # a one, drawn with a thick pen
    >>> center_digit(canvas)[12, 12:17]
    array([  0,   0, 255, 255,   0], dtype=uint8)
    """
    strength = ink_of(image, ink)
    rows, columns = (np.flatnonzero(strength.any(axis=axis)) for axis in (1, 0))
    digit = strength[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = digit.shape
    scale = BOX / max(height, width)
    small = _averages(height, scale) @ digit @ _averages(width, scale).T
    inked = small > (1 + MARGIN) * small.max() / 255
    small /= np.percentile(small[inked], 90)  # thin pens leave grey: make it full ink
    pixels = np.floor(255 * np.minimum(small, 1) + (0.5 + MARGIN))

    top, left = (_place(pixels.sum(axis=axis)) for axis in (1, 0))
    centered = np.zeros((SIZE, SIZE), dtype=np.uint8)
    centered[top : top + len(pixels), left : left + pixels.shape[1]] = pixels
    return centered


def ink_of(image: ArrayLike, ink: str = "auto") -> NDArray[np.float64]:
    """How much ink each pixel of a 2-D image holds: 0 for the background and its noise, 1 for the strongest.

    ``ink`` and the errors are those of `center_digit`.
    """
    if ink not in ("auto", "bright", "dark"):
        raise ValueError(f"ink must be 'auto', 'bright' or 'dark', got {ink!r}")
    given = np.asarray(image)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"an image is an array of real numbers, got {given.dtype}")
    if given.ndim != 2 or 0 in given.shape:
        hint = ": make it grey first, image.mean(axis=2) say" if given.ndim == 3 else ""
        raise ValueError(f"one digit is a 2-D array (height, width), got shape {given.shape}{hint}")
    pixels = given.astype(np.float64)
    if not np.isfinite(pixels).all():
        raise ValueError("the image holds NaN or infinite values")

    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    background = np.median(edge)
    noise = 1.4826 * np.median(np.abs(edge - background))  # standard deviation, if it is Gaussian
    difference = pixels - background
    if ink == "dark" or (ink == "auto" and -difference.min() > difference.max()):
        difference = -difference
    peak = difference.max()
    if not peak > 10 * noise:
        seen = "nothing stands out from its noise" if pixels.min() < pixels.max() else "all pixels are alike"
        raise ValueError(f"there is no {'' if ink == 'auto' else ink + ' '}digit in this image: {seen}")
    return np.where(difference > 6 * noise, difference / peak, 0.0)


def _averages(length: int, scale: float) -> NDArray[np.float64]:
    """The matrix that scales a line of ``length`` pixels: each new pixel averages what it covers of the old ones."""
    size = max(math.ceil(length * scale - MARGIN), 1)
    start = (length - size / scale) / 2  # the new line covers a little more than the old one: half of it at each end
    edges: NDArray[Any] = start + np.arange(size + 1) / scale
    old = np.arange(length)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.maximum(covered, 0) * scale  # (size, length)


def _place(profile: NDArray[np.float64]) -> int:
    """Where a line of ink must start for its centre of mass to lie on CENTER, within the image."""
    center = (profile * np.arange(len(profile))).sum() / profile.sum()
    return int(np.clip(math.floor(CENTER - center + 0.5), 0, SIZE - len(profile)))
