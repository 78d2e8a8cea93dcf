"""Where the guard rails of losses begin and end: what they see through, and numbers just inside and just outside."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(6, 3)).astype(np.float32)
CLASSES = tg.tensor([0, 2, 1, 1, 0, 2])


def said(call: Callable[[], object]) -> list[str]:
    """What the guard rails say of a program."""
    with warnings.catch_warnings(record=True) as caught, tg.guard_rails(True):
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, tg.GuardRailWarning)]


def rails_of(call: Callable[[], object]) -> list[str]:
    return [text.rpartition("[")[2].rstrip("]") for text in said(call)]


def scores() -> tg.Tensor:
    return tg.tensor(SCORES, requires_grad=True)


def logits(x: Any) -> Any:
    return F.binary_cross_entropy_with_logits(x, tg.full(tuple(x.shape), 0.5, dtype=x.dtype))


# ----------------------------------------------------------------------------------------------- who made these numbers
BY_HAND: list[tuple[str, Callable[[Any], Any]]] = [
    ("sigmoid", lambda x: 1 / (1 + (-x).exp())),
    ("sigmoid", lambda x: 1 / ((-x).exp() + 1)),
    ("sigmoid", lambda x: (1 + (-x).exp()).reciprocal()),
    ("sigmoid", lambda x: x.exp() / (1 + x.exp())),
    ("sigmoid", lambda x: x.exp().view(-1) / (x.exp().view(-1) + 1)),
    ("softmax", lambda x: x.softmax(1)),
    ("sigmoid", lambda x: x.sigmoid()),
    ("logsigmoid", F.logsigmoid),
    ("hardsigmoid", F.hardsigmoid),
    ("log_softmax", lambda x: x.log_softmax(1)),
    ("log_softmax", lambda x: x.softmax(1).log()),
    ("log_softmax", lambda x: (x.softmax(1) + 1e-8).log()),
    ("log_softmax", lambda x: (1e-8 + x.softmax(1).view(-1)).log()),
    ("", lambda x: x / (1 + (-x).exp())),  # a SiLU
    ("", lambda x: x.exp() / 2),
    ("", lambda x: x / (1 + x * x)),
    ("", lambda x: 1 / (2 + x * x)),
    ("", lambda x: 1 / (1 - (-x).exp() - 2)),
    ("", lambda x: (x.exp() + 1).log()),  # a softplus
    ("", lambda x: x.sigmoid().log()),  # rare enough
    ("", lambda x: x.sigmoid() * 3),
    ("", lambda x: x.softmax(1) - 0.5),
    ("", lambda x: x * 1),
]
MOVES: list[Callable[[Any], Any]] = [
    lambda y: y.reshape(3, 6),
    lambda y: y[1:],
    lambda y: y.T,
    lambda y: y[:, None].expand(6, 2, 3),
    lambda y: y.double(),
    lambda y: y.clone(),
    lambda y: y.clamp(1e-6, 1),
    lambda y: tg.cat([y, y]),
    lambda y: tg.stack([y, y]),
    lambda y: y.flip(0),
    nn.Identity(),
    lambda y: y.T.clone()[1:].double().clamp(0, 1).reshape(-1),
]


@pytest.mark.parametrize(("name", "squash"), BY_HAND)
def test_what_was_squashed_is_known_by_who_did_it(name: str, squash: Callable[[Any], Any]) -> None:
    heard = said(lambda: logits(squash(scores())))
    if not name:
        assert heard == []
        return
    [text] = heard
    stays = "stays below 0.5" if name.startswith("log") else "stays between 0.5 and 0.73"
    assert f"was handed what {name} made, and takes a sigmoid itself" in text
    assert stays in text
    assert f"leave {name} out" in text


@pytest.mark.parametrize("move", MOVES)
def test_it_may_have_been_moved_since(move: Callable[[Any], Any]) -> None:
    [text] = said(lambda: logits(move(scores().softmax(1))))
    assert "what softmax made" in text
    assert said(lambda: logits(move(scores() * 1).clamp(0, 1))) == []


@pytest.mark.parametrize(
    ("squash", "words"),
    [
        (lambda x: x.softmax(1), "what softmax made, numbers from 0 to 1"),
        (F.hardsigmoid, "what hardsigmoid made, numbers from 0 to 1"),
        (lambda x: x.log_softmax(1), "that of log-probabilities is the same once more"),
        (F.logsigmoid, "that of log-probabilities is the same once more"),
    ],
)
def test_scores_of_cross_entropy(squash: Callable[[Any], Any], words: str) -> None:
    [text] = said(lambda: F.cross_entropy(squash(scores()), CLASSES))
    assert words in text
    assert text.startswith("cross_entropy was handed what")


@pytest.mark.parametrize("name", ["softmax", "sigmoid", "hardsigmoid"])
def test_probabilities_where_their_logarithms_belong(name: str) -> None:
    squash = (lambda x: x.softmax(1)) if name == "softmax" else getattr(F, name)
    [nll] = said(lambda: F.nll_loss(squash(scores()), CLASSES))
    assert f"probabilities, which {name} made" in nll
    assert ("log_softmax in the place of softmax" if name == "softmax" else "log_softmax(scores, 1)") in nll
    [divergence] = said(lambda: F.kl_div(squash(scores()), scores().softmax(1), reduction="sum"))
    assert f"probabilities, which {name} made" in divergence
    assert said(lambda: F.kl_div(squash(scores()).log(), scores().softmax(1), reduction="sum")) == []


# ----------------------------------------------------------------------------------------------- what numbers look like
def rows(*values: Sequence[float], dtype: Any = np.float32) -> Any:
    return tg.tensor(np.array(values, dtype))


HALF = [0.25, 0.25, 0.5]
PROBABILITIES: list[tuple[bool, Any]] = [
    (True, rows(HALF, HALF)),
    (True, rows(HALF)),
    (True, rows([0.25, 0.75])),
    (True, rows([0.0, 1.0], [0.5, 0.5])),
    (True, rows([0.0, 1.0], [1.0, 0.0], [0.5, 0.5])),
    (True, rows([0.25, 0.25, 0.50005])),
    (True, rows([0.25, 0.25, 0.49995])),
    (False, rows([0.25, 0.25, 0.501])),
    (False, rows([0.25, 0.25, 0.499])),
    (True, rows([0.25, 0.25, 0.505], dtype=np.float16)),
    (False, rows([0.25, 0.25, 0.52], dtype=np.float16)),
    (False, rows(HALF, [0.25, 0.25, 0.75])),
    (False, rows([-0.25, 0.5, 0.75])),
    (False, rows([1.25, -0.25, 0.0])),
    (False, rows([0.0, 1.0], [1.0, 0.0])),  # one-hot
    (False, rows([1.0], [1.0])),
    (False, rows([0.5], [0.5])),
    (True, rows(*[HALF] * 64, [5.0, 5.0, 5.0])),  # 64 rows are enough to tell
    (False, rows(*[HALF] * 63, [5.0, 5.0, 5.0])),
]


@pytest.mark.parametrize(("are", "p"), PROBABILITIES)
def test_numbers_that_are_probabilities(are: bool, p: Any) -> None:
    t = tg.zeros(len(p), dtype=tg.int64)
    assert rails_of(lambda: F.cross_entropy(p, t)) == ["softmax-before-loss"] * are
    if are:
        [text] = said(lambda: F.nll_loss(p, t))
        assert "probabilities: numbers from 0 to 1 that add up to 1" in text
        assert "log_softmax in the place of softmax" in text


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_classes_stand_in_the_second_dimension_or_the_only_one(shape: tuple[int, ...]) -> None:
    dim = min(len(shape) - 1, 1)
    p = tg.tensor(RNG.normal(size=shape).astype(np.float32)).softmax(dim)
    t = tg.zeros(shape[:dim] + shape[dim + 1 :], dtype=tg.int64)
    assert rails_of(lambda: F.cross_entropy(p, t)) == ["softmax-before-loss"]
    assert rails_of(lambda: F.nll_loss(p, t)) == ["nll-loss-input"]
    assert rails_of(lambda: F.nll_loss(p.log().detach(), t)) == []
    other = tg.tensor(RNG.normal(size=shape).astype(np.float32)).abs().softmax(0)
    assert rails_of(lambda: F.cross_entropy(other, t)) == ["softmax-before-loss"] * (dim == 0)


def logs(*sums: float) -> Any:
    return rows(*([s / 2, s / 2] for s in sums)).log()


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (rows([2.5, -1.0]), "one of them is 2.5, above the logarithm of 1"),
        (rows([0.002, -9.0]), "one of them is 0.002,"),
        (rows([0.0005, -9.0]), ""),  # rounding
        (logs(1.05), "exp of the first row adds up to 1.05, not to 1"),
        (logs(0.5), "exp of the first row adds up to 0.5, not to 1"),
        (logs(1.01), ""),
        (logs(0.99), ""),
        (logs(0.5, 0.5, 1.0), "adds up to 0.5"),
        (logs(0.5, 1.0), ""),  # no more than half of the rows
        (logs(0.5, 0.5, 1.0, 1.0), ""),
        (rows([-1e30, -1e30], [-1.0, -2.0]), "adds up to 0, not to 1"),
        (rows([-0.1] * 3)[:0], ""),
    ],
)
def test_numbers_that_are_no_logarithms_of_probabilities(x: Any, words: str) -> None:
    heard = said(lambda: F.nll_loss(x, tg.zeros(len(x), dtype=tg.int64)))
    assert len(heard) == bool(words)
    if words:
        assert words in heard[0]
        assert "log_softmax(scores, 1)" in heard[0]


def test_logarithms_that_were_weighed_are_left_alone() -> None:
    def focal() -> Any:
        p = scores().softmax(1)
        return F.nll_loss((1 - p) ** 2 * p.log(), CLASSES)

    def focal_of_scores() -> Any:
        logs = scores().log_softmax(1)
        return F.nll_loss((1 - logs.exp()) ** 2 * logs, CLASSES)

    assert said(focal) == said(focal_of_scores) == []
    assert rails_of(lambda: F.nll_loss((1 - scores()) ** 2 * scores() * 9, CLASSES)) == ["nll-loss-input"]
    assert rails_of(lambda: F.nll_loss(SCORES, CLASSES)) == []  # arrays are not trained


# -------------------------------------------------------------------------------------------------------------- targets
@pytest.mark.parametrize(
    ("target", "words"),
    [
        (rows([0.25, 0.75], [1.0, 1.0]), "row 1 of it adds up to 2:"),
        (rows([0.5, 0.47], [1.0, 1.0]), "row 0 of it adds up to 0.97:"),
        (rows([0.5, 0.53]), "row 0 of it adds up to 1.03:"),
        (rows([0.5, 0.51], [0.5, 0.49]), ""),
        (rows([-0.25, 1.25]), "row 0 of it has a negative entry, -0.25:"),
        (rows([0.0, 1.0]), ""),
        (rows([0.0, 2.0]), "row 0 of it adds up to 2:"),
        (rows([3.0, 1.0])[:0], ""),
        (rows([0.5, 1.5])[0], "row 0 of it adds up to 2:"),
        (rows([0.5, 0.5])[0], ""),
    ],
)
def test_targets_that_are_no_distributions(target: Any, words: str) -> None:
    x = tg.tensor(np.linspace(-3, 5, max(target.numel(), 1), dtype=np.float32)[: target.numel()]).reshape(target.shape)
    heard = said(lambda: F.cross_entropy(x, target))
    assert len(heard) == bool(words)
    assert not words or words in heard[0]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([0.0, 1.0], ""),
        ([-0.5, 1.0], "-0.5 to 1:"),
        ([0.0, 1.5], "0 to 1.5:"),
        (2.0, "2 to 2:"),
        (-1.0, "-1 to -1:"),
        (0.5, ""),
        ([], ""),
        ([0.5] * 64 + [2.0], ""),
        ([0.5] * 63 + [2.0], "0.5 to 2:"),
    ],
)
def test_targets_of_logistic_losses(target: Any, words: str) -> None:
    t = tg.tensor(np.array(target, np.float32))
    heard = said(lambda: F.binary_cross_entropy_with_logits(tg.zeros(t.shape), t))
    assert len(heard) == bool(words)
    assert not words or f"was handed {words}" in heard[0]


@pytest.mark.parametrize(
    ("first", "reduction", "words"),
    [
        (False, "mean", "the loss is NaN"),
        (True, "mean", "the loss is NaN"),
        (False, "sum", "the loss is 0, with no gradient"),
        (True, "sum", ""),  # it harms nothing once others were counted
        (False, "none", "the loss is 0, with no gradient"),
        (True, "none", ""),
    ],
)
def test_batches_in_which_nobody_counts(first: bool, reduction: str, words: str) -> None:
    ignored = tg.full((6,), -100)
    batches = [CLASSES, ignored] if first else [ignored, ignored]

    def program() -> None:
        for t in batches:
            F.cross_entropy(scores() * 1, t, reduction=reduction)

    heard = said(program)
    assert len(heard) == bool(words)
    if words:
        assert words in heard[0]
        assert "every target of this batch is ignore_index=-100" in heard[0]


# -------------------------------------------------------------------------------------------------------- sorted labels
Labels = list[list[int]]


def epoch(batches: Labels, loss: Callable[[Any, Any], Any] = F.cross_entropy, classes: int = 6) -> Callable[[], None]:
    def program() -> None:
        w = tg.zeros(1, classes, requires_grad=True)
        for labels in batches:
            loss(w * tg.ones(len(labels), 1), tg.tensor(labels, dtype=tg.int64))

    return program


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([[0] * 6, [0] * 6, [1] * 6, [1] * 6], "in 4 batches of training the labels came sorted"),
        ([[0] * 5, [0] * 5, [1] * 5, [1] * 5], ""),  # a chance of 1 in 92,000
        ([[0] * 5, [0] * 5, [1] * 5, [1] * 6], "in 4 batches"),
        ([[0] * 20, [0] * 20, [1] * 20], ""),  # three batches
        ([[0] * 20, [0] * 20, [1] * 20, [2] * 20], "in 4 batches"),
        ([[0] * 50, [0] * 50, [0] * 50, [0] * 50 + [1] * 3], ""),
        ([[0] * 50, [0] * 50, [0] * 50, [0] * 50 + [1] * 4], "(2 so far)"),
        ([[0] * 9] * 5, ""),  # one class alone
        ([[0] * 20, [0] * 20, [1] * 20, [1] * 19 + [0]], ""),
        ([[0] * 20, [0] * 20, [1] * 20, [0] * 20, [2] * 90, [3] * 90], ""),
        ([[2] * 5 + [0] * 5, [0] * 5 + [5] * 5, [5] * 9, [1] * 9], "(4 so far)"),
    ],
)
def test_labels_that_come_class_by_class(batches: Labels, words: str) -> None:
    heard = said(epoch(batches))
    assert len(heard) == bool(words)
    assert not words or words in heard[0]


def one_hot(x: Any, t: Any) -> Any:
    return F.cross_entropy(x, F.one_hot(t, 6).float())


def bits(x: Any, t: Any) -> Any:
    return F.binary_cross_entropy_with_logits(x[:, 0], t.float() if isinstance(x, tg.Tensor) else t.float().numpy())


def bits_in_a_column(x: Any, t: Any) -> Any:
    return F.binary_cross_entropy(x[:, :1].sigmoid(), t[:, None].float())


SORTED: Labels = [[0] * 9, [0] * 9, [1] * 9, [1] * 9]


@pytest.mark.parametrize("loss", [one_hot, bits, bits_in_a_column, lambda x, t: F.nll_loss(x.log_softmax(1), t)])
def test_in_every_form_that_labels_have(loss: Callable[[Any, Any], Any]) -> None:
    assert rails_of(epoch(SORTED, loss)) == ["sorted-labels"]


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, t: bits(x, 0.8 * t + 0.1),  # no classes
        lambda x, t: F.binary_cross_entropy_with_logits(x[:, :2], t[:, None].float().expand(-1, 2)),
        lambda x, t: F.cross_entropy(x.detach(), t),  # nothing is trained
        lambda x, t: F.cross_entropy(x.detach().requires_grad_(), t),
        lambda x, t: bits(x.detach().numpy(), t),
        lambda x, t: F.cross_entropy(x[..., None], t[:, None]),
        lambda x, t: F.cross_entropy(x[..., None], F.one_hot(t, 6).float()[..., None]),
    ],
)
def test_but_not_of_other_targets(loss: Callable[[Any, Any], Any]) -> None:
    assert said(epoch(SORTED, loss)) == []


def test_labels_that_came_mixed_once_end_the_looking_in_all_loops() -> None:
    def program() -> None:
        F.cross_entropy(scores() * 1, CLASSES)
        epoch(SORTED)()

    assert said(program) == []


def test_samples_that_come_one_by_one() -> None:
    assert rails_of(epoch([[0]] * 20 + [[1]] * 20, bits)) == ["sorted-labels"]


@pytest.mark.parametrize("depth", [1, 3])
def test_what_a_model_in_evaluation_mode_made_is_not_trained(depth: int) -> None:
    def loss(x: Any, t: Any) -> Any:
        for _ in range(depth - 1):
            x = x.view(len(t), 6)
        return F.cross_entropy(x, t)

    def program(training: bool) -> Callable[[], None]:
        model = nn.Linear(2, 6).train(training)

        def run() -> None:
            for labels in SORTED:
                loss(model(tg.ones(len(labels), 2)), tg.tensor(labels))

        return run

    assert said(program(False)) == []
    assert rails_of(program(True)) == ["sorted-labels"]
