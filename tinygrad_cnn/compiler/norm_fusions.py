"""Rules for batch-norm: what follows it joins it.

Each looks at the steps of a call and of its way back, and says why the numbers stay what they are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops import normalization
from ..programs.program import Step, Value
from .fusions import (
    ADD,
    CONV,
    POOL,
    RELU,
    Steps,
    chains,
    first_rule,
    forward_of,
    name_of,
    rule,
    way_through,
    windows_of,
)
from .planners.images import kept_shapes
from .planners.norm import Follow, folded, norm_block, norm_block_back, scaled_block
from .recorded import Aside

_NORM, _BIAS = map(forward_of, (normalization.normalize, normalization.normalize_bias))
_SLOPES = {forward_of(normalization.normalize_input): "x", forward_of(normalization.normalize_weight): "w", _BIAS: "b"}
_SCALED = forward_of(normalization.scale_shift)

FOLDED = 1  # numbers of kernels for each one of the result, at most: what is spared is a pass over that


@first_rule
def fold_norm(steps: Steps, scaled: Step) -> None:
    """A batch-norm by fixed statistics, behind a convolution, as part of its kernels and its bias.

    (w * x + b) s + t = (w s) * x + (b s + t), for a convolution is linear in its kernels.
    """
    if scaled.forward is not _SCALED or not _by_channel(scaled) or steps.back:
        return
    y, s, t = scaled.inputs
    conv = next((step for step in steps.forward if step.forward is CONV and step.output is y), None)
    if conv is None or y in steps.read or len(steps.readers(y)) > 1 or len(conv.outputs) > 1:
        return
    x, w, *b = (v for v in conv.inputs if v is not None)
    if w.dtype != y.dtype or math.prod(w.shape) > FOLDED * math.prod(y.shape):
        return
    kernels = Value(y.number, "result", w.shape, w.dtype)
    bias = Value(y.number, "result", (w.shape[0],), w.dtype)
    where, here = ((step.module, step.type, step.line) for step in (scaled, conv))
    given, name = (x, kernels, bias), name_of([conv, scaled])
    steps.replace(
        [conv, scaled],
        Step("fold", (w, s, t, *b), {}, (kernels, bias), *where, folded),
        Step(name, given, conv.attributes, scaled.outputs, *here, conv.forward),
    )


@rule
def scale_add_relu_pool(steps: Steps, scaled: Step) -> None:
    """A batch-norm by fixed statistics that stays one, with what follows it in one pass, where no gradient comes."""
    if scaled.forward is not _SCALED or not _by_channel(scaled):
        return
    for chain in chains(steps, scaled, ADD, RELU, POOL):
        passed = way_through(steps, chain)
        gone = {v for step in chain for v in step.outputs} - {chain[-1].output}
        alone = not gone & steps.read and all(step in chain for v in gone for step in steps.readers(v))
        if all(map(_fits, chain)) and alone and passed is not None and not passed[0]:
            follow, added = _follow(chain, 0.0, 2)
            where = scaled.module, scaled.type, scaled.line
            given, settings = (*scaled.inputs, *added), {"follow": follow}
            steps.replace(chain, Step(name_of(chain), given, settings, (chain[-1].output,), *where, scaled_block))
            return


@rule
def norm_add_relu_pool(steps: Steps, norm: Step) -> None:
    """A batch-norm, what is added to it, its relu and its max-pool in two passes, the way back likewise.

    What is done to one number after the other may be done while it is in the cache.
    """
    if norm.forward is not _NORM or "mean" in norm.attributes or norm.attributes["dim"] != (0, 2, 3):
        return
    for chain in chains(steps, norm, ADD, RELU, POOL) if _by_channel(norm) else ():
        if all(map(_fits, chain)) and (back := _way_back(steps, chain)):
            _fuse(steps, chain, *back)
            return


def _by_channel(step: Step) -> bool:
    """Are these images, and beside them one number for each channel, all of one dtype?"""
    x, *others = step.inputs
    values = [v for v in step.inputs if isinstance(v, Value)]
    same = len(values) == len(step.inputs) and all(v.dtype == x.dtype for v in values) and x.dtype.char in "fd"
    return same and len(x.shape) == 4 and 0 not in x.shape and all(v.shape == (1, x.shape[1], 1, 1) for v in others)


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


def _follow(chain: list[Step], eps: float, affine: int) -> tuple[Follow, list[Value]]:
    """What follows the first of a chain, and what is added there."""
    made = {v for step in chain for v in step.outputs}
    added = [v for step in chain if step.forward is ADD for v in step.inputs if v not in made]
    bent = any(step.forward is RELU for step in chain)
    return Follow(eps, affine, bool(added), bent, windows_of(chain)), added


def _fuse(steps: Steps, chain: list[Step], old: list[Step], g: Any, found: str) -> None:
    norm = chain[0]
    (x, *affine), (mean, variance, r) = norm.inputs, (_left(norm, name) for name in ("mean", "variance", "r"))
    y, where = chain[-1].output, (norm.module, norm.type, norm.line)
    follow, added = _follow(chain, norm.attributes["eps"], len(affine))
    shapes = kept_shapes(x.shape, follow.pool) if old and follow.pooled else ()
    kept = [Value(y.number, "result", shape, np.dtype(bool)) for shape in shapes]
    settings: dict[str, Any] = {"follow": follow, "kept": bool(old)}
    new = [Step(name_of(chain), (x, *affine, *added), settings, (y, mean, variance, r, *kept), *where, norm_block)]
    if tell := norm.attributes.get("tell"):
        nothing = Value(y.number, "nothing", (), mean.dtype)
        new.append(Aside("move_statistics", (mean, variance), {}, (nothing,), *where, tell, last=True))
    steps.replace(chain, *new)
    if old:
        slopes = {_SLOPES.get(s.forward, "y"): s.output for s in old}  # of y the last one
        given = (g, x, mean, r, *affine, *([y] if follow.relu or follow.tells else []), *kept)
        outputs = tuple(slopes[name] for name in found)
        settings = {"follow": follow, "found": found}
        steps.replace(old, Step(name_of(old), given, settings, outputs, *where, norm_block_back))
