"""Part "example": how long examples/mnist_cnn.py trains until it gets 99 % of the test digits right, beside PyTorch.

PyTorch runs the very same script: its source, with the three lines that import the framework changed, and not
compiled. Both get the same batches, from this package's loader. The test digits are looked at after every epoch to
read the clock, and for nothing else: no choice depends on them.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.racing import ROOT, RaceError, Racer, Settings, cores
from benchmarks.tables import US, duration, figure, table

TITLE = "Example"
GOAL = 0.99
EPOCHS, BATCH, RATE = 6, 64, 0.1  # the defaults of the example
SEEDS = (0, 1, 2)
SWAPPED = {
    "import tinygrad_cnn as tg\n": "import torch as tg\n",
    "from tinygrad_cnn import nn\n": "from torch import nn\n",
    "from tinygrad_cnn.nn import functional as F\n": "from torch.nn import functional as F\n",
}


def script(package: str) -> dict[str, Any]:
    """The names that the example defines, its imports swapped for PyTorch."""
    source = (ROOT / "examples" / "mnist_cnn.py").read_text()
    if package == "torch":
        for ours, theirs in SWAPPED.items():
            if source.count(ours) != 1:
                raise RuntimeError(f"examples/mnist_cnn.py no longer has the line {ours!r} once: SWAPPED must follow")
            source = source.replace(ours, theirs)
    names: dict[str, Any] = {"__name__": "mnist_cnn"}
    exec(compile(source, "mnist_cnn.py", "exec"), names)
    return names


class Loader:
    """Batches of this package's loader, as tensors of the package that trains."""

    def __init__(self, loader: Any, package: str) -> None:
        self.loader, self.package = loader, package

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        if self.package != "torch":
            yield from self.loader
            return
        import torch

        for batch in self.loader:
            yield tuple(torch.from_numpy(t.numpy()) for t in batch)


def prepared(package: str, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The example's names, and what its main() makes before the first epoch."""
    import importlib

    import tinygrad_cnn as tg

    pkg = importlib.import_module(package)
    names = script(package)
    if package == "torch":
        pkg.set_num_threads(cores())
        importlib.import_module("torch.optim.lr_scheduler")
    pkg.manual_seed(seed)
    tg.manual_seed(seed)
    train, test, _ = tg.data.load_mnist(allow_fallback=True)
    images = len(train)
    train, _ = tg.data.random_split(train, [0.95, 0.05], stratify=True)
    shift = tg.data.RandomShift(1)
    loader = Loader(tg.data.DataLoader(train, BATCH, shuffle=True, transform=shift, prefetch=2), package)
    model = names["LeNet"]()
    optimizer = pkg.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = pkg.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=RATE, epochs=EPOCHS, steps_per_epoch=len(loader), cycle_momentum=False
    )
    if package != "torch":  # as the example does; PyTorch needs a C++ compiler for it
        model.compile()
    tests = Loader(tg.data.DataLoader(test, 500), package)
    made = {"model": model, "loader": loader, "optimizer": optimizer, "scheduler": scheduler, "tests": tests}
    return names, {**made, "images": images}


def epochs(package: str, seed: int) -> tuple[Callable[[], Any], Any]:
    """A job: an epoch, then a look at the test digits; returns the epoch's seconds and the accuracy."""
    names, made = prepared(package, seed)
    run = [made[name] for name in ("model", "loader", "optimizer", "scheduler")]

    def epoch() -> dict[str, float]:
        start = time.perf_counter()
        names["train_epoch"](*run, "epoch")
        seconds = time.perf_counter() - start
        targets, predictions, _ = names["evaluate"](made["model"], made["tests"])
        return {"seconds": seconds, "accuracy": float((targets == predictions).mean())}

    return epoch, {"images": made["images"]}


def steps(package: str, seed: int = 0) -> tuple[Callable[[], Any], Any]:
    """A job: one step of the example's training, for benchmarks/mnist_vs_pytorch.py; the rate stays at its start."""
    names, made = prepared(package, seed)
    made["model"].train()

    def endless() -> Iterator[Any]:
        while True:
            yield from made["loader"]

    batches, model, optimizer, loss_of = endless(), made["model"], made["optimizer"], names["F"].cross_entropy

    def step() -> None:
        x, y = next(batches)
        optimizer.zero_grad()
        logits = model(x)
        loss = loss_of(logits, y)
        loss.backward()
        optimizer.step()
        loss.item()
        (logits.argmax(1) == y).sum().item()

    return step, {"images": made["images"]}


def measure(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Both train in turn, epoch by epoch, until each has reached the goal or its last epoch."""
    runs, images, failed = [], None, {}
    packages = [US, *(["torch"] if importlib.util.find_spec("torch") else [])]
    if len(packages) == 1:
        failed["torch"] = "not installed"
    for seed in SEEDS[: 1 if settings.quick else None]:
        found: dict[str, list[Any]] = {package: [] for package in packages}
        racers = {package: Racer() for package in packages}
        try:
            for package, racer in racers.items():
                images = racer.make("example:epochs", package=package, seed=seed)["told"]["images"]
            for _ in range(1 if settings.quick else EPOCHS):
                for package, racer in racers.items():
                    if any(e["accuracy"] >= GOAL for e in found[package]):
                        continue
                    _, quiet, answer = racer.turn(1)
                    found[package].append({**answer["last"], "quiet": quiet})
                    last = found[package][-1]
                    say(f"seed {seed}, {package}: {last['seconds']:.1f} s, {last['accuracy']:.2%} of the test digits")
        except RaceError as error:
            failed[f"seed {seed}"] = str(error)
            say(f"seed {seed}: {error}")
        finally:
            for racer in racers.values():
                racer.close()
        runs.append({"seed": seed, "epochs": found})
    return {"runs": runs, "images": images, "failed": failed}


def typical(data: dict[str, Any], package: str) -> float | None:
    """Median seconds of this package's undisturbed epochs; of all, if none was undisturbed."""
    taken = [e for run in data["runs"] for e in run["epochs"].get(package, [])]
    seconds = [e["seconds"] for e in taken if e["quiet"]] or [e["seconds"] for e in taken]
    return statistics.median(seconds) if seconds else None


def to_goal(data: dict[str, Any], run: dict[str, Any], package: str) -> float | None:
    """Seconds of training until the goal, a disturbed epoch with the typical time of one; None if not reached."""
    total = 0.0
    for epoch in run["epochs"].get(package, []):
        total += epoch["seconds"] if epoch["quiet"] else typical(data, package) or 0.0
        if epoch["accuracy"] >= GOAL:
            return total
    return None


def render(data: dict[str, Any]) -> str:
    """One row a seed."""
    rows, ratios = [], []
    for run in data["runs"]:
        ours, theirs = to_goal(data, run, US), to_goal(data, run, "torch")
        fraction = ours / theirs if ours and theirs else None
        ratios += [fraction] if fraction else []
        numbers = [str(len(run["epochs"].get(p, []))) for p in (US, "torch")]
        rows.append([str(run["seed"]), duration(ours), numbers[0], duration(theirs), numbers[1], figure(fraction)])
    every = [e for run in data["runs"] for taken in run["epochs"].values() for e in taken]
    one, other = typical(data, US), typical(data, "torch")
    text = [
        f"Training of `examples/mnist_cnn.py` until {GOAL:.0%} of the test digits are right, one-cycle schedule of "
        f"{EPOCHS} epochs, {data['images'] or 0:,} digits. PyTorch runs the same script with its imports changed, on "
        "the same batches of tinygrad_cnn's loader; its initial weights are its own. The test digits are looked at "
        "after each epoch to read the clock, for no other purpose; the look itself is not counted. Ratios of "
        "**times**: below 1, tinygrad_cnn is ahead.",
        table(["seed", "tinygrad_cnn", "epochs", "PyTorch", "epochs", "ratio"], rows),
    ]
    if ratios:
        text.append(f"Median ratio {statistics.median(ratios):.2f}.")
    if one and other:
        text.append(f"An epoch takes {duration(one)} and {duration(other)}: ratio {one / other:.2f}.")
    noise = sum(not e["quiet"] for e in every)
    text.append(
        f"{len(every)} epochs, {noise} noisy ones counted with the median time of an epoch instead of their own."
    )
    return "\n\n".join([*text, *(f"- {name}: {why}" for name, why in data["failed"].items())])
