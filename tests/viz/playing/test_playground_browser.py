"""The playground in a real Chromium without a network: it trains, explains, and can be changed.

TINYGRAD_CNN_SCREENSHOTS=1 also renews docs/images/playground.png.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.nn import functional as F

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from viz.graph.browsing import number


def said(window: Any, name: str) -> float:
    """The number of the page: of steps, or the share of training or test points that are right."""
    return float(window.run("return document.body.dataset[arguments[0]]", name))


def choose(window: Any, selector: str, text: str) -> None:
    Select(window.one(selector)).select_by_visible_text(text)


def until(window: Any, condition: Any, seconds: float = 60) -> None:
    WebDriverWait(window.driver, seconds, 0.05).until(lambda _: condition())


def moved(window: Any, label: str, value: float) -> None:
    """Move the slider of that name."""
    code = "const [e, v] = arguments; e.value = v; e.dispatchEvent(new Event('input', { bubbles: true }))"
    window.run(code, window.one(f'input[aria-label="{label}"]'), value)


def picture(window: Any, selector: str) -> str:
    """The pixels of a canvas."""
    return str(window.run("return arguments[0].toDataURL()", window.one(selector)))


def small(seed: int = 0) -> nn.Sequential:
    tg.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))


RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(40, 2)), RNG.integers(0, 2, 40)


def test_it_learns_two_spirals(window: Any) -> None:
    window.show(viz.playground().html)
    assert said(window, "steps") == 0
    assert said(window, "train") < 0.8
    choose(window, "#speed", "as fast as it can")
    window.click("#play")
    assert window.text("#play") == "Pause"
    until(window, lambda: min(said(window, "train"), said(window, "test")) >= 0.99)
    window.click("#play")
    stopped = said(window, "steps")
    assert stopped < 5000
    assert "100 %" in window.text("#counts") or "99." in window.text("#counts")
    window.run("return new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    assert said(window, "steps") == stopped, "paused is paused"
    window.shoot("playground.png", 160)


def test_it_begins_with_the_users_weights_and_steps_as_the_package_does(window: Any) -> None:
    model = small().to(tg.float64)
    window.show(viz.playground(model, X, Y, optimizer="SGD", lr=0.5, batch_size=40, weight_decay=0.01).html)
    optimizer = tg.optim.SGD(model.parameters(), 0.5, 0.9, weight_decay=0.01)
    for step in range(3):  # the whole set is one batch, so that its order does not matter
        loss = F.cross_entropy(model(tg.tensor(X)), tg.tensor(Y))
        assert said(window, "loss") == pytest.approx(loss.item(), rel=1e-9), step
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        window.click("#step")
    window.click("#restart")
    assert said(window, "loss") == pytest.approx(
        F.cross_entropy(small().to(tg.float64)(tg.tensor(X)), tg.tensor(Y)).item()
    )


def test_one_point_forward_and_backward(window: Any) -> None:
    model = small().to(tg.float64)
    window.show(viz.playground(model, X, Y).html)
    window.click("#slopes summary")
    window.click("#next-sample")
    z = model[0](tg.tensor(X[1:2]))
    z.retain_grad()
    loss = F.cross_entropy(model[2](model[1](z)), tg.tensor(Y[1:2]))
    loss.backward()
    assert f"x₁ = {number_text(X[1, 0])}" in window.text("#sample")
    assert number(window.text("#sample").split("log p = ")[1].rstrip(".")) == pytest.approx(loss.item(), rel=1e-3)
    cells = [number(cell.text) for cell in window.all("#tables .table:first-child tbody td")]
    table = np.array(cells).reshape(3, 4)
    np.testing.assert_allclose(table[:, 0], z.numpy()[0], rtol=1e-2)
    np.testing.assert_allclose(table[:, 1], np.tanh(z.numpy()[0]), rtol=1e-2)
    np.testing.assert_allclose(table[:, 3], z.grad.numpy()[0], rtol=1e-2)
    edges = picture(window, "#edges")
    window.click("#edges-of")
    assert picture(window, "#edges") != edges, "lines show gradients"
    window.click("#step")
    assert "before the last step" in window.text("#sample")


def number_text(x: float) -> str:
    return f"{x:.4g}".replace("-", "\N{MINUS SIGN}")


def test_a_neuron_on_the_plane(window: Any) -> None:
    window.show(viz.playground(small(), X, Y).html)
    before = picture(window, "#plane")
    tiles = window.all(".neuron")
    assert [tile.get_attribute("aria-label") for tile in tiles[:3]] == ["x₁", "x₂", "hidden 1, neuron 1"]
    tiles[3].click()
    assert window.text("#plane-name") == "hidden 1, neuron 2"
    assert picture(window, "#plane") != before
    weight = small()[0].weight.numpy()[1]
    assert f"{abs(weight[0]):.3g} x₁" in window.text("#neuron")
    window.keys(Keys.ARROW_LEFT)
    assert window.focused() in ("x₁", "x₂"), "arrows walk"
    window.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    assert window.text("#plane-name").startswith("output")
    window.keys(Keys.ESCAPE)
    assert window.text("#plane-name") == "What the network says"
    assert picture(window, "#plane") == before


def test_neurons_and_layers_come_and_go(window: Any) -> None:
    window.show(viz.playground(small(), X, Y).html)
    loss = said(window, "loss")
    window.click('[aria-label="One neuron more in hidden layer 1"]')
    assert len(window.all(".neuron")) == 2 + 4 + 2
    assert window.focused() == "One neuron more in hidden layer 1", "the focus stays"
    window.click('[aria-label="One neuron less in hidden layer 1"]')
    assert said(window, "loss") == pytest.approx(loss, rel=1e-12), "the others have kept their weights"
    window.click("#add-layer")
    assert len(window.all(".neuron")) == 2 + 3 + 4 + 2
    window.click('[aria-label="Remove hidden layer 1"]')
    window.click('[aria-label="Remove hidden layer 1"]')
    assert len(window.all(".neuron")) == 2 + 2
    for _ in range(6):
        window.click("#add-layer")
    assert not window.one("#add-layer").is_enabled()
    choose(window, '[aria-label="Activation of hidden layer 2"]', "gelu")
    assert "gelu" in window.text("#heads")
    window.click("#step")
    assert said(window, "steps") == 1


@pytest.mark.parametrize("name", ["Three arms", "Circles", "Moons", "Exclusive or", "Gaussians"])
def test_every_data_set_can_be_learnt(window: Any, name: str) -> None:
    window.show(viz.playground().html)
    choose(window, "#data", name)
    classes = 3 if name == "Three arms" else 2
    assert len(window.all("#legend .swatch")) == classes
    assert len(window.all(".neuron")) == 2 + 16 + 16 + classes
    choose(window, "#speed", "as fast as it can")
    window.click("#play")
    until(window, lambda: said(window, "train") > 0.93)
    window.click("#play")


def test_points_are_painted(window: Any) -> None:
    window.show(viz.playground().html)
    choose(window, "#data", "Paint your own")
    assert not window.one("#play").is_enabled()
    assert "put points there" in window.text("#notice")
    plane = window.one("#plane")
    for dx, dy in ((-90, 0), (-80, 30), (-70, -30)):
        ActionChains(window.driver).move_to_element_with_offset(plane, dx, dy).click().perform()
    window.all("#brushes button")[1].click()
    plane.send_keys(*[Keys.ARROW_RIGHT] * 12, Keys.ENTER, *[Keys.ARROW_DOWN] * 4, Keys.ENTER)
    assert "5 points" in window.text("[aria-live=polite]")
    choose(window, "#speed", "as fast as it can")
    window.click("#play")
    until(window, lambda: said(window, "train") == 1)
    window.click("#play")
    next(button for button in window.all("#brushes button") if button.text == "Take away").click()
    plane.send_keys(Keys.ENTER)
    assert "4 points" in window.text("[aria-live=polite]")
    window.click("#clear")
    assert not window.one("#play").is_enabled()


def test_settings_change_the_training(window: Any) -> None:
    window.show(viz.playground(small(), X, Y).html)

    def loss() -> float:
        window.click("#restart")
        for _ in range(2):
            window.click("#step")
        return said(window, "loss")

    losses = [loss(), loss()]
    assert losses[0] == losses[1], "the same start, the same batches"
    for label, value in (("Batch size", 7), ("Momentum", 0.2), ("Weight decay", 0.04), ("Learning rate", 300)):
        moved(window, label, value)
        losses.append(loss())
    choose(window, "#optimizer", "SGD")
    losses.append(loss())
    assert len(set(losses)) == 6
    choose(window, "#data", "Moons")
    points = picture(window, "#plane")
    moved(window, "Noise", 0.3)
    assert picture(window, "#plane") != points
    window.click("#next-seed")
    assert window.one("#seed").get_property("value") == "2"


def test_a_loss_that_is_no_number_stops_it(window: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    model[2].weight.data[:] = 1e30
    window.show(viz.playground(model, 1e300 * X, Y).html)
    assert "no number any more" in window.text("#notice")
    assert not window.one("#play").is_enabled()
    assert not window.one("#step").is_enabled()


def test_the_keyboard_reaches_everything(window: Any) -> None:
    window.show(viz.playground(small(), X, Y).html)
    window.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    everything = window.run("""
        const all = [...document.querySelectorAll("button, select, input, summary")];
        const there = all.filter((e) => !e.disabled && e.tabIndex >= 0 && e.checkVisibility());
        return there.map((e) => e.id || e.ariaLabel || e.textContent);
    """)
    window.run("document.body.tabIndex = -1; document.body.focus()")
    reached = set()
    for _ in range(60):
        window.keys(Keys.TAB)
        reached.add(window.run("const e = document.activeElement; return e.id || e.ariaLabel || e.textContent"))
    assert len(everything) > 20
    assert set(everything) <= reached
    assert {"plane", "engine-source"} <= reached
    window.run("document.body.focus()")
    window.keys("s", "s")
    assert said(window, "steps") == 2
    window.keys("r")
    assert said(window, "steps") == 0
    window.keys(Keys.SPACE)
    until(window, lambda: said(window, "steps") > 3)
    window.keys(Keys.SPACE)
    assert window.text("#play") == "Play"


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (820, "light"), (1440, "dark")])
def test_it_fits(window: Any, width: int, scheme: str) -> None:
    window.show(viz.playground().html, width, 844, mobile=width < 500, **{"prefers-color-scheme": scheme})
    window.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert window.run("return document.documentElement.scrollWidth") <= width
    sizes = window.run("""
        return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && e.textContent.trim())
          .map((e) => parseFloat(getComputedStyle(e).fontSize));
    """)
    assert min(sizes) >= 11
    paper = window.run("return getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(246, 247, 249)" if scheme == "light" else "rgb(18, 23, 28)")


def test_who_asks_for_no_motion_sees_two_pictures_a_second(window: Any) -> None:
    window.show(viz.playground(small(), X, Y).html, **{"prefers-reduced-motion": "reduce"})
    window.run("""
        const counts = document.getElementById("counts");
        const note = () => (window.drawn ??= []).push(performance.now());
        new MutationObserver(note).observe(counts, { childList: true });
    """)
    window.click("#play")
    until(window, lambda: len(window.run("return window.drawn ?? []")) >= 4)
    times = window.run("return window.drawn")
    assert min(np.diff(times)) >= 490
    window.click("#play")
