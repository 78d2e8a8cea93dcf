"""The everyday names of tensors beside PyTorch; how two libraries are compared: `tests.tensors.beside`.

`DIFFERENT` names the cases in which we differ on purpose; each must still differ.
"""

# ruff: noqa: E501  (one line a case)

from __future__ import annotations

import copy
import inspect
import pickle
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.tensors.beside import verdict
from tinygrad_cnn.ops import promotion
from tinygrad_cnn.tensors import printing

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of what it calls old

X = "x = L.tensor([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]])"
G = "x = L.tensor([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]], requires_grad=True)"
I = "i = L.tensor([[3, 1, 2], [0, -1, 4]])"

MAKING: dict[str, str] = {
    "of sizes": "x = L.Tensor(2, 3); r = (tuple(x.shape), str(x.dtype)[-7:], x.requires_grad); del x",
    "of one size": "x = L.Tensor(4); r = tuple(x.shape); del x",
    "of a NumPy integer": "x = L.Tensor(np.int64(4)); r = tuple(x.shape); del x",
    "of a Size": f"{X}; y = L.Tensor(x.shape); r = tuple(y.shape); del y",
    "of a list": "x = L.Tensor([1, 2]); y = L.Tensor([[1.5, 2], [3, 4]])",
    "of a tuple": "x = L.Tensor((1, 2))",
    "of a range": "x = L.Tensor(range(3))",
    "of booleans": "x = L.Tensor([True, False])",
    "of nothing": "x = L.Tensor()",
    "of an empty list": "x = L.Tensor([])",
    "of tensors in a list": "x = L.Tensor([L.tensor(1.0), L.tensor(2)])",
    "of a tensor": "t = L.tensor([1.0, 2.0]); x = L.Tensor(t); x[0] = 5.0",
    "of a tensor of integers": "x = L.Tensor(L.tensor([1, 2]))",
    "of an array of float32": "x = L.Tensor(np.ones(2, np.float32))",
    "of an array of float64": "x = L.Tensor(np.ones(2))",
    "of an array of integers": "x = L.Tensor(np.ones(2, np.int64))",
    "of a float": "x = L.Tensor(3.5)",
    "of a boolean": "x = L.Tensor(True)",
    "of text": "x = L.Tensor('ab')",
    "of None": "x = L.Tensor(None)",
    "of a negative size": "x = L.Tensor(-1)",
    "of a list beside a size": "x = L.Tensor(2, [3])",
    "of lists of two lengths": "x = L.Tensor([[1, 2], [3]])",
    "of a list with text": "x = L.Tensor(['a'])",
    "on the CPU": "x = L.Tensor([1.0], device='cpu')",
    "is a Tensor": "r = isinstance(L.Tensor([1.0]), L.Tensor); s = isinstance(L.LongTensor([1]), L.Tensor)",
    "typed, of lists": "a = L.FloatTensor([1, 2]); b = L.DoubleTensor([1]); c = L.HalfTensor([0.5]); d = L.LongTensor([1, 2]); e = L.IntTensor([1]); f = L.ShortTensor([1]); g = L.CharTensor([-1]); h = L.ByteTensor([255]); i = L.BoolTensor([2, 0])",
    "typed, of sizes": "r = [tuple(t.shape) for t in (L.FloatTensor(2, 3), L.LongTensor(4), L.ByteTensor())]",
    "typed, of a fraction": "x = L.LongTensor([1.5])",
    "typed, of a number out of range": "x = L.ByteTensor([300])",
    "typed, of an array": "x = L.FloatTensor(np.array([1, 2])); y = L.LongTensor(np.array([1.5, 2.5]))",
    "typed, of an array, is a copy": "a = np.zeros(2, np.float32); x = L.FloatTensor(a); x[0] = 1.0",
    "typed, of a tensor": "t = L.ones(2); x = L.FloatTensor(t); x[0] = 5.0",
    "typed, of a tensor of another type": "x = L.LongTensor(L.ones(2))",
    "typed, isinstance": f"{X}; {I}; r = [isinstance(x, L.FloatTensor), isinstance(x, L.DoubleTensor), isinstance(i, (L.IntTensor, L.LongTensor)), isinstance(3, L.FloatTensor)]",
    "Variable": "t = L.tensor([1.0, 2.0]); v = L.autograd.Variable(t, requires_grad=True); (v * v).sum().backward()",
    "Variable, by position": "v = L.autograd.Variable(L.ones(2), True)",
    "Variable, volatile": "v = L.autograd.Variable(L.ones(2), volatile=True)",
    "Variable shares memory": "t = L.ones(2); v = L.autograd.Variable(t); v[0] = 3.0",
    "Variable, isinstance": f"{X}; r = isinstance(x, L.autograd.Variable); s = isinstance(L.nn.Parameter(x), L.autograd.Variable)",
    "Variable of integers that require grad": "v = L.autograd.Variable(L.tensor([1]), requires_grad=True)",
    "new": f"{X}; y = x.new([1, 2]); z = x.new(); r = tuple(x.new(2, 2).shape); s = tuple(x.new(x.size()).shape)",
    "new of integers": f"{I}; y = i.new([1, 2]); r = str(i.new(3).dtype)[-5:]",
    "new of a tensor of another type": f"{X}; y = x.new(L.tensor([1]))",
    "new_zeros": f"{X}; y = x.new_zeros(2, 3); z = x.new_zeros((2,)); w = x.new_zeros(size=(2, 2)); v = x.new_zeros(2, dtype=L.int64); u = x.new_zeros(2, requires_grad=True)",
    "new_ones": f"{I}; y = i.new_ones(2, 3); z = i.new_ones([2]); w = i.new_ones(2, dtype=L.float64, device='cpu')",
    "new_full": f"{X}; y = x.new_full((2,), 7); z = x.new_full([1, 2], 1.5)",
    "new_full of integers with a fraction": f"{I}; y = i.new_full((2,), 1.5)",
    "new_empty": f"{X}; r = tuple(x.new_empty(2, 3).shape); s = str(x.new_empty(2, dtype=L.int32).dtype)[-5:]",
    "new_tensor": f"{X}; y = x.new_tensor([1, 2]); z = x.new_tensor([1, 2], dtype=L.int64); w = x.new_tensor(L.ones(2).double())",
    "new_zeros of a wrong argument": f"{X}; y = x.new_zeros(2, shape=3)",
    "new_zeros of a negative size": f"{X}; y = x.new_zeros(-2)",
    "size=": "r = [tuple(f(size=(2, 3)).shape) for f in (L.zeros, L.ones, L.empty, L.rand, L.randn)]; x = L.full(size=(2,), fill_value=3.0); s = tuple(L.randint(3, size=(2,)).shape)",
    "size= beside sizes": "x = L.zeros(2, size=(2, 3))",
    "hints": "x = L.zeros(2, layout=L.strided, pin_memory=False); y = L.zeros_like(x, memory_format=L.preserve_format); z = x.clone(memory_format=L.contiguous_format); w = x.contiguous(memory_format=L.contiguous_format); v = x.to(L.float64, memory_format=L.preserve_format); u = L.clone(x, memory_format=L.preserve_format)",
    "another layout": "x = L.zeros(2, layout='sparse')",
    "a wrong argument of a factory": "x = L.zeros(2, shape=3)",
    "out= of a factory": "o = L.empty(2); x = L.zeros(2, out=o); y = L.arange(3, out=L.empty(0, dtype=L.int64))",
}  # fmt: skip

TELLING: dict[str, str] = {
    "type": f"{X}; {I}; r = [t.type() for t in (x, i, x.double(), x.half(), i.int(), i.short(), i.char(), i.byte(), i.bool())]",
    "type of a dtype": f"{G}; y = x.type(L.float64); z = x.type(L.int64); r = x.type(L.float32) is x",
    "type of a name": f"{X}; y = x.type('torch.DoubleTensor'); z = x.type('torch.LongTensor'); w = x.type('torch.ByteTensor')",
    "type of a type": f"{X}; y = x.type(L.LongTensor); z = x.type(dtype=L.DoubleTensor)",
    "type of a wrong name": f"{X}; y = x.type('DoubleTensor')",
    "type of a device that is not here": f"{X}; y = x.type('torch.cuda.FloatTensor')",
    "type has a gradient": f"{G}; x.type(L.float64).pow(2).sum().backward()",
    "type_as": f"{G}; {I}; y = x.type_as(i); z = x.type_as(L.ones(1).double()); r = x.type_as(L.ones(1)) is x",
    "casts": f"{X}; r = [f(x) for f in (L.Tensor.float, L.Tensor.double, L.Tensor.half, L.Tensor.int, L.Tensor.long, L.Tensor.short, L.Tensor.char, L.Tensor.bool)]; s = x.abs().byte()",
    "stride": f"{X}; r = (x.stride(), x.t().stride(), x[:, ::2].stride(), x[0].stride(), x.sum().stride()); s = (x.stride(0), x.stride(-1), x.stride(dim=1))",
    "stride of a dimension that is not there": f"{X}; r = x.stride(2)",
    "storage_offset": f"{X}; r = (x.storage_offset(), x[1].storage_offset(), x[1:, 1:].storage_offset(), x.t()[1].storage_offset())",
    "data_ptr": f"{X}; r = (x.data_ptr() == x.view(-1).data_ptr(), x.data_ptr() == x.clone().data_ptr(), x[1].data_ptr() - x.data_ptr())",
    "is_contiguous": f"{X}; r = (x.is_contiguous(), x.t().is_contiguous(), x.is_contiguous(memory_format=L.contiguous_format))",
    "sizes of elements": f"{X}; r = (x.element_size(), x.itemsize, x.nbytes, x.double().nbytes, x.bool().element_size())",
    "counts": f"{X}; r = (x.dim(), x.ndimension(), x.ndim, x.numel(), x.nelement(), len(x), L.numel(x))",
    "kinds": f"{X}; {I}; r = [(t.is_floating_point(), t.is_complex(), t.is_signed()) for t in (x, i, i.byte(), i.bool())]; s = (L.is_floating_point(x), L.is_floating_point(i), L.is_complex(x), L.is_tensor(x), L.is_tensor(3))",
    "places": f"{X}; r = (x.is_cuda, x.is_sparse, x.is_quantized, x.is_meta, x.get_device(), str(x.device), x.is_cpu, x.layout == L.strided, x.is_pinned())",
    "is_same_size": f"{X}; r = (x.is_same_size(x * 2), x.is_same_size(x.t()), L.is_same_size(x, x), x.is_same_size(L.zeros(2, 3).long()))",
    "is_nonzero": "r = (L.is_nonzero(L.tensor([0.0])), L.is_nonzero(L.tensor(3)), L.is_nonzero(L.tensor([[True]])))",
    "is_nonzero of two": "r = L.is_nonzero(L.tensor([1, 2]))",
    "is_nonzero of none": "r = L.is_nonzero(L.tensor([]))",
    "is_nonzero of a number": "r = L.is_nonzero(1)",
    "numel of a list": "r = L.numel([1])",
    "is_leaf, retain_grad": f"{G}; y = x * 2; y.retain_grad(); y.sum().backward(); g = y.grad; r = (x.is_leaf, y.is_leaf)",
    "tolist, item": f"{X}; {I}; r = x.tolist(); s = i[0, 0].item(); u = i.sum().tolist()",
    "numpy by force": f"{G}; r = x.numpy(force=True)",
    "typename": f"{X}; r = (L.typename(x), L.typename(x.long()), L.typename(3), L.typename('a'))",
    "index, contains": f"{I}; r = [10, 20, 30, 40][i[0, 1]]; s = (3 in i, 7 in i, 2.5 in i)",
    "index of a float": f"{X}; r = [1, 2][x[0, 0]]",
    "index of several": f"{I}; r = [1, 2][i]",
    "T, mT, H, mH": f"{G}; a, b, c, d = x.T, x.mT, x.H, x.mH; (a + b + c + d).pow(2).sum().backward()",
    "mT of several": "x = L.arange(12.0).reshape(3, 2, 2); a = x.mT; b = x.mH",
    "H of a vector": "x = L.ones(3); y = x.H",
    "H of three dimensions": "x = L.ones(3, 2, 2); y = x.H",
    "mT of a vector": "x = L.ones(3); y = x.mT",
    "size of a dimension": f"{X}; r = (x.size(0), x.size(-1), x.size(dim=1))",
    "size of one that is not there": f"{X}; r = x.size(5)",
    "size of a dimension of a number": "x = L.ones(()); r = x.size(0)",
    "a Size": f"{X}; r = (x.shape.numel(), x.shape[1:].numel(), (x.shape + (4,)).numel(), ((4,) + x.shape).numel(), (x.shape * 2).numel(), L.Size([2, 3]) == x.shape, L.Size(), x.size() == (2, 3), x.shape[0])",
    "a Size is one": f"{X}; r = [isinstance(s, L.Size) for s in (x.shape, x.size(), x.shape[:1], x.shape + (1,), (1,) + x.shape, x.shape * 2, 2 * x.shape, x.sum().shape)]; s = isinstance(x.shape, tuple)",
    "a Size of floats": "s = L.Size([2.0])",
    "a Size of a number": "s = L.Size(3)",
    "a Size, unpacked": f"{X}; a, b = x.shape; r = (a, b); s = L.zeros(*x.shape); u = L.zeros(x.shape); v = x.view(x.shape[::-1]); w = x.reshape(x.size(1), x.size(0))",
    "finfo": "r = [getattr(L.finfo(d), n) for d in (L.float16, L.float32, L.float64) for n in ('bits', 'eps', 'max', 'min', 'tiny', 'smallest_normal', 'resolution', 'dtype')]; s = L.finfo().dtype; u = repr(L.finfo(L.float32))",
    "iinfo": "r = [getattr(L.iinfo(d), n) for d in (L.uint8, L.int8, L.int16, L.int32, L.int64) for n in ('bits', 'max', 'min', 'dtype')]; s = repr(L.iinfo(L.int8))",
    "finfo of integers": "r = L.finfo(L.int8)",
    "iinfo of floats": "r = L.iinfo(L.float32)",
    "iinfo of booleans": "r = L.iinfo(L.bool)",
    "can_cast": "D = [L.bool, L.uint8, L.int8, L.int64, L.float16, L.float64]; r = [L.can_cast(a, b) for a in D for b in D]; del D",
    "promote_types": "D = [L.bool, L.uint8, L.int8, L.int16, L.int32, L.int64, L.float16, L.float32, L.float64]; r = [str(L.promote_types(a, b)).split('.')[-1] for a in D for b in D]; del D",
    "result_type": f"{X}; {I}; r = [str(L.result_type(a, b)).split('.')[-1] for a, b in ((x, i), (i, 1.5), (x, 1), (i.bool(), 1), (i, x.sum().double()))]",
    "dtype is a type": f"{X}; r = isinstance(x.dtype, L.dtype); s = isinstance(3, L.dtype)",
    "what there is not": "r = (hasattr(L, 'no_such_name'),)",
}  # fmt: skip

DOING: dict[str, str] = {
    "axis": f"{X}; r = [x.sum(axis=0), x.mean(axis=1, keepdims=True), x.argmax(axis=1), x.max(axis=1)[0], x.std(axis=0), x.unsqueeze(axis=0), x.softmax(axis=1), x.cumsum(axis=1), x.sort(axis=1)[0], x.all(axis=0), x.squeeze(axis=0), x.argsort(axis=0), x.logsumexp(axis=1, keepdims=True), x.amax(axis=(0, 1)), x.median(axis=1)[0], x.var(axis=1, keepdims=True), x.prod(axis=0, keepdims=True), x.topk(2, axis=1)[0], x.min(axis=0, keepdims=True)[1]]",
    "axis of functions": f"{X}; r = [L.sum(x, axis=0), L.mean(x, axis=1, keepdims=True), L.argmax(x, axis=1), L.cat([x, x], axis=1), L.stack([x, x], axis=0), L.softmax(x, axis=1), L.unsqueeze(x, axis=0), L.cumsum(x, axis=1), L.max(x, axis=1)[1], L.std(x, axis=0), L.chunk(x, 2, axis=0)[1], L.any(x, axis=0), L.unbind(x, axis=1)[0], L.diff(x, axis=1), L.index_select(x, axis=1, index=L.tensor([0]))]",
    "axis of a gather": f"{X}; r = [x.gather(axis=1, index=L.tensor([[0], [1]])), x.index_select(axis=0, index=L.tensor([1])), x.narrow(axis=1, start=0, length=1), x.flatten(), x.select(axis=0, index=0), x.unbind(axis=0)[0], x.scatter(axis=1, index=L.tensor([[0], [1]]), value=7.0), x.index_fill(axis=0, index=L.tensor([0]), value=1.0)]",
    "axis in place": f"{X}; x.cumsum_(axis=1); x.unsqueeze_(axis=0); x.squeeze_(axis=0); x.scatter_(axis=1, index=L.tensor([[0], [1]]), value=7.0)",
    "axis has a gradient": f"{G}; (x.sum(axis=0) * x.mean(axis=1, keepdims=True)).sum().backward()",
    "x, x1, x2, input, other": f"{X}; r = [L.sum(x=x, axis=0), L.exp(input=x), L.exp(x=x), L.add(input=x, other=x), L.add(x, x2=x), L.mul(x1=x, x2=x), L.pow(x, exponent=2), L.clamp(input=x, min=0), L.matmul(input=x, other=x.t()), L.maximum(x, other=-x), L.reshape(input=x, shape=(3, 2)), L.where(condition=x > 1, input=x, other=-x)]",
    "axis and dim": f"{X}; r = x.sum(dim=0, axis=1)",
    "axis beside a position": f"{X}; r = x.sum(0, axis=1)",
    "a wrong keyword": f"{X}; r = x.sum(dims=0)",
    "a wrong keyword of a function": f"{X}; r = L.sum(x, dims=0)",
    "a wrong keyword of an operation": f"{X}; r = L.exp(x, axis=0)",
    "a wrong keyword of a method": f"{X}; r = x.exp(axis=0)",
    "an input twice": f"{X}; r = L.add(x, input=x, other=x)",
    "an input missing": f"{X}; r = L.add(other=x)",
    "alpha": f"{G}; r = [x.add(x, alpha=2), x.sub(x, alpha=0.5), L.add(x, x, alpha=-1), L.sub(x, 1, alpha=2), L.add(x, 2, alpha=3), L.subtract(x, x, alpha=2)]; L.add(x * x, x, alpha=3).sum().backward()",
    "alpha in place": f"{X}; x.add_(x, alpha=2); x.sub_(1, alpha=0.5); x[0].add_(L.ones(3), alpha=3)",
    "alpha of integers": f"{I}; r = [i.add(i, alpha=2), L.sub(i, 1, alpha=3), i.add(1.5, alpha=2)]",
    "a fraction for alpha of integers": f"{I}; r = i.add(i, alpha=0.5)",
    "a tensor for alpha": f"{X}; r = x.add(x, alpha=L.tensor(2.0))",
    "out": f"{X}; o = L.empty(2, 3); r = L.add(x, x, out=o); s = r is o; L.mul(x, 2, out=o); L.matmul(x, x.t(), out=L.empty(2, 2))",
    "out of none": f"{X}; o = L.empty(0); L.exp(x, out=o); p = L.empty(0); L.cat([x, x], out=p); q = L.empty(0); L.sum(x, 0, out=q)",
    "out of two": f"{X}; v, i = L.empty(0), L.empty(0, dtype=L.int64); r = L.max(x, 1, out=(v, i)); s = L.sort(x, out=(L.empty(0), L.empty(0, dtype=L.int64)))[0]",
    "out of another shape": f"{X}; o = L.zeros(5); L.add(x, x, out=o)",
    "out through a view": f"{X}; o = L.zeros(2, 2, 3); L.add(x, x, out=o[0])",
    "out of another dtype": f"{X}; o = L.zeros(2, 3, dtype=L.float64); L.add(x, x, out=o)",
    "out of integers": f"{X}; o = L.zeros(2, 3, dtype=L.int64); L.add(x, x, out=o)",
    "out with a gradient": f"{G}; o = L.zeros(2, 3); L.add(x, x, out=o)",
    "out without recording": f"{G}; o = L.zeros(2, 3); with L.no_grad(): L.add(x, x, out=o)",
    "out of a number": f"{X}; L.add(x, x, out=3)",
    "shifts": f"{I}; r = [i << 1, i >> 1, 1 << i.abs(), 100 >> i.abs(), L.bitwise_left_shift(i, 2), L.bitwise_right_shift(i, i.abs()), i.bitwise_left_shift(1)]",
    "shifts in place": f"{I}; i <<= 2; i >>= 1; i.bitwise_left_shift_(1); i.bitwise_right_shift_(2)",
    "bits in place": f"{I}; j = i; i &= 3; i |= 8; i ^= 1; r = j is i",
    "shift of floats": f"{X}; r = L.bitwise_left_shift(x, 1)",
    "shift of booleans": f"{I}; r = i.bool() << i.bool()",
    "where of a condition": f"{X}; r = L.where(x > 1); s = L.where(L.tensor(True)); u = L.where(L.tensor([0, 3]))",
    "where of two": f"{X}; r = L.where(x > 1, x)",
    "where of three": f"{G}; y = L.where(x > 1, x, 0.0); z = L.where(x > 1, 1, 0); y.pow(2).sum().backward()",
    "reshapes like another": f"{X}; y = L.zeros(3, 2); r = [x.view_as(y), x.reshape_as(y), x[0].expand_as(x), y.view_as(x).expand_as(L.zeros(2, 2, 3))]",
    "expand and view": f"{X}; r = [x[0].expand(2, -1), x.view(-1), x.view(3, -1), x.expand(2, 2, 3), x[:1].expand(4, 3)]",
    "view of a dtype": "x = L.ones(2); y = x.view(L.int32); z = x.view(L.float64); w = L.tensor([1, 2]).view(L.uint8); v = x.view(L.float32)",
    "view of a dtype shares memory": "x = L.ones(2); y = x.view(L.int32); y[0] = 0",
    "view of a dtype that does not fit": "x = L.ones(3); y = x.view(L.float64)",
    "view of a dtype of a number": "x = L.tensor(1.0); y = x.view(L.int32); z = x.view(L.int8)",
    "view of a dtype across rows": "x = L.ones(2, 2).t(); y = x.view(L.int8)",
    "unfold": f"{G}; y = x.unfold(1, 2, 1); z = x.unfold(0, 2, 1); (y.sum() + (z * z).sum()).backward()",
    "unfold is a view": "x = L.zeros(6); y = x.unfold(0, 2, 2); y[0, 0] = 5.0; y += 1",
    "unfold that overlaps cannot be written": "x = L.zeros(6); y = x.unfold(0, 3, 1); y += 1",
    "unfold of what is not there": "x = L.zeros(6); y = x.unfold(0, 7, 1)",
    "unfold in no steps": "x = L.zeros(6); y = x.unfold(0, 2, 0)",
    "unfold of a number": "x = L.tensor(3.0); y = x.unfold(0, 1, 1); z = x.unfold(0, 2, 1)",
    "sum_to_size": f"{G}; y = x.sum_to_size(1, 3); z = x.sum_to_size(3); w = x.sum_to_size((2, 1)); r = x.sum_to_size(2, 3) is x; (y.pow(2).sum() + w.pow(3).sum()).backward()",
    "sum_to_size that does not fit": f"{X}; y = x.sum_to_size(2)",
    "apply_": f"{X}; x.apply_(lambda v: v * 2 + 1); y = x.t().apply_(lambda v: -v)",
    "apply_ of integers": f"{I}; i.apply_(lambda v: v + 1)",
    "apply_ of what requires grad": f"{G}; x.apply_(lambda v: v)",
    "map_": f"{X}; x.map_(L.ones(2, 3), lambda a, b: a + 2 * b)",
    "map_ broadcasts": f"{X}; x.map_(L.ones(3), lambda a, b: a + 2 * b)",
    "map_ of another dtype": f"{X}; x.map_(L.ones(2, 3).double(), lambda a, b: a)",
    "scatter with a reduction": f"{X}; j = L.tensor([[0, 0, 2]]); r = [x.scatter(1, j, L.ones(1, 3), reduce='add'), x.scatter(1, j, 3.0, reduce='multiply'), x.scatter(1, j, value=2.0, reduce='add')]; x.scatter_(1, j, 5.0, reduce='add')",
    "scatter with a wrong reduction": f"{X}; x.scatter(1, L.tensor([[0]]), 3.0, reduce='mean')",
    "scatter_reduce": f"{G}; j = L.tensor([[0, 0, 2], [1, 1, 1]]); s = L.arange(6.0).view(2, 3); r = [x.scatter_reduce(1, j, s, k, include_self=f) for k in ('sum', 'prod', 'mean', 'amax', 'amin') for f in (True, False)]; sum((y * y).sum() for y in r).backward()",
    "scatter_reduce_": f"{X}; x.scatter_reduce_(0, L.tensor([[0, 0, 1]]), L.ones(1, 3), reduce='sum'); x.scatter_reduce_(dim=0, index=L.tensor([[1]]), src=L.ones(1, 1), reduce='mean', include_self=False)",
    "scatter_reduce of integers": f"{I}; j = L.tensor([[0, 0, 2], [1, 1, 1]]); r = [i.scatter_reduce(1, j, i, k) for k in ('sum', 'prod', 'mean', 'amax', 'amin')]",
    "scatter_reduce of booleans": "b = L.tensor([True, False, False]); j = L.tensor([0, 0, 1]); r = [b.scatter_reduce(0, j, b, k) for k in ('sum', 'prod', 'amax', 'amin')]",
    "scatter_reduce, the mean of booleans": "b = L.tensor([True]); r = b.scatter_reduce(0, L.tensor([0]), b, 'mean')",
    "scatter_reduce with a wrong reduction": f"{X}; x.scatter_reduce(0, L.tensor([[0]]), L.ones(1, 1), 'add')",
    "scatter_reduce of another dtype": f"{X}; x.scatter_reduce(0, L.tensor([[0]]), L.ones(1, 1).double(), 'sum')",
    "scatter_reduce out of range": f"{X}; x.scatter_reduce(0, L.tensor([[2]]), L.ones(1, 1), 'amax')",
    "index_reduce": f"{X}; r = [x.index_reduce(0, L.tensor([1, 1]), L.full((2, 3), 5.0), k, include_self=f) for k in ('prod', 'mean', 'amax', 'amin') for f in (True, False)]; x.index_reduce_(0, L.tensor([0]), L.zeros(1, 3), 'amin')",
    "index_reduce of a sum": f"{X}; x.index_reduce(0, L.tensor([1]), L.ones(1, 3), 'sum')",
    "index_put": f"{X}; r = [x.index_put((L.tensor([0]),), L.ones(3)), x.index_put((L.tensor([0, 1]), L.tensor([1, 2])), L.tensor([7.0, 8.0])), x.index_put([x > 1], L.tensor(0.0)), x.index_put((L.tensor([0, 0]),), L.tensor(5.0), accumulate=True)]",
    "index_put_": f"{X}; x.index_put_((L.tensor([0, 0]), L.tensor([1, 1])), L.tensor([7.0, 8.0]), accumulate=True); x.index_put_((L.tensor([True, False]),), L.tensor(1.0))",
    "index_put has a gradient": f"{G}; v = L.ones(2, requires_grad=True); y = x.index_put((L.tensor([0, 0]), L.tensor([1, 1])), v, accumulate=True); (y * y).sum().backward()",
    "index_put of another dtype": f"{X}; x.index_put((L.tensor([0]),), L.tensor(5))",
    "index_put of a number": f"{X}; x.index_put((L.tensor([0]),), 5.0)",
    "index_put of a tensor for indices": f"{X}; x.index_put(L.tensor([0]), L.tensor(5.0))",
    "index_put out of range": f"{X}; x.index_put((L.tensor([2]),), L.tensor(5.0))",
    "index_put of values that do not fit": f"{X}; x.index_put((L.tensor([0]),), L.ones(2), accumulate=True)",
    "put": f"{X}; y = x.put(L.tensor([0, -1]), L.tensor([5.0, 6.0])); z = x.put(L.tensor([[0], [0]]), L.tensor([5.0, 6.0]), accumulate=True); x.put_(L.tensor([1]), L.tensor([9.0]))",
    "put of too few": f"{X}; x.put(L.tensor([0, 0]), L.tensor([5.0]))",
    "put out of range": f"{X}; x.put(L.tensor([9]), L.tensor([5.0]))",
    "addcmul": f"{G}; y = x.addcmul(x, x, value=0.5); z = L.addcdiv(x, x, x * x, value=-1); x.detach().addcmul_(L.ones(2, 3), L.ones(2, 3), value=2); (y + z).sum().backward()",
    "reversed": "x = L.tensor([1.0, 2.0, 3.0]); r = list(reversed(x))",
    "deterministic": "L.use_deterministic_algorithms(True); r = L.are_deterministic_algorithms_enabled(); L.use_deterministic_algorithms(True, warn_only=True); s = L.is_deterministic_algorithms_warn_only_enabled(); L.use_deterministic_algorithms(False); u = L.are_deterministic_algorithms_enabled()",
    "deterministic of a number": "L.use_deterministic_algorithms(1)",
    "seeds": "g = L.manual_seed(7); r = L.initial_seed(); s = g.initial_seed(); u = L.random.initial_seed(); del g",
    "a seed of the system": "s = L.seed(); r = s == L.initial_seed(); del s; L.manual_seed(0)",
    "a state put back": "L.manual_seed(3); s = L.get_rng_state(); a = L.rand(3); L.set_rng_state(s); b = L.rand(3); r = (a == b).all().item(); u = (s.dtype == L.uint8, s.dim(), s.requires_grad); del s, a, b",
    "a state that was copied": "s = L.random.get_rng_state().clone(); a = L.randn(3); L.random.set_rng_state(s); r = (a == L.randn(3)).all().item(); del s, a",
    "a state of another kind": "L.set_rng_state(L.zeros(5))",
    "fork_rng": "L.manual_seed(1); a = L.rand(2); L.manual_seed(1); with L.random.fork_rng(): L.manual_seed(9); b = L.rand(2); r = (a == b).all().item(); del a, b",
}  # fmt: skip

DEFAULT: dict[str, str] = {  # each begins with float64 for a default
    "new tensors": "x = L.tensor([1.0]); y = L.zeros(2); z = L.ones(2); w = L.full((2,), 1.5); v = L.linspace(0, 1, 3); u = L.arange(0, 1, 0.5); t = L.eye(2); s = L.Tensor([1]); r = L.tensor([1, 2]); q = L.as_tensor([0.5])",
    "random tensors": "r = [str(t.dtype)[-7:] for t in (L.rand(2), L.randn(2), L.normal(0.0, 1.0, (2,)), L.Tensor(2))]",
    "beside integers": "i = L.tensor([1, 2]); r = [i * 1.5, i / 2, i.sqrt(), i.sigmoid(), L.softmax(i.double(), 0), i.float() * 1.5, 1.5 ** i]",
    "like others": "x = L.ones(2, dtype=L.float32); y = L.zeros_like(x); z = x * 2.0; w = x.new_zeros(2); v = x.new_tensor([1.0])",
    "layers": "m = L.nn.Linear(2, 3); b = L.nn.BatchNorm1d(2); c = L.nn.Conv2d(1, 1, 1); e = L.nn.Embedding(2, 2); r = [str(p.dtype)[-7:] for k in (m, b, c, e) for p in k.parameters()]; s = str(b.running_mean.dtype)[-7:]; y = str(m(L.ones(1, 2)).dtype)[-7:]",
    "asked": "r = str(L.get_default_dtype())[-7:]; s = L.finfo().dtype; i = L.arange(3); u = str(L.result_type(i, 1.0))[-7:]",
    "typed tensors stay": "x = L.FloatTensor([1]); r = x.type()",
    "of a type": "L.set_default_tensor_type('torch.FloatTensor'); x = L.ones(1); L.set_default_tensor_type(L.DoubleTensor); y = L.ones(1)",
    "of integers": "L.set_default_dtype(L.int32)",
    "of text": "L.set_default_dtype('no such')",
    "printed": "r = 'dtype' in repr(L.ones(1)); s = 'float32' in repr(L.ones(1, dtype=L.float32)); u = 'dtype' in repr(L.tensor([1]))",
}  # fmt: skip

DIFFERENT: dict[str, str] = {  # where we differ from PyTorch on purpose
    "making: of an array of float64": "an array keeps its dtype",
    "making: of an array of integers": "an array keeps its dtype",
    "making: typed, of a fraction": "a fraction is no integer, which PyTorch cuts off",
    "making: new_full of integers with a fraction": "a fraction is no integer, which PyTorch cuts off",
    "doing: unfold that overlaps cannot be written": "one number stands in several windows; what PyTorch writes depends on the order",
}


def check(name: str, source: str, ours: Any, torch: Any) -> None:
    text = verdict(source, ours, torch)
    if name in DIFFERENT:
        assert text, f"{name}: no difference any more ({DIFFERENT[name]}); take it off the list"
        pytest.skip(f"differs on purpose: {DIFFERENT[name]}")
    assert not text, f"{source}\n{text}"


@pytest.mark.parametrize("name", MAKING)
def test_making(name: str, torch: Any) -> None:
    check(f"making: {name}", MAKING[name], tg, torch)


@pytest.mark.parametrize("name", TELLING)
def test_telling(name: str, torch: Any) -> None:
    check(f"telling: {name}", TELLING[name], tg, torch)


@pytest.mark.parametrize("name", DOING)
def test_doing(name: str, torch: Any) -> None:
    check(f"doing: {name}", DOING[name], tg, torch)


@pytest.fixture
def doubles(torch: Any) -> Iterator[None]:
    """Both libraries with float64 for a default dtype."""
    for library in (tg, torch):
        library.set_default_dtype(library.float64)
    yield
    for library in (tg, torch):
        library.set_default_dtype(library.float32)


@pytest.mark.usefixtures("doubles")
@pytest.mark.parametrize("name", DEFAULT)
def test_another_default_dtype(name: str, torch: Any) -> None:
    check(f"default: {name}", DEFAULT[name], tg, torch)


# ----------------------------------------------------------------------------------------------------- on our own
def test_an_array_keeps_its_dtype_and_its_memory() -> None:
    """PyTorch's Tensor(array) is float32; here an array is what it is, and lists and numbers are the default dtype."""
    a = np.array([1.0, 2.0])
    x = tg.Tensor(a)
    assert x.dtype == np.float64
    a[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    x += 1  # the array is another name of the memory
    assert a.tolist() == [6.0, 3.0]
    assert tg.Tensor([1, 2]).dtype == tg.Tensor(2).dtype == np.float32
    assert tg.Tensor(np.float64(1.5)).tolist() == 1.5
    assert tg.Tensor(np.arange(3, dtype=">i4")).dtype == np.dtype("i4")


def test_sizes_give_zeros() -> None:
    like = tg.ones(2, 3)
    for x in (tg.Tensor(2, 3), tg.Tensor(like.shape), tg.LongTensor(2, 3), like.new(2, 3), like.new_empty(2, 3)):
        assert x.shape == (2, 3)
        assert not x.numpy().any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tg.Tensor(3.5), r"tensor\(3.5\)"),
        (lambda: tg.Tensor(2, 3.0), r"integers, got \(2, 3.0\)"),
        (lambda: tg.Tensor(1 + 2j), "sizes, or a sequence of values"),
        (lambda: tg.Tensor(object()), "got object"),
        (lambda: tg.Tensor(np.array(["a"])), "real numbers"),
        (lambda: tg.LongTensor(tg.ones(2)), "takes a tensor of dtype int64, got float32"),
        (lambda: tg.ones(2).type("torch.FooTensor"), "FooTensor.*LongTensor"),
        (lambda: tg.ones(2, 3).size(5), "dim=5 is out of range for 2 dimensions: expected -2 to 1"),
        (lambda: tg.ones(()).size(0), "0-d tensor, which has no dimensions"),
        (lambda: tg.ones(2, 3).sum(dims=0), r"sum\(\) has no argument 'dims'; it takes .*dim, keepdim, dtype"),
        (lambda: tg.cat([tg.ones(2)], along=0), r"cat\(\) has no argument 'along'; it takes tensors, dim"),
        (lambda: tg.ones(2).exp(axis=0), r"Tensor.exp\(\)"),
        (lambda: tg.ones(2).sum(dim=0, axis=0), "both dim= and axis="),
        (lambda: tg.add(tg.ones(2), input=tg.ones(2), other=1), "input=, its input number 1, beside 1 by position"),
        (lambda: tg.add(other=1), "other=, its input number 2, beside 0 by position"),
        (lambda: tg.exp(tg.ones(2), axis=1), r"exp\(\) has no argument 'axis'"),
        (lambda: tg.zeros(2, layout="sparse_coo"), "one layout, strided, got sparse_coo"),
        (lambda: tg.add(tg.ones(2, requires_grad=True), 1, out=tg.ones(2)), r"out= records no gradient; assign"),
        (lambda: tg.add(tg.ones(2), 1, out=tg.ones(2).long()), "float32 cannot be written into out, of int64"),
        (lambda: tg.max(tg.ones(2), 0, out=tg.ones(2)), "out must be a tuple of 2 Tensors"),
        (lambda: tg.set_printoptions(profile="loud"), "default, short, full"),
        (lambda: tg.set_default_dtype(tg.int32), "float16, float32 or float64, got int32"),
        (lambda: tg.random.set_rng_state(tg.zeros(3)), "dtype float32"),
        (lambda: tg.random.set_rng_state(tg.zeros(3, dtype=tg.uint8)), "no such state"),
        (lambda: tg.ones(2).map_([1.0], max), "got list"),
        (lambda: tg.ones(2, requires_grad=True).apply_(abs), r"detach\(\).apply_"),
        (lambda: tg.ones(3).view(tg.float64), r"contiguous\(\)"),
        (lambda: tg.Size([1.5]), "sequence of integers"),
        (lambda: tg.ones(2).to(memory_format="channels"), "memory_format is one of"),
        (lambda: tg.ones(2, 3).stride(2), "dim=2 is out of range for 2 dimensions"),
    ],
)
def test_messages(call: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError, RuntimeError, IndexError), match=words):
        call()


@pytest.mark.parametrize("name", ["bfloat16", "complex64", "uint64"])
def test_a_dtype_that_is_not_here_says_why(name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}': .*(float32|real|int64)"):
        getattr(tg, name)
    assert not hasattr(tg, name)


@pytest.mark.parametrize(
    "name", [tg.FloatTensor, tg.autograd.Variable, tg.Tensor, lambda x: x.new(x), lambda x: x.view(tg.int32)]
)
def test_another_name_of_a_tensor_sees_what_is_written(name: Any) -> None:
    """While gradients are recorded a write takes new memory, unless the tensor knows of another name."""
    x = tg.ones(2, requires_grad=True) * 1
    y = name(x)
    x.add_(1)
    assert y.data_ptr() == x.data_ptr()
    assert not y.requires_grad


# ------------------------------------------------------------------------------------------------- shapes
def test_a_size_reads_as_a_tuple_within_a_sentence() -> None:
    shape = tg.ones(2, 3).shape
    assert repr(shape) == str(shape) == "tinygrad_cnn.Size([2, 3])"
    assert f"{shape}" == "(2, 3)"
    assert f"{shape!r}" == repr(shape)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) does not expand"):
        tg.ones(2, 3).expand(4, 4)


def test_a_size_can_be_copied_and_kept() -> None:
    shape = tg.ones(2, 3).shape
    for again in (copy.copy(shape), copy.deepcopy(shape), pickle.loads(pickle.dumps(shape))):
        assert type(again) is tg.Size
        assert again == shape
    assert {shape: 1}[2, 3] == 1
    one = (1,)
    assert [type(s) for s in (shape[:1], shape + one, one + shape, shape * 2)] == [tg.Size] * 4
    assert (shape[1:].numel(), shape[0], shape.numel()) == (3, 2, 6)
    assert shape.__add__([4]) is NotImplemented


# ------------------------------------------------------------------------------------------------- keywords
def test_signatures_are_still_seen() -> None:
    """Functions and methods that take NumPy's names show those of PyTorch, and their explanation."""
    assert str(inspect.signature(tg.sum)).startswith("(input: 'Array', dim: ")
    assert list(inspect.signature(tg.Tensor.mean).parameters) == ["self", "dim", "keepdim", "dtype"]
    assert tg.Tensor.sum.__doc__ == tg.sum.__doc__
    assert tg.Tensor.sum.__qualname__ == "Tensor.sum"
    assert tg.concat is tg.cat


def test_a_type_error_within_a_function_is_its_own() -> None:
    """What fails for another reason than a keyword is not called twice, and its message stays."""
    with pytest.raises(TypeError, match="dim must be an integer, got str"):
        tg.ones(2).sum(dim="a")
    calls = []

    @tg.op()
    def broken(x: Any) -> Any:
        calls.append(x)
        raise TypeError("on its own")

    with pytest.raises(TypeError, match=r"^on its own$"):
        broken(tg.ones(2))
    assert len(calls) == 1


def test_out_warns_where_it_changes_its_shape() -> None:
    out = tg.zeros(5)
    with pytest.warns(UserWarning, match=r"out has shape \(5,\) and becomes one of the result's shape, \(2,\)"):
        tg.add(tg.ones(2), 1, out=out)
    assert out.tolist() == [2.0, 2.0]


def test_out_is_written_where_others_see_it() -> None:
    whole = tg.zeros(2, 2)
    seen = whole.numpy()
    tg.add(tg.ones(2), 1, out=whole[1])
    assert seen.tolist() == [[0.0, 0.0], [2.0, 2.0]]


# ------------------------------------------------------------------------------------------------- settings
@pytest.fixture
def print_options() -> Iterator[None]:
    before = dict(printing._set)
    yield
    printing._set.clear()
    printing._set.update(before)


@pytest.mark.usefixtures("print_options")
def test_print_options() -> None:
    x = tg.tensor([1234.56789, 0.5])
    tg.set_printoptions(precision=2)
    assert repr(x) == "tensor([1.23e+03, 5.00e-01])" or repr(x) == "tensor([1234.57,    0.5 ])"
    tg.set_printoptions(precision=1, sci_mode=True)
    assert repr(x) == "tensor([1.2e+03, 5.0e-01])"
    tg.set_printoptions(precision=3, sci_mode=False)
    assert repr(x) == "tensor([1234.568, 0.500])"
    tg.set_printoptions(threshold=3, edgeitems=1)
    assert repr(tg.arange(9)) == "tensor([0, ..., 8])"
    tg.set_printoptions(profile="full", linewidth=30)
    assert len(repr(tg.arange(2000))) > 8000
    assert max(map(len, repr(tg.arange(2000)).splitlines())) <= 31
    tg.set_printoptions(profile="default")
    assert repr(tg.arange(2000)) == "tensor([   0,    1,    2, ..., 1997, 1998, 1999])"
    tg.set_printoptions(threshold=float("inf"))
    assert "..." not in repr(tg.arange(2000))


def test_the_default_dtype_is_of_all_threads() -> None:
    found: list[Any] = []
    try:
        tg.set_default_dtype(np.float64)
        thread = threading.Thread(target=lambda: found.append(tg.zeros(1).dtype))
        thread.start()
        thread.join()
    finally:
        tg.set_default_dtype(tg.float32)
    assert found == [np.dtype(np.float64)]
    try:
        tg.set_default_dtype(tg.float64)
        made = [tg.tensor([1.5]), tg.Tensor([1]), tg.tensor([1, 2]) * 1.5, tg.tensor([1, 2]).sqrt(), tg.rand(2)]
        assert {x.dtype for x in made} == {tg.float64}
        assert repr(tg.ones(1)) == "tensor([1.])"
        assert "dtype=float32" in repr(tg.ones(1, dtype=tg.float32))
        assert tg.nn.Linear(1, 1).weight.dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)
    assert promotion.get_default_dtype() is tg.float32


def test_a_seed_of_the_system() -> None:
    seed = tg.seed()
    first = tg.rand(3).tolist()
    assert seed == tg.initial_seed()
    tg.manual_seed(seed)
    assert tg.rand(3).tolist() == first


def test_random_state_goes_through_a_file(tmp_path: Any) -> None:
    tg.manual_seed(5)
    tg.rand(3)
    tg.save({"rng": tg.get_rng_state(), "shape": tg.ones(2, 3).shape}, tmp_path / "state")
    expected = tg.rand(4).tolist()
    kept = tg.load(tmp_path / "state")
    assert kept["shape"] == (2, 3)
    tg.random.set_rng_state(kept["rng"])
    assert tg.rand(4).tolist() == expected


def test_new_tensors_share_nothing() -> None:
    x = tg.ones(2)
    y = x.new_tensor(x)
    y[0] = 7.0
    assert x.tolist() == [1.0, 1.0]
    assert x.new_zeros(2).data_ptr() != x.data_ptr()


@pytest.mark.parametrize("shape", [(3, 2), (2, 2), (6,), (1,), (0,), ()], ids=str)
def test_resize(torch: Any, shape: Any) -> None:
    """Fewer elements and as many: what is left, and who shares the memory."""
    seen = []
    for package in (tg, torch):
        x = package.arange(6.0)
        v = x.view(2, 3)
        y = x.resize_(shape)
        assert y is x
        if x.numel() == 6:
            v[0, 0] = 9.0
        seen.append((tuple(x.shape), x.tolist(), v.tolist()))
    assert seen[0] == seen[1]


def test_resize_to_more_elements() -> None:
    x = tg.ones(2, dtype=tg.int64)
    assert x.resize_(2, 2).tolist() == [[1, 1], [0, 0]]
    assert tg.zeros(1).resize_as_(tg.ones(2, 3)).copy_(tg.ones(2, 3)).tolist() == [[1.0] * 3] * 2
    for bad in (tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True) * 2):
        with pytest.raises(RuntimeError, match="no gradient goes through it; use reshape"):
            bad.resize_(1)
    with pytest.raises(ValueError, match="a size cannot be negative"):
        tg.ones(2).resize_(-1)


def test_parts_that_are_not_here_say_what_there_is() -> None:
    from tinygrad_cnn.backends.absent import ABSENT

    for name, text in ABSENT.items():
        with pytest.raises(AttributeError, match=re.escape(f"has no attribute '{name}': {text}")):
            getattr(tg, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'nonsense'$"):
        tg.nonsense  # noqa: B018
