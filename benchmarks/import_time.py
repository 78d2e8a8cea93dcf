"""How long `import tinygrad_cnn` takes beside `import numpy`: medians of fresh processes that take turns.

python benchmarks/import_time.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

TURNS = 15
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # modules compiled once, as usual


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=ENVIRONMENT)
    return time.perf_counter() - start


def main() -> None:
    """Print the three medians and the ratio of imports, the bare interpreter's start taken off."""
    statements = ("pass", "import numpy", "import tinygrad_cnn")
    turns = [[seconds(s) for s in statements] for _ in range(TURNS + 1)][1:]  # the first turn warms the disk cache
    for name, times in zip(("bare interpreter", *statements[1:]), zip(*turns, strict=True), strict=True):
        print(f"{name:>20}: {statistics.median(times) * 1e3:6.1f} ms")
    ratios = [(c - a) / (b - a) for a, b, c in turns]
    print(f"import tinygrad_cnn / import numpy: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
