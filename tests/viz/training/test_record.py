"""What is kept of a run, in bounded room: curves, lists that thin out, arrays as bytes, samples as small pictures."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz.kit.server import Refused
from tinygrad_cnn.viz.training import desk, looking, session
from tinygrad_cnn.viz.training.control import Control, Scaled
from tinygrad_cnn.viz.training.desk import Desk
from tinygrad_cnn.viz.training.looking import Look, _sample, thumbnail
from tinygrad_cnn.viz.training.record import Curves, Kept, Record, as_bytes, number, packed
from tinygrad_cnn.viz.training.stepping import _look


# -------------------------------------------------------------------------------------------------------------- curves
@pytest.mark.parametrize("points", [2, 4, 10])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 9, 41, 100])
def test_points_are_means_of_as_many_steps_each(points: int, steps: int) -> None:
    curves = Curves(points)
    values = np.sin(np.arange(1, steps + 1))
    for step, value in enumerate(values, 1):
        curves.add(step, {"loss": float(value)})
    stride = curves.stride
    assert len(curves.steps) <= points
    assert stride == 1 or steps > points
    whole = steps // stride
    assert curves.steps == [stride * k for k in range(1, whole + 1)]
    np.testing.assert_allclose(curves.series["loss"], values[: whole * stride].reshape(-1, stride).mean(axis=1))


def test_a_number_that_is_not_always_given_has_gaps() -> None:
    curves = Curves(points=4)
    for step in range(1, 7):
        curves.add(step, {"loss": float(step)} | ({"accuracy": step / 10} if step in (3, 6) else {}))
    assert curves.series == {"loss": [1.5, 3.5, 5.5], "accuracy": [None, 0.3, 0.6]}
    assert curves.since(2, 1) == {
        "stride": 2, "start": 1, "steps": [4, 6], "series": {"loss": [3.5, 5.5], "accuracy": [0.3, 0.6]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stride", "count", "start"), [(1, 0, 0), (1, 2, 2), (1, 3, 3), (1, 4, 0), (1, -1, 0), (2, 2, 0), (0, 1, 0)]
)
def test_who_has_a_part_gets_the_rest_and_who_has_something_else_gets_all(stride: int, count: int, start: int) -> None:
    curves, kept = Curves(), Kept(8)
    for step in (1, 2, 3):
        curves.add(step, {"loss": float(step)})
        kept.add({"step": step})
    found = curves.since(stride, count)
    assert (found["start"], found["steps"], found["series"]) == (
        start,
        [1, 2, 3][start:],
        {"loss": [1.0, 2.0, 3.0][start:]},
    )
    found = kept.since(stride - 1, count)
    assert (found["thinned"], found["start"]) == (0, start)
    assert [entry["step"] for entry in found["entries"]] == [1, 2, 3][start:]


@pytest.mark.parametrize("room", [3, 4, 5, 8])
def test_a_full_list_drops_every_second_entry_and_keeps_the_ends(room: int) -> None:
    kept = Kept(room)
    for step in range(1, 101):
        kept.add({"step": step})
        found = [entry["step"] for entry in kept.entries]
        assert found[0] == 1
        assert found[-1] == step
        assert len(found) <= room | 1
        gaps = np.diff(found)
        assert (np.diff(gaps) <= 0).all(), "the older, the sparser"
    assert kept.thinned > 0


def test_a_record_gives_what_somebody_has_not_seen() -> None:
    record = Record()
    for step in (1, 2):
        record.curves.add(step, {"loss": 0.5})
        record.looks.add({"step": step})
        record.frames.add({"step": step})
    record.now = {"step": 2, "loss": float("nan"), "state": "running"}
    record.epochs.append({"epoch": 1, "val_loss": float("inf")})
    record.mistakes.append({"said": "a"})
    record.about = {"title": "t"}
    whole = record.whole()
    assert list(whole) == ["about", "now", "epochs", "mistakes", "curves", "looks", "frames"]
    assert (whole["about"], whole["mistakes"]) == ({"title": "t"}, [{"said": "a"}])
    assert whole["now"] == {"step": 2, "loss": "NaN", "state": "running"}
    assert whole["epochs"] == [{"epoch": 1, "val_loss": "inf"}]
    later = record.since({"curves": [1, 1], "looks": [0, 2], "frames": [0, 1]})
    assert [later[name]["start"] for name in ("curves", "looks", "frames")] == [1, 2, 1]
    for wrong in ([1], [1, 2, 3], "12", [1, True], [1.0, 1], (1, 1), None):
        assert record.since({"curves": wrong})["curves"]["start"] == 0


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1 / 3, 6, 0.333333), (2 / 3, 2, 0.67), (1234567.0, 4, 1235000.0), (5, 6, 5.0), (np.float32(0.1), 6, 0.1),
        (None, 6, None), (float("nan"), 6, "NaN"), (float("inf"), 6, "inf"), (-np.inf, 6, "-inf"),
    ],
)  # fmt: skip
def test_numbers_as_a_page_takes_them(value: Any, digits: int, text: Any) -> None:
    assert number(value, digits) == text
    assert number(1 / 3) == 0.333333


# --------------------------------------------------------------------------------------------------------------- bytes
@pytest.mark.parametrize(
    ("array", "levels", "scale"),
    [
        ([1.0, -0.5, 0.0], [127, -64, 0], 1 / 127),
        ([[2.54, -2.54], [1.27, 0.02]], [127, -127, 64, 1], 0.02),
        ([0.0, 0.0], [0, 0], 1.0),
        ([np.nan, np.inf, -np.inf, 1.0], [-128, -128, -128, 127], 1 / 127),
        ([np.nan], [-128], 1.0),
    ],
)
def test_arrays_as_signed_bytes(array: Any, levels: list[int], scale: float) -> None:
    found = packed(np.array(array))
    assert np.frombuffer(base64.b64decode(found["data"]), np.int8).tolist() == levels
    assert found["scale"] == pytest.approx(scale)


@pytest.mark.parametrize(
    ("array", "levels"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),  # in [0, 1] as it is
        ([0.25, 0.75], [64, 191]),
        ([0.0, 2.0], [0, 255]),
        ([2.0, 4.0], [128, 255]),  # from 0 on
        ([-1.0, 0.0, 3.0], [0, 64, 255]),
        ([-2.0, -1.0], [0, 128]),  # up to 0
        ([0.0, 0.0], [0, 0]),
        ([np.nan, np.inf, 1.0], [0, 0, 255]),
        ([3, 0], [255, 0]),
    ],
)
def test_pixels_are_stretched_to_bytes_where_they_must_be(array: Any, levels: list[int]) -> None:
    assert np.frombuffer(base64.b64decode(as_bytes(np.array(array))), np.uint8).tolist() == levels


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 4, 6), (4, 6, 1)), ((3, 4, 6), (4, 6, 3)), ((4, 6), (4, 6, 1)), ((9,), (3, 3, 1)), ((16,), (4, 4, 1)),
        ((1, 64, 64), (64, 64, 1)), ((1, 65, 64), (33, 32, 1)), ((1, 200, 100), (50, 25, 1)), ((784,), (28, 28, 1)),
    ],
)  # fmt: skip
def test_a_sample_is_a_small_picture(shape: tuple[int, ...], expected: tuple[int, int, int]) -> None:
    found = thumbnail(np.linspace(0, 1, int(np.prod(shape))).reshape(shape))
    assert (found["height"], found["width"], found["channels"]) == expected
    assert len(base64.b64decode(found["image"])) == np.prod(expected)


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (np.array([1.0, 2.5]), "(1, 2.5)"), (np.arange(4.0), "(0, 1, 2, 3)"), (np.arange(5.0), "(0, 1, 2, 3, ...)"),
        (np.ones((2, 2, 2)), "(1, 1, 1, 1, ...)"), (np.array([1 / 3]), "(0.333)"), (np.ones((1, 1, 1, 1)), "(1)"),
    ],
)  # fmt: skip
def test_another_sample_is_its_first_numbers(sample: Any, text: str) -> None:
    assert thumbnail(sample) == {"text": text}


def test_colours_of_a_picture_stay_where_they_were() -> None:
    image = np.zeros((3, 2, 2))
    image[0, 0, 0] = image[1, 0, 1] = image[2, 1, 0] = 1
    pixels = np.frombuffer(base64.b64decode(thumbnail(image)["image"]), np.uint8).reshape(2, 2, 3)
    assert [pixels[0, 0].tolist(), pixels[0, 1].tolist(), pixels[1, 0].tolist()] == [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
    ]


@pytest.mark.parametrize("shape", [(10,), (1 << 16,), ((1 << 16) + 1,), (300, 300), (64, 64, 5, 5), (1 << 20,)])
def test_norms_of_large_arrays_are_of_a_sample_of_bounded_size(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    part = _sample(array)
    assert len(part) <= 1 << 16
    assert len(part) == array.size or len(part) > 1 << 13
    assert part[0] == 0
    every = int(part[1] - part[0])
    np.testing.assert_array_equal(part, array.ravel()[::every])


# --------------------------------------------------------------------------------------------------------------- looks
def model_and_look(**options: Any) -> tuple[nn.Sequential, Any, Look]:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 3))
    return model, tg.optim.SGD(model.parameters(), lr=0.1), Look(model, **options)


def step(model: nn.Module, optimizer: Any, x: Any, t: Any) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(x), t).backward()
    optimizer.step()


def test_a_look_has_norms_ratios_units_and_mistakes() -> None:
    model, optimizer, look = model_and_look(labels=["cat", "dog"])
    x, t = tg.tensor(np.sin(np.arange(72.0)).reshape(8, 1, 3, 3).astype(np.float32)), tg.arange(8) % 3
    before = [p.numpy().astype(np.float64) for p in model.parameters()]
    scores = model(x).numpy().astype(np.float64)
    assert look.begin() >= 0
    step(model, optimizer, x, t)
    found, took = look.end(7)
    assert took > 0
    gradients = [p.grad.numpy().astype(np.float64) for p in model.parameters()]  # type: ignore[union-attr]
    for k in (0, 1):
        grads, olds = gradients[2 * k : 2 * k + 2], before[2 * k : 2 * k + 2]
        norm, size = (np.sqrt(sum((a**2).sum() for a in arrays)) for arrays in (grads, olds))
        assert found["norm"][k] == pytest.approx(norm, rel=1e-3)
        assert found["ratio"][k] == pytest.approx(0.1 * norm / size, rel=1e-3)
    wrong = scores.argmax(1) != t.numpy()
    assert found["accuracy"] == pytest.approx(1 - wrong.mean(), abs=1e-4)
    assert found["step"] == 7
    silent = int((np.maximum(x.numpy().reshape(8, 9) @ before[0].T + before[1], 0).max(axis=0) == 0).sum())
    assert found["units"] == [["2 ReLU", silent, 6, 8]]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    right = sorted(p[i, t.numpy()[i]] for i in np.flatnonzero(wrong))
    assert [m["right"] for m in look.mistakes] == pytest.approx(right, rel=5e-3)
    worst = next(i for i in np.flatnonzero(wrong) if p[i, t.numpy()[i]] == right[0])
    names = ["cat", "dog", "2"]  # as far as they go
    assert (look.mistakes[0]["true"], look.mistakes[0]["said"]) == (names[worst % 3], names[scores[worst].argmax()])
    assert look.mistakes[0]["sure"] == pytest.approx(p[worst].max(), rel=5e-3)
    assert (look.mistakes[0]["height"], look.mistakes[0]["step"]) == (3, 7)


def test_a_layer_without_a_gradient_or_with_weights_of_zero_has_no_figures() -> None:
    model, optimizer, look = model_and_look()
    x, t = tg.ones(2, 1, 3, 3), tg.tensor([0, 1])
    for p in model[1].parameters():
        p.numpy()[...] = 0
        p.requires_grad_(False)
    look.begin()
    step(model, optimizer, x, t)
    found, _ = look.end(1)
    assert found["norm"][0] is None
    assert found["ratio"][0] is None
    assert found["norm"][1] > 0


def test_classes_that_are_to_be_ignored_are_no_mistakes() -> None:
    model, optimizer, look = model_and_look()
    x = tg.tensor(np.sin(np.arange(36.0)).reshape(4, 1, 3, 3).astype(np.float32))
    said = model(x).numpy().argmax(1)
    t = tg.tensor([int(said[0]), -100, -100, (int(said[3]) + 1) % 3])
    look.begin()
    step(model, optimizer, x, t)
    assert look.end(1)[0]["accuracy"] == 0.5
    assert len(look.mistakes) == 1


def test_the_twelve_worst_mistakes_of_the_last_six_looks_are_kept() -> None:
    model, optimizer, look = model_and_look()
    x = tg.tensor(np.sin(np.arange(180.0)).reshape(20, 1, 3, 3).astype(np.float32))
    for k in range(8):
        wrong = [(int(said) + 1) % 3 for said in model(x).numpy().argmax(1)]
        look.begin()
        step(model, optimizer, x, tg.tensor(wrong))
        assert look.end(k)[0]["accuracy"] == 0
        assert len(look.mistakes) == 12
        assert {m["step"] for m in look._pool} == set(range(max(0, k - 5), k + 1))
    rights = [m["right"] for m in look.mistakes]
    assert rights == sorted(rights)


def test_a_unit_is_silent_after_as_many_images_as_were_seen_and_at_most_256() -> None:
    model, optimizer, look = model_and_look()
    model[1].bias.numpy()[2] = -100
    x, t = tg.ones(100, 1, 3, 3), tg.zeros(100, dtype=tg.int64)
    seen = []
    for k in range(4):
        look.begin()
        step(model, optimizer, x, t)
        (unit,) = look.end(k)[0]["units"]
        seen.append(unit[3])
        assert unit[1] >= 1
    assert seen == [100, 200, 256, 256]


@pytest.mark.parametrize(("classes", "shown"), [(2, True), (20, True), (21, False), (1, False)])
def test_probabilities_of_up_to_twenty_classes_are_watched(classes: int, shown: bool) -> None:
    model = nn.Linear(3, classes)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    batch = tg.ones(8, 3), tg.zeros(8, dtype=tg.int64)
    page = viz.step_through(model, F.cross_entropy, batch, optimizer, steps=1)
    assert ('"true":[0,0,0]' in page.html) == shown  # the first three
    if shown:
        watched = viz.step_through(model, F.cross_entropy, batch, optimizer, steps=1, watch=tg.ones(9, 3))
        assert watched.html.count('"text":"(1, 1, 1)"') == 6
    else:
        with pytest.raises(ValueError, match=r"watch needs scores .* of up to 20 classes, got shape"):
            viz.step_through(model, F.cross_entropy, batch, optimizer, steps=1, watch=tg.ones(1, 3))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Conv2d(1, 4, 3), nn.Linear(9, 2)], ("gray", 4, 4, 3, 3, 1)),
        ([nn.Conv2d(3, 70, 2)], ("colour", 64, 70, 2, 2, 3)),
        ([nn.Conv2d(5, 4, 3)], ("mean", 4, 4, 3, 3, 5)),
        ([nn.Conv2d(1, 4, 1), nn.Linear(9, 2)], ("gray", 2, 2, 3, 3, 9)),  # 1x1 is no picture
        ([nn.Linear(16, 5)], ("gray", 5, 5, 4, 4, 16)),
        ([nn.Linear(4, 5)], ("gray", 5, 5, 1, 4, 4)),  # too small to be a picture
        ([nn.Linear(15, 5)], ("gray", 5, 5, 1, 15, 15)),
        ([nn.Linear(8192, 3)], ("gray", 2, 3, 1, 8192, 8192)),  # as many as there is room for
    ],
)
def test_the_filters_that_are_shown(layers: list[nn.Module], expected: tuple[Any, ...]) -> None:
    look = Look(nn.Sequential(*layers))
    assert look.filters is not None
    assert tuple(look.filters[key] for key in ("kind", "count", "of", "height", "width", "channels")) == expected
    frame = look.frame(3)
    assert frame is not None
    kind, count, _, height, width, _ = expected
    assert frame["step"] == 3
    assert len(base64.b64decode(frame["data"])) == count * height * width * (3 if kind == "colour" else 1)


def test_where_there_is_nothing_to_see_there_are_no_filters() -> None:
    assert Look(nn.Sequential(nn.Linear(20_000, 2))).filters is None
    assert Look(nn.Sequential(nn.LayerNorm(4))).frame(1) is None


# -------------------------------------------------------------------------------------------------------------- wishes
class Clock:
    elapsed, share, idle = 12.34, 0.0123456, 0.56


def test_the_desk_says_how_things_stand_and_does_what_it_is_told() -> None:
    control, record = Control(), Record()
    table = Desk(record, control, Clock())
    usual = {"paused": False, "stopped": False, "factor": 1.0, "seconds": 12.3, "idle": 0.6, "share": 0.01235}
    assert table.controls() == usual
    assert table.steer({"do": "pause"}) == {**usual, "paused": True}
    assert table.steer({"do": "go"}) == usual
    assert table.steer({"do": "step"})["paused"]
    assert table.steer({"factor": 10}) == {**usual, "paused": True, "factor": 10.0}
    assert table.steer({"do": "stop"})["stopped"]
    assert table.state("nonsense")["curves"]["start"] == 0
    assert table.state({})["control"]["factor"] == 10.0
    assert (table.address, table.take_cost(), table.page().height) == (None, 0, 900)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (None, "expected {"), ({}, "expected {"), ({"do": "go", "factor": 1}, "expected {"), ([], "expected {"),
        ({"do": "dance"}, "there is no {'do': 'dance'}"), ({"factor": "2"}, "there is no"),
        ({"speed": 1}, "there is no"),
        ({"factor": 0}, "must lie in 0.001..1000"), ({"factor": float("nan")}, "must lie in"),
        ({"factor": 1001}, "1000"),
        ({"factor": 10**400}, "too large"),
    ],
)  # fmt: skip
def test_other_wishes_are_refused(wish: Any, words: str) -> None:
    control = Control()
    with pytest.raises(Refused, match=words.replace("{", r"\{")) as caught:
        Desk(Record(), control, Clock()).steer(wish)
    assert caught.value.status == 400
    assert (control.paused, control.stopped, control.factor) == (False, False, 1.0)


@pytest.mark.parametrize("factor", [1e-3, 0.5, 1e3])
def test_a_factor_up_to_a_thousand_either_way_multiplies_within_the_step_alone(factor: float) -> None:
    p = tg.ones(2, requires_grad=True)
    optimizer, control = tg.optim.SGD([p], lr=0.5), Control()
    scaled = Scaled(optimizer, control)
    control.scale(factor)
    scaled.look()
    assert scaled.lr == 0.5 * factor
    p.grad = tg.ones(2)
    optimizer.step()
    np.testing.assert_allclose(p.numpy(), 1 - 0.5 * factor, rtol=1e-6)
    assert optimizer.param_groups[0]["lr"] == 0.5
    scaled.let_go()
    optimizer.step()
    np.testing.assert_allclose(p.numpy(), 0.5 - 0.5 * factor, rtol=1e-5, atol=1e-6)


def test_at_the_gate() -> None:
    control = Control()
    control.gate(lambda: False)  # nobody has said anything
    control.once()  # waits after the running step
    assert control.paused
    control.gate(lambda: True)  # Ctrl-C
    control.once()
    control.once()
    for _ in range(2):
        control.gate(lambda: False)  # each takes one step
    control.once()
    control.go()
    control.pause()
    stopped = []
    control.gate(lambda: stopped.append(1) is None)  # the step that was asked for before is not taken now
    assert stopped == [1]
    control.stop()
    control.gate(lambda: False)


def test_a_run_says_what_it_is() -> None:
    model = nn.Linear(2, 1)
    page = viz.live(model, tg.optim.SGD(model.parameters(), lr=0.1), serve=False)
    assert repr(page) == "<Live page: 0 steps; .save('run.html') keeps it>"
    page.step_count = 1234
    assert "1,234 steps" in repr(page)
    assert (page.address, page.stopped, page.title, page.labels) == (None, False, None, None)
    assert viz.live(serve=False).elapsed == viz.live(serve=False).idle == 0.0
    with page as same:
        assert same is page
    page.step_count = 0
    assert page._record.now["state"] == "finished"
    assert page._repr_html_().startswith("<style>")  # nothing is served: the run as it was recorded
    with pytest.raises(RuntimeError, match=r"there is no model to watch; make it as viz\.live\(model, optimizer\)"):
        viz.live(serve=False).step(1.0)


@pytest.mark.parametrize(
    ("value", "given"), [(2, 2.0), (np.float32(0.5), 0.5), (tg.tensor([[3.0]]), 3.0), (True, 1.0), (1.5, 1.5)]
)
def test_a_loss_is_one_number(value: Any, given: float) -> None:
    model = nn.Linear(2, 1)
    page = viz.live(model, tg.optim.SGD(model.parameters(), lr=0.1), serve=False)
    assert page.step(value, accuracy=0.25)
    assert page._record.curves.series == {"loss": [given], "accuracy": [0.25], "lr": [0.1]}
    for wrong, error, words in (
        (tg.ones(2), ValueError, r"loss must be one number, got a Tensor of shape \(2,\)"),
        ("1", TypeError, "loss must be a number, got"),
        (1j, TypeError, "loss must be a number, got"),
    ):
        with pytest.raises(error, match=words):
            page.step(wrong)
    assert page.step_count == 1


@pytest.mark.parametrize(
    ("terminal", "platform", "variables", "opened"),
    [
        (True, "linux", {"DISPLAY": ":0"}, True), (True, "linux", {"WAYLAND_DISPLAY": "w"}, True),
        (True, "linux", {}, False), (True, "win32", {}, True), (True, "darwin", {}, True),
        (False, "darwin", {"DISPLAY": ":0"}, False),
    ],
)  # fmt: skip
def test_a_browser_is_opened_from_a_terminal_with_a_screen(
    terminal: bool, platform: str, variables: dict[str, str], opened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(desk.sys, "platform", platform)
    monkeypatch.setattr(desk.sys, "stdout", SimpleNamespace(isatty=lambda: terminal))
    assert desk._at_a_screen() == opened


# --------------------------------------------------------------------------------------------------- step by step
@pytest.mark.parametrize(
    ("shape", "sample", "expected"),
    [
        ((4, 2, 3, 5), (2, 9, 9), (8, 3, 5)),
        ((4, 2, 1, 2), (), (8, 1, 2)),
        ((4, 2, 1, 1), (2, 9, 9), (1, 4, 2)),
        ((6, 12), (1, 3, 4), (6, 3, 4)),
        ((6, 12), (3, 4), (6, 3, 4)),
        ((6, 12), (12,), (1, 6, 12)),
        ((6, 12), (1, 3, 5), (1, 6, 12)),
        ((7,), (7,), (1, 1, 7)),
        ((2, 3, 4), (), (1, 2, 12)),
    ],
)
def test_how_an_array_lies_as_a_picture(shape: Any, sample: Any, expected: tuple[int, int, int]) -> None:
    assert tuple(_look(shape, sample)[key] for key in ("count", "height", "width")) == expected
    assert np.prod(expected) == np.prod(shape)


def test_a_page_of_steps_has_room_for_a_million_numbers() -> None:
    model = nn.Linear(99, 100)  # 10,000 numbers
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    batch = tg.ones(2, 99), tg.ones(2, 100)
    with pytest.raises(
        ValueError, match="10,000 weights times 101 steps are 1,010,000 numbers, and a page holds 1,000,000"
    ):
        viz.step_through(model, F.mse_loss, batch, optimizer, steps=101)
    model, many = nn.Sequential(*(nn.Tanh() for _ in range(119)), nn.Linear(2, 2)), (tg.ones(2, 2), tg.ones(2, 2))
    with pytest.raises(ValueError, match=r"the graph of a step has 12\d boxes, and 120 can be shown"):
        viz.step_through(model, F.mse_loss, many, tg.optim.SGD(model.parameters(), lr=0.1), steps=1)


class Block(nn.Module):
    """Something of its own between its layer and the relu."""

    def __init__(self) -> None:
        self.fc = nn.Linear(4, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return F.relu(self.fc(x) * 2.0 + 1.0)


def test_a_relu_is_called_after_the_layer_before_it_and_not_after_the_block_around_it() -> None:
    model = nn.Sequential(Block(), Block(), nn.Linear(4, 2))
    optimizer, look = tg.optim.SGD(model.parameters(), lr=0.1), Look(model)
    look.begin()
    step(model, optimizer, tg.ones(3, 4), tg.tensor([0, 1, 0]))
    assert [unit[0] for unit in look.end(1)[0]["units"]] == ["0.fc + relu", "1.fc + relu"]


def test_the_clock_of_a_run_stands_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    for module in (session, looking):
        monkeypatch.setattr(module, "seconds", lambda: now[0])
    model = nn.Linear(2, 1)
    page = viz.live(model, tg.optim.SGD(model.parameters(), lr=0.1), serve=False)
    now[0] += 5
    assert page.elapsed == 5
    page.step(1.0)
    now[0] += 2
    assert page.idle == 2
    page.finish("enough")
    now[0] += 30
    page.finish("again")
    assert page.elapsed == 7
    assert page._record.now["why"] == "again"
    page.close()
    assert page._record.now["why"] == "again"
