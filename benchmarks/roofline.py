"""Part "roofline": what the machine allows a training step, and how much of that is reached.

The measured rate of every matrix product a net needs and the measured bandwidth of copying bound the time of its step
from below, for the direct form of convolution. Winograd's form needs fewer multiplications, and fused operations move
fewer bytes: both may come to lie above 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.models import pieces, products
from benchmarks.nets import jobs
from benchmarks.racing import Settings, cell, cores, stable
from benchmarks.tables import TORCH, US, best, duration, failures, figure, noisy, table

TITLE = "Roofline"
NETS = (("N1", 64), ("N2", 64), ("N3", 64), ("VGG", 16), ("ResNet", 16))
COPIES = (0.25, 1, 4, 16, 64)  # MB of the array that is copied
UNPACKED = 1_000_000  # m * k * n up to which OpenBLAS multiplies without packing


def gemm(m: int, k: int, n: int, way: str, threads: int | None = None) -> Callable[[], Any]:
    """A job: the product (m, k) @ (k, n) in float32, whole, or in stacks of small pieces cut along rows or inner."""
    limit(threads)
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k), dtype=np.float32), rng.standard_normal((k, n), dtype=np.float32)
    if way == "whole":
        out = np.empty((m, n), np.float32)
        return lambda: np.matmul(a, b, out=out) is None
    piece = split(m, k, n, way)
    assert piece is not None
    if way == "rows":
        count = m // piece
        stack = a[: count * piece].reshape(count, piece, k)
        out = np.empty((count, piece, n), np.float32)
        return lambda: np.matmul(stack, b, out=out) is None
    count = k // piece
    left = np.ascontiguousarray(a[:, : count * piece].reshape(m, count, piece).swapaxes(0, 1))
    right = b[: count * piece].reshape(count, piece, n)
    out, total = np.empty((count, m, n), np.float32), np.empty((m, n), np.float32)

    def inner() -> None:
        np.matmul(left, right, out=out)
        np.sum(out, axis=0, out=total)

    return inner


def split(m: int, k: int, n: int, way: str) -> int | None:
    """Length of the pieces that stay below UNPACKED; None where cutting makes no sense."""
    length, others = (m, k * n) if way == "rows" else (k, m * n)
    piece = UNPACKED // others
    return piece if 8 <= piece <= length // 2 else None


def copy(megabytes: float, threads: int = 1) -> Callable[[], Any]:
    """A job: copy an array, each thread its part of it."""
    source = np.ones(int(megabytes * 2**18), np.float32)
    target = np.zeros_like(source)
    if threads == 1 or megabytes < 1:
        return lambda: np.copyto(target, source)
    pool = ThreadPoolExecutor(threads)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    return lambda: list(pool.map(lambda pair: np.copyto(*pair), parts)) is None


def limit(threads: int | None) -> None:
    """That many BLAS threads, where it is not all cores."""
    if threads is not None and threads != cores():
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads, user_api="blas")


def measure(settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Bandwidth, the rate of every product, then the steps themselves."""
    short, threads = settings.shorter(4), settings.threads[-1]
    nets = NETS[: 1 if settings.quick else None]
    copies, rates = [], {}
    with stable(["numpy"], 1) as heat:

        def alone(function: str, **arguments: Any) -> dict[str, Any]:
            return heat({"numpy": (f"roofline:{function}", {**arguments, "threads": threads})}, short)

        for megabytes in COPIES[:: 4 if settings.quick else 1]:
            copies.append({"megabytes": megabytes, **alone("copy", megabytes=megabytes)})
            say(f"copying {megabytes} MB: {figure(bandwidth(copies[-1]), 0)} GB/s")
        for net, batch in nets:
            for what, (m, k, n) in products(net, batch):
                if f"{m} {k} {n}" in rates:
                    continue
                ways = ["whole", *(way for way in ("rows", "inner") if split(m, k, n, way))]
                rates[f"{m} {k} {n}"] = {way: alone("gemm", m=m, k=k, n=n, way=way) for way in ways}
                say(f"{net} {what} ({m}, {k}) @ ({k}, {n}): {rate(rates, m, k, n) / 1e9:.0f} GFLOP/s")
    steps = []
    for net, batch in nets:
        result = {"net": net, "batch": batch, **cell(jobs("train", net, batch, threads), settings.shorter(6))}
        steps.append(result)
        say(f"{net} batch {batch}: {duration(result['times'].get(US, {}).get('seconds'))} a step")
    return {"copies": copies, "rates": rates, "steps": steps, "threads": threads}


def bandwidth(copied: dict[str, Any]) -> float:
    """GB/s of a copy, reading and writing counted."""
    return float(2 * copied["megabytes"] * 2**20 / copied["times"]["numpy"]["seconds"] / 1e9)


def rate(rates: dict[str, Any], m: int, k: int, n: int) -> float:
    """FLOP/s of the best way found for a product."""
    return 2 * m * k * n / min(way["times"]["numpy"]["seconds"] for way in rates[f"{m} {k} {n}"].values())


def bound(data: dict[str, Any], net: str, batch: int) -> dict[str, float]:
    """FLOP and bytes of a training step, and the least time they take: of each layer its products or its bytes."""

    def moving(size: float) -> float:
        nearest = min(data["copies"], key=lambda c: abs(math.log(c["megabytes"] * 2**21 / max(size, 1))))
        return size / (bandwidth(nearest) * 1e9)

    left = products(net, batch)
    total = {"flop": 0.0, "bytes": 0.0, "products": 0.0, "moving": 0.0, "seconds": 0.0}
    weights = 0
    for piece in pieces(net):
        weights += piece.weights
        shapes = [left.pop(0)[1] for _ in range(0 if piece.product is None else 2 if piece.first else 3)]
        forward = 4 * (batch * piece.forward + piece.weights)
        backward = 4 * (batch * piece.backward + piece.weights * (1 if piece.first else 2))
        for part, size in ((shapes[:1], forward), (shapes[1:], backward)):
            flop = sum(2.0 * m * k * n for m, k, n in part)
            computing = sum(2.0 * m * k * n / rate(data["rates"], m, k, n) for m, k, n in part)
            total["flop"] += flop
            total["bytes"] += size
            total["products"] += computing
            total["moving"] += moving(size)
            total["seconds"] += max(computing, moving(size))
    update = 4.0 * 5 * weights  # SGD with momentum reads three values a parameter and writes two
    total["bytes"] += update
    total["moving"] += moving(update)
    total["seconds"] += moving(update)
    return total


def render(data: dict[str, Any]) -> str:
    """Bandwidth and bounds, then the rate of every product."""
    text = [
        "What the measured rates of matrix products (direct form of convolution, the best of one product and stacks "
        "of small ones) and the measured bandwidth of copying allow. The bound takes for every layer and direction "
        "the longer of its arithmetic and its bytes (each operation by itself reads and writes each array once), "
        "the optimizer's bytes added. Reached: bound over measured time. Winograd's form saves multiplications and "
        "fused operations save bytes, so more than 1 is possible; products are timed on the same numbers over and "
        f"over, so small ones find them in the cache. {data['threads']} threads."
    ]
    rows = [[f"{c['megabytes']:g} MB", f"{bandwidth(c):.0f}"] for c in data["copies"]]
    text.append(table(["copy of", "GB/s, read and written"], rows))
    rows = []
    for step in data["steps"]:
        b = bound(data, step["net"], step["batch"])
        times = step["times"]
        rival = best(times, TORCH)
        ours = times[US]["seconds"] if US in times else None
        theirs = times[rival]["seconds"] if rival else None
        rows.append(
            [
                f"{step['net']}, batch {step['batch']}",
                f"{b['flop'] / 1e9:.2f}",
                f"{b['bytes'] / 1e6:.0f}",
                *(duration(b[key]) for key in ("products", "moving", "seconds")),
                *(v for t in (ours, theirs) for v in (duration(t), figure(b["seconds"] / t if t else None))),
            ]
        )
    header = ["training step", "GFLOP", "MB", "products", "bytes", "bound", US, "reached", "PyTorch", "reached"]
    text.append(table(header, rows))
    rows, seen = [], set()
    for step in data["steps"]:
        for what, (m, k, n) in products(step["net"], step["batch"]):
            if (m, k, n) in seen:
                continue
            seen.add((m, k, n))
            ways = data["rates"][f"{m} {k} {n}"]
            speeds = {way: 2 * m * k * n / r["times"]["numpy"]["seconds"] / 1e9 for way, r in ways.items()}
            cut = max((v for way, v in speeds.items() if way != "whole"), default=None)
            rows.append([f"{step['net']} {what}", f"({m}, {k}) @ ({k}, {n})", f"{speeds['whole']:.0f}", figure(cut, 0)])
    text.append(table(["product", "shape", "GFLOP/s in one", "in small pieces"], rows))
    every = [*data["copies"], *(way for ways in data["rates"].values() for way in ways.values()), *data["steps"]]
    return "\n\n".join([*text, noisy(every), *failures(every)])
