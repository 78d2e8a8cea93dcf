"""Who shares which memory, and who needs it as it was: a gradient that needs old values is refused, never wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays.writes import References, note, noting, taken
from .graph import Node, Variable

_NONE: dict[str, Any] = {}
_keeping: dict[int, list[Any]] = {}  # id of the owner: [weak reference to it, the nodes that keep a part as it was]


def alias(t: Variable, of: Variable, made: Any, attributes: dict[str, Any] = _NONE) -> None:
    """Note that ``t`` shares the memory of ``of``; ``made`` makes it from that one. None: no gradient goes through."""
    t._view = of, made, attributes
    with noting:
        of._aliases = of._aliases or References()
    of._aliases.add(t)


def has_other_names(x: Variable) -> bool:
    """Could somebody see a write into the memory of x under another name?"""
    return x._handed_out or x._view is not None or (x._aliases is not None and any(True for _ in x._aliases))


def keep(node: Node, reads: Sequence[int]) -> None:
    """Remember that a node reads inputs as they were (`Op.keeps`): it gets copies before they are overwritten."""
    assert node.saved is not None
    for k in range(1, len(reads)):
        if reads[k] == 1 and type(a := node.saved[k]) is ndarray:
            note(_keeping, a, node)


def about_to_write(x: Variable) -> None:
    """Give the nodes that read this memory as it was copies of their own: its makers, and those that said so."""
    nodes = taken(_keeping, x._array)
    t: Variable | None = x
    while t is not None:
        nodes.append(t._node)
        t = None if t._view is None else t._view[0]
    for node in nodes:
        if node is not None and node.op.spares and node.saved is not None:
            reads = node.op.keeps(sum(1 << i for i, p in enumerate(node.parents) if p is not None), len(node.parents))
            node.saved = tuple(
                np.array(a, order="K") if read == 1 and type(a) is ndarray and np.may_share_memory(a, x._array) else a
                for a, read in zip(node.saved, reads, strict=True)
            )
