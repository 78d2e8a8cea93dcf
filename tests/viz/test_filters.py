"""Filters: the images are the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import nn
from tinygrad_cnn.viz import plot_filters


def test_the_images_are_the_weights_on_one_scale_around_zero(run: Run) -> None:
    figure = plot_filters(run.model)
    weight = run.model[0].weight.numpy()
    images = figure.axes[0].images
    assert len(images) == 6
    top = np.abs(weight).max()
    for image, kernel in zip(images, weight, strict=True):
        np.testing.assert_array_equal(image.get_array(), kernel[0])
        assert image.get_clim() == pytest.approx((-top, top))
    assert figure.axes[0].get_title(loc="left") == "6 filters, 5x5 (layer 0)"
    assert len(figure.axes) == 2  # a colour bar


def test_three_channels_are_colours() -> None:
    weight = tg.randn(4, 3, 2, 2)
    weight[0, :, 0, 0] = 0.0
    figure = plot_filters(weight)
    images = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    top = np.abs(weight.numpy()).max()
    for image, kernel in zip(images, weight.numpy(), strict=True):
        np.testing.assert_allclose(image, kernel.transpose(1, 2, 0) / (2 * top) + 0.5, atol=1e-6)
    np.testing.assert_allclose(images[0][0, 0], 0.5)  # zero is grey
    assert max(image.max() for image in images) == pytest.approx(1) or min(i.min() for i in images) == pytest.approx(0)


def test_other_channels_make_rows(run: Run) -> None:
    figure = plot_filters(run.model[3], max_filters=12)
    weight = run.model[3].weight.numpy()  # (8, 6, 3, 3)
    images = figure.axes[0].images
    assert len(images) == 12
    np.testing.assert_array_equal(images[7].get_array(), weight[1, 1])
    rows = {round(image.get_extent()[3], 6) for image in images}
    assert len(rows) == 2
    assert figure.axes[0].get_title(loc="left") == "8 filters, 3x3 on 6 channels, 36 kernels not shown"


def test_weights_of_zero_and_of_nan_are_drawn() -> None:
    weight = np.zeros((2, 1, 3, 3))
    assert plot_filters(weight).axes[0].images[0].get_clim() == (-1, 1)
    weight[0, 0, 0, 0] = np.nan
    weight[1, 0] = 2
    figure = plot_filters(weight)
    assert figure.axes[0].images[0].get_clim() == (-2, 2)
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("layer", "options", "words"),
    [
        (nn.Linear(2, 2), {}, "has no Conv2d"),
        (np.zeros((2, 3, 3)), {}, r"\(O, C, kh, kw\)"),
        (np.zeros((2, 3, 3, 3), int), {}, "floating"),
        (nn.Conv2d(1, 2, 3), {"max_filters": 0}, "max_filters must be an integer >= 1"),
    ],
)
def test_what_cannot_be_drawn_is_said(layer: Any, options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plot_filters(layer, **options)
