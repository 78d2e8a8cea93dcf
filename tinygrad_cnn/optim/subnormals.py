"""Numbers below the smallest normal one, 1.2e-38 in float32, with which processors are tens of times slower.

The momentum of a parameter whose gradient has become 0, as behind a relu that never fires again, decays into them
after some 900 steps and stays there, for 0.9 of the smallest number is rounded to that number. To a parameter they add
nothing.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy import ndarray

EVERY = 64  # steps: subnormal numbers are looked for so often
_PIECE = 1 << 14  # numbers at a time


class _Here(threading.local):
    def __init__(self) -> None:
        self.rows: dict[Any, tuple[ndarray, ndarray]] = {}


_here = _Here()


def flush(a: ndarray) -> None:
    """Put 0 in the place of subnormal numbers, in arrays of float32 or float64; in float16 they are worth keeping."""
    if a.dtype.char not in "fd":
        return
    if not a.flags.forc:
        a[np.abs(a) < np.finfo(a.dtype).tiny] = 0
        return
    if a.dtype not in _here.rows:
        _here.rows[a.dtype] = np.empty(_PIECE, a.dtype), np.empty(_PIECE, bool)
    size, mask = _here.rows[a.dtype]
    flat = a.reshape(-1, order="A")
    for start in range(0, flat.size, _PIECE):
        part = flat[start : start + _PIECE]
        n, tiny = part.size, np.finfo(a.dtype).tiny
        np.less(np.abs(part, out=size[:n]), tiny, out=mask[:n])
        np.copyto(part, 0, where=mask[:n])
