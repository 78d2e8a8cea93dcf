"""What a step of an optimizer takes: one parameter after the other, together, and by hand on flat arrays.

    python benchmarks/optimizers.py            # N1, N2, N3 of `models`, and a ResNet's 59 parameters

All take turns in one process, so that each sees the same machine; a figure is the fast quartile of many steps, in
microseconds. By hand there are no parameters: one flat array holds all numbers, others the gradients and what is kept,
and they are gone through in pieces that stay in the cache, on one thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PIECE = 1 << 16
NETS = {
    "N1": [(8, 1, 3, 3), (8,), (128, 1352), (128,), (64, 128), (64,), (10, 64), (10,)],
    "N2": [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,)],
    "N3": [(32, 1, 3, 3), (32,), (64, 32, 3, 3), (64,), (128, 9216), (128,), (10, 128), (10,)],
}
WIDTHS = [(16, 16)] * 3 + [(16, 32)] + [(32, 32)] * 2 + [(32, 64)] + [(64, 64)] * 2
NETS["ResNet"] = [(16, 3, 3, 3), (16,), (16,)]
NETS["ResNet"] += [s for c, o in WIDTHS for s in ((o, c, 3, 3), (o,), (o,), (o, o, 3, 3), (o,), (o,))]
NETS["ResNet"] += [(10, 64), (10,)]
OPTIMIZERS: dict[str, dict[str, Any]] = {"SGD": {"lr": 1e-5, "momentum": 0.9}, "Adam": {"lr": 1e-5}}


class Flat:
    """Both optimizers on flat arrays."""

    def __init__(self, p: Any, g: Any) -> None:
        self.p, self.g, self.t = p, g, 0
        self.m, self.v, self.s = (np.zeros_like(p) for _ in range(3))

    def pieces(self) -> Any:
        """Parameters, gradients, both kept arrays and scratch, piece by piece."""
        for k in range(0, len(self.p), PIECE):
            yield tuple(a[k : k + PIECE] for a in (self.p, self.g, self.m, self.v, self.s))

    def SGD(self, lr: float, momentum: float) -> None:
        """A step with momentum."""
        for p, g, m, _, s in self.pieces():
            np.add(np.multiply(m, momentum, out=m), g, out=m)
            np.subtract(p, np.multiply(m, lr, out=s), out=p)

    def Adam(self, lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        """A step."""
        self.t += 1
        root, rate = (1 - beta2**self.t) ** 0.5, lr / (1 - beta1**self.t)
        for p, g, m, v, s in self.pieces():
            np.add(np.multiply(m, beta1, out=m), np.multiply(g, 1 - beta1, out=s), out=m)
            np.multiply(np.multiply(g, g, out=s), 1 - beta2, out=s)
            np.add(np.multiply(v, beta2, out=v), s, out=v)
            np.add(np.divide(np.sqrt(v, out=s), root, out=s), eps, out=s)
            np.subtract(p, np.multiply(np.divide(m, s, out=s), rate, out=s), out=p)


def made(shapes: Any, name: str, fused: bool) -> tuple[list[Any], Any]:
    """Parameters with gradients, and their optimizer."""
    import tinygrad_cnn as tg

    rng = np.random.default_rng(0)
    params = [tg.tensor(rng.standard_normal(shape, np.float32)).requires_grad_() for shape in shapes]
    for p in params:
        p.grad = tg.tensor(rng.standard_normal(p.shape, np.float32))
    return params, getattr(tg.optim, name)(params, fused=fused, **OPTIMIZERS[name])


def contestants(shapes: Any, name: str) -> dict[str, Callable[[], Any]]:
    """A step of each kind, with the same numbers."""
    (params, alone), (_, together) = made(shapes, name, fused=False), made(shapes, name, fused=True)
    flat = Flat(*(np.concatenate([t.numpy().ravel() for t in ts]) for ts in (params, [p.grad for p in params])))
    by_hand = getattr(flat, name)
    return {"one by one": alone.step, "together": together.step, "by hand": lambda: by_hand(**OPTIMIZERS[name])}


def race(steps: dict[str, Callable[[], Any]], seconds: float = 3.0) -> dict[str, float]:
    """Microseconds of each, in turns of eight."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, step in steps.items():
            for _ in range(8):
                start = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - start)
    return {name: sorted(taken)[len(taken) // 4] * 1e6 for name, taken in times.items()}


def decayed(shapes: Any, steps: int = 2000) -> tuple[float, float]:
    """Microseconds of SGD's step where half of the gradients have been 0 for long; and where the tiny momenta stay."""
    from tinygrad_cnn.optim import optimizer as module

    every, found = module.EVERY, []
    for module.EVERY in (every, 10 * steps):
        params, optimizer = made(shapes, "SGD", fused=True)
        optimizer.step()
        for p in params:
            p.grad.numpy().reshape(-1)[::2] = 0
        for _ in range(steps):
            optimizer.step()
        found.append(race({"step": optimizer.step}, 0.5)["step"])
    module.EVERY = every
    return found[0], found[1]


def main() -> None:
    """Print a line for each net and optimizer."""
    import tinygrad_cnn as tg

    print(f"{'':8}{'':6}{'numbers':>10}{'one by one':>12}{'together':>10}{'by hand':>9}{'together / by hand':>20}")
    with tg.guard_rails(False):
        for net, shapes in NETS.items():
            for name in OPTIMIZERS:
                us = race(contestants(shapes, name))
                size = sum(int(np.prod(shape)) for shape in shapes)
                figures = f"{us['one by one']:12.0f}{us['together']:10.0f}{us['by hand']:9.0f}"
                print(f"{net:8}{name:6}{size:10,}{figures}{us['together'] / us['by hand']:20.2f}", flush=True)
        flushed, kept = decayed(NETS["N1"])
        print(f"N1, SGD, half of the gradients 0 for 2,000 steps: {flushed:.0f}, and {kept:.0f} with subnormal momenta")


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
