"""Attention (Vaswani et al., 2017): the plain one, and the one of several heads with its projections."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd.graph import Array
from ...ops.arrange import repeat_interleave
from ...ops.elementwise import choose
from ...ops.index import cut
from ...ops.joining import cat
from ...ops.linalg import matmul
from ...ops.lookup import masked_fill
from ...ops.reduce import mean
from ...ops.shape import _reshape, transpose
from ...ops.softmaxes import softmax
from ...ops.watched import aside
from .arguments import check_bias, check_floating, dtype_of
from .dense import linear
from .dropping import check_p, dropout


def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    """softmax(q k^T scale + mask) v: for each of L queries, the mean of S values, weighted by how well the keys fit.

    Args:
        query: (..., L, E).
        key: (..., S, E).
        value: (..., S, D).
        attn_mask: broadcast to (..., L, S): booleans, True where a key may be looked at, or numbers that are added. A
            query that may look at nothing gets zeros.
        dropout_p: the probability to drop a weight; it does not ask whether anything is in training.
        is_causal: let query i look at the keys up to i alone; instead of ``attn_mask``.
        scale: 1 / sqrt(E) by default.
        enable_gqa: key and value may have fewer heads, in dimension -3, than the query: each serves as many of them.

    Returns:
        (..., L, D).

    Raises:
        RuntimeError: shapes, dtypes or settings that do not go together.
    """
    name = "scaled_dot_product_attention"
    for x, what in ((query, "query"), (key, "key"), (value, "value")):
        check_floating(x, what, name)
        if x.ndim < 2:
            raise RuntimeError(f"{name}: {what} needs at least two dimensions, got shape {tuple(x.shape)}")
        if dtype_of(x) != dtype_of(query):
            raise RuntimeError(f"{name}: query and {what} must have one dtype, got {dtype_of(query)} and {dtype_of(x)}")
    if is_causal and attn_mask is not None:
        raise RuntimeError(f"{name}: give attn_mask or is_causal=True, not both")
    check_p(dropout_p, name)
    if attn_mask is not None:
        _check_mask(attn_mask, dtype_of(query), name)
    if enable_gqa:
        key, value = (_shared(x, query, name) for x in (key, value))
    if is_causal:
        attn_mask = np.tri(query.shape[-2], key.shape[-2], dtype=np.bool_)
    scale = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else float(scale)
    root = math.sqrt(abs(scale))  # each side takes its half, as in PyTorch: neither is kept as it came
    scores = matmul(query * math.copysign(root, scale), transpose(key * root, -1, -2))  # (..., L, S)
    weights = _weights(scores, attn_mask)
    return matmul(dropout(weights, dropout_p), value)


def _check_mask(mask: Array, dtype: np.dtype[Any], name: str) -> None:
    if dtype_of(mask) not in (np.bool_, dtype):
        raise RuntimeError(
            f"{name}: attn_mask must hold booleans, or numbers of the query's dtype, {dtype}, got {dtype_of(mask)}"
        )


def _shared(x: Array, query: Array, name: str) -> Array:
    """Each head of x as often as it takes to have one for each head of the query."""
    if x.ndim < 3 or query.ndim < 3 or not x.shape[-3] or query.shape[-3] % x.shape[-3]:
        raise RuntimeError(
            f"{name}: the heads of key and value, in dimension -3, must divide those of the query; got shapes "
            f"{tuple(x.shape)} and {tuple(query.shape)}"
        )
    return repeat_interleave(x, query.shape[-3] // x.shape[-3], -3)


def _blind(scores: Any) -> Any:
    """Which queries may look at nothing; None where there is none."""
    nothing = (scores == -math.inf).all(-1, keepdims=True)
    return nothing if nothing.any() else None


def _weights(scores: Array, mask: Array | None) -> Array:
    """The softmax of the masked scores, (..., L, S); zeros for a query that may look at nothing."""
    if mask is not None:
        scores = masked_fill(scores, ~mask, -math.inf) if dtype_of(mask) == np.bool_ else scores + mask
    nothing = aside(_blind, scores) if scores.shape[-1] else None
    if nothing is None:
        return softmax(scores, -1)
    return masked_fill(softmax(masked_fill(scores, nothing, 0.0), -1), nothing, 0.0)


# ------------------------------------------------------------------------------------------------------- several heads
def multi_head_attention_forward(
    query: Array,
    key: Array,
    value: Array,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Array | None,
    in_proj_bias: Array | None,
    bias_k: Array | None,
    bias_v: Array | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Array,
    out_proj_bias: Array | None,
    training: bool = True,
    key_padding_mask: Array | None = None,
    need_weights: bool = True,
    attn_mask: Array | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Array | None = None,
    k_proj_weight: Array | None = None,
    v_proj_weight: Array | None = None,
    static_k: Array | None = None,
    static_v: Array | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Array, Array | None]:
    """What `nn.MultiheadAttention` computes, with all its parameters handed in; see there.

    Args:
        query: (L, N, E) or (L, E), and key and value (S, N, ...) or (S, ...).
        embed_dim_to_check: E.
        in_proj_weight: (3 E, E), the projections of query, key and value one below the other; with
            ``use_separate_proj_weight`` three of them, ``q_proj_weight``, ``k_proj_weight`` and ``v_proj_weight``.
        in_proj_bias: (3 E,) or None.
        bias_k, bias_v: (1, 1, E), one more key and value, or None.
        add_zero_attn: one more key and value, of zeros.
        dropout_p: the probability to drop a weight in training.
        out_proj_weight, out_proj_bias: (E, E) and (E,) or None.
        key_padding_mask: (N, S) or (S,): booleans, True where a key is NOT to be looked at, or numbers to add.
        attn_mask: (L, S) or (N * num_heads, L, S), likewise.
        need_weights: return the weights too; then a query that may look at nothing gets NaN, otherwise zeros.
        static_k, static_v: (N * num_heads, S, E / num_heads): instead of the projected keys and values.
        average_attn_weights: the weights' mean over the heads, (N, L, S), instead of (N, num_heads, L, S).
        is_causal: says that ``attn_mask``, which has to be given, is the causal one.
    """
    name, E = "multi_head_attention", embed_dim_to_check
    unbatched = _check(query, key, value, E, num_heads, name)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            f"{name}: is_causal=True says that attn_mask is the causal one, but there is none; make it with "
            "nn.Transformer.generate_square_subsequent_mask(L)"
        )
    check_bias(query, in_proj_bias, 3 * E, name)
    same = query is key and key is value
    if unbatched:
        query, key, value = (x[:, None] for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
    L, N, S = query.shape[0], query.shape[1], key.shape[0]
    dtype, d = dtype_of(query), E // num_heads
    if use_separate_proj_weight:
        projections = (q_proj_weight, k_proj_weight, v_proj_weight)
        if any(w is None for w in projections):
            raise RuntimeError(
                f"{name}: use_separate_proj_weight=True needs q_proj_weight, k_proj_weight, v_proj_weight"
            )
    elif in_proj_weight is None:
        raise RuntimeError(f"{name}: in_proj_weight must be given unless use_separate_proj_weight=True")
    else:
        projections = tuple(cut(in_proj_weight, 0, i * E, (i + 1) * E) for i in range(3))
    if same and not use_separate_proj_weight:  # one product instead of three
        joint = linear(query, in_proj_weight, in_proj_bias)
        q, k, v = (cut(joint, 2, i * E, (i + 1) * E) for i in range(3))
    else:
        biases = [None] * 3 if in_proj_bias is None else [cut(in_proj_bias, 0, i * E, (i + 1) * E) for i in range(3)]
        q, k, v = (
            linear(x, w, b) for x, w, b in zip((query, key, value), projections, biases, strict=True)
        )  # (L or S, N, E)
    if (bias_k is None) != (bias_v is None):
        raise RuntimeError(f"{name}: bias_k and bias_v must both be given, or none of them")
    if bias_k is not None and bias_v is not None:
        if any(np.shape(b) not in ((1, 1, E), (1, E), (E,)) for b in (bias_k, bias_v)):
            shapes = f"{np.shape(bias_k)} and {np.shape(bias_v)}"
            raise RuntimeError(f"{name}: bias_k and bias_v must have shape (1, 1, {E}), got {shapes}")
        k, v = (cat([x, b + np.zeros((1, N, E), dtype)]) for x, b in ((k, bias_k), (v, bias_v)))
    q, k, v = (_heads(x, num_heads) for x in (q, k, v))  # (N, heads, L or S, d)
    if static_k is not None:
        k = _reshape(static_k, shape=(N, num_heads, -1, d))
    if static_v is not None:
        v = _reshape(static_v, shape=(N, num_heads, -1, d))
    if add_zero_attn:
        k, v = (cat([x, np.zeros((N, num_heads, 1, d), dtype)], 2) for x in (k, v))
    mask = _joined(attn_mask, key_padding_mask, (N, num_heads, L, S), k.shape[2] - S, dtype, name)
    scores = matmul(q * (1 / math.sqrt(d)), transpose(k, -1, -2))  # (N, heads, L, S)
    weights = softmax(scores if mask is None else scores + mask, -1) if need_weights else _weights(scores, mask)
    weights = dropout(weights, dropout_p, training)
    y = _reshape(transpose(transpose(matmul(weights, v), 1, 2), 0, 1), shape=(L, N, E))
    y = linear(y, out_proj_weight, out_proj_bias)
    y = y[:, 0] if unbatched else y
    if not need_weights:
        return y, None
    weights = mean(weights, 1) if average_attn_weights else weights
    return y, (weights[0] if unbatched else weights)


def _heads(x: Array, num_heads: int) -> Array:
    """(L, N, E) as (N, heads, L, E / heads)."""
    L, N, E = x.shape
    return transpose(transpose(_reshape(x, shape=(L, N, num_heads, E // num_heads)), 0, 1), 1, 2)


def _joined(
    attn_mask: Array | None,
    key_padding_mask: Array | None,
    shape: tuple[int, int, int, int],
    extra: int,
    dtype: np.dtype[Any],
    name: str,
) -> Array | None:
    """Both masks as one of numbers to add to the scores, (N or 1, heads or 1, L or 1, S); ``extra`` keys are seen."""
    N, heads, L, S = shape
    total: Array | None = None
    for mask, what, shapes in (
        (attn_mask, "attn_mask", ((L, S), (N * heads, L, S))),
        (key_padding_mask, "key_padding_mask", ((N, S),)),
    ):
        if mask is None:
            continue
        if tuple(mask.shape) not in shapes:
            raise RuntimeError(
                f"{name}: {what} must have shape {' or '.join(map(str, shapes))}, got {tuple(mask.shape)}"
            )
        if dtype_of(mask).kind not in "bf":
            raise RuntimeError(f"{name}: {what} must hold booleans or numbers to add, got dtype {dtype_of(mask)}")
        if dtype_of(mask) == np.bool_:
            mask = choose(mask, np.asarray(-math.inf, dtype), np.zeros((), dtype))
        if what == "key_padding_mask":
            mask = _reshape(mask, shape=(N, 1, 1, S))
        elif mask.ndim == 3:
            mask = _reshape(mask, shape=(N, heads, L, S))
        else:
            mask = _reshape(mask, shape=(1, 1, L, S))
        total = mask if total is None else total + mask
    if total is not None and extra:
        total = cat([total, np.zeros((*total.shape[:-1], extra), dtype)], -1)
    return total


def _check(query: Array, key: Array, value: Array, E: int, num_heads: int, name: str) -> bool:
    """Raise unless the three belong together; returns whether they lack a batch dimension."""
    for x, what in ((query, "query"), (key, "key"), (value, "value")):
        check_floating(x, what, name)
        if x.ndim not in (2, 3) or x.ndim != query.ndim:
            raise RuntimeError(
                f"{name}: query, key and value must have shapes (length, N, features), or (length, features) without "
                f"a batch, all three; {what} has {tuple(x.shape)}, query {tuple(query.shape)}"
            )
    if query.shape[-1] != E:
        raise RuntimeError(f"{name}: query must have {E} features, as embed_dim says, got shape {tuple(query.shape)}")
    if num_heads < 1 or E % num_heads:
        raise RuntimeError(f"{name}: num_heads={num_heads} must divide the {E} features")
    if key.shape[:-1] != value.shape[:-1] or query.shape[1:-1] != key.shape[1:-1]:
        raise RuntimeError(
            f"{name}: key and value must have one length, and all three one batch size; got shapes "
            f"{tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}"
        )
    return bool(query.ndim == 2)
