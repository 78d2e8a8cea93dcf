"""Bags of rows of a table, as a layer."""

from __future__ import annotations

from typing import Any

from ...arrays.writes import mutated
from ...tensors import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .layer import Layer
from .making import parameter


class EmbeddingBag(Layer):
    """Sums, means or largest values of bags of rows of a table that is learned; see `functional.embedding_bag`.

    The arguments are those of the function. ``weight`` starts normally distributed, the row ``padding_idx`` as zeros.

    Shape:
        - input integers (bags, length), or (n,) with offsets (bags,); output (bags, embedding_dim)
        - weight (num_embeddings, embedding_dim)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"EmbeddingBag: padding_idx {padding_idx} is not among the {num_embeddings} rows")
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset
        if _weight is None:
            self.weight = parameter((num_embeddings, embedding_dim), device, dtype)
            self.reset_parameters()
            return
        if tuple(_weight.shape) != (num_embeddings, embedding_dim):
            raise ValueError(
                f"EmbeddingBag: weight of shape {tuple(_weight.shape)} does not fit {num_embeddings} rows of "
                f"{embedding_dim}"
            )
        self.weight = Parameter(_weight)

    def reset_parameters(self) -> None:
        """Draw new values; the padding row becomes zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight._array[self.padding_idx] = 0
            mutated(self.weight._array)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Bags of these rows (V, D), trained on only if ``freeze`` is False."""
        if embeddings.ndim != 2:
            raise ValueError(f"EmbeddingBag: a table has shape (rows, features), got {tuple(embeddings.shape)}")
        rows, features = embeddings.shape
        settings: Any = (
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        made = cls(rows, features, *settings)
        made.weight.requires_grad_(not freeze)
        return made

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        shown = {
            "max_norm": (self.max_norm, None),
            "norm_type": (self.norm_type, 2),
            "scale_grad_by_freq": (self.scale_grad_by_freq, False),
            "mode": (self.mode, ""),
            "padding_idx": (self.padding_idx, None),
        }
        texts = [f"{name}={value!r}" for name, (value, default) in shown.items() if value != default]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *texts])
