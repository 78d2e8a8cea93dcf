"""Bugs in the operations and their gradients."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import CONV, NORM, Bug, case, functional

POOL = ["tests/ops/test_pool.py"]

BUGS = [
    Bug("ops/elementwise.py", "-g * y_ / b_", "g * y_ / b_", case("true_divide")),
    Bug("ops/elementwise.py", "factor * np.power(x, (p - k) * (factor != 0))", "factor * np.power(x, (p - k + 1) * (factor != 0))", case("pow")),
    Bug("ops/elementwise.py", "g * (1 - y * y)", "g * (1 - y)", case("tanh")),
    Bug("ops/elementwise.py", "g * (y > _positive_range(y.dtype)[0])", "g * (y >= _positive_range(y.dtype)[0])", case("relu")),  # a slope of 1 at the kink
    Bug("ops/elementwise.py", "lambda g, _y, a, b: only(g, a > b) + 0.5 * only(g, a == b),", "lambda g, _y, a, b: only(g, a >= b),", ["tests/autograd/test_engine.py", "-k", "tie"]),  # one takes the tie
    Bug("ops/elementwise.py", "condition, _a, _b: only(g, condition == 0),\n    prepare=_promote_choices,", "condition, _a, _b: g,\n    prepare=_promote_choices,", case("where")),
    Bug("ops/numbers.py", "and value == int(value):", ":", ["tests/ops/test_numbers.py"]),
    Bug("ops/numbers.py", "float(largest + 1)", "float(largest + 2)", ["tests/ops/test_numbers.py"]),
    Bug("ops/numbers.py", "if whole != number:", "if False:", ["tests/ops/test_numbers.py"]),
    Bug("ops/promotion.py", "float: np.dtype(np.float32)}", "float: np.dtype(np.float64)}", ["tests/ops/test_limits.py"]),
    Bug("ops/reduce.py", "spread(g / count(_x.shape, dim), dim=dim", "spread(g, dim=dim", case("mean")),
    Bug("ops/reduce.py", "return g * y / x if y.all() and", "return g * y / x if", case("prod-of zeros")),
    Bug("ops/moments.py", "true_divide(2 * g, _freedom(", "true_divide(g, _freedom(", case("var")),
    Bug("ops/moments.py", "ratio = only(g / choose(sloping, y, 1.0), sloping)", "ratio = only(g, sloping)", case("norm")),
    Bug(
        "ops/softmaxes.py",
        "y * (g - sum_over(g * y,",
        '(y.numpy() if hasattr(y, "detach") else y) * (g - sum_over(g * y,',
        case("softmax"),
    ),  # a constant where the output belongs: the first derivative is right, the second is not
    Bug("ops/softmaxes.py", "g - exp(y) * sum_over(g,", "g - exp(y) * sum_over(g * y,", case("log_softmax")),
    Bug("ops/softmaxes.py", "np.where(np.isinf(m), x.dtype.type(0), m)", "np.zeros_like(m)", ["tests/ops/test_softmaxes.py"]),
    Bug("ops/linalg.py", "_cross(b, g, dim=dim)", "_cross(g, b, dim=dim)", case("cross")),
    Bug("ops/linalg.py", "_matmul(g, _turned(b))", "_matmul(g, b)", case("matmul")),
    Bug("ops/linalg.py", "    if beta == 0:\n        return product\n", "", ["tests/ops/test_linalg.py"]),  # NaN times 0 is NaN
    Bug("ops/contraction.py", "-1, first)", "-1, 0)", case("einsum", "trace")),
    Bug("ops/contraction.py", "if any(label in term for term in rest))", "if label in out)", case("einsum")),
    Bug("ops/shape.py", "dims=tuple(dims.index(i) for i in range(len(dims)))", "dims=dims", case("permute")),
    Bug("ops/indices.py", "len(arrays) == 1 and array_of(arrays[0][1]).dtype == np.bool_)", "len(arrays) == 1)", case("Tensor.__getitem__-advanced")),
    Bug("ops/indices.py", "np.where(a < 0, a + n, a)", "np.where(a < 0, a + n - 1, a)", case("Tensor.__getitem__-advanced")),
    Bug("ops/index.py", "_setitem(g, np.zeros((), g.dtype), index=index)", "g", case("Tensor.__setitem__")),
    Bug("ops/index.py", "    np.add.at(out.reshape(-1), _flat(", "    out.reshape(-1).put(_flat(", case("gather")),
    Bug("ops/joining.py", "starts.append(starts[-1] + x.shape[dim])", "starts.append(x.shape[dim])", case("cat")),
    Bug("ops/padding.py", "tuple((-a, -b) for a, b in widths)", "tuple((-b, -a) for a, b in widths)", functional("pad")),
    Bug("ops/padding.py", "slice(2 * before, before, -1)", "slice(2 * before - 1, before - 1, -1)", functional("pad-reflect")),
    Bug("ops/conv.py", "W * N, O)).sum(0)", "W * N, O))[0]", CONV),
    Bug("ops/conv.py", "u, _y, g, _w, *, size, **a: conv2d_weight(g, u,", "u, _y, g, _w, *, size, **a: conv2d_weight(-g, u,", functional("conv2d")),
    Bug("ops/conv.py", "g, _y, x, _w, *_b, **a: conv2d_weight(g, x,", "g, _y, x, _w, *_b, **a: conv2d_weight(g, x.numpy() if hasattr(x, 'detach') else x,", functional("conv2d")),
    Bug("ops/pool.py", "        g = np.subtract(g, here,", "        g = np.add(g, 0 * here,", POOL),  # each of several equal maxima is paid in full
    Bug("ops/pool.py", "zip(taps[-2::-1], values[-2::-1], strict=True)", "zip(taps[:-1], values[:-1], strict=True)", POOL),
    Bug("ops/pool.py", "((found < 0) & (tap == y)) | (tap != tap)", "(tap == y) | (tap != tap)", POOL),
    Bug("ops/pool.py", 'return -np.inf if dtype.kind == "f" else', 'return 0 if dtype.kind == "f" else', POOL),
    Bug("ops/pool.py", "np.copyto(place, g) if once else", "np.copyto(place, g) if True else", POOL),
    Bug("ops/activation.py", "g * choose(x > 0, 1.0, w),", "g * choose(x > 0, w, 1.0),", functional("prelu")),
    Bug("ops/activation.py", "return s * (1 + x * (1 - s))", "return s * (1 + x * s)", functional("silu")),
    Bug("ops/activation.py", "+ x * bell(x * math.sqrt(0.5), n=0)", "+ bell(x * math.sqrt(0.5), n=0)", functional("gelu")),
    Bug("ops/normalization.py", "    d *= dot * (-k * r * r)\n", "    d *= 0\n", functional("layer_norm")),
    Bug("ops/normalization.py", "x, **a) - by_r * r * n", "x, **a) + by_r * r * n", functional("layer_norm")),
    Bug("ops/normalization.py", "        r = 1 / np.sqrt(variance + x.dtype.type(eps))\n        if", "        r = 1 / (np.sqrt(variance) + x.dtype.type(eps))\n        if", functional("layer_norm")),
    Bug("ops/loss.py", "d[_entry(t)] -= gw", "d[_entry(t)] -= g", functional("cross_entropy")),
    Bug("ops/loss.py", "keepdim=False) - pick(u, t))", "keepdim=False) + pick(u, t))", functional("cross_entropy")),
    Bug("ops/loss.py", "lambda g, _y, x, _t: -g * x)", "lambda g, _y, x, _t: g * x)", functional("binary_cross_entropy_with_logits")),
    Bug("ops/scan.py", "_cumsum(g, dim=dim, reverse=not reverse)", "_cumsum(g, dim=dim, reverse=reverse)", case("cumsum")),
    Bug("ops/recurrence.py", "_previous(y, dim, reverse, 1.0))", "_previous(y, dim, reverse, 0.0))", case("cumprod")),
    Bug("ops/special.py", "g * sigmoid(b - a),", "g * sigmoid(a - b),", case("logaddexp")),
    Bug("ops/special.py", "g * (2 / math.sqrt(math.pi)) * bell(x, n=0), prepare=promote_to_float)\ndef erf(", "g * (2 / math.sqrt(math.pi)) * exp(x), prepare=promote_to_float)\ndef erf(", case("erf")),
    Bug("ops/extremes.py", "spread(true_divide(g, sharing), dim=dim", "spread(g, dim=dim", ["tests/ops/test_extremes.py"]),  # ties all get all
    Bug("ops/extremes.py", "np.maximum(numbers - 1, 0) // 2", "numbers // 2", case("median")),
    Bug("ops/embedding.py", "        out[padding] = 0\n", "        pass\n", ["tests/nn/test_sparse.py"]),
    Bug("ops/affine.py", "return product(_rows(g).T, _rows(x))", "return product(_rows(g).T, _rows(x)) / max(math.prod(x.shape[:-1]), 1)", functional("linear")),
    Bug("ops/channelwise.py", "        yield np.multiply(d, d, out=d)", "        yield np.abs(d, out=d)", NORM),
    Bug("ops/channelwise.py", "        d += a[rows]\n", "", NORM),
    Bug("ops/channelwise.py", "return k + distance,", "return k,", NORM),
    Bug("ops/normalization.py", "    if last is not None and last[0]() is g:\n", "    if last is not None:\n", NORM),
    Bug("ops/scattering.py", "own = (x == y) if include_self else ~there", "own = x == y", ["tests/ops/test_scattering.py"]),
    Bug("ops/scattering.py", "np.maximum(counts + own, 1)", "np.maximum(counts, 1)", case("scatter_reduce")),  # the number that was there is not counted
    Bug("ops/scattering.py", "n + order", "n + np.arange(order.size)", case("scatter_reduce-of zeros")),
    Bug("ops/sliding.py", "writeable=apart and x.flags.writeable", "writeable=x.flags.writeable", ["tests/ops/test_scattering.py"]),
    Bug("ops/sliding.py", "+= g[..., k]", "= g[..., k]", case("Tensor.unfold")),  # where windows overlap only the last counts
    Bug("ops/elementwise.py", "-g if alpha == 1 else g * -float(alpha)", "-g if alpha == 1 else g * float(alpha)", case("sub-alpha")),
    Bug("ops/promotion.py", "        dtype = _NUMBER[float]\n", "        dtype = np.dtype(np.float32)\n", ["tests/tensors/test_names.py", "-k", "default"]),
    Bug("ops/grids.py", "    if shape == old:\n", "    if False:\n", ["tests/ops/test_scattering.py"]),  # no longer itself
]  # fmt: skip
