"""NumPy's files: a .npy is one array, a .npz a zip of them. Arrays of Python objects are pickles, and are refused."""

from __future__ import annotations

import ast
import math
import re
import zipfile
from typing import IO, Any

import numpy as np

from .unpacking import too_large

__all__ = ["read_npy", "read_npz"]

_MAX_HEADER = 10_000  # bytes, as NumPy has it
_PLAIN = re.compile(r"[<>|=]?(?:b1|\?|[iuf][1248])")  # a dtype that a Tensor has
_CHUNK = 1 << 20


class _Bad(Exception):
    """What is wrong with an array in a file, in words that do not know its name."""


def read_npz(file: IO[bytes], size: int, where: str) -> dict[str, Any]:
    """The arrays of a .npz archive of `size` bytes, stored or compressed, as Tensors by name.

    Raises ValueError, which begins with `where`.
    """
    from ..tensors import Tensor

    arrays: dict[str, Any] = {}
    name = ""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if why := too_large(sum(member.file_size for member in members), size):
                raise _Bad(f"{why}; if that is right, read it with np.load")
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in arrays or not member.filename.endswith(".npy"):
                    raise _Bad("it is there twice, or is no .npy")
                with archive.open(member) as content:
                    arrays[name] = Tensor(_array(content, member.file_size))
    except _Bad as bad:
        raise ValueError(f"{where} is no .npz that is read: {name[:100] + ': ' if name else ''}{bad}") from None
    except Exception as error:  # BadZipFile, zlib's error, or whatever damaged bytes lead to
        at = f" at its entry {name[:100]!r}" if name else ""
        raise ValueError(f"{where} is a .npz archive that is damaged or cut short{at} ({error})") from error
    return arrays


def read_npy(file: IO[bytes], size: int, where: str) -> Any:
    """The array of a .npy file of `size` bytes, as a Tensor. ValueError, which begins with `where`."""
    from ..tensors import Tensor

    try:
        return Tensor(_array(file, size))
    except _Bad as bad:
        raise ValueError(f"{where} is no .npy file that is read: {bad}") from None


def _array(file: IO[bytes], size: int) -> np.ndarray:
    """The array in a .npy file, whose header is held against its size before memory is taken."""
    start = file.read(8)
    if start[:6] != b"\x93NUMPY" or len(start) < 8 or start[6] not in (1, 2, 3):
        raise _Bad("it does not begin as a .npy of version 1, 2 or 3 does")
    length = file.read(2 if start[6] == 1 else 4)
    count = int.from_bytes(length, "little")
    if count > min(_MAX_HEADER, size):
        raise _Bad(f"a header of {count:,} bytes")
    text = file.read(count)
    dtype, fortran, shape = _header(text)
    rest = size - 8 - len(length) - len(text)
    if math.prod(shape) * dtype.itemsize != rest:  # Python integers: they do not overflow
        raise _Bad(f"its header announces shape {shape} of {dtype}, and {rest:,} bytes follow it")
    try:
        array = np.empty(shape[::-1] if fortran else shape, dtype)
    except (ValueError, OverflowError) as error:  # too many dimensions, or one that is too large, beside a 0
        raise _Bad(f"no array has its shape: {error}") from None
    view = array.reshape(-1).view(np.uint8).data  # (bytes,)
    for at in range(0, rest, _CHUNK):
        piece = file.read(min(_CHUNK, rest - at))
        if len(piece) < min(_CHUNK, rest - at):
            raise _Bad("it ends before its array does")
        view[at : at + len(piece)] = piece
    if file.read(1):
        raise _Bad("more follows its array")
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise _Bad("its booleans are other numbers than 0 and 1")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    return array.T if fortran else array


def _header(text: bytes) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """dtype, whether the first axis lies innermost, and the shape."""
    try:
        found = ast.literal_eval(text.decode("latin1").strip())
        descr, fortran, shape = found["descr"], found["fortran_order"], found["shape"]
    except Exception as error:  # whatever damaged text leads to
        raise _Bad(f"its header is none ({error})") from None
    if type(descr) is not str or "O" in descr:
        raise _Bad("an array of Python objects or of records; objects are pickles, which could run any code")
    if not _PLAIN.fullmatch(descr) or descr[-2:] == "f1":
        raise _Bad(f"its dtype {descr[:20]!r} is none that a Tensor has")
    if type(fortran) is not bool or type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape):
        raise _Bad("its shape is none")
    return np.dtype(descr), fortran, shape
