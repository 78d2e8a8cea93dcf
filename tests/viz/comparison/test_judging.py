"""Who is right where, counted by hand; chances by enumeration; pictures read back."""

from __future__ import annotations

import base64
import io
import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz.comparison.judging import chance, disagreements, judge, png


class Says(nn.Module):
    """Scores by heart: image i, whose pixels are all i, is of class ``said[i]``."""

    def __init__(self, said: Any, classes: int = 3) -> None:
        super().__init__()
        self.said, self.classes = np.array(said), classes

    def forward(self, x: Any) -> Any:
        assert not self.training
        place = x.numpy()[:, 0, 0, 0].astype(int)
        return tg.tensor(2.0 * np.eye(self.classes, dtype=np.float32)[self.said[place]])


Y = np.array([0, 0, 1, 1, 2, 2, 2])
X = np.broadcast_to(np.arange(7, dtype=np.float32)[:, None, None, None], (7, 1, 2, 2))
FIRST, SECOND = [0, 0, 1, 0, 2, 0, 1], [0, 1, 1, 1, 1, 1, 1]


def test_counts_by_class() -> None:
    for batch_size in (2, 7):
        judged = judge((Says(FIRST), Says(SECOND)), (X, Y), batch_size, "test")
        assert judged is not None
        assert judged.by_class() == [[2, 1, 1, 0, 0], [2, 1, 0, 1, 0], [3, 0, 1, 0, 2]]
        assert sorted(judged.images) == [1, 3, 4, 5]
        assert all((judged.images[i] == i).all() for i in judged.images)
        found = sorted(disagreements(judged, 2, "test"), key=lambda one: one["place"])
        assert [(d["kind"], d["place"], d["true"], d["said"]) for d in found] == [
            ("a", 1, 0, [0, 1]), ("b", 3, 1, [0, 1]), ("a", 4, 2, [2, 1]), ("neither", 5, 2, [0, 1]),
        ]  # fmt: skip
        assert found[0]["sure"] == pytest.approx([np.exp(2) / (np.exp(2) + 2)] * 2)


def test_those_furthest_apart_come_first() -> None:
    judged = judge((Says(FIRST), Says(SECOND)), (X, Y), None, "test")
    assert judged is not None
    judged.scores[0][4] *= 3  # the first is surer of the fifth image
    assert [d["place"] for d in disagreements(judged, 5, "test") if d["kind"] == "a"] == [4, 1]


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (3, 1), (2, 6), (4, 4)])
def test_the_chance_is_counted_out(a: int, b: int) -> None:
    n = a + b
    splits = [sum(tosses) for tosses in itertools.product((0, 1), repeat=n)]
    expected = sum(abs(2 * k - n) >= abs(a - b) for k in splits) / 2**n
    assert chance(a, b) == pytest.approx(expected)
    assert chance(480, 520) == pytest.approx(chance(480, 521), rel=0.1)  # the exact law and the normal one meet


def test_what_is_no_classifier_is_not_judged() -> None:
    models = (Says(FIRST), Says(SECOND))
    assert judge(models, X, None, "test") is None
    assert judge(models, (X, Y.astype(np.float32)), None, "test") is None
    assert judge((nn.Flatten(0), nn.Flatten(0)), (X, Y), None, "test") is None


def test_wrong_classes_are_named() -> None:
    with pytest.raises(ValueError, match="one model tells 3 classes apart, the other 4"):
        judge((Says(FIRST), Says(SECOND, 4)), (X, Y), None, "test")
    with pytest.raises(ValueError, match=r"targets must lie in 0..2, got 0..3"):
        judge((Says(FIRST), Says(SECOND)), (X, np.where(Y == 2, 3, Y)), None, "test")


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3)])
def test_a_picture_can_be_read_back(shape: Any) -> None:
    image = pytest.importorskip("matplotlib.image", reason="Matplotlib is not installed")
    pixels = np.random.default_rng(0).integers(0, 256, shape)
    text = png(pixels / 255)
    head, _, body = text.partition(",")
    assert head == "data:image/png;base64"
    read = image.imread(io.BytesIO(base64.b64decode(body)), format="png")
    assert (np.round(read * 255) == pixels).all()
    png(np.array([[np.nan, 2.0, -1.0]]))  # no warning, no overflow
