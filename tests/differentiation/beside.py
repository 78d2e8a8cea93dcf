"""One program, run with our package and with PyTorch: the same numbers, or errors on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_cnn as tg

Program = Callable[[Any], Any]


def outcome(program: Program, library: Any) -> Any:
    """What a program returned, tensors as (array, does it require grad?); or the kind of its error."""
    try:
        return _plain(program(library))
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        return next(kind for kind in (NotImplementedError, *type(error).__mro__) if isinstance(error, kind))


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if hasattr(value, "detach"):
        return value.detach().numpy(), value.requires_grad
    return value


def agree(program: Program, torch: Any) -> None:
    """The same outcome on both sides, to 1e-12 in float64."""
    mine, theirs = outcome(program, tg), outcome(program, torch)
    _same(mine, theirs)


def _same(mine: Any, theirs: Any) -> None:
    if isinstance(theirs, list):
        assert isinstance(mine, list), (mine, theirs)
        assert len(mine) == len(theirs), (mine, theirs)
        for a, b in zip(mine, theirs, strict=True):
            _same(a, b)
    elif isinstance(theirs, tuple):
        assert isinstance(mine, tuple), (mine, theirs)
        assert mine[1] == theirs[1], f"requires_grad: {mine}, {theirs}"
        assert mine[0].dtype == theirs[0].dtype
        assert mine[0].shape == theirs[0].shape
        np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-12, atol=1e-12)
    else:
        assert mine == theirs
