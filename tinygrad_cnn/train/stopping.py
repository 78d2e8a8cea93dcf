"""Ending a run before its end: a callback says so, another thread does, or Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from .interrupt import Interrupt

_beginning = Lock()  # two threads that call fit at once


class Stoppable:
    """The part of a `Trainer` that knows whether a run goes on, and whether it shall."""

    stop_reason: str | None = None
    _asked: str | None = None  # why to stop: the run that goes on, or else the next one
    _runs = False
    _interrupt: Interrupt | None = None  # of the run that goes on

    def stop(self, reason: str) -> None:
        """End the run: after the current batch, or after the epoch if all its batches are done.

        For callbacks, and for other threads at any time: where no run goes on, one may be about to begin, so the next
        `fit` ends before its first batch.
        """
        self._asked = reason
        self.stop_reason = reason

    @property
    def interrupted(self) -> bool:
        """Has Ctrl-C been pressed in the run that goes on? It then ends after the current batch."""
        return self._interrupt is not None and self._interrupt.requested

    @contextmanager
    def _running(self) -> Iterator[Interrupt]:
        """Within, a run goes on, and listens to Ctrl-C. RuntimeError if one does already."""
        with _beginning:
            if self._runs:
                raise RuntimeError(
                    "fit: this trainer runs already, in another thread or around this call; wait until it has ended "
                    "(trainer.stop(reason) ends it), or make another Trainer"
                )
            self._runs = True
        self.stop_reason = None
        if self._asked is not None:  # looked at after that line: what `stop` says in between is not lost
            self.stop_reason = self._asked
        try:
            with Interrupt() as self._interrupt:
                yield self._interrupt
        finally:
            self._interrupt = self._asked = None
            self._runs = False
