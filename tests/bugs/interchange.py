"""Bugs on the way out: what a model is taken to compute, and how ONNX is told."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

PROGRAMS = ["tests/programs"]
LAYERS = ["tests/onnx/test_export_layers.py", "-k", "alone"]
OPERATIONS = ["tests/onnx/test_export_operations.py"]
FILES = ["tests/onnx/test_export.py"]
UNUSUAL = ["tests/onnx/test_export_unusual.py", "tests/standalone/test_unusual.py"]

BUGS = [
    Bug("programs/tape.py", "return None if known is None or written_since(a, known[1]) else known[0]", "return None if known is None else known[0]", PROGRAMS),  # old values behind a write
    Bug("programs/tape.py", "            self._note(self._overwritten(before, root._array, path, value), root)\n", "            pass\n", PROGRAMS),
    Bug("programs/recording.py", "for factor in (-0.875, 0.875):", "for factor in ():", PROGRAMS),  # what hangs on the numbers is frozen
    Bug("programs/recording.py", "            if other_dice:\n", "            if False:\n", PROGRAMS),  # random numbers are frozen
    Bug("programs/recording.py", "        if size > 1:\n            tapes += _of_one(", "        if False:\n            tapes += _of_one(", PROGRAMS),
    Bug("programs/recording.py", "for other in (size + 1, size + 3):", "for other in (size + 1,):", PROGRAMS),
    Bug("standalone/exporting.py", "leaves_in(model(*args, **kwargs))", "leaves_in(model(*examples, **named))", UNUSUAL),  # which the model may write into
    Bug("programs/program.py", "return parts if isinstance(like, list) else tuple(parts)", "return type(like)(parts)", UNUSUAL),
    Bug("programs/tape.py", "self._whole = len(self._open) + 1, call", "self._whole = len(self._open), call", UNUSUAL),
    Bug("standalone/merging.py", 'before.attributes["dims"][d] for d in step.attributes["dims"]', 'step.attributes["dims"][d] for d in before.attributes["dims"]', UNUSUAL),
    Bug("standalone/merging.py", "if before is not None and uses[before.output] == 1:", "if before is not None:", UNUSUAL),
    Bug("standalone/layout.py", "        if not depth and k + 1 < len(text):\n            return False\n", "", ["tests/standalone/test_files.py"]),
    Bug("onnx/reading/operators/table.py", "        return Known, self.key\n", "        return object.__reduce__(self)\n", ["tests/onnx/test_graph_module.py"]),
    Bug("onnx/reading/steps.py", "            if id(body) not in seen:", "            if body is not None:", ["tests/onnx/test_hostile.py", "-k", "double"]),
    Bug("standalone/elementwise.py", "return chosen if told else", "return chosen if True else", UNUSUAL),
    Bug("standalone/functions/images.py", "span - rest, rest) + low", "rest, rest) + low", UNUSUAL),
    Bug("tensors/writing.py", "mask = index[(..., *(None,) * (x.ndim - mask.ndim))]", "mask = index", UNUSUAL),
    Bug("onnx/operators/losses.py", 'ignore_index=a["ignore_index"], ', "", UNUSUAL),
    Bug("onnx/operators/shapes.py", "order.insert(first - (second < first), order.pop())", "order.insert(first, order.pop())", UNUSUAL),
    Bug("programs/batches.py", "if [v.number for v in first.outputs] != [v.number for v in other.outputs]:", "if False:", PROGRAMS),
    Bug("programs/batches.py", "if free and a.size and (a == one).all():", "if free:", PROGRAMS),
    Bug("onnx/graph.py", 'name, number = f"{wanted}_{number}", number + 1', "return name", FILES),  # two bear one name
    Bug("onnx/graph.py", "if name in renamed or name not in self._by:", "if name in renamed:", OPERATIONS),
    Bug("onnx/exporting.py", "            if not missing:\n", "            if True:\n", FILES),
    Bug("onnx/operators/recurrent.py", '"LSTM": (0, 3, 1, 2)', '"LSTM": (0, 1, 2, 3)', LAYERS),
    Bug("onnx/operators/recurrent.py", 'settings["linear_before_reset"] = 1', 'settings["linear_before_reset"] = 0', LAYERS),
    Bug("onnx/operators/images.py", '"pads": [top, left, bottom, right]', '"pads": [top, bottom, left, right]', LAYERS),
    Bug("onnx/operators/images.py", "extra = _left_over(g, s, s.inputs[0].shape[2:], kernel)[row is not None :]", "extra = [0, 0][row is not None :]", LAYERS),
    Bug("onnx/operators/normalizing.py", "x, w, b, mean, var, epsilon", "x, w, b, var, mean, epsilon", LAYERS),
    Bug("onnx/operators/elementwise.py", "math.isclose(math.prod(numbers), 1, rel_tol=1e-6)", "True", LAYERS),  # every pool is a mean
    Bug("onnx/operators/indexing.py", "chosen[at], source[at] = True, np.arange(at.size)", "chosen[at], source[at] = True, 0", OPERATIONS),
    Bug("onnx/operators/shapes.py", "at = -shift % shape[dim]", "at = shift % shape[dim]", OPERATIONS),
    Bug("onnx/operators/shapes.py", 'x, dims = before.inputs[0], [before.attributes["perm"][d] for d in dims]', "x = before.inputs[0]", OPERATIONS),  # two turns in a row
]  # fmt: skip
