"""Tables for notebooks: every text is text, columns of nothing are left out."""

from __future__ import annotations

from xml.etree import ElementTree

from tinygrad_cnn.arrays.html_tables import html_table


def test_a_table_has_its_cells_escaped_and_aligned() -> None:
    text = html_table(
        ["<a>", "empty", "n"], [["x&y", "", "1"], ["  z", "", "2"]], 1, ["total", "", "3"], ["<note>"], "<c>"
    )
    found = ElementTree.fromstring(text)  # it is well formed
    assert [cell.text for cell in found.iter("th")] == ["<a>", "n"]
    assert [[cell.text for cell in row] for row in found.iter("tr")][1:] == [["x&y", "1"], ["  z", "2"], ["total", "3"]]
    assert [cell.text for cell in found.iter("caption")] == ["<c>"]
    assert found[-1].text == "<note>"
    assert ["left" in str(cell.get("style")) for cell in found.iter("td")] == [True, False] * 3


def test_the_first_column_stays_even_where_it_is_empty() -> None:
    found = ElementTree.fromstring(html_table(["a", "b"], [["", ""]], 2))
    assert [cell.text for cell in found.iter("th")] == ["a"]
