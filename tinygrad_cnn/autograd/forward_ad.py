"""In the place of ``torch.autograd.forward_ad``: there is no forward mode here, and an error that says what there is."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotImplementedError(
        f"autograd.forward_ad.{name}: forward-mode derivatives are not here; autograd.functional.jvp gives the same "
        "numbers by two passes of reverse mode"
    )
