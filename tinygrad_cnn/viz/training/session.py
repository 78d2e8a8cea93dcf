"""The live page of a run: a callback of a `Trainer`, or fed by a loop of one's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from ...arrays.telling import described
from ...nn.module import Module
from ...optim.optimizer import Optimizer
from ...tensors import Tensor
from ...train.callbacks import Callback, Run
from .. import style
from ..kit.page import Page
from .control import Control, Scaled, seconds
from .desk import Desk
from .looking import Look
from .record import Record

SHARE = 0.004  # of the training's time that looks may take; the steps after one are slower, too, by about as much
_APART = 0.2  # seconds between two looks, at least


def _never() -> bool:
    return False


class Live(Callback):
    """A run that one can watch and steer; what `live` returns.

    Attributes:
        step_count: the steps seen so far.
    """

    order: ClassVar[int] = -100  # before a scheduler sets the next rate, and before loggers
    saved: ClassVar[bool] = False

    def __init__(
        self,
        model: Module | None = None,
        optimizer: Optimizer | None = None,
        *,
        labels: Sequence[str] | None = None,
        title: str | None = None,
        port: int = 0,
        serve: bool = True,
        open: bool | None = None,
    ) -> None:
        _check(model, optimizer, labels, port)
        self.labels, self.title = None if labels is None else [str(label) for label in labels], title
        self.step_count = 0
        self._port, self._serve, self._open = port, serve, open
        self._record, self._control = Record(), Control()
        self._desk = Desk(self._record, self._control, self)
        self._look: Look | None = None
        self._scaled: Scaled | None = None
        self._model: Module | None = None
        self._watching = False  # a look has begun, and ends with the next step
        self._next = self._spent = self._waited = self._last = 0.0
        self._began: float | None = None
        self._ended: float | None = None
        self._since: float | None = None  # it waits
        self._trainer: Run | None = None
        if model is not None and optimizer is not None:
            self._begin(model, optimizer)

    # -------------------------------------------------------------------------------------------- a loop of one's own
    def step(self, loss: Any, **values: float) -> bool:
        """Call it after each ``optimizer.step()``, while the gradients are still there.

        Here the run waits while the page says "pause".

        Args:
            loss: of the step, a number or a Tensor with one.
            values: other numbers of the step, such as ``accuracy=0.9``: each becomes a curve.

        Returns:
            False when somebody has pressed "stop" on the page: ``if not page.step(loss): break``.

        Raises:
            TypeError, ValueError: something that is no number.
            RuntimeError: made without a model and an optimizer, and no Trainer has called.
        """
        if self._look is None or self._scaled is None:
            raise RuntimeError("live: there is no model to watch; make it as viz.live(model, optimizer)")
        numbers = {name: _number(name, value) for name, value in {"loss": loss, **values}.items()}
        lr = self._scaled.lr
        if lr is not None:
            numbers["lr"] = lr
        self.step_count += 1
        with self._record.lock:
            self._record.curves.add(self.step_count, numbers)
            self._record.now.update(numbers, step=self.step_count)
        if self._watching:
            self._end_look(self._look)
        self._last = now = seconds()
        if not self._watching and now >= self._next:
            self._spent += self._look.begin()
            self._watching = True
        if self._control.paused:
            self._wait()
        self._scaled.look()
        return not self._control.stopped

    def _wait(self) -> None:
        start = self._since = seconds()
        trainer = self._trainer
        try:
            self._control.gate(_never if trainer is None else lambda: trainer.interrupted)
        finally:
            waited, self._since = seconds() - start, None
            self._waited += waited
        self._last = seconds()
        self._next += waited

    def _begin(self, model: Module, optimizer: Optimizer) -> None:
        if self._look is not None and self._model is model and self._scaled is not None:
            if self._scaled.optimizer is not optimizer:
                self._scaled.let_go()
                self._scaled = Scaled(optimizer, self._control)
        else:
            self._model, self._look = model, Look(model, self.labels)
            self._scaled = Scaled(optimizer, self._control)
            self._record.about = {
                "title": self.title or type(model).__name__,
                "optimizer": type(optimizer).__name__,
                "layers": self._look.layers,
                "hidden": self._look.hidden,
                "filters": self._look.filters,
            }
            self._keep_frame(self._look)
        if self._began is None:
            self._began = seconds()
        if self._ended is not None:  # it goes on: the time between does not count
            self._waited, self._ended = self._waited + seconds() - self._ended, None
        self._scaled.look()
        self._record.now.update(state="running", why=None)
        if self._serve:
            self._desk.open(self._port, self._open)
        self._spent += self._look.begin()
        self._watching = True

    def _keep_frame(self, look: Look) -> None:
        frame = look.frame(self.step_count)
        if frame is not None:
            self._record.frames.add(frame)

    def _end_look(self, look: Look) -> None:
        found, took = look.end(self.step_count)
        start = seconds()
        with self._record.lock:
            self._record.looks.add(found)
            self._record.mistakes = look.mistakes
            self._keep_frame(look)
        took += seconds() - start + self._desk.take_cost()
        self._watching = False
        self._spent += took
        self._next = seconds() + max(_APART, took / SHARE)

    # --------------------------------------------------------------------------------------------------- as a callback
    def on_fit_start(self, trainer: Run) -> None:
        """As `Callback.on_fit_start`: the page opens."""
        self._trainer = trainer
        self._control.stopped = False
        self._begin(trainer.model, trainer.optimizer)

    def on_batch_end(self, trainer: Run, logs: dict[str, Any]) -> None:
        """As `Callback.on_batch_end`: a step; here the run waits while the page says so."""
        if not self.step(logs["loss"]):
            trainer.stop("stopped on the live page")

    def on_epoch_end(self, trainer: Run, logs: dict[str, Any]) -> None:
        """As `Callback.on_epoch_end`: the epoch's numbers; ``lr`` becomes what the optimizer had used."""
        if self._control.factor != 1 and logs.get("lr") is not None:
            logs["lr"] = float(logs["lr"]) * self._control.factor
        kept = {name: float(value) for name, value in logs.items() if isinstance(value, (int, float, np.number))}
        with self._record.lock:
            self._record.epochs.append({"step": self.step_count, **kept})
        self._record.now.update(epoch=trainer.epoch, epochs=trainer.epochs)

    def on_fit_end(self, trainer: Run) -> None:
        """As `Callback.on_fit_end`: the page says that the run has ended, and stays."""
        self.finish(trainer.stop_reason)
        self._trainer = None

    # ------------------------------------------------------------------------------------------------------ afterwards
    def finish(self, why: str | None = None) -> None:
        """The run has ended: watch no more, and say so on the page, which stays as long as the program. In a notebook
        the run as it was recorded takes its place, and stays."""
        if self._look is not None and self._scaled is not None:
            self._look.cancel()
            self._watching = False
            self._scaled.let_go()
            with self._record.lock:
                if self._record.frames.entries and self._record.frames.entries[-1]["step"] != self.step_count:
                    self._keep_frame(self._look)
        self._ended = seconds() if self._ended is None else self._ended
        self._record.now.update(state="finished", why=why)
        self._desk.keep()

    def close(self) -> None:
        """End the run, if it has not ended, and the page's server. What was recorded can still be saved."""
        if self._record.now.get("state") == "running":
            self.finish()
        self._desk.close()

    def page(self) -> Page:
        """The run so far as a page that stands alone: what was recorded, with all that the live one shows of it."""
        return self._desk.page()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run so far as one HTML file, which needs no server and no network; returns its path. Folders are
        made.

        Raises ValueError for an ending that is not .html, OSError where it cannot be written.
        """
        return self.page().save(path)

    @property
    def address(self) -> str | None:
        """Of the page while it is served."""
        return self._desk.address

    @property
    def stopped(self) -> bool:
        """Has somebody pressed "stop"?"""
        return self._control.stopped

    @property
    def share(self) -> float:
        """The part of the run's time that was spent on looking."""
        return self._spent / max(self.elapsed, 1e-9)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began, without those that it was paused."""
        if self._began is None:
            return 0.0
        until = self._ended if self._ended is not None else self._since if self._since is not None else seconds()
        return until - self._began - self._waited

    @property
    def idle(self) -> float:
        """Seconds since the last step."""
        return seconds() - self._last if self._last else 0.0

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        where = f" at {self.address}" if self.address else ""
        return f"<Live page{where}: {self.step_count:,} steps; .save('run.html') keeps it>"

    def _repr_html_(self) -> str:
        """Notebooks show the served page in a frame; once it is closed, the run as it was recorded."""
        return self._desk.shown()


def live(
    model: Module | None = None,
    optimizer: Optimizer | None = None,
    *,
    labels: Sequence[str] | None = None,
    title: str | None = None,
    port: int = 0,
    serve: bool = True,
    open: bool | None = None,
) -> Live:
    """Watch a training run while it runs, on a page of this machine: curves, layers, filters, mistakes; and steer it.

    As a callback, ``Trainer(model, optimizer, callbacks=[viz.live()])``, which is what ``Trainer(..., live=True)``
    does; or in a loop of one's own, with `Live.step` after each step of the optimizer. In a notebook it shows itself.

    The page has curves of each step; for each layer the norm of its gradient and |change| / |weights| (about 1e-3 is
    usual); units of relus that have not fired in the last 256 images looked at; the first layer's filters as they form;
    what the net is surest and most wrong about. It can pause the run, take one step, stop it, and multiply the learning
    rate, on top of what a scheduler does. The bits of a run are the same with and without, unless somebody does that.

    Looks into the net are spaced out so that they take less than 1 % of the time, also where nobody watches. Nothing of
    a step is kept but a few numbers; memory is bounded however long it runs.

    Args:
        model, optimizer: what is trained; a Trainer brings its own.
        labels: names of the classes.
        title: of the page; by default the model's type.
        port: of the page's address; 0 is any that is free.
        serve: False opens no page, and records alone, for `Live.save`.
        open: open the page in the browser; None does where the program runs on a terminal of a machine with a screen.

    Returns:
        A `Live`. Its page is reachable from this machine alone, and ends with the program or with `Live.close`.

    Raises:
        TypeError, ValueError: arguments of another kind. OSError: the port is taken.

    >>> from tinygrad_cnn import nn, optim, tensor
    >>> net = nn.Linear(2, 1)
    >>> optimizer = optim.SGD(net.parameters(), lr=0.1)
    >>> page = live(net, optimizer, serve=False)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     loss = (net(tensor([[1.0, 2.0]])) ** 2).sum()
    ...     loss.backward()
    ...     optimizer.step()
    ...     _ = page.step(loss)
    >>> page.save("run.html")  # doctest: +SKIP
    """
    return Live(model, optimizer, labels=labels, title=title, port=port, serve=serve, open=open)


def _check(model: Any, optimizer: Any, labels: Any, port: Any) -> None:
    if (model is None) != (optimizer is None):
        raise TypeError("live: give both, live(model, optimizer), or none of them: live() is a callback of a Trainer")
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"live: model must be an nn.Module, got {described(model)}")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(f"live: optimizer must be an Optimizer, got {described(optimizer)}")
    if isinstance(labels, str):
        raise TypeError(f"live: labels must be a list of names, got the text {labels!r}")
    style.whole(port, "port", "live", 0)


def _number(name: str, value: Any) -> float:
    if isinstance(value, Tensor):
        if value._array.size != 1:
            raise ValueError(f"live: {name} must be one number, got a Tensor of shape {tuple(value.shape)}")
        return float(value._array.reshape(()))
    if type(value) is float:
        return value
    if isinstance(value, (int, float, np.number)) and not isinstance(value, complex):
        return float(value)
    raise TypeError(f"live: {name} must be a number, got {described(value)}")
