"""What a call of a model does, written down as it happens: the raw form of a program, for one batch size.

Values are known by their tensors, and by their memory where a tensor is new (detached, or handed on as an array). A
write into memory makes a new value of it, and the views of it are derived again when they are next used; so a program
knows no writes.
"""

from __future__ import annotations

import linecache
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy import ndarray

from ..arrays.telling import users_frame
from ..arrays.writes import tickets, written_since
from ..autograd.graph import Node, Op, Variable, array_of
from ..autograd.modes import here
from ..nn.module import Module
from ..nn.summary import leaves_in, tensors_in
from ..profiler.recorder import Watcher
from ..tensors import Tensor
from ..tensors.writing import Path as Views
from ..tensors.writing import _root
from .program import Step, Value, put_together
from .whole import Whole, whole

_ITSELF = {"clone", "passage"}  # operations that give what they got, as a cast to the same dtype does
_ROOM = str(Path(__file__).parents[1])


class Tape(Watcher):
    """Notes the steps of one call of ``model``."""

    def __init__(self, model: Module | None) -> None:
        self.steps: list[Step] = []
        self.values: list[Value] = []
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.output_names: list[str] = []
        self.keyed = False  # is what it returns a dict, or something with fields?
        self._model = model
        self._names = {} if model is None else {module: name for name, module in model.named_modules()}
        self._open: list[tuple[Module, str]] = []  # the modules that run, with their names
        self._whole: tuple[int, Whole] | None = None  # how deep the layer lies that is being taken as one
        self._caller = users_frame()  # whose line asked for the program
        self._known: dict[Any, tuple[Value, int]] = {}  # by place in memory: what is there, and since when
        self._tensors: dict[int, tuple[ref[Variable], Any, Value, int]] = {}  # by id: it, its array, what, since when
        self._kept: list[Any] = []  # the arrays, so that no memory is used twice
        self._lines: WeakKeyDictionary[Node, tuple[str, str, str]] = WeakKeyDictionary()  # where nodes were made
        self._rule: Node | None = None  # whose gradient rule runs
        if model is not None:
            for kind, named in (("parameter", model.named_parameters()), ("buffer", model.named_buffers())):
                for name, tensor in named:
                    self._note(self._value(kind, tensor._array, name, tensor._array), tensor)

    # ---------------------------------------------------------------------------------------------------- values
    def take(self, name: str, tensor: Any) -> None:
        """An input of the model."""
        a = array_of(tensor)
        value = self._value("input", a, name)
        self.inputs.append(value)
        self._note(value, tensor)

    def _value(self, kind: str, a: Any, name: str = "", array: Any = None) -> Value:
        value = Value(len(self.values), kind, a.shape, a.dtype, name, array)
        self.values.append(value)
        return value

    def _note(self, value: Value, x: Any) -> None:
        """From now on a tensor, or an array, is this value. Where two lie in one place, it is known as the first.

        A tensor is not kept alive by it: a write into memory that has no other name is another one.
        """
        a, now = array_of(x), next(tickets)
        if isinstance(x, Variable):
            self._tensors[id(x)] = ref(x), a, value, now
        if self._there(a) is None:
            self._known[_place(a)] = value, now
        self._kept.append(a)

    def _there(self, x: Any) -> Value | None:
        """What a tensor or an array is, if we know; None, too, where it was written into since."""
        a = array_of(x)
        if (noted := self._tensors.get(id(x))) is not None:
            tensor, array, value, since = noted
            if tensor() is x and array is a and not written_since(a, since):
                return value
        view = x._view if isinstance(x, Variable) else None
        if view is not None and view[1] is None and _place(view[0]._array) == _place(a):
            return self._there(view[0])
        known = self._known.get(_place(a))
        return None if known is None or written_since(a, known[1]) else known[0]

    def value_of(self, x: Any) -> Any:
        """The Value of a tensor or an array; numbers as they are."""
        if isinstance(x, np.generic):
            return x.item()
        a = array_of(x)
        if not isinstance(a, ndarray):
            return x
        value = self._there(x)
        if value is None and isinstance(x, Variable):
            value = self._derived(x)
        if value is None:
            if _place(a) in self._known and self._known[_place(a)][0].kind != "constant":
                line = _user_line(self._caller)
                raise RuntimeError(
                    f"a tensor of shape {a.shape} was written into where no operation sees it{line and f', {line}'}; "
                    "write with the tensor's own methods (x[i] = y, x.add_(y))"
                )
            value = self._met(x, a)
        return value

    def _met(self, x: Any, a: ndarray) -> Value:  # noqa: ARG002
        """The value of a tensor, or an array, that is none of the model's and that no step made."""
        value = self._value("constant", a, array=a.copy())
        self._note(value, a)
        return value

    def _derived(self, x: Any) -> Value | None:
        """A view of memory that was written into, made once more from what is there now."""
        root, path = _root(x)
        value = self._there(root)
        if value is None and root._view is not None and _place(root._view[0]._array) == _place(root._array):
            value = self._derived(root._view[0])  # detached from a view
        if value is None:
            return None
        a: Any = root._array
        for made, attributes in path:
            a = made(a, **attributes)
            value = self._step(made.op, (value,), self._settings(attributes), a)  # type: ignore[attr-defined]
        return value

    # --------------------------------------------------------------------------------------- called by the engine
    def before_forward(self, op: Op, inputs: Sequence[Any]) -> None:
        """An operation begins."""

    def after_forward(self, op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], result: Any) -> None:
        """Note an operation, unless the layer around it counts as one step."""
        if self._whole is None:
            given = tuple(self.value_of(x) for x in self._promoted(op, inputs))
            first = given[0] if given else None
            same = isinstance(first, Value) and first.dtype == result.dtype and op.name in ("cast", "convert")
            if isinstance(first, Value) and (same or op.name in _ITSELF):
                self._note(first, result)
            else:
                self._step(op, given, self._settings(attributes), result)

    def _promoted(self, op: Op, inputs: Sequence[Any]) -> Sequence[Any]:
        """The inputs as the operation computes with them: casts are steps of their own."""
        if op.prepare is None:
            return inputs
        before, here.mode.watchers = here.mode.watchers, (self,)
        try:
            return op.prepare(tuple(inputs))
        finally:
            here.mode.watchers = before

    def after_record(self, node: Node, inputs: Sequence[Any], y: Any) -> None:
        """A function of the user's: one step, unless its operations were seen."""
        if self._whole is None and self._there(y) is None:
            self._step(node.op, tuple(self.value_of(x) for x in inputs), {}, y)

    def wrote(self, x: Any, new: Any) -> None:
        """A tensor was written into, and is now what ``new`` is; so its root is another value, too."""
        if self._whole is not None:
            return
        value = self.value_of(new)
        root, path = _root(x)
        before = self._before(root) if path else None
        if before is not None:
            self._note(self._overwritten(before, root._array, path, value), root)
        self._note(value, x)

    def copied(self, x: Any, a: ndarray) -> None:
        """An array holds the positions that a value does, negative ones counted from the start."""
        if self._whole is None and isinstance(x, (Variable, ndarray)):
            value = self.value_of(x) if isinstance(x, Variable) else self._there(x)
            if value is not None and value.shape == a.shape:
                self._note(value, a)

    def _overwritten(self, x: Value, a: Any, path: Views, part: Value) -> Value:
        """x, whose memory is a, with another part where the path leads: one step of the path after the other."""
        (made, how), rest = path[0], path[1:]
        op, settings = made.op, self._settings(how)  # type: ignore[attr-defined]
        if rest:
            a_view = made(a, **how)
            part = self._overwritten(self._made(op.name, (x,), settings, a_view, op.forward), a_view, rest, part)
        return self._made("overwritten", (x, part), {"view": op.name, **settings}, a)

    def _before(self, x: Any) -> Value | None:
        """What a tensor was before the write that has just been."""
        noted = self._tensors.get(id(x))
        if noted is not None and noted[0]() is x and noted[1] is array_of(x):
            return noted[2]
        known = self._known.get(_place(array_of(x)))
        return None if known is None else known[0]

    def _step(self, op: Op, inputs: tuple[Any, ...], attributes: dict[str, Any], y: Any) -> Value:
        value = self._made(op.name, inputs, attributes, array_of(y), op.forward)
        self._note(value, y)
        if isinstance(y, Variable) and y._node is not None and self._rule is None:
            self._lines[y._node] = self._where()
        return value

    def _made(
        self, op: str, inputs: tuple[Any, ...], attributes: dict[str, Any], a: ndarray, forward: Any = None
    ) -> Value:
        value = self._value("result", a)
        self.steps.append(Step(op, inputs, attributes, (value,), *self._where(), forward))
        return value

    def _settings(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of an operation, without what its rules alone read."""
        return {name: self._setting(value) for name, value in attributes.items() if not callable(value)}

    def _setting(self, value: Any) -> Any:
        if isinstance(value, (Variable, ndarray)):
            return self._there(value) or array_of(value)
        if isinstance(value, (tuple, list)):
            return put_together(value, [self._setting(part) for part in value])
        return value

    def before_rule(self, node: Node, i: int, g: Any) -> None:  # noqa: ARG002
        """A gradient rule begins: what it computes is of its operation's line."""
        self._rule = node

    def after_rule(self, node: Node, i: int, g: Any, gx: Any) -> None:  # noqa: ARG002
        """It has ended."""
        self._rule = None

    def begins(self, name: str, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> None:  # noqa: ARG002
        """A function that counts as one step begins: it lies deeper than the module that runs."""
        if self._whole is None:
            call = Whole(tuple(self.value_of(x) for x in inputs), self._settings(attributes))
            self._whole = len(self._open) + 1, call

    def ends(self, name: str, result: Any) -> None:
        """Its result is that step's."""
        if self._whole is not None and self._whole[0] == len(self._open) + 1:
            call, self._whole = self._whole[1], None
            if result is not None:
                self._as_whole(name, call, result)

    # ------------------------------------------------------------------------------------------ called by modules
    def enter(self, module: Module) -> None:
        """A module is called."""
        name = self._names.get(module)
        if name is None:  # found among no attributes
            name = f"{self._open[-1][1]}.({type(module).__name__})".lstrip(".") if self._open else ""
        self._open.append((module, name))

    def given(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What it is called with."""
        if self._whole is None:
            call = whole(module, args, kwargs)
            if call is not None:
                inputs = tuple(self.value_of(x) for x in call.inputs)
                self._whole = len(self._open), call._replace(inputs=inputs)

    def returned(self, result: Any) -> Any:
        """The results of a layer that counts as one step are that step's."""
        if self._whole is not None and self._whole[0] == len(self._open):
            self._as_whole(self._whole[1].op, self._whole[1], result)
        return result

    def _as_whole(self, op: str, call: Whole, result: Any) -> None:
        tensors = tensors_in(result)
        outputs = tuple(self._value("result", t._array) for t in tensors)
        for value, t in zip(outputs, tensors, strict=True):
            self._note(value, t)
        self.steps.append(Step(op, call.inputs, call.attributes, outputs, *self._where()))

    def leave(self) -> None:
        """A module returns, or raises."""
        if self._whole is not None and self._whole[0] == len(self._open):
            self._whole = None
        self._open.pop()

    def _where(self) -> tuple[str, str, str]:
        """The module that runs, its type, the user's line; in a gradient rule those of its operation."""
        if self._rule is not None and not self._open and (line := self._lines.get(self._rule)) is not None:
            return line
        module, name = self._open[-1] if self._open else (None, "")
        return name, type(module).__name__ if module is not None else "", _user_line(self._caller)

    def results(self, result: Any) -> list[Value]:
        """The Values of what the model returned."""
        found = [x for x in leaves_in(result) if x is not None]
        wrong = next((x for x in found if not isinstance(x, (Tensor, ndarray))), None)
        if wrong is not None or not found:
            got = "nothing" if wrong is None else f"a {type(wrong).__name__}"
            raise TypeError(f"a model to record must return Tensors, or tuples, lists or dicts of them; it gave {got}")
        return [self.value_of(x) for x in found]


def _place(a: ndarray) -> Any:
    """What tells two arrays apart that are not the same numbers in the same memory."""
    steps = tuple(step if n != 1 else 0 for n, step in zip(a.shape, a.strides, strict=True))
    return a.__array_interface__["data"][0], a.shape, steps, a.dtype.str


def _user_line(caller: FrameType) -> str:
    """The innermost line outside this package that led here, with its file's name; "" where there is none."""
    frame = users_frame()
    file = frame.f_code.co_filename
    if file.startswith(_ROOM) or frame is caller:
        return ""
    code = linecache.getline(file, frame.f_lineno, frame.f_globals).strip()
    return f"{Path(file).name}:{frame.f_lineno}: {code}" if code else f"{Path(file).name}:{frame.f_lineno}"
