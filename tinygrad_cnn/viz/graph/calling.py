"""Calls a model with what the user gave as inputs, and knows them again on the tape."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from ...arrays.telling import described
from ...autograd.graph import Node
from ...nn.module import Module
from ...nn.summary import leaves_in
from ...tensors import Tensor
from ..watching import Watch, frozen_in, run, unfrozen


def tensors_in(output: Any, called: bool = False) -> list[Tensor]:
    """The tensors in what a model returned: itself, or those in a (nested) tuple, list, dict or dataclass."""
    found: list[Tensor] = []
    for x in leaves_in(output):
        if isinstance(x, Tensor):
            found.append(x)
        elif x is output or not (x is None or isinstance(x, (bool, int, float, str))):
            expected = "a Tensor, a Module or a function that returns tensors, got"
            expected = "what is called to return tensors, it returned" if called else expected
            raise TypeError(f"draw_graph: expected {expected} {described(x)}{_instead(x)}")
    if not found:
        raise TypeError(f"draw_graph: there is no tensor in {described(output)} to draw the graph of")
    return found


def _by_name(x: Any) -> Mapping[str, Any] | None:
    """What has names within: a dict, a dataclass, a named tuple."""
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return {field.name: getattr(x, field.name) for field in dataclasses.fields(x)}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return dict(zip(x._fields, x, strict=True))
    return x if isinstance(x, Mapping) else None


def _instead(x: Any) -> str:
    if isinstance(x, Module):
        return "; draw each module by itself: draw_graph(model, inputs=x)"
    if isinstance(x, ndarray):
        return "; an array has no graph: compute with tensors, tg.tensor(array, requires_grad=True)"
    return ""


def no_graph(called: bool) -> str:
    """What is said where there is nothing to draw behind a tensor, or what a call returned."""
    why = "no operation on something that requires a gradient made it, or it was made within no_grad() or detached"
    if called:
        return f"draw_graph: there is no graph behind what was returned: {why}; draw a part that records its operations"
    return (
        f"draw_graph: there is no graph behind this tensor: {why}. Set requires_grad=True on a leaf, or draw the "
        "model: draw_graph(model, inputs=x)"
    )


class Failure(Exception):
    """Carries the exception of a model out of `call`, with what was seen until then."""

    def __init__(self, error: Exception, given: Given, watch: Watch) -> None:
        super().__init__(str(error))
        self.error, self.given, self.watch = error, given, watch


class Given:
    """Tensors and arrays that the user gave, or gave a name to."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}  # by id of tensor, array or node
        self._inputs: set[int] = set()
        self._alive: list[Any] = []  # so that no id is used twice

    @classmethod
    def named(cls, inputs: Any) -> Given:
        """Inputs of a graph that is there already: one, several in a row, or by name."""
        given = cls()
        if isinstance(inputs, Mapping):
            pairs = [(str(name), x) for name, x in inputs.items()]
        elif isinstance(inputs, (list, tuple)):
            pairs = [(f"input {i}" if len(inputs) > 1 else "input", x) for i, x in enumerate(inputs)]
        else:
            pairs = [] if inputs is None else [("input", inputs)]
        for name, x in pairs:
            if not isinstance(x, (Tensor, ndarray)):
                raise TypeError(f"draw_graph: inputs must be tensors or arrays, got {type(x).__name__} for {name!r}")
            given.add(name, x)
        return given

    def add(self, name: str, x: Any, is_input: bool = True) -> None:
        """Remember one."""
        node = x._node if isinstance(x, Tensor) else None
        things = [node] if node is not None else [x, x._array] if isinstance(x, Tensor) else [x]
        self._alive += things
        for thing in things:
            self._names[id(thing)] = name
            if is_input and node is None:
                self._inputs.add(id(thing))

    def name(self, names: Mapping[str, Any] | None) -> None:
        """More names, for leaves and for what was computed; not of inputs."""
        if names is not None and not isinstance(names, Mapping):
            raise TypeError(f"draw_graph: names must be a dict such as {{'a': a}}, got {type(names).__name__}")
        for name, x in (names or {}).items():
            if not isinstance(x, Tensor):
                raise TypeError(f"draw_graph: names must map names to tensors, got {type(x).__name__} for {name!r}")
            self.add(str(name), x, is_input=False)

    def name_outputs(self, output: Any, path: str = "") -> None:
        """The keys of a dict of outputs, {"loss": loss}, name what was computed, unless it is named already; those of a
        dataclass or a named tuple likewise.
        """
        if (named := _by_name(output)) is not None:
            for key, x in named.items():
                self.name_outputs(x, f"{path}.{key}" if path else str(key))
        elif path and isinstance(output, Tensor) and output._node is not None and not self.name_of(output._node):
            self.add(path, output, is_input=False)

    def name_of(self, x: Tensor | Node | ndarray | None) -> str | None:
        """What it is called."""
        return self._names.get(id(x)) or (self._names.get(id(x._array)) if isinstance(x, Tensor) else None)

    def is_input(self, x: Tensor | ndarray | None) -> bool:
        """Is it one of the inputs?"""
        return id(x) in self._inputs or (isinstance(x, Tensor) and id(x._array) in self._inputs)


def call(function: Callable[..., Any], inputs: Any) -> tuple[Any, Given, Watch]:
    """What a model or function returns, the inputs it got, and what was seen on the way.

    Inputs come in as leaves of their own: the user's tensors, and graphs behind them, are not touched. Where an
    input does not meet what is recorded (it is scaled before the first layer, or nothing has a gradient), the call
    is made again with inputs that require one; for integers, which cannot, with frozen parameters that do.

    Raises Failure where the function raises.
    """
    args, kwargs = _arguments(function, inputs)
    result = None
    models: list[Module] = []
    for wanted in (False, True):
        leaves = [_leaf(x, wanted) for x in args], {k: _leaf(x, wanted) for k, x in kwargs.items()}
        given, watch, failure = Given(), Watch(), None
        try:
            with unfrozen(models):
                output, _ = run(function, *leaves, watch=watch)
        except Exception as error:
            if wanted and result is not None and "in place" in str(error):
                break  # it writes into its input, which a leaf with a gradient forbids: the first call has to do
            failure = error
        for name, x in zip(_names(function, len(args)), leaves[0], strict=True):
            if isinstance(x, Tensor):
                given.add(name, x)
        for name, x in leaves[1].items():
            if isinstance(x, Tensor):
                given.add(name, x)
        met = all(_met(x, watch) for x in (*leaves[0], *leaves[1].values()))
        if not wanted and any(_is_integer(x) for x in (*leaves[0], *leaves[1].values())):
            models = watch.models
        if failure is not None:
            if not wanted and not met:
                continue  # once more, for what was computed before something had a gradient
            raise Failure(failure, given, watch) from failure
        result = output, given, watch
        if met:
            break
    assert result is not None
    return result


def _arguments(function: Any, inputs: Any) -> tuple[list[Any], dict[str, Any]]:
    if inputs is None:
        if isinstance(function, Module):
            raise TypeError(
                f"draw_graph: to draw a module, say what to call it with: draw_graph(model, inputs=x), x of the shape "
                f"that {type(function).__name__} takes; to draw its graph, pass its output: draw_graph(model(x))"
            )
        return [], {}
    if isinstance(inputs, Mapping):
        return [], dict(inputs)
    if isinstance(inputs, (list, tuple)) and inputs and all(isinstance(x, int) for x in inputs):
        raise TypeError(
            f"draw_graph: inputs={inputs!r} are {len(inputs)} numbers; for an input of that shape pass "
            f"tg.zeros({', '.join(map(str, inputs))})"
        )
    return (list(inputs), {}) if isinstance(inputs, (list, tuple)) else ([inputs], {})


def _names(function: Any, n: int) -> list[str]:
    function = getattr(function, "_orig_mod", function)  # of a compiled module
    try:
        signature = inspect.signature(function.forward if isinstance(function, Module) else function)
    except (TypeError, ValueError):  # a builtin that does not tell
        signature = inspect.Signature()
    named = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [named[i] if i < len(named) else f"input {i}" for i in range(n)]


def _leaf(x: Any, wanted: bool) -> Any:
    """A tensor of its own, with the same memory; other things as they are."""
    if not isinstance(x, (Tensor, ndarray)):
        return x
    leaf = Tensor(x._array if isinstance(x, Tensor) else x)
    if np.asarray(leaf._array).dtype.kind == "f" and (wanted or (isinstance(x, Tensor) and x.requires_grad)):
        leaf.requires_grad_()
    return leaf


def _is_integer(x: Any) -> bool:
    return isinstance(x, Tensor) and x._array.dtype.kind != "f"


def _met(x: Any, watch: Watch) -> bool:
    """Did all operations that it went into leave a node, and was there one?"""
    if not isinstance(x, Tensor) or x.requires_grad:
        return True
    if _is_integer(x):
        return not any(id(p._array) in watch.unrecorded for p in frozen_in(watch.models))
    if id(x._array) in watch.unrecorded:
        return False
    return any(not seen.inputs or any(a is x._array for a in seen.inputs) for seen in watch.seen.values())
