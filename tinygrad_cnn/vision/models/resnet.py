"""Residual networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ... import nn
from ...tensors import Tensor
from .weights import untrained

Norm = Callable[[int], nn.Module]


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 convolution without bias that keeps the size, up to its stride."""
    return nn.Conv2d(in_planes, out_planes, 3, stride, dilation, dilation, groups, bias=False)


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_planes, out_planes, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to what came in: (N, inplanes, H, W) to (N, planes, H / stride, W / stride)."""

    expansion: ClassVar[int] = 1  # channels out, for each of ``planes``

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ValueError(
                f"BasicBlock only supports groups=1 and base_width=64, got {groups} and {base_width}: take Bottleneck"
            )
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock: take Bottleneck")
        norm = norm_layer or nn.BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))  # (N, planes, oh, ow)
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, added to what came in: to (N, 4 planes, H / stride, W / stride).

    The stride stands in the 3x3 convolution, as in torchvision ("ResNet v1.5").
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))  # (N, width, H, W)
        y = self.relu(self.bn2(self.conv2(y)))  # (N, width, oh, ow)
        y = self.bn3(self.conv3(y))  # (N, 4 planes, oh, ow)
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A stem, four stages of residual blocks, and one dense layer (He et al., 2015).

    Args:
        block: `BasicBlock` or `Bottleneck`.
        layers: how many blocks each of the four stages has.
        num_classes: how many logits come out.
        zero_init_residual: let each block begin as the identity, by a last scale of 0 (Goyal et al., 2017).
        groups, width_per_group: of the 3x3 convolutions of `Bottleneck` (Xie et al., 2017).
        replace_stride_with_dilation: for each of the last three stages, whether to dilate in place of striding.
        norm_layer: what makes a normalisation of so many channels; `nn.BatchNorm2d` if None.

    Shape:
        - input (N, 3, H, W)
        - output (N, num_classes), logits
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        dilated = [False] * 3 if replace_stride_with_dilation is None else list(replace_stride_with_dilation)
        if len(dilated) != 3:
            raise ValueError(
                "replace_stride_with_dilation should be None or three of True and False, "
                f"got {replace_stride_with_dilation}"
            )
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes, self.dilation = 64, 1
        self.groups, self.base_width = groups, width_per_group
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilated[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilated[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilated[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
                if getattr(last, "weight", None) is not None:
                    nn.init.zeros_(last.weight)  # type: ignore[attr-defined]

    def _make_layer(self, block: Any, planes: int, blocks: int, stride: int = 1, dilate: bool = False) -> nn.Sequential:
        """One stage; its first block has the stride, and brings what it adds into the same shape."""
        before = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride), self._norm_layer(planes * block.expansion)
            )
        common = self.groups, self.base_width
        stage = [block(self.inplanes, planes, stride, downsample, *common, before, self._norm_layer)]
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            stage.append(block(self.inplanes, planes, 1, None, *common, self.dilation, self._norm_layer))
        return nn.Sequential(*stage)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, 64, H / 4, W / 4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512 expansion, H / 32, W / 32)
        return self.fc(self.avgpool(x).flatten(1))  # (N, num_classes)


def resnet18(weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """`ResNet` of 18 layers: 11,689,512 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return ResNet(BasicBlock, [2, 2, 2, 2], **untrained("resnet18", weights, progress, kwargs))


def resnet34(weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """`ResNet` of 34 layers: 21,797,672 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return ResNet(BasicBlock, [3, 4, 6, 3], **untrained("resnet34", weights, progress, kwargs))


def resnet50(weights: Any = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """`ResNet` of 50 layers: 25,557,032 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return ResNet(Bottleneck, [3, 4, 6, 3], **untrained("resnet50", weights, progress, kwargs))
