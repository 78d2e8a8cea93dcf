"""The report: one file, all sections, escaped names, nothing from the network, a real browser where there is one."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz import styles
from tests.viz.conftest import Run
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz import probing

NASTY = '</script><b>"x" & $\\frac'
VOID = {"meta", "br", "img", "link"}


class Page(HTMLParser):
    """The elements, texts and ids of a page; balanced tags are checked on the way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), "no script in attributes"
            if name == "id":
                self.ids.append(value)
            elif name in ("src", "href", "xlink:href", "action", "data"):
                (self.references if value.startswith("#") else self.addresses).append(value.lstrip("#"))
            self.references += re.findall(r"url\(#([^)]*)\)", value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def text(run: Run, tmp_path_factory: Any) -> str:
    path = viz.report(
        tmp_path_factory.mktemp("report") / "runs" / "digits.html",
        run.model,
        tg.data.DataLoader(tg.data.TensorDataset(run.x, run.y), 90),
        history=run.histories[1],
        recorder=run.recorder,
        title=f"Digits {NASTY}",
        facts={NASTY: NASTY, "seed": 7},
        display_labels=[NASTY, *"123456789"],
    )
    assert path.name == "digits.html"
    assert [p.name for p in path.parent.iterdir()] == ["digits.html"]  # one file
    return path.read_text(encoding="utf-8")


def test_all_pictures_are_there(text: str) -> None:
    page = Page(text)
    headings = re.findall(r"<h2 [^>]*>(.*?)</h2>", text)
    assert headings == [
        "Summary", "Health", "Learning curves", "Confusion matrix", "Worst mistakes", "Filters", "Feature maps",
        "Saliency", "Grad-CAM", "Weights and gradients", "Activations", "Gradient flow", "Computation graph",
        "Layers",
    ]  # fmt: skip
    drawn = 12 + ("Not drawn: drawing a graph as svg needs Graphviz" not in text)
    assert page.tags.count("svg") == page.tags.count("figure") == page.tags.count("figcaption") == drawn
    assert page.tags.count("table") == 2


def test_the_summary_says_what_is_so(text: str, run: Run) -> None:
    rows = dict(re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', text))
    right = int((run.logits.argmax(1) == run.y).sum())
    assert rows["accuracy"] == f"{right / 4:.1f} % of 400 images ({400 - right} wrong)"
    expected = nn.functional.cross_entropy(tg.tensor(run.logits), tg.tensor(run.y)).item()
    assert float(rows["loss (cross-entropy)"]) == pytest.approx(expected, rel=1e-3)
    assert rows["parameters"] == f"{sum(p.numpy().size for p in run.model.parameters()):,}"
    seconds, speed = (run.histories[1][name] for name in ("seconds", "images_per_s"))
    assert rows["training"] == f"3 epochs in {sum(seconds):,.1f} s, {np.mean(speed):,.0f} images/s"
    assert rows["seed"] == "7"
    assert ">(400, 10)<" not in text
    assert text.count("<td>Conv2d</td>") == 2  # the table of layers


def test_it_needs_nothing_but_itself(text: str) -> None:
    page = Page(text)
    assert "script" not in page.tags
    assert all(address.startswith("data:image/png;base64,") or address == "data:," for address in page.addresses)
    assert page.addresses
    assert set(re.findall(r"https?://[\w./-]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }  # fmt: skip  (names, not addresses)
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_references_within_meet_their_targets(text: str) -> None:
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.references) <= set(page.ids)


def test_names_are_escaped(text: str) -> None:
    page = Page(text)
    assert "b" not in page.tags
    assert page.texts.count(NASTY) == 2  # fact and its value
    assert f"Digits {NASTY}" in page.texts
    assert "<b>" not in text
    assert "<!--" not in text  # Matplotlib puts texts into comments


def test_names_of_layers_are_escaped_too(tmp_path: Path) -> None:
    """They stand in captions, in the labels of pictures, in the table of layers."""
    tg.manual_seed(0)
    model = nn.Sequential({NASTY: nn.Conv2d(1, 2, 3), "flat": nn.Flatten(), "last": nn.Linear(32, 3)})
    text = viz.report(tmp_path / "r.html", model, (tg.randn(12, 1, 6, 6), tg.arange(12) % 3)).read_text("utf-8")
    page = Page(text)
    assert not {"b", "script"} & set(page.tags)
    assert f"What layer {NASTY} makes of one image." in page.texts
    assert NASTY in page.texts  # the table
    assert "<b>" not in text


def test_it_follows_light_and_dark(text: str) -> None:
    assert "color-scheme: light dark" in text
    assert "--ink: light-dark(" in text
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "var(--ink)" in drawn
    assert "var(--paper)" in drawn
    assert "#1b1c1e" not in drawn
    assert "#ffffff" not in re.sub(r'href="data:[^"]*"', "", drawn)  # no white boxes


def test_the_graph_is_that_of_the_model(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz", reason="pygraphviz, which brings Graphviz, is not installed")
    text = viz.report(tmp_path / "r.html", run.model, (run.x[:50], run.y[:50])).read_text()
    graph = text[text.index("Computation graph</h2>") : text.index("Layers</h2>")]
    for name, _ in run.model.named_parameters():
        assert f">{name}</text>" in graph
    assert 'fill="light-dark(#e6f1f9,#14293a)"' in graph
    assert not re.search(r'(fill|stroke)="(#|white|black)', graph)  # each colour has one for dark pages
    assert run.model.training


def test_settings_of_matplotlib_stay(run: Run, tmp_path: Path) -> None:
    import matplotlib
    from matplotlib import pyplot as plt

    with matplotlib.rc_context({"text.color": "red", "figure.facecolor": "black"}):
        before = dict(matplotlib.rcParams)
        path = viz.report(tmp_path / "r.html", run.model, (run.x[:50], run.y[:50]))
        assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []
    assert "#ff0000" not in path.read_text()


def test_what_does_not_apply_is_left_out(tmp_path: Path) -> None:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x = tg.randn(20, 1, 4, 4)
    y = model(x).numpy().argmax(1)  # all right
    path = viz.report(tmp_path / "r.html", model, (x, tg.tensor(y)), history={"loss": [1.0, 0.5]})
    text = path.read_text()
    headings = re.findall(r"<h2 [^>]*>(.*?)</h2>", text)
    assert headings == [
        "Summary",
        "Health",
        "Learning curves",
        "Confusion matrix",
        "Worst mistakes",
        "Saliency",
        "Activations",
        "Gradient flow",
        "Computation graph",
        "Layers",
    ]
    assert "There are none." in text
    assert "100 % of 20 images (0 wrong)" in text


@pytest.mark.parametrize("channels", [2, 3])
def test_images_of_other_channels(channels: int, tmp_path: Path) -> None:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(channels, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))
    path = viz.report(tmp_path / "r.html", model, (tg.randn(30, channels, 6, 6), tg.arange(30) % 4))
    assert ("cannot be shown" in path.read_text()) == (channels == 2)


@pytest.mark.filterwarnings("error")
def test_a_run_that_went_wrong_is_reported_too(tmp_path: Path) -> None:
    """NaN in the weights, in the history and in the scores."""
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))
    recorder = viz.HistogramRecorder()
    recorder.record(model)
    model[3].weight.numpy()[0] = np.nan
    recorder.record(model)
    x, history = tg.randn(30, 1, 6, 6), {"loss": [1.0, np.nan], "val_accuracy": [np.nan, np.nan]}
    path = viz.report(tmp_path / "r.html", model, (x, tg.arange(30) % 4), history=history, recorder=recorder)
    text = path.read_text()
    assert "nan" in text
    assert re.findall(r'class="warning">(.*?)</p>', text) == [
        "Gradients, not finite: 0 Conv2d (30 NaN), 3 Linear (196 NaN).",
        "The training met what is not finite, first in epoch 1: the weight 3.weight[0, 0] is not finite (48 NaN of "
        "192).",
        "The parameter 3.weight has values that are not finite, 48 NaN of 192, first at [0, 0].",
        "The first output that is not finite is that of 3 Linear: 30 NaN of 120 values.",
        "The scores of 30 of 30 images are not finite: what they say means nothing.",
    ]


def test_a_net_of_functions_is_reported_as_one_of_modules(tmp_path: Path) -> None:
    """Dead units come first, feature maps and Grad-CAM are those of F.conv2d."""
    tg.manual_seed(0)
    model = styles.LeNetOfNothingElse()
    model.conv1.bias.numpy()[[1, 4]] = -1000
    model.fc1.bias.numpy()[:] = -1000
    x, y = tg.randn(30, 1, 28, 28), tg.arange(30) % 10
    text = viz.report(tmp_path / "r.html", model, (x, y)).read_text()
    assert re.findall(r'class="warning">(.*?)</p>', text) == [
        "relu: 2 of 6 units are dead, zero for all 30 samples: 1, 4.",
        "relu_2 is dead: all 20 units are zero for all 30 samples. Nothing passes it, and what stands before it cannot "
        "learn.",
        "Gradients, all zero: conv1 Conv2d, conv2 Conv2d, fc1 Linear.",
    ]
    assert text.index("Health") < text.index("Confusion matrix</h2>")
    for name in ("conv2d", "conv2d_1"):
        assert f"What layer {name} makes of one image." in text
    assert "where layer conv2d_1 saw what speaks" in text
    assert "where layer relu_1 saw" in viz.report(tmp_path / "r.html", model, (x, y), layer="relu_1").read_text()
    healthy = viz.report(tmp_path / "r.html", nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), (x, y)).read_text()
    assert "No dead units, gradients in every layer, and all parameters, outputs and scores are finite." in healthy


@pytest.mark.parametrize(
    ("dead", "named"), [(1, "4"), (12, ", 14, 15"), (13, ", 15 and 1 more"), (15, ", 15 and 3 more")]
)
def test_twelve_dead_units_are_named(dead: int, named: str, tmp_path: Path) -> None:
    tg.manual_seed(0)
    layer = nn.Linear(784, 20)
    layer.bias.numpy()[:] = 1000
    layer.bias.numpy()[4 : 4 + dead] = -1000
    model = nn.Sequential(nn.Flatten(), layer, nn.ReLU(), nn.Linear(20, 10))
    text = viz.report(tmp_path / "r.html", model, (tg.randn(30, 1, 28, 28), tg.arange(30) % 10)).read_text()
    (said,) = re.findall(rf"{dead} of 20 units are dead, zero for all 30 samples: (.*?)\.<", text)
    assert said.startswith("4")
    assert said.endswith(named)


def test_the_model_is_left_as_it_was(run: Run, tmp_path: Path) -> None:
    run.model.train()
    before = {name: value.numpy().copy() for name, value in run.model.state_dict().items()}
    grads = [p.grad for p in run.model.parameters()]
    viz.report(tmp_path / "r.html", run.model, (run.x[:60], run.y[:60]), examples=2, layer="3")
    assert run.model.training
    assert all(np.array_equal(before[k], v.numpy()) for k, v in run.model.state_dict().items())
    assert all(a is b.grad for a, b in zip(grads, run.model.parameters(), strict=True))
    assert not any(m._forward_hooks for m in run.model.modules())


def test_what_the_pictures_are_given(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    seen = {}
    for name in ("plot_confusion_matrix", "plot_mistakes", "plot_saliency"):

        def draw(*args: Any, name: str = name, **kwargs: Any) -> Any:
            seen[name] = args, kwargs
            return getattr(viz, name)(*args, **kwargs)

        monkeypatch.setattr(f"tinygrad_cnn.viz.reporting.{name}", draw)
    pixels = np.round(255 * run.x[:, 0]).astype(np.uint8)
    data = tg.data.ImageDataset(pixels, run.y, tuple("abcdefghij"), "tests")
    viz.report(tmp_path / "r.html", run.model, tg.data.DataLoader(tg.data.Subset(data, range(399)), 25), examples=4)

    (targets, scores), options = seen["plot_confusion_matrix"]
    np.testing.assert_array_equal(targets, run.y[:399])
    np.testing.assert_allclose(scores, run.logits[:399], atol=1e-3)
    assert options["display_labels"] == list("abcdefghij")  # those of the dataset

    worst = viz.worst_mistakes(run.y[:399], run.logits[:399], count=24)
    images, targets, scores = seen["plot_mistakes"][0]
    np.testing.assert_array_equal(targets, run.y[worst])  # of all batches, worst first
    np.testing.assert_allclose(images, run.x[worst], atol=1e-6)

    first = [int(np.argmax(run.y == digit)) for digit in range(4)]
    np.testing.assert_allclose(seen["plot_saliency"][0][1], run.x[first], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"data": (np.zeros((3, 1, 28, 28), np.float32),)}, ValueError, r"batches of \(images, classes\)"),
        ({"data": np.zeros((3, 28, 28), np.float32)}, ValueError, r"\(images, classes\), got images without classes"),
        ({"data": []}, ValueError, "no batches"),
        ({"model": nn.Sequential(nn.Conv2d(1, 2, 3))}, ValueError, r"must give scores \(N, C\)"),
        ({"recorder": 3}, TypeError, "must be a HistogramRecorder"),
        ({"layer": "nose"}, ValueError, "no layer 'nose'"),
        ({"examples": 0}, ValueError, "examples must be an integer >= 1"),
        ({"display_labels": ["a"]}, ValueError, "1 names, but there are 10 classes"),
    ],
)
def test_bad_input_is_refused_and_no_file_written(
    run: Run, tmp_path: Path, options: Any, error: Any, words: str
) -> None:
    arguments = {"model": run.model, "data": (run.x[:9], run.y[:9]), **options}
    with pytest.raises(error, match=words):
        viz.report(tmp_path / "r.html", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_browser_draws_it_in_silence(text: str, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium to look at the report")
    page = tmp_path / "r.html"
    page.write_text(text, encoding="utf-8")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip("Chromium does not start here")
    assert done.stdout.count("<svg ") == text.count("<svg ")
    assert "CONSOLE" not in done.stderr, done.stderr


def test_a_terminal_sees_how_far_it_is(run: Run, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    screen = type("Terminal", (io.StringIO,), {"isatty": lambda _: True})()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(probing.Progress, "close", lambda self: totals.append((self._bar.n, self._bar.total)))
    totals: list[Any] = []
    viz.report(tmp_path / "report.html", run.model, (run.x[:50], run.y[:50]))
    assert screen.getvalue().startswith("\rreport  |")
    assert totals == [(8, 8)], "it comes to its end"
    screen.truncate(0)
    monkeypatch.undo()
    viz.report(tmp_path / "report.html", run.model, (run.x[:50], run.y[:50]), progress=False)
    assert capsys.readouterr() == ("", "")
