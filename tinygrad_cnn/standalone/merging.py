"""Steps that a reader would write as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ..programs import Step, Value


def merged(steps: Sequence[Step], outputs: Sequence[Value]) -> list[Step]:
    """The steps, fewer of them."""
    return _turns(_means(_bare_weights(steps), outputs), outputs)


def _turns(steps: Sequence[Step], outputs: Sequence[Value]) -> list[Step]:
    """With dimensions turned once, where they are turned again of what nobody else reads."""
    uses = Counter(value for step in steps for value in step.values()) + Counter(outputs)
    turned: dict[Value, Step] = {}
    found: list[Step] = []
    for step in steps:
        if step.op == "permute":
            before = turned.get(step.inputs[0])
            if before is not None and uses[before.output] == 1:
                found = [other for other in found if other is not before]
                dims = tuple(before.attributes["dims"][d] for d in step.attributes["dims"])
                where = step.module, step.type, step.line
                step = Step("permute", before.inputs, {"dims": dims}, step.outputs, *where)
            turned[step.output] = step
        found.append(step)
    return found


def _means(steps: Sequence[Step], outputs: Sequence[Value]) -> list[Step]:
    """With the mean of windows as one step: the package adds up, and then multiplies by 1 / (kh * kw)."""
    uses = Counter(value for step in steps for value in step.values()) + Counter(outputs)
    sums = {step.output: step for step in steps if step.op == "window_sum" and uses[step.output] == 1}
    means = {step.output: sums[step.inputs[0]] for step in steps if _is_mean(step, sums)}
    gone = set(map(id, means.values()))
    found = []
    for step in steps:
        if id(step) in gone:
            continue
        first = means.get(step.output)
        if first is not None:
            where = step.module, step.type, step.line
            step = Step("avg_pool2d", first.inputs, first.attributes, step.outputs, *where)
        found.append(step)
    return found


def _bare_weights(steps: Sequence[Step]) -> list[Step]:
    """With the weights of normalisations as they are: they broadcast without the sizes of 1 before them."""
    bare: dict[Value, Value] = {}
    for step in steps:
        x = step.inputs[0] if step.op == "reshape" else None
        if isinstance(x, Value) and x.known and step.output.shape == (1,) * _more(step) + x.shape:
            bare[step.output] = x
    found = []
    for step in steps:
        inputs = tuple(bare.get(x, x) if k else x for k, x in enumerate(step.inputs))
        if step.op == "normalize" and inputs != step.inputs:
            step = Step(step.op, inputs, step.attributes, step.outputs, step.module, step.type, step.line)
        found.append(step)
    read = {value for step in found for value in step.values()}
    return [step for step in found if step.output not in bare or step.output in read]


def _more(step: Step) -> int:
    """How many dimensions a reshape adds."""
    return max(len(step.output.shape) - len(step.inputs[0].shape), 0)


def _is_mean(step: Step, sums: dict[Value, Step]) -> bool:
    """Is it a sum of windows, times one over the numbers in each?"""
    if step.op != "mul" or not isinstance(step.inputs[0], Value) or step.inputs[0] not in sums:
        return False
    first, factor = sums[step.inputs[0]], step.inputs[1]
    if set(first.attributes["dilation"]) != {1} or not isinstance(factor, float):
        return False
    return math.isclose(factor, 1 / math.prod(first.attributes["kernel"]), rel_tol=1e-12)
