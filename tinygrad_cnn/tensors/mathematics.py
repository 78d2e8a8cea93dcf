"""Methods of linear algebra, statistics and special functions: each is the function of the same name."""

# ruff: noqa: E501  (one line a method)

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..ops import (
    bessel,
    combining,
    determinants,
    distances,
    factors,
    gamma,
    linalg,
    matrices,
    matrix_powers,
    membership,
    older_names,
    parts,
    pseudoinverses,
    quantiles,
    replacing,
    statistics,
)
from .kinds import Kinds

if TYPE_CHECKING:
    from typing_extensions import Self as Tensor

_int: TypeAlias = builtins.int
_bool: TypeAlias = builtins.bool
_float: TypeAlias = builtins.float


class Mathematics(Kinds):
    """Methods that only pass on to a function; more of them stand in `methods.Methods`."""

    __slots__ = ()

    # fmt: off
    # linear algebra
    def inverse(self) -> Tensor: return matrices.inverse(self)
    def det(self) -> Tensor: return determinants.det(self)
    def slogdet(self) -> Any: return determinants.slogdet(self)
    def logdet(self) -> Tensor: return determinants.logdet(self)
    def cholesky(self, upper: _bool = False) -> Tensor: return factors.cholesky(self, upper)
    def cholesky_inverse(self, upper: _bool = False) -> Tensor: return factors.cholesky_inverse(self, upper)
    def cholesky_solve(self, input2: Any, upper: _bool = False) -> Tensor: return factors.cholesky_solve(self, input2, upper)
    def qr(self, some: _bool = True) -> Any: return older_names.qr(self, some)
    def svd(self, some: _bool = True, compute_uv: _bool = True) -> Any: return older_names.svd(self, some, compute_uv)
    def pinverse(self, rcond: _float = 1e-15) -> Tensor: return pseudoinverses.pinverse(self, rcond)
    def matrix_power(self, n: _int) -> Tensor: return matrix_powers.matrix_power(self, n)
    def matrix_exp(self) -> Tensor: return matrix_powers.matrix_exp(self)
    def addr(self, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor: return linalg.addr(self, vec1, vec2, beta=beta, alpha=alpha)
    def diagflat(self, offset: _int = 0) -> Tensor: return combining.diagflat(self, offset)
    # distances, statistics
    def dist(self, other: Any, p: _float = 2) -> Tensor: return distances.dist(self, other, p)
    def renorm(self, p: _float, dim: _int, maxnorm: _float) -> Tensor: return distances.renorm(self, p, dim, maxnorm)
    def quantile(self, q: Any, dim: _int | None = None, keepdim: _bool = False, *, interpolation: str = "linear") -> Tensor: return quantiles.quantile(self, q, dim, keepdim, interpolation=interpolation)
    def nanquantile(self, q: Any, dim: _int | None = None, keepdim: _bool = False, *, interpolation: str = "linear") -> Tensor: return quantiles.nanquantile(self, q, dim, keepdim, interpolation=interpolation)
    def cov(self, *, correction: _int = 1, fweights: Any = None, aweights: Any = None) -> Tensor: return statistics.cov(self, correction=correction, fweights=fweights, aweights=aweights)
    def corrcoef(self) -> Tensor: return statistics.corrcoef(self)
    def histogram(self, bins: Any, *, range: Any = None, weight: Any = None, density: _bool = False) -> Any: return statistics.histogram(self, bins, range=range, weight=weight, density=density)
    def mode(self, dim: _int = -1, keepdim: _bool = False) -> Any: return statistics.mode(self, dim, keepdim)
    def unique_consecutive(self, return_inverse: _bool = False, return_counts: _bool = False, dim: _int | None = None) -> Any: return membership.unique_consecutive(self, return_inverse, return_counts, dim)
    # functions of numbers
    def lgamma(self) -> Tensor: return gamma.lgamma(self)
    def digamma(self) -> Tensor: return gamma.digamma(self)
    def polygamma(self, n: _int) -> Tensor: return gamma.polygamma(n, self)
    def mvlgamma(self, p: _int) -> Tensor: return gamma.mvlgamma(self, p)
    def i0(self) -> Tensor: return bessel.i0(self)
    def sgn(self) -> Tensor: return parts.sgn(self)
    def angle(self) -> Tensor: return parts.angle(self)
    def conj(self) -> Tensor: return parts.conj(self)
    def conj_physical(self) -> Tensor: return parts.conj_physical(self)
    def isreal(self) -> Tensor: return parts.isreal(self)
    def gcd(self, other: Any) -> Tensor: return parts.gcd(self, other)
    def lcm(self, other: Any) -> Tensor: return parts.lcm(self, other)
    def ldexp(self, other: Any) -> Tensor: return parts.ldexp(self, other)
    def frexp(self) -> Any: return parts.frexp(self)
    def nextafter(self, other: Any) -> Tensor: return parts.nextafter(self, other)
    # copies with other values in one part
    def select_scatter(self, src: Any, dim: _int, index: _int) -> Tensor: return replacing.select_scatter(self, src, dim, index)
    def slice_scatter(self, src: Any, dim: _int = 0, start: _int | None = None, end: _int | None = None, step: _int = 1) -> Tensor: return replacing.slice_scatter(self, src, dim, start, end, step)
    def diagonal_scatter(self, src: Any, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor: return replacing.diagonal_scatter(self, src, offset, dim1, dim2)
    def narrow_copy(self, dim: _int, start: _int, length: _int) -> Tensor: return replacing.narrow_copy(self, dim, start, length)
    def split_with_sizes(self, split_sizes: Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]: return replacing.split_with_sizes(self, split_sizes, dim)
    # fmt: on

    @property
    def mH(self) -> Tensor:
        """Each matrix transposed, and conjugated if it were complex: a view."""
        return self.mT

    @property
    def H(self) -> Tensor:
        """A matrix transposed, and conjugated if it were complex: a view."""
        if self._array.ndim not in (0, 2):
            raise RuntimeError(f"H is for matrices, got shape {self._array.shape}; use mH for a batch of them")
        return self.T

    @property
    def real(self) -> Tensor:
        """The real part: of real numbers, these themselves."""
        return self


# Each is explained as the function that its line calls.
for _method in vars(Mathematics).values():
    if callable(_method):
        _module, _function = _method.__code__.co_names[:2]
        _method.__doc__ = getattr(globals()[_module], _function).__doc__
