"""Every method of a tensor beside what NumPy or Python's own mathematics makes of the same numbers."""

# ruff: noqa: E501  (one line a method)

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.tensors.inplace import InPlace
from tinygrad_cnn.tensors.mathematics import Mathematics
from tinygrad_cnn.tensors.methods import Methods

NAN, INF = math.nan, math.inf


def numbers() -> dict[str, Any]:
    """What the lines below work on: arrays, made anew, and `each`, a function of numbers along all of an array."""
    return {
        "np": np, "m": math, "nan": NAN, "inf": INF, "each": lambda f, *v: np.vectorize(f, otypes=[float])(*v),
        "x": np.array([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]]), "y": np.array([[2.0, -1.0, 0.5], [1.5, 3.0, -2.0]]),
        "p": np.array([[0.1, 0.5, 0.9], [0.25, 0.75, 0.6]]), "n": np.array([[NAN, 1.0, INF], [-INF, -0.0, 2.0]]),
        "i": np.array([[3, 1, 2], [0, -1, 4]]), "j": np.array([[1, 2, 3], [3, 2, 1]]), "b": np.array([[True, False, True], [False, False, True]]),
        "v": np.array([1.0, -2.0, 0.5]), "w": np.array([2.0, 3.0]), "s": np.array([[4.0, 1.0], [1.0, 3.0]]), "c": np.arange(24.0).reshape(2, 3, 4),
        "k": np.array([[0, 2, 1], [1, 1, 0]]), "l": np.array([2, 0]), "q": np.array([1, 1, 3, 3, 3, 1]),
    }  # fmt: skip


LINES = """
x.mul(y)                        x * y
x.multiply(y)                   x * y
x.maximum(y)                    np.maximum(x, y)
x.minimum(y)                    np.minimum(x, y)
x.add(y)                        x + y
x.add(y, alpha=3)               x + 3 * y
x.sub(y)                        x - y
x.sub(y, alpha=3)               x - 3 * y
x.subtract(y)                   x - y
x.subtract(y, alpha=3)          x - 3 * y
x.div(y)                        x / y
x.div(y, rounding_mode="floor")  np.floor(x / y)
x.divide(y)                     x / y
x.divide(y, rounding_mode="trunc")   np.trunc(x / y)
x.true_divide(y)                x / y
x.floor_divide(y)               np.floor(x / y)
x.remainder(y)                  np.mod(x, y)
x.fmod(y)                       np.fmod(x, y)
x.pow(3)                        x ** 3
x.float_power(2)                x ** 2
x.neg()                         -x
x.negative()                    -x
x.square()                      x * x
p.sqrt()                        np.sqrt(p)
p.rsqrt()                       1 / np.sqrt(p)
x.reciprocal()                  1 / x
x.exp()                         np.exp(x)
x.exp2()                        2 ** x
x.expm1()                       np.exp(x) - 1
p.log()                         np.log(p)
p.log2()                        np.log2(p)
p.log10()                       np.log10(p)
p.log1p()                       np.log(1 + p)
x.tanh()                        np.tanh(x)
x.sigmoid()                     1 / (1 + np.exp(-x))
x.relu()                        np.maximum(x, 0)
x.abs()                         abs(x)
x.absolute()                    abs(x)
x.sign()                        np.sign(x)
x.sgn()                         np.sign(x)
x.sin()                         np.sin(x)
x.cos()                         np.cos(x)
x.tan()                         np.tan(x)
p.asin()                        np.arcsin(p)
p.arcsin()                      np.arcsin(p)
p.acos()                        np.arccos(p)
p.arccos()                      np.arccos(p)
x.atan()                        np.arctan(x)
x.arctan()                      np.arctan(x)
x.sinh()                        np.sinh(x)
x.cosh()                        np.cosh(x)
x.asinh()                       np.arcsinh(x)
x.arcsinh()                     np.arcsinh(x)
x.square().add(1).acosh()       np.arccosh(x * x + 1)
x.square().add(1).arccosh()     np.arccosh(x * x + 1)
p.atanh()                       np.arctanh(p)
p.arctanh()                     np.arctanh(p)
x.atan2(y)                      np.arctan2(x, y)
x.arctan2(y)                    np.arctan2(x, y)
x.erf()                         each(m.erf, x)
x.erfc()                        each(m.erfc, x)
x.erf().erfinv()                x
x.deg2rad()                     np.deg2rad(x)
x.rad2deg()                     np.rad2deg(x)
x.sinc()                        np.sinc(x)
x.logaddexp(y)                  np.log(np.exp(x) + np.exp(y))
x.logaddexp2(y)                 np.log2(2 ** x + 2 ** y)
x.xlogy(p)                      x * np.log(p)
x.hypot(y)                      np.hypot(x, y)
p.logit()                       np.log(p / (1 - p))
p.logit(0.3)                    np.log(np.clip(p, 0.3, 0.7) / (1 - np.clip(p, 0.3, 0.7)))
x.lerp(y, 0.25)                 x + 0.25 * (y - x)
x.addcmul(y, p)                 x + y * p
x.addcmul(y, p, value=3)        x + 3 * y * p
x.addcdiv(y, p)                 x + y / p
x.addcdiv(y, p, value=3)        x + 3 * y / p
x.clamp(0, 2)                   np.clip(x, 0, 2)
x.clamp(max=2)                  np.minimum(x, 2)
x.clip(0, 2)                    np.clip(x, 0, 2)
x.clip(min=0)                   np.maximum(x, 0)
x.clamp_min(1)                  np.maximum(x, 1)
x.clamp_max(1)                  np.minimum(x, 1)
x.fmax(n)                       np.fmax(x, n)
x.fmin(n)                       np.fmin(x, n)
x.copysign(y)                   np.copysign(x, y)
y.relu().heaviside(x)           np.heaviside(np.maximum(y, 0), x)
n.nan_to_num()                  np.nan_to_num(n)
n.nan_to_num(7)                 np.nan_to_num(n, nan=7)
n.nan_to_num(7, 8, 9)           np.nan_to_num(n, nan=7, posinf=8, neginf=9)
y.floor()                       np.floor(y)
y.ceil()                        np.ceil(y)
y.trunc()                       np.trunc(y)
y.fix()                         np.trunc(y)
y.frac()                        y - np.trunc(y)
y.positive()                    y
y.round()                       np.round(y)
p.round(decimals=1)             np.round(p, 1)
x.where(b, y)                   np.where(b, x, y)
x.eq(x.abs())                   x == abs(x)
x.ne(x.abs())                   x != abs(x)
x.not_equal(x.abs())            x != abs(x)
x.lt(2)                         x < 2
x.less(2)                       x < 2
x.le(2)                         x <= 2
x.less_equal(2)                 x <= 2
x.gt(2)                         x > 2
x.greater(2)                    x > 2
x.ge(2)                         x >= 2
x.greater_equal(2)              x >= 2
i.logical_and(b)                np.logical_and(i, b)
i.logical_or(b)                 np.logical_or(i, b)
i.logical_xor(b)                np.logical_xor(i, b)
i.bitwise_and(j)                i & j
i.bitwise_or(j)                 i | j
i.bitwise_xor(j)                i ^ j
i.bitwise_left_shift(j)         i << j
i.bitwise_right_shift(j)        i >> j
i.logical_not()                 np.logical_not(i)
i.bitwise_not()                 ~i
n.isnan()                       np.isnan(n)
n.isinf()                       np.isinf(n)
n.isfinite()                    np.isfinite(n)
n.isposinf()                    n == inf
n.isneginf()                    n == -inf
n.signbit()                     np.signbit(n)
x.equal(x)                      True
x.equal(y)                      False
x.isclose(x + 1e-5 * x.abs())   np.isclose(x, x + 1e-5 * abs(x))
x.isclose(x + 1.5e-5)           np.isclose(x, x + 1.5e-5)
x.isclose(y, 0, 1.0)            np.isclose(x, y, 0, 1.0)
x.isclose(y, 1.0, 0)            np.isclose(x, y, 1.0, 0)
n.isclose(n)                    np.isclose(n, n)
n.isclose(n, equal_nan=True)    np.isclose(n, n, equal_nan=True)
x.allclose(x + 1e-9)            True
x.allclose(x + 1e-4)            False
x.allclose(y, 0, 9.0)           True
x.allclose(y, 9.0, 0)           True
n.allclose(n)                   False
n.allclose(n, equal_nan=True)   True
x.sum()                         x.sum()
x.sum(1)                        x.sum(1)
x.sum(0, True)                  x.sum(0, keepdims=True)
i.sum(dtype=float)              i.sum(dtype=float)
x.mean()                        x.mean()
x.mean(1)                       x.mean(1)
x.mean(0, True)                 x.mean(0, keepdims=True)
i.mean(dtype=float)             i.mean(dtype=float)
n.nansum(1)                     np.nansum(n, 1)
n.nansum(0, True)               np.nansum(n, 0, keepdims=True)
n.clamp(-9, 9).nansum()         np.nansum(np.clip(n, -9, 9))
n.clamp(-9, 9).nanmean()        np.nanmean(np.clip(n, -9, 9))
n.clamp(-9, 9).nanmean(1)       np.nanmean(np.clip(n, -9, 9), 1)
n.clamp(-9, 9).nanmean(0, True)  np.nanmean(np.clip(n, -9, 9), 0, keepdims=True)
x.prod()                        x.prod()
x.prod(1)                       x.prod(1)
x.prod(0, True)                 x.prod(0, keepdims=True)
i.prod(1, dtype=float)          i.prod(1, dtype=float)
b.all()                         b.all()
b.all(0)                        b.all(0)
b.all(1, True)                  b.all(1, keepdims=True)
b.any()                         b.any()
b.any(0)                        b.any(0)
b.any(1, True)                  b.any(1, keepdims=True)
i.count_nonzero()               np.count_nonzero(i)
i.count_nonzero(1)              np.count_nonzero(i, 1)
x.var()                         x.var(ddof=1)
x.var(1)                        x.var(1, ddof=1)
x.var(1, correction=0)          x.var(1)
x.std()                         x.std(ddof=1)
x.std(0, keepdim=True)          x.std(0, ddof=1, keepdims=True)
x.norm()                        np.sqrt((x * x).sum())
x.norm(1, 0)                    abs(x).sum(0)
x.max()                         x.max()
x.max(1)                        (x.max(1), x.argmax(1))
x.max(y)                        np.maximum(x, y)
x.min()                         x.min()
x.min(0, True)                  (x.min(0, keepdims=True), x.argmin(0, keepdims=True))
x.amax()                        x.max()
x.amax(1)                       x.max(1)
x.amax(0, True)                 x.max(0, keepdims=True)
x.amin()                        x.min()
x.amin(1)                       x.min(1)
x.amin(0, True)                 x.min(0, keepdims=True)
x.aminmax()                     (x.min(), x.max())
x.aminmax(dim=1)                (x.min(1), x.max(1))
x.aminmax(dim=0, keepdim=True)  (x.min(0, keepdims=True), x.max(0, keepdims=True))
x.argmax()                      x.argmax()
x.argmax(1)                     x.argmax(1)
x.argmax(0, True)               x.argmax(0, keepdims=True)
x.argmin()                      x.argmin()
x.argmin(1)                     x.argmin(1)
x.argmin(0, True)               x.argmin(0, keepdims=True)
x.median()                      np.sort(x.ravel())[2]
x.median(1)                     (np.median(x, 1), np.array([2, 0]))
n.nanmedian()                   np.sort(n.ravel())[2]
n[:, 1:].nanmedian(0)           (n[1, 1:], np.array([1, 1]))
x.logsumexp(1)                  np.log(np.exp(x).sum(1))
x.logsumexp(0, True)            np.log(np.exp(x).sum(0, keepdims=True))
x.softmax(1)                    np.exp(x) / np.exp(x).sum(1, keepdims=True)
i.softmax(1, float)             np.exp(i) / np.exp(i).sum(1, keepdims=True)
x.log_softmax(0)                x - np.log(np.exp(x).sum(0))
i.log_softmax(0, float)         i - np.log(np.exp(i).sum(0))
x.cumsum(1)                     x.cumsum(1)
i.cumsum(0, dtype=float)        i.cumsum(0, dtype=float)
x.cumprod(1)                    x.cumprod(1)
i.cumprod(0, dtype=float)       i.cumprod(0, dtype=float)
x.logcumsumexp(1)               np.log(np.exp(x).cumsum(1))
x.cummax(1)                     (np.maximum.accumulate(x, 1), np.array([[0, 0, 0], [0, 0, 2]]))
x.cummin(1)                     (np.minimum.accumulate(x, 1), np.array([[0, 1, 1], [0, 1, 1]]))
x.diff()                        np.diff(x)
x.diff(2, 1)                    np.diff(x, 2, 1)
x.sort()                        (np.sort(x), np.argsort(x))
x.sort(0, True)                 (np.sort(x, 0)[::-1], np.argsort(-x, 0))
x.argsort()                     np.argsort(x)
x.argsort(0)                    np.argsort(x, 0)
x.topk(2)                       (-np.sort(-x)[:, :2], np.argsort(-x)[:, :2])
x.kthvalue(2)                   (np.sort(x)[:, 1], np.argsort(x)[:, 1])
q.unique()                      np.unique(q)
q.bincount()                    np.bincount(q)
x.histc(5)                      np.histogram(x, 5)[0].astype(float)
x.matmul(y.T)                   x @ y.T
x.mm(y.T)                       x @ y.T
c.bmm(c.mT)                     c @ c.swapaxes(1, 2)
x.mv(v)                         x @ v
v.dot(x[0])                     v @ x[0]
v.vdot(x[0])                    v @ x[0]
v.outer(w)                      np.outer(v, w)
v.ger(w)                        np.outer(v, w)
s.addmm(x, y.T)                 s + x @ y.T
s.addmm(x, y.T, beta=2, alpha=3)    2 * s + 3 * x @ y.T
w.addmv(x, v)                   w + x @ v
s.new_ones(3, 3).addbmm(c, c.mT)    1 + (c @ c.swapaxes(1, 2)).sum(0)
s.new_ones(1).baddbmm(c, c.mT)  1 + c @ c.swapaxes(1, 2)
s.addbmm(c[:, :2], c[:, :2].mT)     s + (c[:, :2] @ c[:, :2].swapaxes(1, 2)).sum(0)
c.baddbmm(c[:, :, :3], c, alpha=2)  c + 2 * c[:, :, :3] @ c
v.squeeze()                     v
s.addr(w, w)                    s + np.outer(w, w)
s.addr(w, w, beta=2, alpha=3)   2 * s + 3 * np.outer(w, w)
x.cross(y, 1)                   np.cross(x, y)
x.inner(y)                      x @ y.T
x.kron(s)                       np.kron(x, s)
s.trace()                       np.trace(s)
x.reshape(3, 2)                 x.reshape(3, 2)
x.reshape((3, -1))              x.reshape(3, 2)
x.view(6)                       x.ravel()
x.view((3, 2))                  x.reshape(3, 2)
x.view(np.dtype("i8"))          x.view("i8")
x.reshape_as(c[0, :2, :3].T)    x.reshape(3, 2)
x.view_as(c[0, :2, :3].T)       x.reshape(3, 2)
v.expand_as(x)                  np.broadcast_to(v, (2, 3))
c.flatten()                     c.ravel()
c.flatten(1)                    c.reshape(2, 12)
c.flatten(0, 1)                 c.reshape(6, 4)
c.unflatten(2, (2, 2))          c.reshape(2, 3, 2, 2)
c.unflatten(-2, (3, 1))         c.reshape(2, 3, 1, 4)
c.ravel()                       c.ravel()
x[None, :1].squeeze()           x[0]
x[None, :1].squeeze(1)          x[None, 0]
x.unsqueeze(1)                  x[:, None]
c.transpose(0, 2)               c.swapaxes(0, 2)
c.swapaxes(0, 2)                c.swapaxes(0, 2)
c.swapdims(1, 2)                c.swapaxes(1, 2)
c.permute(2, 0, 1)              c.transpose(2, 0, 1)
c.permute((2, 0, 1))            c.transpose(2, 0, 1)
c.permute(dims=(1, 0, 2))       c.transpose(1, 0, 2)
c.movedim(0, 2)                 np.moveaxis(c, 0, 2)
c.moveaxis(2, 0)                np.moveaxis(c, 2, 0)
x.t()                           x.T
v.t()                           v
x.unfold(1, 2, 1)               np.stack([x[:, :2], x[:, 1:]], 1)
x.sum_to_size(2, 1)             x.sum(1, keepdims=True)
x.sum_to_size((1, 3))           x.sum(0, keepdims=True)
v.expand(2, 3)                  np.broadcast_to(v, (2, 3))
v.expand((4, -1))               np.broadcast_to(v, (4, 3))
v.broadcast_to((2, 3))          np.broadcast_to(v, (2, 3))
x.clone()                       x
x.T.contiguous()                x.T
q.split(4)                      (q[:4], q[4:])
x.split([1, 2], 1)              (x[:, :1], x[:, 1:])
q.chunk(2)                      (q[:3], q[3:])
x.chunk(3, 1)                   (x[:, :1], x[:, 1:2], x[:, 2:])
q.tensor_split(4)               tuple(np.array_split(q, 4))
x.tensor_split((1,), 1)         (x[:, :1], x[:, 1:])
x.hsplit(3)                     tuple(np.hsplit(x, 3))
x.vsplit(2)                     tuple(np.vsplit(x, 2))
c.dsplit(2)                     tuple(np.dsplit(c, 2))
q.split_with_sizes([1, 5])      (q[:1], q[1:])
x.split_with_sizes([2, 1], 1)   (x[:, :2], x[:, 2:])
x.unbind()                      (x[0], x[1])
x.unbind(1)                     (x[:, 0], x[:, 1], x[:, 2])
x.flip(1)                       x[:, ::-1]
x.flip((0, 1))                  x[::-1, ::-1]
x.flip(dims=(0,))               x[::-1]
x.fliplr()                      x[:, ::-1]
x.flipud()                      x[::-1]
x.roll(1)                       np.roll(x, 1)
x.roll(1, 1)                    np.roll(x, 1, 1)
x.rot90()                       np.rot90(x)
x.rot90(2)                      np.rot90(x, 2)
c.rot90(1, (1, 2))              np.rot90(c, 1, (1, 2))
x.repeat(2, 1)                  np.tile(x, (2, 1))
x.repeat((1, 2))                np.tile(x, (1, 2))
x.tile(2)                       np.tile(x, 2)
x.tile((2, 1))                  np.tile(x, (2, 1))
x.repeat_interleave(2)          np.repeat(x, 2)
x.repeat_interleave(2, 1)       np.repeat(x, 2, 1)
x.repeat_interleave(l, 0, output_size=2)    np.repeat(x, l, 0)
c.tril()                        np.tril(c)
c.tril(1)                       np.tril(c, 1)
c.triu()                        np.triu(c)
c.triu(-1)                      np.triu(c, -1)
c.diagonal()                    np.diagonal(c)
c.diagonal(1, 1, 2)             np.diagonal(c, 1, 1, 2)
x.diag()                        np.diag(x)
v.diag(1)                       np.diag(v, 1)
x.diag_embed()                  np.stack([np.diag(r) for r in x])
x.diag_embed(1)                 np.stack([np.diag(r, 1) for r in x])
x.diag_embed(0, 0, 2)           np.stack([np.diag(r) for r in x], 1)
x.diagflat()                    np.diagflat(x)
v.diagflat(1)                   np.diagflat(v, 1)
x.narrow(1, 1, 2)               x[:, 1:3]
x.narrow_copy(1, 1, 2)          x[:, 1:3]
x.select(1, 2)                  x[:, 2]
x.gather(1, k)                  np.take_along_axis(x, k, 1)
x.scatter(1, k[:, :1], y)       np.array([[2.0, 1, 2], [.5, 1.5, 4]])
x.scatter(1, k[:, :1], value=9)     np.array([[9.0, 1, 2], [.5, 9, 4]])
x.scatter(1, k[:, :1], y, reduce="add")    np.array([[5.0, 1, 2], [.5, .5, 4]])
x.scatter_add(1, k, y)          np.array([[5.0, 1.5, 1], [-1.5, 3.5, 4]])
x.scatter_reduce(1, k, y, "sum")    np.array([[5.0, 1.5, 1], [-1.5, 3.5, 4]])
x.scatter_reduce(1, k, y, "sum", include_self=False)    np.array([[2.0, .5, -1], [-2, 4.5, 4]])
x.index_reduce(1, l, y[:, :2], "prod")     np.array([[-3.0, 1, 4], [1.5, -1, 6]])
x.index_reduce(1, l, y[:, :2], "prod", include_self=False)     np.array([[-1.0, 1, 2], [3, -1, 1.5]])
x.index_put((l[1:], l[:1]), w[:1])     np.array([[3.0, 1, 2], [.5, -1, 4]])
x.index_put((k[1], k[1]), v, True)      np.array([[3.5, 1, 2], [.5, -2, 4]])
x.index_put((k[1][:1], k[1][:1]), w[0])     np.array([[3.0, 1, 2], [.5, 2, 4]])
x.put(l, w)                     np.array([[3.0, 1, 2], [.5, -1, 4]])
x.put(k[1], v)                  np.array([[.5, -2, 2], [.5, -1, 4]])
x.put(k[1], v, True)            np.array([[3.5, 0, 2], [.5, -1, 4]])
x.take_along_dim(k)             np.take_along_axis(x.ravel(), k.ravel(), 0)
x.take_along_dim(k, 1)          np.take_along_axis(x, k, 1)
x.index_select(1, l)            x[:, l]
x.index_add(1, l, s)            np.array([[4.0, 1, 6], [3.5, -1, 5]])
x.index_add(1, l, s, alpha=2)   np.array([[5.0, 1, 10], [6.5, -1, 6]])
x.index_copy(1, l, s)           np.array([[1.0, 1, 4], [3, -1, 1]])
x.index_fill(1, l, 7)           np.array([[7.0, 1, 7], [7, -1, 7]])
x.take(l)                       x.ravel()[l]
x.masked_fill(b, 7)             np.where(b, 7, x)
x.masked_select(b)              x[b]
x.masked_scatter(b, v)          np.array([[1.0, 1, -2], [.5, -1, .5]])
i.nonzero()                     np.argwhere(i)
i.nonzero(as_tuple=True)        np.nonzero(i)
i.argwhere()                    np.argwhere(i)
s.inverse()                     np.linalg.inv(s)
s.det()                         np.linalg.det(s)
s.slogdet()                     tuple(np.linalg.slogdet(s))
s.logdet()                      np.log(np.linalg.det(s))
s.cholesky()                    np.linalg.cholesky(s)
s.cholesky(True)                np.linalg.cholesky(s).T
s.cholesky().cholesky_inverse()            np.linalg.inv(s)
s.cholesky(True).cholesky_inverse(True)    np.linalg.inv(s)
s.cholesky_solve(s.cholesky())             np.eye(2)
s.cholesky_solve(s.cholesky(True), True)   np.eye(2)
s.triu().qr()[1].abs()          np.triu(s)
x.T.qr()[0].T @ x.T.qr()[0]     np.eye(2)
x.T.qr(False)[0].T @ x.T.qr(False)[0]      np.eye(3)
x.svd()[1]                      np.linalg.svd(x)[1]
x.svd()[0] * x.svd()[1] @ x.svd()[2].T     x
x.svd(False)[2].T @ x.svd(False)[2]        np.eye(3)
x.svd(True, False)[2].abs().sum()          np.array(0.0)
x.pinverse()                    np.linalg.pinv(x)
x.pinverse(0.9)                 np.linalg.pinv(x, 0.9)
s.matrix_power(3)               s @ s @ s
s.matrix_exp()                  sum(np.linalg.matrix_power(s, a) / m.factorial(a) for a in range(40))
x.dist(y)                       np.sqrt(((x - y) ** 2).sum())
x.dist(y, 1)                    abs(x - y).sum()
x.renorm(1, 0, 5.7)             x * np.array([[5.7 / (6 + 1e-7)], [1]])
x.quantile(0.3)                 np.quantile(x, 0.3)
x.quantile(0.3, 1)              np.quantile(x, 0.3, 1)
x.quantile(0.3, 0, True)        np.quantile(x, 0.3, 0, keepdims=True)
x.quantile(0.3, interpolation="lower")     np.quantile(x, 0.3, method="lower")
n.clamp(-9, 9).nanquantile(0.3)            np.nanquantile(np.clip(n, -9, 9), 0.3)
n.clamp(-9, 9).nanquantile(0.3, 1)         np.nanquantile(np.clip(n, -9, 9), 0.3, 1)
n.clamp(-9, 9).nanquantile(0.3, 0, True)   np.nanquantile(np.clip(n, -9, 9), 0.3, 0, keepdims=True)
n.clamp(-9, 9).nanquantile(0.3, interpolation="higher")    np.nanquantile(np.clip(n, -9, 9), 0.3, method="higher")
x.cov()                         np.cov(x)
x.cov(correction=0)             np.cov(x, ddof=0)
x.cov(fweights=j[0])            np.cov(x, fweights=j[0])
x.cov(aweights=p[0])            np.cov(x, aweights=p[0])
x.corrcoef()                    np.corrcoef(x)
x.histogram(4)                  (np.histogram(x, 4)[0] * 1.0, np.histogram(x, 4)[1])
x.histogram(4, range=(0.0, 3.0))           (np.array([1.0, 1, 1, 1]), np.linspace(0, 3, 5))
x.histogram(4, weight=p)        np.histogram(x, 4, weights=p)
x.histogram(4, density=True)    np.histogram(x, 4, density=True)
q.view(2, 3).mode()[0]          np.array([1, 3])
q.view(2, 3).mode(0)[0]         q.reshape(2, 3).min(0)
q.view(2, 3).mode(1, True)[0]   np.array([[1], [3]])
q.unique_consecutive()          np.array([1, 3, 1])
q.unique_consecutive(True)[1]   np.array([0, 0, 1, 1, 1, 2])
q.unique_consecutive(False, True)[1]       np.array([2, 3, 1])
j.flip(1).unique_consecutive(dim=0)        j[:, ::-1]
p.lgamma()                      each(m.lgamma, p)
(p + 1).digamma() - p.digamma()  1 / p
p.polygamma(1) - (p + 1).polygamma(1)      1 / p ** 2
(p + 3).mvlgamma(2)             each(m.lgamma, p + 3) + each(m.lgamma, p + 2.5) + m.log(m.pi) / 2
p.i0()                          np.i0(p)
x.angle()                       np.where(x < 0, m.pi, 0.0)
x.conj()                        x
x.conj_physical()               x
x.isreal()                      np.ones((2, 3), bool)
i.gcd(j)                        np.gcd(i, j)
i.lcm(j)                        np.lcm(i, j)
x.ldexp(j)                      x * 2.0 ** j
x.frexp()[0]                    np.frexp(x)[0]
x.nextafter(y)                  np.nextafter(x, y)
x.select_scatter(w, 1, 1)       np.array([[3.0, 2, 2], [.5, 3, 4]])
x.slice_scatter(v[None], 0, 1)  np.array([[3.0, 1, 2], [1, -2, .5]])
x.slice_scatter(v[None], 0, None, 1)       np.array([[1.0, -2, .5], [.5, -1, 4]])
x.slice_scatter(s, 1, 0, 3, 2)  np.array([[4.0, 1, 1], [1, -1, 3]])
x.slice_scatter(y)              y
x.diagonal_scatter(w)           np.array([[2.0, 1, 2], [.5, 3, 4]])
x.diagonal_scatter(w, 1)        np.array([[3.0, 2, 2], [.5, -1, 3]])
x.diagonal_scatter(w[:1], 1, 1, 0)         np.array([[3.0, 1, 2], [2, -1, 4]])
x.mH                            x.T
x.H                             x.T
x.real                          x
"""
CASES = [tuple(part.strip() for part in line.split("  ", 1)) for line in LINES.strip().splitlines()]


def check(ours: Any, expected: Any) -> None:
    if isinstance(expected, tuple):
        assert len(ours) == len(expected)
        for a, b in zip(ours, expected, strict=True):
            check(a, b)
    elif isinstance(expected, bool):
        assert ours is expected
    else:
        assert isinstance(ours, tg.Tensor)
        assert ours.numpy().dtype == np.asarray(expected).dtype
        assert ours.shape == np.shape(expected)
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("ours", "numpys"), CASES, ids=[ours for ours, _ in CASES])
def test_a_method(ours: str, numpys: str) -> None:
    given = numbers()
    tensors = {name: tg.tensor(v) if isinstance(v, np.ndarray) else v for name, v in numbers().items()}
    check(eval(ours, tensors), eval(numpys, given))
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(tensors[name].numpy(), value)


def test_all_methods_are_here() -> None:
    missing = {name for room in (Methods, Mathematics) for name in vars(room) if not name.startswith("__")}
    assert {name for name in missing if f".{name}" not in LINES} == set()


TURNING = ("squeeze", "unsqueeze", "t", "transpose", "swapaxes", "swapdims")
WRITING = [
    (found[2], ours)
    for ours, _ in CASES
    if (found := re.fullmatch(r"(\w)\.(\w+)\((.*)\)", ours)) and f"{found[2]}_" in vars(InPlace)
    if ")." not in found[3] and "dtype" not in found[3]
]


def test_nearly_all_that_write_are_here() -> None:
    writing = {name for name in vars(InPlace) if name.endswith("_") and not name.startswith("_")}
    alone = {"copy_", "fill_", "zero_", "fill_diagonal_", "apply_", "map_", "uniform_", "normal_", "log_normal_"}
    alone |= {
        "exponential_",
        "bernoulli_",
        "random_",
        "erfinv_",
        "acosh_",
        "arccosh_",
        "heaviside_",
        "digamma_",
        "polygamma_",
        "mvlgamma_",
    }
    assert {name for name in writing - alone if name[:-1] not in {name for name, _ in WRITING}} == set()


@pytest.mark.parametrize(("name", "ours"), WRITING)
def test_and_its_twin_that_writes(name: str, ours: str) -> None:
    """The same values, in the same memory and dtype, and the tensor itself comes back."""
    head = ours[0]
    tensors: dict[str, Any] = {n: tg.tensor(v) if isinstance(v, np.ndarray) else v for n, v in numbers().items()}
    expected, x = eval(ours, dict(tensors)), tensors[head]
    before, writes = x.data_ptr(), ours.replace(f".{name}(", f".{name}_(", 1)
    if expected.shape != x.shape and name not in TURNING:
        with pytest.raises(RuntimeError, match="shape"):
            eval(writes, tensors)
        return
    y = eval(writes, tensors)
    assert y is x
    assert y.data_ptr() == before
    assert y.dtype == numbers()[head].dtype
    np.testing.assert_array_equal(y.numpy(), expected.numpy().astype(y.dtype))


OPERATORS = ["x += y", "x -= y", "x *= y", "x /= y", "x //= y", "x %= y", "x **= 2", "i <<= j", "i >>= j", "i &= j", "i |= j", "i ^= j", "i += j", "x += 2", "i -= 3"]  # fmt: skip


@pytest.mark.parametrize("line", OPERATORS)
def test_an_operator_that_writes(line: str) -> None:
    given = numbers()
    tensors = {name: tg.tensor(v) if isinstance(v, np.ndarray) else v for name, v in numbers().items()}
    name = line[0]
    before = tensors[name]
    exec(line, tensors)
    exec(line, given)
    assert tensors[name] is before
    check(before, given[name])


@pytest.mark.parametrize(
    ("line", "numpys"),
    [
        ("x.fill_(2)", "np.full((2, 3), 2.0)"),
        ("x.fill_(i[0, 0])", "np.full((2, 3), 3.0)"),
        ("x.zero_()", "np.zeros((2, 3))"),
        ("x.copy_(v)", "np.broadcast_to(v, (2, 3))"),
        ("x.copy_(i)", "i.astype(float)"),
        ("i.copy_(x)", "x.astype(int)"),
        ("x.copy_(5)", "np.full((2, 3), 5.0)"),
        ("x.copy_(i.numpy())", "i.astype(float)"),
        ("s.fill_diagonal_(7)", "np.array([[7.0, 1], [1, 7]])"),
        ("x.fill_diagonal_(7)", "np.array([[7.0, 1, 2], [.5, 7, 4]])"),
        ("c[:, :2, :2].fill_diagonal_(7)", "np.where(np.arange(8).reshape(2, 2, 2) % 7 == 0, 7.0, c[:, :2, :2])"),
        ("x.apply_(lambda n: n * n)", "x * x"),
        ("x.map_(y, lambda a, b: a - b)", "x - y"),
        ("x.map_(v, lambda a, b: a - b)", "x - v"),
        ("x.uniform_(3, 3)", "np.full((2, 3), 3.0)"),
        ("x.normal_(3, 0)", "np.full((2, 3), 3.0)"),
        ("x.bernoulli_(0)", "np.zeros((2, 3))"),
        ("x.bernoulli_(1)", "np.ones((2, 3))"),
        ("x.bernoulli_(b.double())", "b.astype(float)"),
        ("i.bernoulli_(1.0)", "np.ones((2, 3), int)"),
    ],
)
def test_what_takes_other_numbers(line: str, numpys: str) -> None:
    tensors: dict[str, Any] = {n: tg.tensor(v) if isinstance(v, np.ndarray) else v for n, v in numbers().items()}
    name = line[0]
    before = tensors[name].data_ptr()
    y = eval(line, tensors)
    check(y, eval(numpys, numbers()))
    assert y.data_ptr() == tensors[name].data_ptr() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x.fill_(v)", r"fill_ takes a number or a 0-d tensor, got shape \(3,\); use copy_"),
        ("v.fill_diagonal_(1)", r"needs a matrix, or more dimensions of one size, got shape \(3,\)"),
        ("c.fill_diagonal_(1)", r"or more dimensions of one size, got shape \(2, 3, 4\)"),
        ("x.map_(i, max)", "takes a Tensor of dtype float64, got int64"),
        ("x.map_(3, max)", "takes a Tensor of dtype float64, got int"),
        ("x.requires_grad_().apply_(abs)", r"apply_\(\) of a tensor that requires grad"),
        ("x.map_(y.requires_grad_(), max)", r"map_\(\) of a tensor that requires grad"),
        ("x.uniform_(1, 0.9)", "the lower end must not be above the upper, got 1 and 0.9"),
        ("x.uniform_(nan)", "the lower end must not be above the upper"),
        ("x.normal_(0, -0.1)", "std must be >= 0, got -0.1"),
        ("x.log_normal_(0, 0)", "std must be above 0, got 0"),
        ("x.exponential_(0)", "lambd must be above 0, got 0"),
        ("x.bernoulli_(1.1)", r"probabilities lie in \[0, 1\], got 1.1 to 1.1"),
        ("x.bernoulli_(-p)", r"probabilities lie in \[0, 1\], got -0.9 to -0.1"),
        ("i.normal_()", "normal_ needs a tensor of a floating dtype, got int64"),
        ("i.uniform_()", "uniform_ needs a tensor of a floating dtype"),
        ("i.exponential_()", "exponential_ needs a tensor of a floating dtype"),
        ("i.log_normal_()", "log_normal_ needs a tensor of a floating dtype"),
    ],
)
def test_numbers_that_are_not_taken(line: str, words: str) -> None:
    tensors: dict[str, Any] = {n: tg.tensor(v) if isinstance(v, np.ndarray) else v for n, v in numbers().items()}
    with pytest.raises((RuntimeError, TypeError), match=words):
        eval(line, tensors)
    np.testing.assert_array_equal(tensors[line[0]].detach().numpy(), numbers()[line[0]])
