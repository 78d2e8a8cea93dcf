"""Sheets to draw digits on: a template as a PNG, and a filled-in one cut into digits in MNIST's form."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.telling import warn_of
from ..io.atomic import replace_file
from .centering import center_digit
from .marks import Floats, check_pose, components, find_marks, homography, project
from .pictures import read_picture
from .warp import bilinear

ROWS = 10
LINE, MARK, TEXT = (205, 218, 232), (0, 0, 0), (95, 105, 115)  # the cells' borders are light, so that ink is not
_INSET = 0.03  # of a cell, along its border, belongs to the border: ink that reaches it is cut off
_INK = 0.35  # darkness from which on a pixel is certainly ink; the borders of the cells have 0.2
_FAINT = 0.15  # darkness below which it is paper: noise, or the traces of JPEG
_CELL = 20  # pixels that a cell of the picture must have each way


@dataclass(frozen=True)
class SheetLayout:
    """Where things are on a template of ``columns`` x 10 cells, ``cell`` pixels wide and high each."""

    columns: int = 25
    cell: int = 72

    def __post_init__(self) -> None:
        for name, low, high in (("columns", 1, 100), ("cell", 32, 400)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
                raise ValueError(f"a sheet's {name} must be an integer in {low}..{high}, got {value!r}")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole sheet."""
        return (self.columns + 3) * self.cell, (ROWS + 3) * self.cell + self.cell // 2

    @property
    def origin(self) -> tuple[int, int]:
        """Left and top edge of the first cell."""
        return self.cell * 3 // 2, 2 * self.cell

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom edge of a cell; row is the digit."""
        x, y = self.origin[0] + column * self.cell, self.origin[1] + row * self.cell
        return x, y, x + self.cell, y + self.cell

    def marks(self) -> Floats:
        """Centres (x, y) of the corner marks, half a cell outside the grid, clockwise from the top left: (4, 2)."""
        (x, y), c = self.origin, self.cell
        left, top, right, bottom = x - c / 2, y - c / 2, x + (self.columns + 0.5) * c, y + (ROWS + 0.5) * c
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def make_template(path: str | os.PathLike[str], *, columns: int = 25, cell: int = 72) -> SheetLayout:
    """Write a template as a PNG: ten rows of cells, one row a digit, to draw on in a paint program or on paper.

    ``columns`` cells in each row, of ``cell`` pixels each way. At the corners stand four black marks, a ring at the top
    left: `split_sheet` finds the grid by them. Returns where things are on the sheet. Needs Pillow.

    >>> make_template("template.png", columns=5).size  # doctest: +SKIP
    (576, 972)
    """
    layout = SheetLayout(columns, cell)
    pillow()
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("RGB", layout.size, "white")
    draw = ImageDraw.Draw(sheet)
    left, top, right, bottom = *layout.origin, *layout.box(ROWS - 1, columns - 1)[2:]
    line = max(cell // 48, 1)
    for x in range(left, right + 1, cell):
        draw.line([(x, top), (x, bottom)], LINE, line)
    for y in range(top, bottom + 1, cell):
        draw.line([(left, y), (right, y)], LINE, line)

    half = round(0.22 * cell)
    for i, (x, y) in enumerate(layout.marks().round().astype(int).tolist()):
        draw.rectangle((x - half, y - half, x + half, y + half), MARK)
        if i == 0:
            draw.rectangle((x - half // 2, y - half // 2, x + half // 2, y + half // 2), "white")

    try:
        font = ImageFont.load_default(0.5 * cell)
    except TypeError:
        raise ImportError("a template needs Pillow 10.1 or later: pip install --upgrade pillow") from None
    for digit in range(ROWS):
        height = top + (digit + 0.5) * cell
        for middle in (left - cell / 2, right + cell / 2):
            draw.text((middle, height), str(digit), TEXT, font, anchor="mm")
    words = ["The row says which digit.", "One in each cell, not touching its border, with a dark pen."]
    lines = [" ".join(words)] if columns >= 15 else words
    size = 0.34 * cell
    while max(draw.textlength(text, ImageFont.load_default(size)) for text in lines) > right - left + 2 * cell:
        size *= 0.9
    for i, text in enumerate(lines):
        height = 0.75 * cell + (i - (len(lines) - 1) / 2) * 1.4 * size
        draw.text(((left + right) / 2, height), text, TEXT, ImageFont.load_default(size), anchor="mm")
    content = io.BytesIO()
    sheet.save(content, "PNG", optimize=True)
    replace_file(path, content.getvalue())
    return layout


def split_sheet(
    path: str | os.PathLike[str], *, columns: int = 25, skip: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Cut a filled-in template into digits: images uint8 (N, 28, 28) as `center_digit` makes them, labels (N,) by row.

    The picture (PNG, JPEG, whatever Pillow reads) may be larger or smaller than the template, have other margins, be
    turned by up to 5 degrees, have noise or grey paper: the grid is found by the corner marks. A cell is refused if it
    is empty (or holds a dot), or if ink reaches its border. All such cells are named in one error; or, with
    ``skip=True``, in a warning, and the others are returned.

    Raises ValueError, with what is wrong and what to do, for a file that is no image, a sheet without its four marks,
    of the wrong size or number of columns, mirrored, rotated or misaligned, and for cells that cannot be used;
    FileNotFoundError for no file; ImportError without Pillow.
    """
    layout = SheetLayout(columns)
    darkness = _read_darkness(path)
    try:
        least = sorted((_CELL * (columns + 1), _CELL * (ROWS + 1)))
        if any(given < needed for given, needed in zip(sorted(darkness.shape), least, strict=True)):
            raise ValueError(f"wrong size: {_pixels(darkness)} are too few for {columns} columns: enlarge it")
        marks = find_marks(darkness)
        check_pose(marks, columns, ROWS)
        matrix = homography((layout.marks() - layout.origin) / layout.cell, marks)  # from cells to pixels
        size = float(np.linalg.norm(marks[1] - marks[0])) / (columns + 1)
        if size < _CELL:
            raise ValueError(f"wrong size: the cells have {size:.0f} pixels each way, and need {_CELL} at least")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None

    images, labels, troubles = [], [], []
    for row in range(ROWS):
        for column in range(columns):
            try:
                cell = _read_cell(darkness, matrix, row, column, pixels=int(np.clip(size, 32, 256)))
                images.append(center_digit(_clean(cell), ink="bright"))
                labels.append(row)
            except ValueError as error:
                troubles.append(f"digit {row}, column {column + 1} {error}")
    message = f"{path}: {len(troubles)} of {ROWS * columns} cells cannot be used: {_listed(troubles)}"
    if not images or (troubles and not skip):
        advice = "" if skip or not images else ". Mend them, or leave them out: skip=True (--skip)"
        raise ValueError("all cells are empty or cut off: " + message if not images else message + advice)
    if troubles:
        warn_of(message)
    return np.stack(images), np.array(labels)


def pillow() -> Any:
    """The module PIL.Image, or an error that says how to get it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("reading and writing pictures needs Pillow: pip install pillow") from error
    return Image


def _read_darkness(path: str | os.PathLike[str]) -> Floats:
    """A picture as darkness (H, W): 0 for its paper, 1 for black. Coloured ink counts by its darkest channel."""
    image_module = pillow()
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")
    colours = read_picture(image_module, path, "RGBA")
    paper = image_module.new("RGBA", colours.size, "white")
    paper.alpha_composite(colours)
    grey = np.asarray(paper)[..., :3].min(axis=2).astype(np.float64)  # (H, W)
    white = max(float(np.percentile(grey, 90)), 1.0)
    return np.clip(1 - grey / white, 0, 1)


def _read_cell(darkness: Floats, matrix: Floats, row: int, column: int, pixels: int) -> Floats:
    """The inside of one cell, straightened, its paper 0: an array (pixels, pixels). ValueError for ink at its edge."""
    place = _INSET + (np.arange(pixels) + 0.5) / pixels * (1 - 2 * _INSET)
    x, y = project(matrix, *np.meshgrid(column + place, row + place))
    cell: Floats = bilinear(darkness[None, None], y[None], x[None])[0, 0]
    paper = np.median(cell)  # in a photograph, every place has its own light
    noise = 1.4826 * np.median(np.abs(cell - paper))
    cell = np.where(cell - paper > 5 * noise, (cell - paper) / max(1 - paper, 0.1), 0)
    edges = {"top": cell[0], "right": cell[:, -1], "bottom": cell[-1], "left": cell[:, 0]}
    cut = [side for side, line in edges.items() if (line > _INK).any()]
    if cut:
        raise ValueError(f"is cut off: ink reaches its {' and '.join(cut)} border")
    return cell


def _clean(cell: Floats) -> Floats:
    """The ink of a cell, without paper and specks. Raises ValueError where there is none."""
    labels, count = components(cell > _FAINT)
    weight = np.bincount(labels.ravel(), weights=np.where(cell > _INK, cell, 0).ravel(), minlength=count + 1)
    weight[0] = 0
    kept = weight > 0.02 * weight.sum()
    ink = np.where(kept[labels], cell, 0)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise ValueError("is empty")
    if max(np.ptp(rows), np.ptp(columns)) + 1 < 0.15 * len(cell):
        raise ValueError("holds only a dot")
    return ink


def _pixels(darkness: Floats) -> str:
    return f"{darkness.shape[1]} x {darkness.shape[0]} pixels"


def _listed(troubles: list[str], most: int = 8) -> str:
    more = len(troubles) - most
    return "; ".join(troubles[:most]) + (f"; and {more} more" if more > 0 else "")
