"""NVIDIA's library of layers, which is not here. Its settings are about speed and repeatability: they may be set.

Convolutions here give the same bits for the same input, whatever these say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

benchmark = False
benchmark_limit = 10
deterministic = False
enabled = True
allow_tf32 = True


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None: there is no version of it here."""


@contextlib.contextmanager
def flags(**_settings: Any) -> Iterator[None]:
    """A context in which the settings hold; they make no difference."""
    yield
