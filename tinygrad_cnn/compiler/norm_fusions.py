"""Rules for batch-norm: what follows it joins it.

Each looks at the steps of a call and of its way back, and says why the numbers stay what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import normalization
from ..programs.program import Step, Value
from .fusions import ADD, POOL, RELU, Steps, chains, forward_of, name_of, rule, way_through, windows_of
from .planners.images import kept_shapes
from .planners.norm import Follow, norm_block, norm_block_back
from .recorded import Aside

_NORM, _BIAS = map(forward_of, (normalization.normalize, normalization.normalize_bias))
_SLOPES = {forward_of(normalization.normalize_input): "x", forward_of(normalization.normalize_weight): "w", _BIAS: "b"}


@rule
def norm_add_relu_pool(steps: Steps, norm: Step) -> None:
    """A batch-norm, what is added to it, its relu and its max-pool in two passes, the way back likewise.

    What is done to one number after the other may be done while it is in the cache.
    """
    if norm.forward is not _NORM or not _by_channel(norm):
        return
    for chain in chains(steps, norm, ADD, RELU, POOL):
        if all(map(_fits, chain)) and (back := _way_back(steps, chain)):
            _fuse(steps, chain, *back)
            return


def _by_channel(norm: Step) -> bool:
    """Has each channel a mean, which is to be found, and a weight?"""
    x, *affine = norm.inputs
    if "mean" in norm.attributes or norm.attributes["dim"] != (0, 2, 3) or len(x.shape) != 4:
        return False
    values = [v for v in norm.inputs if isinstance(v, Value)]
    same = len(values) == len(norm.inputs) and all(v.dtype == x.dtype for v in values)
    return same and x.dtype.char in "fd" and 0 not in x.shape and all(v.shape == (1, x.shape[1], 1, 1) for v in affine)


def _fits(step: Step) -> bool:
    """Of a sum: are both of one kind, and two?"""
    a, b = step.inputs[:2] if step.forward is ADD else (step.output, step.inputs[0])
    both = isinstance(a, Value) and isinstance(b, Value) and a is not b
    return step.forward is not ADD or (both and (a.shape, a.dtype) == (b.shape, b.dtype))


def _left(norm: Step, name: str) -> Value:
    """What it leaves for the way back by this name; another one where that is not asked for."""
    x: Any = norm.inputs[0]
    found = [v for v in norm.outputs[1:] if v.name == name]
    return found[0] if found else Value(norm.output.number, "result", (1, x.shape[1], 1, 1), x.dtype, name)


def _way_back(steps: Steps, chain: list[Step]) -> tuple[list[Step], Any, str] | None:
    """The steps that go back through a chain, the gradient they start from, and what is to be found.

    None where it is no such way, or where others read what would not be there any more.
    """
    if (passed := way_through(steps, chain)) is None:
        return None
    (old, g), x, mean = passed, chain[0].inputs[0], _left(chain[0], "mean")
    last = [s for s in steps.back if s.attributes.get("mean", x) is mean]
    plain = old[-1].output if old else last[0].inputs[0] if last else None  # the gradient of the normalisation itself
    known = last[0].attributes.get("known") if last else None
    biases = [s for s in steps.back if s.forward is _BIAS and s.inputs[0] is plain and s.output.shape == mean.shape]
    last += [s for s in biases if s.attributes.get("known") is known][:1]
    if any(s.inputs[0] is not plain or s.forward not in _SLOPES for s in last) or (old and not last):
        return None
    names = "".join(_SLOPES[s.forward] for s in last)
    shapes = [x.shape if name == "x" else mean.shape for name in names]
    if len({*names}) != len(names) or [s.output.shape for s in last] != shapes:
        return None
    every = {*chain, *old, *last}
    gone = {v for s in chain[1:] for v in s.outputs} | {chain[0].output} | {s.output for s in old}
    gone.discard(chain[-1].output)
    others = {v for v in gone if v in steps.read or any(s not in every for s in steps.readers(v))}
    if others - ({plain} if old else set()):
        return None
    return [*old, *last], g if old else plain, names + ("y" if others else "")


def _fuse(steps: Steps, chain: list[Step], old: list[Step], g: Any, found: str) -> None:
    norm, kinds = chain[0], [step.forward for step in chain]
    (x, *affine), (mean, variance, r) = norm.inputs, (_left(norm, name) for name in ("mean", "variance", "r"))
    y, where = chain[-1].output, (norm.module, norm.type, norm.line)
    made = {v for step in chain for v in step.outputs}
    added = [v for step in chain if step.forward is ADD for v in step.inputs if v not in made]
    follow = Follow(norm.attributes["eps"], len(affine), bool(added), RELU in kinds, windows_of(chain))
    shapes = kept_shapes(x.shape, follow.pool) if old and follow.pooled else ()
    kept = [Value(y.number, "result", shape, np.dtype(bool)) for shape in shapes]
    settings: dict[str, Any] = {"follow": follow, "kept": bool(old)}
    new = [Step(name_of(chain), (x, *affine, *added), settings, (y, mean, variance, r, *kept), *where, norm_block)]
    if tell := norm.attributes.get("tell"):
        nothing = Value(y.number, "nothing", (), mean.dtype)
        new.append(Aside("move_statistics", (mean, variance), {}, (nothing,), *where, tell, last=True))
    steps.replace(chain, *new)
    if old:
        slopes = {_SLOPES[s.forward]: s.output for s in old if s.forward in _SLOPES}
        slopes["y"] = next((s.output for s in reversed(old) if s.forward not in _SLOPES), None)
        given = (g, x, mean, r, *affine, *([y] if follow.relu or follow.tells else []), *kept)
        outputs = tuple(slopes[name] for name in found)
        settings = {"follow": follow, "found": found}
        steps.replace(old, Step(name_of(old), given, settings, outputs, *where, norm_block_back))
