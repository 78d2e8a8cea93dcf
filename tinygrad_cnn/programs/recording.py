"""From a call of a model to its program."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays.guarding import rails
from ..arrays.rng import default_generator
from ..autograd.graph import array_of
from ..autograd.modes import here, no_grad
from ..nn.module import Module
from ..nn.parameter import is_lazy
from ..nn.summary import in_mode, leaves_in, same_buffers
from ..profiler.hooks import CALLS
from ..profiler.recorder import Watcher
from ..tensors import Tensor
from .batches import Comparison, Differ, Made, difference
from .program import Program, Step, Value, put_together, replaced
from .tape import Tape

_AUTO = "auto"


def record(model: Module, *examples: Any, batch_dim: Any = _AUTO, **named: Any) -> Program:
    """What a model computes in evaluation mode, as a `Program`.

    The model is called a few times, with no gradients: with the examples; with other numbers, to see that none of what
    it does hangs on them; and with other batch sizes, to see what hangs on those. Afterwards its modes, its buffers
    and the random state are as before.

    Args:
        model: a Module.
        examples: what to call it with: Tensors, or arrays as such, also in tuples, lists and dicts; other things (None,
            numbers) are handed on as they are, and belong to the program.
        batch_dim: the dimension of the examples that holds the batch. By default it is 0 of all examples that are as
            long there as the first; where the model does not allow that, the batch size is fixed. A number, or a tuple
            of one for each array among the examples (None: without a batch), must be possible. None fixes the size.
        named: arguments by keyword.

    Returns:
        The program. ``free`` says if it holds for every batch size, else ``fixed_because`` why not.

    Raises:
        TypeError: a model or a result that is none. ValueError: a batch_dim that does not fit.
        RuntimeError: something is computed from the input where no operation sees it, such as by NumPy, or by a
            condition on it: the program would be wrong for other inputs. The message names the line.
    """
    if not isinstance(model, Module):
        raise TypeError(f"record: model must be an nn.Module, got {type(model).__name__}")
    if any(is_lazy(p) for p in model.parameters()):
        raise RuntimeError("record: the model has layers that do not know their shapes yet; call it once before")
    for name, module in model.named_modules():
        if getattr(module, "max_norm", None) is not None:
            raise RuntimeError(
                f"record: {name or 'the model'} ({type(module).__name__}) shortens the rows of its table that it looks "
                "up (max_norm), which no program does; shorten all of them once, with "
                "weight.data.renorm_(norm_type, 0, max_norm), and set max_norm to None"
            )
    arrays = [array_of(x) for x in leaves_in([examples, named]) if isinstance(x, (Tensor, ndarray))]
    if not arrays:
        raise TypeError("record: give an example of each input, such as tg.zeros(1, 3, 224, 224)")
    dims = _dims(batch_dim, arrays)
    size = next((a.shape[d] for a, d in zip(arrays, dims, strict=True) if d is not None), 1)
    other, call = size, _Call(model, examples, named)
    first = call(arrays, loud=True)
    for factor in (-0.875, 0.875):
        others = [_other_numbers(a, factor) for a in arrays]
        try:
            found = difference(first, call(others, other_dice=True))
        except Exception:  # the model refuses what we made up: nothing is told by that
            continue
        if found:
            raise RuntimeError(
                f"record: what {type(model).__name__} computes depends on the numbers of its input where no operation "
                f"sees it, or on random numbers: {found}. A program is the same for all inputs; use tensors' "
                "operations (where, gather, ...) instead of NumPy's and of conditions on values, and hand random "
                "numbers in"
            )
    if all(d is None for d in dims):
        return _program(model, [(first, size)], "")
    try:
        tapes = [(first, size)]
        for other in (size + 1, size + 3):
            tapes.append((call(_longer(arrays, dims, other)), other))
        if size > 1:
            tapes += _of_one(call, arrays, dims)
        return _program(model, tapes, "")
    except Differ as error:
        why = str(error)
    except Exception as error:
        why = f"with a batch of {other} it fails: {error}"
    if batch_dim != _AUTO:
        raise ValueError(
            f"record: {type(model).__name__} cannot have a free batch size along batch_dim={batch_dim!r}: {why}; "
            "batch_dim=None records it for the example's size alone"
        )
    return _program(model, [(first, size)], why)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the model warns of when it is called with what we made up is not the user's business."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _dims(batch_dim: Any, arrays: Sequence[ndarray]) -> list[int | None]:
    """Along which dimension each array holds the batch."""
    if batch_dim is None or isinstance(batch_dim, str):
        if batch_dim not in (None, _AUTO):
            raise ValueError(f"record: batch_dim must be a number, a tuple of them or None, got {batch_dim!r}")
        first = next((a.shape[0] for a in arrays if a.ndim), None) if batch_dim else None
        return [0 if first is not None and a.ndim and a.shape[0] == first else None for a in arrays]
    dims = list(batch_dim) if isinstance(batch_dim, (tuple, list)) else [batch_dim] * len(arrays)
    if len(dims) != len(arrays):
        raise ValueError(f"record: batch_dim has {len(dims)} entries for {len(arrays)} arrays among the examples")
    for a, d in zip(arrays, dims, strict=True):
        if d is not None and (type(d) is not int or not -a.ndim <= d < a.ndim):
            raise ValueError(f"record: batch_dim {d!r} is no dimension of an example of shape {a.shape}")
    dims = [None if d is None else d % a.ndim for a, d in zip(arrays, dims, strict=True)]
    sizes = {a.shape[d] for a, d in zip(arrays, dims, strict=True) if d is not None}
    if len(sizes) > 1:
        raise ValueError(f"record: the examples have batches of different sizes along batch_dim: {sorted(sizes)}")
    return dims


def _other_numbers(a: ndarray, factor: float) -> ndarray:
    """An array like this one with other numbers of the same kind, in another order. Infinities stay what they are."""
    turned: ndarray = a.reshape(-1)[::-1].reshape(a.shape)
    if a.dtype.kind != "f":
        return turned
    return turned * a.dtype.type(factor if np.isfinite(a).all() else abs(factor))


def _longer(arrays: Sequence[ndarray], dims: Sequence[int | None], size: int) -> list[ndarray]:
    """The arrays of a larger batch: their entries over and over."""
    if any(d is not None and not a.shape[d] for a, d in zip(arrays, dims, strict=True)):
        raise Differ("the example's batch is empty")
    pairs = zip(arrays, dims, strict=True)
    return [a if d is None else a.take(np.arange(size) % a.shape[d], d) for a, d in pairs]


def _of_one(call: _Call, arrays: Sequence[ndarray], dims: Sequence[int | None]) -> list[tuple[Tape, int]]:
    """What the model does with a batch of one; nothing where it refuses that, as normalisation by the batch does."""
    try:
        return [(call(_longer(arrays, dims, 1)), 1)]
    except Exception:
        return []


class _Call:
    """A call of the model that leaves no trace but its tape."""

    def __init__(self, model: Module, examples: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.model, self.examples, self.named = model, examples, named
        self.names = _input_names(model, examples, named)

    def __call__(self, arrays: Sequence[ndarray], other_dice: bool = False, loud: bool = False) -> Tape:
        """What a call with these arrays does; ``other_dice`` draws other random numbers than the others.

        What the model warns of is said where it is ``loud``.
        """
        tape, rest = Tape(self.model), iter(arrays)
        args, kwargs = with_arrays([list(self.examples), self.named], rest)
        leaves = [x for x in leaves_in([args, kwargs]) if isinstance(x, (Tensor, ndarray))]
        for name, x in zip(self.names, leaves, strict=True):
            tape.take(name, x)
        quiet = nullcontext() if loud else _quiet()
        with quiet, in_mode(self.model, False), same_buffers(self.model), no_grad(), _watched_by(tape):
            if other_dice:
                default_generator().numpy.random(7)
            result = self.model(*args, **kwargs)
            tape.outputs, tape.output_names, tape.keyed = tape.results(result), _output_names(result), _keyed(result)
        _drop_unread(tape)
        return tape


@contextmanager
def _watched_by(watcher: Watcher) -> Iterator[None]:
    """Within, calls and operations are seen by this one and by nobody else, and no guard rail speaks."""
    bits = default_generator().numpy.bit_generator
    before, state, guarded = here.mode.watchers, bits.state, rails.on
    CALLS.begin()
    here.mode.watchers, rails.on = (watcher,), False
    try:
        yield
    finally:
        here.mode.watchers, bits.state, rails.on = before, state, guarded
        CALLS.end()


def with_arrays(thing: Any, arrays: Iterator[ndarray]) -> Any:
    """The arguments, with copies of these arrays, as Tensors, in place of theirs."""
    if isinstance(thing, (Tensor, ndarray)):
        return Tensor(next(arrays).copy())
    if isinstance(thing, Mapping):
        return {key: with_arrays(part, arrays) for key, part in thing.items()}
    if isinstance(thing, (tuple, list)):
        return put_together(thing, [with_arrays(part, arrays) for part in thing])
    return thing


def _input_names(model: Module, examples: tuple[Any, ...], named: dict[str, Any]) -> list[str]:
    """The names of the arguments; "states_0" and so on of what lies in one."""
    try:
        given = inspect.signature(type(model).forward).bind(model, *examples, **named).arguments
    except (TypeError, ValueError):  # the call will say what is wrong
        given = {}
    own = getattr(model, "input_names", None)  # as of a model that came from a file
    if own is not None and not named and len(own) >= len(examples):
        return [name for top_name, value in zip(own, examples, strict=False) for name in _paths(top_name, value)]
    top: list[tuple[str, Any]] = []
    for name, value in list(given.items())[1:] or [("input", examples), *named.items()]:
        kind = inspect.signature(type(model).forward).parameters.get(name)
        if kind is not None and kind.kind is inspect.Parameter.VAR_KEYWORD:
            top += value.items()
        elif kind is not None and kind.kind is inspect.Parameter.VAR_POSITIONAL and len(value) == 1:
            top.append((name, value[0]))
        else:
            top.append((name, value))
    return [name for top_name, value in top for name in _paths(top_name, value)]


def _paths(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, (Tensor, ndarray)):
        yield name
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _paths(f"{name}_{key}", part)
    elif isinstance(value, (tuple, list)):
        for key, part in enumerate(value):
            yield from _paths(f"{name}_{key}", part)


def _keyed(result: Any) -> bool:
    """Is it a dict, or something with fields?"""
    return isinstance(result, Mapping) or dataclasses.is_dataclass(result) or hasattr(result, "_fields")


def _output_names(result: Any) -> list[str]:
    """Names for what a model returns."""
    if isinstance(result, (Tensor, ndarray)):
        return ["output"]
    if isinstance(result, Mapping):
        return [name for key, part in result.items() for name in _paths(str(key), part)]
    if dataclasses.is_dataclass(result):
        fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
        return [name for key, part in fields.items() for name in _paths(key, part)]
    if hasattr(result, "_fields"):
        return [name for key, part in zip(result._fields, result, strict=True) for name in _paths(str(key), part)]
    return list(_paths("output", [x for x in leaves_in(result) if x is not None]))


# ------------------------------------------------------------------------------------------------------- the program
def _program(model: Module, tapes: list[tuple[Tape, int]], fixed_because: str) -> Program:
    """The tapes as one program."""
    first, size = tapes[0]
    comparison = Comparison(tapes)
    comparison.check()
    steps: list[Step] = []
    for alike in zip(*(tape.steps for tape, _ in tapes), strict=True):
        inputs, attributes = comparison.step(alike)
        steps.append(Step(alike[0].op, inputs, attributes, *_rest(alike[0])))
    made: list[Step] = []
    for values in zip(*(tape.values for tape, _ in tapes), strict=True):
        value = values[0]
        value.shape, array = comparison.value(values)
        if isinstance(array, Made):
            value.kind, value.array = "result", None
            made.append(_making(array, value, first))
    outputs = first.outputs
    steps, idle = _without_idle(made + steps)
    outputs = [idle.get(value, value) for value in outputs]
    for number, value in enumerate(_in_order(first.inputs, steps, outputs)):
        value.number = number
    free = len(tapes) > 1
    name = type(model).__name__
    return Program(first.inputs, outputs, first.output_names, steps, size, free, fixed_because, name, first.keyed)


def _without_idle(steps: list[Step]) -> tuple[list[Step], dict[Value, Value]]:
    """The steps without those that give what they got, and what stands for their results."""
    idle: dict[Value, Value] = {}
    kept: list[Step] = []
    for step in steps:
        step.inputs, step.attributes = replaced(step.inputs, idle), replaced(step.attributes, idle)
        if step.op in ("reshape", "broadcast_to") and step.output.shape == step.inputs[0].shape:
            idle[step.output] = step.inputs[0]
        else:
            kept.append(step)
    return kept, idle


def _rest(step: Step) -> tuple[Any, ...]:
    return step.outputs, step.module, step.type, step.line


def _making(made: Made, value: Value, tape: Tape) -> Step:
    """The step that makes a constant whose shape depends on the batch."""
    reader = next((s for s in tape.steps if value in s.values()), None)
    where = (reader.module, reader.type, reader.line) if reader is not None else ()
    if made.op == "arange":
        return Step("arange", (), {"stop": made.shape[0]}, (value,), *where)
    small = Value(-1, "constant", made.of.shape, made.of.dtype, array=made.of)
    return Step("broadcast_to", (small,), {"shape": made.shape}, (value,), *where)


def _drop_unread(tape: Tape) -> None:
    """Leave out the steps whose results nobody reads, and the values that are then of no use."""
    read = set(tape.outputs)
    kept: list[Step] = []
    for step in reversed(tape.steps):
        if any(value in read for value in step.outputs):
            kept.append(step)
            read.update(step.values())
    tape.steps[:] = kept[::-1]
    made = {value for step in tape.steps for value in step.outputs}
    tape.values[:] = [v for v in tape.values if v in read or v in made or v.kind == "input"]
    for number, value in enumerate(tape.values):
        value.number = number


def _in_order(inputs: list[Value], steps: list[Step], outputs: list[Value]) -> list[Value]:
    """Inputs, what is there, results: the order in which values are numbered."""
    read = [v for step in steps for v in step.values()] + outputs
    results = [v for step in steps for v in step.outputs]
    return list(dict.fromkeys([*inputs, *(v for v in read if v.known), *results]))
