"""``Trainer(live=True)``: the page is made in a room above, which is asked for by its name, when it is wanted."""

from __future__ import annotations

import importlib
from typing import Any

from ..arrays.telling import described
from .callbacks import Callback

ABOVE = ("viz", "live")  # the room and the function that makes the page


def live_page(live: bool | Callback) -> Any:
    """The callback that shows the run: a new one for True, the one that was given, None for False.

    Raises TypeError for anything else.
    """
    if live is False or isinstance(live, Callback):
        return live or None
    if live is not True:
        raise TypeError(f"Trainer: live must be True, False or what viz.live() returns, got {described(live)}")
    room, name = ABOVE
    return getattr(importlib.import_module(f"..{room}", __package__), name)()
