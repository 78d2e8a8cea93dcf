"""The IDX format of MNIST: two zero bytes, a type code, the number of axes, big-endian sizes, then the elements."""

from __future__ import annotations

import math
import os
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..io.atomic import replace_file
from ..io.opening import open_file
from ..io.unpacking import too_large
from .dataset import as_array

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(t).newbyteorder("="): code for code, t in _TYPES.items()}
_MAX_NDIM = 32  # what every supported NumPy can hold
_MAX_RATIO = 1032  # no deflate stream grows by more (zlib, *Technical Details*)
_CHUNK = 1 << 20
_PACKED_CHUNK = 1 << 14  # what is read of a gzip file at a time; what follows a member is copied with each member
_MAX_EMPTY = 1000  # members without content, one after the other


def read_idx(path: str | os.PathLike[str], *, sha256: str | None = None, max_bytes: int | None = None) -> NDArray[Any]:
    """Read an IDX file, plain or gzipped (told apart by its first bytes, not by its name), as a new array.

    The array is in the machine's byte order, of dtype uint8, int8, int16, int32, float32 or float64. Nothing in the
    file is believed: the declared shape is held against the file's size before memory is taken for it, and a gzip
    stream is read no further than the shape goes. A gzipped file may hold 32 times its own size, and 32 MB in any case;
    ``max_bytes`` is another limit, for plain files too. ``sha256`` (hex) is compared with the digest of the
    decompressed file.

    Raises ValueError, naming the file, if it is no IDX file, or corrupt, truncated, too long or not what ``sha256``
    says; OSError for what is no regular file.
    """
    name = os.fspath(path)
    with open_file(path, "read_idx") as file:
        size = os.fstat(file.fileno()).st_size
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream: IO[bytes] = _Inflating(file) if packed else file  # type: ignore[assignment]
        try:
            return _read(stream, size, packed, sha256, max_bytes)
        except zlib.error as error:
            raise ValueError(f"{name}: corrupt gzip data ({error})") from None
        except _Bad as error:
            raise ValueError(f"{name}: {error}") from None


def _read(stream: IO[bytes], size: int, packed: bool, sha256: str | None, max_bytes: int | None) -> NDArray[Any]:
    """What follows the opening of the file; errors here do not know its name."""
    magic = stream.read(4)
    if len(magic) < 4:
        raise _Bad(f"too short for an IDX file, {len(magic)} bytes of a header of at least 4")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise _Bad(
            f"not an IDX file: it starts with {magic.hex(' ')}, where 00 00, a type code "
            f"({', '.join(f'{c:02x}' for c in _TYPES)}) and the number of axes are expected"
        )
    dtype, ndim = np.dtype(_TYPES[magic[2]]), magic[3]
    if ndim > _MAX_NDIM:
        raise _Bad(f"declares {ndim} axes, more than the {_MAX_NDIM} an array can have")
    sizes = stream.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise _Bad(f"truncated: the header announces {ndim} axes, and ends after {len(sizes)} bytes of their sizes")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * ndim, 4))
    header = magic + sizes
    wanted = math.prod(shape) * dtype.itemsize  # Python integers: they do not overflow
    declared = f"shape {shape} of {dtype.newbyteorder('=').name}, {len(header) + wanted:,} bytes with the header"
    if max_bytes is not None and wanted > max_bytes:
        raise _Bad(f"declares {declared}, above the limit of {max_bytes:,}")
    if packed:
        if wanted > size * _MAX_RATIO:
            raise _Bad(f"declares {declared}, more than {size:,} compressed bytes can hold")
        if max_bytes is None and (why := too_large(wanted, size)):
            raise _Bad(f"declares {declared}: {why}; if that is right, say so with max_bytes={wanted}")
    elif size != len(header) + wanted:
        raise _Bad(f"declares {declared}, but the file has {size:,}: it is truncated, too long or lying")
    if math.prod(s for s in shape if s) * dtype.itemsize > np.iinfo(np.intp).max:  # NumPy's own limit, also for size 0
        raise _Bad(f"declares shape {shape}, which no array can have")
    body = _read_up_to(stream, wanted)
    if len(body) < wanted:
        raise _Bad(f"truncated: declares {declared}, and ends after {len(header) + len(body):,}")
    if stream.read(1):
        raise _Bad(f"declares {declared}, and more bytes follow: it is too long or lying")
    if sha256 is not None:
        _check_digest(header, body, sha256)
    array = np.frombuffer(body, dtype=dtype).reshape(shape) if wanted else np.empty(shape, dtype)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_up_to(stream: IO[bytes], n: int) -> bytearray:
    """n bytes, or what there is: memory grows with what has really come, not with what was announced."""
    body = bytearray()
    while len(body) < n and (piece := stream.read(min(n - len(body), _CHUNK))):
        body += piece
    return body


def _check_digest(header: bytes, body: bytearray, sha256: str) -> None:
    import hashlib

    digest = hashlib.sha256(header)
    digest.update(body)
    if digest.hexdigest() != sha256.lower():
        raise _Bad(f"its content has the SHA-256 {digest.hexdigest()}, expected {sha256}: corrupt, or another file")


class _Bad(Exception):
    """What is wrong with a file; `read_idx` adds its name."""


class _Inflating:
    """Reads a gzip file piece by piece: never more than asked for, the check sum of each member verified at its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._zlib, self._rest = file, zlib.decompressobj(31), b""
        self._empty = 0  # members without content, so far

    def read(self, n: int) -> bytes:
        """n bytes, fewer at the end of the stream; a stream that breaks off is an error."""
        out = b""
        while len(out) < n and not (self._zlib.eof and not self._next_member()):
            self._rest = self._rest or self._file.read(_PACKED_CHUNK)
            at_end = not self._rest
            piece = self._zlib.decompress(self._rest, n - len(out))
            self._rest = self._zlib.unconsumed_tail
            if at_end and not piece and not self._zlib.eof:
                raise _Bad("truncated: the gzip stream breaks off")
            out += piece
            self._empty = 0 if piece else self._empty
        return out

    def _next_member(self) -> bool:
        """Go on to what follows a finished member, past filling zeros; False if nothing does."""
        rest = self._zlib.unused_data.lstrip(b"\0")
        while not rest:
            if not (chunk := self._file.read(_PACKED_CHUNK)):
                return False
            rest = chunk.lstrip(b"\0")
        self._empty += 1
        if self._empty > _MAX_EMPTY:
            raise _Bad("corrupt gzip data (one empty member after the other)")
        self._zlib, self._rest = zlib.decompressobj(31), rest
        return True


def idx_sha256(array: NDArray[Any]) -> str:
    """The SHA-256 (hex) of the plain IDX file that holds the array."""
    import hashlib

    return hashlib.sha256(_as_idx(array)).hexdigest()


def write_idx(path: str | os.PathLike[str], array: Any) -> None:
    """Write an array as an IDX file, gzipped if the name ends in ``.gz``; `read_idx` gives the same array back.

    dtypes: uint8, int8, int16, int32, float32, float64, in any byte order. The file appears complete or not at all; the
    same array gives the same bytes. Raises TypeError for another dtype.
    """
    found = as_array(array)
    content = _as_idx(np.asarray(array) if found is None else found)
    if os.fspath(path).endswith(".gz"):
        import gzip

        content = gzip.compress(content, compresslevel=6, mtime=0)
    replace_file(path, content)


def _as_idx(values: NDArray[Any]) -> bytes:
    """Header and elements."""
    code = _CODES.get(values.dtype.newbyteorder("="))
    if code is None:
        raise TypeError(
            f"IDX holds {', '.join(d.name for d in _CODES)}, not {values.dtype}: convert with .astype first"
        )
    if max((0, *values.shape)) >= 1 << 32:
        raise ValueError(f"IDX sizes are below 2**32, got shape {values.shape}")
    header = bytes([0, 0, code, values.ndim]) + b"".join(s.to_bytes(4, "big") for s in values.shape)
    return header + values.astype(_TYPES[code]).tobytes()
