"""Operations of tensors, views and writes, as ONNX files."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tests.onnx.agreement import check
from tinygrad_cnn import nn

pytest.importorskip("onnxruntime", reason="runs ONNX files: pip install 'tinygrad-cnn[onnx]'")


class Calls(nn.Module):
    """A module around a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *x: Any) -> Any:
        return self.function(*x)


def numbers(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32))


def written(x: Any) -> Any:
    y = tg.zeros(x.shape[0], 5, 4)
    y[:, 0] = x[:, 1]
    y[:, 1:3, 0] = x[:, :2, 0]
    y[..., 1::2] = 7.0
    y[:, [4, 3]] += x[:, :2]
    y[:, :, None, 2] = x[:, :1, :1]
    view = y[:, 1:]
    y *= 2
    view[:, 0] -= 1
    turned = y.transpose(1, 2)
    turned[:, 0, 2:4] = -2.0
    flat = y.view(x.shape[0], -1)
    flat[:, 3:5] += 1
    x.clone()[:, 0] = 5
    return y, view


ONE = {  # of x (N, 3, 4)
    "arithmetic": lambda x: (2 * x - x / 3 + 1) ** 2 - (-x),
    "add alpha": lambda x: tg.add(x, x.exp(), alpha=2) - tg.sub(x, 1, alpha=3),
    "functions": lambda x: x.abs().sqrt() + x.exp2() + x.expm1() + x.abs().log1p() + x.abs().rsqrt() + x.reciprocal(),
    "logarithms": lambda x: (x.abs() + 1).log() + (x.abs() + 1).log2() + (x.abs() + 1).log10(),
    "angles": lambda x: x.sin() + x.cos() + x.tanh() + x.sinh() + x.cosh() + x.atan() + (x.tanh() * 0.9).asin(),
    "angles too": lambda x: (x.tanh() * 0.9).acos() + x.asinh() + (x.abs() + 1).acosh() + (x.tanh() * 0.9).atanh(),
    "tan": lambda x: x.tan(),
    "erf": lambda x: tg.special.erf(x) + tg.special.erfc(x),
    "rounding": lambda x: x.floor() + x.ceil() + x.round() + x.trunc() + x.frac() + tg.round(x, decimals=1),
    "division": lambda x: x // 0.7 + x % 0.7 + tg.fmod(x, 0.7),
    "integers": lambda x: ((x * 5).long() // 3, (x * 5).long() % 3, (x * 5).int() * 2, (x * 5).long().sum(1)),
    "clamps": lambda x: x.clamp(-0.5, 0.5) + x.clamp(min=0) + x.clamp(max=0.1) + tg.clamp(x, x[:1] * 0, x.abs()),
    "comparisons": lambda x: ((x > 0), (x >= 0.1), (x < x[0:1]), (x <= 0), (x == x), (x != 0), ~(x > 0)),
    "logic": lambda x: ((x > 0) & (x < 1), (x > 0) | (x < -1), (x > 0) ^ (x < 1), tg.logical_and(x, x > 0)),
    "finite": lambda x: (tg.isnan(x / 0 * 0), tg.isinf(1 / x), tg.isfinite(x), tg.isposinf(x), tg.isneginf(x)),
    "where": lambda x: tg.where(x > 0, x, -1.0) + tg.where(x > 0, x, x * 2),
    "masked_fill": lambda x: x.masked_fill(x > 0, -5.0),
    "extremes": lambda x: tg.maximum(x, x * 2) + tg.minimum(x, x * 0),
    "lerp": lambda x: tg.lerp(x, x * 2, 0.3) + tg.addcmul(x, x, x, value=2) + tg.addcdiv(x, x, x.abs() + 1, value=2),
    "logaddexp": lambda x: tg.logaddexp(x, x * 2) + tg.hypot(x, x + 1),
    "sums": lambda x: (x.sum(), x.sum(1), x.sum((0, 2), keepdim=True), x.mean(), x.mean((1, 2)), x.prod(1)),
    "largest": lambda x: (x.amax(1), x.amin((1, 2), keepdim=True), x.max(), x.max(1), x.min(2, keepdim=True)),
    "places": lambda x: (x.argmax(1), x.argmin(2, keepdim=True), x.argmax()),
    "truths": lambda x: ((x > 0).all(), (x > 0).any(1), x.count_nonzero(1)),
    "spread": lambda x: (x.var(1), x.std((1, 2), keepdim=True), x.var(0, unbiased=False), x.var()),
    "norms": lambda x: (x.norm(), x.norm(1, 1), x.norm(math.inf, 2), x.norm(3, (1, 2)), x.norm(0, 1)),
    "softmax": lambda x: (x.softmax(1), x.log_softmax(0), x.logsumexp(1), x.logsumexp((1, 2), keepdim=True)),
    "cumsum": lambda x: x.cumsum(1) + x.cumsum(0),
    "shapes": lambda x: (x.flatten(1), x.transpose(1, 2), x.permute(2, 0, 1), x.unsqueeze(1), x[:, :1].squeeze(1)),
    "reshapes": lambda x: (x.reshape(-1, 6), x.view(x.shape[0], 2, 2, 3), x.reshape(3, -1), x.reshape(-1)),
    "expand": lambda x: (x[:, :1].expand(-1, 5, -1), x[:, None].expand(x.shape[0], 2, 3, 4)),
    "repeats": lambda x: (x.repeat(1, 2, 1), tg.tile(x, (2,)), x.repeat_interleave(2, 1)),
    "joins": lambda x: (tg.cat([x, x * 2], 1), tg.stack([x, x + 1], -1), tg.cat([x, x[:1]])),
    "splits": lambda x: (*x.chunk(2, 2), *x.split(2, 1), *x.unbind(1)),
    "orders": lambda x: (*x.sort(1), x.argsort(2, descending=True), *x.topk(2, 2), *x.topk(1, 1, largest=False)),
    "one_hot": lambda x: F.one_hot(x.argmax(2), 4),
    "quarters": lambda x: [tg.rot90(x, k, (1, 2)) for k in range(4)] + [tg.rot90(x, 1, (2, 0))],
    "turns": lambda x: (x.flip(1), x.flip((0, 2)), x.roll(1, 1), x.roll((1, -1), (1, 2))),
    "triangles": lambda x: (x.tril(), x.triu(1), tg.diagonal(x, 0, 1, 2), tg.diagonal(x, 1, 1, 2)),
    "slices": lambda x: (x[1:], x[:, ::2, 1:3], x[..., -1], x[:, 0], x[:, -1, 1], x[:, None, :, ..., None], x[0]),
    "rows": lambda x: (x[:, [2, 0]], x[:, :, tg.tensor([1, 1])], x[:, [0, 2], [1, 3]], x[:, [[0, 1], [1, 2]], 1]),
    "select": lambda x: (tg.index_select(x, 1, tg.tensor([2, 0])), x.narrow(2, 1, 2)),
    "take_along_dim": lambda x: tg.take_along_dim(x, x.argmax(1, keepdim=True), 1),
    "gather": lambda x: tg.gather(x, 1, tg.zeros(1, 2, 4).long().expand(x.shape[0], 2, 4)),
    "scatter": lambda x: x.scatter(1, x.argmax(1, keepdim=True), 9.0),
    "index_add": lambda x: tg.index_add(x, 1, tg.tensor([0, 0]), x[:, :2]),
    "matmul": lambda x: (x @ x.mT, x @ x[0].T, x.reshape(-1, 4).mm(x[0].T), tg.einsum("nij,nkj->nik", x, x)),
    "pad": lambda x: (F.pad(x, (1, 2)), F.pad(x, (-1, 1, 1, 0), value=3.0), F.pad(x, (1, 1), mode="reflect")),
    "unfold": lambda x: x.unfold(2, 2, 1),
    "writes": written,
    "in place": lambda x: x.clone().relu_().add_(1).mul_(2),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "normalize": lambda x: F.normalize(x, dim=1),
    "made": lambda x: x + tg.zeros(x.shape[0], 1, 1) + tg.arange(x.shape[0])[:, None, None] + tg.ones_like(x),
    "nothing": lambda x: (x, x),
    "constant": lambda x: (x + 1, tg.ones(2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("what", ONE)
def test_of_one_tensor(what: str) -> None:
    check(Calls(ONE[what]), numbers(2, 3, 4))


def test_the_batch_at_the_end() -> None:
    check(Calls(lambda x: x.sum(0) * x.shape[1]), numbers(3, 2), dims=1)


def test_masks_as_inputs() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True).eval()
    mask = tg.tensor([[False, False, True, False], [False, True, True, False]])
    check(Calls(lambda x, m: layer(x, src_key_padding_mask=m)), numbers(2, 4, 6), mask)


def test_a_dict_of_outputs_and_inputs_by_name() -> None:
    class Two(nn.Module):
        def forward(self, left: Any, right: Any) -> Any:
            return {"sum": left + right, "both": (left, right * 2)}

    content = check(Two(), numbers(2, 3), numbers(2, 3) * 2)
    assert [i.name for i in content.graph.input] == ["left", "right"]
    assert [o.name for o in content.graph.output] == ["sum", "both_0", "both_1"]


def test_the_best_of_many() -> None:
    check(Calls(lambda x: x.topk(3)), numbers(2, 100))


def test_pools_as_functions() -> None:
    check(
        Calls(lambda x: (F.adaptive_max_pool2d(x, 3), F.adaptive_avg_pool2d(x, 2), F.lp_pool2d(x, 2, 2))),
        numbers(2, 3, 6, 7),
    )


def test_positions_as_tensors() -> None:
    x = numbers(2, 3, 4)
    check(
        Calls(
            lambda x: (
                x[tg.arange(x.shape[0]), x.sum(2).argmax(1)],
                tg.index_select(x, 1, x[0, 0].argmax(0, keepdim=True)),
            )
        ),
        x,
    )
    check(Calls(lambda x, i: (x[:, i[0]], x[tg.arange(x.shape[0]), i[:, 0]])), x, tg.tensor([[0, 2], [1, -1]]))
    table = numbers(5, 3)
    check(Calls(lambda i: table[i]), tg.tensor([[0, 4, -2], [1, -1, 3]]))


def test_a_function_of_ones_own_and_a_checkpoint() -> None:
    class Twice(tg.autograd.Function):
        @staticmethod
        def forward(_ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(_ctx: Any, g: Any) -> Any:
            return g * 2

    layer = nn.Linear(3, 3)
    check(Calls(lambda x: tg.checkpoint(layer, Twice.apply(x))), numbers(2, 3))


def test_normed_weights() -> None:
    check(nn.utils.weight_norm(nn.Linear(3, 4)), numbers(2, 3))
    check(nn.utils.spectral_norm(nn.Linear(3, 4)), numbers(2, 3))


def test_dropout_that_is_at_work_is_refused() -> None:
    with pytest.raises(RuntimeError, match="random numbers"):
        check(Calls(lambda x: F.dropout(x)), numbers(2, 3))


def test_a_batch_that_is_not_free() -> None:
    check(Calls(lambda x: sum(x[i] * i for i in range(x.shape[0]))), numbers(3, 4), free=False)


@pytest.mark.parametrize("function", [tg.logaddexp, tg.atan2, tg.hypot, tg.maximum], ids=lambda f: f.__name__)
def test_zeros_and_infinities(function: Any) -> None:
    sides = [0.0, -0.0, 1.0, -2.5, math.inf, -math.inf]
    a, b = (tg.tensor(x.ravel().astype(np.float32)) for x in np.meshgrid(sides, sides))
    check(Calls(function), a, b)


@pytest.mark.parametrize("name", ONE)
def test_what_onnxruntime_has_in_float32_alone_is_said(name: str, tmp_path: Path) -> None:
    import onnxruntime

    model, x = Calls(ONE[name]).eval(), numbers(2, 3, 4).double()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tg.onnx.export(model, x, tmp_path / "double.onnx")
    try:
        onnxruntime.InferenceSession(tmp_path / "double.onnx", providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented as error:
        operator = re.search(r"implementation for (\w+)", str(error))
        assert operator is not None
        assert any(re.search(rf"no float64 for .*\b{operator[1]}\b", str(w.message)) for w in said)
