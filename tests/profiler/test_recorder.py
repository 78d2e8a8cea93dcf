"""Which module an event belongs to, its bytes and shapes; the cost of a node; that nothing is kept."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import pytest
from profiler.nets import MACS, OUT, C, K, N, Net, O, count, images

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tinygrad_cnn import nn
from tinygrad_cnn.profiler import profile
from tinygrad_cnn.profiler.events import EARLIER, NO_MODULE


# ---------------------------------------------------------------------------------------------------------- attribution
def test_calls_belong_to_their_modules_forward_and_backward() -> None:
    net, optimizer = (net := Net()), tg.optim.SGD(net.parameters(), lr=0.1)
    with tg.guard_rails(False), profile() as p:  # gradients are never cleared
        for _ in range(3):
            F.cross_entropy(net(images()), tg.arange(N)).backward()
            optimizer.step()
    forward, backward = count(p, "forward"), count(p, "backward")
    layers = {"features.0": "conv2d", "features.1": "relu", "features.2": "max_pool2d", "classifier": "linear"}
    for module, op in layers.items():
        assert forward[module, op] == 3
    rules = {"features.0": 2, "features.1": 1, "features.2": 1, "classifier": 3}  # conv: of weight and bias alone
    assert {module: backward[module, op] for module, op in layers.items()} == {m: 3 * k for m, k in rules.items()}
    assert {module for module, _ in forward} == {*layers, "(Net)", NO_MODULE}  # flatten, and the loss
    assert {module for module, _ in backward} == {module for module, _ in forward}
    assert count(p, "module") == {
        ("(Net)", "Net"): 3,
        ("features", "Sequential"): 3,
        ("features.0", "Conv2d"): 3,
        ("features.1", "ReLU"): 3,
        ("features.2", "MaxPool2d"): 3,
        ("classifier", "Linear"): 3,
    }
    assert count(p, "optimizer") == {(NO_MODULE, "SGD.step"): 3}
    rows = p.by_module()
    assert {name: rows[name].backward_calls for name in rules} == {name: 3 * k for name, k in rules.items()}
    assert {name: rows[name].calls for name in ("(Net)", "features", *layers, "SGD.step")} == dict.fromkeys(
        ("(Net)", "features", *layers, "SGD.step"), 3
    )
    assert p.by_op()["conv2d"].calls == p.by_op()["SGD.step"].calls == 3


def test_depth_adds_modules_to_the_one_around_them() -> None:
    with profile() as p:
        Net()(images()).sum().backward()
    deep, shallow = p.by_module(), p.by_module(depth=1)
    assert set(shallow) == {"features", "classifier", "(Net)", NO_MODULE}
    parts = [deep[f"features.{i}"] for i in range(3)]
    assert shallow["features"].total == pytest.approx(sum(row.total for row in parts))
    assert shallow["features"].backward_calls == sum(row.backward_calls for row in parts) == 4
    assert shallow["features"].calls == 1


def test_what_ran_before_the_profile() -> None:
    x = tg.ones(3, requires_grad=True)
    y = (x * 2).exp()
    with profile() as p:
        y.sum().backward()
    assert count(p, "backward") == {(NO_MODULE, "sum"): 1, (EARLIER, "exp"): 1, (EARLIER, "mul"): 1}
    assert p.of(y) is None


def test_without_gradients() -> None:
    net = Net()
    with tg.no_grad(), profile() as p:
        net(images())
    assert count(p, "backward") == {}
    assert p.by_module()["features.2"].flops == N * O * (OUT // 2) ** 2 * 3
    assert len(count(p, "forward")) == 5


def test_checkpoint_counts_again_under_the_same_names() -> None:
    class Frugal(Net):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.classifier(tg.checkpoint(self.features, x).flatten(1))

    with profile() as p:
        Frugal()(images()).sum().backward()
    assert count(p, "forward")["features.0", "conv2d"] == 2
    assert count(p, "backward")["features.0", "conv2d"] == 2
    assert count(p, "forward")["classifier", "linear"] == 1
    assert count(p, "module")["features.0", "Conv2d"] == 2


def test_create_graph_attributes_what_rules_are_made_of() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    x = tg.randn(2, 3, requires_grad=True)
    with profile() as p:
        (gradient,) = tg.grad(net(x).sum(), [x], create_graph=True)
        gradient.square().sum().backward()
    inner = [e for e in p.events if e.phase == "forward" and e.module == "0"]
    assert [e.name for e in inner].count("linear") == 1
    assert "linear_input" in [e.name for e in inner]  # the rule of linear, run on tensors
    assert ("0", "linear_input") in count(p, "backward")  # and its own gradient
    assert sum(row.total for row in p.by_op().values()) <= p.wall


# ----------------------------------------------------------------------------------------------------- bytes and shapes
def test_bytes_are_of_new_arrays() -> None:
    x = tg.ones(10, 20, requires_grad=True)
    with profile() as p:
        y = x.exp()
        z = y.reshape(200)
        (z + z.detach()).sum().backward()
    bytes_of = {(e.name, e.phase): e.bytes for e in p.events}
    assert bytes_of["exp", "forward"] == bytes_of["add", "forward"] == 800
    assert bytes_of["reshape", "forward"] == 0  # a view
    assert bytes_of["sum", "forward"] == 4
    assert bytes_of["add", "backward"] == 0  # hands the gradient on
    assert bytes_of["exp", "backward"] == 800
    assert p.by_op()["exp"].bytes == 1600


def test_shapes_are_those_of_the_inputs_also_in_the_backward() -> None:
    a, b = tg.ones(3, 1, requires_grad=True), tg.ones(4, requires_grad=True)
    with profile() as p:
        (a * b).sum().backward()
    muls = [e for e in p.events if e.name == "mul"]
    assert [(e.phase, e.input, e.shapes) for e in muls] == [
        ("forward", None, ((3, 1), (4,))),
        ("backward", 0, ((3, 1), (4,))),
        ("backward", 1, ((3, 1), (4,))),
    ]
    row = p.by_op(shapes=True)["mul (3, 1) (4,)"]
    assert (row.calls, row.backward_calls) == (1, 2)


# ---------------------------------------------------------------------------------------------------------------- nodes
def test_the_cost_of_a_node() -> None:
    net, x = nn.Sequential(nn.Conv2d(C, O, K), nn.ReLU()), images()
    with profile() as p:
        y = net[0](x)
        z = net[1](y).sum()
        z.backward(retain_graph=True)
        z.backward()
    cost = p.of(y)
    mine = [e for e in p.events if e.name == "conv2d"]
    assert cost is not None
    assert cost.module == "(Conv2d)"
    assert cost.forward == mine[0].duration
    assert cost.backward == pytest.approx(math.fsum(e.duration for e in mine[1:]))
    assert len(mine) == 5
    assert cost.bytes == y.numpy().nbytes
    assert cost.backward_bytes == 2 * (net[0].weight.numpy().nbytes + net[0].bias.numpy().nbytes)
    assert cost.flops == 3 * 2 * MACS
    assert p.of(y._node) == cost
    assert p.of(x) is None


# ------------------------------------------------------------------------------------------------ errors and references
def test_errors_within_are_survived() -> None:
    @tg.op(lambda _g, _y, _x: fail())
    def bad(x: Any) -> Any:
        return x + 0

    def fail() -> None:
        raise ArithmeticError("no")

    net = Net()
    with profile() as p:
        with pytest.raises(ArithmeticError):
            bad(tg.ones(2, requires_grad=True)).sum().backward()
        with pytest.raises(ValueError, match="broadcast"):
            tg.ones(2) + tg.ones(3)
        net(images()).sum().backward()
    assert count(p, "backward")["features.0", "conv2d"] == 2
    assert p.by_op()["bad"].backward_calls == 0
    assert p.by_op()["conv2d"].backward > 0
    assert sum(row.total for row in p.by_op().values()) <= p.wall


def test_a_rule_that_survives_an_error_within_it() -> None:
    @tg.op(lambda _g, _y, _x: fail())
    def bad(x: Any) -> Any:
        return x + 0

    def fail() -> None:
        raise ArithmeticError("no")

    @tg.op(lambda g, _y, _x: attempt(g))
    def careful(x: Any) -> Any:
        return x + 0

    def attempt(g: Any) -> Any:
        with tg.enable_grad(), pytest.raises(ArithmeticError):
            bad(tg.ones(2, requires_grad=True)).sum().backward()
        return g

    with profile() as p:
        careful(tg.ones(2, requires_grad=True)).sum().backward()
    (rule,) = [e for e in p.events if e.name == "careful" and e.phase == "backward"]
    inner = [e for e in p.events if e.name in ("bad", "sum") and e.start > rule.start]
    assert len(inner) == 3
    assert rule.duration > sum(e.duration for e in inner)
    assert p.by_op()["careful"].backward == pytest.approx(rule.duration - sum(e.duration for e in inner))


def test_nothing_is_kept_alive() -> None:
    net = Net()
    x = images()
    arrays = [weakref.ref(x.numpy()), weakref.ref(net.classifier.weight.numpy()), weakref.ref(net)]
    gc.disable()
    try:
        with profile() as p:
            y = net(x)
            node = weakref.ref(y._node)
            arrays.append(weakref.ref(y.numpy()))
            assert p.of(y) is not None
            y.sum().backward()
        del net, x, y
        assert [ref() is None for ref in (*arrays, node)] == [True] * 5
    finally:
        gc.enable()
    assert len(p._of) == 0
    assert p.by_module()["classifier"].calls == 1
