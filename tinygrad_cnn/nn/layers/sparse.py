"""Lookup layers."""

from __future__ import annotations

from typing import Any

from ...arrays.writes import mutated
from ...tensors import Tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .layer import Layer
from .making import parameter


class Embedding(Layer):
    """A table of vectors, looked up by integers; its rows are learned; see `functional.embedding`.

    ``weight`` starts normally distributed; the row ``padding_idx``, if given, starts as zeros and gets no gradient.
    The other arguments are those of the function.

    Shape:
        - input integers (*), output (*, embedding_dim)
        - weight (num_embeddings, embedding_dim)
    """

    _shown = "num_embeddings, embedding_dim, padding_idx?, max_norm?, norm_type?, scale_grad_by_freq?, sparse?"

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"Embedding: padding_idx {padding_idx} is not among the {num_embeddings} rows")
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        if _weight is None:
            self.weight = parameter((num_embeddings, embedding_dim), device, dtype)
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ValueError(
                    f"Embedding: weight of shape {tuple(_weight.shape)} does not fit "
                    f"{num_embeddings} rows of {embedding_dim}"
                )
            self.weight = Parameter(_weight)
        if _freeze:
            self.weight.requires_grad_(False)

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
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An embedding with these rows (V, D), trained on only if ``freeze`` is False."""
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding: a table has shape (rows, features), got {tuple(embeddings.shape)}")
        rows, features = embeddings.shape
        settings: Any = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)
        return cls(rows, features, *settings)

    def forward(self, input: Tensor) -> Tensor:
        settings = (self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse)
        return F.embedding(input, self.weight, *settings)
