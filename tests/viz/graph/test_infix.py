"""Names that do not lie: arithmetic as it is written, and never under a name that something else has."""

from __future__ import annotations

import math
import operator
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.infix import constant_of, parts_of
from tinygrad_cnn.viz.graph.structure import Box, Picture

NAMES = ["a", "b", "x", "y", "w", "p", "g", "mul", "add", "tanh", "constant", "leaf", "zeros", "· + ·"]
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]
UNARY = [tg.tanh, tg.exp, operator.neg, tg.sigmoid, lambda t: t**2, lambda t: tg.where(t > 0, t, 0.25)]


@st.composite
def expressions(draw: Any) -> tuple[tg.Tensor, dict[str, tg.Tensor]]:
    """A value, and the leaves and results that have a name."""
    some = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    numbers = st.integers(4, 16).map(lambda k: k / 8)  # short enough to stand in a box as they are
    named = {name: tg.tensor(draw(numbers), requires_grad=True, dtype=tg.float64) for name in some}
    values = list(named.values())
    for _ in range(draw(st.integers(1, 8))):
        one = draw(st.sampled_from(values))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            values.append(draw(st.sampled_from(UNARY))(one))
        elif kind == 1:
            values.append(draw(st.sampled_from(BINARY))(one, draw(st.sampled_from(values))))
        elif kind == 2:
            values.append(draw(st.sampled_from(BINARY))(one, draw(numbers)))
        else:
            values.append(draw(st.sampled_from(BINARY))(-draw(numbers), one))
    return sum(values[len(some) :], values[0] * 0.5), named


def title(box: Box) -> str:
    return box.text or box.label


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_no_label_is_the_name_of_another_node(drawn: tuple[tg.Tensor, dict[str, tg.Tensor]]) -> None:
    picture = draw_graph(drawn[0], names=drawn[1]).picture
    for box in picture.boxes:
        others = {other.name for other in picture.boxes if other is not box and other.name}
        assert box.name or title(box) not in others
        assert not others & set(box.parts)
        assert not others & set(box.attributes)


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_what_stands_in_a_box_computes_its_value(drawn: tuple[tg.Tensor, dict[str, tg.Tensor]]) -> None:
    picture = draw_graph(drawn[0], names=drawn[1]).picture
    checked = 0
    for box in picture.boxes:
        if re.search(r"[+−×/*] ", box.text):  # noqa: RUF001
            assert box.value is not None
            checked += 1
            if math.isfinite(box.value.values):  # Python's floats refuse to be divided by zero
                assert evaluated(picture, box) == pytest.approx(box.value.values, rel=1e-4, abs=1e-6)
    assert checked


def evaluated(picture: Picture, box: Box) -> float:
    """The text with the values of the sources in its holes, in order."""
    value = {b.id: b.value.values for b in picture.boxes if b.value is not None}
    text = box.text.replace("×", "*").replace("−", "-")  # noqa: RUF001
    for edge in sorted((e for e in picture.edges if e.target == box.id), key=lambda e: e.slot):
        text = text.replace("·", f"({value[edge.source]!r})", 1)
    return float(eval(text, {"inf": math.inf}))


def texts(y: Any, **options: Any) -> list[str]:
    return [title(b) for b in draw_graph(y, **options).picture.boxes if b.kind in ("operation", "output")]


def test_numbers_stand_where_they_stood() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert texts(1 / x) == ["1 / ·"]
    assert texts(x - (-3)) == ["· − (−3)"]  # noqa: RUF001
    assert texts(2**x) == ["2 ** ·"]
    assert texts((-2.0) ** x) == ["(−2) ** ·"]  # noqa: RUF001
    assert texts(-x) == ["−·"]  # noqa: RUF001
    assert texts(tg.add(x, x, alpha=3)) == ["· + 3 × ·"]  # noqa: RUF001
    assert texts(x * 12345.0) == ["· × 12345"]  # noqa: RUF001
    assert texts(x.sum().tanh()) == ["sum", "tanh"]


def test_slopes_of_powers_are_written_out() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (first,) = tg.grad((x**3).sum(), x, create_graph=True)
    (second,) = tg.grad(first.sum(), x, create_graph=True)
    said = {b.text: b.attributes for b in draw_graph([first, second]).picture.boxes if b.label == "pow_slope"}
    assert said == {"3 × · ** 2": {}, "6 × ·": {}}  # noqa: RUF001
    p = tg.tensor(3.0, requires_grad=True)
    (other,) = tg.grad(x[0] ** p, p, create_graph=True)
    (box,) = [b for b in draw_graph(other).picture.boxes if b.label == "pow_slope"]
    assert box.attributes == {"k": "0", "m": "1"}


def test_parts_instead_of_the_names_of_arguments() -> None:
    a, b = (tg.ones(2, 2, requires_grad=True) for _ in range(2))
    parts = {b.label: b.parts for b in draw_graph([a / b, a - b, a @ b, tg.cat([a, b, a])]).picture.boxes if b.parts}
    assert parts == {
        "true_divide": ["numerator", "denominator"],
        "sub": ["minuend", "subtrahend"],
        "matmul": ["1st", "2nd"],
        "cat": ["1st", "2nd", "3rd"],
    }
    source = draw_graph(a / b, names={"a": a, "b": b}).source
    assert "numerator" in source
    assert "denominator" in source


def test_what_has_the_trace_of_an_identity_is_none() -> None:
    assert constant_of(np.array([[2.0, 0.0], [0.0, 0.0]])) == "constant"
    assert constant_of(np.array([[1.0, 1.0], [0.0, 1.0]])) == "zeros and ones"


def test_places_are_counted_as_in_english() -> None:
    node = tg.cat([tg.ones(1, requires_grad=True)] * 23)._node
    assert node is not None
    places = parts_of(node.op, [f"x{i}" for i in range(23)])
    assert [places[i] for i in (0, 1, 2, 3, 10, 11, 12, 20, 21, 22)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 16)), "zeros"),
        (np.ones(3), "ones"),
        (np.full((2, 2), 0.5), "all 0.5"),
        (np.eye(3), "eye"),
        (np.arange(16), "arange 0 to 15"),
        (np.tril(np.ones((4, 4), bool)), "mask, 10 of 16 true"),
        (np.array([0.0, 1.0, 1.0]), "zeros and ones"),
        (np.array([3, 1, 9]), "integers, 1 to 9"),
        (np.array([0.1, 0.7]), "constant"),
        (np.zeros((0, 3)), "constant"),
        (np.array([np.nan, 1.0]), "constant"),
    ],
)
def test_constants_by_their_value(array: np.ndarray[Any, Any], said: str) -> None:
    assert constant_of(array) == said


def test_a_number_that_the_user_named_has_a_box() -> None:
    w, c = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0)
    assert texts(w * c) == ["· × 3"]  # noqa: RUF001
    picture = draw_graph(w * c, inputs={"c": c}).picture
    assert [(b.kind, b.label) for b in picture.boxes] == [("leaf", "leaf"), ("input", "c"), ("output", "mul")]


def test_outputs_have_the_names_of_their_dict_and_names_win() -> None:
    x = tg.tensor(0.7, requires_grad=True)
    y = x.sin()
    (g,) = tg.autograd.grad(y, x, create_graph=True)
    graph = draw_graph({"y": y, "dy/dx": g}, names={"x": x})
    assert {b.name for b in graph.picture.boxes if b.output} == {"y", "dy/dx"}
    assert "y = sin" in graph.source
    assert {b.name for b in draw_graph({"y": y}, names={"s": y}).picture.boxes if b.output} == {"s"}
    nested = draw_graph({"losses": {"one": y}, "x": x * 2}).picture
    assert {b.name for b in nested.boxes if b.output} == {"losses.one", "x"}


def test_operations_of_a_recorded_backward_pass_are_told_apart() -> None:
    x = tg.tensor(0.7, requires_grad=True)
    y = x.tanh() * x
    (g,) = tg.autograd.grad(y, x, create_graph=True)
    (h,) = tg.autograd.grad(g, x, create_graph=True)
    graph = draw_graph({"y": y, "h": h})
    found = {(b.label, b.backward_of) for b in graph.picture.boxes if b.kind in ("operation", "output")}
    assert ("tanh", "") in found
    assert ("mul", "") in found
    assert ("sub", "tanh") in found, "1 - y * y"
    assert "backward of tanh" in graph.source
    assert "operation of a backward pass" in graph.source
    assert "diagonals" in graph.source
    plain = draw_graph(y)
    assert not any(b.backward_of for b in plain.picture.boxes)
    assert "diagonals" not in plain.source


def test_what_is_recorded_after_a_backward_pass_is_not_part_of_it() -> None:
    x = tg.tensor([0.7], requires_grad=True)
    with pytest.raises(RuntimeError, match="needs a gradient of that shape"):
        tg.autograd.grad(tg.cat([x, x]), x, create_graph=True)
    (g,) = tg.autograd.grad(x.exp(), x, create_graph=True)
    picture = draw_graph(g * x.sin()).picture
    made = [b for b in picture.boxes if b.kind in ("operation", "output")]
    assert [(b.label, b.backward_of) for b in made] == [("exp", ""), ("mul", "exp"), ("sin", ""), ("mul", "")]


def test_what_is_not_finite_is_said_in_words() -> None:
    x = tg.tensor([1.0, -1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        y = (x * 1e30 * 1e30).sum()
    source = draw_graph(y, names={"x": x}, gradients=True).source
    assert "2 infinite" in source
    assert not re.search(r"\binf\b|\bnan\b", source)
