"""The node tests that come in the onnx package: which there are, and whether the module that we make of one passes it."""

from __future__ import annotations

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
from tinygrad_cnn.onnx.operators.table import OPERATORS


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


def supported() -> set[str]:
    """The operators that we import, and Constant, which is read."""
    return {f"{domain}.{name}" if domain else name for domain, name in OPERATORS} | {"Constant"}


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def run(case: Case) -> None:
    """Load the model of a test and hold what it gives against what is expected; AssertionError or ours if it differs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{case.name}.onnx"
        onnx.save(case.model, path)
        model = tg.onnx.load(path)
    for inputs, outputs in case.data:
        present = [name.name for name in case.model.graph.input]
        given = {name: _array(value) for name, value in zip(present, inputs, strict=False)}
        with np.errstate(all="ignore"), tg.no_grad():
            result = model(**given)
        results = result if isinstance(result, tuple) else (result,)
        assert len(results) == len(outputs), f"{len(outputs)} outputs expected, got {len(results)}"
        for got, expected in zip(results, outputs, strict=True):
            array, wanted = got.numpy(), _array(expected)
            assert array.dtype == wanted.dtype, f"dtype {wanted.dtype} expected, got {array.dtype}"
            assert array.shape == wanted.shape, f"shape {wanted.shape} expected, got {array.shape}"
            np.testing.assert_allclose(array, wanted, case.rtol, case.atol)
