"""PyTorch's optimizers, all samples of each: `python tests/torch_databases/optimizers.py` prints what was found."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.torch_databases import optimizers
from tests.torch_databases.beside import import_torch, quietly
from tinygrad_cnn import optim

AT_LEAST = 13  # optimizers that are there and right, of 15


def test_pytorchs_optimizers_are_there_and_right(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    del torch
    found = optimizers.reports()
    faults = [f"{report.name} {fault}" for report in found for fault in report.faults]
    assert not faults, "\n".join(faults[:50])
    assert sum(report.right for report in found) >= AT_LEAST
    assert {report.name for report in found if not report.agree} == set(optim.NOT_HERE)
    optimizers.tell(found)
    assert f"{AT_LEAST} there and right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "attribute", "value", "says"),
    [
        ("SGD", "check", lambda *_: None, "takes momentum should be between 0 and 1"),
        ("Adamax", "update", lambda *_: None, "weight after 1 steps"),
    ],
)
def test_a_wrong_optimizer_is_found(
    torch: Any, name: str, attribute: str, value: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del torch
    monkeypatch.setattr(getattr(optim, name), attribute, value)
    torch = import_torch()
    with quietly():
        from torch.testing._internal.common_optimizers import optim_db

        [info] = [info for info in optim_db if info.optim_cls.__name__ == name]
        report = optimizers.try_optimizer(torch, info)
    assert not report.right
    assert any(re.search(says, fault) for fault in report.faults), report.faults
