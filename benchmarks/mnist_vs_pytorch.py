"""The training of examples/mnist_cnn.py under tinygrad_cnn and under PyTorch: seconds an epoch, and their ratio.

    python benchmarks/mnist_vs_pytorch.py            # needs torch importable; MNIST as the example finds it

Each framework has a process of its own. They train the same net on the same batches in turns of some hundred steps, so
that both see the same machine; the median turn counts. Below 1, tinygrad_cnn is the quicker one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

BATCH = 64


def worker(package: str) -> None:
    """Train on request: a line with a number of steps comes in, the seconds they took go out."""
    import importlib

    import tinygrad_cnn as tg

    pkg = importlib.import_module(package)
    nn, F = pkg.nn, importlib.import_module(f"{package}.nn.functional")
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 24, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(600, 120),
        nn.ReLU(),
        nn.Linear(120, 10),
    )
    optimizer = pkg.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4, nesterov=True)
    train = tg.data.load_mnist(allow_fallback=True).train
    loader = tg.data.DataLoader(
        train, BATCH, shuffle=True, transform=tg.data.RandomShift(1), prefetch=2, drop_last=True
    )
    batches = iter(loader)
    print(json.dumps(len(train)), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            try:
                x, y = next(batches)
            except StopIteration:
                batches = iter(loader)
                x, y = next(batches)
            if package == "torch":
                x, y = pkg.from_numpy(x.numpy()), pkg.from_numpy(y.numpy())
            optimizer.zero_grad()
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            loss.backward()
            optimizer.step()
            loss.item()
            (logits.argmax(1) == y).sum().item()
        print(json.dumps(time.perf_counter() - start), flush=True)


def main() -> None:
    """Run both workers in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--steps", type=int, default=200, help="steps in a turn")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker)
        return

    seconds: dict[str, list[float]] = {"tinygrad_cnn": [], "torch": []}
    processes = {
        name: subprocess.Popen(
            [sys.executable, __file__, "--worker", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in seconds
    }

    def ask(name: str, steps: int | None) -> float:
        process = processes[name]
        assert process.stdin is not None
        assert process.stdout is not None
        if steps is not None:
            process.stdin.write(f"{steps}\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            sys.exit(f"the {name} worker stopped; its error stands above")
        return float(json.loads(line))

    images = {name: ask(name, None) for name in processes}["torch"]
    for turn in range(args.turns + 1):
        for name in processes:
            taken = ask(name, args.steps)
            if turn:  # the first turn warms up
                seconds[name].append(taken * images / (args.steps * BATCH))
    for process in processes.values():
        process.communicate()
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name:>13}: {median:5.2f} s an epoch of {images:,.0f} images, {images / median:,.0f} images/s")
    ratios = [a / b for a, b in zip(seconds["tinygrad_cnn"], seconds["torch"], strict=True)]
    print(f"tinygrad_cnn / torch, median of {args.turns} turns: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
