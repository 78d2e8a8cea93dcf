"""Every layer alone, as an ONNX file, by onnxruntime and ONNX's reference evaluator, for several batch sizes."""

from __future__ import annotations

import inspect
import zlib
from typing import Any

import pytest

import tinygrad_cnn as tg
from tests.onnx.agreement import check
from tinygrad_cnn import nn

pytest.importorskip("onnxruntime", reason="runs ONNX files: pip install 'tinygrad-cnn[onnx]'")

IMAGES, SIGNALS, VECTORS, STEPS = (2, 4, 8, 9), (2, 4, 10), (2, 6), (2, 4, 6)
NUMBERS = [[1, 0, 5], [3, 4, 9]]
REFERENCE_FAILS = {"reference": False}  # ONNX's evaluator 1.23 does not compute these; onnxruntime does

CASES: list[tuple[Any, Any, dict[str, Any]]] = [
    (lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), [IMAGES], {}),
    (lambda: nn.Conv2d(4, 6, (2, 3), padding="same", dilation=2), [IMAGES], {}),
    (lambda: nn.Conv2d(4, 4, 3, groups=4, bias=False), [IMAGES], {}),
    (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=2), [SIGNALS], {}),
    (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), [IMAGES], {}),
    (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2), [IMAGES], REFERENCE_FAILS),
    (lambda: nn.ConvTranspose2d(4, 6, 3, dilation=2, output_padding=1, bias=False), [IMAGES], {}),
    (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1), [SIGNALS], {}),
    (lambda: nn.Linear(6, 3), [VECTORS], {}),
    (lambda: nn.Linear(6, 3, bias=False), [STEPS], {}),
    (lambda: nn.Bilinear(6, 6, 3), [VECTORS, VECTORS], {}),
    (lambda: nn.BatchNorm1d(6), [VECTORS], {}),
    (lambda: nn.BatchNorm1d(4, affine=False), [SIGNALS], {}),
    (lambda: nn.BatchNorm2d(4), [IMAGES], {}),
    (lambda: nn.BatchNorm2d(4, track_running_stats=False), [IMAGES], {}),
    (lambda: nn.LayerNorm(6), [VECTORS], {}),
    (lambda: nn.LayerNorm((8, 9), bias=False), [IMAGES], {}),
    (lambda: nn.LayerNorm(9, elementwise_affine=False), [IMAGES], {}),
    (lambda: nn.GroupNorm(2, 4), [IMAGES], {}),
    (lambda: nn.InstanceNorm2d(4, affine=True), [IMAGES], {}),
    (lambda: nn.InstanceNorm2d(4, track_running_stats=True), [IMAGES], {}),
    (lambda: nn.InstanceNorm1d(4), [SIGNALS], {}),
    (lambda: nn.RMSNorm(9), [IMAGES], {}),
    (lambda: nn.LocalResponseNorm(3), [IMAGES], {}),
    (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), [IMAGES], {}),
    (lambda: nn.MaxPool2d((2, 3), dilation=2), [IMAGES], {}),
    (lambda: nn.MaxPool1d(2), [SIGNALS], {}),
    (lambda: nn.MaxPool2d(3, 2, 1, return_indices=True), [IMAGES], {}),
    (lambda: nn.MaxPool1d(2, return_indices=True), [SIGNALS], {}),
    (lambda: nn.MaxUnpool2d(2), [(1, 1, 1, 2), [[[[3, 6]]]]], {}),
    (lambda: nn.MaxUnpool1d(2), [(1, 1, 3), [[[1, 2, 4]]]], {}),
    (lambda: nn.AvgPool2d(3, 2, 1), [IMAGES], {}),
    (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), [IMAGES], {}),
    (lambda: nn.AvgPool2d(3, 2, ceil_mode=True), [IMAGES], {}),
    (lambda: nn.AvgPool2d(2, divisor_override=3), [IMAGES], {}),
    (lambda: nn.AvgPool1d(3, 2, 1), [SIGNALS], {}),
    (lambda: nn.AdaptiveAvgPool2d(1), [IMAGES], {}),
    (lambda: nn.AdaptiveAvgPool2d((3, 4)), [IMAGES], {}),
    (lambda: nn.AdaptiveAvgPool2d((4, 3)), [IMAGES], {}),
    (lambda: nn.AdaptiveAvgPool1d(5), [SIGNALS], {}),
    (lambda: nn.AdaptiveAvgPool1d(1), [SIGNALS], {}),
    (lambda: nn.AdaptiveMaxPool2d(1), [IMAGES], {}),
    (lambda: nn.AdaptiveMaxPool2d((3, 4)), [IMAGES], {}),
    (lambda: nn.AdaptiveMaxPool2d((4, 3)), [IMAGES], {}),
    (lambda: nn.AdaptiveMaxPool1d(4), [SIGNALS], {}),
    (lambda: nn.LPPool2d(2, 2), [IMAGES], {}),
    (lambda: nn.LPPool1d(2, 2), [SIGNALS], {}),
    (lambda: nn.CELU(0.5), [VECTORS], {}),
    (lambda: nn.ELU(0.5), [VECTORS], {}),
    (lambda: nn.GELU("tanh"), [VECTORS], {}),
    (lambda: nn.Softplus(2, 3), [VECTORS], {}),
    (lambda: nn.Threshold(0.1, -2.0), [VECTORS], {}),
    (lambda: nn.PReLU(4), [IMAGES], {}),
    (lambda: nn.Softmax(1), [VECTORS], {}),
    (lambda: nn.LogSoftmax(-1), [IMAGES], {}),
    (lambda: nn.Softmin(1), [VECTORS], {}),
    (lambda: nn.GLU(1), [IMAGES], {}),
    (lambda: nn.Unflatten(1, (2, 3)), [VECTORS], {}),
    (lambda: nn.PixelShuffle(2), [IMAGES], {}),
    (lambda: nn.PixelUnshuffle(2), [(2, 4, 8, 6)], {}),
    (lambda: nn.ChannelShuffle(2), [IMAGES], {}),
    (lambda: nn.Upsample(scale_factor=2), [IMAGES], {}),
    (lambda: nn.Upsample(scale_factor=1.5, mode="bilinear"), [IMAGES], {}),
    (lambda: nn.Upsample(size=(5, 20), mode="bilinear", align_corners=True), [IMAGES], {}),
    (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), [IMAGES], {}),
    (lambda: nn.Upsample(scale_factor=2, mode="linear"), [SIGNALS], {}),
    (lambda: nn.UpsamplingBilinear2d(scale_factor=2), [IMAGES], {}),
    (lambda: nn.UpsamplingNearest2d(scale_factor=2), [IMAGES], {}),
    (lambda: nn.Unfold(3, padding=1, stride=2), [IMAGES], {}),
    (lambda: nn.Fold((8, 9), 3, padding=1), [(2, 36, 72)], {}),
    (lambda: nn.Embedding(10, 3, padding_idx=0), [NUMBERS], {}),
    (lambda: nn.EmbeddingBag(10, 3), [NUMBERS], {}),
    (lambda: nn.EmbeddingBag(10, 3, mode="max", padding_idx=1), [NUMBERS], {}),
    (lambda: nn.EmbeddingBag(10, 3, mode="sum", padding_idx=0), [NUMBERS], {}),
    (lambda: nn.EmbeddingBag(10, 3, mode="mean", padding_idx=0), [NUMBERS], {}),
    (lambda: nn.CosineSimilarity(), [VECTORS, VECTORS], {}),
    (lambda: nn.PairwiseDistance(), [VECTORS, VECTORS], {}),
    (lambda: nn.RNN(6, 5, 2, batch_first=True, bidirectional=True), [STEPS], {}),
    (lambda: nn.RNN(6, 5, nonlinearity="relu", bias=False), [STEPS], {"dims": 1, **REFERENCE_FAILS}),
    (lambda: nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True), [STEPS], {}),
    (lambda: nn.LSTM(6, 5, bias=False), [STEPS], {"dims": 1}),
    (lambda: nn.LSTM(6, 5), [STEPS], {}),  # dimension 0 holds the steps, and is as free
    (lambda: nn.LSTM(6, 5, proj_size=3, batch_first=True), [STEPS], {}),
    (lambda: nn.GRU(6, 5, 2, batch_first=True, bidirectional=True), [STEPS], {}),
    (lambda: nn.GRU(6, 5, 2, bidirectional=True), [STEPS, (4, 4, 5)], {"dims": 1}),
    (lambda: nn.GRU(6, 5, bias=False), [STEPS], {"dims": 1}),
    (lambda: nn.LSTMCell(6, 5), [VECTORS], {}),
    (lambda: nn.GRUCell(6, 5), [VECTORS, (2, 5)], {}),
    (lambda: nn.RNNCell(6, 5), [VECTORS], {}),
    (lambda: nn.MultiheadAttention(6, 2, batch_first=True), [STEPS] * 3, {}),
    (lambda: nn.MultiheadAttention(6, 2, add_bias_kv=True, add_zero_attn=True), [STEPS] * 3, {"dims": 1}),
    (lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), [STEPS], {}),
    (lambda: nn.TransformerEncoder(encoder_layer(), 2), [STEPS], {}),
    (lambda: nn.TransformerDecoderLayer(6, 2, 8, batch_first=True), [STEPS, (2, 3, 6)], {}),
    (lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(6, 2, 8, batch_first=True), 1), [STEPS, (2, 3, 6)], {}),
    (lambda: nn.Transformer(6, 2, 1, 1, 8, batch_first=True), [STEPS, (2, 3, 6)], {}),
    (lambda: nn.ConstantPad1d(2, 0.5), [SIGNALS], {}),
    (lambda: nn.ConstantPad2d((1, 2, 0, 3), -1.0), [IMAGES], {}),
    (lambda: nn.ConstantPad3d(1, 0.5), [(2, 2, 3, 3, 3)], {}),
    (lambda: nn.Dropout1d(), [SIGNALS], {}),
    (lambda: nn.ZeroPad2d((-1, 2, 0, -2)), [IMAGES], {}),
    *((lambda kind=kind: getattr(nn, kind)(), [IMAGES], {}) for kind in (
        "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid",
        "Hardtanh", "Sigmoid", "Tanh", "Softplus", "Softsign", "LogSigmoid", "Tanhshrink", "Softshrink", "Hardshrink",
        "PReLU", "RReLU",
        "Identity", "Flatten", "Dropout", "Dropout2d", "AlphaDropout", "Softmax2d",
    )),
    *((lambda kind=kind, n=n: getattr(nn, f"{kind}Pad{n}d")(1), [(2, 3, 4, 5, 4)[: n + 2]], {})
      for kind in ("Zero", "Reflection", "Replication", "Circular") for n in (1, 2, 3)),
]  # fmt: skip


def encoder_layer() -> nn.Module:
    return nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, activation="gelu", norm_first=True)


def name(make: Any) -> str:
    return type(make()).__name__


def with_any_numbers(model: Any) -> Any:
    """The model with numbers other than those it begins with, running ones too."""
    for p in model.parameters():
        p.data.add_(tg.randn(*p.shape) * 0.1)
    for m in model.modules():
        if getattr(m, "running_mean", None) is not None:
            m.running_mean.copy_(tg.randn(*m.running_mean.shape))
            m.running_var.copy_(tg.rand(*m.running_var.shape) + 0.5)
    return model


@pytest.mark.parametrize(("make", "inputs", "how"), CASES, ids=[f"{name(c[0])}-{i}" for i, c in enumerate(CASES)])
def test_a_layer_alone(make: Any, inputs: Any, how: dict[str, Any]) -> None:
    tg.manual_seed(zlib.crc32(repr(inputs).encode()))
    model = with_any_numbers(make())
    content = check(model, *(tg.tensor(i) if isinstance(i, list) else tg.randn(*i) for i in inputs), **how)
    state = model.state_dict()
    for weight in content.graph.initializer:
        assert weight.name in state or weight.name.startswith("constant")
    read = {i for node in content.graph.node for i in node.input}
    assert read >= {p for p in dict(model.named_parameters()) if p in {i.name for i in content.graph.initializer}}


@pytest.mark.parametrize("kind", ["BatchNorm2d", "MaxPool2d", "AdaptiveMaxPool2d", "LSTM", "GRU", "RNN"])
def test_a_subclass_goes_out_as_the_layer_that_it_is(kind: str) -> None:
    own = type("Own", (getattr(nn, kind),), {})
    model = with_any_numbers(own(6, 5, batch_first=True) if kind in ("LSTM", "GRU", "RNN") else own(4))
    check(model, tg.randn(*(STEPS if kind in ("LSTM", "GRU", "RNN") else IMAGES)))


WITHOUT = {  # what is no layer of a network that answers, and what ONNX has no operators for
    *(kind for kind in nn.__all__ if kind.endswith("Loss") or kind.startswith("Lazy")),
    *("DataParallel", "Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList", "RNNBase"),
    *("RNNCellBase", "Sequential", "UninitializedBuffer", "UninitializedParameter", "functional", "init", "parallel"),
    "utils",
}


def test_every_layer_has_a_case() -> None:
    kinds = {kind for kind in nn.__all__ if inspect.isclass(getattr(nn, kind))} - WITHOUT
    assert kinds == {name(make) for make, _, _ in CASES}


@pytest.mark.parametrize(
    ("make", "operators"),
    [
        (lambda: nn.Conv1d(4, 6, 3), ["Conv"]),
        (lambda: nn.ConvTranspose1d(4, 6, 3), ["ConvTranspose"]),
        (lambda: nn.MaxPool1d(2), ["MaxPool"]),
        (lambda: nn.AvgPool1d(2), ["AveragePool"]),
        (lambda: nn.AdaptiveAvgPool1d(1), ["GlobalAveragePool"]),
        (lambda: nn.BatchNorm1d(4), ["BatchNormalization"]),
        (lambda: nn.LayerNorm(10), ["LayerNormalization"]),
        (lambda: nn.InstanceNorm1d(4, affine=True), ["InstanceNormalization"]),
        (lambda: nn.Sequential(nn.Dropout(), nn.ReLU(), nn.Identity()), ["Relu"]),
    ],
)
def test_a_layer_is_one_operator(make: Any, operators: list[str]) -> None:
    assert [node.op_type for node in check(make(), tg.randn(*SIGNALS)).graph.node] == operators


NORM = "ReduceMean Sub Mul ReduceMean Add Sqrt Div"


@pytest.mark.parametrize(
    ("make", "sizes", "operators"),
    [
        (lambda: nn.Linear(3, 4), (3,), "Gemm"),
        (lambda: nn.Linear(3, 4, bias=False), (3,), "Gemm"),
        (lambda: nn.Linear(3, 4), (5, 3), "Transpose MatMul Add"),
        (lambda: nn.Conv2d(3, 4, 3, bias=False), (3, 9, 9), "Conv"),
        (lambda: nn.ConvTranspose2d(3, 2, 3), (3, 4, 4), "ConvTranspose"),
        (lambda: nn.AvgPool2d(2), (3, 8, 8), "AveragePool"),
        (lambda: nn.AvgPool2d(3, divisor_override=2), (3, 8, 8), "AveragePool Mul Mul"),
        (lambda: nn.AdaptiveAvgPool2d(1), (3, 8, 8), "GlobalAveragePool"),
        (lambda: nn.AdaptiveAvgPool2d(2), (3, 8, 8), "AveragePool"),
        (lambda: nn.AdaptiveMaxPool2d(1), (3, 8, 8), "GlobalMaxPool"),
        (lambda: nn.LayerNorm((3, 4)), (3, 4), "LayerNormalization"),
        (lambda: nn.LayerNorm(4, elementwise_affine=False), (3, 4), "LayerNormalization"),
        (lambda: nn.InstanceNorm2d(3, affine=True), (3, 4, 4), "InstanceNormalization"),
        (lambda: nn.GroupNorm(2, 4, affine=False), (4, 3, 3), "Reshape LayerNormalization Reshape"),
        (lambda: nn.GroupNorm(2, 4), (4, 3, 3), f"Reshape Reshape Reshape {NORM} Mul Add Reshape"),
        (lambda: nn.ELU(0.5), (3,), "Elu"),
        (lambda: nn.SELU(), (3,), "Selu"),
        (lambda: nn.CELU(0.5), (3,), "Mul Exp Sub Greater Mul Where"),
        (lambda: nn.Hardsigmoid(), (3,), "HardSigmoid"),
        (lambda: nn.Hardswish(), (3,), "HardSwish"),
        (lambda: nn.ReLU6(), (3,), "Clip"),
        (lambda: nn.Softplus(), (3,), "Softplus"),
        (lambda: nn.Softplus(2), (3,), "Mul Softplus Div"),
        (lambda: nn.Softplus(1, 5), (3,), "Softplus Greater Where"),
        (lambda: nn.Softplus(2, 5), (3,), "Mul Softplus Div Greater Where"),
        (lambda: nn.Flatten(), (3, 4), "Reshape"),
        (lambda: nn.ZeroPad2d(1), (3, 4, 4), "Pad"),
        (lambda: nn.PixelShuffle(2), (4, 3, 3), "Reshape Transpose Reshape"),
        (lambda: nn.Unfold(2), (3, 6, 6), "Conv Reshape"),
        (lambda: nn.Fold((4, 5), 2), (12, 12), "Reshape ConvTranspose"),
    ],
)
def test_a_layer_is_as_few_operators_as_onnx_allows(make: Any, sizes: Any, operators: str) -> None:
    content = check(with_any_numbers(make()), tg.randn(2, *sizes) * 3, sizes=())
    assert " ".join(node.op_type for node in content.graph.node) == operators


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
@pytest.mark.parametrize("k", [0, 6, 15, 18, 24, 27, 40, 43, 46])
def test_later_opsets(k: int, opset: int) -> None:
    make, inputs, how = CASES[k]
    check(make(), *(tg.randn(*i) for i in inputs), **how, opset=opset)


FLOAT64 = [
    k
    for k, (_, inputs, how) in enumerate(CASES)
    if how.get("reference", True) and not any(isinstance(i, list) for i in inputs)
]


@pytest.mark.parametrize("k", FLOAT64[::3])
@pytest.mark.filterwarnings("ignore:export. onnxruntime's CPU has no float64")
def test_float64(k: int) -> None:
    """By the reference alone: onnxruntime has no float64 for many operators. In files, eps and its like are float32."""
    make, inputs, how = CASES[k]
    args = [tg.randn(*i).double() for i in inputs]
    check(with_any_numbers(make()).double(), *args, **how, tolerance=1e-6, runtime=False)
