"""Exports a model and runs the file: by onnxruntime and by ONNX's reference evaluator, for several batch sizes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn.nn.summary import leaves_in
from tinygrad_cnn.onnx.exporting import as_model


def answers(model: Any, args: tuple[Any, ...]) -> list[np.ndarray]:
    """What the model says in evaluation mode."""
    was = [(m, m.training) for m in model.modules()]
    model.eval()
    with tg.no_grad():
        found = [np.array(x.numpy()) for x in leaves_in(model(*args)) if x is not None]
    for m, training in was:
        m.training = training
    return found


def of_batch(x: Any, dim: int | None, size: int) -> Any:
    """An input for a batch of another size."""
    a = x.numpy()
    if dim is None:
        return x
    return tg.tensor(np.roll(a, 1, dim).take(np.arange(size) % a.shape[dim], dim))


def check(
    model: Any,
    *args: Any,
    dims: Any = "auto",
    free: bool = True,
    tolerance: float = 1e-5,
    opset: int = 17,
    runtime: bool = True,
    reference: bool = True,
    sizes: tuple[int, ...] = (1, 5),
) -> Any:
    """Hold the file against the model, with inputs like these and of other batch sizes; returns the file's content."""
    import onnx
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    content = as_model(model, args, batch_dim=dims, opset=opset)
    onnx.checker.check_model(content, full_check=True)
    kept = {p.key: p.value for p in content.metadata_props}["batch"]
    assert kept.startswith("free") == free, kept
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    runs: list[Any] = [ReferenceEvaluator(content)] if reference else []
    if runtime:
        session = onnxruntime.InferenceSession(content.SerializeToString(), options, providers=["CPUExecutionProvider"])
        runs.append(session)
    names = [i.name for i in content.graph.input]
    first = args[0].shape[0] if hasattr(args[0], "shape") else None
    along = [0 if a.ndim and a.shape[0] == first else None for a in args] if dims == "auto" else dims
    along = along if isinstance(along, (list, tuple)) else [along] * len(args)
    for size in (None, *(sizes if free else ())):
        inputs = args if size is None else tuple(of_batch(x, d, size) for x, d in zip(args, along, strict=True))
        expected = answers(copy.deepcopy(model), inputs)
        for run in runs:
            found = run.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})
            assert len(found) == len(expected)
            for y, z in zip(found, expected, strict=True):
                assert y.shape == z.shape, (y.shape, z.shape)
                assert y.dtype == z.dtype, (y.dtype, z.dtype)
                scale = (
                    max(1.0, float(np.abs(np.where(np.isfinite(z), z, 0)).max(initial=0))) if z.dtype.kind == "f" else 1
                )
                np.testing.assert_allclose(y, z, rtol=tolerance, atol=tolerance * scale)
    return content
