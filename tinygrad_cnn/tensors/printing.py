"""How a tensor is written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Variable
from ..ops.promotion import get_default_dtype

_PROFILES = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": np.iinfo(np.int64).max, "edgeitems": 3, "linewidth": 80},
}
_set: dict[str, Any] = {"precision": 4}  # what was chosen; what was not is NumPy's own choice
_OF_NUMPY = {"linewidth": "max_line_width"}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors are printed from now on; what is left out stays.

    Args:
        precision: digits behind the point.
        threshold: of more elements than these only the first and last are shown; inf shows all.
        edgeitems: how many of the first and of the last.
        linewidth: characters in a line.
        profile: "default", "short" or "full", for the four above at once.
        sci_mode: floats with a power of ten always (True) or never (False); None is as NumPy sees fit.
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: profile is one of {', '.join(_PROFILES)}, got {profile!r}")
        _set.update(_PROFILES[profile])
    most = np.iinfo(np.int64).max
    for name, value in {"precision": precision, "threshold": threshold, "edgeitems": edgeitems}.items():
        if value is not None:
            _set[name] = int(min(value, most))
    if linewidth is not None:
        _set["linewidth"] = int(linewidth)
    _set["sci_mode"] = sci_mode


def written(t: Variable) -> str:
    """A tensor as text: its numbers, and what else is not as usual."""
    a, options = t._array, {_OF_NUMPY.get(name, name): value for name, value in _set.items()}
    sci_mode = options.pop("sci_mode", None)
    if sci_mode is not None and a.dtype.kind == "f":
        digits = options["precision"]
        options["formatter"] = {"float_kind": f"{{:.{digits}{'e' if sci_mode else 'f'}}}".format}
    text = np.array2string(a, separator=", ", prefix="tensor(", **options)
    if a.size == 0:
        text += f", shape={a.shape}"
    if a.dtype not in (get_default_dtype(), np.int64, np.bool_):
        text += f", dtype={a.dtype}"
    if t._node is not None:
        text += f", grad_fn=<{t._node.op.name}>"
    elif t._wants_grad:
        text += ", requires_grad=True"
    return f"tensor({text})"
