"""How many threads the matrix products use."""

from __future__ import annotations

from typing import Any

_limits: list[Any] = []  # the limit in force, kept so that it is not undone


def set_num_threads(n: int) -> None:
    """Let NumPy's linear algebra (BLAS) use n >= 1 threads."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"set_num_threads expects an integer of at least 1, got {n!r}")
    from threadpoolctl import threadpool_limits

    _limits[:] = [threadpool_limits(n, user_api="blas")]


def get_num_threads() -> int:
    """How many threads NumPy's linear algebra (BLAS) uses."""
    from threadpoolctl import threadpool_info

    return max((int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)
