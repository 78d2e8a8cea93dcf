"""The training of examples/mnist_cnn.py under tinygrad_cnn and under PyTorch: seconds an epoch, and their ratio.

    python benchmarks/mnist_vs_pytorch.py            # needs torch importable; MNIST as the example finds it

Each framework has a process of its own. They train the same net on the same batches in turns of some seconds, so that
both see the same machine; disturbed turns are thrown away. Below 1, tinygrad_cnn is the quicker one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> None:
    """Race both and print the table."""
    from benchmarks.racing import Settings, cell
    from benchmarks.tables import noisy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn")
    args = parser.parse_args()
    jobs = {name: ("example:steps", {"package": name}) for name in ("tinygrad_cnn", "torch")}
    result = cell(jobs, Settings(args.turns, 3, args.seconds))
    times = result["times"]
    for name, why in result["failed"].items():
        sys.exit(f"mnist_vs_pytorch: {name} did not run: {why}")
    for name, taken in times.items():
        images = result["told"][name]["images"]
        epoch = taken["median"] * images / 64
        print(f"{name:>13}: {epoch:5.2f} s an epoch of {images:,} images, {images / epoch:,.0f} images/s")
    print(f"tinygrad_cnn / torch, medians: {times['tinygrad_cnn']['median'] / times['torch']['median']:.2f}")
    print(noisy([result]))


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
