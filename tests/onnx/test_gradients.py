"""The gradients of operators, on the inputs of ONNX's node tests, held against differences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: its node tests come with it")

import onnx

import tinygrad_cnn as tg
from tests.onnx.node_tests import array_in_test, cases, draws, left_out

STEP = 1e-6
AT_A_KINK = (  # the inputs of these tests lie where a slope jumps, or ties are shared
    r"elu_example|selu_example|leakyrelu_example|thresholdedrelu|floor_example|round|sign|l2normalization_axis_0|"
    r"maxpool_3d_dilations|reduce_(min|max)_default_axes_keepdims_example|gridsample"
)
SETTINGS = r"batchnorm|clip_|constant_pad|range|resize|upsample|training_dropout|quant"  # inputs that are no variables
OTHERS = r"cast|expanded"  # bits; the same once more

CHOSEN = [
    case
    for case in cases()
    if not (left_out(case) or draws(case) or re.search(f"{AT_A_KINK}|{SETTINGS}|{OTHERS}", case.name))
    and any(array_in_test(x).dtype == np.float32 and array_in_test(x).size for x in case.data[0][0])
]


@pytest.mark.parametrize("part", range(4))
def test_gradients_of_node_tests(part: int, tmp_path: Path) -> None:
    """In double precision, along a random direction: every sixth test, a quarter at a time."""
    rng, counted = np.random.default_rng(part), 0
    for case in CHOSEN[part * 6 :: 24]:
        onnx.save(case.model, tmp_path / "net.onnx")
        model = tg.onnx.load(tmp_path / "net.onnx")
        names = [value.name for value in case.model.graph.input]
        given = {name: array_in_test(x) for name, x in zip(names, case.data[0][0], strict=False)}
        floats = {n: x.astype(np.float64) for n, x in given.items() if x.dtype == np.float32 and x.size}
        others = {n: x for n, x in given.items() if n not in floats}
        along = {n: rng.standard_normal(x.shape) for n, x in floats.items()}
        weights: list[Any] = []

        def total(inputs: dict[str, Any], model: Any = model, others: Any = others, weights: Any = weights) -> Any:
            with np.errstate(all="ignore"):
                result = model(**others, **inputs)
            outputs = [y for y in (result if isinstance(result, tuple) else (result,)) if y.is_floating_point()]
            if not weights:
                weights += [tg.Tensor(rng.standard_normal(y.shape)) for y in outputs]
            return sum(((y * w).sum() for y, w in zip(outputs, weights, strict=True)), tg.tensor(0.0))

        leaves = {n: tg.Tensor(x.copy()).requires_grad_() for n, x in floats.items()}
        y = total(leaves)
        if not y.requires_grad:
            continue
        with np.errstate(all="ignore"):
            y.backward()
        ends = [total({n: x + s * STEP * along[n] for n, x in floats.items()}).item() for s in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * STEP)
        ours = sum(float((p.grad.numpy() * along[n]).sum()) for n, p in leaves.items() if p.grad is not None)
        if np.isfinite(slope):
            assert abs(slope - ours) < 1e-4 * (1 + abs(slope) + abs(ours)), f"{case.name}: {ours}, not {slope}"
            counted += 1
    assert counted > 10
