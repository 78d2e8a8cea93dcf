"""Damaged and lying files of ONNX: ``python tests/faults/onnx_files.py --count 10000`` puts all of them to the reader.

A flip within a weight's bytes makes another weight, which no reader can know; so what loads is called, and may give any
numbers, or an error of ours.
"""

from __future__ import annotations

import argparse
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import tinygrad_cnn as tg
from tests.faults.mutations import campaign
from tests.faults.reading import through_a_file

ROOM = 3 << 30  # bytes that a damaged model may ask for when it is called, before NumPy says no


def small_net() -> bytes:
    """A small net with what files of PyTorch have: batch-norm, shapes that are computed, a branch, attributes."""
    rng = np.random.default_rng(0)
    weights = {
        "conv.weight": rng.standard_normal((2, 1, 3, 3)).astype(np.float32),
        "bn.weight": np.ones(2, np.float32),
        "bn.bias": np.zeros(2, np.float32),
        "bn.running_mean": np.zeros(2, np.float32),
        "bn.running_var": np.ones(2, np.float32),
        "fc.weight": rng.standard_normal((3, 8)).astype(np.float32),
        "fc.bias": np.zeros(3, np.float32),
    }
    node = helper.make_node
    then, other = (
        helper.make_graph(
            [node(op, ["scores"], [f"{op}_y"], op)], op, [], [helper.make_tensor_value_info(f"{op}_y", 1, None)]
        )
        for op in ("Relu", "Identity")
    )
    nodes = [
        node("Conv", ["x", "conv.weight"], ["c"], "conv/Conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        node(
            "BatchNormalization",
            ["c", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"],
            ["b"],
            "bn/BatchNormalization",
        ),
        node("Shape", ["b"], ["s"], "Shape"),
        node("Constant", [], ["zero"], "zero", value=numpy_helper.from_array(np.array([0], np.int64))),
        node("Constant", [], ["rest"], "rest", value_ints=[-1]),
        node("Gather", ["s", "zero"], ["n"], "Gather"),
        node("Concat", ["n", "rest"], ["wanted"], "Concat", axis=0),
        node("Reshape", ["b", "wanted"], ["flat"], "Reshape"),
        node("Gemm", ["flat", "fc.weight", "fc.bias"], ["scores"], "fc/Gemm", transB=1),
        node("Constant", [], ["yes"], "yes", value=numpy_helper.from_array(np.array(True))),
        node("If", ["yes"], ["y"], "choice", then_branch=then, else_branch=other),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def load_bytes() -> Any:
    """The reader, of bytes."""
    return through_a_file(tg.onnx.load, "net.onnx")


def runs_or_refuses(model: Any) -> bool:
    """Does a model that was loaded give numbers, or an error of ours?"""
    x = np.ones((2, 1, 4, 4), np.float32)
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, before[1]))
    try:
        with np.errstate(all="ignore"):
            model(x)
    except (ValueError, TypeError, MemoryError):
        return True
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutations, pairs and triples of flips, each")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    found = campaign(
        load_bytes(), small_net(), count=args.count, seed=args.seed, accept=runs_or_refuses, says="net.onnx"
    )
    print(found)
    sys.exit(bool(found.wrong))


if __name__ == "__main__":
    main()
