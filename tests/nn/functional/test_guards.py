"""The guard rails of losses: each speaks once, of the user's own line, and of no right program near it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hearing import Programs, check_speaks_once, heard

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.nn import functional as F

programs = Programs()
speaks, silent = programs.speaks, programs.silent
RNG = np.random.default_rng(0)
X = tg.tensor(RNG.normal(size=(60, 4)).astype(np.float32))
T = tg.tensor(RNG.integers(0, 3, 60))
BITS = tg.tensor(RNG.integers(0, 2, (60, 1)).astype(np.float32))


def train(model: Any, loss: Callable[[Any, Any], Any], x: Any = X, t: Any = T, steps: int = 6, lr: float = 0.1) -> None:
    """Some steps; the loss is called on the line that the caller gave it."""
    optimizer = tg.optim.SGD(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(x), t).backward()
        optimizer.step()


def net(*last: Any, outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, outputs), *last)


# ------------------------------------------------------------------------------------- squeezed twice
@speaks("softmax-before-loss")
def a_net_that_ends_in_softmax() -> None:
    loss = nn.CrossEntropyLoss()
    train(net(nn.Softmax(dim=1)), lambda y, t: loss(y, t))  # here


@speaks("softmax-before-loss")
def softmax_behind_a_view_an_index_and_a_clip() -> None:
    train(net(), lambda y, t: F.cross_entropy(y.softmax(-1).unsqueeze(0)[0].clamp(1e-6, 1).view(60, 3), t))  # here


@speaks("softmax-before-loss")
def softmax_written_by_hand() -> None:
    def squeezed(y: Any) -> Any:
        e = (y - y.max(1, keepdim=True).values).exp()
        return e / e.sum(1, keepdim=True)

    train(net(), lambda y, t: F.cross_entropy(squeezed(y), t))  # here


@speaks("softmax-before-loss")
def log_softmax_which_changes_nothing() -> None:
    train(net(nn.LogSoftmax(dim=1)), lambda y, t: F.cross_entropy(y, t))  # here


@speaks("softmax-before-loss")
def the_logarithm_of_softmax() -> None:
    train(net(), lambda y, t: F.cross_entropy((y.softmax(1) + 1e-8).log(), t))  # here


@speaks("softmax-before-loss")
def sigmoid_before_cross_entropy() -> None:
    train(net(nn.Sigmoid()), lambda y, t: F.cross_entropy(y, t))  # here


@speaks("softmax-before-loss")
def probabilities_with_soft_targets() -> None:
    targets = F.one_hot(T, 3).float()
    train(net(nn.Softmax(1)), lambda y, t: F.cross_entropy(y, t), t=targets)  # here


@speaks("softmax-before-loss")
def probabilities_without_a_graph() -> None:
    with tg.no_grad():
        for _ in range(5):
            F.cross_entropy(net(nn.Softmax(1))(X), T)  # here


@speaks("sigmoid-before-loss")
def sigmoid_before_logits() -> None:
    train(net(nn.Sigmoid(), outputs=1), lambda y, t: F.binary_cross_entropy_with_logits(y, t), t=BITS)  # here


@speaks("sigmoid-before-loss")
def a_logistic_function_by_hand() -> None:
    loss = nn.BCEWithLogitsLoss()
    train(net(outputs=1), lambda y, t: loss((1 / (1 + (-y).exp())).squeeze(1), t.squeeze(1)), t=BITS)  # here


@speaks("sigmoid-before-loss")
def sigmoid_before_a_multilabel_loss() -> None:
    train(net(nn.Sigmoid()), lambda y, t: F.multilabel_soft_margin_loss(y, F.one_hot(t, 3).float()))  # here


@speaks("sigmoid-before-loss")
def sigmoid_before_a_soft_margin() -> None:
    train(net(nn.Sigmoid(), outputs=1), lambda y, t: F.soft_margin_loss(y, 2 * t - 1), t=BITS)  # here


@silent
def scores_are_handed_over_as_they_are() -> None:
    train(net(), F.cross_entropy)
    train(net(), lambda y, t: F.cross_entropy(y / 0.5, t, label_smoothing=0.1))
    train(net(outputs=1), F.binary_cross_entropy_with_logits, t=BITS)
    train(net(nn.Sigmoid(), outputs=1), F.binary_cross_entropy, t=BITS)


@silent
def softmax_where_it_belongs() -> None:
    targets = F.one_hot(T, 3).float()
    train(net(nn.Softmax(1)), F.mse_loss, t=targets)
    train(net(), lambda y, t: F.kl_div(y.log_softmax(1), t, reduction="batchmean"), t=targets)
    train(net(), lambda y, t: F.cross_entropy(y * y.softmax(1), t))  # attention among the scores


@silent
def one_hot_vectors_as_scores() -> None:
    F.cross_entropy(tg.eye(3), tg.tensor([0, 1, 2]))
    F.cross_entropy(tg.zeros(2, 1), tg.tensor([0, 0]))


# ------------------------------------------------------------------------------------- no log-probabilities
@speaks("nll-loss-input")
def softmax_before_nll() -> None:
    loss = nn.NLLLoss()
    train(net(nn.Softmax(dim=1)), lambda y, t: loss(y, t))  # here


@speaks("nll-loss-input")
def scores_before_nll() -> None:
    train(net(), lambda y, t: F.nll_loss(y, t))  # here


@speaks("nll-loss-input")
def scores_below_0_before_nll() -> None:
    train(net(), lambda y, t: F.nll_loss(-(y**2) - 1, t))  # here


@speaks("nll-loss-input")
def scores_of_pixels_before_nll() -> None:
    images = tg.tensor(RNG.normal(size=(2, 3, 4, 4)).astype(np.float32))
    classes = tg.tensor(RNG.integers(0, 3, (2, 4, 4)))
    for _ in range(6):
        F.nll_loss(images, classes)  # here


@speaks("kl-div-input")
def probabilities_before_kl_div() -> None:
    train(net(nn.Softmax(1)), lambda y, t: F.kl_div(y, F.one_hot(t, 3).float()))  # here


@silent
def log_probabilities_before_nll() -> None:
    train(net(nn.LogSoftmax(dim=1)), F.nll_loss)
    train(net(), lambda y, t: F.nll_loss((y.softmax(1) + 1e-8).log(), t))
    train(net(), lambda y, t: F.nll_loss(y - y.logsumexp(1, keepdim=True), t))
    F.nll_loss(X[:, :3].double().log_softmax(1).half(), T)


# ------------------------------------------------------------------------------------- targets
@speaks("one-hot")
def several_classes_at_once() -> None:
    rows = tg.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    train(net(), lambda y, t: F.cross_entropy(y, t), x=X[:2], t=rows)  # here


@speaks("one-hot")
def rows_of_255() -> None:
    train(net(), lambda y, t: F.cross_entropy(y, t), t=255 * F.one_hot(T, 3).float(), lr=1e-4)  # here


@speaks("targets-outside-0-1")
def minus_one_and_one_for_logits() -> None:
    train(net(outputs=1), lambda y, t: F.binary_cross_entropy_with_logits(y, t), t=2 * BITS - 1)  # here


@speaks("all-ignored")
def nothing_but_ignored_labels() -> None:
    ignored = tg.full((60,), -100, dtype=tg.int64)
    for _ in range(3):
        F.cross_entropy(net()(X), ignored)  # here


@speaks("all-ignored")
def a_padding_class_that_is_all_there_is() -> None:
    for _ in range(3):
        F.nll_loss(net(nn.LogSoftmax(1))(X), tg.zeros(60, dtype=tg.int64), ignore_index=0, reduction="sum")  # here


@silent
def targets_that_are_distributions() -> None:
    hot = F.one_hot(T, 3).float()
    train(net(), F.cross_entropy, t=0.9 * hot + 0.1 / 3)
    train(net(), F.cross_entropy, t=0.3 * hot + 0.7 * hot.flip(0))  # mixup
    train(net(outputs=1), F.binary_cross_entropy_with_logits, t=0.8 * BITS + 0.1)


@silent
def some_labels_are_ignored() -> None:
    some = tg.where(tg.arange(60) < 59, -100, T)
    train(net(), F.cross_entropy, t=some)
    F.cross_entropy(net()(X[:0]), T[:0])


# ------------------------------------------------------------------------------------- sorted labels
def batches(labels: Any, size: int = 10, shuffle: bool = False) -> Iterator[tuple[Any, Any]]:
    labels = np.asarray(labels)
    data = TensorDataset(RNG.normal(size=(len(labels), 4)).astype(np.float32), labels)
    return iter(DataLoader(data, size, shuffle=shuffle))


@speaks("sorted-labels")
def classes_one_after_the_other() -> None:
    model = net()
    for _ in range(2):
        for x, t in batches(np.repeat([0, 1, 2], 40)):
            F.cross_entropy(model(x), t).backward()  # here


@speaks("sorted-labels")
def folders_in_any_order() -> None:
    model = net(nn.LogSoftmax(1))
    for x, t in batches(np.repeat([2, 0, 1], 33), 8):
        F.nll_loss(model(x), t).backward()  # here


@speaks("sorted-labels")
def one_sample_at_a_time() -> None:
    model = net()
    for x, t in batches(np.repeat([0, 1, 2], 12), 1):
        F.cross_entropy(model(x), t).backward()  # here


@speaks("sorted-labels")
def two_classes_as_numbers() -> None:
    model = net(outputs=1)
    for x, t in batches(np.repeat([0.0, 1.0], 40).astype(np.float32)[:, None]):
        F.binary_cross_entropy_with_logits(model(x), t).backward()  # here


@silent
def shuffled_labels() -> None:
    model = net()
    for x, t in batches(np.repeat([0, 1, 2], 40), shuffle=True):
        F.cross_entropy(model(x), t).backward()


@silent
def a_rare_class() -> None:
    labels = np.zeros(500, np.int64)
    labels[-2:] = 1
    model = net()
    for x, t in batches(labels):
        F.cross_entropy(model(x), t).backward()


@silent
def a_few_labels_that_came_sorted_by_chance() -> None:
    model = net()
    for x, t in zip(X[:8].split(2), ([0, 0], [0, 0], [1, 1], [1, 1]), strict=True):
        F.cross_entropy(model(x), tg.tensor(t)).backward()


@silent
def all_in_one_sorted_batch() -> None:
    train(net(), F.cross_entropy, t=T.sort().values, steps=20)


@silent
def sorted_data_that_is_evaluated() -> None:
    model = net().eval()
    for x, t in batches(np.repeat([0, 1, 2], 40)):
        F.cross_entropy(model(x), t)  # somebody forgot no_grad
        with tg.no_grad():
            F.cross_entropy(model(x), t)


@silent
def real_and_fake_in_turn() -> None:
    judge = net(outputs=1)
    for _ in range(10):
        for bit in (1.0, 0.0):
            F.binary_cross_entropy_with_logits(judge(X), tg.full((60, 1), bit)).backward()


# -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", programs.wrong)
def test_it_speaks_once_of_the_line(name: str) -> None:
    check_speaks_once(*programs.wrong[name])


@pytest.mark.parametrize("name", programs.right)
def test_it_is_silent_on_what_is_right(name: str) -> None:
    assert heard(programs.right[name]) == []


def test_it_speaks_again_in_another_run_and_on_another_line() -> None:
    def twice() -> None:
        for _ in range(2):
            model = net(nn.Softmax(1))
            tg.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(3):
                F.cross_entropy(model(X), T)
        F.cross_entropy(model(X), T)

    assert [rail for rail, _ in heard(twice)] == ["softmax-before-loss"] * 3


def test_numbers_are_looked_at_in_the_first_batches_alone() -> None:
    """What is right in the beginning stays so; and looking ends."""
    rows = [F.one_hot(T, 3).float()] * 16 + [2 * F.one_hot(T, 3).float()]

    def late() -> None:
        for t in rows:
            F.cross_entropy(X[:, :3], t)

    assert heard(late) == []


def test_looking_begins_anew_with_another_optimizer() -> None:
    rows = [F.one_hot(T, 3).float()] * 20 + [2 * F.one_hot(T, 3).float()]

    def program() -> None:
        for k, t in enumerate(rows):
            if k == 20:
                tg.optim.SGD(net().parameters(), lr=0.1)
            F.cross_entropy(X[:, :3], t)

    assert [rail for rail, _ in heard(program)] == ["one-hot"]


def test_a_trainer_names_the_line_of_fit() -> None:
    def program() -> None:
        model = net(nn.Softmax(1))
        trainer = tg.train.Trainer(model, tg.optim.SGD(model.parameters(), lr=0.1), progress=False)
        trainer.fit((X.numpy(), T.numpy()), 3)  # here

    check_speaks_once("softmax-before-loss", program)
