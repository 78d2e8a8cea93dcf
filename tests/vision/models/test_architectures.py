"""What the networks are made of: the tables of their papers, torchvision's arguments, first values, settings that reach
every layer."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.vision import models
from tinygrad_cnn.vision.models.densenet import _DenseLayer
from tinygrad_cnn.vision.models.mobilenetv2 import Conv2dNormActivation, InvertedResidual
from tinygrad_cnn.vision.models.resnet import BasicBlock, Bottleneck, conv1x1, conv3x3
from tinygrad_cnn.vision.models.squeezenet import Fire


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters keep what their memory held: a VGG then takes no time, and memory only for what is written."""
    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)


@pytest.fixture
def zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters are 0, which takes less time than drawing them."""
    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: nn.init.zeros_(tensor))


def word(layer: Any) -> str:
    """A layer in short: "64 11/4+2" is a convolution to 64 channels, 11 x 11, of stride 4, padded by 2."""
    if isinstance(layer, nn.Conv2d):
        [kernel], [stride], [padding] = ({*pair} for pair in (layer.kernel_size, layer.stride, layer.padding))
        return f"{layer.out_channels} {kernel}/{stride}+{padding}"
    if isinstance(layer, nn.MaxPool2d):
        return f"max {layer.kernel_size}/{layer.stride}+{layer.padding}{' up' * layer.ceil_mode}"
    if isinstance(layer, nn.Linear):
        return f"dense {layer.out_features}"
    if isinstance(layer, nn.Dropout):
        return f"drop {layer.p}"
    if isinstance(layer, Fire):
        outs = [c.out_channels for c in (layer.squeeze, layer.expand1x1, layer.expand3x3)]
        return f"fire {' '.join(map(str, outs))}"
    return type(layer).__name__


def table(layers: Any) -> str:
    return ", ".join(word(layer) for layer in layers if not isinstance(layer, nn.ReLU))


VGG_END = "dense 4096, drop 0.5, dense 4096, drop 0.5, dense 1000"
P = "max 2/2+0"
TABLES = {  # features and classifiers, but for the relus
    "squeezenet1_1": (
        "64 3/2+0, max 3/2+0 up, fire 16 64 64, fire 16 64 64, max 3/2+0 up, fire 32 128 128, fire 32 128 128, "
        "max 3/2+0 up, fire 48 192 192, fire 48 192 192, fire 64 256 256, fire 64 256 256",
        "drop 0.5, 1000 1/1+0, AdaptiveAvgPool2d",
    ),
    "SqueezeNet": (  # version 1.0
        "96 7/2+0, max 3/2+0 up, fire 16 64 64, fire 16 64 64, fire 32 128 128, max 3/2+0 up, fire 32 128 128, "
        "fire 48 192 192, fire 48 192 192, fire 64 256 256, max 3/2+0 up, fire 64 256 256",
        "drop 0.5, 1000 1/1+0, AdaptiveAvgPool2d",
    ),
    "alexnet": (
        "64 11/4+2, max 3/2+0, 192 5/1+2, max 3/2+0, 384 3/1+1, 256 3/1+1, 256 3/1+1, max 3/2+0",
        "drop 0.5, dense 4096, drop 0.5, dense 4096, dense 1000",
    ),
    "vgg11": (
        f"64 3/1+1, {P}, 128 3/1+1, {P}, 256 3/1+1, 256 3/1+1, {P}, 512 3/1+1, 512 3/1+1, {P}, "
        f"512 3/1+1, 512 3/1+1, {P}",
        VGG_END,
    ),
    "vgg16": (
        f"64 3/1+1, 64 3/1+1, {P}, 128 3/1+1, 128 3/1+1, {P}, 256 3/1+1, 256 3/1+1, 256 3/1+1, {P}, 512 3/1+1, "
        f"512 3/1+1, 512 3/1+1, {P}, 512 3/1+1, 512 3/1+1, 512 3/1+1, {P}",
        VGG_END,
    ),
}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", TABLES)
def test_a_net_is_that_of_its_paper(name: str) -> None:
    net = getattr(models, name)()
    assert (table(net.features), table(net.classifier)) == TABLES[name]
    if name in ("vgg11", "vgg16"):
        normed = getattr(models, f"{name}_bn")()
        kinds = [layer for layer in normed.features if not isinstance(layer, nn.BatchNorm2d)]
        assert (table(kinds), table(normed.classifier)) == TABLES[name]
        before = [type(normed.features[i - 1]) for i, layer in enumerate(normed.features) if type(layer) is nn.ReLU]
        assert set(before) == {nn.BatchNorm2d}
        assert [c.out_channels for c in normed.features if isinstance(c, nn.Conv2d)] == [
            b.num_features for b in normed.features if isinstance(b, nn.BatchNorm2d)
        ]


def test_the_parts_of_a_fire_module() -> None:
    fire = Fire(5, 2, 3, 4)
    assert fire.inplanes == 5
    assert [word(c) for c in (fire.squeeze, fire.expand1x1, fire.expand3x3)] == ["2 1/1+0", "3 1/1+0", "4 3/1+1"]
    x = tg.randn(1, 5, 4, 4)
    squeezed = fire.squeeze(x).clamp(min=0)
    wanted = np.concatenate([c(squeezed).clamp(min=0).numpy() for c in (fire.expand1x1, fire.expand3x3)], 1)
    np.testing.assert_allclose(fire(x).numpy(), wanted, rtol=1e-5, atol=1e-6)


STEMS = {  # what stands before the first block, and within blocks
    "resnet18": ("64 7/2+3, BatchNorm2d, max 3/2+1", "64 3/1+1, BatchNorm2d, 64 3/1+1, BatchNorm2d"),
    "resnet, bottlenecks": (
        "64 7/2+3, BatchNorm2d, max 3/2+1",
        "64 1/1+0, BatchNorm2d, 64 3/1+1, BatchNorm2d, 256 1/1+0, BatchNorm2d, Sequential",
    ),
    "densenet": ("8 7/2+3, BatchNorm2d, max 3/2+1", "BatchNorm2d, 16 1/1+0, BatchNorm2d, 4 3/1+1"),
    "mobilenet_v2": ("32 3/2+1, BatchNorm2d, ReLU6", "32 3/1+1, BatchNorm2d, ReLU6, 16 1/1+0, BatchNorm2d"),
}


@pytest.mark.usefixtures("zeros")
@pytest.mark.parametrize("name", STEMS)
def test_the_first_layers_of_nets_of_blocks(name: str) -> None:
    net = SMALL[name]()
    if name.startswith("resnet"):
        stem, block = [net.conv1, net.bn1, net.maxpool], net.layer1[0].children()
        assert word(net.fc) == "dense 1000"
        assert net.layer1[0].downsample is None or table(net.layer1[0].downsample) == "256 1/1+0, BatchNorm2d"
        assert table(net.layer3[0].downsample) == f"{net.layer3[0].downsample[0].out_channels} 1/2+0, BatchNorm2d"
    elif name == "densenet":
        stem, block = list(net.features)[:4], net.features.denseblock1.denselayer1.children()
        halving = net.features.transition1
        assert table(halving) == "BatchNorm2d, 8 1/1+0, AvgPool2d"
        assert (halving.pool.kernel_size, halving.pool.stride) == (2, 2)
    else:
        stem, block = net.features[0], [m for m in net.features[1].modules() if not list(m.children())]
    assert (table(stem), table(block)) == STEMS[name]


SMALL = {  # nets of every kind that are made in no time
    "resnet18": lambda **more: models.resnet18(**more),
    "resnet, bottlenecks": lambda **more: models.ResNet(Bottleneck, [1, 1, 1, 1], **more),
    "squeezenet1_1": lambda **more: models.squeezenet1_1(**more),
    "SqueezeNet": lambda **more: models.SqueezeNet(**more),
    "mobilenet_v2": lambda **more: models.mobilenet_v2(**more),
    "densenet": lambda **more: models.DenseNet(4, (2, 2), 8, **more),
}


@pytest.mark.parametrize("name", [*SMALL, "alexnet", "vgg11", "vgg11_bn"])
@pytest.mark.usefixtures("undrawn")
def test_relus_write_over_what_came_in_and_nothing_else_reads_that(name: str) -> None:
    """As torchvision's do: it saves memory, and is seen in the module's repr."""
    net = SMALL[name]() if name in SMALL else getattr(models, name)()
    relus = [m for m in net.modules() if isinstance(m, (nn.ReLU, nn.ReLU6))]
    assert len(relus) > 3
    assert all(m.inplace for m in relus)


@pytest.mark.usefixtures("zeros")
@pytest.mark.parametrize("name", SMALL)
def test_the_last_layer_has_as_many_logits_as_asked_for(name: str) -> None:
    with tg.no_grad():
        assert SMALL[name](num_classes=3).eval()(tg.randn(1, 3, 32, 32)).shape == (1, 3)
        assert SMALL[name]().eval()(tg.randn(1, 3, 32, 32)).shape == (1, 1000)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["alexnet", "vgg11", "vgg16_bn", "squeezenet1_1", "SqueezeNet", "mobilenet_v2"])
def test_dropout_reaches_every_layer_of_its_kind(name: str) -> None:
    net = getattr(models, name)(dropout=0.125)
    shares = [m.p for m in net.modules() if isinstance(m, nn.Dropout)]
    assert shares == [0.125] * (2 if name in ("alexnet", "vgg11", "vgg16_bn") else 1)


@pytest.mark.parametrize("rate", [0, 0.25])
def test_dropout_of_a_densenet_follows_each_layer(rate: float) -> None:
    net = models.DenseNet(4, (2, 2), 8, drop_rate=rate, num_classes=3)
    layers = [m for m in net.modules() if isinstance(m, _DenseLayer)]
    assert [layer.drop_rate for layer in layers] == [rate] * 4
    x = tg.randn(2, 8, 9, 9)
    zeros = (layers[0](x).numpy() == 0).mean()
    assert abs(zeros - rate) < 0.15
    net.eval()
    assert (layers[0](x).numpy() != 0).all()


def test_a_densenet_grows_and_halves() -> None:
    net = models.DenseNet(4, (2, 3, 1), 8, bn_size=3, num_classes=5)
    shapes = {name: tuple(m.weight.shape) for name, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))}
    assert shapes == {
        "features.conv0": (8, 3, 7, 7),
        "features.denseblock1.denselayer1.conv1": (12, 8, 1, 1),
        "features.denseblock1.denselayer1.conv2": (4, 12, 3, 3),
        "features.denseblock1.denselayer2.conv1": (12, 12, 1, 1),
        "features.denseblock1.denselayer2.conv2": (4, 12, 3, 3),
        "features.transition1.conv": (8, 16, 1, 1),
        "features.denseblock2.denselayer1.conv1": (12, 8, 1, 1),
        "features.denseblock2.denselayer1.conv2": (4, 12, 3, 3),
        "features.denseblock2.denselayer2.conv1": (12, 12, 1, 1),
        "features.denseblock2.denselayer2.conv2": (4, 12, 3, 3),
        "features.denseblock2.denselayer3.conv1": (12, 16, 1, 1),
        "features.denseblock2.denselayer3.conv2": (4, 12, 3, 3),
        "features.transition2.conv": (10, 20, 1, 1),
        "features.denseblock3.denselayer1.conv1": (12, 10, 1, 1),
        "features.denseblock3.denselayer1.conv2": (4, 12, 3, 3),
        "classifier": (5, 14),
    }
    assert all(m.bias is None for m in net.modules() if isinstance(m, nn.Conv2d))
    with tg.no_grad():
        assert net.features(tg.randn(1, 3, 64, 64)).shape == (1, 14, 4, 4)


def test_a_thrifty_densenet_recomputes_only_where_gradients_are_wanted() -> None:
    layer = _DenseLayer(4, 2, 2, 0.0, memory_efficient=True)
    for x in (tg.randn(1, 4, 3, 3), tg.randn(1, 4, 3, 3, requires_grad=True)):
        seen: list[int] = []
        hook = layer.conv1.register_forward_hook(lambda *_, seen=seen: seen.append(1))
        layer(x).sum().backward()
        hook.remove()
        assert len(seen) == (2 if x.requires_grad else 1)


@pytest.mark.usefixtures("zeros")
def test_stages_of_residual_nets_halve_the_picture_and_double_the_channels() -> None:
    for block, counts in ((BasicBlock, [2, 1, 3, 1]), (Bottleneck, [1, 2, 1, 3])):
        net = models.ResNet(block, counts, num_classes=4)
        x = tg.randn(1, 3, 64, 64)
        with tg.no_grad():
            x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
            assert x.shape == (1, 64, 16, 16)
            for i, stage in enumerate((net.layer1, net.layer2, net.layer3, net.layer4)):
                x = stage(x)
                assert x.shape == (1, 64 * block.expansion << i, 16 >> i, 16 >> i)
                assert len(stage) == counts[i]
                assert [b.stride for b in stage] == [1 + (i > 0), *[1] * (counts[i] - 1)]
                brings = i > 0 or block is Bottleneck  # the first stage of plain blocks has the shape already
                assert [b.downsample is not None for b in stage] == [brings, *[False] * (counts[i] - 1)]


def test_small_convolutions_have_no_bias_and_keep_the_size() -> None:
    three, one = conv3x3(4, 6), conv1x1(4, 6)
    assert (three.stride, three.padding, three.dilation, three.groups, three.bias) == ((1, 1), (1, 1), (1, 1), 1, None)
    assert (one.stride, one.padding, one.kernel_size, one.bias) == ((1, 1), (0, 0), (1, 1), None)
    wide = conv3x3(4, 6, 2, 2, 3)
    assert (wide.stride, wide.padding, wide.dilation, wide.groups) == ((2, 2), (3, 3), (3, 3), 2)
    assert conv1x1(4, 6, 2).stride == (2, 2)


def test_blocks_by_themselves() -> None:
    x = tg.randn(2, 8, 5, 5).clamp(min=0)
    for block in (BasicBlock(8, 8), Bottleneck(8, 2)):
        assert (block.stride, block.downsample) == (1, None)
        assert block(x).shape == (2, 8, 5, 5)
    assert Bottleneck(8, 6, base_width=32, groups=3).conv2.weight.shape == (9, 3, 3, 3)  # int(6 * 32 / 64) * 3
    for bad in ({"groups": 2}, {"base_width": 32}):
        with pytest.raises(ValueError, match="only supports groups=1 and base_width=64"):
            BasicBlock(8, 8, **bad)
    with pytest.raises(NotImplementedError, match="Dilation > 1 not supported"):
        BasicBlock(8, 8, dilation=2)
    assert BasicBlock(8, 8, dilation=1).conv1.dilation == (1, 1)


@pytest.mark.usefixtures("zeros")
@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_dilated_stage_keeps_the_size_and_the_others_do_not(stage: int) -> None:
    dilate = [i == stage for i in range(3)]
    net = models.ResNet(Bottleneck, [1, 2, 2, 2], num_classes=2, replace_stride_with_dilation=dilate)
    x = tg.randn(1, 3, 64, 64)
    with tg.no_grad():
        for layer in (net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4):
            x = layer(x)
    assert x.shape[-2:] == (4, 4)
    stages = [net.layer2, net.layer3, net.layer4]
    assert [b.conv2.dilation[0] for b in stages[stage]] == [1, 2]
    for later in stages[stage + 1 :]:
        assert [b.conv2.dilation[0] for b in later] == [2, 2]
    for bad in ([True], [True] * 4, []):
        with pytest.raises(ValueError, match="None or three of True and False"):
            models.ResNet(Bottleneck, [1] * 4, replace_stride_with_dilation=bad)


def test_inverted_residuals() -> None:
    for inp, oup, stride, expand, adds in (
        (8, 8, 1, 6, True),
        (8, 8, 2, 6, False),
        (8, 9, 1, 1, False),
        (8, 8, 1, 1, True),
    ):
        block = InvertedResidual(inp, oup, stride, expand).eval()
        assert (block.stride, block.out_channels, block.use_res_connect) == (stride, oup, adds)
        shapes = [tuple(m.weight.shape) for m in block.modules() if isinstance(m, nn.Conv2d)]
        hidden = inp * expand
        assert shapes == [*[(hidden, inp, 1, 1)] * (expand > 1), (hidden, 1, 3, 3), (oup, hidden, 1, 1)]
        assert all(m.bias is None for m in block.modules() if isinstance(m, nn.Conv2d))
        with tg.no_grad():
            x = tg.randn(1, inp, 6, 6)
            y = block.conv(x)
            assert y.shape == (1, oup, 6 // stride, 6 // stride)
            np.testing.assert_array_equal(block(x).numpy(), (x + y if adds else y).numpy())
    assert InvertedResidual(5, 5, 1, 1.5).conv[0][0].out_channels == 8  # type: ignore[arg-type]  # round(7.5)
    for bad in (0, 3):
        with pytest.raises(ValueError, match=f"stride should be 1 or 2 instead of {bad}"):
            InvertedResidual(8, 8, bad, 1)


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1), (5, 2)])
def test_a_convolution_with_its_normalisation_keeps_the_size(kernel: int, padding: int) -> None:
    part = Conv2dNormActivation(4, 6, kernel, 2, 2, norm=nn.BatchNorm2d)
    assert (part[0].padding, part[0].stride, part[0].groups, part[0].bias) == ((padding,) * 2, (2, 2), 2, None)
    assert [type(m) for m in part] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU6]
    assert (part[1].num_features, part.out_channels) == (6, 6)
    plain = Conv2dNormActivation(4, 6, norm=nn.BatchNorm2d)[0]
    assert (plain.kernel_size, plain.stride, plain.groups) == ((3, 3), (1, 1), 1)


def test_widths_of_mobilenets_are_multiples_that_lose_little() -> None:
    from tinygrad_cnn.vision.models.mobilenetv2 import _divisible

    for by in (1, 8, 10):
        for wanted in (0.5, 1, 3.9, 4, 8, 11, 12, 13.3, 20, 36, 39.9, 67.2, 1280):
            got = _divisible(wanted, by)
            assert got % by == 0
            assert got >= max(by, 0.9 * wanted)
            below = [m for m in range(by, got, by) if m >= 0.9 * wanted and abs(m - wanted) <= abs(got - wanted)]
            assert all(wanted - m == got - wanted for m in below)  # the nearest; of two, the larger
    assert (_divisible(12, 8), _divisible(20, 8), _divisible(9 / 0.9, 9)) == (16, 24, 9)


def test_rows_of_a_mobilenet() -> None:
    net = models.MobileNetV2(
        3, inverted_residual_setting=[(1, 16, 2, 2), (6, 24, 3, 1)], round_nearest=4, width_mult=0.5
    )
    blocks = list(net.features)[1:-1]
    assert [(b.stride, b.out_channels) for b in blocks] == [(2, 8), (1, 8), (1, 12), (1, 12), (1, 12)]
    assert [b.use_res_connect for b in blocks] == [False, True, False, True, True]
    assert (net.features[0].out_channels, net.features[0][0].stride, net.features[-1].out_channels) == (
        16,
        (2, 2),
        1280,
    )
    assert net.features[-1][0].kernel_size == (1, 1)
    for bad in ([], [(1, 2, 3)], [(1, 2, 3, 4, 5)]):
        with pytest.raises(ValueError, match="a list of rows of 4"):
            models.MobileNetV2(inverted_residual_setting=bad)
    whole = models.MobileNetV2(3)
    assert [b.stride for b in whole.features[1:-1]] == [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]


STD = {  # which fan the first values of convolutions are divided by, and the deviation of a dense layer's
    "resnet18": ("out", None),
    "resnet, bottlenecks": ("out", None),
    "mobilenet_v2": ("out", 0.01),
    "densenet": ("in", None),
    "SqueezeNet": ("in", None),
}


@pytest.mark.parametrize("name", STD)
def test_first_values_spread_as_torchvisions(name: str) -> None:
    tg.manual_seed(1)
    net = SMALL[name]()
    fan, dense = STD[name]
    seen = 0
    for path, m in net.named_modules():
        if isinstance(m, nn.Conv2d):
            n, (o, i) = m.weight.numel(), m.weight.shape[:2]
            want = 0.01 if path == "classifier.1" else math.sqrt(2 / (n / (i if fan == "out" else o)))
            if n > 500:
                assert abs(float(m.weight.std()) / want - 1) < 5 / math.sqrt(n), path
                assert abs(float(m.weight.mean())) < 5 * want / math.sqrt(n), path
                seen += 1
            assert m.bias is None or not m.bias.any(), path
        elif isinstance(m, nn.Linear) and dense is not None:
            assert abs(float(m.weight.std()) / dense - 1) < 0.02
            assert not m.bias.any()
    assert seen > 3
    if name == "densenet":
        assert not net.classifier.bias.any()


def test_a_vgg_may_keep_the_layers_own_first_values(monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow(nn.Linear):
        def __init__(self, i: int, o: int) -> None:
            super().__init__(min(i, 64), min(o, 64))

    monkeypatch.setattr(nn, "Linear", Narrow)
    tg.manual_seed(0)
    drawn, own = (models.VGG(models.vgg.make_layers((8, "M", 40)), init_weights=init) for init in (True, False))
    assert abs(float(drawn.features[3].weight.std()) / math.sqrt(2 / (40 * 9)) - 1) < 0.1
    assert abs(float(own.features[3].weight.std()) / math.sqrt(1 / (3 * 8 * 9)) - 1) < 0.1
    assert abs(float(drawn.classifier[0].weight.std()) / 0.01 - 1) < 0.1
    assert float(own.classifier[0].weight.std()) > 0.05
    for net, zero in ((drawn, True), (own, False)):
        for layer in (net.features[0], net.classifier[0], net.classifier[3], net.classifier[6]):
            assert bool(layer.bias.any()) is not zero


@pytest.mark.usefixtures("zeros")
def test_only_the_last_norm_of_each_block_begins_at_zero() -> None:
    for block, last in ((BasicBlock, "bn2"), (Bottleneck, "bn3")):
        for zero in (False, True):
            net = models.ResNet(block, [1, 1, 1, 1], num_classes=2, zero_init_residual=zero)
            for name, m in net.named_modules():
                if isinstance(m, nn.BatchNorm2d):
                    assert bool(m.weight.any()) is not (zero and name.endswith(last)), name
    plain = models.ResNet(BasicBlock, [1] * 4, zero_init_residual=True, norm_layer=lambda _: nn.Identity())
    assert plain.bn1(3) == 3  # a normalisation without a scale is left alone


MODELS = {  # torchvision's
    "AlexNet": "num_classes=1000, dropout=0.5",
    "VGG": "features, num_classes=1000, init_weights=True, dropout=0.5",
    "SqueezeNet": "version='1_0', num_classes=1000, dropout=0.5",
    "MobileNetV2": "num_classes=1000, width_mult=1.0, inverted_residual_setting=None, round_nearest=8, block=None, "
    "norm_layer=None, dropout=0.2",
    "DenseNet": "growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64, bn_size=4, drop_rate=0, "
    "num_classes=1000, memory_efficient=False",
    "ResNet": "block, layers, num_classes=1000, zero_init_residual=False, groups=1, width_per_group=64, "
    "replace_stride_with_dilation=None, norm_layer=None",
}


def listed(function: Any) -> str:
    parameters = inspect.signature(function).parameters.values()
    return ", ".join(p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters)


@pytest.mark.parametrize("name", MODELS)
def test_classes_have_torchvisions_arguments_and_defaults(name: str) -> None:
    assert listed(getattr(models, name)) == MODELS[name]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["alexnet", "densenet121", "mobilenet_v2", "resnet18", "resnet34", "resnet50",
                                  "squeezenet1_1", "vgg11", "vgg11_bn", "vgg16", "vgg16_bn"])  # fmt: skip
def test_functions_take_torchvisions_arguments_and_refuse_weights(name: str) -> None:
    function = getattr(models, name)
    assert listed(function) == "weights=None, progress=True, kwargs"
    for more in ({"weights": "DEFAULT"}, {"pretrained": True}, {"weights": True}):
        with pytest.raises(RuntimeError) as caught:
            function(**more)
        (argument, value), *_ = more.items()
        assert str(caught.value) == (
            f"{name}({argument}={value!r}): no weights are downloaded. Leave the argument out, and load a file of "
            f"torchvision's state_dict, written by torch.save: net = {name}(); "
            f"net.load_state_dict(tg.load('{name}.pth'))"
        )
    last = [m for m in function(pretrained=False, num_classes=6).modules() if isinstance(m, (nn.Linear, nn.Conv2d))][-1]
    assert (last.weight.shape[0]) == 6
