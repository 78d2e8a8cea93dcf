"""The tables of operations speak of operations that there are."""

from __future__ import annotations

import importlib
import pkgutil

import tinygrad_cnn as tg
from tinygrad_cnn import nn, ops
from tinygrad_cnn.autograd.graph import Op
from tinygrad_cnn.viz import layers_of
from tinygrad_cnn.viz import operations as tables

ELSEWHERE = "tinygrad_cnn.autograd.backward"  # broadcast_to, cast, convert


def test_each_name_is_that_of_an_operation() -> None:
    files = [m.name for m in pkgutil.walk_packages(ops.__path__, "tinygrad_cnn.ops.")]
    modules = [importlib.import_module(name) for name in (ELSEWHERE, *files)]
    names = {f.op.name for module in modules for f in vars(module).values() if isinstance(getattr(f, "op", None), Op)}
    assert not (tables.PLUMBING | tables.HAND_ON | {*tables.RELUS, *tables.LOSSES}) - names
    assert not {f"tinygrad_cnn.ops.{name}" for name in tables.BY_ELEMENT} - {*files}


def test_what_moves_numbers_computes_nothing() -> None:
    assert tables.VIEWS <= tables.PLUMBING <= tables.HAND_ON
    assert tables.VIEWS <= tables.MOVES
    net = nn.Sequential(nn.ReflectionPad2d(1), nn.Upsample(scale_factor=2), nn.Conv2d(1, 2, 3))
    assert [layer.type for layer in layers_of(net, tg.ones(1, 1, 4, 4))] == ["Upsample", "Conv2d"]
