"""Linear algebra under the names and arguments that PyTorch had before ``torch.linalg``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..autograd.graph import Array
from . import factors, spectral
from .extremes import beside
from .linalg import _turned
from .matrices import matrices


class SVD(NamedTuple):
    """Left vectors in columns, singular values in descending order, right vectors in columns."""

    U: Array
    S: Array
    V: Array


def svd(input: Array, some: bool = True, compute_uv: bool = True) -> SVD:
    """Matrices as U diag(S) V'; unlike `linalg.svd`, it gives V, whose columns are the right vectors.

    ``some=False`` gives square U and V; ``compute_uv=False`` gives zeros for both, and S.
    """
    x = matrices(input, "svd")
    if not compute_uv:
        n, m = x.shape[-2:]
        zeros = (beside(x, np.zeros((*x.shape[:-2], k, k), x.dtype)) for k in (n, m))
        return SVD(next(zeros), spectral.svdvals(x), next(zeros))
    u, s, vh = spectral.svd(x, not some)
    return SVD(u, s, _turned(vh))


def qr(input: Array, some: bool = True) -> factors.QR:
    """Matrices as Q R, as `linalg.qr`: in its mode "reduced", or "complete" with ``some=False``."""
    return factors.qr(input, "reduced" if some else "complete")
