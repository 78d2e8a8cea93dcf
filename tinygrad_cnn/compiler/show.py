"""What a compiled function shows of its plans, or says where there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..programs.listing import Look, Looks
from .run import Plan


class Shown:
    """An attribute that is looked up when nothing else has its name: what ``show`` makes of the plans."""

    def __init__(self, show: Callable[[Any], Any]) -> None:
        self._show = show

    def __get__(self, of: Any, kind: Any = None) -> Any:
        return self if of is None else self._show(of._plans)


def listings(plans: Any) -> Looks:
    """All plans of a function, or what is to be said where there are none. Several share the latest kind of call."""
    found = [
        Look(plans.name, plan, _how(plan, kind[-1])) for kind, several in list(plans.plans.items()) for plan in several
    ]
    return Looks(found or [Look(plans.name, why=_why_none(plans))])


def latest(plans: Any) -> Look:
    """The plan that was run, or made, last; or what is to be said where there is none."""
    found = listings(plans)
    return next((look for look in found if look.plan is plans.latest), found[-1])


def _how(plan: Plan, modes: Sequence[bool]) -> str:
    """In which mode the modules are, and whether there is a way back."""
    mode = f", {'training' if all(modes) else 'evaluation' if not any(modes) else 'some in training'}" if modes else ""
    return mode if plan.recorded.cotangents else f"{mode}, without gradients"


def _why_none(plans: Any) -> str:
    if plans.eager:
        return f"{plans.name} runs as it is, not compiled: {plans.eager}"
    times = "once more, for it reads arrays that no operation has made" if plans._once else "once"
    return f"{plans.name} has no plan yet: call it {times}, outside of profiles, and look again"
