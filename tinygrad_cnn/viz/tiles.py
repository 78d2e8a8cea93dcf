"""Many small images in one Axes, with captions: galleries that fit wherever a single plot fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import style

if TYPE_CHECKING:
    from matplotlib.image import AxesImage

Array = NDArray[Any]
_GAP = 0.09  # between tiles; a tile's longer side is 1
_POINTS = 8.5  # of captions, in tiles of an inch
_LINE = 1.35  # a line of text, in its font size
_TITLE = 0.28  # inches of a title
_LETTER = 0.58  # a letter's width, likewise


class Tiles:
    """A grid of places in one Axes. Make it with all captions, `show` an image in a place, and `finish`.

    Args:
        ax: Axes to fill, or None for a new figure.
        count: how many places.
        shape: (H, W) of the images.
        columns: how many places in a row.
        captions: a text above each place, of one or more lines; or none.
        tile: inches of a place in a new figure.
        bar: leave room for a colour bar.
        name: of the calling function, for errors.
    """

    def __init__(
        self,
        ax: Any,
        count: int,
        shape: tuple[int, int],
        columns: int,
        captions: Sequence[str] = (),
        tile: float = 1.0,
        bar: bool = False,
        name: str = "",
    ) -> None:
        self.columns = min(columns, count)
        self.rows = math.ceil(count / self.columns)
        longer = max(shape)
        self.h, self.w = shape[0] / longer, shape[1] / longer
        lines = max((text.count("\n") + 1 for text in captions), default=0)
        widest = max((len(line) for text in captions for line in text.split("\n")), default=0)
        if ax is None:
            tile = max(tile, widest * _POINTS * _LETTER / 72 / (self.w + _GAP))
            points = _POINTS
            self._caption = lines * points * _LINE / 72 / tile
            size = self._size()
            self._own = True
            self.ax = style.panel(None, (size[0] * tile + 0.15 + 0.8 * bar, size[1] * tile + 0.08 + _TITLE), name)
        else:
            self._own = False
            self.ax = style.panel(ax, (1, 1), name)
            figure = self.ax.figure
            box = self.ax.get_position()
            inches = figure.bbox.width / figure.dpi * box.width, figure.bbox.height / figure.dpi * box.height
            self._caption = lines * _POINTS * _LINE / 72
            size = self._size()
            tile = min(inches[0] / size[0], inches[1] / size[1])
            points = min(10.0, _POINTS * tile, (self.w + _GAP) * tile * 72 / max(widest, 1) / _LETTER)
        for place, text in enumerate(captions):
            x, y = self.corner(place)
            self.ax.text(x + self.w / 2, y - 0.03, text, ha="center", va="bottom", fontsize=points, linespacing=1.2)

    def _size(self) -> tuple[float, float]:
        return self.columns * (self.w + _GAP) - _GAP, self.rows * (self.h + _GAP + self._caption) - _GAP

    def corner(self, place: int) -> tuple[float, float]:
        """The upper left corner of a place; y grows downwards."""
        row, column = divmod(place, self.columns)
        return column * (self.w + _GAP), row * (self.h + _GAP + self._caption) + self._caption

    def show(self, place: int, image: Array, **style_of_imshow: Any) -> AxesImage:
        """An image (H, W), (H, W, 3) or (H, W, 4) in a place, pixel by pixel."""
        x, y = self.corner(place)
        settings = {"interpolation": "none", "aspect": "equal", **style_of_imshow}
        return self.ax.imshow(image, extent=(x, x + self.w, y + self.h, y), **settings)

    def finish(self, title: str | None = None) -> None:
        """Frame all of it."""
        width, height = self._size()
        self.ax.set_xlim(-0.01, width + 0.01)
        self.ax.set_ylim(height + 0.01, -0.01)
        style.bare(self.ax)
        style.title(self.ax, title)
        if self._own:
            figure = style.figure_of(self.ax)
            if title:
                figure.set_figwidth(max(figure.get_figwidth(), 0.2 + len(title) * 12 * _LETTER / 72))
            else:
                figure.set_figheight(figure.get_figheight() - _TITLE)


def wide(count: int) -> int:
    """Columns of a grid about three times as wide as high, with few places empty."""
    target = math.sqrt(3 * count)
    choices = range(max(1, int(target / 2)), min(count, int(2 * target) + 1) + 1)
    return min(choices, key=lambda columns: -count % columns + 0.7 * abs(columns - target))


def as_pictures(images: Array, name: str) -> Array:
    """Images for the eye: (N, H, W) grey or (N, H, W, 3), in [0, 1], each image on its own scale if it is not yet.

    Takes (N, H, W), (N, 1, H, W) or (N, 3, H, W), integers 0 to 255 or any floats.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]  # (N, H, W)
    elif images.ndim == 4 and images.shape[1] == 3:
        images = images.transpose(0, 2, 3, 1)  # (N, H, W, 3)
    elif images.ndim != 3:
        raise ValueError(f"{name}: images must be (N, H, W), (N, 1, H, W) or (N, 3, H, W), got shape {images.shape}")
    if images.dtype.kind in "iu":
        return images / 255.0
    if images.dtype.kind == "b":
        return images.astype(float)
    if images.dtype.kind != "f":
        raise TypeError(f"{name}: images must be numbers, got dtype {images.dtype}")
    axes = tuple(range(1, images.ndim))
    low, high = images.min(axis=axes, keepdims=True), images.max(axis=axes, keepdims=True)
    outside = (low < 0) | (high > 1)
    spread = np.where(high > low, high - low, 1)
    return np.where(outside, (images - low) / spread, images)


GREY = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0}
