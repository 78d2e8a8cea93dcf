"""Callbacks: when they are called, when they stop, what they write."""

from __future__ import annotations

import csv
import inspect
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train.nets import At, blobs, net, same, trainer, weights

from tinygrad_cnn import nn, optim
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.optim import lr_scheduler
from tinygrad_cnn.train import (
    BestCheckpoint,
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    GradientClipping,
    Run,
    SchedulerCallback,
    Trainer,
)

X, Y = blobs()


class Diary(Callback):
    def __init__(self) -> None:
        self.events: list[str] = []

    def on_fit_start(self, trainer: Any) -> None:  # noqa: ARG002
        self.events.append("fit")

    def on_epoch_start(self, trainer: Any) -> None:
        self.events.append(f"epoch {trainer.epoch}")

    def on_backward_end(self, trainer: Any) -> None:
        grads = [p.grad is not None for p in trainer.model.parameters()]
        self.events.append(f"backward {all(grads)}")

    def on_batch_end(self, trainer: Any, logs: Any) -> None:
        self.events.append(f"batch {trainer.batch} {sorted(logs)}")

    def on_epoch_end(self, trainer: Any, logs: Any) -> None:
        self.events.append(f"epoch end {trainer.epoch} {logs is trainer.history.rows[-1]}")

    def on_fit_end(self, trainer: Any) -> None:
        self.events.append(f"end {trainer.stop_reason}")


NOT_FOR_CALLBACKS = {"fit", "load", "compute_loss", "progress", "live"}  # how a run begins, how a trainer works


def test_a_run_lists_what_a_trainer_offers_to_callbacks() -> None:
    offered = {name for name in dir(trainer()) if not name.startswith("_")} - NOT_FOR_CALLBACKS
    methods = {name for name in vars(Run) if not name.startswith("_")}
    assert methods | set(Run.__annotations__) == offered
    for name in methods - {"interrupted"}:  # a property
        assert inspect.signature(getattr(Run, name)) == inspect.signature(getattr(Trainer, name)), name


def test_every_moment_in_its_order() -> None:
    diary = Diary()
    trainer(callbacks=[diary]).fit((X, Y), 1, batch_size=30)
    assert diary.events == [
        "fit", "epoch 0", "backward True", "batch 1 ['loss']", "backward True", "batch 2 ['loss']", "epoch end 1 True",
        "end None",
    ]  # fmt: skip


def test_those_that_log_and_save_come_last(tmp_path: Path) -> None:
    class Extra(Callback):
        def on_epoch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
            logs["extra"] = 1.5

    log = CSVLogger(tmp_path / "log.csv")
    mine = trainer(callbacks=[Checkpoint(tmp_path / "c"), BestCheckpoint(tmp_path / "b", "loss"), log, Extra()])
    assert [type(c).__name__ for c in mine.callbacks] == ["Extra", "CSVLogger", "BestCheckpoint", "Checkpoint"]
    assert mine.fit((X, Y), 1)["extra"] == [1.5]
    assert "extra" in (tmp_path / "log.csv").read_text().splitlines()[0]


class Feed(Callback):
    """Puts given values into the epochs' rows."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_end(self, trainer: Any, logs: Any) -> None:
        logs["my_score"] = self.values[trainer.epoch - 1]


@pytest.mark.parametrize(
    ("values", "kwargs", "epochs"),
    [
        ([1, 2, 3, 4, 5, 6], {}, 6),
        ([3, 2, 1, 0, 0, 0], {}, 3),
        ([3, 2, 4, 4, 4, 5], {}, 5),  # equal is not better
        ([1, 1.05, 1.2, 1.25, 1.29, 2], {"min_delta": 0.1}, 5),
        ([3, 2, 1, 1, 1, 1], {"mode": "min"}, 5),
        ([1, math.nan, math.nan, 2, 2, 2], {}, 3),
        ([3, 2, 1, 0, 0, 0], {"patience": 1}, 2),
    ],
)
def test_early_stopping(values: list[float], kwargs: dict[str, Any], epochs: int) -> None:
    stopping = EarlyStopping("my_score", **{"patience": 2, **kwargs})
    mine = trainer(callbacks=[stopping, Feed(values)])
    assert len(mine.fit((X, Y), len(values))) == epochs
    assert (mine.stop_reason is None) == (epochs == 6)
    if mine.stop_reason is not None:
        assert f"since epoch {stopping.best_epoch}" in mine.stop_reason


def test_early_stopping_gives_the_best_weights_back() -> None:
    kept: list[Any] = []
    mine = trainer(callbacks=[Feed([1, 5, 3, 2]), EarlyStopping("my_score", 2, restore_best=True)])
    mine.callbacks.append(At(lambda: kept.append(weights(mine.model)), 2))
    mine.fit((X, Y), 4)
    assert mine.epoch == 4
    assert same(kept[0], weights(mine.model))


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_early_stopping_goes_on_waiting_when_a_run_is_resumed(cut: int, tmp_path: Path) -> None:
    """Wherever it was cut: the same end, for the same reason, with the same weights."""

    def run() -> Any:
        stopping = EarlyStopping("my_score", 3, restore_best=True)
        mine = trainer(callbacks=[Feed([1, 5, 3, 2, 4, 4, 4]), stopping])
        mine.callbacks.append(At(lambda: mine.save(tmp_path / "state"), cut))
        return mine

    whole, resumed = run(), run()
    whole.fit((X, Y), 7)
    resumed.load(tmp_path / "state").fit((X, Y), 7)
    assert resumed.epoch == whole.epoch == 5
    assert resumed.stop_reason == whole.stop_reason
    assert same(weights(resumed.model), weights(whole.model))


def test_best_checkpoint_saves_the_best_model(tmp_path: Path) -> None:
    import tinygrad_cnn as tg

    kept: list[Any] = []
    best = BestCheckpoint(tmp_path / "deep" / "best-{epoch}.safetensors", "my_score")
    mine = trainer(callbacks=[Feed([1, 5, 3, 2]), best])
    mine.callbacks.append(At(lambda: kept.append(weights(mine.model)), 2))
    mine.fit((X, Y), 4)
    assert (best.best, best.best_epoch) == (5, 2)
    assert best.best_path == str(tmp_path / "deep" / "best-2.safetensors")
    state = tg.load(best.best_path)
    assert same(kept[0], {k: v.numpy() for k, v in state.items()})
    mine.model.load_state_dict(state)
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["best-1.safetensors", "best-2.safetensors"]


@pytest.mark.parametrize("per", ["epoch", "batch"])
def test_schedulers_step_per_epoch_or_batch(per: str) -> None:
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=1e-3)
    scheduler = lr_scheduler.StepLR(optimizer, 1, 0.5)
    mine = trainer(model, callbacks=[SchedulerCallback(scheduler, per)])
    mine.optimizer = optimizer
    history = mine.fit((X, Y), 3, batch_size=30)  # two batches an epoch
    factor = 0.5 if per == "epoch" else 0.25
    assert history["lr"] == pytest.approx([1e-3, 1e-3 * factor, 1e-3 * factor**2])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * factor**3)


def test_a_plateau_is_given_the_value_it_watches() -> None:
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=1e-3)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=1)
    mine = trainer(model, callbacks=[Feed([3, 2, 1, 0]), SchedulerCallback(scheduler, monitor="my_score")])
    mine.optimizer = optimizer
    assert mine.fit((X, Y), 4)["lr"] == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4])
    assert scheduler.best == 3


def test_gradients_are_clipped_before_the_step() -> None:
    class Norm(Callback):
        order = 1

        def on_backward_end(self, trainer: Any) -> None:
            grads = [p.grad.numpy() for p in trainer.model.parameters()]
            seen.append((math.sqrt(sum(float((g**2).sum()) for g in grads)), max(np.abs(g).max() for g in grads)))

    seen: list[tuple[float, float]] = []
    model = nn.Linear(2, 1)
    clipping = GradientClipping(max_norm=0.01)
    mine = trainer(model, loss=F.mse_loss, callbacks=[Norm(), clipping], lr=0.0)
    mine.fit((X, X[:, :1] + 9), 1, batch_size=60)
    assert seen[0][0] == pytest.approx(0.01, rel=1e-3)
    assert clipping.last_norm is not None
    assert clipping.last_norm > 1
    mine = trainer(model, loss=F.mse_loss, callbacks=[Norm(), GradientClipping(max_value=0.02)], lr=0.0)
    mine.fit((X, X[:, :1] + 9), 1, batch_size=60)
    assert seen[1][1] == pytest.approx(0.02)


# ------------------------------------------------------------------------------------------------------------- CSV
def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_log_has_every_number_and_is_complete_after_each_epoch(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log.csv"
    lengths: list[int] = []
    mine = trainer(callbacks=[CSVLogger(path)])
    for epoch in (1, 2):
        mine.callbacks.append(At(lambda: lengths.append(len(rows(path))), epoch))
    history = mine.fit((X, Y), 2, validation=blobs(seed=1))
    assert lengths == [1, 2]
    assert [float(row["val_loss"]) for row in rows(path)] == history["val_loss"]
    assert list(rows(path)[0]) == history.keys()


def test_a_log_is_continued_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    trainer(callbacks=CSVLogger(path)).fit((X, Y), 2)
    trainer(callbacks=CSVLogger(path)).fit((X, Y), 1)
    assert [row["epoch"] for row in rows(path)] == ["1", "2", "1"]
    trainer(callbacks=CSVLogger(path, append=False)).fit((X, Y), 1)
    assert [row["epoch"] for row in rows(path)] == ["1"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"epoch,loss\n1,0.5\n2\n", r"line 3, has 1 values, the first line 2 names"),
        (b"epoch,loss\n1,0.5,7\n", r"line 2, has 3 values"),
        (b"\x89PNG\r\n\x1a\n\xff\n", "is no log of epochs"),
        (b"epoch,\x00\n1,2\n" + b'"' + b"x" * 200_000 + b'"\n', "is no log of epochs|line 3"),
        (b"a,b\n1,2\n", "is no log of epochs, its first line is 'a,b'"),
    ],
)
def test_a_file_that_is_no_log_is_refused_and_kept(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"CSVLogger: '.*log\.csv'.*({says})"):
        trainer(callbacks=CSVLogger(path)).fit((X, Y), 1)
    assert path.read_bytes() == content


def test_a_line_cut_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    trainer(callbacks=CSVLogger(path)).fit((X, Y), 1)
    with path.open("a") as file:
        file.write("2,0.123")
    trainer(callbacks=CSVLogger(path)).fit((X, Y), 1)
    assert [row["epoch"] for row in rows(path)] == ["1", "1"]
    assert all(None not in row.values() for row in rows(path))


@pytest.mark.parametrize("append", [True, False])
def test_a_resumed_run_replaces_the_lines_of_epochs_it_does_again(tmp_path: Path, append: bool) -> None:
    path, state = tmp_path / "log.csv", tmp_path / "state"
    first = trainer(callbacks=CSVLogger(path, append))
    first.fit((X, Y), 2)
    first.save(state)
    first.fit((X, Y), 4)  # gets on, and is lost
    second = trainer(callbacks=CSVLogger(path, append)).load(state)
    second.fit((X, Y), 3)
    assert [row["epoch"] for row in rows(path)] == ["1", "2", "3"]


def test_a_file_that_is_no_such_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("my,notes\n1,2\n")
    with pytest.raises(ValueError, match="no log of epochs"):
        trainer(callbacks=CSVLogger(path)).fit((X, Y), 1)
    path.write_text("epoch,notes\n1,2\n")
    with pytest.raises(ValueError, match="has the columns epoch, notes"):
        trainer(callbacks=CSVLogger(path)).fit((X, Y), 1)
    assert path.read_text() == "epoch,notes\n1,2\n"


# ------------------------------------------------------------------------------------------------------- bad input
def of_another_optimizer() -> Callback:
    return SchedulerCallback(lr_scheduler.StepLR(optim.SGD(net().parameters(), lr=1), 1))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: EarlyStopping(patience=0), ValueError, "patience must be an integer >= 1, got 0"),
        (lambda: EarlyStopping("my_value"), ValueError, "pass mode='min' or mode='max'"),
        (lambda: EarlyStopping(mode="low"), ValueError, "'min' or 'max', got 'low'"),
        (lambda: EarlyStopping(min_delta=-1), ValueError, "min_delta"),
        (lambda: GradientClipping(), ValueError, "max_norm or max_value"),
        (lambda: GradientClipping(1, 1), ValueError, "one of them"),
        (lambda: GradientClipping(max_norm=0), ValueError, "the limit must be > 0, got 0"),
        (lambda: SchedulerCallback(0.1), TypeError, "got float"),  # type: ignore[arg-type]
        (lambda: SchedulerCallback(of_another_optimizer().scheduler, "step"), ValueError, "got 'step'"),  # type: ignore
        (lambda: Checkpoint("x", every=0), ValueError, "every must be an integer >= 1, got 0"),
        (lambda: trainer(callbacks=EarlyStopping()).fit((X, Y), 1), ValueError, "there is no validation"),
        (lambda: trainer(callbacks=BestCheckpoint("x")).fit((X, Y), 1), ValueError, "monitor='loss'"),
        (lambda: trainer(callbacks=EarlyStopping("some_loss")).fit((X, Y), 1), ValueError, "loss, accuracy, lr"),
        (lambda: trainer(callbacks=of_another_optimizer()).fit((X, Y), 1), ValueError, "another optimizer"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        call()


def test_a_plateau_needs_its_value_before_anything_is_trained() -> None:
    mine = trainer()
    plateau = lr_scheduler.ReduceLROnPlateau(mine.optimizer)
    with pytest.raises(ValueError, match="per='epoch'"):
        SchedulerCallback(plateau, "batch")
    mine.callbacks.append(SchedulerCallback(plateau))
    before = weights(mine.model)
    with pytest.raises(ValueError, match="there is no validation"):
        mine.fit((X, Y), 1)
    assert same(before, weights(mine.model))


def test_a_path_that_asks_for_what_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="asks for 'val_loss', but the epoch has epoch, loss"):
        trainer(callbacks=Checkpoint(tmp_path / "{val_loss}")).fit((X, Y), 1)


def test_a_callback_that_says_nothing_of_its_state_has_none() -> None:
    plain = Callback()
    assert plain.state_dict() == {}
    plain.load_state_dict({})
    assert vars(plain) == {}
