"""The names and shapes of torchvision's published state dicts, in short."""

from __future__ import annotations

from collections.abc import Iterator

Entry = tuple[str, tuple[int, ...]]


def conv(name: str, o: int, c: int, k: int, bias: bool = False) -> Iterator[Entry]:
    yield f"{name}.weight", (o, c, k, k)
    if bias:
        yield f"{name}.bias", (o,)


def norm(name: str, c: int) -> Iterator[Entry]:
    for entry in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{entry}", (c,)
    yield f"{name}.num_batches_tracked", ()


def dense(name: str, o: int, i: int) -> Iterator[Entry]:
    yield f"{name}.weight", (o, i)
    yield f"{name}.bias", (o,)


def resnet18() -> Iterator[Entry]:
    yield from conv("conv1", 64, 3, 7)
    yield from norm("bn1", 64)
    before = 64
    for stage, o in ((1, 64), (2, 128), (3, 256), (4, 512)):
        for block in (0, 1):
            at = f"layer{stage}.{block}"
            yield from conv(f"{at}.conv1", o, before, 3)
            yield from norm(f"{at}.bn1", o)
            yield from conv(f"{at}.conv2", o, o, 3)
            yield from norm(f"{at}.bn2", o)
            if before != o:
                yield from conv(f"{at}.downsample.0", o, before, 1)
                yield from norm(f"{at}.downsample.1", o)
            before = o
    yield from dense("fc", 1000, 512)


def vgg11_bn() -> Iterator[Entry]:
    before = 3
    for i, o in ((0, 64), (4, 128), (8, 256), (11, 256), (15, 512), (18, 512), (22, 512), (25, 512)):
        yield from conv(f"features.{i}", o, before, 3, bias=True)
        yield from norm(f"features.{i + 1}", o)
        before = o
    yield from dense("classifier.0", 4096, 25088)
    yield from dense("classifier.3", 4096, 4096)
    yield from dense("classifier.6", 1000, 4096)


def mobilenet_v2() -> Iterator[Entry]:
    yield from conv("features.0.0", 32, 3, 3)
    yield from norm("features.0.1", 32)
    yield from conv("features.1.conv.0.0", 32, 1, 3)
    yield from norm("features.1.conv.0.1", 32)
    yield from conv("features.1.conv.1", 16, 32, 1)
    yield from norm("features.1.conv.2", 16)
    outputs = [24] * 2 + [32] * 3 + [64] * 4 + [96] * 3 + [160] * 3 + [320]
    before = 16
    for i, o in enumerate(outputs, 2):
        wide, at = 6 * before, f"features.{i}.conv"
        yield from conv(f"{at}.0.0", wide, before, 1)
        yield from norm(f"{at}.0.1", wide)
        yield from conv(f"{at}.1.0", wide, 1, 3)
        yield from norm(f"{at}.1.1", wide)
        yield from conv(f"{at}.2", o, wide, 1)
        yield from norm(f"{at}.3", o)
        before = o
    yield from conv("features.18.0", 1280, 320, 1)
    yield from norm("features.18.1", 1280)
    yield from dense("classifier.1", 1000, 1280)


def densenet121() -> Iterator[Entry]:
    yield from conv("features.conv0", 64, 3, 7)
    yield from norm("features.norm0", 64)
    for block, (layers, c) in enumerate(((6, 64), (12, 128), (24, 256), (16, 512)), 1):
        for layer in range(layers):
            at = f"features.denseblock{block}.denselayer{layer + 1}"
            yield from norm(f"{at}.norm1", c + 32 * layer)
            yield from conv(f"{at}.conv1", 128, c + 32 * layer, 1)
            yield from norm(f"{at}.norm2", 128)
            yield from conv(f"{at}.conv2", 32, 128, 3)
        if block < 4:
            wide = c + 32 * layers
            yield from norm(f"features.transition{block}.norm", wide)
            yield from conv(f"features.transition{block}.conv", wide // 2, wide, 1)
    yield from norm("features.norm5", 1024)
    yield from dense("classifier", 1000, 1024)


STATES = {f.__name__: f for f in (resnet18, vgg11_bn, mobilenet_v2, densenet121)}
