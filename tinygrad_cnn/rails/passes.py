"""What a backward shows: that it adds to gradients which were used, that it never leads to a step, that its loss is no
number, or has no past."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..arrays.guarding import awake, rails, say, users_line
from ..arrays.writes import upcoming, written_since
from ..autograd.graph import Node, Variable
from .memory import SPOKEN_OF, Used, Watch, is_used, recent, watches
from .naming import living_nets
from .nonfinite import say_not_finite


def before_walk(roots: Sequence[tuple[Variable, Any]]) -> None:
    """Look at what a backward begins from, while the graph still has all it kept."""
    if not rails.on:
        return
    recent.backwards += 1
    root = roots[0][0]
    recent.loss, recent.cut, recent.root = math.nan, False, weakref.ref(root)
    if len(roots) == 1 and root._array.size == 1 and root._array.dtype.kind == "f":
        recent.loss = root._array.item()
        if root._node is None:
            _wrapped_anew(root)
        elif not math.isfinite(recent.loss):
            say_not_finite(root, recent.loss)


def before_arrival(found: Iterable[Node | Variable]) -> None:
    """Look at the leaves that are about to get gradients, and at the ``.grad`` that they have so far."""
    if not awake():
        return
    reached: list[Watch] = []
    strays: list[weakref.ref[Variable]] = []
    others: list[weakref.ref[Variable]] = []
    stale: list[Variable] = []
    fresh = held = 0
    first: Variable | None = None
    for leaf in found:
        if isinstance(leaf, Node):
            continue
        whose, g = leaf._rail, leaf._grad
        if reached and whose is reached[-1]:  # the usual case, first
            pass
        elif whose is None:
            others.append(weakref.ref(leaf))
        elif whose is SPOKEN_OF:
            pass
        elif type(whose) is Watch and whose.alive:
            if whose not in reached:
                reached.append(whose)
                first = leaf if first is None else first
        else:
            if type(whose) is not Watch or not whose.stepped:  # trained before, and on purpose no more
                strays.append(weakref.ref(leaf))
        held += g is not None
        if g is not None and is_used(g) and g._array.any():
            stale.append(g)
        else:
            fresh += 1
    recent.strays, recent.others = tuple(strays), tuple(others)
    if stale:
        _adds_to_used(stale, fresh, held, reached)
    for watch in reached:
        watch.reached += 1
        watch.zeroed = False
        if not watch.steps and not others and first is not None:
            _never_a_step(watch, first, patience=3 if len(reached) == 1 else 10)


STALE = (
    "this backward adds to gradients that a step has used already: each step then follows the sum of all gradients so "
    "far, and the training drifts off. Call optimizer.zero_grad() before backward() in each round of the loop (several "
    "backwards before one step do add up, as they should)"
)


def _adds_to_used(stale: list[Variable], fresh: int, held: int, reached: list[Watch]) -> None:
    """Speak if all that it reaches was used; else note it: in a GAN the discriminator's gradients are cleared later.

    (There nothing else is reached where the generator's are cut off by mistake: of that its own step speaks.)
    """
    if not fresh and sum(watch.alive for watch in list(watches)) < 2 and not _asks_a_trained_net():
        say("stale-gradient", STALE, about=reached[0] if reached else stale[0]._rail.watch)
        return
    place = users_line()
    arrived = upcoming() + held - 1  # each that is added to is a write
    for g in stale:
        g._rail = Used(arrived, g._rail.watch, -1, place)


def _asks_a_trained_net() -> bool:
    """Did the backward begin at what a model in evaluation mode gave? It is asked why, and not trained."""
    root = None if recent.root is None else recent.root()
    node: Any = None if root is None else root._node
    for _ in range(8):
        if type(node) is not Node:
            break
        if node.module is not None:
            return not node.module.training
        node = next((parent for parent in node.parents if parent is not None), None)
    return False


def _never_a_step(watch: Watch, leaf: Variable, patience: int) -> None:
    """Gradients thrown away again and again, or added up of the very same loss, and not a single step.

    There is more patience where others have gradients too: a critic is stepped five times and more before its actor.
    """
    if watch.leaf == id(leaf) and (leaf._grad is None or not leaf._grad._array.any()):
        watch.fresh += 1
    watch.leaf = id(leaf)
    watch.again = watch.again + 1 if recent.loss == watch.latest else 1
    watch.latest = recent.loss
    cleared = watch.fresh >= (patience if watch.cleared else max(patience, 5))
    if not cleared and watch.again < 10 and watch.reached < 1000:
        return
    params = list(watch.params())
    if any(written_since(p._array, watch.made) for p in params):  # somebody steps by hand
        return
    kind = type(watch.optimizer() if watch.optimizer else None).__name__
    say(
        "no-step",
        f"{watch.reached} times gradients were computed, and {kind} has not taken a step: the weights stay as they "
        "are. Call optimizer.step() after loss.backward()",
        about=watch,
    )


def _wrapped_anew(root: Variable) -> None:
    """A backward from a single number that nothing made, while something is being trained: it reaches nothing."""
    if root._rail is not None or not np.isfinite(root._array).all():
        return
    training = any(watch.alive for watch in list(watches)) or any(
        True for net in living_nets() for _ in net.parameters()
    )
    if not training or any(root is p for watch in list(watches) for p in watch.params()):
        return
    recent.cut = True
    say(
        "loss-wrapped",
        "this backward begins at a leaf, a number that no operation made: it reaches no parameter. A loss that was "
        "wrapped anew (tg.tensor(loss.item(), requires_grad=True), Tensor(loss), loss.detach(), a loss computed under "
        "no_grad) has lost its graph: call backward() on the loss as the model and the criterion gave it",
    )
