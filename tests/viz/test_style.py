"""What holds for all pictures: nothing global changes, no window, one sentence where Matplotlib is missing."""

from __future__ import annotations

import copy
import inspect
import re
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz.conftest import Run
from tinygrad_cnn import viz
from tinygrad_cnn.viz import style


def drawings(run: Run) -> dict[str, Any]:
    """Every plotting function, with what it needs."""
    statistics = viz.activation_statistics(run.model, run.x[:50])
    loss, model = tg.nn.functional.cross_entropy, copy.deepcopy(run.model)
    loss(model(tg.tensor(run.x[:20])), tg.tensor(run.y[:20])).backward()
    landscape = viz.loss_landscape(model, loss, (run.x[:20], run.y[:20]), points=3)
    return {
        "plot_learning_curves": lambda **k: viz.plot_learning_curves(run.histories, metrics="loss", **k),
        "plot_confusion_matrix": lambda **k: viz.plot_confusion_matrix(run.y, run.logits, **k),
        "plot_mistakes": lambda **k: viz.plot_mistakes(run.x, run.y, run.logits, **k),
        "plot_filters": lambda **k: viz.plot_filters(run.model, **k),
        "plot_feature_maps": lambda **k: viz.plot_feature_maps(run.model, run.x[:1], "3", **k),
        "plot_saliency": lambda **k: viz.plot_saliency(run.model, run.x[:3], **k),
        "plot_grad_cam": lambda **k: viz.plot_grad_cam(run.model, run.x[:3], "3", **k),
        "plot_histograms": lambda **k: viz.plot_histograms(run.recorder, parameters="0.weight", **k),
        "plot_activations": lambda **k: viz.plot_activations(statistics, **k),
        "plot_gradient_flow": lambda **k: viz.plot_gradient_flow(model, **k),
        "plot_loss_landscape": lambda **k: viz.plot_loss_landscape(landscape, **k),
    }


def test_every_plotting_function_is_here(run: Run) -> None:
    public = {n for n in viz.__all__ if n.startswith("plot_")}
    assert set(drawings(run)) == public


def test_settings_and_pyplot_stay_as_they_were(run: Run) -> None:
    import matplotlib
    from matplotlib import pyplot as plt

    before, opened = dict(matplotlib.rcParams), plt.get_fignums()
    for draw in drawings(run).values():
        figure = draw()
        assert isinstance(figure, matplotlib.figure.Figure)
        assert figure._repr_png_().startswith(b"\x89PNG")
        assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == opened


def test_they_fit_into_axes_of_the_user(run: Run) -> None:
    """Nothing overlaps its neighbours: captions in galleries stay within the Axes, or near it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 12), layout="constrained")
    places = list(figure.subplots(3, 4).ravel())
    for name, draw in drawings(run).items():
        ax = [places.pop(), places.pop()] if name == "plot_activations" else places.pop()
        assert draw(ax=ax) is figure
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()


def test_a_dark_style_sheet_makes_dark_pictures(run: Run) -> None:
    import matplotlib.style

    with matplotlib.style.context("dark_background"):
        figure = viz.plot_confusion_matrix(run.y, run.logits)
    assert figure.get_facecolor() == (0, 0, 0, 1)
    assert figure.axes[0].texts[0].get_color() == "white"


def test_in_an_svg_small_images_stay_pixel_by_pixel(run: Run) -> None:
    import io

    out = io.StringIO()
    viz.plot_mistakes(run.x, run.y, run.logits, count=5).savefig(out, format="svg")
    sizes = re.findall(r'<image [^>]*?width="([\d.]+)" height="([\d.]+)"', out.getvalue(), re.DOTALL)
    assert [(float(w), float(h)) for w, h in sizes] == [(28, 28)] * 5  # not one picture of all, resampled


def test_texts_of_users_are_no_formulas() -> None:
    model = tg.nn.Sequential()
    model.add_module("$\\frac{1}", tg.nn.Conv2d(1, 2, 3))
    figure = viz.plot_filters(model)
    figure.draw_without_rendering()  # a broken formula would raise
    assert figure.axes[0].get_title(loc="left") == "2 filters, 3x3 (layer \\$\\frac{1})"
    recorder = viz.HistogramRecorder()
    recorder.record(model)
    assert viz.plot_histograms(recorder).axes[0].get_title(loc="left") == "\\$\\frac{1}.weight"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"), (1, "100 %"), (0.5, "50.0 %"), (0.9996, "99.96 %"), (0.99999, "> 99.99 %"), (1e-7, "< 0.01 %"),
        (0.004, "0.40 %"), (float("nan"), "?"),
    ],
)  # fmt: skip
def test_shares_never_round_to_certainty(share: float, text: str) -> None:
    assert style.percent(share) == text


def test_without_matplotlib_one_sentence_says_what_to_install(run: Run, monkeypatch: Any, tmp_path: Path) -> None:
    functions = drawings(run)
    functions["report"] = lambda: viz.report(tmp_path / "r.html", run.model, (run.x, run.y))
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"] + ["matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name, draw in functions.items():
        with pytest.raises(ImportError, match=r"^pictures need Matplotlib, .*pip install 'tinygrad-cnn\[viz\]'$"):
            draw()
        assert name
    assert viz.saliency_map(run.model, run.x[:1]).shape == (1, 28, 28)  # arrays need no Matplotlib


def test_nothing_is_loaded_before_the_first_picture() -> None:
    code = (
        "import sys, tinygrad_cnn as tg\n"
        "assert 'tinygrad_cnn.viz' not in sys.modules\n"
        "tg.viz.saliency_map, tg.viz.HistogramRecorder, tg.viz.report\n"
        "assert 'tinygrad_cnn.viz.saliency' in sys.modules\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('matplotlib', 'PIL', 'graphviz')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(tg.__file__).parents[1])


def test_names_are_lazy_and_complete() -> None:
    assert set(viz.__all__) <= set(dir(viz))
    for name in viz.__all__:
        value = getattr(viz, name)
        assert value.__doc__, name
        if isinstance(value, types.FunctionType):
            given = [p.annotation for p in inspect.signature(value).parameters.values()]
            assert inspect.Parameter.empty not in given, name
            assert "return" in value.__annotations__, name
    modules = {path.stem for path in Path(viz.__file__).parent.iterdir()}
    assert modules & set(viz.__all__) == set()  # else `from viz import name` could give either
    with pytest.raises(AttributeError, match="no attribute 'plot_everything'"):
        viz.plot_everything  # noqa: B018


def test_a_single_axes_in_a_list_is_fine() -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert viz.plot_filters(np.zeros((1, 1, 2, 2)), ax=[ax]) is ax.figure
