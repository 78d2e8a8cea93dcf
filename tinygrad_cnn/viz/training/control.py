"""What the page may do to the run: pause, one step, go on, stop, and a factor on the learning rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ...optim.optimizer import Optimizer

FACTORS = (1e-3, 1e3)  # of the learning rate
_WINK = 0.1  # seconds between two looks whether Ctrl-C was pressed


class Control:
    """Wishes that come from another thread; the training follows them between two steps, in `gate`.

    Attributes: ``paused``, ``stopped``, and ``factor``, what the learning rate is multiplied by.
    """

    def __init__(self) -> None:
        self.paused = self.stopped = False
        self.factor = 1.0
        self._steps = 0  # that may be taken while paused
        self._changed = threading.Condition()

    def pause(self) -> None:
        """After the running step, wait."""
        self._set(paused=True)

    def go(self) -> None:
        """Go on."""
        self._set(paused=False, _steps=0)

    def once(self) -> None:
        """Take one step and wait; where nothing waits yet, wait after the running one."""
        with self._changed:
            self._steps += self.paused
            self.paused = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the run after the running step."""
        self._set(stopped=True)

    def scale(self, factor: float) -> None:
        """Multiply the learning rate, from the next step on. ValueError for a factor that is out of reach."""
        if not FACTORS[0] <= factor <= FACTORS[1]:  # NaN is not
            raise ValueError(f"the factor must lie in {FACTORS[0]:g}..{FACTORS[1]:g}, got {factor!r}")
        self._set(factor=factor)

    def _set(self, **wishes: Any) -> None:
        with self._changed:
            for name, value in wishes.items():
                setattr(self, name, value)
            self._changed.notify_all()

    def gate(self, interrupted: Callable[[], bool]) -> None:
        """Called between two steps: returns when the next one may be taken, or when the run shall end.

        It waits in short pieces, as a signal is only heard between them; ``interrupted`` says that Ctrl-C was pressed.
        """
        if not self.paused:
            return
        with self._changed:
            while self.paused and not self.stopped and not interrupted():
                if self._steps:
                    self._steps -= 1
                    return
                self._changed.wait(_WINK)


class Scaled:
    """The factor on an optimizer: its learning rates are multiplied within ``step`` alone, and put back after it.

    So a scheduler finds what it has set, whether it computes the next rate from the last one or from the first. As long
    as the factor is 1, nothing is done to the optimizer at all.
    """

    def __init__(self, optimizer: Optimizer, control: Control) -> None:
        self.optimizer, self.control = optimizer, control
        self._own: list[tuple[dict[str, Any], Any]] = []  # groups, and their own learning rates
        self._handles: list[Any] = []

    def look(self) -> None:
        """Take hold of the optimizer once the factor was moved. Called by the training, between two steps."""
        if not self._handles and self.control.factor != 1:
            self._handles = [
                self.optimizer.register_step_pre_hook(self._before),
                # first of all: where two pages watch one optimizer, the last to multiply is the first to put back
                self.optimizer._register("after step", self._after, prepend=True),
            ]

    def let_go(self) -> None:
        """Leave the optimizer as it was."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._after()

    def _before(self, *_: Any) -> None:
        self._after()  # where a step has failed
        factor = self.control.factor
        if factor != 1:
            groups = [group for group in self.optimizer.param_groups if "lr" in group]
            self._own = [(group, group["lr"]) for group in groups]
            for group in groups:
                group["lr"] = float(group["lr"]) * factor

    def _after(self, *_: Any) -> None:
        for group, lr in self._own:
            group["lr"] = lr
        self._own = []

    @property
    def lr(self) -> float | None:
        """The learning rate that the first group has in a step; None where there is none."""
        lr = self.optimizer.param_groups[0].get("lr")
        return None if lr is None else float(lr) * self.control.factor


def seconds() -> float:
    """The clock by which costs are counted."""
    return time.perf_counter()
