"""Window geometry, im2col and col2im against plain loops, over every small geometry there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygrad_cnn.arrays import windows
from tinygrad_cnn.arrays.windows import Geometry, col2im, crop, im2col, lay_out

AXIS = [
    (size, kernel, stride, padding, dilation)
    for size, kernel, stride, padding, dilation in itertools.product(
        range(1, 8), range(1, 5), range(1, 4), range(3), range(1, 3)
    )
]


def starts(size: int, kernel: int, stride: int, padding: int, dilation: int) -> list[int]:
    """First pixels of the windows that fit, counted on the unpadded axis, found by walking."""
    found, at = [], -padding
    while at + dilation * (kernel - 1) < size + padding:
        found.append(at)
        at += stride
    return found


def test_number_of_windows_on_every_axis() -> None:
    for size, kernel, stride, padding, dilation in AXIS:
        geometry = Geometry((kernel, 1), (stride, 1), ((padding, padding), (0, 0)), (dilation, 1))
        assert max(geometry.out((size, 1))[0], 0) == len(starts(size, kernel, stride, padding, dilation))


def naive_im2col(x: np.ndarray, rows: tuple[int, ...], columns: tuple[int, ...]) -> np.ndarray:
    N, C, H, W = x.shape
    top, left = starts(*rows), starts(*columns)
    cols = np.zeros((C, rows[1], columns[1], len(top), len(left), N))
    for c, i, j, r, s in itertools.product(
        range(C), range(rows[1]), range(columns[1]), range(len(top)), range(len(left))
    ):
        h, w = top[r] + i * rows[4], left[s] + j * columns[4]
        if 0 <= h < H and 0 <= w < W:
            cols[c, i, j, r, s] = x[:, c, h, w]
    return cols


def naive_col2im(cols: np.ndarray, rows: tuple[int, ...], columns: tuple[int, ...]) -> np.ndarray:
    C, kh, kw, oh, ow, N = cols.shape
    x = np.zeros((N, C, rows[0], columns[0]))
    top, left = starts(*rows), starts(*columns)
    for c, i, j, r, s in itertools.product(range(C), range(kh), range(kw), range(oh), range(ow)):
        h, w = top[r] + i * rows[4], left[s] + j * columns[4]
        if 0 <= h < rows[0] and 0 <= w < columns[0]:
            x[:, c, h, w] += cols[c, i, j, r, s]
    return x


def check(rows: tuple[int, ...], columns: tuple[int, ...], rng: np.random.Generator) -> None:
    geometry = Geometry(
        (rows[1], columns[1]), (rows[2], columns[2]), ((rows[3],) * 2, (columns[3],) * 2), (rows[4], columns[4])
    )
    oh, ow = geometry.out((rows[0], columns[0]))
    if oh < 1 or ow < 1:
        return
    x = rng.standard_normal((1, 1, rows[0], columns[0]))
    p = lay_out(x, geometry.padding)
    cols = im2col(p, geometry, range(oh), ow)
    np.testing.assert_array_equal(cols, naive_im2col(x, rows, columns))
    g = rng.standard_normal(cols.shape)
    image = np.zeros_like(p)
    col2im(g, image, geometry, range(oh), ow)
    back = crop(image, geometry.padding)
    np.testing.assert_allclose(back, naive_col2im(g, rows, columns), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        (cols * g).sum(), (x * back).sum(), rtol=1e-9, atol=1e-9
    )  # <im2col x, g> = <x, col2im g>


def test_square_kernels_on_every_image_against_naive_loops() -> None:
    rng = np.random.default_rng(1)
    for H, W in itertools.product(range(1, 8), repeat=2):
        for kernel, stride, padding, dilation in itertools.product(range(1, 5), range(1, 4), range(3), range(1, 3)):
            check((H, kernel, stride, padding, dilation), (W, kernel, stride, padding, dilation), rng)


def taps(axis: tuple[int, ...]) -> np.ndarray:
    """(kernel, windows): the pixel of the padded axis under each tap of each window, by walking."""
    _, kernel, _, padding, dilation = axis
    return np.array([[s + padding + i * dilation for s in starts(*axis)] for i in range(kernel)], int).reshape(
        kernel, -1
    )


@pytest.mark.parametrize("H", range(1, 8))
def test_every_geometry_there_is(H: int) -> None:
    """All H, W <= 7, k <= 4, stride <= 3, padding <= 2, dilation <= 2, each side on its own: 254,016 geometries.

    The reference picks pixels one tap at a time by index tables that plain walking made; col2im is held to being the
    adjoint of im2col, with random numbers on both sides.
    """
    rng = np.random.default_rng(H)
    tables = {axis: taps(axis) for axis in AXIS}
    count = 0
    for rows in (axis for axis in AXIS if axis[0] == H):
        for columns in AXIS:
            count += 1
            geometry = Geometry(
                (rows[1], columns[1]), (rows[2], columns[2]), ((rows[3],) * 2, (columns[3],) * 2), (rows[4], columns[4])
            )
            r, c = tables[rows], tables[columns]
            out = geometry.out((rows[0], columns[0]))
            assert (max(out[0], 0), max(out[1], 0)) == (r.shape[1], c.shape[1])
            if min(out) < 1:
                continue
            x = rng.standard_normal((1, 1, rows[0], columns[0]))
            p = lay_out(x, geometry.padding)
            cols = im2col(p, geometry, range(out[0]), out[1])
            framed = np.zeros(geometry.padded((rows[0], columns[0])))
            framed[rows[3] : rows[3] + rows[0], columns[3] : columns[3] + columns[0]] = x[0, 0]
            assert np.array_equal(cols[0, ..., 0], framed[r[:, None, :, None], c[None, :, None, :]]), geometry
            g = rng.standard_normal(cols.shape)
            image = np.zeros_like(p)
            col2im(g, image, geometry, range(out[0]), out[1])
            there, back = np.vdot(cols, g), np.vdot(x, crop(image, geometry.padding))
            assert abs(there - back) <= 1e-10 * (1 + abs(there)), geometry
    assert count == 504 * 72


def test_blocks_of_rows_make_the_same_columns() -> None:
    rng = np.random.default_rng(2)
    geometry = Geometry((3, 2), (2, 1), ((1, 0), (2, 1)), (1, 2))
    x = rng.standard_normal((3, 2, 9, 8))
    oh, ow = geometry.out((9, 8))
    p = lay_out(x, geometry.padding)
    whole = im2col(p, geometry, range(oh), ow)
    for cut in range(1, oh):
        parts = [im2col(p, geometry, rows, ow) for rows in (range(cut), range(cut, oh))]
        np.testing.assert_array_equal(np.concatenate(parts, axis=3), whole)


@pytest.mark.parametrize("layout", ["C", "F", "batch last", "reversed"])
def test_any_memory_order_and_no_write_to_the_input(layout: str) -> None:
    x = np.random.default_rng(3).standard_normal((2, 3, 5, 4))
    same = {
        "C": x.copy(),
        "F": np.asfortranarray(x),
        "batch last": np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2),
        "reversed": x[:, :, ::-1].copy()[:, :, ::-1],
    }[layout]
    same.flags.writeable = False
    geometry = Geometry((2, 2), (1, 1), ((1, 1), (0, 0)), (1, 1))
    cols = im2col(lay_out(same, geometry.padding), geometry, range(6), 3)
    np.testing.assert_array_equal(cols, im2col(lay_out(x, geometry.padding), geometry, range(6), 3))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1)])
def test_padding_surrounds_an_image_and_keeps_its_memory_order(order: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal([(2, 3, 4, 5)[i] for i in order]).transpose(np.argsort(order))
    pads = ((1, 2), (3, 4))
    expected = np.pad(x, ((0, 0), (0, 0), *pads), constant_values=7)
    padded = windows.pad(x, pads, 7)
    np.testing.assert_array_equal(padded, expected)
    assert np.argsort(padded.strides).tolist() == np.argsort(x.strides).tolist()
    np.testing.assert_array_equal(windows.inside(padded, pads), x)
    laid = windows.lay_out(x, pads, 7)
    np.testing.assert_array_equal(laid.transpose(3, 0, 1, 2), expected)
    assert laid.flags.c_contiguous
    np.testing.assert_array_equal(windows.crop(laid, pads), x)


SIDES = [((0, 0), (0, 0)), ((1, 0), (0, 0)), ((0, 2), (0, 0)), ((0, 0), (3, 0)), ((0, 0), (0, 1)), ((1, 2), (3, 4))]


@pytest.mark.parametrize("pads", SIDES)
def test_padding_of_any_side_alone(pads: windows.Pads) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    expected = np.pad(x, ((0, 0), (0, 0), *pads))
    padded = windows.pad(x, pads, 0)
    np.testing.assert_array_equal(padded, expected)
    assert (padded is x) is (pads == windows.NO_PADS)
    np.testing.assert_array_equal(windows.lay_out(x, pads).transpose(3, 0, 1, 2), expected)
    np.testing.assert_array_equal(windows.crop(windows.lay_out(x, pads), pads), x)
    np.testing.assert_array_equal(windows.inside(padded, pads), x)
    laid = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    assert np.shares_memory(windows.lay_out(laid, pads), laid) is (pads == windows.NO_PADS)


def test_an_image_whose_channels_run_innermost_is_not_copied() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    last = windows.channels_last(x)
    np.testing.assert_array_equal(last, x.transpose(2, 3, 0, 1))
    assert last.flags.c_contiguous
    assert np.shares_memory(windows.channels_last(last.transpose(2, 3, 0, 1)), last)


def test_blocks_of_rows_leave_none_out_and_have_as_many_as_fit() -> None:
    for start, stop, per_row, most in itertools.product((0, 3), (3, 4, 10), (0, 1, 2, 5, 9), (1, 4, 9, 10, 100)):
        blocks = windows.row_blocks(start, stop, per_row, most)
        assert [r for rows in blocks for r in rows] == list(range(start, stop))
        assert all(len(rows) == 1 or len(rows) * per_row <= most for rows in blocks)
        for rows in blocks[:-1]:
            assert (len(rows) + 1) * max(1, per_row) > most


ORDERS = list(itertools.permutations(range(3)))


@pytest.mark.parametrize("mine", ORDERS)
@pytest.mark.parametrize("theirs", ORDERS)
def test_numbers_are_brought_into_the_memory_order_of_others(mine: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    x, a = (
        np.random.default_rng(0).standard_normal([(2, 3, 4)[i] for i in order]).transpose(np.argsort(order))
        for order in (theirs, mine)
    )
    found = windows.in_order_of(x, a)
    np.testing.assert_array_equal(found, a)
    assert found.strides == x.strides
    assert (found is a) is (mine == theirs)


def test_what_is_in_order_already_is_not_copied() -> None:
    """Also where the strides differ: by the size of a number, by those of one number alone, by gaps that x has."""
    a = np.arange(12.0).reshape(3, 4)
    assert windows.in_order_of(np.zeros((3, 4), np.float32), a) is a
    assert windows.in_order_of(np.zeros((3, 8))[:, ::2], a) is a
    one = np.zeros((1, 4)).T[:1]
    assert windows.in_order_of(np.zeros((1, 1)), one) is one
    two = np.arange(4.0).reshape(2, 2)[:, :1]
    found = windows.in_order_of(np.zeros((2, 1), np.float32), two)
    assert found.tolist() == two.tolist()
    assert found.flags.c_contiguous
    assert found is not two
    turned = windows.in_order_of(np.zeros((3, 4), np.float32), np.asfortranarray(a))
    assert turned.dtype == a.dtype
    assert turned.tolist() == a.tolist()
