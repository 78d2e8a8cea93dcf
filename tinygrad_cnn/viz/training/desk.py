"""Where the page of a run asks and steers: what the server answers, and where the page is shown."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from collections.abc import Callable
from typing import Any, Protocol

from ..kit.page import Page
from ..kit.server import Refused, Service, serve
from .control import Control
from .pages import run_page
from .record import Record

HEIGHT = 900  # pixels in a notebook


class Meter(Protocol):
    """What the desk asks the run."""

    @property
    def elapsed(self) -> float:
        """Seconds."""

    @property
    def share(self) -> float:
        """Of them, the part that went into looking."""

    @property
    def idle(self) -> float:
        """Seconds since the last step."""


class Desk:
    """Answers for a run. Its functions are called by the server's threads."""

    def __init__(self, record: Record, control: Control, meter: Meter) -> None:
        self.record, self.control, self.meter = record, control, meter
        self._service: Service | None = None
        self._frame: Any = None  # in a notebook: the handle of what is shown there
        self._cost: list[float] = []  # processor seconds of each answer since they were asked for

    # ------------------------------------------------------------------------------------------------------ questions
    def state(self, have: Any) -> dict[str, Any]:
        """What the page has not seen yet: see `Record.since`."""
        return {**self.record.since(have if isinstance(have, dict) else {}), "control": self.controls()}

    def controls(self) -> dict[str, Any]:
        """How buttons and slider stand, and what looking has cost."""
        control, meter = self.control, self.meter
        wishes = {"paused": control.paused, "stopped": control.stopped, "factor": control.factor}
        times = {"seconds": round(meter.elapsed, 1), "idle": round(meter.idle, 1)}
        return {**wishes, **times, "share": round(meter.share, 5)}

    def steer(self, wish: Any) -> dict[str, Any]:
        """What a button or the slider asks for. `Refused` for anything else."""
        control = self.control
        buttons = {"pause": control.pause, "go": control.go, "step": control.once, "stop": control.stop}
        if not isinstance(wish, dict) or len(wish) != 1:
            raise Refused(400, 'expected {"do": "pause", "go", "step" or "stop"}, or {"factor": number}')
        if wish.get("do") in buttons:
            buttons[wish["do"]]()
        elif isinstance(wish.get("factor"), (int, float)):
            try:
                control.scale(float(wish["factor"]))
            except (ValueError, OverflowError) as error:
                raise Refused(400, str(error)) from None
        else:
            raise Refused(400, f"there is no {wish!r:.80}")
        return self.controls()

    def page(self) -> Page:
        """The run so far, as a page that stands alone."""
        return Page(run_page(self.state({}), served=False), HEIGHT)

    # -------------------------------------------------------------------------------------------------------- showing
    def open(self, port: int, browser: bool | None) -> None:
        """Serve the page and say where, once; in a notebook it is shown there, below the cell that runs."""
        display = _notebook()
        if self._service is not None:
            if display is not None and self._frame is None:  # another run
                self._frame = display(self.meter, display_id=True)
            return
        answers = {"/state": self.state, "/control": self.steer, "/page": lambda _: {"page": self.page().html}}
        page = Page(run_page({}, served=True), HEIGHT)
        counted = {path: self._counted(answer) for path, answer in answers.items()}
        self._service = serve(page, counted, port, framed=True)
        print(f"live: {self.address}", flush=True)
        if display is not None:
            self._frame = display(self.meter, display_id=True)
        elif browser or (browser is None and _at_a_screen()):
            webbrowser.open(self._service.address)

    def keep(self) -> None:
        """The run is over: a notebook keeps what was recorded, in the place of a page that ends with the program."""
        if self._frame is not None:
            self._frame.update(self.page())
            self._frame = None

    def _counted(self, answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def timed(data: Any) -> Any:
            start = time.thread_time()
            try:
                return answer(data)
            finally:
                self._cost.append(time.thread_time() - start)

        return timed

    def take_cost(self) -> float:
        """Processor seconds that answering took since this was asked last."""
        taken, self._cost = self._cost, []
        return sum(taken)

    @property
    def address(self) -> str | None:
        """Of the page while it is served."""
        return None if self._service is None else self._service.address

    def shown(self) -> str:
        """For notebooks: the served page in a frame; once it is closed, the run as it was recorded."""
        return self.page()._repr_html_() if self._service is None else self._service._repr_html_()

    def close(self) -> None:
        """Serve no more."""
        if self._service is not None:
            self._service.close()
            self._service = None


def _notebook() -> Callable[..., Any] | None:
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
