"""The operators of ONNX, in terms of our operations; `table` knows them by name."""

from . import activations, arithmetic, flow, shapes

__all__ = ["activations", "arithmetic", "flow", "shapes"]
