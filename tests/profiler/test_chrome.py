"""The trace file: valid JSON of the form that Chrome and Perfetto read, with events that nest."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.profiler import Event, profile, record_function

NAME = '</script>"\\\n\u2028é'


def traced(path: Path) -> tuple[profile, list[dict[str, Any]]]:
    """A profile of a step with second derivatives, and what its file says."""
    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh()), nn.Flatten(), nn.Linear(32, 2))
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    x = tg.randn(2, 1, 6, 6, requires_grad=True)
    with profile() as p:
        with record_function(NAME):
            (g,) = tg.grad(net(x).sum(), [x], create_graph=True)
            g.square().sum().backward()
        optimizer.step()
    p.export_chrome_trace(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["displayTimeUnit"] == "ms"
    return p, content["traceEvents"]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[profile, list[dict[str, Any]]]:
    return traced(tmp_path_factory.mktemp("trace") / "trace.json")


def parents(events: list[dict[str, Any]]) -> dict[int, int | None]:
    """The innermost event around each, as a viewer finds it: by a stack, in the order of the file."""
    stack: list[int] = []
    found: dict[int, int | None] = {}
    for k, event in enumerate(events):
        while stack and end(events[stack[-1]]) <= start(event):
            stack.pop()
        if stack:
            assert end(event) <= end(events[stack[-1]]), "an event sticks out of the one around it"
        found[k] = stack[-1] if stack else None
        stack.append(k)
    return found


def start(event: dict[str, Any]) -> int:
    return round(event["ts"] * 1000)


def end(event: dict[str, Any]) -> int:
    return start(event) + round(event["dur"] * 1000)


def test_form(trace: tuple[profile, list[dict[str, Any]]]) -> None:
    p, events = trace
    metadata = [e for e in events if e["ph"] == "M"]
    assert [(e["name"], e["args"]["name"]) for e in metadata] == [
        ("process_name", "tinygrad_cnn"),
        ("thread_name", threading.current_thread().name),
    ]
    complete = [e for e in events if e["ph"] == "X"]
    assert len(complete) == len(p.events) == len(events) - 2
    for e in complete:
        assert set(e) == {"ph", "name", "cat", "ts", "dur", "pid", "tid", "args"}
        assert (e["pid"], e["tid"]) == (os.getpid(), threading.get_native_id())
        assert e["ts"] >= 0
        assert e["dur"] >= 0
    assert sum(e["dur"] for e in complete) == pytest.approx(sum(e.duration for e in p.events) * 1e6)


def test_events_nest(trace: tuple[profile, list[dict[str, Any]]]) -> None:
    events = [e for e in trace[1] if e["ph"] == "X"]
    assert [start(e) for e in events] == sorted(start(e) for e in events)
    around = parents(events)

    def path(name: str) -> list[str]:
        k: int | None = next(k for k, e in enumerate(events) if e["name"] == name)
        names = []
        while k is not None:
            names.append(events[k]["name"])
            k = around[k]
        return names

    assert path("conv2d") == ["conv2d", "0.0 (Conv2d)", "0 (Sequential)", "(Sequential)", NAME]
    assert path("SGD.step") == ["SGD.step"]
    assert path("conv2d backward, input 0") == ["conv2d backward, input 0", NAME]
    assert path("conv2d_input") == [
        "conv2d_input",
        "conv2d backward, input 0",
        NAME,
    ]  # create_graph: rules are operations


def test_of_events_that_begin_together_the_outer_ones_come_first(tmp_path: Path) -> None:
    p = profile()
    for k, end_ in enumerate((1, 1, 3, 5)):  # as a profile notes them: in the order of their ends
        p.events.append(Event(str(k), "forward", "", 0.0, end_ * 1e-9))
    p.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in events if e["ph"] == "X"] == ["3", "2", "1", "0"]


def test_arguments(trace: tuple[profile, list[dict[str, Any]]]) -> None:
    conv = next(e for e in trace[1] if e["name"] == "conv2d")
    flops = 2 * (2 * 2 * 4 * 4) * (1 * 3 * 3)
    assert conv["args"] == {
        "module": "0.0",
        "input shapes": [[2, 1, 6, 6], [2, 1, 3, 3], [2]],
        "bytes": 2 * 2 * 4 * 4 * 4,
        "FLOPs": flops,
        "GFLOP/s": pytest.approx(flops / (conv["dur"] * 1e3), abs=1e-3),
    }
    step = next(e for e in trace[1] if e["name"] == "SGD.step")
    assert step["cat"] == "optimizer"
    assert step["args"] == {"module": "(no module)"}


def test_an_empty_profile_has_a_file_too(tmp_path: Path) -> None:
    p = profile()
    p.export_chrome_trace(str(tmp_path / "empty.json"))
    assert [e["ph"] for e in json.loads((tmp_path / "empty.json").read_text())["traceEvents"]] == ["M"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        profile().export_chrome_trace(tmp_path / "nowhere" / "trace.json")
