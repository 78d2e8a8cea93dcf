"""Bugs in pictures and pages."""

# ruff: noqa: E501, RUF001  (a table; signs as they are drawn)

from __future__ import annotations

from bugs.form import Bug

BUGS = [
    Bug("viz/pages.py", 'aria-label="{html.escape(label)}"', 'aria-label="{label}"', ["tests/viz/test_pages.py"]),
    Bug("viz/style.py", '        text = "> 99.99"\n', "        pass\n", ["tests/viz/test_style.py"]),
    Bug("viz/tiles.py", "outside = (low < 0) | (high > 1)", "outside = high > 1", ["tests/viz/test_tiles.py"]),
    Bug("viz/curves.py", "known.sum(axis=0) - 1, 1)", "known.sum(axis=0), 1)", ["tests/viz/test_curves.py"]),
    Bug("viz/histograms.py", "        if not self.epochs:\n            self.record(trainer.model, trainer.epoch)\n", "        self.record(trainer.model, trainer.epoch)\n", ["tests/viz/test_histograms.py"]),
    Bug("viz/confusion.py", '"true": counts.sum(1, keepdims=True), "pred": counts.sum(0, keepdims=True)', '"true": counts.sum(0, keepdims=True), "pred": counts.sum(1, keepdims=True)', ["tests/viz/test_confusion.py"]),
    Bug("viz/overlays.py", "top = float(maps[i].max()) or 1.0", "top = float(maps.max()) or 1.0", ["tests/viz/test_overlays.py"]),  # each map has a scale of its own
    Bug("viz/watching.py", "        bits.state = state\n", "        pass\n", ["tests/viz/test_saliency.py"]),
    Bug("viz/probing.py", '        data = getattr(data, "dataset", None)\n', "        data = None\n", ["tests/viz/test_report.py"]),
    Bug("viz/graph/dot.py", 'return escaped(text).replace("\\\\", "\\\\\\\\")', "return escaped(text)", ["tests/viz/graph/test_drawing.py"]),
    Bug("viz/curves.py", '"markerfacecolor": ax.get_facecolor() if held_out else color', '"markerfacecolor": color', ["tests/viz/test_curves.py"]),
    Bug("viz/features.py", "return y._array.copy(), y", "return y._array, y", ["tests/viz/test_features.py"]),
    Bug("viz/activations.py", 'return y._array.copy(order="K"), y', "return y._array, y", ["tests/viz/test_activations.py", "tests/viz/test_layers.py"]),
    Bug("viz/activations.py", "values = np.where(finite, values, 0)", "values = np.where(finite, values, 1)", ["tests/viz/test_activations.py"]),
    Bug("viz/activations.py", "        values *= finite\n", "", ["tests/viz/test_activations.py"]),
    Bug("viz/outputs.py", "call.flows |= axis is not None", "call.flows = True", ["tests/viz/test_layers.py"]),
    Bug("viz/outputs.py", "call.computes |= op.name not in HAND_ON", "call.computes = op.name not in HAND_ON", ["tests/viz/test_layers.py"]),
    Bug("viz/operations.py", "return list(attributes[\"dims\"]).index(axis)", "return axis", ["tests/viz/test_layers.py"]),
    Bug("viz/operations.py", "        return ndim - 1\n    if any", "        return 1\n    if any", ["tests/viz/test_layers.py"]),
    Bug("viz/outputs.py", "in self.names or name in self._reserved", "in self.names", ["tests/viz/test_layers.py"]),
    Bug("viz/outputs.py", "if self._function is not None and (frame is None or frame is not self._function.of):", "if self._function is not None and frame is None:", ["tests/viz/test_layers.py"]),
    Bug("viz/outputs.py", "result._array, result._node, result._view = out._array, out._node, None", "pass", ["tests/viz/test_layers.py"]),
    Bug("viz/outputs.py", "return 1 if array.ndim and len(array) == self._batch else None", "return None", ["tests/viz/test_layers.py"]),
    Bug("viz/saliency.py", "Tensor(part, requires_grad=True).clone()  #", "Tensor(part)  #", ["tests/viz/test_layers.py"]),
    Bug("viz/histograms.py", "np.argmin(is_finite)", "np.argmax(is_finite)", ["tests/viz/test_histograms.py"]),
    Bug("viz/histograms.py", '(("gradients", self.gradients), ("weights", self.weights))', '(("weights", self.weights), ("gradients", self.gradients))', ["tests/viz/test_histograms.py"]),
    Bug("viz/ridges.py", "keep.update([i for i, (_, h) in enumerate(records) if h.nonfinite][:1])", "pass", ["tests/viz/test_ridges.py"]),
    Bug("viz/ridges.py", "dict.fromkeys(wrong + (large or list(recorded)))", "dict.fromkeys(large or list(recorded))", ["tests/viz/test_ridges.py"]),
    Bug("viz/health.py", "            p.grad = g\n        yield", "            pass\n        yield", ["tests/viz/test_report.py"]),
    Bug("viz/health.py", "zip(parameters, before, strict=True):\n            p.grad = g", "zip(parameters, before, strict=True):\n            pass", ["tests/viz/test_report.py"]),
    Bug("viz/health.py", "if dead and dead != before:", "if dead:", ["tests/viz/test_report.py"]),
    Bug("viz/flow.py", "max(median * far, last)", "median * far", ["tests/viz/test_flow.py"]),  # the last layer of a net whose gradients vanish would burst
    Bug("viz/flow.py", "twin.step()", "optimizer.step()", ["tests/viz/test_flow.py"]),
    Bug("viz/landscape.py", "buffer._array = buffer._array.copy()", "pass", ["tests/viz/test_landscape.py"]),
    Bug("viz/landscape.py", "Tensor(x.copy())", "Tensor(x)", ["tests/viz/test_landscape.py"]),
    Bug("viz/landscape.py", "weights + a[at[1]] * first + b[at[0]] * second", "weights + b[at[0]] * first + a[at[1]] * second", ["tests/viz/test_landscape.py"]),
    Bug("viz/comparison/aligning.py", "same = 2 * (a.settings == b.settings) +", "same =", ["tests/viz/comparison/test_aligning.py"]),
    Bug("viz/comparison/judging.py", "-abs(p[0]", "abs(p[0]", ["tests/viz/comparison/test_judging.py"]),
    Bug("viz/comparison/judging.py", "2 * sum(math.comb", "sum(math.comb", ["tests/viz/comparison/test_judging.py"]),
    Bug("viz/graph/infix.py", "        if name == \"pow\" and first[0] in \"−-\":", "        if False:", ["tests/viz/graph/test_infix.py"]),  # (-2) ** x
    Bug("viz/graph/infix.py", "scaled = f\"{number(alpha)} × \" if alpha != 1 else \"\"", "scaled = \"\"", ["tests/viz/graph/test_infix.py"]),
    Bug("viz/graph/recording.py", "            if not box.name and (box.text or box.label) in names:", "            if False:", ["tests/viz/graph/test_infix.py"]),
    Bug("viz/graph/grouping.py", "            del running[same:]\n", "", ["tests/viz/graph/test_grouping.py"]),
    Bug("viz/graph/structure.py", "        if any(x != first for x in others):", "        if False:", ["tests/viz/graph/test_grouping.py"]),  # a layer of two names
    Bug("viz/graph/plumbing.py", "        if leaving - {last.id} or any", "        if any", ["tests/viz/graph/test_plumbing.py"]),  # two tensors out of one box
    Bug("viz/graph/plumbing.py", "target=edge.target, slot=edge.slot", "target=edge.target", ["tests/viz/graph/test_plumbing.py"]),
    Bug("viz/graph/timing.py", "    table = table[1:]\n", "", ["tests/viz/graph/test_timing.py"]),  # the warm-up counts
    Bug("viz/graph/calling.py", "                continue  # once more", "                pass  # once more", ["tests/viz/graph/test_failing.py"]),
]  # fmt: skip
