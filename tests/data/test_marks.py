"""The corner marks of a sheet: where they are to a fraction of a pixel, which one is the ring, and how they may lie."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.data.marks import Blob, check_pose, find_marks, homography, project

HINT = "is this a filled-in template, with its four black squares at the corners whole and unchanged?"


def picture(
    height: int, width: int, corners: Any, half: int = 8, rings: tuple[int, ...] = (0,), paper: float = 0.0
) -> np.ndarray:
    """Black squares of 2 * half + 1 pixels around places (x, y); rings have a hole of half their size."""
    darkness = np.full((height, width), paper)
    for k, (x, y) in enumerate(corners):
        darkness[y - half : y + half + 1, x - half : x + half + 1] = 1
        if k in rings:
            hole = half // 2
            darkness[y - hole : y + hole + 1, x - hole : x + hole + 1] = paper
    return darkness


CORNERS = [(30, 20), (210, 23), (205, 160), (27, 155)]  # clockwise from the top left


@pytest.mark.parametrize("ring", range(4))
def test_marks_come_clockwise_from_the_ring(ring: int) -> None:
    found = find_marks(picture(180, 240, CORNERS, rings=(ring,)))
    np.testing.assert_allclose(found, np.roll(CORNERS, -ring, axis=0), atol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(900, 700), (901, 700), (700, 1800), (1801, 1001), (400, 2750)])
def test_marks_of_large_pictures_keep_their_place_to_a_pixels_fraction(height: int, width: int) -> None:
    """They are looked for in a picture of 900 pixels at most, and measured in the one that was given."""
    corners = [(65, 70), (width - 72, 69), (width - 75, height - 66), (68, height - 71)]
    darkness = picture(height, width, corners, half=24)
    np.testing.assert_allclose(find_marks(darkness), corners, atol=1e-9)


def test_a_mark_between_two_pixels_is_found_there() -> None:
    """Of a pixel that ink covers in part, as much counts as is dark; what is lighter than 0.4 is paper."""
    darkness = picture(180, 240, CORNERS, paper=0.1)
    x, y = CORNERS[2]
    darkness[y - 8 : y + 9, x - 9], darkness[y - 8 : y + 9, x + 8] = 0.5, 0.5  # half a pixel to the left
    darkness[y - 9, x - 9 : x + 9] = 0.39
    np.testing.assert_allclose(find_marks(darkness), [*CORNERS[:2], (x - 0.5, y), CORNERS[3]], atol=1e-9)


@pytest.mark.parametrize("near", [(1, 1), (0, 1), (1, 0)])
def test_a_mark_at_the_edge_of_the_picture_may_be_cut(near: tuple[int, int]) -> None:
    """One white pixel around it shows that it is whole."""
    for corner, (across, down) in enumerate([(-1, -1), (1, -1), (1, 1), (-1, 1)]):
        corners = list(CORNERS)
        corners[corner] = (
            8 + near[0] if across < 0 else 240 - 9 - near[0],
            8 + near[1] if down < 0 else 180 - 9 - near[1],
        )
        darkness = picture(180, 240, corners)
        if near == (1, 1):
            np.testing.assert_allclose(find_marks(darkness), corners, atol=1e-9)
        else:
            with pytest.raises(ValueError, match=r"^3 of the 4 corner marks found: "):
                find_marks(darkness)


def test_drawings_inside_are_no_corner_marks() -> None:
    darkness = picture(180, 240, CORNERS)
    darkness[60:72, 60:72] = 1  # a square, nearer to no corner than its mark
    darkness[90:93, 50:150] = 1
    np.testing.assert_allclose(find_marks(darkness), CORNERS, atol=1e-9)


@pytest.mark.parametrize(
    ("height", "width", "area", "fits"),
    [
        (6, 6, 36, True),  # of six pixels
        (5, 5, 25, False),  # of five
        (5, 6, 30, False),  # of five down
        (6, 5, 30, False),  # of five across
        (16, 20, 320, True),  # hardly too wide
        (15, 20, 300, False),  # too wide
        (20, 16, 320, True),  # hardly too high
        (20, 15, 300, False),  # too high
        (20, 20, 230, True),  # with a large hole
        (20, 20, 220, False),  # a thin frame
    ],
)
def test_a_mark_is_a_filled_square(height: int, width: int, area: int, fits: bool) -> None:
    assert Blob(10, 30, 10 + height, 30 + width, area).is_mark(100, 100) is fits


@pytest.mark.parametrize("box", [(0, 5, 8, 13), (5, 0, 13, 8), (52, 5, 60, 13), (5, 72, 13, 80)])
def test_a_mark_is_whole_in_the_picture(box: tuple[int, int, int, int]) -> None:
    assert not Blob(*box, 64).is_mark(60, 80)
    inside = Blob(*(edge - (edge in (60, 80)) + (edge == 0) for edge in box), 60)
    assert inside.is_mark(60, 80)


def with_twins_at_one_corner() -> np.ndarray:
    """Four marks, of which none is at the bottom right."""
    return picture(180, 240, [CORNERS[0], CORNERS[1], (60, 80), CORNERS[3]])


@pytest.mark.parametrize(
    ("darkness", "message"),
    [
        (np.zeros((100, 100)), f"^0 of the 4 corner marks found: {HINT}$"),
        (picture(180, 240, CORNERS[:3]), f"^3 of the 4 corner marks found: {HINT}$"),
        (picture(180, 240, CORNERS, rings=()), f"^0 of its corner marks are rings, where one should be: {HINT}$"),
        (picture(180, 240, CORNERS, rings=(0, 2)), f"^2 of its corner marks are rings, where one should be: {HINT}$"),
        (with_twins_at_one_corner(), f"^the 4 corner marks were not found: {HINT}$"),
        (
            np.maximum(picture(180, 240, CORNERS[:3]), picture(180, 240, CORNERS[3:], half=4, rings=())),
            f"^the 4 corner marks were not found: {HINT}$",
        ),
    ],
    ids=["blank", "three", "no ring", "two rings", "two at one corner", "one half as large"],
)
def test_marks_that_are_not_those_of_a_template(darkness: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?$", r"\?$")):
        find_marks(darkness)


def test_marks_may_differ_in_size_by_half() -> None:
    small = picture(180, 240, CORNERS[3:], half=6, rings=())  # 13 pixels beside 17
    found = find_marks(np.maximum(picture(180, 240, CORNERS[:3]), small))
    np.testing.assert_allclose(found, CORNERS, atol=1e-9)


# ----------------------------------------------------------------------------------------------------- how they lie
def grid(columns: float = 6, rows: float = 10, turn: float = 0.0, cell: float = 50.0) -> np.ndarray:
    """The marks of a sheet, clockwise from the ring, turned by so many degrees, clockwise as seen."""
    w, h, a = (columns + 1) * cell, (rows + 1) * cell, math.radians(turn)
    flat = np.array([(0, 0), (w, 0), (w, h), (0, h)])
    return flat @ np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) + (100, 40)


@pytest.mark.parametrize("shape", [(6, 10), (10, 10), (25, 10), (1, 10)])
@pytest.mark.parametrize("turn", [0, 4.9, -4.9])
def test_a_sheet_may_lie_a_little_aslant(shape: tuple[int, int], turn: float) -> None:
    check_pose(grid(*shape, turn=turn), *shape)


TURNED = "the sheet is rotated by {}: turn it back, the ring-shaped mark to the top left"
ASLANT = "the sheet is misaligned: turned {} degrees {}. Straighten it"
MIRRORED = "the sheet is mirrored: flip it back, the ring-shaped mark to the top left"
NO_RECTANGLE = "the sheet is misaligned: its corner marks form no rectangle. Take the picture straight from above"


@pytest.mark.parametrize("shape", [(6, 10), (10, 10), (25, 10)])
@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (5.2, ASLANT.format(5, "clockwise")),
        (-5.2, ASLANT.format(5, "counter-clockwise")),
        (44, ASLANT.format(44, "clockwise")),
        (-44, ASLANT.format(44, "counter-clockwise")),
        (46, TURNED.format("90 degrees clockwise")),
        (90, TURNED.format("90 degrees clockwise")),
        (180, TURNED.format("180 degrees")),
        (-90, TURNED.format("90 degrees counter-clockwise")),
    ],
)
def test_a_turned_sheet_is_sent_back_with_how_it_lies(turn: float, message: str, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError) as caught:
        check_pose(grid(*shape, turn=turn), *shape)
    assert str(caught.value) == message


def test_a_mirrored_sheet_is_told_from_a_turned_one_by_its_sides() -> None:
    """Seen in a mirror, the marks run down from the ring first: width and height have changed places."""
    for turn in (-3, 0, 3):
        with pytest.raises(ValueError) as caught:
            check_pose(grid(10, 6, turn=90 + turn), 6, 10)
        assert str(caught.value) == MIRRORED
    with pytest.raises(ValueError) as caught:
        check_pose(grid(10, 10, turn=90), 10, 10)  # a square sheet looks the same both ways
    assert str(caught.value) == TURNED.format("90 degrees clockwise")


@pytest.mark.parametrize(
    ("moved", "refused"),
    [
        ([(0, 0), (0, 0), (14, 0), (-14, 0)], True),  # wider below, by 8 %
        ([(0, 0), (0, 0), (8, 0), (-6, 0)], False),  # by 4 %
        ([(0, 0), (0, 0), (0, 17), (0, -17)], True),  # higher to the right, by 6 %
        ([(0, 0), (0, 0), (0, 12), (0, -12)], False),  # by 4.4 %
        ([(0, 0), (0, 0), (30, 0), (30, 0)], True),  # 30 pixels aside over 550 of height
        ([(0, 0), (0, 0), (25, 0), (25, 0)], False),
        ([(0, 0), (0, 0), (-30, 0), (-30, 0)], True),
        ([(0, 0), (0, 0), (-25, 0), (-25, 0)], False),
    ],
)
def test_marks_that_form_no_rectangle(moved: list[tuple[float, float]], refused: bool) -> None:
    marks = grid(6, 10) + np.array(moved)
    if refused:
        with pytest.raises(ValueError) as caught:
            check_pose(marks, 6, 10)
        assert str(caught.value) == NO_RECTANGLE
    else:
        check_pose(marks, 6, 10)


@pytest.mark.parametrize(("stretch", "seen"), [(1.03, "6.2"), (0.97, "5.8"), (2, "13.0"), (1.019, None), (0.981, None)])
def test_a_stretched_sheet_says_how_many_columns_it_seems_to_have(stretch: float, seen: str | None) -> None:
    marks = grid(6, 10) * (stretch, 1)
    if seen is None:
        check_pose(marks, 6, 10)
        return
    with pytest.raises(ValueError) as caught:
        check_pose(marks, 6, 10)
    assert str(caught.value) == (
        f"wrong size: the marks stand as for {seen} columns of square cells, not 6. "
        "If the template had another number of columns, say so; otherwise the picture was stretched or cropped"
    )


def test_a_homography_is_found_again_from_four_points() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        matrix = np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3))
        matrix /= matrix[2, 2]
        source = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) + rng.uniform(-0.2, 0.2, (4, 2))
        u, v, w = matrix @ np.column_stack([source, np.ones(4)]).T
        np.testing.assert_allclose(homography(source, np.column_stack([u / w, v / w])), matrix, atol=1e-9)
        x, y = rng.random((2, 3, 4))
        u, v, w = np.einsum("ij,jab->iab", matrix, np.stack([x, y, np.ones((3, 4))]))
        np.testing.assert_allclose(project(matrix, x, y), (u / w, v / w), atol=1e-12)
