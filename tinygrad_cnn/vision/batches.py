"""A batch of a vision dataset in one go, where the numbers are those of its samples put together.

A dataset that holds all of its images as one array of bytes names `at_once` its ``get_batch``; the loader asks for that
at the start of each epoch (`tinygrad_cnn.data.Dataset`), and reads sample by sample where it is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensors import Tensor
from ..tensors.creation import from_numpy
from .transforms.composing import Compose
from .transforms.conversion import Normalize, ToTensor
from .transforms.functional.conversion import normalize

Read = Callable[[NDArray[np.int64]], tuple[NDArray[np.float32], NDArray[np.int64]]]


def read_at_once(dataset: Any) -> Read | None:
    """From indices (B,) to images float32 (B, C, H, W) and labels int64 (B,), as new arrays; or None.

    Of a dataset with ``data``, uint8 (N, H, W) or (N, H, W, 3), an array or a Tensor, and ``targets``, int64. None
    where that is not so, where ``target_transform`` is set, and where ``transform`` is anything but ``ToTensor()``,
    ``Compose([ToTensor()])`` or ``Compose([ToTensor(), Normalize(...)])``: those very classes, with nothing added.
    """
    steps = _steps(dataset.transform)
    if steps is None or dataset.target_transform is not None:
        return None
    pixels, labels = _array(dataset.data), _array(dataset.targets)
    if pixels.dtype != np.uint8 or pixels.ndim < 3 or pixels.shape[3:] not in ((), (3,)):
        return None
    if labels.dtype != np.int64 or labels.ndim != 1:
        return None

    def read(indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        chosen = pixels[indices]
        chosen = chosen[:, None] if chosen.ndim == 3 else chosen.transpose(0, 3, 1, 2)  # (B, C, H, W)
        images = np.divide(chosen, np.float32(255), dtype=np.float32, order="C")
        for step in steps:
            normalize(from_numpy(images), step.mean, step.std, inplace=True)
        return images, labels[indices]

    return read


at_once = property(read_at_once, doc=read_at_once.__doc__)


def _array(data: Any) -> NDArray[Any]:
    return data._array if isinstance(data, Tensor) else np.asarray(data)


def _steps(transform: Any) -> Sequence[Normalize] | None:
    """What follows `ToTensor`: nothing or one `Normalize`; None for transforms that are not read at once."""
    steps: list[Any] = list(transform.transforms) if type(transform) is Compose else [transform]
    if not steps or type(steps[0]) is not ToTensor or len(steps) > 2:
        return None
    rest = steps[1:]
    return rest if all(_is_plain(step) for step in rest) else None


def _is_plain(step: Any) -> bool:
    """A `Normalize` that nobody gave hooks or a forward of its own."""
    return type(step) is Normalize and vars(step).keys() == vars(Normalize((0.0,), (1.0,))).keys()
