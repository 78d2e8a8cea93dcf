"""A file of ONNX, read: parsed and checked by the onnx package, sizes held against the file, operators looked up.

Nothing is computed here. A file that asks for terabytes in a ConstantOfShape gets them when somebody calls the model,
or not at all; what reading takes is bounded by the file's size.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from ..needed import the_package
from . import operators as operators  # fills the table
from .operators.table import NEWEST, OLDEST, OPERATORS, Known
from .steps import Body, Declared, Reference, Step
from .tensors import DTYPES, array_in
from .wire import check_cost

MAX_DEPTH = 50  # bodies within bodies, and functions that call functions
_DOMAINS = {"ai.onnx": ""}


def read_program(path: str | os.PathLike[str]) -> Body:
    """The graph in a file."""
    where = os.fspath(path)
    if not os.path.exists(where):
        raise FileNotFoundError(f"onnx.load: there is no file {where!r} (looked from {os.getcwd()!r})")
    the_package()
    with naming(where):
        if not os.path.isfile(where):
            raise ValueError("it is no regular file")
        return _Reader(_parsed(where), os.path.dirname(os.path.abspath(where))).program()


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Whatever goes wrong within is a ValueError that names the file."""
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:  # protobuf's, the checker's, Python's own about what is not as it should be
        said = " ".join(str(error).split())[:500] or type(error).__name__
        raise ValueError(f"onnx.load: {where!r} cannot be read: {said}") from error


def _parsed(where: str) -> Any:
    """The model in a file, checked."""
    if not os.path.getsize(where):
        raise ValueError("the file is empty")
    with open(where, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        check_cost(data)
    model = the_package().ModelProto()
    model.ParseFromString(Path(where).read_bytes())
    check = the_package().checker.check_model
    unsaid = list(_without_shape(model.graph))
    if not unsaid:
        check(where)  # by its path: it looks for external data beside the file
        return model
    outside = [(tensor, type(tensor).FromString(tensor.SerializeToString())) for tensor in _outside(model)]
    for value in unsaid:  # a shape that is not known is a fault to the checker; writers leave it out all the same
        value.type.tensor_type.shape.SetInParent()
    for tensor, _ in outside:  # which it would look for in the working directory; `array_in` looks beside the file
        tensor.CopyFrom(type(tensor)(name=tensor.name, data_type=tensor.data_type, dims=[0]))
    check(model)
    for value in unsaid:
        value.type.tensor_type.ClearField("shape")
    for tensor, was in outside:
        tensor.CopyFrom(was)
    return model


def _graphs(nodes: Any) -> Iterator[Any]:
    """The graphs among the attributes of nodes, and those within them."""
    for node in nodes:
        for a in node.attribute:
            if a.type == a.GRAPH:
                yield a.g
                yield from _graphs(a.g.node)


def _without_shape(graph: Any) -> Iterator[Any]:
    """The inputs and outputs of graphs whose shape is not said."""
    for g in (graph, *_graphs(graph.node)):
        for value in (*g.input, *g.output):
            if value.type.WhichOneof("value") == "tensor_type" and not value.type.tensor_type.HasField("shape"):
                yield value


def _outside(model: Any) -> Iterator[Any]:
    """The tensors whose numbers lie in files of their own."""
    parts = (model.graph, *model.functions)
    graphs = [model.graph, *(g for part in parts for g in _graphs(part.node))]
    yield from (t for g in graphs for t in g.initializer if t.data_location == t.EXTERNAL)
    for node in (node for part in (*graphs, *model.functions) for node in part.node):
        yield from (a.t for a in node.attribute if a.type == a.TENSOR and a.t.data_location == a.t.EXTERNAL)


class _Reader:
    """Turns protobuf's messages into a `Body`."""

    def __init__(self, model: Any, folder: str) -> None:
        self.model, self.folder = model, folder
        self.functions = {(f.domain, f.name, getattr(f, "overload", "")): f for f in model.functions}
        self.read: dict[
            tuple[str, str, str], dict[str, Any]
        ] = {}  # functions, once each, however often they are called
        self.open: list[tuple[str, str, str]] = []  # those that are being read

    def program(self) -> Body:
        opsets = self._opsets(self.model.opset_import)
        if not {*opsets} & {""} and not self.functions:
            raise ValueError("it does not say which opset of ai.onnx it uses")
        return self._body(self.model.graph, opsets, 0)

    def _opsets(self, entries: Any) -> dict[str, int]:
        """The opset of each domain."""
        opsets = {_DOMAINS.get(entry.domain, entry.domain): int(entry.version) for entry in entries}
        version = opsets.get("", OLDEST)
        if not 1 <= version <= NEWEST:
            raise ValueError(f"it uses opset {version}; opsets {OLDEST} to {NEWEST} are read")
        return opsets

    def _body(self, graph: Any, opsets: dict[str, int], depth: int) -> Body:
        if depth > MAX_DEPTH:
            raise ValueError(f"graphs lie within each other more than {MAX_DEPTH} deep")
        if graph.sparse_initializer:
            raise ValueError(f"graph {graph.name!r} has sparse initializers, which are not supported; save them dense")
        weights = {_text(tensor.name): array_in(tensor, self.folder) for tensor in graph.initializer}
        if "" in weights:
            raise ValueError("an initializer has no name")
        declared = [_declared(value) for value in graph.input]
        steps, constants = self._steps(graph.node, opsets, depth)
        return Body(
            _text(graph.name),
            tuple(d.name for d in declared if depth or d.name not in weights),
            _texts(value.name for value in graph.output),
            steps,
            constants,
            weights,
            declared=tuple(declared),
        )

    def _steps(self, nodes: Any, opsets: dict[str, int], depth: int) -> tuple[tuple[Step, ...], dict[str, ndarray]]:
        steps, constants = [], {}
        for node in nodes:
            domain = _DOMAINS.get(node.domain, _text(node.domain))
            attributes = {_text(a.name): self._attribute(a, opsets, depth) for a in node.attribute}
            if (domain, node.op_type) == ("", "Constant") and not any(
                isinstance(value, Reference) for value in attributes.values()
            ):
                constants[_text(node.output[0])] = _constant(node, attributes)
            else:
                steps.append(self._step(node, domain, opsets, attributes, depth))
        return tuple(steps), constants

    def _step(self, node: Any, domain: str, opsets: dict[str, int], attributes: dict[str, Any], depth: int) -> Step:
        version = opsets.get(domain, 0)
        if not domain and version < OLDEST and not _unchanged(node.op_type, version):
            raise ValueError(
                f"operator {node.op_type} of opset {version} is not read; convert the model to opset {OLDEST} or later"
            )
        outputs = _texts(node.output)
        name = _text(node.name) or next(filter(None, outputs), node.op_type)
        key = (node.domain, _text(node.op_type), getattr(node, "overload", ""))
        function: Callable[..., Any]
        if key in self.functions:
            attributes = {**self._function(key, depth), **attributes}
            function = Known("function", "call")
        elif (domain, node.op_type) in OPERATORS:
            function = Known(domain, node.op_type)
        else:
            said = f"{domain}.{node.op_type}" if domain else node.op_type
            raise ValueError(
                f"node {name!r} is of the operator {said} (opset {version}), which is not supported; "
                "docs/interchange.md lists those that are"
            )
        step = Step(node.op_type, domain, version, name, _texts(node.input), outputs, attributes, function)
        inner = (n for key, v in attributes.items() if key and isinstance(v, Body) for n in v.free())
        return replace(step, reads=tuple(dict.fromkeys((*filter(None, step.inputs), *inner))))

    def _function(self, key: tuple[str, str, str], depth: int) -> dict[str, Any]:
        """A function that the model brings along: the defaults of its attributes, and under "" its body."""
        if key in self.open:
            raise ValueError(f"function {key[1]!r} calls itself")
        if len(self.open) + depth > MAX_DEPTH:
            raise ValueError(f"functions call each other more than {MAX_DEPTH} deep")
        if key not in self.read:
            f = self.functions[key]
            self.open.append(key)
            opsets = {**self._opsets(self.model.opset_import), **self._opsets(f.opset_import)}
            steps, constants = self._steps(f.node, opsets, depth)
            defaults = {_text(a.name): self._attribute(a, opsets, depth) for a in f.attribute_proto}
            self.read[key] = {**defaults, "": Body(_text(f.name), _texts(f.input), _texts(f.output), steps, constants)}
            self.open.pop()
        return self.read[key]

    def _attribute(self, a: Any, opsets: dict[str, int], depth: int) -> Any:
        """The value of an attribute."""
        if a.ref_attr_name:
            return Reference(_text(a.ref_attr_name))
        kind = a.type
        if kind == a.FLOAT:
            return float(a.f)
        if kind == a.INT:
            return int(a.i)
        if kind == a.STRING:
            return a.s.decode()
        if kind == a.TENSOR:
            return array_in(a.t, self.folder)
        if kind == a.GRAPH:
            return self._body(a.g, opsets, depth + 1)
        if kind in (a.FLOATS, a.INTS):
            return tuple(a.floats if kind == a.FLOATS else a.ints)
        if kind == a.STRINGS:
            return tuple(s.decode() for s in a.strings)
        raise ValueError(f"attribute {a.name!r} is a sparse tensor, a type or a list of graphs: not supported")


def _text(value: Any) -> str:
    """A name; protobuf hands out bytes that are no text as they are."""
    if not isinstance(value, str):
        raise ValueError(f"a name in it is no text: {value!r}")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _unchanged(operator: str, version: int) -> bool:
    """Is an operator of an old opset the same in the oldest that is read?"""
    schema = the_package().defs.get_schema
    return bool(schema(operator, version).since_version == schema(operator, OLDEST).since_version)


def _constant(node: Any, attributes: dict[str, Any]) -> ndarray:
    """The value of a Constant node."""
    if len(attributes) != 1 or len(node.output) != 1:
        raise ValueError(f"the constant {node.name!r} must have one value and one name")
    ((name, value),) = attributes.items()
    if name == "value" and isinstance(value, ndarray):
        return value
    if name in ("value_int", "value_ints") and isinstance(value, (int, tuple)):
        return np.array(value, np.int64)
    if name in ("value_float", "value_floats") and isinstance(value, (float, tuple)):
        return np.array(value, np.float32)
    raise ValueError(f"the constant {node.name!r} is {name}, which is not supported")


def _declared(value: Any) -> Declared:
    """What the file says of an input."""
    kind = value.type.WhichOneof("value")
    if kind not in (None, "tensor_type"):
        raise ValueError(f"input {value.name!r} is a {str(kind).removesuffix('_type')}, not a tensor")
    tensor = value.type.tensor_type
    dtype = DTYPES.get(tensor.elem_type)
    if kind and tensor.elem_type and dtype is None:
        raise ValueError(f"input {value.name!r} is of a dtype that a Tensor does not hold")
    if not kind or not tensor.HasField("shape"):
        return Declared(_text(value.name), dtype, None)
    sizes = [
        d.dim_value if d.WhichOneof("value") == "dim_value" else _text(d.dim_param) or "?" for d in tensor.shape.dim
    ]
    return Declared(_text(value.name), dtype, tuple(sizes))
