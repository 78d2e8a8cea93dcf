"""Recomputation, under the name of ``torch.utils.checkpoint``."""

from ..differentiation.recompute import checkpoint

__all__ = ["checkpoint"]
