"""Cases for linear algebra: `tinygrad_cnn.ops.matrices`, `determinants`, `factors`, `spectral` and what stands on them.

Matrices are drawn by their singular values, which lie apart. What is determined up to signs is compared in a form that
is free of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import tinygrad_cnn as tg
from tests.ops.case import Case, Inputs
from tinygrad_cnn.ops import arrange, elementwise
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes

BATCHES = st.sampled_from([(), (), (2,), (1, 2)])


def t(name: str) -> Callable[..., Any]:
    """PyTorch's function of this name, which may be dotted; imported when it is called."""

    def call(*inputs: Any, **kwargs: Any) -> Any:
        import torch

        function: Any = torch
        for part in name.split("."):
            function = getattr(function, part)
        return function(*inputs, **kwargs)

    return call


# -------------------------------------------------------------------------------------------------------------- inputs
def matrix(draw: DrawFn, batch: tuple[int, ...], n: int, m: int) -> Any:
    """Matrices (..., n, m) of full rank, with singular values between 0.8 and 3.3 that lie apart."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = min(n, m)
    s = 0.8 + 0.8 * np.arange(k) + rng.uniform(0, 0.4, (*batch, k))
    u, v = (np.linalg.qr(rng.standard_normal((*batch, side, side)))[0] for side in (n, m))
    return (u[..., :k] * s[..., None, :]) @ v[..., :k].swapaxes(-1, -2)


@st.composite
def square(draw: DrawFn, least: int = 0) -> Inputs:
    n = draw(st.integers(least, 3))
    return [matrix(draw, draw(BATCHES), n, n)], {}


@st.composite
def rectangular(draw: DrawFn, least: int = 0, **choices: Any) -> Inputs:
    n, m = draw(st.integers(least, 3)), draw(st.integers(least, 3))
    return [matrix(draw, draw(BATCHES), n, m)], {k: draw(st.sampled_from(v)) for k, v in choices.items()}


@st.composite
def definite(draw: DrawFn, **choices: Any) -> Inputs:
    """Matrices that the functions below make symmetric and positive-definite."""
    inputs, _ = draw(square(1))
    return inputs, {k: draw(st.sampled_from(v)) for k, v in choices.items()}


@st.composite
def system(draw: DrawFn) -> Inputs:
    """A matrix, and right sides, which broadcast."""
    a, b = draw(broadcastable_shapes(2, max_dims=2, max_side=2, max_size=2))
    n, k, left = draw(st.integers(0, 3)), draw(st.integers(0, 2)), draw(st.booleans())
    x, y = matrix(draw, a, n, n), draw(arrays((*b, n, k) if left else (*b, k, n)))
    return [x, y[None] if y.shape == x.shape[:-1] else y], {"left": left}  # which would be taken for vectors


@st.composite
def vector_system(draw: DrawFn) -> Inputs:
    batch, n = draw(BATCHES), draw(st.integers(1, 3))
    return [matrix(draw, batch, n, n), draw(arrays((*batch, n)))], {}


@st.composite
def triangular_system(draw: DrawFn) -> Inputs:
    (a, b), kwargs = draw(system())
    a = a + 3 * np.eye(a.shape[-1])  # a diagonal that is not 0
    return [a, b], {**kwargs, "upper": draw(st.booleans()), "unitriangular": draw(st.booleans())}


@st.composite
def least_squares(draw: DrawFn) -> Inputs:
    batch, n, m, k = draw(BATCHES), draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    return [matrix(draw, batch, n, m), draw(arrays((*batch, n, k)))], {}


@st.composite
def chain(draw: DrawFn, vectors: bool = True) -> Inputs:
    sizes = draw(st.lists(st.integers(1, 3), min_size=3, max_size=5))
    xs = [draw(arrays(shape)) for shape in itertools.pairwise(sizes)]
    if vectors and draw(st.booleans()):
        xs[0] = xs[0][0]
    if vectors and draw(st.booleans()):
        xs[-1] = xs[-1][:, 0]
    return xs, {}


@st.composite
def with_norm(draw: DrawFn, *ords: Any) -> Inputs:
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = matrix(draw, (), n, m)
    if draw(st.booleans()):
        return [x], {"ord": draw(st.sampled_from(ords)), "keepdim": draw(st.booleans())}
    x = np.stack([x, 2 * x], 1)  # (n, 2, m)
    return [x], {"ord": draw(st.sampled_from(ords)), "dim": draw(st.sampled_from([(0, 2), (-1, 0)]))}


@st.composite
def vectors_along(draw: DrawFn, size: int | None = None) -> Inputs:
    x, y = draw(broadcastable_shapes(2, min_side=1, max_dims=2, max_size=4))
    width = max(len(x), len(y))
    dim, n = draw(st.integers(0, width)), size or draw(st.integers(1, 3))
    x, y = ((1,) * (width - len(s)) + s for s in (x, y))
    a, b = (draw(arrays((*s[:dim], n, *s[dim:]))) for s in (x, y))
    return [a, b], {"dim": draw(st.sampled_from((dim, dim - width - 1)))}


@st.composite
def with_p(draw: DrawFn, *ps: Any) -> Inputs:
    n = draw(st.integers(1, 3))
    x = matrix(draw, draw(BATCHES), n, n)
    return [x], {"p": draw(st.sampled_from(ps))}


@st.composite
def with_power(draw: DrawFn) -> Inputs:
    inputs, _ = draw(square(1))
    return inputs, {"n": draw(st.integers(-3, 5))}


@st.composite
def tensors(draw: DrawFn, right: bool = False) -> Inputs:
    x = matrix(draw, (), 4, 4).reshape(4, 2, 2)
    return [x, draw(arrays((4,)))] if right else [x], {}


# ---------------------------------------------------------------------------------------------------------- references
def each(f: Callable[..., Any], *xs: Any) -> Any:
    """f of each matrix of a batch."""
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in xs))
    xs = tuple(np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in xs)
    first = f(*(np.ones(x.shape[-2:]) + np.eye(*x.shape[-2:]) for x in xs))
    y = np.zeros((*batch, *np.shape(first)))
    for place in np.ndindex(batch):
        y[place] = f(*(x[place] for x in xs))
    return y


def eliminated(a: Any, b: Any) -> Any:
    """X with a X = b, by Gauss's elimination with pivots."""
    a, b = np.array(a, float), np.array(b, float)
    for k in range(len(a)):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        a[[k, p]], b[[k, p]] = a[[p, k]], b[[p, k]]
        for i in range(len(a)):
            if i != k:
                f = a[i, k] / a[k, k]
                a[i] -= f * a[k]
                b[i] -= f * b[k]
    return b / np.diagonal(a)[:, None]


def inverted(a: Any) -> Any:
    return each(lambda x: eliminated(x, np.eye(len(x))), a)


def solved(a: Any, b: Any, left: bool = True) -> Any:
    if left:
        return each(eliminated, a, b)
    return each(eliminated, a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)


def triangle(a: Any, upper: bool, unitriangular: bool) -> Any:
    a = np.triu(a) if upper else np.tril(a)
    return a - a * np.eye(a.shape[-1]) + np.eye(a.shape[-1]) if unitriangular else a


def expanded(a: Any) -> Any:
    """The determinant, as the sum over permutations."""

    def of(x: Any) -> float:
        total = 0.0
        for p in itertools.permutations(range(len(x))):
            swaps = sum(p[i] > p[j] for i in range(len(p)) for j in range(i + 1, len(p)))
            total += (-1) ** swaps * math.prod(x[i, j] for i, j in enumerate(p))
        return total

    return each(of, a)


def root_of(a: Any) -> Any:
    """The Cholesky factor, number after number."""

    def of(x: Any) -> Any:
        y = np.zeros_like(x)
        for i in range(len(x)):
            for j in range(i + 1):
                rest = x[i, j] - y[i, :j] @ y[j, :j]
                y[i, j] = math.sqrt(rest) if i == j else rest / y[j, j]
        return y

    return each(of, a)


def orthogonalised(a: Any) -> tuple[Any, Any]:
    """Q and R by Gram and Schmidt, twice over, with a positive diagonal of R."""
    n, m = a.shape[-2:]
    k = min(n, m)

    def of(x: Any) -> Any:
        q = np.zeros((n, k))
        for j in range(k):
            v = x[:, j].copy()
            for _ in range(2):
                v -= q[:, :j] @ (q[:, :j].T @ v)
            q[:, j] = v / np.sqrt(v @ v)
        return q

    q = each(of, a)
    return q, q.swapaxes(-1, -2) @ a


def up(x: Any) -> Any:
    return x.swapaxes(-1, -2)


def positive(x: Any) -> Any:
    """x made symmetric and positive-definite."""
    return tg.matmul(x, up(x)) + np.eye(x.shape[-1], dtype=x.dtype)


def torch_positive(x: Any) -> Any:
    import torch

    return x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype)


def numpy_positive(x: Any) -> Any:
    return x @ up(x) + np.eye(x.shape[-1])


def of_definite(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, **k: f(positive(x), **k)


def torch_of_definite(name: str) -> Callable[..., Any]:
    return lambda x, **k: t(name)(torch_positive(x), **k)


def cubed(u: Any, s: Any, vh: Any) -> Any:
    """U S^3 V', which is A A' A whatever the signs in U and V are."""
    k = s.shape[-1]
    return (u[..., :k] * (s**3)[..., None, :]) @ vh[..., :k, :]


def squared(w: Any, v: Any) -> Any:
    """V L^2 V', which is A A."""
    return (v * (w**2)[..., None, :]) @ up(v)


def symmetric(x: Any) -> Any:
    return x + up(x)


def signed(q: Any, r: Any) -> tuple[Any, Any]:
    """Q and R with a positive diagonal of R."""
    k = r.shape[-2]
    s = elementwise.sign(arrange.diagonal(r[..., :k], 0, -2, -1))
    return q * s[..., None, :], r * s[..., :, None]


def torch_signed(result: Any) -> tuple[Any, Any]:
    q, r = result
    s = r[..., : r.shape[-2]].diagonal(0, -2, -1).sign()
    return q * s[..., None, :], r * s[..., :, None]


def values(x: Any) -> Any:
    """Singular values, from the eigenvalues of x' x."""
    small = x @ up(x) if x.shape[-2] < x.shape[-1] else up(x) @ x
    return np.sqrt(np.linalg.eigvalsh(small))[..., ::-1]


def pseudo(x: Any) -> Any:
    """(x' x)^-1 x', or x' (x x')^-1, of full rank."""
    n, m = x.shape[-2:]
    return solved(up(x) @ x, up(x)) if n >= m else up(solved(x @ up(x), x))


def norm_of(x: Any, ord: Any, dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    rows, columns = (d % x.ndim for d in dim)
    y = np.moveaxis(x, (rows, columns), (-2, -1))
    if ord == "fro":
        result = np.sqrt((y * y).sum((-2, -1)))
    elif ord in ("nuc", 2, -2):
        s = values(y)
        result = s.sum(-1) if ord == "nuc" else s.max(-1) if ord == 2 else s.min(-1)
    else:
        sums = np.abs(y).sum(-2 if abs(ord) == 1 else -1)
        result = sums.max(-1) if ord > 0 else sums.min(-1)
    return np.expand_dims(result, (rows, columns)) if keepdim else result


def power_of(x: Any, n: int) -> Any:
    y = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for _ in range(abs(n)):
        y = y @ (x if n > 0 else inverted(x))
    return y


def exponential(x: Any) -> Any:
    term = total = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k in range(1, 60):
        term = term @ x / k
        total = total + term
    return total


def folded(*xs: Any) -> Any:
    y = xs[0]
    for x in xs[1:]:
        y = np.tensordot(y, x, 1)
    return y


LAPACK = (
    ("ties and kinks", "whether a singular matrix stays exactly singular on the way is LAPACK's rounding"),
    ("special values", "whether a singular matrix stays exactly singular on the way is LAPACK's rounding"),
    ("NaN", "what LAPACK makes of NaN is its own"),
)
EMPTY = (
    ("nothing", "of matrices without elements PyTorch takes the positive norms alone"),
    ("another size", "the norm of nothing has no gradient in PyTorch"),
)

NORMS = (*LAPACK, *EMPTY, ("a dimension fewer", "the matrices of other dimensions may be singular, see above"))


def linalg(name: str, draw: Any, reference: Callable[..., Any], **rest: Any) -> Case:
    """A case of a function of `tg.linalg` that is PyTorch's of the same name."""
    rest.setdefault("call", lambda *xs, **k: getattr(tg.linalg, name)(*xs, **k))
    rest.setdefault("torch", t(f"linalg.{name}"))
    return Case(f"linalg.{name}", draw, reference=reference, **rest)


def plain(name: str, draw: Any, reference: Callable[..., Any], **rest: Any) -> Case:
    rest.setdefault("call", getattr(tg, name))
    rest.setdefault("torch", t(name))
    return Case(name, draw, reference=reference, **rest)


IN_ANY_ORDER = (("special values", "0 times inf is NaN, or not, with the order of the products"),)

CASES = [
    linalg("inv", square(), inverted, differs=LAPACK),
    plain("inverse", square(), inverted, method="inverse", differs=LAPACK),
    linalg("solve", system(), solved, differs=LAPACK),
    linalg("solve", vector_system(), lambda a, b: solved(a, b[..., None])[..., 0], note="vectors", differs=LAPACK),
    plain("det", square(), expanded, method="det", differs=LAPACK),
    linalg("det", square(), expanded, differs=LAPACK),
    plain(
        "slogdet",
        square(),
        lambda x: (np.sign(expanded(x)), np.log(np.abs(expanded(x)))),
        method="slogdet",
        differs=LAPACK,
    ),
    linalg("slogdet", square(), lambda x: (np.sign(expanded(x)), np.log(np.abs(expanded(x)))), differs=LAPACK),
    plain(
        "logdet",
        square(),
        lambda x: np.log(expanded(numpy_positive(x))),
        call=of_definite(tg.logdet),
        torch=torch_of_definite("logdet"),
        method=lambda x: positive(x).logdet(),
        differs=LAPACK,
    ),
    plain(
        "cholesky",
        definite(upper=(False, True)),
        lambda x, upper: up(root_of(numpy_positive(x))) if upper else root_of(numpy_positive(x)),
        call=of_definite(tg.cholesky),
        torch=torch_of_definite("cholesky"),
        method=lambda x, upper: positive(x).cholesky(upper),
        differs=LAPACK,
    ),
    linalg(
        "cholesky",
        definite(upper=(False, True)),
        lambda x, upper: up(root_of(numpy_positive(x))) if upper else root_of(numpy_positive(x)),
        call=of_definite(lambda x, upper: tg.linalg.cholesky(x, upper=upper)),
        torch=torch_of_definite("linalg.cholesky"),
        differs=LAPACK,
    ),
    plain(
        "cholesky_inverse",
        definite(),
        lambda x: inverted(numpy_positive(x)),
        call=of_definite(lambda x: tg.cholesky_inverse(tg.cholesky(x))),
        torch=lambda x: t("cholesky_inverse")(t("linalg.cholesky")(torch_positive(x))),
        method=lambda x: positive(x).cholesky().cholesky_inverse(),
        differs=LAPACK,
    ),
    plain(
        "cholesky_solve",
        vector_system(),
        lambda a, b: solved(numpy_positive(a), b[..., None]),
        call=lambda a, b: tg.cholesky_solve(b[..., None], tg.cholesky(positive(a))),
        torch=lambda a, b: t("cholesky_solve")(b[..., None], t("linalg.cholesky")(torch_positive(a))),
        method=lambda a, b: b[..., None].cholesky_solve(positive(a).cholesky()),
        differs=LAPACK,
    ),
    linalg(
        "solve_triangular",
        triangular_system(),
        lambda a, b, left, upper, unitriangular: solved(triangle(a, upper, unitriangular), b, left),
        differs=(
            *LAPACK,
            ("nothing", "PyTorch takes a matrix without rows for a square one"),
            ("mixed dtypes", "PyTorch does not look at dtypes where there is nothing to solve"),
        ),
    ),
    linalg(
        "qr",
        rectangular(),
        orthogonalised,
        call=lambda x: signed(*tg.linalg.qr(x)),
        torch=lambda x: torch_signed(t("linalg.qr")(x)),
        differs=LAPACK,
    ),
    plain(
        "qr",
        rectangular(),
        orthogonalised,
        call=lambda x: signed(*tg.qr(x)),
        torch=lambda x: torch_signed(t("qr")(x)),
        method=lambda x: signed(*x.qr()),
        differs=LAPACK,
    ),
    linalg(
        "svd",
        rectangular(full_matrices=(False, True)),
        lambda x, **_full: x @ up(x) @ x,
        call=lambda x, full_matrices: cubed(*tg.linalg.svd(x, full_matrices)),
        torch=lambda x, full_matrices: cubed(*t("linalg.svd")(x, full_matrices)),
        differs=LAPACK,
    ),
    plain(
        "svd",
        rectangular(some=(False, True)),
        lambda x, **_some: x @ up(x) @ x,
        call=lambda x, some: cubed(*(y if k < 2 else up(y) for k, y in enumerate(tg.svd(x, some)))),
        torch=lambda x, some: cubed(*(y if k < 2 else up(y) for k, y in enumerate(t("svd")(x, some)))),
        method=lambda x, some: cubed(*(y if k < 2 else up(y) for k, y in enumerate(x.svd(some)))),
        differs=LAPACK,
    ),
    linalg("svdvals", rectangular(), values, differs=LAPACK),
    linalg(
        "eigh",
        definite(UPLO=("L", "U")),
        lambda x, **_triangle: numpy_positive(x) @ numpy_positive(x),
        call=of_definite(lambda x, UPLO: squared(*tg.linalg.eigh(x, UPLO))),
        torch=lambda x, UPLO: squared(*t("linalg.eigh")(torch_positive(x), UPLO)),
        differs=LAPACK,
    ),
    linalg(
        "eigvalsh",
        definite(),
        lambda x: values(numpy_positive(x))[..., ::-1],
        call=of_definite(lambda x: tg.linalg.eigvalsh(x)),
        torch=torch_of_definite("linalg.eigvalsh"),
        differs=LAPACK,
    ),
    linalg("pinv", rectangular(1), pseudo, differs=LAPACK),
    plain("pinverse", rectangular(1), pseudo, method="pinverse", differs=LAPACK),
    linalg("matrix_rank", rectangular(), lambda x: np.full(x.shape[:-2], min(x.shape[-2:])), order=0, differs=LAPACK),
    linalg(
        "lstsq",
        least_squares(),
        lambda a, b: pseudo(a) @ b,
        call=lambda a, b: tg.linalg.lstsq(a, b).solution,
        torch=lambda a, b: t("linalg.lstsq")(a, b).solution,
        differs=(
            *LAPACK,
            ("nothing", "of nothing PyTorch gives other shapes"),
            ("a dimension more", "PyTorch does not broadcast here"),
            ("a dimension fewer", "PyTorch does not broadcast here"),
        ),
    ),
    linalg("matrix_norm", with_norm("fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf), norm_of, differs=NORMS),
    linalg(
        "norm",
        with_norm("fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf),
        norm_of,
        call=lambda x, ord, dim=(-2, -1), keepdim=False: tg.linalg.norm(x, ord, dim, keepdim),
        torch=lambda x, ord, dim=(-2, -1), keepdim=False: t("linalg.norm")(x, ord, dim, keepdim),
        differs=NORMS,
    ),
    linalg("norm", rectangular(1), lambda x: np.sqrt(np.sum(x * x)), note="of all", differs=LAPACK),
    linalg("cond", square(1), lambda x: values(x).max(-1) / values(x).min(-1), differs=NORMS),
    linalg(
        "cond",
        rectangular(1, p=(2, -2)),
        lambda x, p: (values(x).max(-1) / values(x).min(-1)) ** (p / 2),
        note="p = 2",
        differs=(*NORMS, ("a negative number", "PyTorch's gradient of p = 1 fails")),
    ),
    linalg(
        "cond",
        with_p("fro", "nuc", 1, -1, math.inf, -math.inf),
        lambda x, p: norm_of(x, p) * norm_of(inverted(x), p),
        torch=None,  # whose gradient of it fails
        note="of squares",
        differs=LAPACK,
    ),
    plain("matrix_power", with_power(), power_of, method="matrix_power", differs=LAPACK),
    plain("matrix_exp", square(), exponential, method="matrix_exp", differs=LAPACK),
    linalg(
        "multi_dot",
        chain(),
        folded,
        call=lambda *xs: tg.linalg.multi_dot(xs),
        torch=lambda *xs: t("linalg.multi_dot")(xs),
        differs=IN_ANY_ORDER,
    ),
    plain("chain_matmul", chain(vectors=False), folded, differs=IN_ANY_ORDER),
    linalg(
        "tensorinv",
        tensors(),
        lambda x: inverted(x.reshape(4, 4)).reshape(2, 2, 4),
        call=lambda x: tg.linalg.tensorinv(x, 1),
        torch=lambda x: t("linalg.tensorinv")(x, 1),
        differs=LAPACK,
    ),
    linalg(
        "tensorsolve",
        tensors(right=True),
        lambda a, b: solved(a.reshape(4, 4), b[:, None]).reshape(2, 2),
        differs=LAPACK,
    ),
]
