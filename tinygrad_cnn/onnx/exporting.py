"""A model as an ONNX file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..io.atomic import replace_file
from ..nn.module import Module
from ..programs import Extent, Program, Step, Value, record
from .graph import Graph, Made, Untranslatable, type_of
from .needed import the_package
from .operators import TABLE

_OPSETS = range(17, 22)
_LARGEST = 2**31 - 1  # bytes of a protobuf message
_FLOAT32_ALONE = {
    *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "AveragePool", "Conv", "ConvTranspose", "Cosh", "Elu", "Erf"),
    *("GRU", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "GridSample", "HardSigmoid", "HardSwish"),
    *("InstanceNormalization", "LSTM", "RNN", "Selu", "Sinh", "Softplus", "Softsign", "Tan"),
}


def export(
    model: Module,
    example: Any,
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    batch_dim: Any = "auto",
    opset: int = 17,
) -> None:
    """Write a model, as it computes in evaluation mode, into an ONNX file.

    The model is called a few times with inputs like the example (`programs.record`), and left as it was. The file holds
    for every batch size, where the model does; weights are under their names in the state_dict, nodes under the names
    of their modules ("features.0/Conv"), with the user's line as doc string. Before it is written it is checked by
    ``onnx.checker``; then it takes the place of an old file whole or not at all.

    Args:
        model: any Module whose operations ONNX knows.
        example: what to call it with: a tensor or array; a tuple or list of arguments; a dict of keyword arguments.
        path: of the file to write; its folder must be there.
        input_names: names for the inputs, in order; by default those of the arguments of the model's ``forward``.
        output_names: names for the outputs; by default "output", or "output_0", ..., or the keys of a dict.
        batch_dim: the dimension of the inputs that holds the batch, see `programs.record`: by default 0, where that
            works; a number or a tuple of one for each input; None for a file that takes the example's size alone.
        opset: the version of ONNX's operators, 17 to 21.

    Raises:
        ImportError: the package onnx is missing. TypeError, ValueError: arguments that do not fit.
        RuntimeError: operations that ONNX lacks, all of them, with their modules and lines; or a computation that
            depends on the input where no operation sees it. Nothing is written then.

    >>> import tinygrad_cnn as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.ReLU())
    >>> tg.onnx.export(net, tg.zeros(1, 4), "net.onnx")  # doctest: +SKIP
    """
    the_package()
    if type(opset) is not int or opset not in _OPSETS:
        raise ValueError(f"export: opset must be one of {_OPSETS[0]} to {_OPSETS[-1]}, got {opset!r}")
    content = as_model(model, example, input_names, output_names, batch_dim, opset)
    if content.ByteSize() > _LARGEST:
        raise ValueError(f"export: the file would have {content.ByteSize()} bytes; ONNX files end at 2 GB")
    the_package().checker.check_model(content, full_check=True)
    replace_file(path, content.SerializeToString())


def as_model(
    model: Module,
    example: Any,
    input_names: Any = None,
    output_names: Any = None,
    batch_dim: Any = "auto",
    opset: int = 17,
) -> Any:
    """What `export` writes, as an ``onnx.ModelProto``."""
    args: tuple[Any, ...] = ()
    named: dict[str, Any] = {}
    if isinstance(example, Mapping):
        named = dict(example)
    elif isinstance(example, (tuple, list)):
        args = tuple(example)
    else:
        args = (example,)
    program = record(model, *args, batch_dim=batch_dim, **named)
    for value, name in zip(program.inputs, _names(input_names, [v.name for v in program.inputs], "input"), strict=True):
        value.name = name
    own = getattr(model, "output_names", None) if output_names is None else None  # of a model that came from a file
    given = own if own is not None and len(own) == len(program.outputs) else output_names
    program.output_names = _names(given, program.output_names, "output")
    return _model(program, opset)


def _names(given: Sequence[str] | None, found: list[str], what: str) -> list[str]:
    """The names of inputs or outputs."""
    if given is None:
        return found
    names = [given] if isinstance(given, str) else list(given)
    if len(names) != len(found) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            f"export: {what}_names must hold {len(found)} names, one for each {what} ({', '.join(found)}), got "
            f"{names!r}"
        )
    if len(set(names)) != len(names):
        raise ValueError(f"export: {what}_names must differ from each other, got {names!r}")
    return names


def _model(program: Program, opset: int) -> Any:
    helper, numpy_helper = the_package().helper, the_package().numpy_helper
    graph = Graph(program, opset)
    for value in program.inputs:
        graph.call(value, graph.claim(value.name))
    outputs = [(value, graph.claim(name)) for value, name in zip(program.outputs, program.output_names, strict=True)]
    missing: list[str] = []
    for step in program.steps:
        try:
            if step.op not in TABLE:
                raise Untranslatable
            if not missing:
                graph.translate(step, TABLE[step.op])
        except Untranslatable as error:
            missing.append(_told(step, str(error)))
    if missing:
        raise RuntimeError(
            f"export: ONNX (opset {opset}) has no operators for\n  " + "\n  ".join(dict.fromkeys(missing)) + "\n"
            "compute these outside of the model, or with other operations"
        )
    written = graph.finish(outputs)
    _warn_of_float64(program, written)
    nodes = [
        helper.make_node(n.op, n.inputs, n.outputs, name=n.name, doc_string=n.line or None, **n.attributes)
        for n in written
    ]
    content = helper.make_graph(
        nodes,
        program.model,
        [_described(helper, value, graph.name(value)) for value in program.inputs],
        [_described(helper, value, name) for value, name in outputs],
        [_array(numpy_helper, a, name) for name, a in graph.initializers.items()],
    )
    made = helper.make_model(
        content, opset_imports=[helper.make_opsetid("", opset)], producer_name="tinygrad_cnn", ir_version=_ir(opset)
    )
    helper.set_model_props(made, {"batch": "free" if program.free else f"fixed: {program.fixed_because or 'as asked'}"})
    return made


def _warn_of_float64(program: Program, nodes: list[Made]) -> None:
    """Say once which operators onnxruntime runs in float32 alone: the file is right, and does not run there."""
    doubles = any(value.dtype == np.float64 for value in program.known + program.inputs)
    found = sorted({node.op for node in nodes if node.op in _FLOAT32_ALONE}) if doubles else []
    if found:
        warnings.warn(
            f"export: onnxruntime's CPU has no float64 for {', '.join(found)} (version 1.32); the file is right, but "
            "to run it there export the model in float32: model.float()",
            stacklevel=4,
        )


def _array(numpy_helper: Any, a: Any, name: str) -> Any:
    return numpy_helper.from_array(np.ascontiguousarray(a).reshape(a.shape), name)


def _ir(opset: int) -> int:
    """The version of the file's form that goes with an opset."""
    return {17: 8, 18: 8, 19: 9, 20: 9, 21: 10}[opset]


def _told(step: Step, why: str) -> str:
    where = f" in {step.module} ({step.type})" if step.module else f" in {step.type}" if step.type else ""
    return f"{step.op}{where}{f', {step.line}' if step.line else ''}{f': {why}' if why else ''}"


def _described(helper: Any, value: Value, name: str) -> Any:
    shape = [str(n).replace(" ", "") if isinstance(n, Extent) else int(n) for n in value.shape]
    return helper.make_tensor_value_info(name, type_of(value.dtype), shape)
