"""Context managers that set something of the thread they are in, and that decorate functions of all kinds."""

from __future__ import annotations

import functools
import inspect
import threading
import types
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar, overload

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound="Switch")


class _Thread(threading.local):
    def __init__(self) -> None:
        self.entries: list[tuple[Switch, Any]] = []  # what was entered and not left, each with what was before


_thread = _Thread()


def flag(value: Any, what: str) -> bool:
    """The value as a bool; TypeError if it is no truth value."""
    if not isinstance(value, (int, np.bool_)):
        raise TypeError(f"{what} must be True or False, got {value!r}")
    return bool(value)


class Switch:
    """Sets something of this thread to a value, and puts back what was before, also through exceptions.

    What was before is kept for each entry: one instance may be nested in itself, and used by several threads. As a
    decorator it holds while the function's body runs, and not while a generator or coroutine is suspended.
    """

    _value: Any

    def _swap(self, value: Any) -> Any:
        """Set the value, return the one before."""
        raise NotImplementedError

    def __enter__(self) -> None:
        _thread.entries.append((self, self._swap(self._value)))

    def __exit__(self, *exc: object) -> None:
        entries = _thread.entries
        k = len(entries) - 1
        while k >= 0 and entries[k][0] is not self:  # the last one, but for generators that take turns
            k -= 1
        if k >= 0:  # a generator may be closed in another thread, which never entered
            self._swap(entries.pop(k)[1])

    def __call__(self, function: F) -> F:
        if isinstance(function, (staticmethod, classmethod)):
            return type(function)(self(function.__func__))
        if isinstance(function, type) or not callable(function):
            what = f"the class {function.__name__}" if isinstance(function, type) else repr(function)
            raise TypeError(f"{type(self).__name__} decorates functions, got {what}; of a class decorate the methods")
        return functools.wraps(function)(_wrapper(self, function))  # type: ignore[return-value]


class Bare(Switch):
    """A `Switch` that decorates without parentheses too. Otherwise it is made by `_set`."""

    _set: Callable[..., None]

    @overload
    def __new__(cls, function: F, /) -> F: ...  # type: ignore[misc]
    @overload
    def __new__(cls: type[S], *args: bool, **kwargs: bool) -> S: ...
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if args and (callable(args[0]) or isinstance(args[0], classmethod)):
            return cls(**kwargs)(args[0])
        new = object.__new__(cls)
        new._set(*args, **kwargs)
        return new


class AtOnce(Switch):
    """A `Switch` that is set when it is made: a plain call will do. As a context manager or decorator as all others."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._call: Any = (_thread.entries, self._swap(value))  # whose it was, and what was before it

    def __enter__(self) -> None:
        before, call, entries = self._swap(self._value), self._call, _thread.entries
        if call is not None and call[0] is entries:  # the first entry: it goes back to before the call
            before, self._call = call[1], None
        entries.append((self, before))

    def __call__(self, function: F) -> F:
        if self._call is not None and self._call[0] is _thread.entries:  # a decorator sets nothing by itself
            self._swap(self._call[1])
            self._call = None
        return super().__call__(function)


def _wrapper(switch: Switch, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same kind whose body runs under the switch."""
    kinds = (function, getattr(function, "__call__", None))  # noqa: B004  (an object's may be of any kind too)
    if any(map(inspect.isgeneratorfunction, kinds)):
        return _steps(switch, function)
    if any(map(inspect.isasyncgenfunction, kinds)):
        return _async_steps(switch, function)
    if any(map(inspect.iscoroutinefunction, kinds)):
        run = types.coroutine(_steps(switch, function))

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return await run(*args, **kwargs)

        return coroutine

    def plain(*args: Any, **kwargs: Any) -> Any:
        with switch:
            return function(*args, **kwargs)

    return plain


def _steps(switch: Switch, function: Callable[..., Any]) -> Callable[..., Generator[Any, Any, Any]]:
    """The generator function that goes through what ``function`` makes, a generator or coroutine, under the switch."""

    def steps(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        try:
            with switch:
                out = inner.send(None)
            while True:
                try:
                    sent = yield out
                except BaseException as error:  # GeneratorExit too: the body may clean up, and even return
                    with switch:
                        out = inner.throw(error)
                else:
                    with switch:
                        out = inner.send(sent)
        except StopIteration as stop:
            return stop.value

    return steps


def _async_steps(switch: Switch, function: Callable[..., Any]) -> Callable[..., AsyncGenerator[Any, Any]]:
    """As `_steps`, for an asynchronous generator function."""
    run = types.coroutine(_steps(switch, lambda method, value: method(value)))

    async def steps(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        try:
            out = await run(inner.asend, None)
            while True:
                try:
                    sent = yield out
                except BaseException as error:
                    out = await run(inner.athrow, error)
                else:
                    out = await run(inner.asend, sent)
        except StopAsyncIteration:
            return

    return steps
