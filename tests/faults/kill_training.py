"""Kills a training at random moments, again and again, and goes on with what is left.

    python tests/faults/kill_training.py [--count 1000] [--seed 0]

A child, forked from this process, trains and saves after every batch, with a thread that reads ahead. It is killed
(SIGKILL: nothing in it hears of that) at a random moment of its run. Each time the checkpoint must be the one of the
last save that had ended, or of the one under way; it must load; and after the next save no other file may lie in the
folder. The next child goes on from there. When one comes to the end, its weights, optimizer, schedule and history must
be those of a run that nobody killed, bit for bit; then the next run begins from nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.training import BATCHES, EPOCHS, MID_EPOCH, bits, prepared

from tinygrad_cnn.train import Callback

NAME = "run.safetensors"
STEP = 1 if MID_EPOCH else BATCHES  # batches from one save to the next
PATIENCE = 60.0  # seconds after which a child hangs


class Told(Callback):
    """Writes into a pipe how many batches the run has done, when they are saved."""

    order, saved = 99, False  # after Checkpoint

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
        """After a batch."""
        if MID_EPOCH:
            os.write(self.pipe, bytes([done(trainer)]))

    def on_epoch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
        """After an epoch."""
        os.write(self.pipe, bytes([done(trainer)]))


def done(trainer: Any) -> int:
    """The batches of the run that are done."""
    return int(trainer.epoch * BATCHES + trainer.batch)


def train(path: str, pipe: int) -> None:
    """The child: from what is saved to the end."""
    trainer, loader, held = prepared(path, callbacks=[Told(pipe)])
    if os.path.exists(path):
        trainer.load(path)
    trainer.fit(loader, EPOCHS, validation=held) if trainer.epoch < EPOCHS else None


def run(path: str, seconds: float | None) -> tuple[int | None, int, float]:
    """A child that is killed after so many seconds: its exit code (None if it was killed), the batches that it said
    were saved, and how long it ran."""
    receive, send = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if not child:
        try:
            train(path, send)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
        os._exit(1)
    os.close(send)
    told, until, killed = b"", PATIENCE if seconds is None else seconds, False
    while True:
        left = start + until - time.monotonic()
        if select.select([receive], [], [], max(left, 0))[0]:
            if not (new := os.read(receive, 4096)):
                break
            told += new
        elif left <= 0:
            killed = True
            os.kill(child, signal.SIGKILL)
            until = PATIENCE
    os.close(receive)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert seconds is not None or not killed, "the child hangs"
    return (None if code == -signal.SIGKILL else code), told[-1] if told else 0, time.monotonic() - start


def campaign(count: int, seed: int, folder: str, tell: Callable[[str], None] = lambda _: None) -> Counter[str]:
    """So many kills; AssertionError at the first thing that is lost or left over. ``tell`` hears of each hundred."""
    draw, found = random.Random(seed), Counter[str]()
    path = os.path.join(folder, NAME)
    trainer, loader, held = prepared()
    trainer.fit(loader, EPOCHS, validation=held)
    expected = bits(trainer)
    usual = 0.0
    for _ in range(3):
        usual = max(usual, run(path, None)[2])
        os.remove(path)
    saved = 0  # batches that the checkpoint has
    while found["killed"] < count:
        code, told, _ = run(path, draw.uniform(0, usual * 1.1))
        assert code in (None, 0), "the training failed"
        found["killed" if code is None else "came to the end"] += 1
        if code is None and found["killed"] % 100 == 0:
            tell(f"{found['killed']} kills: nothing lost, nothing left over")
        if not os.path.exists(path):
            assert told == saved == 0, "the checkpoint is gone"
            found["before the first save"] += 1
            continue
        before, saved = max(told, saved), check(path)
        assert saved in (before, before + (1 if MID_EPOCH else BATCHES)), (
            f"{before} batches were saved, and {saved} are there"
        )
        found["the save under way was there"] += saved > before
        if code == 0:
            trainer, _, _ = prepared(path)
            assert bits(trainer.load(path)) == expected, "the resumed run differs from the one that nobody killed"
            os.remove(path)
            saved = 0
    return found


def check(path: str, **options: Any) -> int:
    """Load a checkpoint, save it again, and look what lies beside it; how many batches it has."""
    trainer, _, _ = prepared(path, **options)
    trainer.load(path)
    left = os.listdir(os.path.dirname(path))
    trainer.save(path)
    assert os.listdir(os.path.dirname(path)) == [NAME], f"left over: {left}"
    return done(trainer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(chosen.count, chosen.seed, folder, lambda text: print(text, flush=True))
    print(", ".join(f"{what}: {n}" for what, n in found.items()), f"({time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main()
