"""What small things cost: the figures in `threads`, `windows` and `operation`, in microseconds.

    python benchmarks/small_costs.py

Medians of short loops in one process. The last line is no cost but a habit: how long BLAS's own threads keep a core
busy after a product, waiting for the next.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided


def cost(f: Callable[[], Any], calls: int = 1000, turns: int = 9) -> float:
    """Microseconds of one call: the median of several loops."""
    found = []
    for _ in range(turns):
        start = time.perf_counter()
        for _ in range(calls):
            f()
        found.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(found)


def hand_over(rest: float) -> float:
    """Microseconds to a second thread that has slept for ``rest`` seconds, and back."""
    from tinygrad_cnn.arrays.threads import divide

    found = []
    for _ in range(200):
        start = time.perf_counter()
        while (now := time.perf_counter()) < start + rest:
            pass
        divide(2, lambda _start, _stop: None, 1.0)
        found.append((time.perf_counter() - now) * 1e6)
    return statistics.median(found)


def busy_after_a_product() -> float:
    """Milliseconds of CPU time that this process uses while it sleeps after a product on two BLAS threads."""
    from threadpoolctl import threadpool_limits

    a, found = np.ones((512, 512), np.float32), []
    with threadpool_limits(2, user_api="blas"):
        for _ in range(9):
            a @ a
            start = time.process_time()
            time.sleep(0.5)
            found.append((time.process_time() - start) * 1e3)
    return statistics.median(found)


def main() -> None:
    """Print a line for each."""
    from threadpoolctl import ThreadpoolController

    import tinygrad_cnn as tg
    from tinygrad_cnn.arrays.threads import one_blas_thread
    from tinygrad_cnn.arrays.windows import strided

    tg.set_num_threads(2)
    blas = next((lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"), None)
    a = np.zeros((64, 64), np.float32)
    shape, strides = (62, 3, 62), (256, 256, 4)
    x, y = tg.ones(10, requires_grad=True), tg.ones(10)
    slowly = tg.mul.__wrapped__  # type: ignore[attr-defined]

    def limited() -> None:
        with one_blas_thread:
            pass

    lines: dict[str, Callable[[], Any]] = {
        "one_blas_thread, in and out": limited,
        "the number of BLAS's threads, set through threadpoolctl": lambda: blas and blas.set_num_threads(2),
        "as_strided": lambda: as_strided(a, shape, strides, writeable=False),
        "windows.strided": lambda: strided(a, shape, strides),
        "an operation on ten numbers, recorded": lambda: tg.mul(x, y),
        "the same without the fast path": lambda: slowly(x, y),
    }
    for rest in (0.0001, 0.005):
        what = f"a hand-over to a thread that slept for {1000 * rest:g} ms, and back"
        print(f"{what:58}{hand_over(rest):6.2f} us")
    for what, f in lines.items():
        print(f"{what:58}{cost(f):6.2f} us")
    print(f"{'BLAS goes on spinning after a product on two threads':58}{busy_after_a_product():6.0f} ms")


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
