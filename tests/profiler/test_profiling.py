"""The figures of a profile: who gets which calls, seconds, bytes and FLOPs, and what a profile leaves behind."""

from __future__ import annotations

import doctest
import gc
import importlib
import inspect
import math
import re
import threading
import time
import weakref
from collections import Counter
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tinygrad_cnn import nn
from tinygrad_cnn.modes import mode
from tinygrad_cnn.nn.module import Module
from tinygrad_cnn.optim.optimizer import Optimizer
from tinygrad_cnn.profiler import ProfilerActivity, profile, record_function
from tinygrad_cnn.profiler.events import EARLIER, NO_MODULE, OPERATIONS, Event
from tinygrad_cnn.profiler.tables import own_seconds

N, C, O, SIDE, K = 4, 2, 3, 8, 3
OUT = SIDE - K + 1
MODULES = ["profiling", "recorder"]


class Net(nn.Module):
    """Two levels of modules, and an operation of its own."""

    def __init__(self) -> None:
        self.features = nn.Sequential(nn.Conv2d(C, O, K), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(O * (OUT // 2) ** 2, 5)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.classifier(self.features(x).flatten(1))


def images() -> tg.Tensor:
    return tg.randn(N, C, SIDE, SIDE)


def count(p: profile, phase: str) -> dict[tuple[str, str], int]:
    return dict(Counter((e.module, e.name) for e in p.events if e.phase == phase))


def clean() -> bool:
    """Nobody watches, and no method is wrapped."""
    return (
        not mode.watchers and not hasattr(Module.__call__, "__wrapped__") and not hasattr(Optimizer.step, "__wrapped__")
    )


# ------------------------------------------------------------------------------------------------------ attribution
def test_calls_belong_to_their_modules_forward_and_backward() -> None:
    net, optimizer = (net := Net()), tg.optim.SGD(net.parameters(), lr=0.1)
    with profile() as p:
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
    assert "matmul" in [e.name for e in inner]  # the rule of linear, run on tensors
    assert ("0", "matmul") in count(p, "backward")  # and its own gradient
    assert sum(row.total for row in p.by_op().values()) <= p.wall


def test_an_operation_of_ones_own() -> None:
    @tg.op(lambda g, _y, x: 2 * x * g)
    def linear(x: Any) -> Any:
        return x * x

    with profile() as p:
        linear(tg.ones(3, requires_grad=True)).sum().backward()
    row = p.by_op()["linear"]
    assert (row.calls, row.backward_calls, row.flops) == (1, 1, None)  # the name alone does not make it a product


# ------------------------------------------------------------------------------------------------------------ FLOPs
MACS = N * O * OUT * OUT * C * K * K


def flops_of(p: profile, name: str, phase: str) -> list[int | None]:
    found = [e for e in p.events if e.name == name and e.phase == phase]
    return [e.flops for e in sorted(found, key=lambda e: e.input or 0)]


def test_flops_of_a_convolution_and_its_gradients() -> None:
    x, w, b = (tg.randn(*shape, requires_grad=True) for shape in ((N, C, SIDE, SIDE), (O, C, K, K), (O,)))
    with profile() as p:
        F.conv2d(x, w, b).sum().backward()
    assert flops_of(p, "conv2d", "forward") == [2 * MACS]
    assert flops_of(p, "conv2d", "backward") == [2 * MACS, 2 * MACS, None]
    assert p.by_op()["conv2d"].flops == 6 * MACS


def test_flops_of_a_strided_grouped_convolution() -> None:
    x, w = tg.randn(2, 4, 9, 9), tg.randn(6, 2, 3, 3, requires_grad=True)
    with profile() as p:
        y = F.conv2d(x, w, stride=2, padding=1, groups=2)
        y.sum().backward()
    assert y.shape == (2, 6, 5, 5)
    work = 2 * (2 * 6 * 5 * 5) * (2 * 3 * 3)
    assert flops_of(p, "conv2d", "forward") == flops_of(p, "conv2d", "backward") == [work]


def test_flops_of_a_transposed_convolution() -> None:
    x, w = tg.randn(2, 4, 5, 5, requires_grad=True), tg.randn(4, 3, 3, 3, requires_grad=True)
    with profile() as p:
        y = F.conv_transpose2d(x, w, stride=2)
        y.sum().backward()
    work = 2 * (2 * 4 * 5 * 5) * (3 * 3 * 3)  # each pixel of x is spread over 3 channels and 3 x 3 pixels
    assert flops_of(p, "conv2d_input", "forward") == [work]
    assert flops_of(p, "conv2d_input", "backward") == [work, work]


def test_flops_of_gradients_of_gradients() -> None:
    x, w = tg.randn(N, C, SIDE, SIDE, requires_grad=True), tg.randn(O, C, K, K, requires_grad=True)
    with profile() as p:
        (gw,) = tg.grad(F.conv2d(x, w).square().sum(), [w], create_graph=True)
        gw.sum().backward()
    assert flops_of(p, "conv2d_weight", "forward") == [2 * MACS]
    assert flops_of(p, "conv2d_weight", "backward") == [2 * MACS, 2 * MACS]


def test_flops_of_products() -> None:
    x, w, b = (tg.randn(*shape, requires_grad=True) for shape in ((6, 5), (4, 5), (4,)))
    stack, matrix = tg.randn(3, 6, 4, requires_grad=True), tg.randn(4, 7, requires_grad=True)
    with profile() as p:
        F.linear(x, w, b).sum().backward()
        (stack @ matrix).sum().backward()
    assert flops_of(p, "linear", "forward") == [2 * 6 * 5 * 4]
    assert flops_of(p, "linear", "backward") == [2 * 6 * 5 * 4, 2 * 6 * 5 * 4, None]
    assert flops_of(p, "matmul", "forward") == [2 * 3 * 6 * 4 * 7]
    assert flops_of(p, "matmul", "backward") == [2 * 3 * 6 * 4 * 7] * 2


def test_flops_of_poolings_and_arithmetic() -> None:
    x = tg.randn(2, 3, 8, 8, requires_grad=True)
    with profile() as p:
        F.max_pool2d(x, 2).sum().backward()
        F.avg_pool2d(x, (2, 4), stride=(2, 4)).sum().backward()
        F.relu(x + 1) * x / 3 - 2
        x.exp()
    assert flops_of(p, "max_pool2d", "forward") == [2 * 3 * 4 * 4 * 3]
    assert flops_of(p, "max_pool2d", "backward") == [None]
    assert flops_of(p, "window_sum", "forward") == [2 * 3 * 4 * 2 * 7]
    assert flops_of(p, "window_sum", "backward") == [2 * 3 * 4 * 2 * 8]
    assert {name: flops_of(p, name, "forward")[-1] for name in ("add", "relu", "mul", "sub")} == dict.fromkeys(
        ("add", "relu", "mul", "sub"), 2 * 3 * 8 * 8
    )
    assert flops_of(p, "exp", "forward") == [None]


def test_a_rate_is_flops_over_the_time_of_what_was_counted() -> None:
    x, w, b = (tg.randn(*shape, requires_grad=True) for shape in ((64, 50), (40, 50), (40,)))
    with profile() as p:
        F.linear(x, w, b).sum().backward()
    row = p.by_op()["linear"]
    seconds = sum(e.duration for e in p.events if e.name == "linear" and e.flops is not None)
    assert row.counted == pytest.approx(seconds)
    assert row.counted < row.total  # the bias has no count
    assert row.flops_per_second == pytest.approx(3 * 2 * 64 * 50 * 40 / seconds)
    assert p.by_op()["sum"].flops_per_second is None


# ------------------------------------------------------------------------------------------------- bytes and shapes
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


# ------------------------------------------------------------------------------------------------------------- time
def test_seconds_add_up_to_no_more_than_the_clock_shows() -> None:
    net, optimizer = (net := Net()), tg.optim.Adam(net.parameters())
    before = time.perf_counter()
    with profile() as p:
        for _ in range(3):
            net(images()).square().sum().backward()
            optimizer.step()
        time.sleep(0.02)
    passed = time.perf_counter() - before
    for rows in (p.by_op(), p.by_op(shapes=True), p.by_module(), p.by_module(depth=1)):
        inside = sum(row.total for row in rows.values())
        assert 0 < inside <= p.wall <= passed
        assert p.outside == pytest.approx(p.wall - inside)
        assert sum(row.share for row in rows.values()) == pytest.approx(1 - p.outside / p.wall)
    assert p.outside >= 0.02
    assert all(e.duration >= 0 and 0 <= e.start <= e.start + e.duration <= p.wall + 1e-9 for e in p.events)


def test_slow_operations_are_found() -> None:
    @tg.op(lambda g, _y, _x: nap(g, 0.03))
    def slow(x: Any) -> Any:
        return nap(x, 0.01)

    def nap(x: Any, seconds: float) -> Any:
        time.sleep(seconds)
        return x.copy()

    class Slow(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return slow(x)

    with profile() as p:
        nn.Sequential(nn.ReLU(), Slow())(tg.ones(3, requires_grad=True)).sum().backward()
    for row in (p.by_op()["slow"], p.by_module()["1"]):
        assert row.forward >= 0.01
        assert row.backward >= 0.03
    assert next(iter(p.by_op())) == "slow"


def event(start: float, end: float) -> Event:
    return Event("x", "forward", "", start, end - start)


def test_own_seconds() -> None:
    events = [event(1, 2), event(3, 4), event(0, 5), event(6, 7), event(6, 8), event(9, 10)]  # in the order of the ends
    assert own_seconds(events) == [1, 1, 3, 1, 1, 1]


def test_an_optimizer_step_with_a_closure_counts_its_operations_once() -> None:
    w = tg.ones(1000, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def closure() -> tg.Tensor:
        loss = (w * w).sum()
        loss.backward()
        return loss

    with profile() as p:
        optimizer.step(closure)
    step = next(e for e in p.events if e.phase == "optimizer")
    operations = sum(e.duration for e in p.events if e.phase in ("forward", "backward"))
    assert p.by_op()["SGD.step"].other == pytest.approx(step.duration - operations)


# ------------------------------------------------------------------------------------------------ what it leaves alone
def test_a_profile_changes_no_result() -> None:
    tg.manual_seed(0)
    net, x = Net(), images()
    net(x).sum().backward()
    expected = [p.grad.numpy().copy() for p in net.parameters()]
    net.zero_grad()
    with profile():
        net(x).sum().backward()
    for parameter, g in zip(net.parameters(), expected, strict=True):
        np.testing.assert_array_equal(parameter.grad.numpy(), g)


def test_an_exception_leaves_nothing_wrapped() -> None:
    net = Net()
    with pytest.raises(ValueError, match="channels"), profile() as p:
        net(tg.randn(1, C + 1, SIDE, SIDE))
    assert clean()
    assert p.by_module()["features.0"].calls == 1  # the call that failed
    assert net(images()).shape == (N, 5)


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
    arrays = [weakref.ref(x.data), weakref.ref(net.classifier.weight.data), weakref.ref(net)]
    gc.disable()
    try:
        with profile() as p:
            y = net(x)
            node = weakref.ref(y._node)
            arrays.append(weakref.ref(y.data))
            assert p.of(y) is not None
            y.sum().backward()
        del net, x, y
        assert [ref() is None for ref in (*arrays, node)] == [True] * 5
    finally:
        gc.enable()
    assert len(p._of) == 0
    assert p.by_module()["classifier"].calls == 1


def test_off_means_off() -> None:
    call, step = Module.__call__, Optimizer.step
    assert clean()
    with profile():
        assert Module.__call__ is not call
        assert Optimizer.step is not step
    assert Module.__call__ is call
    assert Optimizer.step is step
    assert clean()


def test_importing_the_framework_does_not_import_the_profiler() -> None:
    assert "profiler" in tg._LATER
    for name in ("engine", "modes", "nn.module", "optim.optimizer"):
        assert "profiler" not in re.sub(
            r'"""(?s:.*?)"""', "", inspect.getsource(importlib.import_module(f"tinygrad_cnn.{name}"))
        )


# ------------------------------------------------------------------------------------- nesting, threads, anomaly mode
def test_nested_profiles_see_the_same() -> None:
    net, optimizer = (net := Net()), tg.optim.SGD(net.parameters(), lr=0.1)
    with profile() as outer:
        net(images())
        with profile() as inner:
            net(images()).sum().backward()
            optimizer.step()
        net(images())
        optimizer.step()
    for rows in (outer.by_op(), outer.by_module()):
        assert rows["conv2d" if "conv2d" in rows else "features.0"].calls == 3
        assert rows["SGD.step"].calls == 2
    for rows in (inner.by_op(), inner.by_module()):
        assert rows["conv2d" if "conv2d" in rows else "features.0"].calls == 1
        assert rows["SGD.step"].calls == 1
    assert inner.by_module()["features.0"].backward_calls == outer.by_module()["features.0"].backward_calls == 2
    assert inner.wall < outer.wall
    assert clean()


def test_profiles_may_overlap() -> None:
    a, b = profile(), profile()
    a.start()
    tg.ones(1).exp()
    b.start()
    tg.ones(1).exp()
    a.stop()
    tg.ones(1).exp()
    b.stop()
    tg.ones(1).exp()
    assert (a.by_op()["exp"].calls, b.by_op()["exp"].calls) == (2, 2)
    assert clean()


def test_other_threads_are_not_watched() -> None:
    net = Net()

    def work() -> None:
        with record_function("elsewhere"):
            net(images()).sum().backward()

    with profile() as p:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        net(images())
    assert p.by_op()["conv2d"].calls == 1
    assert not p.by_span()
    assert {e.thread for e in p.events} == {threading.get_native_id()}


def test_each_thread_may_have_a_profile() -> None:
    found: dict[int, profile] = {}
    together = threading.Barrier(2)

    def work(k: int) -> None:
        net = Net()
        together.wait()
        with profile() as p:
            for _ in range(k + 2):
                net(images())
            together.wait()
        found[k] = p

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[k].by_module()["features.0"].calls for k in range(2)] == [2, 3]
    assert clean()


@pytest.mark.parametrize("profile_first", [True, False])
def test_with_anomaly_mode(profile_first: bool) -> None:
    contexts = [profile(), tg.autograd.detect_anomaly()]
    outer, inner = contexts if profile_first else contexts[::-1]
    with outer, inner:
        (tg.ones(2, requires_grad=True) * 2).sum().backward()
        with pytest.raises(RuntimeError, match="'log' made -inf"):
            tg.zeros(2).log()
    p: Any = contexts[0]
    assert p.by_op()["mul"].backward_calls == 1
    assert p.by_op()["log"].calls == 1
    assert clean()


# ------------------------------------------------------------------------------------------------------ on and off
def test_start_goes_on_after_stop() -> None:
    p = profile()
    p.start()
    tg.ones(1).exp()
    p.stop()
    wall = p.wall
    tg.ones(1).exp()
    assert p.wall == wall
    with p:
        tg.ones(1).exp()
        p.stop()
    first, second = p.events
    assert second.start > first.start + first.duration
    assert p.wall > wall


def test_wrong_starts_and_stops() -> None:
    p = profile()
    with pytest.raises(RuntimeError, match="not running"):
        p.stop()
    errors = []

    def stop() -> None:
        with pytest.raises(RuntimeError, match="in the thread that started it"):
            p.stop()
        errors.append(1)

    with p:
        with pytest.raises(RuntimeError, match="running already"):
            p.start()
        thread = threading.Thread(target=stop)
        thread.start()
        thread.join()
        assert tg.ones(1).exp() is not None
    assert errors
    assert p.by_op()["exp"].calls == 1
    assert clean()


def test_arguments_of_pytorch() -> None:
    seen: list[profile] = []
    with profile(
        activities=[ProfilerActivity.CPU], record_shapes=True, with_flops=True, on_trace_ready=seen.append
    ) as p:
        tg.ones(1).exp()
    assert seen == [p]
    with pytest.raises(TypeError, match=r"ProfilerActivity\.CPU, got 'cuda'"):
        profile(activities=["cuda"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="with_stack"):
        profile(with_stack=True)  # type: ignore[call-arg]
    assert clean()


# ------------------------------------------------------------------------------------------------------ spans, nodes
def test_spans() -> None:
    @record_function("inner")
    def inner(depth: int) -> None:
        tg.ones(3).exp()
        if depth:
            inner(depth - 1)

    with record_function("around"), profile() as p, record_function("outer"):
        inner(1)
    spans = p.by_span()
    assert {name: row.calls for name, row in spans.items()} == {"outer": 1, "inner": 2}
    assert spans["outer"].total <= p.wall
    assert spans["outer"].total > max(e.duration for e in p.events if e.name == "inner")
    with pytest.raises(TypeError, match="must be a str"):
        record_function(3)  # type: ignore[arg-type]


def test_a_span_that_began_earlier_is_cut() -> None:
    p = profile()
    with record_function("long"):
        time.sleep(0.01)
        p.start()
        tg.ones(1).exp()
    p.stop()
    (span,) = [e for e in p.events if e.phase == "span"]
    assert span.start == 0
    assert span.duration <= p.wall


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
    assert cost.bytes == y.data.nbytes
    assert cost.backward_bytes == 2 * (net[0].weight.data.nbytes + net[0].bias.data.nbytes)
    assert cost.flops == 3 * 2 * MACS
    assert p.of(y._node) == cost
    assert p.of(x) is None


# ------------------------------------------------------------------------------------------------------------- texts
def table_of(p: profile, **kwargs: Any) -> list[list[str]]:
    """The cells of a table, by its columns of two spaces or more."""
    lines = p.table(**kwargs).splitlines()
    return [re.split(r"  +", line.strip()) for line in lines if not line.startswith("-")]


@pytest.fixture(scope="module")
def trained() -> profile:
    net, optimizer = (net := Net()), tg.optim.SGD(net.parameters(), lr=0.1)
    with profile() as p:
        for _ in range(2):
            with record_function("loss"):
                loss = F.cross_entropy(net(images()), tg.arange(N))
            loss.backward()
            optimizer.step()
    return p


def test_the_table_shows_every_row_and_the_rest(trained: profile) -> None:
    headings, *rows, outside, total = table_of(trained)
    assert headings[0] == "operation"
    assert [row[0] for row in rows] == list(trained.by_op())
    assert outside[0] == "Python, outside operations"
    assert total == ["total", f"{trained.wall * 1e3:,.3f}", "100.0%"]
    conv = next(row for row in rows if row[0] == "conv2d")
    row = trained.by_op()["conv2d"]
    assert conv[1:6] == ["2", "4", f"{row.forward * 1e3:.3f}", f"{row.backward * 1e3:.3f}", f"{row.total * 1e3:.3f}"]
    assert str(trained) == trained.table()


def test_a_table_by_module(trained: profile) -> None:
    names = [row[0] for row in table_of(trained, group_by="module", sort_by="name")]
    assert names[1:-2] == sorted(
        ["(Net)", NO_MODULE, "SGD.step", "classifier", "features", *(f"features.{i}" for i in range(3))]
    )


def test_a_table_by_shapes_and_by_span(trained: profile) -> None:
    names = [row[0] for row in table_of(trained, group_by="op and shapes")]
    assert f"conv2d ({N}, {C}, {SIDE}, {SIDE}) ({O}, {C}, {K}, {K}) ({O},)" in names
    assert table_of(trained, group_by="span")[1][:2] == ["loss", "2"]


@pytest.mark.parametrize("column", ["total", "forward", "backward", "calls", "bytes", "flops", "flops_per_second"])
def test_sorting(trained: profile, column: str) -> None:
    names = [row[0] for row in table_of(trained, sort_by=column)][1:-2]
    values = [getattr(trained.by_op()[name], column) or 0 for name in names]
    assert values == sorted(values, reverse=True)


def test_a_limit_adds_up_the_rest(trained: profile) -> None:
    rows = table_of(trained, limit=2)
    assert [row[0] for row in rows[1:3]] == list(trained.by_op())[:2]
    rest = list(trained.by_op().values())[2:]
    assert rows[3][:2] == [f"... {len(rest)} more", f"{sum(row.total for row in rest) * 1e3:.3f}"]


def test_pytorchs_table(trained: profile) -> None:
    assert trained.key_averages().table(sort_by="self_cpu_time_total", row_limit=3) == trained.table(limit=3)
    assert trained.key_averages(group_by_input_shape=True).table(row_limit=-1) == trained.table(
        group_by="op and shapes"
    )
    assert [row.name for row in trained.key_averages()] == list(trained.by_op())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sort_by": "time"}, "sort_by must be one of total, .*, got 'time'"),
        ({"group_by": "layer"}, "group_by must be one of op, .*, got 'layer'"),
        ({"limit": -1}, "limit must be a number of rows or None, got -1"),
        ({"limit": 2.5}, "limit must be a number of rows"),
    ],
)
def test_wrong_arguments_of_the_table(trained: profile, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trained.table(**arguments)
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        trained.by_module(depth=0)


def test_an_empty_profile_and_one_that_runs() -> None:
    p = profile()
    assert "total" in str(p)
    assert p.wall == p.outside == 0
    with p:
        tg.ones(1).exp()
        assert repr(p) == "<profile: running, 1 operations>"
        assert "exp" in p.table()
        assert p.wall > 0
    assert re.fullmatch(r"<profile: \d\.\d{6} s, 1 operations>", repr(p))


def test_phases_are_the_documented_ones(trained: profile) -> None:
    assert {e.phase for e in trained.events} == {*OPERATIONS, "module", "span"}


@pytest.mark.parametrize("name", ["", ".profiling", ".recorder"])
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"tinygrad_cnn.profiler{name}"))
    assert result.attempted > 0
    assert result.failed == 0
