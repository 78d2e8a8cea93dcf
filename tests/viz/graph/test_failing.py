"""A forward that failed: all that ran, the call that failed in red, and a line that does run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from viz.graph.nets import Deep

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.structure import Box, Picture


class Net(nn.Module):
    """A convolution and a linear layer that fits images of 28 x 28 pixels."""

    def __init__(self) -> None:
        self.conv, self.norm, self.fc = nn.Conv2d(1, 4, 5, padding=2), nn.BatchNorm2d(4), nn.Linear(784, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return self.fc(x.flatten(1))


def failed(model: Any, *inputs: Any, **options: Any) -> tuple[Box, Picture]:
    picture = draw_graph(model, inputs=inputs, failed="draw", **options).picture
    (box,) = (b for b in picture.boxes if b.kind == "failed")
    return box, picture


def test_all_that_ran_and_what_did_not_fit() -> None:
    box, picture = failed(Net(), tg.ones(2, 1, 32, 32))
    assert (box.label, box.remedy) == ("linear", "write nn.Linear(1024, 10)")
    assert box.problem == "ValueError: linear: input of shape (2, 1024) has 1024 features, weight of shape (10, 784) " \
        "expects 784"  # fmt: skip
    assert next(g.name for g in picture.groups if g.id == box.group) == "fc"
    assert box.source is not None
    assert box.source["code"] == "return self.fc(x.flatten(1))"
    assert box.source["file"].endswith("test_failing.py")
    labels = {b.id: b.name or b.label for b in picture.boxes}
    assert [labels[e.source] for e in picture.edges if e.target == box.id] == ["reshape", "fc.weight", "fc.bias"]
    ran = [b.label for b in picture.boxes if b.kind == "operation"]
    assert ran == ["conv2d", "BatchNorm2d", "relu", "max_pool2d", "reshape"]
    assert not any(b.output for b in picture.boxes)
    assert picture.backward == []


def test_the_error_stays_the_users_and_carries_the_graph() -> None:
    with pytest.raises(ValueError, match="has 1024 features") as caught:
        draw_graph(Net(), inputs=tg.ones(2, 1, 32, 32))
    graph = caught.value.graph  # type: ignore[attr-defined]
    assert any(b.kind == "failed" for b in graph.picture.boxes)
    assert "write nn.Linear(1024, 10)" in graph.source
    assert caught.value.__cause__ is None
    with pytest.raises(ValueError, match='failed must be "raise" or "draw"'):
        draw_graph(Net(), inputs=tg.ones(2, 1, 28, 28), failed="keep")


def test_a_first_layer_that_fails_has_its_input() -> None:
    box, picture = failed(Net(), tg.ones(2, 3, 28, 28))
    assert (box.label, box.remedy) == ("conv2d", "write nn.Conv2d(3, 4, kernel_size=(5, 5), padding=(2, 2))")
    assert {b.kind for b in picture.boxes} == {"failed", "input", "parameter"}


def test_a_weight_stands_with_the_call_that_fails_and_an_input_outside() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(tg.ones(5, 3))

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x @ self.w

    box, picture = failed(nn.Sequential(Net()), tg.ones(2, 4))
    assert next(g.type for g in picture.groups if g.id == box.group) == "Net"
    assert {b.label: b.group for b in picture.boxes if b is not box} == {"input": None, "0.w": box.group}


def test_operations_before_the_first_parameter_are_there() -> None:
    layer = nn.Linear(3, 2)
    box, picture = failed(lambda x: layer((x - 0.5).relu()), tg.ones(2, 4))
    assert [b.label for b in picture.boxes if b.kind == "operation"] == ["sub", "relu"]
    assert box.remedy == "write nn.Linear(4, 2)"


class Channels(nn.Module):
    """Layers that are called with what does not fit."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.layer(x)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (nn.Linear(5, 2), tg.ones(2, 7)),
        (nn.Linear(5, 2, bias=False), tg.ones(2, 3, 7)),
        (nn.Conv2d(1, 4, 3, stride=2, dilation=2), tg.ones(2, 3, 9, 9)),
        (nn.Conv2d(4, 4, 3, bias=False), tg.ones(2, 5, 9, 9)),
        (nn.Conv1d(2, 4, 3, padding=1), tg.ones(2, 3, 9)),
        (nn.BatchNorm2d(4), tg.ones(2, 3, 5, 5)),
        (nn.BatchNorm1d(4, eps=1e-3), tg.ones(2, 3)),
        (nn.Embedding(4, 3), tg.tensor([1, 9])),
    ],
    ids=lambda x: type(x).__name__,
)
def test_the_line_to_write_runs(layer: nn.Module, x: tg.Tensor) -> None:
    model = Channels(layer)
    box, _ = failed(model, x)
    assert box.remedy.startswith("write nn."), box
    model.layer = eval(box.remedy.removeprefix("write "), {"nn": nn})
    assert type(model.layer) is type(layer)
    y = model(x)
    if isinstance(layer, (nn.Linear, nn.Conv2d, nn.Conv1d)):
        assert y.shape[1 if x.ndim != 3 or isinstance(layer, nn.Conv1d) else 2] == len(layer.weight)
        assert (model.layer.bias is None) == (layer.bias is None)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("call", "label", "remedy"),
    [
        (lambda w, v: w @ v, "matmul", "transpose the 1st: ·.T @ ·"),
        (lambda w, v: v.T @ w.T, "matmul", "transpose the 2nd: · @ ·.T"),
        (lambda w, _v: w @ tg.ones(7, 9), "matmul", ""),
        (lambda w, _v: w @ tg.ones(2, 3), "matmul", ""),  # either of the two would do
        (lambda w, _v: tg.ones(3, 3, 2) * w.sum() + tg.ones(3), "add", ""),  # along the first, or the second
        (lambda w, v: tg.cat([w, v]), "cat", "along dimension 1 they fit: dim=1"),
        (lambda w, _v: tg.cat([w, tg.ones(5, 7)]), "cat", ""),
        (lambda w, _v: w + tg.ones(2), "add", "give the one of shape (2,) its dimension: .reshape(-1, 1)"),
        (lambda w, _v: w * tg.ones(5), "mul", ""),
        (lambda w, v: w / v, "true_divide", ""),
        (lambda w, _v: (1.0, 2.0) - w, "sub", ""),
        (lambda w, _v: np.ones(2, np.float32) - w, "sub", "give the one of shape (2,) its dimension: .reshape(-1, 1)"),
        (lambda w, _v: np.ones((7, 2), np.float32) @ w @ w, "matmul", "transpose the 2nd"),
        (lambda w, _v: 1 - w.reshape(3, 4), "reshape", ".reshape(3, -1) gives (3, 2)"),
        (lambda w, _v: w.reshape(4, 3), "reshape", ""),
        (
            lambda w, _v: F.cross_entropy(w, tg.tensor([1, 3])),
            "cross_entropy",
            "classes are counted from 0: target - 1",
        ),
        (lambda w, _v: F.cross_entropy(w, tg.tensor([0, 3])), "cross_entropy", "3 is a class: the net needs 4 outputs"),
        (lambda w, _v: F.cross_entropy(w, tg.tensor([0, 7])), "cross_entropy", "7 is a class: the net needs 8 outputs"),
        (lambda w, _v: F.cross_entropy(w, tg.tensor([[0], [1]])), "cross_entropy", "target.squeeze(-1) has the shape"),
        (lambda w, _v: F.cross_entropy(w, tg.tensor([0, 1, 2])), "cross_entropy", ""),
        (lambda w, _v: F.linear(w, tg.ones(4, 5)), "linear", "a weight of shape (4, 3) fits"),
        (lambda w, _v: F.linear(w[0], tg.ones(4, 1)), "linear", "a weight of shape (4, 3) fits"),
        (
            lambda w, _v: F.conv2d(tg.ones(1, 5, 5, 3) * w.sum(), tg.ones(2, 3, 3, 3)),
            "conv2d",
            "channels come first: x.",
        ),
    ],
)
def test_what_to_do_where_it_is_sure_and_silence_elsewhere(call: Any, label: str, remedy: str) -> None:
    w, v = tg.ones(2, 3, requires_grad=True), tg.ones(2, 4, requires_grad=True)
    box, _ = failed(call, w, v)
    assert box.label == label
    assert box.remedy.startswith(remedy) if remedy else not box.remedy


def test_a_mistake_of_the_users_own_is_shown_where_it_is() -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(3, 3)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            x = self.fc(x)
            raise KeyError("nothing of the package's")

    box, picture = failed(Wrong(), tg.ones(2, 3))
    assert box.label == "Wrong"
    assert box.problem.startswith("KeyError")
    assert box.remedy == ""
    labels = {b.id: b.label for b in picture.boxes}
    assert [labels[e.source] for e in picture.edges if e.target == box.id] == ["linear"]


def test_what_failed_is_never_hidden_in_a_module() -> None:
    model = Deep((3, 6, 12, 3))
    model.stages[2][5].two = nn.Conv2d(7, 4, 3, padding=1, bias=False)
    graph = draw_graph(model, inputs=tg.ones(1, 3, 8, 8), failed="draw")
    (box,) = (b for b in graph.drawn.boxes if b.kind == "failed")
    assert box.remedy == "write nn.Conv2d(4, 4, kernel_size=(3, 3), padding=(1, 1), bias=False)"


def test_nothing_of_the_users_changes() -> None:
    model = Net()
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    failed(model, tg.randn(2, 1, 32, 32))
    assert all((v.numpy() == before[k]).all() for k, v in model.state_dict().items())
