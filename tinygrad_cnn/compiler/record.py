"""First stage: a call, and the way back from its results, written down as steps on numbered values.

The call itself runs as ever. The way back is found by running the gradient rules on tensors, which makes operations of
them: they are steps like the others. So a plan needs no second set of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy import ndarray

from ..arrays.copying import as_it_lies
from ..arrays.rng import default_generator, is_source
from ..arrays.writes import owner_of, tickets
from ..autograd.backward import walk
from ..autograd.graph import Node, Op, Variable, array_of, wrap
from ..autograd.modes import here, no_grad
from ..nn.module import Module
from ..nn.summary import leaves_in
from ..programs.program import Value, mapped
from ..programs.tape import Tape, _place
from ..tensors import Tensor
from ..tensors.writing import Path, _overwritten, _root
from .guards import attributes_of
from .recorded import SHARED, Aside, Given, Recorded, Stopped, copied, itself, odd, wants


class Recording(Tape):
    """Notes what a call does. ``why`` says what stands in the way of a plan; "" where nothing does."""

    def __init__(self, model: Module | None) -> None:
        self.why = ""
        self.sources: dict[Value, Variable] = {}
        self.constants: dict[Value, Any] = {}
        self.draws = False
        self.attributes: dict[tuple[Any, str], Any] = {}  # of the modules that are met, as they are found
        self._source, self._dice = default_generator().numpy, _position()
        self._grads: list[tuple[ref[Tensor], Any]] = []  # tensors that are met, and the gradients they had
        self._kept_by: WeakKeyDictionary[Node, tuple[Any, ...]] = WeakKeyDictionary()  # its result and inputs
        self._owners: dict[Value, set[int]] = {}  # of the memory that a value was seen in
        self._within: dict[Value, Value] = {}  # views, with what they are views of
        self._begun = next(tickets)
        self._over = False  # is the call over, and the way back on its way?
        super().__init__(model)
        for module in () if model is None else model.modules():
            self.attributes.update(attributes_of(module))

    def stop(self, why: str) -> None:
        """There will be no plan, for this reason, or for one that was found before."""
        if not self.why:
            at = self._where()[2]
            self.why = f"{why} ({at})" if at else why

    # ---------------------------------------------------------------------------------------------------- values
    def _note(self, value: Value, x: Any) -> None:
        if value.kind in ("parameter", "buffer") and value not in self.sources:
            self.sources[value] = x
        self._owners.setdefault(value, set()).add(id(owner_of(array_of(x))))
        if isinstance(x, Tensor):
            self._grads.append((ref(x), x._grad))
        super()._note(value, x)

    def value_of(self, x: Any) -> Any:
        """The Value of a tensor or an array; numbers as they are."""
        try:
            return x if isinstance(x, np.generic) else super().value_of(x)
        except RuntimeError as error:  # written into behind the package's back
            self.stop(str(error))
            return self._met(x, array_of(x))

    def _made(self, op: str, inputs: Any, attributes: Any, a: ndarray, forward: Any = None) -> Value:
        value, owner = super()._made(op, inputs, attributes, a, forward), id(owner_of(a))
        for x in inputs:
            if isinstance(x, Value) and owner in self._owners.get(x, ()):
                self._within[value] = x
        return value

    def _root(self, value: Value) -> Value:
        """That whose memory it lies in."""
        while value in self._within:
            value = self._within[value]
        return value

    def _met(self, x: Any, a: ndarray) -> Value:
        value = self._value("constant", a, array=as_it_lies(a))
        self.constants[value] = x
        self._note(value, x)
        return value

    def _settings(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {name: mapped(value, self._setting) for name, value in attributes.items()}

    def _setting(self, value: Any) -> Any:
        if is_source(value):  # of random numbers: the same in each call?
            self.constants[Value(-1, "generator", (), np.dtype(object))] = value
        return self.value_of(value) if isinstance(value, (Variable, ndarray)) else value

    def _overwritten(self, x: Value, a: Any, path: Path, part: Value) -> Value:
        op: Op = _overwritten.op  # type: ignore[attr-defined]
        return self._made(op.name, (x, part), self._settings({"path": path}), a, op.forward)

    # --------------------------------------------------------------------------------------- called by the engine
    def after_forward(self, op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], result: Any) -> None:
        """Note an operation; and what it left for its rules, as results more."""
        if self.why:
            return
        given = tuple(self.value_of(x) for x in self._promoted(op, inputs))
        self._step(op, given, self._settings(attributes), result)
        if result._node is not None:
            self._kept_by[result._node] = self.steps[-1].output, *given
        if result._node is not None and len(result._node.attributes) > len(attributes):
            step, left = self.steps[-1], result._node.attributes
            for name in left:
                if name not in attributes and isinstance(left[name], ndarray):
                    value = self._value("result", left[name], name)
                    self._note(value, left[name])
                    step.outputs = (*step.outputs, value)

    def after_record(self, node: Node, inputs: Sequence[Any], y: Any) -> None:
        """A function of the user's is told by its operations."""

    def before_node(self, node: Node) -> None:
        """A way back comes to a node."""
        if not self._over and not here.mode.recording:
            self.stop("a gradient is taken within, by backward() or by grad() without create_graph")
        if node.extra is not None and (node.extra.hooks or node.extra.retain is not None):
            self.stop(f"a tensor within, of '{node.op.name}', has a hook or retains its gradient")
        for value, a in zip(self._kept_by.get(node, ()), node.saved or (), strict=False):
            if isinstance(value, Value) and isinstance(a, ndarray) and self._there(a) is None:
                self._note(value, a)  # cast, or copied before it was written into

    def wrote(self, x: Any, new: Any) -> None:
        """A tensor was written into; what was there before, and is copied into it, is one more value then."""
        if self.why:
            return
        value, a = self.value_of(new), array_of(x)
        fresh = (
            isinstance(value, Value) and self.steps and value in self.steps[-1].outputs and value not in self._within
        )
        if isinstance(value, Value) and not fresh and value.kind != "constant":
            axes = tuple(sorted(range(a.ndim), key=lambda i: -a.strides[i]))
            new = wrap(copied(array_of(new), axes, a.dtype), None)
            self._note(self._made("copied", (value,), {"axes": axes, "dtype": a.dtype}, new._array, copied), new)
        super().wrote(x, new)

    def _takes(self, a: ndarray, value: Value, new: ndarray) -> bool:
        """May a tensor with this array be a value from now on: one that was just made, is none other's, and lies so?"""
        fresh = bool(self.steps) and value in self.steps[-1].outputs and value not in self._within
        return fresh and all(n < 2 or s == t for n, s, t in zip(a.shape, a.strides, new.strides, strict=True))

    def aside(
        self, function: Callable[..., Any], inputs: Sequence[Any], attributes: dict[str, Any], made: Any, last: bool
    ) -> Any:
        """NumPy computed something that operations read, or checked something: a step, whether read or not.

        Returns:
            What it computed; where that is what it was given, in memory of its own: in another call it may be not.
        """
        if self.why:
            return made
        there = {id(x): value for value, x in self.sources.items()} if last else {}  # changed or not
        given = tuple(there[id(x)] if id(x) in there else self.value_of(x) for x in inputs)
        several, outputs = isinstance(made, tuple), []
        made = tuple(self._own(a) for a in (made if several else (made,)))
        for a in made:
            outputs.append(self._value("nothing" if a is None else "result", np.asarray(0 if a is None else a)))
            if a is not None:
                self._note(outputs[-1], a)
        name = getattr(function, "__name__", "aside").strip("_")
        settings = self._settings(attributes)
        self.steps.append(Aside(name, given, settings, tuple(outputs), *self._where(), function, last))
        self._dice, before = _position(), self._dice
        self.draws |= self._dice != before
        return made if several else made[0]

    def _own(self, a: Any) -> Any:
        """An array in memory that is known as nothing else."""
        return a if a is None or self._known.get(_place(a)) is None else as_it_lies(a)

    def reads(self, x: Any, how: str) -> None:
        """Python looks at the numbers of a tensor."""
        if isinstance(x, Variable) or (isinstance(x, ndarray) and self._there(x) is not None):
            self.stop(f"{how} reads the numbers of a tensor, which a plan cannot follow")

    def enter(self, module: Module) -> None:
        """A module is called."""
        super().enter(module)
        if (module, "_kinds") not in self.attributes:
            self.attributes.update(attributes_of(module))

    def given(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:  # noqa: ARG002
        """Layers are told by their operations. Hooks would not be called by a plan."""
        hooks = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
        if module is not self._model and any(hooks):
            self.stop(f"{self._open[-1][1]} ({type(module).__name__}) has a hook")

    def begins(self, name: str, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> None:
        """What may be taken for one operation is told by its own."""

    def ends(self, name: str, result: Any) -> None:
        """As `begins`."""

    # ------------------------------------------------------------------------------------------------- the results
    def finish(self, result: Any, inputs: Sequence[Variable | ndarray]) -> Recorded:
        """All that is known after the call.

        Raises:
            Stopped: no plan can be made of it.
        """
        results = [x for x in leaves_in(result) if isinstance(x, (Variable, ndarray, np.generic))]
        grads = ((x, before) for met, before in self._grads if (x := met()) is not None)
        wrong = {
            "the generator of random numbers is seeded, or set back": default_generator().numpy is not self._source,
            "random numbers are drawn where no operation sees it": _position() != self._dice,
            "a gradient is left at a tensor, or taken from it": any(x._grad is not before for x, before in grads),
            "a parameter is written into where no operation sees it": any(
                wants(x) and self._there(x) is None for x in self.sources.values()
            ),
            "it returns an array or a number of NumPy": any(not isinstance(x, Variable) for x in results),
            "it returns no tensor": not results,
            f"it returns {(other := odd(result))}": other,
        }
        for why in filter(wrong.get, wrong):
            self.stop(why)
        if self.why:
            raise Stopped(self.why)
        there = {id(x): Given(x) for x in self.sources.values()} | {id(x): Given(k) for k, x in enumerate(inputs)}
        made = [y for y in results if id(y) not in there]
        values: dict[int, Any] = {**there, **self._apart(made)}
        forward, self.steps = self.steps, []
        effects = list(self._effects(inputs))
        each = {id(x): (k, x) for k, x in enumerate(inputs) if wants(x)}  # one that is given twice gets one gradient
        wanted: list[tuple[Any, Any]] = list(each.values())
        lie_in = set(map(id, (owner_of(array_of(y)) for y in made)))
        written = [inputs[x] if type(x) is int else x for x, _ in effects]
        tied = [x for x in written if id(owner_of(array_of(x))) in lie_in]
        if any(x is y for x in tied for y in (*inputs, *self.sources.values())):
            self.stop(SHARED)
        others = [x for x in (*self.sources.values(), *self.constants.values()) if self._was_there(x)]
        wanted += [(x, x) for x in others if wants(x) and not any(x is y for y, _ in effects)]
        ys = list({id(y): y for y in made if wants(y)}.values()) if here.mode.recording else []
        self._over = True
        cotangents: list[Any] = []
        slopes: list[Any] = []
        try:
            if ys and not self.why:
                cotangents, slopes = self._way_back(ys, wanted, values)
        except Exception as error:  # it is none that can be recorded: of a checkpoint, for one
            self.stop(f"its way back is none of operations: {error}")
        if self.why:
            raise Stopped(self.why)
        shown = [v for v in map(self._root, (values[id(y)] for y in made)) if v.kind == "constant"]
        return Recorded(
            self.inputs,
            self.sources,
            forward,
            self.steps,
            mapped(result, lambda x: values[id(x)] if isinstance(x, Variable) else x),
            cotangents,
            slopes,
            effects,
            self.draws,
            self.constants,
            shown,
            tied,
        )

    def _was_there(self, x: Any) -> bool:
        """Is it from before the call, with its graph?"""
        return not isinstance(x, Variable) or x._node is None or x._node.order < self._begun

    def _apart(self, results: Iterable[Any]) -> dict[int, Value]:
        """The values of results: each has one of its own, also those that are two tensors on the same numbers."""
        found: dict[int, Value] = {}
        for y in results:
            if id(y) not in found:
                value = self._as_view(y, self.value_of(y))
                taken = value in found.values()
                found[id(y)] = self._made("passage", (value,), {}, array_of(y), itself) if taken else value
        return found

    def _as_view(self, y: Any, value: Value) -> Value:
        """A result that is a view, and was written into, as a part of what it is a view of."""
        if y._view is not None and y._view[1] is None and _place((of := y._view[0])._array) == _place(y._array):
            whole = self._as_view(of, self.value_of(of))
            return value if whole is value else self._made("passage", (whole,), {}, y._array, itself)
        root, path = _root(y)
        around = self._there(root) if path else None
        apart = around is not None and (
            self._root(around) is not self._root(value) or y._array.flags.writeable is not root._array.flags.writeable
        )
        return (self._derived(y) or value) if apart else value

    def _way_back(
        self, ys: list[Any], wanted: list[tuple[Any, Variable]], values: Mapping[int, Any]
    ) -> tuple[Any, Any]:
        cotangents, roots = [], []
        for y in ys:
            g = wrap(np.ones_like(y._array), None)
            value = self._value("gradient", g._array)
            self._note(value, g)
            cotangents.append((values[id(y)], value))
            roots.append((y, g))
        targets = [x for _, x in wanted]
        with no_grad():
            found = walk(roots, retain=True, create=True, targets=targets, within=True)
        slopes = []
        for key, x in wanted:
            g = found.get(x if x._node is None else x._node)
            if g is not None:
                slopes.append((key, self.value_of(np.asarray(g) if isinstance(g, np.generic) else g)))
        return cotangents, slopes

    def _effects(self, inputs: Sequence[Any]) -> Iterator[tuple[Any, Value]]:
        """Tensors that were there before and are written into by operations."""
        own = {id(x): (value, x, k) for k, (value, x) in enumerate(zip(self.inputs, inputs, strict=True))}
        others = ((value, x, x) for value, x in (*self.sources.items(), *self.constants.items()))
        for value, x, key in (*own.values(), *others):
            now = self._there(x) if isinstance(x, Variable) else None
            if now is None and type(key) is int and isinstance(x, Variable):
                self.stop("an argument is written into under another name")
            if now is not None and now is not value:
                if wants(x) and value not in self.constants:
                    self.stop("a tensor that requires grad, and was there before, is written into")
                yield key, now


def _position() -> Any:
    """Where the generator of the package stands."""
    return default_generator().numpy.bit_generator.state["state"]
