"""Files of ONNX as modules: `files` reads them, `graph_module` makes modules of them, `operators` computes."""
