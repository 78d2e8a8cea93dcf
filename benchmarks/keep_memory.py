"""What keeping freed memory is worth: time of training steps with it and without, in processes that take turns.

    python benchmarks/keep_memory.py

The switch is TINYGRAD_CNN_KEEP_MEMORY, see `tinygrad_cnn/memory.py`. Above 1: keeping is quicker.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TURNS, SECONDS = 7, 0.3
CELLS = [("N1", 10), ("N1", 64), ("N1", 256), ("N2", 64), ("N3", 64), ("N3", 256)]


def worker(net: str, batch: int) -> None:
    """A line with a number of steps comes in, the seconds they took go out."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.models import trainer

    step = trainer("tinygrad_cnn", net, batch, "train")
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(json.dumps(time.perf_counter() - start), flush=True)


def main() -> None:
    """Print the ratio for each net and batch."""
    if sys.argv[1:]:
        worker(sys.argv[1], int(sys.argv[2]))
        return
    print(f"{'net':>4} {'batch':>6} {'kept, ms':>9} {'returned, ms':>13} {'ratio':>6}")
    for net, batch in CELLS:
        processes = [
            subprocess.Popen(
                [sys.executable, __file__, net, str(batch)],
                env={**os.environ, "TINYGRAD_CNN_KEEP_MEMORY": switch},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for switch in ("1", "0")
        ]

        def ask(process: subprocess.Popen[str], steps: int) -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{steps}\n")
            process.stdin.flush()
            return float(json.loads(process.stdout.readline())) / steps

        warm = min(ask(p, 5) for p in processes for _ in range(2))
        steps = max(2, int(SECONDS / warm))
        turns = [[ask(p, steps) for p in processes] for _ in range(TURNS)]
        for p in processes:
            p.communicate()
        kept, returned = (statistics.median(t) * 1e3 for t in zip(*turns, strict=True))
        ratio = statistics.median(b / a for a, b in turns)
        print(f"{net:>4} {batch:6} {kept:9.2f} {returned:13.2f} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()
