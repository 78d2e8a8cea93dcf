"""The live page's Python side: what it records, what it does to a run, and what it must not do."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from viz.training import runs

import tinygrad_cnn as tg
from tinygrad_cnn import viz
from tinygrad_cnn.autograd.modes import here
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.train import Callback, SchedulerCallback, Trainer
from tinygrad_cnn.viz.training import desk, looking, record, session
from tinygrad_cnn.viz.training.control import Control


def ask(page: Any, path: str, data: Any) -> Any:
    request = urllib.request.Request(
        page.address + path, json.dumps(data).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def weights(net: Any) -> list[Any]:
    return [p.numpy().copy() for p in net.parameters()]


def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is looked into, whatever that costs."""
    monkeypatch.setattr(session, "_APART", 0.0)
    monkeypatch.setattr(session, "SHARE", 1e9)


def test_a_run_that_is_watched_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    look_always(monkeypatch)
    plain, optimizer = runs.made()
    runs.steps(plain, optimizer, 12)
    watched, optimizer = runs.made()
    with viz.live(watched, optimizer) as page:
        runs.steps(watched, optimizer, 12, page)
        assert len(ask(page, "/state", {})["looks"]["entries"]) == 12
    for a, b in zip(weights(plain), weights(watched), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not watched._forward_pre_hooks
    assert optimizer._hooks is None, "nothing is left behind, and nothing was ever registered"


def test_a_trainer_that_is_watched_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    look_always(monkeypatch)
    found = []
    for live in (False, True):
        net, optimizer = runs.made()
        trainer = Trainer(net, optimizer, progress=False, live=live)
        history = trainer.fit(runs.pictures(), 3, 0.25, batch_size=8)
        found.append((weights(net), history["val_loss"]))
        assert (trainer.live is None) == (not live)
        if trainer.live is not None:
            trainer.live.close()
    for a, b in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert found[0][1] == found[1][1]


def test_looks_see_what_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    look_always(monkeypatch)
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)
    x, t = (tg.tensor(a) for a in runs.pictures(24))
    with tg.no_grad():
        net.conv.bias[2] = -100.0  # a unit that never fires
    before = [w.astype(np.float64) for w in weights(net)]
    page._look.cancel()
    page._look.begin()
    optimizer.zero_grad()
    out = net(x)
    loss = F.cross_entropy(out, t)
    loss.backward()
    optimizer.step()
    with tg.no_grad():
        net(x * 0)  # a validation does not count
    page.step(loss)
    (look,) = page._record.looks.entries
    after = [w.astype(np.float64) for w in weights(net)]
    norms = [np.sqrt(sum((p.grad.numpy() ** 2).sum() for p in layer.parameters())) for layer in (net.conv, net.fc)]
    assert look["norm"] == pytest.approx(norms, rel=1e-3)
    for k in range(2):
        change = sum(
            ((a - b) ** 2).sum() for a, b in zip(after[2 * k : 2 * k + 2], before[2 * k : 2 * k + 2], strict=True)
        )
        size = sum((b**2).sum() for b in before[2 * k : 2 * k + 2])
        assert look["ratio"][k] == pytest.approx(np.sqrt(change / size), rel=1e-3)
    fired = (F.relu(net.conv(x)).numpy() > 0).any(axis=(0, 2, 3))
    assert look["units"] == [["conv + relu", int((~fired).sum()), 4, 24]]
    assert not fired[2]
    right = float((out.numpy().argmax(axis=1) == t.numpy()).mean())
    assert look["accuracy"] == pytest.approx(right, abs=1e-3)
    order = viz.worst_mistakes(t, out)
    p = np.exp(out.numpy()) / np.exp(out.numpy()).sum(axis=1, keepdims=True)
    assert [m["right"] for m in page._look.mistakes] == pytest.approx(p[order, t.numpy()[order]][:12], rel=0.02)
    assert page._look.mistakes[0]["height"] == 12


def test_a_sample_of_a_large_array_is_a_fair_one() -> None:
    """Every 36th number of (512, 512, 3, 3) would be the corner of each kernel."""
    kernels = np.zeros((512, 512, 3, 3), np.float32)
    kernels[:, :, 1, 1] = 2.0
    assert looking._norm([kernels]) == pytest.approx(1024, rel=0.02)
    assert looking._sample(kernels).size <= looking.SAMPLE


def test_mistakes_are_those_of_the_last_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    look_always(monkeypatch)
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)
    runs.steps(net, optimizer, 1, page)
    assert page._look.mistakes
    for step in range(2, 9):
        page._look.tap.scores, page._look.tap.classes = np.eye(3, dtype=np.float32), np.arange(3)
        page._look._judge(page._look.tap, step)
    assert page._look.mistakes == [], "all is right by now"


def test_a_unit_that_fires_again_is_not_silent() -> None:
    net, _ = runs.made()
    look = looking.Look(net)

    def units(images: int, fired: list[bool]) -> list[Any]:
        tap = looking.Tap({})
        tap.inputs, tap.fired = np.zeros((images, 1)), {"relu": np.array(fired)}
        return look._units(tap)

    assert units(looking.SILENT, [False, True]) == [["relu", 1, 2, looking.SILENT]]
    assert units(10, [True, False]) == [["relu", 0, 2, looking.SILENT]]
    assert units(looking.SILENT, [True, False]) == [["relu", 1, 2, looking.SILENT]]


def test_a_factor_that_is_no_number_is_refused() -> None:
    for factor in (float("nan"), float("inf"), 0.0, -1.0):
        with pytest.raises(ValueError, match="the factor must lie in"):
            Control().scale(factor)


def test_of_what_is_kept_the_first_and_the_last_stay() -> None:
    kept = record.Kept(4)
    for step in range(40):
        kept.add({"step": step})
        steps = [entry["step"] for entry in kept.entries]
        assert (steps[0], steps[-1]) == (0, step)
        assert len(steps) <= 5


def test_a_pause_is_no_time_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(session, "seconds", lambda: now[0])
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)

    def gate(_interrupted: Any) -> None:
        now[0] += 100

    page._control.paused, page._control.gate = True, gate  # type: ignore[method-assign]
    now[0] = 1
    page.step(0.5)
    now[0] += 2
    assert page.elapsed == 3


def test_functions_and_modules_are_seen_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    look_always(monkeypatch)
    tg.manual_seed(0)
    net = tg.nn.Sequential(
        tg.nn.Conv2d(1, 4, 3), tg.nn.ReLU(), tg.nn.MaxPool2d(2), tg.nn.Flatten(), tg.nn.Linear(100, 3)
    )
    other, _ = runs.made()
    other.load_state_dict(
        {"conv.weight": net[0].weight, "conv.bias": net[0].bias, "fc.weight": net[4].weight, "fc.bias": net[4].bias}
    )
    units = []
    for model in (net, other):
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
        page = viz.live(model, optimizer, serve=False)
        runs.steps(model, optimizer, 3, page)
        units.append([[name, *rest] for name, *rest in page._record.looks.entries[-1]["units"]])
    assert units[0][0][1:] == units[1][0][1:]
    assert [units[0][0][0], units[1][0][0]] == ["1 ReLU", "conv + relu"]


def test_a_relu_that_is_used_twice_and_another_net(monkeypatch: pytest.MonkeyPatch) -> None:
    look_always(monkeypatch)

    class Twice(tg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.relu, self.b, self.c = tg.nn.Linear(4, 5), tg.nn.ReLU(), tg.nn.Linear(5, 6), tg.nn.Linear(6, 3)

        def forward(self, x: Any) -> Any:
            return self.c(self.relu(self.b(self.relu(self.a(x)))))

    tg.manual_seed(0)
    net = Twice()
    page = viz.live(net, tg.optim.SGD(net.parameters(), lr=0.1), serve=False)
    other, optimizer = runs.made()
    for _ in range(2):
        runs.steps(other, optimizer, 1)  # in the same thread, and none of ours
        loss = F.nll_loss(F.log_softmax(net(tg.randn(8, 4)), 1), tg.randint(0, 3, (8,)))
        loss.backward()
        page.step(loss)
    units = page._record.looks.entries[-1]["units"]
    assert [(name, count) for name, _, count, _ in units] == [("relu ReLU", 5), ("relu ReLU (2)", 6)]
    assert all(mistake["text"].startswith("(") for mistake in page._look.mistakes)


def test_looks_are_spaced_out_by_what_they_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(session, "seconds", lambda: clock[0])
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)
    monkeypatch.setattr(page._look, "begin", lambda: 0.0)
    monkeypatch.setattr(page._look, "end", lambda step: ({"step": step}, 0.01))
    for _ in range(1000):
        clock[0] += 0.01
        page.step(1.0)
    looks = [look["step"] for look in page._record.looks.entries]
    assert len(looks) == pytest.approx(10 / (0.01 / session.SHARE), abs=2)
    assert page.share < 0.01


def test_the_factor_is_on_top_of_a_schedule() -> None:
    """Each scheduler finds its own rates, and the steps are those of a schedule that was multiplied."""
    for gamma, factor in ((0.5, 3.0), (0.9, 0.1)):
        net, optimizer = runs.made()
        scheduler = tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma)
        page = viz.live(net, optimizer, serve=False)
        page._desk.steer({"factor": factor})
        used, update = [], optimizer.update

        def noting(p: Any, g: Any, state: Any, group: Any, used: Any = used, update: Any = update) -> None:
            if p.shape == (3,):
                used.append(group["lr"])
            update(p, g, state, group)

        optimizer.update = noting
        for _ in range(4):
            runs.steps(net, optimizer, 1, page)
            scheduler.step()
        assert used[1:] == pytest.approx([0.1 * gamma**k * factor for k in range(1, 4)])
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * gamma**4)
        assert page._record.curves.series["lr"][1:] == pytest.approx(used[1:])
        page.finish()
        runs.steps(net, optimizer, 1)
        assert used[-1] == pytest.approx(0.1 * gamma**4), "a run that has ended leaves the optimizer alone"


def test_two_pages_on_one_optimizer() -> None:
    """A cell of a notebook that is run again leaves the first page open."""
    net, optimizer = runs.made()
    pages = [viz.live(net, optimizer, serve=False) for _ in range(2)]
    used, update = [], optimizer.update

    def noting(p: Any, g: Any, state: Any, group: Any) -> None:
        used.append(group["lr"])
        update(p, g, state, group)

    optimizer.update = noting  # type: ignore[method-assign]
    for page, factor in zip(pages, (2, 3), strict=True):
        page._desk.steer({"factor": factor})
    for _ in range(3):
        runs.steps(net, optimizer, 1, pages[0])
        pages[1].step(0.0)
        assert optimizer.param_groups[0]["lr"] == 0.1
    assert used[-1] == pytest.approx(0.6)
    for page in pages:
        page.finish()
    runs.steps(net, optimizer, 1)
    assert used[-1] == 0.1
    assert not here.mode.watchers


def test_a_step_that_fails_leaves_the_learning_rate() -> None:
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)
    page._desk.steer({"factor": 2})
    runs.steps(net, optimizer, 1, page)
    net.fc.weight.grad = None
    good, optimizer.update = optimizer.update, None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        runs.steps(net, optimizer, 1)
    optimizer.update = good  # type: ignore[method-assign]
    runs.steps(net, optimizer, 1, page)
    page.finish()
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_run_may_go_on_in_another_thread() -> None:
    net, optimizer = runs.made()
    before = here.mode.watchers
    page = viz.live(net, optimizer, serve=False)
    assert len(here.mode.watchers) == len(before) + 1
    thread = in_thread(lambda: runs.steps(net, optimizer, 2, page))
    thread.join(20)
    assert here.mode.watchers == before


def test_a_run_that_broke_off_is_watched_no_longer() -> None:
    net, optimizer = runs.made()
    before = here.mode.watchers
    page = viz.live(net, optimizer, serve=False)
    for _ in range(300):
        net(tg.zeros(1, 1, 12, 12))
    assert here.mode.watchers == before
    runs.steps(net, optimizer, 2, page)
    assert page.step_count == 2


def test_a_run_that_broke_off_and_begins_again_has_one_watcher() -> None:
    net, optimizer = runs.made()
    page, before = viz.live(serve=False), here.mode.watchers
    trainer = Trainer(net, optimizer, callbacks=[page], progress=False)
    for _ in range(3):
        with pytest.raises(ValueError, match="shape"):
            trainer.fit((np.zeros((4, 1, 12, 12), np.float32), np.zeros((4, 2, 2), np.int64)), 1, batch_size=2)
    page.finish()
    assert here.mode.watchers == before
    assert not net._forward_pre_hooks


@pytest.fixture(autouse=True)
def no_watchers_are_left() -> Iterator[None]:
    before = here.mode.watchers
    yield
    here.mode.watchers = before  # of pages that a test has left open


def in_thread(run: Any) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_pause_one_step_go_on_and_stop() -> None:
    net, optimizer = runs.made()
    page = viz.live(net, optimizer)
    ask(page, "/control", {"do": "pause"})
    thread = in_thread(lambda: runs.steps(net, optimizer, 10**9, page))
    until(lambda: page.step_count == 1)
    kept = weights(net)
    for _ in range(5):
        assert ask(page, "/state", {})["now"]["step"] == 1
    for a, b in zip(kept, weights(net), strict=True):
        np.testing.assert_array_equal(a, b)
    for k in (2, 3):
        ask(page, "/control", {"do": "step"})
        until(lambda k=k: page.step_count == k)
    assert ask(page, "/control", {"do": "go"})["paused"] is False
    until(lambda: page.step_count > 20)
    assert ask(page, "/control", {"do": "stop"})["stopped"] is True
    thread.join(20)
    assert not thread.is_alive()
    assert page.stopped
    page.close()


def test_a_trainer_is_stopped_and_may_go_on() -> None:
    net, optimizer = runs.made()
    page = viz.live()

    class Stop(Callback):
        def on_batch_end(self, trainer: Any, logs: dict[str, Any]) -> None:  # noqa: ARG002
            if page.step_count == 5:  # of the second epoch the first
                page._desk.steer({"do": "stop"})

    trainer = Trainer(net, optimizer, callbacks=[page, Stop()], progress=False)
    trainer.fit(runs.pictures(), 5, batch_size=16)
    assert (trainer.epoch, trainer.batch) == (1, 2)
    assert trainer.stop_reason == "stopped on the live page"
    now = ask(page, "/state", {})["now"]
    assert (now["state"], now["why"]) == ("finished", trainer.stop_reason)
    trainer.fit(runs.pictures(), 3, batch_size=16)
    assert (trainer.epoch, trainer.stop_reason) == (3, None)
    page.close()


def program(code: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def test_ctrl_c_ends_a_trainer_that_is_paused() -> None:
    code = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background begins with it ignored
from viz.training import runs
from tinygrad_cnn import viz
from tinygrad_cnn.train import Trainer
net, optimizer = runs.made()
page = viz.live(serve=False)
page._control.pause()
def press():
    while page.step_count < 1: time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press, daemon=True).start()
trainer = Trainer(net, optimizer, callbacks=page, progress=False)
trainer.fit(runs.pictures(), 1000)
print(trainer.stop_reason, page.step_count)
"""
    path = ":".join(sys.path)
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={"PYTHONPATH": path}, check=False
    )
    assert out.stdout.split() == ["interrupted", "1"], out.stderr


def test_a_program_ends_with_its_page_open() -> None:
    code = """
from viz.training import runs
from tinygrad_cnn import viz
net, optimizer = runs.made()
page = viz.live(net, optimizer)
runs.steps(net, optimizer, 3, page)
"""
    path = ":".join(sys.path)
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={"PYTHONPATH": path}, check=False
    )
    assert out.returncode == 0, out.stderr
    assert out.stdout.startswith("live: http://127.0.0.1:")


def test_the_history_has_the_rate_that_was_used() -> None:
    net, optimizer = runs.made()
    page = viz.live(serve=False)
    page._control.scale(2.0)
    scheduler = tg.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    trainer = Trainer(net, optimizer, callbacks=[SchedulerCallback(scheduler), page], progress=False)
    assert trainer.fit(runs.pictures(), 2)["lr"] == pytest.approx([0.2, 0.1])
    assert [epoch["lr"] for epoch in page._record.epochs] == pytest.approx([0.2, 0.1])


def test_a_server_that_only_its_own_page_may_ask() -> None:
    net, optimizer = runs.made()
    with viz.live(net, optimizer) as page:
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            request = urllib.request.Request(page.address + "/control", b'{"do":"stop"}', headers)
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(request, timeout=10)
            assert error.value.code == 403
        for wish in ({"do": "format"}, {"factor": 1e9}, {"factor": "2"}, [], {"do": "stop", "factor": 2}):
            with pytest.raises(urllib.error.HTTPError) as error:
                ask(page, "/control", wish)
            assert error.value.code == 400
        assert not page.stopped
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen("http://127.0.0.1:1/", timeout=2)
    assert page.address is None


def test_steps_of_a_million_take_bounded_room() -> None:
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)
    page._look.cancel()
    page._watching, page._next = False, float("inf")
    for k in range(20_000):
        page.step(float(k), accuracy=0.5)
    curves = page._record.curves
    assert len(curves.steps) <= 2048
    assert curves.stride == 16
    np.testing.assert_allclose(curves.series["loss"], np.array(curves.steps) - 1 - (curves.stride - 1) / 2)


def test_what_is_not_finite_is_told() -> None:
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)
    page.step(float("nan"), accuracy=float("inf"))
    assert page._desk.state({})["curves"]["series"] == {"loss": ["NaN"], "accuracy": ["inf"], "lr": [0.1]}
    page.page()


def test_arguments_of_another_kind() -> None:
    net, optimizer = runs.made()
    with pytest.raises(TypeError, match="give both"):
        viz.live(net)
    with pytest.raises(TypeError, match=r"an nn\.Module"):
        viz.live(optimizer, net)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"viz\.live\(model, optimizer\)"):
        viz.live().step(1.0)
    with pytest.raises(ValueError, match="one number"):
        viz.live(net, optimizer, serve=False).step(tg.zeros(2))
    with pytest.raises(TypeError, match="accuracy must be a number"):
        viz.live(net, optimizer, serve=False).step(1.0, accuracy="high")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Trainer: live"):
        Trainer(net, optimizer, live="yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\.html"):
        viz.live(net, optimizer, serve=False).save("run.png")


def test_a_trainer_knows_nothing_of_pages() -> None:
    code = """
import sys
import tinygrad_cnn as tg
net = tg.nn.Linear(2, 1)
trainer = tg.train.Trainer(net, tg.optim.SGD(net.parameters(), lr=0.1), tg.nn.functional.mse_loss, progress=False)
trainer.fit((tg.zeros(4, 2), tg.zeros(4, 1)), 1)
assert not any("viz" in name for name in sys.modules)
"""
    assert program(code).returncode == 0


def test_a_notebook_shows_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, kept = [], []

    class Display:
        def __init__(self, what: Any, display_id: bool) -> None:
            assert display_id
            shown.append(what)
            self.update = kept.append

    monkeypatch.setattr(desk, "_notebook", lambda: Display)
    net, optimizer = runs.made()
    with viz.live(net, optimizer) as page:
        assert shown == [page]
        assert f'src="{page.address}"' in page._repr_html_()
        with urllib.request.urlopen(page.address, timeout=10) as answer:
            assert "frame-ancestors http://localhost:*" in answer.headers["Content-Security-Policy"]
        runs.steps(net, optimizer, 2, page)
        assert not kept
    assert "srcdoc=" in page._repr_html_(), "when it is over, what was recorded"
    assert [type(one) for one in kept] == [viz.Page], "and in the place of the frame"
    assert page.page().height == desk.HEIGHT


def test_each_run_in_a_notebook_has_its_own_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[list[Any]] = []

    def display(what: Any, display_id: bool) -> Any:  # noqa: ARG001
        frames.append([what])
        return SimpleNamespace(update=frames[-1].append)

    monkeypatch.setattr(desk, "_notebook", lambda: display)
    trainer = Trainer(*runs.made(), live=True, progress=False)
    trainer.fit(runs.pictures(), 1)
    trainer.fit(runs.pictures(), 2)
    assert trainer.live is not None
    trainer.live.close()
    assert [[type(one).__name__ for one in frame] for frame in frames] == [["Live", "Page"]] * 2


def test_the_clock_stands_while_it_is_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tinygrad_cnn.viz.training.session.seconds", lambda: clock[0])
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)

    def gate(_interrupted: Any) -> None:
        before = page.elapsed
        clock[0] += 5
        assert page.elapsed == before

    monkeypatch.setattr(page._control, "gate", gate)
    page._control.pause()
    clock[0] += 2
    runs.steps(net, optimizer, 1, page)
    assert page.elapsed == 2


def test_a_resumed_run_may_be_watched(tmp_path: Path) -> None:
    net, optimizer = runs.made()
    trainer = Trainer(net, optimizer, progress=False)
    trainer.fit(runs.pictures(), 1)
    trainer.save(tmp_path / "run.safetensors")
    trainer = Trainer(*runs.made(1), callbacks=viz.live(serve=False), progress=False).load(tmp_path / "run.safetensors")
    trainer.fit(runs.pictures(), 2)
    assert trainer.epoch == 2


def test_wishes_wait_for_the_run() -> None:
    control = Control()
    control.once()
    assert control.paused
    done = []
    thread = in_thread(lambda: done.append(control.gate(lambda: False)))
    time.sleep(0.02)
    assert not done
    control.once()
    thread.join(10)
    assert len(done) == 1
    assert copy.copy(control.paused), "one step, and it waits again"
