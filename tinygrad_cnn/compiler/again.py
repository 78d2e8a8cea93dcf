"""A call that was done by a plan, made once more as it is: for gradients that are to be recorded themselves.

It is to be what it was: with the dice, the modes and the buffers of then. What cannot be set back is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from ..arrays.writes import check_unchanged
from ..autograd.backward import walk
from ..autograd.graph import Node, Variable
from ..autograd.modes import enable_grad
from ..nn.summary import leaves_in, same_buffers
from .guards import World
from .kinds import tensors_in
from .recorded import Recorded, wants
from .run import Plan, set_back


class Before:
    """What a call hung on when it was made: the memory of what its results were made of, and what it overwrote of that.

    A statistic that is averaged besides, as batch-norm does in training, is none of it.
    At ``order`` the call was over.
    """

    def __init__(self, recorded: Recorded, inputs: Sequence[Any], world: World) -> None:
        read, written = recorded.read
        self.inputs, self.world, self.modes = inputs, world, world.modes
        self.things = [(x, x._array, x._node) if isinstance(x, Variable) else (x, x, None) for x in (*inputs, *read)]
        own = [*written, *(inputs[k] for k, _ in recorded.effects if type(k) is int)]
        self.copies = [(x, x._array.copy()) for x in own]
        self.order = 0

    def check(self, inputs: Sequence[Any], node: Node) -> None:
        """Raise where the call cannot be made once more as it was."""
        own = [x for x, _ in self.copies]
        read = (a for x, a, _ in self.things if not any(x is y for y in own))
        check_unchanged(node.op.name, [None, *read], self.order)
        what = self.world.other()
        if len(inputs) != len(self.inputs) or any(x is not y for x, y in zip(inputs, self.inputs, strict=True)):
            what = "a list of arguments"
        if what:
            raise RuntimeError(
                f"a gradient with create_graph=True needs the compiled call once more, but {what} was changed since; "
                "take it before that, or call what is not compiled"
            )

    @contextmanager
    def tensors(self) -> Iterator[None]:
        """Within, what was read has the memory, and the place in the graph, that it had."""
        others = [
            (x, (x._array, x._node), (a, node))
            for x, a, node in self.things
            if isinstance(x, Variable) and (x._array is not a or x._node is not node)
        ]
        try:
            for x, _, then in others:
                x._array, x._node = then
            yield
        finally:
            for x, now, _ in others:
                x._array, x._node = now

    @contextmanager
    def set_back(self) -> Iterator[None]:
        """Within, modules are in the modes of then, and what the call overwrote of what it read holds that."""
        now = [(module, module.training) for module in self.world.modules]
        values = [(x, x._array.copy()) for x, _ in self.copies]
        try:
            for (module, _), mode in zip(now, self.modes, strict=True):
                module.training = mode
            for x, a in self.copies:
                x._array[...] = a
            yield
        finally:
            for module, mode in now:
                module.training = mode
            for x, a in values:
                x._array[...] = a


def made_again(
    function: Callable[..., Any],
    plan: Plan,
    before: Before,
    node: Node,
    given: dict[int, Any],
    create: bool,
    args: Any,
    kwargs: Any,
) -> Iterator[tuple[Any, Any]]:
    """Go back from the results of the same call, made as it is."""
    inputs = tensors_in(args, kwargs)
    before.check(inputs, node)
    with before.tensors():
        with ExitStack() as around:
            for module in before.world.modules:
                around.enter_context(same_buffers(module))
            around.enter_context(set_back(node.attributes["stood"]))
            for context in (plan.same_targets(inputs), before.set_back(), enable_grad()):
                around.enter_context(context)
            result = function(*args, **kwargs)
        there = set(map(id, (*inputs, *plan.recorded.sources.values())))
        made = {id(y): y for y in leaves_in(result) if isinstance(y, Variable) and wants(y) and id(y) not in there}
        roots = [(y, given[k]) for k, y in enumerate(made.values()) if k in given]
        targets = plan.targets(inputs)
        found = walk(roots, retain=True, create=create, targets=targets, within=True)
        ends = [x if x._node is None else x._node for x in targets]
    for end, parent in zip(ends, node.parents, strict=True):
        if (g := found.get(end)) is not None:
            yield parent, g
