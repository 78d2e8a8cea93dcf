"""Freed memory is kept for the next array.

A training step allocates the same arrays again and again. By default the C library hands large blocks back to the
system when they are freed, and every new array pays for fresh pages: on a small convnet that is up to half of the time.
So at import the allocator of glibc (Linux) is asked to keep what was freed, up to 1 GB at the end of its heap.
Elsewhere nothing is done. The environment variable TINYGRAD_CNN_KEEP_MEMORY=0, or any of glibc's own MALLOC_ settings,
switches this off.

`python benchmarks/keep_memory.py` measures what it is worth.
"""

from __future__ import annotations

import os
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h


def keep_freed_memory() -> bool:
    """Ask the C allocator to keep freed memory; whether it agreed."""
    settings = [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]
    if not sys.platform.startswith("linux") or settings or os.environ.get("TINYGRAD_CNN_KEEP_MEMORY") == "0":
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 1 << 30) and mallopt(_M_TOP_PAD, 1 << 24))
