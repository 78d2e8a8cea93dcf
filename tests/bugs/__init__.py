"""The bugs that `tests/mutants.py` makes, a table for each part of the package."""

from __future__ import annotations

from . import arrays, engine, ops, optim
from .form import AREAS, Bug

BUGS: list[Bug] = [*engine.BUGS, *ops.BUGS, *arrays.BUGS, *optim.BUGS]

__all__ = ["AREAS", "BUGS", "Bug"]
