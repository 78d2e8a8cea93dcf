"""Digests of what was kept, by which a change is found that nobody told of: a write by NumPy into shared memory."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray


def digest(x: Any) -> Any:
    """A number that differs where the contents do: of an array or tensor, or those of a tuple, list or dict of them.

    CRC-32: two arrays that differ within 32 bits in a row never have the same, others by a chance of 2^-32.
    """
    if isinstance(x, (tuple, list)):
        return tuple(map(digest, x))
    if isinstance(x, dict):
        return {key: digest(value) for key, value in x.items()}
    a = getattr(x, "_array", x)
    if not isinstance(a, ndarray) or a.dtype.hasobject:
        return None
    return zlib.crc32(a.ravel(order="K").view(np.uint8).data) if a.size else 0  # (bytes,)


def check_digests(name: str, saved: Sequence[Any], attributes: dict[str, Any], before: Any, where: str) -> None:
    """Raise if what an operation saved, (output, *inputs), or an array among its attributes is not what it was.

    ``before`` is the digest of (saved, attributes), None for what was not kept; ``where`` is the line that called it.
    """
    outputs, others = before
    changed = [
        (f"input {k - 1}" if k else "output", saved[k]) for k in range(len(outputs)) if _differs(saved[k], outputs[k])
    ]
    changed += [(f"attribute {key!r}", attributes[key]) for key in others if _differs(attributes[key], others[key])]
    for what, x in changed:
        shape = f", of shape {tuple(x.shape)}," if hasattr(x, "shape") else ""
        raise RuntimeError(
            f"the {what} of '{name}'{shape} was changed between the forward pass and its gradient, and no operation of "
            "this package did it: a write by NumPy into shared memory (x.numpy(), from_numpy, a view of either). The "
            "gradient needs the old values. Write into a copy, x.numpy().copy() or tg.tensor(array), or after "
            f"backward()\n  {where}"
        )


def _differs(x: Any, before: Any) -> bool:
    return bool(digest(x) != before)
