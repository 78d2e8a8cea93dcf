"""Freed memory is kept, unless someone says otherwise."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import types

import pytest

from tinygrad_cnn.arrays.memory import keep_freed_memory

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


@pytest.mark.parametrize(
    ("settings", "platform", "asked"),
    [
        ({}, "linux", True),
        ({"TINYGRAD_CNN_KEEP_MEMORY": "1"}, "linux", True),
        ({"TINYGRAD_CNN_KEEP_MEMORY": "0"}, "linux", False),
        ({"MALLOC_ARENA_MAX": "2"}, "linux", False),
        ({"GLIBC_TUNABLES": "glibc.malloc.check=0"}, "linux", False),
        ({}, "darwin", False),
    ],
)
def test_the_allocator_is_asked_once_for_each_of_three_things(
    settings: dict[str, str], platform: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the numbers of glibc's malloc.h: no blocks of their own, 1 GB that is kept, 16 MB taken at a time."""
    calls: list[tuple[int, int]] = []
    for name in [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_", "TINYGRAD_CNN_KEEP"))]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    library = types.SimpleNamespace(mallopt=lambda what, value: calls.append((what, value)) or 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert keep_freed_memory() is asked
    assert sorted(calls) == (sorted([(-4, 0), (-1, 2**30), (-2, 2**24)]) if asked else [])


@pytest.mark.parametrize("refused", [-4, -1, -2])
def test_an_allocator_that_refuses_or_is_another_has_not_agreed(refused: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_", "TINYGRAD_CNN_KEEP"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: types.SimpleNamespace(mallopt=lambda what, _: int(what != refused)))
    assert keep_freed_memory() is False
    monkeypatch.setattr(ctypes, "CDLL", lambda _: types.SimpleNamespace())
    assert keep_freed_memory() is False
