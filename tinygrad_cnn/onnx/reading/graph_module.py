"""A file of ONNX as a module: `load`, and the tree of modules that it makes of names."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy import ndarray

from ...autograd.graph import array_of
from ...nn.parameter import Parameter
from ...tensors import Tensor
from .files import naming, read_program
from .running import as_tensor
from .sections import Call, Section, Weights, section_of
from .steps import Body, Declared, Step

MAX_PARTS = 24  # of a dotted name; what follows stays one part
MAX_COPIES = 1 << 24  # bytes of weights that a file names by reference and that become tensors of their own
SETTINGS = {  # inputs that are no weights, whatever their dtype
    "BatchNormalization": (3, 4), "Clip": (1, 2), "Dropout": (1,), "DequantizeLinear": (1, 2), "OneHot": (2,),
    "Pad": (2,), "Pow": (1,), "QuantizeLinear": (1, 2), "Range": (0, 1, 2), "Resize": (1, 2), "Upsample": (1,),
}  # fmt: skip
_NOT_TRAINED = re.compile(r"(.*[./])?(running_mean|running_var|num_batches_tracked|constant(_\d+)?)")  # by their names
_WRITTEN = re.compile(r"(?!(val|scalar|const|c)_)[A-Za-z_]\w*(\.\w+)*")  # a name that a person gave


def load(path: str | os.PathLike[str]) -> GraphModule:
    """A file of ONNX as a module, whose operations are ours: it can be drawn, summarised and trained on.

    Floating initializers become parameters under their own names, dots kept (``features.0.weight``), but for the
    statistics of batch-norm and what else is a setting; those and all other initializers are buffers. The modules are
    those that the names of nodes and weights tell of: "/features/features.0/Conv" and "features.0/Conv" both belong to
    ``features.0``. A child can be replaced: ``model.fc = nn.Linear(512, 10)``.

    The module comes in evaluation mode, unless a node of the file is in training mode. After ``train()`` dropout drops,
    and batch-norm uses the batch and moves its statistics.

    Args:
        path: the file; data that lie in files of their own are found in and below its folder, and nowhere else.

    Returns:
        A `GraphModule`. It takes the graph's inputs, Tensors or arrays, by position or by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or no ONNX, or uses what is not supported: names the file, node and operator.
        ImportError: the package onnx is not there.

    >>> import tempfile, os, onnx
    >>> from onnx import TensorProto, helper, numpy_helper
    >>> x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in "xy")
    >>> weight = numpy_helper.from_array(np.array([[1, 2]], np.float32), "fc.weight")
    >>> node = helper.make_node("Gemm", ["x", "fc.weight"], ["y"], "fc/Gemm", transB=1)
    >>> graph = helper.make_graph([node], "net", [x], [y], [weight])
    >>> path = os.path.join(tempfile.mkdtemp(), "net.onnx")
    >>> onnx.save(helper.make_model(graph), path)
    >>> model = load(path)
    >>> model(np.array([[3, 4]], np.float32)).tolist(), [name for name, _ in model.named_parameters()]
    ([[11.0]], ['fc.weight'])
    """
    body = read_program(path)
    with naming(os.fspath(path)):
        return GraphModule(body)


class GraphModule(Section):
    """The graph of a file of ONNX (see `load`).

    Attributes:
        input_names, output_names: of the graph, in order.
    """

    def __init__(self, body: Body) -> None:
        super().__init__(Weights())
        self.input_names, self.output_names = body.inputs, body.outputs
        self._declared = tuple(d for d in body.declared if d.name in body.inputs)
        self._optional = frozenset(d.name for d in body.declared) - {*body.inputs}  # weights with a name as inputs
        body = untied(body)
        place_weights(self, body)
        _Planner(self._weights, body).plan(self)
        self.train(any(_trains(step, body) for step in body.all_steps()))

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Its outputs: a Tensor, or a tuple of several."""
        values = self._checked(inputs, named)
        shapes = {name: tuple(array_of(x).shape) for name, x in values.items()}
        try:
            outputs = tuple(as_tensor(x) for x in self._run(values))
        except ValueError as error:
            wrong = [f"{d} came as {shapes[d.name]}" for d in self._declared if not _fits(shapes[d.name], d.shape)]
            if wrong and "the file declares" not in str(error):
                raise ValueError(f"{error}; the file declares {', '.join(wrong)}") from error
            raise
        return outputs[0] if len(outputs) == 1 else outputs

    def _checked(self, inputs: Sequence[Any], named: dict[str, Any]) -> dict[str, Any]:
        """The inputs by name, as Tensors."""
        takes = f"the graph takes {', '.join(map(str, self._declared)) or 'no inputs'}"
        if len(inputs) > len(self.input_names):
            raise TypeError(f"{len(inputs)} inputs came by position; {takes}")
        values = dict(zip(self.input_names, inputs, strict=False))
        for name, x in named.items():
            if name in values:
                raise TypeError(f"input {name!r} came twice, by position and by name; {takes}")
            if name not in self.input_names and name not in self._optional:
                raise TypeError(f"there is no input {name!r}; {takes}")
            values[name] = x
        missing = [name for name in self.input_names if name not in values]
        if missing:
            raise TypeError(f"input {missing[0]!r} is missing; {takes}")
        by_name = {d.name: d for d in self._declared}
        return {name: _checked_input(x, by_name.get(name, Declared(name, None, None))) for name, x in values.items()}

    def _convert(self, change: Callable[[Tensor], Tensor]) -> GraphModule:
        """The constants as well: operators of ONNX take numbers of one dtype."""
        constants = self._weights.constants
        constants.update((name, array_of(change(Tensor(a)))) for name, a in constants.items())
        return super()._convert(change)

    def extra_repr(self) -> str:
        """Names of what goes in and out."""
        return f"{', '.join(self.input_names)} -> {', '.join(self.output_names)}"


def _checked_input(x: Any, declared: Declared) -> Tensor:
    """One input as a Tensor, of the declared kind of numbers and number of dimensions."""
    if not isinstance(x, (Tensor, ndarray)):
        x = np.asarray(x, declared.dtype)
    kind = array_of(x).dtype.kind
    wanted = "?" if declared.dtype is None else np.dtype(declared.dtype).kind
    if wanted != "?" and ("i" if kind == "u" else kind) != ("i" if wanted == "u" else wanted):
        raise TypeError(
            f"input {declared} came with dtype {array_of(x).dtype}; give it as .astype({str(declared.dtype)!r}) if its "
            "values are right"
        )
    if declared.shape is not None and array_of(x).ndim != len(declared.shape):
        raise ValueError(
            f"input {declared} came with {array_of(x).ndim} dimensions, shape {tuple(array_of(x).shape)}: "
            f"expected {len(declared.shape)}"
        )
    return x if isinstance(x, Tensor) else Tensor(x)


def _fits(shape: tuple[int, ...], declared: tuple[int | str, ...] | None) -> bool:
    return declared is None or all(isinstance(d, str) or n == d for n, d in zip(shape, declared, strict=True))


def _trains(step: Step, body: Body) -> bool:
    """Does the file itself say that this step is one of training?"""
    if step.operator == "Dropout" and len(step.inputs) > 2:
        mode = {**body.constants, **body.weights}.get(step.inputs[2])
        return mode is not None and bool(mode.any())
    return step.operator == "BatchNormalization" and bool(step.get("training_mode"))


# ----------------------------------------------------------------------------------------------------------- weights
def untied(body: Body) -> Body:
    """Without the Identity nodes of weights, by which PyTorch writes weights of equal values once.

    Each name gets a tensor of its own, as it was in PyTorch (where a layer that is used twice needs no such node), up
    to a bound, so that a small file cannot ask for much; beyond it they are one weight under several names.
    """
    weights, same, steps = dict(body.weights), dict(body.same), []
    inputs = {d.name for d in body.declared}  # a weight with a name as an input may be given from outside
    room = MAX_COPIES
    for step in body.steps:
        name = step.inputs[0] if step.operator == "Identity" and not step.domain and step.inputs else ""
        origin = same.get(name, name)
        if origin not in weights or origin in inputs or step.outputs[0] in body.outputs:
            steps.append(step)
            continue
        array = weights[origin]
        if array.dtype.kind == "f" and array.nbytes <= room:
            weights[step.outputs[0]] = array.copy()
            room -= array.nbytes
        else:
            same[step.outputs[0]] = origin
    return replace(body, steps=tuple(steps), weights=weights, same=same)


def place_weights(root: Section, body: Body) -> None:
    """Put the initializers into the tree, as parameters and buffers."""
    settings = {
        step.inputs[i] for step in body.all_steps() for i in SETTINGS.get(step.operator, ()) if i < len(step.inputs)
    }
    for name, array in body.weights.items():
        module, attribute = _place(root, name)
        literal = _NOT_TRAINED.fullmatch(name) or (not array.ndim and not _WRITTEN.fullmatch(name))
        if array.dtype.kind == "f" and name not in settings and not literal:
            module.register_parameter(attribute, Parameter(array))
        else:
            module.register_buffer(attribute, Tensor(array))
        root._weights.places[name] = (module, attribute)
    for name, origin in body.same.items():
        root._weights.places[name] = root._weights.places[origin]
    root._weights.constants.update(body.constants)


def _parts(name: str) -> list[str]:
    found = [part for part in name.split(".") if part]
    return found[:MAX_PARTS] + (["_".join(found[MAX_PARTS:])] if len(found) > MAX_PARTS else [])


def _place(root: Section, name: str) -> tuple[Section, str]:
    """The module and the attribute for a weight's name."""
    *path, last = _parts(name) or ["_"]
    module = child_at(root, path)
    while hasattr(module, last):  # a method's name, say, or another weight's that differs in dots
        last += "_"
    return module, last


def child_at(module: Section, path: Sequence[str], kind: type[Section] = Section) -> Section:
    """The module at a path, made where it is not there yet."""
    for part in path:
        module = getattr(module, named_child(module, part, kind))
    return module


def named_child(module: Section, part: str, kind: type[Section] = Section) -> str:
    """The name of a child, which is made where it is not there yet; a name that is taken gets a "_"."""
    while part not in module._modules:
        if not hasattr(module, part):
            module.add_module(part, kind(module._weights))
            return part
        part += "_"
    return part


# ----------------------------------------------------------------------------------------------------------- modules
def path_of(step: Step, weights: Weights) -> tuple[str, ...]:
    """The modules that a node's name tells of, outermost first; without any, those of its weights.

    PyTorch writes "/layer1/layer1.0/conv1/Conv", others "layer1.0.conv1/Conv": each part may repeat its parent.
    """
    *scopes, _ = step.name.split("/")
    path: list[str] = []
    before = ""
    for scope in filter(None, scopes):
        inner = scope[len(before) + 1 :] if before and scope.startswith(f"{before}.") else scope
        path += inner.split(".")
        before = scope
    if not any(scopes):
        owners = {name.rpartition(".")[0] for name in step.inputs if name in weights.places}
        path = owners.pop().split(".") if len(owners) == 1 else []
    return tuple(part for part in path if part)[:MAX_PARTS]


class _Planner:
    """Gives the steps to modules: each stretch of steps of one module is one call."""

    def __init__(self, weights: Weights, body: Body) -> None:
        self.weights, self.body, self.steps = weights, body, body.steps
        self.paths = [path_of(step, weights) for step in body.steps]
        self.readers: dict[str, list[int]] = {}
        for i, step in enumerate(body.steps):
            for name in step.reads:
                self.readers.setdefault(name, []).append(i)

    def plan(self, root: Section) -> None:
        """Plan the whole graph."""
        items = self._items(root, range(len(self.steps)), 0)
        root.plan(items, self.body.inputs, self.body.outputs)

    def _items(self, module: Section, numbers: range, depth: int) -> list[Step | Call]:
        """The steps of a stretch that are a module's own, and calls of its children for the others."""
        items: list[Step | Call] = []

        def below(i: int) -> str:
            return self.paths[i][depth] if len(self.paths[i]) > depth else ""

        for part, group in itertools.groupby(numbers, below):
            stretch = list(group)
            if not part:
                items += [self.steps[i] for i in stretch]
                continue
            items.append(self._call(module, part, range(stretch[0], stretch[-1] + 1), depth + 1))
        return items

    def _call(self, module: Section, part: str, numbers: range, depth: int) -> Call:
        """Plan a child for a stretch of steps, and say how it is called."""
        single = len(numbers) == 1 and len(self.paths[numbers[0]]) == depth
        kind = section_of(self.steps[numbers[0]].operator) if single else Section
        part = named_child(module, part, kind)
        if getattr(module, part).planned:  # it runs in several stretches: each is a module of its own
            numbered = (f"{part}_{k}" for k in itertools.count(1))
            part = named_child(module, next(name for name in numbered if not hasattr(module, name)), kind)
        child = getattr(module, part)
        if type(child) is Section:
            child.__class__ = kind
        items = self._items(child, numbers, depth)
        made = {name for i in numbers for name in self.steps[i].outputs}
        read = (name for i in numbers for name in self.steps[i].reads)
        reads = tuple(dict.fromkeys(name for name in read if name not in made and name not in self.weights))
        outputs = tuple(name for i in numbers for name in self.steps[i].outputs if name and self._leaves(name, numbers))
        child.plan(items, reads, outputs)
        return Call(part, reads, outputs)

    def _leaves(self, name: str, numbers: range) -> bool:
        """Is a value of this stretch read outside of it?"""
        return name in self.body.outputs or any(i not in numbers for i in self.readers.get(name, ()))


__all__ = ["GraphModule", "load"]
