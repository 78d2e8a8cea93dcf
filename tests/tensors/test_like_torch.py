"""Every use of `.data` and of `.grad` beside PyTorch; how two libraries are compared: `tests.tensors.beside`.

`DIFFERENT` names the cases in which we differ on purpose; each must still differ.
"""

# ruff: noqa: E501  (one line a case)

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_cnn as tg
from tests.tensors.beside import verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of `.grad` of what is no leaf, and the like

P = "p = L.nn.Parameter(L.tensor([1.0, 2.0, 3.0]))"
TRAINED = f"{P}; (p * p).sum().backward()"
W = "w = L.tensor([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]], requires_grad=True)"
Y = "a = L.tensor([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]], requires_grad=True); y = a * 2"
D = "d = w.data"

DATA: dict[str, str] = {
    # what it is
    "is a tensor": f"{W}; {D}; r = isinstance(d, L.Tensor)",
    "flags": f"{W}; {D}; r = (d.requires_grad, d.is_leaf, d.grad_fn is None, d is w)",
    "of a computed tensor": f"{Y}; d = y.data; r = (d.requires_grad, d.is_leaf)",
    "of a parameter is a plain tensor": f"{P}; d = p.data; r = (isinstance(d, L.nn.Parameter), d.requires_grad)",
    "of an integer tensor": "w = L.tensor([1, 2, 3]); d = w.data; d += 1",
    "twice": f"{W}; d = w.data.data; d[0, 0] = 7.0",
    # what one reads of it
    "max over a dimension": f"{W}; m, i = w.data.max(1); n = (w.data.max(1)[1] == L.tensor([0, 2])).sum()",
    "max over a dimension, kept": f"{W}; m, i = w.data.max(1, keepdim=True)",
    "min over a dimension": f"{W}; m, i = w.data.min(0)",
    "max of all": f"{W}; m = w.data.max(); n = w.data.min(); k = w.data.argmax(1)",
    "std, var": f"{W}; r = w.data.std(); s = w.data.var(); t = w.data.std(1); u = w.data.var(0, unbiased=False)",
    "mean, sum": f"{W}; r = w.data.mean(); s = w.data.sum(0); t = w.data.mean(1, keepdim=True); u = w.data.mean(dim=0)",
    "transpose": f"{W}; r = w.data.transpose(0, 1); s = w.data.t(); u = w.data.T",
    "permute": f"{W}; r = w.data.permute(1, 0)",
    "sort": f"{W}; v, i = w.data.sort(); u, j = w.data.sort(0, descending=True)",
    "sort leaves the tensor": f"{W}; w.data.sort()",
    "argsort, topk": f"{W}; i = w.data.argsort(1); v, j = w.data.topk(2)",
    "size": f"{W}; r = w.data.size(0); s = tuple(w.data.size()); t = w.data.dim(); u = w.data.numel(); v = w.data.ndim",
    "shape": f"{W}; r = tuple(w.data.shape); s = len(w.data)",
    "view": f"{W}; r = w.data.view(-1); s = w.data.view(3, 2); t = w.data.reshape(-1, 2); u = w.data.view(w.data.size(0), -1)",
    "a view shares memory": f"{W}; w.data.view(-1)[4] = 9.0",
    "norm": f"{W}; r = w.data.norm(); s = w.data.norm(2); t = w.data.norm(p=1); u = w.data.norm(2, 1)",
    "clone": f"{W}; r = w.data.clone(); r[0] = 0.0",
    "numpy": f"{W}; n = w.data.numpy(); n[0, 1] = 5.0",
    "numpy of cpu": f"{W}; n = w.data.cpu().numpy(); s = w.data.cpu().numpy().sum()",
    "repeat": f"{W}; r = w.data.repeat(2, 1)",
    "item": f"{W}; r = w.data[0, 1].item(); s = w.data.sum().item(); t = float(w.data[1, 1])",
    "tolist": f"{W}; r = w.data.tolist()",
    "iterate": f"{W}; r = [row.sum().item() for row in w.data]",
    "an index": f"{W}; r = w.data[0]; s = w.data[:, 1]; t = w.data[w.data > 1]",
    "compare": f"{W}; r = w.data > 1; s = w.data == 3.0; t = (w.data != 3.0).sum()",
    "arithmetic": f"{W}; r = w.data * 2 + 1; s = 1 - w.data; t = w.data @ w.data.t(); u = w.data ** 2; v = -w.data",
    "with a tensor that requires grad": f"{W}; r = w.data * w",
    "abs, sign, clamp": f"{W}; r = w.data.abs(); s = w.data.sign(); t = w.data.clamp(-1, 1); u = w.data.exp()",
    "dtypes": f"{W}; r = w.data.double(); s = w.data.to(L.float64); t = w.data.long(); u = w.data.type_as(w); v = w.data.float()",
    "unique, nonzero": f"{W}; r = w.data.unique(); s = w.data.nonzero()",
    "squeeze": f"{W}; r = w.data.unsqueeze(0); s = w.data[0:1].squeeze(0)",
    "new like": f"{W}; r = L.zeros_like(w.data); s = L.ones_like(w.data); t = L.full_like(w.data, 3.0)",
    "copy of a tensor": f"{W}; r = L.tensor(w.data.tolist()); s = w.data.detach().clone()",
    "cat": f"{W}; r = L.cat([w.data, w.data]); s = L.stack([w.data, w.data])",
    "softmax": f"{W}; r = w.data.softmax(1); s = L.nn.functional.relu(w.data)",
    "bool": f"{W}; r = bool((w.data > 0).all()); s = bool((w.data > 0).any())",
    "is contiguous": f"{W}; r = w.data.is_contiguous(); s = w.data.t().is_contiguous(); t = w.data.t().contiguous()",
    "dtype": f"{W}; r = str(w.data.dtype).split('.')[-1]; s = w.data.is_floating_point()",
    # writes into it
    "mul_": f"{W}; r = w.data.mul_(0.9)",
    "add_": f"{W}; w.data.add_(1.0); w.data.add_(w.data, alpha=0.5)",
    "sub_, div_": f"{W}; w.data.sub_(1.0); w.data.div_(2.0)",
    "clamp_": f"{W}; w.data.clamp_(-1, 1)",
    "clamp_ by names": f"{W}; w.data.clamp_(min=0.0); w.data.clamp_(max=2.0)",
    "zero_, fill_": f"{W}; w.data.zero_(); w.data.fill_(0.5)",
    "copy_": f"{W}; w.data.copy_(L.ones(2, 3) * 4)",
    "copy_ broadcasts": f"{W}; w.data.copy_(L.tensor([1.0, 2.0, 3.0]))",
    "copy_ of a wrong shape": f"{W}; w.data.copy_(L.ones(3, 2))",
    "exp_, neg_, sqrt_": f"{W}; w.data.exp_(); w.data.sqrt_(); w.data.neg_()",
    "-=": f"{W}; w.data -= 0.5",
    "*= and /=": f"{W}; w.data *= 2; w.data /= 3",
    "+= of a tensor": f"{W}; w.data += L.ones(3)",
    "+= of a wrong shape": f"{W}; w.data += L.ones(4)",
    "setitem": f"{W}; w.data[0] = 7.0; w.data[:, 1] = L.tensor([5.0, 6.0]); w.data[w.data > 6] = 0.0",
    "setitem of a row by another": f"{W}; w.data[0] = w.data[1]",
    "+= into a row": f"{W}; w.data[0] += 1",
    "masked_fill_": f"{W}; w.data.masked_fill_(w.data > 1, 0.0)",
    "index_fill_": f"{W}; w.data.index_fill_(1, L.tensor([0]), 9.0)",
    "fill_diagonal_": f"{W}; w.data.fill_diagonal_(1.0)",
    "written before it is used": f"{W}; w.data.mul_(2); (w * w).sum().backward()",
    "written after it was used": f"{W}; z = w + 1; w.data.mul_(2); z.sum().backward()",
    "written into a computed tensor": f"{Y}; y.data[0] = 0.0; y.sum().backward()",
    "written into a view": f"{W}; w[0].data.zero_()",
    "a write is seen by an older name": f"{W}; {D}; w.data.zero_(); d[0, 0] = 3.0",
    "a write does not ask for a gradient": f"{W}; {D}; d *= L.tensor(2.0); r = (d.requires_grad, w.requires_grad)",
    "takes part in the graph itself": f"{W}; {D}; d *= w; r = (d.requires_grad, w.is_leaf)",
    # setting it
    "set": f"{P}; p.data = L.zeros(3)",
    "set, then a step": f"{P}; p.data = L.zeros(3); (p * 2).sum().backward(); L.optim.SGD([p], lr=0.1).step()",
    "set keeps the kind": f"{P}; p.data = L.zeros(3); r = (isinstance(p, L.nn.Parameter), p.requires_grad, p.is_leaf)",
    "set shares memory": f"{P}; t = L.zeros(3); p.data = t; t[0] = 5.0; p.data[1] = 6.0",
    "set to a tensor that requires grad": f"{P}; t = L.zeros(3, requires_grad=True); p.data = t; r = p.requires_grad",
    "set to a computed tensor": f"{P}; t = L.zeros(3, requires_grad=True) + 1; p.data = t; r = (p.is_leaf, p.grad_fn is None)",
    "set keeps the gradient": f"{TRAINED}; p.data = L.zeros(3)",
    "set to a view": f"{P}; t = L.zeros(2, 3); p.data = t[1]; p.data[0] = 4.0",
    "set to itself": f"{P}; p.data = p.data; p.data = p",
    "a descent": f"{TRAINED}; p.data = p.data - 0.1 * p.grad",
    "a descent by data of the gradient": f"{TRAINED}; p.data = p.data - 0.1 * p.grad.data",
    "a descent in place": f"{TRAINED}; p.data -= 0.1 * p.grad",
    "a descent by add_": f"{TRAINED}; p.data.add_(p.grad, alpha=-0.1); p.data.add_(-0.1 * p.grad.data)",
    "a descent by sub_": f"{TRAINED}; p.data.sub_(0.1 * p.grad)",
    "a descent that goes on": f"{TRAINED}; p.data -= 0.1 * p.grad; p.grad.zero_(); (p * p).sum().backward(); p.data -= 0.1 * p.grad",
    "a descent by new data that goes on": f"{TRAINED}; p.data = p.data - 0.1 * p.grad; p.grad = None; (p * p).sum().backward()",
    "weight decay": f"{TRAINED}; p.data.mul_(1 - 0.1 * 0.5); p.data.addcdiv_(p.grad, p.grad.abs() + 1, value=-0.1)",
    "an average": f"{P}; q = L.zeros(3); q.data.mul_(0.9).add_(p.data, alpha=0.1)",
    "an average by lerp_": f"{P}; q = L.zeros(3); q.data.lerp_(p.data, 0.1)",
    "set of a layer": "m = L.nn.Linear(2, 2); m.weight.data = L.ones(2, 2); m.bias.data.zero_(); y = m(L.ones(1, 2))",
    "fill_ of a layer": "m = L.nn.Linear(2, 2); m.weight.data.fill_(0.5); m.bias.data.fill_(0); y = m(L.ones(1, 2)); w = m.weight",
    "init of data": "w = L.zeros(2, 3, requires_grad=True); L.nn.init.constant_(w.data, 2.0); L.nn.init.ones_(w.data[0])",
    "set of a buffer": "m = L.nn.BatchNorm1d(2); m.running_mean.data = L.ones(2); r = m.state_dict()['running_mean']",
    "fill_ of a buffer": "m = L.nn.BatchNorm1d(2); m.running_var.data.fill_(4.0); r = m.state_dict()['running_var']",
    "set of a plain tensor": "x = L.zeros(3); x.data = L.ones(3)",
    "set of a plain tensor to integers": "x = L.zeros(3); x.data = L.tensor([1, 2, 3])",
    "set of a computed tensor": f"{Y}; y.data = L.zeros(2, 3); r = (y.requires_grad, y.is_leaf)",
    "set of a computed tensor, and back": f"{Y}; y.data = L.zeros(2, 3); y.sum().backward()",
    "set of a view of a leaf": f"{W}; v = w[0]; v.data = L.zeros(3)",
    "set to a list": f"{P}; p.data = [1.0, 2.0, 3.0]",
    "set to a number": f"{P}; p.data = 1.0",
    "set to None": f"{P}; p.data = None",
    "set to text": f"{P}; p.data = 'abc'",
    "set to an ndarray": f"{P}; p.data = np.zeros(3, np.float32)",
    "set to an ndarray of integers": f"{P}; p.data = np.zeros(3, np.int64)",
    "set to another shape": f"{P}; p.data = L.zeros(2, 2); r = tuple(p.shape); (p * 2).sum().backward()",
    "set to another shape, with a gradient": f"{TRAINED}; p.data = L.zeros(2, 2); (p * 2).sum().backward()",
    "set to another floating dtype": f"{P}; p.data = L.zeros(3, dtype=L.float64); (p * 2).sum().backward()",
    "set to integers": f"{P}; p.data = L.tensor([1, 2, 3])",
    "set to booleans": f"{P}; p.data = L.tensor([True, False, True])",
    "deleted": f"{P}; del p.data",
}  # fmt: skip

GRAD: dict[str, str] = {
    "None at first": f"{P}; r = p.grad is None",
    "of a plain tensor": "x = L.ones(3); r = x.grad is None",
    "read": f"{TRAINED}; g = p.grad; r = (g.requires_grad, g.is_leaf, isinstance(g, L.Tensor))",
    "is one object": f"{TRAINED}; r = p.grad is p.grad",
    "dtype and shape": f"{TRAINED}; r = (tuple(p.grad.shape), str(p.grad.dtype).split('.')[-1])",
    "of float64": "p = L.ones(2, dtype=L.float64, requires_grad=True); p.sum().backward()",
    "accumulates": f"{TRAINED}; (p * 3).sum().backward(); p.sum().backward()",
    "accumulates after a second backward of one graph": f"{P}; z = (p * p).sum(); z.backward(retain_graph=True); z.backward()",
    "accumulates where it was set": f"{P}; p.grad = L.tensor([1.0, 1.0, 5.0]); (p * p).sum().backward()",
    "accumulates into an alias": f"{P}; g = L.tensor([1.0, 1.0, 5.0]); p.grad = g; (p * p).sum().backward(); r = p.grad is g",
    "accumulates into its data": f"{TRAINED}; g = p.grad.data; (p * p).sum().backward()",
    "set to None": f"{TRAINED}; p.grad = None",
    "set to None, then again": f"{TRAINED}; p.grad = None; (p * 3).sum().backward()",
    "set to a tensor": f"{P}; g = L.ones(3); p.grad = g; r = p.grad is g",
    "set to a tensor that requires grad": f"{P}; p.grad = L.ones(3, requires_grad=True); r = p.grad.requires_grad",
    "set to a computed tensor": f"{P}; p.grad = L.ones(3, requires_grad=True) * 2; r = (p.grad.requires_grad, p.grad.is_leaf)",
    "set on a plain tensor": "x = L.zeros(3); x.grad = L.ones(3)",
    "set on a computed tensor": f"{Y}; y.grad = L.ones(2, 3); r = y.grad is None",
    "set to a view": f"{P}; g = L.ones(2, 3); p.grad = g[0]; (p * p).sum().backward()",
    "set to another parameter's": f"{TRAINED}; q = L.ones(3, requires_grad=True); q.grad = p.grad; r = q.grad is p.grad",
    "set to a clone": f"{TRAINED}; p.grad = p.grad.clone()",
    "set to a multiple": f"{TRAINED}; p.grad = p.grad * 2",
    "set to itself": f"{P}; p.grad = p",
    "set to a wrong shape": f"{P}; p.grad = L.ones(1)",
    "set to a shape that broadcasts": f"{P}; p.grad = L.ones(1, 3)",
    "set to a number of no dimensions": f"{P}; p.grad = L.tensor(1.0)",
    "set to another dtype": f"{P}; p.grad = L.ones(3, dtype=L.float64)",
    "set to integers": f"{P}; p.grad = L.tensor([1, 2, 3])",
    "set to an ndarray": f"{P}; p.grad = np.ones(3, np.float32)",
    "set to a list": f"{P}; p.grad = [1.0, 2.0, 3.0]",
    "set to a number": f"{P}; p.grad = 1.0",
    "set to text": f"{P}; p.grad = 'abc'",
    "set wrongly where there is one": f"{TRAINED}; p.grad = L.ones(2)",
    "set wrongly, then a step": f"{P}; p.grad = L.ones(1); L.optim.SGD([p], lr=0.1).step()",
    "deleted": f"{TRAINED}; del p.grad; r = p.grad is None",
    "deleted, then again": f"{TRAINED}; del p.grad; (p * 3).sum().backward()",
    "deleted where there is none": f"{P}; del p.grad; r = p.grad is None",
    "zero_": f"{TRAINED}; r = p.grad.zero_(); (p * 3).sum().backward()",
    "data.zero_": f"{TRAINED}; p.grad.data.zero_(); (p * 3).sum().backward()",
    "data.zero_ is seen": f"{TRAINED}; g = p.grad; p.grad.data.zero_()",
    "fill_, mul_": f"{TRAINED}; p.grad.fill_(2.0); p.grad.mul_(3.0)",
    "clamp_": f"{TRAINED}; p.grad.clamp_(-1, 3); p.grad.data.clamp_(-1, 2)",
    "*=": f"{TRAINED}; p.grad *= 0.5",
    "+= of the parameter": f"{TRAINED}; p.grad += 0.1 * p.data",
    "+= of what requires grad": f"{TRAINED}; p.grad += 0.1 * p; r = p.grad.requires_grad",
    "setitem": f"{TRAINED}; p.grad[0] = 0.0; p.grad[1:] += 1; p.grad.data[2] = 9.0",
    "data: sign, norm, abs": f"{TRAINED}; r = p.grad.data.sign(); s = p.grad.data.norm(); t = p.grad.data.abs().max()",
    "data: norm squared": f"{TRAINED}; r = p.grad.data.norm(2).item() ** 2; s = p.grad.norm()",
    "data: set": f"{TRAINED}; p.grad.data = L.ones(3)",
    "detach_": f"{TRAINED}; p.grad.detach_(); p.grad.zero_()",
    "numpy": f"{TRAINED}; n = p.grad.numpy(); n[0] = 5.0",
    "item": f"{TRAINED}; r = p.grad[0].item(); s = p.grad.tolist()",
    "by requires_grad_(False)": f"{TRAINED}; p.requires_grad_(False); p.grad.requires_grad_(False)",
    "of what is no leaf": f"{Y}; y.sum().backward(); r = y.grad is None",
    "of what is no leaf, retained": f"{Y}; y.retain_grad(); (y * y).sum().backward(); g = y.grad",
    "retained twice": f"{Y}; y.retain_grad(); y.retain_grad(); (y * y).sum().backward(); g = y.grad",
    "retained accumulates": f"{Y}; y.retain_grad(); z = (y * y).sum(); z.backward(retain_graph=True); z.backward(); g = y.grad",
    "retained of a leaf": f"{W}; w.retain_grad(); (w * w).sum().backward()",
    "retained of a plain tensor": "x = L.ones(3); x.retain_grad()",
    "retained, then changed in place": f"{Y}; y.retain_grad(); y.mul_(3); y.sum().backward(); g = y.grad",
    "changed in place, then retained": f"{Y}; y.mul_(3); y.retain_grad(); y.sum().backward(); g = y.grad",
    "retained of a base of a view that is changed": f"{Y}; y.retain_grad(); y[0].mul_(3); y.sum().backward(); g = y.grad",
    "retains": f"{Y}; r = y.retains_grad; y.retain_grad(); s = y.retains_grad; t = a.retains_grad",
    "after in-place": f"{Y}; y.mul_(3); y[0] = 0.0; (y * y).sum().backward()",
    "after in-place of a row": f"{Y}; y[0] += 5; y[:, 0] = y[:, 1] * 2; y.sum().backward()",
    "after in-place of a view": f"{Y}; v = y[0]; v.mul_(2); y.sum().backward(); r = y.is_leaf",
    "after in-place of a temporary": f"{Y}; y.view(-1).add_(1); (y * y).sum().backward()",
    "after in-place of a look": f"{Y}; f = float(y[0, 0]); y[0, 0] = 2.0; y.sum().backward()",
    "after in-place of rows looked at": f"{Y}; f = [row.tolist() for row in y]; y.mul_(2); y.sum().backward()",
    "of a buffer that takes part": f"{W}; x = L.zeros(2, 3); x[0] += w[0] * 2; x[1] = w[0]; x.sum().backward(); r = x.is_leaf",
    "of a loop over rows": f"{W}; x = L.zeros(2); x[0] += w[0].sum(); x[1] += w[1].prod(); (x * x).sum().backward()",
    "of a leaf changed under no_grad": f"{W}; z = w + 1; with L.no_grad(): w.mul_(2); z.sum().backward()",
    "of a leaf changed that is needed": f"{W}; z = w * w; with L.no_grad(): w.mul_(2); z.sum().backward()",
    "of what was overwritten": f"{Y}; z = y.exp(); z.add_(1); z.sum().backward()",
    "of what was overwritten, unneeded": f"{Y}; z = y + 1; z.mul_(3); z.sum().backward()",
    "a leaf refuses": f"{W}; w.mul_(2)",
    "a leaf refuses a setitem": f"{W}; w[0] = 1.0",
    "a leaf refuses +=": f"{W}; w += 1",
    "a view of a leaf refuses": f"{W}; v = w[0]; v.zero_()",
    "a view of a view of a leaf refuses": f"{W}; v = w.t().view(-1) if False else w.t()[1:]; v[0] = 1.0",
    "detach of a leaf does not refuse": f"{W}; w.detach().zero_()",
    "zero_grad": "m = L.nn.Linear(2, 1); m(L.ones(1, 2)).sum().backward(); m.zero_grad(); r = m.weight.grad is None",
    "zero_grad to zeros": "m = L.nn.Linear(2, 1); m(L.ones(1, 2)).sum().backward(); m.zero_grad(set_to_none=False); g = m.weight.grad",
    "clipped": f"{TRAINED}; n = L.nn.utils.clip_grad_norm_([p], 1.0); g = p.grad",
    "of the same through two names": f"{P}; q = p.view(-1); (q * p).sum().backward()",
    "through detach": f"{W}; d = w.detach(); (w * d).sum().backward(); r = d.grad is None",
    "through detach that asks anew": f"{W}; d = w.detach().requires_grad_(); (w * d).sum().backward()",
    "of expanded": "w = L.tensor([1.0, 2.0], requires_grad=True); (w.expand(3, 2) * 2).sum().backward()",
    "of an empty tensor": "w = L.zeros(0, 3, requires_grad=True); w.sum().backward()",
}  # fmt: skip

DIFFERENT: dict[str, str] = {  # where we differ from PyTorch on purpose
    "data: set of a plain tensor to integers": "a floating tensor stays one",
    "data: set to an ndarray": "floating arrays are taken: they are what a tensor holds",
}


def check(name: str, source: str, ours: Any, torch: Any) -> None:
    text = verdict(source, ours, torch)
    if name in DIFFERENT:
        assert text, f"{name}: no difference any more ({DIFFERENT[name]}); take it off the list"
        pytest.skip(f"differs on purpose: {DIFFERENT[name]}")
    assert not text, f"{source}\n{text}"


@pytest.mark.parametrize("name", DATA)
def test_data(name: str, torch: Any) -> None:
    check(f"data: {name}", DATA[name], tg, torch)


@pytest.mark.parametrize("name", GRAD)
def test_grad(name: str, torch: Any) -> None:
    check(f"grad: {name}", GRAD[name], tg, torch)
