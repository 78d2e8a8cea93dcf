"""Where each algorithm cuts its work, what it keeps, and from which size on one is taken and not another.

The reference is a loop over the taps in float64, which cuts nothing.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.arrays import threads
from tinygrad_cnn.arrays.convolution import choose, im2col, lastcol, rowview, winograd
from tinygrad_cnn.arrays.windows import NO_PADS, Geometry

PLAIN = Geometry((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
GEOMETRIES = {
    "plain": PLAIN,
    "one pixel": Geometry((1, 1), (1, 1), NO_PADS, (1, 1)),
    "one pixel of two": Geometry((1, 1), (2, 2), ((0, 1), (1, 0)), (1, 1)),
    "uneven": Geometry((3, 2), (2, 1), ((1, 2), (0, 3)), (1, 2)),
    "wide steps": Geometry((2, 3), (1, 3), ((0, 1), (4, 2)), (1, 1)),
    "tall": Geometry((4, 1), (3, 2), ((2, 0), (0, 1)), (1, 1)),
}
FULL = GEOMETRIES | {"spread": Geometry((2, 2), (1, 2), ((2, 1), (0, 2)), (3, 2))}


def reference(x: Any, w: Any, b: Any, g: Any, geometry: Geometry, groups: int) -> dict[str, Any]:
    """y and both gradients, one tap after the other, in float64."""
    x, w, g = (a.astype(np.float64) for a in (x, w, g))
    (top, bottom), (left, right) = geometry.padding
    p = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    (sh, sw), (dh, dw), (oh, ow) = geometry.stride, geometry.dilation, g.shape[2:]
    y, dw_, dp = np.zeros(g.shape), np.zeros(w.shape), np.zeros(p.shape)
    O, c = len(w) // groups, w.shape[1]
    for group in range(groups):
        outs, ins = slice(group * O, group * O + O), slice(group * c, group * c + c)
        for i in range(geometry.kernel[0]):
            for j in range(geometry.kernel[1]):
                rows, columns = (slice(k, k + s * (n - 1) + 1, s) for k, s, n in ((i * dh, sh, oh), (j * dw, sw, ow)))
                seen, tap = p[:, ins, rows, columns], w[outs, :, i, j]
                y[:, outs] += np.tensordot(seen, tap, (1, 1)).transpose(0, 3, 1, 2)
                dw_[outs, :, i, j] = np.tensordot(g[:, outs], seen, ((0, 2, 3), (0, 2, 3)))
                dp[:, ins, rows, columns] += np.tensordot(g[:, outs], tap, (1, 0)).transpose(0, 3, 1, 2)
    if b is not None:
        y += b[:, None, None]
    return {"forward": y, "weight": dw_, "image": dp[:, :, top : p.shape[2] - bottom, left : p.shape[3] - right]}


def numbers(geometry: Geometry, size: Any, N: int, C: int, O: int, groups: int = 1, dtype: Any = np.float64) -> Any:
    rng = np.random.default_rng(0)
    shapes = (N, C, *size), (O, C // groups, *geometry.kernel), (O,), (N, O, *geometry.out(size))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def hold(algorithm: ModuleType, arrays: Any, geometry: Geometry, groups: int = 1, tolerance: float = 1e-12) -> Any:
    """All that an algorithm computes against the reference; what it kept."""
    x, w, b, g = arrays
    expected = reference(x, w, b, g, geometry, groups)
    y, kept = algorithm.forward(x, w, b, geometry, groups)
    found = [
        ("forward", y),
        ("weight", algorithm.weight(g, x, geometry, groups, kept)),
        ("weight", algorithm.weight(g, x, geometry, groups)),
        ("image", algorithm.image(g, w, geometry, groups, x.shape[2:])),
    ]
    for name, a in found:
        assert a.dtype == x.dtype, name
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(a, expected[name], rtol=0, atol=tolerance * scale, err_msg=name)
    without, _ = algorithm.forward(x, w, None, geometry, groups)
    np.testing.assert_allclose(without + b[:, None, None], y, rtol=0, atol=tolerance * np.abs(y).max())
    return kept


# ------------------------------------------------------------------------------------------------- blocks and pieces
@pytest.mark.parametrize("limit", [1, 60, 500, 1 << 22])
@pytest.mark.parametrize("at_once", [0, 1 << 17])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("name", FULL)
def test_columns_may_be_cut_anywhere(
    name: str, groups: int, at_once: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(im2col, "_BLOCK", limit)
    monkeypatch.setattr(im2col, "_AT_ONCE", at_once)
    hold(im2col, numbers(FULL[name], (9, 8), 3, 4, 6, groups), FULL[name], groups)


@pytest.mark.parametrize("limit", [1, 60, 500, 1 << 19])
@pytest.mark.parametrize("name", FULL)
def test_columns_with_their_channels_innermost_may_be_cut_anywhere(
    name: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lastcol, "_BLOCK", limit)
    hold(lastcol, numbers(FULL[name], (9, 8), 3, 4, 6), FULL[name])


@pytest.mark.parametrize(("small", "block"), [(1, 1), (300, 40), (2000, 700), (1_000_000, 1 << 18)])
@pytest.mark.parametrize("O", [6, 31, 32])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_rows_may_be_cut_into_any_products(
    name: str, O: int, small: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rowview, "_SMALL", small)
    monkeypatch.setattr(rowview, "_BLOCK", block)
    hold(rowview, numbers(GEOMETRIES[name], (9, 8), 3, 9, O), GEOMETRIES[name])


def test_a_row_is_cut_into_the_fewest_equal_pieces_that_are_small_and_not_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rowview, "_SMALL", 100)
    monkeypatch.setattr(rowview, "_SHORT", 4)
    for per_column in (1, 7, 25, 60, 300):
        for length in range(1, 130):
            least = max(1, -(-per_column * length // 100))
            small = [p for p in range(1, length // 4 + 1) if length % p == 0 and per_column * (length // p) <= 100]
            found = rowview._pieces(per_column, length)
            assert found == (small[0] if small and small[0] <= 3 * least else 1), (per_column, length)


SIZES = [(1, 2, 3, (13, 18)), (31, 3, 2, (4, 4)), (33, 2, 3, (9, 14)), (5, 34, 33, (7, 9))]


@pytest.mark.parametrize(("N", "C", "O", "size"), SIZES)
@pytest.mark.parametrize("padding", [((1, 1), (1, 1)), NO_PADS, ((2, 0), (1, 2)), ((0, 3), (0, 1)), ((6, 7), (5, 0))])
@pytest.mark.parametrize("rows", [1, 5, 64])
def test_tiles_may_be_cut_anywhere(
    rows: int, padding: Any, N: int, C: int, O: int, size: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "_rows", lambda _C, _O: rows)
    geometry = PLAIN._replace(padding=padding)
    hold(winograd, numbers(geometry, size, N, C, O, dtype=np.float32), geometry, tolerance=5e-5)


@pytest.mark.parametrize("n", range(7))
def test_parts_are_even_and_leave_nothing_out(n: int) -> None:
    for parts in range(9):
        cuts = winograd._even(n, parts)
        lengths = [stop - start for start, stop in cuts]
        assert [k for start, stop in cuts for k in range(start, stop)] == list(range(n))
        assert len(cuts) == max(1, min(parts, n))
        assert max(lengths) - min(lengths) <= 1
        assert lengths[-1] == max(lengths)


@pytest.mark.parametrize("N", [1, 3, 31, 32, 64, 300, 1000])
@pytest.mark.parametrize("out", [(1, 1), (4, 4), (5, 9), (28, 28), (64, 200), (7, 4)])
@pytest.mark.parametrize("rows", [64, 192])
def test_a_job_has_about_as_many_tiles_as_were_wanted_and_none_is_left_out(N: int, out: Any, rows: int) -> None:
    work = winograd._Work(N, out, rows)
    every = np.zeros((work.th, work.tw, N), int)
    largest = 0
    for (t0, t1), (n0, n1) in work.jobs(0, len(work)):
        for s0, s1 in work.along:
            every[t0:t1, s0:s1, n0:n1] += 1
            largest = max(largest, (t1 - t0) * (s1 - s0) * (n1 - n0))
    assert (every == 1).all()
    assert every.shape == (-(-out[0] // 4), -(-out[1] // 4), N)
    assert work.scratch(5) == 36 * 5 * largest
    assert largest <= 3 * rows  # what stays in a core's cache
    assert largest >= min(rows, every.size) / 4  # what BLAS is quick with


def test_rows_of_a_product_are_few_where_the_kernels_stay_in_the_cache() -> None:
    assert [winograd._rows(n, n) for n in (1, 32, 64, 65, 128, 1000)] == [64, 64, 64, 128, 128, 128]
    assert winograd._rows(20, 300) == winograd._rows(300, 20) == 128


@pytest.mark.parametrize(("algorithm", "groups"), [(im2col, 1), (im2col, 2), (lastcol, 1)])
def test_blocks_are_counted_in_elements_of_columns(
    algorithm: ModuleType, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which bounds the memory of a large batch, and keeps blocks in the cache."""
    geometry = GEOMETRIES["uneven"]
    x, w, b, g = numbers(geometry, (9, 8), 3, 4, 6, groups)
    real, seen = algorithm.row_blocks, []

    def row_blocks(start: int, stop: int, per_row: int, most: int) -> Any:
        seen.append((per_row, most))
        return real(start, stop, per_row, most)

    monkeypatch.setattr(algorithm, "row_blocks", row_blocks)
    monkeypatch.setattr(im2col, "_AT_ONCE", 0)

    def halves(n: int, job: Any, _: float) -> None:
        job(0, n // 2)
        job(n // 2, n)

    monkeypatch.setattr(threads, "divide", halves)
    monkeypatch.setattr(algorithm, "divide", halves)
    in_a_row = 4 * 3 * 2 * g.shape[3] * 3
    algorithm.forward(x, w, b, geometry, groups)
    algorithm.weight(g, x, geometry, groups)
    assert seen == [(in_a_row, algorithm._BLOCK)] * 4
    seen.clear()
    algorithm.image(g, w, geometry, groups, (9, 8))
    assert sum(per_row for per_row, _ in seen) == in_a_row  # channels, or samples, are shared


# ---------------------------------------------------------------------------------------------------- what is kept
def test_small_columns_are_kept_for_the_gradient_and_large_ones_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    geometry = GEOMETRIES["uneven"]
    arrays = numbers(geometry, (9, 8), 3, 4, 6, 2)
    oh, ow = geometry.out((9, 8))
    size = 4 * 3 * 2 * oh * ow * 3
    for at_once in (0, size - 1, size):
        for limit in (size - 1, size):
            monkeypatch.setattr(im2col, "_AT_ONCE", at_once)
            monkeypatch.setattr(im2col, "_BLOCK", limit)
            kept = hold(im2col, arrays, geometry, 2)
            assert (kept is None) is (at_once < size > limit)
            assert kept is None or kept.size == size


def test_small_rows_are_kept_for_the_gradient_and_large_ones_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    geometry = GEOMETRIES["uneven"]
    arrays = numbers(geometry, (9, 8), 3, 4, 6)
    size = geometry.padded((9, 8))[0] * 2 * 4 * geometry.out((9, 8))[1] * 3
    for limit in (size - 1, size):
        monkeypatch.setattr(rowview, "_KEPT", limit)
        kept = hold(rowview, arrays, geometry)
        assert (kept is None) is (limit < size)
        assert kept is None or kept.size == size


# --------------------------------------------------------------------------------------------- guesses of the time
def guesses(algorithm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """What is handed to `divide` from now on: into how many parts at most, and the seconds that it is thought to
    take."""
    seen: list[tuple[int, float]] = []

    def divide(n: int, job: Any, seconds: float) -> None:
        seen.append((n, seconds))
        job(0, n)

    monkeypatch.setattr(threads, "divide", divide)  # `summed` finds this one
    monkeypatch.setattr(algorithm, "divide", divide)
    return seen


@pytest.mark.parametrize("algorithm", [im2col, lastcol, rowview, winograd])
@pytest.mark.parametrize("O", [7, 32])
def test_work_is_thought_to_take_as_long_as_its_multiplications_do(
    algorithm: ModuleType, O: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """15 to 50 in a nanosecond, which is what one core does: else small work would be shared, or large work not."""
    N, C, size = 5, 9, (22, 27)
    geometry = PLAIN if algorithm is winograd else Geometry((3, 4), (1, 1), ((1, 1), (0, 1)), (1, 1))
    x, w, b, g = numbers(geometry, size, N, C, O, dtype=np.float32)
    monkeypatch.setattr(im2col, "_AT_ONCE", 0)
    seen = guesses(algorithm, monkeypatch)
    algorithm.forward(x, w, b, geometry, 1)
    algorithm.weight(g, x, geometry, 1)
    algorithm.image(g, w, geometry, 1, size)
    multiplications = g.size * w[0].size
    if algorithm is winograd:
        multiplications = 36 * -(-g.shape[2] // 4) * -(-g.shape[3] // 4) * N * C * O
        seen = [(n, seconds) for n, seconds in seen if n not in (C, O * C)]  # without the work on kernels alone
    assert len(seen) == 3
    for n, seconds in seen:
        assert n > 1
        assert 1.5e10 < multiplications / seconds < 5e10


def test_grouped_work_is_thought_to_take_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w, b, g = numbers(PLAIN, (22, 27), 5, 12, 16, 4)
    monkeypatch.setattr(im2col, "_AT_ONCE", 0)
    seen = guesses(im2col, monkeypatch)
    im2col.forward(x, w, b, PLAIN, 4)
    im2col.weight(g, x, PLAIN, 4)
    im2col.image(g, w, PLAIN, 4, (22, 27))
    assert all(1.5e10 < g.size * w[0].size / seconds < 5e10 for _, seconds in seen)


# ------------------------------------------------------------------------------------------------------ the choice
def at(C: int, O: int, kernel: Any = (3, 3), N: int = 8, out: Any = (28, 28), image: bool = False, **more: Any) -> Any:
    """The algorithm for C and O channels, this kernel and stride 1, dilation 1 but for what is given."""
    dtype, groups = more.pop("dtype", np.float32), more.pop("groups", 1)
    geometry = Geometry(kernel, (1, 1), ((1, 1), (1, 1)), (1, 1))._replace(**more)
    return choose((O, C, *kernel), geometry, groups, N, out, np.dtype(dtype), image)


def test_many_channels_are_32_on_both_sides() -> None:
    assert at(32, 32) is at(32, 33) is at(33, 32) is winograd
    assert at(31, 32) is at(32, 31) is at(5, 31) is rowview
    assert at(32, 32, (5, 5)) is lastcol
    assert at(31, 64, (5, 5)) is im2col


@pytest.mark.parametrize(
    ("out", "N", "worth"),
    [
        ((2, 4), 99, False), ((3, 4), 99, True), ((4, 2), 99, False), ((4, 3), 99, True),  # half of one tile; more
        ((1, 8), 99, False), ((5, 5), 99, False), ((5, 6), 99, False), ((5, 7), 99, True), ((6, 6), 99, True),
        ((4, 4), 31, False), ((4, 4), 32, True), ((4, 8), 15, False), ((4, 8), 16, True), ((4, 5), 99, True),
        ((8, 4), 31, False), ((8, 4), 32, True),  # tiles below each other make no product longer
    ],
)  # fmt: skip
def test_tiles_are_worth_it_where_half_of_them_is_wanted_and_products_are_long(out: Any, N: int, worth: bool) -> None:
    assert at(32, 32, out=out, N=N) is (winograd if worth else lastcol)


def test_winograd_is_for_plain_geometries_of_single_precision() -> None:
    assert at(32, 32, padding=((0, 2), (1, 0))) is winograd
    assert at(32, 32, dtype=np.float64) is at(32, 32, stride=(1, 2)) is at(32, 32, dilation=(2, 1)) is lastcol
    assert at(32, 32, (3, 2)) is at(32, 32, (1, 1)) is lastcol
    assert at(32, 32, groups=2) is im2col


def test_a_few_images_go_the_plain_way_up_to_65536_elements_of_columns() -> None:
    assert at(1, 31, (4, 4), N=16, out=(16, 16)) is im2col
    assert at(1, 31, (4, 4), N=17, out=(16, 16)) is rowview
    assert at(1, 32, (4, 4), N=1, out=(2, 2)) is rowview  # many channels come out
    assert at(1, 31, (4, 4), N=16, out=(16, 16), image=True) is rowview
    for more in ({"C": 2}, {"out": (17, 16)}, {"out": (16, 17)}, {"kernel": (5, 4)}, {"kernel": (4, 5)}):
        assert at(**{"C": 1, "O": 3, "kernel": (4, 4), "N": 16, "out": (16, 16), **more}) is rowview  # type: ignore[arg-type]


def test_rows_as_views_need_a_small_kernel_of_several_rows_without_gaps() -> None:
    assert at(16, 10, (10, 10), N=64) is rowview  # 16,000 weights
    assert at(16, 10, (10, 11), N=64) is at(16, 11, (10, 10), N=64) is at(17, 10, (10, 10), N=64) is im2col
    assert at(16, 10, (2, 3), N=64) is rowview
    assert at(16, 10, (1, 3), N=64) is im2col
    assert at(16, 10, dilation=(1, 2), N=64) is rowview
    assert at(16, 10, dilation=(2, 1), N=64) is im2col


@pytest.mark.parametrize(
    ("algorithm", "C", "O", "change", "itself"),
    [
        (rowview, 2, 16, {}, True),
        (rowview, 2, 17, {}, False),  # four times as many come out as go in, and more than 16
        (rowview, 4, 17, {}, False),
        (rowview, 5, 20, {}, True),
        (rowview, 5, 21, {}, False),
        (rowview, 2, 3, {"stride": (1, 2)}, False),
        (rowview, 2, 3, {"stride": (2, 1)}, False),
        (rowview, 2, 3, {"dilation": (1, 2)}, True),
        (winograd, 2, 3, {"padding": ((2, 2), (2, 2))}, True),
        (winograd, 2, 3, {"padding": ((2, 3), (2, 2))}, False),  # more than the turned kernel can reach
        (winograd, 2, 3, {"padding": ((2, 2), (3, 0))}, False),
        (winograd, 2, 3, {"padding": ((3, 0), (0, 0))}, False),
        (winograd, 2, 3, {"padding": ((0, 0), (0, 3))}, False),
    ],
)
def test_the_gradient_of_an_image_goes_the_plain_way_where_the_fast_one_cannot(
    algorithm: ModuleType, C: int, O: int, change: Any, itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry = PLAIN._replace(**change)
    x, w, b, g = numbers(geometry, (9, 8), 3, C, O, dtype=np.float32)
    plain, seen = im2col.image, []
    monkeypatch.setattr(im2col, "image", lambda *args: (seen.append(1), plain(*args))[1])
    found = algorithm.image(g, w, geometry, 1, (9, 8))
    assert seen == ([] if itself else [1])
    expected = reference(x, w, b, g, geometry, 1)["image"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5 * np.abs(expected).max())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_kernel_that_is_not_finite_takes_no_zeros_of_beyond_the_edge(bad: float) -> None:
    _, w, _, g = numbers(PLAIN, (5, 4), 2, 2, 3)
    w[1, 0, 2, 1] = bad
    np.testing.assert_array_equal(
        rowview.image(g, w, PLAIN, 1, (5, 4)), im2col.image(g, w, PLAIN, 1, (5, 4)), strict=True
    )
