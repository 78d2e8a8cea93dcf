"""A run that another thread ends: whenever it says so, what is done is whole and what is kept is kept."""

from __future__ import annotations

import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from several import in_threads
from train.nets import At, blobs, same, trainer, weights

import tinygrad_cnn as tg
from tinygrad_cnn import Generator, nn
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.train import Callback, Checkpoint, EarlyStopping, stopping

X, Y = blobs()
HELD = blobs(20, 1)  # to validate on


class Gate(Callback):
    """Lets another thread know that a moment has come, and waits there until that one says go."""

    saved = False

    def __init__(self, moment: str) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        setattr(self, moment, self._wait)

    def _wait(self, *_: Any) -> None:
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(60)


def in_thread(mine: Any, *data: Any, **options: Any) -> threading.Thread:
    thread = threading.Thread(target=lambda: mine.fit(*data, **options), daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(60)
    return not thread.is_alive()


@pytest.mark.parametrize("prefetch", [0, 2])
def test_after_the_running_batch(prefetch: int) -> None:
    mine, gate = trainer(), Gate("on_batch_end")
    mine.callbacks.append(gate)
    thread = in_thread(mine, DataLoader(TensorDataset(X, Y), batch_size=10, prefetch=prefetch), 1000)
    assert gate.reached.wait(60)
    mine.stop("enough")
    gate.go.set()
    assert ended(thread)
    assert (mine.stop_reason, mine.epoch, mine.batch) == ("enough", 0, 1)
    assert threading.active_count() == 1 or not [t for t in threading.enumerate() if "prefetch" in t.name]
    mine.callbacks.clear()
    assert len(mine.fit((X, Y), 2)) == 2  # and it can go on
    assert mine.stop_reason is None


def test_before_the_first_batch() -> None:
    mine, gate = trainer(), Gate("on_fit_start")
    mine.callbacks.append(gate)
    before = weights(mine.model)
    thread = in_thread(mine, (X, Y), 1000)
    assert gate.reached.wait(60)
    mine.stop("not today")
    gate.go.set()
    assert ended(thread)
    assert (mine.stop_reason, mine.epoch) == ("not today", 0)
    assert same(before, weights(mine.model))


def test_between_two_epochs_and_in_the_middle_of_a_validation() -> None:
    for moment in ("on_epoch_end", "on_epoch_start"):
        mine, gate = trainer(), Gate(moment)
        mine.callbacks.append(gate)
        thread = in_thread(mine, (X, Y), 1000)
        assert gate.reached.wait(60)
        mine.stop(moment)
        gate.go.set()
        assert ended(thread)
        assert (mine.stop_reason, mine.epoch, mine.batch) == (moment, int(moment == "on_epoch_end"), 0)

    mine, reached, go = trainer(), threading.Event(), threading.Event()

    class Slow:
        """Batches to validate on; the thread that stops comes between the two."""

        def __iter__(self) -> Any:
            yield X[:30], Y[:30]
            reached.set()
            assert go.wait(60)
            yield X[30:], Y[30:]

    thread = in_thread(mine, (X, Y), 1000, validation=Slow())
    assert reached.wait(60)
    mine.stop("seen enough")
    go.set()
    assert ended(thread)
    assert (mine.stop_reason, mine.epoch) == ("seen enough", 1)
    assert mine.history["val_loss"] == [pytest.approx(mine.evaluate((X, Y))["loss"])]  # it is whole


def test_a_run_that_has_not_begun_yet_ends_before_its_first_batch(capsys: pytest.CaptureFixture[str]) -> None:
    """The thread that trains may be slower to begin than the one that stops."""
    mine = trainer(progress=True)
    mine.stop("changed my mind")
    assert mine.stop_reason == "changed my mind"
    mine.fit((X, Y), 3)
    assert (mine.epoch, mine.stop_reason) == (0, "changed my mind")
    assert "stopped after epoch 0: changed my mind" in capsys.readouterr().out
    mine.fit((X, Y), 3)  # it was said once, for one run
    assert (mine.epoch, mine.stop_reason) == (3, None)


def test_no_moment_at_which_the_request_is_lost() -> None:
    """A stop between any two lines of the code that begins a run."""
    for line in range(1, 12):
        mine, seen = trainer(), 0

        def trace(frame: Any, event: str, _: Any, line: int = line, mine: Any = mine) -> Any:
            nonlocal seen
            if frame.f_code.co_filename != stopping.__file__ or frame.f_code.co_name != "_running":
                return None
            seen += event == "line"
            if seen == line and event == "line":
                mine.stop("now")
            return trace

        before = sys.gettrace()  # of a coverage
        sys.settrace(trace)
        try:
            mine.fit((X, Y), 2)
        finally:
            sys.settrace(before)
        if mine.epoch == 2:  # said at the end: this run is over
            assert line > 8
            mine.fit((X, Y), 3)
        else:
            assert (mine.epoch, mine.stop_reason) == (0, "now")


def test_what_a_callback_said_in_the_last_run_does_not_end_the_next() -> None:
    mine = trainer(callbacks=[At(lambda: mine.stop("mine"), 1, 2)])
    mine.fit((X, Y), 3, batch_size=10)
    assert (mine.stop_reason, mine.batch) == ("mine", 2)
    mine.callbacks.clear()
    mine.fit((X, Y), 3, batch_size=10)
    assert (mine.epoch, mine.stop_reason) == (3, None)


def test_a_run_that_failed_leaves_no_request_behind() -> None:
    def fail() -> None:
        mine.stop("on the way out")
        raise KeyError("mine")

    mine = trainer(callbacks=[At(fail, 1, 1)])
    with pytest.raises(KeyError):
        mine.fit((X, Y), 2)
    mine.callbacks.clear()
    mine.fit((X, Y), 2)
    assert (mine.epoch, mine.stop_reason) == (2, None)


def test_one_run_at_a_time() -> None:
    mine, gate = trainer(), Gate("on_batch_end")
    mine.callbacks.append(gate)
    thread = in_thread(mine, (X, Y), 7, batch_size=10)
    assert gate.reached.wait(60)
    with pytest.raises(RuntimeError, match="runs already"):
        mine.fit((X, Y), 5)
    gate.go.set()
    assert ended(thread)
    assert (mine.epoch, mine.epochs, len(mine.history)) == (7, 7, 7)  # the one that ran noticed nothing
    assert mine.optimizer.steps_taken == 7 * 6

    within: list[str] = []

    def nested() -> None:
        with pytest.raises(RuntimeError, match="runs already") as caught:
            mine.fit((X, Y), 20)
        within.append(str(caught.value))

    mine.callbacks[:] = [At(nested, 8, 1)]
    mine.fit((X, Y), 9, batch_size=10)
    assert (mine.epoch, len(within)) == (9, 1)


def test_what_is_saved_of_a_stopped_run_goes_on(tmp_path: Any) -> None:
    path = tmp_path / "run.safetensors"
    mine = trainer(callbacks=[Checkpoint(path), EarlyStopping("loss", patience=50)])
    gate = Gate("on_epoch_end")
    mine.callbacks.append(gate)
    thread = in_thread(mine, (X, Y), 1000)
    assert gate.reached.wait(60)
    mine.stop("enough")
    gate.go.set()
    assert ended(thread)
    other = trainer(callbacks=[Checkpoint(path), EarlyStopping("loss", patience=50)])
    other.load(path)
    assert same(weights(mine.model), weights(other.model))


@pytest.mark.usefixtures("handler")
def test_ctrl_c_reaches_the_main_thread_which_stops_the_run() -> None:
    """As docs/concurrency.md has it."""
    mine, gate = trainer(), Gate("on_batch_end")
    mine.callbacks.append(gate)
    thread = in_thread(mine, (X, Y), 100_000)
    assert gate.reached.wait(60)
    try:
        gate.go.set()
        signal.raise_signal(signal.SIGINT)
        thread.join(60)
    except KeyboardInterrupt:
        mine.stop("interrupted")
    assert ended(thread)
    assert mine.stop_reason == "interrupted"
    assert not mine.interrupted  # that is for the run that hears of it itself


def test_two_trainers_in_two_threads_train_as_they_would_alone() -> None:
    def run(seed: int) -> Any:
        rng = np.random.default_rng(seed)
        model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
        for p in model.parameters():
            p.data.copy_(rng.standard_normal(p.shape))
        mine = trainer(model)
        loader = DataLoader(TensorDataset(X, Y), 10, shuffle=True, generator=Generator(seed), prefetch=2)
        mine.fit(loader, 4, validation=HELD)
        return weights(model)

    alone = [run(seed) for seed in range(3)]
    together = in_threads(*(lambda seed=seed: run(seed) for seed in range(3)))
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))


def test_the_program_of_the_page_runs() -> None:
    page = (Path(tg.__file__).parents[1] / "docs" / "concurrency.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(program, "docs/concurrency.md", "exec"), names)
    assert names["trainer"].epoch == 20
    assert not names["thread"].is_alive()
