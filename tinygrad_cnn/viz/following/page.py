"""`follow`: a page on which one follows any number through one's own net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...nn.module import Module
from .. import probing, style
from ..kit.page import Page, base_style, document, part, web
from .packing import packed
from .steps import trail_of

PARTS = (
    "net", "windows", "links", "dense", "walks", "written", "words", "strip", "tables", "product", "field", "outputs",
    "lowered", "main",
)  # fmt: skip
KIT = ("dom", "numbers", "colors", "tile", "slider", "tooltip", "theme")
ROOM = 20.0  # megabytes of a page


def follow(
    model: Module,
    x: Any,
    *,
    target: int | None = None,
    display_labels: Sequence[str] | None = None,
    title: str | None = None,
    max_megabytes: float = ROOM,
) -> Page:
    """Follow one number through a net: a page on which every cell of every map says what it was made of.

    Pick a cell of any map. Its window lights up in the layer before, and in all layers before that; the product is
    written out, number by number, from the net's own weights; later maps show what depends on it, and the outputs
    how much. Beside it stand its receptive field in theory, and in effect (|d cell / d pixel|; Luo et al.,
    "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", 2016), and for a convolution
    the matrix product that it is (im2col), with the sweep of its window.

    Convolutions (also transposed, dilated, in groups), pools, linear layers, norms, softmax, products of matrices,
    functions of single elements, sums of branches, concatenations and whatever only moves numbers are followed.
    Other operations are shown as what they are, and the page says where it cannot look through.

    The model is run once, in evaluation mode, and left as it was.

    Args:
        model: any Module whose inputs are tensors.
        x: one sample, with its batch dimension: images (1, C, H, W), features (1, D), indices (1, T). A tuple for
            models of several inputs.
        target: which output the page opens with; None is the largest.
        display_labels: names of the outputs, where these are scores (1, K).
        title: of the page; the model's type if None.
        max_megabytes: how large the page may be. It holds all weights and maps, four bytes a number and a third more.

    Raises:
        TypeError: model is no Module, x no array or tensor. ValueError: more than one sample, names that do not fit, an
        output that does not hang on the input, a page larger than ``max_megabytes``.

    >>> import tinygrad_cnn as tg
    >>> from tinygrad_cnn import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
    >>> page = tg.viz.follow(net, tg.randn(1, 1, 8, 8))
    >>> page.save("follow.html")  # doctest: +SKIP
    """
    data = told(model, x, target, display_labels, title, max_megabytes)
    body = part(__package__, "web/page.html")
    styles = [base_style(), part(__package__, "web/style.css")]
    scripts = [*web(*KIT), *(part(__package__, f"web/{name}.js") for name in PARTS)]
    return Page(document(data["title"], body, styles=styles, scripts=scripts, data={"follow": data}), 900)


def told(
    model: Module,
    x: Any,
    target: int | None = None,
    display_labels: Sequence[str] | None = None,
    title: str | None = None,
    max_megabytes: float = ROOM,
) -> dict[str, Any]:
    """What the page of `follow` reads, as plain data: ``steps`` with their ``arrays``, and names."""
    name = "follow"
    probing.check_model(model, name)
    inputs = [_input(model, each, name) for each in (x if isinstance(x, tuple) else (x,))]
    try:
        with probing.differentiating(model):
            trail = trail_of(model, inputs)
    except ValueError as error:
        lone = next((array.shape for array in inputs if array.ndim == 3), None)
        if lone is not None:  # (1, H, W) passes for a sample of two dimensions
            error.args = (f"{error}\nx has shape {lone}; an image without its batch dimension is x[None]",)
        raise
    data, sizes = packed(trail)
    size = sum(sizes.values()) * 4 / 3 / 1e6
    if size > max_megabytes:
        weights, maps = (sizes[k] * 4 / 3 / 1e6 for k in ("weights", "maps"))
        raise ValueError(
            f"{name}: the page would take {size:.1f} MB (weights {weights:.1f}, maps {maps:.1f}), more than "
            f"max_megabytes={max_megabytes:g}; follow a part of the net, a smaller image, or raise max_megabytes"
        )
    scores = trail.steps[trail.outputs[0]].shape
    count = scores[1] if len(scores) == 2 else 0
    if display_labels is not None and not count:
        raise ValueError(f"{name}: display_labels name scores (1, K), but the model gives shape {scores}")
    if target is not None and not 0 <= target < count:
        raise ValueError(f"{name}: target must be one of {count} outputs, 0 to {count - 1}, got {target!r}")
    names = style.labels_for(display_labels, count, name)
    return {**data, "title": title or type(model).__name__, "target": target, "classes": names}


def _input(model: Module, x: Any, name: str) -> np.ndarray[Any, Any]:
    """One sample as an array, floating numbers in the model's kind."""
    array = probing.as_array(x)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name}: x must be numbers, a Tensor or an array (a tuple for several inputs), got {x!r:.60}")
    if array.ndim == 0 or len(array) != 1 or 0 in array.shape:
        hint = "x[:1]" if array.ndim and len(array) > 1 and array.ndim != 3 else "x[None]"
        raise ValueError(
            f"{name}: x must be one sample with its batch dimension, (1, ...), got shape {array.shape}; pass {hint}"
        )
    own = next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), array.dtype)
    return array.astype(own) if array.dtype.kind == "f" else array.copy()
