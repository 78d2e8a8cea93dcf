"""The ways to compute a convolution, by shape: milliseconds of forward and both gradients; the chosen one is marked *.

    python benchmarks/convolutions.py

Each algorithm gets images in the memory order that it leaves behind itself. Medians of turns; what counts are the
ratios within a row. The choice itself stands in `tinygrad_cnn/arrays/convolution/__init__.py`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_cnn.arrays.convolution import MANY, choose, im2col, lastcol, rowview, winograd
from tinygrad_cnn.arrays.windows import Geometry

TURNS = 7
SHAPES = [  # C, O, image side, kernel, stride, padding, batch
    (1, 8, 28, 3, 1, 0, 10), (1, 8, 28, 3, 1, 0, 64), (1, 32, 28, 3, 1, 0, 64), (3, 64, 32, 3, 1, 1, 16),
    (1, 6, 28, 5, 1, 2, 64), (6, 16, 14, 5, 1, 0, 10), (6, 16, 14, 5, 1, 0, 64), (20, 50, 13, 3, 1, 1, 64),
    (16, 16, 16, 3, 1, 1, 64), (24, 24, 14, 3, 1, 1, 64), (32, 32, 16, 3, 1, 1, 1), (32, 32, 16, 3, 1, 1, 64),
    (32, 64, 26, 3, 1, 0, 10), (32, 64, 26, 3, 1, 0, 64), (64, 64, 32, 3, 1, 1, 16), (128, 128, 16, 3, 1, 1, 16),
    (256, 256, 8, 3, 1, 1, 16), (64, 128, 32, 3, 2, 1, 16), (64, 128, 32, 1, 2, 0, 16), (64, 64, 32, 1, 1, 0, 16),
    (48, 48, 13, 5, 1, 2, 64),
]  # fmt: skip


def ms(job: Callable[[], Any]) -> float:
    """Median milliseconds of one call."""
    job()
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def in_order(shape: tuple[int, int, int, int], last: bool, rng: np.random.Generator) -> Any:
    """Random float32 numbers (N, C, H, W), channels or batch innermost in memory."""
    axes = (2, 3, 0, 1) if last else (1, 2, 3, 0)
    a = rng.standard_normal([shape[i] for i in axes], dtype=np.float32)
    return a.transpose(np.argsort(axes))


def usable(algorithm: ModuleType, kernel: int, stride: int) -> bool:
    return not (algorithm is winograd and (kernel, stride) != (3, 1))


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    algorithms = (im2col, rowview, lastcol, winograd)
    names = [a.__name__.rpartition(".")[2] for a in algorithms]
    print(f"{'C -> O':>11} {'image':>8} {'kernel':>6} {'stride':>6} {'batch':>5} " + "".join(f"{n:>11}" for n in names))
    for C, O, H, k, stride, pad, N in SHAPES:
        geometry = Geometry((k, k), (stride, stride), ((pad, pad), (pad, pad)), (1, 1))
        out = geometry.out((H, H))
        w, b = rng.standard_normal((O, C, k, k), dtype=np.float32), np.zeros(O, np.float32)
        chosen = choose(w.shape, geometry, 1, N, out, w.dtype)
        line = f"{f'{C} -> {O}':>11} {f'{H}x{H}':>8} {k:6} {stride:6} {N:5} "
        for algorithm in algorithms:
            if not usable(algorithm, k, stride):
                line += f"{'-':>11}"
                continue
            last = algorithm in (lastcol, winograd)
            x = in_order((N, C, H, H), last, rng)
            g = in_order((N, O, *out), last or (algorithm is rowview and O >= MANY), rng)
            kept = algorithm.forward(x, w, b, geometry, 1)[1]
            total = ms(partial(algorithm.forward, x, w, b, geometry, 1))
            total += ms(partial(algorithm.weight, g, x, geometry, 1, kept))
            if C > 3:
                total += ms(partial(algorithm.image, g, w, geometry, 1, (H, H)))
            line += f"{total:10.2f}{'*' if algorithm is chosen else ' '}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
