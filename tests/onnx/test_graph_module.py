"""What `tg.onnx.load` makes of a file: names, inputs and outputs, modes, a tree of modules."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")

import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.faults.onnx_files import small_net
from tinygrad_cnn.onnx.reading.operators.table import OPERATORS, Known
from tinygrad_cnn.onnx.reading.steps import Step

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
node = helper.make_node


def array(values: Any, name: str, dtype: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def loaded(
    folder: Path,
    nodes: Any,
    weights: Any = (),
    inputs: Any = (("x", FLOAT, ["N", "M"]),),
    outputs: Any = ("y",),
    opset: int = 17,
    **more: Any,
) -> Any:
    """The module of a graph."""
    ins = [helper.make_tensor_value_info(*value) for value in inputs]
    outs = [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "net", ins, outs, list(weights))
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8, **more), path)
    return tg.onnx.load(path)


@pytest.fixture
def net(tmp_path: Path) -> Any:
    path = tmp_path / "small.onnx"
    path.write_bytes(small_net())
    return tg.onnx.load(path)


X = np.random.default_rng(1).standard_normal((2, 1, 4, 4)).astype(np.float32)


# ------------------------------------------------------------------------------------------------------- the module
def test_names_parameters_and_buffers(net: Any) -> None:
    assert [n for n, _ in net.named_parameters()] == ["conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias"]
    assert [n for n, _ in net.named_buffers()] == ["bn.running_mean", "bn.running_var"]
    assert [n for n, _ in net.named_children()] == ["conv", "bn", "fc"]
    assert [type(m).__name__ for m in net.children()] == ["Conv", "BatchNormalization", "Gemm"]
    assert "kernel" not in repr(net)
    assert "(conv): Conv(pads=(1, 1, 1, 1), strides=(2, 2))" in repr(net)
    assert (net.input_names, net.output_names, net.training) == (("x",), ("y",), False)


def test_the_step_of_every_operator_can_be_pickled() -> None:
    """The functions of some have no name of their own."""
    for domain, name in OPERATORS:
        step = Step(name, domain, 17, "a", ("x",), ("y",), {"axis": 1}, Known(domain, name), ("x",))
        for again in (pickle.loads(pickle.dumps(step)), copy.deepcopy(step)):
            assert again.function.function is OPERATORS[domain, name]
            assert (again.place, again.inputs, again.attributes) == (step.place, ("x",), {"axis": 1})


def test_constants_are_converted_with_the_weights(tmp_path: Path) -> None:
    """Those of Constant nodes too, which an operator takes beside the others; integers stay what they are."""
    nodes = [
        node("Constant", [], ["one"], value=array([1, 2], "")),
        node("Constant", [], ["axes"], value=array([1], "", np.int64)),
        node("InstanceNormalization", ["x", "one", "one"], ["n"]),
        node("ReduceSum", ["n", "axes"], ["m"]),
        node("Mul", ["m", "w"], ["y"]),
    ]
    net = loaded(tmp_path, nodes, [array([3.0], "w")], [("x", FLOAT, ["N", 2, 5])])
    x = np.random.default_rng(0).standard_normal((2, 2, 5))
    single = net(x.astype(np.float32)).numpy()
    double = net.double()(x).numpy()
    assert double.dtype == np.float64
    np.testing.assert_allclose(double, single, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(net.float()(x.astype(np.float32)).numpy(), single)


@pytest.mark.parametrize(
    "step",
    [
        node("MaxPool", ["x"], ["y"], kernel_shape=[3], strides=[2], ceil_mode=1),
        node("MaxPool", ["x"], ["y"], kernel_shape=[3], strides=[2], pads=[0, 1]),
        node("MaxPool", ["x"], ["y"], kernel_shape=[2], strides=[2], pads=[2, 1], ceil_mode=1),
        node("AveragePool", ["x"], ["y"], kernel_shape=[3], strides=[2], pads=[1, 0], ceil_mode=1),
        node("TopK", ["x", "k"], ["y", "i"], axis=1),
        node("TopK", ["x", "k"], ["i", "y"], axis=2, largest=0),
    ],
    ids=lambda step: step.op_type,
)
def test_what_came_in_can_leave(step: Any, tmp_path: Path) -> None:
    """As a file of ONNX and as one of Python, under the names that it has, for other numbers and batches."""
    net = loaded(tmp_path, [step], [array([2], "k", np.int64)], [("x", FLOAT, ["N", 3, 8])])
    x = np.random.default_rng(0).standard_normal((3, 3, 8)).astype(np.float32)
    tg.onnx.export(net, x, tmp_path / "again.onnx")
    again = tg.onnx.load(tmp_path / "again.onnx")
    assert (again.input_names, again.output_names) == (("x",), ("y",))
    for batch in (x, x[::-1][:1]):
        np.testing.assert_array_equal(again(x=batch).numpy(), net(batch).numpy())
    tg.export_numpy(net, x, tmp_path / "net.py")
    assert "def predict(x: Array)" in (tmp_path / "net.py").read_text()


def test_it_is_a_module_like_others(net: Any) -> None:
    y = net(X)
    assert isinstance(y, tg.Tensor)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        other.load_state_dict(net.state_dict())
        np.testing.assert_array_equal(other(X).numpy(), y.numpy())
        with tg.no_grad():
            other.fc.bias += 100.0
        assert other(X).numpy().min() > 50
        np.testing.assert_array_equal(net(X).numpy(), y.numpy())


def test_a_child_can_be_replaced_and_hooked(net: Any) -> None:
    seen: list[Any] = []
    net.bn.register_forward_hook(lambda _module, args, result: seen.append((args[0].shape, result.shape)))
    net.fc = tg.nn.Linear(8, 5)
    assert net(X).shape == (2, 5)
    assert seen == [((2, 2, 2, 2), (2, 2, 2, 2))]
    assert dict(net.named_parameters())["fc.weight"].shape == (5, 8)
    net.conv.weight = tg.nn.Parameter(np.zeros((2, 1, 3, 3), np.float32))
    F.cross_entropy(net(X), tg.tensor([0, 1])).backward()
    assert net.fc.weight.grad is not None
    assert net.conv.weight.grad is not None


def test_pictures_and_tables(net: Any) -> None:
    table = str(tg.summary(net, input_data=X))
    assert "conv" in table
    assert "BatchNormalization" in table
    graph = tg.viz.draw_graph(net, tg.Tensor(X))
    assert all(f"{name} (" in graph.source or name in graph.source for name in ("conv", "bn", "fc", "relu"))
    layers = [layer.name for layer in tg.viz.layers_of(net, tg.Tensor(X), every=True)]
    assert layers[:4] == ["conv.conv2d", "conv", "bn.batch_norm", "bn"]


def test_batch_norm_and_dropout_as_pytorch_has_them(net: Any) -> None:
    batch_norm = tg.nn.BatchNorm2d(2)
    y = net.conv(tg.Tensor(X))
    net.train()
    np.testing.assert_allclose(net.bn(y).numpy(), batch_norm(y).numpy(), rtol=1e-6)
    np.testing.assert_allclose(net.bn.running_mean.numpy(), batch_norm.running_mean.numpy(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(net.bn.running_var.numpy(), batch_norm.running_var.numpy(), rtol=1e-6)
    net.bn.eval()  # frozen, while the rest trains
    before = net.bn.running_mean.numpy().copy()
    net(X)
    np.testing.assert_array_equal(net.bn.running_mean.numpy(), before)


@pytest.mark.parametrize("opset", [7, 10, 12, 17, 22])
def test_dropout_drops_in_training_alone(opset: int, tmp_path: Path) -> None:
    ratio = {"ratio": 0.25} if opset < 12 else {}
    names = ["x"] if opset < 12 else ["x", "p"]
    model = loaded(
        tmp_path,
        [node("Dropout", names, ["y"], "drop/Dropout", **ratio)],
        [array(0.25, "p")] if opset > 11 else [],
        opset=opset,
    )
    x = np.ones((40, 50), np.float32)
    np.testing.assert_array_equal(model(x).numpy(), x)
    tg.manual_seed(0)
    y = model.train()(x).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(4 / 3)}
    assert 0.2 < (y == 0).mean() < 0.3


def test_a_file_in_training_mode_comes_so_and_can_be_set_to_eval(tmp_path: Path) -> None:
    nodes = [node("Dropout", ["x", "p", "t"], ["y"], "drop")]
    model = loaded(tmp_path, nodes, [array(0.5, "p"), array(True, "t", bool)])
    assert model.training
    x = np.ones((10, 10), np.float32)
    assert (model(x).numpy() == 0).any()


# ------------------------------------------------------------------------------------------------ inputs and outputs
ONES = np.ones((1, 2), np.float32)


def two(folder: Path) -> Any:
    nodes = [node("Add", ["a", "b"], ["sum"], "Add"), node("Mul", ["a", "b"], ["product"], "Mul")]
    inputs = (("a", FLOAT, ["N", 2]), ("b", FLOAT, ["N", 2]))
    return loaded(folder, nodes, (), inputs, ("sum", "product"))


def test_inputs_by_position_and_name_and_several_outputs(tmp_path: Path) -> None:
    model = two(tmp_path)
    a, b = np.array([[1, 2]], np.float32), tg.tensor([[3.0, 4.0]])
    for result in (model(a, b), model(a, b=b), model(b=b, a=a)):
        assert [y.tolist() for y in result] == [[[4, 6]], [[3, 8]]]
    assert [y.tolist() for y in model([[1, 2]], b)] == [[[4, 6]], [[3, 8]]]


@pytest.mark.parametrize(
    ("args", "named", "error", "said"),
    [
        ((1, 2, 3), {}, TypeError, "3 inputs came by position"),
        ((ONES,), {}, TypeError, "input 'b' is missing"),
        ((ONES,), {"a": 1}, TypeError, "came twice"),
        ((), {"c": 1}, TypeError, "no input 'c'"),
        ((np.ones((1, 2), int), ONES), {}, TypeError, r"'a': \(N, 2\) float32 came with dtype int64"),
        ((ONES[0], ONES), {}, ValueError, "came with 1 dimensions"),
        ((np.ones((1, 3), np.float32), ONES), {}, ValueError, r"'Add' \(Add, opset 17\).*declares 'a'"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_said(args: Any, named: Any, error: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=said):
        two(tmp_path)(*args, **named)


def test_a_weight_that_is_an_input_too_has_a_default(tmp_path: Path) -> None:
    inputs = (("x", FLOAT, ["N", 2]), ("w", FLOAT, [2]))
    model = loaded(tmp_path, [node("Mul", ["x", "w"], ["y"], "Mul")], [array([2, 3], "w")], inputs)
    x = np.ones((1, 2), np.float32)
    assert model.input_names == ("x",)
    assert model(x).tolist() == [[2, 3]]
    assert model(x, w=np.array([5, 5], np.float32)).tolist() == [[5, 5]]


def test_an_error_names_node_operator_and_opset(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["y"], "head/fc/MatMul")]
    model = loaded(tmp_path, nodes, [array(np.ones((3, 2)), "w")])
    with pytest.raises(ValueError, match=r"(?s)node 'head/fc/MatMul' \(MatMul, opset 17\): .*in head.fc \(MatMul\)"):
        model(np.ones((1, 4), np.float32))


def test_integers_leave_no_nodes_in_a_graph(tmp_path: Path) -> None:
    """What only shapes depend on is computed beside the record, and the batch stays free."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Concat", ["n", "rest"], ["to"], axis=0),
        node("Reshape", ["x", "to"], ["y"]),
    ]
    weights = [array([0], "zero", np.int64), array([2, -1], "rest", np.int64)]
    model = loaded(tmp_path, nodes, weights)
    for n in (1, 3):
        x = tg.randn(n, 6, requires_grad=True)
        y = model(x)
        assert y.shape == (n, 2, 3)
        y.sum().backward()
        assert x.grad.tolist() == tg.ones(n, 6).tolist()


# ---------------------------------------------------------------------------------------------------------- control
def test_branches_and_loops_have_gradients(tmp_path: Path) -> None:
    def body(name: str, nodes: Any, ins: Any, outs: Any) -> Any:
        inputs, outputs = ([helper.make_tensor_value_info(*v) for v in values] for values in (ins, outs))
        return helper.make_graph(nodes, name, inputs, outputs)

    steps = [
        node("Mul", ["v", "w"], ["v2"]),
        node("Identity", ["c"], ["c2"]),
        node("ReduceSum", ["v2"], ["total"], keepdims=0),
    ]
    taken = [("i", INT64, []), ("c", BOOL, []), ("v", FLOAT, ["N", "M"])]
    turn = body("turn", steps, taken, [("c2", BOOL, None), ("v2", FLOAT, None), ("total", FLOAT, None)])
    twice = body("twice", [node("Add", ["z", "z"], ["t"])], [], [("t", FLOAT, None)])
    same = body("same", [node("Identity", ["z"], ["e"])], [], [("e", FLOAT, None)])
    nodes = [
        node("Loop", ["times", "", "x"], ["z", "totals"], "loop", body=turn),
        node("If", ["flag"], ["y"], "if", then_branch=twice, else_branch=same),
    ]
    inputs = (("x", FLOAT, ["N", "M"]), ("times", INT64, []), ("flag", BOOL, []))
    model = loaded(tmp_path, nodes, [array([2.0, 3.0], "w")], inputs, ("y", "totals"))
    y, totals = model(np.ones((1, 2), np.float32), np.array(3), np.array(True))
    assert (y.tolist(), totals.tolist()) == ([[16, 54]], [5, 13, 35])
    y.sum().backward()
    assert model.w.grad.tolist() == [24, 54]
    assert model(np.ones((1, 2), np.float32), np.array(0), np.array(False))[0].tolist() == [[1, 1]]


def test_a_function_of_the_models_own(tmp_path: Path) -> None:
    half = node("Mul", ["a", "k"], ["b"])
    k = node("Constant", [], ["k"])
    k.attribute.add(name="value_float", ref_attr_name="factor", type=onnx.AttributeProto.FLOAT)
    made = helper.make_function("own", "Scale", ["a"], ["b"], [k, half], [helper.make_opsetid("", 17)], ["factor"])
    nodes = [
        node("Scale", ["x"], ["m"], "one", domain="own", factor=3.0),
        node("Scale", ["m"], ["y"], "two", domain="own", factor=0.5),
    ]
    model = loaded(tmp_path, nodes, functions=[made])
    assert model(np.array([[2]], np.float32)).tolist() == [[3]]


def own(inputs: Any, outputs: Any, nodes: Any) -> Any:
    return helper.make_function("own", "Own", inputs, outputs, nodes, [helper.make_opsetid("", 17)])


def test_a_function_that_is_called_with_less(tmp_path: Path) -> None:
    """An input that the call leaves out is left out within."""
    clip = own(["a", "low", "high"], ["b"], [node("Clip", ["a", "low", "high"], ["b"])])
    for names, expected in ((["x"], [-9, 9]), (["x", "w"], [1, 9]), (["x", "", "w"], [-9, 1])):
        model = loaded(tmp_path, [node("Own", names, ["y"], domain="own")], [array(1, "w")], functions=[clip])
        assert model(np.array([[-9, 9]], np.float32)).tolist() == [expected]


def test_a_function_that_gives_less_than_is_asked_for(tmp_path: Path) -> None:
    x = np.ones((1, 2), np.float32)
    one = own(["a"], ["b"], [node("Neg", ["a"], ["b"])])
    model = loaded(tmp_path, [node("Own", ["x"], ["y", "z"], "call", domain="own")], functions=[one])
    with pytest.raises(ValueError, match=r"node 'call' \(own.Own, opset 1\): 2 outputs are asked for, 1 are there"):
        model(x)
    nothing = own(["a"], ["b"], [node("Neg", ["a"], ["c"])])
    model = loaded(tmp_path, [node("Own", ["x"], ["y"], "call", domain="own")], functions=[nothing])
    with pytest.raises(ValueError, match=r"node 'call' \(own.Own, opset 1\): the value 'b' is not there"):
        model(x)


def test_an_error_within_a_branch_names_the_node_within(tmp_path: Path) -> None:
    def branch(name: str, operator: str, *more: str) -> Any:
        out = helper.make_tensor_value_info(name, FLOAT, None)
        return helper.make_graph([node(operator, ["x", *more], [name], f"{name}/{operator}")], name, [], [out])

    choice = node(
        "If", ["flag"], ["y"], "choice", then_branch=branch("a", "MatMul", "w"), else_branch=branch("b", "Neg")
    )
    inputs = (("x", FLOAT, ["N", 2]), ("flag", BOOL, []))
    model = loaded(tmp_path, [choice], [array(np.ones((3, 2)), "w")], inputs)
    assert model(ONES, np.array(False)).tolist() == [[-1, -1]]
    with pytest.raises(ValueError, match=r"^node 'a/MatMul' \(MatMul, opset 17\): ") as raised:
        model(ONES, np.array(True))
    assert "choice" not in str(raised.value)


# ------------------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("features.0/Conv", "features.0"),
        ("/features/features.0/Conv", "features.0"),
        ("/features/0/Conv", "features.0"),
        ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("/model/layer1/layer1.1/downsample/downsample.0/Conv", "model.layer1.1.downsample.0"),
        ("Conv_3", ""),
        ("/Conv", ""),
    ],
)
def test_modules_from_the_names_of_nodes(name: str, path: str, tmp_path: Path) -> None:
    model = loaded(tmp_path, [node("Relu", ["x"], ["y"], name)])
    assert [n for n, m in model.named_modules() if not list(m.children())] == [path]
    assert model(np.array([[-1, 2]], np.float32)).tolist() == [[0, 2]]


def test_a_node_without_a_path_stands_with_its_weights(tmp_path: Path) -> None:
    weights = [array(np.ones((2, 2)), "a.fc.weight"), array([1, 1], "a.fc.bias")]
    model = loaded(tmp_path, [node("Gemm", ["x", "a.fc.weight", "a.fc.bias"], ["y"], "Gemm_7")], weights)
    assert type(model.a.fc).__name__ == "Gemm"
    assert model(np.ones((1, 2), np.float32)).tolist() == [[3, 3]]


def test_a_module_that_runs_in_two_stretches(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], ["a"], "act/Relu"),
        node("Neg", ["a"], ["b"], "other/Neg"),
        node("Abs", ["b"], ["y"], "act/Abs"),
    ]
    model = loaded(tmp_path, nodes)
    assert [n for n, _ in model.named_children()] == ["act", "other", "act_1"]
    assert model(np.array([[-1, 2]], np.float32)).tolist() == [[0, 2]]


def test_settings_are_no_parameters(tmp_path: Path) -> None:
    nodes = [
        node("Clip", ["x", "low", "high"], ["a"], "clip"),
        node("Mul", ["a", "val_3"], ["b"], "scale"),
        node("Mul", ["b", "temperature"], ["y"], "warm"),
    ]
    weights = [array(0, "low"), array(6, "high"), array(2, "val_3"), array(1.5, "temperature")]
    model = loaded(tmp_path, nodes, weights)
    assert [n for n, _ in model.named_parameters()] == ["temperature"]
    assert set(model.state_dict()) == {"low", "high", "val_3", "temperature"}
    assert model(np.array([[-1, 7]], np.float32)).tolist() == [[0, 18]]


def test_weights_that_pytorch_wrote_once_are_each_their_own(tmp_path: Path) -> None:
    nodes = [
        node("Identity", ["a.w"], ["b.w"], "Identity_0"),
        node("Mul", ["x", "a.w"], ["m"], "a/Mul"),
        node("Mul", ["m", "b.w"], ["y"], "b/Mul"),
    ]
    model = loaded(tmp_path, nodes, [array([1.0, 1.0], "a.w")])
    assert [n for n, _ in model.named_parameters()] == ["a.w", "b.w"]
    with tg.no_grad():
        model.b.w += 1
    assert model(np.array([[1, 2]], np.float32)).tolist() == [[2, 4]]
    assert [n for n, _ in model.named_children()] == ["a", "b"]


def test_integers_of_several_names_are_one_buffer(tmp_path: Path) -> None:
    nodes = [
        node("Identity", ["order"], ["again"]),
        node("Identity", ["again"], ["once.more"]),
        node("Gather", ["x", "again"], ["m"], axis=1),
        node("Gather", ["m", "once.more"], ["y"], axis=1),
    ]
    model = loaded(tmp_path, nodes, [array([1, 2, 0], "order", np.int64)])
    x = np.array([[5, 6, 7]], np.float32)
    assert list(model.state_dict()) == ["order"]
    assert model(x).tolist() == [[7, 5, 6]]
    model.order.copy_(tg.tensor([0, 0, 1]))
    for same in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same(x).tolist() == [[5, 5, 5]]
    assert model.double()(x.astype(float)).tolist() == [[5, 5, 5]]


def test_copies_of_weights_have_a_bound(tmp_path: Path, monkeypatch: Any) -> None:
    """Beyond it the further names are those of one parameter."""
    monkeypatch.setattr("tinygrad_cnn.onnx.reading.graph_module.MAX_COPIES", 20)
    nodes = [node("Identity", ["a.w"], [f"{part}.w"]) for part in "bcd"]
    nodes += [node("Mul", [a, w], [y]) for a, w, y in [("x", "b.w", "p"), ("p", "c.w", "q"), ("q", "d.w", "y")]]
    model = loaded(tmp_path, nodes, [array([2, 3], "a.w")])
    assert [n for n, _ in model.named_parameters()] == ["a.w", "b.w", "c.w"]
    y = model(np.ones((1, 2), np.float32))
    assert y.tolist() == [[8, 27]]
    y.sum().backward()
    assert model.a.w.grad.tolist() == [4, 9]


def test_what_is_given_for_a_weight_goes_by_all_its_names(tmp_path: Path) -> None:
    inputs = (("x", FLOAT, ["N", 2]), ("w", FLOAT, [2]))
    nodes = [node("Identity", ["w"], ["v"]), node("Mul", ["x", "w"], ["m"]), node("Add", ["m", "v"], ["y"])]
    model = loaded(tmp_path, nodes, [array([2, 3], "w")], inputs)
    x = np.ones((1, 2), np.float32)
    assert model(x).tolist() == [[4, 6]]
    assert model(x, w=np.array([5, 6], np.float32)).tolist() == [[10, 12]]


def test_modules_say_what_they_are(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", ["x", "body.fc.weight"], ["a"], "body/fc/Gemm", alpha=0.5, transB=1),
        node("Relu", ["a"], ["b"], "body/act/Relu"),
        node("Add", ["a", "b"], ["c"], "body/Add"),
        node("Add", ["c", "lone.table.weight"], ["y"], "Add"),
    ]
    weights = [array([[1, 2], [3, 4]], "body.fc.weight"), array([1, 1], "lone.table.weight")]
    weights.append(array([0, 0], "lone.table.other.bias"))
    model = loaded(tmp_path, nodes, weights)
    said = repr(model)
    for line in ("(body): Section(\n", "(fc): Gemm(alpha=0.5, transB=1)", "(act): Relu()"):
        assert line in said
    assert model.body(tg.tensor([[2.0, -4.0]])).tolist() == [[-3, -5]]
    with pytest.raises(ValueError, match=r"expected 1 inputs \(x\), got 2"):
        model.body(ONES, ONES)
    with pytest.raises(ValueError, match="holds weights for others, and computes nothing on its own"):
        model.lone.table.other(ONES)


def test_the_page_lists_the_operators() -> None:
    page = (Path(__file__).parents[2] / "docs" / "interchange.md").read_text()
    listed = page[page.index("The operators, ") :].partition(":\n\n")[2].partition(".\n")[0]
    imported = sorted(name for domain, name in OPERATORS if not domain)
    assert listed.replace("\n", " ").split(", ") == imported
    assert f"The operators, {len(imported)} of them" in page
