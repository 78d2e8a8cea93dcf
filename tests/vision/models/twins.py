"""Three networks once more, in PyTorch, written for these tests: what ours are held against."""

from __future__ import annotations

from typing import Any


def resnet18(torch: Any, classes: int) -> Any:
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, i: int, o: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(i, o, 3, 1 if i == o else 2, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(o)
            self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(o)
            if i != o:
                self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, 2, bias=False), nn.BatchNorm2d(o))

        def forward(self, x: Any) -> Any:
            straight = x if not hasattr(self, "downsample") else self.downsample(x)
            return (self.bn2(self.conv2(self.bn1(self.conv1(x)).clamp(min=0))) + straight).clamp(min=0)

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.layer1 = nn.Sequential(Block(64, 64), Block(64, 64))
            self.layer2 = nn.Sequential(Block(64, 128), Block(128, 128))
            self.layer3 = nn.Sequential(Block(128, 256), Block(256, 256))
            self.layer4 = nn.Sequential(Block(256, 512), Block(512, 512))
            self.fc = nn.Linear(512, classes)

        def forward(self, x: Any) -> Any:
            x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(x.mean((2, 3)))

    return Net()


def mobilenet_v2(torch: Any, classes: int) -> Any:
    nn = torch.nn

    def unit(i: int, o: int, k: int, s: int = 1, groups: int = 1) -> Any:
        return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), nn.ReLU6())

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, i: int, o: int, s: int, t: int) -> None:
            super().__init__()
            first = [unit(i, i * t, 1)] if t > 1 else []
            last = [nn.Conv2d(i * t, o, 1, bias=False), nn.BatchNorm2d(o)]
            self.conv = nn.Sequential(*first, unit(i * t, i * t, 3, s, i * t), *last)
            self.adds = s == 1 and i == o

        def forward(self, x: Any) -> Any:
            y = self.conv(x)
            return y + x if self.adds else y

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            plan = [(32, 16, 1, 1), (16, 24, 2, 6), (24, 24, 1, 6), (24, 32, 2, 6), (32, 32, 1, 6), (32, 32, 1, 6)]
            plan += [(32, 64, 2, 6)] + [(64, 64, 1, 6)] * 3 + [(64, 96, 1, 6)] + [(96, 96, 1, 6)] * 2
            plan += [(96, 160, 2, 6)] + [(160, 160, 1, 6)] * 2 + [(160, 320, 1, 6)]
            self.features = nn.Sequential(unit(3, 32, 3, 2), *(Block(*row) for row in plan), unit(320, 1280, 1))
            self.classifier = nn.Sequential(nn.Identity(), nn.Linear(1280, classes))

        def forward(self, x: Any) -> Any:
            return self.classifier(self.features(x).mean((2, 3)))

    return Net()


def densenet121(torch: Any, classes: int) -> Any:
    nn = torch.nn

    class Layer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, i: int) -> None:
            super().__init__()
            self.norm1, self.conv1 = nn.BatchNorm2d(i), nn.Conv2d(i, 128, 1, bias=False)
            self.norm2, self.conv2 = nn.BatchNorm2d(128), nn.Conv2d(128, 32, 3, padding=1, bias=False)

        def forward(self, x: Any) -> Any:
            y = self.conv1(torch.relu(self.norm1(x)))
            return torch.cat((x, self.conv2(torch.relu(self.norm2(y)))), 1)

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            f = self.features = nn.Sequential()
            f.add_module("conv0", nn.Conv2d(3, 64, 7, 2, 3, bias=False))
            f.add_module("norm0", nn.BatchNorm2d(64))
            f.add_module("start", nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, 2, 1)))
            c = 64
            for b, n in ((1, 6), (2, 12), (3, 24), (4, 16)):
                block = nn.Sequential()
                for j in range(n):
                    block.add_module(f"denselayer{j + 1}", Layer(c + 32 * j))
                f.add_module(f"denseblock{b}", block)
                c += 32 * n
                if b < 4:
                    between = nn.Sequential()
                    between.add_module("norm", nn.BatchNorm2d(c))
                    between.add_module("relu", nn.ReLU())
                    between.add_module("conv", nn.Conv2d(c, c // 2, 1, bias=False))
                    between.add_module("pool", nn.AvgPool2d(2))
                    f.add_module(f"transition{b}", between)
                    c //= 2
            f.add_module("norm5", nn.BatchNorm2d(c))
            self.classifier = nn.Linear(c, classes)

        def forward(self, x: Any) -> Any:
            return self.classifier(torch.relu(self.features(x)).mean((2, 3)))

    return Net()


TWINS = {f.__name__: f for f in (resnet18, mobilenet_v2, densenet121)}
