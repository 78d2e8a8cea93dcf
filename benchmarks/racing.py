"""Races: every contestant has a process of its own, they take turns, and turns that others disturbed do not count.

Taking turns, all see the same machine: its clock rate, its neighbours, its temperature. During a turn the CPU time of
the whole machine is compared with that of the contestant; what is left over was used by strangers, and above a small
allowance the turn is thrown away and counted. Of the turns that are left, the fast quartile counts: what the code can
do when the machine lets it. Where the system has no /proc/stat, noise is not noticed, and the report says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAUSE = 0.12  # before each turn: worker threads of OpenBLAS go on spinning for some 100 ms after their last product
Jobs = Mapping[str, tuple[str, dict[str, Any]]]  # name of a contestant: module:function, arguments
ENOUGH = 2  # with fewer undisturbed turns, all turns count and the figure is marked


@dataclass(frozen=True)
class Settings:
    """How long to measure."""

    rounds: int = 9  # undisturbed turns wanted of each contestant, all its processes together
    processes: int = 3  # fresh ones for each contestant
    seconds: float = 0.3  # length of a turn
    quick: bool = False
    threads: tuple[int, ...] = ()  # thread counts to compare; the last is the one used where only one is

    def shorter(self, rounds: int, seconds: float = 0.2) -> Settings:
        """The same with fewer rounds and shorter turns, for parts with many cells; a quick run stays as quick."""
        return replace(self, rounds=min(self.rounds, rounds), seconds=min(self.seconds, seconds))


class RaceError(RuntimeError):
    """A contestant could not do what it was asked; the message is the one line of why."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def environment() -> dict[str, str]:
    """For processes that are measured: this checkout's package, nobody's thread settings, compiled modules."""
    unwanted = {
        "PYTHONDONTWRITEBYTECODE",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "GOTO_NUM_THREADS",
    }
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])}


def busy(stat: Path = Path("/proc/stat")) -> float | None:
    """CPU seconds that all processes together have used on our cores since the machine started; None if unknown."""
    try:
        lines = stat.read_text().splitlines()
    except OSError:
        return None
    ours = {f"cpu{n}" for n in os.sched_getaffinity(0)}
    total = 0.0
    for line in lines:
        name, *ticks = line.split()
        if name in ours:
            user, nice, system, _idle, _wait, *others = map(
                int, ticks[:8]
            )  # others: interrupts, time stolen by the host
            total += user + nice + system + sum(others)
    return total / os.sysconf("SC_CLK_TCK")


def undisturbed(foreign: float, wall: float) -> bool:
    """The rule of noise: strangers may have at most 7 % of a core, and 20 ms for the coarseness of the clock."""
    return foreign < 0.07 * wall + 0.02


class Racer:
    """A process that runs steps when told to."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment(),
        )

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """One request, one answer; RaceError if it failed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            last = (self.errors.read().strip().splitlines() or ["it said nothing"])[-1]
            raise RaceError(f"the process ended with status {self.process.wait()}: {last}")
        answer = json.loads(line)
        if "error" in answer:
            raise RaceError(answer["error"])
        return answer

    def make(self, function: str, **arguments: Any) -> dict[str, Any]:
        """Have `module:function` of this folder make the job that the turns will run."""
        return self.ask("make", function=f"benchmarks.{function}", **arguments)

    def turn(self, n: int) -> tuple[float, bool, dict[str, Any]]:
        """Run n steps: seconds a step, whether the turn was undisturbed, and the whole answer."""
        time.sleep(PAUSE)
        before = busy()
        answer = self.ask("steps", n=n)
        after = busy()
        quiet = before is None or after is None or undisturbed(after - before - answer["cpu"], answer["wall"])
        return answer["wall"] / n, quiet, answer

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()

    def __enter__(self) -> Racer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def summarize(turns: Sequence[tuple[float, bool]], faults: Sequence[float] = ()) -> dict[str, Any]:
    """The fast quartile and the median of the undisturbed turns, how many there were and how many were not.

    `faults` are page faults a step: memory that the system had to hand out.
    """
    quiet = sorted(seconds for seconds, clean in turns if clean)
    shaky = len(quiet) < min(ENOUGH, len(turns))
    counted = sorted(seconds for seconds, _ in turns) if shaky else quiet
    return {
        "seconds": counted[len(counted) // 4],
        "median": statistics.median(counted),
        "faults": statistics.median(faults) if faults else 0.0,
        "turns": len(quiet),
        "noisy": len(turns) - len(quiet),
        "shaky": shaky,
    }


def race(racers: Mapping[str, Racer], settings: Settings) -> dict[str, dict[str, Any]]:
    """Let them take turns until each has its rounds undisturbed, or twice as many were tried; who begins changes."""
    steps: dict[str, int] = {}
    for name, racer in racers.items():
        racer.turn(1)
        racer.turn(2)  # warm: caches, buffers, the branch that only the second step takes
        quickest = min(racer.turn(2)[0] for _ in range(2))
        if quickest * 40 < settings.seconds:  # two short steps tell little: again with more
            quickest = racer.turn(max(2, int(0.05 / max(quickest, 1e-7))))[0]
        steps[name] = max(1, round(settings.seconds / max(quickest, 1e-7)))
    turns: dict[str, list[tuple[float, bool]]] = {name: [] for name in racers}
    faults: dict[str, list[float]] = {name: [] for name in racers}
    order = list(racers)
    for turn in range(2 * settings.rounds):
        order = order[1:] + order[:1]
        waiting = [name for name in order if sum(clean for _, clean in turns[name]) < settings.rounds]
        if not waiting:
            break
        for name in order if turn < settings.rounds else waiting:
            seconds, clean, answer = racers[name].turn(steps[name])
            turns[name].append((seconds, clean))
            faults[name].append(answer["faults"] / steps[name])
    return {name: summarize(taken, faults[name]) for name, taken in turns.items()}


def heat(fields: Iterable[Mapping[str, Racer]], jobs: Jobs, settings: Settings, copies: int) -> dict[str, Any]:
    """Race the jobs {name: (module:function, arguments)} once in each of the `copies` fields and put these together.

    Returns {"times": {name: summary}, "failed": {name: why}, "told": {name: what making the job returned}}: who cannot
    run does not stop the others.
    """
    rounds = -(-settings.rounds // copies)
    runs: dict[str, list[dict[str, Any]]] = {}
    failed, told = {}, {}
    for field in fields:
        ready = {}
        for name, (function, arguments) in jobs.items():
            try:
                told[name] = field[name].make(function, **arguments)["told"]
                field[name].ask("steps", n=1)
                ready[name] = field[name]
            except RaceError as error:
                failed[name] = str(error)
        if ready:
            for name, summary in race(ready, replace(settings, rounds=rounds)).items():
                runs.setdefault(name, []).append(summary)
    return {"times": {name: together(each) for name, each in runs.items()}, "failed": failed, "told": told}


def together(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The same job in several processes: the quickest of them stands for it.

    Processes differ, and stay different: where the C library happens to hand memory back to the system after each
    step, every step pays for getting it again, up to twice its time. One process is a sample of one; the quickest of
    several shows what the code can do, as the fast quartile of its turns does. "spread" is the slowest over it.
    """
    quiet = [run for run in runs if not run["shaky"]] or runs
    best = min(quiet, key=lambda run: run["seconds"])
    return {
        **{key: best[key] for key in ("seconds", "median", "faults")},
        "spread": max(run["seconds"] for run in quiet) / best["seconds"],
        "most faults": max(run["faults"] for run in runs),
        "processes": len(runs),
        "turns": sum(run["turns"] for run in runs),
        "noisy": sum(run["noisy"] for run in runs),
        "shaky": all(run["shaky"] for run in runs),
    }


def cell(jobs: Jobs, settings: Settings) -> dict[str, Any]:
    """A race of fresh processes, several for each job, one after the other; see `heat`."""

    def fields() -> Iterator[dict[str, Racer]]:
        for _ in range(settings.processes):
            with contextlib.ExitStack() as stack:
                yield {name: stack.enter_context(Racer()) for name in jobs}

    return heat(fields(), jobs, settings, settings.processes)


@contextlib.contextmanager
def stable(names: Sequence[str], copies: int = 2) -> Iterator[Callable[[Jobs, Settings], dict[str, Any]]]:
    """Processes that stay for many heats, `copies` of each; gives the function that races jobs in them."""
    with contextlib.ExitStack() as stack:
        fields = [{name: stack.enter_context(Racer()) for name in names} for _ in range(copies)]
        yield lambda jobs, settings: heat(fields, jobs, settings, copies)
