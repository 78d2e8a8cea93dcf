"""Bugs in linear algebra, special functions and statistics."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug, case

MATRICES = ["tests/ops/test_matrices.py"]

BUGS = [
    Bug("ops/matrices.py", "lambda g, y, a, _b: -_matmul(", "lambda g, y, a, _b: _matmul(", case("linalg.solve")),
    Bug("ops/determinants.py", "    d = -p * _turned(w)\n", "    d = -p * w\n", MATRICES),  # the first derivative is right, the second is not
    Bug("ops/determinants.py", "before[..., 1:])", "before[..., :-1])", MATRICES),
    Bug("ops/factors.py", "np.eye(n, dtype=_x.dtype) / 2", "np.eye(n, dtype=_x.dtype)", case("linalg.cholesky")),
    Bug("ops/factors.py", "_turned(_tril(m, diagonal=-1))", "_turned(_tril(m, diagonal=0))", case("linalg.qr")),
    Bug("ops/spectral.py", "e = _gaps(s) * (row + column)", "e = _gaps(s)", case("linalg.svd")),
    Bug("ops/spectral.py", "choose((a == 0) & (b == 0), 1.0, b)", "b", MATRICES),  # NaN where values are equal
    Bug("ops/spectral.py", "    if np.any(g != 0):\n", "    if False:\n", MATRICES),
    Bug("ops/pseudoinverses.py", "gx = gx + left - _matmul(x, _matmul(y, left))", "gx = gx + left", case("linalg.pinv")),
    Bug("ops/matrix_powers.py", "    if n < 0:\n        x, n = _inv(", "    if n < 0:\n        x, n = (", case("matrix_power")),
    Bug("ops/gamma.py", "(-1) ** n * y - _cotangent(x, n)", "(-1) ** n * y + _cotangent(x, n)", case("polygamma")),
    Bug("ops/bessel.py", "g * (slope - sign(x) * y_ if scaled", "g * (slope if scaled", ["tests/ops/test_orders.py", "-k", "i0e or i1e"]),
    Bug("ops/quantiles.py", "choose(aside(_missing, ordered), np.asarray(n - 1, x.dtype),", "choose(aside(_missing, ordered), np.asarray(0, x.dtype),", ["tests/ops/test_statistics.py"]),  # a NaN is overlooked
    Bug("ops/statistics.py", "freedom = total - correction * _sum(w * aweights", "freedom = total - correction * _sum(w", case("cov-weighted")),
    Bug("ops/reduce.py", "return y if dtype is None or y.dtype == dtype else", "return y if True else", ["tests/ops/test_reduce.py"]),
]  # fmt: skip
