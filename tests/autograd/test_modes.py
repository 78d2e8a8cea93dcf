"""The modes in all the ways they are used: each little program runs here and, where PyTorch can do it, there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import tinygrad_cnn as tg


class Way(NamedTuple):
    """A mode, as a program of either library writes it."""

    make: Callable[[Any], Any]
    within: bool  # are gradients recorded within?
    bare: str | None = None  # its name, where it decorates without parentheses


WAYS = {
    "no_grad": Way(lambda api: api.no_grad(), False, "no_grad"),
    "enable_grad": Way(lambda api: api.enable_grad(), True, "enable_grad"),
    "set_grad_enabled(False)": Way(lambda api: api.set_grad_enabled(False), False),
    "set_grad_enabled(mode=True)": Way(lambda api: api.set_grad_enabled(mode=True), True),
    "inference_mode": Way(lambda api: api.inference_mode(), False, "inference_mode"),
    "inference_mode(mode=False)": Way(lambda api: api.inference_mode(mode=False), True),
    "autograd.no_grad": Way(lambda api: api.autograd.no_grad(), False),
    "autograd.enable_grad": Way(lambda api: api.autograd.enable_grad(), True),
    "autograd.set_grad_enabled": Way(lambda api: api.autograd.set_grad_enabled(False), False),
    "autograd.inference_mode": Way(lambda api: api.autograd.inference_mode(True), False),
}

Decorate = Callable[[Any], Any]
See = Callable[[], bool]


# Each program notes what it sees within as `("in", recorded)` and outside as `("out", recorded)`.
def block(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []
    with make() as value:
        seen.append(("in", see()))
    return [*seen, ("out", see()), value]


def block_in_block(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []
    with make():
        with make():
            seen.append(("in", see()))
        seen.append(("in", see()))
    return [*seen, ("out", see())]


def one_used_twice(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []
    mode = make()
    for _ in range(2):
        with mode:
            seen.append(("in", see()))
        seen.append(("out", see()))
    return seen


def exception(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []
    try:
        with make():
            seen.append(("in", see()))
            raise KeyError
    except KeyError:
        seen.append(("out", see()))
    return seen


def function(make: Callable[[], Any], see: See) -> list[Any]:
    @make()
    def f(a: int, *rest: int, b: int) -> Any:
        """What it does."""
        return "in", see(), a, rest, b

    return [("out", see()), f(1, 2, 3, b=4), ("out", see()), f(5, b=6), f.__name__, f.__doc__]


def method(make: Callable[[], Any], see: See) -> list[Any]:
    class Thing:
        @make()
        def f(self) -> Any:
            return "in", see(), type(self).__name__

        @staticmethod
        @make()
        def g(x: int) -> Any:
            return "in", see(), x

        @classmethod
        @make()
        def h(cls) -> Any:
            return "in", see(), cls.__name__

    return [Thing().f(), Thing.g(1), Thing.h(), ("out", see())]


def recursion(make: Callable[[], Any], see: See) -> list[Any]:
    @make()
    def f(n: int) -> list[Any]:
        below = f(n - 1) if n else []
        return [*below, ("in", see())]

    return [*f(3), ("out", see())]


def function_that_raises(make: Callable[[], Any], see: See) -> list[Any]:
    @make()
    def f() -> None:
        raise KeyError

    try:
        f()
    except KeyError:
        return [("out", see())]
    return []


def generator(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []

    @make()
    def f(a: int) -> Any:
        seen.append(("in", see(), a))
        got = yield 1
        seen.append(("in", see(), got))
        try:
            yield 2
        except KeyError:
            seen.append(("in", see()))
        yield 3
        return "end"

    g = f(7)
    seen += [("out", see()), next(g), ("out", see()), g.send("sent"), ("out", see()), g.throw(KeyError())]
    try:
        next(g)
    except StopIteration as stop:
        seen += [("out", see()), stop.value]
    return seen


def generator_closed(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []

    @make()
    def f() -> Any:
        try:
            yield 1
        finally:
            seen.append(("in", see()))

    g = f()
    seen += [next(g), ("out", see())]
    g.close()
    return [*seen, ("out", see())]


def generators_in_turns(make: Callable[[], Any], see: See) -> list[Any]:
    @make()
    def f() -> Any:
        for _ in range(3):
            yield "in", see()

    return [x for pair in zip(f(), f(), strict=True) for x in (*pair, ("out", see()))]


def delegated(make: Callable[[], Any], see: See) -> list[Any]:
    @make()
    def inner() -> Any:
        got = yield "in", see()
        return got, ("in", see())

    def outer() -> Any:
        result = yield from inner()
        yield result
        yield "out", see()

    g = outer()
    return [next(g), ("out", see()), g.send("sent"), next(g)]


def threads(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []
    inside, finished = threading.Event(), threading.Event()

    def other() -> None:
        inside.wait(60)
        seen.append(("a thread's own", see()))
        finished.set()

    thread = threading.Thread(target=other)
    thread.start()
    with make():
        inside.set()
        finished.wait(60)
    thread.join()
    return seen


def coroutine(make: Callable[[], Any], see: See) -> list[Any]:
    seen: list[Any] = []

    @make()
    async def f() -> str:
        for _ in range(2):
            seen.append(("in", see()))
            await asyncio.sleep(0)
        return "end"

    async def g() -> None:
        for _ in range(3):
            seen.append(("out", see()))
            await asyncio.sleep(0)

    async def main() -> Any:
        return await asyncio.gather(f(), g())

    ended = asyncio.run(main())
    return [*seen, ended, ("out", see())]


def async_generator(make: Callable[[], Any], see: See) -> list[Any]:
    @make()
    async def f() -> Any:
        for _ in range(2):
            await asyncio.sleep(0)
            yield "in", see()

    async def main() -> list[Any]:
        seen: list[Any] = []
        async for x in f():
            seen += [x, ("out", see())]
        return seen

    return asyncio.run(main())


PROGRAMS = [block, block_in_block, one_used_twice, exception, function, method, recursion, function_that_raises]
PROGRAMS += [generator, generator_closed, generators_in_turns, delegated, threads, coroutine, async_generator]
BEYOND_TORCH = {coroutine, async_generator}  # whose bodies PyTorch 2.13 runs in the caller's mode


def run(api: Any, way: Way, program: Callable[..., list[Any]], outside: bool, bare: bool = False) -> list[Any]:
    """What a program sees, begun with gradients recorded or not; and what is left afterwards."""
    make = (lambda: getattr(api, str(way.bare))) if bare else (lambda: way.make(api))
    before = api.is_grad_enabled()
    api.set_grad_enabled(outside)
    try:
        return [*program(make, api.is_grad_enabled), ("out", api.is_grad_enabled())]
    finally:
        api.set_grad_enabled(before)


def marks(seen: list[Any]) -> dict[str, set[bool]]:
    """What was recorded at each place."""
    found: dict[str, set[bool]] = {}
    for entry in seen:
        if isinstance(entry, tuple) and entry and isinstance(entry[0], str):
            found.setdefault(entry[0], set()).add(entry[1])
        for inner in entry if isinstance(entry, tuple) else ():
            if isinstance(inner, tuple) and len(inner) == 2:
                found.setdefault(inner[0], set()).add(inner[1])
    return found


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_the_mode_holds_within_and_only_there(way: str, program: Any, outside: bool) -> None:
    found = marks(run(tg, WAYS[way], program, outside))
    assert found["out"] == {outside}
    assert found.get("in", {WAYS[way].within}) == {WAYS[way].within}
    assert found.get("a thread's own", {True}) == {True}
    assert {"in", "a thread's own"} & set(found) or program is function_that_raises


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_programs_see_what_they_see_in_pytorch(way: str, program: Any, torch: Any) -> None:
    for outside in (True, False):
        mine, theirs = (run(api, WAYS[way], program, outside) for api in (tg, torch))
        assert (mine == theirs) == (program not in BEYOND_TORCH or WAYS[way].within == outside), outside


BARE = [function, recursion, function_that_raises, generator, generator_closed, delegated, coroutine, async_generator]


@pytest.mark.parametrize("program", BARE, ids=lambda program: program.__name__)
@pytest.mark.parametrize("way", [name for name, way in WAYS.items() if way.bare])
def test_without_parentheses(way: str, program: Any) -> None:
    def program_of_bare(make: Callable[[], Any], see: See) -> list[Any]:
        return program(make, see)

    for outside in (True, False):
        seen = run(tg, WAYS[way], program_of_bare, outside, bare=True)
        assert seen == run(tg, WAYS[way], program, outside)


@pytest.mark.parametrize("program", [p for p in BARE if p not in BEYOND_TORCH], ids=lambda program: program.__name__)
@pytest.mark.parametrize("way", [name for name, way in WAYS.items() if way.bare])
def test_without_parentheses_as_in_pytorch(way: str, program: Any, torch: Any) -> None:
    for outside in (True, False):
        mine, theirs = (run(api, WAYS[way], program, outside, bare=True) for api in (tg, torch))
        assert mine == theirs


# -------------------------------------------------------------------------------------------------------- plain calls
def plain_call(api: Any) -> list[Any]:
    layer = api.nn.Linear(2, 2)
    seen = []
    for on in (False, True, False, False, True):
        api.set_grad_enabled(on)
        seen.append((api.is_grad_enabled(), layer(api.ones(1, 2)).requires_grad))
    return seen


def call_then_block(api: Any) -> list[Any]:
    mode = api.set_grad_enabled(False)
    seen = [api.is_grad_enabled()]
    with mode:
        seen.append(api.is_grad_enabled())
    return [*seen, api.is_grad_enabled()]


def call_within_block(api: Any) -> list[Any]:
    with api.no_grad():
        api.set_grad_enabled(True)
        seen = [api.is_grad_enabled()]
    return [*seen, api.is_grad_enabled()]


def call_then_decorator(api: Any) -> list[Any]:
    mode = api.set_grad_enabled(False)
    seen = [api.is_grad_enabled()]
    f = mode(api.is_grad_enabled)
    return [*seen, api.is_grad_enabled(), f(), api.is_grad_enabled()]


def call_in_a_function(api: Any) -> list[Any]:
    @api.no_grad()
    def f() -> bool:
        api.set_grad_enabled(True)
        return bool(api.is_grad_enabled())

    return [f(), api.is_grad_enabled()]


def anomaly_calls(api: Any) -> list[Any]:
    seen = [api.is_anomaly_enabled()]
    api.autograd.set_detect_anomaly(True)
    seen.append(api.is_anomaly_enabled())
    with api.autograd.set_detect_anomaly(False):
        seen.append(api.is_anomaly_enabled())
        with api.autograd.detect_anomaly():
            seen.append(api.is_anomaly_enabled())
            with api.autograd.detect_anomaly(check_nan=False):
                seen.append(api.is_anomaly_enabled())
        seen.append(api.is_anomaly_enabled())
    seen.append(api.is_anomaly_enabled())
    api.autograd.set_detect_anomaly(False)
    return [*seen, api.is_anomaly_enabled()]


def inference(api: Any) -> list[Any]:
    x = api.ones(2, requires_grad=True)
    with api.inference_mode():
        seen = [api.is_inference_mode_enabled(), api.is_grad_enabled(), (x * 2).requires_grad]
        with api.inference_mode(False):
            seen += [api.is_inference_mode_enabled(), api.is_grad_enabled(), (x * 2).requires_grad]
        with api.no_grad():
            seen += [api.is_inference_mode_enabled(), api.is_grad_enabled()]
        seen += [api.is_inference_mode_enabled(), api.is_grad_enabled()]
    return [*seen, api.is_inference_mode_enabled(), (x * 2).requires_grad]


CALLS: dict[Callable[[Any], list[Any]], list[Any]] = {
    plain_call: [(False, False), (True, True), (False, False), (False, False), (True, True)],
    call_then_block: [False, False, True],
    call_within_block: [True, True],
    call_then_decorator: [False, True, False, True],
    call_in_a_function: [True, True],
    anomaly_calls: [False, True, False, True, True, False, True, False],
    inference: [True, False, False, False, True, True, True, False, True, False, False, True],
}


@pytest.mark.parametrize("program", CALLS, ids=lambda program: program.__name__)
def test_calls(program: Any) -> None:
    assert program(tg) == CALLS[program]
    assert tg.is_grad_enabled()


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
@pytest.mark.parametrize("program", CALLS, ids=lambda program: program.__name__)
def test_calls_as_in_pytorch(program: Any, torch: Any) -> None:
    assert program(torch) == CALLS[program]


def test_one_set_grad_enabled_nests_in_itself() -> None:
    """PyTorch 2.13 goes back to what was before the call each time, also in the middle of the outer block."""
    mode = tg.set_grad_enabled(False)
    with mode:
        with mode:
            pass
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


def test_a_mode_of_another_thread_brings_nothing_of_it_along() -> None:
    seen = []
    mode = tg.set_grad_enabled(False)

    def other() -> None:
        tg.set_grad_enabled(True)
        with mode:
            seen.append(tg.is_grad_enabled())
        seen.append(tg.is_grad_enabled())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [False, True]
    with mode:
        pass
    assert tg.is_grad_enabled()


ANOMALY = {
    "detect_anomaly()": lambda: tg.autograd.detect_anomaly(),
    "detect_anomaly(True)": lambda: tg.autograd.detect_anomaly(True),
    "detect_anomaly(check_nan=True)": lambda: tg.autograd.detect_anomaly(check_nan=True),
    "detect_anomaly": lambda: tg.autograd.detect_anomaly,
    "set_detect_anomaly(True)": lambda: tg.autograd.set_detect_anomaly(True),
}


@pytest.mark.parametrize("program", BARE, ids=lambda program: program.__name__)
@pytest.mark.parametrize("make", ANOMALY)
def test_anomaly_mode_decorates_too(make: str, program: Any) -> None:
    found = marks(program(ANOMALY[make], tg.is_anomaly_enabled))
    assert found["out"] == {False}
    assert found.get("in", {True}) == {True}


def test_anomaly_mode_and_profiles_leave_each_other_alone() -> None:
    anomaly = tg.autograd.detect_anomaly()
    with tg.profiler.profile() as p:
        anomaly.__enter__()
        with tg.profiler.profile() as inner:
            assert tg.is_anomaly_enabled()
            anomaly.__exit__(None, None, None)
            assert not tg.is_anomaly_enabled()
            tg.ones(2) + 1
    assert len(p.events) == len(inner.events) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tg.set_grad_enabled(None), "set_grad_enabled: mode must be True or False, got None"),
        (lambda: tg.set_grad_enabled(len), "set_grad_enabled: mode must be True or False"),
        (lambda: tg.inference_mode("on"), "inference_mode: mode must be True or False, got 'on'"),
        (lambda: tg.autograd.detect_anomaly(None), "detect_anomaly: check_nan must be True or False, got None"),
        (lambda: tg.autograd.set_detect_anomaly("yes"), "set_detect_anomaly: mode must be True or False"),
        (lambda: tg.autograd.set_detect_anomaly(True, 1.5), "set_detect_anomaly: check_nan must be True or False"),
        (lambda: tg.no_grad(False), "positional argument"),
        (lambda: tg.no_grad(tg.nn.Linear), "got the class Linear; of a class decorate the methods"),
    ],
)
def test_bad_arguments_change_nothing(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()
    assert tg.is_grad_enabled()
    assert not tg.is_anomaly_enabled()


def test_the_repr_says_what_was_set() -> None:
    mode = tg.set_grad_enabled(False)
    tg.set_grad_enabled(True)
    assert repr(mode) == "set_grad_enabled(mode=False)"


def test_what_every_operation_reads_is_one_attribute_of_the_thread() -> None:
    from tinygrad_cnn.autograd.modes import here

    assert isinstance(here, threading.local)
    for on in (True, False, True):
        tg.set_grad_enabled(on)
        assert vars(here)["mode"].recording is on
