"""Bugs in datasets of single samples, networks and grids of images."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

MODELS = ["tests/vision/models/test_models.py"]
DATASETS = ["tests/vision/datasets/test_mnist.py"]

BUGS = [
    Bug("vision/models/resnet.py", "block(self.inplanes, planes, 1, None, *common, self.dilation,", "block(self.inplanes, planes, 1, None, *common, before,", MODELS),
    Bug("vision/models/resnet.py", 'nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")', 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")', MODELS),
    Bug("vision/models/densenet.py", "features.append(layer(features))", "features.append(layer(features[-1:]))", MODELS),
    Bug("vision/models/mobilenetv2.py", "stride == 1 and inp == oup", "inp == oup", MODELS),
    Bug("vision/models/mobilenetv2.py", "rounded + by if rounded < 0.9 * channels else rounded", "rounded", MODELS),
    Bug("vision/models/weights.py", "if asked is not None and asked is not False:", "if False:", MODELS),
    Bug("vision/utils.py", "columns = min(int(nrow), N)", "columns = int(nrow)", ["tests/vision/test_utils.py"]),
    Bug("vision/utils.py", "    images = images.copy()\n", "", ["tests/vision/test_utils.py"]),
    Bug("vision/utils.py", "grid * 255 + 0.5", "grid * 255", ["tests/vision/test_utils.py"]),
    Bug("vision/datasets/mnist.py", "quiet=not self.shared_environment", "strict=True", DATASETS),
    Bug("vision/datasets/mnist.py", 'return Path(root) / self.names[0] / "raw"', "return Path(root)", DATASETS),
    Bug("vision/datasets/cifar.py", "transpose(0, 2, 3, 1)", "transpose(0, 3, 2, 1)", ["tests/vision/datasets/test_cifar.py"]),
    Bug("vision/datasets/vision.py", '.replace("\\n", "\\n" + " " * len(head))', "", ["tests/vision/datasets/test_vision.py"]),
    Bug("vision/datasets/folder.py", "followlinks=True", "followlinks=False", ["tests/vision/datasets/test_folder.py"]),
    Bug("vision/datasets/fakedata.py", "Generator(int(index) + self.random_offset)", "Generator(int(index))", ["tests/vision/datasets/test_vision.py"]),
]  # fmt: skip
