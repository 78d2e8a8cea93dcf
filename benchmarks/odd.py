"""Part "odd": convolutions of odd sizes and channel counts beside round neighbours. No cliff may show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.racing import Settings, stable
from benchmarks.tables import TORCH, US, failures, figure, geometric, noisy, ratio, speed, table

TITLE = "Odd sizes"
SIDES, CHANNELS = (7, 8, 13, 14, 27, 28), (3, 4, 20, 32, 50, 64)  # round neighbours: 8, 14, 28 and 4, 32, 64
KERNELS = (3, 5)
BATCH = 64


def measure(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Race a convolution forward and backward for each kernel, output side and number of channels."""
    settings = settings.shorter(6)
    sides, channels = ((7, 8), (3, 4)) if settings.quick else (SIDES, CHANNELS)
    planned = [(k, side, c) for k in KERNELS for c in channels for side in sides]
    found = []
    with stable((US, *TORCH)) as heat:
        for n, (k, side, c) in enumerate(planned, 1):
            what = {"op": "conv", "sizes": [BATCH, c, side + k - 1, c, k, 1, 0], "mode": "both"}
            result = {"kernel": k, "side": side, "channels": c, **heat(contestants(what, settings), settings)}
            found.append(result)
            say(f"{n}/{len(planned)} {c} channels, {k}x{k} onto {side}x{side}: {ratio(result)} times PyTorch's speed")
    return {"cells": found, "threads": settings.threads[-1]}


def contestants(what: dict[str, Any], settings: Settings) -> dict[str, tuple[str, dict[str, Any]]]:
    """An operation under tinygrad_cnn and under PyTorch in both layouts."""
    what = {**what, "threads": settings.threads[-1]}
    return {
        US: ("opcases:operation", {"package": "tinygrad_cnn", **what}),
        TORCH[0]: ("opcases:operation", {"package": "torch", **what}),
        TORCH[1]: ("opcases:operation", {"package": "torch", **what, "channels_last": True}),
    }


def gflops(cell: dict[str, Any], who: str) -> float | None:
    """Arithmetic of the direct form over the time."""
    if who not in cell["times"]:
        return None
    work = 6 * BATCH * cell["side"] ** 2 * cell["channels"] ** 2 * cell["kernel"] ** 2
    return float(work / cell["times"][who]["seconds"] / 1e9)


def render(data: dict[str, Any]) -> str:
    """Ratios, and what each reaches itself: a cliff of our own would not show in the ratio where PyTorch has it too."""
    found = data["cells"]
    text = [
        f"A convolution of c channels onto c, forward and backward with all gradients, batch {BATCH}, "
        f"{data['threads']} threads, without padding. Sizes 7, 13, 27 and channels 3, 20, 50 are the odd ones; their "
        "round neighbours stand beside. Speed over the better of PyTorch's layouts, in brackets tinygrad_cnn's own "
        "GFLOP/s (of the direct form)."
    ]
    sides = sorted({c["side"] for c in found})
    for k in KERNELS:
        rows = []
        for channels in sorted({c["channels"] for c in found}):
            here = [c for c in found if (c["kernel"], c["channels"]) == (k, channels)]
            by_side = {c["side"]: f"{ratio(c)} ({figure(gflops(c, US), 0)})" for c in here}
            rows.append([f"{channels} channels", *(by_side[s] for s in sides)])
        text.append(table([f"{k}x{k}, output side", *map(str, sides)], rows))
    odd = [speed(c) for c in found if c["side"] % 2 or c["channels"] in (3, 20, 50)]
    even = [speed(c) for c in found if not (c["side"] % 2 or c["channels"] in (3, 20, 50))]
    text.append(
        f"Geometric mean of the odd cells {figure(geometric(odd))}, of the round ones {figure(geometric(even))}."
    )
    return "\n\n".join([*text, noisy(found), *failures(found)])
