"""ImageFolder and DatasetFolder, on small pictures made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinygrad_cnn.vision.datasets import DatasetFolder, ImageFolder
from tinygrad_cnn.vision.datasets.folder import default_loader, has_file_allowed_extension, is_image_file, make_dataset

Image = pytest.importorskip("PIL.Image", reason="no Pillow")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """dog/1.png (red), dog/more/0.PNG (green), cat/10.jpg, cat/9.bmp (grey), cat/notes.txt; stray.png in the root."""
    for name, color in (
        ("dog/1.png", (255, 0, 0)), ("dog/more/0.PNG", (0, 255, 0)), ("cat/10.jpg", (9, 9, 9)), ("stray.png", 7),
        ("cat/9.bmp", 200),
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L" if isinstance(color, int) else "RGB", (4, 3), color).save(path)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    return tmp_path


def test_image_folder(root: Path) -> None:
    data = ImageFolder(root)
    assert data.classes == ["cat", "dog"]
    assert data.class_to_idx == {"cat": 0, "dog": 1}
    names = ["cat/10.jpg", "cat/9.bmp", "dog/1.png", "dog/more/0.PNG"]
    assert data.samples == [(str(root / name), int(name[0] == "d")) for name in names]
    assert data.imgs is data.samples
    assert data.targets == [0, 0, 1, 1]
    assert len(data) == 4
    image, label = data[1]
    assert (image.mode, image.size, label) == ("RGB", (4, 3), 0)
    assert np.asarray(image).max() == np.asarray(image).min() == 200
    assert np.asarray(data[-1][0])[0, 0].tolist() == [0, 255, 0]
    assert [label for _, label in data] == data.targets
    assert repr(data) == f"Dataset ImageFolder\n    Number of datapoints: 4\n    Root location: {root}"
    text = ImageFolder(str(root), np.asarray, lambda label: label + 10)
    assert text[3][0].shape == (3, 4, 3)
    assert text[3][1] == 11


def test_other_loaders_and_files(root: Path) -> None:
    assert ImageFolder(root, loader=lambda path: Path(path).name)[0][0] == "10.jpg"
    chosen = ImageFolder(root, is_valid_file=lambda path: path.endswith(("1.png", ".txt")))
    assert [Path(path).name for path, _ in chosen.samples] == ["notes.txt", "1.png"]
    texts = DatasetFolder(root, lambda path: Path(path).read_text(), (".txt",), allow_empty=True)
    assert texts[0] == ("no picture", 0)
    assert texts.classes == ["cat", "dog"]
    assert make_dataset(root, {"dog": 5}, ".png") == [(s, 5) for s, label in ImageFolder(root).samples if label]
    assert len(make_dataset(root, extensions=".png", allow_empty=True)) == 2


def test_a_subclass_finds_its_own_classes(root: Path) -> None:
    class Dogs(ImageFolder):
        def find_classes(self, directory: object) -> tuple[list[str], dict[str, int]]:
            assert directory == root
            return ["dog"], {"dog": 0}

    assert Dogs(root).targets == [0, 0]


def test_links_to_folders_are_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (root / "dog" / "1.png").rename(elsewhere / "1.png")
    (root / "dog" / "linked").symlink_to(elsewhere)
    assert len(ImageFolder(root)) == 4


def test_names_of_pictures() -> None:
    assert is_image_file("a/B.JPEG")
    assert not is_image_file("png")
    assert has_file_allowed_extension("x.tar.GZ", (".zip", ".gz"))


def test_failures(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder '.*nowhere'"):
        ImageFolder(root / "nowhere")
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        ImageFolder(root / "dog" / "more")
    (root / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no valid file for the classes empty in .*extensions are: \.jpg, \."):
        ImageFolder(root)
    assert len(ImageFolder(root, allow_empty=True)) == 4
    for both in ({}, {"extensions": ".png", "is_valid_file": is_image_file}):
        with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
            make_dataset(root, **both)
    with pytest.raises(ValueError, match="at least one entry"):
        make_dataset(root, {}, ".png")
    with pytest.raises(OSError, match="cannot identify image file"):
        default_loader(str(root / "cat" / "notes.txt"))
