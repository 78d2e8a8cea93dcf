"""How near to NumPy's own speed: a training step of net N1 written by hand, raced against the same step of the package.

    python benchmarks/by_hand.py                 # batch 10; PyTorch takes part where it is importable
    python benchmarks/by_hand.py --batch 10 64
    python benchmarks/by_hand.py --compile       # the package's net through tg.compile

No tensor, no tape, no layer: NumPy calls on buffers that are made once, the batch innermost in memory. What the package
takes longer is what its generality costs. First the gradients of both are compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RATE, MOMENTUM, PIECE = np.float32(0.01), np.float32(0.9), 60_000
SHAPES = [(8, 9), (8, 1), (128, 1352), (128, 1), (64, 128), (64, 1), (10, 64), (10, 1)]


class Net:
    """conv 8 3x3, relu, max-pool 2, linear 128, relu, linear 64, relu, linear 10: N1 of `models`, for one batch size.

    ``parameters`` and ``gradients`` are flat; ``w`` and ``g`` are views of them, in the order of `SHAPES`.
    """

    def __init__(self, batch: int) -> None:
        size = sum(a * b for a, b in SHAPES)
        self.parameters, self.gradients, self.velocity, self.scratch = (np.zeros(size, np.float32) for _ in range(4))
        self.w, self.g = _views(self.parameters), _views(self.gradients)
        self.columns = np.empty((9, 26, 26, batch), np.float32)
        self.y = np.empty((8, 26 * 26 * batch), np.float32)
        self.dy = np.empty((8, 26, 26, batch), np.float32)

    def backward(self, x: Any, t: Any) -> None:
        """Fill ``gradients`` for images x (28, 28, N) and one-hot targets t (10, N)."""
        w0, b0, w1, b1, w2, b2, w3, b3 = self.w
        g0, gb0, g1, gb1, g2, gb2, g3, gb3 = self.g
        n = x.shape[-1]
        for k in range(9):
            i, j = divmod(k, 3)
            self.columns[k] = x[i : i + 26, j : j + 26]
        columns = self.columns.reshape(9, -1)  # (9, 26 * 26 * N)
        np.matmul(w0, columns, out=self.y)
        np.add(self.y, b0, out=self.y)
        y = np.maximum(self.y, 0, out=self.y).reshape(8, 26, 26, n)  # (8, 26, 26, N)
        top, bottom = y[:, ::2], y[:, 1::2]
        rows = np.maximum(top, bottom)  # (8, 13, 26, N)
        left, right = rows[:, :, ::2], rows[:, :, 1::2]
        p = np.maximum(left, right)  # (8, 13, 13, N)
        flat = p.reshape(1352, n)  # (1352, N)
        h1 = w1 @ flat
        h1 += b1
        np.maximum(h1, 0, out=h1)
        h2 = w2 @ h1
        h2 += b2
        np.maximum(h2, 0, out=h2)
        e = w3 @ h2
        e += b3
        e -= e.max(0)
        np.exp(e, out=e)
        e /= e.sum(0)
        e -= t
        e /= n  # (10, N)

        np.matmul(e, h2.T, out=g3)
        np.sum(e, 1, keepdims=True, out=gb3)
        d = w3.T @ e  # (64, N)
        d *= h2 > 0
        np.matmul(d, h1.T, out=g2)
        np.sum(d, 1, keepdims=True, out=gb2)
        d = w2.T @ d  # (128, N)
        d *= h1 > 0
        np.matmul(d, flat.T, out=g1)
        np.sum(d, 1, keepdims=True, out=gb1)
        d = (w1.T @ d).reshape(8, 13, 13, n)  # (8, 13, 13, N)
        d *= p > 0  # the relu, seen from behind the pool
        from_right = d * (right > left)
        from_rows = np.empty_like(rows)
        from_rows[:, :, ::2], from_rows[:, :, 1::2] = d - from_right, from_right
        np.multiply(from_rows, bottom > top, out=self.dy[:, 1::2])
        np.subtract(from_rows, self.dy[:, 1::2], out=self.dy[:, ::2])
        dy = self.dy.reshape(8, -1)  # (8, 26 * 26 * N)
        np.matmul(dy, columns.T, out=g0)
        np.sum(dy, 1, keepdims=True, out=gb0)

    def update(self) -> None:
        """SGD with momentum, in pieces that stay in the cache."""
        for start in range(0, len(self.parameters), PIECE):
            piece = slice(start, start + PIECE)
            v, step = self.velocity[piece], self.scratch[piece]
            v *= MOMENTUM
            v += self.gradients[piece]
            np.multiply(v, RATE, out=step)
            self.parameters[piece] -= step


def _views(flat: Any) -> list[Any]:
    ends = np.cumsum([a * b for a, b in SHAPES])
    return [flat[end - a * b : end].reshape(a, b) for end, (a, b) in zip(ends, SHAPES, strict=True)]


def made(batch: int) -> tuple[Net, Any, Any]:
    """The net with weights, and the first batch of `models`: images (28, 28, N), targets (10, N)."""
    from benchmarks.models import batches

    net, rng = Net(batch), np.random.default_rng(1)
    for w in net.w[::2]:
        w[...] = rng.standard_normal(w.shape) * 0.05
    images, labels = batches((1, 28, 28), batch)
    x, t = np.ascontiguousarray(images[0][:, 0].transpose(1, 2, 0)), np.eye(10, dtype=np.float32)[labels[0]].T.copy()
    return net, x, t


def steps(batch: int) -> Callable[[], None]:
    """A job for the race. BLAS on one thread, as within the package."""
    from threadpoolctl import threadpool_limits

    net, x, t = made(batch)
    threadpool_limits(1, user_api="blas")

    def step() -> None:
        net.backward(x, t)
        net.update()

    return step


def difference(batch: int) -> float:
    """The largest difference of a gradient between the two, relative to the largest entry of that gradient."""
    from benchmarks.models import NETS, batches, build, load

    _, nn, functional = load("tinygrad_cnn")
    import tinygrad_cnn as tg

    net, x, t = made(batch)
    net.backward(x, t)
    model = build(nn, functional.relu, NETS["N1"][1])
    for p, w in zip(model.parameters(), net.w, strict=True):
        p.numpy()[...] = w.reshape(p.shape)
    images, labels = batches((1, 28, 28), batch)
    functional.cross_entropy(model(tg.tensor(images[0])), tg.tensor(labels[0])).backward()
    pairs = [(p.grad.numpy(), g.reshape(p.shape)) for p, g in zip(model.parameters(), net.g, strict=True)]
    return max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in pairs)


def main() -> None:
    """Compare the gradients, race, print a line for each batch size."""
    from benchmarks.racing import Settings, cell
    from benchmarks.tables import noisy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[10])
    parser.add_argument("--compile", action="store_true", help="the net of the package is compiled")
    args = parser.parse_args()
    packages = ["tinygrad_cnn"] + ["torch"] * (importlib.util.find_spec("torch") is not None)
    results = []
    for batch in args.batch:
        if not (apart := difference(batch)) < 1e-4:
            sys.exit(f"by_hand: the gradients differ by {apart:.1e} of their size")
        jobs = {name: ("models:trainer", {"package": name, "net": "N1", "batch": batch, "mode": "train",
                                           "compiled": args.compile and name == "tinygrad_cnn"})
                for name in packages}  # fmt: skip
        results.append(cell({"by hand": ("by_hand:steps", {"batch": batch}), **jobs}, Settings()))
        times = {name: taken["median"] for name, taken in results[-1]["times"].items()}
        line = ", ".join(f"{name} {1e6 * seconds:,.0f} us" for name, seconds in times.items())
        print(f"batch {batch:4}: {line}; tinygrad_cnn / by hand: {times['tinygrad_cnn'] / times['by hand']:.2f}")
    print(noisy(results))


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
