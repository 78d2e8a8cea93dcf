"""Module calls and optimizer steps are seen while a profile runs, and never else."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest
from profiler.nets import SIDE, C, N, Net, clean, images

import tinygrad_cnn as tg
from tinygrad_cnn.nn.module import Module
from tinygrad_cnn.optim.optimizer import Optimizer
from tinygrad_cnn.profiler import profile


def test_off_means_off() -> None:
    call, step = Module.__call__, Optimizer.step
    assert clean()
    with profile():
        assert Module.__call__ is not call
        assert Optimizer.step is not step
    assert Module.__call__ is call
    assert Optimizer.step is step
    assert clean()


def test_importing_the_framework_does_not_import_the_profiler() -> None:
    assert "profiler" in tg._LATER
    for name in ("autograd.operation", "autograd.backward", "autograd.modes", "nn.module", "optim.optimizer"):
        assert "profiler" not in re.sub(
            r'"""(?s:.*?)"""', "", inspect.getsource(importlib.import_module(f"tinygrad_cnn.{name}"))
        )


def test_an_exception_leaves_nothing_wrapped() -> None:
    net = Net()
    with pytest.raises(ValueError, match="channels"), profile() as p:
        net(tg.randn(1, C + 1, SIDE, SIDE))
    assert clean()
    assert p.by_module()["features.0"].calls == 1  # the call that failed
    assert net(images()).shape == (N, 5)
