"""Files: checkpoints that survive a crash and notice damage."""

from .checkpoint import load, save

__all__ = ["load", "save"]
