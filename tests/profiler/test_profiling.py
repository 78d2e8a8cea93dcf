"""A profile as a whole: seconds that add up, nesting, threads, anomaly mode, spans."""

from __future__ import annotations

import doctest
import importlib
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from profiler.nets import Net, clean, images

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.profiler import ProfilerActivity, hooks, profile, profiling, record_function, recorder


# ----------------------------------------------------------------------------------------------------------------- time
def test_seconds_add_up_to_no_more_than_the_clock_shows() -> None:
    net, optimizer = (net := Net()), tg.optim.Adam(net.parameters())
    before = time.perf_counter()
    with tg.guard_rails(False), profile() as p:  # gradients are never cleared
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


def test_slow_operations_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks when it is looked at, and otherwise stands still but for two naps."""
    now = 0

    def clock() -> int:
        nonlocal now
        now += 1
        return now

    for module in (hooks, profiling, recorder):
        monkeypatch.setattr(module, "perf_counter_ns", clock)

    @tg.op(lambda g, _y, _x: nap(g, 0.03))
    def slow(x: Any) -> Any:
        return nap(x, 0.01)

    def nap(x: Any, seconds: float) -> Any:
        nonlocal now
        now += round(seconds * 1e9)
        return x.copy()

    class Slow(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return slow(x)

    with profile() as p:
        nn.Sequential(nn.ReLU(), Slow())(tg.ones(3, requires_grad=True)).sum().backward()
    for row in (p.by_op()["slow"], p.by_module()["1"]):
        assert 0.01 <= row.forward < 0.01 + 1e-6
        assert 0.03 <= row.backward < 0.03 + 1e-6
    assert next(iter(p.by_op())) == "slow"


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


# --------------------------------------------------------------------------------------- nesting, threads, anomaly mode
def test_nested_profiles_see_the_same() -> None:
    net, optimizer = (net := Net()), tg.optim.SGD(net.parameters(), lr=0.1)
    with tg.guard_rails(False), profile() as outer:  # a second step has no gradients of its own
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


# ----------------------------------------------------------------------------------------------------------- on and off
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


# ---------------------------------------------------------------------------------------------------------------- spans
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


# ------------------------------------------------------------------------------------------------------------- the rest
@pytest.mark.parametrize("name", ["", ".profiling", ".recorder"])
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"tinygrad_cnn.profiler{name}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_manual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its code runs, and prints the lines and the counts that stand below it."""
    manual = (Path(__file__).parents[2] / "docs" / "profiler.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    first, *others = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    there: dict[str, Any] = {}
    exec(first, there)
    printed = capsys.readouterr().out
    for code in others:
        exec(code, there)
    (shown,) = re.findall(r"```text\n(.*?)```", manual, re.DOTALL)

    def counts(text: str) -> set[tuple[str, ...]]:
        lines = (re.split(r"  +", line.strip()) for line in text.splitlines() if not line.startswith("-"))
        return {(name, *(cell for cell in cells if cell.isdigit())) for name, *cells in lines}

    by_op, by_module = (printed.split("\nmodule ")[k] for k in (0, 1))
    assert counts(by_op) == counts(shown.split("\nmodule ")[0])
    assert len(by_module.splitlines()) == len(shown.split("\nmodule ")[1].splitlines())
    assert (tmp_path / "trace.json").stat().st_size > 10_000
