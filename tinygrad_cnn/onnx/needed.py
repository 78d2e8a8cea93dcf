"""The package ``onnx``, when it is needed."""

from __future__ import annotations

from types import ModuleType


def the_package() -> ModuleType:
    """The package ``onnx``, with its modules ``checker``, ``helper`` and ``numpy_helper``.

    Raises:
        ImportError: it is not installed; with the command that does it.
    """
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "onnx":
            raise
        raise ImportError(
            "ONNX files need the package 'onnx', which is not installed; pip install 'tinygrad-cnn[onnx]'"
        ) from error
    return onnx
