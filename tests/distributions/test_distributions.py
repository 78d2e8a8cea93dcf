"""Distributions: values and derivatives beside PyTorch, draws by their moments, divergences, and what is refused."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import autograd
from tinygrad_cnn import distributions as D

R = np.random.default_rng(0)
NORMAL = {"loc": R.normal(size=(3, 1)), "scale": R.uniform(0.5, 2, (2,))}
CASES: list[tuple[str, dict[str, Any], Any]] = [  # class, parameters, values
    ("Normal", NORMAL, R.normal(size=(4, 3, 2))),
    ("Uniform", {"low": R.uniform(-1, 0, (3, 1)), "high": R.uniform(1, 2, (2,))}, R.uniform(0, 1, (3, 2))),
    ("Exponential", {"rate": R.uniform(0.5, 2, (3,))}, R.uniform(0.1, 2, (2, 3))),
    ("Laplace", NORMAL, R.normal(size=(3, 2))),
    ("Bernoulli", {"probs": R.uniform(0.1, 0.9, (3,))}, R.integers(0, 2, (4, 3)).astype(float)),
    ("Bernoulli", {"logits": R.normal(size=(3,))}, R.integers(0, 2, (4, 3)).astype(float)),
    ("Categorical", {"probs": R.uniform(0.1, 0.9, (3, 4))}, R.integers(0, 4, (2, 3))),
    ("Categorical", {"logits": R.normal(size=(3, 4))}, R.integers(0, 4, (2, 3))),
    ("Categorical", {"logits": R.normal(size=(4,))}, R.integers(0, 4, (5,))),
]
IDS = [f"{name}-{'-'.join(given)}" for name, given, _ in CASES]


@pytest.fixture
def torch(torch: Any) -> Any:
    """PyTorch, checking what it is told: its compiler leaves that switched off."""
    torch.distributions.Distribution.set_default_validate_args(True)
    return torch


def made(library: Any, tensor: Any, case: tuple[str, dict[str, Any], Any]) -> tuple[Any, list[Any]]:
    """A distribution and its parameters, which want gradients."""
    name, given, _ = case
    leaves = {key: tensor(value, requires_grad=True) for key, value in given.items()}
    return getattr(library, name)(**leaves), list(leaves.values())


def both(torch: Any, case: tuple[str, dict[str, Any], Any]) -> tuple[Any, Any, list[Any], list[Any]]:
    ours, xs = made(D, tg.tensor, case)
    theirs, ts = made(torch.distributions, torch.tensor, case)
    return ours, theirs, xs, ts


def same(torch: Any, y: Any, z: Any, xs: list[Any], ts: list[Any]) -> None:
    """Values, first and second derivatives."""
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-10, atol=1e-13)
    assert y.requires_grad == z.requires_grad
    if not z.requires_grad:
        return
    w = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
    g = autograd.grad([y], xs, [tg.tensor(w)], create_graph=True, allow_unused=True)
    h = torch.autograd.grad([z], ts, [torch.tensor(w)], create_graph=True, allow_unused=True)
    pairs = [(a, b) for a, b in zip(g, h, strict=True) if b is not None]
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-12)
    again = [(a, b) for a, b in pairs if b.requires_grad and a.requires_grad]
    if again:
        gg = autograd.grad([(a * a).sum() for a, _ in again], xs, retain_graph=True, allow_unused=True)
        hh = torch.autograd.grad([(b * b).sum() for _, b in again], ts, retain_graph=True, allow_unused=True)
        for a, b in zip(gg, hh, strict=True):
            if a is not None and b is not None:
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_beside_pytorch(torch: Any, case: tuple[str, dict[str, Any], Any]) -> None:
    ours, theirs, xs, ts = both(torch, case)
    assert (ours.batch_shape, ours.event_shape) == (tuple(theirs.batch_shape), tuple(theirs.event_shape))
    assert ours.has_rsample == theirs.has_rsample
    assert ours.has_enumerate_support == theirs.has_enumerate_support
    value = case[2]
    same(torch, ours.log_prob(tg.tensor(value)), theirs.log_prob(torch.tensor(value)), xs, ts)
    same(torch, ours.entropy(), theirs.entropy(), xs, ts)
    same(torch, ours.perplexity(), theirs.perplexity(), xs, ts)
    for name in ("mean", "mode", "variance", "stddev", "probs", "logits"):
        if hasattr(theirs, name):
            a, b = getattr(ours, name), getattr(theirs, name)
            np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-10, err_msg=name)
    if ours.has_rsample:
        same(torch, ours.cdf(tg.tensor(value)), theirs.cdf(torch.tensor(value)), xs, ts)
        u = np.random.default_rng(2).uniform(0.05, 0.95, ours.batch_shape)
        same(torch, ours.icdf(tg.tensor(u)), theirs.icdf(torch.tensor(u)), xs, ts)
        v = tg.tensor(value, requires_grad=True)
        t = torch.tensor(value, requires_grad=True)
        same(torch, ours.log_prob(v) + v * 0, theirs.log_prob(t) + t * 0, [*xs, v], [*ts, t])
    else:
        for expand in (False, True):
            a, b = ours.enumerate_support(expand), theirs.enumerate_support(expand)
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        assert ours.param_shape == tuple(theirs.param_shape)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_expand(torch: Any, case: tuple[str, dict[str, Any], Any]) -> None:
    ours, theirs, xs, ts = both(torch, case)
    shape = (2, *ours.batch_shape)
    wide, broad = ours.expand(shape), theirs.expand(torch.Size(shape))
    assert wide.batch_shape == shape
    assert type(wide) is type(ours)
    same(torch, wide.entropy(), broad.entropy(), xs, ts)
    value = np.broadcast_to(case[2].reshape(-1)[:1], shape).copy()
    same(torch, wide.log_prob(tg.tensor(value)), broad.log_prob(torch.tensor(value)), xs, ts)
    assert wide.sample((3,)).shape == (3, *shape)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_draws_have_the_moments(case: tuple[str, dict[str, Any], Any]) -> None:
    tg.manual_seed(0)
    d, _ = made(D, tg.tensor, case)
    n = 40_000
    x = d.sample((n,))
    assert x.shape == (n, *d.batch_shape)
    assert not x.requires_grad
    a = x.numpy()
    if case[0] == "Categorical":
        counts = np.stack([(a == k).mean(0) for k in range(4)], -1)
        np.testing.assert_allclose(counts, d.probs.numpy(), atol=5 * 0.5 / math.sqrt(n))
        assert a.dtype == np.int64
        return
    std = d.stddev.numpy()
    assert (np.abs(a.mean(0) - d.mean.numpy()) < 5 * std / math.sqrt(n)).all()
    assert (np.abs(a.var(0) / d.variance.numpy() - 1) < 5 * 3 / math.sqrt(n)).all()
    assert d.support.check(x).numpy().all()
    if d.has_rsample:  # by the distribution function, the draws spread evenly
        u = np.sort(d.cdf(x).numpy(), 0)
        assert np.abs(u - ((np.arange(n) + 0.5) / n).reshape(-1, *[1] * (a.ndim - 1))).max() < 2 / math.sqrt(n)


@pytest.mark.parametrize("case", [c for c in CASES if c[0] not in ("Bernoulli", "Categorical")], ids=lambda c: c[0])
def test_rsample_is_differentiable(case: tuple[str, dict[str, Any], Any]) -> None:
    """With the noise held fast, the draw moves as differences say it does."""

    def draw(move: float) -> tuple[Any, list[Any]]:
        leaves = {k: tg.tensor(v + move, requires_grad=True) for k, v in case[1].items()}
        tg.manual_seed(5)
        return getattr(D, case[0])(**leaves).rsample((2,)), list(leaves.values())

    y, xs = draw(0.0)
    y.sum().backward()
    slope = (draw(1e-6)[0].numpy().sum() - draw(-1e-6)[0].numpy().sum()) / 2e-6
    np.testing.assert_allclose(sum(x.grad.numpy().sum() for x in xs), slope, rtol=1e-6)


def test_numbers_make_float32() -> None:
    for d in (D.Normal(0, 1), D.Uniform(0.0, 1.0), D.Exponential(2), D.Laplace(0.0, 1.0), D.Bernoulli(0.3)):
        assert d.batch_shape == ()
        assert d.sample().dtype == np.float32
        assert d.entropy().dtype == np.float32
    assert D.Normal(tg.zeros(2, dtype=tg.float64), 1.0).sample().dtype == np.float64
    assert D.Bernoulli(tg.tensor([1])).sample().tolist() == [1.0]


def test_asking_first_without_recording_loses_no_gradient() -> None:
    logits = tg.zeros(3, requires_grad=True)
    for d in (D.Categorical(logits=logits), D.Bernoulli(logits=logits)):
        with tg.no_grad():
            d.sample()
        logits.grad = None
        (d.probs * tg.tensor([1.0, 2.0, 3.0])).sum().backward()
        assert logits.grad is not None


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_probabilities_add_up(case: tuple[str, dict[str, Any], Any]) -> None:
    """The density is the slope of the distribution function, or all probabilities together are 1; and the entropy."""
    d, _ = made(D, tg.tensor, case)
    if d.has_enumerate_support:
        log = d.log_prob(d.enumerate_support()).numpy()
        np.testing.assert_allclose(np.exp(log).sum(0), 1, rtol=1e-12)
        np.testing.assert_allclose(-(np.exp(log) * log).sum(0), d.entropy().numpy(), rtol=1e-12)
        return
    x = tg.tensor(case[2], requires_grad=True)
    d.cdf(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(d.log_prob(x).numpy()) * np.ones(x.shape), rtol=1e-9)
    np.testing.assert_allclose(d.icdf(d.cdf(x)).numpy(), (x + 0 * d.mean).numpy(), rtol=1e-9)
    tg.manual_seed(2)
    log = d.log_prob(d.sample((100_000,))).numpy()
    assert (np.abs(log.mean(0) + d.entropy().numpy()) <= 5 * log.std(0) / math.sqrt(len(log)) + 1e-9).all()


@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (1, 2)])
def test_draws_of_every_shape(shape: tuple[int, ...]) -> None:
    certain = D.Categorical(tg.tensor([[0.0, 0.0, 1.0]]))
    draws = certain.sample(shape).numpy()
    assert draws.shape == (*shape, 1)
    assert (draws == 2).all()
    assert certain.sample((0, 2)).shape == (0, 2, 1)


def test_what_cannot_be_is_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with the random number 0, which comes once in millions."""
    monkeypatch.setattr("tinygrad_cnn.distributions.bernoulli.uniform_like", lambda shape, p: np.zeros(shape, p.dtype))
    assert D.Bernoulli(tg.tensor([0.0, 1.0])).sample((3,)).numpy().tolist() == [[0, 1]] * 3


def test_certain_events_are_no_distance_away() -> None:
    for kind in (D.Bernoulli, D.Categorical):
        sure = kind(tg.tensor([0.0, 1.0]))
        np.testing.assert_allclose(D.kl_divergence(sure, sure).numpy(), 0, atol=1e-6)


def test_certain_events(torch: Any) -> None:
    for p in ([0.0, 1.0], [1.0, 0.0]):
        a, b = np.array(p), np.array([0.25, 0.75])
        for name in ("Bernoulli", "Categorical"):
            ours = [getattr(D, name)(tg.tensor(x)) for x in (a, b)]
            theirs = [getattr(torch.distributions, name)(torch.tensor(x)) for x in (a, b)]
            np.testing.assert_allclose(ours[0].entropy().numpy(), theirs[0].entropy().numpy(), atol=1e-14)
            for i, j in ((0, 1), (1, 0), (0, 0)):
                y = D.kl_divergence(ours[i], ours[j]).numpy()
                z = torch.distributions.kl_divergence(theirs[i], theirs[j]).numpy()
                np.testing.assert_allclose(y, z, rtol=1e-12, atol=1e-13)
    u = D.Uniform(0.0, 1.0, validate_args=False)
    assert u.log_prob(tg.tensor([-0.5, 0.0, 1.0])).tolist() == [-math.inf, 0.0, -math.inf]
    assert D.Categorical(tg.ones(0, 3)).sample((2,)).shape == (2, 0)


PAIRS = [
    ("Normal", "Normal"),
    ("Laplace", "Laplace"),
    ("Normal", "Laplace"),
    ("Laplace", "Normal"),
    ("Uniform", "Uniform"),
    ("Uniform", "Normal"),
    ("Exponential", "Exponential"),
    ("Exponential", "Normal"),
    ("Bernoulli", "Bernoulli"),
    ("Categorical", "Categorical"),
]


def pair(library: Any, tensor: Any, names: tuple[str, str]) -> tuple[list[Any], list[Any]]:
    rng = np.random.default_rng(3)
    shapes = {"Categorical": ["logits"], "Bernoulli": ["logits"], "Exponential": ["rate"], "Uniform": ["low", "high"]}
    made, leaves = [], []
    for k, name in enumerate(names):
        keys = shapes.get(name, ["loc", "scale"])
        base = {"high": 3.0 + k, "low": -1.0 - k}
        values = [rng.uniform(0.4, 1.4, (3,)) + base.get(key, 0.0) for key in keys]
        leaves += [tensor(v, requires_grad=True) for v in values]
        made.append(getattr(library, name)(**dict(zip(keys, leaves[-len(keys) :], strict=True))))
    return made, leaves


@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_divergence_beside_pytorch(torch: Any, names: tuple[str, str]) -> None:
    (p, q), xs = pair(D, tg.tensor, names)
    (r, s), ts = pair(torch.distributions, torch.tensor, names)
    same(torch, D.kl_divergence(p, q), torch.distributions.kl_divergence(r, s), xs, ts)
    if names[0] == names[1]:
        np.testing.assert_allclose(D.kl_divergence(p, p).numpy(), 0, atol=1e-14)


@pytest.mark.parametrize("names", [n for n in PAIRS if n[0] not in ("Bernoulli", "Categorical")], ids="-".join)
def test_divergence_is_an_expectation(names: tuple[str, str]) -> None:
    tg.manual_seed(1)
    (p, q), _ = pair(D, tg.tensor, names)
    x = p.sample((200_000,))
    ratio = (p.log_prob(x) - q.log_prob(x)).numpy()
    spread = ratio.std(0) / math.sqrt(len(x))
    assert (np.abs(ratio.mean(0) - D.kl_divergence(p, q).numpy()) < 5 * spread + 1e-12).all()


def test_a_uniform_that_sticks_out_is_infinitely_far() -> None:
    assert D.kl_divergence(D.Uniform(0.0, 2.0), D.Uniform(0.0, 1.0)).item() == math.inf
    assert D.kl_divergence(D.Uniform(-1.0, 1.0), D.Uniform(0.0, 1.0)).item() == math.inf


def test_independent(torch: Any) -> None:
    for n in (0, 1, 2):
        ours, theirs, xs, ts = both(torch, CASES[0])
        a, b = D.Independent(ours, n), torch.distributions.Independent(theirs, n)
        assert (a.batch_shape, a.event_shape) == (tuple(b.batch_shape), tuple(b.event_shape))
        value = CASES[0][2]
        same(torch, a.log_prob(tg.tensor(value)), b.log_prob(torch.tensor(value)), xs, ts)
        same(torch, a.entropy(), b.entropy(), xs, ts)
        np.testing.assert_array_equal(a.mean.numpy(), b.mean.detach().numpy())
        np.testing.assert_allclose(a.variance.numpy(), b.variance.detach().numpy())
        assert a.sample((5,)).shape == a.rsample((5,)).shape == (5, 3, 2)
        wide = a.expand((4, *a.batch_shape))
        assert (wide.batch_shape, wide.event_shape) == ((4, *a.batch_shape), a.event_shape)
        other = D.Independent(D.Normal(tg.zeros(3, 2, dtype=tg.float64), 1.0), n)
        theirs_too = torch.distributions.Independent(torch.distributions.Normal(torch.zeros(3, 2).double(), 1.0), n)
        same(torch, D.kl_divergence(a, other), torch.distributions.kl_divergence(b, theirs_too), xs, ts)
        assert a.has_rsample
    with pytest.raises(ValueError, match="reinterpreted_batch_ndims"):
        D.Independent(ours, 3)
    with pytest.raises(NotImplementedError, match="different numbers"):
        D.kl_divergence(D.Independent(ours, 1), D.Independent(ours, 2))
    coin = D.Independent(D.Bernoulli(tg.full((2,), 0.5)), 1)
    with pytest.raises(NotImplementedError, match="not enumerated"):
        coin.enumerate_support()
    with pytest.raises(ValueError, match="0 or 1"):
        coin.log_prob(tg.tensor([0.0, 0.5]))
    assert repr(coin) == "Independent(Bernoulli(probs: (2,)), 1)"


def test_a_divergence_of_ones_own() -> None:
    class Mine(D.Normal):
        pass

    @D.register_kl(Mine, D.Normal)
    def rule(_p: Any, _q: Any) -> Any:
        return tg.tensor(7.0)

    mine = Mine(0.0, 1.0)
    assert D.kl_divergence(mine, D.Normal(0.0, 1.0)).item() == 7
    assert D.kl_divergence(D.Normal(0.0, 1.0), mine).item() == 0
    with pytest.raises(NotImplementedError, match="no rule for Uniform and Bernoulli"):
        D.kl_divergence(D.Uniform(0.0, 1.0), D.Bernoulli(0.5))
    with pytest.raises(TypeError, match="subclasses of Distribution"):
        D.register_kl(int, D.Normal)


ERRORS: list[tuple[Any, str]] = [
    (lambda d, _t: d.Normal(0.0, -1.0), "scale must be above 0, got -1.0"),
    (lambda d, t: d.Normal(t([0.0, math.nan]), 1.0), "loc must be a real number, got nan"),
    (lambda d, t: d.Normal(t([0.0, 1.0]), t([1.0, 2.0, 3.0])), "do not broadcast"),
    (lambda d, _t: d.Normal("a", 1.0), "number, got str"),
    (lambda d, _t: d.Uniform(1.0, 0.0), "low must be below high"),
    (lambda d, _t: d.Exponential(0.0), "rate must be above 0"),
    (lambda d, _t: d.Bernoulli(1.5), "between 0 and 1, got 1.5"),
    (lambda d, _t: d.Bernoulli(), "either probs or logits"),
    (lambda d, t: d.Categorical(t([0.5]), t([0.5])), "either probs or logits"),
    (lambda d, t: d.Categorical(t(0.2)), "at least one dimension"),
    (lambda d, t: d.Categorical(t([0.2, -0.8])), "at least 0, with a sum of 1"),
    (lambda d, t: d.Categorical(t([0.2, 0.8])).log_prob(t(2)), "whole number from 0 to 1, got 2"),
    (lambda d, t: d.Bernoulli(0.5).log_prob(t(0.5)), "0 or 1, got 0.5"),
    (lambda d, t: d.Uniform(0.0, 1.0).log_prob(t(2.0)), "between low and high"),
    (lambda d, t: d.Normal(0.0, 1.0).log_prob(t(math.nan)), "a real number"),
    (lambda d, _t: d.Normal(0.0, 1.0).log_prob(0.5), "must be a Tensor"),
    (lambda d, t: d.Normal(t([0.0, 1.0]), 1.0).log_prob(t([0.0, 1.0, 2.0])), "does not broadcast"),
    (lambda d, _t: d.Normal(0.0, 1.0).sample(3), "tuple of ints"),
    (lambda d, _t: d.Distribution().sample(), "no rsample"),
    (lambda d, _t: d.Bernoulli(0.5).rsample(), "no rsample"),
    (lambda d, _t: d.Categorical(logits=_t([0.5])).cdf(_t([0.5])), "no cdf"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=message):
        call(D, tg.tensor)


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_pytorch_refuses_it_too(torch: Any, call: Any, message: str) -> None:
    del message
    with pytest.raises((ValueError, TypeError, RuntimeError, NotImplementedError)):
        call(torch.distributions, torch.tensor)


def test_checks_can_be_left_out() -> None:
    assert math.isnan(D.Normal(0.0, 1.0, validate_args=False).log_prob(tg.tensor(math.nan)).item())
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
        with pytest.raises(ValueError, match="above 0"):
            D.Normal(0.0, -1.0, validate_args=True)
    finally:
        D.Distribution.set_default_validate_args(True)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES} | {"Independent", "Distribution"}))
def test_constructor(torch: Any, name: str) -> None:
    """The same parameters in the same order."""

    def names(module: Any) -> list[str]:
        return list(inspect.signature(getattr(module, name)).parameters)

    assert names(D) == names(torch.distributions)


def test_repr() -> None:
    assert repr(D.Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
    assert repr(D.Categorical(tg.tensor([0.25, 0.75]))) == "Categorical(probs: (2,))"
    assert repr(D.constraints.positive) == "above 0"


WHAT = [
    "support",
    "mean",
    "mode",
    "variance",
    "stddev",
    "rsample",
    "sample",
    "log_prob",
    "cdf",
    "icdf",
    "entropy",
    "perplexity",
    "enumerate_support",
]
LACKS = {"stddev": "variance", "perplexity": "entropy", "sample": "rsample"}


@pytest.mark.parametrize("what", WHAT)
def test_what_a_distribution_of_ones_own_lacks_is_named(what: str) -> None:
    class Mine(D.Distribution):
        pass

    def ask() -> None:
        value = getattr(Mine(), what)
        if what in ("log_prob", "cdf", "icdf"):
            value(tg.tensor(0.0))
        else:
            value()

    with pytest.raises(NotImplementedError, match=f"^Mine has no {LACKS.get(what, what)}$"):
        ask()


@pytest.mark.parametrize("case", [c for c in CASES if c[0] not in ("Bernoulli", "Categorical")], ids=lambda c: c[0])
def test_the_half_of_the_probability_lies_below_the_median(case: tuple[str, dict[str, Any], Any]) -> None:
    d, _ = made(D, tg.tensor, case)
    for p in (0.25, 0.5, 0.75):
        at = d.icdf(tg.full(d.batch_shape, p, dtype=tg.float64))
        np.testing.assert_allclose(d.cdf(at).numpy(), p, rtol=1e-12)


def test_values_of_events_have_their_shape_and_batches_broadcast() -> None:
    class Mine(D.Distribution):
        support = D.constraints.real_vector

        def log_prob(self, value: Any) -> Any:
            return self._checked(value).sum(-1)

    d = Mine((4,), (3,))
    assert (d.batch_shape, d.event_shape) == ((4,), (3,))
    assert d.log_prob(tg.zeros(3)).shape == ()
    assert d.log_prob(tg.zeros(2, 1, 3)).shape == (2, 1)
    for shape in ((1,), (4, 1), (2, 3), (4, 2), ()):
        with pytest.raises(ValueError, match=r"does not broadcast to batch and event, \(4,\) and \(3,\)"):
            d.log_prob(tg.zeros(shape))
    with pytest.raises(ValueError, match="must be real numbers"):
        d.log_prob(tg.tensor([0.0, math.nan, 1.0]))
    for n, shape in ((0, (4, 3)), (1, (4,)), (2, ())):
        summed = D.Independent(D.Normal(tg.zeros(4, 3), 1.0), n)
        assert summed.entropy().shape == summed.log_prob(tg.zeros(4, 3)).shape == shape
        np.testing.assert_allclose(
            summed.entropy().numpy(), np.full(shape, 12 / max(1, math.prod(shape)) * 1.4189385), rtol=1e-6
        )


def test_distances_of_uniforms_up_to_their_bounds() -> None:
    near = D.Uniform(1.0, 2.0)
    for low, high, distance in ((1, 2, 0.0), (0, 2, math.log(2)), (1, 3, math.log(2)), (0, 4, math.log(4))):
        assert D.kl_divergence(near, D.Uniform(float(low), float(high))).item() == pytest.approx(distance, abs=1e-7)
    for low, high in ((1.1, 3.0), (0.0, 1.9)):
        assert D.kl_divergence(near, D.Uniform(low, high)).item() == math.inf


@pytest.mark.parametrize(
    ("wrong", "right", "event"),
    [
        ("positive", "nonnegative", 0.0),
        ("boolean", "unit_interval", 0.5),
        ("unit_interval", "real", 1.5),
        ("nonnegative", "real", -1.0),
    ],
)
def test_conditions_hold_up_to_their_bounds(wrong: str, right: str, event: float) -> None:
    assert not getattr(D.constraints, wrong).check(tg.tensor(event)).item()
    assert getattr(D.constraints, right).check(tg.tensor(event)).item()


def test_conditions_on_several_numbers_and_their_bounds() -> None:
    c = D.constraints
    assert c.unit_interval.check(tg.tensor([0.0, 1.0, -0.1, 1.1])).tolist() == [True, True, False, False]
    assert c.boolean.check(tg.tensor([0.0, 1.0, 2.0, -1.0])).tolist() == [True, True, False, False]
    assert c.real.check(tg.tensor([0.0, math.inf, math.nan])).tolist() == [True, True, False]
    assert c.real_vector.check(tg.tensor([[0.0, 1.0], [0.0, math.nan]])).tolist() == [True, False]
    sums = tg.tensor([[0.5, 0.5], [0.6, 0.5], [-0.5, 1.5], [0.4, 0.5], [0.0, 1.0]])
    assert c.simplex.check(sums).tolist() == [True, False, False, False, True]
    assert c.integer_interval(1, 3).check(tg.tensor([0.0, 1.0, 2.5, 3.0, 4.0])).tolist() == [
        False, True, False, True, False
    ]  # fmt: skip
    between = c.interval(tg.tensor([0.0]), tg.tensor([2.0]))
    assert between.check(tg.tensor([0.0, 1.0, 2.0, 2.1, -0.1])).tolist() == [True, True, True, False, False]
    pairs = c.independent(c.positive, 1)
    assert (pairs.event_dim, c.independent(c.simplex, 2).event_dim, c.positive.event_dim) == (1, 3, 0)
    assert pairs.check(tg.tensor([[1.0, 2.0], [1.0, 0.0]])).tolist() == [True, False]
