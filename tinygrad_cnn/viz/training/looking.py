"""One look into a training step: gradient norms, update ratios, silent units, filters, and what the net got wrong.

A look spans a step. `Look.begin` keeps the weights and lets a `Tap` watch; the step runs as it would have; `Look.end`
compares. Nothing is computed but what the step computes anyway, and the numbers of the step stay the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...autograd.graph import Node, Op
from ...autograd.modes import here
from ...nn.module import Module
from ...profiler.recorder import Watcher
from ...tensors import Tensor
from .. import probing
from ..operations import LOSSES, RELUS
from .control import seconds
from .record import as_bytes, number, packed

Array = NDArray[Any]

SAMPLE = 1 << 16  # numbers of an array that its norm is taken of; of a larger one every k-th counts
LAYERS, UNITS = 128, 64  # that are listed
CELLS = 1 << 14  # numbers in a picture of filters
FILTERS = 64
MISTAKES, RECENT = 12, 6  # pictures, of so many looks
SILENT = 256  # images without a sign: then a unit counts as silent
SIDE = 64  # pixels of a picture of a mistake
CALLS = 256  # of the model in one step; after more, the run has broken off, and is watched no longer


class Tap(Watcher):
    """A watcher of the engine's that notes how the units of each relu fire, and what the loss compared.

    It counts operations, so that ``F.relu`` and ``nn.ReLU`` are the same; those without a gradient, as in a validation,
    do not count.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names  # of modules, by their id
        self.seconds = 0.0
        self.fired: dict[str, Array] = {}  # of each relu: which units were not zero everywhere, (C,)
        self.inputs: Any = None
        self.scores: Any = None  # (N, C)
        self.classes: Any = None  # (N,)
        self._handle: Any = None
        self._mode: Any = None  # of the thread that opened it: another one may close it
        self._calls = 0
        self._turns: dict[str, int] = {}  # of each relu in the running forward: one may be used again and again

    def open(self, model: Module) -> None:
        """Begin to watch, in this thread."""
        self._mode = here.mode
        self._mode.watchers = (*self._mode.watchers, self)
        self._handle = model.register_forward_pre_hook(self._called)

    def close(self) -> None:
        """Watch no more."""
        if self._handle is not None:
            self._unwatch()
            self._handle.remove()
            self._handle = None

    def _unwatch(self) -> None:
        self._mode.watchers = tuple(watcher for watcher in self._mode.watchers if watcher is not self)

    def _called(self, _model: Module, args: Sequence[Any]) -> None:
        self._calls += 1
        self._turns.clear()
        if self._calls > CALLS:
            self._unwatch()
        if here.mode.recording and args and isinstance(args[0], Tensor):
            self.inputs = args[0]._array

    def after_forward(self, op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], result: Any) -> None:  # noqa: ARG002
        """Look at relus and losses."""
        node = result._node
        if node is None or not (op.name in RELUS or op.name in LOSSES):
            return
        start = seconds()
        if op.name in RELUS:
            y, name = result._array, self._name(node)
            if y.ndim > 1 and name is not None:
                self._turns[name] = turn = self._turns.get(name, 0) + 1
                key = name if turn == 1 else f"{name} ({turn})"
                fired = y.any(axis=tuple(k for k in range(y.ndim) if k != 1))  # (C,)
                known = self.fired.get(key)
                self.fired[key] = fired if known is None or known.shape != fired.shape else known | fired
        elif (self.scores is None or op.name != "pick") and self._ours(inputs[0]):
            x, t = (probing.as_array(value) for value in inputs[:2])
            if x.ndim == 2 and t.shape == x.shape[:1] and t.dtype.kind in "iu":
                if len(inputs) > 2 and np.shape(weights := probing.as_array(inputs[2])) == t.shape:
                    t = np.where(weights != 0, t, -1)  # what is to be ignored is of no class
                self.scores, self.classes = x, t
        self.seconds += seconds() - start

    def _name(self, node: Node) -> str | None:
        """The relu's module; for a function the module of what it was given, "fc1 + relu"; None in another model."""
        module, parent = node.module, node.parents[0]
        if module is None or id(module) not in self.names:
            return None
        if next(module.children(), None) is None:
            return f"{self.names[id(module)]} {type(module).__name__}".strip()
        for owner in _makers(parent):
            if owner is not module and self.names.get(id(owner)):
                return f"{self.names[id(owner)]} + {node.op.name}"
        return node.op.name

    def _ours(self, scores: Any) -> bool:
        """Does it come from this model?"""
        makers = _makers(scores._node) if isinstance(scores, Tensor) else iter(())
        return any(id(module) in self.names for module in makers)


def _makers(node: Any) -> Iterator[Module]:
    """The modules that made a node, and those before it: a few."""
    for _ in range(8):
        if not isinstance(node, Node):
            return
        if node.module is not None:
            yield node.module
        node = node.parents[0] if node.parents else None


class Look:
    """Looks into a model, one after another.

    Attributes: ``layers``, the names of the modules that have parameters of their own; ``filters``, what the picture of
    the filters shows, as JSON, or None.
    """

    def __init__(self, model: Module, labels: Sequence[str] | None = None) -> None:
        self.model, self.labels = model, labels
        self.names = {id(module): path for path, module in model.named_modules()}
        self._of: dict[str, list[Tensor]] = {}  # parameters by layer
        for path, p in model.named_parameters():
            if p._array.dtype.kind == "f" and p._array.size:
                self._of.setdefault(path.rpartition(".")[0], []).append(p)
        self._of = dict(list(self._of.items())[:LAYERS])
        self.layers = [f"{name} {type(module).__name__}".strip() for name, module in self._named()]
        self.hidden = len({path.rpartition(".")[0] for path, _ in model.named_parameters()}) - len(self._of)
        self._quiet: dict[str, Array] = {}  # of each relu's units: for how many images they have not fired
        self._images = 0
        self._pool: list[dict[str, Any]] = []  # mistakes of the last looks,
        self._judged: list[int] = []  # which were after these steps
        self._before: list[list[Array]] | None = None
        self.tap: Tap | None = None
        self._filters: Tensor | None = _first_filters(model)
        self.filters = None if self._filters is None else _about_filters(model, self._filters)

    def _named(self) -> list[tuple[str, Module]]:
        modules = dict(self.model.named_modules())
        return [(name, modules[name]) for name in self._of]

    def begin(self) -> float:
        """Watch the next step; returns the seconds that took."""
        start = seconds()
        self.cancel()  # a run that broke off has left one that watches
        self._before = [[_sample(p._array).copy() for p in group] for group in self._of.values()]
        self.tap = Tap(self.names)
        self.tap.open(self.model)
        return seconds() - start

    def cancel(self) -> None:
        """Watch no more; there will be no end."""
        if self.tap is not None:
            self.tap.close()
        self.tap = self._before = None

    def end(self, step: int) -> tuple[dict[str, Any], float]:
        """What was seen, as JSON, and the seconds that it took: {"step", "norm", "ratio", "units", "accuracy"}.

        ``norm`` and ``ratio`` have an entry for each layer, the norm of its gradient and |change| / |weights|, None
        where it had no gradient; ``units`` has [name, silent units, units, images] of each relu.
        """
        assert self.tap is not None
        assert self._before is not None
        start, tap, before = seconds(), self.tap, self._before
        self.cancel()
        found: dict[str, Any] = {"step": step, "norm": [], "ratio": []}
        for group, old in zip(self._of.values(), before, strict=True):
            found["norm"].append(number(_norm([p.grad._array for p in group if p.grad is not None]), 4))
            found["ratio"].append(number(_ratio(group, old), 4))
        found["units"] = self._units(tap)
        found["accuracy"] = self._judge(tap, step)
        return found, tap.seconds + seconds() - start

    def _units(self, tap: Tap) -> list[list[Any]]:
        count = 0 if tap.inputs is None else len(tap.inputs)
        for name, fired in tap.fired.items():
            quiet = self._quiet.get(name)
            quiet = np.zeros(len(fired), np.int64) if quiet is None or quiet.shape != fired.shape else quiet
            self._quiet[name] = np.where(fired, 0, quiet + count)
        self._images += count
        enough = max(1, min(SILENT, self._images))
        listed = list(self._quiet.items())[:UNITS]
        return [[name, int((quiet >= enough).sum()), len(quiet), enough] for name, quiet in listed]

    def _judge(self, tap: Tap, step: int) -> float | None:
        """The accuracy on the batch; its mistakes join those of the last looks."""
        if tap.scores is None:
            return None
        scores, classes = tap.scores, tap.classes
        inside = (classes >= 0) & (classes < scores.shape[1])
        said = scores.argmax(axis=1)  # (N,)
        wrong = np.flatnonzero(inside & (said != classes))
        if len(wrong):
            p = probing.probabilities(scores[wrong])  # (M, C)
            true = classes[wrong]
            worst = np.argsort(p[np.arange(len(wrong)), true], kind="stable")[:MISTAKES]
            for k in worst:
                self._pool.append(self._mistake(tap, int(wrong[k]), p[k], int(true[k]), step))
        self._judged = [*self._judged, step][-RECENT:]
        self._pool = [mistake for mistake in self._pool if mistake["step"] in self._judged]
        return number(1 - len(wrong) / max(1, int(inside.sum())), 4)  # type: ignore[return-value]

    def _mistake(self, tap: Tap, place: int, p: Array, true: int, step: int) -> dict[str, Any]:
        said = int(p.argmax())
        found = {"step": step, "said": self._label(said), "true": self._label(true)}
        found |= {"sure": number(p[said], 3), "right": number(p[true], 3)}
        if tap.inputs is not None and place < len(tap.inputs):
            found |= thumbnail(tap.inputs[place])
        return found

    def _label(self, k: int) -> str:
        return str(self.labels[k]) if self.labels is not None and k < len(self.labels) else str(k)

    @property
    def mistakes(self) -> list[dict[str, Any]]:
        """The worst of the last looks, worst first, as JSON."""
        return sorted(self._pool, key=lambda mistake: mistake["right"])[:MISTAKES]

    def frame(self, step: int) -> dict[str, Any] | None:
        """The filters as they are now, as JSON: {"step", "data", "scale"}; None where there are none to see."""
        if self._filters is None or self.filters is None:
            return None
        shown = self._filters._array[: self.filters["count"]]
        if self.filters["kind"] == "mean":
            shown = shown.mean(axis=1)  # (O, kh, kw)
        return {"step": step, **packed(shown)}


def thumbnail(sample: Array) -> dict[str, Any]:
    """A sample as a small picture, {"image", "height", "width", "channels"}, or as text, {"text"}."""
    if sample.ndim == 2:
        sample = sample[None]  # (1, H, W)
    side = _side(sample.size)
    if sample.ndim == 1 and side:
        sample = sample.reshape(1, side, side)  # (1, H, W)
    if sample.ndim == 3 and sample.shape[0] in (1, 3):
        every = -(-max(sample.shape[1:]) // SIDE)
        small = sample[:, ::every, ::every].transpose(1, 2, 0)  # (h, w, C)
        return {"image": as_bytes(small), "height": small.shape[0], "width": small.shape[1], "channels": small.shape[2]}
    numbers = ", ".join(f"{v:.3g}" for v in sample.ravel()[:4])
    return {"text": f"({numbers}{', ...' if sample.size > 4 else ''})"}


def _flat(array: Array) -> Array:
    return array.ravel(order="K")  # a view in whatever order the memory runs


def _sample(array: Array) -> Array:
    """The numbers that stand for an array: all, or every k-th."""
    every = -(-array.size // SAMPLE)
    while any(math.gcd(every, size) > 1 for size in array.shape) and array.size > SAMPLE:
        every += 1  # in step with a dimension it would see one corner of each kernel
    return _flat(array)[::every]


def _squares(array: Array) -> float:
    """The sum of the squares, estimated for large arrays."""
    part = _sample(array)
    with np.errstate(all="ignore"):
        return float(np.vdot(part, part)) * (array.size / part.size)


def _norm(arrays: Sequence[Array]) -> float | None:
    return sum(map(_squares, arrays)) ** 0.5 if arrays else None


def _ratio(group: Sequence[Tensor], before: Sequence[Array]) -> float | None:
    """|change| / |weights before| of a layer; None for weights that are all zero, or came from elsewhere."""
    change = size = 0.0
    for p, old in zip(group, before, strict=True):
        new = _sample(p._array)
        if new.shape != old.shape:
            return None
        with np.errstate(all="ignore"):
            moved, weight = new - old, p._array.size / new.size
            change += weight * float(np.vdot(moved, moved))
            size += weight * float(np.vdot(old, old))
    return (change / size) ** 0.5 if size else None


def _first_filters(model: Module) -> Tensor | None:
    """The weights that can be seen: of the first convolution, or else of the first layer with a matrix."""
    weights = [p for _, p in model.named_parameters() if p._array.dtype.kind == "f" and p._array.size]
    kernels = [p for p in weights if p.ndim == 4 and min(p.shape[2:]) > 1]
    matrices = [p for p in weights if p.ndim == 2]
    return next(iter([*kernels, *matrices]), None)


def _about_filters(model: Module, weights: Tensor) -> dict[str, Any] | None:
    name = next(path for path, p in model.named_parameters() if p is weights)
    shape, kind = tuple(weights.shape), "gray"
    if len(shape) == 4:
        kind = {1: "gray", 3: "colour"}.get(shape[1], "mean")
        height, width = shape[2:]
    else:
        side = _side(shape[1])
        height, width = (side, side) if side else (1, shape[1])
    cells = height * width * (3 if kind == "colour" else 1)
    count = min(shape[0], FILTERS, CELLS // cells)
    if not count:
        return None
    size = {"height": height, "width": width, "channels": shape[1]}
    return {"name": name, "kind": kind, "count": count, "of": shape[0], **size}


def _side(size: int) -> int:
    """Of a square picture with so many pixels; 0 where it is none, or too small to be one."""
    side = round(size**0.5)
    return side if size > 4 and side * side == size else 0
