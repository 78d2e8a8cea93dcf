"""The settings of operators, one by one and together, said in a file or left out: against onnxruntime."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing to compare with")

import onnx
from onnx.reference import ReferenceEvaluator

from tests.onnx.test_import_corners import Node, agree, ints, run_by_onnxruntime, some

SIZES = (7, 6, 5)  # of axes, the last ones of it


def over(**settings: list[Any]) -> list[dict[str, Any]]:
    """All combinations of settings; None stands for one that the file does not say."""
    found = [dict(zip(settings, values, strict=True)) for values in itertools.product(*settings.values())]
    return [{key: value for key, value in one.items() if value is not None} for one in found]


def of_each_axis(n: int, **settings: Any) -> dict[str, Any]:
    """Settings with a number for each axis (for both ends of it: ``pads``), cut to n axes."""
    found = {}
    for key, value in settings.items():
        if isinstance(value, list):
            half = len(value) // 2
            value = value[3 - n : 3] + value[half + 3 - n :] if key == "pads" else value[3 - n :]
        found[key] = value
    return found


def table(operator: str, opset: int, settings: list[dict[str, Any]], *inputs: Any, outputs: int = 1) -> list[Node]:
    return [Node(opset, operator, one, list(inputs), outputs) for one in settings]


def x_of(n: int, channels: int = 4) -> Any:
    return some(2, channels, *SIZES[3 - n :])


# ------------------------------------------------------------------------------------------------------------ windows
BORDERS: list[dict[str, Any]] = [
    {}, {"pads": [1, 0, 1, 1, 0, 1]}, {"pads": [0, 1, 0, 1, 0, 1]}, {"pads": [2, 1, 1, 0, 1, 1]},
    {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}, {"auto_pad": "VALID"}, {"auto_pad": "NOTSET"},
]  # fmt: skip
STEPS: list[dict[str, Any]] = [{}, {"strides": [2, 3, 2]}, {"strides": [1, 1, 2], "dilations": [1, 2, 1]}]
ROUNDED_UP = {"ceil_mode": 1}


def convolutions() -> list[Node]:
    found = []
    groups = itertools.cycle((None, 2, None, None, 2))
    for n, border, step in itertools.product((1, 2, 3), BORDERS, STEPS):
        group = next(groups)
        how = of_each_axis(n, **border, **step, **({"group": group} if group else {}))
        kernels = some(6, 4 // (group or 1), *(2, 3, 2)[3 - n :], seed=1)
        found.append(Node(13, "Conv", how, [x_of(n), kernels, *([some(6, seed=2)] if border else [])]))
    return found


def turned() -> list[Node]:
    found = []
    more: list[dict[str, Any]] = [{}, {"output_padding": [1, 1, 1]}, {"output_shape": [15, 19, 11]}]
    groups = itertools.cycle((None, 2, None, None, 2))
    for n, border, step, extra in itertools.product((1, 2, 3), BORDERS[:-1], STEPS, more):
        if extra and ("strides" not in step or "dilations" in step or "auto_pad" in border):
            continue
        group = next(groups)
        how = of_each_axis(n, **border, **step, **extra, **({"group": group} if group else {}))
        kernels = some(4, 3, *(3, 4, 2)[3 - n :], seed=1)
        bias = [some(3 * (group or 1), seed=2)] if border else []
        found.append(Node(11, "ConvTranspose", how, [x_of(n), kernels, *bias]))
    return found


def pools() -> list[Node]:
    found = []
    means, powers = itertools.cycle(({}, {"count_include_pad": 1})), itertools.cycle(({}, {"p": 1}, {"p": 3}))
    outputs = itertools.cycle((1, 2, 1, 2, 2))
    for n, border, step, ceil in itertools.product((1, 2, 3), BORDERS[:-1], STEPS, ({}, ROUNDED_UP)):
        if "auto_pad" in border and (ceil or "dilations" in step):
            continue
        how = of_each_axis(n, kernel_shape=[3, 3, 3], **border, **step, **ceil)
        found.append(Node(12, "MaxPool", how, [x_of(n, 2)], next(outputs)))
        found.append(Node(19, "AveragePool", {**how, **next(means)}, [x_of(n, 2)]))
        if "auto_pad" not in border:
            found.append(Node(18, "LpPool", {**how, **next(powers)}, [x_of(n, 2)]))
    for n in (1, 2, 3):
        found += [Node(11, name, {}, [x_of(n)]) for name in ("GlobalAveragePool", "GlobalMaxPool")]
        found += [Node(11, "GlobalLpPool", p, [x_of(n)]) for p in ({}, {"p": 1}, {"p": 3})]
    return found


# ---------------------------------------------------------------------------------------------------------- recurrent
FUNCTIONS: dict[str, tuple[Any, Any]] = {  # with numbers that are not the ones of a file that says nothing
    "Relu": (None, None), "Tanh": (None, None), "Sigmoid": (None, None), "Softsign": (None, None),
    "Softplus": (None, None), "Affine": (0.7, 0.3), "LeakyRelu": (0.3, None), "ThresholdedRelu": (0.4, None),
    "ScaledTanh": (0.8, 0.6), "HardSigmoid": (0.3, 0.4), "Elu": (0.6, None),
}  # fmt: skip
SHAPES = {"RNN": (1, 1, 1), "GRU": (3, 1, 2), "LSTM": (4, 2, 3)}  # gates, states, functions


def layer(operator: str, how: dict[str, Any], *, bias: bool = True, first: bool = True, peeps: bool = False) -> Node:
    """A recurrent layer of 5 numbers for 3 sequences of 4 steps."""
    gates, states, _ = SHAPES[operator]
    d = 2 if how.get("direction") == "bidirectional" else 1
    weights = [some(d, gates * 5, 2, seed=1), some(d, gates * 5, 5, seed=2)]
    rest: list[Any] = [some(d, gates * 10, seed=3) if bias else None, None]
    rest += [some(d, 3, 5, seed=4 + k) if first else None for k in range(states)]
    rest += [some(d, 15, seed=7)] if peeps else []
    while rest and rest[-1] is None:
        rest.pop()
    return Node(14, operator, {"hidden_size": 5, **how}, [some(4, 3, 2), *weights, *rest], 1 + states)


def recurrent() -> list[Node]:
    found = []
    for name, (alpha, beta) in FUNCTIONS.items():
        numbers: dict[str, Any] = {} if alpha is None else {"activation_alpha": [alpha]}
        numbers.update({} if beta is None else {"activation_beta": [beta]})
        for operator, names in (("RNN", [name]), ("GRU", ["Sigmoid", name]), ("LSTM", ["Sigmoid", name, "Tanh"])):
            found.append(layer(operator, {"activations": names, **numbers}))
        if name in ("HardSigmoid", "LeakyRelu", "Elu"):
            found.append(layer("RNN", {"activations": [name]}))
    both = {"activations": ["Elu", "ScaledTanh"], "activation_alpha": [0.5, 0.7], "activation_beta": [0.6]}
    found.append(layer("RNN", {**both, "direction": "bidirectional"}))
    for operator, way in itertools.product(SHAPES, ("forward", "reverse", "bidirectional")):
        found += [layer(operator, {"direction": way}, bias=b, first=not b) for b in (False, True)]
        found.append(layer(operator, {"direction": way, "clip": 0.5}))
    found += [layer("GRU", {"linear_before_reset": r, **c}) for r in (0, 1) for c in ({}, {"clip": 0.3})]
    found += [layer("LSTM", one, peeps=p) for one in over(input_forget=[None, 0, 1], clip=[None, 0.4])
              for p in (False, True)]  # fmt: skip
    return found


# ----------------------------------------------------------------------------------------------------------- resizing
def resizes() -> list[Node]:
    ways = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", None)
    found: list[Node] = []
    said: dict[str, Any]
    x, none = some(1, 2, 4, 8), None
    larger, smaller = [1, 1, 2, 1.25], [1, 1, 0.5, 0.75]
    for mode, how, scales in itertools.product(("nearest", "linear", "cubic"), ways, (larger, smaller)):
        roundings = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil", None) if mode == "nearest" else (None,)
        for rounding in roundings:
            said = {"mode": mode, "coordinate_transformation_mode": how, "nearest_mode": rounding}
            attributes = {key: value for key, value in said.items() if value is not None}
            found.append(Node(19, "Resize", attributes, [x, none, np.array(scales, np.float32)]))
    for mode, anti in itertools.product(("linear", "cubic"), ({"antialias": 1}, {})):
        more: list[dict[str, Any]] = [{}, {"exclude_outside": 1}, {"cubic_coeff_a": -0.5}]
        more = more if mode == "cubic" else [{}]
        for one, sizes in itertools.product(more, (ints(1, 2, 3, 2), ints(1, 2, 7, 9), ints(1, 2, 1, 1))):
            found.append(Node(19, "Resize", {"mode": mode, **anti, **one}, [x, none, none, sizes]))
    box = np.array([0.2, 0.3, 0.9, 1.4], np.float32)
    for mode, value, sizes in itertools.product(("linear", "nearest"), (None, 3.0), (ints(3, 4), ints(1, 1))):
        said = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": value,
                "axes": [2, 3]}  # fmt: skip
        attributes = {key: v for key, v in said.items() if v is not None}
        found.append(Node(18, "Resize", attributes, [x, box, none, sizes]))
    for policy, sizes in itertools.product(
        ("not_larger", "not_smaller", "stretch"), (ints(7, 7), ints(3, 9), ints(8, 3))
    ):
        attributes = {"axes": [3, 2], "keep_aspect_ratio_policy": policy, "mode": "linear"}
        found.append(Node(18, "Resize", attributes, [x, none, none, sizes]))
    return found


def grids() -> list[Node]:
    found = []
    for one in over(
        mode=["linear", "nearest", "cubic", None], padding_mode=["zeros", "border", "reflection", None],
        align_corners=[0, 1, None],
    ):  # fmt: skip
        found.append(Node(20, "GridSample", one, [some(2, 2, 3, 4), some(2, 3, 2, 2, seed=1) * 1.5]))
    return found


# --------------------------------------------------------------------------------------------------------- one by one
SQUARES = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 11


def others() -> list[Node]:
    x, t = some(3, 4), ints(1, 0, 3)
    weight = np.array([1, 2, 0.5, 3], np.float32)
    image = some(2, 4, 4, 6)
    found = [
        *table("Gemm", 13, over(alpha=[None, 0.5, 2.0], beta=[None, 0.5, 2.0]), x, some(4, 2, seed=1), some(2, seed=2)),
        *table("Gemm", 13, over(transA=[0, 1], alpha=[None, 0.5, 2.0]), some(4, 4), some(4, 4, seed=1)),
        *table("Gemm", 13, over(transB=[1], alpha=[None, 2.0], beta=[None, 2.0]), x, some(5, 4, seed=1), some(5)),
        *table("Gemm", 13, over(transB=[1]), x, some(5, 4, seed=1), some(3, 1, seed=2)),
        *table("Gemm", 13, over(transB=[1]), x, some(5, 4, seed=1), some(3, 5, seed=2)),
        *table("LRN", 13, over(size=[1, 3, 5], alpha=[None, 0.3], beta=[None, 0.5], bias=[None, 2.0]), image * 3),
        *table("MeanVarianceNormalization", 13, [{}, {"axes": [1]}, {"axes": [0, 1, 2, 3]}], image + 2),
        *table("LpNormalization", 1, over(axis=[None, 0, 1], p=[None, 1, 2]), x),
        *table("Softmax", 13, over(axis=[None, 0, 1, 2]), SQUARES),
        *table("LogSoftmax", 13, over(axis=[None, 0, 1, 2]), SQUARES),
        *table("Hardmax", 13, over(axis=[None, 0, 1, 2]), some(2, 3, 4)),
        *[node for name in ("Softmax", "LogSoftmax", "Hardmax")
          for node in table(name, 11, over(axis=[None, 0, 1, 2, -1]), some(2, 3, 4))],
        *table("CumSum", 14, over(exclusive=[None, 1], reverse=[None, 1]), SQUARES, ints(1)),
        *table("CumSum", 14, over(exclusive=[1], reverse=[None, 1]), SQUARES[:, :1], ints(1)),
        *[node for name in ("ArgMax", "ArgMin")
          for node in table(name, 13, over(axis=[None, 1, -1], keepdims=[None, 0, 1], select_last_index=[None, 1]),
                            np.round(some(3, 4, 5)))],
        *table("IsInf", 10, over(detect_positive=[None, 0, 1], detect_negative=[None, 0, 1]),
               np.array([np.inf, -np.inf, 1, np.nan], np.float32)),
        *table("Mod", 13, over(fmod=[1]), SQUARES, np.array([3, -2.5, 5, -7], np.float32)),
        *table("Mod", 13, over(fmod=[None, 0, 1]), SQUARES.astype(np.int32), ints(3, -2, 5, -7, dtype=np.int32)),
        *table("Shrink", 9, over(lambd=[None, 0.2], bias=[None, 0.3]), x),
        *table("TopK", 11, over(axis=[None, 0, 1], largest=[None, 0]), some(3, 4, 5), ints(2), outputs=2),
        *table("Trilu", 14, over(upper=[None, 0, 1]), SQUARES),
        *table("Trilu", 14, over(upper=[None, 0, 1]), SQUARES, np.array(1)),
        *table("Trilu", 14, over(upper=[None, 0, 1]), SQUARES, np.array(-1)),
        *table("EyeLike", 9, over(k=[None, 1, -1]), x),
        *table("DepthToSpace", 13, over(blocksize=[2], mode=[None, "DCR", "CRD"]), some(2, 8, 2, 3)),
        *table("SpaceToDepth", 13, over(blocksize=[2]), image),
        *table("ReverseSequence", 10, [{"time_axis": 0, "batch_axis": 1}, {}], some(4, 3, 2), ints(4, 1, 2)),
        *table("ReverseSequence", 10, [{"time_axis": 1, "batch_axis": 0}], some(3, 4, 2), ints(4, 1, 2)),
        *table("Flatten", 13, over(axis=[None, 0, 1, 2, 3, -1, -3]), SQUARES),
        *table("Concat", 13, [{"axis": axis} for axis in (0, 1, -1)], SQUARES, SQUARES * 2),
        *table("OneHot", 11, over(axis=[None, 0, 1]), ints(1, -1, 3), np.array(4), np.array([2, 5], np.float32)),
        *table("Unique", 11, over(axis=[None, 0], sorted=[None, 0, 1]),
               np.array([[2, 1], [0, 3], [2, 1], [0, 0]], np.float32), outputs=4),
        *table("Compress", 11, over(axis=[None, 0, 1]), x, np.array([False, True, True])),
        *table("GatherND", 13, [{}], SQUARES, ints(0, 1, 1, 2).reshape(2, 2)),
        *table("GatherND", 13, [{"batch_dims": 1}], SQUARES, ints(0, 1).reshape(2, 1)),
        *table("GatherElements", 13, over(axis=[None, 1]), x, ints(0, -1, 2, 1, 0, 2).reshape(2, 3)),
        *table("Gather", 13, over(axis=[None, 1, -1]), x, ints(0, -1, 2, 1).reshape(2, 2)),
        *table("ScatterElements", 18, over(axis=[None, 1], reduction=[None, "none", "add", "mul", "max", "min"]),
               x, ints(0, 1, -1, 2).reshape(2, 2), some(2, 2, seed=1)),
        *table("ScatterND", 18, over(reduction=[None, "none", "add", "mul", "max", "min"]),
               x, ints(0, 2).reshape(2, 1), some(2, 4, seed=1)),
        *table("ScatterND", 18, over(reduction=["add", "mul", "max", "min"]),
               SQUARES, ints(0, 2, 1, 1, 0, 2).reshape(3, 2), some(3, 4, seed=1)),
        *table("InstanceNormalization", 6, over(epsilon=[None, 0.5]), image, some(4), some(4, seed=1)),
        *table("LayerNormalization", 17, over(axis=[None, 1, 2], epsilon=[None, 0.5]), image, some(6), outputs=1),
        *table("LayerNormalization", 17, over(epsilon=[None, 0.5]), image, some(6), some(6, seed=1), outputs=3),
        *table("GroupNormalization", 21, over(num_groups=[1, 2, 4], epsilon=[None, 0.5]), image, some(4), some(4)),
        *table("BatchNormalization", 15, over(epsilon=[None, 0.5], momentum=[None, 0.1]), image, *some(3, 4),
               np.abs(some(4)) + 0.1),
        *table("NegativeLogLikelihoodLoss", 13, over(reduction=[None, "none", "sum", "mean"],
               ignore_index=[None, 0, 3]), x, t, weight),
        *table("SoftmaxCrossEntropyLoss", 13, over(reduction=[None, "none", "sum", "mean"],
               ignore_index=[None, 0, 3]), x, t, weight),
        *table("SoftmaxCrossEntropyLoss", 13, over(reduction=[None, "none"]), x, t, outputs=2),
        *[Node(16, name, one, [x * 3]) for name, attribute, value in (
            ("Celu", "alpha", 0.4), ("Elu", "alpha", 0.4), ("LeakyRelu", "alpha", 0.4), ("Selu", "alpha", 0.4),
            ("Selu", "gamma", 0.4), ("HardSigmoid", "alpha", 0.4), ("HardSigmoid", "beta", 0.1),
            ("ThresholdedRelu", "alpha", 0.4),
        ) for one in ({}, {attribute: value})],
        *[Node(20, "Gelu", one, [x * 3]) for one in ({}, {"approximate": "tanh"}, {"approximate": "none"})],
        *[node for name in ("HannWindow", "HammingWindow", "BlackmanWindow") for size in (2, 7)
          for node in table(name, 17, over(periodic=[None, 0, 1]), np.array(size))],
        *table("QuantizeLinear", 13, over(axis=[None, 0, 1]), some(3, 3) * 9, np.array([0.5, 1, 2], np.float32),
               ints(3, 100, 200, dtype=np.uint8)),
        *table("DequantizeLinear", 13, over(axis=[None, 0, 1]), ints(*range(9), dtype=np.uint8).reshape(3, 3),
               np.array([0.5, 1, 2], np.float32), ints(3, 1, 2, dtype=np.uint8)),
        *[Node(18, f"Reduce{kind}", one, [np.abs(SQUARES) + 1, *axes])
          for kind in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")
          for one in over(keepdims=[None, 0]) for axes in ([], [ints(1)], [ints(-1, 0)])],
    ]  # fmt: skip
    return found


ALL = {
    f"{node.operator} {k}": node
    for make in (convolutions, turned, pools, recurrent, resizes, grids, others)
    for k, node in enumerate(make())
}


def expected_of(node: Node, path: Path) -> list[Any]:
    """By onnxruntime, or what it has no code for by ONNX's own evaluator."""
    import onnxruntime

    errors = onnxruntime.capi.onnxruntime_pybind11_state
    model = onnx.load(path)
    for output in model.graph.output:
        output.type.Clear()  # a runtime finds them out
    try:
        onnx.save(model, path)
        return run_by_onnxruntime(path, node.inputs[0])
    except (errors.NotImplemented, errors.InvalidGraph, errors.Fail, errors.RuntimeException, errors.InvalidArgument):
        return list(ReferenceEvaluator(model).run(None, {"x0": node.inputs[0]}))


@pytest.mark.parametrize("operator", sorted({node.operator for node in ALL.values()}))
def test_settings(operator: str, tmp_path: Path) -> None:
    for name, node in ALL.items():
        if node.operator == operator:
            try:
                agree(node.result(tmp_path), expected_of(node, node.written(tmp_path)))
            except Exception as error:
                raise AssertionError(f"{name}: {node.attributes}, inputs {node.inputs[1:]}: {error}") from error
