"""What anomaly mode says when a NaN or inf appears, or a kept array has changed: which operation, called where."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from ..arrays.digests import check_digests, digest
from ..arrays.finite import finite, first_bad
from ..arrays.telling import users_line

_made: WeakKeyDictionary[Any, tuple[str, Any]] = WeakKeyDictionary()  # of each node, its user's line and its digest
_OLD = "(recorded before detect_anomaly began)", None


class Anomaly:
    """A watcher of operations: raises at the first NaN or inf made of finite numbers, and at changed arrays."""

    def __init__(self, check: bool = True) -> None:
        self._check = check
        self._rules: list[tuple[Any, FrameType]] = []  # the nodes whose rules run, and who runs them

    def _running(self) -> list[tuple[Any, FrameType]]:
        """The rules that run now: an error may have ended others."""
        frames = [sys._getframe(1)]
        while (frame := frames[-1].f_back) is not None:
            frames.append(frame)
        self._rules = [entry for entry in self._rules if entry[1] in frames]
        return self._rules

    def before_forward(self, op: Any, inputs: Sequence[Any]) -> None: ...

    def after_forward(self, op: Any, inputs: Sequence[Any], attributes: Any, result: Any) -> None:
        """Raise if the result has a NaN or inf and what it was made of had none."""
        rules = self._running()
        line = users_line()
        if rules:  # under create_graph a rule is made of operations
            node = rules[-1][0]
            line += f"\n  within the gradient of '{node.op.name}': {_made.get(node, _OLD)[0]}"
        if result._node is not None:
            _made[result._node] = line, digest((result._node.saved, attributes))
        given = (*inputs, *attributes.values())
        if self._check and not rules and not finite(result) and all(map(finite, given)):
            shapes = ", ".join(format(getattr(x, "shape", repr(x))) for x in inputs)
            raise RuntimeError(f"'{op.name}' made {first_bad(result)} from finite inputs of shape {shapes}\n  {line}")

    def after_record(self, node: Any, inputs: Sequence[Any], y: Any) -> None:  # noqa: ARG002
        """As `after_forward`, of a node that no operation made: a `Function`, a checkpointed segment."""
        _made[node] = users_line(), digest((node.saved, {}))

    def before_node(self, node: Any) -> None:
        """Raise if what the node had kept is not what it was."""
        line, before = _made.get(node, _OLD)
        if self._check and before is not None:
            check_digests(node.op.name, node.saved, node.attributes, before, line)

    def before_rule(self, node: Any, i: int, g: Any) -> None:  # noqa: ARG002
        """Raise if what comes in has a NaN or inf: no rule made it."""
        self._running().append((node, sys._getframe(1)))
        if self._check and not finite(g):
            raise RuntimeError(
                f"the gradient that came to '{node.op.name}' has {first_bad(g)}, and no operation made it: it "
                f"was given to backward(), changed by a hook, or is a sum that overflowed\n  {_made.get(node, _OLD)[0]}"
            )

    def after_rule(self, node: Any, i: int, g: Any, gx: Any) -> None:  # noqa: ARG002
        """Raise if the gradient of input i has a NaN or inf: that of the output had none."""
        self._running().pop()
        if self._check and not finite(gx):
            bad = [k for k, x in enumerate(node.saved[1:]) if not finite(x)]
            why = f", for its input {bad[0]} was not finite already" if bad else ""
            raise RuntimeError(
                f"the gradient of '{node.op.name}' by its input {i} has {first_bad(gx)}, from a finite "
                f"gradient of its output{why}\n  {_made.get(node, _OLD)[0]}"
            )
