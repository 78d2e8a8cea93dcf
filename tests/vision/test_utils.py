"""make_grid and save_image, beside a plain loop and small grids worked out by hand."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.vision.utils import make_grid, save_image


def by_hand(images: np.ndarray, nrow: int, padding: int, pad_value: float) -> np.ndarray:
    """Pixel by pixel: which image a pixel of the grid belongs to, if to any."""
    N, C, H, W = images.shape
    columns = min(nrow, N)
    rows = (N + columns - 1) // columns
    out = np.full((C, rows * (H + padding) + padding, columns * (W + padding) + padding), pad_value, images.dtype)
    for y in range(out.shape[1]):
        for x in range(out.shape[2]):
            (row, top), (column, left) = divmod(y - padding, H + padding), divmod(x - padding, W + padding)
            i = row * columns + column
            if row >= 0 and column >= 0 and top < H and left < W and column < columns and i < N:
                out[:, y, x] = images[i, :, top, left]
    return out


@given(
    shape=st.tuples(st.integers(2, 7), st.sampled_from([1, 2, 3]), st.integers(1, 4), st.integers(1, 4)),
    nrow=st.integers(1, 9),
    padding=st.integers(0, 3),
    pad_value=st.sampled_from([0.0, 1.0, 0.25]),
    as_list=st.booleans(),
)
def test_a_grid_is_that_of_a_plain_loop(
    shape: tuple[int, ...], nrow: int, padding: int, pad_value: float, as_list: bool
) -> None:
    images = np.random.default_rng(0).random(shape, np.float32)
    given_ = [tg.tensor(x) for x in images] if as_list else tg.tensor(images)
    three = images.repeat(3, 1) if shape[1] == 1 else images
    grid = make_grid(given_, nrow=nrow, padding=padding, pad_value=pad_value)
    np.testing.assert_array_equal(grid.numpy(), by_hand(three, nrow, padding, pad_value))
    assert grid.dtype == np.float32


def test_small_grids() -> None:
    images = tg.tensor([1, 2, 3]).reshape(3, 1, 1, 1)
    wanted = [[0, 0, 0, 0, 0], [0, 1, 0, 2, 0], [0, 0, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 0, 0, 0]]
    grid = make_grid(images, nrow=2, padding=1)
    assert grid.dtype == np.int64
    assert grid.tolist() == [wanted] * 3
    assert make_grid(images, nrow=2, padding=0, pad_value=7)[0].tolist() == [[1, 2], [3, 7]]
    assert make_grid(images, padding=0)[0].tolist() == [[1, 2, 3]]
    assert make_grid(tg.zeros(8, 3, 32, 32), 4).shape == (3, 70, 138)


def test_a_single_image_comes_back_without_padding() -> None:
    x = tg.arange(6.0).reshape(2, 3)
    for image in (x, x[None], x[None, None], [x[None]]):  # (H, W), (1, H, W), (1, 1, H, W)
        assert make_grid(image).tolist() == [x.tolist()] * 3
    colours = tg.rand(3, 2, 3)
    assert make_grid(colours).equal(colours)
    assert make_grid([x]).tolist() == [x.tolist()] * 3
    pair = make_grid([x, x + 1])  # to torchvision, two images (H, W) are one of two channels
    assert pair.shape == (2, 2, 3)


def test_normalize() -> None:
    x = tg.tensor([[-1.0, 0.0], [1.0, 3.0], [2.0, 2.0]]).reshape(3, 1, 1, 2)
    before = x.clone()
    both = make_grid(x, normalize=True, padding=0)[0].flatten()
    np.testing.assert_allclose(both.numpy(), [0, 0.25, 0.5, 1, 0.75, 0.75])
    each = make_grid(x, normalize=True, scale_each=True, padding=0)[0].flatten()
    np.testing.assert_allclose(each.numpy(), [0, 1, 0, 1, 0, 0])  # the last has no width: 1e-5 stands for it
    ranged = make_grid(x, normalize=True, value_range=(0, 2), padding=0)[0].flatten()
    np.testing.assert_allclose(ranged.numpy(), [0, 0, 0.5, 1, 1, 1])
    assert x.equal(before)
    assert make_grid(x, normalize=True, pad_value=0.5)[0, 0, 0] == 0.5  # the padding is not scaled
    assert make_grid(x[:1], normalize=True)[0].tolist() == [[0, 1]]


@pytest.mark.parametrize("scale_each", [False, True])
def test_normalize_leaves_its_input_alone(scale_each: bool) -> None:
    for shape in ((2, 3, 2, 2), (1, 3, 2, 2), (3, 2, 2)):
        x = tg.rand(*shape)
        before = x.clone()
        make_grid(x, normalize=True, scale_each=scale_each)
        assert x.equal(before)


def test_a_grid_has_no_gradient() -> None:
    x = tg.rand(2, 3, 4, 4, requires_grad=True)
    assert not make_grid(x).requires_grad
    assert not make_grid([x[0], x[1]], normalize=True).requires_grad


@pytest.mark.parametrize(
    ("bad", "settings", "error", "match"),
    [
        (np.zeros((3, 4, 4)), {}, TypeError, "got ndarray: .*from_numpy"),
        ((tg.zeros(3, 4, 4),), {}, TypeError, "tensor or list of tensors expected, got tuple"),
        ([tg.zeros(3, 4, 4), 1], {}, TypeError, "a list containing int"),
        ([tg.zeros(3, 4, 4), tg.zeros(3, 4, 5)], {}, ValueError, r"same shape, got \(3, 4, 4\), \(3, 4, 5\)"),
        ([], {}, ValueError, "got none"),
        (tg.zeros(4), {}, ValueError, r"\(N, C, H, W\).*got shape \(4,\)"),
        (tg.zeros(0, 3, 4, 4), {}, ValueError, r"got shape \(0, 3, 4, 4\)"),
        (tg.zeros(1, 2, 3, 4, 4), {}, ValueError, r"got shape \(1, 2, 3, 4, 4\)"),
        (tg.zeros(2, 3, 4, 4), {"nrow": 0}, ValueError, "nrow must be an integer of at least 1, got 0"),
        (tg.zeros(2, 3, 4, 4), {"padding": -1}, ValueError, "padding must be an integer of at least 0"),
        (tg.zeros(2, 3, 4, 4), {"normalize": True, "value_range": [0, 1]}, TypeError, "has to be a tuple"),
        (tg.zeros(2, 3, 4, 4).long(), {"normalize": True}, TypeError, r"int64: call \.float"),
    ],
)
def test_bad_grids(bad: Any, settings: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make_grid(bad, **settings)


def read(file: Any) -> np.ndarray:
    from PIL import Image

    with Image.open(file) as image:
        return np.asarray(image)


def test_save_image(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="no Pillow")
    x = tg.tensor([[0.0, 0.5, 1.0], [-3.0, 7.0, float("nan")], [0.001, 0.002, 0.25]])
    wanted = np.array([[0, 128, 255], [0, 255, 0], [0, 1, 64]])
    save_image(x, tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png"), np.stack([wanted] * 3, -1))
    file = io.BytesIO()
    save_image(x[None, None], file, format="png")
    np.testing.assert_array_equal(read(file), np.stack([wanted] * 3, -1))
    save_image(x.expand(4, 1, 3, 3), str(tmp_path / "b.bmp"), nrow=2, padding=1, pad_value=1.0)
    grid = read(tmp_path / "b.bmp")
    assert grid.shape == (9, 9, 3)
    np.testing.assert_array_equal(grid[5:8, 1:4, 0], wanted)
    assert (grid[4] == 255).all()
    save_image(tg.tensor([-1.0, 1.0]).reshape(1, 2), tmp_path / "c.png", normalize=True, value_range=(-1, 1))
    assert read(tmp_path / "c.png")[..., 0].tolist() == [[0, 255]]


def test_a_picture_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL", reason="no Pillow")
    monkeypatch.chdir(tmp_path)
    x = tg.rand(2, 3, 4, 4)
    with pytest.raises(FileNotFoundError, match=r"no folder .*samples' to write 'a\.png' into; os.makedirs\('samples'"):
        save_image(x, "samples/a.png")
    with pytest.raises(ValueError, match="unknown file extension"):
        save_image(x, "a.picture")
    with pytest.raises(TypeError, match="divide by 255"):
        save_image((x * 255).to(tg.uint8), "a.png")
    with pytest.raises(ValueError, match="1 to 4 channels, got 5"):
        save_image(tg.rand(5, 4, 4), "a.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"tinygrad-cnn\[vision\]"):
        save_image(x, "a.png")
    assert list(tmp_path.iterdir()) == []
