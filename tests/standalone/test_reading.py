"""How a file reads: layers and operations in the words that a person would take, without settings that say nothing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.programs.unusual import Of
from tests.standalone.test_files import body, written
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.ops.indices import EVERYTHING
from tinygrad_cnn.programs import Extent, Step, Value
from tinygrad_cnn.standalone.layout import WIDTH, assignment, entries
from tinygrad_cnn.standalone.merging import merged
from tinygrad_cnn.standalone.naming import POOL, input_names, variables
from tinygrad_cnn.standalone.phrases import Call, Infix, Phrases, array, bracketed, dtype, extent, number, shape

# ------------------------------------------------------------------------------------------------------------- layers
LAYERS: list[tuple[Any, Any, str]] = [
    (nn.Conv2d(3, 4, 3, 2, 1, 2), (3, 9, 9), 'conv2d(x, w["weight"], w["bias"], stride=2, padding=1, dilation=2)'),
    (
        nn.Conv2d(4, 4, (3, 2), (1, 2), (0, 1), groups=2, bias=False), (4, 9, 9),
        'conv2d(x, w["weight"], stride=(1, 2), padding=(0, 1), groups=2)',
    ),
    (nn.Conv2d(3, 4, 3, bias=False), (3, 9, 9), 'conv2d(x, w["weight"])'),
    (nn.Conv1d(3, 4, 3, 2), (3, 9), 'conv2d(x, w["weight"][:, :, None], w["bias"], stride=(1, 2))'),
    (
        nn.ConvTranspose2d(3, 2, 3, 2, 1, 1), (3, 4, 4),
        'conv_transpose2d(x, w["weight"], size=(8, 8), stride=2, padding=1)',
    ),
    (
        nn.ConvTranspose2d(4, 2, 3, (2, 1), groups=2, dilation=2), (4, 4, 4),
        'conv_transpose2d(x, w["weight"], size=(11, 8), stride=(2, 1), dilation=2, groups=2)',
    ),
    (nn.MaxPool2d(2), (3, 8, 8), "max_pool2d(x, 2)"),
    (nn.MaxPool2d(3, 3), (3, 9, 9), "max_pool2d(x, 3)"),
    (nn.MaxPool2d((2, 3), 1, (1, 0)), (3, 8, 8), "max_pool2d(x, (2, 3), stride=1, padding=(1, 0))"),
    (nn.MaxPool2d(3, 2, 1, 2), (3, 8, 8), "max_pool2d(x, 3, stride=2, padding=1, dilation=2)"),
    (nn.AvgPool2d(2), (3, 8, 8), "avg_pool2d(x, 2)"),
    (nn.AvgPool2d((3, 2), 1, 1), (3, 8, 8), "avg_pool2d(x, (3, 2), stride=1, padding=1)"),
    (nn.AvgPool2d(3, divisor_override=2), (3, 8, 8), "sum_pool2d(x, 3) | x * 0.5"),
    (
        nn.AvgPool2d(3, 2, 1, count_include_pad=False), (3, 8, 8),
        'sum_pool2d(x, 3, stride=2, padding=1) | x * w["constant_0"]',
    ),
    (nn.AdaptiveAvgPool2d((3, 2)), (3, 7, 7), "adaptive_avg_pool2d(x, (3, 2))"),
    (nn.AdaptiveMaxPool2d(3), (3, 7, 7), "adaptive_max_pool(x, 3, 3)"),
    (nn.AdaptiveMaxPool2d((3, 2)), (3, 7, 7), "adaptive_max_pool(x, 3, 2)"),
    (nn.AdaptiveMaxPool1d(2), (3, 7), "adaptive_max_pool(x, 2)"),
    (nn.Unfold(2), (3, 6, 6), "unfold(x, kernel=(2, 2))"),
    (
        nn.Unfold((2, 3), (2, 1), (1, 0), (1, 2)), (3, 6, 6),
        "unfold(x, kernel=(2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1))",
    ),
    (nn.Fold((4, 5), 2), (12, 12), "fold(x, size=(4, 5), kernel=(2, 2))"),
    (nn.LayerNorm(4), (3, 4), 'normalize(x, 2, w["weight"], w["bias"])'),
    (nn.LayerNorm((3, 4), 0.5), (3, 4), 'normalize(x, (1, 2), w["weight"], w["bias"], eps=0.5)'),
    (nn.LayerNorm(4, elementwise_affine=False), (3, 4), "normalize(x, 2)"),
    (nn.LayerNorm(4, bias=False), (3, 4), 'normalize(x, 2, w["weight"])'),
    (
        nn.GroupNorm(2, 4, 0.5, False), (4, 3, 3),
        "x.reshape(-1, 2, 2, 3, 3) | normalize(x, (2, 3, 4), eps=0.5) | x.reshape(-1, 4, 3, 3)",
    ),
    (
        nn.InstanceNorm2d(3, affine=True), (3, 4, 4),
        'normalize(x, (2, 3), w["weight"].reshape(1, 3, 1, 1), w["bias"].reshape(1, 3, 1, 1))',
    ),
    (nn.Sequential(nn.BatchNorm1d(3)), (3,), 'batch_norm(x, **of("0"))'),
    (nn.Sequential(nn.BatchNorm2d(3, 0.5)), (3, 4, 4), 'batch_norm(x, **of("0"), eps=0.5)'),
    (
        nn.BatchNorm2d(3, affine=False), (3, 4, 4),
        'batch_norm(x, running_mean=w["running_mean"], running_var=w["running_var"])',
    ),
    (
        nn.RNN(4, 3, nonlinearity="relu", bias=False), (5, 4),
        'recurrent(rnn_relu, x, [(w["weight_ih_l0"], w["weight_hh_l0"])])',
    ),
    (nn.RNN(4, 3, bias=False), (5, 4), 'recurrent(rnn_tanh, x, [(w["weight_ih_l0"], w["weight_hh_l0"])])'),
    (nn.GRU(4, 3, bias=False), (5, 4), 'recurrent(gru_cell, x, [(w["weight_ih_l0"], w["weight_hh_l0"])])'),
    (
        nn.LSTM(4, 3, batch_first=True, bias=False), (5, 4),
        'recurrent(lstm_cell, x, [(w["weight_ih_l0"], w["weight_hh_l0"])], batch_first=True)',
    ),
    (nn.Embedding(9, 4, padding_idx=1), [[1, 2]], 'w["weight"][x]'),
    (nn.EmbeddingBag(9, 4), [[1, 2]], 'embedding_bag(x, w["weight"], "mean")'),
    (nn.EmbeddingBag(9, 4, mode="max", padding_idx=2), [[1, 2]], 'embedding_bag(x, w["weight"], "max", blank=2)'),
    (nn.Flatten(), (3, 4), "x.reshape(-1, 12)"),
    (nn.Flatten(0), (3, 4), "x.reshape(-1)"),
    (nn.ZeroPad2d(1), (3, 4, 4), "np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))"),
    (nn.ConstantPad2d((1, 0, 2, -1), 3.0), (3, 4, 4), "pad(x, ((0, 0), (0, 0), (2, -1), (1, 0)), 3.0)"),
    (nn.ZeroPad2d((0, 0, -1, 0)), (3, 4, 4), "pad(x, ((0, 0), (0, 0), (-1, 0), (0, 0)))"),
    (nn.ConstantPad1d(1, 3.0), (3, 4), "np.pad(x, ((0, 0), (0, 0), (1, 1)), constant_values=3.0)"),
    (nn.ReplicationPad1d(2), (3, 4), 'np.pad(x, ((0, 0), (0, 0), (2, 2)), "edge")'),
    (nn.Upsample(scale_factor=2), (3, 4, 4), "x.repeat(2, 2) | x.repeat(2, 3)"),
    (nn.Upsample(size=3), (3, 2), "x.take([0, 0, 1], 2)"),
    (
        nn.PixelShuffle(2), (4, 3, 3),
        "x.reshape(-1, 1, 2, 2, 3, 3) | x.transpose(0, 1, 4, 2, 5, 3) | x.reshape(-1, 1, 6, 6)",
    ),
    (nn.LeakyReLU(0.2), (3,), "leaky_relu(x, 0.2)"),
    (nn.Softplus(2, 3), (3,), "softplus(x, 2, 3)"),
    (nn.Threshold(0.5, 2), (3,), "threshold(x, 0.5, 2.0)"),
    (nn.Softmax(1), (3,), "softmax(x, 1)"),
]  # fmt: skip


def lines(text: str) -> list[str]:
    """What predict does, a line for each step, without the names and shapes."""
    joined: list[str] = []
    for line in body(text):
        if line and not line.startswith(("return", "#")) and "given(" not in line:
            if not joined or joined[-1].count("(") == joined[-1].count(")"):
                joined.append(line)
            elif line.startswith(")"):
                joined[-1] = joined[-1].removesuffix(",") + line
            else:
                joined[-1] += line if joined[-1].endswith("(") else f" {line}"
    return [line.partition("  # ")[0].partition(" = ")[2] for line in joined]


@pytest.mark.parametrize(
    "k", range(len(LAYERS)), ids=[f"{type(layer).__name__}-{k}" for k, (layer, *_) in enumerate(LAYERS)]
)
def test_a_layer_is_written_with_the_settings_that_matter(k: int, tmp_path: Path) -> None:
    layer, sizes, words = LAYERS[k]
    x = tg.tensor(sizes) if isinstance(sizes, list) else tg.randn(2, *sizes)
    found = [line for line in lines(written(layer, x, tmp_path / "net.py")) if "[:, :, 0]" not in line]
    found = [line for line in found if line not in ("x[:, :, None]", 'x + w["bias"][:, None, None]')]
    assert " | ".join(found) == words


# --------------------------------------------------------------------------------------------------------- operations
OPERATIONS: dict[str, Any] = {  # of x (N, 3, 4)
    "x.sum()": lambda x: x.sum(),
    "x.sum((0, 2), keepdims=True)": lambda x: x.sum((0, 2), keepdim=True),
    "x.max(1)": lambda x: x.amax(1),
    "x.var(1, ddof=1)": lambda x: x.var(1),
    "x.std((1, 2), keepdims=True, ddof=0)": lambda x: x.std((1, 2), unbiased=False, keepdim=True),
    "norm(x, 1.0, 1)": lambda x: x.norm(1, 1),
    "norm(x, 2.0, None)": lambda x: x.norm(),
    "norm(x, 3.0, (1, 2), keepdims=True)": lambda x: x.norm(3, (1, 2), keepdim=True),
    "logsumexp(x, (1, 2), keepdims=True)": lambda x: x.logsumexp((1, 2), keepdim=True),
    "np.count_nonzero(x, 1)": lambda x: x.count_nonzero(1),
    "x.argmax()": lambda x: x.argmax(),
    "x.swapaxes(1, 2)": lambda x: x.mT,
    "x.transpose(2, 0, 1)": lambda x: x.permute(2, 0, 1),
    "x.swapaxes(0, 1)": lambda x: x.transpose(1, 2).permute(2, 0, 1),  # turned twice is turned once
    "x[:, 1:]": lambda x: x[:, 1:],
    "x[..., ::2]": lambda x: x[..., ::2],
    "x[:, None, -1]": lambda x: x[:, None, -1],
    "x[:, [2, 0]]": lambda x: x[:, [2, 0]],
    "x[0]": lambda x: x[0],
    "np.flip(x, (1,))": lambda x: x.flip(1),
    "np.roll(x, (1, -1), (1, 2))": lambda x: x.roll((1, -1), (1, 2)),
    "np.rot90(x, 1, (1, 2))": lambda x: tg.rot90(x, 1, (1, 2)),
    "np.tril(x, 0)": lambda x: x.tril(),
    "np.diagonal(x, 1, 1, 2)": lambda x: tg.diagonal(x, 1, 1, 2),
    "len(x) | x[:, 0] | on_diagonal(x, (n, 5, 5), 1, 1, 2)": lambda x: tg.diag_embed(x[:, 0], 1),
    "np.logaddexp.accumulate(x, 1)": lambda x: x.logcumsumexp(1),
    "order(x, 1)": lambda x: x.argsort(1),
    "order(x, 2, descending=True)": lambda x: x.argsort(2, descending=True),
    "np.take(order(x, 2), range(1), 2)": lambda x: x.topk(1, 2, largest=False)[1],
    "np.take(order(x, 1, descending=True), range(2), 1)": lambda x: x.topk(2, 1)[1],
    "x.argmax(1, keepdims=True) | np.take_along_axis(x, y, 1).squeeze(1)": lambda x: x.max(1)[0],
    "x.argmax(1, keepdims=True) | np.take_along_axis(x, y, 1)": lambda x: x.max(1, keepdim=True)[0],
    "x * 2 | np.concatenate([x, y], 1)": lambda x: tg.cat([x, x * 2], 1),
    "np.stack([x, x], 3)": lambda x: tg.stack([x, x], -1),
    "np.lib.stride_tricks.sliding_window_view(x, 2, 2)": lambda x: x.unfold(2, 2, 1),
    "np.lib.stride_tricks.sliding_window_view(x, 2, 2)[:, :, ::2]": lambda x: x.unfold(2, 2, 2),
    "len(x) | x[:, :2, 0] | np.zeros((n, 2), np.float32) + x": lambda x: tg.zeros(x.shape[0], 2) + x[:, :2, 0],
    "len(x) | np.arange(n)": lambda x: tg.arange(x.shape[0]),
    "len(x) | np.arange(2 * n + 1)": lambda x: tg.arange(2 * x.shape[0] + 1),
    'np.einsum("abc,adc->abd", x, x, optimize=True)': lambda x: tg.einsum("nij,nkj->nik", x, x),
    "x - 2 | 1 - x": lambda x: 1 - (x - 2),
    "np.exp(x) | x + 2 * y": lambda x: tg.add(x, x.exp(), alpha=2),
    "x - 3 * 1": lambda x: tg.sub(x, 1, alpha=3),
    "1 / np.sqrt(x)": lambda x: x.rsqrt(),
    "x ** 2 | x - np.trunc(x) | y + x": lambda x: x.square() + x.frac(),
    "x * 2 | x + 0.3 * (y - x)": lambda x: tg.lerp(x, x * 2, 0.3),
    "x + 2 * x * x": lambda x: tg.addcmul(x, x, x, value=2),
    "np.abs(x) | x + 2 * x / y": lambda x: tg.addcdiv(x, x, x.abs(), value=2),
    "np.clip(x, 0.0, None)": lambda x: x.clamp(min=0),
    "x > 0 | np.where(y, x, -1.0)": lambda x: tg.where(x > 0, x, -1.0),
    "x > 0 | np.where(y, 1.0, -1.0).astype(np.float32)": lambda x: tg.where(x > 0, 1.0, -1.0),
    "x > 0 | np.where(y, -5.0, x)": lambda x: x.masked_fill(x > 0, -5.0),
    "x > 0 | x < 1 | y & z | x > 2 | y | z": lambda x: (x > 0) & (x < 1) | (x > 2),
    "np.nan_to_num(x, nan=1.0, posinf=2.0)": lambda x: tg.nan_to_num(x, 1.0, 2.0),
    "x.astype(np.float64)": lambda x: x.double(),
    "x > 0 | y.astype(np.float32)": lambda x: (x > 0).float(),
    "x * np.inf": lambda x: x * math.inf,
    "x + (-np.inf)": lambda x: x + -math.inf,
    "1 - erf(x)": lambda x: tg.special.erfc(x),
    "np.log(x / (1 - x))": lambda x: tg.logit(x),
    "x + np.array([1.0, 2.0, 3.0, 4.0], np.float32)": lambda x: x + tg.tensor([1.0, 2.0, 3.0, 4.0]),
    "x + np.zeros((3, 4), np.float32)": lambda x: x + tg.zeros(3, 4),
    "x * np.full(4, 2.5, np.float32)": lambda x: x * tg.full((4,), 2.5),
    "x.reshape(3, -1)": lambda x: x.reshape(3, -1),
    "x[:, None] | x[:, :, None, :2] | grid_sample(y, x)": lambda x: F.grid_sample(x[:, None], x[:, :, None, :2]),
    'x[:, None] | x[:, :, None, :2] | grid_sample(y, x, "nearest", beyond="border", corners=True)': lambda x: (
        F.grid_sample(x[:, None], x[:, :, None, :2], "nearest", "border", align_corners=True)
    ),
    "np.diff(x, axis=1)": lambda x: x.diff(dim=1),
    "relu(x) | np.tanh(x) | np.exp(x) | np.sin(x)": lambda x: [x.relu(), x.tanh(), x.exp(), x.sin()],
}  # fmt: skip


def after(index: Any, value: Any) -> Any:
    """A copy of x, written into: a number, or what a function makes of x."""

    def function(x: Any) -> Any:
        y = x.clone()
        y[index] = value(x) if callable(value) else value
        return y

    return function


def filled(view: Any, number: float = 3.0) -> Any:
    """A copy of x, of which a view was filled."""

    def function(x: Any) -> Any:
        y = x.clone()
        view(y).fill_(number)
        return y

    return function


ALL = slice(None)
OPERATIONS |= {
    "changed(x, np.s_[:, [2, 0, 1]], x)": after((ALL, [2, 0, 1]), lambda x: x),
    "changed(x, np.s_[[1, 0]], 1.0)": after(([1, 0],), 1.0),
    "x[:, 0] | changed(x, np.s_[:, 1], y)": after((ALL, 1), lambda x: x[:, 0]),
    "x * 2 | y": after((Ellipsis,), lambda x: x * 2),  # all of it is new
    "changed(x, np.s_[...], 2.0)": after((Ellipsis,), 2.0),
    "x[0] | changed(x, np.s_[...], y)": after((Ellipsis,), lambda x: x[0]),
    "x[:, 1:, :2] | changed(x, np.s_[:, 1:], changed(x[:, 1:], np.s_[:, :, [3, 0]], y))": after(
        (ALL, slice(1, None), [3, 0]), lambda x: x[:, 1:, :2]
    ),
    "x[..., :2] | changed(x, np.s_[..., ::2], y)": after((Ellipsis, slice(None, None, 2)), lambda x: x[..., :2]),
    "len(x) | x.transpose(2, 0, 1) | changed(y, np.s_[0], np.broadcast_to(np.full((1, 3), 3.0, np.float32), (n, 3))) | "
    "y.transpose(1, 2, 0)": filled(lambda y: y.permute(2, 0, 1)[0]),
    "len(x) | x.reshape(-1, 12) | changed(y, np.s_[:, 0], np.broadcast_to(np.array([3.0], np.float32), (n,))) | "
    "y.reshape(x.shape)": filled(lambda y: y.view(-1, 12)[:, 0]),
    "x[:, :, :3] | np.moveaxis(np.diagonal(x, 0, 1, 2), -1, 1) | x.transpose(0, 1)": lambda x: (
        tg.einsum("nii->ni", x[:, :, :3])
    ),
    "len(x) | x[:, :2] | added((n, 3, 4), np.s_[:, np.zeros(2, np.int64)], y) | x + y": lambda x: (
        tg.index_add(x, 1, tg.tensor([0, 0]), x[:, :2])
    ),
    "x.sum() | norm(x, 3.0, None)": lambda x: x.sum().norm(3),
    "x.sum() | np.zeros((), np.int64)": lambda x: x.sum().sort()[1],
    "x.sum() | y | np.logaddexp.accumulate(x, 1)": lambda x: (x.sum().cumsum(0), x.logcumsumexp(1)),
}  # fmt: skip


def calls(function: Any) -> nn.Module:
    """A module around a function."""
    return Of(lambda _, x: function(x))


@pytest.mark.parametrize("words", OPERATIONS)
def test_an_operation_is_written_as_one_would_write_it(words: str, tmp_path: Path) -> None:
    text = written(calls(OPERATIONS[words]), tg.randn(2, 3, 4), tmp_path / "net.py")
    assert " | ".join(lines(text)) == words


@pytest.mark.parametrize(("dim", "words"), [(0, "len(x)"), (1, "x.shape[1]"), (2, "x.shape[2]")])
def test_the_size_of_the_batch_where_it_is_needed(dim: int, words: str, tmp_path: Path) -> None:
    model, x = calls(lambda x: x.sum((dim + 1) % 3) * 0 + x.shape[dim]), tg.randn(2, 3, 4)
    text = tg.export_numpy(model, x, tmp_path / "net.py", batch_dim=dim).read_text()
    assert f"    n = {words}\n" in text


def test_the_largest_number_of_names_that_are_needed_at_once(tmp_path: Path) -> None:
    """x, y, z, u and v, then x1 and so on; a name is free again behind its last use."""
    text = written(calls(lambda x: [x.exp() * k for k in range(2, 9)] + [x]), tg.randn(2, 3), tmp_path / "net.py")
    results = [line.partition(" = ")[0] for line in body(text) if " = " in line and "given" not in line]
    assert set(results) == {*POOL[1:], "x1", "y1", "z1"}


# --------------------------------------------------------------------------------------------------- words for things
def value(text: str, **names: Any) -> Any:
    return eval(text, {"np": np, **names})


def same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


ARRAYS: dict[str, Any] = {
    "np.zeros(3, np.float32)": np.zeros(3, np.float32),
    "np.zeros((2, 3), np.int64)": np.zeros((2, 3), np.int64),
    "np.zeros((2, 0), np.float64)": np.zeros((2, 0)),
    "np.zeros(1, np.float64)": np.zeros(1),
    "np.zeros(3, np.bool_)": np.zeros(3, bool),
    "np.ones(3, np.bool_)": np.ones(3, bool),
    "np.ones((2, 2), np.float16)": np.ones((2, 2), np.float16),
    "np.full(2, 0.1, np.float32)": np.full(2, 0.1, np.float32),
    "np.full(2, -0.0, np.float64)": np.full(2, -0.0),
    "np.full((2, 2), -7, np.int8)": np.full((2, 2), -7, np.int8),
    "np.full(3, np.inf, np.float32)": np.full(3, np.inf, np.float32),
    "np.array([0.0, -0.0], np.float64)": np.array([0.0, -0.0]),
    "np.array([-0.0, 0.0, 0.0], np.float32)": np.array([-0.0, 0, 0], np.float32),
    "np.array([-0.0], np.float32)": np.array([-0.0], np.float32),
    "np.array([1], np.int64)": np.array([1]),
    "np.array([[1, 2], [3, 4]], np.uint8)": np.array([[1, 2], [3, 4]], np.uint8),
    "np.array([True, False], np.bool_)": np.array([True, False]),
    "np.array([np.nan, -np.inf], np.float64)": np.array([np.nan, -np.inf]),
    "np.array([0.1, 0.2], np.float32)": np.array([0.1, 0.2], np.float32),
    "np.array([0.1, 0.2], np.float64)": np.array([0.1, 0.2]),
}


@pytest.mark.parametrize("words", ARRAYS)
def test_an_array_in_words_is_that_array_to_the_bit(words: str) -> None:
    assert array(ARRAYS[words]) == words
    assert same(value(words), ARRAYS[words])


def test_an_array_that_is_long_in_words_has_none() -> None:
    longest = np.arange(10, 19).astype(np.int64)  # 60 letters
    assert len(array(longest[:9])) <= 60
    texts = [array(np.arange(10, 10 + n)) for n in range(2, 30)]
    assert all(len(text) <= 60 for text in texts)
    assert [text == "" for text in texts] == sorted(text == "" for text in texts)
    assert len(max(texts, key=len)) > 56  # the next one has four letters more
    assert array(np.zeros((100, 100))) == "np.zeros((100, 100), np.float64)"


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (1, "1"), (2.0, "2.0"), (None, "None"), (True, "True"), (math.inf, "np.inf"), (-math.inf, "-np.inf"),
        (math.nan, "np.nan"), (np.float32(0.1), "0.1"), (np.float64(0.1), "0.1"), (np.float16(0.1), "0.1"),
        (np.int8(-3), "-3"), (np.bool_(True), "True"), (np.float32(-np.inf), "-np.inf"), (np.float32(1e-7), "1e-07"),
    ],
)  # fmt: skip
def test_numbers_in_words(x: Any, words: str) -> None:
    assert number(x) == words
    assert array(np.array(x)) == words if isinstance(x, np.generic) else True


@pytest.mark.parametrize(
    ("times", "plus", "words"),
    [(1, 0, "n"), (3, 0, "3 * n"), (1, 2, "n + 2"), (1, -2, "n - 2"), (2, 5, "2 * n + 5"), (2, -5, "2 * n - 5")],
)
def test_sizes_that_depend_on_the_batch_in_words(times: int, plus: int, words: str) -> None:
    text = extent(Extent(times, plus))
    assert str(text) == words
    assert value(words, n=7) == times * 7 + plus
    assert bracketed(text) == (words if words == "n" else f"({words})")


def test_shapes_and_dtypes_in_words() -> None:
    assert [shape(s) for s in ((), (3,), (2, 3))] == ["()", "(3,)", "(2, 3)"]
    assert [dtype(d) for d in (bool, np.float32, "i8")] == ["np.bool_", "np.float32", "np.int64"]
    assert [bracketed(p) for p in ("x", "-1", Infix("a + b"), Call("f", ("-1",)))] == ["x", "(-1)", "(a + b)", "f(-1)"]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((EVERYTHING, slice(1, None)), ":, 1:"), ((slice(0, 2, 1),), ":2"), ((slice(None, None, 2),), "::2"),
        ((slice(None, None, -1), EVERYTHING), "::-1"), ((0, EVERYTHING, EVERYTHING), "0"), ((EVERYTHING,), ":"),
        ((Ellipsis,), "..."), ((1, Ellipsis), "1"), ((Ellipsis, 1, EVERYTHING), "..., 1, :"), ((None, -1), "None, -1"),
        ((slice(2, Extent(1)),), "2:n"), ((slice(1, 5, 2), np.array([0, 2])), "1:5:2, [0, 2]"),
    ],
)  # fmt: skip
def test_indices_in_words_pick_the_same(index: Any, words: str) -> None:
    step = Step("getitem", (), {}, (), "", "", "")
    assert Phrases(step, {}).index(index) == words
    x = np.arange(6**3).reshape(6, 6, 6)
    plain = tuple(slice(i.start, 4) if isinstance(i, slice) and isinstance(i.stop, Extent) else i for i in index)
    assert same(value(f"x[{words}]", x=x, n=4), x[plain])


# ------------------------------------------------------------------------------------------------------------- layout
def test_a_line_is_broken_where_it_would_be_too_long() -> None:
    """To the letter: at 119 it stands in one line, with one more each argument gets its own."""
    call = Call("f", ("a" * 40, "b" * 40))
    line = f"    x = {call}"
    room = WIDTH - len(line) - len("  # ")
    (whole,) = assignment("x", call, "c" * room)
    assert whole == f"{line}  # {'c' * room}"
    assert len(whole) == WIDTH
    assert list(assignment("x", call, "c" * (room + 1))) == [
        "    x = f(", f"        {'a' * 40},", f"        {'b' * 40},", f"    )  # {'c' * (room + 1)}",
    ]  # fmt: skip


def test_what_is_no_call_has_its_comment_above_and_brackets_around_it_if_need_be() -> None:
    text = Infix("a" * (WIDTH - 8))
    assert list(assignment("x", text, "(N,)")) == ["    # (N,)", f"    x = {text}"]
    longer = Infix(text + "a")
    assert list(assignment("x", longer, "(N,)")) == ["    # (N,)", "    x = (", f"        {longer}", "    )"]
    assert list(assignment("x", Call("f" * 120, ()), "c")) == [
        "    # c",
        "    x = (",
        f"        {'f' * 120}()",
        "    )",
    ]


def test_a_long_list_is_broken_at_its_own_commas() -> None:
    fits = f"[{'a' * (WIDTH - 14)}, b]"
    longer = fits.replace("b", "bb")
    found = list(assignment("x", Call("f", (fits, longer)), "c"))
    assert found[1] == f"        {fits},"
    assert len(found[1]) == WIDTH
    assert found[2:6] == ["        [", f"            {'a' * (WIDTH - 14)},", "            bb,", "        ],"]
    inner = "(" + ", ".join(["w" * 50, "v" * 60]) + ")"
    found = list(assignment("x", Call("f", (f"[{inner}]",)), "c"))
    assert found[2:6] == [
        "            (",
        f"                {'w' * 50},",
        f"                {'v' * 60},",
        "            ),",
    ]
    assert max(map(len, found)) <= WIDTH


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b", ["a", "b"]), ("f(a, b), c", ["f(a, b)", "c"]), ("[a, {b, c}], d", ["[a, {b, c}]", "d"]),
        ("a,", ["a"]), ("", []), ("(a), (b, (c, d)), e", ["(a)", "(b, (c, d))", "e"]),
    ],
)  # fmt: skip
def test_the_parts_between_commas(text: str, parts: list[str]) -> None:
    assert entries(text) == parts


# ------------------------------------------------------------------------------------------------------ names, merging
def of_shape(*sizes: Any, name: str = "", kind: str = "result", kept: Any = None) -> Value:
    return Value(0, kind, sizes, np.dtype(np.float32), name, kept)


def test_names_of_inputs() -> None:
    def names(*given: str) -> list[str]:
        return input_names([of_shape(2, name=name) for name in given])

    assert names("x", "mask") == ["x", "mask"]
    assert names("input") == ["x"]
    assert names("input", "target") == ["input_", "target"]  # a name of Python's own
    assert names("a b", "lambda", "np", "relu", "len") == ["x0", "lambda_", "np_", "relu_", "len_"]
    assert names("y", "y", "y") == ["y", "y_1", "y_2"]
    assert names("", "x0") == ["x0", "x0_1"]


def test_a_result_takes_the_name_of_what_is_read_for_the_last_time() -> None:
    x, a, b, c, unread = (of_shape(2, name=n) for n in ("data", "", "", "", ""))

    def step(*values: Value, to: tuple[Value, ...]) -> Step:
        return Step("add", values, {}, to, "", "", "")

    steps = [step(x, to=(a,)), step(x, a, to=(b,)), step(b, a, to=(c, unread))]
    names = variables([x], steps, [[x], [x, a], [b, a]], [c])
    assert [names[v] for v in (x, a, b, c, unread)] == ["data", "x", "y", "x", "_"]
    names = variables([x], steps, [[x], [x, a], [b, a]], [c, a, b])  # all are needed to the end
    assert [names[v] for v in (x, a, b, c)] == ["data", "x", "y", "z"]


def test_what_is_turned_twice_is_turned_once_if_nobody_else_reads_it() -> None:
    x, a, b, c = (of_shape(2, 3, 4) for _ in range(4))

    def turn(dims: Any, of: Value, to: Value) -> Step:
        return Step("permute", (of,), {"dims": dims}, (to,), "m", "T", "line")

    steps = [turn((1, 2, 0), x, a), turn((2, 0, 1), a, b), turn((0, 2, 1), b, c)]
    (one,) = merged(steps, [c])
    assert (one.inputs, one.outputs, one.attributes["dims"]) == ((x,), (c,), (0, 2, 1))
    assert (one.module, one.type, one.line) == ("m", "T", "line")
    assert len(merged(steps, [c, a])) == 2  # a is read
    assert len(merged(steps, [c, b])) == 2
    assert len(merged(steps, [c, a, b])) == 3


@pytest.mark.parametrize(
    ("dilation", "factor", "more", "means"),
    [
        ((1, 1), 1 / 6, False, True), ((1, 2), 1 / 6, False, False), ((1, 1), 0.17, False, False),
        ((1, 1), 1 / 6, True, False), ((1, 1), 1, False, False), ((1, 1), 1 / 6 + 1e-9, False, False),
    ],
)  # fmt: skip
def test_a_sum_of_windows_by_their_numbers_is_a_mean(dilation: Any, factor: Any, more: bool, means: bool) -> None:
    x, total, mean = (of_shape(2, 3, 4, 4) for _ in range(3))
    how = {"kernel": (2, 3), "dilation": dilation}
    steps = [
        Step("window_sum", (x,), how, (total,), "p", "Pool", "line"),
        Step("mul", (total, factor), {}, (mean,), "p", "Pool", "line"),
    ]
    found = merged(steps, [mean, total] if more else [mean])
    assert [step.op for step in found] == (["avg_pool2d"] if means else ["window_sum", "mul"])
    if means:
        assert (found[0].inputs, found[0].attributes, found[0].outputs) == ((x,), how, (mean,))
        assert (found[0].module, found[0].type, found[0].line) == ("p", "Pool", "line")
