"""Ten digits as a hand writes them: strokes are lists of points (across, down) in a square of 100."""

from __future__ import annotations

import math

Point = tuple[float, float]
Stroke = list[Point]


def arc(x: float, y: float, across: float, down: float, start: float, end: float, points: int = 12) -> Stroke:
    """A part of an ellipse about (x, y); degrees, 0 is right and 90 is down."""
    angles = [math.radians(start + (end - start) * i / (points - 1)) for i in range(points)]
    return [(x + across * math.cos(a), y + down * math.sin(a)) for a in angles]


DIGITS: dict[int, list[Stroke]] = {
    0: [arc(50, 50, 21, 32, -80, 285, 22)],
    1: [[(54, 16), (53, 34), (51, 55), (50, 84)]],
    2: [[*arc(49, 34, 18, 17, -165, 25, 10), (58, 52), (45, 68), (31, 82), (48, 81), (71, 82)]],
    3: [[*arc(47, 33, 17, 15, -150, 85, 11), *arc(47, 65, 20, 17, -85, 145, 12)]],
    4: [[(36, 17), (33, 36), (31, 53), (48, 54), (72, 51)], [(62, 20), (60, 50), (58, 86)]],
    5: [[(36, 20), (34, 46), *arc(47, 62, 20, 19, -120, 140, 13)], [(36, 20), (52, 19), (68, 18)]],
    6: [[(60, 15), (46, 30), (36, 50), *arc(49, 66, 15, 17, 190, -165, 16)]],
    7: [[(29, 22), (48, 21), (71, 20), (62, 42), (53, 62), (46, 86)]],
    8: [[*arc(50, 33, 14, 15, -60, -270, 10), *arc(50, 66, 17, 18, -90, 270, 16), *arc(50, 33, 14, 15, 90, -60, 8)]],
    9: [[*arc(49, 36, 16, 17, -20, -340, 14), (65, 30), (64, 50), (60, 68), (55, 86)]],
}
