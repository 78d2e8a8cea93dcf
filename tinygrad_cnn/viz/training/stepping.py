"""Some recorded steps of a small net, one after another on a slider: `step_through`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.telling import described
from ...nn.module import Module
from ...nn.summary import in_mode
from ...optim.optimizer import Optimizer
from ...tensors import Tensor
from ...train.loaders import as_dataset, is_dataset, parts_of
from .. import probing, style
from ..graph.drawing import draw_graph
from ..graph.structure import Picture, Summary
from ..kit.page import Page
from .looking import thumbnail
from .pages import steps_page
from .record import number, packed

Array = NDArray[Any]

LARGEST = 1_000_000  # weights times steps: of the page's 4 MB
BOXES = 120  # of a graph that can still be read
WATCHED = 6
CLASSES = 20
NAME = "step_through"


def step_through(
    model: Module,
    loss_function: Callable[[Any, Any], Any],
    batches: Any,
    optimizer: Optimizer,
    *,
    steps: int = 20,
    watch: Any = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Page:
    """Train a small net for some steps, and record them as a page on which one moves from step to step.

    Each step has its loss; every weight, its gradient and its change, as tiles; the graph with the numbers that were in
    it, forward and backward; and what the update did to some images: their probabilities before and after.

    These are real steps: afterwards the model and its optimizer have taken them. But for what is looked at, they are
    those that a loop of ``zero_grad``, ``backward`` and ``step`` takes.

    Args:
        model: of up to a million weights times steps, with a graph of up to 120 boxes.
        loss_function: ``loss_function(outputs, targets)``, a Tensor with one number.
        batches: a loader, or a list of batches (inputs, targets), which are taken in turn; or one batch, a tuple of
            arrays, which every step gets.
        optimizer: of the model's parameters.
        steps: how many.
        watch: images (or other inputs) whose probabilities are shown, (N, ...), 6 at most; None takes three of the
            first batch; ``()`` is none.
        labels: names of the classes.
        title: of the page; by default the model's type.

    Returns:
        A `Page`, one file: ``.save("steps.html")``; a notebook shows it.

    Raises:
        TypeError, ValueError: arguments of another kind; a net that is too large to show; no batches.

    >>> import tinygrad_cnn as tg
    >>> net = tg.nn.Linear(2, 3)
    >>> batch = tg.randn(8, 2), tg.randint(0, 3, (8,))
    >>> page = step_through(net, tg.nn.functional.cross_entropy, batch, tg.optim.SGD(net.parameters(), lr=0.1), steps=3)
    >>> page.save("steps.html")  # doctest: +SKIP
    """
    _check(model, loss_function, optimizer, labels)
    steps = style.whole(steps, "steps", NAME)
    parameters = [(name, p) for name, p in model.named_parameters() if p._array.dtype.kind == "f" and p._array.size]
    total = sum(p._array.size for _, p in parameters)
    if total * steps > LARGEST:
        raise ValueError(
            f"{NAME}: {total:,} weights times {steps:,} steps are {total * steps:,} numbers, and a page holds "
            f"{LARGEST:,}; take fewer steps or a smaller net. viz.live shows large ones while they train"
        )
    source = _batches(batches)
    first = next(source)
    recorder = _Recorder(model, loss_function, optimizer, parameters, _watched(model, watch, first))
    for batch in itertools.islice(itertools.chain([first], source), steps):
        recorder.step(batch)
    names = None if labels is None else [str(label) for label in labels]
    return Page(steps_page(recorder.as_dict(title or type(model).__name__, names)), height=900)


class _Recorder:
    """The steps taken so far, as JSON."""

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        optimizer: Optimizer,
        parameters: Sequence[tuple[str, Tensor]],
        watched: tuple[Array, list[int]] | None,
    ) -> None:
        self.model, self.loss, self.optimizer, self.parameters = model, loss, optimizer, parameters
        self.watched = watched
        self.steps: list[dict[str, Any]] = []
        self.graph: dict[str, Any] | None = None
        self.probabilities = [self._probabilities()]
        self.sample: tuple[int, ...] = ()  # the shape of one input

    def step(self, batch: Any) -> None:
        """Draw the graph of one step, then take it."""
        inputs, targets = _parts(batch)
        self.sample = tuple(inputs[0].shape[1:])
        with in_mode(self.model, True):
            picture = draw_graph(
                lambda *given: self.loss(self.model(*given[:-1]), given[-1]),
                inputs=(*inputs, targets), gradients=True, show_values=True, collapse=False, max_nodes=BOXES + 1,
            ).picture  # fmt: skip
            if self.graph is None:
                self.graph = _structure(picture)
            self.optimizer.zero_grad()
            loss = self.loss(self.model(*inputs), targets)
            loss.backward()
            before = [p._array.copy() for _, p in self.parameters]
            gradients = [None if p.grad is None else p.grad._array.copy() for _, p in self.parameters]
            lr = self.optimizer.param_groups[0].get("lr")
            self.optimizer.step()
        changes = [p._array - old for (_, p), old in zip(self.parameters, before, strict=True)]
        self.probabilities.append(self._probabilities())
        same = len(picture.boxes) == len(self.graph["boxes"])
        self.steps.append({
            "loss": number(loss._array.reshape(())), "lr": None if lr is None else number(lr),
            "boxes": [_numbers(box.value, box.gradient) for box in picture.boxes] if same else None,
            "weights": [_tile(a) for a in before],
            "gradients": [None if g is None else _tile(g) for g in gradients],
            "changes": [_tile(a) for a in changes],
        })  # fmt: skip

    def _probabilities(self) -> list[list[Any]]:
        if self.watched is None:
            return []
        scores = probing.predict(self.model, self.watched[0], WATCHED, NAME)
        return [[number(v, 4) for v in row] for row in probing.probabilities(scores)]

    def as_dict(self, title: str, labels: list[str] | None) -> dict[str, Any]:
        """All of it, for the page."""
        images: Sequence[Array] = () if self.watched is None else list(self.watched[0])
        true = [] if self.watched is None else self.watched[1]
        return {
            "title": title, "optimizer": type(self.optimizer).__name__, "labels": labels, "graph": self.graph,
            "parameters": [
                {"name": name, "shape": list(p.shape), **_look(p.shape, self.sample)} for name, p in self.parameters
            ],
            "steps": self.steps, "probabilities": self.probabilities, "true": true,
            "images": [thumbnail(image) for image in images],
        }  # fmt: skip


def _structure(picture: Picture) -> dict[str, Any]:
    """The graph without its numbers."""
    if len(picture.boxes) > BOXES:
        raise ValueError(
            f"{NAME}: the graph of a step has {len(picture.boxes):,} boxes, and {BOXES} can be shown; "
            "draw_graph(model, inputs=x) shows larger ones"
        )
    groups = {group.id: group for group in picture.groups}
    boxes = [
        {
            "id": box.id, "kind": box.kind, "label": box.text or box.label, "shape": box.shape and list(box.shape),
            "module": groups[box.group].name if box.group is not None else "",
        }
        for box in picture.boxes
    ]  # fmt: skip
    return {"boxes": boxes, "edges": [[edge.source, edge.target, edge.slot] for edge in picture.edges]}


def _numbers(value: Summary | None, gradient: Summary | None) -> list[Any]:
    return [_told(value), _told(gradient)]


def _told(summary: Summary | None) -> Any:
    """A single number as it is, an array by its norm."""
    if summary is None:
        return None
    return number(summary.values if summary.shape == () and summary.values is not None else summary.norm, 4)


def _tile(array: Array) -> dict[str, Any]:
    """An array as bytes, with its norm."""
    with np.errstate(all="ignore"):
        return {**packed(array), "norm": number(np.sqrt(np.square(array, dtype=np.float64).sum()), 4)}


def _look(shape: Sequence[int], sample: Sequence[int]) -> dict[str, Any]:
    """How an array lies as a picture: kernels side by side, rows that weigh an image as images, or a matrix."""
    if len(shape) == 4 and max(shape[2:]) > 1:
        return {"count": shape[0] * shape[1], "height": shape[2], "width": shape[3]}
    rows = shape[0] if len(shape) > 1 else 1
    columns = math.prod(shape) // rows
    if len(shape) == 2 and len(sample) > 1 and math.prod(sample) == columns:
        return {"count": rows, "height": columns // sample[-1], "width": sample[-1]}
    return {"count": 1, "height": rows, "width": columns}


# ---------------------------------------------------------------------------------------------------------- at the door
def _check(model: Any, loss: Any, optimizer: Any, labels: Any) -> None:
    probing.check_model(model, NAME)
    if not callable(loss) or isinstance(loss, type):
        raise TypeError(f"{NAME}: loss_function must be a function of (outputs, targets), got {described(loss)}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{NAME}: optimizer must be an Optimizer, got {described(optimizer)}")
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(f"{NAME}: the optimizer has no parameter of this model; make it from model.parameters()")
    if isinstance(labels, str):
        raise TypeError(f"{NAME}: labels must be a list of names, got the text {labels!r}")


def _batches(batches: Any) -> Iterator[Any]:
    """Batches without end, in turn."""
    if is_dataset(as_dataset(batches)) and isinstance(batches, tuple):
        batches = [batches]
    if not hasattr(batches, "__iter__") or isinstance(batches, (str, bytes, dict, type, Tensor, np.ndarray)):
        raise TypeError(
            f"{NAME}: batches must be a loader, a list of batches (inputs, targets) or one such tuple of arrays, got "
            f"{described(batches)}"
        )

    def turns() -> Iterator[Any]:
        while True:
            empty = True
            for batch in batches:
                empty = False
                yield batch
            if empty:
                raise ValueError(f"{NAME}: there are no more batches; a list or a loader can be walked again")

    return turns()


def _parts(batch: Any) -> tuple[tuple[Any, ...], Any]:
    inputs, targets = parts_of(batch)
    tensors = tuple(x if isinstance(x, Tensor) else Tensor(np.asarray(x)) for x in (*inputs, targets))
    return tensors[:-1], tensors[-1]


def _watched(model: Module, watch: Any, first: Any) -> tuple[Array, list[int]] | None:
    """The images to watch, (N, ...), with their classes where they are known."""
    inputs, targets = _parts(first)
    like, true = probing.as_array(inputs[0]), probing.as_array(targets)
    asked = watch is not None
    if asked:
        images = probing.as_array(watch)
        if not images.size:
            return None
        images = images[None] if images.shape == like.shape[1:] else images  # (N, ...)
        if images.shape[1:] != like.shape[1:] or images.dtype.kind != "f" or len(inputs) > 1:
            raise ValueError(
                f"{NAME}: watch must be inputs like those of the batches, (N, {', '.join(map(str, like.shape[1:]))}), "
                f"floating, of a model with one input; got shape {images.shape}, {images.dtype}"
            )
        images, classes = images[:WATCHED].astype(like.dtype), []
    else:
        if true.dtype.kind not in "iu" or true.ndim != 1 or like.dtype.kind != "f" or len(inputs) > 1:
            return None
        images, classes = like[:3], true[:3].tolist()
    with probing.at_rest(model):
        outputs = model(Tensor(images))
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or not 2 <= outputs.shape[1] <= CLASSES:
        if asked:
            got = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
            raise ValueError(f"{NAME}: watch needs scores (N, C) of up to {CLASSES} classes, got {got}; leave it out")
        return None
    return images, classes
