"""Bugs in guard rails: they say nothing, or they speak of what is right."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

LOSSES, OPERATIONS, MODES = (
    ["tests/nn/functional/test_guards.py"],
    ["tests/ops/test_guards.py"],
    ["tests/nn/test_guards.py"],
)
OVERLAP, DIGESTS = ["tests/train/test_overlap.py"], ["tests/arrays/test_digests.py"]

RIGHT, WRONG = ["tests/rails/test_right_programs.py"], ["tests/rails/test_wrong_programs.py"]

BUGS = [
    Bug("nn/functional/guards.py", "        if name not in _MOVES:\n            return \"\"\n", "        return \"\"\n", LOSSES),  # no look behind a view
    Bug("nn/functional/guards.py", "        if name == \"log\":\n", "        if name == \"exp\":\n", LOSSES),
    Bug("nn/functional/guards.py", "_sums_to_1(p).all() and ((p > 0) & (p < 1)).any()", "_sums_to_1(p).all()", LOSSES),  # one-hot scores
    Bug("nn/functional/guards.py", "or p.min() < 0 or p.max() > 1:", "or p.max() > 1:", ["tests/nn/functional/test_guards.py", "tests/ops/test_cases.py", "-k", "guards or cross_entropy"]),
    Bug("nn/functional/guards.py", "if (largest := float(p.max())) > 1e-3:", "if (largest := float(p.max())) > 1e3:", LOSSES),
    Bug("nn/functional/guards.py", "if not self.open or (label != self.last and label in self.counts):", "if not self.open:", LOSSES),
    Bug("nn/functional/guards.py", "sum(n >= 4 for n in counts) < 2", "False", LOSSES),  # a rare class at the end
    Bug("nn/functional/guards.py", "return not module.training", "return False", LOSSES),
    Bug("nn/functional/classification.py", "if counts is not None and t.size and not counts.any():", "if counts is not None and not counts.any():", LOSSES),
    Bug("ops/guards.py", "if (of_a is None) != (of_b is None) and _crossed(a, b):", "if _crossed(a, b):", OPERATIONS),
    Bug("ops/guards.py", "(whole or type(maker) is Node) and not _on_purpose(maker)", "whole or type(maker) is Node", OPERATIONS),
    Bug("ops/guards.py", " and not np.may_share_memory(p, t):", ":", OPERATIONS),
    Bug("ops/guards.py", "if node.order < new.order and _spent(new)", "if _spent(new)", OPERATIONS),  # parts of one loss
    Bug("ops/guards.py", "(few_channels or bool((part == np.floor(part)).all()))", "True", OPERATIONS),
    Bug("ops/guards.py", "id(weight), weight)", "id(weight))", OPERATIONS),  # a new layer in the place of an old one
    Bug("arrays/guarding.py", "    rails.looked.clear()\n", "", LOSSES),
    Bug("nn/guards.py", "rails.looked.get(_LAST, id(model)) == id(model)", "True", MODES),  # a generator that rests
    Bug("nn/guards.py", "    if model.training:\n        calls.in_eval = calls.trained_in_eval = False\n", "    if model.training:\n        pass\n", MODES),
    Bug("nn/guards.py", "any(id(p) in params and p._grad is not None for p in model.parameters())", "True", MODES),  # a teacher
    Bug("nn/state.py", "        if rails.on:\n            note_loading(self)\n", "", MODES),
    Bug("nn/functional/dropping.py", "def _drop(x: Array, keep: Any, p: float, inplace: bool) -> Array:\n    note_chance()\n", "def _drop(x: Array, keep: Any, p: float, inplace: bool) -> Array:\n", MODES),
    Bug("train/overlap.py", "dataset.indices if indices is None else dataset.indices[indices]", "dataset.indices", OVERLAP),
    Bug("train/overlap.py", "& (indices < stop)] - start", "& (indices < stop)]", OVERLAP),
    Bug("train/overlap.py", "if not rare or len(np.unique(wanted, axis=0)) < len(wanted):", "if len(np.unique(wanted, axis=0)) < len(wanted):", OVERLAP),
    Bug("train/overlap.py", "np.shares_memory(x[0], y[0], max_work=_WORK)", "np.may_share_memory(x[0], y[0])", OVERLAP),  # every other sample
    Bug("arrays/digests.py", "return bool(digest(x) != before)", "return bool(digest(x) != before and not isinstance(x, tuple) and x.ndim > 1)", DIGESTS),
    Bug("arrays/digests.py", 'a.ravel(order="K").view(np.uint8)', 'a.ravel(order="K").view(np.uint8)[:-1]', DIGESTS),
    Bug("autograd/anomaly.py", "if self._check and before is not None:", "if before is not None:", DIGESTS),
    Bug("autograd/anomaly.py", "        _made[node] = users_line(), digest((node.saved, {}))\n", "        _made[node] = users_line(), None\n", DIGESTS),  # a Function
    Bug("ops/guards.py", "if np.count_nonzero(x._array) != pair[3] or x._array.max() > 1:", "if False:", RIGHT),
    Bug("ops/guards.py", "elif whole and node is None and", "elif node is None and", RIGHT),
    Bug("ops/guards.py", "if (whole or type(maker) is Node) and not _on_purpose(maker):", "if not _on_purpose(maker):", RIGHT),
    Bug("ops/comparison.py", "    note_comparison(*inputs[:2])\n", "", WRONG),
    Bug("nn/functional/guards.py", "if above is not None and above is not below and _behind(above) != \"exp\":", "if False:", RIGHT),
    Bug("nn/functional/guards.py", "or (not made_by and _of_logarithms(x)):", "or False:", RIGHT),
    Bug("nn/functional/guards.py", "if type(found) is not Node or found.op.name == \"log\":", "if type(found) is not Node:", WRONG),
    Bug("nn/guards.py", " and writes.written_since(n._array, moment)", "", WRONG),  # a saved state of a net that saw no batch
    Bug("nn/guards.py", "return anew or (bool(params)", "return (bool(params)", RIGHT),
    Bug("nn/guards.py", "if recent.backwards == self.backwards:", "if False:", RIGHT),
    Bug("differentiation/recompute.py", "outer or _nobody", "outer", RIGHT),
    Bug("rails/passes.py", "if type(whose) is not Watch or not whose.stepped:", "if True:", RIGHT),
    Bug("rails/passes.py", "patience=3 if len(reached) == 1 else 10", "patience=3", RIGHT),
    Bug("rails/passes.py", " and not _asks_a_trained_net():", ":", RIGHT),
    Bug("rails/passes.py", "sum(watch.alive for watch in list(watches)) < 2", "True", WRONG),  # a GAN that is cut
    Bug("rails/steps.py", "(2 if recent.backwards == watch.backwards else 50)", "2", RIGHT),
    Bug("rails/steps.py", "or nets[id(p)].training]", "or True]", RIGHT),
    Bug("rails/steps.py", "for p in (*missing, *resting) if", "for p in (*missing, *params) if", WRONG),
    Bug("rails/steps.py", " and not any(p._grad._array.any() for p in with_gradients):", ":", RIGHT),
    Bug("rails/attributes.py", "return any(id(v) not in seen for v in found)", "return True", RIGHT),
    Bug("rails/attributes.py", "return bool(x._node.parents) and (not made or not names_of(made))", "return bool(x._node.parents)", RIGHT),
    Bug("rails/losses.py", "            watch.scale = max(watch.scale, loss)\n", "            pass\n", RIGHT),
    Bug("rails/losses.py", "if decays and unmoved and", "if False and", RIGHT),
    Bug("train/overlap.py", "_settings(a) == _settings(b)", "True", RIGHT),
]  # fmt: skip
