"""The Figure that the plotting functions return. Importing this module loads Matplotlib; `style` does, when needed."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A Figure outside of pyplot: no window, nothing to close, and Jupyter shows it whatever its backend."""

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=self.dpi)
        return out.getvalue()
