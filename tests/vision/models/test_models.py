"""The networks: torchvision's keys, shapes and numbers of parameters, and the values of their twins in PyTorch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.vision.models.state_dicts import STATES
from tests.vision.models.twins import TWINS
from tinygrad_cnn import nn
from tinygrad_cnn.vision import models
from tinygrad_cnn.vision.models.resnet import BasicBlock, Bottleneck

PARAMETERS = {
    "alexnet": 61_100_840,
    "densenet121": 7_978_856,
    "mobilenet_v2": 3_504_872,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "squeezenet1_1": 1_235_496,
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
}


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters keep what their memory held: a VGG then takes no time, and memory only for what is written."""
    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)


def some_state(shapes: Any, seed: int) -> dict[str, Any]:
    """Values with which a deep net's activations stay near 1, and no running statistic is trivial."""
    g = np.random.default_rng(seed)
    state = {}
    for name, shape in shapes:
        if name.endswith("num_batches_tracked"):
            state[name] = np.array(g.integers(1, 9))
        elif len(shape) > 1:
            state[name] = g.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:]))
        elif name.endswith("running_var") or name.endswith("weight"):
            state[name] = g.uniform(0.5, 1.5, shape)
        else:
            state[name] = 0.1 * g.standard_normal(shape)
    return state


def shapes_of(net: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(value.shape)) for name, value in net.state_dict().items()]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", PARAMETERS)
def test_the_number_of_parameters_is_that_of_torchvision(name: str) -> None:
    assert sum(p.numel() for p in getattr(models, name)().parameters()) == PARAMETERS[name]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", STATES)
def test_state_dicts_of_torchvision_load(name: str) -> None:
    entries = list(STATES[name]())
    net = getattr(models, name)()
    assert shapes_of(net) == entries
    state = {key: np.broadcast_to(np.float32(i), shape) for i, (key, shape) in enumerate(entries)}
    net.load_state_dict(state)
    for i, value in enumerate(net.state_dict().values()):
        assert value.flatten()[-1] == i if value.ndim else value == i
    assert len(entries) == {"resnet18": 122, "vgg11_bn": 62, "mobilenet_v2": 314, "densenet121": 727}[name]


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", TWINS)
def test_values_and_gradients_are_those_of_the_twin(name: str, training: bool, torch: Any) -> None:
    """Logits in float32 within 1e-4; all of it in float64, far closer: gradients, and what batch-norm has seen."""
    quiet = {"dropout": 0.0} if name == "mobilenet_v2" else {}
    ours, twin = getattr(models, name)(num_classes=7, **quiet), TWINS[name](torch, 7)
    assert [*ours.state_dict()] == [*twin.state_dict()]
    state = some_state(shapes_of(ours), seed=4)
    images = np.random.default_rng(5).standard_normal((3, 3, 64, 64))
    cotangent = np.random.default_rng(6).standard_normal((3, 7))
    for dtype in (np.float32, np.float64):
        ours.to(np.dtype(dtype)).load_state_dict(state)
        twin.to(torch.float32 if dtype == np.float32 else torch.float64)
        twin.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
        ours.train(training)
        twin.train(training)
        x = tg.tensor(images.astype(dtype), requires_grad=True)
        wanted_x = torch.tensor(images.astype(dtype), requires_grad=True)
        y, wanted = ours(x), twin(wanted_x)
        if dtype == np.float32:
            np.testing.assert_allclose(y.numpy(), wanted.detach().numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(y.numpy(), wanted.detach().numpy(), rtol=1e-9, atol=1e-9)
    y.backward(tg.tensor(cotangent))
    wanted.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(x.grad.numpy(), wanted_x.grad.numpy(), rtol=1e-7, atol=1e-9)
    parameters = dict(twin.named_parameters())
    for key, p in ours.named_parameters():
        assert p.grad is not None
        np.testing.assert_allclose(p.grad.numpy(), parameters[key].grad.numpy(), rtol=1e-6, atol=1e-8, err_msg=key)
    for key, value in twin.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


def test_a_file_of_torch_save_loads(tmp_path: Path, torch: Any) -> None:
    twin = TWINS["resnet18"](torch, 1000)
    torch.save(twin.state_dict(), tmp_path / "resnet18.pth")
    net = models.resnet18()
    net.load_state_dict(tg.load(tmp_path / "resnet18.pth"))
    for key, value in twin.state_dict().items():
        np.testing.assert_array_equal(net.state_dict()[key].numpy(), value.numpy())


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "vgg16_bn"])
def test_nets_with_large_classifiers_take_small_images(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their pools give 6x6 and 7x7 pixels of a single one. The classifier's 100 million weights are left out."""
    monkeypatch.setattr(nn, "Linear", lambda i, _: nn.Identity() if i > 4096 else nn.Flatten())
    settings = {} if name == "alexnet" else {"init_weights": False}
    net = getattr(models, name)(num_classes=5, **settings).eval()
    size, side, channels = (63, 6, 256) if name == "alexnet" else (32, 7, 512)
    with tg.no_grad():
        x = tg.randn(2, 3, size, size)
        features = net.features(x)
        assert features.shape == (2, channels, 1, 1)
        spread = features.expand(2, channels, side, side).flatten(1)
        np.testing.assert_allclose(net(x).numpy(), spread.clamp(min=0).numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ["resnet34", "resnet50", "squeezenet1_1"])
def test_other_nets_train(name: str) -> None:
    net = getattr(models, name)(num_classes=4)
    loss = nn.functional.cross_entropy(net(tg.randn(2, 3, 33, 33)), tg.tensor([0, 3]))
    loss.backward()
    assert all(p.grad is not None and bool(tg.isfinite(p.grad).all()) for p in net.parameters())


def test_first_values() -> None:
    tg.manual_seed(0)
    net = models.resnet18(zero_init_residual=True)
    assert float(net.layer1[0].conv1.weight.std()) == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)  # fan out
    assert float(net.layer2[0].conv1.weight.std()) == pytest.approx(math.sqrt(2 / (128 * 9)), rel=0.02)
    assert not net.layer4[1].bn2.weight.any()
    assert bool((net.layer4[1].bn1.weight == 1).all())
    assert not models.ResNet(Bottleneck, [1, 1, 1, 1], zero_init_residual=True).layer1[0].bn3.weight.any()
    assert bool((models.resnet18().layer1[0].bn2.weight == 1).all())
    small = models.mobilenet_v2()
    assert float(small.classifier[1].weight.std()) == pytest.approx(0.01, rel=0.02)
    assert float(small.features[18][0].weight.std()) == pytest.approx(math.sqrt(2 / 1280), rel=0.02)
    assert not small.classifier[1].bias.any()
    squeezed = models.squeezenet1_1()
    assert float(squeezed.classifier[1].weight.std()) == pytest.approx(0.01, rel=0.02)
    assert float(squeezed.features[12].expand3x3.weight.abs().max()) == pytest.approx(math.sqrt(6 / 576), rel=0.02)
    assert not squeezed.features[3].squeeze.bias.any()
    dense = models.densenet121()
    assert float(dense.features.denseblock1.denselayer1.conv2.weight.std()) == pytest.approx(
        math.sqrt(2 / (128 * 9)), rel=0.02
    )
    assert not dense.classifier.bias.any()
    features = models.vgg.make_layers((8, "M", 16))
    vgg = models.VGG.__new__(models.VGG)
    nn.Module.__init__(vgg)
    vgg.features, vgg.classifier = features, nn.Linear(40, 300)
    vgg._initialize()
    assert float(features[3].weight.std()) == pytest.approx(math.sqrt(2 / (16 * 9)), rel=0.1)
    assert float(vgg.classifier.weight.std()) == pytest.approx(0.01, rel=0.05)
    assert not features[0].bias.any()


def test_reprs() -> None:
    block = models.resnet18().layer2[0]
    assert repr(block) == (
        "BasicBlock(\n"
        "  (conv1): Conv2d(64, 128, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)\n"
        f"  (bn1): {nn.BatchNorm2d(128)!r}\n"
        "  (relu): ReLU(inplace=True)\n"
        "  (conv2): Conv2d(128, 128, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)\n"
        f"  (bn2): {nn.BatchNorm2d(128)!r}\n"
        "  (downsample): Sequential(\n"
        "    (0): Conv2d(64, 128, kernel_size=(1, 1), stride=(2, 2), bias=False)\n"
        f"    (1): {nn.BatchNorm2d(128)!r}\n"
        "  )\n"
        ")"
    )
    assert repr(models.mobilenet_v2().features[0]).startswith("Conv2dNormActivation(\n  (0): Conv2d(3, 32, kernel_size")
    assert repr(models.squeezenet1_1().features[3]).startswith("Fire(\n  (squeeze): Conv2d(64, 16, kernel_size=(1, 1)")
    text = repr(models.densenet121())
    assert (
        "\n    (denseblock1): _DenseBlock(\n      (denselayer1): _DenseLayer(\n        (norm1): BatchNorm2d(64," in text
    )
    assert "(transition3): _Transition(\n      (norm): BatchNorm2d(1024," in text


def test_settings() -> None:
    assert [name for name, _ in models.resnet18(num_classes=3).named_children()] == [
        "conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc",
    ]  # fmt: skip
    assert models.mobilenet_v2(width_mult=0.35).features[0].out_channels == 16  # 11.2, of which 8 is too little
    assert models.mobilenet_v2(width_mult=1.4).last_channel == 1792
    assert models.mobilenet_v2(width_mult=0.5).last_channel == 1280
    same_width = models.mobilenet_v2(num_classes=2, inverted_residual_setting=[(2, 32, 2, 2)])
    assert same_width.features(tg.randn(1, 3, 16, 16)).shape == (1, 1280, 4, 4)  # strides of 2 add nothing
    net = models.ResNet(Bottleneck, [1, 1, 1, 1], num_classes=2, groups=2, width_per_group=32)
    assert net.layer1[0].conv2.weight.shape == (64, 32, 3, 3)
    dilated = models.ResNet(Bottleneck, [1, 2, 1, 2], replace_stride_with_dilation=[False, True, True])
    assert [dilated.layer4[i].conv2.dilation for i in (0, 1)] == [(2, 2), (4, 4)]
    assert [dilated.layer4[i].conv2.stride for i in (0, 1)] == [(1, 1), (1, 1)]
    grouped = models.ResNet(BasicBlock, [1, 1, 1, 1], norm_layer=lambda c: nn.GroupNorm(4, c))
    assert isinstance(grouped.bn1, nn.GroupNorm)
    older = models.SqueezeNet(num_classes=9)
    assert older.features[0].weight.shape == (96, 3, 7, 7)
    assert older(tg.randn(1, 3, 40, 40)).shape == (1, 9)


def test_a_densenet_that_saves_memory_has_the_same_values_and_gradients() -> None:
    plain = models.DenseNet(4, (2, 2), 8, num_classes=3)
    thrifty = models.DenseNet(4, (2, 2), 8, num_classes=3, memory_efficient=True)
    thrifty.load_state_dict(plain.state_dict())
    x = tg.randn(2, 3, 32, 32)
    y, z = plain(x), thrifty(x)
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    y.square().sum().backward()
    z.square().sum().backward()
    for p, q in zip(plain.parameters(), thrifty.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5, atol=1e-6)
    dropping = models.DenseNet(4, (2, 2), 8, drop_rate=0.5, num_classes=3)
    assert not np.array_equal(dropping(x).numpy(), dropping(x).numpy())


def test_no_weights_come_along() -> None:
    for ask in (
        lambda: models.resnet18(weights=models.ResNet18_Weights.DEFAULT),
        lambda: models.resnet18(weights="IMAGENET1K_V1"),
        lambda: models.resnet18(pretrained=True),
        lambda: models.resnet18(True),
    ):
        with pytest.raises(RuntimeError, match=r"no weights are downloaded.*load_state_dict\(tg\.load\('resnet18\.pth"):
            ask()
    with pytest.raises(RuntimeError, match=r"ResNet18_Weights\.DEFAULT"):
        models.resnet18(weights=models.ResNet18_Weights.DEFAULT)
    with pytest.raises(RuntimeError, match="name alone"):
        models.ResNet18_Weights.DEFAULT.transforms()
    for net in (models.resnet18(pretrained=False, progress=False), models.resnet18(weights=None)):
        assert isinstance(net, models.ResNet)
    with pytest.raises(AttributeError, match=r"no attribute 'resnet_18'; it has .*resnet18"):
        _ = models.resnet_18


def test_bad_settings() -> None:
    for fail, match in (
        (lambda: BasicBlock(8, 8, groups=2), "groups=1 and base_width=64"),
        (lambda: models.ResNet(Bottleneck, [1] * 4, replace_stride_with_dilation=[True]), r"three .* got \[True\]"),
        (lambda: models.SqueezeNet("1_2"), "'1_0' or '1_1', got '1_2'"),
        (lambda: models.mobilenet_v2(inverted_residual_setting=[[1, 2]]), "rows of 4"),
        (lambda: models.mobilenet_v2(inverted_residual_setting=[(1, 16, 1, 3)]), "stride should be 1 or 2"),
    ):
        with pytest.raises(ValueError, match=match):
            fail()
    with pytest.raises(NotImplementedError, match="Bottleneck"):
        BasicBlock(8, 8, dilation=2)
