"""`GradScaler`: float32 gradients do not vanish, so nothing is scaled."""

from __future__ import annotations

from typing import Any


class GradScaler:
    """PyTorch's, as it is where there is no GPU: disabled. The loss is not scaled, and ``step`` steps.

    Arguments are kept for those who ask, and make no difference.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device, self._init_scale, self._asked_for = device, init_scale, enabled
        self._growth_factor, self._backoff_factor, self._growth_interval = (
            growth_factor,
            backoff_factor,
            growth_interval,
        )

    def scale(self, outputs: Any) -> Any:
        """The loss, or whatever was handed in, as it is."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """The gradients are as they should be."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step(*args, **kwargs)``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """The scale stays 1."""

    def get_scale(self) -> float:
        """1.0."""
        return 1.0

    def get_growth_factor(self) -> float:
        """As told."""
        return self._growth_factor

    def get_backoff_factor(self) -> float:
        """As told."""
        return self._backoff_factor

    def get_growth_interval(self) -> int:
        """As told."""
        return self._growth_interval

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Empty: there is no state."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to take from it; the state of a scaler that was enabled elsewhere does no harm."""
