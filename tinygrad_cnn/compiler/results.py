"""The results of a call: what of them a plan can make anew, which tensors they are, and in which memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Variable
from ..programs.outside import PLAIN
from ..programs.program import put_together


def itself(a: ndarray) -> ndarray:
    """The same numbers in the same memory."""
    return a.view()


def copied(a: ndarray, axes: tuple[int, ...], dtype: np.dtype[Any]) -> ndarray:
    """The same numbers in memory of their own, which lie there along the axes in this order."""
    new = np.empty([a.shape[i] for i in axes], dtype).transpose(np.argsort(axes))
    new[...] = a
    return new


def odd(thing: Any) -> str:
    """What of a result a plan cannot make anew: it might hold tensors; "" where nothing is."""
    if isinstance(thing, (Variable, *PLAIN)):
        return ""
    if type(thing) in (dict, OrderedDict, list, tuple) or isinstance(thing, (list, tuple)):
        parts = thing.values() if isinstance(thing, dict) else thing
        return next(filter(None, map(odd, parts)), "")
    return f"something of the type {type(thing).__name__}"


def with_values(thing: Any, values: Mapping[int, Any]) -> Any:
    """A result with Values in the places of its tensors, or what says which one it is."""
    if isinstance(thing, Variable):
        return values[id(thing)]
    if isinstance(thing, dict):
        return type(thing)((key, with_values(part, values)) for key, part in thing.items())
    if isinstance(thing, (tuple, list)):
        return put_together(thing, [with_values(part, values) for part in thing])
    return thing
