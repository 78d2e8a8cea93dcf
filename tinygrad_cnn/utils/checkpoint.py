"""Recomputation, under the name of ``torch.utils.checkpoint``."""

from ..recompute import checkpoint

__all__ = ["checkpoint"]
