"""What the losses of an optimizer's steps show: one that stays where it is, and weights that blow up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.guarding import say
from .memory import Watch, recent

STEPS = 200  # without any move: too many
WORSE = 100.0  # times the first loss; with weights that are GROWN times what they were, they blow up
GROWN = 10.0


def look_at_loss(watch: Watch, optimizer: Any, params: list[Any]) -> None:
    """Before a step: follow the loss from which its gradients came."""
    loss = recent.loss
    for group in optimizer.param_groups:
        if group.get("maximize"):
            return
    if not watch.samples:
        watch.sample(params)
        watch.first = watch.anchor = loss
        watch.scale = max(abs(loss), 1e-3)
    if abs(loss - watch.anchor) <= 1e-6 * abs(watch.anchor):
        watch.same += 1
    else:
        watch.anchor, watch.same = loss, 1
    if watch.same == STEPS or (watch.stepped == STEPS and watch.same < STEPS):
        _stuck(watch, optimizer, params)
    if loss < 0.98 * (watch.first if watch.first < 0 else watch.scale) or not math.isfinite(loss):
        watch.worse = 0
        return
    watch.worse += 1
    far = loss > WORSE * watch.scale
    if (far or (watch.worse % 50 == 0 and loss > 0)) and not watch.blown:
        if watch.growth() > GROWN:
            say_blown(watch, optimizer, loss)
        else:  # the first batch was an easy one
            watch.scale = max(watch.scale, loss)


def say_blown(watch: Watch, optimizer: Any, loss: float) -> None:
    """The weights have blown up: say it once, and no more of what follows from it."""
    watch.blown = True
    lr = optimizer.param_groups[0].get("lr")
    cause = "the steps are too long" if lr is None else f"lr={float(lr):g} is too high"
    say(
        "learning-rate",
        f"{cause}: after {watch.steps} step{'s' * (watch.steps > 1)} the loss is {loss:.3g}, from {watch.first:.3g}, "
        f"and weights are {watch.growth():.2g} times what they were, as each step leaps past the minimum. Make "
        f"the net and the optimizer anew, {lower(watch)}. (Inputs that are not scaled to about -1..1 do the same.)",
        about=watch,
    )


def lower(watch: Watch | None) -> str:
    """A lower learning rate, in words."""
    optimizer = None if watch is None or watch.optimizer is None else watch.optimizer()
    lr = None if optimizer is None else optimizer.param_groups[0].get("lr")
    if lr is None or not 0 < float(lr) < math.inf:
        return "with a lower learning rate"
    return f"with a lower learning rate (it is {float(lr):g}: try {float(lr) / 10:g} or less)"


def _stuck(watch: Watch, optimizer: Any, params: list[Any]) -> None:
    """The loss is the very same for so long, or the weights have never moved; but not where the loss has come down."""
    unmoved = not watch.moved()
    same = watch.same >= STEPS
    fell = watch.anchor < watch.first - 1e-3 * abs(watch.first)
    if not (unmoved or same) or (same and (fell or abs(watch.anchor) < 1e-6)) or not math.isfinite(watch.anchor):
        return
    lr = max((float(group.get("lr", 1.0)) for group in optimizer.param_groups), default=1.0)
    weights = [p for p in params if p._array.ndim > 1] or params
    decays = any(group.get("weight_decay") for group in optimizer.param_groups)
    largest = max(float(np.abs(p._grad._array).max(initial=0)) for p in weights)
    if decays and unmoved and lr * largest > 1e-6:
        return  # a minimum, where the decay of the weights and the gradient are even
    if not same and lr * largest > 1e-6:
        return  # some have moved, perhaps: those that were not sampled
    if 0 < largest < 1e-6 <= lr:
        return  # what rounding leaves of a gradient at a minimum
    if lr == 0:
        why = "the learning rate is 0. Set optimizer.param_groups[0]['lr'], or look at the scheduler"
    elif largest == 0:
        why = (
            "all gradients are 0: units that are dead (relu of negative numbers alone), weights that are all equal "
            "or 0, or an operation without a slope (round, argmax, a comparison). Make the net anew, with a lower "
            "learning rate"
        )
    elif unmoved:
        small = f"gradients of {largest:.1g} at most"
        why = f"the weights have not moved: lr={lr:g} times {small} is lost in rounding. Raise lr"
    else:
        why = (
            f"the weights move, and it does not follow (lr={lr:g}, gradients of {largest:.1g} at most): does it depend "
            "on them? Look whether outputs are saturated, or the loss is of something else"
        )
    what = f"the loss has been {watch.anchor:.6g}" if same else "nothing has moved"
    say("loss-stuck", f"{what} for {STEPS} steps: {why}", about=watch)
