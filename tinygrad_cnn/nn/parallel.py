"""Several devices at once: there is one, so the module runs on it."""

from __future__ import annotations

from typing import Any

from .module import Module


class DataParallel(Module):
    """Runs ``module``. Its entries in the state_dict begin with "module.", as in PyTorch; the devices do not matter."""

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,  # noqa: ARG002
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        if not isinstance(module, Module):
            raise TypeError(f"DataParallel takes an nn.Module, got {type(module).__name__}")
        self.module, self.dim = module, dim
        self.device_ids: list[int] = []
        self.output_device = output_device

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
