"""Arguments and defaults of torchvision's datasets and grids, and both sides of their bounds."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.vision import datasets, utils
from tinygrad_cnn.vision.datasets.folder import default_loader, find_classes, is_image_file, make_dataset

USUAL = "root, train=True, transform=None, target_transform=None, download=False"
SIGNATURES = {
    **dict.fromkeys(("MNIST", "FashionMNIST", "KMNIST", "CIFAR10", "CIFAR100"), USUAL),
    "DatasetFolder": "root, loader, extensions=None, transform=None, target_transform=None, is_valid_file=None, "
    "allow_empty=False",
    "FakeData": "size=1000, image_size=(3, 224, 224), num_classes=10, transform=None, target_transform=None, "
    "random_offset=0",
    "VisionDataset": "root=None, transforms=None, transform=None, target_transform=None",
    "make_grid": "tensor, nrow=8, padding=2, normalize=False, value_range=None, scale_each=False, pad_value=0.0",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_and_defaults_are_torchvisions(name: str) -> None:
    parameters = inspect.signature(getattr(datasets, name, None) or getattr(utils, name)).parameters.values()
    assert (
        ", ".join(p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters) == SIGNATURES[name]
    )
    folder = inspect.signature(datasets.ImageFolder).parameters
    assert folder["loader"].default is default_loader
    assert folder["allow_empty"].default is False


@pytest.mark.parametrize(
    ("call", "taken", "refused", "error", "words"),
    [
        (lambda v: utils.make_grid(tg.zeros(2, 1, 2, 2), nrow=v), [1, 9, np.int64(2)], [0, -1, True, 1.5],
         ValueError, "nrow must be an integer of at least 1, got"),
        (lambda v: utils.make_grid(tg.zeros(2, 1, 2, 2), padding=v), [0, 3, np.int64(2)], [-1, True, 1.5],
         ValueError, "padding must be an integer of at least 0, got"),
        (lambda v: utils.make_grid(tg.zeros(*v)), [(2, 2), (3, 2, 2), (1, 3, 2, 2)], [(2,), (1,) * 5, (0, 3, 2, 2)],
         ValueError, "expected images"),
        (lambda v: datasets.FakeData(3)[v], [0, 2], [3, -1], IndexError, "FakeData index out of range: -?[13] of 3"),
        (lambda v: datasets.FakeData(image_size=v), [(1, 2, 2), (3, 2, 2), (4, 2, 2)], [(2, 2, 2), (5, 2, 2), (3, 2)],
         ValueError, "with 1, 3 or 4 channels, got"),
    ],
)  # fmt: skip
def test_both_sides_of_a_bound(call: Any, taken: Any, refused: Any, error: type[Exception], words: str) -> None:
    for value in taken:
        call(value)
    for value in refused:
        with pytest.raises(error, match=words):
            call(value)


@pytest.mark.parametrize(("channels", "mode"), [(1, "RGB"), (3, "RGB"), (4, "RGBA"), (2, "LA"), (5, None)])
def test_pictures_of_one_to_four_channels_are_written(channels: int, mode: str | None, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    x = tg.from_numpy(np.random.default_rng(0).random((channels, 3, 2), np.float32))
    if mode is None:
        with pytest.raises(ValueError, match="images of 1 to 4 channels, got 5"):
            utils.save_image(x, tmp_path / "a.png")
        return
    utils.save_image(x, tmp_path / "a.png")
    found = image.open(tmp_path / "a.png")
    assert (found.mode, found.size) == (mode, (2, 3))
    levels = np.floor(x.numpy() * 255 + 0.5).transpose(1, 2, 0)
    np.testing.assert_array_equal(np.asarray(found), levels.repeat(3, 2) if channels == 1 else levels)


def test_levels_of_a_written_picture_are_rounded_and_kept_in_range(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    values = [0.0, 0.499 / 255, 0.501 / 255, 254.4 / 255, 254.6 / 255, 1.0, 1.5, -0.5, float("nan"), float("inf")]
    utils.save_image(tg.tensor(values).reshape(1, 1, -1), tmp_path / "a.png")
    assert np.asarray(image.open(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255, 255, 0, 0, 255]


def test_files_of_classes(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/x/1.PNG", "a/0.jpeg", "a/note.txt", "b/1.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "file").touch()
    assert find_classes(tmp_path) == (["a", "b"], {"a": 0, "b": 1})

    def found(**how: Any) -> list[tuple[str, int]]:
        return [(str(Path(path).relative_to(tmp_path)), label) for path, label in make_dataset(tmp_path, **how)]

    pictures = [("a/0.jpeg", 0), ("a/x/1.PNG", 0), ("b/2.png", 1)]
    assert found(is_valid_file=is_image_file) == pictures
    assert found(extensions=(".png", ".jpeg")) == pictures
    assert found(extensions=".txt", allow_empty=True) == [("a/note.txt", 0)]
    assert found(class_to_idx={"b": 7}, extensions=".npy") == [("b/1.npy", 7)]
    with pytest.raises(FileNotFoundError, match=r"for the classes b in .*\. Supported extensions are: \.txt, \.doc"):
        make_dataset(tmp_path, extensions=(".txt", ".doc"))
    with pytest.raises(FileNotFoundError, match=r"for the classes a, b in .*\.$"):
        make_dataset(tmp_path, is_valid_file=lambda _: False)
    for how in ({}, {"extensions": ".png", "is_valid_file": is_image_file}):
        with pytest.raises(ValueError, match="cannot be None or not None at the same time"):
            make_dataset(tmp_path, **how)
    with pytest.raises(ValueError, match="must have at least one entry"):
        make_dataset(tmp_path, {}, ".png")
    for ending in ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp", "JPG"]:
        assert is_image_file(f"a.{ending}")
    for name in ("a.txt", "png", "a.png.txt", "a.gif"):
        assert not is_image_file(name)
