"""Four pictures beside stored ones, coarsely: what artists do not show, such as overlaps, clipped texts and colours.

The stored ones lie in ``stored/``. To make one anew, delete it and run the test: it writes the picture, and fails once.
They are of Matplotlib 3.11; older ones lay out texts a pixel or two apart, and are held by the tests of artists alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import viz

STORED = Path(__file__).parent / "stored"
DPI = 50


def curves() -> Any:
    epochs = np.arange(1, 9)
    runs = [{"loss": np.exp(-epochs / k), "val_loss": 0.2 + np.exp(-epochs / k)} for k in (2.0, 2.5, 3.5)]
    return viz.plot_learning_curves({"plain": runs[0], "seeds": runs}, metrics="loss", log=True)


def confusion() -> Any:
    targets = np.arange(1000) % 10
    wrong = np.arange(1000) % 7 == 0
    return viz.plot_confusion_matrix(targets, np.where(wrong, (targets * 3 + targets // 4) % 10, targets))


def filters() -> Any:
    """Gabor filters at eight angles."""
    y, x = np.mgrid[-3:4, -3:4]
    angles = np.arange(8) * np.pi / 8
    waves = [np.cos(x * np.cos(a) + y * np.sin(a)) * np.exp(-(x**2 + y**2) / 8) for a in angles]
    return viz.plot_filters(np.array(waves)[:, None])


def mistakes() -> Any:
    images = np.indices((6, 12, 12)).sum(axis=0) % np.arange(2, 8)[:, None, None] / 7
    logits = np.array([[3.0, 0, 0], [0, 2, 0], [0, 0, 1], [4, 0, 0], [0, 5, 0], [0, 0, 6]])
    return viz.plot_mistakes(images, [1, 2, 0, 2, 0, 1], logits, columns=3, display_labels=["cat", "hen", "dog"])


def pixels(picture: Any) -> Any:
    """Blocks of 4x4 pixels, in [0, 255]."""
    from matplotlib.image import imread

    image = 255 * imread(picture)[..., :3]
    h, w = (n - n % 4 for n in image.shape[:2])
    return image[:h, :w].reshape(h // 4, 4, w // 4, 4, 3).mean(axis=(1, 3))  # (h / 4, w / 4, 3)


def missing(these: Any, there: Any) -> float:
    """How far blocks of the one picture are from the nearest in colour of the 3x3 at their place in the other: mean."""
    h, w = these.shape[:2]
    around = np.pad(there, ((1, 1), (1, 1), (0, 0)), mode="edge")
    shifts = [around[i : i + h, j : j + w] for i, j in np.ndindex(3, 3)]
    return float(np.min([np.abs(these - shifted).max(axis=2) for shifted in shifts], axis=0).mean())


@pytest.mark.parametrize("draw", [curves, confusion, filters, mistakes], ids=lambda draw: draw.__name__)
def test_it_looks_as_it_did(draw: Callable[[], Any]) -> None:
    import matplotlib.style

    if tuple(map(int, matplotlib.__version__.split(".")[:2])) < (3, 11):
        pytest.skip(f"the stored pictures are of Matplotlib 3.11 and later, this is {matplotlib.__version__}")
    path = STORED / f"{draw.__name__}.png"
    out = io.BytesIO()
    with matplotlib.style.context("default"):
        draw().savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    if not path.exists():
        STORED.mkdir(exist_ok=True)
        path.write_bytes(out.getvalue())
        pytest.fail(f"{path} was missing and has been made: look at it, and run again")
    out.seek(0)
    now, then = pixels(out), pixels(path)
    assert np.abs(np.subtract(now.shape, then.shape)).max() <= 1
    h, w = (min(a, b) for a, b in zip(now.shape[:2], then.shape[:2], strict=True))
    now, then = now[:h, :w], then[:h, :w]
    assert missing(now, then) < 0.7  # a matrix without its numbers is 0.9 away, a missing curve 2
    assert missing(then, now) < 0.7
