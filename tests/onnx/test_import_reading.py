"""What a file of ONNX says, read to the letter: its cost, tensors of every dtype, names, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.onnx.reading import wire
from tinygrad_cnn.onnx.reading.files import _Reader
from tinygrad_cnn.onnx.reading.graph_module import MAX_PARTS
from tinygrad_cnn.onnx.reading.tensors import DTYPES, array_in, dtype_named
from tinygrad_cnn.onnx.reading.wire import FLOATS, MESSAGE, NUMBER, NUMBERS, PARTS, TEXT, TEXTS, check_cost

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")

import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.onnx.test_hostile import LIES, add, external, model, relu, weight, written

FLOAT = TensorProto.FLOAT


# ---------------------------------------------------------------------------------------------------- what a file costs
def kinds() -> Iterator[tuple[str, Any]]:
    """Each kind of message with what protobuf knows of it, from the model on."""
    seen, todo = set(), [("model", onnx.ModelProto.DESCRIPTOR)]
    while todo:
        kind, described = todo.pop()
        if (kind, described.full_name) not in seen:
            seen.add((kind, described.full_name))
            yield kind, described
            for field in described.fields:
                if field.message_type is not None:
                    todo.append((PARTS[kind][field.number], field.message_type))


def repeated(field: Any) -> bool:
    return bool(field.is_repeated) if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def test_the_table_of_messages_is_onnxs() -> None:
    """Each field that holds messages, texts or numbers, and no other; floats of a tensor lie there packed."""
    met = set()
    for kind, described in kinds():
        met.add(kind)
        assert set(PARTS[kind]) <= set(described.fields_by_number), described.full_name
        for field in described.fields:
            part = PARTS[kind].get(field.number)
            if field.message_type is not None:
                assert part in PARTS, field.full_name
            elif not repeated(field) or (described.name, field.name) in (
                ("TensorProto", "float_data"), ("TensorProto", "double_data"),
            ):  # fmt: skip
                assert part is None, field.full_name
            else:
                whole = {field.TYPE_STRING: TEXTS, field.TYPE_BYTES: TEXTS, field.TYPE_FLOAT: FLOATS}
                assert part == whole.get(field.type, NUMBERS), field.full_name
    assert met == set(PARTS)


def counted(message: Any, kind: str = "model") -> int:
    """What a message costs, told from what protobuf made of it."""
    total = 0
    for field, value in message.ListFields():
        part = PARTS[kind].get(field.number)
        values = list(value) if repeated(field) else [value]
        if part in (TEXTS, NUMBERS, FLOATS):
            total += (TEXT if part == TEXTS else NUMBER) * len(values)
        elif part is not None:
            for one in values:
                empty = MESSAGE if part in wire.UNSAID else MESSAGE * 100
                total += (MESSAGE if one.ByteSize() else empty) + counted(one, part)
    return total


def rich() -> Any:
    """A model with much in it: functions, branches, attributes of all kinds, sparse tensors, training, annotations."""
    numbers = helper.make_node("Own", ["x", "", "w"], ["y", "z"], "own", domain="own", ints=list(range(300)), one=-1,
                               floats=[0.5] * 7, texts=["a", "bc"], tensor=weight([3], int64_data=[1, 2**40, -1]),
                               graph=helper.make_graph([relu()], "inner", [], []), empty=[""])  # fmt: skip
    made = model([numbers, onnx.NodeProto()], [weight([2], bytes(8)), weight([200, 300], int32_data=[5, 70_000])])
    made.functions.add(name="F", domain="own", input=["a"], output=["b"], attribute=["c"]).node.add(op_type="Neg")
    made.graph.sparse_initializer.add(dims=[4, 5]).values.dims.append(7)
    made.graph.quantization_annotation.add().quant_parameter_tensor_names.add(key="k", value="v")
    made.graph.value_info.add(name="v").type.sequence_type.elem_type.tensor_type.shape.dim.add(dim_param="n")
    made.training_info.add().algorithm.node.add(op_type="Abs")
    made.graph.initializer.add(name="t", data_type=8, dims=[1], string_data=[b"one"], double_data=[1.0], float_data=[2])
    made.graph.input.add()
    return made


def test_what_a_file_costs_is_what_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte: with so much room it is read, and with one byte less it is not."""
    monkeypatch.setattr(wire, "TIMES", 0)
    for made in (rich(), model([relu()] * 50), add(weight([2, 0], bytes(8))), onnx.ModelProto(ir_version=2**40)):
        data, cost = made.SerializeToString(), counted(made)
        monkeypatch.setattr(wire, "ROOM", cost)
        check_cost(data)
        if cost:
            monkeypatch.setattr(wire, "ROOM", cost - 1)
            with pytest.raises(ValueError, match=rf"its {len(data)} bytes hold so many messages .* more than 0 MB"):
                check_cost(data)


def test_a_file_may_cost_more_if_it_is_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    data = model([relu()] * 50).SerializeToString()
    cost = counted(model([relu()] * 50))
    monkeypatch.setattr(wire, "TIMES", 3)
    monkeypatch.setattr(wire, "ROOM", cost - 3 * len(data))
    check_cost(data)
    monkeypatch.setattr(wire, "ROOM", cost - 3 * len(data) - 1)
    with pytest.raises(ValueError, match="so many messages"):
        check_cost(data)


def within(depth: int) -> bytes:
    """Graphs in attributes of nodes in graphs ..., messages within each other as deep as that."""
    content, cycle = b"", [0x0A, 0x2A, 0x32]  # graph.node, node.attribute, attribute.graph
    for k in reversed(range(depth - 1)):
        size = len(content)
        content = bytes([cycle[k % 3], size & 127 | 128, size >> 7]) + content
    return bytes([0x3A, len(content) & 127 | 128, len(content) >> 7]) + content


def test_messages_within_each_other_have_a_limit() -> None:
    check_cost(within(200))
    check_cost(within(201))  # the last one is empty, and not looked into
    with pytest.raises(ValueError, match="within each other more than 200 deep"):
        check_cost(within(203))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x08\x07", ""), (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ""), (b"", ""),
        (b"\x09" + bytes(8), ""), (b"\x0d" + bytes(4), ""), (b"\x12\x00", ""), (b"\x12\x03abc", ""),
        (b"\x12\x83\x00abc", ""), (b"\x92\x00\x03abc\x08\x07", ""),
        (b"\x08", "cut short"), (b"\x08\xff", "cut short"), (b"\x08" + b"\xff" * 11, "cut short"),
        (b"\x12\x04abc", "cut short"), (b"\x12", "cut short"), (b"\x13abc", "no file of ONNX, or damaged"),
        (b"\x14", "no file of ONNX, or damaged"), (b"\x0f", "no file of ONNX, or damaged"),
        (b"\x09" + bytes(8) + b"\x12\x01", "cut short"), (b"\x0d" + bytes(4) + b"\x17", "damaged"),
    ],
)  # fmt: skip
def test_each_form_of_a_field(data: bytes, said: str) -> None:
    if not said:
        check_cost(data)
        return
    with pytest.raises(ValueError, match=said):
        check_cost(data)


# -------------------------------------------------------------------------------------------------------------- tensors
def test_dtypes_are_onnxs_numbers_for_them() -> None:
    for name, code in TensorProto.DataType.items():
        if code in DTYPES:
            assert dtype_named(code) == helper.tensor_dtype_to_np_dtype(code)
        else:
            with pytest.raises(
                ValueError, match=rf"^dtype {name.lower()} is not supported; a Tensor holds float32, uint"
            ):
                dtype_named(code)
    assert {np.dtype(name) for name in DTYPES.values()} == {np.dtype(c) for c in "?bBhHiIqQefd"}


@pytest.mark.parametrize("code", sorted(DTYPES))
def test_a_tensor_of_each_dtype_in_each_form(code: int, tmp_path: Path) -> None:
    dtype = np.dtype(DTYPES[code])
    limits: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype) if dtype.kind in "iu" else None
    ends = [0, 1] if limits is None else [limits.min, limits.max, 0, 1]
    for a in (
        np.array(ends, dtype),
        np.array(ends[-1], dtype),
        np.zeros((2, 0), dtype),
        np.array([ends[:2]] * 3, dtype),
    ):
        typed = helper.make_tensor("w", code, a.shape, a.reshape(-1))
        beside = numpy_helper.from_array(a, "w")
        (tmp_path / "w.bin").write_bytes(b"head" + a.tobytes() + b"tail")
        del beside.external_data[:]
        beside.ClearField("raw_data")
        beside.data_location = TensorProto.EXTERNAL
        for key, value in {"location": "w.bin", "offset": "4", "length": str(a.nbytes)}.items():
            beside.external_data.add(key=key, value=value)
        for tensor in (numpy_helper.from_array(a, "w"), typed, beside):
            found = array_in(tensor, str(tmp_path))
            assert (found.dtype, found.shape) == (a.dtype, a.shape)
            assert found.tobytes() == a.tobytes()
            found[...] = 0  # in memory of its own
        if limits is not None and dtype.itemsize < 4 and dtype.kind in "iu":
            for beyond in (int(limits.min) - 1, int(limits.max) + 1):
                with pytest.raises(ValueError, match=f"tensor 'w' has numbers that {dtype} does not hold"):
                    array_in(TensorProto(name="w", data_type=code, dims=[1], int32_data=[beyond]), "")


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (weight([-1]), r"tensor 'w' has the impossible shape \(-1,\)"),
        (weight([1] * 65, bytes(4)), "tensor 'w' has the impossible shape"),
        (weight([2], bytes(4)), r"tensor 'w' of shape \(2,\) and dtype float32 needs 8 bytes, not 4"),
        (weight([3], float_data=[1]), r"tensor 'w' of shape \(3,\) needs 3 numbers, the file has 1"),
        (external(""), "tensor 'w' wants the file '', which does not lie in the folder"),
        (external("/etc/passwd"), "wants the file '/etc/passwd', which does not lie in the folder"),
        (external("../w.bin"), r"wants the file '../w.bin', which does not lie in the folder"),
        (external("."), "which does not lie in the folder"),
        (external("a\0b"), "which does not lie in the folder"),
        (external("none"), "tensor 'w' wants the file 'none', which is not there, or no regular file"),
        (external("folder"), "wants the file 'folder', which is not there, or no regular file"),
        (external("w.bin", offset="x"), "tensor 'w': offset and length of external data must be integers"),
        (external("w.bin", length="x"), "tensor 'w': offset and length of external data must be integers"),
        (external("w.bin", offset=-1), "tensor 'w' needs 8 bytes, not 8 from -1 on, of 12 in 'w.bin'"),
        (external("w.bin", offset=5), "needs 8 bytes, not 8 from 5 on, of 12 in 'w.bin'"),
        (external("w.bin", length=12), "needs 8 bytes, not 12 from 0 on"),
    ],
)  # fmt: skip
def test_tensors_that_lie(tensor: Any, said: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(12))
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=said):
        array_in(tensor, str(tmp_path))


def test_an_absolute_path_is_none_even_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(8))
    with pytest.raises(ValueError, match="which does not lie in the folder of the model"):
        array_in(external(str(tmp_path / "w.bin")), str(tmp_path))


def test_the_last_bytes_of_a_file_are_numbers_too(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(bytes(4) + np.array([1, 2], "<f4").tobytes())
    assert array_in(external("sub/w.bin", offset=4), str(tmp_path)).tolist() == [1, 2]
    assert array_in(weight([1] * 64, np.array([3], "<f4").tobytes()), "").shape == (1,) * 64


# ------------------------------------------------------------------------------------------------------ what is refused
OURS = {  # of the lies; the others are found by the checker or the parser, in their words
    "empty": "the file is empty",
    "a text": "it is no file of ONNX, or damaged",
    "a million empty nodes": "its 2000004 bytes hold so many messages that they would take more than 46 MB",
    "messages within each other": "it is cut short, or no file of ONNX",
    "a length beyond the end": "it is cut short, or no file of ONNX",
    "more bytes than numbers": "tensor 'w' of shape (1,) and dtype float32 needs 4 bytes, not 8",
    "numbers that the dtype does not hold": "tensor 'w' has numbers that int8 does not hold",
    "an opset of the future": "it uses opset 9999; opsets 7 to 28 are read",
    "an operator that nobody knows": "node 'frob' is of the operator own.Frobnicate (opset 1), which is not supported; "
    "docs/interchange.md lists those that are",
    "a constant without a value": "the constant 'c' must have one value and one name",
    "data at no number": "tensor 'w': offset and length of external data must be integers",
}


@pytest.mark.parametrize("lie", OURS)
def test_what_we_say_of_a_lie(lie: str, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    with pytest.raises(ValueError, match=r"\w") as caught:
        tg.onnx.load(written(LIES[lie](), folder))
    assert str(caught.value) == f"onnx.load: {str(folder / 'net.onnx')!r} cannot be read: {OURS[lie]}"


def program(made: Any) -> Any:
    """The graph of a model, without the checker's word on it."""
    return _Reader(made, "").program()


def constant(name: str = "c", outputs: Any = ("y",), **attributes: Any) -> Any:
    return helper.make_node("Constant", [], list(outputs), name, **attributes)


LEAF = helper.make_graph([relu()], "g", [], [])


def changed(change: Any, made: Any = None) -> Any:
    made = model([relu()]) if made is None else made
    change(made)
    return made


def deep(n: int) -> Any:
    """A node within n graphs, half of them in a function that is called within the others."""

    def around(node: Any, n: int) -> Any:
        for _ in range(n):
            node = helper.make_node("If", ["x"], ["y"], then_branch=helper.make_graph([node], "g", [], []))
        return node

    made = model([around(helper.make_node("F", ["x"], ["y"], domain="own"), n // 2)])
    imports = [helper.make_opsetid("", 17)]
    made.functions.append(helper.make_function("own", "F", ["x"], ["y"], [around(relu(), n - n // 2)], imports))
    return made


def calling(n: int) -> Any:
    """Functions that call the next one."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    made = model([helper.make_node("F0", ["x"], ["y"], domain="own")])
    for k in range(n):
        last = k == n - 1
        node = helper.make_node("Neg" if last else f"F{k + 1}", ["a"], ["b"], domain="" if last else "own")
        made.functions.append(helper.make_function("own", f"F{k}", ["a"], ["b"], [node], imports))
    return made


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: changed(lambda m: m.ClearField("opset_import")), "it does not say which opset of ai.onnx it uses"),
        (lambda: model([relu()], opset=29), "it uses opset 29; opsets 7 to 28 are read"),
        (lambda: model([relu()], opset=0), "it uses opset 0; opsets 7 to 28 are read"),
        (
            lambda: model([helper.make_node("Mul", ["x", "x"], ["y"])], opset=6),
            "operator Mul of opset 6 is not read; convert",
        ),
        (
            lambda: changed(lambda m: m.graph.sparse_initializer.add()),
            "graph 'net' has sparse initializers.*save them dense",
        ),
        (lambda: changed(lambda m: m.graph.initializer.add(data_type=1, dims=[0])), "an initializer has no name"),
        (
            lambda: model([helper.make_node("Odd", ["x"], ["y"])]),
            r"node 'y' is of the operator Odd \(opset 17\), which is",
        ),
        (lambda: model([helper.make_node("Odd", ["x"], [])]), r"node 'Odd' is of the operator Odd"),
        (
            lambda: model([helper.make_node("Odd", ["x"], ["y"], domain="a.b")]),
            r"of the operator a\.b\.Odd \(opset 0\)",
        ),
        (lambda: model([constant()]), "the constant 'c' must have one value and one name"),
        (lambda: model([constant(value_int=1, value_float=2.0)]), "the constant 'c' must have one value and one name"),
        (
            lambda: model([constant(outputs=("y", "z"), value_int=1)]),
            "the constant 'c' must have one value and one name",
        ),
        (lambda: model([constant(value_string="a")]), "the constant 'c' is value_string, which is not supported"),
        (lambda: model([constant(value=1)]), "the constant 'c' is value, which is not supported"),
        (lambda: model([constant(value_int=0.5)]), "the constant 'c' is value_int, which is not supported"),
        (lambda: model([constant(value_floats=[1, 2])]), "") ,
        (
            lambda: model([helper.make_node("Odd", ["x"], ["y"], graphs=[LEAF])]),
            "attribute 'graphs' is a sparse tensor",
        ),
        (lambda: deep(51), "graphs lie within each other more than 50 deep"),
        (lambda: calling(52), "functions call each other more than 50 deep"),
        (
            lambda: changed(lambda m: m.graph.input.add(name="q").type.sequence_type.SetInParent()),
            "input 'q' is a sequence, not",
        ),
        (
            lambda: changed(lambda m: m.graph.input.add(name="q").type.map_type.SetInParent()),
            "input 'q' is a map, not a",
        ),
        (
            lambda: changed(lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 8)),
            "input 'x' is of a dtype that a",
        ),
    ],
)  # fmt: skip
def test_what_is_not_read_is_said(made: Any, said: str) -> None:
    if not said:
        program(made())
        return
    with pytest.raises(ValueError, match=said):
        program(made())


def test_what_is_just_read() -> None:
    for opset in (1, 7, 28):
        assert len(program(model([helper.make_node("Softsign", ["x"], ["y"])], opset=opset)).steps) == 1
    program(deep(50))
    program(calling(51))
    values: dict[str, Any] = {"value_int": 3, "value_ints": [1, 2], "value_float": 0.5, "value_floats": [0.5, 1]}
    for name, value in values.items():
        found = program(model([constant(**{name: value})])).constants["y"]
        assert found.tolist() == value
        assert found.dtype == (np.int64 if "int" in name else np.float32)


def test_what_an_input_is_declared_to_be() -> None:
    made = model([relu()], inputs=("x",))
    made.graph.input.extend(
        [
            helper.make_tensor_value_info("a", TensorProto.INT64, ["n", 3, None]),
            helper.make_tensor_value_info("b", TensorProto.BOOL, []),
            helper.make_tensor_value_info("c", FLOAT, None),
            onnx.ValueInfoProto(name="d"),
        ]
    )
    x, a, b, c, d = program(made).declared
    assert (a.dtype, a.shape, b.dtype, b.shape) == ("int64", ("n", 3, "?"), "bool", ())
    assert (c.dtype, c.shape, d.dtype, d.shape) == ("float32", None, None, None)
    assert list(map(str, (x, a, b, c, d))) == [
        "'x': (n) float32", "'a': (n, 3, ?) int64", "'b': () bool", "'c': any shape float32", "'d': any shape",
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- names
def test_a_name_of_very_many_parts_ends_in_one(tmp_path: Path) -> None:
    for n in (MAX_PARTS, MAX_PARTS + 1, MAX_PARTS + 3):
        name = ".".join(f"p{k}" for k in range(n))
        made = model(
            [helper.make_node("Add", ["x", name], ["y"], "add")],
            [numpy_helper.from_array(np.ones(1, np.float32), name)],
        )
        onnx.save(made, tmp_path / "net.onnx")
        (found,) = tg.onnx.load(tmp_path / "net.onnx").state_dict()
        rest = [f"p{k}" for k in range(MAX_PARTS, n)]
        assert found == ".".join([*(f"p{k}" for k in range(MAX_PARTS)), *(["_".join(rest)] if rest else [])])


@pytest.mark.parametrize(
    ("name", "shape", "is_parameter"),
    [
        ("fc.weight", (2,), True), ("bn.running_mean", (2,), False), ("running_var", (2,), False),
        ("bn.num_batches_tracked", (), False), ("constant", (2,), False), ("a/constant_12", (2,), False),
        ("constant_x", (2,), True), ("my_constant", (2,), True), ("temperature", (), True), ("val_3", (), False),
        ("scalar_1", (), False), ("const_x", (), False), ("c_1", (), False), ("val_3", (2,), True), ("123", (), False),
        ("a.b", (), True), ("a b", (), False), ("running_means", (2,), True),
    ],
)  # fmt: skip
def test_which_weights_are_parameters(name: str, shape: Any, is_parameter: bool, tmp_path: Path) -> None:
    made = model(
        [helper.make_node("Mul", ["x", name], ["y"], "mul")],
        [numpy_helper.from_array(np.ones(shape, np.float32), name)],
    )
    onnx.save(made, tmp_path / "net.onnx")
    net = tg.onnx.load(tmp_path / "net.onnx")
    assert (len(list(net.parameters())), len(list(net.buffers()))) == ((1, 0) if is_parameter else (0, 1))


@pytest.mark.parametrize(
    ("operator", "position", "is_setting"),
    [
        *[("BatchNormalization", i, i > 2) for i in range(1, 5)], ("Clip", 1, True), ("Clip", 2, True),
        ("Pow", 1, True),         ("Add", 1, False), ("PRelu", 1, False), ("InstanceNormalization", 2, False),
        ("Dropout", 1, True), ("Pad", 2, True), ("Upsample", 1, True), ("Resize", 1, True), ("Resize", 2, True),
        *[("Range", i, True) for i in range(3)], ("QuantizeLinear", 1, True), ("OneHot", 2, True),
        ("DequantizeLinear", 1, True), ("Conv", 1, False), ("Conv", 2, False),
    ],
)  # fmt: skip
def test_what_is_an_input_and_a_setting_all_the_same(operator: str, position: int, is_setting: bool) -> None:
    """By the input of its operator that it is: not trained."""
    from tinygrad_cnn.onnx.reading.graph_module import place_weights
    from tinygrad_cnn.onnx.reading.sections import Section, Weights

    names = [f"x{k}" for k in range(position)] + ["theirs"]
    made = model(
        [helper.make_node(operator, names, ["y"], "n")], [numpy_helper.from_array(np.ones(2, np.float32), "theirs")]
    )
    root = Section(Weights())
    place_weights(root, program(made))
    assert len(list(root.parameters())) == (not is_setting)
    assert len(list(root.buffers())) == is_setting
