"""Modules: things with parameters, buffers and children, that turn tensors into tensors."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..arrays.telling import tell
from ..arrays.writes import mutated
from ..autograd.handle import RemovableHandle
from ..autograd.modes import here
from ..tensors import Tensor
from .parameter import Parameter, Uninitialized, is_lazy

M = TypeVar("M", bound="Module")


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` found missing in, and unexpected from, the state."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """The base class of all layers and networks.

    Assign parameters and other modules as attributes and define ``forward``; everything else follows. Modules and
    parameters in a plain list, tuple or dict attribute are found too, under ``name.0``, ``name.1``, ...: nothing stays
    untrained because of where it was put.

    >>> class Twice(Module):
    ...     def __init__(self):
    ...         self.scale = Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.scale
    >>> [name for name, _ in Twice().named_parameters()]
    ['scale']
    """

    training: bool = True
    _buffers: Mapping[str, bool] = {}  # names of the attributes that are buffers; True: part of the state_dict
    _forward_hooks: dict[int, Callable[..., Any]] | None = None
    _forward_pre_hooks: dict[int, Callable[..., Any]] | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outer, here.mode.module = here.mode.module, weakref.ref(self)
        try:
            if self._forward_pre_hooks:
                for pre_hook in list(self._forward_pre_hooks.values()):
                    replaced = pre_hook(self, args)
                    if replaced is not None:
                        args = replaced if isinstance(replaced, tuple) else (replaced,)
            result = self.forward(*args, **kwargs)
            if self._forward_hooks:
                for hook in list(self._forward_hooks.values()):
                    replaced = hook(self, args, result)
                    result = result if replaced is None else replaced
            return result
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            say_where(error, self, outermost=outer is None)
            raise
        finally:
            here.mode.module = outer

    # -------------------------------------------------------------------------------------------------- registration
    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(self.__dict__.get(name), Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter and would no longer be trained as a "
                f"{type(value).__name__}; assign nn.Parameter(...) or None, or write into {name}.data"
            )
        if name in self._buffers and not (value is None or isinstance(value, Tensor)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a buffer: assign a Tensor or None, not {type(value).__name__}"
            )
        object.__setattr__(self, name, value)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state but is not trained."""
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"buffer '{name}' must be a Tensor or None, got {type(tensor).__name__}")
        self.__dict__["_buffers"] = {**self._buffers, name: persistent}
        self.__dict__[name] = tensor

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name that need not be an identifier; None stands for one left out."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"parameter '{name}' must be an nn.Parameter or None, got {type(param).__name__}")
        self.__dict__[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name that need not be an identifier."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"child '{name}' must be an nn.Module or None, got {type(module).__name__}")
        if not name or "." in name:
            raise KeyError(f"the name of a child may not be empty or contain '.', got {name!r}")
        self.__dict__[name] = module

    register_module = add_module

    # ----------------------------------------------------------------------------------------------------- traversal
    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules among the attributes."""
        seen: set[Module] = set()
        for name, value in _attributes(self.__dict__):
            if isinstance(value, Module) and value not in seen:
                seen.add(value)
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules among the attributes."""
        return (child for _, child in self.named_children())

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(name, module) of this module and all below it, each once."""
        memo = set() if memo is None else memo
        if self not in memo:
            memo.add(self)
            yield prefix, self
            for name, child in self.named_children():
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def _named(self, own: Callable[[Module], Iterable[tuple[str, Any]]], prefix: str, recurse: bool) -> Iterator[Any]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            for name, value in own(module):
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(name, parameter) of this module and all below it, each once."""
        return self._named(
            lambda m: ((k, v) for k, v in _attributes(m.__dict__) if isinstance(v, Parameter)), prefix, recurse
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and all below it, each once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """(name, buffer) of this module and all below it, each once."""
        return self._named(lambda m: ((k, m.__dict__[k]) for k in m._buffers), prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and all below it, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; "" is this one."""
        modules = dict(self.named_modules())
        if target not in modules:
            raise AttributeError(f"{type(self).__name__} has no submodule '{target}'; it has {sorted(modules)[1:]}")
        return modules[target]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        parameters = dict(self.named_parameters())
        if target not in parameters:
            raise AttributeError(f"{type(self).__name__} has no parameter '{target}'; it has {sorted(parameters)}")
        return parameters[target]

    # --------------------------------------------------------------------------------------------------------- modes
    def train(self: M, mode: bool = True) -> M:
        """Set training mode (dropout drops, batch-norm uses the batch) here and in all modules below."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self: M) -> M:
        """Set evaluation mode here and in all modules below."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Train all parameters below, or freeze them."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for p in self.parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad = Tensor(np.zeros_like(p._array))

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call ``fn`` on every module below, children first, then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Convert all floating parameters and buffers to a dtype, in place; a device may only be the CPU."""
        for _, t in [*self.named_parameters(), *self.named_buffers()]:
            if isinstance(t, Uninitialized):
                t.convert(*args, **kwargs)
                continue
            moved = t.detach().to(*args, **kwargs)
            if t.dtype.kind == "f" and moved.dtype != t.dtype:
                t._array = moved._array
                t.grad = None if t.grad is None else t.grad.to(moved.dtype)
        return self

    def float(self: M) -> M:
        """All floating parameters and buffers as float32."""
        return self.to(np.dtype(np.float32))

    def double(self: M) -> M:
        """All floating parameters and buffers as float64."""
        return self.to(np.dtype(np.float64))

    def cpu(self: M) -> M:
        """Itself: every tensor is on the CPU."""
        return self

    # --------------------------------------------------------------------------------------------------------- state
    def state_dict(self, prefix: str = "") -> OrderedDict[str, Tensor]:
        """Parameters and persistent buffers by name, sharing memory with the module."""
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules(prefix=prefix.rstrip(".")):
            for name, value in module._own_state():
                state[f"{path}.{name}" if path else name] = value.detach()
        return state

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        own = ((k, v) for k, v in _attributes(self.__dict__) if isinstance(v, Parameter))
        yield from own
        yield from ((k, self.__dict__[k]) for k, kept in self._buffers.items() if kept and self.__dict__[k] is not None)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and buffers of the same names.

        Args:
            state_dict: tensors or arrays by name.
            strict: are missing and unexpected names an error?

        Raises:
            RuntimeError: with every problem in one message; nothing has been changed then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict expects a mapping of names to tensors, got {type(state_dict).__name__}")
        own = {
            f"{path}.{name}" if path else name: value
            for path, module in self.named_modules()
            for name, value in module._own_state()
        }
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = []
        if strict and missing:
            problems.append(f"missing: {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"unexpected: {', '.join(unexpected)}")
        unknown = [k for k, v in state_dict.items() if k in own and is_lazy(v)]
        problems += [f"{k}: has no shape in the state, one in the module" for k in unknown if not is_lazy(own[k])]
        arrays = {k: _as_array(v) for k, v in state_dict.items() if k in own and k not in unknown}
        for name, a in arrays.items():
            if a is None:
                problems.append(f"{name}: expected a Tensor or array, got {type(state_dict[name]).__name__}")
            elif not is_lazy(own[name]) and a.shape != own[name].shape:
                problems.append(f"{name}: shape {a.shape} in the state, {own[name].shape} in the module")
        if problems:
            listed = "\n  ".join(problems)
            raise RuntimeError(f"cannot load the state_dict into {type(self).__name__}:\n  {listed}")
        for name, a in arrays.items():
            if is_lazy(own[name]):
                own[name].materialize(a.shape)  # type: ignore[attr-defined]
            np.copyto(own[name]._array, a, casting="unsafe")
            mutated(own[name]._array)
        return IncompatibleKeys(missing, unexpected)

    # --------------------------------------------------------------------------------------------------------- hooks
    def register_forward_hook(self, hook: Callable[[Module, Any, Any], Any]) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; what it returns, if not None, replaces the output."""
        if self._forward_hooks is None:
            self._forward_hooks = {}
        return RemovableHandle(self._forward_hooks, hook)

    def register_forward_pre_hook(self, hook: Callable[[Module, Any], Any]) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it returns, if not None, replaces the arguments."""
        if self._forward_pre_hooks is None:
            self._forward_pre_hooks = {}
        return RemovableHandle(self._forward_pre_hooks, hook)

    # ---------------------------------------------------------------------------------------------------------- text
    def extra_repr(self) -> str:
        """What stands between the parentheses of the repr: the layer's settings."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        return f"{type(self).__name__}({extra}\n  " + "\n  ".join(lines) + "\n)"


def _attributes(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attributes, with those in plain lists, tuples and dicts under "name.0", "name.key"."""
    for name, value in attributes.items():
        if name.startswith("_") and name.endswith("_hooks"):
            continue
        if isinstance(value, (list, tuple)):
            yield from _attributes({f"{name}.{i}": v for i, v in enumerate(value)})
        elif isinstance(value, dict):
            yield from _attributes({f"{name}.{k}": v for k, v in value.items()})
        else:
            yield name, value


def _as_array(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value._array
    return value if isinstance(value, np.ndarray) else None


__all__ = ["IncompatibleKeys", "Module"]


def say_where(error: Exception, module: Module, outermost: bool) -> None:
    """Let the message of an error end with the innermost module that it passed, by its name in the outermost."""
    inner = error.__dict__.setdefault("_module", module)
    if outermost:
        name, kind = next((name for name, m in module.named_modules() if m is inner), ""), type(inner).__name__
        tell(error, f"in {f'{name} ({kind})' if name else kind}")
        del error.__dict__["_module"]
