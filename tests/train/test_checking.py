"""What a Trainer says about odd things: what came, what was expected, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import data, nn, optim
from tinygrad_cnn.train import EarlyStopping, Trainer


def parts() -> tuple[nn.Module, optim.Optimizer]:
    net = nn.Linear(3, 2)
    return net, optim.SGD(net.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda _n, o: Trainer(None, o), TypeError, "model must be an nn.Module, got None$"),
        (lambda _n, o: Trainer(nn.Linear, o), TypeError, r"got the class Linear; make one: Linear\(...\)"),
        (lambda n, o: Trainer([n], o), TypeError, r"got list; make one of its layers: nn.Sequential\(\*layers\)"),
        (lambda n, o: Trainer(o, n), TypeError, r"got SGD; the model comes first: Trainer\(model, optimizer\)"),
        (lambda _n, o: Trainer(len, o), TypeError, "got builtin.*; write a class that derives from nn.Module"),
        (lambda n, _o: Trainer(n, None), TypeError, r"got None; pass optim.SGD\(model.parameters\(\), lr=...\)"),
        (lambda n, _o: Trainer(n, optim.Adam), TypeError, r"got the class Adam; pass Adam\(model.parameters\(\)"),
        (lambda n, _o: Trainer(n, n.parameters()), TypeError, r"got generator; pass optim.SGD\(model.parameters\(\)"),
        (lambda n, o: Trainer(n, optim.lr_scheduler.StepLR(o, 3)), TypeError, "an Optimizer, got StepLR; pass"),
        (lambda n, _o: Trainer(n, parts()[1]), ValueError, "no parameter of this model; make it from model.param"),
        (lambda n, o: Trainer(n, o, nn.MSELoss), TypeError, r"got the class MSELoss; make one: MSELoss\(\)"),
        (lambda n, o: Trainer(n, o, "mse"), TypeError, "function of .*, got str, as F.cross_entropy is"),
        (lambda n, o: Trainer(n, o, callbacks=3), TypeError, "callbacks must be a list of Callbacks, got int"),
        (lambda n, o: Trainer(n, o, callbacks=[EarlyStopping]), TypeError, r"got the class EarlyStopping; make one:"),
        (lambda n, o: Trainer(n, o, callbacks=[len]), TypeError, "callback 0 must be a Callback, got builtin"),
        (lambda n, o: Trainer(n, o).fit(data.DataLoader, 1), TypeError, "a dataset or a tuple.* got the class DataLoa"),
        (lambda n, o: Trainer(n, o).fit(None, 1), TypeError, "expected a DataLoader, a dataset .* got None"),
    ],
)  # fmt: skip
def test_odd_things(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make(*parts())


def test_no_callbacks_in_any_form() -> None:
    for callbacks in (None, (), [], iter([])):
        assert Trainer(*parts(), callbacks=callbacks).callbacks == []
    x = np.zeros((4, 3), np.float32), np.zeros(4, np.int64)
    Trainer(*parts(), callbacks=None, progress=False).fit(x, 1)
