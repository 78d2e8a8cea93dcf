"""Profiles by a clock that ticks once for each look at it: every time is known, and tables are known to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.profiler import Event, Row, hooks, profile, profiling, record_function, recorder
from tinygrad_cnn.profiler.tables import finished, laid_out, ordered, rows, text

TICK = 1_000_000  # nanoseconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0

    def look() -> int:
        nonlocal now
        now += TICK
        return now

    for module in (hooks, profiling, recorder):
        monkeypatch.setattr(module, "perf_counter_ns", look)


def trained() -> profile:
    """A step of a small net: once forward, backward and the optimizer, within two spans."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5))
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    with profile() as p:
        with record_function("all"):
            with record_function("forward"):
                loss = F.cross_entropy(net(tg.ones(4, 1, 6, 6)), tg.arange(4))
            loss.backward()
        optimizer.step()
    return p


def told(event: Event) -> tuple[Any, ...]:
    """Times in ticks."""
    start, took = (round(seconds * 1e9 / TICK, 6) for seconds in (event.start, event.duration))
    return (event.name, event.phase, event.module, start, took, event.bytes, event.flops, event.input)


CONVOLUTION = 2 * (4 * 2 * 4 * 4) * 9
LINEAR = 2 * 4 * 5 * 32
EVENTS = [  # name, phase, module, start, duration, bytes, FLOPs, input
    ("conv2d", "forward", "0", 5, 1, 512, CONVOLUTION, None),
    ("Conv2d", "module", "0", 4, 3, 0, None, None),
    ("relu", "forward", "1", 9, 1, 512, 128, None),
    ("ReLU", "module", "1", 8, 3, 0, None, None),
    ("reshape", "forward", "2", 13, 1, 0, None, None),  # a view
    ("Flatten", "module", "2", 12, 3, 0, None, None),
    ("linear", "forward", "3", 17, 1, 80, LINEAR, None),
    ("Linear", "module", "3", 16, 3, 0, None, None),
    ("Sequential", "module", "(Sequential)", 3, 17, 0, None, None),
    ("cross_entropy", "forward", "(no module)", 21, 1, 4, None, None),
    ("forward", "span", "(no module)", 2, 21, 0, None, None),
    ("cross_entropy", "backward", "(no module)", 24, 1, 80, None, 0),
    ("linear", "backward", "3", 26, 1, 512, LINEAR, 0),
    ("linear", "backward", "3", 28, 1, 640, LINEAR, 1),
    ("linear", "backward", "3", 30, 1, 20, None, 2),
    ("reshape", "backward", "2", 32, 1, 0, None, 0),
    ("relu", "backward", "1", 34, 1, 512, None, 0),
    ("conv2d", "backward", "0", 36, 1, 72, CONVOLUTION, 1),
    ("conv2d", "backward", "0", 38, 1, 8, None, 2),
    ("all", "span", "(no module)", 1, 39, 0, None, None),
    ("SGD.step", "optimizer", "(no module)", 41, 1, 0, None, None),
]
BY_OP = """
operation                   calls  rules  forward  backward  total ms   share   MiB  GFLOP  GFLOP/s
---------------------------------------------------------------------------------------------------
linear                          1      3    1.000     3.000     4.000    9.3%  0.00  0.000      0.0
conv2d                          1      2    1.000     2.000     3.000    7.0%  0.00  0.000      0.0
relu                            1      1    1.000     1.000     2.000    4.7%  0.00  0.000      0.0
reshape                         1      1    1.000     1.000     2.000    4.7%
cross_entropy                   1      1    1.000     1.000     2.000    4.7%  0.00
SGD.step                        1                               1.000    2.3%
Python, outside operations                                     29.000   67.4%
---------------------------------------------------------------------------------------------------
total                                                          43.000  100.0%"""
BY_MODULE = """
module                      calls  rules  forward  backward  total ms   share   MiB  GFLOP  GFLOP/s
---------------------------------------------------------------------------------------------------
(Sequential)                    1                               0.000    0.0%
... 6 more                                                     14.000   32.6%
Python, outside operations                                     29.000   67.4%
---------------------------------------------------------------------------------------------------
total                                                          43.000  100.0%"""
BY_SPAN = """
span     calls  total ms   share
--------------------------------
all          1    39.000   90.7%
forward      1    21.000   48.8%
--------------------------------
total             43.000  100.0%"""


def test_every_event_has_its_time_place_and_size(clock: None) -> None:  # noqa: ARG001
    p = trained()
    assert [told(event) for event in p.events] == EVENTS
    assert p.events[0].shapes == ((4, 1, 6, 6), (2, 1, 3, 3), (2,))
    assert p.events[13].shapes == ((4, 32), (5, 32), (5,))
    assert p.wall == pytest.approx(43 * TICK * 1e-9)
    assert p.outside == pytest.approx(29 * TICK * 1e-9)
    assert repr(p) == "<profile: 0.043000 s, 14 operations>"


@pytest.mark.parametrize(
    ("group", "options", "expected"),
    [
        ("op", {}, BY_OP),
        ("op", {"limit": 6}, BY_OP),
        ("module", {"sort_by": "name", "limit": 1}, BY_MODULE),
        ("span", {}, BY_SPAN),
    ],
)
def test_a_table_is_known_to_the_letter(clock: None, group: str, options: Any, expected: str) -> None:  # noqa: ARG001
    lines, wanted = trained().table(group_by=group, **options).splitlines(), expected.strip().splitlines()
    if "limit" in options and group == "module":  # columns that are empty are left out
        lines, wanted = ([line.split() for line in text if line[0] != "-"][1:] for text in (lines, wanted))
    assert lines == wanted


def test_what_a_node_cost(clock: None) -> None:  # noqa: ARG001
    x, w = tg.ones(3, 4, requires_grad=True), tg.ones(2, 4, requires_grad=True)
    with profile() as p:
        y = F.linear(x, w)
        y.exp().sum().backward(retain_graph=True)
        y.sum().backward()
    assert y._node is not None
    assert p.of(y) == p.of(y._node)
    cost = p.of(y)
    assert cost is not None
    assert (cost.module, cost.bytes, cost.flops) == ("(no module)", 24, 5 * 2 * 3 * 2 * 4)
    assert (cost.forward, cost.backward) == pytest.approx((TICK * 1e-9, 4 * TICK * 1e-9))
    assert cost.backward_bytes == 2 * (48 + 32)
    assert p.of(x) is None
    assert p.of(tg.ones(1)) is None
    assert p.of(w * 2) is None  # made later


def test_a_profile_that_goes_on_adds_up(clock: None) -> None:  # noqa: ARG001
    p = profile()
    for _ in range(2):
        with p:
            tg.ones(2).exp()
    assert p.wall == pytest.approx(6 * TICK * 1e-9)  # not the time between
    assert [told(event)[3] for event in p.events] == [1, 5]  # of the clock that goes on
    assert p.by_op()["exp"].calls == 2


def test_a_module_that_began_before_counts_from_the_start(clock: None) -> None:  # noqa: ARG001
    p = profile()

    class Starts(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            p.start()
            return x.exp()

    with record_function("outer"):
        Starts()(tg.ones(2))
    p.stop()
    spans = [event for event in p.events if event.phase == "span"]
    assert [(event.name, event.start) for event in spans] == [("outer", 0.0)]


def test_a_trace_has_the_same_times(clock: None, tmp_path: Path) -> None:  # noqa: ARG001
    trained().export_chrome_trace(tmp_path / "trace.json")
    found = [e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert [(e["ts"], e["dur"]) for e in found] == sorted((1e3 * e[3], 1e3 * e[4]) for e in EVENTS)
    conv = next(e for e in found if e["name"] == "conv2d")
    assert conv["args"]["GFLOP/s"] == round(CONVOLUTION / TICK, 3)
    assert {e["name"] for e in found if e["cat"] == "module"} == {
        "0 (Conv2d)", "1 (ReLU)", "2 (Flatten)", "3 (Linear)", "(Sequential)"
    }  # fmt: skip


def test_models_of_one_type_are_numbered() -> None:
    models = [nn.Sequential(nn.Identity(), nn.ReLU()) for _ in range(4)]
    with profile() as p:
        for model in models:
            model(tg.ones(1))
    outermost = [event.module for event in p.events if event.name == "Sequential"]
    assert outermost == ["(Sequential)", "(Sequential 2)", "(Sequential 3)", "(Sequential 4)"]
    assert p.events[-2].module == "(Sequential 4).1"


def test_a_span_and_a_profile_give_themselves_to_the_with_statement() -> None:
    span, p = record_function("it"), profile()
    with p as running, span as entered:
        assert running is p
        assert entered is span
        assert span.name == "it"
    assert list(p.by_span()) == ["it"]


# ----------------------------------------------------------------------------------------------- rows and their texts
def row(name: str, **figures: Any) -> Row:
    return Row(name, **figures)


def test_large_numbers_have_commas_and_their_units() -> None:
    large = row(
        "big", calls=12345, backward_calls=6789, forward=1.5, backward=2.25, other=0.25, bytes=3 * 2**30,
        flops=8 * 10**12, counted=2.0, share=0.8,
    )  # fmt: skip
    none = row("zero", calls=1, flops=0, counted=0.0)
    lines = text(laid_out("what", [large, none], None, 5.0, 1.0)).splitlines()
    cells = "big 12,345 6,789 1,500.000 2,250.000 4,000.000 80.0% 3,072.00 8,000.000 4,000.0"
    assert lines[2].split() == cells.split()
    assert lines[3].split() == ["zero", "1", "0.000", "0.0%", "0.000"]
    assert lines[-1].split() == ["total", "5,000.000", "100.0%"]
    assert len(lines[1]) == len(lines[-2]) == max(map(len, lines))
    assert set(lines[1]) == {"-"}


def test_the_largest_stand_first_and_shares_are_of_the_whole() -> None:
    few = [row("a", forward=1.0), row("b", backward=3.0), row("c", other=2.0), row("d")]
    found = finished(few, 10.0)
    assert {name: one.share for name, one in found.items()} == {"b": 0.3, "c": 0.2, "a": 0.1, "d": 0.0}
    assert list(found) == ["b", "c", "a", "d"]
    assert [one.share for one in finished(few, 0.0).values()] == [0.0] * 4
    assert [one.name for one in ordered(few, "forward")] == ["a", "b", "c", "d"]  # ties as they came
    assert [one.name for one in ordered(reversed(few), "name")] == ["a", "b", "c", "d"]


def test_steps_of_an_optimizer_are_a_row_of_their_own_whatever_rows_are_named_after() -> None:
    events = [
        Event("mul", "forward", "net", 0.0, 1.0, 8, 5),
        Event("mul", "backward", "net", 1.0, 2.0, 16, None),
        Event("Net", "module", "net", 0.0, 3.0),
        Event("SGD.step", "optimizer", "net", 3.0, 4.0),
    ]
    found = rows(events, lambda event: event.module, 8.0)
    assert list(found) == ["SGD.step", "net"]
    net, step = found["net"], found["SGD.step"]
    assert (net.forward, net.backward, net.other, net.bytes, net.backward_calls) == (1, 2, 0, 24, 1)
    assert (net.flops, net.counted, net.flops_per_second, net.share) == (5, 1, 5, 0.375)
    assert (step.other, step.flops, step.flops_per_second, step.share) == (4, None, None, 0.5)


@pytest.mark.parametrize(("limit", "shown"), [(0, "... 3 more"), (2, "a b ... 1 more"), (3, "a b c"), (None, "a b c")])
def test_a_limit_says_how_many_it_leaves_out(limit: int | None, shown: str) -> None:
    table = laid_out("what", [row(name, forward=1.0) for name in "abc"], limit, 4.0, None)
    assert " ".join(cells[0] for cells in table.cells) == shown
    assert table.total == ["total", "", "", "", "", "4,000.000", "100.0%", "", "", ""]
    for wrong in (True, -1, "2"):
        with pytest.raises(ValueError, match="limit must be a number of rows or None, got"):
            laid_out("what", [], wrong, 1.0, None)  # type: ignore[arg-type]


def test_depths_of_modules() -> None:
    p = profile()
    p.events += [
        Event("mul", "forward", "a.b.c", 0.0, 1.0), Event("Linear", "module", "a.b.c", 0.0, 1.0),
        Event("Block", "module", "a.b", 0.0, 2.0), Event("Net", "module", "a", 0.0, 3.0),
    ]  # fmt: skip
    for depth, expected in (
        (None, {"a.b.c": (1, 1.0), "a.b": (1, 0.0), "a": (1, 0.0)}),
        (2, {"a.b": (1, 1.0), "a": (1, 0.0)}),
        (1, {"a": (1, 1.0)}),
    ):
        assert {name: (one.calls, one.forward) for name, one in p.by_module(depth).items()} == expected
