"""The node tests that come in the onnx package: which there are, and whether the module that we make of one passes."""

from __future__ import annotations

import collections
import functools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

import tinygrad_cnn as tg
from tinygrad_cnn.onnx.reading.operators.table import OPERATORS
from tinygrad_cnn.onnx.reading.tensors import DTYPES


class Case(NamedTuple):
    name: str
    model: Any
    data: list[tuple[list[Any], list[Any]]]
    rtol: float
    atol: float

    @property
    def operators(self) -> set[str]:
        """All operators in its graph, also in branches and loops."""
        return set(_operators(self.model.graph))


def _operators(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
        for attribute in node.attribute:
            if attribute.type == attribute.GRAPH:
                yield from _operators(attribute.g)


@functools.cache
def cases() -> list[Case]:
    """All node tests of the installed onnx package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = load_model_tests(kind="node")
    return [Case(c.name, c.model, c.data_sets, c.rtol, c.atol) for c in found]


RANDOM = "draws random numbers: shapes and dtypes alone are compared"
NOT_IMPORTED = {  # operators, and why not
    **dict.fromkeys(
        ("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"), "texts, not numbers"
    ),
    **dict.fromkeys(
        ("SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceLength", "SequenceMap",
         "SplitToSequence"),
        "lists of tensors as values",
    ),
    **dict.fromkeys(("Optional", "OptionalGetElement", "OptionalHasElement"), "values that may be nothing"),
    **dict.fromkeys(
        ("ai.onnx.ml.ArrayFeatureExtractor", "ai.onnx.ml.Binarizer", "ai.onnx.ml.LabelEncoder",
         "ai.onnx.ml.TreeEnsemble"),
        "classical machine learning, another domain",
    ),
    **dict.fromkeys(
        ("ai.onnx.preview.training.Adagrad", "ai.onnx.preview.training.Adam", "ai.onnx.preview.training.Momentum"),
        "optimizers as operators: ours are in tg.optim",
    ),
    "ai.onnx.preview.FlexAttention": "a preview, with functions for scores",
    "CausalConvWithState": "of opset 27, one family of language models; its own expansion runs",
    "LinearAttention": "of opset 27, one family of language models; its own expansion runs",
    "DeformConv": "no layer of ours samples a convolution's windows at learned places",
    "ImageDecoder": "compressed images, not numbers",
    "RoiAlign": "no layer of ours pools regions",
}  # fmt: skip
DRAWS = {"Bernoulli", "RandomUniformLike", "RandomNormalLike", "RandomUniform", "RandomNormal"}
ROUNDED = {  # expected values that are a rounding error where the true ones are 0
    "test_dft_inverse": 1e-6,
    "test_dft_inverse_opset19": 1e-6,
}


def supported() -> set[str]:
    """The operators that we import, and Constant, which is read."""
    return {f"{domain}.{name}" if domain else name for domain, name in OPERATORS if domain != "function"}


def left_out(case: Case) -> str:
    """Why a test is not run, or ""."""
    missing = sorted(case.operators - supported())
    if missing:
        return f"{missing[0]}: {NOT_IMPORTED.get(missing[0], 'not imported, without a reason')}"
    kinds = {value.type.WhichOneof("value") for value in (*case.model.graph.input, *case.model.graph.output)}
    if kinds - {"tensor_type"}:
        return "a value is a list of tensors, or may be nothing"
    foreign = sorted(set(_dtypes(case.model.graph)) - {*DTYPES})
    if foreign:
        return f"a Tensor does not hold {onnx.TensorProto.DataType.Name(foreign[0]).lower()}"
    return ""


def _dtypes(graph: Any) -> Iterator[int]:
    """The dtypes that a graph declares or names."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.type.tensor_type.elem_type
    yield from (tensor.data_type for tensor in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in ("to", "dtype", "output_dtype", "output_datatype") and attribute.i:
                yield attribute.i
            if attribute.type == attribute.TENSOR:
                yield attribute.t.data_type
            if attribute.type == attribute.GRAPH:
                yield from (code for code in _dtypes(attribute.g) if code)


def draws(case: Case) -> bool:
    """Are the expected values random ones?"""
    return (
        bool(case.operators & DRAWS)
        or (case.name.startswith("test_training_dropout") and "zero_ratio" not in case.name)
        or case.name.startswith("test_bernoulli")
    )


def array_in_test(value: Any) -> Any:
    """The array of an input or output of a test."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def run(case: Case) -> None:
    """Load the model of a test and hold what it gives against what is expected; an error if it differs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{case.name}.onnx"
        onnx.save(case.model, path)
        model = tg.onnx.load(path)
    for inputs, outputs in case.data:
        present = [name.name for name in case.model.graph.input]
        given = {name: array_in_test(value) for name, value in zip(present, inputs, strict=False)}
        with np.errstate(all="ignore"), tg.no_grad():
            result = model(**given)
        results = result if isinstance(result, tuple) else (result,)
        assert len(results) == len(outputs), f"{len(outputs)} outputs expected, got {len(results)}"
        for got, expected in zip(results, outputs, strict=True):
            array, wanted = got.numpy(), array_in_test(expected)
            assert array.dtype == wanted.dtype, f"dtype {wanted.dtype} expected, got {array.dtype}"
            assert array.shape == wanted.shape, f"shape {wanted.shape} expected, got {array.shape}"
            if not draws(case):
                np.testing.assert_allclose(array, wanted, case.rtol, max(case.atol, ROUNDED.get(case.name, 0.0)))


def report() -> str:
    """How many tests there are, pass and are left out, and why."""
    passed, reasons = 0, collections.Counter[str]()
    for case in cases():
        reason = left_out(case)
        if reason:
            reasons[reason] += 1
        else:
            run(case)
            passed += 1
    lines = [
        f"{passed} of the {len(cases())} node tests of onnx {onnx.__version__} pass, {len(supported())} operators;"
        " left out:"
    ]
    return "\n".join(lines + [f"{n:5} {reason}" for reason, n in sorted(reasons.items())])


if __name__ == "__main__":
    print(report())
