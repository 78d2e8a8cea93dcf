"""The usual script for MNIST, `vision.datasets.MNIST` with ToTensor and Normalize in a DataLoader with workers, raced
against the same loop in PyTorch: images per second of whole epochs, and their ratio.

    TINYGRAD_CNN_DATA=/path/to/mnist python benchmarks/vision_loop.py          # needs torch importable
    python benchmarks/vision_loop.py --net N3 --workers 0 --images 20000

PyTorch's samples are PIL images too, made and turned into tensors one by one by torchvision's transforms; where it
cannot be imported, by the same steps, which are written here. Each package has a process of its own, and they take
turns, an epoch each; a turn during which others used the machine is marked, and counts only if all were disturbed.
Above 1, tinygrad_cnn is ahead.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MEAN, STD, BATCH = (0.1307,), (0.3081,), 64


def raw(name: str, start: int) -> Any:
    """The bytes of a file of MNIST after its head; read here, so that PyTorch's process loads PyTorch alone."""
    folder = Path(os.environ.get("TINYGRAD_CNN_DATA") or "data")
    for place in (folder, folder / "MNIST" / "raw"):
        for path in (place / f"{name}.gz", place / name):
            if path.is_file():
                with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                    return np.frombuffer(file.read(), np.uint8, offset=start)
    raise FileNotFoundError(f"no {name}.gz in {folder}: name MNIST's folder by TINYGRAD_CNN_DATA")


class ToTensor:
    """What torchvision's ToTensor does to a grey PIL image."""

    def __call__(self, picture: Any) -> Any:
        import torch

        x = torch.from_numpy(np.array(picture, np.uint8, copy=True)).view(picture.height, picture.width, 1)
        return x.permute(2, 0, 1).contiguous().to(torch.float32).div(255)


class Normalize:
    """What torchvision's Normalize does to a tensor."""

    def __call__(self, x: Any) -> Any:
        import torch

        mean, std = (torch.as_tensor(v, dtype=x.dtype).view(-1, 1, 1) for v in (MEAN, STD))
        if (std == 0).any():
            raise ValueError("std is 0")
        return x.clone().sub_(mean).div_(std)


class Compose:
    """One after another."""

    def __init__(self, transforms: list[Any]) -> None:
        self.transforms = transforms

    def __call__(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x


def torch_transform() -> tuple[Any, str]:
    """Torchvision's transforms where they can be imported, else the above; and which it is."""
    try:
        from torchvision import transforms
    except ImportError:
        return Compose([ToTensor(), Normalize()]), "transforms written here"
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)]), "torchvision's transforms"


class Digits:
    """MNIST for PyTorch, as torchvision reads a sample."""

    def __init__(self, transform: Any) -> None:
        import torch

        self.data = torch.from_numpy(raw("train-images-idx3-ubyte", 16).reshape(-1, 28, 28).copy())
        self.targets = torch.from_numpy(raw("train-labels-idx1-ubyte", 8).astype(np.int64))
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.data[index].numpy())), int(self.targets[index])


def dataset_of(package: str) -> tuple[Any, str]:
    """The digits to train on, and what transforms them."""
    if package == "torch":
        transform, what = torch_transform()
        return Digits(transform), what
    from tinygrad_cnn.vision import datasets, transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return datasets.MNIST("data", transform=transform), "vision.transforms"


def epochs(package: str, net: str, workers: int, images: int) -> tuple[Callable[[], Any], Any]:
    """A job: one epoch. From here on not a line differs between the packages."""
    import importlib

    from benchmarks.models import NETS, build, load

    pkg, nn, F = load(package)
    data = importlib.import_module(f"{package}.utils.data")
    pkg.manual_seed(0)
    dataset, what = dataset_of(package)
    if images < len(dataset):
        dataset = data.Subset(dataset, range(images))
    loader = data.DataLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=workers)
    model = build(nn, F.relu, NETS[net][1])
    optimizer = pkg.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def epoch() -> dict[str, float]:
        before, seen, right = children(), 0, 0
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            output = model(x)
            loss = F.cross_entropy(output, y)
            loss.backward()
            optimizer.step()
            right += (output.argmax(1) == y).sum().item()
            seen += len(x)
        return {"images": seen, "accuracy": right / seen, "workers": children() - before}

    return epoch, {"transforms": what}


def children() -> float:
    """CPU seconds of the processes that this one has started and that have ended; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def turn(racer: Any) -> tuple[float, bool, dict[str, float]]:
    """An epoch: images per second, whether nobody else used the machine, and what the epoch told."""
    from benchmarks.racing import PAUSE, busy, undisturbed

    time.sleep(PAUSE)
    before = busy()
    answer = racer.ask("steps", n=1)
    after = busy()
    told = answer["last"]
    own = answer["cpu"] + told["workers"]
    quiet = before is None or after is None or undisturbed(after - before - own, answer["wall"])
    return told["images"] / answer["wall"], quiet, told


def main() -> None:
    """Race both and print each round, the medians and their ratio."""
    from benchmarks.racing import RaceError, Racer

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="N1", help="of benchmarks/models.py, with images of 28x28")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--images", type=int, default=60_000, help="in an epoch")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    packages = ("tinygrad_cnn", "torch")
    found: dict[str, list[tuple[float, bool]]] = {package: [] for package in packages}
    racers = {package: Racer() for package in packages}
    try:
        for package, racer in racers.items():
            made = racer.make(
                "vision_loop:epochs", package=package, net=args.net, workers=args.workers, images=args.images
            )
            print(f"{package:>13}: {made['told']['transforms']}", flush=True)
            racer.turn(1)  # warm
        for round_ in range(args.rounds):
            for package in packages if round_ % 2 else packages[::-1]:
                speed, quiet, told = turn(racers[package])
                found[package].append((speed, quiet))
                noise = "" if quiet else ", disturbed"
                print(f"{package:>13}: {speed:8,.0f} images/s, {told['accuracy']:.2%} right{noise}", flush=True)
    except RaceError as error:
        sys.exit(f"vision_loop: {package} did not run: {error}")
    finally:
        for racer in racers.values():
            racer.close()
    medians = {}
    for package, turns in found.items():
        quiet_turns = [speed for speed, quiet in turns if quiet]
        medians[package] = statistics.median(quiet_turns or [speed for speed, _ in turns])
        print(f"{package:>13}: {medians[package]:8,.0f} images/s, the median of {len(quiet_turns)} undisturbed epochs")
    print(f"tinygrad_cnn / torch, medians: {medians['tinygrad_cnn'] / medians['torch']:.2f}")


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
