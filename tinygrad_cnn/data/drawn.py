"""Sets of hand-drawn digits as CSV files: a header line, then one line for each image: id, label, 784 pixels.

The id is the author's name and a number, ``anna-0007``, so that files of several people go together. The pixels are
0..255, row by row, in MNIST's form (`center_digit`).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..io.atomic import replace_file
from ..io.opening import open_file
from .mnist import MNIST, ImageDataset

_MAX_LINE = 8192  # bytes: a name, and 785 numbers of up to three digits
HEADER = ",".join(["id", "label", *(f"p{i}" for i in range(784))])


class DrawnDigits(ImageDataset):
    """Hand-drawn digits: an `ImageDataset` with ``ids``, one a digit, and ``authors``, the names in them."""

    def __init__(self, data: NDArray[np.uint8], targets: NDArray[np.integer[Any]], ids: list[str], source: str) -> None:
        super().__init__(data, targets, MNIST.labels, source)
        self.ids = ids
        self.authors = [name.rpartition("-")[0] for name in ids]


def save_drawn_csv(
    path: str | os.PathLike[str], images: ArrayLike, labels: ArrayLike, *, author: str, append: bool = False
) -> list[str]:
    """Write digits to a CSV file, and return their ids: ``author-0000``, ``author-0001`` and so on.

    ``images`` is uint8 (N, 28, 28), ``labels`` N digits; one image and its label will do, too. An existing file is
    replaced whole, or with ``append=True`` read, checked and added to, the numbers going on behind the author's last
    one. Raises ValueError for images or labels of another form, or an author's name that is not made of letters,
    digits, dots and underscores; nothing is written then.
    """
    if not re.fullmatch(r"[\w.]{1,64}", author):
        raise ValueError(f"an author's name is 1..64 letters, digits, dots and underscores, got {author!r}")
    pixels, digits = np.asarray(images), np.asarray(labels)
    if pixels.ndim == 2:
        pixels, digits = pixels[None], digits.reshape(-1)
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (28, 28):
        raise ValueError(f"images must be uint8 of shape (N, 28, 28), got {pixels.dtype} of shape {pixels.shape}")
    digits = ImageDataset(pixels, digits, MNIST.labels, "").targets  # checks them
    old = load_drawn_csv(path) if append and Path(path).exists() else None
    numbers = [int(i.rpartition("-")[2]) for i in old.ids if i.rpartition("-")[0] == author] if old else []
    first = 1 + max(numbers, default=-1)
    ids = [f"{author}-{first + i:04d}" for i in range(len(pixels))]
    lines = [HEADER, *(line for _, line in _lines(path))] if old else [HEADER]
    for name, digit, image in zip(ids, digits.tolist(), pixels.reshape(-1, 784).tolist(), strict=True):
        lines.append(f"{name},{digit},{','.join(map(str, image))}")
    replace_file(path, ("\n".join(lines) + "\n").encode())
    return ids


def load_drawn_csv(*paths: str | os.PathLike[str]) -> DrawnDigits:
    """The digits of one or more CSV files that `save_drawn_csv` wrote, all in one set.

    Raises ValueError, naming the file and line, for anything that is not such a file, or one that ends in mid-row, and
    for an id that comes twice: the same digit in the training and in the test part would make a score worthless.
    """
    if not paths:
        raise ValueError("load_drawn_csv needs the name of at least one file")
    seen: dict[str, str] = {}
    labels, pixels = [], []
    for path in paths:
        for number, line in _lines(path):
            place = f"{path}, line {number}"
            name, label, image = _parse(line, place)
            if name in seen:
                raise ValueError(
                    f"{place}: the id {name!r} was there before, in {seen[name]}. If these are two people, give one of "
                    "them another author's name; if it is the same file twice, leave one out"
                )
            seen[name] = place
            labels.append(label)
            pixels.append(image)
    data = np.array(pixels, dtype=np.uint8).reshape(-1, 28, 28)  # (N, 28, 28)
    source = ", ".join(str(path) for path in paths)
    return DrawnDigits(data, np.array(labels, dtype=np.int64), list(seen), source)


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """The lines of a file behind its header, with their numbers; one at a time, however long the file is."""
    with open_file(path, "load_drawn_csv") as file:
        for number in itertools.count(1):
            line = file.readline(_MAX_LINE)
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise ValueError(f"{path}: this is not a text file") from None
            if number == 1:
                if text.strip() != HEADER:
                    raise ValueError(
                        f"{path}: the first line must be id,label,p0,...,p783: this is no set of drawn digits"
                    )
            elif not line:
                return
            elif not text.endswith("\n"):  # a number may be cut off, and still be one
                raise ValueError(
                    f"{path}, line {number}: the row does not end: the file ends in mid-row, or this is no row. Each "
                    "row, the last one too, has 786 values and a line break"
                )
            else:
                yield number, text.rstrip("\r\n")


def _parse(line: str, place: str) -> tuple[str, int, NDArray[np.uint8]]:
    name, *values = line.split(",")
    if not re.fullmatch(r"[\w.]+-\d+", name):
        raise ValueError(f"{place}: an id is an author's name, '-' and a number, got {name[:40]!r}")
    if len(values) != 785:
        raise ValueError(f"{place}: expected an id, a label and 784 pixels, 786 values, got {len(values) + 1}")
    if not all(value.isascii() and value.isdigit() and len(value) < 4 for value in values):
        raise ValueError(f"{place}: label and pixels must be whole numbers of up to 3 digits")
    label, *image = map(int, values)
    if label > 9 or max(image) > 255:
        raise ValueError(f"{place}: the label must lie in 0..9 and the pixels in 0..255")
    return name, label, np.array(image, np.uint8)
