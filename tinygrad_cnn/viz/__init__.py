"""Pictures: computation graphs; curves, mistakes, filters, attention, histograms, and a report of it all.

`draw_graph` shows what was computed, from what, with which gradients. Every ``plot_`` function returns a Matplotlib
Figure, opens no window and leaves your settings alone. Matplotlib and Graphviz are loaded at the first picture.

>>> import tinygrad_cnn as tg
>>> a = tg.tensor(2.0, requires_grad=True)
>>> graph = tg.viz.draw_graph((a * a).tanh(), names={"a": a})
>>> [box.label for box in graph.picture.boxes]
['a', 'mul', 'tanh']
>>> history = [{"epoch": 1, "loss": 0.9, "val_loss": 1.0}, {"epoch": 2, "loss": 0.4, "val_loss": 0.6}]
>>> figure = tg.viz.plot_learning_curves(history)  # doctest: +SKIP
>>> figure.savefig("curves.svg")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..arrays.locks import loading as _loading

if TYPE_CHECKING:
    from .activations import LayerActivations, activation_statistics, plot_activations
    from .comparison.comparing import compare
    from .confusion import plot_confusion_matrix
    from .curves import plot_learning_curves
    from .features import feature_maps, plot_feature_maps
    from .filters import plot_filters
    from .flow import LayerGradients, gradient_flow, plot_gradient_flow
    from .following.page import follow
    from .graph.drawing import Graph, draw_graph
    from .histograms import HistogramRecorder
    from .kit.page import Page
    from .landscape import LossLandscape, PathRecorder, loss_landscape, plot_loss_landscape
    from .layers import Layer, Layers, layers_of
    from .mistakes import plot_mistakes, worst_mistakes
    from .overlays import plot_grad_cam, plot_saliency
    from .playing.playground import playground
    from .reporting import report
    from .ridges import plot_histograms
    from .saliency import grad_cam, saliency_map
    from .training.session import Live, live
    from .training.stepping import step_through

_LATER = {  # name: the module it stands in
    "Graph": "graph.drawing",
    "HistogramRecorder": "histograms",
    "Layer": "layers",
    "LayerActivations": "activations",
    "LayerGradients": "flow",
    "Layers": "layers",
    "Live": "training.session",
    "LossLandscape": "landscape",
    "Page": "kit.page",
    "PathRecorder": "landscape",
    "activation_statistics": "activations",
    "compare": "comparison.comparing",
    "draw_graph": "graph.drawing",
    "feature_maps": "features",
    "follow": "following.page",
    "grad_cam": "saliency",
    "gradient_flow": "flow",
    "layers_of": "layers",
    "live": "training.session",
    "loss_landscape": "landscape",
    "playground": "playing.playground",
    "plot_activations": "activations",
    "plot_confusion_matrix": "confusion",
    "plot_feature_maps": "features",
    "plot_filters": "filters",
    "plot_grad_cam": "overlays",
    "plot_gradient_flow": "flow",
    "plot_histograms": "ridges",
    "plot_learning_curves": "curves",
    "plot_loss_landscape": "landscape",
    "plot_mistakes": "mistakes",
    "plot_saliency": "overlays",
    "report": "reporting",
    "saliency_map": "saliency",
    "step_through": "training.stepping",
    "worst_mistakes": "mistakes",
}

__all__ = [
    "Graph",
    "HistogramRecorder",
    "Layer",
    "LayerActivations",
    "LayerGradients",
    "Layers",
    "Live",
    "LossLandscape",
    "Page",
    "PathRecorder",
    "activation_statistics",
    "compare",
    "draw_graph",
    "feature_maps",
    "follow",
    "grad_cam",
    "gradient_flow",
    "layers_of",
    "live",
    "loss_landscape",
    "playground",
    "plot_activations",
    "plot_confusion_matrix",
    "plot_feature_maps",
    "plot_filters",
    "plot_grad_cam",
    "plot_gradient_flow",
    "plot_histograms",
    "plot_learning_curves",
    "plot_loss_landscape",
    "plot_mistakes",
    "plot_saliency",
    "report",
    "saliency_map",
    "step_through",
    "worst_mistakes",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'tinygrad_cnn.viz' has no attribute {name!r}")
    with _loading():
        value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
