"""Freed memory is kept, unless someone says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource, tinygrad_cnn, numpy as np
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.empty(4_000_000 // 4, np.float32).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is Linux's")
@pytest.mark.parametrize("switch", [{}, {"TINYGRAD_CNN_KEEP_MEMORY": "0"}, {"MALLOC_TRIM_THRESHOLD_": "131072"}])
def test_arrays_reuse_pages_unless_switched_off(switch: dict[str, str]) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "TINYGRAD_CNN_KEEP"))}
    command = "from tinygrad_cnn.arrays.memory import keep_freed_memory; print(keep_freed_memory())"
    run = [sys.executable, "-c", command]
    agreed = subprocess.run(run, env={**kept, **switch}, capture_output=True, text=True, check=True).stdout.strip()
    if switch:
        assert agreed == "False"
        return
    if agreed != "True":
        pytest.skip("another C library than glibc")
    found = subprocess.run([sys.executable, "-c", FAULTS], env=kept, capture_output=True, text=True, check=True)
    assert int(found.stdout) < 100  # 50 arrays of 977 pages
