"""Both sides of every bound of what training is given, and what stands where nothing was given."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from train.nets import At, blobs, net, same, trainer, weights

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.train import (
    Accuracy,
    BestCheckpoint,
    Callback,
    Checkpoint,
    ConfusionMatrix,
    CSVLogger,
    EarlyStopping,
    GradientClipping,
    SchedulerCallback,
    TopKAccuracy,
    Trainer,
    accuracy,
    confusion_matrix,
    topk_accuracy,
)
from tinygrad_cnn.train.callbacks import Watching
from tinygrad_cnn.train.loaders import as_dataset, detached, is_dataset, length, parts_of, split
from tinygrad_cnn.train.metrics import Mean

X, Y = blobs()
TINY = 1e-12
COUNT = ([1, 7], [0, -1, True, 1.5, "1"])

# what, how it is given, values that are taken and values that are refused, words
BOUNDS: list[tuple[str, Any, tuple[list[Any], list[Any]], str]] = [
    ("patience", lambda v: EarlyStopping(patience=v), COUNT, "patience must be an integer >= 1, got"),
    ("min_delta", lambda v: EarlyStopping(min_delta=v), ([0, TINY], [-TINY, math.nan]), "EarlyStopping: min_delta"),
    ("best", lambda v: BestCheckpoint("b", min_delta=v), ([0, 1], [-TINY, math.nan]), "BestCheckpoint: min_delt"),
    ("norm", lambda v: GradientClipping(v), ([TINY, math.inf], [0, -1, math.nan]), "the limit must be > 0, got"),
    ("value", lambda v: GradientClipping(None, v), ([TINY, 1], [0, -1, math.nan]), "the limit must be > 0, got"),
    ("every", lambda v: Checkpoint("c", v), (COUNT[0], [*COUNT[1], None]), "every must be an integer >= 1, got"),
    ("batches", lambda v: Checkpoint("c", 1, v), ([1, None], COUNT[1]), "every_batches must be an integer >= 1"),
    ("minutes", lambda v: Checkpoint("c", 1, None, v), ([0, 0.5, None], [-TINY, True, "1", math.nan]), "every_minutes"),
    ("keep", lambda v: Checkpoint("c-{epoch}", keep=v), ([1, 9, None], COUNT[1]), "keep must be an integer >= 1, got"),
    ("one file", lambda v: Checkpoint("c", keep=v), ([1, None], [2, 3]), r"keep=\d needs a path with {epoch} or {bat"),
    ("batch", lambda v: Checkpoint("c-{batch}", keep=v), ([1, 2], [0]), "keep must be an integer >= 1"),
    ("classes", ConfusionMatrix, ([1, np.int64(3)], [0, True, 1.5]), "num_classes must be an integer >= 1"),
    ("k", lambda v: topk_accuracy(np.eye(3), np.arange(3), v), ([1, 9, np.int64(2)], [0, True, 1.5]), "topk_accura"),
    ("k of a stream", lambda v: TopKAccuracy(v).update(np.eye(3), np.arange(3)), ([1, 9], [0, True]), "k must be"),
    ("epochs", lambda v: trainer().fit((X, Y), v), ([1, np.int64(2)], [0, True, 1.5, "1"]), "epochs must be an int"),
    ("per", lambda v: SchedulerCallback(step(), v), (["epoch", "batch"], ["step", None]), "per must be"),
    ("part", lambda v: split((X, Y), v, 0), ([TINY, 0.5, 0.99], [0.0, 1.0, -0.5, math.nan]), "lies between 0 and 1"),
    ("whole", lambda v: split((X, Y), v, 0), ([59.4 / 60], [59.6 / 60]), "of 60 samples leaves nothing to train on"),
]  # fmt: skip


def step() -> Any:
    return optim.lr_scheduler.StepLR(optim.SGD(net().parameters(), lr=1), 1)


@pytest.mark.parametrize(("make", "bounds", "words"), [pytest.param(*case[1:], id=case[0]) for case in BOUNDS])
def test_both_sides_of_a_bound(make: Any, bounds: Any, words: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for value in bounds[0]:
        make(value)
    for value in bounds[1]:
        with pytest.raises(ValueError, match=words):
            make(value)


@pytest.mark.parametrize(
    ("classes", "predicted", "num_classes", "words"),
    [
        ([0, 2], [1, 2], 2, r"targets\[1\] is 2, out of range for 2 classes \(0 to 1\)"),
        ([0, -1], [1, 2], 3, r"targets\[1\] is -1, out of range for 3 classes \(0 to 2\)"),
        ([0, 1], [1, 2], 2, r"predictions\[1\] is 2, out of range for 2"),
        ([[0, 1], [0, 7]], [[0, 1], [0, 1]], 3, r"targets\[1, 1\] is 7"),
        (np.zeros(0, int), np.zeros(0, int), -1, "num_classes must be an integer >= 0, got -1"),
        ([0], [0], True, "num_classes must be an integer >= 0, got True"),
        ([0], [0], 0, r"targets\[0\] is 0, out of range for 0"),
        ([0, 1], np.eye(3), None, r"targets of shape \(N, ...\), got \(3, 3\) and \(2,\)"),
        ([0, 1], [0.5, 0.5], None, r"scores must have shape \(N, C, ...\)"),
        ([0, 1], [True, False], None, "predictions must be classes of the shape of targets"),
        ([0, 1], [[0, 1]], None, "predictions must be classes of the shape of targets"),
    ],
)
def test_what_a_confusion_matrix_refuses(classes: Any, predicted: Any, num_classes: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"confusion_matrix: .*{words}"):
        confusion_matrix(classes, predicted, num_classes)


def test_the_size_of_a_confusion_matrix() -> None:
    """The largest class of both, or the number of scores."""
    assert confusion_matrix([0, 2], [0, 1]).shape == (3, 3)
    assert confusion_matrix([0, 1], [0, 4]).shape == (5, 5)
    assert confusion_matrix([0, 0], np.eye(4)[:2]).tolist() == [[1, 1, 0, 0], *[[0] * 4] * 3]
    assert confusion_matrix([0], np.eye(1), 3).tolist() == [[1, 0, 0], [0] * 3, [0] * 3]
    assert confusion_matrix([1], [0], 2).tolist() == [[0, 0], [1, 0]]
    empty = np.zeros(0, int)
    assert confusion_matrix(empty, empty, 0).shape == (0, 0)
    assert confusion_matrix(empty, empty, 2).tolist() == [[0, 0], [0, 0]]
    assert confusion_matrix(empty, np.zeros((0, 3))).shape == (3, 3)
    grid = np.array([[[0.1, 0.9], [0.8, 0.2]]])  # (N, C, d)
    assert confusion_matrix([[1, 0]], grid).tolist() == [[1, 0], [0, 1]]


# ------------------------------------------------------------------------------------------- where nothing is given
def test_five_scores_count_where_no_number_is_given() -> None:
    scores = -np.arange(7.0)[None].repeat(7, 0)
    assert topk_accuracy(scores, np.arange(7)) == 5 / 7
    metric = TopKAccuracy()
    metric.update(scores, np.arange(7))
    assert (metric.compute(), metric.name) == (5 / 7, "top5_accuracy")
    assert (TopKAccuracy(3).name, TopKAccuracy(3, name="mine").name, Accuracy().name) == (
        "top3_accuracy",
        "mine",
        "accuracy",
    )
    assert Accuracy().k == 1


@pytest.mark.parametrize("measure", [accuracy, lambda y, t, **more: topk_accuracy(y, t, 1, **more)])
def test_targets_of_minus_100_are_ignored_and_others_may_be(measure: Any) -> None:
    scores = np.eye(3)
    assert measure(scores, np.array([0, -100, 1])) == 0.5
    assert measure(scores, np.array([0, 2, 1]), ignore_index=2) == 0.5
    assert math.isnan(measure(scores, np.array([-100] * 3)))
    for metric, one in ((Accuracy(), -100), (Accuracy(2), 2), (TopKAccuracy(1), -100), (TopKAccuracy(1, 2), 2)):
        assert math.isnan(metric.compute())
        metric.update(scores, np.array([0, one, 1]))
        assert (metric.right, metric.count, metric.compute()) == (1, 2, 0.5)


def test_predicted_classes_may_be_ignored_too() -> None:
    assert accuracy(np.array([0, 1, 1]), np.array([0, -100, 0])) == 0.5


def test_batches_of_64_samples() -> None:
    sizes: list[int] = []
    mine = trainer(loss=lambda y, t: sizes.append(len(t)) or F.cross_entropy(y, t))  # type: ignore[func-returns-value]
    data = blobs(130)
    mine.fit(data, 1)
    mine.evaluate(TensorDataset(*data))
    assert sizes == [64, 64, 2] * 2


class Told(Callback):
    """Puts given values into the epochs' rows."""

    def __init__(self, name: str, values: list[float]) -> None:
        self.name, self.values = name, values

    def on_epoch_end(self, trainer: Any, logs: Any) -> None:
        logs[self.name] = self.values[trainer.epoch - 1]


def test_early_stopping_waits_five_epochs_for_a_lower_validation_loss() -> None:
    stopping = EarlyStopping()
    mine = trainer(callbacks=[Told("val_loss", [3.0, 2.0, *[2.0] * 9]), stopping])
    mine.fit((X, Y), 11, validation=blobs(seed=1))
    assert (mine.epoch, stopping.best, stopping.best_epoch, stopping.waited) == (7, 2.0, 2, 5)
    assert mine.stop_reason == "val_loss has not improved on 2 since epoch 2"
    assert stopping.min_delta == 0
    assert not stopping.restore_best


def test_without_restore_best_the_last_weights_stay() -> None:
    kept: list[Any] = []
    mine = trainer(callbacks=[Told("my_score", [5, 1, 1]), EarlyStopping("my_score", 2)])
    mine.callbacks.append(At(lambda: kept.append(weights(mine.model)), 3))
    mine.fit((X, Y), 3)
    assert same(kept[0], weights(mine.model))


@pytest.mark.parametrize("sign", [1, -1])
def test_better_is_by_more_than_min_delta(sign: int) -> None:
    """Each value beside whether it is better: by 0.5 and no more is not enough, and NaN is nothing."""
    watching = Watching("x", "max" if sign == 1 else "min", 0.5)
    assert (watching.best, watching.best_epoch) == (-sign * math.inf, 0)
    values = [
        (math.nan, False),
        (1.0, True),
        (1.5, False),
        (1.5 + 1e-9, True),
        (2.0, False),
        (math.nan, False),
        (3.0, True),
    ]
    for epoch, (value, better) in enumerate(values, 1):
        at = SimpleNamespace(epoch=epoch)
        assert watching.improved(at, {"x": sign * value}) is better  # type: ignore[arg-type]
        if better:
            assert (watching.best, watching.best_epoch) == (sign * value, epoch)


def test_the_norm_that_is_clipped_is_euclids_where_no_other_is_given() -> None:
    for arguments, norm in (((1.0,), 5.0), ((1.0, None, 1.0), 7.0), ((1.0, None, math.inf), 4.0)):
        p = nn.Parameter(np.zeros(2, np.float32))
        p.grad = tg.tensor([3.0, 4.0])
        clipping = GradientClipping(*arguments)
        assert clipping.last_norm is None

        class Run:
            optimizer = optim.SGD([p], lr=1)

        clipping.on_backward_end(Run)  # type: ignore[arg-type]
        assert clipping.last_norm == pytest.approx(norm)
        np.testing.assert_allclose(p.grad.numpy(), np.array([3.0, 4.0]) / norm, rtol=1e-5)
    by_value = GradientClipping(max_value=0.5)
    by_value.on_backward_end(Run)  # type: ignore[arg-type]
    assert by_value.last_norm is None


def test_callbacks_are_called_in_this_order(tmp_path: Path) -> None:
    plain, stopping, log = Callback(), EarlyStopping("loss"), CSVLogger(tmp_path / "log")
    best, saving = BestCheckpoint(tmp_path / "b", "loss"), Checkpoint(tmp_path / "c")
    assert trainer(callbacks=[saving, best, log, stopping, plain]).callbacks == [plain, stopping, log, best, saving]


def test_which_callbacks_a_resumed_run_can_do_without(tmp_path: Path) -> None:
    needed = [Callback(), EarlyStopping("loss"), GradientClipping(1.0), BestCheckpoint(tmp_path / "b", "loss")]
    assert all(c.saved and c.needed for c in needed)
    for other in (CSVLogger(tmp_path / "log"), Checkpoint(tmp_path / "c")):
        assert other.saved
        assert not other.needed


def test_a_checkpoint_is_written_after_each_epoch(tmp_path: Path) -> None:
    trainer(callbacks=Checkpoint(tmp_path / "{epoch}")).fit((X, Y), 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2", "3"]


def test_a_trainer_that_has_not_begun_can_be_saved_without_a_word(tmp_path: Path, recwarn: Any) -> None:
    trainer().save(tmp_path / "state")
    assert [str(w.message) for w in recwarn] == []
    assert trainer().load(tmp_path / "state").epoch == 0


def test_a_log_holds_numbers_of_every_kind(tmp_path: Path) -> None:
    class Kinds(Callback):
        def on_epoch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
            logs.update(tensor=tg.tensor(0.5), array=np.array(3), number=np.float32(0.25), plain=7, text="no", many=[1])

    trainer(callbacks=[Kinds(), CSVLogger(tmp_path / "log.csv")]).fit((X, Y), 1)
    header, row = (line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines())
    assert dict(zip(header[-4:], row[-4:], strict=True)) == {
        "tensor": "0.5",
        "array": "3",
        "number": "0.25",
        "plain": "7",
    }
    assert len(header) == len(row)


# ---------------------------------------------------------------------------------------------------- kinds of data
def test_what_is_a_dataset_and_what_gives_batches() -> None:
    class Indexed:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> int:
            return index

    class Half:
        def __getitem__(self, index: int) -> int:
            return index

    datasets, others = (
        [TensorDataset(X), Indexed(), np.zeros(3)],
        [[1], (1,), {0: 1}, "ab", b"ab", Half(), 3, iter([1])],
    )
    assert all(map(is_dataset, datasets))
    assert not any(map(is_dataset, others))
    assert isinstance(as_dataset((X, Y)), TensorDataset)
    assert isinstance(as_dataset((tg.tensor(X), Y)), TensorDataset)
    for other in ((), (X, 3), [X, Y], X):
        assert as_dataset(other) is other


def test_the_last_part_of_a_batch_is_the_targets() -> None:
    assert parts_of((1, 2)) == ((1,), 2)
    assert parts_of([1, 2, 3]) == ((1, 2), 3)
    for batch, words in (((1,), "a tuple of 1"), ([], "a list of 0"), (5, "a int"), ({"x": 1, "y": 2}, "a dict")):
        with pytest.raises(TypeError, match=f"got {words}; for others override Trainer.compute_loss"):
            parts_of(batch)


def test_lengths_and_graphs() -> None:
    assert length([1, 2]) == 2
    assert length(iter([1])) is None
    x = tg.ones(2, requires_grad=True) * 2
    alone, (first, [second, rest]) = detached(x), detached((x, [x, "rest"]))
    assert not any(t.requires_grad for t in (alone, first, second))
    assert rest == "rest"
    assert detached({"x": x})["x"] is x


@pytest.mark.parametrize(("fraction", "held"), [(TINY, 1), (0.01, 1), (0.1, 6), (0.24, 14), (0.26, 16), (0.9, 54)])
def test_a_fraction_is_rounded_and_at_least_one_sample(fraction: float, held: int) -> None:
    train, validation = split((X, Y), fraction, 3)
    assert (len(train), len(validation)) == (60 - held, held)


@pytest.mark.parametrize("labels", [Y.astype(bool), Y.astype(np.uint8), Y])
def test_classes_are_kept_in_proportion_where_labels_are_classes(labels: Any) -> None:
    _, held = split((X, labels), 0.5, 0)
    assert np.bincount(labels[held.indices].astype(int)).tolist() == [15, 15]


def test_the_split_of_fit_is_that_of_seed_0() -> None:
    seen: list[Any] = []
    mine = trainer(
        loss=lambda y, t: seen.append(t.numpy()) or F.mse_loss(y, t[:, None]), model=nn.Linear(2, 1), metrics=()
    )  # type: ignore[func-returns-value]
    numbers = np.arange(60, dtype=np.float32)
    mine.fit((X, numbers), 1, validation=0.25)
    expected = numbers[split((X, numbers), 0.25, 0)[1].indices]
    np.testing.assert_array_equal(seen[-1], expected)
    mine = trainer(loss=mine.loss, model=nn.Linear(2, 1), metrics=())
    mine.fit((X, numbers), 1, validation=0.25, split_seed=5)
    np.testing.assert_array_equal(seen[-1], numbers[split((X, numbers), 0.25, 5)[1].indices])


def test_a_mean_has_the_name_of_its_function_or_another() -> None:
    assert (Mean(F.mse_loss).name, Mean(nn.MSELoss()).name, Mean(F.mse_loss, "mine").name) == (
        "mse_loss",
        "MSELoss",
        "mine",
    )
    mean = Mean(F.mse_loss)
    assert math.isnan(mean.compute())
    mean.add(2.0, 3)
    mean.add(6.0, 1)
    assert (mean.total, mean.samples, mean.compute()) == (12.0, 4, 3.0)
    mean.reset()
    assert (mean.total, mean.samples) == (0.0, 0)
    with pytest.raises(TypeError, match="Mean: expected a function"):
        Mean(3)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------- the clock
def test_the_clock_of_an_epoch_stands_while_no_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(tg.train.running.time, "perf_counter", lambda: now[0])
    mine = trainer()

    class Ticking(Callback):
        def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
            now[0] += 2.0
            if now[0] == 104.0:
                trainer.stop("enough")

    mine.callbacks.append(Ticking())
    mine.fit((X, Y), 1, batch_size=15)  # four batches, two of them in this run
    assert (mine.epoch, mine.batch) == (0, 2)
    now[0] += 1000.0
    history = mine.fit((X, Y), 1, batch_size=15)
    assert history["seconds"] == [8.0]
    assert history["images_per_s"] == [60 / 8]


def test_metrics_of_an_epoch_have_seen_nothing_before_it() -> None:
    metric = ConfusionMatrix(2)
    metric.update(np.array([0, 1, 1]), np.array([0, 1, 1]))
    history = trainer(metrics=metric).fit((X, Y), 2)
    assert [matrix.sum() for matrix in history["confusion_matrix"]] == [60, 60]
    assert metric.compute().sum() == 3  # the one that was given is left alone


# -------------------------------------------------------------------------------------------------- what is printed
def test_a_run_that_ended_early_says_after_what(capsys: pytest.CaptureFixture[str]) -> None:
    for at, words in (
        ((2, None), "stopped after epoch 2: enough"),
        ((2, 3), "stopped in epoch 2 after batch 3: enough"),
    ):
        mine = trainer(progress=True)
        mine.callbacks.append(At(lambda mine=mine: mine.stop("enough"), *at))
        mine.fit((X, Y), 5, batch_size=10)
        assert capsys.readouterr().out.splitlines()[-1] == words


@pytest.mark.parametrize(
    ("frozen", "words"), [(1, "0 (BatchNorm1d)"), (3, "2 (BatchNorm1d)"), (4, " and 1 more"), (5, " and 2 more")]
)
def test_of_many_frozen_modules_three_are_named(frozen: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(*(nn.BatchNorm1d(2) for _ in range(6)), nn.Linear(2, 2))
    for i in range(frozen):
        model[i].eval()
    trainer(model, progress=True).fit((X, Y), 1)
    line = next(line for line in capsys.readouterr().out.splitlines() if "in evaluation mode" in line)
    assert line.endswith(words)
    assert line.count("BatchNorm1d") == min(frozen, 3)


def test_a_trainer_prints_a_line_where_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    model = net()
    Trainer(model, optim.SGD(model.parameters(), lr=0.1)).fit((X, Y), 1)
    assert capsys.readouterr().out.startswith("epoch 1/1  loss ")
    tg.train.fit(net(), (X, Y), 1)
    assert capsys.readouterr().out.startswith("epoch 1/1  loss ")


def test_predictions_of_batches_of_several_parts_leave_the_targets_out() -> None:
    model = nn.Linear(2, 3)
    mine = trainer(model)
    batches = [[tg.tensor(X[:5]), tg.tensor(Y[:5])], [tg.tensor(X[5:]), tg.tensor(Y[5:])]]
    for data in (batches, [x for x, _ in batches], [(x,) for x, _ in batches], DataLoader(TensorDataset(X), 7)):
        np.testing.assert_allclose(mine.predict(data).numpy(), model(tg.tensor(X)).numpy(), rtol=1e-5, atol=1e-6)


def test_an_ignored_target_beside_scores_of_one_class() -> None:
    assert topk_accuracy(np.zeros((2, 1)), np.array([0, -100]), 2) == 1.0
    assert math.isnan(topk_accuracy(np.zeros((2, 1)), np.array([-100, -100]), 2))


def test_a_checkpoint_of_a_run_that_kept_no_count_begins_at_nothing(tmp_path: Path) -> None:
    saving = Checkpoint(tmp_path / "{epoch}", every_batches=2)
    saving.load_state_dict({})
    assert saving.state_dict() == {"batches": 0, "batch": 0, "files": []}
    saving.load_state_dict(
        {"batches": 3, "batch": 2, "files": [str(tmp_path / "7"), "other/7", str(tmp_path / "a" / "b")]}
    )
    assert saving.state_dict() == {"batches": 3, "batch": 2, "files": [str(tmp_path / "7")]}


# ------------------------------------------------------------------------------------------------- before it begins
def test_a_trainer_that_has_not_begun() -> None:
    mine = trainer()
    assert (mine.epoch, mine.batch, mine.epochs, mine.validates) == (0, 0, 0, False)
    assert (mine.stop_reason, mine.interrupted, mine.live, len(mine.history)) == (None, False, None, 0)


def test_a_page_that_shows_the_run_is_a_callback_that_was_given_or_none() -> None:
    page = Callback()
    mine = trainer(callbacks=[EarlyStopping("loss")], live=page)
    assert mine.live is page
    assert page in mine.callbacks
    assert trainer(live=False).live is None
    for odd in (1, 0, None, "yes", Callback):
        with pytest.raises(TypeError, match=r"live must be True, False or what viz.live\(\) returns, got"):
            trainer(live=odd)


def test_whether_a_run_validates_is_said_to_callbacks() -> None:
    seen: list[bool] = []

    class Asking(Callback):
        def on_fit_start(self, trainer: Any) -> None:
            seen.append(trainer.validates)

    mine = trainer(callbacks=Asking())
    mine.fit((X, Y), 1, validation=blobs(seed=1))
    mine.fit((X, Y), 2)
    assert seen == [True, False]


def test_a_checkpoint_counts_batches_from_the_first_ever(tmp_path: Path) -> None:
    saving = Checkpoint(tmp_path / "{epoch}-{batch}", every=9, every_batches=5)
    trainer(callbacks=saving).fit((X, Y), 2, batch_size=20)  # three batches an epoch
    assert {key: saving.state_dict()[key] for key in ("batches", "batch")} == {"batches": 6, "batch": 3}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2-2", "2-3"]
