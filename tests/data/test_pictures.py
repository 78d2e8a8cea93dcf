"""read_picture: every damaged bit of a PNG is found, whatever Pillow makes of it, and no bomb goes off."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.faults.mutations import bit_flips, judge, memory_in_child, random_mutations, truncations
from tests.faults.reading import through_a_file
from tinygrad_cnn.data.pictures import MAX_PIXELS, BadPicture, _check_size, _size_of_pixels, read_picture
from tinygrad_cnn.data.sheets import split_sheet
from tinygrad_cnn.vision.datasets import ImageFolder

Image = pytest.importorskip("PIL.Image", reason="no Pillow")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, packed: bytes, *, bits: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    """A PNG of these packed pixels, in chunks of 100 bytes."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    parts = [chunk(b"IDAT", packed[at : at + 100]) for at in range(0, len(packed), 100)]
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(parts) + chunk(b"IEND", b"")


def saved(mode: str, kind: str = "PNG", size: tuple[int, int] = (7, 5)) -> bytes:
    """A picture of noise, as Pillow writes it."""
    rng = np.random.default_rng(0)
    pixels = Image.fromarray(rng.integers(0, 256, (*size[::-1], 4), np.uint8), "RGBA").convert(mode)
    file = io.BytesIO()
    pixels.save(file, kind)
    return file.getvalue()


read = through_a_file(lambda path: read_picture(Image, path, "RGB"), "picture.png")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_every_kind(mode: str) -> None:
    content = saved("L" if mode == "I;16" else mode)
    if mode == "I;16":
        file = io.BytesIO()
        Image.fromarray(np.arange(35, dtype=np.uint16).reshape(5, 7)).save(file, "PNG")
        content = file.getvalue()
    expected = Image.open(io.BytesIO(content)).convert("RGB")
    np.testing.assert_array_equal(np.asarray(read(content)), np.asarray(expected))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 1), (8, 8), (13, 11)])
@pytest.mark.parametrize(("bits", "colour"), [(1, 0), (4, 0), (8, 0), (16, 0), (8, 2), (8, 6)])
def test_interlaced_pictures(size: tuple[int, int], bits: int, colour: int) -> None:
    """Seven pictures one after the other, some of them empty: as many bytes as Pillow reads, neither more nor fewer."""
    width, height = size
    rows = []
    for x, y, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
    ):  # fmt: skip
        columns = len(range(x, width, across))
        row = b"\0" + bytes(-(-columns * bits * {0: 1, 2: 3, 6: 4}[colour] // 8))
        rows += [row] * len(range(y, height, down)) * (columns > 0)
    raw = b"".join(rows)

    def made(content: bytes) -> bytes:
        return png(width, height, zlib.compress(content), bits=bits, colour=colour, interlaced=1)

    assert read(made(raw)).size == size
    with pytest.raises(BadPicture, match=rf"{len(raw) - 1} of its {len(raw)} bytes of pixels are there"):
        read(made(raw[:-1]))


def test_every_bit_and_every_truncation_of_a_png() -> None:
    content = saved("L", size=(4, 3))
    for damaged in (bit_flips(content), truncations(content)):
        found = judge(read, damaged, says="picture.png: ", allowed=(BadPicture,), limit_s=10)
        assert not found.wrong, found


def test_pixels_that_were_changed_with_their_check_sum_left() -> None:
    """By the chunk's, and by that of zlib within it."""
    packed = zlib.compress(bytes([0, *range(10)]) * 10, 0)  # stored: the pixels lie in it as they are
    content = png(10, 10, packed)
    damaged = content.replace(bytes(range(10)), bytes([7, *range(1, 10)]), 1)
    with pytest.raises(BadPicture, match=r"picture\.png: this image is damaged: the check sum of a chunk 'IDAT' is wr"):
        read(damaged)
    repaired = png(10, 10, packed.replace(bytes(range(10)), bytes([7, *range(1, 10)]), 1))  # but for zlib's own sum
    with pytest.raises(BadPicture, match=r"damaged: .*incorrect data check"):
        read(repaired)
    with pytest.raises(BadPicture, match=r"110 of its 110 bytes of pixels are there"):
        read(png(10, 10, packed[:-4]))  # all pixels, and no sum behind them


def bombs() -> Iterator[tuple[str, bytes]]:
    """Pictures that are far larger than they seem."""
    packing = zlib.compressobj(9)
    packed = b"".join([packing.compress(bytes(1 << 20)) for _ in range(64)]) + packing.flush()
    yield "64 MB of pixels in a picture of 10 x 10", png(10, 10, packed)
    yield "a picture of 60,000 x 60,000", png(60_000, 60_000, packed)
    yield "a picture of 2**31 - 1 each way", png((1 << 31) - 1, (1 << 31) - 1, packed, bits=16, colour=6)
    yield "a picture of 8000 x 8000 with no pixels", png(8000, 8000, zlib.compress(b""))
    yield "a chunk of 2 GB", saved("L")[:8] + struct.pack(">I", 1 << 31) + b"IHDR"
    yield "text that unpacks to 64 MB", saved("L")[:-12] + chunk(b"zTXt", b"a\0\0" + packed) + chunk(b"IEND", b"")
    yield (
        "a colour profile that unpacks to 64 MB",
        saved("L")[:33] + chunk(b"iCCP", b"a\0\0" + packed) + saved("L")[33:],
    )
    bmp = bytearray(saved("RGB", "BMP"))
    bmp[18:26] = struct.pack("<ii", 1 << 30, 1 << 30)
    yield "a BMP of 2**30 each way", bytes(bmp)
    gif = bytearray(saved("P", "GIF"))
    gif[6:10] = b"\xff" * 4
    yield "a GIF of 65,535 each way", bytes(gif)


BOMBS = dict(bombs())


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc on this system")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str) -> None:
    def work() -> None:
        found = judge(read, [(name, BOMBS[name])], allowed=(BadPicture,), says="picture.png: ", limit_s=10)
        assert not found.wrong, found

    grown, error = memory_in_child(work)
    assert error == ""
    assert grown < 32 << 20


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # Pillow's, of TIFF
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_random_mutations_of_any_kind_of_picture(kind: str) -> None:
    content = saved("L" if kind == "GIF" else "RGB", kind)
    pixels = np.asarray(read(content))
    found = judge(
        read,
        random_mutations(content, 100),
        allowed=(BadPicture,),
        says="picture.png: ",
        accept=lambda picture: kind != "PNG" or np.array_equal(np.asarray(picture), pixels),  # more behind its end
        limit_s=10,
    )
    assert not found.wrong, found


def test_by_those_who_read_pictures(tmp_path: Path) -> None:
    content = bytearray(saved("RGB"))
    content[-20] ^= 1
    path = tmp_path / "cat" / "1.png"
    path.parent.mkdir()
    path.write_bytes(content)
    for reading in (lambda: ImageFolder(tmp_path)[0], lambda: split_sheet(path)):
        with pytest.raises(BadPicture, match=r"1\.png: this image is damaged") as caught:
            reading()
        assert isinstance(caught.value, OSError)  # as programs expect that pass over what Pillow cannot read


@pytest.mark.skipif(not hasattr(__import__("os"), "mkfifo"), reason="no FIFOs on this system")
def test_no_regular_file(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "f.png")
    for path, says in ((tmp_path / "f.png", "no regular file"), (tmp_path, "folder"), (tmp_path / "x", "no file")):
        with pytest.raises(OSError, match=says):
            read_picture(Image, path, "RGB")


def test_the_largest_picture_and_one_pixel_more() -> None:
    _check_size(1 << 13, 1 << 13)
    assert MAX_PIXELS == 1 << 26
    with pytest.raises(Exception, match=r"wrong size: 67108865 x 1 pixels. Scale it down"):
        _check_size((1 << 26) + 1, 1)


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (3, 1), (4, 2), (6, 4)])
@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_bytes_of_the_pixels_of_a_png(bits: int, colour: int, channels: int, interlaced: int) -> None:
    for width, height in ((1, 1), (8, 8), (9, 5), (4, 17), (5, 3)):
        header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
        passes = [(0, 0, 1, 1)]
        if interlaced:  # ISO/IEC 15948, 8.2
            passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        total = 0
        for x, y, across, down in passes:
            columns, rows = len(range(x, width, across)), len(range(y, height, down))
            total += rows * (1 + math.ceil(columns * bits * channels / 8)) if columns else 0
        assert _size_of_pixels(header) == total


@pytest.mark.parametrize(
    "header",
    [
        struct.pack(">IIBBBBB", 1, 1, 8, 1, 0, 0, 0),  # no such type of colours
        struct.pack(">IIBBBBB", 1, 1, 8, 5, 0, 0, 0),
        struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 2),  # no such way of interlacing
        struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)[:-1],
        struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0) + b"\0",
        b"",
    ],
)
def test_headers_that_are_none(header: bytes) -> None:
    with pytest.raises(Exception, match="this image is damaged: its header is none"):
        _size_of_pixels(header)
