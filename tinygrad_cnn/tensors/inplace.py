"""The methods that end in an underscore: each does in place what its twin without one gives anew.

One line a method; what a write does to the other names of the memory stands in `writing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import rng
from ..autograd.graph import Variable, array_of, wrap
from ..ops import comparison, elementwise, rounding
from ..ops.guards import check_total
from ..ops.numbers import array_for, written
from ..ops.shape import clone, expand
from ..ops.watched import aside, reading
from .methods import Methods
from .writing import in_place, turn, twin

if TYPE_CHECKING:
    from typing_extensions import Self


class InPlace(Methods):
    """Methods that write into the tensor and return it."""

    __slots__ = ()

    # arithmetic and elementwise functions
    add_, sub_, subtract_ = twin(Methods.add), twin(Methods.sub), twin(Methods.subtract)
    mul_, multiply_ = twin(Methods.mul), twin(Methods.multiply)
    div_, divide_, true_divide_ = twin(Methods.div), twin(Methods.divide), twin(Methods.true_divide)
    floor_divide_, remainder_, fmod_ = twin(Methods.floor_divide), twin(Methods.remainder), twin(Methods.fmod)
    pow_, float_power_, square_ = twin(Methods.pow), twin(Methods.float_power), twin(Methods.square)
    sqrt_, rsqrt_, reciprocal_ = twin(Methods.sqrt), twin(Methods.rsqrt), twin(Methods.reciprocal)
    neg_, negative_, abs_, absolute_ = (
        twin(Methods.neg),
        twin(Methods.negative),
        twin(Methods.abs),
        twin(Methods.absolute),
    )
    sign_, copysign_, heaviside_ = twin(Methods.sign), twin(Methods.copysign), twin(Methods.heaviside)
    exp_, exp2_, expm1_ = twin(Methods.exp), twin(Methods.exp2), twin(Methods.expm1)
    log_, log2_, log10_, log1p_ = twin(Methods.log), twin(Methods.log2), twin(Methods.log10), twin(Methods.log1p)
    sigmoid_, tanh_, relu_, logit_ = twin(Methods.sigmoid), twin(Methods.tanh), twin(Methods.relu), twin(Methods.logit)
    sin_, cos_, tan_, sinc_ = twin(Methods.sin), twin(Methods.cos), twin(Methods.tan), twin(Methods.sinc)
    asin_, acos_, atan_ = twin(Methods.asin), twin(Methods.acos), twin(Methods.atan)
    arcsin_, arccos_, arctan_ = twin(Methods.arcsin), twin(Methods.arccos), twin(Methods.arctan)
    atan2_, arctan2_, hypot_ = twin(Methods.atan2), twin(Methods.arctan2), twin(Methods.hypot)
    sinh_, cosh_ = twin(Methods.sinh), twin(Methods.cosh)
    asinh_, acosh_, atanh_ = twin(Methods.asinh), twin(Methods.acosh), twin(Methods.atanh)
    arcsinh_, arccosh_, arctanh_ = twin(Methods.arcsinh), twin(Methods.arccosh), twin(Methods.arctanh)
    erf_, erfc_, erfinv_, xlogy_ = twin(Methods.erf), twin(Methods.erfc), twin(Methods.erfinv), twin(Methods.xlogy)
    deg2rad_, rad2deg_ = twin(Methods.deg2rad), twin(Methods.rad2deg)
    clamp_, clip_ = twin(Methods.clamp), twin(Methods.clip)
    clamp_min_, clamp_max_ = twin(Methods.clamp_min), twin(Methods.clamp_max)
    floor_, ceil_, trunc_, fix_ = twin(Methods.floor), twin(Methods.ceil), twin(Methods.trunc), twin(Methods.fix)
    frac_, round_, nan_to_num_ = twin(Methods.frac), twin(Methods.round), twin(Methods.nan_to_num)
    lerp_, addcmul_, addcdiv_ = twin(Methods.lerp), twin(Methods.addcmul), twin(Methods.addcdiv)
    lgamma_, digamma_, polygamma_ = twin(Methods.lgamma), twin(Methods.digamma), twin(Methods.polygamma)
    mvlgamma_, i0_ = twin(Methods.mvlgamma), twin(Methods.i0)
    sgn_, conj_physical_ = twin(Methods.sgn), twin(Methods.conj_physical)
    gcd_, lcm_, ldexp_ = twin(Methods.gcd), twin(Methods.lcm), twin(Methods.ldexp)
    nextafter_, renorm_ = twin(Methods.nextafter), twin(Methods.renorm)
    # comparisons: 1 and 0 in the dtype of the tensor
    eq_, ne_, not_equal_ = twin(Methods.eq), twin(Methods.ne), twin(Methods.not_equal)
    lt_, less_, le_, less_equal_ = twin(Methods.lt), twin(Methods.less), twin(Methods.le), twin(Methods.less_equal)
    gt_, greater_, ge_ = twin(Methods.gt), twin(Methods.greater), twin(Methods.ge)
    greater_equal_ = twin(Methods.greater_equal)
    logical_and_, logical_or_ = twin(Methods.logical_and), twin(Methods.logical_or)
    logical_xor_, logical_not_ = twin(Methods.logical_xor), twin(Methods.logical_not)
    bitwise_and_, bitwise_or_ = twin(Methods.bitwise_and), twin(Methods.bitwise_or)
    bitwise_left_shift_, bitwise_right_shift_ = twin(Methods.bitwise_left_shift), twin(Methods.bitwise_right_shift)
    bitwise_xor_, bitwise_not_ = twin(Methods.bitwise_xor), twin(Methods.bitwise_not)
    # sums along a dimension, products of matrices, triangles
    cumsum_, cumprod_, tril_, triu_ = (
        twin(Methods.cumsum),
        twin(Methods.cumprod),
        twin(Methods.tril),
        twin(Methods.triu),
    )
    addmm_, addmv_, addbmm_ = twin(Methods.addmm), twin(Methods.addmv), twin(Methods.addbmm)
    baddbmm_, addr_ = twin(Methods.baddbmm), twin(Methods.addr)
    # writing where an index or a mask points
    scatter_, scatter_add_ = twin(Methods.scatter), twin(Methods.scatter_add)
    index_add_, index_copy_, index_fill_ = twin(Methods.index_add), twin(Methods.index_copy), twin(Methods.index_fill)
    scatter_reduce_, index_reduce_ = twin(Methods.scatter_reduce), twin(Methods.index_reduce)
    index_put_, put_ = twin(Methods.index_put), twin(Methods.put)
    masked_fill_, masked_scatter_ = twin(Methods.masked_fill), twin(Methods.masked_scatter)
    # the same memory in another shape
    squeeze_, unsqueeze_ = twin(Methods.squeeze, turn), twin(Methods.unsqueeze, turn)
    t_, transpose_ = twin(Methods.t, turn), twin(Methods.transpose, turn)
    swapaxes_, swapdims_ = twin(Methods.swapaxes, turn), twin(Methods.swapdims, turn)

    # operators
    # fmt: off
    def __iadd__(self, other: Any) -> Self:
        if not self._array.ndim:
            check_total(self, other)
        return in_place(self, elementwise.add, other)
    def __isub__(self, other: Any) -> Self: return in_place(self, elementwise.sub, other)
    def __imul__(self, other: Any) -> Self: return in_place(self, elementwise.mul, other)
    def __itruediv__(self, other: Any) -> Self: return in_place(self, elementwise.true_divide, other)
    def __ifloordiv__(self, other: Any) -> Self: return in_place(self, rounding.floor_divide, other)
    def __imod__(self, other: Any) -> Self: return in_place(self, rounding.remainder, other)
    def __ipow__(self, other: Any) -> Self: return in_place(self, elementwise.pow, other)
    def __ilshift__(self, other: Any) -> Self: return in_place(self, comparison.bitwise_left_shift, other)
    def __irshift__(self, other: Any) -> Self: return in_place(self, comparison.bitwise_right_shift, other)
    def __iand__(self, other: Any) -> Self: return in_place(self, comparison.bitwise_and, other)
    def __ior__(self, other: Any) -> Self: return in_place(self, comparison.bitwise_or, other)
    def __ixor__(self, other: Any) -> Self: return in_place(self, comparison.bitwise_xor, other)
    # fmt: on

    # values that do not come from the old ones
    def copy_(self, src: Any, non_blocking: bool = False) -> Self:  # noqa: ARG002  (there is one device)
        """Take the values of a tensor, array or number, broadcast to this shape and cast to this dtype.

        A number must be one that the dtype holds (`ops.numbers`).
        """
        return in_place(self, _copied, src)

    def fill_(self, value: Any) -> Self:
        """Take one number everywhere, which the dtype must hold (`ops.numbers`)."""
        if shape := np.shape(array_of(value)):
            raise RuntimeError(f"fill_ takes a number or a 0-d tensor, got shape {shape}; use copy_")
        return in_place(self, _copied, value, name="fill_")

    def zero_(self) -> Self:
        """Become 0 everywhere."""
        return in_place(self, _copied, 0)

    def fill_diagonal_(self, fill_value: Any) -> Self:
        """Take one number on the main diagonal: where all indices are equal."""
        shape = self._array.shape
        if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
            raise RuntimeError(f"fill_diagonal_ needs a matrix, or more dimensions of one size, got shape {shape}")
        diagonal = np.zeros(shape, np.bool_)
        np.fill_diagonal(diagonal, True)
        return in_place(self, Methods.masked_fill, diagonal, fill_value)

    # values that a Python function makes, one after the other
    def apply_(self, callable: Callable[[Any], Any]) -> Self:
        """Take what a function makes of each element. Slow, and without a gradient."""
        return self._made(lambda: [callable(v) for v in self._array.ravel().tolist()], "apply_", self)

    def map_(self, tensor: Any, callable: Callable[[Any, Any], Any]) -> Self:
        """Take what a function makes of each element and that of another tensor, broadcast to this one's shape."""
        if not isinstance(tensor, Variable) or tensor._array.dtype != self._array.dtype:
            got = tensor._array.dtype if isinstance(tensor, Variable) else type(tensor).__name__
            raise TypeError(f"map_() takes a Tensor of dtype {self._array.dtype}, got {got}")
        other = np.broadcast_to(reading(tensor, "map_()")._array, self._array.shape)
        pairs = zip(self._array.ravel().tolist(), other.ravel().tolist(), strict=True)
        return self._made(lambda: [callable(a, b) for a, b in pairs], "map_", self, tensor)

    def _made(self, make: Any, name: str, *read: Any) -> Self:
        if any(x._wants_grad or x._node is not None for x in read):
            raise RuntimeError(f"{name}() of a tensor that requires grad would lose it; use x.detach().{name}(...)")
        reading(self, f"{name}()")
        a = array_for(make(), self._array.dtype, name).reshape(self._array.shape)
        return in_place(self, lambda _x: wrap(a, None))

    # random numbers; ``generator`` as in `tinygrad_cnn.rand`
    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Self:
        """Numbers spread evenly over [from_, to)."""
        if not from_ <= to:
            raise RuntimeError(f"uniform_: the lower end must not be above the upper, got {from_} and {to}")
        return self._drawn("uniform_", _uniform, low=from_, high=to, generator=generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Self:
        """Numbers from the normal distribution with this mean and standard deviation."""
        if not std >= 0:
            raise RuntimeError(f"normal_: std must be >= 0, got {std}")
        return self._drawn("normal_", _normal, mean=mean, std=std, generator=generator)

    def log_normal_(self, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Self:
        """Numbers whose logarithm has the normal distribution with this mean and standard deviation."""
        if not std > 0:
            raise RuntimeError(f"log_normal_: std must be above 0, got {std}")
        return self._drawn("log_normal_", _log_normal, mean=mean, std=std, generator=generator)

    def exponential_(self, lambd: float = 1.0, *, generator: Any = None) -> Self:
        """Numbers from the exponential distribution with density lambd * exp(-lambd * x)."""
        if not lambd > 0:
            raise RuntimeError(f"exponential_: lambd must be above 0, got {lambd}")
        return self._drawn("exponential_", _exponential, lambd=lambd, generator=generator)

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Self:
        """1 with probability p (a number, or a tensor of them), and 0 otherwise."""
        aside(_check_chances, p)
        return self._drawn("bernoulli_", _tossed, p, kinds="fiub", generator=generator)

    def random_(self, from_: int = 0, to: int | None = None, *, generator: Any = None) -> Self:
        """Integers from ``from_`` up to but without ``to``; ``random_(to)`` starts from 0.

        Without either, up to the largest of the dtype; of a floating one, as far as it holds all integers.
        """
        low, high = (0, from_) if to is None and from_ else (from_, to)
        if high is None:
            kind = self._array.dtype
            most = (
                1 if kind.kind == "b" else np.iinfo(kind).max if kind.kind != "f" else 2 ** (np.finfo(kind).nmant + 1)
            )
            high = most + 1
        if not low < high:
            raise RuntimeError(f"random_: the lower end must be below the upper, got {low} and {high}")
        return self._drawn("random_", _whole, kinds="fiub", low=low, high=high, generator=generator)

    def _drawn(self, name: str, draw: Any, *given: Any, kinds: str = "f", **settings: Any) -> Self:
        if self._array.dtype.kind not in kinds:
            raise RuntimeError(f"{name} needs a tensor of a floating dtype, got {self._array.dtype}")
        return in_place(self, lambda x: wrap(aside(draw, x, *given, **settings), None))


def _uniform(x: Any, *, low: float, high: float, generator: Any) -> Any:
    return np.asarray(low + (high - low) * rng.uniform(x.shape, x.dtype, generator)).astype(x.dtype)


def _normal(x: Any, *, mean: float, std: float, generator: Any) -> Any:
    return np.asarray(mean + std * rng.normal(x.shape, x.dtype, generator)).astype(x.dtype)


def _log_normal(x: Any, *, mean: float, std: float, generator: Any) -> Any:
    return np.asarray(np.exp(mean + std * rng.normal(x.shape, x.dtype, generator))).astype(x.dtype)


def _exponential(x: Any, *, lambd: float, generator: Any) -> Any:
    return np.asarray(-np.log1p(-rng.uniform(x.shape, x.dtype, generator)) / lambd).astype(x.dtype)


def _check_chances(p: Any) -> None:
    q = np.asarray(p)
    if not ((q >= 0) & (q <= 1)).all():
        raise RuntimeError(f"bernoulli_: probabilities lie in [0, 1], got {q.min()} to {q.max()}")


def _tossed(x: Any, p: Any, *, generator: Any) -> Any:
    return np.asarray(rng.uniform(x.shape, np.dtype(np.float64), generator) < np.asarray(p)).astype(x.dtype)


def _whole(x: Any, *, low: int, high: int, generator: Any) -> Any:
    return np.asarray(rng.resolve(generator).integers(low, high, x.shape)).astype(x.dtype)


def _copied(x: Any, src: Any, name: str = "copy_") -> Any:
    """New memory with the values of ``src``, in the shape and dtype of x."""
    if not isinstance(src, Variable):
        return wrap(np.broadcast_to(written(src, x.dtype, name), x.shape).astype(x.dtype), None)
    return clone(expand(src, x.shape).to(x.dtype))
