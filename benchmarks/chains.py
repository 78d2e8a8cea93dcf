"""Chains of operations that go number by number: as they are and compiled, beside PyTorch.

    python benchmarks/chains.py                            # small arrays and large ones; PyTorch where it is importable
    python benchmarks/chains.py --size 32x64 1024x1024 --mode train

Microseconds for a call of twelve operations, or of that and its way back.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIZES = ("8x8", "32x64", "256x256", "1024x1024", "4096x1024")


def chain(m: Any, x: Any, a: Any, b: Any) -> Any:
    """Twelve operations on x (N, C), with rows a and b (C,)."""
    y = m.tanh(x * a + b)
    z = m.sigmoid(y) * x - y
    z = m.relu(z) + x
    return m.exp(-z) / (z * z)


def stepper(package: str, size: str, mode: str, compiled: bool = False) -> Callable[[], Any]:
    """A job for the race."""
    from benchmarks.models import load

    m: Any = load(package)[0]
    N, C = map(int, size.split("x"))
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in ((N, C), (C,), (C,))]
    xs = [m.tensor(a, requires_grad=mode == "train") for a in arrays]
    g = m.tensor(np.ones((N, C), np.float32))

    def plain(*xs: Any) -> Any:
        return chain(m, *xs)

    function = m.compile(plain) if compiled else plain

    def predict() -> None:
        with m.no_grad():
            function(*xs)

    def train() -> None:
        for x in xs:
            x.grad = None
        function(*xs).backward(g)

    return train if mode == "train" else predict


def jobs(size: str, mode: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The contestants by name."""
    same = {"size": size, "mode": mode}
    found = {name: ("chains:stepper", {"package": "tinygrad_cnn", **same, "compiled": name == "compiled"})
             for name in ("eager", "compiled")}  # fmt: skip
    if importlib.util.find_spec("torch") is not None:
        found["torch"] = ("chains:stepper", {"package": "torch", **same})
    return found


def main() -> None:
    """Race, print a line for each size and mode."""
    from benchmarks.racing import Settings, cell
    from benchmarks.tables import noisy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", default=list(SIZES))
    parser.add_argument("--mode", nargs="+", default=["predict", "train"], choices=["predict", "train"])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    args = parser.parse_args()
    settings = Settings(rounds=3, processes=1, seconds=0.2) if args.quick else Settings(processes=2)
    results = []
    for size in args.size:
        for mode in args.mode:
            results.append(cell(jobs(size, mode), settings))
            times = {name: taken["seconds"] for name, taken in results[-1]["times"].items()}
            line = ", ".join(f"{name} {1e6 * seconds:,.0f}" for name, seconds in times.items())
            over = f"; {times['compiled'] / times['torch']:.2f} of PyTorch's time" if "torch" in times else ""
            print(f"{size:10} {mode:7}: {line} us; {times['compiled'] / times['eager']:.2f} of eager{over}", flush=True)
    print(noisy(results))


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
