"""Saving and loading: one .safetensors file, no pickle, every damaged bit found; files of PyTorch and NumPy are read.

How a file is laid out (the safetensors format, so every safetensors reader opens it):

- Each array is stored under its path in what was saved: a state_dict's entries under their own names
  (``conv1.weight``), nested ones with dots (``optimizer.state.0.momentum_buffer``).
- The metadata has two entries. ``tinygrad_cnn`` is a JSON text: ``sha256``, ``format`` and ``state``, which is the
  object that was saved with each array replaced by its name (`packing`).
- ``mark`` says eight times that the file is ours. One of them tells that there is a digest to be held against the file;
  so changes in seven places cannot make it a file that has none.
- ``sha256`` is taken over the whole file, byte for byte, with its own 64 digits replaced by zeros.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from typing import IO, Any, TypeAlias

from .atomic import replacing
from .locations import checked_location
from .npz import read_npy, read_npz
from .opening import open_file
from .packing import pack, unpack
from .tensor_file import MAX_HEADER, Flaw, Header, NoDtype, chunks, lay_out, read_arrays, read_header
from .torch_zip import read_torch_zip
from .zips import entry_names

__all__ = ["load", "save"]

PathOrFile: TypeAlias = "str | os.PathLike[str] | IO[bytes]"

_KEY = "tinygrad_cnn"
_MARK = f"{_KEY} checkpoint"  # begins the format's name as well, so files from before the marks are known by that
_MARKS = 8
_FORMAT = f"{_MARK} 2"
_FORMATS = (f"{_MARK} 1", _FORMAT)  # 1 had no arrays in another form
_HEAD = 4096  # bytes in which the marks lie, whatever length a damaged header claims
_DIGEST = re.compile(rb'"\{\\"sha256\\":\\"([0-9a-f]{64})\\",\\"format\\":\\"([^"\\]*)\\"')
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # a pickle of its magic number


def save(obj: object, f: PathOrFile) -> None:
    """Save `obj` to the file `f`, as one safetensors file with a digest.

    `obj` is a ``state_dict()`` or any nesting of dicts, lists and tuples that holds Tensors, NumPy arrays and scalars,
    Python numbers of any size, strings, booleans and None. `load` gives it back with the same values, types, key types
    and order. One array under several names (tied weights), also as a view of all of it (transposed, flattened), is
    stored once and comes back as one; views of a part of an array become copies. What does not come back:
    `requires_grad`, byte order (always the machine's), memory order, and dict subclasses other than OrderedDict (plain
    dicts).

    `f` is a path, whose file is replaced as a whole or not at all, even in a crash, or a file open for writing bytes.
    No file ending is added, and the content is safetensors whatever the ending. The arrays are written as they lie in
    memory, a piece at a time: saving takes a few MB. A path of what is no regular file (a device, a FIFO) is refused.

    Raises TypeError for anything else, with its place in the nesting, before a byte is written;
    ValueError for a loop or nesting deeper than 100; OSError, with the path as its ``filename``, when the disk says
    no: the old file is there then, and nothing else.

    >>> import tempfile, os
    >>> import numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "run.safetensors")
    >>> save({"epoch": 3, "weights": {0: np.ones((2, 2), np.float32)}, "best": float("inf")}, path)
    >>> load(path)["weights"][0].shape, load(path)["best"]
    ((2, 2), inf)
    """
    path = _is_path(f, "write", "save")
    if isinstance(getattr(f, "file", f), io.TextIOBase):  # `file` is that within a file of the module tempfile
        raise TypeError(f"save: {str(getattr(f, 'name', f))!r} is open as text; open it with mode 'wb'")
    header, start, arrays = _laid_out(obj)
    if path:
        sha = hashlib.sha256(header)
        with replacing(f) as file:  # type: ignore[arg-type]
            file.write(header)
            for piece in chunks(arrays):
                sha.update(piece)
                file.write(piece)
            file.patch(start, sha.hexdigest().encode())
    else:  # which may go one way only: the digest is taken first
        digest = _digest(header, arrays)
        _write(f, header[:start] + digest.encode() + header[start + 64 :])  # type: ignore[arg-type]
        sha = hashlib.sha256(header)
        for piece in chunks(arrays):
            sha.update(piece)
            _write(f, piece)  # type: ignore[arg-type]
        if sha.hexdigest() != digest:
            raise RuntimeError("save: the arrays changed while they were saved, so what was written is worth nothing")


def load(
    f: PathOrFile,
    map_location: Any = None,
    pickle_module: Any = None,  # noqa: ARG001
    *,
    weights_only: bool | None = True,
    mmap: bool | None = None,
    encoding: str = "utf-8",
) -> Any:
    """Load what `save` wrote, what PyTorch's ``torch.save`` wrote, any other safetensors file, or a .npz or .npy file.

    From a file of `save`, tensors come back as Tensors, arrays as arrays, all in memory of their own and writable.
    Another safetensors file is a flat dict of Tensors, and so is NumPy's .npz; a .npy is one Tensor. Arrays of Python
    objects are refused there (they are pickles), and so is an archive that unpacks to far more than its own size.

    From a file of ``torch.save`` (the zip that PyTorch writes since 1.6) come Tensors and Parameters, with their
    `requires_grad`, in dicts, OrderedDicts, lists, tuples and sets, beside numbers, strings, bytes, None, dtypes and
    NumPy arrays; a ``torch.Size`` comes as a tuple. Tensors that shared a storage share memory here, but one whose own
    elements overlap (of ``expand``) becomes a copy. Attributes that were set on tensors and dicts are dropped. Its
    pickle is interpreted, never run: whole modules and other objects are refused, and a file can run no code.

    bfloat16 comes as float32, which holds it exactly. `map_location` may be None, the CPU, a dict whose values are the
    CPU, or a callable, which is called for each storage of ``torch.save``'s file with its numbers (a Tensor) and where
    they were ("cuda:0"), and returns them or None: all tensors come to the CPU, wherever they were. `weights_only`,
    `pickle_module` and `mmap` make no difference. `encoding` is that of Python 2's strings, or "bytes".

    Raises ValueError with the file's name for a file that is damaged (in one of `save`: any bit), cut short, of another
    format, or holds something else; FileNotFoundError where there is none.
    """
    place = checked_location(map_location)
    for name, flag in (("weights_only", weights_only), ("mmap", mmap)):
        if flag not in (True, False, None):
            raise TypeError(f"load: {name} must be True or False, got {flag!r}")
    if _is_path(f, "read", "load"):
        where = os.fspath(f)  # type: ignore[arg-type]
        with open_file(where, "load") as file:
            return _read(file, where, place, encoding)
    where = str(getattr(f, "name", f))
    if isinstance(f, (io.BufferedReader, io.BytesIO)) and f.seekable():
        return _read(f, where, place, encoding)
    raw = f.read()  # type: ignore[union-attr]
    if not isinstance(raw, bytes):
        raise TypeError(f"load: {where!r} is open as text; open it with mode 'rb'")
    return _read(io.BytesIO(raw), where, place, encoding)


def _is_path(f: object, method: str, caller: str) -> bool:
    if isinstance(f, (str, os.PathLike)):
        return True
    if not hasattr(f, method):
        raise TypeError(f"{caller}: expected a path or a file open for binary {method[:4]}ing, got {type(f).__name__}")
    return False


# ---------------------------------------------------------------------------------------------------------- writing


def _laid_out(obj: object) -> tuple[bytes, int, list[Any]]:
    """The header, with zeros for its digest, where the digest stands in it, and the arrays that follow it."""
    state, arrays = pack(obj)
    text = json.dumps({"sha256": "0" * 64, "format": _FORMAT, "state": state}, separators=(",", ":"))
    header, ordered = lay_out(arrays, {"mark": ", ".join([_MARK] * _MARKS), _KEY: text})
    if len(header) - 8 > MAX_HEADER:
        raise ValueError(
            f"save: {len(header):,} bytes of names and plain values, but safetensors allows {MAX_HEADER:,}; "
            "turn long lists of numbers into arrays"
        )
    found = _DIGEST.search(header)
    assert found is not None  # json.dumps writes no spaces
    return header, found.start(1), ordered


def _digest(header: bytes, arrays: list[Any]) -> str:
    sha = hashlib.sha256(header)
    for piece in chunks(arrays):
        sha.update(piece)
    return sha.hexdigest()


def _write(f: IO[bytes], content: bytes) -> None:
    """Write all of it, also to a raw file, which takes as much as it likes."""
    view = memoryview(content)
    while len(view):
        taken = f.write(view)
        view = view[taken if type(taken) is int and 0 < taken <= len(view) else len(view) :]


# ---------------------------------------------------------------------------------------------------------- reading


def _read(file: IO[bytes], where: str, place: Any, encoding: str) -> Any:
    """What stands in a file from here on, whichever format it has."""
    begin = file.tell()
    size = file.seek(0, os.SEEK_END) - begin
    file.seek(begin)
    start = file.read(262)
    file.seek(begin)
    this = f"load: {where!r}"
    if start[:2] == b"PK":
        archive = io.BytesIO(file.read()) if begin else file
        names = entry_names(archive, this)
        if any(name.endswith(".npy") for name in names) and not any(name.endswith("data.pkl") for name in names):
            return read_npz(archive, size, this)
        return read_torch_zip(archive, size, this, place=place, encoding=encoding)
    if start[:6] == b"\x93NUMPY":
        return read_npy(file, size, this)
    return _read_tensors(file, size, where, start)


def _read_tensors(file: IO[bytes], size: int, where: str, start: bytes) -> Any:
    """The object in a safetensors file; ValueError naming `where` for any other content."""
    from ..tensors import Tensor

    marked = False

    def is_marked(raw: bytes) -> bool:
        nonlocal marked
        marked = _MARK.encode() in raw
        return marked

    begin = file.tell()
    try:
        header = read_header(file, size, is_marked)
        ours = marked or any(_KEY in key for key in header.metadata)
        if not ours:
            return {name: Tensor(array) for name, array in read_arrays(file, header).items()}
        found = _own_digest(header)
        if found is None:
            raise Flaw("it has lost its digest")
        at, end = found.span(1)
        sha = hashlib.sha256(header.raw[:at] + b"0" * 64 + header.raw[end:])
        arrays = read_arrays(file, header, sha.update)
    except Flaw as flaw:
        file.seek(begin)
        if _MARK.encode() in file.read(_HEAD):
            raise _damaged(where) from flaw
        if isinstance(flaw, NoDtype):
            raise ValueError(
                f"load: tensor {flaw.name!r} in {where!r} has dtype {flaw.dtype}, which NumPy has no type for"
            ) from None
        raise ValueError(_explain(start, where, flaw)) from flaw
    if sha.hexdigest().encode() != found[1]:
        raise _damaged(where)
    written = found[2].decode("ascii", "replace")
    if written not in _FORMATS:
        raise ValueError(f"load: {where!r} has the format {written!r}, and this version reads {_FORMAT!r}; upgrade")
    try:
        return unpack(json.loads(json.loads(header.raw[header.metadata[_KEY]]))["state"], arrays)
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"load: {where!r} is intact, but not laid out as save writes it ({error!r})") from error


def _own_digest(header: Header) -> re.Match[bytes] | None:
    """The digest and the format, where they stand in the header."""
    text = header.metadata.get(_KEY)
    return None if text is None else _DIGEST.match(header.raw, text.start, text.stop)


def _damaged(where: str) -> ValueError:
    return ValueError(
        f"load: {where!r} is damaged: its content does not agree with its SHA-256 digest. "
        "Some of its bytes changed after it was saved; use another copy"
    )


def _explain(raw: bytes, where: str, flaw: Flaw) -> str:
    """Why these bytes are no safetensors file, in words."""
    convert = "; in PyTorch, write it again with safetensors.torch.save_file(state_dict, path)"
    if not raw:
        return f"load: {where!r} is empty"
    if raw.startswith(_OLD_TORCH) or raw[257:262] == b"ustar":
        return (
            f"load: {where!r} has the form in which torch.save wrote before PyTorch 1.6; in PyTorch, write it again "
            "with torch.save(torch.load(path), path)"
        )
    if raw[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return f"load: {where!r} is a pickle, which could run any code when loaded, no safetensors file{convert}"
    return f"load: {where!r} is damaged, cut short, or no safetensors file ({flaw})"
