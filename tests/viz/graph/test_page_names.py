"""What the page says, in a browser: names, rules, what is not finite, a call that failed."""

from __future__ import annotations

import pytest
from viz.graph.nets import LeNet, images

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.structure import Picture

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from viz.graph.browsing import Window


def expression() -> Picture:
    a, b = (tg.tensor(v, requires_grad=True) for v in (0.5, 2.0))
    return draw_graph(1 - a / b, names={"a": b, "b": a}).picture  # the user's a is what the formula calls b


def broken() -> Picture:
    net = nn.Sequential(nn.Flatten(), nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(5, 2))
    return draw_graph(net, inputs=tg.ones(2, 3, 3), failed="draw").picture


def titles(window: Window) -> list[str]:
    return [t.text for t in window.all("#nodes .title")]


def click(window: Window, name: str) -> None:
    window.run("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", window.node(name))


def test_formula_and_users_names_are_told_apart(window: Window) -> None:
    window.open(expression())
    assert set(titles(window)) == {"a", "b", "· / ·", "1 − ·"}  # noqa: RUF001
    click(window, "true_divide")
    panel = window.text("#details")
    assert "y = a / b" in panel
    assert "a: numeratorbgradient" in panel, "a of the formula is the user's b"
    assert "b: denominatoragradient" in panel
    click(window, "b")
    assert "as numerator" in window.text("#details")
    assert not window.console()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_call_that_failed_is_seen_at_once(window: Window, width: int) -> None:
    window.open(broken(), width=width)
    node = window.node("linear in 5, this failed")
    assert "failed" in node.get_attribute("class").split()
    panel = window.one("#details").get_attribute("textContent")
    assert "input of shape (2, 4) has 4 features" in panel
    assert "write nn.Linear(4, 2)" in panel
    box = node.rect
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    place = window.run("return document.getElementById('canvas').getBoundingClientRect().bottom")
    assert 0 < box["y"] + box["height"] <= place
    assert not window.console()


def test_a_recorded_backward_pass_has_an_outline_of_its_own(window: Window) -> None:
    x = tg.tensor(0.7, requires_grad=True)
    y = x.sin()
    (g,) = tg.autograd.grad(y * x, x, create_graph=True)
    window.open(draw_graph({"y": y, "dy/dx": g}, names={"x": x}).picture)
    assert "dy/dx = · + ·" in titles(window)
    assert "y = sin" in titles(window)
    outlines = {
        n.get_attribute("class"): n.get_attribute("innerHTML").count("L") for n in window.all("#nodes .gradient")
    }
    assert outlines
    click(window, "cos")
    assert "Recorded in the backward of sin." in window.text("#details")
    assert "operation of a backward pass" in window.text("#legend")
    assert not window.console()


def test_the_player_on_a_net_has_its_gradients(window: Window) -> None:
    picture = draw_graph(LeNet(), inputs=images()).picture
    window.open(picture)
    for _ in range(len(picture.forward) + len(picture.backward)):
        window.run("document.getElementById('next').click()")
        assert "not recorded" not in window.text("#details")
    window.run("document.getElementById('last').click()")
    assert "norm" in window.text("#details")
    assert not window.console()


def test_rules_speak_mathematics_and_have_their_code_at_hand(window: Window) -> None:
    window.open(draw_graph(nn.Linear(3, 2), inputs=tg.ones(4, 3)).picture)
    click(window, "linear")
    rules = window.text("#details")
    assert "dL/dw = gᵀ x, summed over the batch" in rules
    code = window.one("#details details")
    assert "linear_weight(" not in code.text, "folded away"
    window.click("#details summary")
    assert "linear_weight(" in code.text


def test_what_is_not_finite_is_said_in_words(window: Window) -> None:
    x = tg.ones(30, requires_grad=True)
    picture = draw_graph((x * tg.tensor([float("inf")] * 20 + [1.0] * 10)).sum(), names={"x": x}).picture
    window.open(picture)
    click(window, "x")
    panel = window.text("#details")
    assert "20 of 30" in panel
    cells = [t.text for t in window.all("#nodes .number.gradient")]
    assert "20 infinite" in cells
    assert not window.console()
