"""Products of matrices into memory that is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.threads import product
from ...ops import affine
from ..memory import Layout, in_order
from ..planned import Ready, plans


def _plain(*arrays: Any) -> bool:
    """Are these matrices, or stacks of them, of one floating dtype, none of them empty?"""
    return all(a.ndim > 1 and a.size and a.dtype == arrays[0].dtype and a.dtype.kind == "f" for a in arrays)


def _rows(x: Any, n: int) -> Layout:
    """The layout of (..., n), the batch innermost where it is so in x (..., m)."""
    return in_order(*x.shape[:-1], n, dtype=x.dtype, order=(1, 0) if affine._batch_last(x) else None)


@plans(affine.linear)
def linear(x: Any, w: Any, *b: Any) -> Ready | None:
    """x w^T + b for x (..., in), w (out, in), b (out,): y (..., out)."""
    if not _plain(x, w) or any(bias.dtype != x.dtype for bias in b):
        return None
    if affine._batch_last(x):

        def run(y: Any, x: Any, w: Any, *b: Any) -> None:
            product(w, x.T, out=y.T)
            for bias in b:
                np.add(y.T, bias[:, None], out=y.T)
    else:

        def run(y: Any, x: Any, w: Any, *b: Any) -> None:
            product(x, w.T, out=y)
            for bias in b:
                np.add(y, bias, out=y)

    return Ready(run, (_rows(x, len(w)),))


@plans(affine.linear_input)
def linear_input(g: Any, w: Any) -> Ready | None:
    """g w for g (..., out), w (out, in): (..., in)."""
    if not _plain(g, w):
        return None
    if affine._batch_last(g):
        return Ready(lambda y, g, w: product(w.T, g.T, out=y.T), (_rows(g, w.shape[1]),))
    return Ready(lambda y, g, w: product(g, w, out=y), (_rows(g, w.shape[1]),))


@plans(affine.linear_weight)
def linear_weight(g: Any, x: Any) -> Ready | None:
    """g^T x for g (..., out), x (..., in): (out, in)."""
    if not _plain(g, x):
        return None
    rows = affine._rows
    return Ready(
        lambda y, g, x: product(rows(g).T, rows(x), out=y), (in_order(g.shape[-1], x.shape[-1], dtype=g.dtype),)
    )
