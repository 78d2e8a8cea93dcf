"""PyTorch's names of the files of its layers."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from tinygrad_cnn.nn.modules.batchnorm import _BatchNorm
from tinygrad_cnn.nn.modules.module import Module
from tinygrad_cnn.nn.modules.utils import _ntuple, _pair

from tinygrad_cnn import nn
from tinygrad_cnn.nn import modules


def test_the_names_are_those_of_nn() -> None:
    assert Module is nn.Module
    assert nn.modules.conv.Conv2d is modules.Conv2d is nn.Conv2d
    assert isinstance(nn.BatchNorm1d(2), _BatchNorm)
    assert not isinstance(nn.InstanceNorm2d(2), nn.modules.batchnorm._BatchNorm)
    assert isinstance(nn.ConvTranspose2d(1, 1, 1), nn.modules.conv._ConvNd)
    assert isinstance(nn.MSELoss(), nn.modules.loss._Loss)
    assert (_pair(3), _pair([1, 2]), _ntuple(4)(0)) == ((3, 3), (1, 2), (0, 0, 0, 0))
    names: dict[str, Any] = {}
    exec("from tinygrad_cnn.nn.modules import *", names)
    assert set(nn.__all__) <= set(names)
    with pytest.raises(AttributeError, match=r"'tinygrad_cnn.nn.modules.conv' has no attribute 'Conv9d'"):
        nn.modules.conv.Conv9d  # noqa: B018


def test_they_stand_where_pytorchs_do(torch: Any) -> None:
    for file in modules.FILES:
        theirs, ours = torch.nn.modules, importlib.import_module(f"tinygrad_cnn.nn.modules.{file}")
        for name in vars(getattr(theirs, file)):
            if name in nn.__all__ or name in modules.PRIVATE:
                assert hasattr(ours, name)
    for x in (3, (1, 2)):
        assert torch.nn.modules.utils._pair(x) == _pair(x)
