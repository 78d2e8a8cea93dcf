"""Functions of the user's that an optimizer calls: around a step, and around saving and loading its state."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from ..autograd.handle import RemovableHandle
from ..rails.steps import after_step, before_step

F = TypeVar("F", bound=Callable[..., Any])
Hook = Callable[..., Any]


class Hooks:
    """What `Optimizer` has of them. Each call returns a handle, whose ``remove()`` takes the hook off again."""

    _hooks: dict[str, dict[int, Hook]] | None = None  # by moment; None until the first is registered
    _stepping = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = hooked(cls.__dict__["step"])  # type: ignore[attr-defined]

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """``hook(optimizer, args, kwargs)`` before each `step`, with the arguments of it (the optimizer first).

        It may return other ``(args, kwargs)``.
        """
        return self._register("before step", hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """``hook(optimizer, args, kwargs)`` after each `step`."""
        return self._register("after step", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer)`` before each `state_dict`."""
        return self._register("before state_dict", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer, state_dict)`` after each `state_dict`; what it returns, if not None, replaces it."""
        return self._register("after state_dict", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer, state_dict)`` before each `load_state_dict`; what it returns, if not None, is loaded."""
        return self._register("before load_state_dict", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """``hook(optimizer)`` after each `load_state_dict`."""
        return self._register("after load_state_dict", hook, prepend)

    def _register(self, moment: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        if not callable(hook):
            raise TypeError(f"a hook is called {moment}, so it must be a function, got {type(hook).__name__}")
        if self._hooks is None:
            self._hooks = {}
        hooks = self._hooks.setdefault(moment, {})
        others = dict(hooks)
        handle = RemovableHandle(hooks, hook)
        if prepend:
            for key, other in others.items():  # to the end, in their order
                del hooks[key]
                hooks[key] = other
        return handle

    def _called(self, moment: str) -> list[Hook]:
        return list(self._hooks.get(moment, {}).values()) if self._hooks else []


def hooked(step: F) -> F:
    """The method ``step`` with hooks and guard rails around it; one within it (``super().step()``) has none."""

    @functools.wraps(step)
    def stepping(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._stepping:
            return step(self, *args, **kwargs)
        given: tuple[Any, ...] = (self, *args)
        self._stepping = True
        try:
            for hook in self._called("before step"):
                new = hook(self, given, kwargs)
                if new is None:
                    continue
                if not isinstance(new, tuple) or len(new) != 2:
                    raise RuntimeError(f"a hook before step must return None or a new (args, kwargs), got {new!r}")
                given, kwargs = new
            closure = given[1:] or kwargs  # it brings the gradients
            if not closure:
                before_step(self)
            result = step(*given, **kwargs)
            if closure:
                before_step(self)
            after_step(self)
        finally:
            self._stepping = False
        for hook in self._called("after step"):
            hook(self, given, kwargs)
        return result

    stepping.__signature__ = inspect.signature(step)  # type: ignore[attr-defined]
    del stepping.__wrapped__  # it is the method itself: a profile's wrapper is the only one
    return stepping  # type: ignore[return-value]
