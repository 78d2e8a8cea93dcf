"""Attention of several heads, as a layer."""

from __future__ import annotations

from typing import Any

from ...tensors import Tensor
from .. import functional as F
from .. import init
from .layer import Layer
from .linear import Linear
from .making import parameter


class NonDynamicallyQuantizableLinear(Linear):
    """A `Linear`, under the name that PyTorch shows for the output projection of attention."""


class MultiheadAttention(Layer):
    """Attention in ``num_heads`` subspaces at once, between projections that are learned (Vaswani et al., 2017).

    Args:
        embed_dim: how many features query and output have; ``num_heads`` divides it.
        num_heads: how many subspaces, of embed_dim / num_heads features each.
        dropout: the probability to drop a weight in training.
        bias: do the projections have biases?
        add_bias_kv: have one more key and value, which are learned.
        add_zero_attn: have one more key and value of zeros.
        kdim, vdim: how many features key and value have; embed_dim by default.
        batch_first: (N, L, E) instead of (L, N, E).

    ``forward(query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True,
    is_causal=False)`` returns the output and the weights, or None for these; see
    `functional.multi_head_attention_forward` for the masks.

    Shape:
        - query and output (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim); all without N for no batch
        - weights (N, L, S), or (N, num_heads, L, S) with ``average_attn_weights=False``
        - in_proj_weight (3 embed_dim, embed_dim), or q_proj_weight, k_proj_weight and v_proj_weight where kdim or vdim
          differ; in_proj_bias (3 embed_dim,), bias_k and bias_v (1, 1, embed_dim), out_proj a `Linear`
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: num_heads={num_heads} must divide embed_dim={embed_dim}")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        joint, E = self._qkv_same_embed_dim, embed_dim
        self.in_proj_weight = parameter((3 * E, E), device, dtype) if joint else None
        self.q_proj_weight = None if joint else parameter((E, E), device, dtype)
        self.k_proj_weight = None if joint else parameter((E, self.kdim), device, dtype)
        self.v_proj_weight = None if joint else parameter((E, self.vdim), device, dtype)
        self.in_proj_bias = parameter(3 * E, device, dtype) if bias else None
        self.bias_k = parameter((1, 1, E), device, dtype) if add_bias_kv else None
        self.bias_v = parameter((1, 1, E), device, dtype) if add_bias_kv else None
        self.out_proj = NonDynamicallyQuantizableLinear(E, E, bias, device, dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw new values: weights by Glorot's rule, biases as zeros."""
        for w in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if w is not None:
                init.xavier_uniform_(w)
        for b in (self.in_proj_bias, self.out_proj.bias):
            if b is not None:
                init.zeros_(b)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        turned = self.batch_first and query.ndim == 3
        if turned:
            same = query is key and key is value
            query = query.transpose(0, 1)
            key, value = (query, query) if same else (x.transpose(0, 1) if x.ndim == 3 else x for x in (key, value))
        y, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            not self._qkv_same_embed_dim,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (y.transpose(0, 1) if turned else y), weights
