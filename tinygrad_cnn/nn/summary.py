"""A table of a model, from one forward pass: shapes, parameters, multiply-adds, memory, receptive fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ..arrays.rng import default_generator
from ..arrays.writes import mutated
from ..autograd.modes import enable_grad, no_grad
from ..tensors import Tensor
from .compiling import as_it_is
from .layer_table import LayerSummary, ModelSummary
from .layers.conv import ConvLayer
from .layers.linear import Linear
from .module import Module
from .parameter import Parameter, is_lazy
from .tracing import Trace, convolution_cost

Shape = tuple[int, ...]


# ----------------------------------------------------------------------------------------------------------- modes
@contextmanager
def in_mode(model: Module, training: bool) -> Iterator[None]:
    """Within, all modules are in training or in evaluation mode; afterwards each is in the one it was in.

    In training, those stay in evaluation mode that the user has set to it within a model that trains.
    """
    before = [(module, module.training) for module in model.modules()]
    frozen = [module for module, mode in before if model.training and not mode] if training else []
    model.train(training)
    for module in frozen:
        module.training = False
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


def kept_in_evaluation(model: Module) -> list[str]:
    """The names, with their kinds, of modules that are in evaluation mode within one that trains."""
    found: dict[str, str] = {}
    for name, module in model.named_modules():
        within = any(name == outer or name.startswith(f"{outer}.") for outer in found)
        if name and model.training and not module.training and not within:
            found[name] = f"{name} ({type(module).__name__})"
    return list(found.values())


@contextmanager
def same_buffers(model: Module) -> Iterator[None]:
    """Afterwards the buffers are as before, whatever the model counts or averages in them."""
    put_back = kept_buffers(model)
    try:
        yield
    finally:
        put_back()


def kept_buffers(model: Module) -> Callable[[], None]:
    """Remember the buffers: what is returned puts them back, whether they were written into or replaced."""
    places = [(m, name, b) for m in model.modules() for name, b in m.named_buffers(recurse=False) if not is_lazy(b)]
    before = [(b, b._array, b._array.copy()) for b in {id(b): b for _, _, b in places}.values()]

    def put_back() -> None:
        for module, name, buffer in places:
            if "." not in name and getattr(module, name, None) is not buffer:  # with a point: it lies in a list
                setattr(module, name, buffer)
        for buffer, array, values in before:
            buffer._array = array
            if not np.array_equal(array, values, equal_nan=array.dtype.kind == "f"):
                array[...] = values
                mutated(array)

    return put_back


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Within, the model is in evaluation mode and no gradients are recorded."""
    with in_mode(model, False), no_grad():
        yield


# --------------------------------------------------------------------------------------------------------- summary
def summary(
    model: Module,
    input_size: Any = None,
    *,
    input_data: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    depth: int | None = None,
) -> ModelSummary:
    """A table of a model's layers, from one forward pass in evaluation mode. The model is left as it was.

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
            out of (C, H, W), for a model with 2-d layers, and of (F,): it is 1 then. The pass is one of zeros.
        input_data: instead of a size, what the model is to be called with: a tensor or array; a list or tuple of
            arguments; a dict of keyword arguments. Numbers and masks pass as they are, floating inputs as copies.
        batch_size: put before every shape as given, whatever it looks like.
        dtype: of the input, or a list of one for each; by default that of the model's first floating parameter.
        depth: show the calls as a tree, containers too, down to so many levels below the model; what lies deeper counts
            for the row above it. None shows one row after another.

    Raises:
        TypeError, ValueError: a size that is none, or both a size and data. RuntimeError: the forward pass failed (with
            the layer's name).

    >>> from tinygrad_cnn.nn.layers.linear import Linear
    >>> table = summary(Linear(3, 2), (5, 3))
    >>> table.parameters, table.mult_adds, table.layers[0].output_shape
    (8, 30, (5, 2))
    """
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, (int, np.integer)) or depth < 0):
        raise ValueError(f"summary: depth must be None or a number of levels >= 0, got {depth!r}")
    if not isinstance(model, Module):
        raise TypeError(f"summary: model must be an nn.Module, got {type(model).__name__}")
    args, keywords = _inputs(model, input_size, input_data, batch_size, dtype)
    inputs = tensors_in([args, keywords])
    shapes = [x._array.shape for x in inputs]
    recorder = _Recorder(model)
    with _left_as_it_was(model), in_mode(model, False), as_it_is(model), enable_grad(), ExitStack() as hooks:
        for module in model.modules():
            hooks.enter_context(module.register_forward_pre_hook(recorder.enter, with_kwargs=True))
            hooks.enter_context(module.register_forward_hook(recorder.leave, with_kwargs=True))
        for parameter in model.parameters():  # frozen ones too: the graph is what is looked at
            if parameter.dtype.kind == "f":
                parameter.requires_grad_()
        recorder.trace.start(inputs)
        try:
            model(*args, **keywords)
        except Exception as error:
            given = ", ".join(map(format, shapes))
            raise RuntimeError(
                f"summary: the forward pass with input {given} failed in {recorder.where()}: {error}"
            ) from error
    calls = recorder.finished()
    rows = [row for module, row in calls if recorder.counts(module, row)]
    return ModelSummary(type(model).__name__, shapes, rows, [row for _, row in calls], depth)


def _inputs(
    model: Module, input_size: Any, input_data: Any, batch_size: int | None, dtype: Any
) -> tuple[list[Any], dict[str, Any]]:
    """What to call the model with: arguments and keyword arguments."""
    if (input_size is None) == (input_data is None):
        raise TypeError(
            "summary: pass either input_size, such as (1, 3, 224, 224), or input_data, such as a batch of images"
        )
    if input_data is None:
        shapes = [_with_batch(shape, batch_size, model) for shape in _shapes(input_size)]
        dtypes = _dtypes(dtype, model, len(shapes))
        return [Tensor(np.zeros(shape, kind)) for shape, kind in zip(shapes, dtypes, strict=True)], {}
    if batch_size is not None or dtype is not None:
        raise TypeError("summary: batch_size and dtype belong to input_size; input_data has its own")
    if isinstance(input_data, Mapping):
        return [], {name: _own_copy(value) for name, value in input_data.items()}
    several = isinstance(input_data, (list, tuple))
    return [_own_copy(value) for value in (input_data if several else [input_data])], {}


def _own_copy(value: Any) -> Any:
    """A tensor that may be recorded and written to; lists of them too, and all else as it is."""
    if isinstance(value, (list, tuple)):
        copies = [_own_copy(one) for one in value]
        return copies if isinstance(value, list) else tuple(copies)
    if isinstance(value, Tensor):
        value = value._array
    return Tensor(value.copy()) if isinstance(value, np.ndarray) else value


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
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    bits = default_generator().numpy.bit_generator
    state = bits.state
    try:
        with same_buffers(model):
            yield
    finally:
        bits.state = state
        for parameter, requires_grad in wanted:
            parameter.requires_grad_(requires_grad)


class _Recorder:
    """Hooks that make a row of each call, and hand what was computed since the last one to the trace."""

    def __init__(self, model: Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.frozen = {id(p) for p in model.parameters() if not p.requires_grad}
        self.trace = Trace()
        self.calls: list[tuple[Module, LayerSummary]] = []
        self.running: list[LayerSummary] = []

    def enter(self, module: Module, args: Any, kwargs: Any) -> None:
        """A forward begins. What its inputs came from since the last call belongs to the module around it."""
        if self.running:
            self._charge(self.running[-1], self.trace.follow(tensors_in([args, kwargs])))
        repeated = any(module is other for other, _ in self.calls)
        level = len(self.running)
        row = LayerSummary(self.names[module], type(module).__name__, None, repeated=repeated, level=level)
        self.calls.append((module, row))
        self.running.append(row)

    def leave(self, module: Module, args: Any, kwargs: Any, output: Any) -> None:
        """A forward ends."""
        row = self.running.pop()
        inputs, outputs = tensors_in([args, kwargs]), tensors_in(output)
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

    def finished(self) -> list[tuple[Module, LayerSummary]]:
        """All calls, and modules that were not called but own parameters; each followed by what lies within it."""
        calls = list(self.calls)
        called = {module for module, _ in calls}
        for module, name in self.names.items():
            if module not in called and next(_own_parameters(module), None) is not None:
                at = self._end_of(name.rpartition(".")[0], calls)
                level = calls[at][1].level + 1
                while at + 1 < len(calls) and calls[at + 1][1].level >= level:
                    at += 1
                calls.insert(at + 1, (module, LayerSummary(name, type(module).__name__, None, level=level)))
        counted: set[int] = set()
        for module, row in calls:
            for parameter in _own_parameters(module):
                if id(parameter) in counted:
                    continue
                counted.add(id(parameter))
                if id(parameter) in self.frozen:
                    row.frozen += parameter._array.size
                else:
                    row.trainable += parameter._array.size
        return calls

    @staticmethod
    def _end_of(around: str, calls: Sequence[tuple[Module, LayerSummary]]) -> int:
        """The place of the first call of a module, or of the nearest one around it that was called."""
        places = {row.name: i for i, (_, row) in reversed(list(enumerate(calls)))}
        while around and around not in places:
            around = around.rpartition(".")[0]
        return places.get(around, 0)

    def counts(self, module: Module, row: LayerSummary) -> bool:
        """Is it a layer, or a module that owns parameters or computes something by itself?"""
        leaf = next(module.children(), None) is None and row.output_shape is not None
        return bool(row.trainable or row.frozen or row.mult_adds or leaf)


def _own_parameters(module: Module) -> Iterator[Parameter]:
    return (p for _, p in module.named_parameters(recurse=False))


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in arguments or results, however nested in lists, tuples, dicts and dataclasses."""
    return [x for x in leaves_in(value) if isinstance(x, Tensor)]


def leaves_in(value: Any) -> list[Any]:
    """What lies in it, if it is a list, tuple, dict or dataclass, and in those within; else itself."""
    if isinstance(value, Mapping):
        value = list(value.values())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    return [x for v in value for x in leaves_in(v)] if isinstance(value, (list, tuple)) else [value]
