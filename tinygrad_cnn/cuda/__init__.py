"""PyTorch's ``cuda`` on a machine without it: questions are answered, what needs a GPU is one helpful error.

Seeding, synchronising and emptying caches do nothing; memory on the device is 0.
"""

from __future__ import annotations

from typing import Any

from ..tensors.device import no_device
from . import amp as amp


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:  # noqa: ARG001
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


# ------------------------------------------------------------------------------------------------- nothing to be done
def manual_seed(seed: int) -> None:
    """Nothing: there are no random numbers on a GPU. `tinygrad_cnn.manual_seed` seeds all that are."""


def manual_seed_all(seed: int) -> None:
    """Nothing, as `manual_seed`."""


def seed() -> None:
    """Nothing, as `manual_seed`."""


def seed_all() -> None:
    """Nothing, as `manual_seed`."""


def synchronize(device: Any = None) -> None:
    """Nothing: every call returns when it is done."""


def empty_cache() -> None:
    """Nothing: there is no such cache."""


def ipc_collect() -> None:
    """Nothing: there is no memory that processes share."""


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing: all stay 0."""


def reset_max_memory_allocated(device: Any = None) -> None:
    """Nothing: it stays 0."""


def memory_allocated(device: Any = None) -> int:  # noqa: ARG001
    """0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_cached = max_memory_cached = memory_allocated


def memory_stats(device: Any = None) -> dict[str, Any]:  # noqa: ARG001
    """Empty."""
    return {}


def get_rng_state_all() -> list[Any]:
    """Empty: there is no device to have a state."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Nothing: there is no device to take a state."""


# ------------------------------------------------------------------------------------------------------ what needs one
def _needs_a_gpu(name: str) -> Any:
    def function(*_args: Any, **_kwargs: Any) -> Any:
        raise no_device("cuda", f"cuda.{name}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "An error: there is no GPU."
    return function


init = _needs_a_gpu("init")
current_device = _needs_a_gpu("current_device")
set_device = _needs_a_gpu("set_device")
get_device_name = _needs_a_gpu("get_device_name")
get_device_capability = _needs_a_gpu("get_device_capability")
get_device_properties = _needs_a_gpu("get_device_properties")
get_rng_state = _needs_a_gpu("get_rng_state")
set_rng_state = _needs_a_gpu("set_rng_state")
memory_summary = _needs_a_gpu("memory_summary")
current_stream = _needs_a_gpu("current_stream")
stream = _needs_a_gpu("stream")
device = _needs_a_gpu("device")
Event = _needs_a_gpu("Event")
Stream = _needs_a_gpu("Stream")
