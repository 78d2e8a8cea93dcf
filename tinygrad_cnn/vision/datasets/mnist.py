"""MNIST and its kin, over the readers of `tinygrad_cnn.data`."""

from __future__ import annotations

import operator
import os
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ... import data as readers
from ...data.finding import Place
from ...tensors import Tensor
from ...tensors.creation import from_numpy
from ..batches import at_once
from ..imaging import picture
from .vision import Transform, VisionDataset, found


class _InFolders(readers.MNIST):
    """How a reader goes about a root that is shared by datasets: each has a folder of its name in it.

    Bad files in such a folder are an error; files in the root itself may be another dataset's.
    """

    _hint = ""

    def __init__(self, mirrors: list[str], *args: Any, **kwargs: Any) -> None:
        self.mirrors = tuple(mirrors)
        super().__init__(*args, **kwargs)

    def _places(self, root: Any, verify: bool) -> list[Place]:
        own = [Path(root) / name for name in self.names]
        places = [Place(folder, strict=True) for folder in (self._target(root), *own)]
        return [*places, Place(Path(root), quiet=not self.shared_environment), *super()._places(None, verify)]

    def _target(self, root: Any) -> Path:
        return Path(root) / self.names[0] / "raw"


class _FashionMNIST(_InFolders, readers.FashionMNIST): ...


class _KMNIST(_InFolders, readers.KMNIST): ...


class _EMNIST(_InFolders, readers.EMNIST): ...


class MNIST(VisionDataset):
    """Handwritten digits, 28x28: 60,000 to train on and 10,000 to test (LeCun, Cortes, Burges).

    Args:
        root: the folder that has, or gets, a folder ``MNIST/raw`` with the four IDX files, gzipped or plain.
        train: the part to train on, or that to test.
        transform: takes the image, a grey picture of Pillow's.
        target_transform: takes the label, an int.
        download: fetch the files if they are nowhere. They are also looked for in ``root`` itself and where
            `tinygrad_cnn.data.MNIST` looks: in the folder that TINYGRAD_CNN_DATA names, and in the user's cache.

    Attributes: ``data``, a uint8 tensor (N, 28, 28); ``targets``, an int64 tensor (N,); ``train``, ``classes``,
    ``class_to_idx``, ``raw_folder``; of the class, ``mirrors``.

    Raises:
        RuntimeError: no files, listing every place and what was wrong with it.
        ValueError: files in ``root/MNIST`` that are corrupt, or not the published ones by their digests.
        ImportError: at the first sample, without Pillow.
    """

    classes: list[str] = [  # noqa: RUF012  (as there; an EMNIST has its own)
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight",
        "9 - nine",
    ]  # fmt: skip
    mirrors: ClassVar[list[str]] = list(readers.MNIST.mirrors)
    _reader: ClassVar[type[_InFolders]] = _InFolders

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = bool(train)
        self._load(download)

    def _load(self, download: bool, **settings: Any) -> None:
        part = found(partial(self._reader, self.mirrors, self.root, train=self.train, **settings), download)
        self.data: Any = from_numpy(part.data)
        self.targets: Any = from_numpy(part.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        i = operator.index(index)
        return self._transformed(picture(_array(self.data)[i]), int(_array(self.targets)[i]))

    get_batch = at_once

    def __len__(self) -> int:
        return len(self.data)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    @property
    def raw_folder(self) -> str:
        """Where the files belong."""
        return os.path.join(self.root or "", self._reader.names[0], "raw")

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """Zalando's articles of clothing in MNIST's form (Xiao, Rasul, Vollgraf, 2017). Arguments as for `MNIST`."""

    classes = list(readers.FashionMNIST.labels)  # noqa: RUF012
    mirrors: ClassVar[list[str]] = list(readers.FashionMNIST.mirrors)
    _reader = _FashionMNIST


class KMNIST(MNIST):
    """Cursive Japanese characters in MNIST's form (Clanuwat et al., 2018). Arguments as for `MNIST`."""

    classes = list(readers.KMNIST.labels)  # noqa: RUF012
    mirrors: ClassVar[list[str]] = list(readers.KMNIST.mirrors)
    _reader = _KMNIST


class EMNIST(MNIST):
    """Letters and digits in MNIST's form (Cohen et al., 2017), the images transposed, as they lie in the files.

    Args:
        root: as for `MNIST`.
        split: "byclass", "bymerge", "balanced", "letters", "digits" or "mnist"; see `tinygrad_cnn.data.EMNIST`.
        kwargs: ``train``, ``transform``, ``target_transform`` and ``download``, as for `MNIST`. What is downloaded is
            one archive of 560 MB with all splits.
    """

    splits: ClassVar[tuple[str, ...]] = tuple(readers.EMNIST.splits)
    mirrors: ClassVar[list[str]] = list(readers.EMNIST.mirrors)
    _reader = _EMNIST

    def __init__(self, root: str | os.PathLike[str], split: str, **kwargs: Any) -> None:
        self.split = split
        super().__init__(root, **kwargs)

    def _load(self, download: bool, **settings: Any) -> None:
        super()._load(download, split=self.split, **settings)
        self.classes = list(readers.EMNIST.splits[self.split][0])


def _array(values: Any) -> Any:
    return values._array if isinstance(values, Tensor) else np.asarray(values)
