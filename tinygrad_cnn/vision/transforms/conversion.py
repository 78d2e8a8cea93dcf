"""From PIL images and arrays to tensors and back, and from there to what a net likes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import nn
from ...tensors import Tensor
from .functional import conversion as F


class ToTensor:
    """A PIL image or an array (H, W) or (H, W, C) as a Tensor (C, H, W); bytes become float32 in [0, 1].

    Other arrays, and PIL's modes I, I;16 and F, keep their numbers; see `functional.to_tensor`.
    """

    def __call__(self, pic: Any) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """A PIL image as a Tensor (C, H, W) of the same numbers and dtype."""

    def __call__(self, pic: Any) -> Tensor:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToPILImage:
    """A Tensor (C, H, W) or an array (H, W, C) as a PIL image; see `functional.to_pil_image`."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(nn.Module):
    """A Tensor in another dtype, with its numbers scaled; see `functional.convert_image_dtype`."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = np.dtype(dtype)

    def forward(self, image: Tensor) -> Tensor:
        """The image in the dtype."""
        return F.convert_image_dtype(image, self.dtype)


class Normalize(nn.Module):
    """(x - mean) / std of a floating Tensor (..., C, H, W), channel by channel; see `functional.normalize`.

    >>> Normalize((0.1307,), (0.3081,))
    Normalize(mean=(0.1307,), std=(0.3081,))
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        super().__init__()
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """The image, normalized."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def extra_repr(self) -> str:
        return f"mean={self.mean}, std={self.std}"
