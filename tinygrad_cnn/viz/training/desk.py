"""Where the page of a run asks and steers: what the server answers, and where the page is shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

from ..kit.page import Page
from .control import Control
from .pages import run_page
from .record import Record
from .serving import Served, serve


class Meter(Protocol):
    """What the desk asks the run."""

    @property
    def elapsed(self) -> float:
        """Seconds."""

    @property
    def share(self) -> float:
        """Of them, the part that went into looking."""


class Desk:
    """Answers for a run. Its functions are called by the server's threads."""

    def __init__(self, record: Record, control: Control, meter: Meter) -> None:
        self.record, self.control, self.meter = record, control, meter
        self._served: Served | None = None

    # ------------------------------------------------------------------------------------------------------ questions
    def state(self, have: Any) -> dict[str, Any]:
        """What the page has not seen yet: see `Record.since`."""
        return {**self.record.since(have if isinstance(have, dict) else {}), "control": self.controls()}

    def controls(self) -> dict[str, Any]:
        """How buttons and slider stand, and what looking has cost."""
        control, meter = self.control, self.meter
        wishes = {"paused": control.paused, "stopped": control.stopped, "factor": control.factor}
        return {**wishes, "seconds": round(meter.elapsed, 1), "share": round(meter.share, 5)}

    def steer(self, wish: Any) -> dict[str, Any]:
        """What a button or the slider asks for. ValueError for anything else."""
        control = self.control
        buttons = {"pause": control.pause, "go": control.go, "step": control.once, "stop": control.stop}
        if not isinstance(wish, dict) or len(wish) != 1:
            raise ValueError('expected {"do": "pause", "go", "step" or "stop"}, or {"factor": number}')
        if wish.get("do") in buttons:
            buttons[wish["do"]]()
        elif isinstance(wish.get("factor"), (int, float)):
            control.scale(float(wish["factor"]))
        else:
            raise ValueError(f"there is no {wish!r:.80}")
        return self.controls()

    def page(self) -> Page:
        """The run so far, as a page that stands alone."""
        return Page(run_page(self.state({}), served=False), height=900)

    # -------------------------------------------------------------------------------------------------------- showing
    def open(self, port: int, browser: bool | None) -> None:
        """Serve the page and say where, once; in a notebook it is shown there."""
        if self._served is not None:
            return
        posts = {"/state": self.state, "/control": self.steer, "/page": lambda _: {"page": self.page().html}}
        self._served = serve(lambda: run_page({}, served=True), posts, port)
        print(f"live: {self.address}", flush=True)
        display = _notebook()
        if display is not None:
            display(self.meter)
        elif browser or (browser is None and _at_a_screen()):
            import webbrowser

            webbrowser.open(self._served.address)

    @property
    def address(self) -> str | None:
        """Of the page while it is served."""
        return None if self._served is None else self._served.address

    def take_cost(self) -> float:
        """Processor seconds that the server took since this was asked last."""
        return 0.0 if self._served is None else self._served.take_cost()

    def close(self) -> None:
        """Serve no more."""
        if self._served is not None:
            self._served.close()
            self._served = None


def _notebook() -> Callable[[Any], Any] | None:
    """IPython's display, where a notebook runs this; else None."""
    found = sys.modules.get("IPython")
    shell = found.get_ipython() if found is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display


def _at_a_screen() -> bool:
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
