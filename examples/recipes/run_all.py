"""Run the recipes, each with several seeds, and set what was claimed beside what came out.

    python examples/recipes/run_all.py                       # hours: every run is kept, so stop it and call it again
    python examples/recipes/run_all.py --only mlp_from_math  # one of them
    python examples/recipes/run_all.py --quick               # small subsets, minutes: do they all run, and learn?

Each run has one seed and a process of its own. What it gave lies in --out, a JSON file beside its log, and is not run
again, unless with --again. The table of a full run also goes into --table. It ends with an error where a mean stays
below what is asked of it.
"""

import argparse
import contextlib
import importlib
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import tinygrad_cnn as tg

HERE = Path(__file__).parent


class Line(NamedTuple):
    """A line of the table: a number that a recipe's main() returns under a key, and what it is held against."""

    recipe: str
    options: tuple[str, ...]
    key: str
    what: str
    claimed: str  # by others, of their own programs
    asked: float  # of the mean over our seeds
    asked_of_quick: float


LINES = [
    Line("handdrawn", (), "splits", "250 drawn digits, mean of 10 splits", "98 to 100 %", 0.99, 0.75),
    Line("handdrawn", (), "drawn", "MNIST's test part after these 250", "", 0.0, 0.3),
    Line("handdrawn", (), "MNIST", "the same after 250 of MNIST", "", 0.92, 0.6),
    Line("conv_dropout", (), "accuracy", "one convolution, dropout, one core", "98.4 % in 633 s", 0.984, 0.7),
    Line("layers_notebook", (), "accuracy", "layers of one's own", "", 0.985, 0.7),
    Line("mlp_from_math", (), "accuracy", "an MLP from linear algebra", "", 0.98, 0.7),
    Line("full_pipeline", (), "accuracy", "the full pipeline", "", 0.992, 0.7),
    Line("record", (), "accuracy", "the record run", "", 0.996, 0.7),
    Line("record", ("--net", "small"), "accuracy", "under 20,000 parameters", "", 0.994, 0.7),
    Line("record", ("--data", "fashion"), "accuracy", "clothes: Fashion-MNIST", "", 0.925, 0.6),
]


def run(recipe, options, keys, log):
    """What the recipe's main() returns under the keys, and the seconds it took. Its words go to the log."""
    sys.path.insert(0, str(HERE))
    with log.open("w", encoding="utf-8") as words, contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
        begin = time.perf_counter()
        result = importlib.import_module(recipe).main(options)
        numbers = {key: np.asarray(result[key], float).tolist() for key in keys}
        return {"result": numbers, "seconds": time.perf_counter() - begin}


def outcome(recipe, options, args):
    """The outcome of one run: from its file, or else from a fresh process."""
    name = "_".join([recipe, *(option.strip("-") for option in options), *["quick"] * args.quick])
    kept, log = args.out / f"{name}.json", args.out / f"{name}.log"
    if args.again or not kept.exists():
        given = [*options, *["--quick"] * args.quick, "--out", str(args.out / name)]
        if args.data_dir and "fashion" not in options:
            given += ["--data-dir", args.data_dir]
        keys = {line.key for line in LINES if line.recipe == recipe}
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            try:
                done = process.submit(run, recipe, given, keys, log).result()
            except BaseException as error:  # whatever ends a recipe, SystemExit and Ctrl-C too, ends the table
                sys.exit(f"run_all.py: {recipe}.py {' '.join(given)} ended with: {error!r}\nWhat it said: {log}")
        kept.write_text(json.dumps(done), encoding="utf-8")
    return json.loads(kept.read_text(encoding="utf-8"))


def table(results, quick):
    """The table in Markdown, and whether all that is asked was reached."""
    rows = ["| recipe | what it measures | claimed | ours | asked | seconds |", "| --- | --- | --- | --- | --- | --- |"]
    reached = True
    for line, runs in results:
        values = [float(np.mean(run["result"][line.key])) for run in runs]
        mean, asked = float(np.mean(values)), line.asked_of_quick if quick else line.asked
        ours = f"{mean:.2%}" + (f" ({min(values):.2%} to {max(values):.2%})" if len(values) > 1 else "")
        if mean < asked:
            reached, ours = False, f"{ours}: **too low**"
        command, seconds = " ".join([f"{line.recipe}.py", *line.options]), [run["seconds"] for run in runs]
        rows.append(
            f"| `{command}` | {line.what} | {line.claimed} | {ours} | {f'{asked:.1%}' if asked else ''} "
            f"| {statistics.median(seconds):.0f} |"
        )
    return "\n".join(rows), reached


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="RECIPE", choices=sorted({line.recipe for line in LINES}))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--quick", action="store_true", help="small subsets, the first seed alone, no Fashion-MNIST")
    parser.add_argument("--again", action="store_true", help="run also what was run before")
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"), help="folder for what each run leaves")
    parser.add_argument("--table", type=Path, default=HERE / "RESULTS.md")
    args = parser.parse_args(arguments)
    seeds = args.seeds[:1] if args.quick else args.seeds
    lines = [line for line in LINES if not args.only or line.recipe in args.only]
    if args.quick:  # the data of the others come with the package index; these do not
        lines = [line for line in lines if "fashion" not in line.options]
    args.out.mkdir(parents=True, exist_ok=True)

    outcomes = {}
    plan = [(line.recipe, line.options, seed) for line in lines for seed in seeds]
    for recipe, options, seed in (bar := tqdm(list(dict.fromkeys(plan)), unit="run", disable=None)):
        bar.set_description(" ".join([recipe, *options, f"seed {seed}"]))
        outcomes[recipe, options, seed] = outcome(recipe, [*options, "--seed", str(seed)], args)

    results = [(line, [outcomes[line.recipe, line.options, seed] for seed in seeds]) for line in lines]
    text, reached = table(results, args.quick)
    print(text)
    if not args.quick and not args.only:
        about = (
            f"Seeds {', '.join(map(str, seeds))}: the mean, in brackets the lowest and the highest. Seconds are the "
            f"median of whole runs, on {tg.get_num_threads()} of {os.cpu_count()} cores "
            f"({platform.machine()}), Python {platform.python_version()}, NumPy {np.__version__}."
        )
        args.table.write_text(f"# What the recipes reach\n\n{text}\n\n{about}\n", encoding="utf-8")
        print(f"\n{about}\nwritten: {args.table}")
    if not reached:
        sys.exit("run_all.py: not all reach what is asked of them, see the table")
    return results


if __name__ == "__main__":
    main()
