"""Saliency and Grad-CAM drawn: image above, map below, and the words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import nn
from tinygrad_cnn.viz import grad_cam, plot_grad_cam, plot_saliency, saliency_map


@pytest.mark.parametrize("cam", [False, True], ids=["saliency", "cam"])
def test_the_maps_lie_over_the_images(run: Run, cam: bool) -> None:
    x = run.x[:3]
    figure = plot_grad_cam(run.model, x, "3", target=4) if cam else plot_saliency(run.model, x, target=4)
    maps = grad_cam(run.model, x, "3", 4) if cam else saliency_map(run.model, x, 4)
    (ax,) = figure.axes
    assert len(ax.images) == 9  # above; below: dimmed, map
    for i in range(3):
        above, dimmed, heat = ax.images[3 * i : 3 * i + 3]
        np.testing.assert_array_equal(above.get_array(), x[i, 0])
        np.testing.assert_allclose(dimmed.get_array(), 0.6 * x[i, 0])
        top = maps[i].max() or 1
        np.testing.assert_allclose(heat.get_array()[..., 3], maps[i] / top, atol=1e-5)
        assert dimmed.get_extent() == heat.get_extent()
        assert above.get_extent()[:2] == heat.get_extent()[:2]
        assert above.get_extent()[2] < heat.get_extent()[3]  # it stands above
    texts = [t.get_text() for t in ax.texts]
    assert [t.split(":")[0] for t in texts[:3]] == [str(k) for k in run.logits[:3].argmax(1)]
    assert texts[3:] == ["for 4"] * 3
    title = ax.get_title(loc="left")
    assert title == ("Grad-CAM, layer 3" if cam else "saliency")


@pytest.mark.parametrize("draw", [lambda *a, **k: plot_grad_cam(*a, "0", **k), plot_saliency], ids=["cam", "saliency"])
def test_a_title_of_ones_own_or_none(draw: Any) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 3))
    x = tg.randn(1, 1, 6, 6)
    for title, drawn in (("mine", "mine"), (None, "")):
        (ax,) = draw(model, x, title=title).axes
        assert ax.get_title(loc="left") == drawn


def test_captions_shrink_with_the_axes_they_are_drawn_on() -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 3))
    points = []
    for width in (8, 2, 1):
        figure, ax = plt.subplots(figsize=(width, 6))
        plot_saliency(model, tg.randn(6, 1, 6, 6), ax=ax)
        points.append(ax.texts[0].get_fontsize())
        plt.close(figure)
    assert points[0] > points[1] > points[2]


@pytest.mark.parametrize("channels", [2, 3])
def test_images_of_other_channels(channels: int) -> None:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(channels, 2, 3), nn.Flatten(), nn.Linear(32, 3))
    x = tg.randn(2, channels, 6, 6)
    figure = plot_saliency(model, x, display_labels=["cat", "dog", "$"])
    shapes = [np.shape(image.get_array()) for image in figure.axes[0].images[:2]]
    assert shapes == [(6, 6, 3) if channels == 3 else (6, 6), (6, 6)]
    with pytest.raises(ValueError, match="2 names, but there are 3 classes"):
        plot_grad_cam(model, x, "0", display_labels=["cat", "dog"])


def test_errors_are_those_of_the_maps(run: Run) -> None:
    arguments: list[tuple[Any, ...]] = [(run.model, run.x[:1], "nose"), (run.model, run.x[0], "3")]
    for given in arguments:
        with pytest.raises(ValueError, match="plot_grad_cam"):
            plot_grad_cam(*given)
