"""Processes that save, killed at random moments: what is there then loads, and the next save tidies up.

    python tests/faults/kill_saving.py --count 1000

Each time one or two forked processes save states in a loop, of sizes that differ, to one path, by `save` or by a
trainer's `Checkpoint`; after a random time they get SIGKILL. Then the file at that path must load and be one of the
saved states, whole; and after one more save there must be no other file beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn.io import load, save

processes: Any = multiprocessing.get_context("fork")  # which imports nothing anew


@dataclass
class Report:
    """What the killed processes left."""

    kills: int = 0
    left: int = 0  # kills after which there was a temporary file: they came in the midst of a save
    replaced: int = 0  # kills after which there was a newer state than before
    wrong: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills:,} kills: {self.left:,} left a temporary file, {self.replaced:,} a newer state, "
            f"{self.wrong} a file that does not load or a temporary one that stayed"
        )


def state(number: int) -> dict[str, Any]:
    """A state of up to 400 KB all of whose numbers say which it is."""
    return {"w": tg.full((1 + number * 7919 % 100_000,), float(number)), "number": number}


def save_on_and_on(path: str, begun: Any) -> None:
    """Save newer and newer states."""
    number = 1000 * os.getpid()
    save(state(number), path)
    begun.set()
    while True:
        number += 1
        save(state(number), path)


def train_on_and_on(path: str, begun: Any) -> None:
    """Train for ever, with a checkpoint after each epoch of one small step."""

    class Begun(tg.train.Callback):
        def on_epoch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
            if trainer.epoch == 2:
                begun.set()

    net = tg.nn.Linear(300, 300)
    trainer = tg.train.Trainer(
        net,
        tg.optim.Adam(net.parameters()),
        tg.nn.MSELoss(),
        callbacks=[Begun(), tg.train.Checkpoint(path)],
        progress=False,
    )
    X = np.ones((4, 300), np.float32)
    trainer.fit((X, X), 10**9)


def is_whole(found: Any) -> bool:
    """Whether it is one of the states above."""
    if "number" in found:
        return bool((found["w"].numpy() == float(found["number"])).all())
    return bool(found["epoch"] >= 1 and found["model"]["weight"].shape == (300, 300))


def kill_once(work: Callable[..., None], path: Path, draw: random.Random, workers: int, report: Report) -> None:
    """Start the workers, kill them after a while, and look at what is there."""
    before = path.read_bytes() if path.exists() else b""
    started = []
    for _ in range(workers):
        begun = processes.Event()
        process = processes.Process(target=work, args=(str(path), begun))
        process.start()
        started.append((process, begun))
    for _, begun in started:
        begun.wait(60)
    time.sleep(draw.uniform(0, 0.03))
    for process, _ in started:
        os.kill(process.pid, signal.SIGKILL)
    for process, _ in started:
        process.join()
    report.kills += 1
    report.left += len(list(path.parent.iterdir())) > 1
    report.replaced += path.read_bytes() != before
    try:
        assert is_whole(load(path)), "what was loaded is none of the states"
        save(state(report.kills), path)
        files = [file.name for file in path.parent.iterdir()]
        assert files == [path.name], f"after the next save there are {files}"
        assert load(path)["number"] == report.kills
    except (ValueError, OSError, KeyError, AssertionError) as error:
        print(f"kill {report.kills}: {error}", file=sys.stderr)
        report.wrong += 1


def campaign(count: int, seed: int = 0, show: bool = False) -> Report:
    """Kill so many times."""
    draw, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        save(state(0), path)
        _ = tg.train.Trainer, load(path)  # so that no child imports them anew
        for number in range(count):
            work = train_on_and_on if number % 5 == 4 else save_on_and_on
            kill_once(work, path, draw, 2 if number % 10 == 3 else 1, report)
            if show and report.kills % 100 == 0:
                print(report, flush=True)
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="how many kills")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begun = time.perf_counter()
    report = campaign(options.count, options.seed, show=True)
    print(f"{report}; {time.perf_counter() - begun:.0f} s")
    return int(report.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
