"""What flows through a network: mean, spread and zeros of each layer's output, and the units that never fire."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..nn.module import Module
from ..tensors import Tensor
from . import probing, style
from .layers import name_of, no_output
from .outputs import Output, Outputs
from .watching import watched_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
_BLOCK = 1 << 18  # values that are summed at once


@dataclass(frozen=True)
class LayerActivations:
    """The output of one layer over a data set. A unit is a channel (N, C, H, W) or a feature (N, F), (N, T, F).

    NaN and infinite values are counted, and left out of all other numbers.
    """

    name: str  # as `layers_of` lists it; "conv_1" is the second call of "conv"
    type: str  # of the module, or the function's name
    shape: tuple[int, ...]  # of one sample's output
    samples: int
    mean: float
    std: float  # over all values, divided by their number
    zeros: float  # share of exact zeros, in [0, 1]
    unit_mean: Array  # (C,)
    unit_std: Array  # (C,)
    unit_zeros: Array  # (C,), shares
    axis: int = 1  # of the output, along which its units lie
    nans: int = 0
    infs: int = 0

    @property
    def dead(self) -> Array:
        """The units that were zero everywhere, for every sample: their places, (M,)."""
        return np.flatnonzero(self.unit_zeros == 1)

    @property
    def label(self) -> str:
        """The name and the type; the name alone where it says what it is."""
        last = self.name.rpartition(".")[2]
        return self.name if last.startswith(self.type) else f"{self.name} {self.type}".strip()

    @property
    def not_finite(self) -> str:
        """What there is besides numbers, "3 NaN, 1 infinite of 1,200"; nothing where all is finite."""
        return style.not_finite(self.nans, self.infs, self.samples * math.prod(self.shape))


class _Sums:
    """Running moments of each unit (Chan, Golub and LeVeque, 1983)."""

    def __init__(self, output: Output) -> None:
        self.name, self.type, self.shape, self.axis = output.name, output.type, output.shape[1:], output.axis
        units = output.shape[output.axis]
        self.samples, self.nans, self.infs = 0, 0, 0
        self.size, self.count, self.zeros = 0, np.zeros(units, np.int64), np.zeros(units, np.int64)
        self.mean, self.squares = np.zeros(units), np.zeros(units)

    def add(self, y: Array) -> None:
        units = np.moveaxis(y, self.axis, 0)  # (C, N, ...), in whatever order it lies in memory
        size = y.size // len(units)
        at_once = max(1, _BLOCK // size)  # no float64 copy of a whole batch
        for start in range(0, len(units), at_once):
            self._add(slice(start, start + at_once), units[start : start + at_once].astype(np.float64))
        self.size, self.samples = self.size + size, self.samples + len(y)

    def _add(self, part: slice, values: Array) -> None:
        """What some of the units, (c, N, ...), have given."""
        others = tuple(range(1, values.ndim))
        zeros = values[0].size - np.count_nonzero(values, axis=others)  # (c,)
        finite = np.isfinite(values)
        count = np.count_nonzero(finite, axis=others)  # (c,)
        if count.sum() < values.size:
            nans = int(np.isnan(values).sum())
            self.nans, self.infs = self.nans + nans, self.infs + int(values.size - count.sum()) - nans
            values = np.where(finite, values, 0)
        mean = values.sum(axis=others) / np.maximum(count, 1)  # (c,)
        values = values - np.expand_dims(mean, others)
        values *= finite
        squares = np.square(values, out=values).sum(axis=others)  # (c,)
        step, before, total = mean - self.mean[part], self.count[part], self.count[part] + count
        share = count / np.maximum(total, 1)
        self.squares[part] += squares + step**2 * (before * share)
        self.mean[part] += step * share
        self.zeros[part] += zeros
        self.count[part] = total

    def result(self) -> LayerActivations:
        known = self.count.sum() or np.nan  # what there is no number of has no mean
        mean = float((self.count * self.mean).sum() / known)
        std = float(np.sqrt((self.squares + self.count * (self.mean - mean) ** 2).sum() / known))
        zeros = float(self.zeros.sum() / (self.size * len(self.count)))
        count = np.where(self.count, self.count, np.nan)
        return LayerActivations(
            self.name, self.type, self.shape, self.samples, mean, std, zeros, self.mean + 0 * count,
            np.sqrt(self.squares / count), self.zeros / self.size, self.axis, self.nans, self.infs,
        )  # fmt: skip


def activation_statistics(
    model: Module, data: Any, *, layers: Sequence[Any] | None = None, batch_size: int | None = None
) -> list[LayerActivations]:
    """Mean, standard deviation and share of zeros of each layer's output over a data set, whole and unit by unit.

    In evaluation mode, batch by batch; nothing but sums is kept, and the model is left as it was.

    Args:
        model: any Module.
        data: a DataLoader, a dataset, a tuple of arrays, or an array of inputs; the last part of a batch of two or
            more is taken as the targets, and left out.
        layers: modules of the model, or names that `layers_of` lists; by default all of these: each layer, and each
            function called between layers (``F.relu`` counts as ``nn.ReLU``), but for those that only hand on what they
            get (reshape, Dropout in evaluation mode).
        batch_size: for datasets and arrays (256); a loader has its own.

    Returns:
        One entry a layer and call, in the order of the calls. Units lie along the second dimension, (N, C, H, W); along
        the last one of what comes from linear layers, embeddings and layer-norms, (N, T, F), also after a relu, a sum
        or a permute: a unit of a transformer is a feature, not a place in the sequence. A three-dimensional input that
        no such layer has seen is taken for (N, C, L).

    Raises:
        TypeError, ValueError: no data, no such layer. RuntimeError: a module that is not called.
    """
    name = "activation_statistics"
    probing.check_model(model, name)
    chosen = None
    if layers is not None:
        if isinstance(layers, (str, Module)):
            raise TypeError(f"{name}: layers must be a list of names or modules, got {type(layers).__name__}")
        chosen = {name_of(model, layer, name) for layer in layers}
    sums: dict[str, _Sums] = {}

    def add(output: Output) -> None:
        if len(output.shape) > 1 and output.kept.size:
            sums.setdefault(output.name, _Sums(output)).add(output.kept)

    def keep(_: str, y: Tensor) -> tuple[Array, Tensor]:
        return y._array.copy(order="K"), y  # what comes next may work in place

    watch = None
    with probing.at_rest(model):
        for inputs, _ in probing.inputs_of(data, batch_size, name):
            watch = Outputs(model, inputs, add, keep, None if chosen is None else chosen.__contains__)
            with watched_by(watch):
                model(*inputs)
    for layer in chosen or ():
        if watch is not None and layer not in sums:
            raise no_output(model, watch, layer, name, "Tensor of two or more dimensions")
    if not sums:
        raise ValueError(f"{name}: no layer gave an output to look at; was there any data?")
    return [s.result() for s in sums.values()]


def plot_activations(statistics: Sequence[LayerActivations], *, ax: Any = None) -> Figure:
    """Two panels, a line for each layer: mean ± standard deviation; and how often its units are zero.

    On the right the bar is the layer's share of zeros, each dot a unit (a channel, a feature), and a cross a dead one:
    zero for every sample. NaN and infinite values, which are in no mean, are said by number.

    Args:
        statistics: what `activation_statistics` gives.
        ax: two Axes to draw on.

    Raises:
        TypeError, ValueError: no such statistics.
    """
    name = "plot_activations"
    layers = list(statistics)
    if not layers or not all(isinstance(layer, LayerActivations) for layer in layers):
        raise TypeError(f"{name}: expected what activation_statistics gives, got {statistics!r:.80}")
    height = 1.2 + 0.36 * len(layers)
    left, right = style.panels(ax, 2, (4.6, height), 2, name)
    rows = np.arange(len(layers))
    names = [style.plain(layer.label) for layer in layers]
    left.axvline(0, color="grey", linewidth=1)
    left.errorbar(
        [layer.mean for layer in layers], rows, xerr=[layer.std for layer in layers],
        fmt="o", color=style.BLUE, capsize=3, linewidth=1.6, markersize=5,
    )  # fmt: skip
    for row, layer in zip(rows, layers, strict=True):
        if layer.not_finite:
            left.text(
                0.99, float(row), layer.not_finite, transform=left.get_yaxis_transform(), ha="right", va="center",
                color=style.VERMILION, fontweight="bold", fontsize="small",
            )  # fmt: skip
    style.title(left, "activations: mean ± std")
    left.set_xlabel("value")
    _draw_zeros(right, layers, rows)
    for one, labels in ((left, names), (right, names if ax is not None else [""] * len(rows))):
        one.set_yticks(rows, labels)
        one.set_ylim(len(layers) - 0.4, -0.6)
        one.tick_params(axis="y", length=0)
        style.grid(one, "x")
    return style.figure_of(left)


def _draw_zeros(ax: Axes, layers: list[LayerActivations], rows: Array) -> None:
    ax.barh(rows, [layer.zeros for layer in layers], height=0.62, color=style.SKY, alpha=0.55)
    for row, layer in zip(rows, layers, strict=True):
        share = layer.unit_zeros
        if not (share > 0).any():
            continue
        order = np.argsort(np.argsort(share, kind="stable"), kind="stable")
        spread = 0.25 * (2 * (order * 0.618034 % 1) - 1)  # dots side by side, the same in every drawing
        alive = share < 1
        ax.scatter(
            share[alive], row + spread[alive], s=16, color=ax.xaxis.label.get_color(), alpha=0.6, linewidth=0, zorder=3
        )
        if len(layer.dead):
            ax.plot([1], [row], "X", color=style.VERMILION, markersize=9, clip_on=False, zorder=4)
            text = f"{len(layer.dead)} of {len(share)} dead"
            ax.annotate(text, (1.035, row), xycoords=("axes fraction", "data"), va="center", fontsize="small")
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:g} %")
    style.title(ax, "zeros")
    ax.set_xlabel("share of the values that are zero\n(bar: the layer; dots: its units; cross: dead ones)")
