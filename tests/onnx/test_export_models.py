"""Whole networks as ONNX files: LeNet, VGG, ResNet-18, MobileNetV2, a U-Net, and nets drawn at random."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import tinygrad_cnn as tg
from tests.onnx.agreement import check
from tests.onnx.nets import UNet, lenet
from tinygrad_cnn import nn
from tinygrad_cnn.vision import models

pytest.importorskip("onnxruntime", reason="runs ONNX files: pip install 'tinygrad-cnn[onnx]'")


def ran(model: nn.Module) -> nn.Module:
    """The model with running means and variances other than 0 and 1."""
    for m in model.modules():
        if getattr(m, "running_mean", None) is not None:
            m.running_mean.copy_(tg.randn(*m.running_mean.shape) * 0.1)
            m.running_var.copy_(tg.rand(*m.running_var.shape) + 0.5)
    return model


def vgg() -> nn.Module:
    """VGG with batch-norm (Simonyan and Zisserman, 2014), an eighth as wide."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (8, "M", 16, "M", 32, 32, "M", 64, 64, "M"):
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = int(width)
    head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 10))
    return nn.Sequential(nn.Sequential(*layers), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


NETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "lenet": (lenet, (1, 28, 28)),
    "vgg with batch-norm": (vgg, (3, 32, 32)),
    "resnet18": (lambda: models.resnet18(num_classes=10), (3, 32, 32)),
    "mobilenet_v2": (lambda: models.mobilenet_v2(num_classes=10, width_mult=0.25), (3, 32, 32)),
    "squeezenet": (lambda: models.squeezenet1_1(num_classes=10), (3, 33, 33)),
    "u-net": (UNet, (3, 16, 24)),
}


@pytest.mark.parametrize("name", NETS)
def test_networks(name: str) -> None:
    tg.manual_seed(0)
    make, shape = NETS[name]
    model = ran(make())
    content = check(model, tg.randn(2, *shape), sizes=(1, 3))
    weights = {i.name for i in content.graph.initializer}
    state = {key for key in model.state_dict() if not key.endswith("num_batches_tracked")}
    assert state <= weights
    assert all(name in state or name.startswith("constant") for name in weights)
    assert [d.dim_param for d in content.graph.input[0].type.tensor_type.shape.dim] == ["N", "", "", ""]
    named = [node.name for node in content.graph.node]
    assert len(set(named)) == len(named)
    modules = {key for key, _ in model.named_modules()}
    assert all(name.rpartition("/")[0] in modules for name in named)


@st.composite
def nets(draw: Any) -> tuple[nn.Module, tuple[int, ...]]:
    """A stack of layers for images, and at some point for vectors; with an input's shape."""
    channels, side = draw(st.integers(1, 4)), draw(st.integers(8, 12))
    shape = (channels, side, side)
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["conv", "norm", "act", "pool", "up", "transposed", "group"]))
        if kind == "conv":
            new, k = draw(st.integers(1, 6)), draw(st.integers(1, 3))
            layers.append(nn.Conv2d(channels, new, k, padding=draw(st.integers(0, 2)), stride=draw(st.integers(1, 2))))
            channels = new
        elif kind == "transposed":
            new = draw(st.integers(1, 4))
            layers.append(nn.ConvTranspose2d(channels, new, 2, stride=draw(st.integers(1, 2))))
            channels = new
        elif kind == "norm":
            layers.append(draw(st.sampled_from([nn.BatchNorm2d, nn.InstanceNorm2d]))(channels))
        elif kind == "group":
            layers.append(nn.GroupNorm(1, channels))
        elif kind == "act":
            layers.append(draw(st.sampled_from([nn.ReLU, nn.SiLU, nn.Tanh, nn.GELU, nn.LeakyReLU, nn.Hardswish]))())
        elif kind == "pool":
            layers.append(draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))(2, 1, 1))
        else:
            layers.append(nn.Upsample(scale_factor=2, mode=draw(st.sampled_from(["nearest", "bilinear"]))))
    layers += [nn.AdaptiveAvgPool2d(draw(st.integers(1, 3))), nn.Flatten()]
    return nn.Sequential(*layers), shape


@settings(max_examples=15, deadline=None)
@given(nets(), st.integers(1, 3))
def test_nets_drawn_at_random(drawn: tuple[nn.Module, tuple[int, ...]], batch: int) -> None:
    model, shape = drawn
    x = tg.randn(batch, *shape)
    try:
        with tg.no_grad():
            model.eval()(x)
    except (ValueError, RuntimeError):  # the image became too small on the way
        return
    check(ran(model), x, sizes=(1, 4), tolerance=2e-5)
