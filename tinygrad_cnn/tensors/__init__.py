"""Tensors: the class, its methods, and the functions that make one."""

from __future__ import annotations

from .tensor import Tensor

__all__ = ["Tensor"]
