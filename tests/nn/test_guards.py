"""The guard rail of modes: evaluation in training mode, training in evaluation mode, and neither on purpose."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hearing import Programs, check_speaks_once, heard

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

programs = Programs()
speaks, silent = programs.speaks, programs.silent
RNG = np.random.default_rng(0)
X = tg.tensor(RNG.normal(size=(16, 4)).astype(np.float32))
T = tg.tensor(RNG.integers(0, 3, 16))


class ByFunction(nn.Module):
    """Dropout as a function, as older scripts have it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.fc(F.dropout(x, 0.5, self.training))


def net(*layers: Any) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), *(layers or (nn.BatchNorm1d(8), nn.Dropout(0.2))), nn.Linear(8, 3))


def training(model: Any, steps: int = 3) -> Any:
    optimizer = tg.optim.SGD(model.parameters(), lr=0.05)

    def epoch() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(X), T).backward()
            optimizer.step()

    return epoch


# ------------------------------------------------------------------------------------- evaluation in training mode
@speaks("evaluation-in-train-mode")
def eval_is_forgotten() -> None:
    model = net()
    epoch = training(model)
    for _ in range(3):
        epoch()
        with tg.no_grad():
            for _ in range(2):
                model(X).argmax(1)  # here


@speaks("evaluation-in-train-mode")
def batch_norm_alone_in_inference_mode() -> None:
    model = net(nn.BatchNorm1d(8))
    epoch = training(model)
    for _ in range(3):
        epoch()
        with tg.inference_mode():
            F.cross_entropy(model(X), T).item()  # here


@speaks("evaluation-in-train-mode")
def dropout_as_a_function() -> None:
    model = ByFunction()
    epoch = training(model)
    for _ in range(3):
        epoch()
        with tg.no_grad():
            model(X)  # here


@speaks("evaluation-in-train-mode")
def a_loaded_model() -> None:
    model = net()
    model.load_state_dict(net().state_dict())
    with tg.no_grad():
        for _ in range(3):
            model(X)  # here


# ------------------------------------------------------------------------------------- training in evaluation mode
@speaks("training-in-eval-mode")
def train_is_forgotten_after_an_evaluation() -> None:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(3):
        for _ in range(3):
            loss = F.cross_entropy(model(X), T)  # here
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with tg.no_grad():
            model(X)


@speaks("training-in-eval-mode")
def eval_from_the_start() -> None:
    model = net(nn.Dropout(0.5)).eval()
    optimizer = tg.optim.Adam(model.parameters())
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(model(X), T).backward()  # here
        optimizer.step()


# ------------------------------------------------------------------------------------- right, or on purpose
@silent
def modes_are_set() -> None:
    model = net()
    with tg.no_grad():
        model(X)  # what shape has it?
    epoch = training(model)
    for _ in range(3):
        model.train()
        epoch()
        model.eval()
        with tg.no_grad():
            model(X)
        model(X)  # somebody forgot no_grad
        model(X)


@silent
def nothing_that_minds_the_mode() -> None:
    model = net(nn.ReLU(), nn.Dropout(0.0), nn.LayerNorm(8))
    epoch = training(model.eval())
    epoch()
    model.train()
    with tg.no_grad():
        model(X)


@silent
def chance_on_purpose() -> None:
    model = net()
    training(model)()
    model.eval()
    model[2].train()
    with tg.no_grad():
        [model(X) for _ in range(5)]


@silent
def statistics_anew() -> None:
    model = net()
    training(model)()
    model.eval()
    model[1].train()
    model[1].reset_running_stats()
    with tg.no_grad():
        model(X)


@silent
def frozen_on_purpose() -> None:
    model = net()
    model.train()
    model[1].eval()
    training(model)()


@silent
def a_frozen_backbone() -> None:
    backbone, head = net().eval().requires_grad_(False), nn.Linear(3, 3)
    optimizer = tg.optim.SGD(head.parameters(), lr=0.05)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(head(backbone(X)), T).backward()
        optimizer.step()


@silent
def a_teacher_that_follows() -> None:
    student, teacher = net(), net().eval()
    optimizer = tg.optim.SGD(student.parameters(), lr=0.05)
    for _ in range(5):
        target = teacher(X).detach()
        optimizer.zero_grad()
        F.mse_loss(student(X), target).backward()
        optimizer.step()
        for p, q in zip(teacher.parameters(), student.parameters(), strict=True):
            p.data.mul_(0.9).add_(0.1 * q.data)


@silent
def a_teacher_that_was_trained_before() -> None:
    teacher, student = net(), net()
    training(teacher)()  # its gradients are still there
    teacher.eval()
    optimizer = tg.optim.SGD(student.parameters(), lr=0.05)
    for _ in range(4):
        optimizer.zero_grad()
        F.mse_loss(student(X), teacher(X).detach()).backward()
        optimizer.step()


@silent
def a_generator_that_rests() -> None:
    generator, judge = net(), nn.Sequential(nn.Linear(3, 1), nn.Dropout(0.5))
    first, second = (tg.optim.SGD(m.parameters(), lr=0.05) for m in (generator, judge))
    loss = F.binary_cross_entropy_with_logits
    for _ in range(4):
        with tg.no_grad():
            fake = generator(X)
        second.zero_grad()
        loss(judge(fake), tg.zeros(16, 1)).backward()
        second.step()
        first.zero_grad()
        loss(judge(generator(X)), tg.ones(16, 1)).backward()
        first.step()


@silent
def an_attack_between_the_steps() -> None:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(4):
        model.eval()
        x = X.clone().requires_grad_()
        F.cross_entropy(model(x), T).backward()
        model.train()
        optimizer.zero_grad()
        F.cross_entropy(model(X + 0.1 * x.grad.sign()), T).backward()
        optimizer.step()


# -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", programs.wrong)
def test_it_speaks_once_of_the_line(name: str) -> None:
    check_speaks_once(*programs.wrong[name])


@pytest.mark.parametrize("name", programs.right)
def test_it_is_silent_on_what_is_right(name: str) -> None:
    assert heard(programs.right[name]) == []


def test_the_layers_are_named_and_an_error_leaves_no_module_behind() -> None:
    model = net()
    with warnings.catch_warnings(), tg.guard_rails(True):
        warnings.simplefilter("error", tg.GuardRailWarning)
        training(model)()
        with tg.no_grad(), pytest.raises(tg.GuardRailWarning, match=r"Sequential .* BatchNorm1d and Dropout go on"):
            model(X)
    y = X * tg.ones(1, requires_grad=True)
    assert y.grad_fn.module is None
