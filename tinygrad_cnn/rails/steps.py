"""What an optimizer's step shows: gradients that are not there, were used before, or go to other parameters."""

from __future__ import annotations

import gc
from typing import Any

from ..arrays import writes
from ..arrays.guarding import awake, rails, rest, say
from ..arrays.writes import written_since
from ..autograd.graph import Node
from .attributes import say_tensor_attribute
from .losses import look_at_loss
from .memory import (
    AWAKE,
    LONG,
    REST,
    Used,
    Watch,
    is_parameter,
    is_used,
    recent,
    stepped_by_somebody,
    watch_of,
    watches,
)
from .naming import called, living_nets, names_of
from .passes import STALE


def before_step(optimizer: Any) -> None:
    """Look at the gradients that a step is about to use. (One with a closure has them only at its end.)"""
    if not awake():
        return
    watch = watch_of(optimizer)
    with_gradients, missing, resting, used = [], [], [], 0
    mark = Used(writes.last_write, watch, watch.steps)
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p._rail is not watch:
                p._rail = watch
            if (g := p._grad) is None:
                if p._wants_grad and not getattr(p, "is_uninitialized", False):
                    missing.append(p)
                continue
            with_gradients.append(p)
            if g._rail is not None and is_used(g):
                if g._rail.place is not None:
                    say("stale-gradient", STALE, about=watch, place=g._rail.place)
                used += g._rail.watch is watch and g._rail.step >= 0  # the latest step's
                resting.append(p)
            g._rail = mark
    if not with_gradients:
        if missing:
            _nothing(watch)
        return
    watch.empty = 0
    if used == len(with_gradients):
        if watch.stepped:
            say("no-backward", AGAIN, about=watch)
        return
    if watch.zeroed and watch.reached and not any(p._grad._array.any() for p in with_gradients):
        say("cleared-before-step", CLEARED, about=watch)
        return
    watch.stepped += watch.reached > 0
    if recent.strays or watch.strays:
        _strays(watch, with_gradients, missing, resting)
    if recent.others:
        _attributes(watch)
    if watch.reached:  # not gradients that somebody set
        if missing or watch.missing:
            _missing(watch, missing)
        look_at_loss(watch, optimizer, with_gradients)


def after_step(optimizer: Any) -> None:
    """Note that there was a step: the gradients that `before_step` marked are used."""
    if not rails.on:
        return
    if rest.steps and rest.run == rails.runs:
        rest.steps -= 1
        if rest.steps:
            return
        for other in list(watches):
            other.awake()
    watch = watch_of(optimizer)
    watch.steps += 1
    watch.reached = watch.fresh = 0
    watch.backwards, watch.ticket = recent.backwards, writes.upcoming()
    recent.strays = recent.others = ()
    counts = watch.missing or watch.strays or watch.empty or watch.same > 1
    recent.well = 0 if counts or watch.steps < LONG else recent.well + 1
    if recent.well == AWAKE:
        rest.steps, rest.run, recent.well = REST, rails.runs, 0


def mark_used(optimizer: Any) -> None:
    """Note that the gradients there are were used, in the middle of a step."""
    mark = Used(writes.last_write, watch_of(optimizer), -1)
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p._grad is not None:
                p._grad._rail = mark


AGAIN = (
    "this step uses the same gradients as the one before: there was no backward between. The loss has to be computed "
    "and loss.backward() called in each round of the loop, before optimizer.step()"
)
CLEARED = (
    "the gradients were cleared after backward() and before this step, which therefore does nothing. The order is: "
    "optimizer.zero_grad(), loss.backward(), optimizer.step()"
)


def _nothing(watch: Watch) -> None:
    """A step, and no parameter has a gradient."""
    watch.empty += 1
    if watch.stepped and watch.empty < (2 if recent.backwards == watch.backwards else 50):
        return  # a round without a loss, or with that of another task, whose optimizer steps too
    others = [other for other in list(watches) if other is not watch]
    if watch.empty < 3 and any(other.reached and other.alive for other in others):
        return  # their optimizers are about to step, perhaps, and this one's task comes next
    strays = [p for ref in recent.strays if (p := ref()) is not None and not stepped_by_somebody(p)]
    if watch.reached:
        say("cleared-before-step", CLEARED, about=watch)
    elif strays:
        say(
            "other-parameters",
            f"the backward reached {called(strays)}, and none of the parameters that this optimizer has: it was made "
            "for another net, or for this one before its layers were replaced. Make the optimizer anew: "
            "SGD(model.parameters(), ...)",
            about=watch,
        )
    elif any(other.stepped and other.backwards == recent.backwards for other in others):
        return  # another optimizer has just used the gradients
    elif recent.backwards != watch.backwards and not recent.cut:
        say(
            "no-gradient",
            "this step does nothing: there was a backward, but it reached no parameter of this optimizer. Its loss was "
            "cut from them: by detach(), .item(), .numpy(), no_grad(), or a tensor made anew from numbers. Keep to "
            "tensors from the model to the loss",
            about=watch,
        )
    elif recent.backwards == watch.backwards and _something_computed(watch):
        say(
            "no-backward",
            "this step does nothing: no parameter has a gradient, as backward() was not called. Call loss.backward() "
            "before optimizer.step()",
            about=watch,
        )


def _something_computed(watch: Watch) -> bool:
    """Was a loss computed for this step? (A schedule is drawn by steps without one.)"""
    if writes.last_write < watch.ticket:  # since the latest step nothing was written: what has a number is a node
        return writes.upcoming() > watch.ticket
    if watch.empty not in (1, 2, 5, 20, 100):  # a look at all there is takes time
        return False
    mine = {id(p) for p in watch.params()}
    nodes = (thing for thing in gc.get_objects() if type(thing) is Node)
    return any(id(parent) in mine for node in nodes for parent in node.parents)


def _strays(watch: Watch, params: list[Any], missing: list[Any], resting: list[Any]) -> None:
    """Parameters that get gradients in two steps in a row, and that nobody steps."""
    if not recent.strays or not any(is_parameter(p) for p in params):  # it makes an image, not a net
        watch.strays = {}
        return
    now: dict[int, int] = {}
    found = []
    for ref in recent.strays:
        p = ref()
        if p is None or p._grad is None or not p._wants_grad or stepped_by_somebody(p):
            continue
        before = watch.strays.get(id(p))
        now[id(p)] = writes.last_write
        if before is not None and not written_since(p._array, before) and id(p) not in watch.excused:
            found.append(p)
    watch.strays = now
    if not found:
        return
    watch.excused.update(id(p) for p in found)
    nets = {key: net for key, (_, net) in names_of(found).items()}
    found = [p for p in found if id(p) not in nets or nets[id(p)].training]  # in evaluation mode: on purpose
    if not found:
        return
    living = {id(p) for net in {id(n): n for n in nets.values()}.values() for p in net.parameters()}
    gone = [p for p in (*missing, *resting) if id(p) not in living] if living else missing
    if gone:
        watch.excused.update(id(p) for p in gone)
        say(
            "layer-replaced",
            f"a layer was replaced after the optimizer was made: {called(found)} of the model is in no optimizer, and "
            f"so stays as it is, while the optimizer still has {_count(gone)} that the model no longer uses. Make the "
            "optimizer after the last change of the model",
            about=watch,
        )
    else:
        say(
            "not-in-optimizer",
            f"{called(found)}: gets gradients, is in no optimizer, and so stays as it is. Give it to one "
            "(model.parameters(), or optimizer.add_param_group), or say requires_grad_(False) if it shall stay",
            about=watch,
        )


def _attributes(watch: Watch) -> None:
    """Plain tensors that get gradients in two steps in a row, and are attributes of modules."""
    leaves = [p for ref in recent.others if (p := ref()) is not None and p._wants_grad]
    again = [p for p in leaves if id(p) in watch.others and id(p) not in watch.excused]
    watch.others = {id(p) for p in leaves}
    if not again:
        return
    watch.excused.update(id(p) for p in again)
    for net in living_nets():
        for name, value in vars(net).items():
            if any(value is p for p in again) and not stepped_by_somebody(value):
                say_tensor_attribute(net, name)


def _missing(watch: Watch, missing: list[Any]) -> None:
    """Parameters that got no gradient while others did, the same in some steps in a row."""
    ids = frozenset(id(p) for p in missing)
    if ids != watch.missing:
        if watch.stepped > 1:
            watch.patience = 50  # a net that does not use all of itself each time
        watch.missing, watch.missed = ids, 1
    else:
        watch.missed += 1
    if watch.missed != watch.patience:
        return
    told = [p for p in missing if id(p) not in watch.excused]
    if told:
        watch.excused.update(id(p) for p in told)
        say(
            "unused-parameter",
            f"{called(told, watch)}: got no gradient in {watch.missed} steps while others did, as the loss does not "
            "depend on it, and so stays as it is. Is its layer called in forward, and its output used and not "
            "detached? If it shall stay, say requires_grad_(False)",
            about=watch,
        )


def _count(params: list[Any]) -> str:
    return f"{len(params)} parameter{'s' * (len(params) > 1)}"
