"""Bugs in saving and loading, and in what is written for TensorBoard."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

CHECKPOINT = ["tests/io/test_checkpoint.py"]
ATOMIC, LEFTOVERS = ["tests/io/test_atomic.py"], ["tests/io/test_leftovers.py"]
SHARING, TENSORS, NPZ = ["tests/io/test_sharing.py"], ["tests/io/test_tensor_file.py"], ["tests/io/test_npz.py"]
BOARD = ["tests/utils/test_tensorboard.py"]
PICKLES, TORCH = ["tests/io/test_pickles.py"], ["tests/io/test_torch_zip.py"]

BUGS = [
    Bug("io/atomic.py", "            if mode is not None:  # before", "            if mode is None:  # before", ATOMIC),
    Bug("io/atomic.py", "Path(os.path.realpath(text))", "Path(text)", ATOMIC),  # a link is no link any more
    Bug("io/atomic.py", "                os.fsync(file.fileno())\n", "", ATOMIC),
    Bug("io/atomic.py", "there is not None and not stat.S_ISREG(there.st_mode)", "there is not None and stat.S_ISFIFO(there.st_mode)", ATOMIC),
    Bug("io/atomic.py", "            _discard(file, temporary)\n", "", ATOMIC),
    Bug("io/leftovers.py", "_lock(descriptor, wait=False) and here", "here", LEFTOVERS),  # what another process is writing
    Bug("io/leftovers.py", "_lock(descriptor, wait=False) and here", "_lock(descriptor, wait=False)", LEFTOVERS),  # another machine's
    Bug("io/leftovers.py", "            if temporary.exists():  # else", "            if True:  # else", LEFTOVERS),
    Bug("io/leftovers.py", "if match or before_locks.fullmatch(name):", "if name.startswith(_prefix(target.name)):", LEFTOVERS),  # another file's, whatever is no temporary one
    Bug("io/leftovers.py", "if len(raw) > _MAX_NAME:", "if len(name) > _MAX_NAME:", ATOMIC),  # letters of several bytes
    Bug("io/leftovers.py", "    if os.path.islink(path):\n        return  # a temporary file is none\n", "", LEFTOVERS),
    Bug("io/packing.py", 'if all(type(key) is str and not key.startswith("$") for', "if all(type(key) is str for", CHECKPOINT),
    Bug("io/packing.py", "(found for found in sharing if found.array.flags.c_contiguous), sharing[0])", "(found for found in sharing), sharing[0])", SHARING),
    Bug("io/packing.py", "            if array.strides[axis] != step:\n", "            if array.strides[axis] < step:\n", SHARING),  # every other one
    Bug("io/packing.py", "piece: Any = (at, array.size, array.dtype.str)", "piece: Any = (at, array.size)", SHARING),  # the same bytes as other numbers
    Bug("io/packing.py", "            piece = (*piece, array.shape, array.strides)", "            piece = (*piece, array.shape)", SHARING),
    Bug("io/packing.py", ".transpose(np.argsort(order).tolist())", ".transpose(order)", SHARING),
    Bug("io/tensor_file.py", "        if entry.begin != at:\n", "        if entry.begin < at:\n", TENSORS),  # a gap
    Bug("io/tensor_file.py", "    if at != size - 8 - length:\n", "    if at > size - 8 - length:\n", TENSORS),
    Bug("io/tensor_file.py", "if offsets[1] - offsets[0] != size:", "if offsets[1] - offsets[0] < size:", TENSORS),
    Bug("io/tensor_file.py", 'raw.replace(b"\\\\\\\\", b"__").replace', "raw.replace", TENSORS),  # a name that ends in a backslash
    Bug("io/tensor_file.py", "        if array.flags.c_contiguous and array.dtype == little:\n", "        if array.flags.c_contiguous:\n", CHECKPOINT),
    Bug("io/tensor_file.py", 'how: Any = {"order": "C",', 'how: Any = {"order": "K",', CHECKPOINT),
    Bug("io/checkpoint.py", "marked = _MARK.encode() in raw", "marked = raw.count(_MARK.encode()) > _MARKS", TENSORS),  # one mark must do
    Bug("io/checkpoint.py", "_MARKS = 8", "_MARKS = 1", TENSORS),
    Bug("io/checkpoint.py", "        if sha.hexdigest() != digest:\n", "        if False:\n", TENSORS),
    Bug("io/npz.py", "return array.T if fortran else array", "return array", NPZ),
    Bug("io/npz.py", "if math.prod(shape) * dtype.itemsize != rest:", "if math.prod(shape) * dtype.itemsize > rest:", NPZ),
    Bug("io/npz.py", "if why := too_large(sum(member.file_size for member in members), size):", "if why := '':", NPZ),
    Bug("io/pickles/machine.py", "if len(self.stack) <= (self.marks[-1] if self.marks else 0):", "if not self.stack:", PICKLES),  # a mark is no floor
    Bug("io/pickles/machine.py", "if len(key) > 16 or self.tuple_keys > _MAX_TUPLE_KEYS:", "if len(key) > 16:", PICKLES),
    Bug("io/pickles/machine.py", "            if isinstance(argument, (str, bytes, bytearray, tuple, list, dict, set, frozenset)):\n                self.spend(len(argument))\n", "            pass\n", PICKLES),  # quadratic work
    Bug("io/pickles/reading.py", "size, depth = size + inside, max(depth, below + 1)", "size, depth = size + 1, max(depth, below + 1)", PICKLES),  # what is shared counts once
    Bug("io/pickles/numpy_names.py", 'order="F" if order == "F" else "C"', 'order="C"', PICKLES),
    Bug("io/torch_zip.py", "if known.kind != code or len(known.array) != numel:", "if known.kind != code:", TORCH),
    Bug("io/torch_zip.py", "last = offset + sum((n - 1) * s for s, n in steps)", "last = offset + sum(n * s for s, n in steps)", TORCH),
    Bug("io/torch_zip.py", "overlapping = overlapping or s <= span", "overlapping = overlapping or s < span", TORCH),  # two windows that meet in one element
    Bug("io/torch_zip.py", "content.array(dtype.newbyteorder(self.order))", 'content.array(dtype.newbyteorder("<"))', TORCH),
    Bug("io/zips.py", "if not unchecked and _crc32(content) != info.CRC:", "if info.CRC and _crc32(content) != info.CRC:", TORCH),
    Bug("io/zips.py", "crc = zlib.crc32(piece, crc)", "crc = zlib.crc32(piece)", TORCH),
    Bug("io/zips.py", "or at < free or", "or", TORCH),  # two entries in one place
    Bug("utils/tensorboard.py", "(array.astype(np.float32) * 255).clip(0, 255)", "(array.astype(np.float32) * 255)", BOARD),  # wraps around
    Bug("utils/tensorboard.py", "        self._hand_over()\n        self._records.flush()\n", "        self._records.flush()\n", BOARD),
    Bug("utils/tensorboard.py", "{next(_files_made)}", "0", BOARD),  # a second file of one second overwrites the first
    Bug("utils/tensorboard.py", 'f"{tag}/text_summary" if kind == "text" else tag', "summary.value[0].tag", BOARD),  # a space becomes an underscore
]  # fmt: skip
