"""How long `import tinygrad_cnn` takes beside `import numpy` (and PyTorch's, where it is installed), in fresh processes
that take turns.

    python benchmarks/import_time.py
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks import start
    from benchmarks.racing import Settings

    print(start.render(start.measure(Settings(), print, first_step=False)))
