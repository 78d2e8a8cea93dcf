"""The breadth of `tinygrad_cnn`: linear algebra, statistics and special functions, gathered for the package."""

from __future__ import annotations

from .bessel import i0
from .combining import block_diag, broadcast_shapes, cartesian_prod, combinations, diagflat
from .determinants import det, logdet, slogdet
from .distances import cdist, dist, pdist, renorm
from .factors import cholesky, cholesky_inverse, cholesky_solve
from .gamma import digamma, lgamma, mvlgamma, polygamma
from .integration import cumulative_trapezoid, gradient, trapezoid
from .linalg import addr
from .matrices import inverse
from .matrix_powers import chain_matmul, matrix_exp, matrix_power
from .membership import bucketize, isin, unique_consecutive, unravel_index
from .older_names import qr, svd
from .parts import angle, conj, conj_physical, frexp, gcd, isreal, lcm, ldexp, nextafter, real, rsub, sgn
from .pseudoinverses import pinverse
from .quantiles import nanquantile, quantile
from .replacing import diagonal_scatter, fill, narrow_copy, select_scatter, slice_scatter, split_with_sizes
from .statistics import corrcoef, cov, histogram, mode
from .vectors import vander

trapz = trapezoid

# fmt: off
__all__ = [
    "addr", "angle", "block_diag", "broadcast_shapes", "bucketize", "cartesian_prod", "cdist", "chain_matmul",
    "cholesky", "cholesky_inverse", "cholesky_solve", "combinations", "conj", "conj_physical", "corrcoef", "cov",
    "cumulative_trapezoid", "det", "diagflat", "diagonal_scatter", "digamma", "dist", "fill", "frexp", "gcd",
    "gradient", "histogram", "i0", "inverse", "isin", "isreal", "lcm", "ldexp", "lgamma", "logdet",
    "matrix_exp", "matrix_power", "mode", "mvlgamma", "nanquantile", "narrow_copy", "nextafter", "pdist", "pinverse",
    "polygamma", "qr", "quantile", "real", "renorm", "rsub", "select_scatter", "sgn", "slice_scatter", "slogdet",
    "split_with_sizes", "svd", "trapezoid", "trapz", "unique_consecutive", "unravel_index", "vander",
]
# fmt: on
