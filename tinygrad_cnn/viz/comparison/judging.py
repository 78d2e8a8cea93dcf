"""Who is right where: two classifiers on the same images."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...nn.module import Module
from ...tensors import Tensor
from .. import probing, tiles

Array = NDArray[Any]


@dataclass
class Judgement:
    """What both models said about N samples, and the images about which only one was right, or both wrong apart."""

    targets: Array  # (N,)
    scores: tuple[Array, Array]  # (N, C) each
    images: dict[int, Array]  # by place: (C, H, W) or (H, W)

    @property
    def right(self) -> tuple[Array, Array]:
        """(N,) each."""
        said = [s.argmax(axis=1) for s in self.scores]
        return said[0] == self.targets, said[1] == self.targets

    def by_class(self) -> list[list[int]]:
        """For each class: samples, both right, A alone right, B alone right, both wrong."""
        a, b = self.right
        groups = [np.ones_like(a), a & b, a & ~b, ~a & b, ~a & ~b]
        classes = self.scores[0].shape[1]
        return [[int((group & (self.targets == c)).sum()) for group in groups] for c in range(classes)]


def judge(models: tuple[Module, Module], data: Any, batch_size: int | None, name: str) -> Judgement | None:
    """Both models on all of the data; None where there are no classes to be right about."""
    targets: list[Array] = []
    scores: tuple[list[Array], list[Array]] = ([], [])
    images: dict[int, Array] = {}
    seen = 0
    for inputs, expected in probing.inputs_of(data, batch_size, name):
        classes = None if expected is None else probing.as_array(expected)
        if classes is None or classes.dtype.kind not in "iu" or classes.ndim != 1:
            return None
        said = []
        for model, kept in zip(models, scores, strict=True):
            with probing.at_rest(model):
                y = model(*(Tensor(probing.as_array(x).copy()) for x in inputs))
            if not isinstance(y, Tensor) or y.ndim != 2 or len(y) != len(classes):
                return None
            kept.append(y._array)
            said.append(y._array.argmax(axis=1))
        pixels = probing.as_array(inputs[0])
        if len(inputs) == 1 and (pixels.ndim == 3 or (pixels.ndim == 4 and pixels.shape[1] in (1, 3))):
            images.update({seen + int(i): pixels[i].copy() for i in np.flatnonzero(said[0] != said[1])})
        targets.append(classes)
        seen += len(classes)
    if not seen:
        raise ValueError(f"{name}: the data gave no batches")
    both = tuple(np.concatenate(column) for column in scores)
    widths = [s.shape[1] for s in both]
    if widths[0] != widths[1]:
        raise ValueError(f"{name}: one model tells {widths[0]} classes apart, the other {widths[1]}")
    every = np.concatenate(targets)
    if every.min() < 0 or every.max() >= widths[0]:
        raise ValueError(f"{name}: targets must lie in 0..{widths[0] - 1}, got {every.min()}..{every.max()}")
    return Judgement(every, (both[0], both[1]), images)


def chance(a_alone: int, b_alone: int) -> float:
    """The probability of so uneven a split, or a more uneven one, were both models equally good: the exact test of
    McNemar (1947).

    >>> chance(5, 5), chance(0, 4)
    (1.0, 0.125)
    """
    n, fewer = a_alone + b_alone, min(a_alone, b_alone)
    if n > 1000:  # the normal law, with a half for continuity
        return math.erfc(max(0.0, abs(a_alone - b_alone) - 1) / math.sqrt(2 * n))
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)


KINDS = ("a", "b", "neither")  # who is right, where the two disagree


def disagreements(judged: Judgement, count: int, name: str) -> list[dict[str, Any]]:
    """The images where the two disagree, those first that are furthest apart about the true class; ``count`` of a kind.

    Each with ``kind`` (see KINDS), its class, what each said and how surely, and the picture as a data URI.
    """
    if not judged.images:
        return []
    p = [probing.probabilities(s) for s in judged.scores]  # (N, C) each
    right = judged.right
    kinds: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for i in judged.images:
        kinds["a" if right[0][i] else "b" if right[1][i] else "neither"].append(i)
    found = []
    for kind, places in kinds.items():
        true = {i: judged.targets[i] for i in places}
        places.sort(key=lambda i, true=true: -abs(p[0][i, true[i]] - p[1][i, true[i]]))  # type: ignore[misc]
        for i in places[:count]:
            said = [int(one[i].argmax()) for one in p]
            sure = [float(one[i, k]) for one, k in zip(p, said, strict=True)]
            src = png(tiles.as_pictures(judged.images[i][None], name)[0])
            shown = {"kind": kind, "place": i, "true": int(judged.targets[i]), "said": said, "sure": sure, "src": src}
            found.append(shown)
    return found


def png(image: Array) -> str:
    """An image (H, W) or (H, W, 3) in [0, 1] as a data URI (Portable Network Graphics, W3C, 2003)."""
    pixels = np.round(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + pixels[0].size), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()
