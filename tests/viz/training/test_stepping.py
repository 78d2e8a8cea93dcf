"""Stepping through training: what is recorded is what happened."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from viz.training import runs

import tinygrad_cnn as tg
from tinygrad_cnn import viz
from tinygrad_cnn.nn import functional as F


def batches() -> list[Any]:
    x, t = runs.pictures(32)
    return [(x[i : i + 8], t[i : i + 8]) for i in range(0, 32, 8)]


def data_of(page: Any) -> Any:
    return json.loads(re.search('<script type="application/json" id="steps">(.*?)</script>', page.html, re.DOTALL)[1])


def unpacked(tile: Any, shape: Any) -> Any:
    return np.frombuffer(base64.b64decode(tile["data"]), np.int8).reshape(shape) * tile["scale"]


def test_the_steps_are_those_of_a_loop() -> None:
    net, optimizer = runs.made()
    page = viz.step_through(net, F.cross_entropy, batches(), optimizer, steps=6)
    found = data_of(page)
    other, optimizer = runs.made()
    images = tg.tensor(runs.pictures(32)[0][:3])
    for k in range(6):
        x, t = (tg.tensor(a) for a in batches()[k % 4])
        step = found["steps"][k]
        p = F.softmax(other(images), 1).numpy()
        np.testing.assert_allclose(found["probabilities"][k], p, rtol=1e-3)
        optimizer.zero_grad()
        loss = F.cross_entropy(other(x), t)
        loss.backward()
        assert step["loss"] == pytest.approx(loss.item(), rel=1e-5)
        before = [q.numpy().copy() for q in other.parameters()]
        optimizer.step()
        for i, q in enumerate(other.parameters()):
            assert q.grad is not None
            change = q.numpy() - before[i]
            for kind, array in (("weights", before[i]), ("gradients", q.grad.numpy()), ("changes", change)):
                tile = step[kind][i]
                np.testing.assert_allclose(unpacked(tile, q.shape), array, atol=0.51 * tile["scale"])
                assert tile["norm"] == pytest.approx(np.linalg.norm(array.ravel()), rel=1e-3)
    np.testing.assert_allclose(found["probabilities"][6], F.softmax(other(images), 1).numpy(), rtol=1e-3)
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert found["true"] == runs.pictures(32)[1][:3].tolist()


def test_the_graph_has_the_numbers_of_its_step() -> None:
    net, optimizer = runs.made()
    found = data_of(viz.step_through(net, F.cross_entropy, batches(), optimizer, steps=3))
    boxes = found["graph"]["boxes"]
    ids = [box["id"] for box in boxes]
    assert all(source in ids and target in ids for source, target, _ in found["graph"]["edges"])
    labels = [box["label"] for box in boxes]
    weight, loss = labels.index("conv.weight"), labels.index("cross_entropy")
    for step in found["steps"]:
        assert step["boxes"][loss] == [pytest.approx(step["loss"], rel=1e-3), 1.0]
        assert step["boxes"][weight][0] == pytest.approx(step["weights"][0]["norm"], rel=1e-3)
        assert step["boxes"][weight][1] == pytest.approx(step["gradients"][0]["norm"], rel=1e-3)


def test_dropout_is_drawn_as_it_is_taken() -> None:
    """The graph's forward and the step's draw the same random numbers."""
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Flatten(), tg.nn.Linear(144, 8), tg.nn.Dropout(0.5), tg.nn.Linear(8, 3))
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    found = data_of(viz.step_through(net, F.cross_entropy, batches(), optimizer, steps=4))
    labels = [box["label"] for box in found["graph"]["boxes"]]
    for step in found["steps"]:
        assert step["boxes"][labels.index("cross_entropy")][0] == pytest.approx(step["loss"], rel=1e-3)
    assert (found["parameters"][0]["height"], found["parameters"][0]["width"]) == (12, 12), "rows that weigh an image"


def test_other_shapes_of_data() -> None:
    net = tg.nn.Linear(2, 1)
    batch = tg.randn(8, 2), tg.randn(8, 1)
    found = data_of(viz.step_through(net, F.mse_loss, batch, tg.optim.Adam(net.parameters()), steps=2))
    assert found["images"] == []
    net = tg.nn.Linear(2, 3)
    loader = tg.data.DataLoader(tg.data.TensorDataset(np.zeros((4, 2), np.float32), np.zeros(4, int)), 2)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    found = data_of(viz.step_through(net, F.cross_entropy, loader, optimizer, steps=5, watch=np.float32([1, -2])))
    assert found["images"] == [{"text": "(1, -2)"}]
    assert len(found["probabilities"]) == 6
    assert found["true"] == []


def test_arguments_of_another_kind() -> None:
    net, optimizer = runs.made()
    go = viz.step_through
    with pytest.raises(TypeError, match=r"an nn\.Module"):
        go(len, F.cross_entropy, batches(), optimizer)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a function of"):
        go(net, tg.nn.CrossEntropyLoss, batches(), optimizer)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an Optimizer"):
        go(net, F.cross_entropy, batches(), 0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no parameter of this model"):
        go(runs.made()[0], F.cross_entropy, batches(), optimizer)
    with pytest.raises(TypeError, match="batches must be"):
        go(net, F.cross_entropy, 3, optimizer)
    with pytest.raises(ValueError, match="no more batches"):
        go(net, F.cross_entropy, [], optimizer)
    with pytest.raises(ValueError, match="fewer steps or a smaller net"):
        go(net, F.cross_entropy, batches(), optimizer, steps=10_000)
    with pytest.raises(ValueError, match="watch must be inputs like those"):
        go(net, F.cross_entropy, batches(), optimizer, watch=np.zeros((1, 28, 28), np.float32))
    deep = tg.nn.Sequential(tg.nn.Linear(2, 2), *(tg.nn.Tanh() for _ in range(150)))
    with pytest.raises(ValueError, match="120 can be shown"):
        go(deep, F.cross_entropy, (tg.zeros(1, 2), tg.zeros(1).long()), tg.optim.SGD(deep.parameters(), lr=0.1))
    made = runs.made()[0]
    for a, b in zip(net.parameters(), made.parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg="a call that fails has taken no step")


# ------------------------------------------------------------------------------------------------------- in a browser
@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
    from viz.training import browsing

    yield from browsing.browser(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def tab(driver: Any) -> Iterator[Any]:
    from viz.training import browsing

    yield from browsing.opened(driver)


def test_one_moves_from_step_to_step(tab: Any, tmp_path: Path) -> None:
    net, optimizer = runs.made()
    page = viz.step_through(net, F.cross_entropy, batches(), optimizer, steps=5, labels=["top", "<b>mid</b>", "low"])
    found = data_of(page)
    tab.open(page.save(tmp_path / "steps.html").as_uri())

    def shown() -> float:
        return float(re.search("loss ([0-9.]+)", tab.text("#status"))[1])  # type: ignore[index]

    def pixels() -> str:
        return str(tab.run("return document.querySelector('#weights canvas').toDataURL()"))

    seen = [pixels()]
    assert shown() == pytest.approx(found["steps"][0]["loss"], rel=1e-3)
    assert "<b>mid</b>" in tab.text("#watch"), "a label is text"
    for k in range(1, 5):
        tab.keys("\ue014")  # the right arrow
        assert shown() == pytest.approx(found["steps"][k]["loss"], rel=1e-3)
        seen.append(pixels())
    assert len(set(seen)) == 5, "weights move"
    assert not tab.one("#next").is_enabled()
    bars = tab.text(".watched .bars")
    assert bars.startswith("top")
    assert "→" in bars
    said = tab.run("return [...document.querySelectorAll('.box')].map((b) => b.textContent).join()")
    number = re.search(r"cross_entropy +([0-9.]+) ∂", said)
    assert float(number[1]) == pytest.approx(found["steps"][4]["loss"], rel=1e-3)  # type: ignore[index]
    tab.run("document.querySelector('svg.graph .box').focus()")
    tab.keys("\ue007")
    assert "over all steps" in tab.text("#chosen")
    tab.run("document.activeElement.blur()")
    tab.keys(" ")
    assert tab.text("#play") == "Pause"
    tab.keys(" ")
    assert (tab.text("#play"), tab.run("return document.body.dataset.step")) == ("Play", "1"), "from the start"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_it_fits(tab: Any, tmp_path: Path, width: int, scheme: str) -> None:
    net, optimizer = runs.made()
    page = viz.step_through(net, F.cross_entropy, batches(), optimizer, steps=2)
    tab.open(page.save(tmp_path / "steps.html").as_uri(), width=width, scheme=scheme)
    assert tab.run("return document.documentElement.scrollWidth") == width
    small = tab.run("""return [...document.querySelectorAll("main *, header *")].filter((e) => e.textContent.trim()
        && parseFloat(getComputedStyle(e).fontSize) < 11).map((e) => e.outerHTML)""")
    assert small == []
