"""What a LeNet makes of one digit, as plain data: for the page of draw_digit.py.

reader = Reader(model, digits)          # digits: those among which it looks for similar ones
reader.read(digit)                      # probabilities, every layer, Grad-CAM
reader.explain(digit, other=9)          # why not a 9, the smallest change to one, the nearest training digits
"""

import base64
import threading

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz.kit.server import Refused, serve

KNOWN = 5000  # training digits that are compared with a drawing
NEAREST = 8  # of them are shown
STEPS = 100  # of the search for the smallest change
PLACES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right")


def coded(array):
    """The bytes of an array as text."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def signed(array):
    """Numbers as int8, the largest of them 127 or -127."""
    return coded(np.rint(127 * array / max(abs(array).max(), 1e-9)).astype(np.int8))


def seen(digit):
    """A uint8 (28, 28) array as the network takes it."""
    return (digit / 255).astype(np.float32)[None, None]  # (1, 1, 28, 28)


class Reader:
    """Reads one digit at a time, and shows how. Several threads may ask at once: the model is one's at a time, and for
    no longer than a pass through it, so that a stroke need not wait for an explanation."""

    def __init__(self, model, digits=None):
        self.model, self.turn, self.following = model.eval(), threading.Lock(), None
        self.known = None
        if digits is not None:
            chosen = np.arange(min(KNOWN, len(digits)))
            x, labels = digits.get_batch(chosen)
            self.known = digits.data[chosen], labels, self.codes(x)

    def outputs(self, x):
        """What each layer makes of images (N, 1, 28, 28): {"features.0": Tensor, ...}, in order."""
        made = {}
        for name, part in (("features", self.model.features), ("classifier", self.model.classifier)):
            for i, layer in enumerate(part):
                x = made[f"{name}.{i}"] = layer(x)
        return made

    def codes(self, x):
        """The last hidden layer, of length 1: (N, 120)."""
        with self.turn, tg.no_grad():
            parts = [self.outputs(tg.tensor(x[i : i + 500]))["classifier.2"].numpy() for i in range(0, len(x), 500)]
        codes = np.concatenate(parts)
        return codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-9)

    # ------------------------------------------------------------------------------------------- with every stroke
    def read(self, digit):
        """What the page shows of a uint8 (28, 28) array, ready for JSON; maps and Grad-CAM fill their scales."""
        x = seen(digit)
        with self.turn, tg.no_grad():
            made = {name: y.numpy()[0] for name, y in self.outputs(tg.tensor(x)).items()}
            cam = tg.viz.grad_cam(self.model, x, "features.4")  # (1, 28, 28)
            # 5x5 kernels without padding on 14x14 stand above the inner 20x20 pixels: that is where the map belongs
            cam = F.pad(F.interpolate(tg.tensor(cam[None]), size=(20, 20), mode="bilinear"), (4,) * 4).numpy()[0, 0]
        logits = made["classifier.3"]  # (10,)
        return {
            "probabilities": F.softmax(tg.tensor(logits), 0).tolist(),
            "logits": logits.tolist(),
            "shape": made["features.0"].shape,
            "picture": coded(digit),
            "maps": signed(made["features.0"]),  # (8, 28, 28)
            "second": signed(made["features.3"]),  # (24, 10, 10)
            "hidden": made["classifier.2"].tolist(),  # (120,)
            "cam": coded(np.rint(255 * cam / max(cam.max(), 1e-9)).astype(np.uint8)),
        }

    # --------------------------------------------------------------------------------------------- when it is asked
    def explain(self, digit, other=None):
        """Why not ``other``? None is the second likeliest digit. Also the smallest change to it, and similar digits."""
        x = seen(digit)
        logits = self.logits(x)
        order = np.argsort(-logits)
        best, other = int(order[0]), int(order[1] if other is None or other == order[0] else other)
        slope = self.slope(x, {other: 1.0, best: -1.0})  # (28, 28)
        changed = self.smallest_change(digit, other)
        return {
            "best": best,
            "other": other,
            "gap": float(logits[best] - logits[other]),
            "heat": signed(slope),
            "add": place(np.maximum(slope, 0) * (1 - x[0, 0])),  # where ink is missing
            "remove": place(np.maximum(-slope, 0) * x[0, 0]),  # where ink is too much
            "change": None if changed is None else changes(digit, changed),
            "nearest": self.nearest(x),
        }

    def logits(self, x):
        with self.turn, tg.no_grad():
            return self.model(tg.tensor(x)).numpy()[0]  # (10,)

    def slope(self, x, weights):
        """The gradient of a weighted sum of logits, {digit: weight}, with respect to the pixels: (28, 28)."""
        pixels = tg.tensor(x, requires_grad=True)
        with self.turn, tg.enable_grad():
            logits = self.model(pixels)[0]
            (slope,) = tg.grad(sum(weight * logits[digit] for digit, weight in weights.items()), pixels)
        return slope.numpy()[0, 0]

    def smallest_change(self, digit, other):
        """A picture (28, 28), uint8, close to the digit, that the network takes for ``other``; None if none is found.

        DeepFool's steps (Moosavi-Dezfooli, Fawzi and Frossard, 2016) towards one class: each goes to where, were
        the network linear, ``other`` would be level with its strongest rival; pixels stay within black and white. In
        the end the way there is shortened as far as it goes.
        """
        x = seen(digit)
        for _ in range(STEPS):
            logits = self.logits(rounded(x))
            rival = int(np.argmax(np.where(np.arange(10) == other, -np.inf, logits)))
            if logits[other] > logits[rival]:
                return self.shortened(digit, x, other)
            w = self.slope(x, {other: 1.0, rival: -1.0})
            w = np.where((x[0, 0] <= 0) & (w < 0) | (x[0, 0] >= 1) & (w > 0), 0, w)  # what may move
            size = float((w * w).sum())
            if size < 1e-12:
                return None
            step = (1.05 * float(logits[rival] - logits[other]) + 0.05) / size * w
            x = np.clip(x + step, 0, 1).astype(np.float32)
        return None

    def shortened(self, digit, x, other):
        """The first picture on the straight way from the digit to x that is taken for ``other``, by bisection."""
        start, low, high = seen(digit), 0.0, 1.0
        for _ in range(12):
            middle = (low + high) / 2
            there = self.logits(rounded(start + middle * (x - start))).argmax() == other
            low, high = (low, middle) if there else (middle, high)
        return np.rint(255 * (start + high * (x - start))).astype(np.uint8)[0, 0]  # (28, 28)

    def nearest(self, x):
        """The training digits whose last hidden layer points most nearly the same way (cosine); None without any."""
        if self.known is None:
            return None
        pictures, labels, codes = self.known
        cosines = codes @ self.codes(x)[0]  # (5000,)
        best = np.argsort(-cosines, kind="stable")[:NEAREST]
        return [{"picture": coded(pictures[i]), "label": int(labels[i]), "cosine": float(cosines[i])} for i in best]

    def follow(self, digit):
        """Serve the page on which one follows a number through the network; the one before ends. Its address."""
        with self.turn:
            page = tg.viz.follow(self.model, seen(digit), title="Follow this digit", display_labels=list("0123456789"))
            self.close()
            self.following = serve(page, {})
            return {"address": self.following.address}

    def close(self):
        """End the page that `follow` opened."""
        if self.following is not None:
            self.following.close()
            self.following = None


def rounded(x):
    """Pixels as a picture has them, in 256 steps."""
    return (np.rint(255 * x) / 255).astype(np.float32)


def place(amounts):
    """Which of nine parts of the picture has most of it, in words; None where there is none."""
    sums = [part.sum() for band in np.array_split(amounts, 3) for part in np.array_split(band, 3, axis=1)]
    return PLACES[int(np.argmax(sums))] if max(sums) > 0 else None


def changes(digit, changed):
    """The changed picture, the difference, and how large it is."""
    difference = changed.astype(np.float64) - digit  # (28, 28), in 256 steps
    return {
        "picture": coded(changed),
        "difference": signed(difference),
        "norm": float(np.linalg.norm(difference / 255)),
        "most": float(abs(difference).max() / 255),
        "pixels": int((abs(difference) >= 25.5).sum()),
    }


def other_of(request):
    """The digit in the header X-Other; None where it is not there."""
    if not request.headers.get_all("X-Other", []):
        return None
    return request.number("X-Other", 0, 9)


def answers(reader, digit_of):
    """The questions about a drawing, each a function of a request; ``digit_of`` gets the drawing out of it."""

    def follow(request):
        digit = digit_of(request)
        try:
            return reader.follow(digit)
        except OSError as error:
            raise Refused(409, f"the page could not be opened: {error}") from None

    return {
        "/predict": lambda request: reader.read(digit_of(request)),
        "/explain": lambda request: reader.explain(digit_of(request), other_of(request)),
        "/follow": follow,
    }
