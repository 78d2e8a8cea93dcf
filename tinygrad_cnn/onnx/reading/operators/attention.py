"""Attention and what belongs to it: rotary embeddings, gated activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ..steps import Step
from ..tensors import dtype_named
from .arithmetic import cast_to
from .table import like, operator


def _heads(x: Array, n: int | None) -> Array:
    """(N, L, n E) as (N, n, L, E); what has four dimensions already stays."""
    if x.ndim == 4:
        return x
    if not n:
        raise ValueError(f"an input of shape {tuple(x.shape)} needs the number of heads")
    N, L, size = x.shape
    return ops.transpose(ops.reshape(x, (N, L, n, size // n)), 1, 2)  # (N, n, L, E)


def _allowed(step: Step, L: int, S: int, before: Any) -> ndarray | None:
    """Which keys a query may look at by its place: (N or 1, 1, L, S), or None: all. ``before`` counts earlier keys."""
    causal = bool(step.get("is_causal", 0))
    left, right = step.get("left_window_size", -1), step.get("right_window_size", -1)
    if not causal and left < 0 and right < 0:
        return None
    place = np.arange(L)[:, None] + np.reshape(before, (-1, 1, 1, 1))  # (N, 1, L, 1)
    key = np.arange(S)
    allowed = np.ones((*place.shape[:3], S), bool)
    if causal:
        allowed &= key <= place
    if left >= 0:
        allowed &= key >= place - left
    if right >= 0:
        allowed &= key <= place + right
    return allowed


@operator("Attention")
def attention(
    step: Step, q: Array, k: Array, v: Array, mask: Array = None, past_k: Array = None, past_v: Array = None,
    lengths: Array = None,
) -> Any:  # fmt: skip
    """softmax(q k^T scale + mask) v (Vaswani et al., 2017), with fewer heads of keys by wish, and earlier keys."""
    flat, dtype = q.ndim == 3, array_of(q).dtype
    q, k, v = (_heads(x, step.get(name)) for x, name in ((q, "q_num_heads"), (k, "kv_num_heads"), (v, "kv_num_heads")))
    before: Any = 0
    if past_k is not None:
        before = past_k.shape[2]
        k, v = ops.cat([past_k, k], 2), ops.cat([past_v, v], 2)
    elif lengths is not None:
        before = array_of(lengths).reshape(-1) - q.shape[2]
    present, L, S = (k, v), q.shape[2], k.shape[2]
    times = q.shape[1] // k.shape[1]
    if times > 1:
        k, v = (ops.repeat_interleave(x, times, 1) for x in (k, v))
    root = math.sqrt(step.get("scale", 1 / math.sqrt(q.shape[3])))
    scores = ops.matmul(q * root, ops.transpose(k * root, 2, 3))  # (N, heads, L, S)
    stages = {0: scores}
    allowed = _allowed(step, L, S, before)
    if lengths is not None:
        there = np.arange(S) < array_of(lengths).reshape(-1, 1, 1, 1)  # (N, 1, 1, S)
        allowed = there if allowed is None else allowed & there
    bias = None
    if mask is not None:
        short = S - mask.shape[-1]
        kind = array_of(mask).dtype.kind
        if kind == "b":
            given = np.pad(array_of(mask), [(0, 0)] * (mask.ndim - 1) + [(0, max(short, 0))])
            allowed = given if allowed is None else allowed & given
        else:
            bias = mask
            if short > 0:
                bias = F.pad(mask, (0, short), "constant", -np.inf)
    cap = step.get("softcap", 0.0)
    if cap:
        scores = cap * ops.tanh(scores / cap)
    stages[1] = scores
    if bias is not None:
        scores = scores + bias
    if allowed is not None:
        scores = ops.where(like(allowed, q), scores, like(np.array(-np.inf, dtype), q))
    stages[2] = scores
    wide = dtype_named(step.get("softmax_precision")) if step.get("softmax_precision") else dtype
    weights = _softmax(cast_to(scores, wide))
    weights = cast_to(weights, dtype)
    stages[3] = weights
    y = ops.matmul(weights, v)  # (N, heads, L, D)
    if flat:
        y = ops.reshape(ops.transpose(y, 1, 2), (y.shape[0], L, -1))
    return (y, *present, stages[step.get("qk_matmul_output_mode", 0)])


def _softmax(scores: Array) -> Array:
    """Along the last dimension; zeros where nothing may be looked at."""
    none = np.isneginf(array_of(scores)).all(-1, keepdims=True)
    if not none.any():
        return ops.softmax(scores, -1)
    zero = like(np.zeros((), array_of(scores).dtype), scores)
    safe = ops.where(like(none, scores), zero, scores)
    return ops.where(like(none, scores), zero, ops.softmax(safe, -1))


@operator("RotaryEmbedding")
def rotary_embedding(step: Step, x: Array, cos: Array, sin: Array, places: Array = None) -> Array:
    """Pairs of numbers turned by an angle that grows with the place (Su et al., 2021)."""
    flat, n = x.ndim == 3, step.get("num_heads", 0)
    y = _heads(x, n)  # (N, heads, L, E)
    size = step.get("rotary_embedding_dim", 0) or y.shape[3]
    if places is not None:
        cos, sin = cos[array_of(places)], sin[array_of(places)]
    cos, sin = ops.unsqueeze(cos, 1), ops.unsqueeze(sin, 1)  # (N, 1, L, size / 2)
    turned, rest = y[..., :size], y[..., size:]
    if step.get("interleaved", 0):
        a, b = turned[..., 0::2], turned[..., 1::2]
        parts = ops.stack([cos * a - sin * b, sin * a + cos * b], -1)  # (N, heads, L, size / 2, 2)
        turned = ops.reshape(parts, (*parts.shape[:3], size))
    else:
        a, b = turned[..., : size // 2], turned[..., size // 2 :]
        turned = ops.cat([cos * a - sin * b, sin * a + cos * b], -1)
    y = ops.cat([turned, rest], -1) if size < y.shape[3] else turned
    return ops.reshape(ops.transpose(y, 1, 2), tuple(x.shape)) if flat else y


@operator("SwiGLU")
def swiglu(step: Step, a: Array, b: Array) -> Array:
    """a sigmoid(alpha a) b (Shazeer, 2020)."""
    return a * ops.sigmoid(a * step.get("alpha", 1.0)) * b
