"""Under a profile a plan runs as ever, and each of its steps is timed and noted under its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.compiler.stand_ins import fused
from tests.compiler.test_show import LeNet
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.profiler import profile
from tinygrad_cnn.profiler.events import EARLIER, NO_MODULE
from tinygrad_cnn.profiler.flops import step_flops
from tinygrad_cnn.programs import timing
from tinygrad_cnn.programs.parts import parts_of


def names(p: profile, phase: str) -> list[str]:
    return [event.name for event in p.events if event.phase == phase and event.name != "cast"]  # of backward's argument


def ops(steps: Any) -> list[str]:
    return [step.op for step in steps]


def compiled(net: nn.Module, x: tg.Tensor) -> Any:
    """With a plan, and without a gradient."""
    fast = tg.compile(net)
    fast(x)
    return fast


@pytest.mark.parametrize("before", [0, 1, 2])
def test_each_step_is_an_event_forth_and_back_in_the_order_of_the_plan(before: int) -> None:
    """Also of the first run, in which steps get ready."""
    x = tg.randn(2, 1, 28, 28)
    fast = compiled(LeNet(), x)
    for _ in range(before):
        fast(x).sum().backward()
        fast.zero_grad()
    with profile() as p:
        y = fast(x)
        y.backward(tg.ones(2, 10))
    plan = fast.plan.plan
    assert names(p, "forward") == ops(plan.forward)
    assert names(p, "backward") == ops(plan.back)
    assert all(event.duration > 0 for event in p.events)
    rows = [p.by_op()[name] for name in {*ops(plan.forward), *ops(plan.back)}]
    assert sum(row.calls for row in rows) == len(plan.forward)
    assert sum(row.backward_calls for row in rows) == len(plan.back)


def test_results_and_gradients_are_the_same_to_the_bit() -> None:
    x = tg.randn(2, 1, 28, 28)
    net = LeNet()
    fast = compiled(net, x)
    found = []
    for watched in (False, True):
        net.zero_grad()
        p = profile()
        if watched:
            p.start()
        y = fast(x)
        y.backward(tg.ones(2, 10))
        if watched:
            p.stop()
        found.append([y, *(parameter.grad for parameter in net.parameters())])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_steps_belong_to_the_modules_that_they_are_of() -> None:
    x = tg.randn(2, 1, 28, 28)
    fast = compiled(LeNet(), x)
    with profile() as p:
        fast(x).backward(tg.ones(2, 10))
    for phase in ("forward", "backward"):
        of = {event.module for event in p.events if event.phase == phase and event.name != "cast"}
        assert of == {"conv1", "conv2", "fc1", "fc2", "fc3", "(LeNet)"}
    assert p.by_module()["(LeNet)"].calls == 1


def test_within_another_model_they_have_its_names() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = tg.compile(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
            self.head = nn.Linear(3, 1)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.head(self.body(x))

    x = tg.randn(4, 3)
    model = Model()
    model(x)
    with profile() as p:
        model(x).sum().backward()
    for phase in ("forward", "backward"):
        of = {event.module for event in p.events if event.phase == phase}
        assert {"body.0", "head", NO_MODULE} <= of <= {"body.0", "body.1", "head", NO_MODULE}


def test_a_function_has_the_names_of_the_modules_that_it_calls() -> None:
    layer = nn.Linear(3, 3)

    @tg.compile
    def loss(x: tg.Tensor) -> tg.Tensor:
        return layer(x).exp().sum()

    loss(tg.ones(2, 3))
    with profile() as p:
        loss(tg.ones(2, 3)).backward()
    assert [event.module for event in p.events if event.name.startswith("linear")][:1] == ["(Linear)"]
    assert {event.module for event in p.events} == {"(Linear)", NO_MODULE}


def test_the_way_back_from_a_call_before_the_profile_was_made_earlier() -> None:
    x = tg.randn(2, 1, 28, 28)
    fast = compiled(LeNet(), x)
    y = fast(x)
    with profile() as p:
        y.backward(tg.ones(2, 10))
    assert names(p, "backward") == ops(fast.plan.plan.back)
    assert {event.module for event in p.events if event.name != "cast"} == {EARLIER}


def test_without_a_plan_a_call_is_seen_as_it_is_and_none_is_made() -> None:
    fast = tg.compile(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
    with profile() as p:
        fast(tg.randn(2, 3)).sum().backward()
    assert names(p, "forward") == ["linear", "relu", "sum"]
    assert p.by_op()["linear"].backward_calls == 2
    assert fast.plan.plan is None


def test_who_wants_to_see_operations_is_shown_operations() -> None:
    x = tg.randn(2, 3)
    fast = compiled(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), x)
    with profile() as p, tg.autograd.detect_anomaly():
        y = fast(x)
    assert y._node.op.name == "relu"
    assert names(p, "forward") == ["linear", "relu"]


def test_a_way_back_from_some_of_the_results_has_its_own_steps() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
            return self.a(x), self.b(x)

    x = tg.randn(2, 3)
    fast = compiled(Two(), x)
    with profile() as p:
        fast(x)[1].sum().backward()
    assert {e.module for e in p.events if e.phase == "backward"} == {"b", NO_MODULE}


def test_operations_are_counted_as_without_a_plan_fused_or_not() -> None:
    x = tg.randn(2, 1, 28, 28)
    net = LeNet()
    fast = compiled(net, x)
    found = []
    for called in (net, fast):
        with profile() as p:
            called(x).backward(tg.ones(2, 10))
        found.append(sum(event.flops or 0 for event in p.events))
    assert found[0] == found[1] > 0


@pytest.mark.parametrize(
    "rows", [(("conv2d", "relu", "max_pool2d"),), (("linear", "relu"),), (("relu", "max_pool2d"),)]
)
def test_the_parts_of_a_fused_step_are_the_recorded_ones(rows: tuple[tuple[str, ...], ...]) -> None:
    recorded = compiled(LeNet(), tg.randn(2, 1, 28, 28)).plan.plan.recorded
    plan: Any = fused(recorded, *rows).plan
    several = [step for step in (*plan.forward, *plan.back) if " + " in step.op]
    assert several
    known = {*recorded.forward, *recorded.back}
    for step in several:
        parts = parts_of(recorded, step)
        assert " + ".join(sorted(ops(parts))) == " + ".join(sorted(step.op.split(" + ")))
        assert {*parts} <= known
    parts = [part for step in (*plan.forward, *plan.back) for part in parts_of(recorded, step)]
    assert {*parts} == known
    assert len(parts) == len(known), "each is a part of one step"


def test_what_does_more_than_its_name_says_has_no_known_parts() -> None:
    recorded = compiled(LeNet(), tg.randn(2, 1, 28, 28)).plan.plan.recorded
    step = next(step for step in fused(recorded).plan.forward if " + " in step.op)  # type: ignore[union-attr]
    step.op += " + tanh"
    assert parts_of(recorded, step) == []


def test_an_operation_of_the_users_with_a_known_name_is_not_counted() -> None:
    assert step_flops("relu", lambda x: x, [(2,)], (2,), {}) is None


def test_a_trace_says_which_steps_are_on_the_way_back(tmp_path: Path) -> None:
    x = tg.randn(2, 1, 28, 28)
    fast = compiled(LeNet(), x)
    with profile() as p:
        F.cross_entropy(fast(x), tg.arange(2)).backward()
    p.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    titles = {e["name"] for e in events if e.get("cat") == "backward"}
    assert "cross_entropy backward, input 0" in titles
    assert {*ops(fast.plan.plan.back)} <= titles
    assert not any("None" in title for title in titles)


def test_without_a_profile_the_calls_are_those_of_the_plan() -> None:
    calls, steps = [print], [(None, ())]
    assert timing.calls(None, [], calls) is calls
    assert timing.steps(None, steps) is steps


def test_a_step_that_fails_is_no_event_and_the_call_is_made_as_it_is() -> None:
    x = tg.randn(2, 3)
    fast = compiled(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), x)
    plan = fast.plan.plan

    def fails(_v: Any) -> None:
        raise ValueError

    plan._forward[-1] = fails
    with profile() as p:
        y = fast(x)
    assert y.shape == (2, 3)
    assert names(p, "forward")[-2:] == ["linear", "relu"]


@pytest.mark.parametrize("nested", [1, 2, 3])
def test_profiles_nest(nested: int) -> None:
    x = tg.randn(2, 3)
    fast = compiled(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), x)
    found = [profile() for _ in range(nested)]
    for p in found:
        p.start()
    fast(x)
    for p in found[::-1]:
        p.stop()
    assert [names(p, "forward") for p in found] == [ops(fast.plan.plan.forward)] * nested
