"""Damaged files of each format, put to their readers by the ten thousand.

    python tests/faults/damage_files.py --count 10000 [--only checkpoint]

For each format: every bit flipped, every truncation, so many random mutations, so many pairs and triples of flips, and
the hand-made lies. A reader may raise ValueError or OSError with the file's name, within a second of the processor's
time and with 32 MB beside the file. Every change of a checkpoint of ours must be found. Another safetensors file has
no check sum, so it may be read as other numbers; a gzip stream and a zip archive have some for their content, so what
is read there must be the same.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults import lies
from tests.faults.mutations import Damaged, Judgement, campaign, judge
from tests.faults.reading import checkpoint, foreign, idx_gz, idx_images, load_bytes, npz, through_a_file
from tinygrad_cnn.data import read_idx
from tinygrad_cnn.io import save
from tinygrad_cnn.tensors import Tensor


class Format(NamedTuple):
    """A format: how a file of it is read, a good one, what may be read of a damaged one, and lies."""

    read: Callable[[bytes], Any]
    good: Callable[[], bytes]
    accept: Callable[[Any], bool]
    lies: Callable[[], Iterable[Damaged]]
    says: str


def _lying_checkpoints() -> Iterable[Damaged]:
    file = io.BytesIO()
    save({"w": Tensor(np.arange(3, dtype=np.float32))}, file)
    return lies.checkpoint_lies(file.getvalue())


def _same_images(images: Any) -> bool:
    return bool(np.array_equal(images, idx_images()))


def _same_arrays(found: Any) -> bool:
    return {name: value.tolist() for name, value in found.items()} == {"w": [[0, 1, 2], [3, 4, 5]], "n": [1, 2, 3]}


FORMATS = {
    "checkpoint": Format(load_bytes, checkpoint, lambda _: False, _lying_checkpoints, "run.safetensors"),
    "safetensors": Format(
        load_bytes, foreign, lambda found: isinstance(found, dict), lies.safetensors_lies, "run.safetensors"
    ),
    "idx.gz": Format(through_a_file(read_idx, "x.idx.gz"), idx_gz, _same_images, lies.idx_lies, "x.idx.gz"),
    "npz": Format(load_bytes, npz, _same_arrays, lies.npz_lies, "run.safetensors"),
}


def put(name: str, count: int, *, flips: bool = True, limit_s: float = 1.0) -> Judgement:
    """Everything, for one format."""
    form = FORMATS[name]
    how: dict[str, Any] = {"says": form.says, "limit_s": limit_s}
    found = campaign(form.read, form.good(), count=count, flips=flips, accept=form.accept, **how)
    return found + judge(form.read, list(form.lies()), **how)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="mutations of each kind, for each format")
    parser.add_argument("--only", choices=FORMATS, action="append", help="a format; may be given several times")
    options = parser.parse_args()
    wrong = 0
    for name in options.only or FORMATS:
        begun = time.perf_counter()
        found = put(name, options.count)
        print(f"{name}: {found}; {time.perf_counter() - begun:.0f} s", flush=True)
        wrong += len(found.wrong)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
