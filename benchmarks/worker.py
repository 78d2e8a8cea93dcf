"""The process that is measured: it makes a job when told to, runs steps of it, and says how long they took.

Requests come as lines of JSON on standard input and are answered by one line each. What a library prints goes to
standard error.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


def memory() -> dict[str, float | None]:
    """Megabytes this process holds now, and the most it ever held; None where the system does not tell."""
    try:
        with open("/proc/self/status") as file:
            lines = dict(line.split(":", 1) for line in file)
        return {name: int(lines[key].split()[0]) / 1024 for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))}
    except OSError:
        pass  # not Linux
    try:
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        return {"now": None, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
    except ImportError:
        return {"now": None, "peak": None}


def page_faults() -> int:
    """How often this process had to be given a page of memory; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


class Bench:
    """Holds one job, a function without arguments, and answers requests about it."""

    def __init__(self) -> None:
        self.job: Callable[[], Any] | None = None

    def make(self, function: str, **arguments: Any) -> dict[str, Any]:
        """Put the old job away and let `module:function` make the next; it may return (job, something to tell)."""
        self.job = None
        gc.collect()
        module, name = function.split(":")
        start = time.perf_counter()
        made = getattr(importlib.import_module(module), name)(**arguments)
        self.job, told = made if isinstance(made, tuple) else (made, None)
        return {"seconds": time.perf_counter() - start, "told": told}

    def steps(self, n: int) -> dict[str, Any]:
        """Run the job n times: wall time, CPU time of all threads, page faults, and what the last one returned."""
        assert self.job is not None
        faults = page_faults()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(n):
            last = self.job()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        last = last if isinstance(last, (dict, float, int)) else None
        return {"wall": wall, "cpu": cpu, "faults": page_faults() - faults, "last": last}

    def memory(self) -> dict[str, float | None]:
        """See the function `memory`."""
        return memory()


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    bench = Bench()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(bench, request.pop("do"))(**request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
