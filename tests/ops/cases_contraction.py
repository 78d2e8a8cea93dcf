"""Cases for `tinygrad_cnn.ops.contraction`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_linalg import of_shapes
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import contraction as c
from tinygrad_cnn.testing.strategies import arrays

EQUATIONS = [
    "ij,jk->ik", "ij,jk->ki", "ij,jk", "ij->ji", "ij->", "ij->j", "ii", "ii->i", "iij->ji", "iijj->ij", "iii->i",
    "i,i", "i,j->ij", "bi,bi->b", "bi,bj->bij", "bij,bjk->bik", "ij,ij->ij", "ij,k->i", ",i->i", "iji,jk->ik",
    "ij,jk,kl->il", "ij,jk,kl,lm->mi", "bn,bm,n->b", "a,b,c->cab", "ba",
]  # fmt: skip
WITH_DOTS = ["...ij,...jk->...ik", "...->...", "i...->...i", "...i,i->...", "b...i,bi...->b...", "...ii->...i", "...i"]


@st.composite
def equation(draw: DrawFn) -> Inputs:
    """An equation of the list and operands of random sizes; now and then one of size 1 that broadcasts."""
    text = draw(st.sampled_from(EQUATIONS))
    size = {letter: draw(st.integers(0, 3)) for letter in sorted(set(text) - set(",->"))}
    terms = text.split("->")[0].split(",")
    shapes = [tuple(size[letter] for letter in term) for term in terms]
    if len(terms) > 1 and len(set(terms[0])) == len(terms[0]) > 0 and draw(st.integers(0, 3)) == 0:
        shapes[0] = (1, *shapes[0][1:])
    return [draw(arrays(shape)) for shape in shapes], {"equation": text}


@st.composite
def equation_with_dots(draw: DrawFn) -> Inputs:
    text = draw(st.sampled_from(WITH_DOTS))
    size = {letter: draw(st.integers(1, 3)) for letter in "ijkb"}
    hidden = tuple(draw(st.lists(st.integers(1, 2), max_size=2)))
    inputs = []
    for term in text.split("->")[0].split(","):
        before, dots, after = term.partition("...")
        left_out = draw(st.integers(0, len(hidden)))
        behind = hidden[left_out:] if dots else ()
        inputs.append(draw(arrays((*(size[a] for a in before), *behind, *(size[a] for a in after)))))
    return inputs, {"equation": text}


def summed(*xs: Any, equation: str) -> Any:
    """Every product of every combination of indices, added where it belongs."""
    left, arrow, right = equation.partition("->")
    widest = max(x.ndim - len(t.replace("...", "")) for x, t in zip(xs, left.split(","), strict=True))
    hidden = "WXYZ"[:widest] if "..." in left else ""
    terms = []
    for x, term in zip(xs, left.split(","), strict=True):
        n = x.ndim - len(term.replace("...", ""))
        terms.append(term.replace("...", hidden[len(hidden) - n :]))
    if arrow:
        out = right.replace("...", hidden)
    else:
        letters = "".join(terms)
        out = hidden + "".join(sorted(a for a in set(letters) - set(hidden) if letters.count(a) == 1))
    size: dict[str, int] = {}
    for x, term in zip(xs, terms, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            size[letter] = n if size.get(letter, 1) == 1 else size[letter]
    y = np.zeros([size[letter] for letter in out])
    for place in itertools.product(*(range(n) for n in size.values())):
        at = dict(zip(size, place, strict=True))
        value = 1.0
        for x, term in zip(xs, terms, strict=True):
            value *= x[tuple(at[letter] if n > 1 else 0 for letter, n in zip(term, x.shape, strict=True))]
        y[tuple(at[letter] for letter in out)] += value
    return y


@st.composite
def to_contract(draw: DrawFn) -> Inputs:
    common = draw(st.lists(st.integers(0, 3), max_size=2))
    a, b = (draw(st.lists(st.integers(0, 2), max_size=1)) for _ in range(2))
    if draw(st.booleans()):
        return [draw(arrays((*a, *common))), draw(arrays((*common, *b)))], {"dims": len(common)}
    order = draw(st.permutations(range(len(common))))
    turned = tuple(common[k] for k in order)
    places = [k + len(a) for k in order], list(range(len(common)))
    return [draw(arrays((*a, *common))), draw(arrays((*turned, *b)))], {"dims": places}


@st.composite
def with_a_common_side(draw: DrawFn) -> Inputs:
    k = draw(st.integers(0, 3))
    a, b = (tuple(draw(st.lists(st.integers(0, 2), max_size=2))) for _ in range(2))
    scalar = draw(st.sampled_from(("no", "left", "right")))
    return [draw(arrays(() if scalar == "left" else (*a, k))), draw(arrays(() if scalar == "right" else (*b, k)))], {}


@st.composite
def two_arrays(draw: DrawFn) -> Inputs:
    return [draw(arrays(tuple(draw(st.lists(st.integers(0, 2), max_size=3))))) for _ in range(2)], {}


def blocks(x: Any, y: Any) -> Any:
    n = max(x.ndim, y.ndim)
    x, y = (z.reshape((1,) * (n - z.ndim) + z.shape) for z in (x, y))
    z = np.empty([p * q for p, q in zip(x.shape, y.shape, strict=True)])
    for i in np.ndindex(x.shape):
        for j in np.ndindex(y.shape):
            z[tuple(p * n + q for p, q, n in zip(i, j, y.shape, strict=True))] = x[i] * y[j]
    return z


def _einsum(*xs: Any, equation: str) -> Any:
    return c.einsum(equation, *xs)


def sublists(equation: str) -> tuple[list[list[Any]], list[Any]]:
    """The same equation in numbers: those of the inputs, and of the output."""
    left, _, right = equation.partition("->")
    numbers = [[ord(letter) - ord("a") + 26 for letter in term] for term in (*left.split(","), right)]
    return numbers[:-1], numbers[-1]


def _numbered_einsum(*xs: Any, equation: str) -> Any:
    terms, out = sublists(equation)
    return c.einsum(*(part for pair in zip(xs, terms, strict=True) for part in pair), out)


def _torch_einsum(*xs: Any, equation: str) -> Any:
    """Nothing to compare with where booleans are summed along a letter that one of several inputs has to itself.

    As the other sizes are, PyTorch adds them to integers, leaves them booleans, or cannot multiply the two.
    """
    left, _, right = equation.partition("->")
    if right and len(xs) > 1 and all("bool" in str(x.dtype) for x in xs) and "..." not in left:
        named = [dict(zip(term, x.shape, strict=False)) for x, term in zip(xs, left.split(","), strict=True)]
        for letter in set(left) - set(right) - {","}:
            sizes = [sizes[letter] for sizes in named if letter in sizes]
            if len(sizes) == 1 or sum(n != 1 for n in sizes) == 1:
                raise NotImplementedError("PyTorch's sum of these booleans depends on the sizes")
    return t("einsum")(equation, *xs)


DIFFERS = (
    ("special values", "0 times inf is NaN, or not, with the order of the products"),
    ("NaN", "an empty sum times NaN is NaN, or not, with the order of the products"),
    ("mixed dtypes", "PyTorch does not look at dtypes where there is nothing to sum"),
)

CASES = [
    Case("einsum", equation(), _einsum, summed, torch=_torch_einsum, differs=DIFFERS),
    Case("einsum", equation_with_dots(), _einsum, summed, torch=_torch_einsum, note="with dots", differs=DIFFERS),
    Case(
        "einsum",
        equation().filter(lambda drawn: "->" in drawn[1]["equation"]),
        _numbered_einsum,
        summed,
        torch=_torch_einsum,
        note="in numbers",
        differs=DIFFERS,
    ),
    Case("tensordot", to_contract(), c.tensordot, lambda a, b, dims: np.tensordot(a, b, dims), torch=t("tensordot")),
    Case("inner", with_a_common_side(), c.inner, np.inner, torch=t("inner"), method="inner"),
    Case("kron", two_arrays(), c.kron, blocks, torch=t("kron"), method="kron"),
    Case(
        "trace",
        of_shapes("nm"),
        c.trace,
        lambda x: np.asarray(sum(float(x[k, k]) for k in range(min(x.shape)))),
        torch=t("trace"),
        method="trace",
    ),
]
