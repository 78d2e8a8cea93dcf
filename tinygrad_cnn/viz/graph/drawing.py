"""What users meet: `draw_graph`, and the `Graph` it returns."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...arrays.telling import described
from ...io.atomic import replace_file
from ...nn.module import Module
from ...profiler.recorder import Recorder
from ...tensors import Tensor
from ..kit.page import HEIGHT, Page
from . import rendering
from .calling import Failure
from .dot import source_of
from .folding import choose, marked, view
from .models import Model, given_models
from .plans import is_compiled, picture_of, plan_of
from .recording import record, record_failure
from .repeats import with_rows
from .spans import with_spans
from .structure import SMALL, Picture
from .truncating import truncate

_FORMATS = (*rendering.FORMATS, "dot", "html")


class Graph:
    """A drawn computation graph. It holds numbers and texts, no tensor: it keeps nothing alive.

    Attributes:
        picture: all of the graph, as plain data.
        drawn: what `source` shows: the same with modules closed, equal blocks folded, the middle left out.
    """

    def __init__(self, picture: Picture, drawn: Picture, **look: Any) -> None:
        self.picture, self.drawn, self._look = picture, drawn, look

    @functools.cached_property
    def source(self) -> str:
        """DOT text."""
        return source_of(self.drawn, **self._look)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing; the ending says as what: .svg, .png, .pdf, .dot, or .html for the interactive page.

        Returns the path; folders are made. SVG, PNG and PDF need Graphviz: the `dot` program, or pygraphviz from
        tinygrad-cnn[viz].

        Raises ValueError for another ending, ImportError where Graphviz is missing, OSError where the file cannot be
        written.
        """
        path = Path(path)
        format = path.suffix.lower().removeprefix(".")
        if format not in _FORMATS:
            endings = ", ".join(f".{name}" for name in _FORMATS)
            raise ValueError(f"Graph.save: the name of the file must end in {endings}, got {str(path)!r}")
        made = self._as(format)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, made)
        return path

    def page(self, height: int = HEIGHT) -> Page:
        """The interactive page, which a notebook shows ``height`` pixels high."""
        from .html import page

        return Page(page(self.picture, color_by=self._look.get("color_by")), height)

    def _as(self, format: str) -> bytes:
        if format == "dot":
            return self.source.encode()
        if format == "html":
            return self.page().html.encode()
        return rendering.render(self.source, format)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Notebooks show the page itself, which needs no Graphviz; a drawing for what cannot, such as a PDF of one."""
        makers: dict[str, Callable[[], str]] = {
            "text/html": self._repr_html_,
            "image/svg+xml": lambda: self._as("svg").decode(),
        }
        bundle = {"text/plain": repr(self)}
        for kind, make in makers.items():
            if (include and kind not in include) or (exclude and kind in exclude):
                continue
            try:
                bundle[kind] = make()
            except (ImportError, RuntimeError) as error:  # Graphviz is missing, or gave up
                bundle["text/plain"] += f"\n{error}"
        return bundle

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()

    def _repr_svg_(self) -> str | None:
        """The drawing; None where Graphviz is missing, as IPython would show the error."""
        return self._repr_mimebundle_(include={"image/svg+xml"}).get("image/svg+xml")

    def __repr__(self) -> str:
        count = sum(b.kind in ("operation", "output") for b in self.picture.boxes)
        return f"<Graph{' of ' + self.picture.title if self.picture.title else ''}: {count:,} operations>"


def draw_graph(
    output: Tensor | Module | Callable[..., Any] | Sequence[Tensor] | Mapping[str, Tensor],
    inputs: Any = None,
    *,
    model: Model | None = None,
    names: Mapping[str, Tensor] | None = None,
    show_values: bool | str = "auto",
    gradients: bool | str = "auto",
    collapse: bool | int | str = "auto",
    direction: str = "TB",
    profile: Recorder | None = None,
    color_by: str | None = None,
    max_nodes: int = 200,
    legend: bool = True,
    plumbing: bool = False,
    failed: str = "raise",
    title: str | None = None,
) -> Graph:
    """The computation graph behind a tensor, or of a model: a box for each operation, parameter and input.

    Nothing of the user's changes: no ``.grad``, no hook of a tensor is called, the graph can still go backward, batch
    statistics and random state are as before.

    Args:
        output: a tensor (or several, in a list or dict) whose graph is there already; or a model, or any function,
            which is called with ``inputs`` and watched: then modules and lines of code are known. Of what `tg.compile`
            gave, without inputs, the latest plan: the steps that were recorded, and those that run, forth and back
            (then ``direction``, ``max_nodes``, ``legend`` and ``title`` count).
        inputs: what to call the model with: one argument, several in a tuple, or a dict by name. Of a graph that is
            there already: the tensors and arrays to show as inputs, with their names as a dict.
        model: gives the modules and parameters of a graph their names; several as a list, or as a dict by their names,
            {"G": generator, "D": critic}. Without it modules stand under their types, as far as they are still there.
        names: names of other tensors, {"a": a}: leaves, or what was computed.
        show_values: "auto" shows the numbers of very small arrays; True also sums up all others (norm, zeros, NaN);
            False leaves values out.
        gradients: True computes the gradient of the (summed) output by every array and draws it flowing back; "auto"
            does it where that is little work, without the arrows: the page plays them.
        collapse: "auto" keeps large drawings readable: equal blocks in a row become one "x N", modules become boxes,
            from the innermost on, until it fits a screen. False draws everything; True closes the model's children; a
            number closes modules so many levels down.
        direction: "TB", from top to bottom, or "LR", from left to right.
        profile: a `profiler.profile` under which the graph was made: its figures are those of the drawing.
        color_by: "time" or "memory", forward and backward. A model that is called here is timed: the median of five
            runs, after a warm-up.
        max_nodes: of more operations the first and the last are drawn.
        legend: explain shapes and colours.
        plumbing: draw what only rearranges numbers, too: the reshapes, permutations and parts within layers, which are
            otherwise folded into the operation that they serve.
        failed: what happens where the model raises: "raise" lets the error through, with the graph until there as its
            ``.graph``; "draw" returns that graph. The call that failed is red, with what did not fit and, where that is
            sure, the line to write.
        title: above the drawing; by default the model's type.

    Raises:
        TypeError, ValueError: arguments of another kind; a tensor without a graph.
        RuntimeError: gradients were asked for, and backward() has freed the graph or arrays have changed since.

    >>> import tinygrad_cnn as tg
    >>> a, b = tg.tensor(2.0, requires_grad=True), tg.tensor(-3.0, requires_grad=True)
    >>> graph = draw_graph((a * b).relu(), names={"a": a, "b": b})
    >>> [(box.label, box.value.values, box.gradient.values) for box in graph.picture.boxes]
    [('a', 2.0, -0.0), ('b', -3.0, 0.0), ('mul', -6.0, 0.0), ('relu', 0.0, 1.0)]
    """
    if isinstance(output, type):
        raise TypeError(
            f"draw_graph: got the class {output.__name__}; make one, {output.__name__}(...), and draw that: "
            "draw_graph(model, inputs=x)"
        )
    given_models(model)
    if profile is not None and not isinstance(profile, Recorder):
        raise TypeError(f"draw_graph: profile must be what tg.profiler.profile() gives, got {described(profile)}")
    if direction not in ("TB", "LR"):
        raise ValueError(f'direction must be "TB" (top to bottom) or "LR" (left to right), got {direction!r}')
    if color_by not in (None, "time", "memory"):
        raise ValueError(f'color_by must be None, "time" or "memory", got {color_by!r}')
    for name, value in (("show_values", show_values), ("gradients", gradients)):
        if value != "auto" and not isinstance(value, bool):
            raise ValueError(f'{name} must be "auto", True or False, got {value!r}')
    if failed not in ("raise", "draw"):
        raise ValueError(f'failed must be "raise" or "draw", got {failed!r}')
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or max_nodes < 2:
        raise ValueError(f"max_nodes must be an integer of at least 2, got {max_nodes!r}")
    if inputs is None and is_compiled(output):
        return _of_plan(output, direction, max_nodes, title, legend, color_by)
    look = {"statistics": show_values is True, "backward": gradients is True, "color_by": color_by, "legend": legend}
    shape = collapse, direction, max_nodes, None if title is None else str(title)
    try:
        picture = record(output, inputs, model, names, show_values, gradients, profile, max_nodes, color_by, plumbing)
    except Failure as failure:
        picture = record_failure(failure, model, names, show_values, max_nodes, plumbing, output)
        graph = _graph(picture, *shape, {**look, "color_by": None})
        if failed == "draw":
            return graph
        error = failure.error
        with suppress(AttributeError):  # of an exception that takes no attributes
            error.graph = graph  # type: ignore[attr-defined]
        if hasattr(error, "add_note"):  # Python 3.11
            error.add_note("The graph until there is this error's .graph; draw_graph(..., failed='draw') returns it.")
        raise error from None
    if color_by is not None and all(box.cost is None for box in picture.boxes):
        raise ValueError(
            "color_by needs figures: draw the model, draw_graph(model, inputs=x, color_by=...), or pass the profile "
            "under which this graph was made: with tg.profiler.profile() as p: loss = ...; "
            "draw_graph(loss, profile=p, color_by=...)"
        )
    return _graph(picture, *shape, look)


def _of_plan(
    compiled: Any, direction: str, max_nodes: int, title: str | None, legend: bool, color_by: str | None
) -> Graph:
    """The plan of what `tg.compile` gave."""
    if color_by is not None:
        raise ValueError(
            "draw_graph: color_by is for operations, not for a plan: draw_graph(compiled, inputs=x, color_by=...). "
            "What each step of a plan takes, a profile says: with tg.profiler.profile() as p: compiled(x)"
        )
    picture = picture_of(plan_of(compiled), max_nodes)
    picture.direction = direction
    picture.title = picture.title if title is None else str(title)
    return Graph(picture, picture, legend=legend)


def _graph(
    picture: Picture,
    collapse: bool | int | str,
    direction: str,
    max_nodes: int,
    title: str | None,
    look: dict[str, Any],
) -> Graph:
    """A picture, folded to be drawn."""
    picture.direction = direction
    picture.title = picture.title if title is None else title
    picture = with_spans(with_rows(picture))
    shown = choose(picture, collapse)
    drawn = view(picture, shown)
    if any(b.kind == "failed" for b in picture.boxes) and all(b.kind != "failed" for b in drawn.boxes):
        shown = choose(picture, False)  # what failed is not hidden in a module
        drawn = view(picture, shown)
    if not look["backward"] and any(b.shape and math.prod(b.shape) > SMALL for b in picture.boxes):
        drawn.boxes = [dataclasses.replace(b, gradient=None) for b in drawn.boxes]  # for the page, which plays them
    return Graph(marked(picture, shown), truncate(drawn, max_nodes), **look)
