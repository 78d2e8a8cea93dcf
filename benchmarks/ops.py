"""Part "ops": single operations, optimizers and the price of recording, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.odd import contestants
from benchmarks.opcases import CASES
from benchmarks.racing import Settings, stable
from benchmarks.tables import TORCH, US, duration, failures, figure, geometric, noisy, ratio, speed, table

TITLE = "Operations"
MODES = ("forward", "both")
OPTIMIZERS = [(kind, arrays) for kind in ("SGD", "Adam") for arrays in (1, 8)]
LINKS = ("y * 0.999", "y + tensor", "relu(y)", "mixed")
LENGTH = 10_000


def measure(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Race each operation forward and with its gradients, then the optimizers and chains of small operations."""
    settings = settings.shorter(6)
    names = list(CASES)[:: 8 if settings.quick else 1]
    found, steps, chains = [], [], []
    threads = settings.threads[-1]
    with stable((US, *TORCH)) as heat:
        for n, name in enumerate(names, 1):
            op, sizes = CASES[name]
            result: dict[str, Any] = {"name": name}
            for mode in MODES:
                rivals = contestants({"op": op, "sizes": list(sizes), "mode": mode}, settings)
                if op != "conv" and len(sizes) < 4:  # no image, no layout
                    del rivals[TORCH[1]]
                result[mode] = heat(rivals, settings)
            found.append(result)
            say(f"{n}/{len(names)} {name}: {ratio(result['forward'])} forward, {ratio(result['both'])} with gradients")
        for kind, arrays in OPTIMIZERS[: 1 if settings.quick else None]:
            what = {"kind": kind, "arrays": arrays, "threads": threads}
            steps.append({"kind": kind, "arrays": arrays, **pair(heat, "optimizer", what, settings)})
            say(f"{kind}, {arrays} arrays: {ratio(steps[-1])}")
        for link in LINKS[-1:] if settings.quick else LINKS:
            what = {"link": link, "length": LENGTH, "threads": threads}
            chains.append({"link": link, **pair(heat, "chain", what, settings)})
            say(f"chain of {link}: {ratio(chains[-1])}")
    return {"cells": found, "optimizers": steps, "chains": chains, "threads": threads}


def pair(heat: Any, function: str, what: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Both frameworks on something that knows no layout."""
    jobs = {
        name: (f"opcases:{function}", {"package": package, **what}) for name, package in ((US, US), (TORCH[0], "torch"))
    }
    return heat(jobs, settings)


def render(data: dict[str, Any]) -> str:
    """The tables as Markdown."""
    text = [
        "Speed over PyTorch's, the better of its layouts where the input is a batch of images: **above 1, "
        f"tinygrad_cnn is ahead**. {data['threads']} threads. Forward runs under `no_grad`; the time is "
        "tinygrad_cnn's, for scale."
    ]
    rows = []
    for c in data["cells"]:
        ours = [c[mode]["times"].get(US, {}).get("seconds") for mode in MODES]
        rows.append([c["name"], ratio(c["forward"]), ratio(c["both"]), *map(duration, ours)])
    text.append(table(["operation", "forward", "with gradients", "forward", "with gradients"], rows))
    means = [figure(geometric(speed(c[mode]) for c in data["cells"])) for mode in MODES]
    text.append(f"Geometric means: {means[0]} forward, {means[1]} with gradients.")

    rows = [
        [f"{c['kind']}{', momentum 0.9' if c['kind'] == 'SGD' else ''}, {c['arrays']} arrays", ratio(c)]
        for c in data["optimizers"]
    ]
    text += [
        "Speed of an optimizer's step on 1.2 million parameters:",
        table(["optimizer", "speed over PyTorch's"], rows),
    ]

    rows = []
    for c in data["chains"]:
        each = [c["times"].get(who, {}).get("seconds") for who in (US, TORCH[0])]
        fraction = each[0] / each[1] if None not in each else None
        rows.append(
            [c["link"], *(duration(t and t / LENGTH) for t in each), figure(fraction, mark=ratio(c).startswith("~"))]
        )
    text += [
        f"What recording costs: a chain of {LENGTH:,} operations on 16 values, forward and backward, time of one "
        "operation. The ratio is of **times**: below 1, tinygrad_cnn is ahead.",
        table(["operation", "tinygrad_cnn", "PyTorch", "ratio of times"], rows),
    ]
    every = [c[mode] for c in data["cells"] for mode in MODES] + data["optimizers"] + data["chains"]
    return "\n\n".join([*text, noisy(every), *failures(every)])
