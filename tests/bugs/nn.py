"""Bugs in modules, their initial values and their tools."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

MODULE = ["tests/nn/test_module.py"]
STATE, HOOKS, SETTINGS = ["tests/nn/test_state.py"], ["tests/nn/test_hooks.py"], ["tests/nn/test_settings.py"]
DEVICES = ["tests/backends"]
CLIP = ["tests/nn/utils/test_clip.py"]
NORMALIZING = ["tests/nn/utils/test_normalizing.py"]

BUGS = [
    Bug("nn/modules.py", '("layers.conv", "ConvLayer")', '("layers.linear", "Linear")', ["tests/nn/test_modules.py"]),
    Bug("nn/modules.py", 'tuple(x) if hasattr(x, "__iter__") else (x,) * n', "(x,) * n", ["tests/nn/test_modules.py"]),
    Bug("nn/state.py", "    mutated(tensor._array)\n", "", MODULE),
    Bug("nn/module.py", "                t.grad = None if t.grad is None else t.grad.to(moved.dtype)\n", "", MODULE),
    Bug("nn/module.py", "if not (once and id(value) in seen):", "if True:", MODULE),  # a shared parameter twice
    Bug("nn/hooks.py", "args = new if isinstance(new, tuple) else (new,)", "args = new", MODULE),
    Bug("nn/utils/normalizing.py", "self.divided(module, iterate=module.training)", "self.divided(module, iterate=True)", NORMALIZING),
    Bug("nn/utils/normalizing.py", "result: Tensor = v * (g / _lengths(v, self.dim))", "result: Tensor = v * (g / _lengths(v.detach(), self.dim))", NORMALIZING),
    Bug("nn/utils/normalizing.py", "        return self.divided(module, iterate=False)\n", "        return self.divided(module, iterate=True)\n", NORMALIZING),
    Bug("nn/utils/clip.py", "    if not value >= least:\n", "    if value < least:\n", CLIP),  # NaN slips through
    Bug("nn/utils/clip.py", "        array *= array.dtype.type(scale)\n        mutated(array)\n", "        array *= array.dtype.type(scale)\n", CLIP),
    Bug("nn/utils/clip.py", "clip_value, out=array)\n        mutated(array)\n", "clip_value, out=array)\n", CLIP),
    Bug("nn/init.py", "math.ceil(sparsity * array.shape[0])", "math.floor(sparsity * array.shape[0])", ["tests/nn/test_init.py"]),
    Bug("nn/layers/normalization.py", "                self.num_batches_tracked._array[...] = before  # a call that fails changes nothing\n", "                pass\n", ["tests/nn/test_normalization.py"]),
    Bug("nn/functional/dropping.py", "lead = input.ndim - batched + 2", "lead = 2", ["tests/nn/test_dropout.py"]),  # a signal without a batch loses numbers, not channels
    Bug("nn/state.py", 'np.copyto(tensor._array, a, casting="unsafe")\n    mutated(tensor._array)', "mutated(tensor._array)\n    tensor._array = np.array(a, tensor.dtype)", MODULE),  # others hold the array
    Bug("nn/state.py", "                undo()\n", "                pass\n", STATE),
    Bug("nn/state.py", "        value = value.detach().cpu()  # PyTorch makes an array of nothing else\n", "        value = value.cpu()\n", STATE),
    Bug("nn/state.py", "id(value) not in owned()]", "True]", STATE),  # a registered layer once more, under the name of a plain list
    Bug("nn/module.py", "and value not in met and id(value) not in owned()", "and value not in met", STATE),
    Bug("nn/registry.py", "if self._kinds.get(name) != kind:  # a new name goes to the end", "if self._kinds.get(name) is None:", MODULE),  # a parameter that was a module
    Bug("nn/hooks.py", "        g, self.gradients[place] = self.gradients[place], None\n", "        g = self.gradients[place]\n", HOOKS),  # the next walk finds it
    Bug("nn/hooks.py", "wrap(np.array(g), None)", "wrap(np.asarray(g), None)", HOOKS),  # a hook keeps what is added to later
    Bug("nn/hooks.py", "        if self.grad_output is None:  # this gradient came by another way than the outputs\n            return\n", "", HOOKS),
    Bug("nn/layers/settings.py", "and not 0 <= number <= 1:", "and (number < 0 or number > 1):", SETTINGS),  # NaN is no probability
    Bug("nn/layers/settings.py", "isinstance(v, (int, np.integer)) and not isinstance(v, bool)", "isinstance(v, (int, np.integer))", SETTINGS),
    Bug("tensors/device.py", "isinstance(other, device) and self.index == other.index", "isinstance(other, device)", DEVICES),
    Bug("amp/scaling.py", "return optimizer.step(*args, **kwargs)", "return None", DEVICES),
    Bug("nn/layer_table.py", "shown[-1].mult_adds += row.mult_adds", "pass", ["tests/nn/test_summary.py"]),
]  # fmt: skip
