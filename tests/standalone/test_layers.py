"""Each layer alone: what its file says, in a process without the package, is what it says itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from standalone import apart

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn.layers.layer import Layer


class Case(NamedTuple):
    make: Callable[[], nn.Module]
    inputs: tuple[Any, ...]
    dims: Any = "auto"  # where the batch is


def floats(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32) * 2


def ids(*shape: int, below: int = 10) -> Any:
    return np.random.default_rng(sum(shape)).integers(0, below, shape)


F2, F3, F4, F5 = floats(3, 6), floats(3, 4, 9), floats(3, 4, 8, 9), floats(3, 2, 3, 4, 5)
ACTIVATIONS = [
    "CELU",
    "ELU",
    "GELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "RReLU",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Identity",
    "Dropout",
    "AlphaDropout",
]
CASES: dict[str, Case] = {
    **{name: Case(getattr(nn, name), (F4,)) for name in ACTIVATIONS},
    "CELU alpha": Case(lambda: nn.CELU(0.3), (F2,)),
    "GELU tanh": Case(lambda: nn.GELU("tanh"), (F2,)),
    "Threshold": Case(lambda: nn.Threshold(0.5, -3.0), (F2,)),
    "PReLU channels": Case(lambda: nn.PReLU(4), (F4,)),
    "GLU": Case(lambda: nn.GLU(1), (F4,)),
    "Softmax": Case(lambda: nn.Softmax(1), (F4,)),
    "Softmax of large scores": Case(lambda: nn.Softmax(1), (F2 * 100,)),
    "Softmin": Case(lambda: nn.Softmin(1), (F2,)),
    "Softmax2d": Case(nn.Softmax2d, (F4,)),
    "LogSoftmax": Case(lambda: nn.LogSoftmax(-1), (F3,)),
    "Dropout1d": Case(nn.Dropout1d, (F3,)),
    "Dropout2d": Case(nn.Dropout2d, (F4,)),
    "Linear": Case(lambda: nn.Linear(6, 5), (F2,)),
    "Linear no bias": Case(lambda: nn.Linear(9, 5, bias=False), (F4,)),
    "Bilinear": Case(lambda: nn.Bilinear(6, 6, 3), (F2, F2[::-1])),
    "Conv1d": Case(lambda: nn.Conv1d(4, 6, 3, 2, 1), (F3,)),
    "Conv1d grouped": Case(lambda: nn.Conv1d(4, 6, 3, padding=2, dilation=2, groups=2, bias=False), (F3,)),
    "Conv2d": Case(lambda: nn.Conv2d(4, 6, 3), (F4,)),
    "Conv2d odd": Case(lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2)), (F4,)),
    "Conv2d depthwise": Case(lambda: nn.Conv2d(4, 8, 3, padding=1, groups=4), (F4,)),
    "Conv2d same": Case(lambda: nn.Conv2d(4, 6, 4, padding="same"), (F4,)),
    "Conv2d reflect": Case(lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), (F4,)),
    "Conv2d circular": Case(lambda: nn.Conv2d(4, 6, 3, padding=(2, 1), padding_mode="circular"), (F4,)),
    "Conv2d replicate": Case(lambda: nn.Conv2d(4, 6, 3, padding=2, padding_mode="replicate"), (F4,)),
    "ConvTranspose1d": Case(lambda: nn.ConvTranspose1d(4, 6, 3, 2, output_padding=1), (F3,)),
    "ConvTranspose2d": Case(lambda: nn.ConvTranspose2d(4, 6, 2, 2), (F4,)),
    "ConvTranspose2d odd": Case(lambda: nn.ConvTranspose2d(4, 6, 3, (2, 3), (1, 0), (1, 2), 2, False, 2), (F4,)),
    "BatchNorm1d": Case(lambda: nn.BatchNorm1d(6), (F2,)),
    "BatchNorm1d sequences": Case(lambda: nn.BatchNorm1d(4), (F3,)),
    "BatchNorm2d": Case(lambda: nn.BatchNorm2d(4), (F4,)),
    "BatchNorm2d bare": Case(lambda: nn.BatchNorm2d(4, eps=0.1, affine=False), (F4,)),
    "BatchNorm2d of the batch": Case(lambda: nn.BatchNorm2d(4, track_running_stats=False), (F4,)),
    "InstanceNorm1d": Case(lambda: nn.InstanceNorm1d(4, affine=True), (F3,)),
    "InstanceNorm2d": Case(lambda: nn.InstanceNorm2d(4), (F4,)),
    "InstanceNorm2d tracked": Case(lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), (F4,)),
    "LayerNorm": Case(lambda: nn.LayerNorm(6), (F2,)),
    "LayerNorm images": Case(lambda: nn.LayerNorm((8, 9), eps=0.1, bias=False), (F4,)),
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4), (F4,)),
    "RMSNorm": Case(lambda: nn.RMSNorm(6), (F2,)),
    "LocalResponseNorm": Case(lambda: nn.LocalResponseNorm(3), (F4,)),
    "MaxPool1d": Case(lambda: nn.MaxPool1d(3, 2, 1), (F3,)),
    "MaxPool2d": Case(lambda: nn.MaxPool2d(2), (F4,)),
    "MaxPool2d odd": Case(lambda: nn.MaxPool2d((3, 2), 2, 1, (1, 2), ceil_mode=True), (F4,)),
    "AvgPool1d": Case(lambda: nn.AvgPool1d(3, 2, 1, count_include_pad=False), (F3,)),
    "AvgPool2d": Case(lambda: nn.AvgPool2d(2), (F4,)),
    "AvgPool2d odd": Case(lambda: nn.AvgPool2d((3, 2), (2, 1), (1, 0), ceil_mode=True, divisor_override=5), (F4,)),
    "LPPool1d": Case(lambda: nn.LPPool1d(4, 2), (F3,)),
    "LPPool2d": Case(lambda: nn.LPPool2d(2, (2, 3)), (F4,)),
    "AdaptiveAvgPool1d": Case(lambda: nn.AdaptiveAvgPool1d(4), (F3,)),
    "AdaptiveAvgPool2d": Case(lambda: nn.AdaptiveAvgPool2d((3, None)), (F4,)),
    "AdaptiveMaxPool1d": Case(lambda: nn.AdaptiveMaxPool1d(4), (F3,)),
    "AdaptiveMaxPool2d": Case(lambda: nn.AdaptiveMaxPool2d((None, 2)), (F4,)),
    "Flatten": Case(nn.Flatten, (F4,)),
    "Unflatten": Case(lambda: nn.Unflatten(1, (2, 3)), (F2,)),
    "Fold": Case(lambda: nn.Fold((5, 6), (2, 3), padding=1, stride=2), (floats(3, 12, 9),)),
    "Unfold": Case(lambda: nn.Unfold((3, 2), dilation=2, padding=1), (F4,)),
    "PixelShuffle": Case(lambda: nn.PixelShuffle(2), (F4,)),
    "PixelUnshuffle": Case(lambda: nn.PixelUnshuffle(2), (floats(3, 2, 4, 6),)),
    "ChannelShuffle": Case(lambda: nn.ChannelShuffle(2), (F4,)),
    "Upsample": Case(lambda: nn.Upsample(scale_factor=2), (F4,)),
    "Upsample size": Case(lambda: nn.Upsample((5, 13)), (F4,)),
    "Upsample bilinear": Case(lambda: nn.Upsample((11, 13), mode="bilinear", align_corners=True), (F4,)),
    "Upsample bicubic": Case(lambda: nn.Upsample(scale_factor=1.5, mode="bicubic"), (F4,)),
    "Upsample linear": Case(lambda: nn.Upsample(scale_factor=2, mode="linear"), (F3,)),
    "UpsamplingBilinear2d": Case(lambda: nn.UpsamplingBilinear2d(scale_factor=2), (F4,)),
    "UpsamplingNearest2d": Case(lambda: nn.UpsamplingNearest2d(scale_factor=3), (F4,)),
    **{
        f"{kind}Pad1d": Case(lambda kind=kind: getattr(nn, f"{kind}Pad1d")((1, 2)), (F3,))
        for kind in ("Zero", "Reflection")
    },
    **{
        f"{kind}Pad{n}d": Case(lambda kind=kind, n=n: getattr(nn, f"{kind}Pad{n}d")(1), (x,))
        for kind in ("Reflection", "Replication", "Circular", "Zero")
        for n, x in ((1, F3), (2, F4), (3, F5))
    },
    "ConstantPad1d": Case(lambda: nn.ConstantPad1d(2, 1.5), (F3,)),
    "ConstantPad2d": Case(lambda: nn.ConstantPad2d((1, -2, 0, 3), -1.0), (F4,)),
    "ConstantPad3d": Case(lambda: nn.ConstantPad3d(1, 0.5), (F5,)),
    "Embedding": Case(lambda: nn.Embedding(10, 4), (ids(3, 5),)),
    "Embedding padded": Case(lambda: nn.Embedding(10, 4, padding_idx=2), (ids(3, 5),)),
    "RNN": Case(lambda: nn.RNN(6, 5, batch_first=True), (floats(3, 7, 6),)),
    "RNN relu": Case(lambda: nn.RNN(6, 5, 2, "relu", bias=False), (floats(7, 3, 6),), 1),
    "LSTM": Case(lambda: nn.LSTM(6, 5), (floats(7, 3, 6),), 1),
    "LSTM deep": Case(lambda: nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True), (floats(3, 7, 6),)),
    "LSTM projected": Case(lambda: nn.LSTM(6, 5, proj_size=2, batch_first=True), (floats(3, 4, 6),)),
    "GRU": Case(lambda: nn.GRU(6, 5, 2, bidirectional=True), (floats(7, 3, 6), floats(4, 3, 5)), 1),
    "RNNCell": Case(lambda: nn.RNNCell(6, 5), (F2, floats(3, 5))),
    "LSTMCell": Case(lambda: nn.LSTMCell(6, 5), (F2,)),
    "GRUCell": Case(lambda: nn.GRUCell(6, 5), (F2,)),
    "MultiheadAttention": Case(lambda: nn.MultiheadAttention(6, 2, batch_first=True), (floats(3, 5, 6),) * 3),
    "TransformerEncoderLayer": Case(lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), (floats(3, 5, 6),)),
    "TransformerDecoderLayer": Case(
        lambda: nn.TransformerDecoderLayer(6, 2, 8, batch_first=True, norm_first=True),
        (floats(3, 4, 6), floats(3, 5, 6)),
    ),
    "CosineSimilarity": Case(nn.CosineSimilarity, (F2, F2[::-1])),
    "PairwiseDistance": Case(nn.PairwiseDistance, (F2, F2[::-1])),
    "Sequential": Case(lambda: nn.Sequential(nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(126, 4)), (F4,)),
    "double": Case(lambda: nn.Sequential(nn.Linear(6, 5), nn.GELU()).double(), (F2.astype(np.float64),)),
    "EmbeddingBag": Case(lambda: nn.EmbeddingBag(10, 4), (ids(3, 5),)),
    "EmbeddingBag max": Case(lambda: nn.EmbeddingBag(10, 4, mode="max"), (ids(3, 5),)),
    "EmbeddingBag sum": Case(lambda: nn.EmbeddingBag(10, 4, mode="sum", padding_idx=1), (ids(3, 5),)),
}
LEFT_OUT = {  # what becomes another layer at the first call, what is a base, and losses, which predict nothing
    *(name for name in nn.__all__ if name.startswith("Lazy") or name.endswith("Loss")),
    *("RNNBase", "RNNCellBase"),
    *("MaxUnpool1d", "MaxUnpool2d"),  # write where indices say that no pool of a model hands on as an operation
    *("TransformerEncoder", "TransformerDecoder", "Transformer"),  # several of the layers above
}


def stirred(model: nn.Module) -> nn.Module:
    """With running statistics, and weights, that are not those of the start."""
    rng = np.random.default_rng(1)
    for name, tensor in [*model.named_buffers(), *model.named_parameters()]:
        if tensor.dtype.kind == "f":
            new = rng.uniform(0.5, 2, tensor.shape) if "var" in name else rng.standard_normal(tensor.shape) * 0.7
            tensor.numpy()[...] = new
    return model


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of each case the file, the batches, and what the layer says; an exception where it could not be exported."""
    folder, found = tmp_path_factory.mktemp("layers"), dict[str, Any]()
    for k, (name, case) in enumerate(CASES.items()):
        tg.manual_seed(k)
        model, path = stirred(case.make()), folder / f"layer{k}.py"
        before = model.training
        try:
            tg.export_numpy(model, tuple(map(tg.tensor, case.inputs)), path, batch_dim=case.dims)
        except Exception as error:
            found[name] = error
            continue
        assert model.training == before
        dims = [0 if case.dims == "auto" else case.dims] * len(case.inputs)
        batches = [list(case.inputs)] + [
            [apart.larger(x, d, size) for x, d in zip(case.inputs, dims, strict=True)] for size in (1, 5)
        ]
        apart.give(path, batches)
        found[name] = path, batches, model
    apart.run([path for path, *_ in (one for one in found.values() if isinstance(one, tuple))])
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_file_says_what_the_layer_says(told: dict[str, Any], name: str) -> None:
    if isinstance(told[name], Exception):
        raise told[name]
    path, batches, model = told[name]
    for inputs, found in zip(batches, apart.answers(path), strict=True):
        wanted = apart.expected(model, inputs)
        assert len(found) == len(wanted)
        assert max(apart.furthest(y, z) for y, z in zip(found, wanted, strict=True)) < 1e-6


def test_every_layer_is_here() -> None:
    layers = {name for name in nn.__all__ if isinstance(c := getattr(nn, name), type) and issubclass(c, Layer)}
    assert layers - {name.split()[0] for name in CASES} - LEFT_OUT == set()


def test_files_keep_the_rules(told: dict[str, Any]) -> None:
    for path, *_ in (one for one in told.values() if isinstance(one, tuple)):
        text = Path(path).read_text()
        assert max(map(len, text.splitlines())) < 120, text
        assert "tinygrad_cnn" not in text.partition('"""\n')[2], "after the first words"


@pytest.mark.parametrize("name", CASES)
def test_its_functions_are_those_of_the_package(told: dict[str, Any], name: str) -> None:
    path, batches, _ = told[name]
    room = apart.room_of(path)
    for inputs, found in zip(batches, apart.answers(path), strict=True):
        for y, z in zip(found, apart.with_the_packages_own(room, inputs), strict=True):
            np.testing.assert_array_equal(y, z)
