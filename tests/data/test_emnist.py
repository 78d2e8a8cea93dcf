"""EMNIST: the files of a split, plain, packed or in the archive. Small ones of our own stand in."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.data.small import serving
from tinygrad_cnn.data import EMNIST, write_idx

SIZES = (6, 4)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine is looked at, and the splits are small."""
    monkeypatch.delenv("TINYGRAD_CNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(EMNIST, "splits", {name: (labels, SIZES) for name, (labels, _) in EMNIST.splits.items()})
    monkeypatch.setattr(EMNIST, "mirrors", ())


def images(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def put(folder: Path, split: str = "letters", suffix: str = ".gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, n in (("train", 6), ("test", 4)):
        write_idx(folder / f"emnist-{split}-{part}-images-idx3-ubyte{suffix}", images(n))
        write_idx(folder / f"emnist-{split}-{part}-labels-idx1-ubyte{suffix}", 1 + np.arange(n, dtype=np.uint8))
    return folder


def packed(folder: Path, split: str = "letters") -> Path:
    """The archive alone, in a folder."""
    put(folder / "gzip", split)
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        for file in sorted((folder / "gzip").iterdir()):
            archive.write(file, f"gzip/{file.name}")
            file.unlink()
    (folder / "gzip").rmdir()
    return folder


def test_the_splits() -> None:
    from tinygrad_cnn.data.emnist import SPLITS

    classes = {name: len(labels) for name, (labels, _) in SPLITS.items()}
    assert classes == {"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 27, "digits": 10, "mnist": 10}
    assert {name: sum(sizes) for name, (_, sizes) in SPLITS.items()} == {
        "byclass": 814255, "bymerge": 814255, "balanced": 131600, "letters": 145600, "digits": 280000, "mnist": 70000,
    }  # fmt: skip
    assert SPLITS["balanced"][0][10:] == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
    assert SPLITS["letters"][0][:3] == ("N/A", "a", "b")


@pytest.mark.parametrize("how", ["packed", "plain", "archive"])
def test_where_it_is_found(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "EMNIST" / "raw"
    if how == "archive":
        packed(folder)
    else:
        put(folder, suffix=".gz" if how == "packed" else "")
    train = EMNIST(tmp_path, "letters", download=False)
    test = EMNIST(tmp_path, "letters", train=False, download=False)
    np.testing.assert_array_equal(train.data, images(6))
    np.testing.assert_array_equal(test.data, images(4))
    assert test.targets.tolist() == [1, 2, 3, 4]
    assert train.classes[train.targets[0]] == "a"
    assert train.source == str(folder)
    with pytest.raises((FileNotFoundError, ValueError), match="emnist-digits-train"):
        EMNIST(tmp_path, "digits", download=False)


def test_the_archive_is_fetched_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = packed(tmp_path / "mirror")
    with serving(mirror) as address:
        monkeypatch.setattr(EMNIST, "mirrors", (address,))
        with pytest.raises(FileNotFoundError, match=r"MD5 is \w+, expected 58c8d27c(?s:.*)Put gzip\.zip \(from http"):
            EMNIST(tmp_path / "here", "letters")
        monkeypatch.setattr(EMNIST, "archive_md5", hashlib.md5((mirror / "gzip.zip").read_bytes()).hexdigest())
        assert len(EMNIST(tmp_path / "here", "letters")) == 6
    assert len(EMNIST(tmp_path / "here", "letters", train=False)) == 4  # the server is gone
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["gzip.zip"]


def test_bad_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(match: str) -> None:
        with pytest.raises(ValueError, match=match):
            EMNIST(tmp_path, "letters", download=False)

    archive = packed(tmp_path) / "gzip.zip"
    good = archive.read_bytes()
    archive.write_bytes(good[: len(good) // 2])
    failing(r"gzip\.zip: not a readable zip file")
    middle = good.index(b"train-images") + 200
    archive.write_bytes(good[:middle] + bytes(100) + good[middle + 100 :])
    failing(r"gzip\.zip: not a readable zip file \(Bad CRC")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("gzip/other.gz", b"")
    failing(r"there is no gzip/emnist-letters-train-images-idx3-ubyte\.gz in it")
    with zipfile.ZipFile(archive, "w") as file:
        for what in ("images-idx3", "labels-idx1"):
            file.writestr(f"gzip/emnist-letters-train-{what}-ubyte.gz", gzip.compress(b"nothing of the kind"))
    failing(r"gzip\.zip/gzip/emnist-letters-train-images-idx3-ubyte\.gz: not an IDX file")
    images = "gzip/emnist-letters-train-images-idx3-ubyte.gz"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(images, np.random.default_rng(0).integers(0, 9, 2000, np.uint8).tobytes())
    good = archive.read_bytes()
    for at in range(100, len(good), 61):  # in what is packed, and in the directory at the end
        archive.write_bytes(good[:at] + b"\xff\xff\xff" + good[at + 3 :])
        failing(r"gzip\.zip: (not a readable zip file|there is no)")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(images, bytes(64 << 20))
    failing(r"gzip\.zip: .*has more than 3\d,\d{3},\d{3} bytes")
    monkeypatch.setattr(EMNIST, "max_bytes", 1000)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("gzip/emnist-letters-train-images-idx3-ubyte.gz", bytes(100_000))
    failing("more than 1,000 bytes")


def test_bad_calls(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Unknown value 'letter' for argument split.*\{byclass, bymerge"):
        EMNIST(tmp_path, "letter")
    put(tmp_path)
    write_idx(tmp_path / "emnist-letters-train-labels-idx1-ubyte.gz", np.full(6, 27, np.uint8))
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.26, but label 0 is 27"):
        EMNIST(tmp_path, "letters")
