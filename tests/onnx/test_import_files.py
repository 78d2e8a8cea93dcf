"""What files may hold, and what of it is refused: an error that says what, found before anything is computed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")

import onnx
from onnx import TensorProto, helper, numpy_helper

import tinygrad_cnn as tg
from tests.faults.mutations import memory_in_child
from tests.onnx.test_hostile import add, calls_itself, external, function, graph, model, relu, weight, written
from tinygrad_cnn.onnx.reading import files
from tinygrad_cnn.onnx.reading.wire import NUMBERS, PARTS, TEXTS

FLOAT = TensorProto.FLOAT
node = helper.make_node
X = np.array([-1, 2], np.float32)


def sparse() -> Any:
    return helper.make_sparse_tensor(
        helper.make_tensor("w", FLOAT, [1], [3.0]), helper.make_tensor("places", TensorProto.INT64, [1], [0]), [2]
    )


def with_sparse_weight() -> Any:
    made = model([node("Add", ["x", "w"], ["y"])])
    made.graph.sparse_initializer.append(sparse())
    return made


def constant(**value: Any) -> Any:
    return model([node("Constant", [], ["w"], "k", **value), node("Add", ["x", "w"], ["y"])])


def ifs(inner: Any, depth: int) -> Any:
    """A node within so many branches, each within the next; it reads a and gives b."""

    def branch(nodes: Any, output: str) -> Any:
        return helper.make_graph(nodes, "branch", [], [helper.make_tensor_value_info(output, FLOAT, None)])

    taken = branch([inner], inner.output[0])
    for k in range(1, depth + 1):
        other = branch([node("Neg", ["a"], [f"n{k}"])], f"n{k}")
        outer = node("If", ["c"], ["b" if k == depth else f"b{k}"], f"if {k}", then_branch=taken, else_branch=other)
        taken = branch([outer], outer.output[0])
    return outer


def functions_of_branches(count: int, depth: int = 20) -> Any:
    """Functions that call each other, each from within 20 branches; what is within is a Relu."""
    yes = node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(True)))
    inner = [node("Relu", ["a"], ["q"]), *(node(f"F{k}", ["a"], ["q"], domain="own") for k in range(count - 1))]
    made = [function(f"F{k}", [yes, ifs(inner[k], depth)]) for k in range(count)]
    return model([node(f"F{count - 1}", ["x"], ["y"], domain="own")], functions=made)


def functions_in_a_row(count: int) -> Any:
    made = [function("F0", [node("Relu", ["a"], ["b"])])]
    made += [function(f"F{k}", [node(f"F{k - 1}", ["a"], ["b"], domain="own")]) for k in range(1, count)]
    return model([node(f"F{count - 1}", ["x"], ["y"], domain="own")], functions=made)


def varint(n: int) -> bytes:
    return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])


def field(*path: int, of: bytes) -> bytes:
    """Bytes as a field of a message, that one as a field of another, and so on outwards."""
    for number in reversed(path):
        of = varint(number << 3 | 2) + varint(len(of)) + of
    return of


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a sparse weight": (with_sparse_weight, "graph 'net' has sparse initializers, .* not supported; save them dense"),
    "a sparse constant": (lambda: constant(sparse_value=sparse()), "'sparse_value' is a sparse tensor, a type or a"),
    "a text": (lambda: constant(value_string="a"), "the constant 'k' is value_string, which is not supported"),
    "texts": (lambda: constant(value_strings=["a"]), "the constant 'k' is value_strings, which is not supported"),
    "branches in functions in branches": (
        lambda: functions_of_branches(3), "graphs lie within each other more than 50 deep",
    ),
    "many functions in a row": (lambda: functions_in_a_row(60), "functions call each other more than 50 deep"),
    "branches without an end": (
        lambda: field(7, *[1, 5, 6] * 70, of=b"\x0a\x02"), "messages lie within each other more than 200 deep",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_is_refused_in_our_words(name: str, tmp_path: Path) -> None:
    made, said = REFUSED[name]
    path = written(made(), tmp_path)
    with pytest.raises(ValueError, match=rf"onnx.load: '.*net\.onnx' cannot be read: .*{said}"):
        tg.onnx.load(path)


@pytest.mark.parametrize(
    "made", [lambda: functions_of_branches(2), lambda: functions_in_a_row(50)], ids=["branches", "functions"]
)
def test_what_is_deep_and_not_too_deep_is_read(made: Callable[[], Any], tmp_path: Path) -> None:
    assert tg.onnx.load(written(made(), tmp_path))(X).tolist() == [0, 2]


def nameless() -> Any:
    return model([relu()], [numpy_helper.from_array(X, "")])


NOT_CHECKED: dict[str, tuple[Callable[[], Any], str]] = {
    "a function that calls itself": (calls_itself, "function 'F' calls itself"),
    "a weight without a name": (nameless, "an initializer has no name"),
    "fewer numbers than places": (
        lambda: add(weight([3], float_data=[1, 2])), r"tensor 'w' of shape \(3,\) needs 3 numbers, the file has 2",
    ),
    "more numbers than places": (
        lambda: add(weight([1], float_data=[1, 2])), r"tensor 'w' of shape \(1,\) needs 1 numbers, the file has 2",
    ),
    "a file in a folder above": (
        lambda: add(external("../weights.bin")), "wants the file '../weights.bin', which does not lie in the folder",
    ),
    "a device": (lambda: add(external("device.bin")), "wants the file 'device.bin', which is not there, or no regular"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_CHECKED)
def test_nothing_hangs_on_what_the_checker_lets_pass(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    """It grows stricter with every version of the onnx package; ours need not be the newest."""
    made, said = NOT_CHECKED[name]
    (tmp_path / "inner").mkdir()
    path = written(made(), tmp_path / "inner")
    monkeypatch.setattr(onnx.checker, "check_model", lambda *_args, **_named: None)
    with pytest.raises(ValueError, match=rf"net\.onnx' cannot be read: .*{said}"):
        tg.onnx.load(path)


@pytest.mark.parametrize("error", [MemoryError(), PermissionError("no entry")])
def test_what_is_no_fault_of_the_file_stays_what_it_is(error: Exception, tmp_path: Path, monkeypatch: Any) -> None:
    def fails(*_args: Any) -> Any:
        raise error

    path = written(model([relu()]), tmp_path)
    monkeypatch.setattr(files, "_parsed", fails)
    with pytest.raises(type(error)) as raised:
        tg.onnx.load(path)
    assert raised.value is error


# ------------------------------------------------------------------------------------------------------------- numbers
def test_halves_are_read_by_their_bits(tmp_path: Path) -> None:
    half = helper.make_tensor("w", TensorProto.FLOAT16, [2], [1.5, -2.25])
    assert list(half.int32_data) == [0x3E00, 0xC080]
    made = model([node("Cast", ["w"], ["wide"], to=FLOAT), node("Add", ["x", "wide"], ["y"])], [half])
    assert tg.onnx.load(written(made, tmp_path))(np.zeros(2, np.float32)).tolist() == [1.5, -2.25]


def test_millions_of_halves_one_by_one_are_no_reason_to_refuse(tmp_path: Path) -> None:
    """Written as numbers, of up to three bytes each, and not as raw bytes."""
    halves = np.random.default_rng(0).standard_normal(3_000_000).astype(np.float16)
    tensor = weight(halves.shape, kind=TensorProto.FLOAT16)
    tensor.int32_data.extend(halves.view(np.uint16).tolist())
    made = model([node("Cast", ["w"], ["wide"], to=FLOAT), node("Add", ["x", "wide"], ["y"])], [tensor])
    loaded = tg.onnx.load(written(made, tmp_path))
    np.testing.assert_array_equal(loaded.w.numpy(), halves)


def without_shapes(made: Any) -> Any:
    for value in made.graph.output:
        value.type.tensor_type.ClearField("shape")
    return made


def own_constant() -> Any:
    """Numbers beside the file as the constant of a function, and of a branch."""
    k, inner = (node("Constant", [], [name], value=external("weights.bin")) for name in ("k", "k2"))
    branch = graph([inner, node("Neg", ["k2"], ["t"])], inputs=(), outputs=("t",))
    yes = node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(True)))
    return model(
        [node("F", ["x"], ["z"], domain="own"), yes, node("If", ["c"], ["b"], then_branch=branch, else_branch=branch),
         node("Add", ["z", "b"], ["y"])],
        functions=[function("F", [k, node("Mul", ["a", "k"], ["b"])])],
    )  # fmt: skip


@pytest.mark.parametrize("strip", [lambda made: made, without_shapes], ids=["shapes", "no shapes"])
def test_data_lie_beside_the_model_wherever_we_are(strip: Any, tmp_path: Path, monkeypatch: Any) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder, numbers in ((home, [3, 4]), (elsewhere, [7, 7])):
        folder.mkdir()
        (folder / "weights.bin").write_bytes(np.array(numbers, np.float32).tobytes())
    monkeypatch.chdir(elsewhere)
    path = home / "net.onnx"
    for made, expected in ((add(external("weights.bin")), [2, 6]), (own_constant(), [-6, 4])):
        path.write_bytes(strip(made).SerializeToString())
        for name in (path, os.path.relpath(path)):
            assert tg.onnx.load(name)(X).tolist() == expected
    path.write_bytes(strip(add(external("../elsewhere/weights.bin"))).SerializeToString())
    with pytest.raises(ValueError, match=r"elsewhere/weights\.bin"):
        tg.onnx.load(path)


# ------------------------------------------------------------------------------------------------------------ messages
def test_all_messages_that_the_format_has_are_counted() -> None:
    """The table against the format's own description: what is repeated, and what may hold something that is."""
    todo, seen = [("model", onnx.ModelProto.DESCRIPTOR)], set()
    while todo:
        kind, described = todo.pop()
        if (kind, described.full_name) in seen:
            continue
        seen.add((kind, described.full_name))
        for part in described.fields:
            counted = PARTS[kind].get(part.number)
            place = f"{described.full_name}.{part.name} ({kind} {part.number})"
            if part.message_type is not None:
                assert counted in PARTS, place
                todo.append((counted, part.message_type))
            elif _is_repeated(part) and part.type in (part.TYPE_STRING, part.TYPE_BYTES):
                assert counted == TEXTS, place
            elif _is_repeated(part) and part.type not in (part.TYPE_FLOAT, part.TYPE_DOUBLE):
                assert counted == NUMBERS, place
    assert len(seen) > 15


def _is_repeated(part: Any) -> bool:
    return bool(part.is_repeated if hasattr(part, "is_repeated") else part.label == part.LABEL_REPEATED)


MILLION = 1_000_000
HIDDEN = {  # at places that nobody reads
    "numbers of an attribute": field(7, 1, 5, 8, of=bytes(8 * MILLION)),
    "nodes of a graph for training": field(20, 1, of=b"\x0a\x00" * MILLION),
    "sizes in the type of a list": field(7, 11, 2, 4, 1, 1, 2, of=b"\x0a\x00" * MILLION),
    "annotations": field(7, 14, of=b"\x12\x00" * MILLION),
    "devices": field(26, of=b"\x1a\x00" * MILLION),
    "places of a node": field(7, 1, 10, of=b"\x12\x00" * MILLION),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_millions_of_small_things_are_counted_before_they_are_parsed(name: str, tmp_path: Path) -> None:
    path = written(model([relu()]).SerializeToString() + HIDDEN[name], tmp_path)
    grown, ending = memory_in_child(lambda: tg.onnx.load(path))
    assert "so many messages" in ending
    assert grown < path.stat().st_size + (32 << 20), f"{grown / 2**20:.1f} MB"


@pytest.mark.parametrize("sizes", [[], [None]], ids=["numbers", "unknown sizes"])
def test_a_file_that_says_the_shapes_of_thousands_of_values_is_read(sizes: Any, tmp_path: Path) -> None:
    """A size that is not known, and the shape of a number, are empty messages."""
    names = [*(f"v{k}" for k in range(3000)), "y"]
    nodes = [node("ReduceSum", ["x"], ["v0"], keepdims=0) if not sizes else node("Relu", ["x"], ["v0"])]
    made = model([*nodes, *(node("Neg", [a], [b]) for a, b in itertools.pairwise(names))])
    made.graph.value_info.extend(helper.make_tensor_value_info(name, FLOAT, sizes) for name in names[:-1])
    assert tg.onnx.load(written(made, tmp_path))(X).tolist() == ([0, 2] if sizes else 1)
