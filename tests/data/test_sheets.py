"""Templates and filled-in sheets: what is drawn comes back, through scaling, turning, noise; what is wrong is told."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tinygrad_cnn as tg
from tinygrad_cnn.data import SheetLayout, center_digit, make_template, split_sheet
from tinygrad_cnn.data.marks import components, find_marks
from tinygrad_cnn.data.sheets import _clean, _listed, _read_cell

Image = pytest.importorskip("PIL.Image", reason="sheets need Pillow")
COLUMNS = 6
PEN = 6


def strokes(row: int, column: int) -> list[tuple[float, float]]:
    """A zigzag of its own for each cell, as fractions of the cell."""
    rng = np.random.default_rng([row, column])
    y = np.linspace(0.2, 0.8, 4)
    x = rng.uniform(0.2, 0.8, 4)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def draw(sheet: Any, layout: SheetLayout, without: tuple[tuple[int, int], ...] = ()) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(sheet)
    for row in range(10):
        for column in range(layout.columns):
            if (row, column) not in without:
                left, top, _, _ = layout.box(row, column)
                path = [(left + x * layout.cell, top + y * layout.cell) for x, y in strokes(row, column)]
                pen.line(path, (20, 40, 120), PEN, joint="curve")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("template") / "template.png"
    make_template(path, columns=COLUMNS)
    return Image.open(path).convert("RGB")


@pytest.fixture(scope="module")
def filled(empty: Any) -> Any:
    sheet = empty.copy()
    draw(sheet, SheetLayout(COLUMNS))
    return sheet


@pytest.fixture(scope="module")
def drawn(filled: Any) -> NDArray[np.uint8]:
    """What each cell holds, read from the places where it was drawn."""
    layout, grey = SheetLayout(COLUMNS), np.asarray(filled)[..., 0]
    boxes = [layout.box(row, column) for row in range(10) for column in range(COLUMNS)]
    return np.stack(
        [center_digit(grey[top + 3 : bottom - 3, left + 3 : right - 3]) for left, top, right, bottom in boxes]
    )


def split(sheet: Any, folder: Path, name: str = "sheet.png", **options: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    sheet.save(folder / name, **options)
    return split_sheet(folder / name, columns=COLUMNS)


def likeness(images: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Correlation of each image with its other, which may lie a pixel beside: half a pixel may round either way."""
    moved = [np.roll(others, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return np.array(
        [max(np.corrcoef(a.ravel(), b.ravel())[0, 1] for b in bs) for a, *bs in zip(images, *moved, strict=True)]
    )


def test_what_was_drawn_comes_back_labelled_by_row(filled: Any, drawn: NDArray[Any], tmp_path: Path) -> None:
    images, labels = split(filled, tmp_path)
    assert images.shape == (10 * COLUMNS, 28, 28)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(labels, np.repeat(np.arange(10), COLUMNS))
    close = likeness(images, drawn)
    assert close.mean() > 0.98
    assert close.min() > 0.9
    assert likeness(images, np.roll(drawn, 1, axis=0)).mean() < 0.8  # the measure sees a wrong one


def pasted(sheet: Any) -> Any:
    wider = Image.new("RGB", (sheet.width + 200, sheet.height + 90), "white")
    wider.paste(sheet, (150, 60))
    return wider


def noisy(sheet: Any) -> Any:
    """As photographed: grey paper with noise, darker to the right."""
    light = np.linspace(0.9, 0.6, sheet.width)[:, None]
    pixels = np.asarray(sheet) * light + np.random.default_rng(0).normal(0, 5, (sheet.height, sheet.width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def turned(degrees: float) -> Any:
    return lambda sheet: sheet.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def scaled(times: float) -> Any:
    return lambda sheet: sheet.resize((round(sheet.width * times), round(sheet.height * times)))


def tilted(sheet: Any) -> Any:
    """As photographed from a little below."""
    from PIL.ImageTransform import QuadTransform

    w, h = sheet.size
    return sheet.transform(
        (w, h), QuadTransform((0, 0, -6, h, w + 6, h, w, 0)), Image.Resampling.BICUBIC, fillcolor="white"
    )


@pytest.mark.parametrize(
    "change",
    [pasted, noisy, turned(2), turned(-1.3), scaled(0.6), scaled(1.9), tilted],
    ids=["moved", "noisy", "2 degrees", "-1.3 degrees", "smaller", "larger", "tilted"],
)
@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg"])
def test_a_sheet_that_went_through_a_scanner(
    change: Any, name: str, filled: Any, drawn: NDArray[Any], tmp_path: Path
) -> None:
    images, labels = split(change(filled), tmp_path, name, quality=75)
    np.testing.assert_array_equal(labels, np.repeat(np.arange(10), COLUMNS))
    close = likeness(images, drawn)
    assert close.mean() > 0.96
    assert close.min() > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (turned(-90), "rotated by 90 degrees clockwise"),
        (turned(180), "rotated by 180 degrees"),
        (turned(90), "rotated by 90 degrees counter-clockwise"),
        (turned(8), "misaligned: turned 8 degrees counter-clockwise"),
        (lambda sheet: sheet.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "mirrored"),
        (lambda sheet: sheet.resize((sheet.width * 6 // 5, sheet.height)), r"wrong size: .* 7\.4 columns"),
        (lambda sheet: sheet.crop((0, 0, sheet.width, sheet.height - 150)), "2 of the 4 corner marks"),
        (lambda sheet: sheet.crop((100, 0, sheet.width, sheet.height)), "2 of the 4 corner marks"),
        (scaled(0.15), "wrong size: 97 x 146 pixels are too few for 6 columns"),
        (lambda sheet: pasted(scaled(0.25)(sheet)), "wrong size: the cells have 18 pixels each way, and need 20"),
        (lambda sheet: sheet.transform(sheet.size, Image.Transform.AFFINE, (1, 0.1, -50, 0, 1, 0)), "misaligned"),
        (lambda sheet: Image.new("RGB", sheet.size, "white"), "0 of the 4 corner marks"),
        (lambda sheet: Image.new("RGB", sheet.size, "black"), "corner marks"),
    ],
)
def test_a_sheet_that_cannot_be_read(change: Any, message: str, filled: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        split(change(filled), tmp_path)
    assert str(tmp_path / "sheet.png") in str(caught.value)


def test_an_empty_sheet(empty: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"all cells are empty.* digit 0, column 1 is empty;.* and 52 more"):
        split(empty, tmp_path)


def test_another_number_of_columns(filled: Any, tmp_path: Path) -> None:
    filled.save(tmp_path / "sheet.png")
    with pytest.raises(ValueError, match=r"as for 6\.0 columns of square cells, not 25"):
        split_sheet(tmp_path / "sheet.png")


def test_cells_that_cannot_be_used_are_named(empty: Any, tmp_path: Path) -> None:
    from PIL import ImageDraw

    sheet, layout = empty.copy(), SheetLayout(COLUMNS)
    draw(sheet, layout, without=((3, 4), (5, 0)))
    pen = ImageDraw.Draw(sheet)
    left, top, right, _ = layout.box(5, 0)
    pen.ellipse((left + 30, top + 30, left + 34, top + 34), "black")
    left, top, right, _ = layout.box(7, 2)
    pen.line((right - 20, top + 30, right + 20, top + 30), "black", 5)
    with pytest.raises(ValueError, match="4 of 60 cells cannot be used") as caught:
        split(sheet, tmp_path)
    for trouble in (
        "digit 3, column 5 is empty",
        "digit 5, column 1 holds only a dot",
        "digit 7, column 3 is cut off: ink reaches its right border",
        "digit 7, column 4 is cut off: ink reaches its left border",
        "skip=True",
    ):
        assert trouble in str(caught.value)
    with pytest.warns(UserWarning, match="4 of 60 cells"):
        images, labels = split_sheet(tmp_path / "sheet.png", columns=COLUMNS, skip=True)
    assert len(images) == 56
    assert np.bincount(labels).tolist() == [6, 6, 6, 5, 6, 5, 6, 4, 6, 6]


def test_specks_are_left_out(filled: Any, tmp_path: Path) -> None:
    from PIL import ImageDraw

    clean, _ = split(filled, tmp_path)
    sheet = filled.copy()
    left, top, _, _ = SheetLayout(COLUMNS).box(0, 0)
    ImageDraw.Draw(sheet).point([(left + 5, top + 5), (left + 66, top + 66)], "black")
    images, _ = split(sheet, tmp_path)
    np.testing.assert_array_equal(images, clean)


def test_files_that_are_no_pictures(filled: Any, tmp_path: Path) -> None:
    text, damaged = tmp_path / "sheet.txt", tmp_path / "damaged.png"
    text.write_text("0,1,2")
    with pytest.raises(ValueError, match="not an image"):
        split_sheet(text)
    content = io.BytesIO()
    filled.save(content, "PNG")
    damaged.write_bytes(content.getvalue()[:5000])
    with pytest.raises(ValueError, match="damaged"):
        split_sheet(damaged, columns=COLUMNS)
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(FileNotFoundError, match="no such file"):
            split_sheet(path)


def test_coloured_and_transparent_pictures(filled: Any, tmp_path: Path) -> None:
    """A yellow felt-tip counts as ink, and what is transparent is paper."""
    clean, _ = split(filled, tmp_path)
    pixels = np.array(filled.convert("RGBA"))
    ink = (pixels[..., :3] == (20, 40, 120)).all(axis=2)
    pixels[ink] = (250, 240, 20, 255)
    pixels[(pixels[..., :3] == 255).all(axis=2)] = (0, 0, 0, 0)
    images, _ = split(Image.fromarray(pixels), tmp_path)
    assert likeness(images, clean).min() > 0.98


def test_a_template_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    layout = make_template(tmp_path / "t.png", columns=3, cell=40)
    assert Image.open(tmp_path / "t.png").size == layout.size == (240, 540)
    with pytest.raises(ValueError, match=r"columns must be an integer in 1\.\.100, got 0"):
        make_template(tmp_path / "u.png", columns=0)
    with pytest.raises(ValueError, match=r"cell must be an integer in 32\.\.400, got 5"):
        make_template(tmp_path / "u.png", cell=5)
    with pytest.raises(OSError):
        make_template(tmp_path / "nowhere" / "u.png")
    assert [p.name for p in tmp_path.iterdir()] == ["t.png"]


@pytest.mark.parametrize(("columns", "cell"), [(6, 72), (3, 32), (20, 96)])
def test_what_stands_on_a_template(columns: int, cell: int, tmp_path: Path) -> None:
    """Marks where the layout has them, light borders around empty cells, and in both margins each row's digit."""
    layout = make_template(tmp_path / "t.png", columns=columns, cell=cell)
    picture = Image.open(tmp_path / "t.png")
    assert (picture.mode, picture.size) == ("RGB", ((columns + 3) * cell, (13 * cell) + cell // 2))
    dark = 1 - np.asarray(picture.convert("L")) / 255  # (H, W)
    np.testing.assert_allclose(find_marks(dark), layout.marks(), atol=1)

    (left, top), (right, bottom) = layout.origin, layout.box(9, columns - 1)[2:]
    assert (left, top) == (cell * 3 // 2, 2 * cell)
    assert (right - left, bottom - top) == (columns * cell, 10 * cell)
    line, middle = max(cell // 48, 1), cell // 2
    for row in range(10):
        for column in range(columns):
            x0, y0, x1, y1 = layout.box(row, column)
            assert (x0, y0, x1 - x0, y1 - y0) == (left + column * cell, top + row * cell, cell, cell)
            assert not dark[y0 + line + 1 : y1 - line, x0 + line + 1 : x1 - line].any()
            for border in (dark[y0 + middle, x0 - middle : x0 + middle], dark[y0 - middle : y0 + middle, x0 + middle]):
                seen = border[border > 0]
                assert len(seen) >= line
                assert row == 0 or column == 0 or len(seen) == line
    grid = dark[top + middle, left - 1 : right + 2]
    assert 0.1 < grid.max() < 0.3  # a border is seen, and is no ink
    for row in range(10):
        y0 = top + row * cell
        margins = [dark[y0 : y0 + cell, x : x + cell] for x in (left - cell, right + 2)]
        heights = []
        for margin in margins:
            rows, across = np.nonzero(margin > 0.3)
            assert abs(rows.mean() / cell - 0.5) < 0.12
            assert abs(across.mean() / cell - 0.5) < 0.12
            heights.append(np.ptp(rows) / cell)
        assert 0.25 < min(heights) <= max(heights) < 0.5
        assert abs((margins[0] > 0.3).sum() - (margins[1] > 0.3).sum()) < 0.2 * (margins[0] > 0.3).sum()


@pytest.mark.parametrize(("columns", "lines"), [(3, 2), (14, 2), (15, 1), (25, 1)])
def test_what_to_do_is_said_above_the_cells(columns: int, lines: int, tmp_path: Path) -> None:
    """In one line where there is room, in two on a narrow sheet; within its width, and clear of the marks."""
    layout = make_template(tmp_path / "t.png", columns=columns)
    dark = np.asarray(Image.open(tmp_path / "t.png").convert("L")) < 180
    above = dark[: int(layout.marks()[0, 1] - 0.25 * layout.cell)]
    rows, across = np.flatnonzero(above.any(1)), np.flatnonzero(above.any(0))
    assert (np.diff(rows) > 4).sum() == lines - 1
    assert across[0] > 0.2 * layout.cell
    assert across[-1] < layout.size[0] - 0.2 * layout.cell
    assert abs((across[0] + across[-1]) / 2 - layout.size[0] / 2) < 0.05 * layout.size[0]
    assert 0.3 < (rows[0] + rows[-1]) / 2 / layout.cell < 1.1


# --------------------------------------------------------------------------------------------------------- one cell
def reading(darkness: NDArray[Any], pixels: int = 50) -> NDArray[Any]:
    """The first cell of a picture in which a cell has 100 pixels each way."""
    return _read_cell(darkness, np.diag([100.0, 100.0, 1.0]), 0, 0, pixels)


@pytest.mark.parametrize("side", ["top", "right", "bottom", "left"])
def test_only_ink_on_the_outermost_line_is_cut_off(side: str) -> None:
    """Of 50 lines, the outermost lies 3.94 pixels within the cell, the next one at 5.82."""
    turns = {"top": 0, "left": 1, "bottom": 2, "right": 3}[side]
    for lines, cut in (((3, 4), True), ((5, 6), False)):
        darkness = np.zeros((100, 100))
        darkness[lines, 40:60] = 1
        darkness = np.rot90(darkness, turns)
        if turns > 1:  # pixels are counted from their upper left corners
            darkness = np.roll(darkness, (1, 1), (0, 1))
        if cut:
            with pytest.raises(ValueError, match=f"^is cut off: ink reaches its {side} border$"):
                reading(darkness)
        else:
            assert reading(darkness).max() > 0.9


def test_two_sides_are_both_named() -> None:
    darkness = np.zeros((100, 100))
    darkness[:, 48:53] = 1
    with pytest.raises(ValueError, match=r"^is cut off: ink reaches its top and bottom border$"):
        reading(darkness)


def test_a_cell_has_its_own_light_and_noise() -> None:
    """Paper of any grey is 0, full ink 1, and what the noise explains is paper."""
    rng = np.random.default_rng(0)
    for paper in (0.0, 0.3, 0.6):
        darkness = np.full((100, 100), paper)
        darkness[40:60, 40:60] = 1
        cell = reading(darkness)
        assert cell.shape == (50, 50)
        np.testing.assert_allclose([cell[25, 25], cell[5, 5]], [1, 0], atol=1e-9)
        half = np.full((100, 100), paper)
        half[40:60, 40:60] = (1 + paper) / 2
        np.testing.assert_allclose(reading(half)[25, 25], 0.5, atol=1e-9)
    noisy = 0.2 + rng.normal(0, 0.02, (100, 100))
    noisy[40:60, 40:60] += 0.6
    cell = reading(noisy)
    assert (cell[:15] == 0).mean() > 0.999
    assert abs(cell[22:28, 22:28].mean() - 0.75) < 0.02


def test_cells_lie_where_the_map_says() -> None:
    darkness = np.zeros((400, 400))
    darkness[250, 130] = 1  # row 2, column 1 of cells of 100 pixels, at their middle and at 0.3
    cell = _read_cell(darkness, np.diag([100.0, 100.0, 1.0]), 2, 1, 94)
    assert np.unravel_index(cell.argmax(), cell.shape) in ((46, 26), (47, 26), (46, 27), (47, 27))
    assert cell.sum() > 0.9


@pytest.mark.parametrize(
    ("ink", "message"),
    [
        ({}, "^is empty$"),
        ({(20, 20): 0.34}, "^is empty$"),  # too faint
        ({(i, j): 1.0 for i in range(7) for j in range(7)}, "^holds only a dot$"),  # 15 % of 50 are 7.5
        ({(i, 9): 1.0 for i in range(7)}, "^holds only a dot$"),
        ({(i, 9): 1.0 for i in range(8)}, None),
        ({(9, i): 1.0 for i in range(8)}, None),
    ],
)
def test_what_a_cleaned_cell_holds(ink: dict[tuple[int, int], float], message: str | None) -> None:
    cell = np.zeros((50, 50))
    for at, value in ink.items():
        cell[at] = value
    if message is None:
        np.testing.assert_array_equal(_clean(cell), cell)
    else:
        with pytest.raises(ValueError, match=message):
            _clean(cell)


def test_a_cleaned_cell_has_lost_specks_of_less_than_a_fiftieth_of_its_ink() -> None:
    """And what is faint counts as ink beside ink, and as paper elsewhere."""
    cell = np.zeros((50, 50))
    cell[10:30, 10:15] = 1  # a hundred pixels
    cell[10:30, 15], cell[10:30, 16] = 0.16, 0.14
    cell[40, 40:43], cell[45, 40:42], cell[48, 5:40] = 1, 1, 0.34
    wanted = cell.copy()
    wanted[45], wanted[48] = 0, 0  # two pixels, and many that are too faint
    wanted[10:30, 16] = 0
    np.testing.assert_array_equal(_clean(cell), wanted)


def test_eight_troubles_are_listed() -> None:
    words = [f"t{i}" for i in range(12)]
    assert _listed(words[:8]) == "; ".join(words[:8])
    assert _listed(words[:9]) == "; ".join(words[:8]) + "; and 1 more"
    assert _listed(words) == "; ".join(words[:8]) + "; and 4 more"
    assert _listed([]) == ""


def test_without_pillow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    for call in (lambda: make_template(tmp_path / "t.png"), lambda: split_sheet(tmp_path / "t.png")):
        with pytest.raises(ImportError, match="pip install pillow"):
            call()


def test_components_are_those_of_a_flood_fill() -> None:
    rng = np.random.default_rng(3)
    for density in (0.2, 0.4, 0.6):
        mask = rng.random((23, 31)) < density
        labels, count = components(mask)
        assert ((labels > 0) == mask).all()
        seen = np.zeros(mask.shape, dtype=bool)
        found = 0
        for start in zip(*np.nonzero(mask), strict=True):
            if seen[start]:
                continue
            found += 1
            region, open_ends = set(), [start]
            while open_ends:
                i, j = open_ends.pop()
                if 0 <= i < 23 and 0 <= j < 31 and mask[i, j] and not seen[i, j]:
                    seen[i, j] = True
                    region.add((i, j))
                    open_ends += [(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
            assert {labels[p] for p in region} == {labels[start]}
            assert (labels == labels[start]).sum() == len(region)
        assert count == found
    assert components(np.zeros((4, 5), dtype=bool))[1] == 0


def test_the_names_are_public() -> None:
    assert {"SheetLayout", "center_digit", "make_template", "split_sheet"} <= set(tg.data.__all__)
