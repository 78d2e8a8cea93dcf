"""What a Trainer takes for data, and models whose outputs are several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.data import DataLoader, IterableDataset, TensorDataset
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.train import Trainer

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(20, 4)).astype(np.float32), np.arange(20) % 3


class Stream(IterableDataset):
    """Samples one after another, and no length."""

    def __iter__(self) -> Iterator[Any]:
        yield from zip(X, T, strict=True)


class Outputs(nn.Module):
    """A linear layer whose output comes in a tuple, a list or a dict."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        tg.manual_seed(0)
        self.fc, self.kind = nn.Linear(4, 3), kind

    def forward(self, x: Any) -> Any:
        y = self.fc(x)
        return {"scores": y} if self.kind is dict else y if self.kind is tg.Tensor else self.kind([y, y * 2])


def trained(kind: type, data: Any, batch_size: int | None = 5) -> tuple[Any, Any]:
    """The losses of three epochs, and what evaluation says."""
    model = Outputs(kind)
    pick = {dict: "scores", tg.Tensor: slice(None)}.get(kind, 0)
    loss = nn.CrossEntropyLoss() if kind is tg.Tensor else lambda y, t: F.cross_entropy(y[pick], t)
    trainer = Trainer(model, tg.optim.SGD(model.parameters(), lr=0.1), loss, progress=False)
    trainer.fit(data, 3, batch_size=batch_size)
    return trainer.history["loss"], trainer.evaluate(data, batch_size=batch_size)["loss"]


def test_a_dataset_without_a_length_trains_as_the_arrays_do_in_order() -> None:
    in_order = DataLoader(TensorDataset(X, T), batch_size=5)
    assert trained(tg.Tensor, Stream()) == trained(tg.Tensor, in_order, None)


@pytest.mark.parametrize("kind", [tuple, list, dict])
def test_outputs_that_are_several(kind: type) -> None:
    tg.manual_seed(1)
    plain = trained(tg.Tensor, (X, T))
    assert trained(kind, (X, T)) == plain
