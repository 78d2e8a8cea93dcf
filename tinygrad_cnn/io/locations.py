"""``map_location``: where tensors of a file are to go. There is one place, so it is a question of saying so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["checked_location"]


def checked_location(map_location: Any) -> Callable[[Any, str], Any] | None:
    """The callable in `map_location`, or None where it is nothing, the CPU, or a dict whose values are the CPU.

    Raises ValueError for another device, TypeError for what is none.
    """
    if map_location is None:
        return None
    if isinstance(map_location, Mapping):
        for place, wanted in map_location.items():
            if not _is_cpu(wanted):
                raise ValueError(
                    f"load: tensors live on the CPU, got map_location={{{str(place)!r}: {str(wanted)!r}}}; "
                    "map to 'cpu', or leave map_location out"
                )
        return None
    if _is_cpu(map_location):
        return None
    if callable(map_location):
        return map_location
    if isinstance(map_location, str) or hasattr(map_location, "type"):
        raise ValueError(
            f"load: tensors live on the CPU, got map_location={str(map_location)!r}; pass 'cpu' or leave it out"
        )
    raise TypeError(
        "load: map_location may be None, 'cpu', a device, a dict of such, or a callable, "
        f"got {type(map_location).__name__}"
    )


def _is_cpu(place: Any) -> bool:
    return str(getattr(place, "type", place)) in ("cpu", "cpu:0")
