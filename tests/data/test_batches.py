"""CIFAR's batches: what a pickle must hold, what a folder or an archive must, and how large they may be."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.data import batches as module
from tinygrad_cnn.data.batches import check_md5, read_archive, read_batch, read_classes, read_folder, read_whole

PIXELS = np.arange(2 * 3072, dtype=np.uint32).astype(np.uint8).reshape(2, 3072)


def made(**change: Any) -> bytes:
    return pickle.dumps({k: v for k, v in {"data": PIXELS, "labels": [1, 0], **change}.items() if v is not ...})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_images_are_three_planes_and_labels_numbers(protocol: int) -> None:
    for names in (("data", "labels"), (b"data", b"labels")):
        content = pickle.dumps(dict(zip(names, (PIXELS, [1, 0]), strict=True)), protocol)
        images, labels = read_batch(content, "batch", "labels", 2)
        np.testing.assert_array_equal(images, PIXELS.reshape(2, 3, 32, 32))
        assert (labels.tolist(), labels.dtype) == ([1, 0], np.int64)


IMAGES = r"batch: expected images as uint8 of shape \(N, 3072\) under 'data'"
LABELS = "batch: expected a list of 2 labels under 'labels'"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": ...}, IMAGES),
        ({"data": PIXELS.tolist()}, IMAGES),
        ({"data": PIXELS.astype(np.int8)}, IMAGES),
        ({"data": PIXELS[0]}, IMAGES),
        ({"data": PIXELS[:, :-1]}, IMAGES),
        ({"data": PIXELS.reshape(2, 3, 1024)}, IMAGES),
        ({"labels": ...}, LABELS),
        ({"labels": (1, 0)}, LABELS),
        ({"labels": [1]}, LABELS),
        ({"labels": [1, 0, 1]}, LABELS),
        ({"labels": [1, 0.0]}, LABELS),
        ({"labels": [True, 0]}, LABELS),
        ({"labels": [1, "0"]}, LABELS),
        ({"labels": [1, 2]}, r"batch: labels must lie in 0\.\.1, but label 1 is 2"),
        ({"labels": [-1, 0]}, r"batch: labels must lie in 0\.\.1, but label 0 is -1"),
    ],
)
def test_batches_that_are_none(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_batch(made(**change), "batch", "labels", 2)


def test_classes_are_a_list_of_names() -> None:
    assert read_classes(pickle.dumps({"names": [b"cat", "dog", b"\xff"]}), "meta", "names") == ("cat", "dog", "\ufffd")
    for odd in ({}, {"names": []}, {"names": ("a",)}, {"names": ["a", 3]}, {"names": "ab"}):
        with pytest.raises(ValueError, match="meta: expected a list of names under 'names'"):
            read_classes(pickle.dumps(odd), "meta", "names")
    with pytest.raises(ValueError, match="meta"):
        read_classes(pickle.dumps([1]), "meta", "names")


def test_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"")
    assert read_folder(tmp_path, ("a", "b")) == {"a": b"1", "b": b""}
    assert read_folder(tmp_path, ("b",)) == {"b": b""}
    with pytest.raises(FileNotFoundError, match=r"^no c$"):
        read_folder(tmp_path, ("a", "c"))
    with pytest.raises(FileNotFoundError, match=r"^no such folder$"):
        read_folder(tmp_path / "none", ("a",))


def test_the_largest_file_and_one_byte_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_BYTES", 10)
    (tmp_path / "a").write_bytes(bytes(10))
    assert read_whole(tmp_path / "a") == bytes(10)
    (tmp_path / "a").write_bytes(bytes(11))
    with pytest.raises(ValueError, match="a has more than 10 bytes: not the file expected"):
        read_whole(tmp_path / "a")


def archive(path: Path, files: dict[str, bytes], kinds: dict[str, bytes] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type = (kinds or {}).get(name, tarfile.REGTYPE)
            out.addfile(member, io.BytesIO(content))
    return path


def test_files_of_an_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", {"x/a": b"1", "./x/b": b"22", "x/more": b"3", "y/a": b"4"})
    assert read_archive(path, "x", ("a", "b")) == {"a": b"1", "b": b"22"}
    assert read_archive(path, "y", ("a",)) == {"a": b"4"}
    with pytest.raises(ValueError, match=r"a holds no x/c$"):
        read_archive(path, "x", ("a", "c"))
    path = archive(tmp_path / "a", {"x/a": b"", "x/b": b"1"}, {"x/a": tarfile.DIRTYPE})
    with pytest.raises(ValueError, match="a: x/a in it is no file, or is there twice"):
        read_archive(path, "x", ("a", "b"))
    with tarfile.open(tmp_path / "b", "w:gz") as out:
        for _ in range(2):
            member = tarfile.TarInfo("x/a")
            member.size = 1
            out.addfile(member, io.BytesIO(b"1"))
    with pytest.raises(ValueError, match="b: x/a in it is no file, or is there twice"):
        read_archive(tmp_path / "b", "x", ("a",))


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    whole = archive(tmp_path / "a", {"x/a": bytes(range(256)) * 40}).read_bytes()
    plain = gzip.decompress(whole)
    for content in (
        whole[:-4],
        whole[: len(whole) // 2],
        b"none",
        b"",
        whole[:-8] + bytes(8),
        gzip.compress(plain[:700]),
    ):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(ValueError, match=rf"^{tmp_path / 'a'}(: | holds no x/a)"):
            read_archive(tmp_path / "a", "x", ("a",))


def test_an_archive_unpacks_to_no_more_than_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "a", {"x/a": bytes(5000)})
    unpacked = len(gzip.decompress(path.read_bytes()))
    monkeypatch.setattr(module._Limited, "most", unpacked)
    assert read_archive(path, "x", ("a",)) == {"a": bytes(5000)}
    monkeypatch.setattr(module._Limited, "most", unpacked - 1)
    with pytest.raises(ValueError, match="a: it unpacks to more than such a file holds: not the one expected"):
        read_archive(path, "x", ("a",))


def test_digests_that_are_known_are_compared() -> None:
    right = hashlib.md5(b"content").hexdigest()
    check_md5(b"content", "a", {"a": right})
    check_md5(b"content", "a", {"b": "0"})  # of a file that nobody knows
    with pytest.raises(ValueError, match=f"a: its content has the MD5 {right}, expected 0: corrupt, or another file"):
        check_md5(b"content", "a", {"a": "0"})
