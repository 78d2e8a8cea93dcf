"""The state of the package's generator, under the names of ``torch.random``; `tinygrad_cnn.random` is this module."""

from __future__ import annotations

import json
from collections.abc import Generator as Iterating
from collections.abc import Iterable
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arrays.rng import default_generator, initial_seed, manual_seed, seed
from . import Tensor

__all__ = ["default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def get_rng_state() -> Tensor:
    """Where the package's generator stands, as a tensor of bytes, which can be saved like any other."""
    text = json.dumps(default_generator().get_state())
    return Tensor(np.frombuffer(text.encode(), np.uint8).copy())


def set_rng_state(new_state: Tensor) -> None:
    """Go back to a state that `get_rng_state` gave.

    Raises:
        TypeError: no tensor of bytes.
        ValueError: one that holds no such state.
    """
    if not isinstance(new_state, Tensor) or new_state.dtype != np.uint8:
        got = f"a Tensor of dtype {new_state.dtype}" if isinstance(new_state, Tensor) else type(new_state).__name__
        raise TypeError(f"set_rng_state() takes the tensor of bytes that get_rng_state() gave, got {got}")
    try:
        state: Any = json.loads(new_state._array.tobytes())
    except ValueError:
        raise ValueError("set_rng_state() takes what get_rng_state() gave; these bytes are no such state") from None
    default_generator().set_state(state)


@contextmanager
def fork_rng(devices: Iterable[Any] = (), enabled: bool = True, **_hints: Any) -> Iterating[None]:  # noqa: ARG001
    """Within, random numbers may be drawn and seeds be set; afterwards the generator stands where it stood before."""
    state = default_generator().get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator().set_state(state)
