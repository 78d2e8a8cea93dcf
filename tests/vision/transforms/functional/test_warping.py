"""Rotations and affine maps of tensors beside PyTorch's grids, beside PIL, and where the answer is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.testing import gradcheck
from tinygrad_cnn.vision.transforms import InterpolationMode
from tinygrad_cnn.vision.transforms import functional as F
from tinygrad_cnn.vision.transforms.functional.warping import _inverse

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
RNG = np.random.default_rng(0)
NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
ANGLES, SHEARS = st.floats(-200, 200), st.floats(-50, 50)


def forward(angle: float, scale: float, shear: Any) -> Any:
    """Shear along x, then along y, turn, scale: as a product of matrices, in the image's frame (y downwards)."""
    turn, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    along_x, along_y = np.array([[1, -math.tan(sx)], [0, 1]]), np.array([[1, 0], [-math.tan(sy), 1]])
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return scale * rotation @ along_y @ along_x


@given(ANGLES, st.floats(0.3, 3), SHEARS, SHEARS, st.data())
def test_the_matrix_undoes_the_map(angle: float, scale: float, sx: float, sy: float, data: st.DataObject) -> None:
    center, shift, point = (np.array([data.draw(st.floats(-9, 9)), data.draw(st.floats(-9, 9))]) for _ in range(3))
    there = forward(angle, scale, (sx, sy)) @ (point - center) + center + shift
    a, b, c, d, e, f = _inverse(tuple(center), angle, tuple(shift), scale, (sx, sy))
    np.testing.assert_allclose([a * there[0] + b * there[1] + c, d * there[0] + e * there[1] + f], point, atol=1e-9)


def expected(torch: Any, x: Any, matrix: Any, size: Any, mode: str, fill: Any) -> Any:
    """PyTorch's grid_sample at the places that the matrix names, with a channel of ones beside the image."""
    h, w = x.shape[-2:]
    oh, ow = size
    columns, rows = np.arange(ow) - (ow - 1) / 2, np.arange(oh)[:, None] - (oh - 1) / 2
    across = matrix[0] * columns + matrix[1] * rows + matrix[2]
    down = matrix[3] * columns + matrix[4] * rows + matrix[5]
    grid = torch.tensor(np.stack([across / (w / 2), down / (h / 2)], -1)[None])
    with_ones = torch.tensor(np.concatenate([x, np.ones((1, h, w))])[None])
    y = torch.nn.functional.grid_sample(with_ones, grid, mode=mode, align_corners=False)[0].numpy()
    y, inside = y[:-1], y[-1:]
    if fill is not None:
        color = np.reshape(fill, (-1, 1, 1))
        y = np.where(inside < 0.5, color, y) if mode == "nearest" else y * inside + (1 - inside) * color
    places = np.stack([across + w / 2, down + h / 2])  # a whole number lies half-way between two pixels
    return y, (np.abs(places - np.rint(places)) > 1e-6).all(0)


FILLS = st.sampled_from([None, 0, 0.5, [0.25], (0.1, 0.2, 0.3)])


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@given(st.data())
def test_affine_as_pytorch(torch: Any, mode: str, data: st.DataObject) -> None:
    x = RNG.random((3, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))))
    angle, scale, shear = data.draw(ANGLES), data.draw(st.floats(0.3, 3)), [data.draw(SHEARS), data.draw(SHEARS)]
    shift = [data.draw(st.floats(-4, 4)), data.draw(st.floats(-4, 4))]
    center = data.draw(st.sampled_from([None, (0, 0), [2.5, 1]]))
    fill = data.draw(FILLS)
    middle = (0.0, 0.0) if center is None else (center[0] - x.shape[2] / 2, center[1] - x.shape[1] / 2)
    matrix = _inverse(middle, angle, shift, scale, shear)
    theirs, sure = expected(torch, x, matrix, x.shape[1:], mode, fill)
    got = F.affine(tg.from_numpy(x), angle, shift, scale, shear, InterpolationMode(mode), fill, center).numpy()
    if mode == "nearest":
        got, theirs = got[:, sure], theirs[:, sure]
    np.testing.assert_allclose(got, theirs, atol=1e-9)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@given(st.data())
def test_rotate_as_pytorch(torch: Any, mode: str, data: st.DataObject) -> None:
    x = RNG.random((3, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))))
    angle, fill, expand = data.draw(ANGLES), data.draw(FILLS), data.draw(st.booleans())
    got = F.rotate(tg.from_numpy(x), angle, InterpolationMode(mode), expand, None, fill).numpy()
    theirs, sure = expected(torch, x, _inverse((0, 0), -angle, (0, 0), 1, (0, 0)), got.shape[1:], mode, fill)
    if mode == "nearest":
        got, theirs = got[:, sure], theirs[:, sure]
    np.testing.assert_allclose(got, theirs, atol=1e-9)


@pytest.mark.parametrize("mode", [NEAREST, BILINEAR])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (1, 2, 3)])
def test_quarter_turns(mode: InterpolationMode, dtype: Any, lead: tuple[int, ...]) -> None:
    x = RNG.integers(0, 100, (*lead, 6, 6)).astype(dtype)
    for turns in range(-4, 6):
        got = F.rotate(tg.from_numpy(x), 90 * turns, mode)
        assert got.dtype == dtype
        np.testing.assert_allclose(
            got.numpy(), np.rot90(x, turns, (-2, -1)), atol=1e-2 if dtype == np.float16 else 1e-4
        )
    wide = x[..., :4, :]
    turned = F.rotate(tg.from_numpy(wide), 90, mode, expand=True)
    np.testing.assert_allclose(turned.numpy(), np.rot90(wide, 1, (-2, -1)), atol=1e-2 if dtype == np.float16 else 1e-4)


def test_known_maps() -> None:
    x = np.arange(1.0, 17).reshape(1, 4, 4)
    t = tg.from_numpy(x)

    def mapped(*arguments: Any, **more: Any) -> Any:
        return F.affine(t, *arguments, **more).numpy()

    np.testing.assert_array_equal(mapped(0, (0, 0), 1, 0), x)
    np.testing.assert_array_equal(mapped(0, (1, 2), 1, 0), np.pad(x, ((0, 0), (2, 0), (1, 0)))[:, :4, :4])
    np.testing.assert_array_equal(mapped(0, [1, 0], 1, 0, fill=9)[0, :, 0], [9, 9, 9, 9])
    np.testing.assert_allclose(mapped(90, (0, 0), 1, 0), np.rot90(x, -1, (1, 2)))  # clockwise
    np.testing.assert_array_equal(mapped(0, (0, 0), 2, 0), x[:, 1:3, 1:3].repeat(2, 1).repeat(2, 2))
    corner = mapped(0, (0, 0), 2, 0, center=(0, 0))
    np.testing.assert_array_equal(corner, x[:, :2, :2].repeat(2, 1).repeat(2, 2))


@given(ANGLES, st.integers(2, 30), st.integers(2, 30))
def test_expanded_sizes_are_pils(angle: float, h: int, w: int) -> None:
    turn = math.radians(angle)
    sides = [abs(math.cos(turn)) * w + abs(math.sin(turn)) * h, abs(math.sin(turn)) * w + abs(math.cos(turn)) * h]
    assume(all(0.01 < v % 1 < 0.99 for side in sides for v in (side, side / 2, side / 2 + w / 2, side / 2 + h / 2)))
    image = Image.new("L", (w, h))
    got = F.rotate(tg.zeros(1, h, w), angle, expand=True)
    assert got.shape[1:] == F.rotate(image, angle, expand=True).size[::-1]


@pytest.mark.parametrize("angle", [0, 90, 180, 270, -90, 360])
def test_quarter_turns_need_no_pixel_more(angle: int) -> None:
    """Or one, where a side of odd and one of even length change places: the middle of the image is no middle of a
    pixel then, or the other way round."""
    for h in range(1, 12):
        for w in range(1, 12):
            odd = (h + w) % 2 if angle % 180 else 0
            expected = (h, w) if angle % 180 == 0 else (w + odd, h + odd)
            assert F.rotate(tg.zeros(1, h, w), angle, expand=True).shape[1:] == expected


def smooth(h: int, w: int) -> Any:
    y, x = np.arange(h)[:, None], np.arange(w)
    return np.stack([127 + 100 * np.sin(x / 9 + c) * np.cos(y / 7) for c in range(3)], -1).astype(np.uint8)


@pytest.mark.parametrize("mode", [NEAREST, BILINEAR])
def test_tensors_show_what_pil_images_show(mode: InterpolationMode) -> None:
    image = F.to_pil_image(smooth(40, 50))
    t = F.pil_to_tensor(image)
    white = tg.full((3, 40, 50), 255, dtype=tg.uint8)
    for call in (
        lambda i: F.rotate(i, 33, mode),
        lambda i: F.rotate(i, -70, mode, center=(10, 5), fill=[5, 6, 7]),
        lambda i: F.affine(i, 20, (3, -2), 1.3, (10, 5), mode),
        lambda i: F.affine(i, -50, (0, 4), 0.7, -20, mode, 9, (0, 0)),
    ):
        ours, theirs = call(t).numpy().astype(int), F.pil_to_tensor(call(image)).numpy().astype(int)
        inside = np.minimum(call(white).numpy(), F.pil_to_tensor(call(F.to_pil_image(white))).numpy()) == 255
        assert ours.shape == theirs.shape
        assert inside.mean() > 0.1  # the rest shows the edge, where PIL does not blend with what is outside
        assert np.abs(ours - theirs)[inside].max() <= (1 if mode is BILINEAR else 15)  # 15: the next pixel


def test_pil_does_the_work_on_pil_images() -> None:
    image = F.to_pil_image(smooth(9, 11))
    got = F.rotate(image, 33, InterpolationMode.BICUBIC, True, None, (1, 2, 3))
    assert got.tobytes() == image.rotate(33, 3, True, None, fillcolor=(1, 2, 3)).tobytes()
    matrix = _inverse((5.5, 4.5), 20, (1, 2), 1.5, (3, 4))
    theirs = image.transform((11, 9), Image.Transform.AFFINE, matrix, 2, fillcolor=(0, 0, 0))
    assert F.affine(image, 20, (1, 2), 1.5, (3, 4), BILINEAR).tobytes() == theirs.tobytes()
    grey = Image.new("F", (4, 4), 1.0)
    assert F.rotate(grey, 45, fill=0.5).getpixel((0, 0)) == 0.5


def test_what_is_outside_stays_outside() -> None:
    x = np.full((1, 5, 5), np.nan)
    x[0, 2, 2] = 1
    assert F.affine(tg.from_numpy(x), 0, (100, 0), 1, 0).tolist() == np.zeros((1, 5, 5)).tolist()
    assert F.rotate(tg.zeros(3, 0, 4), 30).shape == (3, 0, 4)


@pytest.mark.parametrize("mode", [NEAREST, BILINEAR])
@pytest.mark.parametrize("fill", [None, 0.5])
def test_gradients(mode: InterpolationMode, fill: Any) -> None:
    x = tg.randn(2, 4, 5, dtype=tg.float64, requires_grad=True)
    gradcheck(lambda t: F.rotate(t, 33, mode, True, None, fill), (x,))
    gradcheck(lambda t: F.affine(t, 20, (1, 0), 1.2, (5, 5), mode, fill), (x,))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda i: F.rotate(i, "45"), TypeError, "angle must be a number of degrees, got '45'"),
        (lambda i: F.rotate(i, 4, 1), ValueError, "interpolation nearest or bilinear.*, got 'lanczos'"),
        (lambda i: F.rotate(i, 4, "nearest"), TypeError, "interpolation must be an InterpolationMode"),
        (lambda i: F.rotate(i, 4, center=3), TypeError, r"center must be two numbers, \(x, y\), got 3"),
        (lambda i: F.rotate(i, 4, fill=(1, 2)), ValueError, "fill has 2 numbers, the image has 3 channels"),
        (lambda i: F.rotate(i, 4, fill={1}), TypeError, "fill must be a number, or one for each channel"),
        (lambda i: F.affine(i, None, (0, 0), 1, 0), TypeError, "angle must be a number"),
        (lambda i: F.affine(i, 0, 5, 1, 0), TypeError, r"translate must be two numbers"),
        (lambda i: F.affine(i, 0, (0, 0), 0, 0), ValueError, "scale must be above 0, got 0"),
        (lambda i: F.affine(i, 0, (0, 0), 1, "x"), TypeError, "shear must be a number of degrees"),
        (lambda i: F.affine(i, 0, (0, 0), 1, (1, 2, 3)), TypeError, "shear must be a number of degrees"),
    ],
)
def test_what_is_refused(call: Any, error: Any, words: str) -> None:
    for image in (tg.zeros(3, 4, 4), Image.new("RGB", (4, 4))):
        with pytest.raises(error, match=words):
            call(image)


def test_bicubic_is_for_pil_alone() -> None:
    assert F.rotate(Image.new("L", (3, 3)), 5, InterpolationMode.BICUBIC).size == (3, 3)
    with pytest.raises(ValueError, match="a Tensor is read by interpolation nearest or bilinear, got 'bicubic'"):
        F.rotate(tg.zeros(1, 3, 3), 5, InterpolationMode.BICUBIC)
