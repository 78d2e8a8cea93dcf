"""From a program to the text of a file."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from numpy import ndarray

from ..programs import Extent, Program, Step, Value
from ..programs.program import put_together
from . import arrangement, elementwise, layers
from .layout import assignment
from .library import called, names_in, source
from .merging import merged
from .naming import variables
from .phrases import LONGEST, Call, Infix, Phrase, Phrases, array, dtype, shape

RULES: dict[str, elementwise.Rule] = {**elementwise.RULES, **arrangement.RULES, **layers.RULES}


class Text(NamedTuple):
    """What stands in a file."""

    functions: str  # those that are used, and `given`
    predict: str
    arrays: dict[str, ndarray[Any, Any]]  # what goes into the .npz
    arguments: list[str]  # of predict


OF = '''def of(module: str) -> dict[str, Array]:
    """The weights of one module, by their names within it."""
    return {name.removeprefix(f"{module}."): array for name, array in w.items() if name.startswith(f"{module}.")}
'''


def write(program: Program, types: Mapping[str, str], inner: set[str]) -> Text:
    """The text of a program.

    Args:
        program: what is to be written.
        types: of each module, by its name.
        inner: the names of those modules that have modules of their own.

    Raises:
        NotImplementedError: steps that have no words here; the message lists them all.
    """
    steps = merged(program.steps, program.outputs)
    arrays: dict[str, ndarray[Any, Any]] = {}
    steps = [_with_constants(step, k) for k, step in enumerate(steps)]
    values = [*(value for step in steps for value in step.values()), *program.outputs]
    said: dict[Value, Phrase] = {value: _known(value, arrays) for value in dict.fromkeys(values) if value.known}
    kept = _inlined(steps, program.outputs, said)
    reads = [list(_read(step, said)) for step in kept]
    names = variables(program.inputs, kept, reads, program.outputs)
    said.update({value: _Name(name) for value, name in names.items()})
    befores = [None, *kept][: len(kept)]
    body = [line for step, last in zip(kept, befores, strict=True) for line in _lines(step, last, said, types, inner)]
    arguments = [str(said[value]) for value in program.inputs]
    predict = "\n".join(_predict(program, body, said, arguments)) + "\n"
    parts = [*([OF] if " **of(" in predict else []), *map(source, called(predict))]
    used = set(re.findall(r'w\["(.*?)"\]', predict)) | {
        name for name in arrays for module in re.findall(r'of\("(.*?)"\)', predict) if name.startswith(f"{module}.")
    }
    return Text("\n\n".join(parts), predict, {name: a for name, a in arrays.items() if name in used}, arguments)


class _Name(str):
    """The name of a variable, as against the expression that stands for a value."""


# --------------------------------------------------------------------------------------------------- what is known
def _known(value: Value, arrays: dict[str, ndarray[Any, Any]]) -> Phrase:
    """A weight by its name; a constant in full where it is short."""
    assert value.array is not None
    text = "" if value.name else array(value.array)
    if text:
        return text
    name = value.name or f"constant_{sum(name.startswith('constant_') for name in arrays)}"
    arrays[name] = value.array
    return f'w["{name}"]'


def _with_constants(step: Step, k: int) -> Step:
    """The step, with long arrays among its settings as Values: they are kept beside the weights."""

    def walk(thing: Any) -> Any:
        if isinstance(thing, ndarray) and not array(thing) and thing.size > 16:
            return Value(-1 - k, "constant", thing.shape, thing.dtype, array=thing)
        if isinstance(thing, dict):
            return {key: walk(part) for key, part in thing.items()}
        if isinstance(thing, (tuple, list)):
            return put_together(thing, [walk(part) for part in thing])
        return thing

    return Step(step.op, step.inputs, walk(step.attributes), step.outputs, step.module, step.type, step.line)


def _inlined(steps: list[Step], outputs: list[Value], said: dict[Value, Phrase]) -> list[Step]:
    """The steps that get lines of their own: what is made of weights alone, is short, and is read once, stands there.

    Raises NotImplementedError where a step has no words.
    """
    uses = Counter(value for step in steps for value in step.values()) + Counter(2 * outputs)
    kept, missing = [], []
    for step in steps:
        if step.op not in RULES:
            missing.append(step)
        elif len(step.outputs) == 1 and uses[step.output] == 1 and all(value in said for value in step.values()):
            phrase = _phrase(step, said, missing)
            if len(str(phrase)) <= LONGEST:
                said[step.output] = phrase if isinstance(phrase, Infix) else str(phrase)
                continue
        kept.append(step)
    stand_ins: dict[Value, Phrase] = {value: _Name("x") for step in steps for value in (*step.values(), *step.outputs)}
    for step in kept:
        if step.op in RULES:
            _phrase(step, {**stand_ins, **said}, missing)
    if missing:
        lines = [f"  {step.op}{_place(step)}" for step in missing]
        raise NotImplementedError(
            f"export_numpy: {len(missing)} of the model's operations have no NumPy form here:\n"
            + "\n".join(dict.fromkeys(lines))
            + "\nReplace them by others, or save the model (tg.save) and predict with the package."
        )
    return kept


def _phrase(step: Step, said: Mapping[Value, Phrase], missing: list[Step]) -> Phrase:
    try:
        return RULES[step.op](Phrases(step, said))
    except NotImplementedError:  # not with these settings
        missing.append(step)
        return ""


def _place(step: Step) -> str:
    where = f" in {step.module or 'the model'} ({step.type})" if step.type else ""
    return where + (f", {step.line}" if step.line else "")


def _read(step: Step, said: Mapping[Value, Phrase]) -> Iterator[Value]:
    """The values that need a name: what is said by an expression reads none."""
    return (value for value in step.values() if value not in said)


# ------------------------------------------------------------------------------------------------------- the lines
def _lines(
    step: Step, before: Step | None, said: Mapping[Value, Phrase], types: Mapping[str, str], inner: set[str]
) -> Iterator[str]:
    """A step, below the name of its block where that is another one than before."""
    block = _block(step, inner)
    if block and (before is None or _block(before, inner) != block):
        yield ""
        yield f"    # {block} ({types.get(block, step.type)})"
    elif not block and before is not None and _block(before, inner):
        yield ""
    name = step.module.removeprefix(f"{block}.") if step.module not in ("", block) else ""
    about = f"{name}: " if name else ""
    target = ", ".join(str(said[value]) for value in step.outputs)
    if step.op in ("RNN", "GRU"):
        target += ", _"  # the c that only an LSTM has
    comment = about + " and ".join(shape(value.shape) for value in step.outputs if said[value] != "_")
    phrase = RULES[step.op](Phrases(step, said))
    yield from assignment(target, phrase, comment)


def _block(step: Step, inner: set[str]) -> str:
    """The module whose forward reads as a whole: that of the step, or the one around a single layer."""
    return step.module if step.module in inner else step.module.rpartition(".")[0]


def _predict(program: Program, body: list[str], said: Mapping[Value, Phrase], arguments: list[str]) -> Iterator[str]:
    """The function itself."""
    yield f"def predict({', '.join(f'{name}: Array' for name in arguments)}) -> {_kind(program)}:"
    whose = "a batch of any size, N" if program.free else "arrays of these sizes and no others"
    yield f'    """What {program.model} makes of its input: {whose}.'
    yield ""
    if program.fixed_because:
        why = program.fixed_because.replace("\\", "/").replace('"', "'")
        yield from textwrap.wrap(
            f"It is for one batch size: {why}.", 115, initial_indent="    ", subsequent_indent="    "
        )
        yield ""
    yield "    Args:"
    for name, value in zip(arguments, program.inputs, strict=True):
        yield f"        {name}: {shape(value.shape)}, {value.dtype}."
    yield ""
    yield "    Returns:"
    named = program.keyed
    for name, value in zip(program.output_names, program.outputs, strict=True):
        yield f"        {f'{name!r}: ' if named else ''}{shape(value.shape)}, {value.dtype}."
    yield '    """'
    for name, value in zip(arguments, program.inputs, strict=True):
        sizes = tuple(None if isinstance(n, Extent) else n for n in value.shape)
        yield f'    {name} = given({name}, "{name}", {sizes}, {dtype(value.dtype)})'
    if "n" in names_in("\n".join(["if True:", *body, "    pass"])):
        yield f"    n = {_batch(program, arguments)}"
    yield from body
    yield ""
    results = [_result(said[value], value) for value in program.outputs]
    if named:
        pairs = ", ".join(f'"{name}": {text}' for name, text in zip(program.output_names, results, strict=True))
        yield f"    return {{{pairs}}}"
    else:
        yield f"    return {', '.join(results)}"


def _kind(program: Program) -> str:
    """The type of what predict returns."""
    if program.keyed:
        return "dict[str, Array]"
    return "Array" if len(program.outputs) == 1 else f"tuple[{', '.join(['Array'] * len(program.outputs))}]"


def _result(phrase: Phrase, value: Value) -> str:
    if isinstance(phrase, (_Name, Infix, Call)):
        return str(phrase)
    return f"np.asarray({phrase})" if value.shape else f"np.asarray({phrase}, {dtype(value.dtype)})"


def _batch(program: Program, arguments: list[str]) -> str:
    """The batch size, by an input that has it among its sizes."""
    for name, value in zip(arguments, program.inputs, strict=True):
        for d, n in enumerate(value.shape):
            if isinstance(n, Extent) and n.times == 1:
                size = f"{name}.shape[{d}]" if d else f"len({name})"
                return size if not n.plus else f"{size} - {n.plus}"
    return str(program.batch)
