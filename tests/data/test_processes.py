"""Loaders that read ahead, in children of the process; and that end at once when somebody presses Ctrl-C twice."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
import time
from typing import Any

import numpy as np
import pytest
from several import in_fork, needs_fork

import tinygrad_cnn as tg
from tinygrad_cnn.data import DataLoader, TensorDataset, prefetch
from tinygrad_cnn.data.prefetch import prefetched

DATA = TensorDataset(np.arange(40, dtype=np.float32)[:, None], np.arange(40))


def loader(**options: Any) -> DataLoader[Any]:
    return DataLoader(DATA, batch_size=4, shuffle=True, generator=tg.Generator(0), **options)


def labels(batches: Any) -> list[list[int]]:
    return [y.tolist() for _, y in batches]


AHEAD: dict[str, dict[str, int]] = {"prefetch": {"prefetch": 2}, "workers": {"num_workers": 2}}


@needs_fork
@pytest.mark.parametrize("how", AHEAD)
def test_a_loop_goes_on_in_its_own_process_alone(how: str) -> None:
    running = iter(loader(**AHEAD[how]))
    first = labels(itertools.islice(running, 3))

    def go_on() -> str:
        with pytest.raises(RuntimeError, match="began in another process") as caught:
            next(running)
        with pytest.raises(StopIteration):
            next(running)  # and it is over
        return str(caught.value)

    said = in_fork(go_on, 20)
    assert "iter(loader)" in said
    assert first + labels(running) == labels(loader())  # the parent's goes on as if nothing had been


@needs_fork
@pytest.mark.parametrize("how", AHEAD)
def test_a_new_loop_in_the_child_reads(how: str) -> None:
    mine = loader(**AHEAD[how])
    running = iter(mine)
    next(running)
    expected = [np.sort(np.concatenate(labels(loader()))).tolist()]
    assert in_fork(lambda: [np.sort(np.concatenate(labels(mine))).tolist()], 20) == expected
    running.close()  # type: ignore[attr-defined]


@needs_fork
def test_a_loop_that_the_child_only_drops_does_not_hang_it() -> None:
    held = {"loop": iter(loader(prefetch=2))}
    next(held["loop"])
    assert in_fork(lambda: held.clear() or len(held), 20) == 0


def read_all(given: Any) -> list[list[int]]:
    """For a process of its own."""
    return labels(given)


@pytest.mark.parametrize("method", [m for m in multiprocessing.get_all_start_methods() if m != "fork"])
def test_a_loader_travels_to_another_process_and_reads_the_same(method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        for options in ({}, *AHEAD.values()):
            assert pool.apply_async(read_all, (loader(**options),)).get(120) == labels(loader())


# ---------------------------------------------------------------------------------------------------------- Ctrl-C
def test_a_second_ctrl_c_does_not_wait_for_a_batch_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """KeyboardInterrupt while the consumer waits for a batch: the thread gets a moment, no more."""
    monkeypatch.setattr(prefetch, "_PATIENCE", 0.05)
    hangs, end = threading.Event(), threading.Event()

    def load(i: int) -> int:
        if i == 1:
            hangs.set()
            end.wait(60)
        return i

    class Pressed:
        """Tasks: Ctrl-C comes when the third is asked for."""

        def __init__(self) -> None:
            self.given = 0

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> int:
            self.given += 1
            if self.given == 3:
                assert hangs.wait(60)
                raise KeyboardInterrupt
            return self.given - 1

    start = time.monotonic()
    batches = prefetched(Pressed(), load, 2)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(batches)
        assert time.monotonic() - start < 30  # it would be 60
    finally:
        end.set()
        for thread in threading.enumerate():
            if "prefetch" in thread.name:
                thread.join(60)
