"""Right programs of many kinds, as people write them: no guard rail speaks of any."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import pytest
from hearing import Programs, heard

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import DataLoader, Dataset
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.train import Trainer

programs = Programs()
silent = programs.silent
RNG = np.random.default_rng(0)
X = tg.tensor(RNG.normal(size=(48, 8)).astype(np.float32))
T = tg.tensor(RNG.integers(0, 3, 48))


def mlp(dropout: float = 0.0) -> Any:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3))


def normed() -> Any:
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def trained(model: Any, optimizer: Any, loss: Any = F.cross_entropy, steps: int = 6) -> Any:
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(X), T).backward()
        optimizer.step()
    return model


def sgd(*models: Any, lr: float = 0.05) -> Any:
    return optim.SGD([p for model in models for p in model.parameters()], lr=lr)


# ------------------------------------------------------------------------------------------------- several optimizers
@silent
def a_critic_whose_fakes_are_not_detached() -> None:
    actor, critic = nn.Linear(4, 2), nn.Linear(2, 1)
    mine, other = sgd(actor), sgd(critic)
    for i in range(12):
        for optimizer in (mine, other):
            optimizer.zero_grad()
        if i % 6 < 5:
            (critic(actor(X[:, :4])).mean() - critic(X[:, :2]).mean()).backward()
            other.step()
        else:
            (-critic(actor(X[:, :4])).mean()).backward()
            mine.step()


@silent
def all_optimizers_step_whichever_task_it_was() -> None:
    for order in (1, -1):
        _all_optimizers_step(order)


def _all_optimizers_step(order: int) -> None:
    draws = random.Random(0)
    body, heads = nn.Linear(8, 16), (nn.Linear(16, 3), nn.Linear(16, 3))
    optimizers = [sgd(part) for part in (body, *heads)]
    for i in range(60):
        for optimizer in optimizers:
            optimizer.zero_grad()
        head = heads[i % 2 if i < 2 else draws.random() < 0.5] if i < 40 else heads[i // 10 % 2]
        F.cross_entropy(head(body(X).relu()), T).backward()
        for optimizer in optimizers[::order]:
            optimizer.step()


@silent
def a_generator_cut_off_once_is_spoken_of_by_its_own_step_alone() -> None:
    """Here the discriminator is only asked, twice, and both times its gradients are cleared."""
    net, judge = nn.Linear(4, 2), nn.Linear(2, 1)
    mine, other = sgd(net), sgd(judge)
    for _ in range(4):
        other.zero_grad()
        judge(net(X[:, :4]).detach()).mean().backward()
        other.step()
        judge(X[:, :2]).mean().backward()  # a look at its gradients, before they are cleared
        other.zero_grad()
        mine.zero_grad()
        judge(net(X[:, :4])).mean().backward()
        mine.step()


# ------------------------------------------------------------------------------------------------ frozen, or not at all
@silent
def a_policy_through_a_world_that_was_trained_before() -> None:
    def world() -> Any:
        model = nn.Linear(4, 1)
        optimizer = sgd(model)
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(model(X[:, :4]), X[:, :1]).backward()
            optimizer.step()
        return model

    model, policy = world(), nn.Linear(8, 4)
    optimizer = sgd(policy)
    for _ in range(5):
        optimizer.zero_grad()
        model(policy(X)).mean().backward()
        optimizer.step()


@silent
def features_of_a_net_in_evaluation_mode() -> None:
    features, generator = nn.Sequential(nn.Linear(8, 4), nn.Tanh()).eval(), nn.Linear(8, 8)
    optimizer = sgd(generator)
    for _ in range(5):
        optimizer.zero_grad()
        F.mse_loss(features(generator(X)), features(X).detach()).backward()
        optimizer.step()


@silent
def a_new_head_alone_is_trained_on() -> None:
    model = mlp()
    optimizer = sgd(model)
    trained(model, optimizer)
    model[3] = nn.Linear(16, 3)
    optimizer = sgd(model[3])
    trained(model, optimizer)


@silent
def gradients_are_saved_cleared_and_set_again() -> None:
    model = mlp()
    optimizer = sgd(model)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(model(X), T).backward()
        kept = [p.grad.clone() for p in model.parameters()]
        optimizer.zero_grad()
        for p, g in zip(model.parameters(), kept, strict=True):
            p.grad = g.clamp(-1, 1)
        optimizer.step()


@silent
def one_part_is_cleared_before_the_step_of_both() -> None:
    body, head = nn.Linear(8, 16), nn.Linear(16, 3)
    optimizer = sgd(body, head)
    for i in range(6):
        optimizer.zero_grad()
        F.cross_entropy(head(body(X).relu()), T).backward()
        if i % 2:
            body.zero_grad(set_to_none=False)
        optimizer.step()


@silent
def gradients_are_looked_at_before_the_first_step() -> None:
    model = mlp()
    optimizer = sgd(model)
    for _ in range(2):
        model.zero_grad()
        F.cross_entropy(model(X), T).backward()
    trained(model, optimizer)


@silent
def why_a_trained_net_says_what_it_says() -> None:
    model = mlp()
    optimizer = sgd(model)
    trained(model, optimizer).eval()
    for row in X[:3]:
        model(row[None])[0].max().backward()


@silent
def layers_in_a_set_that_stand_elsewhere_too() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(8, 16), nn.Linear(16, 3)
            self.decayed, self.first = {self.a, self.b}, {self.a.weight}

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x).relu())

    model = Net()
    trained(model, sgd(model))


@silent
def what_was_once_is_kept_with_its_graph() -> None:
    model = mlp()
    model.before = {name: p.clone() for name, p in model.named_parameters()}
    optimizer = sgd(model)
    trained(model, optimizer)
    model.since = {name: p.clone() for name, p in model.named_parameters()}
    trained(model, optimizer)


# --------------------------------------------------------------------------------------------------------------- losses
@silent
def online_steps_whose_first_sample_is_easy() -> None:
    w = tg.zeros(4, 1, requires_grad=True)
    optimizer, rng = optim.SGD([w], lr=0.05), np.random.default_rng(0)
    for i in range(200):
        x = tg.tensor(rng.normal(size=(1, 4)).astype(np.float32))
        y = x @ tg.tensor([[1.0], [-2.0], [3.0], [1.0]]) * (1e-3 if i == 0 else 1.0)
        optimizer.zero_grad()
        F.mse_loss(x @ w, y).backward()
        optimizer.step()


@silent
def values_that_are_0_until_the_first_reward() -> None:
    q = nn.Linear(8, 1, bias=False)
    nn.init.zeros_(q.weight)
    optimizer, states = optim.SGD(q.parameters(), lr=0.1), tg.eye(8)
    for i in range(200):
        with tg.no_grad():
            goal = (5.0 if i % 8 == 7 and i > 20 else 0.0) + 0.9 * q(states[(i + 1) % 8])
        optimizer.zero_grad()
        F.mse_loss(q(states[i % 8]), goal).backward()
        optimizer.step()


@silent
def a_cell_that_runs_again_at_the_minimum_with_decay() -> None:
    x = X[:, :3]
    y = x @ tg.tensor([[1.0], [2.0], [3.0]]) + 0.5 * X[:, 3:4]
    model = nn.Linear(3, 1)
    for _ in range(2):
        optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=0.01)
        for _ in range(400):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()


@silent
def a_focal_loss_by_nll_loss() -> None:
    def focal(scores: Any, t: Any) -> Any:
        return F.nll_loss((1 - F.softmax(scores, 1)) ** 2 * F.log_softmax(scores, 1), t)

    model = mlp()
    trained(model, sgd(model), focal)


@silent
def a_swish_and_a_temperature_by_hand() -> None:
    model, heat = mlp(), nn.Parameter(tg.tensor(0.0))
    optimizer = optim.SGD([*model.parameters(), heat], lr=0.05)
    trained(model, optimizer, lambda z, t: F.cross_entropy(z / (1 + tg.exp(-z)) / (1 + tg.exp(-heat)), t))
    trained(model, optimizer, lambda z, t: F.cross_entropy(z / (1 + tg.exp(-heat)), t))


@silent
def a_sum_over_masked_words_of_which_there_may_be_none() -> None:
    def masked(scores: Any, t: Any) -> Any:
        t = tg.where(tg.rand(48) < chance, t, -100)
        return F.cross_entropy(scores, t, reduction="sum") / max(1, int((t != -100).sum()))

    chance, model = 1.0, mlp()
    optimizer = sgd(model)
    for chance in (1.0, 0.5, 0.0):  # noqa: B007  (`masked` reads it)
        optimizer.zero_grad()
        masked(model(X), T).backward()
        optimizer.step()


@silent
def distances_to_as_many_centres_as_samples() -> None:
    centres, w = nn.Parameter(tg.linspace(-1, 1, 48)), nn.Parameter(tg.zeros(48))
    optimizer = optim.Adam([centres, w], lr=0.01)
    for _ in range(3):
        y = (tg.exp(-((X[:, :1] - centres) ** 2)) * w).sum(1)
        optimizer.zero_grad()
        F.mse_loss(y, X[:, 1]).backward()
        optimizer.step()


@silent
def pairs_of_one_class_and_one_hot_rows_by_comparison() -> None:
    model, other = nn.Linear(8, 4), T.flip(0)
    optimizer = sgd(model)
    for _ in range(3):
        same = (T.view(-1, 1) == other).float()
        likeness = model(X) @ model(X.flip(0)).T  # (N, N)
        loss = -((same * likeness.log_softmax(1)).sum(1) / same.sum(1).clamp(min=1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        likeness.detach().mean().item()  # another square of this size
    classes = (tg.randperm(10).unsqueeze(1) == tg.arange(10)).float()
    assert classes.sum(0).tolist() == classes.sum(1).tolist() == [1.0] * 10


@silent
def what_a_layer_gave_without_a_graph_may_be_large() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3))
    with tg.no_grad():
        model[0].weight.mul_(150)
        model(tg.rand(4, 1, 8, 8))


# ---------------------------------------------------------------------------------------------------------------- modes
@silent
def running_statistics_are_found_anew() -> None:
    model, average = normed(), normed()
    trained(model, sgd(model))
    average.load_state_dict(model.state_dict())
    for net in (model, average):
        net[1].reset_running_stats()
        net.train()
        with tg.no_grad():
            for _ in range(3):
                net(X)


@silent
def a_slow_copy_goes_first() -> None:
    fast, slow = normed(), normed()
    slow.load_state_dict(fast.state_dict())
    slow.requires_grad_(False)
    optimizer = sgd(fast)
    for _ in range(4):
        with tg.no_grad():
            keys = slow(X)
        optimizer.zero_grad()
        F.mse_loss(fast(X), keys).backward()
        optimizer.step()
        with tg.no_grad():
            for p, q in zip(slow.parameters(), fast.parameters(), strict=True):
                p.lerp_(q, 0.1)


@silent
def a_block_that_is_recomputed() -> None:
    block, head = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.2)), nn.Linear(16, 3)
    optimizer = sgd(block, head)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(head(tg.checkpoint(block, X)), T).backward()
        optimizer.step()


@silent
def it_is_evaluated_between_the_backward_and_the_step() -> None:
    model = normed()
    optimizer = sgd(model)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(model.train()(X), T).backward()
        F.cross_entropy(model.eval()(X), T).item()
        optimizer.step()
        F.cross_entropy(model(X), T).item()


# ------------------------------------------------------------------------------------------------------------- datasets
class Made(Dataset):
    """Samples that are made as they are asked for."""

    def __init__(self, seed: int) -> None:
        self.seed, self.sizes = seed, np.full(32, 8)

    def __len__(self) -> int:
        return 32

    def __getitem__(self, i: int) -> tuple[Any, int]:
        x = np.random.default_rng(self.seed * 100 + i).normal(size=8).astype(np.float32)
        return x, int(x[0] > 0)


class Chosen(Dataset):
    """Some samples of arrays that all such datasets have."""

    def __init__(self, indices: range) -> None:
        self.indices, self.x, self.t, self.names = np.array(indices), X, T, list("abc")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.x[self.indices[i]], self.t[self.indices[i]]


@silent
def datasets_of_ones_own_that_are_apart() -> None:
    for train, held in ((Made(0), Made(1)), (Chosen(range(24)), Chosen(range(24, 48)))):
        model = mlp()
        trainer = Trainer(model, sgd(model), progress=False)
        trainer.fit(DataLoader(train, batch_size=8, shuffle=True), 1, validation=DataLoader(held, batch_size=8))


@silent
def a_copy_of_both_goes_on() -> None:
    model = mlp()
    optimizer = sgd(model)
    trained(model, optimizer)
    trained(*copy.deepcopy((model, optimizer)))
    trained(model, optimizer)


@pytest.mark.parametrize("name", programs.right)
def test_it_is_silent_on_what_is_right(name: str) -> None:
    assert heard(programs.right[name]) == []
