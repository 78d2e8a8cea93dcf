"""What the page of draw_digit.py is told of a drawing: every layer, why not another one, the smallest change to it."""

from __future__ import annotations

import base64
import urllib.request
from typing import Any

import numpy as np
import pytest
from examples.serving import SIZE, STROKE, ask, example, predict

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.data.mnist import Digits, ImageDataset

NINE, FOUR = 9, 4


def decoded(text: str, kind: Any = np.uint8) -> Any:
    return np.frombuffer(base64.b64decode(text), kind)


@pytest.fixture(scope="module")
def trained(digits: Digits) -> Any:
    """A reader that has seen some digits, and knows 300."""
    module = example("draw_digit")
    tg.manual_seed(0)
    known = ImageDataset(digits.train.data[:300], digits.train.targets[:300], digits.train.classes, "tests")
    return module.Reader(module.train(digits.train, steps=250), known)


@pytest.fixture(scope="module")
def linear() -> Any:
    """A reader of a model whose logits are linear in the pixels: what is true of it is known."""
    tg.manual_seed(1)
    return example("reading_digits").Reader(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))


GREY = np.full((28, 28), 128, np.uint8)


def test_every_layer_is_the_models(server: Any, reader: Any) -> None:
    status, answer, _ = predict(server)
    assert status == 200
    x = (tg.data.center_digit(STROKE) / 255).astype(np.float32)[None, None]
    second = tg.viz.feature_maps(reader.model, x, "features.3")[0]
    told = decoded(answer["second"], np.int8).reshape(24, 10, 10)
    np.testing.assert_allclose(told * abs(second).max() / 127, second, atol=abs(second).max() / 250)
    with tg.no_grad():
        np.testing.assert_allclose(answer["logits"], reader.model(tg.tensor(x)).numpy()[0], rtol=1e-5, atol=1e-6)
        hidden = reader.model.classifier[:3](reader.model.features(tg.tensor(x)))
    np.testing.assert_allclose(answer["hidden"], hidden.numpy()[0], rtol=1e-5, atol=1e-6)


def test_the_smallest_change_of_a_linear_model_is_the_distance_to_its_boundary(module: Any) -> None:
    tg.manual_seed(2)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    model[1].bias.data[:] = -1000.0  # of two digits alone
    model[1].bias.data[FOUR] = 2.0
    model[1].bias.data[NINE] = 0.0
    reader = module.Reader(model)
    logits, w = reader.logits((GREY / 255).astype(np.float32)[None, None]), model[1].weight.numpy().astype(np.float64)
    changed = reader.smallest_change(GREY, NINE)
    length = np.linalg.norm((changed.astype(np.float64) - GREY) / 255)
    distance = (logits[FOUR] - logits[NINE]) / np.linalg.norm(w[NINE] - w[FOUR])
    assert distance > 1
    assert 0.99 * distance < length < 1.03 * distance, "to the pixels' steps of 1 / 255"
    assert reader.smallest_change(GREY, 0) is None, "a thousand behind: beyond black and white"


def test_the_slope_is_that_of_the_difference_of_two_logits(linear: Any) -> None:
    w = linear.model[1].weight.numpy()
    slope = linear.slope((GREY / 255).astype(np.float32)[None, None], {NINE: 1.0, FOUR: -1.0})
    np.testing.assert_allclose(slope.ravel(), w[NINE] - w[FOUR], rtol=1e-5, atol=1e-7)
    answer = linear.explain(GREY, NINE) if linear.known is None else None
    assert answer is not None
    assert answer["nearest"] is None, "it knows no digits"


def test_changed_pictures_are_what_they_are_said_to_be(trained: Any, digits: Digits) -> None:
    found = 0
    for digit in digits.test.data[:6]:
        for other in (None, NINE, FOUR):
            answer = trained.explain(digit, other)
            logits = trained.logits((digit / 255).astype(np.float32)[None, None])
            assert answer["best"] == logits.argmax() != answer["other"]
            assert answer["gap"] == pytest.approx(logits[answer["best"]] - logits[answer["other"]], rel=1e-4)
            change = answer["change"]
            if change is None:
                continue
            found += 1
            changed = decoded(change["picture"]).reshape(28, 28)
            assert trained.logits((changed / 255).astype(np.float32)[None, None]).argmax() == answer["other"]
            difference = (changed.astype(float) - digit) / 255
            assert change["norm"] == pytest.approx(np.linalg.norm(difference))
            assert change["most"] == pytest.approx(abs(difference).max())
            half = np.rint(digit + 127.5 * difference).astype(np.uint8)  # half of the way
            halfway = trained.logits((half / 255).astype(np.float32)[None, None]).argmax()
            assert halfway != answer["other"] or change["norm"] < 0.1, "half the change would not do"
    assert found >= 15


def test_the_other_digit_is_the_second_likeliest_unless_one_is_asked_for(trained: Any, digits: Digits) -> None:
    digit = digits.test.data[0]
    order = np.argsort(-trained.logits((digit / 255).astype(np.float32)[None, None]))
    assert trained.explain(digit)["other"] == order[1]
    assert trained.explain(digit, int(order[5]))["other"] == order[5]
    assert trained.explain(digit, int(order[0]))["other"] == order[1], "not the digit itself"


def test_a_digit_that_is_known_is_its_own_nearest(trained: Any) -> None:
    pictures, labels, _ = trained.known
    nearest = trained.explain(pictures[17])["nearest"]
    assert len(nearest) == 8
    np.testing.assert_array_equal(decoded(nearest[0]["picture"]).reshape(28, 28), pictures[17])
    assert nearest[0]["label"] == labels[17]
    cosines = [one["cosine"] for one in nearest]
    assert cosines[0] == pytest.approx(1, abs=1e-5)
    assert cosines == sorted(cosines, reverse=True)


def test_places_have_names() -> None:
    place = example("reading_digits").place
    ink = np.zeros((28, 28))
    assert place(ink) is None
    ink[2, 25] = 1
    assert place(ink) == "top right"
    ink[14, 10:18] = 1
    assert place(ink) == "middle"


def test_what_is_asked_over_the_server(server: Any) -> None:
    status, answer, _ = ask(server, "POST", "/explain", STROKE.tobytes(), **SIZE)
    assert status == 200
    assert set(answer) == {"best", "other", "gap", "heat", "add", "remove", "change", "nearest"}
    status, answer, _ = ask(server, "POST", "/explain", STROKE.tobytes(), **SIZE, X_Other="3")
    assert status == 200
    assert 3 in (answer["best"], answer["other"])
    for wrong in ("10", "-1", "x", ""):
        assert ask(server, "POST", "/explain", STROKE.tobytes(), **SIZE, X_Other=wrong)[0] == 400
    assert ask(server, "POST", "/explain", bytes(6000), **SIZE)[0] == 422, "an empty page"


def test_the_page_that_follows_a_digit(server: Any, reader: Any) -> None:
    addresses = []
    for _ in range(2):
        status, answer, _ = ask(server, "POST", "/follow", STROKE.tobytes(), **SIZE)
        assert status == 200
        addresses.append(answer["address"])
        with urllib.request.urlopen(addresses[-1], timeout=20) as page:
            assert b"Follow this digit" in page.read()
    if addresses[0] != addresses[1]:
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(addresses[0], timeout=20)
    reader.close()
    assert reader.following is None
