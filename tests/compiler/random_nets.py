"""Nets drawn at random, to hold compiled calls against what they are made of. A script, too:

    PYTHONPATH=. python tests/compiler/random_nets.py --count 3000

Stacks of what `nn` has for images and for vectors, with residuals, layers that are used twice, several inputs and
results, dropout and running statistics; trained a few steps in batches of changing size, and evaluated in between.
"""

from __future__ import annotations

import argparse
import copy
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.compiler import CompileWarning
from tinygrad_cnn.compiler.planned import PLANNERS

Shape = tuple[int, ...]  # of one sample: (C, H, W) or (features,)


class Random(nn.Module):
    """Layers one after the other. Some add what went in, some stand twice; the last results are returned."""

    def __init__(self, layers: list[tuple[nn.Module, bool]], results: int, form: str) -> None:
        super().__init__()
        self.layers = nn.ModuleList([layer for layer, _ in layers])
        self.residual = tuple(residual for _, residual in layers)
        self.results, self.form = results, form

    def forward(self, x: tg.Tensor, scale: tg.Tensor | None = None) -> Any:
        seen = []
        for layer, residual in zip(self.layers, self.residual, strict=True):
            y = layer(x)
            x = x + y if residual else y
            seen.append(x)
        if scale is not None:
            x = seen[-1] = x * scale
        last = seen[-self.results :]
        return x if self.form == "tensor" else tuple(last) if self.form == "tuple" else {"last": last[0], "all": last}


def _pair(rng: np.random.Generator, most: int) -> int:
    return int(rng.integers(1, most + 1))


def image_layers(rng: np.random.Generator, shape: Shape) -> list[Callable[[], nn.Module]]:
    """What may come after images of (C, H, W)."""
    C, H, W = shape
    out, k = int(rng.choice([1, 2, 3, 4, 8, 33])), _pair(rng, 3)
    pad = int(rng.integers(0, k))
    groups = int(rng.choice([g for g in (1, 2, 4) if C % g == 0]))
    small = min(H, W)
    return [
        lambda: nn.Conv2d(C, out, k, _pair(rng, 2), pad) if small + 2 * pad >= k else nn.Identity(),
        lambda: nn.Conv2d(C, out, 3, padding=1, bias=bool(rng.integers(2))),
        lambda: nn.Conv2d(C, C, 1, groups=groups),
        lambda: nn.Conv2d(C, out, 3, padding=2, dilation=2),
        lambda: nn.ConvTranspose2d(C, min(out, 4), 2, _pair(rng, 2)) if small < 9 else nn.Identity(),
        lambda: nn.BatchNorm2d(C, affine=bool(rng.integers(2))),
        lambda: nn.GroupNorm(groups, C),
        lambda: nn.InstanceNorm2d(C) if small > 1 else nn.Identity(),
        lambda: nn.LayerNorm((H, W)),
        lambda: nn.MaxPool2d(2, _pair(rng, 2)) if small >= 2 else nn.Identity(),
        lambda: nn.AvgPool2d(2) if small >= 2 else nn.Identity(),
        lambda: nn.AdaptiveAvgPool2d(_pair(rng, small)),
        lambda: nn.AdaptiveMaxPool2d(_pair(rng, small)),
        lambda: nn.Dropout2d(0.3),
        lambda: nn.ZeroPad2d(1) if small < 9 else nn.Identity(),
        lambda: nn.Upsample(scale_factor=2) if small < 5 else nn.Identity(),
        lambda: nn.PReLU(C),
        *activations(rng),
    ]


def vector_layers(rng: np.random.Generator, shape: Shape) -> list[Callable[[], nn.Module]]:
    """What may come after vectors."""
    (n,) = shape
    out = int(rng.choice([1, 3, 8, 20]))
    return [
        lambda: nn.Linear(n, out, bias=bool(rng.integers(2))),
        lambda: nn.Sequential(nn.Linear(n, out), nn.ReLU(), nn.Linear(out, n)),
        lambda: nn.BatchNorm1d(n),
        lambda: nn.LayerNorm(n),
        lambda: nn.Softmax(1),
        lambda: nn.LogSoftmax(1),
        *activations(rng),
    ]


def activations(rng: np.random.Generator) -> list[Callable[[], nn.Module]]:
    """What leaves the shape as it is."""
    return [
        *(nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU, nn.LeakyReLU, nn.Hardswish),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.Dropout(float(rng.choice([0.1, 0.5]))),
        nn.Identity,
    ]


def draw(seed: int) -> tuple[nn.Module, Shape]:
    """A net, and the shape of a sample for it."""
    rng = np.random.default_rng(seed)
    tg.manual_seed(seed)
    images = bool(rng.random() < 0.7)
    start: Shape = (int(rng.choice([1, 2, 4])), *rng.integers(3, 9, 2).tolist()) if images else (_pair(rng, 12),)
    shape, layers = start, list[tuple[nn.Module, bool]]()
    for _ in range(int(rng.integers(1, 9))):
        if len(shape) == 3 and rng.random() < 0.15:
            layer: nn.Module = nn.Flatten()
        else:
            choices = image_layers(rng, shape) if len(shape) == 3 else vector_layers(rng, shape)
            layer = choices[int(rng.integers(len(choices)))]()
        probe = copy.deepcopy(layer).eval()
        with tg.no_grad():
            after = tuple(probe(tg.zeros(2, *shape)).shape[1:])
        if layers and after == shape and rng.random() < 0.2:
            layers.append((layers[-1][0], False) if _fits(layers[-1][0], shape) else (layer, False))
            continue
        layers.append((layer, after == shape and not _in_place(layer) and rng.random() < 0.3))
        shape = after
    form = str(rng.choice(["tensor", "tensor", "tuple", "dict"]))
    return Random(layers, int(rng.integers(1, 1 + min(2, len(layers)))), form), start


def _in_place(layer: nn.Module) -> bool:
    return getattr(layer, "inplace", False)


def _fits(layer: nn.Module, shape: Shape) -> bool:
    """Does it take this shape and leave it as it is?"""
    try:
        with tg.no_grad():
            return tuple(copy.deepcopy(layer).eval()(tg.zeros(2, *shape)).shape[1:]) == shape
    except (RuntimeError, ValueError):
        return False


def tensors(result: Any) -> Iterator[tg.Tensor]:
    """The tensors of a result."""
    if isinstance(result, tg.Tensor):
        yield result
    else:
        for part in result.values() if isinstance(result, dict) else result:
            yield from tensors(part)


def differences(seed: int) -> tuple[str, bool]:
    """In what a compiled net differs from itself; "" where in nothing. And was it compiled?"""
    net, shape = draw(seed)
    twin = tg.compile(copy.deepcopy(net))
    rng = np.random.default_rng(seed)
    optimizers = [tg.optim.SGD(m.parameters(), lr=0.05) if list(m.parameters()) else None for m in (net, twin)]
    scaled, wants = bool(rng.integers(2)), bool(rng.integers(2))
    for k in range(6):
        n = 3 if k % 3 else 2
        a, b = (rng.standard_normal(s).astype(np.float32) for s in ((n, *shape), (1,)))
        weights = np.random.default_rng(k)
        found: list[list[Any]] = []
        for model, optimizer in zip((net, twin), optimizers, strict=True):
            tg.manual_seed(k)
            model.train(k != 3)
            x, s = tg.tensor(a, requires_grad=wants), tg.tensor(b, requires_grad=True)
            given = (x, s) if scaled else (x,)
            try:
                result = list(tensors(model(*given)))
            except (RuntimeError, ValueError) as error:  # such as batch-norm of one value a channel
                found.append([str(error)])
                continue
            loss: Any = 0.0
            for y in result[: 1 + k % 2]:
                loss = loss + (y * tg.tensor(np.float32(weights.standard_normal()))).mean()
            model.zero_grad()
            if loss.requires_grad:
                loss.backward()
            grads = [None if p.grad is None else p.grad.numpy().copy() for p in (x, s, *model.parameters())]
            if optimizer is not None:
                optimizer.step()
            state = [v.numpy().copy() for v in model.state_dict().values()]
            found.append([*(y.detach().numpy().copy() for y in result), *grads, *state, tg.rand(1).item()])
            weights = np.random.default_rng(k)
        if len(found[0]) != len(found[1]):
            return f"call {k}: {found[0][:1]} and {found[1][:1]}", False
        for i, (p, q) in enumerate(zip(*found, strict=True)):
            if not _same(p, q):
                return f"call {k}, {i}: {p!r:.200} and {q!r:.200}", False
    met.update(met_in(twin))
    return "", bool(twin._plans.plans)


met: Counter[str] = Counter()  # in how many nets each planner, and each rule, had something to do


def met_in(net: Any) -> set[str]:
    """What is known of the operations of a compiled net."""
    steps = [step for plans in net._plans.plans.values() for p in plans for step in (*p.forward, *p.back)]
    return {step.op for step in steps if step.forward in PLANNERS}


def _same(p: Any, q: Any) -> bool:
    """Two arrays, numbers or texts, or nothing twice."""
    if p is None or q is None or isinstance(p, str) or isinstance(q, str):
        return bool(p is q or (isinstance(p, str) and isinstance(q, str) and p == q))
    if np.array_equal(p, q, equal_nan=True):
        return True
    # A fused step may add in another order. What is 0 but for rounding, as the gradient of a bias before a batch-norm,
    # is a sum of up to some hundred numbers below 1: 1e-5.
    size = np.nanmax(np.abs(p), initial=1e-2)
    return np.allclose(p, q, rtol=1e-3, atol=1e-3 * size, equal_nan=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="that of the first net")
    arguments = parser.parse_args()
    tg.guard_rails(False)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", CompileWarning)
    seen: Counter[str] = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        try:
            wrong, compiled = differences(seed)
        except CompileWarning as warning:
            seen["runs as it is"] += 1
            print(f"{seed}: {warning}", flush=True)
            continue
        seen["differs" if wrong else "same" if compiled else "same, never called twice alike"] += 1
        if wrong:
            print(f"{seed}: {wrong}", flush=True)
    print(dict(seen))
    print("planned, in so many nets:", ", ".join(f"{op} {n}" for op, n in met.most_common()))
    return int(seen["differs"] > 0)


if __name__ == "__main__":
    sys.exit(main())
