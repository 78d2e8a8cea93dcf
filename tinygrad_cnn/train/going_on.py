"""The part of a `Trainer` that goes on where a run was left: in this process, or from a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from .. import io
from ..arrays.rng import process_position, process_to
from ..arrays.telling import warn_of
from ..data.prefetch import END
from ..data.resuming import OtherEpochError
from ..nn.module import Module
from .callbacks import Callback, Run
from .feeding import Feed, restore_between, state_between
from .interrupt import Interrupt
from .metrics import Metric
from .running import Running, Telling
from .state import digest, load_training_state, training_state, weights_of
from .stopping import Stoppable

R = TypeVar("R", bound="Resumable")


class Resumable(Stoppable):
    """Knows the epoch that runs, and keeps what is needed to go on with it."""

    model: Module
    loss: Any
    metrics: list[Metric]
    callbacks: list[Callback]
    epoch: int
    batch: int
    epochs: int

    def __init__(self) -> None:
        self._this: Running | None = None  # the one that runs, or was cut short
        self._feed: Feed | None = None  # its batches, while it runs
        self._telling: Telling | None = None
        self._loaders: dict[str, Any] = {}  # "train" and "validation": those of the last run
        self._waiting: dict[str, Any] = {}  # where they stood: loaded or cut short, for the next run
        self._stepping = False
        self._own: dict[str, Any] | None = None  # the weights of a run cut short, where on_fit_end has put in others
        self._digests: tuple[int | None, int] = None, 0  # of these, and of those others

    def _go_on(self, loaders: dict[str, Any]) -> None:
        """Put the loaders where they stood; an epoch that was cut short goes on, or begins anew with other batches."""
        for name, loader in loaders.items():
            state = self._waiting.get(name)
            if state is None or loader is None or (name == "train" and self._this is not None):
                continue
            restore_between(loader, state)
        if self._this is not None:
            try:
                self._feed = Feed(loaders["train"], self._waiting.get("train"))
                self._this.go_on()
            except OtherEpochError as error:
                warn_of(f"fit: epoch {self.epoch + 1} begins anew: {error}")
                self._this, self.batch = None, 0
        self._loaders, self._waiting = loaders, {}
        if self._own is not None and digest(self.model) == self._digests[1]:  # nobody has put in yet others since
            self.model.load_state_dict(self._own)
        self._own = None

    def _tell_the_end(self) -> None:
        """Tell of the end. A run that goes on, to its goal or to a later one, does so with its own weights, whatever
        callbacks leave behind: the best ones, or an average."""
        self._own = weights_of(self.model)
        own = digest(self.model)
        self._digests = own, own
        try:
            self._tell("on_fit_end")
        finally:
            self._digests = own, digest(self.model)
            if self._digests[1] == own:
                self._own = None

    @contextmanager
    def _epoch_kept(self) -> Iterator[None]:
        """Where the run is left, what its epoch needs to go on is kept, and nothing is read ahead any more."""
        try:
            yield
        finally:
            if self._feed is not None and self._this is not None:
                self._this.pause()
                self._waiting["train"] = self._feed.state(self.batch)
            if self._feed is not None:
                self._feed.close()
                self._feed = None

    def _next(self, feed: Feed, interrupt: Interrupt) -> Any:
        """The next batch, `END`, or None where someone has said stop and a batch is left."""
        if interrupt.requested:
            self.stop("interrupted")
        if self.stop_reason is None:
            return feed.next()
        if not feed.sure_of_more(self.batch):
            stands, position = feed.state(self.batch), process_position()
            if feed.next() is END:
                return END
            process_to(position)  # as if nobody had asked whether there is one more
            self._waiting["train"] = stands
            self._feed = None
            feed.close()
        return None

    def _tell(self, moment: str, *logs: dict[str, Any], after: int = -1) -> None:
        kept = moment in ("on_epoch_start", "on_batch_end", "on_epoch_end")  # the others are told again, or never
        for i in range(after + 1, len(self.callbacks)):
            if kept:
                self._telling = Telling(moment, i, logs)
            getattr(self.callbacks[i], moment)(self, *logs)
        if kept:
            self._telling = None

    def _finish_telling(self) -> None:
        """A run was saved, or broke off, while callbacks were told of a moment: tell the others."""
        if self._telling is not None:
            self._tell(self._telling.moment, *self._telling.logs, after=self._telling.last)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save all that `load` needs to go on: model, optimizer, callbacks (schedulers), random state, epoch, history.

        After a run that was stopped, in mid-epoch too, and in a callback's ``on_batch_end`` or ``on_epoch_end``, a
        resumed run gives the same bits as one that was never interrupted: its batches, what they draw, loss and metrics
        of the epoch. The random state is that of the package's generator, of ``random``, of ``np.random``, and of those
        in the loader, its dataset and its transforms. The file is one of `tinygrad_cnn.save`;
        ``tinygrad_cnn.load(path)["model"]`` are the weights alone.
        """
        if self._stepping:
            warn_of(
                "Trainer.save: called in the middle of a step, which a resumed run takes once more, with other random "
                "numbers; save in on_batch_end, in on_epoch_end or after fit"
            )
        stand = {name: state_between(loader) for name, loader in self._loaders.items() if loader is not None}
        if self._feed is not None:
            stand["train"] = self._feed.state(self.batch)
        state = training_state(cast(Run, self), self._this, self._telling, {**stand, **self._waiting})
        own = self._own if digest(self.model) != self._digests[0] else None
        io.save({**state, "own": own}, path)

    def load(self: R, path: str | os.PathLike[str]) -> R:
        """Go back to what `save` saved, in a trainer made in the same way; then `fit` goes on. Returns itself.

        Raises ValueError or RuntimeError, with nothing changed, if the file is of another model, optimizer, ...
        """
        running = Running(self.loss, self.metrics, None)
        state = io.load(path)
        found = load_training_state(cast(Run, self), state, repr(os.fspath(path)), running)
        self._this, self._telling, self._waiting = found
        self._feed, self._loaders, self.stop_reason = None, {}, None
        self._own, self._digests = state.get("own"), (None, digest(self.model))
        return self
