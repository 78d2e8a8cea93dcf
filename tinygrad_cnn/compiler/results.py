"""The results of a call: what of them a plan can make anew, which tensors they are, and in which memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Variable
from ..programs.outside import PLAIN


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
