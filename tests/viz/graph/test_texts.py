"""Numbers with their units, at the places where the unit changes."""

from __future__ import annotations

import pytest

from tinygrad_cnn.viz.graph.texts import seconds


@pytest.mark.parametrize(
    ("s", "text"),
    [(0.0, "0 µs"), (5e-7, "0.5 µs"), (9.99e-4, "999 µs"), (1e-3, "1 ms"), (0.999, "999 ms"), (1.0, "1 s")],
)
def test_a_time_has_the_unit_that_suits(s: float, text: str) -> None:
    assert seconds(s) == text
