"""The interactive page of a computation graph: one HTML file with everything in it."""

from __future__ import annotations

from ..kit.page import base_style, document, part, web
from . import style
from .structure import Picture

LAYOUT = ("layers", "across", "layout")
SCRIPTS = (
    *("data", "tree", "shapes"),  # what there is
    *("camera", "view", "opening", "heat", "details"),  # what is seen
    *("player", "steps", "search", "main"),
)


def page(picture: Picture, color_by: str | None = None) -> str:
    """The picture as a page that stands alone: no network, no second file, no library.

    It lays the graph out itself, folds and unfolds modules, searches, shows what is known of each node, and plays
    the forward and the backward pass step by step. A browser of 2024 or later shows it.

    Args:
        picture: what to show; its texts may hold anything, they are shown as text.
        color_by: how it is coloured at first, if the picture knows costs: "time" or "memory"; None is by kind.

    Returns:
        The text of an HTML file, to be written as UTF-8.

    Raises:
        ValueError: another ``color_by``.

    >>> import tinygrad_cnn as tg
    >>> from tinygrad_cnn.viz import draw_graph
    >>> a = tg.tensor(2.0, requires_grad=True)
    >>> page(draw_graph((a * a).tanh(), names={"a": a}).picture).splitlines()[0]
    '<!DOCTYPE html>'
    """
    if color_by not in (None, "time", "memory"):
        raise ValueError(f'color_by must be None, "time" or "memory", got {color_by!r}')
    return document(
        " ".join(picture.title.split()) or "Computation graph",
        _part("template.html").replace("{{color}}", color_by or "kind"),
        styles=[base_style(), style.css(), _part("style.css")],
        scripts=[*web("colors", "theme"), *layout(), *(_part(f"{name}.js") for name in SCRIPTS)],
        data={"picture": picture.as_dict()},
    )


def layout() -> list[str]:
    """The scripts by which any page lays a graph out: the words and sizes of `style`, and `layoutScene`."""
    return [style.script(), *(_part(f"{name}.js") for name in LAYOUT)]


def _part(name: str) -> str:
    return part(__package__, f"page/{name}")
