"""What a training run shows: a bar that moves on a terminal or in a notebook, one plain line an epoch everywhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from .history import is_number, show

_INTERVAL = 0.1  # seconds between two looks at the running values
_USUAL = 80  # columns, where nobody says how many there are
_KEY = 2  # columns that a line with a bar in it leaves free: Ctrl-C writes "^C" behind it, and must not begin a new row
_BAR = 6  # columns of the shortest bar, with its ends
_REST = 7  # columns of the time that is left: "1:02:03"


class Progress:
    """A tqdm bar for the batches of an epoch, on standard error if that is a terminal or a notebook's; a line for each
    epoch, on standard output. With ``enabled=False``, nothing.

    The bar takes one row of the terminal, however narrow that is: what has no room is left out (`layout`).
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._bar: Any = None
        self._title = ""
        self._batches: int | None = None
        self._next = 0.0

    def start(self, title: str, batches: int | None, done: int = 0) -> None:
        """An epoch begins, or goes on after so many batches."""
        if self.enabled and _moves(sys.stderr):
            from tqdm import tqdm

            self._title, self._batches, room = title, batches, _room(sys.stderr)
            first = layout(room, title, batches, {})
            self._bar = tqdm(total=batches, initial=done, bar_format=first, leave=False, ncols=room - _KEY)
            self._next = 0.0

    def step(self, values: Callable[[], Mapping[str, Any]]) -> None:
        """One batch is done; ``values`` gives what to show, and is asked ten times a second at most."""
        if self._bar is None:
            return
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + _INTERVAL
            room = _room(self._bar.fp)  # a window may change its size
            self._bar.ncols = room - _KEY
            self._bar.bar_format = layout(room, self._title, self._batches, values())
        self._bar.update()

    def write(self, text: str) -> None:
        """Take the bar away and print a line."""
        self.close()
        if self.enabled:
            print(text, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.display(" " * (self._bar.ncols + _KEY))  # what the keys wrote goes too
            self._bar.close()
            self._bar = None


def _moves(stream: Any) -> bool:
    """Does a carriage return bring the stream back to the beginning of its line? A file keeps all that was written."""
    return bool(stream.isatty()) or type(stream).__module__ == "ipykernel.iostream"


def _room(stream: Any) -> int:
    """The columns that a line may take: one stays free, as some terminals wrap when a row is full."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, OSError, ValueError):  # a notebook's
        columns = 0
    return max((columns or _USUAL) - 1, 1 + _KEY)


def layout(room: int, title: str, batches: int | None, values: Mapping[str, Any]) -> str:
    """tqdm's format of a bar in ``room`` columns. Where not all fits, the first of this order stay: the title, the
    values in their own order (loss, then metrics), the batches, the bar itself, the time that is left, the speed.

    >>> layout(80, "epoch 1/9", 938, {"loss": 0.5, "accuracy": 0.8, "images_per_s": 9000.0})
    'epoch 1/9  |{bar}|  {n_fmt}/{total_fmt}  {remaining}  loss 0.5000  accuracy 0.8000'
    >>> layout(40, "epoch 1/9", 938, {"loss": 0.5, "accuracy": 0.8, "images_per_s": 9000.0})
    'epoch 1/9  loss 0.5000  accuracy 0.8000'
    """
    digits = 6 if batches is None else len(str(batches))
    known = {name: text for name, value in values.items() if (text := line({name: value}))}
    speed = known.pop("images_per_s", None)
    count = ("{n_fmt}", digits) if batches is None else ("{n_fmt}/{total_fmt}", 2 * digits + 1)
    pieces = {  # by what they are: tqdm's field or text, its columns, its place in the line
        "title": (*_text(title[:room]), 0),
        **{f"value {name}": (*_text(text), 4) for name, text in known.items()},
        "count": (*count, 2),
        **({} if batches is None else {"bar": ("|{bar}|", _BAR, 1), "rest": ("{remaining}", _REST, 3)}),
        **({} if speed is None else {"speed": (*_text(speed), 5)}),
    }
    shown: list[tuple[int, str]] = []
    left = room + 2  # nothing stands before the first
    for text, width, place in pieces.values():
        if not shown or width + 2 <= left:
            shown.append((place, text))
            left -= width + 2
    return "  ".join(text for _, text in sorted(shown, key=lambda piece: piece[0]))


def _text(text: str) -> tuple[str, int]:
    """A text as tqdm's formats take it, and its columns."""
    from tqdm.utils import disp_len

    return text.replace("{", "{{").replace("}", "}}"), disp_len(text)


def epoch_line(title: str, values: Mapping[str, Any]) -> str:
    """What is printed when an epoch is over: every number beside its validation; the time and the speed, where the
    line stays within 80 columns. All of them are in the history.

    >>> epoch_line("epoch 1/9", {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.75, "seconds": 2.0})
    'epoch 1/9  loss 0.5000 (val 0.6000)  accuracy 0.8000 (val 0.7500)  2.0 s'
    """
    known = {name: text for name, value in values.items() if (text := line({name: value}))}
    extra = [known.pop(name) for name in ("seconds", "images_per_s") if name in known]
    parts = [title]
    for name, text in known.items():
        if f"val_{name}" in known:
            parts.append(f"{text} (val {show(values[f'val_{name}'])})")
        elif not (name.startswith("val_") and name[4:] in known):
            parts.append(text)
    for text in extra:
        if len("  ".join([*parts, text])) > _USUAL:
            break
        parts.append(text)
    return "  ".join(parts)


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
