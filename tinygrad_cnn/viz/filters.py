"""The kernels of a convolution as small images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.layers.conv import Conv2d
from ..nn.module import Module
from . import probing, style, tiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_filters(
    layer: Any,
    *,
    max_filters: int = 64,
    columns: int | None = None,
    title: str | None = "",
    ax: Any = None,
) -> Figure:
    """A convolution's kernels, all on one scale, symmetric around zero: red is positive, blue negative.

    Kernels of three input channels are shown as colours, grey being zero; those of one as they are; of other numbers of
    channels each filter is a row, with a tile for each channel.

    Args:
        layer: a Conv2d; a model, whose first Conv2d is taken; or weights (O, C, kh, kw), a Tensor or array.
        max_filters: no more tiles than so many (rows, where a filter is a row of up to 16 channels).
        columns: tiles in a row; by default a grid that is wider than high.
        title: "" says what is shown; None writes nothing.
        ax: Axes to draw on.

    Raises:
        TypeError, ValueError: no Conv2d in the model, weights that are not (O, C, kh, kw).
    """
    name = "plot_filters"
    style.need_matplotlib()
    limit = style.whole(max_filters, "max_filters", name)
    weight, where = _weights(layer, name)
    filters, channels, kh, kw = weight.shape
    if channels in (1, 3):
        shown = weight[:limit]
        wide = columns or tiles.wide(len(shown))
        left_out = filters - len(shown)
    else:
        per_row = min(channels, 16)
        shown = weight[: max(1, limit // per_row), :per_row].reshape(-1, 1, kh, kw)  # (rows * per_row, 1, kh, kw)
        wide = columns or per_row
        left_out = filters * channels - len(shown)
    wide = style.whole(wide, "columns", name)
    top = float(np.abs(weight[np.isfinite(weight)]).max(initial=0)) or 1.0
    gallery = tiles.Tiles(
        ax, len(shown), (kh, kw), wide, tile=0.62 if len(shown) > 16 else 0.85, bar=channels != 3, name=name
    )
    image = None
    for place, kernel in enumerate(shown):
        if len(kernel) == 3:
            gallery.show(place, np.clip(kernel.transpose(1, 2, 0) / (2 * top) + 0.5, 0, 1))
        else:
            image = gallery.show(place, kernel[0], cmap=style.DIVERGING, vmin=-top, vmax=top)
    if title == "":
        title = f"{filters} filters, {kh}x{kw}" + (f" on {channels} channels" if channels > 1 else "") + where
        title += f", {left_out} kernels not shown" if left_out else ""
    gallery.finish(title)
    if image is not None:
        bar = gallery.ax.figure.colorbar(image, ax=gallery.ax, shrink=0.8, pad=0.02, aspect=25)
        bar.outline.set_visible(False)
    return style.figure_of(gallery.ax)


def _weights(layer: Any, name: str) -> tuple[Any, str]:
    """(O, C, kh, kw), and a word on where it comes from."""
    if isinstance(layer, Module):
        found = next(((path, m) for path, m in layer.named_modules() if isinstance(m, Conv2d)), None)
        if found is None:
            raise ValueError(f"{name}: {type(layer).__name__} has no Conv2d; pass weights (O, C, kh, kw)")
        return found[1].weight._array, f" (layer {style.plain(found[0])})" if found[0] else ""
    weight = probing.as_array(layer)
    if weight.ndim != 4 or weight.dtype.kind != "f" or not weight.size:
        raise ValueError(
            f"{name}: weights must be (O, C, kh, kw) of a floating dtype, got shape {weight.shape}, {weight.dtype}"
        )
    return weight, ""
