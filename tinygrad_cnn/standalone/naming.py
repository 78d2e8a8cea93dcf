"""Which variable holds which value: one called x as long as one will do, as a person would write it."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Sequence

from ..programs import Step, Value
from .library import functions

POOL = ("x", "y", "z", "u", "v")
TAKEN = {
    "np",
    "math",
    "sys",
    "io",
    "hashlib",
    "Path",
    "w",
    "of",
    "n",
    "load",
    "predict",
    "Array",
    "DIGEST",
    "WEIGHTS",
}


def input_names(values: Iterable[Value]) -> list[str]:
    """A name for each input: its own, unless that means something else here."""
    values, names = list(values), list[str]()
    for k, value in enumerate(values):
        name = value.name if value.name.isidentifier() else f"x{k}"
        name = "x" if name == "input" and len(values) == 1 else name
        wrong = keyword.iskeyword(name) or name in TAKEN or name in functions() or hasattr(builtins, name)
        name += "_" if wrong else ""
        names.append(name if name not in names else f"{name}_{k}")
    return names


def variables(
    inputs: Sequence[Value], steps: Sequence[Step], reads: Sequence[Sequence[Value]], outputs: Sequence[Value]
) -> dict[Value, str]:
    """A name for each input and each result.

    A result takes over the name of a value that its step reads as the last one, so that what flows through the net is x
    from end to end; where two are needed at once, the other one is y, and so on.

    Args:
        inputs: of the program.
        steps: in their order.
        reads: the inputs and results that each step reads, expressions within it included.
        outputs: what is needed to the end.
    """
    last = {value: k for k, values in enumerate(reads) for value in values}
    last.update(dict.fromkeys(outputs, len(steps)))
    names = dict(zip(inputs, input_names(inputs), strict=True))
    alive = {names[value]: last.get(value, -1) for value in inputs}  # name: the last step that needs it
    own = set(alive)  # an input keeps its name to itself, unless it is one of the pool
    for k, step in enumerate(steps):
        dying = [names[value] for value in reads[k] if value in names and last[value] == k]
        free = [name for name in dying if name in POOL or name not in own]
        kinds = {names[v]: v.dtype.kind for v in reads[k] if v in names}
        for value in step.outputs:
            if value not in last:  # nobody reads it
                names[value] = "_"
                continue
            mine = [name for name in free if kinds[name] == value.dtype.kind]
            names[value] = min(mine, key=_rank) if mine else _fresh(alive, k)  # x + y is x again
            free = [name for name in free if name != names[value]]
            alive[names[value]] = last[value]
    return names


def _rank(name: str) -> int:
    """How early a name is taken."""
    return POOL.index(name) if name in POOL else len(POOL)


def _fresh(alive: dict[str, int], k: int) -> str:
    """A name that no value has which is needed at step k or later."""
    candidates = [*POOL, *(f"{name}{j}" for j in range(1, 1000) for name in POOL)]
    return next(name for name in candidates if alive.get(name, -1) < k)
