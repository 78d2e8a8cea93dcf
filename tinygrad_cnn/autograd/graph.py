"""What a recorded computation is made of: variables, operations, and the nodes that operations leave behind.

Read this file first, then `operation` (how an operation is declared, applied and recorded), then `backward`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

from ..arrays.writes import References

Array: TypeAlias = Any  # an ndarray or a Tensor: forwards and rules are written once, for both
Rule: TypeAlias = Callable[..., Any]


class Variable:
    """What the engine needs of a tensor: an array, and the node that made it (None for a leaf)."""

    __slots__ = ("__dict__", "__weakref__", "_array", "_node")
    _array: Any
    _node: Node | None
    _grad: Any = None  # the accumulated gradient, a tensor, of a leaf (or after retain_grad)
    _wants_grad = False  # a leaf that requires a gradient
    _hooks: dict[int, Callable[[Any], Any]] | None = None  # of a leaf; a node keeps its own
    _view: tuple[Variable, Any, dict[str, Any]] | None = None  # whose memory this one shares, and how it is made of it
    _aliases: References | None = None  # the tensors that share the memory of this one
    _handed_out = False  # may an array, or a tensor that nobody counts, share its memory?
    _rail: Any = None  # what the guard rails know of it: of a leaf who steps it, of a gradient who used it
    _result: ClassVar[type[Variable]]  # the class that operations return

    def __new__(cls, *_data: Any, **_options: Any) -> Variable:  # autograd.Variable(x) is a tensor like any other
        return object.__new__(Variable._result if cls is Variable else cls)

    def __init_subclass__(cls, result: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if result:
            Variable._result = cls


def wrap(array: Any, node: Node | None) -> Any:
    """A tensor around an array, made by a node."""
    t = object.__new__(Variable._result)
    t._array = array
    t._node = node
    return t


def array_of(x: Any) -> Any:
    """The array of a tensor; an array or a number as it is."""
    return x._array if isinstance(x, Variable) else x


class Op:
    """One differentiable operation: its name, its forward on arrays, and one rule per differentiable input."""

    knows_more = False  # of one without rules: may it lead to leaves that are not among its parents?
    prepare: Rule | None = None  # type promotion, see `operation.op`

    def __init__(self, forward: Rule, rules: Sequence[Rule | None], each: Rule | None, name: str = "") -> None:
        self.name = name or forward.__name__.strip("_")
        self.forward, self.rules, self.each = forward, tuple(rules), each
        self.spares = any(1 in _reads(rule, len(_named(rule)) + 1) for rule in (*rules, each) if rule)
        self.read: dict[tuple[int, int], tuple[int, ...]] = {}  # what `keeps` found out

    def rules_of(self, n: int) -> Sequence[Rule | None]:
        """The rules of n inputs; None where there is no gradient. Inputs beyond the last rule have none."""
        return self.rules if self.each is None else [functools.partial(self.each, i=i) for i in range(n)]

    def keeps(self, wanted: int, n: int) -> tuple[int, ...]:
        """How the rules of the inputs in the bit mask ``wanted`` read each of (y, input 0, ..., input n - 1).

        0: not at all; 1: the array is kept, and copied before it is overwritten; 2: it is kept.
        """
        if (wanted, n) not in self.read:
            levels = [0] * (n + 1)
            for i in range(n):
                rule = self.each if self.each is not None else self.rules[i] if i < len(self.rules) else None
                if wanted >> i & 1 and rule is not None:
                    levels = [max(a, b) for a, b in zip(levels, _reads(rule, n + 1), strict=True)]
            self.read[wanted, n] = tuple(levels)
        return self.read[wanted, n]

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _named(rule: Rule) -> tuple[str, ...]:
    return rule.__code__.co_varnames[1 : rule.__code__.co_argcount]


def _reads(rule: Rule, n: int) -> list[int]:
    """How a rule reads the n arguments after ``g``, by their names: ``_x`` not at all, ``x_`` as it was, ``x``."""
    code, names = rule.__code__, _named(rule)
    rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if code.co_flags & 0x04 else "_"
    every = [names[k] if k < len(names) else rest for k in range(n)]
    return [0 if name[0] == "_" else 1 if name[-1] == "_" else 2 for name in every]


class Node:
    """One step of a recorded computation. It knows its parents, never its descendants, so nothing forms a cycle."""

    __slots__ = ("__weakref__", "attributes", "extra", "op", "order", "parents", "saved", "within")

    def __init__(
        self,
        op: Op,
        parents: tuple[Node | Variable | None, ...],  # a node, a leaf tensor, or None: no gradient wanted
        saved: tuple[Any, ...] | None,  # (y, *inputs): arrays, or `Like`s of those no rule reads; None once freed
        attributes: dict[str, Any],
        order: int,
        within: Any = None,  # a weak reference to the module in whose forward it was made; (op, its within) in a rule
    ) -> None:
        self.op, self.parents, self.saved = op, parents, saved
        self.attributes, self.order, self.within = attributes, order, within
        self.extra: Extra | None = None

    @property
    def module(self) -> Any:
        """The module in whose forward the operation was called; None outside of modules, or when it is gone."""
        within = self.within
        while type(within) is tuple:
            within = within[1]
        return None if within is None else within()

    def __repr__(self) -> str:
        return f"<{self.op.name} node>"


class Extra:
    """What few nodes have: hooks, and a tensor that retains its gradient."""

    __slots__ = ("hooks", "retain")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[[Any], Any]] = {}
        self.retain: weakref.ref[Variable] | None = None
