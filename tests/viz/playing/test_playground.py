"""What goes into the page of the playground, and what does not."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz.playing.layers import layers_of


def data(page: viz.Page) -> Any:
    """What the page was given."""
    found = re.search(r'id="playground">(.*?)</script>', page.html, re.DOTALL)
    assert found
    return json.loads(found[1])


def small(*more: nn.Module, first: int = 2, last: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(first, 3), nn.Tanh(), nn.Linear(3, last), *more)


X, Y = np.array([[0.0, 4], [2, 1], [-2, 2]]), np.array([0, 1, 0])


def test_the_weights_are_the_models_to_the_last_bit() -> None:
    inner = nn.Sequential(nn.LeakyReLU(0.2), nn.Identity())
    model = nn.Sequential(nn.Linear(2, 4), inner, nn.Linear(4, 3, bias=False), nn.GELU(), nn.Linear(3, 2))
    given = data(viz.playground(model, X, Y))
    assert [layer["activation"] for layer in given["layers"]] == ["leaky_relu", "gelu", "none"]
    assert given["layers"][0]["slope"] == 0.2
    assert given["layers"][1]["bias"] is None
    parameters = [layer[name] for layer in given["layers"] for name in ("weight", "bias") if layer[name] is not None]
    for one, other in zip(parameters, model.parameters(), strict=True):
        np.testing.assert_array_equal(np.float32(one), other.numpy())
    assert given["points"] == [[0, 4, 0], [2, 1, 1], [-2, 2, 0]]
    assert given["settings"]["data"] == "given"


def test_the_plane_holds_all_points_and_is_a_square() -> None:
    (left, right), (low, high) = data(viz.playground(None, X, Y, test=([[7.0, 0]], [1])))["plane"]
    assert left < -2 < 7 < right
    assert low < 0 < 4 < high
    assert right - left == pytest.approx(high - low)


def test_without_arguments_two_spirals_and_sixteen_neurons_twice() -> None:
    before = tg.get_rng_state()
    given = data(viz.playground())
    assert given["settings"]["data"] == "spirals"
    assert [layer["units"] for layer in given["layers"]] == [16, 16, 2]
    assert np.array_equal(before, tg.get_rng_state()), "the browser draws"
    assert viz.playground().html == viz.playground().html


def test_texts_are_texts() -> None:
    awkward = "</script><b>&\u2028'\""
    given = data(viz.playground(None, X, Y, title=awkward, display_labels=[awkward, "two"]))
    assert given["title"] == given["names"][0] == awkward
    assert "<b>" not in viz.playground(title=awkward).html


def test_the_page_shows_the_engine_that_runs_in_it() -> None:
    page = viz.playground().html
    found = re.search(r'id="engine-text">(.*?)</script>', page, re.DOTALL)
    assert found
    assert json.loads(found[1]) in page


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (nn.Linear(2, 2), TypeError, "must be a Sequential of Linear, .* got Linear"),
        (small(nn.Conv2d(1, 1, 1)), TypeError, r"has no Conv2d \(3\)"),
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 2)), TypeError, r"layer 1 \(Dropout\) draws"),
        (small(nn.Sigmoid()), ValueError, "must end with a Linear, .* got sigmoid behind it"),
        (nn.Sequential(nn.Tanh(), nn.Linear(2, 2)), ValueError, r"layer 0 \(Tanh\) must stand directly"),
        (small(nn.Tanh(), nn.ReLU(), nn.Linear(2, 2)), ValueError, r"layer 4 \(ReLU\) must stand directly behind"),
        (small(first=3), ValueError, "in_features=2, got 3"),
        (small(nn.Linear(3, 2)), ValueError, "gives 2 numbers stands before one that takes 3"),
        (small(last=7), ValueError, "room for 6 classes, the model has 7 outputs"),
        (nn.Sequential(nn.Linear(2, 33), nn.Linear(33, 2)), ValueError, "6 hidden layers of 32 neurons, got 1 with"),
        (nn.Sequential(*(nn.Linear(2, 2) for _ in range(8))), ValueError, "got 7 with at most 2"),
        (nn.Sequential(*[nn.Linear(2, 2)] * 2), ValueError, r"layer 1 \(Linear\) is used twice"),
        (nn.Sequential(nn.Linear(2, 2), nn.GELU("tanh"), nn.Linear(2, 2)), ValueError, "must be exact"),
        (nn.Sequential(), ValueError, "no Linear layer"),
    ],
)  # fmt: skip
def test_models_that_the_page_cannot_train(model: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        viz.playground(model, X, Y)


def test_one_output_will_do_for_two_classes() -> None:
    assert data(viz.playground(small(last=1), X, Y))["classes"] == 2
    with pytest.raises(ValueError, match="3 classes, and the model has outputs for 1"):
        viz.playground(small(last=1), X, 2 * Y)


def test_weights_that_are_not_finite_are_named() -> None:
    model = small()
    model[2].bias.data[0] = np.nan
    with pytest.raises(ValueError, match=r"the bias of layer 2 \(Linear\) has values that are not finite"):
        layers_of(model)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"points": X}, ValueError, "points and labels come together"),
        ({"test": (X, Y)}, ValueError, "test points need points"),
        ({"points": X.T, "labels": Y}, ValueError, r"shape \(N, 2\), got \(2, 3\)"),
        ({"points": X, "labels": Y[:2]}, ValueError, r"labels of the shape \(3,\), got \(2,\)"),
        ({"points": X, "labels": Y + 0.5}, TypeError, "integers, got float64"),
        ({"points": X, "labels": Y - 1}, ValueError, "0 to 5, got -1 to 0"),
        ({"points": X, "labels": Y + 5}, ValueError, "0 to 5, got 5 to 6"),
        ({"points": X + np.inf, "labels": Y}, ValueError, "finite"),
        ({"points": np.zeros((2001, 2)), "labels": np.zeros(2001, int)}, ValueError, "room for 2000 points, got 2001"),
        ({"points": X, "labels": Y, "test": X}, TypeError, "pair .points, labels., got ndarray"),
        ({"points": X, "labels": Y, "test": X[:2]}, TypeError, "pair .points, labels., got ndarray"),
        ({"points": X, "labels": Y, "test": (X, Y, Y)}, TypeError, "pair .points, labels., got tuple"),
        ({"model": small(), "points": X, "labels": Y + 1}, ValueError, "3 classes, and the model has outputs for 2"),
        ({"points": X, "labels": Y, "display_labels": ["one"]}, ValueError, "2 classes need as many"),
        ({"optimizer": "adam"}, ValueError, 'must be "Adam" or "SGD", got \'adam\''),
        ({"lr": 10.0}, ValueError, "lr must lie in 0.0001 to 3.0, got 10.0"),
        ({"momentum": float("nan")}, ValueError, "momentum must lie in"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        viz.playground(**arguments)


def test_tensors_and_lists_are_points_too() -> None:
    lists = data(viz.playground(None, X.tolist(), Y.tolist()))
    assert lists == data(viz.playground(None, tg.tensor(X), tg.tensor(Y)))
