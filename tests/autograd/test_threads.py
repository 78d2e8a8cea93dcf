"""Graphs in several threads: what each has for itself, and what they share."""

from __future__ import annotations

import itertools
import pkgutil
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.threads import differences, summed
from several import Meanwhile, in_fork, in_threads, needs_fork

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays import writes
from tinygrad_cnn.autograd import arrival


def test_each_thread_trains_as_if_it_were_alone() -> None:
    assert differences(threads=8, count=20) == []


def test_threads_that_share_a_model_add_up_their_gradients() -> None:
    assert summed(threads=8, count=30) == 8 * 30


# ------------------------------------------------------------------------------- the moments at which a lock is needed
def test_two_first_gradients_are_both_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.ones(3, requires_grad=True)
    other = Meanwhile(lambda: (w * 3.0).sum().backward())
    wrap = arrival.wrap
    monkeypatch.setattr(arrival, "wrap", lambda *given: (other(), wrap(*given))[1])
    (w * 2.0).sum().backward()
    other.wait()
    assert w.grad.tolist() == [5.0] * 3


def test_a_write_that_comes_first_is_not_noted_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest write would go back, and a node between the two believe that nothing was written since."""
    a, b = np.zeros(2), np.zeros(2)
    other = Meanwhile(lambda: writes.mutated(b))

    class Tickets:
        """Hands out tickets, and stops on its way back with the first."""

        def __next__(self) -> int:
            ticket = next(numbers)
            other()
            return ticket

    numbers = itertools.count(next(writes.tickets))
    monkeypatch.setattr(writes, "tickets", Tickets())
    monkeypatch.setattr(writes, "last_write", writes.last_write)
    writes.mutated(a)
    other.wait()
    assert writes.last_write == max(entry[1] for entry in writes._writes.values())


def test_no_reference_is_lost_while_others_are_forgotten() -> None:
    class Thing:
        pass

    things, found = [Thing() for _ in range(17)], writes.References()
    other = Meanwhile(lambda: found.add(things[16]))
    for thing in things[:15]:
        found.add(thing)
    found.references.insert(0, lambda: other() or things[0])  # type: ignore[arg-type]  # asked: the moment
    found.add(things[15])
    other.wait()
    assert {id(thing) for thing in found} == {id(thing) for thing in things}


# -------------------------------------------------------------------------------------------------------- shared graphs
def test_one_graph_may_be_walked_by_several_threads_that_retain_it() -> None:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    parameters = list(model.parameters())
    y = model(tg.randn(4, 1, 6, 6))
    weights = [tg.randn(4, 2) for _ in range(8)]

    def gradients(g: Any) -> list[Any]:
        return [d.numpy() for d in tg.grad(y, parameters, g, retain_graph=True)]

    def many(g: Any) -> list[list[Any]]:
        return [gradients(g) for _ in range(15)]

    expected = [gradients(g) for g in weights]
    for each, right in zip(in_threads(*(lambda g=g: many(g) for g in weights)), expected, strict=True):
        for found in each:
            for a, b in zip(found, right, strict=True):
                assert a.tobytes() == b.tobytes()


def test_a_graph_that_another_thread_frees_is_an_error_or_whole() -> None:
    for _ in range(20):
        x = tg.ones(4, requires_grad=True)
        y = x
        for _ in range(10):
            y = (y * y).exp().tanh()
        loss, said = y.sum(), []

        def back(loss: Any = loss, said: list[str] = said) -> None:
            try:
                loss.backward()
            except RuntimeError as error:
                said.append(str(error))

        in_threads(back, back, back)
        assert len(said) <= 2
        assert all("a second time" in text for text in said)


# ---------------------------------------------------------------------------------------------------------------- modes
def _anomaly() -> Any:
    return tg.autograd.detect_anomaly()


THREAD: dict[str, tuple[Callable[[], Any], Callable[[], Any], Any]] = {  # enter, look, and what all others see
    "no_grad": (tg.no_grad, tg.is_grad_enabled, True),
    "inference_mode": (tg.inference_mode, tg.is_inference_mode_enabled, False),
    "set_grad_enabled": (lambda: tg.set_grad_enabled(False), tg.is_grad_enabled, True),
    "detect_anomaly": (_anomaly, tg.is_anomaly_enabled, False),
}


@pytest.mark.parametrize("name", THREAD)
def test_a_mode_is_of_its_thread(name: str) -> None:
    enter, look, usual = THREAD[name]
    with enter():
        assert look() is not usual
        assert in_threads(look) == [usual]
    assert look() is usual

    def within() -> Any:
        with enter():
            return look()

    assert in_threads(within, look, within, look) == [not usual, usual, not usual, usual]


def test_a_call_holds_for_its_thread_alone() -> None:
    def call() -> bool:
        tg.set_grad_enabled(False)
        return tg.is_grad_enabled()

    assert in_threads(call, tg.is_grad_enabled) == [False, True]
    assert tg.is_grad_enabled()


def test_settings_of_the_process_are_seen_by_all_threads() -> None:
    """What docs/concurrency.md lists as the whole process's."""
    before = tg.get_num_threads(), tg.get_default_dtype()
    try:
        tg.set_num_threads(1)
        tg.set_default_dtype(tg.float64)
        tg.use_deterministic_algorithms(True)
        assert in_threads(lambda: (tg.get_num_threads(), tg.get_default_dtype(), tg.tensor(1.0).dtype)) == [
            (1, tg.float64, tg.float64)
        ]
        assert in_threads(tg.are_deterministic_algorithms_enabled) == [True]
    finally:
        tg.set_num_threads(before[0])
        tg.set_default_dtype(before[1])
        tg.use_deterministic_algorithms(False)


# ---------------------------------------------------------------------------------------- hooks, profiles, and pictures
def test_hooks_profiles_and_drawings_of_threads_see_their_own_alone() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))

    def profiled(i: int) -> tuple[int, int, list[str]]:
        x = tg.ones(i + 1, 3)
        seen: list[Any] = []
        handle = model[0].register_forward_hook(lambda _m, args, _y: seen.append(args[0].shape[0]))
        with tg.profiler.profile() as profile:
            for _ in range(5):
                model(x).sum().backward()
        handle.remove()
        graph = tg.viz.draw_graph(model(x).sum())
        forward = [e for e in profile.events if e.name == "relu" and e.phase == "forward"]
        assert {e.shapes[0][0] for e in forward} == {i + 1}
        return seen.count(i + 1), len(forward), [box.label for box in graph.picture.boxes]

    found = in_threads(*(lambda i=i: profiled(i) for i in range(4)))
    assert [count for count, *_ in found] == [5] * 4  # a hook is the model's: it also saw calls of the other threads
    assert [count for _, count, _ in found] == [5] * 4
    assert all(labels == found[0][2] for *_, labels in found)
    assert not model[0]._forward_hooks
    assert "seen" not in repr(nn.Module.__call__)


@needs_fork
def test_a_forked_child_trains_whatever_the_parents_threads_do() -> None:
    """Also while they hold every lock that there is, as often as they can."""
    stop, w = threading.Event(), tg.ones(100, 100, requires_grad=True)

    def busy() -> None:
        while not stop.is_set():
            (w.view(-1) * 1.0).sum().backward()
            tg.rand(1000)
            w.grad.zero_()

    threads = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            assert in_fork(lambda: differences(threads=1, count=2)) == []
            assert in_fork(lambda: tg.rand(3).shape == (3,))
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


# ------------------------------------------------------------------------------------------------------------- the page
PAGE = Path(tg.__file__).parents[1] / "docs" / "concurrency.md"
PROCESS = {"set_num_threads", "set_default_dtype", "use_deterministic_algorithms"}  # looked at above


def test_the_table_of_settings_is_that_of_the_tests() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    said = {name: whose for names, whose in rows for name in re.findall(r"`([\w.]+)(?:\(\))?`", names)}
    assert all(said[name].startswith("the thread's") for name in THREAD)
    assert all(said[name] == "the process's" for name in PROCESS)
    for name in said:
        if not name.startswith("model.") and name != "requires_grad_":
            pkgutil.resolve_name(f"tinygrad_cnn:{name}") if hasattr(tg, name.partition(".")[0]) else getattr(
                tg.autograd, name
            )


def test_threads_may_share_a_model_that_predicts() -> None:
    tg.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(36, 5),
    ).eval()
    images = [tg.randn(3, 1, 8, 8) for _ in range(8)]

    def predict(x: Any) -> list[bytes]:
        with tg.no_grad():
            return [model(x).numpy().tobytes() for _ in range(20)]

    state = {name: t.numpy().tobytes() for name, t in model.state_dict().items()}
    assert in_threads(*(lambda x=x: predict(x) for x in images)) == [predict(x) for x in images]
    assert {name: t.numpy().tobytes() for name, t in model.state_dict().items()} == state


def test_a_step_between_forward_and_backward_of_another_thread_is_found() -> None:
    w = tg.ones(3, requires_grad=True)
    y = (w * w).sum()

    def step() -> None:
        w.grad = tg.ones(3)
        tg.optim.SGD([w], lr=0.1).step()

    in_threads(step)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
