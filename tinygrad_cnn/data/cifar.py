"""CIFAR-10 and CIFAR-100: found on this machine or fetched, checked, and held as arrays."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .batches import check_md5, read_archive, read_batch, read_classes, read_folder, read_whole
from .dataset import Dataset
from .finding import ENVIRONMENT, Place, cache_folder, fetch_file, find


class CIFAR10(Dataset["tuple[NDArray[np.float32], int]"]):
    """Small colour photographs of ten kinds of things, 3x32x32: 50,000 to train on, 10,000 to test (Krizhevsky, 2009).

    The folder ``cifar-10-batches-py`` with its batches, or the archive ``cifar-10-python.tar.gz`` that holds it, is
    looked for in this order:

    1. ``root``, if given, which may also be that folder itself;
    2. the folder that the environment variable TINYGRAD_CNN_DATA names, and ``CIFAR10`` in it;
    3. ``CIFAR10`` in the user's cache folder;
    4. with ``download=True``, the authors' server; the archive is put into ``root``, or else into the cache folder.

    The batches are pickles, from which nothing but dicts, lists, byte strings, numbers and arrays is built: no code in
    them can run. ``verify=True`` compares MD5 digests with those of the original files. Files in ``root`` that fail are
    an error; bad files elsewhere are passed over with a warning.

    Raises FileNotFoundError, listing every place and what was wrong with it, if there is no dataset anywhere;
    ValueError for bad files in ``root``. ``transform`` is here for an error that helps: transforms belong to the
    `DataLoader`.

    Attributes: ``data`` uint8 (N, 3, 32, 32), ``targets`` int64 (N,), ``classes``, ``train``, ``source``. An item is
    one image as float32 (3, 32, 32) in [0, 1], and its label.
    """

    name: ClassVar[str] = "CIFAR10"
    folder: ClassVar[str] = "cifar-10-batches-py"
    archive: ClassVar[str] = "cifar-10-python.tar.gz"
    mirrors: tuple[str, ...] = ("https://www.cs.toronto.edu/~kriz/",)
    batches: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]] = (  # to train on, and to test
        tuple(f"data_batch_{i}" for i in range(1, 6)),
        ("test_batch",),
    )
    meta: ClassVar[str] = "batches.meta"
    keys: ClassVar[tuple[str, str]] = ("labels", "label_names")  # of the labels in a batch, of the classes in meta
    sizes: ClassVar[tuple[int, int]] = (50000, 10000)
    md5: ClassVar[dict[str, str]] = {
        "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
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
        (self.data, self.targets, self.classes), source = find(
            self.name,
            self._places(root),
            functools.partial(self._read, verify=verify),
            functools.partial(self._fetch, root, download, verify),
            hint=self._hint if verify else "",
            way_out=f"Put {self.archive} into a folder and name it: {self.name}(root=...), or set the environment "
            f"variable {ENVIRONMENT}.",
        )
        self.source = str(source)

    _hint: ClassVar[str] = "; verify=False skips the comparison with the original's digest"

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], int]:
        return _to_unit(self.data[index]), int(self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def get_batch(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images float32 (B, 3, 32, 32) in [0, 1] and labels int64 (B,), as new arrays."""
        return _to_unit(self.data[indices]), self.targets[indices]

    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """All images as float32 (N, 3, 32, 32) in [0, 1], and all labels as int64 (N,), as new arrays."""
        return _to_unit(self.data), self.targets.copy()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} images of 3x32x32, from {self.source})"

    # ------------------------------------------------------------------------------------------------ where it is found
    def _places(self, root: Any) -> list[Place]:
        """Folders and archives to look at, in this order."""
        above = [] if root is None else [Place(Path(root), strict=True)]
        if named := os.environ.get(ENVIRONMENT):
            above += [Place(Path(named)), Place(Path(named) / self.name)]
        if (cache := cache_folder()) is not None:
            above.append(Place(cache / self.name))
        places = [p._replace(folder=p.folder / inside) for p in above for inside in (self.folder, self.archive)]
        if root is not None and (Path(root) / self.meta).is_file():
            places.insert(0, Place(Path(root), strict=True))
        return places

    def _fetch(self, root: Any, wanted: bool, verify: bool) -> tuple[Path | None, list[str]]:
        """Download the archive, if that is wanted: as which file, or None and what went wrong."""
        if not wanted:
            return None, ["download: not asked for (download=False)"]
        cache = cache_folder()
        if root is None and cache is None:
            return None, ["download: no cache folder to put it into"]
        target = (Path(root) if root is not None else cache / self.name) / self.archive  # type: ignore[operator]
        check = functools.partial(self._read, verify=verify)
        failures = fetch_file(self.mirrors, self.archive, target, check, max_bytes=1 << 28)
        return (None, failures) if failures else (target, [])

    def _read(self, place: Path, verify: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
        """Images, labels and classes from a folder or an archive, checked."""
        names = self.batches[not self.train]
        if ".tar" in place.name or place.is_file():
            if not place.is_file():
                raise FileNotFoundError("no such file")
            if verify:
                check_md5(read_whole(place), self.archive, self.md5)
            files = read_archive(place, self.folder, (self.meta, *names))
        else:
            files = read_folder(place, (self.meta, *names))
        if verify:
            for name, content in files.items():
                check_md5(content, name, self.md5)
        try:
            classes = read_classes(files[self.meta], self.meta, self.keys[1])
            parts = [read_batch(files.pop(name), name, self.keys[0], len(classes)) for name in names]
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        images = np.concatenate([part[0] for part in parts])
        if verify and len(images) != self.sizes[not self.train]:
            raise ValueError(f"{place}: expected {self.sizes[not self.train]:,} images, it holds {len(images):,}")
        return images, np.concatenate([part[1] for part in parts]), classes


class CIFAR100(CIFAR10):
    """As `CIFAR10`, of a hundred kinds of things, with 500 images of each to train on and 100 to test.

    ``targets`` and ``classes`` are the hundred fine ones. The folder is ``cifar-100-python``, the archive
    ``cifar-100-python.tar.gz``.
    """

    name = "CIFAR100"
    folder = "cifar-100-python"
    archive = "cifar-100-python.tar.gz"
    batches = (("train",), ("test",))
    meta = "meta"
    keys = ("fine_labels", "fine_label_names")
    md5: ClassVar[dict[str, str]] = {
        "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    }


class Photographs(NamedTuple):
    """Two datasets, and in words where they come from."""

    train: CIFAR10
    test: CIFAR10
    source: str


def load_cifar10(
    root: str | os.PathLike[str] | None = None, *, download: bool = True, verify: bool = True
) -> Photographs:
    """CIFAR-10 for training and testing: ``train, test, source = load_cifar10()``; ``source`` is a line to show the
    user. Looks and raises as `CIFAR10`."""
    return _both(CIFAR10, root, download, verify)


def load_cifar100(
    root: str | os.PathLike[str] | None = None, *, download: bool = True, verify: bool = True
) -> Photographs:
    """CIFAR-100, as `load_cifar10`."""
    return _both(CIFAR100, root, download, verify)


def _both(kind: type[CIFAR10], root: Any, download: bool, verify: bool) -> Photographs:
    train, test = (kind(root, part, download=download, verify=verify) for part in (True, False))
    where = train.source if train.source == test.source else f"{train.source} and {test.source}"
    return Photographs(train, test, f"{kind.name}, {len(train):,} + {len(test):,} photographs, from {where}")


def _to_unit(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """0..255 to [0, 1], float32."""
    return np.divide(pixels, np.float32(255), dtype=np.float32)
