"""Qualified names of modules that nobody announced."""

from __future__ import annotations

from collections import Counter

from profiler.nets import count

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.profiler import profile


def test_names_of_several_models() -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(2, 2), nn.ReLU())

    first, second, third = make(), make(), nn.ModuleList([nn.Linear(2, 2)])
    x = tg.randn(3, 2)
    with profile() as p:
        for _ in range(2):
            first(x), second(x), first[0](x), third[0](x)
            nn.MSELoss()(x, x)  # a new one each time
    assert Counter(e.module for e in p.events if e.phase == "module") == {
        "(Sequential)": 2,
        "0": 4,
        "1": 2,
        "(Sequential 2)": 2,
        "(Sequential 2).0": 2,
        "(Sequential 2).1": 2,
        "(Linear)": 2,
        "(MSELoss)": 2,
    }


def test_modules_that_are_no_attributes_or_appear_later() -> None:
    class Odd(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            if not hasattr(self, "late"):
                self.late = nn.Tanh()
            return nn.Sigmoid()(self.late(x))

    model = nn.Sequential(nn.Identity(), Odd())
    with profile() as p:
        model(model(tg.ones(2)))
    names = Counter(e.module for e in p.events if e.phase == "forward")
    assert names == {"1.late": 2, "1.(Sigmoid)": 2}


def test_shared_layer_has_one_name() -> None:
    layer = nn.Linear(3, 3)
    with profile() as p:
        nn.Sequential(layer, nn.ReLU(), layer)(tg.ones(1, 3)).sum().backward()
    assert p.by_module()["0"].calls == 2
    assert count(p, "backward")["0", "linear"] == 5  # of w and b twice, of x once
