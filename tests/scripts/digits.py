"""Small stand-ins for MNIST and FashionMNIST: digits of 3 x 5 dots, somewhere in the picture, in noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_cnn import data as readers

SIZES = (480, 64)
ROWS = [  # each digit's five rows of three dots, as numbers in octal
    "75557", "26227", "71747", "71717", "55711", "74717", "74757", "71244", "75757", "75717",
]  # fmt: skip


def glyph(digit: int) -> np.ndarray:
    """A digit (20, 12), of 0 and 1."""
    bits = np.array([[int(row) >> k & 1 for k in (2, 1, 0)] for row in ROWS[digit]])
    return bits.repeat(4, 0).repeat(4, 1)


def make(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n pictures, uint8 (n, 28, 28), and their labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, n, dtype=np.uint8)
    images = random.integers(0, 40, (n, 28, 28), dtype=np.uint8)
    for image, label, y, x in zip(images, labels, random.integers(3, 6, n), random.integers(6, 11, n), strict=True):
        image[y : y + 20, x : x + 12] += (glyph(int(label)) * random.integers(150, 215)).astype(np.uint8)
    return images, labels


def write(root: Path) -> None:
    """The files of both datasets, in the folders where torchvision has them."""
    for seed, name in enumerate(("MNIST", "FashionMNIST")):
        folder = root / name / "raw"
        folder.mkdir(parents=True)
        for part, n in zip(("train", "t10k"), SIZES, strict=True):
            images, labels = make(n, 2 * seed + (part == "t10k"))
            readers.write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
            readers.write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)


def accept() -> None:
    """The readers take them for the published files."""
    for reader in (readers.MNIST, readers.FashionMNIST):
        reader.sha256, reader.packed_md5, reader.sizes = {}, {}, SIZES


def write_striped(root: Path) -> None:
    """Two classes of small pictures in folders, lying and standing stripes, to train on and to validate."""
    from PIL import Image

    random = np.random.default_rng(0)
    for part, n in (("train", 12), ("val", 6)):
        for name in ("lying", "standing"):
            folder = root / part / name
            folder.mkdir(parents=True)
            for i in range(n):
                image = random.integers(0, 80, (60, 72, 3), dtype=np.uint8)
                (image if name == "lying" else image.swapaxes(0, 1))[::6] += 120
                Image.fromarray(image).save(folder / f"{i}.png")
