"""Cases of images looked up at computed places. The references take one place at a time."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays


@st.composite
def theta_inputs(draw: st.DrawFn) -> Inputs:
    n = draw(st.integers(1, 2))
    size = (n, draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return [draw(arrays((n, 2, 3)))], {"size": size, "align_corners": draw(st.sampled_from([None, False, True]))}


def affine_grid(theta: Any, size: Any, align_corners: Any) -> Any:
    N, _, H, W = size
    y = np.zeros((N, H, W, 2))

    def place(i: int, n: int) -> float:
        if align_corners:
            return 2 * i / (n - 1) - 1 if n > 1 else 0.0
        return (2 * i + 1) / n - 1

    for n, i, j in np.ndindex(N, H, W):
        y[n, i, j] = theta[n] @ [place(j, W), place(i, H), 1]
    return y


@st.composite
def grid_inputs(draw: st.DrawFn, modes: tuple[str, ...]) -> Inputs:
    """Places away from the lines where the neighbours change, and from the middles between them."""
    n, c, h, w = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    oh, ow = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    align = draw(st.sampled_from([None, False, True]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = np.empty((n, oh, ow, 2))
    for axis, size in ((0, w), (1, h)):
        pixels = rng.integers(-3, size + 3, (n, oh, ow)) + rng.choice([0.1, 0.3, 0.45, 0.6, 0.8, 0.95], (n, oh, ow))
        grid[..., axis] = (
            (2 * pixels / (size - 1) - 1 if size > 1 else pixels) if align else (2 * pixels + 1) / size - 1
        )
    kwargs = {
        "mode": draw(st.sampled_from(modes)),
        "padding_mode": draw(st.sampled_from(["zeros", "border", "reflection"])),
        "align_corners": align,
    }
    return [draw(arrays((n, c, h, w))), grid], kwargs


def reflected(x: float, low: float, high: float) -> float:
    """x mirrored at both ends until it lies between them."""
    if low == high:
        return 0.0
    while not low <= x <= high:
        x = 2 * low - x if x < low else 2 * high - x
    return x


def keys(d: float, a: float = -0.75) -> float:
    d = abs(d)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def grid_sample(x: Any, grid: Any, mode: str, padding_mode: str, align_corners: Any) -> Any:
    N, C, H, W = x.shape
    y = np.zeros((N, C, *grid.shape[1:3]))

    def inside(place: float, size: int) -> float:
        if padding_mode == "reflection":
            ends = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
            place = reflected(place, *ends)
        return place if padding_mode == "zeros" else min(max(place, 0), size - 1)

    def pixel(n: int, row: float, column: float) -> Any:
        held = 0 <= row < H and 0 <= column < W
        return x[n, :, int(row), int(column)] if held else np.zeros(C)

    for n, i, j in np.ndindex(N, *grid.shape[1:3]):
        u, v = (
            (g + 1) * (s - 1) / 2 if align_corners else ((g + 1) * s - 1) / 2
            for g, s in zip(grid[n, i, j], (W, H), strict=True)
        )
        if mode == "bicubic":
            for row in range(math.floor(v) - 1, math.floor(v) + 3):
                for column in range(math.floor(u) - 1, math.floor(u) + 3):
                    share = keys(v - row) * keys(u - column)
                    y[n, :, i, j] += share * pixel(n, inside(row, H), inside(column, W))
            continue
        u, v = inside(u, W), inside(v, H)
        if mode == "nearest":
            y[n, :, i, j] = pixel(n, round(v), round(u))
            continue
        for row in (math.floor(v), math.floor(v) + 1):
            for column in (math.floor(u), math.floor(u) + 1):
                y[n, :, i, j] += (1 - abs(v - row)) * (1 - abs(u - column)) * pixel(n, row, column)
    return y


def torch_affine_grid(x: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch_f("affine_grid")(x, **kwargs)


def torch_grid_sample(x: Any, grid: Any, **kwargs: Any) -> Any:
    """Nothing to compare with for places that are not numbers, which PyTorch reads from anywhere."""
    import torch

    if grid.is_floating_point() and not torch.isfinite(grid).all():
        raise NotImplementedError("PyTorch takes infinite places for -1 in some kernels, and for the border in others")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch_f("grid_sample")(x, grid, **kwargs)


UNCHECKED = tuple(
    (probe, "PyTorch does not look at the sizes where a side is 1 and corners are aligned")
    for probe in ("a negative number", "zero")
)
INFINITE = (("special values", "the slope beside an infinite pixel is inf - inf in one order, and 0 * inf in another"),)

CASES = [
    Case("nn.functional.affine_grid", theta_inputs(), F.affine_grid, affine_grid, torch_affine_grid, differs=UNCHECKED),
    Case(
        "nn.functional.grid_sample",
        grid_inputs(("bilinear", "bicubic")),
        F.grid_sample,
        grid_sample,
        torch_grid_sample,
        differs=INFINITE,
    ),
    Case(
        "nn.functional.grid_sample",
        grid_inputs(("nearest",)),
        F.grid_sample,
        grid_sample,
        torch_grid_sample,
        differs=INFINITE,
        wanted=(0,),
        note="nearest",
    ),
]
