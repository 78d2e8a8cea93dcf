"""What the datasets share: transforms, the text they print, fake data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.vision.datasets import FakeData, VisionDataset
from tinygrad_cnn.vision.datasets.vision import StandardTransform


class Numbers(VisionDataset):
    def __getitem__(self, index: int) -> tuple[int, int]:
        image, target = index, -index
        return self.transforms(image, target) if self.transforms is not None else (image, target)

    def __len__(self) -> int:
        return 3


class Plus:
    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, x: int) -> int:
        return x + self.n

    def __repr__(self) -> str:
        return f"Plus(\n    {self.n}\n)"


def test_transforms_of_both_of_one_and_of_none() -> None:
    assert Numbers()[2] == (2, -2)
    assert Numbers("root", transforms=lambda x, y: (y, x))[2] == (-2, 2)
    assert Numbers(transform=Plus(1))[2] == (3, -2)
    assert Numbers(target_transform=Plus(1))[2] == (2, -1)
    both = Numbers(None, None, Plus(1), Plus(2))
    assert both[2] == (3, 0)
    assert isinstance(both.transforms, StandardTransform)


def test_the_text() -> None:
    assert repr(Numbers()) == "Dataset Numbers\n    Number of datapoints: 3"
    assert repr(Numbers("here", transform=Plus(1), target_transform=Plus(2))) == (
        "Dataset Numbers\n"
        "    Number of datapoints: 3\n"
        "    Root location: here\n"
        "    StandardTransform\n"
        "Transform: Plus(\n"
        "               1\n"
        "           )\n"
        "Target transform: Plus(\n"
        "                      2\n"
        "                  )"
    )


def test_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert Numbers("~/data").root == "/home/me/data"


def test_bad_transforms() -> None:
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform"):
        Numbers(transforms=lambda x, y: (x, y), transform=Plus(1))
    with pytest.raises(TypeError, match="Numbers: a transform must be callable, got int"):
        Numbers(transform=3)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="__len__"):
        len(VisionDataset())
    with pytest.raises(NotImplementedError, match="__getitem__"):
        VisionDataset()[0]


def test_fake_data() -> None:
    pytest.importorskip("PIL", reason="no Pillow")
    data = FakeData(5, (3, 6, 4), num_classes=3)
    assert repr(data) == "Dataset FakeData\n    Number of datapoints: 5"
    state = tg.default_generator().get_state()
    first, label = data[0]
    assert tg.default_generator().get_state() == state
    assert (first.mode, first.size, type(label)) == ("RGB", (4, 6), int)
    again = FakeData(5, (3, 6, 4), num_classes=3)
    assert all(np.array_equal(a, b) and m == n for (a, m), (b, n) in zip(data, again, strict=True))
    assert len({np.asarray(image).tobytes() for image, _ in data}) == 5
    assert {label for _, label in FakeData(40, (1, 2, 2), num_classes=3)} == {0, 1, 2}
    shifted = FakeData(5, (3, 6, 4), num_classes=3, random_offset=1)
    assert np.array_equal(shifted[0][0], data[1][0])
    assert FakeData(1, (1, 2, 2))[0][0].mode == "L"
    assert FakeData(1, (4, 2, 2))[0][0].mode == "RGBA"
    pair: Any = FakeData(2, (1, 2, 3), transform=np.asarray, target_transform=str)[1]
    assert pair[0].shape == (2, 3)
    assert pair[1] in {str(i) for i in range(10)}
    for index in (5, -1):
        with pytest.raises(IndexError, match="out of range"):
            data[index]
    with pytest.raises(ValueError, match=r"image_size must be \(C, H, W\)"):
        FakeData(image_size=(28, 28))  # type: ignore[arg-type]
