"""The small parts that pictures share: numbers in words, grids, what is refused, what is wrong with a run, pages."""

from __future__ import annotations

import base64
import itertools
import json
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz import probing, style, tiles
from tinygrad_cnn.viz.activations import LayerActivations
from tinygrad_cnn.viz.comparison import judging
from tinygrad_cnn.viz.comparison.comparing import _fact
from tinygrad_cnn.viz.flow import LayerGradients
from tinygrad_cnn.viz.following.packing import Packer
from tinygrad_cnn.viz.following.page import told as followed
from tinygrad_cnn.viz.health import findings
from tinygrad_cnn.viz.histograms import Histogram
from tinygrad_cnn.viz.kit.page import Page, document, embedded, framed, plain, web
from tinygrad_cnn.viz.operations import unit_axis
from tinygrad_cnn.viz.pages import Section, cell, page


# ------------------------------------------------------------------------------------------------- numbers in words
@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.01, "1.0 %"),
        (0.00999, "1.00 %"),
        (0.0099, "0.99 %"),
        (0.99, "99.0 %"),
        (0.9901, "99.01 %"),
        (0.995, "99.50 %"),
        (0.9999, "99.99 %"),
        (0.99999, "> 99.99 %"),
        (0.0001, "0.01 %"),
        (0.00004, "< 0.01 %"),
        (-0.1, "-10.00 %"),
        (1.5, "150.00 %"),
        (float("inf"), "?"),
        (0.123456, "12.3 %"),
    ],
)
def test_shares(share: float, text: str) -> None:
    assert style.percent(share) == text


@pytest.mark.parametrize(
    ("nans", "infs", "total", "text"),
    [
        (0, 0, 5, ""),
        (3, 0, 1200, "3 NaN of 1,200"),
        (0, 1, 1, "1 infinite of 1"),
        (1000, 2, 5000, "1,000 NaN, 2 infinite of 5,000"),
    ],
)
def test_what_is_not_finite(nans: int, infs: int, total: int, text: str) -> None:
    assert style.not_finite(nans, infs, total) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "True"),
        (None, "None"),
        (5, "5"),
        (1234567, "1,234,567"),
        (999.96, "1000"),
        (1000.0, "1,000.0"),
        (-12345.67, "-12,345.7"),
        (0.000123456, "0.0001235"),
        (12.3456, "12.35"),
        (float("nan"), "nan"),
        ((1, 2), "(1, 2)"),
    ],
)
def test_cells_of_a_table(value: Any, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize(
    ("a", "b", "share", "expected"),
    [
        (2.0, 3.0, False, ["2", "3", "+50.0 %"]),
        (4.0, 3.0, False, ["4", "3", "\N{MINUS SIGN}25.0 %"]),
        (-2.0, -3.0, False, ["-2", "-3", "\N{MINUS SIGN}50.0 %"]),
        (0.0, 3.0, False, ["0", "3", ""]),
        (2.0, 2.0, False, ["2", "2", "same"]),
        (2.0, float("nan"), False, ["2", "nan", ""]),
        (1500, 3000, False, ["1,500", "3,000", "+100.0 %"]),
        (0.5, 0.625, True, ["50.0 %", "62.5 %", "+12.50 points"]),
        (0.5, 0.25, True, ["50.0 %", "25.0 %", "\N{MINUS SIGN}25.00 points"]),
        (0.5, 0.5, True, ["50.0 %", "50.0 %", "same"]),
    ],
)
def test_two_values_and_what_lies_between_them(a: float, b: float, share: bool, expected: list[str]) -> None:
    assert _fact("it", a, b, share=share) == ["it", *expected]


@pytest.mark.parametrize("apart", [0, 1, 40, 100])
@pytest.mark.parametrize("n", [998, 1000, 1002, 1500])
def test_the_chance_of_many_is_nearly_the_exact_one(n: int, apart: int) -> None:
    import math

    a, b = (n + apart) // 2, n - (n + apart) // 2
    exact = min(1.0, 2 * sum(math.comb(n, k) for k in range(min(a, b) + 1)) / 2**n)
    assert judging.chance(a, b) == judging.chance(b, a) == pytest.approx(exact, rel=0.02, abs=1e-6)


# -------------------------------------------------------------------------------------------------------------- grids
@pytest.mark.parametrize("count", range(1, 70))
def test_grids_are_wider_than_high_and_nearly_full(count: int) -> None:
    columns = tiles.wide(count)
    rows = -(-count // columns)
    assert 1 <= columns <= count
    assert rows * columns - count <= max(2, count // 8)
    if count > 3:
        assert 1.2 <= columns / rows <= 12


def test_grids_that_look_well() -> None:
    assert [tiles.wide(n) for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)] == [1, 2, 3, 4, 3, 4, 6, 8, 8, 8, 12, 16]


# -------------------------------------------------------------------------------------------------------------- refused
@pytest.mark.parametrize("value", [True, 0, -1, 1.0, "2", None])
def test_a_whole_number_is_one(value: Any) -> None:
    with pytest.raises(ValueError, match=f"f: n must be an integer >= 1, got {value!r}"):
        style.whole(value, "n", "f")
    assert style.whole(np.int16(3), "n", "f") == 3
    assert style.whole(1, "n", "f") == 1
    assert style.whole(0, "n", "f", 0) == 0
    assert type(style.whole(np.int16(3), "n", "f")) is int


def model() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))


X = np.ones((2, 1, 4, 4), np.float32)
Y = np.array([0, 1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: probing.as_input(model(), X[0], "f"),
            ValueError,
            r"got shape \(1, 4, 4\); put a batch dimension before",
        ),
        (lambda: probing.as_input(model(), X[:0], "f"), ValueError, r"at least one, got shape \(0, 1, 4, 4\)$"),
        (lambda: probing.as_input(model(), X.astype(int), "f"), TypeError, "f: x must be of a floating dtype"),
        (lambda: viz.saliency_map(model(), X, target=[0]), ValueError, r"one class for each of 2 images, got \[0\]"),
        (lambda: viz.saliency_map(model(), X, target=1.0), ValueError, "target must be None, a class or one class"),
        (lambda: viz.saliency_map(model(), X, target=3), ValueError, r"classes in 0\.\.2, got 3\.\.3"),
        (lambda: viz.saliency_map(model(), X, target=[-1, 0]), ValueError, r"classes in 0\.\.2, got -1\.\.0"),
        (
            lambda: viz.saliency_map(model()[:2], X),
            ValueError,
            r"scores \(N, C\) for 2 images, got shape \(2, 2, 2, 2\)",
        ),
        (lambda: viz.grad_cam(model(), X, "3"), ValueError, r"'3' must be \(N, K, h, w\), got shape \(2, 3\)"),
        (lambda: viz.grad_cam(model(), X, "nose"), ValueError, "no layer 'nose'; it has '0', '1', '2', '3'$"),
        (lambda: viz.grad_cam(model(), X, 3), TypeError, "layer must be a name or a module of the model, got int"),
        (lambda: viz.grad_cam(model(), X, nn.ReLU()), ValueError, "the layer ReLU is no part of the model"),
        (
            lambda: viz.plot_feature_maps(model(), X, "0", index=2),
            IndexError,
            "an integer below 2, the number of images",
        ),
        (lambda: viz.plot_feature_maps(model(), X, "0", index=-3), IndexError, "got -3"),
        (lambda: viz.plot_feature_maps(model(), X, "0", index=True), IndexError, "got True"),
        (lambda: viz.plot_feature_maps(model(), X, "3"), ValueError, r"gives no maps \(N, K, h, w\), but shape \(N, 3"),
        (lambda: viz.plot_feature_maps(model(), X, "0", max_maps=0), ValueError, "max_maps must be an integer >= 1"),
        (lambda: viz.worst_mistakes([0.5], np.ones((1, 2))), TypeError, "targets must be classes"),
        (
            lambda: viz.worst_mistakes([0], np.ones(2)),
            ValueError,
            r"scores \(N, C\) for targets \(N,\), got shapes \(2,\)",
        ),
        (lambda: viz.worst_mistakes([2], np.ones((1, 2))), ValueError, r"targets must lie in 0\.\.1, got 2\.\.2"),
        (lambda: viz.worst_mistakes([-1], np.ones((1, 2))), ValueError, r"got -1\.\.-1"),
        (
            lambda: viz.worst_mistakes([0], np.array([[0.5, 1.1]]), from_logits=False),
            ValueError,
            r"\[0, 1\], got 0.5\.\.1.1",
        ),
        (
            lambda: viz.worst_mistakes([0], np.array([[-0.5, 1.0]]), from_logits=False),
            ValueError,
            "needs probabilities",
        ),
        (lambda: viz.worst_mistakes([0], np.ones((1, 2)), count=0), ValueError, "count must be an integer >= 1"),
        (lambda: viz.plot_mistakes(X[:1], Y, np.eye(2)), ValueError, "1 images, but outputs for 2"),
        (lambda: viz.gradient_flow(model()), ValueError, "no parameter of the model has a gradient; call backward"),
        (lambda: viz.gradient_flow(model(), far=1), ValueError, "far must be a number of more than 1, got 1"),
        (lambda: viz.gradient_flow(model(), far=True), ValueError, "far must be a number of more than 1, got True"),
        (
            lambda: viz.loss_landscape(model(), nn.CrossEntropyLoss(), (X, Y), span=0),
            ValueError,
            "span must be a positive",
        ),
        (
            lambda: viz.loss_landscape(model(), nn.CrossEntropyLoss(), (X, Y), span=np.inf),
            ValueError,
            "span must be a pos",
        ),
        (lambda: viz.loss_landscape(model(), nn.CrossEntropyLoss(), (X, Y), span=True), ValueError, "got True"),
        (
            lambda: viz.loss_landscape(model(), nn.CrossEntropyLoss(), (X, Y), points=1),
            ValueError,
            "points must be an inte",
        ),
        (lambda: viz.layers_of(3, X), TypeError, r"layers_of: model must be an nn.Module, got int"),  # type: ignore[arg-type]
        (
            lambda: tiles.as_pictures(np.ones((1, 2, 4, 4)), "f"),
            ValueError,
            r"f: images must be .* got shape \(1, 2, 4, 4\)",
        ),
        (lambda: web("nose"), ValueError, "there is no part 'nose'; there are dom, numbers"),
        (lambda: viz.plot_confusion_matrix([[1, -1], [0, 1]]), ValueError, "a square matrix of counts"),
        (lambda: viz.playground(optimizer="Adamw"), ValueError, "optimizer"),
        (lambda: viz.compare({"loss": [1.0]}, {"loss": [1.0]}, names=("a", "a")), ValueError, "two different texts"),
        (lambda: viz.compare({"loss": [1.0]}, {"loss": [1.0]}, names="ab"), ValueError, "two different texts"),
        (lambda: viz.compare(model(), model()), TypeError, "pass data, such as .images, labels., or input_data"),
        (lambda: viz.compare({"loss": [1.0]}, {"loss": [1.0]}, input_data=X), TypeError, "data is for nets"),
        (lambda: viz.follow(model(), X), ValueError, r"one sample .* got shape \(2, 1, 4, 4\); pass x\[:1\]"),
        (lambda: viz.follow(model(), X[:1], target=3), ValueError, "one of 3 outputs, 0 to 2, got 3"),
        (lambda: viz.follow(model(), X[:1], max_megabytes=1e-4), ValueError, "the page would take 0.0 MB"),
    ],
)
def test_it_says_what_came_and_what_was_expected(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_of_many_layers_the_first_are_named() -> None:
    many = nn.Sequential(*(nn.Tanh() for _ in range(30)))
    with pytest.raises(ValueError, match=r"'23' and 6 more: see viz\.layers_of"):
        viz.feature_maps(many, X, "nose")
    few = nn.Sequential(*(nn.Tanh() for _ in range(24)))
    with pytest.raises(ValueError, match=r"'22', '23'$"):
        viz.feature_maps(few, X, "nose")


# ------------------------------------------------------------------------------------------------- what a run may have
def test_as_many_are_shown_as_the_documentation_says() -> None:
    pytest.importorskip("matplotlib")
    wrong = np.zeros(40, int), np.eye(2)[np.ones(40, int)]
    assert len(viz.plot_mistakes(np.zeros((40, 4, 4)), *wrong).axes[0].images) == 16
    assert len(viz.plot_filters(np.ones((70, 1, 3, 3))).axes[0].images) == 64
    assert len(viz.plot_filters(np.ones((3, 18, 3, 3))).axes[0].images) == 3 * 16
    deep = nn.Sequential(nn.Conv2d(1, 40, 3))
    assert len(viz.plot_feature_maps(deep, X, "0").axes[0].images) == 1 + 32
    recorder = viz.HistogramRecorder()
    recorder.record(nn.Sequential(*(nn.Linear(2, 2) for _ in range(8))))
    assert len(viz.plot_histograms(recorder).axes) == 6
    assert len(recorder.weights["0.weight"][0].counts) == 64  # type: ignore[union-attr]


def test_a_landscape_is_as_large_as_the_documentation_says() -> None:
    tg.manual_seed(0)
    net = nn.Linear(2, 2)
    data = (np.ones((2, 2), np.float32), np.array([0, 1]))
    found = viz.loss_landscape(net, nn.CrossEntropyLoss(), data, progress=False)
    assert found.losses.shape == (21, 21)
    np.testing.assert_allclose(found.a, np.linspace(-1, 1, 21))
    again = viz.loss_landscape(net, nn.CrossEntropyLoss(), data, progress=False, seed=0, span=1.0)
    other = viz.loss_landscape(net, nn.CrossEntropyLoss(), data, progress=False, seed=1)
    np.testing.assert_array_equal(found.losses, again.losses)
    assert not np.array_equal(found.losses, other.losses)
    path = [{k: v.numpy() - s for k, v in net.state_dict().items()} for s in (2.0, 1.0)]
    walked = viz.loss_landscape(net, nn.CrossEntropyLoss(), data, path=path, points=5, progress=False)
    assert walked.path is not None
    low, high = walked.path[:, 0].min(), walked.path[:, 0].max()
    np.testing.assert_allclose(walked.a, np.linspace(low - 0.25 * (high - low), high + 0.25 * (high - low), 5))
    np.testing.assert_allclose(walked.b, np.linspace(-1, 1, 5), atol=1e-6)  # along a line there is room beside it
    assert walked.path[0, 0] < 0
    assert walked.explained == pytest.approx((1.0, 0.0), abs=1e-6)


@pytest.mark.parametrize(
    ("h", "constant", "text"),
    [
        (Histogram(np.array([1.0, 2.0]), np.array([3]), 0, 0), None, ""),
        (Histogram(np.array([1.0, 1.0]), np.array([3]), 0, 0), 1.0, ""),
        (Histogram(np.array([0.0, 1.0]), np.array([0]), 4, 1), None, "1 NaN, 3 infinite of 4"),
        (Histogram(np.array([1.0, 1.0]), np.array([2]), 3), 1.0, "3 not finite of 5"),
        (Histogram(np.array([0.0, 0.0]), np.array([0]), 1, 1), None, "1 NaN of 1"),
    ],
)
def test_a_histogram_knows_what_it_is_of(h: Histogram, constant: float | None, text: str) -> None:
    assert h.constant == constant
    assert str(h) == text


def layer(name: str, zeros: list[float], nans: int = 0) -> LayerActivations:
    units = np.array(zeros)
    return LayerActivations(name, "ReLU", units.shape, 9, 0.0, 1.0, 0.5, units, units, units, 1, nans, 0)


def gradients(name: str, verdict: str, nans: int = 0) -> LayerGradients:
    return LayerGradients(name, "Linear", 3, 0.1, 0.2, 0.0, nans, 0, 0, None, verdict)


def test_what_is_wrong_is_said_once_for_each_thing() -> None:
    net = nn.Linear(2, 2)
    scores = np.ones((3, 2))
    assert findings(net, [layer("a", [0.5, 0.9])], [gradients("a", "")], None, scores) == []
    dead = [layer("a", [1, 0.5, 1]), layer("b", [1, 0, 1]), layer("c", [1.0, 1.0]), layer("d", [1.0] * 20 + [0.5])]
    found = findings(net, dead, [], None, scores)
    assert found[0] == "a ReLU: 2 of 3 units are dead, zero for all 9 samples: 0, 2."
    assert found[1].startswith("c ReLU is dead: all 2 units are zero for all 9 samples.")
    assert (
        found[2]
        == f"d ReLU: 20 of 21 units are dead, zero for all 9 samples: {', '.join(map(str, range(12)))} and 8 more."
    )
    assert len(found) == 3
    flow = [
        gradients("a", "vanishing"),
        gradients("b", "exploding"),
        gradients("c", "vanishing"),
        gradients("", "2 NaN", 2),
    ]
    assert findings(net, [], flow, None, scores) == [
        "Gradients, vanishing: a Linear, c Linear.", "Gradients, exploding: b Linear.",
        "Gradients, not finite: Linear (2 NaN).",
    ]  # fmt: skip
    net.weight.numpy()[1, 0] = net.bias.numpy()[1] = np.nan
    scores[1, 0] = np.inf
    assert findings(net, [layer("a", [0.5]), layer("b", [0.5], 2), layer("c", [0.5], 3)], [], None, scores) == [
        "The parameter weight has values that are not finite, 1 NaN of 4, first at [1, 0]; so have 1 more parameters.",
        "The first output that is not finite is that of b ReLU: 2 NaN of 9 values.",
        "The scores of 1 of 3 images are not finite: what they say means nothing.",
    ]


@pytest.mark.parametrize(
    ("means", "verdicts"),
    [
        ([1.0, 1.0, 1.0], ["", "", ""]),
        ([1e-3, 1.0, 1.0, 1.0], ["vanishing", "", "", ""]),
        ([0.0101, 1.0, 1.0, 1.0], ["", "", "", ""]),  # a hundredth is still within
        ([101.0, 1.0, 1.0, 1.0], ["exploding", "", "", ""]),
        ([100.0, 1.0, 1.0, 1.0], ["", "", "", ""]),
        ([1e-4, 1e-4, 1e-4, 1.0], ["", "", "", ""]),  # they die on their way back: the last one is no explosion
        ([1.0, 1.0, 1.0, 1e-4], ["", "", "", ""]),  # nor is the first of the way back a vanishing one
        ([0.0, 1.0, 1.0], ["all zero", "", ""]),
        ([None, 1.0, 1.0], ["no gradient", "", ""]),
    ],
)
def test_gradients_are_judged_by_the_median(means: list[Any], verdicts: list[str]) -> None:
    net = nn.Sequential(*(nn.Linear(2, 2, bias=False) for _ in means))
    for part, mean in zip(net, means, strict=True):
        part.weight.grad = None if mean is None else tg.full((2, 2), mean)
    assert [row.verdict for row in viz.gradient_flow(net)] == verdicts
    assert [row.missing for row in viz.gradient_flow(net)] == [int(mean is None) for mean in means]


def test_a_step_is_measured_against_the_weights() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    for p in net.parameters():
        p.grad = tg.full(p.shape, 0.5)
    net[1].bias.grad = None
    net[1].weight.numpy()[...] = net[1].bias.numpy()[...] = 0
    optimizer = tg.optim.SGD(net[:1].parameters(), lr=0.2)
    one, other = viz.gradient_flow(net, optimizer)
    weights = np.concatenate([p.numpy().ravel() for p in net[0].parameters()])
    assert one.update == pytest.approx(0.2 * 0.5 * np.sqrt(6) / np.linalg.norm(weights), rel=1e-5)
    assert (one.parameters, one.mean, one.largest, one.zeros) == (6, 0.5, 0.5, 0.0)
    assert np.isnan(other.update)  # type: ignore[arg-type]
    assert other.verdict == "1 without gradient"
    assert all(row.update is None for row in viz.gradient_flow(net))


@pytest.mark.parametrize(
    ("function", "op", "attributes", "inputs", "ndim", "axis"),
    [
        ("linear", "linear", {}, [(2, 1)], 2, 1),
        ("linear", "matmul", {}, [(3, 1)], 3, 2),
        ("f", "layer_norm", {}, [(3, 1)], 3, 2),
        ("conv2d", "conv2d", {}, [(4, 1)], 4, 1),
        ("f", "max_pool2d", {}, [(4, 3)], 4, 1),
        ("interpolate", "x", {}, [(4, 3)], 4, 1),
        ("f", "matmul", {}, [(3, 1)], 3, 2),
        ("f", "matmul", {}, [(4, 1)], 4, 1),
        ("f", "relu", {}, [(3, 2)], 3, 2),
        ("f", "permute", {"dims": (0, 2, 1)}, [(3, 2)], 3, 1),
        ("f", "permute", {"dims": (1, 0, 2)}, [(3, 0)], 3, 1),
        ("f", "add", {}, [(2, 1), (3, 2)], 3, 2),
        ("f", "sum", {}, [(3, 2)], 2, 1),
        ("f", "sum", {}, [(4, 1)], 2, 1),
        ("f", "reshape", {}, [(4, 3)], 3, 2),
        ("f", "reshape", {}, [(4, 2)], 3, 1),
    ],
)
def test_units_stay_where_a_layer_has_put_them(
    function: str, op: str, attributes: Any, inputs: Any, ndim: int, axis: int
) -> None:
    assert unit_axis(function, op, attributes, inputs, ndim) == axis


# --------------------------------------------------------------------------------------------------------------- pages
def test_a_page_in_a_frame_has_its_title_and_height() -> None:
    text = document('a "b" <c>', "<p>x</p>")
    shown = framed(text, 321)
    assert 'title="a &quot;b&quot; &lt;c&gt;"' in shown
    assert "height:321px" in shown
    assert "height:640px" in framed(text)
    assert "height:640px" in Page(text)._repr_html_()
    assert 'title="Page"' in framed("<p>no title</p>")
    assert 'title="Page"' in framed("<title>  </title>")
    assert repr(Page("x" * 2048)) == "<Page of 2 KiB: .save('name.html') writes it, a notebook shows it>"


def test_a_page_allows_no_script_where_there_is_none() -> None:
    silent, speaking = document("t", "b"), document("t", "b", scripts=["const x = 1;"], data={"d": {"x": [1]}})
    assert "script-src" not in silent
    assert "script-src 'unsafe-inline'" in speaking
    assert "default-src 'none'" in silent
    assert '<script type="application/json" id="d">{"x":[1]}</script>' in speaking
    assert '(() => {\n"use strict";\nconst x = 1;\n})();' in speaking


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"a": (1, 2.5, True, None, "x")}, '{"a":[1,2.5,true,null,"x"]}'),
        (np.array([1.5, np.nan]), '[1.5,"NaN"]'),
        (np.array([[1, 2]]), "[[1,2]]"),
        ([float("inf"), -float("inf"), float("nan")], '["inf","-inf","NaN"]'),
        (np.float32(0.5), "0.5"),
        ({1: np.int64(3)}, '{"1":3}'),
        ("</script>&", '"\\u003c/script\\u003e\\u0026"'),
        ("\u2028", '"\\u2028"'),
        (np.array([True]), "[true]"),
    ],
)
def test_data_in_a_page(data: Any, text: str) -> None:
    assert embedded(data) == text
    assert plain(plain(data)) == plain(data)


def test_tables_of_a_report() -> None:
    section = Section("t")
    section.tabulate([["a", "1", "2", "3", "4"]], ["h0", "h1", "h2", "h3", "h4"])
    section.tabulate([["a", "1", "2", "3", "4"]])
    with_headings, without = section.parts
    assert with_headings.count('class="number"') == 4  # the fourth and fifth, above and below
    assert (with_headings.count("<th"), with_headings.count("<td")) == (5 + 1, 5)  # <thead> among them
    assert (without.count("<th "), without.count("<td"), without.count("number")) == (1, 4, 0)
    section.warn("careful")
    assert section.parts[-1] == '<p class="warning">careful</p>'
    text = page("T", [section, Section("u")])
    assert '<a href="#s0">t</a><a href="#s1">u</a>' in text
    assert '<h2 id="s1">u</h2>' in text


# ---------------------------------------------------------------------------------------------------------- playground
def shown(**options: Any) -> dict[str, Any]:
    text = viz.playground(**options).html
    found = re.search(r'<script type="application/json" id="playground">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_a_playground_begins_as_the_documentation_says() -> None:
    data = shown()
    usual = {"optimizer": "Adam", "lr": 0.03, "momentum": 0.9, "decay": 0.0, "batch": 100, "seed": 1}
    assert data["settings"] == {"noise": 0.02, "data": "spirals", **usual}
    assert [layer["units"] for layer in data["layers"]] == [16, 16, 2]
    assert (data["classes"], data["most"]) == (2, {"units": 32, "layers": 6})
    assert shown(optimizer="SGD")["settings"]["lr"] == 0.1
    assert viz.playground().height == 860


@pytest.mark.parametrize(
    ("name", "low", "high", "step"),
    [
        ("lr", 1e-4, 3.0, 1e-5),
        ("momentum", 0.0, 0.99, 1e-3),
        ("weight_decay", 0.0, 0.05, 1e-3),
        ("batch_size", 1, 2000, 1),
        ("seed", 0, 999_999, 1),
    ],
)
def test_settings_of_a_playground_lie_within_their_bounds(name: str, low: float, high: float, step: float) -> None:
    key = {"weight_decay": "decay", "batch_size": "batch"}.get(name, name)
    for value in (low, high):
        assert shown(**{name: value})["settings"][key] == value
    for value in (low - step, high + step):
        with pytest.raises(ValueError, match=f"playground: {name} must lie in {low} to {high}, got"):
            viz.playground(**{name: value})


def test_points_of_a_playground_and_the_square_around_them() -> None:
    points, labels = np.array([[0.0, 1.0], [4.0, 1.0], [2.0, 3.0]]), [0, 2, 1]
    data = shown(points=points, labels=labels, test=([[10.0, -1.0]], [3]), display_labels=["a", "b", "c", "d"])
    assert data["points"] == [[0, 1, 0], [4, 1, 2], [2, 3, 1]]
    assert data["test"] == [[10, -1, 3]]
    assert (data["classes"], data["layers"][-1]["units"], data["settings"]["data"]) == (4, 4, "given")
    assert data["names"][:4] == ["a", "b", "c", "d"]
    assert len(data["names"]) == 6
    np.testing.assert_allclose(data["plane"], [[5 - 5.5, 5 + 5.5], [1 - 5.5, 1 + 5.5]])
    np.testing.assert_allclose(shown(points=points[:1], labels=[0])["plane"], [[-1, 1], [0, 2]])
    one = shown(model=nn.Sequential(nn.Linear(2, 1)), points=points[:2], labels=[0, 1])
    assert one["classes"] == 2


def net_of(*widths: int) -> nn.Sequential:
    return nn.Sequential(*(part for a, b in itertools.pairwise(widths) for part in (nn.Linear(a, b), nn.Tanh())))[:-1]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"points": [[0.0, 1.0]]}, ValueError, "points and labels come together"),
        ({"test": ([[0.0, 1.0]], [0])}, ValueError, "test points need points to train on"),
        ({"points": [[0.0]], "labels": [0]}, ValueError, r"points must have the shape \(N, 2\), got \(1, 1\)"),
        ({"points": np.zeros((0, 2)), "labels": []}, ValueError, r"got \(0, 2\)"),
        (
            {"points": np.zeros((2, 2)), "labels": [0]},
            ValueError,
            r"2 points need labels of the shape \(2,\), got \(1,\)",
        ),
        ({"points": np.zeros((2001, 2)), "labels": np.zeros(2001, int)}, ValueError, "room for 2000 points, got 2001"),
        ({"points": [[0.0, 1.0]], "labels": [0.5]}, TypeError, "labels must be integers, got float64"),
        ({"points": [[0.0, 1.0]], "labels": [6]}, ValueError, "labels must lie in 0 to 5, got 6 to 6"),
        ({"points": [[0.0, 1.0]], "labels": [-1]}, ValueError, "labels must lie in 0 to 5, got -1 to -1"),
        ({"points": [[0.0, np.nan]], "labels": [0]}, ValueError, "points must be finite"),
        ({"points": [[0.0, 1.0]], "labels": [0], "test": 3}, TypeError, r"a pair \(points, labels\), got int"),
        (
            {"points": [[0.0, 1.0]], "labels": [0], "test": ([[0.0, np.inf]], [0])},
            ValueError,
            "test points must be fin",
        ),
        ({"display_labels": ["a"]}, ValueError, "2 classes need as many display_labels, got 1"),
        ({"model": net_of(3, 2)}, ValueError, "in_features=2, got 3"),
        ({"model": net_of(2, 7)}, ValueError, "room for 6 classes, the model has 7 outputs"),
        ({"model": net_of(2, 33, 2)}, ValueError, "6 hidden layers of 32 neurons, got 1 with at most 33"),
        ({"model": net_of(2, *[3] * 7, 2)}, ValueError, "got 7 with at most 3"),
        (
            {"model": nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 2))},
            ValueError,
            "gives 3 numbers stands before one that",
        ),
        (
            {"model": nn.Sequential(nn.Linear(2, 2), nn.ReLU())},
            ValueError,
            "must end with a Linear, .* got relu behind it",
        ),
        ({"model": nn.Sequential()}, ValueError, "has no Linear layer"),
        ({"model": nn.Sequential(nn.Tanh())}, ValueError, "layer 0 .Tanh. must stand directly behind a Linear"),
        ({"model": nn.Linear(2, 2)}, TypeError, "the model must be a Sequential of Linear, Tanh"),
    ],
)
def test_what_a_playground_has_no_room_for(options: dict[str, Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        viz.playground(**options)


def test_a_playground_of_the_largest_model() -> None:
    assert len(shown(model=net_of(2, *[32] * 6, 6))["layers"]) == 7
    assert len(shown(points=np.zeros((2000, 2)), labels=np.zeros(2000, int))["points"]) == 2000


# ----------------------------------------------------------------------------------------------------------- following
@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([1, -5]), "i4"), (np.array([True, False]), "i4"), (np.zeros(0, np.int64), "i4"),
        (np.array([2**31 - 1, -(2**31)]), "i4"), (np.array([2**31]), "f8"), (np.array([-(2**31) - 1]), "f8"),
        (np.array([1.5], np.float16), "f4"), (np.array([1.5], np.float32), "f4"), (np.array([1.5]), "f8"),
    ],
)  # fmt: skip
def test_arrays_of_a_page_lose_no_digit_and_each_is_packed_once(array: Any, kind: str) -> None:
    packer = Packer()
    assert packer.place(array) == 0
    assert packer.arrays[0]["type"] == kind
    found = np.frombuffer(base64.b64decode(packer.arrays[0]["data"]), f"<{kind}")
    np.testing.assert_array_equal(found, array)
    assert packer.bytes == found.nbytes
    once = [np.ones(3, np.float32), np.ones(3), np.ones(3, np.int32)]
    assert [packer.place(x) for x in (*once, *once)] == [1, 2, 3, 1, 2, 3]
    assert packer.bytes == found.nbytes + 12 + 24 + 12


def test_a_page_may_be_as_large_as_it_is_allowed_to_be() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    data = followed(net, X[:1])
    every = [len(base64.b64decode(array["data"])) for array in data["arrays"]]
    maps = [len(base64.b64decode(data["arrays"][k]["data"])) for k in sorted({step["value"] for step in data["steps"]})]
    megabytes = sum(every) * 4 / 3 / 1e6
    assert followed(net, X[:1], max_megabytes=megabytes * 1.001)
    with pytest.raises(ValueError, match=r"follow: the page would take 0.0 MB"):
        followed(net, X[:1], max_megabytes=megabytes * 0.999)
    wide = nn.Sequential(nn.Linear(1000, 700), nn.ReLU(), nn.Linear(700, 3))
    with pytest.raises(
        ValueError, match=r"would take 3\.8 MB \(weights 3\.7, maps 0\.0\), more than max_megabytes=0\.5; foll"
    ):
        followed(wide, np.ones((1, 1000), np.float32), max_megabytes=0.5)
    assert sum(maps) <= sum(every)


class OneNumber(nn.Module):
    """On the way there is one number a sample, which is no unit's."""

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x.sum(1).exp().reshape(-1, 1) * x


def test_what_has_no_units_has_no_statistics() -> None:
    net = nn.Sequential(OneNumber())
    assert [s.name for s in viz.activation_statistics(net, tg.ones(3, 2))] == ["0"]
    with pytest.raises(ValueError, match=r"layer '0\.exp' gives no Tensor of two or more dimensions"):
        viz.activation_statistics(net, tg.ones(3, 2), layers=["0.exp"])
    with pytest.raises(ValueError, match="no layer gave an output to look at; was there any data"):
        viz.activation_statistics(nn.Sequential(nn.Flatten()), tg.ones(3, 2))
