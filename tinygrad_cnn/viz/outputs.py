"""What each layer of a model gives, under a name that one can say: a module's path, or a function's within a module.

The names are those of torchvision's feature extraction: "conv1", "layer1.0.conv2"; "relu" for what ``F.relu`` gives in
the model's own forward, "layer1.0.relu" in that of layer1.0; "relu_1", "relu_2" for the second and third call.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from ..autograd.graph import Op, array_of
from ..nn import Module, MultiheadAttention
from ..nn.parameter import is_lazy
from ..nn.summary import tensors_in
from ..profiler import hooks
from ..profiler.recorder import Watcher
from ..tensors import Tensor
from .operations import HAND_ON, unit_axis
from .watching import PACKAGE

_PREFIX = __name__.partition(".")[0] + "."  # of the names of the package's own modules
_FUNCTIONS = tuple(PACKAGE + room for room in (f"nn{os.sep}functional", "ops", "tensors", "linalg", "special"))

Take = Callable[[str, Tensor], tuple[Any, Tensor]]


@dataclass
class Output:
    """One output of a forward pass."""

    name: str
    type: str
    shape: tuple[int, ...] = ()
    kept: Any = None  # what was made of it
    axis: int = 1  # along which its units lie


@dataclass
class _Call(Output):
    """A call that goes on: of a module, or of a function within one, which may be several operations."""

    of: Any = None  # the module; the function's frame, or None for an operation that was called itself
    path: str = ""  # of the module
    whole: bool = False  # a layer of the package's own: what runs within is its own affair
    computes: bool = False  # is there more to it than handing on?
    flows: bool = False  # does it depend on the input?
    array: Any = None
    taken: bool = False


class Outputs(Watcher):
    """Sees a forward pass, names its outputs, and keeps what ``take`` makes of those that count.

    Args:
        model: whose paths are the names.
        inputs: what the model is called with.
        found: called with each output that counts, when its module or function has returned.
        take: called with a name and an output as soon as it is there; returns what to keep, and what goes on in its
            place: the output itself, or one that is cut from what led to it.
        chosen: tells by its name whether an output counts. None is all that compute something floating, of two and more
            dimensions, out of the input: each layer of the package, and each function called between them; of a module
            of the user's own without children both its functions and its output.

    Attributes: ``names``, all that there are; True for those that stand within a layer of the package's own.
    """

    def __init__(
        self,
        model: Module,
        inputs: Sequence[Any],
        found: Callable[[Output], None],
        take: Take,
        chosen: Callable[[str], bool] | None = None,
    ) -> None:
        self.names: dict[str, bool] = {}
        self._found, self._take, self._chosen = found, take, chosen
        self._paths = {module: path for path, module in model.named_modules()}
        self._reserved = set(self._paths.values())
        self._counts: dict[str, int] = {}
        self._calls: list[_Call] = []  # of modules, the outermost first
        self._function: _Call | None = None  # whose last operation may be still to come
        self._called: tuple[str, FrameType | None] = "", None  # the function that led to the operation that runs
        self._axes: dict[int, tuple[weakref.ref[Any], int | None]] = {}  # of arrays by id; None: not of the input
        tensors = tensors_in(inputs)
        self._batch = next((len(x._array) for x in tensors if x.ndim), 0)
        for state in (*model.parameters(), *model.buffers()):
            if not is_lazy(state):
                self._note(state._array, None)
        for x in tensors:
            self._note(x._array, 1)

    # ---------------------------------------------------------------------------------------------------- calls
    def enter(self, module: Module) -> None:
        """A module is called."""
        self._close()
        outer = self._calls[-1] if self._calls else None
        kind = type(module).__name__
        path = self._paths.get(module, _joined(outer.path if outer else "", kind))
        ours = type(module).__module__.startswith(_PREFIX)
        alone = next(module.children(), None) is None or isinstance(module, MultiheadAttention)
        whole = (outer is not None and outer.whole) or (ours and alone)
        name = self._named(path, outer is not None and outer.whole, module in self._paths)
        self._calls.append(_Call(name, kind, of=module, path=path, whole=whole))

    def returned(self, result: Any) -> Any:
        """Look at what the innermost module returns; of a tuple at the first."""
        call = self._calls[-1]
        tensor = result[0] if type(result) is tuple and result else result
        alone = next(call.of.children(), None) is None or call.whole
        last = self._function
        own = last is not None and isinstance(tensor, Tensor) and last.array is tensor._array
        if own and alone and call.path and self._chosen is None:  # the function's output is shown as the module's
            self._function = None
        self._close()
        if not isinstance(tensor, Tensor):
            return result
        axis = self._axis_of(tensor._array)
        call.axis = 1 if axis is None else axis
        shown = alone and (call.computes or not self._knows(tensor._array)) and (call.whole or call.path != "")
        if not self._counts_in(call, tensor, shown and all(not c.whole for c in self._calls[:-1])):
            return result
        out = self._keep(call, tensor)
        self._found(call)
        return result if out is tensor else out if tensor is result else (out, *result[1:])

    def leave(self) -> None:
        """The innermost module returns, or raises."""
        self._function, self._called = None, ("", None)  # frames lead to whoever holds this watcher
        self._calls.pop()

    # ----------------------------------------------------------------------------------------------- operations
    def before_forward(self, op: Op, inputs: Sequence[Any]) -> None:  # noqa: ARG002
        """An operation: is it the next of the same function's?"""
        self._called = name, frame = _public_function(op)
        if self._function is not None and (frame is None or frame is not self._function.of):
            self._close()
        if self._function is None:
            outer = self._calls[-1] if self._calls else None
            path = _joined(outer.path if outer else "", name)
            whole = outer is not None and outer.whole
            self._function = _Call(self._named(path, whole), name, of=frame, whole=whole)

    def after_forward(self, op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], result: Any) -> None:
        """What it gave is the function's output, until the next."""
        call = self._function
        assert call is not None
        arrays = (a for a in map(array_of, inputs) if isinstance(a, np.ndarray))
        flowing = [(a.ndim, axis) for a in arrays if (axis := self._axis_of(a)) is not None]
        y = result._array
        axis = unit_axis(call.type, op.name, attributes, flowing, y.ndim) if flowing else None
        call.computes |= op.name not in HAND_ON
        call.flows |= axis is not None
        call.axis, call.array = 1 if axis is None else axis, y
        for outer in self._calls[-1:]:
            outer.computes |= op.name not in HAND_ON
        if self._counts_in(call, result, call.computes and call.flows and not call.whole):
            out = self._keep(call, result)
            if out is not result:
                result._array, result._node, result._view = out._array, out._node, None
        self._note(result._array, axis)

    def _close(self) -> None:
        """The function has returned."""
        call, self._function = self._function, None
        if call is not None and call.taken:
            call.of = call.array = None
            self._found(call)

    # ---------------------------------------------------------------------------------------------------- parts
    def _named(self, base: str, within: bool, own: bool = False) -> str:
        """A name of its own. A module's path is kept for the module."""
        name = base
        if not own or base in self.names:
            n = self._counts.get(base, 0)
            while (name := f"{base}_{n}" if n else base) in self.names or name in self._reserved:
                n += 1
            self._counts[base] = n + 1
        self.names[name] = within
        return name

    def _counts_in(self, call: _Call, y: Tensor, shown: bool) -> bool:
        if self._chosen is not None:
            return self._chosen(call.name)
        return shown and y.ndim > 1 and y._array.size > 0 and y.dtype.kind == "f"

    def _keep(self, call: _Call, y: Tensor) -> Tensor:
        call.shape, call.taken = tuple(y.shape), True
        call.kept, out = self._take(call.name, y)
        return out

    def _note(self, array: Any, axis: int | None) -> None:
        self._axes[id(array)] = weakref.ref(array), axis

    def _knows(self, array: Any) -> bool:
        found = self._axes.get(id(array))
        return found is not None and found[0]() is array

    def _axis_of(self, array: Any) -> int | None:
        """Along which the units of an array lie; None if it has nothing to do with the input.

        Of what no operation made (a state to begin with, NumPy's work) the length is taken as a sign.
        """
        if self._knows(array):
            return self._axes[id(array)][1]
        return 1 if array.ndim and len(array) == self._batch else None


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _public_function(op: Op) -> tuple[str, FrameType | None]:
    """The function of the package that a forward called, by name and frame; of an operation itself its own name."""
    found, frame = None, sys._getframe(2)
    while frame.f_back is not None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE) or code.co_filename == hooks.__file__:
            break
        public = not code.co_name.startswith("_") and code.co_name in frame.f_globals
        if public and code.co_filename.startswith(_FUNCTIONS):
            found = frame
        frame = frame.f_back
    return (op.name, None) if found is None else (found.f_code.co_name, found)
