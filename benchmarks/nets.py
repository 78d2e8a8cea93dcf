"""Part "nets": training and inference of whole nets, against PyTorch, MyGrad and HIPS autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import rivals
from benchmarks.racing import Settings, cell
from benchmarks.tables import TORCH, US, failures, figure, geometric, noisy, ratio, speed, table

TITLE = "Nets"
BATCHES = {"train": (10, 64, 256), "predict": (1, 64, 1000)}
LARGER = {"train": (16, 64), "predict": (1, 16, 64)}  # nets with batch-norm on 3x32x32
SMALL, LARGE = ("N1", "N2", "N3"), ("VGG", "ResNet")
PROCESS = (("most faults", 0), ("spread", 2))  # what tells processes apart, and its digits
MODES = {"train": "Training", "predict": "Inference"}


def cells(settings: Settings) -> Iterator[dict[str, Any]]:
    """What is raced, in the order of the tables."""
    for threads in reversed(settings.threads):
        for mode in MODES:
            for net in SMALL + LARGE:
                sizes = BATCHES[mode] if net in SMALL else LARGER[mode]
                for batch in sizes[1:2] if settings.quick else sizes:
                    yield {"mode": mode, "net": net, "batch": batch, "threads": threads}


def jobs(mode: str, net: str, batch: int, threads: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """The three contestants of a cell."""
    same = {"net": net, "batch": batch, "mode": mode, "threads": threads}
    return {
        US: ("models:trainer", {"package": "tinygrad_cnn", **same}),
        TORCH[0]: ("models:trainer", {"package": "torch", **same}),
        TORCH[1]: ("models:trainer", {"package": "torch", **same, "channels_last": True}),
    }


def measure(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Race every cell."""
    planned = list(cells(settings))
    results = []
    for n, what in enumerate(planned, 1):
        result = {**what, **cell(jobs(**what), settings)}
        results.append(result)
        title = f"{n}/{len(planned)} {what['mode']} {what['net']} batch {what['batch']}, {what['threads']} threads"
        say(f"{title}: {ratio(result)} times PyTorch's speed")

    threads = settings.threads[-1]
    others = []
    for net in ("MLP", *SMALL):
        what = {"mode": "train", "net": net, "batch": 64, "threads": threads}
        contestants, refused = jobs(**what), {}
        for library in rivals.LIBRARIES:
            why = rivals.can_run(library, net, "train")
            if why:
                refused[library] = why
            else:
                contestants[library] = (f"rivals:{library}", {"net": net, "batch": 64, "threads": threads})
        result = {**what, **cell(contestants, settings.shorter(6))}
        result["failed"].update(refused)
        others.append(result)
        say(f"{net} beside {', '.join(rivals.LIBRARIES)}: " + ", ".join(ratio(result, r) for r in rivals.LIBRARIES))

    torch = jobs("train", "N2", 64, threads)[TORCH[0]]
    itself = cell({"first": torch, "second": torch}, settings)
    say(f"PyTorch against itself: {ratio(itself, 'first', 'second')}")
    return {"cells": results, "others": others, "itself": itself}


def render(data: dict[str, Any]) -> str:
    """The tables as Markdown."""
    found, others, itself = data["cells"], data["others"], data["itself"]
    threads = sorted({c["threads"] for c in found}, reverse=True)
    text = [
        "Images per second of tinygrad_cnn over those of PyTorch: **above 1, tinygrad_cnn is ahead**. One step of "
        "SGD with momentum, or one forward pass without gradients. PyTorch is eager, with contiguous and with "
        "channels_last tensors; the last columns take the better of the two.",
    ]
    for mode, title in MODES.items():
        rows = []
        for net in SMALL + LARGE:
            for batch in sorted({c["batch"] for c in found if (c["mode"], c["net"]) == (mode, net)}):
                row: list[str] = [f"{net}, batch {batch}"]
                for n in threads:
                    here = next(
                        c for c in found if (c["mode"], c["net"], c["batch"], c["threads"]) == (mode, net, batch, n)
                    )
                    row += [ratio(here, TORCH[0]), ratio(here, TORCH[1]), ratio(here)]
                rows.append(row)
        header = [title, *(f"{what}, {n} thr." for n in threads for what in ("contiguous", "channels_last", "better"))]
        text.append(table(header, rows))
        for n in threads:
            for nets in (SMALL, LARGE):
                ratios = [
                    r
                    for c in found
                    if c["mode"] == mode and c["threads"] == n and c["net"] in nets and (r := speed(c)) is not None
                ]
                if ratios:
                    text.append(
                        f"{title}, {' '.join(nets)}, {n} threads: {len(ratios)} cells, ahead or level in "
                        f"{sum(r >= 1 for r in ratios)}, lowest {min(ratios):.2f}, geometric mean "
                        f"{geometric(ratios):.2f}."
                    )
    header = ["Training, batch 64", "PyTorch", *(rivals.LIBRARIES.values())]
    rows = []
    for c in others:
        row = [c["net"], ratio(c)]
        for library in rivals.LIBRARIES:
            row.append(ratio(c, library) if library in c["times"] else c["failed"].get(library, "-"))
        rows.append(row)
    text += ["How many times as quick as each of them:", table(header, rows)]
    own = speed(itself, "first", "second")
    text.append(
        f"PyTorch raced against itself in the same way came to {figure(own, 3)}: differences of that size mean nothing."
    )
    rows = [
        [
            f"{c['net']}, batch {c['batch']}",
            *(figure(c["times"].get(who, {}).get(key), digits) for key, digits in PROCESS for who in (US, *TORCH)),
        ]
        for c in found
        if (c["mode"], c["threads"]) == ("train", threads[0])
    ]
    text += [
        "Processes that run the same job differ, and stay different: where the C library happens to hand memory "
        "back to the system after each step, every step pays page faults for getting it again. So each contestant "
        "runs in several processes, and the quickest stands for it. Training, the most page faults a step in any "
        "process, and the slowest process over the quickest:",
        table(
            ["", *(f"{who}, {what}" for what in ("faults", "slowest") for who in ("ours", "torch", "torch cl"))], rows
        ),
    ]
    text.append(noisy([*found, *others, itself]))
    text += failures(found)
    return "\n\n".join(text)
