"""A training step of a recurrent layer beside PyTorch's, in turns: the best of several, in milliseconds.

    python benchmarks/recurrent.py

PyTorch runs a whole layer in one fused kernel; here a step of the sequence is some fifteen operations.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SIZES = [("rows of digits", 28, 64, 28, 128), ("characters", 35, 16, 32, 64), ("long", 100, 32, 64, 256)]
TURNS = 15


def step(library: Any, kind: str, x: Any, hidden: int) -> Callable[[], None]:
    """Forward and backward of one layer."""
    layer = getattr(library.nn, kind)(x.shape[-1], hidden)
    inputs = library.tensor(x)

    def run() -> None:
        layer(inputs)[0].sum().backward()

    return run


def main() -> None:
    """Print the times and their ratio for each kind and size."""
    import torch

    import tinygrad_cnn

    print(f"{'':>5} {'':>15} {'T, N, F, H':>18} {'ours, ms':>9} {'PyTorch, ms':>12} {'ratio':>6}")
    for kind in ("RNN", "GRU", "LSTM"):
        for name, *sizes, hidden in SIZES:
            x = np.random.default_rng(0).normal(size=sizes).astype(np.float32)
            steps = [step(library, kind, x, hidden) for library in (tinygrad_cnn, torch)]
            best = [float("inf")] * 2
            for _ in range(TURNS):
                for k, run in enumerate(steps):
                    start = time.perf_counter()
                    run()
                    best[k] = min(best[k], time.perf_counter() - start)
            ours, theirs = (1000 * t for t in best)
            shape = f"{', '.join(map(str, sizes))}, {hidden}"
            print(f"{kind:>5} {name:>15} {shape:>18} {ours:>9.1f} {theirs:>12.1f} {ours / theirs:>6.1f}")


if __name__ == "__main__":
    main()
