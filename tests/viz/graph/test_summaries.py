"""What is said of an array, beside NumPy; sizes and times in their units; heat as a colour."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.viz.graph.structure import Box, Cost, Edge, Group, Picture, Summary, around, shared, summarize
from tinygrad_cnn.viz.graph.style import RAMP, heat, in_both
from tinygrad_cnn.viz.graph.texts import described, escaped, lines, seconds, size, table

WAVE = np.sin(np.arange(1.0, 200_001.0))
ARRAYS: dict[str, Any] = {
    "a number": np.float32(2.5),
    "an integer": 7,
    "truth": np.array([True, False, True]),
    "integers": np.array([[3, -4], [0, 12]], np.int16),
    "bytes": np.array([0, 255], np.uint8),
    "sixteen": WAVE[:16].astype(np.float32),
    "seventeen": WAVE[:17].astype(np.float32),
    "half": (WAVE[:40] * 1000).astype(np.float16),
    "turned": np.asfortranarray(WAVE[:60].reshape(6, 10)),
    "all one": np.full((4, 5), 0.25),
    "with NaN": np.where(np.arange(30) % 7 == 0, np.nan, WAVE[:30]),
    "with infinities": np.where(np.arange(30) % 7 == 0, -np.inf, WAVE[:30]),
    "with both": np.array([np.nan, np.inf, -np.inf, 1.0, 0.0, -2.0]),
    "zeros": np.zeros((3, 3)),
    "large": WAVE.astype(np.float32),
    "large and far": WAVE[:5000].astype(np.float32) * np.float32(1e30),
    "large and near": WAVE[:5000].astype(np.float32) * np.float32(1e-30),
    "huge numbers": np.array([3e200, 4e200]),
    "nearly one": 1 + np.arange(40) * np.spacing(1.0),
    "large integers": np.arange(5000),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_its_figures_are_numpys(name: str) -> None:
    array = np.asarray(ARRAYS[name])
    s = summarize(ARRAYS[name])
    plain = array.astype(np.float64).ravel()
    finite = plain[np.isfinite(plain)]
    assert (s.shape, s.dtype, s.size) == (array.shape, str(array.dtype), array.size)
    assert (s.zeros, s.nans, s.infs) == ((plain == 0).sum(), np.isnan(plain).sum(), np.isinf(plain).sum())
    assert (s.min, s.max) == (finite.min(), finite.max())
    assert s.mean == pytest.approx(finite.mean(), rel=1e-5, abs=1e-9)
    largest = np.abs(finite).max() or 1.0
    assert s.norm == pytest.approx(largest * np.linalg.norm(finite / largest), rel=1e-5)
    listed = array.tolist() if array.size <= 16 else None
    np.testing.assert_equal(s.values, listed)


@pytest.mark.parametrize("name", ARRAYS)
def test_its_histogram_is_numpys(name: str) -> None:
    plain = np.asarray(ARRAYS[name]).ravel(order="K").astype(np.float64)
    finite = plain[np.isfinite(plain)]
    s = summarize(ARRAYS[name])
    assert len(s.edges) == len(s.counts) + 1
    every = -(-finite.size // (1 << 16))
    assert sum(s.counts) == len(finite[::every])
    part = finite[::every]
    assert (s.edges[0], s.edges[-1]) == (part.min(), part.max())
    if len(s.counts) > 1:
        counts, edges = np.histogram(part, len(s.counts))
        np.testing.assert_array_equal(s.counts, counts)
        np.testing.assert_allclose(s.edges, edges)
        assert len(s.counts) == min(30, round(2 * len(part) ** (1 / 3)))
    else:
        assert len(part) == 1 or part.min() == part.max() or name == "nearly one"


def test_the_histogram_of_few_numbers_has_bins_by_their_count() -> None:
    assert [len(summarize(WAVE[:n]).counts) for n in (2, 8, 27, 64, 125, 1000, 3375, 8000)] == [
        3, 4, 6, 8, 10, 20, 30, 30
    ]  # fmt: skip


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.array(["a"]), np.array([1j]), np.array([np.nan, np.inf])])
def test_where_there_are_no_numbers_there_are_no_figures(array: Any) -> None:
    s = summarize(array)
    assert (s.min, s.max, s.mean, s.norm, s.edges, s.counts) == (None, None, None, None, [], [])
    assert (s.nans, s.infs) == ((1, 1) if array.dtype.kind == "f" and array.size else (0, 0))
    assert s.zeros == 0
    np.testing.assert_equal(s.values, array.tolist())


def test_how_many_numbers_are_listed_is_the_callers_choice() -> None:
    assert summarize(WAVE[:5], values=4).values is None
    assert summarize(WAVE[:5], values=5).values == WAVE[:5].tolist()


# ----------------------------------------------------------------------------------------------------------- structure
def test_costs_add_up_as_far_as_they_are_known() -> None:
    one, two = Cost(1.0, 2.0, 3, 4, 5), Cost(10.0, 20.0, 30, 40, None)
    assert one + two == Cost(11.0, 22.0, 33, 44, 5)
    assert two + two == Cost(20.0, 40.0, 60, 80, None)
    assert one + one == Cost(2.0, 4.0, 6, 8, 10)
    assert Cost.total([None, one, None, two, one]) == Cost(12.0, 24.0, 36, 48, 10)
    assert Cost.total([None, None]) is None
    assert Cost.total([]) is None


def test_groups_around_and_what_they_share() -> None:
    groups = [Group(0, "", "Net"), Group(1, "a", "A", 0), Group(2, "a.b", "B", 1), Group(3, "c", "C", 0)]
    assert around(2, groups) == [0, 1, 2]
    assert around(None, groups) == []
    assert shared([[0, 1, 2], [0, 1, 3], [0, 1]]) == [0, 1]
    assert shared([[0, 1], [2, 1]]) == []
    assert shared([]) == []
    picture = Picture(boxes=[Box(7, "operation", "x", group=2), Box(8, "operation", "y", group=3)], groups=groups)
    assert {g: [b.id for b in boxes] for g, boxes in picture.members().items()} == {0: [7, 8], 1: [7], 2: [7], 3: [8]}


def test_a_picture_as_plain_data_can_be_written_as_json() -> None:
    boxes = [Box(0, "leaf", "a", value=summarize([np.nan, 1.0]), cost=Cost(0.5, 0.0, 1, 2, None))]
    found = Picture("t", boxes=boxes, edges=[Edge(0, 0, 0)], groups=[Group(0, "", "Net")]).as_dict()
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert found["boxes"][0]["value"]["values"] == ["NaN", 1.0]
    assert found["boxes"][0]["cost"]["forward_s"] == 0.5
    defaults = {"recurrent": False, "tensors": 1, "inside": None, "gradient": None, "back": False}
    assert found["edges"] == [{"source": 0, "target": 0, "slot": 0, **defaults}]
    group = {"parent": None, "kind": "module", "count": 1, "names": [], "blocks": [], "out": None, "spans": {}}
    assert found["groups"] == [{"id": 0, "name": "", "type": "Net", **group, "shown": "open"}]
    usual = Box(1, "operation", "mul")
    assert (usual.count, usual.hidden, usual.parameters, usual.bytes, usual.order) == (1, 0, 0, 0, 0)
    assert (usual.saved, usual.output) == (False, False)


# --------------------------------------------------------------------------------------------------------------- texts
@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"), (1, "1 B"), (999, "999 B"), (1000, "1000 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"),
        (999 * 1024, "999 KiB"), (1000 * 1024, "1,000 KiB"), (1023 * 1024, "1,023 KiB"), (2**20, "1 MiB"),
        (2**30 - 2**20, "1,023 MiB"), (2**30, "1 GiB"), (12_345 * 2**30, "12,345 GiB"), (1.25 * 2**20, "1.25 MiB"),
    ],
)  # fmt: skip
def test_bytes_have_the_unit_that_suits(n: float, text: str) -> None:
    assert size(n) == text


@pytest.mark.parametrize(
    ("s", "text"),
    [(1.2345, "1.23 s"), (61.0, "61 s"), (0.0123, "12.3 ms"), (9.9999e-4, "1e+03 µs"), (1.5e-6, "1.5 µs")],
)
def test_times_have_three_digits(s: float, text: str) -> None:
    assert seconds(s) == text


@pytest.mark.parametrize(
    ("array", "text"),
    [
        ([3.0, 4.0], "norm 5"), ([3.0, 0.0, 4.0, 0.0], "norm 5, 50 % zeros"),
        ([np.nan, 3.0], "1 NaN; norm 3 of the others"),
        ([np.nan, np.inf, -np.inf], "1 NaN, 2 infinite"), (np.zeros(4), "norm 0, 100 % zeros"),
        (np.where(np.arange(400) == 0, 0, 1.0), "norm 19.975, <1 % zeros"), (np.zeros(0), ""),
        (np.where(np.arange(100) == 0, 0, 1.0), "norm 9.94987, 1 % zeros"),
    ],
)  # fmt: skip
def test_arrays_are_summed_up_in_words(array: Any, text: str) -> None:
    assert described(summarize(array)) == text


def test_the_word_for_the_norm_may_be_another_and_zeros_left_out() -> None:
    assert described(summarize([3.0, 0.0, 4.0]), "|g|", zeros=False) == "|g| 5"


def text_of(box: Box, **options: Any) -> list[str]:
    import re

    found = lines(box, **{"numbers": True, "statistics": False, "back": False, "share": "", **options})
    return [re.sub(r"<[^<>]*>", "", line).replace("&nbsp;", " ") for line in found]


def test_the_lines_of_a_box_from_top_to_bottom() -> None:
    box = Box(
        0, "operation", "mul", name="y", text="· × 2", shape=(2, 2), dtype="float32", bytes=2048,  # noqa: RUF001
        attributes={"stride": "2", "padding": "1"}, backward_of="tanh", value=summarize([[1.0, 2.0], [3.0, -4.0]]),
        gradient=summarize([1.0, 2.0]),
    )  # fmt: skip
    rest = ["backward of tanh", "stride 2, padding 1", "(2, 2) float32, 2 KiB"]
    head = ["y = · × 2", "fc  Linear", *rest]  # noqa: RUF001
    numbers = ["value [[1, 2], [3, −4]]", "gradient [1, 2]"]  # noqa: RUF001
    assert text_of(box, module=Group(0, "fc", "Linear"), share="5 ms") == [*head, *numbers, "5 ms"]
    assert text_of(box, numbers=False) == ["y = · × 2", *rest]  # noqa: RUF001
    sums = ["value norm 5.47723", "gradient norm 2.23607"]
    assert text_of(box, numbers=False, statistics=True, back=True) == ["y = · × 2", *rest, *sums]  # noqa: RUF001
    assert text_of(box, numbers=False, back=True)[-1:] == sums[1:]


@pytest.mark.parametrize(
    ("box", "first"),
    [
        (Box(0, "operation", "mul"), "mul"),
        (Box(0, "output", "mul", name="y"), "y = mul"),
        (Box(0, "leaf", "w", name="w"), "w"),
        (Box(0, "module", "Linear", name="fc"), "Linear  fc"),
        (Box(0, "module", "Linear", count=3), "Linear × 3"),  # noqa: RUF001
        (Box(0, "module", ""), "module"),
        (Box(0, "module", ", ".join(["BatchNorm2d"] * 9)), "BatchNorm2d, BatchNorm2d, BatchNorm2d, …"),
    ],
)
def test_headings(box: Box, first: str) -> None:
    assert text_of(box)[0] == first


def test_long_texts_are_broken_and_scalars_are_called_so() -> None:
    box = Box(0, "failed", "linear", problem="word " * 30, remedy="write it " * 10, shape=(), dtype="float64", bytes=8)
    said = text_of(box)
    assert said[1] == "scalar float64, 8 B"
    assert " ".join(said[2:]) == ("word " * 30 + "write it " * 10).strip()
    assert max(map(len, said)) <= 50
    module = Box(0, "module", "Net", attributes={"of": "2 Linear"}, parameters=12345)
    assert text_of(module)[1] == "of 2 Linear; 12,345 parameters"
    assert text_of(Box(0, "module", "Net", parameters=1))[1] == "1 parameters"
    assert text_of(Box(0, "parameter", "w", parameters=5)) == ["w"]
    five = Box(0, "leaf", "a", value=summarize(np.ones(5)))
    assert text_of(five) == ["a"]
    assert text_of(Box(0, "leaf", "a", value=summarize(np.ones(4))))[1] == "value [1, 1, 1, 1]"
    assert text_of(Box(0, "leaf", "a", value=summarize(np.ones((1, 2, 2))))) == ["a"]


def test_markup_is_escaped_and_a_table_has_a_row_for_each_line() -> None:
    assert escaped("<a & 'b'>") == "&lt;a &amp; &#x27;b&#x27;&gt;"
    assert escaped("a\x00\nb") == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"
    assert table(["a", "b"], "<TR/>").count("<TR><TD>") == 2
    assert table([]).startswith("<<TABLE")
    assert table(["a"], "<TR/>").endswith("</TD></TR><TR/></TABLE>>")


# --------------------------------------------------------------------------------------------------------------- looks
def brightness(color: str) -> int:
    return sum(int(color[i : i + 2], 16) for i in (1, 3, 5))


def test_heat_goes_through_its_ramp_and_darkens_all_the_way() -> None:
    stops = [heat(k / (len(RAMP) - 1)) for k in range(len(RAMP))]
    assert stops == ["#{:02x}{:02x}{:02x}".format(*color) for color in RAMP]
    scale = [brightness(heat(k / 30)) for k in range(31)]
    assert scale == sorted(scale, reverse=True)
    assert len(set(scale)) == 31
    middle = heat(1 / 6)  # between the first two stops
    expected = [round((a + b) / 2) for a, b in zip(RAMP[0], RAMP[1], strict=True)]
    assert [int(middle[i : i + 2], 16) for i in (1, 3, 5)] == expected
    assert heat(-3) == heat(0)
    assert heat(3) == heat(1)


def test_a_drawing_in_both_schemes_has_a_dark_colour_for_each_of_its_own() -> None:
    svg = '<svg fill="white" stroke="#0072b2" color="#1a1a1a" other="#123456"><text>#0072b2 white</text></svg>'
    assert in_both(svg) == (
        '<svg fill="var(--paper)" stroke="light-dark(#0072b2,#56b4e9)" color="light-dark(#1a1a1a,#eef2f5)" '
        'other="light-dark(#123456,#123456)"><text>#0072b2 white</text></svg>'
    )


def test_a_summary_knows_its_size() -> None:
    assert Summary((3, 4), "f", None, None, None, None, 0, 0, 0).size == 12
    assert Summary((), "f", None, None, None, None, 0, 0, 0).size == 1
