"""Samples in folders, one folder for each class."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from ...data.pictures import read_picture
from ..imaging import pillow
from .vision import Transform, VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

Samples = list[tuple[str, int]]


def default_loader(path: str) -> Any:
    """The picture in a file, as RGB. Raises ValueError with its path for one that is damaged, or no picture."""
    return read_picture(pillow(), path, "RGB")


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Does a name end as one of those, in small letters or capitals?"""
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Does a name end as pictures do?"""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """The folders in a folder, sorted: classes, and the label of each."""
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"there is no folder {os.fspath(directory)!r}")
    with os.scandir(directory) as entries:
        classes = sorted(entry.name for entry in entries if entry.is_dir())
    if not classes:
        raise FileNotFoundError(
            f"Couldn't find any class folder in {os.fspath(directory)}: the images of each class belong into a folder "
            "of its name"
        )
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike[str],
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> Samples:
    """(path, label) of all files below the folder of each class, sorted, links to folders followed.

    Args:
        directory: holds the folders of the classes.
        class_to_idx: the label of each class; as `find_classes` if None.
        extensions: how the names of samples end; either this, or
        is_valid_file: takes a path: is it a sample?
        allow_empty: may a class have no samples?

    Raises:
        FileNotFoundError: a class without samples.
        ValueError: both or neither of extensions and is_valid_file, or no class.
    """
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    is_sample = is_valid_file or functools.partial(has_file_allowed_extension, extensions=extensions or ())
    samples: Samples = []
    empty = []
    for name in sorted(class_to_idx):
        before = len(samples)
        for folder, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=True)):
            paths = (os.path.join(folder, file) for file in sorted(files))
            samples += [(path, class_to_idx[name]) for path in paths if is_sample(path)]
        if len(samples) == before:
            empty.append(name)
    if empty and not allow_empty:
        known = "" if extensions is None else f" Supported extensions are: {_listed(extensions)}"
        raise FileNotFoundError(f"Found no valid file for the classes {', '.join(empty)} in {directory}.{known}")
    return samples


def _listed(extensions: str | tuple[str, ...]) -> str:
    return extensions if isinstance(extensions, str) else ", ".join(extensions)


class DatasetFolder(VisionDataset):
    """Samples of any kind, ``root/class/.../file``.

    Args:
        root: holds a folder for each class.
        loader: takes a path and returns the sample.
        extensions: how the names of samples end, such as (".npy",); either this, or ``is_valid_file``.
        transform, target_transform: take the sample, and the label.
        is_valid_file: takes a path: is it a sample?
        allow_empty: may a class have no samples?

    Attributes: ``classes``, sorted; ``class_to_idx``; ``samples``, a list of (path, label); ``targets``, the labels.

    Raises:
        FileNotFoundError: no such folder, no folder in it, or a class without samples.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: str | tuple[str, ...] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes, self.class_to_idx = self.find_classes(self.root)  # type: ignore[arg-type]
        self.loader, self.extensions = loader, extensions
        self.samples = self.make_dataset(self.root, self.class_to_idx, extensions, is_valid_file, allow_empty)  # type: ignore[arg-type]
        self.targets = [label for _, label in self.samples]

    def find_classes(self, directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """The classes and their labels; a subclass may find them otherwise."""
        return find_classes(directory)

    @staticmethod
    def make_dataset(
        directory: str | os.PathLike[str],
        class_to_idx: dict[str, int],
        extensions: str | tuple[str, ...] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> Samples:
        """(path, label) of all samples; a subclass may find them otherwise."""
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Pictures, ``root/cat/1.png``; arguments and attributes as those of `DatasetFolder`, and ``imgs``, the samples.

    A sample is a picture of Pillow's in RGB, unless ``loader`` says otherwise.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
