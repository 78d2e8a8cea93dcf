"""The command: choose parts, measure them, keep the figures, write the report."""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.racing import ROOT, Settings, cores

PARTS = ("nets", "odd", "ops", "growth", "memory", "start", "roofline", "example")
OWN = {"date", "commit"}  # of a part's circumstances, what may differ without a word


def part(name: str) -> Any:
    """The module of a part: TITLE, measure(settings, say) -> data, render(data) -> Markdown."""
    return importlib.import_module(f"benchmarks.{name}")


def report(results: dict[str, Any]) -> str:
    """RESULTS.md from the kept figures."""
    known = [name for name in PARTS if name in results]
    if not known:
        raise ValueError("no part has been measured yet")
    latest = max(known, key=lambda name: results[name]["machine"]["date"])
    shown = results[latest]["machine"]
    lines = [
        "# Results",
        "Made by `python benchmarks/run.py`; [docs/benchmarks.md](../docs/benchmarks.md) says how to read it. "
        "Timings are noisy: large factors are what to trust, and only ratios, for both sides were measured in turn.",
        "\n".join(f"- {name}: {value}" for name, value in shown.items() if name not in OWN),
    ]
    for name in known:
        circumstances = results[name]["machine"]
        lines.append(f"## {part(name).TITLE}")
        note = f"Measured on {circumstances['date']} at {circumstances['commit']} by `--only {name}`"
        note += ", a quick run: figures of little weight" if results[name]["quick"] else ""
        other = {key: value for key, value in circumstances.items() if key not in OWN and shown.get(key) != value}
        note += "".join(f"; {key}: {value}" for key, value in other.items())
        lines += [note + ".", part(name).render(results[name]["data"])]
    return "\n\n".join(lines) + "\n"


def write(results: dict[str, Any], out: Path, picture: Path) -> None:
    """The figures, the report and the picture."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(rounded(results), indent=1) + "\n")
    (out / "RESULTS.md").write_text(report(results))
    if "nets" in results:
        try:
            from benchmarks.plot import draw

            draw(results["nets"]["data"], picture)
        except ImportError as error:
            print(f"no picture: {error}")


def rounded(value: Any) -> Any:
    """Floats to six digits: more would pretend, and make long files."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main(description: str | None, arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="few cells, few turns, written to runs/benchmarks")
    parser.add_argument("--render", action="store_true", help="measure nothing, write the report again")
    parser.add_argument("--list", action="store_true", help="list the parts")
    parser.add_argument("--threads", nargs="+", type=int, help="thread counts of the nets; the largest elsewhere")
    parser.add_argument("--rounds", type=int, help="turns of each contestant")
    parser.add_argument("--out", type=Path, help="folder for results.json, RESULTS.md and speed.png")
    args = parser.parse_args(arguments)
    if args.list:
        for name in PARTS:
            print(f"{name:>9}: {(part(name).__doc__ or '').splitlines()[0].split(': ', 1)[-1]}")
        return 0
    out = args.out or (ROOT / "runs" / "benchmarks" if args.quick else ROOT / "benchmarks")
    picture = out / "speed.png" if args.quick or args.out else ROOT / "docs" / "images" / "speed.png"
    kept = out / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if args.render:
        write(results, out, picture)
        return 0

    threads = tuple(sorted(set(args.threads or ((min(2, cores()),) if args.quick else (1, min(2, cores()))))))
    if args.quick:
        settings = Settings(args.rounds or 3, 1, 0.2, True, threads)
    else:
        settings = Settings(args.rounds or 9, 3, 0.3, False, threads)
    found = machine.describe()
    print("\n".join(f"{name}: {value}" for name, value in found.items()))
    for name in args.only or PARTS:
        begin = time.perf_counter()
        print(f"\n== {name}", flush=True)
        data = part(name).measure(settings, lambda line: print(f"  {line}", flush=True))
        circumstances = {**found, "date": datetime.date.today().isoformat(), "commit": machine.commit()}
        results[name] = {"machine": circumstances, "quick": args.quick, "data": rounded(data)}
        print(
            f"\n{part(name).render(results[name]['data'])}\n\n({name}: {time.perf_counter() - begin:.0f} s)", flush=True
        )
        write(results, out, picture)
    print(f"\nwritten: results.json and RESULTS.md in {os.path.relpath(out)}")
    return 0
