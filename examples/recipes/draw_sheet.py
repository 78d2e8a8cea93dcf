"""Draw a sheet of digits by program, and make the set of 250 digits that ships with the recipes of it.

    python examples/recipes/draw_sheet.py                    # makes examples/recipes/data/drawn_250.csv again
    python examples/recipes/draw_sheet.py --seed 7 --csv other.csv --sheet other.png

No hand drew these digits. A renderer moves a pen along strokes that look like handwriting: for each digit a few ways to
write it, bent, slanted, stretched and turned at random, drawn with round, chisel and soft pens of many widths into the
cells of a template, as somebody would in a paint program. From there on they go the way of anybody's sheet.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_cnn as tg

SHIPPED = Path(__file__).parent / "data" / "drawn_250.csv"

# Ways to write each digit. A way is one stroke or more (a / between them), a stroke the points that a pen passes: x to
# the right and y down, 0 to 100. The pen swings smoothly through a point, and turns sharply at one that is given twice.
WAYS = {
    0: [
        "55,0 15,20 0,55 20,93 55,100 90,75 100,40 80,7 50,1",
        "75,8 35,3 3,40 10,85 50,100 90,80 98,35 60,2 40,10",
        "40,0 8,30 5,70 40,100 80,85 95,50 80,12 35,2",
    ],
    1: [
        "50,0 50,50 50,100",
        "50,0 48,50 50,100",
        "28,22 52,0 52,0 50,50 50,100",
        "25,20 50,0 50,0 50,100 / 22,100 80,100",
    ],
    2: [
        "8,25 30,2 75,5 85,35 50,70 3,100 3,100 50,97 100,98",
        "10,20 45,0 85,20 70,55 30,90 5,95 15,78 50,90 100,100",
        "5,15 50,0 90,25 60,60 0,100 0,100 95,100",
    ],
    3: [
        "8,12 45,0 85,18 70,42 35,48 35,48 80,55 92,80 50,100 3,88",
        "10,10 50,0 80,20 55,45 80,65 75,92 40,100 5,90",
        "10,0 85,2 85,2 40,40 40,40 85,55 85,85 45,100 5,90",
    ],
    4: [
        "25,0 10,35 2,60 2,60 50,60 100,57 / 75,10 70,55 68,100",
        "10,3 8,50 8,50 45,58 85,50 / 88,0 82,50 78,100",
        "70,100 70,0 70,0 2,65 2,65 98,65",
        "20,5 10,45 35,58 80,40 / 85,2 75,50 70,100",
    ],
    5: [
        "92,2 25,2 25,2 17,42 17,42 60,40 90,65 65,97 5,93",
        "25,5 20,42 20,42 65,42 85,72 50,100 2,92 / 25,4 95,0",
        "85,0 40,4 40,4 15,40 55,50 75,75 45,100 0,95",
    ],
    6: [
        "75,0 30,30 5,70 30,100 75,92 85,65 50,52 12,72",
        "40,0 12,40 8,80 40,100 80,85 75,60 40,55 10,75",
        "85,5 45,8 10,50 15,90 55,100 88,75 60,50 15,62",
    ],
    7: [
        "2,5 95,2 95,2 60,50 40,100",
        "5,15 5,3 5,3 90,3 90,3 65,45 55,100",
        "5,5 92,2 92,2 55,50 40,100 / 25,50 85,48",
        "0,10 40,8 85,2 88,20 65,55 50,100",
    ],
    8: [
        "80,12 40,0 15,22 50,48 88,75 50,100 10,80 45,50 82,25 70,5",
        "55,0 20,20 45,47 85,75 45,100 12,75 50,48 85,20 50,0",
        "50,0 18,22 50,45 82,22 50,0 / 50,45 8,72 50,100 92,72 50,45",
    ],
    9: [
        "80,15 45,0 10,25 35,50 80,25 80,15 80,15 75,60 68,100",
        "85,10 40,0 8,30 40,50 82,20 82,20 80,65 55,97 15,92",
        "75,5 25,10 15,40 55,48 85,8 85,8 70,50 50,100",
    ],
}
INKS = [(0, 0, 0), (20, 30, 110), (120, 20, 30), (25, 80, 45), (70, 70, 75)]
FINER = 4  # pixels drawn for each of the sheet's, each way, and then averaged


def smooth(points, steps=24):
    """The curve through the points (Catmull and Rom, 1974), as an array (steps * gaps + 1, 2)."""
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate([*pieces, points[-1:]])


def write(digit, rng):
    """The strokes of one digit in one hand: curves (M, 2) around (0, 0), at most about 1 high and wide."""
    way = WAYS[digit][rng.integers(len(WAYS[digit]))]
    nudges = {}  # a point given twice is nudged once
    curves = []
    for stroke in way.split(" / "):
        points = [
            np.array(p.split(","), float) / 100 + nudges.setdefault(p, rng.normal(0, 0.035, 2)) for p in stroke.split()
        ]
        curves.append(smooth(np.array(points)) - 0.5)
    width, slant, turn = rng.uniform(0.5, 0.95), rng.normal(-0.12, 0.16), np.deg2rad(rng.normal(0, 5))
    shape = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.array([[width, slant], [0, 1]])
    amount, phase = rng.normal(0, 0.03, 2), rng.uniform(0, 2 * np.pi, 2)
    bent = [c + amount * np.sin(rng.uniform(3, 6) * c[:, ::-1] + phase) for c in curves]  # a hand is no ruler
    return [c @ shape.T for c in bent]


def draw_digit(digit, cell, rng):
    """How much ink each pixel of a cell gets: an array (cell, cell) from 0 to 1."""
    from PIL import Image, ImageDraw, ImageFilter

    curves = write(digit, rng)
    low, high = np.min([c.min(0) for c in curves], axis=0), np.max([c.max(0) for c in curves], axis=0)
    n = cell * FINER
    longer = n * rng.uniform(0.45, 0.72)  # side of the digit
    pen = longer * rng.uniform(0.06, 0.155)  # a thicker one would close the loops
    size, space = longer / max(high - low), 0.88 * n - 1.3 * pen  # for the middle of the pen
    room = space - size * (high - low)
    middle = n / 2 + rng.uniform(-0.5, 0.5, 2) * room
    chisel, angle, pressure = rng.choice([1, 1, 0.45]), rng.uniform(0, np.pi), rng.uniform(0, 0.25)

    picture = Image.new("L", (n, n))
    draw = ImageDraw.Draw(picture)
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    tip = np.stack([np.cos(around), chisel * np.sin(around)], 1)
    tip = tip @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * pen / 2
    for curve in curves:
        path = (curve - (low + high) / 2) * size + middle
        force = 1 + pressure * np.sin(np.linspace(*rng.uniform(0, 2 * np.pi, 2), len(path)))
        for (x0, y0), (x1, y1), f in zip(path, path[1:], force, strict=False):
            for t in np.linspace(0, 1, 2 + int(np.hypot(x1 - x0, y1 - y0) / (0.15 * pen))):
                draw.polygon([(x0 + t * (x1 - x0) + f * a, y0 + t * (y1 - y0) + f * b) for a, b in tip], 255)
    if rng.random() < 0.3:  # a soft brush
        picture = picture.filter(ImageFilter.GaussianBlur(pen / 5))
    return np.asarray(picture.resize((cell, cell), Image.Resampling.BOX)) / 255.0


def draw_sheet(template, path, layout, seed=0):
    """Fill every cell of a template with the digit of its row, and write the sheet to a file."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    sheet = np.asarray(Image.open(template).convert("RGB")).astype(float)
    for digit in range(10):
        for column in range(layout.columns):
            left, top, right, bottom = layout.box(digit, column)
            alpha = draw_digit(digit, layout.cell, rng)[..., None]
            ink = np.array(INKS[rng.integers(len(INKS))])
            sheet[top:bottom, left:right] += alpha * (ink - sheet[top:bottom, left:right])
    Image.fromarray(sheet.round().astype(np.uint8)).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=25, help="digits of each kind")
    parser.add_argument("--csv", type=Path, default=SHIPPED, help="write the set here")
    parser.add_argument("--sheet", type=Path, help="keep the drawn sheet as this PNG")
    parser.add_argument("--author", default="renderer", help="name in the ids")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        template, sheet = Path(folder) / "template.png", args.sheet or Path(folder) / "sheet.png"
        layout = tg.data.make_template(template, columns=args.columns)
        draw_sheet(template, sheet, layout, args.seed)
        images, labels = tg.data.split_sheet(sheet, columns=args.columns)
    args.csv.parent.mkdir(parents=True, exist_ok=True)
    ids = tg.data.save_drawn_csv(args.csv, images, labels, author=args.author)
    print(f"{len(ids)} digits, {ids[0]} to {ids[-1]}: {args.csv}")


if __name__ == "__main__":
    main()
