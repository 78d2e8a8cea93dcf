"""Reading a picture that somebody else made: what is damaged, or far too large, is an error that names the file.

Pillow decodes; it looks at no check sum of a PNG's pixels, and stops when it has enough of them. So the chunks of a PNG
are gone through before (ISO/IEC 15948): each with its CRC-32, and pixels neither fewer nor many more than the picture
has, unpacked a piece at a time and thrown away.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import IO, Any

from ..io.opening import open_file

__all__ = ["BadPicture", "read_picture"]

MAX_PIXELS = 1 << 26  # of a picture: 200 MB in colours
_PNG = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 16
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the type of colours
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7


class BadPicture(ValueError, OSError):
    """A file that is no picture. An OSError as well, as Pillow's errors are: programs that pass over bad pictures catch
    that."""


def read_picture(image_module: Any, path: str | os.PathLike[str], mode: str) -> Any:
    """The picture in a file, as Pillow's, in its `mode` ("RGB"). `image_module` is PIL.Image.

    Raises BadPicture, which begins with the path, for a file that is no picture, is damaged, or has more than 64
    million pixels; FileNotFoundError for no file, OSError for what is no regular file.
    """
    with open_file(path, "picture") as file:
        try:
            _check_png(file)
            file.seek(0)
            with image_module.open(file) as opened:
                _check_size(opened.width, opened.height)
                return opened.convert(mode)
        except _Bad as bad:
            raise BadPicture(f"{path}: {bad}") from None
        except image_module.UnidentifiedImageError:
            raise BadPicture(
                f"{path}: cannot identify image file: this is not an image, or of a kind that Pillow cannot read; PNG "
                "and JPEG are fine"
            ) from None
        except Exception as error:  # OSError, SyntaxError, struct.error: whatever damaged bytes lead Pillow to
            raise BadPicture(f"{path}: this image is damaged: {error}") from None


class _Bad(Exception):
    """What is wrong with a picture, in words that do not know its name."""


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _Bad(f"wrong size: {width} x {height} pixels. Scale it down")


def _check_png(file: IO[bytes]) -> None:
    """Go through a PNG, if it is one; raises _Bad."""
    if file.read(8) != _PNG:
        return
    wanted, got = 0, 0
    stream: Any = zlib.decompressobj()
    kind = b""
    while kind != b"IEND":
        first = not kind
        kind, pieces = _chunk(file)
        if (kind == b"IHDR") != first:
            raise _Bad("this image is damaged: its header is missing, or not in the first place")
        for piece in pieces:
            if kind == b"IHDR":
                wanted = _size_of_pixels(piece)
            elif kind == b"IDAT":
                got += _unpacked(stream, piece, wanted + _PIECE - got)
    if got < wanted or not stream.eof:
        end = "" if stream.eof else ", and their end is not"
        raise _Bad(f"this image is damaged: {got:,} of its {wanted:,} bytes of pixels are there{end}")


def _chunk(file: IO[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The kind of the next chunk, and its content a piece at a time, at whose end the check sum is looked at."""
    head = file.read(8)
    if len(head) < 8:
        raise _Bad("this image is damaged: it breaks off")
    kind, left = head[4:], int.from_bytes(head[:4], "big")

    def pieces(left: int = left) -> Iterator[bytes]:
        crc = zlib.crc32(kind)
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                raise _Bad("this image is damaged: it breaks off")
            crc, left = zlib.crc32(piece, crc), left - len(piece)
            yield piece
        if file.read(4) != crc.to_bytes(4, "big"):
            raise _Bad(f"this image is damaged: the check sum of a chunk {kind.decode('latin1')!r} is wrong")

    return kind, pieces()


def _size_of_pixels(header: bytes) -> int:
    """How many bytes the pixels unpack to, with the byte before each row that says how it was filtered."""
    if len(header) != 13 or header[9] not in _CHANNELS or header[12] > 1:
        raise _Bad("this image is damaged: its header is none")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    _check_size(width, height)
    bits, total = header[8] * _CHANNELS[header[9]], 0
    for x, y, across, down in _PASSES if header[12] else ((0, 0, 1, 1),):
        w, h = -(-(width - x) // across), -(-(height - y) // down)
        total += h * (1 + -(-w * bits // 8)) if w > 0 and h > 0 else 0
    return total


def _unpacked(stream: Any, piece: bytes, most: int) -> int:
    """How many bytes a piece of the packed pixels unpacks to; _Bad for more than `most`."""
    got = 0
    try:
        while piece and not stream.eof:
            got += len(stream.decompress(piece, _PIECE))
            piece = stream.unconsumed_tail
            if got > most:
                raise _Bad("this image is damaged: it holds far more pixels than its size says")
    except zlib.error as error:
        raise _Bad(f"this image is damaged: {error}") from None
    return got
