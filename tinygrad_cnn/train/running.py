"""The epoch that runs: what it has measured so far, and what is left to tell."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from .metrics import Mean, Metric


class Running:
    """What is known of an epoch before it is over; a run that was stopped in its middle goes on with it.

    ``lr`` is the learning rate at its beginning, ``seconds`` what it had taken before it went on.
    """

    def __init__(self, loss: Any, metrics: Iterable[Metric], lr: Any) -> None:
        self.mean, self.metrics = Mean(loss, "loss"), fresh(metrics)
        self.lr = lr.item() if hasattr(lr, "item") else lr
        self._seconds, self._start = 0.0, time.perf_counter()

    def go_on(self) -> None:
        """The clock runs again."""
        self._start = time.perf_counter()

    def pause(self) -> None:
        """The clock stands still."""
        self._seconds, self._start = self.seconds, time.perf_counter()

    @property
    def seconds(self) -> float:
        """What the epoch has taken so far."""
        return self._seconds + time.perf_counter() - self._start

    def values(self) -> dict[str, Any]:
        """Loss, metrics and speed so far."""
        seconds = self.seconds
        logs = {m.name: m.compute() for m in (self.mean, *self.metrics)}
        return {**logs, "images_per_s": self.mean.samples / seconds if seconds else 0.0}

    def state_dict(self) -> dict[str, Any]:
        """What is to be saved."""
        metrics = [[metric.name, metric.state_dict()] for metric in self.metrics]
        return {"loss": self.mean.state_dict(), "metrics": metrics, "lr": self.lr, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave. Raises ValueError where the epoch was measured by other metrics."""
        saved, own = [name for name, _ in state["metrics"]], [metric.name for metric in self.metrics]
        if saved != own:
            raise ValueError(
                f"it was saved in the middle of an epoch with the metrics {saved}, but this trainer has {own}; give "
                "the same ones"
            )
        self.mean.load_state_dict(state["loss"])
        for metric, (_, kept) in zip(self.metrics, state["metrics"], strict=True):
            metric.load_state_dict(kept)
        self.lr, self._seconds = state["lr"], float(state["seconds"])


class Telling(NamedTuple):
    """Callbacks that are being told of a moment: which one, the position of the one that was told last, and what."""

    moment: str
    last: int
    logs: tuple[dict[str, Any], ...]


def fresh(metrics: Iterable[Metric]) -> list[Metric]:
    """Copies that have seen nothing: an evaluation in the middle of an epoch disturbs nobody."""
    copies = [copy.deepcopy(metric) for metric in metrics]
    for metric in copies:
        metric.reset()
    return copies
