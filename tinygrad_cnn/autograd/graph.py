"""What a recorded computation is made of: variables, operations, and the nodes that operations leave behind.

Read this file first, then `operation` (how an operation is declared, applied and recorded), then `backward`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = Any  # an ndarray or a Tensor: forwards and rules are written once, for both
Rule: TypeAlias = Callable[..., Any]


class Variable:
    """What the engine needs of a tensor: an array, and the node that made it (None for a leaf)."""

    __slots__ = ("__dict__", "__weakref__", "_array", "_node")
    _node: Node | None
    _array: Any
    grad: Any = None  # the accumulated gradient, a tensor, of a leaf (or after retain_grad)
    _wants_grad = False  # a leaf that requires a gradient
    _aliased = False  # a view, or seen through one: may not change in place while recorded
    _hooks: dict[int, Callable[[Any], Any]] | None = None  # of a leaf; a node keeps its own
    _result: ClassVar[type[Variable]]  # the class that operations return

    def __init_subclass__(cls, result: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if result:
            Variable._result = cls


class Like(NamedTuple):
    """Shape and dtype of an array that was not kept: what a rule gets for a parameter named with an underscore."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)


_like = functools.lru_cache(maxsize=4096)(Like)


class Op:
    """One differentiable operation: its name, its forward on arrays, and one rule per differentiable input."""

    def __init__(self, forward: Rule, rules: Sequence[Rule | None], each: Rule | None) -> None:
        self.name = forward.__name__.strip("_")
        self.forward, self.rules, self.each = forward, tuple(rules), each
        self.read: dict[tuple[int, int], tuple[bool, ...]] = {}  # what `keeps` found out

    def rules_of(self, n: int) -> Sequence[Rule | None]:
        """The rules of n inputs; None where there is no gradient. Inputs beyond the last rule have none."""
        return self.rules if self.each is None else [functools.partial(self.each, i=i) for i in range(n)]

    def keeps(self, wanted: int, n: int) -> tuple[bool, ...]:
        """Which of (y, input 0, ..., input n - 1) the rules of the inputs in the bit mask ``wanted`` read."""
        if (wanted, n) not in self.read:
            flags = [False] * (n + 1)
            for i in range(n):
                rule = self.each if self.each is not None else self.rules[i] if i < len(self.rules) else None
                if wanted >> i & 1 and rule is not None:
                    flags = [a or b for a, b in zip(flags, _reads(rule, n + 1), strict=True)]
            self.read[wanted, n] = tuple(flags)
        return self.read[wanted, n]

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _reads(rule: Rule, n: int) -> list[bool]:
    """Which of the n arguments after ``g`` a rule reads: those whose names do not start with an underscore."""
    code = rule.__code__
    named = code.co_varnames[1 : code.co_argcount]
    rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if code.co_flags & 0x04 else "_"
    return [not (named[k] if k < len(named) else rest).startswith("_") for k in range(n)]


class Node:
    """One step of a recorded computation. It knows its parents, never its descendants, so nothing forms a cycle."""

    __slots__ = ("__weakref__", "attributes", "extra", "op", "order", "parents", "saved")

    def __init__(
        self,
        op: Op,
        parents: tuple[Node | Variable | None, ...],  # a node, a leaf tensor, or None: no gradient wanted
        saved: tuple[Any, ...] | None,  # (y, *inputs): arrays, or `Like`s of those no rule reads; None once freed
        attributes: dict[str, Any],
        order: int,
    ) -> None:
        self.op, self.parents, self.saved, self.attributes, self.order = op, parents, saved, attributes, order
        self.extra: Extra | None = None

    def __repr__(self) -> str:
        return f"<{self.op.name} node>"


class Extra:
    """What few nodes have: hooks, and a tensor that retains its gradient."""

    __slots__ = ("hooks", "retain")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[[Any], Any]] = {}
        self.retain: weakref.ref[Variable] | None = None


def wrap(data: Any, node: Node | None) -> Any:
    """A tensor around an array, made by a node."""
    t = object.__new__(Variable._result)
    t._array = data
    t._node = node
    return t
