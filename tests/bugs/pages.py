"""Bugs in what is followed, played and trained on a page: Python and scripts."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

STEPS, FOLLOW = ["tests/viz/following/test_steps.py"], ["tests/viz/following/test_follow_browser.py"]
ENGINE, SESSION, LOOKS = (
    ["tests/viz/playing/test_engine.py"],
    ["tests/viz/training/test_session.py"],
    ["tests/viz/test_layers.py"],
)
SERVER, CHANNEL, FAILING = (
    ["tests/viz/kit/test_server.py"],
    ["tests/viz/kit/test_channel.py"],
    ["tests/viz/graph/test_failing.py"],
)

BUGS = [
    # following: what Python tells
    Bug("viz/following/steps.py", "return any(written_since(a, node.order) for a in arrays)", "return False", STEPS),
    Bug("viz/following/steps.py", "unfrozen([model] if integers else [])", "unfrozen([])", STEPS),
    Bug("viz/following/steps.py", "alone = all(self.uses[p] == 1 for", "alone = all(self.uses[p] >= 1 for", STEPS),
    Bug("viz/following/steps.py", "x.clone() if x.requires_grad else x", "x", STEPS),  # a model that writes into its input
    Bug("viz/following/kinds.py", "return {\"how\": how, \"dims\": sorted(d % ndim for d in dims)}", "return {\"how\": how, \"dims\": sorted(dims)}", STEPS),
    Bug("viz/following/kinds.py", "step.settings[\"constant\"] = float(node.attributes[\"value\"])", "step.settings[\"constant\"] = 0.0", STEPS),
    Bug("viz/following/kinds.py", "start += n\n", "start += 1\n", STEPS),
    Bug("viz/following/packing.py", "return \"f8\" if a.dtype.itemsize > 4 else \"f4\"", "return \"f4\"", [*FOLLOW, *STEPS]),
    Bug("viz/following/page.py", "if size > max_megabytes:", "if size > max_megabytes * 1024:", STEPS),
    # following: windows, receptive fields, sums, in the page
    Bug("viz/following/web/windows.js", "x[i] > best || at < 0", "x[i] >= best || at < 0", FOLLOW),  # of equal ones the first wins
    Bug("viz/following/web/windows.js", "(c * Og + (oc % Og)) * kh + ky", "(c * Og + oc) * kh + ky", FOLLOW),
    Bug("viz/following/web/windows.js", "const first = Math.floor(oc / (O / groups)) * Cg;", "const first = 0;", FOLLOW),
    Bug("viz/following/web/dense.js", "Math.max(0, Math.ceil(-offset / apart))", "Math.max(0, Math.floor(-offset / apart))", FOLLOW),
    Bug("viz/following/web/dense.js", "let left = kh * kw;", "let left = kh;", FOLLOW),
    Bug("viz/following/web/links.js", "visit(0, i, x[i] === step.values[o] ? 1 / winners : 0)", "visit(0, i, x[i] === step.values[o] ? 1 : 0)", FOLLOW),  # ties in amax
    Bug("viz/following/web/links.js", "i >= 0 && visit(0, i, i === at ? 1 : 0)", "i === at && visit(0, i, 1)", FOLLOW),  # losers reach too
    Bug("viz/following/web/links.js", "-a / (b * b)", "a / (b * b)", FOLLOW),
    Bug("viz/following/web/walks.js", "(h[o + offset] - sum / n - ((", "(h[o + offset] - ((", FOLLOW),
    Bug("viz/following/web/walks.js", "if (!links) into.forEach((marks) => marks && marks.fill(1));\n    else if", "if (!links) continue;\n    else if", FOLLOW),
    Bug("viz/following/web/written.js", "result: sum + (bias || 0)", "result: sum", FOLLOW),
    Bug("viz/following/web/written.js", "maximum: (a, b) => Math.max(a, b)", "maximum: Math.max", FOLLOW),
    Bug("viz/following/web/written.js", "const factor = scale ? scale[o % scale.length] : 1;", "const factor = scale ? scale[0] : 1;", FOLLOW),  # a pool at the border
    Bug("viz/following/web/tables.js", "Number.isFinite(part) ? part * 48 : 0", "Number.isFinite(part) ? 48 : 0", FOLLOW),
    # the playground's engine
    Bug("viz/playing/web/engine.js", "found.has(x) ? each((a, b) => a + b, found.get(x), g) : g", "g", ENGINE),
    Bug("viz/playing/web/engine.js", "  if (g.rows === x.rows) return g;\n", "  return g;\n", ENGINE),
    Bug("viz/playing/web/engine.js", "b.node.moment - a.node.moment", "a.node.moment - b.node.moment", ENGINE),
    Bug("viz/playing/web/engine.js", "g * (1 - y * y)", "g * (1 - y)", ENGINE),
    Bug("viz/playing/web/engine.js", "const top = Math.max(...row);", "const top = 0;", ENGINE),
    Bug("viz/playing/web/engine.js", "(y > 0 ? g : 0)", "(y >= 0 ? g : 0)", ENGINE),
    Bug("viz/playing/web/engine.js", "row.slice(-z.columns)", "row.slice(0, z.columns)", ENGINE),  # of one output the other logit
    # training
    Bug("viz/training/control.py", "group[\"lr\"] = float(group[\"lr\"]) * factor", "group[\"lr\"] = factor", SESSION),
    Bug("viz/training/control.py", "        for group, lr in self._own:\n            group[\"lr\"] = lr\n", "        pass\n", SESSION),
    Bug("viz/training/control.py", "self._after()  # where a step has failed", "pass", SESSION),
    Bug("viz/training/control.py", "                    self._steps -= 1\n", "", SESSION),
    Bug("viz/training/control.py", "and not interrupted():", "and True:", SESSION),
    Bug("viz/training/control.py", "if not FACTORS[0] <= factor <= FACTORS[1]:", "if factor < FACTORS[0] or factor > FACTORS[1]:", SESSION),
    Bug("viz/training/looking.py", "np.where(fired, 0, quiet + count)", "np.where(fired, quiet, quiet + count)", SESSION),
    Bug("viz/training/looking.py", "quiet >= enough", "quiet > enough", SESSION),
    Bug("viz/training/looking.py", "if self._calls > CALLS:", "if False:", SESSION),
    Bug("viz/training/session.py", "        self._waited += waited\n", "", SESSION),
    Bug("viz/training/session.py", "max(_APART, took / SHARE)", "_APART", SESSION),
    Bug("viz/training/record.py", "self.entries = self.entries[::2]", "self.entries = self.entries[1::2]", SESSION),  # the first stays
    # the kit's server and channel
    Bug("viz/kit/server.py", "len(hosts) != 1 or hosts[0].lower() not in own", "len(hosts) != 1", SERVER),
    Bug("viz/kit/server.py", "if any(origin.lower() not in", "if False and any(origin.lower() not in", SERVER),
    Bug("viz/kit/server.py", "super().__init__((\"127.0.0.1\", port), Handler)", "super().__init__((\"\", port), Handler)", SERVER),
    Bug("viz/kit/server.py", "if \"Transfer-Encoding\" in self.headers or", "if", SERVER),
    Bug("viz/kit/server.py", "if len(self.ends) < self.crowd:", "if True:", SERVER),
    Bug("viz/kit/server.py", "request.shutdown(socket.SHUT_RD)", "pass", SERVER),
    Bug("viz/kit/page.py", "html.escape(title.encode", "(title.encode", ["tests/viz/kit", "tests/viz/test_pages.py", "tests/viz/following/test_follow_browser.py"]),
    Bug("viz/kit/web/channel.js", "error ? Math.min(2 * pause, 10000) : ms", "ms", CHANNEL),
    Bug("viz/kit/web/channel.js", "if (!document.hidden) {", "if (true) {", CHANNEL),
    # graphs of what failed, plumbing, infix, frozen parameters, functions of the user's own
    Bug("viz/graph/remedies.py", "if len(x) > 2 and math.prod(x[1:]) == w[1]:", "if math.prod(x[1:]) == w[1]:", FAILING),
    Bug("viz/graph/remedies.py", "if x[-1] == w[1]:\n        last", "if False:\n        last", FAILING),
    Bug("viz/graph/remedies.py", "large.count(small[0]) != 1", "large.count(small[0]) < 1", FAILING),
    Bug("viz/graph/remedies.py", "if target.min() >= 1 and target.max() == classes:", "if target.max() == classes:", FAILING),
    Bug("viz/graph/remedies.py", "return ways[0] if len(ways) == 1 else \"\"", "return ways[0] if ways else \"\"", FAILING),
    Bug("viz/graph/failing.py", "if label.startswith(\"r\") and label[1:] in", "if False and label[1:] in", FAILING),
    Bug("viz/graph/plumbing.py", "if any(u.group != box.group or not _is_operation(u) for u in users):", "if any(not _is_operation(u) for u in users):", ["tests/viz/graph/test_plumbing.py"]),
    Bug("viz/graph/plumbing.py", "gradient = None if again else edge.gradient", "gradient = edge.gradient", ["tests/viz/graph/test_plumbing.py"]),
    Bug("viz/graph/infix.py", "        if second[0] in \"−-\":", "        if False:", ["tests/viz/graph/test_infix.py"]),  # noqa: RUF001
    Bug("viz/graph/infix.py", "if n % 100 in (11, 12, 13) else", "if False else", ["tests/viz/graph/test_infix.py"]),
    Bug("viz/graph/infix.py", "np.array_equal(array, np.eye(len(array)))", "array.trace() == len(array)", ["tests/viz/graph/test_infix.py"]),
    Bug("viz/graph/gradients.py", "(isinstance(parent, Variable) and not parent._wants_grad)", "False", ["tests/viz/graph/test_recording.py"]),
    Bug("viz/graph/calling.py", "with unfrozen(models):", "with unfrozen([]):", ["tests/viz/graph/test_recording.py"]),
    Bug("viz/graph/calling.py", "    if isinstance(x, tuple) and hasattr(x, \"_fields\"):\n", "    if False:\n", ["tests/viz/graph/test_odd_things.py"]),
    Bug("viz/graph/repeats.py", "(blocks and not _alike(wired, wiring, first=len(blocks) == 1))", "False", ["tests/viz/graph/test_repeats.py"]),
    Bug("viz/graph/repeats.py", "                elif self._place.get(source, -1) >= start:\n                    return None\n", "", ["tests/viz/graph/test_repeats.py"]),
    Bug("viz/graph/repeats.py", "return len(ends) == 1 and len(ends.pop()) == 1", "return True", ["tests/viz/graph/test_repeats.py"]),
    Bug("viz/graph/folding.py", "            edge.tensors = 1 if edge.recurrent else len(arrays[key])\n", "            pass\n", ["tests/viz/graph/test_repeats.py", "tests/viz/graph/test_folding.py", "tests/viz/graph/test_zoo.py"]),
    Bug("viz/graph/folding.py", "                found[key].gradient = None  # that of several together is not known\n", "                pass\n", ["tests/viz/graph/test_repeats.py", "tests/viz/graph/test_folding.py", "tests/viz/graph/test_drawing.py"]),
    Bug("viz/watching.py", "        for put_back in self._kept:\n            put_back()\n", "", LOOKS),
    Bug("viz/probing.py", "same_random_state(), same_buffers(model), evaluating(model)", "same_random_state(), evaluating(model)", LOOKS),
    Bug("viz/probing.py", "same_random_state(), same_buffers(model), in_mode", "same_random_state(), in_mode", LOOKS),
    Bug("differentiation/function.py", "        if made is not node:\n            show(made, (y,), y)\n", "", ["tests/viz/graph/test_grouping.py"]),
    Bug("differentiation/recompute.py", "    show(node, inputs, y)\n", "", ["tests/viz/graph/test_grouping.py"]),
    Bug("nn/summary.py", "register_forward_hook(recorder.leave, with_kwargs=True)", "register_forward_hook(lambda m, a, y: recorder.leave(m, a, {}, y))", ["tests/nn/test_summary.py"]),
    Bug("nn/summary.py", "                setattr(module, name, buffer)\n", "                pass\n", LOOKS),
]  # fmt: skip
