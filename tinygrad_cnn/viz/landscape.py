"""The loss around a trained model, on a plane through its weights, with the way that training took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..nn import Module
from ..nn.layers.normalization import _BatchNorm
from ..nn.parameter import Parameter
from ..tensors import Tensor
from ..train.callbacks import Callback, Run
from . import probing, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
_MARGIN = 0.25  # of the path's extent, around it
_FLAT = 1e-6  # of the first principal value: what is less is no second direction


class PathRecorder(Callback):
    """Keeps the weights before the first epoch and after each one: for `loss_landscape`. A callback, or fed by hand.

    Every record is a copy of all parameters. In a loop of one's own call `record` where a point is wanted.

    Args:
        every: batches between two records, besides those at the ends of the epochs; None is none.

    Attributes: ``points``, a list of dicts of parameter names to arrays.

    >>> from tinygrad_cnn.nn import Linear
    >>> recorder = PathRecorder()
    >>> recorder.record(Linear(3, 2))
    >>> {name: array.shape for name, array in recorder.points[0].items()}
    {'weight': (2, 3), 'bias': (2,)}
    """

    def __init__(self, every: int | None = None) -> None:
        self.every = None if every is None else style.whole(every, "every", "PathRecorder")
        self.points: list[dict[str, Array]] = []

    def record(self, model: Module) -> None:
        """Take in a model's parameters as they are now."""
        probing.check_model(model, "PathRecorder.record")
        self.points.append({name: p._array.copy() for name, p in model.named_parameters()})

    def on_fit_start(self, trainer: Run) -> None:
        """As `Callback.on_fit_start`: the weights before the first epoch."""
        if not self.points:
            self.record(trainer.model)

    def on_batch_end(self, trainer: Run, logs: dict[str, Any]) -> None:  # noqa: ARG002
        """As `Callback.on_batch_end`."""
        if self.every and trainer.batch % self.every == 0:
            self.record(trainer.model)

    def on_epoch_end(self, trainer: Run, logs: dict[str, Any]) -> None:  # noqa: ARG002
        """As `Callback.on_epoch_end`."""
        self.record(trainer.model)

    def state_dict(self) -> dict[str, Any]:
        """As `Callback.state_dict`."""
        return {"points": [dict(point) for point in self.points]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """As `Callback.load_state_dict`."""
        self.points = [{name: np.asarray(a) for name, a in point.items()} for point in state["points"]]


@dataclass(frozen=True)
class LossLandscape:
    """The loss on a plane: ``losses[j, i]`` is that of the weights + ``a[i]`` * first + ``b[j]`` * second direction."""

    a: Array  # (A,)
    b: Array  # (B,)
    losses: Array  # (B, A); infinite or NaN where it was
    path: Array | None  # (T, 2): where training came by, seen from the plane; the last is the model, at (0, 0)
    explained: tuple[float, float] | None  # of a path: the share of its squared distances along each direction


def loss_landscape(
    model: Module,
    loss: Any,
    data: Any,
    *,
    path: Any = None,
    points: int = 21,
    span: float = 1.0,
    seed: int = 0,
    batch_norm: str = "running",
    batch_size: int | None = None,
    progress: bool = True,
) -> LossLandscape:
    """The loss on a plane through the model's weights; the model is left as it was, to the bit.

    Without a path the plane is spanned by two random directions, filter-normalised: each filter (a row of a weight)
    of a direction is as long as that of the model, and biases and other parameters of one dimension stay (Li et al.,
    "Visualizing the Loss Landscape of Neural Nets", 2018). With a path it is the plane that comes closest to it: the
    two principal directions of the points, seen from the last one (ibid., section 7).

    The loss is computed ``points`` ** 2 times over all of the data: some hundred samples are enough.

    Args:
        model: any Module, trained.
        loss: ``loss(outputs, targets)``, the mean over a batch, as `train.Trainer` takes it.
        data: a DataLoader, a dataset or a tuple of arrays (inputs, targets); it is read once.
        path: a `PathRecorder` of the run, or a list of ``state_dict``s.
        points: along each side.
        span: without a path, how far the plane reaches: 1 is as far as the weights are long. With one it is as wide as
            the path and a quarter more on each side.
        seed: of the random directions; the package's random state is not touched.
        batch_norm: "running" judges in evaluation mode, with the running statistics that belong to the model's own
            weights; "batch" lets batch-norm take each batch's. Dropout is off in both.
        batch_size: for datasets and arrays (256); a loader has its own.
        progress: a bar on a terminal or in a notebook, which goes away at the end.

    Raises:
        TypeError, ValueError: no data, no targets, a path that is none of this model's.
    """
    name = "loss_landscape"
    probing.check_model(model, name)
    style.one_of(batch_norm, ("running", "batch"), "batch_norm", name)
    points = style.whole(points, "points", name, 2)
    if isinstance(span, bool) or not isinstance(span, (int, float)) or not 0 < span < np.inf:
        raise ValueError(f"{name}: span must be a positive number, got {span!r}")
    trained = {key: p for key, p in model.named_parameters() if p.requires_grad and p.dtype.kind == "f"}
    if not trained:
        raise ValueError(f"{name}: the model has no parameters that are trained, and so no plane to draw")
    batches = [
        (tuple(probing.as_array(x) for x in inputs), targets)
        for inputs, targets in probing.inputs_of(data, batch_size, name)
    ]
    if not batches or any(targets is None for _, targets in batches):
        raise ValueError(f"{name}: data must give batches of inputs and targets, such as (images, labels)")
    weights = _flat(trained)
    random = np.random.default_rng(seed)
    if path is None:
        first, second = (_random_direction(trained, random) for _ in range(2))
        walked = explained = None
        a = b = np.linspace(-span, span, points)
    else:
        steps = _steps(path, trained, weights, name)  # (T, D)
        if not steps.any():
            raise ValueError(
                f"{name}: every point of the path is the model as it is now, {len(steps)} in all, so there is no way "
                "to draw; a PathRecorder records while training: Trainer(..., callbacks=[path])"
            )
        first, second, explained = _principal(steps, trained, random)
        walked = np.stack([steps @ first, steps @ second], axis=1)  # (T, 2)
        walked[:, 1] *= explained[1] > 0  # along a line what is left is rounding, and no width
        a, b = (_around(along, points) for along in walked.T)
    losses = np.empty((points, points))  # (B, A)
    bar = probing.bar("loss landscape", points**2, progress)
    with probing.at_rest(model), _set_aside(model, trained, batch_norm == "batch"), bar as step:
        for at in np.ndindex(losses.shape):
            losses[at] = _loss(model, loss, batches, trained, weights + a[at[1]] * first + b[at[0]] * second)
            step()
    return LossLandscape(a, b, losses, walked, explained)


# ----------------------------------------------------------------------------------------------------------- figures
def _flat(trained: Mapping[str, Parameter]) -> Array:
    """All weights in one row, in float64: (D,)."""
    return np.concatenate([p._array.ravel().astype(np.float64) for p in trained.values()])


def _random_direction(trained: Mapping[str, Parameter], random: np.random.Generator) -> Array:
    """Filter by filter as long as the weights, (D,); zero for what has no filters."""
    parts = []
    for p in trained.values():
        if p._array.ndim < 2:
            parts.append(np.zeros(p._array.size))
            continue
        filters = p._array.reshape(len(p._array), -1).astype(np.float64)  # (filters, size)
        drawn = random.standard_normal(filters.shape)
        lengths = np.linalg.norm(filters, axis=1, keepdims=True) / np.linalg.norm(drawn, axis=1, keepdims=True)
        parts.append((drawn * lengths).ravel())
    return np.concatenate(parts)


def _steps(path: Any, trained: Mapping[str, Parameter], weights: Array, name: str) -> Array:
    """The points of a path as seen from the model, (T, D); the last is the model itself."""
    found = path.points if isinstance(path, PathRecorder) else path
    if isinstance(found, Mapping) or not isinstance(found, Sequence) or not found:
        raise TypeError(
            f"{name}: path must be a PathRecorder that has recorded, or a list of state_dicts, "
            f"got {type(path).__name__}{'' if found else ' with nothing in it'}"
        )
    rows = []
    for i, state in enumerate(found):
        if not isinstance(state, Mapping):
            raise TypeError(f"{name}: path must hold state_dicts, got {type(state).__name__} at place {i}")
        for key, p in trained.items():
            shape = probing.as_array(state[key]).shape if key in state else None
            if shape != p._array.shape:
                got = "has none" if shape is None else f"has one of shape {shape}"
                raise ValueError(f"{name}: point {i} of the path {got} where the model has {key!r} {p._array.shape}")
        row = np.concatenate([probing.as_array(state[key]).ravel().astype(np.float64) for key in trained])  # (D,)
        rows.append(row - weights)
    if rows[-1].any():
        rows.append(np.zeros_like(weights))
    return np.stack(rows)


def _principal(
    steps: Array, trained: Mapping[str, Parameter], random: np.random.Generator
) -> tuple[Array, Array, tuple[float, float]]:
    """The two directions of length 1 that the path runs along, and their shares of its squared distances."""
    squares, vectors = np.linalg.eigh(steps @ steps.T)  # (T,), (T, T): small, whatever the number of weights
    directions, shares = [], []
    for square, vector in zip(squares[::-1][:2], vectors.T[::-1], strict=False):
        if square > (_FLAT**2) * squares[-1] and square > 0:
            along = vector @ steps
            directions.append(along / np.linalg.norm(along))
            shares.append(float(square / squares.sum()))
    while len(directions) < 2:  # a path along a line
        drawn = _random_direction(trained, random)
        for direction in directions:
            drawn = drawn - (drawn @ direction) * direction
        directions.append(drawn / (np.linalg.norm(drawn) or 1.0))
        shares.append(0.0)
    first, second = (d * (-1 if steps[0] @ d > 0 else 1) for d in directions)  # the path comes from the left, below
    return first, second, (shares[0], shares[1])


def _around(along: Array, points: int) -> Array:
    """Places from below the smallest to above the largest."""
    low, high = float(along.min()), float(along.max())
    room = _MARGIN * (high - low) or 1.0
    return np.linspace(low - room, high + room, points)


@contextmanager
def _set_aside(model: Module, trained: Mapping[str, Parameter], batch_statistics: bool) -> Iterator[None]:
    """Within, weights and buffers are others; afterwards the very same arrays are back, and nobody wrote to them."""
    held: list[tuple[Any, Array]] = [(t, t._array) for t in (*trained.values(), *model.buffers())]
    modes = [(module, module.training) for module in model.modules()]
    for buffer in model.buffers():
        buffer._array = buffer._array.copy()
    for module, _ in modes:
        if batch_statistics and isinstance(module, _BatchNorm):
            module.training = True
    try:
        yield
    finally:
        for t, array in held:
            t._array = array
        for module, mode in modes:
            module.training = mode


def _loss(model: Module, loss: Any, batches: Sequence[Any], trained: Mapping[str, Parameter], weights: Array) -> float:
    """The mean loss over all samples with other weights."""
    at = 0
    for p in trained.values():
        size = p._array.size
        p._array = weights[at : at + size].reshape(p._array.shape).astype(p._array.dtype)
        at += size
    total, samples = 0.0, 0
    with np.errstate(all="ignore"):  # far out on the plane anything may overflow
        for inputs, targets in batches:
            outputs = model(*(Tensor(x.copy()) for x in inputs))  # copies: a model may write into what it gets
            total += probing.number(loss(outputs, targets), "loss_landscape") * len(inputs[0])
            samples += len(inputs[0])
    return total / samples


# ----------------------------------------------------------------------------------------------------------- drawing
def plot_loss_landscape(
    landscape: LossLandscape, *, log: bool | None = None, title: str | None = None, ax: Any = None
) -> Figure:
    """Contours of the loss, the model in the middle or at the path's end, and the path that led there.

    Args:
        landscape: what `loss_landscape` gives.
        log: levels in equal ratios; by default where the largest loss is more than ten times the smallest.
        title: above the picture.
        ax: Axes to draw on.

    Raises TypeError, ValueError: no landscape, or no finite loss in it.
    """
    name = "plot_loss_landscape"
    if not isinstance(landscape, LossLandscape):
        raise TypeError(f"{name}: expected what loss_landscape gives, got {type(landscape).__name__}")
    losses = np.ma.masked_invalid(landscape.losses)
    if losses.count() == 0:
        raise ValueError(f"{name}: no loss of the landscape is finite")
    ax = style.panel(ax, (6.0, 4.8), name)
    low, high = float(losses.min()), float(losses.max())
    log = (low > 0 and high > 10 * low) if log is None else log
    if log and low <= 0:
        raise ValueError(f"{name}: log=True needs losses above 0, the smallest is {low:g}")
    _draw_contours(ax, landscape, losses, low, high, log)
    _draw_path(ax, landscape)
    style.title(ax, title)
    return style.figure_of(ax)


def _draw_contours(ax: Axes, landscape: LossLandscape, losses: Any, low: float, high: float, log: bool) -> None:
    from matplotlib.colors import LogNorm, Normalize

    if high <= low:
        high = low + (abs(low) or 1.0)
    levels = np.geomspace(low, high, 16) if log else np.linspace(low, high, 16)
    norm = LogNorm(low, high) if log else Normalize(low, high)
    filled = ax.contourf(landscape.a, landscape.b, losses, levels, cmap=style.SEQUENTIAL, norm=norm)
    lines = ax.contour(landscape.a, landscape.b, losses, levels[1:-1:2], colors="white", linewidths=0.7, alpha=0.7)
    ax.clabel(lines, fmt=lambda x: f"{x:.3g}", fontsize=8)
    ax.set_facecolor("grey")  # where the loss is no number
    bar = ax.figure.colorbar(filled, ax=ax, pad=0.02, format=lambda x, _: f"{x:.3g}")
    bar.set_ticks(levels[::3].tolist())
    bar.minorticks_off()
    bar.set_label("loss")


def _draw_path(ax: Axes, landscape: LossLandscape) -> None:
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=3.2, foreground="black")]
    if landscape.path is not None:
        x, y = landscape.path.T
        ax.plot(x, y, "-", color="white", linewidth=1.6, path_effects=outline, zorder=4)
        ax.plot(x, y, ".", color="white", markersize=7, markeredgecolor="black", zorder=5)
        ax.plot(x[:1], y[:1], "o", color=style.ORANGE, markeredgecolor="black", markersize=9, zorder=6)
        ax.annotate("start", (x[0], y[0]), (7, 7), textcoords="offset points", color="white", path_effects=outline)
    ax.plot([0], [0], "*", color=style.VERMILION, markeredgecolor="white", markersize=14, zorder=7, clip_on=False)
    if landscape.explained is None:
        ax.set_xlabel("a random direction, filter-normalised")
        ax.set_ylabel("another one")
    else:
        ax.set_xlabel(f"1st direction of the path: {style.percent(landscape.explained[0])}")
        ax.set_ylabel(f"2nd direction of the path: {style.percent(landscape.explained[1])}")
