"""What pictures and pages refuse where no other test asks, and in what words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.train import Trainer
from tinygrad_cnn.viz.kit.page import plain
from tinygrad_cnn.viz.tiles import as_pictures


def net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


class Hard(nn.Module):
    """Its answer has no gradient."""

    def forward(self, x: Any) -> Any:
        return x.flatten(1).argmax(1)


HISTORY = {"loss": [1.0, 0.5]}
NONE_WHOLE = DataLoader(TensorDataset(tg.ones(3, 1, 4, 4), tg.arange(3)), batch_size=4, drop_last=True)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: viz.compare(net(), net(), histories=[HISTORY]), ValueError, "histories must be two runs, got list"),
        (lambda: viz.compare(net(), net(), histories=HISTORY), ValueError, "histories must be two runs, got dict"),
        (lambda: viz.compare(net(), net(), data=NONE_WHOLE), ValueError, "the data gave no batches"),
        (lambda: viz.plot_learning_curves([]), ValueError, "a run has no epochs yet, or no numbers"),
        (lambda: viz.plot_learning_curves({}), ValueError, "a run has no epochs yet, or no numbers"),
        (lambda: viz.plot_learning_curves({"mine": []}), ValueError, "a run has no epochs yet, or no numbers"),
        (lambda: viz.follow(Hard(), tg.ones(1, 1, 4, 4)), ValueError, "Hard must return a tensor of floating numbers"),
        (lambda: as_pictures(np.array([[["a"]]]), "here"), TypeError, "here: images must be numbers, got dtype <U1"),
        (lambda: plain({"a": {1, 2}}), TypeError, "takes numbers, texts, lists, dicts and arrays, got set"),
        (lambda: viz.live(net(), "Adam"), TypeError, "optimizer must be an Optimizer, got"),
        (lambda: viz.live(labels="cat", serve=False), TypeError, "labels must be a list of names, got the text 'cat'"),
    ],
)
def test_it_says_what_came_and_what_was_expected(call: Callable[[], Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_trainers_and_other_things_are_not_compared() -> None:
    model = net()
    trainer = Trainer(model, tg.optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss())
    with pytest.raises(TypeError, match="compares two Trainers, two Modules or two runs, got Trainer and"):
        viz.compare(trainer, HISTORY)
