"""Runs stopped at random points and gone on with: each equals the one in a piece, bit for bit.

    python tests/faults/stop_points.py [--count 1000] [--seed 1000]

Each draws a way to stop (stop(), Ctrl-C, a process that is gone, a full disk), a loader, reading ahead or not, an
optimizer, a schedule and a batch to stop after (`train.runs`); weights, optimizer, history, callbacks and the random
state at the end must be those of the uninterrupted run. With ``--apart`` each is a process of its own, ended by kill -9
or SIGINT.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import warnings
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from train.runs import drawn
from train.test_resume import test_resumed_equals_uninterrupted, test_so_does_one_that_ended_with_its_process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1000, help="of the first run")
    parser.add_argument("--apart", action="store_true", help="each in a process of its own")
    args = parser.parse_args()
    check = test_so_does_one_that_ended_with_its_process if args.apart else test_resumed_equals_uninterrupted
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")
    failed = []
    for seed in range(args.seed, args.seed + args.count):
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(seed, Path(folder))
            except Exception as error:
                failed.append(seed)
                print(f"{drawn(seed)}: {type(error).__name__}: {str(error)[:300]}", flush=True)
    print(f"{args.count - len(failed)} of {args.count} stop points gone on with to the same bits; failed: {failed}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
