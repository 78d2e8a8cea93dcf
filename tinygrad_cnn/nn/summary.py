"""A table of a model, from one forward pass: shapes, parameters, multiply-adds, memory, receptive fields."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.rng import default_generator
from ..arrays.writes import mutated
from ..autograd.modes import enable_grad, no_grad
from ..tensors import Tensor
from .layers.conv import ConvLayer
from .layers.linear import Linear
from .module import Module
from .parameter import Parameter
from .tracing import Trace, convolution_cost

Shape = tuple[int, ...]
HEADINGS = (
    "layer", "type", "output shape", "trainable", "frozen", "multiply-adds", "activation", "im2col", "receptive field"
)  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- modes
@contextmanager
def in_mode(model: Module, training: bool) -> Iterator[None]:
    """Within, all modules are in training or in evaluation mode; afterwards each is in the one it was in."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Within, the model is in evaluation mode and no gradients are recorded."""
    with in_mode(model, False), no_grad():
        yield


# ---------------------------------------------------------------------------------------------------------- result
@dataclass
class LayerSummary:
    """One call of a layer: a row of the table. Numbers are of the layer itself, without its children."""

    name: str  # qualified, "" for the model itself
    type: str
    output_shape: Any  # a shape, a tuple of them for several outputs, or None for a layer that was not called
    trainable: int = 0  # parameters, each counted at its first appearance
    frozen: int = 0
    mult_adds: int = 0
    activation_bytes: int = 0  # of the output; 0 for a view of the input
    im2col_bytes: int = 0
    receptive_field: Shape | None = None  # pixels of the input that an output pixel sees, per axis
    repeated: bool = False  # the same module was called before

    def cells(self) -> list[str]:
        """The row as texts, empty where there is nothing to say."""
        counts = [f"{n:,}" if n else "" for n in (self.trainable, self.frozen, self.mult_adds)]
        memory = [_bytes(n) if n else "" for n in (self.activation_bytes, self.im2col_bytes)]
        field = "x".join(map(str, self.receptive_field)) if self.receptive_field else ""
        kind = self.type + (" (again)" if self.repeated else "")
        shape = "not called" if self.output_shape is None else str(self.output_shape)
        return [self.name or "(model)", kind, shape, *counts, *memory, field]


@dataclass
class ModelSummary:
    """What `summary` returns: ``layers`` (the rows, in the order of the calls) and totals; ``str`` is the table."""

    model: str
    input_shapes: list[Shape]
    layers: list[LayerSummary]

    @property
    def trainable(self) -> int:
        """Parameters that are trained."""
        return sum(row.trainable for row in self.layers)

    @property
    def frozen(self) -> int:
        """Parameters that do not require a gradient."""
        return sum(row.frozen for row in self.layers)

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.trainable + self.frozen

    @property
    def mult_adds(self) -> int:
        """Multiply-adds of one forward pass."""
        return sum(row.mult_adds for row in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all layers' outputs together."""
        return sum(row.activation_bytes for row in self.layers)

    @property
    def im2col_bytes(self) -> int:
        """Bytes of the largest column matrix: they are not there at the same time."""
        return max((row.im2col_bytes for row in self.layers), default=0)

    def __str__(self) -> str:
        cells = [list(HEADINGS), *(row.cells() for row in self.layers)]
        used = [i for i in range(len(HEADINGS)) if i < 3 or any(row[i] for row in cells[1:])]
        widths = {i: max(len(row[i]) for row in cells) for i in used}
        lines = [
            "  ".join(row[i].ljust(widths[i]) if i < 3 else row[i].rjust(widths[i]) for i in used).rstrip()
            for row in cells
        ]
        rule = "-" * max(map(len, lines))
        inputs = ", ".join(map(format, self.input_shapes))
        totals = [
            f"parameters: {self.parameters:,} ({self.trainable:,} trainable, {self.frozen:,} frozen)",
            f"multiply-adds: {self.mult_adds:,}",
            f"activations: {_bytes(self.activation_bytes)}",
        ]
        if self.im2col_bytes:
            size = _bytes(self.im2col_bytes)
            totals.append(f"largest im2col matrix: {size} as a whole; it is worked through in blocks")
        return "\n".join([f"{self.model}, input {inputs}", rule, lines[0], rule, *lines[1:], rule, *totals])

    def __repr__(self) -> str:
        return str(self)


def _bytes(n: int) -> str:
    if n < 1024:
        return f"{n} B"
    power = min(int(math.log(n, 1024)), 4)
    return f"{n / 1024**power:.1f} {'KMGT'[power - 1]}iB"


# --------------------------------------------------------------------------------------------------------- summary
def summary(model: Module, input_size: Any, *, batch_size: int | None = None, dtype: Any = None) -> ModelSummary:
    """A table of a model's layers, from one forward pass of zeros in evaluation mode. The model is left as it was.

    For each call of a layer: its output shape; its parameters, each counted once; its multiply-adds; the bytes of its
    output (0 for a view); those of its im2col matrix, N * C * kh * kw * oh * ow numbers (the convolution works
    through it in blocks, so less than that is in memory at a time); and its receptive field, the size of the part of
    the input that one pixel of its output depends on (empty where there is none: behind Flatten, Linear, and whatever
    looks at whole images). Multiply-adds are those of convolutions, linear layers and matrix products, also
    when ``forward`` calls them as functions; adding a bias is not counted, nor is what runs within `no_grad`, layers
    excepted.

    Args:
        model: any Module.
        input_size: the shape of the input, (N, C, H, W); or a list of shapes, for several inputs. The batch may be left
            out of (C, H, W), for a model with 2-d layers, and of (F,): it is 1 then.
        batch_size: put before every shape as given, whatever it looks like.
        dtype: of the input, or a list of one for each; by default that of the model's first floating parameter.

    Raises:
        TypeError, ValueError: a size that is none. RuntimeError: the forward pass failed (with the layer's name).

    >>> from tinygrad_cnn.nn.layers.linear import Linear
    >>> table = summary(Linear(3, 2), (5, 3))
    >>> table.parameters, table.mult_adds, table.layers[0].output_shape
    (8, 30, (5, 2))
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary: model must be an nn.Module, got {type(model).__name__}")
    shapes = [_with_batch(shape, batch_size, model) for shape in _shapes(input_size)]
    dtypes = _dtypes(dtype, model, len(shapes))
    inputs = [Tensor(np.zeros(shape, kind)) for shape, kind in zip(shapes, dtypes, strict=True)]
    recorder = _Recorder(model)
    with _left_as_it_was(model), in_mode(model, False), enable_grad(), ExitStack() as hooks:
        for module in model.modules():
            hooks.enter_context(module.register_forward_pre_hook(recorder.enter))
            hooks.enter_context(module.register_forward_hook(recorder.leave))
        for parameter in model.parameters():  # frozen ones too: the graph is what is looked at
            if parameter.dtype.kind == "f":
                parameter.requires_grad_()
        recorder.trace.start(inputs)
        try:
            model(*inputs)
        except Exception as error:
            given = ", ".join(map(format, shapes))
            raise RuntimeError(
                f"summary: the forward pass with input {given} failed in {recorder.where()}: {error}"
            ) from error
    return ModelSummary(type(model).__name__, shapes, recorder.rows())


def _shapes(input_size: Any) -> list[Shape]:
    if isinstance(input_size, (int, np.integer)):
        input_size = (input_size,)
    if not isinstance(input_size, Sequence) or isinstance(input_size, (str, bytes)) or not input_size:
        raise TypeError(f"summary: input_size must be a shape or a list of shapes, got {input_size!r}")
    several = all(isinstance(shape, Sequence) for shape in input_size)
    shapes = [tuple(shape) for shape in input_size] if several else [tuple(input_size)]
    for shape in shapes:
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0 for n in shape):
            raise ValueError(f"summary: a shape has integers >= 0, got {shape}")
    return shapes


def _with_batch(shape: Shape, batch_size: int | None, model: Module) -> Shape:
    if batch_size is not None:
        return (batch_size, *shape)
    two_d = any(kind.__name__.endswith("2d") for module in model.modules() for kind in type(module).__mro__)
    return (1, *shape) if len(shape) == 1 or (len(shape) == 3 and two_d) else shape


def _dtypes(dtype: Any, model: Module, count: int) -> list[Any]:
    if dtype is None:
        floating = (p.dtype for p in model.parameters() if p.dtype.kind == "f")
        return [next(floating, np.dtype(np.float32))] * count
    dtypes = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * count
    if len(dtypes) != count:
        raise ValueError(f"summary: {len(dtypes)} dtypes for {count} inputs")
    return dtypes


@contextmanager
def _left_as_it_was(model: Module) -> Iterator[None]:
    """Afterwards buffers, random state and what requires a gradient are as before."""
    buffers = [(buffer, buffer._array, buffer._array.copy()) for buffer in model.buffers()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    bits = default_generator().numpy.bit_generator
    state = bits.state
    try:
        yield
    finally:
        bits.state = state
        for parameter, requires_grad in wanted:
            parameter.requires_grad_(requires_grad)
        for buffer, array, values in buffers:
            buffer._array = array
            if not np.array_equal(array, values, equal_nan=array.dtype.kind == "f"):
                array[...] = values
                mutated(array)


class _Recorder:
    """Hooks that make a row of each call, and hand what was computed since the last one to the trace."""

    def __init__(self, model: Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.frozen = {id(p) for p in model.parameters() if not p.requires_grad}
        self.trace = Trace()
        self.calls: list[tuple[Module, LayerSummary]] = []
        self.running: list[LayerSummary] = []

    def enter(self, module: Module, args: Any) -> None:
        """A forward begins. What its inputs came from since the last call belongs to the module around it."""
        if self.running:
            self._charge(self.running[-1], self.trace.follow(_tensors(args)))
        repeated = any(module is other for other, _ in self.calls)
        row = LayerSummary(self.names[module], type(module).__name__, None, repeated=repeated)
        self.calls.append((module, row))
        self.running.append(row)

    def leave(self, module: Module, args: Any, output: Any) -> None:
        """A forward ends."""
        row = self.running.pop()
        inputs, outputs = _tensors(args), _tensors(output)
        itemsize = outputs[0].dtype.itemsize if outputs else 0
        if isinstance(module, ConvLayer):
            cost = convolution_cost(inputs[0].shape, module.weight.shape, outputs[0].shape, module.transposed)
            self._charge(row, (cost[0], cost[1] * itemsize))
            self.trace.follow(outputs)
        elif isinstance(module, Linear):
            self._charge(row, (outputs[0]._array.size * module.in_features, 0))
            self.trace.follow(outputs)
        else:
            self._charge(row, self.trace.follow(outputs))
        if hasattr(module, "kernel_size") and type(module).__name__.endswith("1d"):
            self.trace.slide_1d(module, inputs[0], outputs[0])
        shapes = tuple(y._array.shape for y in outputs)
        row.output_shape = shapes[0] if len(shapes) == 1 else shapes
        if next(module.children(), None) is None:
            row.activation_bytes = sum(
                y._array.nbytes for y in outputs if not any(np.may_share_memory(y._array, x._array) for x in inputs)
            )
        row.receptive_field = self.trace.field(outputs[0]) if outputs else None

    @staticmethod
    def _charge(row: LayerSummary, cost: tuple[int, int]) -> None:
        row.mult_adds += cost[0]
        row.im2col_bytes += cost[1]

    def where(self) -> str:
        """The layer that runs, in words."""
        row = self.running[-1] if self.running else None
        return f"layer {row.name!r} ({row.type})" if row is not None and row.name else "the model's own forward"

    def rows(self) -> list[LayerSummary]:
        """The rows: of layers, and of modules that own parameters or compute something by themselves."""
        called = {module for module, _ in self.calls}
        calls = list(self.calls)
        calls += [(m, LayerSummary(n, type(m).__name__, None)) for m, n in self.names.items() if m not in called]
        counted: set[int] = set()
        rows = []
        for module, row in calls:
            for parameter in _own_parameters(module):
                if id(parameter) in counted:
                    continue
                counted.add(id(parameter))
                if id(parameter) in self.frozen:
                    row.frozen += parameter._array.size
                else:
                    row.trainable += parameter._array.size
            is_leaf = next(module.children(), None) is None
            if row.trainable or row.frozen or row.mult_adds or (is_leaf and module in called):
                rows.append(row)
        return rows


def _own_parameters(module: Module) -> Iterator[Parameter]:
    return (p for _, p in module.named_parameters(recurse=False))


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in arguments or results, however nested."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for v in value for t in _tensors(v)] if isinstance(value, (list, tuple)) else []
