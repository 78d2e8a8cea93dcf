"""The forms that operators had before: attributes that became inputs, other defaults. Held against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing to compare with")

import onnx
import onnxruntime as runtime
from onnx import TensorProto, helper, numpy_helper

X = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
I64 = np.int64


def ints(*values: int) -> Any:
    return np.array(values, I64)


CASES: dict[str, tuple[int, str, dict[str, Any], list[Any]]] = {  # opset, operator, attributes, inputs after x
    "Squeeze 7": (7, "Squeeze", {"axes": [1]}, [X[:, :1]]),
    "Squeeze 13": (13, "Squeeze", {}, [X[:, :1], ints(1)]),
    "Squeeze all": (11, "Squeeze", {}, [X[:, :1]]),
    "Unsqueeze 7": (7, "Unsqueeze", {"axes": [0, 2]}, [X]),
    "Unsqueeze 13": (13, "Unsqueeze", {}, [X, ints(0, 2)]),
    "Clip 7": (7, "Clip", {"min": -0.5, "max": 0.5}, [X]),
    "Clip 7 open": (7, "Clip", {"max": 0.5}, [X]),
    "Clip 11": (11, "Clip", {}, [X, np.float32(-0.5), np.float32(0.5)]),
    "Clip 12 integers": (12, "Clip", {}, [ints(1, 5, 9), np.int64(2), np.int64(6)]),
    "Pad 7": (7, "Pad", {"pads": [0, 0, 1, 2, 0, 0, 3, 1], "value": 1.5}, [X]),
    "Pad 7 reflect": (7, "Pad", {"pads": [0, 0, 1, 2, 0, 0, 3, 1], "mode": "reflect"}, [X]),
    "Pad 11": (11, "Pad", {}, [X, ints(0, 0, 1, 2, 0, 0, -1, 1), np.float32(2)]),
    "Pad 18": (18, "Pad", {"mode": "edge"}, [X, ints(1, 2), None, ints(-1)]),
    "Slice 7": (7, "Slice", {"starts": [1, -3], "ends": [3, 100], "axes": [2, 3]}, [X]),
    "Slice 7 without axes": (7, "Slice", {"starts": [0, 1], "ends": [1, 3]}, [X]),
    "Slice 10": (10, "Slice", {}, [X, ints(3, 0), ints(-100, 4), ints(2, -1), ints(-2, 3)]),
    "Split 7": (7, "Split", {"axis": 3, "split": [2, 3]}, [X]),
    "Split 7 equal": (7, "Split", {"axis": 2}, [X]),
    "Split 13": (13, "Split", {"axis": 3}, [X, ints(1, 4)]),
    "Split 18": (18, "Split", {"axis": 3, "num_outputs": 2}, [X]),
    "ReduceSum 11": (11, "ReduceSum", {"axes": [1, -1]}, [X]),
    "ReduceSum 13": (13, "ReduceSum", {"keepdims": 0}, [X, ints(1, -1)]),
    "ReduceMean 7": (7, "ReduceMean", {"axes": [1, 2], "keepdims": 0}, [X]),
    "ReduceMean 18": (18, "ReduceMean", {}, [X, ints(2)]),
    "ReduceMax all": (7, "ReduceMax", {}, [X]),
    "ReduceMax 18 none": (18, "ReduceMax", {"noop_with_empty_axes": 1}, [X]),
    "Softmax 7": (7, "Softmax", {}, [X]),
    "Softmax 12, axis 2": (12, "Softmax", {"axis": 2}, [X]),
    "Softmax 13": (13, "Softmax", {}, [X]),
    "LogSoftmax 11": (11, "LogSoftmax", {}, [X]),
    "Hardmax 11": (11, "Hardmax", {}, [X]),
    "Hardmax 13": (13, "Hardmax", {}, [X]),
    "TopK 7": (7, "TopK", {"k": 2, "axis": 2}, [X]),
    "TopK 11": (11, "TopK", {"axis": 2, "largest": 0}, [X, ints(2)]),
    "Upsample 7": (7, "Upsample", {"scales": [1.0, 1.0, 2.0, 3.0], "mode": "nearest"}, [X]),
    "Upsample 9": (9, "Upsample", {"mode": "linear"}, [X, np.array([1, 1, 2, 2], np.float32)]),
    "Resize 10": (10, "Resize", {"mode": "linear"}, [X, np.array([1, 1, 2, 1.5], np.float32)]),
    "Resize 10 nearest": (10, "Resize", {}, [X, np.array([1, 1, 0.5, 1.5], np.float32)]),
    "Resize 11": (11, "Resize", {"mode": "cubic"}, [X, np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32)]),
    "Resize 13 sizes": (
        13, "Resize", {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        [X, None, None, ints(2, 3, 7, 3)],
    ),
    "Dropout 7": (7, "Dropout", {"ratio": 0.3}, [X]),
    "Dropout 12": (12, "Dropout", {}, [X, np.float32(0.3)]),
    "BatchNormalization 7": (7, "BatchNormalization", {}, [X, *np.abs(X[0, :, :4, 0].T[:4]) + 0.5]),
    "BatchNormalization 9": (9, "BatchNormalization", {"epsilon": 0.1}, [X, *np.abs(X[0, :, :4, 0].T[:4]) + 0.5]),
    "Gemm 7": (7, "Gemm", {"transB": 1, "alpha": 0.5, "beta": 2.0}, [X[0, 0], X[0, 1], np.float32(1)[None]]),
    "Gemm 11 without C": (11, "Gemm", {"transA": 1}, [X[0, 0], X[0, 1]]),
    "MaxPool 8": (8, "MaxPool", {"kernel_shape": [2, 2], "storage_order": 0}, [X]),
    "MaxPool 10": (
        10, "MaxPool", {"kernel_shape": [2, 2], "ceil_mode": 1, "strides": [3, 3], "pads": [1, 1, 1, 1]}, [X],
    ),
    "AveragePool 7": (7, "AveragePool", {"kernel_shape": [3, 3], "pads": [1, 0, 1, 0]}, [X]),
    "AveragePool 10": (
        10, "AveragePool",
        {"kernel_shape": [3, 2], "pads": [1, 1, 0, 0], "ceil_mode": 1, "strides": [2, 2], "count_include_pad": 1}, [X],
    ),
    "AveragePool SAME_LOWER": (11, "AveragePool", {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"}, [X]),
    "LpPool 11": (11, "LpPool", {"kernel_shape": [2, 2], "p": 3}, [X]),
    "GlobalLpPool": (11, "GlobalLpPool", {"p": 2}, [X]),
    "Cast 9": (9, "Cast", {"to": int(TensorProto.INT32)}, [X * 9]),
    "ArgMax 11": (11, "ArgMax", {"axis": -1, "keepdims": 0}, [X]),
    "ArgMin 12 last": (12, "ArgMin", {"axis": 1, "select_last_index": 1}, [np.zeros((2, 3), np.float32)]),
    "OneHot 9": (9, "OneHot", {"axis": 0}, [ints(0, 2, -1), ints(3), np.array([-1, 2], np.float32)]),
    "Scatter 9": (9, "Scatter", {"axis": 1}, [X[0, 0], ints(1, 3)[None], X[0, 1, :1, :2]]),
    "ScatterElements 16": (
        16, "ScatterElements", {"axis": 1, "reduction": "add"}, [X[0, 0], ints(1, 1)[None], X[0, 1, :1, :2]],
    ),
    "ScatterElements 18": (
        18, "ScatterElements", {"axis": 1, "reduction": "max"}, [X[0, 0], ints(1, 1)[None], X[0, 1, :1, :2]],
    ),
    "Reshape 7": (7, "Reshape", {}, [X, ints(0, -1, 2)]),
    "Flatten 7": (7, "Flatten", {"axis": 2}, [X]),
    "Flatten 11 from the end": (11, "Flatten", {"axis": -1}, [X]),
    "Equal 7": (7, "Equal", {}, [ints(1, 2, 3), ints(1, 5, 3)]),
    "Div of integers": (14, "Div", {}, [ints(7, -7, 7, -7), ints(2, 2, -2, -2)]),
    "Mod": (13, "Mod", {}, [ints(7, -7, 7, -7), ints(3, 3, -3, -3)]),
    "Pow 7": (7, "Pow", {}, [np.abs(X), np.float32(1.7)]),
    "Pow 13 integers": (13, "Pow", {}, [np.abs(X), ints(3)]),
    "PRelu 7": (7, "PRelu", {}, [X, np.array([0.1, 0.2, 0.3], np.float32).reshape(3, 1, 1)]),
    "Selu 7": (7, "Selu", {}, [X]),
    "Elu alpha": (7, "Elu", {"alpha": 0.3}, [X]),
    "HardSigmoid": (7, "HardSigmoid", {"alpha": 0.3}, [X]),
    "LRN": (7, "LRN", {"size": 3, "alpha": 0.1}, [X]),
    "Shape 15": (15, "Shape", {"start": 1, "end": -1}, [X]),
    "Expand 8": (8, "Expand", {}, [X[:, :1], ints(3, 1, 1)]),
    "Where 9": (9, "Where", {}, [X > 0, X, np.float32(0)]),
    "CumSum 11": (11, "CumSum", {"exclusive": 1, "reverse": 1}, [X, np.int64(2)]),
    "Einsum 12": (12, "Einsum", {"equation": "nchw,ncHw->nhH"}, [X, X]),
    "GatherND 12": (12, "GatherND", {"batch_dims": 1}, [X[:, :, 0, 0], ints(1, 2)[:, None]]),
    "DepthToSpace 11": (
        11, "DepthToSpace", {"blocksize": 2, "mode": "CRD"}, [np.arange(32, dtype=np.float32).reshape(1, 8, 2, 2)],
    ),
    "ConvTranspose output_shape": (
        11, "ConvTranspose", {"strides": [2, 2], "output_shape": [9, 11]}, [X, np.ones((3, 2, 3, 3), np.float32)],
    ),
    "ConvTranspose pads": (
        11, "ConvTranspose", {"strides": [2, 2], "pads": [1, 0, 0, 1], "output_padding": [1, 1], "group": 3},
        [X, np.random.default_rng(2).standard_normal((3, 2, 3, 3)).astype(np.float32)],
    ),
    "Conv SAME_UPPER": (
        7, "Conv", {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, [X, np.ones((2, 3, 3, 2), np.float32)],
    ),
    "Conv groups, 1 d": (
        11, "Conv", {"group": 3, "dilations": [2], "pads": [2, 1]}, [X[:, :, 0], np.ones((6, 1, 2), np.float32)],
    ),
    "Conv 3 d": (11, "Conv", {"pads": [0, 1, 1, 1, 0, 1]}, [X[:, None], np.ones((2, 1, 2, 3, 2), np.float32)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_as_onnxruntime(name: str, tmp_path: Path) -> None:
    opset, operator, attributes, inputs = CASES[name]
    given = {f"x{i}": np.asarray(x) for i, x in enumerate(inputs) if x is not None}
    outputs = {"Split": 2, "TopK": 2}.get(operator, 1)
    names = [f"y{i}" for i in range(outputs)]
    first = given["x0"]
    dtypes = {"Cast": 6, "ArgMax": 7, "ArgMin": 7, "Shape": 7, "Equal": 9}
    kind = dtypes.get(
        operator, helper.np_dtype_to_tensor_dtype(first.dtype if operator not in ("Where", "OneHot") else X.dtype)
    )
    node = helper.make_node(
        operator, [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)], names, "node", **attributes
    )
    graph = helper.make_graph(
        [node],
        "net",
        [helper.make_tensor_value_info("x0", helper.np_dtype_to_tensor_dtype(first.dtype), first.shape)],
        [helper.make_tensor_value_info(n, 7 if (operator, n) == ("TopK", "y1") else kind, None) for n in names],
        [numpy_helper.from_array(x, n) for n, x in given.items() if n != "x0"],
    )
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    expected = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, {"x0": first})
    result = tg.onnx.load(path)(first)
    results = result if isinstance(result, tuple) else (result,)
    for y, wanted in zip(results, expected, strict=True):
        assert y.numpy().dtype == wanted.dtype
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_an_opset_before_seven_is_read_where_nothing_has_changed(tmp_path: Path) -> None:
    def model(operator: str, opset: int) -> Path:
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [helper.make_node(operator, ["x"] * (2 if operator == "Add" else 1), ["y"], "node")], "net",
            [value("x", 1, ["N"])], [value("y", 1, ["N"])],
        )  # fmt: skip
        path = tmp_path / "net.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3), path)
        return path

    assert tg.onnx.load(model("Relu", 6))(np.array([-1, 1], np.float32)).tolist() == [0, 1]
    with pytest.raises(ValueError, match="Add of opset 6 is not read"):
        tg.onnx.load(model("Add", 6))
