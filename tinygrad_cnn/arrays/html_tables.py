"""A table as HTML, for what shows itself in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_ALIGNED = ("text-align:right", "text-align:left")


def html_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    texts: int,
    last: Sequence[str] | None = None,
    notes: Iterable[str] = (),
    caption: str = "",
) -> str:
    """Rows of texts as a <table>, every text escaped. A column with nothing in any row is left out.

    Args:
        headings: of the columns.
        rows: a text for each column.
        texts: so many columns from the left hold texts, the others numbers, which stand to the right.
        last: a row below a line, such as a total.
        notes: lines below the table.
        caption: a line above it.
    """
    every = [*rows, *([] if last is None else [last])]
    used = [i for i in range(len(headings)) if i == 0 or any(row[i] for row in every)]

    def line(row: Sequence[str], tag: str, scope: str = "") -> str:
        cells = (f'<{tag}{scope} style="{_style(i < texts)}">{html.escape(row[i])}</{tag}>' for i in used)
        return f"<tr>{''.join(cells)}</tr>"

    parts = [f'<caption style="text-align:left">{html.escape(caption)}</caption>'] if caption else []
    head = line(headings, "th", ' scope="col"')
    parts.append(f"<thead>{head}</thead>")
    parts.append(f"<tbody>{''.join(line(row, 'td') for row in rows)}</tbody>")
    if last is not None:
        parts.append(f'<tfoot style="border-top:1px solid">{line(last, "td")}</tfoot>')
    below = "".join(f"<div>{html.escape(note)}</div>" for note in notes)
    return f'<div style="overflow-x:auto"><table>{"".join(parts)}</table>{below}</div>'


def _style(text: bool) -> str:
    """Indented names keep their blanks; notebooks align all cells to the right unless told otherwise."""
    return f"{_ALIGNED[text]};white-space:pre;padding:0.15em 0.8em 0.15em 0.2em"
