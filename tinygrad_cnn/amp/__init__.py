"""Mixed precision, under PyTorch's names. It is about speed on devices that are not here: everything passes through."""

from .casting import autocast as autocast
from .scaling import GradScaler as GradScaler

__all__ = ["GradScaler", "autocast"]
