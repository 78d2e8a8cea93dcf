"""Cases of the losses of pairs, triplets and several labels. The references are loops over samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tests.ops.cases_loss import MARGINS, REDUCTIONS, STRICT, our_loss, reduced, torch_loss
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays


@st.composite
def triplets(draw: st.DrawFn, with_p: bool) -> Inputs:
    """Three vectors, or batches of them, whose losses stay away from 0 and whose distances from a tie."""
    lead = draw(st.sampled_from([(), (1,), (3,)]))
    d = draw(st.integers(1, 3))
    a, b, c = (draw(arrays((*lead, d), low, low + 1)) for low in (-2, -0.5, 1))
    kwargs: dict[str, Any] = {"margin": draw(st.sampled_from([1.0, 0.3, 4])), "swap": draw(st.booleans())}
    if with_p:
        kwargs["p"] = draw(st.sampled_from([2.0, 1.0, 3]))
    near, far, other = (distance(x, y, kwargs.get("p", 2)) for x, y in ((a, b), (a, c), (b, c)))
    for _ in range(3):  # away from the kink of the losses
        gaps = [near + kwargs["margin"] - far, near + kwargs["margin"] - other]
        kwargs["margin"] += 0.05 * any((np.abs(gap) < 0.02).any() for gap in gaps)
    kwargs["swap"] &= bool((np.abs(far - other) > 0.02).all())
    return [a, b, c], kwargs | {"reduction": draw(REDUCTIONS)}


def distance(a: Any, b: Any, p: float, eps: float = 1e-6) -> Any:
    return (np.abs(a - b + eps) ** p).sum(-1) ** (1 / p)


def triplet(a: Any, b: Any, c: Any, margin: float, swap: bool, reduction: str, p: float = 2) -> Any:
    far = distance(a, c, p)
    if swap:
        far = np.minimum(far, distance(b, c, p))
    return reduced(np.maximum(distance(a, b, p) + margin - far, 0), reduction)


@st.composite
def angles(draw: st.DrawFn) -> Inputs:
    lead = draw(st.sampled_from([(), (1,), (3,)]))
    d = draw(st.integers(1, 3))
    target = draw(arrays(lead, dtype=bool))
    a, b = (draw(arrays((*lead, d), 0.2, 2.0)) for _ in range(2))
    b = np.where(draw(arrays((*lead, 1), dtype=bool)), b, -b)
    sign = np.where(target, 1, -1)
    return [a, b, draw(st.sampled_from([sign, sign.astype(np.float64)]))], {
        "margin": draw(st.sampled_from([0.0, -0.3, 0.31])),
        "reduction": draw(REDUCTIONS),
    }


def cosine(a: Any, b: Any, t: Any, margin: float, reduction: str) -> Any:
    losses = np.zeros(t.shape)
    for place in np.ndindex(*t.shape):
        u, v = a[place], b[place]
        cos = float(u @ v) / math.sqrt((float(u @ u) + 1e-12) * (float(v @ v) + 1e-12))
        losses[place] = 1 - cos if t[place] == 1 else max(0.0, cos - margin) if t[place] == -1 else 0.0
    return reduced(losses, reduction)


@st.composite
def several_labels(draw: st.DrawFn) -> Inputs:
    lead = draw(st.sampled_from([(), (1,), (3,)]))
    classes = draw(st.integers(1, 3))
    inputs = [draw(arrays((*lead, classes))), draw(arrays((*lead, classes), 0.0, 1.0))]
    kwargs: dict[str, Any] = {"reduction": draw(REDUCTIONS)}
    if draw(st.booleans()):
        kwargs["weight"] = draw(arrays((classes,), 0.3, 2))
    return inputs, kwargs


def soft(x: Any, t: Any, reduction: str, weight: Any = 1.0) -> Any:
    losses = t * np.log1p(np.exp(-x)) + (1 - t) * np.log1p(np.exp(x))
    return reduced((losses * weight).mean(-1), reduction)


@st.composite
def listed_labels(draw: st.DrawFn) -> Inputs:
    lead = draw(st.sampled_from([(), (1,), (3,)]))
    classes = draw(st.integers(1, 4))
    target = np.full((*lead, classes), -1, np.int64)
    for place in np.ndindex(*lead):
        found = draw(st.lists(st.integers(0, classes - 1), max_size=classes))
        target[place][: len(found)] = found
        if len(found) + 1 < classes:
            target[place][len(found) + 1 :] = draw(st.integers(0, classes - 1))  # beyond the end
    return [draw(arrays((*lead, classes))), target], {"reduction": draw(REDUCTIONS)}


def margins(x: Any, t: Any, reduction: str) -> Any:
    losses = np.zeros(x.shape[:-1])
    for place in np.ndindex(*losses.shape):
        has = []
        for label in t[place]:
            if label < 0:
                break
            has.append(label)
        for j in has:
            losses[place] += sum(max(0.0, 1 - x[place][j] + v) for i, v in enumerate(x[place]) if i not in has)
    return reduced(losses / max(x.shape[-1], 1), reduction)


INTEGERS = tuple(
    (probe, "PyTorch takes vectors of integers, and of two dtypes; we raise")
    for probe in ("integers", "booleans", "mixed dtypes")
)

ZEROS = tuple(
    (probe, "the slope beside a vector of zeros, divided by 1e-6, loses some of its last digits")
    for probe in ("ties and kinks", "special values")
)
KINK = (("ties and kinks", "at the kink of the loss, the rounding of the distances decides"),)

CASES = [
    Case(
        "nn.functional.triplet_margin_loss",
        triplets(True),
        F.triplet_margin_loss,
        triplet,
        torch_f("triplet_margin_loss"),
        differs=INTEGERS + KINK,
    ),
    Case(
        "nn.functional.triplet_margin_with_distance_loss",
        triplets(False),
        F.triplet_margin_with_distance_loss,
        triplet,
        torch_f("triplet_margin_with_distance_loss"),
        differs=INTEGERS + KINK,
    ),
    Case(
        "nn.functional.cosine_embedding_loss",
        angles(),
        F.cosine_embedding_loss,
        cosine,
        torch_f("cosine_embedding_loss"),
        wanted=(0, 1),
        differs=INTEGERS + ZEROS,
    ),
    Case(
        "nn.functional.multilabel_soft_margin_loss",
        several_labels(),
        our_loss("multilabel_soft_margin_loss"),
        soft,
        torch_loss("multilabel_soft_margin_loss"),
        wanted=(0,),
        differs=STRICT,
    ),
    Case(
        "nn.functional.multilabel_margin_loss",
        listed_labels(),
        F.multilabel_margin_loss,
        margins,
        torch_f("multilabel_margin_loss"),
        differs=MARGINS,
    ),
]
