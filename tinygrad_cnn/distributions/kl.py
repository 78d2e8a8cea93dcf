"""How far one distribution is from another (Kullback and Leibler, 1951)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from ..ops.elementwise import abs, exp, log, square, where
from ..ops.reduce import sum as sum_over
from ..ops.special import erf, softplus
from ..tensors import Tensor
from .bernoulli import Bernoulli
from .categorical import Categorical
from .distribution import Distribution
from .exponential import Exponential
from .independent import Independent
from .laplace import Laplace
from .normal import Normal
from .uniform import Uniform

F = TypeVar("F", bound=Callable[..., Any])
_RULES: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[F], F]:
    """Decorate a function of (p, q) that gives their divergence, for these classes and those derived from them."""
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl takes two subclasses of Distribution, got {kind!r}")

    def register(rule: F) -> F:
        _RULES[type_p, type_q] = rule
        return rule

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The expectation under p of log p - log q, for each of the batch: at least 0, and 0 where p is q.

    Raises:
        NotImplementedError: no rule for these two; add one with `register_kl`.
    """
    found = [
        (type(p).__mro__.index(a) + type(q).__mro__.index(b), rule)
        for (a, b), rule in _RULES.items()
        if isinstance(p, a) and isinstance(q, b)
    ]
    if not found:
        raise NotImplementedError(
            f"kl_divergence: there is no rule for {type(p).__name__} and {type(q).__name__}; add one with register_kl"
        )
    return min(found, key=lambda pair: pair[0])[1](p, q)


@register_kl(Normal, Normal)
@register_kl(Uniform, Normal)
@register_kl(Laplace, Normal)
@register_kl(Exponential, Normal)
def _to_normal(p: Any, q: Normal) -> Tensor:
    """-log q is a parabola: its expectation needs mean and variance of p alone."""
    away = p.variance + square(p.mean - q.loc)
    return away / (square(q.scale) * 2) + log(q.scale) + math.log(2 * math.pi) / 2 - p.entropy()


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    d, s = p.loc - q.loc, p.scale * math.sqrt(2)
    away = s * exp(-square(d / s)) / math.sqrt(math.pi) + d * erf(d / s)  # the expectation of abs(x - q.loc)
    return away / q.scale + log(q.scale * 2) - p.entropy()


@register_kl(Laplace, Laplace)
def _laplace_laplace(p: Laplace, q: Laplace) -> Tensor:
    d = abs(p.loc - q.loc)
    return (d + p.scale * exp(-d / p.scale)) / q.scale + log(q.scale) - log(p.scale) - 1


@register_kl(Exponential, Exponential)
def _exponential_exponential(p: Exponential, q: Exponential) -> Tensor:
    return log(p.rate) - log(q.rate) + q.rate / p.rate - 1


@register_kl(Uniform, Uniform)
def _uniform_uniform(p: Uniform, q: Uniform) -> Tensor:
    outside = (q.low.detach() > p.low.detach()) | (q.high.detach() < p.high.detach())
    return where(outside, math.inf, log((q.high - q.low) / (p.high - p.low)))


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = _term(p.probs, q.probs, softplus(-q.logits) - softplus(-p.logits))
    return one + _term(1 - p.probs, 1 - q.probs, softplus(q.logits) - softplus(p.logits))


@register_kl(Categorical, Categorical)
def _categorical_categorical(p: Categorical, q: Categorical) -> Tensor:
    return sum_over(_term(p.probs, q.probs, p.logits - q.logits), -1)


def _term(p: Tensor, q: Tensor, ratio: Tensor) -> Tensor:
    """p times the logarithm of p / q: infinite where q is 0, and 0 where p is."""
    nothing = p.detach() == 0
    y = where(nothing, 0.0, p * where(nothing, 0.0, ratio))
    return where((q.detach() == 0) & ~nothing, math.inf, y)


@register_kl(Independent, Independent)
def _independent_independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: the two reinterpret different numbers of batch dimensions")
    return p.summed(kl_divergence(p.base_dist, q.base_dist))
