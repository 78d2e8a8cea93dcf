"""Bugs in pictures and pages."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

BUGS = [
    Bug("viz/pages.py", 'aria-label="{html.escape(label)}"', 'aria-label="{label}"', ["tests/viz/test_pages.py"]),
    Bug("viz/style.py", '        text = "> 99.99"\n', "        pass\n", ["tests/viz/test_style.py"]),
    Bug("viz/tiles.py", "outside = (low < 0) | (high > 1)", "outside = high > 1", ["tests/viz/test_tiles.py"]),
    Bug("viz/curves.py", "known.sum(axis=0) - 1, 1)", "known.sum(axis=0), 1)", ["tests/viz/test_curves.py"]),
    Bug("viz/histograms.py", "        if not self.epochs:\n            self.record(trainer.model, trainer.epoch)\n", "        self.record(trainer.model, trainer.epoch)\n", ["tests/viz/test_histograms.py"]),
    Bug("viz/confusion.py", '"true": counts.sum(1, keepdims=True), "pred": counts.sum(0, keepdims=True)', '"true": counts.sum(0, keepdims=True), "pred": counts.sum(1, keepdims=True)', ["tests/viz/test_confusion.py"]),
    Bug("viz/overlays.py", "top = float(maps[i].max()) or 1.0", "top = float(maps.max()) or 1.0", ["tests/viz/test_overlays.py"]),  # each map has a scale of its own
    Bug("viz/probing.py", "        bits.state = state\n", "        pass\n", ["tests/viz/test_saliency.py"]),
    Bug("viz/reporting.py", '        data = getattr(data, "dataset", None)\n', "        data = None\n", ["tests/viz/test_report.py"]),
    Bug("viz/graph/dot.py", 'return escaped(text).replace("\\\\", "\\\\\\\\")', "return escaped(text)", ["tests/viz/graph/test_drawing.py"]),
    Bug("viz/curves.py", '"markerfacecolor": ax.get_facecolor() if held_out else color', '"markerfacecolor": color', ["tests/viz/test_curves.py"]),
    Bug("viz/features.py", "seen.append(output._array.copy())", "seen.append(output._array)", ["tests/viz/test_features.py"]),
]  # fmt: skip
