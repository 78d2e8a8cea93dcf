"""Functions of layers beside loops in NumPy that do the same the slow way: every setting, and sizes down to none."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F

RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape)


def near(y: Any, expected: Any, dtype: Any = np.float64) -> None:
    y = y.detach().numpy() if isinstance(y, tg.Tensor) else y
    assert y.dtype == dtype
    assert y.shape == np.shape(expected)
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)


def softmax(s: Any) -> Any:
    """Rows that add up to 1; zeros for a row of nothing but -inf."""
    e = np.exp(s - np.where(np.isfinite(s.max()), s.max(), 0)) if s.size else s
    return e / e.sum() if e.any() else np.zeros_like(s)


# ------------------------------------------------------------------------------------------------------------ attention
def attended(q: Any, k: Any, v: Any, mask: Any, scale: float) -> Any:
    """(L, E), (S, E), (S, D): one query after the other."""
    rows = []
    for i, query in enumerate(q):
        s = np.array([query @ key * scale for key in k])
        if mask is not None:
            s = np.where(mask[i], s, -np.inf) if mask.dtype == bool else s + mask[i]
        rows.append(softmax(s) @ v)
    return np.array(rows).reshape(len(q), v.shape[1])


@pytest.mark.parametrize(("L", "S", "E", "D"), [(3, 4, 2, 5), (4, 3, 1, 1), (1, 1, 3, 2), (0, 2, 2, 2), (2, 3, 0, 2)])
@pytest.mark.parametrize("scale", [None, 0.3, -0.3, 1.0, 0.0])
@pytest.mark.parametrize("mask", ["", "causal", "booleans", "numbers", "nothing"])
def test_attention(L: int, S: int, E: int, D: int, scale: float | None, mask: str) -> None:
    q, k, v = normal(L, E), normal(S, E), normal(S, D)
    masks = {
        "": None,
        "causal": np.arange(S) <= np.arange(L)[:, None],
        "booleans": np.arange(S) != np.arange(L)[:, None],
        "numbers": normal(L, S),
        "nothing": np.zeros((L, S), bool),
    }
    m = masks[mask]
    expected = attended(q, k, v, m, scale if scale is not None else 1 / math.sqrt(E) if E else 1.0)
    given = {"is_causal": True} if mask == "causal" else {"attn_mask": m}
    near(F.scaled_dot_product_attention(q, k, v, scale=scale, **given), expected)
    near(
        F.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None], scale=scale, **given)[0, 0],
        expected,
    )


@pytest.mark.parametrize("lead", [(), (1,), (2,), (0,)])
@pytest.mark.parametrize(("heads", "shared"), [(4, 2), (4, 1), (4, 4), (1, 1)])
def test_heads_that_share_keys(lead: tuple[int, ...], heads: int, shared: int) -> None:
    q, k, v = normal(*lead, heads, 3, 2), normal(*lead, shared, 5, 2), normal(*lead, shared, 5, 1)
    y = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    each = heads // shared
    expected = np.zeros((*lead, heads, 3, 1))
    for at in np.ndindex(*lead):
        for h in range(heads):
            expected[(*at, h)] = attended(q[(*at, h)], k[(*at, h // each)], v[(*at, h // each)], None, 1 / math.sqrt(2))
    near(y, expected)


@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 2), (4, 3, 2), (4, 3, 2)),
        ((4, 3, 2), (3, 2), (3, 2)),
        ((4, 3, 2), (0, 3, 2), (0, 3, 2)),
        ((4, 3, 2), (3, 3, 2), (3, 3, 2)),
        ((4, 3, 2), (2, 3, 2), (3, 3, 2)),
    ],
)
def test_heads_that_cannot_share(shapes: Any) -> None:
    with pytest.raises(RuntimeError, match="must divide those of the query; got shapes"):
        F.scaled_dot_product_attention(*(np.ones(s) for s in shapes), enable_gqa=True)


def many_heads(q: Any, k: Any, v: Any, heads: int, p: dict[str, Any], **given: Any) -> tuple[Any, Any]:
    """(L, N, E), (S, N, ...): one sample and one head after the other; the outputs and all weights."""
    L, N, E = q.shape
    d = E // heads
    if p.get("use_separate_proj_weight"):
        ws = [p[f"{x}_proj_weight"] for x in "qkv"]
    else:
        ws = np.split(p["in_proj_weight"], 3)
    bs = [0, 0, 0] if p["in_proj_bias"] is None else np.split(p["in_proj_bias"], 3)
    outputs, weights = np.zeros((L, N, E)), []
    for n in range(N):
        Q, K, V = (x[:, n] @ w.T + b for x, w, b in zip((q, k, v), ws, bs, strict=True))
        if p["bias_k"] is not None:
            K, V = np.vstack([K, p["bias_k"].reshape(1, E)]), np.vstack([V, p["bias_v"].reshape(1, E)])
        row = []
        for h in range(heads):
            part = slice(h * d, (h + 1) * d)
            kh, vh = K[:, part], V[:, part]
            kh = p["static_k"][n * heads + h] if p.get("static_k") is not None else kh
            vh = p["static_v"][n * heads + h] if p.get("static_v") is not None else vh
            if p["add_zero_attn"]:
                kh, vh = np.vstack([kh, np.zeros((1, d))]), np.vstack([vh, np.zeros((1, d))])
            s = Q[:, part] @ kh.T / math.sqrt(d)
            for mask, index in ((given.get("attn_mask"), n * heads + h), (given.get("key_padding_mask"), n)):
                if mask is None:
                    continue
                one = mask[index] if mask.ndim == 3 or mask is given.get("key_padding_mask") else mask
                seen = s[:, : k.shape[0]]
                s[:, : k.shape[0]] = np.where(one, -np.inf, seen) if mask.dtype == bool else seen + one
            w = np.array([softmax(r) for r in s])
            outputs[:, n, part] = w @ vh
            row.append(w)
        weights.append(row)
    y = outputs @ p["out_proj_weight"].T + (0 if p["out_proj_bias"] is None else p["out_proj_bias"])
    return y, np.array(weights)


E, N, L, S = 4, 2, 3, 5
PROJECTED: list[dict[str, Any]] = [
    {},
    {"in_proj_bias": None, "out_proj_bias": None},
    {"add_zero_attn": True},
    {"bias_k": normal(1, 1, E), "bias_v": normal(1, 1, E), "add_zero_attn": True},
    {"bias_k": normal(1, E), "bias_v": normal(E)},
    {"static_k": normal(N * 2, S, 2)},
    {"static_v": normal(N * 2, S, 2), "add_zero_attn": True},
    {
        "use_separate_proj_weight": True,
        "in_proj_weight": None,
        **{f"{x}_proj_weight": normal(E, E) for x in "qkv"},
    },
]
LOOKED_AT: list[dict[str, Any]] = [
    {},
    {"attn_mask": normal(L, S)},
    {"attn_mask": normal(N * 2, L, S)},
    {"attn_mask": np.arange(S) > np.arange(L)[:, None] + 1},
    {"attn_mask": RNG.random((N * 2, L, S)) > 0.7, "key_padding_mask": np.arange(S) >= np.array([[4], [5]])},
    {"key_padding_mask": normal(N, S)},
]


@pytest.mark.parametrize("looked_at", LOOKED_AT, ids=lambda d: "-".join(d) or "all")
@pytest.mark.parametrize("projected", PROJECTED, ids=lambda d: "-".join(d) or "plain")
def test_attention_of_several_heads(projected: dict[str, Any], looked_at: dict[str, Any]) -> None:
    q, k, v = normal(L, N, E), normal(S, N, E), normal(S, N, E)
    p = {
        "in_proj_weight": normal(3 * E, E), "in_proj_bias": normal(3 * E), "bias_k": None, "bias_v": None,
        "add_zero_attn": False, "dropout_p": 0.0, "out_proj_weight": normal(E, E), "out_proj_bias": normal(E),
        **projected,
    }  # fmt: skip
    expected, weights = many_heads(q, k, v, 2, p, **looked_at)

    def ours(*x: Any, **more: Any) -> Any:
        return F.multi_head_attention_forward(*x, E, 2, **{**p, **looked_at, **more})

    y, w = ours(q, k, v)
    near(y, expected)
    near(w, weights.mean(1))
    near(ours(q, k, v, average_attn_weights=False)[1], weights)
    y, w = ours(q, k, v, need_weights=False)
    assert w is None
    near(y, expected)
    near(ours(q, k, v, dropout_p=0.9, training=False)[0], expected)
    if not looked_at and "static" not in str(projected):  # all three are one
        near(ours(q, q, q)[0], many_heads(q, q, q, 2, p)[0])
    if "bias_k" in projected or any(np.ndim(m) == 3 for m in looked_at.values()) or "static" in str(projected):
        return
    one = {name: m[0] if name == "key_padding_mask" else m for name, m in looked_at.items()}
    y, w = ours(q[:, 0], k[:, 0], v[:, 0], **one)
    near(y, expected[:, 0])
    near(w, weights[0].mean(0))
    near(ours(q[:, 0], k[:, 0], v[:, 0], **one, average_attn_weights=False)[1], weights[0])


# ----------------------------------------------------------------------------------------------------------------- bags
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 1, -1, 0, -5])
@pytest.mark.parametrize("offsets", [[0, 2, 2, 5], [0], [0, 0, 7], [0, 7]])
@pytest.mark.parametrize("last", [False, True])
def test_bags(mode: str, padding: int | None, offsets: list[int], last: bool) -> None:
    table, i = normal(5, 2), np.array([1, 0, 4, 1, 1, 3, 4])
    starts = [*offsets, 7] if not last or offsets[-1] != 7 else offsets
    own = normal(7) if mode == "sum" else None
    expected = np.zeros((len(starts) - 1, 2))
    for bag, (a, b) in enumerate(itertools.pairwise(starts)):
        kept = [n for n in range(a, b) if padding is None or i[n] != padding % 5]
        rows = [table[i[n]] * (1 if own is None else own[n]) for n in kept]
        if rows:
            expected[bag] = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode](rows, axis=0)
    given = np.array(starts if last else starts[:-1])
    near(F.embedding_bag(i, table, given, None, 2, False, mode, False, own, last, padding), expected)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("shape", [(2, 3), (0, 3), (2, 0)])
def test_bags_of_one_length(mode: str, shape: tuple[int, int]) -> None:
    table, i = normal(4, 2), RNG.integers(0, 4, shape)
    how = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    expected = np.array([how(table[row], axis=0) if row.size else np.zeros(2) for row in i]).reshape(shape[0], 2)
    near(F.embedding_bag(i, table, mode=mode), expected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"offsets": np.array([1, 2])}, "offsets must begin with 0"),
        ({"offsets": np.array([0, 3, 2])}, "never go down"),
        ({"offsets": np.array([0, 8])}, "end within the 7 numbers"),
        ({"offsets": np.array([0, 6]), "include_last_offset": True}, "end within the 7 numbers"),
        ({"offsets": np.array([], int), "include_last_offset": True}, "must hold at least one number"),
        ({"offsets": np.array([0.0])}, r"needs offsets, a vector of integers, got float64 of shape \(1,\)"),
        ({"offsets": np.array([[0]])}, r"a vector of integers, got int64 of shape \(1, 1\)"),
        ({}, "needs offsets, a vector of integers, got None"),
        ({"input": np.zeros((1, 2), int), "offsets": np.array([0])}, "so offsets must be None"),
        ({"input": np.zeros((1, 2, 2), int)}, r"input must have shape \(bags, length\), or \(n,\) with offsets"),
        ({"offsets": np.array([0]), "mode": "max", "scale_grad_by_freq": True}, "is for the modes 'sum' and 'mean'"),
        ({"offsets": np.array([0]), "mode": "least"}, "mode must be 'sum', 'mean' or 'max', got 'least'"),
        ({"offsets": np.array([0]), "per_sample_weights": np.ones(7)}, "is for mode='sum', got mode='mean'"),
        ({"offsets": np.array([0]), "mode": "sum", "per_sample_weights": np.ones(6)}, "must have the input's shape"),
        ({"offsets": np.array([0]), "mode": "sum", "per_sample_weights": np.ones(7, "f")}, "and the weight's dtype"),
    ],
)
def test_bags_that_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, NotImplementedError), match=words):
        F.embedding_bag(**{"input": np.array([1, 0, 4, 1, 1, 3, 4]), "weight": normal(5, 2), **given})


@pytest.mark.parametrize("padding", [None, 0, 3, -1, -4])
def test_the_row_of_the_padding_gets_no_gradient(padding: int | None) -> None:
    i = tg.tensor([[0, 1, 3], [3, 3, 2]])
    table = tg.tensor(normal(4, 2), requires_grad=True)
    F.embedding(i, table, padding).sum().backward()
    counts = np.array([1.0, 1, 1, 3])
    if padding is not None:
        counts[padding] = 0
    near(table.grad, np.repeat(counts[:, None], 2, 1))
    table.grad = None
    F.embedding(i, table, padding, scale_grad_by_freq=True).sum().backward()
    near(table.grad, np.repeat((counts > 0).astype(float)[:, None], 2, 1))


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 1, 1), (3, 1, 2)])
def test_what_is_linear_in_two_inputs(lead: tuple[int, ...], sizes: tuple[int, int, int]) -> None:
    outputs, a, b = sizes
    x, z, w, bias = normal(*lead, a), normal(*lead, b), normal(outputs, a, b), normal(outputs)
    expected = np.zeros((*lead, outputs))
    for at in np.ndindex(*lead):
        expected[at] = [x[at] @ w[o] @ z[at] for o in range(outputs)]
    near(F.bilinear(x, z, w), expected)
    near(F.bilinear(x, z, w, bias), expected + bias)


# ---------------------------------------------------------------------------------------------------------------- pools
def windows(n: int, k: int, s: int, p: int, d: int, ceil: bool) -> list[list[int]]:
    """The places that each window along a line of n looks at, those of the padding too."""
    extent = d * (k - 1) + 1
    found, start = [], -p
    while start + extent <= n + p or (ceil and start < n and start + extent < n + p + s):
        found.append([start + d * i for i in range(k)])
        start += s
    return found


LINES = [
    (n, k, s, p, d, ceil)
    for n, k, s, d in itertools.product(range(1, 7), range(1, 4), range(1, 4), (1, 2))
    for p in range(k // 2 + 1)
    for ceil in (False, True)
    if windows(n, k, s, p, d, ceil)
]


def test_maxima_of_every_small_line() -> None:
    assert len(LINES) > 250
    for n, k, s, p, d, ceil in LINES:
        x = normal(1, 2, n)
        x[0, 1] = -abs(x[0, 1]) - 5  # padding never wins
        of = [[i for i in w if 0 <= i < n] for w in windows(n, k, s, p, d, ceil)]
        if not all(of):  # between the taps alone
            continue
        expected = np.array([[[row[w].max() for w in of] for row in x[0]]])
        y, at = F.max_pool1d(x, k, s, p, d, ceil, True)
        near(y, expected)
        near(np.take_along_axis(x, at, 2), expected)
        near(F.max_pool1d(x[0], k, s, p, d, ceil), expected[0])
        square = F.max_pool2d(x[:, :, None].repeat(2, 2), (1, k), (1, s), (0, p), (1, d), ceil)
        near(square, expected[:, :, None].repeat(2, 2))


def test_means_of_every_small_line() -> None:
    for n, k, s, p, d, ceil in LINES:
        if d > 1:
            continue
        x = normal(1, 2, n)
        for padded in (True, False):
            expected = []
            for w in windows(n, k, s, p, 1, ceil):
                seen = [i for i in w if 0 <= i < n]
                counted = [i for i in w if -p <= i < n + p] if padded else seen
                expected.append(x[0, :, seen].sum(0) / len(counted))
            near(F.avg_pool1d(x, k, s, p, ceil, padded), np.array([expected]).swapaxes(1, 2))
            across = F.avg_pool2d(x[:, :, :, None], (k, 1), (s, 1), (p, 0), ceil, padded)
            near(across, np.array([expected]).swapaxes(1, 2)[..., None])
        sums = np.array([[x[0, :, [i for i in w if 0 <= i < n]].sum(0) for w in windows(n, k, s, p, 1, ceil)]])
        near(F.avg_pool2d(x[:, :, None], (1, k), (1, s), (0, p), ceil, True, -3)[:, :, 0], sums.swapaxes(1, 2) / -3)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_a_grid_of_windows_that_cover_all(size: int) -> None:
    """Each begins at the place of its start, rounded down, and ends at that of its end, rounded up."""
    x = normal(2, 3, 5, 4)
    of = {n: [slice(i * n // size, -(-(i + 1) * n // size)) for i in range(size)] for n in (4, 5)}
    line, image = x[:, :, 0], x[:, :, :, None, 0]
    means = np.stack([line[:, :, w].mean(2) for w in of[4]], 2)
    maxima = np.stack([line[:, :, w].max(2) for w in of[4]], 2)
    near(F.adaptive_avg_pool1d(line, size), means)
    near(F.adaptive_avg_pool1d(line[1], size), means[1])
    near(F.adaptive_max_pool1d(line, size), maxima)
    for given, y, at in ((line, *F.adaptive_max_pool1d(line, size, True)), (x, *F.adaptive_max_pool2d(x, size, True))):
        near(np.take_along_axis(given.reshape(2, 3, -1), at.reshape(2, 3, -1), 2).reshape(y.shape), y)
    alone, at = F.adaptive_max_pool1d(line[1], size, True)
    near(alone, maxima[1])
    np.testing.assert_array_equal(at, F.adaptive_max_pool1d(line, size, True)[1][1])
    square = np.stack([np.stack([x[:, :, a, b].mean((2, 3)) for b in of[4]], 2) for a in of[5]], 2)
    largest = np.stack([np.stack([x[:, :, a, b].max((2, 3)) for b in of[4]], 2) for a in of[5]], 2)
    for wanted in (size, (size, size), [size, size]):
        near(F.adaptive_avg_pool2d(x, wanted), square)
        near(F.adaptive_avg_pool2d(x[1], wanted), square[1])
        near(F.adaptive_max_pool2d(x, wanted), largest)
        near(F.adaptive_max_pool2d(x[1], wanted), largest[1])
        near(F.adaptive_max_pool2d(x[1], wanted, True)[0], largest[1])
    near(F.adaptive_avg_pool2d(x, (size, None)), np.stack([x[:, :, a].mean(2) for a in of[5]], 2))
    near(F.adaptive_max_pool2d(x, (None, size)), np.stack([x[:, :, :, b].max(3) for b in of[4]], 3))
    near(F.adaptive_avg_pool2d(image, (size, 1))[..., 0], np.stack([image[:, :, a, 0].mean(2) for a in of[5]], 2))
    assert F.adaptive_avg_pool2d(x[:, :0], size).shape == (2, 0, size, size)
    assert F.adaptive_max_pool1d(line[:, :0], size).shape == (2, 0, size)
    assert F.adaptive_avg_pool1d(line[:, :0], size).shape == (2, 0, size)
    for wrong in ((size,), (size, size, size)):
        with pytest.raises(ValueError, match="output_size must be an int or two of them"):
            F.adaptive_avg_pool2d(x, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [1, 2, 3.0, 0.5])
@pytest.mark.parametrize("ceil", [False, True])
def test_power_means(p: float, ceil: bool) -> None:
    x = np.abs(normal(1, 2, 5)) + 0.1
    x[0, 0, :2] = 0
    expected = [[(row[w] ** p).sum() ** (1 / p) for w in ([0, 1], [2, 3])] for row in x[0]]
    if ceil:  # a window that hangs over: its mean, times a whole window
        expected = [[*e, (row[4] ** p * 2) ** (1 / p)] for e, row in zip(expected, x[0], strict=True)]
    near(F.lp_pool1d(x, p, 2, ceil_mode=ceil), np.array([expected]))
    near(F.lp_pool2d(x[:, :, None], p, (1, 2), ceil_mode=ceil)[:, :, 0], np.array([expected]))


# --------------------------------------------------------------------------------------------------------- convolutions
@pytest.mark.parametrize("kernel", [(1, 2), (2, 3), (4, 1)])
@pytest.mark.parametrize("dilation", [1, 2, (3, 1), (1, 3)])
def test_padding_that_keeps_the_size(kernel: tuple[int, int], dilation: Any) -> None:
    """Half before, half behind, and of an odd number the larger half behind."""
    d = (dilation, dilation) if isinstance(dilation, int) else dilation
    x, w = normal(1, 2, 4, 5), normal(3, 2, *kernel)
    more = [a * (k - 1) for a, k in zip(d, kernel, strict=True)]
    wide = np.pad(x, ((0, 0), (0, 0), *((m // 2, m - m // 2) for m in more)))
    near(F.conv2d(x, w, padding="same", dilation=dilation), F.conv2d(wide, w, dilation=dilation))
    near(F.conv2d(wide, w, padding="valid", dilation=dilation), F.conv2d(wide, w, dilation=dilation))
    line, one, a, k = x[:, :, 0], w[:, :, 0], d[1], kernel[1]
    m = a * (k - 1)
    wide = np.pad(line, ((0, 0), (0, 0), (m // 2, m - m // 2)))
    near(F.conv1d(line, one, padding="same", dilation=a), F.conv1d(wide, one, dilation=a))
    near(F.conv1d(wide[0], one, padding="valid", dilation=a), F.conv1d(wide, one, dilation=a)[0])


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("s", "p", "extra", "d"), [(1, 0, 0, 1), (2, 1, 1, 1), (3, 0, 2, 2), (1, 2, 1, 3), (2, 0, 2, 3)]
)
def test_transposed_lines(groups: int, s: int, p: int, extra: int, d: int) -> None:
    """Every sample lays down its kernel; what stands out is cut off, and what was wished beyond is zero."""
    x, w, bias = normal(2, 4, 3), normal(4, 3, 2), normal(3 * groups)
    length = (3 - 1) * s + d * (2 - 1) + 1
    full = np.zeros((2, 3 * groups, length + extra + 2 * p))
    for n, c, i, o, k in itertools.product(range(2), range(4), range(3), range(3), range(2)):
        group = c // (4 // groups)
        full[n, group * 3 + o, i * s + k * d] += x[n, c, i] * w[c, o, k]
    expected = full[:, :, p : length - p + extra] + bias[:, None]
    near(F.conv_transpose1d(x, w, bias, s, p, extra, groups, d), expected)
    near(F.conv_transpose1d(x[1], w, None, s, p, extra, groups, d), expected[1] - bias[:, None])
    with pytest.raises(ValueError, match="output_padding must be less than stride or less than dilation"):
        F.conv_transpose1d(x, w, bias, s, p, max(s, d), groups, d)
    across = F.conv_transpose2d(x[..., None], w[..., None], bias, (s, 1), (p, 0), (extra, 0), groups, (d, 1))
    near(across, expected[..., None])
