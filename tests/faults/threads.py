"""Many threads, each with its own graph: every number is the one that it gets alone, bit for bit.

    python tests/faults/threads.py [--threads 8] [--count 1000]

Each thread trains a small convnet of its own (batch norm, views, writes in place, Adam) with ``count`` backward passes,
first one after the other and then all at once, while Python changes from one to the next as often as it can. Then all
of them go backward through one shared parameter: no gradient may be lost.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from several import in_threads

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.arrays.rng import standing_in


def trained(seed: int, count: int) -> list[bytes]:
    """The bits of parameters and gradients after that many backward passes."""
    with standing_in(tg.Generator(seed)):
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2),
            nn.Linear(4 * 9, 5),
        )  # fmt: skip
        x, y = tg.randn(6, 1, 8, 8), tg.tensor([0, 1, 2, 3, 4, 0])
        optimizer = optim.Adam(model.parameters(), lr=1e-3)
        for _ in range(count):
            optimizer.zero_grad()
            decay = (model[0].weight.view(-1) ** 2).sum()  # a view of the parameter
            noisy = x.clone()
            noisy.mul_(1.5).tanh_()  # writes in place
            loss = nn.functional.cross_entropy(model(noisy), y) + 0.01 * decay
            loss.backward()
            optimizer.step()
    return [a.tobytes() for p in model.parameters() for a in (p.numpy(), p.grad.numpy())]


def differences(threads: int, count: int) -> list[int]:
    """The threads that got other bits than alone."""
    alone = [trained(seed, count) for seed in range(threads)]
    together = in_threads(*(lambda seed=seed: trained(seed, count) for seed in range(threads)))
    return [seed for seed in range(threads) if alone[seed] != together[seed]]


def summed(threads: int, count: int) -> float:
    """The gradient of a parameter that all threads went backward to, ``count`` times each; NaN where parts differ.

    It is large enough that NumPy adds without Python's lock.
    """
    shared = tg.ones(100_000, requires_grad=True)

    def back() -> None:
        for _ in range(count):
            (shared * 1.0).sum().backward()

    in_threads(*[back] * threads)
    found = np.unique(shared.grad.numpy())
    return float(found[0]) if found.size == 1 else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--count", type=int, default=1000)
    chosen = parser.parse_args()
    start = time.perf_counter()
    wrong = differences(chosen.threads, chosen.count)
    print(f"{chosen.threads} threads x {chosen.count} backward passes: {len(wrong)} threads differ from alone")
    total, expected = summed(chosen.threads, chosen.count), chosen.threads * chosen.count
    print(f"into one parameter: {total:.0f} of {expected} gradients counted ({time.perf_counter() - start:.0f} s)")
    sys.exit(bool(wrong) or total != expected)


if __name__ == "__main__":
    main()
