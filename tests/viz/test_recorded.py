"""Every kind of figure beside what stood on it before, in words and numbers: ``stored/figures/NAME.txt``.

Nothing is rendered, so fonts and screens do not matter. To record one anew, delete its file and run the test: it writes
the file, and fails once. What is right about these numbers, other tests say.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz import figures, recorded
from tinygrad_cnn import nn, viz

matplotlib = pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
WAVE = np.sin(np.arange(4000.0))


def waves(*shape: int, scale: float = 1.0) -> Any:
    """The same numbers everywhere, no two alike."""
    return (scale * np.resize(WAVE, shape)).astype(np.float32)


def filled(model: nn.Module) -> Any:
    """A model whose weights are waves, as large as weights are."""
    for k, p in enumerate(model.parameters()):
        p.numpy()[...] = np.roll(WAVE, 17 * k)[: p.numpy().size].reshape(p.shape) / np.sqrt(p.numpy()[0].size)
    return model


def net(channels: int = 1) -> Any:
    conv = [nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return filled(nn.Sequential(*conv, nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 3)))


def ten_epochs(count: int = 10, factor: float = 1.0) -> Any:
    e = np.arange(1.0, count + 1)
    return {"loss": list(factor / e), "val_loss": list(factor / e + 0.1), "val_accuracy": list(1 - 0.5 / e)}


def curves_of_seeds(**options: Any) -> Any:
    runs = [ten_epochs(), ten_epochs(10, 1.5), ten_epochs(6, 2.0)]
    return viz.plot_learning_curves(runs, **options)


def rivals() -> Any:
    runs = {f"rival {k}": ten_epochs(3 + k, 1 + k) for k in range(7)}
    runs["two"] = [ten_epochs(31), ten_epochs(31, 2)]
    return viz.plot_learning_curves(runs, metrics=["error", "loss", "val_accuracy", "val_loss"])


def confused(classes: int, **options: Any) -> Any:
    counts = np.abs(np.round(40 * waves(classes, classes))).astype(int) * (
        np.indices((classes, classes)).sum(0) % 3 > 0
    )
    return viz.plot_confusion_matrix(counts + np.diag(np.arange(classes) * 300), **options)


def recorder(kinds: int = 3, epochs: int = 5) -> Any:
    """Weights that widen, one that is constant for two epochs and then meets NaN, one without a gradient."""
    model = filled(nn.Sequential(*(nn.Linear(6, 4) for _ in range(kinds))))
    model[-1].requires_grad_(False)
    kept = viz.HistogramRecorder(bins=16)
    for epoch in range(epochs):
        for k, p in enumerate(model.parameters()):
            p.numpy()[...] *= 1.2 + 0.1 * k
        model[0].bias.numpy()[...] = 0.5 if epoch < 2 else [1, 2, 3, np.nan if epoch == 3 else 4]
        model.zero_grad()
        for k, p in enumerate(model.parameters()):
            p.grad = tg.tensor(waves(*p.shape, scale=0.1 + k)) if p.requires_grad else None
        kept.record(model)
    return kept


def backward(model: Any, spoiled: bool = False) -> Any:
    for k, p in enumerate(model.parameters()):
        p.grad = tg.tensor(waves(*p.shape, scale=10.0**-k))
    if spoiled:
        model[0].weight.grad.numpy()[0, 0, 0, :2] = [np.nan, np.inf]
        model[4].weight.grad = None
    return model


def plane(**changed: Any) -> Any:
    a, b = np.linspace(-1, 1, 7), np.linspace(-2, 1, 7)
    losses = 0.1 + a**2 + b[:, None] ** 2
    path = np.stack([np.linspace(-0.8, 0, 5), np.linspace(-1.5, 0, 5) ** 2], axis=1)
    return viz.LossLandscape(**{"a": a, "b": b, "losses": losses, "path": path, "explained": (0.9, 0.08), **changed})


def scores(count: int) -> Any:
    return 3 * waves(count, 3)


def dead() -> Any:
    model = net()
    model[0].bias.numpy()[1] = model[4].bias.numpy()[2] = -100
    model[6].bias.numpy()[0] = np.inf
    return viz.activation_statistics(model, waves(9, 1, 8, 8))


NAMES = ["a cat", "hen", "$dog"]
DRAWINGS: dict[str, Callable[[], Any]] = {
    "curves": lambda: viz.plot_learning_curves(ten_epochs()),
    "curves of one epoch": lambda: viz.plot_learning_curves({"loss": [2.0]}),
    "curves of seeds": curves_of_seeds,
    "curves of seeds, range": lambda: curves_of_seeds(spread="range", log=True),
    "curves of seeds, alone": lambda: curves_of_seeds(spread=None, metrics="accuracy"),
    "curves of rivals": rivals,
    "confusion of 2": lambda: confused(2),
    "confusion of 3, true": lambda: confused(3, normalize="true", display_labels=NAMES, title="mine"),
    "confusion of 8, pred": lambda: confused(8, normalize="pred"),
    "confusion of 14, all": lambda: confused(14, normalize="all", display_labels=[f"class {k}" for k in range(14)]),
    "confusion of 25": lambda: confused(25, title=None),
    "confusion of 90": lambda: confused(90),
    "filters": lambda: viz.plot_filters(net()),
    "filters in colours": lambda: viz.plot_filters(net(3), columns=3, title="mine"),
    "filters of 20": lambda: viz.plot_filters(waves(20, 1, 5, 3), max_filters=18),
    "filters of channels": lambda: viz.plot_filters(waves(5, 20, 3, 3), max_filters=40, title=""),
    "maps": lambda: viz.plot_feature_maps(net(), waves(2, 1, 8, 8), "0", index=1),
    "maps of relu": lambda: viz.plot_feature_maps(net(3), waves(1, 3, 8, 8), "1", max_maps=3, columns=2),
    "maps of two channels": lambda: viz.plot_feature_maps(net(2), waves(1, 2, 8, 8), net(2) and "2", title="mine"),
    "mistakes": lambda: viz.plot_mistakes(waves(9, 6, 8), np.arange(9) % 3, scores(9), count=4, columns=3),
    "mistakes in colours": lambda: viz.plot_mistakes(
        waves(9, 3, 8, 6), np.arange(9) % 3, scores(9), display_labels=NAMES
    ),
    "no mistakes": lambda: viz.plot_mistakes(waves(4, 6, 8), scores(4).argmax(1), scores(4)),
    "saliency": lambda: viz.plot_saliency(net(), waves(3, 1, 8, 8), display_labels=NAMES),
    "saliency in colours": lambda: viz.plot_saliency(net(3), waves(2, 3, 8, 8), target=[2, 0], title=None),
    "cam": lambda: viz.plot_grad_cam(net(), waves(3, 1, 8, 8), "0"),
    "cam of two channels": lambda: viz.plot_grad_cam(net(2), waves(2, 2, 8, 8), "1", target=1),
    "ridges": lambda: viz.plot_histograms(recorder()),
    "ridges of 40 epochs": lambda: viz.plot_histograms(recorder(1, 40), parameters=["0.weight", "0.bias"]),
    "ridges of gradients": lambda: viz.plot_histograms(recorder(6), of="gradients", max_panels=4),
    "heat": lambda: viz.plot_histograms(recorder(), kind="heat"),
    "heat of 15 epochs": lambda: viz.plot_histograms(recorder(1, 15), kind="heat", parameters="0.bias"),
    "activations": lambda: viz.plot_activations(viz.activation_statistics(net(), waves(9, 1, 8, 8))),
    "dead activations": lambda: viz.plot_activations(dead()),
    "flow": lambda: viz.plot_gradient_flow(backward(net())),
    "flow and steps": lambda: viz.plot_gradient_flow(
        model := backward(net(), spoiled=True), tg.optim.SGD(model.parameters(), lr=0.1), far=7, title="mine"
    ),
    "landscape": lambda: viz.plot_loss_landscape(plane()),
    "landscape without a path": lambda: viz.plot_loss_landscape(plane(path=None, explained=None), log=False, title="x"),
    "flat landscape": lambda: viz.plot_loss_landscape(plane(losses=np.full((7, 7), 2.0))),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWINGS)
def test_it_shows_what_it_showed(name: str) -> None:
    import matplotlib.style

    if tuple(map(int, matplotlib.__version__.split(".")[:2])) < (3, 11):
        pytest.skip(f"recorded with Matplotlib 3.11, this is {matplotlib.__version__}")
    with matplotlib.style.context("default"), np.errstate(all="ignore"):
        recorded.compare(figures.told(DRAWINGS[name]()), "figures", name)


def report(tmp_path: Any, **options: Any) -> list[str]:
    """The words of a report, and what is on its figures instead of them."""
    from tinygrad_cnn.viz import pages

    def tell(section: Any, caption: str, make: Callable[[], Any]) -> None:
        section.parts.append("\n".join([f"<p>{caption}</p>", *figures.told(make())]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages.Section, "draw", tell)
        patch.setattr(pages.Section, "embed", lambda section, caption, _svg: section.say(caption))
        text = viz.report(tmp_path / "report.html", progress=False, **options).read_text(encoding="utf-8")
    body = text[text.index("<body>") :]
    lines = [html.unescape(re.sub(r"<[^<>]*>", " ", line)).rstrip() for line in re.split(r"\n|(?=<tr>|<p|<h2)", body)]
    of_the_machine = ("speed of", "made ", "with ", "The operations behind", "Not drawn")
    return [line for line in lines if line and not line.strip().startswith(of_the_machine)]


REPORTS: dict[str, dict[str, Any]] = {
    "report": {
        "model": net(),
        "data": (waves(40, 1, 8, 8), np.arange(40) % 3),
        "history": {**ten_epochs(), "seconds": [2.0] * 10},
        "recorder": recorder(1),
        "facts": {"seed": 3, "rate": 0.25},
        "display_labels": NAMES,
        "examples": 2,
    },
    "report of a layer": {
        "model": net(3),
        "data": (waves(9, 3, 8, 8), np.arange(9) % 3),
        "layer": "1",
        "title": "mine",
    },
    "report of vectors": {
        "model": filled(nn.Sequential(nn.Flatten(), nn.Linear(32, 3))),
        "data": (waves(7, 2, 4, 4), np.arange(7) % 3),
        "batch_size": 3,
        "history": [],
    },
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_says_what_it_said(name: str, tmp_path: Any) -> None:
    import matplotlib.style

    if tuple(map(int, matplotlib.__version__.split(".")[:2])) < (3, 11):
        pytest.skip(f"recorded with Matplotlib 3.11, this is {matplotlib.__version__}")
    with matplotlib.style.context("default"), np.errstate(all="ignore"):
        recorded.compare(report(tmp_path, **REPORTS[name]), "figures", name)
