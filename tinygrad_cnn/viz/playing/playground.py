"""The playground: a page whose own engine trains a small network on points of the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...nn.module import Module
from ...tensors import Tensor
from ..kit.page import Page, base_style, document, part, web
from .layers import HIDDEN, UNITS, layers_of

Array = NDArray[Any]

KIT = ("dom", "numbers", "colors", "theme", "tooltip", "slider", "plot")
SCRIPTS = ("engine", "net", "points", "run", "colors", "plane", "network", "explain", "controls", "main")
MOST_POINTS, MOST_CLASSES = 2000, 6
NAMES = ("blue", "orange", "green", "purple", "brown", "violet")  # of the classes, as the page colours them
NOISE = 0.02  # of the page's own points, to begin with


def playground(
    model: Module | None = None,
    points: Any = None,
    labels: Any = None,
    *,
    test: Any = None,
    title: str | None = None,
    optimizer: str = "Adam",
    lr: float | None = None,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    batch_size: int = 100,
    seed: int = 1,
    display_labels: Any = None,
) -> Page:
    """A page that trains a small network in the browser, with an engine of its own: nothing to install, no network.

    It shows what the network says over the plane, the map of every neuron, weights as lines, and the losses; all
    settings can be changed while it trains, neurons and layers be added and taken away, points be painted. It can go
    step by step, with the numbers of one point forward and backward. The engine, which the page shows, has the same
    operations and rules as the package; from the same weights both reach the same numbers, in float64.

    Args:
        model: a `nn.Sequential` of Linear, Tanh, ReLU, Sigmoid, LeakyReLU, GELU and Identity, which takes points (N, 2)
            and ends with a Linear: as many outputs as there are classes (cross entropy), or one for two classes
            (binary cross entropy). The page begins with its weights. None: 16 and 16 neurons with tanh, drawn from
            the seed.
        points: coordinates (N, 2); None: two spirals.
        labels: the class of each point (N,), integers from 0 on.
        test: (points, labels) that are not trained on; None: no test.
        title: of the page.
        optimizer: "Adam" or "SGD", where the page begins.
        lr: the learning rate; None: 0.03 for Adam, 0.1 for SGD.
        momentum: of SGD; of Adam it is beta1.
        weight_decay: times the weight, in the gradient.
        batch_size: points in a step.
        seed: of made points, drawn weights, and the order of the points.
        display_labels: names of the classes; None: their colours.

    Returns:
        A `Page`: ``.save("playground.html")`` writes it, a notebook shows it.

    Raises:
        TypeError, ValueError: a module that the page does not have, shapes that do not belong together, labels out of
            range, values that are not finite, more than 2,000 points, 6 classes, 6 hidden layers or 32 neurons in one.

    >>> page = playground()  # two spirals
    >>> page.save("playground.html")  # doctest: +SKIP
    """
    if (points is None) != (labels is None):
        raise ValueError("playground: points and labels come together, got one of them alone")
    if points is None and test is not None:
        raise ValueError("playground: test points need points to train on; hand in points and labels too")
    x, y = ([], []) if points is None else _points(points, labels, "points")
    test_x, test_y = ([], []) if test is None else _points(*_pair(test), "test points")
    classes = int(max([*y, *test_y], default=1)) + 1
    layers = _start() if model is None else layers_of(model)
    if model is None:
        layers[-1]["units"] = max(classes, 2)
    else:
        _fits(layers, max(classes, 2))
    classes = max(classes, 2, len(layers[-1].get("weight", ())))
    data: dict[str, Any] = {
        "title": "A playground for small networks" if title is None else str(title),
        "layers": layers,
        "points": [[*place, label] for place, label in zip(x, y, strict=True)],
        "test": [[*place, label] for place, label in zip(test_x, test_y, strict=True)],
        "classes": classes,
        "names": _names(display_labels, classes),
        "plane": _plane([*x, *test_x]),
        "most": {"units": UNITS, "layers": HIDDEN},
        "settings": {
            "noise": NOISE,
            **_settings(optimizer, lr, momentum, weight_decay, batch_size, seed),
            "data": "given" if x else "spirals",
        },
    }
    engine = part(__package__, "web/engine.js")
    text = document(
        data["title"],
        part(__package__, "web/template.html"),
        styles=[base_style(), part(__package__, "web/style.css")],
        scripts=[*web(*KIT), *(part(__package__, f"web/{name}.js") for name in SCRIPTS)],
        data={"playground": data, "engine-text": engine},
    )
    return Page(text, 860)


def _start() -> list[dict[str, Any]]:
    """The shape of the net that the page draws by itself."""
    hidden = [{"units": 16, "activation": "tanh", "slope": 0.01, "bias": True} for _ in range(2)]
    return [*hidden, {"units": 2, "activation": "none", "slope": 0.01, "bias": True}]


def _pair(test: Any) -> tuple[Any, Any]:
    if not isinstance(test, (tuple, list)) or len(test) != 2:
        raise TypeError(f"playground: test must be a pair (points, labels), got {type(test).__name__}")
    return test[0], test[1]


def _points(points: Any, labels: Any, what: str) -> tuple[list[list[float]], list[int]]:
    """Coordinates and labels as lists, checked."""
    x, y = (np.asarray(a._array if isinstance(a, Tensor) else a) for a in (points, labels))
    if x.ndim != 2 or x.shape[1] != 2 or not len(x):
        raise ValueError(f"playground: {what} must have the shape (N, 2), got {x.shape}")
    if y.shape != x.shape[:1]:
        raise ValueError(f"playground: {len(x)} {what} need labels of the shape ({len(x)},), got {y.shape}")
    if len(x) > MOST_POINTS:
        raise ValueError(f"playground: the page has room for {MOST_POINTS} {what}, got {len(x)}; take a part of them")
    if y.dtype.kind not in "iub":
        raise TypeError(f"playground: labels must be integers, got {y.dtype}")
    if y.min() < 0 or y.max() >= MOST_CLASSES:
        raise ValueError(f"playground: labels must lie in 0 to {MOST_CLASSES - 1}, got {y.min()} to {y.max()}")
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"playground: {what} must be finite, got NaN or infinity")
    return x.tolist(), y.astype(int).tolist()


def _fits(layers: list[dict[str, Any]], classes: int) -> None:
    outputs = len(layers[-1]["weight"])
    if outputs > MOST_CLASSES:
        raise ValueError(f"playground: the page has room for {MOST_CLASSES} classes, the model has {outputs} outputs")
    if outputs < classes and not (outputs == 1 and classes == 2):
        raise ValueError(f"playground: there are {classes} classes, and the model has outputs for {outputs}")


def _names(display_labels: Any, classes: int) -> list[str]:
    names = [str(name) for name in display_labels] if display_labels is not None else list(NAMES)
    if display_labels is not None and len(names) < classes:
        raise ValueError(f"playground: {classes} classes need as many display_labels, got {len(names)}")
    return [*names, *NAMES[len(names) :]]


def _plane(points: list[list[float]]) -> list[list[float]]:
    """[[left, right], [low, high]]: a square around all points, at least that of the data sets that the page makes."""
    if not points:
        return [[-1.15, 1.15], [-1.15, 1.15]]
    x = np.array(points)  # (N, 2)
    middle = (x.min(0) + x.max(0)) / 2  # (2,)
    half = 0.55 * float(np.ptp(x, axis=0).max()) or 1.0
    return [[float(m) - half, float(m) + half] for m in middle]


def _settings(
    optimizer: str, lr: float | None, momentum: float, weight_decay: float, batch_size: int, seed: int
) -> dict[str, Any]:
    if optimizer not in ("Adam", "SGD"):
        raise ValueError(f'playground: optimizer must be "Adam" or "SGD", got {optimizer!r}')
    lr = {"Adam": 0.03, "SGD": 0.1}[optimizer] if lr is None else lr
    for name, value, low, high in (
        ("lr", lr, 1e-4, 3.0),
        ("momentum", momentum, 0.0, 0.99),
        ("weight_decay", weight_decay, 0.0, 0.05),
        ("batch_size", batch_size, 1, MOST_POINTS),
        ("seed", seed, 0, 999_999),
    ):
        if not low <= value <= high:
            raise ValueError(f"playground: {name} must lie in {low} to {high}, got {value}")
    values = {"optimizer": optimizer, "lr": float(lr), "momentum": float(momentum), "decay": float(weight_decay)}
    return {**values, "batch": int(batch_size), "seed": int(seed)}
