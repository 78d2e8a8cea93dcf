"""Part "start": how long an import takes, and how long it takes until the first training step is done."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.racing import PAUSE, ROOT, Settings, busy, environment, summarize, undisturbed
from benchmarks.tables import US, duration, figure, noisy, table

TITLE = "Start"
TURNS = 15
FIRST_STEP = "from benchmarks.models import trainer; step = trainer({package!r}, 'N1', 64, 'train'); step()"
PACKAGES = (US, "torch")


def children_cpu() -> float | None:
    """CPU seconds of the processes that have ended; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(statement: str) -> tuple[float, bool]:
    """Wall time of a fresh interpreter that runs one statement, and whether it was undisturbed."""
    time.sleep(PAUSE)
    before, cpu, start = busy(), children_cpu(), time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment(), cwd=ROOT)
    wall = time.perf_counter() - start
    after, own = busy(), children_cpu()
    if before is None or after is None or cpu is None or own is None:
        return wall, True
    return wall, undisturbed(after - before - (own - cpu), wall)


def statements(first_step: bool) -> dict[str, str]:
    """What the fresh interpreters do, for the packages that are installed."""
    there = [p for p in PACKAGES if p == US or importlib.util.find_spec(p)]
    found = {"bare": "pass", "numpy": "import numpy", **{f"import {p}": f"import {p}" for p in there}}
    if first_step:
        found |= {f"first step {p}": FIRST_STEP.format(package=p) for p in there}
    return found


def measure(settings: Settings, say: Callable[[str], None], first_step: bool = True) -> dict[str, Any]:
    """Let fresh interpreters take turns; the first turn warms the disk cache and compiles modules."""
    wanted = statements(first_step)
    for statement in wanted.values():
        run(statement)
    turns: dict[str, list[tuple[float, bool]]] = {name: [] for name in wanted}
    rounds = 3 if settings.quick else TURNS
    for _ in range(2 * rounds):
        for name, statement in wanted.items():
            if sum(quiet for _, quiet in turns[name]) < rounds:
                turns[name].append(run(statement))
    found = {name: summarize(taken) for name, taken in turns.items()}
    for name, summary in found.items():
        say(f"{name}: {duration(summary['median'])}")
    return {"times": found}


def render(data: dict[str, Any]) -> str:
    """One table; the bare interpreter's start is taken off."""
    found = data["times"]

    def net(name: str) -> float | None:
        return found[name]["median"] - found["bare"]["median"] if name in found else None

    def over(a: float | None, b: float | None) -> str:
        return figure(a / b if a and b else None)

    rows = []
    for what, title in (("import", "import"), ("first step", "import, build N1, one step at batch 64")):
        ours, theirs = net(f"{what} {US}"), net(f"{what} torch")
        if f"{what} {US}" in found:
            rows.append([title, duration(ours), duration(theirs), over(ours, theirs), over(ours, net("numpy"))])
    return "\n\n".join(
        [
            "Fresh processes in turns, medians, the bare interpreter's start taken off. Ratios of **times**: below "
            "1, tinygrad_cnn is ahead.",
            table(["from nothing to", "tinygrad_cnn", "PyTorch", "ratio", "over import numpy"], rows),
            noisy([data]) + ("" if "import torch" in found else " PyTorch is not installed."),
        ]
    )
