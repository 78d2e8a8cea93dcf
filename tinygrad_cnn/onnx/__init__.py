"""Models in ONNX files, which most other frameworks and runtimes read (https://onnx.ai).

Needs the packages ``onnx`` and ``onnxruntime``: ``pip install 'tinygrad-cnn[onnx]'``.
"""

from .exporting import export as export

__all__ = ["export"]
