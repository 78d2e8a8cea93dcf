"""What is wrong with a trained model, in words, the gravest first: what is not finite, and units that never fire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..nn.module import Module
from . import style
from .activations import LayerActivations
from .histograms import HistogramRecorder

_NAMED = 12  # units


def findings(
    model: Module, statistics: Sequence[LayerActivations], recorder: HistogramRecorder | None, scores: NDArray[Any]
) -> list[str]:
    """A sentence for each thing that is wrong; an empty list where nothing is.

    Args:
        model: its parameters are looked at as they are now.
        statistics: of its layers, in the order of the calls.
        recorder: of the training; says where it began.
        scores: (N, C), what the model gave.
    """
    return [*_dead(statistics), *_not_finite(model, statistics, recorder, scores)]


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
                named = ", ".join(map(str, dead[:_NAMED])) + (", ..." if count > _NAMED else "")
                found.append(
                    f"{layer.label}: {count:,} of {every:,} units are dead, zero for all {layer.samples:,} samples: "
                    f"{named}."
                )
        before = dead
    return found


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
