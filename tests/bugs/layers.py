"""Bugs in lazy and recurrent layers, attention, tables and distributions."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug, functional

LAZY = ["tests/nn/test_lazy.py"]
RECURRENT = ["tests/nn/test_recurrent.py"]
TABLES = ["tests/nn/test_distance.py"]
DISTRIBUTIONS = ["tests/distributions/test_distributions.py"]

BUGS = [
    Bug("nn/layers/inferring.py", "        channels = input.shape[-n - 1]\n", "        channels = input.shape[1]\n", LAZY),  # an image without a batch
    Bug("nn/parameter.py", "np.empty(shape, self.dtype if dtype is None else dtype)", "np.empty(shape, np.float32)", LAZY),
    Bug("nn/state.py", "        return functools.partial(forget_shape, tensor, type(tensor))\n", "        return lambda: None\n", LAZY),  # a load that fails leaves a shape
    Bug("nn/functional/recurrent.py", "sigmoid(f) * c + sigmoid(i) * tanh(g)", "sigmoid(i) * c + sigmoid(f) * tanh(g)", RECURRENT),
    Bug("nn/functional/recurrent.py", "sigmoid(xz + hz) * (h - n)", "sigmoid(xz + hz) * (n - h)", RECURRENT),
    Bug("nn/functional/recurrent.py", "cut(first, 0, rows, n)", "cut(first, 0, 0, n - rows)", RECURRENT),  # the first state of another sequence
    Bug("nn/functional/recurrent.py", "*reversed(done)", "*done", RECURRENT),  # last states in the order in which sequences end
    Bug("nn/layers/recurrent.py", "if self.dropout and layer < self.num_layers - 1:", "if self.dropout:", RECURRENT),  # behind the last layer too
    Bug("nn/functional/attention.py", "np.tri(query.shape[-2], key.shape[-2], dtype=np.bool_)", "np.tri(query.shape[-2], key.shape[-2], 1, dtype=np.bool_)", functional("scaled_dot_product_attention")),  # one look ahead
    Bug("nn/functional/attention.py", "total = mask if total is None else total + mask", "total = mask", functional("multi_head_attention_forward")),
    Bug("nn/functional/bags.py", "np.maximum(counts, 1)", "np.maximum(np.diff(starts), 1)", functional("embedding_bag")),  # padding counts
    Bug("nn/functional/sparse.py", "        mutated(table)\n", "", TABLES),
    Bug("distributions/distribution.py", "cached_property(enable_grad()(compute))", "cached_property(compute)", DISTRIBUTIONS),  # whoever asks first decides
    Bug("distributions/kl.py", "(q.detach() == 0) & ~nothing", "q.detach() == 0", DISTRIBUTIONS),
    Bug("distributions/categorical.py", "x - logsumexp(x, -1, keepdim=True)", "x", DISTRIBUTIONS),
]  # fmt: skip
