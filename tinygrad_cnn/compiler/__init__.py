"""`compile`: for now the model comes back as it is."""

from __future__ import annotations

from typing import Any


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """The model or function itself, which computes what it would compiled. Without one, a decorator.

    The other arguments are PyTorch's, and make no difference.

    >>> compile(abs) is abs
    True
    """
    if model is None:
        return lambda function: compile(
            function, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, disable=disable
        )
    if not callable(model):
        raise TypeError(f"compile takes a Module or a function, got {type(model).__name__}")
    if mode is not None and options is not None:
        raise RuntimeError("compile takes a mode or options, not both")
    return model
