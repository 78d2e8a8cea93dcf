"""Bugs in the engine: the graph, the way back, writing in place, modes, recomputing."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import ENGINE, NORM, Bug, case

GRAPH = ["tests/autograd/test_graph.py"]
MODES = ["tests/autograd/test_modes.py"]
SWITCH = ["tests/arrays/test_switch.py"]
WRITING = ["tests/tensors/test_writing.py"]
MODULE = ["tests/nn/test_module.py"]
BACK = "autograd/backward.py"
THREADS = ["tests/autograd/test_threads.py"]
ARRIVAL = "autograd/arrival.py"
FUNCTION, CONTEXT = "differentiation/function.py", "differentiation/context.py"
OWN, DERIVATIVES = ["tests/differentiation/test_function.py"], ["tests/differentiation/test_derivatives.py"]

BUGS = [
    # the way back
    Bug(BACK, "                pending[parent] = before + gx\n", "                pending[parent] = gx\n", ENGINE),
    Bug(
        BACK,
        "pending[parent] = gx\n                    if type(parent) is Node:\n"
        "                        heapq.heappush(heap, (-parent.order, parent))",
        "pending[parent] = gx\n                    if type(parent) is Node:\n"
        "                        heapq.heappush(heap, (parent.order, parent))",
        ENGINE,
    ),  # from the earliest node to the latest
    Bug(BACK, "return x.sum(axes, keepdims=True)", "return x.mean(axes, keepdims=True)", ENGINE),
    Bug(BACK, "enumerate(shape) if n == 1 and x.shape[lead + i] != 1)", "enumerate(shape) if n == 0)", ENGINE),
    Bug(BACK, "gx = cast(gx, dtype=x.dtype)", "pass", ENGINE),
    Bug(BACK, "                    node.saved = None\n", "                    pass\n", ENGINE),  # never freed
    Bug(BACK, "        if not retain:\n", "        if True:\n", ENGINE),
    Bug(BACK, "if node.order < writes.last_write:", "if node.order > writes.last_write:", ENGINE),
    Bug(BACK, 'if id(g) in given or getattr(g, "base", None) is not None:', "if id(g) in given:", ENGINE),
    Bug(BACK, "                given.add(id(g))\n", "", ENGINE),  # leaves share one gradient
    Bug(ARRIVAL, "new if before is None else before + new", "new", ENGINE),
    Bug(ARRIVAL, "            mutated(before._array)\n", "", ENGINE),
    Bug(ARRIVAL, "accumulate(retaining, g if create else np.array(g))", "accumulate(retaining, g)", ENGINE),
    Bug(BACK, "return [y if type(y) is Like else wrap(y, node), ", "return [y if type(y) is Like else wrap(y, None), ", case("tanh")),  # the second derivative through the output is cut off
    Bug(BACK, "        return wrap(a, parent)\n", "        return wrap(a, None)\n", ENGINE),
    Bug(ARRIVAL, "return new if create else new._array.copy(order=", "return new if create else np.asarray(new._array, order=", ENGINE),
    Bug(BACK, "(rule := rules[i - 1]) is None:", "(rule := rules[i - 1]) is ...:", ENGINE),
    Bug(BACK, "    g = cast(g, dtype=y._array.dtype)  # and a copy", "    # no copy", NORM),
    Bug(BACK, "if d < len(own) or not fits:", "if d < len(own):", GRAPH),  # an outer product is summed
    Bug(BACK, "if needed is None or parent in needed:\n                        send(", "if True:\n                        send(", ENGINE),
    Bug(BACK, "except Exception as error:", "except (AttributeError, TypeError) as error:", GRAPH),
    # the graph: what is kept
    Bug("autograd/graph.py", "levels = [max(a, b) for a, b in zip(levels,", "levels = [b for a, b in zip(levels,", ENGINE),
    Bug("autograd/graph.py", 'return [0 if name[0] == "_" else 1 if', 'return [1 if', ENGINE),  # everything is kept
    Bug("arrays/like.py", '"index", "len", "getitem", "setitem",', '"index", "setitem",', GRAPH),
    Bug("autograd/graph.py", "return None if within is None else within()", "return within", MODULE),
    # an operation: applied, recorded
    Bug("autograd/operation.py", "alias(result, inputs[0], apply, attributes)", "pass", WRITING),
    Bug("autograd/operation.py", "            parent = x if x._wants_grad else x._node\n            if parent is not None:\n                wanted |= bit\n", "            parent = x if x._wants_grad else x._node\n            wanted |= bit\n", ENGINE),  # constants' gradients count
    Bug("autograd/operation.py", "        bit += bit\n", "        bit += 1\n", ENGINE),
    Bug("autograd/operation.py", "if parent is not None else 0 if other is None else 2", "if parent is not None else 0 if other is None else 1", ENGINE),
    Bug("autograd/operation.py", "b, other = w._array, w if w._wants_grad else w._node", "b, other = w._array, w._node", ENGINE),
    Bug("autograd/operation.py", "        if not wanted or not mode.recording:\n", "        if not wanted:\n", ENGINE),
    Bug("autograd/operation.py", " or mode.watchers or not ((d", " or not ((d", ["tests/autograd/test_anomaly.py"]),  # the quick way passes them by
    Bug("autograd/operation.py", "            kept += (b if reads[2] or b is w else like", "            kept += (b if reads[1] or b is w else like", ENGINE),
    Bug("autograd/operation.py", "w._array.dtype is a.dtype:", "w._array.dtype is not None:", ENGINE),
    Bug("autograd/operation.py", "        if spares and 1 in reads[1:]:\n            keep(node, reads)\n", "", ["tests/tensors/test_writing.py", "tests/ops/test_overwriting.py"]),
    Bug("autograd/operation.py", "kept, attributes or none, next(tickets), mode.module)", "kept, attributes or none, next(tickets))", MODULE),
    # who shares memory, and writes into it
    Bug("arrays/writes.py", "            entry[1] = last_write\n", "            entry[1] = entry[1] or last_write\n", ENGINE),  # a second write goes unnoticed
    Bug("arrays/writes.py", "entry_of(_writes, array if array.base is None else owner_of(array))", "entry_of(_writes, array)", ENGINE),
    Bug("arrays/writes.py", "entry[0]() is owner and entry[1] > ticket", "entry[0]() is owner", ENGINE),
    Bug("autograd/inplace.py", "            note(_keeping, a, node)\n", "            pass\n", ["tests/ops/test_overwriting.py", "tests/tensors/test_writing.py"]),
    Bug("arrays/writes.py", "self.references = [reference for reference in self.references if reference() is not None]", "pass", WRITING),
    Bug("autograd/inplace.py", "read == 1 and type(a) is ndarray and np.may_share_memory(a, x._array)", "read == 1 and type(a) is ndarray", WRITING),
    Bug("autograd/inplace.py", "        t = None if t._view is None else t._view[0]\n", "        t = None\n", WRITING),  # makers of the base keep nothing
    Bug("autograd/inplace.py", "    nodes = taken(_keeping, x._array)\n", "    nodes = []\n", WRITING),
    # writing
    Bug("autograd/inplace.py", "x._handed_out or x._view is not None or (", "x._view is not None or (", WRITING),
    Bug("autograd/inplace.py", "return x._handed_out or x._view is not None or (", "return x._handed_out or (", WRITING),
    Bug("autograd/inplace.py", "any(True for _ in x._aliases))", "len(x._aliases.references) > 0)", WRITING),  # the dead count too
    Bug("tensors/writing.py", "        _derive_again(v)\n", "        pass\n", WRITING),  # views of views keep their old nodes
    Bug("tensors/writing.py", "    _settle(root, node)\n    _derive_again(root)\n", "    _settle(root, node)\n", WRITING),
    Bug("tensors/writing.py", "if root._wants_grad or x._wants_grad:", "if x._wants_grad:", WRITING),  # views of leaves are written
    Bug("tensors/writing.py", "    if not x._array.flags.writeable:\n", "    if False:\n", WRITING),
    Bug("tensors/writing.py", "        about_to_write(x)\n        np.copyto(", "        np.copyto(", WRITING),
    Bug("tensors/writing.py", "        mutated(x._array)\n        for watcher", "        for watcher", WRITING),
    Bug("tensors/writing.py", "        old = wrap(x._array.copy(order=\"K\"), x._node)", "        old = x", WRITING),
    Bug("tensors/writing.py", "        path.insert(0, tuple(step))\n", "        path.append(tuple(step))\n", WRITING),
    Bug("tensors/writing.py", "np.zeros(_part.shape, _part.dtype), path=path),", "_along(path, g), path=path),", WRITING),  # what was overwritten keeps its gradient
    Bug("tensors/writing.py", "        return  # the end of x[index] += 1: the value is there already", "        pass", WRITING),
    Bug("tensors/writing.py", "        node.extra.retain, old.extra.retain = old.extra.retain, None\n", "        pass\n", WRITING),
    Bug("tensors/writing.py", "else clone(new)._array", "else new._array", WRITING),
    Bug("tensors/writing.py", "            alias(v, before, *v._view[1:])\n", "            pass\n", WRITING),
    # the tensor: its data, its copies
    Bug("tensors/tensor.py", "        mutated(self._array)  # a gradient", "        # a gradient", WRITING),
    Bug("tensors/tensor.py", "            v._view, v._handed_out = None, True  # they", "            pass  # they", WRITING),
    Bug("tensors/tensor.py", "            value._handed_out = True\n", "            pass\n", WRITING),
    Bug("tensors/tensor.py", "            alias(self, data[0], None)\n", "            pass\n", WRITING),
    Bug("tensors/tensor.py", "t._handed_out, t = True, None if t._view is None else t._view[0]", "t._handed_out, t = True, None", WRITING),
    Bug("tensors/tensor.py", "value.shape != self.shape or value.dtype != self.dtype", "value.shape != self.shape", ["tests/tensors/test_writing.py"]),
    # functions with a backward of the user's own, Jacobians
    Bug(FUNCTION, "        given = given.copy(order=\"K\")  # it becomes", "        given = given  # it becomes", OWN),
    Bug(FUNCTION, "    ctx._dirty = ctx._non_differentiable = ()\n", "", OWN),  # a graph that keeps itself alive
    Bug(FUNCTION, "        with no_grad():\n            returned = backward(ctx, *grads)\n", "        returned = backward(ctx, *grads)\n        return returned\n", OWN),
    Bug(CONTEXT, "self.of[i] + other.of[i] if i in self.of and i in other.of else both[i]", "both[i]", OWN),  # of an output used twice
    Bug(CONTEXT, "            saved[place[1]] = t._array\n", "            saved[place[1]] = t._array.copy()\n", OWN),  # no write is seen
    Bug(CONTEXT, "return wrap(a, output_node(self._node, where, a))", "return wrap(a, None)", OWN),
    Bug("differentiation/derivatives.py", "x.detach().requires_grad_() for x in xs", "x for x in xs", DERIVATIVES),
    Bug("differentiation/derivatives.py", "moved = _gradients(gs, us, vs, create_graph)", "moved = _gradients(gs, us, us, create_graph)", DERIVATIVES),
    Bug("autograd/backward.py", "g = np.zeros_like(x._array) if g is None and", "g = np.ones_like(x._array) if g is None and", ["tests/autograd/test_gradients.py"]),
    Bug("autograd/graph.py", "    knows_more = False  #", "    knows_more = True  #", ["tests/autograd/test_gradients.py", "tests/differentiation"]),
    # modes, recomputing
    Bug("arrays/switch.py", "            self._swap(entries.pop(k)[1])\n", "            self._swap(entries.pop(k)[0]._value)\n", MODES),
    Bug("arrays/switch.py", "while k >= 0 and entries[k][0] is not self:", "while False:", SWITCH),
    Bug("arrays/switch.py", "class _Thread(threading.local):", "class _Thread:", SWITCH),
    Bug("arrays/switch.py", "            self._swap(self._call[1])\n", "            pass\n", MODES),  # a decorator leaves its mode on
    Bug("autograd/modes.py", "class _Here(threading.local):", "class _Here:", ENGINE),
    Bug("differentiation/recompute.py", "rng.standing_in(rng.Generator.at(state))", "rng.standing_in(None)", ENGINE),  # other dropout masks the second time
    Bug("differentiation/recompute.py", "home.get(id(leaf), leaf), gx", "leaf, gx", ENGINE),
    Bug("tensors/values.py", "isinstance(data[0], (int, np.integer, Size))", "isinstance(data[0], (int, np.integer))", ["tests/tensors/test_names.py"]),  # Tensor(x.shape) has the sizes for values
    Bug("tensors/typed.py", "        alias(t, data[0], None)\n", "        pass\n", ["tests/tensors/test_names.py"]),
    Bug("tensors/size.py", "new_size(Size, part) if type(index) is slice else part", "part", ["tests/tensors/test_names.py"]),
    Bug("tensors/receiving.py", "for t in (self, y)):", "for t in (self,)):", ["tests/tensors/test_names.py"]),
    Bug("tensors/printing.py", "(get_default_dtype(), np.int64, np.bool_)", "(np.float32, np.int64, np.bool_)", ["tests/tensors/test_names.py"]),
    Bug("autograd/backward.py", "        here.mode.module = outer\n", "        pass\n", ["tests/autograd/test_recorded_backward.py"]),
    Bug(ARRIVAL, "    with _adding:\n", "    if True:\n", THREADS),  # of two gradients that arrive at once one is lost
    Bug("arrays/writes.py", "    with noting:  # or a write", "    if True:  # or a write", THREADS),
    Bug("arrays/writes.py", "        with noting:\n            if len(", "        if True:\n            if len(", THREADS),
    Bug("autograd/backward.py", "            kept = node.saved  # looked", "            kept = node.saved and ()  # looked", ENGINE),
]  # fmt: skip
