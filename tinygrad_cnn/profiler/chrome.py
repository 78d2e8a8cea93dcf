"""A profile as a file for chrome://tracing and https://ui.perfetto.dev, in the Trace Event Format of Chrome."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .events import Event


def write(path: str | os.PathLike[str], events: Sequence[Event], threads: Mapping[int, str]) -> None:
    """Write the events, with the names of the threads by their numbers."""
    named = [_named("process_name", 0, "tinygrad_cnn"), *(_named("thread_name", i, n) for i, n in threads.items())]
    content = {"traceEvents": [*named, *_complete(events)], "displayTimeUnit": "ms"}
    Path(path).write_text(json.dumps(content), encoding="utf-8")


def _named(what: str, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": os.getpid(), "tid": thread, "args": {"name": name}}


def _complete(events: Sequence[Event]) -> Iterable[dict[str, Any]]:
    """One "X" event for each, those around others first. Whole nanoseconds: none sticks out of the one around it."""
    spans = [(round(e.start * 1e9), round(e.duration * 1e9)) for e in events]
    for k in sorted(range(len(events)), key=lambda k: (spans[k][0], -spans[k][1], -k)):
        event, (start, duration) = events[k], spans[k]
        args: dict[str, Any] = {"module": event.module}
        if event.phase in ("forward", "backward"):
            args.update({"input shapes": list(map(list, event.shapes)), "bytes": event.bytes})
            if event.flops is not None:
                args["FLOPs"] = event.flops
                args["GFLOP/s"] = round(event.flops / max(1, duration), 3)
        yield {
            "ph": "X",
            "name": _title(event),
            "cat": event.phase,
            "ts": start / 1e3,
            "dur": duration / 1e3,
            "pid": os.getpid(),
            "tid": event.thread,
            "args": args,
        }


def _title(event: Event) -> str:
    if event.phase == "backward" and event.input is not None:
        return f"{event.name} backward, input {event.input}"
    if event.phase == "module" and not event.module.endswith(")"):
        return f"{event.module} ({event.name})"
    return event.module if event.phase == "module" else event.name
