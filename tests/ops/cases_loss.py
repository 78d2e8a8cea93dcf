"""Cases of the losses. The references are loops over samples and elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tests.ops.cases_elementwise import loop
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays, shapes

REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


# -------------------------------------------------------------------------------------------------------------- inputs
def some(inputs: st.SearchStrategy[Inputs]) -> st.SearchStrategy[Inputs]:
    """The inputs, with a sum in place of a mean over nothing: that is NaN, and test_loss looks at it."""

    def settle(drawn: Inputs) -> Inputs:
        (x, t, *_), kwargs = drawn
        nothing = x.size == 0 or ("ignore_index" in kwargs and (t == kwargs["ignore_index"]).all())
        mean = kwargs["reduction"] in ("mean", "batchmean")
        return drawn[0], kwargs | ({"reduction": "sum"} if nothing and mean else {})

    return inputs.map(settle)


@st.composite
def scores_and_classes(
    draw: st.DrawFn, weighted: bool = True, ignoring: bool = True, ranks: int = 4, least: int = 0
) -> Inputs:
    """Scores (C,), (N, C), (N, C, d1) or (N, C, d1, d2), class indices, perhaps class weights and an ignored index."""
    classes = draw(st.integers(1, 3))
    rank = draw(st.integers(1, ranks))
    lead = draw(shapes(1, 1, least, 3)) if rank > 1 else ()
    rest = draw(shapes(min_dims=rank - 2, max_dims=rank - 2, min_side=1, max_side=2)) if rank > 2 else ()
    inputs = [
        draw(arrays((*lead, classes, *rest))),
        draw(arrays((*lead, *rest), dtype=np.int64, min_value=0, max_value=classes - 1)),
    ]
    kwargs: dict[str, Any] = {"reduction": draw(REDUCTIONS)}
    if weighted and draw(st.booleans()):
        kwargs["weight"] = draw(arrays((classes,), 0.3, 2))
    if ignoring and draw(st.booleans()):
        kwargs["ignore_index"] = draw(st.sampled_from([0, -7]))
        if kwargs["ignore_index"] < 0:
            skipped = draw(arrays(inputs[1].shape, dtype=bool))
            inputs[1] = np.where(skipped, kwargs["ignore_index"], inputs[1])
    return inputs, kwargs


@st.composite
def cross_entropy_inputs(draw: st.DrawFn) -> Inputs:
    inputs, kwargs = draw(scores_and_classes())
    kwargs["label_smoothing"] = draw(st.sampled_from([0.0, 0.0, 0.1, 1.0]))
    return inputs, kwargs


@st.composite
def probability_inputs(draw: st.DrawFn) -> Inputs:
    """Scores and probabilities of one shape."""
    shape = draw(shapes(min_dims=1, max_dims=3, min_side=1, max_side=3, max_size=18))
    inputs = [draw(arrays(shape)), draw(arrays(shape, 0.1, 0.9))]
    kwargs = {"reduction": draw(REDUCTIONS), "label_smoothing": draw(st.sampled_from([0.0, 0.2]))}
    if draw(st.booleans()):
        kwargs["weight"] = draw(arrays((shape[1 if len(shape) > 1 else 0],), 0.3, 2))
    return inputs, kwargs


@st.composite
def margin_inputs(draw: st.DrawFn) -> Inputs:
    """Scores on a grid, a margin off it: no gap is 0."""
    inputs, kwargs = draw(scores_and_classes(ignoring=False, ranks=2, least=1))
    inputs[0] = np.round(inputs[0], 1)
    kwargs |= {"p": draw(st.sampled_from([1, 2])), "margin": draw(st.sampled_from([1.05, 0.45]))}
    return inputs, kwargs


@st.composite
def pair(draw: st.DrawFn, **settings: st.SearchStrategy[Any]) -> Inputs:
    """Two arrays of one shape, and settings drawn one by one."""
    shape = draw(shapes(max_size=12))
    inputs = [draw(arrays(shape)), draw(arrays(shape))]
    return inputs, {"reduction": draw(REDUCTIONS)} | {k: draw(s) for k, s in settings.items()}


@st.composite
def distant_pair(draw: st.DrawFn, kinks: tuple[float, ...] = (0.0,), name: str = "", weighted: bool = False) -> Inputs:
    """Two arrays whose difference is neither 0 nor +-kink."""
    k = draw(st.sampled_from(kinks))
    shape = draw(shapes(max_size=12))
    b = draw(arrays(shape))
    inputs = [b + draw(arrays(shape, -4, 4, (-k, 0.0, k))), b]
    kwargs: dict[str, Any] = {"reduction": draw(REDUCTIONS)}
    if name:
        kwargs[name] = k
    if weighted and draw(st.booleans()):
        kwargs["weight"] = draw(arrays(shape, 0.3, 2))
    return inputs, kwargs


@st.composite
def weights(draw: st.DrawFn, shape: tuple[int, ...], name: str) -> dict[str, Any]:
    return {name: draw(arrays(shape, 0.3, 2))} if draw(st.booleans()) else {}


@st.composite
def two_probabilities(draw: st.DrawFn) -> Inputs:
    shape = draw(shapes(max_size=12))
    kwargs = {"reduction": draw(REDUCTIONS)} | draw(weights(shape, "weight"))
    return [draw(arrays(shape, 0.1, 0.9)), draw(arrays(shape, 0.1, 0.9))], kwargs


@st.composite
def logits(draw: st.DrawFn) -> Inputs:
    shape = draw(shapes(max_size=12))
    kwargs = {"reduction": draw(REDUCTIONS)} | draw(weights(shape, "weight")) | draw(weights(shape[-1:], "pos_weight"))
    return [draw(arrays(shape, away_from=(0.0,))), draw(arrays(shape, 0, 1))], kwargs


@st.composite
def divergence(draw: st.DrawFn) -> Inputs:
    shape = draw(shapes(max_size=12))
    log_target = draw(st.booleans())
    target = draw(arrays(shape, -2, 1)) if log_target else draw(arrays(shape, 0.1, 1))
    reduction = draw(st.sampled_from(["mean", "sum", "none", *(["batchmean"] if shape else [])]))
    return [draw(arrays(shape)), target], {"reduction": reduction, "log_target": log_target}


@st.composite
def signed(draw: st.DrawFn, how_many: int = 1, margin: bool = True) -> Inputs:
    """Scores on a grid and targets -1 and 1, away from the kink of a margin off that grid."""
    shape = draw(shapes(max_size=12))
    scores = [np.round(draw(arrays(shape)), 1) + 0.02 * k for k in range(how_many)]
    target = np.where(draw(arrays(shape, dtype=bool)), 1.0, -1.0)
    kwargs = {"reduction": draw(REDUCTIONS)} | ({"margin": draw(st.sampled_from([1.05, 0.45]))} if margin else {})
    return [*scores, target], kwargs


@st.composite
def hinge_inputs(draw: st.DrawFn) -> Inputs:
    inputs, kwargs = draw(signed(margin=False))
    return [inputs[0] + 0.05, inputs[1]], kwargs


@st.composite
def gaussian_inputs(draw: st.DrawFn) -> Inputs:
    shape = draw(shapes(min_dims=1, max_size=12))
    var = draw(st.sampled_from([shape, shape[:-1], (*shape[:-1], 1)]))
    inputs = [draw(arrays(shape)), draw(arrays(shape)), draw(arrays(var, 0.3, 2))]
    return inputs, {"reduction": draw(REDUCTIONS), "full": draw(st.booleans())}


@st.composite
def poisson_inputs(draw: st.DrawFn) -> Inputs:
    shape = draw(shapes(max_size=12))
    log_input, full = draw(st.booleans()), draw(st.booleans())
    inputs = [draw(arrays(shape, *((-2, 2) if log_input else (0.2, 3)))), draw(arrays(shape, 0.1, 4, (1.0,)))]
    return inputs, {"reduction": draw(REDUCTIONS), "log_input": log_input, "full": full}


# ---------------------------------------------------------------------------------------------------------- references
def reduced(losses: Any, reduction: str, total: float | None = None) -> Any:
    losses = np.asarray(losses, np.float64)
    with np.errstate(all="ignore"):
        if reduction == "mean":
            return np.asarray(losses.sum() / np.float64(losses.size if total is None else total))
        return np.asarray(losses.sum()) if reduction == "sum" else losses


def elementwise(f: Callable[..., float]) -> Callable[..., Any]:
    """A loss of one prediction and one target, with settings."""

    def reference(a: Any, b: Any, reduction: str, weight: Any = None, **settings: Any) -> Any:
        losses = loop(lambda x, t: f(x, t, **settings))(a, b)
        if weight is None:
            return reduced(losses, reduction)
        by_weight = reduction == "mean" and f is not huber
        return reduced(losses * weight, reduction, weight.sum() if by_weight else None)

    return reference


def log_softmax(scores: Any) -> Any:
    return scores - np.log(np.exp(scores).sum())


def samples(x: Any, t: Any) -> Any:
    """(place, scores, class) of each sample."""
    if x.ndim == 1:
        return [((), x, int(t))]
    return [(place, x[(place[0], slice(None), *place[1:])], int(t[place])) for place in np.ndindex(*t.shape)]


def cross_entropy(
    x: Any,
    t: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    logs: bool = False,
) -> Any:
    losses, total = np.zeros(t.shape), 0.0
    for place, scores, k in samples(x, t):
        if k == ignore_index:
            continue
        w = np.ones(len(scores)) if weight is None else weight
        log_p = scores if logs else log_softmax(scores)
        losses[place] = -(1 - label_smoothing) * w[k] * log_p[k] - label_smoothing / len(scores) * (w * log_p).sum()
        total += w[k]
    return reduced(losses, reduction, total)


def cross_entropy_of_probabilities(
    x: Any, p: Any, weight: Any = None, reduction: str = "mean", label_smoothing: float = 0.0
) -> Any:
    if x.ndim == 1:
        x, p = x[None], p[None]
        single = True
    else:
        single = False
    C = x.shape[1]
    losses = np.zeros((x.shape[0], *x.shape[2:]))
    for place in np.ndindex(*losses.shape):
        at = (place[0], slice(None), *place[1:])
        q = p[at] * (1 - label_smoothing) + label_smoothing / C
        losses[place] = -(q * log_softmax(x[at]) * (1 if weight is None else weight)).sum()
    return reduced(losses[0] if single and reduction == "none" else losses, reduction)


def multi_margin(x: Any, t: Any, weight: Any = None, p: int = 1, margin: float = 1.0, reduction: str = "mean") -> Any:
    losses = np.zeros(t.shape)
    for place, scores, k in samples(x, t):
        gaps = [max(0.0, margin - scores[k] + s) ** p for i, s in enumerate(scores) if i != k]
        losses[place] = sum(gaps) / len(scores) * (1 if weight is None else weight[k])
    return reduced(losses, reduction)


def huber(x: float, t: float, delta: float) -> float:
    d = abs(x - t)
    return d * d / 2 if d <= delta else delta * (d - delta / 2)


def smooth_l1(x: float, t: float, beta: float) -> float:
    return abs(x - t) if beta == 0 else huber(x, t, beta) / beta


def bce(
    x: Any, t: Any, weight: Any = None, pos_weight: Any = 1.0, reduction: str = "mean", logits: bool = False
) -> Any:
    p = 1 / (1 + np.exp(-x)) if logits else x
    losses = -(pos_weight * t * np.log(p) + (1 - t) * np.log(1 - p))
    return reduced(losses if weight is None else losses * weight, reduction)


def kl(x: Any, t: Any, reduction: str, log_target: bool) -> Any:
    p = np.exp(t) if log_target else t
    losses = p * (np.log(p) - x)
    if reduction == "batchmean":
        return reduced(losses, "mean", len(x))
    return reduced(losses, reduction)


def hinge_embedding(x: float, t: float, margin: float) -> float:
    return x if t == 1 else max(0.0, margin - x)


def margin_ranking(a: Any, b: Any, t: Any, **settings: Any) -> Any:
    return elementwise(lambda d, s, margin: max(0.0, margin - s * d))(a - b, t, **settings)


def gaussian(x: Any, t: Any, var: Any, reduction: str, full: bool) -> Any:
    var = var if var.ndim == x.ndim else var[..., None]
    losses = 0.5 * (np.log(var) + (x - t) ** 2 / var) + (0.5 * math.log(2 * math.pi) if full else 0)
    return reduced(losses, reduction)


def poisson(x: float, t: float, log_input: bool, full: bool) -> float:
    loss = math.exp(x) - t * x if log_input else x - t * math.log(x + 1e-8)
    return loss + (t * math.log(t) - t + 0.5 * math.log(2 * math.pi * t) if full and t > 1 else 0)


def torch_loss(name: str) -> Callable[..., Any]:
    """PyTorch's loss; weights among the keyword arguments become tensors."""

    def call(*inputs: Any, **kwargs: Any) -> Any:
        import torch

        given = {k: torch.tensor(v).to(inputs[0].dtype) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
        return torch_f(name)(*inputs, **given)

    return call


def our_loss(name: str) -> Callable[..., Any]:
    """Our loss; weights among the keyword arguments have the dtype of the input."""

    def call(*inputs: Any, **kwargs: Any) -> Any:
        given = {k: v.astype(inputs[0].dtype) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
        return getattr(F, name)(*inputs, **given)

    return call


def _case(name: str, draw: Any, reference: Any, **rest: Any) -> Case:
    return Case(f"nn.functional.{name}", some(draw), our_loss(name), reference, torch=torch_loss(name), **rest)


BROADCASTS = "PyTorch broadcasts, with a warning at best; we raise"
PROMOTES = "PyTorch promotes one side to the dtype of the other; we raise"
NO_BROADCAST = tuple(
    (probe, BROADCASTS) for probe in ("a dimension more", "a dimension fewer", "another size", "nothing")
)
STRICT = (*NO_BROADCAST, ("mixed dtypes", PROMOTES), ("integers", PROMOTES), ("booleans", PROMOTES))

ZERO = (("special values", "the slope by a target of 0 is NaN in PyTorch"), ("ties and kinks", "as for special values"))
MARGINS = (
    ("NaN", "a NaN is no loss for PyTorch"),
    ("nothing", "PyTorch gives memory it has not set for the sum over no samples"),
    ("no dimensions", "PyTorch takes a single number for the scores of one class"),
    ("a dimension fewer", "as for no dimensions"),
    ("a dimension more", "PyTorch takes classes of shape (1,) for scores of shape (C,)"),
)
NO_CLASSES = tuple((probe, "PyTorch takes an ignored sample of no classes") for probe in ("nothing", "another size"))
ONE_SAMPLE = MARGINS[-2:]
CUT_OFF = tuple(
    (probe, "the slope by a target ends with the logarithm, at 100; PyTorch's is infinite")
    for probe in ("ties and kinks", "special values")
)
LIMITS = (("special values", "an infinite score with a target of 0 or 1 is NaN, or inf, in either"),)
INFINITY = (("special values", "the slope of abs(inf - inf) is NaN, not 0"),)
INFINITE = (("special values", "a target is -1 or 1, and not infinite"),)
INTEGERS = tuple((probe, "PyTorch takes integer distances") for probe in ("integers", "booleans", "mixed dtypes"))

CASES = [
    _case("cross_entropy", cross_entropy_inputs(), cross_entropy, wanted=(0,), differs=NO_CLASSES),
    _case("cross_entropy", probability_inputs(), cross_entropy_of_probabilities, note="probabilities", differs=STRICT),
    _case(
        "nll_loss",
        scores_and_classes(),
        lambda *a, **k: cross_entropy(*a, **k, logs=True),
        wanted=(0,),
        differs=ONE_SAMPLE + NO_CLASSES,
    ),
    _case("multi_margin_loss", margin_inputs(), multi_margin, wanted=(0,), differs=MARGINS),
    _case("mse_loss", distant_pair(weighted=True), elementwise(lambda x, t: (x - t) ** 2), differs=STRICT),
    _case("l1_loss", distant_pair(weighted=True), elementwise(lambda x, t: abs(x - t)), differs=STRICT + INFINITY),
    _case("smooth_l1_loss", distant_pair((1.0, 0.4, 0.0), "beta"), elementwise(smooth_l1), differs=STRICT),
    _case("huber_loss", distant_pair((1.0, 0.4), "delta", True), elementwise(huber), differs=STRICT),
    _case("binary_cross_entropy", two_probabilities(), bce, differs=STRICT + CUT_OFF),
    _case(
        "binary_cross_entropy_with_logits", logits(), lambda *a, **k: bce(*a, **k, logits=True), differs=STRICT + LIMITS
    ),
    _case("kl_div", divergence(), kl, differs=STRICT + ZERO),
    _case("gaussian_nll_loss", gaussian_inputs(), gaussian, differs=STRICT),
    _case("poisson_nll_loss", poisson_inputs(), elementwise(poisson), differs=STRICT + ZERO),
    _case("hinge_embedding_loss", signed(), elementwise(hinge_embedding), wanted=(0,), differs=NO_BROADCAST + INTEGERS),
    _case(
        "soft_margin_loss",
        pair(),
        elementwise(lambda x, t: math.log1p(math.exp(-x * t))),
        wanted=(0,),
        differs=STRICT + INFINITE,
    ),
    _case("margin_ranking_loss", signed(2), margin_ranking, differs=STRICT),
    Case("nn.functional.hinge_loss", some(hinge_inputs()), F.hinge_loss, elementwise(lambda x, t: max(0.0, 1 - t * x))),
]
