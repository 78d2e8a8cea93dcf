"""What is kept of a run, in bounded room: curves by step, looks into the net, pictures of filters."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Number = float | str | None  # as JSON has it: NaN and infinities are texts

POINTS = 2048  # of a curve
LOOKS = 240
FRAMES = 40  # pictures of the filters


class Curves:
    """Numbers by step. When there are too many, neighbours are put together by their means, again and again.

    Attributes:
        stride: how many steps a point stands for.
        steps: the last step of each point.
        series: by name, as long as ``steps``; None where nothing was given.

    >>> curves = Curves(points=4)
    >>> for step in range(1, 6):
    ...     curves.add(step, {"loss": float(step)})
    >>> curves.stride, curves.steps, curves.series
    (2, [2, 4], {'loss': [1.5, 3.5]})
    """

    def __init__(self, points: int = POINTS) -> None:
        self.points, self.stride = points, 1
        self.steps: list[int] = []
        self.series: dict[str, list[float | None]] = {}
        self._waiting: list[tuple[int, Mapping[str, float]]] = []

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of one step."""
        if len(self.steps) == self.points:
            self._halve()
        self._waiting.append((step, values))
        if len(self._waiting) < self.stride:
            return
        for name in values:
            self.series.setdefault(name, [None] * len(self.steps))
        self.steps.append(step)
        for name, column in self.series.items():
            column.append(_mean([given[name] for _, given in self._waiting if name in given]))
        self._waiting = []

    def _halve(self) -> None:
        self.stride *= 2
        self.steps = self.steps[1::2]
        for name, column in self.series.items():
            pairs = zip(column[::2], column[1::2], strict=True)
            self.series[name] = [_mean([v for v in pair if v is not None]) for pair in pairs]

    def since(self, stride: int, count: int) -> dict[str, Any]:
        """As JSON, from the point at ``count`` on; all of it for who has another stride."""
        start = count if stride == self.stride and 0 <= count <= len(self.steps) else 0
        series = {name: [number(v) for v in column[start:]] for name, column in self.series.items()}
        return {"stride": self.stride, "start": start, "steps": self.steps[start:], "series": series}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


class Kept:
    """A list that drops every second entry when it is full: the older, the sparser. The first and the last stay."""

    def __init__(self, room: int) -> None:
        self.room, self.thinned = room | 1, 0  # odd: then every second one has both ends
        self.entries: list[dict[str, Any]] = []

    def add(self, entry: dict[str, Any]) -> None:
        """One entry more."""
        if len(self.entries) == self.room:
            self.entries = self.entries[::2]
            self.thinned += 1
        self.entries.append(entry)

    def since(self, thinned: int, count: int) -> dict[str, Any]:
        """As JSON, from the entry at ``count`` on; all of them for who has not seen the latest thinning."""
        start = count if thinned == self.thinned and 0 <= count <= len(self.entries) else 0
        return {"thinned": self.thinned, "start": start, "entries": self.entries[start:]}


class Record:
    """All that is known of a run; the training writes, the page's server reads, each under ``lock``."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.curves, self.looks, self.frames = Curves(), Kept(LOOKS), Kept(FRAMES)
        self.about: dict[str, Any] = {}  # title, layers, units, filters: what does not change from look to look
        self.epochs: list[dict[str, Any]] = []
        self.mistakes: list[dict[str, Any]] = []
        self.now: dict[str, Any] = {"step": 0}

    def since(self, have: Mapping[str, Any]) -> dict[str, Any]:
        """What somebody has not seen yet who has so much: {"curves": [stride, count], "looks": [thinned, count], ...}.

        Anything else that ``have`` may hold is taken as having nothing.
        """
        with self.lock:
            return {
                "about": self.about,
                "now": _plain(self.now),
                "epochs": [_plain(epoch) for epoch in self.epochs],
                "mistakes": list(self.mistakes),
                "curves": self.curves.since(*_pair(have.get("curves"))),
                "looks": self.looks.since(*_pair(have.get("looks"))),
                "frames": self.frames.since(*_pair(have.get("frames"))),
            }

    def whole(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return self.since({})


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: number(value) if isinstance(value, float) else value for name, value in row.items()}


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2 and all(type(v) is int for v in value):
        return value[0], value[1]
    return -1, 0


def number(value: Any, digits: int = 6) -> Number:
    """A number as JSON takes it, to so many digits: "NaN", "inf" and "-inf" are texts.

    >>> number(1 / 3), number(float("nan")), number(float("-inf")), number(None)
    (0.333333, 'NaN', '-inf', None)
    """
    if value is None:
        return None
    value = float(value)
    if math.isfinite(value):
        return float(f"{value:.{digits}g}")
    return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"


def packed(array: Array) -> dict[str, Any]:
    """An array as signed bytes in base64, with what a step of them is worth: {"data", "scale"}.

    Numbers that are not finite become -128.

    >>> packed(np.array([1.0, -0.5, np.nan]))
    {'data': 'f8CA', 'scale': 0.007874015748031496}
    """
    finite = np.isfinite(array)
    scale = float(np.abs(array[finite]).max(initial=0)) / 127 or 1.0
    levels = np.where(finite, np.rint(np.where(finite, array, 0) / scale), -128).astype(np.int8)
    return {"data": base64.b64encode(levels.tobytes()).decode(), "scale": scale}


def as_bytes(array: Array) -> str:
    """An array stretched over 0 to 255, in base64; numbers that are not finite become 0."""
    values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    levels = np.rint((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    return base64.b64encode(levels.tobytes()).decode()
