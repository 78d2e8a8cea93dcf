"""docs/from_pytorch.md says what the package and the tables of the tests say."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

from tests.test_architecture import PACKAGE

DOCS = PACKAGE.parent / "docs"
spec = importlib.util.spec_from_file_location("make_from_pytorch", DOCS / "make_from_pytorch.py")
assert spec is not None
assert spec.loader is not None
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)

NAMES = json.loads(make.NAMES.read_text())
TORCHVISION = json.loads(make.TORCHVISION.read_text())


def test_the_page_is_what_the_command_writes() -> None:
    assert make.page() == make.PAGE.read_text(), "run: python docs/make_from_pytorch.py"


def test_the_names_are_pytorchs(torch: Any) -> None:
    if torch.__version__.partition("+")[0] != NAMES["version"][0]:
        pytest.skip(f"the names are those of PyTorch {NAMES['version'][0]}")
    assert make.names_of_pytorch() == NAMES


def test_each_name_counts_once() -> None:
    modules = make.by_module(NAMES)
    assert list(modules) == [*make.MODULES, *TORCHVISION]
    for module, (found, missing) in modules.items():
        listed = NAMES.get(module) or TORCHVISION[module]
        assert sorted(found + missing) == sorted(set(listed)), module


def test_what_is_here_is_found_and_what_is_not_is_missing() -> None:
    assert make.here("", "matmul")
    assert make.here("nn.functional", "conv2d")
    assert make.here("vision.transforms", "Compose")
    assert not make.here("", "no_such_function")
    assert not make.here("no_such_module", "matmul")


def test_every_kind_of_missing_name_is_met() -> None:
    missing = [name for _, names in make.by_module(NAMES).values() for name in names]
    met = {make.kind(name) for name in missing}
    assert {reason for _, reason in make.KINDS} <= met
