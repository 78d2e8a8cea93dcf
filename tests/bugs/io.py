"""Bugs in saving and loading, and in what is written for TensorBoard."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

CHECKPOINT = ["tests/io/test_checkpoint.py"]
BOARD = ["tests/utils/test_tensorboard.py"]
PICKLES, TORCH = ["tests/io/test_pickles.py"], ["tests/io/test_torch_zip.py"]

BUGS = [
    Bug("io/atomic.py", "            if target.exists():\n                os.chmod(temporary, target.stat().st_mode & 0o7777)\n", "", ["tests/io/test_atomic.py"]),
    Bug("io/atomic.py", "Path(os.path.realpath(path))", "Path(path)", ["tests/io/test_atomic.py"]),  # a link is no link any more
    Bug("io/checkpoint.py", 'order="C", copy=False', "copy=False", CHECKPOINT),
    Bug("io/checkpoint.py", 'all(type(key) is str and not key.startswith("$") for', "all(type(key) is str for", CHECKPOINT),
    Bug("io/pickles/machine.py", "if len(self.stack) <= (self.marks[-1] if self.marks else 0):", "if not self.stack:", PICKLES),  # a mark is no floor
    Bug("io/pickles/machine.py", "if len(key) > 16 or self.tuple_keys > _MAX_TUPLE_KEYS:", "if len(key) > 16:", PICKLES),
    Bug("io/pickles/machine.py", "            if isinstance(argument, (str, bytes, bytearray, tuple, list, dict, set, frozenset)):\n                self.spend(len(argument))\n", "            pass\n", PICKLES),  # quadratic work
    Bug("io/pickles/reading.py", "size, depth = size + inside, max(depth, below + 1)", "size, depth = size + 1, max(depth, below + 1)", PICKLES),  # what is shared counts once
    Bug("io/pickles/numpy_names.py", 'order="F" if order == "F" else "C"', 'order="C"', PICKLES),
    Bug("io/torch_zip.py", "if known.kind != code or len(known.array) != numel:", "if known.kind != code:", TORCH),
    Bug("io/torch_zip.py", "last = offset + sum((n - 1) * s for s, n in steps)", "last = offset + sum(n * s for s, n in steps)", TORCH),
    Bug("io/torch_zip.py", "overlapping = overlapping or s <= span", "overlapping = overlapping or s < span", TORCH),  # two windows that meet in one element
    Bug("io/torch_zip.py", "dtype.newbyteorder(self.order)) if numel", 'dtype.newbyteorder("<")) if numel', TORCH),
    Bug("io/zips.py", "if not unchecked and zlib.crc32(content) != info.CRC:", "if info.CRC and zlib.crc32(content) != info.CRC:", TORCH),
    Bug("io/zips.py", "or at < free or", "or", TORCH),  # two entries in one place
    Bug("utils/tensorboard.py", "(array.astype(np.float32) * 255).clip(0, 255)", "(array.astype(np.float32) * 255)", BOARD),  # wraps around
    Bug("utils/tensorboard.py", "        self._hand_over()\n        self._records.flush()\n", "        self._records.flush()\n", BOARD),
    Bug("utils/tensorboard.py", "{next(_files_made)}", "0", BOARD),  # a second file of one second overwrites the first
    Bug("utils/tensorboard.py", 'f"{tag}/text_summary" if kind == "text" else tag', "summary.value[0].tag", BOARD),  # a space becomes an underscore
]  # fmt: skip
