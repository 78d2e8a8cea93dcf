"""Images that mean nothing, to try a program on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.rng import Generator
from ..imaging import picture
from .vision import Transform, VisionDataset


class FakeData(VisionDataset):
    """Pictures of random pixels with random labels, the same at every look.

    Args:
        size: how many.
        image_size: (C, H, W), with 1, 3 or 4 channels.
        num_classes: labels lie in 0..num_classes - 1.
        transform, target_transform: take the picture, and the label.
        random_offset: another number gives other images. (They are not PyTorch's, whose generator is another.)
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        if len(image_size) != 3 or image_size[0] not in (1, 3, 4):
            raise ValueError(f"FakeData: image_size must be (C, H, W) with 1, 3 or 4 channels, got {image_size}")
        self.size, self.image_size, self.num_classes = size, image_size, num_classes
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"FakeData index out of range: {index} of {len(self)}")
        draw = Generator(int(index) + self.random_offset).numpy
        C, H, W = self.image_size
        pixels = draw.integers(256, size=(H, W, C) if C > 1 else (H, W), dtype=np.uint8)
        return self._transformed(picture(pixels), int(draw.integers(self.num_classes)))

    def __len__(self) -> int:
        return self.size
