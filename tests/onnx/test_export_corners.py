"""What few models do, as ONNX files: odd numbers, odd dtypes, single numbers, sides that vary, and what is refused."""

from __future__ import annotations

import itertools
import math
import zlib
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tests.onnx.agreement import answers, check
from tests.onnx.test_export_layers import CASES as LAYERS
from tests.onnx.test_export_layers import name, with_any_numbers
from tests.onnx.test_export_operations import ONE, Calls, numbers
from tests.programs.unusual import CASES as UNUSUAL
from tests.programs.unusual import arguments
from tinygrad_cnn import nn

pytest.importorskip("onnxruntime", reason="runs ONNX files: pip install 'tinygrad-cnn[onnx]'")


# ------------------------------------------------------------------------------------------------ operations of tensors
def after(*writes: Any) -> Any:
    """A function that gives a copy of x after such writes into it."""

    def function(x: Any, *others: Any) -> Any:
        y = x.clone()
        for write in writes:
            write(y, x, *others)
        return y

    return function


def into(*index: Any, value: Any) -> Any:
    """y[index] = value, or what a function makes of x."""
    return after(lambda y, x: y.__setitem__(index, value(x) if callable(value) else value))


ALL = slice(None)

CORNERS = {  # of x (N, 3, 4)
    "integers are whole": lambda x: [f(x.long()) for f in (tg.trunc, tg.frac, tg.round, tg.floor, tg.ceil, tg.sign)],
    "numbers before tensors": lambda x: (0.7 // x, 0.7 % x, 2.0**x, tg.fmod(2.0, x), tg.xlogy(0.0, x), tg.xlogy(x, 2)),
    "a condition of integers": lambda x: tg.where((x * 3).long(), x, x * 2),
    "booleans in order": lambda x: ((x > 0) < (x < 1), (x > 0) <= (x < 1), (x > 0) > True, (x > 0) < x),
    "booleans, equal": lambda x: ((x > 0) == (x < 1), (x > 0) != (x < 1), (x > 0) == x, (x > 0) != 1),
    "float16, far": lambda x: [f((x * 6e4).half()) for f in (tg.isinf, tg.isposinf, tg.isneginf, tg.isfinite)],
    "filled with another dtype": lambda x: (x.masked_fill(x > 0, tg.tensor(2)), x.masked_fill(x > 0, x.long().max())),
    "filled integers": lambda x: x.long().masked_fill(x > 0, 3),
    "a shorter index": lambda x: tg.gather(x, 1, tg.tensor([[[0, 2], [1, 1]]]).expand(x.shape[0], 2, 2)),
    "added at places": lambda x: tg.zeros(x.shape[0], 5, 4).scatter_add(1, places(x), x),
    "added at rows": lambda x: (tg.index_add(x, 1, tg.tensor([0, 0]).int(), x[:, :2]), tg.index_add(x, 0, ROW, x[:1])),
    "added integers": lambda x: tg.index_add((x * 9).long(), 1, tg.tensor([2, 0]), x[:, :2].long()),
    "covariances": lambda x: (tg.cov(x[0]), tg.corrcoef(x[0])),
    "a single number": lambda x: [
        f(x.sum())
        for f in (tg.sum, tg.mean, tg.prod, tg.amax, tg.argmax, tg.norm, tg.all, tg.count_nonzero, tg.square)
    ],
    "a single number along 0": lambda x: (*x.sum().max(0), *x.sum().min(0), x.sum().argmin(0), x.sum().logsumexp(0)),
    "softmax of a single number": lambda x: (x.sum().softmax(0), x.sum().log_softmax(0)),
    "running on a single number": lambda x: (x.sum().cumsum(0), x.sum().cumprod(0), x.sum().logcumsumexp(0)),
    "a single integer": lambda x: ((x * 9).int().max().sum(), (x * 9).int().max().cumsum(0)),
    "norms of a single number": lambda x: [x.sum().norm(p) for p in (0, 1, 2, 3, math.inf)] + [(x * 0).sum().norm(0)],
    "sums over no dimension": lambda x: (x.sum(()), x.mean(()), x.long().sum(())),
    "windows by larger steps": lambda x: (x.unfold(2, 2, 2), x.unfold(1, 1, 2), x.unfold(2, 1, 3)),
    "the spread of more than the batch": lambda x: (
        tg.cat([x, x[:1]]).var(0), tg.cat([x, x]).std(0), tg.cat([x, x, x[:1]]).var((0, 1)),
        tg.cat([x, x[:1]]).var((0, 2), unbiased=False),
    ),
    "one counted from the batch": lambda x: (x[x.shape[0] - 1], x[:, 0][x.shape[0] - 1]),
    "whole slices with a step": lambda x: (x[:, ::3], x[:, 0:3:2], x[:, :3], x[:, 0:], x[::1, 0:3:1]),
    "no turn": lambda x: (x.roll(4, 2), x.roll((3, 1), (1, 2)), x.roll(0, 1)),
    "one side around": lambda x: (F.pad(x, (0, 1), mode="circular"), F.pad(x, (2, 0), mode="circular")),
    "written integers": into(ALL, 0, value=lambda x: x[:, 1].long()),
    "written into a view": after(lambda y, x: y[:, 1].copy_(x[:, 0].long()), lambda y, _x: y.view(-1).mul_(2)),
    "written flat": after(lambda y, x: y.view(-1).copy_((x * 9).reshape(-1).long())),
    "written along a new dimension": into(ALL, None, 0, value=lambda x: x[:, 1][:, None]),
    "a number along a new dimension": into(ALL, None, 0, value=3.0),
    "a row along a new dimension": into(ALL, 0, None, value=lambda x: x[0, 1]),
    "more dimensions than the place": into(ALL, 0, value=lambda x: x[:1, 1][None, None]),
    "fewer dimensions than the place": into(ALL, slice(2), value=lambda x: x[0, 1]),
    "all of it": after(lambda y, x: y.__setitem__(ALL, x[0]), lambda y, x: y.add_(x)),
    "all of it, a number": into(ALL, value=4),
    "every second": into(..., slice(None, None, 2), value=lambda x: x[..., :2]),
    "written at known positions": into(ALL, tg.tensor([2, -3]), value=lambda x: x[:, :2]),
    "copied and filled at known positions": lambda x: (
        tg.index_copy(x, 1, tg.tensor([2, 0]), x[:, :2]),
        tg.index_fill(x, 1, tg.tensor([1]), 3.0),
    ),
    "pools of integers": lambda x: [
        F.max_pool1d((x * 9).to(dtype), 2) for dtype in (tg.int64, tg.int32, tg.int16, tg.int8)
    ],
}  # fmt: skip

ROW = tg.tensor([0])


def places(x: Any) -> Any:
    return tg.tensor([[[0], [4], [0]]]).expand(x.shape[0], 3, 4)


@pytest.mark.parametrize("what", CORNERS)
def test_of_one_tensor(what: str) -> None:
    check(Calls(CORNERS[what]), numbers(2, 3, 4))


def test_a_pool_of_large_integers_is_exact() -> None:
    """As far as float64 tells them apart."""
    check(Calls(lambda x: F.max_pool1d(x, 2) - 2**52), tg.tensor(2**52 + np.arange(12).reshape(2, 1, 6)), tolerance=0)


POSITIONS = {  # of x (N, 3, 4) and i (N, 2)
    "one for each entry": lambda x, i: x[tg.arange(x.shape[0])[:, None], i],
    "int32": lambda x, i: x[tg.arange(x.shape[0]), i[:, 0].int()],
    "int16, along one dimension": lambda x, i: x[:, i[0].to(tg.int16)],
    "some of them known": lambda x, i: x[tg.arange(x.shape[0])[:, None, None], i[:, :, None], [0, 2]],
    "side by side": lambda x, i: (x[:, i[0, :1], i[:1]], x[:, i[:1], [[0], [1]]]),
    "apart": lambda x, i: x[:, None, i[:1]][:, :, 0, :, [1, 3]],
    "around another dimension": lambda x, i: x[tg.arange(x.shape[0]), :, i[:, 1]],
    "added at rows": lambda x, i: tg.index_add(x, 1, i[0].abs().int(), x[:, :2]),
}


@pytest.mark.parametrize("what", POSITIONS)
def test_positions_that_are_computed(what: str) -> None:
    check(Calls(POSITIONS[what]), numbers(2, 3, 4), tg.tensor([[0, 2], [1, -1]]))


def test_bags_with_shares() -> None:
    class Bag(nn.Module):
        def __init__(self, **settings: Any) -> None:
            super().__init__()
            self.bag = nn.EmbeddingBag(10, 3, mode="sum", **settings)

        def forward(self, i: Any, shares: Any) -> Any:
            return self.bag(i, per_sample_weights=shares)

    for settings in ({}, {"padding_idx": 0}):
        check(Bag(**settings), tg.tensor([[1, 0, 5], [3, 4, 0]]), numbers(2, 3))


@pytest.mark.parametrize("mode", ["max", "mean", "sum"])
def test_a_bag_of_nothing_but_padding(mode: str) -> None:
    check(nn.EmbeddingBag(10, 3, mode=mode, padding_idx=0), tg.tensor([[1, 0, 5], [0, 0, 0]]))


def test_losses_of_each_sample() -> None:
    t = tg.tensor([[1, 5, 0], [0, 1, 2]])
    for loss in (F.nll_loss, F.cross_entropy):
        check(Calls(lambda x, t, loss=loss: loss(x.log_softmax(1), t, reduction="none")), numbers(2, 6, 3), t)


@pytest.mark.parametrize("make", [lambda: nn.AdaptiveMaxPool2d(2), lambda: nn.AdaptiveMaxPool2d(4)])
def test_the_maxima_of_an_image_without_a_batch(make: Any) -> None:
    check(make(), numbers(3, 6, 7))


def test_weights_that_do_not_lie_in_order() -> None:
    layer = nn.Linear(4, 3)
    layer.weight = nn.Parameter(numbers(4, 3).T)
    check(layer, numbers(2, 4))


# --------------------------------------------------------------------------------------------------------- odd numbers
ODD = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 2.5, -2.5, 88, -88, 1e-3, 3e19, math.inf, -math.inf, math.nan], np.float32)
PAIRS = [np.array(side, np.float32) for side in zip(*itertools.product(ODD, ODD), strict=True)]

OF_ONE = [
    *("abs", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "atan", "sinh"),
    *("cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "floor", "ceil", "trunc", "round", "sign", "neg"),
    *("square", "sigmoid", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "logical_not", "nan_to_num", "logit"),
]
LAYERS_OF_ONE = [
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish", "hardsigmoid"),
    *("hardtanh", "softplus", "softsign", "logsigmoid", "softshrink", "hardshrink"),
]
OF_TWO = [
    *("add", "sub", "mul", "div", "pow", "maximum", "minimum", "atan2", "hypot", "logaddexp", "xlogy", "fmod"),
    *("remainder", "floor_divide", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"),
]
LIMITS = {
    "threshold": lambda x: F.threshold(x, 0.1, 5.0),
    "clamp": lambda x: (x.clamp(-1, 1), x.clamp(2, 1), x.clamp(min=0), x.clamp(max=0)),
    "clamp by tensors": lambda x: (x.clamp(x * 0 - 1, x * 0 + 1), x.clamp(min=x * 0), x.clamp(max=-x)),
    "norm": lambda x: (x[:-1].norm(0), x[:11].norm(3)),
}


def agree(function: Any, *arrays: Any, opset: int = 17) -> None:
    """Hold a file against the function, NaN and infinity included. (`check` tries other batches, which differ.)"""
    args = [tg.tensor(a) for a in arrays]
    with np.errstate(all="ignore"):
        check(Calls(function), *args, dims=None, free=False, opset=opset)


@pytest.mark.parametrize("what", OF_ONE)
def test_odd_numbers(what: str) -> None:
    agree(getattr(tg, what), ODD)


@pytest.mark.parametrize("opset", [17, 20])
@pytest.mark.parametrize("what", LAYERS_OF_ONE)
def test_odd_numbers_in_activations(what: str, opset: int) -> None:
    agree(getattr(F, what), ODD[np.abs(ODD) != np.float32(3e19)], opset=opset)


@pytest.mark.parametrize("what", OF_TWO)
def test_pairs_of_odd_numbers(what: str) -> None:
    agree(getattr(tg, what), *PAIRS)


@pytest.mark.parametrize("what", LIMITS)
def test_odd_numbers_and_limits(what: str) -> None:
    agree(LIMITS[what], ODD)


@pytest.mark.parametrize("what", OF_TWO)
def test_pairs_of_float16(what: str) -> None:
    """Within some roundings: a runtime may keep more digits in between."""
    x = numbers(2, 3, 4)
    args = x.half(), (x.flip(2) * 0.7).half()
    check(Calls(getattr(tg, what)), *args, tolerance=4 * float(np.finfo(np.float16).eps))


def test_a_rest_is_exact() -> None:
    """Where the quotient is large, what a product with it leaves is nothing but rounding."""
    a, b = (np.random.default_rng(0).normal(size=400).astype(np.float32) * n for n in (1e4, 1e-2))
    model = Calls(lambda a, b: (a % b, a // b))
    for y, z in zip(answers(model, (tg.tensor(a), tg.tensor(b))), (np.remainder(a, b), a // b), strict=True):
        np.testing.assert_array_equal(y, z)
    check(model, tg.tensor(a), tg.tensor(b), tolerance=1e-7)


# -------------------------------------------------------------------------------------------------- sides that vary
IMAGES, SIGNALS = (2, 3, 6, 8), (2, 3, 8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2d(3, 2, 3, padding=1),
        lambda: nn.ConvTranspose2d(3, 2, 3, padding=1),
        lambda: nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1, bias=False),
        lambda: nn.MaxPool2d(3, 1, 1),
        lambda: nn.AvgPool2d(3, 1, 1),
        lambda: nn.AdaptiveAvgPool2d(1),
        lambda: nn.AdaptiveMaxPool2d(1),
        lambda: nn.InstanceNorm2d(3, track_running_stats=True),
        lambda: nn.GroupNorm(1, 3),
    ],
)
@pytest.mark.parametrize("dim", [2, 3])
def test_an_image_of_any_height_or_width(make: Any, dim: int) -> None:
    check(with_any_numbers(make()), numbers(*IMAGES), dims=dim)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.ConvTranspose1d(3, 2, 3, stride=2, padding=1, output_padding=1),
        lambda: nn.AdaptiveAvgPool1d(1),
        lambda: nn.AdaptiveMaxPool1d(1),
    ],
)
def test_a_signal_of_any_length(make: Any) -> None:
    largest = isinstance(make(), nn.AdaptiveMaxPool1d)  # ONNX's evaluator 1.23 has GlobalMaxPool wrong for signals
    check(with_any_numbers(make()), numbers(*SIGNALS), dims=2, reference=not largest)


def test_a_net_for_images_of_any_width() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 4, 2, stride=2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
    )  # fmt: skip
    check(net, numbers(*IMAGES), dims=3)


# ------------------------------------------------------------------------------------------------------- later opsets
@pytest.mark.parametrize("opset", [18, 20])
@pytest.mark.parametrize("what", [*ONE, *CORNERS])
def test_operations_in_a_later_opset(what: str, opset: int) -> None:
    check(Calls({**ONE, **CORNERS}[what]), numbers(2, 3, 4), opset=opset, sizes=(3,))


@pytest.mark.parametrize("opset", [18, 20])
@pytest.mark.parametrize("k", range(len(LAYERS)), ids=[f"{name(make)}-{k}" for k, (make, *_) in enumerate(LAYERS)])
def test_layers_in_a_later_opset(k: int, opset: int) -> None:
    make, inputs, how = LAYERS[k]
    tg.manual_seed(zlib.crc32(repr(inputs).encode()))
    args = [tg.tensor(i) if isinstance(i, list) else tg.randn(*i) for i in inputs]
    check(with_any_numbers(make()), *args, **how, opset=opset, sizes=(3,))


@pytest.mark.parametrize("opset", [18, 20])
@pytest.mark.parametrize("what", UNUSUAL)
def test_unusual_models_in_a_later_opset(what: str, opset: int) -> None:
    case = UNUSUAL[what]
    tg.manual_seed(0)
    args = map(tg.tensor, arguments(case))
    check(case.make(), *args, dims=case.dims, free=case.free, reference=case.reference, sizes=(7,), opset=opset)


def bits(x: Any) -> Any:
    i, j = (x * 50).long(), (x * 20).int()
    return i & 3, i | j, j ^ 5, ~i, i & (x > 0), (x > 0) & (x < 1), ~(x > 0)


@pytest.mark.parametrize("opset", [18, 21])
def test_bits_of_integers(opset: int) -> None:
    check(Calls(bits), numbers(2, 3, 4), opset=opset)


def test_an_operator_of_its_own_where_the_opset_has_one() -> None:
    for function, opset, operator in ((F.mish, 18, "Mish"), (F.gelu, 20, "Gelu")):
        content = check(Calls(function), numbers(2, 3), opset=opset)
        assert [node.op_type for node in content.graph.node] == [operator]
        assert len(check(Calls(function), numbers(2, 3), opset=opset - 1).graph.node) > 1


# ------------------------------------------------------------------------------------------------------ what is refused
REFUSED: dict[str, tuple[Any, str]] = {  # of x (N, 3, 4)
    "bits before opset 18": (lambda x: x.long() & 3, "bitwise_and in Calls, .*: it came with opset 18"),
    "the spread of a single number": (lambda x: x.sum().std(), "std in Calls, .*: of a single number"),
    "the order of a single number": (lambda x: x.sum().sort()[0], "argsort in Calls, .*: of a single number"),
    "the best of a single number": (lambda x: x.sum().topk(1)[0], "best in Calls, .*: of a single number"),
    "a running product along the batch": (lambda x: x.cumprod(0), "cumprod in Calls, .*: along the batch"),
    "a turn of the batch": (lambda x: x.roll(1, 0), "roll in Calls, .*: along the batch"),
    "windows along the batch": (lambda x: x.unfold(0, 2, 1), "slide in Calls, .*: along the batch"),
    "a diagonal along the batch": (
        lambda x: tg.diagonal(x[:, 0] @ x[:, 1].T, 0, 0, 1),
        "diagonal in Calls, .*: along the batch",
    ),
    "a diagonal of the batch": (
        lambda x: tg.diag_embed(x.permute(2, 1, 0)),
        "on_diagonal in Calls, .*: along the batch",
    ),
    "written into a diagonal": (
        after(lambda y, _x: tg.diagonal(y, 0, 1, 2).fill_(7.0)),
        "overwritten in Calls, .*: a write into a view made by diagonal",
    ),
    "written along two dimensions": (
        into(ALL, [0, 1], [1, 2], value=5.0),
        "setitem in Calls, .*: a write at positions along several dimensions",
    ),
    "written at a table": (into(ALL, [[0, 1], [1, 2]], value=5.0), "setitem in .*: a write at positions like these"),
    "written where it says itself": (
        after(lambda y, x: y.__setitem__((ALL, x[0].argmax(1)[:1]), 5.0)),
        "setitem in Calls, .*: a write at positions like these",
    ),
    "written into one of the batch": (into(0, value=5.0), "setitem in Calls, .*: a write at a place along the batch"),
    "added at pairs": (
        lambda x: tg.index_put(x, (tg.tensor([0, 0]), tg.tensor([1, 1])), x[:1, 0, :1].expand(2, 4), accumulate=True),
        "place in Calls, .*: at an index like this",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_operator_is_refused(what: str) -> None:
    function, message = REFUSED[what]
    with pytest.raises(RuntimeError, match=r"ONNX \(opset 17\) has no operators for\n  " + message):
        check(Calls(function), numbers(2, 3, 4))


@pytest.mark.parametrize(
    "function", [into(0, value=5.0), into([1, 0], value=2.0), lambda x: x.roll(1, 0), lambda x: x.cumprod(0)]
)
def test_what_is_refused_along_the_batch_is_written_for_one_of_fixed_size(function: Any) -> None:
    check(Calls(function), numbers(2, 3, 4), dims=None, free=False)


@pytest.mark.parametrize(
    ("make", "dim"),
    [
        (lambda: nn.MaxPool2d(2, stride=1, return_indices=True), 3),
        (lambda: nn.AdaptiveAvgPool2d((3, 4)), 3),
        (lambda: nn.AdaptiveMaxPool2d((3, 4)), 2),
        (lambda: nn.Unfold(3), 1),
    ],
)
def test_windows_that_depend_on_a_side_that_varies_are_refused(make: Any, dim: int) -> None:
    with pytest.raises(RuntimeError, match="of sides that depend on the batch"):
        check(make(), numbers(*IMAGES), dims=dim)


def test_an_image_put_together_to_a_size_that_varies_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"fold in Calls.*: of sides that depend on the batch"):
        check(Calls(lambda x: F.fold(x, (1, x.shape[2]), 1)), numbers(2, 3, 8), dims=2)
