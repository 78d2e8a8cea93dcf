"""A stand-in for torchvision, for running a program as PyTorch's where torchvision is not to be had.

Datasets and transforms are ours, and what they give becomes PyTorch's tensors; resnet18 is its twin in PyTorch. So a
comparison that uses it says nothing of torchvision: that ours does as torchvision does is tested in `tests/vision`.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import types
from typing import Any

import torch

import tinygrad_cnn as tg
from tests.vision.models import twins
from tinygrad_cnn.vision import datasets, models, transforms, utils
from tinygrad_cnn.vision.transforms import functional


def to_torch(x: Any) -> Any:
    """Our tensors as PyTorch's, also in lists and tuples."""
    if isinstance(x, tg.Tensor):
        return torch.from_numpy(x.numpy().copy())
    return type(x)(map(to_torch, x)) if type(x) in (list, tuple) else x


def to_ours(x: Any) -> Any:
    """PyTorch's tensors as ours."""
    if isinstance(x, torch.Tensor):
        return tg.from_numpy(x.detach().numpy().copy())
    return type(x)(map(to_ours, x)) if type(x) in (list, tuple) else x


def function(f: Any) -> Any:
    """One of our functions, for PyTorch's tensors."""

    @functools.wraps(f)
    def bridged(*args: Any, **settings: Any) -> Any:
        return to_torch(f(*to_ours(args), **{k: to_ours(v) for k, v in settings.items()}))

    return bridged


def transform(cls: type) -> type:
    """One of our transforms, for PyTorch's tensors."""
    if "__call__" not in dir(cls) or issubclass(cls, enum.Enum):
        return cls
    return type(cls.__name__, (cls,), {"__call__": function(cls.__call__)})


def dataset(cls: type) -> type:
    """One of our datasets; the tensors it has become PyTorch's."""

    def __init__(self: Any, *args: Any, **settings: Any) -> None:
        cls.__init__(self, *args, **settings)
        vars(self).update({k: to_torch(v) for k, v in vars(self).items()})

    def __getitem__(self: Any, index: Any) -> Any:
        return to_torch(cls.__getitem__(self, index))

    return type(cls.__name__, (cls,), {"__init__": __init__, "__getitem__": __getitem__})


def resnet18(**settings: Any) -> Any:
    """The twin in PyTorch, with the first weights of ours."""
    ours = models.resnet18(**settings)
    twin = twins.resnet18(torch, ours.fc.out_features)
    twin.load_state_dict({k: to_torch(v) for k, v in ours.state_dict().items()})
    return twin


def install() -> None:
    """From now on ``import torchvision`` finds this."""

    def module(name: str, **names: Any) -> types.ModuleType:
        made = types.ModuleType(name)
        vars(made).update(names)
        sys.modules[name] = made
        return made

    def classes(of: Any) -> dict[str, Any]:
        return {k: v for k in of.__all__ if inspect.isclass(v := getattr(of, k))}

    parts = {
        "datasets": module("torchvision.datasets", **{k: dataset(v) for k, v in classes(datasets).items()}),
        "transforms": module("torchvision.transforms", **{k: transform(v) for k, v in classes(transforms).items()}),
        "utils": module("torchvision.utils", **{k: function(getattr(utils, k)) for k in utils.__all__}),
        "models": module("torchvision.models", resnet18=resnet18),
    }
    changed = parts["transforms"]
    names = {k: function(getattr(functional, k)) for k in functional.__all__}
    changed.functional = module("torchvision.transforms.functional", **names)  # type: ignore[attr-defined]
    changed.transforms = sys.modules["torchvision.transforms.transforms"] = changed  # type: ignore[attr-defined]
    module("torchvision", **parts)
