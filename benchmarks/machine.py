"""What was measured on, without names of hosts or paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.racing import ROOT, busy, cores, environment


def processor() -> str:
    """The processor's name, and the widest vectors it knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    vectors = next((label for flag, label in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    return ", ".join(filter(None, [fields.get("model name", platform.machine()), vectors]))


def blas() -> str:
    """The BLAS that NumPy multiplies with, and the kernels it chose."""
    import numpy as np

    assert np
    from threadpoolctl import threadpool_info

    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            parts = [pool["internal_api"], pool.get("version"), pool.get("architecture")]
            return " ".join(str(part) for part in parts if part)
    return "unknown"


def settings() -> str:
    """Settings of BLAS and of threads in the environment: they change what NumPy can do."""
    names = [n for n in sorted(os.environ) if n.startswith(("OPENBLAS_", "MKL_", "BLIS_", "MALLOC_", "KMP_"))]
    return ", ".join(f"{n}={os.environ[n]}" for n in names if n in environment()) or "none"


def version(package: str) -> str:
    """Of an installed package; "absent" of others."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def commit() -> str:
    """The commit that was measured, and whether files of the package differed from it."""
    try:
        git = ["git", "-C", str(ROOT)]
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "tinygrad_cnn"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip() + (" with changes" if changed.stdout.strip() else "")


def describe() -> dict[str, Any]:
    """A dictionary of texts, in the order to show them."""
    return {
        "processor": processor(),
        "cores": str(cores()),
        "system": platform.system(),
        "Python": platform.python_version(),
        "NumPy": version("numpy"),
        "BLAS": blas(),
        "settings in the environment": settings(),
        "PyTorch": version("torch"),
        "MyGrad": version("mygrad"),
        "HIPS autograd": version("autograd"),
        "noise": "noticed by /proc/stat" if busy() is not None else "not noticed: this system has no /proc/stat",
    }
