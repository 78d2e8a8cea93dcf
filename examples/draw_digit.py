"""Draw a digit in the browser and see, stroke by stroke, what a convnet makes of it.

    python examples/draw_digit.py                                  # opens http://127.0.0.1:8028
    python examples/draw_digit.py --model runs/mine.safetensors    # what mnist_cnn.py --save wrote
    python examples/draw_digit.py --train                          # a new model, made for pens: about a minute
    python examples/draw_digit.py --export digits.html             # one file that reads digits offline, in any browser

Without --model it takes the latest file in runs/mnist, or else the model that it trained itself before, or else trains
one. "It was a 7" keeps the drawing in a CSV file (--keep) from which examples/recipes/handdrawn.py can learn. The page
is for this machine alone (see tinygrad_cnn/viz/kit/server.py).
"""

import argparse
import math
import os
import re
import threading
import webbrowser
from pathlib import Path

import numpy as np
from mnist_cnn import LeNet, train_epoch
from reading_digits import Reader, answers
from take_away import NAME, take_away

import tinygrad_cnn as tg
from tinygrad_cnn.io.atomic import replace_file
from tinygrad_cnn.viz.kit.page import base_style, document, web
from tinygrad_cnn.viz.kit.server import LocalServer, Refused

RUNS, OWN = Path("runs/mnist"), Path("runs/draw_digit")  # models of mnist_cnn.py, and what this program writes
STEPS, BATCH = 6000, 64  # of training
LARGEST = 1024  # pixels, the side of a drawing
PAGE = Path(__file__).with_suffix("")  # the folder draw_digit


class PenWidth(tg.data.Transform):
    """Each digit as a finer or a broader pen would have drawn it: on the way to the least or the most ink around."""

    needs_float = True

    def run(self, images, rng):
        ink = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))  # (N, 1, 30, 30)
        cross = ink[..., 1:-1, 1:-1], ink[..., :-2, 1:-1], ink[..., 2:, 1:-1], ink[..., 1:-1, :-2], ink[..., 1:-1, 2:]
        change = rng.uniform(-0.5, 1, (len(images), 1, 1, 1)).astype(images.dtype)
        other = np.where(change < 0, np.minimum.reduce(cross), np.maximum.reduce(cross))
        return images + abs(change) * (other - images)  # (N, 1, 28, 28)


def train(digits, steps=STEPS):
    """A LeNet that has seen each digit moved, turned, slanted, scaled, and drawn with other pens."""
    model = LeNet()
    pens = tg.data.Compose([tg.data.RandomAffine(8, (0.07, 0.07), (0.85, 1.1), shear=16), PenWidth()])
    loader = tg.data.DataLoader(digits, BATCH, shuffle=True, transform=pens, prefetch=2)
    epochs = math.ceil(steps / len(loader))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = tg.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, epochs * len(loader), cycle_momentum=False)
    for epoch in range(1, epochs + 1):
        loss, accuracy, _ = train_epoch(model, loader, optimizer, schedule, f"epoch {epoch}/{epochs}")
    print(f"{epochs} epochs: loss {loss:.3f}, {accuracy:.1%} of the digits right, changed as they were")
    return model


def load(path):
    """The LeNet in a file: a state_dict, or all that mnist_cnn.py --save wrote. ValueError where there is none."""
    model, state = LeNet(), tg.load(path)
    try:
        model.load_state_dict(state.get("model", state))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no LeNet of mnist_cnn.py: {error}") from error
    return model


def find_model(path=None, anew=False, data_dir=None):
    """The model at the path, else a saved one, else a new one, which is saved."""
    if path:
        return load(path)
    own = OWN / "model.safetensors"
    saved = sorted(RUNS.glob("*.safetensors"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in [] if anew else [*saved, *([own] if own.exists() else [])]:
        try:
            model = load(file)
        except ValueError as error:
            print(f"passing over {error}")
        else:
            print(f"model: {file}")
            return model
    digits = tg.data.load_mnist(data_dir, allow_fallback=True)
    print(f"training a model, about a minute; digits: {digits.source}")
    tg.manual_seed(0)
    model = train(digits.train)
    OWN.mkdir(parents=True, exist_ok=True)
    tg.save(model.state_dict(), own)
    print(f"model: {own}")
    return model


class Drawings:
    """A CSV file of drawings: keeps one more, and forgets one of those that it kept."""

    def __init__(self, path, author):
        self.path, self.turn, self.own = Path(path), threading.Lock(), set()
        self.author = re.sub(r"[^\w.]+", "_", author)[:64] or "me"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.count = len(tg.data.load_drawn_csv(path)) if self.path.exists() else 0

    def keep(self, digit, label):
        with self.turn:
            (name,) = tg.data.save_drawn_csv(self.path, digit, label, author=self.author, append=True)
            self.own.add(name)
            self.count += 1
            return {"id": name, "count": self.count, "file": str(self.path)}

    def forget(self, name):
        with self.turn:
            if name not in self.own:
                raise Refused(404, "no drawing of that id was kept here")
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            rest = [line for line in lines if not line.startswith(f"{name},")]
            replace_file(self.path, "".join(rest).encode())
            self.own.remove(name)
            self.count -= 1
            return {"id": name, "count": self.count, "file": str(self.path)}


def digit_of(request):
    """The drawing in a request, X-Width times X-Height bytes with ink bright, as the network is used to see digits."""
    width, height = (request.number(name, 1, LARGEST) for name in ("X-Width", "X-Height"))
    pixels = request.body(LARGEST * LARGEST)
    if len(pixels) != width * height:
        raise Refused(400, f"{width} x {height} pixels are {width * height} bytes, got {len(pixels)}")
    try:
        return tg.data.center_digit(np.frombuffer(pixels, np.uint8).reshape(height, width), ink="bright")
    except ValueError as error:
        raise Refused(422, str(error)) from None


def make_server(reader, drawings, port=0):
    """The page and its questions, ready to serve."""

    def keep(request):
        label = request.number("X-Label", 0, 9)
        digit = digit_of(request)
        try:
            return drawings.keep(digit, label)
        except (OSError, ValueError) as error:  # somebody else changed the file, or the disk is full
            raise Refused(409, f"the drawing was not kept: {error}") from None

    def forget(request):
        try:
            return drawings.forget(request.body(200).decode(errors="replace"))
        except (OSError, ValueError) as error:
            raise Refused(409, f"the drawing was not taken back: {error}") from None

    def take(request):
        request.body(0)
        try:
            return {"name": NAME, "html": take_away(reader.model).html}
        except ValueError as error:
            raise Refused(409, str(error)) from None

    body, style, *scripts = (
        (PAGE / name).read_text(encoding="utf-8") for name in ("index.html", "style.css", "opened.js", "script.js")
    )
    scripts = [*web("dom", "numbers", "colors", "theme", "tile"), *scripts]
    page = document("Draw a digit", body, styles=[base_style(), style], scripts=scripts)
    return LocalServer(page, {**answers(reader, digit_of), "/keep": keep, "/forget": forget, "/take": take}, port)


def training_digits(data_dir=None):
    """Digits to compare drawings with, if there are any on this machine."""
    try:
        return tg.data.load_mnist(data_dir, download=False, allow_fallback=True).train
    except FileNotFoundError:
        print("no training digits on this machine: the page shows no similar ones")
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a LeNet that mnist_cnn.py saved")
    parser.add_argument("--train", action="store_true", help="train a new model, whatever is there")
    parser.add_argument("--data-dir", help="folder with the MNIST files")
    parser.add_argument("--keep", type=Path, default=OWN / "drawings.csv", help="file for the drawings to keep")
    user = os.environ.get("USER") or os.environ.get("USERNAME") or "me"
    parser.add_argument("--author", default=user, help="whose drawings they are: a part of their ids")
    parser.add_argument("--port", type=int, default=8028, help="0: any free one")
    parser.add_argument("--no-browser", action="store_true", help="only say where the page is")
    parser.add_argument(
        "--export", type=Path, metavar="PAGE.html", help="write the model as a page of its own, and end"
    )
    args = parser.parse_args()
    try:
        drawings = None if args.export else Drawings(args.keep, args.author)
        model = find_model(args.model, args.train, args.data_dir)
        if args.export:
            print(f"page: {take_away(model).save(args.export)}")
            return
        reader = Reader(model, training_digits(args.data_dir))
        server = make_server(reader, drawings, args.port)
    except (OSError, OverflowError, ValueError) as error:
        raise SystemExit(f"draw_digit.py: {error}") from error
    print(f"{server.address}   (Ctrl-C ends it)")
    if not args.no_browser:
        webbrowser.open(server.address)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
        finally:
            reader.close()


if __name__ == "__main__":
    main()
