"""The page of `follow` in a browser: its sums, walks, keys and sizes. The network is cut, the console stays empty.

TINYGRAD_CNN_SCREENSHOTS=1 also renews docs/images/follow.png.
"""

from __future__ import annotations

import math
import os
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from viz import random_nets
from viz.following import nets

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz import probing
from tinygrad_cnn.viz.following.steps import trail_of
from tinygrad_cnn.viz.following.structure import Trail

CELLS = 90  # of each of six nets: 540 in all
PICK = """
const [step, o] = arguments, page = document.documentElement.follow;
page.select(page.steps[step], o);
"""
SUMS = """
const page = document.documentElement.follow;
return arguments[0].map(([step, o]) => {
  page.select(page.steps[step], o);
  const made = document.querySelector("#made .inside");
  return [made.dataset.written, document.querySelector("#made h2").textContent];
});
"""
GRADIENTS = """
const page = document.documentElement.follow;
return arguments[0].map(([step, o]) => Array.from(page.gradientsOf(page.steps[step], o).found.get(0)));
"""


def trail(net: nn.Module, x: Any) -> Trail:
    with probing.differentiating(net):
        return trail_of(net, [x])


def pick(window: Any, step: int, o: int) -> None:
    """Make a number current, and wait for the walks from it."""
    window.run(PICK, step, o)
    WebDriverWait(window.driver, 20).until(lambda d: d.execute_script("return document.body.dataset.walked"))


def numbers(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize("name", nets.NETS)
def test_what_is_written_out_is_what_the_net_computed(window, name):
    net, x = nets.made(name)
    window.show(viz.follow(net, x).html)
    steps = trail(net, x).steps
    rng = np.random.default_rng(0)
    cells = []
    for _ in range(CELLS):
        step = int(rng.integers(1, len(steps)))
        cells.append((step, int(rng.integers(steps[step].value.size))))
    for (step, o), (written, title) in zip(cells, window.run(SUMS, cells), strict=True):
        value = float(steps[step].value.reshape(-1)[o])
        assert written != "", f"{steps[step].op} is not computed"
        assert float(written) == pytest.approx(value, rel=1e-5, abs=1e-6), steps[step].op
        assert float(numbers(title).split(" = ")[1].replace("e-", "e-")) == pytest.approx(value, rel=1e-5, abs=1e-9)


FUNCTIONS: dict[str, Any] = {
    **{name: getattr(F, name) for name in (
        "relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "relu6", "hardswish", "hardsigmoid", "sigmoid", "silu",
        "mish", "softplus", "gelu", "tanh",
    )},
    **{name: getattr(tg, name) for name in ("exp", "sin", "cos", "abs", "square", "neg")},
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "softplus, steep": lambda x: F.softplus(x, 20.0, 3.0),
    "prelu": lambda x: F.prelu(x, tg.Tensor(np.array([0.3]))),
    "log": lambda x: tg.log(x.square() + 0.5),
    "sqrt": lambda x: tg.sqrt(x.square() + 0.5),
    "add": lambda x: x + x.flip(1),
    "sub": lambda x: 1 - x.flip(1) - x,
    "mul": lambda x: x * x.flip(1),
    "divide": lambda x: x / (x.flip(1).square() + 1),
    "power": lambda x: (x.square() + 1) ** 1.5,
    "maximum": lambda x: tg.maximum(x, x.flip(1)),
    "minimum": lambda x: tg.minimum(x, x.flip(1)),
    "masked_fill": lambda x: x.masked_fill(tg.tensor([[True, False, True, False, False, True]]), 0.25),
    "where": lambda x: tg.where(tg.tensor([[True, False, True, False, False, True]]), x, x.flip(1)),
}  # fmt: skip


class Each(nn.Module):
    """All of them, side by side."""

    def forward(self, x: Any) -> Any:
        return tg.cat([function(x) for function in FUNCTIONS.values()], 1)


def test_functions_of_single_numbers(window):
    """Each that the page says it can compute, on both sides of its bends."""
    x = np.array([[-3.7, -0.8, -0.01, 0.02, 0.9, 4.5]])
    window.show(viz.follow(Each().double(), x).html)
    steps = trail(Each(), x).steps
    cells = [(k, o) for k, step in enumerate(steps) if k for o in range(min(step.value.size, 6))]
    seen = set()
    for (k, o), (written, _) in zip(cells, window.run(SUMS, cells), strict=True):
        op = steps[k].op
        assert written != "", f"{op} is not computed"
        assert float(written) == pytest.approx(steps[k].value.reshape(-1)[o], rel=1e-12, abs=1e-12), op
        seen.add(op)
    known = window.run("return Object.keys(document.documentElement.follow.functions)")
    assert set(known) <= seen
    leaf = tg.Tensor(x, requires_grad=True)
    y, last = Each()(leaf), len(steps) - 1
    found = window.run(GRADIENTS, [(last, o) for o in range(y.numel())])
    for o, gradient in enumerate(found):
        (expected,) = tg.grad(y[0, o], [leaf], retain_graph=True)
        name = list(FUNCTIONS)[o // 6]
        np.testing.assert_allclose(gradient, expected.numpy().reshape(-1), rtol=1e-9, atol=1e-12, err_msg=name)


GROUPED = {
    "conv": (nn.Conv2d, {"stride": (2, 1), "padding": 1, "dilation": (1, 2)}),
    "transposed": (nn.ConvTranspose2d, {"stride": (2, 1), "padding": 1, "output_padding": (1, 0)}),
}


@pytest.mark.parametrize("kind", GROUPED)
def test_groups_have_weights_of_their_own(window, kind):
    layer, geometry = GROUPED[kind]
    net = layer(4, 6, 3, groups=2, **geometry).double()
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 6))
    window.show(viz.follow(net, x).html)
    step = trail(net, x).steps[1]
    cells = [(1, o) for o in range(step.value.size)]
    written = [float(text) for text, _ in window.run(SUMS, cells)]
    np.testing.assert_allclose(written, step.value.reshape(-1), rtol=1e-12, atol=1e-12)


def test_the_products_in_the_table_add_up_to_the_sum(window):
    """What a reader sees, read from the text: window x kernel, product by product."""
    net = nn.Conv2d(1, 1, 3)
    x = np.round(np.random.default_rng(1).normal(size=(1, 1, 5, 5)), 2).astype(np.float32)
    net.weight._array[...] = np.round(np.random.default_rng(2).normal(size=(1, 1, 3, 3)), 1)
    net.bias._array[...] = 0.25
    window.show(viz.follow(net, x).html)
    pick(window, 1, 4)
    tables = [[float(numbers(td.text)) for td in t.find_elements("css selector", "td")] for t in window.all(".cells")]
    seen, kernel, products = (np.array(t) for t in tables)
    np.testing.assert_allclose(seen.reshape(3, 3), x[0, 0, 1:4, 1:4], atol=1e-6)
    np.testing.assert_allclose(kernel, net.weight.numpy().reshape(-1), atol=1e-6)
    np.testing.assert_allclose(products, seen * kernel, atol=6e-4)  # three decimals
    result = float(numbers(window.text(".math b")))
    assert result == pytest.approx(products.sum() + 0.25, abs=3e-3)
    assert "+ 0.25 (bias)" in window.text(".math")


def keep(seen: dict[str, Any], path: str, _module: Any, _args: Any, y: Any) -> None:
    """A hook that keeps what a module returned, as it was: the next one may write into it."""
    seen[path] = y * 1.0


def test_walks_back_are_the_gradients(window):
    """Against our own autograd, from numbers of several layers of several nets."""
    for name in ("residual", "unet", "spread", "dense"):
        net, x = nets.made(name)
        window.show(viz.follow(net, x).html)
        names = window.run("return document.documentElement.follow.steps.map((step) => step.name)")
        seen: dict[str, Any] = {}
        net.eval()
        leaf = tg.Tensor(x, requires_grad=True)
        for path, module in net.named_modules():
            module.register_forward_hook(partial(keep, seen, path))
        seen["the end"] = net(leaf)
        ends = {path: k for k, path in enumerate(names) if path in seen} | {"the end": len(names) - 1}
        cells = []
        for path, step in ends.items():
            size = seen[path].numel()
            cells += [(path, step, o) for o in (0, size // 2 + 1, size - 1)]
        found = window.run(GRADIENTS, [cell[1:] for cell in cells])
        assert len(cells) >= 6
        for (path, _, o), gradient in zip(cells, found, strict=True):
            expected = tg.autograd.grad(seen[path].reshape(-1)[o], leaf, retain_graph=True)[0].numpy()
            near = 2e-5 * np.abs(expected).max() + 1e-9
            np.testing.assert_allclose(gradient, expected.reshape(-1), atol=near, err_msg=f"{name} {path}")


def test_walks_on_are_the_same_derivatives(window):
    net, x = nets.made("residual")
    window.show(viz.follow(net, x).html)
    differences = window.run("""
        const { steps, effectsOf, gradientsOf } = document.documentElement.follow;
        const last = steps.at(-1);
        return steps.slice(0, -1).flatMap((step) => [0, step.size - 1].map((o) => {
          const [on, back] = [effectsOf(step, o).found.get(last.index), gradientsOf(last, 2).found.get(step.index)];
          return [on[2], back[o]];
        }));
    """)
    assert len(differences) > 20
    for on, back in differences:
        assert on == pytest.approx(back, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.flatten(1).amax(1, keepdim=True),
        lambda x: x.flatten(1).amin(1, keepdim=True),
        lambda x: F.max_pool2d(x, 3),
        lambda x: F.adaptive_max_pool2d(x, 1),
    ],
    ids=["amax", "amin", "max_pool2d", "adaptive_max_pool2d"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_extreme_beside_nan_is_nan(window, function):
    class Net(nn.Module):
        def forward(self, x):
            return function(x) * 1.0

    for place in (None, 0, 4, 8):
        x = np.arange(9.0).reshape(1, 1, 3, 3) - 4
        if place is not None:
            x.reshape(-1)[place] = math.nan
        window.show(viz.follow(Net(), tg.tensor(x)).html)
        steps = trail_of(Net(), [x]).steps
        cells = [(k, 0) for k, step in enumerate(steps) if k and step.value.size == 1]
        assert cells
        for (k, _), (written, _) in zip(cells, window.run(SUMS, cells), strict=True):
            number = float(written.replace("Infinity", "inf"))
            assert number == pytest.approx(float(steps[k].value.reshape(-1)[0]), nan_ok=True), steps[k].op


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=random_nets.programs)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sums_of_random_nets(window, program):
    """Whatever is written out is what the net computed, NaN and infinities included."""
    net, x = random_nets.made({**program, "double": True}, batch=1)
    try:
        window.show(viz.follow(net, x).html)
    except ValueError as error:
        assert "does not hang together" in str(error)  # noqa: PT017
        return
    with probing.differentiating(net):
        steps = trail_of(net, [x.numpy()]).steps
    cells = [(k, o) for k, step in enumerate(steps) if k for o in {0, step.value.size // 2, step.value.size - 1}]
    for (k, o), (written, _) in zip(cells, window.run(SUMS, cells), strict=True):
        if steps[k].kind == "opaque":
            assert written == ""
        else:
            number = float(written.replace("Infinity", "inf"))
            assert number == pytest.approx(steps[k].value.reshape(-1)[o], rel=1e-9, abs=1e-9, nan_ok=True), steps[k].op


sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
branch = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["conv", "transposed", "mean"]),
        "kernel": sizes,
        "stride": sizes,
        "padding": st.integers(0, 1),
        "dilation": st.integers(1, 2),
        "groups": st.integers(1, 2),
        "cell": st.floats(0, 0.999),
    }
)


class Branches(nn.Module):
    """Each branch reads the image by itself; no number is lost in a relu."""

    def __init__(self, branches: list[dict[str, Any]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(self._layer(**b) for b in branches)

    @staticmethod
    def _layer(kind: str, kernel: Any, stride: Any, padding: int, dilation: int, groups: int, cell: float) -> nn.Module:
        del cell
        if kind == "mean":
            return nn.AvgPool2d(kernel, stride, padding if min(kernel) > 1 else 0)
        if kind == "transposed":
            return nn.ConvTranspose2d(2, 2, kernel, stride, 0, 0, groups)
        return nn.Conv2d(2, 2, kernel, stride, padding, dilation=dilation, groups=groups)

    def parts(self, x: Any) -> list[Any]:
        return [layer(nn.functional.tanh(x)) for layer in self.layers]

    def forward(self, x: Any) -> Any:
        return tg.cat([part.flatten(1) for part in self.parts(x)], 1)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(branches=st.lists(branch, min_size=3, max_size=5))
def test_the_receptive_field_is_what_changes_a_number(window, branches):
    """Brute force: each pixel is changed by itself, and the number looked at."""
    net = Branches(branches).double()
    for p in net.parameters():
        p._array[...] = np.random.default_rng(p.numel()).uniform(0.5, 1.5, p.shape)
    x = np.random.default_rng(0).normal(size=(1, 2, 6, 7))
    changed = np.repeat(x, x.size + 1, 0)  # (85, 2, 6, 7): one pixel changed in each but the last
    changed.reshape(len(changed), -1)[np.arange(x.size), np.arange(x.size)] += 1.0
    with tg.no_grad():
        parts = [part.numpy().reshape(len(changed), -1) for part in net.parts(tg.Tensor(changed))]
    window.show(viz.follow(net, x).html)
    names = window.run("return document.documentElement.follow.steps.map((step) => step.path)")
    for k, (part, b) in enumerate(zip(parts, branches, strict=True)):
        o = int(b["cell"] * part.shape[1])
        reach = window.run(
            """
            const page = document.documentElement.follow;
            return Array.from(page.reachOf(page.steps[arguments[0]], arguments[1]).get(0) || []);
            """,
            names.index(f"layers.{k}"),
            o,
        )
        expected = np.abs(part[:-1, o] - part[-1, o]) > 1e-9
        np.testing.assert_array_equal(np.array(reach or [0] * x.size, bool), expected)


def test_fields_of_many_numbers_at_once(window):
    """From 17 numbers on the walk goes plane by plane; the corners of each kernel count as well."""
    net = nn.Sequential(nn.Conv2d(1, 4, (3, 2), dilation=(1, 2)), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 1, 2))
    window.show(viz.follow(net, np.ones((1, 1, 9, 9), np.float32)).html)
    page = "const page = document.documentElement.follow;"
    reach = window.run(f"{page} return [...page.reachOf(page.steps[3], 0).get(0)]")
    expected = np.zeros((9, 9), int)
    expected[:6, :6] = 1  # 3 + 2 + 1 rows; columns 0 and 2, then three more, then one more
    np.testing.assert_array_equal(np.reshape(reach, (9, 9)), expected)


def test_maxima_see_all_and_follow_the_winner(window):
    """All of a window can change its maximum, one does; of equal maxima over dimensions each has its share."""

    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            return F.max_pool2d(x, 2).amax((2, 3))

    x = np.array([[[[1, 2, 0, 3], [0, 1, 3, 1]]]], np.float32)  # maxima 2 and 3, the first of the two 3s
    y = np.array([[[[1, 3, 0, 3], [0, 1, 3, 1]]]], np.float32)  # 3 and 3
    for image, gradient in ((x, [0, 0, 0, 1, 0, 0, 0, 0]), (y, [0, 0.5, 0, 0.5, 0, 0, 0, 0])):
        window.show(viz.follow(Net(), image).html)
        assert window.run(GRADIENTS, [[2, 0]]) == [gradient]
        leaf = tg.Tensor(image, requires_grad=True)
        Net()(leaf).sum().backward()
        assert leaf.grad.numpy().reshape(-1).tolist() == gradient
        pick(window, 1, 1)
        assert window.one("#field [data-theory]").get_attribute("data-theory") == "4"
        assert window.one("#field [data-theory]").get_attribute("data-effective") == "1"


def test_receptive_fields_in_words(window):
    net = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.Conv2d(1, 1, 3, bias=False))
    for p in net.parameters():
        p._array[...] = 1.0
    window.show(viz.follow(net, np.ones((1, 1, 9, 9), np.float32)).html)
    pick(window, 2, 12)
    text = window.text("#field")
    assert "In theory: 5 \N{MULTIPLICATION SIGN} 5 pixels, 25 of 81." in text
    assert "In effect: 25 pixels" in text  # 1 to 9 times: none is below 4.55 % of 9
    assert len(window.all("#field .mark-reach")) == 2


def test_what_a_number_does_to_the_scores(window):
    net, x = nets.made("lenet")
    window.show(viz.follow(net, x, display_labels=[f"digit <{k}>" for k in range(10)]).html)
    names = window.run("return document.documentElement.follow.steps.map((step) => step.name)")
    seen: list[Any] = []
    net.eval().conv1.register_forward_hook(lambda _m, _a, y: seen.append(y))
    scores = net(tg.Tensor(x, requires_grad=True))
    o = int(np.argmax(seen[0].numpy()))
    pick(window, names.index("conv1"), o)
    shares = {row.get_attribute("data-output"): row for row in window.all("#ends [data-output]")}
    for k in range(10):
        g = tg.autograd.grad(scores[0, k], seen[0], retain_graph=True)[0].numpy().reshape(-1)[o]
        expected = g * seen[0].numpy().reshape(-1)[o]
        assert float(shares[str(k)].get_attribute("data-share")) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    numbers_of = [float(row.get_attribute("data-share")) for row in shares.values()]
    most = max(map(abs, numbers_of))
    for share, row in zip(numbers_of, shares.values(), strict=True):
        box = row.find_element("css selector", ".bar rect")
        x, width = (float(box.get_attribute(name)) for name in ("x", "width"))
        assert width == pytest.approx(48 * abs(share) / most, abs=1e-6)
        assert x == pytest.approx(50 - width if share < 0 else 50)
        assert box.get_attribute("class") == ("minus" if share < 0 else "plus")
    assert "digit <0>" in shares["0"].text
    assert "now" in str(shares[str(int(scores.numpy().argmax()))].get_attribute("class"))
    after = window.text("#after")
    assert "max(" in after
    assert "it won" in after or "it lost" in after


def test_everything_by_keyboard(window):
    net, x = nets.made("lenet")
    window.show(viz.follow(net, x).html)
    pick(window, 1, 5 * 16 + 5)
    window.run("document.querySelector('.card[data-step=\"1\"] .tile').focus()")
    window.keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert window.text("#made h2").startswith("conv1[0, 6, 6] = ")
    window.keys(Keys.ENTER)  # back to the strongest pixel of its window, and the focus with it
    assert window.text("#made h2").startswith("input[0, ")
    assert window.focused().startswith("0 · input")
    window.run("document.querySelector('#tools button').focus()")
    window.keys(Keys.ENTER)
    assert window.text("#made h2").startswith("conv1[0, 6, 6] = ")
    layer = Select(window.one("#tools select"))
    layer.select_by_index(4)
    assert window.text("#made h2").startswith("conv2[")
    Select(window.one('.card[data-step="4"] select')).select_by_index(3)
    assert window.one('.card[data-step="4"] select').get_property("value") == "3"
    assert not window.run("return [...document.querySelectorAll('#tools, #details')].some((e) => e.tabIndex > 0)")
    reached = window.run("""
        const focusable = "button:not(:disabled), select, input, [tabindex='0']";
        return [...document.querySelectorAll(".tile.picks, #tools button, #tools select, #details button")]
          .filter((e) => !e.disabled && !e.matches(focusable)).length;
    """)
    assert reached == 0


def test_influence_in_the_place_of_values(window):
    net, x = nets.made("lenet")
    window.show(viz.follow(net, x).html)
    pick(window, 4, 20)
    before = window.run("return document.querySelector('.card[data-step=\"0\"] canvas').toDataURL()")
    window.click("#tools button[aria-pressed]")
    assert window.one("#tools button[aria-pressed]").get_attribute("aria-pressed") == "true"
    assert window.run("return document.querySelector('.card[data-step=\"0\"] canvas').toDataURL()") != before
    window.click("#tools button[aria-pressed]")
    assert window.run("return document.querySelector('.card[data-step=\"0\"] canvas').toDataURL()") == before


def test_the_sweep_goes_from_window_to_window(window):
    net, x = nets.made("lenet")
    window.show(viz.follow(net, x).html)
    pick(window, 4, 36 + 7)
    assert window.text("#sweep") == "Next window"  # who wants no motion steps by hand
    window.click("#sweep")
    assert window.text("#made h2").startswith("conv2[1, 1, 2] = ")
    assert window.text("#lowered output") == "9 of 36"
    column = window.run("return document.querySelector('#lowered .mark-window .over').getAttribute('d')")
    assert column.startswith("M8 0")
    window.show(viz.follow(net, x).html, **{"prefers-reduced-motion": "no-preference"})
    pick(window, 4, 7)
    assert window.text("#sweep") == "Sweep"
    window.click("#sweep")
    assert window.text("#sweep") == "Pause"
    WebDriverWait(window.driver, 20).until(lambda _: window.text("#made h2").startswith("conv2[0, 1, 3] = "))
    window.click("#sweep")
    assert window.text("#sweep") == "Sweep"


def test_what_it_does_not_know_it_says(window):
    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            return tg.cumsum(F.relu(x), 1) * 2.0

    window.show(viz.follow(Net(), np.array([[1.0, 2.0, 3.0]], np.float32)).html)
    pick(window, 2, 1)
    assert "An operation, cumsum, of 1 · relu." in window.text("#made")
    assert window.one("#made .inside").get_attribute("data-written") == ""
    pick(window, 3, 1)
    assert "The walk back ends at 2 · cumsum" in window.text("#field")
    page = "const page = document.documentElement.follow;"
    assert window.run(f"{page} return [...page.reachOf(page.steps[3], 1).get(0)]") == [1, 1, 1], "it might be any"


def test_indices_and_large_nets(window):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.out = nn.Embedding(11, 4), nn.Linear(4, 4)

        def forward(self, i: Any) -> Any:
            x = self.table(i)
            for _ in range(12):
                x = x + F.tanh(self.out(x))
            return x

    window.show(viz.follow(Net(), np.array([[3, 7, 1]])).html)
    assert len(window.all(".card")) < 20  # of 38 steps
    pick(window, 1, 5)
    assert "Row 7 of the table of 11" in window.text("#made")
    assert "whole numbers: they have no gradient" in window.text("#field")
    assert len(Select(window.one("#tools select")).options) == 38


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_numbers_that_are_none_are_shown_as_what_they_are(window):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    x = np.ones((1, 1, 4, 4), np.float32)
    x[0, 0, 0, 0], x[0, 0, 3, 3] = np.nan, np.inf
    window.show(viz.follow(net, x).html)
    pick(window, 1, 0)
    assert window.text("#made h2") == "conv2d[0, 0, 0] = NaN"
    pick(window, 0, 15)
    assert window.text("#made h2") == "input[0, 3, 3] = \N{INFINITY}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_a_desk(window, scheme):
    net, x = nets.made("lenet")
    page = viz.follow(net, x, title="<b>LeNet</b>").html
    for width in (390, 1440):
        window.show(page, width, 900, **{"prefers-color-scheme": scheme})
        pick(window, 4, 40)
        assert window.run("return document.documentElement.scrollWidth") == width
        assert window.text("h1") == "<b>LeNet</b>"
        smallest = window.run("""
            const shown = [...document.body.querySelectorAll("*")].filter((e) => e.getClientRects().length);
            const texts = shown.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
            return Math.min(...texts.map((e) => parseFloat(getComputedStyle(e).fontSize)));
        """)
        assert smallest >= 11
    if scheme == "light" and os.environ.get("TINYGRAD_CNN_SCREENSHOTS"):
        picture_for_the_docs(window)


def picture_for_the_docs(window: Any) -> None:
    """docs/images/follow.png: a digit in a net that knows digits."""
    digits, test, _ = tg.data.load_mnist(allow_fallback=True)
    tg.manual_seed(0)
    part = tg.data.Subset(digits, range(6000))
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 12, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(300, 10),
    )  # fmt: skip
    tg.train.Trainer(net, tg.optim.Adam(net.parameters(), lr=3e-3), progress=False).fit(part, 3)
    x, y = test.arrays()
    digit = x[np.flatnonzero(y == 4)[1]][None]
    window.show(viz.follow(net, digit, title="A digit, followed").html, 1280, 890)
    names = window.run("return document.documentElement.follow.steps.map((step) => step.name)")
    step = names.index("conv2d", 3)
    values = trail(net, digit).steps[step].value
    pick(window, step, int(values.argmax()))
    window.run("document.activeElement.blur(); scrollTo(0, 0)")
    window.shoot("follow.png")
