"""Models in ONNX files, which most other frameworks and runtimes read and write (https://onnx.ai).

Needs the packages ``onnx`` and ``onnxruntime``: ``pip install 'tinygrad-cnn[onnx]'``.
"""

from .exporting import export as export
from .reading.graph_module import GraphModule as GraphModule
from .reading.graph_module import load as load

__all__ = ["GraphModule", "export", "load"]
