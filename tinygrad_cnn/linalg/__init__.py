"""Linear algebra under the names of ``torch.linalg``: matrices are the last two dimensions, (..., n, m), in batches.

Every function that has a derivative has those of second order too. A matrix that has no such thing as asked for (an
inverse, a Cholesky factor) is a `LinAlgError`, which is a RuntimeError.
"""

from __future__ import annotations

from ..ops.factors import qr, solve_triangular
from ..ops.linalg import matmul
from ..ops.matrices import LinAlgError, inv, solve
from ..ops.matrix_norms import cond, matrix_norm, vector_norm
from ..ops.matrix_norms import matrix_or_vector_norm as norm
from ..ops.matrix_powers import matrix_exp, matrix_power, multi_dot
from ..ops.pseudoinverses import lstsq, matrix_rank, pinv
from ..ops.spectral import eigh, eigvalsh, svd, svdvals
from ..ops.vectors import cross_of as cross
from ..ops.vectors import powers as vander
from ..ops.vectors import tensorinv, tensorsolve, vecdot
from .forms import cholesky, det, diagonal, slogdet

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
