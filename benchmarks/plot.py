"""The picture of the README: speed over PyTorch's, net by net and batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.nets import LARGE, MODES, SMALL
from benchmarks.tables import geometric, speed

GREY = "#808080"  # readable on white and on black
AHEAD, BEHIND = "#3B8EDE", "#E07B00"  # told apart by every kind of eye


def draw(data: dict[str, Any], path: Path) -> None:
    """Bars for training above and inference below, all cores, the better of PyTorch's layouts; a line at 1."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    threads = max(c["threads"] for c in data["cells"])
    style = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), GREY)
    with plt.rc_context({**style, "font.size": 11}):
        fig, panels = plt.subplots(2, 1, figsize=(9, 5.6), layout="constrained", sharey=True)
        top = 1.2
        for axes, (mode, title) in zip(panels, MODES.items(), strict=True):
            x, ticks, labels = 0.0, [], []
            here = [c for c in data["cells"] if (c["mode"], c["threads"]) == (mode, threads)]
            for net in SMALL + LARGE:
                start = x
                for c in (c for c in here if c["net"] == net):
                    value = speed(c)
                    if value is None:
                        continue
                    axes.bar(x, value, 0.86, color=AHEAD if value >= 1 else BEHIND)
                    foot = 1 if 0.75 < value < 1 else value  # no figure under the line at 1
                    axes.text(x, foot + 0.03, f"{value:.2f}", ha="center", va="bottom", fontsize=9.5)
                    ticks.append(x)
                    labels.append(str(c["batch"]))
                    top, x = max(top, value), x + 1
                if x > start:
                    axes.annotate(
                        net,
                        ((start + x - 1) / 2, 0),
                        (0, -19),
                        xycoords="data",
                        textcoords="offset points",
                        ha="center",
                        va="top",
                        fontweight="bold",
                    )
                    x += 0.6
            mean = geometric(speed(c) for c in here)
            axes.axhline(1, color=GREY, linewidth=1.2, linestyle="--")
            axes.text(x - 0.9, 1.02, "PyTorch", ha="left", va="bottom")
            axes.set_title(title + (f": {mean:.2f} times PyTorch's speed on average" if mean else ""), loc="left")
            axes.set(xticks=ticks, xticklabels=labels, xlim=(-0.8, x + 0.7))
            axes.tick_params(length=0)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.patch.set_alpha(0)
        panels[0].set_ylim(0, top * 1.13)
        fig.supylabel("images per second, PyTorch = 1", fontsize=11)
        fig.supxlabel(f"batch size and net; {threads} threads, the better of PyTorch's two layouts", fontsize=11)
        path.parent.mkdir(parents=True, exist_ok=True)
        fig.savefig(path, dpi=150, transparent=True)
        plt.close(fig)
