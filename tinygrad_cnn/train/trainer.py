"""The training loop as an object: for those who want no loop of their own. The examples show the loop in the open."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..arrays.telling import warn_of
from ..data.prefetch import END
from ..nn import functional as F
from ..nn.compiling import compiled
from ..nn.module import Module
from ..nn.summary import evaluating, in_mode, kept_in_evaluation
from ..optim.adam import Adam
from ..optim.optimizer import Optimizer
from ..tensors import Tensor
from .callbacks import Callback
from .checking import checked
from .feeding import Feed
from .going_on import Resumable
from .history import History
from .interrupt import Interrupt
from .live import live_page
from .loaders import as_dataset, as_loader, detached, is_dataset, joined, length, parts_of, split
from .metrics import Mean, Metric, as_metrics
from .overlap import check_apart
from .progress import Progress, epoch_line
from .running import Running, fresh

Loss = Callable[[Any, Any], Any]


class Trainer(Resumable):
    """Trains a model: progress, validation, metrics, callbacks, clean stop on Ctrl-C, save and resume.

    Args:
        model: any Module.
        optimizer: an optimizer of its parameters.
        loss: ``loss(outputs, targets)``, a Tensor with one number, the mean over the batch.
        metrics: one or several `Metric`s, functions of (outputs, targets) or "accuracy"; or a dict of names to these.
            None is accuracy for the losses of classes (cross_entropy, nll_loss), nothing for others; ``()`` is none.
        callbacks: `Callback`s, called in this order, those that log and save last.
        progress: show a bar on a terminal or in a notebook, and a line for each epoch; False is silent.
        live: open a page on this machine that shows the run and steers it, as ``callbacks=[viz.live()]`` does; or what
            `viz.live` returned. It becomes ``trainer.live``: ``trainer.live.save("run.html")`` keeps the page.
        compile: let the model's calls run as `tg.compile` has them, in training and evaluation: all numbers are the
            same. ``trainer.model`` is the compiled module then, which shares all that ``model`` owns.

    Attributes: ``history``, ``epoch`` (epochs completed), ``batch`` (batches done of the running epoch), ``epochs``
    (the goal), ``stop_reason`` (None, or why the last run ended early).

    >>> from tinygrad_cnn.nn.layers.linear import Linear
    >>> from tinygrad_cnn.optim import SGD
    >>> x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
    >>> model = Linear(1, 1)
    >>> trainer = Trainer(model, SGD(model.parameters(), lr=0.5), loss=F.mse_loss, progress=False)
    >>> history = trainer.fit((x, 3 * x + 1), epochs=30)
    >>> bool(history["loss"][-1] < 1e-3)
    True
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Loss = F.cross_entropy,
        metrics: Any = None,
        callbacks: Iterable[Callback] | Callback | None = (),
        *,
        progress: bool = True,
        live: bool | Callback = False,
        compile: bool = False,
    ) -> None:
        super().__init__()
        callbacks = checked(model, optimizer, loss, callbacks)
        self.live = live_page(live)
        if self.live is not None:
            callbacks.append(self.live)
        self.model, self.optimizer, self.loss = compiled(model) if compile else model, optimizer, loss
        self.metrics = as_metrics(metrics, loss)
        self.callbacks = sorted(callbacks, key=lambda callback: callback.order)
        self.progress = progress
        self.history = History()
        self.epoch = self.batch = self.epochs = 0
        self.validates = False
        self._frozen: list[str] = []

    # ------------------------------------------------------------------------------------------------------ train
    def fit(
        self,
        train: Any,
        epochs: int,
        validation: Any = None,
        *,
        batch_size: int | None = None,
        split_seed: int = 0,
    ) -> History:
        """Train until ``epochs`` epochs are complete, counted from the first one ever; returns the history.

        After ``fit(data, 5)`` and the same call once more nothing happens; ``fit(data, 8)`` trains 3 more. So the same
        script goes on where it stopped after `load`. Ctrl-C finishes the running step (or validation) and returns; a
        second Ctrl-C raises KeyboardInterrupt at once. Either way the model keeps its weights. Ctrl-C reaches the main
        thread alone: a run in another one ends by `stop`.

        Args:
            train: a DataLoader (or any iterable of batches that can be walked again), a dataset, or a tuple of arrays
                (inputs, targets). Datasets and arrays are shuffled.
            epochs: how many epochs there shall be in all.
            validation: the same kinds, or a fraction of the training dataset to keep apart: drawn at random by
                ``split_seed`` alone, classes in proportion where the dataset knows them.
            batch_size: for datasets and arrays; 64 by default.

        Raises:
            RuntimeError: the loss is NaN or inf (with epoch and batch; the step was not taken); or a run of this
                trainer goes on already.
            TypeError, ValueError: arguments that do not fit, before anything was trained.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
            raise ValueError(f"fit: epochs must be an integer >= 1, got {epochs!r}")
        if isinstance(validation, float):
            train, validation = split(train, validation, split_seed)
        loader = as_loader(train, batch_size, True, "fit: train")
        held = None if validation is None else self._for_reading(validation, batch_size, "fit: validation")
        if self.epoch >= epochs and self._telling is None:
            warn_of(f"fit: {self.epoch} epochs are complete already and epochs={epochs}; to train more, pass more")
            return self.history
        if held is not None:
            check_apart(loader, held)
        show = Progress(self.progress)
        try:
            with self._running() as interrupt, self._epoch_kept(), in_mode(self.model, True):
                self._go_on({"train": loader, "validation": held})
                self.validates, self.epochs = held is not None, int(epochs)
                self._say_frozen(show)
                self._tell("on_fit_start")
                self._finish_telling()
                while self.epoch < self.epochs and self.stop_reason is None:
                    self._run_epoch(loader, held, interrupt, show)
                self._tell_the_end()
        finally:
            show.close()
        self._report_stop(show)
        return self.history

    def _report_stop(self, show: Progress) -> None:
        if self.stop_reason is not None:
            where = f"in epoch {self.epoch + 1} after batch {self.batch}" if self.batch else f"after epoch {self.epoch}"
            show.write(f"stopped {where}: {self.stop_reason}")

    def _run_epoch(self, loader: Any, held: Any, interrupt: Interrupt, show: Progress) -> None:
        """One epoch, with its validation and its row in the history; or a part of it, where someone says stop."""
        if self._this is None:
            self._this = Running(self.loss, self.metrics, self.optimizer.param_groups[0].get("lr"))
            self.batch = 0
            self._tell("on_epoch_start")
        epoch = self._this
        self._feed = feed = self._feed or Feed(loader)
        show.start(f"epoch {self.epoch + 1}/{self.epochs}", length(loader), self.batch)
        while (batch := self._next(feed, interrupt)) is not END:
            if batch is None:
                epoch.pause()
                return
            value = self._step(batch, epoch)
            self.batch += 1
            self._tell("on_batch_end", {"loss": value})
            show.step(epoch.values)
        if self.batch == 0:
            raise ValueError("fit: the training data gave no batches; drop_last leaves none of fewer samples than one")
        logs = epoch.values()
        speed = logs.pop("images_per_s")
        if held is not None:
            logs.update({f"val_{name}": value for name, value in self._evaluate(held).items()})
        if epoch.lr is not None:
            logs["lr"] = epoch.lr
        self.epoch, self.batch, self._this, self._feed = self.epoch + 1, 0, None, None
        if interrupt.requested:
            self.stop("interrupted")
        row = {"epoch": self.epoch, **logs, "seconds": epoch.seconds, "images_per_s": speed}
        self.history.rows.append(row)
        self._tell("on_epoch_end", row)
        width = len(str(self.epochs))
        said = {name: value for name, value in row.items() if name not in ("epoch", "lr")}
        show.write(epoch_line(f"epoch {self.epoch:{width}d}/{self.epochs}", said))

    def _step(self, batch: Any, epoch: Running) -> float:
        self._stepping = True
        try:
            return self._take_step(batch, epoch)
        finally:
            self._stepping = False

    def _take_step(self, batch: Any, epoch: Running) -> float:
        self.optimizer.zero_grad()
        loss, outputs, targets = self.compute_loss(batch)
        value = _number(loss)
        if not math.isfinite(value):
            raise RuntimeError(
                f"the loss is {value} in epoch {self.epoch + 1}, batch {self.batch + 1}; the step was not taken. A "
                "lower learning rate or GradientClipping may help; autograd.detect_anomaly() around fit shows where it "
                "comes from"
            )
        loss.backward()
        self._tell("on_backward_end")
        self.optimizer.step()
        epoch.mean.add(value, len(targets))
        _update(epoch.metrics, outputs, targets)
        return value

    def compute_loss(self, batch: Any) -> tuple[Any, Any, Any]:
        """(loss, outputs, targets) of a batch. Override it for other batches, or a loss of more than these."""
        inputs, targets = parts_of(batch)
        outputs = self.model(*inputs)
        return self.loss(outputs, targets), outputs, targets

    def _say_frozen(self, show: Progress) -> None:
        """Say once which modules the user has set to evaluation mode: they stay so."""
        names = kept_in_evaluation(self.model)
        if names and names != self._frozen:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            show.write(f"in evaluation mode, and left so: {', '.join(names[:3])}{more}")
        self._frozen = names

    # ---------------------------------------------------------------------------------------------------- measure
    def evaluate(self, data: Any, *, batch_size: int | None = None) -> dict[str, Any]:
        """Loss and metrics over a loader, a dataset or a tuple of arrays, in evaluation mode, as a dict by name.

        The loss is the mean over all samples, whatever the sizes of the batches.
        """
        return self._evaluate(self._for_reading(data, batch_size, "evaluate"))

    def _evaluate(self, loader: Any) -> dict[str, Any]:
        mean, metrics = Mean(self.loss, "loss"), fresh(self.metrics)
        with evaluating(self.model):
            for batch in loader:
                loss, outputs, targets = self.compute_loss(batch)
                mean.add(_number(loss), len(targets))
                _update(metrics, outputs, targets)
        if mean.samples == 0:
            raise ValueError("evaluate: the data gave no batches")
        return {m.name: m.compute() for m in (mean, *metrics)}

    def predict(self, data: Any, *, batch_size: int | None = None) -> Any:
        """The model's outputs for all samples, in order, in evaluation mode, as one Tensor (or a tuple of them).

        ``data`` is an array or Tensor of inputs, or what `evaluate` takes; there the last part of a batch of two or
        more is taken as the targets, and left out.
        """
        if isinstance(data, (np.ndarray, Tensor)):
            data = (data,)
        pieces = []
        with evaluating(self.model):
            for batch in self._for_reading(data, batch_size, "predict"):
                parts = tuple(batch) if isinstance(batch, (list, tuple)) else (batch,)
                pieces.append(self.model(*(parts[:-1] if len(parts) > 1 else parts)))
        if not pieces:
            raise ValueError("predict: the data gave no batches")
        if isinstance(pieces[0], (list, tuple)):
            return tuple(joined(column) for column in zip(*pieces, strict=True))
        return joined(pieces)

    def _for_reading(self, data: Any, batch_size: int | None, name: str) -> Any:
        """A loader that keeps the order; ``batch_size`` is ignored where validation data is a loader."""
        data = as_dataset(data)
        ignored = name == "fit: validation" and not is_dataset(data)
        return as_loader(data, None if ignored else batch_size, False, name)

    def __repr__(self) -> str:
        return (
            f"Trainer({type(self.model).__name__}, {type(self.optimizer).__name__}, "
            f"metrics={[m.name for m in self.metrics]}, epoch={self.epoch})"
        )


def fit(
    model: Module,
    train: Any,
    epochs: int,
    optimizer: Optimizer | None = None,
    loss: Loss = F.cross_entropy,
    metrics: Any = None,
    callbacks: Iterable[Callback] = (),
    *,
    validation: Any = None,
    batch_size: int | None = None,
    split_seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a model in one call: `Trainer` with its `fit`. Without an optimizer it is Adam with its defaults."""
    if not isinstance(model, Module):
        raise TypeError(f"fit: model must be an nn.Module, got {type(model).__name__}")
    chosen = Adam(model.parameters()) if optimizer is None else optimizer
    trainer = Trainer(model, chosen, loss, metrics, callbacks, progress=progress)
    return trainer.fit(train, epochs, validation, batch_size=batch_size, split_seed=split_seed)


def _update(metrics: Iterable[Metric], outputs: Any, targets: Any) -> None:
    for metric in metrics:
        metric.update(detached(outputs), targets)


def _number(loss: Any) -> float:
    if not isinstance(loss, Tensor) or loss._array.size != 1:
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"the loss must be a Tensor with one number, got {got}; use reduction='mean'")
    return float(loss.item())
