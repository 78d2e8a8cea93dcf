"""A window on a page with a pad, and a hand that draws on it. Needs Selenium."""

from __future__ import annotations

from examples.handwriting import Stroke
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from viz.graph import browsing


class Hand(browsing.Window):
    """A page whose pad has the id "pad"."""

    def draw(self, strokes: list[Stroke], kind: str = "mouse", pressure: float = 0.5) -> None:
        """Strokes in parts of 100 of the pad's side, and wait for what the page says to them."""
        rect = "document.getElementById('pad').getBoundingClientRect()"
        box = self.run(f"const b = {rect}; return [b.left, b.top, b.width, b.height]")
        hand = PointerInput(kind, kind)
        pressed = {} if kind == "mouse" else {"pressure": pressure}
        for stroke in strokes:
            actions = ActionBuilder(self.driver, mouse=hand, duration=8)
            for i, (x, y) in enumerate(stroke):
                at = round(box[0] + x / 100 * box[2]), round(box[1] + y / 100 * box[3])
                hand.create_pointer_move(duration=8, x=at[0], y=at[1], **pressed)
                if i == 0:
                    hand.create_pointer_down(button=0, **pressed)
            hand.create_pointer_up(0)
            actions.perform()
            self.settle()

    def settle(self) -> None:
        """Until the answer to all that is drawn is on show."""
