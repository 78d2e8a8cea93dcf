"""The bugs that `tests/mutants.py` makes, a table for each part of the package."""

from __future__ import annotations

from . import (
    arrays,
    compiler,
    data,
    engine,
    incoming,
    interchange,
    io,
    layers,
    linalg,
    loops,
    nn,
    ops,
    optim,
    pages,
    rails,
    standalone,
    train,
    vision,
    viz,
)
from .form import AREAS, Bug

ROOMS = (engine, ops, linalg, arrays, nn, layers, optim, train, data, io, vision, viz, pages)
TABLES = (*ROOMS, compiler, interchange, incoming, standalone, rails, loops)
BUGS: list[Bug] = [bug for table in TABLES for bug in table.BUGS]

__all__ = ["AREAS", "BUGS", "Bug"]
