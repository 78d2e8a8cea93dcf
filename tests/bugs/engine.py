"""Bugs in the engine: the graph, the way back, writing in place, modes, recomputing."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import ENGINE, NORM, Bug, case

BUGS = [
    Bug("engine.py", "                pending[parent] = before + gx\n", "                pending[parent] = gx\n", ENGINE),
    Bug(
        "engine.py",
        "pending[parent] = gx\n                if type(parent) is Node:\n"
        "                    heapq.heappush(heap, (-parent.order, parent))",
        "pending[parent] = gx\n                if type(parent) is Node:\n"
        "                    heapq.heappush(heap, (parent.order, parent))",
        ENGINE,
    ),  # from the earliest node to the latest
    Bug("engine.py", "return x.sum(axes, keepdims=True)", "return x.mean(axes, keepdims=True)", ENGINE),
    Bug("engine.py", "enumerate(shape) if n == 1 and x.shape[lead + i] != 1)", "enumerate(shape) if n == 0)", ENGINE),
    Bug("engine.py", "gx = cast(gx, dtype=x.dtype)", "pass", ENGINE),
    Bug("engine.py", "            node.saved = None\n", "            pass\n", ENGINE),  # never freed
    Bug("engine.py", "        if not retain:\n", "        if True:\n", ENGINE),
    Bug("engine.py", "if node.order < inplace.last_write:", "if node.order > inplace.last_write:", ENGINE),
    Bug("engine.py", 'if id(g) in given or getattr(g, "base", None) is not None:', "if id(g) in given:", ENGINE),
    Bug("engine.py", "                given.add(id(g))\n", "", ENGINE),  # leaves share one gradient
    Bug("engine.py", "leaf.grad = g if leaf.grad is None else leaf.grad + g", "leaf.grad = g", ENGINE),
    Bug("engine.py", "        mutated(leaf.grad.numpy())\n", "", ENGINE),
    Bug("engine.py", "_accumulate(retaining, g if create else np.array(g))", "_accumulate(retaining, g)", ENGINE),
    Bug("inplace.py", "x.numpy(), x._node = y.numpy(), y._node", "x.data = y.numpy()", ENGINE),
    Bug("engine.py", "result._aliased = inputs[0]._aliased = True", "result._aliased = True", ENGINE),
    Bug("engine.py", "flags = [a or b for a, b in zip(flags,", "flags = [b for a, b in zip(flags,", ENGINE),
    Bug(
        "engine.py",
        "lifted = [y if type(y) is Like else _wrap(y, node)]",
        "lifted = [y if type(y) is Like else _wrap(y, None)]",
        case("tanh"),
    ),  # the second derivative through the output is cut off
    Bug("engine.py", "isinstance(parent, Variable) else _wrap(a, parent))", "False else _wrap(a, None))", ENGINE),
    Bug("engine.py", "return new if create else new.numpy().copy(order=", "return new if create else np.asarray(new.numpy(), order=", ENGINE),
    Bug("engine.py", "            if rule is None:\n                continue\n            for", "            for", ENGINE),
    Bug("inplace.py", "        entry[1] = last_write\n", "        pass\n", ENGINE),  # a second write goes unnoticed
    Bug("inplace.py", "    owner = _owner(array)\n    entry =", "    owner = array\n    entry =", ENGINE),
    Bug("inplace.py", "entry[0]() is owner and entry[1] > ticket", "entry[0]() is owner", ENGINE),
    Bug("modes.py", "mode.recording = self._before.pop()", "mode.recording = True", ENGINE),
    Bug("modes.py", "class _Mode(threading.local):", "class _Mode:", ENGINE),
    Bug("recompute.py", "generator.set_state(state)", "pass", ENGINE),  # other dropout masks the second time
    Bug("recompute.py", "            generator.set_state(now)\n", "            pass\n", ENGINE),
    Bug("recompute.py", "home.get(id(leaf), leaf), gx", "leaf, gx", ENGINE),
    Bug("engine.py", "    g = cast(g, dtype=y.numpy().dtype)  # and a copy", "    # no copy", NORM),
]  # fmt: skip
