"""Guard rails of the losses: what they are handed looks right, trains, and is not what they take.

Each loss asks here after its own checks. The first batches of a run are looked at by their numbers, all of them by the
operation that made them, which costs a look at a name.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arrays.guarding import here_and, looks_here, rails, say
from ...autograd.graph import Array, Node, Variable, array_of

LOOKS = 16  # batches of a run whose numbers are looked at
ROWS = 64  # of each of them
_MOVES = {"reshape", "getitem", "permute", "broadcast_to", "cast", "clone", "clip", "cat", "stack", "identity", "flip"}
_SQUASHES = {"softmax", "log_softmax", "sigmoid", "logsigmoid", "hardsigmoid"}


def _maker(x: Array) -> str:
    """The function whose values x holds, moved, reshaped or clipped since; "" where that is none of `_SQUASHES`."""
    node = x._node if isinstance(x, Variable) else None
    while type(node) is Node:
        name = node.op.name
        if name in _SQUASHES:
            return name
        if name in ("true_divide", "reciprocal"):
            return "sigmoid" if _is_logistic(node) else ""
        if name == "log":
            return "log_softmax" if _behind(node.parents[0]) == "softmax" else ""
        if name not in _MOVES:
            return ""
        node = next((parent for parent in node.parents if parent is not None), None)  # type: ignore[assignment]
    return ""


def _behind(node: Any) -> str:
    while type(node) is Node and node.op.name in _MOVES | {"add"}:  # log(p + 1e-8)
        node = next((parent for parent in node.parents if parent is not None), None)
    return node.op.name if type(node) is Node else ""


def _is_logistic(node: Node) -> bool:
    """1 / (1 + exp(-x)) or exp(x) / (1 + exp(x)), written by hand."""
    above, below = node.parents[0], node.parents[-1]
    if above is not None and above is not below and _behind(above) != "exp":
        return False  # x / (1 + exp(-x)) is another function
    return type(below) is Node and below.op.name == "add" and any(_behind(p) == "exp" for p in below.parents)


def _rows(x: Array, dim: int) -> Any:
    """Some of the numbers of x, as rows over its classes."""
    a = array_of(x)
    a = np.moveaxis(a[:ROWS] if dim else a[None], 1, -1)  # (N, ..., C)
    return a.reshape(-1, a.shape[-1])[:ROWS] if a.size else a[:0].reshape(0, 1)  # (rows, C)


def _sums_to_1(p: Any) -> Any:
    """For each row: does it add up to 1, as far as its dtype tells?"""
    return abs(np.add.reduce(p, axis=1, dtype=np.float32) - 1) < (0.01 if p.dtype.itemsize == 2 else 1e-4)


def _are_probabilities(p: Any) -> bool:
    """Rows that add up to 1, of numbers in 0..1, and not all of them 0 and 1: scores are never so by chance."""
    if p.shape[1] < 2 or not len(p) or p.min() < 0 or p.max() > 1:
        return False
    return bool(_sums_to_1(p).all() and ((p > 0) & (p < 1)).any())


def scores(x: Array, name: str) -> None:
    """`cross_entropy` takes the softmax itself."""
    made_by = _maker(x)
    if not made_by and looks_here(name, LOOKS) and _are_probabilities(_rows(x, x.ndim > 1)):
        made_by = "softmax"
    if made_by in ("log_softmax", "logsigmoid"):
        say(
            "softmax-before-loss",
            f"{name} was handed what {made_by} made, and takes log_softmax itself: that of log-probabilities is "
            "the same once more, so nothing is lost but time. Hand it the scores (logits) as they are, or "
            "use nll_loss",
        )
    elif made_by:
        say(
            "softmax-before-loss",
            f"{name} was handed what {made_by} made, numbers from 0 to 1, and takes a softmax itself: squeezed "
            "twice, the largest class never comes near 1, gradients are small and the net learns slowly or not at all. "
            f"Hand it the scores (logits) as they are: leave {made_by} out, and take it for predictions alone",
        )


def logits(x: Array, name: str) -> None:
    """`binary_cross_entropy_with_logits` and its kin take the sigmoid themselves."""
    if made_by := _maker(x):
        say(
            "sigmoid-before-loss",
            f"{name} was handed what {made_by} made, and takes a sigmoid itself: squeezed twice, each prediction stays "
            f"{'below 0.5' if made_by.startswith('log') else 'between 0.5 and 0.73'}, and the net learns slowly or not "
            f"at all. Hand it the scores (logits) as they are: leave {made_by} out, or keep it and use "
            "binary_cross_entropy",
        )


def _of_logarithms(x: Variable) -> bool:
    """Is it something that a few operations made of logarithms? A focal loss weighs them: (1 - p)**2 * log(p)."""
    found, stack = x._node, []
    if type(found) is not Node or found.op.name == "log":
        return False
    stack = [found]
    for _ in range(12):
        if not stack:
            break
        node = stack.pop(0)
        if node.op.name in ("log", "log_softmax"):
            return True
        stack += [parent for parent in node.parents if type(parent) is Node]
    return False


def log_probabilities(x: Array, name: str) -> None:
    """`nll_loss` takes logarithms of probabilities."""
    made_by = _maker(x)
    if made_by == "log_softmax" or not isinstance(x, Variable) or (not made_by and _of_logarithms(x)):
        return
    if made_by in ("softmax", "sigmoid", "hardsigmoid"):
        _no_logarithms(name, f"probabilities, which {made_by} made", made_by)
    elif looks_here(name, LOOKS) and len(p := _rows(x, x._array.ndim > 1)):
        with np.errstate(all="ignore"):
            totals = np.add.reduce(np.exp(p), axis=1)
        if _are_probabilities(p):
            _no_logarithms(name, "probabilities: numbers from 0 to 1 that add up to 1", "softmax")
        elif (largest := float(p.max())) > 1e-3:
            _no_logarithms(name, f"scores (logits): one of them is {largest:.3g}, above the logarithm of 1", "")
        elif np.count_nonzero(abs(totals - 1) > 0.02) > len(p) / 2:
            _no_logarithms(name, f"scores (logits): exp of the first row adds up to {totals[0]:.3g}, not to 1", "")


def _no_logarithms(name: str, got: str, made_by: str) -> None:
    instead = f"log_softmax in the place of {made_by}" if made_by == "softmax" else "log_softmax(scores, 1)"
    say(
        "nll-loss-input",
        f"{name} takes log-probabilities, and was handed {got}. It is then no likelihood: it may fall below 0, and its "
        f"gradient does not know the other classes. Hand it {instead}, or the scores to cross_entropy",
    )


def logarithms(x: Array, name: str) -> None:
    """The input of `kl_div` is the logarithm of probabilities."""
    made_by = _maker(x)
    if made_by in ("softmax", "sigmoid", "hardsigmoid"):
        say(
            "kl-div-input",
            f"{name} takes log-probabilities as its input, and was handed probabilities, which {made_by} made: it is "
            "then no distance, and may fall without end. Hand it log_softmax(scores, 1)",
        )


def distributions(target: Array, dim: int, name: str) -> None:
    """Targets of `cross_entropy` that are no class indices are probabilities."""
    if not looks_here("one-hot", LOOKS) or not len(p := _rows(target, dim)):
        return
    with np.errstate(all="ignore"):
        wrong = np.flatnonzero(~(abs(np.add.reduce(p, axis=1, dtype=np.float32) - 1) < 0.02) | (p.min(axis=1) < 0))
    if len(wrong):
        row = p[wrong[0]]
        shown = f"adds up to {row.sum():.3g}" if row.min() >= 0 else f"has a negative entry, {row.min():.3g}"
        say(
            "one-hot",
            f"{name} takes a target of this shape as probabilities over classes, and row {wrong[0]} of it {shown}: "
            "such a row pulls with a weight of its own, and no scores can fit it. Let each row add up to 1 (one-hot, "
            "smoothed or mixed); for several classes at once use binary_cross_entropy_with_logits",
        )


def zero_or_one(target: Array, name: str) -> None:
    """Targets of logistic losses lie in 0..1."""
    if looks_here(name, LOOKS) and (t := array_of(target)).size:
        part = t[:ROWS] if t.ndim else t
        low, high = float(part.min()), float(part.max())
        if low < 0 or high > 1:
            say(
                "targets-outside-0-1",
                f"{name} takes targets from 0 to 1, and was handed {low:.3g} to {high:.3g}: the loss then has no least "
                "value, and the scores run away. Of -1 and 1 make 0 and 1: (target + 1) / 2",
            )


def all_ignored(ignore_index: int, name: str, reduction: str) -> None:
    """No sample of the batch counts. A sum of none is 0, and harms only where the first batch is so already."""
    if reduction != "mean" and here_and("sorted-labels") in rails.looked:
        return
    value = "NaN, and so are all that it is added to" if reduction == "mean" else "0, with no gradient"
    say(
        "all-ignored",
        f"{name}: every target of this batch is ignore_index={ignore_index}, so no sample counts and the loss is "
        f"{value}. Leave such batches out, or look at what made the targets",
    )


# ---------------------------------------------------------------------------------------------------- sorted labels
_MIXED = "labels that came mixed"  # in this run


class _Order:
    """Do the labels of a run come class by class? It forgets all but the classes and how often each came."""

    __slots__ = ("batches", "counts", "last", "open")

    def __init__(self) -> None:
        self.open, self.batches, self.last = True, 0, None
        self.counts: dict[Any, int] = {}

    def add(self, t: Any) -> None:
        """One batch of labels; once a class comes back after another, nothing more is looked at."""
        starts = [0, *(np.flatnonzero(t[1:] != t[:-1]) + 1).tolist()]
        if len(starts) > 64:
            self.open = False
        for start, stop in zip(starts, [*starts[1:], len(t)], strict=True):
            label = t[start].item()
            if not self.open or (label != self.last and label in self.counts):
                self.open = False
                return
            self.counts[label] = self.counts.get(label, 0) + stop - start
            self.last = label
        self.batches += 1
        self.open = self.batches < 10_000 and len(self.counts) < 1000

    def chance(self) -> float:
        """The logarithm of the chance that shuffled labels come class by class; 0 before it can be told."""
        counts = list(self.counts.values())
        if self.batches < 4 or len(counts) < 2 or sum(n >= 4 for n in counts) < 2:
            return 0.0
        orders = math.lgamma(len(counts) + 1) + sum(math.lgamma(n + 1) for n in counts)
        return orders - math.lgamma(sum(counts) + 1)


def _evaluates(node: Any) -> bool:
    """Was it made by a model in evaluation mode? Some forget `no_grad` there, and nothing is trained."""
    for _ in range(4):
        if type(node) is not Node:
            break
        if (module := node.module) is not None:
            return not module.training
        node = next((parent for parent in node.parents if parent is not None), None)
    return False


def binary_order_of(x: Array, target: Array, name: str) -> None:
    """The same for two classes, as 0 and 1 in targets of shape (N,) or (N, 1)."""
    t = array_of(target)
    if _MIXED in rails.looked or not isinstance(x, Variable) or x._node is None:
        return
    if t.ndim and t.size == len(t) > 0:
        t = t.reshape(-1)  # (N,)
        if ((t == 0) | (t == 1)).all():
            order_of(x, t, name)


def rows_order_of(x: Array, target: Array, name: str) -> None:
    """The same for targets that are rows of probabilities, (N, C)."""
    t = array_of(target)
    if t.ndim == 2 and t.shape[1]:
        order_of(x, t.argmax(1), name)


def order_of(x: Array, target: Any, name: str) -> None:
    """Labels of training batches that come one class after the other: nobody shuffled them."""
    if _MIXED in rails.looked or not isinstance(x, Variable) or x._node is None:
        return
    if target.ndim != 1 or not len(target) or _evaluates(x._node):
        return
    key = here_and("sorted-labels")
    order = rails.looked.get(key) or rails.looked.setdefault(key, _Order())
    if not order.open:
        return
    order.add(target)
    if not order.open:
        rails.looked[_MIXED] = True
    elif order.chance() < math.log(1e-5):
        order.open = False
        say(
            "sorted-labels",
            f"{name}: in {order.batches} batches of training the labels came sorted, one class after the other "
            f"({len(order.counts)} so far). The net learns each class by itself and forgets the others. Shuffle the "
            "samples: DataLoader(..., shuffle=True), or x[order], y[order] with order = tg.randperm(len(x)) each epoch",
        )
