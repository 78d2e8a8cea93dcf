"""Optimizers whose step treats each number by itself: parameters may be cut, put together and stepped side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from ..arrays.writes import entries_of_writes
from .optimizer import Group, Optimizer, State, Work, blockwise, buffer, count
from .plans import Plan


class Elementwise(Optimizer):
    """Base of these optimizers. A subclass says what is kept, which numbers a step needs, and what it computes.

    ``rule(p, g, s, t, numbers, *kept)`` changes p and what is kept in place; s and t are scratch, and g stays as it is.
    """

    rule: ClassVar[Callable[..., None]]
    counts: ClassVar[bool] = True  # is there a ``state["step"]``?
    small: ClassVar[int]  # elements: parameters up to this size are stepped together
    cost: ClassVar[float]  # seconds that an element takes

    def keeps(self, group: Group) -> tuple[str, ...]:
        """The names of the arrays that the rule gets after the numbers."""
        raise NotImplementedError

    def numbers(self, group: Group, t: int, first: bool) -> Any:
        """A named tuple for step t; None for what the rule leaves out. ``first``: nothing was kept before this step."""
        raise NotImplementedError

    def update(self, p: ndarray, g: ndarray, state: State, group: Group) -> None:
        names = self.keeps(group)
        first = bool(names) and names[0] not in state
        numbers = self.numbers(group, count(state) if self.counts else 0, first)
        kept = [buffer(state, name, p) for name in names]
        blockwise(self._piece, p, g, *kept, numbers=numbers)

    def _piece(self, p: ndarray, g: ndarray, *kept: ndarray, numbers: Any) -> None:
        dtype = p.dtype if p.dtype is g.dtype else np.result_type(p, g)
        s, t = np.empty_like(p, dtype, subok=False), np.empty_like(p, dtype, subok=False)
        type(self).rule(p, g, s, t, numbers, *kept)

    def _ready(self, i: int, group: Group) -> Work:
        """All together, from the second step on that the same parameters take one after the other."""
        plans = self.__dict__.setdefault("_plans", Plans())
        plan = plans.get(i)
        if plan is None or not plan.knows(group):
            group = self._as_it_is_now(group)
            if plan is not None:
                plan.learn(group, self.keeps(group) if self._together(group) else None)
        if plan is not None and (gradients := plan.gradients(self, group["params"])) is not None:
            return partial(plan.run, self, group, gradients), plan.writes
        params = self._with_gradients(group)
        if plan is None or not plan.is_for(group["params"], params):
            plans[i] = Plan(group["params"])
        elif plan.make(self) and (gradients := plan.gradients(self, group["params"])) is not None:
            return partial(plan.run, self, group, gradients), plan.writes
        return partial(self._one_by_one, group, params), entries_of_writes([p._array for p, _ in params])

    def _together(self, group: Group) -> bool:
        """May they be stepped together? Not if ``fused=False`` or ``foreach=False`` says so, or `update` is another."""
        flags = (group.get("fused"), group.get("foreach"))
        ours = type(self).update is Elementwise.update and "update" not in self.__dict__
        return ours and (any(flags) or False not in flags)


class Plans(dict[int, Plan]):
    """The plans of an optimizer, by the number of the group. A copy of the optimizer makes its own."""

    def __reduce__(self) -> Any:
        return Plans, ()
