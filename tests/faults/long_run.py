"""A hundred thousand small steps: does the process grow?

    python tests/faults/long_run.py [--count 100000] [--only NAME ...]

Each kind of loop below runs in a process of its own, so many steps of it. Printed is how much the process's memory
(RSS) grew per 10,000 steps, after the first 10,000; more than 1 MB is a failure. `blocks` says the same of a few
hundred steps, in Python's own blocks of memory: exact enough for a test.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.train import Trainer

PART = 10_000  # steps between two looks
LIMIT = 1 << 20  # bytes of growth per PART
Loop = Callable[[], Iterator[None]]  # a step each time
LOOPS: dict[str, Loop] = {}


def loop(function: Loop) -> Loop:
    """Enter a loop under its name."""
    LOOPS[function.__name__] = function
    return function


def net() -> Any:
    tg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(8, 3)
    )


def dataset(n: int = 40, seed: int = 0) -> TensorDataset:
    rng = np.random.default_rng(seed)
    return TensorDataset(rng.standard_normal((n, 1, 4, 4)).astype(np.float32), np.arange(n) % 3)


X = tg.tensor(np.random.default_rng(1).standard_normal((4, 1, 4, 4)).astype(np.float32))
Y = tg.tensor([0, 1, 2, 0])


@loop
def plain() -> Iterator[None]:
    """The loop as tutorials have it."""
    model = net()
    optimizer = optim.Adam(model.parameters())
    schedule = optim.lr_scheduler.StepLR(optimizer, 100, 0.999)
    while True:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X), Y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        yield


@loop
def read_ahead() -> Iterator[None]:
    """Short epochs of a loader with a thread."""
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for prefetch in iter(lambda: 2, 0):
        for x, y in DataLoader(dataset(), batch_size=4, shuffle=True, prefetch=prefetch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            yield


@loop
def trainer() -> Iterator[None]:
    """A Trainer's epochs, with validation. Its history grows by a row an epoch, as it shall: here it is cut."""
    model = net()
    mine = Trainer(model, optim.SGD(model.parameters(), lr=0.01), progress=False)
    loader = DataLoader(dataset(), batch_size=4, shuffle=True, prefetch=2)
    held = DataLoader(dataset(8, 1), batch_size=4)
    while True:
        mine.fit(loader, mine.epoch + 1, validation=held)
        del mine.history.rows[:-1]
        yield from [None] * 10


@loop
def hooks() -> Iterator[None]:
    """Hooks put on and taken off around each step, of modules and tensors, and a gradient that is retained."""
    model, seen = net(), [0]

    def count(*_: Any) -> None:
        seen[0] += 1

    while True:
        handles = [model[0].register_forward_hook(count), model[2].register_full_backward_hook(count)]
        y = model(X)
        y.retain_grad()
        handles.append(y.register_hook(count))
        y.sum().backward()
        for handle in handles:
            handle.remove()
        model.zero_grad()
        yield


@loop
def without_gradients() -> Iterator[None]:
    """Inference, in no_grad and inference_mode, and writes in place."""
    model = net().eval()
    kept = tg.zeros(4, 3)
    while True:
        with tg.no_grad():
            kept.mul_(0.9).add_(model(X))
        with tg.inference_mode():
            kept[0] = model(X).softmax(1)[1]
        yield


@loop
def failing() -> Iterator[None]:
    """An error in the middle of each step: in a forward, a backward, a loader's thread, a hook."""
    model, broken = net(), TensorDataset(np.zeros((4, 2)), np.zeros(4))

    def collate(_: Any) -> Any:
        raise KeyError("no such sample")

    def refuse(_: Any) -> Any:
        raise KeyError("a hook of the user's")

    while True:
        with suppress(ValueError, RuntimeError):
            model(tg.ones(2, 3, 4, 4))
        with suppress(KeyError):
            y = model(X)
            y.register_hook(refuse)
            y.sum().backward()
        with suppress(RuntimeError):
            z = model(X).sum()
            z.backward()
            z.backward()
        with suppress(KeyError):
            list(DataLoader(broken, 2, collate_fn=collate, prefetch=1))
        yield


@loop
def second_derivatives() -> Iterator[None]:
    """A gradient of a gradient, recomputation, and views that are written into while they are recorded."""
    w = tg.ones(5, requires_grad=True)
    while True:
        (g,) = tg.grad((w**3).sum(), w, create_graph=True)
        (g**2).sum().backward()
        tg.checkpoint(lambda t: t.tanh() * 2.0, w).sum().backward()
        v = w * 2.0
        v[1:3] = v[2:4] * 3.0
        v.sum().backward()
        w.grad = None
        yield


@loop
def watched() -> Iterator[None]:
    """Anomaly mode, a profile and a drawing around a step."""
    model, number = net(), 0
    while True:
        number += 1
        with tg.autograd.detect_anomaly():
            model(X).sum().backward()
        if number % 100 == 0:
            with tg.profiler.profile():
                y = model(X).sum()
                y.backward(retain_graph=True)
            tg.viz.draw_graph(y)
        yield


def blocks(name: str, count: int) -> int:
    """By how many of Python's blocks a run of so many steps grows: the least of four, after one that warms up."""
    steps, sizes = LOOPS[name](), []
    for _ in range(5):
        for _ in range(count):
            next(steps)
        gc.collect()
        sizes.append(sys.getallocatedblocks())
    return min(after - before for before, after in pairwise(sizes))


def resident() -> int:
    """Bytes of this process in memory; where the system has no /proc, the most that it ever had."""
    if os.path.exists("/proc/self/statm"):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run(name: str, count: int) -> None:
    """Print the growth of one loop, in this process."""
    steps, start, sizes = LOOPS[name](), time.perf_counter(), []
    for _ in range(count // PART):
        for _ in range(PART):
            next(steps)
        sizes.append(resident())
    growth = (sizes[-1] - sizes[0]) / (len(sizes) - 1)
    print(f"{name:20} {growth / 1024:8.1f} KB per {PART:,} steps ({time.perf_counter() - start:.0f} s)", flush=True)
    sys.exit(growth > LIMIT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10 * PART)
    parser.add_argument("--only", nargs="*", choices=LOOPS, default=list(LOOPS))
    parser.add_argument("--run", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.count < 2 * PART:
        parser.error(f"at least {2 * PART} steps")
    if chosen.run:
        run(chosen.run, chosen.count)
    program = [sys.executable, __file__, "--count", str(chosen.count), "--run"]
    codes = [subprocess.run([*program, name], check=False).returncode for name in chosen.only]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
