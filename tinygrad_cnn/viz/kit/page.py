"""A page that stands alone: one HTML file with style, scripts and data, which asks the network for nothing."""

from __future__ import annotations

import dataclasses
import html
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ...io.atomic import replace_file

# what a browser is allowed to load: nothing but what stands in the file, and of that no script where there is none
SILENT = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:"
POLICY = f"{SILENT}; script-src 'unsafe-inline'"
META = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
HEIGHT = 640  # pixels that a page takes in a notebook, where it says nothing else

# The parts in `web`, and those that each stands on: in this order they can follow one another.
PARTS: dict[str, tuple[str, ...]] = {
    "dom": (),
    "numbers": (),
    "colors": ("numbers",),
    "theme": ("dom",),
    "tooltip": ("dom",),
    "slider": ("dom", "numbers"),
    "tile": ("dom", "numbers", "colors", "tooltip"),
    "plot": ("dom", "numbers", "colors", "tooltip"),
    "channel": (),
}


class Page:
    """An interactive page. It is text alone: it keeps no tensor and no model alive, and may be kept, mailed, shown.

    Attributes:
        html: the text of the file.
        height: pixels that it takes in a notebook.
    """

    def __init__(self, html: str, height: int = HEIGHT) -> None:
        self.html, self.height = html, height

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file that ends in .html, and return its path. Folders are made.

        Raises ValueError for another ending, OSError where the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"Page.save: the name of the file must end in .html, got {str(path)!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, self.html.encode())
        return path

    def _repr_html_(self) -> str:
        """Notebooks show the page itself, in a frame of its own."""
        return framed(self.html, self.height)

    def __repr__(self) -> str:
        return f"<Page of {len(self.html) / 1024:,.0f} KiB: .save('name.html') writes it, a notebook shows it>"


def document(
    title: str, body: str, *, styles: Sequence[str] = (), scripts: Sequence[str] = (), data: Mapping[str, Any] = {}
) -> str:
    """The text of a page.

    Args:
        title: of the window; any text.
        body: HTML of the author's own.
        styles: CSS, one after another.
        scripts: JavaScript, one after another within one function: they share their names, and nothing is global.
        data: {id: what `plain` takes}, each in a ``<script type="application/json" id=...>``; its texts may hold
            anything.
    """
    texts = "\n".join(
        f'<script type="application/json" id="{html.escape(name)}">{embedded(value)}</script>'
        for name, value in data.items()
    )
    style, script = "\n".join(styles), "\n".join(scripts)
    code = f'<script>\n(() => {{\n"use strict";\n{script}\n}})();\n</script>\n' if scripts else ""
    meta = META if scripts else META.replace(POLICY, SILENT)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{meta}"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title.encode('utf-8', 'replace').decode())}</title>\n"
        f"<style>\n{style}\n</style>\n</head>\n<body>\n{body}\n{texts}\n"
        f"{code}</body>\n</html>\n"
    )


def plain(data: Any) -> Any:
    """Data as JSON has it: arrays and NumPy's numbers as lists and numbers, what is not finite as a text, a dataclass
    by its fields' names.

    Raises TypeError for what is neither data nor a container of it.

    >>> import numpy as np
    >>> plain({"loss": float("nan"), "w": np.array([1.5, -np.inf])})
    {'loss': 'NaN', 'w': [1.5, '-inf']}
    """
    if isinstance(data, np.ndarray):
        return plain(data.tolist()) if data.dtype.kind != "f" or not np.isfinite(data).all() else data.tolist()
    if isinstance(data, np.generic):
        data = data.item()
    if data is None or isinstance(data, (str, bool, int)):
        return data
    if isinstance(data, float):
        return data if math.isfinite(data) else "NaN" if math.isnan(data) else "inf" if data > 0 else "-inf"
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return {field.name: plain(getattr(data, field.name)) for field in dataclasses.fields(data)}
    if isinstance(data, Mapping):
        return {str(name): plain(value) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(value) for value in data]
    raise TypeError(f"a page takes numbers, texts, lists, dicts and arrays, got {type(data).__name__}")


def embedded(data: Any) -> str:
    """JSON for a ``<script type="application/json">``: no character of it can end the element or begin another."""
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError):  # an array, or a number that is not finite
        text = json.dumps(plain(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate has no UTF-8: \udc80 is JSON for it


@cache
def part(package: str, name: str) -> str:
    """The text of a file that stands beside the modules of a package: ``part(__package__, "web/page.js")``."""
    return resources.files(package).joinpath(*name.split("/")).read_text(encoding="utf-8")


def web(*names: str) -> list[str]:
    """The texts of the kit's scripts, each once and after those that it stands on: for ``document(scripts=...)``.

    Raises ValueError for a name that is none of ``PARTS``.

    >>> len(web("tile", "theme"))  # with dom, numbers, colors and tooltip
    6
    """
    for name in names:
        if name not in PARTS:
            raise ValueError(f"web: there is no part {name!r}; there are {', '.join(PARTS)}")
    wanted = {*names, *(below for name in names for below in PARTS[name])}
    return [part(__package__, f"web/{name}.js") for name in PARTS if name in wanted]


def base_style() -> str:
    """The CSS of all pages: the first of ``document(styles=...)``."""
    return part(__package__, "web/base.css")


def framed(text: str, height: int = HEIGHT) -> str:
    """A whole page as an element of another one: a frame that holds its text, apart from all that is around.

    Viewers that show no frames, as GitHub's does, and notebooks that are not trusted, leave the style out as well and
    so show the line below it, which says so.
    """
    found = re.search("<title>(.*?)</title>", text, re.DOTALL)
    title = found[1].strip().replace('"', "&quot;") if found and found[1].strip() else "Page"
    return (
        "<style>.tinygrad-page + p { display: none }</style>"
        f'<iframe class="tinygrad-page" title="{title}" srcdoc="{html.escape(text)}" loading="lazy" '
        f'style="width:100%;height:{height}px;border:0" sandbox="allow-scripts allow-downloads"></iframe>'
        f"<p>{title}: an interactive page, which this viewer does not show. Jupyter and nbviewer do.</p>"
    )
