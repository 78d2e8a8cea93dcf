"""What a file of ONNX will take in memory, told from its bytes before anybody parses it.

Protobuf turns two bytes into a message of some hundred: a small file can ask for gigabytes. So the messages are counted
first, on the file as it lies on the disk (https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

Buffer: TypeAlias = "bytes | mmap.mmap"

MESSAGE, TEXT, NUMBER = 400, 64, 16  # bytes that each takes: in the parser, in the checker, and as Python's object
ROOM, TIMES = 24 << 20, 12  # what a file may take: a flat sum, and so many times its size (a real graph takes ten)
DEEPEST = 200  # messages within each other; the parser itself stops at 100

UNSAID = ("leaf", "shape", "shaped", "type")  # empty ones are common: the shape of a scalar, a size that is not known
TEXTS, NUMBERS, FLOATS = "texts", "numbers", "floats"  # many small strings, many small numbers
PARTS: dict[str, dict[int, str]] = {  # of each kind of message, the fields that hold others, by their numbers
    "model": {7: "graph", 8: "leaf", 14: "leaf", 20: "training", 25: "function", 26: "devices"},
    "training": {1: "graph", 2: "graph", 3: "leaf", 4: "leaf"},
    "devices": {3: TEXTS},
    "graph": {
        1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 14: "annotation", 15: "sparse", 16: "leaf",
    },
    "annotation": {2: "leaf"},
    "node": {1: TEXTS, 2: TEXTS, 5: "attribute", 9: "leaf", 10: "placing"},
    "placing": {2: "sharding"},
    "sharding": {2: NUMBERS, 3: "group", 4: "sharded"},
    "group": {2: NUMBERS},
    "sharded": {2: "leaf"},
    "attribute": {
        5: "tensor", 6: "graph", 7: FLOATS, 8: NUMBERS, 9: TEXTS, 10: "tensor", 11: "graph", 14: "type", 15: "type",
        22: "sparse", 23: "sparse",
    },
    "function": {4: TEXTS, 5: TEXTS, 6: TEXTS, 7: "node", 9: "leaf", 11: "attribute", 12: "value", 14: "leaf"},
    "tensor": {1: NUMBERS, 3: "leaf", 5: NUMBERS, 6: TEXTS, 7: NUMBERS, 11: NUMBERS, 13: "leaf", 16: "leaf"},
    "sparse": {1: "tensor", 2: "tensor", 3: NUMBERS},
    "value": {2: "type", 4: "leaf"},
    "type": {1: "shaped", 4: "list", 5: "map", 7: "leaf", 8: "shaped", 9: "list"},
    "list": {1: "type"},
    "map": {2: "type"},
    "shaped": {2: "shape"},
    "shape": {1: "leaf"},
    "leaf": {},
}  # fmt: skip


def check_cost(data: Buffer) -> None:
    """ValueError where the file would take far more memory than its size allows, or is no protobuf."""
    allowed = ROOM + TIMES * len(data)
    taken = 0
    todo = [(0, len(data), "model", 0)]
    while todo:
        at, end, kind, depth = todo.pop()
        if depth > DEEPEST:
            raise ValueError(f"its messages lie within each other more than {DEEPEST} deep")
        parts = PARTS[kind]
        for field, start, stop in _fields(data, at, end):
            part = parts.get(field)
            if part == TEXTS:
                taken += TEXT
            elif part == NUMBERS:
                taken += NUMBER * (_numbers(data, start, stop) if start < stop else 1)
            elif part == FLOATS:
                taken += NUMBER * max((stop - start) // 4, 1)
            elif part is not None and start < stop:
                taken += MESSAGE
                todo.append((start, stop, part, depth + 1))
            elif part is not None and start == stop:
                taken += MESSAGE if part in UNSAID else MESSAGE * 100  # an empty node, say: nobody needs many
            if taken > allowed:
                raise ValueError(
                    f"its {len(data)} bytes hold so many messages that they would take more than {allowed >> 20} MB"
                )


def _numbers(data: Buffer, start: int, stop: int) -> int:
    """How many numbers lie there: the last byte of each is below 128."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8, stop - start, start) < 128))


def _fields(data: Buffer, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(field, start, end) of what lies in a message; a number alone has its end before its start."""
    while at < end:
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(data, at, end)
            if size > end - at:
                raise ValueError("it is cut short, or no file of ONNX")
            yield tag >> 3, at, at + size
            at += size
        elif kind == 0:
            _, after = _varint(data, at, end)
            yield tag >> 3, at, at - 1
            at = after
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
            yield tag >> 3, at, at - 1
        else:
            raise ValueError("it is no file of ONNX, or damaged")


def _varint(data: Buffer, at: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next thing lies."""
    byte = data[at] if at < end else 255
    if byte < 128:
        return byte, at + 1
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("it is cut short, or no file of ONNX")
