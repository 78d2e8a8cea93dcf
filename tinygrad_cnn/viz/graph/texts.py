"""The lines of text in a box: what it is, its shape, its numbers; escaped for Graphviz's HTML-like labels."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from typing import Any

from .structure import Box, Group, Summary
from .style import FAINT, WRONG
from .wording import attributes_text, number

FEW = 4  # numbers that are listed in a box
LONG = 50  # characters of a line


def escaped(text: str) -> str:
    """Text as it stands in a label, whatever is in it. Characters that XML does not know are replaced."""
    return html.escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def lines(box: Box, numbers: bool, statistics: bool, back: bool, share: str, module: Group | None = None) -> list[str]:
    """What stands in a box, from top to bottom, as markup.

    Args:
        numbers: show those of small arrays, and their gradients. statistics: what sums up all arrays.
        back: show what sums up all gradients.
        share: a line on what it cost, or nothing.
        module: of which it is all there is.
    """
    found = [_heading(box)] if not box.fused else _one_below_another(box.folded)
    if module is not None:
        found.append(_small("  ".join(filter(None, [module.name, module.type]))))
    if box.backward_of:
        found.append(_small(f"backward of {box.backward_of}"))
    settings = attributes_text(box.attributes)
    if box.kind == "module" and box.parameters:
        settings = "; ".join(filter(None, [settings, f"{box.parameters:,} parameters"]))
    found += [_small(line) for line in textwrap.wrap(settings, LONG)]
    if box.shape is not None:
        found.append(_small(_array(box)))
    for name, summary in (("value", box.value), ("gradient", box.gradient)):
        text = _numbers(summary, numbers, back if name == "gradient" else statistics)
        if text:
            found.append(f'<FONT POINT-SIZE="11">{escaped(f"{name} {text}")}</FONT>')
    for text, look in ((box.problem, ""), (box.remedy, "<B>")):
        for line in textwrap.wrap(text, LONG):
            written = escaped(line) if not look else f"<B>{escaped(line)}</B>"
            found.append(f'<FONT POINT-SIZE="11" COLOR="{WRONG}">{written}</FONT>')
    if share:
        found.append(f'<FONT POINT-SIZE="11"><B>{escaped(share)}</B></FONT>')
    return found


def table(rows: Sequence[str], extra: str = "") -> str:
    """Lines as a label."""
    cells = "".join(f"<TR><TD>{row}</TD></TR>" for row in rows)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{cells}{extra}</TABLE>>'


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="11" COLOR="{FAINT}">{escaped(text)}</FONT>'


def _heading(box: Box) -> str:
    """The title."""
    if box.kind == "module":
        times = f" × {box.count}" if box.count > 1 else ""  # noqa: RUF001
        title = textwrap.shorten(box.label or "module", LONG, placeholder=" …") + times
        return f"<B>{escaped(title)}</B>" + (f"&nbsp;&nbsp;{_small(box.name)}" if box.name else "")
    named = box.name and box.kind in ("operation", "output")
    text = box.text or box.label
    return f"<B>{escaped(f'{box.name} = {text}' if named else text)}</B>"


def _one_below_another(names: Sequence[str]) -> list[str]:
    """Operations that are one step."""
    return [f"<B>{escaped(name)}</B>" if not k else f"<B>+ {escaped(name)}</B>" for k, name in enumerate(names)]


def _array(box: Box) -> str:
    shape = "scalar" if box.shape == () else format(box.shape)
    return f"{shape} {box.dtype}, {size(box.bytes)}"


def size(n: float) -> str:
    """Bytes, in the unit that suits."""
    if n < 1024:
        return f"{n:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        n /= 1024
        if n < 1024 or unit == "GiB":
            return f"{n:.3g} {unit}" if n < 1000 else f"{n:,.0f} {unit}"
    raise AssertionError


def seconds(s: float) -> str:
    """A time, in the unit that suits."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if s * factor >= 1 or unit == "µs":
            return f"{s * factor:.3g} {unit}"
    raise AssertionError


def _numbers(summary: Summary | None, few: bool, statistics: bool) -> str:
    """The numbers themselves if they are few, else what sums them up."""
    if summary is None:
        return ""
    if few and summary.values is not None and summary.size <= FEW and len(summary.shape) <= 2:
        return _listed(summary.values)
    return described(summary) if statistics else ""


def _listed(values: Any) -> str:
    if isinstance(values, list):
        return "[" + ", ".join(_listed(v) for v in values) + "]"
    return number(values)


def described(summary: Summary, norm: str = "norm", zeros: bool = True) -> str:
    """Norm, zeros, NaN and infinite numbers, as far as there are any; the norm is that of the finite ones."""
    parts = [] if summary.norm is None else [f"{norm} {number(summary.norm)}"]
    bad = ", ".join(f"{n:,} {what}" for n, what in ((summary.nans, "NaN"), (summary.infs, "infinite")) if n)
    if bad:
        parts = [f"{bad}; {parts[0]} of the others" if parts else bad]
    if zeros and summary.zeros and summary.size:
        share = 100 * summary.zeros / summary.size
        parts.append(f"{'<1' if share < 1 else f'{share:.0f}'} % zeros")
    return ", ".join(parts)
