"""Bugs in modules, their initial values and their tools."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

MODULE = ["tests/nn/test_module.py"]
CLIP = ["tests/nn/utils/test_clip.py"]
NORMALIZING = ["tests/nn/utils/test_normalizing.py"]

BUGS = [
    Bug("nn/module.py", "            mutated(own[name]._array)\n", "", MODULE),
    Bug("nn/module.py", "                t.grad = None if t.grad is None else t.grad.to(moved.dtype)\n", "", MODULE),
    Bug("nn/module.py", "if value is not None and id(value) not in seen:", "if value is not None:", MODULE),  # a shared parameter twice
    Bug("nn/module.py", "args = replaced if isinstance(replaced, tuple) else (replaced,)", "args = replaced", MODULE),
    Bug("nn/utils/normalizing.py", "self.divided(module, iterate=module.training)", "self.divided(module, iterate=True)", NORMALIZING),
    Bug("nn/utils/normalizing.py", "result: Tensor = v * (g / _lengths(v, self.dim))", "result: Tensor = v * (g / _lengths(v.detach(), self.dim))", NORMALIZING),
    Bug("nn/utils/normalizing.py", "        return self.divided(module, iterate=False)\n", "        return self.divided(module, iterate=True)\n", NORMALIZING),
    Bug("nn/utils/clip.py", "    if not value >= least:\n", "    if value < least:\n", CLIP),  # NaN slips through
    Bug("nn/utils/clip.py", "        array *= array.dtype.type(scale)\n        mutated(array)\n", "        array *= array.dtype.type(scale)\n", CLIP),
    Bug("nn/utils/clip.py", "clip_value, out=array)\n        mutated(array)\n", "clip_value, out=array)\n", CLIP),
    Bug("nn/init.py", "math.ceil(sparsity * array.shape[0])", "math.floor(sparsity * array.shape[0])", ["tests/nn/test_init.py"]),
    Bug("nn/layers/normalization.py", "                self.num_batches_tracked._array[...] = before  # a call that fails changes nothing\n", "                pass\n", ["tests/nn/test_normalization.py"]),
    Bug("nn/functional/dropping.py", "lead = input.ndim - batched + 2", "lead = 2", ["tests/nn/test_dropout.py"]),  # a signal without a batch loses numbers, not channels
    Bug("nn/module.py", 'np.copyto(own[name]._array, a, casting="unsafe")\n            mutated(own[name]._array)', "mutated(own[name]._array)\n            own[name]._array = np.array(a, own[name].dtype)", MODULE),  # others hold the array
]  # fmt: skip
