"""Feature maps: what a hook sees, and a model left as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn.viz import feature_maps, plot_feature_maps


def test_they_are_the_layer_s_output(run: Run) -> None:
    with tg.no_grad():
        expected = run.model[1](run.model[0](tg.tensor(run.x[:7]))).numpy()
    np.testing.assert_allclose(feature_maps(run.model, run.x[:7], "1", batch_size=3), expected, atol=1e-5)
    np.testing.assert_allclose(feature_maps(run.model, tg.tensor(run.x[:7]), run.model[1]), expected, atol=1e-5)
    assert feature_maps(run.model, run.x[:2], "8").shape == (2, 32)


class Brighter(tg.nn.Module):
    """Writes into the memory of its input."""

    def forward(self, x: Any) -> Any:
        x += 100
        return x


@pytest.mark.parametrize("behind", [tg.nn.ReLU(inplace=True), Brighter()])
def test_what_works_in_place_behind_a_layer_is_no_part_of_its_maps(behind: tg.nn.Module) -> None:
    tg.manual_seed(0)
    model = tg.nn.Sequential(tg.nn.Conv2d(1, 4, 3), behind, tg.nn.Flatten())
    x = tg.randn(3, 1, 6, 6)
    maps = feature_maps(model, x, "0", batch_size=2)
    np.testing.assert_allclose(maps, model[0](x).numpy(), atol=1e-6)
    expected = maps + 100 if isinstance(behind, Brighter) else np.maximum(maps, 0)
    np.testing.assert_allclose(feature_maps(model, x, "1", batch_size=2), expected, atol=1e-5)


def test_the_picture_shows_the_image_and_its_maps(run: Run) -> None:
    figure = plot_feature_maps(run.model, run.x[:4], "1", index=2)
    maps = feature_maps(run.model, run.x[:4], "1")[2]
    first, *others = figure.axes[0].images
    np.testing.assert_array_equal(first.get_array(), run.x[2, 0])
    assert len(others) == 6
    for image, one in zip(others, maps, strict=True):
        np.testing.assert_allclose(image.get_array(), one, atol=1e-6)
        assert image.get_clim() == pytest.approx((0, maps.max()))
    assert [t.get_text() for t in figure.axes[0].texts] == ["input", *"012345"]
    assert figure.axes[0].get_title(loc="left") == "1 (ReLU): 6 maps, 24x24"


def test_signed_maps_have_a_scale_around_zero(run: Run) -> None:
    figure = plot_feature_maps(run.model, run.x[:1], "0", max_maps=2)
    top = np.abs(feature_maps(run.model, run.x[:1], "0")[0, :2]).max()
    assert figure.axes[0].images[1].get_clim() == pytest.approx((-top, top))
    assert figure.axes[0].get_title(loc="left").endswith("the first 2")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"layer": "nose"}, ValueError, "no layer 'nose'; it has '0', '1'"),
        ({"layer": 3}, TypeError, "a name or a module"),
        ({"layer": tg.nn.ReLU()}, ValueError, "no part of the model"),
        ({"layer": "7"}, ValueError, r"no maps \(N, K, h, w\), but shape \(N, 32,\)"),
        ({"x": np.zeros((1, 28, 28), np.float32)}, ValueError, r"x\[None\]"),
        ({"x": np.zeros((1, 1, 28, 28), np.uint8)}, TypeError, "floating dtype"),
        ({"x": np.zeros((0, 1, 28, 28), np.float32)}, ValueError, "at least one"),
        ({"index": 4}, IndexError, "index must be an integer below 1"),
        ({"model": len}, TypeError, "must be an nn.Module"),
    ],
)
def test_what_cannot_be_drawn_is_said(run: Run, options: Any, error: Any, words: str) -> None:
    arguments = {"model": run.model, "x": run.x[:1], "layer": "1", **options}
    with pytest.raises(error, match=words):
        plot_feature_maps(**arguments)
