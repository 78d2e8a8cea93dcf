"""Measure everything, print the tables, write RESULTS.md and the picture of the README.

    python benchmarks/run.py                       # all parts, about an hour
    python benchmarks/run.py --only nets memory    # these; the others keep the figures they have
    python benchmarks/run.py --quick               # a look within minutes; goes to runs/benchmarks, not into RESULTS.md
    python benchmarks/run.py --render              # measure nothing, write the files again

docs/benchmarks.md says how to read the tables.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.suite import main

    sys.exit(main(__doc__))
