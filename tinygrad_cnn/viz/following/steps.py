"""The steps by which a net came from its input to its output: what each one was made of, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ...arrays.telling import described
from ...arrays.writes import written_since
from ...autograd.graph import Node, Variable
from ...nn.module import Module
from ...nn.summary import tensors_in
from ...tensors import Tensor
from ..graph.tape import nodes_behind
from ..watching import Seen, Watch, run, unfrozen
from . import kinds
from .structure import Operand, Shape, Step, Trail


def trail_of(model: Module, inputs: Sequence[Any]) -> Trail:
    """Run the model on one sample, and tell the steps. Its mode is the caller's affair; buffers stay as they are.

    Raises:
        ValueError: nothing came out, or nothing that came out hangs together with what went in.
    """
    leaves = [Tensor(x, requires_grad=True) if x.dtype.kind == "f" else Tensor(x) for x in inputs]

    def forward() -> Any:  # a copy goes in: the model may write into it
        return model(*(x.clone() if x.requires_grad else x for x in leaves))

    integers = any(not x.requires_grad for x in leaves)
    with unfrozen([model] if integers else []):
        output, watch = run(forward, (), {})
    outputs = [t for t in tensors_in(output) if t.dtype.kind == "f"]
    if not outputs:
        raise ValueError(
            f"follow: {type(model).__name__} must return a tensor of floating numbers, or several in a tuple, list, "
            f"dict or dataclass; it returned {described(output)}"
        )
    return _Walk(leaves, watch).trail(outputs)


class _Walk:
    """From the nodes behind some outputs to steps: those that hang on the input, plumbing taken into its operation."""

    def __init__(self, leaves: Sequence[Tensor], watch: Watch) -> None:
        self.leaves, self.watch = leaves, watch
        self.steps: list[Step] = []
        self.made: dict[Node | Variable, tuple[int, Shape]] = {}  # by which step, and the shape it has there
        self.uses: Counter[Node] = Counter()

    def trail(self, outputs: Sequence[Tensor]) -> Trail:
        for k, leaf in enumerate(self.leaves):
            name = "input" if len(self.leaves) == 1 else f"input {k + 1}"
            self.steps.append(Step("input", name, leaf._array.shape, leaf._array, []))
            self.made[leaf] = k, leaf._array.shape
        nodes = nodes_behind(outputs)
        self.uses.update(t._node for t in outputs if t._node is not None)
        for node in nodes:
            self.uses.update(p for p in node.parents if type(p) is Node)
        for node in nodes:
            seen = self.watch.seen.get(node)
            if seen is not None and self._depends(node, seen):
                self._take(node, seen)
        ends = [self.made[t._node][0] for t in outputs if t._node in self.made]
        if not ends:
            raise ValueError(
                "follow: what the model returns does not hang together with its input by operations that can be seen "
                "(no_grad(), detach(), NumPy or another thread on the way?)"
            )
        return Trail(self.steps, self.watch.calls, list(dict.fromkeys(ends)))

    def _depends(self, node: Node, seen: Seen) -> bool:
        """Does it hang on the input? Integers leave no trace on the tape: there the memory tells."""
        if any(p in self.made for p in node.parents if p is not None):
            return True
        integers = [x._array for x in self.leaves if x.dtype.kind != "f"]
        return any(isinstance(a, ndarray) and np.may_share_memory(a, x) for a in seen.inputs for x in integers)

    def _take(self, node: Node, seen: Seen) -> None:
        if seen.output is None or len(seen.inputs) != len(node.parents):
            raise ValueError(
                "follow: the model makes more intermediate numbers than there is room to keep; follow a part of it, or "
                "a smaller input"
            )
        step = Step("opaque", node.op.name, seen.output.shape, seen.output, self._operands(node, seen))
        step.call, step.line, step.within = seen.call, seen.source, node.module
        if self._stale(node, seen):
            step.settings = {"overwritten": True}
        elif self._folded(node, step):
            return
        else:
            kinds.tell(step, node, seen)
        self.steps.append(step)
        self.made[node] = len(self.steps) - 1, step.shape

    def _operands(self, node: Node, seen: Seen) -> list[Operand]:
        found = []
        for parent, given in zip(node.parents, seen.inputs, strict=True):
            if parent in self.made:
                k, shape = self.made[parent]
                found.append(Operand(k, shape, given))
            else:
                whole = [k for k, x in enumerate(self.leaves) if x._array is given]
                found.append(Operand(whole[0] if whole else None, np.shape(given), given))
        return found

    @staticmethod
    def _stale(node: Node, seen: Seen) -> bool:
        """Was what it read or made overwritten later? Then the numbers are not those of that moment."""
        arrays = [a for a in (*seen.inputs, seen.output) if isinstance(a, ndarray)]
        return any(written_since(a, node.order) for a in arrays)

    def _folded(self, node: Node, step: Step) -> bool:
        """Is it plumbing of the step before, or no step at all? Then that one takes its numbers over."""
        sources = [x for x in step.operands if x.step is not None]
        if len(sources) != 1:
            return False
        before = self.steps[sources[0].step or 0]
        alone = all(self.uses[p] == 1 for p in node.parents if type(p) is Node and p in self.made)
        same = before.call == step.call and before.line == step.line
        if alone and same and kinds.absorbs(before, node, step):
            before.shape, before.value = step.shape, step.value
            self.made[node] = sources[0].step or 0, step.shape
            return True
        if kinds.keeps_order(node, step) and kinds.is_plumbing(node, step, before, same):
            self.made[node] = sources[0].step or 0, step.shape
            if before.kind == "normalize" and same and alone:
                before.shape, before.value = step.shape, step.value
            return True
        return False
