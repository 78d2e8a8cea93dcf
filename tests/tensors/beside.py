"""A few statements, run by two libraries, and how what they leave differs.

A case is a line of statements in which ``L`` is the library, parted by semicolons. Both refuse at the same statement,
or all names hold the same at the end: values, dtype, shape, requires_grad, is_leaf, grad. A statement that our side
refuses must have changed nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Outcome(NamedTuple):
    """What a case came to: the number of the statement that refused, or None, and all names."""

    refused: int | None
    error: str
    names: dict[str, Any]


def attempt(statements: list[str], library: Any) -> Outcome:
    names: dict[str, Any] = {"L": library, "np": np}
    for k, statement in enumerate(statements):
        try:
            exec(statement, names)
        except Exception as error:
            return Outcome(k, f"{type(error).__name__}: {error}", seen(names))
    return Outcome(None, "", seen(names))


def seen(names: dict[str, Any]) -> dict[str, Any]:
    """Everything one can compare of the names, in plain Python."""
    found = {}
    for name, x in names.items():
        if hasattr(x, "requires_grad") and hasattr(x, "numpy"):
            found[name] = described(x)
            if found[name][-1] != ... and x.is_leaf:
                found[f"{name}.grad"] = None if x.grad is None else described(x.grad)
        elif isinstance(x, (np.ndarray, bool, int, float, str, list, tuple)):
            found[name] = described(x)
    return found


def described(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return x.tolist(), str(x.dtype), x.shape
    if isinstance(x, (list, tuple)):
        return [described(each) for each in x]
    if not hasattr(x, "requires_grad"):
        return x
    try:
        flags: Any = bool(x.requires_grad), bool(x.is_leaf)
    except RuntimeError:  # PyTorch lets nobody ask this of some views after a write into their base
        flags = ...
    values = x.detach().clone().tolist()  # some gradients of PyTorch's that are 0 have no memory until they are copied
    return values, str(x.dtype).split(".")[-1], tuple(x.shape), flags


def nothing(x: Any) -> bool:
    """Is it an absent gradient, or one of zeros?"""
    return x is None or not np.any(x[0])


def alike(x: Any, y: Any) -> bool:
    """Equal, numbers up to float32's rounding; what could not be asked (...) is like anything."""
    if x is ... or y is ...:
        return True
    if isinstance(x, float) and isinstance(y, float):
        return bool(np.isclose(x, y, rtol=1e-5, atol=1e-6, equal_nan=True))
    if isinstance(x, (list, tuple)) and isinstance(y, (list, tuple)):
        return len(x) == len(y) and all(map(alike, x, y))
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(alike(x[key], y[key]) for key in x)
    return type(x) is type(y) and x == y


def verdict(source: str, ours: Any, torch: Any, absent_is_zero: bool = False) -> str:
    """How the two differ on a case, or ''. An absent gradient may be allowed to stand for one of zeros."""
    statements = [s.strip() for s in source.split(";")]
    its, mine = attempt(statements, torch), attempt(statements, ours)
    if mine.refused is None and its.refused == len(statements) - 1 and "modified by an inplace" in its.error:
        # We may answer where PyTorch refuses, with the gradients of what was computed: those without the last write.
        unwritten = attempt([*statements[:-2], statements[-1]], torch)
        if unwritten.refused is None and all(
            alike(unwritten.names[name], mine.names[name]) for name in unwritten.names if name.endswith(".grad")
        ):
            return ""
    if mine.refused != its.refused:
        what = {
            k: "runs" if o.refused is None else f"refuses '{statements[o.refused]}' ({o.error})"
            for k, o in (("PyTorch", its), ("we", mine))
        }
        return "; ".join(f"{who} {does}" for who, does in what.items())
    if mine.refused is not None:
        its = attempt(statements[: mine.refused], ours)  # a call that fails has changed nothing
    for name in sorted(its.names.keys() | mine.names.keys()):
        x, y = its.names.get(name), mine.names.get(name)
        if absent_is_zero and name.endswith(".grad") and nothing(x) and nothing(y):
            continue
        if not alike(x, y):
            who = "PyTorch has" if mine.refused is None else "before the refused statement it was"
            return f"{name}: {who} {its.names.get(name)}, we {mine.names.get(name)}"
    return ""
