"""Bugs in datasets of single samples, networks and grids of images."""

# ruff: noqa: E501  (a table)

from __future__ import annotations

from bugs.form import Bug

MODELS = ["tests/vision/models/test_models.py"]
BATCHES, FUNCTIONS, TRANSFORMS = (
    ["tests/vision/test_batches.py"],
    "tests/vision/transforms/functional/",
    "tests/vision/transforms/test_",
)
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
    Bug("vision/batches.py", "type(transform) is Compose", "isinstance(transform, Compose)", BATCHES),
    Bug("vision/batches.py", "type(step) is Normalize and vars(step).keys() == vars(Normalize((0.0,), (1.0,))).keys()", "type(step) is Normalize", BATCHES),
    Bug("vision/batches.py", "np.divide(chosen, np.float32(255), dtype=np.float32, order=\"C\")", "np.multiply(chosen, np.float32(1 / 255), dtype=np.float32, order=\"C\")", BATCHES),
    Bug("vision/batches.py", "steps is None or dataset.target_transform is not None", "steps is None", BATCHES),
    Bug("data/dataset.py", 'if "__getitem__" in vars(cls) or "__getitems__" in vars(cls):', 'if "__getitem__" in vars(cls):', BATCHES),  # a subclass that gives whole lists
    Bug("vision/transforms/functional/conversion.py", "pixels = pixels * np.uint8(255)", "pixels = pixels * np.uint8(254)", [FUNCTIONS + "test_conversion.py"]),
    Bug("vision/transforms/functional/conversion.py", "(goal + 1 - 1e-3)", "goal", [FUNCTIONS + "test_conversion.py"]),
    Bug("vision/transforms/functional/cropping.py", "below, after = height - above", "below, after = height", [FUNCTIONS + "test_cropping.py"]),
    Bug("vision/transforms/functional/padding.py", "np.arange(n)[max(-before, 0) : n - max(-after, 0)]", "np.arange(n)", [FUNCTIONS + "test_cropping.py"]),
    Bug("nn/functional/cubic.py", "wide = max(scale, 1.0)", "wide = 1.0", [FUNCTIONS + "test_sizes.py"]),  # aliasing
    Bug("vision/transforms/functional/sizes.py", "if new_long > max_size:", "if new_long > 2 * max_size:", [FUNCTIONS + "test_sizes.py"]),
    Bug("vision/transforms/functional/warping.py", "-float(angle), (0.0, 0.0)", "float(angle), (0.0, 0.0)", [FUNCTIONS + "test_warping.py"]),
    Bug("vision/transforms/functional/warping.py", "little = 1e-4", "little = 0", [FUNCTIONS + "test_warping.py"]),
    Bug("vision/transforms/functional/color.py", "2.0 + from_r - from_b", "2.0 + from_b - from_r", [FUNCTIONS + "test_color.py"]),
    Bug("vision/transforms/composing.py", "[int(resolve(None).choice(n, p=weights))]", "[int(resolve(None).choice(n))]", [TRANSFORMS + "composing.py"]),
    Bug("vision/transforms/geometric.py", "math.exp(chance.uniform(math.log(ratio[0]), math.log(ratio[1])))", "chance.uniform(ratio[0], ratio[1])", [TRANSFORMS + "transforms.py"]),
    Bug("vision/transforms/chance.py", "integers(low, high + 1)", "integers(low, max(high, low + 1))", [TRANSFORMS + "transforms.py"]),  # never the last place
]  # fmt: skip
