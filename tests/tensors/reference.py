"""What a program of views and in-place writes computes: plain NumPy, with derivatives carried forward.

A `Jet` is a value with its derivatives by every element of every leaf, of first and, where asked for, second order.
A view of a jet is NumPy's view of the value and of the derivatives alike, so that a write through one name is seen by
all names without any bookkeeping: what an engine that goes backward has to work for comes here by itself.
`detach()` and `data` share the value and have derivatives of their own, zero; a write while nothing is recorded
changes the value and leaves the derivatives as they are.

`Library` stands where a program says ``L``. It has the few functions that `tests.tensors.programs` draws from, refuses
what PyTorch must refuse at once (a write into a leaf that requires grad), and notes what explains a refusal later.
"""

from __future__ import annotations

import contextlib
import itertools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

MARGIN = 1e-6  # a kink (relu, clamp, the largest of several) is looked at from at least this far, or from exactly on it


class Unfit(Exception):
    """A statement whose outcome hangs on rounding, or that nobody defines: a program is made without it."""


class Expanded(RuntimeError):
    """A write into memory of which one number stands for several elements."""


class Block:
    """A piece of memory, under all of its names."""

    def __init__(self, settled: bool) -> None:
        self.settled = settled  # its order is known: every library lays it out row by row
        self.saved = False  # a recorded operation needs its numbers for the gradient
        self.untracked = False  # seen through `.data`, where PyTorch does not notice writes
        self.unrecorded: weakref.WeakSet[Jet] = weakref.WeakSet()  # views made while nothing was recorded


class History:
    """What the graph knows of a piece of memory. All views share it, detached names have another."""

    def __init__(self, requires: bool = False, leaf: bool = False, vague: bool = False) -> None:
        self.requires, self.leaf = requires, leaf
        self.vague = vague  # whether it requires grad depends on the library (second derivatives, unrecorded views)


class Jet:
    """A value, and its derivatives along N directions: arrays of shapes s, (N, *s) and (N, N, *s)."""

    __array_ufunc__ = None
    grad: Any = None

    def __init__(self, library: Library, parts: list[Any], block: Block, history: History) -> None:
        self.library, self.parts, self.block, self.history = library, parts, block, history
        self.declared = self.read_only = False

    # ------------------------------------------------------------------------------------------------ what it is
    @property
    def value(self) -> Any:
        return self.parts[0]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.parts[0].shape

    @property
    def ndim(self) -> int:
        return self.parts[0].ndim

    @property
    def requires_grad(self) -> bool:
        return self.history.requires

    @property
    def is_leaf(self) -> bool:
        return not self.history.requires or self.declared

    def numpy(self) -> Any:
        return self.value

    def tolist(self) -> Any:
        return self.value.tolist()

    def item(self) -> Any:
        return self.value.item()

    def __float__(self) -> float:
        return float(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Jet]:
        return iter([self[i] for i in range(len(self.value))])

    def __gt__(self, other: Any) -> Any:
        other = other.value if isinstance(other, Jet) else other
        self.library.far(self.value - other)
        return self.value > other

    # ------------------------------------------------------------------------------------------------ views
    def view_by(self, f: Callable[[Any, int], Any]) -> Jet:
        """The view that f takes of an array behind so many leading axes."""
        library = self.library
        parts = [f(part, lead) for lead, part in enumerate(self.parts)]
        history = self.history
        if not library.recording:
            history = History(vague=True)
            parts[1:] = [np.zeros(part.shape) for part in parts[1:]]
        result = library.jet(library, parts, self.block, history)
        result.read_only = self.read_only
        if not library.recording:
            self.block.unrecorded.add(result)
        return result

    def detach(self) -> Jet:
        parts = [self.value, *(np.zeros(part.shape) for part in self.parts[1:])]
        result = self.library.jet(self.library, parts, self.block, History())
        result.read_only = self.read_only
        return result

    @property
    def data(self) -> Jet:
        self.block.untracked = True
        return self.detach()

    @data.setter
    def data(self, new: Jet) -> None:
        assert new.block is self.block, "another memory for a tensor is no part of the programs"

    def __getitem__(self, index: Any) -> Jet:
        index = index if isinstance(index, tuple) else (index,)
        if basic(index):
            return self.view_by(
                lambda a, lead: a[(slice(None),) * lead + (index if Ellipsis in index else (*index, ...))]
            )
        return self.library.linear(lambda a: a[index], self)

    def permute(self, *order: int) -> Jet:
        order = tuple(k % self.ndim for k in order)
        return self.view_by(lambda a, lead: a.transpose(*range(lead), *(lead + k for k in order)))

    def transpose(self, i: int, j: int) -> Jet:
        i, j = i % self.ndim, j % self.ndim
        return self.view_by(lambda a, lead: a.swapaxes(lead + i, lead + j))

    swapaxes = transpose

    def movedim(self, i: int, j: int) -> Jet:
        i, j = i % self.ndim, j % self.ndim
        return self.view_by(lambda a, lead: np.moveaxis(a, lead + i, lead + j))

    def t(self) -> Jet:
        return self.permute(*range(self.ndim)[::-1])

    @property
    def T(self) -> Jet:
        return self.t()

    @property
    def mT(self) -> Jet:
        return self.transpose(-2, -1)

    def unsqueeze(self, dim: int) -> Jet:
        dim = dim % (self.ndim + 1)
        return self.view_by(lambda a, lead: np.expand_dims(a, lead + dim))

    def squeeze(self, dim: int | None = None) -> Jet:
        gone = [k for k in range(self.ndim) if self.shape[k] == 1 and (dim is None or dim % self.ndim == k)]
        return self.view_by(lambda a, lead: a.squeeze(tuple(lead + k for k in gone)))

    def narrow(self, dim: int, start: int, length: int) -> Jet:
        return self[(slice(None),) * (dim % self.ndim) + (slice(start, start + length),)]

    def select(self, dim: int, index: int) -> Jet:
        return self[(slice(None),) * (dim % self.ndim) + (index,)]

    def diagonal(self) -> Jet:
        def f(a: Any, lead: int) -> Any:
            n, (s, t) = min(a.shape[lead : lead + 2]), a.strides[lead : lead + 2]
            shape, strides = (
                (*a.shape[:lead], *a.shape[lead + 2 :], n),
                (*a.strides[:lead], *a.strides[lead + 2 :], s + t),
            )
            return as_strided(a, shape, strides)

        return self.view_by(f)

    def split(self, size: int, dim: int = 0) -> tuple[Jet, ...]:
        n = self.shape[dim]
        return tuple(self.narrow(dim, k, min(size, n - k)) for k in range(0, n, size))

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Jet, ...]:
        return self.split(-(-self.shape[dim] // chunks), dim)

    def unbind(self, dim: int = 0) -> tuple[Jet, ...]:
        return tuple(self.select(dim, k) for k in range(self.shape[dim]))

    def tensor_split(self, sections: int, dim: int = 0) -> tuple[Jet, ...]:
        n = self.shape[dim]
        ends = np.cumsum([0] + [n // sections + (k < n % sections) for k in range(sections)])
        return tuple(self.narrow(dim, int(a), int(b - a)) for a, b in itertools.pairwise(ends))

    def expand(self, *sizes: int) -> Jet:
        lead_ones = len(sizes) - self.ndim
        shape = tuple(s if n == -1 else n for n, s in zip(sizes, (1,) * lead_ones + self.shape, strict=True))

        def f(a: Any, lead: int) -> Any:
            a = a.reshape(a.shape[:lead] + (1,) * lead_ones + a.shape[lead:]) if lead_ones else a
            return np.broadcast_to(a, a.shape[:lead] + shape)

        result = self.view_by(f)
        if shape != (1,) * lead_ones + self.shape:
            result.read_only = True
        else:
            result.parts = [as_strided(p, writeable=True) for p in result.parts]
        return result

    def reshape(self, *shape: Any) -> Jet:
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        shape = np.empty(self.shape).reshape(shape).shape
        if not self.settled:
            raise Unfit("whether this is a view or a copy depends on the order of the memory")
        result = self.view_by(lambda a, lead: a.reshape(a.shape[:lead] + shape))
        assert np.shares_memory(result.value, self.value) or not self.value.size
        return result

    view = reshape

    @property
    def settled(self) -> bool:
        """Is it laid out row by row in every library?"""
        return self.block.settled and self.value.flags.c_contiguous and not self.read_only

    def flatten(self) -> Jet:
        return self.reshape(-1) if self.ndim != 1 else self

    def ravel(self) -> Jet:
        return self.reshape(-1)

    def unflatten(self, dim: int, sizes: tuple[int, ...]) -> Jet:
        dim %= self.ndim
        return self.reshape(self.shape[:dim] + sizes + self.shape[dim + 1 :])

    def view_as(self, other: Jet) -> Jet:
        return self.reshape(other.shape)

    def contiguous(self) -> Jet:
        if not self.settled:
            raise Unfit("whether this is the tensor itself depends on the order of its memory")
        return self

    def double(self) -> Jet:
        return self

    def to(self, _dtype: Any) -> Jet:
        return self

    def __pos__(self) -> Jet:
        return self

    # ------------------------------------------------------------------------------------------------ new values
    def clone(self) -> Jet:
        return self.library.linear(lambda a: a.copy(), self)

    def requires_grad_(self) -> Jet:
        self.library.declare(self)
        return self

    def add(self, other: Any, alpha: float = 1) -> Jet:
        return self.library.linear(lambda a, b: a + alpha * b, self, other)

    def sub(self, other: Any, alpha: float = 1) -> Jet:
        return self.library.linear(lambda a, b: a - alpha * b, self, other)

    def mul(self, other: Any) -> Jet:
        return self.library.bilinear(np.multiply, self, other)

    def div(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return self * (1 / other)
        return self * self.library.kept(other).reciprocal()

    def matmul(self, other: Any) -> Jet:
        return self.library.bilinear(np.matmul, self, other)

    __add__, __sub__, __mul__, __truediv__, __matmul__ = add, sub, mul, div, matmul
    __radd__, __rmul__ = add, mul

    def __rsub__(self, other: Any) -> Jet:
        return (-self).add(other)

    def __rtruediv__(self, other: Any) -> Jet:
        return self.reciprocal() * other

    def __neg__(self) -> Jet:
        return self.library.linear(np.negative, self)

    neg = __neg__

    def pow(self, n: int) -> Jet:
        return self.library.curve(self, lambda x: (x**n, n * x ** (n - 1), n * (n - 1) * x ** max(n - 2, 0)), "x")

    __pow__ = pow

    def square(self) -> Jet:
        return self.pow(2)

    def exp(self) -> Jet:
        return self.library.curve(self, lambda x: (np.exp(x),) * 3, "y")

    def log(self) -> Jet:
        self.library.above(self.value)
        return self.library.curve(self, lambda x: (np.log(x), 1 / x, -1 / x**2), "x")

    def sqrt(self) -> Jet:
        self.library.above(self.value)
        return self.library.curve(self, lambda x: (np.sqrt(x), 0.5 * x**-0.5, -0.25 * x**-1.5), "y")

    def reciprocal(self) -> Jet:
        self.library.above(np.abs(self.value))
        return self.library.curve(self, lambda x: (1 / x, -1 / x**2, 2 / x**3), "y")

    def sin(self) -> Jet:
        return self.library.curve(self, lambda x: (np.sin(x), np.cos(x), -np.sin(x)), "x")

    def cos(self) -> Jet:
        return self.library.curve(self, lambda x: (np.cos(x), -np.sin(x), -np.cos(x)), "x")

    def tanh(self) -> Jet:
        def f(x: Any) -> Any:
            y = np.tanh(x)
            return y, 1 - y * y, -2 * y * (1 - y * y)

        return self.library.curve(self, f, "y")

    def sigmoid(self) -> Jet:
        def f(x: Any) -> Any:
            y = 1 / (1 + np.exp(-x))
            return y, y * (1 - y), y * (1 - y) * (1 - 2 * y)

        return self.library.curve(self, f, "y")

    def clamp(self, min: float = -np.inf, max: float = np.inf) -> Jet:
        for bound in (min, max):
            self.library.far(self.value - bound)
        within = (self.value >= min) & (self.value <= max)
        return self.library.curve(self, lambda x: (np.clip(x, min, max), 1.0 * within, 0.0 * x), "x")

    def clamp_min(self, min: float) -> Jet:
        return self.clamp(min=min)

    def clamp_max(self, max: float) -> Jet:
        return self.clamp(max=max)

    def relu(self) -> Jet:
        self.library.far(self.value)
        return self.library.curve(self, lambda x: (np.maximum(x, 0), 1.0 * (x > 0), 0.0 * x), "y")

    def abs(self) -> Jet:
        self.library.far(self.value)
        return self.library.curve(self, lambda x: (np.abs(x), np.sign(x), 0.0 * x), "x")

    def sum(self, dim: Any = None, keepdim: bool = False) -> Jet:
        return self.library.linear(lambda a: np.asarray(a.sum(dim, keepdims=keepdim)), self)

    def mean(self, dim: Any = None, keepdim: bool = False) -> Jet:
        return self.library.linear(lambda a: np.asarray(a.mean(dim, keepdims=keepdim)), self)

    def cumsum(self, dim: int) -> Jet:
        return self.library.linear(lambda a: a.cumsum(dim), self)

    def tril(self) -> Jet:
        return self.library.linear(np.tril, self)

    def triu(self) -> Jet:
        return self.library.linear(np.triu, self)

    def amax(self, dim: Any = None, keepdim: bool = False) -> Jet:
        x = self.value
        top = x.max(dim, keepdims=True)
        self.library.far(np.where(x == top, 0, x - top))
        share = 1.0 * (x == top)
        if (share.sum(dim) > 1).any() and (top % 0.25).any():
            raise Unfit("numbers that are equal here may differ in their last bit elsewhere")
        share /= share.sum(dim, keepdims=True)
        self.library.kept(self)
        result = self.library.linear(lambda a: np.asarray((share * a).sum(dim, keepdims=keepdim)), self)
        return self.library.kept(result)

    def max(self, dim: int | None = None) -> Any:
        if dim is None:
            return self.amax()
        result = self.amax(dim)
        if ((self.value == self.value.max(dim, keepdims=True)).sum(dim) > 1).any():
            raise Unfit("which of equal numbers is the largest is for each library to say")
        return result, None

    def softmax(self, dim: int) -> Jet:
        e = (self - self.value.max(dim, keepdims=True)).exp()
        return self.library.kept(e / e.sum(dim, True))

    def log_softmax(self, dim: int) -> Jet:
        moved = self - self.value.max(dim, keepdims=True)
        return self.library.kept(moved - moved.exp().sum(dim, True).log())

    def logsumexp(self, dim: int) -> Jet:
        self.library.kept(self)
        return self.library.kept(self.exp().sum(dim).log())

    def var(self, dim: int) -> Jet:
        self.library.kept(self)
        return (self - self.mean(dim, True)).square().sum(dim) * (1 / (self.shape[dim] - 1))

    def norm(self) -> Jet:
        self.library.kept(self)
        return self.library.kept(self.square().sum().sqrt())

    def lerp(self, end: Jet, weight: float) -> Jet:
        return self * (1 - weight) + end * weight

    def addcmul(self, a: Jet, b: Jet, value: float = 1) -> Jet:
        return self + a * b * value

    def addcdiv(self, a: Jet, b: Jet, value: float = 1) -> Jet:
        return self + a / b * value

    def masked_fill(self, mask: Any, value: float) -> Jet:
        return self.library.where(mask, self.library.constant(value), self)

    def index_select(self, dim: int, index: Any) -> Jet:
        return self.library.linear(lambda a: a.take(index, dim), self)

    def gather(self, dim: int, index: Any) -> Jet:
        return self.library.linear(lambda a: np.take_along_axis(a, index, dim), self)

    def with_parts(self, place: Callable[[Any, Any], None], source: Any) -> Jet:
        """A copy into which `place` has put the source, in each part."""

        def f(a: Any, b: Any) -> Any:
            a = a.copy()
            place(a, b)
            return a

        return self.library.linear(f, self, source)

    def index_add(self, dim: int, index: Any, source: Jet) -> Jet:
        return self.with_parts(lambda a, b: np.add.at(a.swapaxes(0, dim), index, b.swapaxes(0, dim)), source)

    def index_copy(self, dim: int, index: Any, source: Jet) -> Jet:
        return self.with_parts(lambda a, b: a.swapaxes(0, dim).__setitem__(index, b.swapaxes(0, dim)), source)

    def index_fill(self, dim: int, index: Any, value: float) -> Jet:
        return self.with_parts(lambda a, b: a.swapaxes(0, dim).__setitem__(index, b), value)

    def scatter(self, dim: int, index: Any, source: Any) -> Jet:
        def place(a: Any, b: Any) -> None:
            np.put_along_axis(a, index, b[tuple(map(slice, index.shape))] if np.ndim(b) else b, dim)

        return self.with_parts(place, source)

    def scatter_add(self, dim: int, index: Any, source: Jet) -> Jet:
        def place(a: Any, b: Any) -> None:
            where = list(np.indices(index.shape))
            where[dim] = index
            np.add.at(a, tuple(where), b[tuple(map(slice, index.shape))])

        return self.with_parts(place, source)

    # ------------------------------------------------------------------------------------------------ writes
    def refuse_writes(self) -> None:
        if self.library.recording and self.history.leaf:
            raise RuntimeError("a leaf that requires grad, or a view of it, was about to change while recorded")
        if self.read_only:
            raise Expanded("expanded memory is read-only")
        if self.block.unrecorded and self.library.recording:
            raise Unfit("whether a view made without recording takes part in the graph is not defined")

    def refuse_overlap(self, other: Any, moves: bool = False) -> None:
        """PyTorch refuses most reads of memory that is being written to, and garbles the rest."""
        if not isinstance(other, Jet) or not np.shares_memory(self.value, other.value):
            return
        mine, its = self.value.__array_interface__, other.value.__array_interface__
        if moves or any(mine[key] != its[key] for key in ("data", "shape", "strides")):
            raise Unfit("a write into memory that is read, in another order")

    def become(self, new: Any, saved: bool = False) -> Jet:
        self.refuse_overlap(new)
        new = self.library.constant(new)
        self.refuse_writes()
        parts = [part.copy() for part in new.parts]
        if np.broadcast_shapes(self.shape, new.shape) != self.shape:
            raise RuntimeError(f"a result of shape {new.shape} does not fit into shape {self.shape}")
        self.written(new)
        for lead, (mine, its) in enumerate(zip(self.parts, parts, strict=True)):
            if lead == 0 or self.library.recording:
                mine[...] = self.library.aligned(its, lead, self.ndim)
        self.block.saved = self.block.saved or (saved and self.library.recording and self.requires_grad)
        return self

    def written(self, new: Jet) -> None:
        """Note a write of these values: who required grad, and whether somebody needed what stood there."""
        self.library.overwritten |= self.block.saved
        self.library.untracked |= self.block.untracked
        if self.library.recording:
            self.history.requires |= new.requires_grad
            self.history.vague |= new.history.vague

    def __setitem__(self, index: Any, value: Any) -> None:
        index = index if isinstance(index, tuple) else (index,)
        if basic(index):
            self[index].become(value)
            return
        self.refuse_overlap(value)
        value = self.library.constant(value)
        self.refuse_writes()
        parts = [part.copy() for part in value.parts]
        self.written(value)
        ndim = self.value[index].ndim
        for lead, (mine, its) in enumerate(zip(self.parts, parts, strict=True)):
            if lead == 0 or self.library.recording:
                mine[(slice(None),) * lead + index] = self.library.aligned(its, lead, ndim)

    def fill_(self, value: float) -> Jet:
        return self.become(value)

    def zero_(self) -> Jet:
        return self.become(0.0)

    def copy_(self, source: Any) -> Jet:
        return self.become(source)

    def fill_diagonal_(self, value: float) -> Jet:
        self.refuse_writes()
        self.become(self.library.where(np.eye(*self.shape, dtype=bool), self.library.constant(value), self))
        return self

    def __getattr__(self, name: str) -> Any:
        """An in-place method: that of the same name on a copy, and the write."""
        if not name.endswith("_") or name.startswith("_"):
            raise AttributeError(name)
        function = getattr(type(self), name[:-1])
        saved = name in ("exp_", "tanh_", "sigmoid_", "sqrt_", "reciprocal_", "relu_")

        def method(*args: Any, **kwargs: Any) -> Jet:
            for a in args:
                self.refuse_overlap(a, name.startswith(("index", "scatter")))
            original = self.library.jet(self.library, [part.copy() for part in self.parts], Block(True), self.history)
            return self.become(function(original, *args, **kwargs), saved)

        return method

    def __iadd__(self, other: Any) -> Jet:
        return self.add_(other)

    def __isub__(self, other: Any) -> Jet:
        return self.sub_(other)

    def __imul__(self, other: Any) -> Jet:
        return self.mul_(other)

    def __itruediv__(self, other: Any) -> Jet:
        return self.div_(other)

    def __ipow__(self, other: Any) -> Jet:
        return self.pow_(other)

    def backward(self, gradient: Any = None, retain_graph: bool = False) -> None:
        self.library.backward([self], [gradient], retain_graph)


def basic(index: tuple[Any, ...]) -> bool:
    """Does this index give a view?"""
    return not any(isinstance(i, (np.ndarray, list)) for i in index)


class Library:
    """What a program calls ``L``, for jets along so many directions, of first or second order."""

    float64 = np.float64
    exp, relu = staticmethod(Jet.exp), staticmethod(Jet.relu)

    def __init__(self, directions: int, order: int = 1, jet: type[Jet] = Jet) -> None:
        self.directions, self.order, self.jet = directions, order, jet
        self.recording = True
        self.overwritten = False  # numbers that a recorded operation needs were written over
        self.freed = False  # a backward let go of what a second one may need
        self.untracked = False  # memory was written that `.data` had been taken of
        self.leaves: list[tuple[Jet, int]] = []
        self.used = 0
        functional = types.SimpleNamespace(
            linear=self._linear, batch_norm=self._batch_norm, conv2d=self._conv2d, max_pool2d=self._max_pool2d,
            relu=self._relu, layer_norm=self._layer_norm,
            mse_loss=lambda a, b: (a - b).square().mean(),
        )  # fmt: skip
        self.nn = types.SimpleNamespace(functional=functional, Parameter=self._parameter)
        self.autograd = types.SimpleNamespace(grad=self._grad, backward=self.backward)

    # ------------------------------------------------------------------------------------------------ making
    def fresh(self, parts: list[Any], settled: bool, history: History) -> Jet:
        return self.jet(self, [np.array(part, dtype=np.float64, order="C") for part in parts], Block(settled), history)

    def zeros_along(self, shape: tuple[int, ...]) -> list[Any]:
        return [np.zeros((self.directions,) * k + shape) for k in range(1, self.order + 1)]

    def constant(self, x: Any) -> Jet:
        if isinstance(x, Jet):
            return x
        value = np.asarray(x, np.float64)
        return self.fresh([value, *self.zeros_along(value.shape)], True, History())

    def tensor(self, values: Any, dtype: Any = None, requires_grad: bool = False) -> Any:
        if dtype is None:  # masks and indices
            return np.asarray(values)
        x = self.constant(np.array(values, np.float64))
        if requires_grad:
            self.declare(x)
        return x

    def _parameter(self, x: Jet) -> Jet:
        x = x.detach()
        self.declare(x)
        return x

    def declare(self, x: Jet) -> None:
        """Make it a leaf that requires grad: its elements are the next directions."""
        if x.requires_grad:
            return
        x.declared, x.history = True, History(True, True)
        n = x.value.size
        if self.used + n > self.directions:
            raise Unfit("more leaves than directions")
        x.parts[1:] = self.zeros_along(x.shape)
        x.parts[1].reshape(self.directions, n)[self.used : self.used + n] = np.eye(n)
        self.leaves.append((x, self.used))
        self.used += n

    def zeros_like(self, x: Jet) -> Jet:
        return self.constant(np.zeros(x.shape))

    # ------------------------------------------------------------------------------------------------ calculus
    def result(self, parts: list[Any], inputs: list[Jet]) -> Jet:
        settled = all(x.settled for x in inputs)
        if not self.recording:
            return self.fresh([parts[0], *(0 * part for part in parts[1:])], settled, History())
        vague = any(x.history.vague for x in inputs)
        return self.fresh(parts, settled, History(any(x.requires_grad for x in inputs), vague=vague))

    def kept(self, x: Jet) -> Jet:
        """The same, noted as needed for a gradient."""
        x.block.saved |= self.recording
        return x

    @staticmethod
    def aligned(part: Any, lead: int, ndim: int) -> Any:
        """With ones between the leading axes and the rest, so that it broadcasts against ndim dimensions."""
        ones = (1,) * (ndim - (part.ndim - lead))
        return part.reshape(part.shape[:lead] + ones + part.shape[lead:])

    def along(self, f: Callable[..., Any], *parts: Any) -> Any:
        """f of each slice along the leading axes of derivatives."""
        lead = (self.directions,)
        return np.array([f(*slices) for slices in zip(*parts, strict=True)]) if self.directions else np.zeros(lead)

    def linear(self, f: Callable[..., Any], *given: Any) -> Jet:
        """f of jets, in all of which together it is linear."""
        xs = [self.constant(x) for x in given]
        parts = [f(*(x.value for x in xs))]
        parts.append(self.along(f, *(x.parts[1] for x in xs)) if self.directions else self.along(f))
        if self.order == 2:
            parts.append(self.along(lambda *rows: self.along(f, *rows), *(x.parts[2] for x in xs)))
        return self.result(parts, [x for x in given if isinstance(x, Jet)])

    def bilinear(self, f: Callable[[Any, Any], Any], left: Any, right: Any) -> Jet:
        """f of two jets, linear in each."""
        a, b = self.constant(left), self.constant(right)
        if a.requires_grad:
            self.kept(b)
        if b.requires_grad:
            self.kept(a)
        (x, dx, *ddx), (y, dy, *ddy) = a.parts, b.parts
        parts = [f(x, y), self.along(lambda s, t: f(s, y) + f(x, t), dx, dy)]
        if self.order == 2:
            n = range(self.directions)
            parts.append(
                np.array(
                    [
                        [f(ddx[0][i, j], y) + f(x, ddy[0][i, j]) + f(dx[i], dy[j]) + f(dx[j], dy[i]) for j in n]
                        for i in n
                    ]
                )
            )
        return self.result(parts, [z for z in (left, right) if isinstance(z, Jet)])

    def curve(self, x: Jet, f: Callable[[Any], Any], saves: str) -> Jet:
        """A function of each element, which gives its value, slope and curvature; it keeps "x" or "y"."""
        y, slope, bend = f(x.value)
        parts = [y, slope * x.parts[1]]
        if self.order == 2:
            d = x.parts[1]
            parts.append(slope * x.parts[2] + bend * d[:, None] * d[None])
        result = self.result(parts, [x])
        if x.requires_grad:
            self.kept(x if saves == "x" else result)
        return result

    @staticmethod
    def far(distance: Any) -> None:
        """Raise where rounding could decide on which side of a kink something lies."""
        size = np.abs(distance)
        if ((size < MARGIN) & (size > 0)).any():
            raise Unfit("too close to a kink")

    @staticmethod
    def above(x: Any) -> None:
        if (x < 0.05).any():
            raise Unfit("too close to a pole")

    # ------------------------------------------------------------------------------------------------ functions
    def where(self, mask: Any, a: Jet, b: Jet) -> Jet:
        return self.linear(lambda x, y: np.where(mask, x, y), a, b)

    def maximum(self, a: Jet, b: Jet) -> Jet:
        self.far(a.value - b.value)
        if (a.value == b.value).any():
            raise Unfit("on a kink")
        self.kept(a), self.kept(b)
        return self.where(a.value > b.value, a, b)

    def cat(self, xs: list[Jet], dim: int = 0) -> Jet:
        return self.linear(lambda *arrays: np.concatenate(arrays, dim), *xs)

    def stack(self, xs: list[Jet], dim: int = 0) -> Jet:
        return self.linear(lambda *arrays: np.stack(arrays, dim), *xs)

    def flatten(self, x: Jet) -> Jet:
        return x.flatten()

    def _linear(self, x: Jet, w: Jet, b: Jet | None = None) -> Jet:
        y = self.bilinear(lambda s, t: s @ t.T, x, w)
        return y if b is None else y + b

    def _normal(self, x: Jet, axes: tuple[int, ...]) -> Jet:
        moved = x - x.mean(axes, True)
        spread = moved.square().mean(axes, True)
        self.above(10 * spread.value)
        self.kept(x)
        return moved / (spread + 1e-5).sqrt()

    def _batch_norm(self, x: Jet, _mean: None, _var: None, training: bool) -> Jet:
        assert training
        return self._normal(x, (0, *range(2, x.ndim)))

    def _layer_norm(self, x: Jet, shape: tuple[int, ...]) -> Jet:
        return self._normal(x, tuple(range(x.ndim - len(shape), x.ndim)))

    def _conv2d(self, x: Jet, w: Jet) -> Jet:
        def f(a: Any, k: Any) -> Any:
            return np.einsum("nchwij,ocij->nohw", sliding_window_view(a, k.shape[2:], axis=(2, 3)), k)

        return self.bilinear(f, x, w)

    def _max_pool2d(self, x: Jet, size: int) -> Jet:
        n, c, h, w = x.shape
        h, w = h // size, w // size
        y = self.linear(
            lambda a: (
                a[:, :, : h * size, : w * size].reshape(n, c, h, size, w, size).swapaxes(3, 4).reshape(n, c, h, w, -1)
            ),
            x,
        )
        self.kept(x)
        top = np.sort(y.value, -1)
        if (top[..., -1] == top[..., -2]).any():
            raise Unfit("on a kink")
        return y.amax(-1)

    def _relu(self, x: Jet, inplace: bool = False) -> Jet:
        return x.relu_() if inplace else x.relu()

    # ------------------------------------------------------------------------------------------------ modes, gradients
    @contextlib.contextmanager
    def set_grad_enabled(self, recording: bool) -> Iterator[None]:
        before, self.recording = self.recording, recording
        try:
            yield
        finally:
            self.recording = before

    def no_grad(self) -> Any:
        return self.set_grad_enabled(False)

    def enable_grad(self) -> Any:
        return self.set_grad_enabled(True)

    def gradient(self, outputs: list[Jet], cotangents: list[Any], order: int) -> Any:
        """The cotangents times the derivatives of this order, summed."""
        total = np.zeros((self.directions,) * order)
        for y, c in zip(outputs, cotangents, strict=True):
            if not y.requires_grad:
                raise RuntimeError("a backward from what requires no grad")
            c = np.ones(y.shape) if c is None else c.value
            total += (y.parts[order] * c).reshape(*total.shape, -1).sum(-1)
        return total

    def backward(self, outputs: list[Jet], cotangents: list[Any], retain_graph: bool = False) -> None:
        total = self.gradient(outputs, cotangents, 1)
        self.freed |= not retain_graph
        for leaf, start in self.leaves:
            g = total[start : start + leaf.value.size].reshape(leaf.shape)
            leaf.grad = self.constant(g.copy() if leaf.grad is None else leaf.grad.value + g)

    def _grad(
        self,
        outputs: list[Jet],
        inputs: list[Jet],
        cotangents: list[Any],
        create_graph: bool,
        allow_unused: bool = True,
    ) -> list[Jet]:
        assert create_graph
        assert allow_unused
        first, second = self.gradient(outputs, cotangents, 1), self.gradient(outputs, cotangents, 2)
        found = []
        for x in inputs:
            at = slice(*next((start, start + x.value.size) for leaf, start in self.leaves if leaf is x))
            value, slope = first[at].reshape(x.shape), second[:, at].reshape(self.directions, *x.shape)
            unknown = np.full((self.directions, self.directions, *x.shape), np.nan)
            found.append(self.fresh([value, slope, unknown], False, History(True, vague=True)))
        return found
