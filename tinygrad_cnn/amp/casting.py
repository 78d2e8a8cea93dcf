"""`autocast`: within it, operations compute in the dtypes of their inputs, as everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_TYPES = ("cpu", "cuda", "mps", "xpu")


class autocast:
    """A context manager and a decorator that changes nothing: on this CPU float32 is the fastest dtype.

    >>> with autocast("cuda", enabled=False):
    ...     pass
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"autocast: device_type must be a string such as 'cpu', got {type(device_type).__name__}")
        if device_type not in _TYPES:
            raise RuntimeError(f"autocast: device_type must be one of {', '.join(_TYPES)}, got {device_type!r}")
        self.device, self.fast_dtype = device_type, dtype
        self._enabled, self._cache_enabled = enabled, cache_enabled

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to put back."""

    def __call__(self, function: F) -> F:
        return function
