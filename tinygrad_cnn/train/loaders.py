"""What users hand to a Trainer, as something that gives batches epoch after epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arrays.rng import Generator
from ..arrays.telling import described
from ..data.dataset import Dataset, IterableDataset, TensorDataset, random_split, targets_of
from ..data.loader import DataLoader
from ..tensors import Tensor

BATCH_SIZE = 64


def as_loader(data: Any, batch_size: int | None, shuffle: bool, name: str) -> Any:
    """A loader as it is; a DataLoader of a dataset, or of a tuple of arrays.

    Raises TypeError for anything else, ValueError for a batch size beside a loader, which has its own.
    """
    data = as_dataset(data)
    if isinstance(data, IterableDataset):
        return DataLoader(data, BATCH_SIZE if batch_size is None else batch_size)
    if is_dataset(data):
        if len(data) == 0:
            raise ValueError(f"{name}: the dataset is empty")
        return DataLoader(data, BATCH_SIZE if batch_size is None else batch_size, shuffle=shuffle)
    if not hasattr(data, "__iter__") or isinstance(data, (str, bytes, dict, type)):
        raise TypeError(
            f"{name}: expected a DataLoader, a dataset or a tuple of arrays (inputs, targets), got {described(data)}"
        )
    if hasattr(data, "__next__"):
        raise TypeError(
            f"{name}: got an iterator ({type(data).__name__}), which is used up after one epoch; pass the loader or "
            "the dataset it came from"
        )
    if batch_size is not None:
        raise ValueError(f"{name}: batch_size={batch_size} goes with a dataset or arrays; a loader has its own")
    return data


def as_dataset(data: Any) -> Any:
    """A tuple of arrays as a TensorDataset; everything else as it is."""
    arrays = isinstance(data, tuple) and data and all(isinstance(a, (np.ndarray, Tensor)) for a in data)
    return TensorDataset(*data) if arrays else data


def is_dataset(data: Any) -> bool:
    """Is it indexed by sample, rather than iterated over by batch? A list or tuple is taken as batches."""
    if isinstance(data, Dataset):
        return True
    indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    return indexed and not isinstance(data, (list, tuple, dict, str, bytes))


def split(data: Any, fraction: float, seed: int) -> tuple[Any, Any]:
    """A dataset in two at random, the second part of about ``fraction``; with classes in proportion where known.

    The seed alone decides, not the package's generator: a resumed run gets the same parts.
    """
    data = as_dataset(data)
    if not 0 < fraction < 1:
        raise ValueError(f"validation: a fraction lies between 0 and 1, got {fraction!r}")
    if not is_dataset(data):
        raise TypeError(
            f"validation={fraction} splits a dataset, but training has a {type(data).__name__}; pass its dataset, or "
            "split with random_split and pass a validation loader"
        )
    count = len(data)
    held = max(1, round(count * fraction))
    if held >= count:
        raise ValueError(f"validation={fraction} of {count} samples leaves nothing to train on")
    labels = targets_of(data)
    known = labels is not None and labels.shape == (count,) and labels.dtype.kind in "iub"
    train, validation = random_split(
        data, [count - held, held], generator=Generator(seed), stratify=labels if known else None
    )
    return train, validation


def parts_of(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """(inputs, targets) of a batch: the last of a sequence is the targets."""
    if not isinstance(batch, (list, tuple)) or len(batch) < 2:
        what = f"a {type(batch).__name__}" + (f" of {len(batch)}" if isinstance(batch, (list, tuple)) else "")
        raise TypeError(
            f"a batch must be (inputs, targets), or (inputs, ..., targets), got {what}; for others override "
            "Trainer.compute_loss"
        )
    *inputs, targets = batch
    return tuple(inputs), targets


def detached(outputs: Any) -> Any:
    """Tensors without their graph, however nested."""
    if isinstance(outputs, Tensor):
        return outputs.detach()
    if isinstance(outputs, (list, tuple)):
        return tuple(detached(y) for y in outputs)
    return outputs


def length(loader: Any) -> int | None:
    """The number of batches, where it is known."""
    try:
        return len(loader)
    except TypeError:
        return None


def joined(pieces: Iterable[Any]) -> Tensor:
    """Batches of outputs as one."""
    return Tensor(np.concatenate([y._array for y in pieces]))
