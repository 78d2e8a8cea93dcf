"""A guard rail of modes: evaluation in training mode, and training in evaluation mode.

It looks at the call of a whole model, which no other module's forward makes. What a call is for, it sees by gradients
(are they recorded?) and steps (were there some since?), never by names.
"""

from __future__ import annotations

import weakref
from typing import Any

from ..arrays import writes
from ..arrays.guarding import MANY, rails, say
from ..autograd.modes import here
from ..rails.memory import recent

Model = Any  # a Module: it stands on this file

_LAST = "the model that was called last while gradients were recorded"


class _Calls:
    """What is known of the calls of one model in this run."""

    __slots__ = ("backwards", "in_eval", "loaded", "looks", "model", "moment", "steps", "trained_in_eval")

    def __init__(self, model: Model) -> None:
        self.model = weakref.ref(model)
        self.steps = -1  # how many there were at its first call with gradients; -1 before that
        self.loaded = -1  # how many there were when it was given a saved state
        self.backwards = 0  # how many there were at its latest call in evaluation mode
        self.moment = 0  # of the latest write when it was given a saved state
        self.in_eval = False  # was its latest call with gradients in evaluation mode, and no step since?
        self.trained_in_eval = False  # did a step follow such a call, and find its gradients?
        self.looks = 8  # steps that will be looked at for that

    def at_step(self, params: set[int]) -> None:
        """An optimizer steps: has it gradients of a model that was called in evaluation mode?"""
        model = self.model()
        if not self.in_eval or model is None:
            return
        self.in_eval, self.looks = False, self.looks - 1
        if recent.backwards == self.backwards:  # it was evaluated between a backward and its step
            return
        self.trained_in_eval = any(id(p) in params and p._grad is not None for p in model.parameters())


def _calls_of(model: Model) -> _Calls:
    key = ("mode", id(model))
    calls: _Calls | None = rails.looked.get(key)
    if calls is None or calls.model() is not model:
        calls = _Calls(model)
        if len(rails.looked) < MANY:
            rails.looked[key] = calls
    return calls


def note_loading(model: Model) -> None:
    """A model was given a saved state: what is next may be its evaluation, without any training."""
    calls = _calls_of(model)
    calls.loaded, calls.moment = rails.steps, writes.last_write


def look_at_mode(model: Model) -> None:
    """A whole model is about to be called."""
    calls = _calls_of(model)
    if not here.mode.recording:
        ready = 0 <= calls.steps < rails.steps or calls.loaded == rails.steps
        if ready and model.training and rails.looked.get(_LAST, id(model)) == id(model):
            _evaluated_in_training_mode(model, calls)
        return
    rails.looked[_LAST] = id(model)
    if calls.steps < 0:
        calls.steps = rails.steps
    if model.training:
        calls.in_eval = calls.trained_in_eval = False
    elif calls.looks:
        if calls.trained_in_eval:
            _trained_in_evaluation_mode(model, calls)
        if not calls.in_eval and len(rails.waiting) < MANY:
            calls.in_eval, calls.backwards = True, recent.backwards
            rails.waiting.append(calls.at_step)


def _named(model: Model, training: bool) -> str:
    """Its layers that mind the mode and are in the given one; "" where there are none."""
    minding = (m for m in model.modules() if m._minds_the_mode() or _drops(m))
    found = [type(m).__name__ for m in minding if m.training is training]
    return " and ".join(dict.fromkeys(found))


def note_chance() -> None:
    """A function dropped something: the module that called it minds the mode, as ``F.dropout(x, p, self.training)``."""
    within = here.mode.module
    if type(within) is weakref.ref and (module := within()) is not None and module.training:
        rails.looked["drops", id(module)] = within


def _drops(module: Model) -> bool:
    noted = rails.looked.get(("drops", id(module)))
    return noted is not None and noted() is module


def _evaluated_in_training_mode(model: Model, calls: _Calls) -> None:
    calls.steps, calls.loaded = rails.steps, -1  # so much is known; the next look comes after another step
    if (layers := _named(model, True)) and not _on_purpose(model, calls.moment):
        kind = type(model).__name__
        say(
            "evaluation-in-train-mode",
            f"{kind} is called without gradients, after it was trained or loaded, and is in training mode: {layers} go "
            "on as in training, so results depend on chance or on who else is in the batch, and running "
            "statistics take in what is only evaluated. Call model.eval() before, and model.train() when training goes "
            "on. (Chance on purpose: model.eval(), and .train() of the dropout layers alone)",
            about=("evaluation", kind, calls.model),
        )


def _on_purpose(model: Model, moment: int) -> bool:
    """Does it find its running statistics anew, or follow another model, as the slow one of a pair does?"""
    params = list(model.parameters())
    counts = [m.num_batches_tracked for m in model.modules() if m.training and hasattr(m, "num_batches_tracked")]
    anew = any(n is not None and not n.item() and writes.written_since(n._array, moment) for n in counts)
    return anew or (bool(params) and not any(p.requires_grad for p in params))


def _trained_in_evaluation_mode(model: Model, calls: _Calls) -> None:
    calls.trained_in_eval = False
    if layers := _named(model, False):
        kind = type(model).__name__
        say(
            "training-in-eval-mode",
            f"{kind} is trained in evaluation mode: its {layers} do nothing of what they are there for "
            "(dropout drops nothing, batch-norm learns no statistics). Call model.train() before training goes "
            "on. (Frozen on purpose: model.train(), and .eval() of those layers alone)",
            about=("training", kind, calls.model),
        )
    else:
        calls.looks = 0
