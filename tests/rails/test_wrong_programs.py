"""Mistakes in the ways in which beginners make them: one guard rail speaks, once, of the line."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hearing import Programs, check_speaks_once

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import DataLoader, Dataset, TensorDataset
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.train import Trainer

programs = Programs()
speaks = programs.speaks
RNG = np.random.default_rng(0)
X = tg.tensor(RNG.normal(size=(48, 8)).astype(np.float32))
T = tg.tensor(RNG.integers(0, 3, 48))


def mlp() -> Any:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


def sgd(*models: Any) -> Any:
    return optim.SGD([p for model in models for p in model.parameters()], lr=0.05)


@speaks("no-step")
def the_parentheses_of_step_are_missing() -> None:
    model = mlp()
    optimizer = sgd(model)
    for _ in range(8):
        model.zero_grad()
        F.cross_entropy(model(X), T).backward()  # here
        optimizer.step  # noqa: B018


@speaks("no-step")
def one_of_two_optimizers_never_steps() -> None:
    body, head = nn.Linear(8, 16), nn.Linear(16, 3)
    first, second = sgd(body), sgd(head)
    for _ in range(14):
        first.zero_grad()
        second.zero_grad()
        F.cross_entropy(head(body(X)), T).backward()  # here
        first.step()


@speaks("cleared-before-step")
def the_model_clears_before_the_step() -> None:
    model = mlp()
    optimizer = sgd(model)
    for _ in range(4):
        F.cross_entropy(model(X), T).backward()
        model.zero_grad(set_to_none=False)
        optimizer.step()  # here


@speaks("no-gradient")
def the_generator_is_cut_off() -> None:
    generator, judge = nn.Linear(4, 2), nn.Linear(2, 1)
    mine, other = sgd(generator), sgd(judge)
    for _ in range(5):
        fake = generator(X[:, :4]).detach()
        other.zero_grad()
        (judge(fake) ** 2 + (judge(X[:, :2]) - 1) ** 2).mean().backward()
        other.step()
        mine.zero_grad()
        ((judge(fake) - 1) ** 2).mean().backward()
        mine.step()  # here


@speaks("stale-gradient")
def the_wrong_model_is_cleared() -> None:
    model, other = mlp(), mlp()
    optimizer = sgd(model)
    for _ in range(4):
        other.zero_grad()
        F.cross_entropy(model(X), T).backward()  # here
        optimizer.step()


@speaks("not-in-optimizer")
def a_bias_is_left_out() -> None:
    body, head = nn.Linear(8, 16), nn.Linear(16, 3)
    optimizer = optim.SGD([body.weight, body.bias, head.weight], lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(head(body(X)), T).backward()
        optimizer.step()  # here


@speaks("layer-replaced")
def the_head_is_replaced_after_training() -> None:
    model = mlp()
    optimizer = sgd(model)
    for i in range(8):
        if i == 4:
            model[2] = nn.Linear(16, 3)
        optimizer.zero_grad()
        F.cross_entropy(model(X), T).backward()
        optimizer.step()  # here


@speaks("other-parameters")
def a_copy_of_the_model_is_trained() -> None:
    model = mlp()
    optimizer = sgd(model)
    model = copy.deepcopy(model)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(model(X), T).backward()
        optimizer.step()  # here


@speaks("tensor-attribute")
def a_tensor_is_an_attribute_and_is_trained_with() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 3)
            self.scale = tg.ones(3, requires_grad=True)  # here

        def forward(self, x: Any) -> Any:
            return self.linear(x) * self.scale

    model = Net()
    optimizer = sgd(model)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(model(X), T).backward()
        optimizer.step()


@speaks("tensor-attribute")
def a_parameter_is_scaled() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(tg.randn(8, 3)) * 0.1  # here

    for _ in range(2):
        Net()


@speaks("hidden-layers")
def one_of_the_layers_in_a_set_is_nowhere_else() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(8, 3)
            self.layers = {self.first, nn.Linear(3, 3)}  # here

    for _ in range(2):
        Net()


@speaks("nll-loss-input")
def logarithms_of_sigmoids() -> None:
    model = mlp()
    for _ in range(3):
        F.nll_loss(tg.log(model(X).sigmoid()), T)  # here


@speaks("softmax-before-loss")
def a_sigmoid_by_its_other_formula() -> None:
    model = mlp()
    for _ in range(3):
        e = model(X).exp()
        F.cross_entropy(e / (1 + e), T)  # here


@speaks("all-ignored")
def a_sum_over_none_from_the_first_batch_on() -> None:
    model = mlp()
    for _ in range(3):
        F.cross_entropy(model(X), tg.full((48,), -100), reduction="sum")  # here


@speaks("broadcast-comparison")
def hits_by_a_method() -> None:
    model = mlp()
    for _ in range(3):
        model(X).argmax(1, keepdim=True).eq(T).float().mean()  # here


@speaks("broadcast-comparison")
def hits_by_a_function() -> None:
    model = mlp()
    for _ in range(3):
        tg.eq(model(X).max(1, keepdim=True)[1], T).sum()  # here


@speaks("broadcast-loss")
def an_error_of_each_sample_first() -> None:
    model = nn.Linear(8, 1)
    for _ in range(3):
        ((model(X) - X[:, 0]) ** 2).sum(1).mean()  # here


@speaks("sorted-labels")
def one_hot_rows_that_are_sorted() -> None:
    order = T.argsort()
    model, rows = mlp(), F.one_hot(T[order], 3).float()
    for x, t in DataLoader(TensorDataset(X[order], rows), batch_size=8):
        F.cross_entropy(model(x), t).backward()  # here


class Own(Dataset):
    """A dataset as people write them."""

    def __init__(self, part: slice = slice(None)) -> None:
        self.x, self.t = X[part], T[part]

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.x[i], self.t[i]


@speaks("validation-is-training")
def a_dataset_of_ones_own_is_made_twice() -> None:
    model = mlp()
    trainer = Trainer(model, sgd(model), progress=False)
    for epochs in (1, 2):
        trainer.fit(DataLoader(Own(), batch_size=8, shuffle=True), epochs, validation=DataLoader(Own()))  # here


@speaks("validation-is-training")
def a_part_of_a_dataset_of_ones_own() -> None:
    model = mlp()
    trainer = Trainer(model, sgd(model), progress=False)
    for epochs in (1, 2):
        trainer.fit(DataLoader(Own(), shuffle=True), epochs, validation=DataLoader(Own(slice(20, 40))))  # here


@speaks("evaluation-in-train-mode")
def a_saved_state_is_evaluated() -> None:
    def make() -> Any:
        return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 3))

    model = make()
    model.load_state_dict(make().state_dict())
    with tg.no_grad():
        for _ in range(3):
            model(X)  # here


@speaks("learning-rate")
def weights_that_start_at_0_leap() -> None:
    w = tg.zeros(8, 1, requires_grad=True)
    optimizer = optim.SGD([w], lr=5.0)
    for _ in range(8):
        optimizer.zero_grad()
        F.mse_loss(X @ w, X[:, :1] + X[:, 1:2]).backward()
        optimizer.step()  # here


@pytest.mark.parametrize("name", programs.wrong)
def test_it_speaks_once_of_the_line(name: str) -> None:
    check_speaks_once(*programs.wrong[name])
