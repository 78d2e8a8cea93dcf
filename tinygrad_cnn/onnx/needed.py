"""The package ``onnx``, when it is needed."""

from __future__ import annotations

import importlib
from types import ModuleType


def the_package(name: str = "onnx") -> ModuleType:
    """The package ``onnx``, or a module of it.

    Raises:
        ImportError: it is not installed; with the command that does it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "onnx":
            raise
        raise ImportError(
            "ONNX files need the package 'onnx', which is not installed; pip install 'tinygrad-cnn[onnx]'"
        ) from error
