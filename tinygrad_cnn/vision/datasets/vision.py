"""What the datasets share: a root, the transforms of a sample, and how they look when printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ...data import Dataset

Transform = Callable[[Any], Any]


def found(reader: Callable[..., Any], download: bool) -> Any:
    """What a reader of `tinygrad_cnn.data` finds; a RuntimeError, as there, if it finds nothing."""
    try:
        return reader(download=download)
    except FileNotFoundError as error:
        more = "" if download else " Or let download=True fetch it."
        raise RuntimeError(f"{error}{more}") from None


class VisionDataset(Dataset[Any]):
    """The base of datasets of images: subclasses define ``__getitem__`` and ``__len__``.

    Args:
        root: the folder of the files; None if there are none.
        transforms: takes the image and the target, and returns both.
        transform: takes the image.
        target_transform: takes the target. Either ``transforms``, or any of these two.

    The three are attributes; a subclass applies them in its ``__getitem__``.
    """

    _repr_indent = 4

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError("Only transforms or transform/target_transform can be passed as argument, got both")
        for value in (transforms, transform, target_transform):
            if value is not None and not callable(value):
                raise TypeError(f"{type(self).__name__}: a transform must be callable, got {type(value).__name__}")
        self.transform, self.target_transform = transform, target_transform
        if transform is not None or target_transform is not None:
            transforms = StandardTransform(transform, target_transform)
        self.transforms = transforms

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__()")

    def _transformed(self, image: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def extra_repr(self) -> str:
        """More lines of the repr."""
        return ""

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if self.transforms is not None:
            body.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in body)])


class StandardTransform:
    """Two transforms as one: the image by the first, the target by the second, either of which may be None."""

    def __init__(self, transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.transform, self.target_transform = transform, target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        lines = [type(self).__name__]
        for head, transform in (("Transform: ", self.transform), ("Target transform: ", self.target_transform)):
            if transform is not None:
                lines.append(head + repr(transform).replace("\n", "\n" + " " * len(head)))
        return "\n".join(lines)
