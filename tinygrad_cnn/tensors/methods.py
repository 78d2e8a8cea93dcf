"""The breadth of a tensor's methods: each is the function of the same name, under PyTorch's calling forms."""

# ruff: noqa: ARG002, E501  (one line a method; a memory format is a hint)

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..arrays.keywords import accepting, has_dimension, passing_to
from ..ops import (
    arrange,
    comparison,
    contraction,
    elementwise,
    extremes,
    grids,
    joining,
    limits,
    linalg,
    lookup,
    moments,
    ordering,
    reduce,
    rounding,
    scan,
    scattering,
    sliding,
    softmaxes,
    special,
    trigonometry,
)
from ..ops import (
    index as indexing,
)
from ..ops import (
    shape as shaping,
)
from .mathematics import Mathematics
from .newly import New

if TYPE_CHECKING:
    from typing_extensions import Self as Tensor

Dims: TypeAlias = int | tuple[int, ...] | list[int] | None
_int: TypeAlias = builtins.int
_bool: TypeAlias = builtins.bool
_float: TypeAlias = builtins.float


class Methods(New, Mathematics):
    """Methods that only pass on to a function; what a tensor is stands in `tensors.Tensor`."""

    __slots__ = ()

    # fmt: off
    # arithmetic and elementwise functions
    def mul(self, other: Any) -> Tensor: return elementwise.mul(self, other)
    def multiply(self, other: Any) -> Tensor: return elementwise.mul(self, other)

    def maximum(self, other: Any) -> Tensor: return elementwise.maximum(self, other)
    def minimum(self, other: Any) -> Tensor: return elementwise.minimum(self, other)
    def add(self, other: Any, *, alpha: Any = 1) -> Tensor: return elementwise.add(self, other) if alpha == 1 else elementwise.add(self, other, alpha=alpha)
    def sub(self, other: Any, *, alpha: Any = 1) -> Tensor: return elementwise.sub(self, other) if alpha == 1 else elementwise.sub(self, other, alpha=alpha)
    def subtract(self, other: Any, *, alpha: Any = 1) -> Tensor: return elementwise.sub(self, other) if alpha == 1 else elementwise.sub(self, other, alpha=alpha)
    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor: return rounding.div(self, other, rounding_mode=rounding_mode)
    def divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor: return rounding.div(self, other, rounding_mode=rounding_mode)
    def true_divide(self, other: Any) -> Tensor: return elementwise.true_divide(self, other)
    def floor_divide(self, other: Any) -> Tensor: return rounding.floor_divide(self, other)
    def remainder(self, other: Any) -> Tensor: return rounding.remainder(self, other)
    def fmod(self, other: Any) -> Tensor: return rounding.fmod(self, other)
    def pow(self, exponent: Any) -> Tensor: return elementwise.pow(self, exponent)
    def neg(self) -> Tensor: return elementwise.neg(self)
    def negative(self) -> Tensor: return elementwise.neg(self)
    def square(self) -> Tensor: return elementwise.square(self)
    def sqrt(self) -> Tensor: return elementwise.sqrt(self)
    def rsqrt(self) -> Tensor: return elementwise.rsqrt(self)
    def reciprocal(self) -> Tensor: return elementwise.reciprocal(self)
    def exp(self) -> Tensor: return elementwise.exp(self)
    def exp2(self) -> Tensor: return elementwise.exp2(self)
    def expm1(self) -> Tensor: return elementwise.expm1(self)
    def log(self) -> Tensor: return elementwise.log(self)
    def log2(self) -> Tensor: return elementwise.log2(self)
    def log10(self) -> Tensor: return elementwise.log10(self)
    def log1p(self) -> Tensor: return elementwise.log1p(self)
    def tanh(self) -> Tensor: return elementwise.tanh(self)
    def sigmoid(self) -> Tensor: return elementwise.sigmoid(self)
    def relu(self) -> Tensor: return elementwise.relu(self)
    def abs(self) -> Tensor: return elementwise.abs(self)
    def absolute(self) -> Tensor: return elementwise.abs(self)
    def sign(self) -> Tensor: return elementwise.sign(self)
    def sin(self) -> Tensor: return trigonometry.sin(self)
    def cos(self) -> Tensor: return trigonometry.cos(self)
    def tan(self) -> Tensor: return trigonometry.tan(self)
    def asin(self) -> Tensor: return trigonometry.asin(self)
    def arcsin(self) -> Tensor: return trigonometry.asin(self)
    def acos(self) -> Tensor: return trigonometry.acos(self)
    def arccos(self) -> Tensor: return trigonometry.acos(self)
    def atan(self) -> Tensor: return trigonometry.atan(self)
    def arctan(self) -> Tensor: return trigonometry.atan(self)
    def sinh(self) -> Tensor: return trigonometry.sinh(self)
    def cosh(self) -> Tensor: return trigonometry.cosh(self)
    def asinh(self) -> Tensor: return trigonometry.asinh(self)
    def arcsinh(self) -> Tensor: return trigonometry.asinh(self)
    def acosh(self) -> Tensor: return trigonometry.acosh(self)
    def arccosh(self) -> Tensor: return trigonometry.acosh(self)
    def atanh(self) -> Tensor: return trigonometry.atanh(self)
    def arctanh(self) -> Tensor: return trigonometry.atanh(self)
    def atan2(self, other: Any) -> Tensor: return trigonometry.atan2(self, other)
    def arctan2(self, other: Any) -> Tensor: return trigonometry.atan2(self, other)
    def erf(self) -> Tensor: return special.erf(self)
    def erfc(self) -> Tensor: return special.erfc(self)
    def erfinv(self) -> Tensor: return special.erfinv(self)
    def deg2rad(self) -> Tensor: return special.deg2rad(self)
    def rad2deg(self) -> Tensor: return special.rad2deg(self)
    def sinc(self) -> Tensor: return special.sinc(self)
    def logaddexp(self, other: Any) -> Tensor: return special.logaddexp(self, other)
    def logaddexp2(self, other: Any) -> Tensor: return special.logaddexp2(self, other)
    def xlogy(self, other: Any) -> Tensor: return special.xlogy(self, other)
    def hypot(self, other: Any) -> Tensor: return special.hypot(self, other)
    def logit(self, eps: _float | None = None) -> Tensor: return special.logit(self, eps)
    def lerp(self, end: Any, weight: Any) -> Tensor: return special.lerp(self, end, weight)
    def addcmul(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor: return special.addcmul(self, tensor1, tensor2, value=value)
    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor: return special.addcdiv(self, tensor1, tensor2, value=value)
    def float_power(self, exponent: Any) -> Tensor: return special.float_power(self, exponent)
    def clamp(self, min: Any = None, max: Any = None) -> Tensor: return limits.clamp(self, min, max)
    def clip(self, min: Any = None, max: Any = None) -> Tensor: return limits.clamp(self, min, max)
    def clamp_min(self, min: Any) -> Tensor: return limits.clamp_min(self, min)
    def clamp_max(self, max: Any) -> Tensor: return limits.clamp_max(self, max)
    def fmax(self, other: Any) -> Tensor: return limits.fmax(self, other)
    def fmin(self, other: Any) -> Tensor: return limits.fmin(self, other)
    def copysign(self, other: Any) -> Tensor: return limits.copysign(self, other)
    def heaviside(self, values: Any) -> Tensor: return limits.heaviside(self, values)
    def nan_to_num(self, nan: _float = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor: return limits.nan_to_num(self, nan, posinf, neginf)
    def floor(self) -> Tensor: return rounding.floor(self)
    def ceil(self) -> Tensor: return rounding.ceil(self)
    def trunc(self) -> Tensor: return rounding.trunc(self)
    def fix(self) -> Tensor: return rounding.trunc(self)
    def frac(self) -> Tensor: return rounding.frac(self)
    def positive(self) -> Tensor: return limits.positive(self)
    def round(self, *, decimals: _int = 0) -> Tensor: return rounding.round(self, decimals=decimals)
    def where(self, condition: Any, other: Any) -> Tensor: return elementwise.where(condition, self, other)
    # comparisons
    def eq(self, other: Any) -> Tensor: return comparison.eq(self, other)
    def ne(self, other: Any) -> Tensor: return comparison.ne(self, other)
    def not_equal(self, other: Any) -> Tensor: return comparison.ne(self, other)
    def lt(self, other: Any) -> Tensor: return comparison.lt(self, other)
    def less(self, other: Any) -> Tensor: return comparison.lt(self, other)
    def le(self, other: Any) -> Tensor: return comparison.le(self, other)
    def less_equal(self, other: Any) -> Tensor: return comparison.le(self, other)
    def gt(self, other: Any) -> Tensor: return comparison.gt(self, other)
    def greater(self, other: Any) -> Tensor: return comparison.gt(self, other)
    def ge(self, other: Any) -> Tensor: return comparison.ge(self, other)
    def greater_equal(self, other: Any) -> Tensor: return comparison.ge(self, other)
    def logical_and(self, other: Any) -> Tensor: return comparison.logical_and(self, other)
    def logical_or(self, other: Any) -> Tensor: return comparison.logical_or(self, other)
    def logical_xor(self, other: Any) -> Tensor: return comparison.logical_xor(self, other)
    def bitwise_and(self, other: Any) -> Tensor: return comparison.bitwise_and(self, other)
    def bitwise_or(self, other: Any) -> Tensor: return comparison.bitwise_or(self, other)
    def bitwise_xor(self, other: Any) -> Tensor: return comparison.bitwise_xor(self, other)
    def bitwise_left_shift(self, other: Any) -> Tensor: return comparison.bitwise_left_shift(self, other)
    def bitwise_right_shift(self, other: Any) -> Tensor: return comparison.bitwise_right_shift(self, other)
    def logical_not(self) -> Tensor: return comparison.logical_not(self)
    def bitwise_not(self) -> Tensor: return comparison.bitwise_not(self)
    def isnan(self) -> Tensor: return comparison.isnan(self)
    def isinf(self) -> Tensor: return comparison.isinf(self)
    def isfinite(self) -> Tensor: return comparison.isfinite(self)
    def isposinf(self) -> Tensor: return comparison.isposinf(self)
    def isneginf(self) -> Tensor: return comparison.isneginf(self)
    def signbit(self) -> Tensor: return comparison.signbit(self)
    def equal(self, other: Any) -> _bool: return comparison.equal(self, other)
    def isclose(self, other: Any, rtol: _float = 1e-5, atol: _float = 1e-8, equal_nan: _bool = False) -> Tensor: return comparison.isclose(self, other, rtol, atol, equal_nan)
    def allclose(self, other: Any, rtol: _float = 1e-5, atol: _float = 1e-8, equal_nan: _bool = False) -> _bool: return comparison.allclose(self, other, rtol, atol, equal_nan)
    # reductions, scans, order
    def sum(self, dim: Dims = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor: return reduce.sum(self, dim, keepdim, dtype=dtype)
    def mean(self, dim: Dims = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor: return reduce.mean(self, dim, keepdim, dtype=dtype)
    def nansum(self, dim: Dims = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor: return reduce.nansum(self, dim, keepdim, dtype=dtype)
    def nanmean(self, dim: Dims = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor: return reduce.nanmean(self, dim, keepdim, dtype=dtype)
    def prod(self, dim: _int | None = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor: return reduce.prod(self, dim, keepdim, dtype=dtype)
    def all(self, dim: Dims = None, keepdim: _bool = False) -> Tensor: return reduce.all(self, dim, keepdim)
    def any(self, dim: Dims = None, keepdim: _bool = False) -> Tensor: return reduce.any(self, dim, keepdim)
    def count_nonzero(self, dim: Dims = None) -> Tensor: return reduce.count_nonzero(self, dim)
    def var(self, *args: Any, **kwargs: Any) -> Tensor: return moments.var(self, *args, **kwargs)
    def std(self, *args: Any, **kwargs: Any) -> Tensor: return moments.std(self, *args, **kwargs)
    def norm(self, *args: Any, **kwargs: Any) -> Tensor: return moments.norm(self, *args, **kwargs)
    def max(self, *args: Any, **kwargs: Any) -> Any: return extremes.max(self, *args, **kwargs)
    def min(self, *args: Any, **kwargs: Any) -> Any: return extremes.min(self, *args, **kwargs)
    def amax(self, dim: Dims = (), keepdim: _bool = False) -> Tensor: return extremes.amax(self, dim, keepdim)
    def amin(self, dim: Dims = (), keepdim: _bool = False) -> Tensor: return extremes.amin(self, dim, keepdim)
    def aminmax(self, *, dim: _int | None = None, keepdim: _bool = False) -> Any: return extremes.aminmax(self, dim=dim, keepdim=keepdim)
    def argmax(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor: return extremes.argmax(self, dim, keepdim)
    def argmin(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor: return extremes.argmin(self, dim, keepdim)
    def median(self, *args: Any, **kwargs: Any) -> Any: return extremes.median(self, *args, **kwargs)
    def nanmedian(self, *args: Any, **kwargs: Any) -> Any: return extremes.nanmedian(self, *args, **kwargs)
    def logsumexp(self, dim: Dims, keepdim: _bool = False) -> Tensor: return softmaxes.logsumexp(self, dim, keepdim)
    def softmax(self, dim: _int, dtype: Any = None) -> Tensor: return softmaxes.softmax(self, dim, dtype)
    def log_softmax(self, dim: _int, dtype: Any = None) -> Tensor: return softmaxes.log_softmax(self, dim, dtype)
    def cumsum(self, dim: _int, *, dtype: Any = None) -> Tensor: return scan.cumsum(self, dim, dtype=dtype)
    def cumprod(self, dim: _int, *, dtype: Any = None) -> Tensor: return scan.cumprod(self, dim, dtype=dtype)
    def logcumsumexp(self, dim: _int) -> Tensor: return scan.logcumsumexp(self, dim)
    def cummax(self, dim: _int) -> Any: return scan.cummax(self, dim)
    def cummin(self, dim: _int) -> Any: return scan.cummin(self, dim)
    def diff(self, *args: Any, **kwargs: Any) -> Tensor: return scan.diff(self, *args, **kwargs)
    def sort(self, *args: Any, **kwargs: Any) -> Any: return ordering.sort(self, *args, **kwargs)
    def argsort(self, *args: Any, **kwargs: Any) -> Any: return ordering.argsort(self, *args, **kwargs)
    def topk(self, *args: Any, **kwargs: Any) -> Any: return ordering.topk(self, *args, **kwargs)
    def kthvalue(self, *args: Any, **kwargs: Any) -> Any: return ordering.kthvalue(self, *args, **kwargs)
    def unique(self, *args: Any, **kwargs: Any) -> Any: return ordering.unique(self, *args, **kwargs)
    def bincount(self, *args: Any, **kwargs: Any) -> Any: return ordering.bincount(self, *args, **kwargs)
    def histc(self, *args: Any, **kwargs: Any) -> Any: return ordering.histc(self, *args, **kwargs)
    # linear algebra
    def matmul(self, other: Any) -> Tensor: return linalg.matmul(self, other)
    def mm(self, mat2: Any) -> Tensor: return linalg.mm(self, mat2)
    def bmm(self, mat2: Any) -> Tensor: return linalg.bmm(self, mat2)
    def mv(self, vec: Any) -> Tensor: return linalg.mv(self, vec)
    def dot(self, other: Any) -> Tensor: return linalg.dot(self, other)
    def vdot(self, other: Any) -> Tensor: return linalg.dot(self, other)
    def outer(self, vec2: Any) -> Tensor: return linalg.outer(self, vec2)
    def ger(self, vec2: Any) -> Tensor: return linalg.outer(self, vec2)
    def addmm(self, *args: Any, **kwargs: Any) -> Tensor: return linalg.addmm(self, *args, **kwargs)
    def addmv(self, *args: Any, **kwargs: Any) -> Tensor: return linalg.addmv(self, *args, **kwargs)
    def addbmm(self, *args: Any, **kwargs: Any) -> Tensor: return linalg.addbmm(self, *args, **kwargs)
    def baddbmm(self, *args: Any, **kwargs: Any) -> Tensor: return linalg.baddbmm(self, *args, **kwargs)
    def cross(self, *args: Any, **kwargs: Any) -> Tensor: return linalg.cross(self, *args, **kwargs)
    def inner(self, other: Any) -> Tensor: return contraction.inner(self, other)
    def kron(self, other: Any) -> Tensor: return contraction.kron(self, other)
    def trace(self) -> Tensor: return contraction.trace(self)
    # shapes
    def reshape(self, *shape: Any) -> Tensor: return shaping.reshape(self, _sizes(shape))
    def view(self, *shape: Any) -> Tensor: return self.seen_as(shape[0]) if shape and isinstance(shape[0], np.dtype) else shaping.reshape(self, _sizes(shape))
    def reshape_as(self, other: Any) -> Tensor: return shaping.reshape_as(self, other)
    def view_as(self, other: Any) -> Tensor: return shaping.reshape_as(self, other)
    def expand_as(self, other: Any) -> Tensor: return shaping.expand_as(self, other)
    def flatten(self, start_dim: _int = 0, end_dim: _int = -1) -> Tensor: return shaping.flatten(self, start_dim, end_dim)
    def unflatten(self, dim: _int, sizes: Sequence[_int]) -> Tensor: return shaping.unflatten(self, dim, sizes)
    def ravel(self) -> Tensor: return shaping.ravel(self)
    def squeeze(self, dim: Dims = None) -> Tensor: return shaping.squeeze(self, dim)
    def unsqueeze(self, dim: _int) -> Tensor: return shaping.unsqueeze(self, dim)
    def transpose(self, dim0: _int, dim1: _int) -> Tensor: return shaping.transpose(self, dim0, dim1)
    def swapaxes(self, axis0: _int, axis1: _int) -> Tensor: return shaping.swapaxes(self, axis0, axis1)
    def swapdims(self, dim0: _int, dim1: _int) -> Tensor: return shaping.transpose(self, dim0, dim1)
    def permute(self, *order: Any, dims: Any = ()) -> Tensor: return shaping.permute(self, _sizes(order) or dims)
    def movedim(self, source: Any, destination: Any) -> Tensor: return shaping.movedim(self, source, destination)
    def moveaxis(self, source: Any, destination: Any) -> Tensor: return shaping.movedim(self, source, destination)
    def t(self) -> Tensor: return shaping.t(self)
    def unfold(self, dimension: _int, size: _int, step: _int) -> Tensor: return sliding.unfold(self, dimension, size, step)
    def sum_to_size(self, *size: Any) -> Tensor: return grids.sum_to_size(self, *size)
    def expand(self, *sizes: Any) -> Tensor: return shaping.expand(self, *sizes)
    def broadcast_to(self, shape: Any) -> Tensor: return shaping.broadcast_to(self, shape)
    def clone(self, *, memory_format: Any = None) -> Tensor: return shaping.clone(self)
    def contiguous(self, memory_format: Any = None) -> Tensor: return shaping.contiguous(self)
    def split(self, split_size: Any, dim: _int = 0) -> tuple[Tensor, ...]: return joining.split(self, split_size, dim)
    def chunk(self, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]: return joining.chunk(self, chunks, dim)
    def tensor_split(self, indices_or_sections: Any, dim: _int = 0) -> tuple[Tensor, ...]: return joining.tensor_split(self, indices_or_sections, dim)
    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]: return joining.hsplit(self, indices_or_sections)
    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]: return joining.vsplit(self, indices_or_sections)
    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]: return joining.dsplit(self, indices_or_sections)
    def unbind(self, dim: _int = 0) -> tuple[Tensor, ...]: return joining.unbind(self, dim)
    def flip(self, *over: Any, dims: Any = ()) -> Tensor: return arrange.flip(self, _sizes(over) or dims)
    def fliplr(self) -> Tensor: return arrange.fliplr(self)
    def flipud(self) -> Tensor: return arrange.flipud(self)
    def roll(self, shifts: Any, dims: Any = None) -> Tensor: return arrange.roll(self, shifts, dims)
    def rot90(self, k: _int = 1, dims: Any = (0, 1)) -> Tensor: return arrange.rot90(self, k, dims)
    def repeat(self, *repeats: Any) -> Tensor: return arrange.repeat(self, _sizes(repeats))
    def tile(self, *dims: Any) -> Tensor: return arrange.tile(self, _sizes(dims))
    def repeat_interleave(self, repeats: Any, dim: _int | None = None, *, output_size: _int | None = None) -> Tensor: return arrange.repeat_interleave(self, repeats, dim, output_size=output_size)
    def tril(self, diagonal: _int = 0) -> Tensor: return arrange.tril(self, diagonal)
    def triu(self, diagonal: _int = 0) -> Tensor: return arrange.triu(self, diagonal)
    def diagonal(self, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor: return arrange.diagonal(self, offset, dim1, dim2)
    def diag(self, diagonal: _int = 0) -> Tensor: return arrange.diag(self, diagonal)
    def diag_embed(self, offset: _int = 0, dim1: _int = -2, dim2: _int = -1) -> Tensor: return arrange.diag_embed(self, offset, dim1, dim2)
    # indexing
    def narrow(self, dim: _int, start: _int, length: _int) -> Tensor: return indexing.narrow(self, dim, start, length)
    def select(self, dim: _int, index: _int) -> Tensor: return indexing.select(self, dim, index)
    def gather(self, dim: _int, index: Any) -> Tensor: return indexing.gather(self, dim, index)
    def scatter(self, dim: _int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor: return scattering.scatter(self, dim, index, src, value=value, reduce=reduce)
    def scatter_reduce(self, dim: _int, index: Any, src: Any, reduce: str, *, include_self: _bool = True) -> Tensor: return scattering.scatter_reduce(self, dim, index, src, reduce, include_self=include_self)
    def index_reduce(self, dim: _int, index: Any, source: Any, reduce: str, *, include_self: _bool = True) -> Tensor: return scattering.index_reduce(self, dim, index, source, reduce, include_self=include_self)
    def index_put(self, indices: Any, values: Any, accumulate: _bool = False) -> Tensor: return scattering.index_put(self, indices, values, accumulate)
    def put(self, index: Any, source: Any, accumulate: _bool = False) -> Tensor: return scattering.put(self, index, source, accumulate)
    def scatter_add(self, dim: _int, index: Any, src: Any) -> Tensor: return indexing.scatter_add(self, dim, index, src)
    def take_along_dim(self, indices: Any, dim: _int | None = None) -> Tensor: return indexing.take_along_dim(self, indices, dim)
    def index_select(self, dim: _int, index: Any) -> Tensor: return lookup.index_select(self, dim, index)
    def index_add(self, dim: _int, index: Any, source: Any, *, alpha: Any = 1) -> Tensor: return lookup.index_add(self, dim, index, source, alpha=alpha)
    def index_copy(self, dim: _int, index: Any, source: Any) -> Tensor: return lookup.index_copy(self, dim, index, source)
    def index_fill(self, dim: _int, index: Any, value: Any) -> Tensor: return lookup.index_fill(self, dim, index, value)
    def take(self, index: Any) -> Tensor: return lookup.take(self, index)
    def masked_fill(self, mask: Any, value: Any) -> Tensor: return lookup.masked_fill(self, mask, value)
    def masked_select(self, mask: Any) -> Tensor: return lookup.masked_select(self, mask)
    def masked_scatter(self, mask: Any, source: Any) -> Tensor: return lookup.masked_scatter(self, mask, source)
    def nonzero(self, *, as_tuple: _bool = False) -> Any: return lookup.nonzero(self, as_tuple=as_tuple)
    def argwhere(self) -> Tensor: return lookup.argwhere(self)
    # fmt: on


def _sizes(given: tuple[Any, ...]) -> Any:
    """The sizes of x.f(2, 3) and of x.f((2, 3)) alike."""
    return given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


# Each is explained as the function that its line calls; NumPy's names of a dimension are taken as well.
_package = shaping.__package__
for _name, _method in list(vars(Methods).items()):
    if callable(_method):
        _names = _method.__code__.co_names
        _k = next(k for k, name in enumerate(_names) if getattr(globals().get(name), "__package__", "") == _package)
        _called = getattr(globals()[_names[_k]], _names[_k + 1])
        _method.__doc__, _method.__qualname__ = _called.__doc__, f"Tensor.{_name}"
        if has_dimension(_called):
            setattr(Methods, _name, accepting(_method, passing_to(_called, _method)))
