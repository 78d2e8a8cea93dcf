"""Files of ONNX that lie, ask for too much, or are damaged: an error of ours that names the file, soon."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")

import onnx
from onnx import TensorProto, helper, numpy_helper

import tinygrad_cnn as tg
from tests.faults.mutations import bit_flips, judge, memory_in_child, random_mutations, several_flips, truncations
from tests.faults.onnx_files import load_bytes, runs_or_refuses, small_net

FLOAT = TensorProto.FLOAT


def graph(nodes: Any, initializers: Any = (), inputs: Any = ("x",), outputs: Any = ("y",), name: str = "net") -> Any:
    x, y = ([helper.make_tensor_value_info(n, FLOAT, ["n"]) for n in names] for names in (inputs, outputs))
    return helper.make_graph(list(nodes), name, x, y, list(initializers))


def model(nodes: Any, initializers: Any = (), opset: int = 17, functions: Any = (), **more: Any) -> Any:
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    made = helper.make_model(graph(nodes, initializers, **more), opset_imports=imports, functions=list(functions))
    made.ir_version = 9
    return made


def relu() -> Any:
    return helper.make_node("Relu", ["x"], ["y"], "relu")


def weight(dims: Any, raw: bytes = b"", kind: int = FLOAT, **fields: Any) -> Any:
    tensor = TensorProto(name="w", data_type=kind, dims=dims)
    if raw:
        tensor.raw_data = raw
    for name, values in fields.items():
        getattr(tensor, name).extend(values)
    return tensor


def external(location: str, **entries: Any) -> Any:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def add(tensor: Any) -> Any:
    return model([helper.make_node("Add", ["x", "w"], ["y"], "add")], [tensor])


def nested(depth: int) -> Any:
    """Ifs within Ifs."""
    inner = graph([helper.make_node("Identity", ["x"], ["y0"])], inputs=(), outputs=("y0",))
    for k in range(1, depth):
        node = helper.make_node("If", ["c"], [f"y{k}"], then_branch=inner, else_branch=inner)
        inner = graph([node], inputs=(), outputs=(f"y{k}",))
    return model([helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)], inputs=("x", "c"))


def function(name: str, nodes: Any) -> Any:
    return helper.make_function(
        "own", name, ["a"], ["b"], nodes, [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    )


def calls_itself() -> Any:
    return model(
        [helper.make_node("F", ["x"], ["y"], "f", domain="own")],
        functions=[function("F", [helper.make_node("F", ["a"], ["b"], domain="own")])],
    )


def wrong_attribute() -> Any:
    made = model([helper.make_node("Concat", ["x", "x"], ["y"], "concat", axis=0)])
    made.graph.node[0].attribute[0].CopyFrom(helper.make_attribute("axis", "north"))
    return made


LIES: dict[str, Callable[[], Any]] = {
    "empty": lambda: b"",
    "a text": lambda: b"this is no model\n" * 10,
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a pickle": lambda: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "zeros": lambda: bytes(1000),
    "a million empty nodes": lambda: b"\x3a\x80\x89\x7a" + b"\x0a\x00" * 1_000_000,
    "messages within each other": lambda: small_net() + b"\x3a" * 100_000,
    "a length beyond the end": lambda: small_net() + b"\x3a\xff\xff\xff\xff\x0f",
    "fewer bytes than numbers": lambda: add(weight([4], bytes(8))),
    "more bytes than numbers": lambda: add(weight([1], bytes(8))),
    "a terabyte that is not there": lambda: add(weight([1 << 40], bytes(8))),
    "sizes that overflow": lambda: add(weight([1 << 62, 1 << 62], bytes(8))),
    "a product of sizes that wraps around to 2": lambda: add(weight([1 << 63 - 1, 4], bytes(8))),
    "a negative size": lambda: add(weight([-2], bytes(8))),
    "no numbers at all": lambda: add(weight([3])),
    "numbers in the wrong field": lambda: add(weight([2], int64_data=[1, 2])),
    "too many dimensions": lambda: add(weight([1] * 200, bytes(4))),
    "an unknown dtype": lambda: add(weight([2], bytes(8), kind=99)),
    "texts": lambda: add(weight([1], kind=TensorProto.STRING, string_data=[b"a"])),
    "numbers that the dtype does not hold": lambda: add(weight([1], kind=TensorProto.INT8, int32_data=[300])),
    "an opset of the future": lambda: model([relu()], opset=9999),
    "a negative opset": lambda: model([relu()], opset=-1),
    "an operator that nobody knows": lambda: model(
        [helper.make_node("Frobnicate", ["x"], ["y"], "frob", domain="own")]
    ),
    "a cycle": lambda: model([helper.make_node("Relu", ["y"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]),
    "an input that nobody makes": lambda: model([helper.make_node("Relu", ["nowhere"], ["y"])]),
    "an output that nobody makes": lambda: model([helper.make_node("Relu", ["x"], ["z"])]),
    "one name twice": lambda: model([relu(), relu()]),
    "a constant without a value": lambda: model([helper.make_node("Constant", [], ["y"], "c")]),
    "a function that calls itself": calls_itself,
    "graphs within each other": lambda: nested(12),
    "data in a folder above": lambda: add(external("../weights.bin")),
    "data at an absolute path": lambda: add(external("/etc/passwd")),
    "data that are not there": lambda: add(external("no_such_file.bin")),
    "data from a device": lambda: add(external("device.bin")),
    "data through a link": lambda: add(external("link.bin")),
    "data beyond the end": lambda: add(external("short.bin", offset=4)),
    "data at a negative place": lambda: add(external("short.bin", offset=-8)),
    "data of another length": lambda: add(external("short.bin", length=4)),
    "data at no number": lambda: add(external("short.bin", offset="four")),
}


def written(made: Any, folder: Path) -> Path:
    """The file, with those beside it that its external data may name."""
    path = folder / "net.onnx"
    (folder / "short.bin").write_bytes(bytes(8))
    (folder.parent / "weights.bin").write_bytes(bytes(8))
    if not (folder / "link.bin").is_symlink():
        (folder / "link.bin").symlink_to(folder.parent / "weights.bin")
        os.mkfifo(folder / "device.bin")
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return path


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_in_our_words(lie: str, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = written(LIES[lie](), folder)
    if lie == "graphs within each other":  # doubles at each level: the file is large, and read as it is
        assert path.stat().st_size > 1 << 16
        return
    started = time.process_time()
    with pytest.raises(ValueError, match=r"net\.onnx"):
        tg.onnx.load(path)
    assert time.process_time() - started < 1
    grown, ending = memory_in_child(lambda: tg.onnx.load(path))
    assert grown < path.stat().st_size + (32 << 20), f"{grown / 2**20:.1f} MB"
    assert ending.startswith("ValueError")


def shaped(*sizes: int) -> Any:
    return numpy_helper.from_array(np.array(sizes, np.int64), "sizes")


BOMBS: dict[str, Callable[[], Any]] = {
    "ConstantOfShape": lambda: model(
        [helper.make_node("ConstantOfShape", ["sizes"], ["y"], "bomb")], [shaped(1 << 31, 1 << 12)]
    ),
    "Expand": lambda: model(
        [helper.make_node("Expand", ["x", "sizes"], ["z"], "expand"), helper.make_node("Neg", ["z"], ["y"], "bomb")],
        [shaped(1 << 31, 1 << 12)],
    ),
    "Tile": lambda: model([helper.make_node("Tile", ["x", "sizes"], ["y"], "bomb")], [shaped(1 << 43)]),
    "Pad": lambda: model([helper.make_node("Pad", ["x", "sizes"], ["y"], "bomb")], [shaped(1 << 43, 0)]),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_loaded_and_says_who_it_is_when_it_is_called(bomb: str, tmp_path: Path) -> None:
    path = written(BOMBS[bomb](), tmp_path)
    grown, ending = memory_in_child(lambda: tg.onnx.load(path))
    assert (grown < 32 << 20, ending) == (True, "")
    with pytest.raises((ValueError, MemoryError)):
        tg.onnx.load(path)(x=np.ones(1, np.float32))


def test_functions_that_double_are_read_once(tmp_path: Path) -> None:
    """Forty functions, each of which calls the one before it twice: 2^40 nodes, were they written out."""
    node = helper.make_node
    functions = [function("F0", [node("Relu", ["a"], ["b"])])]
    for k in range(1, 40):
        inner = [node(f"F{k - 1}", ["a"], ["m"], domain="own"), node(f"F{k - 1}", ["m"], ["b"], domain="own")]
        functions.append(function(f"F{k}", inner))
    path = written(model([node("F39", ["x"], ["y"], "f", domain="own")], functions=functions), tmp_path)
    started = time.process_time()
    tg.onnx.load(path)
    assert time.process_time() - started < 1


def test_data_beside_the_model_are_found(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(np.array([7, 1, 2], np.float32).tobytes())
    path = tmp_path / "net.onnx"
    path.write_bytes(add(external("weights.bin", offset=4, length=8)).SerializeToString())
    loaded = tg.onnx.load(path)
    assert loaded(np.zeros(2, np.float32)).tolist() == [1, 2]


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no_such"):
        tg.onnx.load(tmp_path / "no_such.onnx")
    os.mkfifo(tmp_path / "pipe.onnx")
    for path in (tmp_path, tmp_path / "pipe.onnx", Path("/dev/zero")):
        with pytest.raises(ValueError, match="no regular file"):
            tg.onnx.load(path)


def test_an_attribute_of_the_wrong_kind(tmp_path: Path) -> None:
    path = written(wrong_attribute(), tmp_path)
    with pytest.raises(ValueError, match=r"net\.onnx|node 'concat' \(Concat, opset 17\)"):
        tg.onnx.load(path)(np.ones(2, np.float32))


NAMES = [
    "a" + ".b" * 50_000,
    "forward",
    "__class__",
    "_kinds",
    "training",
    "state_dict.weight",
    "a..b.",
    ".",
    "weight\n",
    "0",
    "x/y z",
    "ü.ß",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_are_no_attributes_of_ours(name: str, tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.array([1, 2], np.float32), name)
    made = model([helper.make_node("Add", ["x", name], ["y"], f"{name}/Add")], [tensor])
    loaded = tg.onnx.load(written(made, tmp_path))
    assert loaded(np.zeros(2, np.float32)).tolist() == [1, 2]
    assert len(loaded.state_dict()) == 1
    loaded.train()
    loaded.load_state_dict({key: tg.tensor([3.0, 4.0]) for key in loaded.state_dict()})
    assert loaded(np.zeros(2, np.float32)).tolist() == [3, 4]


def test_damage() -> None:
    """A sample of `python tests/faults/onnx_files.py`."""
    content, read = small_net(), load_bytes()
    some = list(bit_flips(content))[:: 8 * 3 + 1] + list(truncations(content))[::7]
    some += [
        *random_mutations(content, 100),
        *several_flips(content, 50, flips=2),
        *several_flips(content, 50, flips=3),
    ]
    found = judge(read, some, accept=runs_or_refuses, says="net.onnx")
    assert not found.wrong, found
    assert found.errors["ValueError"] > 200
    assert onnx.load_model_from_string(content).graph.name == "net"
