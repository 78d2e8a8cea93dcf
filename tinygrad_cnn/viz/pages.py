"""One HTML file out of figures and tables: inline SVG, no script, nothing from the network, light and dark.

Figures are drawn in two colours that stand for text and background, which become CSS variables: one picture serves both
schemes.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .kit.page import base_style, document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, PAPER = "#1b1c1e", "#fefdfc"  # nothing else is drawn in these
_INK_OF = (
    "text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "xtick.labelcolor",
    "ytick.labelcolor", "axes.titlecolor",
)  # fmt: skip
_PAPER_OF = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")

_CSS = """
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 70rem; background: var(--paper);
  font-size: 1rem; line-height: 1.5 }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .75rem }
h2 { font-size: 1.25rem; margin: 3rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--edge) }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin-bottom: 1.5rem }
p, figcaption { color: var(--quiet); max-width: 46rem; margin: .3rem 0 }
figure { margin: 1rem 0 1.5rem; break-inside: avoid }
figure svg { max-width: 100%; height: auto; display: block }
figure svg * { stroke-linejoin: round; stroke-linecap: butt }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--edge); vertical-align: top }
th { font-weight: 600 }
.number { text-align: right }
.warning { color: var(--ink); border-left: 4px solid #d55e00; padding: .1rem 0 .1rem .75rem; margin: .6rem 0 }
@media (max-width: 45rem) { figure svg { max-width: none } }
"""


@dataclass
class Section:
    """A heading, and below it paragraphs, tables and figures, as HTML."""

    title: str
    parts: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """A paragraph."""
        self.parts.append(f"<p>{html.escape(text)}</p>")

    def warn(self, text: str) -> None:
        """A paragraph that is marked: something is wrong."""
        self.parts.append(f'<p class="warning">{html.escape(text)}</p>')

    def tabulate(self, rows: Iterable[Sequence[str]], headings: Sequence[str] = ()) -> None:
        """A table. Without headings the first column is one."""
        lines = []
        if headings:
            heads = (f'<th scope="col"{_align(i, headings)}>{html.escape(h)}</th>' for i, h in enumerate(headings))
            lines.append(f"<thead><tr>{''.join(heads)}</tr></thead>")
        for row in rows:
            first = "" if headings else f'<th scope="row">{html.escape(row[0])}</th>'
            cells = enumerate(row if headings else row[1:])
            rest = "".join(f"<td{_align(i, headings)}>{html.escape(cell)}</td>" for i, cell in cells)
            lines.append(f"<tr>{first}{rest}</tr>")
        self.parts.append(f'<div class="scroll" tabindex="0"><table>{"".join(lines)}</table></div>')

    def draw(self, caption: str, make: Callable[[], Figure]) -> None:
        """A figure, made in the colours of the page."""
        with page_colors():
            out = io.StringIO()
            make().savefig(out, format="svg", metadata={"Date": None})
        self.embed(caption, out.getvalue())

    def embed(self, caption: str, svg: str) -> None:
        """A picture that is SVG already."""
        picture = inline_svg(svg, caption)
        below = f"<figcaption>{html.escape(caption)}</figcaption>"
        self.parts.append(f'<figure><div class="scroll" tabindex="0">{picture}</div>{below}</figure>')


def _align(column: int, headings: Sequence[str]) -> str:
    """In tables with headings, all columns but the first three hold numbers."""
    return ' class="number"' if headings and column > 2 else ""


@contextmanager
def page_colors() -> Iterator[None]:
    """Within, Matplotlib draws as by default but in INK on PAPER; afterwards all settings are as before."""
    import matplotlib.style

    colors = {**dict.fromkeys(_INK_OF, INK), **dict.fromkeys(_PAPER_OF, PAPER)}
    with matplotlib.style.context(["default", {**colors, "svg.fonttype": "path", "svg.image_inline": True}]):
        yield


_count = 0


def inline_svg(svg: str, label: str) -> str:
    """A file's text as an <svg> element: names of its own, colours from the page, no comments or metadata."""
    global _count
    _count += 1
    text = svg[svg.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style [^>]*>.*?</style>", "", text, flags=re.DOTALL)
    prefix = f"f{_count}-"
    text = re.sub(r'\bid="', f'id="{prefix}', text).replace('href="#', f'href="#{prefix}')
    text = text.replace("url(#", f"url(#{prefix}").replace(INK, "var(--ink)").replace(PAPER, "var(--paper)")
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def page(title: str, sections: Sequence[Section]) -> str:
    """The whole file."""
    links = "".join(f'<a href="#s{i}">{html.escape(s.title)}</a>' for i, s in enumerate(sections))
    bodies = "".join(
        f'<section><h2 id="s{i}">{html.escape(s.title)}</h2>{"".join(s.parts)}</section>\n'
        for i, s in enumerate(sections)
    )
    body = f"<h1>{html.escape(title)}</h1>\n<nav>{links}</nav>\n<main>{bodies}</main>"
    return document(title, body, styles=[base_style(), _CSS])


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
