"""Sums of products over named dimensions: einsum and its kin. The gradient of an einsum is an einsum.

Inside, every product of two is a batch of matrix products, so BLAS does the work.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import functools
import itertools
import math
import string
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..autograd.graph import Array, Variable
from ..autograd.operation import op
from .arrange import diagonal_of
from .elementwise import mul
from .linalg import _for_blas, _same_dtype
from .reduce import _sum, spread, sum
from .shape import _permute, _reshape, checked, normalise_dims

Labels: TypeAlias = "tuple[str, ...]"
_LETTERS = string.ascii_uppercase + string.ascii_lowercase


# ------------------------------------------------------------------------------------------------------- the primitive
def _einsum_rule(g: Array, _y: Array, *xs_: Array, i: int, terms: tuple[Labels, ...], out: Labels) -> Array:
    """g and the other inputs, contracted to what the input has; constant along labels that it alone has."""
    others = (*xs_[:i], *xs_[i + 1 :])
    rest = (out, *terms[:i], *terms[i + 1 :])
    known = tuple(label for label in terms[i] if any(label in term for term in rest))
    gx = _einsum(g, *others, terms=rest, out=known)
    alone = tuple(d for d, label in enumerate(terms[i]) if label not in known)
    return spread(gx, dim=alone, keepdim=False, shape=xs_[i].shape) if alone else gx


def einsum_(*xs: Array, terms: tuple[Labels, ...], out: Labels) -> Array:
    """The contraction of arrays whose dimensions bear the labels in ``terms``, no label twice in one; into ``out``."""
    todo = list(zip(xs, terms, strict=True))
    while len(todo) > 1:
        i, j = _next_pair(todo, out)
        (b, tb), (a, ta) = todo.pop(j), todo.pop(i)
        later = set(out).union(*(t for _, t in todo))
        todo.append(_pair(a, ta, b, tb, later))
    y, term = _reduced(*todo[0], set(out))
    return np.transpose(y, [term.index(label) for label in out])


def _first_rule(g: Array, _y: Array, _a: Array, b_: Array, **labels: Any) -> Array:
    return _einsum_rule(g, _y, _a, b_, i=0, **labels)


def _second_rule(g: Array, _y: Array, a_: Array, _b: Array, **labels: Any) -> Array:
    return _einsum_rule(g, _y, a_, _b, i=1, **labels)


_einsum_of_two = op(_first_rule, _second_rule)(einsum_)
_einsum_of_many = op(each=_einsum_rule)(einsum_)


def _einsum(*xs: Array, terms: tuple[Labels, ...], out: Labels) -> Array:
    """`einsum_` as an operation. Of two, the usual number, each keeps the other alone."""
    return (_einsum_of_two if len(xs) == 2 else _einsum_of_many)(*xs, terms=terms, out=out)


def _next_pair(todo: list[tuple[Any, Labels]], out: Labels) -> tuple[int, int]:
    """The two whose product is the smallest."""
    if len(todo) == 2:
        return 0, 1
    size = {label: n for x, t in todo for label, n in zip(t, x.shape, strict=True)}

    def cost(pair: tuple[int, int]) -> int:
        both = set(todo[pair[0]][1]) | set(todo[pair[1]][1])
        later = set(out).union(*(t for k, (_, t) in enumerate(todo) if k not in pair))
        return math.prod(size[label] for label in both & later)

    return min(itertools.combinations(range(len(todo)), 2), key=cost)


def _reduced(x: Any, term: Labels, needed: set[str]) -> tuple[Any, Labels]:
    """x summed over the dimensions that nobody else needs."""
    drop = tuple(d for d, label in enumerate(term) if label not in needed)
    return (np.add.reduce(x, axis=drop), tuple(t for t in term if t in needed)) if drop else (x, term)


def _pair(a: Any, ta: Labels, b: Any, tb: Labels, later: set[str]) -> tuple[Any, Labels]:
    """The product of two, summed over the labels that nobody needs later."""
    a, ta = _reduced(a, ta, later | set(tb))
    b, tb = _reduced(b, tb, later | set(ta))
    batch = tuple(t for t in ta if t in tb and t in later)
    inner = tuple(t for t in ta if t in tb and t not in later)
    left, right = tuple(t for t in ta if t not in tb), tuple(t for t in tb if t not in ta)
    size = {**dict(zip(ta, a.shape, strict=True)), **dict(zip(tb, b.shape, strict=True))}
    shape = [size[t] for t in batch + left + right]
    a = np.transpose(a, [ta.index(t) for t in batch + left + inner])
    b = np.transpose(b, [tb.index(t) for t in batch + inner + right])
    if not inner:  # nothing to sum: an ordinary product
        a = a.reshape((*a.shape, *(1,) * len(right)))
        y = a * b.reshape((*b.shape[: len(batch)], *(1,) * len(left), *b.shape[len(batch) :]))
    elif not left and not right and batch:  # many dot products
        y = np.einsum(a, [*range(a.ndim)], b, [*range(a.ndim)], [*range(len(batch))])
    else:
        n, k, m = (math.prod(size[t] for t in group) for group in (left, inner, right))
        rows = a.reshape(*a.shape[: len(batch)], n, k)
        y = np.matmul(_for_blas(rows), _for_blas(b.reshape(*b.shape[: len(batch)], k, m))).reshape(shape)
    return y, batch + left + right


# ------------------------------------------------------------------------------------------------------------ diagonals
@op(lambda g, _y, _x, *, first, second: _on_diagonal(g, first=first, second=second, shape=_x.shape), view=True)
def _diagonal(x: Array, *, first: int, second: int) -> Array:
    """The elements with equal indices in two dimensions, of which the second goes away."""
    return np.moveaxis(diagonal_of(x, 0, first, second), -1, first)


@op(lambda g, _y, _x, *, first, second, shape: _diagonal(g, first=first, second=second))
def _on_diagonal(x: Array, *, first: int, second: int, shape: tuple[int, ...]) -> Array:
    """The adjoint of `_diagonal`: x where the two indices are equal, 0 elsewhere."""
    y = np.zeros(shape, x.dtype)
    k = np.arange(x.shape[first])
    np.moveaxis(y, (first, second), (0, 1))[k, k] = np.moveaxis(x, first, 0)
    return y


def trace(input: Array) -> Array:
    """The sum of the diagonal of a matrix."""
    x = checked(input, "trace")
    if x.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, got shape {x.shape}")
    return sum(_diagonal(x, first=0, second=1))


# --------------------------------------------------------------------------------------------------------------- einsum
@functools.lru_cache(maxsize=1024)
def _labels(equation: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[Labels, ...], Labels]:
    """The labels of each input's dimensions, and of the output's. Those behind ``...`` get names of their own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(shapes):
        raise ValueError(f"einsum: {equation!r} describes {len(parts)} inputs, got {len(shapes)}")
    terms, widest = [], 0
    for k, (part, shape) in enumerate(zip(parts, shapes, strict=True)):
        before, dots, after = part.partition("...")
        _check_letters(equation, before + after)
        named = len(before) + len(after)
        if named > len(shape) or (named < len(shape) and not dots):
            raise ValueError(
                f"einsum: {part!r} in {equation!r} does not name the {len(shape)} dimensions of input {k}, {shape}"
            )
        hidden = len(shape) - named
        widest = max(widest, hidden)
        terms.append((*before, *(f".{d}" for d in range(hidden, 0, -1)), *after))
    behind_dots = tuple(f".{d}" for d in range(widest, 0, -1))
    if arrow:
        before, dots, after = right.partition("...")
        _check_letters(equation, before + after)
        out = (*before, *(behind_dots if dots else ()), *after)
    else:
        letters = left.replace(".", "").replace(",", "")
        out = behind_dots + tuple(sorted(c for c in set(letters) if letters.count(c) == 1))
    for label in out:
        if out.count(label) > 1 or not any(label in term for term in terms):
            what = "twice" if out.count(label) > 1 else "but in no input"
            raise ValueError(f"einsum: {label!r} stands in the output of {equation!r} {what}")
    return tuple(terms), out


def _check_letters(equation: str, letters: str) -> None:
    for c in letters:
        if not (c.isascii() and c.isalpha()):
            raise ValueError(
                f"einsum: {equation!r} may contain letters, commas, '->' and one '...' an input, got {c!r}"
            )


def _from_sublists(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The equation and the operands of ``einsum(a, [0, 1], b, [1, 2], [0, 2])``."""

    def letters(numbers: Any) -> str:
        if not isinstance(numbers, (list, tuple)):
            raise TypeError(
                "einsum: expected an equation first, or a list of numbers behind each input, "
                f"got {type(numbers).__name__}"
            )
        for n in numbers:
            if n is not Ellipsis and not (isinstance(n, int) and 0 <= n < len(_LETTERS)):
                raise ValueError(
                    f"einsum: a sublist holds numbers from 0 to {len(_LETTERS) - 1} and one ..., got {n!r}"
                )
        return "".join("..." if n is Ellipsis else _LETTERS[n] for n in numbers)

    pairs, out = (given[:-1], given[-1:]) if len(given) % 2 else (given, ())
    return ",".join(map(letters, pairs[1::2])) + "".join("->" + letters(o) for o in out), pairs[::2]


def einsum(equation: str | Array, *operands: Any) -> Array:
    """A sum of products over named dimensions (Einstein's summation convention).

    In ``"ij,jk->ik"``, each letter names a dimension of the inputs; those missing in the output are summed over.
    A letter twice in one input takes its diagonal, ``...`` stands for any further dimensions, which broadcast, and
    without ``->`` the output has the letters that occur once, in alphabetical order. Numbers may stand for letters, in
    a list behind each input and one for the output: ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.

    >>> einsum("ij,jk->ik", np.ones((2, 3)), np.ones((3, 4))).shape
    (2, 4)
    """
    if isinstance(equation, (Variable, np.ndarray)):
        equation, operands = _from_sublists((equation, *operands))
    if not isinstance(equation, str):
        raise TypeError(f"einsum: the first argument is the equation, a string, got {type(equation).__name__}")
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum: needs at least one input")
    operands = _same_dtype("einsum", *operands)
    terms, out = _labels(equation, tuple(tuple(x.shape) for x in operands))
    size: dict[str, int] = {}
    for k, (x, term) in enumerate(zip(operands, terms, strict=True)):
        for label, n in zip(term, x.shape, strict=True):
            if size.setdefault(label, n) == 1:
                size[label] = n
            elif n not in (1, size[label]):
                raise ValueError(
                    f"einsum: {label!r} in {equation!r} has size {size[label]}, but {n} in input {k} of shape {x.shape}"
                )
    pairs = [_without_repeats(x, term, equation) for x, term in zip(operands, terms, strict=True)]
    return _contracted([x for x, _ in pairs], [term for _, term in pairs], out)


def _contracted(xs: list[Array], terms: list[Labels], out: Labels) -> Array:
    """The contraction of inputs in which a dimension of size 1 stands for any size."""
    size: dict[str, int] = {}
    for x, term in zip(xs, terms, strict=True):
        size.update((label, n) for label, n in zip(term, x.shape, strict=True) if size.get(label, 1) == 1)
    for k, (x, term) in enumerate(zip(xs, terms, strict=True)):
        keep = [d for d, label in enumerate(term) if x.shape[d] == size[label]]
        if len(keep) < x.ndim:
            xs[k], terms[k] = _reshape(x, shape=tuple(x.shape[d] for d in keep)), tuple(term[d] for d in keep)
    if len(xs) > 1:
        return _einsum(*xs, terms=tuple(terms), out=out)
    (x,), (term,) = xs, terms
    drop = tuple(d for d, label in enumerate(term) if label not in out)
    x = _sum(x, dim=drop, keepdim=False) if drop else x
    term = tuple(label for label in term if label in out)
    return _permute(x, dims=tuple(term.index(label) for label in out))


def _without_repeats(x: Array, term: Labels, equation: str) -> tuple[Array, Labels]:
    """The diagonal of x over each pair of dimensions of one name."""
    for second in reversed(range(len(term))):
        first = term.index(term[second])
        if first != second:
            if x.shape[first] != x.shape[second]:
                raise ValueError(
                    f"einsum: {term[second]!r} in {equation!r} names dimensions of different sizes in {x.shape}"
                )
            x, term = _diagonal(x, first=first, second=second), term[:second] + term[second + 1 :]
    return x, term


def tensordot(a: Array, b: Array, dims: int | Sequence[Sequence[int]] = 2) -> Array:
    """The sum of products over pairs of dimensions: the last of a with the first of b, or those in two lists."""
    a, b = _same_dtype("tensordot", a, b)
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot: dims={dims} for shapes {a.shape} and {b.shape}")
        of_a, of_b = tuple(range(a.ndim - dims, a.ndim)), tuple(range(dims))
    else:
        given_a, given_b = dims
        of_a, of_b = normalise_dims(given_a, a.ndim, "tensordot"), normalise_dims(given_b, b.ndim, "tensordot")
        if len(of_a) != len(of_b):
            raise RuntimeError(f"tensordot: dims must name as many dimensions of a as of b, got {dims}")
    for i, j in zip(of_a, of_b, strict=True):
        if a.shape[i] != b.shape[j] and a.shape[i] != 1 and b.shape[j] != 1:
            raise RuntimeError(
                f"tensordot: shapes {a.shape} and {b.shape} do not fit: dimension {i} of the first has "
                f"size {a.shape[i]}, dimension {j} of the second {b.shape[j]}"
            )
    names_a = [f"a{d}" for d in range(a.ndim)]
    names_b = [names_a[of_a[of_b.index(d)]] if d in of_b else f"b{d}" for d in range(b.ndim)]
    out = [t for t in names_a if t not in names_b] + [t for t in names_b if t not in names_a]
    return _contracted([a, b], [tuple(names_a), tuple(names_b)], tuple(out))


def inner(input: Array, other: Array) -> Array:
    """The sum of products over the last dimension of both; with a 0-d tensor, the product."""
    a, b = checked(input, "inner"), checked(other, "inner")
    if not a.ndim or not b.ndim:
        return mul(a, b)
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"inner: the last dimensions of shapes {a.shape} and {b.shape} differ")
    return tensordot(a, b, ([-1], [-1]))


def kron(input: Array, other: Array) -> Array:
    """The Kronecker product: a block of ``other`` for each element of ``input``."""
    a, b = checked(input, "kron"), checked(other, "kron")
    n = max(a.ndim, b.ndim)
    of_a, of_b = ((1,) * (n - x.ndim) + x.shape for x in (a, b))
    left = _reshape(a, shape=tuple(k for m in of_a for k in (m, 1)))
    right = _reshape(b, shape=tuple(k for m in of_b for k in (1, m)))
    return _reshape(mul(left, right), shape=tuple(m * k for m, k in zip(of_a, of_b, strict=True)))
