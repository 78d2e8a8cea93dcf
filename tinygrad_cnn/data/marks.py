"""Finding the four corner marks of a sheet in a picture of it, and the map from the sheet onto the picture."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CORNERS = ("top left", "top right", "bottom right", "bottom left")
_COARSE = 900  # pixels of the longer side of the picture in which marks are looked for
_TURN = math.radians(5)  # a sheet turned further is sent back


class Blob(NamedTuple):
    """A connected dark region: bounding box (ends excluded) and number of pixels."""

    top: int
    left: int
    bottom: int
    right: int
    area: int

    def is_mark(self, height: int, width: int) -> bool:
        """Whether it may be a corner mark: a filled square or a square ring, whole in the picture."""
        h, w = self.bottom - self.top, self.right - self.left
        inside = self.top > 0 and self.left > 0 and self.bottom < height and self.right < width
        return inside and min(h, w) >= 6 and 0.75 < h / w < 1.33 and self.area > 0.55 * h * w


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """Connected regions (of eight neighbours) of a 2-D mask: an array with 0 outside and 1.. inside, and their number.

    Rows are cut into runs, and runs that touch one of the row above are joined (union-find).
    """
    step = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(step == 1)
    ends = np.nonzero(step == -1)[1]  # excluded
    width = mask.shape[1] + 2
    above = (rows - 1) * width
    first = np.searchsorted(rows * width + ends, above + starts)
    last = np.searchsorted(rows * width + starts, above + ends, side="right")
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for run in np.flatnonzero(last > first).tolist():
        for other in range(first[run], last[run]):
            parent[root(run)] = root(other)
    names, numbers = np.unique([root(i) for i in range(len(rows))], return_inverse=True)
    labels = np.zeros(mask.shape, dtype=np.intp)
    labels[mask] = np.repeat(numbers + 1, ends - starts)
    return labels, len(names)


def find_marks(darkness: Floats) -> Floats:
    """Centres (x, y) of the corner marks, clockwise from the ring, which belongs to the top left: an array (4, 2).

    ``darkness`` is the picture, 0 for paper and 1 for black. Raises ValueError where the four are not to be found.
    """
    times = max(math.ceil(max(darkness.shape) / _COARSE), 1)
    h, w = (n // times for n in darkness.shape)
    coarse = darkness[: h * times, : w * times].reshape(h, times, w, times).mean(axis=(1, 3))
    marks = [blob for blob in _blobs(coarse > 0.5) if blob.is_mark(h, w)]
    hint = "is this a filled-in template, with its four black squares at the corners whole and unchanged?"
    if len(marks) < 4:
        raise ValueError(f"{len(marks)} of the 4 corner marks found: {hint}")

    middles = np.array([((b.left + b.right) / 2, (b.top + b.bottom) / 2) for b in marks])
    corners = np.array([(0, 0), (w, 0), (w, h), (0, h)], dtype=float)
    nearest = np.linalg.norm(middles - corners[:, None], axis=2).argmin(axis=1)
    sizes = np.array([max(marks[i].bottom - marks[i].top, marks[i].right - marks[i].left) for i in nearest])
    if len(set(nearest.tolist())) < 4 or sizes.max() > 1.5 * sizes.min():
        raise ValueError(f"the 4 corner marks were not found: {hint}")
    found = [_refine(darkness, marks[i], times) for i in nearest]
    rings = [i for i, (_, hollow) in enumerate(found) if hollow]
    if len(rings) != 1:
        raise ValueError(f"{len(rings)} of its corner marks are rings, where one should be: {hint}")
    return np.roll(np.array([center for center, _ in found]), -rings[0], axis=0)


def _blobs(mask: NDArray[np.bool_]) -> list[Blob]:
    labels, count = components(mask)
    y, x = np.nonzero(mask)
    which = labels[mask] - 1
    low, high = np.full((2, count), max(mask.shape)), np.zeros((2, count), dtype=np.intp)
    for axis, position in enumerate((y, x)):
        np.minimum.at(low[axis], which, position)
        np.maximum.at(high[axis], which, position + 1)
    return [Blob(*map(int, numbers)) for numbers in zip(*low, *high, np.bincount(which, minlength=count), strict=True)]


def _refine(darkness: Floats, mark: Blob, times: int) -> tuple[Floats, bool]:
    """Centre (x, y) of a mark, to a fraction of a pixel, and whether it is a ring."""
    top, left = (max((edge - 1) * times, 0) for edge in (mark.top, mark.left))
    patch = darkness[top : (mark.bottom + 1) * times, left : (mark.right + 1) * times]
    weight = np.where(patch > 0.4, patch, 0)
    y, x = np.arange(patch.shape[0]), np.arange(patch.shape[1])
    center = np.array([(weight.sum(0) * x).sum(), (weight.sum(1) * y).sum()]) / weight.sum()
    reach = max((mark.bottom - mark.top) * times // 8, 1)
    cx, cy = np.rint(center).astype(int)
    hole = patch[cy - reach : cy + reach + 1, cx - reach : cx + reach + 1]
    return center + np.array([left, top]), bool(hole.mean() < 0.5)


def check_pose(marks: Floats, columns: int, rows: int) -> None:
    """Refuse marks (as `find_marks` gives them) that do not lie like those of an upright grid of columns x rows cells.

    The marks' centres are one cell further apart than the grid is wide and high. Raises ValueError.
    """
    (ax, ay), (bx, by) = marks[1] - marks[0], marks[3] - marks[0]  # along the top edge, and down the left one
    wide, high = (
        np.linalg.norm(marks[[1, 2]] - marks[[0, 3]], axis=1),
        np.linalg.norm(marks[[3, 2]] - marks[[0, 1]], axis=1),
    )
    seen, expected = float(wide.mean() / high.mean()), (columns + 1) / (rows + 1)
    angle = math.atan2(ay, ax)
    quarter = round(angle / (math.pi / 2)) % 4
    if quarter % 2 and abs(math.log(seen * expected)) < 0.05 < abs(math.log(expected)):
        raise ValueError("the sheet is mirrored: flip it back, the ring-shaped mark to the top left")
    if quarter:
        turned = {1: "90 degrees clockwise", 2: "180 degrees", 3: "90 degrees counter-clockwise"}[quarter]
        raise ValueError(f"the sheet is rotated by {turned}: turn it back, the ring-shaped mark to the top left")
    if abs(angle) > _TURN:
        way = "clockwise" if angle > 0 else "counter-clockwise"
        raise ValueError(f"the sheet is misaligned: turned {abs(math.degrees(angle)):.0f} degrees {way}. Straighten it")
    uneven = max(np.ptp(wide) / wide.mean(), np.ptp(high) / high.mean())
    slant = abs((ax * bx + ay * by) / (np.hypot(ax, ay) * np.hypot(bx, by)))
    if uneven > 0.05 or slant > 0.05:
        raise ValueError(
            "the sheet is misaligned: its corner marks form no rectangle. Take the picture straight from above"
        )
    if abs(seen - expected) > 0.02 * expected:
        raise ValueError(
            f"wrong size: the marks stand as for {seen * (rows + 1) - 1:.1f} columns of square cells, not {columns}. "
            "If the template had another number of columns, say so; otherwise the picture was stretched or cropped"
        )


def homography(source: Any, target: Any) -> Floats:
    """The projective map (3, 3) that takes four points onto four others, each an array (4, 2)."""
    equations, values = [], []
    for (x, y), (u, v) in zip(np.asarray(source, float), np.asarray(target, float), strict=True):
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(equations, values), 1.0).reshape(3, 3)


def project(matrix: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Where a projective map takes points."""
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return u / w, v / w
