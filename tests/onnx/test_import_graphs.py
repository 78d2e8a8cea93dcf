"""Graphs within graphs: loops, scans, branches and functions, against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

pytest.importorskip("onnx", reason="onnx is not installed: no files of ONNX")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing to compare with")

import onnx
from onnx import parser

from tests.onnx.test_import_corners import agree, some
from tinygrad_cnn.onnx.reading.steps import Body, Step


def parsed(text: str) -> Any:
    """A model by its words."""
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')


def compare(model: Any, path: Path, **inputs: Any) -> list[Any]:
    """What the model gives, here and in onnxruntime: the same."""
    import onnxruntime

    onnx.save(model, path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    result = tg.onnx.load(path)(**inputs)
    found = [y.numpy() for y in (result if isinstance(result, tuple) else (result,))]
    agree(found, session.run(None, inputs))
    return found


SCAN = """
agraph (float[2] first, float[2,4,3] a, float[4,2] b) => (float[2] last, float[N,M] p, float[K,L,J] q)
{
    last, p, q = Scan <num_scan_inputs = 2, SETTINGS body = turn (float[2] h, float[2,SIZE] u, float[2] v)
        => (float[2] h2, float[2] p0, float[2,SIZE] q0) {
            s = ReduceSum <keepdims = 0> (u, one)
            t = Add (h, s)
            h2 = Mul (t, v)
            p0 = Sub (h2, v)
            r = Unsqueeze (h, one)
            q0 = Add (u, r)
        }> (first, A, b)
}
"""
CONSTANTS = "one = Constant <value_ints = [1]> () "


@pytest.mark.parametrize("out_axes", ["", "scan_output_axes = [1, 2],", "scan_output_axes = [0, -2],"])
@pytest.mark.parametrize("ways", [(0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 1, 0)])
@pytest.mark.parametrize("axis", [1, 2, -1, None])
def test_scans_along_any_axis_from_either_end(axis: Any, ways: Any, out_axes: str, tmp_path: Path) -> None:
    settings = "" if axis is None else f"scan_input_axes = [{axis}, 0], "
    settings += f"scan_input_directions = {list(ways[:2])}, scan_output_directions = {list(ways[2:])}, {out_axes}"
    turns = {1: 4, 2: 3, -1: 3, None: 2}[axis]
    a = some(2, 4, 3) if axis is not None else some(2, 2, 3)
    size = {1: 3, 2: 4, -1: 4, None: 3}[axis]
    text = SCAN.replace("SETTINGS", settings).replace("SIZE", str(size)).replace("float[2,4,3] a", "float[I,J,K] a")
    text = text.replace("{\n    last", f"{{\n    {CONSTANTS}\n    last", 1).replace("(first, A, b)", "(first, a, b)")
    compare(parsed(text.replace("float[4,2] b", "float[T,2] b")), tmp_path / "net.onnx", first=some(2, seed=1), a=a,
            b=some(turns, 2, seed=2))  # fmt: skip


LOOP = """
agraph (int64 most, bool go, float[2] x, float bar) => (float[2] y, float[N,2] each, float[N] sums)
{
    y, each, sums = Loop <body = turn (int64 i, bool c, float[2] v) => (bool c2, float[2] v2, float[2] e, float s) {
        f = Cast <to = 1> (i)
        w = Add (v, f)
        v2 = Add (w, x)
        s = ReduceSum <keepdims = 0> (v2)
        c2 = Less (s, bar)
        e = Identity (v)
    }> (MOST, GO, x)
}
"""


@pytest.mark.parametrize("most", ["most", ""])
@pytest.mark.parametrize("go", ["go", ""])
@pytest.mark.parametrize(("turns", "begin", "bar"), [(1, True, 99), (5, True, 9), (3, True, 99), (4, True, 0)])
def test_loops_end_by_their_number_or_their_word(
    most: str, go: str, turns: int, begin: bool, bar: float, tmp_path: Path
) -> None:
    model = parsed(LOOP.replace("MOST", "most").replace("GO", "go"))
    model.graph.node[0].input[:2] = most, go
    x = np.abs(some(2)) + 1
    inputs = {"most": np.array(turns), "go": np.array(begin), "x": x, "bar": np.array(bar, np.float32)}
    compare(model, tmp_path / "net.onnx", **inputs)


@pytest.mark.parametrize(("most", "go"), [(0, True), (3, False)])
def test_a_loop_of_no_turns_gives_what_came(most: int, go: bool, tmp_path: Path) -> None:
    model = parsed(LOOP.replace("MOST", "most").replace("GO", "go"))
    onnx.save(model, tmp_path / "net.onnx")
    x = some(2)
    y, each, sums = tg.onnx.load(tmp_path / "net.onnx")(
        most=np.array(most), go=np.array(go), x=x, bar=np.array(9, np.float32)
    )
    np.testing.assert_array_equal(y.numpy(), x)
    assert (each.numpy().size, sums.numpy().size) == (0, 0)


BRANCHES = """
agraph (bool flag, float[2] x, float[2] unused) => (float[2] y, float[2] z)
{
    m = Neg (x)
    n = Abs (x)
    y, z = If <then_branch = one () => (float[2] m0, float[2] twice) {
        m0 = Identity (m)
        twice = Add (n, n)
    }, else_branch = other () => (float[2] k, float[2] x1) {
        k = If <then_branch = a () => (float[2] r) { r = Mul (m, n) },
                else_branch = b () => (float[2] r) { r = Identity (n) }> (flag)
        x1 = Add (x, k)
    }> (flag)
}
"""


@pytest.mark.parametrize("flag", [True, False])
def test_branches_see_the_values_around_them(flag: bool, tmp_path: Path) -> None:
    compare(parsed(BRANCHES), tmp_path / "net.onnx", flag=np.array(flag), x=some(2), unused=some(2))


def test_what_a_graph_reads_of_the_values_around_it() -> None:
    """Of its steps and its outputs: what is neither given to it, nor its own, nor made before."""

    def step(reads: tuple[str, ...], *outputs: str) -> Step:
        return Step("Sum", "", 17, "", reads, outputs, {}, print, reads)

    def free(inputs: Any, outputs: Any, *steps: Step, **own: Any) -> tuple[str, ...]:
        return Body("", inputs, outputs, steps, **own).free()

    assert free(("a",), ("c",), step(("a", "b", "b"), "c")) == ("b",)
    assert free((), ("e",), step(("a",), "b"), step(("b", "", "d"), "e")) == ("a", "d")
    assert free((), ("c",), step(("c", "a"), "c")) == ("c", "a")  # read before it is made
    assert free((), ("b", "", "b", "a"), step(("x",), "a")) == ("x", "b")
    assert free((), ("k", "w"), constants={"k": some(1)}, weights={"w": some(1)}) == ()


def test_inputs_that_a_call_leaves_out_are_none_and_outputs_too(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
    agraph (float[2] x) => (float[2] y, float[2] z) {
        y, z = own.Both <up = 2.0> (x)
    }
    <domain: "own", opset_import: ["" : 17]> Both <up, down: float = 0.5> (a) => (b, c) {
        u = Constant <value_float: float = @up> ()
        d = Constant <value_float: float = @down> ()
        b = Mul (a, u)
        c = Mul (b, d)
    }"""
    model, x = parser.parse_model(text), some(2)
    onnx.save(model, tmp_path / "net.onnx")
    y, z = tg.onnx.load(tmp_path / "net.onnx")(x)
    np.testing.assert_array_equal(y.numpy(), x * 2)
    np.testing.assert_array_equal(z.numpy(), x)
