"""The page of a comparison: what it is given, what it says, and how it looks in a browser."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.train import History, Trainer
from tinygrad_cnn.viz.kit.page import Page

RUNS = (
    History([{"epoch": e, "loss": 1 / e, "accuracy": 1 - 1 / (e + 1), "lr": 0.1, "seconds": 2.0} for e in (1, 2, 3)]),
    [{"epoch": 1, "loss": 0.5, "val_loss": 0.6}, {"epoch": 4, "loss": 0.25, "val_loss": 0.5}],
)


def trained(width: int, *between: Any) -> Trainer:
    """A small net that has learnt which half of a picture is bright."""
    tg.manual_seed(width)
    net = nn.Sequential(nn.Conv2d(1, width, 3), *between, nn.ReLU(), nn.Flatten(), nn.Linear(16 * width, 3))
    trainer = Trainer(net, tg.optim.SGD(net.parameters(), lr=0.02), progress=False)
    trainer.fit((X, Y), 2, batch_size=20)
    return trainer


RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 3, 60)
X = RANDOM.standard_normal((60, 1, 6, 6)).astype(np.float32) + 0.5 * Y[:, None, None, None].astype(np.float32)


def data(page: Page) -> Any:
    return json.loads(re.findall(r'<script type="application/json" id="compared">(.*?)</script>', page.html)[0])


@pytest.fixture(scope="module")
def pair() -> tuple[Trainer, Trainer]:
    return trained(2), trained(3, nn.BatchNorm2d(3))


def test_two_runs() -> None:
    found = data(viz.compare(*RUNS))
    assert found["title"] == "A and B"
    assert "modules" not in found
    assert found["curves"]["epochs"] == [1, 2, 3, 4]
    metrics = {m["metric"]: m["columns"] for m in found["curves"]["metrics"]}
    assert metrics["loss"] == [[1, 0.5, 1 / 3, None], None, [0.5, None, None, 0.25], [0.6, None, None, 0.5]]
    assert list(metrics) == ["loss", "accuracy"]  # one learning rate throughout is no curve
    assert ["last loss", "0.3333", "0.25", "\N{MINUS SIGN}25.0 %"] in found["facts"]
    assert ["epochs", "3", "2", "\N{MINUS SIGN}33.3 %"] in found["facts"]


def test_two_trainers_with_data(pair: tuple[Trainer, Trainer]) -> None:
    before = [{k: v.numpy().copy() for k, v in one.model.state_dict().items()} for one in pair]
    found = data(viz.compare(*pair, (X, Y), display_labels=["left", "right", "both"], batch_size=7))
    facts = {label: values for label, *values in found["facts"]}
    assert facts["parameters"] == ["119", "183", "+53.8 %"]
    accuracies = [float((one.predict(X).numpy().argmax(1) == Y).mean()) for one in pair]
    assert [float(text.rstrip(" %")) for text in facts["accuracy on the data"][:2]] == pytest.approx(
        [100 * a for a in accuracies], abs=0.06
    )
    assert [row["sign"] for row in found["modules"]] == ["~", "~", "+", "~", "~", "~"]
    assert sum(row[0] for row in found["classes"]) == 60
    right = [sum(row[1] + row[i] for row in found["classes"]) / 60 for i in (2, 3)]
    assert right == pytest.approx(accuracies)
    assert found["labels"] == ["left", "right", "both"]
    assert found["curves"]["epochs"] == [1, 2]
    for one, state in zip(pair, before, strict=True):
        assert one.model.training
        assert all(np.array_equal(state[k], v.numpy()) for k, v in one.model.state_dict().items())


def test_two_modules_by_what_they_are_called_with(pair: tuple[Trainer, Trainer]) -> None:
    models = [one.model for one in pair]
    found = data(viz.compare(*models, input_data=X[:2], names=("one", "two"), histories=RUNS))
    assert "classes" not in found
    assert found["modules"][1]["parts"][0]["shape"] == "(2, 2, 4, 4)"
    assert found["curves"]["epochs"] == [1, 2, 3, 4]
    same = data(viz.compare(models[0], models[0], input_data=X[:1]))
    assert {row["sign"] for row in same["modules"]} == {""}
    assert [row["apart"] for row in same["modules"]] == [None, 0, None, None, 0]


def test_names_of_classes_are_the_datasets() -> None:
    class Named(tg.data.TensorDataset):
        classes = ("zero", "one", "two")

    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    found = data(viz.compare(net, net, tg.data.DataLoader(Named(X, Y), batch_size=8)))
    assert found["labels"] == ["zero", "one", "two"]
    assert found["pictures"] == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((nn.ReLU(), RUNS[0]), TypeError, "compares two Trainers, two Modules or two runs, got ReLU and History"),
        ((nn.ReLU(), nn.ReLU()), TypeError, "to compare nets pass data, such as .* or input_data"),
        ((3, 4), TypeError, "a run is a History"),
        ((*RUNS, X), TypeError, "data is for nets"),
        ((RUNS[0], History()), ValueError, "no epochs yet"),
        ((nn.ReLU(), nn.Linear(3, 3), X), RuntimeError, "failed in"),
    ],
)
def test_bad_input_is_named(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        viz.compare(*arguments)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"names": ("x", "x")}, ValueError, "two different texts"),
        ({"names": "AB"}, ValueError, "two different texts"),
        ({"count": 0}, ValueError, "count must be an integer >= 1"),
        ({"histories": RUNS}, TypeError, "histories belong to two Modules"),
    ],
)
def test_bad_settings_are_named(settings: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        viz.compare(*RUNS, **settings)


# --------------------------------------------------------------------------------------------------- in the browser
HOSTILE = "<img src=x onerror=alert(1)>"


def test_the_page_shows_what_differs(window: Any, pair: tuple[Trainer, Trainer]) -> None:
    page = viz.compare(*pair, (X, Y), names=("plain", HOSTILE), display_labels=["<b>", "&amp;", "${x}"], title=HOSTILE)
    window.show(page.html)
    assert window.text("h1") == HOSTILE
    assert len(window.all(".plot svg[role=img]")) == 2
    rows = window.all("section[aria-label=Modules] tbody tr")
    assert [r.get_attribute("class") for r in rows] == [
        "changed", "changed itself", "added", "changed itself", "changed itself", "changed itself",
    ]  # fmt: skip
    signs = [s.get_property("textContent") for s in window.all("td.sign [aria-hidden]")]
    assert signs == ["~", "~", "+", "~", "~", "~"]  # never colour alone
    assert "1 \N{RIGHTWARDS ARROW} 2" in rows[3].text
    assert window.text(".scroll[aria-label='Right and wrong by class'] tbody tr th") == "<b>"
    shown = window.all(".gallery li")
    assert shown
    assert all(li.find_element("tag name", "img").get_property("naturalWidth") == 6 for li in shown)
    found = data(page)["pictures"]
    assert len(shown) == sum(p["kind"] == found[0]["kind"] for p in found)


def test_only_what_differs_and_one_class_by_keyboard(window: Any) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3))
    other = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 3))
    page = viz.compare(net, other, (X, Y))
    window.show(page.html)
    box = window.one("#changed-only")
    box.send_keys(" ")
    assert [r.is_displayed() for r in window.all("section[aria-label=Modules] tbody tr")] == [
        True, False, False, True, True, False,
    ]  # fmt: skip
    assert window.text("[role=status]") == "3 rows shown"
    pictures = data(page)["pictures"]
    kind = window.run("return document.getElementById('which').value")
    kept = [p for p in pictures if p["kind"] == kind]
    label = str(kept[0]["true"])
    window.one("#truth").send_keys(label)
    assert len(window.all(".gallery li")) == sum(str(p["true"]) == label for p in kept)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(window: Any, pair: tuple[Trainer, Trainer], width: int, scheme: str) -> None:
    page = viz.compare(*pair, (X, Y), names=("a rather long name of a run", "another one that is long"))
    window.show(page.html, width, mobile=width == 390, **{"prefers-color-scheme": scheme})
    assert window.width() == width
    assert window.smallest_text() >= 11
    assert window.run("return document.documentElement.dataset.theme") == scheme


def test_runs_of_other_epochs_pass_over_what_they_have_not(window: Any) -> None:
    window.show(viz.compare(*RUNS).html)
    assert window.all(".plot .curve")
    assert window.all(".plot .lost") == []  # nothing was NaN
