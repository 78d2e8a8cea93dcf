"""A plan shows itself: every step with its line, its module, shapes and bytes; or why there is none."""

from __future__ import annotations

import re
import warnings
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tests.compiler.stand_ins import fused
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.programs.listing import WIDTH
from tinygrad_cnn.programs.program import Value


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # first block
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Mixed(nn.Module):
    """Batch-norm, dropout, an embedding, a list of many, results in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.norm, self.a_layer_with_a_very_long_name = (
            nn.Embedding(9, 6),
            nn.BatchNorm1d(6),
            nn.Linear(6, 4),
        )

    def forward(self, positions: tg.Tensor) -> dict[str, Any]:
        x = F.dropout(self.norm(self.table(positions)))
        y = self.a_layer_with_a_very_long_name(x) * 0.123456789
        return {"y": y, "more": tg.cat([y, y.exp(), y.sin(), y.cos(), y.tanh(), y], dim=1), "double": y.double() ** 2}


def called(net: Any, *args: Any) -> Any:
    fast = tg.compile(net)
    fast(*args)
    return fast


def lenet(batch: int = 4) -> Any:
    return called(LeNet(), tg.randn(batch, 1, 28, 28))


def steps_in(text: str) -> list[str]:
    """The lines that begin a step."""
    return [line for line in text.splitlines() if re.match(r" *\d+  \S", line)]


# ------------------------------------------------------------------------------------------------------ where is none
def test_before_the_first_call_it_says_what_to_do() -> None:
    fast = tg.compile(LeNet())
    assert repr(fast.plan).startswith("LeNet has no plan yet: call it once")
    assert repr(fast.plans) == repr(fast.plan)
    assert "has no plan yet" in fast.plan._repr_html_()
    fast(tg.randn(1, 1, 28, 28))
    assert fast.plan.plan is not None


def test_what_is_to_be_seen_once_more_says_so() -> None:
    noise = tg.randn(3)
    add = tg.compile(lambda x: x + noise)
    add(tg.ones(3))
    assert "call it once more, for it reads arrays" in repr(add.plan)
    add(tg.ones(3))
    assert "add" in repr(add.plan)


def test_what_runs_as_it_is_says_why() -> None:
    @tg.compile
    def signed(x: tg.Tensor) -> tg.Tensor:
        return x if x.sum() > 0 else -x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signed(tg.ones(3))
    text = repr(signed.plan)
    assert text.startswith("signed runs as it is, not compiled: bool() reads the numbers of a tensor")
    assert "test_show.py" in text
    assert "if x.sum() &gt; 0" in signed.plan._repr_html_()


# ------------------------------------------------------------------------------------------------------- what is told
def test_each_step_is_a_row_below_the_line_that_led_to_it() -> None:
    fast = lenet()
    plan, text = fast.plan.plan, repr(fast.plan)
    assert len(steps_in(text)) == len(plan.forward) + len(plan.back)
    assert text.count("x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # first block") == 2  # forth, and back
    heading, *_ = text.splitlines()
    assert heading == "LeNet of 4×1×28×28, training; float32, where nothing else is said"  # noqa: RUF001
    ahead, _ = text.split("\nback\n")
    for step, line in zip(plan.forward, steps_in(ahead), strict=True):
        assert step.op.split(" + ")[0] in line
    made = [part for row in fast.plan.rows()[1] for part in row.made.split(", ")]
    for name, parameter in fast.named_parameters():
        shape = "×".join(map(str, parameter.shape))  # noqa: RUF001
        assert made.count(f"{shape} for {name}") == 1, "its gradient is made once"


def test_steps_of_the_way_back_know_the_line_and_the_module_of_their_operation() -> None:
    recorded = lenet().plan.plan.recorded
    lines = {step.line: step for step in recorded.forward}
    assert all(step.line in lines for step in recorded.back)
    modules = {name for step in recorded.back if (name := step.module)}
    assert modules == {"conv1", "conv2", "fc1", "fc2", "fc3"}
    for step in recorded.back:
        if step.module:
            assert f"self.{step.module}(" in step.line


def test_what_is_fused_is_one_step_with_the_names_within_and_buffers_are_numbered() -> None:
    recorded = lenet().plan.plan.recorded
    text = repr(fused(recorded))
    first = next(line for line in steps_in(text) if "max_pool2d" in line)
    assert re.search(r"1  conv2d \+ relu \+ max_pool2d  conv1 .*4×6×14×14, rows +0, 1  3,000$", first)  # noqa: RUF001
    assert "buffer" in text
    flat = next(line for line in steps_in(text) if "reshape" in line)
    assert flat.endswith("4×400"), "it has no buffer of its own, and no bytes"  # noqa: RUF001
    *_, total = text.splitlines()
    count = len(recorded.forward) + len(recorded.back)
    assert total == f"25 steps: 6 forward, 19 back; 15,000 bytes in 5 buffers; {count} steps were recorded"


def test_what_a_step_keeps_for_the_way_back_is_counted_where_it_has_no_name() -> None:
    look: Any = fused(lenet().plan.plan.recorded)
    kept = Value(-1, "result", (7,), np.dtype("float32"))
    look.plan.forward[0].outputs += (kept,)
    look.plan.back[-1].inputs += (kept,)
    assert look.rows()[0][0].made == "4×6×14×14, rows, 1 kept"  # noqa: RUF001


def test_without_a_plan_for_memory_bytes_are_those_of_the_results() -> None:
    look = fused(lenet().plan.plan.recorded, buffers=False)
    text = repr(look)
    assert "buffer" not in text
    ahead, back = look.rows()
    pooled, rows = 4 * 6 * 14 * 14, 4 * 6 * 28 * 14
    assert ahead[0].bytes == f"{4 * (pooled + rows):,}"
    total = sum(int(row.bytes.replace(",", "") or 0) for row in (*ahead, *back))
    assert f"; {total:,} bytes of results;" in text


def test_what_is_of_another_dtype_says_so() -> None:
    text = repr(called(Mixed(), tg.randint(0, 9, (5,))).plan)
    assert "Mixed of 5 int64, training; float32, where nothing else is said" in text
    assert "5×4 float64" in text  # noqa: RUF001
    assert "5×4, 5×4, 5×4, +3" in text, "of many inputs the first, and how many more"  # noqa: RUF001


@pytest.mark.parametrize("net", [LeNet, Mixed])
def test_the_table_is_a_table_in_notebooks(net: Any) -> None:
    x = tg.randn(2, 1, 28, 28) if net is LeNet else tg.randint(0, 9, (5,))
    look = called(net(), x).plan
    page = ElementTree.fromstring(f"<div>{look._repr_html_()}</div>")
    ahead, back = (table.findall("tbody/tr") for table in page.iter("table"))
    assert len(ahead) == len(look.plan.forward)
    assert len(back) == len(look.plan.back)
    text = "".join(page.itertext())
    assert look.totals() in text
    if net is LeNet:
        lines = {step.line for step in look.plan.forward}
        assert all(text.count(line) == 2 for line in lines), "each once, forth and back"


@given(st.lists(st.sampled_from([nn.ReLU, nn.Tanh, lambda: nn.Linear(6, 6), lambda: nn.BatchNorm1d(6)]), max_size=12))
def test_no_line_is_longer_than_a_terminal(layers: list[Any]) -> None:
    names = {f"layer_{k}_" + "x" * (7 * k % 40): make() for k, make in enumerate(layers)}
    net = nn.Sequential()
    for name, layer in {"first": nn.Linear(3, 6), **names}.items():
        net.add_module(name, layer)
    for look in (called(net, tg.randn(4, 3)).plan, called(Mixed(), tg.randint(0, 9, (5,))).plan):
        text = repr(look)
        assert max(map(len, text.splitlines())) <= WIDTH
        assert len(steps_in(text)) == len(look.plan.forward) + len(look.plan.back)


# ------------------------------------------------------------------------------------------------------ several plans
def test_all_kinds_of_call_are_there_and_the_latest_is_the_one_that_ran() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Dropout())
    fast = tg.compile(net)
    x = tg.randn(4, 3)
    fast(x)
    net.eval()
    fast(x)
    with tg.no_grad():
        fast(x)
    fast.train()
    fast(x)
    kinds = [repr(look).splitlines()[0].partition(";")[0] for look in fast.plans]
    names = ["training", "evaluation", "evaluation, without gradients"]
    assert kinds == [f"Sequential of 4×3, {name}" for name in names]  # noqa: RUF001
    assert fast.plan.plan is fast.plans[0].plan
    assert repr(fast.plans) == "\n\n".join(map(repr, fast.plans))
    assert fast.plans._repr_html_().count("Sequential of") == 3
    net.eval()
    fast(x)
    assert fast.plan.plan is fast.plans[1].plan


def test_when_the_net_changes_the_next_call_has_another_plan() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    fast = called(net, tg.randn(2, 3))
    net[1] = nn.Tanh()
    fast(tg.randn(2, 3))
    assert len(fast.plans) == 2  # the first is there still, for the case that the net is changed back
    assert "tanh" in repr(fast.plan)


# ------------------------------------------------------------------------------------------- names of the user's own
def test_a_module_that_is_not_compiled_has_no_plan() -> None:
    net = LeNet()
    tg.compile(net)
    assert not hasattr(net, "plan")
    assert not hasattr(net, "plans")
    assert "plan" not in vars(net)


class Planned(nn.Module):
    plan = "of the class"

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x * 2

    def plans(self) -> str:
        return "a method"


def test_a_name_of_the_users_own_comes_first() -> None:
    fast = called(Planned(), tg.ones(2))
    assert fast.plan == "of the class"
    assert fast.plans() == "a method"
    net = nn.Sequential(nn.Linear(2, 2))
    fast = tg.compile(net)
    net.plan = nn.Linear(2, 2)
    assert fast.plan is net.plan
    assert "plan.weight" in fast.state_dict()
    fast.plan = nn.Linear(2, 3)
    assert net.plan.weight.shape == (3, 2)
    del net.plan
    assert "has no plan yet" in repr(fast.plan)

    def double(x: tg.Tensor) -> tg.Tensor:
        return x * 2

    double.plan = "a function's"  # type: ignore[attr-defined]
    assert tg.compile(double).plan == "a function's"


def test_a_method_shows_its_plan() -> None:
    class Scaled:
        @tg.compile
        def twice(self, x: tg.Tensor) -> tg.Tensor:
            return x * 2

    scaled = Scaled()
    scaled.twice(tg.ones(3))
    assert repr(scaled.twice.plan).startswith("twice of 3")


def test_buffers_have_numbers_once_a_plan_has_run() -> None:
    """A relu may lie where its input did; a view lies where its base does, and counts no bytes; results have none."""
    net = tg.compile(nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Unflatten(1, (3, 3)), nn.Flatten(), nn.Linear(9, 2)))
    x = tg.rand(4, 5)
    drawing = tg.compile(nn.Sequential(nn.Linear(5, 9), nn.Dropout()))
    drawing(x)  # is written down, and its plan waits for the next call, for it draws
    assert "buffer" not in repr(drawing.plan).splitlines()[1]
    net(x).sum().backward()
    plan = net._plans.latest
    buffers = {step.op: plan.buffer_of(step.output) for step in plan.forward}
    assert buffers["relu"] is not None
    assert buffers["reshape"][0] == buffers["relu"][0]
    assert plan.buffer_of(plan.forward[-1].output) is None
    assert plan.buffer_of(plan.forward[0].output) == buffers["relu"] == (buffers["relu"][0], 4 * 9 * 4)
    assert "buffer" in repr(net.plan).splitlines()[1]
