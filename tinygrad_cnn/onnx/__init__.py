"""Files of ONNX: what other frameworks wrote, as a module that can be drawn and trained on."""

from .reading.graph_module import GraphModule, load

__all__ = ["GraphModule", "load"]
