"""PyTorch's module classes; `python tests/torch_databases/modules.py` does the same by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.torch_databases import modules
from tests.torch_databases.beside import quietly
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

AT_LEAST = 88  # of the 114 classes there and right

ABSENT = {  # classes of the database that the package does not have, and why
    **dict.fromkeys(
        (
            "AdaptiveAvgPool3d",
            "AdaptiveMaxPool3d",
            "AvgPool3d",
            "BatchNorm3d",
            "Conv3d",
            "ConvTranspose3d",
            "FractionalMaxPool3d",
            "InstanceNorm3d",
            "LPPool3d",
            "LazyConv3d",
            "LazyConvTranspose3d",
            "MaxPool3d",
        ),
        "volumes",
    ),
    "CTCLoss": "sums over alignments",
    "FractionalMaxPool2d": "random windows",
    "LinearCrossEntropyLoss": "a fused kernel for large vocabularies",
}


def test_pytorchs_modules_are_there_and_right(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    del torch
    reports, missing = modules.try_all()
    faults = [f"{report.name} {fault}" for report in reports for fault in report.faults]
    assert not faults, "\n".join(faults[:20])
    assert sum(report.right for report in reports) >= AT_LEAST
    assert set(missing) == set(ABSENT), "ABSENT says which classes are not here"
    modules.tell(reports, missing)
    assert f"{len(reports)} of them here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "method", "wrong", "says"),
    [
        ("Linear", "forward", lambda self, input: F.linear(input, self.weight), "result"),
        ("Linear", "forward", lambda self, input: F.linear(input.detach(), self.weight, self.bias), "gradient"),
        ("Linear", "extra_repr", lambda _self: "", "repr"),
        ("Linear", "reset_parameters", lambda _self: 1 / 0, "refuses"),
        ("BatchNorm1d", "_count", lambda _self: 0.5, "buffer"),
        ("GRU", "_check_input", lambda *_: None, "takes"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_fault_is_seen(
    torch: Any, name: str, method: str, wrong: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = next(info for info in modules.database()[1] if info.module_cls.__name__ == name)
    with quietly():
        report = modules.try_class(torch, info)
        assert report is not None
        assert not report.faults
        monkeypatch.setattr(getattr(nn, name), method, wrong)
        report = modules.try_class(torch, info)
    assert report is not None
    assert any(says in fault for fault in report.faults), report.faults[:3]
