"""The layers of nets of many builds as they were listed before, in ``stored/layers/NAME.txt``: names and statistics.

To record them anew, delete the file and run the test: it writes the file, and fails once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from viz.following import nets
from viz.graph import zoo

import tinygrad_cnn as tg
from tests.viz import recorded
from tests.viz.figures import number
from tinygrad_cnn import nn, viz


def listed(model: nn.Module, x: Any) -> Iterator[str]:
    for layer in viz.layers_of(model, x, every=True):
        yield f"every {layer.name!r} {layer.type} {layer.shape}"
    batch = x if isinstance(x, tuple) else (x,)
    for s in viz.activation_statistics(model, [(*batch, tg.zeros(len(batch[0])))]):
        figures = " ".join(map(number, (s.mean, s.std, s.zeros, s.unit_mean.sum(), s.unit_std.sum())))
        of = f"{s.name!r} {s.type} {s.shape} of {s.samples}, axis {s.axis}"
        yield f"statistics {of}: {figures}, dead {s.dead.tolist()}"


@pytest.mark.parametrize("name", ["lenet", "resnet18", "unet", "densenet", "rnn", "lstm_layer", "attention", "tied"])
def test_layers_of_the_zoo(name: str) -> None:
    asked = zoo.arguments(name)
    recorded.compare(listed(asked["output"], asked["inputs"]), "layers", name)


@pytest.mark.parametrize("name", nets.NETS)
def test_layers_of_nets_that_are_followed(name: str) -> None:
    model, x = nets.made(name)
    recorded.compare(listed(model, tg.tensor(x)), "layers", f"followed {name}")
