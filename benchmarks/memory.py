"""Part "memory": the most a training process ever holds, and whether it grows."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.models import load
from benchmarks.nets import SMALL, jobs
from benchmarks.racing import RaceError, Racer, Settings
from benchmarks.tables import TORCH, US, figure, table

TITLE = "Memory"
BATCH, STEPS = 256, 30
GROWTH = {"net": "N1", "batch": 8, "steps": 10_000, "every": 100, "skip": 1_000}


def imported(package: str) -> Callable[[], Any]:
    """A job that does nothing, in a process that has imported the package."""
    load(package)
    return lambda: None


def peak(function: str, arguments: dict[str, Any], steps: int) -> tuple[float | None, float | None]:
    """Peak memory of a fresh process after the import and after some steps of a job."""
    with Racer() as racer:
        racer.make("memory:imported", package=arguments["package"])
        base = racer.ask("memory")["peak"]
        racer.make(function, **arguments)
        racer.ask("steps", n=steps)
        return base, racer.ask("memory")["peak"]


def middle(values: Sequence[float | None]) -> float | None:
    """The median of those that are there."""
    there = [v for v in values if v is not None]
    return statistics.median(there) if there else None


def measure(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """A fresh process for each net and contestant; then one long run."""
    peaks = []
    for net in SMALL[: 1 if settings.quick else None]:
        found: dict[str, Any] = {"net": net, "peak": {}, "after import": {}, "failed": {}}
        for name, (function, arguments) in jobs("train", net, BATCH, settings.threads[-1]).items():
            try:
                taken = [peak(function, arguments, 3 if settings.quick else STEPS) for _ in range(settings.processes)]
                found["after import"][name], found["peak"][name] = map(middle, zip(*taken, strict=True))
            except RaceError as error:
                found["failed"][name] = str(error)
        peaks.append(found)
        say(f"{net}, peak: " + ", ".join(f"{name} {figure(mb, 0)} MB" for name, mb in found["peak"].items()))

    growth: dict[str, Any] = {}
    steps, every = (600 if settings.quick else GROWTH["steps"]), GROWTH["every"]
    trained = jobs("train", str(GROWTH["net"]), int(GROWTH["batch"]), settings.threads[-1])
    for name in (US, TORCH[0]):
        function, arguments = trained[name]
        try:
            with Racer() as racer:
                racer.make(function, **arguments)
                samples = []
                for done in range(every, steps + 1, every):
                    racer.ask("steps", n=every)
                    samples.append((done, racer.ask("memory")["now"]))
            growth[name] = samples
            say(f"{name}: {figure(slope(samples), 3)} MB per 1,000 steps")
        except RaceError as error:
            say(f"{name} did not run: {error}")
    return {"peaks": peaks, "growth": growth}


def slope(samples: list[Any], skip: int | None = None) -> float | None:
    """MB per 1,000 steps by least squares, the first steps left out; None where the system tells no memory."""
    skip = int(GROWTH["skip"]) if skip is None else skip
    kept = [(done, mb) for done, mb in samples if done > skip and mb is not None]
    if len(kept) < 2:
        kept = [(done, mb) for done, mb in samples if mb is not None]  # a quick run
    if len(kept) < 2:
        return None
    return 1000 * statistics.linear_regression(*zip(*kept, strict=True)).slope


def render(data: dict[str, Any]) -> str:
    """Both tables."""
    text = [
        f"Peak of the resident memory of a process that trains at batch {BATCH}, from its start on, in MB (VmHWM). "
        "The ratio is to the thriftier of PyTorch's layouts: below 1, tinygrad_cnn needs less. In brackets what "
        "came on top of the import."
    ]
    rows = []
    for found in data["peaks"]:
        peak, base = found["peak"], found["after import"]
        row = [found["net"]]
        row += [f"{peak[n]:.0f} ({peak[n] - base[n]:.0f})" if peak.get(n) is not None else "-" for n in (US, *TORCH)]
        others = [peak[n] for n in TORCH if peak.get(n) is not None]
        more = [peak[n] - base[n] for n in TORCH if peak.get(n) is not None]
        known = others and peak.get(US) is not None
        row.append(figure(peak[US] / min(others)) if known else "-")
        row.append(figure((peak[US] - base[US]) / min(more)) if known else "-")
        rows.append(row)
    text.append(table(["net", US, *TORCH, "ratio", "ratio beyond import"], rows))
    rows = []
    for name, samples in data["growth"].items():
        known = [mb for _, mb in samples if mb is not None]
        ends = [figure(known[0], 1), figure(known[-1], 1)] if known else ["-", "-"]
        rows.append([name, figure(slope(samples), 3), *ends, f"{samples[-1][0]:,}"])
    text += [
        f"Growth while {GROWTH['net']} trains at batch {GROWTH['batch']}: resident MB per 1,000 steps, least squares "
        f"after the first {GROWTH['skip']:,}.",
        table(["package", "MB per 1,000 steps", "MB at first", "MB at last", "steps"], rows),
    ]
    reasons = {f"- {name} did not run: {why}" for found in data["peaks"] for name, why in found["failed"].items()}
    return "\n\n".join([*text, *sorted(reasons)])
