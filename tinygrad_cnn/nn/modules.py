"""PyTorch's names of the files in which its layers stand: ``from torch.nn.modules.batchnorm import _BatchNorm``.

Ours stand in other files. Each name below is a module that has every public name of `nn`, and the few private ones that
programs ask for.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

FILES = (
    "activation", "batchnorm", "container", "conv", "distance", "dropout", "flatten", "fold", "instancenorm", "lazy",
    "linear", "loss", "module", "normalization", "padding", "pixelshuffle", "pooling", "rnn", "sparse", "transformer",
    "upsampling", "utils",
)  # fmt: skip

PRIVATE = {  # what it is called there: where it stands here, and under which name
    "_BatchNorm": ("layers.normalization", "_BatchNorm"),
    "_InstanceNorm": ("layers.normalization", "_InstanceNorm"),
    "_ConvNd": ("layers.conv", "ConvLayer"),
    "_Loss": ("layers.loss", "Loss"),
    "_WeightedLoss": ("layers.loss", "_WeightedLoss"),
}


def _times(n: int) -> Any:
    """A function that makes n equal numbers of one, and a tuple of n numbers."""

    def repeated(x: Any) -> tuple[Any, ...]:
        return tuple(x) if hasattr(x, "__iter__") else (x,) * n

    return repeated


_TUPLES = {"_single": _times(1), "_pair": _times(2), "_triple": _times(3), "_quadruple": _times(4), "_ntuple": _times}


def _found(name: str, module: str) -> Any:
    nn = importlib.import_module(__package__)
    if name in PRIVATE:
        place, ours = PRIVATE[name]
        return getattr(importlib.import_module(f".{place}", __package__), ours)
    if name in _TUPLES:
        return _TUPLES[name]
    if name == "__all__":
        return list(nn.__all__)
    if name not in nn.__all__:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return getattr(nn, name)


class _File(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return _found(name, self.__name__)


for _file in FILES:
    sys.modules[f"{__name__}.{_file}"] = globals()[_file] = _File(f"{__name__}.{_file}", __doc__)


def __getattr__(name: str) -> Any:
    return _found(name, __name__)
