"""Bugs on the way in: how a file of ONNX is read, and what its operators compute."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

HOSTILE, MODULE = ["tests/onnx/test_hostile.py"], ["tests/onnx/test_graph_module.py"]
OLDER, NODES, TORCH = (
    ["tests/onnx/test_older_opsets.py"],
    ["tests/onnx/test_node_tests.py"],
    ["tests/onnx/test_torch_files.py"],
)
CORNERS, FILES = ["tests/onnx/test_import_corners.py"], ["tests/onnx/test_import_files.py"]
READING = "onnx/reading/"

BUGS = [
    Bug(READING + "files.py", "        check_cost(data)\n", "        pass\n", HOSTILE),  # a million empty nodes are parsed
    Bug(READING + "wire.py", "else MESSAGE * 100  # an empty", "else 0  # an empty", HOSTILE),
    Bug(READING + "tensors.py", "if len(raw) != count * dtype.itemsize:", "if len(raw) < count * dtype.itemsize:", HOSTILE),
    Bug(READING + "tensors.py", "or offset + length > size:", "or length > size:", HOSTILE),  # data beyond the end
    Bug(READING + "tensors.py", "count, offset=offset)", "count)", HOSTILE),
    Bug(READING + "files.py", "    if not isinstance(value, str):\n", "    if value is None:\n", HOSTILE),  # names that are no text
    Bug(READING + "graph_module.py", "    while hasattr(module, last):", "    while last in module._modules:", HOSTILE),  # a weight named forward
    Bug(READING + "graph_module.py", 'if before and scope.startswith(f"{before}.") else scope', "if False else scope", MODULE),  # features.features.0
    Bug(READING + "graph_module.py", "any(i not in numbers for i in self.readers.get(name, ()))", "False", MODULE),
    Bug(READING + "graph_module.py", "weights[step.outputs[0]] = array.copy()", "weights[step.outputs[0]] = array", MODULE),  # two parameters in one memory
    Bug(READING + "running.py", "None if called else self, attributes)", "self, None)", MODULE),  # a function without its attributes
    Bug(READING + "operators/normalizations.py", "scale, b, True, 1 - stays, eps)", "scale, b, True, stays, eps)", MODULE),  # momentum the other way round
    Bug(READING + "operators/normalizations.py", "if not (run.training or (mode", "if not ((mode", MODULE),  # dropout never drops
    Bug(READING + "operators/activations.py", "old = step.version < 13", "old = False", OLDER),  # softmax over one axis
    Bug(READING + "operators/arithmetic.py", "return like(whole + ((x % y != 0)", "return like(whole + 0 * ((x % y != 0)", OLDER),  # -7 / 2 is -4
    Bug(READING + "operators/windows.py", "(b, a) if auto == \"SAME_UPPER\" or a < 0 else (a, b)", "(b, a)", CORNERS),
    Bug(READING + "operators/recurrent.py", "i, o, f, g = self.parts(", "i, f, o, g = self.parts(", NODES),
    Bug(READING + "operators/indexing.py", "return np.where(array < 0, array + size, array)", "return np.where(array < 0, array, array)", NODES),  # NumPy forgives, gather does not
    Bug(READING + "operators/shapes.py", "return slice(max(a, -n),", "return slice(max(a, 0),", CORNERS),
    Bug(READING + "operators/resizing.py", "w = w / w.sum(1, keepdims=True)", "w = w / 1", NODES),
    Bug(READING + "files.py", "        tensor.CopyFrom(was)\n", "        pass\n", FILES),  # data beside a model without shapes
    Bug(READING + "wire.py", "MESSAGE if part in UNSAID else MESSAGE * 100", "MESSAGE * 100", FILES),  # a file with many numbers is refused
    Bug(READING + "wire.py", "1: \"shaped\", 4: \"list\"", "1: \"shaped\", 4: \"type\"", FILES),  # sizes in the type of a list are not counted
    Bug(READING + "graph_module.py", "or origin in inputs or", "or", MODULE),  # an optional weight by another name
    Bug(READING + "running.py", "            run.values[name] = None\n", "            pass\n", MODULE),  # an input left out of a call
    Bug(READING + "operators/recurrent.py", "inside = like((t < ends)", "inside = like((t <= ends)", CORNERS),
    Bug(READING + "operators/indexing.py", "x = F.pad(x, cut) if any(cut) else x", "x = x", CORNERS),
    Bug(READING + "operators/windows.py", "- s + 1)", ")", CORNERS),  # zeros behind the last number
    Bug(READING + "operators/resizing.py", "    grid = cast_to(grid, array_of(x).dtype)\n", "", CORNERS),
]  # fmt: skip
