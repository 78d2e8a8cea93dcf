"""Modules: things with parameters, buffers and children, that turn tensors into tensors.

What a module owns stands in `registry`, how it saves and loads in `state`, its hooks in `hooks`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from ..arrays.guarding import rails
from ..arrays.telling import tell
from ..autograd.modes import here
from ..rails.memory import note_zeroing
from ..tensors import Tensor
from ..tensors.device import no_device
from .compiling import compile_in_place
from .guards import look_at_mode
from .hooks import Hooked
from .parameter import Parameter, Uninitialized
from .registry import BUFFER, MODULE, PARAMETER, SCRATCH
from .state import IncompatibleKeys

M = TypeVar("M", bound="Module")


class Module(Hooked):
    """The base class of all layers and networks.

    Assign parameters and other modules as attributes and define ``forward``; everything else follows. Modules and
    parameters in a plain list, tuple or dict attribute are found too, under ``name.0``, ``name.1``, ..., unless they
    are registered elsewhere in the net: nothing stays untrained because of where it was put.

    >>> class Twice(Module):
    ...     def __init__(self):
    ...         self.scale = Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.scale
    >>> [name for name, _ in Twice().named_parameters()]
    ['scale']
    """

    training: bool = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outer, here.mode.module = here.mode.module, weakref.ref(self)
        try:
            if outer is None and rails.on:
                look_at_mode(self)
            if self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks:
                return self._call_hooked(args, kwargs)
            return self.forward(*args, **kwargs)
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            say_where(error, self, outermost=outer is None)
            raise
        finally:
            here.mode.module = outer

    def _minds_the_mode(self) -> bool:
        """Does it compute something else in training mode than in evaluation?"""
        return False

    # ----------------------------------------------------------------------------------------------------- traversal
    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules among the attributes, each once."""
        seen: set[Module] = set()
        for name, child in self._below(functools.cache(self._owned)):
            if child not in seen:
                seen.add(child)
                yield name, child

    def _below(self, owned: Callable[[], set[int]], met: Iterable[Module] = ()) -> Iterator[tuple[str, Module]]:
        """The children, and behind them what lies in plain containers and is neither registered nor met already."""
        yield from self._held(MODULE)
        for name, value in self._loose():
            if isinstance(value, Module) and value not in met and id(value) not in owned():
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules among the attributes, each once."""
        return (child for _, child in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(name, module) of this module and all below it; each once, or under every name that it has."""
        return self._walk(set() if memo is None else memo, prefix, remove_duplicate, functools.cache(self._owned))

    def _walk(
        self, memo: set[Module], prefix: str, once: bool, owned: Callable[[], set[int]]
    ) -> Iterator[tuple[str, Module]]:
        if not (once and self in memo):
            memo.add(self)
            yield prefix, self
            for name, child in self._below(owned, memo):
                yield from child._walk(memo, f"{prefix}.{name}" if prefix else name, once, owned)

    def _places(self) -> Iterator[tuple[str, Module]]:
        return self.named_modules(remove_duplicate=False)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(name, parameter) of this module and all below it; each once, or under every name that it has."""
        owned = functools.cache(self._owned)

        def own(module: Module) -> Iterator[tuple[str, Any]]:
            yield from module._held(PARAMETER)
            yield from ((k, v) for k, v in module._loose() if isinstance(v, Parameter) and id(v) not in owned())

        return self._named(own, prefix, recurse, remove_duplicate)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(name, buffer) of this module and all below it; each once, or under every name that it has."""
        return self._named(lambda module: module._held(BUFFER, SCRATCH), prefix, recurse, remove_duplicate)

    def _named(
        self, own: Callable[[Module], Iterable[tuple[str, Any]]], prefix: str, recurse: bool, once: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in own(module):
                if not (once and id(value) in seen):
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and all below it, each once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and all below it, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    # -------------------------------------------------------------------------------------------------------- by path
    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; "" is this one. AttributeError where there is none."""
        return self._at(target, "submodule", self._places())

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path. AttributeError where there is none."""
        return self._at(target, "parameter", self.named_parameters(remove_duplicate=False))

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path. AttributeError where there is none."""
        return self._at(target, "buffer", self.named_buffers(remove_duplicate=False))

    def _at(self, target: str, what: str, found: Iterable[tuple[str, Any]]) -> Any:
        there = dict(found)
        if target not in there:
            raise AttributeError(
                f"{type(self).__name__} has no {what} '{target}'; it has {sorted(filter(None, there))}"
            )
        return there[target]

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted path; with ``strict`` only where one is already."""
        if not target or not isinstance(module, Module):
            got = f"{target!r} and {type(module).__name__}"
            raise ValueError(f"set_submodule takes the path of a child and an nn.Module, got {got}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if name not in parent._modules and (strict or hasattr(parent, name)):
            raise AttributeError(f"{type(parent).__name__} has no submodule '{name}' to replace")
        parent._modules[name] = module

    # --------------------------------------------------------------------------------------------------------- modes
    def train(self: M, mode: bool = True) -> M:
        """Set training mode (dropout drops, batch-norm uses the batch) here and in all modules below."""
        if not isinstance(mode, (bool, np.bool_)):
            raise ValueError(f"train() takes True or False, got {mode!r}")
        self.training = bool(mode)
        for _, child in self._held(MODULE):
            child.train(mode)
        for value in [v for _, v in self._loose() if isinstance(v, Module) and id(v) not in self._owned()]:
            for module in value.modules():
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
            if set_to_none or p.grad is None:
                p.grad = None
            elif p.grad.requires_grad or not p.grad._array.flags.writeable:
                p.grad = Tensor(np.zeros_like(p._array))
                note_zeroing(p)
            else:
                p.grad.zero_()
                note_zeroing(p)

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call ``fn`` on every module below, children first, then on this one."""
        self._visit(fn, set(), functools.cache(self._owned))
        return self

    def _visit(self, fn: Callable[[Module], Any], met: set[Module], owned: Callable[[], set[int]]) -> None:
        met.add(self)
        for child in dict.fromkeys(child for _, child in self._below(owned, met)):
            child._visit(fn, met, owned)
        fn(self)

    # --------------------------------------------------------------------------------------------- dtypes and devices
    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Convert all floating parameters and buffers to a dtype, in place; a device may only be the CPU.

        Takes a dtype, a device, both, or a tensor whose dtype to take.
        """
        probe = Tensor(np.zeros(())).to(*args, **kwargs)
        if probe.dtype.kind != "f":
            raise TypeError(f"Module.to takes a floating dtype, got {probe.dtype}; for all tensors use type()")
        return self._convert(lambda t: t.to(*args, **kwargs) if t.dtype.kind == "f" else t)

    def type(self: M, dst_type: Any) -> M:
        """Convert all parameters and buffers, of whatever dtype, in place."""
        return self._convert(lambda t: t.to(dst_type))

    def _convert(self: M, change: Callable[[Tensor], Tensor]) -> M:
        every = [*self.named_parameters(), *self.named_buffers()]
        for t, moved in [(t, change(t.detach())) for _, t in every]:
            if isinstance(t, Uninitialized):
                t.convert(moved.dtype)
            elif moved.dtype != t.dtype:
                t._array = moved._array
                t.grad = None if t.grad is None else t.grad.to(moved.dtype)
        return self

    def half(self: M) -> M:
        """All floating parameters and buffers as float16."""
        return self.to(np.dtype(np.float16))

    def float(self: M) -> M:
        """All floating parameters and buffers as float32."""
        return self.to(np.dtype(np.float32))

    def double(self: M) -> M:
        """All floating parameters and buffers as float64."""
        return self.to(np.dtype(np.float64))

    def bfloat16(self) -> Any:
        """An error: NumPy has no bfloat16."""
        raise TypeError("NumPy has no bfloat16; stay in float32, or use half() for float16")

    def cpu(self: M) -> M:
        """Itself: every tensor is on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:  # noqa: ARG002
        """An error that says what to write instead: there is no GPU."""
        raise no_device("cuda")

    def share_memory(self: M) -> M:
        """Itself: threads share all memory."""
        return self

    def compile(self, **options: Any) -> None:
        """Let the module's own calls run as `tg.compile` has them, whose options these are; copies and pickles too."""
        compile_in_place(self, **options)

    # ---------------------------------------------------------------------------------------------------------- text
    def extra_repr(self) -> str:
        """What stands between the parentheses of the repr: the layer's settings."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        names = [*self._modules.items(), *(pair for pair in self.named_children() if pair[0] not in self._modules)]
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in names]
        extra = self.extra_repr().splitlines()
        if not lines and len(extra) <= 1:
            return f"{self._get_name()}({''.join(extra)})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*extra, *lines]) + "\n)"


__all__ = ["IncompatibleKeys", "Module"]


def say_where(error: Exception, module: Module, outermost: bool) -> None:
    """Let the message of an error end with the innermost module that it passed, by its name in the outermost."""
    inner = error.__dict__.setdefault("_module", module)
    if outermost:
        name, kind = next((name for name, m in module.named_modules() if m is inner), ""), type(inner).__name__
        tell(error, f"in {f'{name} ({kind})' if name else kind}")
        del error.__dict__["_module"]
