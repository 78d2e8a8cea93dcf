"""Rows and their text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from profiler.nets import SIDE, C, K, N, Net, O, images

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tinygrad_cnn.profiler import profile, record_function
from tinygrad_cnn.profiler.events import NO_MODULE, OPERATIONS, Event
from tinygrad_cnn.profiler.tables import own_seconds


def event(start: float, end: float) -> Event:
    return Event("x", "forward", "", start, end - start)


def test_own_seconds() -> None:
    events = [event(1, 2), event(3, 4), event(0, 5), event(6, 7), event(6, 8), event(9, 10)]  # in the order of the ends
    assert own_seconds(events) == [1, 1, 3, 1, 1, 1]


def test_a_rate_is_flops_over_the_time_of_what_was_counted() -> None:
    x, w, b = (tg.randn(*shape, requires_grad=True) for shape in ((64, 50), (40, 50), (40,)))
    with profile() as p:
        F.linear(x, w, b).sum().backward()
    row = p.by_op()["linear"]
    seconds = sum(e.duration for e in p.events if e.name == "linear" and e.flops is not None)
    assert row.counted == pytest.approx(seconds)
    assert row.counted < row.total  # the bias has no count
    assert row.flops_per_second == pytest.approx(3 * 2 * 64 * 50 * 40 / seconds)
    assert p.by_op()["sum"].flops_per_second is None


def table_of(p: profile, **kwargs: Any) -> list[list[str]]:
    """The cells of a table, by its columns of two spaces or more."""
    lines = p.table(**kwargs).splitlines()
    return [re.split(r"  +", line.strip()) for line in lines if not line.startswith("-")]


@pytest.fixture(scope="module")
def trained() -> profile:
    net, optimizer = (net := Net()), tg.optim.SGD(net.parameters(), lr=0.1)
    with tg.guard_rails(False), profile() as p:  # gradients are never cleared
        for _ in range(2):
            with record_function("loss"):
                loss = F.cross_entropy(net(images()), tg.arange(N))
            loss.backward()
            optimizer.step()
    return p


def test_the_table_shows_every_row_and_the_rest(trained: profile) -> None:
    headings, *rows, outside, total = table_of(trained)
    assert headings[0] == "operation"
    assert [row[0] for row in rows] == list(trained.by_op())
    assert outside[0] == "Python, outside operations"
    assert total == ["total", f"{trained.wall * 1e3:,.3f}", "100.0%"]
    conv = next(row for row in rows if row[0] == "conv2d")
    row = trained.by_op()["conv2d"]
    assert conv[1:6] == ["2", "4", *(f"{s * 1e3:,.3f}" for s in (row.forward, row.backward, row.total))]
    assert str(trained) == trained.table()


def test_a_table_by_module(trained: profile) -> None:
    names = [row[0] for row in table_of(trained, group_by="module", sort_by="name")]
    assert names[1:-2] == sorted(
        ["(Net)", NO_MODULE, "SGD.step", "classifier", "features", *(f"features.{i}" for i in range(3))]
    )


def test_a_table_by_shapes_and_by_span(trained: profile) -> None:
    names = [row[0] for row in table_of(trained, group_by="op and shapes")]
    assert f"conv2d ({N}, {C}, {SIDE}, {SIDE}) ({O}, {C}, {K}, {K}) ({O},)" in names
    assert table_of(trained, group_by="span")[1][:2] == ["loss", "2"]


@pytest.mark.parametrize("column", ["total", "forward", "backward", "calls", "bytes", "flops", "flops_per_second"])
def test_sorting(trained: profile, column: str) -> None:
    names = [row[0] for row in table_of(trained, sort_by=column)][1:-2]
    values = [getattr(trained.by_op()[name], column) or 0 for name in names]
    assert values == sorted(values, reverse=True)


def test_a_limit_adds_up_the_rest(trained: profile) -> None:
    rows = table_of(trained, limit=2)
    assert [row[0] for row in rows[1:3]] == list(trained.by_op())[:2]
    rest = list(trained.by_op().values())[2:]
    assert rows[3][:2] == [f"... {len(rest)} more", f"{sum(row.total for row in rest) * 1e3:,.3f}"]


def test_pytorchs_table(trained: profile) -> None:
    assert trained.key_averages().table(sort_by="self_cpu_time_total", row_limit=3) == trained.table(limit=3)
    assert trained.key_averages(group_by_input_shape=True).table(row_limit=-1) == trained.table(
        group_by="op and shapes"
    )
    assert [row.name for row in trained.key_averages()] == list(trained.by_op())


def test_a_notebook_shows_the_table_in_html(trained: profile) -> None:
    shown = trained._repr_html_()
    names = re.findall(r'<tr><td style="text-align:left[^>]*>([^<]*)', shown)
    assert names == [*trained.by_op(), "Python, outside operations", "total"]
    assert "<tfoot" in shown
    by_shape = trained.key_averages(group_by_input_shape=True)._repr_html_()
    assert "operation and shapes of its inputs" in by_shape

    with profile() as p:
        tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=0.1).step()
    p.events[:] = [event._replace(name="<i>&") for event in p.events]
    assert "&lt;i&gt;&amp;" in p._repr_html_()
    assert "<i>" not in p._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sort_by": "time"}, "sort_by must be one of total, .*, got 'time'"),
        ({"group_by": "layer"}, "group_by must be one of op, .*, got 'layer'"),
        ({"limit": -1}, "limit must be a number of rows or None, got -1"),
        ({"limit": 2.5}, "limit must be a number of rows"),
    ],
)
def test_wrong_arguments_of_the_table(trained: profile, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trained.table(**arguments)
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        trained.by_module(depth=0)


def test_an_empty_profile_and_one_that_runs() -> None:
    p = profile()
    headings, *_, total = str(p).splitlines()
    assert re.split(r"\s{2,}", headings) == ["operation", "total ms", "share"]
    assert total.split() == ["total", "0.000"]
    assert p.wall == p.outside == 0
    with p:
        tg.ones(1).exp()
        assert repr(p) == "<profile: running, 1 operations>"
        assert "exp" in p.table()
        assert p.wall > 0
    assert re.fullmatch(r"<profile: \d\.\d{6} s, 1 operations>", repr(p))


def test_phases_are_the_documented_ones(trained: profile) -> None:
    assert {e.phase for e in trained.events} == {*OPERATIONS, "module", "span"}
