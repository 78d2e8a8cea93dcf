"""Pictures: computation graphs.

>>> import tinygrad_cnn as tg
>>> from tinygrad_cnn import viz
>>> a = tg.tensor(2.0, requires_grad=True)
>>> graph = viz.draw_graph((a * a).tanh(), names={"a": a})
>>> [box.label for box in graph.picture.boxes]
['a', 'mul', 'tanh']

The parts are loaded at first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .graph.drawing import Graph as Graph
    from .graph.drawing import draw_graph as draw_graph

_PLACES = {"Graph": "graph.drawing", "draw_graph": "graph.drawing"}  # of the public names

__all__ = ["Graph", "draw_graph"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tinygrad_cnn.viz' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
