"""What a drawing says of its shapes and colours, and the scale of what boxes cost."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any

from .structure import Box, Cost, Picture
from .style import BACK, FAINT, KEPT, KINDS, LINE, heat, look_of
from .texts import escaped, seconds, size

AGAIN = {"shape": "plaintext", "style": "", "fontsize": "11", "fontcolor": FAINT, "margin": "0.02,0", "height": "0.2"}


class Scale:
    """Colours by cost, from nothing to the dearest box."""

    def __init__(self, picture: Picture, color_by: str | None) -> None:
        self.by, self.measured = color_by, picture.measured
        amounts = [self.amount(b.cost) for b in picture.boxes if b.cost is not None]
        self.most, self.total = max(amounts, default=0.0), sum(amounts)

    def amount(self, cost: Cost) -> float:
        """Seconds or bytes, forward and backward."""
        if self.by == "time":
            return cost.forward_s + cost.backward_s
        return float(cost.forward_bytes + cost.backward_bytes)

    def color(self, box: Box) -> str | None:
        """Of a box; None for its usual one. White where no cost is known."""
        if self.by is None or box.kind not in ("operation", "output", "module"):
            return None
        return "#ffffff" if box.cost is None or not self.most else heat(self.amount(box.cost) / self.most)

    def text(self, box: Box) -> str:
        """A line for a box."""
        if self.by is None or box.cost is None:
            return ""
        amount = self.amount(box.cost)
        share = f", {100 * amount / self.total:.1f} %" if self.total else ""
        return f"{seconds(amount) if self.by == 'time' else size(amount)}{share}"

    def rows(self) -> str:
        """The scale itself, for the legend."""
        cells = "".join(f'<TD BGCOLOR="{heat(k / 6)}" WIDTH="20" HEIGHT="12"></TD>' for k in range(7))
        most = seconds(self.most) if self.by == "time" else size(self.most)
        what = "time, forward and backward" if self.by == "time" else "memory of outputs and gradients"
        return (
            f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" COLOR="{FAINT}">'
            f'<TR><TD COLSPAN="7" BORDER="0">{what}</TD></TR><TR>{cells}</TR>'
            f'<TR><TD COLSPAN="2" BORDER="0" ALIGN="LEFT">0</TD>'
            f'<TD COLSPAN="5" BORDER="0" ALIGN="RIGHT">{escaped(most)}</TD></TR>{self._how()}</TABLE>>'
        )

    def _how(self) -> str:
        """How times were taken."""
        lines = textwrap.wrap(self.measured, 26) if self.by == "time" else []
        return "".join(f'<TR><TD COLSPAN="7" BORDER="0">{escaped(line)}</TD></TR>' for line in lines)


def draw_legend(dot: Any, picture: Picture, back: bool, scale: Scale, again: bool) -> None:
    """One small box for each kind there is."""
    present = {look_of(box) for box in picture.boxes}
    items: list[tuple[str, dict[str, str]]] = []
    for kind, style in KINDS.items():
        if kind in present:
            fill = "#ffffff" if scale.by and kind in ("operation", "gradient", "output", "module") else style.fillcolor
            look = {"shape": style.shape, "style": style.style, "color": style.color, "fillcolor": fill}
            items.append((kind, {**look, "label": style.means, "peripheries": style.peripheries}))
    if any(box.saved for box in picture.boxes):
        look = {"shape": "box", "style": "rounded,filled", "color": LINE, "fillcolor": "white", "penwidth": KEPT}
        items.append(("kept", {**look, "label": "thick border:\nkept for backward"}))
    if again:
        items.append(("again", {**AGAIN, "label": "name ↑: the same\\nbox as above"}))
    if back:
        look = {"shape": "plain", "fontcolor": BACK, "label": "dashed arrow: gradient,\nwith its norm |g|"}
        items.append(("back", look))
    if any(edge.back for edge in picture.edges):
        look = {"shape": "plain", "fontcolor": BACK, "label": "upwards: the way back;\\ndashed: the loss, in between"}
        items.append(("upwards", look))
    if scale.by:
        items.append(("scale", {"shape": "plain", "label": scale.rows()}))
    with dot.subgraph(name="cluster_legend") as inner:
        inner.attr(
            "graph", label=f'<<FONT POINT-SIZE="12" COLOR="{FAINT}"><B>Legend</B></FONT>>', labeljust="l",
            style="rounded", color="#b8c0cc", margin="9", tooltip=" ",
        )  # fmt: skip
        for name, look in items:
            inner.node(f"legend_{name}", **{"fontsize": "11", "tooltip": " ", "height": "0.26", "sortv": "1", **look})
        for (one, _), (other, _) in itertools.pairwise(items):
            inner.edge(f"legend_{one}", f"legend_{other}", style="invis", minlen="1")
