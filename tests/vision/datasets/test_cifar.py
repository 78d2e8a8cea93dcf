"""CIFAR as torchvision hands it out. Small batches of our own stand in."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.data.small import serving
from tinygrad_cnn import data as readers
from tinygrad_cnn.vision import datasets

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def batch(seed: int, n: int, key: str = "labels", classes: int = 10) -> bytes:
    g = np.random.default_rng(seed)
    pixels = g.integers(0, 256, (n, 3072), dtype=np.uint8)
    return pickle.dumps({"data": pixels, key: g.integers(0, classes, n).tolist()}, protocol=2)


def ten() -> dict[str, bytes]:
    files = {f"data_batch_{i}": batch(i, 4) for i in range(1, 6)}
    return files | {"test_batch": batch(6, 3), "batches.meta": pickle.dumps({"label_names": TEN}, protocol=2)}


def hundred() -> dict[str, bytes]:
    names = [f"kind {i}" for i in range(100)]
    meta = pickle.dumps({"fine_label_names": names, "coarse_label_names": names[:20]}, protocol=2)
    return {"train": batch(7, 9, "fine_labels", 100), "test": batch(8, 3, "fine_labels", 100), "meta": meta}


def archive(folder: str, files: dict[str, bytes]) -> bytes:
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture(autouse=True)
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The archives by name. Nothing of this machine is looked at, and theirs are the digests that are known."""
    monkeypatch.delenv("TINYGRAD_CNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    archives = {}
    for reader, files, sizes in ((readers.CIFAR10, ten(), (20, 3)), (readers.CIFAR100, hundred(), (9, 3))):
        archives[reader.archive] = archive(reader.folder, files)
        known = {**files, reader.archive: archives[reader.archive]}
        monkeypatch.setattr(reader, "md5", {name: hashlib.md5(content).hexdigest() for name, content in known.items()})
        monkeypatch.setattr(reader, "sizes", sizes)
    for dataset in (datasets.CIFAR10, datasets.CIFAR100):
        monkeypatch.setattr(dataset, "url", f"http://127.0.0.1:9/{dataset.filename}")  # nobody listens there
    return archives


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def test_the_dataset(tmp_path: Path) -> None:
    put(tmp_path / "cifar-10-batches-py", ten())
    train, test = datasets.CIFAR10(str(tmp_path)), datasets.CIFAR10(tmp_path, train=False, download=True)
    assert (train.data.shape, train.data.dtype, test.data.shape) == ((20, 32, 32, 3), np.uint8, (3, 32, 32, 3))
    second = pickle.loads(ten()["data_batch_2"])
    pixels = second["data"][1].reshape(3, 32, 32)  # planes of red, green and blue, row by row
    np.testing.assert_array_equal(train.data[5], np.stack([*pixels], axis=-1))
    assert train.targets[4:8] == second["labels"]
    assert all(type(label) is int for label in train.targets)
    assert train.classes == TEN
    assert train.class_to_idx["truck"] == 9
    shown = ["Dataset CIFAR10", "Number of datapoints: 20", f"Root location: {tmp_path}", "Split: Train"]
    assert repr(train) == "\n    ".join(shown)
    assert repr(test).endswith("Split: Test")


def test_items_are_pictures_and_ints(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="no Pillow")
    put(tmp_path / "cifar-10-batches-py", ten())
    data = datasets.CIFAR10(tmp_path)
    image, label = data[5]
    assert (image.mode, image.size, label) == ("RGB", (32, 32), data.targets[5])
    np.testing.assert_array_equal(np.asarray(image), data.data[5])
    assert np.array_equal(data[-1][0], data[tg.tensor(19)][0])
    assert len(list(data)) == 20
    turned = datasets.CIFAR10(tmp_path, True, np.asarray, lambda label: -label)
    assert turned[5][0].shape == (32, 32, 3)
    assert turned[5][1] == -label


def test_a_hundred_kinds(tmp_path: Path, published: dict[str, bytes]) -> None:
    (tmp_path / "cifar-100-python.tar.gz").write_bytes(published["cifar-100-python.tar.gz"])
    train, test = datasets.CIFAR100(tmp_path), datasets.CIFAR100(tmp_path, train=False)
    assert (len(train), len(test), len(train.classes)) == (9, 3, 100)
    assert train.targets == pickle.loads(hundred()["train"])["fine_labels"]
    assert train.class_to_idx["kind 42"] == 42
    assert repr(test).startswith("Dataset CIFAR100\n")


def test_download(tmp_path: Path, published: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mirror", published)
    with serving(tmp_path / "mirror") as address:
        monkeypatch.setattr(datasets.CIFAR10, "url", address + "cifar-10-python.tar.gz")
        assert len(datasets.CIFAR10(tmp_path / "root", download=True)) == 20
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["cifar-10-python.tar.gz"]
    assert len(datasets.CIFAR10(tmp_path / "root", train=False, download=True)) == 3  # the server is gone


def test_nothing_anywhere(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"CIFAR10 was not found(?s:.*)Put cifar-10-python.*download=True fetch"):
        datasets.CIFAR10(tmp_path)
    with pytest.raises(RuntimeError, match=r"http://127\.0\.0\.1:9/cifar-100-python\.tar\.gz: "):
        datasets.CIFAR100(tmp_path, download=True)


def test_bad_files_in_the_root_are_an_error(tmp_path: Path) -> None:
    put(tmp_path / "cifar-10-batches-py", ten() | {"data_batch_3": batch(0, 4)})
    with pytest.raises(ValueError, match="data_batch_3: its content has the MD5") as failure:
        datasets.CIFAR10(tmp_path, download=True)
    assert "verify" not in str(failure.value)
    assert len(datasets.CIFAR10(tmp_path, train=False)) == 3
