"""Guard rails: a warning where a program runs, and does not do what it seems to do. Each check stands where it looks;
here are the switch that they share, and their voice."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from .switch import AtOnce, flag
from .telling import users_frame

__all__ = ["GuardRailWarning", "guard_rails"]


class GuardRailWarning(UserWarning):
    """A program runs, and probably does not do what its author thinks.

    A category for `warnings`: ``warnings.simplefilter("error", tg.GuardRailWarning)`` makes an error of each.
    """


class _Rails:
    """Are they on, in this process; what was said since the last run began; and who looks at a backward."""

    __slots__ = ("before_arrival", "before_walk", "lock", "looked", "on", "runs", "spoken", "steps", "waiting")

    def __init__(self) -> None:
        self.on = True
        self.spoken: list[tuple[Any, set[Hashable]]] = []  # warnings filters, and what was said under them
        self.lock = threading.Lock()
        self.before_walk: Callable[[Any], None] = _nobody  # both are set when `rails` is loaded
        self.before_arrival: Callable[[Any], None] = _nobody
        self.looked: dict[Hashable, Any] = {}  # what rails that look at several batches know so far
        self.steps = 0  # of all optimizers
        self.runs = 0  # that began
        self.waiting: list[Callable[[set[int]], None]] = []  # looks at the next of them, and at whom it steps, by id

    def said(self) -> set[Hashable]:
        """What was said under the filters in force: within a `catch_warnings` all may be said again."""
        for filters, said in self.spoken:
            if filters is warnings.filters:
                return said
        self.spoken.append((warnings.filters, set()))
        del self.spoken[:-8]
        return self.spoken[-1][1]


def _nobody(what: Any) -> None: ...


class _Rest(threading.local):
    """For how many steps of this thread nobody looks; in which run."""

    steps = run = 0


rails, rest = _Rails(), _Rest()
LINES = 4  # that a rail looks at in a run
MANY = 4096  # things looked at: a run with more has seen enough


class guard_rails(AtOnce):
    """Switch the guard rails on or off, in all threads: by a call, within a ``with``, or for a function it decorates.

    A guard rail is a `GuardRailWarning` where a program runs and probably does not do what it seems to do: gradients
    that were never cleared, a softmax before a loss that has its own, images of 0..255 fed raw, and their kin; see
    ``docs/guard_rails.md``. Each says once what it saw, at the user's own line, and what to do about it. A run that is
    right hears nothing. They speak again after another optimizer was made, within a `warnings.catch_warnings`, and
    after a call of this.

    >>> import tinygrad_cnn as tg
    >>> with tg.guard_rails(False):
    ...     loss = tg.nn.functional.cross_entropy(tg.zeros(2, 3).softmax(1), tg.tensor([0, 2]))
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(flag(mode, "guard_rails: mode"))

    def _swap(self, value: Any) -> Any:
        before, rails.on = rails.on, value
        begin_anew()
        return before


def awake() -> bool:
    """Are the rails on, and is this no pass of a long run in which they rest? (A new run ends that: an optimizer.)"""
    return rails.on and (rest.steps == 0 or rest.run != rails.runs)


def begin_anew() -> None:
    """A new run: what was said before may be said again."""
    with rails.lock:
        rails.spoken.clear()
    rails.looked.clear()
    rails.waiting = []
    rails.runs += 1


def about_to_step(groups: Iterable[dict[str, Any]]) -> None:
    """An optimizer of these groups of parameters has its gradients, and has not used them yet."""
    rails.steps += 1
    if rails.waiting:
        waiting, rails.waiting = rails.waiting, []
        params = {id(p) for group in groups for p in group["params"]}
        for look in waiting:
            look(params)


def here_and(about: Hashable) -> Hashable:
    """The user's line together with what a rail is about: what it knows of one loop it does not take for another's."""
    frame = users_frame()
    return frame.f_code.co_filename, frame.f_lineno, about


def looks(rail: str, times: int, about: Hashable, thing: Any = None) -> bool:
    """Is this one of the first ``times`` looks of a rail at what it is ``about`` (or at a thing) since the run began?

    What was right in the first batches stays so: looking ends, and costs next to nothing in the rest of the run.
    """
    seen, of = rails.looked.get((rail, about), (0, None))
    if of is not None and of() is not thing:  # another, that was given the memory of one that is gone
        seen, of = 0, None
    if seen >= times or len(rails.looked) > MANY:
        return False
    rails.looked[rail, about] = seen + 1, of or (None if thing is None else weakref.ref(thing))
    return True


def looks_here(rail: str, times: int) -> bool:
    """The same for the user's line. After the looks of a few lines a rail has seen the run, and asks for no line."""
    seen = rails.looked.get(rail, 0)
    if seen >= LINES * times:
        return False
    rails.looked[rail] = seen + 1
    return looks(rail, times, here_and(rail))


Place = tuple[str, int, str]  # a line of the user's: file, number, module


def users_line() -> Place:
    """The user's line that runs."""
    frame = users_frame()
    return frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__", "__main__")


def say(rail: str, text: str, about: Hashable = None, place: Place | None = None) -> None:
    """Warn at the user's line: once for a rail and what it is ``about``, or else for a rail and the line.

    ``rail`` is its name in docs/guard_rails.md; ``text`` says what was seen, what that does, and what to do instead.
    ``place`` is the line, where it is another than the one that runs.
    """
    if not rails.on:
        return
    file, line, module = place or users_line()
    key = (rail, (file, line) if about is None else about)
    with rails.lock:
        said = rails.said()
        if key in said:
            return
        said.add(key)
    warnings.warn_explicit(f"{text} [{rail}]", GuardRailWarning, file, line, module=module, source=None)
