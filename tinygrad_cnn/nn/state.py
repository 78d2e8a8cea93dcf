"""What a module saves, and how it takes that back: all of it, or nothing."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..arrays.guarding import rails
from ..arrays.writes import mutated
from ..autograd.handle import RemovableHandle
from ..tensors import Tensor
from .guards import note_loading
from .parameter import Parameter, Uninitialized, forget_shape, is_lazy
from .registry import BUFFER, MODULE, PARAMETER, Registry, changes

Hooks = dict[int, Callable[..., Any]]
Write = tuple[
    Callable[[], None], Callable[[], Callable[[], None]] | None
]  # what to do, and what to ask for the way back


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` found missing in, and unexpected from, the state."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Loading:
    """A state on its way into a module: what is wrong with it, and what to write if nothing is."""

    def __init__(self, state: dict[str, Any], metadata: Mapping[str, Any], assign: bool) -> None:
        self.state, self.metadata, self.assign = state, metadata, assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.problems: list[str] = []
        self.known: set[str] = set()  # names that the module has a place for
        self.writes: list[Write] = []

    def version(self, prefix: str) -> int:
        """Of what the module under ``prefix`` was when it was saved; 1 where the state does not say."""
        return int(self.metadata.get(prefix[:-1], {}).get("version") or 1)

    def take(self, key: str, tensor: Tensor, replace: Callable[[Tensor], None] | None = None) -> None:
        """The entry ``key`` is for this tensor: to be copied into it or, under ``assign``, to ``replace`` it."""
        self.known.add(key)
        if key not in self.state:
            self.missing.append(key)
            return
        given, assign = self.state[key], self.assign and replace is not None
        if is_lazy(given) and is_lazy(tensor):
            return
        try:
            array = _fitting(_array(given), tensor, assign)
        except (TypeError, ValueError) as error:
            size = isinstance(error, _SizeError)
            self.problems.append(f"size mismatch for {key}: {error}" if size else f"{key}: {error}")
            return
        if assign and replace is not None:
            new = given if isinstance(given, Tensor) else Tensor(array)
            self.write(functools.partial(replace, new), lambda: functools.partial(replace, tensor))
        else:
            self.write(functools.partial(_write, tensor, array), lambda: _way_back(tensor))

    def write(self, what: Callable[[], None], undo: Callable[[], Callable[[], None]] | None = None) -> None:
        """Do this if nothing is wrong. ``undo`` is asked before, and gives what takes it back."""
        self.writes.append((what, undo))

    def finish(self, paths: list[str]) -> None:
        """Note what nobody took, in the order of the modules whose ``paths`` it belongs under."""
        rank = {path: i for i, path in enumerate(paths)}

        def place(key: str) -> int:
            path = key.rpartition(".")[0]
            while path not in rank:
                path = path.rpartition(".")[0]
            return rank[path]

        self.unexpected += sorted((key for key in self.state if key not in self.known), key=place)

    def check(self, name: str, strict: bool) -> None:
        """Raise with every problem in one message."""
        lines = list(self.problems)
        if strict:
            for what, keys in (("Unexpected", self.unexpected), ("Missing", self.missing)):
                if keys:
                    listed = ", ".join(f'"{key}"' for key in keys)
                    lines.insert(0, f"{what} key(s) in state_dict: {listed}.")
        if lines:
            text = "\n\t".join(lines)
            raise RuntimeError(f"Error(s) in loading state_dict for {name}:\n\t{text}")


class _SizeError(ValueError):
    pass


def _array(value: Any) -> ndarray[Any, Any]:
    """The array of a Tensor, an array, or another library's tensor."""
    if isinstance(value, Tensor):
        return value._array
    if isinstance(value, (ndarray, np.generic)):
        return np.asarray(value)
    if not hasattr(value, "__array__"):
        raise TypeError(f"expected a Tensor or array, got {type(value).__name__}")
    if hasattr(value, "detach"):
        value = value.detach().cpu()  # PyTorch makes an array of nothing else
    if str(value.dtype).endswith("bfloat16"):
        value = value.float()  # which holds it exactly; NumPy has no such dtype
    return np.asarray(value)


def _fitting(a: ndarray[Any, Any], tensor: Tensor, assign: bool) -> ndarray[Any, Any]:
    if isinstance(tensor, Uninitialized):
        return a
    own = tensor._array
    if own.ndim == 0 and a.shape == (1,):  # as old files have it
        a = a.reshape(())
    if a.shape != own.shape:
        raise _SizeError(
            f"copying a param with shape {a.shape} from checkpoint, the shape in current model is {own.shape}."
        )
    if a.dtype.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers, not dtype {a.dtype}")
    if assign:
        if isinstance(tensor, Parameter) and tensor.requires_grad and a.dtype.kind != "f":
            raise TypeError(f"a parameter that requires grad is floating point, the state has dtype {a.dtype}")
        return a
    if own.dtype.kind in "iu" and a.dtype.kind == "f" and not np.all(np.isfinite(a) & (np.trunc(a) == a)):
        raise ValueError(f"the module holds whole numbers of dtype {own.dtype}, the state other ones")
    if not own.flags.writeable:
        raise ValueError("the module's memory is read-only; load with assign=True")
    return a


def _write(tensor: Tensor, a: ndarray[Any, Any]) -> None:
    if isinstance(tensor, Uninitialized):
        tensor.materialize(a.shape)
    np.copyto(tensor._array, a, casting="unsafe")
    mutated(tensor._array)


def _way_back(tensor: Tensor) -> Callable[[], None]:
    """What makes the tensor again what it is now."""
    if isinstance(tensor, Uninitialized):
        return functools.partial(forget_shape, tensor, type(tensor))
    return functools.partial(_write, tensor, tensor._array.copy())


class State(Registry):
    """The part of a module that saves and loads. PyTorch's names, and one more: `_plan_loading`."""

    _version = 1  # of what a module of this class saves
    _state_dict_hooks: Hooks | None = None
    _state_dict_pre_hooks: Hooks | None = None
    _load_state_dict_pre_hooks: Hooks | None = None
    _load_state_dict_post_hooks: Hooks | None = None

    # --------------------------------------------------------------------------------------------------------- saving
    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Parameters and buffers that are saved by name, sharing memory with the module.

        A module or parameter that stands in two places is there under both names.

        Args:
            args: the others by position, as old scripts have them.
            destination: a dict to fill, instead of a new one.
            prefix: stands before every name, with its dot.
            keep_vars: the parameters themselves instead of detached tensors.
        """
        given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
        destination, prefix = given.get("destination", destination), given.get("prefix", prefix)
        state: Any = OrderedDict() if destination is None else destination
        if not hasattr(state, "_metadata") and isinstance(state, OrderedDict):
            state._metadata = OrderedDict()  # type: ignore[attr-defined]
        self._collect(state, prefix, given.get("keep_vars", keep_vars), functools.cache(self._owned), set())
        return state

    def _collect(self, state: Any, prefix: str, keep_vars: bool, owned: Callable[[], set[int]], met: set[int]) -> None:
        for hook in _all(self._state_dict_pre_hooks):
            hook(self, prefix, keep_vars)
        local = {"version": self._version}
        if hasattr(state, "_metadata"):
            state._metadata[prefix[:-1]] = local
        self._save_to_state_dict(state, prefix, keep_vars)
        loose = [(name, value) for name, value in self._loose() if id(value) not in owned()]
        state.update({f"{prefix}{k}": v if keep_vars else v.detach() for k, v in loose if isinstance(v, Parameter)})
        for name, child in self._held(MODULE):
            if type(child).state_dict is State.state_dict:
                child._collect(state, f"{prefix}{name}.", keep_vars, owned, met)
            else:
                child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for name, child in loose:
            if isinstance(child, State) and id(child) not in met:
                met.add(id(child))
                child._collect(state, f"{prefix}{name}.", keep_vars, owned, met)
        for hook in _all(self._state_dict_hooks):
            hook(self, state, prefix, local)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Put what this module itself saves into ``destination``, under names that begin with ``prefix``."""
        for name, tensor in self._saved():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        extra = self.get_extra_state()
        if extra is not None:
            destination[f"{prefix}_extra_state"] = extra

    def _saved(self) -> list[tuple[str, Tensor]]:
        return [*self._held(PARAMETER), *self._held(BUFFER)]

    def get_extra_state(self) -> Any:
        """What else to save with the module, under "_extra_state"; None for nothing. Subclasses define it."""
        return None

    def set_extra_state(self, state: Any) -> None:  # noqa: ARG002
        """Take back what `get_extra_state` gave. Subclasses define it."""
        raise RuntimeError(f"{type(self).__name__} has get_extra_state() but no set_extra_state()")

    # -------------------------------------------------------------------------------------------------------- loading
    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into the parameters and buffers of the same names.

        Args:
            state_dict: tensors (PyTorch's too) or arrays by name.
            strict: are missing and unexpected names an error?
            assign: take the state's tensors themselves, in their dtypes, instead of copying; what required a gradient
                still does.

        Raises:
            RuntimeError: with every problem in one message; nothing has been changed then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict expects a mapping of names to tensors, got {type(state_dict).__name__}")
        loading = Loading(dict(state_dict), getattr(state_dict, "_metadata", None) or {}, assign)
        paths = []
        for path, module in self._places():
            paths.append(path)
            module._plan(loading, f"{path}." if path else "", strict)
        loading.finish(paths)
        found = IncompatibleKeys(loading.missing, loading.unexpected)
        post = [(hook, module) for _, module in self._places() for hook in _all(module._load_state_dict_post_hooks)]
        loading.check(type(self).__name__, strict and not post)  # hooks may forgive what is missing
        back = [undo() for _, undo in loading.writes if undo is not None] if post else []
        for write, _ in loading.writes:
            write()
        try:
            for hook, module in post:
                hook(module, found)
            loading.check(type(self).__name__, strict)
        except Exception:
            for undo in reversed(back):
                undo()
            raise
        if rails.on:
            note_loading(self)
        return found

    def _places(self) -> Iterator[tuple[str, Any]]:
        """All modules below under all their names."""
        raise NotImplementedError

    def _plan(self, loading: Loading, prefix: str, strict: bool) -> None:
        told = loading.missing, loading.unexpected, loading.problems
        for hook in _all(self._load_state_dict_pre_hooks):
            hook(self, loading.state, prefix, loading.metadata.get(prefix[:-1], {}), strict, *told)
        self._plan_loading(loading, prefix)

    def _plan_loading(self, loading: Loading, prefix: str) -> None:
        """Say what of the state is for this module itself (`Loading.take`), and write nothing yet.

        For subclasses whose parameters are not there yet, or whose saved form has changed.
        """
        for name, tensor in self._saved():
            loading.take(prefix + name, tensor, functools.partial(self._exchange, name))
        owned = functools.cache(self._owned)
        for name, value in self._loose():
            if isinstance(value, Parameter) and id(value) not in owned():
                loading.take(prefix + name, value)
        if type(self).set_extra_state is not State.set_extra_state:
            key = f"{prefix}_extra_state"
            loading.known.add(key)
            if key in loading.state:
                loading.write(functools.partial(self.set_extra_state, loading.state[key]))
            else:
                loading.missing.append(key)

    def _exchange(self, name: str, new: Tensor) -> None:
        old = self.__dict__[name]
        if self._kinds[name] == PARAMETER:
            parameter = new if isinstance(new, Parameter) else Parameter(new.detach(), False)
            parameter.requires_grad_(old.requires_grad)
            self._put(name, parameter, PARAMETER)
        else:
            self._put(name, new, BUFFER)

    # ---------------------------------------------------------------------------------------------------------- hooks
    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before this module's part of a state_dict is collected."""
        return self._hang("_state_dict_pre_hooks", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after it; the hook may change the state_dict."""
        return self._hang("_state_dict_hooks", hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`` first.

        The state_dict is a copy, in which the hook may rename and replace entries.
        """
        return self._hang("_load_state_dict_pre_hooks", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after loading; the hook may take keys off both lists."""
        return self._hang("_load_state_dict_post_hooks", hook)

    def _hang(self, place: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        if not callable(hook):
            raise TypeError(f"a hook is a function, got {type(hook).__name__}")
        changes.count += 1
        hooks = self.__dict__.setdefault(place, {})
        handle = RemovableHandle(hooks, hook)
        if prepend:
            first, rest = hooks.pop(handle.id), dict(hooks)
            hooks.clear()
            hooks.update({handle.id: first, **rest})
        return handle


def _all(hooks: Hooks | None) -> list[Callable[..., Any]]:
    return list(hooks.values()) if hooks else []
