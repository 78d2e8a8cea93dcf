"""What users meet: `profile` and `record_function`, under the names of torch.profiler."""

from __future__ import annotations

import enum
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from time import perf_counter_ns
from typing import Any

from ..autograd.modes import here
from . import chrome
from .events import OPERATIONS, Event
from .hooks import CALLS, watchers
from .recorder import Recorder
from .tables import Row, Table, as_html, finished, laid_out, ordered, rows, text

_TORCH_COLUMNS = {  # what torch.profiler calls them
    None: "total",
    "cpu_time_total": "total",
    "self_cpu_time_total": "total",
    "cpu_memory_usage": "bytes",
    "self_cpu_memory_usage": "bytes",
    "count": "calls",
    "flops": "flops",
}


class ProfilerActivity(enum.Enum):
    """What can be profiled: the CPU, which is all there is."""

    CPU = "cpu"


class profile(Recorder):
    """Within, the operations of this thread are timed, forward and backward, with what they allocate and compute.

    ``print(p)`` shows a table; `table` others; `by_op`, `by_module`, `by_span` and ``events`` give the numbers;
    `export_chrome_trace` writes a file for Perfetto. Other threads are not watched. Operations that ``checkpoint``
    computes again in the backward count again. Nothing is kept of what was computed: events hold shapes, not arrays.
    It costs a few microseconds for each operation, which count as "Python, outside operations", and nothing elsewhere.

    Args:
        activities: None or ``[ProfilerActivity.CPU]``.
        on_trace_ready: called with the profile when it stops.
        record_shapes, profile_memory, with_flops, with_modules: PyTorch's switches; here all of it is always noted.

    Raises TypeError for another activity; RuntimeError for starting what runs, or stopping it in another thread.

    >>> import tinygrad_cnn as tg
    >>> net = tg.nn.Sequential(tg.nn.Conv2d(1, 4, 3), tg.nn.ReLU(), tg.nn.Flatten(), tg.nn.Linear(144, 10))
    >>> optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    >>> with profile() as p:
    ...     tg.nn.functional.cross_entropy(net(tg.randn(5, 1, 8, 8)), tg.arange(5)).backward()
    ...     optimizer.step()
    >>> conv = p.by_op()["conv2d"]
    >>> conv.calls, conv.backward_calls, conv.flops == 2 * 2 * (5 * 4 * 6 * 6) * (1 * 3 * 3)
    (1, 2, True)
    >>> sorted(p.by_module())
    ['(Sequential)', '(no module)', '0', '1', '2', '3', 'SGD.step']
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = True,  # noqa: ARG002
        profile_memory: bool = True,  # noqa: ARG002
        with_flops: bool = True,  # noqa: ARG002
        with_modules: bool = True,  # noqa: ARG002
    ) -> None:
        others = [a for a in activities or () if a is not ProfilerActivity.CPU]
        if others:
            raise TypeError(f"profile: activities may only hold ProfilerActivity.CPU, got {others[0]!r}")
        super().__init__()
        self.on_trace_ready = on_trace_ready
        self._threads: dict[int, str] = {}  # names, by number
        self._running_in: int | None = None
        self._started = self._stopped_after = 0  # nanoseconds

    # ------------------------------------------------------------------------------------------------ on and off
    def start(self) -> None:
        """Begin, or go on after `stop`: times then add up."""
        if self._running_in is not None:
            raise RuntimeError("this profile is running already; make another one to nest them")
        self._running_in = threading.get_native_id()
        self._threads[self._running_in] = threading.current_thread().name
        CALLS.begin()
        here.mode.watchers = (self, *here.mode.watchers)  # the first: its clock runs while no other watcher works
        self._started = perf_counter_ns()
        self._origin = self._origin or self._started

    def stop(self) -> None:
        """End; must be called in the thread that started."""
        if self._running_in is None:
            raise RuntimeError("this profile is not running: call start(), or use it in a with statement")
        if self._running_in != threading.get_native_id():
            raise RuntimeError("a profile must be stopped in the thread that started it")
        self._stopped_after += perf_counter_ns() - self._started
        here.mode.watchers = tuple(watcher for watcher in here.mode.watchers if watcher is not self)
        self._running_in = None
        CALLS.end()
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._running_in is not None:  # it may have been stopped early
            self.stop()

    # ------------------------------------------------------------------------------------------------ the figures
    @property
    def wall(self) -> float:
        """Seconds that the profile ran, by the clock on the wall."""
        running = perf_counter_ns() - self._started if self._running_in is not None else 0
        return (self._stopped_after + running) * 1e-9

    @property
    def outside(self) -> float:
        """Seconds that were spent in no operation and no optimizer step: Python, data, the engine, the profile."""
        return max(0.0, self.wall - sum(row.total for row in self.by_op().values()))

    def by_op(self, shapes: bool = False) -> dict[str, Row]:
        """A row for each operation, the longest first; with ``shapes``, for each with inputs of the same shapes."""

        def name(event: Event) -> str:
            return " ".join([event.name, *map(str, event.shapes)]) if shapes else event.name

        found = rows(self.events, name, self.wall)
        for event in self.events:
            if event.phase in ("forward", "optimizer"):
                found[name(event)].calls += 1
        return found

    def by_module(self, depth: int | None = None) -> dict[str, Row]:
        """A row for each module, of what it computes itself, without its children; the longest first.

        ``depth`` adds modules to the one around them: with 1, all of "features.0", "features.1" counts as "features".
        The backward of an operation belongs to the module that called it.

        Raises ValueError unless ``depth`` is None or at least 1.
        """
        if depth is not None and depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")

        def name(event: Event) -> str:
            return ".".join(event.module.split(".")[:depth])

        found = rows(self.events, name, self.wall)
        for event in self.events:
            if event.phase == "module":
                found.setdefault(name(event), Row(name(event))).calls += event.module == name(event)
            elif event.phase == "optimizer":
                found[event.name].calls += 1
        return found

    def by_span(self) -> dict[str, Row]:
        """A row for each name given to `record_function`: calls, and as ``other`` all the time between its ends."""
        found: dict[str, Row] = {}
        for event in self.events:
            if event.phase == "span":
                row = found.setdefault(event.name, Row(event.name))
                row.calls += 1
                row.other += event.duration
        return finished(found.values(), self.wall)

    def table(self, sort_by: str = "total", group_by: str = "op", limit: int | None = None) -> str:
        """The figures as text: milliseconds forward and backward, calls, shares, MiB of outputs, FLOPs and FLOP/s.

        "rules" counts gradients: one for each input of an operation that wants one. Lines exclude each other,
        but for spans, and add up to the time that the profile ran.

        Args:
            sort_by: "total", "forward", "backward", "other", "calls", "bytes", "flops", "flops_per_second" or "name".
            group_by: "op", "module", "op and shapes" or "span".
            limit: show so many rows, and the rest as one.

        Raises ValueError for anything else. A notebook shows the default one by itself: end a cell with the profile.
        """
        return text(self._laid_out(sort_by, group_by, limit))

    def _laid_out(self, sort_by: str = "total", group_by: str = "op", limit: int | None = None) -> Table:
        groups: dict[str, tuple[str, Callable[[], dict[str, Row]]]] = {
            "op": ("operation", self.by_op),
            "op and shapes": ("operation and shapes of its inputs", lambda: self.by_op(shapes=True)),
            "module": ("module", self.by_module),
            "span": ("span", self.by_span),
        }
        if group_by not in groups:
            raise ValueError(f"group_by must be one of {', '.join(groups)}, got {group_by!r}")
        heading, find = groups[group_by]
        found = ordered(find().values(), sort_by)
        return laid_out(heading, found, limit, self.wall, None if group_by == "span" else self.outside)

    def _repr_html_(self) -> str:
        return as_html(self._laid_out())

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        count = sum(event.phase in OPERATIONS for event in self.events)
        state = "running" if self._running_in is not None else f"{self.wall:.6f} s"
        return f"<profile: {state}, {count} operations>"

    def key_averages(self, group_by_input_shape: bool = False) -> Averages:
        """PyTorch's way to the rows of `by_op`: ``p.key_averages().table(sort_by="cpu_time_total", row_limit=10)``."""
        return Averages(self, group_by_input_shape)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file that chrome://tracing and https://ui.perfetto.dev open.

        Operations stand within the modules and spans they ran in; a click shows module, shapes, bytes and FLOPs.
        """
        chrome.write(path, self.events, self._threads)


class Averages(list[Row]):
    """A list of rows with PyTorch's ``table``."""

    def __init__(self, of: profile, shapes: bool) -> None:
        super().__init__(of.by_op(shapes).values())
        self._of, self._group = of, "op and shapes" if shapes else "op"

    def table(self, sort_by: str | None = None, row_limit: int = 100) -> str:
        """The table by operation; -1 shows all rows. ``sort_by`` may be PyTorch's name of a column, or one of ours."""
        limit = None if row_limit == -1 else row_limit
        return self._of.table(_TORCH_COLUMNS.get(sort_by, str(sort_by)), self._group, limit)

    def _repr_html_(self) -> str:
        return as_html(self._of._laid_out(group_by=self._group))


class record_function(ContextDecorator):
    """Gives a name to what happens within, in the traces and in ``table(group_by="span")`` of profiles that run.

    A context manager and a decorator. Without a profile it does nothing.

    >>> import tinygrad_cnn as tg
    >>> @record_function("double")
    ... def double(x):
    ...     return x * 2
    >>> with profile() as p:
    ...     with record_function("all"):
    ...         y = double(double(tg.ones(3)))
    >>> {row.name: row.calls for row in p.by_span().values()}
    {'all': 1, 'double': 2}
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"record_function: the name must be a str, got {type(name).__name__}")
        self.name = name
        self._starts: list[int] = []

    def _recreate_cm(self) -> record_function:  # a decorated function gets its own for every call: safe in threads
        return record_function(self.name)

    def __enter__(self) -> record_function:
        self._starts.append(perf_counter_ns())
        return self

    def __exit__(self, *exc: object) -> None:
        start = self._starts.pop()
        for watcher in watchers():
            watcher.note(self.name, "span", start)
