"""What a training run shows: a bar that moves on a terminal or in a notebook, one plain line an epoch everywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from .history import is_number, show

_INTERVAL = 0.1  # seconds between two looks at the running values


class Progress:
    """A tqdm bar for the batches of an epoch, on standard error if that is a terminal or a notebook's; a line for each
    epoch, on standard output. With ``enabled=False``, nothing."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._bar: Any = None
        self._next = 0.0

    def start(self, title: str, batches: int | None) -> None:
        """A new epoch begins."""
        if self.enabled and _moves(sys.stderr):
            from tqdm import tqdm

            self._bar = tqdm(total=batches, desc=title, unit="batch", leave=False, dynamic_ncols=True)
            self._next = 0.0

    def step(self, values: Callable[[], Mapping[str, Any]]) -> None:
        """One batch is done; ``values`` gives what to show, and is asked ten times a second at most."""
        if self._bar is None:
            return
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + _INTERVAL
            self._bar.set_postfix_str(line(values()), refresh=False)
        self._bar.update()

    def write(self, text: str) -> None:
        """Take the bar away and print a line."""
        self.close()
        if self.enabled:
            print(text, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _moves(stream: Any) -> bool:
    """Does a carriage return bring the stream back to the beginning of its line? A file keeps all that was written."""
    return bool(stream.isatty()) or type(stream).__module__ == "ipykernel.iostream"


def line(values: Mapping[str, Any]) -> str:
    """Names and numbers in one line: "loss 0.1234  accuracy 0.9876  51,234 images/s"."""
    parts = []
    for name, value in values.items():
        if name == "images_per_s":
            parts.append(f"{value:,.0f} images/s")
        elif name == "seconds":
            parts.append(f"{value:.1f} s")
        elif is_number(value):
            parts.append(f"{name} {show(value)}")
    return "  ".join(parts)
