"""What is left out has the value that PyTorch documents; and on these inputs any other value would be seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.nn import functional as F

la = tg.linalg
RNG = np.random.default_rng(0)
V, W = tg.tensor([3.0, 1.0, 2.0]), tg.tensor([1.0, -2.0, 5.0])
X, Y, B = (tg.tensor(RNG.normal(size=s)) for s in ((3, 3), (3, 3), (3, 3, 3)))
P = X @ X.T + tg.eye(3)
I, M = tg.tensor([2, 0, 1]), tg.tensor([[1, 1, 2], [2, 2, 2]])
NEAR = (tg.tensor([1.0, 1.0, 0.0, float("nan")]), tg.tensor([1.000001, 1.5, 1e-9, float("nan")]))
NO, LAST = {"keepdim": False}, {"dim": -1}

DEFAULTS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    (tg.rot90, (X,), {"k": 1, "dims": (0, 1)}),
    (tg.tril, (X,), {"diagonal": 0}),
    (tg.triu, (X,), {"diagonal": 0}),
    (tg.diag, (X,), {"diagonal": 0}),
    (tg.diag, (V,), {"diagonal": 0}),
    (tg.diagonal, (B,), {"offset": 0, "dim1": 0, "dim2": 1}),
    (tg.diag_embed, (X,), {"offset": 0, "dim1": -2, "dim2": -1}),
    (tg.diagflat, (V,), {"offset": 0}),
    (tg.combinations, (V,), {"r": 2, "with_replacement": False}),
    (tg.isclose, NEAR, {"rtol": 1e-5, "atol": 1e-8, "equal_nan": False}),
    (tg.allclose, tuple(x[1:2] for x in NEAR), {"rtol": 1e-5, "atol": 1e-8}),
    (tg.allclose, tuple(x[3:] for x in NEAR), {"equal_nan": False}),
    (tg.tensordot, (B, B), {"dims": 2}),
    (tg.cdist, (X, Y), {"p": 2.0}),
    (tg.pdist, (X,), {"p": 2.0}),
    (tg.dist, (X, Y), {"p": 2}),
    (tg.add, (X, Y), {"alpha": 1}),
    (tg.sub, (X, Y), {"alpha": 1}),
    (tg.rsub, (X, Y), {"alpha": 1}),
    *((f, (X, 1), NO) for f in (tg.amax, tg.amin, tg.argmax, tg.argmin, tg.max, tg.min, tg.median, tg.nanmedian)),
    *((f, (X, 1), NO) for f in (tg.var, tg.std, tg.var_mean, tg.std_mean, tg.sum, tg.mean, tg.nansum, tg.nanmean)),
    *((f, (X, 1), NO) for f in (tg.prod, tg.all, tg.any, tg.logsumexp)),
    (lambda x, **a: tg.aminmax(x, dim=1, **a), (X,), NO),
    (lambda x, **a: tg.norm(x, dim=1, **a), (X,), NO),
    (lambda x, **a: tg.quantile(x, 0.5, 1, **a), (X,), NO),
    (lambda x, **a: tg.nanquantile(x, 0.5, 1, **a), (X,), NO),
    (lambda x, **a: la.vector_norm(x, dim=1, **a), (X,), {"ord": 2, **NO}),
    (lambda x, **a: la.norm(x, 1, 0, **a), (X,), NO),
    (lambda x, **a: la.matrix_norm(x, 1, **a), (B,), {"dim": (-2, -1), **NO}),
    (tg.cholesky, (P,), {"upper": False}),
    (tg.cholesky_inverse, (X,), {"upper": False}),
    (tg.cholesky_solve, (Y, X), {"upper": False}),
    (lambda *x, **a: la.solve_triangular(*x, upper=True, **a), (X, Y), {"left": True, "unitriangular": False}),
    (la.solve, (X, Y), {"left": True}),
    (tg.trapezoid, (B,), {"dx": 1, **LAST}),
    (tg.cumulative_trapezoid, (B,), {"dx": 1, "dim": -1}),
    (tg.gradient, (X,), {"edge_order": 1, "spacing": 1}),
    (lambda *x, **a: tg.cat(x, **a), (X, Y), {"dim": 0}),
    (lambda *x, **a: tg.stack(x, **a), (X, Y), {"dim": 0}),
    (tg.split, (X, 2), {"dim": 0}),
    (tg.chunk, (X, 2), {"dim": 0}),
    (tg.tensor_split, (X, 2), {"dim": 0}),
    (tg.split_with_sizes, (X, [1, 2]), {"dim": 0}),
    (tg.unbind, (X,), {"dim": 0}),
    (tg.nan_to_num, (tg.tensor([float("nan"), 1.0]),), {"nan": 0.0}),
    (tg.addmm, (X, X, Y), {"beta": 1, "alpha": 1}),
    (tg.addmv, (X[0], X, Y[0]), {"beta": 1, "alpha": 1}),
    (tg.addbmm, (X, B, B), {"beta": 1, "alpha": 1}),
    (tg.baddbmm, (X, B, B), {"beta": 1, "alpha": 1}),
    (tg.addr, (V, V, W), {"beta": 1, "alpha": 1}),
    (tg.index_add, (V, 0, I, W), {"alpha": 1}),
    (tg.nonzero, (X,), {"as_tuple": False}),
    (F.one_hot, (I,), {"num_classes": 3}),
    (tg.isin, (I, I[:1]), {"invert": False}),
    (tg.bucketize, (V, tg.tensor([1.0, 2.0, 3.0])), {"out_int32": False, "right": False}),
    (tg.searchsorted, (tg.tensor([1.0, 2.0, 3.0]), V), {"out_int32": False, "right": False, "side": "left"}),
    (tg.unique_consecutive, (M,), {"return_inverse": False, "return_counts": False}),
    (tg.unique, (M,), {"return_inverse": False, "return_counts": False}),
    (tg.svd, (X[:2],), {"some": True, "compute_uv": True}),
    (la.svd, (X[:2],), {"full_matrices": True}),
    (tg.qr, (X[:, :2],), {"some": True}),
    (tg.sort, (B,), {"dim": -1, "descending": False}),
    (tg.argsort, (B,), {"dim": -1, "descending": False}),
    (tg.topk, (B, 2), {"dim": -1, "largest": True}),
    (tg.kthvalue, (B, 2), {"dim": -1, "keepdim": False}),
    (tg.bincount, (tg.tensor([], dtype=tg.int64),), {"minlength": 0}),
    (tg.histc, (W,), {"bins": 100, "min": 0, "max": 0}),
    (lambda x, **a: tg.histogram(x, 2, **a), (W,), {"density": False}),
    (la.pinv, (X,), {"hermitian": False}),
    (tg.pinverse, (P,), {"rcond": 1e-15}),
    (la.matrix_rank, (tg.tensor([[0.0, 1.0], [0.0, 0.0]]),), {"hermitian": False}),
    (lambda x, **a: tg.slice_scatter(x, 0 * x[:2], end=2, **a), (B,), {"dim": 0, "step": 1}),
    (lambda x, **a: tg.diagonal_scatter(x, Y[:, :3], **a), (B,), {"offset": 0, "dim1": 0, "dim2": 1}),
    (tg.round, (X,), {"decimals": 0}),
    (tg.diff, (B,), {"n": 1, "dim": -1}),
    (tg.scatter_reduce, (V, 0, I * 0, W, "sum"), {"include_self": True}),
    (tg.index_reduce, (V, 0, I * 0, W, "prod"), {"include_self": True}),
    (lambda *x, **a: tg.index_put(x[0], (I,), x[1], **a), (V, W), {"accumulate": False}),
    (tg.put, (V, I, W), {"accumulate": False}),
    (tg.flatten, (B,), {"start_dim": 0, "end_dim": -1}),
    (F.softplus, (tg.tensor([20.5, -1.0]).double(),), {"beta": 1, "threshold": 20}),
    (tg.addcmul, (X, X, Y), {"value": 1}),
    (tg.addcdiv, (X, X, Y), {"value": 1}),
    (tg.cov, (X,), {"correction": 1}),
    (tg.mode, (B.round(),), {"dim": -1, "keepdim": False}),
    (la.vecdot, (B, B + 1), {"dim": -1}),
    (la.cross, (B, B + 1), {"dim": -1}),
    (tg.vander, (V,), {"increasing": False}),
    (la.tensorinv, (tg.eye(4).reshape(2, 2, 2, 2) * 2,), {"ind": 2}),
]  # fmt: skip


def listed(y: Any) -> Any:
    """What came out as lists, with its dtypes and shapes."""
    if isinstance(y, (tuple, list)):
        return [listed(x) for x in y]
    return (str(y.dtype), tuple(y.shape), y.tolist()) if isinstance(y, tg.Tensor) else y


def same(a: Any, b: Any) -> bool:
    try:
        np.testing.assert_equal(a, b)
    except AssertionError:
        return False
    return True


def another(value: Any) -> Any:
    """A value near this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return "right"
    if isinstance(value, tuple):
        return value[::-1]
    return 1 if value == -1 else 0 if value == -2 else value + 1


@pytest.mark.parametrize(("function", "inputs", "documented"), DEFAULTS)
def test_what_is_left_out_has_its_documented_value(
    function: Callable[..., Any], inputs: tuple[Any, ...], documented: dict[str, Any]
) -> None:
    expected = listed(function(*inputs, **documented))
    assert same(listed(function(*inputs)), expected)
    for name, value in documented.items():
        try:
            other = listed(function(*inputs, **{**documented, name: another(value)}))
        except (RuntimeError, ValueError, IndexError):
            continue  # seen, too
        assert not same(other, expected), f"{name}={another(value)} gives the same"


@pytest.mark.parametrize(
    ("function", "inputs", "names"),
    [
        (tg.sort, (M,), ("stable",)),
        (tg.argsort, (M,), ("stable",)),
        (tg.topk, (M, 2), ("sorted",)),
        (tg.unique, (M,), ("sorted",)),
        (tg.isin, (I, I[:1]), ("assume_unique",)),
    ],
)
def test_what_every_order_here_keeps_may_be_asked_for_or_not(
    function: Callable[..., Any], inputs: tuple[Any, ...], names: tuple[str, ...]
) -> None:
    for name in names:
        yes, no = (listed(function(*inputs, **{name: on})) for on in (True, False))
        assert yes == no == listed(function(*inputs))
