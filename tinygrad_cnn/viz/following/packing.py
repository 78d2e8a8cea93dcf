"""Steps as plain data for the page: JSON, in which arrays are base64 of their own bytes, so that no digit is lost."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import numpy as np
from numpy import ndarray

from .structure import Step, Trail

RANGE = np.iinfo(np.int32)


class Packer:
    """Arrays, each packed once."""

    def __init__(self) -> None:
        self.arrays: list[dict[str, str]] = []
        self.bytes = 0  # before base64
        self._places: dict[tuple[int, int, str], int] = {}
        self._alive: list[ndarray] = []  # so that no address is used twice

    def place(self, x: Any) -> int:
        """The place of an array in the list."""
        a = np.asarray(x)
        kind = _kind(a)
        a = np.ascontiguousarray(a, dtype=f"<{kind}")
        key = a.__array_interface__["data"][0], a.nbytes, kind
        if key not in self._places:
            self._places[key] = len(self.arrays)
            self.arrays.append({"type": kind, "data": base64.b64encode(a.tobytes()).decode()})
            self.bytes += a.nbytes
            self._alive.append(a)
        return self._places[key]


def _kind(a: ndarray) -> str:
    """What numbers are sent as: float32, float64 or int32."""
    if a.dtype.kind in "iub":
        return "i4" if not a.size or (a.min() >= RANGE.min and a.max() <= RANGE.max) else "f8"
    return "f8" if a.dtype.itemsize > 4 else "f4"


def packed(trail: Trail) -> tuple[dict[str, Any], dict[str, int]]:
    """What the page reads, and how many bytes of arrays are (weights, maps)."""
    packer = Packer()
    values = [packer.place(step.value) for step in trail.steps]
    maps = packer.bytes
    labels = _labels(trail)
    steps = [_step(packer, step, value, label) for step, value, label in zip(trail.steps, values, labels, strict=True)]
    data = {"arrays": packer.arrays, "steps": steps, "outputs": trail.outputs}
    return data, {"maps": maps, "weights": packer.bytes - maps}


def _step(packer: Packer, step: Step, value: int, label: dict[str, Any]) -> dict[str, Any]:
    operands = []
    for x in step.operands:
        operand: dict[str, Any] = {"step": x.step, "shape": list(x.shape)}
        if x.step is None and isinstance(x.array, ndarray):
            operand["array"] = packer.place(x.array)
        elif x.step is None:
            operand["array"] = packer.place(np.asarray(x.array, np.float64))
        if x.slope is not None:
            operand["slope"] = packer.place(x.slope)
        operands.append(operand)
    settings = {k: {"array": packer.place(v)} if isinstance(v, ndarray) else v for k, v in step.settings.items()}
    found = {"kind": step.kind, "op": step.op, "shape": list(step.shape), "value": value, "operands": operands}
    return {**found, "settings": settings, **label}


def _labels(trail: Trail) -> list[dict[str, Any]]:
    """What each step is called: as its module, where that made nothing else and has a word for a name, else as its
    operation; and where in the net and in the user's code it stands.
    """
    made = Counter(step.call for step in trail.steps)
    lines = [step.line for step in trail.steps if step.kind != "input"]
    told = any(line != lines[0] for line in lines)  # one line for all is the call of the model
    found = []
    for step in trail.steps:
        path, module = ("", "") if step.call is None else trail.calls[step.call][:2]
        own = made[step.call] == 1 and not path.replace(".", "").isdigit()
        name = path if own and path else step.op
        found.append({"name": name, "path": path, "module": module, "line": step.line if told else None})
    return found
