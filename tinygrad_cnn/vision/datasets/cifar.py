"""CIFAR-10 and CIFAR-100, over the readers of `tinygrad_cnn.data`."""

from __future__ import annotations

import operator
import os
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ... import data as readers
from ..imaging import picture
from .vision import Transform, VisionDataset, found


class _CIFAR10(readers.CIFAR10):
    _hint = ""

    def __init__(self, url: str, *args: Any, **kwargs: Any) -> None:
        self.mirrors = (url.removesuffix(self.archive),)
        super().__init__(*args, **kwargs)


class _CIFAR100(_CIFAR10, readers.CIFAR100): ...


class CIFAR10(VisionDataset):
    """Small colour photographs of ten kinds of things, 32x32: 50,000 to train on, 10,000 to test (Krizhevsky, 2009).

    Args:
        root: has, or gets, the archive ``cifar-10-python.tar.gz``, or has the folder ``cifar-10-batches-py`` from it.
        train: the part to train on, or that to test.
        transform: takes the image, an RGB picture of Pillow's.
        target_transform: takes the label, an int.
        download: fetch the archive if it is nowhere. It is also looked for where `tinygrad_cnn.data.CIFAR10` looks: in
            the folder that TINYGRAD_CNN_DATA names, and in the user's cache.

    Attributes: ``data``, a uint8 array (N, 32, 32, 3); ``targets``, a list of ints; ``train``, ``classes``,
    ``class_to_idx``; of the class, ``base_folder``, ``filename`` and ``url``.

    Raises:
        RuntimeError: no files, listing every place and what was wrong with it.
        ValueError: files in ``root`` that are corrupt, or not the published ones by their digests.
        ImportError: at the first sample, without Pillow.
    """

    base_folder: ClassVar[str] = readers.CIFAR10.folder
    filename: ClassVar[str] = readers.CIFAR10.archive
    url: ClassVar[str] = readers.CIFAR10.mirrors[0] + readers.CIFAR10.archive
    _reader: ClassVar[type[_CIFAR10]] = _CIFAR10

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
        part = found(partial(self._reader, self.url, self.root, self.train), download)
        self.data: Any = np.ascontiguousarray(part.data.transpose(0, 2, 3, 1))  # (N, 32, 32, 3)
        self.targets: Any = part.targets.tolist()
        self.classes = list(part.classes)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        i = operator.index(index)
        return self._transformed(picture(self.data[i]), self.targets[i])

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """As `CIFAR10`, of a hundred kinds of things, with 500 images of each to train on and 100 to test."""

    base_folder = readers.CIFAR100.folder
    filename = readers.CIFAR100.archive
    url = readers.CIFAR100.mirrors[0] + readers.CIFAR100.archive
    _reader = _CIFAR100
