"""read_idx and write_idx: every array comes back, and no damaged file is believed."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.faults.lies import idx_lies
from tests.faults.mutations import judge
from tinygrad_cnn.data import read_idx, write_idx

DTYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda d: hnp.arrays(np.dtype(d), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


def expect_error(path: Path, match: str | None = None) -> str:
    """Reading fails with a ValueError that names the file, and takes no memory worth naming."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match) as caught:
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    return str(caught.value)


@given(ARRAYS, st.sampled_from(["a.idx", "a.idx.gz"]), st.sampled_from("<>"))
def test_round_trip(folder: Path, array: np.ndarray, name: str, order: str) -> None:
    stored = array.astype(array.dtype.newbyteorder(order))
    write_idx(folder / name, stored)
    back = read_idx(folder / name)
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.shape == array.shape
    assert back.flags.writeable
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("make", [lambda a: a.T, lambda a: a[::-1, ::2], lambda a: np.broadcast_to(a[:1], a.shape)])
def test_writes_strided_and_read_only_arrays(tmp_path: Path, make) -> None:
    array = make(np.arange(24, dtype=np.int32).reshape(4, 6))
    write_idx(tmp_path / "a", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_bytes_on_disk_are_the_format(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.array([[1, -2, 300]], dtype=np.int16))
    assert (tmp_path / "a").read_bytes() == bytes.fromhex("00000b02 00000001 00000003 0001 fffe 012c")


def test_a_side_of_4_bytes_is_the_longest(tmp_path: Path) -> None:
    endless = np.broadcast_to(np.zeros(1, np.uint8), 1 << 32)  # it takes one byte
    with pytest.raises(ValueError, match=r"IDX sizes are below 2\*\*32, got shape \(4294967296,\)"):
        write_idx(tmp_path / "a", endless)
    assert list(tmp_path.iterdir()) == []


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.arange(3, dtype=np.uint8))
    (tmp_path / "plain").write_bytes((tmp_path / "a.gz").read_bytes())
    (tmp_path / "b.gz").write_bytes(gzip.decompress((tmp_path / "a.gz").read_bytes()))
    np.testing.assert_array_equal(read_idx(tmp_path / "plain"), [0, 1, 2])
    np.testing.assert_array_equal(read_idx(tmp_path / "b.gz"), [0, 1, 2])


def test_same_array_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(100, dtype=np.uint8))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gz", "b.gz"]  # no temporary file is left


def test_gzip_in_several_members_and_with_zeros_behind(tmp_path: Path) -> None:
    array = np.arange(1000, dtype=np.uint8)
    write_idx(tmp_path / "a", array)
    raw = (tmp_path / "a").read_bytes()
    members = b"".join(gzip.compress(raw[i : i + 300]) for i in range(0, len(raw), 300))
    for tail in (b"", b"\0" * 77):
        (tmp_path / "b").write_bytes(members + tail)
        np.testing.assert_array_equal(read_idx(tmp_path / "b"), array)


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint16, np.float16, np.complex64, object, "U3"])
def test_write_refuses_other_dtypes(tmp_path: Path, dtype) -> None:
    with pytest.raises(TypeError, match="uint8, int8, int16, int32, float32, float64"):
        write_idx(tmp_path / "a", np.zeros(3, dtype=dtype))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("packed", [False, True])
def test_every_truncation_is_an_error(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "broken"
    write_idx(tmp_path / ("a.gz" if packed else "a"), np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    whole = (tmp_path / ("a.gz" if packed else "a")).read_bytes()
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        expect_error(path)


@pytest.mark.parametrize("tail", [b"\0", b"x", b"\x1f\x8b", b"more than that"])
def test_trailing_bytes_are_an_error(tmp_path: Path, tail: bytes) -> None:
    write_idx(tmp_path / "a", np.arange(10, dtype=np.uint8))
    raw = (tmp_path / "a").read_bytes()
    (tmp_path / "b").write_bytes(raw + tail)
    expect_error(tmp_path / "b", "the file has")
    (tmp_path / "c").write_bytes(gzip.compress(raw + tail))
    expect_error(tmp_path / "c", "more bytes follow")
    if tail != b"\0":
        (tmp_path / "d").write_bytes(gzip.compress(raw) + tail)
        expect_error(tmp_path / "d")


@given(st.integers(0, 15), st.integers(1, 255), st.booleans())
def test_a_flipped_header_byte_is_an_error(folder: Path, at: int, flip: int, packed: bool) -> None:
    raw = bytearray(bytes.fromhex("00000803 00000002 00000003 00000004") + bytes(range(24)))
    raw[at] ^= flip
    path = folder / "flipped"
    path.write_bytes(gzip.compress(bytes(raw)) if packed else bytes(raw))
    if at == 2 and raw[2] == 0x09:  # unsigned and signed bytes differ by this byte alone
        assert read_idx(path).dtype == np.int8
    else:
        expect_error(path)


@given(st.data())
def test_a_flipped_gzip_byte_never_goes_unnoticed(folder: Path, data: st.DataObject) -> None:
    array = np.arange(200, dtype=np.uint8)
    write_idx(folder / "g.gz", array)
    raw = bytearray((folder / "g.gz").read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path = folder / "flipped.gz"
    path.write_bytes(bytes(raw))
    try:
        back = read_idx(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:  # the time stamp and the like: not part of the content
        np.testing.assert_array_equal(back, array)


@given(st.binary(max_size=200), st.booleans())
def test_noise_is_an_error_or_an_array(folder: Path, noise: bytes, packed: bool) -> None:
    path = folder / "noise"
    path.write_bytes(gzip.compress(noise) if packed else noise)
    try:
        assert read_idx(path).nbytes <= 200
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(2**32 - 1,), (60000, 2**20, 2**20), (2**32 - 1, 2**32 - 1, 0), (65536, 65536, 8)])
def test_a_lying_shape_takes_no_memory(tmp_path: Path, shape: tuple[int, ...], packed: bool) -> None:
    raw = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(50)
    path = tmp_path / "lying"
    path.write_bytes(gzip.compress(raw) if packed else raw)
    assert str(shape) in expect_error(path, "compressed bytes can hold|no array can have" if packed else "the file has")


def test_too_many_axes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes([0, 0, 8, 200]) + struct.pack(">200I", *[1] * 200) + b"\0")
    expect_error(tmp_path / "a", "200 axes")


def test_a_gzip_bomb_is_stopped_at_the_declared_size(tmp_path: Path) -> None:
    import zlib

    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(bytes.fromhex("00000801 00000010"))]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(256)]  # 256 MiB in 260 kB
    (tmp_path / "bomb").write_bytes(b"".join(parts) + packer.flush())
    expect_error(tmp_path / "bomb", "more bytes follow")


def test_max_bytes_refuses_before_reading(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.zeros(1000, dtype=np.uint8))
    assert read_idx(tmp_path / "a.gz", max_bytes=1000).shape == (1000,)
    with pytest.raises(ValueError, match=r"a\.gz: declares .* above the limit of 999"):
        read_idx(tmp_path / "a.gz", max_bytes=999)


def test_sha256_is_that_of_the_decompressed_file(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.arange(9, dtype=np.float32))
    write_idx(tmp_path / "a.gz", np.arange(9, dtype=np.float32))
    digest = hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()
    for name in ("a", "a.gz"):
        assert read_idx(tmp_path / name, sha256=digest).shape == (9,)
        assert read_idx(tmp_path / name, sha256=digest.upper()).shape == (9,)
        with pytest.raises(ValueError, match=f"{name}: its content has the SHA-256 {digest}, expected 0000"):
            read_idx(tmp_path / name, sha256="0" * 64)


def test_a_missing_file_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_idx(path, np.arange(3, dtype=np.uint8))

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_idx(path, np.arange(4, dtype=np.uint8))
    assert len(read_idx(path)) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_writes_tensors(tmp_path: Path) -> None:
    from tinygrad_cnn.tensors import Tensor

    write_idx(tmp_path / "a", Tensor(np.arange(4, dtype=np.float32)))
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), [0, 1, 2, 3])


def test_hand_made_lies(tmp_path: Path) -> None:
    """Sizes, dimensions, bombs, broken streams: an error that names the file, with no time or memory to speak of."""

    def read(content: bytes) -> np.ndarray:
        (tmp_path / "x.idx.gz").write_bytes(content)
        return read_idx(tmp_path / "x.idx.gz")

    found = judge(read, list(idx_lies()), says="x.idx.gz: ", allowed=(ValueError,), limit_s=10, limit_bytes=8 << 20)
    assert found.files >= 30
    assert not found.wrong, found


def test_what_unpacks_to_far_more_is_read_when_that_is_said(tmp_path: Path) -> None:
    zeros = np.zeros(40 << 20, np.uint8)
    write_idx(tmp_path / "x.gz", zeros)
    with pytest.raises(ValueError, match=r"far more than such files do; .* say so with max_bytes=41943040"):
        read_idx(tmp_path / "x.gz")
    assert read_idx(tmp_path / "x.gz", max_bytes=41943040).shape == zeros.shape
    with pytest.raises(ValueError, match="above the limit"):
        read_idx(tmp_path / "x.gz", max_bytes=41943039)
    write_idx(tmp_path / "small.gz", zeros[: 30 << 20])  # so much is always allowed
    assert read_idx(tmp_path / "small.gz").shape == (30 << 20,)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")
    for path, says in ((tmp_path / "f", "no regular file"), (tmp_path, "folder"), (tmp_path / "x", "no file")):
        with pytest.raises(OSError, match=says):
            read_idx(path)
    with pytest.raises(OSError, match="no regular file"):
        write_idx(tmp_path / "f", np.zeros(3, np.uint8))


def idx(shape: tuple[int, ...], body: bytes, code: int = 8) -> bytes:
    return bytes([0, 0, code, len(shape)]) + b"".join(s.to_bytes(4, "big") for s in shape) + body


def test_limits_of_idx_files(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_idx(path, np.arange(12, dtype=np.int32))  # 48 bytes
    for packed in (False, True):
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes()))
        assert read_idx(path, max_bytes=48).tolist() == list(range(12))
        with pytest.raises(
            ValueError, match=r"a: declares shape \(12,\) of int32, 56 bytes with the header, above the limit of 47"
        ):
            read_idx(path, max_bytes=47)


def test_an_idx_file_of_32_axes_and_of_none(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(idx((1,) * 32, b"\7"))
    assert read_idx(path).shape == (1,) * 32
    path.write_bytes(idx((1,) * 33, b"\7"))
    with pytest.raises(ValueError, match="declares 33 axes, more than the 32 an array can have"):
        read_idx(path)
    path.write_bytes(idx((), b"\7"))
    assert read_idx(path).shape == ()
    path.write_bytes(idx((1 << 31, 0, 1 << 31), b""))
    assert read_idx(path).shape == (1 << 31, 0, 1 << 31)
    path.write_bytes(idx(((1 << 32) - 1, 0, (1 << 32) - 1), b""))
    with pytest.raises(ValueError, match="which no array can have"):
        read_idx(path)


def test_a_gzip_stream_grows_by_1032_at_most(tmp_path: Path) -> None:
    """So a file that declares more than that is lying, whatever limit is given."""
    path = tmp_path / "a"
    packed = gzip.compress(idx((5, 1000), bytes(5000)))
    path.write_bytes(packed)
    assert read_idx(path, max_bytes=1 << 30).shape == (5, 1000)
    most = 1032 * len(packed)
    for declared, words in (
        (most, "truncated: declares"),
        (most + 1, f"more than {len(packed):,} compressed bytes can hold"),
    ):
        lying = gzip.compress(idx((1, declared), bytes(5000)))
        lying += bytes(len(packed) - len(lying))  # zeros behind a gzip stream are passed over
        path.write_bytes(lying)
        assert len(lying) == len(packed)
        with pytest.raises(ValueError, match=words):
            read_idx(path, max_bytes=1 << 30)


@pytest.mark.parametrize("empty", [999, 1000])
def test_a_thousand_members_without_content_are_too_many(empty: int, tmp_path: Path) -> None:
    path, whole = tmp_path / "a", idx((3,), b"\1\2\3")
    path.write_bytes(gzip.compress(whole[:5]) + gzip.compress(b"") * empty + gzip.compress(whole[5:]))
    if empty < 1000:
        assert read_idx(path).tolist() == [1, 2, 3]
    else:
        with pytest.raises(ValueError, match="one empty member after the other"):
            read_idx(path)


def test_the_digest_of_a_file_is_that_of_its_plain_content(tmp_path: Path) -> None:
    import hashlib

    plain = idx((3,), b"\1\2\3")
    right = hashlib.sha256(plain).hexdigest()
    for content in (plain, gzip.compress(plain)):
        (tmp_path / "a").write_bytes(content)
        assert read_idx(tmp_path / "a", sha256=right.upper()).tolist() == [1, 2, 3]
        with pytest.raises(
            ValueError, match=f"its content has the SHA-256 {right}, expected {'0' * 64}: corrupt, or another"
        ):
            read_idx(tmp_path / "a", sha256="0" * 64)


@pytest.mark.parametrize(
    ("code", "dtype", "packed"),
    [
        (0x08, "u1", "B"),
        (0x09, "i1", "b"),
        (0x0B, "i2", ">h"),
        (0x0C, "i4", ">i"),
        (0x0D, "f4", ">f"),
        (0x0E, "f8", ">d"),
    ],
)
def test_the_codes_of_the_types_are_the_formats(code: int, dtype: str, packed: str, tmp_path: Path) -> None:
    content = idx((3,), b"".join(struct.pack(packed, n) for n in (0, 1, 100)), code)
    write_idx(tmp_path / "a", np.array([0, 1, 100], dtype))
    assert (tmp_path / "a").read_bytes() == content
    (tmp_path / "b").write_bytes(content)
    found = read_idx(tmp_path / "b")
    assert (found.dtype, found.tolist()) == (np.dtype(dtype), [0, 1, 100])


@pytest.mark.parametrize("code", [0x07, 0x0A, 0x0F, 0x00])
def test_other_codes_are_no_types(code: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(idx((1,), bytes(8), code))
    with pytest.raises(ValueError, match=rf"it starts with 00 00 {code:02x} 01, where 00 00, a type code \(08, 09"):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_files_of_about_a_megabyte_and_more(size: int, tmp_path: Path) -> None:
    """They are read a piece at a time: no byte is lost between two pieces, and none too many is taken for one."""
    body = np.arange(size, dtype=np.uint32).astype(np.uint8)
    for tail, pack in itertools.product((b"", b"\7"), (bytes, lambda b: gzip.compress(b, 1))):
        (tmp_path / "a").write_bytes(pack(idx((size,), body.tobytes() + tail)))
        if tail:
            with pytest.raises(ValueError, match="too long or lying"):
                read_idx(tmp_path / "a")
        else:
            np.testing.assert_array_equal(read_idx(tmp_path / "a"), body)
