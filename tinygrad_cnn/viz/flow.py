"""How far gradients come: their size in each layer, the step they lead to, and the layers where they die or burst."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..autograd.modes import enable_grad
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..optim.optimizer import Optimizer
from ..tensors import Tensor
from . import probing, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
FAR = 100.0  # times the median, or that part of it
_USUAL_STEP = 1e-3  # of a weight, by a rule of thumb: much less learns slowly, much more is rough


@dataclass(frozen=True)
class LayerGradients:
    """The gradients of the parameters that one module owns itself, taken together."""

    name: str  # of the module, qualified; "" for the model's own
    type: str
    parameters: int  # how many numbers
    mean: float  # of |g|, over the finite ones; NaN where there are none
    largest: float  # of |g|, likewise
    zeros: float  # share of exact zeros
    nans: int
    infs: int
    missing: int  # parameters whose ``.grad`` is None though they are trained
    update: float | None  # |step| / |weights|, norms over the layer; None without an optimizer
    verdict: str  # "" where all is well; "vanishing", "exploding", "all zero", "no gradient", "3 NaN", "1 infinite"


def gradient_flow(model: Module, optimizer: Optimizer | None = None, *, far: float = FAR) -> list[LayerGradients]:
    """The gradients as they are in ``.grad`` now, layer by layer: call it after ``backward()``.

    A layer is *vanishing* where the mean of its |g| is less than the median of all layers divided by ``far``, and
    *exploding* where it is more than the median times ``far``: in either case only if it also lies on that side of the
    last layer, which gradients come from (where they die on their way back, the last one stands far above the median,
    and all is well with it). Nothing is computed again and nothing is changed.

    Args:
        model: any Module.
        optimizer: of its parameters. It is copied and the copy takes its step, so that ``update`` is what the next
            step will do, momentum and all: |step| / |weights|, Euclidean norms over the layer.
        far: see above; more than 1.

    Returns:
        An entry for each module that owns parameters which are trained, in the order of ``named_modules``. A parameter
        that several share counts for the first.

    Raises:
        TypeError, ValueError: no model, no optimizer of its parameters, no gradient at all, far <= 1.

    >>> import tinygrad_cnn as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Linear(3, 1))
    >>> net(tg.ones(4, 2)).sum().backward()
    >>> [(layer.name, layer.parameters, layer.verdict) for layer in gradient_flow(net)]
    [('0', 9, ''), ('1', 4, '')]
    """
    name = "gradient_flow"
    probing.check_model(model, name)
    far = _times(far, name)
    owned = _owned(model)
    every = [p for _, _, parameters in owned for p in parameters]
    if not any(p.grad is not None for p in every):
        raise ValueError(
            f"{name}: no parameter of the model has a gradient; call backward() first, and this before zero_grad()"
        )
    steps = None if optimizer is None else _steps(optimizer, every, name)
    sizes = [np.concatenate([_absolute(p) for p in parameters]) for _, _, parameters in owned]
    means = [float(g[np.isfinite(g)].mean()) if np.isfinite(g).any() else np.nan for g in sizes]
    alive = [mean for mean in means if mean > 0]
    median, last = (float(np.median(alive)), alive[-1]) if alive else (0.0, 0.0)
    low, high = min(median / far, last), max(median * far, last)
    found = []
    for (path, module, parameters), g, mean in zip(owned, sizes, means, strict=True):
        finite = g[np.isfinite(g)]
        nans, infs = int(np.isnan(g).sum()), int(np.isinf(g).sum())
        missing = sum(p.grad is None for p in parameters)
        ratio = None
        if steps is not None:
            weights = _norm(p._array for p in parameters) or np.nan
            ratio = _norm(steps[id(p)] for p in parameters) / weights
        row = LayerGradients(
            path, type(module).__name__, sum(p._array.size for p in parameters), mean,
            float(finite.max()) if finite.size else np.nan, float((g == 0).mean()) if g.size else 0.0,
            nans, infs, missing, ratio, _verdict(mean, low, high, nans, infs, missing, g.size),
        )  # fmt: skip
        found.append(row)
    return found


def plot_gradient_flow(
    model: Module, optimizer: Optimizer | None = None, *, far: float = FAR, title: str | None = None, ax: Any = None
) -> Figure:
    """A row for each layer, from input to output: mean and largest |g|; and with an optimizer, how far a step goes.

    The band reaches from the median divided by ``far`` to the median times ``far``. A layer outside of it is marked as
    vanishing or exploding, and so is one without a gradient or with NaN or infinite ones; in words, beside its row.

    Args:
        model, optimizer, far: see `gradient_flow`.
        title: above the panel on the left.
        ax: Axes to draw on: one, or two with an optimizer.

    Raises:
        TypeError, ValueError: as `gradient_flow`.
    """
    name = "plot_gradient_flow"
    layers = gradient_flow(model, optimizer, far=far)
    count = 1 if optimizer is None else 2
    height = 1.3 + 0.32 * len(layers)
    places = style.panels(ax, count, (5.6 if count == 1 else 4.6, height), 2, name)
    rows = np.arange(len(layers))
    names = [style.plain(f"{layer.name} {layer.type}".strip()) for layer in layers]
    _draw_sizes(places[0], layers, far)
    style.title(places[0], "gradients, from input to output" if title is None else title)
    if optimizer is not None:
        _draw_steps(places[1], layers)
    for place, labels in zip(places, (names, names if ax is not None else [""] * len(rows)), strict=False):
        place.set_yticks(rows, labels)
        place.set_ylim(len(layers) - 0.4, -0.6)
        place.tick_params(axis="y", length=0)
        style.grid(place, "x")
    return style.figure_of(places[0])


# ----------------------------------------------------------------------------------------------------------- figures
def _times(far: Any, name: str) -> float:
    if isinstance(far, bool) or not isinstance(far, (int, float)) or not far > 1:
        raise ValueError(f"{name}: far must be a number of more than 1, got {far!r}")
    return float(far)


def _owned(model: Module) -> list[tuple[str, Module, list[Parameter]]]:
    """The modules that own trained parameters, each parameter once."""
    seen: set[int] = set()
    found = []
    for path, module in model.named_modules():
        own = [p for _, p in module.named_parameters(recurse=False) if p.requires_grad and id(p) not in seen]
        own = [p for p in own if p._array.size]
        seen.update(map(id, own))
        if own:
            found.append((path, module, own))
    return found


def _absolute(parameter: Parameter) -> Array:
    """|g| as one row of float64; nothing where there is no gradient."""
    g = parameter.grad
    return np.zeros(0) if g is None else np.abs(g._array.astype(np.float64)).ravel()  # (size,)


def _norm(arrays: Any) -> float:
    return float(np.sqrt(sum(float((a.astype(np.float64) ** 2).sum()) for a in arrays)))


def _verdict(mean: float, low: float, high: float, nans: int, infs: int, missing: int, size: int) -> str:
    if nans or infs:
        return ", ".join(f"{n:,} {what}" for n, what in ((nans, "NaN"), (infs, "infinite")) if n)
    if not size:
        return "no gradient"
    words = "all zero" if mean == 0 else "vanishing" if mean < low else "exploding" if mean > high else ""
    return ", ".join(filter(None, [words, f"{missing} without gradient" if missing else ""]))


def _steps(optimizer: Optimizer, parameters: list[Parameter], name: str) -> dict[int, Array]:
    """What the optimizer's next step would add to each parameter, by id: a copy of it takes the step."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: optimizer must be an optimizer of tinygrad_cnn.optim, got {type(optimizer).__name__}")
    known = [p for group in optimizer.param_groups for p in group["params"]]
    if not {id(p) for p in parameters} & {id(p) for p in known}:
        raise ValueError(f"{name}: the optimizer has none of the model's parameters; make it of model.parameters()")
    twin = copy.deepcopy(optimizer)
    copies = [p for group in twin.param_groups for p in group["params"]]
    for own, other in zip(known, copies, strict=True):
        other.grad = None if own.grad is None else Tensor(own.grad._array.copy())
    with enable_grad():
        twin.step()
    found = {id(own): other._array - own._array for own, other in zip(known, copies, strict=True)}
    return {id(p): found.get(id(p), np.zeros(1)) for p in parameters}


# ----------------------------------------------------------------------------------------------------------- drawing
def _draw_sizes(ax: Axes, layers: list[LayerGradients], far: float) -> None:
    alive = [layer.mean for layer in layers if layer.mean > 0]
    if alive:
        median = float(np.median(alive))
        ax.axvspan(median / far, median * far, color=style.SKY, alpha=0.15, linewidth=0)
        ax.axvline(median, color="grey", linewidth=1)
        ax.set_xscale("log")
    for row, layer in enumerate(layers):
        color = style.VERMILION if layer.verdict else style.BLUE
        if layer.mean > 0:
            ax.plot([layer.mean, layer.largest], [row, row], color=color, linewidth=1.4, alpha=0.6)
            ax.plot(
                [layer.mean], [row], "X" if layer.verdict else "o", color=color, markersize=8 if layer.verdict else 6
            )
            ax.plot([layer.largest], [row], "|", color=color, markersize=10)
        if layer.verdict:
            ax.annotate(layer.verdict, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize="small")
    ax.set_xlabel(
        f"|gradient|: mean (dot) to largest (bar)\n(line: median of the means; band: {far:g} times around it)"
    )


def _draw_steps(ax: Axes, layers: list[LayerGradients]) -> None:
    known = [(row, layer.update) for row, layer in enumerate(layers) if layer.update and np.isfinite(layer.update)]
    if known:
        ax.set_xscale("log")
        rows, ratios = zip(*known, strict=True)
        ax.plot(ratios, rows, "s", color=style.PURPLE, markersize=6)
        ax.set_xlim(min(_USUAL_STEP / 10, *(r / 2 for r in ratios)), max(_USUAL_STEP * 10, *(2 * r for r in ratios)))
    ax.axvline(_USUAL_STEP, color="grey", linewidth=1, linestyle="--")
    style.title(ax, "next step / weights")
    ax.set_xlabel(f"|step| / |weights|\n(dashed: {_USUAL_STEP:g}, a rule of thumb)")
