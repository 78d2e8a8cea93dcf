"""What is wrong with a trained model, in words: units that never fire, gradients that die, what is not finite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd.backward import grad
from ..nn.functional import cross_entropy
from ..nn.module import Module
from ..tensors import Tensor
from . import probing, style
from .activations import LayerActivations
from .flow import LayerGradients
from .histograms import HistogramRecorder

_NAMED = 12  # units


@contextmanager
def graded(model: Module, images: NDArray[Any], targets: NDArray[Any]) -> Iterator[bool]:
    """Within, parameters have the gradients of these images' cross-entropy in evaluation mode, then those they had.

    Gives whether there are any. Hooks that wait for a gradient to be added to ``.grad`` do not run.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    before = [p.grad for p in parameters]
    with probing.differentiating(model):
        loss = cross_entropy(model(Tensor(images)), Tensor(targets))
        found = grad(loss, parameters, allow_unused=True) if loss.requires_grad else ()
    try:
        for p, g in zip(parameters, found, strict=False):
            p.grad = g
        yield len(found) > 0
    finally:
        for p, g in zip(parameters, before, strict=True):
            p.grad = g


def findings(
    model: Module,
    statistics: Sequence[LayerActivations],
    flow: Sequence[LayerGradients],
    recorder: HistogramRecorder | None,
    scores: NDArray[Any],
) -> list[str]:
    """A sentence for each thing that is wrong; an empty list where nothing is.

    Args:
        model: its parameters are looked at as they are now.
        statistics: of its layers, in the order of the calls.
        flow: the gradients of its layers.
        recorder: of the training; says where it began.
        scores: (N, C), what the model gave.
    """
    return [*_dead(statistics), *_stuck(flow), *_not_finite(model, statistics, recorder, scores)]


def _dead(statistics: Sequence[LayerActivations]) -> list[str]:
    """Layers with units that are zero for every sample; once, where what follows only hands the zeros on."""
    found = []
    before: list[int] = []
    for layer in statistics:
        dead = layer.dead.tolist()
        if dead and dead != before:
            count, every = len(dead), len(layer.unit_zeros)
            if count == every:
                found.append(
                    f"{layer.label} is dead: all {every:,} units are zero for all {layer.samples:,} samples. Nothing "
                    "passes it, and what stands before it cannot learn."
                )
            else:
                named = ", ".join(map(str, dead[:_NAMED])) + (f" and {count - _NAMED:,} more" if count > _NAMED else "")
                found.append(
                    f"{layer.label}: {count:,} of {every:,} units are dead, zero for all {layer.samples:,} samples: "
                    f"{named}."
                )
        before = dead
    return found


def _stuck(flow: Sequence[LayerGradients]) -> list[str]:
    """Layers whose gradients vanish, explode, are none or not finite."""
    layers: dict[str, list[str]] = {}
    for layer in flow:
        label = f"{layer.name} {layer.type}".strip()
        if layer.nans or layer.infs:
            layers.setdefault("not finite", []).append(f"{label} ({layer.verdict})")
        elif layer.verdict:
            layers.setdefault(layer.verdict, []).append(label)
    return [f"Gradients, {verdict}: {', '.join(names)}." for verdict, names in layers.items()]


def _not_finite(
    model: Module, statistics: Sequence[LayerActivations], recorder: HistogramRecorder | None, scores: NDArray[Any]
) -> list[str]:
    found = []
    began = None if recorder is None else recorder.first_not_finite
    if began is not None:
        found.append(f"The training met what is not finite, first in {began}.")
    wrong = [(name, p._array) for name, p in model.named_parameters() if not np.isfinite(p._array).all()]
    for name, array in wrong[:1]:
        place = ", ".join(str(i) for i in np.argwhere(~np.isfinite(array))[0])
        counts = style.not_finite(int(np.isnan(array).sum()), int(np.isinf(array).sum()), array.size)
        more = f"; so have {len(wrong) - 1} more parameters" if len(wrong) > 1 else ""
        found.append(f"The parameter {name} has values that are not finite, {counts}, first at [{place}]{more}.")
    for layer in [layer for layer in statistics if layer.not_finite][:1]:
        found.append(f"The first output that is not finite is that of {layer.label}: {layer.not_finite} values.")
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        found.append(f"The scores of {bad:,} of {len(scores):,} images are not finite: what they say means nothing.")
    return found
