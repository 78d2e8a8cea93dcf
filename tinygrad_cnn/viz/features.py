"""What a layer makes of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..nn.module import Module
from ..tensors import Tensor
from . import probing, style, tiles
from .layers import name_of, output_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def feature_maps(model: Module, x: Any, layer: Any, *, batch_size: int | None = None) -> NDArray[Any]:
    """The output of a layer for images, in evaluation mode; the model is left as it was.

    Args:
        model: any Module that takes images.
        x: images (N, C, H, W), floating.
        layer: a module of the model, or a name that `layers_of` lists: "conv1", "relu_1". Of a module that is called
            more than once "block" is the first call, "block_1" the second; of several outputs the first is taken.
        batch_size: how many images at once (256).

    Returns:
        (N, ...), as the layer gives it: (N, K, h, w) for a convolution.

    Raises:
        TypeError, ValueError: x or layer of another form. RuntimeError: the module is not called.
    """
    return maps_of(model, x, layer, batch_size, "feature_maps")


def maps_of(model: Module, x: Any, layer: Any, batch_size: int | None, name: str) -> NDArray[Any]:
    """`feature_maps`, for whoever is called ``name`` in errors."""
    probing.check_model(model, name)
    called = name_of(model, layer, name)
    images = probing.as_input(model, x, name)
    size = probing.check_batch_size(batch_size, name)

    def keep(_: str, y: Tensor) -> tuple[NDArray[Any], Tensor]:
        return y._array.copy(), y  # what comes next may work in place

    with probing.at_rest(model):
        parts = [output_of(model, Tensor(x), called, keep, name, model)[1] for x, _ in probing.pieces(images, size)]
    return np.concatenate(parts)


def plot_feature_maps(
    model: Module,
    x: Any,
    layer: Any,
    *,
    index: int = 0,
    max_maps: int = 32,
    columns: int | None = None,
    title: str | None = "",
    ax: Any = None,
) -> Figure:
    """One image, and each channel that a layer makes of it, all on one scale.

    Args:
        model, x, layer: as for `feature_maps`; the layer's output must be (N, K, h, w).
        index: which of the images.
        max_maps: no more channels than so many, the first ones.
        columns: tiles in a row; by default a grid that is wider than high.
        title: "" names the layer; None writes nothing.
        ax: Axes to draw on.

    Raises:
        TypeError, ValueError, IndexError: arguments that do not fit.
    """
    name = "plot_feature_maps"
    style.need_matplotlib()
    probing.check_model(model, name)
    path = name_of(model, layer, name)
    images = probing.as_input(model, x, name)
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or not -len(images) <= index < len(images):
        raise IndexError(f"{name}: index must be an integer below {len(images)}, the number of images, got {index!r}")
    limit = style.whole(max_maps, "max_maps", name)
    image = images[index][None]  # (1, C, H, W)
    maps = maps_of(model, image, layer, None, name)[0]
    if maps.ndim != 3:
        raise ValueError(f"{name}: layer {path!r} gives no maps (N, K, h, w), but shape (N, {format(maps.shape)[1:]}")
    shown = maps[:limit]
    signed = bool((shown < 0).any())
    top = float(np.abs(shown[np.isfinite(shown)]).max(initial=0)) or 1.0
    captions = ["input", *(str(k) for k in range(len(shown)))]
    wide = style.whole(columns or tiles.wide(len(captions)), "columns", name)
    gallery = tiles.Tiles(ax, len(captions), image.shape[2:], wide, captions, tile=0.85, bar=True, name=name)
    (picture,) = tiles.as_pictures(image if image.shape[1] in (1, 3) else image.mean(axis=1), name)
    gallery.show(0, picture, **({} if picture.ndim == 3 else tiles.GREY))
    scale = {"cmap": style.DIVERGING, "vmin": -top, "vmax": top} if signed else {"cmap": style.SEQUENTIAL, "vmin": 0}
    for k, one in enumerate(shown):
        drawn = gallery.show(k + 1, one, **{**scale, "vmax": top})
    if title == "":
        module = dict(model.named_modules()).get(path)
        kind = f" ({type(module).__name__})" if module is not None else ""
        title = f"{style.plain(path)}{kind}: " if path else ""
        title += f"{len(maps)} maps, {maps.shape[1]}x{maps.shape[2]}"
        title += f", the first {len(shown)}" if len(shown) < len(maps) else ""
    gallery.finish(title)
    bar = gallery.ax.figure.colorbar(drawn, ax=gallery.ax, shrink=0.8, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    return style.figure_of(gallery.ax)
