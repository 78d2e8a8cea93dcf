"""Guard rails of the loss: no number, blown up, or stuck."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rails.spoken import data, listening, net, said_once, sgd

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.rails.memory import Watch


def train(model: Any, optimizer: Any, loss: Any = None, steps: int = 210, batch: int = 32) -> list[float]:
    x, t = data(512)
    losses = []
    for k in range(steps):
        start = k * batch % 512
        a, b = (x, t) if batch == 512 else (x[start : start + batch], t[start : start + batch])
        optimizer.zero_grad()
        value = F.cross_entropy(model(a), b) if loss is None else loss(model(a), b)
        value.backward()  # here
        optimizer.step()  # here
        losses.append(value.item())
    return losses


# ---------------------------------------------------------------------------------------------------------- no number
def log_of_zero(y: Any, _t: Any) -> Any:
    return -(y.relu() * 0).log().mean()


def division(y: Any, _t: Any) -> Any:
    return (y / (y - y)).sum()


def late(y: Any, _t: Any) -> Any:
    return (y.exp() * 0 - 1).sqrt().mean()


@pytest.mark.parametrize(
    ("loss", "op", "remedy"),
    [(log_of_zero, "'log'", "clamp"), (division, "'true_divide'", "divisor"), (late, "'sqrt'", "Clamp")],
)
def test_the_operation_that_made_it_is_named(loss: Any, op: str, remedy: str) -> None:
    model = net()
    with listening() as heard, np.errstate(all="ignore"):
        train(model, sgd(model), loss, steps=3)
    text = said_once(heard, "loss-not-finite")
    assert op in text.split("made")[0]
    assert remedy in text
    assert "(32, 3)" in text


def test_the_module_is_named() -> None:
    class Log(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.log()

    model = nn.Sequential(nn.Linear(4, 3), Log())
    with listening() as heard, np.errstate(all="ignore"):
        train(model, sgd(model), steps=2)
    assert "'log' (in Log) made nan" in said_once(heard, "loss-not-finite")


def test_a_parameter_that_is_nan_already_is_named() -> None:
    model = net()
    with tg.no_grad():
        model[2].weight[1, 2] = float("nan")
    with listening() as heard:
        train(model, sgd(model), steps=3)
    text = said_once(heard, "loss-not-finite")
    assert "'2.weight' (3, 8)" in text
    assert "(1, 2)" in text


def test_data_that_are_nan_are_said_to_be() -> None:
    (x, t), model = data(), net()
    x[3, 1] = float("nan")
    optimizer = sgd(model)
    with listening() as heard:
        loss = F.cross_entropy(model(x), t)
        loss.backward()  # here
        optimizer.step()
    assert "data" in said_once(heard, "loss-not-finite")
    assert "(3, 1)" in heard[0].text


def test_without_modules_it_speaks_of_weights_that_are_trained_by_hand() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with listening() as heard, np.errstate(all="ignore"):
        for _ in range(3):
            w.grad = None
            loss = (w - 1).log().sum()
            loss.backward()  # here
            with tg.no_grad():
                w -= 0.1 * w.grad
    assert "'log'" in heard[0].text or "nan" in heard[0].text


def test_a_question_about_a_function_is_fine() -> None:
    with np.errstate(all="ignore"):
        tg.tensor(0.0, requires_grad=True).log().backward()


def test_an_attention_mask_is_no_culprit() -> None:
    model = net()
    mask = tg.tensor([0.0, 0.0, -np.inf])

    def loss(y: Any, _t: Any) -> Any:
        return (tg.maximum(y, mask).sum(1) * 0 - 1).log().mean()

    with listening() as heard, np.errstate(all="ignore"):
        train(model, sgd(model), loss, steps=1)
    assert "'log'" in said_once(heard, "loss-not-finite")


def test_the_trainer_refuses_it_itself() -> None:
    model = net()
    trainer = tg.train.Trainer(model, sgd(model), log_of_zero, progress=False)
    with listening() as heard, np.errstate(all="ignore"), pytest.raises(RuntimeError, match="the loss is"):
        trainer.fit(tg.data.TensorDataset(*data()), epochs=1, batch_size=8)
    assert heard == []


# ------------------------------------------------------------------------------------------------------ a rate too high
@pytest.mark.parametrize("lr", [3.0, 1e3, 1e30])
def test_a_learning_rate_that_blows_the_weights_up(lr: float) -> None:
    tg.manual_seed(0)
    model = nn.Linear(4, 1)
    with listening() as heard, np.errstate(all="ignore"):
        losses = train(model, sgd(model, lr), lambda y, t: ((y[:, 0] - t) ** 2).mean(), steps=40)
    text = said_once(heard, "learning-rate")
    assert f"lr={lr:g}" in text
    assert f"try {lr / 10:g}" in text
    assert not losses[-1] < losses[0]


def test_a_classifier_whose_loss_stays_finite() -> None:
    model = net()
    with listening() as heard, np.errstate(all="ignore"):
        train(model, sgd(model, 1e4), steps=60)
    said_once(heard, "learning-rate")


@pytest.mark.parametrize("lr", [0.01, 0.1, 0.5])
def test_a_rate_that_is_right_is_fine(lr: float) -> None:
    model = net()
    train(model, sgd(model, lr))
    w = nn.Parameter(tg.zeros(4))  # from 0 to some hundreds
    optimizer, x = tg.optim.SGD([w], lr=lr), tg.eye(4)
    for _ in range(50):
        optimizer.zero_grad()
        ((x @ w - 500) ** 2).sum().backward()
        optimizer.step()


# ---------------------------------------------------------------------------------------------------------------- stuck
def dead(model: Any) -> Any:
    with tg.no_grad():
        model[0].bias.fill_(-100)
    model[2].requires_grad_(False)
    return sgd(model[0])


def test_a_rate_of_0() -> None:
    model = net()
    with listening() as heard:
        train(model, sgd(model, 0.0), steps=200, batch=512)
    assert "learning rate is 0" in said_once(heard, "loss-stuck")


def test_dead_units() -> None:
    model = net()
    with listening() as heard:
        train(model, dead(model), batch=512)
    assert "all gradients are 0" in said_once(heard, "loss-stuck")


def test_steps_that_are_lost_in_rounding_though_batches_differ() -> None:
    model = net()
    with listening() as heard:
        losses = train(model, sgd(model, 1e-12), batch=32)
    assert len(set(losses)) > 5
    assert "lost in rounding" in said_once(heard, "loss-stuck")


def test_weights_that_are_all_0_though_the_last_bias_learns() -> None:
    model = net()
    for p in model.parameters():
        nn.init.zeros_(p)
    with listening() as heard:
        train(model, sgd(model, 0.01))
    assert "all gradients are 0" in said_once(heard, "loss-stuck")


def test_an_embedding_of_which_few_rows_are_used_is_fine() -> None:
    table = nn.Embedding(10_000, 4)
    optimizer = sgd(table)
    for k in range(210):
        optimizer.zero_grad()
        ((table(tg.tensor([k % 7 + 1])) - k % 3) ** 2).sum().backward()
        optimizer.step()


def test_199_steps_are_not_200() -> None:
    model = net()
    train(model, sgd(model, 0.0), steps=199, batch=512)


def test_at_a_minimum_from_the_start_is_fine() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 4)), rng.normal(size=(64, 1))
    w = nn.Parameter(np.linalg.lstsq(x, y)[0].astype(np.float32))
    inputs, targets = tg.tensor(x.astype(np.float32)), tg.tensor(y.astype(np.float32))
    optimizer = tg.optim.SGD([w], lr=0.1)
    for _ in range(250):
        optimizer.zero_grad()
        F.mse_loss(inputs @ w, targets).backward()
        optimizer.step()


def test_a_loss_that_has_come_down_or_is_0_is_fine() -> None:
    w = nn.Parameter(tg.tensor([2.0]))
    optimizer = tg.optim.SGD([w], lr=0.25)
    for _ in range(450):  # to 3, and there it stays
        optimizer.zero_grad()
        ((w - 1) ** 2 + 3).sum().backward()
        optimizer.step()
    for _ in range(450):  # a hinge that is met
        optimizer.zero_grad()
        (w - 5).relu().sum().backward()
        optimizer.step()


@pytest.mark.parametrize(("rounds", "speaks"), [(199, False), (200, True), (400, True)])
def test_a_loss_that_stays_is_spoken_of_after_200_steps(rounds: int, speaks: bool) -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model, lr=0.0)
    with listening() as heard:
        for _ in range(rounds):
            optimizer.zero_grad()
            F.cross_entropy(model(x), t).backward()
            optimizer.step()
    assert [spoken.rail for spoken in heard] == ["loss-stuck"] * speaks


def test_a_loss_that_moved_at_last_has_200_steps_more() -> None:
    (x, t), model = data(), net()
    optimizer = sgd(model, lr=0.0)
    with listening() as heard:
        for k in range(300):
            optimizer.param_groups[0]["lr"] = 0.1 if k == 150 else 0.0
            optimizer.zero_grad()
            F.cross_entropy(model(x), t).backward()
            optimizer.step()
    assert heard == []


def test_weights_are_sampled_before_biases() -> None:
    watch = Watch()
    biases = [tg.ones(3, requires_grad=True) for _ in range(20)]
    weight = tg.ones(3, 3, requires_grad=True)
    watch.sample([*biases, weight])
    sampled = [ref() for ref, _ in watch.samples]
    assert sampled[0] is weight
    assert len(sampled) == 16
    assert all(a is b for a, b in zip(sampled[1:], biases, strict=False))
    assert watch.growth() == 1.0
    with tg.no_grad():
        biases[0].mul_(100)
    assert watch.growth() == 1.0  # of the weights
    with tg.no_grad():
        weight.mul_(30)
    assert watch.growth() == 30.0
