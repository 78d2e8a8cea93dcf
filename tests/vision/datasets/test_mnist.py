"""MNIST and its kin as torchvision hands them out. Small files of our own stand in."""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.data.small import NAMES, SIZES, contents, put, serving
from tinygrad_cnn import data as readers
from tinygrad_cnn.data import DataLoader, write_idx
from tinygrad_cnn.vision import datasets, transforms

REAL = Path(os.environ.get("TINYGRAD_CNN_DATA") or "no folder")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine is looked at, and the published files are small ones, each dataset's of another seed."""
    monkeypatch.delenv("TINYGRAD_CNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path_factory.mktemp("published")
    for seed, reader in ((0, readers.MNIST), (1, readers.FashionMNIST), (2, readers.KMNIST)):
        put(folder, seed, suffix="")
        digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES}
        monkeypatch.setattr(reader, "sha256", {} if seed == 2 else digests)
        monkeypatch.setattr(reader, "packed_md5", {})
        monkeypatch.setattr(reader, "sizes", SIZES)
        monkeypatch.setattr(reader, "folders", ())
    for dataset in (datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST, datasets.EMNIST):
        monkeypatch.setattr(dataset, "mirrors", [])


def test_the_dataset(tmp_path: Path) -> None:
    put(tmp_path / "MNIST" / "raw")
    train, test = datasets.MNIST(tmp_path), datasets.MNIST(str(tmp_path), train=False)
    wanted = contents()
    for part, (images, labels) in ((train, NAMES[:2]), (test, NAMES[2:])):
        assert isinstance(part.data, tg.Tensor)
        assert isinstance(part.targets, tg.Tensor)
        assert (part.data.dtype, part.targets.dtype) == (tg.uint8, tg.int64)
        np.testing.assert_array_equal(part.data.numpy(), wanted[images])
        np.testing.assert_array_equal(part.targets.numpy(), wanted[labels])
    assert (len(train), len(test), train.train, test.train) == (12, 5, True, False)
    assert (
        repr(train) == f"Dataset MNIST\n    Number of datapoints: 12\n    Root location: {tmp_path}\n    Split: Train"
    )
    assert repr(test).endswith("\n    Split: Test")
    assert train.classes[3] == "3 - three"
    assert train.class_to_idx["9 - nine"] == 9
    assert train.raw_folder == str(tmp_path / "MNIST" / "raw")


def test_items_are_pictures_and_ints(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="no Pillow")
    put(tmp_path / "MNIST" / "raw")
    data = datasets.MNIST(tmp_path)
    image, label = data[3]
    assert (image.mode, image.size, type(label)) == ("L", (28, 28), int)
    np.testing.assert_array_equal(np.asarray(image), contents()[NAMES[0]][3])
    assert label == contents()[NAMES[1]][3]
    assert np.array_equal(data[-1][0], data[tg.tensor(11)][0])
    assert len(list(data)) == 12
    with pytest.raises(IndexError):
        data[12]
    turned = datasets.MNIST(tmp_path, True, lambda x: np.asarray(x)[0, :2], lambda y: -y)
    assert turned[3][0].tolist() == contents()[NAMES[0]][3, 0, :2].tolist()
    assert turned[3][1] == -label
    data.data, data.targets = data.data[5:], data.targets[5:].tolist()  # as scripts do that train on a part
    assert len(data) == 7
    np.testing.assert_array_equal(np.asarray(data[0][0]), contents()[NAMES[0]][5])


def test_a_loader_reads_it(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="no Pillow")
    put(tmp_path / "MNIST" / "raw")
    data = datasets.MNIST(tmp_path, transform=lambda image: np.asarray(image, np.float32)[None] / 255)
    batches = list(tg.data.DataLoader(data, batch_size=5))
    assert [tuple(x.shape) for x, _ in batches] == [(5, 1, 28, 28), (5, 1, 28, 28), (2, 1, 28, 28)]
    assert tg.cat([y for _, y in batches]).tolist() == contents()[NAMES[1]].tolist()


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("inside", ["", "MNIST", "mnist", "MNIST/raw"])
def test_where_files_are_found(tmp_path: Path, suffix: str, inside: str) -> None:
    put(tmp_path / "data" / inside, suffix=suffix)
    for download in (False, True):
        assert len(datasets.MNIST(tmp_path / "data", download=download)) == 12
    assert not (tmp_path / "cache").exists()


def test_several_datasets_under_one_root(tmp_path: Path) -> None:
    put(tmp_path, seed=0)  # MNIST's, in the root itself
    put(tmp_path / "FashionMNIST" / "raw", seed=1)
    put(tmp_path / "KMNIST" / "raw", seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [dataset(tmp_path) for dataset in (datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST)]
    for seed, part in enumerate(found):
        np.testing.assert_array_equal(part.data.numpy(), contents(seed)[NAMES[0]])
    assert found[1].classes[9] == "Ankle boot"
    assert found[2].class_to_idx["wo"] == 9
    (tmp_path / "KMNIST").rename(tmp_path / "elsewhere")
    with pytest.raises(RuntimeError, match="this is MNIST's, which has the same name"):
        datasets.KMNIST(tmp_path)
    put(tmp_path, seed=2)
    assert len(datasets.KMNIST(tmp_path)) == 12


def test_it_is_looked_for_where_the_fast_form_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "named")
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(tmp_path / "named"))
    assert len(datasets.MNIST(tmp_path / "nowhere", download=True)) == 12
    assert not (tmp_path / "nowhere").exists()
    monkeypatch.delenv("TINYGRAD_CNN_DATA")
    put(tmp_path / "cache" / "tinygrad_cnn" / "MNIST")
    assert len(datasets.MNIST(tmp_path / "nowhere")) == 12


def test_download_puts_files_where_torchvision_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mirror" / "bad", seed=1)
    put(tmp_path / "mirror" / "good")
    with serving(tmp_path / "mirror") as address:
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{address}bad/", f"{address}good/"])
        assert len(datasets.MNIST(tmp_path / "root", download=True)) == 12
    raw = tmp_path / "root" / "MNIST" / "raw"
    assert {path.name for path in raw.iterdir()} == {f"{name}.gz" for name in NAMES[:2]}
    assert len(datasets.MNIST(tmp_path / "root", download=True)) == 12  # the server is gone


def test_nothing_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)MNIST was not found.*root.MNIST.raw: no such folder.*download=True"):
        datasets.MNIST(tmp_path / "root")
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])  # nobody listens there
    with pytest.raises(RuntimeError, match=r"http://127\.0\.0\.1:9/train-images(?s:.*)Put the four files"):
        datasets.MNIST(tmp_path / "root", download=True)
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("download", [False, True])
def test_bad_files_in_its_folder_are_an_error(tmp_path: Path, download: bool) -> None:
    put(tmp_path / "MNIST" / "raw", seed=3)
    with pytest.raises(ValueError, match=r"raw.train-images-idx3-ubyte\.gz: its content has the SHA-256") as failure:
        datasets.MNIST(tmp_path, download=download)
    assert "verify" not in str(failure.value)


def test_bad_files_in_the_root_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, seed=3)
    with pytest.warns(UserWarning, match="passing over"), pytest.raises(RuntimeError, match="SHA-256"):
        datasets.MNIST(tmp_path)


def test_emnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {name: (labels, (6, 4)) for name, (labels, _) in readers.EMNIST.splits.items()}
    monkeypatch.setattr(readers.EMNIST, "splits", small)
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)
    for split in ("letters", "balanced"):
        write_idx(tmp_path / f"emnist-{split}-test-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"emnist-{split}-test-labels-idx1-ubyte.gz", np.array([1, 2, 3, 26], np.uint8))
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        for path in sorted(tmp_path.glob("*.gz")):
            archive.write(path, f"gzip/{path.name}")
            path.unlink()
    with serving(tmp_path) as address:
        monkeypatch.setattr(datasets.EMNIST, "mirrors", [address])
        md5 = hashlib.md5((tmp_path / "gzip.zip").read_bytes()).hexdigest()
        monkeypatch.setattr(readers.EMNIST, "archive_md5", md5)
        letters = datasets.EMNIST(tmp_path / "root", "letters", train=False, download=True)
    assert [path.name for path in (tmp_path / "root" / "EMNIST" / "raw").iterdir()] == ["gzip.zip"]
    balanced = datasets.EMNIST(tmp_path / "root", split="balanced", train=False)
    np.testing.assert_array_equal(letters.data.numpy(), images)  # as they lie, transposed
    assert letters.targets.tolist() == [1, 2, 3, 26]
    assert (letters.split, len(letters.classes), letters.classes[26]) == ("letters", 27, "z")
    assert (len(balanced.classes), balanced.classes[46]) == (47, "t")
    assert repr(letters).startswith("Dataset EMNIST\n    Number of datapoints: 4\n    Root location: ")
    assert datasets.EMNIST.splits == ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    with pytest.raises(ValueError, match="Unknown value 'letter' for argument split"):
        datasets.EMNIST(tmp_path, "letter")


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "MNIST" / "raw")
    data = datasets.MNIST(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'tinygrad-cnn\[vision\]'"):
        data[0]


def test_the_real_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (REAL / "train-images-idx3-ubyte.gz").exists():
        pytest.skip("no full MNIST: set TINYGRAD_CNN_DATA to its folder")
    monkeypatch.undo()  # the digests are the published ones again
    train: Any = datasets.MNIST(REAL)
    assert train.data.shape == (60000, 28, 28)
    assert train.targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert float(train.data.float().mean() / 255) == pytest.approx(0.1307, abs=1e-4)
    with pytest.raises(RuntimeError, match="this is MNIST's"):
        datasets.KMNIST(REAL)


@pytest.mark.parametrize("kind", [datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST])
def test_a_loader_reads_a_batch_in_one_go_and_the_bits_are_those_of_the_samples(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / kind.__name__ / "raw", {"MNIST": 0, "FashionMNIST": 1, "KMNIST": 2}[kind.__name__])
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    train = kind(tmp_path, transform=transform)
    samples = [train[i] for i in range(len(train))]
    monkeypatch.setattr("tinygrad_cnn.vision.datasets.mnist.picture", None)  # nobody makes a picture
    images, labels = next(iter(DataLoader(train, batch_size=len(train))))
    np.testing.assert_array_equal(images.numpy(), np.stack([image.numpy() for image, _ in samples]))
    assert labels.tolist() == [label for _, label in samples]
    with pytest.raises(TypeError, match="not callable"):
        next(iter(DataLoader(train, collate_fn=lambda batch: batch)))
