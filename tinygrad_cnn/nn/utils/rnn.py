"""Sequences of different lengths: padded into one tensor, or packed without padding, and back."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.graph import array_of
from ...ops.index import cut
from ...ops.joining import stack
from ...ops.lookup import index_copy, index_select
from ...ops.padding import pad
from ...ops.shape import _reshape, transpose
from ...ops.watched import aside, reading
from ...tensors import Tensor


class _Packed(typing.NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences without padding: all first steps, longest sequence first, then all second steps, ...

    Made by `pack_padded_sequence` and `pack_sequence`, taken by `nn.RNN`, `nn.LSTM` and `nn.GRU`.

    ``data`` is (sum of the lengths, ...); ``batch_sizes`` says how many sequences still go on at each step;
    ``sorted_indices`` is where each packed sequence stood in the batch, ``unsorted_indices`` where it went, both None
    where the batch was sorted by length already.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if sorted_indices is not None and unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences, their data converted as by `Tensor.to`."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def float(self) -> PackedSequence:
        """The same sequences in float32."""
        return self.to(np.float32)

    def double(self) -> PackedSequence:
        """The same sequences in float64."""
        return self.to(np.float64)

    def cpu(self) -> PackedSequence:
        """Itself: everything is on the CPU."""
        return self

    @property
    def is_cuda(self) -> bool:
        """No: everything is on the CPU."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another one; None undoes None."""
    if permutation is None:
        return None
    return Tensor(aside(_inverse, permutation))


def _inverse(order: Any) -> Any:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(order.size)
    return inverse


def _lengths(lengths: Any, batch: int, longest: int, name: str) -> Any:
    """The lengths as an array of integers, checked."""
    n = np.asarray(array_of(reading(lengths, f"{name}()")))
    if n.ndim != 1 or n.size != batch:
        raise RuntimeError(
            f"{name}: lengths must be {batch} numbers, one for each sequence of the batch, got shape {n.shape}"
        )
    if n.dtype.kind not in "iu":
        raise TypeError(f"{name}: lengths must be integers, got dtype {n.dtype}")
    if n.size and (n.min() < 1 or n.max() > longest):
        raise RuntimeError(
            f"{name}: lengths must lie between 1 and {longest}, the steps of the input, got {n.min()} to {n.max()}"
        )
    return n.astype(np.int64)


def _time_first(x: Any, batch_first: bool, name: str) -> Any:
    if not isinstance(x, Tensor) or x.ndim < 2:
        got = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise RuntimeError(f"{name}: expected a Tensor of (steps, batch, ...), or (batch, steps, ...), got {got}")
    return transpose(x, 0, 1) if batch_first else x


def _rows(batch_sizes: Any, batch: int) -> Any:
    """Where each packed row stands in (steps * batch, ...)."""
    return np.concatenate([t * batch + np.arange(n) for t, n in enumerate(batch_sizes)])


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Take the padding out of a batch of sequences.

    Args:
        input: (steps, batch, ...), or (batch, steps, ...) with ``batch_first``.
        lengths: how long each sequence is: integers, as a tensor or a list.
        enforce_sorted: is it an error if they are not sorted, longest first? Otherwise they are sorted here.

    Raises:
        RuntimeError: lengths that do not fit the batch, or are not sorted though ``enforce_sorted``.
    """
    name = "pack_padded_sequence"
    x = _time_first(input, batch_first, name)
    steps, batch = x.shape[:2]
    n = _lengths(lengths, batch, steps, name)
    if not n.size:
        raise RuntimeError(f"{name}: cannot pack an empty batch")
    order = None
    if not enforce_sorted:
        order = np.argsort(-n, kind="stable")
        n, x = n[order], index_select(x, 1, order)
    elif (np.diff(n) > 0).any():
        raise RuntimeError(
            f"{name}: lengths must not grow from one sequence to the next, got {n.tolist()}; pass enforce_sorted=False "
            "to have them sorted"
        )
    sizes = (n[:, None] > np.arange(n[0])).sum(0)
    data = index_select(_reshape(x, shape=(steps * batch, *x.shape[2:])), 0, _rows(sizes, batch))
    indices = None if order is None else Tensor(order)
    return PackedSequence(data, Tensor(sizes.astype(np.int64)), indices)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Put the padding back, and the sequences into their old order: the inverse of `pack_padded_sequence`.

    Args:
        sequence: packed sequences.
        batch_first: give (batch, steps, ...) instead of (steps, batch, ...).
        padding_value: what follows the shorter ones.
        total_length: how many steps there shall be; as many as the longest has by default.

    Returns:
        The padded batch and the lengths.

    Raises:
        ValueError: ``total_length`` is less than the longest has.
    """
    name = "pad_packed_sequence"
    if not isinstance(sequence, PackedSequence):
        raise TypeError(f"{name}: expected a PackedSequence, got {type(sequence).__name__}")
    sizes = array_of(reading(sequence.batch_sizes, f"{name}()"))
    steps, batch = len(sizes), int(sizes[0])
    if total_length is not None and total_length < steps:
        raise ValueError(f"{name}: total_length={total_length} is less than the {steps} steps of the longest sequence")
    steps = steps if total_length is None else total_length
    data = sequence.data
    shape = (steps * batch, *data.shape[1:])
    y = index_copy(Tensor(np.full(shape, padding_value, data.dtype)), 0, _rows(sizes, batch), data)
    y = _reshape(y, shape=(steps, batch, *data.shape[1:]))
    lengths = (np.arange(batch)[:, None] < sizes).sum(1)
    if sequence.unsorted_indices is not None:
        back = array_of(sequence.unsorted_indices)
        y, lengths = index_select(y, 1, back), lengths[back]
    return (transpose(y, 0, 1) if batch_first else y), Tensor(lengths.astype(np.int64))


def _listed(sequences: Any, name: str) -> list[Tensor]:
    xs = list(sequences) if isinstance(sequences, (list, tuple, Tensor)) else None
    if not xs or not all(isinstance(x, Tensor) for x in xs):
        raise RuntimeError(f"{name}: expected a list of one Tensor or more, got {type(sequences).__name__}")
    if any(not x.ndim or x.shape[1:] != xs[0].shape[1:] for x in xs):
        raise RuntimeError(
            f"{name}: sequences may differ in their first dimension alone, got shapes "
            f"{', '.join(str(tuple(x.shape)) for x in xs)}"
        )
    return xs


def pad_sequence(
    sequences: Tensor | Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (length, ...) as one tensor (steps, batch, ...), or (batch, steps, ...) with ``batch_first``.

    Args:
        sequences: one or more; their lengths may differ.
        padding_value: what fills up the shorter ones.
        padding_side: where they are filled up, "right" or "left".

    >>> from tinygrad_cnn import ones, zeros
    >>> pad_sequence([ones(2), zeros(3)], batch_first=True, padding_value=5.0).tolist()
    [[1.0, 1.0, 5.0], [0.0, 0.0, 0.0]]
    """
    name = "pad_sequence"
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"{name}: padding_side must be 'right' or 'left', got {padding_side!r}")
    xs = _listed(sequences, name)
    steps = max(x.shape[0] for x in xs)
    padded = []
    for x in xs:
        missing = steps - x.shape[0]
        sides = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(pad(x, [0, 0] * (x.ndim - 1) + [*sides], value=padding_value) if missing else x)
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch, each (length, ...): the inverse of `pad_sequence`."""
    name = "unpad_sequence"
    x = _time_first(padded_sequences, batch_first, name)
    n = _lengths(lengths, x.shape[1], x.shape[0], name)
    return [cut(x[:, i], 0, 0, int(length)) for i, length in enumerate(n)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (length, ...) that have not been padded; see `pack_padded_sequence`."""
    xs = _listed(sequences, "pack_sequence")
    return pack_padded_sequence(pad_sequence(xs), [x.shape[0] for x in xs], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences (length, ...) of a packed batch: the inverse of `pack_sequence`."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences))
