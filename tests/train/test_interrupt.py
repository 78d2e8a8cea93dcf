"""Ctrl-C: the running step is finished, everything is kept, the handler comes back; the second one does not wait."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest
from train.nets import At, blobs, same, trainer, weights

from tinygrad_cnn.train import Callback
from tinygrad_cnn.train.interrupt import Interrupt

X, Y = blobs()


pytestmark = pytest.mark.usefixtures("handler")


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_the_running_step_is_finished_and_all_is_kept() -> None:
    at_that_moment: list[Any] = []
    mine = trainer()

    def press() -> None:
        ctrl_c()
        at_that_moment.append(weights(mine.model))  # still running: nothing was cut

    mine.callbacks.append(At(press, 3, 2))
    history = mine.fit((X, Y), 10, batch_size=10)
    assert mine.stop_reason == "interrupted"
    assert len(history) == mine.epoch == 2
    assert mine.batch == 2
    assert same(at_that_moment[0], weights(mine.model))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    mine.callbacks.clear()
    with pytest.warns(UserWarning, match="epoch 3 begins anew: .*batch_size was 10 and is 64 now"):
        assert len(mine.fit((X, Y), 4)) == 4  # and it can go on
    assert mine.stop_reason is None


def test_an_epoch_whose_training_is_done_is_completed() -> None:
    class InValidation(Callback):
        def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
            if trainer.epoch == 1 and trainer.batch == 6:
                ctrl_c()

    mine = trainer(callbacks=[InValidation()])
    history = mine.fit((X, Y), 5, validation=blobs(seed=1), batch_size=10)
    assert history["epoch"] == [1, 2]
    assert "val_loss" in history.rows[-1]
    assert (mine.stop_reason, mine.batch) == ("interrupted", 0)


@pytest.mark.parametrize("epochs", [1, 5])
def test_ctrl_c_during_validation_ends_the_run_with_that_epoch(epochs: int) -> None:
    class Started(Callback):
        epochs = 0

        def on_epoch_start(self, trainer: Any) -> None:  # noqa: ARG002
            self.epochs += 1

        def on_epoch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
            self.knew = trainer.stop_reason

    class Pressing:
        """Batches to validate on, and Ctrl-C before the first."""

        def __iter__(self) -> Any:
            ctrl_c()
            yield X[:30], Y[:30]
            yield X[30:], Y[30:]

    started = Started()
    mine = trainer(callbacks=started)
    history = mine.fit((X, Y), epochs, validation=Pressing())
    assert mine.stop_reason == "interrupted"
    assert started.knew == "interrupted"  # a callback can tell that this epoch is the last
    assert started.epochs == mine.epoch == len(history) == 1  # none was begun in vain
    assert history["val_loss"] == [pytest.approx(mine.evaluate((X, Y))["loss"])]  # and the validation is whole


def test_the_second_one_raises_at_once() -> None:
    reached: list[str] = []

    def press_twice() -> None:
        ctrl_c()
        reached.append("after the first")
        ctrl_c()
        reached.append("after the second")

    mine = trainer(callbacks=At(press_twice, 1, 2))
    mine.model.eval()
    with pytest.raises(KeyboardInterrupt):
        mine.fit((X, Y), 3, batch_size=10)
    assert reached == ["after the first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not mine.model.training


@pytest.mark.skipif(os.name == "nt", reason="signals between processes work differently on Windows")
def test_a_signal_from_outside_counts() -> None:
    mine = trainer(callbacks=At(lambda: os.kill(os.getpid(), signal.SIGINT), 1, 1))
    mine.fit((X, Y), 3, batch_size=10)
    assert mine.stop_reason == "interrupted"


def test_a_handler_of_ones_own_comes_back_even_after_an_error() -> None:
    def mine_own(*_: Any) -> None:
        raise AssertionError("not called during fit")

    signal.signal(signal.SIGINT, mine_own)

    def fail() -> None:
        ctrl_c()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trainer(callbacks=At(fail, 1, 1)).fit((X, Y), 1)
    assert signal.getsignal(signal.SIGINT) is mine_own


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt() as interrupt:
        ctrl_c()
    assert not interrupt.requested
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_training_in_another_thread_leaves_signals_alone() -> None:
    done: list[int] = []
    mine = trainer()
    thread = threading.Thread(target=lambda: done.append(len(mine.fit((X, Y), 2))))
    thread.start()
    thread.join()
    assert done == [2]
