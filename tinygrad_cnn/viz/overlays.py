"""Saliency and Grad-CAM over the images they explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..nn.module import Module
from . import probing, style, tiles
from .layers import name_of
from .saliency import cam, saliency_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]


def plot_saliency(
    model: Module,
    x: Any,
    *,
    target: Any = None,
    display_labels: Any = None,
    title: str | None = "saliency",
    ax: Any = None,
) -> Figure:
    """Images, and below each its `saliency_map` laid over it: bright where a pixel moves the class's score most.

    Args:
        model, x, target: as for `saliency_map`; up to a dozen images are readable.
        display_labels: names of the classes.
        title: None writes nothing.
        ax: Axes to draw on.

    Raises:
        As `saliency_map`.
    """
    name = "plot_saliency"
    style.need_matplotlib()
    return _draw(model, x, target, lambda images, t: saliency_map(model, images, t), display_labels, title, ax, name)


def plot_grad_cam(
    model: Module,
    x: Any,
    layer: Any,
    *,
    target: Any = None,
    display_labels: Any = None,
    title: str | None = "",
    ax: Any = None,
) -> Figure:
    """Images, and below each its `grad_cam` laid over it: bright where the layer saw what speaks for the class.

    Args:
        model, x, layer, target: as for `grad_cam`; up to a dozen images are readable.
        display_labels: names of the classes.
        title: "" names the layer; None writes nothing.
        ax: Axes to draw on.

    Raises:
        As `grad_cam`.
    """
    name = "plot_grad_cam"
    style.need_matplotlib()
    probing.check_model(model, name)
    path = name_of(model, layer, name)
    if title == "":
        title = f"Grad-CAM, layer {style.plain(path)}"
    return _draw(
        model, x, target, lambda images, t: cam(model, images, layer, t, None, name), display_labels, title, ax, name
    )


def _draw(
    model: Module, x: Any, target: Any, compute: Any, display_labels: Any, title: str | None, ax: Any, name: str
) -> Figure:
    probing.check_model(model, name)
    images = probing.as_input(model, x, name)
    classes = probing.targets_for(target, len(images), name)
    scores = probing.predict(model, images, probing.BATCH_SIZE, name)
    labels = style.labels_for(display_labels, scores.shape[1], name)
    maps = np.nan_to_num(compute(images, classes))  # (N, H, W)
    p, said = probing.probabilities(scores), scores.argmax(axis=1)
    asked = said if classes is None else classes
    above = [f"{labels[k]}: {style.percent(p[i, k])}" for i, k in enumerate(said)]
    below = [f"for {labels[k]}" for k in asked]
    n = len(images)
    colored = images.shape[1] == 3
    pictures = tiles.as_pictures(images if images.shape[1] in (1, 3) else images.mean(axis=1), name)
    gallery = tiles.Tiles(ax, 2 * n, images.shape[2:], n, [*above, *below], tile=1.1, name=name)
    for i in range(n):
        gallery.show(i, pictures[i], **({} if colored else tiles.GREY))
        grey = pictures[i].mean(axis=-1) if colored else pictures[i]
        gallery.show(n + i, 0.6 * grey, **tiles.GREY)  # dimmed: the map is what counts
        top = float(maps[i].max()) or 1.0
        gallery.show(n + i, _heat(maps[i] / top))
    gallery.finish(title)
    return style.figure_of(gallery.ax)


def _heat(shares: Array) -> Array:
    """Colours for a map in [0, 1], (H, W, 4): the lower, the more transparent."""
    from matplotlib import colormaps

    shares = np.clip(shares, 0, 1)
    colors: Array = colormaps[style.HEAT](shares)
    colors[..., 3] = shares
    return colors  # (H, W, 4)
