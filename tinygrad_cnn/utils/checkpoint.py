"""Recomputation, under the name of ``torch.utils.checkpoint``."""

from ..autograd.recompute import checkpoint

__all__ = ["checkpoint"]
