"""Networks of torchvision's names, structure and state_dict keys, whose files load here. No trained weights come along.

>>> net = resnet18(num_classes=10)
>>> next(iter(net.state_dict()))
'conv1.weight'
"""

from typing import Any

from .alexnet import AlexNet, alexnet
from .densenet import DenseNet, densenet121
from .mobilenetv2 import MobileNetV2, mobilenet_v2
from .resnet import ResNet, resnet18, resnet34, resnet50
from .squeezenet import SqueezeNet, squeezenet1_1
from .vgg import VGG, vgg11, vgg11_bn, vgg16, vgg16_bn
from .weights import Weights as _Weights

__all__ = [
    "VGG",
    "AlexNet",
    "DenseNet",
    "MobileNetV2",
    "ResNet",
    "SqueezeNet",
    "alexnet",
    "densenet121",
    "mobilenet_v2",
    "resnet18",
    "resnet34",
    "resnet50",
    "squeezenet1_1",
    "vgg11",
    "vgg11_bn",
    "vgg16",
    "vgg16_bn",
]


def __getattr__(name: str) -> Any:
    """``ResNet18_Weights`` and the like: names that a script may import, and that a network then refuses by name."""
    if name.endswith("_Weights"):
        return _Weights(name)
    raise AttributeError(f"module 'tinygrad_cnn.vision.models' has no attribute {name!r}; it has {', '.join(__all__)}")
