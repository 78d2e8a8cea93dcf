"""Cases of attention. The references take one query of one head at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays


# -------------------------------------------------------------------------------------------------------------- inputs
@st.composite
def plain_inputs(draw: st.DrawFn) -> Inputs:
    lead = draw(st.sampled_from([(), (2,), (1, 2)]))
    L, S, E, D = (draw(st.integers(1, 3)) for _ in range(4))
    q, k, v = (draw(arrays((*lead, *shape))) for shape in ((L, E), (S, E), (S, D)))
    mask, kwargs = None, {"is_causal": False, "scale": draw(st.sampled_from([None, 0.5]))}
    kind = draw(st.sampled_from(["none", "causal", "booleans", "numbers"]))
    if kind == "causal":
        kwargs["is_causal"] = True
    elif kind == "booleans":
        mask = draw(arrays((L, S), dtype=np.bool_))
    elif kind == "numbers":
        mask = draw(arrays((L, S)))
    return [q, k, v, mask], kwargs


@st.composite
def grouped_inputs(draw: st.DrawFn) -> Inputs:
    groups, heads, L, S, E = (draw(st.integers(1, 2)) for _ in range(5))
    q = draw(arrays((groups * heads, L, E)))
    return [q, draw(arrays((heads, S, E))), draw(arrays((heads, S, E))), None], {"enable_gqa": True}


@st.composite
def head_inputs(draw: st.DrawFn) -> Inputs:
    N, L, S, heads = (draw(st.integers(1, 2)) for _ in range(4))
    E = heads * draw(st.integers(1, 2))
    kdim, vdim = draw(st.sampled_from([(E, E), (1, 3)]))
    batch = draw(st.sampled_from([(), (N,)]))
    q, k, v = (draw(arrays((n, *batch, features))) for n, features in ((L, E), (S, kdim), (S, vdim)))
    bias = draw(arrays((3 * E,))) if draw(st.booleans()) else None
    extra = draw(st.booleans())
    weights = [draw(arrays((E, features))) for features in (E, kdim, vdim)]
    inputs = [q, k, v, *weights, bias, draw(arrays((E, E)))]
    inputs += [draw(arrays((1, 1, E))) if extra else None for _ in range(2)]
    n = N if batch else 1
    mask = draw(st.sampled_from([None, (L, S), (n * heads, L, S)]))
    inputs.append(None if mask is None else draw(arrays(mask)))
    kwargs = {
        "heads": heads,
        "zero": draw(st.booleans()),
        "need_weights": draw(st.booleans()),
        "average": draw(st.booleans()),
        "padding": draw(st.sampled_from([None, [False] * S])),
    }
    return inputs, kwargs


# ---------------------------------------------------------------------------------------------------------- references
def attend(q: Any, k: Any, v: Any, mask: Any, scale: float | None = None) -> tuple[Any, Any]:
    """Outputs and weights of one head, one query at a time; the mask holds numbers to add."""
    scale = 1 / math.sqrt(q.shape[1]) if scale is None else scale
    y, weights = np.zeros((len(q), v.shape[1])), np.zeros((len(q), len(k)))
    for i in range(len(q)):
        scores = np.array([scale * (q[i] * k[j]).sum() + mask[i, j] for j in range(len(k))])
        if (scores > -math.inf).any():
            e = np.exp(scores - scores.max())
            weights[i] = e / e.sum()
        y[i] = sum(weights[i, j] * v[j] for j in range(len(k)))
    return y, weights


def plain(
    q: Any, k: Any, v: Any, mask: Any, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False
) -> Any:
    lead = q.shape[:-2]
    L, S = q.shape[-2], k.shape[-2]
    added = np.zeros((L, S))
    if is_causal:
        added = np.array([[0.0 if j <= i else -math.inf for j in range(S)] for i in range(L)]).reshape(L, S)
    elif mask is not None:
        added = np.where(mask, 0.0, -math.inf) if mask.dtype == np.bool_ else mask
    y = np.zeros((*lead, L, v.shape[-1]))
    for place in np.ndindex(*lead):
        there = (place[0] // (q.shape[0] // k.shape[0]),) if enable_gqa else place
        y[place] = attend(q[place], k[there], v[there], added, scale)[0]
    return y


def heads_by_hand(
    q: Any,
    k: Any,
    v: Any,
    wq: Any,
    wk: Any,
    wv: Any,
    bias: Any,
    out: Any,
    bias_k: Any,
    bias_v: Any,
    mask: Any,
    heads: int,
    zero: bool,
    need_weights: bool,
    average: bool,
    padding: Any,
) -> Any:
    del padding
    batched = q.ndim == 3
    q, k, v = (x if batched else x[:, None] for x in (q, k, v))
    (L, N, E), S = q.shape, len(k)
    d = E // heads
    b = np.zeros((3, E)) if bias is None else bias.reshape(3, E)
    y, weights = np.zeros((L, N, E)), np.zeros((N, heads, L, S + (bias_k is not None) + zero))
    for n in range(N):
        rows = [x[:, n] @ w.T + c for x, w, c in zip((q, k, v), (wq, wk, wv), b, strict=True)]
        if bias_k is not None:
            rows[1:] = [np.vstack([x, c[0]]) for x, c in zip(rows[1:], (bias_k, bias_v), strict=True)]
        if zero:
            rows[1:] = [np.vstack([x, np.zeros((1, E))]) for x in rows[1:]]
        for h in range(heads):
            added = np.zeros((L, len(rows[1])))
            if mask is not None:
                added[:, :S] = mask if mask.ndim == 2 else mask[n * heads + h]
            part = slice(h * d, (h + 1) * d)
            y[:, n, part], weights[n, h] = attend(*(x[:, part] for x in rows), added)
    y = y @ out.T
    y = y if batched else y[:, 0]
    if not need_weights:
        return y
    weights = weights.mean(1) if average else weights
    return y, (weights if batched else weights[0])


# --------------------------------------------------------------------------------------------------------------- calls
def by_function(f: Any, full: Any) -> Any:
    """A call of either package's function with the case's inputs."""

    def call(q: Any, k: Any, v: Any, wq: Any, wk: Any, wv: Any, bias: Any, out: Any, *rest: Any, **kwargs: Any) -> Any:
        bias_k, bias_v, mask = rest
        y, weights = f(
            q,
            k,
            v,
            q.shape[-1],
            kwargs["heads"],
            None,
            bias,
            bias_k,
            bias_v,
            kwargs["zero"],
            0.0,
            out,
            None,
            key_padding_mask=None if kwargs["padding"] is None else full(q, kwargs["padding"]),
            need_weights=kwargs["need_weights"],
            attn_mask=mask,
            use_separate_proj_weight=True,
            q_proj_weight=wq,
            k_proj_weight=wk,
            v_proj_weight=wv,
            average_attn_weights=kwargs["average"],
        )
        return y if weights is None else (y, weights)

    return call


def padding_mask(q: Any, padding: list[bool]) -> Any:
    return np.array([padding] * q.shape[1] if q.ndim == 3 else padding)


def torch_padding_mask(q: Any, padding: list[bool]) -> Any:
    import torch

    return torch.tensor([padding] * q.shape[1] if q.ndim == 3 else padding)


def torch_heads(*inputs: Any, **kwargs: Any) -> Any:
    return by_function(torch_f("multi_head_attention_forward"), torch_padding_mask)(*inputs, **kwargs)


INFINITE = ("special values", "where all keys are infinitely far there is no slope here; PyTorch's is NaN")
NAN = ("NaN", "NaN goes through; PyTorch makes zeros of it where there is no mask")
DIFFERS = (
    INFINITE,
    NAN,
    ("nothing", "PyTorch does not look at sizes where there is nothing to look at"),
    ("a dimension more", "a mask may have more dimensions than the scores, and broadcasts; PyTorch refuses it"),
    ("a dimension fewer", "a mask may have a single dimension, and broadcasts; PyTorch refuses it"),
)

CASES = [
    Case(
        "nn.functional.scaled_dot_product_attention",
        plain_inputs(),
        F.scaled_dot_product_attention,
        plain,
        torch=torch_f("scaled_dot_product_attention"),
        differs=DIFFERS,
    ),
    Case(
        "nn.functional.scaled_dot_product_attention",
        grouped_inputs(),
        F.scaled_dot_product_attention,
        plain,
        torch=torch_f("scaled_dot_product_attention"),
        differs=DIFFERS,
        note="grouped",
    ),
    Case(
        "nn.functional.multi_head_attention_forward",
        head_inputs(),
        by_function(F.multi_head_attention_forward, padding_mask),
        heads_by_hand,
        torch=torch_heads,
        differs=(INFINITE, NAN),
    ),
]
