"""A guard rail of `Trainer.fit`: validation data that is training data, so that nothing is validated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.guarding import rails, say
from ..data.dataset import ConcatDataset, Subset, TensorDataset, as_array
from ..data.sampler import RandomSampler, SequentialSampler, SubsetRandomSampler

_ROWS = 32  # validation samples that are looked for among the training samples, where these are other arrays
_WORK: Any = 100_000  # of NumPy's search for a common byte, which can be long for strides that do not fit
Indices = NDArray[np.int64]


def check_apart(train: Any, validation: Any) -> None:
    """Look whether two loaders, about to be used for training and validation, read the same samples."""
    if not rails.on:
        return
    if train is validation:
        _say("the very same loader is given for both")
        return
    for base, indices in _parts(train):
        for other, others in _parts(validation):
            if found := _common(base, indices, other, others):
                _say(found)
                return


def _parts(loader: Any) -> Iterator[tuple[Any, Indices | None]]:
    """Which samples of which datasets a loader reads, None for all of one. Nothing, where that is unknown."""
    dataset, sampler = getattr(loader, "dataset", loader), getattr(loader, "sampler", None)
    if sampler is None and hasattr(loader, "batch_sampler"):
        sampler = getattr(loader.batch_sampler, "sampler", None)
    if isinstance(sampler, SubsetRandomSampler):
        n = len(dataset)
        return _within(dataset, np.where(sampler.indices < 0, sampler.indices + n, sampler.indices))
    whole = sampler is None or isinstance(sampler, (RandomSampler, SequentialSampler))
    return _within(dataset, None) if whole else iter(())


def _within(dataset: Any, indices: Indices | None) -> Iterator[tuple[Any, Indices | None]]:
    """The same, as parts of what is neither a subset nor a concatenation."""
    if type(dataset) is Subset:
        yield from _within(dataset.dataset, dataset.indices if indices is None else dataset.indices[indices])
    elif type(dataset) is ConcatDataset:
        start = 0
        for part, stop in zip(dataset.datasets, dataset.cumulative_sizes, strict=True):
            here = None if indices is None else indices[(indices >= start) & (indices < stop)] - start
            yield from _within(part, here)
            start = stop
    else:
        yield dataset, indices


def _common(a: Any, indices: Indices | None, b: Any, others: Indices | None) -> str:
    """What two parts have in common, in words; "" for nothing, or nothing that can be told."""
    x, y = _arrays(a), _arrays(b)
    if a is b or (x and _equal(a, x, b, y)):
        n = len(a) if hasattr(a, "__len__") else 0
        if indices is None and others is None:
            return "both read the same samples"
        seen = np.zeros(n, bool)
        seen[slice(None) if indices is None else indices] = True
        count = int(np.count_nonzero(seen[slice(None) if others is None else np.unique(others)]))
        return f"{count} samples of {n if others is None else len(others)} are in both" if count else ""
    if not x or not y or indices is not None or others is not None:
        return ""
    try:
        if np.shares_memory(x[0], y[0], max_work=_WORK):
            return "both read the same memory, as two slices that overlap do"
    except np.exceptions.TooHardError:
        pass
    return _found(x, y)


def _arrays(dataset: Any) -> tuple[Any, ...]:
    """The arrays that a dataset holds, inputs first; none, where it is not known to."""
    if isinstance(dataset, TensorDataset):
        return tuple(as_array(t) for t in dataset.tensors)
    if not hasattr(dataset, "__len__"):
        return ()
    of_a_kind = _known(dataset) or getattr(dataset, "__dict__", {}).values()
    found = [a for a in of_a_kind if not isinstance(a, (str, bytes)) and hasattr(a, "__len__")]
    arrays = [as_array(a) for a in found if not isinstance(a, (list, tuple, dict))]
    return tuple(a for a in arrays if a is not None and a.ndim and len(a) == len(dataset))


def _known(dataset: Any) -> list[Any]:
    """Its arrays under the usual names."""
    usual = [getattr(dataset, name, None) for name in ("images", "data", "labels", "targets", "tensors")]
    return [a for a in usual if a is not None]


def _equal(a: Any, x: tuple[Any, ...], b: Any, y: tuple[Any, ...]) -> bool:
    """Two datasets of one kind that hold the same: one that was read twice, with other transforms for example."""
    alike = (
        type(a) is type(b)
        and _settings(a) == _settings(b)
        and len(x) == len(y)
        and all(p.shape == q.shape for p, q in zip(x, y, strict=True))
    )
    return alike and all(p is q or np.array_equal(p, q) for p, q in zip(x, y, strict=True))


def _settings(dataset: Any) -> dict[str, Any]:
    """What else a dataset of the user's own is told: a seed, or which fold it is."""
    if _known(dataset):
        return {}
    return {k: v for k, v in vars(dataset).items() if isinstance(v, (int, float, str, bytes, type(None)))}


def _found(x: tuple[Any, ...], y: tuple[Any, ...]) -> str:
    """Are the rows of y among those of x? Only for rows that are hardly ever equal by chance."""
    if len(x) != len(y) or any(p.shape[1:] != q.shape[1:] for p, q in zip(x, y, strict=True)) or len(y[0]) < 8:
        return ""
    rows, wanted = x[0].reshape(len(x[0]), -1), y[0].reshape(len(y[0]), -1)  # (N, features)
    wanted = wanted[:: -(-len(wanted) // _ROWS)]
    rare = rows.shape[1] >= 64 or (wanted.dtype.kind == "f" and bool((wanted != np.floor(wanted)).any(axis=1).all()))
    if not rare or len(np.unique(wanted, axis=0)) < len(wanted):
        return ""
    spread = np.argsort(-wanted.std(axis=0, dtype=np.float64))[:3]  # columns that tell rows apart
    columns = [np.ascontiguousarray(rows[:, k]) for k in spread]
    for row in wanted:
        near = np.logical_and.reduce([column == row[k] for column, k in zip(columns, spread, strict=True)])
        if not (rows[near] == row).all(axis=1).any():
            return ""
    return f"all of {len(wanted)} validation samples that were looked for are among the training samples"


def _say(what: str) -> None:
    say(
        "validation-is-training",
        f"validation data is training data: {what}. Its loss and accuracy then tell how well the net remembers, not "
        "how well it does on what it has never seen. Keep samples apart: fit(train, epochs, validation=0.1), or "
        "random_split; how well the net knows what it has seen is told by trainer.evaluate(train)",
    )
