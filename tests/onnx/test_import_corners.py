"""Operators at their corners: what is rare in files, and right all the same. Held against onnxruntime or by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")

import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def some(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ints(*values: int, dtype: Any = np.int64) -> Any:
    return np.array(values, dtype)


class Node(NamedTuple):
    """One node of a file: what comes after the first input are weights, None is one left out."""

    opset: int
    operator: str
    attributes: dict[str, Any]
    inputs: list[Any]
    outputs: int = 1

    def written(self, folder: Path) -> Path:
        given = {f"x{i}": np.asarray(x) for i, x in enumerate(self.inputs) if x is not None}
        names = [f"x{i}" if x is not None else "" for i, x in enumerate(self.inputs)]
        outputs = [f"y{i}" for i in range(self.outputs)]
        code = {name: helper.np_dtype_to_tensor_dtype(x.dtype) for name, x in given.items()}
        graph = helper.make_graph(
            [helper.make_node(self.operator, names, outputs, "node", **self.attributes)],
            "net",
            [helper.make_tensor_value_info("x0", code["x0"], given["x0"].shape)] if given else [],
            [helper.make_tensor_value_info(name, code.get("x0", FLOAT), None) for name in outputs],
            [numpy_helper.from_array(x, name) for name, x in given.items() if name != "x0"],
        )
        path = folder / "net.onnx"
        opset = helper.make_opsetid("", self.opset)
        onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8 if self.opset < 21 else 10), path)
        return path

    def result(self, folder: Path) -> list[Any]:
        """What the module makes of the first input."""
        result = tg.onnx.load(self.written(folder))(*self.inputs[:1])
        return [y.numpy() for y in (result if isinstance(result, tuple) else (result,))]


def agree(results: list[Any], expected: list[Any]) -> None:
    assert len(results) == len(expected)
    for y, wanted in zip(results, expected, strict=True):
        assert (y.dtype, y.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=2e-6)


def run_by_onnxruntime(path: Path, first: Any) -> list[Any]:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing to compare with")
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x0": first}))


# -------------------------------------------------------------------------------------------- held against onnxruntime
WHOLE = ints(-2, 3, 1, 4, -5, 6, dtype=np.int32).reshape(2, 3)
ABOVE_ZERO = np.abs(WHOLE)
VOLUME, ROW = some(2, 4, 3, 4, 3), np.arange(4, dtype=np.float32)
NOWHERE = np.zeros(0, np.float32)


def recurrent(operator: str, way: str, lengths: Any) -> Node:
    gates, states = {"RNN": (1, 1), "GRU": (3, 1), "LSTM": (4, 2)}[operator]
    d = 2 if way == "bidirectional" else 1
    weights = [some(d, gates * 5, 2, seed=1), some(d, gates * 5, 5, seed=2), some(d, gates * 10, seed=3)]
    first = [some(d, 3, 5, seed=4 + k) for k in range(states)]
    attributes = {"hidden_size": 5, "direction": way}
    return Node(14, operator, attributes, [some(4, 3, 2), *weights, lengths, *first], 1 + states)


def volumes_turned(attributes: dict[str, Any]) -> Node:
    groups = attributes.get("group", 1)
    return Node(11, "ConvTranspose", attributes, [VOLUME, some(4, 2, 2, 3, 2, seed=1), some(2 * groups, seed=2)])


def images_turned(attributes: dict[str, Any]) -> Node:
    return Node(11, "ConvTranspose", attributes, [some(2, 4, 3, 4), some(4, 2, 2, 3, seed=1)])


def sampled(mode: str, border: str, align: int, *sizes: int) -> Node:
    places = some(2, 2, 3, 2, 3, seed=1) * 1.7  # some lie outside
    return Node(
        20, "GridSample", {"mode": mode, "padding_mode": border, "align_corners": align}, [some(2, 2, *sizes), places]
    )


def resized(mode: str, *scales: float) -> Node:
    how = {"mode": mode, "coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"}
    return Node(11, "Resize", how, [some(1, 2, 4, 5), NOWHERE, np.array([1, 1, *scales], np.float32)])


def padded(mode: str, *widths: int) -> Node:
    return Node(19, "Pad", {"mode": mode}, [ROW, ints(*widths)])


def sliced(start: int, end: int, step: int) -> Node:
    return Node(13, "Slice", {}, [np.arange(5, dtype=np.float32), ints(start), ints(end), ints(0), ints(step)])


AS_ONNXRUNTIME: dict[str, Node] = {
    "LayerNormalization, a smaller scale": Node(17, "LayerNormalization", {"axis": 1}, [some(2, 4, 5), some(5)]),
    "LayerNormalization, a bias too": Node(17, "LayerNormalization", {"axis": 1}, [some(2, 4, 5), some(5), some(4, 1)]),
    "MatMul of integers": Node(13, "MatMul", {}, [WHOLE, WHOLE.T.copy()]),
    "Pad of truth values": Node(13, "Pad", {}, [np.array([True, False]), ints(1, 2), np.array(True)]),
    "Pad of integers": Node(13, "Pad", {}, [WHOLE, ints(0, 1, 2, 0), np.int32(7)]),
    **{f"Pad {m}, {w}": padded(m, *w) for m in ("constant", "edge", "wrap") for w in [(-1, 2), (2, -1), (-2, 5)]},
    "Pad reflect, one end cut": padded("reflect", -1, 2),
    "Pad constant, all cut": padded("constant", -2, -2),
    "Pad wrap, twice around": padded("wrap", 7, 9),
    "Slice from before the beginning, backwards": sliced(-100, -1000, -1),
    "Slice from before the beginning, in twos": sliced(-100, -1000, -2),
    "Slice all, backwards": sliced(100, -100, -1),
    "Slice to the first, backwards": sliced(-1, -5, -1),
    "Slice of nothing": sliced(5, 2, 1),
    **{f"ReduceMax of no {d}": Node(20, "ReduceMax", {}, [np.zeros((2, 0), d), ints(1)]) for d in ("int32", "uint8")},
    **{f"ReduceMin of no {d}": Node(20, "ReduceMin", {}, [np.zeros((2, 0), d), ints(1)]) for d in ("int32", "uint8")},
    "ReduceMean of integers": Node(18, "ReduceMean", {"keepdims": 0}, [WHOLE, ints(1)]),
    **{
        f"{kind} of integers": Node(18, kind, {}, [ABOVE_ZERO, ints(1)])
        for kind in ("ReduceL2", "ReduceLogSum", "ReduceLogSumExp")
    },
    **{
        f"{kind} of integers, along nothing": Node(18, kind, {"noop_with_empty_axes": 1}, [ABOVE_ZERO])
        for kind in ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")
    },
    **{
        f"{kind}, {way}, lengths": recurrent(kind, way, ints(4, 2, 1, dtype=np.int32))
        for kind in ("RNN", "GRU", "LSTM")
        for way in ("forward", "reverse", "bidirectional")
    },
    "LSTM, no sequence of full length": recurrent("LSTM", "bidirectional", ints(3, 3, 1, dtype=np.int32)),
    "ConvTranspose 3 d": volumes_turned({"strides": [2, 1, 3]}),
    "ConvTranspose 3 d, groups": volumes_turned({"strides": [2, 3, 2], "group": 2}),
    "ConvTranspose 3 d, a border": volumes_turned({"strides": [2, 2, 2], "pads": [1, 0, 1, 0, 1, 1]}),
    "ConvTranspose 3 d, more": volumes_turned({"strides": [3, 2, 2], "output_padding": [2, 1, 0]}),
    "ConvTranspose 3 d, a shape": volumes_turned({"strides": [2, 2, 2], "output_shape": [7, 8, 6]}),
    "ConvTranspose 3 d, SAME_UPPER": volumes_turned({"strides": [2, 2, 2], "auto_pad": "SAME_UPPER"}),
    "ConvTranspose 3 d, SAME_LOWER": volumes_turned({"strides": [2, 2, 2], "auto_pad": "SAME_LOWER"}),
    "ConvTranspose 3 d, apart": volumes_turned({"dilations": [2, 1, 2], "strides": [1, 2, 1]}),
    "ConvTranspose, larger one way, smaller the other": images_turned({"strides": [2, 2], "output_shape": [7, 8]}),
    "ConvTranspose, a shape and more": images_turned(
        {"strides": [2, 3], "output_shape": [5, 8], "output_padding": [1, 0]}
    ),
    "ConvTranspose VALID": images_turned({"strides": [2, 2], "auto_pad": "VALID"}),
    "Conv VALID": Node(11, "Conv", {"auto_pad": "VALID"}, [some(1, 2, 5, 4), some(3, 2, 2, 3)]),
    "MaxPool VALID": Node(
        12, "MaxPool", {"kernel_shape": [2, 2], "strides": [3, 1], "auto_pad": "VALID"}, [some(1, 1, 5, 5)]
    ),
    **{
        f"GridSample 3 d, {mode}, {border}, {align}": sampled(mode, border, align, 3, 4, 5)
        for mode in ("linear", "nearest")
        for border in ("zeros", "border", "reflection")
        for align in (0, 1)
    },
    "GridSample 3 d, flat": sampled("linear", "reflection", 1, 1, 1, 5),
    **{f"Resize {m}, for nn": resized(m, 2, 3) for m in ("nearest", "linear", "cubic")},
    **{f"Resize {m}, for nn, smaller": resized(m, 0.5, 0.6) for m in ("nearest", "linear", "cubic")},
    "Resize of no images": Node(13, "Resize", {"mode": "linear"}, [some(0, 1, 2, 2), None, None, ints(0, 1, 4, 4)]),
}  # fmt: skip


@pytest.mark.parametrize("name", AS_ONNXRUNTIME)
def test_as_onnxruntime(name: str, tmp_path: Path) -> None:
    node = AS_ONNXRUNTIME[name]
    agree(node.result(tmp_path), run_by_onnxruntime(node.written(tmp_path), node.inputs[0]))


def test_group_normalization_as_it_was(tmp_path: Path, monkeypatch: Any) -> None:
    """One scale and bias for a group. The checker refuses the form, which is deprecated, so it is not asked."""
    node = Node(18, "GroupNormalization", {"num_groups": 2}, [some(2, 4, 5), some(2, seed=1), some(2, seed=2)])
    monkeypatch.setattr(onnx.checker, "check_model", lambda *_args, **_named: None)
    agree(node.result(tmp_path), run_by_onnxruntime(node.written(tmp_path), node.inputs[0]))


# ------------------------------------------------------------------------------------------------------------- by hand
def gemm(a: Any, b: Any, c: Any, alpha: float, beta: float) -> Any:
    return (alpha * (a.astype(float) @ b) + beta * c).astype(a.dtype)


A, B, C = WHOLE, ints(*range(12), dtype=np.int32).reshape(4, 3), ints(1, -2, 3, 5, dtype=np.int32)
HUGE = ints(2**62 + 1, 0, 0, 1).reshape(2, 2)
BY_HAND: dict[str, tuple[Node, Any]] = {
    "Gemm of integers": (Node(13, "Gemm", {"transB": 1}, [A, B]), A @ B.T),
    "Gemm of integers, turned": (Node(13, "Gemm", {"transA": 1, "beta": 3.0}, [A, A, C[:3]]), A.T @ A + 3 * C[:3]),
    "Gemm of integers, times a fraction": (
        Node(13, "Gemm", {"transB": 1, "alpha": 0.5, "beta": 2.5}, [A, B, C]), gemm(A, B.T, C, 0.5, 2.5),
    ),
    "Gemm of integers beyond 2^53": (Node(13, "Gemm", {}, [HUGE, np.eye(2, dtype=np.int64)]), HUGE),
    "ReduceMax of no truths": (Node(20, "ReduceMax", {"keepdims": 0}, [np.zeros((2, 0), bool), ints(1)]), [False] * 2),
    "ReduceMin of no truths": (Node(20, "ReduceMin", {"keepdims": 0}, [np.zeros((2, 0), bool), ints(1)]), [True] * 2),
    "Pad reflect, further than all": (padded("reflect", -2, 5), [2, 3, 2, 3, 2, 3, 2]),
    "Pad edge, all cut": (padded("edge", -2, -2), NOWHERE),
    "RNN of no steps": (
        Node(14, "RNN", {"hidden_size": 5}, [np.zeros((0, 3, 2)), *[np.ones((1, 5, n)) for n in (2, 5)]]),
        np.zeros((0, 1, 3, 5)),
    ),
    "Squeeze of nothing": (Node(13, "Squeeze", {}, [ROW, ints()]), ROW),
    "GridSample of integers": (
        Node(
            20, "GridSample", {"mode": "nearest", "align_corners": 1},
            [ints(1, 2, 3, 4).reshape(1, 1, 2, 2), np.array([[[[-1, -1], [1, -1], [0.8, 1], [3, 0]]]], np.float32)],
        ),
        [[[[1, 2, 4, 0]]]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str, tmp_path: Path) -> None:
    node, expected = BY_HAND[name]
    (y,) = node.result(tmp_path)
    assert y.dtype == node.inputs[0].dtype
    np.testing.assert_array_equal(y, expected)


def test_a_grid_of_another_width_leaves_the_images_theirs(tmp_path: Path) -> None:
    for sizes in ((3, 4), (3, 4, 5)):
        x, places = some(2, 1, *sizes), some(2, *[2] * len(sizes), len(sizes), seed=1)
        narrow, wide = (
            Node(20, "GridSample", {}, [x, places.astype(d)]).result(tmp_path)[0] for d in (np.float32, np.float64)
        )
        assert wide.dtype == np.float32
        np.testing.assert_array_equal(wide, narrow)


def test_a_sequence_of_no_steps_keeps_its_first_state(tmp_path: Path) -> None:
    node = recurrent("LSTM", "forward", ints(0, 2, 4, dtype=np.int32))
    y, h, c = node.result(tmp_path)
    assert not y[:, :, 0].any()
    for last, first in ((h, node.inputs[-2]), (c, node.inputs[-1])):
        np.testing.assert_array_equal(last[:, 0], first[:, 0])


@pytest.mark.parametrize(("length", "bins", "low", "high"), [(16, 20, 0.0, 100.0), (64, 3, 300.0, 4000.0)])
def test_mel_weights_whose_triangles_are_points(
    length: int, bins: int, low: float, high: float, tmp_path: Path
) -> None:
    numbers = [np.int64(bins), np.int64(length), np.int64(8192), np.float32(low), np.float32(high)]
    node = Node(17, "MelWeightMatrix", {"output_datatype": FLOAT}, numbers)
    path = node.written(tmp_path)
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.elem_type = FLOAT
    onnx.save(model, path)
    agree([tg.onnx.load(path)(np.int64(bins)).numpy()], run_by_onnxruntime(path, np.array(bins)))


def clamped(x: Any, low: Any = None, high: Any = None) -> Any:
    return tg.clamp(x, low, high)


def test_limits_that_are_learned(tmp_path: Path) -> None:
    """A Clip by tensors with gradients: those of `clamp`."""
    value = helper.make_tensor_value_info
    x = np.array([-2, -0.5, 0.5, 3], np.float32)
    for names in (["x", "low", "high"], ["x", "low"], ["x", "", "high"]):
        kept = [name for name in names if name]
        graph = helper.make_graph(
            [helper.make_node("Clip", names, ["y"])], "net",
            [value(name, FLOAT, ["N"] if name == "x" else []) for name in kept], [value("y", FLOAT, ["N"])],
        )  # fmt: skip
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "n")
        ours, found = tg.onnx.load(tmp_path / "n"), []
        for clip in (ours, clamped):
            values = (("x", x), ("low", -1.0), ("high", 1.0))
            inputs: dict[str, Any] = {name: tg.tensor(v, requires_grad=True) for name, v in values}
            y = clip(**{name: inputs[name] for name in kept})
            (y * tg.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
            found.append([y.tolist(), *(inputs[name].grad.tolist() for name in kept)])
        assert found[0] == found[1]
        assert any(found[0][2:])


def test_batch_norm_leaves_statistics_alone_that_are_not_its_own(tmp_path: Path) -> None:
    """Those that come from outside: in training the batch's count, and nothing is moved."""
    value = helper.make_tensor_value_info
    names = ["x", "mean", "var"]
    graph = helper.make_graph(
        [helper.make_node("BatchNormalization", ["x", "w", "b", "mean", "var"], ["y"], "bn", momentum=0.5)], "net",
        [value(name, FLOAT, ["N", 2] if name == "x" else [2]) for name in names], [value("y", FLOAT, ["N", 2])],
        [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("w", [1, 2]), ("b", [3, 4]))],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), tmp_path / "n")
    model, x = tg.onnx.load(tmp_path / "n"), tg.tensor(some(6, 2))
    mean, var, w, b = tg.tensor([1.0, 2.0]), tg.tensor([4.0, 9.0]), tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])
    expected = {
        False: ((x - mean) / (var + 1e-5) ** 0.5) * w + b,
        True: F.batch_norm(x, None, None, w, b, True),
    }
    for training, y in expected.items():
        np.testing.assert_allclose(model.train(training)(x, mean, var).numpy(), y.numpy(), rtol=1e-5, atol=1e-6)
    assert (mean.tolist(), var.tolist()) == ([1, 2], [4, 9])


@pytest.mark.parametrize(("operator", "draw"), [("RandomNormal", tg.randn), ("RandomUniform", tg.rand)])
def test_drawn_numbers_are_those_of_our_generator(operator: str, draw: Any, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"mean": 5.0, "scale": 2.0} if operator == "RandomNormal" else {"low": 5.0, "high": 7.0}
    node = Node(13, operator, {"shape": [3, 4], "dtype": FLOAT, **settings}, [])
    model = tg.onnx.load(node.written(tmp_path))
    tg.manual_seed(1)
    y = model()
    tg.manual_seed(1)
    z = draw(3, 4, dtype=tg.float64)
    np.testing.assert_allclose(y.numpy(), (z * 2 + 5).numpy(), rtol=1e-6)
    assert (y.dtype, y.requires_grad) == (np.float32, False)
    assert model().tolist() != y.tolist()
    seeded = tg.onnx.load(node._replace(attributes={**node.attributes, "seed": 3.0}).written(tmp_path))
    assert seeded().tolist() == seeded().tolist()


# -------------------------------------------------------------------------------------------------------------- errors
IMAGE, KERNELS = some(1, 1, 4, 4), some(1, 1, 2, 2)
RNN = [some(4, 3, 2), some(1, 5, 2), some(1, 5, 5)]
REFUSED: dict[str, tuple[Node, str]] = {
    "Div by 0": (Node(13, "Div", {}, [ints(1, 2), ints(1, 0)]), "division of integers by zero"),
    "Mod by 0": (Node(13, "Mod", {}, [ints(1, 2), ints(1, 0)]), "division of integers by zero"),
    "BitCast": (Node(26, "BitCast", {"to": 7}, [ROW]), "float32 and int64 are not of the same width"),
    "Attention": (Node(23, "Attention", {}, [some(2, 3, 8)] * 3), r"shape \(2, 3, 8\) needs the number of heads"),
    "Gather": (Node(13, "Gather", {}, [ROW, ROW]), "indices must be integers, got dtype float32"),
    "GatherND": (Node(13, "GatherND", {}, [ROW, ints(1, 2)]), "indices of 2 numbers do not fit 1 dimensions"),
    "TopK": (Node(13, "TopK", {}, [ROW, ints(5)], 2), "k=5 of 4 entries along axis 0"),
    "Pad, half the widths": (Node(13, "Pad", {}, [some(3, 2), ints(1, 2)]), "2 widths .* for 2 axes, .*two for each"),
    "Pad of nothing": (Node(13, "Pad", {"mode": "edge"}, [NOWHERE, ints(1, 2)]), "nothing to pad with.* mode 'edge'"),
    "Pad when all is cut": (padded("wrap", -4, 2), "there is nothing to pad with: an axis of size 0, mode 'wrap'"),
    "Pad, more cut than there is": (padded("edge", -3, -2), r"widths \(-3, -2\) cut more than the 4 entries"),
    "Pad, a mode": (padded("odd", 1, 2), "mode 'odd' of Pad is not supported; constant, reflect, edge and wrap are"),
    "BatchNormalization": (
        Node(7, "BatchNormalization", {"spatial": 0}, [some(2, 3), *np.ones((4, 3), np.float32)]),
        "spatial=0 is not supported: statistics for each pixel",
    ),
    "Gemm": (Node(13, "Gemm", {}, [ROW, some(4, 2)]), r"Gemm multiplies matrices, got shapes \(4,\) and \(4, 2\)"),
    "RNN, an activation": (
        Node(14, "RNN", {"hidden_size": 5, "activations": ["Bent"]}, RNN), "activation 'Bent' is not known; relu,",
    ),
    "RNN, more activations": (
        Node(14, "RNN", {"hidden_size": 5, "activations": ["Tanh", "Tanh"]}, RNN),
        "2 activations and 1 sets of weights do not fit the direction 'forward'",
    ),
    "RNN, one direction of two": (
        Node(14, "RNN", {"hidden_size": 5, "direction": "bidirectional"}, RNN),
        "1 activations and 1 sets of weights do not fit the direction 'bidirectional'",
    ),
    "RNN, lengths": (
        Node(14, "RNN", {"hidden_size": 5}, [*RNN, None, ints(5, 1, 1, dtype=np.int32)]),
        r"lengths \[5, 1, 1\] do not fit 3 sequences of up to 4 steps",
    ),
    "RNN, too few lengths": (
        Node(14, "RNN", {"hidden_size": 5}, [*RNN, None, ints(1, 1, dtype=np.int32)]),
        r"lengths \[1, 1\] do not fit 3 sequences of up to 4 steps",
    ),
    "Resize, how": (
        Node(13, "Resize", {"coordinate_transformation_mode": "odd"}, [ROW, None, np.array([2], np.float32)]),
        "coordinate_transformation_mode 'odd' is not supported",
    ),
    "Resize to what": (Node(13, "Resize", {}, [ROW]), "neither scales nor sizes are given"),
    "Resize to below nothing": (Node(13, "Resize", {}, [ROW, None, None, ints(-1)]), r"sizes \[-1\] .* be positive"),
    "Resize of nothing": (
        Node(13, "Resize", {}, [NOWHERE, None, None, ints(3)]), r"nothing to resize to sizes \[3\] in shape \(0,\)",
    ),
    "GridSample": (
        Node(20, "GridSample", {"mode": "cubic"}, [some(1, 1, 2, 2, 2), some(1, 1, 1, 1, 3)]),
        r"mode 'bicubic' with x \(1, 1, 2, 2, 2\) and grid \(1, 1, 1, 1, 3\) is not supported",
    ),
    "Flatten": (Node(13, "Flatten", {"axis": 3}, [ROW]), "axis 3 is out of range for 1 dimensions"),
    "Squeeze": (Node(13, "Squeeze", {}, [some(2, 1), ints(0)]), r"axes \(0,\) of shape \(2, 1\) are not all of size 1"),
    "Squeeze twice": (Node(13, "Squeeze", {}, [some(1, 1), ints(0, -2)]), r"once, got \(0, -2\) for 2 dimensions"),
    "Split": (Node(13, "Split", {}, [ROW, ints(2, 1)], 2), r"parts of \[2, 1\] do not make the size 4 of axis 0"),
    "Split in two, three are read": (Node(13, "Split", {}, [ROW, ints(2, 2)], 3), "3 outputs are asked for, 2 are"),
    "Slice": (sliced(0, 1, 0), "a step may not be 0"),
    "Tile": (Node(13, "Tile", {}, [some(2, 3), ints(2)]), "1 repeats came for 2 dimensions"),
    "DFT": (Node(17, "DFT", {"axis": -1}, [some(2, 4, 2)]), "the last axis holds real and imaginary parts"),
    "Reshape": (Node(13, "Reshape", {}, [ROW, ROW]), "sizes and axes must be integers, got dtype float32"),
    "Clip": (Node(13, "Clip", {}, [ROW, ROW]), r"expected a single number, got shape \(4,\)"),
    "Conv, strides": (
        Node(13, "Conv", {"strides": [1]}, [IMAGE, KERNELS]), "kernel, strides, dilations and pads .* 2 dimensions",
    ),
    "Conv of no pixels": (Node(13, "Conv", {}, [some(1, 1), some(1, 1)]), "the input has no dimension for windows"),
    "Conv, no stride": (
        Node(13, "Conv", {"strides": [0, 1]}, [IMAGE, KERNELS]), r"strides \(0, 1\) and dilations .* must be positive",
    ),
    "Conv, pads": (
        Node(13, "Conv", {"pads": [-1, 0, 0, 0]}, [IMAGE, KERNELS]), r"pads \(-1, 0, 0, 0\) not negative",
    ),
    "Conv 3 d, groups": (
        Node(13, "Conv", {"group": 2}, [some(1, 3, 4, 4, 4), some(2, 1, 2, 2, 2)]),
        r"3 channels in 2 groups do not fit kernels \(2, 1, 2, 2, 2\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_said_with_its_node(name: str, tmp_path: Path) -> None:
    node, said = REFUSED[name]
    model = tg.onnx.load(node.written(tmp_path))
    with pytest.raises(ValueError, match=rf"node 'node' \({node.operator}, opset {node.opset}\): .*{said}"):
        model(node.inputs[0])


def scan(opset: int, *names: str, **attributes: Any) -> Any:
    value = helper.make_tensor_value_info
    body = helper.make_graph([helper.make_node("Neg", ["a"], ["b"])], "turn", [value("a", FLOAT, None)],
                             [value("b", FLOAT, None)])  # fmt: skip
    node = helper.make_node("Scan", list(names), ["y"], "scan", body=body, **attributes)
    inputs = [value(name, TensorProto.INT64 if name == "lengths" else FLOAT, None) for name in names if name]
    graph = helper.make_graph([node], "net", inputs, [value("y", FLOAT, None)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=4)


def test_scans(tmp_path: Path) -> None:
    path, x = tmp_path / "net.onnx", some(2, 3, 1)
    for opset, first in ((8, ("",)), (9, ())):
        onnx.save(scan(opset, *first, "x", num_scan_inputs=1), path)
        np.testing.assert_array_equal(tg.onnx.load(path)(x).numpy(), -x)
    onnx.save(scan(8, "lengths", "x", num_scan_inputs=1), path)
    with pytest.raises(ValueError, match=r"node 'scan'.*lengths .* not supported; convert the model to opset 9"):
        tg.onnx.load(path)(np.array([3, 2]), x)
    for several in (0, 2):
        onnx.save(scan(9, "x", num_scan_inputs=several), path)
        with pytest.raises(ValueError, match=f"node 'scan'.*num_scan_inputs is {several} of 1 inputs"):
            tg.onnx.load(path)(x)
