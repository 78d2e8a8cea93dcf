"""Rules that replace several steps by one which does the same in fewer passes over memory.

Each looks at the steps of a call and of its way back, and says why the numbers stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ..arrays.convolution import MANY
from ..ops import conv, elementwise, pool, shape
from ..programs.program import Step, Value
from .planners.conv import Block, conv_block, conv_block_back
from .planners.rows import Rows
from .planners.wide import Wide

Rule: TypeAlias = Callable[["Steps", Step], None]

RULES: list[Rule] = []


class Steps:
    """The steps of a call and its way back, and who reads what."""

    def __init__(self, forward: list[Step], back: list[Step], read: Iterable[Value]) -> None:
        self.forward, self.back = forward, back
        self.read = set(read)  # by others than steps
        self._readers: dict[Value, list[Step]] = {}
        for step in (*forward, *back):
            for value in dict.fromkeys(step.values()):
                self._readers.setdefault(value, []).append(step)

    def readers(self, value: Value) -> list[Step]:
        """The steps that read a value."""
        return self._readers.get(value, [])

    def replace(self, old: list[Step], *new: Step) -> None:
        """Others in the place of the last of some steps (of the first, on the way back)."""
        back = old[0] in self.back
        steps = self.back if back else self.forward
        at = (min if back else max)(map(steps.index, old))
        steps[at + 1 : at + 1] = new
        for step in old:
            for value in dict.fromkeys(step.values()):
                self._readers[value] = [s for s in self._readers[value] if s is not step]
            steps.remove(step)
        for step in new:
            for value in dict.fromkeys(step.values()):
                self._readers.setdefault(value, []).append(step)


def rule(function: Rule) -> Rule:
    """Declare a rule: it looks at a step, and may replace it and others."""
    RULES.append(function)
    return function


def first_rule(function: Rule) -> Rule:
    """Declare a rule for the steps as they were recorded."""
    RULES.insert(0, function)
    return function


def fused(forward: list[Step], back: list[Step], read: Iterable[Value]) -> tuple[list[Step], list[Step]]:
    """The steps after all rules; ``read``: the values that others than steps read."""
    steps = Steps(list(forward), list(back), read)
    for apply in RULES:
        for step in list(steps.forward):
            if step in steps.forward:
                apply(steps, step)
    return steps.forward, steps.back


def name_of(steps: Iterable[Step]) -> str:
    """What a step is called that does what these do."""
    return " + ".join(step.op for step in steps)


def forward_of(op: Any) -> Any:
    """What computes an operation on arrays."""
    return op.op.forward


RELU, POOL, ADD = map(forward_of, (elementwise.relu, pool.max_pool2d, elementwise.add))
_GATE, _UNPOOL, _RESHAPE = map(forward_of, (elementwise.gate, pool.max_pool2d_input, shape._reshape))
CONV, *_SLOPES = map(forward_of, (conv.conv2d, conv.conv2d_weight, conv.conv2d_bias, conv.conv2d_input))


@rule
def conv_relu_pool(steps: Steps, conv: Step) -> None:
    """A convolution, its relu and its max-pool in one pass, the way back likewise.

    Bias and relu grow with what they are given, so the largest of a window is the same before and after them.
    """
    if conv.forward is not CONV or conv.attributes["groups"] != 1:
        return
    for chain in chains(steps, conv, RELU, POOL):
        block = _block(chain, _wanted_last(steps, chain[-1].output))
        work = _work(block, conv)
        if work is not None and (back := _way_back(steps, chain)):
            _fuse(steps, chain, block, work, *back)
            return


def chains(steps: Steps, first: Step, *kinds: Any) -> list[list[Step]]:
    """What may become one step, the longest first: a step, and after it some of these kinds, in this order."""
    found = [[first]]
    for kind in kinds:
        y = found[0][-1].output
        readers = [s for s in steps.readers(y) if s in steps.forward]
        if len(readers) == 1 and readers[0].forward is kind and any(x is y for x in readers[0].inputs):
            found.insert(0, [*found[0], readers[0]])
    return [chain for chain in found if chain[-1].forward is not POOL or _side_by_side(chain[-1].attributes)]


def _side_by_side(a: dict[str, Any]) -> bool:
    return a["stride"] == a["kernel"] and a["dilation"] == (1, 1) and not any(map(any, a["padding"]))


def _block(chain: list[Step], last: bool) -> Block:
    a, kinds = chain[0].attributes, [s.forward for s in chain]
    return Block(a["stride"], a["padding"], a["dilation"], RELU in kinds, windows_of(chain), last)


def windows_of(chain: list[Step]) -> Any:
    """The windows of the max-pool that it ends with; (1, 1) where there is none."""
    return chain[-1].attributes["kernel"] if chain[-1].forward is POOL else (1, 1)


def _work(block: Block, conv: Step) -> Rows | Wide | None:
    x, w = conv.inputs[:2]
    return block.on(x.shape, w.shape, x.dtype) if w.dtype == x.dtype else None


def _wanted_last(steps: Steps, y: Any) -> bool:
    """Is an image wanted with its channels innermost? From many on, but for what takes it otherwise or as a row."""
    readers = [s for s in steps.readers(y) if s in steps.forward]
    convs = [s for s in readers if s.forward is CONV and s.inputs[0] is y and s.attributes["groups"] == 1]
    rows = any(isinstance(_work(_block([s], False), s), Rows) for s in convs)
    return bool(y.shape[1] >= MANY) and not rows and not any(s.forward is _RESHAPE for s in readers)


def _way_back(steps: Steps, chain: list[Step]) -> tuple[list[Step], Any] | None:
    """The steps that go back through a chain, and the gradient they start from; none, where no gradient comes.

    None where it is no such way, or where others read what would not be there any more.
    """
    if (passed := way_through(steps, chain)) is None:
        return None
    old, g = passed
    conv, (x, w) = chain[0], chain[0].inputs[:2]
    last = [s for s in steps.back if s.forward in _SLOPES and (not old or s.inputs[0] is old[-1].output)]
    if not old:
        found = [s for s in last if s.forward is _SLOPES[0] and s.inputs[1] is x and _same(s, conv, steps)]
        g = found[0].inputs[0] if len(found) == 1 else None
        last = [s for s in last if s.inputs[0] is g]
        if not found and not any(s.inputs[1] is w for s in steps.back if s.forward is _SLOPES[2]):
            last = []
        elif g is None:
            return None
    mine = {_SLOPES[0]: x, _SLOPES[2]: w}
    if any(s.inputs[1] is not mine[s.forward] for s in last if s.forward in mine):
        return None
    if len({s.forward for s in last}) != len(last) or (old and not last):
        return None
    old += last
    gone = {v for s in chain for v in s.outputs} | {s.output for s in old if s not in last}
    gone.discard(chain[-1].output)
    if gone & steps.read or any(s not in chain and s not in old for v in gone for s in steps.readers(v)):
        return None
    return old, g


def way_through(steps: Steps, chain: list[Step]) -> tuple[list[Step], Any] | None:
    """The steps that go back to the first of a chain, and the gradient they start from; None where it is no such way.

    The gradient of a sum is that of what was added.
    """
    old: list[Step] = []
    g: Any = None
    for step in chain[:0:-1]:
        if step.forward is ADD:
            continue
        rules = _GATE if step.forward is RELU else _UNPOOL
        found = [s for s in steps.back if s.forward is rules and s.inputs[1] is _before(step)]
        if found[1:] or (old and (not found or found[0].inputs[0] is not old[-1].output)):
            return None
        g = found[0].inputs[0] if found and not old else g
        old += found
    return old, g


def _before(step: Step) -> Value:
    """What tells where a gradient goes on: the result of a relu, the input of a pool."""
    return step.output if step.forward is RELU else step.inputs[0]


def _same(slope: Step, conv: Step, steps: Steps) -> bool:
    """Is it the gradient of the kernels of this very convolution?"""
    twins = [s for s in steps.forward if s.forward is CONV and s.inputs[0] is conv.inputs[0]]
    left = conv.outputs[1:]
    return slope.attributes.get("columns") in left if left else len(twins) == 1


def _fuse(steps: Steps, chain: list[Step], block: Block, work: Rows | Wide, old: list[Step], g: Any) -> None:
    x, w = chain[0].inputs[:2]
    y, where = chain[-1].output, (chain[0].module, chain[0].type, chain[0].line)
    kept = [Value(y.number, "result", layout.shape, layout.dtype) for layout in (work.kept if old else ())]
    settings: dict[str, Any] = {"block": block, "kept": bool(old)}
    steps.replace(chain, Step(name_of(chain), chain[0].inputs, settings, (y, *kept), *where, conv_block))
    if old:
        made = {s.forward: s.output for s in old}
        dw = made.get(_SLOPES[0]) or Value(w.number, "result", w.shape, w.dtype)
        outputs = (dw, *(made[f] for f in _SLOPES[1:] if f in made))
        settings = {"block": block, "size": x.shape, "bias": _SLOPES[1] in made, "image": _SLOPES[2] in made}
        given = (g, y, w, *kept, *((x,) if work.reads_x else ()))
        steps.replace(old, Step(name_of(old), given, settings, outputs, *where, conv_block_back))
