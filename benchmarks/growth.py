"""Part "growth": how time grows with the batch, the pixels of an image, the channels and the length of the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.models import load, loop
from benchmarks.racing import Settings, stable
from benchmarks.tables import TORCH, US, duration, exponent, failures, figure, noisy, ratio, table, upper_range

TITLE = "Growth"
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SIDES = (28, 40, 56, 80, 112, 160, 224)
CHANNELS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LENGTHS = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
SWEEPS: dict[str, dict[str, Any]] = {
    "batch, N1": {"sizes": BATCHES, "unit": "images", "work": 1},
    "batch, N3": {"sizes": BATCHES, "unit": "images", "work": 1},
    "image side": {"sizes": SIDES, "unit": "pixels", "work": 1},
    "channels": {"sizes": CHANNELS, "unit": "channels", "work": 2},
    "graph length": {"sizes": LENGTHS, "unit": "operations", "work": 1},
}


def picture_net(package: str, side: int, batch: int = 8, threads: int | None = None) -> Callable[[], Any]:
    """A job: a training step of two convolutions and a mean over the picture, so that all work is per pixel."""
    pkg, nn, functional = load(package, threads)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(side // 2)),
        *(nn.Flatten(), nn.Linear(16, 10)),
    )
    return loop(pkg, functional, model, (1, side, side), batch, "train")


def job(sweep: str, size: int, package: str, threads: int) -> tuple[str, dict[str, Any]]:
    """The job of one point of a sweep."""
    same = {"package": package, "threads": threads}
    if sweep.startswith("batch"):
        return "models:trainer", {**same, "net": sweep[-2:], "batch": size, "mode": "train"}
    if sweep == "image side":
        return "growth:picture_net", {**same, "side": size}
    if sweep == "channels":
        return "opcases:operation", {**same, "op": "conv", "sizes": [16, size, 14, size, 3, 1, 1], "mode": "both"}
    return "opcases:chain", {**same, "link": "mixed", "length": size}


def measure(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Race every size of every sweep."""
    settings = settings.shorter(6)
    threads = settings.threads[-1]
    sweeps = {}
    for name, sweep in SWEEPS.items():
        sizes = sweep["sizes"][:: 3 if settings.quick else 1]
        points = []
        with stable((US, TORCH[0])) as heat:
            for size in sizes:
                jobs = {who: job(name, size, package, threads) for who, package in ((US, US), (TORCH[0], "torch"))}
                points.append({"size": size**2 if name == "image side" else size, **heat(jobs, settings)})
                say(f"{name} {size}: {duration(points[-1]['times'].get(US, {}).get('seconds'))}")
        sweeps[name] = points
        ours = fit(points, US)
        if ours:
            say(f"{name}: exponent {ours['upper']:.3f} from {ours['from']:,} on, {ours['all']:.3f} over everything")
    return {"sweeps": sweeps, "threads": threads}


def fit(points: list[dict[str, Any]], who: str) -> dict[str, Any] | None:
    """Exponents over the upper range and over everything, the steepest step, and where the upper range begins."""
    there = [(p["size"], p["times"][who]["seconds"]) for p in points if who in p["times"]]
    if len(there) < 3:
        return None
    sizes, seconds = zip(*there, strict=True)
    start = upper_range(seconds)
    steps = [exponent(sizes[i : i + 2], seconds[i : i + 2]) for i in range(start, len(sizes) - 1)]
    return {
        "upper": exponent(sizes[start:], seconds[start:]),
        "all": exponent(sizes, seconds),
        "steepest": max(steps),
        "from": sizes[start],
        "points": len(sizes) - start,
    }


def render(data: dict[str, Any]) -> str:
    """Fitted exponents, then the points."""
    text = [
        "Time is fitted by size^e (least squares of log time on log size). The upper range begins where a size and "
        "all larger ones take at least 5 times as long as the quickest, so that fixed costs are a fifth at most, "
        "and has at least three sizes. Steepest step: the exponent between two neighbouring sizes of that range, "
        f"where a cliff would show. A convolution of c channels onto c has c² as much work. {data['threads']} "
        "threads, PyTorch contiguous."
    ]
    rows = []
    for name, points in data["sweeps"].items():
        for who in (US, TORCH[0]):
            got = fit(points, who)
            if got:
                rows.append(
                    [
                        f"{name}: {who}",
                        SWEEPS[name]["work"],
                        figure(got["upper"], 3),
                        f"from {got['from']:,} {SWEEPS[name]['unit']}, {got['points']} sizes",
                        figure(got["steepest"]),
                        figure(got["all"], 3),
                    ]
                )
    text.append(table(["time against", "work's", "exponent", "range", "steepest step", "over everything"], rows))
    for name, points in data["sweeps"].items():
        rows = [
            [
                f"{p['size']:,}",
                *(duration(p["times"].get(who, {}).get("seconds")) for who in (US, TORCH[0])),
                ratio(p),
            ]
            for p in points
        ]
        header = [f"{name} ({SWEEPS[name]['unit']})", "tinygrad_cnn", "PyTorch", "speed over PyTorch's"]
        text.append(table(header, rows))
    every = [p for points in data["sweeps"].values() for p in points]
    return "\n\n".join([*text, noisy(every), *failures(every)])
