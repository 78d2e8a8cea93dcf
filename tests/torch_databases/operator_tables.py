"""What `operators` has to know of PyTorch's operators: how some are called; what is refused or differs, and why.

A row of a table names operators by a pattern, what the message says by a regular expression, and gives the reason. A
row that a whole run has no use for is printed at its end, and comes off the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tinygrad_cnn as tg


class Row(NamedTuple):
    """Some operators, what is said of a sample, and why it is well so."""

    names: str
    says: str
    reason: str


# Random, or memory as it comes: shape and dtype alone can agree.
NOT_BY_VALUE = (
    "bernoulli", "multinomial", "normal", "rand*", "empty*", "new_empty*", "exponential", "uniform", "log_normal",
    "cauchy", "geometric", "nn.functional.*dropout*", "nn.functional.rrelu",
)  # fmt: skip

IN_PLACE = ("cauchy", "exponential", "geometric", "log_normal", "uniform")  # random numbers into a tensor

# Where the database calls an operator otherwise than by its name and in the order of its arguments.
CALLS: dict[str, Callable[..., Any]] = {
    "einsum": lambda tensors, equation: tg.einsum(equation, tensors),
    "linalg.lstsq grad_oriented": lambda a, b, driver: tg.linalg.lstsq(a, b, driver=driver)[:2],
    "linalg.pinv singular": lambda a, b: tg.linalg.pinv(a @ b.mT),
    "nn.functional.embedding": lambda weight, index, **k: tg.nn.functional.embedding(index, weight, **k),
    "nn.functional.embedding_bag": lambda weight, index, **k: tg.nn.functional.embedding_bag(index, weight, **k),
    "normal": lambda x, *a, **k: tg.normal(x, *a, **k),
    "normal in_place": lambda x, *a, **k: x.normal_(*a, **k),
    "normal number_mean": lambda std, mean, *a, **k: tg.normal(mean, std, *a, **k),
    "polygamma": lambda x, n, **k: tg.polygamma(n, x, **k),
    "special.polygamma": lambda x, n, **k: tg.special.polygamma(n, x, **k),
    "where": lambda x, condition, other: tg.where(condition, x, other),
    "zero_": lambda x: x.clone().zero_(),
    **{name: (lambda x, *a, _name=f"{name}_", **k: getattr(x, _name)(*a, **k)) for name in IN_PLACE},
}

# How derivatives are taken where PyTorch's own way to do so needs its functions: of what is read alone.
WRAPPERS: dict[str, Callable[..., Any]] = {
    "cholesky_inverse": lambda f, x, upper=False: f(x.triu() if upper else x.tril(), upper),
}

# Valid samples that we refuse: what our error says.
REFUSED = [
    Row("nn.functional.*", "must be floating point, got dtype (int64|bool)", "nets compute in floating point"),
    Row("*", "is no number of dtype int64", "a fraction is not cut off to become an integer"),
    Row("__rpow__", "negative integer powers", "1 / 2 is no integer"),
    Row("nn.functional.*_norm", "eps must be at least 0", "a negative eps is a mistake"),
    Row("nn.functional.batch_norm", r"\(N, C, ...\), got \(0,\)", "a batch has two dimensions or more"),
    Row("nn.functional.avg_pool2d", r"stride must be .* got \(\)", "no stride is None, not an empty list"),
    Row("nn.functional.gaussian_nll_loss", "must have the same shape", "losses do not broadcast: it hides mistakes"),
    Row("nn.functional.interpolate", "needs input of shape|mode 'trilinear'", "there are no operations on volumes"),
    Row("nn.functional.upsample_nearest", "needs input of shape", "there are no operations on volumes"),
    Row("nn.functional.grid_sample", "volumes are not supported", "there are no operations on volumes"),
    Row("nn.functional.multilabel_margin_loss", r"expected input \(N, C\)", "scores need a dimension of classes"),
    Row("nn.functional.multi_margin_loss", "must have shape|needs class", "scores need a dimension of classes"),
    Row("addbmm", "cannot be written into a tensor of shape", "a write does not change the shape of a tensor"),
    Row("norm", "got 'nuc'", "the nuclear norm is linalg.matrix_norm's"),
]

# Wrong samples that we take: what PyTorch's error says.
TAKEN = [
    Row("*", r"must be Tensor, not int|got \(int, |doesn't apply to a 'int'", "a number may stand for a 0-d tensor"),
    Row("narrow", "must be an 0-dim integral Tensor", "True is 1"),
    Row("*", "unsupported operation: (more|some) .*written-to", "what goes into out= is computed before it is written"),
    Row("*", "Trying to resize storage", "out= of another shape is brought to the right one, with a warning"),
    Row("*", "[Ee]xpect(ed|s) .*out(,| tensor)", "what goes into out= takes its dtype"),
]

# Valid samples whose results or derivatives differ on purpose: the sample, and what differs.
DIFFERS = [
    Row("add*mv", r"int64.*dtype float32", "PyTorch cuts the fractions of alpha and beta off"),
    Row("*addbmm", r"int64.*dtype float32", "PyTorch cuts the fractions of alpha and beta off"),
    Row("addr", r"bool.*dtype int64", "alpha and beta are numbers, which PyTorch makes truths"),
    Row("cov", r"float64.*float32\[\d+\]\): result", "PyTorch adds up float32 weights of float64 numbers in float32"),
    Row("linalg.norm", "second derivative .* PyTorch .*nan", "the slope of a norm at 0 is taken as 0"),
    Row(
        "nn.functional.max_unpool*",
        "gradient 0",
        "of several numbers for one place, the last is written and has the slope",
    ),
    Row("nn.functional.scaled_dot_product_attention", "dropout_p=0.5", "random"),
    Row("nn.functional.multi_head_attention_forward", r", 0\.5, .*training=True", "random"),
    Row("nn.functional.hardsigmoid", "gradient 0", "PyTorch's 1 / 6 is one of float32"),
    Row("nn.functional.local_response_norm", r"int64\[0.* dtype float32", "of nothing, too, it is no integer"),
]
