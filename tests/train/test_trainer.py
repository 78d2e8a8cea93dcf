"""The Trainer: what it computes equals an open loop; what it touches it puts back; what it refuses it names."""

from __future__ import annotations

import gc
import math
from typing import Any

import numpy as np
import pytest
from train.nets import At, blobs, net, same, trainer, weights

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor
from tinygrad_cnn.train import Callback, ConfusionMatrix, History, Trainer, accuracy, fit

X, Y = blobs()


def test_fit_is_the_loop_that_everyone_writes() -> None:
    mine, model = trainer(), net()
    tg.manual_seed(7)
    history = mine.fit(DataLoader(TensorDataset(X, Y), 8, shuffle=True), 3)

    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    tg.manual_seed(7)
    losses = []
    for _ in range(3):
        total = 0.0
        for x, y in DataLoader(TensorDataset(X, Y), 8, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        losses.append(total / len(Y))
    assert same(weights(mine.model), weights(model))
    assert history["loss"] == pytest.approx(losses)
    assert history["lr"] == [0.1] * 3
    assert history["epoch"] == [1, 2, 3]


def test_it_learns() -> None:
    mine = trainer()
    history = mine.fit((X, Y), 8, validation=0.25, batch_size=16)
    assert history["val_accuracy"][-1] > 0.8
    assert history["loss"][-1] < history["loss"][0]
    assert set(history.keys()) == {
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds", "images_per_s",
    }  # fmt: skip


def test_arrays_a_dataset_and_a_loader_are_the_same_training() -> None:
    states = []
    for data, size in (
        ((X, Y), 16),
        ((Tensor(X), Tensor(Y)), 16),
        (TensorDataset(X, Y), 16),
        (DataLoader(TensorDataset(X, Y), 16, shuffle=True), None),
    ):
        mine = trainer()
        tg.manual_seed(1)
        mine.fit(data, 2, batch_size=size)
        states.append(weights(mine.model))
    assert all(same(states[0], other) for other in states[1:])


def test_a_list_of_batches_is_a_loader() -> None:
    mine = trainer()
    batches = [(Tensor(X[:30]), Tensor(Y[:30])), (Tensor(X[30:]), Tensor(Y[30:]))]
    mine.fit(batches, 2)
    assert mine.epoch == 2


def test_fit_goes_on_from_where_it_was() -> None:
    once, twice = trainer(), trainer()
    tg.manual_seed(3)
    once.fit((X, Y), 4)
    tg.manual_seed(3)
    twice.fit((X, Y), 2)
    history = twice.fit((X, Y), 4)
    assert same(weights(once.model), weights(twice.model))
    assert history["epoch"] == [1, 2, 3, 4]
    with pytest.warns(UserWarning, match="4 epochs are complete already"):
        assert twice.fit((X, Y), 4) is history
    assert same(weights(once.model), weights(twice.model))


def test_validation_neither_trains_nor_draws_random_numbers() -> None:
    plain, validated = trainer(), trainer()
    tg.manual_seed(3)
    plain.fit((X, Y), 2)
    tg.manual_seed(3)
    validated.fit((X, Y), 2, validation=blobs(seed=1))
    assert same(weights(plain.model), weights(validated.model))


class Modes(Callback):
    """Writes down the mode the model is in."""

    def __init__(self) -> None:
        self.seen: list[bool] = []

    def on_batch_end(self, trainer: Trainer, logs: Any) -> None:  # noqa: ARG002
        self.seen.append(trainer.model.training)

    def on_epoch_end(self, trainer: Trainer, logs: Any) -> None:  # noqa: ARG002
        self.seen.append(trainer.model.training)


class Spy(nn.Module):
    """Notes, at each forward, the mode and whether gradients are recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, x: Any) -> Any:
        self.seen.append((self.training, tg.is_grad_enabled()))
        return self.inner(x)


def test_modes_during_and_after() -> None:
    modes, model = Modes(), Spy()
    model.inner.eval()  # a mixed state comes back as it was
    mine = trainer(model, callbacks=modes)
    mine.fit((X, Y), 1, validation=blobs(seed=1), batch_size=60)
    assert modes.seen == [True, True]
    assert model.seen == [(True, True), (False, False)]
    assert (model.training, model.inner.training) == (True, False)
    mine.evaluate((X, Y))
    mine.predict(X)
    assert model.seen[2:] == [(False, False)] * 2
    assert (model.training, model.inner.training) == (True, False)
    assert tg.is_grad_enabled()


def test_modes_come_back_after_an_error() -> None:
    mine = trainer()
    mine.model.eval()
    with pytest.raises(TypeError, match="input and weight must have the same dtype"):
        mine.fit((X.astype(np.float64), Y), 1)
    assert not any(module.training for module in mine.model.modules())
    mine.model.train()
    with pytest.raises(TypeError, match="dtype"):
        mine.evaluate((X.astype(np.float64), Y))
    assert all(module.training for module in mine.model.modules())


def test_evaluate_is_the_mean_over_samples_whatever_the_batches() -> None:
    mine = trainer(metrics=["accuracy", ConfusionMatrix(2)])
    whole = mine.evaluate((X, Y), batch_size=60)
    pieces = mine.evaluate((X, Y), batch_size=7)  # the last has 4
    mine.model.eval()
    with tg.no_grad():
        y = mine.model(Tensor(X))
        assert whole["loss"] == pytest.approx(F.cross_entropy(y, Tensor(Y)).item())
    assert pieces["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert pieces["accuracy"] == whole["accuracy"] == accuracy(y, Y)
    assert (pieces["confusion_matrix"] == whole["confusion_matrix"]).all()
    assert whole["confusion_matrix"].sum() == 60


def test_evaluating_in_the_middle_of_an_epoch_disturbs_nothing() -> None:
    plain, curious = trainer(metrics=ConfusionMatrix(2)), trainer(metrics=ConfusionMatrix(2))
    curious.callbacks.append(At(lambda: curious.evaluate((X, Y)), 1, 3))
    tg.manual_seed(5)
    first = plain.fit((X, Y), 1, batch_size=10)
    tg.manual_seed(5)
    second = curious.fit((X, Y), 1, batch_size=10)
    assert first["loss"] == second["loss"]
    assert (first["confusion_matrix"][0] == second["confusion_matrix"][0]).all()
    assert second["confusion_matrix"][0].sum() == 60


def test_predict_gives_all_outputs_in_order() -> None:
    mine = trainer()
    mine.model.eval()
    with tg.no_grad():
        expected = mine.model(Tensor(X)).numpy()
    for data in (X, Tensor(X), (X, Y), TensorDataset(X), TensorDataset(X, Y), DataLoader(TensorDataset(X, Y), 7)):
        y = mine.predict(data)
        assert isinstance(y, Tensor)
        assert not y.requires_grad
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert mine.predict(X, batch_size=11).shape == (60, 2)


class TwoWays(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)

    def forward(self, a: Any, b: Any) -> Any:
        return self.inner(a), b * 2


def test_several_inputs_and_outputs() -> None:
    model = TwoWays()
    mine = trainer(model, loss=lambda y, t: F.cross_entropy(y[0], t), metrics=())
    mine.fit((X, X, Y), 1)
    first, second = mine.predict((X, X, Y), batch_size=16)
    assert first.shape == (60, 2)
    np.testing.assert_array_equal(second.numpy(), X * 2)


def test_compute_loss_can_be_overridden_for_other_batches() -> None:
    class Dicts(Trainer):
        def compute_loss(self, batch: Any) -> Any:
            y = self.model(batch["x"])
            return self.loss(y, batch["y"]), y, batch["y"]

    model = net()
    mine = Dicts(model, optim.SGD(model.parameters(), lr=0.1), progress=False)
    mine.fit([{"x": Tensor(X), "y": Tensor(Y)}], 1)
    assert mine.epoch == 1


def test_a_regression_has_no_accuracy() -> None:
    model = nn.Linear(2, 1)
    history = trainer(model, loss=F.mse_loss).fit((X, X[:, :1]), 1)
    assert "accuracy" not in history


def test_the_split_is_stratified_and_seeded_by_itself() -> None:
    from tinygrad_cnn.train.loaders import split

    labels = np.repeat([0, 1, 2], [60, 30, 10])
    data = (np.arange(100.0, dtype=np.float32)[:, None], labels)
    tg.manual_seed(0)
    train, held = split(data, 0.2, 0)
    assert np.bincount(labels[held.indices]).tolist() == [12, 6, 2]
    assert sorted([*train.indices, *held.indices]) == list(range(100))
    tg.manual_seed(1)
    assert (split(data, 0.2, 0)[1].indices == held.indices).all()
    assert (split(data, 0.2, 1)[1].indices != held.indices).any()
    unlabelled = split(TensorDataset(X), 0.1, 0)
    assert [len(part) for part in unlabelled] == [54, 6]


@pytest.mark.parametrize("where", ["loss", "value"])
def test_a_loss_that_is_not_finite_stops_before_the_step(where: str) -> None:
    x = X.copy()
    x[35] = np.nan if where == "loss" else np.inf
    mine = trainer(nn.Linear(2, 2), loss=lambda y, t: ((y - t[:, None]) ** 2).mean(), metrics=())
    loader = DataLoader(TensorDataset(x, Y), 10)
    kept: list[Any] = []
    mine.callbacks.append(At(lambda: kept.append(weights(mine.model)), 1, 3))
    with pytest.raises(RuntimeError, match=r"the loss is (nan|inf) in epoch 1, batch 4; .*detect_anomaly"):
        mine.fit(loader, 2)
    assert same(kept[0], weights(mine.model))
    assert all(np.isfinite(v).all() for v in weights(mine.model).values())
    assert len(mine.history) == 0


def test_a_nan_in_the_validation_is_reported_not_raised() -> None:
    x = np.full_like(X, np.nan)
    history = trainer().fit((X, Y), 1, validation=(x, Y))
    assert math.isnan(history["val_loss"][0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Trainer(lambda x: x, None), TypeError, "model must be an nn.Module, got function"),  # type: ignore
        (lambda: Trainer(net(), 0.1), TypeError, "optimizer must be an Optimizer, got float"),  # type: ignore[arg-type]
        (lambda: trainer(loss=3), TypeError, "loss must be a function"),
        (lambda: trainer(callbacks=[print]), TypeError, "callback 0"),
        (lambda: Trainer(net(), optim.SGD(net().parameters(), lr=1)), ValueError, "no parameter of this model"),
        (lambda: trainer().fit((X, Y), 0), ValueError, "epochs must be an integer >= 1, got 0"),
        (lambda: trainer().fit((X, Y), 1.5), ValueError, "epochs"),  # type: ignore[arg-type]
        (lambda: trainer().fit(3, 1), TypeError, "fit: train: expected a DataLoader"),
        (lambda: trainer().fit(iter([(X, Y)]), 1), TypeError, "iterator"),
        (lambda: trainer().fit((X[:0], Y[:0]), 1), ValueError, "empty"),
        (lambda: trainer().fit((X, Y), 1, validation=1.5), ValueError, "between 0 and 1, got 1.5"),
        (lambda: trainer().fit((X[:1], Y[:1]), 1, validation=0.5), ValueError, "leaves nothing"),
        (lambda: trainer().fit([(X, Y)], 1, validation=0.5), TypeError, "splits a dataset"),
        (lambda: trainer().fit(DataLoader(TensorDataset(X, Y)), 1, batch_size=3), ValueError, "a loader has its own"),
        (lambda: trainer().fit((X, Y), 1, batch_size=0), ValueError, "batch_size"),
        (lambda: trainer().fit(TensorDataset(X), 1), TypeError, "a batch must be"),
        (lambda: trainer().fit(DataLoader(TensorDataset(X, Y), 99, drop_last=True), 1), ValueError, "drop_last"),
        (lambda: trainer(loss=lambda y, _: y.sum(1)).fit((X, Y), 1), ValueError, "one number, got shape"),
        (lambda: trainer(loss=lambda *_: 1.0).fit((X, Y), 1), ValueError, "one number, got float"),
        (lambda: trainer().evaluate([]), ValueError, "no batches"),
        (lambda: trainer().predict([]), ValueError, "no batches"),
        (lambda: fit(3, (X, Y), 1), TypeError, "model must be"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_call_that_is_refused_changes_nothing() -> None:
    mine = trainer()
    before = weights(mine.model)
    with pytest.raises(TypeError):
        mine.fit((X, Y), 3, validation="x")
    assert same(before, weights(mine.model))
    assert (mine.epoch, len(mine.history)) == (0, 0)


def test_fit_in_one_call() -> None:
    tg.manual_seed(0)
    model = net()
    before = weights(model)
    history = fit(model, (X, Y), 3, validation=0.2, batch_size=12, progress=False)
    assert isinstance(history, History)
    assert len(history) == 3
    assert not same(before, weights(model))
    slow = net()
    fit(slow, (X, Y), 1, optim.SGD(slow.parameters(), lr=0.0), progress=False, metrics=())
    assert same({k: v for k, v in before.items() if "running" not in k and "num_batches" not in k},
                {k: v for k, v in weights(slow).items() if "running" not in k and "num_batches" not in k})  # fmt: skip


def test_training_leaves_nothing_to_the_collector() -> None:
    mine = trainer(callbacks=[Modes()])
    mine.fit((X, Y), 1)
    gc.collect()
    gc.disable()
    try:
        mine.fit((X, Y), 4, validation=blobs(seed=1))
        mine.predict(X)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_repr() -> None:
    assert repr(trainer()) == "Trainer(Sequential, SGD, metrics=['accuracy'], epoch=0)"


def test_what_the_user_froze_stays_so_and_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A batch-norm in evaluation mode within a model that trains, through training and validation."""
    model = net()
    model[1].eval()
    before = model[1].running_mean.numpy().copy()
    modes: list[Any] = []

    class Looking(Callback):
        def on_batch_end(self, trainer: Trainer, logs: Any) -> None:  # noqa: ARG002
            modes.append([m.training for m in trainer.model.modules()])

    mine = trainer(model, callbacks=Looking(), progress=True)
    mine.fit((X, Y), 1, validation=(X + 1, Y), batch_size=30)
    mine.fit((X, Y), 2, validation=(X + 1, Y), batch_size=30)
    assert modes == [[True, True, False, True, True, True]] * 4
    assert (model[1].running_mean.numpy() == before).all()
    assert [m.training for m in model.modules()] == modes[0]
    assert capsys.readouterr().out.count("in evaluation mode, and left so: 1 (BatchNorm1d)\n") == 1


def test_a_whole_part_that_is_frozen_is_said_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Linear(2, 2), net(), nn.Linear(2, 2))
    model[1].eval()
    trainer(model, progress=True).fit((X, Y), 1)
    assert "left so: 1 (Sequential)\n" in capsys.readouterr().out
    assert not any(module.training for module in model[1].modules())


def test_a_model_that_was_evaluated_is_trained_whole(capsys: pytest.CaptureFixture[str]) -> None:
    model, modes = net().eval(), Modes()
    trainer(model, callbacks=modes, progress=True).fit((X, Y), 1, batch_size=60)
    assert modes.seen == [True, True]
    assert not model.training
    assert "evaluation mode" not in capsys.readouterr().out


def test_a_train_method_of_ones_own_is_called() -> None:
    class Frozen(nn.Sequential):
        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            self[1].training = False
            return self

    model = Frozen(*net())
    before = model[1].running_mean.numpy().copy()
    trainer(model).fit((X, Y), 1)
    assert (model[1].running_mean.numpy() == before).all()
