"""Decorated generators, coroutines and asynchronous generators cannot be told from undecorated ones, step by step."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import itertools
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

from tinygrad_cnn.arrays.switch import AtOnce, Bare, Switch, flag


class Light(threading.local):
    on: Any = "off"


light = Light()


class _Light(Switch):
    def _swap(self, value: Any) -> Any:
        before, light.on = light.on, value
        return before


class lit(_Light, Bare):
    def _set(self, value: Any = "lit") -> None:
        self._value = value


class set_light(_Light, AtOnce):
    pass


@pytest.fixture(autouse=True)
def _off() -> None:
    light.on = "off"


# --------------------------------------------------------------------------------------------- what may be done to one
class Thrown(Exception):
    pass


STEPS: dict[str, Callable[[Any], Any]] = {
    "next": next,
    "send": lambda g: g.send("sent"),
    "throw": lambda g: g.throw(Thrown("thrown")),
    "throw StopIteration": lambda g: g.throw(StopIteration("thrown")),
    "throw GeneratorExit": lambda g: g.throw(GeneratorExit()),
    "close": lambda g: g.close(),
}
ASYNC_STEPS: dict[str, Callable[[Any], Any]] = {
    "anext": lambda g: g.__anext__(),
    "asend": lambda g: g.asend("sent"),
    "athrow": lambda g: g.athrow(Thrown("thrown")),
    "athrow StopAsyncIteration": lambda g: g.athrow(StopAsyncIteration("thrown")),
    "athrow GeneratorExit": lambda g: g.athrow(GeneratorExit()),
    "aclose": lambda g: g.aclose(),
}


def plain(log: list[Any]) -> Generator[Any, Any, Any]:
    log.append(light.on)
    log.append((yield 1))
    log.append(light.on)
    yield 2
    return "end"


def cleaning(log: list[Any]) -> Generator[Any, Any, Any]:
    try:
        yield 1
        yield 2
    finally:
        log.append(light.on)


def swallowing(log: list[Any]) -> Generator[Any, Any, Any]:
    for k in range(3):
        try:
            log.append((yield k))
        except BaseException as error:
            log.append((light.on, repr(error)))
    return "swallowed"


def returning(log: list[Any]) -> Generator[Any, Any, Any]:
    try:
        yield 1
    except BaseException as error:
        return light.on, repr(error)
    log.append(light.on)


def changing(log: list[Any]) -> Generator[Any, Any, Any]:
    try:
        log.append((yield 1))
    except BaseException as error:
        raise KeyError(light.on) from error
    raise StopIteration("not the end, an error")


def delegating(log: list[Any]) -> Generator[Any, Any, Any]:
    log.append((yield from returning(log)))
    log.append((yield from plain(log)))


def empty(log: list[Any]) -> Generator[Any, Any, Any]:
    log.append(light.on)
    return "nothing"
    yield


def outcome(step: Callable[[], Any]) -> Any:
    try:
        return "gave", step()
    except BaseException as error:
        cause = error.__cause__
        return "raised", type(error).__name__, str(error), getattr(error, "value", None), type(cause).__name__


def story(function: Callable[..., Any], steps: tuple[str, ...], outside: list[Any]) -> list[Any]:
    log: list[Any] = []
    generator = function(log)
    for name in steps:
        log.append(outcome(lambda name=name: STEPS[name](generator)))  # type: ignore[misc]
        outside.append(light.on)
    while outcome(lambda: next(generator))[0] == "gave":
        pass
    return log


BODIES = [plain, cleaning, swallowing, returning, changing, delegating, empty]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_a_decorated_generator_behaves_as_its_body(body: Callable[..., Any]) -> None:
    decorated = lit(body)
    for steps in itertools.product(STEPS, repeat=4):
        outside: list[Any] = []
        mine = story(decorated, steps, outside)
        with lit():
            theirs = story(body, steps, [])
        assert mine == theirs, steps
        assert set(outside) == {"off"}, steps


async def aplain(log: list[Any]) -> AsyncGenerator[Any, Any]:
    log.append(light.on)
    log.append((yield 1))
    await asyncio.sleep(0)
    log.append(light.on)
    yield 2


async def acleaning(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0)
        log.append(light.on)


async def aswallowing(log: list[Any]) -> AsyncGenerator[Any, Any]:
    for k in range(3):
        try:
            log.append((yield k))
        except BaseException as error:
            log.append((light.on, repr(error)))


async def achanging(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        log.append((yield 1))
    except BaseException as error:
        await asyncio.sleep(0)
        raise KeyError(light.on) from error


async def areturning(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
    except BaseException as error:
        log.append((light.on, repr(error)))
        return


async def astory(function: Callable[..., Any], steps: tuple[str, ...], outside: list[Any]) -> list[Any]:
    log: list[Any] = []
    generator = function(log)
    for name in steps:
        try:
            log.append(("gave", await ASYNC_STEPS[name](generator)))
        except BaseException as error:
            log.append(("raised", type(error).__name__, str(error), type(error.__cause__).__name__))
        outside.append(light.on)
    async for _ in generator:
        pass
    return log


@pytest.mark.parametrize("body", [aplain, acleaning, aswallowing, achanging, areturning], ids=lambda b: b.__name__)
def test_a_decorated_asynchronous_generator_behaves_as_its_body(body: Callable[..., Any]) -> None:
    decorated = lit(body)

    async def main() -> None:
        for steps in itertools.product(ASYNC_STEPS, repeat=3):
            outside: list[Any] = []
            mine = await astory(decorated, steps, outside)
            with lit():
                theirs = await astory(body, steps, [])
            assert mine == theirs, steps
            assert set(outside) == {"off"}, steps

    asyncio.run(main())


# ----------------------------------------------------------------------------------------------------------- coroutines
def test_tasks_take_turns_and_each_has_its_own() -> None:
    async def main() -> list[Any]:
        seen: list[Any] = []

        async def work(name: str) -> str:
            for _ in range(3):
                seen.append((name, light.on))
                await asyncio.sleep(0)
            return name

        one, two = lit("one")(work), lit("two")(work)
        seen.append(await asyncio.gather(one("one"), two("two"), work("off")))
        return seen

    seen = asyncio.run(main())
    assert seen.pop() == ["one", "two", "off"]
    assert len(seen) == 9
    assert all(name == on for name, on in seen)


def test_a_cancelled_coroutine_cleans_up_in_the_light() -> None:
    async def main() -> list[Any]:
        seen: list[Any] = []

        @lit
        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append(light.on)
                await asyncio.sleep(0)
                seen.append(light.on)

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return [*seen, light.on]

    assert asyncio.run(main()) == ["lit", "lit", "off"]


def test_an_exception_of_what_is_awaited_arrives_in_the_light() -> None:
    @lit
    async def work(future: Any) -> Any:
        try:
            return await future
        except Thrown:
            return light.on

    async def main() -> Any:
        future = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(work(future))
        await asyncio.sleep(0)
        future.set_exception(Thrown())
        return await task

    assert asyncio.run(main()) == "lit"


# ----------------------------------------------------------------------------------------------- what can be decorated
class Callables:
    """Objects that are called as a function of a kind."""

    class Plain:
        def __call__(self) -> Any:
            return light.on

    class Yields:
        def __call__(self) -> Any:
            yield light.on

    class Awaits:
        async def __call__(self) -> Any:
            return light.on


async def _collect(generator: Any) -> list[Any]:
    return [x async for x in generator]


def _generates() -> Any:
    yield light.on


async def _awaits() -> Any:
    return light.on


async def _agenerates() -> Any:
    yield light.on


KINDS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "function": (lambda: light.on, lambda f: f()),
    "generator function": (_generates, lambda f: next(f())),
    "coroutine function": (_awaits, lambda f: asyncio.run(f())),
    "asynchronous generator function": (_agenerates, lambda f: asyncio.run(_collect(f()))[0]),
    "partial of a function": (functools.partial(lambda _a: light.on, 1), lambda f: f()),
    "partial of a generator function": (functools.partial(_generates), lambda f: next(f())),
    "partial of a coroutine function": (functools.partial(_awaits), lambda f: asyncio.run(f())),
    "object": (Callables.Plain(), lambda f: f()),
    "object that generates": (Callables.Yields(), lambda f: next(f())),
    "object that awaits": (Callables.Awaits(), lambda f: asyncio.run(f())),
    "bound method": (Callables.Plain().__call__, lambda f: f()),
    "decorated before": (lit("inner")(lambda: light.on), lambda f: "lit" if f() == "inner" else f()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [lit, lambda f: lit()(f), lambda f: lit("lit")(f), lambda f: set_light("lit")(f)])
def test_every_kind_runs_in_the_light_and_leaves_it(kind: str, make: Callable[[Any], Any]) -> None:
    function, call = KINDS[kind]
    decorated = make(function)
    assert light.on == "off"
    assert call(decorated) == "lit"
    assert call(decorated) == "lit"
    assert light.on == "off"


@pytest.mark.parametrize("function", [_generates, _awaits, _agenerates, plain])
def test_name_docstring_signature_and_kind_stay(function: Any) -> None:
    decorated = lit(function)
    assert (decorated.__name__, decorated.__doc__) == (function.__name__, function.__doc__)
    assert decorated.__module__ == function.__module__
    assert inspect.signature(decorated) == inspect.signature(function)
    for kind in (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        assert kind(decorated) == kind(function)


def test_methods_of_all_sorts() -> None:
    class Thing:
        @lit
        def bare(self) -> Any:
            return type(self), light.on

        @lit()
        def method(self) -> Any:
            return type(self), light.on

        @lit
        @classmethod
        def above_class(cls) -> Any:
            return cls, light.on

        @classmethod
        @lit
        def below_class(cls) -> Any:
            return cls, light.on

        @lit()
        @staticmethod
        def above_static(x: Any) -> Any:
            return x, light.on

        @property
        @lit
        def below_property(self) -> Any:
            return type(self), light.on

    thing = Thing()
    found = [thing.bare(), thing.method(), thing.above_class(), Thing.below_class(), thing.above_static(Thing)]
    assert [*found, thing.below_property] == [(Thing, "lit")] * 6


@pytest.mark.parametrize("make", [lambda f: lit()(f), lambda f: set_light("lit")(f)])
def test_a_class_is_refused_and_so_is_what_cannot_be_called(make: Any) -> None:
    class Thing:
        pass

    with pytest.raises(TypeError, match="decorates functions, got the class Thing; of a class decorate the methods"):
        make(Thing)
    with pytest.raises(TypeError, match="decorates functions, got 3"):
        make(3)
    with pytest.raises(TypeError, match="decorates functions, got the class Thing"):
        lit(Thing)
    assert light.on == "off"


# ------------------------------------------------------------------------------------------------ entries of one switch
def test_one_switch_nests_in_itself_and_recurs() -> None:
    switch, seen = lit(), []
    with switch:
        with set_light("other"), switch:
            seen.append(light.on)
        seen.append(light.on)
    assert [*seen, light.on] == ["lit", "lit", "off"]

    @switch
    def down(n: int) -> list[Any]:
        with set_light(n):
            below = down(n - 1) if n else []
            return [light.on, *below, light.on]

    assert down(2) == [2, 1, 0, 0, 1, 2]
    assert light.on == "off"


def test_blocks_in_generators_that_take_turns() -> None:
    """Each goes back to what it found, though the first to enter is the first to leave."""

    def holding() -> Any:
        with lit():
            yield

    a, b = holding(), holding()
    next(a)
    light.on = "between"
    next(b)
    next(a, None)
    assert light.on == "off"
    next(b, None)
    assert light.on == "between"


def test_one_switch_in_many_threads_at_once() -> None:
    switch, both, found = lit(), threading.Barrier(4), []

    def work(k: int) -> None:
        light.on = k
        with switch:
            both.wait()
            with switch:
                both.wait()
            both.wait()
        found.append((k, light.on))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(k, k) for k in range(4)]
    assert light.on == "off"


def test_a_generator_closed_in_another_thread_changes_nothing_there() -> None:
    def holding() -> Any:
        with lit():
            yield

    generator, seen = holding(), []
    next(generator)

    def close() -> None:
        light.on = "mine"
        generator.close()
        seen.append(light.on)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert seen == ["mine"]
    light.on = "off"


def test_exceptions_restore() -> None:
    @lit
    def f() -> None:
        raise Thrown

    for make in (lit, set_light):
        with pytest.raises(Thrown), make("lit"):
            raise Thrown
        assert light.on == "off"
    with pytest.raises(Thrown):
        f()
    assert light.on == "off"


def test_set_at_once() -> None:
    first = set_light("one")
    assert light.on == "one"
    second = set_light("two")
    with second:
        assert light.on == "two"
    assert light.on == "one"  # as before the call that made it
    light.on = "changed"
    with second:
        assert light.on == "two"
    assert light.on == "changed"  # as before this entry
    with first:
        pass
    assert light.on == "off"


def test_a_suspended_generator_keeps_no_exception_alive() -> None:
    class Big:
        pass

    big = Big()
    error = Thrown(big)
    watched = weakref.ref(big)
    log: list[Any] = []
    generator = lit(swallowing)(log)
    next(generator)
    generator.send(None)
    gc.disable()
    try:
        generator.throw(error)
        del error, big
        assert watched() is None
    finally:
        gc.enable()
    assert next(generator, "end") == "end"


@pytest.mark.parametrize("bad", [None, "yes", 1.0, [], lambda: True])
def test_flag_refuses_what_is_no_truth_value(bad: Any) -> None:
    with pytest.raises(TypeError, match="it must be True or False, got"):
        flag(bad, "it")
    assert flag(1, "it") is True
