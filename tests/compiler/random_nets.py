"""Nets drawn at random, to hold compiled calls against what they are made of. A script, too:

    PYTHONPATH=. python tests/compiler/random_nets.py --count 3000

Stacks of what `nn` has for images, sequences and vectors (`random_layers`), with residuals, layers that are used twice,
embeddings, several inputs and results, or a loss within; trained a few steps in batches of changing size, and evaluated
in between. The script counts in how many nets each planner and each rewrite had something to do.

How near two results have to be is measured: the net as it is, once more with its parameters and inputs, and what each
of its layers makes, changed by a rounding, forth and back, shows what rounding does to its numbers, also to those that
cancel out.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

import tinygrad_cnn as tg
from tests.compiler.random_layers import Shape, drawn, made, one_of, small
from tinygrad_cnn import nn
from tinygrad_cnn.compiler import fusions
from tinygrad_cnn.compiler.planned import PLANNERS
from tinygrad_cnn.compiler.recorded import Recorded
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.programs.program import Step

CALLS = (  # does it train, and which size has the batch?
    *((True, 0), (True, 0), (True, 1), (False, 0)),
    *((False, 0), (True, 0), (True, 1), (False, 0)),
)
ROUNDING = 2.0**-23
NEAR = 32  # times what a rounding does: a plain sum of a thousand numbers errs by so many times more than one by pairs


class Random(nn.Module):
    """Layers one after the other. Some add what went in, some stand twice; the last results are returned."""

    def __init__(self, layers: list[tuple[nn.Module, bool]], results: int, form: str) -> None:
        super().__init__()
        self.layers = nn.ModuleList([layer for layer, _ in layers])
        self.residual = tuple(residual for _, residual in layers)
        self.results, self.form = results, form

    def forward(self, x: tg.Tensor, scale: tg.Tensor | None = None, target: tg.Tensor | None = None) -> Any:
        seen = []
        for layer, residual in zip(self.layers, self.residual, strict=True):
            y = layer(x)
            x = x + y if residual else y
            seen.append(x)
        if scale is not None:
            x = seen[-1] = x * scale
        if target is not None:
            return F.cross_entropy(x.flatten(1), target)
        last = seen[-self.results :]
        return x if self.form == "tensor" else tuple(last) if self.form == "tuple" else {"last": last[0], "all": last}


class Case(NamedTuple):
    """A net, and how it is called."""

    net: nn.Module
    shape: Shape  # of a sample
    words: int  # that sequences are made of; 0: a sample is made of numbers
    sizes: tuple[int, int]  # of batches
    classes: int  # of the loss that it returns; 0: it returns what it makes
    scaled: bool
    wants: bool  # a gradient of its input
    last: bool  # are channels innermost in memory?
    records: bool  # also when it evaluates


def draw(seed: int) -> Case:
    """A net, and how it is called."""
    rng = np.random.default_rng(seed)
    tg.manual_seed(seed)
    kind = rng.random()
    image: Shape = (one_of(rng, (1, 2, 3, 4, 4, 16)), *rng.integers(4, 13, 2).tolist())
    words = small(rng, 9) if kind > 0.9 else 0
    start = image if kind < 0.7 else (small(rng, 12),) if kind < 0.8 or words else (small(rng, 6), small(rng, 6))
    large = 0.77 < kind < 0.8  # some work is done by blocks where arrays are large
    start = (64,) if large else start
    layers: list[tuple[nn.Module, bool]] = [(nn.Embedding(words, 4), False)] if words else []
    shape = (*start, 4) if words else start
    for _ in range(int(rng.integers(1, 8))):
        layer, after = drawn(rng, shape)
        if after == shape and len(layers) > bool(words) and rng.random() < 0.2:
            layers.append((layers[-1][0], False) if _fits(layers[-1][0], shape) else (layer, False))
            continue
        in_place = any(getattr(m, "inplace", False) for m in layer.modules())
        layers.append((layer, after == shape and not in_place and rng.random() < 0.3))
        shape = after
    form = one_of(rng, ("tensor", "tensor", "tuple", "dict"))
    loss, scaled, wants, last, records = (bool(rng.random() < p) for p in (0.25, 0.5, 0.5, 0.2, 0.5))
    return Case(
        Random(layers, small(rng, min(2, len(layers))), form),
        start,
        words,
        (4096, 4100) if large else one_of(rng, ((2, 3), (2, 3), (2, 3), (5, 16))),
        int(np.prod(shape)) if loss else 0,
        scaled,
        wants and not words,
        last and len(start) == 3,
        records,
    )


def _fits(layer: nn.Module, shape: Shape) -> bool:
    """Does it take this shape and leave it as it is?"""
    try:
        return made(layer, shape) == shape
    except (RuntimeError, ValueError):
        return False


def tensors(result: Any) -> Iterator[tg.Tensor]:
    """The tensors of a result."""
    if isinstance(result, tg.Tensor):
        yield result
    else:
        for part in result.values() if isinstance(result, dict) else result:
            yield from tensors(part)


# ------------------------------------------------------------------------------------------------------------ comparing
def outcomes(case: Case, model: nn.Module, noise: np.random.Generator | None = None) -> list[list[Any]]:
    """What each of some calls gives and leaves behind, or how it is refused; ``noise`` changes all by a rounding."""
    parameters = list(model.parameters())
    for layer in model.modules() if noise else ():
        if not list(layer.children()):
            layer.register_forward_hook(lambda _layer, _x, y: _near(y, noise) if isinstance(y, tg.Tensor) else y)
    optimizer = tg.optim.SGD(parameters, lr=0.05) if parameters else None
    return [_outcome(case, model, optimizer, k, noise) for k in range(len(CALLS))]


def _near(x: Any, noise: np.random.Generator | None) -> Any:
    """An array, or a tensor, changed by a rounding."""
    return x if noise is None else x * (1 + ROUNDING * noise.standard_normal(x.shape)).astype(np.float32)


def _outcome(case: Case, model: nn.Module, optimizer: Any, k: int, noise: np.random.Generator | None) -> list[Any]:
    rng = np.random.default_rng(k)
    train, n = CALLS[k][0], case.sizes[CALLS[k][1]]
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((n, *case.shape), (1,)))
    words, classes = rng.integers(0, case.words or 1, a.shape), rng.integers(0, case.classes or 1, n)
    with tg.no_grad():
        for p in model.parameters():
            p.copy_(_near(p, noise))
    given = _near(a.transpose(0, 2, 3, 1).copy() if case.last else a, noise)
    leaf = tg.tensor(words) if case.words else tg.tensor(given, requires_grad=case.wants)
    scale = tg.tensor(_near(b, noise), requires_grad=True)
    model.train(train).zero_grad()
    tg.manual_seed(k)
    try:
        with tg.set_grad_enabled(train or case.records):
            x = leaf.permute(0, 3, 1, 2) if case.last else leaf
            made = model(x, scale if case.scaled else None, tg.tensor(classes) if case.classes else None)
        results = list(tensors(made))
        loss: Any = 0.0
        for y in results[: 1 + k % 2]:
            g = np.full(y.shape, rng.standard_normal() / y.numel(), np.float32)
            loss = loss + (y * tg.tensor(_near(g, noise))).sum()
        seen = [y.detach().numpy().copy() for y in results]
    except Exception as error:  # such as batch-norm of one value a channel
        return [type(error), str(error)]
    try:
        if loss.requires_grad:
            loss.backward()
    except Exception as error:  # of what was written over
        return [*seen, type(error), "in place" in str(error) or str(error)]
    grads = [None if p.grad is None else p.grad.numpy().copy() for p in (leaf, scale, *model.parameters())]
    if optimizer is not None:
        optimizer.step()
    return [*seen, *grads, *(v.numpy().copy() for v in model.state_dict().values()), tg.rand(1).item()]


def differences(seed: int) -> tuple[str, str]:
    """In what a compiled net differs from itself, "" where in nothing; and why it has no plan that ran, if so."""
    case = draw(seed)
    compiled: Any = tg.compile(copy.deepcopy(case.net))
    met_here.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = outcomes(case, copy.deepcopy(case.net)), outcomes(case, compiled)
        if wrong := _wrong(ours, theirs, lambda *_: 0.0):
            noise = np.random.default_rng(seed)
            rounded = [outcomes(case, copy.deepcopy(case.net), noise) for _ in range(8)]
            wrong = _wrong(ours, theirs, lambda k, i: _rounding(ours[k][i], [other[k] for other in rounded], i))
    plans = compiled._plans
    if not wrong and plans._won:
        met.update(met_here)
        steps = (s for several in plans.plans.values() for p in several for s in (*p.forward, *p.back))
        forms.update({step.op for step in steps if step.forward in PLANNERS})
    return wrong, "" if plans._won else plans.eager or "never called twice alike"


def _rounding(a: Any, others: list[list[Any]], i: int) -> float:
    """What a rounding does to an array, at most, among nets that were changed by one."""
    size = np.nanmax(np.abs(a), initial=0.0)
    apart = (np.nanmax(np.abs(a - other[i]), initial=0.0) for other in others if len(other) > i)
    return float(max(ROUNDING * size, *apart))


def _wrong(ours: list[list[Any]], theirs: list[list[Any]], rounding: Callable[[int, int], float]) -> str:
    """The first difference that is none of rounding."""
    for k, (mine, others) in enumerate(zip(ours, theirs, strict=True)):
        if len(mine) != len(others):
            return f"call {k}: {mine[-2:]!r:.300} and {others[-2:]!r:.300}"
        for i, (p, q) in enumerate(zip(mine, others, strict=True)):
            if isinstance(p, np.ndarray) and isinstance(q, np.ndarray) and p.shape == q.shape and p.dtype == q.dtype:
                if np.array_equal(p, q, equal_nan=p.dtype.kind == "f"):
                    continue
                apart = np.max(np.abs(p - q), initial=0.0) if p.dtype.kind == "f" else np.inf
                if apart <= NEAR * (bound := rounding(k, i)):
                    ratios.append(apart / bound)
                    continue
                return f"call {k}, {i} of {len(mine)}: {apart:.3g} apart, rounding makes {bound:.3g}; {p!r:.150}"
            if type(p) is not type(q) or isinstance(p, np.ndarray) or p != q:
                return f"call {k}, {i} of {len(mine)}: {p!r:.200} and {q!r:.200}"
    return ""


ratios: list[float] = []


# ------------------------------------------------------------------------------------------------------------- counting
met: Counter[str] = Counter()  # in how many nets that ran by plans each planner, and each rewrite, had something to do
met_here: set[str] = set()  # in this one
forms: Counter[str] = Counter()  # likewise, by the operations of a step


def _counted_planner(name: str, planner: Any) -> Any:
    def counted(*arrays: Any, **settings: Any) -> Any:
        ready = planner(*arrays, **settings)
        if ready is not None:
            met_here.add(name)
        return ready

    return counted


def _counted_rule(name: str, rule: Any) -> Any:
    def counted(steps: Any, step: Any) -> None:
        before = {*steps.forward, *steps.back}
        rule(steps, step)
        if before != {*steps.forward, *steps.back}:
            met_here.add(name)

    return counted


def _counted_rewrite(name: str, rewrite: Any) -> Any:
    def counted(*given: Any) -> Any:
        first = given[0]
        before = set(_steps_in([first.forward, first.back] if isinstance(first, Recorded) else given))
        made = rewrite(*given)
        if before != set(_steps_in(made)):
            met_here.add(name)
        return made

    return counted


def _steps_in(thing: Any) -> Iterator[Step]:
    if isinstance(thing, Step):
        yield thing
    elif isinstance(thing, (list, tuple)):
        for part in thing:
            yield from _steps_in(part)


def count() -> list[str]:
    """From now on count what planners, rules, and functions that give other steps than they got do; their names."""
    planners = {forward: f"planner of {forward.__name__.strip('_')}" for forward in PLANNERS}
    for forward, name in planners.items():
        PLANNERS[forward] = _counted_planner(name, PLANNERS[forward])
    rules = [f"rule {rule.__name__}" for rule in fusions.RULES]
    fusions.RULES[:] = map(_counted_rule, rules, fusions.RULES)
    rewrites: dict[Any, str] = {}
    modules = [module for name, module in sys.modules.items() if name.startswith("tinygrad_cnn.compiler.")]
    for module in modules:
        for name, f in list(vars(module).items()):
            if isinstance(f, FunctionType) and name[0] != "_" and "list[Step]" in f.__annotations__.get("return", ""):
                rewrites.setdefault(f, name)
                setattr(module, name, _counted_rewrite(name, f))
    return [*planners.values(), *rules, *rewrites.values()]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="that of the first net")
    parser.add_argument("--least", type=int, default=20, help="in so many nets everything is to be met")
    parser.add_argument("--counts", type=Path, help="a file with the counts of runs before, to which these are added")
    arguments = parser.parse_args()
    tg.guard_rails(False)
    names, seen = count(), Counter[str]()
    kept = {"seen": seen, "met": met, "forms": forms}
    if arguments.counts and arguments.counts.exists():
        for name, counts in json.loads(arguments.counts.read_text()).items():
            kept[name].update(counts)
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        try:
            wrong, eager = differences(seed)
        except Exception:
            wrong, eager = traceback.format_exc(), ""
        seen["differs" if wrong else f"same, but {eager.partition('(')[0]}" if eager else "same"] += 1
        if wrong:
            print(f"{seed}: {wrong}", flush=True)
    if arguments.counts:
        arguments.counts.write_text(json.dumps(kept))
    for title, counts in (("nets", seen), ("what was met", met), ("planned steps", forms)):
        print(f"{title}:", *(f"{n:8} {what}" for what, n in counts.most_common()), sep="\n")
    rare = [name for name in names if met[name] < arguments.least]
    if rare:
        print(f"met in fewer than {arguments.least} nets:", *(f"{met[name]:8} {name}" for name in rare), sep="\n")
    return int(seen["differs"] > 0 or bool(rare))


if __name__ == "__main__":
    sys.exit(main())
