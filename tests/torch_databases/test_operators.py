"""PyTorch's operators on the first samples of each; `python tests/torch_databases/operators.py` takes all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.torch_databases import operators
from tests.torch_databases.beside import Converter, Differs, NotOurs, assert_all_same, quietly
from tests.torch_databases.operator_tables import REFUSED, Row
from tinygrad_cnn.tensors import Tensor

SAMPLES = 6  # of each entry and dtype
AT_LEAST = 400  # operators that are there and right


def test_pytorchs_operators_are_there_and_right(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    del torch
    reports, missing = operators.try_all(limit=SAMPLES)
    faults = [f"{report.name} {fault}" for report in reports for fault in report.faults]
    assert not faults, "\n".join(faults[:50])
    assert sum(report.right for report in reports) >= AT_LEAST
    operators.tell(reports, missing)
    assert f"{len(reports)} are here" in capsys.readouterr().out


def faults_of(torch: Any, name: str, function: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The faults of an operator, with another function in the place of ours."""
    monkeypatch.setattr(operators, "ours", lambda _info: function)
    with quietly():
        report = operators.try_operator(torch, name, operators.database()[1][name], SAMPLES)
    assert report is not None
    return report.faults


@pytest.mark.parametrize(
    ("name", "function", "says"),
    [
        ("exp", lambda x: x.exp() * 1.001, "result"),
        ("exp", lambda x: x.detach().exp(), "does not require grad"),
        ("exp", lambda x: x.detach().exp() * (1 + x - x.detach()), "second derivative"),
        ("linalg.det", lambda x: x[0].det(), "refuses"),
        ("atan2", lambda a, b: a * 0 if a.shape != b.shape else a.atan2(b), "result"),
        ("unbind", lambda x, dim=0: x.unbind(dim)[:-1], "results, PyTorch"),
        ("dot", lambda a, b: (a * b).sum(), "takes"),
        ("sort", lambda x, *a, **k: x.sort(*a, **k)[::-1], "dtype"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_fault_is_seen(name: str, function: Any, says: str, torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = faults_of(torch, name, function, monkeypatch)
    assert any(says in fault for fault in faults), faults


def test_a_refusal_needs_a_row() -> None:
    report = operators.Report("nn.functional.conv2d")
    report.settle(REFUSED, "conv2d: input must be floating point, got dtype int64", "refuses")
    assert not report.faults
    report.settle(REFUSED, "something else", "refuses")
    assert report.faults == ["refuses"]
    assert [*report.excused] == [Row(*REFUSED[0])]


def test_arguments_become_ours(torch: Any) -> None:
    convert = Converter()
    x = torch.arange(6.0).reshape(2, 3).t().requires_grad_()
    a, b, kind, rest = convert((x, x, torch.float64, {"size": [slice(0, 2), None, "sum"]}))
    assert a is b
    assert convert.pairs[0][0] is x
    assert convert.pairs[0][1] is a
    assert isinstance(a, Tensor)
    assert a.requires_grad
    assert a.numpy().strides == (4, 12)
    assert kind == np.float64
    assert rest == {"size": [slice(0, 2), None, "sum"]}
    for foreign in (
        torch.tensor(1j),
        1j,
        torch.bfloat16,
        torch.zeros(2, dtype=torch.bfloat16),
        torch.eye(2).to_sparse(),
    ):
        with pytest.raises(NotOurs):
            convert(foreign)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([1.0, 2.0], [1.0, 2.1]),
        ([1.0, np.nan], [1.0, 2.0]),
        ([1.0], [1]),
        ([[1.0]], [1.0]),
        ([True], [False]),
    ],
)
def test_a_difference_is_seen(ours: Any, theirs: Any, torch: Any) -> None:
    y = Tensor(np.array(ours))
    assert_all_same((y, None), (torch.tensor(np.array(ours)), None), "result")
    with pytest.raises(Differs):
        assert_all_same(y, torch.tensor(np.array(theirs)), "result")
    with pytest.raises(Differs):
        assert_all_same((y, y), (torch.tensor(np.array(ours)),), "result")
