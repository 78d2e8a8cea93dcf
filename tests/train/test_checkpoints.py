"""Save and resume: an interrupted run and one in a piece end with the same bits."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train.nets import At, blobs, net, same, trainer, weights

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import BatchSampler, DataLoader, RandomSampler, RandomShift, TensorDataset
from tinygrad_cnn.optim import lr_scheduler
from tinygrad_cnn.train import BestCheckpoint, Checkpoint, EarlyStopping, SchedulerCallback, Trainer

X, Y = blobs()
IMAGES = np.random.default_rng(0).random((40, 1, 6, 6)).astype(np.float32)
LABELS = (IMAGES.mean((1, 2, 3)) > 0.5).astype(int)

LOADERS: dict[str, Any] = {
    "the package's generator": lambda data, **kw: DataLoader(data, 8, shuffle=True, **kw),
    "one of its own": lambda data, **kw: DataLoader(data, 8, shuffle=True, generator=tg.Generator(5), **kw),
    "NumPy's": lambda data, **kw: DataLoader(data, 8, shuffle=True, generator=np.random.default_rng(5), **kw),
    "the sampler's": lambda data, **kw: DataLoader(
        data, 8, sampler=RandomSampler(data, generator=np.random.Generator(np.random.MT19937(5))), **kw
    ),
    "that of a sampler of batches": lambda data, **kw: DataLoader(
        data, batch_sampler=BatchSampler(RandomSampler(data, generator=tg.Generator(5)), 8, False), **kw
    ),
    "the transform's alone": lambda data, **kw: DataLoader(data, 8, generator=tg.Generator(5), **kw),
}


def run(optimizer: str, loader: str) -> tuple[Trainer, Any]:
    """Everything that has state: dropout, batch norm, momentum, a schedule, augmentation, shuffling."""
    tg.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout2d(0.2), nn.Flatten(), nn.Linear(48, 2)
    )
    chosen = getattr(optim, optimizer)(model.parameters(), lr=0.01)
    callbacks = [
        SchedulerCallback(lr_scheduler.CosineAnnealingLR(chosen, 6), per="epoch"),
        SchedulerCallback(lr_scheduler.LinearLR(chosen, 0.5, total_iters=9), per="batch"),
        SchedulerCallback(lr_scheduler.ReduceLROnPlateau(chosen, patience=0), monitor="loss"),
        EarlyStopping("loss", patience=9),
    ]
    data = LOADERS[loader](TensorDataset(IMAGES, LABELS), transform=RandomShift(1))
    return Trainer(model, chosen, callbacks=callbacks, progress=False), data


@pytest.mark.filterwarnings("ignore:scheduler.step")
@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_a_resumed_run_ends_with_the_same_bits(optimizer: str, loader: str, tmp_path: Path) -> None:
    whole, data = run(optimizer, loader)
    whole.fit(data, 5, validation=(1 - IMAGES, LABELS))

    first, data = run(optimizer, loader)
    first.fit(data, 2, validation=(1 - IMAGES, LABELS))
    first.save(tmp_path / "state")
    second, data = run(optimizer, loader)
    tg.manual_seed(99)  # a new process has other random numbers
    second.load(tmp_path / "state")
    assert second.epoch == 2
    second.fit(data, 5, validation=(1 - IMAGES, LABELS))

    assert same(weights(whole.model), weights(second.model))
    timing = {"seconds", "images_per_s"}
    for a, b in zip(whole.history, second.history, strict=True):
        assert {k: v for k, v in a.items() if k not in timing} == {k: v for k, v in b.items() if k not in timing}
    mine, other = whole.optimizer.state_dict(), second.optimizer.state_dict()
    assert mine["param_groups"] == other["param_groups"]
    for i, state in mine["state"].items():
        assert all(np.array_equal(np.asarray(state[k]), np.asarray(other["state"][i][k])) for k in state)


def test_the_test_above_would_see_random_state_that_is_lost(tmp_path: Path) -> None:
    """Without it, the resumed run ends elsewhere."""
    whole, data = run("SGD", "the package's generator")
    whole.fit(data, 3)
    first, data = run("SGD", "the package's generator")
    first.fit(data, 2)
    first.save(tmp_path / "state")
    second, data = run("SGD", "the package's generator")
    second.load(tmp_path / "state")
    tg.manual_seed(99)
    second.fit(data, 3)
    assert not same(weights(whole.model), weights(second.model))


@pytest.mark.usefixtures("handler")
def test_a_run_cut_by_ctrl_c_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "last.safetensors"
    whole = trainer()
    tg.manual_seed(4)
    whole.fit((X, Y), 4, validation=0.25, batch_size=10)

    first = trainer(callbacks=[At(lambda: signal.raise_signal(signal.SIGINT), 3, 2), Checkpoint(path)])
    tg.manual_seed(4)
    first.fit((X, Y), 4, validation=0.25, batch_size=10)
    assert (first.epoch, first.batch) == (2, 2)

    second = trainer(net(seed=8), callbacks=[Checkpoint(path), At(print, 99)]).load(path)
    second.fit((X, Y), 4, validation=0.25, batch_size=10)
    assert same(weights(whole.model), weights(second.model))


def test_checkpoints_every_n_epochs_and_at_the_end(tmp_path: Path) -> None:
    trainer(callbacks=Checkpoint(tmp_path / "e{epoch:02d}.safetensors", every=2)).fit((X, Y), 5)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"e0{e}.safetensors" for e in (2, 4, 5)]
    mine = trainer(callbacks=Checkpoint(tmp_path / "one.safetensors")).load(tmp_path / "e04.safetensors")
    assert mine.epoch == 4
    assert mine.history["epoch"] == [1, 2, 3, 4]


def stopped_by_early_stopping(mine: Trainer) -> None:
    mine.callbacks.insert(0, EarlyStopping("loss", patience=2, min_delta=1e9))


def stopped_by_a_callback(mine: Trainer) -> None:
    mine.callbacks.insert(0, At(lambda: mine.stop("enough"), 3))


def stopped_by_ctrl_c(mine: Trainer) -> None:
    mine.callbacks.append(At(lambda: signal.raise_signal(signal.SIGINT), 3, 6))


@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize("stopped", [stopped_by_early_stopping, stopped_by_a_callback, stopped_by_ctrl_c])
def test_the_epoch_a_run_is_stopped_after_is_saved(stopped: Any, tmp_path: Path) -> None:
    """Also where it is none of every so many: nothing that was trained is lost."""
    mine = trainer(callbacks=[Checkpoint(tmp_path / "{epoch}", every=2)])
    stopped(mine)
    mine.fit((X, Y), 9, batch_size=10)
    assert (mine.epoch, mine.batch) == (3, 0)
    assert mine.stop_reason is not None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2", "3"]
    assert same(weights(mine.model), {k: v.numpy() for k, v in tg.load(tmp_path / "3")["model"].items()})


def test_the_weights_alone_can_be_read_from_a_state(tmp_path: Path) -> None:
    mine = trainer()
    mine.fit((X, Y), 1)
    mine.save(tmp_path / "state")
    model = net(seed=3)
    model.load_state_dict(tg.load(tmp_path / "state")["model"])
    assert same(weights(mine.model), weights(model))


def test_saved_again_before_training_goes_on_nothing_is_lost(tmp_path: Path) -> None:
    """The loader's generator is waiting for its loader; a save in between must keep it."""
    first, data = run("SGD", "one of its own")
    first.fit(data, 2)
    first.save(tmp_path / "a")
    first.fit(data, 3)
    middle, _ = run("SGD", "one of its own")
    middle.load(tmp_path / "a").save(tmp_path / "b")
    last, data = run("SGD", "one of its own")
    last.load(tmp_path / "b").fit(data, 3)
    assert same(weights(first.model), weights(last.model))


def test_after_loading_a_run_goes_on_in_several_calls_too(tmp_path: Path) -> None:
    whole, data = run("SGD", "one of its own")
    whole.fit(data, 4)
    first, data = run("SGD", "one of its own")
    first.callbacks.append(At(lambda: first.stop("enough"), 2, 3))
    first.fit(data, 1)
    first.save(tmp_path / "a")
    first.fit(data, 4)  # stopped in the middle, and taken back
    assert (first.epoch, first.batch, first.stop_reason) == (1, 3, "enough")
    first.load(tmp_path / "a")
    assert (first.epoch, first.batch, first.stop_reason) == (1, 0, None)
    first.callbacks.pop()
    for epochs in (2, 3, 4):
        first.fit(data, epochs)
    assert same(weights(whole.model), weights(first.model))


def everything(mine: Trainer) -> tuple[Any, ...]:
    return weights(mine.model), mine.epoch, len(mine.history), str(tg.default_generator().get_state())


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (lambda: trainer(nn.Linear(2, 2)), "Error.s. in loading state_dict"),
        (lambda: Trainer(m := net(), optim.Adam(m.parameters())), "does not fit this SGD"),
        (
            lambda: trainer(callbacks=[EarlyStopping("loss")]),
            r"callbacks \['EarlyStopping'\], but .* has \[\]",
        ),
    ],
)
def test_a_state_of_another_run_changes_nothing(saved: Any, message: str, tmp_path: Path) -> None:
    other = saved()
    other.progress = False
    other.fit((X, Y), 2)
    other.save(tmp_path / "state")
    mine = trainer(net(seed=5))
    mine.fit((X, Y), 1)
    before = everything(mine)
    with pytest.raises((ValueError, RuntimeError), match=message):
        mine.load(tmp_path / "state")
    after = everything(mine)
    assert same(before[0], after[0])
    assert before[1:] == after[1:]


def test_what_is_no_training_state_is_named(tmp_path: Path) -> None:
    tg.save(net().state_dict(), tmp_path / "weights")
    with pytest.raises(ValueError, match=r"weights' holds no training state .*model.load_state_dict"):
        trainer().load(tmp_path / "weights")
    with pytest.raises(FileNotFoundError):
        trainer().load(tmp_path / "nothing")


@pytest.mark.parametrize(("saved", "now"), [*itertools.permutations([k for k in LOADERS if k != "NumPy's"], 2)])
def test_another_loader_is_refused(saved: str, now: str, tmp_path: Path) -> None:
    """With fewer generators, more, or others: the run would not be the one that was saved."""
    first, data = run("SGD", saved)
    first.fit(data, 1)
    first.save(tmp_path / "state")
    second, data = run("SGD", now)
    second.load(tmp_path / "state")
    before = weights(second.model)
    with pytest.raises(ValueError, match="needs the same loader"):
        second.fit(data, 2)
    assert second.epoch == 1
    assert same(before, weights(second.model))


# ------------------------------------------------------------------------------------------------ Checkpoint's settings
def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_checkpoints_every_n_batches(tmp_path: Path) -> None:
    """Counted over all epochs of six batches; ``{epoch}`` is the one that runs."""
    kept = Checkpoint(tmp_path / "e{epoch}b{batch}", every=9, every_batches=4)
    trainer(callbacks=kept).fit((X, Y), 2, batch_size=10)
    assert names(tmp_path) == ["e1b4", "e2b2", "e2b6"]  # the twelfth batch's, replaced at the epoch's end
    mine = trainer(callbacks=Checkpoint(tmp_path / "x")).load(tmp_path / "e2b2")
    assert (mine.epoch, mine.batch) == (1, 2)


def test_the_count_goes_on_in_a_resumed_run(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trainer(callbacks=Checkpoint(whole / "{epoch}-{batch}", every_batches=4)).fit((X, Y), 3, batch_size=10)
    stop = At(lambda: first.stop("enough"), 1, 3)
    first = trainer(callbacks=[stop, Checkpoint(parts / "{epoch}-{batch}", every_batches=4)])
    first.fit((X, Y), 3, batch_size=10)
    second = trainer(callbacks=[Checkpoint(parts / "{epoch}-{batch}", every_batches=4), At(print, 9)])
    second.load(parts / "1-3").fit((X, Y), 3, batch_size=10)
    assert names(parts) == sorted([*names(whole), "1-3"])
    assert same(*({k: v.numpy() for k, v in tg.load(p / "3-6")["model"].items()} for p in (whole, parts)))


def test_checkpoints_every_n_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 25)  # seconds; looked at when the run begins, after each batch and each save
    monkeypatch.setattr(tg.train.checkpoints, "monotonic", lambda: next(clock))
    trainer(callbacks=Checkpoint(tmp_path / "b{batch}", every=9, every_minutes=1)).fit((X, Y), 1, batch_size=10)
    assert names(tmp_path) == ["b3", "b6"]


def test_the_last_k_are_kept(tmp_path: Path) -> None:
    (tmp_path / "e0.mine").write_text("mine")
    for epochs in (3, 6):
        mine = trainer(callbacks=Checkpoint(tmp_path / "runs" / "e{epoch}", keep=2))
        if epochs == 6:  # a new process knows what the one before has left
            mine.load(tmp_path / "runs" / "e3")
        mine.fit((X, Y), epochs)
        assert names(tmp_path / "runs") == [f"e{epochs - 1}", f"e{epochs}"]
        assert tg.load(tmp_path / "runs" / f"e{epochs}")["epoch"] == epochs
    assert names(tmp_path) == ["e0.mine", "runs"]


def test_a_run_killed_before_it_removed_the_old_one_removes_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = trainer(callbacks=Checkpoint(tmp_path / "e{epoch}", keep=1))
    mine.fit((X, Y), 1)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_args, **_kwargs: None)  # gone before it comes to that
        mine.fit((X, Y), 2)
    assert names(tmp_path) == ["e1", "e2"]
    trainer(callbacks=Checkpoint(tmp_path / "e{epoch}", keep=1)).load(tmp_path / "e2").fit((X, Y), 3)
    assert names(tmp_path) == ["e3"]


def test_a_file_that_says_which_files_are_old_removes_none_of_others(tmp_path: Path) -> None:
    """A checkpoint may come from anybody: it names what to remove, and only names that the path can make count."""
    mine = trainer(callbacks=Checkpoint(tmp_path / "e{epoch}", keep=1))
    mine.fit((X, Y), 1)
    state = tg.load(tmp_path / "e1")
    treasure = tmp_path / "sub" / "e0"
    treasure.parent.mkdir()
    for path in (tmp_path / "treasure", treasure):
        path.write_text("mine")
    state["callbacks"][0][1]["files"] = [str(tmp_path / "treasure"), str(treasure), f"{tmp_path}/e/../treasure"]
    tg.save(state, tmp_path / "bad")
    other = trainer(callbacks=Checkpoint(tmp_path / "e{epoch}", keep=1)).load(tmp_path / "bad")
    other.fit((X, Y), 2)
    assert (tmp_path / "treasure").exists()
    assert treasure.exists()


def test_a_failed_write_leaves_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full at the third: two files stand, nothing was removed, and the run goes on from them."""
    whole = trainer(callbacks=Checkpoint(tmp_path / "whole"))
    tg.manual_seed(3)
    whole.fit((X, Y), 2, batch_size=10)
    save, calls = tg.io.save, itertools.count(1)

    def full(*args: Any) -> None:
        if next(calls) == 3:
            raise OSError(28, "No space left on device")
        save(*args)

    monkeypatch.setattr(tg.io, "save", full)
    folder = tmp_path / "runs"
    mine = trainer(callbacks=Checkpoint(folder / "{epoch}-{batch}", every_batches=1, keep=2))
    tg.manual_seed(3)
    with pytest.raises(OSError, match="No space left"):
        mine.fit((X, Y), 2, batch_size=10)
    assert names(folder) == ["1-1", "1-2"]
    tg.manual_seed(9)
    second = trainer(net(7), callbacks=Checkpoint(folder / "{epoch}-{batch}", keep=2)).load(folder / "1-2")
    second.fit((X, Y), 2, batch_size=10)
    assert same(weights(whole.model), weights(second.model))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of a file")
def test_a_file_that_cannot_grow_leaves_the_old_one(tmp_path: Path) -> None:
    """A limit of the system's stands for a full disk."""
    import resource

    mine = trainer()
    mine.fit((X, Y), 1)
    mine.save(tmp_path / "state")
    content = (tmp_path / "state").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    mine.fit((X, Y), 2)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
        with pytest.raises(OSError, match="too large"):
            mine.save(tmp_path / "state")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "state").read_bytes() == content
    assert names(tmp_path) == ["state"]
    assert trainer().load(tmp_path / "state").epoch == 1


def test_a_path_for_batches_asks_for_what_a_batch_has(tmp_path: Path) -> None:
    mine = trainer(callbacks=Checkpoint(tmp_path / "{epoch}-{loss:.2f}", every_batches=2))
    with pytest.raises(ValueError, match="asks for 'loss', but the batch has epoch, batch"):
        mine.fit((X, Y), 1)
    assert names(tmp_path) == []
    stopped = trainer(callbacks=Checkpoint(tmp_path / "{loss:.2f}"))  # for epochs it is right; one cut short has none
    stopped.callbacks.append(At(lambda: stopped.stop("enough"), 1, 1))
    stopped.fit((X, Y), 1, batch_size=10)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "every must be an integer >= 1, got 0"),
        ({"every": None}, "every must be an integer >= 1, got None"),
        ({"every_batches": 0}, "every_batches must be an integer >= 1, got 0"),
        ({"every_batches": True}, "every_batches must be an integer >= 1, got True"),
        ({"every_minutes": -1}, "every_minutes must be a number >= 0, got -1"),
        ({"every_minutes": "5"}, "every_minutes must be a number >= 0, got '5'"),
        ({"keep": 0}, "keep must be an integer >= 1, got 0"),
        ({"keep": 3}, r"keep=3 needs a path with \{epoch\} or \{batch\}"),
    ],
)
def test_what_a_checkpoint_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Checkpoint("state", **arguments)


def test_a_best_counts_when_its_file_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best = BestCheckpoint(tmp_path / "e{epoch}", "loss")
    mine = trainer(callbacks=best)
    mine.fit((X, Y), 1)
    before = best.state_dict()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tg.io, "save", full)
        with pytest.raises(OSError, match="No space left"):
            mine.fit((X, Y), 2)
    assert best.state_dict() == before
    assert before["best_path"] == str(tmp_path / "e1")
    mine.fit((X, Y), 3)
    assert best.best_epoch == 3
