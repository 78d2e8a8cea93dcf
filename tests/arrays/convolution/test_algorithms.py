"""The fast algorithms beside the plain one: random geometries, memory orders, dtypes, numbers of threads."""
# ruff: noqa: ARG001  (a job takes a start and a stop)

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from tinygrad_cnn.arrays import convolution, threads
from tinygrad_cnn.arrays.convolution import choose, im2col, lastcol, rowview, winograd
from tinygrad_cnn.arrays.windows import Geometry

ORDERS = {"C": (0, 1, 2, 3), "batch last": (1, 2, 3, 0), "channels last": (2, 3, 0, 1), "backwards": (3, 2, 1, 0)}
TOLERANCE = {  # relative to the largest number: Winograd's transforms multiply by up to 8, and its sums cancel
    (rowview, np.float64): 1e-13,
    (rowview, np.float32): 5e-6,
    (lastcol, np.float64): 1e-13,
    (lastcol, np.float32): 5e-6,
    (winograd, np.float32): 5e-5,
}


@pytest.fixture(autouse=True)
def shared_from_the_first_element(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let even these small arrays be cut and shared among three threads."""
    monkeypatch.setattr(threads, "WORTH", 1e-9)
    monkeypatch.setattr(threads, "get_num_threads", lambda: 3)
    monkeypatch.setattr(threads, "divide", divide_always)
    for module in (im2col, lastcol, rowview, winograd):
        monkeypatch.setattr(module, "divide", divide_always)  # `summed` finds the one in threads
    return


@pytest.fixture(autouse=True)
def new_memory_holds_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not written before it is read shows: new memory is often, but not always, zeros."""

    def empty(*args: Any, **kwargs: Any) -> Any:
        a = real_empty(*args, **kwargs)
        if a.dtype.kind == "f":
            a.fill(np.nan)
        return a

    monkeypatch.setattr(np, "empty", empty)


real_empty = np.empty


def divide_always(n: int, job: Any, seconds: float) -> None:
    real_divide(n, job, 1.0)


real_divide = threads.divide


def in_order(rng: np.random.Generator, shape: tuple[int, ...], order: str, dtype: Any) -> Any:
    """Random numbers of a logical shape, in one of the memory orders."""
    axes = ORDERS[order]
    a = rng.standard_normal([shape[i] for i in axes]).astype(dtype)
    return a.transpose(np.argsort(axes))


@st.composite
def problems(draw: Any, winograd_only: bool) -> Any:
    kernel = (3, 3) if winograd_only else (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    stride = (1, 1) if winograd_only else (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (1, 1) if winograd_only else (1, draw(st.integers(1, 2)))
    padding = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(2))
    geometry = Geometry(kernel, stride, padding, dilation)
    size = tuple(
        draw(st.integers(max(1, geometry.extent(i) - sum(padding[i])), geometry.extent(i) + 9)) for i in range(2)
    )
    N = draw(st.sampled_from([0, 1, 2, 5, 33]))
    C, O = draw(st.integers(1, 6)), draw(st.sampled_from([1, 3, 16, 32, 33]))
    orders = [draw(st.sampled_from(sorted(ORDERS))) for _ in range(2)]
    return geometry, size, N, C, O, orders, draw(st.booleans())


def hold(algorithm: ModuleType, problem: Any, dtype: Any, seed: int) -> None:
    """All three functions of an algorithm against im2col in float64."""
    geometry, size, N, C, O, (order_x, order_g), biased = problem
    rng = np.random.default_rng(seed)
    x = in_order(rng, (N, C, *size), order_x, dtype)
    w = rng.standard_normal((O, C, *geometry.kernel)).astype(dtype)
    b = rng.standard_normal(O).astype(dtype) if biased else None
    g = in_order(rng, (N, O, *geometry.out(size)), order_g, dtype)
    before = [a.copy() for a in (x, w, g)]
    y, kept = algorithm.forward(x, w, b, geometry, 1)
    found = {
        "forward": y,
        "weight": algorithm.weight(g, x, geometry, 1, kept),
        "weight, nothing kept": algorithm.weight(g, x, geometry, 1),
        "image": algorithm.image(g, w, geometry, 1, size),
    }
    xs, ws, gs = (a.astype(np.float64) for a in (x, w, g))
    dw = im2col.weight(gs, xs, geometry, 1)
    expected = {
        "forward": im2col.forward(xs, ws, None if b is None else b.astype(np.float64), geometry, 1)[0],
        "weight": dw,
        "weight, nothing kept": dw,
        "image": im2col.image(gs, ws, geometry, 1, size),
    }
    for name, a in found.items():
        assert a.shape == expected[name].shape, name
        assert a.dtype == dtype, name
        scale = np.abs(expected[name]).max(initial=1.0)
        assert np.abs(a - expected[name]).max(initial=0.0) <= TOLERANCE[algorithm, dtype] * scale, name
    for a, old in zip((x, w, g), before, strict=True):
        np.testing.assert_array_equal(a, old)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(problem=problems(winograd_only=False), seed=st.integers(0, 2**32 - 1))
def test_rowview_agrees_with_im2col(dtype: Any, problem: Any, seed: int) -> None:
    hold(rowview, problem, dtype, seed)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(problem=problems(winograd_only=False), seed=st.integers(0, 2**32 - 1))
def test_lastcol_agrees_with_im2col(dtype: Any, problem: Any, seed: int) -> None:
    hold(lastcol, problem, dtype, seed)


@given(problem=problems(winograd_only=True), seed=st.integers(0, 2**32 - 1))
def test_winograd_agrees_with_im2col(problem: Any, seed: int) -> None:
    hold(winograd, problem, np.float32, seed)


SAME = ((1, 1), (1, 1))


@pytest.mark.parametrize(
    ("algorithm", "w", "geometry", "N", "dtype"),
    [
        (winograd, (64, 32, 3, 3), Geometry((3, 3), (1, 1), SAME, (1, 1)), 8, np.float32),
        (lastcol, (64, 32, 3, 3), Geometry((3, 3), (1, 1), SAME, (1, 1)), 1, np.float32),
        (lastcol, (64, 32, 3, 3), Geometry((3, 3), (1, 1), SAME, (1, 1)), 8, np.float64),
        (lastcol, (64, 32, 3, 3), Geometry((3, 3), (2, 2), SAME, (1, 1)), 8, np.float32),
        (lastcol, (64, 32, 3, 3), Geometry((3, 3), (1, 1), SAME, (2, 2)), 8, np.float32),
        (rowview, (16, 6, 5, 5), Geometry((5, 5), (1, 1), SAME, (1, 1)), 8, np.float32),
        (im2col, (16, 6, 5, 5), Geometry((5, 5), (1, 1), SAME, (2, 1)), 8, np.float32),
        (im2col, (16, 6, 1, 1), Geometry((1, 1), (1, 1), SAME, (1, 1)), 8, np.float32),
    ],
)
def test_the_choice(algorithm: ModuleType, w: Any, geometry: Geometry, N: int, dtype: Any) -> None:
    out = geometry.out((28, 28))
    assert choose(w, geometry, 1, N, out, np.dtype(dtype)) is algorithm
    assert choose((w[0], w[1] // 2, *w[2:]), geometry, 2, N, out, np.dtype(dtype)) is im2col


def test_a_few_small_images_go_the_plain_way_but_for_their_gradient() -> None:
    geometry = Geometry((5, 5), (1, 1), SAME, (1, 1))
    for N, forward in ((1, im2col), (64, rowview)):
        assert choose((16, 6, 5, 5), geometry, 1, N, (12, 12), np.dtype(np.float32)) is forward
        assert choose((16, 6, 5, 5), geometry, 1, N, (12, 12), np.dtype(np.float32), image=True) is rowview


def test_one_line_switches_winograd_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "WINOGRAD", False)
    geometry = Geometry((3, 3), (1, 1), SAME, (1, 1))
    assert choose((64, 32, 3, 3), geometry, 1, 8, (28, 28), np.dtype(np.float32)) is lastcol


def test_infinity_in_a_kernel_stays_where_it_belongs() -> None:
    """Rows of zeros beside the image would turn it into NaN."""
    geometry = Geometry((3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1))
    g, w = np.ones((1, 1, 2, 2)), np.zeros((1, 1, 3, 3))
    w[0, 0, 0, 0] = np.inf
    np.testing.assert_array_equal(rowview.image(g, w, geometry, 1, (4, 4)), im2col.image(g, w, geometry, 1, (4, 4)))
