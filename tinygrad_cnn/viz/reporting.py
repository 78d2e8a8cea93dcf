"""Everything about a trained classifier in one HTML file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.atomic import replace_file
from ..nn.layer_table import HEADINGS, ModelSummary
from ..nn.layers.conv import Conv2d
from ..nn.module import Module
from ..nn.summary import summary
from ..tensors import Tensor
from . import pages, probing, style
from .activations import LayerActivations, activation_statistics, plot_activations
from .confusion import plot_confusion_matrix
from .curves import as_run, plot_learning_curves
from .features import plot_feature_maps
from .filters import plot_filters
from .flow import LayerGradients, gradient_flow, plot_gradient_flow
from .graph.drawing import draw_graph
from .graph.style import in_both
from .health import findings, graded
from .histograms import HistogramRecorder
from .layers import layers_of, name_of
from .mistakes import plot_mistakes, worst_mistakes
from .overlays import plot_grad_cam, plot_saliency
from .ridges import plot_histograms

Array = NDArray[Any]
_MISTAKES = 24
_PROBED = 1000  # samples whose activations are looked at
_GRADED = 64  # and gradients
_PARTS = 8  # of the work, as the bar counts it


def report(
    path: str | os.PathLike[str],
    model: Module,
    data: Any,
    *,
    history: Any = None,
    recorder: HistogramRecorder | None = None,
    title: str = "Training report",
    facts: Mapping[str, Any] | None = None,
    display_labels: Any = None,
    layer: Any = None,
    examples: int = 6,
    batch_size: int | None = None,
    progress: bool = True,
) -> Path:
    """Write all pictures of a trained classifier, and a summary, into one HTML file that needs nothing else.

    The summary with accuracy, loss, parameters and times; what is wrong: dead units, gradients that vanish or explode,
    values that are not finite; learning curves; the confusion matrix; the worst mistakes; filters, feature maps,
    saliency and Grad-CAM of some images; histograms of weights and gradients; activations and gradient flow; the
    computation graph (where Graphviz is there); the table of layers. What does not apply (filters of a net without
    convolutions) is left out. Names are escaped, there is no script, nothing is loaded from anywhere, and the colours
    follow the reader's light or dark scheme.

    Args:
        path: the file; it is replaced as a whole, and folders are made.
        model: gives scores (N, C) for images (N, channels, H, W).
        data: images and classes it was not trained on: a DataLoader, a dataset, or a tuple of arrays. Read once, batch
            by batch.
        history: as ``runs`` of `plot_learning_curves`.
        recorder: a `HistogramRecorder` that watched the training.
        title: the heading.
        facts: more lines of the summary, names to values: seed, optimizer, what you like.
        display_labels: names of the classes; by default the dataset's ``classes``.
        layer: of the feature maps and Grad-CAM, a name that `layers_of` lists or a module; by default the first and
            the last convolution.
        examples: how many images to explain, the first of each class.
        batch_size: for datasets and arrays (256); a loader has its own.
        progress: a bar on a terminal or in a notebook, which goes away at the end.

    Returns:
        The path.

    Raises:
        TypeError, ValueError: data without classes, images of another form, a model that is no classifier.
        ImportError: Matplotlib is missing.
    """
    name = "report"
    style.need_matplotlib()
    probing.check_model(model, name)
    if recorder is not None and not isinstance(recorder, HistogramRecorder):
        raise TypeError(f"{name}: recorder must be a HistogramRecorder, got {type(recorder).__name__}")
    style.whole(examples, "examples", name)
    chosen = None if layer is None else name_of(model, layer, name)
    with probing.bar(name, _PARTS, progress) as step:
        seen = _Evaluation(model, data, examples, batch_size, name)
        step()
        known = probing.class_names(data) if display_labels is None else display_labels
        labels = style.labels_for(known, seen.classes, name)
        table = summary(model, (1, *seen.shape))
        statistics = activation_statistics(model, seen.probed, batch_size=batch_size)
        step()
        flow, gradients = _flowing_back(model, seen)
        sections = [
            _summarized(model, table, seen, history, facts or {}),
            _examined(findings(model, statistics, flow, recorder, seen.scores)),
        ]
        parts: list[Callable[[], list[pages.Section]]] = [
            lambda: _learned(history),
            lambda: _judged(seen, labels),
            lambda: _explained(model, seen, labels, chosen),
            lambda: _distributed(recorder),
            lambda: [_flowing(statistics, len(seen.probed)), *gradients],
            lambda: [_graphed(model, seen), _layered(table)],
        ]
        for drawn in parts:
            sections += drawn()
            step()
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(os.fspath(target), pages.page(title, sections).encode())
    return target


class _Evaluation:
    """One pass over the data: scores and classes of all, and the images that will be shown."""

    def __init__(self, model: Module, data: Any, examples: int, batch_size: int | None, name: str) -> None:
        scores: list[Array] = []
        targets: list[Array] = []
        kept: list[Array] = []
        bad_images: Array | None = None
        bad_scores: Array | None = None
        bad_targets: Array | None = None
        self.seconds = 0.0
        first: dict[int, Array] = {}
        with probing.at_rest(model):
            for inputs, y in probing.inputs_of(data, batch_size, name):
                if y is None or len(inputs) != 1:
                    raise ValueError(f"{name}: data must give batches of (images, classes), got {len(inputs)} inputs")
                images, classes = probing.as_input(model, inputs[0], name), probing.as_array(y)
                start = time.perf_counter()
                logits = probing.scores(model, Tensor(images), name)._array
                self.seconds += time.perf_counter() - start
                scores.append(logits)
                targets.append(classes)
                if sum(len(part) for part in kept) < _PROBED:
                    kept.append(images)
                joined_images = images if bad_images is None else np.concatenate([bad_images, images])
                joined_scores = logits if bad_scores is None else np.concatenate([bad_scores, logits])
                joined_targets = classes if bad_targets is None else np.concatenate([bad_targets, classes])
                worst = worst_mistakes(joined_targets, joined_scores, count=_MISTAKES)
                bad_images, bad_scores, bad_targets = joined_images[worst], joined_scores[worst], joined_targets[worst]
                for k in np.unique(classes):
                    first.setdefault(int(k), images[int(np.argmax(classes == k))])
        if bad_images is None:
            raise ValueError(f"{name}: the data gave no batches")
        self.scores, self.targets = np.concatenate(scores), np.concatenate(targets)
        self.probed = np.concatenate(kept)[:_PROBED]
        self.bad_images, self.bad_scores, self.bad_targets = bad_images, bad_scores, bad_targets
        self.examples = np.stack([first[k] for k in sorted(first)][:examples])  # (n, C, H, W)
        self.classes, self.shape = self.scores.shape[1], self.probed.shape[1:]

    @property
    def accuracy(self) -> float:
        """In [0, 1]."""
        return float(np.mean(self.scores.argmax(axis=1) == self.targets))

    @property
    def loss(self) -> float:
        """The mean cross-entropy, in nats."""
        p = probing.probabilities(self.scores)[np.arange(len(self.targets)), self.targets]
        return float(-np.log(np.maximum(p, 1e-300)).mean())


# --------------------------------------------------------------------------------------------------------- sections
def _summarized(
    model: Module, table: ModelSummary, seen: _Evaluation, history: Any, facts: Mapping[str, Any]
) -> pages.Section:
    from .. import __version__

    count = len(seen.targets)
    wrong = round(count * (1 - seen.accuracy))
    rows: dict[str, Any] = {
        "model": type(model).__name__,
        "parameters": f"{table.parameters:,}" + (f", {table.trainable:,} of them trained" if table.frozen else ""),
        "multiply-adds an image": f"{table.mult_adds:,}",
        "accuracy": f"{style.percent(seen.accuracy)} of {count:,} images ({wrong:,} wrong)",
        "loss (cross-entropy)": seen.loss,
        "speed of the evaluation": f"{count / max(seen.seconds, 1e-9):,.0f} images/s",
        **_times(history),
        **facts,
        "made": time.strftime("%Y-%m-%d %H:%M"),
        "with": f"tinygrad_cnn {__version__}, NumPy {np.__version__}",
    }
    section = pages.Section("Summary")
    section.tabulate([(str(key), pages.cell(value)) for key, value in rows.items()])
    return section


def _examined(wrong: list[str]) -> pages.Section:
    section = pages.Section("Health")
    for text in wrong:
        section.warn(text)
    if not wrong:
        section.say("No dead units, gradients in every layer, and all parameters, outputs and scores are finite.")
    return section


def _times(history: Any) -> dict[str, str]:
    """What the history of one run says about epochs and time."""
    try:
        run = as_run(history, "report")
    except (TypeError, ValueError):  # none, or several
        return {}
    text = f"{len(run['epoch'])} epochs"
    if "seconds" in run:
        text += f" in {np.nansum(run['seconds']):,.1f} s"
    if "images_per_s" in run:
        text += f", {np.nanmean(run['images_per_s']):,.0f} images/s"
    return {"training": text}


def _learned(history: Any) -> list[pages.Section]:
    if history is None or len(history) == 0:
        return []
    section = pages.Section("Learning curves")
    section.draw(
        "Over the epochs: training as it went, with the weights still moving; validation after each epoch.",
        lambda: plot_learning_curves(history),
    )
    return [section]


def _judged(seen: _Evaluation, labels: list[str]) -> list[pages.Section]:
    confusion = pages.Section("Confusion matrix")
    confusion.draw(
        "Rows are true classes, columns what the model said. Blue is right; the deeper the orange, the larger the "
        "share of the row that went wrong there.",
        lambda: plot_confusion_matrix(seen.targets, seen.scores, display_labels=labels),
    )
    mistakes = pages.Section("Worst mistakes")
    if len(seen.bad_images) and seen.shape[0] in (1, 3):
        mistakes.draw(
            "The wrongly classified images with the highest loss, with the probabilities of what was predicted and of "
            "what is true.",
            lambda: plot_mistakes(
                seen.bad_images, seen.bad_targets, seen.bad_scores, count=_MISTAKES, display_labels=labels, title=None
            ),
        )
    else:
        mistakes.say("There are none." if not len(seen.bad_images) else "Images of these channels cannot be shown.")
    return [confusion, mistakes]


def _explained(model: Module, seen: _Evaluation, labels: list[str], layer: str | None) -> list[pages.Section]:
    saliency = pages.Section("Saliency")
    saliency.draw(
        "Below each image, how strongly each pixel moves the score of the predicted class: |d score / d pixel| "
        "(Simonyan et al., 2014).",
        lambda: plot_saliency(model, seen.examples, display_labels=labels, title=None),
    )
    ran = layers_of(model, Tensor(seen.examples[:1]))
    convolutions = [one.name for one in ran if "conv2d" in one.type.lower() and len(one.shape) == 4]
    if not convolutions and layer is None:
        return [saliency]
    filters, maps, cam = pages.Section("Filters"), pages.Section("Feature maps"), pages.Section("Grad-CAM")
    if any(isinstance(module, Conv2d) for module in model.modules()):
        filters.draw("The kernels of the first convolution, on one scale.", lambda: plot_filters(model))
    for one in dict.fromkeys([convolutions[0], convolutions[-1]] if layer is None else [layer]):
        maps.draw(f"What layer {one} makes of one image.", partial(plot_feature_maps, model, seen.examples, one))
    last = layer or convolutions[-1]
    cam.draw(
        f"Below each image, where layer {last} saw what speaks for the predicted class (Selvaraju et al., 2017).",
        lambda: plot_grad_cam(model, seen.examples, last, display_labels=labels, title=None),
    )
    return [section for section in (filters, maps, saliency, cam) if section.parts]


def _distributed(recorder: HistogramRecorder | None) -> list[pages.Section]:
    if recorder is None or not recorder.epochs:
        return []
    section = pages.Section("Weights and gradients")
    section.draw("The distribution of the weights, epoch after epoch.", lambda: plot_histograms(recorder))
    if any(h is not None for column in recorder.gradients.values() for h in column):
        section.draw(
            "The distribution of the gradients of each epoch's last batch.",
            lambda: plot_histograms(recorder, of="gradients"),
        )
    return [section]


def _flowing(statistics: list[LayerActivations], samples: int) -> pages.Section:
    section = pages.Section("Activations")
    dead = sum(len(layer.dead) for layer in statistics)
    section.draw(
        f"The outputs of the layers, and of the functions between them, for {samples:,} images. A unit is a channel or "
        f"a feature. Units that are zero for all of these images (dead): {dead}.",
        lambda: plot_activations(statistics),
    )
    return section


def _flowing_back(model: Module, seen: _Evaluation) -> tuple[list[LayerGradients], list[pages.Section]]:
    images, targets = seen.probed[:_GRADED], seen.targets[:_GRADED]
    with graded(model, images, targets) as some:
        if not some:
            return [], []
        section = pages.Section("Gradient flow")
        section.draw(
            f"The gradients of the loss of {len(images)} images, in evaluation mode. Beside a layer far from the "
            "others, one without a gradient, and one whose gradient is not finite stands what is wrong.",
            lambda: plot_gradient_flow(model),
        )
        return gradient_flow(model), [section]


def _graphed(model: Module, seen: _Evaluation) -> pages.Section:
    section = pages.Section("Computation graph")
    with probing.at_rest(model):
        graph = draw_graph(model, inputs=Tensor(seen.probed[:1]), title="")
    try:
        drawing = in_both(graph._as("svg").decode())
        section.embed("The operations behind the scores of one image, grouped by module.", drawing)
    except ImportError as error:
        section.say(f"Not drawn: {error}.")
    return section


def _layered(table: ModelSummary) -> pages.Section:
    section = pages.Section("Layers")
    cells = [row.cells() for row in table.layers]
    used = [i for i in range(len(HEADINGS)) if i < 3 or any(row[i] for row in cells)]
    section.tabulate([[row[i] for i in used] for row in cells], [HEADINGS[i] for i in used])
    section.say("For a batch of one image; receptive field in pixels of the input.")
    return section
