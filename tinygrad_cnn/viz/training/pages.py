"""The pages of this folder, put together from the kit and what stands in ``web``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..graph.html import layout
from ..kit import page as kit

_KIT = ("dom", "numbers", "colors", "theme", "tooltip", "slider", "tile", "plot", "channel")


def run_page(run: Mapping[str, Any], *, served: bool) -> str:
    """The page of a run, as HTML: what was recorded of it, or, where it is served, what it asks its server for."""
    return _page("Training, live" if served else f"Training: {run['about'].get('title', '')}", "run", {"run": run})


def steps_page(steps: Mapping[str, Any]) -> str:
    """The page of recorded steps, as HTML."""
    return _page(f"Steps: {steps['title']}", "steps", {"steps": steps})


def _page(title: str, name: str, data: Mapping[str, Any]) -> str:
    def own(file: str) -> str:
        return kit.part(__package__, f"web/{file}")

    scripts = [*kit.web(*_KIT), *(layout() if name == "steps" else []), own("pixels.js"), own(f"{name}.js")]
    return kit.document(
        title, own(f"{name}.html"), styles=[kit.base_style(), own("pages.css")], scripts=scripts, data=data
    )
