"""A face: ``torch.autograd.function``, whose contents stand in `differentiation`, above this room."""

from ..differentiation.context import FunctionCtx
from ..differentiation.function import Function, once_differentiable

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
