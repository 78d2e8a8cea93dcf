"""A run that was stopped anywhere, saved, loaded and gone on with equals the one in a piece, bit for bit.

Random stop points over the product of ways to stop, kinds of loaders, reading ahead, augmentation, dropout and
batch-norm, schedules and callbacks with a state; 100 of them, of which some in processes of their own.
"""

from __future__ import annotations

import errno
import itertools
import random
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train import runs
from train.nets import At, blobs, net, same, trainer, weights
from train.runs import Stopping, drawn, everything, go, made

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.data import DataLoader, RandomShift, TensorDataset
from tinygrad_cnn.train import Callback, Checkpoint, CSVLogger, EarlyStopping, GradientClipping, Metric, Trainer

HERE, APART = 92, 8  # cases in this process, and in processes of their own
X, Y = blobs()


# -------------------------------------------------------------------------------------------------------- ways to stop
def assert_equal(expected: dict[str, Any], other: Trainer) -> None:
    found = everything(other)
    for name in expected:
        assert expected[name] == found[name], name


class Gone(Exception):
    """The process has ended here: nothing that comes later counts."""


def vanish(path: Path) -> Callable[[Any], None]:
    def save(trainer: Any) -> None:
        trainer.save(path)
        raise Gone

    return save


def full_disk(path: Path) -> Callable[[Any], None]:
    """The disk is full when the checkpoint after this one is written."""

    def save(trainer: Any) -> None:
        trainer.save(path)
        trainer.callbacks[-1].full = True

    return save


class Saving(Callback):
    order, saved = 90, False

    def __init__(self) -> None:
        self.full = False

    def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
        if self.full:
            self.full = False
            raise OSError(errno.ENOSPC, "No space left on device")


WAYS: dict[str, Callable[[Path], Callable[[Any], None]]] = {
    "stop()": lambda _: lambda trainer: trainer.stop("enough"),
    "Ctrl-C": lambda _: lambda _trainer: signal.raise_signal(signal.SIGINT),
    "killed": vanish,
    "a full disk": full_disk,
}


def loaded(case: runs.Case, path: Path, *more: Callback) -> Trainer:
    """The run, gone on with as in a new process: the same script, other random numbers."""
    second, data = made(case, *more)
    tg.manual_seed(98)
    random.seed(97)
    np.random.seed(96)
    second.load(path)
    go(second, data)
    return second


quiet = pytest.mark.filterwarnings("ignore:scheduler.step", "ignore:fit. 3 epochs are complete")


@quiet
@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize("seed", range(HERE))
def test_resumed_equals_uninterrupted(seed: int, tmp_path: Path) -> None:
    case, path = drawn(seed), tmp_path / "state"
    whole, data = made(case)
    go(whole, data)
    expected = everything(whole)

    first, data = made(case, Stopping(case.stop, WAYS[case.way](path)), Saving())
    try:
        go(first, data)
    except (Gone, OSError):
        pass
    else:
        first.save(path)
    if case.again and case.way != "killed":  # in this process: no file between
        go(first, data)
        assert_equal(expected, first)
    else:
        assert_equal(expected, loaded(case, path))


@quiet
@pytest.mark.parametrize("seed", range(HERE, HERE + APART))
def test_so_does_one_that_ended_with_its_process(seed: int, tmp_path: Path) -> None:
    case, path = drawn(seed), tmp_path / "state"
    whole, data = made(case, Checkpoint(tmp_path / "other"))
    go(whole, data)
    how = "kill" if seed % 2 else "interrupt"
    command = [sys.executable, str(runs.__file__), str(seed), how, str(path)]
    done = subprocess.run(command, cwd=Path(tg.__file__).parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == (-signal.SIGKILL if how == "kill" else 0), done.stderr
    second, data = made(case, Checkpoint(path))
    second.load(path)
    go(second, data)
    assert_equal(everything(whole), second)


# --------------------------------------------------------------------------------------------------- what else can be
class Saver(Callback):
    """Saves at a moment, standing before others that this moment changes."""

    saved = False

    def __init__(self, path: Path, moment: str, epoch: int, batch: int, saved: bool = False) -> None:
        self.saved = saved  # type: ignore[misc]

        def save(trainer: Any, *_: Any) -> None:
            if (trainer.epoch, trainer.batch) == (epoch, batch):
                trainer.save(path)

        setattr(self, moment, save)


@quiet
@pytest.mark.parametrize(
    ("moment", "epoch", "batch"),
    [
        ("on_fit_start", 0, 0),
        ("on_epoch_start", 0, 0),
        ("on_epoch_start", 1, 0),
        ("on_batch_end", 1, 2),
        ("on_batch_end", 1, 4),
        ("on_epoch_end", 1, 0),
        ("on_epoch_end", 3, 0),
    ],
)
@pytest.mark.parametrize("schedule", ["one cycle", "plateau", "cosine"])
def test_the_others_are_told_of_the_moment_at_which_one_saved(
    moment: str, epoch: int, batch: int, schedule: str, tmp_path: Path
) -> None:
    case = runs.Case("", "shuffled", 2, "SGD", schedule, 0, again=False)
    for saved in (False, True):  # one that is part of a saved run, and one that looks on
        whole, data = made(case, Saver(tmp_path / "state", moment, epoch, batch, saved))
        go(whole, data)
        more = [Saver(tmp_path / "other", moment, 99, 0, saved)] if saved else []
        assert_equal(everything(whole), loaded(case, tmp_path / "state", *more))


def test_a_run_can_be_stopped_after_every_batch(tmp_path: Path) -> None:
    """Saved and loaded fourteen times on the way, or gone on with in the same process."""
    case = runs.Case("", "samples, np.random", 2, "AdamW", "one cycle", 0, again=False)
    whole, data = made(case)
    go(whole, data)
    for through_files in (False, True):
        mine, data = made(case, Stopping(1, lambda trainer: trainer.stop("one")))
        for _ in range(batches := runs.EPOCHS * runs.batches_of(case)):
            go(mine, data)
            if through_files:
                mine.save(tmp_path / "state")
                mine, data = made(case, Stopping(1, lambda trainer: trainer.stop("one")))
                mine.load(tmp_path / "state")
            mine.callbacks[0].left = 1
        assert batches == 15
        assert_equal(everything(whole), mine)


def test_an_evaluation_on_the_same_loader_does_not_move_the_epoch(tmp_path: Path) -> None:
    def run(*more: Callback) -> tuple[Trainer, Any]:
        tg.manual_seed(0)
        mine, loader = trainer(callbacks=[*more]), DataLoader(TensorDataset(X, Y), 8, prefetch=2)
        mine.callbacks.append(At(lambda: mine.evaluate(loader), 1, 3))
        return mine, loader

    whole, loader = run()
    whole.fit(loader, 2)
    first, loader = run()
    first.callbacks.append(At(lambda: first.save(tmp_path / "state"), 1, 3))
    first.callbacks.append(At(lambda: first.save(tmp_path / "later"), 1, 5))
    first.fit(loader, 2)
    for name in ("state", "later"):
        second, loader = run()
        second.callbacks.append(At(print, 9))
        second.callbacks.append(At(print, 9))
        second.load(tmp_path / name).fit(loader, 2)
        assert same(weights(whole.model), weights(second.model))


OTHER = {
    "batch_size was 8 and is 10 now": lambda: DataLoader(TensorDataset(X, Y), 10, shuffle=True),
    "samples was 60 and is 50 now": lambda: DataLoader(TensorDataset(X[:50], Y[:50]), 8, shuffle=True),
    "sampler was 'RandomSampler' and is 'SequentialSampler' now": lambda: DataLoader(TensorDataset(X, Y), 8),
    "the epoch was saved with another loader": lambda: [(tg.tensor(X), tg.tensor(Y))],
}


@pytest.mark.parametrize("said", OTHER)
def test_other_batches_in_mid_epoch_are_said_and_the_epoch_begins_anew(said: str, tmp_path: Path) -> None:
    first = trainer()
    first.callbacks.append(At(lambda: first.stop("enough"), 2, 3))
    first.fit(DataLoader(TensorDataset(X, Y), 8, shuffle=True), 3)
    first.save(tmp_path / "state")
    second = trainer(callbacks=At(print, 9)).load(tmp_path / "state")
    first.callbacks.clear()
    for mine in (first, second):
        with pytest.warns(UserWarning, match=f"epoch 2 begins anew: .*{said}"):
            history = mine.fit(OTHER[said](), 3)
        assert history["epoch"] == [1, 2, 3]


def test_another_batch_size_between_epochs_is_said(tmp_path: Path) -> None:
    first = trainer()
    first.fit((X, Y), 1, batch_size=8)
    first.save(tmp_path / "state")
    second = trainer().load(tmp_path / "state")
    with pytest.warns(UserWarning, match="batch_size was 8 and is 16 now"):
        second.fit((X, Y), 2, batch_size=16)


def test_another_transform_is_said(tmp_path: Path) -> None:
    images = np.zeros((12, 1, 4, 4), np.float32)

    def run(shift: int) -> tuple[Trainer, Any]:
        mine = trainer(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
        return mine, DataLoader(TensorDataset(images, np.arange(12) % 2), 4, transform=RandomShift(shift))

    first, loader = run(1)
    first.callbacks.append(At(lambda: first.stop("enough"), 1, 1))
    first.fit(loader, 2)
    first.save(tmp_path / "state")
    second, loader = run(2)
    second.callbacks.append(At(print, 9))
    with pytest.warns(UserWarning, match=r"transform was 'RandomShift\(max_shift=1.*is 'RandomShift\(max_shift=2"):
        second.load(tmp_path / "state").fit(loader, 2)


def test_other_metrics_in_mid_epoch_are_refused(tmp_path: Path) -> None:
    first = trainer()
    first.callbacks.append(At(lambda: first.stop("enough"), 1, 1))
    first.fit((X, Y), 2, batch_size=8)
    first.save(tmp_path / "state")
    second = trainer(metrics=(), callbacks=At(print, 9))
    before = weights(second.model)
    with pytest.raises(ValueError, match=r"metrics \['accuracy'\], but this trainer has \[\]"):
        second.load(tmp_path / "state")
    assert same(before, weights(second.model))


def test_a_checkpoint_of_earlier_versions_loads(tmp_path: Path) -> None:
    """They knew the package's generator and those of the loader, between epochs."""
    loaders = [DataLoader(TensorDataset(X, Y), 8, True, generator=tg.Generator(5)) for _ in range(3)]
    whole, first = trainer(), trainer()
    tg.manual_seed(3)
    whole.fit(loaders[0], 3)
    tg.manual_seed(3)
    first.fit(loaders[1], 2)
    first.save(tmp_path / "new")
    state = tg.load(tmp_path / "new")
    names = ("model", "optimizer", "callbacks", "epoch", "history")
    places = {name: loaders[1].generator.get_state() for name in ("loader", "sampler", "batch_sampler.sampler")}
    old = {"random": {"package": state["random"]["package"], "loader": places}}
    tg.save({**{name: state[name] for name in names}, **old}, tmp_path / "old")
    tg.manual_seed(4)
    second = trainer().load(tmp_path / "old")
    second.fit(loaders[2], 3)
    assert same(weights(whole.model), weights(second.model))


def test_saving_in_the_middle_of_a_step_is_said(tmp_path: Path) -> None:
    mine = trainer(callbacks=Saver(tmp_path / "state", "on_backward_end", 0, 1))
    with pytest.warns(UserWarning, match="in the middle of a step"):
        mine.fit((X, Y), 1, batch_size=10)


def test_after_an_error_in_a_step_its_batch_comes_again() -> None:
    """None is left out, and none but this one is seen twice."""
    seen: list[list[int]] = []

    def loss(outputs: Any, targets: Any) -> Any:
        seen.append(targets.tolist())
        if len(seen) == 3:
            raise ArithmeticError("once")
        return (outputs.sum(1) - targets).pow(2).mean()

    for loader in (
        DataLoader(TensorDataset(X, np.arange(60)), 10, shuffle=True),
        DataLoader(TensorDataset(X, np.arange(60)), 10, shuffle=True, prefetch=2),
        [(tg.tensor(X[i : i + 10]), tg.arange(i, i + 10)) for i in range(0, 60, 10)],
    ):
        seen.clear()
        mine = trainer(nn.Linear(2, 2), loss=loss, metrics=())
        with pytest.raises(ArithmeticError, match="once"):
            mine.fit(loader, 1)
        assert mine.batch == 2
        mine.fit(loader, 1)
        assert seen[2] == seen[3]
        del seen[2]
        assert sorted(itertools.chain(*seen)) == list(range(60))


class Medians(Metric):
    """A metric of one's own, with a list."""

    name = "median"

    def reset(self) -> None:
        self.seen: list[float] = []

    def update(self, outputs: Any, targets: Any) -> None:  # noqa: ARG002
        self.seen.extend(outputs.numpy()[:, 0].tolist())

    def compute(self) -> float:
        return float(np.median(self.seen))


def test_metrics_of_ones_own_go_on(tmp_path: Path) -> None:
    def run(stop: bool) -> Trainer:
        tg.manual_seed(0)
        mine = trainer(metrics=Medians(), callbacks=At(lambda: mine.stop("enough") if stop else None, 1, 2))
        mine.fit(DataLoader(TensorDataset(X, Y), 8), 1)
        return mine

    run(stop=True).save(tmp_path / "state")
    second = trainer(net(4), metrics=Medians(), callbacks=At(print, 9)).load(tmp_path / "state")
    second.fit(DataLoader(TensorDataset(X, Y), 8), 1)
    assert second.history["median"] == run(stop=False).history["median"]


def test_a_loader_that_gives_other_batches_is_said(tmp_path: Path) -> None:
    """One that draws where nobody looks: never other batches in silence."""

    class Hidden:
        def __iter__(self) -> Any:
            for i in np.random.default_rng().permutation(6):
                yield tg.tensor(X[i * 10 : i * 10 + 10]), tg.tensor(Y[i * 10 : i * 10 + 10] ^ int(i % 2))

    first = trainer()
    first.callbacks.append(At(lambda: first.stop("enough"), 1, 4))
    first.fit(Hidden(), 2)
    first.save(tmp_path / "state")
    found = []
    for _ in range(6):  # by chance it may be the same one
        second = trainer(callbacks=At(print, 9)).load(tmp_path / "state")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            second.fit(Hidden(), 2)
        found.append(any("gives other batches than in the saved run" in str(w.message) for w in said))
    assert any(found)


@pytest.mark.parametrize(("moment", "epoch", "batch"), [("on_batch_end", 0, 3), ("on_epoch_end", 2, 0)])
def test_a_log_has_each_epoch_once(moment: str, epoch: int, batch: int, tmp_path: Path) -> None:
    """Also where the run had gone on after it was saved, in mid-epoch or before the log was written."""

    def run(*more: Callback) -> Trainer:
        return trainer(callbacks=[*more, CSVLogger(tmp_path / "log.csv")])

    run(Saver(tmp_path / "state", moment, epoch, batch)).fit((X, Y), 3, batch_size=10)
    run().load(tmp_path / "state").fit((X, Y), 4, batch_size=10)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "1", "2", "3", "4"]


class Jitter(nn.Module):
    """Draws from a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.rng = nn.Linear(2, 2), np.random.default_rng(3)

    def forward(self, x: Any) -> Any:
        return self.inner(x) * (self.rng.random() if self.training else 1.0)


def test_generators_that_modules_hold_go_on(tmp_path: Path) -> None:
    def run(*more: Callback) -> Trainer:
        tg.manual_seed(2)
        return trainer(nn.Sequential(nn.Linear(2, 2), Jitter()), callbacks=[*more])

    whole = run(Saver(tmp_path / "state", "on_batch_end", 1, 2))
    whole.fit((X, Y), 3, batch_size=10)
    second = run().load(tmp_path / "state")
    second.fit((X, Y), 3, batch_size=10)
    assert same(weights(whole.model), weights(second.model))


def test_weights_that_somebody_puts_in_are_gone_on_with() -> None:
    """A run cut short has its own weights to go on with, unless others are loaded meanwhile."""

    def run() -> Trainer:
        mine = trainer(net(5), callbacks=[At(lambda: mine.stop("enough"), 2, 1), Zeros()])
        mine.fit((X, Y), 3, batch_size=10)
        assert not any(value.any() for value in mine.model[0].weight.numpy())
        return mine

    class Zeros(Callback):
        def on_fit_start(self, trainer: Any) -> None:
            self.began = trainer.model[0].weight.numpy().copy()

        def on_fit_end(self, trainer: Any) -> None:
            trainer.model[0].weight.data[:] = 0

    mine = run()
    mine.callbacks.pop(0)
    mine.fit((X, Y), 3, batch_size=10)
    assert mine.callbacks[0].began.any()
    mine = run()
    mine.model.load_state_dict(net(6).state_dict())
    expected = mine.model[0].weight.numpy().copy()
    mine.fit((X, Y), 3, batch_size=10)
    assert (mine.callbacks[1].began == expected).all()


class Plain(Callback):
    """Has no state."""


class Also(Callback):
    """Nor has this one."""


class Remembering(Callback):
    def __init__(self) -> None:
        self.seen, self.source = 0, np.random.default_rng(7)

    def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
        self.seen += 1
        for p in trainer.model.parameters():
            p.data = p.data * float(1 + 1e-3 * self.source.random())

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


CAME_AND_WENT: dict[str, tuple[Callable[[Path], list[Callback]], Callable[[Path], list[Callback]], str]] = {
    "one that stops": (lambda _: [Plain(), Remembering()], lambda _: [Remembering()], "without Plain"),
    "two, and another": (
        lambda _: [Plain(), Remembering(), Also()],
        lambda _: [Also(), Remembering(), Plain(), Plain()][1:],
        "without Also",
    ),
    "new ones without a state": (lambda _: [Remembering()], lambda _: [Plain(), Remembering(), Also()], ""),
    "what writes": (
        lambda path: [Remembering(), Checkpoint(path / "mine", every_batches=1), CSVLogger(path / "log.csv")],
        lambda _: [Remembering()],
        "",
    ),
    "what writes, new": (
        lambda _: [Remembering()],
        lambda path: [CSVLogger(path / "log.csv"), Remembering(), Checkpoint(path / "mine")],
        "",
    ),
    "clipping": (lambda _: [Remembering(), GradientClipping(99.0)], lambda _: [Remembering()], "without GradientCl"),
    "a new one with a state": (
        lambda _: [Remembering()],
        lambda _: [Remembering(), EarlyStopping("loss", 9)],
        "with EarlyStopping, which the saved run did not have",
    ),
}


@pytest.mark.parametrize("name", CAME_AND_WENT)
def test_callbacks_without_a_state_come_and_go(name: str, tmp_path: Path) -> None:
    """The others keep theirs, and their generators, wherever they stand in the list now."""
    before, after, said = CAME_AND_WENT[name]

    def run(*callbacks: Callback) -> Trainer:
        tg.manual_seed(5)
        return trainer(callbacks=[*callbacks])

    whole = run(Remembering())
    whole.fit((X, Y), 3, batch_size=8)
    first = run(*before(tmp_path))
    last = At(lambda: [first.save(tmp_path / "state"), first.stop("enough")], 2, 3)
    first.callbacks.append(last)
    first.fit((X, Y), 3, batch_size=8)
    second = run(*after(tmp_path))
    tg.manual_seed(6)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        second.load(tmp_path / "state")
    told = [str(warning.message) for warning in found]
    assert len(told) == 1  # of the At at least
    assert re.search(r"without .*\bAt\b", told[0])
    assert said in told[0]
    assert found[0].filename == __file__
    second.fit((X, Y), 3, batch_size=8)
    assert same(weights(whole.model), weights(second.model))
    assert [c.seen for c in second.callbacks if isinstance(c, Remembering)] == [24]


@pytest.mark.parametrize(
    "own", [[], [Plain()], [EarlyStopping("loss", 9), Remembering()]], ids=["none", "another", "another order"]
)
def test_a_callback_whose_state_would_be_lost_is_missed(own: list[Callback], tmp_path: Path) -> None:
    first = trainer(callbacks=[Remembering(), EarlyStopping("loss", 9)])
    first.fit((X, Y), 1)
    first.save(tmp_path / "state")
    second = trainer(net(8), callbacks=[*own])
    second.callbacks = [*own]
    before = weights(second.model)
    with pytest.raises(ValueError, match=r"callbacks \['Remembering', 'EarlyStopping'\], but this trainer has \["):
        second.load(tmp_path / "state")
    assert same(before, weights(second.model))


class Halving(Callback):
    """Leaves other weights behind at each end."""

    def on_fit_end(self, trainer: Any) -> None:
        for p in trainer.model.parameters():
            p.data = p.data * 0.5


@pytest.mark.parametrize("through_a_file", [False, True])
@pytest.mark.parametrize("goals", [(1, 2, 3), (2, 3)])
def test_goal_after_goal_is_one_run(goals: tuple[int, ...], through_a_file: bool, tmp_path: Path) -> None:
    """Each end tells on_fit_end, and what that leaves behind is not trained on."""

    def run() -> Trainer:
        tg.manual_seed(5)
        return trainer(callbacks=[EarlyStopping("loss", 9, restore_best=True), Halving()])

    whole, mine = run(), run()
    tg.manual_seed(5)
    whole.fit((X, Y), 3, batch_size=8)
    tg.manual_seed(5)
    for goal in goals:
        mine.fit((X, Y), goal, batch_size=8)
        if through_a_file:
            mine.save(tmp_path / "state")
            mine = run().load(tmp_path / "state")
    assert same(weights(whole.model), weights(mine.model))


def test_weights_that_came_from_elsewhere_since_are_trained_on() -> None:
    mine = trainer(callbacks=Halving())
    mine.fit((X, Y), 1)
    for p in mine.model.parameters():
        p.data = p.data * 0.0
    mine.optimizer.param_groups[0]["lr"] = 0.0
    mine.callbacks.clear()
    mine.fit((X, Y), 2)
    assert not any(p.numpy().any() for p in mine.model.parameters())
