"""What flows through a network: mean, spread and zeros of each layer's output, and the units that never fire."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..nn import AlphaDropout, Dropout, Dropout1d, Dropout2d, Flatten, Identity, Module, Unflatten
from ..tensors import Tensor
from . import probing, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]


_HAND_ON = (AlphaDropout, Dropout, Dropout1d, Dropout2d, Flatten, Identity, Unflatten)  # in evaluation mode


@dataclass(frozen=True)
class LayerActivations:
    """The output of one layer over a data set. A unit is a channel (N, C, H, W) or a feature (N, F)."""

    name: str  # qualified; " (2)" after it for a second call in one forward pass
    type: str
    shape: tuple[int, ...]  # of one sample's output
    samples: int
    mean: float
    std: float  # over all values, divided by their number
    zeros: float  # share of exact zeros, in [0, 1]
    unit_mean: Array  # (C,)
    unit_std: Array  # (C,)
    unit_zeros: Array  # (C,), shares

    @property
    def dead(self) -> Array:
        """The units that were zero everywhere, for every sample: their places, (M,)."""
        return np.flatnonzero(self.unit_zeros == 1)


class _Sums:
    """Running moments of each unit (Chan, Golub and LeVeque, 1983)."""

    def __init__(self, kind: str, shape: tuple[int, ...]) -> None:
        self.type, self.shape = kind, shape
        units = shape[0] if shape else 1
        self.samples, self.count = 0, 0
        self.mean, self.squares, self.zeros = np.zeros(units), np.zeros(units), np.zeros(units, np.int64)

    def add(self, y: Array) -> None:
        values = y.reshape(len(y), len(self.mean), -1)  # (N, C, pixels)
        count = values.shape[0] * values.shape[2]
        mean = values.mean(axis=(0, 2), dtype=np.float64)  # (C,)
        squares = np.zeros_like(mean)
        for sample in values:  # no float64 copy of a whole batch
            squares += ((sample - mean[:, None]) ** 2).sum(axis=1)
        step, total = mean - self.mean, self.count + count
        self.squares += squares + step**2 * (self.count * count / total)
        self.mean += step * (count / total)
        self.zeros += values.shape[0] * values.shape[2] - np.count_nonzero(values, axis=(0, 2))
        self.count, self.samples = total, self.samples + len(y)

    def result(self, name: str) -> LayerActivations:
        mean = float(self.mean.mean())
        std = float(np.sqrt(np.mean(self.squares / self.count + (self.mean - mean) ** 2)))
        zeros = self.zeros / self.count
        return LayerActivations(
            name, self.type, self.shape, self.samples, mean, std, float(zeros.mean()),
            self.mean, np.sqrt(self.squares / self.count), zeros,
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
        layers: modules of the model or their names; by default all that have no children, but for those that only
            hand on what they get (Flatten, Dropout in evaluation mode).
        batch_size: for datasets and arrays (256); a loader has its own.

    Returns:
        One entry a layer, in the order of the calls.

    Raises:
        TypeError, ValueError: no data, no such layer.
    """
    name = "activation_statistics"
    probing.check_model(model, name)
    if layers is None:
        chosen = {
            path: module
            for path, module in model.named_modules()
            if next(module.children(), None) is None and not isinstance(module, _HAND_ON)
        }
    else:
        if isinstance(layers, (str, Module)):
            raise TypeError(f"{name}: layers must be a list of names or modules, got {type(layers).__name__}")
        chosen = dict(probing.layer_of(model, layer, name) for layer in layers)
    sums: dict[str, _Sums] = {}
    calls: dict[str, int] = {}

    def watch(path: str) -> Any:
        def add(module: Module, _args: Any, output: Any) -> None:
            if not isinstance(output, Tensor) or output.ndim < 2 or not output._array.size:
                return
            calls[path] = calls.get(path, 0) + 1
            key = path if calls[path] == 1 else f"{path} ({calls[path]})"
            if key not in sums:
                sums[key] = _Sums(type(module).__name__, tuple(output.shape[1:]))
            sums[key].add(output._array)

        return add

    with probing.at_rest(model), ExitStack() as hooks:
        for path, module in chosen.items():
            hooks.enter_context(module.register_forward_hook(watch(path)))
        for inputs, _ in probing.inputs_of(data, batch_size, name):
            calls.clear()
            model(*inputs)
    if not sums:
        raise ValueError(f"{name}: no layer gave an output to look at; was there any data?")
    return [s.result(key) for key, s in sums.items()]


def plot_activations(statistics: Sequence[LayerActivations], *, ax: Any = None) -> Figure:
    """Two panels, a line for each layer: mean ± standard deviation; and how often its units are zero.

    On the right the bar is the layer's share of zeros, each dot a unit (a channel, a feature), and a cross a dead one:
    zero for every sample.

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
    names = [style.plain(f"{layer.name} {layer.type}".strip()) for layer in layers]
    left.axvline(0, color="grey", linewidth=1)
    left.errorbar(
        [layer.mean for layer in layers], rows, xerr=[layer.std for layer in layers],
        fmt="o", color=style.BLUE, capsize=3, linewidth=1.6, markersize=5,
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
